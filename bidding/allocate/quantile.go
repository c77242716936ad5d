package allocate

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// quantile seeks the spends whose profit is the greatest that all but the worst
// draws reach. The quantile of profits is not concave in the spends, so this is
// a search that only climbs: it drops the draws that are worst at the best
// spends met, makes the least profit of all others as large as can be (worst, on
// these), and begins again there. No step lowers the quantile. It starts from
// the best spends of the mean and of two tails' means.
//
// The bound is the same quantile of what each draw could earn at best, each with
// spends of its own: no spends give any draw more.
func (s scenarios) quantile(ctx context.Context, mean Solution) (Solution, error) {
	if err := s.concave(ctx); err != nil {
		return Solution{}, err
	}
	at := rank(s.n, s.p.Risk.level())
	worth := func(x []float64) float64 { return slices.Sorted(slices.Values(s.profits(x)))[at] }
	best := mean
	for _, level := range []float64{0, s.p.Risk.level(), min(1, 2*s.p.Risk.level())} {
		from := mean
		if level > 0 {
			var err error
			if from, err = s.worst(ctx, mean, worstCap(s.n, level)); err != nil {
				return Solution{}, err
			}
		}
		if err := s.climb(ctx, &from, at, worth); err != nil {
			return Solution{}, err
		}
		if worth(from.Spend) > worth(best.Spend) {
			best = from
		}
	}
	bound, err := s.ceilings(ctx, at)
	if err != nil {
		return Solution{}, err
	}
	best.Objective = worth(best.Spend)
	best.Status, best.Gap = Optimal, max(0, bound-best.Objective)
	if best.Gap <= riskTolerance*(math.Abs(best.Objective)+sum(best.Spend)) {
		best.Gap = 0
	} else {
		best.Status = fmt.Sprintf("best found: the objective is %.6g and the optimum at most %.3g more; a quantile is not concave, so this is a search", best.Objective, best.Gap)
	}
	return best, nil
}

// climb raises the quantile from the spends given until it stays.
func (s scenarios) climb(ctx context.Context, from *Solution, at int, worth func([]float64) float64) error {
	const climbs = 20
	for range climbs {
		profits := s.profits(from.Spend)
		order := make([]int, s.n)
		for j := range order {
			order[j] = j
		}
		slices.SortStableFunc(order, func(a, b int) int {
			if profits[a] < profits[b] {
				return -1
			}
			return 1
		})
		kept := order[at:]
		slices.Sort(kept)
		some := s.only(kept)
		mean, err := solveCertain(ctx, some.weighted(some.uniform()))
		if err != nil {
			return err
		}
		mean.Weights = some.uniform()
		next, err := some.worst(ctx, mean, 1)
		if err != nil {
			return err
		}
		if before := worth(from.Spend); worth(next.Spend) <= before+riskTolerance*math.Abs(before) {
			return nil
		}
		all := make([]float64, s.n)
		for k, j := range kept {
			all[j] = next.Weights[k]
		}
		*from = next
		from.Weights = all
	}
	return nil
}

// only is the problem with some of its draws.
func (s scenarios) only(kept []int) scenarios {
	out := scenarios{p: s.p, n: len(kept)}
	out.p.Items = slices.Clone(s.p.Items)
	for i, it := range out.p.Items {
		if len(it.Draws) > 0 {
			draws := make([]Draw, len(kept))
			for k, j := range kept {
				draws[k] = it.Draws[j]
			}
			out.p.Items[i].Draws = draws
		}
	}
	return out
}

// ceilings is the value at a rank of the most that each draw can earn.
func (s scenarios) ceilings(ctx context.Context, at int) (float64, error) {
	most := make([]float64, s.n)
	for j := range most {
		p := s.p
		p.Items = slices.Clone(p.Items)
		for i := range p.Items {
			if it := &p.Items[i]; len(it.Draws) > 0 {
				it.Worth, it.Curve, it.Draws = it.Draws[j].Worth, it.Draws[j].Curve, nil
			}
		}
		sol, err := solveCertain(ctx, p)
		if err != nil {
			return 0, err
		}
		most[j] = sol.Objective
	}
	slices.Sort(most)
	return most[at], nil
}

func sum(xs []float64) (total float64) {
	for _, x := range xs {
		total += x
	}
	return total
}
