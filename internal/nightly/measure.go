package nightly

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"adsteward/bidding"
	"adsteward/bidding/response"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/store"
)

// measure compares what changes promised with what happened, once their days
// are over and reported in full, and proposes to put back what credibly lost
// money and still stands. A rollback is measured too, and never rolled back itself.
func measure(ctx context.Context, n *night) (report, error) {
	rows, err := n.Store.Proposals(ctx, store.Filter{Account: n.shop.Name, States: []string{string(bidding.Applied)}})
	if err != nil {
		return report{}, err
	}
	zones, err := n.zones(ctx)
	if err != nil {
		return report{}, err
	}
	var due []store.Proposal
	waiting, rules := 0, 0
	for _, p := range rows {
		switch {
		case isExclusion(p): // what is out of ads shows nothing to measure; see bidding.PlanExclusions
		case platform.Field(p.Field).TellsWorth():
			rules++ // it concerns every campaign and promised nothing to compare with
		case draftOf(p).Experiment != "": // it promised nothing; the experiment is judged as a whole
		case !p.AppliedAt.Valid || firstDay(p, zones).AddDays(bidding.OutcomeDays-1+matureDays) >= n.date:
			waiting++
		default:
			due = append(due, p)
		}
	}
	done, forecasts, err := n.measureDue(ctx, due, zones)
	if err != nil {
		return report{}, err
	}
	summary := done.String()
	switch {
	case len(due) > 0:
	case waiting == 0:
		summary = "no applied change is yet to be judged"
	case waiting == 1:
		summary = "1 applied change is not old enough to be judged"
	default:
		summary = fmt.Sprintf("%d applied changes are not old enough to be judged", waiting)
	}
	if done.resting > 0 {
		summary += fmt.Sprintf("; %d that lost money are judged when what was changed since has rested", done.resting)
	}
	if rules > 0 {
		summary += fmt.Sprintf("; %d value rules promised no profit and are not judged", rules)
	}
	watched, concluded, fault := n.watchExperiments(ctx)
	if watched > 0 {
		summary += fmt.Sprintf("; %d experiments looked at, %d concluded", watched, concluded)
	}
	return report{Summary: summary + forecasts, Partial: fault}, nil
}

// measured counts what came of the changes whose days are over.
type measured struct {
	verdicts                      map[bidding.Verdict]int
	judged, inside, back, resting int
}

func (m measured) String() string {
	return fmt.Sprintf("%d changes measured, %d within their interval: %d paid, %d lost money, %d cannot be told; %d to be put back", m.judged, m.inside,
		m.verdicts[bidding.Gain], m.verdicts[bidding.Loss], m.verdicts[bidding.Undecided]+m.verdicts[bidding.Unjudged], m.back)
}

// measureDue judges the changes and, once a week, what curves foretold.
func (n *night) measureDue(ctx context.Context, due []store.Proposal, zones map[[2]string]*time.Location) (out measured, forecasts string, err error) {
	out.verdicts = map[bidding.Verdict]int{}
	weekly := int(n.date)%bidding.ForecastDays == 0
	if len(due) == 0 && !weekly {
		return out, "", nil
	}
	first := n.date
	for _, p := range due {
		first = min(first, firstDay(p, zones))
	}
	w, err := n.newMeasuring(ctx, zones, first)
	if err == nil && weekly {
		forecasts, err = w.checkForecasts(ctx)
	}
	if err != nil {
		return out, "", err
	}
	for _, p := range due {
		m, u, err := w.outcome(ctx, p)
		if err != nil {
			return out, "", fmt.Errorf("the outcome of proposal %s: %w", p.ProposalID, err)
		}
		if w.goesBack(p, &m) && w.rests(p, u) {
			out.resting++
			continue
		}
		if err := w.keep(ctx, p, &m); err != nil {
			return out, "", err
		}
		out.judged++
		out.verdicts[m.Verdict]++
		if m.Inside {
			out.inside++
		}
		if m.RolledBack != "" {
			out.back++
		}
	}
	return out, forecasts, nil
}

// forecastModel is the kind under which a run keeps how an earlier night's curves
// foretold the week after it.
const forecastModel = "forecast"

// checkForecasts holds what the curves of an earlier night foretell of the week
// after it against what came, and says so; "" where there was no such night.
func (w *measuring) checkForecasts(ctx context.Context) (string, error) {
	then := w.date.AddDays(-bidding.ForecastDays - matureDays)
	k, err := w.known(ctx, RunID(w.shop.Name, then))
	if err != nil || len(k.units) == 0 {
		return "", err
	}
	f := w.meter.Check(k.units, k.dayOfWeek, then)
	var models modelSet
	models.add(w.runID, forecastModel, "", f)
	return fmt.Sprintf("; of %d forecasts for the week from %s, %d held their 80 %%", f.Count, then, f.Inside80), models.put(ctx, w.Store.Queries)
}

