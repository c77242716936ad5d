package bidding

import "adsteward/internal/platform"

// Where targets and bids hold spend back it is they that let a month land: cutting a
// budget saves nothing before it binds, and steps may take weeks to get there.

// held is what a unit's target or bid holds back, as it is spent a day; 0 where
// nothing but a budget could be changed.
func (u *unit) held() (spend float64) {
	if u.Lever == nil || u.Lever.Field == platform.DailyBudget {
		return 0
	}
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
		if held := u.held(); held > 0 && u.bears[u.month] == 1 {
			u.gives = min(less*u.Spend/spent, max(held-p.choiceOf(u).spend(dearest), 0))
		}
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
			} else if held := u.held(); held > 0 && u.bears[m.Name] == 1 {
				choices, left = append(choices, p.choiceOf(u)), left+held
			}
		}
		if mu, binds := price(choices, least, left); binds || m.State == Above {
			for _, c := range choices {
				c.u.price, c.u.scarcity = mu, mu
			}
		}
	}
}
