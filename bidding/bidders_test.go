package bidding_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"adsteward/bidding"
	"adsteward/bidding/response"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// bidder is an ad group under manual CPC that spends as much every day, at an
// elasticity of eps.
type bidder struct {
	id                     string
	spend, roas, eps, bid  float64
	conversions            float64 // a day
	unreported, withoutBid bool
}

// manual is 90 days of the campaign "a" with a budget of its own and several ad
// groups, whose curves are exactly known; a sale is worth k of what is reported.
func manual(budget, k float64, bs ...bidder) bidding.Input {
	in := input(1, 1, sim{id: "a", budget: budget, use: 1, ref: 1, perDay: 20, eps: 0.5, k: k})
	in.Policy.TotalDailyCap = 1e6 // money is not scarce elsewhere
	a := &in.Accounts[0]
	whole := bidder{eps: 0.5}
	for _, b := range bs {
		whole.spend, whole.roas, whole.conversions = whole.spend+b.spend, whole.roas+b.spend*b.roas, whole.conversions+b.conversions
	}
	whole.roas /= whole.spend
	fit := &response.Result{Curves: []response.Curve{whole.curve("google/1/budget/ba")}}
	a.Performance[0].Days = whole.days()
	for _, b := range bs {
		g := platform.Entity{Ref: platform.Ref{Type: platform.AdGroup, ID: b.id}, Name: "Group " + b.id, Status: platform.Enabled, Parent: a.Performance[0].Entity}
		if !b.withoutBid {
			g.Fields = map[platform.Field]money.Micros{platform.CPCBid: eur(b.bid)}
		}
		a.Entities = append(a.Entities, g)
		if !b.unreported {
			a.Performance = append(a.Performance, bidding.Series{Entity: g.Ref, Part: true, Days: b.days()})
			fit.Curves = append(fit.Curves, b.curve("google/1/ad_group/"+b.id))
		}
	}
	in.Curves = fit
	return in
}

func (b bidder) days() (out []response.Day) {
	for k := range 90 {
		out = append(out, response.Day{Date: today.AddDays(k - 90), Spend: b.spend, Value: b.roas * b.spend, Conversions: b.conversions})
	}
	return out
}

func (b bidder) curve(unit string) response.Curve {
	return response.Curve{Unit: unit, Spend: b.spend, Level: b.spend * b.roas, Elasticity: b.eps, ElasticityMean: b.eps, ElasticityLow: b.eps, ElasticityHigh: b.eps,
		Dispersion: 10, Clustering: 1, Seed: 7}
}

var (
	richGroup = bidder{id: "rich", spend: 40, roas: 6, eps: 0.6, bid: 0.8, conversions: 4} // its next euro earns 1.44
	fairGroup = bidder{id: "fair", spend: 30, roas: 5, eps: 0.5, bid: 0.5, conversions: 3} // 1
	poorGroup = bidder{id: "poor", spend: 30, roas: 2, eps: 0.5, bid: 0.7, conversions: 2} // 0.4
)

// Each ad group under manual CPC bids what its own clicks are worth at the margin, as
// far as a step and the smallest coin let it.
func TestAdGroupsBidWhatTheirClicksAreWorth(t *testing.T) {
	t.Parallel()
	in := manual(200, 0.4, richGroup, fairGroup, poorGroup)
	in.Policy.DeadBand.MinGain = 0
	out := plan(t, in)
	for id, want := range map[string]float64{"rich": 0.92, "poor": 0.6} { // 15 % of 0.7 is no whole cent
		d := draftOf(out, id)
		if d == nil || d.Field != platform.CPCBid || d.Entity.Type != platform.AdGroup || d.Proposed != eur(want) || d.Expected.GainPerDay <= 0 {
			t.Fatalf("%s: %+v, want %v", id, d, want)
		}
		if why := strings.Join(d.Reasons, " "); !strings.Contains(why, `in the campaign "Campaign a"`) || !strings.Contains(why, "other ad groups") {
			t.Error(why)
		}
	}
	if len(out.Drafts) != 2 {
		t.Errorf("drafts %+v", out.Drafts)
	}
	d := draftOf(out, "rich")
	if e := d.Evidence; math.Abs(e.Conversions-4*56) > 1e-6 || math.Abs(e.Spend-40*56) > 1e-6 || e.K != 0.4 {
		t.Errorf("evidence %+v", e)
	}
	rows := map[string]string{} // lever by name
	for _, r := range out.Targets {
		rows[r.Name] = r.Lever
		if r.ID == "rich" && (r.Level != "ad_group" || r.Under != "google/1/budget/ba" || r.Spend != 40*56 || r.ROAS != 6 || r.LimitedBy != "bid" || r.NextEuro == nil ||
			math.Abs(r.NextEuro.Value-1.44) > 1e-9) {
			t.Errorf("row %+v", r)
		}
	}
	if len(rows) != 4 || rows["Group fair"] != "google/1/ad_group/fair" || rows["Budget a"] != "" {
		t.Errorf("levers of the rows: %v", rows)
	}
	if u := unitOf(t, out, "ba"); u.LimitedBy != "the targets or bids of its ad groups, which are chosen together" || u.WindowSpend != 100*56 {
		t.Errorf("the budget: %+v", u)
	}
}

