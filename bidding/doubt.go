package bidding

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"

	"adsteward/bidding/allocate"
)

// doubted is the optimum given that all worths together may be off by the
// policy's risk.doubt, which is about the total: where best spends less than now,
// the total is what it would be with every worth larger by it, where it spends more,
// smaller; where that already turns the sign, it stays what it is now. Where money
// lies within it goes by what is believed. What errors of margins, lifetimes and
// incremental shares have in common cannot make the total wrong by more than it is
// now, unless they are larger.
//
// scale is what worths are to be multiplied by on the way there, and inner the problem
// of which s is the optimum.
func (p *planner) doubted(problem allocate.Problem, best allocate.Solution, chosen []*unit) (s allocate.Solution, scale float64, inner allocate.Problem, err error) {
	doubt, now := p.in.Policy.Risk.Doubt, budgetsOf(chosen)
	total := floats.Sum(best.Spend)
	if doubt == 0 || math.Abs(total-now) <= 1e-6*now {
		return best, 1, problem, nil
	}
	scale = 1 + doubt
	if total > now {
		scale = 1 / scale
	}
	if s, err = allocate.Solve(worthMore(problem, scale)); err != nil {
		return best, 1, problem, fmt.Errorf("the budgets cannot be allocated: %w", err)
	}
	whole := floats.Sum(s.Spend)
	if p.allocation.Kept = (total < now) != (whole < now) && holdable(problem, chosen, now); p.allocation.Kept {
		whole, scale = now, 1
	}
	// Where the money lies goes by what is believed: what grows does so no further
	// than it would by itself, and what shrinks makes room.
	problem.Items = slices.Clone(problem.Items)
	for i := range problem.Items {
		it := &problem.Items[i]
		it.Max = max(min(it.Max, max(chosen[i].Lever.Seen.Float(), best.Spend[i])), it.Min)
	}
	whole = min(whole, mostOf(problem))
	problem.Total, problem.SpendAll = &whole, true
	if s, err = allocate.Solve(problem); err != nil {
		return best, 1, problem, fmt.Errorf("the budgets cannot be allocated at a total of %.2f: %w", whole, err)
	}
	return s, scale, problem, nil
}

// mostOf is the most that a problem's items can spend together.
func mostOf(problem allocate.Problem) (most float64) {
	at := map[string]float64{}
	for _, it := range problem.Items {
		at[it.ID] = it.Max
		most += it.Max
	}
	for _, g := range problem.Groups {
		var sum float64
		for _, id := range g.IDs {
			sum += at[id]
		}
		most -= max(sum-g.Max, 0)
	}
	return most
}

// worthMore is a problem whose worths are all larger by a factor.
func worthMore(problem allocate.Problem, scale float64) allocate.Problem {
	if scale == 1 {
		return problem
	}
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
