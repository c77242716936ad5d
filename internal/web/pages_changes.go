package web

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"adsteward/bidding"
	"adsteward/internal/present"
	"adsteward/store"
)

// changesView is the page of tonight's change set.
type changesView struct {
	Account string
	Nights  []changesNight
	// NightsMore counts the accounts whose nights are not shown.
	NightsMore int
	Summary    []summaryCell
	Months     []monthRow // monthly budgets; none where the policy has none
	Tabs       []tab
	Platform   []option
	Sort       []option
	Scope      []option
	Groups     []option
	Filtered   bool
	Rows       []*row
	Approved   int // proposals ready to be pushed
	Empty      string
	State      string
}

// changesNight is the night whose plan is shown of an account.
type changesNight struct {
	Account string // "" where there is only one
	Date    string
	Run     runView
	Later   *runLink // a newer run that has not come to a plan
}

// mostNights are shown at the head of the page.
const mostNights = 4

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
	nameAccounts(all)
	view := changesView{Account: q.account, State: q.state}
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
	later := func(run store.Run) int {
		return slices.IndexFunc(latest, func(l store.Run) bool { return l.Account == run.Account && l.RunID != run.RunID })
	}
	shown := newest
	if len(newest) > mostNights { // those that want to be looked at
		trouble := func(run store.Run) int {
			if run.State != "done" || later(run) >= 0 {
				return 1
			}
			return 0
		}
		shown = slices.Clone(newest)
		slices.SortStableFunc(shown, func(a, b store.Run) int { return cmp.Compare(trouble(b), trouble(a)) })
		shown, view.NightsMore = shown[:mostNights], len(newest)-mostNights
	}
	for _, run := range shown {
		n := changesNight{Date: run.Date.Time().Format("Monday 2 January 2006")}
		if len(newest) > 1 {
			n.Account, n.Date = run.Account, run.Date.Time().Format("Mon 2 Jan")
		}
		if n.Run, err = s.runView(ctx, run, loc); err != nil {
			return err
		}
		if i := later(run); i >= 0 {
			n.Later = &runLink{latest[i].Date.Time().Format("Mon 2 Jan"), latest[i].State, runURL(latest[i])}
		}
		view.Nights = append(view.Nights, n)
	}
	if view.Summary, err = s.summary(ctx, newest, all, now); err != nil {
		return err
	}
	if view.Months, err = s.months(ctx, newest); err != nil {
		return err
	}
	switch {
	case len(view.Rows) > 0:
	case len(newest) == 0:
		view.Empty = "No night has run yet. Run one with “adsteward run”, or wait for the schedule."
	case view.Filtered:
		view.Empty = "Nothing fits this filter."
	case slices.ContainsFunc(all, func(r *row) bool { return r.State == string(bidding.Expired) }):
		view.Empty = "Nothing to decide any more: what was proposed has expired. The next night proposes anew."
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

// ofOne are the account options of a page that shows one account at a time.
func ofOne(options []option, account string) []option {
	if options == nil || account == "" {
		return options
	}
	out := slices.Clone(options[1:]) // without "All accounts"
	for i := range out {
		out[i].Selected = out[i].Value == account
	}
	return out
}

func runURL(r store.Run) string { return "/runs/" + url.PathEscape(r.Account) + "/" + r.Date.String() }
