package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"adsteward/attribution"
	"adsteward/attribution/lift"
	"adsteward/audiences"
	"adsteward/internal/chart"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/present"
	"adsteward/store"
)

type experimentsView struct {
	Account string
	Groups  []option
	Rows    []experimentRow
	Ledger  []ledgerRow
}

// experimentRow is an experiment in the list.
type experimentRow struct {
	ID, Name, Kind, State, Dates, Progress, Share, Campaign string
}

// ledgerRow is what an experiment found.
type ledgerRow struct {
	Campaign, Share, Interval, Ended, Age, Error, ID, Method string
	Whisk                                                    *whisker
}

func (s *Server) experiments(w http.ResponseWriter, r *request) error {
	ctx := r.Context()
	v := experimentsView{Account: r.URL.Query().Get("account")}
	var err error
	if v.Groups, err = s.accountOptions(ctx, v.Account); err != nil {
		return err
	}
	entities, err := s.store.Entities(ctx, v.Account)
	if err != nil {
		return err
	}
	names := present.NamesOfCampaigns(entities)
	rows, err := s.store.Experiments(ctx, v.Account)
	if err != nil {
		return err
	}
	for _, row := range rows {
		x, err := present.ExperimentOf(row)
		if err != nil {
			return err
		}
		v.Rows = append(v.Rows, experimentRowOf(x, names))
	}
	ledger, err := s.store.IotaLedger(ctx, v.Account)
	if err != nil {
		return err
	}
	loc, err := s.zone(ctx, v.Account)
	if err != nil {
		return err
	}
	v.Ledger = ledgerRows(present.IotaLedger(ledger, names, civil.Of(s.now().In(loc))))
	s.render(w, r, http.StatusOK, "experiments", page{Title: "Experiments", Nav: "experiments", Here: "/experiments", Body: v})
	return nil
}

func experimentRowOf(x present.Experiment, names map[string]string) experimentRow {
	row := experimentRow{ID: x.ID, Name: x.Name, Kind: kindName(x.Kind), State: x.State, Dates: dates(x.Starts, x.Ends), Share: present.None, Campaign: campaignList(x.Plan.Campaigns, names)}
	if x.Look != nil {
		if row.Share = present.Share(x.Look.Iota); x.Plan.Policy != nil {
			row.Share = x.Look.Result()
		}
		row.Progress = fmt.Sprintf("%d of %d days", x.Look.DaysDone, x.Ends.Sub(x.Starts)+1)
	}
	return row
}

func campaignList(keys []string, names map[string]string) string {
	out := make([]string, len(keys))
	for i, k := range keys {
		if out[i] = names[k]; out[i] == "" {
			out[i] = k
		}
	}
	return strings.Join(out, ", ")
}

// kindName says what an experiment withholds.
func kindName(kind string) string {
	switch attribution.ExperimentKind(kind) {
	case attribution.Switchback:
		return "Switchback: budget down and up by weeks"
	case attribution.Holdout:
		return "Holdout: people kept off a list"
	case attribution.Geo:
		return "Geo: regions left out"
	case attribution.PolicyTest:
		return "Policy: half of the campaigns left as they are"
	}
	return present.Words(kind)
}

func ledgerRows(entries []present.IotaEntry) []ledgerRow {
	out := make([]ledgerRow, 0, len(entries))
	lo, hi := 0.0, 1.0
	for _, e := range entries {
		lo, hi = min(lo, e.Low), max(hi, e.High)
	}
	at := func(v float64) float64 { return whiskPad + (v-lo)/(hi-lo)*(whiskWidth-2*whiskPad) }
	for _, e := range entries {
		out = append(out, ledgerRow{Campaign: e.CampaignName, Share: present.Percent(e.Value), Interval: present.Percent(e.Low) + " to " + present.Percent(e.High),
			Ended: e.Ended.Time().Format("2 Jan 2006"), Age: present.Plural(e.AgeDays, "day"), Error: fmt.Sprintf("± %s then, ± %s today", present.Percent(e.SD), present.Percent(e.SDToday)),
			ID: e.Experiment, Method: e.Method,
			Whisk: &whisker{Zero: coord(at(0)), Low: coord(at(e.Low)), Width: coord(max(1, at(e.High)-at(e.Low))), Mean: coord(at(e.Value))}})
	}
	return out
}

