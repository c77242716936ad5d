package response

import (
	"math"
	"testing"

	"adsteward/internal/civil"
)

// powerPoints are a simulation of a power law around a spend of 100.
func powerPoints(eps float64) []Simulated {
	var out []Simulated
	for _, f := range []float64{0.5, 0.7, 0.9, 1, 1.1, 1.4, 2} {
		out = append(out, Simulated{100 * f, 7 * math.Pow(f, eps)})
	}
	return out
}

func TestSimulationIsTheSlopeAroundTheSpend(t *testing.T) {
	t.Parallel()
	if g := simulation(powerPoints(0.3), 100); math.Abs(g.mean()-0.3) > 1e-9 || math.Abs(1/math.Sqrt(g.p)-simulatedSD) > 1e-12 {
		t.Errorf("elasticity %v ± %v of a power law of 0.3", g.mean(), 1/math.Sqrt(g.p))
	}
	var bent []Simulated // R = s/(s+100): elasticity 100/(s+100)
	for s := 20.; s < 500; s *= 1.1 {
		bent = append(bent, Simulated{s, s / (s + 100)})
	}
	for _, at := range []float64{50, 100, 200} {
		if g := simulation(bent, at); math.Abs(g.mean()-100/(at+100)) > 0.02 {
			t.Errorf("at %v the elasticity is %.3f, want %.3f", at, g.mean(), 100/(at+100))
		}
	}
}

func TestSimulationThatSaysNothing(t *testing.T) {
	t.Parallel()
	same := []Simulated{{100, 5}, {100.1, 5}, {100.2, 5}}
	for name, points := range map[string][]Simulated{
		"none": nil, "two": powerPoints(0.5)[:2], "one spend": same, "zeros": {{0, 0}, {0, 0}, {0, 0}, {0, 0}},
		"NaN": {{math.NaN(), 1}, {1, math.NaN()}, {2, 3}, {3, 4}}, "infinite": {{math.Inf(1), 1}, {1, math.Inf(1)}, {-1, 2}, {2, -3}},
	} {
		if g := simulation(points, 100); g != (gauss{}) {
			t.Errorf("%s: %v", name, g)
		}
	}
	if g := simulation(powerPoints(0.5), 0); g != (gauss{}) {
		t.Errorf("no spend: %v", g)
	}
}

// A unit without telling days of its own follows its simulation, and so do, a
// little, others of its kind; both say where it comes from.
func TestFitLeansOnSimulations(t *testing.T) {
	t.Parallel()
	in := Input{Today: civil.On(2026, 5, 20), Seed: 1}
	for _, id := range []string{"a", "b"} {
		u := Unit{ID: id, Platform: "google", Type: "search", Budget: 100}
		for k := range 60 {
			u.Days = append(u.Days, Day{Date: in.Today.AddDays(k - 60), Spend: 100, Value: 300, Conversions: 5})
		}
		in.Units = append(in.Units, u)
	}
	before := Fit(in)
	in.Units[0].Simulated = powerPoints(0.2)
	after := Fit(in)
	if a := after.Curves[0]; math.Abs(a.Elasticity-0.2) > 0.12 || a.SimulatedShare < 0.5 || a.ElasticitySD >= before.Curves[0].ElasticitySD || a.Note == before.Curves[0].Note {
		t.Errorf("simulated: %+v", a)
	}
	if a, b := after.Curves[1], before.Curves[1]; a.Elasticity >= b.Elasticity || a.SimulatedShare != 0 {
		t.Errorf("the other of its kind goes from %.3f to %.3f", b.Elasticity, a.Elasticity)
	}
}
