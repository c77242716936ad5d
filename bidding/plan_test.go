package bidding_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/bidding/response"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

var (
	today = civil.MustParse("2026-05-20")
	now   = time.Date(2026, 5, 20, 3, 0, 0, 0, time.UTC)
	// Everything has arrived the next night.
	atOnce = response.Lag{Share: []float64{1, 1}}
)

// sim is a campaign whose truth is known: reported value a day is
// perDay*basket*hill(spend/ref, eps).
type sim struct {
	id          string
	budget, use float64 // use is spend over budget
	ref         float64
	perDay, eps float64
	target      float64
	k           float64
	steps       []float64 // of the budget, as parts of it, two weeks each in turn; nil: none
}

// step is the part of the budget that there was on a day, 0 being today.
func (s sim) step(k int) float64 {
	if len(s.steps) == 0 || k == 0 {
		return 1
	}
	return s.steps[-k/14%len(s.steps)]
}

const basket = 60.0

func (s sim) value(spend float64) float64 { return s.perDay * basket * hill(spend/s.ref, s.eps) }

// hill is a Hill curve with the exponent 1 by its value at 1, where its elasticity is eps.
func hill(x, eps float64) float64 { return x / ((1-eps)*x + eps) }

// input makes 90 days of Google campaigns, each with its own budget b<id>.
func input(seed uint64, scale float64, sims ...sim) bidding.Input {
	rng := rand.New(rand.NewPCG(seed, 2))
	a := bidding.Account{Platform: platform.Google, ID: "1", Currency: "EUR", TimeZone: "Europe/Berlin", BudgetUnit: 10_000, MinBudget: money.One,
		Today: today, LastData: today - 1, Lag: atOnce}
	in := bidding.Input{Now: now, Currency: "EUR", Policy: guard.Default(), Worth: map[string]bidding.Worth{}, Seed: 4}
	in.Policy.Risk.Doubt = 0 // has tests of its own
	for _, s := range sims {
		c := platform.Entity{Ref: platform.Ref{Type: platform.Campaign, ID: s.id}, Name: "Campaign " + s.id, Status: platform.Enabled,
			Budget: platform.Ref{Type: platform.Budget, ID: "b" + s.id}, Channel: "search", Fields: map[platform.Field]money.Micros{}}
		if s.target > 0 {
			c.Fields[platform.TargetROAS] = eur(s.target)
		}
		a.Entities = append(a.Entities, c, platform.Entity{Ref: c.Budget, Name: "Budget " + s.id, Status: platform.Enabled,
			Fields: map[platform.Field]money.Micros{platform.DailyBudget: eur(s.budget * scale)}})
		p := bidding.Series{Entity: c.Ref}
		for k := range 90 {
			spend := s.budget * s.use * s.step(k-90) * math.Exp(0.25*rng.NormFloat64()-0.03)
			if old, next := s.step(k-90), s.step(k-89); old != next {
				in.Changes = append(in.Changes, bidding.PastChange{Key: bidding.Key{Platform: platform.Google, AdAccount: "1", Ref: c.Budget}, Field: platform.DailyBudget,
					At: now.AddDate(0, 0, k-89), Date: today.AddDays(k - 89), Ours: true, Old: eur(s.budget * scale * old), New: eur(s.budget * scale * next)})
			}
			n := math.Max(0, math.Round(s.value(spend)/basket+math.Sqrt(s.value(spend)/basket)*rng.NormFloat64()))
			if k == 89 && s.perDay >= 1 { // else a silent newest day would hold everything back
				n = max(n, 1)
			}
			p.Days = append(p.Days, response.Day{Date: today.AddDays(k - 90), Spend: spend * scale, Value: n * basket * scale, Conversions: n})
			p.Clicks += int64(spend)
		}
		a.Performance = append(a.Performance, p)
		in.Worth[bidding.CampaignKey(platform.Google, s.id)] = bidding.Worth{Margin: s.k, LTVMultiple: 1, Lambda: 1, IncrementalShare: 1}
	}
	in.Accounts = []bidding.Account{a}
	return in
}

