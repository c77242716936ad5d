package web

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"adsteward/bidding"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/present"
	"adsteward/store"
)

// changesView is the page of tonight's change set.
type changesView struct {
	Account  string
	Date     string
	Run      *runView
	Later    *runLink // a newer run that has not come to a plan
	Summary  []summaryCell
	Tabs     []tab
	Platform []option
	Sort     []option
	Scope    []option
	Groups   []option
	Filtered bool
	Rows     []*row
	Approved int // proposals ready to be pushed
	Empty    string
	State    string
	Level    string
}

type runLink struct{ Date, State, URL string }

// option is one choice of a filter.
type option struct {
	Value, Name string
	Selected    bool
}

// tab is one state of the filter, as a link.
type tab struct {
	Name, URL string
	Count     int
	Current   bool
}

// summaryCell is one figure of the strip at the top.
type summaryCell struct {
	Name, Value, Unit string
	Class             string
	Notes             []string
	Title             string
}

// inlineDetails is how many rows hold their reasons, guardrails and evidence in
// place. A list longer than anybody unfolds by hand would be three times as
// heavy for it; its further rows link to the proposal's own page.
const inlineDetails = 200

// history is how many proposals the page shows when asked for earlier ones.
const history = 1000

// query is what the address of the page asks for.
type query struct{ state, platform, account, sort, scope string }

func (q query) url(state string) string {
	v := url.Values{}
	for k, val := range map[string]string{"state": state, "platform": q.platform, "account": q.account, "sort": q.sort, "scope": q.scope} {
		if val != "" {
			v.Set(k, val)
		}
	}
	if len(v) == 0 {
		return "/"
	}
	return "/?" + v.Encode()
}

func (s *Server) changes(w http.ResponseWriter, r *request) error {
	ctx, v := r.Context(), r.URL.Query()
	q := query{v.Get("state"), v.Get("platform"), v.Get("account"), v.Get("sort"), v.Get("scope")}
	newest, err := s.plannedRuns(ctx, q.account)
	if err != nil {
		return err
	}
	latest, err := s.newestRuns(ctx, q.account)
	if err != nil {
		return err
	}
	loc, err := s.zone(ctx, q.account)
	if err != nil {
		return err
	}
	found, err := s.currentProposals(ctx, q, newest)
	if err != nil {
		return err
	}
	now := s.now()
	all := newRows(found, now, loc)
	view := changesView{Account: q.account, Level: "80 %", State: q.state}
	view.Tabs = tabs(all, q)
	view.Rows = selectRows(all, q)
	addWhiskers(view.Rows)
	for i := range view.Rows[:min(len(view.Rows), inlineDetails)] {
		view.Rows[i].Inline = true
	}
	view.Approved = countIf(all, func(r *row) bool { return r.CanPush })
	view.Platform = options(q.platform, "", "All platforms", "google", "Google Ads", "meta", "Meta")
	view.Sort = options(q.sort, "", "Largest gain", "change", "Largest change", "name", "Name")
	view.Scope = options(q.scope, "", "This night and open", "earlier", "Earlier ones too")
	view.Filtered = q.state != "" || q.platform != ""
	if view.Groups, err = s.accountOptions(ctx, q.account); err != nil {
		return err
	}
	if len(newest) > 0 {
		run := newest[0]
		view.Date = run.Date.Time().Format("Monday 2 January 2006")
		rv, err := s.runView(ctx, run, loc)
		if err != nil {
			return err
		}
		view.Run = &rv
		if latest[0].RunID != run.RunID {
			view.Later = &runLink{latest[0].Date.Time().Format("Mon 2 Jan"), latest[0].State, runURL(latest[0])}
		}
	}
	if view.Summary, err = s.summary(ctx, newest, all, now); err != nil {
		return err
	}
	switch {
	case len(view.Rows) > 0:
	case len(newest) == 0:
		view.Empty = "No night has run yet. Run one with “adsteward run”, or wait for the schedule."
	case view.Filtered:
		view.Empty = "Nothing fits this filter."
	default:
		view.Empty = "Nothing to decide: the newest night proposes no change. The run tells why."
	}
	s.render(w, r, http.StatusOK, "changes", page{Title: "Changes", Nav: "changes", Body: view})
	return nil
}