// What bars the bid of one ad group does not bar the others', and what is of the
// campaign or its budget bars all.
func TestGuardrailsOfAdGroups(t *testing.T) {
	t.Parallel()
	changed := func(kind platform.EntityType, id string, f platform.Field, ours bool) func(*bidding.Input) {
		return func(in *bidding.Input) {
			to := eur(200)
			if f != platform.DailyBudget {
				to = eur(1)
			}
			in.Changes = []bidding.PastChange{{Key: bidding.Key{Platform: platform.Google, AdAccount: "1", Ref: platform.Ref{Type: kind, ID: id}},
				Field: f, At: now.AddDate(0, 0, -2), Date: today - 2, Ours: ours, Old: to * 9 / 10, New: to}}
		}
	}
	for name, c := range map[string]struct {
		edit    func(*bidding.Input)
		drafted []string
		blocked map[string]string // guardrail by ad group
	}{
		"nothing":              {func(*bidding.Input) {}, []string{"poor", "rich"}, nil},
		"its own change":       {changed(platform.AdGroup, "rich", platform.CPCBid, true), []string{"poor"}, map[string]string{"rich": "cool_down"}},
		"somebody's change":    {changed(platform.AdGroup, "poor", platform.CPCBid, false), []string{"rich"}, map[string]string{"poor": "changed_by_others"}},
		"the budget's change":  {changed(platform.Budget, "ba", platform.DailyBudget, true), nil, map[string]string{"rich": "cool_down", "poor": "cool_down"}},
		"one is protected":     {func(in *bidding.Input) { in.Policy.Protected = []string{"Group rich"} }, []string{"poor"}, map[string]string{"rich": "protected"}},
		"a protected campaign": {func(in *bidding.Input) { in.Policy.Protected = []string{"a"} }, nil, map[string]string{"rich": "protected", "poor": "protected"}},
		"an experiment on it all": {func(in *bidding.Input) {
			in.Experiments = map[string]bidding.UnderExperiment{"google/1/campaign/a": {Name: "x"}}
		}, nil, map[string]string{"rich": "experiment", "poor": "experiment"}},
		"few conversions": {func(in *bidding.Input) {
			for i := range in.Accounts[0].Performance[1].Days {
				in.Accounts[0].Performance[1].Days[i].Conversions = 0.1
			}
		}, []string{"poor"}, map[string]string{"rich": "minimum_data"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := manual(200, 0.4, richGroup, fairGroup, poorGroup)
			c.edit(&in)
			out := plan(t, in)
			var drafted []string
			for _, d := range out.Drafts {
				drafted = append(drafted, d.Entity.ID)
			}
			slices.Sort(drafted)
			if !slices.Equal(drafted, c.drafted) || len(out.Blocked) != len(c.blocked) {
				t.Errorf("drafted %v, blocked %+v", drafted, out.Blocked)
			}
			for _, b := range out.Blocked {
				if b.Verdicts[0].Name != c.blocked[b.ID] {
					t.Errorf("%s: %+v", b.ID, b.Verdicts)
				}
			}
		})
	}
}

// An ad group of which nothing is reported, or that bids nothing, is left alone and does
// not bar the others; where none is known the campaign is as before.
func TestAdGroupsWithoutFigures(t *testing.T) {
	t.Parallel()
	fresh, odd := richGroup, richGroup
	fresh.id, fresh.unreported, odd.id, odd.withoutBid = "new", true, "odd", true
	out := plan(t, manual(300, 0.4, richGroup, poorGroup, fresh, odd))
	if draftOf(out, "rich") == nil || draftOf(out, "poor") == nil || len(out.Drafts) != 2 {
		t.Errorf("drafts %+v", out.Drafts)
	}
	if u := unitOf(t, out, "new"); u.LimitedBy != "it has no curve" && u.LimitedBy != "it has not spent anything yet" {
		t.Errorf("the new one is limited by %q", u.LimitedBy)
	}
	if u := unitOf(t, out, "odd"); u.LimitedBy != "demand" || u.Lever != nil {
		t.Errorf("the one without a bid: %+v", u)
	}

	in := manual(200, 0.4, richGroup, poorGroup)
	in.Accounts[0].Performance[2].Days[80].Value = math.NaN()
	out = plan(t, in)
	if u := unitOf(t, out, "poor"); draftOf(out, "rich") == nil || !strings.Contains(u.LimitedBy, "no number") {
		t.Errorf("what is no number: limited by %q, drafts %+v", u.LimitedBy, out.Drafts)
	}

	in = manual(200, 0.4, richGroup, poorGroup)
	in.Accounts[0].Entities[3].Status = platform.Paused
	if d := draftOf(plan(t, in), "rich"); d == nil || d.Evidence.Spend != 70*56 {
		t.Errorf("the only one running is the campaign's: %+v", d)
	}

	for _, b := range []*bidder{&richGroup, &poorGroup} {
		b := *b
		b.unreported = true
		out = plan(t, manual(200, 0.4, b, fresh))
		if len(out.Drafts) != 0 || !strings.Contains(out.Units[0].LimitedBy, "several") || len(out.Units) != 1 {
			t.Errorf("without any figures: %+v, limited by %q", out.Drafts, out.Units[0].LimitedBy)
		}
	}
}

