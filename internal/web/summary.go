package web

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"adsteward/bidding"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/internal/present"
	"adsteward/store"
)

// summary is the strip at the top of the page.
func (s *Server) summary(ctx context.Context, newest []store.Run, all []*row, now time.Time) ([]summaryCell, error) {
	if len(newest) == 0 {
		return nil, nil
	}
	var open, undecided []*row
	for _, r := range all {
		if bidding.State(r.State).Open() {
			open = append(open, r)
		}
		if r.CanApprove {
			undecided = append(undecided, r)
		}
	}
	approved := countIf(all, func(r *row) bool { return r.State == string(bidding.Approved) })
	cells := []summaryCell{{Name: "Open proposals", Value: fmt.Sprint(len(open)),
		Notes: []string{fmt.Sprintf("%d to decide, %d approved", len(undecided), approved)}}}
	gain := summaryCell{Name: "Expected gain per day", Value: present.None,
		Title: "Sum of the open proposals' expected profit gain per day, with the central 80 % interval; of some of a night's proposals, or several nights', the bounds are combined as if errors were independent."}
	for i, e := range effects(open) {
		if i == 0 {
			if len(newest) == 1 {
				p, err := s.plan(ctx, newest[0])
				if err != nil {
					return nil, err
				}
				p.know(&e)
			}
			gain.Value, gain.Unit, gain.Class = e.Gain, e.Currency, e.Class
			if e.Interval != "" {
				gain.Notes = []string{"80 %: " + e.Interval}
			}
		} else {
			gain.Notes = append(gain.Notes, e.Gain+" "+e.Currency)
		}
	}
	cells = append(cells, gain)
	for _, run := range newest[:min(len(newest), 3)] {
		p, err := s.plan(ctx, run)
		if err != nil {
			return nil, err
		}
		pushed, err := s.store.Proposals(ctx, store.Filter{Account: run.Account, Field: string(platform.DailyBudget), AppliedSince: run.StartedAt})
		if err != nil {
			return nil, err
		}
		cells = append(cells, p.cells(run, all, pushed, len(newest) > 1)...)
	}
	fresh, err := s.freshness(ctx, newest, now)
	return append(cells, fresh), err
}

// plan is what a run's stored models say of the whole: budgets by platform and
// the shadow price.
type plan struct {
	made     bool // the run came to a plan at all
	currency string
	shadow   float64
	gain     bidding.Expected        // of all it proposed
	kept     bool                    // the total, as it is in doubt
	budgets  map[string]money.Micros // by platform, as pulled
}

// know gives the effect of all that a plan proposed the plan's own interval, which
// knows what the campaigns' errors have in common.
func (p plan) know(e *effect) {
	if p.made && e.level > 0 && math.Abs(e.gain-p.gain.GainPerDay) < 1e-6*math.Abs(e.gain) {
		e.Gain, e.Interval, e.Class = gainText(p.gain, e.Currency)
	}
}

// planCache keeps the plans of finished runs: reading a thousand units for
// three figures is not worth doing at every click.
type planCache struct {
	mu    sync.Mutex
	plans map[string]plan
}

func (s *Server) plan(ctx context.Context, run store.Run) (plan, error) {
	key := ""
	if run.FinishedAt.Valid {
		key = run.RunID + "@" + run.FinishedAt.Time.Format(time.RFC3339Nano)
		s.plans.mu.Lock()
		p, ok := s.plans.plans[key]
		s.plans.mu.Unlock()
		if ok {
			return p, nil
		}
	}
	p := plan{budgets: map[string]money.Micros{}}
	allocation, err := s.store.Models(ctx, run.RunID, "allocation")
	if err != nil {
		return p, err
	}
	for _, m := range allocation {
		var a bidding.Allocation
		if json.Unmarshal([]byte(m.Body), &a) == nil {
			p.made, p.shadow, p.kept = true, a.ShadowPrice, a.Kept
			p.gain = bidding.Expected{GainPerDay: a.Gain, GainLow: a.GainLow, GainHigh: a.GainHigh, Level: 0.8}
		}
	}
	units, err := s.store.Models(ctx, run.RunID, "unit")
	if err != nil {
		return p, err
	}
	for _, m := range units {
		var u struct {
			Platform string       `json:"platform"`
			Currency string       `json:"currency"`
			Budget   money.Micros `json:"budget"`
		}
		if json.Unmarshal([]byte(m.Body), &u) == nil {
			p.budgets[u.Platform] += u.Budget
			p.currency = u.Currency
		}
	}
	if key != "" {
		s.plans.mu.Lock()
		defer s.plans.mu.Unlock()
		if s.plans.plans == nil || len(s.plans.plans) > 100 {
			s.plans.plans = map[string]plan{}
		}
		s.plans.plans[key] = p
	}
	return p, nil
}

