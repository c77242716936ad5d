package allocate_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"adsteward/bidding/allocate"
)

func drawn(t *rapid.T) allocate.Problem {
	return draws{rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))}.problem()
}

func solve(t rapid.TB, p allocate.Problem) allocate.Solution {
	t.Helper()
	sol, err := allocate.Solve(p)
	if err != nil {
		t.Fatal(err)
	}
	return sol
}

// size is what the objective's rounding is measured by.
func size(p allocate.Problem, sol allocate.Solution) (sum float64) {
	for i, it := range p.Items {
		sum += it.Worth*math.Abs(it.Curve.Value(sol.Spend[i])) + sol.Spend[i]
	}
	return sum
}

// 10,000 items: the objective is within 1e-9 of the bound that the shadow price
// proves, which for concave curves is the optimum.
func TestManyItemsReachTheBound(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]allocate.Problem{"hill": hills(10_000, 0.5, 1), "power": powers(10_000)} {
		sol := solve(t, p)
		if bound := ceiling(p, sol.ShadowPrice); !(sol.Objective >= bound*(1-1e-9) && sol.Objective <= bound*(1+1e-9)) {
			t.Errorf("%s: objective %v, bound %v", name, sol.Objective, bound)
		}
		if sol.ShadowPrice <= 1 {
			t.Errorf("%s: the total binds and the shadow price is %v", name, sol.ShadowPrice)
		}
	}
}

// The shadow price is the marginal of every item that is inside its bounds and
// in no binding group, S-shaped ones too; 1 where the total does not bind.
func TestShadowPriceIsTheSharedMarginal(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := drawn(t)
		sol := solve(t, p)
		total, groups := amounts(p, sol.Spend)
		if !p.SpendAll && sol.ShadowPrice < 1 {
			t.Fatalf("shadow price %v below 1", sol.ShadowPrice)
		}
		if p.Total == nil || !p.SpendAll && total < *p.Total*(1-1e-9) {
			if sol.ShadowPrice != 1 {
				t.Fatalf("shadow price %v where %v of the total is spent", sol.ShadowPrice, total)
			}
		}
		bound := map[string]bool{}
		for k, g := range p.Groups {
			for _, id := range g.IDs {
				bound[id] = math.Abs(groups[k]-g.Min) < 1e-6 || math.Abs(groups[k]-g.Max) < 1e-6
			}
		}
		for i, it := range p.Items {
			x := sol.Spend[i]
			if bound[it.ID] || x < it.Min+1e-6 || x > it.Max-1e-6 || it.Worth == 0 {
				continue
			}
			switch c := it.Curve.(type) {
			case allocate.Points: // it stands on a point, where it has two slopes
				continue
			case allocate.Binormal:
				if x > c.CapSpend*(1-1e-6) {
					continue
				}
			}
			if m := it.Worth * it.Curve.Slope(x); math.Abs(m-sol.ShadowPrice) > 1e-6*(1+m) {
				t.Fatalf("item %d at %v has the marginal %v and the shadow price is %v", i, x, m, sol.ShadowPrice)
			}
		}
	})
}

// A larger limit never earns less.
func TestMoreMoneyNeverEarnsLess(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := drawn(t)
		if p.Total == nil || p.SpendAll {
			return
		}
		before := solve(t, p)
		more := *p.Total + rapid.Float64Range(0, 30).Draw(t, "more")
		p.Total = &more
		if after := solve(t, p); after.Objective < before.Objective-1e-9*math.Abs(before.Objective)-1e-12*size(p, before) {
			t.Fatalf("%v earns %v, less than %v", more, after.Objective, before.Objective)
		}
	})
}

// times is the same curve in a currency of which k make one of the other.
func times(c allocate.Curve, k float64) allocate.Curve {
	switch c := c.(type) {
	case allocate.Hill:
		return allocate.Hill{Coef: c.Coef * k, Alpha: c.Alpha, Gamma: c.Gamma * k, Shift: c.Shift * k}
	case allocate.Power:
		return allocate.Power{Coef: c.Coef * math.Pow(k, 1-c.Elasticity), Elasticity: c.Elasticity}
	case allocate.Binormal:
		return allocate.Binormal{CapSpend: c.CapSpend * k, CapValue: c.CapValue * k, Sigma: c.Sigma}
	case allocate.Points:
		var out allocate.Points
		for i := range c.Spends {
			out.Spends, out.Values = append(out.Spends, c.Spends[i]*k), append(out.Values, c.Values[i]*k)
		}
		return out
	}
	return scaled{c, k}
}

