package bidding

import (
	"fmt"
	"math"
	"slices"

	"adsteward/bidding/allocate"
)

// doubted is the optimum given that all worths together may be off by the
// policy's risk.doubt. Where best spends less than now, it is solved again with
// every worth larger by it, where it spends more, smaller; where that already
// turns the sign, the total stays what it is now and only moves between the
// items. What errors of margins, lifetimes and incremental shares have in common
// cannot make the total wrong by more than it is now, unless they are larger.
func (p *planner) doubted(problem allocate.Problem, best allocate.Solution, chosen []*unit) (allocate.Solution, error) {
	doubt := p.in.Policy.Risk.Doubt
	var now, total float64
	for i, u := range chosen {
		now += u.Lever.Seen.Float()
		total += best.Spend[i]
	}
	if doubt == 0 || math.Abs(total-now) <= 1e-6*now {
		return best, nil
	}
	scale := 1 + doubt
	if total > now {
		scale = 1 / scale
	}
	scaled := problem
	scaled.Items = slices.Clone(problem.Items)
	for i := range scaled.Items {
		draws := slices.Clone(scaled.Items[i].Draws)
		for j := range draws {
			draws[j].Worth *= scale
		}
		scaled.Items[i].Draws = draws
	}
	s, err := allocate.Solve(scaled)
	if err != nil {
		return best, fmt.Errorf("the budgets cannot be allocated: %w", err)
	}
	var doubtful float64
	for _, v := range s.Spend {
		doubtful += v
	}
	if (total < now) == (doubtful < now) || !holdable(problem, chosen, now) {
		s.ShadowPrice /= scale
		return s, nil
	}
	// Nobody would raise a budget that is believed to earn less than it costs: what
	// grows does so no further than it would by itself.
	problem.Items = slices.Clone(problem.Items)
	for i := range problem.Items {
		it := &problem.Items[i]
		it.Max = min(it.Max, max(chosen[i].Lever.Seen.Float(), best.Spend[i]))
	}
	problem.Total, problem.SpendAll = &now, true
	if s, err = allocate.Solve(problem); err != nil {
		return best, fmt.Errorf("the budgets cannot be allocated at their present total: %w", err)
	}
	p.allocation.Kept = true
	return s, nil
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
