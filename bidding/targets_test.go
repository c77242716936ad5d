package bidding_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"adsteward/bidding"
	"adsteward/bidding/response"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// curved plans campaigns whose curves are given instead of fitted.
func curved(t testing.TB, in bidding.Input, curves ...response.Curve) bidding.Output {
	t.Helper()
	in.Curves = &response.Result{Curves: curves}
	return plan(t, in)
}

// curveOf is the curve of the budget of a campaign of input.
func curveOf(id string, spend, level, eps float64) response.Curve {
	return response.Curve{Unit: "google/1/budget/b" + id, Spend: spend, Level: level, LevelSD: 0.05, Elasticity: eps, ElasticityMean: eps, ElasticitySD: 0.04,
		ElasticityLow: eps - 0.05, ElasticityHigh: eps + 0.05, Seed: 7}
}

// bestROAS is mu/(elasticity k), the elasticity being that where the next unit of
// money earns mu.
func bestROAS(c response.Curve, k, mu float64) float64 {
	e, _, _ := c.ElasticityAt(c.Mode().InverseSlope(mu / k))
	return mu / (e * k)
}

func targetOf(t testing.TB, out bidding.Output, level bidding.Level, id string) bidding.Target {
	t.Helper()
	for _, r := range out.Targets {
		if r.Level == level && r.ID == id {
			return r
		}
	}
	t.Fatalf("there is no row of %s %s in %+v", level, id, out.Targets)
	return bidding.Target{}
}

// Break-even is at 1/k, and most is earned at 1/(elasticity k) with the elasticity
// there: where a search over spends finds the most profit. Margin 0.4 and elasticity
// 0.7 make 2.5 and 3.57.
func TestTargetsAreTheOptimum(t *testing.T) {
	t.Parallel()
	for _, x := range []struct{ k, eps float64 }{{0.4, 0.7}, {0.15, 0.3}, {1.2, 0.8}, {0.5, 0.5}} {
		in := input(1, 1, sim{id: "a", budget: 100, use: 1, ref: 100, perDay: 10, eps: x.eps, k: x.k})
		in.Policy.TotalDailyCap = 1e6 // money is not scarce: mu is 1
		c := curveOf("a", 100, 600, x.eps)
		r := targetOf(t, curved(t, in, c), "budget", "ba")
		if r.BreakEven == nil || r.Target == nil {
			t.Fatalf("k %v: %+v", x.k, r)
		}
		near(t, "k", r.K.Value, x.k, 1e-12)
		near(t, "break-even", r.BreakEven.Value, 1/x.k, 1e-12)
		near(t, "target", r.Target.Value, bestROAS(c, x.k, 1), 1e-12)
		best, most := 0., math.Inf(-1)
		for s := 0.01; s < 1e7; s *= 1.0005 {
			if profit := x.k*c.Value(s) - s; profit > most {
				best, most = s, profit
			}
		}
		near(t, "ROAS at the spend that earns most", c.Value(best)/best/r.Target.Value, 1, 1e-3)
		// Where the last euro of profit goes, ROAS is at break-even.
		if s := best * 0.999; x.k*c.Value(s)/s < 1 {
			t.Errorf("the optimum lies beyond break-even")
		}
		if !(r.Target.Low < r.Target.Value && r.Target.Value < r.Target.High) {
			t.Errorf("target %+v", r.Target)
		}
	}
	in := input(1, 1, sim{id: "a", budget: 100, use: 1, ref: 100, perDay: 10, eps: 0.7, k: 0.4})
	in.Policy.TotalDailyCap = 1e6
	r := targetOf(t, curved(t, in, curveOf("a", 100, 100/(0.7*0.4), 0.7)), "budget", "ba")
	if got := fmt.Sprintf("%.2f %.1f", r.Target.Value, r.BreakEven.Value); got != "3.57 2.5" {
		t.Errorf("target and break-even are %s, want 3.57 2.5", got)
	}
}

// Where money is scarce the target rises with the shadow price.
func TestTargetFollowsTheShadowPrice(t *testing.T) {
	t.Parallel()
	out := curved(t, twoCampaigns(), curveOf("strong", 100, 720, 0.6), curveOf("weak", 100, 240, 0.6))
	mu := out.Allocation.ShadowPrice
	if mu <= 0 {
		t.Fatalf("shadow price %v", mu)
	}
	for id, level := range map[string]float64{"bstrong": 720, "bweak": 240} {
		r := targetOf(t, out, "budget", id)
		near(t, id, r.Target.Value, bestROAS(curveOf(id, 100, level, 0.6), 0.4, mu), 1e-9)
		near(t, id+": next euro", r.NextEuro.Value, unitOf(t, out, id).NextEuro, 0)
		if r.Lever != "google/1/budget/"+id || r.LimitedBy != "budget" || r.Spend < 2000 || len(r.Covers) != 1 {
			t.Errorf("%+v", r)
		}
	}
	if mu > 1 && !strings.Contains(strings.Join(targetOf(t, out, "budget", "bweak").Why, " "), "Money is scarce") {
		t.Error("a scarce budget is not said")
	}
}

