package web

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"adsteward/bidding"
	"adsteward/internal/chart"
	"adsteward/internal/present"
	"adsteward/store"
)

// outcomesView is how promises were kept, one part a currency.
type outcomesView struct {
	Groups []option // accounts to choose from
	Parts  []outcomesPart
	Empty  string
	// Forecasts is how the curves foretold the weeks; nil where no week is over.
	Forecasts *forecastsPart
}

// forecastsPart is the weekly check of the curves.
type forecastsPart struct {
	Meaning string
	Chart   *chart.Figure
	Rows    []calibrationRow
}

type outcomesPart struct {
	Currency string
	Meaning  string
	Summary  []summaryCell
	Chart    *chart.Figure
	Tables   []calibrationTable
	Rows     []outcomeRow
	Older    int // that are counted and not listed
}

type calibrationTable struct {
	First string // the head of the first column
	Rows  []calibrationRow
}

type calibrationRow struct {
	Name, Changes, Held50, Held80, Held95, Promised, Came, Bias, BiasNote, Gain, GainNote string
	Class                                                                                 string // of the bias
}

// outcomeRow is one measured change.
type outcomeRow struct {
	ID, Name, PlatformName, Field, Change, When string
	Promised, Gain, Interval, Verdict, Class    string
	Meaning, RolledBack                         string
	Whisk                                       *whisker
}

const (
	// outcomesRead is how many of the newest outcomes are summed up.
	outcomesRead = 5000
	// outcomesListed of them are listed one by one.
	outcomesListed = 100
)

func (s *Server) outcomes(w http.ResponseWriter, r *request) error {
	ctx, account := r.Context(), r.URL.Query().Get("account")
	v := outcomesView{}
	var err error
	if v.Groups, err = s.accountOptions(ctx, account); err != nil {
		return err
	}
	rows, err := s.store.Outcomes(ctx, account, outcomesRead)
	if err != nil {
		return err
	}
	all, err := present.OutcomesOf(account, rows)
	if err != nil {
		return err
	}
	for _, o := range all {
		v.Parts = append(v.Parts, newOutcomesPart(o))
	}
	if len(all) == 0 {
		if v.Empty, err = s.noOutcomes(ctx, account); err != nil {
			return err
		}
	}
	if v.Forecasts, err = s.forecasts(ctx, account); err != nil {
		return err
	}
	s.render(w, r, http.StatusOK, "outcomes", page{Title: "Outcomes", Nav: "outcomes", Body: v})
	return nil
}

// noOutcomes says why there are none yet, and when the first ones come.
func (s *Server) noOutcomes(ctx context.Context, account string) (string, error) {
	applied, err := s.store.Proposals(ctx, store.Filter{Account: account, States: []string{string(bidding.Applied)}})
	if err != nil {
		return "", err
	}
	first := ""
	for _, p := range slices.Backward(applied) { // the oldest first
		if p.AppliedAt.Valid {
			first = fmt.Sprintf(" The oldest of the %d applied so far is from %s.", len(applied), p.AppliedAt.Time.Format("2 January 2006"))
			break
		}
	}
	if first == "" {
		first = " None has been applied yet."
	}
	return "No change is old enough to be judged. A promise is about the 14 days after a change, and platforms take a week more to report them in full: the first outcomes come 21 days after a change." + first, nil
}

// forecastRuns is how many of the newest nights are looked through for the weekly
// checks of the curves.
const forecastRuns = 120

