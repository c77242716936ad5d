package guard_test

import (
	"math"
	"strings"
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

// Of 300 a day 15 may move; what is shortened goes as far as its unit lets it.
func TestRunShortensToTheRoomThereIs(t *testing.T) {
	t.Parallel()
	const e = money.One
	of := func(seen, value, unit money.Micros, gain float64) guard.Item {
		return guard.Item{Change: budget(seen*e, value*e), Unit: unit * e, Gain: gain}
	}
	for name, c := range map[string]struct {
		items []guard.Item
		moved money.Micros
		want  []money.Micros // a value kept from moving is blocked
	}{
		"a cut":                          {[]guard.Item{of(100, 80, 1, 1)}, 0, []money.Micros{85}},
		"an increase":                    {[]guard.Item{of(100, 120, 1, 1)}, 0, []money.Micros{115}},
		"no unit":                        {[]guard.Item{of(100, 120, 0, 1)}, 0, []money.Micros{115}},
		"as much as there is":            {[]guard.Item{of(100, 85, 1, 1)}, 0, []money.Micros{85}},
		"all was moved today":            {[]guard.Item{of(100, 80, 1, 1), of(100, 120, 1, 1)}, 15, []money.Micros{100, 100}},
		"more was moved today":           {[]guard.Item{of(100, 80, 1, 1), of(100, 120, 1, 1)}, 40, []money.Micros{100, 100}},
		"units, and what they leave":     {[]guard.Item{of(100, 80, 10, 9), of(100, 80, 1, 1)}, 0, []money.Micros{90, 95}},
		"units up, and what they leave":  {[]guard.Item{of(100, 120, 10, 9), of(100, 120, 1, 1)}, 0, []money.Micros{110, 105}},
		"not onto the other side":        {[]guard.Item{of(105, 85, 10, 1)}, 12, []money.Micros{105}},
		"not onto the other side, up":    {[]guard.Item{of(105, 125, 10, 1)}, 12, []money.Micros{105}},
		"most gained per money moved":    {[]guard.Item{of(100, 80, 1, 10), of(100, 95, 1, 6)}, 0, []money.Micros{90, 95}},
		"of equal gains the first":       {[]guard.Item{of(100, 80, 1, 2), of(100, 80, 1, 2)}, 0, []money.Micros{85, 100}},
		"a gain that is no number, last": {[]guard.Item{of(100, 85, 1, math.NaN()), of(100, 85, 1, -9)}, 0, []money.Micros{100, 85}},
	} {
		p := guard.Default()
		p.MaxMovement = 0.05
		for i, d := range guard.CheckRun(p, guard.Run{Currency: "EUR", Budgets: 300 * e, Moved: c.moved * e}, c.items) {
			it, answer := c.items[i], guard.Pass
			for _, v := range d.Verdicts {
				if answer = v.Answer; len(d.Verdicts) > 1 || v.Name != "total_movement" || !strings.Contains(v.Detail, "at most 5 %") {
					t.Errorf("%s: %+v", name, d.Verdicts)
				}
			}
			want := map[bool]guard.Answer{true: guard.Block, false: guard.Clamp}[d.Value == it.Seen]
			if d.Value == it.Value {
				want = guard.Pass
			}
			if d.Value != c.want[i]*e || answer != want {
				t.Errorf("%s: item %d became %v by %v, want %v by %s", name, i, d.Value, d.Verdicts, c.want[i]*e, want)
			}
		}
	}
}

// At the push the caps hold exactly, and only for what adds to a daily budget or,
// of the movement, changes one.
func TestCapsAtThePush(t *testing.T) {
	t.Parallel()
	const e = money.One
	p := policy(t, "total_daily_cap: 310\nmax_movement: 0.1")
	for name, c := range map[string]struct {
		change         platform.Change
		budgets, moved money.Micros
		cap, movement  guard.Answer
	}{
		"up to both":          {budget(100*e, 110*e), 300, 20, guard.Pass, guard.Pass},
		"above both":          {budget(100*e, 110*e+1), 300, 20, guard.Block, guard.Block},
		"a cut above the cap": {budget(100*e, 90*e), 400, 0, guard.Pass, guard.Pass},
		"a cut moves too":     {budget(100*e, 90*e), 300, 21, guard.Pass, guard.Block},
		"a bid":               {change(platform.CPCBid, e, 99*e), 400, 99, guard.Pass, guard.Pass},
	} {
		limit := guard.CheckCap(p, "EUR", c.budgets*e, c.change)
		movement := guard.CheckMovement(p, guard.Run{Budgets: c.budgets * e, Moved: c.moved * e}, c.change)
		if limit.Answer != c.cap || movement.Answer != c.movement {
			t.Errorf("%s: %+v, %+v", name, limit, movement)
		}
		if movement.Answer == guard.Block && !strings.Contains(movement.Detail, "at most 10 %") || limit.Answer == guard.Block && !strings.Contains(limit.Detail, "EUR 310.00") {
			t.Errorf("%s: %q, %q", name, limit.Detail, movement.Detail)
		}
	}
	if v := guard.CheckCap(guard.Default(), "EUR", 1e9*e, budget(e, 2*e)); v.Answer != guard.Pass {
		t.Errorf("without a cap: %+v", v)
	}
}

func TestRunLeavesAloneWhatMovesNoBudget(t *testing.T) {
	t.Parallel()
	const e = money.One
	p := guard.Default()
	p.TotalDailyCap = 100
	month := whole("May")
	items := []guard.Item{{Change: change(platform.TargetROAS, 4*e, 3*e), Months: month}, {Change: change(platform.CPCBid, e, 50*e), Months: month}, {Change: budget(100*e, 100*e), Months: month}}
	run := guard.Run{Currency: "EUR", Budgets: 100 * e, Moved: 30 * e, Months: []guard.Pace{{Name: "May", Room: -e}}}
	for i, d := range guard.CheckRun(p, run, items) {
		if d.Value != items[i].Value || len(d.Verdicts) > 0 {
			t.Errorf("%v: %+v", items[i].Change, d)
		}
	}
}
