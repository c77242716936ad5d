package bidding

import (
	"math"
	"math/rand/v2"

	"adsteward/internal/civil"
)

// ForecastDays is how long a forecast is that curves are checked by.
const ForecastDays = 7

// leastForecast days a curve must rest on to be asked for a forecast.
const leastForecast = 14

// Forecasts is how a night's curves foretold the value of the week that followed.
type Forecasts struct {
	From civil.Date `json:"from"` // the night's date
	To   civil.Date `json:"to"`
	Held
}

// Check is the posterior predictive check of a night's curves: of every unit, the
// reported value of the week from that night's date on is held against what the
// curve's draws, the demand of whole days and the luck of single orders foretell
// of the days' actual spends. Days of an outage or without spend do not count.
func (m *Meter) Check(units []UnitReport, dayOfWeek map[string][7]float64, from civil.Date) Forecasts {
	f := Forecasts{From: from, To: from.AddDays(ForecastDays - 1)}
	a := AppliedChange{DayOfWeek: dayOfWeek}
	for i := range units {
		u := &units[i]
		c := u.Curve
		if c.Unit == "" || !(c.Level > 0) || c.Days < leastForecast {
			continue
		}
		totals := m.totals(u, f.From, f.To)
		var came float64
		var weekdays, spends []float64
		for d := f.From; d <= f.To; d++ {
			if x := totals[d]; x.spend > 0 && !m.out(u, d) {
				came += x.value
				weekdays, spends = append(weekdays, a.weekday(u, d)), append(spends, x.spend)
			}
		}
		if len(spends) < leastDays || math.IsNaN(came) || math.IsInf(came, 0) {
			continue
		}
		rng := rand.New(rand.NewPCG(c.Seed, 0xf0c))
		foretold := make([]float64, draws)
		for j, d := range c.Draws(draws) {
			for k, spend := range spends {
				foretold[j] += weekdays[k] * d.Value(spend)
			}
			foretold[j] += math.Sqrt(max(c.Dispersion*c.Clustering, c.OrderLuck)*foretold[j]) * rng.NormFloat64()
		}
		f.Add(rank(foretold, came))
	}
	return f
}

// rank is the share of values below x, of those equal to it half.
func rank(values []float64, x float64) float64 {
	var below float64
	for _, v := range values {
		switch {
		case v < x:
			below++
		case v == x:
			below += 0.5
		}
	}
	return below / float64(len(values))
}
