package ltv

import (
	"cmp"
	"fmt"
	"math/rand/v2"
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
	Horizon     int                  // days, whatever Unit is
	Discount    float64              // yearly rate, whatever Unit is: 0.1 is 10 % a year
	Margin      float64              // contribution margin as a share of revenue, which clv counts; 0 for all of it
	Cost        string               // column of Columns with each order's cost; then Margin is not read
	SpendAll    bool                 // Gamma-Gamma on all orders; otherwise without the first
	Covariates  []string             // FirstValue, or columns of Columns
	Columns     *Columns             // nil where Covariates names none of the file
	By          string               // a column of Columns whose groups get totals
	PerCustomer bool                 // fill Answer.Rows
	Rand        *rand.Rand           // for the uncertainty of parameters in intervals
	Clock       func() time.Duration // time since some moment, for Answer.Seconds
}

// Answer is the fitted models, how they held, and each customer's worth. Params,
// SE and LogLikelihood are in the unit of time given, everything in money is in the
// currency of the file. With Covariates Params are those of a customer whose
// numbers are average and whose texts are the most common.
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
	Covariates    *CovariateFit      `json:"covariates,omitempty"`
	Holdout       *Holdout           `json:"holdout,omitempty"`
	Totals        []Total            `json:"totals,omitempty"` // of all customers, then by group
	Margin        float64            `json:"margin"`           // what clv counts of an order's value, on average
	Warnings      []string           `json:"warnings"`
	Seconds       map[string]float64 `json:"seconds"`

	Rows []CustomerWorth `json:"-"`
}

// SpendAnswer is a Spend as it is reported: P, Q, V and LogLikelihood are null
// where the plain mean took its place.
type SpendAnswer struct {
	P             *float64           `json:"p"`
	Q             *float64           `json:"q"`
	V             *float64           `json:"v"`
	SE            map[string]float64 `json:"se,omitempty"`
	Customers     int                `json:"customers"`
	LogLikelihood *float64           `json:"log_likelihood"`
	Correlation   float64            `json:"frequency_value_correlation"`
	Mean          float64            `json:"mean"`
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
	design, fit, err := a.withCovariates(q, histories, fit, unit)
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
	if span := end.Sub(l.First); q.Horizon > 3*span {
		a.Warnings = append(a.Warnings, fmt.Sprintf("a horizon of %d days lies far beyond the %d days observed", q.Horizon, span))
	}
	v := newValuer(fit, spend, design, q.SpendAll, unit, q.Rand)
	a.tracking(l, v, histories, end)
	if !q.Observe.IsZero() {
		if l.Last > end {
			a.Holdout = v.holdout(histories, l.after(end, l.Last), l.Last.Sub(end))
		} else {
			a.Warnings = append(a.Warnings, fmt.Sprintf("no order lies after %s, so there is no holdout", end))
		}
		lap("holdout")
	}
	if err := a.customers(q, v, histories, end, Draws(fit, spend, totalDraws, q.Rand)); err != nil {
		return nil, err
	}
	lap("predict")
	return a, nil
}

