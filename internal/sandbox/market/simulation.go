package market

import (
	"math"

	"adsteward/internal/civil"
)

// Simulated is what a platform estimates of a campaign at another daily budget,
// from the auctions of the last days: what it would have spent, and the value it
// would have reported, a day.
type Simulated struct{ Budget, Spend, Value float64 }

const (
	// simulatedDays are the complete days that an estimate rests on.
	simulatedDays = 7
	// simulationError is the standard deviation by which the elasticity of an
	// estimate is off: half of its variance is the campaign's for good, half
	// another one every week. Platforms do not say how good theirs are.
	simulationError = 0.1
)

// simulatedBudgets are the budgets looked at, as shares of the present one.
var simulatedBudgets = [...]float64{0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.4, 1.6, 1.8, 2}

// Simulate estimates campaign i at other budgets; nil where the last days are
// not there yet, or it shares its budget, or brought nothing.
func (m *Market) Simulate(i int) []Simulated {
	m.mu.RLock()
	defer m.mu.RUnlock()
	c := m.campaigns[i]
	l := m.budgets[c.budget]
	if len(c.days) < simulatedDays || len(l.members) > 1 {
		return nil
	}
	budget, target := l.on(m.today).Float(), m.target(c, m.today).Float()
	off := m.simulationError(c)
	var out []Simulated
	for _, f := range simulatedBudgets {
		p := Simulated{Budget: budget * f}
		for _, x := range c.days[len(c.days)-simulatedDays:] {
			spend := c.spec.affordable(x.demand, p.Budget, target, 1)
			p.Spend += spend / simulatedDays
			p.Value += c.spec.response(x.demand, spend) / c.spec.Iota / simulatedDays
		}
		p.Value *= math.Pow(f, off)
		if p.Spend > 0 && p.Value > 0 {
			out = append(out, p)
		}
	}
	return out
}

// simulationError is what the elasticity of the campaign's estimates is off by
// this week; nothing in a market without chance.
func (m *Market) simulationError(c *campaign) float64 {
	if c.spec.Noise == 0 {
		return 0
	}
	s := newStream(m.sc.Seed)
	always := s.at(c.index, 0, forSimulation).NormFloat64()
	week := m.today - m.today%simulatedDays
	return simulationError * (always + s.at(c.index, civil.Date(week), forSimulation).NormFloat64()) / math.Sqrt2
}
