package ltv

import (
	"fmt"
	"testing"

	"adsteward/internal/civil"
)

func TestRFMNamesCoverTheGrid(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for r := 1; r <= 5; r++ {
		for f := 1; f <= 5; f++ {
			seen[RFMName(r, f)]++
		}
	}
	if len(seen) != len(rfmNames) || seen["champions"] != 2 || seen["hibernating"] != 4 {
		t.Errorf("%v", seen)
	}
	for _, n := range rfmNames {
		if seen[n.name] == 0 {
			t.Errorf("%s has no cell", n.name)
		}
	}
}

func TestHistogramStepsAreInverse(t *testing.T) {
	t.Parallel()
	last := -1
	for day := range 3000 {
		step := recencyStep(float64(day))
		if step < last || recencyMost(step) < day || step > 0 && recencyMost(step-1) >= day {
			t.Fatalf("day %d is in step %d, which ends on %d", day, step, recencyMost(step))
		}
		last = step
	}
	for _, v := range []float64{0.02, 1, 49.99, 1e6} {
		if s := valueStep(v); valueFrom(s) > v*(1+1e-9) || valueFrom(s+1) < v {
			t.Errorf("%g is in step %d from %g to %g", v, s, valueFrom(s), valueFrom(s+1))
		}
	}
}

// A hundred customers of known recency, frequency and value.
func TestRFMByHand(t *testing.T) {
	t.Parallel()
	w := newWorld(9)
	f, err := FitNight(w.build(t, map[string][2]float64{"": {2000, 1}}), Options{365, 0.1})
	if err != nil {
		t.Fatal(err)
	}
	end := civil.MustParse("2026-01-31")
	var rows []dayRow
	for i := range 100 { // the last order i days ago, 1 + i/20 orders, 10 each
		for k := i / 20; k >= 0; k-- {
			rows = append(rows, dayRow{fmt.Sprintf("c%03d", i), Source{}, end.AddDays(-i/2 - 60*k), 10})
		}
	}
	r := profiled(t, f, end, rows).RFM
	if r.Customers != 100 || r.Recency != [4]int{9, 19, 29, 39} || r.Frequency != [4]int{1, 2, 3, 4} {
		t.Errorf("%+v", r)
	}
	// The less recent are the more frequent here: one cell a fifth.
	customers := 0
	for _, c := range r.Cells {
		customers += c.Customers
		if c.R+c.F != 6 || c.M != c.F || c.Customers != 20 || c.Spent != float64(10*c.F) || !(c.Expected > 0) {
			t.Errorf("%+v", c)
		}
	}
	inGroups, share := 0, 0.0
	for _, g := range r.Groups {
		inGroups += g.Customers
		share += g.Share
	}
	if customers != 100 || inGroups != 100 || share < 0.999999 || share > 1.000001 {
		t.Errorf("%d in cells, %d in groups", customers, inGroups)
	}
	if r.Groups[7].Name != "cannot lose" || r.Groups[7].Customers != 20 {
		t.Errorf("%+v", r.Groups)
	}
}
