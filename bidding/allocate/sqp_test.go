package allocate_test

import (
	"math"

	"adsteward/bidding/allocate"
)

// sqp is sequential quadratic programming from the uniform split: each step goes
// to the optimum of the quadratic model within the bounds and the total, as far as
// the objective rises, and the last rises it by less than 1e-9. It returns the
// objective.
func sqp(p allocate.Problem) float64 {
	x := make([]float64, len(p.Items))
	for i, it := range p.Items {
		x[i] = min(max(*p.Total/float64(len(x)), it.Min), it.Max)
	}
	objective := func(x []float64) (sum float64) {
		for i, it := range p.Items {
			sum += it.Worth*it.Curve.Value(x[i]) - x[i]
		}
		return sum
	}
	f := objective(x)
	for range 1000 {
		step, rise := quadratic(p, x)
		next, fNext := make([]float64, len(x)), f
		for t := 1.0; t > 1e-12; t /= 2 {
			for i := range x {
				next[i] = x[i] + t*step[i]
			}
			if fNext = objective(next); fNext >= f+1e-4*t*rise {
				break
			}
		}
		if fNext-f <= 1e-9*math.Abs(f) {
			return max(f, fNext)
		}
		x, f = next, fNext
	}
	return f
}

// quadratic is the step to the optimum of the quadratic model at x, and how much
// the objective would rise if it were straight. Items are fixed at the bounds that
// they overstep, those of the side that oversteps by more, until none does (Bitran
// and Hax 1981).
func quadratic(p allocate.Problem, x []float64) (step []float64, rise float64) {
	n := len(x)
	slope, curve, fixed := make([]float64, n), make([]float64, n), make([]bool, n)
	room := *p.Total
	for i, it := range p.Items {
		d := 1e-6 * (1 + x[i])
		at := func(x float64) float64 { return it.Worth * it.Curve.Slope(x) }
		slope[i] = at(x[i]) - 1
		// Where the curve is convex the model must not be: it is nearly straight.
		curve[i] = max((at(x[i])-at(x[i]+d))/d, 1e-9*(1+math.Abs(slope[i])))
		room -= x[i]
	}
	step = make([]float64, n)
	for {
		var weight, wanted float64 // of what is not fixed, at the price 0
		left := room
		for i := range x {
			if fixed[i] {
				left -= step[i]
				continue
			}
			weight += 1 / curve[i]
			wanted += slope[i] / curve[i]
		}
		price := 0.0
		if weight > 0 {
			price = max(0, (wanted-left)/weight)
		}
		var below, above float64
		for i, it := range p.Items {
			if !fixed[i] {
				step[i] = (slope[i] - price) / curve[i]
				below += max(0, it.Min-x[i]-step[i])
				above += max(0, x[i]+step[i]-it.Max)
			}
		}
		if below == 0 && above == 0 {
			break
		}
		for i, it := range p.Items {
			lo, hi := it.Min-x[i], it.Max-x[i]
			if over := step[i] > hi; !fixed[i] && (below >= above && step[i] < lo || above >= below && over) {
				step[i], fixed[i] = min(max(step[i], lo), hi), true
			}
		}
	}
	for i := range x {
		rise += slope[i] * step[i]
	}
	return step, rise
}
