package nightly

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/feeds"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/store"
)

// policyAllows asks the guardrails anew, with the policy as it is now and what the
// newest night knew: what was protected, blacked out or limited after an approval, or
// is under an outage since, is not changed any more. What an experiment's plan asks
// for is not asked again: it must be able to put back what it changed.
func (w *pusher) policyAllows(ctx context.Context, q *store.Queries, p store.Proposal, now time.Time) error {
	switch a, err := adAccount(ctx, q, p.Account, p.Platform, p.AdAccount); {
	case err != nil:
		return err
	case a.Currency != "" && p.Currency != "" && p.Currency != a.Currency:
		return refused("it is in %s and the ad account in %s now", p.Currency, a.Currency)
	}
	d := draftOf(p)
	if d.Experiment != "" {
		return nil
	}
	f, err := w.newestFacts(ctx, q, p)
	if err != nil {
		return err
	}
	names, err := w.serves(ctx, q, p, d)
	if err != nil {
		return err
	}
	f.Name, f.Platform, f.Currency = p.EntityName, d.Platform, p.Currency
	f.Campaigns = append(f.Campaigns, names...)
	today, err := adAccountDate(ctx, q, w.shop, p, now)
	if err != nil {
		return err
	}
	mode := guard.Edit
	if p.RollbackOf != "" {
		mode = guard.Rollback
	}
	if v := guard.CheckPush(w.shop.Policy, mode, f, today, change(p)); v.Answer == guard.Block {
		return refused("guardrail %s (%s): %s", v.Name, v.Setting, strings.TrimSuffix(v.Detail, "."))
	}
	return nil
}

// newestFacts are what the guardrails of the newest night that looked at it saw of
// what a proposal changes; without LastData where none has.
func (s *Steward) newestFacts(ctx context.Context, q *store.Queries, p store.Proposal) (f guard.Facts, err error) {
	if isExclusion(p) {
		return f, nil
	}
	runs, err := q.Runs(ctx, p.Account, lookBackDays)
	if err != nil {
		return f, err
	}
	key, kind := keyOf(p), "unit"
	if platform.Field(p.Field).TellsWorth() {
		kind = valueRuleModel
	}
	for _, run := range runs {
		m, err := q.Model(ctx, run.RunID, kind, key)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return f, err
		}
		var u bidding.UnitReport
		into := any(&u)
		if kind == valueRuleModel {
			into = &f
		}
		if err := json.Unmarshal([]byte(m.Body), into); err != nil {
			return f, fmt.Errorf("the stored %s %s of %s cannot be read: %w", kind, key, run.RunID, err)
		}
		if kind == valueRuleModel {
			return f, nil
		}
		for _, seen := range u.Facts { // one, of whatever steers the unit now
			f = seen
		}
		return f, nil
	}
	return f, nil
}

// serves are the ids and names of the campaigns and ad sets that a proposal bears on,
// and of those they lie in; of a product group's items too.
func (w *pusher) serves(ctx context.Context, q *store.Queries, p store.Proposal, d bidding.Draft) ([]string, error) {
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
	bears := func(e platform.Entity) bool {
		self := ref(p)
		if d.Item != nil && slices.ContainsFunc(d.Item.Lines, func(l bidding.ItemLine) bool { return l.Campaign.Ref == e.Ref }) {
			return true
		}
		return e.Ref == self || e.Budget == self || e.Strategy == self
	}
	for _, e := range entities {
		if !bears(e) {
			continue
		}
		names = append(names, e.ID, e.Name)
		if in, ok := entities[e.Parent]; ok {
			names = append(names, in.ID, in.Name)
		}
	}
	if p.EntityType != string(platform.ProductGroup) {
		return names, nil
	}
	offers, err := w.shop.offers(ctx, q, w.Now())
	if err != nil {
		return nil, err
	}
	in := feeds.InGroups(offers, p.Platform, map[string]bool{p.EntityID: true})
	for _, o := range offers {
		if _, ok := in[o.ID]; ok {
			names = append(names, o.ID, o.Title)
		}
	}
	return names, nil
}

// adAccountDate is the date of a moment in the ad account's zone, by which platforms
// count a day; in the shop's where the account is not known.
func adAccountDate(ctx context.Context, q *store.Queries, shop *Shop, p store.Proposal, at time.Time) (civil.Date, error) {
	a, err := adAccount(ctx, q, p.Account, p.Platform, p.AdAccount)
	if err != nil || a.TimeZone == "" {
		return civil.Of(at.In(shop.Location)), err
	}
	loc, err := time.LoadLocation(a.TimeZone)
	if err != nil {
		return 0, fmt.Errorf("ad account %s of %s: %w", a.AdAccount, a.Platform, err)
	}
	return civil.Of(at.In(loc)), nil
}

// movementHolds checks how much of all daily budgets one day moves, this change and
// what was pushed on the day together.
func (w *pusher) movementHolds(ctx context.Context, q *store.Queries, p store.Proposal, now time.Time) error {
	if p.Field != string(platform.DailyBudget) || p.Currency != w.shop.Currency || draftOf(p).Experiment != "" {
		return nil
	}
	total, err := w.totalBudget(ctx, q, w.shop.Name, w.shop.Currency)
	if err != nil || total == 0 { // no night has looked yet
		return err
	}
	rows, err := q.Proposals(ctx, store.Filter{Account: w.shop.Name, Field: p.Field, States: []string{string(bidding.Applied), string(bidding.Applying), string(bidding.Unknown)}})
	if err != nil {
		return err
	}
	today := w.dateOf(w.shop.Name, now)
	var before money.Micros
	for _, o := range rows {
		if o.ProposalID == p.ProposalID || o.Currency != p.Currency || o.AppliedAt.Valid && w.dateOf(w.shop.Name, o.AppliedAt.Time) != today || draftOf(o).Experiment != "" {
			continue
		}
		before += max(o.Proposed-o.Seen, o.Seen-o.Proposed)
	}
	if v := guard.CheckMovement(w.shop.Policy, guard.Run{Budgets: total, Moved: before}, change(p)); v.Answer == guard.Block {
		return refused("guardrail %s (%s): %s It stays approved and goes out tomorrow", v.Name, v.Setting, v.Detail)
	}
	return nil
}