type experimentView struct {
	present.Experiment
	Kind      string
	Campaign  string
	Facts     []pair
	Forecast  []pair
	Notes     []string
	Result    []pair
	Figure    *chart.Figure
	Blocks    []experimentBlock
	Regions   []experimentRegion
	Created   stamp
	Started   stamp
	Stopped   stamp
	CanStart  bool
	CanStop   bool
	CanCancel bool
	CanTake   bool
	Protects  []string
}

// experimentBlock is a stretch of a switchback's days.
type experimentBlock struct {
	Dates, Budget, Now string
	Low                bool
}

type experimentRegion struct{ Name, Action string }

func (s *Server) experiment(w http.ResponseWriter, r *request) error {
	ctx := r.Context()
	row, err := s.store.Experiment(ctx, r.PathValue("id"))
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrAmbiguous) {
		return &pageError{http.StatusNotFound, "There is no such experiment", "It may belong to another database, or its id is cut short."}
	}
	if err != nil {
		return err
	}
	x, err := present.ExperimentOf(row)
	if err != nil {
		return err
	}
	entities, err := s.store.Entities(ctx, x.Account)
	if err != nil {
		return err
	}
	loc, err := s.zone(ctx, x.Account)
	if err != nil {
		return err
	}
	may := func(to attribution.ExperimentState) bool {
		return attribution.MoveExperiment(attribution.ExperimentState(x.State), to) == nil
	}
	v := experimentView{Experiment: x, Kind: kindName(x.Kind), Campaign: campaignList(x.Plan.Campaigns, present.NamesOfCampaigns(entities)),
		Forecast: forecastPairs(x.Forecast), Created: stampOf(x.CreatedAt, loc), Protects: x.Plan.Protects,
		CanStart: may(attribution.ExperimentRunning), CanStop: may(attribution.ExperimentEnded), CanCancel: may(attribution.ExperimentCancelled), CanTake: may(attribution.ExperimentConcluded)}
	if x.Forecast != nil {
		v.Notes = x.Forecast.Notes
	}
	if x.StartedAt != nil {
		v.Started = stampOf(*x.StartedAt, loc)
	}
	if x.EndedAt != nil {
		v.Stopped = stampOf(*x.EndedAt, loc)
	}
	v.fillPlan(civil.Of(s.now().In(loc)))
	v.fillLook()
	s.render(w, r, http.StatusOK, "experiment", page{Title: x.Name, Nav: "experiments", Here: "/experiments/" + x.ID, Body: v})
	return nil
}

// fillPlan writes the schedule and what else a plan withholds.
func (v *experimentView) fillPlan(today civil.Date) {
	p := v.Plan
	switch {
	case p.Switchback != nil:
		s := p.Switchback
		v.Facts = []pair{{"Budget as ever", money.Format(s.On, s.Currency), "a day, and at the end again"}, {"Turned down to", money.Format(s.Off, s.Currency), "a day"},
			{"Blocks", present.Plural(len(v.Schedule), "block"), fmt.Sprintf("of %d days; chance drew which ones are low", s.BlockDays)},
			{"Not counted", present.Plural(s.Washout, "day"), "at the beginning of every block, while the last one still works"}}
		for _, b := range v.Schedule {
			last := b.From.AddDays(b.Days - 1)
			row := experimentBlock{Dates: dates(b.From, last), Budget: money.Format(s.On, s.Currency), Low: !b.On}
			if row.Low {
				row.Budget = money.Format(s.Off, s.Currency)
			}
			if v.State == string(attribution.ExperimentRunning) && today >= b.From && today <= last {
				row.Now = "now"
			}
			v.Blocks = append(v.Blocks, row)
		}
	case p.Holdout != nil:
		v.Facts = []pair{{"List", present.Words(p.Holdout.List), ""}, {"Held out", present.Percent(p.Holdout.Share), "of those who would be on it, by the hash of who they are"}}
	case p.Policy != nil:
		v.Facts = []pair{{"Steered by adsteward", present.Plural(len(p.Policy.Treated), "campaign"), "as ever"}, {"Left as they are", present.Plural(len(p.Policy.Held), "campaign"), "chance drew which, of each two of like size"}}
		for _, u := range p.Policy.Treated {
			v.Regions = append(v.Regions, experimentRegion{u.Name, "steered"})
		}
		for _, u := range p.Policy.Held {
			v.Regions = append(v.Regions, experimentRegion{u.Name, "left as it is"})
		}
	case p.Geo != nil:
		for _, h := range p.Geo.Held {
			v.Regions = append(v.Regions, experimentRegion{h, "exclude by hand"})
		}
		for _, t := range p.Geo.Treated {
			v.Regions = append(v.Regions, experimentRegion{t, "leave as it is"})
		}
	}
}

