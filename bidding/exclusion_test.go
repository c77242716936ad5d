package bidding

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"adsteward/bidding/guard"
	"adsteward/bidding/response"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

var (
	itemsFrom, _ = civil.Parse("2026-03-01")
	itemsTo      = itemsFrom + 29
	shopping     = Key{platform.Google, "g1", platform.Ref{Type: platform.Campaign, ID: "55"}}
	catalogue    = Key{platform.Meta, "m1", platform.Ref{Type: platform.Campaign, ID: "66"}}
)

func euros(f float64) money.Micros { return money.Micros(math.Round(f * 1e6)) }

func costs(f float64) *money.Micros { m := euros(f); return &m }

// shelf is a shop whose items sell once in 20 clicks at 60, of which 0.4 is margin
// and 0.8 is caused by ads; a click costs 0.5. So a usual item earns 0.46 a click.
func shelf(items ...ItemFacts) ExclusionInput {
	in := Input{Now: time.Date(2026, 3, 31, 4, 30, 0, 0, time.UTC), Currency: "EUR", Policy: guard.Default(),
		DefaultWorth: Worth{Margin: 0.4, LTVMultiple: 1, IncrementalShare: 0.8},
		Accounts: []Account{
			{Platform: platform.Google, ID: "g1", Today: itemsTo + 1, LastData: itemsTo, Lag: response.Lag{Share: []float64{1}},
				Entities: []platform.Entity{{Ref: shopping.Ref, Name: "Shopping", Budget: platform.Ref{Type: platform.Budget, ID: "7"}}}},
			{Platform: platform.Meta, ID: "m1", Today: itemsTo + 1, LastData: itemsTo, Lag: response.Lag{Share: []float64{1}}}}}
	x := ExclusionInput{Input: &in, From: itemsFrom, To: itemsTo, Settled: map[string]bool{},
		Platforms: []ItemPlatform{{platform.Google, 1000, true, nil}, {platform.Meta, 1000, false, nil}}}
	for i := range 40 {
		usual := shelfItem(fmt.Sprintf("usual-%02d", i), 200, 10)
		x.Items = append(x.Items, usual, onMeta(usual))
	}
	x.Items = append(x.Items, items...)
	return x
}

// item spent 0.5 a click and sold at 60.
func shelfItem(id string, clicks int64, sales float64) ItemFacts {
	return ItemFacts{Platform: platform.Google, ID: id, Title: "T " + id, Price: euros(60), UnitCost: costs(30), Recent: true,
		Lines: []ItemLine{{shopping, 0.5 * float64(clicks), 60 * sales, sales, clicks}}}
}

func onMeta(it ItemFacts) ItemFacts {
	it.Platform = platform.Meta
	it.Lines = []ItemLine{{Campaign: catalogue, Spend: it.Lines[0].Spend, Clicks: it.Lines[0].Clicks}}
	return it
}

func changed(it ItemFacts, change func(*ItemFacts)) ItemFacts { change(&it); return it }

