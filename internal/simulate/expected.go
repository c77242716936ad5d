package simulate

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/integrate/quad"

	"adsteward/bidding/allocate"
	"adsteward/internal/platform"
	"adsteward/internal/sandbox/market"
)

const (
	// chanceNodes are how finely demand and delivery are looked at.
	chanceNodes = 9
	// tablePoints are the budgets, at even ratios from tableFirst to tableLast, at
	// which an expectation is known; between them it is taken to be straight.
	tablePoints           = 240
	tableFirst, tableLast = 1e-4, 100.0
)

// tableRatio is the logarithm of the ratio of two budgets of the table.
var tableRatio = math.Log(tableLast/tableFirst) / (tablePoints - 1)

// expectation is what a campaign can be expected to spend and bring at a budget,
// over the chances of demand and delivery. Budget and spend are shares of what all
// its opportunities cost without chance, value is a share of what they bring:
// weekday, season and events only scale these, so one expectation is right for all
// days.
type expectation struct {
	curve   allocate.Binormal
	chances []chance
	need    float64 // the least value over spend that the campaign's target allows; 0: any
	most    float64 // the largest spend that it allows
	period  float64 // days that may cost no more than their budgets

	spend, value []float64 // at the table's budgets; nil without chance
}

// chance is something that may happen on a day, and how likely it is.
type chance struct{ likely, demand, delivery float64 }

// newExpectation is of a campaign whose budget's delivery has that noise and whose
// reported ROAS must reach the target.
func newExpectation(c *market.CampaignSpec, noise, target float64) *expectation {
	e := &expectation{curve: allocate.Binormal{CapSpend: 1, CapValue: 1, Sigma: c.Sigma}, need: target * c.Iota * c.P / c.V, period: 30.4}
	widest := 1.0 // how far from 1 delivery can be
	if c.Platform == platform.Meta {
		e.period, widest = 7, 0.75
	}
	e.most = e.allowed(1)
	logs, likely := normal(c.Noise / math.Sqrt(1-c.Rho*c.Rho))
	factors, delivered := normal(2 * noise)
	for i, u := range logs {
		for j, z := range factors {
			e.chances = append(e.chances, chance{likely[i] * delivered[j], math.Exp(u), 1 + widest*math.Tanh(z/widest)})
		}
	}
	for k := 0; k < tablePoints && len(e.chances) > 1; k++ {
		s, v := e.exactly(tableFirst*math.Exp(tableRatio*float64(k)), 1)
		e.spend, e.value = append(e.spend, s), append(e.value, v)
	}
	return e
}

// normal is the nodes and weights of a mean over a normal distribution: one node
// where it has no spread.
func normal(sd float64) (at, likely []float64) {
	if sd == 0 {
		return []float64{0}, []float64{1}
	}
	at, likely = make([]float64, chanceNodes), make([]float64, chanceNodes)
	quad.Hermite{}.FixedLocations(at, likely, math.Inf(-1), math.Inf(1))
	for i := range at {
		at[i] *= math.Sqrt2 * sd
		likely[i] /= math.Sqrt(math.Pi)
	}
	return at, likely
}

// at is what to expect of a budget while nothing is learned, by the table where
// there is one.
func (e *expectation) at(budget float64) (spend, value float64) {
	if e.spend == nil {
		return e.exactly(budget, 1)
	}
	if budget <= tableFirst {
		return e.spend[0] * budget / tableFirst, e.value[0] * budget / tableFirst
	}
	at := min(math.Log(budget/tableFirst)/tableRatio, tablePoints-1)
	k := min(int(at), tablePoints-2)
	part := math.Expm1((at-float64(k))*tableRatio) / math.Expm1(tableRatio)
	return e.spend[k] + part*(e.spend[k+1]-e.spend[k]), e.value[k] + part*(e.value[k+1]-e.value[k])
}

// exactly is what to expect of a budget while learning leaves quality of the value.
func (e *expectation) exactly(budget, quality float64) (spend, value float64) {
	most := e.most
	if quality < 1 {
		most = e.allowed(quality)
	}
	budget *= 1 - e.takenBack(budget, most)
	for i := range e.chances {
		c := &e.chances[i]
		s := min(budget*c.delivery/c.demand, most)
		spend += c.likely * c.demand * s
		value += c.likely * c.demand * quality * e.curve.Value(s)
	}
	return spend, value
}

