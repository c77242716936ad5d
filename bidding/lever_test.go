package bidding_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/bidding/response"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// together puts all campaigns of an input under one portfolio strategy, whose target
// is 6.
func together(in bidding.Input) bidding.Input {
	a := &in.Accounts[0]
	s := platform.Entity{Ref: platform.Ref{Type: platform.Portfolio, ID: "p"}, Name: "Portfolio", Status: platform.Enabled,
		Fields: map[platform.Field]money.Micros{platform.TargetROAS: eur(6)}}
	for i := range a.Entities {
		if a.Entities[i].Type == platform.Campaign {
			a.Entities[i].Strategy = s.Ref
		}
	}
	a.Entities = append(a.Entities, s)
	return in
}

// What bars a change of one campaign under a portfolio strategy bars one of its target,
// whether the target holds that campaign back or its budget does.
func TestAPortfolioIsGuardedByAllUnderIt(t *testing.T) {
	t.Parallel()
	worth := func(in *bidding.Input, edit func(*bidding.Worth)) {
		w := in.Worth["google:b"]
		edit(&w)
		in.Worth["google:b"] = w
	}
	for name, c := range map[string]struct {
		edit func(*bidding.Input)
		by   string
	}{
		"protected": {func(in *bidding.Input) { in.Policy.Protected = []string{"Campaign b"} }, "protected"},
		"experiment": {func(in *bidding.Input) {
			in.Experiments = map[string]bidding.UnderExperiment{"google/1/campaign/b": {Name: "holdout"}}
		}, "experiment"},
		"read only": {func(in *bidding.Input) { in.Accounts[0].Entities[2].ReadOnly = "it is old" }, "read_only"},
		"learning":  {func(in *bidding.Input) { in.Accounts[0].Entities[2].Learning = "LEARNING_NEW" }, "learning"},
		"somebody else": {func(in *bidding.Input) {
			in.Changes = []bidding.PastChange{{Key: bidding.Key{Platform: platform.Google, AdAccount: "1", Ref: platform.Ref{Type: platform.Campaign, ID: "b"}},
				At: now.AddDate(0, 0, -1), Date: today - 1, Actor: "eve@example.com"}}
		}, "changed_by_others"},
		"missing days": {func(in *bidding.Input) { without(in, aged(1, 12), 1) }, "freshness"},
		"out of stock": {func(in *bidding.Input) {
			in.Sold = map[string]bidding.Sold{"google:b": {Goods: 100, Unsellable: 90}}
		}, "stock"},
		"its month": {func(in *bidding.Input) {
			in.Policy.Monthly = []guard.Monthly{{Name: "b", Match: []string{"Campaign b"}, Budget: 500}}
		}, "monthly_pace"},
		"below its break-even": {func(in *bidding.Input) { worth(in, func(w *bidding.Worth) { w.Margin = 0.15 }) }, "break_even"},
		"a dear customer": {func(in *bidding.Input) {
			worth(in, func(w *bidding.Worth) { w.Orders, w.AverageOrder = 100, basket })
			in.Policy.CACCeiling = 10
		}, "cac_ceiling"},
		"a customer who does not come back": {func(in *bidding.Input) {
			worth(in, func(w *bidding.Worth) { w.Orders, w.NewShare, w.AverageOrder, w.Lambda = 100, 1, basket, 0.5 })
		}, "ltv_cac"},
		"seen often": {func(in *bidding.Input) {
			in.Accounts[0].Entities[2].Frequency, in.Policy.MaxFrequency = 9, 8
		}, "frequency"},
	} {
		for held, b := range map[string]sim{
			"target": {id: "b", budget: 200, use: 0.4, ref: 80, perDay: 8, eps: 0.6, k: 0.4},
			"budget": {id: "b", budget: 80, use: 1, ref: 80, perDay: 8, eps: 0.6, k: 0.4},
		} {
			t.Run(name+", held back by its "+held, func(t *testing.T) {
				t.Parallel()
				in := together(input(5, 1, sim{id: "a", budget: 200, use: 0.5, ref: 100, perDay: 10, eps: 0.6, k: 0.8}, b))
				in.Policy.Monthly = []guard.Monthly{{Name: "a", Match: []string{"Campaign a"}, Budget: 9000}}
				if out := plan(t, in); draftOf(out, "p") == nil {
					t.Fatalf("nothing bars it, and it does not change: %+v", out.Blocked)
				}
				c.edit(&in)
				out := plan(t, in)
				i := slices.IndexFunc(out.Blocked, func(b bidding.Blocked) bool { return b.ID == "p" })
				if d := draftOf(out, "p"); d != nil || i < 0 {
					t.Fatalf("it goes to %+v; blocked %+v", d, out.Blocked)
				}
				if v := out.Blocked[i].Verdicts; !slices.ContainsFunc(v, func(v guard.Verdict) bool { return v.Name == c.by && v.Answer == guard.Block }) {
					t.Errorf("it is blocked by %+v, want %s", v, c.by)
				}
			})
		}
	}
}

