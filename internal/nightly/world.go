package nightly

import (
	"context"
	"errors"

	"adsteward/feeds"
	"adsteward/feeds/pagedata"
	"adsteward/internal/feedsource"
	"adsteward/internal/platform"
)

// checkProducts is the stage feeds: the feeds by themselves, then against the
// world outside them, as far as the configuration asks for it. What of the world
// cannot be reached leaves the feeds as they are.
func checkProducts(ctx context.Context, n *night) (report, error) {
	rep, err := checkFeeds(ctx, n)
	if err != nil {
		return rep, err
	}
	spending, err := n.spendingItems(ctx)
	if err != nil {
		return rep, err
	}
	w := &world{predicted: map[platform.Name]map[string][]feeds.Prediction{}}
	for _, f := range n.shop.Feeds {
		if !f.Pages.Enabled && !n.shop.Catalogs {
			continue
		}
		sampler := pagedata.NewSampler(f.Pages.Sample, uint64(n.date), spending)
		err := n.look(ctx, f, w, sampler)
		if err != nil { // checkFeeds has said so
			w.unread = append(w.unread, f)
			continue
		}
		said, fault, err := n.checkPages(ctx, f, sampler)
		if err != nil {
			return rep, err
		}
		rep.Summary, rep.Partial = rep.Summary+said, errors.Join(rep.Partial, fault)
	}
	said, fault, err := n.checkCatalogs(ctx, w)
	rep.Summary, rep.Partial = rep.Summary+said, errors.Join(rep.Partial, fault)
	return rep, err
}

// world is what the feeds say, to be held against what others say.
type world struct {
	predicted map[platform.Name]map[string][]feeds.Prediction // by item; nil of an item without issues
	unread    []Feed
}

// on reports whether the feed is for a platform.
func (f Feed) on(p platform.Name) bool { return f.Platform == string(p) || f.Platform == "both" }

// look reads a feed once more, for what is predicted of its items and for those
// whose pages are to be looked at.
func (n *night) look(ctx context.Context, f Feed, w *world, sampler *pagedata.Sampler) error {
	r, _, err := feedsource.Open(ctx, f.Location, feedsource.Options{})
	if err != nil {
		return err
	}
	_, err = feeds.Validate(r, feeds.Options{Platform: f.Platform, Now: n.asOf()}, func(it feeds.Item, issues []feeds.Issue) error {
		if it.ID != "" {
			sampler.Add(it)
			w.add(f, it.ID, issues)
		}
		return nil
	})
	return errors.Join(err, r.Close())
}

func (w *world) add(f Feed, item string, issues []feeds.Issue) {
	for _, p := range []platform.Name{platform.Google, platform.Meta} {
		if !f.on(p) {
			continue
		}
		if w.predicted[p] == nil {
			w.predicted[p] = map[string][]feeds.Prediction{}
		}
		w.predicted[p][item] = append(w.predicted[p][item], feeds.Predict(issues, string(p))...)
	}
}
