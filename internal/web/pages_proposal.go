package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"adsteward/bidding"
	"adsteward/internal/chart"
	"adsteward/internal/civil"
	"adsteward/internal/platform"
	"adsteward/internal/present"
	"adsteward/store"
)

// proposalView is everything there is to say of one proposal.
type proposalView struct {
	Row       *row
	RunURL    string
	AdAccount string
	EntityID  string
	PlanHash  string
	Suggested string // what the program proposed, where a person edited it
	Expected  []pair
	Response  *chart.Figure
	History   *chart.Figure
	NoCurve   string
	Ads       *unitAds // nil where no ads are known
	Claims    string   // where its campaign's claim is held against the orders; "" where it has none
	Worth     bool     // it tells what sales are worth: no spend and no curve belong to it
	Steps     []step
	Then      []pair // then / now / proposed, once something was read
	Approval  *approvalView
	Audit     []auditRow
	Outcome   *outcomeView
	CanRoll   bool
	Pending   bool // a push began and has not ended
	RollsBack string
	EditValue string
	// Editing opens the form of an edit that was refused, with what was typed.
	Editing    bool
	EditReason string
	Created    stamp
	Applied    stamp
	ItemURL    string // the page of the item it is about; "" where it is about none
	Members    []memberRow
	More       int // items of the group that are not listed
}

// memberRow is an item of the product group that a proposal is about.
type memberRow struct{ ID, URL, Title, Spend, Clicks, Sales, Value, Loss string }

// mostMembers bounds the items of a group that its page lists.
const mostMembers = 20

// step is one receipt of a push.
type step struct {
	Kind, Outcome, Value, RequestID, Detail string
	At                                      stamp
}

type approvalView struct {
	Actor, Value string
	At           stamp
	Binds        bool // still binds to the plan as it stands
}

// historyDays is how far back a proposal's performance is drawn.
const historyDays = 60

func (s *Server) proposal(w http.ResponseWriter, r *request) error {
	ctx := r.Context()
	p, err := s.store.Proposal(ctx, r.PathValue("id"))
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrAmbiguous):
		return errNoProposal
	case err != nil:
		return err
	}
	loc, err := s.zone(ctx, p.Account)
	if err != nil {
		return err
	}
	v := proposalView{Row: newRow(p, s.now(), loc), AdAccount: p.AdAccount, EntityID: p.EntityID, PlanHash: p.PlanHash,
		RollsBack: p.RollbackOf, EditValue: p.Proposed.Decimal(), Created: stampOf(p.CreatedAt, loc)}
	if typed := r.URL.Query(); typed.Has("value") {
		v.Editing, v.EditValue, v.EditReason = true, typed.Get("value"), typed.Get("reason")
	}
	v.Worth = platform.Field(p.Field).TellsWorth() || v.Row.Item // to an item no spend of a campaign and no curve belong either
	if p.EntityType == string(platform.Item) {
		v.ItemURL = itemURL(p.Account, p.EntityID)
	}
	v.fillMembers(p)
	if p.AppliedAt.Valid {
		v.Applied = stampOf(p.AppliedAt.Time, loc)
	}
	if p.Suggested != p.Proposed {
		v.Suggested = present.Value(p.Field, p.Suggested, p.Currency)
	}
	if account, date, ok := cutRun(p.RunID); ok {
		v.RunURL = runURL(store.Run{Account: account, Date: date})
	}
	state := bidding.State(p.State)
	v.CanRoll, v.Pending = state == bidding.Applied || state == bidding.Measured, state.Pending()
	if !v.Row.Item { // out of ads it earns nothing and costs nothing; its gain says all
		v.Expected = expected(v.Row.body.Expected, p.Currency)
	}
	v.Outcome = outcomeOf(p)
	for _, fill := range []func(context.Context, store.Proposal, *proposalView, *time.Location) error{
		s.fillPush, s.fillAudit, s.fillCharts,
	} {
		if err := fill(ctx, p, &v, loc); err != nil {
			return err
		}
	}
	s.render(w, r, http.StatusOK, "proposal", page{Title: v.Row.Name, Nav: "changes", Body: v})
	return nil
}