func (s *Server) forecasts(ctx context.Context, account string) (*forecastsPart, error) {
	runs, err := s.store.Runs(ctx, account, forecastRuns)
	if err != nil {
		return nil, err
	}
	var all bidding.Held
	p := &forecastsPart{}
	for _, run := range runs {
		if int(run.Date)%bidding.ForecastDays != 0 {
			continue
		}
		models, err := s.store.Models(ctx, run.RunID, "forecast")
		if err != nil {
			return nil, err
		}
		for _, m := range models {
			f, err := readModel[bidding.Forecasts](m)
			if err != nil {
				return nil, err
			}
			if f.Count == 0 {
				continue
			}
			all = all.Plus(f.Held)
			p.Rows = append(p.Rows, keptRow(f.Held, dates(f.From, f.To)))
		}
	}
	if all.Count == 0 {
		return nil, nil
	}
	p.Meaning = all.Explain("weekly forecast")
	p.Chart = heldChart(all, "forecasts", "Where the weeks came to lie in what the curves foretold")
	return p, nil
}

func newOutcomesPart(o present.Outcomes) outcomesPart {
	p := outcomesPart{Currency: o.Currency, Meaning: o.Meaning, Chart: heldChart(o.All.Held, "promises", "Where the outcomes came to lie in what was promised")}
	c := o.All
	if c.Count > 0 {
		p.Summary = []summaryCell{
			{Name: "Changes judged", Value: fmt.Sprint(c.Count), Notes: []string{fmt.Sprintf("%d paid, %d lost money, %d cannot be told", c.Gains, c.Losses, c.Undecided), fmt.Sprintf("%d proposed to be put back", c.RolledBack)}},
			{Name: "Promises at 80 % that held", Value: present.Percent(float64(c.Inside80) / float64(c.Count)), Notes: []string{fmt.Sprintf("%d of %d", c.Inside80, c.Count)}},
			{Name: "Profit that came against promised", Value: biasShare(c), Notes: []string{present.Amount(c.Came, o.Currency) + " for " + present.Amount(c.Promised, o.Currency) + " " + o.Currency + " a day"},
				Title: "Mean daily profit of the changed campaigns over the days after, against what the proposals expected of it."},
			{Name: "Gain measured", Value: present.Signed(c.Gain, o.Currency), Unit: o.Currency + "/day", Class: gainClass(c.Gain, c.GainSD),
				Notes: []string{"promised " + present.Signed(c.PromisedGain, o.Currency), "± " + present.Amount(c.GainSD, o.Currency) + " by chance"},
				Title: "Mean gain of a change against what its days would have brought without it, and its standard error."},
		}
	}
	for _, t := range []struct {
		first string
		list  []bidding.Calibration
		name  func(string) string
	}{{"Platform", o.ByPlatform, present.PlatformName}, {"What was changed", o.ByField, present.FieldName}, {"Month", o.ByMonth, monthName}} {
		if len(t.list) == 0 {
			continue
		}
		table := calibrationTable{First: t.first}
		for _, c := range t.list {
			table.Rows = append(table.Rows, newCalibrationRow(c, t.name(c.Name), o.Currency))
		}
		p.Tables = append(p.Tables, table)
	}
	p.Rows = newOutcomeRows(o.Changes[:min(len(o.Changes), outcomesListed)], o.Currency)
	p.Older = len(o.Changes) - len(p.Rows)
	return p
}

// monthName writes 2026-01 as January 2026.
func monthName(m string) string {
	if t, err := time.Parse("2006-01", m); err == nil {
		return t.Format("January 2006")
	}
	return m
}

func biasShare(c bidding.Calibration) string {
	share, ok := c.BiasShare()
	if !ok {
		return present.None
	}
	return present.SignedPercent(share)
}

func gainClass(gain, sd float64) string {
	switch {
	case gain > 2*sd:
		return "pos"
	case gain < -2*sd:
		return "neg"
	}
	return ""
}

func keptRow(c bidding.Held, name string) calibrationRow {
	of := func(n int) string { return fmt.Sprintf("%s (%d)", present.Percent(float64(n)/float64(c.Count)), n) }
	return calibrationRow{Name: name, Changes: fmt.Sprint(c.Count), Held50: of(c.Inside50), Held80: of(c.Inside80), Held95: of(c.Inside95)}
}