// cells shows a plan: what the budgets are by now, after what was pushed since
// they were read (of any night, and rollbacks and steps of experiments, which are
// of none), and would be with every open proposal applied, and the shadow price.
func (p plan) cells(run store.Run, all []*row, pushed []store.Proposal, several bool) []summaryCell {
	suffix := ""
	if several {
		suffix = ", " + run.Account
	}
	var out []summaryCell
	if len(p.budgets) > 0 {
		var now, then money.Micros
		var notes []string
		for _, name := range slices.Sorted(maps.Keys(p.budgets)) {
			before := p.budgets[name]
			for _, x := range pushed {
				if x.Platform == name {
					before += budgetDelta(x)
				}
			}
			after := before
			for _, r := range all {
				if st := bidding.State(r.State); r.Account == run.Account && r.Platform == name && (st.Open() || st.Pending()) {
					after += budgetDelta(r.p)
				}
			}
			now, then = now+before, then+after
			notes = append(notes, present.PlatformName(name)+" "+whole(before, p.currency)+" → "+whole(after, p.currency))
		}
		out = append(out, summaryCell{Name: "Daily budgets" + suffix, Value: whole(now, p.currency) + " → " + whole(then, p.currency),
			Unit: p.currency, Notes: notes, Title: "Sum of the daily budgets now, and with every open proposal applied."})
	}
	if p.shadow > 0 {
		note := "per 1.00 more spent"
		switch {
		case p.kept:
			note = "too unsure to change the total: money only moves between campaigns"
		case p.shadow <= 1.005:
			note = "the spend limit does not bind"
		}
		out = append(out, summaryCell{Name: "The next " + unitWord(p.currency) + " earns" + suffix, Value: present.Ratio(p.shadow), Notes: []string{note},
			Title: "Shadow price: the contribution margin that one more unit of budget would bring across both platforms. 1.00 is break-even."})
	}
	return out
}

// whole writes an amount for a headline, without its minor units.
func whole(m money.Micros, currency string) string {
	return strings.TrimSuffix(present.Number("", m.RoundTo(max(money.One, money.MinorUnit(currency))), currency), ".00")
}

func unitWord(currency string) string {
	switch currency {
	case "EUR":
		return "euro"
	case "USD", "CAD", "AUD", "NZD", "SGD", "HKD":
		return "dollar"
	case "GBP":
		return "pound"
	case "":
		return "unit"
	}
	return currency
}

const (
	stale      = 2 // how many days old the newest data may be before the page says so
	mostBehind = 4 // accounts that are named for being behind the others
)

func (s *Server) freshness(ctx context.Context, newest []store.Run, now time.Time) (summaryCell, error) {
	cell := summaryCell{Name: "Data up to", Value: present.None, Title: "The oldest of the ad accounts' newest days of performance."}
	byName := map[string]civil.Date{} // by platform, with several accounts by account too
	var oldest civil.Date
	age := 0
	for _, run := range newest {
		last, err := s.store.LastPerformance(ctx, run.Account)
		if err != nil {
			return cell, err
		}
		loc, err := s.zone(ctx, run.Account)
		if err != nil {
			return cell, err
		}
		for k, d := range last {
			name := present.PlatformName(k[0])
			if len(newest) > 1 {
				name = run.Account + ", " + name
			}
			if have, ok := byName[name]; !ok || d < have {
				byName[name] = d
			}
			if oldest.IsZero() || d < oldest {
				oldest = d
			}
			age = max(age, civil.Of(now.In(loc)).Sub(d))
		}
	}
	if oldest.IsZero() {
		return cell, nil
	}
	cell.Value = oldest.Time().Format("Mon 2 Jan")
	if age > stale {
		cell.Class, cell.Notes = "warn", []string{fmt.Sprintf("%d days old", age)}
	}
	names := slices.Sorted(maps.Keys(byName))
	if len(newest) > 1 { // who is behind, if anybody is
		behind := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return byName[name] != oldest })
		switch {
		case len(behind) == len(names):
			cell.Notes = append(cell.Notes, "of all accounts")
		case len(behind) > mostBehind:
			cell.Notes = append(cell.Notes, fmt.Sprintf("of %d accounts, others are newer", len(behind)))
		default:
			cell.Notes = append(cell.Notes, behind...)
		}
		return cell, nil
	}
	for _, name := range names {
		note := name
		if d := byName[name]; d != oldest {
			note += " " + d.Time().Format("Mon 2 Jan")
		}
		cell.Notes = append(cell.Notes, note)
	}
	return cell, nil
}
