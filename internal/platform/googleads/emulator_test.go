package googleads_test

import (
	"context"
	"errors"
	"maps"
	"math"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/internal/platform/googleads"
	"adsteward/internal/platform/pace"
	"adsteward/internal/sandbox/faults"
	emulator "adsteward/internal/sandbox/googleads"
	"adsteward/internal/sandbox/lists"
	"adsteward/internal/sandbox/market"
)

const scenario = `{"name": "shoes", "seed": 7, "start": "2026-03-02", "nights": 30, "currency": "EUR", "history_days": 20,
 "campaigns": [
  {"id": "g1", "name": "g1", "platform": "google", "type": "search", "budget": 100, "target_roas": 1.5},
  {"id": "g2", "name": "g2", "platform": "google", "type": "shopping", "budget": 50, "budget_group": "both"},
  {"id": "g3", "name": "g3", "platform": "google", "type": "pmax", "budget": 60, "budget_group": "both"},
  {"id": "g4", "name": "g4", "platform": "google", "type": "brand", "budget": 20, "target_roas": 4, "portfolio": "brands"},
  {"id": "g5", "name": "g5", "platform": "google", "type": "brand", "budget": 30, "target_roas": 4, "portfolio": "brands"},
  {"id": "g6", "name": "g6", "platform": "google", "type": "search", "budget": 40, "bidding": "manual_cpc"},
  {"id": "m1", "name": "m1", "platform": "meta", "budget": 40}],
 "events": [{"date": "2026-03-04", "kind": "human_edit", "campaign": "g1", "value": 130}]}`

// rig is an adapter, the emulated account it speaks to, and the market inside.
type rig struct {
	client  *googleads.Client
	server  *emulator.Server
	address string
	market  *market.Market
	faults  *faults.Table
	lists   *lists.Lists
	tokens  *tokens
	t       *testing.T
}

// tokens is a source whose token the account takes until it is told not to.
type tokens struct {
	mu    sync.Mutex
	valid string
	next  int
}

func (k *tokens) accepts(token string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return token == k.valid
}

func (k *tokens) Token() (*oauth2.Token, error) { return k.TokenContext(context.Background()) }

func (k *tokens) TokenContext(context.Context) (*oauth2.Token, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return &oauth2.Token{AccessToken: strings.Repeat("x", k.next+1)}, nil
}

func (k *tokens) Expire(string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.next++
	k.valid = strings.Repeat("x", k.next+1)
}

func setup(t *testing.T, rules ...faults.Rule) *rig {
	t.Helper()
	return setupWith(t, scenario, googleads.ExplorerLimit, rules...)
}

func setupWith(t *testing.T, scenario string, daily int64, rules ...faults.Rule) *rig {
	t.Helper()
	sc, err := market.ReadScenario(strings.NewReader(scenario))
	if err != nil {
		t.Fatal(err)
	}
	m, err := market.New(sc)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{market: m, faults: faults.NewTable(rules...), lists: lists.New(7_000_000_001), tokens: &tokens{valid: "x"}, t: t}
	r.server = emulator.New(emulator.Options{Market: m, Faults: r.faults, CustomerID: 1234567890, Lists: r.lists, AccessTokens: r.tokens.accepts, DailyOperations: daily})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go r.server.Serve(listener)
	t.Cleanup(r.server.Stop)
	r.address = listener.Addr().String()
	r.client = r.open(false)
	return r
}

// open returns another client of the account.
func (r *rig) open(valueRules bool, adjust ...func(*googleads.Config)) *googleads.Client {
	r.t.Helper()
	cfg := googleads.Config{
		Endpoint:          r.address,
		ValueRules:        valueRules,
		CustomerID:        "123-456-7890",
		Credentials:       r.tokens,
		Timeout:           5 * time.Second,
		RequestsPerSecond: 1000,
		Retry:             pace.Policy{Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }},
		Now: func() time.Time { // the day under way, in the morning
			return r.market.Today().Time().Add(8 * time.Hour)
		},
	}
	for _, f := range adjust {
		f(&cfg)
	}
	client, err := googleads.Open(cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { client.Close() })
	return client
}

