package simulate

import (
	"log/slog"
	"testing"

	"adsteward/internal/civil"
	"adsteward/internal/platform"
	"adsteward/internal/sandbox/market"
)

// Two campaigns with targets of their own share a budget that has room: one sells
// at a margin of 60 % and its target is too high, the other at 25 % and its target
// is too low. The targets come together, on the same nights, and that pays. So does
// the ROAS floor of a Meta ad set whose campaign owns the budget.
func TestTargetsUnderOneBudgetMoveTogether(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: weeks of nights take long under the race detector; make test runs this without it")
	}
	t.Parallel()
	sc := scenario(t, "sharedtargets")
	g, err := playSteward(t.Context(), sc, slog.New(slog.DiscardHandler), func() {})
	if err != nil {
		t.Fatal(err)
	}
	hold, err := playDirect(t.Context(), sc, func(*market.Market) error { return nil }, func() {})
	if err != nil {
		t.Fatal(err)
	}
	moved := map[string][]civil.Date{}
	budget := map[civil.Date]bool{}
	for _, e := range g.market.Changes("") {
		switch {
		case e.Field == platform.TargetROAS:
			moved[e.Key] = append(moved[e.Key], e.Day)
			if up := e.New > e.Old; up != (e.Key == "poor") && e.Day < sc.Start.AddDays(10) {
				t.Errorf("the target of %s goes from %s to %s", e.Key, e.Old.Decimal(), e.New.Decimal())
			}
		case e.Key == "Search together":
			budget[e.Day] = true
		}
	}
	if len(moved["floor"]) < 2 {
		t.Errorf("the floor moved on %v", moved["floor"])
	}
	if len(moved["rich"]) < 2 || len(moved["poor"]) < 2 || moved["rich"][0] != moved["poor"][0] {
		t.Errorf("targets moved on %v", moved)
	}
	for key, days := range moved {
		for _, d := range days {
			if budget[d] {
				t.Errorf("the target of %s and the budget changed on %s", key, d)
			}
		}
	}
	if _, violations := judge(g.market); len(violations)+len(g.stale) > 0 {
		t.Errorf("violations: %v, %v", violations, g.stale)
	}
	if with, without := profitOf(daysOf(g.market)), profitOf(daysOf(hold.market)); with < 1.03*without {
		t.Errorf("it earns %.0f, leaving everything as it is %.0f", with, without)
	}
}

// A campaign that demand holds to two fifths of its budget gives of the rest to
// one that would spend more, loses next to nothing by it, and the shop earns more
// with the same total.
func TestIdleBudgetIsLent(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: weeks of nights take long under the race detector; make test runs this without it")
	}
	t.Parallel()
	sc := scenario(t, "idle")
	g, err := playSteward(t.Context(), sc, slog.New(slog.DiscardHandler), func() {})
	if err != nil {
		t.Fatal(err)
	}
	hold, err := playDirect(t.Context(), sc, func(*market.Market) error { return nil }, func() {})
	if err != nil {
		t.Fatal(err)
	}
	of := func(g game, i int) (spend, profit float64) {
		for d := sc.Start; d < end(sc); d++ {
			o := g.market.Outcome(i, d)
			spend, profit = spend+o.Spend, profit+o.Profit
		}
		return spend, profit
	}
	cuts := 0
	for _, e := range g.market.Changes("") {
		if e.Key == "idle" && e.New < e.Old {
			cuts++
		}
	}
	if _, violations := judge(g.market); len(violations)+len(g.stale) > 0 || cuts < 2 {
		t.Errorf("%d cuts; violations: %v, %v", cuts, violations, g.stale)
	}
	was, earned := of(hold, 0)
	if spend, profit := of(g, 0); spend < 0.99*was || profit < 0.99*earned {
		t.Errorf("the idle one spends %.0f and earns %.0f, and %.0f and %.0f when it is left alone", spend, profit, was, earned)
	}
	if with, without := profitOf(daysOf(g.market)), profitOf(daysOf(hold.market)); with < 1.1*without {
		t.Errorf("together they earn %.0f, left alone %.0f", with, without)
	}
}
