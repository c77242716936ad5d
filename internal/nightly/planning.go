package nightly

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/bidding/response"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/store"
)

// curveDays of history are fitted.
const curveDays = firstPullDays

// alertModel is the kind under which a run keeps what its plan was warned of.
const alertModel = "alert"

// curves refits the response curve of every unit of control.
func curves(ctx context.Context, n *night) (report, error) {
	in, err := n.accountInput(ctx)
	if err != nil {
		return report{}, err
	}
	fit := bidding.FitCurves(in)
	var models modelSet
	models.add(n.runID, "curves", "", fit)
	if err := models.put(ctx, n.Store.Queries); err != nil {
		return report{}, err
	}
	summary := fmt.Sprintf("%d curves in %d pools", len(fit.Curves), len(fit.Pools))
	if k := len(fit.Outages); k > 0 {
		summary += fmt.Sprintf("; %d days of tracking outage left out", k)
	}
	return report{Summary: summary}, nil
}

// planInput gathers what a plan looks at.
func (n *night) planInput(ctx context.Context) (bidding.Input, error) {
	in, err := n.accountInput(ctx)
	if err != nil {
		return in, err
	}
	on, err := n.Killed(ctx)
	if err != nil {
		return in, err
	}
	if on {
		in.KillSwitch = "the kill switch is on"
	}
	if err := n.loadPeople(ctx, &in); err != nil {
		return in, err
	}
	if in.Experiments, err = protections(ctx, n.Store.Queries, n.shop.Name); err != nil {
		return in, err
	}
	return in, errors.Join(n.loadRefused(ctx, &in), n.loadWorths(ctx, &in), n.loadSold(ctx, &in), n.loadItems(ctx, &in), n.loadAds(ctx, in.Accounts))
}

// accountInput is what curves are fitted to and outcomes measured by: the ad
// accounts with their structure, performance and changes, and no worths.
func (n *night) accountInput(ctx context.Context) (bidding.Input, error) {
	now := n.asOf()
	in := bidding.Input{Now: now, Currency: n.shop.Currency, Policy: n.shop.Policy, Seed: seedOf(RunID(n.shop.Name, n.date))}
	accounts, err := n.Store.AdAccounts(ctx, n.shop.Name)
	if err != nil {
		return in, err
	}
	at, countsFrom := map[[2]string]int{}, map[[2]string]civil.Date{}
	for _, a := range accounts {
		countsFrom[[2]string{a.Platform, a.AdAccount}] = a.CountsFrom
		loc, err := time.LoadLocation(a.TimeZone)
		if err != nil {
			return in, fmt.Errorf("ad account %s of %s: %w", a.AdAccount, a.Platform, err)
		}
		at[[2]string{a.Platform, a.AdAccount}] = len(in.Accounts)
		in.Accounts = append(in.Accounts, bidding.Account{Platform: platform.Name(a.Platform), ID: a.AdAccount, Currency: a.Currency,
			TimeZone: a.TimeZone, BudgetUnit: a.BudgetUnit, MinBudget: a.MinBudget, ExpectedCurrency: n.shop.Currency,
			ExpectedTimeZone: n.shop.OtherZone(platform.Name(a.Platform), a.AdAccount, a.TimeZone, now), Today: civil.Of(now.In(loc)), Lag: response.PriorLag()})
	}
	return in, errors.Join(n.loadLags(ctx, in.Accounts), n.loadEntities(ctx, in.Accounts, at),
		n.loadPerformance(ctx, in.Accounts, at, countsFrom), n.loadConditions(ctx, in.Accounts), n.loadSimulations(ctx, in.Accounts), n.loadChanges(ctx, &in, at))
}

// seedOf makes the random draws of a run its own and the same each time.
func seedOf(runID string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(runID))
	return h.Sum64()
}

func (n *night) loadWorths(ctx context.Context, in *bidding.Input) (err error) {
	if in.Worth, err = loadModels[bidding.Worth](ctx, n.Store.Queries, n.runID, "worth"); err != nil {
		return err
	}
	def, ok := in.Worth[""]
	if !ok {
		return fmt.Errorf("run %s has no worths; its stage %s has to run first", n.runID, Value)
	}
	in.DefaultWorth = def
	delete(in.Worth, "")
	return nil
}

func (n *night) loadLags(ctx context.Context, accounts []bidding.Account) error {
	lags, err := loadModels[response.Lag](ctx, n.Store.Queries, n.runID, "lag")
	for i := range accounts {
		if l, ok := lags[string(accounts[i].Platform)]; ok {
			accounts[i].Lag = l
		}
	}
	return err
}

