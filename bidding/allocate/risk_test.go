package allocate_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"adsteward/bidding/allocate"
)

func risky(p allocate.Problem, objective string, level float64) allocate.Problem {
	p.Risk = allocate.Risk{Objective: objective, Level: level}
	return p
}

// cvarOf is the mean of the worst share of values by the definition of
// Rockafellar and Uryasev: the greatest t - mean((t-v)+)/level, met at a value.
func cvarOf(values []float64, level float64) float64 {
	best := math.Inf(-1)
	for _, t := range values {
		var short float64
		for _, v := range values {
			short += max(t-v, 0)
		}
		best = max(best, t-short/level/float64(len(values)))
	}
	return best
}

// One item whose draws keep their order at every spend: the tail is of the same
// draws everywhere, and the optimum has a closed form.
func TestTailOfOneItemHasAClosedForm(t *testing.T) {
	t.Parallel()
	it := allocate.Item{ID: "a", Max: 1e6}
	for _, worth := range []float64{0.9, 0.2, 0.5, 0.3, 0.7, 0.4, 0.8, 0.6, 1, 1.1} {
		it.Draws = append(it.Draws, allocate.Draw{Worth: worth, Curve: allocate.Power{Coef: 50, Elasticity: 0.5}})
	}
	for _, c := range []struct {
		objective    string
		level, worth float64
	}{
		{allocate.Mean, 0.2, 0.65}, {allocate.CVaR, 0.2, 0.25}, {allocate.CVaR, 0.25, (0.2 + 0.3 + 0.5*0.4) / 2.5}, {allocate.CVaR, 0.05, 0.2},
		{allocate.Quantile, 0.2, 0.3}, {allocate.Quantile, 0.25, 0.4}, {allocate.Quantile, 0.01, 0.2}, {allocate.Quantile, 0.99, 1.1},
	} {
		sol := solve(t, risky(allocate.Problem{Items: []allocate.Item{it}}, c.objective, c.level))
		want := math.Pow(50*0.5*c.worth, 2) // where worth*Coef*e*x^(e-1) is 1
		if best := want; math.Abs(sol.Objective-best) > 2e-6*best || math.Abs(sol.Spend[0]-want) > 5e-3*want {
			t.Errorf("%+v: spend %v, objective %v; both must be %v", c, sol.Spend[0], sol.Objective, want)
		}
		if sol.Status != allocate.Optimal || sol.Gap != 0 {
			t.Errorf("%+v: status %q, gap %v", c, sol.Status, sol.Gap)
		}
	}
}

// The objective is what it says, no split of a fine grid beats its bound, and the
// tail's mean is proved to be the optimum.
func TestRiskAgainstAGrid(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		kind := []string{"power", "hill"}[seed%2]
		p := uncertain(seed, 2, 15, kind)
		for _, objective := range []string{allocate.CVaR, allocate.Quantile} {
			const level = 0.3
			sol := solve(t, risky(p, objective, level))
			measure := func(x []float64) float64 {
				v := profitsOf(p, x)
				if objective == allocate.CVaR {
					return cvarOf(v, level)
				}
				slices.Sort(v)
				return v[4] // 5 of 15 draws are at most this
			}
			if got := measure(sol.Spend); math.Abs(got-sol.Objective) > 1e-9*math.Abs(got) {
				t.Errorf("%s %s: objective %v, by the definition %v", kind, objective, sol.Objective, got)
			}
			best := math.Inf(-1)
			const steps = 200
			for i := range steps {
				for j := range steps - i {
					best = max(best, measure([]float64{1 + 38*float64(i)/steps, 1 + 38*float64(j)/steps}))
				}
			}
			near := 1e-5 * math.Abs(best)
			if best > sol.Objective+sol.Gap+near {
				t.Errorf("%s %s: a grid reaches %v, above the bound of %v + %v", kind, objective, best, sol.Objective, sol.Gap)
			}
			if best > sol.Objective+near {
				t.Errorf("%s %s: a grid reaches %v, the search %v", kind, objective, best, sol.Objective)
			}
			if objective == allocate.CVaR && sol.Status != allocate.Optimal {
				t.Errorf("%s: %s", kind, sol.Status)
			}
		}
	}
}

