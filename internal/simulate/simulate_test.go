package simulate

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"adsteward/bidding"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/nightly"
	"adsteward/internal/sandbox/market"
	"adsteward/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scenario reads one of testdata.
func scenario(t testing.TB, name string) *market.Scenario {
	t.Helper()
	f, err := os.Open("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sc, err := market.ReadScenario(f)
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

func run(t *testing.T, sc *market.Scenario, policies ...Policy) map[Policy]Result {
	t.Helper()
	rep, err := Run(t.Context(), sc, Options{Policies: policies})
	if err != nil {
		t.Fatal(err)
	}
	out := map[Policy]Result{}
	for _, r := range rep.Policies {
		out[r.Policy] = r
	}
	return out
}

var direct = []Policy{Hold, Rules, Oracle, OracleFree}

func TestHoldIsTheMarketLeftAlone(t *testing.T) {
	t.Parallel()
	sc := scenario(t, "events")
	m, err := market.New(sc)
	if err != nil {
		t.Fatal(err)
	}
	m.AdvanceTo(sc.Start.AddDays(sc.Nights))
	var want Result
	for i := range sc.Campaigns {
		for day := sc.Start; day < sc.Start.AddDays(sc.Nights); day++ {
			o := m.Outcome(i, day)
			want.Profit += o.Profit
			want.Spend += o.Spend
			want.Revenue += o.Revenue
		}
	}
	got := run(t, sc, Hold)[Hold]
	zero := 0.0
	want.Policy, want.ShareOfOracle, want.ShareOfOracleLast30 = Hold, &zero, &zero
	ignore := cmpopts.IgnoreFields(Result{}, "WorstDayRegret")
	if d := cmp.Diff(want, got, ignore, cmpopts.EquateApprox(1e-12, 1e-9)); d != "" {
		t.Errorf("hold (-want +got):\n%s", d)
	}
	if !(got.WorstDayRegret > 0) {
		t.Errorf("worst day regret is %v", got.WorstDayRegret)
	}
}

func TestWhoKnowsMoreEarnsMore(t *testing.T) {
	t.Parallel()
	got := run(t, scenario(t, "calm"), direct...)
	for _, order := range [][2]Policy{{Hold, Oracle}, {Rules, Oracle}, {Oracle, OracleFree}} {
		if less, more := got[order[0]].Profit, got[order[1]].Profit; more < less {
			t.Errorf("%s earns %.2f, less than %s with %.2f", order[1], more, order[0], less)
		}
	}
	if s := got[Oracle].ShareOfOracle; s == nil || *s != 1 {
		t.Errorf("the oracle's share of itself is %v", s)
	}
	if got[Oracle].WorstDayRegret != 0 || got[Oracle].Violations != 0 || got[Oracle].Changes == 0 {
		t.Errorf("oracle: %+v", got[Oracle])
	}
	if got[OracleFree].Violations == 0 {
		t.Error("the free oracle goes beyond step and cool-down, and nothing is said of it")
	}
}

// A campaign that no policy touches has the same days under all of them.
func TestPoliciesShareTheirLuck(t *testing.T) {
	t.Parallel()
	sc := scenario(t, "events")
	pinned := &sc.Campaigns[2]
	pinned.MinBudget, pinned.MaxBudget = pinned.Budget, pinned.Budget
	pinned.Margin, pinned.NewShare = 1/breakEven(sc), 0.3
	pinned.TargetROAS = nil
	outcomes := map[Policy][]market.Outcome{}
	for _, p := range direct {
		g, err := play(t.Context(), sc, p, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for day := sc.Start; day < end(sc); day++ {
			outcomes[p] = append(outcomes[p], g.market.Outcome(2, day))
		}
	}
	for _, p := range direct[1:] {
		if d := cmp.Diff(outcomes[Hold], outcomes[p]); d != "" {
			t.Errorf("%s has other luck than hold:\n%s", p, d)
		}
	}
}

// The real night lives through every kind of event without breaking a guardrail,
// keeps its budgets within bounds, and says how sure it was.
func TestAdstewardThroughEveryEvent(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: long under the race detector, and others race what it runs; make test runs it without")
	}
	sc := scenario(t, "events")
	kinds := map[string]bool{}
	for _, e := range sc.Events {
		kinds[e.Kind] = true
	}
	if len(kinds) != 6 {
		t.Fatalf("the scenario has the events %v, not every kind", kinds)
	}
	nights := 0
	rep, err := Run(t.Context(), sc, Options{Policies: []Policy{Adsteward}, Night: func(p Policy) {
		if p == Adsteward {
			nights++
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	got := rep.Policies[0]
	if got.Violations != 0 {
		t.Errorf("%d violations: %+v", got.Violations, got.Breaches)
	}
	if got.Changes == 0 || nights != sc.Nights {
		t.Errorf("%d changes in %d nights", got.Changes, nights)
	}
	if got.FailedNights != 0 { // Meta was up when Google was down
		t.Errorf("%d nights failed", got.FailedNights)
	}
	if c := got.IntervalCoverage80; c == nil || got.Intervals == 0 || *c < 0 || *c > 1 {
		t.Errorf("coverage of %d intervals: %v", got.Intervals, c)
	}
	if got.ShareOfOracle == nil || math.IsNaN(*got.ShareOfOracle) {
		t.Errorf("share of oracle: %v", got.ShareOfOracle)
	}
}

// What a night makes of the shop's exports: a campaign's margin is what its
// goods leave, though every order went through files, store and attribution.
func TestNightLearnsMargins(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: long under the race detector, and others race what it runs; make test runs it without")
	}
	sc := scenario(t, "calm")
	s, err := newSteward(t.Context(), sc, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	}()
	if err := s.night(t.Context(), sc.Start); err != nil {
		t.Fatal(err)
	}
	for i, c := range sc.Campaigns {
		row, err := s.store.Model(t.Context(), nightly.RunID(shopName, sc.Start), "worth",
			bidding.CampaignKey(c.Platform, market.RemoteCampaignID(c.Platform, i)))
		if err != nil {
			t.Fatal(err)
		}
		var w bidding.Worth
		if err := json.Unmarshal([]byte(row.Body), &w); err != nil {
			t.Fatal(err)
		}
		if math.Abs(w.Margin-c.Margin) > 0.03 || w.Orders < 20 {
			t.Errorf("%s: margin %.3f of %d orders, in truth %.3f", c.ID, w.Margin, w.Orders, c.Margin)
		}
		if w.NewShare <= 0 || w.NewShare >= 1 || w.Lambda <= 1 {
			t.Errorf("%s: new share %.2f, lifetime multiple %.2f", c.ID, w.NewShare, w.Lambda)
		}
	}
}

// A change on a stale value is seen, be it the value or the figures that were.
func TestStaleChangesAreSeen(t *testing.T) {
	t.Parallel()
	s, err := newSteward(t.Context(), scenario(t, "calm"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	}()
	if err := s.sb.Market().SetBudget("search", 65*money.One, "x", ""); err != nil { // from 60
		t.Fatal(err)
	}
	at := interval{from: s.today, campaigns: []int{0}}
	for _, seen := range []money.Micros{60 * money.One, 61 * money.One} {
		s.checkSeen(store.Proposal{Platform: "google", Field: "daily_budget", Seen: seen, Proposed: 65 * money.One}, at)
	}
	if len(s.game.stale) != 1 {
		t.Errorf("of one fresh value and one stale: %+v", s.game.stale)
	}
	if err := s.checkFreshness(t.Context()); err != nil { // nothing was ever pulled
		t.Fatal(err)
	}
	if len(s.game.stale) != 2 {
		t.Errorf("a change without any figures: %+v", s.game.stale)
	}
}

// Two simulations of one scenario are equal to the last digit.
func TestSimulationRepeats(t *testing.T) {
	t.Parallel()
	sc := scenario(t, "calm")
	sc.Nights = 3
	a, b := run(t, sc, Adsteward, OracleFree), run(t, sc, Adsteward, OracleFree)
	if d := cmp.Diff(a, b); d != "" {
		t.Errorf("the second differs:\n%s", d)
	}
	if a[Adsteward].Changes == 0 {
		t.Error("nothing was changed, so nothing was compared")
	}
}

func TestAPlatformThatIsDownForGood(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: long under the race detector, and others race what it runs; make test runs it without")
	}
	sc := scenario(t, "calm")
	sc.Nights = 3
	sc.Events = []market.ScenarioEvent{{Date: sc.Start, Kind: market.APIFault, Days: 3, Value: 1000}}
	_, err := Run(t.Context(), sc, Options{Policies: []Policy{Adsteward}})
	if err == nil {
		t.Error("no night was finished, and nothing is said of it")
	}
}

func TestRunRefuses(t *testing.T) {
	t.Parallel()
	if _, err := Run(t.Context(), scenario(t, "calm"), Options{Policies: []Policy{"magic"}}); err == nil {
		t.Error("an unknown policy is no error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, scenario(t, "calm"), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of its context: %v", err)
	}
}

func TestNoNights(t *testing.T) {
	t.Parallel()
	sc := scenario(t, "calm")
	sc.Nights = 0
	for p, r := range run(t, sc, Policies()...) {
		if r.Profit != 0 || r.ShareOfOracle != nil || r.Changes != 0 {
			t.Errorf("%s: %+v", p, r)
		}
	}
}

func TestShare(t *testing.T) {
	t.Parallel()
	days := func(profits ...float64) (out []day) {
		for _, p := range profits {
			out = append(out, day{profit: p})
		}
		return out
	}
	ptr := func(f float64) *float64 { return &f }
	for name, c := range map[string]struct {
		hold, oracle, policy []day
		from                 int
		want                 *float64
	}{
		"half":                         {days(100, 100), days(120, 120), days(110, 110), 0, ptr(0.5)},
		"the last day alone":           {days(100, 100), days(120, 120), days(100, 120), 1, ptr(1)},
		"worse than hold":              {days(100), days(120), days(90), 0, ptr(-0.5)},
		"hold at a loss":               {days(-100), days(-50), days(-75), 0, ptr(0.5)},
		"the oracle gains too little":  {days(100), days(100.4), days(100.4), 0, nil},
		"the oracle gains enough":      {days(100), days(100.6), days(100.6), 0, ptr(1)},
		"nothing to gain from nothing": {days(0), days(0), days(0), 0, nil},
		"the oracle loses":             {days(100), days(90), days(95), 0, nil},
	} {
		got := scorer{c.hold, c.oracle}.share(c.policy, c.from)
		if d := cmp.Diff(c.want, got, cmpopts.EquateApprox(1e-9, 0)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestIntervals(t *testing.T) {
	t.Parallel()
	sc := scenario(t, "calm")
	sc.Nights = 20
	g, err := play(t.Context(), sc, Hold, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var truth float64
	for d := range bidding.OutcomeDays {
		for _, i := range []int{0, 2} {
			truth += g.market.Outcome(i, sc.Start.AddDays(3+d)).Profit / bidding.OutcomeDays
		}
	}
	until := end(sc)
	at := func(from civil.Date, low, high float64) interval {
		return interval{from: from, campaigns: []int{0, 2}, low: low, high: high}
	}
	from := sc.Start.AddDays(3)
	for _, c := range []struct {
		v        interval
		held, ok bool
	}{
		{at(from, truth-1, truth+1), true, true},
		{at(from, truth+1, truth+2), false, true},
		{at(from, truth-2, truth-1), false, true},
		{at(until.AddDays(-bidding.OutcomeDays), -1e9, 1e9), true, true},
		{at(until.AddDays(-bidding.OutcomeDays+1), -1e9, 1e9), false, false},
	} {
		if held, ok := c.v.holds(g.market, until); held != c.held || ok != c.ok {
			t.Errorf("%+v: held %v, over %v", c.v, held, ok)
		}
	}
}

func TestProgressIsToldOfWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	sc := scenario(t, "calm")
	sc.Nights = 3
	var told []Policy
	if _, err := Run(t.Context(), sc, Options{Policies: []Policy{Rules}, Night: func(p Policy) { told = append(told, p) }}); err != nil {
		t.Fatal(err)
	}
	if want := []Policy{Rules, Rules, Rules}; !slices.Equal(told, want) {
		t.Errorf("told of %v", told)
	}
}
