package attribution

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Of independent days the means of two blocks differ by sqrt(2/block) standard
// deviations; an effect of the minimum detectable size is shown in four of five
// experiments by an interval of 90 %.
func TestPower(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: long under the race detector, and others race what it runs; make test runs it without")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	daily, others := make([]float64, 20000), make([]float64, 20000)
	for i := range daily {
		others[i] = 400 + 20*rng.NormFloat64()
		daily[i] = others[i]/4 + 10*rng.NormFloat64()
	}
	noise := make([]float64, len(daily))
	for i := range noise {
		noise[i] = 100 + 10*rng.NormFloat64()
	}
	if sd, ok := PairSD(noise, 7, 2); !ok || math.Abs(sd/(10*math.Sqrt(2./5))-1) > 0.03 {
		t.Errorf("pairs differ by %g", sd)
	}
	if sd, ok := RatioSD(daily, others, 28); !ok || math.Abs(sd/(10/math.Sqrt(28))-1) > 0.05 {
		t.Errorf("windows differ by %g", sd)
	}
	// The error known, and estimated from six numbers: shown as often as promised.
	for _, df := range []int{0, 5} {
		shown, n := 0, 20000
		for range n {
			mean, squares := 0.0, 0.0
			x := make([]float64, 6)
			for i := range x {
				x[i] = 10 * rng.NormFloat64()
				mean += x[i] / 6
			}
			for _, v := range x {
				squares += square(v-mean) / 5
			}
			se := 10 / math.Sqrt(6)
			effect, within := MinimumDetectable(se, df)
			if df > 0 { // the interval of an experiment rests on its own error
				_, within = MinimumDetectable(math.Sqrt(squares/6), df)
			}
			if mean+effect-within > 0 {
				shown++
			}
		}
		if got := float64(shown) / float64(n); math.Abs(got-ExperimentPower) > 0.03 {
			t.Errorf("with %d degrees of freedom the minimum detectable effect is shown in %.3f of experiments", df, got)
		}
	}
	for _, bad := range [][]float64{nil, make([]float64, 69), {1, math.NaN()}} {
		if _, ok := PairSD(bad, 7, 0); ok {
			t.Errorf("%d days tell something", len(bad))
		}
	}
	if _, ok := PairSD(noise, 2, 2); ok {
		t.Error("blocks of which no day counts tell something")
	}
	if _, ok := RatioSD(make([]float64, 90), make([]float64, 90), 28); ok {
		t.Error("regions without sales tell something")
	}
}
