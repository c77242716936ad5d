package allocate_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"adsteward/bidding/allocate"
)

// uncertain draws a problem of n items with m draws each, of powers or hills.
func uncertain(seed uint64, n, m int, kind string) allocate.Problem {
	d := draws{rand.New(rand.NewPCG(seed, uint64(n)))}
	total := 20 * float64(n)
	p := allocate.Problem{Total: &total}
	for i := range n {
		it := allocate.Item{ID: fmt.Sprint(i), Min: 1, Max: 500}
		coef, shape, half := d.between(20, 60), d.between(0.4, 0.7), d.between(20, 60)
		for range m {
			one := allocate.Draw{Worth: d.between(0.3, 0.7), Curve: allocate.Power{Coef: coef * d.between(0.7, 1.3), Elasticity: shape + d.between(-0.2, 0.2)}}
			switch kind {
			case "hill":
				one.Curve = allocate.Hill{Coef: 10 * coef * d.between(0.7, 1.3), Alpha: shape + d.between(-0.2, 0.3), Gamma: half}
			case "hill of 1": // as the plan has them
				one.Curve = allocate.Hill{Coef: 10 * coef * d.between(0.7, 1.3), Alpha: 1, Gamma: half * d.between(0.3, 3)}
			}
			it.Draws = append(it.Draws, one)
		}
		p.Items = append(p.Items, it)
	}
	return p
}

// profitsOf is what the spends earn in each draw, by the definition.
func profitsOf(p allocate.Problem, x []float64) []float64 {
	out := make([]float64, len(p.Items[0].Draws))
	for i, it := range p.Items {
		for j, d := range it.Draws {
			out[j] += d.Worth*d.Curve.Value(x[i]) - x[i]
		}
	}
	return out
}

func meanOf(xs []float64) (sum float64) {
	for _, x := range xs {
		sum += x
	}
	return sum / float64(len(xs))
}

// The objective is the mean of the draws' profits, and no spends can have a
// mean above the bound that the shadow price proves.
func TestMeanOverDrawsReachesTheBound(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"power", "hill", "hill of 1"} {
		p := uncertain(1, 40, 25, kind)
		sol := solve(t, p)
		if got := meanOf(profitsOf(p, sol.Spend)); math.Abs(got-sol.Objective) > 1e-9*math.Abs(got) || math.Abs(got-sol.Risk.Mean) > 1e-9*math.Abs(got) {
			t.Errorf("%s: objective %v, risk's mean %v, the draws' mean %v", kind, sol.Objective, sol.Risk.Mean, got)
		}
		flat := p
		flat.Items = nil
		for _, it := range p.Items {
			flat.Items = append(flat.Items, allocate.Item{ID: it.ID, Min: it.Min, Max: it.Max, Worth: 1, Curve: average(it.Draws)})
		}
		if bound := ceiling(flat, sol.ShadowPrice); math.Abs(sol.Objective-bound) > 1e-9*bound {
			t.Errorf("%s: objective %v, bound %v", kind, sol.Objective, bound)
		}
		if sol.ShadowPrice <= 1 || sol.Status != allocate.Optimal {
			t.Errorf("%s: shadow price %v, status %q", kind, sol.ShadowPrice, sol.Status)
		}
	}
}

// average is the mean of draws, by the definition.
type average []allocate.Draw

func (a average) Value(s float64) (sum float64) {
	for _, d := range a {
		sum += d.Worth * d.Curve.Value(s) / float64(len(a))
	}
	return sum
}

func (a average) Slope(s float64) (sum float64) {
	for _, d := range a {
		sum += d.Worth * d.Curve.Slope(s) / float64(len(a))
	}
	return sum
}

