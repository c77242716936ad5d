package feeds_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"adsteward/feeds"
	"adsteward/internal/money"
)

func euro(f float64) money.Micros { return money.Micros(math.Round(f * 1e6)) }

func cost(f float64) *money.Micros { m := euro(f); return &m }

func TestPriceOn(t *testing.T) {
	t.Parallel()
	from, until := time.Date(2026, 1, 10, 0, 0, 0, 0, time.UTC), time.Date(2026, 1, 20, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name        string
		at          time.Time
		sale        *money.Micros
		from, until time.Time
		want        float64
	}{
		{"no sale", from, nil, from, until, 50},
		{"before it", from.Add(-time.Second), cost(40), from, until, 50},
		{"its first moment", from, cost(40), from, until, 40},
		{"its last moment", until.Add(-time.Second), cost(40), from, until, 40},
		{"over", until, cost(40), from, until, 50},
		{"without dates", from, cost(40), time.Time{}, time.Time{}, 40},
		{"without an end", until.AddDate(9, 0, 0), cost(40), from, time.Time{}, 40},
	} {
		if got := feeds.PriceOn(c.at, euro(50), c.sale, c.from, c.until); got != euro(c.want) {
			t.Errorf("%s: %v, want %v", c.name, got.Decimal(), c.want)
		}
	}
}

// sold is an offer on both platforms that nothing is wrong with.
func sold(id string, price, unitCost float64) feeds.Offer {
	return feeds.Offer{ID: id, Title: "T " + id, OnGoogle: true, OnMeta: true, Price: euro(price), UnitCost: cost(unitCost), Availability: "in_stock"}
}

func spent(platform, campaign, item string, units float64) feeds.ItemSpend {
	return feeds.ItemSpend{Platform: platform, Campaign: campaign, ItemID: item, Cost: euro(units), Value: euro(4 * units), Conversions: units / 10, Clicks: 5}
}

// half pays off at a ROAS of 2.5, and its buyers do not come back.
var half = feeds.Worth{K: 0.4}

func TestJoinReasons(t *testing.T) {
	t.Parallel()
	zero := int64(0)
	wrong := sold("wrong", 100, 50)
	wrong.GoogleErrors = 2
	gone := sold("gone", 100, 50)
	gone.Availability = "out_of_stock"
	empty := sold("empty", 100, 50)
	empty.Stock = &zero
	ordered := sold("ordered", 100, 50)
	ordered.Availability, ordered.Stock = "backorder", &zero
	onlyGoogle := sold("only", 100, 50)
	onlyGoogle.OnMeta = false
	unknown := sold("unknown", 100, 0)
	unknown.UnitCost = nil
	offers := []feeds.Offer{sold("Good", 100, 50), wrong, gone, empty, ordered, onlyGoogle, unknown, sold("cheap", 30, 30), sold("thin", 100, 61), sold("even", 100, 60)}
	for _, c := range []struct {
		name, platform, item string
		unfit, losing        string // reasons
		left                 float64
	}{
		{"fit", "google", "Good", "", "", 0},
		{"fit, in Google's lower case", "google", "good", "", "", 0},
		{"in no feed", "google", "nowhere", feeds.Missing, "", 0},
		{"in no feed of this platform", "meta", "only", feeds.Missing, "", 0},
		{"in the feed of the other", "google", "only", "", "", 0},
		{"with errors", "google", "wrong", feeds.WithErrors, "", 0},
		{"with errors elsewhere", "meta", "wrong", "", "", 0},
		{"out of stock", "meta", "gone", feeds.OutOfStock, "", 0},
		{"no piece left", "google", "empty", feeds.OutOfStock, "", 0},
		{"no piece left but on order", "google", "ordered", "", "", 0},
		{"sold at its cost", "google", "cheap", feeds.BelowCost, feeds.BelowCost, -12},
		{"does not carry its advertising", "google", "thin", "", feeds.Losing, -1},
		{"just carries it", "google", "even", "", "", 0},
		{"of unknown cost", "google", "unknown", "", "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := feeds.Join(offers, []feeds.ItemSpend{spent(c.platform, "c", c.item, 10)}, nil, half, 10)
			var unfit, losing string
			if len(m.Unfit) == 1 {
				unfit = m.Unfit[0].Reason
			}
			if len(m.Losing) == 1 {
				losing = m.Losing[0].Reason
				if m.Losing[0].Left != euro(c.left) {
					t.Errorf("it leaves %s, want %v", m.Losing[0].Left.Decimal(), c.left)
				}
			}
			if unfit != c.unfit || losing != c.losing {
				t.Errorf("unfit for %q, losing for %q; want %q and %q", unfit, losing, c.unfit, c.losing)
			}
			wantUnfit := money.Micros(0)
			if c.unfit != "" {
				wantUnfit = euro(10)
			}
			if m.Total.Unfit != wantUnfit || m.Total.Spend != euro(10) || m.Spend != euro(10) {
				t.Errorf("sums: %+v", m.Total)
			}
		})
	}
}

