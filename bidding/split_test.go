package bidding_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/bidding/response"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// sharer is one of several campaigns under a budget: it spends as much every day
// as brings its target ROAS, on a Hill curve whose elasticity is eps at its spend:
// R(s)/s is inversely proportional to (1-eps) s + eps spend.
type sharer struct {
	id                    string
	spend, target, eps, k float64
	withoutTarget         bool
}

// at is what it spends and earns at another target: R(s)/s = target.
func (s sharer) at(target float64) (spend, profit float64) {
	spend = max(s.spend*(s.target/target-s.eps)/(1-s.eps), 0)
	return spend, s.k*target*spend - spend
}

// marginal is what the next unit of money earns at a target: k R'(s).
func (s sharer) marginal(target float64) float64 { return s.k * s.eps * target * target / s.target }

// hundredth is what a hundredth of the target moves of the spend.
func (s sharer) hundredth(target float64) float64 {
	return s.spend * s.target / (target * target) / (1 - s.eps) * 0.01
}

// sharing is 90 days of campaigns under one budget, with curves that are exactly
// known.
func sharing(budget float64, ss ...sharer) bidding.Input {
	sims := make([]sim, len(ss))
	for i, s := range ss {
		sims[i] = sim{id: s.id, budget: budget, use: 1, ref: 1, perDay: 20, eps: s.eps, k: s.k}
		if !s.withoutTarget {
			sims[i].target = s.target
		}
	}
	in := input(1, 1, sims...)
	in.Policy.TotalDailyCap = 1e6 // money is not scarce elsewhere
	a := &in.Accounts[0]
	shared := platform.Ref{Type: platform.Budget, ID: "shared"}
	kept := a.Entities[:0]
	for _, e := range a.Entities {
		if e.Type == platform.Campaign {
			e.Budget = shared
			kept = append(kept, e)
		}
	}
	a.Entities = append(kept, platform.Entity{Ref: shared, Name: "Shared", Status: platform.Enabled, Shared: true,
		Fields: map[platform.Field]money.Micros{platform.DailyBudget: eur(budget)}})
	fit := response.Result{}
	curve := func(key string, spend, value, eps float64) {
		fit.Curves = append(fit.Curves, response.Curve{Unit: "google/1/" + key, Spend: spend, Level: value, Elasticity: eps, ElasticityMean: eps,
			ElasticityLow: eps, ElasticityHigh: eps, Dispersion: 10, Clustering: 1, Seed: 7})
	}
	var spend, value float64
	for i, s := range ss {
		for k := range a.Performance[i].Days {
			d := &a.Performance[i].Days[k]
			d.Spend, d.Value, d.Conversions = s.spend, s.target*s.spend, 5
		}
		curve("campaign/"+s.id, s.spend, s.target*s.spend, s.eps)
		spend, value = spend+s.spend, value+s.target*s.spend
	}
	curve("budget/shared", spend, value, 0.6)
	in.Curves = &fit
	return in
}

// exhaustive tries every target in hundredths within a step of 15 %, and returns
// the most that can be earned within the budget.
func exhaustive(budget float64, ss []sharer) (best float64) {
	best = math.Inf(-1)
	var try func(i int, spend, profit float64)
	try = func(i int, spend, profit float64) {
		if i == len(ss) {
			if spend <= budget {
				best = max(best, profit)
			}
			return
		}
		s := ss[i]
		for t := math.Ceil(85*s.target - 1e-9); t <= 115*s.target+1e-9; t++ {
			sp, pr := s.at(t / 100)
			try(i+1, spend+sp, profit+pr)
		}
	}
	try(0, 0, 0)
	return best
}