// However different hills are mixed, the spend found is where their mean slope is the
// price, or at the bound beyond which it would be.
func TestBestOfMixedHills(t *testing.T) {
	t.Parallel()
	const tiny = 1e-300 // numbers much smaller have fewer digits
	rapid.Check(t, func(t *rapid.T) {
		var draws []allocate.Draw
		var even []float64
		n := rapid.IntRange(1, 30).Draw(t, "draws")
		least := rapid.SampledFrom([]float64{1, 0.2}).Draw(t, "least alpha")
		for range n {
			draws = append(draws, allocate.Draw{Worth: rapid.Float64Range(0, 3).Draw(t, "worth"),
				Curve: allocate.Hill{Coef: rapid.Float64Range(0, 1e4).Draw(t, "coef"), Alpha: rapid.Float64Range(least, 1).Draw(t, "alpha"), Gamma: math.Pow(10, rapid.Float64Range(-5, 6).Draw(t, "lg gamma"))}})
			even = append(even, 1/float64(n))
		}
		c, price := allocate.Mix(draws, even), math.Pow(10, rapid.Float64Range(-6, 4).Draw(t, "lg price"))
		lo := rapid.Float64Range(0, 100).Draw(t, "lo")
		hi := lo + math.Pow(10, rapid.Float64Range(-2, 8).Draw(t, "lg width"))
		for range 2 { // the second look starts where the first ended
			switch x := allocate.Best(c, price, lo, hi); {
			case x == lo && c.Slope(lo) <= price*(1+1e-9), x == hi && c.Slope(hi) >= price*(1-1e-9):
			case x > lo && x < hi && math.Abs(c.Slope(x)/price-1) <= 1e-9:
			case x < tiny && c.Slope(tiny) <= price*(1+1e-9):
			default:
				t.Fatalf("at %v of %v to %v the slope is %v, the price %v", x, lo, hi, c.Slope(x), price)
			}
		}
	})
}

// Draws that all say the same are no draws.
func TestEqualDrawsChangeNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]allocate.Curve{"power": allocate.Power{Coef: 30, Elasticity: 0.5}, "line": allocate.Power{Coef: 3, Elasticity: 1},
		"hill": allocate.Hill{Coef: 900, Alpha: 0.8, Gamma: 30}, "hill of 1": allocate.Hill{Coef: 900, Alpha: 1, Gamma: 30}, "binormal": allocate.Binormal{CapSpend: 80, CapValue: 400, Sigma: 0.6},
		"points": allocate.Points{Spends: []float64{0, 20, 60}, Values: []float64{0, 90, 200}}} {
		total := 70.0
		sure := allocate.Problem{Total: &total, Items: []allocate.Item{{ID: "a", Max: 100, Worth: 0.5, Curve: c},
			{ID: "b", Max: 100, Worth: 1, Curve: allocate.Power{Coef: 12, Elasticity: 0.6}}}}
		drawn := sure
		drawn.Items = append([]allocate.Item{}, sure.Items...)
		drawn.Items[0].Draws = []allocate.Draw{{Worth: 0.5, Curve: c}, {Worth: 0.5, Curve: c}, {Worth: 0.5, Curve: c}}
		a, b := solve(t, sure), solve(t, drawn)
		if math.Abs(a.Objective-b.Objective) > 1e-9*a.Objective || math.Abs(a.Spend[0]-b.Spend[0]) > 1e-6 || b.Risk == nil || a.Risk != nil {
			t.Errorf("%s: %+v without draws, %+v with", name, a, b)
		}
		for _, objective := range []string{allocate.CVaR, allocate.Quantile} {
			drawn.Risk = allocate.Risk{Objective: objective, Level: 0.3}
			if b := solve(t, drawn); math.Abs(a.Objective-b.Objective) > 1e-9*a.Objective {
				t.Errorf("%s, %s: objective %v without draws, %v with", name, objective, a.Objective, b.Objective)
			}
		}
	}
}

func TestDrawsThatMakeNoSenseAreNamed(t *testing.T) {
	t.Parallel()
	power := func(coef float64) allocate.Draw {
		return allocate.Draw{Worth: 1, Curve: allocate.Power{Coef: coef, Elasticity: 0.5}}
	}
	for says, draws := range map[string][2][]allocate.Draw{
		"has 1 draws and another item has 2": {{power(1), power(2)}, {power(1)}},
		"coef must be":                       {{power(1), power(math.NaN())}},
		"worth -1":                           {{{Worth: -1, Curve: allocate.Power{Coef: 1, Elasticity: 0.5}}}},
		"S-shaped":                           {{{Worth: 1, Curve: allocate.Hill{Coef: 1, Alpha: 2, Gamma: 1}}}},
		"has no curve":                       {{{Worth: 1}}},
	} {
		p := allocate.Problem{Items: []allocate.Item{{ID: "a", Max: 10, Draws: draws[0]}, {ID: "b", Max: 10, Worth: 1, Curve: allocate.Power{Coef: 1, Elasticity: 0.5}, Draws: draws[1]}}}
		if _, err := allocate.Solve(p); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
	for _, r := range []allocate.Risk{{Objective: "median"}, {Level: -1}, {Level: 1}, {Level: math.NaN()}} {
		if _, err := allocate.Solve(allocate.Problem{Risk: r}); err == nil || !strings.Contains(err.Error(), "risk") {
			t.Errorf("%+v: got %v", r, err)
		}
	}
}