func plan(t testing.TB, in bidding.Input) bidding.Output {
	t.Helper()
	out, err := bidding.Plan(in)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := json.Marshal(out); err != nil {
		t.Fatalf("the plan cannot be written down: %v", err)
	}
	return out
}

func draftOf(out bidding.Output, id string) *bidding.Draft {
	for i := range out.Drafts {
		if out.Drafts[i].Entity.ID == id {
			return &out.Drafts[i]
		}
	}
	return nil
}

func unitOf(t testing.TB, out bidding.Output, id string) bidding.UnitReport {
	t.Helper()
	for _, u := range out.Units {
		if u.ID == id {
			return u
		}
	}
	t.Fatalf("no unit %s", id)
	return bidding.UnitReport{}
}

// strong earns 1.7 with its next euro, weak 0.6 .
func twoCampaigns() bidding.Input {
	return input(1, 1,
		sim{id: "strong", budget: 100, use: 1, ref: 100, perDay: 12, eps: 0.6, k: 0.4},
		sim{id: "weak", budget: 100, use: 1, ref: 100, perDay: 4, eps: 0.6, k: 0.4})
}

func TestMoneyGoesWhereItEarnsMore(t *testing.T) {
	t.Parallel()
	out := plan(t, twoCampaigns())
	strong, weak := draftOf(out, "bstrong"), draftOf(out, "bweak")
	if strong == nil || weak == nil {
		t.Fatalf("drafts %v, blocked %v", out.Drafts, out.Blocked)
	}
	if strong.Proposed != eur(115) || weak.Proposed != eur(85) {
		t.Errorf("strong goes to %v and weak to %v, want a step of 15 %% each way", strong.Proposed, weak.Proposed)
	}
	if out.Allocation.After > out.Allocation.Before {
		t.Errorf("without a cap the budgets grew from %v to %v", out.Allocation.Before, out.Allocation.After)
	}
	if e := strong.Expected; e.GainPerDay < 5 || e.GainPerDay > 14 || e.GainLow >= e.GainHigh || e.Low >= e.ProfitPerDay || e.High <= e.ProfitPerDay || e.Level != 0.8 {
		t.Errorf("strong expects %+v; the truth is a gain of about %.1f", e, 0.4*720*(hill(1.15, 0.6)-1)-15)
	}
	if s := strings.Join(strong.Reasons, " "); !strings.Contains(s, "The next EUR spent here earns 1.") || !strings.Contains(s, "of 28 days") {
		t.Errorf("reasons: %s", s)
	}
	if len(strong.Guardrails) != 1 || strong.Guardrails[0].Setting != "step.default" {
		t.Errorf("the step's clamp is not named: %v", strong.Guardrails)
	}
	if u := unitOf(t, out, "bstrong"); u.LimitedBy != "budget" || math.Abs(u.NextEuro-1.73) > 0.35 || u.BreakEven != 2.5 {
		t.Errorf("strong is limited by %q, next euro %.2f, break-even %.2f", u.LimitedBy, u.NextEuro, u.BreakEven)
	}
	if strong.Evidence.K != 0.4 || strong.Evidence.WindowStart != today-56 || strong.Evidence.Spend < 2000 {
		t.Errorf("evidence %+v", strong.Evidence)
	}
}

// What is said of a campaign holds for its ad sets, which have budgets of their own.
func TestAProtectedCampaignProtectsItsAdSets(t *testing.T) {
	t.Parallel()
	in := twoCampaigns()
	a := &in.Accounts[0]
	a.Entities = append(a.Entities, platform.Entity{Ref: platform.Ref{Type: platform.Campaign, ID: "above"}, Name: "Above", Status: platform.Enabled})
	for i, e := range a.Entities {
		if e.Name == "Campaign weak" {
			a.Entities[i].Parent = platform.Ref{Type: platform.Campaign, ID: "above"}
		}
	}
	if out := plan(t, in); draftOf(out, "bweak") == nil {
		t.Fatalf("nothing of weak: %+v", out.Drafts)
	}
	for _, name := range []string{"above", "Above"} {
		in.Policy.Protected = []string{name}
		if out := plan(t, in); draftOf(out, "bweak") != nil || len(out.Blocked) != 1 || out.Blocked[0].ID != "bweak" || out.Blocked[0].Verdicts[0].Name != "protected" {
			t.Errorf("%s protected: drafts %+v, blocked %+v", name, out.Drafts, out.Blocked)
		}
	}
}

