package bidding_test

import (
	"strings"
	"testing"

	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/internal/platform"
)

// raised plans under a cap of 300 for "good", of which the next unit of money earns 1.5,
// and "raised", whose budget somebody has just raised and which is far too much.
func raised(t *testing.T, edit func(*bidding.Input)) bidding.Output {
	t.Helper()
	in := input(1, 1, sim{id: "good", budget: 100, use: 1, ref: 100, perDay: 10, eps: 0.5, k: 0.5}, sim{id: "raised", budget: 400, use: 1, ref: 400, perDay: 10, eps: 0.5, k: 0.3})
	in.Policy.TotalDailyCap, in.Policy.MaxMovement = 300, 1
	in.Changes = []bidding.PastChange{{Key: bidding.Key{Platform: platform.Google, AdAccount: "1", Ref: platform.Ref{Type: platform.Budget, ID: "braised"}},
		Field: platform.DailyBudget, At: now.AddDate(0, 0, -1), Date: today - 1, Actor: "somebody", Old: eur(390), New: eur(400)}}
	edit(&in)
	return curved(t, in, curveOf("good", 100, 600, 0.5), curveOf("raised", 400, 600, 0.5))
}

// What somebody raised above the total waits for its cut. The other, which is to stay
// what it is, does not make up for it in the meantime; where nobody may ever cut the
// first, it does.
func TestWhatRestsIsNotMadeUpFor(t *testing.T) {
	t.Parallel()
	out := raised(t, func(*bidding.Input) {})
	if len(out.Drafts) > 0 || out.Allocation.ShadowPrice < 1 {
		t.Errorf("drafts %+v at a price of %v", out.Drafts, out.Allocation.ShadowPrice)
	}
	out = raised(t, func(in *bidding.Input) { in.Policy.Protected = []string{"Campaign raised"} })
	if budgetOf(t, out, "bgood") != eur(85) {
		t.Errorf("drafts %+v although the other is protected", out.Drafts)
	}
	out = raised(t, func(in *bidding.Input) { in.Changes = nil })
	if b := budgetOf(t, out, "braised"); b != eur(340) {
		t.Errorf("a budget of %v once it may be cut", b)
	}
}

// A limit far below the budgets comes first: where nothing rests that is to give as much,
// what is to keep its budget in the end is cut as well.
func TestTheLimitComesFirst(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*bidding.Input){
		"a total": func(*bidding.Input) {},
		"a month": func(in *bidding.Input) {
			in.Policy.TotalDailyCap, in.Policy.Monthly = 5000, []guard.Monthly{{Name: "all", Budget: 13_300}}
		},
	} {
		out := raised(t, func(in *bidding.Input) { in.Changes = nil; edit(in) })
		good := draftOf(out, "bgood")
		if good == nil || good.Proposed != eur(85) || budgetOf(t, out, "braised") != eur(340) {
			t.Errorf("%s: budgets of %v and %v, blocked %+v", name, budgetOf(t, out, "bgood"), budgetOf(t, out, "braised"), out.Blocked)
			continue
		}
		if why := strings.Join(good.Reasons, " "); !strings.Contains(why, "above their limit") || strings.Contains(why, "earns more elsewhere") {
			t.Errorf("%s: %s", name, why)
		}
	}
}

// The price of money is that of the weeks to come: a night on which all rest does not
// make it cheap, and targets do not follow it down and up again.
func TestPriceOfMoneyOnANightOfRest(t *testing.T) {
	t.Parallel()
	price := func(edit func(*bidding.Input)) float64 {
		in := input(1, 1, sim{id: "a", budget: 100, use: 1, ref: 100, perDay: 10, eps: 0.5, k: 0.6}, sim{id: "b", budget: 100, use: 1, ref: 100, perDay: 10, eps: 0.5, k: 0.5})
		edit(&in)
		return curved(t, in, curveOf("a", 100, 600, 0.5), curveOf("b", 100, 600, 0.5)).Allocation.ShadowPrice
	}
	free := price(func(*bidding.Input) {})
	rest := price(func(in *bidding.Input) {
		for _, id := range []string{"ba", "bb"} {
			in.Changes = append(in.Changes, bidding.PastChange{Key: bidding.Key{Platform: platform.Google, AdAccount: "1", Ref: platform.Ref{Type: platform.Budget, ID: id}},
				Field: platform.DailyBudget, At: now.AddDate(0, 0, -2), Date: today - 2, Ours: true, Old: eur(100), New: eur(100)})
		}
	})
	if free < 1.4 {
		t.Fatalf("money is not scarce: %v", free)
	}
	near(t, "the price on a night of rest", rest, free, 1e-9)
}

// What stops a budget short of its goal is named. Two campaigns could use more than the
// third may give in one step.
func TestWhatStopsABudgetIsNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		limit, doubt, worth float64
		setting             string
	}{
		"the limit":             {300, 0, 0.5, "total_daily_cap"},
		"that there is none":    {0, 0, 0.5, "total_daily_cap"},
		"doubt about the total": {1000, 0.2, 0.28, "risk.doubt"},
		"the step":              {1000, 0, 0.6, "step.default"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sims := []sim{{id: "a", budget: 100, use: 1, ref: 100, perDay: 10, eps: 0.5, k: 1.4 * c.worth}, {id: "b", budget: 100, use: 1, ref: 100, perDay: 10, eps: 0.5, k: 1.4 * c.worth},
				{id: "c", budget: 100, use: 1, ref: 100, perDay: 10, eps: 0.5, k: 0.9 * c.worth}}
			in := input(1, 1, sims...)
			in.Policy.TotalDailyCap, in.Policy.Risk.Doubt, in.Policy.MaxMovement = c.limit, c.doubt, 1
			d := draftOf(curved(t, in, curveOf("a", 100, 600, 0.5), curveOf("b", 100, 600, 0.5), curveOf("c", 100, 600, 0.5)), "ba")
			if d == nil || len(d.Guardrails) != 1 || d.Guardrails[0].Setting != c.setting || d.Guardrails[0].Detail == "" {
				t.Errorf("%+v, want %s", d, c.setting)
			}
		})
	}
}
