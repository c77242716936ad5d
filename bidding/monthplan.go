package bidding

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"adsteward/bidding/allocate"
	"adsteward/bidding/guard"
	"adsteward/bidding/response"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// leastRest and mostRest bound how many last days of a month are never corrected, the
// cool-down being longer or not: in the last days a correction moves little and could
// not be undone, and with a week left it still saves a good part of what is off.
const (
	leastRest = 3
	mostRest  = 7
)

// paceMonths forecasts every monthly budget of the policy and tells the units
// which they belong to.
func (p *planner) paceMonths() {
	policy := p.in.Policy
	if len(policy.Monthly) == 0 {
		return
	}
	rest := min(max(policy.CoolDown.Days, leastRest), mostRest)
	names, changes := p.memberNames(), p.budgetChanges()
	for _, m := range policy.Monthly {
		currency := cmp.Or(m.Currency, p.in.Currency)
		var spenders []spender
		var in []*unit
		for _, u := range p.units {
			if u.Currency != currency {
				continue
			}
			if s, of := u.spendersOf(m, names[u], changes[u]); of > 0 {
				u.bears[m.Name] = of
				in, spenders = append(in, u), append(spenders, s...)
			}
		}
		spenders = append(spenders, p.ended(m, currency)...)
		month := pace(m, currency, spenders, policy.DeadBand.Change, rest)
		month.sharing(in)
		p.months = append(p.months, month)
		for _, u := range in {
			u.months = append(u.months, month.Pace)
		}
	}
	p.shareMonths()
}

// budgetChanges are the changes of each unit's budget, newest first.
func (p *planner) budgetChanges() map[*unit][]PastChange {
	of := map[Key][]PastChange{}
	for _, c := range p.in.Changes {
		if c.Field == platform.DailyBudget && c.Old > 0 {
			of[c.Key] = append(of[c.Key], c)
		}
	}
	out := map[*unit][]PastChange{}
	for _, u := range p.units {
		changes := of[u.Key]
		slices.SortStableFunc(changes, func(a, b PastChange) int { return b.At.Compare(a.At) })
		out[u] = changes
	}
	return out
}

// spender describes a unit to the forecast by days of what it spends, and by when its
// target or bid was last changed.
func (u *unit) spender(days []response.Day, steeredOn civil.Date, changes []PastChange) spender {
	a := u.account
	s := spender{key: u.Key.String(), platform: u.Platform, live: true, bound: u.bound, budget: u.Budget, today: a.Today, lastData: a.LastData}
	for _, c := range changes {
		s.changed = max(s.changed, c.Date)
		if c.Date == a.Today {
			s.highest = max(s.highest, c.Old, c.New)
		}
	}
	// A target that was changed makes another level, once there are days to tell it.
	if !u.bound && a.LastData.Sub(steeredOn)+1 >= leastPaceDays {
		s.steered = steeredOn
	}
	if len(u.days) == 0 {
		return s
	}
	rows := map[civil.Date]float64{}
	for _, d := range days {
		rows[d.Date] += d.Spend
	}
	// A day between others that nothing is reported of cost nothing.
	for d := max(u.days[0].Date, a.Today-curveHistory); d <= min(a.LastData, a.Today-1); d++ {
		budget := u.Budget
		for _, c := range changes {
			if d < c.Date {
				budget = c.Old
			}
		}
		s.days = append(s.days, spentDay{d, rows[d], budget.Float()})
	}
	return s
}

// curveHistory bounds how far back a month's history is read, in days.
const curveHistory = 90

// ended are the campaigns of a month that spend no more: what they have cost
// counts.
func (p *planner) ended(m guard.Monthly, currency string) []spender {
	live := map[Key]bool{}
	for _, u := range p.units {
		for _, r := range u.Campaigns {
			live[Key{u.Platform, u.AdAccount, r}] = true
		}
	}
	var out []spender
	for i := range p.in.Accounts {
		a := &p.in.Accounts[i]
		if a.Currency != currency {
			continue
		}
		entities := map[platform.Ref]platform.Entity{}
		for _, e := range a.Entities {
			entities[e.Ref] = e
		}
		for _, series := range a.Performance {
			e := entities[series.Entity]
			names := []string{string(a.Platform), a.ID, series.Entity.ID, e.Name, e.Parent.ID, entities[e.Parent].Name, e.Budget.ID, entities[e.Budget].Name}
			if series.Part || live[Key{a.Platform, a.ID, series.Entity}] || !m.Covers(names...) {
				continue
			}
			s := spender{platform: a.Platform, today: a.Today, lastData: a.LastData}
			for _, d := range series.Days {
				s.days = append(s.days, spentDay{d.Date, d.Spend, 0})
			}
			out = append(out, s)
		}
	}
	return out
}