// newestRuns returns the newest run of each account, newest first.
func (s *Server) newestRuns(ctx context.Context, account string) ([]store.Run, error) {
	return s.pickRuns(ctx, account, func(store.Run) (bool, error) { return true, nil })
}

// plannedRuns returns each account's newest run that has come to a plan, or
// its newest one where none has: while a night is under way, the page shows the
// one before.
func (s *Server) plannedRuns(ctx context.Context, account string) ([]store.Run, error) {
	return s.pickRuns(ctx, account, func(r store.Run) (bool, error) {
		p, err := s.plan(ctx, r)
		return p.made, err
	})
}

// pickRuns returns of each account the newest run that fits, else its newest.
func (s *Server) pickRuns(ctx context.Context, account string, fits func(store.Run) (bool, error)) ([]store.Run, error) {
	const recent = 200 // runs looked at
	runs, err := s.store.Runs(ctx, account, recent)
	if err != nil {
		return nil, err
	}
	var out []store.Run
	found := map[string]bool{}
	for _, r := range runs {
		at := slices.IndexFunc(out, func(o store.Run) bool { return o.Account == r.Account })
		if found[r.Account] {
			continue
		}
		ok, err := fits(r)
		if err != nil {
			return nil, err
		}
		switch {
		case at < 0:
			out = append(out, r)
		case ok:
			out[at] = r
		}
		found[r.Account] = ok
	}
	return out, nil
}

// currentProposals are those of the newest runs and whatever is open from
// before; with the scope "earlier", the latest of any age.
func (s *Server) currentProposals(ctx context.Context, q query, newest []store.Run) ([]store.Proposal, error) {
	if q.scope == "earlier" {
		return s.store.Proposals(ctx, store.Filter{Account: q.account, Limit: history})
	}
	var open, closed []string
	for _, st := range bidding.States {
		if st.Open() || st.Pending() {
			open = append(open, string(st))
		} else {
			closed = append(closed, string(st))
		}
	}
	out, err := s.store.Proposals(ctx, store.Filter{Account: q.account, States: open})
	if err != nil {
		return nil, err
	}
	for _, run := range newest {
		ps, err := s.store.Proposals(ctx, store.Filter{RunID: run.RunID, States: closed})
		if err != nil {
			return nil, err
		}
		out = append(out, ps...)
	}
	return out, nil
}

// tabs counts the proposals by state. Superseded and expired ones are shown
// only where they are asked for.
func tabs(rows []*row, q query) []tab {
	out := []tab{{Name: "All", URL: q.url(""), Current: q.state == ""}}
	count := map[string]int{}
	for _, r := range rows {
		if q.platform == "" || r.Platform == q.platform {
			count[r.State]++
		}
	}
	for _, st := range bidding.States {
		n := count[string(st)]
		if !faded(string(st)) {
			out[0].Count += n
		}
		current := q.state == string(st)
		if n > 0 || current || st == bidding.Proposed || st == bidding.Approved {
			out = append(out, tab{present.Words(string(st)), q.url(string(st)), n, current})
		}
	}
	return out
}

func faded(state string) bool {
	return state == string(bidding.Superseded) || state == string(bidding.Expired)
}

// selectRows filters and sorts. What waits for a decision comes first.
func selectRows(rows []*row, q query) []*row {
	out := make([]*row, 0, len(rows))
	for _, r := range rows {
		if (q.state == "" && !faded(r.State) || r.State == q.state) && (q.platform == "" || r.Platform == q.platform) {
			out = append(out, r)
		}
	}
	rank := func(r *row) int { return slices.Index(bidding.States, bidding.State(r.State)) }
	slices.SortStableFunc(out, func(a, b *row) int {
		var by int
		switch q.sort {
		case "name":
			return cmp.Or(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), strings.Compare(a.Field, b.Field))
		case "change":
			ca, _ := present.ChangePct(a.p.Seen, a.p.Proposed)
			cb, _ := present.ChangePct(b.p.Seen, b.p.Proposed)
			by = cmp.Compare(max(cb, -cb), max(ca, -ca))
		default:
			by = cmp.Compare(b.gain(), a.gain())
		}
		return cmp.Or(cmp.Compare(rank(a), rank(b)), by)
	})
	return out
}