func TestCapLetsBudgetsGrow(t *testing.T) {
	t.Parallel()
	in := twoCampaigns()
	in.Policy.TotalDailyCap = 207
	in.Policy.Protected = []string{"Campaign weak"}
	out := plan(t, in)
	if d := draftOf(out, "bstrong"); d == nil || d.Proposed != eur(107) {
		t.Errorf("strong: %+v, want 107, what the cap leaves", d)
	}
	if len(out.Blocked) != 1 || out.Blocked[0].ID != "bweak" || out.Blocked[0].Verdicts[0].Name != "protected" {
		t.Errorf("blocked %+v, want weak's cut", out.Blocked)
	}
	in.Policy.TotalDailyCap = 1000
	if d := draftOf(plan(t, in), "bstrong"); d == nil || d.Proposed != eur(115) {
		t.Errorf("strong: %+v, want the full step", d)
	}
	in.Policy.TotalDailyCap = 100
	for _, d := range plan(t, in).Drafts {
		if d.Proposed > d.Seen {
			t.Errorf("%s grows although the budgets are above the cap", d.Name)
		}
	}
}

func TestWhatMayNotBeChangedIsNot(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		edit func(*bidding.Input)
		by   string
	}{
		"kill switch": {func(in *bidding.Input) { in.KillSwitch = "test" }, "kill_switch"},
		"cool-down": {func(in *bidding.Input) {
			in.Changes = []bidding.PastChange{{Key: bidding.Key{Platform: platform.Google, AdAccount: "1", Ref: platform.Ref{Type: platform.Budget, ID: "bstrong"}},
				Field: platform.DailyBudget, At: now.AddDate(0, 0, -3), Date: today - 3, Ours: true, Old: eur(99), New: eur(100)}}
		}, "cool_down"},
		"rejected": {func(in *bidding.Input) {
			in.Refused = map[bidding.Key][]guard.Refusal{{Platform: platform.Google, AdAccount: "1", Ref: platform.Ref{Type: platform.Budget, ID: "bstrong"}}: {{Field: platform.DailyBudget, Up: true, On: today - 6}}}
		}, "rejected"},
		"target changed lately": {func(in *bidding.Input) {
			in.Changes = []bidding.PastChange{{Key: bidding.Key{Platform: platform.Google, AdAccount: "1", Ref: platform.Ref{Type: platform.Campaign, ID: "strong"}},
				Field: platform.TargetROAS, At: now.AddDate(0, 0, -3), Date: today - 3, Ours: true}}
		}, "cool_down"},
		"somebody else": {func(in *bidding.Input) {
			in.Changes = []bidding.PastChange{{Key: bidding.Key{Platform: platform.Google, AdAccount: "1", Ref: platform.Ref{Type: platform.Campaign, ID: "strong"}},
				At: now.Add(-time.Hour), Date: today - 1, Actor: "eve@example.com"}}
		}, "changed_by_others"},
		"learning":  {func(in *bidding.Input) { in.Accounts[0].Entities[0].Learning = "LEARNING_NEW" }, "learning"},
		"stale":     {func(in *bidding.Input) { in.Accounts[0].LastData = today - 5 }, "freshness"},
		"time zone": {func(in *bidding.Input) { in.Accounts[0].ExpectedTimeZone = "Asia/Tokyo" }, "time_zone"},
		"outage": {func(in *bidding.Input) {
			for i := range in.Accounts[0].Performance {
				d := &in.Accounts[0].Performance[i].Days[88]
				d.Value, d.Conversions = 0, 0
			}
		}, "tracking_outage"},
		"a day of silence, too short to be called an outage": {func(in *bidding.Input) {
			d := &in.Accounts[0].Performance[0].Days[89]
			d.Value, d.Conversions = 0, 0
		}, "tracking_outage"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := twoCampaigns()
			c.edit(&in)
			out := plan(t, in)
			if d := draftOf(out, "bstrong"); d != nil {
				t.Fatalf("it is changed all the same: %+v", d)
			}
			for _, b := range out.Blocked {
				for _, v := range b.Verdicts {
					if b.ID == "bstrong" && v.Name == c.by && v.Answer == guard.Block {
						return
					}
				}
			}
			t.Errorf("blocked %+v, want bstrong by %s", out.Blocked, c.by)
		})
	}
}

