package bidding_test

import (
	"slices"
	"strings"
	"testing"

	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/internal/platform"
)

// heldBack are two campaigns with budgets of 200, of which their targets let them spend
// a part; the targets are about what earns most.
func heldBack(use float64) bidding.Input {
	held := func(id string) sim {
		return sim{id: id, budget: 200, use: use, ref: 200 * use, perDay: 200 * use * 4.6 / basket, eps: 0.6, k: 0.4, target: 4.6}
	}
	return input(3, 1, held("a"), held("b"))
}

// Where budgets are above a limit and not what holds the spend back, they come down to
// it all the same: first by what they do not spend.
func TestBudgetsThatHoldNothingBackComeDownToALimit(t *testing.T) {
	t.Parallel()
	month := func(budget float64) func(*bidding.Input) {
		return func(in *bidding.Input) { in.Policy.Monthly = []guard.Monthly{{Name: "May", Budget: budget}} }
	}
	total := func(most float64) func(*bidding.Input) {
		return func(in *bidding.Input) { in.Policy.TotalDailyCap = most }
	}
	untargeted := func(edit func(*bidding.Input)) func(*bidding.Input) {
		return func(in *bidding.Input) {
			for _, e := range in.Accounts[0].Entities {
				delete(e.Fields, platform.TargetROAS)
			}
			edit(in)
		}
	}
	for name, c := range map[string]struct {
		use    float64
		edit   func(*bidding.Input)
		a, b   float64 // the budgets afterwards
		says   string  // a's reasons, or where it has none the notes
		blocks string
	}{
		"a total that they keep":          {0.6, total(401), 200, 200, "stay within EUR 401.00", ""},
		"a total a little below them":     {0.3, total(390), 190, 200, "the cut costs nothing", ""},
		"a total two steps below them":    {0.3, total(345), 170, 175, "the cut costs nothing", ""},
		"a total that they will not keep": {0.3, total(150), 170, 170, "the cut costs nothing", ""},
		"a total below what they spend":   {0.65, total(200), 170, 170, "such days the new budget holds back", ""},
		"a month that they keep":          {0.6, month(7600), 200, 200, "so that every month lands", ""},
		"a month that they exceed":        {0.6, untargeted(month(5300)), 170, 170, "a day is not spent, since targets, bids or demand hold it back", ""},
		"a month that is used up":         {0.6, untargeted(month(10)), 170, 170, "such days the new budget holds back", ""},
		"a month of one of them": {0.6, untargeted(func(in *bidding.Input) {
			in.Policy.Monthly = []guard.Monthly{{Name: "b", Match: []string{"Campaign b"}, Budget: 2500}}
		}), 200, 170, "in budgets that targets, bids or demand hold back", ""},
		"a total, and one of them is protected": {0.3, func(in *bidding.Input) {
			in.Policy.TotalDailyCap, in.Policy.Protected = 300, []string{"Campaign b"}
		}, 170, 200, "the cut costs nothing", "protected"},
		"a total, and both are protected": {0.3, func(in *bidding.Input) {
			in.Policy.TotalDailyCap, in.Policy.Protected = 300, []string{"Campaign a", "Campaign b"}
		}, 200, 200, "stay EUR 100.00 above the total after the changes of tonight; nothing grows. EUR 100.00 of it lies in budgets", "protected"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := heldBack(c.use)
			c.edit(&in)
			out := plan(t, in)
			a, b := budgetOf(t, out, "ba"), budgetOf(t, out, "bb")
			if a > b && c.blocks == "" && c.a < c.b { // whichever frees more is first
				a, b = b, a
			}
			if a != eur(c.a) || b != eur(c.b) {
				t.Errorf("budgets of %v and %v, want %v and %v; %v", a, b, c.a, c.b, out.Allocation.Notes)
			}
			said := strings.Join(out.Allocation.Notes, " ")
			for _, d := range out.Drafts {
				why := strings.Join(d.Reasons, " ")
				if said += " " + why; d.Field == platform.DailyBudget && (d.Expected.GainPerDay != 0 || strings.Contains(why, "Without guardrails and totals")) {
					t.Errorf("%s expects %+v and says %q", d.Name, d.Expected, d.Reasons)
				}
			}
			if !strings.Contains(said, c.says) {
				t.Errorf("it says %q, want %q", said, c.says)
			}
			blocked := slices.ContainsFunc(out.Blocked, func(b bidding.Blocked) bool {
				return b.ID == "bb" && b.Field == platform.DailyBudget && b.Verdicts[0].Name == c.blocks
			})
			if blocked != (c.blocks != "") {
				t.Errorf("blocked %+v, want %q", out.Blocked, c.blocks)
			}
		})
	}
}

// A change that spends less by itself comes before the cut of a budget that holds
// nothing back; one that spends more waits until the limit is kept.
func TestALimitAndATarget(t *testing.T) {
	t.Parallel()
	at := func(target float64) bidding.Output {
		in := input(3, 1, sim{id: "a", budget: 200, use: 0.5, ref: 100, perDay: 100 * target / basket, eps: 0.6, k: 0.4, target: target})
		in.Policy.TotalDailyCap = 150
		return plan(t, in)
	}
	if out := at(2.6); len(out.Drafts) != 1 || draftOf(out, "a") == nil || draftOf(out, "a").Proposed != eur(2.99) {
		t.Errorf("a target that is too low: %+v", out.Drafts)
	}
	if out := at(6); len(out.Drafts) != 1 || budgetOf(t, out, "ba") != eur(170) {
		t.Errorf("a target that is too high: %+v", out.Drafts)
	}
}