// forecastPairs say what an experiment costs and detects.
func forecastPairs(f *attribution.ExperimentForecast) []pair {
	if f == nil {
		return nil
	}
	cost, note := "not known yet", ""
	if f.Cost != nil {
		cost, note = present.Amount(*f.Cost, f.Currency)+" "+f.Currency, "of expected profit given up over the whole experiment; 80 %: "+present.Interval(f.CostLow, f.CostHigh, f.Currency)
		if *f.Cost < 0 {
			cost, note = "nothing", "it saves "+present.Amount(-*f.Cost, f.Currency)+" "+f.Currency+" over the whole experiment, as what is withheld loses money; 80 %: "+present.Interval(-f.CostHigh, -f.CostLow, f.Currency)
		}
	}
	out := []pair{{"What it costs", cost, note}}
	if f.Detectable == nil {
		return append(out, pair{"What it detects", "not known yet", ""})
	}
	return append(out, pair{"What it detects", present.Percent(*f.Detectable) + " or more", fmt.Sprintf("the least incremental share told from nothing, in %s of cases", present.Percent(f.Power))},
		pair{"How exactly", "± " + present.Percent(f.Within), "how far the " + present.Percent(f.Level) + " interval of the share will reach"})
}

// fillLook writes what the experiment shows so far.
func (v *experimentView) fillLook() {
	l := v.Look
	if l == nil {
		return
	}
	v.Result = []pair{{"Days", fmt.Sprintf("%d done, %d left", l.DaysDone, l.DaysLeft), "seen on " + l.Date.Time().Format("2 Jan 2006")}}
	if v.Plan.Policy != nil {
		if v.Result = append(v.Result, pair{"Profit by steering", "nothing yet", sentence(l.Problem)}); l.Found() && v.Experiment.Forecast != nil {
			c := v.Experiment.Forecast.Currency
			v.Result[1] = pair{"Profit by steering", present.Signed(l.Lift.Value, c) + " " + c, present.Percent(l.Lift.Level) + ": " + present.Interval(l.Lift.Low, l.Lift.High, c)}
		}
		return
	}
	if l.Iota == nil {
		v.Result = append(v.Result, pair{"Incremental share", "nothing yet", sentence(l.Problem)})
	} else {
		v.Result = append(v.Result, pair{"Incremental share", present.Percent(l.Iota.Value), fmt.Sprintf("%s: %s to %s", present.Percent(l.Iota.Level), present.Percent(l.Iota.Low), present.Percent(l.Iota.High))})
		if a := l.AlwaysValid; a != nil {
			v.Result = append(v.Result, pair{"If looked at every day", present.Percent(a.Low) + " to " + present.Percent(a.High), "an interval that may be watched, and the experiment stopped on it"})
		}
	}
	if l.Lift != nil && v.Experiment.Forecast != nil {
		currency := v.Experiment.Forecast.Currency
		v.Result = append(v.Result, pair{"Sales it concerns", present.Signed(l.Lift.Value, currency) + " " + currency, present.Interval(l.Lift.Low, l.Lift.High, currency)},
			pair{"Claimed of them", present.Amount(l.Claimed, currency) + " " + currency, "by the platform"})
	}
	if len(l.Days) > 1 {
		v.Figure = lookFigure(v.Experiment)
	}
}