// impatient replaces the client's timeout by one that tests can wait for.
func (r *rig) impatient(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(r.t.Context(), d)
	r.t.Cleanup(cancel)
	return ctx
}

// entities returns the structure by name, a budget or portfolio as "budget/..." .
func (r *rig) entities() map[string]platform.Entity {
	r.t.Helper()
	list, err := r.client.Structure(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	byName := map[string]platform.Entity{}
	for _, e := range list {
		byName[string(e.Type)+"/"+e.Name] = e
	}
	return byName
}

func (r *rig) change(name string, field platform.Field, to money.Micros) platform.Change {
	r.t.Helper()
	e, ok := r.entities()[name]
	if !ok {
		r.t.Fatalf("there is no %s", name)
	}
	return platform.Change{Entity: e.Ref, Field: field, Seen: e.Fields[field], Value: to}
}

func (r *rig) value(c platform.Change) money.Micros {
	r.t.Helper()
	got, err := r.client.Read(r.t.Context(), []platform.Ref{c.Entity})
	if err != nil || len(got) != 1 {
		r.t.Fatalf("reading %v back: %v, %v", c.Entity, got, err)
	}
	return got[0].Fields[c.Field]
}

func TestAgainstEmulator(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]func(*testing.T){
		"account": testAccount, "structure": testStructure, "targeting": testTargeting, "performance": testPerformance, "ad groups": testAdGroups, "changes": testChanges,
		"apply": testApply, "validate changes nothing": testValidate, "refusals": testRefusals, "partial failure": testPartialFailure,
		"timeout before": testTimeoutBefore, "timeout after": testTimeoutAfter, "rate limit": testRateLimit,
		"unavailable": testUnavailable, "expired token": testExpiredToken, "slow stream": testSlowStream, "stale read": testStaleRead, "quota of the day": testQuota,
		"yen": testYen, "dinars": testDinars,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t)
		})
	}
}

