package web

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/internal/present"
	"adsteward/store"
)

// stamp is an instant as the reader's account sees it, with UTC for whoever
// wants to be exact.
type stamp struct{ Local, UTC, ISO string }

func stampOf(t time.Time, loc *time.Location) stamp {
	if t.IsZero() {
		return stamp{}
	}
	u := t.UTC()
	return stamp{t.In(loc).Format("Mon 2 Jan 2006, 15:04"), u.Format("2006-01-02 15:04:05 UTC"), u.Format(time.RFC3339)}
}

// zone is the time zone of an account group's first ad account; UTC where none
// is known.
func (s *Server) zone(ctx context.Context, account string) (*time.Location, error) {
	accounts, err := s.store.AdAccounts(ctx, account)
	if err != nil {
		return nil, err
	}
	for _, a := range accounts {
		if loc, err := time.LoadLocation(a.TimeZone); err == nil && a.TimeZone != "" {
			return loc, nil
		}
	}
	return time.UTC, nil
}

// killView says that the kill switch is on, since when and by whom.
type killView struct {
	Actor, Reason string
	Since         stamp
}

const (
	killKey = "kill_switch"
	killOn  = "on"
	killOff = "off"
)

// killState returns nil while pushes are allowed. It is shown on every page, so
// an error of the database is left to the page itself to meet.
func (s *Server) killState(ctx context.Context) *killView {
	set, ok, err := s.store.Setting(ctx, killKey)
	if err != nil || !ok || set.Value != killOn {
		return nil
	}
	loc, err := s.zone(ctx, "")
	if err != nil {
		loc = time.UTC
	}
	k := &killView{Actor: set.Actor, Since: stampOf(set.UpdatedAt, loc)}
	// The reason is in the audit log, rarely far from its end.
	entries, err := s.store.AuditEntries(ctx, store.AuditFilter{Newest: true, Limit: 200})
	if err != nil {
		return k
	}
	for _, e := range entries {
		if e.Action == "kill_switch_on" {
			k.Reason = e.Reason
			break
		}
	}
	return k
}

// pair is a named figure; Note says what it means.
type pair struct{ Name, Value, Note string }

// row is one proposal as the tables show it. Everything is text already: a
// page may hold a thousand of them.
type row struct {
	ID, Account, Name, State, Note        string
	Of                                    string // the account, where the rows shown are of several
	Platform, PlatformName, Field, Entity string
	Old, New, Unit, Change, Dir           string
	Gain, Interval, GainClass, Currency   string
	Why, Limit                            string
	Reasons                               []string
	Verdicts                              []guard.Verdict
	Limits                                []guard.Verdict // those that did not pass
	Passed                                string          // the names of the others
	Whisk                                 *whisker
	Alerts                                []string // guardrails that an alert is about
	Class, StateName                      string   // of the state's chip
	Label                                 string   // what the row's controls are for
	Numbers                               string   // gain, low, high and budget change, for the running total
	CanApprove, CanReject, CanPush        bool
	Rollback, Edited                      bool
	Inline                                bool // the list shows its details in place
	Item                                  bool // of a feed, or a group of them: pushed by writing the supplemental feed, and never edited
	Expires                               stamp

	p    store.Proposal
	body bidding.Body
}

// Evidence lists what the proposal was derived from.
func (r *row) Evidence() []pair {
	e := r.body.Evidence
	if it := r.body.Item; it != nil {
		return itemEvidence(e, it, r.p.Currency)
	}
	if platform.Field(r.p.Field).TellsWorth() { // it rests on the shop's orders alone
		return []pair{{"Orders up to", e.WindowEnd.Time().Format("2 Jan 2006"), ""},
			{"Lifetime λ", present.Ratio(e.LTVMultiple) + " ×", "an order over the customer's lifetime, as a multiple of its price"}}
	}
	return evidence(e, r.p.Currency)
}

func (r *row) gain() float64 { return r.body.Expected.GainPerDay }

// budgetDelta is what a proposal adds to the daily budgets; 0 for other fields.
func budgetDelta(p store.Proposal) money.Micros {
	if platform.Field(p.Field) != platform.DailyBudget {
		return 0
	}
	return p.Proposed - p.Seen
}

