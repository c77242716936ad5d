package ltv

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"adsteward/internal/civil"
)

// Auto lets Analyse choose the model.
const Auto Model = "auto"

// Question is what Analyse is asked of an order log.
type Question struct {
	Model       Model
	Observe     civil.Date           // the last day of the calibration; IsZero: the log's last
	Unit        string               // day (the default) or week
	Horizon     int                  // days
	Discount    float64              // yearly
	SpendAll    bool                 // Gamma-Gamma on all orders; otherwise without the first
	PerCustomer bool                 // fill Answer.Rows
	Rand        *rand.Rand           // for the uncertainty of parameters in intervals
	Clock       func() time.Duration // time since some moment, for Answer.Seconds
}

// Answer is the fitted models, how they held, and each customer's worth.
type Answer struct {
	Model         Model              `json:"model"`
	Customers     int                `json:"customers"`
	Unit          string             `json:"unit"`
	Params        Params             `json:"params"`
	SE            map[string]float64 `json:"se"`
	LogLikelihood float64            `json:"log_likelihood"`
	GammaGamma    SpendAnswer        `json:"gamma_gamma"`
	Why           string             `json:"why,omitempty"` // of an automatic choice
	Choice        []Candidate        `json:"choice,omitempty"`
	Holdout       *Holdout           `json:"holdout,omitempty"`
	Warnings      []string           `json:"warnings"`
	Seconds       map[string]float64 `json:"seconds"`

	Rows []CustomerWorth `json:"-"`
}

// SpendAnswer is a Spend as it is reported: P, Q, V and LogLikelihood are null
// where the plain mean took its place.
type SpendAnswer struct {
	P             *float64 `json:"p"`
	Q             *float64 `json:"q"`
	V             *float64 `json:"v"`
	Customers     int      `json:"customers"`
	LogLikelihood *float64 `json:"log_likelihood"`
	Correlation   float64  `json:"frequency_value_correlation"`
	Mean          float64  `json:"mean"`
}

// CustomerWorth is a customer's history in the unit asked for, and worth.
type CustomerWorth struct {
	CustomerID   string
	Frequency    int
	Recency, Age float64
	MeanValue    float64 // of the orders the spend model is conditioned on
	Worth
}

// Analyse fits the models to a log and answers. The error is a *Refused where
// the data cannot carry it.
func Analyse(l *OrderLog, q Question) (*Answer, error) {
	unit := 1.0
	if q.Unit == "week" {
		unit = 7
	}
	end := q.Observe
	if end.IsZero() {
		end = l.Last
	}
	start := q.Clock()
	histories := l.Histories(end)
	if len(histories) == 0 {
		return nil, &Refused{fmt.Sprintf("no customer had ordered by %s; the first order is of %s", end, l.First)}
	}
	rows := Merge(histories, unit)
	a := &Answer{Customers: len(histories), Unit: cmp.Or(q.Unit, "day"), Warnings: []string{}, Seconds: map[string]float64{}}
	lap := func(name string) {
		now := q.Clock()
		a.Seconds[name] = (now - start).Seconds()
		start = now
	}
	lap("merge")
	fit, err := a.fitOrders(l, q.Model, end, unit, rows)
	if err != nil {
		return nil, err
	}
	lap("fit")
	spend, err := FitSpend(spendRows(histories, q.SpendAll))
	if err != nil {
		return nil, err
	}
	lap("fit_spend")
	a.report(fit, spend)
	a.tracking(l, fit.Law, rows, end, unit)
	if span := end.Sub(l.First); q.Horizon > 3*span {
		a.Warnings = append(a.Warnings, fmt.Sprintf("a horizon of %d days lies far beyond the %d days observed", q.Horizon, span))
	}
	v := newValuer(fit, spend, q.SpendAll, unit, q.Rand)
	if !q.Observe.IsZero() {
		if l.Last > end {
			a.Holdout = v.holdout(histories, l.after(end, l.Last), l.Last.Sub(end))
		} else {
			a.Warnings = append(a.Warnings, fmt.Sprintf("no order lies after %s, so there is no holdout", end))
		}
		lap("holdout")
	}
	if q.PerCustomer {
		a.Rows = v.each(histories, NewTerm(q.Horizon, q.Discount, unit))
		lap("predict")
	}
	return a, nil
}

func (a *Answer) fitOrders(l *OrderLog, m Model, end civil.Date, unit float64, rows []Row) (*OrderFit, error) {
	if m != Auto {
		return FitOrders(m, rows)
	}
	c, err := choose(l, end, unit, rows)
	if err != nil {
		return nil, err
	}
	a.Why, a.Choice = c.why, c.candidates
	if c.fit != nil {
		return c.fit, nil
	}
	return FitOrders(c.best, rows)
}