func newCalibrationRow(c bidding.Calibration, name, currency string) calibrationRow {
	r := keptRow(c.Held, name)
	r.Promised, r.Came, r.Bias = present.Amount(c.Promised, currency), present.Amount(c.Came, currency), biasShare(c)
	r.BiasNote = present.Signed(c.Bias, currency) + " ± " + present.Amount(c.BiasSD, currency)
	r.Gain, r.GainNote = present.Signed(c.Gain, currency)+" ± "+present.Amount(c.GainSD, currency), "promised "+present.Signed(c.PromisedGain, currency)
	if c.Biased() {
		r.Class = "warn"
	}
	return r
}

// heldChart draws where in the promised distributions the outcomes came to lie;
// nil where there are none.
func heldChart(c bidding.Held, id, title string) *chart.Figure {
	if c.Count == 0 {
		return nil
	}
	even := float64(c.Count) / float64(len(c.Histogram))
	f := &chart.Figure{ID: id, Title: title,
		Look:    "Each promise is a range with ten parts that are equally likely. Were every promise right, each part would hold a tenth of the outcomes, the broken line. Many on the left: too much was promised. Many at both ends: too sure. Many in the middle: too careful.",
		Columns: []string{"Part of the promise", "Outcomes", "If promises were right"},
		Legend:  []chart.Legend{{Class: "bar", Text: "outcomes"}, {Class: "dash", Text: "a tenth of them"}}}
	pl := chart.Plot{YName: wholeOnly, YTitle: "outcomes", XTitle: "part of the promise, the lowest first",
		XName: func(v float64) string { return fmt.Sprintf("%.0f", v) }}
	pl.XTicks = func(int) []float64 { return pl.X }
	for i, n := range c.Histogram {
		pl.X, pl.Bars, pl.Dash = append(pl.X, float64(i+1)), append(pl.Bars, float64(n)), append(pl.Dash, even)
		f.Rows = append(f.Rows, []string{fmt.Sprintf("%d to %d %%", 10*i, 10*i+10), fmt.Sprint(n), present.Count(even)})
	}
	f.Caption = fmt.Sprintf("Within the middle 50 %% of the promise: %d of %d; within 80 %%: %d; within 95 %%: %d.", c.Inside50, c.Count, c.Inside80, c.Inside95)
	f.Drawings = pl.Drawings()
	return f
}

// wholeOnly labels an axis of things that are counted.
func wholeOnly(v float64) string {
	if v != math.Trunc(v) {
		return ""
	}
	return present.Whole(v)
}

func newOutcomeRows(list []present.Outcome, currency string) []outcomeRow {
	var ends []float64
	for _, o := range list {
		if o.Days > 0 {
			ends = append(ends, o.GainLow, o.GainHigh)
		}
	}
	x := whiskScale(ends)
	out := make([]outcomeRow, len(list))
	for i, o := range list {
		r := outcomeRow{ID: o.ID, Name: o.Entity.Name, PlatformName: present.PlatformName(string(o.Platform)), Field: present.FieldName(string(o.Field)),
			Change: present.Number(string(o.Field), o.Seen, currency) + " → " + present.Number(string(o.Field), o.Proposed, currency), When: dates(o.From, o.To),
			Promised: present.Signed(o.PromisedGain, currency), Gain: present.None, Verdict: present.VerdictName(o.Verdict), Class: verdictClass(o.Verdict),
			Meaning: o.Meaning, RolledBack: o.RolledBack}
		if o.Verdict == bidding.Undecided { // a page of the same sentence would say no more
			r.Meaning = "It " + o.Likelier() + "."
		}
		if r.Name == "" {
			r.Name = o.Entity.Type + " " + o.Entity.ID
		}
		if o.Verdict != bidding.Unjudged && o.Days > 0 {
			class := ""
			switch {
			case o.GainLow > 0:
				class = "pos"
			case o.GainHigh < 0:
				class = "neg"
			}
			r.Gain, r.Interval = present.Signed(o.Gain, currency), present.Interval(o.GainLow, o.GainHigh, currency)
			r.Whisk = newWhisker(x, o.Gain, o.GainLow, o.GainHigh, class)
		}
		out[i] = r
	}
	return out
}