// zones are the time zones of the ad accounts.
func (n *night) zones(ctx context.Context) (map[[2]string]*time.Location, error) {
	accounts, err := n.Store.AdAccounts(ctx, n.shop.Name)
	if err != nil {
		return nil, err
	}
	out := map[[2]string]*time.Location{}
	for _, a := range accounts {
		if out[[2]string{a.Platform, a.AdAccount}], err = time.LoadLocation(a.TimeZone); err != nil {
			return nil, fmt.Errorf("ad account %s of %s: %w", a.AdAccount, a.Platform, err)
		}
	}
	return out, nil
}

// firstDay is the first day of its ad account that a change held: its own, or the
// next one where it was made after noon.
func firstDay(p store.Proposal, zones map[[2]string]*time.Location) civil.Date {
	at := p.AppliedAt.Time.UTC()
	if loc := zones[[2]string{p.Platform, p.AdAccount}]; loc != nil {
		at = at.In(loc)
	}
	if at.Hour() >= 12 {
		return civil.Of(at).AddDays(1)
	}
	return civil.Of(at)
}

// measuring is what the outcomes of one night are measured with.
type measuring struct {
	*night
	in    bidding.Input
	meter *bidding.Meter
	zones map[[2]string]*time.Location
	runs  map[string]knownThen
}

// knownThen is what a run that proposed something knew.
type knownThen struct {
	units     []bidding.UnitReport
	byKey     map[string]bidding.UnitReport // under every entity it may change
	dayOfWeek map[string][7]float64
}

// newMeasuring loads what changes that hold from a date on or later are measured with.
func (n *night) newMeasuring(ctx context.Context, zones map[[2]string]*time.Location, first civil.Date) (*measuring, error) {
	in, err := n.accountInput(ctx)
	if err != nil {
		return nil, err
	}
	fits, err := loadModels[response.Result](ctx, n.Store.Queries, n.runID, "curves")
	if err != nil {
		return nil, err
	}
	alerts := map[civil.Date][]bidding.Alert{}
	for d := first; d <= n.date; d++ {
		warned, err := loadModels[[]bidding.Alert](ctx, n.Store.Queries, RunID(n.shop.Name, d), alertModel)
		if err != nil {
			return nil, err
		}
		alerts[d] = warned[""]
	}
	w := &measuring{night: n, in: in, zones: zones, runs: map[string]knownThen{}}
	w.meter = bidding.NewMeter(&w.in, fits[""], alerts)
	return w, nil
}

// known reads what a run knew, once.
func (w *measuring) known(ctx context.Context, runID string) (knownThen, error) {
	if k, ok := w.runs[runID]; ok {
		return k, nil
	}
	byKey, err := loadModels[bidding.UnitReport](ctx, w.Store.Queries, runID, "unit")
	if err != nil {
		return knownThen{}, err
	}
	fits, err := loadModels[response.Result](ctx, w.Store.Queries, runID, "curves")
	if err != nil {
		return knownThen{}, err
	}
	k := knownThen{byKey: byKey, dayOfWeek: fits[""].DayOfWeek}
	units := map[string]bidding.UnitReport{} // a unit is stored under each entity it may change
	for _, u := range byKey {
		units[u.Key.String()] = u
	}
	for _, key := range slices.Sorted(maps.Keys(units)) {
		k.units = append(k.units, units[key])
	}
	w.runs[runID] = k
	return k, nil
}

// outcome is how a change turned out, and its unit as it was when it was made.
func (w *measuring) outcome(ctx context.Context, p store.Proposal) (m bidding.Outturn, u bidding.UnitReport, err error) {
	from := firstDay(p, w.zones)
	key := bidding.Key{Platform: platform.Name(p.Platform), AdAccount: p.AdAccount, Ref: ref(p)}.String()
	var k knownThen
	found := false
	for _, run := range w.runsOf(p) {
		if k, err = w.known(ctx, run); err != nil {
			return m, u, err
		}
		if u, found = k.byKey[key]; found {
			break
		}
	}
	if !found {
		return bidding.Outturn{From: from, To: from.AddDays(bidding.OutcomeDays - 1), Verdict: bidding.Unjudged, Why: "The night before it kept no curve of it."}, u, nil
	}
	a := bidding.AppliedChange{Unit: u, Field: platform.Field(p.Field), Seen: p.Seen, Value: p.Proposed, Expected: draftOf(p).Expected,
		From: from, Units: k.units, DayOfWeek: k.dayOfWeek}
	if a.Starved, err = w.starved(ctx, u, key, a.From); err != nil {
		return m, u, err
	}
	return w.meter.Measure(a), u, nil
}

// goesBack reports whether an outcome asks for the old value and that can be had.
func (w *measuring) goesBack(p store.Proposal, m *bidding.Outturn) bool {
	return m.Verdict == bidding.Loss && w.shop.Policy.Rollback.Probability > 0 && p.RollbackOf == "" && w.stands(p)
}

