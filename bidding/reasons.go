package bidding

import (
	"fmt"

	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// reasons says why, in sentences a marketer understands: the most important first.
func (p *planner) reasons(c *candidate) []string {
	u := c.u
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	_, exploring := p.explored[u]
	switch {
	case exploring:
		out = p.exploreReasons(c)
	case u.Lever.Idle:
		out = p.idleReasons(c)
	case u.parent != nil && u.scarcity > 0:
		out = p.withinReasons(c)
	case c.change.Field == platform.DailyBudget:
		add("The next %s spent here earns %.2f%s.", u.Currency, u.NextEuro, p.elsewhere(u))
		add("Spend used %.0f %% of the budget; on %d of %d days it used at least %.0f %%.", 100*u.Utilisation, u.full, u.compared, 100*boundShare)
		switch {
		case p.beyond(u):
			add("All daily budgets together are above their limit, which comes first: every one is cut as far as a step allows, also those that earn more than others.")
		case c.change.Value < c.change.Seen && u.NextEuro >= 1:
			add("On its own the cut costs a little profit; the money earns more elsewhere.")
		}
	case c.change.Field.IsRatio():
		best := target(u.parts(), p.priceOf(u))
		add("The ROAS that earns most is %.2f; the target is %s%s.", best, c.change.Seen.Decimal(), p.mind(u))
		add("Spend used %.0f %% of the budget, so the target holds it back.", 100*u.Utilisation)
	case u.Lever.CostCap:
		add("The ROAS that earns most is %.2f; with the cost cap of %s it is %.2f%s.",
			target(u.parts(), p.priceOf(u)), money.Format(c.change.Seen, u.Currency), u.part().roas(), p.mind(u))
		add("Spend used %.0f %% of the budget, so the cost cap holds it back.", 100*u.Utilisation)
	default:
		add("The next %s spent here earns %.2f%s, so a click is worth %.0f %% of what is bid for it.", u.Currency, u.NextEuro, p.elsewhere(u), 100*u.NextEuro/p.priceOf(u))
		add("Spend used %.0f %% of the budget, so the bid holds it back.", 100*u.Utilisation)
	}
	margin, lifetime := assumed(u.Worth)
	add("A reported sale of 1 is worth %.2f: margin %.0f %%%s, lifetime x %.2f%s, incremental share %.0f %%%s. Break-even is a ROAS of %.2f; it had %.2f.",
		u.K, 100*u.Worth.Margin, margin, u.Worth.LTVMultiple, lifetime, 100*u.Worth.IncrementalShare, calibration(u.Worth), u.BreakEven, u.ROAS)
	if n := len(u.Lever.Parts); n > 1 {
		add("The target steers %d campaigns or budgets; the expectation is for all of them.", n)
	}
	out = append(out, p.pacing(c)...)
	limited := u.Lever.Idle && p.lentBy(u).asked // it goes where a total asks it to
	if free, how := p.free(c); free != roundForPeople(c.change.Value, c.change.Field, u.Currency) && !exploring && !limited {
		add("Without guardrails and totals it would be %s%s.", format(c.change.Field, free, u.Currency), how)
	}
	if r := p.riskNote(); r != "" && c.change.Field == platform.DailyBudget {
		out = append(out, r)
	}
	if u.Curve.Note != "" {
		out = append(out, u.Curve.Note)
	}
	return out
}

// free is what a value would be if nothing held it; how says where it was looked for no
// further. What is wanted of a budget has been held by totals, doubt and caution already.
func (p *planner) free(c *candidate) (v money.Micros, how string) {
	v, u := c.wanted, c.u
	if c.change.Field == platform.DailyBudget && !u.Lever.Idle {
		v = u.wanted(1)
		switch seen := u.Lever.Seen.Float(); {
		case v.Float() <= seen/2*(1+1e-6):
			how = " or less"
		case v.Float() >= 2*seen*(1-1e-6):
			how = " or more"
		}
	}
	return roundForPeople(v, c.change.Field, u.Currency), how
}

// elsewhere compares what the next unit of money earns with the shadow price.
func (p *planner) elsewhere(u *unit) string {
	switch mu := p.priceOf(u); {
	case mu > 1:
		return fmt.Sprintf("; elsewhere it earns %.2f", mu)
	case u.NextEuro < 1:
		return ", less than it costs"
	}
	return ", more than it costs"
}

// mind says that a scarce budget asks for a higher target.
func (p *planner) mind(u *unit) string {
	mu := p.priceOf(u)
	if mu <= 1 {
		return ""
	}
	return fmt.Sprintf(" (money is scarce: elsewhere the next %s earns %.2f)", p.in.Currency, mu)
}

// assumed says what of a worth the shop's own orders do not show.
func assumed(w Worth) (margin, lifetime string) {
	if w.MarginAssumed {
		margin = " (the configured default, as costs or orders are missing)"
	}
	if w.Lambda <= 1 {
		lifetime = " (later orders are not counted)"
	}
	return margin, lifetime
}

func calibration(w Worth) string {
	if w.Calibrated {
		return " (measured by an experiment)"
	}
	return " (not calibrated by an experiment)"
}

func roundForPeople(v money.Micros, f platform.Field, currency string) money.Micros {
	if f.IsRatio() {
		return v.RoundTo(money.One / 100)
	}
	return v.RoundTo(money.MinorUnit(currency))
}
