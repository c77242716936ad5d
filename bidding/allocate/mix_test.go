package allocate_test

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"adsteward/bidding/allocate"
)

// Curves of draws that end in a cliff, or rise without limit at 0 and yet earn
// less than they cost from nearly there on: the spend found is where the mean
// slope crosses the price.
func TestBestOfMixedCurvesOfAnyType(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]string{"binormal", "hill"}).Draw(t, "kind")
		n := rapid.IntRange(1, 8).Draw(t, "draws")
		var draws []allocate.Draw
		var even []float64
		for range n {
			d := allocate.Draw{Worth: rapid.Float64Range(0.1, 3).Draw(t, "worth")}
			coef := rapid.Float64Range(1, 1e3).Draw(t, "coef")
			if kind == "hill" {
				d.Curve = allocate.Hill{Coef: coef, Alpha: rapid.Float64Range(0.3, 0.999).Draw(t, "alpha"), Gamma: rapid.Float64Range(1, 100).Draw(t, "gamma")}
			} else {
				d.Curve = allocate.Binormal{CapSpend: rapid.Float64Range(1, 200).Draw(t, "cap"), CapValue: coef, Sigma: rapid.Float64Range(0, 3).Draw(t, "sigma")}
			}
			draws, even = append(draws, d), append(even, 1/float64(n))
		}
		c, price := allocate.Mix(draws, even), math.Pow(10, rapid.Float64Range(-4, 3).Draw(t, "lg price"))
		lo, hi := rapid.SampledFrom([]float64{0, 0.01, 5}).Draw(t, "lo"), rapid.Float64Range(10, 400).Draw(t, "hi")
		for range 2 { // the second look starts where the first ended
			x := allocate.Best(c, price, lo, hi)
			before, after := c.Slope(max(lo, x*(1-1e-8))), c.Slope(min(hi, max(x*(1+1e-8), 1e-300))) // which is no money
			if !(x >= lo && x <= hi) || x > lo && before < price*(1-1e-9) || x < hi && after > price*(1+1e-9) {
				t.Fatalf("at %v of %v to %v the slope falls from %v to %v, the price is %v", x, lo, hi, before, after, price)
			}
		}
	})
}

// Draws that say the same, or as much more as less, earn what the curve earns
// that they are the mean of.
func TestBinormalDrawsEarnWhatTheirMeanEarns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ most, cap, value, sigma, off float64 }{
		{200, 50, 100, 2, 0}, {200, 50, 100, 2, 30}, {100, 50, 10, 0.05, 1}, {100, 50, 10, 0, 1}, {100, 50, 100, 0, 1}, {40, 50, 100, 1, 1}, {1e6, 50, 100, 6, 1},
	} {
		curve := func(value float64) allocate.Curve {
			return allocate.Binormal{CapSpend: c.cap, CapValue: value, Sigma: c.sigma}
		}
		sure := allocate.Problem{Items: []allocate.Item{{ID: "a", Max: c.most, Worth: 1, Curve: curve(c.value)}}}
		drawn := allocate.Problem{Items: []allocate.Item{{ID: "a", Max: c.most, Draws: []allocate.Draw{{Worth: 1, Curve: curve(c.value - c.off)}, {Worth: 1, Curve: curve(c.value + c.off)}}}}}
		want, got := solve(t, sure), solve(t, drawn)
		if math.Abs(got.Objective-want.Objective) > 1e-9*math.Abs(want.Objective) || math.Abs(got.Spend[0]-want.Spend[0]) > 1e-6*want.Spend[0]+1e-200 {
			t.Errorf("%+v: %v earns %v, where %v earns %v without draws", c, got.Spend[0], got.Objective, want.Spend[0], want.Objective)
		}
	}
}

// A hill whose slope at 0 has no limit may be worth its price for next to nothing
// only. With g the exponent, that is at gamma*(slope ratio)^(1/(g-1)), however small.
func TestBestOfMixedHillsMayBeNextToNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ alpha, ratio float64 }{{0.5, 100}, {0.9, 1e3}, {0.99, 2}, {0.99, 100}, {0.99, 178}, {0.9912835305865912, 300}, {0.999, 1.5}} {
		hill := allocate.Draw{Worth: 2, Curve: allocate.Hill{Coef: 100, Alpha: c.alpha, Gamma: 50}}
		price := c.ratio * 2 * 100 * c.alpha / 50
		x := allocate.Best(allocate.Mix([]allocate.Draw{hill, hill}, []float64{0.5, 0.5}), price, 0, 60)
		// The slope is (s/gamma)^(alpha-1)*coef*alpha/gamma / (1+(s/gamma)^alpha)^2.
		u := math.Pow(c.ratio, 1/(c.alpha-1))
		for range 100 {
			u = math.Pow(c.ratio*math.Pow(1+math.Pow(u, c.alpha), 2), 1/(c.alpha-1))
		}
		if math.Abs(x/(50*u)-1) > 1e-6 {
			t.Errorf("%+v: %v, want %v", c, x, 50*u)
		}
	}
}

// A problem whose price, in a group that binds, is such.
func TestRiskOfNextToNothingIsSolved(t *testing.T) {
	t.Parallel()
	hill := func(worth, coef, alpha, gamma float64) allocate.Draw {
		return allocate.Draw{Worth: worth, Curve: allocate.Hill{Coef: coef, Alpha: alpha, Gamma: gamma}}
	}
	p := allocate.Problem{Groups: []allocate.Group{{Name: "g", IDs: []string{"a"}, Max: 5}}, Items: []allocate.Item{
		{ID: "a", Max: 66, Draws: []allocate.Draw{hill(2.5, 49.9, 0.9912835305865912, 77), hill(1.9, 87.4, 1, 64), hill(1.44, 39.7, 1, 46.5), hill(1.8, 853, 0.6, 33)}},
		{ID: "b", Max: 96, Draws: []allocate.Draw{hill(0.755, 48.4, 1, 6.19), hill(0, 13, 1, 5), hill(1, 69, 1, 4.83), hill(1, 135, 1, 10)}}}}
	for _, objective := range []string{allocate.CVaR, allocate.Quantile} {
		sol := solve(t, risky(p, objective, 0.2))
		best := math.Inf(-1)
		const steps = 400
		for i := range steps + 1 {
			for j := range steps + 1 { // the worst of four draws is both objectives
				best = max(best, slices.Min(profitsOf(p, []float64{5 * float64(i) / steps, 2 * float64(j) / steps})))
			}
		}
		if sol.Objective < best-1e-6*best || sol.Objective > best*(1+1e-3) {
			t.Errorf("%s: %v, and a fine grid reaches %v", objective, sol.Objective, best)
		}
	}
}
