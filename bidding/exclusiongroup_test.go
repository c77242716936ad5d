package bidding

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"adsteward/bidding/guard"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// family is n items of some groups, each with so many clicks and sales.
func family(prefix string, n int, clicks int64, sales float64, groups ...string) (out []ItemFacts) {
	for i := range n {
		out = append(out, changed(shelfItem(fmt.Sprint(prefix, i), clicks, sales), func(it *ItemFacts) { it.Groups = groups }))
	}
	return out
}

// grouped is a shelf whose feeds hold its items' groups, and so many more of each
// as ads have not shown.
func grouped(unseen int, families ...[]ItemFacts) ExclusionInput {
	in := shelf(slices.Concat(families...)...)
	for i := range in.Platforms {
		pl := &in.Platforms[i]
		pl.Groups = map[string][]ItemName{}
		for _, it := range in.Items {
			for _, g := range it.Groups {
				if it.Platform == pl.Name {
					pl.Groups[g] = append(pl.Groups[g], ItemName{it.ID, it.Title})
				}
			}
		}
		for g := range pl.Groups {
			for k := range unseen {
				pl.Groups[g] = append(pl.Groups[g], ItemName{ID: fmt.Sprint(g, "-unseen-", k)})
			}
		}
	}
	return in
}

// proposedIn lists what a plan would keep out, in its order.
func proposedIn(plan ExclusionPlan) string {
	var out []string
	for _, d := range plan.Drafts {
		out = append(out, d.Entity.ID)
	}
	return strings.Join(out, ", ")
}

func TestGroupsProposedToBeExcluded(t *testing.T) {
	t.Parallel()
	bad := func(n int, groups ...string) []ItemFacts { return family("bad", n, 48, 0, groups...) } // below the clicks that single items need
	good := func(n int, groups ...string) []ItemFacts { return family("good", n, 48, 2, groups...) }
	unfit := func(items []ItemFacts) []ItemFacts {
		for i := range items {
			items[i].Unfit = ItemErrors
		}
		return items
	}
	lowMargin := family("thin", 8, 48, 2, "brand=A")
	for i := range lowMargin {
		lowMargin[i].UnitCost = costs(58)
	}
	meta := family("m", 4, 400, 0, "brand=A")
	for i := range meta {
		meta[i] = onMeta(changed(meta[i], func(it *ItemFacts) { it.UnitCost = costs(61) }))
	}
	viewed := family("pays", 1, 0, 2, "brand=A")
	viewed[0].Lines[0].Spend = 5
	for _, c := range []struct {
		name string
		in   ExclusionInput
		want string
	}{
		{"sparse items that sell nothing together", grouped(0, bad(10, "brand=A")), "brand=A"},
		{"so few of them prove nothing", grouped(0, bad(3, "brand=A")), ""},
		{"sparse items that sell as others do", grouped(0, good(10, "brand=A")), ""},
		{"of no margin, each at its own cost", grouped(0, lowMargin), "brand=A"},
		{"one bad item among items as good as others", grouped(0, family("worst", 1, 1500, 0, "brand=A"), good(10, "brand=A")), "worst0"},
		{"one bad item among items that had few clicks", grouped(0, family("worst", 1, 900, 0, "brand=A"), family("few", 8, 6, 0, "brand=A")), "worst0"},
		{"an item in it pays", grouped(0, bad(30, "brand=A"), family("pays", 1, 200, 12, "brand=A")), ""},
		{"an item in it pays without a click", grouped(0, bad(14, "brand=A"), viewed), ""},
		{"an item in it was lucky once", grouped(0, bad(14, "brand=A"), family("luck", 1, 20, 1, "brand=A")), "brand=A"},
		{"the same items by three attributes", grouped(0, bad(10, "item_group_id=G", "product_type=S", "product_type=S > R", "brand=A")), "item_group_id=G"},
		{"the same items by two, of which the wider says more", grouped(0, bad(10, "item_group_id=G", "brand=A"), family("more", 20, 96, 5, "item_group_id=H")), "item_group_id=G"},
		{"the same items on two levels", grouped(0, bad(10, "product_type=S", "product_type=S > R")), "product_type=S > R"},
		{"a brand that is fine but for one type of it", grouped(0, bad(20, "product_type=S", "product_type=S > R", "brand=A"), family("fine", 4, 48, 2, "product_type=S", "product_type=S > T", "brand=A")), "product_type=S > R"},
		{"a bad type, and one that may lose as well", grouped(0, bad(20, "product_type=S", "product_type=S > R"), family("so", 6, 24, 0, "product_type=S", "product_type=S > T")), "product_type=S > R"},
		{"two types that both lose", grouped(0, bad(10, "product_type=S", "product_type=S > R"), family("also", 10, 48, 0, "product_type=S", "product_type=S > T")), "product_type=S"},
		{"groups that share items", grouped(0, bad(10, "brand=A", "item_group_id=G"), family("other", 12, 48, 0, "brand=A", "product_type=T"), family("third", 2, 48, 0, "product_type=T")), "brand=A"},
		{"ads showed few of its items", grouped(31, bad(10, "brand=A")), ""},
		{"a third is shown", grouped(20, bad(10, "brand=A")), "brand=A"},
		{"each has errors", grouped(0, unfit(family("e", 3, 120, 0, "brand=A"))), "brand=A"},
		{"two have errors", grouped(0, unfit(family("e", 2, 120, 0, "brand=A"))), "e0, e1"},
		{"not all have errors", grouped(0, unfit(family("e", 3, 120, 0, "brand=A")), good(1, "brand=A")), "e0, e1, e2"},
		{"errors that do not keep it from earning", grouped(0, unfit(family("e", 3, 60, 9, "brand=A"))), ""},
		{"no sale on Meta, which tells none", grouped(0, []ItemFacts{onMeta(bad(1, "brand=A")[0])}), ""},
		{"below cost on Meta", grouped(0, meta), "brand=A"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for i := range c.in.Platforms {
				c.in.Platforms[i].Items = 5000
			}
			plan := PlanExclusions(c.in)
			if got := proposedIn(plan); got != c.want || len(plan.Blocked) > 0 {
				t.Errorf("proposed %q, want %q; held back: %+v", got, c.want, plan.Blocked)
			}
		})
	}
}