// monthLimits makes the months the allocation's limits: on the total where one
// month has every budget, else on a group; budgets of no month stay together
// within what they are, so that what a month allows is spent in it.
func (p *planner) monthLimits(chosen []*unit, items []allocate.Item, total float64) (float64, []allocate.Group) {
	if len(p.paces()) == 0 {
		return total, nil
	}
	rooms, at := map[string]*allocate.Group{}, map[*allocate.Group]float64{}
	var groups []*allocate.Group
	moved := map[*unit]bool{}
	for i, u := range chosen {
		moved[u] = true
		g := rooms[u.room()]
		if g == nil {
			g = &allocate.Group{Name: u.month}
			rooms[u.room()], groups = g, append(groups, g)
		}
		g.IDs = append(g.IDs, items[i].ID)
		at[g] += items[i].Min
	}
	for _, u := range p.units {
		if g := rooms[u.room()]; g != nil && u.Currency == p.in.Currency {
			owned := u.owned(p.in).Float()
			g.Max += u.allowed*owned + u.gives
			if !moved[u] {
				g.Max -= owned // stays, and uses up its part
			}
		}
	}
	out := make([]allocate.Group, 0, len(groups))
	for _, g := range groups {
		g.Max = max(g.Max, at[g])
		if len(g.IDs) == len(chosen) {
			return min(total, g.Max), nil
		}
		out = append(out, *g)
	}
	return total, out
}

// shareMonths gives each unit the month that asks most of it, and what part of its
// budget that month allows: the stricter months first, and the wider ones what
// is left for their other units. Groups of an allocation may not overlap;
// checkRun holds every month.
func (p *planner) shareMonths() {
	for _, u := range p.units {
		u.allowed = 1
	}
	months := slices.Clone(p.months)
	slices.SortStableFunc(months, func(a, b Month) int { return cmp.Compare(a.asks(), b.asks()) })
	for _, m := range months {
		left, owned := m.Wanted.Float(), 0.0
		var own []*unit
		for _, u := range p.units {
			switch {
			case m.Currency != p.in.Currency || u.bears[m.Name] == 0:
			case u.month != "":
				left -= u.bears[m.Name] * u.allowed * u.Budget.Float()
			default:
				own, owned = append(own, u), owned+u.bears[m.Name]*u.Budget.Float()
			}
		}
		for _, u := range own {
			u.month = m.Name
			if owned > 0 {
				u.allowed = max(left, 0) / owned
			}
		}
		if m.State == Above {
			p.shareCut(own, -m.Room.Float())
		}
	}
}

// bindingText says what holds an allocation in words a marketer knows.
func bindingText(b allocate.Bound) string {
	switch {
	case b.Of == "total":
		return "the total of all daily budgets"
	case b.Name == "":
		return "budgets outside every month"
	}
	return fmt.Sprintf("the month of %q", b.Name)
}

// asks is the share of its present budgets that a month wants.
func (m Month) asks() float64 { return m.Wanted.Float() / max(m.Budgets.Float(), 1) }

// priceMonths finds what money earns at the margin within each month that binds:
// there, not the total, is what a unit competes with.
func (p *planner) priceMonths(chosen []*unit, problem allocate.Problem, spend []float64) {
	at := map[string]int{}
	for i, it := range problem.Items {
		at[it.ID] = i
	}
	for _, g := range problem.Groups {
		var sum, price float64
		inside := false
		for _, id := range g.IDs {
			i := at[id]
			it := problem.Items[i]
			sum += spend[i]
			// A budget at its floor earns at most the price; one inside its bounds
			// earns exactly that.
			switch m := chosen[i].weighed.Slope(spend[i]); {
			case spend[i] > it.Min*(1+1e-9) && spend[i] < it.Max*(1-1e-9):
				price, inside = m, true
			case !inside && spend[i] <= it.Min*(1+1e-9):
				price = max(price, m)
			}
		}
		if sum < g.Max*(1-1e-9) || !(price > p.mu) || math.IsInf(price, 0) {
			continue
		}
		for _, id := range g.IDs {
			chosen[at[id]].price = price
		}
	}
}

// priceOf is what money has to earn in a unit, as it earns that elsewhere. Doubt
// concerns how much is spent in all, and so budgets alone.
func (p *planner) priceOf(u *unit) float64 {
	if u.Lever != nil && u.Lever.Field == platform.DailyBudget {
		return max(p.spending, u.price)
	}
	return max(p.mu, u.price)
}

// paces are the months as the guardrails see them, in the plan's currency.
func (p *planner) paces() (out []guard.Pace) {
	for _, m := range p.months {
		if m.Currency == p.in.Currency {
			out = append(out, m.Pace)
		}
	}
	return out
}

// pacing says of a change what its months have to do with it.
func (p *planner) pacing(c *candidate) (out []string) {
	if c.change.Field != platform.DailyBudget && !c.easesMonth() {
		return nil
	}
	for _, m := range p.months {
		if c.u.bears[m.Name] > 0 && (m.State == Above || m.State == Below) {
			out = append(out, fmt.Sprintf("Month of %q: %s", m.Name, m.Why))
		}
	}
	return out
}

// easesMonth reports whether a change lowers what is spent in a month that lands
// above its budget: it is worth making though it earns nothing.
func (c *candidate) easesMonth() bool {
	return c.buysLess() &&
		slices.ContainsFunc(c.u.months, func(m guard.Pace) bool { return m.Over })
}

// monthTotal is what the daily budgets may add up to by the months; ok is false
// where the policy has none in the plan's currency.
func (p *planner) monthTotal() (total money.Micros, ok bool) {
	for _, u := range p.units {
		total += money.Micros(u.allowed*float64(u.owned(p.in))) + microsOf(u.gives)
	}
	return total, len(p.paces()) > 0
}
