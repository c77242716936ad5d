package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/store"
	"adsteward/store/storetest"
)

const shop = "demo-shop"

var (
	testDay = civil.On(2026, time.January, 4)
	testNow = time.Date(2026, 1, 4, 6, 12, 0, 0, time.UTC)
)

// site is a server over a store of its own, with a clock the test moves.
type site struct {
	*Server
	t     testing.TB
	store *store.Store
	desk  *fakeDesk
	mu    sync.Mutex
	at    time.Time
}

func (x *site) now() time.Time {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.at
}

func (x *site) pass(d time.Duration) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.at = x.at.Add(d)
}

func newSite(t testing.TB, change ...func(*Options)) *site {
	t.Helper()
	x := &site{t: t, store: storetest.Open(t), at: testNow}
	x.desk = &fakeDesk{store: x.store, now: x.now}
	opt := Options{Store: x.store, Desk: x.desk, Now: x.now, PublicURL: "http://127.0.0.1:8080"}
	for _, c := range change {
		c(&opt)
	}
	s, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	x.Server = s
	return x
}

// as logs a user of the given role in without the pages and returns the cookie.
func (x *site) as(role string) *http.Cookie {
	x.t.Helper()
	ctx := x.t.Context()
	token, hash := newToken()
	must(x.t, x.store.PutUser(ctx, store.User{Name: "u-" + role, Role: role, PasswordHash: "x", CreatedAt: x.now()}))
	must(x.t, x.store.PutSession(ctx, store.Session{TokenHash: hash, UserName: "u-" + role, CreatedAt: x.now(), SeenAt: x.now()}))
	return &http.Cookie{Name: x.sessionCookie(), Value: token}
}

// answer is what came back, with its body read.
type answer struct {
	*http.Response
	Text string
}

func (x *site) do(r *http.Request, cookies ...*http.Cookie) answer {
	for _, c := range cookies {
		if c != nil {
			r.AddCookie(c)
		}
	}
	w := httptest.NewRecorder()
	x.Handler().ServeHTTP(w, r)
	b, _ := io.ReadAll(w.Result().Body)
	return answer{w.Result(), string(b)}
}

func (x *site) get(path string, cookies ...*http.Cookie) answer {
	return x.do(httptest.NewRequest(http.MethodGet, path, nil), cookies...)
}

// hasAll checks that a page has words, and hasNone that it has none of some.
func hasAll(t testing.TB, what, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%s lacks %q", what, w)
		}
	}
}

func hasNone(t testing.TB, what, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if strings.Contains(text, w) {
			t.Errorf("%s has %q", what, w)
		}
	}
}

// look opens a page that has the words wanted and none of those unwanted.
func (x *site) look(what, path string, c *http.Cookie, wanted, unwanted []string) {
	x.t.Helper()
	a := x.get(path, c)
	if a.StatusCode != http.StatusOK {
		x.t.Fatalf("%s: status %d", what, a.StatusCode)
	}
	hasAll(x.t, what, a.Text, wanted...)
	hasNone(x.t, what, a.Text, unwanted...)
}

func (x *site) post(path string, form url.Values, cookies ...*http.Cookie) answer {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return x.do(r, cookies...)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// flashOf reads the message a redirect carries.
func flashOf(t testing.TB, a answer) flash {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for _, c := range a.Cookies() {
		r.AddCookie(c)
	}
	f := (&Server{}).takeFlash(httptest.NewRecorder(), &request{r, &store.User{}})
	if f == nil {
		t.Fatalf("status %d carries no message", a.StatusCode)
	}
	return *f
}

// fakeDesk moves proposals as the real desk does, with a platform that always
// says yes but to what fails names.
type fakeDesk struct {
	store *store.Store
	now   func() time.Time
	mu    sync.Mutex
	calls []string
	fails map[string]string // by proposal: why a push of it fails
}

func (d *fakeDesk) called(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls = append(d.calls, fmt.Sprintf(format, args...))
}

func (d *fakeDesk) log() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.calls)
}