// lookFigure draws the difference so far.
func lookFigure(x present.Experiment) *chart.Figure {
	currency := ""
	if x.Forecast != nil {
		currency = x.Forecast.Currency
	}
	f := chart.Figure{ID: "difference", Title: "Difference so far", Look: "Sales seen less what was to be expected without the ads, added up over the days that count. A line that keeps rising is an effect; one that wanders is chance.",
		Legend: []chart.Legend{{Class: "line", Text: "sum of the differences, " + currency}}, Columns: []string{"Day", "Seen", "Expected without", "Sum of differences"}}
	if attribution.ExperimentKind(x.Kind) == attribution.Geo {
		f.Look = "Sales of the regions held out less what the others let expect of them, added up. A line that keeps falling is what the ads bring."
		f.Columns[2] = "Expected with"
	}
	p := chart.Plot{YName: present.Whole, YTitle: currency}
	first := x.Look.Days[0].Date
	p.XName = func(v float64) string { return first.AddDays(int(v)).Time().Format("2 Jan") }
	banded := !slices.ContainsFunc(x.Look.Days, func(d lift.Day) bool { return d.Low == nil || d.High == nil })
	for _, d := range x.Look.Days {
		p.X, p.Line = append(p.X, float64(d.Date.Sub(first))), append(p.Line, d.Cumulative)
		if banded {
			p.Low, p.High = append(p.Low, *d.Low), append(p.High, *d.High)
		}
		f.Rows = append(f.Rows, []string{d.Date.Time().Format("Mon 2 Jan"), present.Amount(d.Observed, currency), present.Amount(d.Expected, currency), present.Signed(d.Cumulative, currency)})
	}
	if banded {
		f.Legend = append(f.Legend, chart.Legend{Class: "band", Text: present.Percent(attribution.ExperimentLevel) + " of chance"})
	}
	f.Drawings = p.Drawings()
	return &f
}

type planView struct {
	Accounts, Kinds, Campaigns, Lists []option
	Query                             url.Values
	Draft                             *attribution.ExperimentDraft
	Kind, Campaign, Dates             string
	Facts, Forecast                   []pair
	Blocks                            []experimentBlock
	Hidden                            []pair
	Problem                           string
}

// planForm asks for an experiment; with the form filled in it shows what the plan
// would be, cost and detect, and offers to keep it.
func (s *Server) planForm(w http.ResponseWriter, r *request) error {
	ctx, q := r.Context(), r.URL.Query()
	v, err := s.newPlanView(ctx, q)
	if err != nil {
		return err
	}
	if q.Get("campaign") != "" {
		req, err := experimentRequest(q)
		if err == nil {
			err = v.draft(ctx, s.desk, req)
		}
		if err != nil {
			v.Problem = sentence(err.Error())
		}
	}
	s.render(w, r, http.StatusOK, "experiment_plan", page{Title: "Plan an experiment", Nav: "experiments", Here: "/experiments/plan", Body: v})
	return nil
}

func (s *Server) newPlanView(ctx context.Context, q url.Values) (*planView, error) {
	v := &planView{Query: q}
	entities, err := s.store.Entities(ctx, "")
	if err != nil {
		return v, err
	}
	add := func(list *[]option, value, name, key string) {
		*list = append(*list, option{value, name, q.Get(key) == value})
	}
	seen := map[string]bool{}
	for _, e := range entities {
		if !seen[e.Account] {
			seen[e.Account] = true
			add(&v.Accounts, e.Account, e.Account, "account")
		}
	}
	for _, e := range entities {
		if e.EntityType != "campaign" {
			continue
		}
		name := e.Name + " · " + present.PlatformName(e.Platform)
		if len(v.Accounts) > 1 { // two shops may have campaigns of one name
			name += " · " + e.Account
		}
		add(&v.Campaigns, attribution.CampaignKey(e.Platform, e.EntityID), name, "campaign")
	}
	for _, k := range attribution.ExperimentKinds {
		add(&v.Kinds, string(k), kindName(string(k)), "kind")
	}
	add(&v.Lists, audiences.ListCartAbandoners, "Cart abandoners", "list")
	add(&v.Lists, audiences.ListHighLTV, "High-LTV purchasers", "list")
	return v, nil
}

// draft fills in what the plan would be. Its seed goes into the form that keeps
// it, so that what is kept is what was shown.
func (v *planView) draft(ctx context.Context, desk ExperimentDesk, req attribution.ExperimentRequest) error {
	d, err := desk.DraftExperiment(ctx, req)
	if err != nil {
		return err
	}
	v.Draft, v.Kind, v.Dates, v.Forecast = &d, kindName(string(d.Plan.Kind)), dates(d.Plan.Start, d.Plan.End()), forecastPairs(&d.Forecast)
	shown := experimentView{Experiment: present.Experiment{Plan: d.Plan}}
	if s, err := d.Plan.Schedule(); err == nil {
		shown.Schedule = s.Blocks
	}
	shown.fillPlan(0)
	v.Facts, v.Blocks = shown.Facts, shown.Blocks
	fixed := url.Values{"seed": {strconv.FormatUint(d.Plan.Seed, 10)}, "start": {d.Plan.Start.String()}, "days": {strconv.Itoa(d.Plan.Days)}}
	if s := d.Plan.Switchback; s != nil {
		fixed.Set("off", s.Off.Decimal())
		fixed.Set("block", strconv.Itoa(s.BlockDays))
	}
	for _, k := range planFields {
		value := v.Query.Get(k)
		if fixed.Has(k) {
			value = fixed.Get(k)
		}
		v.Hidden = append(v.Hidden, pair{Name: k, Value: value})
	}
	return nil
}