func TestAnotherCurrencyIsLeftOut(t *testing.T) {
	t.Parallel()
	in := twoCampaigns()
	in.Accounts[0].Currency = "USD"
	out := plan(t, in)
	if len(out.Drafts) != 0 || !strings.Contains(out.Units[0].LimitedBy, "USD") || out.Allocation.Before != 0 {
		t.Errorf("drafts %v, limited by %q, before %v", out.Drafts, out.Units[0].LimitedBy, out.Allocation.Before)
	}
}

func TestTargetMovesWhereItHoldsSpendBack(t *testing.T) {
	t.Parallel()
	// At k 0.4, where a target of 6 has the elasticity 0.6, the next unit of money
	// earns 1 at a target of 5.
	at := func(target float64) bidding.Output {
		return plan(t, input(3, 1, sim{id: "a", budget: 200, use: 0.5, ref: 100, perDay: 100 * target / basket, eps: 0.6, k: 0.4, target: target},
			sim{id: "b", budget: 100, use: 1, ref: 100, perDay: 6.9, eps: 0.6, k: 0.4}))
	}
	high := draftOf(at(6), "a")
	if high == nil || high.Field != platform.TargetROAS || high.Proposed != eur(5.1) || high.Expected.GainPerDay <= 0 {
		t.Fatalf("a target of 6: %+v, want 5.1", high)
	}
	low := draftOf(at(2.6), "a")
	if low == nil || low.Proposed != eur(2.99) || low.Expected.GainPerDay <= 0 {
		t.Fatalf("a target of 2.6: %+v, want 2.99", low)
	}
	if u := unitOf(t, at(6), "ba"); u.LimitedBy != "target" || math.Abs(u.Target-5) > 0.5 || u.Current != 6 {
		t.Errorf("limited by %q, best target %.2f, current %.2f", u.LimitedBy, u.Target, u.Current)
	}
	// A target far below what is reached holds nothing back.
	out := plan(t, input(3, 1, sim{id: "a", budget: 200, use: 0.5, ref: 100, perDay: 10, eps: 0.6, k: 0.4, target: 2}))
	if u := unitOf(t, out, "ba"); u.LimitedBy != "demand" || len(out.Drafts) != 0 {
		t.Errorf("limited by %q, drafts %v", u.LimitedBy, out.Drafts)
	}
}

func TestSharedBudgetAndPortfolio(t *testing.T) {
	t.Parallel()
	in := input(5, 1, sim{id: "a", budget: 50, use: 1, ref: 50, perDay: 8, eps: 0.6, k: 0.4}, sim{id: "b", budget: 50, use: 1, ref: 50, perDay: 8, eps: 0.6, k: 0.4})
	in.Policy.TotalDailyCap = 1000
	a := &in.Accounts[0]
	shared := a.Entities[1]
	shared.Shared = true
	shared.Fields = map[platform.Field]money.Micros{platform.DailyBudget: eur(100)}
	a.Entities[2].Budget = shared.Ref
	a.Entities = []platform.Entity{a.Entities[0], shared, a.Entities[2]}
	out := plan(t, in)
	u := unitOf(t, out, "ba")
	if len(out.Units) != 1 || len(u.Campaigns) != 2 || math.Abs(u.Spend-100) > 10 || !(u.Utilisation > 0.9 && u.Utilisation < 1.1) {
		t.Fatalf("%d units, %d campaigns, spend %.1f, utilisation %.2f", len(out.Units), len(u.Campaigns), u.Spend, u.Utilisation)
	}
	if d := draftOf(out, "ba"); d == nil || d.Proposed != eur(115) || out.Allocation.Before != eur(100) {
		t.Errorf("the shared budget: %+v of %v", d, out.Allocation.Before)
	}

	in = input(5, 1, sim{id: "a", budget: 200, use: 0.5, ref: 100, perDay: 10, eps: 0.6, k: 0.4}, sim{id: "b", budget: 200, use: 0.4, ref: 80, perDay: 8, eps: 0.6, k: 0.4})
	a = &in.Accounts[0]
	strategy := platform.Entity{Ref: platform.Ref{Type: platform.Portfolio, ID: "p"}, Name: "Portfolio", Status: platform.Enabled,
		Fields: map[platform.Field]money.Micros{platform.TargetROAS: eur(6)}}
	a.Entities[0].Strategy, a.Entities[2].Strategy = strategy.Ref, strategy.Ref
	a.Entities = append(a.Entities, strategy)
	out = plan(t, in)
	if len(out.Drafts) != 1 || out.Drafts[0].Entity != strategy.Ref || out.Drafts[0].Proposed != eur(5.1) {
		t.Fatalf("drafts %+v, want one of the portfolio", out.Drafts)
	}
	one := plan(t, input(5, 1, sim{id: "a", budget: 200, use: 0.5, ref: 100, perDay: 10, eps: 0.6, k: 0.4, target: 6}))
	if all, a := out.Drafts[0].Expected.ProfitPerDay, one.Drafts[0].Expected.ProfitPerDay; all < 1.4*a {
		t.Errorf("the portfolio of two expects %.1f a day, one of them alone %.1f", all, a)
	}
}