func TestItemsProposedToBeExcluded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		item ItemFacts
		want string // the reason, "" for none
	}{
		{"sells as others do", shelfItem("x", 200, 10), ""},
		{"many clicks and no sale", shelfItem("x", 400, 0), ItemLosing},
		{"no sale, but few clicks prove nothing", shelfItem("x", 60, 0), ""},
		{"below the clicks of the policy", shelfItem("x", 49, 0), ""},
		{"of a margin that does not pay", changed(shelfItem("x", 600, 30), func(i *ItemFacts) { i.UnitCost = costs(57) }), ItemLosing},
		{"of unknown cost, at the campaign's margin", changed(shelfItem("x", 600, 30), func(i *ItemFacts) { i.UnitCost = nil }), ""},
		{"below cost, but other goods of its orders pay", changed(shelfItem("x", 400, 20), func(i *ItemFacts) {
			i.UnitCost, i.Lines[0].Value = costs(61), 20*200
		}), ""},
		{"no longer advertised", changed(shelfItem("x", 400, 0), func(i *ItemFacts) { i.Recent = false }), ""},
		{"in no feed", changed(shelfItem("x", 200, 2), func(i *ItemFacts) { i.Unfit = ItemMissing }), ItemMissing},
		{"with errors", changed(shelfItem("x", 200, 2), func(i *ItemFacts) { i.Unfit = ItemErrors }), ItemErrors},
		{"with errors that do not keep it from earning", changed(shelfItem("x", 200, 20), func(i *ItemFacts) { i.Unfit = ItemErrors }), ""},
		{"out of stock, which platforms see to", changed(shelfItem("x", 60, 0), func(i *ItemFacts) { i.Unfit = "out_of_stock" }), ""},
		{"no sale on Meta, which tells none", onMeta(shelfItem("x", 4000, 0)), ""},
		{"below cost on Meta", onMeta(changed(shelfItem("x", 400, 0), func(i *ItemFacts) { i.UnitCost = costs(61) })), ItemBelowCost},
		{"in no feed on Meta", onMeta(changed(shelfItem("x", 400, 0), func(i *ItemFacts) { i.Unfit = ItemMissing })), ItemMissing},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			plan := PlanExclusions(shelf(c.item))
			got := ""
			for _, d := range plan.Drafts {
				if d.Entity.ID != "x" || d.Seen != 0 || d.Proposed != money.One || d.Field != platform.Excluded || len(d.Reasons) < 2 {
					t.Fatalf("proposed: %+v", d)
				}
				got = d.Item.Reason
			}
			if got != c.want || len(plan.Blocked) != 0 {
				t.Errorf("%q, want %q; blocked: %+v", got, c.want, plan.Blocked)
			}
		})
	}
}

// Where sales have no value, as with leads, nothing is said of any item.
func TestSalesWithoutValueSayNothing(t *testing.T) {
	t.Parallel()
	in := shelf(shelfItem("x", 800, 0))
	for i := range in.Items {
		for k := range in.Items[i].Lines {
			in.Items[i].Lines[k].Value = 0
		}
	}
	if plan := PlanExclusions(in); len(plan.Drafts)+len(plan.Blocked) != 0 {
		t.Errorf("%+v", plan)
	}
}

// The probability of a loss is that of a negative binomial model: for a whole
// shape it is one less a sum of Poisson terms.
func TestItemLossProbability(t *testing.T) {
	t.Parallel()
	in := shelf(shelfItem("x", 300, 2))
	p := exclusionPlanner{in: in, prior: map[platform.Name]itemPrior{}, campaign: map[string]ItemLine{}}
	p.learn()
	e := p.evidence(in.Items[80])
	// The campaign's other items sold 400 times with 8,000 clicks.
	all := 402.0 / 8300
	if want := 300 * (400 + 100*all) / 8100; math.Abs(e.Due-want) > 1e-9 || e.Arrived != 1 || math.Abs(e.Typical-0.4*0.8*60) > 1e-9 {
		t.Errorf("evidence: %+v, want due %v", e, want)
	}
	e.Spread = 3
	l, ok := p.judge(e, euros(60), costs(30))
	sale := (0.8*2*30 + e.Typical) / 3
	x := (3 + e.Due) * 150 / (e.Due * sale)
	want, term := 1.0, math.Exp(-x)
	for k := range 5 { // shape 3 + 2
		want -= term
		term *= x / float64(k+1)
	}
	if !ok || math.Abs(l.sale-sale) > 1e-9 || math.Abs(l.probability-want) > 1e-9 {
		t.Errorf("%+v, want %v of %v a sale", l, want, sale)
	}
	if mean := 150 - e.Due*sale*5/(3+e.Due); math.Abs(l.mean-mean) > 1e-9 || !(l.low < mean && mean < l.high) {
		t.Errorf("loss %v in %v to %v, want %v", l.mean, l.low, l.high, mean)
	}
	// Sales that are not reported yet speak for the item, and so do lower costs.
	late := e
	late.Arrived = 0.6
	if l2, _ := p.judge(late, euros(60), costs(30)); !(l2.probability < l.probability) {
		t.Errorf("with sales to come %v, without %v", l2.probability, l.probability)
	}
	if l2, _ := p.judge(e, euros(60), costs(10)); !(l2.probability < l.probability) {
		t.Errorf("at a lower cost %v, before %v", l2.probability, l.probability)
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1)} {
		broken := e
		broken.Typical = bad
		if l, ok := p.judge(broken, euros(60), costs(30)); ok {
			t.Errorf("a worth of %v is judged: %+v", bad, l)
		}
	}
}