// planFields are those of the form.
var planFields = []string{"account", "kind", "campaign", "name", "start", "days", "block", "off", "list", "share", "held", "seed"}

// experimentRequest reads the form; an empty field takes its default.
func experimentRequest(q url.Values) (attribution.ExperimentRequest, error) {
	get := func(k string) string { return strings.TrimSpace(q.Get(k)) }
	r := attribution.ExperimentRequest{Account: get("account"), Kind: attribution.ExperimentKind(get("kind")), Name: get("name"), Campaign: get("campaign"), List: get("list")}
	var errs []error
	parse := func(k, must string, read func(string) error) {
		if v := get(k); v != "" && read(v) != nil {
			errs = append(errs, fmt.Errorf("%s is %q; it must be %s", k, v, must))
		}
	}
	number := func(to *int) func(string) error {
		return func(v string) (err error) {
			if *to, err = strconv.Atoi(v); err == nil && *to < 0 {
				err = strconv.ErrRange
			}
			return err
		}
	}
	parse("start", "a date", func(v string) (err error) { r.Start, err = civil.Parse(v); return err })
	parse("days", "a number of days", number(&r.Days))
	parse("block", "a number of days", number(&r.Block))
	parse("off", "an amount above 0", func(v string) (err error) {
		if r.Off, err = money.Parse(v); err == nil && r.Off <= 0 {
			err = strconv.ErrRange
		}
		return err
	})
	parse("share", "a percentage such as 10", func(v string) (err error) {
		r.Share, err = strconv.ParseFloat(v, 64)
		if r.Share /= 100; err == nil && !(r.Share > 0 && r.Share < 1) {
			err = strconv.ErrRange
		}
		return err
	})
	parse("seed", "a number", func(v string) (err error) { r.Seed, err = strconv.ParseUint(v, 10, 64); return err })
	r.Held = strings.FieldsFunc(strings.ToUpper(get("held")), func(c rune) bool { return c == ',' || c == ' ' || c == ';' })
	return r, errors.Join(errs...)
}

func (s *Server) planExperiment(w http.ResponseWriter, r *request) error {
	if err := r.form(); err != nil {
		return err
	}
	req, err := experimentRequest(r.PostForm)
	if err != nil {
		return s.back(w, r, "/experiments/plan", "bad", "Not planned: "+sentence(err.Error()))
	}
	e, err := s.desk.PlanExperiment(r.Context(), r.user.Name, req)
	if err != nil {
		return s.back(w, r, "/experiments/plan", "bad", "Not planned: "+sentence(err.Error()))
	}
	return s.back(w, r, "/experiments/"+e.ExperimentID, "good", "Planned. Nothing is changed until it is started.")
}

// stepExperiment starts, stops, concludes or cancels.
func (s *Server) stepExperiment(w http.ResponseWriter, r *request) error {
	if err := r.form(); err != nil {
		return err
	}
	ctx, id, who := r.Context(), r.PathValue("id"), r.user.Name
	here := "/experiments/" + url.PathEscape(id)
	reason, err := r.reason()
	if err != nil {
		return err
	}
	done := ""
	switch r.PostForm.Get("do") {
	case "start":
		hash := r.PostForm.Get("hash")
		if hash == "" {
			return badRequest("The form does not say which plan it is about.")
		}
		_, err = s.desk.StartExperiment(ctx, who, id, hash)
		done = "Started. Its schedule of changes is approved; the nights take the steps."
	case "stop":
		_, err = s.desk.StopExperiment(ctx, who, id, reason)
		done = "Ended. The next night puts back what it has changed."
	case "conclude":
		_, err = s.desk.ConcludeExperiment(ctx, who, id, reason)
		done = "Concluded. The next night reckons with what it found."
	case "cancel":
		_, err = s.desk.CancelExperiment(ctx, who, id, reason)
		done = "Cancelled."
	default:
		return badRequest("Choose to start, stop, conclude or cancel.")
	}
	if err != nil {
		return s.back(w, r, here, "bad", "Not done: "+sentence(err.Error()))
	}
	return s.back(w, r, here, "good", done)
}