// In a month the targets give way, by no more than it lacks, and only those in it; in one
// that they keep they let through no more than it leaves.
func TestAMonthAndTargets(t *testing.T) {
	t.Parallel()
	of := func(set float64, months ...guard.Monthly) (out bidding.Output, a, b float64) {
		in := heldBack(0.6)
		for _, e := range in.Accounts[0].Entities {
			if e.Type == platform.Campaign {
				e.Fields[platform.TargetROAS] = eur(set)
			}
		}
		in.Policy.Monthly = months
		out, a, b = plan(t, in), set, set
		for _, d := range out.Drafts {
			switch d.Entity.ID {
			case "a":
				a = d.Proposed.Float()
			case "b":
				b = d.Proposed.Float()
			default:
				t.Errorf("%s of %s is changed", d.Field, d.Name)
			}
		}
		return out, a, b
	}
	if _, a, b := of(4.6, guard.Monthly{Name: "May", Budget: 10}); a != 5.29 || b != 5.29 {
		t.Errorf("a month that is used up: targets of %v and %v, want a step of 15 %%", a, b)
	}
	if out, a, b := of(4.6, guard.Monthly{Name: "May", Budget: 7000}); a <= 4.6 || a >= 5.29 || b <= 4.6 || b >= 5.29 || !strings.Contains(strings.Join(out.Drafts[0].Reasons, " "), `Month of "May"`) {
		t.Errorf("a month that is exceeded a little: targets of %v and %v, %+v", a, b, out.Drafts)
	}
	_, alone, _ := of(4.6)
	if _, a, b := of(4.6, guard.Monthly{Name: "b", Match: []string{"b"}, Budget: 2500}); a != alone || b <= 4.6 {
		t.Errorf("a month of one: targets of %v and %v", a, b)
	}
	// Lower targets would earn more, and the month has no room for all that they let through.
	_, a, b := of(6)
	if a >= 5.5 || b >= 5.5 {
		t.Errorf("without a month: targets of %v and %v", a, b)
	}
	out, c, d := of(6, guard.Monthly{Name: "May", Budget: 7450})
	if m := out.Months[0]; m.State != bidding.OnCourse || c+d <= a+b+0.5 {
		t.Errorf("a month that is %s: targets of %v and %v, without it %v and %v", m.State, c, d, a, b)
	}
}

// What binds gives way only for what the others do not leave unspent, and the plan says
// nothing of a limit once tonight's cuts keep it.
func TestIdleBudgetsGiveWayFirst(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ most, idler, hungry float64 }{
		{370, 170, 200}, {350, 170, 180}, {320, 170, 170}, {300, 170, 170}, {150, 170, 170},
	} {
		in := input(1, 1, sim{id: "idler", budget: 200, use: 0.33, ref: 66, perDay: 8, eps: 0.6, k: 0.4}, sim{id: "hungry", budget: 200, use: 1, ref: 200, perDay: 24, eps: 0.6, k: 0.4})
		in.Policy.TotalDailyCap = c.most
		out := plan(t, in)
		if i, h := budgetOf(t, out, "bidler"), budgetOf(t, out, "bhungry"); i != eur(c.idler) || h != eur(c.hungry) {
			t.Errorf("at a total of %v they go to %v and %v, want %v and %v", c.most, i, h, c.idler, c.hungry)
		}
		above := strings.Contains(strings.Join(out.Allocation.Notes, " "), "above the total")
		if above != (c.idler+c.hungry > c.most) {
			t.Errorf("at a total of %v: %v", c.most, out.Allocation.Notes)
		}
	}
}

// Week by week budgets that targets hold back come down to a total and stay there.
func TestBudgetsReachALimit(t *testing.T) {
	t.Parallel()
	budgets := map[string]float64{"a": 200, "b": 150}
	spends := map[string]float64{"a": 60, "b": 100}
	for week := range 12 {
		held := func(id string) sim {
			use := min(spends[id]/budgets[id], 1)
			return sim{id: id, budget: budgets[id], use: use, ref: spends[id], perDay: spends[id] * 4.6 / basket, eps: 0.6, k: 0.4, target: 4.6}
		}
		in := input(3, 1, held("a"), held("b"))
		in.Policy.TotalDailyCap = 250
		out := plan(t, in)
		for id := range budgets {
			b := budgetOf(t, out, "b"+id)
			if b > eur(budgets[id]) && out.Allocation.Before > eur(250) {
				t.Errorf("week %d: the budget of %s grows from %v to %v", week, id, budgets[id], b)
			}
			budgets[id] = b.Float()
		}
	}
	if sum := budgets["a"] + budgets["b"]; sum > 250*1.03 || budgets["b"] < spends["b"] {
		t.Errorf("budgets of %v after twelve weeks, for a total of 250", budgets)
	}
}