// The same problem in yen and in dinar has the same answer, S-shaped or not.
func TestBentCurrencyScaleDoesNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := drawn(t)
		k := math.Pow(10, rapid.Float64Range(-6, 9).Draw(t, "scale"))
		q := allocate.Problem{SpendAll: p.SpendAll}
		for _, it := range p.Items {
			it.Min, it.Max, it.Curve = it.Min*k, it.Max*k, times(it.Curve, k)
			q.Items = append(q.Items, it)
		}
		for _, g := range p.Groups {
			g.Min, g.Max = g.Min*k, g.Max*k
			q.Groups = append(q.Groups, g)
		}
		if p.Total != nil {
			total := *p.Total * k
			q.Total = &total
		}
		a, b := solve(t, p), solve(t, q)
		if d := math.Abs(b.Objective/k - a.Objective); d > 1e-9*math.Abs(a.Objective)+1e-11*size(p, a) {
			t.Fatalf("objective %v in one currency, %v in the other", a.Objective, b.Objective/k)
		}
	})
}

// The derivative of each curve is what its values say.
func TestSlopeIsTheDerivative(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := draws{rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 2))}
		c, x := d.curve(), d.between(0.1, 60)
		const h = 1e-5
		got, want := c.Slope(x), (c.Value(x+h)-c.Value(x))/h
		left := (c.Value(x) - c.Value(x-h)) / h
		if math.Abs(want-left) > 1e-3*(1+math.Abs(want)) {
			return // a corner
		}
		if math.Abs(got-want) > 1e-3*(1+math.Abs(want)) {
			t.Fatalf("%#v at %v: slope %v, difference quotient %v", c, x, got, want)
		}
	})
}

func TestCurvesAreTheirFormulas(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		curve          allocate.Curve
		s, value, rise float64
	}{
		{allocate.Hill{Coef: 10, Alpha: 2, Gamma: 5}, 5, 5, 1},                                // half at gamma; coef alpha/(4 gamma)
		{allocate.Hill{Coef: 10, Alpha: 2, Gamma: 5, Shift: 5}, 0, 5, 1},                      // nothing is subtracted
		{allocate.Hill{Coef: 10, Alpha: 0.5, Gamma: 5}, 0, 0, math.Inf(1)},                    //
		{allocate.Power{Coef: 3, Elasticity: 0.5}, 4, 6, 0.75},                                //
		{allocate.Power{Coef: 3, Elasticity: 0.5}, 0, 0, math.Inf(1)},                         //
		{allocate.Binormal{CapSpend: 8, CapValue: 3, Sigma: 0}, 4, 1.5, 0.375},                // straight
		{allocate.Binormal{CapSpend: 8, CapValue: 1, Sigma: 1}, 4, 0.841344746068543, 0.0758}, // Phi(1); exp(-1/2)/8
		{allocate.Binormal{CapSpend: 8, CapValue: 3, Sigma: 1}, 9, 3, 0},                      //
		{allocate.Points{Spends: []float64{1, 3}, Values: []float64{2, 8}}, 2, 5, 3},          //
		{allocate.Points{Spends: []float64{1, 3}, Values: []float64{2, 8}}, 0, 2, 0},          // constant outside
		{allocate.Points{Spends: []float64{1, 3}, Values: []float64{2, 8}}, 3, 8, 0},          //
		{allocate.Points{Spends: []float64{1, 3}, Values: []float64{2, 8}}, 1, 2, 3},          // the slope to the right
	} {
		if got := c.curve.Value(c.s); math.Abs(got-c.value) > 1e-12 {
			t.Errorf("%#v at %v is %v, want %v", c.curve, c.s, got, c.value)
		}
		if got := c.curve.Slope(c.s); got != c.rise && math.Abs(got-c.rise) > 1e-4 {
			t.Errorf("%#v at %v rises %v, want %v", c.curve, c.s, got, c.rise)
		}
	}
}