func verdictClass(v bidding.Verdict) string {
	switch v {
	case bidding.Gain:
		return "good"
	case bidding.Loss:
		return "bad"
	}
	return "rest"
}

// outcomeView is what the page of one proposal says of its outcome.
type outcomeView struct {
	Verdict, Class, Meaning, Why string
	RolledBack                   string
	Profit                       []pair
	Gains                        []gainLine
	Notes                        []string
}

// gainLine is one way to see the gain, with its drawing.
type gainLine struct {
	Name, Value, Interval, Note string
	Whisk                       *whisker
}

// outcomeOf reads what became of an applied change; nil where nothing is known.
func outcomeOf(p store.Proposal) *outcomeView {
	var m bidding.Outturn
	if p.Measured == "" || json.Unmarshal([]byte(p.Measured), &m) != nil {
		return nil
	}
	v := &outcomeView{Verdict: present.VerdictName(m.Verdict), Class: verdictClass(m.Verdict), Meaning: m.Explain(p.Currency), RolledBack: m.RolledBack}
	if m.Verdict == bidding.Unjudged || m.Days == 0 {
		return v
	}
	v.Why = m.Why
	per := " " + p.Currency + "/day"
	inside := "outside its 80 % interval"
	if m.Inside {
		inside = "within its 80 % interval"
	}
	v.Profit = []pair{
		{"Days", dates(m.From, m.To), strings.Join(append([]string{fmt.Sprintf("%d count", m.Days)}, m.LeftOut...), "; ")},
		{"Profit that came", present.Signed(m.ProfitPerDay, p.Currency) + per, inside},
		{"Profit promised", present.Signed(m.Promised, p.Currency) + per, "to be seen on such days: " + present.Interval(m.Low, m.High, p.Currency)},
		{"Profit without the change", present.Signed(m.Counterfactual, p.Currency) + per, present.Interval(m.CounterfactualLow, m.CounterfactualHigh, p.Currency)},
	}
	lines := []struct {
		name            string
		mean, low, high float64
		note            string
	}{
		{"Promised", m.PromisedGain, m.PromisedGainLow, m.PromisedGainHigh, "when it was proposed"},
		{"By these days alone", m.Gain, m.GainLow, m.GainHigh, "what came, less what would have come without the change"},
		{"Taken together", m.Believed, m.BelievedLow, m.BelievedHigh, "what was known before, corrected by these days"},
	}
	var ends []float64
	for _, l := range lines {
		ends = append(ends, l.low, l.high)
	}
	x := whiskScale(ends)
	for _, l := range lines {
		v.Gains = append(v.Gains, gainLine{l.name, present.Signed(l.mean, p.Currency), present.Interval(l.low, l.high, p.Currency), l.note, newWhisker(x, l.mean, l.low, l.high, "")})
	}
	v.Notes = append(v.Notes, "Without the change: what the curve of that night says the old value earns, on the demand of these very days.")
	if m.Others > 0 {
		v.Notes = append(v.Notes, fmt.Sprintf("The other %s brought %s of what their curves say on the same days (± %s), so demand was counted as that.", otherCampaigns(m.Others),
			present.Percent(m.Demand), present.Percent(m.DemandSD)))
	} else {
		v.Notes = append(v.Notes, "No other campaign could tell how good the days were; demand is taken for usual, ± "+present.Percent(m.DemandSD)+".")
	}
	v.Notes = append(v.Notes, fmt.Sprintf("The chance that it lost money is %s.", present.Percent(math.Round(100*m.LossProbability)/100)))
	return v
}

func otherCampaigns(n int) string {
	if n == 1 {
		return "campaign"
	}
	return fmt.Sprintf("%d campaigns", n)
}
