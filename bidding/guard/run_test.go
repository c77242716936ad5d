package guard_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"adsteward/bidding/guard"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

func TestRunKeepsTheCapAndTheMovement(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := guard.Default()
		p.TotalDailyCap = rapid.SampledFrom([]float64{0, 100, 3000}).Draw(t, "cap")
		p.MaxMovement = rapid.Float64Range(0.001, 1).Draw(t, "movement")
		var items []guard.Item
		var sum money.Micros
		for range rapid.IntRange(0, 12).Draw(t, "n") {
			seen := money.Micros(rapid.Int64Range(1, 500).Draw(t, "seen")) * money.One
			value := money.Micros(float64(seen) * rapid.Float64Range(0.8, 1.2).Draw(t, "to"))
			items = append(items, guard.Item{Change: budget(seen, value/10_000*10_000), Unit: 10_000, Gain: rapid.Float64().Draw(t, "gain")})
			sum += seen
		}
		run := guard.Run{Currency: "EUR", Budgets: sum, Moved: money.Micros(rapid.Int64Range(0, 100_000_000).Draw(t, "moved"))}
		var after, movement money.Micros
		raised := false
		for i, d := range guard.CheckRun(p, run, items) {
			it := items[i]
			if it.Value > it.Seen && (d.Value > it.Value || d.Value < it.Seen) || it.Value < it.Seen && (d.Value < it.Value || d.Value > it.Seen) {
				t.Fatalf("%v to %v became %v", it.Seen, it.Value, d.Value)
			}
			if d.Value != it.Value && len(d.Verdicts) == 0 {
				t.Fatal("shortened without a reason")
			}
			after += d.Value
			movement += max(d.Value-it.Seen, it.Seen-d.Value)
			raised = raised || d.Value > it.Seen
		}
		if movement > 0 && (movement+run.Moved).Float() > p.MaxMovement*sum.Float()+1e-6 {
			t.Fatalf("moved %v of %v, %v before", movement, sum, run.Moved)
		}
		if raised && p.TotalDailyCap > 0 && after.Float() > p.TotalDailyCap {
			t.Fatalf("raised to %v, above the cap of %v", after, p.TotalDailyCap)
		}
	})
}

func TestRunPrefersWhatGainsMost(t *testing.T) {
	t.Parallel()
	p := guard.Default()
	p.TotalDailyCap = 305
	const e = money.One
	items := []guard.Item{
		{Change: budget(100*e, 110*e), Unit: e, Gain: 1},
		{Change: budget(100*e, 110*e), Unit: e, Gain: 5},
		{Change: budget(100*e, 92*e), Unit: e, Gain: 2},
	}
	var got []money.Micros
	for _, d := range guard.CheckRun(p, guard.Run{Currency: "EUR", Budgets: 300 * e}, items) {
		got = append(got, d.Value)
	}
	if want := []money.Micros{103 * e, 110 * e, 92 * e}; !cmp.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if v := guard.CheckCap(p, "EUR", 300*e, items[0].Change); v.Answer != guard.Block {
		t.Errorf("without the cut the increase passes: %v", v)
	}
	if v := guard.CheckCap(p, "EUR", 292*e, items[0].Change); v.Answer != guard.Pass {
		t.Errorf("after the cut the increase is refused: %v", v)
	}
}

func TestRunLeavesAloneWhatMovesNoBudget(t *testing.T) {
	t.Parallel()
	const e = money.One
	p := guard.Default()
	p.TotalDailyCap = 100
	month := []string{"May"}
	items := []guard.Item{{Change: change(platform.TargetROAS, 4*e, 3*e), Months: month}, {Change: change(platform.CPCBid, e, 50*e), Months: month}, {Change: budget(100*e, 100*e), Months: month}}
	run := guard.Run{Currency: "EUR", Budgets: 100 * e, Moved: 30 * e, Months: []guard.Pace{{Name: "May", Room: -e}}}
	for i, d := range guard.CheckRun(p, run, items) {
		if d.Value != items[i].Value || len(d.Verdicts) > 0 {
			t.Errorf("%v: %+v", items[i].Change, d)
		}
	}
}
