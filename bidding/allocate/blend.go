package allocate

import (
	"math"
	"slices"
)

const (
	// Of so many of the best spends met blends are made, and after the search of
	// probabilities so many more are looked for.
	mostMet, blendLooks = 60, 80
	blendSteps          = 300 // to the best blend of them
)

// met is what was best at some probabilities of the draws, and its share of the
// best blend.
type met struct {
	sol     Solution
	profits []float64
	share   float64
}

// remember keeps what was best, but only once.
func (f *saddle) remember(sol Solution, profits []float64) {
	for _, m := range f.kept {
		if slices.Equal(m.sol.Spend, sol.Spend) {
			return
		}
	}
	if len(f.kept) == mostMet {
		least := 0
		for k, m := range f.kept {
			if m.share < f.kept[least].share {
				least = k
			}
		}
		f.kept = slices.Delete(f.kept, least, least+1)
	}
	f.kept = append(f.kept, met{sol: sol, profits: profits})
}

// blend ends the search where g has an edge, as it has with straight lines: there
// several spends are best and their blend is what the worst draws earn most from.
//
// This is a proximal bundle method (Lemarechal 1975; Kiwiel 1990). The greatest
// mean that a spend met has at q is a lower bound of g. Its least, not too far
// from the best q so far, is at the worst probabilities of the best blend of
// these spends, where g is looked at next.
func (f *saddle) blend(now weighing, step float64) error {
	for range min(blendLooks, f.patience) {
		q, floor := f.shares(now.q, step)
		next, err := f.at(q)
		if err != nil {
			return err
		}
		f.mix(next)
		switch {
		case f.done() || slices.Equal(q, now.q):
			return nil
		case next.g <= now.g-0.1*(now.g-floor):
			now, step = next, 2*step
		default:
			step *= 0.9
		}
	}
	return nil
}

// shares finds the best blend of the spends met and its worst probabilities, less
// their squared distance from center over 2 step, by an accelerated gradient
// (Nesterov 1983). floor is the greatest mean that a spend met has there.
func (f *saddle) shares(center []float64, step float64) (q []float64, floor float64) {
	n, curved := len(f.kept), step*f.spread()
	share, before, ahead := make([]float64, n), make([]float64, n), make([]float64, n)
	for k, m := range f.kept {
		share[k] = m.share
	}
	toSimplex(share, 1)
	copy(ahead, share)
	pace := 1.0
	for range blendSteps {
		q = f.worstAt(ahead, center, step)
		copy(before, share)
		for k, m := range f.kept {
			share[k] = ahead[k]
			if curved > 0 {
				share[k] += dot(q, m.profits) / curved
			}
		}
		toSimplex(share, 1)
		var forth float64 // below 0 where the momentum leads back
		next := (1 + math.Sqrt(1+4*pace*pace)) / 2
		for k := range share {
			forth += (share[k] - ahead[k]) * (share[k] - before[k])
			ahead[k] = share[k] + (pace-1)/next*(share[k]-before[k])
		}
		if pace = next; forth < 0 {
			pace = 1
			copy(ahead, share)
		}
	}
	q, floor = f.worstAt(share, center, step), math.Inf(-1)
	for k := range f.kept {
		f.kept[k].share = share[k]
		floor = max(floor, dot(q, f.kept[k].profits))
	}
	return q, floor
}

// spread is the sum of the squares by which the profits of the spends met differ
// from their mean. With the step it bounds the second derivative by the shares.
func (f *saddle) spread() (sum float64) {
	for j := range f.s.n {
		var mean float64
		for _, m := range f.kept {
			mean += m.profits[j] / float64(len(f.kept))
		}
		for _, m := range f.kept {
			sum += (m.profits[j] - mean) * (m.profits[j] - mean)
		}
	}
	return sum
}

// worstAt is the worst probabilities of a blend, near center.
func (f *saddle) worstAt(share, center []float64, step float64) []float64 {
	q := slices.Clone(center)
	for k, m := range f.kept {
		for j, v := range m.profits {
			q[j] -= step * share[k] * v
		}
	}
	toSimplex(q, f.most)
	return q
}

// mix looks at the spends of the blend. They are within all bounds, for what was
// blended is, and a bound binds that binds in all of it. The price is that at the
// blend's worst probabilities.
func (f *saddle) mix(at weighing) {
	const some = 1e-9
	out := Solution{Spend: make([]float64, len(at.x)), ShadowPrice: at.price, Status: Optimal, Weights: at.q}
	var whole float64
	for _, m := range f.kept {
		if m.share > some {
			whole += m.share
		}
	}
	first := true
	for _, m := range f.kept {
		if m.share <= some {
			continue
		}
		for i, x := range m.sol.Spend {
			out.Spend[i] += m.share / whole * x
		}
		binds := func(b Bound) bool { return slices.Contains(m.sol.Binding, b) }
		if first {
			out.Binding, first = slices.Clone(m.sol.Binding), false
		}
		out.Binding = slices.DeleteFunc(out.Binding, func(b Bound) bool { return !binds(b) })
	}
	for i, it := range f.s.p.Items { // but for rounding
		out.Spend[i] = clamp(out.Spend[i], it.Min, it.Max)
	}
	if v, _ := tail(f.s.profits(out.Spend), f.most); v > f.best.Objective {
		out.Objective = v
		f.best = out
	}
}

func dot(a, b []float64) (sum float64) {
	for j, v := range a {
		sum += v * b[j]
	}
	return sum
}