// What waits for its own change to show is what the target holds back; a small
// campaign under it may be served on some days only.
func TestAPortfolioDoesNotWaitForAllUnderIt(t *testing.T) {
	t.Parallel()
	in := together(input(5, 1, sim{id: "a", budget: 200, use: 0.5, ref: 100, perDay: 10, eps: 0.6, k: 0.8}, sim{id: "b", budget: 80, use: 1, ref: 80, perDay: 8, eps: 0.6, k: 0.4},
		sim{id: "c", budget: 20, use: 0.25, ref: 5, perDay: 0.5, eps: 0.6, k: 0.4}))
	without(&in, aged(1, 5), 2)
	in.Changes = []bidding.PastChange{{Key: bidding.Key{Platform: platform.Google, AdAccount: "1", Ref: platform.Ref{Type: platform.Budget, ID: "bb"}},
		Field: platform.DailyBudget, At: now.AddDate(0, 0, -4), Date: today - 4, Ours: true, Old: eur(78), New: eur(80)}}
	if out := plan(t, in); draftOf(out, "p") == nil {
		t.Errorf("blocked %+v", out.Blocked)
	}
}

// setCurve is what the ad set of metaSet brings: 20 results of 60 each for 100 a day.
var setCurve = response.Curve{Unit: "meta/1/ad_set/s", Spend: 100, Level: 1200, Elasticity: 0.6, ElasticityMean: 0.6, ElasticityLow: 0.6, ElasticityHigh: 0.6, Seed: 7}

// metaSet plans for an ad set of Meta that a bid of its strategy holds back, of which
// it has spent as much every day.
func metaSet(t *testing.T, strategy string, bid, spend, k float64) bidding.Output {
	t.Helper()
	in := input(1, 1)
	a := &in.Accounts[0]
	a.Platform = platform.Meta
	campaign, set := platform.Ref{Type: platform.Campaign, ID: "c"}, platform.Ref{Type: platform.AdSet, ID: "s"}
	a.Entities = []platform.Entity{{Ref: campaign, Name: "Campaign", Status: platform.Enabled, Channel: "sales"},
		{Ref: set, Name: "Set", Status: platform.Enabled, Channel: "sales", Parent: campaign, Budget: set, Bidding: strategy,
			Fields: map[platform.Field]money.Micros{platform.DailyBudget: eur(400), platform.BidAmount: eur(bid)}}}
	s := bidding.Series{Entity: set}
	for i := range 90 {
		value := setCurve.Value(spend)
		s.Days = append(s.Days, response.Day{Date: today.AddDays(i - 90), Spend: spend, Value: value, Conversions: value / 60})
	}
	a.Performance = []bidding.Series{s}
	in.Worth["meta:c"] = bidding.Worth{Margin: k, LTVMultiple: 1, Lambda: 1, IncrementalShare: 1}
	return curved(t, in, setCurve)
}

// A cost cap bounds what results cost on average: from wherever it starts, it goes to
// the cap that earns most and stays, and each step earns what it promises.
func TestACostCapIsAnAverage(t *testing.T) {
	t.Parallel()
	const k = 0.155
	at := func(bid float64) (spend, profit float64) {
		spend = setCurve.Mode().SpendAtROAS(100, 5/bid)
		return spend, k*setCurve.Value(spend) - spend
	}
	best := 3.0
	for bid := best; bid < 9; bid += 0.001 {
		_, most := at(best)
		if _, profit := at(bid); profit > most {
			best = bid
		}
	}
	for _, bid := range []float64{4, 5, 9} {
		start := bid
		for range 12 {
			spend, profit := at(bid)
			d := draftOf(metaSet(t, "COST_CAP", bid, spend, k), "s")
			if d == nil {
				break
			}
			to := d.Proposed.Float()
			if (to > bid) != (best > bid) || math.Abs(to-bid) > math.Abs(best-bid)+0.01 {
				t.Errorf("from %v it goes to %v, where %.2f earns most", bid, to, best)
			}
			_, after := at(to)
			near(t, "what the step gains", d.Expected.GainPerDay, after-profit, 1e-6)
			if why := strings.Join(d.Reasons, " "); !strings.Contains(why, "with the cost cap of EUR") {
				t.Error(why)
			}
			bid = to
		}
		near(t, "the cap in the end", bid, best, 0.03*best)
		if bid == start {
			t.Errorf("it stays at %v", bid)
		}
	}
}

func TestBidsOfMeta(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		strategy  string
		bid, k    float64
		to        float64
		limitedBy string
	}{
		// The next unit of money earns 1.12 of what it costs.
		"a bid cap follows the next result":    {"LOWEST_COST_WITH_BID_CAP", 5, 0.1555, 5.59, "bid"},
		"a cost cap the average one":           {"COST_CAP", 5, 0.1555, 5.29, "bid"},
		"a cost cap where sales are worthless": {"COST_CAP", 5, 0, 4.25, "bid"},
		"a cost cap far above what they cost":  {"COST_CAP", 7, 0.1555, 0, "demand"},
		"a bid cap far above it":               {"LOWEST_COST_WITH_BID_CAP", 7, 0.1555, 7.83, "bid"},
	} {
		out := metaSet(t, c.strategy, c.bid, 100, c.k)
		u, d := unitOf(t, out, "s"), draftOf(out, "s")
		if u.LimitedBy != c.limitedBy || (d == nil) != (c.to == 0) || d != nil && d.Proposed != eur(c.to) {
			t.Errorf("%s: %+v, limited by %q", name, d, u.LimitedBy)
		}
	}
}