// Several targets under one budget earn what an exhaustive search over all of them
// finds to be the most that the budget and the step allow.
func TestTargetsUnderOneBudgetAreTheOptimum(t *testing.T) {
	t.Parallel()
	a := sharer{id: "a", spend: 40, target: 4.4, eps: 0.6, k: 0.4}    // next euro earns 1.06
	b := sharer{id: "b", spend: 30, target: 3.2, eps: 0.4, k: 1.1}    // 1.41
	c := sharer{id: "c", spend: 20, target: 5.9, eps: 0.55, k: 0.38}  // 1.23
	poor := sharer{id: "p", spend: 40, target: 3.4, eps: 0.6, k: 0.4} // 0.82
	rich := sharer{id: "r", spend: 30, target: 4, eps: 0.5, k: 0.9}   // 1.8
	for name, x := range map[string]struct {
		budget float64
		ss     []sharer
	}{
		"the budget has room for all":       {200, []sharer{a, b, c}},
		"the budget is not enough for all":  {103, []sharer{a, b, c}},
		"the budget is not enough for two":  {79, []sharer{a, b}},
		"one pays for the other":            {70, []sharer{poor, rich}},
		"one pays for the other, with room": {120, []sharer{poor, rich}},
		"one pays for two":                  {94, []sharer{poor, rich, c}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := sharing(x.budget, x.ss...)
			in.Policy.DeadBand = guard.DeadBand{}
			out := plan(t, in)
			var spend, profit, hundredth, coarse float64
			var prices []float64
			for _, s := range x.ss {
				target := s.target
				d := draftOf(out, s.id)
				if d != nil {
					target = d.Proposed.Float()
				}
				sp, pr := s.at(target)
				spend, profit = spend+sp, profit+pr
				moves := s.hundredth(target)
				hundredth, coarse = hundredth+moves, coarse+moves*math.Abs(s.marginal(target)-1)
				if step := math.Abs(target/s.target - 1); step < 0.145 && d != nil {
					prices = append(prices, s.marginal(target))
				}
				if d != nil {
					near(t, s.id+": expected profit", d.Expected.ProfitPerDay, pr, 1e-6*math.Abs(pr)+1e-6)
				}
			}
			best := exhaustive(x.budget, x.ss)
			if math.Abs(profit-best) > coarse {
				t.Errorf("the plan earns %.3f a day, the best there is %.3f; targets in hundredths make no more than %.3f", profit, best, coarse)
			}
			if spend > x.budget+hundredth {
				t.Errorf("they would spend %.2f of %.2f", spend, x.budget)
			}
			scarce := exhaustive(math.Inf(1), x.ss) > best+0.01
			if len(prices) > 1 && slices.Max(prices) > slices.Min(prices)*1.01 {
				t.Errorf("the next euro earns %v in them", prices)
			}
			for _, d := range out.Drafts {
				if said := strings.Contains(strings.Join(d.Reasons, " "), "chosen together"); said != scarce || d.Field != platform.TargetROAS {
					t.Errorf("%s: %s, reasons %q, scarce %v", d.Name, d.Field, d.Reasons, scarce)
				}
			}
		})
	}
}

// What may not be changed keeps its part of the budget, and the others are chosen
// around it; a change of one of them lets all of them rest.
func TestGuardrailsOfTargetsUnderOneBudget(t *testing.T) {
	t.Parallel()
	poor := sharer{id: "p", spend: 40, target: 3.4, eps: 0.6, k: 0.4}
	rich := sharer{id: "r", spend: 30, target: 4, eps: 0.5, k: 0.9}
	third := sharer{id: "c", spend: 20, target: 6.9, eps: 0.55, k: 0.31}
	free := plan(t, sharing(103, poor, rich, third))
	if len(free.Drafts) != 3 {
		t.Fatalf("%d drafts, blocked %+v", len(free.Drafts), free.Blocked)
	}

	in := sharing(103, poor, rich, third)
	in.Policy.Protected = []string{"p"}
	out := plan(t, in)
	if draftOf(out, "p") != nil || len(out.Blocked) != 1 || out.Blocked[0].ID != "p" || out.Blocked[0].Verdicts[0].Name != "protected" {
		t.Errorf("drafts %+v, blocked %+v", out.Drafts, out.Blocked)
	}
	spend := poor.spend
	for _, s := range []sharer{rich, third} {
		target := s.target
		if d := draftOf(out, s.id); d != nil {
			target = d.Proposed.Float()
		}
		was, _ := s.at(target)
		spend += was
	}
	if spend > 103*1.005 {
		t.Errorf("with one of them protected they would spend %.2f of 103", spend)
	}

	in = sharing(103, poor, rich, third)
	in.Experiments = map[string]bidding.UnderExperiment{"google/1/campaign/c": {Name: "Lift of c"}}
	if out := plan(t, in); len(out.Drafts) != 0 || len(out.Blocked) != 3 || out.Blocked[0].Verdicts[0].Name != "experiment" {
		t.Errorf("while an experiment runs on one: drafts %+v, blocked %+v", out.Drafts, out.Blocked)
	}

	in = sharing(103, poor, rich, third)
	in.Changes = []bidding.PastChange{{Key: bidding.Key{Platform: platform.Google, AdAccount: "1", Ref: platform.Ref{Type: platform.Campaign, ID: "c"}},
		Field: platform.TargetROAS, At: now.AddDate(0, 0, -3), Date: today - 3, Ours: true}}
	out = plan(t, in)
	if len(out.Drafts) != 0 || len(out.Blocked) != 3 {
		t.Errorf("three days after a change of one: drafts %+v, blocked %d", out.Drafts, len(out.Blocked))
	}
	for _, b := range out.Blocked {
		if !slices.ContainsFunc(b.Verdicts, func(v guard.Verdict) bool { return v.Name == "cool_down" }) {
			t.Errorf("%s: %+v", b.Name, b.Verdicts)
		}
	}
}