// Each objective is best at its own measure, within the same bounds, and money
// that is counted in cents is spent alike.
func TestRiskKeepsItsBoundsAndScale(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := uncertain(rapid.Uint64Range(0, 1000).Draw(t, "seed"), rapid.IntRange(1, 6).Draw(t, "n"), rapid.IntRange(1, 20).Draw(t, "m"), "power")
		level := rapid.Float64Range(0.05, 0.9).Draw(t, "level")
		if len(p.Items) > 2 {
			p.Groups = []allocate.Group{{Name: "g", IDs: []string{"0", "1"}, Max: 25}}
		}
		const cents = 100
		small := p
		total := *p.Total * cents
		small.Total, small.Items = &total, nil
		for _, it := range p.Items {
			it.Min, it.Max = it.Min*cents, it.Max*cents
			var scaled []allocate.Draw
			for _, d := range it.Draws {
				c := d.Curve.(allocate.Power)
				c.Coef *= math.Pow(cents, 1-c.Elasticity)
				scaled = append(scaled, allocate.Draw{Worth: d.Worth, Curve: c})
			}
			it.Draws = scaled
			small.Items = append(small.Items, it)
		}
		if len(p.Groups) > 0 {
			small.Groups = []allocate.Group{{Name: "g", IDs: []string{"0", "1"}, Max: 25 * cents}}
		}
		mean := solve(t, risky(p, allocate.Mean, level))
		for _, objective := range []string{allocate.CVaR, allocate.Quantile} {
			sol, scaled := solve(t, risky(p, objective, level)), solve(t, risky(small, objective, level))
			total, groups := amounts(p, sol.Spend)
			if total > *p.Total*(1+1e-9) || len(groups) > 0 && groups[0] > 25*(1+1e-9) {
				t.Fatalf("%s: spends %v of %v, groups %v", objective, total, *p.Total, groups)
			}
			near := 1e-5 * (math.Abs(mean.Risk.Mean) + total)
			for i, it := range p.Items {
				if x := sol.Spend[i]; x < it.Min || x > it.Max {
					t.Fatalf("%s: item %d spends %v outside of %v to %v", objective, i, x, it.Min, it.Max)
				}
			}
			if objective == allocate.CVaR && math.Abs(scaled.Objective-cents*sol.Objective) > cents*near {
				t.Fatalf("cvar is %v, and in cents %v", sol.Objective, scaled.Objective)
			}
			if sol.Risk.Mean > mean.Risk.Mean+near {
				t.Fatalf("%s has the mean %v, above the best one of %v", objective, sol.Risk.Mean, mean.Risk.Mean)
			}
			if objective == allocate.CVaR && sol.Risk.CVaR < mean.Risk.CVaR-near || objective == allocate.Quantile && sol.Risk.Quantile < mean.Risk.Quantile-near {
				t.Fatalf("%s: %+v is no better than %+v of the mean", objective, sol.Risk, mean.Risk)
			}
			if sol.Risk.CVaR > sol.Risk.Quantile+near || sol.Risk.CVaR > sol.Risk.Mean+near {
				t.Fatalf("the worst draws' mean is above their border or the mean: %+v", sol.Risk)
			}
		}
	})
}

// More uncertainty of what all items are worth never raises any spend under
// cvar, and never what the worst draws earn.
func TestMoreUncertaintyNeverRaisesSpend(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 3))
		n, m := rapid.IntRange(1, 4).Draw(t, "n"), rapid.IntRange(2, 20).Draw(t, "m")
		level := rapid.Float64Range(0.05, 0.9).Draw(t, "level")
		z := make([]float64, m)
		for j := range z {
			z[j] = 2*rng.Float64() - 1
		}
		shift := meanOf(z)
		curves := make([]allocate.Power, n)
		for i := range curves {
			curves[i] = allocate.Power{Coef: 10 + 40*rng.Float64(), Elasticity: 0.2 + 0.6*rng.Float64()}
		}
		before, earned := []float64(nil), math.Inf(1)
		for _, spread := range []float64{0, 0.1, 0.2, 0.4} {
			var p allocate.Problem
			for i, c := range curves {
				it := allocate.Item{ID: fmt.Sprint(i), Max: 1e5}
				for _, v := range z {
					it.Draws = append(it.Draws, allocate.Draw{Worth: 0.5 * (1 + spread*(v-shift)), Curve: c})
				}
				p.Items = append(p.Items, it)
			}
			sol := solve(t, risky(p, allocate.CVaR, level))
			for i := range before {
				if sol.Spend[i] > before[i]*(1+5e-3) {
					t.Fatalf("a spread of %v raises item %d from %v to %v", spread, i, before[i], sol.Spend[i])
				}
			}
			if sol.Objective > earned+1e-5*math.Abs(earned) {
				t.Fatalf("a spread of %v raises what the worst draws earn from %v to %v", spread, earned, sol.Objective)
			}
			before, earned = sol.Spend, sol.Objective
		}
	})
}