func testAccount(t *testing.T) {
	r := setup(t)
	got, err := r.client.Account(t.Context())
	want := platform.Account{Platform: platform.Google, ID: "1234567890", Name: "shoes", Currency: "EUR", TimeZone: "Europe/Berlin", BudgetUnit: 10_000, MinBudget: 10_000}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

func testStructure(t *testing.T) {
	r := setup(t)
	all := r.entities()
	names := slices.Sorted(maps.Keys(all))
	want := []string{"ad_group/g6", "budget/both", "budget/g1", "budget/g4", "budget/g5", "budget/g6",
		"campaign/g1", "campaign/g2", "campaign/g3", "campaign/g4", "campaign/g5", "campaign/g6", "portfolio/brands"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Fatal(diff)
	}
	if b := all["budget/both"]; !b.Shared || b.Fields[platform.DailyBudget] != 110*money.One || all["campaign/g2"].Budget != b.Ref || all["campaign/g3"].Budget != b.Ref {
		t.Errorf("the shared budget is %+v of %+v", b, all["campaign/g2"])
	}
	if p := all["portfolio/brands"]; p.Fields[platform.TargetROAS] != 4*money.One || all["campaign/g4"].Strategy != p.Ref || all["campaign/g4"].Fields != nil {
		t.Errorf("the portfolio is %+v of %+v", p, all["campaign/g4"])
	}
	if c := all["campaign/g1"]; c.Fields[platform.TargetROAS] != 1_500_000 || c.Channel != "search" || c.Learning != "" {
		t.Errorf("the campaign is %+v", c)
	}
	if g := all["ad_group/g6"]; g.Parent != all["campaign/g6"].Ref || g.Fields[platform.CPCBid] <= 0 {
		t.Errorf("the ad group is %+v", g)
	}
}

// testTargeting asks by which lists campaigns go: those of the ad group, without
// the campaign's; a list that is not there narrows nothing.
func testTargeting(t *testing.T) {
	r := setupWith(t, `{"name": "lists", "seed": 7, "start": "2026-03-02", "campaigns": [
		{"id": "a", "name": "a", "platform": "google", "type": "retargeting", "lists": ["best", "carts"], "without_lists": ["carts"]},
		{"id": "b", "name": "b", "platform": "google", "type": "search", "lists": ["carts"]},
		{"id": "c", "name": "c", "platform": "google", "type": "search", "without_lists": ["carts"]},
		{"id": "d", "name": "d", "platform": "google", "type": "search", "lists": ["not there"]},
		{"id": "e", "name": "e", "platform": "google", "type": "shopping"}]}`, googleads.ExplorerLimit)
	for _, name := range []string{"carts", "best"} {
		if _, err := r.lists.Create(lists.List{Name: name, Kind: lists.CRM}); err != nil {
			t.Fatal(err)
		}
	}
	plain := r.entities()
	before := r.client.Usage().Operations
	r.client = r.open(false, func(c *googleads.Config) { c.Targeting = true })
	all := r.entities()
	if got := r.client.Usage().Operations - before; got != 3 {
		t.Errorf("%d operations more, want 3", got)
	}
	const carts, best = "7000000001", "7000000002"
	for name, want := range map[string][]platform.Targeting{
		"a": {{Lists: []string{carts, best}, Without: []string{carts}}}, "b": {{Lists: []string{carts}}}, "c": nil, "d": nil, "e": nil} {
		if d := cmp.Diff(want, all["campaign/"+name].Targeting); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		if plain["campaign/"+name].Targeting != nil {
			t.Errorf("%s: lists are told although nobody asked", name)
		}
	}
}

// eligible is what can be told of the impressions that could have been: a share
// below a tenth is told as 0.0999.
func eligible(p platform.Performance) int64 {
	switch {
	case p.Impressions == 0:
		return 0
	case float64(p.Impressions) < 0.1*float64(p.Eligible):
		return int64(math.Round(float64(p.Impressions) / 0.0999))
	}
	return p.Eligible
}

func testPerformance(t *testing.T) {
	r := setup(t)
	today := r.market.Today()
	byID := map[string]platform.Performance{}
	names := map[string]string{}
	for name, e := range r.entities() {
		names[e.ID] = strings.TrimPrefix(name, "campaign/")
	}
	err := r.client.Performance(t.Context(), today.AddDays(-20), today.AddDays(-1), func(days []platform.Performance) error {
		for _, d := range days {
			byID[names[d.Entity.ID]+d.Date.String()] = d
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	spent := 0
	for _, want := range r.market.Report(platform.Google, today.AddDays(-20), today.AddDays(-1)) {
		got := byID[want.Entity.ID+want.Date.String()]
		delete(byID, want.Entity.ID+want.Date.String())
		if got.Cost != want.Cost || got.Value != want.Value || got.Clicks != want.Clicks || got.Impressions != want.Impressions || got.Eligible != eligible(want) || got.Conversions != want.Conversions {
			t.Errorf("%v: got %+v", want, got)
		}
		if got.Cost > 0 {
			spent++
		}
	}
	if len(byID) > 0 || spent < 6*20 {
		t.Errorf("%d days with cost, and days that the market does not report: %v", spent, byID)
	}
}

// The ad groups of a campaign have days, bids and a history of their own.
func testAdGroups(t *testing.T) {
	r := setupWith(t, strings.Replace(scenario, `"bidding": "manual_cpc"`, `"bidding": "manual_cpc", "ad_groups": 3`, 1), googleads.ExplorerLimit)
	today, entities := r.market.Today(), r.entities()
	manual := entities["campaign/g6"]
	var groups []platform.Entity
	for _, g := range r.market.Campaigns(platform.Google)[5].Groups {
		e := entities["ad_group/"+g.Name]
		if e.Parent != manual.Ref || e.Fields[platform.CPCBid] != g.Bid {
			t.Fatalf("ad group %+v of %+v", e, g)
		}
		groups = append(groups, e)
	}
	got := map[platform.Ref]map[civil.Date]platform.Performance{}
	for _, g := range groups {
		got[g.Ref] = map[civil.Date]platform.Performance{}
	}
	used := r.client.Usage().Operations
	err := r.client.PartPerformance(t.Context(), []platform.Ref{manual.Ref}, today.AddDays(-20), today.AddDays(-1), func(days []platform.Performance) error {
		for _, d := range days {
			if _, twice := got[d.Entity][d.Date]; twice || got[d.Entity] == nil {
				t.Fatalf("twice, or of another campaign: %+v", d)
			}
			got[d.Entity][d.Date] = d
		}
		return nil
	})
	if used = r.client.Usage().Operations - used; err != nil || used != 1 {
		t.Fatalf("%d operations, %v", used, err)
	}
	sums := map[civil.Date]platform.Performance{}
	for _, days := range got {
		for _, d := range days {
			s := sums[d.Date]
			s.Cost, s.Value, s.Conversions, s.Clicks = s.Cost+d.Cost, s.Value+d.Value, s.Conversions+d.Conversions, s.Clicks+d.Clicks
			sums[d.Date] = s
		}
	}
	for _, want := range r.market.Report(platform.Google, today.AddDays(-20), today.AddDays(-1)) {
		if s := sums[want.Date]; want.Entity.ID == "g6" && (s.Cost != want.Cost || s.Value != want.Value || s.Conversions != want.Conversions || s.Clicks != want.Clicks) {
			t.Errorf("on %s they come to %+v, the campaign to %+v", want.Date, s, want)
		}
	}
	c := platform.Change{Entity: groups[1].Ref, Field: platform.CPCBid, Seen: 600_000, Value: 690_000}
	if res := r.apply(c); res[0].Err != nil || r.value(c) != c.Value || r.value(platform.Change{Entity: groups[0].Ref, Field: platform.CPCBid}) != 600_000 {
		t.Errorf("%v; bids are now %v", res, r.entities())
	}
	events, err := r.client.Changes(t.Context(), r.market.Scenario().Start.Time())
	if err != nil || len(events) != 1 || events[0].Entity != c.Entity || events[0].Old != 600_000 || events[0].New != 690_000 {
		t.Errorf("history %+v, %v", events, err)
	}
}

func testChanges(t *testing.T) {
	r := setup(t)
	c := r.change("campaign/g1", platform.TargetROAS, 1_600_000)
	r.apply(c)
	r.market.AdvanceTo(civil.MustParse("2026-03-06"))
	events, err := r.client.Changes(t.Context(), r.market.Scenario().Start.Time())
	if err != nil || len(events) != 2 {
		t.Fatalf("%v, %v", events, err)
	}
	ours, theirs := events[0], events[1]
	if ours.Entity != c.Entity || ours.Field != platform.TargetROAS || ours.Old != 1_500_000 || ours.New != 1_600_000 || ours.Client != "GOOGLE_ADS_API" {
		t.Errorf("our change is %+v", ours)
	}
	if theirs.Entity != r.entities()["budget/g1"].Ref || theirs.Field != platform.DailyBudget || theirs.Old != 100*money.One ||
		theirs.New != 130*money.One || theirs.Client == ours.Client || theirs.Actor == "" || civil.Of(theirs.At) != civil.MustParse("2026-03-04") {
		t.Errorf("their change is %+v", theirs)
	}
}

// apply makes changes and returns their results, each with a request id.
func (r *rig) apply(changes ...platform.Change) []platform.Result {
	r.t.Helper()
	results, err := r.client.Apply(r.t.Context(), changes)
	if err != nil {
		r.t.Fatal(err)
	}
	for i, res := range results {
		if res.RequestID == "" {
			r.t.Errorf("change %d has no request id: %v", i, res.Err)
		}
	}
	return results
}

func testApply(t *testing.T) {
	r := setup(t)
	changes := []platform.Change{
		r.change("ad_group/g6", platform.CPCBid, 550_000),
		r.change("campaign/g1", platform.TargetROAS, 1_650_000),
		r.change("budget/both", platform.DailyBudget, 126_500_000),
		r.change("portfolio/brands", platform.TargetROAS, 4_400_000),
		r.change("budget/g1", platform.DailyBudget, 140*money.One),
	}
	for i, res := range r.apply(changes...) {
		if res.Err != nil || r.value(changes[i]) != changes[i].Value {
			t.Errorf("%v: %v, then %v", changes[i], res.Err, r.value(changes[i]))
		}
	}
	if got := r.entities()["campaign/g1"]; got.Learning == "" {
		t.Errorf("after a large step the campaign does not learn: %+v", got)
	}
	if used := r.server.OperationsUsed(); used != r.client.Usage().Operations {
		t.Errorf("the account counts %d operations, the adapter %d", used, r.client.Usage().Operations)
	}
}

func testValidate(t *testing.T) {
	r := setup(t)
	before := r.entities()
	changes := []platform.Change{
		r.change("budget/g1", platform.DailyBudget, 115*money.One),
		r.change("campaign/g1", platform.TargetROAS, 1_650_000),
		r.change("portfolio/brands", platform.TargetROAS, 4_400_000),
		r.change("ad_group/g6", platform.CPCBid, 550_000),
		r.change("budget/g4", platform.DailyBudget, 20_001_000),
	}
	results, err := r.client.Validate(t.Context(), changes)
	if err != nil {
		t.Fatal(err)
	}
	for i, res := range results[:4] {
		if res.Err != nil {
			t.Errorf("%v: %v", changes[i], res.Err)
		}
	}
	if platform.KindOf(results[4].Err) != platform.Rejected {
		t.Errorf("a fraction of a cent is taken: %v", results[4])
	}
	if diff := cmp.Diff(before, r.entities()); diff != "" {
		t.Error(diff)
	}
}

func testRefusals(t *testing.T) {
	r := setup(t)
	gone := platform.Ref{Type: platform.Budget, ID: "99"}
	results, err := r.client.Apply(t.Context(), []platform.Change{
		{Entity: gone, Field: platform.DailyBudget, Value: money.One},
		r.change("campaign/g4", platform.TargetROAS, 5*money.One),
		r.change("campaign/g6", platform.TargetROAS, 5*money.One),
		r.change("campaign/g1", platform.TargetROAS, 5000*money.One),
		r.change("budget/g1", platform.DailyBudget, 90*money.One),
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, res := range results[:4] {
		if platform.KindOf(res.Err) != platform.Rejected || res.Err == nil {
			t.Errorf("change %d: %v", i, res.Err)
		}
	}
	if results[4].Err != nil {
		t.Error(results[4].Err)
	}
	if got, err := r.client.Read(t.Context(), []platform.Ref{gone}); err != nil || len(got) != 0 {
		t.Errorf("what is not there is read as %v: %v", got, err)
	}
}

func testPartialFailure(t *testing.T) {
	r := setup(t, faults.Rule{Kind: faults.PartialFailure, Method: "MutateCampaignBudgets"})
	first, second := r.change("budget/g1", platform.DailyBudget, 115*money.One), r.change("budget/g4", platform.DailyBudget, 23*money.One)
	results := r.apply(first, second)
	if platform.KindOf(results[0].Err) != platform.Rejected || results[1].Err != nil {
		t.Errorf("got %v", results)
	}
	if r.value(first) != first.Seen || r.value(second) != second.Value {
		t.Errorf("then %v and %v", r.value(first), r.value(second))
	}
}

func testTimeoutBefore(t *testing.T) {
	r := setup(t)
	c := r.change("budget/g1", platform.DailyBudget, 115*money.One)
	r.faults.Add(faults.Rule{Kind: faults.TimeoutBefore, Method: "MutateCampaignBudgets"})
	results, err := r.client.Apply(r.impatient(300*time.Millisecond), []platform.Change{c})
	if err != nil || platform.KindOf(results[0].Err) != platform.Unknown {
		t.Errorf("%v, %v", results, err)
	}
	if r.value(c) != c.Seen {
		t.Errorf("it is %v", r.value(c))
	}
	r.faults.Add(faults.Rule{Kind: faults.TimeoutBefore, Method: "SearchStream", DelayMS: 10})
	if r.value(c) != c.Seen { // the read is repeated
		t.Error("changed")
	}
}

func testTimeoutAfter(t *testing.T) {
	r := setup(t)
	c := r.change("budget/g1", platform.DailyBudget, 115*money.One)
	r.faults.Add(faults.Rule{Kind: faults.TimeoutAfter, Method: "MutateCampaignBudgets"})
	results, err := r.client.Apply(r.impatient(300*time.Millisecond), []platform.Change{c})
	if err != nil || platform.KindOf(results[0].Err) != platform.Unknown {
		t.Errorf("%v, %v", results, err)
	}
	if r.value(c) != c.Value {
		t.Errorf("reading does not settle it: %v", r.value(c))
	}
	if n := len(r.market.Changes(platform.Google)); n != 1 {
		t.Errorf("%d changes were made", n)
	}
}

func testRateLimit(t *testing.T) {
	r := setup(t)
	c := r.change("budget/g1", platform.DailyBudget, 115*money.One)
	r.faults.Add(faults.Rule{Kind: faults.RateLimit, Times: 2})
	if results := r.apply(c); results[0].Err != nil || r.value(c) != c.Value {
		t.Errorf("got %v", results)
	}
	r.faults.Add(faults.Rule{Kind: faults.RateLimit, Times: -1})
	results := r.apply(c)
	if platform.KindOf(results[0].Err) != platform.Quota {
		t.Errorf("got %v", results[0].Err)
	}
}

func testUnavailable(t *testing.T) {
	r := setup(t)
	c := r.change("budget/g1", platform.DailyBudget, 115*money.One)
	r.faults.Add(faults.Rule{Kind: faults.Unavailable, Method: "SearchStream", Times: 2})
	if r.value(c) != c.Seen {
		t.Error("changed")
	}
	r.faults.Add(faults.Rule{Kind: faults.Unavailable, Method: "MutateCampaignBudgets", Times: 1})
	if results := r.apply(c); platform.KindOf(results[0].Err) != platform.Unknown {
		t.Errorf("got %v", results)
	}
}

func testExpiredToken(t *testing.T) {
	r := setup(t)
	c := r.change("budget/g1", platform.DailyBudget, 115*money.One)
	r.faults.Add(faults.Rule{Kind: faults.ExpiredToken, Method: "SearchStream"})
	if r.value(c) != c.Seen || r.tokens.next != 1 {
		t.Errorf("%d tokens were renewed", r.tokens.next)
	}
	r.faults.Add(faults.Rule{Kind: faults.ExpiredToken, Times: -1})
	_, err := r.client.Structure(t.Context())
	if platform.KindOf(err) != platform.Authentication {
		t.Errorf("got %v", err)
	}
}

func testSlowStream(t *testing.T) {
	r := setup(t, faults.Rule{Kind: faults.SlowStream, Method: "SearchStream", Times: -1, DelayMS: 20})
	rows := 0
	today := r.market.Today()
	err := r.client.Performance(t.Context(), today.AddDays(-20), today.AddDays(-1), func(d []platform.Performance) error {
		rows += len(d)
		return nil
	})
	if err != nil || rows < 6*20 {
		t.Errorf("%d rows: %v", rows, err)
	}
	ctx := r.impatient(10 * time.Millisecond)
	if _, err := r.client.Structure(ctx); platform.KindOf(err) != platform.Retryable {
		t.Errorf("got %v", err)
	}
}

func testStaleRead(t *testing.T) {
	r := setup(t)
	c := r.change("budget/g1", platform.DailyBudget, 115*money.One)
	r.apply(c)
	r.faults.Add(faults.Rule{Kind: faults.StaleRead, Method: "SearchStream"})
	if stale, fresh := r.value(c), r.value(c); stale != c.Seen || fresh != c.Value {
		t.Errorf("read %v, then %v", stale, fresh)
	}
}

func testQuota(t *testing.T) {
	r := setupWith(t, scenario, 3)
	_, err := r.client.Structure(t.Context())
	if platform.KindOf(err) != platform.Quota {
		t.Errorf("the fourth operation of three: %v", err)
	}
}

func testYen(t *testing.T) {
	testUnit(t, "JPY", money.One, 115*money.One, 115_500_000)
}

func testDinars(t *testing.T) {
	testUnit(t, "KWD", 1000, 115_001_000, 115_000_100)
}

// testUnit sets a budget that is a multiple of the currency's unit and one that
// is not.
func testUnit(t *testing.T, currency string, unit, good, bad money.Micros) {
	r := setupWith(t, strings.Replace(scenario, "EUR", currency, 1), googleads.ExplorerLimit)
	account, err := r.client.Account(t.Context())
	if err != nil || account.Currency != currency || account.BudgetUnit != unit {
		t.Errorf("%+v: %v", account, err)
	}
	c := r.change("budget/g1", platform.DailyBudget, good)
	if results := r.apply(c); results[0].Err != nil || r.value(c) != good {
		t.Errorf("%v, then %v", results, r.value(c))
	}
	c.Value = bad
	if results := r.apply(c); platform.KindOf(results[0].Err) != platform.Rejected || r.value(c) != good {
		t.Errorf("%v, then %v", results, r.value(c))
	}
}

func TestSimulationsAreADays(t *testing.T) {
	t.Parallel()
	r := setup(t)
	sims, err := r.client.Simulations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(sims) != 4 { // g1, g4, g5, g6; g2 and g3 share a budget
		t.Fatalf("%d simulations: %v", len(sims), sims)
	}
	want := r.market.Simulate(0)
	if len(sims[0].Points) != len(want) || sims[0].Entity != (platform.Ref{Type: platform.Campaign, ID: market.RemoteCampaignID(platform.Google, 0)}) {
		t.Fatalf("%v, want %v", sims[0], want)
	}
	for k, p := range sims[0].Points {
		if math.Abs(p.Spend-want[k].Spend) > 1e-5 || math.Abs(p.Result-want[k].Value) > 1e-6 {
			t.Errorf("point %d is %v, want %v", k, p, want[k])
		}
	}
}

func TestItemPerformance(t *testing.T) {
	t.Parallel()
	r := setupWith(t, `{"name": "items", "seed": 2, "start": "2026-03-01", "history_days": 20, "campaigns": [
		{"id": "g1", "platform": "google", "type": "shopping", "budget": 60}, {"id": "g2", "platform": "google", "type": "search", "budget": 60}]}`, googleads.ExplorerLimit)
	today := r.market.Today()
	got := map[string]platform.ItemPerformance{}
	read := func(from, to civil.Date) error {
		return r.client.ItemPerformance(t.Context(), from, to, func(days []platform.ItemPerformance) error {
			for _, d := range days {
				got[d.ItemID+d.Date.String()] = d
			}
			return nil
		})
	}
	if err := read(today.AddDays(-7), today.AddDays(-1)); err != nil {
		t.Fatal(err)
	}
	want := r.market.ItemReport(platform.Google, today.AddDays(-7), today.AddDays(-1))
	if len(want) == 0 || len(got) != len(want) {
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
	for _, d := range want {
		w := platform.ItemPerformance{Campaign: platform.Ref{Type: platform.Campaign, ID: market.RemoteCampaignID(platform.Google, 0)}, ItemID: strings.ToLower(d.Product.SKU),
			Date: d.Date, Cost: d.Cost, Value: d.Value, Conversions: d.Conversions, Clicks: d.Clicks, Impressions: d.Impressions}
		if diff := cmp.Diff(w, got[w.ItemID+w.Date.String()]); diff != "" {
			t.Error(diff)
		}
	}
	if n := r.client.Usage().Operations; n != 1 {
		t.Errorf("it took %d operations", n)
	}
	clear(got)
	if err := read(today, today.AddDays(-1)); err != nil || len(got) != 0 || r.client.Usage().Operations != 1 {
		t.Errorf("no days: %d rows, %v", len(got), err)
	}
	refused := errors.New("refused")
	if err := r.client.ItemPerformance(t.Context(), today.AddDays(-7), today, func([]platform.ItemPerformance) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("yield's error became %v", err)
	}
}

// Ads are told day by day with the campaign and ad group they belong to, in one
// operation; a broken stream is taken up again; searchers' ads are not asked for.
func TestAdPerformance(t *testing.T) {
	t.Parallel()
	r := setupWith(t, `{"name": "ads", "seed": 2, "start": "2026-03-01", "history_days": 30, "campaigns": [
		{"id": "g1", "platform": "google", "type": "search", "budget": 60},
		{"id": "g2", "platform": "google", "type": "prospecting", "budget": 60, "ads": [{"share": 2, "half_life_days": 30}, {"name": "Still"}]},
		{"id": "g3", "platform": "google", "type": "retargeting", "budget": 60}]}`, googleads.ExplorerLimit)
	today := r.market.Today()
	var got []platform.AdPerformance
	take := func(days []platform.AdPerformance) error {
		got = append(got, days...)
		return nil
	}
	if err := r.client.AdPerformance(t.Context(), today.AddDays(-20), today.AddDays(-1), take); err != nil {
		t.Fatal(err)
	}
	campaign := market.RemoteCampaignID(platform.Google, 1)
	var want []platform.AdPerformance
	for _, d := range r.market.AdReport(platform.Google, today.AddDays(-20), today.AddDays(-1)) {
		want = append(want, platform.AdPerformance{AdID: d.Entity.ID, Name: d.Name, Campaign: platform.Ref{Type: platform.Campaign, ID: campaign},
			AdSet: platform.Ref{Type: platform.AdGroup, ID: "160000000002"}, Date: d.Date, Cost: d.Cost, Conversions: d.Conversions, Clicks: d.Clicks, Impressions: d.Impressions})
	}
	slices.SortStableFunc(got, func(a, b platform.AdPerformance) int {
		return strings.Compare(a.Date.String()+a.AdID, b.Date.String()+b.AdID)
	})
	if diff := cmp.Diff(want, got); diff != "" || len(want) != 40 || want[0].Name != "Prospecting g2 ad 1" {
		t.Errorf("%d rows, want %d: %s", len(got), len(want), diff)
	}
	if n := r.client.Usage().Operations; n != 1 {
		t.Errorf("it took %d operations", n)
	}
	refused := errors.New("refused")
	if err := r.client.AdPerformance(t.Context(), today.AddDays(-7), today, func([]platform.AdPerformance) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("yield's error became %v", err)
	}
	got = nil
	if err := r.client.AdPerformance(t.Context(), today, today.AddDays(-1), take); err != nil || len(got) != 0 {
		t.Errorf("no days: %d rows, %v", len(got), err)
	}
}
