package nightly

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/feeds"
	"adsteward/internal/platform"
	"adsteward/store"
)

// applyItems pushes changes of items and product groups: they are written into the
// supplemental feed of their platform, which the platform reads by itself. The file
// holds what the store says is approved, whole every time, so that writing it again
// does no harm: a change whose process died before it was written is simply written
// by the next push.
func (s *Steward) applyItems(ctx context.Context, shop *Shop, actor string, todo []store.Proposal) []bidding.Outcome {
	w := &pusher{Steward: s, shop: shop, actor: actor}
	unlock, err := s.Store.Lock(ctx, itemLock(shop))
	if err == nil {
		defer unlock()
	}
	var out []bidding.Outcome
	var begun []store.Proposal
	for _, p := range todo {
		ferr := err
		if ferr == nil {
			p, ferr = w.beginItem(ctx, p)
		}
		if ferr != nil || bidding.State(p.State) != bidding.Applying {
			out = append(out, w.outcome(ctx, p.ProposalID, ferr))
			continue
		}
		begun = append(begun, p)
	}
	if len(begun) == 0 {
		return out
	}
	unwritten, err := s.writeSupplements(ctx, shop, begun)
	ctx = context.WithoutCancel(ctx) // what is written is recorded even where the caller has gone away
	for _, p := range begun {
		out = append(out, w.outcome(ctx, p.ProposalID, w.endItem(ctx, p, err, unwritten[keyOf(p)])))
	}
	return out
}

// itemLock is what lets one process at a time write a shop's supplemental feeds.
func itemLock(shop *Shop) string { return "push/items/" + shop.Name }

// renewSupplements writes the supplemental feeds as things stand.
func (s *Steward) renewSupplements(ctx context.Context, shop *Shop) error {
	if len(shop.supplemented()) == 0 {
		return nil
	}
	unlock, err := s.Store.Lock(ctx, itemLock(shop))
	if err != nil {
		return err
	}
	defer unlock()
	_, err = s.writeSupplements(ctx, shop, nil)
	return err
}

// beginItem takes one proposal to applying, or finds it there.
func (w *pusher) beginItem(ctx context.Context, p store.Proposal) (store.Proposal, error) {
	p, err := w.Store.Proposal(ctx, p.ProposalID) // as it is now that nobody else pushes
	if err != nil {
		return p, err
	}
	switch bidding.State(p.State) {
	case bidding.Applied: // by somebody else, while this one waited
		return p, nil
	case bidding.Applying: // left by an earlier process
		in, err := w.Store.Intent(ctx, p.ProposalID)
		if err != nil {
			return p, err
		}
		if on, err := w.Killed(ctx); err != nil {
			return p, err
		} else if on {
			return p, w.fail(ctx, p, in, "the kill switch went on; nothing was written", "")
		}
		if a, err := w.Store.LatestApproval(ctx, p.ProposalID); err != nil {
			return p, err
		} else if w.Now().After(a.ExpiresAt) {
			return p, w.fail(ctx, p, in, "the approval expired before the supplemental feed could be written", "")
		}
		return p, nil
	}
	if w.shop.Supplement[platform.Name(p.Platform)] == "" {
		return p, refused("no supplemental feed is configured for %s; name its file under feed_supplement", p.Platform)
	}
	if _, err := w.begin(ctx, p.ProposalID); err != nil {
		return p, err
	}
	w.step(p.ProposalID, "intent")
	p.State = string(bidding.Applying)
	return p, nil
}

// endItem records what became of a change whose file was written, or not.
func (w *pusher) endItem(ctx context.Context, p store.Proposal, fault error, unwritten bool) error {
	in, err := w.Store.Intent(ctx, p.ProposalID)
	if err != nil {
		return err
	}
	switch {
	case fault != nil: // it stays in applying, and the next push goes on with it
		return errors.Join(fmt.Errorf("the supplemental feed could not be written: %w", fault),
			w.receipt(ctx, w.Store.Queries, p, "write", "", "error", nil, fault.Error()))
	case unwritten:
		return w.fail(ctx, p, in, "its id holds a tab, a line's end or a quotation mark, which a supplemental feed cannot; exclude it on the platform", "")
	}
	w.step(p.ProposalID, "written")
	return w.applied(ctx, p, in, "write", p.Proposed, "")
}