// Where the budget binds, its targets say how it is split. Either they change
// tonight or the budget, whichever promises more.
func TestSplitOfABudgetThatBinds(t *testing.T) {
	t.Parallel()
	poor := sharer{id: "p", spend: 50, target: 3, eps: 0.6, k: 0.25} // next euro earns 0.45
	rich := sharer{id: "r", spend: 50, target: 3, eps: 0.6, k: 0.9}  // 1.62
	out := plan(t, sharing(100, poor, rich))
	if d := draftOf(out, "p"); d == nil || d.Field != platform.TargetROAS || d.Proposed != eur(3.45) || d.Expected.GainPerDay <= 0 {
		t.Errorf("the poor one: %+v", d)
	}
	d := draftOf(out, "r")
	if d == nil || d.Proposed >= eur(3) {
		t.Fatalf("the rich one: %+v", d)
	}
	a, _ := poor.at(3.45)
	b, _ := rich.at(d.Proposed.Float())
	if a+b > 100.5 || a+b < 98 {
		t.Errorf("they would spend %.2f and %.2f of 100", a, b)
	}
	if draftOf(out, "shared") != nil {
		t.Error("the budget changes on the same night")
	}
	// Alike, they have nothing to give each other, and the budget is what to change.
	poor.k = 0.9
	out = plan(t, sharing(100, poor, rich))
	if draftOf(out, "shared") == nil || len(out.Drafts) != 1 {
		t.Errorf("two alike: %+v", out.Drafts)
	}
}

// One value of several under a budget steers its own campaigns only.
func TestOneTargetOfTwoCampaignsSteersItsOwn(t *testing.T) {
	t.Parallel()
	a := sharer{id: "a", spend: 40, target: 3.4, eps: 0.6, k: 0.36}
	b := sharer{id: "b", spend: 40, target: 3.4, eps: 0.6, k: 0.36, withoutTarget: true}
	out := plan(t, sharing(200, a, b))
	d := draftOf(out, "a")
	if len(out.Drafts) != 1 || d == nil || d.Proposed != eur(3.91) {
		t.Fatalf("drafts %+v", out.Drafts)
	}
	_, profit := a.at(3.91)
	near(t, "expected profit", d.Expected.ProfitPerDay, profit, 1e-6)
	r := targetOf(t, out, "campaign", "b")
	if r.LimitedBy != "demand" || r.Lever != "" || targetOf(t, out, "campaign", "a").Lever != "google/1/campaign/a" {
		t.Errorf("rows: %+v", r)
	}
}

