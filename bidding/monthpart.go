package bidding

import (
	"fmt"

	"adsteward/bidding/guard"
	"adsteward/bidding/response"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// A month may be of some of the campaigns under one budget. What these spend counts,
// and of the budget the part that they spend of it; but whatever is changed for the
// month is the budget of them all.

// leastBorne keeps the part of a campaign that hardly spends anything above 0.
const leastBorne = 0.01

// memberNames is everything each member of each unit goes by.
func (p *planner) memberNames() map[*unit][][]string {
	called := map[Key]string{}
	for _, a := range p.in.Accounts {
		for _, e := range a.Entities {
			called[Key{a.Platform, a.ID, e.Ref}] = e.Name
		}
	}
	out := map[*unit][][]string{}
	for _, u := range p.units {
		for _, m := range u.members {
			out[u] = append(out[u], []string{string(u.Platform), u.AdAccount, u.owner.ID, u.owner.Name,
				m.ID, m.Name, m.Parent.ID, called[Key{u.Platform, u.AdAccount, m.Parent}]})
		}
	}
	return out
}

// spendersOf is what a month sees of a unit, and what part of the unit it bears: that of
// the members it covers, by what these spent of late; 0 where it covers none.
func (u *unit) spendersOf(m guard.Monthly, names [][]string, changes []PastChange) (s []spender, of float64) {
	covered := map[platform.Ref]bool{}
	for i, member := range u.members {
		if m.Covers(names[i]...) {
			covered[member.Ref] = true
		}
	}
	switch {
	case len(covered) == 0:
		return nil, 0
	case len(covered) == len(u.members) && len(u.steered()) > 1 && u.addsUp():
		return u.apart(changes), 1
	case len(covered) == len(u.members):
		return []spender{u.spender(u.days, u.steeredOn, changes)}, 1
	}
	var own []response.Day
	for _, series := range u.account.Performance {
		if covered[series.Entity] {
			days, _ := numbers(series.Days)
			own = append(own, days...)
		}
	}
	of = float64(len(covered)) / float64(len(u.members)) // while nothing is spent
	if all := u.lately(u.days); all > 0 {
		of = min(max(u.lately(own)/all, leastBorne), 1)
	}
	return []spender{u.spender(own, u.steeredOn, changes).part(of)}, of
}

// addsUp reports whether what lies within a unit is all that it spent in the month: an ad
// group that is paused by now is not.
func (u *unit) addsUp() bool {
	const enough = 0.999
	cost := func(days []response.Day) (sum float64) {
		for _, d := range days {
			if u.account.Today.Sub(d.Date) <= 31 {
				sum += d.Spend
			}
		}
		return sum
	}
	var own float64
	for _, s := range u.within {
		own += cost(s.days)
	}
	return own >= enough*cost(u.days)
}

// apart is what spends a unit's budget, each by its own days and since its own newest
// change: several targets or bids are not changed on the same night.
func (u *unit) apart(changes []PastChange) (out []spender) {
	all, left, highest := u.lately(u.days), u.Budget, money.Micros(0)
	for i, s := range u.within {
		of := 1 / float64(len(u.within))
		if all > 0 {
			of = u.lately(s.days) / all
		}
		whole := u.spender(s.days, s.steeredOn, changes)
		x := whole.part(of)
		if i == 0 {
			highest = whole.highest
		}
		if i == len(u.within)-1 { // to the last micro
			x.budget, x.highest = left, highest
		}
		left, highest = left-x.budget, highest-x.highest
		out = append(out, x)
	}
	return out
}

// lately is what days of the unit cost of those that budgets are compared by.
func (u *unit) lately(days []response.Day) (sum float64) {
	for _, d := range days {
		if age := u.account.Today.Sub(d.Date); age > 0 && age <= compareDays {
			sum += d.Spend
		}
	}
	return sum
}

// part is a spender with a part of its budget.
func (s spender) part(of float64) spender {
	s.budget, s.highest = money.Micros(of*float64(s.budget)), money.Micros(of*float64(s.highest))
	for i := range s.days {
		s.days[i].budget *= of
	}
	return s
}

// sharing notes which budgets the month bears in part.
func (m *Month) sharing(us []*unit) {
	for _, u := range us {
		of := u.bears[m.Name]
		if of == 1 {
			continue
		}
		if m.Parts == nil {
			m.Parts = map[string]float64{}
		}
		m.Parts[u.Key.String()] = of
		m.Why += fmt.Sprintf(" Of what is spent under the shared budget %q, %.0f %% is of campaigns of this month: that counts, and so does as much of the budget; only the whole budget can be changed for it, with the other campaigns under it.", u.Name, 100*of)
	}
}

// room names what of an allocation shares a limit with the unit: the others of its
// month, or nothing where the month bears only part of it.
func (u *unit) room() string {
	if of := u.bears[u.month]; of > 0 && of < 1 {
		return u.month + "\x00" + u.Key.String()
	}
	return u.month
}
