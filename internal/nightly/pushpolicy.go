package nightly

import (
	"context"
	"slices"
	"strings"
	"time"

	"adsteward/bidding/guard"
	"adsteward/feeds"
	"adsteward/internal/platform"
	"adsteward/store"
)

// policyAllows asks the policy as it is now: what was protected, blacked out or
// limited after an approval is not changed any more. What an experiment's plan asks
// for is not asked again: it must be able to put back what it changed.
func (w *pusher) policyAllows(ctx context.Context, q *store.Queries, p store.Proposal, now time.Time) error {
	d := draftOf(p)
	if d.Experiment != "" {
		return nil
	}
	var of []platform.Ref
	if isExclusion(p) && d.Item != nil {
		for _, l := range d.Item.Lines {
			of = append(of, l.Campaign.Ref)
		}
	}
	names, err := w.serves(ctx, q, p, of)
	if err != nil {
		return err
	}
	if p.EntityType == string(platform.ProductGroup) {
		offers, err := w.shop.offers(ctx, q, now)
		if err != nil {
			return err
		}
		in := feeds.InGroups(offers, p.Platform, map[string]bool{p.EntityID: true})
		for _, o := range offers {
			if _, ok := in[o.ID]; ok {
				names = append(names, o.ID, o.Title)
			}
		}
	}
	f := guard.Facts{Name: p.EntityName, Campaigns: names, Platform: d.Platform, Currency: p.Currency, Today: w.dateOf(p.Account, now)}
	if v := guard.CheckPush(w.shop.Policy, f, change(p)); v.Answer == guard.Block {
		return refused("guardrail %s (%s): %s", v.Name, v.Setting, strings.TrimSuffix(v.Detail, "."))
	}
	return nil
}

// serves are the ids and names of the campaigns and ad sets that the entity of a
// proposal steers, of those named besides, and of the campaigns they lie in.
func (w *pusher) serves(ctx context.Context, q *store.Queries, p store.Proposal, named []platform.Ref) ([]string, error) {
	rows, err := q.Entities(ctx, p.Account)
	if err != nil {
		return nil, err
	}
	entities := map[platform.Ref]platform.Entity{}
	for _, row := range rows {
		if row.Platform != p.Platform || p.AdAccount != "" && row.AdAccount != p.AdAccount {
			continue
		}
		e, err := entityOf(row)
		if err != nil {
			return nil, err
		}
		entities[e.Ref] = e
	}
	var names []string
	self := ref(p)
	for _, e := range entities {
		if e.Ref != self && e.Budget != self && e.Strategy != self && !slices.Contains(named, e.Ref) {
			continue
		}
		names = append(names, e.ID, e.Name)
		if in, ok := entities[e.Parent]; ok {
			names = append(names, in.ID, in.Name)
		}
	}
	return names, nil
}
