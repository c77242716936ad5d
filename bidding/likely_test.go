package bidding_test

import (
	"math"
	"strings"
	"testing"

	"adsteward/bidding"
	"adsteward/internal/money"
)

// alone is one campaign whose budget may go where it likes.
func alone(seed uint64, perDay float64) bidding.Input {
	in := input(seed, 1, sim{id: "a", budget: 100, use: 1, ref: 100, perDay: perDay, eps: 0.6, k: 0.4})
	in.Policy.Step.Default, in.Policy.Step.HardLimit, in.Policy.MaxMovement, in.Policy.TotalDailyCap = 0.9, 1, 1, 1e6
	in.Policy.LTVCACFloor, in.Policy.BreakEven = 0, 0
	return in
}

// budgetOf is a unit's budget after the plan.
func budgetOf(t testing.TB, out bidding.Output, id string) money.Micros {
	if d := draftOf(out, id); d != nil {
		return d.Proposed
	}
	return unitOf(t, out, id).Budget
}

// The budget is the one with the greatest mean profit over the draws, not the
// one that is best on the likeliest curve.
func TestBudgetMaximisesTheMeanOfTheDraws(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5) {
		in := alone(seed, 8)
		out := plan(t, in)
		u := unitOf(t, out, "ba")
		drawn := u.Curve.Draws(200)
		best, most := 0.0, math.Inf(-1)
		for b := 11.0; b < 190; b += 0.25 {
			var profit float64
			for _, d := range drawn {
				profit += 0.4*d.Value(b*min(u.Utilisation, 1)) - b*min(u.Utilisation, 1)
			}
			if profit > most {
				best, most = b, profit
			}
		}
		if got := budgetOf(t, out, "ba").Float(); math.Abs(got-best) > 0.3 {
			t.Errorf("seed %d: the budget is %v; the mean profit is greatest at %v (on the likeliest curve at %.1f)", seed, got, best, u.Curve.Mode().InverseSlope(1/0.4))
		}
	}
}

// The less is known of what a sale is worth, the less is spent under cvar; the
// mean does not mind.
func TestUncertainWorthNeverRaisesABudgetUnderCVaR(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		in := alone(seed, 6+float64(seed)/2)
		fit := bidding.FitCurves(in)
		in.Curves = &fit
		fit.Curves[0].LevelSD, fit.Curves[0].ElasticitySD = 0, 0 // else the worst draws may be others
		w := in.Worth["google:a"]
		last, unmoved := money.Micros(math.MaxInt64), money.Micros(0)
		for _, sd := range []float64{0, 0.1, 0.3, 0.6} {
			w.RelSD = sd
			in.Worth["google:a"] = w
			in.Policy.Risk.Objective, in.Policy.Risk.Level = "cvar", []float64{0.05, 0.2, 0.5}[seed%3]
			now := budgetOf(t, plan(t, in), "ba")
			// What stays in the dead band is left where it is.
			if float64(now) > float64(last)*1.0001 && now != 100*money.One {
				t.Errorf("seed %d: with a standard error of %v the budget rises from %v to %v", seed, sd, last, now)
			}
			last = now
			in.Policy.Risk.Objective = "mean"
			if mean := budgetOf(t, plan(t, in), "ba"); sd == 0 {
				unmoved = mean
			} else if math.Abs(float64(mean-unmoved)) > 0.001*float64(unmoved) {
				t.Errorf("seed %d: with a standard error of %v the mean's budget goes from %v to %v", seed, sd, unmoved, mean)
			}
		}
		if !(float64(last) < 0.9*float64(unmoved)) {
			t.Errorf("seed %d: cvar spends %v and the mean %v", seed, last, unmoved)
		}
	}
}

// settled is two campaigns that look alike at the budgets that seem best.
func settled(seed uint64) bidding.Input {
	in := input(seed, 1, sim{id: "a", budget: 100, use: 1, ref: 100, perDay: 12, eps: 0.6, k: 0.4}, sim{id: "b", budget: 100, use: 1, ref: 100, perDay: 12, eps: 0.6, k: 0.4})
	fit := bidding.FitCurves(in)
	in.Curves = &fit
	for i := range fit.Curves {
		c := &fit.Curves[i]
		c.Spend, c.Level, c.LevelSD, c.Elasticity, c.ElasticityMean, c.ElasticitySD = 100, 720, 0.02, 0.6, 0.6, 0.12
	}
	return in
}

func TestExplorationSaysWhatItIs(t *testing.T) {
	t.Parallel()
	explored, given := 0, 0.0
	for seed := range uint64(20) {
		in := settled(seed)
		in.Seed = seed
		for _, d := range plan(t, in).Drafts {
			if strings.Contains(strings.Join(d.Reasons, " "), "there to learn") {
				t.Fatalf("it explores although that is off: %v", d.Reasons)
			}
		}
		in.Policy.Explore.BudgetPerDay = 20
		out := plan(t, in)
		var moved float64
		for _, d := range out.Drafts {
			reasons := strings.Join(d.Reasons, " ")
			if !strings.Contains(reasons, "there to learn") {
				continue
			}
			explored++
			given += d.Expected.GainPerDay
			moved += math.Abs((d.Proposed - d.Seen).Float())
			for _, want := range []string{"expected to cost EUR ", "may cost EUR 2.00 a day", "best budget lies somewhere from EUR ", "would earn EUR "} {
				if !strings.Contains(reasons, want) {
					t.Errorf("reasons lack %q: %s", want, reasons)
				}
			}
			// What a cut gives up is earned elsewhere, at the shadow price.
			priced := d.Expected.GainPerDay - (out.Allocation.ShadowPrice-1)*(d.Proposed-d.Seen).Float()
			if priced < -2.1 || d.Proposed > eur(115) || d.Proposed < eur(85) {
				t.Errorf("it explores beyond its limits: %v, %+v", d.Proposed, d.Expected)
			}
		}
		if moved > 20+2*0.03*100 { // the best may lie within the dead band of what is set
			t.Errorf("seed %d: %v is moved of 20", seed, moved)
		}
		if out.Allocation.After > out.Allocation.Total {
			t.Errorf("seed %d: the budgets are %v together, above %v", seed, out.Allocation.After, out.Allocation.Total)
		}
	}
	if explored < 20 || given < -2*20 {
		t.Errorf("%d budgets are explored in 20 nights at an expected cost of %v, with a ceiling of 2 a night", explored, -given)
	}
}

func TestExplorationAndAversionExcludeEachOther(t *testing.T) {
	t.Parallel()
	in := settled(1)
	in.Policy.Explore.BudgetPerDay, in.Policy.Risk.Objective = 20, "cvar"
	if _, err := bidding.Plan(in); err == nil || !strings.Contains(err.Error(), "explore.budget_per_day is 20; it must be 0 where risk.objective is not mean") {
		t.Errorf("got %v", err)
	}
	in.Policy.Explore.BudgetPerDay, in.Policy.Risk.Level = 0, 1
	if _, err := bidding.Plan(in); err == nil || !strings.Contains(err.Error(), "risk.level is 1; it must be above 0 and below 1") {
		t.Errorf("got %v", err)
	}
}