func (d *fakeDesk) each(ctx context.Context, actor string, ids []string, to bidding.State, reason string, also func(*store.Queries, store.Proposal) error) []bidding.Outcome {
	var out []bidding.Outcome
	for _, id := range ids {
		o := bidding.Outcome{ID: id}
		o.Err = d.store.InTx(ctx, func(q *store.Queries) error {
			p, err := q.Proposal(ctx, id)
			if err != nil {
				return err
			}
			o.State = bidding.State(p.State)
			if err := bidding.Move(o.State, to); err != nil {
				return err
			}
			if _, err := q.MoveProposal(ctx, id, p.State, string(to), reason, d.now()); err != nil {
				return err
			}
			if also != nil {
				if err := also(q, p); err != nil {
					return err
				}
			}
			_, err = q.Audit(ctx, store.AuditEntry{At: d.now(), Account: p.Account, Actor: actor, Action: string(to), Proposal: id, Reason: reason})
			return err
		})
		if o.Err == nil {
			o.State = to
		}
		out = append(out, o)
	}
	return out
}

func (d *fakeDesk) Approve(ctx context.Context, actor string, ids []string) []bidding.Outcome {
	d.called("approve %s %v", actor, ids)
	return d.each(ctx, actor, ids, bidding.Approved, "", func(q *store.Queries, p store.Proposal) error {
		return q.InsertApproval(ctx, store.Approval{ApprovalID: "a-" + p.ProposalID, ProposalID: p.ProposalID, Actor: actor, PlanHash: p.PlanHash,
			Seen: p.Seen, Value: p.Proposed, At: d.now(), ExpiresAt: p.ExpiresAt})
	})
}

func (d *fakeDesk) Reject(ctx context.Context, actor string, ids []string, reason string) []bidding.Outcome {
	d.called("reject %s %v %s", actor, ids, reason)
	return d.each(ctx, actor, ids, bidding.Rejected, reason, nil)
}

func (d *fakeDesk) Edit(ctx context.Context, actor, id string, value money.Micros, reason string) bidding.Outcome {
	d.called("edit %s %s %s %s", actor, id, value.Decimal(), reason)
	p, err := d.store.Proposal(ctx, id)
	if err == nil && value > p.Seen*12/10 {
		err = fmt.Errorf("the step guardrail allows at most +20 %% (step.hard_limit)")
	}
	if err == nil {
		err = d.store.SetProposed(ctx, id, value, p.Body, "edited-"+p.PlanHash, d.now())
	}
	return bidding.Outcome{ID: id, State: bidding.State(p.State), Err: err}
}

func (d *fakeDesk) Apply(ctx context.Context, actor string, ids []string) []bidding.Outcome {
	d.called("apply %s %v", actor, ids)
	var out []bidding.Outcome
	for _, id := range ids {
		o := d.each(ctx, actor, []string{id}, bidding.Applying, "", nil)[0]
		if o.Err != nil {
			out = append(out, o)
			continue
		}
		if why := d.fails[id]; why != "" {
			o = d.each(ctx, actor, []string{id}, bidding.Failed, why, nil)[0]
			o.Err = fmt.Errorf("%s", why)
			out = append(out, o)
			continue
		}
		out = append(out, d.each(ctx, actor, []string{id}, bidding.Applied, "", func(q *store.Queries, p store.Proposal) error {
			return pushReceipts(ctx, q, p, d.now())
		})...)
	}
	return out
}

