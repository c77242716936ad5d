package nightly

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"adsteward/attribution"
	"adsteward/attribution/lift"
	"adsteward/bidding/response"
	"adsteward/internal/civil"
	"adsteward/internal/platform"
	"adsteward/store"
)

// watchExperiments looks at every experiment under way or waiting for its last
// sales, and concludes those that are complete and sound.
func (n *night) watchExperiments(ctx context.Context) (watched, concluded int, err error) {
	rows, err := n.Store.Experiments(ctx, n.shop.Name, string(attribution.ExperimentRunning), string(attribution.ExperimentEnded))
	if err != nil {
		return 0, 0, err
	}
	var faults []error
	for _, e := range rows {
		if n.date <= e.Starts {
			continue
		}
		l, err := n.lookAt(ctx, n.shop, e, n.date)
		if err == nil {
			err = n.storeLook(ctx, e, l)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("experiment %q: %w", e.Name, err))
			continue
		}
		watched++
		if e.State == string(attribution.ExperimentEnded) && l.Mature && l.Found() && l.Sound() {
			if _, err := n.conclude(ctx, pushActor, e.ExperimentID, "its sales have come in and every check holds", l); err != nil {
				faults = append(faults, err)
				continue
			}
			concluded++
		}
	}
	return watched, concluded, errors.Join(faults...)
}

func (s *Steward) storeLook(ctx context.Context, e store.Experiment, l *attribution.ExperimentLook) error {
	body, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return s.Store.InTx(ctx, func(q *store.Queries) error {
		fresh, err := q.Experiment(ctx, e.ExperimentID)
		if err != nil {
			return err
		}
		fresh.Watched, fresh.UpdatedAt = string(body), s.Now()
		_, err = q.UpdateExperiment(ctx, fresh, fresh.State)
		return err
	})
}

// ConcludeExperiment takes what an ended experiment found as its result, before
// all its sales are in or although a check does not hold, as a person decides.
func (s *Steward) ConcludeExperiment(ctx context.Context, actor, id, reason string) (store.Experiment, error) {
	e, err := s.Store.Experiment(ctx, id)
	if err != nil {
		return e, err
	}
	if err := attribution.MoveExperiment(attribution.ExperimentState(e.State), attribution.ExperimentConcluded); err != nil {
		return e, refused("%v", err)
	}
	shop, err := s.Shop(e.Account)
	if err != nil {
		return e, err
	}
	l, err := s.lookAt(ctx, shop, e, s.dateOf(e.Account, s.Now()))
	if err != nil {
		return e, err
	}
	if err := s.storeLook(ctx, e, l); err != nil {
		return e, err
	}
	switch {
	case !l.Found():
		return e, refused("it has no result: %s", l.Problem)
	case (!l.Mature || !l.Sound()) && reason == "":
		return e, refused("%s; concluding it all the same wants a reason", l.Doubt())
	}
	return s.conclude(ctx, actor, e.ExperimentID, reason, l)
}

// conclude writes the result into the ledger and ends the experiment's life.
func (s *Steward) conclude(ctx context.Context, actor, id, reason string, l *attribution.ExperimentLook) (store.Experiment, error) {
	return s.moveExperiment(ctx, id, attribution.ExperimentConcluded, actor, func(q *store.Queries, e *store.Experiment, p *attribution.ExperimentPlan, now time.Time) (string, error) {
		for _, c := range p.Campaigns {
			if err := q.PutIota(ctx, store.IotaEntry{Account: e.Account, Campaign: c, ExperimentID: e.ExperimentID, Value: l.Iota.Value, SD: l.Iota.SE,
				Ended: e.Ends, Method: fmt.Sprintf("%s, %d days", e.Kind, l.DaysDone), RecordedAt: now}); err != nil {
				return "", err
			}
		}
		out := l.Result()
		if reason != "" {
			out += "; " + reason
		}
		return out, nil
	})
}

// lookAt analyses an experiment by what is known on a date.
func (s *Steward) lookAt(ctx context.Context, shop *Shop, e store.Experiment, date civil.Date) (*attribution.ExperimentLook, error) {
	p, err := planOf(e)
	if err != nil {
		return nil, err
	}
	last := min(e.Ends, date.AddDays(-1))
	l := &attribution.ExperimentLook{Date: date, Last: last, DaysDone: max(last.Sub(e.Starts)+1, 0), DaysLeft: max(e.Ends.Sub(date)+1, 0), Mature: date > e.Ends.AddDays(matureDays),
		Days: []lift.Day{}, Checks: []attribution.ExperimentCheck{}, Warnings: []string{}}
	claims, err := s.claims(ctx, shop, p, e.Starts, last, date)
	if err != nil {
		return nil, err
	}
	switch {
	case p.Switchback != nil:
		err = s.lookSwitchback(ctx, shop, p, claims, l)
	case p.Holdout != nil:
		err = s.lookHoldout(ctx, shop, e, p, claims, l)
	case p.Geo != nil:
		err = s.lookGeo(ctx, shop, p, claims, l)
	case p.Policy != nil:
		err = s.lookPolicy(ctx, shop, p, l)
	}
	if err != nil {
		return nil, err
	}
	if l.Iota != nil {
		f, err := forecastOf(e)
		if err != nil {
			return nil, err
		}
		planned := 0.5 // where nothing was known before
		if f.Detectable != nil {
			planned = min(max(*f.Detectable, 0.05), 1)
		}
		a := lift.AlwaysValid(*l.Iota, planned)
		l.AlwaysValid = &a
	}
	return l, nil
}

