package chart

import (
	"math"
	"strings"
)

// Plot is a chart to be drawn: lines, bars, dots and a band over one horizontal axis.
// It is drawn twice, wide and narrow, since letters that shrink with a drawing
// cannot be read on a phone; the page shows the one that fits.
type Plot struct {
	X     []float64
	Bars  []float64 // nil: none
	Line  []float64 // nil: none
	Dash  []float64 // a broken line; nil: none
	Dots  []float64 // nil: none
	Words []string  // over the columns; nil: none
	Low   []float64 // of the band; nil: none
	High  []float64
	Marks []Mark
	XName func(v float64) string
	YName func(v float64) string
	// XTicks are where the horizontal axis is labelled; nil: round numbers.
	XTicks func(most int) []float64
	XTitle string
	YTitle string
}

// Mark is a vertical line with words at its top and, where Y is a number, a dot
// on the curve.
type Mark struct {
	X, Y        float64
	Text, Class string
}

// Drawings are the plot wide and narrow.
func (p Plot) Drawings() []Drawing {
	return []Drawing{p.draw("wide", 960, 300, 9, 6), p.draw("narrow", 340, 230, 5, 5)}
}

// draw lays the plot out in a box of the given size with at most so many
// labels on each axis.
func (p Plot) draw(class string, width, height, xLabels, yLabels int) Drawing {
	const left, right, top, bottom = 52.0, 12.0, 30.0, 40.0
	d := Drawing{Class: class, Width: width, Height: height, Left: Coord(left), Right: Coord(float64(width) - right),
		Top: Coord(top), Bottom: Coord(float64(height) - bottom), XTitle: p.XTitle, YTitle: p.YTitle}
	if len(p.X) == 0 {
		return d
	}
	xlo, xhi := extent(p.X)
	half := 0.0
	if p.Bars != nil && len(p.X) > 1 { // room for half a bar at either end
		half = (xhi - xlo) / float64(len(p.X)-1) / 2
		xlo, xhi = xlo-half, xhi+half
	}
	ylo, yhi := extent([]float64{0}, p.Bars, p.Line, p.Dash, p.Dots, p.Low, p.High)
	if xhi <= xlo || yhi <= ylo {
		return d
	}
	yTicks := roundNumbers(ylo, yhi, yLabels)
	ylo, yhi = min(ylo, yTicks[0]), max(yhi, yTicks[len(yTicks)-1])
	x := func(v float64) float64 { return left + (v-xlo)/(xhi-xlo)*(float64(width)-left-right) }
	y := func(v float64) float64 {
		return float64(height) - bottom - (v-ylo)/(yhi-ylo)*(float64(height)-top-bottom)
	}

	for _, v := range yTicks {
		d.YTicks = append(d.YTicks, Tick{Coord(y(v)), p.YName(v)})
	}
	xTicks := p.XTicks
	if xTicks == nil {
		xTicks = func(most int) []float64 { return roundNumbers(xlo, xhi, most) }
	}
	for _, v := range xTicks(xLabels) {
		if v >= xlo && v <= xhi {
			d.XTicks = append(d.XTicks, Tick{Coord(x(v)), p.XName(v)})
		}
	}
	if ylo < 0 {
		d.Zero = Coord(y(0))
	}
	for i, v := range p.Bars {
		l, r := x(p.X[i]-half*0.72), x(p.X[i]+half*0.72)
		d.Bars = append(d.Bars, rect{Coord(l), Coord(y(max(v, 0))), Coord(max(r-l, 0.5)), Coord(math.Abs(y(v) - y(0)))})
	}
	for i, text := range p.Words {
		top := p.Bars[i]
		if i < len(p.Dots) && p.Dots[i] > top {
			top = p.Dots[i]
		}
		d.Words = append(d.Words, word{Coord(x(p.X[i])), Coord(y(max(top, 0)) - 9), text})
	}
	d.Line, d.Dash = polyline(p.X, p.Line, x, y), polyline(p.X, p.Dash, x, y)
	for i, v := range p.Dots {
		d.Dots = append(d.Dots, point{Coord(x(p.X[i])), Coord(y(v))})
	}
	d.Band = band(p.X, p.Low, p.High, x, y)
	d.Marks = p.drawMarks(x, y, xlo, xhi)
	return d
}

// drawMarks writes the words of two marks away from each other, so that close
// ones can both be read.
func (p Plot) drawMarks(x, y func(float64) float64, xlo, xhi float64) []drawnMark {
	var out []drawnMark
	for i, m := range p.Marks {
		if math.IsNaN(m.X) || m.X < xlo || m.X > xhi {
			continue
		}
		dm := drawnMark{X: Coord(x(m.X)), Text: m.Text, Class: m.Class, Anchor: "start", TextX: Coord(x(m.X) + 4)}
		leftmost := m.X > (xlo+xhi)/2
		if len(p.Marks) == 2 {
			other := p.Marks[1-i].X
			leftmost = m.X < other || m.X == other && i == 0
		}
		if leftmost {
			dm.Anchor, dm.TextX = "end", Coord(x(m.X)-4)
		}
		if !math.IsNaN(m.Y) {
			dm.Y = Coord(y(m.Y))
		}
		out = append(out, dm)
	}
	return out
}

// extent is the least and the greatest finite number of some lists.
func extent(lists ...[]float64) (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, list := range lists {
		for _, v := range list {
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				lo, hi = min(lo, v), max(hi, v)
			}
		}
	}
	return lo, hi
}

// roundNumbers are at most about n numbers of the form 1, 2 or 5 times a power
// of ten apart that cover lo..hi.
func roundNumbers(lo, hi float64, n int) []float64 {
	raw := (hi - lo) / float64(max(n-1, 1))
	if !(raw > 0) || math.IsInf(raw, 0) {
		return []float64{lo}
	}
	unit := math.Pow(10, math.Floor(math.Log10(raw)))
	step := 10 * unit
	for _, m := range []float64{1, 2, 5} {
		if m*unit >= raw*0.999 {
			step = m * unit
			break
		}
	}
	var out []float64
	for i := math.Floor(lo / step); ; i++ {
		out = append(out, i*step)
		if i*step >= hi-step*1e-9 || len(out) > 50 {
			return out
		}
	}
}

// polyline joins the points that are numbers; a gap begins anew.
func polyline(xs, ys []float64, x, y func(float64) float64) string {
	var b strings.Builder
	pen := "M"
	for i, v := range ys {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			pen = "M"
			continue
		}
		b.WriteString(pen + Coord(x(xs[i])) + " " + Coord(y(v)))
		pen = "L"
	}
	return b.String()
}

// band is the outline of the area between two curves.
func band(xs, low, high []float64, x, y func(float64) float64) string {
	if len(low) != len(xs) || len(high) != len(xs) {
		return ""
	}
	upper := polyline(xs, high, x, y)
	var b strings.Builder
	for i := len(xs) - 1; i >= 0; i-- {
		if math.IsNaN(low[i]) || math.IsInf(low[i], 0) {
			return ""
		}
		b.WriteString("L" + Coord(x(xs[i])) + " " + Coord(y(low[i])))
	}
	return upper + b.String() + "Z"
}

// Interpolate reads a curve between its points; NaN outside.
func Interpolate(xs, ys []float64, x float64) float64 {
	for i := 1; i < len(xs); i++ {
		if xs[i-1] <= x && x <= xs[i] && xs[i] > xs[i-1] {
			return ys[i-1] + (ys[i]-ys[i-1])*(x-xs[i-1])/(xs[i]-xs[i-1])
		}
	}
	return math.NaN()
}
