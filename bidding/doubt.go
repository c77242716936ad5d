package bidding

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"

	"adsteward/bidding/allocate"
)

// doubted is the optimum given that all worths together may be off by the
// policy's risk.doubt. Where best spends less than now, it is solved again with
// every worth larger by it, where it spends more, smaller; where that already
// turns the sign, the total stays what it is now and only moves between the
// items. What errors of margins, lifetimes and incremental shares have in common
// cannot make the total wrong by more than it is now, unless they are larger.
//
// scale is what worths were multiplied by; the price of money is in worths as they
// are believed.
func (p *planner) doubted(problem allocate.Problem, best allocate.Solution, chosen []*unit) (s allocate.Solution, scale float64, err error) {
	doubt, now := p.in.Policy.Risk.Doubt, budgetsOf(chosen)
	total := floats.Sum(best.Spend)
	if doubt == 0 || math.Abs(total-now) <= 1e-6*now {
		return best, 1, nil
	}
	scale = 1 + doubt
	if total > now {
		scale = 1 / scale
	}
	if s, err = allocate.Solve(worthMore(problem, scale)); err != nil {
		return best, 1, fmt.Errorf("the budgets cannot be allocated: %w", err)
	}
	if (total < now) == (floats.Sum(s.Spend) < now) || !holdable(problem, chosen, now) {
		// Whatever the doubt about all together, nobody would raise a budget that is
		// believed to earn less than it costs, or cut one that is believed to earn more.
		if s, err = allocate.Solve(worthMore(between(problem, best.Spend, chosen), scale)); err != nil {
			return best, 1, fmt.Errorf("the budgets cannot be allocated: %w", err)
		}
		s.ShadowPrice /= scale
		return s, scale, nil
	}
	// What grows does so no further than it would by itself; what shrinks makes room.
	problem.Items = slices.Clone(problem.Items)
	for i := range problem.Items {
		it := &problem.Items[i]
		it.Max = min(it.Max, max(chosen[i].Lever.Seen.Float(), best.Spend[i]))
	}
	problem.Total, problem.SpendAll = &now, true
	if s, err = allocate.Solve(problem); err != nil {
		return best, 1, fmt.Errorf("the budgets cannot be allocated at their present total: %w", err)
	}
	p.allocation.Kept = true
	return s, 1, nil
}

// worthMore is a problem whose worths are all larger by a factor.
func worthMore(problem allocate.Problem, scale float64) allocate.Problem {
	problem.Items = slices.Clone(problem.Items)
	for i := range problem.Items {
		draws := slices.Clone(problem.Items[i].Draws)
		for j := range draws {
			draws[j].Worth *= scale
		}
		problem.Items[i].Draws = draws
	}
	return problem
}

// between keeps each budget between what it is now and another, as far as its bounds
// allow.
func between(problem allocate.Problem, other []float64, chosen []*unit) allocate.Problem {
	problem.Items = slices.Clone(problem.Items)
	for i := range problem.Items {
		it, seen := &problem.Items[i], chosen[i].Lever.Seen.Float()
		lo, hi := it.Min, it.Max
		it.Min, it.Max = min(max(min(seen, other[i]), lo), hi), min(max(max(seen, other[i]), lo), hi)
	}
	return problem
}

// holdable reports whether the present budgets keep to the problem's limits.
func holdable(problem allocate.Problem, chosen []*unit, now float64) bool {
	if problem.Total != nil && now > *problem.Total {
		return false
	}
	at := map[string]float64{}
	for i, it := range problem.Items {
		seen := chosen[i].Lever.Seen.Float()
		if seen < it.Min || seen > it.Max {
			return false
		}
		at[it.ID] = seen
	}
	for _, g := range problem.Groups {
		var sum float64
		for _, id := range g.IDs {
			sum += at[id]
		}
		if sum > g.Max {
			return false
		}
	}
	return true
}

// doubtNote says that the total was kept, and why; empty where it was not.
func (p *planner) doubtNote() string {
	if !p.allocation.Kept {
		return ""
	}
	return fmt.Sprintf("All budgets together stay what they are: whether they should grow or shrink hangs on what sales are worth to within %.0f %%, and that is not known so well (risk.doubt). Money only moves between campaigns.",
		100*p.in.Policy.Risk.Doubt)
}