func TestNewAndReturningCustomers(t *testing.T) {
	t.Parallel()
	in := input(1, 1, sim{id: "a", budget: 100, use: 1, ref: 100, perDay: 10, eps: 0.7, target: 3, k: 0})
	in.Policy.TotalDailyCap = 1e6
	w := bidding.Worth{Margin: 0.4, NewShare: 0.25, Lambda: 3, LTVMultiple: 1.5, IncrementalShare: 0.8, LambdaRelSD: 0.1, Orders: 200, AverageOrder: 60}
	in.Worth["google:a"] = w
	r := targetOf(t, curved(t, in, curveOf("a", 100, 600, 0.7)), "budget", "ba")
	if len(r.Customers) != 2 || r.Customers[0].Level != bidding.NewCustomers || r.Customers[1].Level != bidding.ReturningCustomers || r.Current != 3 {
		t.Fatalf("%+v", r)
	}
	for i, lambda := range []float64{3, 1} {
		c := r.Customers[i]
		near(t, "k", c.K.Value, 0.4*lambda*0.8, 1e-12)
		near(t, "break-even", c.BreakEven.Value, 1/(0.4*lambda*0.8), 1e-12)
		near(t, "target", c.Target.Value, bestROAS(curveOf("a", 100, 600, 0.7), 0.4*lambda*0.8, 1), 1e-12)
		near(t, "lifetime", c.Lifetime.Value, lambda, 0)
	}
	if l := r.Customers[1].Lifetime; l.Low != 1 || l.High != 1 {
		t.Errorf("a returning customer's multiple is uncertain: %+v", l)
	}
	near(t, "k is the blend of both", 0.25*r.Customers[0].K.Value+0.75*r.Customers[1].K.Value, r.K.Value, 1e-12)
	w.Orders = 5
	in.Worth["google:a"] = w
	if r := targetOf(t, curved(t, in, curveOf("a", 100, 600, 0.7)), "budget", "ba"); len(r.Customers) != 0 {
		t.Errorf("five orders tell new from returning customers: %+v", r.Customers)
	}
}

// Two campaigns under one budget have rows of their own, a strategy has one for
// the budgets under it.
func TestRowsOfSharedBudgetsAndPortfolios(t *testing.T) {
	t.Parallel()
	in := input(1, 1,
		sim{id: "a", budget: 100, use: 0.5, ref: 50, perDay: 6, eps: 0.6, k: 0.4},
		sim{id: "b", budget: 100, use: 0.5, ref: 50, perDay: 6, eps: 0.6, k: 0.2},
		sim{id: "c", budget: 100, use: 1, ref: 100, perDay: 8, eps: 0.6, k: 0.3})
	in.Policy.TotalDailyCap = 1e6
	strategy := platform.Ref{Type: platform.Portfolio, ID: "s"}
	a := &in.Accounts[0]
	for i := range a.Entities {
		switch e := &a.Entities[i]; e.ID {
		case "b":
			e.Budget = platform.Ref{Type: platform.Budget, ID: "ba"} // with a
		case "c":
			e.Strategy = strategy
		}
		if e := &a.Entities[i]; e.ID == "a" {
			e.Strategy = strategy
		}
	}
	a.Entities = append(a.Entities, platform.Entity{Ref: strategy, Name: "Together", Status: platform.Enabled,
		Fields: map[platform.Field]money.Micros{platform.TargetROAS: eur(4)}})
	ca, cc := curveOf("a", 100, 700, 0.5), curveOf("c", 100, 480, 0.8)
	out := curved(t, in, ca, cc)
	near(t, "break-even of a", targetOf(t, out, "campaign", "a").BreakEven.Value, 2.5, 1e-12)
	near(t, "target of b", targetOf(t, out, "campaign", "b").Target.Value, bestROAS(ca, 0.2, 1), 1e-12)
	shared := targetOf(t, out, "budget", "ba")
	if len(shared.Covers) != 2 || !strings.Contains(strings.Join(shared.Why, " "), "several targets") || shared.K.Value <= 0.2 || shared.K.Value >= 0.4 {
		t.Errorf("the shared budget: %+v", shared)
	}
	p := targetOf(t, out, "portfolio", "s")
	ua, uc := unitOf(t, out, "ba"), unitOf(t, out, "bc")
	// Both budgets bind, so that each spends its 100.
	near(t, "target of the portfolio", p.Target.Value, (100*bestROAS(ca, ua.K, 1)+100*bestROAS(cc, uc.K, 1))/200, 1e-9)
	near(t, "ROAS of the portfolio", p.ROAS, (ua.WindowValue+uc.WindowValue)/(ua.WindowSpend+uc.WindowSpend), 1e-9)
	if p.Current != 4 || p.Name != "Together" || len(p.Covers) != 2 || p.LimitedBy != "budget" {
		t.Errorf("the portfolio: target %v, covers %v, limited by %q", p.Current, p.Covers, p.LimitedBy)
	}
}