// What buyers go on to order counts for the item, and the campaign's own worth.
func TestJoinWorth(t *testing.T) {
	t.Parallel()
	offers := []feeds.Offer{sold("a", 100, 70)}
	spend := []feeds.ItemSpend{spent("google", "x", "a", 10), spent("google", "y", "a", 20), spent("google", "z", "a", 30)}
	m := feeds.Join(offers, spend, map[string]feeds.Worth{"x": {K: 0.2}, "y": {K: 0.5}, "z": {K: 0.5, Later: 0.3}}, feeds.Worth{K: 9}, 10)
	if len(m.Losing) != 1 || m.Losing[0].Campaign != "y" || m.Losing[0].Left != euro(-20) || m.Losing[0].AdCost != euro(50) {
		t.Errorf("losing: %+v", m.Losing)
	}
	for _, w := range []feeds.Worth{{K: math.NaN()}, {K: math.Inf(1)}, {K: 1, Later: math.NaN()}} {
		if m := feeds.Join(offers, spend, nil, w, 10); len(m.Losing) != 0 {
			t.Errorf("worth %v: %+v", w, m.Losing)
		}
	}
}

// Money is neither made nor lost by the join, whatever is joined.
func TestJoinAddsUp(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 7))
	for range 200 {
		var offers []feeds.Offer
		for i := range r.IntN(30) {
			o := sold(fmt.Sprintf("I%d", i), 1+100*r.Float64(), 100*r.Float64())
			o.OnGoogle, o.OnMeta, o.MetaErrors = r.IntN(3) > 0, r.IntN(4) > 0, r.IntN(2)
			if r.IntN(4) == 0 {
				o.Availability = "out_of_stock"
			}
			if r.IntN(4) == 0 {
				o.UnitCost = nil
			}
			offers = append(offers, o)
		}
		var spend []feeds.ItemSpend
		var total money.Micros
		touched := map[string]bool{}
		for range r.IntN(60) {
			id := fmt.Sprintf("i%d", r.IntN(40))
			s := spent([]string{"google", "meta"}[r.IntN(2)], fmt.Sprint(r.IntN(4)), id, 10*r.Float64())
			total += s.Cost
			touched[id] = true
			spend = append(spend, s)
		}
		m := feeds.Join(offers, spend, nil, half, 1000)
		if m.Spend != total || m.Total.Spend+m.Unjudged != total {
			t.Fatalf("spent %v, joined %v and unjudged %v", total, m.Total.Spend, m.Unjudged)
		}
		if m.Total.Unfit != m.Total.Missing+m.Total.Errors+m.Total.OutOfStock+m.Total.BelowCost || m.Total.Unfit > m.Total.Spend || m.Total.Losing > m.Total.Spend {
			t.Fatalf("parts: %+v", m.Total)
		}
		var listed, campaigns money.Micros
		for _, f := range m.Unfit {
			listed += f.Spend
		}
		for _, c := range m.Campaigns {
			campaigns += c.Spend
			if s := c.UnfitShare(); s < 0 || s > 1 {
				t.Fatalf("share %v", s)
			}
		}
		if listed != m.Total.Unfit || campaigns != m.Total.Spend || m.UnfitCount != len(m.Unfit) {
			t.Fatalf("the lists hold %v of %v", listed, m.Total.Unfit)
		}
		for _, f := range m.Idle {
			if touched[strings.ToLower(f.ItemID)] {
				t.Fatalf("%s is idle although money was spent on it", f.ItemID)
			}
		}
		// The order of what comes in does not matter, and lists are cut at most.
		r.Shuffle(len(offers), func(i, k int) { offers[i], offers[k] = offers[k], offers[i] })
		cut := feeds.Join(offers, spend, nil, half, 2)
		if len(cut.Unfit) != min(2, m.UnfitCount) || cut.UnfitCount != m.UnfitCount || cut.Total != m.Total || !reflect.DeepEqual(cut.Idle, m.Idle[:min(2, len(m.Idle))]) {
			t.Fatalf("cut: %+v\nwhole: %+v", cut, m)
		}
	}
}