// take adopts an analysis.
func take(l *attribution.ExperimentLook, r lift.Result) {
	l.Iota, l.Lift, l.Days = r.Iota, &r.Lift, r.Days
	l.Warnings = append(l.Warnings, r.Warnings...)
	if l.Iota == nil {
		l.Problem = "what the platform claims does not differ clearly enough yet"
	}
}

// claims are a campaign's reported value and spend by day, from the first day on.
type claims struct {
	// byOrder is the reported value by the day its orders were placed: each click's
	// day spread over the days its orders take, so that it stands beside the shop's
	// revenue of the same day and what a block leaves to the next is no error.
	byOrder []float64
	cost    []float64
}

func (c claims) total() float64 { return sum(c.byOrder) }

// claims reads what platforms report of the plan's campaigns, corrected for what
// has not arrived on date. Clicks before the experiment count in a switchback
// alone, where they are what a block leaves to the next: people and regions met
// them alike in both arms.
func (s *Steward) claims(ctx context.Context, shop *Shop, p *attribution.ExperimentPlan, first, last, date civil.Date) (claims, error) {
	days := max(last.Sub(first)+1, 0)
	out := claims{byOrder: make([]float64, days), cost: make([]float64, days)}
	n := &night{Steward: s, shop: shop, date: date}
	parent, err := n.campaignOf(ctx)
	if err != nil {
		return out, err
	}
	lags := map[string]response.Lag{}
	from := first
	if p.Switchback != nil {
		from = first.AddDays(-response.Horizon)
	}
	err = s.Store.EachPerformance(ctx, shop.Name, from, last, func(d store.Performance) error {
		if !slices.Contains(p.Campaigns, parent(d.Platform, d.AdAccount, platform.Ref{Type: platform.EntityType(d.EntityType), ID: d.EntityID})) {
			return nil
		}
		lag, ok := lags[d.Platform]
		if !ok {
			var err error
			if lag, err = s.newestLag(ctx, shop.Name, d.Platform); err != nil {
				return err
			}
			lags[d.Platform] = lag
		}
		value, at := d.Value.Float()/lag.At(date.Sub(d.Date)), d.Date.Sub(first)
		if at >= 0 {
			out.cost[at] += d.Cost.Float()
		}
		for late := range response.Horizon {
			if i := at + late; i >= 0 && i < days {
				out.byOrder[i] += value * arrives(lag, late)
			}
		}
		return nil
	})
	return out, err
}

// arrives is the share of a day's value whose orders are placed so many days
// later: what the night after that day sees more than the one before.
func arrives(l response.Lag, late int) float64 {
	if late == 0 {
		return l.At(1)
	}
	return l.At(late+1) - l.At(late)
}

// newestLag is how a platform's value matures, as the newest night that fitted it
// found.
func (s *Steward) newestLag(ctx context.Context, account, p string) (response.Lag, error) {
	runs, err := s.Store.Runs(ctx, account, lookBackDays)
	if err != nil {
		return response.Lag{}, err
	}
	for _, r := range runs {
		lags, err := loadModels[response.Lag](ctx, s.Store.Queries, r.RunID, "lag")
		if err != nil {
			return response.Lag{}, err
		}
		if l, ok := lags[p]; ok {
			return l, nil
		}
	}
	return response.PriorLag(), nil
}

