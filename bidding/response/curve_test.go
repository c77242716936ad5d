package response

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// What the curve says of itself is what its definition and differences of its values
// say: Level and elasticity at Spend, slope and elasticity anywhere, and the way back
// from a slope or a ROAS to the spend.
func TestCurveIsWhatItSays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := Curve{Spend: rapid.Float64Range(0.01, 1e5).Draw(t, "spend"), Level: rapid.Float64Range(0.01, 1e6).Draw(t, "level"),
			Elasticity: rapid.Float64Range(MinElasticity, MaxElasticity).Draw(t, "elasticity")}
		c.ElasticityLow, c.ElasticityHigh = c.Elasticity/2, (1+c.Elasticity)/2
		s := c.Spend * rapid.Float64Range(0.01, 20).Draw(t, "times")
		near := func(what string, got, want, rel float64) {
			if !(math.Abs(got-want) <= rel*math.Abs(want)) {
				t.Fatalf("%s is %v, want %v", what, got, want)
			}
		}
		near("value at its spend", c.Value(c.Spend), c.Level, 1e-12)
		k := c.Elasticity * c.Spend / (1 - c.Elasticity)
		near("value", c.Value(s), c.Level/(1-c.Elasticity)*s/(s+k), 1e-9)
		const h = 1e-5
		near("slope", c.Slope(s), (c.Value(s*(1+h))-c.Value(s*(1-h)))/(2*h*s), 1e-6)
		e, low, high := c.ElasticityAt(s)
		near("elasticity", e, s*c.Slope(s)/c.Value(s), 1e-9)
		if at, _, _ := c.ElasticityAt(c.Spend); math.Abs(at-c.Elasticity) > 1e-12 || !(low < e && e < high) {
			t.Fatalf("elasticity %v at its spend, %v to %v around %v", at, low, high, e)
		}
		near("spend at the slope", c.Mode().InverseSlope(c.Slope(s)), s, 1e-6)
		d := c.Mode()
		near("ROAS at the slope", d.ROASAtSlope(c.Slope(s)), c.Value(s)/s, 1e-6)
		ratio := rapid.Float64Range(0.8, 1.02).Draw(t, "ratio")
		if at := d.SpendAtROAS(s, ratio); at > 0 {
			near("ROAS by a ratio", c.Value(at)/at, ratio*c.Value(s)/s, 1e-9)
		}
		if at := d.SpendAtSlope(s, ratio); at > 0 {
			near("slope by a ratio", c.Slope(at), ratio*c.Slope(s), 1e-9)
		}
	})
}

// A ROAS or slope above that of the first spend is not to be had at any.
func TestCurveBeforeItsFirstSpend(t *testing.T) {
	t.Parallel()
	c := Curve{Spend: 100, Level: 300, Elasticity: 0.5} // R(s) = 600 s/(s+100): 6 at first
	d := c.Mode()
	if c.Slope(0) != 6 || c.Value(0) != 0 || c.Value(-1) != 0 || c.Mode().InverseSlope(6.1) != 0 || d.SpendAtROAS(100, 2.1) != 0 || d.SpendAtSlope(100, 4.1) != 0 {
		t.Errorf("slope %v, value %v, spends %v %v %v", c.Slope(0), c.Value(0), c.Mode().InverseSlope(6.1), d.SpendAtROAS(100, 2.1), d.SpendAtSlope(100, 4.1))
	}
	if got := d.ROASAtSlope(7); got != 7 {
		t.Errorf("where nothing earns 7, a ROAS of 7 would: %v", got)
	}
	for _, m := range []float64{0, -1} {
		if got := d.ROASAtSlope(m); got != 0 {
			t.Errorf("at a slope of %v the ROAS is %v", m, got)
		}
	}
	if e, _, _ := c.ElasticityAt(0); e != 1 {
		t.Errorf("the first unit of money has the elasticity %v", e)
	}
	none := Curve{Spend: 100, Elasticity: 0.5}
	if none.Value(50) != 0 || none.Slope(50) != 0 || none.Mode().InverseSlope(1) != 0 {
		t.Error("nothing was reported, and something is expected")
	}
}

