package allocate

import (
	"context"
	"fmt"
	"math"
	"slices"
)

const (
	// riskTolerance is how near, relative to the mean value that the spends
	// bring, the objective must come to its bound.
	riskTolerance = 1e-6
	// The search for the probabilities of the draws ends after so many solved
	// problems, fewer where each is large; the gap is then said.
	mostLooks, leastLooks = 400, 20
	riskEffort            = 40_000_000 // looks times items times draws
)

// worst maximises the mean profit of the worst draws: the least mean under
// probabilities of at most most each, that is CVaR at the level 1/(most n)
// (Rockafellar and Uryasev 2000, the dual of their equation 14).
//
// The best spends and the worst probabilities are a saddle point. For given
// probabilities q the best spends solve an ordinary problem of concave curves,
// exactly; what they earn, g(q), is convex in q, no spends have a greater
// objective, and its slope is the draws' profits at these spends. So g is
// minimised over q, by spectral projected gradient (Birgin, Martinez and Raydan
// 2000), and the difference between the least g and the best objective met is a
// certificate: it bounds what is missing. Where that is not closed then, blends of
// the spends met are tried.
func (s scenarios) worst(ctx context.Context, start Solution, most float64) (Solution, error) {
	if err := s.concave(ctx); err != nil {
		return Solution{}, err
	}
	f := saddle{ctx: ctx, s: s, most: most, bound: math.Inf(1), patience: mostLooks}
	f.patience = min(max(riskEffort/max(s.n*len(s.p.Items), 1), leastLooks), mostLooks)
	now := f.look(start.Weights, start)
	// Two guesses to begin with: all draws alike, and the worst ones at the mean's
	// best spends.
	_, bad := tail(now.profits, most)
	for _, q := range [][]float64{bad, blendOf(start.Weights, bad)} {
		next, err := f.at(q)
		if err != nil {
			return Solution{}, err
		}
		if next.g < now.g {
			now = next
		}
	}
	step := f.firstStep(now)
	recent := []float64{now.g}
	for f.looks < f.patience && !f.done() {
		to := make([]float64, s.n)
		for j := range to {
			to[j] = now.q[j] - step*now.profits[j]
		}
		toSimplex(to, most)
		var fall float64
		for j := range to {
			fall += now.profits[j] * (to[j] - now.q[j])
		}
		if !(fall < 0) {
			break
		}
		next, err := f.line(now, to, fall, slices.Max(recent))
		if err != nil {
			return Solution{}, err
		}
		var ss, sy float64
		for j := range to {
			d := next.q[j] - now.q[j]
			ss += d * d
			sy += d * (next.profits[j] - now.profits[j])
		}
		if sy > 0 {
			step = ss / sy
		} else {
			step *= 4
		}
		now = next
		const memory = 8
		if recent = append(recent, now.g); len(recent) > memory {
			recent = recent[1:]
		}
	}
	if !f.done() {
		if err := f.blend(f.lowest, f.firstStep(f.lowest)); err != nil {
			return Solution{}, err
		}
	}
	return f.solution(), nil
}

// blendOf is halfway between two sets of probabilities.
func blendOf(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for j := range out {
		out[j] = (a[j] + b[j]) / 2
	}
	return out
}

// concave names the first item whose curve is not: the least of several profits
// is solved for concave curves only.
func (s scenarios) concave(ctx context.Context) error {
	sv, err := newSolver(ctx, s.weighted(s.uniform()))
	if err != nil {
		return err
	}
	for _, it := range sv.items {
		if it.bend != concave {
			id := s.p.Items[it.index].ID
			return &BadItem{id, -1, fmt.Sprintf("item %q has an S-shaped curve; risk: quantile and cvar need concave ones, so use mean or another curve", id)}
		}
	}
	return nil
}

// saddle searches the probabilities of the draws.
type saddle struct {
	ctx             context.Context
	s               scenarios
	most            float64
	looks, patience int
	bound           float64  // no spends have a greater objective
	best            Solution // of the greatest objective met, with the weights it came from
	met             bool
	lowest          weighing // where g is the least
	kept            []met
}

// weighing is what is best at one set of probabilities.
type weighing struct {
	q, profits, x []float64
	g, price      float64
}

func (f *saddle) at(q []float64) (weighing, error) {
	sol, err := solveCertain(f.ctx, f.s.weighted(q))
	if err != nil {
		return weighing{}, err
	}
	sol.Weights = q
	return f.look(q, sol), nil
}

func (f *saddle) look(q []float64, sol Solution) weighing {
	f.looks++
	w := weighing{q: q, x: sol.Spend, profits: f.s.profits(sol.Spend), g: sol.Objective, price: sol.ShadowPrice}
	f.remember(sol, w.profits)
	if !f.met || w.g < f.lowest.g {
		f.lowest = w
	}
	f.bound = min(f.bound, w.g)
	if v, _ := tail(w.profits, f.most); !f.met || v > f.best.Objective {
		f.best, f.met = sol, true
		f.best.Objective = v
	}
	return w
}

// line goes from now towards to until g falls enough below the highest of the
// last ones; fall is its slope there.
func (f *saddle) line(now weighing, to []float64, fall, highest float64) (weighing, error) {
	next := now
	for t := 1.0; t > 1e-9 && f.looks < f.patience; t /= 4 {
		q := make([]float64, len(to))
		for j := range q {
			q[j] = now.q[j] + t*(to[j]-now.q[j])
		}
		var err error
		if next, err = f.at(q); err != nil {
			return next, err
		}
		if next.g <= highest+1e-4*t*fall || f.done() {
			break
		}
	}
	return next, nil
}

// firstStep moves the probabilities by as much as they may be.
func (f *saddle) firstStep(w weighing) float64 {
	spread := slices.Max(w.profits) - slices.Min(w.profits)
	if spread == 0 {
		return 1
	}
	return f.most / spread
}

// scale is what the gap is measured by.
func (f *saddle) scale() float64 {
	size := math.Abs(f.best.Objective)
	for _, x := range f.best.Spend {
		size += x
	}
	return size
}

func (f *saddle) gap() float64 { return max(0, f.bound-f.best.Objective) }
func (f *saddle) done() bool   { return f.gap() <= riskTolerance*f.scale() }

func (f *saddle) solution() Solution {
	out := f.best
	if f.done() {
		out.Status, out.Gap = Optimal, 0
		return out
	}
	out.Gap = f.gap()
	out.Status = fmt.Sprintf("best found: the objective is %.6g and the optimum at most %.3g more", out.Objective, out.Gap)
	return out
}

// toSimplex moves q to the nearest probabilities of at most most each that add
// up to 1.
func toSimplex(q []float64, most float64) {
	lo, hi := slices.Min(q)-most, slices.Max(q)
	for range maxSteps {
		mid := lo + (hi-lo)/2
		if mid <= lo || mid >= hi {
			break
		}
		var sum float64
		for _, v := range q {
			sum += clamp(v-mid, 0, most)
		}
		if sum > 1 {
			lo = mid
		} else {
			hi = mid
		}
	}
	var sum float64
	for j, v := range q {
		q[j] = clamp(v-lo, 0, most)
		sum += q[j]
	}
	for j := range q { // what rounding has left
		q[j] = min(q[j]/sum, most)
	}
}