func countIf(rows []*row, is func(*row) bool) (n int) {
	for _, r := range rows {
		if is(r) {
			n++
		}
	}
	return n
}

// options makes the choices of a filter from pairs of value and name.
func options(selected string, valueName ...string) []option {
	var out []option
	for i := 0; i+1 < len(valueName); i += 2 {
		out = append(out, option{valueName[i], valueName[i+1], valueName[i] == selected})
	}
	return out
}

// accountOptions lists the account groups, nil where there is only one.
func (s *Server) accountOptions(ctx context.Context, selected string) ([]option, error) {
	accounts, err := s.store.AdAccounts(ctx, "")
	if err != nil {
		return nil, err
	}
	out := []option{{"", "All accounts", selected == ""}}
	for _, a := range accounts {
		if !slices.ContainsFunc(out, func(o option) bool { return o.Value == a.Account }) {
			out = append(out, option{a.Account, a.Account, a.Account == selected})
		}
	}
	if len(out) <= 2 {
		return nil, nil
	}
	return out, nil
}

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
		Title: "Sum of the open proposals' expected profit gain per day, with the central 80 % interval; the bounds are combined as if errors were independent."}
	for i, e := range effects(open) {
		if i == 0 {
			gain.Value, gain.Unit, gain.Class, gain.Notes = e.Gain, e.Currency, e.Class, []string{"80 %: " + e.Interval}
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
		cells = append(cells, p.cells(run, all, len(newest) > 1)...)
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
	budgets  map[string]money.Micros // by platform, as pulled
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
			p.made, p.shadow = true, a.ShadowPrice
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

// cells shows a plan: what the budgets are by now and would be with every open
// proposal applied, and the shadow price.
func (p plan) cells(run store.Run, all []*row, several bool) []summaryCell {
	suffix := ""
	if several {
		suffix = ", " + run.Account
	}
	var out []summaryCell
	if len(p.budgets) > 0 {
		var now, then money.Micros
		var notes []string
		for _, name := range slices.Sorted(maps.Keys(p.budgets)) {
			before, after := p.budgets[name], p.budgets[name]
			for _, r := range all {
				if r.Account != run.Account || r.Platform != name {
					continue
				}
				switch st := bidding.State(r.State); {
				case st.Open() || st.Pending():
					after += budgetDelta(r.p)
				case r.p.RunID == run.RunID && (st == bidding.Applied || st == bidding.Measured):
					before, after = before+budgetDelta(r.p), after+budgetDelta(r.p)
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
		if p.shadow <= 1.005 {
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

// stale is how many days old the newest data may be before the page says so.
const stale = 2

func (s *Server) freshness(ctx context.Context, newest []store.Run, now time.Time) (summaryCell, error) {
	run := newest[0]
	last, err := s.store.LastPerformance(ctx, run.Account)
	if err != nil {
		return summaryCell{}, err
	}
	cell := summaryCell{Name: "Data up to", Value: present.None, Title: "The oldest of the ad accounts' newest days of performance."}
	if len(last) == 0 {
		return cell, nil
	}
	loc, err := s.zone(ctx, run.Account)
	if err != nil {
		return cell, err
	}
	byPlatform := map[string]civil.Date{}
	oldest := civil.Date(0)
	for k, d := range last {
		if have, ok := byPlatform[k[0]]; !ok || d < have {
			byPlatform[k[0]] = d
		}
		if oldest.IsZero() || d < oldest {
			oldest = d
		}
	}
	cell.Value = oldest.Time().Format("Mon 2 Jan")
	if age := civil.Of(now.In(loc)).Sub(oldest); age > stale {
		cell.Class, cell.Notes = "warn", []string{fmt.Sprintf("%d days old", age)}
	}
	for _, name := range slices.Sorted(maps.Keys(byPlatform)) {
		note := present.PlatformName(name)
		if d := byPlatform[name]; d != oldest {
			note += " " + d.Time().Format("Mon 2 Jan")
		}
		cell.Notes = append(cell.Notes, note)
	}
	return cell, nil
}

func runURL(r store.Run) string { return "/runs/" + url.PathEscape(r.Account) + "/" + r.Date.String() }