func itemURL(account, id string) string {
	return "/feeds/item?" + url.Values{"account": {account}, "id": {id}}.Encode()
}

// fillMembers adds the items of a product group, those that cost most.
func (v *proposalView) fillMembers(p store.Proposal) {
	it := v.Row.body.Item
	if it == nil || it.Group == nil {
		return
	}
	for _, m := range it.Group.Members[:min(mostMembers, len(it.Group.Members))] {
		t := m.Total()
		row := memberRow{ID: m.ID, URL: itemURL(p.Account, m.ID), Title: m.Title, Spend: present.Amount(t.Spend, p.Currency), Clicks: present.Whole(float64(t.Clicks)),
			Sales: present.None, Value: present.None, Loss: present.None}
		if it.Due > 0 {
			row.Sales, row.Value = present.Count(t.Conversions), present.Amount(t.Value, p.Currency)
		}
		if m.Loss != nil {
			row.Loss = present.Percent(*m.Loss)
		}
		v.Members = append(v.Members, row)
	}
	v.More = it.Group.Items - len(v.Members)
}

func cutRun(runID string) (account string, date civil.Date, ok bool) {
	i := strings.LastIndex(runID, "/")
	if i < 0 {
		return "", 0, false
	}
	date, err := civil.Parse(runID[i+1:])
	return runID[:i], date, err == nil
}

func expected(e bidding.Expected, currency string) []pair {
	if e.Level == 0 {
		return nil
	}
	per := " " + currency + "/day"
	return []pair{
		{"Profit", present.Signed(e.ProfitPerDay, currency) + per, present.Interval(e.Low, e.High, currency)},
		{"Profit if left alone", present.Signed(e.ProfitPerDay-e.GainPerDay, currency) + per, ""},
		{"Gain of the change", present.Signed(e.GainPerDay, currency) + per, present.Interval(e.GainLow, e.GainHigh, currency)},
	}
}