// Ad groups and the target of another campaign under the same budget are chosen at one
// price; worth less than they cost, all of them go down.
func TestAdGroupsBesideACampaignUnderOneBudget(t *testing.T) {
	t.Parallel()
	in := manual(125, 0.4, richGroup, poorGroup)
	other := sharer{id: "b", spend: 40, target: 4.4, eps: 0.6, k: 0.4} // next euro earns 1.06
	a := &in.Accounts[0]
	c := platform.Entity{Ref: platform.Ref{Type: platform.Campaign, ID: "b"}, Name: "B", Status: platform.Enabled, Budget: a.Entities[0].Budget, Channel: "search",
		Fields: map[platform.Field]money.Micros{platform.TargetROAS: eur(other.target)}}
	b := bidder{spend: other.spend, roas: other.target, eps: other.eps, conversions: 4}
	a.Entities = append(a.Entities, c)
	a.Performance = append(a.Performance, bidding.Series{Entity: c.Ref, Days: b.days()})
	in.Curves.Curves = append(in.Curves.Curves, b.curve("google/1/campaign/b"))
	in.Worth["google:b"] = in.Worth["google:a"]
	out := plan(t, in)
	if d := draftOf(out, "rich"); d == nil || d.Proposed <= eur(0.8) {
		t.Errorf("rich: %+v", d)
	}
	if d := draftOf(out, "poor"); d == nil || d.Proposed >= eur(0.7) {
		t.Errorf("poor: %+v", d)
	}
	if u := unitOf(t, out, "b"); u.Within == nil || u.Lever == nil || unitOf(t, out, "rich").Within.ID != "ba" {
		t.Errorf("B: %+v", u)
	}
	if u := unitOf(t, out, "ba"); !strings.Contains(u.LimitedBy, "ad groups and campaigns") && !strings.Contains(u.LimitedBy, "budget") {
		t.Errorf("the budget is limited by %q", u.LimitedBy)
	}

	out = plan(t, manual(200, 0, richGroup, fairGroup, poorGroup))
	for id, want := range map[string]float64{"rich": 0.68, "fair": 0.43, "poor": 0.6} {
		if d := draftOf(out, id); d == nil || d.Proposed != eur(want) {
			t.Errorf("%s, whose sales are worth nothing: %+v, want %v", id, d, want)
		}
	}
}

// Whatever the ad groups, no bid moves beyond the hard limit or to a part of a coin,
// and none up whose next unit of money earns less than it costs.
func TestBidsOfAdGroupsHold(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		var bs []bidder
		var spent float64
		for i := range rapid.IntRange(2, 5).Draw(rt, "ad groups") {
			b := bidder{id: string(rune('a' + i)), spend: rapid.Float64Range(0.5, 200).Draw(rt, "spend"), roas: rapid.Float64Range(0.2, 15).Draw(rt, "roas"),
				eps: rapid.Float64Range(0.1, 0.9).Draw(rt, "eps"), bid: math.Round(100*rapid.Float64Range(0.01, 9).Draw(rt, "bid")) / 100,
				conversions: rapid.Float64Range(0, 10).Draw(rt, "conversions"), unreported: rapid.IntRange(0, 5).Draw(rt, "unreported") == 0}
			bs, spent = append(bs, b), spent+b.spend
		}
		k := rapid.Float64Range(0, 1.5).Draw(rt, "k")
		in := manual(math.Ceil(spent*rapid.Float64Range(0.9, 3).Draw(rt, "room")), k, bs...)
		in.Policy.Step.Default = rapid.Float64Range(0.05, 0.2).Draw(rt, "step")
		out, err := bidding.Plan(in)
		if err != nil {
			rt.Fatal(err)
		}
		for _, d := range out.Drafts {
			if d.Field == platform.DailyBudget {
				continue
			}
			i := slices.IndexFunc(bs, func(b bidder) bool { return b.id == d.Entity.ID })
			if step := math.Abs(float64(d.Proposed)/float64(d.Seen) - 1); step > in.Policy.Step.HardLimit+1e-9 || d.Proposed%10_000 != 0 {
				rt.Fatalf("%+v goes from %v to %v", bs[i], d.Seen, d.Proposed)
			}
			if next := k * bs[i].eps * bs[i].roas; d.Proposed > d.Seen && next < 1 {
				rt.Fatalf("%+v earns %v with its next euro and bids more", bs[i], next)
			}
			if bs[i].conversions*56 < in.Policy.Minimum.Conversions {
				rt.Fatalf("%+v has too few conversions", bs[i])
			}
		}
	})
}