func (a *Answer) report(f *OrderFit, s *Spend) {
	a.Model, a.Params, a.SE, a.LogLikelihood = f.Model, f.Params, f.SE, f.LogLikelihood
	a.GammaGamma = SpendAnswer{Customers: s.Customers, Correlation: s.Correlation, Mean: s.Mean}
	if s.P > 0 {
		a.GammaGamma.P, a.GammaGamma.Q, a.GammaGamma.V, a.GammaGamma.LogLikelihood = &s.P, &s.Q, &s.V, &s.LogLikelihood
	}
	a.Warnings = append(append(a.Warnings, f.Warnings...), s.Warnings...)
}

// spent is how many orders, of which mean, the spend model knows of a customer.
func (h *History) spent(all bool) (n int, mean float64) {
	switch {
	case all:
		return h.Orders, h.MeanValue
	case h.Frequency > 0:
		return h.Frequency, h.RepeatValue / float64(h.Frequency)
	}
	return 0, 0
}

// spendRows are the customers Gamma-Gamma learns from, those of a positive mean,
// and the correlation of counts and means among those with a repeat order.
func spendRows(histories []History, all bool) ([]SpendRow, float64) {
	rows := make([]SpendRow, 0, len(histories))
	var c corrSums
	for i := range histories {
		h := &histories[i]
		if n, mean := h.spent(all); n > 0 && mean > 0 {
			rows = append(rows, SpendRow{n, mean, 1})
			if h.Frequency > 0 {
				c.add(float64(h.Frequency), mean, 1)
			}
		}
	}
	return rows, c.value()
}

// offTrack is how far, as a factor, repeat orders may be from what is expected of
// them before Analyse warns.
const offTrack = 1.25

// tracking holds the repeat orders of the last third of the observation against
// what the model expects of customers of those ages. Seasons, and files that
// begin after the shop did, show there.
func (a *Answer) tracking(l *OrderLog, law Law, rows []Row, end civil.Date, unit float64) {
	days := end.Sub(l.First) / 3
	window := float64(days) / unit
	byAge := map[float64]float64{}
	for _, r := range rows {
		byAge[r.T] += r.N
	}
	fresh, expected := law.NewCustomer(), 0.0
	for _, age := range slices.Sorted(maps.Keys(byAge)) {
		expected += byAge[age] * (fresh.Orders(age) - fresh.Orders(age-window))
	}
	actual := float64(l.repeats(end.AddDays(-days), end))
	if expected < 50 || actual < offTrack*expected && actual > expected/offTrack {
		return
	}
	a.Warnings = append(a.Warnings, fmt.Sprintf("the last %d days of the observation saw %.0f repeat orders where the model expects %.0f: the data are seasonal, or begin after the shop did; forecasts will be off likewise", days, actual, expected))
}

// valuer predicts customers.
type valuer struct {
	law    Law
	spread []Law // other parameters the data leave possible, where they are few enough to matter
	spend  *Spend
	all    bool
	unit   float64
}

// The uncertainty of the parameters widens a customer's interval in proportion to
// one over the number of customers they were learnt from, while the chance of the
// single customer stays: over spreadCustomers it is left out, and up to there a
// mixture over spreadDraws draws holds it.
const (
	spreadCustomers = 5000
	spreadDraws     = 16
)

func newValuer(f *OrderFit, s *Spend, all bool, unit float64, rnd *rand.Rand) valuer {
	v := valuer{law: f.Law, spend: s, all: all, unit: unit}
	if f.Customers <= spreadCustomers && f.LogCov != nil {
		for _, d := range Draws(f, s, spreadDraws, rnd) {
			v.spread = append(v.spread, d.Law)
		}
	}
	return v
}

// forecast of customers with one history, n of their orders known to the spend
// model.
func (v valuer) forecast(x int, recency, age float64, n int, t Term) forecast {
	spread := make([]Outlook, len(v.spread))
	for i, l := range v.spread {
		spread[i] = l.Outlook(x, recency, age)
	}
	return v.spend.forecast(v.law.Outlook(x, recency, age), n, t, spread...)
}

// each is the worth of each customer. What the history says is shared by those
// who have the same; what their orders brought is their own.
func (v valuer) each(histories []History, t Term) []CustomerWorth {
	rows, of := distinct(histories)
	forecasts := make([]forecast, len(rows))
	inChunks(len(rows), func(i int) {
		r := &rows[i]
		n := r.X // orders known to the spend model
		if v.all {
			n++
		}
		forecasts[i] = v.forecast(r.X, r.TX/v.unit, r.T/v.unit, n, t)
	})
	out := make([]CustomerWorth, len(histories))
	inChunks(len(histories), func(i int) {
		h := &histories[i]
		n, mean := h.spent(v.all)
		out[i] = CustomerWorth{CustomerID: h.CustomerID, Frequency: h.Frequency, Recency: h.Recency / v.unit, Age: h.Age / v.unit, MeanValue: mean,
			Worth: v.spend.worth(forecasts[of[i]], n, mean)}
	})
	return out
}
