package market

import (
	"math"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// Report returns the complete days from..to as the platform reports them today,
// zeros included, by campaign and then day; an empty platform means all. Entity
// is the campaign with its scenario id.
//
// A day that ended a days ago shows the conversions whose delay is at most a:
// yesterday's shows those of delay 0. On days of a tracking outage they are zero
// for good. Conversions are whole numbers but for campaigns without noise.
func (m *Market) Report(p platform.Name, from, to civil.Date) []platform.Performance {
	m.mu.RLock()
	defer m.mu.RUnlock()
	from, to = max(from, m.first), min(to, m.today-1)
	if from > to {
		return nil
	}
	s := newStream(m.sc.Seed)
	out := make([]platform.Performance, 0, len(m.campaigns)*(to.Sub(from)+1))
	for _, c := range m.campaigns {
		if p != "" && c.spec.Platform != p {
			continue
		}
		for day := from; day <= to; day++ {
			out = append(out, m.reported(s, c, day))
		}
	}
	return out
}

func (m *Market) reported(s *stream, c *campaign, day civil.Date) platform.Performance {
	x := c.days[day.Sub(m.first)]
	clicks := math.Round(x.spend.Float() / c.spec.P)
	p := platform.Performance{
		Entity: platform.Ref{Type: platform.Campaign, ID: c.spec.ID}, Date: day, Cost: x.spend,
		Clicks: int64(clicks), Impressions: int64(math.Round(clicks * adTypes[c.spec.Type].impressionsPerClick)),
	}
	if adTypes[c.spec.Type].searched { // every opportunity is an auction it might have been in
		p.Eligible = max(p.Impressions, int64(math.Round(x.demand*adTypes[c.spec.Type].impressionsPerClick)))
	}
	age := m.today.Sub(day) - 1
	switch {
	case c.during(TrackingOutage, day):
	case c.spec.Noise == 0:
		value := x.value / c.spec.Iota * c.arrived[min(age, c.spec.DelayMax)]
		p.Value, p.Conversions = micros(value), value/c.spec.Basket
	default:
		m.sales(s, c, day, func(_ int, o sale) {
			if o.claimed && o.delay <= age {
				p.Value += o.value
				p.Conversions++
			}
		})
	}
	if len(c.spec.Ads) > 0 { // they are shown as often as it takes
		p.Impressions = 0
		for _, a := range m.ofAds(s, c, p) {
			p.Impressions += a.Impressions
		}
	}
	return p
}

// Outcome is the truth of one campaign's complete day. Profit is Worth x Value -
// Spend: an expectation given the spend and demand of the day, without the luck
// of orders and of what customers buy later. Orders and Revenue are those drawn,
// incremental ones only.
type Outcome struct {
	Spend   float64
	Value   float64 // R
	Profit  float64
	Orders  int
	Revenue float64
}

// Outcome returns the truth of campaign i on a complete day, and zeros for any
// other day.
func (m *Market) Outcome(i int, day civil.Date) Outcome {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if day < m.first || day >= m.today {
		return Outcome{}
	}
	c := m.campaigns[i]
	x := c.days[day.Sub(m.first)]
	o := Outcome{Spend: x.spend.Float(), Value: x.value, Profit: c.worth(day)*x.value - x.spend.Float()}
	var revenue money.Micros
	m.sales(newStream(m.sc.Seed), c, day, func(_ int, s sale) {
		if s.incremental {
			o.Orders++
			revenue += s.value
		}
	})
	o.Revenue = revenue.Float()
	return o
}

// ExpectedDemand is the expected number of opportunities of campaign i on any
// day, seen from long before: E exp(u) times weekday, season, trend and events.
func (m *Market) ExpectedDemand(i int, day civil.Date) float64 {
	c := m.campaigns[i]
	variance := c.spec.Noise * c.spec.Noise / (1 - c.spec.Rho*c.spec.Rho)
	return m.usualDemand(c, day) * math.Exp(variance/2)
}

// ExpectedValue is R at the expected demand of campaign i on any day, for a spend
// in units of the currency, without learning.
func (m *Market) ExpectedValue(i int, day civil.Date, spend float64) float64 {
	return m.campaigns[i].spec.response(m.ExpectedDemand(i, day), spend)
}

// Worth is k: the expected profit, before spend, of one unit of R of campaign i
// on a day.
func (m *Market) Worth(i int, day civil.Date) float64 { return m.campaigns[i].worth(day) }

// FailingCalls says how many calls of each platform's API the scenario lets fail
// on a day.
func (m *Market) FailingCalls(day civil.Date) map[platform.Name]int {
	out := map[platform.Name]int{}
	for _, e := range m.sc.Events {
		if e.Kind != APIFault || day < e.Date || day >= e.Date.AddDays(e.Days) {
			continue
		}
		calls := 3
		if e.Value > 0 {
			calls = int(e.Value)
		}
		for _, p := range []platform.Name{platform.Google, platform.Meta} {
			if e.Campaign == "" || m.platformOf(e.Campaign) == p {
				out[p] += calls
			}
		}
	}
	return out
}

func (m *Market) platformOf(id string) platform.Name {
	for _, c := range m.campaigns {
		if c.spec.ID == id {
			return c.spec.Platform
		}
	}
	return ""
}