// itemAllows checks what may have changed since a change of an item or a product
// group passed the guardrails: experiments, what is excluded by now, and another
// change of it.
func (w *pusher) itemAllows(ctx context.Context, q *store.Queries, p store.Proposal) error {
	d := draftOf(p)
	if d.Item == nil {
		return refused("its stored explanation cannot be read, and with it on which campaigns it bears")
	}
	if err := w.itemUnderExperiment(ctx, q, d); err != nil {
		return err
	}
	under, err := q.Proposals(ctx, store.Filter{Account: p.Account, Platform: p.Platform, Field: p.Field,
		States: []string{string(bidding.Applying), string(bidding.Unknown)}})
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(under, func(u store.Proposal) bool { return keyOf(u) == keyOf(p) }); i >= 0 {
		return refused("proposal %s for the same is not settled yet", under[i].ProposalID)
	}
	rows, err := q.NewestApplied(ctx, p.Account, p.Field)
	if err != nil {
		return err
	}
	var now store.Proposal
	if i := slices.IndexFunc(rows, func(r store.Proposal) bool { return keyOf(r) == keyOf(p) }); i >= 0 {
		now = rows[i]
	}
	if now.Proposed != p.Seen {
		return refused("it was changed since by proposal %s; the next night looks at it anew", now.ProposalID)
	}
	return w.shareAllows(ctx, q, d, slices.Concat(rows, under), p)
}

// shareAllows checks that a change makes a difference beside what holds of items and
// groups by now, and that not too many are kept out with it.
func (w *pusher) shareAllows(ctx context.Context, q *store.Queries, d bidding.Draft, holds []store.Proposal, p store.Proposal) error {
	var offers []feeds.Offer
	if p.EntityType == string(platform.ProductGroup) || slices.ContainsFunc(holds, func(h store.Proposal) bool { return h.EntityType == string(platform.ProductGroup) }) {
		var err error
		if offers, err = w.shop.offers(ctx, q, w.Now()); err != nil {
			return err
		}
	}
	before := keptOut(d.Platform, offers, holds)
	after := keptOut(d.Platform, offers, append(holds, p))
	if p.Proposed <= 0 {
		if g := after[p.EntityID]; p.EntityType == string(platform.Item) && g != "" {
			return refused("it is kept out through the product group %s; let that in again", g)
		}
		return nil
	}
	if len(after) == len(before) {
		return refused("all that it would keep out of ads is out already, or in no feed any more")
	}
	share := guard.ItemShare{Excluded: len(before)}
	for _, h := range newestOf(d.Platform, holds) {
		if h.Proposed > 0 {
			share.ExcludedSpend += draftOf(h).Evidence.Spend
		}
	}
	if err := w.itemTotals(ctx, q, p.Platform, &share); err != nil {
		return err
	}
	if v := guard.CheckItemShare(w.shop.Policy, share, len(after)-len(before), d.Evidence.Spend); v.Answer == guard.Block {
		return refused("guardrail %s (%s): %s", v.Name, v.Setting, v.Detail)
	}
	return nil
}

// itemUnderExperiment refuses to touch an item or a group that is advertised in a
// campaign that an experiment runs on.
func (w *pusher) itemUnderExperiment(ctx context.Context, q *store.Queries, d bidding.Draft) error {
	if !w.shop.Policy.Experiments.Protect {
		return nil
	}
	under, err := protections(ctx, q, w.shop.Name)
	if err != nil || len(under) == 0 {
		return err
	}
	entities, err := q.Entities(ctx, w.shop.Name)
	if err != nil {
		return err
	}
	for _, l := range d.Item.Lines {
		keys := []string{l.Campaign.String()}
		for _, row := range entities {
			if row.Platform != string(l.Campaign.Platform) || row.AdAccount != l.Campaign.AdAccount || row.EntityID != l.Campaign.ID {
				continue
			}
			e, err := entityOf(row)
			if err != nil {
				return err
			}
			keys = append(keys, bidding.Key{Platform: l.Campaign.Platform, AdAccount: l.Campaign.AdAccount, Ref: e.Budget}.String())
		}
		for _, k := range keys {
			if u, ok := under[k]; ok {
				return refused("guardrail experiment (experiments.protect): the experiment %q is running on a campaign it is advertised in; a change would spoil what it measures", u.Name)
			}
		}
	}
	return nil
}