func newRow(p store.Proposal, now time.Time, loc *time.Location) *row {
	body, err := present.Body(p)
	r := &row{
		ID: p.ProposalID, Account: p.Account, Name: p.EntityName, State: p.State, Note: p.Reason,
		Platform: p.Platform, PlatformName: present.PlatformName(p.Platform), Field: present.FieldName(p.Field),
		Entity: present.EntityTypeName(p.EntityType),
		Old:    present.Number(p.Field, p.Seen, p.Currency), New: present.Number(p.Field, p.Proposed, p.Currency),
		Unit: present.Unit(p.Field, p.Currency), Change: present.Change(p.Field, p.Seen, p.Proposed), Currency: p.Currency,
		Reasons: body.Reasons, Verdicts: body.Guardrails, Rollback: p.RollbackOf != "", Edited: p.Proposed != p.Suggested,
		Expires: stampOf(p.ExpiresAt, loc), p: p, body: body,
	}
	if r.Name == "" {
		r.Name = p.EntityType + " " + p.EntityID
	}
	r.Item = p.Field == string(platform.Excluded)
	if p.EntityType == string(platform.ProductGroup) {
		r.Field = "Items in ads"
	}
	r.Label = r.Name + ", " + r.Field
	e := body.Expected
	r.Numbers = fmt.Sprint(e.GainPerDay, e.GainLow, e.GainHigh, budgetDelta(p).Float())
	if r.Unit == "ratio" || r.Unit == "switch" {
		r.Unit = ""
	}
	switch {
	case r.Item: // neither more nor less
	case p.Proposed > p.Seen:
		r.Dir = "up"
	case p.Proposed < p.Seen:
		r.Dir = "down"
	}
	state, live := bidding.State(p.State), now.Before(p.ExpiresAt)
	if state.Open() && !live { // the next night writes it down; nothing can be done with it before that either
		state = bidding.Expired
		r.State, r.Note = string(state), "It expired; the next night proposes anew."
	}
	r.Class, r.StateName = stateClass(r.State), present.Words(r.State)
	r.CanApprove = state == bidding.Proposed
	r.CanReject = state.Open()
	r.CanPush = state == bidding.Approved
	switch {
	case err != nil:
		r.Why = "Its stored explanation cannot be read."
	case len(body.Reasons) > 0:
		r.Why = body.Reasons[0]
	}
	for _, a := range body.Alerts {
		if !slices.Contains(r.Alerts, a.Guardrail) {
			r.Alerts = append(r.Alerts, a.Guardrail)
		}
	}
	var passed []string
	for _, v := range body.Guardrails {
		name := present.Phrase(v.Name)
		if v.Answer == guard.Pass {
			passed = append(passed, name)
			continue
		}
		r.Limits = append(r.Limits, v)
		if r.Limit == "" {
			r.Limit = name
		}
	}
	r.Passed = strings.Join(passed, ", ")
	r.Gain, r.Interval, r.GainClass = gainText(e, p.Currency)
	return r
}

func newRows(ps []store.Proposal, now time.Time, loc *time.Location) []*row {
	rows := make([]*row, len(ps))
	for i, p := range ps {
		rows[i] = newRow(p, now, loc)
	}
	return rows
}

// nameAccounts says of each row whose it is, where they are of several accounts:
// two shops may have campaigns of one name.
func nameAccounts(rows []*row) {
	if !slices.ContainsFunc(rows, func(r *row) bool { return r.Account != rows[0].Account }) {
		return
	}
	for _, r := range rows {
		r.Of, r.Label = r.Account, r.Label+", "+r.Account
	}
}

func gainText(e bidding.Expected, currency string) (gain, interval, class string) {
	if e.Level == 0 { // a rollback promises nothing of its own
		return present.None, "", ""
	}
	switch {
	case e.GainLow > 0:
		class = "pos"
	case e.GainHigh < 0:
		class = "neg"
	}
	return present.Signed(e.GainPerDay, currency), present.Interval(e.GainLow, e.GainHigh, currency), class
}

// evidence lists what a proposal was derived from, in the order of the
// argument: what was seen, what a sale is worth, how spend moves it.
func evidence(e bidding.Evidence, currency string) []pair {
	if e.WindowEnd.IsZero() {
		return nil
	}
	share, iota := "from lift experiments", present.Percent(e.IncrementalShare)
	if !e.Calibrated {
		share, iota = "not calibrated by an experiment", iota+" (uncalibrated)"
	}
	roas := math.NaN()
	if e.Spend > 0 {
		roas = e.Value / e.Spend
	}
	return []pair{
		{"Window", dates(e.WindowStart, e.WindowEnd), ""},
		{"Spend", present.Amount(e.Spend, currency) + " " + currency, ""},
		{"Value", present.Amount(e.Value, currency) + " " + currency, "as reported, plus what is still to arrive"},
		{"Conversions", present.Count(e.Conversions), ""},
		{"ROAS", present.Ratio(roas), "value over spend"},
		{"Margin m", present.Percent(e.Margin), "contribution margin of the revenue"},
		{"Lifetime λ", present.Ratio(e.LTVMultiple) + " ×", "lifetime over first-order margin"},
		{"Incremental ι", iota, share},
		{"Worth k = m λ ι", present.Ratio(e.K), "of one reported unit of revenue"},
		{"Break-even ROAS", present.Ratio(e.BreakEvenROAS), "1 / k"},
		{"Elasticity", present.Ratio(e.Elasticity), "80 %: " + present.Ratio(e.ElasticityLow) + " to " + present.Ratio(e.ElasticityHigh)},
		{"Elsewhere earns", present.Ratio(e.ShadowPrice), "the next unit of money, in other budgets; below 1 where doubt keeps the total"},
	}
}

