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
	if len(ends) == 0 {
		return
	}
	slices.Sort(ends)
	// One giant must not flatten all others: the outermost hundredth is cut.
	at := func(q float64) float64 { return ends[int(q*float64(len(ends)-1)+0.5)] }
	lo, hi := min(0, at(0.01)), max(0, at(0.99))
	if !(hi > lo) {
		return
	}
	x := func(v float64) float64 {
		v = min(max(v, lo), hi)
		return whiskPad + (v-lo)/(hi-lo)*(whiskWidth-2*whiskPad)
	}
	for i := range rows {
		e := rows[i].body.Expected
		if e.Level == 0 || math.IsNaN(e.GainPerDay+e.GainLow+e.GainHigh) {
			continue
		}
		l, h := x(e.GainLow), x(e.GainHigh)
		rows[i].Whisk = &whisker{Zero: coord(x(0)), Low: coord(l), Width: coord(max(h-l, 1)), Mean: coord(x(e.GainPerDay)), Class: rows[i].GainClass}
	}
}

// coord writes a coordinate as the charts do.
func coord(v float64) string { return chart.Coord(v) }
