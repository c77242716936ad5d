package simulate

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"adsteward/bidding"
	"adsteward/internal/platform"
	"adsteward/store"
)

// Of a Meta campaign that owns the budget of three ad sets with a minimum ROAS each, the
// minimums are moved one by one: of the second, whose minimum holds back what would pay,
// it goes down step by step; that of the first, which earns far more, holds nothing back
// and rests, and so does the third's, whose customers cost too much. Each is followed by
// what its own ad set spent.
func TestFloorsOfAdSetsFromProposalToOutcome(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: weeks of nights take long under the race detector; make test runs this without it")
	}
	t.Parallel()
	ctx, sc := t.Context(), scenario(t, "floors")
	s := played(t, sc)
	m := s.sb.Market()
	if _, violations := judge(m); len(violations)+len(s.game.stale) > 0 {
		t.Errorf("violations: %v, %v", violations, s.game.stale)
	}
	for _, e := range m.Changes(platform.Meta) {
		if e.Key != "sets ad set 2" || e.Field != platform.TargetROAS || e.New >= e.Old {
			t.Errorf("changed: %+v", e)
		}
	}
	sets := m.Campaigns(platform.Meta)[0].Groups
	rows, err := s.store.Proposals(ctx, store.Filter{Account: shopName, Platform: string(platform.Meta), States: []string{string(bidding.Applied), string(bidding.Measured)}})
	if err != nil || len(rows) < 2 {
		t.Fatalf("applied: %+v, %v", rows, err)
	}
	if newest := rows[0]; newest.Proposed != sets[1].Floor || newest.EntityName != sets[1].Name || newest.Field != string(platform.ROASFloor) {
		t.Errorf("the newest change is %+v, the market has %+v", newest, sets[1])
	}
	measured := 0
	for _, p := range rows {
		if p.State != string(bidding.Measured) {
			continue
		}
		measured++
		var o bidding.Outturn
		if err := json.Unmarshal([]byte(p.Measured), &o); err != nil {
			t.Fatal(err)
		}
		var spent float64
		for _, d := range m.GroupReport(platform.Meta, o.From, o.To) {
			if d.Group == 1 {
				spent += d.Cost.Float() / float64(o.Days)
			}
		}
		if o.Verdict == bidding.Unjudged || math.Abs(o.Spend-spent) > 0.01 || spent == 0 {
			t.Errorf("%s from %s to %s: spent %.2f a day and should have %.2f; %s %s", p.EntityName, o.From, o.To, o.Spend, spent, o.Verdict, o.Why)
		}
	}
	if measured == 0 {
		t.Error("no change of a minimum was measured")
	}
	units, err := s.store.Models(ctx, rows[0].RunID, "unit")
	if err != nil {
		t.Fatal(err)
	}
	var limited []string
	for _, x := range units {
		var u bidding.UnitReport
		if err := json.Unmarshal([]byte(x.Body), &u); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(x.Key, "/ad_set/") {
			what, _, _ := strings.Cut(u.LimitedBy, " ")
			limited = append(limited, what)
		}
	}
	if strings.Join(limited, " ") != "demand target target" {
		t.Errorf("the ad sets are held back by %q", limited)
	}
}
