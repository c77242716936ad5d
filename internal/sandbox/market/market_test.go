package market_test

import (
	"bytes"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/internal/sandbox/market"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const twoCampaigns = `{"name": "two", "seed": 7, "start": "2026-03-01", "nights": 60, "history_days": 60,
  "campaigns": [
    {"id": "g1", "platform": "google", "budget": 150, "iota": 0.5, "learning_loss": 0.2},
    {"id": "m1", "platform": "meta", "budget": 120, "n": 1200, "v": 1.6, "learning_loss": 0.1, "delay_max": 10}]}`

func scenario(t *testing.T, text string) *market.Scenario {
	t.Helper()
	sc, err := market.ReadScenario(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

func newMarket(t *testing.T, text string) *market.Market {
	t.Helper()
	m, err := market.New(scenario(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A campaign without a name gets one that says its kind, as people's do.
func TestNameOfTheNameless(t *testing.T) {
	t.Parallel()
	sc, err := market.ReadScenario(strings.NewReader(`{"start": "2026-01-01", "campaigns": [{"id": "a", "platform": "meta", "type": "retargeting"},
		{"id": "b", "platform": "google"}, {"id": "c", "platform": "google", "name": "Own"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"Retargeting a", "Search b", "Own"} {
		if got := sc.Campaigns[i].Name; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestResponseIsConcaveAndIncreasing(t *testing.T) {
	t.Parallel()
	m := newMarket(t, twoCampaigns)
	rapid.Check(t, func(t *rapid.T) {
		day := civil.MustParse("2026-03-01").AddDays(rapid.IntRange(0, 300).Draw(t, "day"))
		i := rapid.IntRange(0, 1).Draw(t, "campaign")
		most := m.ExpectedDemand(i, day) * m.Scenario().Campaigns[i].P
		a := rapid.Float64Range(0, most).Draw(t, "a")
		b := rapid.Float64Range(0, most).Draw(t, "b")
		ra, rb, mid := m.ExpectedValue(i, day, a), m.ExpectedValue(i, day, b), m.ExpectedValue(i, day, (a+b)/2)
		if (a < b && ra > rb+1e-9) || (a > b && ra < rb-1e-9) {
			t.Fatalf("R(%v) = %v, R(%v) = %v", a, ra, b, rb)
		}
		if mid < (ra+rb)/2-1e-9 {
			t.Fatalf("R is not concave between %v and %v", a, b)
		}
		if all := m.ExpectedValue(i, day, 2*most); math.Abs(all-m.ExpectedValue(i, day, most)) > 1e-9 {
			t.Fatalf("more than all is worth %v", all)
		}
	})
}

// Without noise everything can be worked out by hand.
func TestNoiseFreeDay(t *testing.T) {
	t.Parallel()
	m := newMarket(t, `{"start": "2026-03-02", "history_days": 40, "campaigns": [
	  {"id": "g1", "platform": "google", "budget": 120, "n": 400, "p": 0.6, "v": 2, "sigma": 1, "noise": 0, "iota": 0.5, "basket": 50}]}`)
	// s/S = 120/240, so R = 800 * Phi(0 + 1).
	r := 800 * 0.8413447460685429
	day := m.Today().AddDays(-1)
	got := m.Outcome(0, day)
	if got.Spend != 120 || math.Abs(got.Value-r) > 1e-9 {
		t.Errorf("spend %v, value %v; want 120 and %v", got.Spend, got.Value, r)
	}
	p := m.Report(platform.Google, day, day)[0]
	norm := 1 - math.Pow(0.55, 31)
	if want := r / 0.5 * 0.45 / norm; math.Abs(p.Value.Float()-want) > 1e-5 {
		t.Errorf("reported on the first day: %v, want F(0) R/iota = %v", p.Value.Float(), want)
	}
	m.AdvanceTo(day.AddDays(31))
	p = m.Report(platform.Google, day, day)[0]
	if math.Abs(p.Value.Float()-r/0.5) > 1e-5 || math.Abs(p.Conversions-r/0.5/50) > 1e-9 {
		t.Errorf("mature: %v from %v conversions, want %v", p.Value.Float(), p.Conversions, r/0.5)
	}
}

func TestReportMatures(t *testing.T) {
	t.Parallel()
	m := newMarket(t, twoCampaigns)
	day := m.Today().AddDays(-1)
	var last platform.Performance
	for range 12 {
		p := m.Report(platform.Meta, day, day)[0]
		if p.Value < last.Value || p.Conversions < last.Conversions || p.Cost == 0 {
			t.Fatalf("%v restates downwards to %v", last, p)
		}
		last = p
		m.AdvanceTo(m.Today().AddDays(1))
	}
	m.AdvanceTo(day.AddDays(200))
	if p := m.Report(platform.Meta, day, day)[0]; p != last {
		t.Errorf("still changing after delay_max: %v, then %v", last, p)
	}
	// Over many mature days the reported value is R/iota.
	for i, p := range []platform.Name{platform.Google, platform.Meta} {
		var reported, truth float64
		for _, row := range m.Report(p, day.AddDays(-59), day.AddDays(160)) {
			reported += row.Value.Float()
			truth += m.Outcome(i, row.Date).Value / m.Scenario().Campaigns[i].Iota
		}
		if math.Abs(reported/truth-1) > 0.03 {
			t.Errorf("%s reported %v of an expected %v", p, reported, truth)
		}
	}
}

func TestPastDaysNeverChange(t *testing.T) {
	t.Parallel()
	left, right := newMarket(t, twoCampaigns), newMarket(t, twoCampaigns)
	changed := left.Today().AddDays(20)
	left.AdvanceTo(changed)
	right.AdvanceTo(changed)
	must(t, right.SetBudget("g1", 300*money.One, "x", "y"))
	left.AdvanceTo(changed.AddDays(40))
	right.AdvanceTo(changed.AddDays(40))
	from, to := changed.AddDays(-80), changed.AddDays(39)
	if diff := cmp.Diff(left.Report(platform.Google, from, changed-1), right.Report(platform.Google, from, changed-1)); diff != "" {
		t.Errorf("the budget reached into the past:\n%s", diff)
	}
	if diff := cmp.Diff(left.Report(platform.Meta, from, to), right.Report(platform.Meta, from, to)); diff != "" {
		t.Errorf("another campaign's luck depends on this one's budget:\n%s", diff)
	}
	if right.Outcome(0, changed).Spend <= left.Outcome(0, changed).Spend {
		t.Error("the budget did not hold from the day it was set")
	}
	// The same luck: with more spent, every day brings at least the same orders,
	// once learning is over.
	for d := changed.AddDays(30); d <= to; d++ {
		l, r := left.Outcome(0, d), right.Outcome(0, d)
		if r.Value >= l.Value && r.Orders < l.Orders {
			t.Errorf("%s: value %v brought %d orders, value %v only %d", d, l.Value, l.Orders, r.Value, r.Orders)
		}
	}
}

func TestJournalRestoresEverything(t *testing.T) {
	t.Parallel()
	text := strings.Replace(twoCampaigns, `}]}`, `}], "events": [{"date": "2026-03-05", "kind": "human_edit", "campaign": "m1", "value": 99}]}`, 1)
	m := newMarket(t, text)
	must(t, m.SetBudget("g1", 170*money.One, "ann", "api"))
	m.AdvanceTo(m.Today().AddDays(9))
	must(t, m.SetTargetROAS("g1", 3*money.One, "ann", "api"))
	must(t, m.SetBudget("g1", 180*money.One, "bob", "api"))
	m.AdvanceTo(m.Today().AddDays(3))
	again, err := market.Restore(scenario(t, text), m.Journal())
	must(t, err)
	from, to := m.Today().AddDays(-90), m.Today()
	for name, pair := range map[string][2]any{
		"report":    {m.Report("", from, to), again.Report("", from, to)},
		"campaigns": {m.Campaigns(""), again.Campaigns("")},
		"changes":   {m.Changes(""), again.Changes("")},
		"shop":      {m.Shop(m.Today() - 1), again.Shop(m.Today() - 1)},
	} {
		if diff := cmp.Diff(pair[0], pair[1]); diff != "" {
			t.Errorf("%s differs:\n%s", name, diff)
		}
	}
	if !bytes.Equal(m.Journal(), again.Journal()) {
		t.Error("the journal differs")
	}
	if got := m.Changes(platform.Meta); len(got) != 1 || got[0].New != 99*money.One || got[0].Old != 120*money.One {
		t.Errorf("the human's edit is told as %+v", got)
	}
	shown := scenario(t, text)
	shown.Campaigns[0].Lists = []string{"carts"}
	if _, err := market.Restore(shown, m.Journal()); err != nil {
		t.Errorf("the lists that a campaign is shown to are no part of the market: %v", err)
	}
	if _, err := market.Restore(scenario(t, twoCampaigns), m.Journal()); err == nil {
		t.Error("a journal of another scenario was taken")
	}
}

func TestLearning(t *testing.T) {
	t.Parallel()
	const text = `{"start": "2026-03-02", "history_days": 1, "campaigns": [
	  {"id": "g1", "platform": "google", "noise": 0, "learning_loss": 0.3}, {"id": "g2", "platform": "google", "noise": 0, "learning_loss": 0.3}]}`
	m := newMarket(t, text)
	must(t, m.SetBudget("g1", 120*money.One, "", "")) // exactly 20 % is no step
	must(t, m.SetBudget("g2", 121*money.One, "", ""))
	start := m.Today()
	if c := m.Campaigns(""); c[0].Learning != "" || c[1].Learning != "budget" || c[1].LearningSince != start {
		t.Errorf("learning is %q and %q", c[0].Learning, c[1].Learning)
	}
	m.AdvanceTo(start.AddDays(7))
	for days := range 7 {
		d := start.AddDays(days)
		want := 1 - 0.3*math.Exp(-float64(days)/3)
		if got := m.Outcome(1, d).Value / m.ExpectedValue(1, d, 121); math.Abs(got-want) > 1e-9 {
			t.Errorf("day %d: %v of the value, want %v", days, got, want)
		}
		if got := m.Outcome(0, d).Value / m.ExpectedValue(0, d, 120); math.Abs(got-1) > 1e-9 {
			t.Errorf("day %d: a small step cost value: %v", days, got)
		}
	}
	if c := m.Campaigns(""); c[1].Learning != "" {
		t.Error("still learning after a week")
	}
}

func TestTargetROASBinds(t *testing.T) {
	t.Parallel()
	m := newMarket(t, `{"start": "2026-03-02", "history_days": 30, "campaigns": [
	  {"id": "a", "platform": "google", "portfolio": "both", "budget": 2000, "target_roas": 6, "iota": 0.8},
	  {"id": "b", "platform": "google", "portfolio": "both", "budget": 10, "target_roas": 6}]}`)
	for d := m.Today().AddDays(-30); d < m.Today(); d++ {
		o := m.Outcome(0, d)
		if got := o.Value / 0.8 / o.Spend; math.Abs(got-6) > 0.01 {
			t.Errorf("%s: reported ROAS %v at spend %v, want 6", d, got, o.Spend)
		}
		if o := m.Outcome(1, d); o.Value/o.Spend < 6 {
			t.Errorf("%s: the small budget bought below the target: %+v", d, o)
		}
	}
	if c := m.Campaigns(""); c[0].TargetKey != "both" || c[1].TargetROAS != 6*money.One {
		t.Errorf("portfolio is shown as %+v", c)
	}
}

func TestDeliveryAndCaps(t *testing.T) {
	t.Parallel()
	m := newMarket(t, `{"start": "2026-03-01", "history_days": 730, "campaigns": [
	  {"id": "g1", "platform": "google", "n": 10000, "noise": 0.3}, {"id": "m1", "platform": "meta", "n": 10000, "noise": 0.3},
	  {"id": "g2", "platform": "google", "n": 10000, "noise": 0.12}, {"id": "m2", "platform": "meta", "n": 10000, "noise": 0.12}]}`)
	months, weeks := map[string]float64{}, map[civil.Date]float64{}
	days := map[string]int{}
	above := [2]int{}
	for d := m.Today().AddDays(-730); d < m.Today(); d++ {
		g, f := m.Outcome(0, d).Spend, m.Outcome(1, d).Spend
		months[d.String()[:7]] += g
		days[d.String()[:7]]++
		weeks[d.AddDays(-int(d.Weekday()))] += f
		if g > 200 || f > 175 {
			t.Errorf("%s: spent %v and %v of 100", d, g, f)
		}
		if g > 100 {
			above[0]++
		}
		if f > 100 {
			above[1]++
		}
	}
	if above[0] < 200 || above[1] < 150 {
		t.Errorf("only %v of 730 days were above the budget", above)
	}
	total := 0.0
	for month, s := range months {
		if s > 3040.001 {
			t.Errorf("%s cost %v, more than 30.4 budgets", month, s)
		}
		total += s
	}
	for d := m.Today().AddDays(-730); d < m.Today(); d++ {
		for _, i := range []int{2, 3} { // little noise: only the caps could starve a day
			if s := m.Outcome(i, d).Spend; s < 20 {
				t.Errorf("%s: the end of the period is starved: %v", d, s)
			}
		}
	}
	for week, s := range weeks {
		if s > 700.001 {
			t.Errorf("the week of %s cost %v, more than 7 budgets", week, s)
		}
	}
	if mean := total / 730; mean < 94 || mean > 100 {
		t.Errorf("Google delivered %v of 100 on average", mean)
	}
}

func TestSharedBudgetSplitsByDemand(t *testing.T) {
	t.Parallel()
	m := newMarket(t, `{"start": "2026-03-02", "history_days": 3, "campaigns": [
	  {"id": "a", "platform": "google", "budget_group": "g", "budget": 60, "n": 300, "p": 1, "noise": 0},
	  {"id": "b", "platform": "google", "budget_group": "g", "budget": 40, "n": 100, "p": 1, "noise": 0}]}`)
	c := m.Campaigns(platform.Google)
	if c[0].Budget != 100*money.One || c[1].BudgetKey != "g" {
		t.Errorf("shared budget is shown as %+v", c)
	}
	day := m.Today() - 1
	if a, b := m.Outcome(0, day).Spend, m.Outcome(1, day).Spend; a != 75 || b != 25 {
		t.Errorf("100 was split %v and %v, want 75 and 25", a, b)
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	m := newMarket(t, `{"start": "2026-03-02", "history_days": 10, "campaigns": [{"id": "a", "platform": "google", "noise": 0, "n": 100, "delay_max": 0}],
	  "events": [{"date": "2026-02-25", "kind": "tracking_outage", "days": 2}, {"date": "2026-02-27", "kind": "sale", "value": 1.5},
	             {"date": "2026-02-28", "kind": "stock_out"}, {"date": "2026-03-02", "kind": "api_fault", "campaign": "a", "value": 2}]}`)
	rows := m.Report("", civil.MustParse("2026-02-24"), civil.MustParse("2026-03-01"))
	for i, want := range []struct{ value, spend float64 }{{210, 60}, {0, 60}, {0, 60}, {315, 90}, {63, 18}, {210, 60}} {
		if math.Abs(rows[i].Value.Float()-want.value) > 1e-6 || rows[i].Cost.Float() != want.spend {
			t.Errorf("%s: value %v at %v, want %+v", rows[i].Date, rows[i].Value.Float(), rows[i].Cost.Float(), want)
		}
	}
	if o := m.Outcome(0, civil.MustParse("2026-02-25")); o.Value != 210 {
		t.Errorf("a tracking outage hid the truth: %v", o.Value)
	}
	if k := m.Worth(0, civil.MustParse("2026-02-27")); math.Abs(k-0.32) > 1e-12 {
		t.Errorf("worth in the sale is %v, want 0.8 of 0.4", k)
	}
	if got := m.FailingCalls(m.Today()); got[platform.Google] != 2 || got[platform.Meta] != 0 {
		t.Errorf("failing calls: %v", got)
	}
}

func TestSettingRefuses(t *testing.T) {
	t.Parallel()
	m := newMarket(t, twoCampaigns)
	for name, err := range map[string]error{
		"unknown key": m.SetBudget("nobody", money.One, "", ""), "no budget": m.SetBudget("g1", 0, "", ""),
		"negative target": m.SetTargetROAS("g1", -1, "", ""), "bid without manual_cpc": m.SetBid("g1", money.One, "", ""),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if len(m.Changes("")) != 0 {
		t.Error("a refused change is in the history")
	}
}

// Amounts are whole coins of the currency, however many decimals it has.
func TestCurrencies(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: long under the race detector, and others race what it runs; make test runs it without")
	}
	for currency, unit := range map[string]money.Micros{"JPY": money.One, "KWD": 1000} {
		m := newMarket(t, `{"start": "2026-03-02", "currency": "`+currency+`", "history_days": 30, "campaigns": [
		  {"id": "g1", "platform": "google", "budget": 12345, "n": 80000, "target_roas": 4}]}`)
		for _, p := range m.Report("", m.Today()-30, m.Today()) {
			if p.Cost%unit != 0 || p.Value%unit != 0 || p.Cost == 0 {
				t.Errorf("%s on %s: cost %s, value %s", currency, p.Date, p.Cost.Decimal(), p.Value.Decimal())
			}
		}
		for _, o := range m.Shop(m.Today() - 1).Orders {
			if o.Revenue%unit != 0 || o.Lines[0].UnitPrice%unit != 0 || o.Lines[0].UnitCost%unit != 0 {
				t.Fatalf("%s: odd amounts in %+v", currency, o)
			}
		}
	}
}

func TestNewRefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	sc := scenario(t, twoCampaigns)
	sc.Campaigns[0].Iota = 0
	if _, err := market.New(sc); err == nil || !strings.Contains(err.Error(), "iota") {
		t.Errorf("a scenario without iota: %v", err)
	}
}

// For the race detector; and whatever the order, the journal tells it.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	m := newMarket(t, twoCampaigns)
	var calls atomic.Int32
	m.OnChange(func() { calls.Add(1); m.Journal() })
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for d := range 5 {
				_ = m.SetBudget("g1", money.Micros(100+10*i+d)*money.One, "x", "y") // cannot fail
				m.AdvanceTo(m.Today() + 1)
				m.Report("", m.Today()-20, m.Today())
				m.Campaigns("")
				m.Shop(m.Today() - 1)
				m.Products()
				m.Changes("")
			}
		})
	}
	wg.Wait()
	again, err := market.Restore(scenario(t, twoCampaigns), m.Journal())
	must(t, err)
	if diff := cmp.Diff(m.Report("", m.Today()-70, m.Today()), again.Report("", m.Today()-70, m.Today())); diff != "" {
		t.Error(diff)
	}
	if calls.Load() != 40 {
		t.Errorf("%d changes were told, want 40", calls.Load())
	}
}

