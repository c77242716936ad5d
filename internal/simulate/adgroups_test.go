package simulate

import (
	"encoding/json"
	"log/slog"
	"math"
	"testing"

	"adsteward/bidding"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/internal/sandbox/market"
	"adsteward/store"
)

// Of a manual CPC campaign with three ad groups, and a Meta campaign that owns the budget
// of two ad sets, each has its bid proposed, applied, read back and followed by figures of
// its own: that of the one whose clicks sell most goes up, that of the one whose clicks
// sell least down. No figure of them counts beside their campaign's.
func TestBidsOfAdGroupsFromProposalToOutcome(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: weeks of nights take long under the race detector; make test runs this without it")
	}
	t.Parallel()
	ctx, sc := t.Context(), scenario(t, "adgroups")
	s := played(t, sc)
	if changes, violations := judge(s.sb.Market()); len(violations)+len(s.game.stale) > 0 || changes == 0 {
		t.Errorf("%d changes; violations: %v, %v", changes, violations, s.game.stale)
	}
	first := map[string]int{} // 1: the first change of an ad group's bid was up, -1: down
	for _, e := range s.sb.Market().Changes("") {
		if e.Field != platform.DailyBudget && first[e.Key] == 0 {
			first[e.Key] = 1
			if e.New < e.Old {
				first[e.Key] = -1
			}
		}
	}
	if first["manual"] != 1 || first["manual ad group 3"] != -1 || first["sets"] != 1 || first["sets ad set 2"] != -1 {
		t.Errorf("first changes of bids: %v", first)
	}

	type place struct{ campaign, group int }
	groups := map[string]place{} // by id
	entities, err := s.store.Entities(ctx, shopName)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entities {
		for _, c := range s.sb.Market().Campaigns("")[:2] {
			for i, g := range c.Groups {
				if kind := platform.EntityType(e.EntityType); (kind == platform.AdGroup || kind == platform.AdSet) && e.Name == g.Name {
					groups[e.EntityID] = place{c.Index, i}
				}
			}
		}
	}
	rows, err := s.store.Proposals(ctx, store.Filter{Account: shopName, States: []string{string(bidding.Measured)}})
	if err != nil || len(groups) != 5 {
		t.Fatalf("%v: %v", groups, err)
	}
	measured := map[int]int{} // by campaign
	for _, p := range rows {
		at, ok := groups[p.EntityID]
		if !ok {
			continue
		}
		measured[at.campaign]++
		var o bidding.Outturn
		if err := json.Unmarshal([]byte(p.Measured), &o); err != nil {
			t.Fatal(err)
		}
		var spent float64
		for _, d := range s.sb.Market().GroupReport("", o.From, o.To) {
			if (place{d.Campaign, d.Group}) == at {
				spent += d.Cost.Float() / float64(o.To.Sub(o.From)+1)
			}
		}
		if o.Verdict == bidding.Unjudged || o.Days != o.To.Sub(o.From)+1 || math.Abs(o.Spend-spent) > 0.01 || spent == 0 {
			t.Errorf("%s from %s to %s: %d days, spent %.2f a day and should have %.2f; %s %s", p.EntityName, o.From, o.To, o.Days, o.Spend, spent, o.Verdict, o.Why)
		}
	}

	if measured[0] < 2 || measured[1] < 2 {
		t.Errorf("changes of bids measured, by campaign: %v", measured)
	}

	var all, parts money.Micros
	count := func(sum *money.Micros) func(store.Performance) error {
		return func(p store.Performance) error { *sum += p.Cost; return nil }
	}
	from, to := sc.Start, end(sc).AddDays(-2)
	if err := s.store.EachPerformance(ctx, shopName, from, to, count(&all)); err != nil {
		t.Fatal(err)
	}
	if err := s.store.EachSeries(ctx, shopName, from, to, count(&parts)); err != nil {
		t.Fatal(err)
	}
	var want, apart money.Micros
	for _, d := range s.sb.Market().Report("", from, to) {
		if want += d.Cost; d.Entity.ID == "manual" || d.Entity.ID == "sets" {
			apart += d.Cost
		}
	}
	if all != want || parts != want+apart {
		t.Errorf("days that add up come to %s, all to %s; the market has %s, of it in ad groups %s", all.Decimal(), parts.Decimal(), want.Decimal(), apart.Decimal())
	}
}

// played is the product with all nights of a scenario done.
func played(t *testing.T, sc *market.Scenario) *steward {
	t.Helper()
	s, err := newSteward(t.Context(), sc, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	for day := sc.Start; day < end(sc); day++ {
		if err := s.night(t.Context(), day); err != nil {
			t.Fatal(err)
		}
	}
	return s
}
