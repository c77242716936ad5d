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
		near("spend at the slope", c.InverseSlope(c.Slope(s)), s, 1e-6)
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
	if c.Slope(0) != 6 || c.Value(0) != 0 || c.Value(-1) != 0 || c.InverseSlope(6.1) != 0 || d.SpendAtROAS(100, 2.1) != 0 || d.SpendAtSlope(100, 4.1) != 0 {
		t.Errorf("slope %v, value %v, spends %v %v %v", c.Slope(0), c.Value(0), c.InverseSlope(6.1), d.SpendAtROAS(100, 2.1), d.SpendAtSlope(100, 4.1))
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
	if none.Value(50) != 0 || none.Slope(50) != 0 || none.InverseSlope(1) != 0 {
		t.Error("nothing was reported, and something is expected")
	}
}