func (n *night) loadEntities(ctx context.Context, accounts []bidding.Account, at map[[2]string]int) error {
	rows, err := n.Store.Entities(ctx, n.shop.Name)
	if err != nil {
		return err
	}
	for _, row := range rows {
		i, ok := at[[2]string{row.Platform, row.AdAccount}]
		if !ok {
			continue
		}
		e, err := entityOf(row)
		if err != nil {
			return err
		}
		accounts[i].Entities = append(accounts[i].Entities, e)
	}
	return nil
}

func (n *night) loadPerformance(ctx context.Context, accounts []bidding.Account, at map[[2]string]int, countsFrom map[[2]string]civil.Date) error {
	window := n.shop.Policy.Minimum.WindowDays
	return n.Store.EachSeries(ctx, n.shop.Name, n.date.AddDays(-curveDays), n.date, func(p store.Performance) error {
		account := [2]string{p.Platform, p.AdAccount}
		i, ok := at[account]
		if !ok || p.Date < countsFrom[account] {
			return nil
		}
		a := &accounts[i]
		r := platform.Ref{Type: platform.EntityType(p.EntityType), ID: p.EntityID}
		if k := len(a.Performance); k == 0 || a.Performance[k-1].Entity != r {
			a.Performance = append(a.Performance, bidding.Series{Entity: r, Days: make([]response.Day, 0, curveDays)})
		}
		s := &a.Performance[len(a.Performance)-1]
		s.Part = p.Part // by its newest day: an ad set may have owned its budget before
		s.Days = append(s.Days, response.Day{Date: p.Date, Spend: p.Cost.Float(), Value: p.Value.Float(), Conversions: p.Conversions,
			Clicks: float64(p.Clicks), Impressions: float64(p.Impressions), Eligible: float64(p.Eligible)})
		if p.Date >= a.Today.AddDays(-window) {
			s.Clicks += p.Clicks
		}
		if !p.Part {
			a.LastData = max(a.LastData, p.Date)
		}
		return nil
	})
}

// loadChanges lists what was changed in the days of the curves: by us, from the proposals applied,
// and by anyone, from the platforms' own histories.
func (n *night) loadChanges(ctx context.Context, in *bidding.Input, at map[[2]string]int) error {
	add := func(p, adAccount string, r platform.Ref, f platform.Field, when time.Time, ours bool, actor string, from, to money.Micros) {
		i, ok := at[[2]string{p, adAccount}]
		if !ok || f == "" {
			return
		}
		loc, err := time.LoadLocation(in.Accounts[i].TimeZone)
		if err != nil { // seen by planInput
			loc = time.UTC
		}
		in.Changes = append(in.Changes, bidding.PastChange{Key: bidding.Key{Platform: platform.Name(p), AdAccount: adAccount, Ref: r},
			Field: f, At: when, Date: civil.Of(when.In(loc)), Ours: ours, Actor: actor, Old: from, New: to})
	}
	ours, err := n.Store.Proposals(ctx, store.Filter{Account: n.shop.Name, States: []string{string(bidding.Applied), string(bidding.Measured),
		string(bidding.Approved), string(bidding.Applying), string(bidding.Unknown), string(bidding.Proposed)}})
	if err != nil {
		return err
	}
	for _, p := range ours {
		if bidding.State(p.State) == bidding.Proposed && p.RollbackOf == "" {
			continue // tonight's takes its place
		}
		when := in.Now // approved, under way, or a rollback that waits for somebody: as if changed now
		if p.AppliedAt.Valid {
			when = p.AppliedAt.Time
		}
		add(p.Platform, p.AdAccount, ref(p), platform.Field(p.Field), when, true, pushActor, p.Seen, p.Proposed)
	}
	events, err := n.Store.ChangeEvents(ctx, n.shop.Name, in.Now.AddDate(0, 0, -curveDays)) // they tell which budget each day of the curves had
	if err != nil {
		return err
	}
	for _, e := range events {
		add(e.Platform, e.AdAccount, platform.Ref{Type: platform.EntityType(e.EntityType), ID: e.EntityID}, platform.Field(e.Field),
			e.At, isOurs(ours, e), e.Actor, e.OldValue, e.NewValue)
	}
	return nil
}