// Fitted from days alone, the campaigns' curves are those of campaigns of their
// own, and nobody else's curve knows of the split.
func TestCurvesOfCampaignsUnderOneBudget(t *testing.T) {
	t.Parallel()
	in := sharing(200, sharer{id: "a", spend: 40, target: 4.4, eps: 0.6, k: 0.4}, sharer{id: "b", spend: 30, target: 3.2, eps: 0.5, k: 0.85})
	fit := bidding.FitCurves(in)
	var units []string
	for _, c := range fit.Curves {
		units = append(units, c.Unit)
		if c.Unit == "google/1/campaign/a" {
			near(t, "level of a at its spend", c.Value(40), 40*4.4, 0.02*40*4.4)
		}
	}
	if !slices.Equal(units, []string{"google/1/budget/shared", "google/1/campaign/a", "google/1/campaign/b"}) {
		t.Errorf("curves of %v", units)
	}
	for i := range in.Accounts[0].Entities { // without targets there is no split
		delete(in.Accounts[0].Entities[i].Fields, platform.TargetROAS)
	}
	whole := bidding.FitCurves(in)
	if len(whole.Curves) != 1 || whole.Curves[0] != fit.Curves[0] {
		t.Errorf("the budget's curve with and without the split:\n%+v\n%+v", fit.Curves[0], whole.Curves)
	}
}

// Whatever the campaigns, no target moves beyond a step, together they fit the
// budget as far as the guardrails let them, and no change loses at the price of
// the budget.
func TestTargetsUnderOneBudgetHold(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(2, 4).Draw(rt, "campaigns")
		var ss []sharer
		var spent float64
		for i := range n {
			s := sharer{id: string(rune('a' + i)), spend: rapid.Float64Range(5, 200).Draw(rt, "spend"), target: math.Round(rapid.Float64Range(1, 12).Draw(rt, "target")*100) / 100,
				eps: rapid.Float64Range(0.1, 0.9).Draw(rt, "eps"), k: rapid.Float64Range(0, 1.5).Draw(rt, "k")}
			ss, spent = append(ss, s), spent+s.spend
		}
		budget := math.Round(spent * rapid.Float64Range(0.9, 3).Draw(rt, "room"))
		in := sharing(budget, ss...)
		out, err := bidding.Plan(in)
		if err != nil {
			rt.Fatal(err)
		}
		targets, budgets, after, hundredth := 0, 0, 0.0, 0.0
		for _, s := range ss {
			d, target := draftOf(out, s.id), s.target
			if d != nil {
				targets++
				target = d.Proposed.Float()
			}
			if math.Abs(target/s.target-1) > 0.15+1e-9 {
				rt.Fatalf("%s goes from %v to %v", s.id, s.target, target)
			}
			spend, _ := s.at(target)
			after += spend
			hundredth += s.hundredth(target)
		}
		for _, d := range out.Drafts {
			if d.Field == platform.DailyBudget {
				budgets++
			}
		}
		if targets > 0 && budgets > 0 {
			rt.Fatalf("%d targets and %d budgets on one night", targets, budgets)
		}
		// A hundredth of a target of 1 is a hundredth of it, and with an elasticity of
		// 0.9 a tenth of the spend.
		if most := max(budget, spent) + hundredth; after > most && targets > 0 {
			rt.Fatalf("they would spend %.2f of %.2f", after, most)
		}
	})
}