// What cannot be told is missing and said in words; nothing is NaN or infinite.
func TestTargetsThatCannotBeTold(t *testing.T) {
	t.Parallel()
	base := func() bidding.Input {
		return input(1, 1, sim{id: "a", budget: 100, use: 1, ref: 100, perDay: 10, eps: 0.7, k: 0.4})
	}
	for name, x := range map[string]struct {
		edit   func(*bidding.Input)
		curve  response.Curve
		breaks bool // even
		target bool
		says   string
	}{
		"worth nothing":   {func(in *bidding.Input) { in.Worth["google:a"] = bidding.Worth{LTVMultiple: 1} }, curveOf("a", 100, 600, 0.7), false, false, "no ROAS breaks even"},
		"other currency":  {func(in *bidding.Input) { in.Accounts[0].Currency = "USD" }, response.Curve{Unit: "another"}, true, false, "no target can be told"},
		"elasticity of 0": {func(*bidding.Input) {}, curveOf("a", 100, 600, 0), true, false, "no target can be told"},
		"next to nothing": {func(in *bidding.Input) {
			in.Worth["google:a"] = bidding.Worth{Margin: 5e-5, LTVMultiple: 1, IncrementalShare: 1}
		}, curveOf("a", 100, 600, 0.05), true, false, "beyond what can be set"},
		"elasticity to 1": {func(*bidding.Input) {}, curveOf("a", 100, 263, response.MaxElasticity), true, true, "hardly above break-even"},
		"only here":       {func(*bidding.Input) {}, curveOf("a", 100, 600, response.MaxElasticity), true, true, "leads to it is 0.63"},
		"nothing spent":   {func(in *bidding.Input) { in.Accounts[0].Performance = nil }, curveOf("a", 100, 600, 0.7), true, true, "Elasticity 0.70"},
		"worth no number": {func(in *bidding.Input) { in.Worth["google:a"] = bidding.Worth{Margin: math.NaN()} }, curveOf("a", 100, 600, 0.7), false, false, "not a number"},
		"error no number": {func(in *bidding.Input) {
			in.Worth["google:a"] = bidding.Worth{Margin: 0.4, LTVMultiple: 1, IncrementalShare: 1, RelSD: math.Inf(1)}
		}, curveOf("a", 100, 600, 0.7), false, false, "not a number"},
		"nothing known":    {func(in *bidding.Input) { in.Worth = nil }, curveOf("a", 100, 600, 0.7), false, false, "no ROAS breaks even"},
		"no level reached": {func(*bidding.Input) {}, curveOf("a", 100, 0, 0.7), true, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := base()
			in.Policy.TotalDailyCap = 1e6
			x.edit(&in)
			r := targetOf(t, curved(t, in, x.curve), "budget", "ba")
			if (r.BreakEven != nil) != x.breaks || (r.Target != nil) != x.target {
				t.Errorf("break-even %v, target %v", r.BreakEven, r.Target)
			}
			if !strings.Contains(strings.Join(r.Why, " "), x.says) {
				t.Errorf("%q is not said: %v", x.says, r.Why)
			}
			if x.target && r.Target.Value > 1.1*r.BreakEven.Value && strings.Contains(strings.Join(r.Why, " "), "hardly above break-even") {
				t.Errorf("a target of %.2f is said to be hardly above the break-even of %.2f", r.Target.Value, r.BreakEven.Value)
			}
		})
	}
}

