package market

import (
	"math"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

const (
	stockOutDemand = 0.3 // of the usual demand in a stock-out or while a feed is disapproved
	saleMargin     = 0.8 // of the usual margin in a sale
	learningStep   = 0.2 // larger relative steps start learning
	learningDecay  = 3.0 // days
	// learningDays is how long the platforms report *learning* after a step.
	learningDays = 7
	googleMonth  = 30.4 // days of budget a month may cost
	metaWeek     = 7.0  // days of budget a week, Sunday to Saturday, may cost
)

func phi(x float64) float64        { return 0.5 * math.Erfc(-x/math.Sqrt2) }
func phiInverse(p float64) float64 { return -math.Sqrt2 * math.Erfcinv(2*p) }

// response is R(s): the incremental value of spending s where n opportunities of
// value v cost p each, the best bought first.
func (c *CampaignSpec) response(n, s float64) float64 {
	all := n * c.P
	switch {
	case s <= 0 || all <= 0:
		return 0
	case s >= all:
		return n * c.V
	}
	return n * c.V * phi(phiInverse(s/all)+c.Sigma)
}

// affordable is the largest spend of at most limit whose reported ROAS is at
// least target: R(s)/s falls with s, so it is found by bisection.
func (c *CampaignSpec) affordable(n, limit, target, quality float64) float64 {
	limit = math.Min(limit, n*c.P)
	need := target * c.Iota / quality // of R/s, R without the quality factor
	if target <= 0 || limit <= 0 || c.response(n, limit) >= need*limit {
		return math.Max(limit, 0)
	}
	lo, hi := 0.0, limit
	for range 60 {
		if mid := (lo + hi) / 2; c.response(n, mid) >= need*mid {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

// usualDemand is demand without the AR(1): weekday, season, trend and events.
func (m *Market) usualDemand(c *campaign, day civil.Date) float64 {
	spec, t := c.spec, day.Time()
	n := spec.N * spec.DOW[(int(t.Weekday())+6)%7]
	n *= 1 + spec.SeasonAmplitude*math.Sin(2*math.Pi*float64(t.YearDay())/365.25+spec.SeasonPhase)
	n *= 1 + spec.TrendPerYear*float64(day.Sub(m.sc.Start))/365
	for i := range c.events {
		e := &c.events[i]
		if day < e.Date || day >= e.Date.AddDays(e.Days) {
			continue
		}
		switch e.Kind {
		case StockOut, FeedDisapproval:
			n *= stockOutDemand
		case Sale:
			n *= e.Value
		}
	}
	return math.Max(n, 0)
}

func (c *campaign) during(kind string, day civil.Date) bool {
	for i := range c.events {
		if c.events[i].active(kind, c.spec.ID, day) {
			return true
		}
	}
	return false
}

// margin is the contribution margin rate on day.
func (c *campaign) margin(day civil.Date) float64 {
	if c.during(Sale, day) {
		return c.spec.Margin * saleMargin
	}
	return c.spec.Margin
}

// reduced is the part of its goods' list prices that is asked on day: in a sale that at
// which the same costs leave the sale's margin.
func (c *campaign) reduced(day civil.Date) float64 {
	if c.spec.Margin >= 1 {
		return 1
	}
	return (1 - c.spec.Margin) / (1 - c.margin(day))
}

// worth is k: the expected profit before spend of one unit of R on day.
func (c *campaign) worth(day civil.Date) float64 {
	return c.margin(day) * (1 - c.spec.NewShare + c.spec.NewShare*c.spec.LTVMultiple)
}

// quality is what learning leaves of the value on day.
func (m *Market) quality(c *campaign, day civil.Date) float64 {
	since, ok := m.budgets[c.budget].lastStep(day)
	if t, found := m.targetStep(c, day); found && (!ok || t > since) {
		since, ok = t, true
	}
	if !ok {
		return 1
	}
	return 1 - c.spec.LearningLoss*math.Exp(-float64(day.Sub(since))/learningDecay)
}

// deliveryFactor is what a platform makes of a day's budget by chance: mean 1,
// between 0 and 2 on Google and between 0.25 and 1.75 on Meta.
func (m *Market) deliveryFactor(s *stream, l *lever, day civil.Date) float64 {
	if l.noise == 0 {
		return 1
	}
	most := 1.0
	if l.platform == platform.Meta {
		most = 0.75
	}
	z := 2 * l.noise * s.at(l.members[0], day, forDelivery).NormFloat64()
	return 1 + most*math.Tanh(z/most)
}

// allowance tracks what a budget may still cost in its month (Google) or week
// (Meta).
type allowance struct {
	first   civil.Date // of the period
	days    int        // in the period
	factor  float64    // days of budget the period may cost
	granted float64    // budgets of the period's days so far
	spent   float64
}

// grant returns what chance, the factor, makes of the day's budget. A period
// costs at most its days' mean budget times a.factor, the current budget counted
// to its end; where the days before took more than their part, the rest is spread
// evenly. A factor that is 1 by rule, without noise, grants the budget itself.
func (a *allowance) grant(l *lever, day civil.Date, budget, factor float64) float64 {
	if l.noise == 0 {
		return budget
	}
	if a.days == 0 || day >= a.first.AddDays(a.days) {
		*a = periodOf(l.platform, day)
		a.granted = budget * float64(day.Sub(a.first)) // of days before the market began
	}
	rest := float64(a.first.AddDays(a.days).Sub(day))
	left := math.Max((a.granted+budget*rest)/float64(a.days)*a.factor-a.spent, 0)
	return math.Min(math.Min(budget, left/rest)*factor, left)
}

func periodOf(p platform.Name, day civil.Date) allowance {
	if p == platform.Meta {
		return allowance{first: day.AddDays(-int(day.Weekday())), days: 7, factor: metaWeek}
	}
	y, month, _ := day.Time().Date()
	first := civil.On(y, month, 1)
	return allowance{first: first, days: civil.On(y, month+1, 1).Sub(first), factor: googleMonth}
}

// cell is the truth of one campaign's complete day.
type cell struct {
	spend  money.Micros
	value  float64 // R, with learning
	before float64 // the values of the days before, summed up
	demand float64 // N
	log    float64 // u, the AR(1)
}

// complete runs the day for every campaign; the days before it must be complete.
func (m *Market) complete(s *stream, day civil.Date) {
	for _, l := range m.budgets {
		m.completeLever(s, l, day)
	}
}

func (m *Market) completeLever(s *stream, l *lever, day civil.Date) {
	var all float64
	for _, i := range l.members {
		c := m.campaigns[i]
		u := m.nextLog(s, c, day)
		n := m.usualDemand(c, day) * math.Exp(u)
		today := cell{demand: n, log: u}
		if d := len(c.days); d > 0 {
			today.before = c.days[d-1].before + c.days[d-1].value
		}
		c.days = append(c.days, today)
		all += n * c.spec.P
	}
	budget := l.on(day).Float()
	delivered := l.period.grant(l, day, budget, m.deliveryFactor(s, l, day))
	for _, i := range l.members {
		c := m.campaigns[i]
		today := &c.days[len(c.days)-1]
		share := delivered
		if len(l.members) > 1 {
			share *= today.demand * c.spec.P / math.Max(all, math.SmallestNonzeroFloat64)
		}
		quality := m.quality(c, day)
		spend := c.spec.affordable(today.demand, share, m.target(c, day).Float(), quality)
		// Down to the smallest coin, so that neither budget nor target is broken.
		today.spend = money.Micros(math.Floor(spend/m.unit.Float()*(1+1e-12))) * m.unit
		today.value = quality * c.spec.response(today.demand, today.spend.Float())
		l.period.spent += today.spend.Float()
	}
	l.period.granted += budget
}

// nextLog is the AR(1) on day, begun in its stationary distribution.
func (m *Market) nextLog(s *stream, c *campaign, day civil.Date) float64 {
	if c.spec.Noise == 0 {
		return 0
	}
	e := c.spec.Noise * s.at(c.index, day, forDemand).NormFloat64()
	if len(c.days) == 0 {
		return e / math.Sqrt(1-c.spec.Rho*c.spec.Rho)
	}
	return c.spec.Rho*c.days[len(c.days)-1].log + e
}
