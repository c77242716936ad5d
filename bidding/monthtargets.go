package bidding

import "adsteward/internal/platform"

// Where targets and bids hold spend back it is they that let a month land: cutting a
// budget saves nothing before it binds, and steps may take weeks to get there.

// steered are the units whose targets or bids hold back what a unit spends: itself, or
// those within it where its budget leaves room; none where nothing but a budget could
// be changed.
func (u *unit) steered() (out []*unit) {
	if u.Lever != nil {
		if u.Lever.Field != platform.DailyBudget {
			out = append(out, u)
		}
		return out
	}
	for _, s := range u.within {
		if s.chosenTogether() {
			out = append(out, s)
		}
	}
	return out
}

// held is what the unit's target or bid holds back, as it is spent a day.
func (u *unit) held() (spend float64) {
	for _, part := range u.parts() {
		spend += part.Spend
	}
	return spend
}

// shareCut leaves to each target or bid its share of what has to be spent less in a
// month, as far as it may give that tonight: the budgets that bind have to come down
// for the rest alone.
func (p *planner) shareCut(own []*unit, less float64) {
	var spent float64
	for _, u := range own {
		spent += u.bears[u.month] * u.Spend
	}
	for _, u := range own {
		if u.bears[u.month] != 1 {
			continue
		}
		most := 0.0
		for _, s := range u.steered() {
			most += max(s.held()-p.choiceOf(s).spend(dearest), 0)
		}
		u.gives = min(less*u.Spend/spent, most)
	}
}

// priceTargets finds what money earns at the margin in each month that does not leave
// targets and bids what they would let through: at that price they land on it together
// with the budgets that bind, as those are to be.
func (p *planner) priceTargets() {
	for _, m := range p.months {
		if !m.Known || m.Currency != p.in.Currency {
			continue
		}
		var choices []*choice
		left, least := (m.Wanted - m.Budgets).Float(), p.mu
		for _, u := range p.units {
			if u.month != m.Name {
				continue
			}
			if aim, allocated := p.aim[u]; allocated {
				left, least = left-u.bears[m.Name]*(aim-u.Lever.Seen.Float()), max(least, u.price)
				continue
			}
			if u.bears[m.Name] != 1 {
				continue
			}
			for _, s := range u.steered() {
				if held := s.held(); held > 0 {
					choices, left = append(choices, p.choiceOf(s)), left+held
				}
			}
		}
		if mu, binds := price(choices, least, left); binds || m.State == Above {
			for _, c := range choices {
				c.u.price, c.u.scarcity = mu, mu
				if of := c.u.parent; of != nil {
					of.price, of.scarcity = mu, mu
				}
			}
		}
	}
}