// allowed is the largest spend that the target allows. Value over spend falls with
// spend, so it is found by bisection.
func (e *expectation) allowed(quality float64) float64 {
	if quality >= e.need {
		return 1
	}
	lo, hi := 0.0, 1.0
	for range 50 {
		if mid := (lo + hi) / 2; quality*e.curve.Value(mid) >= e.need*mid {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

// takenBack is the share of a budget that the platform does not deliver because the
// days of a month or week may cost no more than their budgets: the mean of what they
// would spend beyond that, their sum taken to be normal. The market, which looks
// ahead on each day, takes back about a quarter more.
func (e *expectation) takenBack(budget, most float64) float64 {
	var mean, square float64
	for i := range e.chances {
		c := &e.chances[i]
		spent := c.delivery // of the budget
		if spent*budget > most*c.demand {
			spent = most * c.demand / budget
		}
		mean += c.likely * spent
		square += c.likely * spent * spent
	}
	variance := (square - mean*mean) / e.period
	if variance < 1e-12 { // rounding, where there is no chance
		return 0
	}
	sd, left := math.Sqrt(variance), 1-mean
	return sd*math.Exp(-left*left/variance/2)/math.Sqrt(2*math.Pi) - left*math.Erfc(left/sd/math.Sqrt2)/2
}

// forecast is what levers can be expected to earn on each night's day. The first
// night is that of the market's present day.
type forecast struct {
	nights    int
	campaigns []prospect
}

// prospect is a campaign in a forecast.
type prospect struct {
	*expectation
	loss  float64   // of value, at the start of learning
	all   []float64 // what every opportunity costs without chance, by night
	worth []float64 // profit before spend that all of them bring, over what they cost
}

// newForecast knows every parameter and each day's usual demand.
func newForecast(m *market.Market, levers []lever) (*forecast, error) {
	sc := m.Scenario()
	usual, err := withoutChance(sc)
	if err != nil {
		return nil, err
	}
	f := &forecast{nights: end(sc).Sub(m.Today()), campaigns: make([]prospect, len(sc.Campaigns))}
	noise := make([]float64, len(sc.Campaigns)) // a shared budget has that of its noisiest campaign
	for _, l := range levers {
		for _, i := range l.members {
			for _, j := range l.members {
				noise[i] = max(noise[i], sc.Campaigns[j].Noise)
			}
		}
	}
	for _, c := range m.Campaigns("") {
		i, spec := c.Index, &sc.Campaigns[c.Index]
		p := prospect{expectation: newExpectation(spec, noise[i], c.TargetROAS.Float()), loss: spec.LearningLoss}
		for t := range f.nights {
			day := m.Today().AddDays(t)
			p.all = append(p.all, usual.ExpectedDemand(i, day)*spec.P)
			p.worth = append(p.worth, m.Worth(i, day)*spec.V/spec.P)
		}
		f.campaigns[i] = p
	}
	return f, nil
}

// withoutChance is the scenario's market with every day's demand as usual.
func withoutChance(sc *market.Scenario) (*market.Market, error) {
	usual := *sc
	usual.Campaigns, usual.History = slices.Clone(sc.Campaigns), 0
	for i := range usual.Campaigns {
		usual.Campaigns[i].Noise = 0
	}
	return market.New(&usual)
}

// share is a budget as a share of what all the lever's opportunities cost. Campaigns
// that share a budget get parts of it by what theirs cost, and so the same share;
// their demand is taken to move together.
func (f *forecast) share(l *lever, budget float64, night int) float64 {
	var all float64
	for _, i := range l.members {
		all += f.campaigns[i].all[night]
	}
	return budget / max(all, math.SmallestNonzeroFloat64)
}

// mean is a lever's expected profit a day at a budget, from a night up to another,
// while nothing is learned.
func (f *forecast) mean(l *lever, budget float64, from, to int) (profit float64) {
	for t := from; t < to; t++ {
		share := f.share(l, budget, t)
		for _, i := range l.members {
			c := &f.campaigns[i]
			spend, value := c.at(share)
			profit += c.all[t] * (c.worth[t]*value - spend)
		}
	}
	return profit / float64(to-from)
}

// enough is a budget beyond which nothing more is to be expected of a lever, on any
// night from one up to another.
func (f *forecast) enough(l *lever, from, to int) (budget float64) {
	share := 1.0
	for _, i := range l.members {
		if f.campaigns[i].spend != nil {
			share = tableLast
		}
	}
	for t := from; t < to; t++ {
		var all float64
		for _, i := range l.members {
			all += f.campaigns[i].all[t]
		}
		budget = max(budget, all*share)
	}
	return budget
}

// profit is a lever's expected profit at a budget on a night's day, so many days
// after a step that started learning.
func (f *forecast) profit(l *lever, budget float64, night, since int) (profit float64) {
	share := f.share(l, budget, night)
	for _, i := range l.members {
		c := &f.campaigns[i]
		spend, value := c.exactly(share, 1-c.loss*math.Exp(-float64(since)/learningDays))
		profit += c.all[night] * (c.worth[night]*value - spend)
	}
	return profit
}

// lost is the profit that a step to a budget on a night loses to learning, to the
// end of the nights.
func (f *forecast) lost(l *lever, budget float64, night int) (lost float64) {
	share := f.share(l, budget, night)
	for _, i := range l.members {
		c := &f.campaigns[i]
		_, value := c.at(share)
		lost += c.all[night] * c.worth[night] * value * c.loss
	}
	return lost * math.Expm1(-float64(f.nights-night)/learningDays) / math.Expm1(-1/learningDays)
}
