package bidding

import (
	"cmp"
	"fmt"
	"slices"

	"adsteward/bidding/guard"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// A total or a month may stay exceeded although all budgets that bind come down as far
// as curves say anything: by budgets that targets, bids or demand hold back. The limit
// comes first there too. What they do not spend can go without any loss, and only where
// that is not enough, what they spend. A month is one of spend: there they are cut to
// where they bind, unless a target or bid can give what is asked of them
// (monthtargets.go).

// limitOn is what some budgets together may come to.
type limitOn struct {
	units  []*unit
	most   float64
	spends bool // it is a limit on what is spent, as a month's is
}

// limits are the months that land above their budgets, and the policy's total.
func (p *planner) limits() (out []limitOn) {
	for _, m := range p.months {
		if m.Currency != p.in.Currency || m.State != Above {
			continue
		}
		l := limitOn{spends: true}
		for _, u := range p.units {
			if u.month == m.Name {
				l.units = append(l.units, u)
				l.most += u.allowed * u.owned(p.in).Float()
			}
		}
		out = append(out, l)
	}
	if amount, _, ok := p.in.Policy.Cap(); ok {
		out = append(out, limitOn{units: p.units, most: amount})
	}
	return out
}

// ease cuts the budgets that hold nothing back, as far as limits stay exceeded by them.
func (p *planner) ease() {
	for _, l := range p.limits() {
		over, held := -l.most, 0.0
		var free []*unit
		for _, u := range l.units {
			over += p.comesTo(u)
			if _, allocated := p.aim[u]; !allocated {
				held += p.comesTo(u)
			}
			if p.easable(u) {
				free = append(free, u)
			}
		}
		if over > 0 {
			p.over = max(p.over, min(over, held))
			if l.spends { // only from where they bind do cuts save anything
				for _, u := range free {
					over += max(u.Budget.Float()-u.Spend, 0)
				}
			}
			p.lent = append(p.lent, p.cuts(free, over)...)
		}
	}
}

// comesTo is what a budget is to be in the end: what waits for its own cut is not made
// up for by others.
func (p *planner) comesTo(u *unit) float64 {
	owned := u.owned(p.in).Float()
	if aim, ok := p.aim[u]; ok {
		return owned - u.Lever.Seen.Float() + aim
	}
	if i := p.lentBy(u); i != nil {
		return owned - i.frees().Float()
	}
	return owned
}

// easable reports whether a budget may be cut for a limit: one that is not allocated, is
// not cut yet, and under which no targets move that others share.
func (p *planner) easable(u *unit) bool {
	_, allocated := p.aim[u]
	return !allocated && u.Currency == p.in.Currency && u.Curve.Unit != "" && u.Budget > 0 && !p.retargets(u) && p.lentBy(u) == nil
}

// cuts shares out by how much some budgets have to come down together: those that free
// most first, each by what it does not spend at most. Where all that is not enough, what
// they spend shrinks by the same share in each. None is halved at once.
func (p *planner) cuts(us []*unit, over float64) (out []idleBudget) {
	var unspent, spent float64
	for _, u := range us {
		least, _ := u.keeps()
		spent += min(least, u.Budget.Float())
		unspent += max(u.Budget.Float()-least, 0)
	}
	left := 1 - min(max(over-unspent, 0)/max(spent, 1e-9), 1)
	for _, u := range us {
		least, dearest := u.keeps()
		i := idleBudget{u: u, dearest: dearest, steered: 1, asked: true, facts: u.facts(p.in, u.owner)}
		out = append(out, p.ask(i, max(left*min(least, u.Budget.Float()), u.Budget.Float()/farStep)))
	}
	slices.SortStableFunc(out, func(a, b idleBudget) int { return cmp.Compare(b.frees(), a.frees()) })
	kept := out[:0]
	for _, i := range out {
		if over <= 0 {
			break
		}
		if i.frees().Float() > over { // a whole dead band, so that it is done
			i = p.ask(i, i.u.Budget.Float()-max(over, p.in.Policy.DeadBand.Change*i.u.Budget.Float()))
		}
		over -= i.frees().Float()
		if guard.Blocked(i.said) || share(i.u.Budget, i.to) >= p.in.Policy.DeadBand.Change {
			kept = append(kept, i)
		}
	}
	return kept
}

// ask asks the guardrails whether a budget may go down to so much.
func (p *planner) ask(i idleBudget, to float64) idleBudget {
	i.wanted = microsOf(to)
	i.to, i.said = guard.Check(p.in.Policy, guard.Propose, i.facts,
		platform.Change{Entity: i.u.owner.Ref, Field: platform.DailyBudget, Seen: i.u.Budget, Value: i.wanted})
	return i
}

// buysLess reports whether a change lowers what is spent.
func (c *candidate) buysLess() bool {
	return (c.change.Value < c.change.Seen) != c.change.Field.IsTarget()
}

// excessNote says by how much the budgets stay above the total after all changes, and
// what of it is not for budgets to put right; empty where they do not.
func (p *planner) excessNote(after money.Micros) string {
	total := p.allocation.Total
	if after <= total || share(total, after) < p.in.Policy.DeadBand.Change {
		return ""
	}
	show := func(v money.Micros) string {
		return money.Format(roundForPeople(v, platform.DailyBudget, p.in.Currency), p.in.Currency)
	}
	note := fmt.Sprintf("The daily budgets stay %s above the total after the changes of tonight; nothing grows.", show(after-total))
	held := microsOf(p.over)
	for _, c := range p.candidates {
		if i := p.lentBy(c.u); i != nil && i.asked && c.u.Lever.Idle {
			held -= c.change.Seen - c.change.Value
		}
	}
	if held = min(held, after-total); held > 0 {
		note += fmt.Sprintf(" %s of it lies in budgets that targets, bids or demand hold back: cutting these saves nothing before they are below what is spent; higher targets or lower bids save at once.", show(held))
	}
	return note
}