// itemEvidence lists what a change of an item or a product group was derived from.
func itemEvidence(e bidding.Evidence, it *bidding.ItemEvidence, currency string) []pair {
	on, others := "on this item", "what other items of its campaigns would have sold with these clicks"
	if it.Group != nil {
		on, others = "on its items", "what other items of their campaigns would have sold with these clicks"
	}
	out := []pair{{"Window", dates(e.WindowStart, e.WindowEnd), ""},
		{"Spend", present.Amount(e.Spend, currency) + " " + currency, on + ", in all campaigns of the platform"},
		{"Clicks", present.Whole(float64(it.Clicks)), ""}}
	if it.Due > 0 {
		out = append(out, pair{"Sales", present.Count(e.Conversions), "reported by now; about " + present.Percent(min(it.Arrived, 1)) + " of them are"},
			pair{"Sales due", present.Count(math.Round(10*it.Due) / 10), others},
			pair{"Value", present.Amount(e.Value, currency) + " " + currency, "as reported"})
	}
	if it.Loss != nil {
		out = append(out, pair{"Loses money", present.Percent(*it.Loss), "probability that its ads cost more than its sales are worth"})
	}
	if it.Price > 0 {
		out = append(out, pair{"Price", present.Number("", it.Price, currency) + " " + currency, "in force"})
	}
	if it.UnitCost != nil {
		out = append(out, pair{"Cost", present.Number("", *it.UnitCost, currency) + " " + currency, "of goods"})
	}
	return out
}

// dates writes a range of days, both included, without the year that everybody
// knows.
func dates(from, to civil.Date) string {
	return from.Time().Format("2 Jan") + " – " + to.Time().Format("2 Jan")
}

// effect is what several proposals come to, in one currency.
type effect struct {
	Count                 int
	Currency              string
	Gain, Interval, Spend string
	Class                 string

	gain, below, above float64
	level              float64 // 0: none of them promises anything
	spend              money.Micros
}

// effects adds proposals up by currency. The bounds are combined as if the
// proposals' errors were independent, which they are but for what the
// campaigns share: the sum's interval is a little too narrow.
func effects(rows []*row) []effect {
	var out []effect
	for _, r := range rows {
		i := slices.IndexFunc(out, func(e effect) bool { return e.Currency == r.Currency })
		if i < 0 {
			i = len(out)
			out = append(out, effect{Currency: r.Currency})
		}
		x, e := r.body.Expected, &out[i]
		e.Count++
		e.gain, e.level = e.gain+x.GainPerDay, max(e.level, x.Level)
		e.below += (x.GainPerDay - x.GainLow) * (x.GainPerDay - x.GainLow)
		e.above += (x.GainHigh - x.GainPerDay) * (x.GainHigh - x.GainPerDay)
		e.spend += budgetDelta(r.p)
	}
	for i := range out {
		e := &out[i]
		sum := bidding.Expected{GainPerDay: e.gain, GainLow: e.gain - math.Sqrt(e.below), GainHigh: e.gain + math.Sqrt(e.above), Level: e.level}
		e.Gain, e.Interval, e.Class = gainText(sum, e.Currency)
		e.Spend = present.Signed(e.spend.Float(), e.Currency)
	}
	return out
}

// platformsOf names the platforms of some proposals: "Google Ads and Meta".
func platformsOf(rows []*row) string {
	var names []string
	for _, r := range rows {
		if !slices.Contains(names, r.PlatformName) {
			names = append(names, r.PlatformName)
		}
	}
	slices.Sort(names)
	return strings.Join(names, " and ")
}

// proposalsByID reads the named proposals, in order; names that are unknown or
// said twice are left out.
func (s *Server) proposalsByID(ctx context.Context, ids []string) ([]store.Proposal, error) {
	var out []store.Proposal
	seen := map[string]bool{}
	for _, id := range ids {
		if seen[id] {
			continue
		}
		seen[id] = true
		p, err := s.store.Proposal(ctx, id)
		switch {
		case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrAmbiguous):
		case err != nil:
			return nil, err
		default:
			out = append(out, p)
		}
	}
	return out, nil
}