// S-shaped curves are refused by name where they cannot be solved.
func TestRiskRefusesSShapes(t *testing.T) {
	t.Parallel()
	p := uncertain(1, 2, 5, "power")
	p.Items[1].Draws, p.Items[1].Worth, p.Items[1].Curve = nil, 1, allocate.Hill{Coef: 100, Alpha: 2, Gamma: 10}
	if sol := solve(t, p); sol.Status != allocate.Optimal {
		t.Errorf("the mean beside a certain S-shape: %s", sol.Status)
	}
	if _, err := allocate.Solve(risky(p, allocate.CVaR, 0.2)); err == nil || err.Error() != `item "1" has an S-shaped curve; risk: quantile and cvar need concave ones, so use mean or another curve` {
		t.Errorf("got %v", err)
	}
}

// Straight lines that are good in different draws: each best answer is all in one
// of them, and the worst draws earn most from a blend, at which they earn alike.
func TestTailSplitsStraightLines(t *testing.T) {
	t.Parallel()
	point := func(v float64) allocate.Curve {
		return allocate.Points{Spends: []float64{0, 10}, Values: []float64{0, 10 * v}}
	}
	power := func(v float64) allocate.Curve { return allocate.Power{Coef: v, Elasticity: 1} }
	for name, line := range map[string]func(float64) allocate.Curve{"points": point, "power": power} {
		for _, c := range []struct {
			level  float64
			slopes [][]float64 // of each item in each draw
			spend  []float64
			earns  float64
		}{
			{0.5, [][]float64{{3, 1.5}, {1.5, 3}}, []float64{5, 5}, 12.5},
			{0.5, [][]float64{{3, 1}, {1, 2}}, []float64{10. / 3, 20. / 3}, 20. / 3},
			{0.3, [][]float64{{4, 1, 1}, {1, 4, 1}, {1, 1, 4}}, []float64{10. / 3, 10. / 3, 10. / 3}, 10},
			{0.3, [][]float64{{4, 1, 1}, {1, 4, 1}, {1, 1, 4}, {1.5, 1.5, 1.5}}, []float64{10. / 3, 10. / 3, 10. / 3, 0}, 10},
			{2. / 3, [][]float64{{4, 1, 1}, {1, 4, 1}, {1, 1, 4}, {1.9, 1.9, 1.9}}, []float64{10. / 3, 10. / 3, 10. / 3, 0}, 10},
			{0.3, [][]float64{{4, 1, 1}, {1, 4, 1}, {1, 1, 4}, {2.5, 2.5, 2.5}}, []float64{0, 0, 0, 10}, 15},
		} {
			total := 10.0
			p := allocate.Problem{Total: &total, SpendAll: true}
			for i, slopes := range c.slopes {
				it := allocate.Item{ID: fmt.Sprint(i), Max: 10}
				for _, v := range slopes {
					it.Draws = append(it.Draws, allocate.Draw{Worth: 1, Curve: line(v)})
				}
				p.Items = append(p.Items, it)
			}
			sol := solve(t, risky(p, allocate.CVaR, c.level))
			if math.Abs(sol.Objective-c.earns) > 2e-5*c.earns || sol.Status != allocate.Optimal || sol.Gap != 0 {
				t.Errorf("%s %v: %v of %v, %s", name, c.slopes, sol.Objective, c.earns, sol.Status)
			}
			for i, x := range sol.Spend {
				if math.Abs(x-c.spend[i]) > 1e-3 {
					t.Errorf("%s %v: spends %v, not %v", name, c.slopes, sol.Spend, c.spend)
					break
				}
			}
			if got, _ := amounts(p, sol.Spend); math.Abs(got-10) > 1e-9 || !slices.Contains(sol.Binding, allocate.Bound{Of: "total"}) {
				t.Errorf("%s %v: %v spent, %v bind", name, c.slopes, got, sol.Binding)
			}
		}
	}
}

// An item inside its bounds has the marginal worth that is the price, by the
// weights of the draws at the solution; by equal ones it has only for the mean.
func TestMarginalWorthIsThePriceByTheSolutionsWeights(t *testing.T) {
	t.Parallel()
	p := uncertain(3, 4, 12, "power")
	for _, objective := range []string{allocate.Mean, allocate.CVaR} {
		sol := solve(t, risky(p, objective, 0.4))
		for i, it := range p.Items {
			value, marginal := it.Expect(sol.Spend[i], sol.Weights)
			var mean float64
			for _, d := range it.Draws {
				mean += d.Curve.Value(sol.Spend[i]) / 12
			}
			if sol.Spend[i] == it.Min || math.Abs(marginal/sol.ShadowPrice-1) > 1e-6 || math.Abs(value/mean-1) > 1e-12 {
				t.Errorf("%s: %v of item %d has value %v and marginal worth %v; want %v and %v", objective, sol.Spend[i], i, value, marginal, mean, sol.ShadowPrice)
			}
		}
	}
}