// loadRefused lists what somebody rejected in the days in which it is not proposed again.
func (n *night) loadRefused(ctx context.Context, in *bidding.Input) error {
	policy := n.shop.Policy
	if policy.CoolDown.RejectedDays == 0 {
		return nil
	}
	zones, err := n.zones(ctx)
	if err != nil {
		return err
	}
	since := in.Now.AddDate(0, 0, -policy.CoolDown.RejectedDays)
	rows, err := n.Store.Proposals(ctx, store.Filter{Account: n.shop.Name, States: []string{string(bidding.Rejected)},
		Since: since.Add(-time.Duration(policy.ExpiryHours) * time.Hour)}) // it may have been decided until it expired
	in.Refused = map[bidding.Key][]guard.Refusal{}
	for _, p := range rows { // the newest first
		zone, ok := zones[[2]string{p.Platform, p.AdAccount}]
		if !ok {
			continue
		}
		r := guard.Refusal{Field: platform.Field(p.Field), Up: p.Proposed > p.Seen, On: civil.Of(p.UpdatedAt.In(zone))}
		key := bidding.Key{Platform: platform.Name(p.Platform), AdAccount: p.AdAccount, Ref: ref(p)}
		if !slices.ContainsFunc(in.Refused[key], func(o guard.Refusal) bool { return o.Field == r.Field && o.Up == r.Up }) {
			in.Refused[key] = append(in.Refused[key], r)
		}
	}
	return err
}

// isOurs tells our own change in a platform's history by its value and time.
func isOurs(ours []store.Proposal, e store.ChangeEvent) bool {
	for _, p := range ours {
		if p.Platform == e.Platform && p.AdAccount == e.AdAccount && p.EntityID == e.EntityID && p.EntityType == e.EntityType &&
			p.Field == e.Field && p.Proposed == e.NewValue && p.AppliedAt.Valid && e.At.Sub(p.AppliedAt.Time).Abs() < time.Hour {
			return true
		}
	}
	return false
}

// propose plans the night's changes and writes them as one change set, with the
// models they rest on. Open proposals that nobody approved are superseded.
func propose(ctx context.Context, n *night) (report, error) {
	// A night caught up on does not replace what a newer one knows better.
	if newer, err := n.newer(ctx); err != nil || !newer.IsZero() {
		return report{Summary: fmt.Sprintf("nothing is proposed: the night of %s is newer and stands", newer)}, err
	}
	out, err := n.plan(ctx)
	if err != nil {
		return report{}, err
	}
	unknown, err := n.unknownNames(ctx)
	if err != nil {
		return report{}, err
	}
	leftOut, err := n.leftOut(ctx)
	if err != nil {
		return report{}, err
	}
	models := n.planModels(out)
	alerts := ""
	if k := len(out.Alerts); k > 0 {
		alerts = fmt.Sprintf("; alerts: %d", k)
	}
	summary := fmt.Sprintf("%d proposals, expected %+.*f %s a day; the next %s earns %.2f; %d wanted changes held back",
		len(out.Drafts), money.Decimals(n.shop.Currency), out.Allocation.Gain, n.shop.Currency, n.shop.Currency, out.Allocation.ShadowPrice, len(out.Blocked)) + alerts + leftOut + unknown
	return report{Summary: summary}, n.Store.InTx(ctx, func(q *store.Queries) error {
		if err := models.put(ctx, q); err != nil {
			return err
		}
		return n.replaceProposals(ctx, q, out.Drafts)
	})
}

// leftOut names the ad accounts that no plan is made for, as their money is another.
func (n *night) leftOut(ctx context.Context) (string, error) {
	accounts, err := n.Store.AdAccounts(ctx, n.shop.Name)
	var b strings.Builder
	for _, a := range accounts {
		if a.Currency != "" && a.Currency != n.shop.Currency {
			fmt.Fprintf(&b, "; nothing is proposed for %s %s, which is kept in %s and the shop in %s", a.Platform, a.AdAccount, a.Currency, n.shop.Currency)
		}
	}
	return b.String(), err
}

// newer is the date of a later night that is done; zero where there is none.
func (n *night) newer(ctx context.Context) (civil.Date, error) {
	runs, err := n.Store.Runs(ctx, n.shop.Name, lookBackDays)
	if i := slices.IndexFunc(runs, func(r store.Run) bool { return r.Date > n.date && r.State == Done }); i >= 0 {
		return runs[i].Date, err
	}
	return 0, err
}

// plan plans the night on the worths and curves its stages have stored.
func (n *night) plan(ctx context.Context) (bidding.Output, error) {
	in, err := n.planInput(ctx)
	if err != nil {
		return bidding.Output{}, err
	}
	fits, err := loadModels[response.Result](ctx, n.Store.Queries, n.runID, "curves")
	if err != nil {
		return bidding.Output{}, err
	}
	if fit, ok := fits[""]; ok {
		in.Curves = &fit
	}
	out, err := bidding.Plan(in)
	if err != nil {
		return out, err
	}
	if err := n.planValueRules(ctx, in, &out); err != nil {
		return out, err
	}
	return out, n.planExclusions(ctx, in, &out)
}