func TestJoinIdleAndUnjudged(t *testing.T) {
	t.Parallel()
	rich, poor := sold("rich", 100, 20), sold("poor", 100, 90)
	broken := sold("broken", 100, 10)
	broken.GoogleErrors, broken.OnMeta = 1, false
	for _, o := range []*feeds.Offer{&rich, &poor, &broken} {
		o.OnMeta = false
	}
	m := feeds.Join([]feeds.Offer{poor, broken, rich}, []feeds.ItemSpend{spent("meta", "m", "rich", 8)}, nil, half, 10)
	if m.Unjudged != euro(8) || m.Total.Spend != 0 || len(m.Unfit) != 0 {
		t.Errorf("no feed is for Meta, so that nothing can be said: %+v", m)
	}
	if len(m.Idle) != 1 || m.Idle[0].ItemID != "poor" || m.Idle[0].Left != euro(10) {
		t.Errorf("idle: %+v", m.Idle)
	}
	if m := feeds.Join(nil, nil, nil, half, 10); !reflect.DeepEqual(m, feeds.Money{}) {
		t.Errorf("nothing joined to nothing: %+v", m)
	}
}

func TestTally(t *testing.T) {
	t.Parallel()
	issue := func(rule, platform string, s feeds.Severity) feeds.Issue {
		return feeds.Issue{ItemID: "x", Rule: rule, Platform: platform, Severity: s, Fix: "fix " + rule}
	}
	var tally feeds.Tally
	twice := issue("image", "google", feeds.Error)
	tally.Add([]feeds.Issue{twice, twice, issue("title", "both", feeds.Warning)}, euro(10), euro(3))
	tally.Add([]feeds.Issue{issue("image", "google", feeds.Error), issue("size", "meta", feeds.Warning)}, euro(5), euro(2))
	tally.Add([]feeds.Issue{{Rule: "file", Platform: "both", Severity: feeds.Warning}}, euro(99), euro(99))
	want := []feeds.RuleSum{
		{Rule: "image", Platform: "google", Severity: feeds.Error, Issues: 3, Items: 2, Spend: euro(15), Fix: "fix image"},
		{Rule: "title", Platform: "both", Severity: feeds.Warning, Issues: 1, Items: 1, Spend: euro(13), Fix: "fix title"},
		{Rule: "size", Platform: "meta", Severity: feeds.Warning, Issues: 1, Items: 1, Spend: euro(2), Fix: "fix size"},
		{Rule: "file", Platform: "both", Severity: feeds.Warning, Issues: 1},
	}
	if got := tally.Rules(); !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestLabels(t *testing.T) {
	t.Parallel()
	l := feeds.DefaultLabels()
	unknown := sold("u", 100, 0)
	unknown.UnitCost = nil
	for _, c := range []struct {
		offer feeds.Offer
		want  string
	}{
		{sold("a", 100, 81), "low-margin"}, {sold("a", 100, 120), "low-margin"}, {sold("a", 100, 80), "mid-margin"}, {sold("a", 100, 61), "mid-margin"},
		{sold("a", 100, 60), "high-margin"}, {sold("a", 100, 0), "high-margin"}, {unknown, ""}, {sold("a", 0, 1), ""},
	} {
		if got := l.Of(c.offer); got != c.want {
			t.Errorf("price %s, cost %v: %q, want %q", c.offer.Price.Decimal(), c.offer.UnitCost, got, c.want)
		}
	}
	for want, bad := range map[string]feeds.Labels{
		"slot":            {Slot: 5, Tiers: l.Tiers},
		"is empty":        {},
		"no label":        {Tiers: []feeds.Tier{{Name: "a\tb"}}},
		"no margin":       {Tiers: []feeds.Tier{{"a", math.NaN()}, {Name: "b"}}},
		"not above":       {Tiers: []feeds.Tier{{"a", 0.4}, {"b", 0.4}, {Name: "c"}}},
		"takes all":       {Tiers: []feeds.Tier{{"a", 0.4}, {"b", 0.5}}},
		"1 to 100 charac": {Tiers: []feeds.Tier{{Name: strings.Repeat("x", 101)}}},
	} {
		if err := bad.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", bad, err, want)
		}
	}
	if err := l.Check(); err != nil {
		t.Error(err)
	}
}