// simulatedGroups is a shop of so many groups of a few items each, of which most
// had few clicks. Groups differ by the variance between, items in one by within;
// worth is what a group's ads truly earn, by its id.
func simulatedGroups(r *rand.Rand, groups int, between, within float64) (in ExclusionInput, worth map[string]float64) {
	gamma := func(variance float64) float64 {
		if variance == 0 {
			return 1
		}
		return distuv.Gamma{Alpha: 1 / variance, Beta: 1 / variance, Src: r}.Rand()
	}
	worth = map[string]float64{}
	var items []ItemFacts
	for g := range groups {
		id, mean := fmt.Sprint("brand=", g), gamma(between)
		for i := range 4 + r.IntN(12) {
			clicks := 10 + r.Int64N(50)
			theta := mean * gamma(within)
			n := distuv.Poisson{Lambda: theta * float64(clicks) / 20, Src: r}.Rand()
			items = append(items, changed(shelfItem(fmt.Sprint(g, "-", i), clicks, n), func(it *ItemFacts) { it.UnitCost, it.Groups = costs(36), []string{id} }))
			worth[id] += theta*float64(clicks)/20*0.8*24 - 0.5*float64(clicks)
		}
	}
	in = grouped(0, items)
	in.Platforms[0].Items = len(items)
	in.Policy.Exclude.MaxItems, in.Policy.Exclude.MaxSpend, in.Policy.Exclude.MaxPerNight = 1, 1, 1000
	return in, worth
}