// Of the items that are said to lose money with a probability of at least 0.9, at
// least nine in ten do, where items differ as is assumed: chance is not taken for a
// loss, however many items are looked at.
func TestItemLossIsCalibrated(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(8, 9))
	in := shelf()
	p := exclusionPlanner{in: in}
	said, lose, all := 0, 0, 0
	for range 20_000 {
		clicks := 50 + r.Int64N(1500)
		due := float64(clicks) / 20
		theta := (r.ExpFloat64() + r.ExpFloat64()) / 2 // Gamma of shape 2 and mean 1
		n := 0.0
		for x := r.ExpFloat64(); x < theta*due; x += r.ExpFloat64() {
			n++
		}
		sale := 0.8 * 0.4 * 60
		e := ItemEvidence{Due: due, Arrived: 1, Spread: 2, Typical: sale, Lines: []ItemLine{{shopping, 0.7 * float64(clicks), 60 * n, n, clicks}}}
		l, ok := p.judge(e, euros(60), costs(36))
		if !ok || math.Abs(l.sale-sale) > 1e-9 {
			t.Fatalf("%+v", l)
		}
		loses := theta*due*sale < l.spend
		if loses {
			all++
		}
		if l.probability >= 0.9 {
			if said++; loses {
				lose++
			}
		}
	}
	if share := float64(lose) / float64(said); share < 0.9 || said < all/4 || all > 15_000 {
		t.Errorf("%d of 20000 lose, %d are said to, %.3f of these do", all, said, share)
	}
}

// However many items fail, what is out at once keeps within the shares, the most
// money goes first, and what is held back says which setting did it.
func TestExclusionsKeepWithinTheirShare(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	for range 100 {
		in := shelf()
		in.Policy.Exclude.MaxPerNight = 1 + r.IntN(30)
		in.Platforms[0].Items = 50 + r.IntN(1000)
		for i := range r.IntN(60) {
			in.Items = append(in.Items, changed(shelfItem(fmt.Sprint("bad-", i), 100+r.Int64N(2000), 0), func(f *ItemFacts) {
				if r.IntN(3) == 0 {
					f.Unfit = ItemMissing
				}
			}))
		}
		share := guard.ItemShare{Items: in.Platforms[0].Items}
		for _, it := range in.Items {
			if it.Platform == platform.Google {
				share.Spend += it.Lines[0].Spend
			}
		}
		for i := range r.IntN(20) {
			x := InForce{Key: Key{platform.Google, "", platform.Ref{Type: platform.Item, ID: fmt.Sprint("out-", i)}}, Since: itemsTo - 3, Spend: 100 * r.Float64(),
				ItemEvidence: ItemEvidence{Reason: ItemErrors}}
			in.InForce = append(in.InForce, x)
			in.Items = append(in.Items, ItemFacts{Platform: platform.Google, ID: x.ID, Unfit: ItemErrors})
			share.Add(1, x.Spend)
			share.Spend += x.Spend
		}
		plan := PlanExclusions(in)
		before := math.Inf(1)
		for _, d := range plan.Drafts {
			share.Add(1, d.Evidence.Spend)
			if d.Expected.GainPerDay > before {
				t.Fatalf("%s loses more than the one before it", d.Entity.ID)
			}
			before = d.Expected.GainPerDay
		}
		if len(plan.Drafts) > 0 && (float64(share.Excluded) > 0.05*float64(share.Items) || share.ExcludedSpend > 0.2*share.Spend) || len(plan.Drafts) > in.Policy.Exclude.MaxPerNight {
			t.Fatalf("%d proposed: %+v", len(plan.Drafts), share)
		}
		for _, b := range plan.Blocked {
			if v := b.Verdicts[0]; v.Name != "excluded_share" || !strings.HasPrefix(v.Setting, "exclude.max_") || v.Detail == "" {
				t.Fatalf("held back by %+v", v)
			}
		}
	}
}

