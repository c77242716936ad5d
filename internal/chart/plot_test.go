package chart

import (
	"math"
	"slices"
	"strings"
	"testing"

	"adsteward/internal/present"
)

func TestRoundNumbers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		lo, hi float64
		n      int
		want   []float64
	}{
		{0, 1000, 6, []float64{0, 200, 400, 600, 800, 1000}},
		{-24, 235, 6, []float64{-100, 0, 100, 200, 300}},
		{0, 0.9, 4, []float64{0, .5, 1}},
		{3, 3, 4, []float64{3}},
		{0, math.Inf(1), 4, []float64{0}},
	} {
		if got := roundNumbers(c.lo, c.hi, c.n); !slices.Equal(got, c.want) {
			t.Errorf("roundNumbers(%v, %v, %d) = %v, want %v", c.lo, c.hi, c.n, got, c.want)
		}
	}
}

// TestDrawing keeps every coordinate a number inside the box, whatever the data.
func TestDrawing(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	for name, p := range map[string]Plot{
		"plain":    {X: []float64{1, 2, 3}, Line: []float64{1, 4, 2}, Low: []float64{0, 3, 1}, High: []float64{2, 5, 3}, Marks: []Mark{{X: 2, Y: 4, Text: "a"}, {X: 2, Y: 4, Text: "b"}}},
		"negative": {X: []float64{1, 2}, Line: []float64{-5, -1}, Bars: []float64{-3, 2}},
		"gaps":     {X: []float64{1, 2, 3}, Line: []float64{nan, 4, math.Inf(1)}, Low: []float64{nan, nan, nan}, High: []float64{1, 2, 3}},
		"flat":     {X: []float64{1, 2}, Line: []float64{0, 0}},
		"one":      {X: []float64{5}, Line: []float64{5}},
		"none":     {},
		"outside":  {X: []float64{1, 2}, Line: []float64{1, 2}, Marks: []Mark{{X: 99, Y: 1}, {X: nan, Y: nan}}},
		"huge":     {X: []float64{1, 2}, Line: []float64{1e300, -1e300}},
	} {
		p.XName, p.YName = present.Whole, present.Whole
		for _, d := range p.Drawings() {
			all := strings.Join([]string{d.Band, d.Line, d.Zero}, " ")
			for _, m := range d.Marks {
				all += " " + m.X + " " + m.Y
			}
			for _, r := range d.Bars {
				all += " " + r.X + " " + r.Y + " " + r.W + " " + r.H
			}
			if strings.ContainsAny(all, "NI") { // NaN, Inf
				t.Errorf("%s: a coordinate is no number: %s", name, all)
			}
			if name == "plain" && (!strings.HasPrefix(d.Line, "M") || !strings.HasSuffix(d.Band, "Z") || len(d.Marks) != 2 || d.Marks[0].Anchor == d.Marks[1].Anchor) {
				t.Errorf("plain: %+v", d)
			}
			if name == "outside" && len(d.Marks) != 0 {
				t.Errorf("a mark outside is drawn: %+v", d.Marks)
			}
		}
	}
}

func TestInterpolate(t *testing.T) {
	t.Parallel()
	xs, ys := []float64{1, 2, 4}, []float64{10, 20, 0}
	for x, want := range map[float64]float64{1: 10, 1.5: 15, 3: 10, 4: 0} {
		if got := Interpolate(xs, ys, x); got != want {
			t.Errorf("at %v: %v, want %v", x, got, want)
		}
	}
	if !math.IsNaN(Interpolate(xs, ys, 5)) {
		t.Error("outside there is no value")
	}
}
