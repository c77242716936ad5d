package bidding

import (
	"fmt"
	"slices"
	"time"

	"gonum.org/v1/gonum/floats"

	"adsteward/bidding/allocate"
	"adsteward/bidding/guard"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// farStep is how far from now the goal looks for a budget: at most double and at
// least half, for curves say little beyond.
const farStep = 2

// goal is where the budgets that bind are to go.
type goal struct {
	spend []float64
	scale float64 // of all worths, in view of doubt
	lent  float64 // room that idle budgets give beyond the total
}

// allocate chooses the budgets that bind, in two steps. The goal is what they would
// best be if none had to rest and steps were large. Tonight each goes between what
// it is and the goal, as far as the guardrails allow: what is left of the total by
// budgets that rest at too much, or at too little, is not made up for by moving
// others away from where they are to be. Only where that would leave more above the
// total than what rests is to give, all are cut. All other budgets stay and use up
// their part of the total.
func (p *planner) allocate() error {
	p.mu, p.spending, p.spend, p.aim = 1, 1, map[*unit]float64{}, map[*unit]float64{}
	p.paceMonths()
	total, note := p.total()
	room := total.Float()
	var chosen []*unit
	for _, u := range p.units {
		p.allocation.Before += u.owned(p.in)
		if u.Lever == nil || u.Lever.Field != platform.DailyBudget {
			room -= u.owned(p.in).Float()
			continue
		}
		chosen = append(chosen, u)
		room -= (u.owned(p.in) - u.Lever.Seen).Float() // what an experiment will put back
	}
	likely := make([][]allocate.Draw, len(chosen))
	for i, u := range chosen {
		likely[i] = u.likely()
	}
	g, err := p.goal(chosen, likely, room)
	if err != nil {
		return err
	}
	sol, err := p.tonight(chosen, likely, room, g)
	if err != nil {
		return err
	}
	p.priceTargets()
	p.ease()
	for _, n := range []string{p.riskNote(), p.doubtNote()} {
		if n != "" {
			note = append(note, n)
		}
	}
	p.allocation.ShadowPrice, p.allocation.Total, p.allocation.Status, p.allocation.Notes = p.mu, total, sol.Status, note
	return nil
}

// goal finds where the budgets are to go and sets the prices of money there.
func (p *planner) goal(chosen []*unit, likely [][]allocate.Draw, room float64) (goal, error) {
	patient := p.in.Policy
	patient.Step.Default, patient.Step.HardLimit = 1, 1
	problem := p.problem(chosen, likely, patient, func(f *guard.Facts) {
		// What passes in days.
		f.LastChange, f.LastChangeByOther, f.Refused, f.Learning, f.LastOutage, f.Silent = 0, time.Time{}, nil, "", 0, 0
	})
	p.limit(&problem, chosen, room)
	best, err := allocate.Solve(problem)
	if err != nil {
		return goal{}, fmt.Errorf("the budgets cannot be allocated: %w", err)
	}
	p.mu = best.ShadowPrice
	if problem, best, err = p.lendIdle(problem, best, room); err != nil {
		return goal{}, err
	}
	sol, scale, inner, err := p.doubted(problem, best, chosen)
	if err != nil {
		return goal{}, err
	}
	if sol.Spend, err = p.cautious(inner, sol.Spend, chosen); err != nil {
		return goal{}, err
	}
	p.spending = sol.ShadowPrice
	even := slices.Repeat([]float64{1.0 / draws}, draws)
	for i, u := range chosen {
		u.mean = allocate.Mix(problem.Items[i].Draws, even)
		if u.weighed = u.mean; p.averse() {
			u.weighed = allocate.Mix(problem.Items[i].Draws, sol.Weights)
		}
	}
	p.priceMonths(chosen, problem, sol.Spend)
	for _, b := range sol.Binding { // each item's own bound is in its row
		if b.Of != "item" {
			p.allocation.Binding = append(p.allocation.Binding, bindingText(b))
		}
	}
	g := goal{spend: sol.Spend, scale: scale}
	for _, i := range p.lent {
		g.lent += i.frees().Float()
	}
	return g, nil
}

// tonight takes the budgets towards the goal as far as they may go.
func (p *planner) tonight(chosen []*unit, likely [][]allocate.Draw, room float64, g goal) (sol allocate.Solution, err error) {
	room += g.lent
	free := p.problem(chosen, likely, p.in.Policy, func(*guard.Facts) {})
	problem := between(free, g.spend, chosen)
	total, months := p.needs(problem, chosen, room)
	least, inMonths := p.needs(free, chosen, room)
	over := max(total-least, months-inMonths)
	for i, u := range chosen {
		if it := free.Items[i]; it.Min >= it.Max { // what rests is cut when it may be
			over -= max(u.Lever.Seen.Float()-g.spend[i], 0)
		}
	}
	if over > 0 { // the limit comes first: all are cut as far as they may be
		for i := range problem.Items {
			problem.Items[i].Min = free.Items[i].Min
		}
	}
	p.limit(&problem, chosen, room)
	if now := budgetsOf(chosen); p.allocation.Kept && holdable(problem, chosen, now) {
		problem.Total, problem.SpendAll = &now, true
	}
	if sol, err = allocate.Solve(worthMore(problem, g.scale)); err != nil {
		return sol, fmt.Errorf("the budgets cannot be allocated: %w", err)
	}
	p.full = floats.Sum(sol.Spend) > *problem.Total*(1-1e-6)
	p.keepLent(room-g.lent, sol.Spend)
	for i, u := range chosen {
		p.spend[u], p.aim[u] = sol.Spend[i], g.spend[i]
	}
	free.Total, free.Groups = problem.Total, problem.Groups
	return sol, p.explore(free, sol, chosen)
}

// needs is what the total and the months have to leave a problem's least budgets: what
// they leave, or more where that is not enough.
func (p *planner) needs(problem allocate.Problem, chosen []*unit, room float64) (total, months float64) {
	total = p.limit(&problem, chosen, room)
	for _, g := range problem.Groups {
		months += g.Max
	}
	return total, months
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

// problem asks for the best budgets between what a policy allows at least and at
// most, in view of facts with an edit, by what each is likely to earn.
func (p *planner) problem(chosen []*unit, likely [][]allocate.Draw, policy guard.Policy, edit func(*guard.Facts)) allocate.Problem {
	out := allocate.Problem{Risk: allocate.Risk{Objective: p.in.Policy.Risk.Objective, Level: p.in.Policy.Risk.Level}}
	for i, u := range chosen {
		f := u.leverFacts(p.in)
		edit(&f)
		lo, _ := guard.Check(policy, guard.Propose, f, p.change(u, u.Lever.Seen/farStep))
		hi, _ := guard.Check(policy, guard.Propose, f, p.change(u, u.Lever.Seen*farStep))
		out.Items = append(out.Items, allocate.Item{ID: u.Key.String(), Min: lo.Float(), Max: hi.Float(), Draws: likely[i]})
	}
	return out
}

// limit gives a problem its total and its groups. Where not even the least budgets
// fit in, the total is what they need.
func (p *planner) limit(problem *allocate.Problem, chosen []*unit, room float64) (total float64) {
	var least float64
	for _, it := range problem.Items {
		least += it.Min
	}
	room, problem.Groups = p.monthLimits(chosen, problem.Items, room)
	room = max(room, least)
	problem.Total = &room
	return room
}

// budgetsOf is what the budgets are now, together.
func budgetsOf(chosen []*unit) (now float64) {
	for _, u := range chosen {
		now += u.Lever.Seen.Float()
	}
	return now
}

// heldByTotal says why a budget goes no further towards the goal than it may in a
// step: since all budgets together may not.
func (p *planner) heldByTotal() []guard.Verdict {
	held := guard.Verdict{Name: "total_cap", Answer: guard.Clamp, Setting: "total_daily_cap", Detail: "All daily budgets together are at their limit, and the rest earns more elsewhere."}
	_, setting, capped := p.in.Policy.Cap()
	_, months := p.monthTotal()
	switch {
	case p.allocation.Kept:
		held.Name, held.Setting, held.Detail = "doubt", "risk.doubt", p.doubtNote()
	case !p.full:
		return nil
	case capped:
		held.Setting = setting
	case months:
		held.Name, held.Setting = "monthly_pace", "monthly"
	default:
		held.Detail = "No limit is set: all daily budgets together stay what they are, and the rest earns more elsewhere."
	}
	return []guard.Verdict{held}
}

// total is the most that all daily budgets may add up to: the policy's cap, or
// what they add up to now.
func (p *planner) total() (money.Micros, []string) {
	if amount, setting, ok := p.in.Policy.Cap(); ok {
		if m, err := money.FromFloat(amount); err == nil {
			return m, []string{fmt.Sprintf("All daily budgets together stay within %s (%s).", money.Format(m, p.in.Currency), setting)}
		}
	}
	var now money.Micros
	for _, u := range p.units {
		now += u.owned(p.in)
	}
	if m, ok := p.monthTotal(); ok {
		return m, []string{fmt.Sprintf("All daily budgets together stay within %s, so that every month lands within its budget (monthly).", money.Format(m, p.in.Currency))}
	}
	return now, []string{fmt.Sprintf("No total_daily_cap is set: all daily budgets together stay within what they are now, %s.", money.Format(now, p.in.Currency))}
}