// customers fills in what each customer, and each group of them, will bring, where
// that is asked for.
func (a *Answer) customers(q Question, v valuer, histories []History, end civil.Date, draws []Draw) error {
	rate, err := a.margins(q, histories, end)
	if err != nil || !q.PerCustomer && q.By == "" {
		return err
	}
	var groups []string
	if q.By != "" {
		if groups, err = groupsOf(q.Columns, q.By, histories); err != nil {
			return err
		}
	}
	term := NewTerm(q.Horizon, q.Discount, v.unit)
	a.Rows = v.each(histories, term)
	applyMargins(a.Rows, rate)
	a.Totals = v.totals(histories, a.Rows, groups, term, draws)
	return nil
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

// withCovariates refits with the covariates asked for, if any.
func (a *Answer) withCovariates(q Question, histories []History, base *OrderFit, unit float64) (*Design, *OrderFit, error) {
	if len(q.Covariates) == 0 {
		return nil, base, nil
	}
	design, warnings, err := NewDesign(q.Covariates, q.Columns, histories)
	if err != nil {
		return nil, nil, err
	}
	fit, err := FitCovariates(base, histories, design, unit)
	if err != nil {
		return nil, nil, err
	}
	a.Covariates, a.Warnings = fit.Covariates, append(a.Warnings, warnings...)
	return design, fit, nil
}

// margins is what clv counts of each customer's revenue: its own margin where the
// file has costs, else the same share for all.
func (a *Answer) margins(q Question, histories []History, end civil.Date) (rate func(i int) float64, err error) {
	a.Margin = cmp.Or(q.Margin, 1)
	if q.Cost == "" {
		return func(int) float64 { return a.Margin }, nil
	}
	rates, mean, warnings, err := q.Columns.margins(histories, end)
	a.Margin, a.Warnings = mean, append(a.Warnings, warnings...)
	return func(i int) float64 { return rates[i] }, err
}

func (a *Answer) report(f *OrderFit, s *Spend) {
	a.Model, a.Params, a.SE, a.LogLikelihood = f.Model, f.Params, f.SE, f.LogLikelihood
	a.GammaGamma = SpendAnswer{SE: s.SE, Customers: s.Customers, Correlation: s.Correlation, Mean: s.Mean}
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
func (a *Answer) tracking(l *OrderLog, v valuer, histories []History, end civil.Date) {
	days := end.Sub(l.First) / 3
	window, expected := float64(days)/v.unit, 0.0
	byAge := map[float64]float64{}
	for i := range histories {
		age := histories[i].Age / v.unit
		if _, known := byAge[age]; !known || v.design != nil {
			fresh := v.lawOf(i).NewCustomer()
			byAge[age] = fresh.Orders(age) - fresh.Orders(age-window)
		}
		expected += byAge[age]
	}
	actual := float64(l.repeats(end.AddDays(-days), end))
	if expected < 50 || actual < offTrack*expected && actual > expected/offTrack {
		return
	}
	a.Warnings = append(a.Warnings, fmt.Sprintf("the last %d days of the observation saw %.0f repeat orders where the model expects %.0f: the data are seasonal, or begin after the shop did; forecasts will be off likewise", days, actual, expected))
}

// valuer predicts customers.
type valuer struct {
	law     Law
	effects Effects
	design  *Design // of the covariates; nil for none
	spread  []Draw  // other parameters the data leave possible, where they matter
	spend   *Spend
	all     bool
	unit    float64
}

// The uncertainty of the parameters widens a customer's interval in proportion to
// one over the number of customers they were learnt from, while the chance of the
// single customer stays: over spreadCustomers it is left out, and up to there a
// mixture over spreadDraws draws holds it. What orders bring is left at the
// estimates: it varies far more between customers than its parameters are unknown.
const (
	spreadCustomers = 5000
	spreadDraws     = 16
)

func newValuer(f *OrderFit, s *Spend, d *Design, all bool, unit float64, rnd *rand.Rand) valuer {
	v := valuer{law: f.Law, design: d, spend: s, all: all, unit: unit}
	if f.Covariates != nil {
		v.effects = f.Covariates.effects
	}
	if f.Customers <= spreadCustomers && f.LogCov != nil {
		v.spread = Draws(f, s, spreadDraws, rnd)
	}
	return v
}

// lawOf is the law of customer i.
func (v valuer) lawOf(i int) Law { return v.law.For(v.effects, v.design.z(i)) }

// forecast of customer i, and without covariates of all with the same history, n
// of their orders known to the spend model.
func (v valuer) forecast(i, x int, recency, age float64, n int, t Term) forecast {
	spread := make([]Outlook, len(v.spread))
	for k, d := range v.spread {
		spread[k] = d.For(d.Effects, v.design.z(i)).Outlook(x, recency, age)
	}
	return v.spend.forecast(v.lawOf(i).Outlook(x, recency, age), n, t, spread...)
}

// each is the worth of each customer. What the history says is shared by those
// who have the same; what their orders brought is their own.
func (v valuer) each(histories []History, t Term) []CustomerWorth {
	first, of := v.alike(histories)
	forecasts := make([]forecast, len(first))
	inChunks(len(first), func(k int) {
		h := &histories[first[k]]
		n, _ := h.spent(v.all)
		forecasts[k] = v.forecast(int(first[k]), h.Frequency, h.Recency/v.unit, h.Age/v.unit, n, t)
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

// alike are customers who differ for the model, and which of them each customer
// is like. With covariates nobody is taken to be like another.
func (v valuer) alike(histories []History) (first, of []int32) {
	if v.design == nil {
		return distinct(histories)
	}
	all := make([]int32, len(histories))
	for i := range all {
		all[i] = int32(i)
	}
	return all, all
}