func pushReceipts(ctx context.Context, q *store.Queries, p store.Proposal, at time.Time) error {
	for _, r := range []store.Receipt{
		{Kind: "read", Outcome: "ok", RemoteValue: &p.Seen},
		{Kind: "validate", Outcome: "ok", RequestID: "v-" + p.ProposalID},
		{Kind: "send", Outcome: "ok", RequestID: "req-" + p.ProposalID},
		{Kind: "read_back", Outcome: "ok", RemoteValue: &p.Proposed},
	} {
		r.ProposalID, r.At = p.ProposalID, at
		if err := q.AddReceipt(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

func (d *fakeDesk) Rollback(ctx context.Context, actor, id string) (string, error) {
	d.called("rollback %s %s", actor, id)
	p, err := d.store.Proposal(ctx, id)
	if err != nil {
		return "", err
	}
	back := p
	back.ProposalID, back.ChangeSetID, back.RunID, back.RollbackOf = "back-"+id, "set-back-"+id, "", id
	back.Seen, back.Proposed, back.Suggested, back.State, back.Body = p.Proposed, p.Seen, p.Seen, "proposed", `{"reasons":["Puts back the old value."]}`
	back.AppliedAt.Valid = false
	return back.ProposalID, d.store.InTx(ctx, func(q *store.Queries) error {
		return q.InsertChangeSet(ctx, store.ChangeSet{ChangeSetID: back.ChangeSetID, Account: p.Account, Date: testDay, Hash: "h", CreatedAt: d.now()}, []store.Proposal{back})
	})
}

func (d *fakeDesk) KillSwitch(ctx context.Context, actor string, on bool, reason string) error {
	d.called("kill switch %s %v %s", actor, on, reason)
	value, action := "off", "kill_switch_off"
	if on {
		value, action = "on", "kill_switch_on"
	}
	return d.store.InTx(ctx, func(q *store.Queries) error {
		if err := q.PutSetting(ctx, store.Setting{Key: killKey, Value: value, Actor: actor, UpdatedAt: d.now()}); err != nil {
			return err
		}
		_, err := q.Audit(ctx, store.AuditEntry{At: d.now(), Actor: actor, Action: action, Reason: reason})
		return err
	})
}

// campaigns are twelve of the kind a shop runs.
var campaigns = []struct {
	name     string
	platform platform.Name
	budget   float64
	change   float64
	gain     float64
	low      float64
	high     float64
	roas     float64
}{
	{"Shopping – Running shoes", platform.Google, 180, .15, 21.4, 9.8, 34.1, 4.2},
	{"Search – Generic shoes", platform.Google, 140, .15, 12.9, 3.1, 23.6, 3.4},
	{"Performance Max – All products", platform.Google, 320, .08, 18.2, -4.6, 41.9, 3.1},
	{"Search – Brand", platform.Google, 60, -.15, 4.1, 2.0, 6.4, 9.8},
	{"Demand Gen – Spring launch", platform.Google, 75, -.15, 6.7, 1.2, 12.8, 1.4},
	{"Shopping – Sandals & summer", platform.Google, 95, .12, 7.3, -0.9, 16.0, 3.0},
	{"Prospecting – Broad DE", platform.Meta, 210, .15, 16.8, 2.2, 31.3, 2.6},
	{"Prospecting – Lookalike 1 % high LTV", platform.Meta, 160, .15, 14.0, 5.5, 23.0, 3.3},
	{"Retargeting – Cart 3 days", platform.Meta, 80, -.15, 9.6, 4.4, 15.1, 7.9},
	{"Retargeting – Viewers 14 days", platform.Meta, 55, -.10, 2.2, -1.3, 5.9, 4.1},
	{"Advantage+ – Catalogue", platform.Meta, 130, .05, 3.9, -7.2, 15.4, 2.8},
	{"Video – Brand film", platform.Google, 40, -.15, 1.8, -0.4, 4.2, 0.6},
}

// fill stores a night with n proposals over the campaigns above, and what
// belongs to it.
func (x *site) fill(n int) {
	x.t.Helper()
	ctx := x.t.Context()
	for _, a := range []store.AdAccount{
		{Account: shop, Platform: "google", AdAccount: "1234567890", Name: "Demo shop", Currency: "EUR", TimeZone: "Europe/Berlin", UpdatedAt: testNow},
		{Account: shop, Platform: "meta", AdAccount: "998877665544", Name: "Demo shop", Currency: "EUR", TimeZone: "Europe/Berlin", UpdatedAt: testNow},
	} {
		must(x.t, x.store.UpsertAdAccount(ctx, a))
	}
	x.fillRun(testDay.AddDays(-1), "done")
	x.fillRun(testDay, "done")
	x.fillProposals(n)
	if n > 0 {
		x.fillPerformance()
	}
	x.mixStates(n)
}

var stageWords = []struct{ name, summary string }{
	{"pull", "2 ad accounts, 720 days of performance, 14 orders, 31 carts"},
	{"feeds", "412 products, 3 errors, 18 warnings"},
	{"attribute", "312 of 388 orders joined to a campaign"},
	{"value", "m 0.42, λ 1.48 from BG/NBD over 2,357 customers"},
	{"curves", "12 curves, 4 leaning mostly on their type"},
	{"propose", "12 proposals, expected +118.90 EUR a day; the next EUR earns 1.18; 3 wanted changes held back"},
	{"approve", "auto-approval is off"},
	{"push", "nothing approved"},
	{"audiences", "2 lists, 118 added, 4 removed"},
	{"measure", "6 applied changes are not old enough to be judged"},
}

const policyText = "step:\n  default: 0.15\n  hard_limit: 0.20\ncool_down:\n  days: 7\ntotal_daily_cap: 2000\nprotected:\n  - \"Search – Brand (exact)\"\nauto_approve:\n  enabled: false\n"

func (x *site) fillRun(date civil.Date, state string) {
	x.t.Helper()
	ctx := x.t.Context()
	began := date.Time().Add(5*time.Hour + 2*time.Minute)
	run := store.Run{RunID: shop + "/" + date.String(), Account: shop, Date: date, State: "running", Reason: "schedule", StartedAt: began, PolicyID: "policy-1"}
	must(x.t, x.store.PutPolicy(ctx, "policy-1", policyText, began))
	var names []string
	for _, s := range stageWords {
		names = append(names, s.name)
	}
	_, err := x.store.StartRun(ctx, run, names)
	must(x.t, err)
	at := began
	for i, w := range stageWords {
		st := store.Stage{RunID: run.RunID, Stage: w.name, Position: i, State: "done", Attempt: 1, Summary: w.summary}
		st.StartedAt.Time, st.StartedAt.Valid = at, true
		at = at.Add(time.Duration(300*(i+1)) * time.Millisecond)
		st.FinishedAt.Time, st.FinishedAt.Valid = at, true
		if state == "running" && i >= 5 {
			st.FinishedAt.Valid, st.State, st.Summary = false, "running", ""
			if i > 5 {
				st.StartedAt.Valid, st.State, st.Attempt = false, "waiting", 0
			}
		}
		must(x.t, x.store.SetStage(ctx, st))
	}
	if run.State = state; state != "running" {
		run.FinishedAt.Time, run.FinishedAt.Valid = at, true
	}
	must(x.t, x.store.SetRun(ctx, run))
}

func sampleBody(i int) bidding.Body {
	c := campaigns[i%len(campaigns)]
	f := 1 + float64(i/len(campaigns))*0.01
	word, held := "Raise", "step"
	if c.change < 0 {
		word = "Lower"
	}
	if i == 11 {
		held = "monthly_pace" // as long a name as any that clamps
	}
	k := 0.42 * 1.48 * 0.82
	eps := 0.6 - float64(i%5)*0.04
	return bidding.Body{
		Reasons: []string{
			fmt.Sprintf("%s: the next euro here earns %.2f, across all campaigns it earns 1.18.", word, eps*k*c.roas),
			fmt.Sprintf("Its spend used %d %% of the budget on the last 14 days, so the budget is what limits it.", 88+i%12),
			"The response curve rests for 38 % on campaigns of the same type.",
		},
		Guardrails: []guard.Verdict{
			{Name: held, Answer: guard.Clamp, Setting: "step.default", Detail: "The optimum lies 31 % away; one change may move 15 %."},
			{Name: "cool_down", Answer: guard.Pass, Setting: "cool_down.days", Detail: "Last changed 11 days ago."},
			{Name: "minimum", Answer: guard.Pass, Setting: "minimum.conversions", Detail: "142 conversions in the window; 15 are needed."},
			{Name: "total_cap", Answer: guard.Pass, Setting: "total_daily_cap", Detail: "1,612 of 2,000 a day."},
			{Name: "freshness", Answer: guard.Pass, Setting: "freshness.max_age_days", Detail: "Data up to yesterday."},
		},
		Expected: bidding.Expected{ProfitPerDay: 60*f + c.gain, Low: 31 * f, High: 98 * f, GainPerDay: c.gain * f, GainLow: c.low * f, GainHigh: c.high * f, Level: 0.8},
		Evidence: bidding.Evidence{WindowStart: testDay.AddDays(-30), WindowEnd: testDay.AddDays(-1), Spend: c.budget * 28.4, Value: c.budget * 28.4 * c.roas, Conversions: 142.4,
			K: k, Margin: 0.42, LTVMultiple: 1.48, IncrementalShare: 0.82, Calibrated: i%3 == 0, Elasticity: eps, ElasticityLow: eps - .12, ElasticityHigh: eps + .11,
			BreakEvenROAS: 1 / k, ShadowPrice: 1.18},
	}
}

// proposalID names the i-th proposal of the night.
func proposalID(i int) string { return fmt.Sprintf("%08x%08x", 0x3fa1c2e0+i*7919, 0x91b04d7c+i*104729) }

func (x *site) fillProposals(n int) {
	x.t.Helper()
	ctx, run := x.t.Context(), shop+"/"+testDay.String()
	var ps []store.Proposal
	models := []store.Model{{RunID: run, Kind: "allocation", Body: `{"shadow_price":1.18,"total":2000,"before":1545,"after":1601,"movement":180,"gain":118.9,"gain_low":61,"gain_high":180,"binding":["step limits on 7 entities"],"status":"optimal","notes":["Incremental shares are not calibrated by an experiment."]}`},
		{RunID: run, Kind: "blocked", Body: `[{"platform":"google","ad_account":"1234567890","type":"budget","id":"77","name":"Search – Competitors","field":"daily_budget","seen":35,"wanted":30,"verdicts":[{"name":"cool_down","verdict":"block","setting":"cool_down.days","detail":"Changed 3 days ago; 7 must pass."}]}]`}}
	for i := range n {
		c := campaigns[i%len(campaigns)]
		body, err := json.Marshal(sampleBody(i))
		must(x.t, err)
		p := store.Proposal{ProposalID: proposalID(i), ChangeSetID: "set-1", Account: shop, RunID: run, Platform: string(c.platform), AdAccount: "1234567890",
			Currency: "EUR", EntityType: "budget", EntityID: fmt.Sprint(90210 + i), EntityName: c.name, Field: "daily_budget", State: "proposed",
			PlanHash: strings.Repeat(fmt.Sprintf("%x", 10+i%6), 64), ExpiresAt: testNow.Add(42 * time.Hour), Body: string(body), CreatedAt: testNow.Add(-time.Hour), UpdatedAt: testNow.Add(-time.Hour)}
		if c.platform == platform.Meta {
			p.AdAccount, p.EntityType = "998877665544", "campaign"
		}
		p.Seen = money.Micros(c.budget * 1e6)
		p.Proposed = money.Micros(math.Round(c.budget*(1+c.change)*100)) * 1e4
		if i%12 == 3 {
			p.Field, p.Seen, p.Proposed = "target_roas", 9_000_000, 10_350_000
		}
		p.Suggested = p.Proposed
		ps = append(ps, p)
		key := bidding.Key{Platform: c.platform, AdAccount: p.AdAccount, Ref: platform.Ref{Type: platform.EntityType(p.EntityType), ID: p.EntityID}}
		unit, err := json.Marshal(bidding.UnitReport{Key: key, Name: c.name, Currency: "EUR", Budget: money.Micros(c.budget * 1e6), Spend: c.budget * .96,
			Campaigns: []platform.Ref{{Type: platform.Campaign, ID: fmt.Sprint(1000 + i)}}, Facts: map[string]guard.Facts{key.String(): {}}})
		must(x.t, err)
		models = append(models, store.Model{RunID: run, Kind: "unit", Key: key.String(), Body: string(unit)})
		if i < 12 {
			models = append(models, store.Model{RunID: run, Kind: "chart", Key: key.String(), Body: sampleCurve(c.budget)})
		}
	}
	must(x.t, x.store.PutModels(ctx, models))
	must(x.t, x.store.InTx(ctx, func(q *store.Queries) error {
		if err := q.InsertChangeSet(ctx, store.ChangeSet{ChangeSetID: "set-1", Account: shop, RunID: run, Date: testDay, Hash: "h", PolicyID: "policy-1", CreatedAt: testNow.Add(-time.Hour)}, ps); err != nil {
			return err
		}
		for _, p := range ps[:min(n, 40)] {
			if _, err := q.Audit(ctx, store.AuditEntry{At: testNow.Add(-time.Hour), Account: shop, Actor: "adsteward", Action: "proposed", Proposal: p.ProposalID,
				Reason: p.Seen.Decimal() + " to " + p.Proposed.Decimal()}); err != nil {
				return err
			}
		}
		return nil
	}))
}

func sampleCurve(budget float64) string {
	type pt struct {
		Spend  float64 `json:"spend"`
		Profit float64 `json:"profit"`
		Low    float64 `json:"low"`
		High   float64 `json:"high"`
	}
	var pts []pt
	for i := range 40 {
		s := 2 * budget * float64(i+1) / 40
		profit := 1.9*budget*math.Pow(s/budget, 0.6) - s
		w := 0.12*budget + 0.3*math.Abs(s-budget)
		pts = append(pts, pt{s, profit, profit - w, profit + w})
	}
	b, _ := json.Marshal(map[string]any{"currency": "EUR", "points": pts})
	return string(b)
}

func (x *site) fillPerformance() {
	x.t.Helper()
	var rows []store.Performance
	for i, c := range campaigns {
		account := "1234567890"
		if c.platform == platform.Meta {
			account = "998877665544"
		}
		for d := range 60 {
			date := testDay.AddDays(d - 60)
			wave := 1 + .12*math.Sin(float64(d)/3.1+float64(i)) + .06*math.Sin(float64(d*d))
			cost := c.budget * .96 * wave
			late := 1 - .5*math.Exp(-float64(59-d)/2)
			rows = append(rows, store.Performance{Account: shop, Platform: string(c.platform), AdAccount: account, EntityType: "campaign", EntityID: fmt.Sprint(1000 + i), Date: date,
				Cost: money.Micros(cost * 1e6), Value: money.Micros(cost * c.roas * late * (1 + .1*math.Cos(float64(d))) * 1e6), Conversions: cost / 12, Clicks: 100, Impressions: 5000, PulledAt: testNow})
		}
	}
	must(x.t, x.store.UpsertPerformance(x.t.Context(), testDay, rows))
}

// mixStates takes some of a long list on, so that the page shows them.
func (x *site) mixStates(n int) {
	if n < 12 {
		return
	}
	ctx := x.t.Context()
	must(x.t, outcomesErr(x.desk.Approve(ctx, "mira", []string{proposalID(3), proposalID(7), proposalID(8)})))
	must(x.t, outcomesErr(x.desk.Apply(ctx, "mira", []string{proposalID(8)})))
	must(x.t, outcomesErr(x.desk.Reject(ctx, "mira", []string{proposalID(11)}, "Brand film runs until Sunday, leave it.")))
}

func outcomesErr(os []bidding.Outcome) error {
	for _, o := range os {
		if o.Err != nil {
			return o.Err
		}
	}
	return nil
}

// everything is the whole database as text, but for when sessions were seen.
func (x *site) everything() string {
	x.t.Helper()
	var b bytes.Buffer
	for _, table := range []string{"proposals", "approvals", "intents", "receipts", "audit", "audit_head", "settings", "users", "login_links", "runs", "stages", "models", "policies", "change_sets"} {
		rows, err := x.store.DB().Queryx("SELECT * FROM " + table)
		must(x.t, err)
		for rows.Next() {
			cols, err := rows.SliceScan()
			must(x.t, err)
			fmt.Fprintln(&b, table, cols)
		}
		must(x.t, rows.Err())
		must(x.t, rows.Close())
	}
	return b.String()
}