// rests reports whether something else of a change's unit was changed so lately that
// nothing of it should be changed again: putting it back waits for that.
func (w *measuring) rests(p store.Proposal, u bidding.UnitReport) bool {
	days := w.shop.Policy.CoolDown.Days
	for _, f := range u.Facts {
		days = max(days, f.Cycle)
	}
	return slices.ContainsFunc(w.in.Changes, func(c bidding.PastChange) bool {
		of := c.Platform == u.Platform && c.AdAccount == u.AdAccount && (c.Ref == u.Ref || slices.Contains(u.Campaigns, c.Ref))
		return of && c.At.After(p.AppliedAt.Time) && w.date.Sub(c.Date) < days
	})
}

// runsOf are the runs whose curves were in force when a change was made, the best
// first: the one that proposed it, for a rollback that of its date or the night before.
func (w *measuring) runsOf(p store.Proposal) []string {
	if p.RunID != "" {
		return []string{p.RunID}
	}
	date := w.dateOf(p.Account, p.AppliedAt.Time)
	return []string{RunID(p.Account, date), RunID(p.Account, date.AddDays(-1))}
}

// starved are the days on whose nights too much of what the unit sells could not
// be sold, by the stock guardrail's limit.
func (w *measuring) starved(ctx context.Context, u bidding.UnitReport, key string, from civil.Date) (map[civil.Date]bool, error) {
	most := w.shop.Policy.Stock.MaxUnsellable
	if most >= 1 {
		return nil, nil
	}
	out := map[civil.Date]bool{}
	for i := range bidding.OutcomeDays {
		d := from.AddDays(i)
		m, err := w.Store.Model(ctx, RunID(w.shop.Name, d), "unit", key)
		if errors.Is(err, store.ErrNotFound) { // no night, or nothing to change in it
			continue
		}
		if err != nil {
			return nil, err
		}
		var then struct {
			Facts map[string]struct {
				Unsellable float64 `json:"unsellable"`
			} `json:"facts"`
		}
		if err := json.Unmarshal([]byte(m.Body), &then); err != nil {
			return nil, fmt.Errorf("the stored unit %s of %s cannot be read: %w", u.Key, d, err)
		}
		if then.Facts[key].Unsellable > most {
			out[d] = true
		}
	}
	return out, nil
}

// keep stores an outcome, and the rollback where it asks for one.
func (w *measuring) keep(ctx context.Context, p store.Proposal, m *bidding.Outturn) error {
	return w.Store.InTx(ctx, func(q *store.Queries) error {
		now := w.Now()
		if m.Verdict == bidding.Loss && w.shop.Policy.Rollback.Probability > 0 {
			if err := w.putBack(ctx, q, p, m); err != nil {
				return err
			}
		}
		body, err := json.Marshal(m)
		if err != nil {
			return err
		}
		if err := q.SetMeasured(ctx, p.ProposalID, string(body), now); err != nil {
			return err
		}
		return move(ctx, q, p, bidding.Measured, pushActor, fmt.Sprintf("%s a day, promised %s: %s", money.Plain(micros(m.ProfitPerDay), p.Currency),
			money.Plain(micros(m.Promised), p.Currency), m.Verdict), "", now)
	})
}

// putBack proposes the old value, where the change still stands.
func (w *measuring) putBack(ctx context.Context, q *store.Queries, p store.Proposal, m *bidding.Outturn) error {
	if p.RollbackOf != "" {
		m.Why = "It was a rollback itself, so no rollback of it is proposed."
		return nil
	}
	if !w.stands(p) {
		m.Why = "The value has been changed since or is about to be, so there is nothing to put back."
		return nil
	}
	id, err := w.rollbackOf(ctx, q, p, pushActor, fmt.Sprintf("From %s to %s: %s", m.From, m.To, m.Explain(p.Currency)), m)
	switch {
	case err == nil:
		m.RolledBack = id
	case IsRefused(err): // somebody has taken it up already
		m.Why = "No rollback is proposed: " + err.Error() + "."
	default:
		return err
	}
	return nil
}

// stands reports whether the platform still has the value that the change set,
// as far as was pulled and pushed by now.
func (w *measuring) stands(p store.Proposal) bool {
	key := bidding.Key{Platform: platform.Name(p.Platform), AdAccount: p.AdAccount, Ref: ref(p)}
	for _, c := range w.in.Changes { // tonight's own among them, which the pull came before
		if c.Key == key && string(c.Field) == p.Field && c.New != p.Proposed && c.At.After(p.AppliedAt.Time) {
			return false
		}
	}
	for _, a := range w.in.Accounts {
		if a.Platform != key.Platform || a.ID != key.AdAccount {
			continue
		}
		for _, e := range a.Entities {
			if e.Ref == key.Ref {
				return e.Fields[platform.Field(p.Field)] == p.Proposed
			}
		}
	}
	return false
}

// micros of a model's amount, for people; what is no amount shows as zero.
func micros(f float64) money.Micros {
	m, err := money.FromFloat(f)
	if err != nil {
		return 0
	}
	return m
}

// central80 are the bounds of the central 80 % of the values, which it sorts.
func central80(v []float64) (low, high float64) {
	if len(v) == 0 {
		return 0, 0
	}
	slices.Sort(v)
	return v[len(v)/10], v[len(v)-1-len(v)/10]
}