// Of the groups that are said to lose money, as many do as their probabilities say,
// where groups differ and where only their items do; healthy ones are hardly ever
// thrown out.
func TestGroupLossIsCalibrated(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		between, within float64
		least           float64 // found, of the groups that lose
	}{{0.5, 0.3, 0.15}, {0.5, 0, 0.15}, {0.3, 0, 0.03}, {0.15, 0.5, 0}, {0, 0.5, 0}, {0, 0, 0}} {
		t.Run(fmt.Sprintf("between %v, within %v", c.between, c.within), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(11, 12))
			said, right, stated, lose, healthy := 0.0, 0.0, 0.0, 0.0, 0.0
			for range 20 {
				in, worth := simulatedGroups(r, 200, c.between, c.within)
				for _, w := range worth {
					if w < 0 {
						lose++
					} else {
						healthy++
					}
				}
				for _, d := range PlanExclusions(in).Drafts {
					if d.Entity.Type == platform.ProductGroup {
						if said, stated = said+1, stated+*d.Item.Loss; worth[d.Entity.ID] < 0 {
							right++
						}
					}
				}
			}
			chance := 3 * math.Sqrt(said*0.1*0.9) // what 0.9 of so many may miss by
			t.Logf("%v groups lose, %v are healthy; %v proposed (stated %.3f), %v of these lose", lose, healthy, said, stated/said, right)
			if right < 0.9*said-chance || right < stated-chance || said < c.least*lose || said-right > 0.002*healthy {
				t.Errorf("%v of %v that lose are proposed and %v of %v that do not; the probabilities come to %v", right, lose, said-right, healthy, stated)
			}
		})
	}
}

// How much groups differ is found from items that sell as others of their group do;
// the variance of one group's mean lies between that of groups and that of items.
func TestGroupsDifferByWhatTheirItemsShare(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ between, within, want, tolerance float64 }{{0.5, 0.3, 0.5, 0.1}, {0.25, 0, 0.25, 0.06}, {0, 0.5, leastBetween, 1e-9}} {
		in, _ := simulatedGroups(rand.New(rand.NewPCG(3, 4)), 1500, c.between, c.within)
		p := exclusionPlanner{in: in, prior: map[platform.Name]itemPrior{}, campaign: map[string]ItemLine{}, between: map[string]float64{},
			share: map[platform.Name]*guard.ItemShare{platform.Google: {}}}
		p.learn()
		p.pool()
		if got := p.between["google/brand"]; math.Abs(got-c.want) > c.tolerance {
			t.Errorf("between groups of variance %v and items of %v: %v", c.between, c.within, got)
		}
		v := 1 / p.prior[platform.Google].spread
		g := p.groups[0]
		if one := g.part(func(i int) bool { return i == 0 }); math.Abs(p.spread(one)-1/v) > 1e-9 {
			t.Errorf("one item has the shape %v, items %v", p.spread(one), 1/v)
		}
		b := p.between["google/brand"]
		for _, c := range []struct {
			due  []float64
			want float64 // items that it counts for
		}{{[]float64{2, 2, 2, 2}, 4}, {[]float64{3, 1}, 1.6}} {
			if s := 1 / p.spread(&productGroup{key: g.key, due: c.due}); math.Abs(s-(b+(v-b)/c.want)) > 1e-12 {
				t.Errorf("a group of dues %v has the variance %v", c.due, s)
			}
		}
	}
}