func (s *Steward) lookSwitchback(ctx context.Context, shop *Shop, p *attribution.ExperimentPlan, c claims, l *attribution.ExperimentLook) error {
	plan, err := p.Schedule()
	if err != nil {
		return err
	}
	revenue, err := s.shopDaily(ctx, shop, l.Last.AddDays(1), l.DaysDone, p.Start)
	if err != nil {
		return err
	}
	t := lift.SwitchbackTest{Plan: plan}
	var on, off, onCost, offCost float64
	for i := range l.DaysDone {
		day := p.Start.AddDays(i)
		t.Days = append(t.Days, lift.SwitchDay{Date: day, Revenue: revenue.total[i], Claimed: c.byOrder[i], Cost: c.cost[i]})
		if p.ArmOn(day) == attribution.Treated {
			on, onCost = on+1, onCost+c.cost[i]
		} else {
			off, offCost = off+1, offCost+c.cost[i]
		}
	}
	r, err := t.Analyse(attribution.ExperimentLevel, p.Seed)
	if err != nil {
		l.Problem = err.Error()
		return nil
	}
	take(l, r.Result)
	if r.Iota != nil {
		l.Claimed = r.Lift.Value / r.Iota.Value
	}
	if math.IsNaN(l.Claimed) || math.IsInf(l.Claimed, 0) {
		l.Claimed = 0
	}
	kept := attribution.ExperimentCheck{Name: "schedule", OK: offCost/off < 0.5*onCost/on, Detail: fmt.Sprintf("it cost %.2f %s a day when turned down and %.2f otherwise", offCost/off, shop.Currency, onCost/on)}
	balance := attribution.ExperimentCheck{Name: "balance", OK: l.DaysLeft > 0 || math.Abs(float64(r.OnDays-r.OffDays)) <= float64(p.Switchback.BlockDays),
		Detail: fmt.Sprintf("%d days as ever and %d turned down count; %d after a step are left out", r.OnDays, r.OffDays, r.Washed)}
	l.Checks = append(l.Checks, kept, balance)
	return nil
}

func (s *Steward) lookHoldout(ctx context.Context, shop *Shop, e store.Experiment, p *attribution.ExperimentPlan, c claims, l *attribution.ExperimentLook) error {
	t := lift.HoldoutTest{BasisPoints: basisPoints(p.Holdout), Claimed: c.total()}
	l.Claimed = t.Claimed
	err := s.Store.EachUnitRevenue(ctx, shop.Name, e.ExperimentID, shop.Currency, historyDays, e.Starts, l.Last, func(u store.UnitRevenue) error {
		person := lift.Person{Revenue: u.After.Float(), Before: u.Before.Float()}
		if u.Arm == string(attribution.Held) {
			t.Held.Add(person)
		} else {
			t.Treated.Add(person)
		}
		return nil
	})
	if err != nil {
		return err
	}
	r, err := t.Analyse(attribution.ExperimentLevel)
	if err != nil {
		l.Problem = err.Error()
		return nil
	}
	take(l, r.Result)
	ratio := attribution.ExperimentCheck{Name: "sample ratio", OK: true, Detail: fmt.Sprintf("%d people are held out and %d are not; %.0f %% were to be", r.Held, r.Treated, 100*p.Holdout.Share)}
	if r.SampleRatioP != nil {
		ratio.OK = *r.SampleRatioP >= 0.001
		ratio.Detail += fmt.Sprintf(" (chance does as much with a probability of %.3f)", *r.SampleRatioP)
	}
	l.Checks = append(l.Checks, ratio)
	return nil
}

func basisPoints(h *attribution.HoldoutPlan) int { return int(math.Round(10000 * h.Share)) }

// lookGeo compares the regions held out with the others, by time-based
// regression: withholding is the treatment, and what it takes away is what the
// campaign causes there. The claims it takes away are those of the other regions
// during the test, at the ratio of both sides' sales before.
func (s *Steward) lookGeo(ctx context.Context, shop *Shop, p *attribution.ExperimentPlan, c claims, l *attribution.ExperimentLook) error {
	days, err := s.shopDaily(ctx, shop, l.Last.AddDays(1), l.DaysDone+historyDays, p.Start)
	if err != nil {
		return err
	}
	t := lift.GeoTest{Panel: &lift.Panel{First: days.first}, Pre: lift.Period{From: days.first, To: p.Start.AddDays(-1)}, Test: lift.Period{From: p.Start, To: l.Last}}
	add := func(regions []string, arm lift.Arm) {
		for _, r := range regions {
			t.Panel.Geos = append(t.Panel.Geos, r)
			t.Panel.Response = append(t.Panel.Response, days.of([]string{r}))
			t.Arms = append(t.Arms, arm)
		}
	}
	add(p.Geo.Held, lift.Treated)
	add(p.Geo.Treated, lift.Control)
	r, err := t.Analyse(lift.TBR, attribution.ExperimentLevel)
	if err != nil {
		l.Problem = err.Error()
		return nil
	}
	before := func(regions []string) float64 { return sum(days.of(regions)[:historyDays]) }
	if others := before(p.Geo.Treated); others > 0 {
		l.Claimed = max(c.total()*before(p.Geo.Held)/others, 0)
	}
	if l.Claimed > 0 {
		r.Iota = &lift.Estimate{Value: -r.Lift.Value / l.Claimed, SE: r.Lift.SE / l.Claimed, Low: -r.Lift.High / l.Claimed, High: -r.Lift.Low / l.Claimed, Level: r.Lift.Level}
	}
	take(l, r)
	l.Checks = append(l.Checks, attribution.ExperimentCheck{Name: "exclusion", OK: true, Detail: "that the regions are excluded is not seen from here: compare the platform's own report by region"})
	return nil
}