// itemTotals adds how many items a platform has, and what was spent on them.
func (w *pusher) itemTotals(ctx context.Context, q *store.Queries, name string, share *guard.ItemShare) error {
	var locations []string
	for _, f := range w.shop.Feeds {
		if f.on(platform.Name(name)) {
			locations = append(locations, f.Location)
		}
	}
	var err error
	if share.Items, err = q.FeedSize(ctx, w.shop.Name, locations...); err != nil {
		return err
	}
	today := w.dateOf(w.shop.Name, w.Now())
	rows, err := q.ItemSpendSums(ctx, w.shop.Name, today.AddDays(-itemDays), today.AddDays(-1), "")
	for _, r := range rows {
		if r.Platform == name {
			share.Spend += r.Cost.Float()
		}
	}
	share.Spend += share.ExcludedSpend
	return err
}

// Excluded are the ids of the items that are kept out of a platform's ads, as far
// as changes were applied here: by themselves, or as items of a product group.
func (s *Steward) Excluded(ctx context.Context, account string, name platform.Name, offers []feeds.Offer) ([]string, error) {
	return s.excluded(ctx, account, name, offers, nil)
}

// excluded is Excluded once the changes begun are applied as well.
func (s *Steward) excluded(ctx context.Context, account string, name platform.Name, offers []feeds.Offer, begun []store.Proposal) ([]string, error) {
	rows, err := s.Store.NewestApplied(ctx, account, string(platform.Excluded))
	return slices.Sorted(maps.Keys(keptOut(name, offers, slices.Concat(rows, begun)))), err
}

// newestOf is the last change of each item and product group of a platform, by key.
func newestOf(name platform.Name, changes []store.Proposal) map[string]store.Proposal {
	out := map[string]store.Proposal{}
	for _, p := range changes {
		if p.Platform == string(name) {
			out[keyOf(p)] = p
		}
	}
	return out
}

// keptOut are the ids of the items that changes keep out of a platform's ads, later
// ones before earlier ones, with the product group through which; "" where it is
// none.
func keptOut(name platform.Name, offers []feeds.Offer, changes []store.Proposal) map[string]string {
	items, groups := []string{}, map[string]bool{}
	for _, p := range newestOf(name, changes) {
		switch {
		case p.Proposed <= 0:
		case p.EntityType == string(platform.ProductGroup):
			groups[p.EntityID] = true
		default:
			items = append(items, p.EntityID)
		}
	}
	out := feeds.InGroups(offers, string(name), groups)
	for _, id := range items {
		if _, through := out[id]; !through {
			out[id] = ""
		}
	}
	return out
}

// writeSupplements writes the supplemental feed of each platform that has one:
// margin tiers, and what is excluded once the changes begun are applied. It names
// by Key.String() the items it cannot write.
func (s *Steward) writeSupplements(ctx context.Context, shop *Shop, begun []store.Proposal) (unwritten map[string]bool, err error) {
	unwritten = map[string]bool{}
	names := shop.supplemented()
	if len(names) == 0 {
		return unwritten, nil
	}
	offers, err := s.Offers(ctx, shop.Name, s.Now())
	if err != nil {
		return unwritten, err
	}
	for _, name := range names {
		ids, err := s.excluded(ctx, shop.Name, name, offers, begun)
		if err != nil {
			return unwritten, err
		}
		err = replaceFile(shop.Supplement[name], func(w *bufio.Writer) error {
			_, left, err := shop.Labels.Write(w, string(name), shop.Currency, offers, ids)
			for _, id := range left {
				s.Log.Warn("an item cannot be written into the supplemental feed; exclude it on the platform", "platform", name, "item", id)
				unwritten[bidding.Key{Platform: name, Ref: platform.Ref{Type: platform.Item, ID: id}}.String()] = true
			}
			return err
		})
		if err != nil {
			return unwritten, err
		}
	}
	return unwritten, nil
}

// replaceFile writes a file that others read: they see the old one or the new one.
func replaceFile(path string, write func(*bufio.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone where it was renamed
	b := bufio.NewWriter(f)
	if err := errors.Join(write(b), b.Flush(), f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