// The evidence of a group is the sum of its items, each at its own price and cost,
// held against the items outside of it.
func TestAGroupIsTheSumOfItsItems(t *testing.T) {
	t.Parallel()
	other := Key{platform.Google, "g1", platform.Ref{Type: platform.Campaign, ID: "77"}}
	items := family("bad", 12, 48, 0, "brand=A")
	items[0].Lines = append(items[0].Lines, ItemLine{other, 30, 120, 2, 60})
	items[1].Lines[0].Value, items[1].Lines[0].Conversions, items[1].UnitCost = 60, 1, costs(45)
	plan := PlanExclusions(grouped(3, items))
	if len(plan.Drafts) != 1 {
		t.Fatalf("%+v", plan)
	}
	d := plan.Drafts[0]
	e, g := d.Item, d.Item.Group
	if d.Name != "Brand A, 15 items" || d.Entity.Type != platform.ProductGroup || d.Field != platform.Excluded || d.Seen != 0 || d.Proposed != money.One {
		t.Errorf("%+v", d)
	}
	if e.Clicks != 12*48+60 || d.Evidence.Spend != 12*24+30 || d.Evidence.Conversions != 3 || len(e.Lines) != 2 || e.Lines[0].Clicks != 12*48 || e.Reason != ItemLosing {
		t.Errorf("%+v of %+v", e, d.Evidence)
	}
	// Outside of the group the campaign sold 400 times with 8,000 clicks; of the other there is nothing else.
	all := 403.0 / (8000 + 12*48 + 60)
	if want := 12*48*(400+100*all)/8100 + 60*all; math.Abs(e.Due-want) > 1e-9 {
		t.Errorf("due %v, want %v", e.Due, want)
	}
	if g.Items != 15 || g.Shown != 12 || len(g.Members) != 12 || g.Members[0].ID != "bad0" || g.Members[0].Total().Clicks != 108 || g.Rest != 0 || *g.WithoutWorst < 0.9 || g.Worst == "" {
		t.Errorf("%+v", g)
	}
	if want := "EUR " + fmt.Sprintf("%.2f", 0.8*(2*30+1*15)); !strings.Contains(d.Reasons[0], "Ads for 12 of its 15 items cost EUR 318.00") || !strings.Contains(d.Reasons[0], want) {
		t.Errorf("%q, want a worth of %s", d.Reasons[0], want)
	}
	many := PlanExclusions(func() ExclusionInput {
		in := grouped(0, family("bad", mostMembers+20, 48, 0, "brand=A"))
		in.Platforms[0].Items, in.Policy.Exclude.MaxSpend = 5000, 1
		return in
	}()).Drafts
	if len(many) != 1 || len(many[0].Item.Group.Members) != mostMembers || many[0].Item.Group.Shown != mostMembers+20 {
		t.Errorf("of a large group %d are proposed: %s", len(many), proposedIn(ExclusionPlan{Drafts: many}))
	}
}

// The items of a group count one by one in the shares, the group as one change.
func TestGroupsKeepWithinTheirShare(t *testing.T) {
	t.Parallel()
	of := func(items, perNight int) ExclusionPlan {
		in := grouped(0, family("bad", 10, 48, 0, "brand=A"), family("also", 10, 48, 0, "brand=B"), family("loss", 1, 800, 0))
		in.Platforms[0].Items, in.Policy.Exclude.MaxPerNight = items, perNight
		return PlanExclusions(in)
	}
	for _, c := range []struct {
		items, perNight int
		want, blocked   string
	}{
		{1000, 20, "brand=A, brand=B, loss0", ""},
		{1000, 2, "brand=A, brand=B", ""},
		{1000, 1, "brand=A", ""},
		{229, 20, "brand=A, loss0", "brand=B"}, // 5 % are 11 items
		{199, 20, "loss0", "brand=A, brand=B"},
	} {
		plan := of(c.items, c.perNight)
		var blocked []string
		for _, b := range plan.Blocked {
			blocked = append(blocked, b.ID)
			if v := b.Verdicts[0]; v.Setting != "exclude.max_items" {
				t.Errorf("%d items: %+v", c.items, v)
			}
		}
		slices.Sort(blocked)
		if got := proposedIn(plan); got != c.want || strings.Join(blocked, ", ") != c.blocked {
			t.Errorf("of %d items, %d a night: %q and held back %q", c.items, c.perNight, got, blocked)
		}
	}
}

// However many groups are held back, single items still have their turn.
func TestGroupsHeldBackLeaveRoomForItems(t *testing.T) {
	t.Parallel()
	var items [][]ItemFacts
	for i := range 120 {
		items = append(items, family(fmt.Sprint("bad", i, "-"), 10, 48, 0, fmt.Sprint("brand=", i)))
	}
	in := grouped(0, append(items, family("loss", 2, 2000, 0))...)
	in.Platforms[0].Items, in.Policy.Exclude.MaxSpend = 60, 1 // 5 % are 3 items
	plan := PlanExclusions(in)
	if got := proposedIn(plan); got != "loss0, loss1" || len(plan.Blocked) < mostHeld/2 || len(plan.Blocked) > mostHeld {
		t.Errorf("proposed %q, %d held back", got, len(plan.Blocked))
	}
}