// What is written reads back as it was meant, and nothing is wrong with it.
func TestLabelsRoundTrip(t *testing.T) {
	t.Parallel()
	l := feeds.DefaultLabels()
	l.Slot = 3
	away := sold("away", 10, 5)
	away.OnGoogle, away.OnMeta = false, false
	offers := []feeds.Offer{sold("b", 1234.5, 1000), sold("a", 50, 20), away}
	for _, platform := range []string{"google", "meta"} {
		var out, again bytes.Buffer
		n, _, err := l.Write(&out, platform, "EUR", offers, nil)
		if err != nil || n != 2 {
			t.Fatalf("%s: %d rows, %v", platform, n, err)
		}
		slices.Reverse(offers)
		if _, _, err := l.Write(&again, platform, "EUR", offers, nil); err != nil || again.String() != out.String() {
			t.Errorf("%s: another order of the items gives another file", platform)
		}
		got := map[string]string{}
		rep, err := feeds.Validate(&out, feeds.Options{Platform: platform, Supplemental: true}, func(it feeds.Item, issues []feeds.Issue) error {
			for _, i := range issues {
				t.Errorf("%s: %s %s: %s", platform, i.ItemID, i.Rule, i.Message)
			}
			if it.ID != "" {
				got[it.ID] = it.CustomLabels[3]
				if platform == "google" {
					got[it.ID] += " " + it.CostOfGoodsSold.Amount.Decimal()
				}
			}
			return nil
		})
		if err != nil || rep.Items != 2 {
			t.Fatalf("%s: %+v, %v", platform, rep, err)
		}
		want := map[string]string{"a": "high-margin 20", "b": "low-margin 1000"}
		if platform == "meta" {
			want = map[string]string{"a": "high-margin", "b": "low-margin"}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", platform, got, want)
		}
	}
}