// Where a whole feed is wrong, not every one of its items is listed.
func TestAWrongFeedExcludesLittle(t *testing.T) {
	t.Parallel()
	in := shelf()
	in.Platforms[0].Items = 60
	for i := range 3000 {
		in.Items = append(in.Items, changed(shelfItem(fmt.Sprint("bad-", i), 200, 0), func(f *ItemFacts) { f.Unfit = ItemErrors }))
	}
	plan := PlanExclusions(in)
	if len(plan.Drafts) != 3 || len(plan.Blocked) != mostHeld || !strings.Contains(plan.Blocked[0].Verdicts[0].Detail, "4 of 60 items") {
		t.Errorf("%d proposed, %d held back", len(plan.Drafts), len(plan.Blocked))
	}
}

func TestGuardrailsOfExclusions(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*ExclusionInput){
		"kill_switch":  func(in *ExclusionInput) { in.KillSwitch = "it is on" },
		"protected":    func(in *ExclusionInput) { in.Policy.Protected = []string{"x"} },
		"protected by": func(in *ExclusionInput) { in.Policy.Protected = []string{"Shopping"} },
		"experiment":   func(in *ExclusionInput) { in.Experiments = map[string]UnderExperiment{shopping.String(): {Name: "E"}} },
		"experiment of": func(in *ExclusionInput) {
			in.Experiments = map[string]UnderExperiment{"google/g1/budget/7": {Name: "E"}}
		},
		"black_out":       func(in *ExclusionInput) { in.Policy.BlackOut = []guard.BlackOut{{From: itemsTo, To: itemsTo + 5}} },
		"freshness":       func(in *ExclusionInput) { in.Accounts[0].LastData -= 5 },
		"tracking_outage": func(in *ExclusionInput) { in.Outages = []response.Outage{{Platform: "google", Date: itemsTo}} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := shelf(changed(shelfItem("x", 800, 0), func(i *ItemFacts) { i.Unfit = ItemMissing }))
			change(&in)
			plan := PlanExclusions(in)
			rail, _, _ := strings.Cut(name, " ")
			if len(plan.Drafts) != 0 || len(plan.Blocked) != 1 || plan.Blocked[0].Verdicts[0].Name != rail || plan.Blocked[0].Wanted != money.One {
				t.Errorf("proposed %+v, held back %+v", plan.Drafts, plan.Blocked)
			}
		})
	}
	in := shelf(shelfItem("x", 800, 0))
	in.Settled["google//item/x"] = true
	if plan := PlanExclusions(in); len(plan.Drafts)+len(plan.Blocked) != 0 {
		t.Errorf("somebody has spoken on it: %+v", plan)
	}
	in = shelf(shelfItem("x", 800, 0))
	in.Policy.Exclude.MaxPerNight = 0
	if plan := PlanExclusions(in); len(plan.Drafts)+len(plan.Blocked) != 0 {
		t.Errorf("nothing is wanted: %+v", plan)
	}
}