// What is out, or spoken on, through a group or by itself is not proposed again.
func TestGroupsInForceAndSettled(t *testing.T) {
	t.Parallel()
	families := func() ExclusionInput {
		return grouped(0, family("bad", 10, 48, 0, "brand=A", "product_type=S"), family("loss", 1, 800, 0, "brand=A", "product_type=S"))
	}
	for name, c := range map[string]struct {
		change func(*ExclusionInput)
		want   string
	}{
		"as it is": {func(*ExclusionInput) {}, "product_type=S"},
		"a group is out": {func(in *ExclusionInput) {
			in.InForce = []InForce{{Key: groupKey(platform.Google, "brand=A"), Since: itemsTo}}
		}, ""},
		"an item is out": {func(in *ExclusionInput) {
			in.InForce = []InForce{{Key: ItemFacts{Platform: platform.Google, ID: "loss0"}.key(), Since: itemsTo}}
		}, "product_type=S"},
		"the group is spoken on":    {func(in *ExclusionInput) { in.Settled["google//product_group/brand=A"] = true }, ""},
		"an item of it is":          {func(in *ExclusionInput) { in.Settled["google//item/bad3"] = true }, "loss0"},
		"on the other platform":     {func(in *ExclusionInput) { in.Settled["meta//product_group/brand=A"] = true }, "product_type=S"},
		"no groups are wanted":      {func(in *ExclusionInput) { in.Policy.Exclude.Groups = nil }, "loss0"},
		"only brands are":           {func(in *ExclusionInput) { in.Policy.Exclude.Groups = []string{"brand"} }, "brand=A"},
		"one of it is protected":    {func(in *ExclusionInput) { in.Policy.Protected = []string{"bad3"} }, "loss0"},
		"one is protected by title": {func(in *ExclusionInput) { in.Policy.Protected = []string{"T bad3"} }, "loss0"},
		"an experiment runs":        {func(in *ExclusionInput) { in.Experiments = map[string]UnderExperiment{shopping.String(): {Name: "E"}} }, ""},
		"no longer advertised": {func(in *ExclusionInput) {
			for i := range in.Items {
				in.Items[i].Recent = in.Items[i].ID == "bad0"
			}
		}, ""},
	} {
		in := families()
		in.Policy.Exclude.MaxSpend = 0.5
		c.change(&in)
		if got := proposedIn(PlanExclusions(in)); got != c.want {
			t.Errorf("%s: proposed %q, want %q", name, got, c.want)
		}
	}
}

// However groups lie across each other and whatever is held back, no item is
// proposed twice and the shares hold.
func TestNoItemIsProposedTwice(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(21, 22))
	groups, singles := 0, 0
	for range 80 {
		var items []ItemFacts
		for i := range 60 + r.IntN(60) {
			kind, brand := r.IntN(5), r.IntN(6)
			n := 0.0
			if kind+brand > 5 || r.IntN(8) == 0 {
				n = float64(r.IntN(5))
			}
			clicks := 20 + r.Int64N(90)
			if r.IntN(12) == 0 {
				clicks *= 12
			}
			items = append(items, family(fmt.Sprint("i", i, "-"), 1, clicks, n, fmt.Sprint("item_group_id=", i/4), fmt.Sprint("product_type=", kind%2),
				fmt.Sprint("product_type=", kind%2, " > ", kind), fmt.Sprint("brand=", brand))...)
		}
		in := grouped(r.IntN(5), items)
		in.Platforms[0].Items = 100 + r.IntN(2000)
		in.Policy.Exclude.MaxItems, in.Policy.Exclude.MaxSpend, in.Policy.Exclude.MaxPerNight = 0.3, 0.4, 1+r.IntN(20)
		share := guard.ItemShare{Items: in.Platforms[0].Items}
		for _, it := range in.Items {
			if it.Platform == platform.Google {
				share.Spend += it.Lines[0].Spend
			}
		}
		plan := PlanExclusions(in)
		seen := map[string]string{}
		for _, d := range plan.Drafts {
			ids := []string{d.Entity.ID}
			if g := d.Item.Group; g != nil {
				groups++
				ids = nil
				for _, m := range g.Members {
					ids = append(ids, m.ID)
				}
				share.Add(g.Items, d.Evidence.Spend)
			} else {
				singles++
				share.Add(1, d.Evidence.Spend)
			}
			for _, id := range ids {
				if seen[id] != "" {
					t.Fatalf("%s is proposed through %s and %s", id, seen[id], d.Entity.ID)
				}
				seen[id] = d.Entity.ID
			}
		}
		if len(plan.Drafts) > in.Policy.Exclude.MaxPerNight || float64(share.Excluded) > 0.3*float64(share.Items) || share.ExcludedSpend > 0.4*share.Spend {
			t.Fatalf("%d proposed: %+v", len(plan.Drafts), share)
		}
		slices.Reverse(in.Items)
		if a, b := proposedIn(plan), proposedIn(PlanExclusions(in)); a != b {
			t.Fatalf("in another order %q, not %q", b, a)
		}
	}
	if groups < 100 || singles < 20 {
		t.Errorf("only %d groups and %d items were proposed", groups, singles)
	}
}