func TestManualBids(t *testing.T) {
	t.Parallel()
	in := input(7, 1, sim{id: "a", budget: 200, use: 0.5, ref: 100, perDay: 12, eps: 0.6, k: 0.4})
	group := platform.Entity{Ref: platform.Ref{Type: platform.AdGroup, ID: "g"}, Name: "Group", Status: platform.Enabled,
		Parent: platform.Ref{Type: platform.Campaign, ID: "a"}, Fields: map[platform.Field]money.Micros{platform.CPCBid: eur(1.2)}}
	in.Accounts[0].Entities = append(in.Accounts[0].Entities, group)
	out := plan(t, in)
	d := draftOf(out, "g")
	if d == nil || d.Field != platform.CPCBid || d.Proposed != eur(1.38) || d.Expected.GainPerDay <= 0 {
		t.Errorf("bid: %+v, want 1.38", d)
	}
	group.ID = "h"
	in.Accounts[0].Entities = append(in.Accounts[0].Entities, group)
	if out = plan(t, in); len(out.Drafts) != 0 || !strings.Contains(out.Units[0].LimitedBy, "several") {
		t.Errorf("two bids under one budget: %v, limited by %q", out.Drafts, out.Units[0].LimitedBy)
	}
}

func TestYenAndDinar(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		currency string
		scale    float64
		unit     money.Micros
	}{{"JPY", 163, money.One}, {"KWD", 0.35, 5000}} {
		in := input(1, c.scale,
			sim{id: "strong", budget: 100, use: 1, ref: 100, perDay: 12, eps: 0.6, k: 0.4},
			sim{id: "weak", budget: 100, use: 1, ref: 100, perDay: 4, eps: 0.6, k: 0.4})
		in.Currency, in.Accounts[0].Currency, in.Accounts[0].BudgetUnit = c.currency, c.currency, c.unit
		out := plan(t, in)
		eurOut := plan(t, twoCampaigns())
		d := draftOf(out, "bstrong")
		if d == nil || d.Proposed%c.unit != 0 || d.Proposed > d.Seen+d.Seen*15/100 || d.Proposed < d.Seen+d.Seen*14/100 || d.Currency != c.currency {
			t.Errorf("%s: %+v", c.currency, d)
			continue
		}
		near(t, c.currency+" gain", d.Expected.GainPerDay/c.scale, draftOf(eurOut, "bstrong").Expected.GainPerDay, 0.5)
		near(t, c.currency+" shadow price", out.Allocation.ShadowPrice, eurOut.Allocation.ShadowPrice, 0.01)
	}
}