// replaceProposals supersedes what is open and stores the new drafts. Doing it
// again for the same run gives the same proposals a new place.
func (n *night) replaceProposals(ctx context.Context, q *store.Queries, drafts []bidding.Draft) error {
	now := n.Now()
	open, err := q.Proposals(ctx, store.Filter{Account: n.shop.Name, States: []string{string(bidding.Proposed)}})
	if err != nil {
		return err
	}
	set := store.ChangeSet{ChangeSetID: newID(), Account: n.shop.Name, RunID: n.runID, Date: n.date,
		Hash: bidding.ChangeSetHash(n.runID, drafts), PolicyID: n.shop.PolicyID, CreatedAt: now}
	for _, p := range open {
		if p.RollbackOf != "" { // waits for its own decision
			continue
		}
		if err := move(ctx, q, p, bidding.Superseded, pushActor, "change set "+set.ChangeSetID+" takes its place", "", now); err != nil {
			return err
		}
	}
	rows := make([]store.Proposal, 0, len(drafts))
	// People decide from now on, whatever date the night speaks for.
	expires := now.Add(n.shop.expiry())
	for _, d := range drafts {
		row, err := proposalRow(set, d, now, expires)
		if err != nil {
			return err
		}
		rows = append(rows, row)
	}
	return insertProposals(ctx, q, set, rows, pushActor)
}

// planModels are the parts of a plan that explain it later: every unit's row
// under the name of each entity it may change, what was held back, the
// allocation, the table of targets, and the profit curve of each changed unit.
func (n *night) planModels(out bidding.Output) *modelSet {
	var models modelSet
	models.add(n.runID, "allocation", "", out.Allocation)
	models.add(n.runID, "blocked", "", out.Blocked)
	models.add(n.runID, alertModel, "", out.Alerts)
	for _, u := range out.Ads {
		models.add(n.runID, adModel, u.Key.String(), u)
	}
	for _, t := range out.Targets {
		models.add(n.runID, "target", t.Key.String(), t)
	}
	for _, m := range out.Months {
		models.add(n.runID, pacingModel, m.Name, m)
	}
	if out.Audiences != nil {
		models.add(n.runID, audienceModel, "", out.Audiences)
	}
	for key, facts := range out.ValueRules {
		models.add(n.runID, valueRuleModel, key, facts)
	}
	drafted := map[string]bool{}
	for _, d := range out.Drafts {
		drafted[bidding.Key{Platform: d.Platform, AdAccount: d.AdAccount, Ref: d.Entity}.String()] = true
	}
	for _, u := range out.Units {
		if len(u.Facts) == 0 {
			models.add(n.runID, "unit", u.Key.String(), u)
		}
		for key := range u.Facts {
			models.add(n.runID, "unit", key, u)
			if drafted[key] {
				models.add(n.runID, "chart", key, chartOf(u))
			}
		}
	}
	return &models
}

// chart is a unit's expected daily profit by daily spend, with the central 80 %
// of the posterior, for drawing.
type chart struct {
	Currency string       `json:"currency"`
	Points   []chartPoint `json:"points"`
}

type chartPoint struct {
	Spend  float64 `json:"spend"`
	Profit float64 `json:"profit"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

const (
	chartPoints = 40
	chartDraws  = 100
)

func chartOf(u bidding.UnitReport) chart {
	c := chart{Currency: u.Currency}
	draws := u.Curve.Draws(chartDraws)
	top := 2 * max(u.Spend, u.Budget.Float())
	for i := range chartPoints {
		s := top * float64(i+1) / chartPoints
		profits := make([]float64, len(draws))
		for j, d := range draws {
			profits[j] = u.K*d.Value(s) - s
		}
		low, high := central80(profits)
		c.Points = append(c.Points, chartPoint{Spend: s, Profit: u.K*u.Curve.Value(s) - s, Low: low, High: high})
	}
	return c
}

func (shop *Shop) expiry() time.Duration { return time.Duration(shop.Policy.ExpiryHours) * time.Hour }

// expiry is how long a proposal of the shop may be decided and pushed.
func (s *Steward) expiry(account string) time.Duration {
	if shop, err := s.Shop(account); err == nil {
		return shop.expiry()
	}
	return time.Duration(guard.Default().ExpiryHours) * time.Hour
}

// dateOf is the date of an instant at the shop.
func (s *Steward) dateOf(account string, t time.Time) civil.Date {
	if shop, err := s.Shop(account); err == nil {
		return civil.Of(t.In(shop.Location))
	}
	return civil.Of(t.UTC())
}
