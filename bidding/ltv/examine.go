package ltv

import (
	"errors"
	"fmt"

	"adsteward/internal/civil"
)

// cutOf is where a holdout of the last third of the observation begins.
func cutOf(first, last civil.Date) civil.Date { return last.AddDays(-(last.Sub(first) / 3)) }

// Diagnose holds the answer's models against the log they were fitted to. Where
// nothing lies after the calibration the last third of the observation serves
// as the holdout, for which the models are fitted anew to the days before.
func Diagnose(l *OrderLog, q Question, a *Answer) (*Diagnostics, error) {
	end := q.Observe
	if end.IsZero() {
		end = l.Last
	}
	histories := l.Histories(end)
	e, err := examine(a, histories)
	if err != nil {
		return nil, err
	}
	e.tally = NewTally(l.Last, end)
	if end >= l.Last {
		e.tally = NewTally(l.Last, cutOf(l.First, l.Last))
		histories = l.Histories(e.tally.cut)
		if err := e.refit(Merge(histories, e.unit), func() ([]SpendRow, float64) { return spendRows(histories, q.SpendAll) }); err != nil {
			return nil, err
		}
	}
	for _, o := range l.orders {
		e.tally.Add(l.ids[o.customer], o.day, o.value)
	}
	if e.refused == "" {
		f := newForecaster(valuer{law: e.then, spend: e.thenSpend, all: q.SpendAll, unit: e.unit}, l.Last.Sub(e.tally.cut))
		for i, a := range l.after(e.tally.cut, l.Last) {
			e.lift.add(f.value(&histories[i]), a.value)
		}
	}
	return e.diagnostics(), nil
}

// examine takes the models from an answer on these histories. Where customers
// differ by covariates it is the model without them, which one picture can show.
func examine(a *Answer, histories []History) (*examined, error) {
	e := &examined{law: Law{a.Model, a.Params}, spend: &Spend{Mean: a.GammaGamma.Mean}, unit: 1}
	if a.Unit == "week" {
		e.unit = 7
	}
	if g := a.GammaGamma; g.P != nil && g.Q != nil && g.V != nil {
		e.spend.P, e.spend.Q, e.spend.V = *g.P, *g.Q, *g.V
	}
	e.rows = Merge(histories, e.unit)
	if a.Covariates != nil {
		plain, err := FitOrders(a.Model, e.rows)
		if err != nil {
			return nil, err
		}
		e.law, e.note = plain.Law, plain.Model.Title()+" without the covariates is what the charts hold against the data."
	}
	e.then, e.thenSpend = e.law, e.spend
	return e, nil
}

// examined is what is looked at: the models, those of the calibration, and the
// counts to hold them against.
type examined struct {
	law       Law
	spend     *Spend
	unit      float64
	rows      []Row
	then      Law
	thenSpend *Spend
	refitted  bool
	refused   string // why there are no models of the calibration
	note      string
	tally     *Tally
	lift      scores
}

// refit fits the models of the calibration, or says why it cannot.
func (e *examined) refit(rows []Row, spend func() ([]SpendRow, float64)) error {
	fit, err := FitOrders(e.law.Model, rows)
	var s *Spend
	if err == nil {
		s, err = FitSpend(spend())
	}
	var refused *Refused
	if errors.As(err, &refused) {
		e.refused = refused.Reason
		return nil
	}
	if err != nil {
		return err
	}
	e.then, e.thenSpend, e.refitted = fit.Law, s, true
	return nil
}

func (e *examined) diagnostics() *Diagnostics {
	t := e.tally
	d := &Diagnostics{Model: e.law.Model, First: t.first, Until: t.until, Cut: t.cut, Refitted: e.refitted, Note: e.note,
		Frequency: checkFrequency(e.law, e.rows), Alive: mapAlive(e.law, e.rows, e.unit), Cohorts: t.triangle(e.law, e.spend.Mean, e.unit)}
	if d.Tracking = t.tracking(e.then, e.unit); e.refused != "" && d.Tracking.Missing == "" {
		d.Tracking.Says = "The days before " + t.cut.AddDays(1).String() + " cannot carry a fit of their own (" + e.refused + "), so this shows how a model of all orders fits, not how it foretells."
		d.Tracking.Off = false
	}
	d.Tenths = e.lift.tenths(t.until.Sub(t.cut), e.refused)
	return d
}

// CustomerDays hands over every customer's order days, sorted by customer and
// date, each time it is called.
type CustomerDays func(add func(customerID string, date civil.Date, value float64) error) error

// DiagnoseNight holds a night's model f against the days it was fitted to: those
// from first, the shop's first order, up to and including until. It goes through
// them twice: to count and to fit the models of the calibration, which ends
// before the last third, and to hold their forecasts against what came. Like a
// Builder it holds one customer at a time.
func DiagnoseNight(f *Fit, first, until civil.Date, days CustomerDays) (*Diagnostics, error) {
	cut := cutOf(min(first, until), until)
	e := examined{law: f.Orders.Law, spend: &f.Spend, unit: 1, tally: NewTally(until, cut)}
	now, b := NewBuilder(until), NewBuilder(cut)
	err := days(func(id string, date civil.Date, value float64) error {
		e.tally.Add(id, date, max(value, 0))
		return errors.Join(now.Add(id, date, value), b.Add(id, date, value))
	})
	if err != nil {
		return nil, err
	}
	if e.rows = now.Data().rows; len(e.rows) == 0 {
		return nil, &Refused{fmt.Sprintf("no customer had ordered by %s", until)}
	}
	then := b.Data()
	e.then, e.thenSpend = e.law, e.spend
	if err := e.refit(then.rows, func() ([]SpendRow, float64) { return then.spend, then.moments.value() }); err != nil {
		return nil, err
	}
	if e.refused == "" {
		if err := e.score(until, days); err != nil {
			return nil, err
		}
	}
	return e.diagnostics(), nil
}

// score goes through the customers seen by the end of the calibration, and adds
// what was foretold of each and what each brought since.
func (e *examined) score(until civil.Date, days CustomerDays) error {
	f := newForecaster(valuer{law: e.then, spend: e.thenSpend, all: true, unit: 1}, until.Sub(e.tally.cut))
	customer, since := "", 0.0
	h := NewHistories(e.tally.cut, func(h History) error {
		e.lift.add(f.value(&h), since)
		return nil
	})
	err := days(func(id string, date civil.Date, value float64) error {
		if err := h.Add(id, date, max(value, 0)); err != nil { // hands over the customer before
			return err
		}
		if id != customer {
			customer, since = id, 0
		}
		if date > e.tally.cut && date <= until {
			since += max(value, 0)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return h.Flush()
}