// Whatever is put in, the table can be written down, intervals hold their
// figures, and break-even and target are what their formulas say.
func TestTargetsOfAnything(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := input(1, 1, sim{id: "a", budget: 100, use: 1, ref: 100, perDay: 10, eps: 0.7, k: 0.4})
		share := func(name string) float64 { return rapid.Float64Range(0, 1).Draw(t, name) }
		in.Worth["google:a"] = bidding.Worth{Margin: share("m"), Lambda: 1 + 4*share("l"), NewShare: share("n"), LTVMultiple: 1 + share("b"), IncrementalShare: share("i"),
			MarginRelSD: share("sm"), LTVRelSD: share("sl"), IncrementalRelSD: share("si"), RelSD: 1.7 * share("s"), Orders: rapid.IntRange(0, 100).Draw(t, "orders")}
		c := curveOf("a", 100, 1000*share("level"), 0.05+0.9*share("eps"))
		in.Curves = &response.Result{Curves: []response.Curve{c}}
		out, err := bidding.Plan(in)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := json.Marshal(out.Targets); err != nil {
			t.Fatal(err)
		}
		r := out.Targets[0]
		in80 := func(what string, e *bidding.Estimate) {
			if e != nil && !(0 <= e.Low && e.Low <= e.Value && e.Value <= e.High) {
				t.Fatalf("%s is %+v", what, *e)
			}
		}
		in80("margin", &r.Margin)
		in80("lifetime", &r.Lifetime)
		in80("share", &r.Incremental)
		in80("k", &r.K)
		in80("elasticity", r.Elasticity)
		in80("next euro", r.NextEuro)
		for _, w := range append([]bidding.Worthwhile{r.Worthwhile}, customersOf(r)...) {
			in80("break-even", w.BreakEven)
			in80("target", w.Target)
			if w.BreakEven == nil || w.Target == nil {
				continue
			}
			if want := bestROAS(c, 1/w.BreakEven.Value, r.ShadowPrice); math.Abs(w.Target.Value-want) > 1e-9*want {
				t.Fatalf("target %v, want %v: break-even %v, mu %v", w.Target.Value, want, w.BreakEven.Value, r.ShadowPrice)
			}
		}
	})
}

func customersOf(r bidding.Target) (out []bidding.Worthwhile) {
	for _, c := range r.Customers {
		out = append(out, c.Worthwhile)
	}
	return out
}

// The central 80 % of break-even and target hold the true ones as often as they
// say, where k and elasticity err as their standard errors tell.
func TestTargetIntervalsCover(t *testing.T) {
	t.Parallel()
	const k, eps, sdK, sdE, n = 0.3, 0.6, 0.12, 0.05, 1500
	rng := rand.New(rand.NewPCG(3, 9))
	var breaks, targets int
	for i := range n {
		seen := k * math.Exp(sdK*rng.NormFloat64()+sdK*sdK/2) // the mean of what is believed
		e := eps + sdE*rng.NormFloat64()
		c := curveOf("a", 100, 600, e)
		c.ElasticitySD, c.Seed = sdE, uint64(i)
		in := input(1, 1, sim{id: "a", budget: 100, use: 1, ref: 100, perDay: 10, eps: eps})
		in.Accounts[0].Performance = nil
		in.Policy.TotalDailyCap = 1e6
		in.Worth["google:a"] = bidding.Worth{Margin: seen, LTVMultiple: 1, Lambda: 1, IncrementalShare: 1, RelSD: sdK}
		r := targetOf(t, curved(t, in, c), "budget", "ba")
		if r.BreakEven.Low <= 1/k && 1/k <= r.BreakEven.High {
			breaks++
		}
		if best := 1 / (eps * k); r.Target.Low <= best && best <= r.Target.High {
			targets++
		}
	}
	for what, held := range map[string]int{"break-even": breaks, "target": targets} {
		if share := float64(held) / n; share < 0.75 || share > 0.85 {
			t.Errorf("intervals of 80 %% hold %.1f %% of the true %s", 100*share, what)
		}
	}
}

// Under one budget, the errors of two campaigns' own margins and shares cancel in
// part; that of the lifetime model, which both take, does not.
func TestErrorOfASharedBudget(t *testing.T) {
	t.Parallel()
	in := input(1, 1,
		sim{id: "a", budget: 100, use: 0.5, ref: 50, perDay: 6, eps: 0.6, k: 0.4},
		sim{id: "b", budget: 100, use: 0.5, ref: 50, perDay: 6, eps: 0.6, k: 0.4})
	in.Accounts[0].Entities[2].Budget = platform.Ref{Type: platform.Budget, ID: "ba"}
	in.Accounts[0].Performance[1].Days = in.Accounts[0].Performance[0].Days // half of the value each
	w := bidding.Worth{Margin: 0.4, LTVMultiple: 1.5, Lambda: 2, NewShare: 0.5, IncrementalShare: 0.8, MarginRelSD: 0.12, LTVRelSD: 0.07, IncrementalRelSD: 0.2}
	in.Worth["google:a"], in.Worth["google:b"] = w, w
	u := unitOf(t, curved(t, in, curveOf("a", 100, 700, 0.5)), "ba")
	near(t, "k", u.K, w.K(), 1e-12)
	near(t, "its error", u.Worth.RelSD, math.Sqrt(0.12*0.12/2+0.07*0.07+0.2*0.2/2), 1e-9)
}