// A strategy that steers a campaign under a shared budget and another budget too
// is decided once for both; beside it the shared budget's other target is chosen
// around what its campaign spends. Where the shared budget binds, the strategy goes
// by the other budget alone.
func TestStrategyAcrossBudgets(t *testing.T) {
	t.Parallel()
	across := func(budget float64, protected ...string) bidding.Output {
		in := sharing(budget, sharer{id: "a", spend: 40, target: 6, eps: 0.6, k: 0.4, withoutTarget: true}, sharer{id: "b", spend: 40, target: 6, eps: 0.6, k: 0.4})
		other := input(2, 1, sim{id: "c", budget: 100, use: 0.3, ref: 30, perDay: 3, eps: 0.6, k: 0.4})
		a, o := &in.Accounts[0], other.Accounts[0]
		strategy := platform.Entity{Ref: platform.Ref{Type: platform.Portfolio, ID: "s"}, Name: "Together", Status: platform.Enabled,
			Fields: map[platform.Field]money.Micros{platform.TargetROAS: eur(6)}}
		a.Entities[0].Strategy, o.Entities[0].Strategy = strategy.Ref, strategy.Ref
		a.Entities = append(append(a.Entities, o.Entities...), strategy)
		a.Performance = append(a.Performance, o.Performance...)
		in.Worth["google:c"] = other.Worth["google:c"]
		in.Curves.Curves = append(in.Curves.Curves, curveOf("c", 30, 180, 0.6))
		in.Policy.Protected = protected
		return plan(t, in)
	}
	out := across(200)
	s, b := draftOf(out, "s"), draftOf(out, "b")
	if s == nil || b == nil || s.Proposed != eur(5.1) || b.Proposed != eur(5.1) || len(out.Drafts) != 2 {
		t.Fatalf("drafts %+v", out.Drafts)
	}
	parts := 0
	for _, u := range out.Units {
		if u.Lever != nil && u.Lever.ID == "s" {
			parts = len(u.Lever.Parts)
		}
	}
	if parts != 2 || targetOf(t, out, "portfolio", "s").Lever == "" {
		t.Errorf("the strategy's target steers %d", parts)
	}
	out = across(80)
	for _, u := range out.Units {
		if u.Lever != nil && u.Lever.ID == "s" && (len(u.Lever.Parts) > 0 || u.ID != "bc") {
			t.Errorf("where the shared budget binds, the strategy is decided with %s, %d parts", u.ID, len(u.Lever.Parts))
		}
		if u.ID == "a" && (u.Lever != nil || !strings.Contains(u.LimitedBy, "other budgets")) {
			t.Errorf("the campaign under it: %q", u.LimitedBy)
		}
	}
	if draftOf(out, "s") == nil || draftOf(across(80, "b"), "s") == nil {
		t.Errorf("the strategy does not change: blocked %+v", out.Blocked)
	}
	if out = across(80, "a"); draftOf(out, "s") != nil {
		t.Errorf("it changes although a campaign under it is protected")
	}
}

// On Meta the campaign may own the budget, and its ad sets the ROAS floors. One ad
// set is as good as the campaign; of several, no figures of their own are read.
func TestFloorUnderACampaignsBudget(t *testing.T) {
	t.Parallel()
	in := input(3, 1, sim{id: "a", budget: 200, use: 0.5, ref: 100, perDay: 10, eps: 0.6, k: 0.4})
	a := &in.Accounts[0]
	a.Platform = platform.Meta
	c := a.Entities[0]
	c.Budget, c.Fields[platform.DailyBudget] = c.Ref, eur(200)
	set := platform.Entity{Ref: platform.Ref{Type: platform.AdSet, ID: "s"}, Name: "Ad set", Status: platform.Enabled, Parent: c.Ref, Budget: c.Ref,
		Fields: map[platform.Field]money.Micros{platform.ROASFloor: eur(6)}}
	a.Entities = []platform.Entity{c, set}
	in.Worth["meta:a"] = in.Worth["google:a"]
	out := plan(t, in)
	d := draftOf(out, "s")
	if d == nil || d.Field != platform.ROASFloor || d.Proposed != eur(5.1) || d.Expected.GainPerDay <= 0 {
		t.Fatalf("drafts %+v, blocked %+v", out.Drafts, out.Blocked)
	}
	if r := targetOf(t, out, "campaign", "a"); r.Current != 6 || r.LimitedBy != "target" {
		t.Errorf("row: %+v", r)
	}
	in.Changes = []bidding.PastChange{{Key: bidding.Key{Platform: platform.Meta, AdAccount: "1", Ref: set.Ref}, Field: platform.ROASFloor,
		At: now.AddDate(0, 0, -3), Date: today - 3, Ours: true}}
	if out := plan(t, in); len(out.Drafts) != 0 || len(out.Blocked) != 1 {
		t.Errorf("three days after a change of the floor: %+v", out.Drafts)
	}
	second := set
	second.ID, second.Fields = "s2", nil
	a.Entities, in.Changes = append(a.Entities, second), nil
	if out := plan(t, in); len(out.Drafts) != 0 || !strings.Contains(out.Units[0].LimitedBy, "several") {
		t.Errorf("two ad sets: %+v, limited by %q", out.Drafts, out.Units[0].LimitedBy)
	}
}
