package web

import (
	"context"

	"adsteward/bidding"
	"adsteward/internal/money"
	"adsteward/internal/present"
	"adsteward/store"
)

// monthRow is a monthly budget as the page of changes shows it, as text.
type monthRow struct {
	Name, Of                     string
	Spent, Budget, Lands, Within string
	PerDay, Left                 string
	State, Class, Why            string
	Bar                          *paceBar
}

// paceBar draws what is spent, where the month lands with its 80 %, and the
// budget, from nothing on.
type paceBar struct{ Spent, Low, Width, Lands, Budget, Class string }

const paceWidth = 150.0

// months are the monthly budgets of the newest plans.
func (s *Server) months(ctx context.Context, newest []store.Run) ([]monthRow, error) {
	var out []monthRow
	for _, run := range newest {
		models, err := s.store.Models(ctx, run.RunID, "pacing")
		if err != nil {
			return nil, err
		}
		months, err := present.ReadMonths(run.Account, models)
		if err != nil {
			return nil, err
		}
		for _, m := range months {
			r := monthRowOf(m)
			if len(newest) > 1 {
				r.Of = run.Account + " · " + r.Of
			}
			out = append(out, r)
		}
	}
	return out, nil
}

// monthStates says each state in the words and the colour of the page.
var monthStates = map[bidding.MonthState][2]string{
	bidding.OnCourse: {"on course", "pos"}, bidding.Above: {"above its budget", "neg"}, bidding.Below: {"below its budget", "warn"},
	bidding.TooLate: {"last days", "dim"}, bidding.Unforeseen: {"not known yet", "dim"},
}

func monthRowOf(m present.Month) monthRow {
	state := monthStates[m.State]
	r := monthRow{Name: m.Name, Spent: whole(m.Spent, m.Currency), Budget: whole(m.Budget, m.Currency) + " " + m.Currency, Lands: present.None,
		PerDay: present.None, Left: whole(m.Left, m.Currency), State: state[0], Class: state[1], Why: m.Why}
	if !m.First.IsZero() {
		r.Of = m.First.Time().Format("January 2006") + " · " + present.Plural(m.DaysLeft, "day") + " left"
		if m.DaysLeft == 1 {
			r.Of = m.First.Time().Format("January 2006") + " · the last day"
		}
	}
	if !m.Known {
		return r
	}
	r.Lands, r.Within, r.PerDay = whole(m.Forecast, m.Currency), whole(m.Low, m.Currency)+" – "+whole(m.High, m.Currency), whole(m.PerDay, m.Currency)
	top := max(m.Budget, m.High)
	if top <= 0 {
		return r
	}
	x := func(v money.Micros) float64 {
		return whiskPad + min(max(v.Float()/top.Float(), 0), 1)*(paceWidth-2*whiskPad)
	}
	r.Bar = &paceBar{Spent: coord(max(x(m.Spent)-whiskPad, 0)), Low: coord(x(m.Low)), Width: coord(max(x(m.High)-x(m.Low), 1)), Lands: coord(x(m.Forecast)),
		Budget: coord(x(m.Budget)), Class: state[1]}
	return r
}