// fillPush adds the approval and what the platform answered.
func (s *Server) fillPush(ctx context.Context, p store.Proposal, v *proposalView, loc *time.Location) error {
	a, err := s.store.LatestApproval(ctx, p.ProposalID)
	switch {
	case err == nil:
		v.Approval = &approvalView{a.Actor, present.Value(p.Field, a.Value, p.Currency), stampOf(a.At, loc), a.PlanHash == p.PlanHash}
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	receipts, err := s.store.Receipts(ctx, p.ProposalID)
	if err != nil {
		return err
	}
	for _, rc := range receipts {
		st := step{Kind: present.Words(rc.Kind), Outcome: rc.Outcome, RequestID: rc.RequestID, Detail: rc.Detail, At: stampOf(rc.At, loc), Value: present.None}
		if rc.RemoteValue != nil {
			st.Value = present.Value(p.Field, *rc.RemoteValue, p.Currency)
			v.Then = []pair{
				{"Then", present.Value(p.Field, p.Seen, p.Currency), "seen when it was proposed"},
				{"Now", st.Value, "read " + st.At.Local},
				{"Proposed", present.Value(p.Field, p.Proposed, p.Currency), ""},
			}
		}
		v.Steps = append(v.Steps, st)
	}
	return nil
}

func (s *Server) fillAudit(ctx context.Context, p store.Proposal, v *proposalView, loc *time.Location) error {
	entries, err := s.store.AuditEntries(ctx, store.AuditFilter{Proposal: p.ProposalID})
	v.Audit = auditRows(entries, loc)
	return err
}

// fillCharts draws the response curve the run stored and the last days'
// performance.
func (s *Server) fillCharts(ctx context.Context, p store.Proposal, v *proposalView, _ *time.Location) error {
	key := bidding.Key{Platform: platform.Name(p.Platform), AdAccount: p.AdAccount,
		Ref: platform.Ref{Type: platform.EntityType(p.EntityType), ID: p.EntityID}}
	run := p.RunID
	if run == "" && p.RollbackOf != "" { // what it puts back knows which campaigns the budget is of
		first, err := s.store.Proposal(ctx, p.RollbackOf)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		run = first.RunID
	}
	u, err := s.unitOf(ctx, run, key)
	if err != nil {
		return err
	}
	if err := s.fillAds(ctx, p, u, v); err != nil {
		return err
	}
	curves, err := s.store.Models(ctx, p.RunID, "chart")
	if err != nil {
		return err
	}
	for _, m := range curves {
		if m.Key == key.String() || m.Key == u.key {
			v.Response = responseChart(m.Body, p, u)
		}
	}
	v.NoCurve = "The run stored no response curve for this entity."
	if p.RunID == "" {
		v.NoCurve = "A rollback is not made from a curve."
	}
	refs := u.Campaigns
	if len(refs) == 0 {
		refs = []platform.Ref{key.Ref}
	}
	days, err := s.performance(ctx, p, refs)
	if err != nil {
		return err
	}
	v.History = historyChart(days, p)
	if refs[0].Type == platform.Campaign {
		v.Claims = claimURL(p.Account, bidding.CampaignKey(key.Platform, refs[0].ID))
	}
	return nil
}

// unit is what the charts need of the unit of control a proposal belongs to.
type unit struct {
	bidding.Key
	key       string
	Campaigns []platform.Ref             `json:"campaigns"`
	Spend     float64                    `json:"spend"`
	Facts     map[string]json.RawMessage `json:"facts"`
}

// unitOf finds the unit by its own key or by that of anything changeable in it;
// the zero unit where the run stored none.
func (s *Server) unitOf(ctx context.Context, runID string, key bidding.Key) (unit, error) {
	if runID == "" {
		return unit{}, nil
	}
	models, err := s.store.Models(ctx, runID, "unit")
	if err != nil {
		return unit{}, err
	}
	name := key.String()
	for _, m := range models {
		if m.Key != name && !strings.Contains(m.Body, key.ID) { // spares reading all the others
			continue
		}
		var u unit
		if json.Unmarshal([]byte(m.Body), &u) != nil {
			continue
		}
		u.key = m.Key
		if _, ok := u.Facts[name]; ok || m.Key == name {
			return u, nil
		}
	}
	return unit{}, nil
}

// day is one date's spend and reported value, in currency units.
type day struct {
	Date        civil.Date
	Spend       float64
	Value       float64
	Conversions float64
}

// performance sums the days of some entities up to the newest one known.
func (s *Server) performance(ctx context.Context, p store.Proposal, refs []platform.Ref) ([]day, error) {
	last, err := s.store.LastPerformance(ctx, p.Account)
	if err != nil {
		return nil, err
	}
	to, ok := last[[2]string{p.Platform, p.AdAccount}]
	if !ok {
		return nil, nil
	}
	from := to.AddDays(1 - historyDays)
	days := make([]day, historyDays)
	for i := range days {
		days[i].Date = from.AddDays(i)
	}
	ids := make([]string, len(refs))
	for i, ref := range refs {
		ids[i] = ref.ID
	}
	found := false
	err = s.store.PerformanceOf(ctx, p.Account, p.Platform, p.AdAccount, ids, from, to, func(d store.Performance) error {
		if !slices.Contains(refs, platform.Ref{Type: platform.EntityType(d.EntityType), ID: d.EntityID}) {
			return nil // another kind of entity of the same id
		}
		found = true
		x := &days[d.Date.Sub(from)]
		x.Spend += d.Cost.Float()
		x.Value += d.Value.Float()
		x.Conversions += d.Conversions
		return nil
	})
	if err != nil || !found {
		return nil, err
	}
	return days, nil
}