func TestStoredCurvesGiveTheSamePlan(t *testing.T) {
	t.Parallel()
	in := twoCampaigns()
	fit := bidding.FitCurves(in)
	body, err := json.Marshal(fit)
	if err != nil {
		t.Fatal(err)
	}
	var back response.Result
	if err := json.Unmarshal(body, &back); err != nil {
		t.Fatal(err)
	}
	direct := plan(t, in)
	in.Curves = &back
	if again := plan(t, in); !reflect.DeepEqual(direct, again) {
		t.Error("the plan from stored curves differs")
	}
	u := unitOf(t, direct, "bstrong")
	d := draftOf(direct, "bstrong")
	if e := bidding.Expect(u, d.Field, d.Proposed); e != d.Expected {
		t.Errorf("Expect gives %+v, the plan %+v", e, d.Expected)
	}
	if e := bidding.Expect(u, d.Field, d.Seen); e.GainPerDay != 0 {
		t.Errorf("leaving it as it is gains %v", e.GainPerDay)
	}
	r := bidding.RollbackDraft(*d, "x", "because", nil)
	if r.Seen != d.Proposed || r.Proposed != d.Seen || r.Expected.GainPerDay != -d.Expected.GainPerDay || r.Expected.GainLow > r.Expected.GainHigh {
		t.Errorf("rollback %+v", r)
	}
}

// The 80 % interval of the profit holds what the spend of the 14 days after can be
// expected to bring about 80 % of the time, and that of the gain the true gain. Several
// shops, for the campaigns of one share the errors of their pool.
func TestIntervalsCover(t *testing.T) {
	t.Parallel()
	var n, profit, gain float64
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(seed, 8))
		var sims []sim
		for i := range 40 {
			sims = append(sims, sim{id: fmt.Sprint(i), budget: 100, use: 1, ref: 100, perDay: 5 + 10*rng.Float64(), eps: 0.45 + 0.3*rng.Float64(), k: 0.3 + 0.2*rng.Float64(),
				steps: []float64{1, 1.3, 0.8, 1.2, 0.7}})
		}
		in := input(seed, 1, sims...)
		in.Policy.TotalDailyCap, in.Policy.BreakEven = 1e6, 0
		out := plan(t, in)
		for _, s := range sims {
			d := draftOf(out, "b"+s.id)
			if d == nil {
				continue
			}
			n++
			var happened float64
			spend := d.Proposed.Float()
			for range 14 {
				day := spend * math.Exp(0.25*rng.NormFloat64()-0.03)
				happened += (s.k*s.value(day) - day) / 14
			}
			if happened >= d.Expected.Low && happened <= d.Expected.High {
				profit++
			}
			if g := s.k*(s.value(spend)-s.value(100)) - (spend - 100); g >= d.Expected.GainLow && g <= d.Expected.GainHigh {
				gain++
			}
		}
	}
	if n < 100 {
		t.Fatalf("only %v drafts", n)
	}
	if profit/n < 0.7 || profit/n > 0.92 {
		t.Errorf("80 %% intervals of the profit held %.0f %% of %v", 100*profit/n, n)
	}
	if gain/n < 0.65 || gain/n > 0.95 {
		t.Errorf("80 %% intervals of the gain held %.0f %% of %v", 100*gain/n, n)
	}
}

