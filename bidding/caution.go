package bidding

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"

	"adsteward/bidding/allocate"
	"adsteward/bidding/guard"
	"adsteward/internal/money"
)

// cautious takes budgets towards where spend has them only as far as that pays even if
// what the sales of each are worth is wrong against the move, by risk.caution of its
// standard error (see against). Where worths are well known, or lie far apart, that
// changes little; where budgets would be moved on what is believed of whole kinds of
// campaigns, it leaves them. What all of them come to is doubt's to say, and stays.
func (p *planner) cautious(problem allocate.Problem, spend []float64, chosen []*unit) ([]float64, error) {
	caution := p.in.Policy.Risk.Caution
	if caution == 0 {
		return spend, nil
	}
	problem.Items = slices.Clone(problem.Items)
	scales := against(spend, chosen, caution)
	for i := range problem.Items {
		it, seen := &problem.Items[i], chosen[i].Lever.Seen.Float()
		if spend[i] > seen {
			it.Min = min(max(it.Min, seen), it.Max)
		} else {
			it.Max = max(min(it.Max, seen), it.Min)
		}
		it.Draws = slices.Clone(it.Draws)
		for j := range it.Draws {
			it.Draws[j].Worth *= scales[i]
		}
	}
	var least float64
	for _, it := range problem.Items {
		least += it.Min
	}
	total := max(min(floats.Sum(spend), mostOf(problem)), least) // to the last digit
	problem.Total, problem.SpendAll = &total, true
	sol, err := allocate.Solve(problem)
	if err != nil {
		return nil, fmt.Errorf("the budgets cannot be allocated: %w", err)
	}
	p.wary = map[*unit]bool{}
	for i, u := range chosen {
		seen, least := u.Lever.Seen.Float(), 0.01*u.Lever.Seen.Float()
		p.wary[u] = spend[i] > seen && sol.Spend[i] < spend[i]-least || spend[i] < seen && sol.Spend[i] > spend[i]+least
	}
	return sol.Spend, nil
}

// against is what the worth of each is multiplied by where it is wrong against a move of
// the budgets, by so many of its standard errors: what grows is worth less, what shrinks
// more. What errors campaigns to the same people have in common are wrong for all of
// them alike: against what these do together, and not between them.
func against(spend []float64, chosen []*unit, errors float64) []float64 {
	grows := map[string]float64{} // by audience
	for i, u := range chosen {
		grows[u.Worth.Audience] += spend[i] - u.Lever.Seen.Float()
	}
	out := make([]float64, len(chosen))
	for i, u := range chosen {
		own := 1 + errors*u.Worth.ownRelSD()
		common := (1 + errors*u.Worth.RelSD) / own
		if spend[i] > u.Lever.Seen.Float() {
			own = 1 / own
		}
		if grows[u.Worth.Audience] > 0 {
			common = 1 / common
		}
		out[i] = own * common
	}
	return out
}

// ownRelSD is the part of RelSD that campaigns to the same people do not share: half
// of the variance of what is believed of the incremental share, as in the ledger of
// experiments nobody knows how much it is.
func (w Worth) ownRelSD() float64 {
	if w.Audience == "" {
		return w.RelSD
	}
	const common = 0.5 // of the variance
	return math.Sqrt(max(square(w.RelSD)-common*square(w.IncrementalRelSD), 0))
}

// heldByCaution says why a budget goes no further than where it is to be.
func heldByCaution(u *unit) guard.Verdict {
	return guard.Verdict{Name: "caution", Answer: guard.Clamp, Setting: "risk.caution",
		Detail: fmt.Sprintf("What its sales are worth is known to within %.0f %%: a larger change might not pay.", 100*u.Worth.RelSD)}
}

// atAim reports whether a value is where the budget is to be in the end, which caution
// has moved nearer.
func (p *planner) atAim(u *unit, v money.Micros) bool {
	aim, unit := p.aim[u], u.Facts[u.Lever.Key.String()].Unit(u.Lever.Field).Float()
	return p.wary[u] && v.Float() > aim-unit && v.Float() < aim+unit
}