// An exclusion is lifted once what asked for it is gone, and not before.
func TestExclusionsAreLifted(t *testing.T) {
	t.Parallel()
	key := Key{platform.Google, "", platform.Ref{Type: platform.Item, ID: "x"}}
	now := ItemFacts{Platform: platform.Google, ID: "x", Title: "T", Price: euros(60), UnitCost: costs(57)}
	losing := PlanExclusions(shelf(changed(shelfItem("x", 600, 30), func(i *ItemFacts) { i.UnitCost = costs(57) }))).Drafts[0]
	of := func(reason string) InForce {
		return InForce{Key: key, Name: "T", Since: itemsTo - 40, Spend: 300, ItemEvidence: ItemEvidence{Reason: reason, UnitCost: costs(57), Price: euros(60)}}
	}
	was := of(ItemLosing)
	was.ItemEvidence = *losing.Item
	for _, c := range []struct {
		name  string
		was   InForce
		now   ItemFacts
		since civil.Date
		want  string
	}{
		{"still losing", was, now, itemsTo - 40, ""},
		{"cheaper to make", was, changed(now, func(i *ItemFacts) { i.UnitCost = costs(20) }), itemsTo - 40, liftPays},
		{"of no feed any more", was, changed(now, func(i *ItemFacts) { i.Unfit = ItemMissing }), itemsTo - 40, liftGone},
		{"long ago", was, now, itemsTo - 90, liftTrial},
		{"still with errors", of(ItemErrors), changed(now, func(i *ItemFacts) { i.Unfit = ItemErrors }), itemsTo - 1, ""},
		{"mended", of(ItemErrors), now, itemsTo - 1, liftBack},
		{"back in the feed with errors", of(ItemMissing), changed(now, func(i *ItemFacts) { i.Unfit = ItemErrors }), itemsTo - 1, ""},
		{"back in the feed", of(ItemMissing), now, itemsTo - 1, liftBack},
		{"still missing", of(ItemMissing), changed(now, func(i *ItemFacts) { i.Unfit = ItemMissing }), itemsTo - 1, ""},
		{"below cost", of(ItemBelowCost), changed(now, func(i *ItemFacts) { i.UnitCost = costs(60) }), itemsTo - 1, ""},
		{"above cost", of(ItemBelowCost), now, itemsTo - 1, liftPays},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			in := shelf(c.now)
			c.was.Since = c.since
			in.InForce = []InForce{c.was}
			plan := PlanExclusions(in)
			got := ""
			for _, d := range plan.Drafts {
				if got = d.Item.Lifts; d.Seen != money.One || d.Proposed != 0 || d.Item.Reason != c.was.Reason || len(d.Reasons) < 3 {
					t.Errorf("proposed: %+v", d)
				}
			}
			if got != c.want {
				t.Errorf("lifted for %q, want %q", got, c.want)
			}
			in.Experiments = map[string]UnderExperiment{shopping.String(): {Name: "E"}}
			if plan := PlanExclusions(in); len(c.was.Lines) > 0 && len(plan.Drafts) != 0 {
				t.Errorf("an experiment runs on its campaign: %+v", plan.Drafts)
			}
			in.Experiments, in.Settled[key.String()] = nil, true
			if plan := PlanExclusions(in); len(plan.Drafts) != 0 {
				t.Errorf("somebody has spoken on it: %+v", plan.Drafts)
			}
		})
	}
}

// The order in which items come does not matter, and a plan is the same twice.
func TestExclusionsAreThePlanOfAnyOrder(t *testing.T) {
	t.Parallel()
	in := shelf(shelfItem("x", 600, 0), shelfItem("y", 500, 1), shelfItem("z", 500, 1))
	first := PlanExclusions(in)
	slices.Reverse(in.Items)
	second := PlanExclusions(in)
	if len(first.Drafts) != 3 || len(second.Drafts) != 3 {
		t.Fatalf("%d and %d proposed", len(first.Drafts), len(second.Drafts))
	}
	for i := range first.Drafts {
		if a, b := first.Drafts[i], second.Drafts[i]; a.Entity != b.Entity || math.Abs(*a.Item.Loss-*b.Item.Loss) > 1e-12 {
			t.Errorf("place %d: %s and %s", i, a.Entity.ID, b.Entity.ID)
		}
	}
}