// Whatever the campaigns look like, the plan keeps to the policy.
func TestPlanKeepsThePolicy(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		var sims []sim
		for i := range rapid.IntRange(1, 6).Draw(rt, "n") {
			f := func(name string, lo, hi float64) float64 { return rapid.Float64Range(lo, hi).Draw(rt, name) }
			sims = append(sims, sim{id: fmt.Sprint(i), budget: math.Round(f("budget", 2, 500)), use: f("use", 0.2, 1.1), ref: 100, perDay: f("per day", 0, 30),
				eps: f("elasticity", 0.1, 0.95), k: f("k", 0, 1.5), target: rapid.SampledFrom([]float64{0, 2, 5}).Draw(rt, "target")})
		}
		in := input(rapid.Uint64().Draw(rt, "seed"), 1, sims...)
		in.Policy.TotalDailyCap = rapid.SampledFrom([]float64{0, 100, 700, 1e6}).Draw(rt, "cap")
		in.Policy.MaxMovement = rapid.SampledFrom([]float64{0.02, 0.2}).Draw(rt, "movement")
		in.Policy.Risk.Objective = rapid.SampledFrom([]string{"mean", "mean", "cvar", "quantile"}).Draw(rt, "risk")
		if in.Policy.Risk.Objective == "mean" {
			in.Policy.Explore.BudgetPerDay = rapid.SampledFrom([]float64{0, 5, 500}).Draw(rt, "explore")
		}
		out, err := bidding.Plan(in)
		if err != nil {
			rt.Fatal(err)
		}
		if _, err := json.Marshal(out); err != nil {
			rt.Fatal(err)
		}
		raised := false
		for _, d := range out.Drafts {
			if moved := math.Abs(float64(d.Proposed - d.Seen)); moved > 0.15*float64(d.Seen)+1 || moved == 0 {
				rt.Fatalf("%s goes from %v to %v", d.Name, d.Seen, d.Proposed)
			}
			raised = raised || d.Field == platform.DailyBudget && d.Proposed > d.Seen
		}
		limit := out.Allocation.Total
		if raised && out.Allocation.After > limit {
			rt.Fatalf("budgets grow to %v in all, above %v", out.Allocation.After, limit)
		}
		if out.Allocation.Movement.Float() > in.Policy.MaxMovement*out.Allocation.Before.Float()+1e-6 {
			rt.Fatalf("moves %v of %v", out.Allocation.Movement, out.Allocation.Before)
		}
	})
}

func TestAnInvalidPolicyIsRefused(t *testing.T) {
	t.Parallel()
	in := twoCampaigns()
	in.Policy.Step.Default = math.NaN()
	if _, err := bidding.Plan(in); err == nil || !strings.Contains(err.Error(), "step.default") {
		t.Errorf("got %v, want an error that names step.default", err)
	}
}

func TestEmptyInput(t *testing.T) {
	t.Parallel()
	out := plan(t, bidding.Input{Policy: guard.Default(), Currency: "EUR"})
	if len(out.Drafts)+len(out.Units)+len(out.Blocked) != 0 || out.Allocation.ShadowPrice != 1 {
		t.Errorf("got %+v", out)
	}
}

func BenchmarkPlan(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var sims []sim
			for i := range n {
				sims = append(sims, sim{id: fmt.Sprint(i), budget: 100, use: 1, ref: 100, perDay: 5 + float64(i%10), eps: 0.6, k: 0.4})
			}
			in := input(1, 1, sims...)
			for b.Loop() {
				if _, err := bidding.Plan(in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A day without a conversion says nothing where hardly any was due, unless the whole
// platform is silent.
func TestSilence(t *testing.T) {
	t.Parallel()
	silence := func(in *bidding.Input, days int, campaigns ...int) {
		for _, i := range campaigns {
			for k := range days {
				d := &in.Accounts[0].Performance[i].Days[89-k]
				d.Value, d.Conversions = 0, 0
			}
			d := &in.Accounts[0].Performance[i].Days[89-days] // chance may have made that one silent too
			d.Value, d.Conversions = max(d.Value, 70), max(d.Conversions, 1)
		}
	}
	held := func(in bidding.Input) (out []string) {
		for _, b := range plan(t, in).Blocked {
			for _, v := range b.Verdicts {
				if v.Name == "tracking_outage" {
					out = append(out, b.Key.ID)
				}
			}
		}
		return out
	}
	campaigns := func(perDay float64) bidding.Input {
		return input(1, 1, sim{id: "a", budget: 100, use: 1, ref: 100, perDay: 12, eps: 0.6, k: 0.4},
			sim{id: "b", budget: 100, use: 1, ref: 100, perDay: perDay, eps: 0.6, k: 0.15})
	}
	for name, c := range map[string]struct {
		perDay float64
		days   int
		silent []int
		want   int
	}{
		"conversions were due":  {4, 1, []int{1}, 1},
		"hardly any was due":    {0.2, 1, []int{1}, 0},
		"some of one was due":   {0.6, 1, []int{1}, 1},
		"and also in some days": {0.2, 4, []int{1}, 1},
		"nobody is heard":       {0.2, 1, []int{0, 1}, 2},
	} {
		in := campaigns(c.perDay)
		silence(&in, c.days, c.silent...)
		if got := held(in); len(got) != c.want {
			t.Errorf("%s: %v are held", name, got)
		}
	}
}
