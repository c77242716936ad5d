package web

import (
	"math"
	"slices"

	"adsteward/internal/chart"
)

// whisker is the small drawing of an interval beside its figure: a bar from low
// to high, a dot at the mean, a line at zero, all rows on one scale.
type whisker struct {
	Zero, Low, Width, Mean string // in the drawing's units
	Class                  string
}

const (
	whiskWidth = 96.0
	whiskPad   = 4.0
)

// addWhiskers draws the interval of every row that has one.
func addWhiskers(rows []*row) {
	var ends []float64
	for _, r := range rows {
		if e := r.body.Expected; e.Level > 0 {
			ends = append(ends, e.GainLow, e.GainHigh)
		}
	}
	x := whiskScale(ends)
	for i := range rows {
		if e := rows[i].body.Expected; e.Level > 0 {
			rows[i].Whisk = newWhisker(x, e.GainPerDay, e.GainLow, e.GainHigh, rows[i].GainClass)
		}
	}
}

// newWhisker draws one interval; nil where there is nothing to draw.
func newWhisker(x func(float64) float64, mean, low, high float64, class string) *whisker {
	if x == nil || math.IsNaN(mean+low+high) {
		return nil
	}
	l, h := x(low), x(high)
	return &whisker{Zero: coord(x(0)), Low: coord(l), Width: coord(max(h-l, 1)), Mean: coord(x(mean)), Class: class}
}

// whiskScale is the scale on which the ends of some intervals and zero are seen;
// nil where they are all one.
func whiskScale(ends []float64) func(float64) float64 {
	if len(ends) == 0 {
		return nil
	}
	slices.Sort(ends)
	// One giant must not flatten all others: the outermost hundredth is cut.
	at := func(q float64) float64 { return ends[int(q*float64(len(ends)-1)+0.5)] }
	lo, hi := min(0, at(0.01)), max(0, at(0.99))
	if !(hi > lo) {
		return nil
	}
	return func(v float64) float64 {
		v = min(max(v, lo), hi)
		return whiskPad + (v-lo)/(hi-lo)*(whiskWidth-2*whiskPad)
	}
}

// coord writes a coordinate as the charts do.
func coord(v float64) string { return chart.Coord(v) }
