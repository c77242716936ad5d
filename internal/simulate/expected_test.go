package simulate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"adsteward/internal/sandbox/market"
)

// parsed reads a scenario from its JSON.
func parsed(t *testing.T, format string, args ...any) *market.Scenario {
	t.Helper()
	sc, err := market.ReadScenario(strings.NewReader(fmt.Sprintf(format, args...)))
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

func oracleOf(t *testing.T, sc *market.Scenario) *oracle {
	t.Helper()
	m, err := market.New(sc)
	if err != nil {
		t.Fatal(err)
	}
	o, err := newOracle(m)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// Without chance what to expect is the market's own response, cut where the target
// holds spend back.
func TestExpectationWithoutChance(t *testing.T) {
	t.Parallel()
	for _, target := range []float64{0, 4} {
		o := oracleOf(t, parsed(t, `{"start": "2026-01-01", "campaigns": [{"id": "a", "platform": "meta", "noise": 0, "iota": 0.8, "target_roas": %v}]}`, target))
		c, day := &o.m.Scenario().Campaigns[0], o.m.Today()
		all := c.N * c.P
		for _, budget := range []float64{1, 50, 100, 200, 400, 479, 481, 1000} {
			spend, value := o.campaigns[0].at(budget / all)
			spend, value = spend*all, value*c.N*c.V
			if want := o.m.ExpectedValue(0, day, spend); math.Abs(value-want) > 1e-9*want {
				t.Errorf("a spend of %v brings %v, in the market %v", spend, value, want)
			}
			roas := value / spend / c.Iota
			if held := spend < min(budget, all)*(1-1e-9); roas < target*(1-1e-9) || held && roas > target*(1+1e-9) {
				t.Errorf("of a budget of %v %v is spent, at a ROAS of %v with a target of %v", budget, spend, roas, target)
			}
		}
	}
}

// With chance it is the mean of the market's days, the limits of weeks and months in
// it to about a hundredth.
func TestExpectationIsTheMeanOfDays(t *testing.T) {
	t.Parallel()
	for _, platform := range []string{"google", "meta"} {
		for _, budget := range []float64{100, 300, 480, 700} {
			var campaigns []string
			for i := range 4 {
				campaigns = append(campaigns, fmt.Sprintf(`{"id": "c%d", "platform": %q, "budget": %v, "noise": 0.2, "v": 6, "basket": 300}`, i, platform, budget))
			}
			o := oracleOf(t, parsed(t, `{"start": "2026-01-01", "history_days": 2000, "campaigns": [%s]}`, strings.Join(campaigns, ",")))
			var spend, value float64
			sc := o.m.Scenario()
			for day := sc.Start.AddDays(-sc.History); day < sc.Start; day++ {
				for i := range sc.Campaigns {
					x := o.m.Outcome(i, day)
					spend += x.Spend / float64(sc.History*len(sc.Campaigns))
					value += x.Value / float64(sc.History*len(sc.Campaigns))
				}
			}
			c := sc.Campaigns[0]
			s, v := o.campaigns[0].at(budget / c.N / c.P)
			s, v = s*c.N*c.P, v*c.N*c.V
			if math.Abs(s/spend-1) > 0.015 || math.Abs(v/value-1) > 0.015 {
				t.Errorf("%s: a budget of %v spends %.1f and brings %.1f on average, %.1f and %.1f were expected", platform, budget, spend, value, s, v)
			}
		}
	}
}

// Where there is no luck, the market does what the plan says: with shared budgets,
// targets, learning, stock-outs, sales and edits by people, on the first day too.
func TestPlanComesTrue(t *testing.T) {
	t.Parallel()
	sc := parsed(t, `{"start": "2026-01-01", "nights": 40, "total_daily_budget": 1200, "campaigns": [
		{"id": "a", "platform": "google", "noise": 0, "budget_group": "g", "budget": 250, "v": 3, "learning_loss": 0.3, "season_amplitude": 0.3},
		{"id": "b", "platform": "google", "noise": 0, "budget_group": "g", "budget": 250, "v": 5, "iota": 0.7, "target_roas": 17, "learning_loss": 0.3},
		{"id": "c", "platform": "meta", "noise": 0, "budget": 300, "v": 2.5, "learning_loss": 0.1, "new_share": 0.6, "ltv_multiple": 1.8, "dow": [1, 1, 0, 1.6, 1, 0.7, 1]}],
		"events": [{"date": "2026-01-01", "kind": "human_edit", "campaign": "c", "value": 120}, {"date": "2026-01-09", "kind": "stock_out", "campaign": "b", "days": 4},
			{"date": "2026-01-12", "kind": "human_edit", "campaign": "b", "value": 700}, {"date": "2026-01-20", "kind": "sale", "value": 1.7, "days": 3}]}`)
	for _, p := range []Policy{Oracle, OracleFree} {
		plan, err := oracleOf(t, sc).plan(p == OracleFree)
		if err != nil {
			t.Fatal(err)
		}
		g, err := play(t.Context(), sc, p, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := profitOf(daysOf(g.market)); math.Abs(got-plan.profit) > 3 { // coins
			t.Errorf("%s earns %.2f and planned %.2f", p, got, plan.profit)
		}
		if changes, _ := judge(g.market); changes < 5 {
			t.Errorf("%s changed only %d budgets", p, changes)
		}
	}
	hold, err := oracleOf(t, sc).follow(func(*stage) ([]float64, error) { return nil, nil })
	if err != nil {
		t.Fatal(err)
	}
	if got := run(t, sc, Hold)[Hold].Profit; math.Abs(got-hold.profit) > 3 {
		t.Errorf("hold earns %.2f and should by the plan earn %.2f", got, hold.profit)
	}
}

// Without noise and learning the free oracle earns what no budgets, to the unit,
// earn more than, though the total forces every increase to be paid by a large cut.
func TestFreeOracleIsTheLimit(t *testing.T) {
	t.Parallel()
	sc := parsed(t, `{"start": "2026-01-01", "nights": 28, "campaigns": [
		{"id": "a", "platform": "google", "budget": 480, "noise": 0, "margin": 0.5, "v": 6, "sigma": 0.4, "dow": [1.5, 0.5, 1.5, 0.5, 1.5, 0.5, 1.5]},
		{"id": "b", "platform": "meta", "budget": 360, "noise": 0, "margin": 0.5, "v": 5, "sigma": 0.8, "dow": [0.5, 1.5, 0.5, 1.5, 0.5, 1.5, 0.5]}]}`)
	o := oracleOf(t, sc)
	var limit float64
	for day := sc.Start; day < end(sc); day++ {
		// What each earns, by budgets in whole units up to the total.
		var earned [2][]float64
		for i := range earned {
			for b := range int(sc.TotalDailyBudget) + 1 {
				spend := min(float64(b), o.m.ExpectedDemand(i, day)*sc.Campaigns[i].P)
				earned[i] = append(earned[i], o.m.Worth(i, day)*o.m.ExpectedValue(i, day, spend)-spend)
			}
		}
		best := math.Inf(-1)
		for b, x := range earned[0] {
			for _, y := range earned[1][:len(earned[1])-b] {
				best = max(best, x+y)
			}
		}
		limit += best
	}
	if got := run(t, sc, OracleFree)[OracleFree].Profit; got < 0.998*limit || got > 1.001*limit {
		t.Errorf("the free oracle earns %.0f; the limit is %.0f", got, limit)
	}
}

// A campaign whose demand alternates, where large steps cost: chasing it by 20 % a
// day earns less than rules does. And drawn markets of other swings and losses.
func TestFreeOracleEarnsMost(t *testing.T) {
	t.Parallel()
	scenarios := []*market.Scenario{parsed(t, `{"start": "2026-01-01", "nights": 28, "total_daily_budget": 5000, "campaigns": [
		{"id": "a", "platform": "google", "budget": 400, "noise": 0, "learning_loss": 0.15, "margin": 0.5, "v": 8, "dow": [1.5, 0.5, 1.5, 0.5, 1.5, 0.5, 1.5]}]}`)}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		var campaigns []string
		for i := range 1 + rng.IntN(3) {
			campaigns = append(campaigns, fmt.Sprintf(`{"id": "c%d", "platform": "meta", "budget": %.2f, "noise": 0, "learning_loss": %.2f, "margin": 0.5, "v": %.2f, "sigma": %.2f,
				"dow": [1, %.2f, 1, %.2f, 1, 1, %.2f]}`, i, 50+400*rng.Float64(), 0.5*rng.Float64(), 1+5*rng.Float64(), 0.4+rng.Float64(), 0.5+rng.Float64(), 0.5+rng.Float64(), 0.5+rng.Float64()))
		}
		scenarios = append(scenarios, parsed(t, `{"start": "2026-01-01", "nights": %d, "campaigns": [%s], "events": [{"date": "2026-01-05", "kind": "stock_out", "campaign": "c0", "days": 3}]}`,
			10+rng.IntN(30), strings.Join(campaigns, ",")))
	}
	for k, sc := range scenarios {
		got := run(t, sc, direct...)
		for _, p := range []Policy{Hold, Rules, Oracle} {
			if got[p].Profit > got[OracleFree].Profit+0.5 {
				t.Errorf("scenario %d: %s earns %.2f, the free oracle %.2f", k, p, got[p].Profit, got[OracleFree].Profit)
			}
		}
		if got[Hold].Profit > got[Oracle].Profit+0.5 {
			t.Errorf("scenario %d: the oracle earns %.2f, hold %.2f", k, got[Oracle].Profit, got[Hold].Profit)
		}
	}
}

// Bounds and a total far beyond all that can be spent are as good as none: they do not
// coarsen what the free oracle knows of the budgets that matter.
func TestFreeOracleWithoutBounds(t *testing.T) {
	t.Parallel()
	for _, total := range []float64{1500, 1e9} {
		earns := func(lo, hi float64) float64 {
			return run(t, parsed(t, `{"start": "2026-01-01", "nights": 20, "total_daily_budget": %v, "campaigns": [
				{"id": "a", "platform": "google", "noise": 0, "n": 8000, "v": 1.2, "min_budget": %v, "max_budget": %v},
				{"id": "b", "platform": "meta", "noise": 0, "n": 200, "v": 3, "min_budget": %[2]v, "max_budget": %[3]v},
				{"id": "c", "platform": "google", "noise": 0, "n": 8000, "sigma": 0.5, "min_budget": %[2]v, "max_budget": %[3]v}]}`, total, lo, hi), OracleFree)[OracleFree].Profit
		}
		if wide, narrow := earns(0.01, 1e9), earns(1, 4800); wide < 0.9999*narrow {
			t.Errorf("with a total of %v the free oracle earns %.0f, and %.0f within bounds", total, wide, narrow)
		}
	}
}

// Learning that costs less leaves no less to the free oracle: where demand swings by
// weekday, and where most of the money has far to go.
func TestFreeOracleLosesNoMoreByLearningLess(t *testing.T) {
	t.Parallel()
	for _, campaigns := range []string{
		`{"id": "a", "platform": "google", "noise": 0, "n": 300, "dow": [0.3, 1, 1, 1, 1, 1.6, 1.6], "learning_loss": %[1]v}`,
		`{"id": "a", "platform": "google", "noise": 0, "n": 8000, "v": 1.2, "max_budget": 1500, "learning_loss": %[1]v},
			{"id": "b", "platform": "meta", "noise": 0, "n": 200, "v": 3, "max_budget": 1500, "learning_loss": %[1]v},
			{"id": "c", "platform": "google", "noise": 0, "n": 8000, "sigma": 0.5, "max_budget": 1500, "learning_loss": %[1]v}`,
	} {
		before := math.Inf(1)
		for _, loss := range []float64{0, 0.1, 0.3, 0.5, 0.7} {
			got := run(t, parsed(t, `{"start": "2026-01-01", "nights": 40, "total_daily_budget": 1500, "campaigns": [`+campaigns+`]}`, loss), OracleFree)[OracleFree].Profit
			if got > before+0.5 {
				t.Errorf("with a loss of %v the free oracle earns %.1f, and with less %.1f", loss, got, before)
			}
			before = got
		}
	}
}

// The oracle comes down to the total as fast as step and cool-down let it, those
// budgets included that had better grow, where people raise one above it.
func TestOracleComesDownToTheTotal(t *testing.T) {
	t.Parallel()
	sc := parsed(t, `{"start": "2026-01-01", "nights": 25, "campaigns": [
		{"id": "a", "platform": "google", "noise": 0, "v": 1.6}, {"id": "b", "platform": "meta", "noise": 0, "v": 3}],
		"events": [{"date": "2026-01-04", "kind": "human_edit", "campaign": "a", "value": 160}]}`)
	decide := oracles(false)
	_, err := playDirect(t.Context(), sc, func(m *market.Market) error {
		err := decide(m)
		// From the third of the steps that the edited budget may take.
		if sum := sumOf(levers(m)); m.Today() >= sc.Start.AddDays(17) && sum > amount(200) {
			t.Errorf("on %s the budgets add up to %s", m.Today(), sum.Decimal())
		}
		return err
	}, func() {})
	if err != nil {
		t.Fatal(err)
	}
}

// Where demand and delivery vary, more budget than the mean day takes is worth its
// while. A plan for the mean day alone would earn less than rules, and less than hold
// from a generous budget.
func TestOraclesReckonWithChance(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: long under the race detector, and others race what it runs; make test runs it without")
	}
	const seeds = 6
	for _, budget := range []float64{480, 640} {
		mean := map[Policy]float64{}
		for seed := range seeds {
			for p, r := range run(t, parsed(t, `{"seed": %d, "start": "2026-01-01", "nights": 60, "total_daily_budget": 5000, "campaigns": [
				{"id": "a", "platform": "google", "budget": %v, "margin": 0.6, "v": 6, "sigma": 0.5, "iota": 0.8},
				{"id": "b", "platform": "meta", "budget": %[2]v, "margin": 0.6, "v": 6, "sigma": 0.5, "iota": 0.8}]}`, seed, budget), direct...) {
				mean[p] += r.Profit / seeds
			}
		}
		if mean[OracleFree] < max(mean[Oracle], mean[Rules]) || mean[Oracle] < 1.01*mean[Hold] {
			t.Errorf("from %v on average: %v", budget, mean)
		}
	}
}

// The free oracle is within the total on every night: where the first budgets are far
// above it and steps are dear, and where people raise a budget.
func TestFreeOracleKeepsTheTotal(t *testing.T) {
	t.Parallel()
	sc := parsed(t, `{"start": "2026-01-01", "nights": 12, "total_daily_budget": 250, "campaigns": [
		{"id": "a", "platform": "google", "budget": 300, "noise": 0, "learning_loss": 0.9, "v": 4}, {"id": "b", "platform": "meta", "budget": 200, "noise": 0, "learning_loss": 0.9, "v": 4}],
		"events": [{"date": "2026-01-06", "kind": "human_edit", "campaign": "a", "value": 400}]}`)
	decide := oracles(true)
	_, err := playDirect(t.Context(), sc, func(m *market.Market) error {
		err := decide(m)
		if sum := sumOf(levers(m)); sum > amount(250) {
			t.Errorf("on %s the budgets add up to %s", m.Today(), sum.Decimal())
		}
		return err
	}, func() {})
	if err != nil {
		t.Fatal(err)
	}
}