// What is excluded is written with the platform's own attribute, with or without a
// tier, and nothing is wrong with the file.
func TestExclusionsRoundTrip(t *testing.T) {
	t.Parallel()
	l := feeds.DefaultLabels()
	offers := []feeds.Offer{sold("b", 100, 50), sold("a", 50, 20)}
	for platform, want := range map[string]string{
		"google": "id\tcustom_label_0\tcustom_label_1\tcustom_label_2\tcustom_label_3\tcustom_label_4\tcost_of_goods_sold\texcluded_destination\n" +
			"a\thigh-margin\t\t\t\t\t20.00 EUR\t\nb\thigh-margin\t\t\t\t\t50.00 EUR\tShopping_ads,Display_ads\ngone\t\t\t\t\t\t\tShopping_ads,Display_ads\n",
		"meta": "id\tcustom_label_0\tcustom_label_1\tcustom_label_2\tcustom_label_3\tcustom_label_4\tstatus\n" +
			"a\thigh-margin\t\t\t\t\t\nb\thigh-margin\t\t\t\t\tarchived\ngone\t\t\t\t\t\tarchived\n",
	} {
		var out bytes.Buffer
		rows, unwritten, err := l.Write(&out, platform, "EUR", offers, []string{"gone", "b", "a\tb", `5" tyre`})
		if err != nil || rows != 2 || !slices.Equal(unwritten, []string{"a\tb", `5" tyre`}) {
			t.Errorf("%s: %d rows, %q unwritten, %v", platform, rows, unwritten, err)
		}
		if out.String() != want {
			t.Errorf("%s:\n%s\nwant\n%s", platform, out.String(), want)
		}
		rep, err := feeds.Validate(&out, feeds.Options{Platform: platform, Supplemental: true}, nil)
		if err != nil || rep.Items != 3 || rep.Errors+rep.Warnings != 0 {
			t.Errorf("%s: %+v, %v", platform, rep, err)
		}
	}
}

func TestPerItem(t *testing.T) {
	t.Parallel()
	away := sold("Away", 10, 5)
	away.OnGoogle = false
	away.OnMeta = false
	shoe := sold("Shoe", 100, 40)
	shoe.OnMeta = false
	got := feeds.PerItem([]feeds.Offer{shoe, away}, []feeds.ItemSpend{spent("google", "x", "shoe", 10), spent("google", "y", "Shoe", 5), spent("google", "x", "Nowhere", 2), spent("google", "y", "nowhere", 3),
		{Platform: "google", ItemID: "away"}, spent("meta", "z", "shoe", 7)})
	var out []string
	for _, i := range got {
		sum := money.Micros(0)
		for _, l := range i.Lines {
			sum += l.Cost
		}
		out = append(out, fmt.Sprintf("%s %s %q %d %s", i.Platform, i.ID, i.Unfit, len(i.Lines), sum.Decimal()))
	}
	want := []string{`google Away "missing" 0 0`, `google Nowhere "missing" 2 5`, `google Shoe "" 2 15`}
	if !slices.Equal(out, want) {
		t.Errorf("%q, want %q", out, want)
	}
}

func TestSaleAndStockAreRead(t *testing.T) {
	t.Parallel()
	const feed = "id\ttitle\tprice\tsale_price\tsale_price_effective_date\tquantity_to_sell_on_facebook\n" +
		"a\tT\t50 EUR\t40 EUR\t2026-01-10T00:00+0100/2026-01-20T00:00+0100\t7\nb\tT\t50 EUR\t\t2026-01-10/2026-01-20\tmany\n"
	var got []feeds.Item
	_, err := feeds.Validate(strings.NewReader(feed), feeds.Options{Platform: "both"}, func(it feeds.Item, _ []feeds.Issue) error {
		if it.ID != "" {
			got = append(got, it)
		}
		return nil
	})
	if err != nil || len(got) != 2 {
		t.Fatal(got, err)
	}
	if a := got[0]; a.Stock == nil || *a.Stock != 7 || !a.SaleFrom.Equal(time.Date(2026, 1, 9, 23, 0, 0, 0, time.UTC)) || a.SalePrice.Amount != euro(40) {
		t.Errorf("a: %+v", a)
	}
	if b := got[1]; b.Stock != nil || !b.SaleFrom.IsZero() || b.SalePrice.Known() {
		t.Errorf("b: %+v", b)
	}
}
