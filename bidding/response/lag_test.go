package response

import (
	"math"
	"testing"
)

// What came between two pulls is divided without loss, and no age gets much more
// than moves at it, even where what comes and what goes nearly cancel.
func TestDivideBetweenPulls(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		share         []float64 // by age, from 0
		before, after float64
		want          []float64
	}{
		"in proportion where all grows":        {[]float64{0.4, 0.7, 0.8, 1}, 10, 40, []float64{15, 5, 10}},
		"what is expected":                     {[]float64{0.5, 1.1, 1}, 50, 100, []float64{60, -10}},
		"the rest by size":                     {[]float64{1, 1.1, 1}, 80, 100, []float64{20, 0}},
		"what comes and goes nearly cancels":   {[]float64{1, 1.1, 1.0000001}, 100, 101.0000001, []float64{10.6, -9.6}},
		"evenly where nothing is expected":     {[]float64{1, 1, 1}, 100, 104, []float64{2, 2}},
		"one night brings all of it, or takes": {[]float64{1, 0.9}, 100, 70, []float64{-30}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := development{0, len(c.share) - 1, c.before, c.after}.divide(Lag{Share: c.share})
			var sum float64
			for k, x := range got {
				sum += x
				if !(math.Abs(x-c.want[k]) <= 1e-5) {
					t.Errorf("%v, want %v", got, c.want)
					break
				}
			}
			if !(math.Abs(sum-(c.after-c.before)) <= 1e-9) {
				t.Errorf("%v adds up to %v of %v", got, sum, c.after-c.before)
			}
		})
	}
}