// Draws lie within the bounds, rise with the quantile and are those of the truncated
// normal, by a sum over its density, however far outside the bounds its mean lies:
// there they are near the bound at that side.
func TestDrawsOfATruncatedNormal(t *testing.T) {
	t.Parallel()
	const sd = 0.1
	quantiles := []float64{1e-4, 0.1, 0.5, 0.9, 1 - 1e-4}
	before := make([]float64, len(quantiles))
	for k := -50.0; k <= 59; k += 0.25 { // standard deviations above the lower bound
		mean, last := MinElasticity+k*sd, MinElasticity
		for i, u := range quantiles {
			x := truncatedNormal(mean, sd, u)
			if !(x >= last && x <= MaxElasticity) {
				t.Fatalf("mean at %v sd: quantile %v is %v after %v", k, u, x, last)
			}
			if !(x >= before[i]-1e-12) { // but for rounding
				t.Fatalf("mean at %v sd: quantile %v fell from %v to %v", k, u, before[i], x)
			}
			if p := truncatedShare(mean, sd, x); !(math.Abs(p-u) <= 1e-6) {
				t.Fatalf("mean at %v sd: quantile %v is %v, below which lies %v", k, u, x, p)
			}
			if y := truncatedNormal(MinElasticity+MaxElasticity-mean, sd, 1-u); !(math.Abs(x+y-1) <= 1e-9) {
				t.Fatalf("mean at %v sd: quantile %v is %v, that of its mirror image %v", k, u, x, y)
			}
			before[i], last = x, x
		}
	}
}

// truncatedShare is the part of a truncated normal below x, by Simpson's rule. Where
// the mean lies outside, the part of the range that matters is narrow.
func truncatedShare(mean, sd, x float64) float64 {
	mode := min(max(mean, MinElasticity), MaxElasticity)
	density := func(x float64) float64 {
		return math.Exp(((mode-mean)*(mode-mean) - (x-mean)*(x-mean)) / (2 * sd * sd))
	}
	reach := min(9*sd, 40*sd*sd/max(math.Abs(mode-mean), sd))
	from, to := max(mode-reach, MinElasticity), min(mode+reach, MaxElasticity)
	sum := func(a, b float64) float64 {
		const n = 2000
		s := density(a) + density(b)
		for i := 1; i < n; i++ {
			s += float64(2+2*(i%2)) * density(a+(b-a)*float64(i)/n)
		}
		return s * (b - a) / (3 * n)
	}
	return sum(from, min(max(x, from), to)) / sum(from, to)
}

// The two ways to the same draw meet where one takes over from the other.
func TestTailsMeet(t *testing.T) {
	t.Parallel()
	for _, sd := range []float64{0.001, 0.1, 1} {
		for _, u := range []float64{1e-6, 0.1, 0.5, 0.9, 1 - 1e-6} {
			for _, edge := range []float64{MinElasticity - farTail*sd, MaxElasticity + farTail*sd} {
				near, far := truncatedNormal(edge-1e-9*sd, sd, u), truncatedNormal(edge+1e-9*sd, sd, u)
				if !(math.Abs(near-far) <= 1e-7*sd) {
					t.Errorf("sd %v, quantile %v: %v on one side, %v on the other", sd, u, near, far)
				}
			}
		}
	}
}

// The ends of the quantiles are the bounds, where the tail's logarithm has no digits
// left as well.
func TestEndsOfATail(t *testing.T) {
	t.Parallel()
	for _, k := range []float64{4, 50, 1e6, 1e12} {
		for _, mean := range []float64{MinElasticity - 0.1*k, MaxElasticity + 0.1*k} {
			low, high := truncatedNormal(mean, 0.1, 0), truncatedNormal(mean, 0.1, 1)
			if !(math.Abs(low-MinElasticity) <= 1e-12 && math.Abs(high-MaxElasticity) <= 1e-12) {
				t.Errorf("mean %v: from %v to %v", mean, low, high)
			}
		}
	}
}

// The farther outside the mean, the nearer the draws are to the bound on its side:
// on average by sd (hazard(k) - k), which is nearly sd/k.
func TestMeanOfDrawsNearsTheBound(t *testing.T) {
	t.Parallel()
	const sd, n = 0.085, 5000
	for _, k := range []float64{4, 8, 8.5, 11, 20, 50, 1e4} {
		for _, side := range []float64{-1, 1} {
			bound := 0.5 + 0.45*side
			c := Curve{Spend: 100, Level: 300, ElasticityMean: bound + side*k*sd, ElasticitySD: sd, Seed: 7}
			var off float64
			for _, d := range c.Draws(n) {
				off += side * (bound - d.Elasticity) / n
			}
			want := sd / k // hazard(k) - k loses its digits
			if k <= 50 {
				want = sd * (hazard(k) - k)
			}
			// An exponential's mean of n draws varies by 1/sqrt(n).
			if !(math.Abs(off/want-1) <= 4/math.Sqrt(n)) {
				t.Errorf("mean %v sd beyond %v: draws lie %v inside it on average, want %v", k, bound, off, want)
			}
		}
	}
}
