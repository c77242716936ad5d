package bidding_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// idler spends a third of its budget, and is held back by nothing that can be
// changed; hungry would spend more and earns 1.7 with its next euro.
func idleAndHungry() bidding.Input {
	return input(1, 1,
		sim{id: "idler", budget: 200, use: 0.33, ref: 66, perDay: 8, eps: 0.6, k: 0.4},
		sim{id: "hungry", budget: 100, use: 1, ref: 100, perDay: 12, eps: 0.6, k: 0.4})
}

func TestIdleBudgetGivesRoomToOthers(t *testing.T) {
	t.Parallel()
	out := plan(t, idleAndHungry())
	idle, hungry := draftOf(out, "bidler"), draftOf(out, "bhungry")
	if idle == nil || hungry == nil || idle.Proposed != eur(170) || hungry.Proposed != eur(115) {
		t.Fatalf("drafts %+v, blocked %+v", out.Drafts, out.Blocked)
	}
	if e := idle.Expected; e.GainPerDay != 0 || e.GainLow != 0 || e.GainHigh != 0 || !strings.Contains(idle.Reasons[0], "costs nothing") {
		t.Errorf("the cut expects %+v and says %q", e, idle.Reasons)
	}
	if out.Allocation.After > out.Allocation.Before {
		t.Errorf("the budgets grow from %v to %v", out.Allocation.Before, out.Allocation.After)
	}
	u := unitOf(t, out, "bidler")
	if e := bidding.Expect(u, platform.DailyBudget, eur(30)); e.GainPerDay >= 0 {
		t.Errorf("edited down to less than it spends, it expects %+v", e)
	}
	if e := bidding.Expect(u, platform.DailyBudget, eur(160)); e != idle.Expected {
		t.Errorf("edited a little, it expects %+v instead of %+v", e, idle.Expected)
	}
}

func TestBudgetsThatAreLeftIdle(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*bidding.Input){
		"the total does not bind": func(in *bidding.Input) { in.Policy.TotalDailyCap = 1000 },
		"money earns less than it costs": func(in *bidding.Input) {
			in.Worth["google:hungry"] = bidding.Worth{Margin: 0.1, LTVMultiple: 1, Lambda: 1, IncrementalShare: 1}
		},
		"it has begun lately": func(in *bidding.Input) {
			p := &in.Accounts[0].Performance[0]
			p.Days = p.Days[70:]
		},
		"one day needed all of it": func(in *bidding.Input) { in.Accounts[0].Performance[0].Days[80].Spend = 199 },
		"it is protected":          func(in *bidding.Input) { in.Policy.Protected = []string{"bidler"} },
		"its target is to change": func(in *bidding.Input) {
			in.Accounts[0].Entities[0].Fields[platform.TargetROAS] = eur(9)
		},
		"what it sells is out of stock": func(in *bidding.Input) {
			in.Sold = map[string]bidding.Sold{"google:idler": {Goods: 100, Unsellable: 90}}
		},
		"its month is planned": func(in *bidding.Input) {
			in.Policy.Monthly = []guard.Monthly{{Name: "all", Budget: 9000}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := idleAndHungry()
			edit(&in)
			if d := draftOf(plan(t, in), "bidler"); d != nil {
				t.Errorf("%+v", d)
			}
		})
	}
}

// Where a target holds a campaign back, most of whose budget lies idle, one of the two
// changes: that which earns more. The budget keeps room for what a lower target buys.
func TestIdleBudgetOrTarget(t *testing.T) {
	t.Parallel()
	at := func(hungry float64) (idle, target *bidding.Draft) {
		out := plan(t, input(1, 1,
			sim{id: "idler", budget: 600, use: 0.11, ref: 66, perDay: 66 * 16 / basket, eps: 0.6, k: 0.4, target: 16},
			sim{id: "hungry", budget: 400, use: 1, ref: 400, perDay: hungry, eps: 0.6, k: 0.4}))
		return draftOf(out, "bidler"), draftOf(out, "idler")
	}
	idle, target := at(20) // where the next unit of money earns less than it costs
	if idle != nil || target == nil || target.Proposed != eur(13.6) {
		t.Errorf("nobody asks for room: budget %+v, target %+v", idle, target)
	}
	idle, target = at(100)
	if target != nil || idle == nil || idle.Proposed != eur(510) || !strings.Contains(strings.Join(idle.Reasons, " "), "leaves room for") {
		t.Errorf("room is dear: budget %+v, target %+v", idle, target)
	}
}

// Whatever is spent, no idle budget is cut below what it has spent on any day of
// four weeks, nor by more than a step, nor do the budgets grow together.
func TestIdleBudgetsNeverBeginToBind(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		var sims []sim
		for i := range rapid.IntRange(2, 5).Draw(rt, "campaigns") {
			budget := math.Round(rapid.Float64Range(20, 500).Draw(rt, "budget"))
			use := rapid.Float64Range(0.05, 1).Draw(rt, "use")
			sims = append(sims, sim{id: fmt.Sprint(i), budget: budget, use: use, ref: budget, perDay: rapid.Float64Range(5, 30).Draw(rt, "orders"), eps: 0.6,
				k: rapid.Float64Range(0.1, 0.8).Draw(rt, "k")})
		}
		in := input(rapid.Uint64().Draw(rt, "seed"), 1, sims...)
		out, err := bidding.Plan(in)
		if err != nil {
			rt.Fatal(err)
		}
		if out.Allocation.After > out.Allocation.Before {
			rt.Fatalf("the budgets grow from %v to %v", out.Allocation.Before, out.Allocation.After)
		}
		for i, s := range sims {
			d := draftOf(out, "b"+s.id)
			if d == nil || !strings.Contains(strings.Join(d.Reasons, " "), "costs nothing") {
				continue
			}
			var spends []float64
			for _, day := range in.Accounts[0].Performance[i].Days[62:] {
				spends = append(spends, day.Spend)
			}
			slices.Sort(spends)
			if p := d.Proposed.Float(); p < spends[27] || p < 1.25*spends[26] || p < 0.85*s.budget-1e-9 || d.Proposed >= money.Micros(s.budget*1e6) {
				rt.Fatalf("a budget of %v goes to %v, where %v and %v were spent", s.budget, p, spends[26], spends[27])
			}
		}
	})
}