// A group is let in again once what asked for its exclusion is gone.
func TestGroupsAreLifted(t *testing.T) {
	t.Parallel()
	losing := func() InForce {
		items := family("thin", 12, 48, 2, "brand=A")
		for i := range items {
			items[i].UnitCost = costs(58)
		}
		d := PlanExclusions(grouped(0, items)).Drafts[0]
		return InForce{Key: groupKey(platform.Google, "brand=A"), Name: d.Name, Since: itemsTo - 10, Spend: d.Evidence.Spend, ItemEvidence: *d.Item}
	}
	faulty := func() InForce {
		x := losing()
		x.Reason = ItemErrors
		return x
	}
	belowCost := func() InForce {
		x := losing()
		x.Reason = ItemBelowCost
		return x
	}
	now := func(change func(i int, it *ItemFacts)) (out []ItemFacts) {
		for i, it := range family("thin", 12, 0, 0, "brand=A") {
			it.Lines, it.UnitCost = nil, costs(58)
			change(i, &it)
			out = append(out, it)
		}
		return out
	}
	as := func(int, *ItemFacts) {}
	for _, c := range []struct {
		name string
		was  InForce
		now  []ItemFacts
		days int
		want string
	}{
		{"still losing", losing(), now(as), 10, ""},
		{"cheaper to make", losing(), now(func(_ int, it *ItemFacts) { it.UnitCost = costs(20) }), 10, liftPays},
		{"one of them cheaper", losing(), now(func(i int, it *ItemFacts) {
			if i == 0 {
				it.UnitCost = costs(20)
			}
		}), 10, ""},
		{"gone", losing(), nil, 10, liftGone},
		{"long ago", losing(), now(as), 90, liftTrial},
		{"mended by half", faulty(), now(func(i int, it *ItemFacts) {
			if i%2 == 0 {
				it.Unfit = ItemErrors
			}
		}), 10, liftBack},
		{"five of twelve mended", faulty(), now(func(i int, it *ItemFacts) {
			if i > 4 {
				it.Unfit = ItemErrors
			}
		}), 10, ""},
		{"above cost", belowCost(), now(as), 10, liftPays},
		{"below cost", belowCost(), now(func(_ int, it *ItemFacts) { it.UnitCost = costs(60) }), 10, ""},
	} {
		in := grouped(0, c.now)
		c.was.Since = itemsTo - civil.Date(c.days)
		// One of its items is out by itself as well: to lift that alone would change nothing.
		alone := InForce{Key: ItemFacts{Platform: platform.Google, ID: "thin1"}.key(), Since: itemsTo - 300, ItemEvidence: ItemEvidence{Reason: ItemBelowCost}}
		in.InForce = []InForce{c.was, alone}
		got := ""
		for _, d := range PlanExclusions(in).Drafts {
			if got = d.Item.Lifts; d.Entity != c.was.Ref || d.Seen != money.One || d.Proposed != 0 || len(d.Reasons) < 3 {
				t.Errorf("%s: proposed %+v", c.name, d)
			}
		}
		if got != c.want {
			t.Errorf("%s: lifted for %q, want %q", c.name, got, c.want)
		}
		in.Settled[c.was.Key.String()] = true
		if plan := PlanExclusions(in); len(plan.Drafts) != 0 {
			t.Errorf("%s: somebody has spoken on it: %+v", c.name, plan.Drafts)
		}
	}
}