func BenchmarkTenThousandCampaigns(b *testing.B) {
	var text strings.Builder
	text.WriteString(`{"start": "2026-03-01", "history_days": 90, "campaigns": [`)
	for i := range 10_000 {
		if i > 0 {
			text.WriteByte(',')
		}
		text.WriteString(`{"id": "c` + market.RemoteCampaignID(platform.Google, i) + `", "platform": "google", "target_roas": 3}`)
	}
	text.WriteString(`]}`)
	sc, err := market.ReadScenario(strings.NewReader(text.String()))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		m, err := market.New(sc)
		if err != nil {
			b.Fatal(err)
		}
		if rows := m.Report(platform.Google, m.Today()-30, m.Today()); len(rows) != 300_000 {
			b.Fatal(len(rows))
		}
	}
}

// What is set on the clock's day is dated by the clock, for good; on any other day it is
// five in the morning.
func TestSettingsAreDated(t *testing.T) {
	t.Parallel()
	sc, m := scenario(t, twoCampaigns), newMarket(t, twoCampaigns)
	loc, err := time.LoadLocation(sc.TimeZone)
	if err != nil {
		t.Fatal(err)
	}
	now := m.Today().In(loc).Add(13 * time.Hour)
	m.SetClock(func() time.Time { return now })
	for _, v := range []money.Micros{110, 120} {
		if err := m.SetBudget("g1", v*money.One, "ann", "api"); err != nil {
			t.Fatal(err)
		}
		m.AdvanceTo(m.Today() + 1)
	}
	again, err := market.Restore(sc, m.Journal())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []*market.Market{m, again} {
		changes := m.Changes(platform.Google)
		if len(changes) != 2 || !changes[0].At.Equal(now) || !changes[1].At.Equal((m.Today() - 1).In(loc).Add(5*time.Hour+time.Millisecond)) {
			t.Errorf("changes at %v", changes)
		}
	}
}
