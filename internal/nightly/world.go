package nightly

import (
	"context"
	"errors"
	"maps"
	"slices"

	"adsteward/feeds"
	"adsteward/feeds/pagedata"
	"adsteward/internal/platform"
)

// checkProducts is the stage feeds: the feeds by themselves, then against the
// world outside them, as far as the configuration asks for it. What of the world
// cannot be reached leaves the feeds as they are.
func checkProducts(ctx context.Context, n *night) (report, error) {
	spent, err := n.itemSpend(ctx)
	if err != nil {
		return report{}, err
	}
	w := n.newWorld(slices.Collect(maps.Keys(spent)))
	rep, err := checkFeeds(ctx, n, spent, w)
	if err != nil {
		return rep, err
	}
	for i, f := range n.shop.Feeds {
		if w.refused[i] {
			continue
		}
		said, fault, err := n.checkPages(ctx, f, w.drawn[i])
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
	feeds     []Feed
	drawn     []*pagedata.Sampler                             // of each feed; nil where its pages are not looked at
	refused   []bool                                          // of each feed
	predicted map[platform.Name]map[string][]feeds.Prediction // by item; nil of an item without issues
}

func (n *night) newWorld(spending []string) *world {
	w := &world{feeds: n.shop.Feeds, drawn: make([]*pagedata.Sampler, len(n.shop.Feeds)), refused: make([]bool, len(n.shop.Feeds))}
	for i, f := range n.shop.Feeds {
		if f.Pages.Enabled {
			w.drawn[i] = pagedata.NewSampler(f.Pages.Sample, uint64(n.date), spending)
		}
	}
	if n.shop.Catalogs {
		w.predicted = map[platform.Name]map[string][]feeds.Prediction{platform.Google: {}, platform.Meta: {}}
	}
	return w
}

// see takes note of the next item of a feed.
func (w *world) see(feed int, it feeds.Item, issues []feeds.Issue) {
	if it.ID == "" {
		return
	}
	if w.drawn[feed] != nil {
		w.drawn[feed].Add(it)
	}
	for p, items := range w.predicted {
		if w.feeds[feed].on(p) {
			items[it.ID] = append(items[it.ID], feeds.Predict(issues, string(p))...)
		}
	}
}

// whole reports whether everything that the feeds say to a platform was read.
func (w *world) whole(p platform.Name) bool {
	for i, f := range w.feeds {
		if w.refused[i] && f.on(p) {
			return false
		}
	}
	return len(w.predicted[p]) > 0
}
