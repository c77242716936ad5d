package bidding_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"adsteward/bidding"
	"adsteward/internal/money"
)

func eur(v float64) money.Micros { return money.Micros(math.Round(v * 1e6)) }

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// costsOf is a price list in euros.
func costsOf(unit map[string]float64) bidding.Costs {
	c := bidding.NewCosts("EUR", 0.5)
	for sku, v := range unit {
		c.SetUnit(sku, eur(v), "EUR")
	}
	return c
}

// repeated is n times the same orders.
func repeated(n int, orders ...bidding.Order) (out []bidding.Order) {
	for range n {
		out = append(out, orders...)
	}
	return out
}

// selling is an order of a line of one product at its price.
func selling(campaign, sku string, price float64) bidding.Order {
	return bidding.Order{Campaign: campaign, Revenue: eur(price), Lines: []bidding.OrderLine{{SKU: sku, Quantity: 1, UnitPrice: eur(price)}}}
}

func worthOf(c bidding.Costs, campaign string, orders []bidding.Order) bidding.Worth {
	w, _ := bidding.NewBook(c, orders).Worths(bidding.WorthInput{})
	return w[campaign]
}

func said(w bidding.Worth) string { return strings.Join(w.Sources, " ") }

func TestMarginOfAnOrder(t *testing.T) {
	t.Parallel()
	own := eur(30)
	c := costsOf(map[string]float64{"a": 20, "b": 5})
	c.PaymentRate, c.ShippingCost = 0.02, eur(4)
	// 119 paid: 19 tax; goods 30 (the line's own cost) + 2 x 5; 4 to send, 2.38
	// fee; of 11.90 refunded 1.90 are tax that need not be paid: 43.62 are left.
	order := bidding.Order{Campaign: "google:1", Revenue: eur(119), Tax: eur(19), Refunded: eur(11.9), Discount: eur(21),
		Lines: []bidding.OrderLine{{SKU: "a", Quantity: 1, UnitPrice: eur(80), UnitCost: &own}, {SKU: "b", Quantity: 2, UnitPrice: eur(10)}}}
	first := order
	first.New = true
	w, def := bidding.NewBook(c, repeated(25, order, first)).Worths(bidding.WorthInput{
		Incremental:   map[string]bidding.Incremental{"google:1": {Share: 0.8, RelSD: 0.1, Why: "test"}},
		DefaultLambda: bidding.LifetimeOf(2, 1.8, 2.2, "test")})
	g := w["google:1"]
	near(t, "margin", g.Margin, 43.62/119, 1e-9)
	near(t, "default margin", def.Margin, 43.62/119, 1e-9)
	near(t, "share of new customers", g.NewShare, 0.5, 1e-9)
	// Of what known customers buy the ads cause 0.8 again: of lambda 2 the later
	// orders' 1 is 0.2, and half the revenue is of new customers.
	near(t, "lambda", g.Lambda, 1.2, 1e-9)
	near(t, "lifetime multiple", g.LTVMultiple, 1.1, 1e-9)
	near(t, "incremental share", g.IncrementalShare, 0.8, 1e-9)
	near(t, "k", g.K(), 43.62/119*1.1*0.8, 1e-9)
	if g.Calibrated || !strings.Contains(said(g), "uncalibrated") {
		t.Errorf("a last-click share passes for calibrated: %v", g.Sources)
	}
	if g.Orders != 50 || g.AverageOrder != 119 {
		t.Errorf("orders %d, average %v", g.Orders, g.AverageOrder)
	}
	p := g.Parts
	near(t, "tax", p.Tax, 19./119, 1e-9)
	near(t, "goods", p.Goods, 40./119, 1e-9)
	near(t, "sending", p.Sending, 4./119, 1e-9)
	near(t, "fees", p.Fees, 0.02, 1e-9)
	near(t, "refunds", p.Refunds, 10./119, 1e-9)
	near(t, "discounts", p.Discounts, 21./140, 1e-9)
	near(t, "what is left", 1-p.Tax-p.Goods-p.Sending-p.Fees-p.Refunds-p.ToCome, g.Margin, 1e-9)
	if s := said(g); !strings.Contains(s, "16.0 are tax, 33.6 are cost of goods, 3.4 are sending, 2.0 are payment fees, 8.4 are refunds; goods that come back count as lost; discounts") ||
		!strings.Contains(s, "discounts had taken 15.0 % before") || !strings.Contains(s, "80 % by their order lines, 20 % by the imported costs and the feed") {
		t.Errorf("it is not said what becomes of the revenue: %s", s)
	}
	// Standard errors: none of the margin, for all orders are alike; lambda's of 0.156
	// as a share of 2, and half the revenue new by 50 orders, where a campaign's share
	// is a quarter off the shop's in the usual case.
	sd := 0.4 / 2 / 1.2815515655446004
	lifetime := math.Sqrt(0.25*1.2*1.2*sd*sd/4+0.2*0.2/(50/0.25+1/0.0625)) / 1.1
	near(t, "error of the margin", g.MarginRelSD, 0, 1e-4)
	near(t, "error of lambda", g.LambdaRelSD, sd/2, 1e-9)
	near(t, "error of the multiple", g.LTVRelSD, lifetime, 1e-9)
	near(t, "error of k", g.RelSD, math.Hypot(lifetime, 0.1), 1e-6)
}

// Orders that other ads had a part in count for a campaign by its part: of its
// share of new customers by what was paid once, not by the last click.
func TestNewShareGoesByWhatIsPaidOnce(t *testing.T) {
	t.Parallel()
	order := bidding.Order{Campaign: "google:1", Revenue: eur(100), New: true}
	old := order
	old.New = false
	book := bidding.NewBook(bidding.NewCosts("EUR", 0.5), repeated(500, order, old))
	in := bidding.WorthInput{DefaultLambda: bidding.Lifetime{Multiple: 3},
		Shared: map[string]bidding.SharedRevenue{"google:1": {Orders: 1e6, Revenue: 1e8, New: 2e7}}}
	w, _ := book.Worths(in)
	near(t, "share of new customers", w["google:1"].NewShare, 0.2, 1e-4)
	near(t, "lifetime multiple", w["google:1"].LTVMultiple, 1.4, 1e-3)
	in.Shared["google:1"] = bidding.SharedRevenue{}
	w, _ = book.Worths(in)
	near(t, "share without any part", w["google:1"].NewShare, 0.5, 1e-9) // the shop's
	in.Shared = nil
	w, _ = book.Worths(in)
	near(t, "share by the book", w["google:1"].NewShare, 0.5, 1e-9)
}

// A campaign that is clicked last before what others sold seems to sell the same, were
// these orders its own: what it sells is told by those under its clicks alone.
func TestWhatSeveralSoldTellsOfNone(t *testing.T) {
	t.Parallel()
	cost := map[string]money.Micros{"dear": eur(80), "cheap": eur(40)}
	var orders []bidding.Order
	add := func(n int, campaign, sku string, several bool) {
		unit := cost[sku]
		for range n {
			orders = append(orders, bidding.Order{Campaign: campaign, Several: several, Revenue: eur(100),
				Lines: []bidding.OrderLine{{SKU: sku, Quantity: 1, UnitPrice: eur(100), UnitCost: &unit}}})
		}
	}
	add(300, "google:brand", "dear", false)
	add(300, "google:search", "cheap", false)
	add(200, "google:brand", "cheap", true) // that search had begun
	w, _ := bidding.NewBook(bidding.NewCosts("EUR", 0.5), orders).Worths(bidding.WorthInput{})
	near(t, "margin of what is dear to buy", w["google:brand"].Margin, 0.2, 0.005)
	near(t, "margin of the others", w["google:search"].Margin, 0.6, 0.005)
	if b := w["google:brand"]; b.Orders != 500 || !strings.Contains(said(b), "Margin from 300 orders under its clicks alone") {
		t.Errorf("of %d orders after its click the margin rests on: %s", b.Orders, said(b))
	}
}

// Orders after a click that would have come anyway are like those without a click:
// what the ads caused is what remains of the mixture.
func TestOrdersThatWouldHaveComeAnyway(t *testing.T) {
	t.Parallel()
	order := func(campaign, sku string, isNew bool) bidding.Order {
		o := selling(campaign, sku, 100)
		o.New = isNew
		return o
	}
	c := costsOf(map[string]float64{"dear": 80, "cheap": 40})
	unasked := func(campaign string) []bidding.Order { // margin 7/15, half of them new
		return []bidding.Order{order(campaign, "dear", true), order(campaign, "dear", false), order(campaign, "cheap", true), order(campaign, "cheap", true),
			order(campaign, "cheap", false), order(campaign, "cheap", false)}
	}
	caused := []bidding.Order{order("google:1", "dear", true), order("google:1", "dear", false), order("google:1", "dear", false), order("google:1", "dear", false)}
	orders := slices.Concat(repeated(4000, unasked("")...), repeated(3000, unasked("google:1")...), repeated(3000, caused...)) // 0.4 of its own are caused
	worth := func(orders []bidding.Order, i bidding.Incremental) bidding.Worth {
		w, _ := bidding.NewBook(c, orders).Worths(bidding.WorthInput{Incremental: map[string]bidding.Incremental{"google:1": i}, DefaultLambda: bidding.Lifetime{Multiple: 2}})
		return w["google:1"]
	}
	mixed := worth(orders, bidding.Incremental{Share: 0.3})
	near(t, "margin of all after its clicks", mixed.Margin, 0.6*7./15+0.4*0.2, 0.002)
	near(t, "share of new customers of all after its clicks", mixed.NewShare, 0.6*0.5+0.4*0.25, 0.002)
	own := worth(orders, bidding.Incremental{Share: 0.3, Caused: 0.4})
	near(t, "margin of those it caused", own.Margin, 0.2, 0.01)
	near(t, "share of new customers of those it caused", own.NewShare, 0.25, 0.01)
	if !strings.Contains(said(own), "about 60 % of the orders after its clicks") {
		t.Error(said(own))
	}
	// Unsure how many they are, it leans on the shop.
	unsure := worth(orders, bidding.Incremental{Share: 0.3, Caused: 0.4, CausedSD: 0.2})
	if !(unsure.Margin > own.Margin && unsure.MarginRelSD > own.MarginRelSD && unsure.LTVRelSD > own.LTVRelSD) {
		t.Errorf("unsure how many it caused: margin %v ± %v, sure %v ± %v, of all %v", unsure.Margin, unsure.MarginRelSD, own.Margin, own.MarginRelSD, mixed.Margin)
	}
	// Where every order has a click, nothing is known of those that would have come.
	clicked := slices.DeleteFunc(slices.Clone(orders), func(o bidding.Order) bool { return o.Campaign == "" })
	if a, b := worth(clicked, bidding.Incremental{Share: 0.3, Caused: 0.4}), worth(clicked, bidding.Incremental{Share: 0.3}); a.Margin != b.Margin || a.NewShare != b.NewShare || strings.Contains(said(a), "without a click") {
		t.Errorf("without orders to compare with: %v and %v", a, b)
	}
}

func TestTaxShippingAndRefundsOfAnOrder(t *testing.T) {
	t.Parallel()
	c := costsOf(map[string]float64{"a": 30})
	c.PaymentRate, c.ShippingCost = 0.03, eur(6)
	for name, x := range map[string]struct {
		edit   func(*bidding.Order)
		margin float64 // of 100
		says   string
	}{
		"no tax stated":             {func(*bidding.Order) {}, 100 - 30 - 3 - 6, "no order states tax, so that revenue is taken as free of it"},
		"tax":                       {func(o *bidding.Order) { o.Tax = eur(20) }, 100 - 20 - 30 - 3 - 6, "20.0 are tax"},
		"shipping is in revenue":    {func(o *bidding.Order) { o.Shipping = eur(5) }, 100 - 30 - 3 - 6, "customers pay 5.0 of it for shipping"},
		"discounts are off already": {func(o *bidding.Order) { o.Discount = eur(25) }, 100 - 30 - 3 - 6, "discounts had taken 20.0 %"},
		"part refunded":             {func(o *bidding.Order) { o.Tax, o.Refunded = eur(20), eur(50) }, 100 - 20 - 40 - 30 - 3 - 6, "40.0 are refunds"},
	} {
		o := selling("google:1", "a", 100)
		x.edit(&o)
		w := worthOf(c, "google:1", repeated(30, o))
		near(t, name, 100*w.Margin, x.margin, 1e-9)
		if !strings.Contains(said(w), x.says) {
			t.Errorf("%s: %q is not said in %s", name, x.says, said(w))
		}
	}
	// An average of too few known goods does not serve.
	w := worthOf(costsOf(map[string]float64{"a": 10}), "google:1", append(repeated(90, selling("google:1", "?", 100)), repeated(10, selling("google:2", "a", 100))...))
	near(t, "a tenth of the goods known", w.Parts.Goods, 0.5, 1e-9)
	// An order refunded as a whole loses goods, sending and fee once, not its tax:
	// beside one kept, 200 of revenue leave 200 - 40 - 80 - 60 - 6 - 12.
	kept := selling("google:1", "a", 100)
	kept.Tax = eur(20)
	back := kept
	back.Refunded = eur(100)
	near(t, "one of two refunded", 200*worthOf(c, "google:1", repeated(30, kept, back)).Margin, 2, 1e-9)
}

func TestMarginFallsBackAndSaysSo(t *testing.T) {
	t.Parallel()
	own := eur(60)
	withCost := selling("google:0", "seen", 100)
	withCost.Lines[0].UnitCost = &own
	known := append(repeated(1500, selling("google:0", "shoe", 100), selling("google:0", "hat", 100)), repeated(1500, withCost)...)
	c := func() bidding.Costs {
		c := costsOf(map[string]float64{"shoe": 70, "hat": 20})
		c.SetType("shoe", "Clothing > Shoes > Running")
		c.SetType("boot", "Clothing > Shoes")
		c.SetType("hat", "Clothing>Hats")
		c.SetType("scarf", "Clothing > Scarves")
		c.SetType("lamp", "Home")
		return c
	}
	for name, x := range map[string]struct {
		sku  string
		cost float64
		says string
	}{
		"list":            {"shoe", 70, "What the goods cost is known for 100 % by the imported costs and the feed."},
		"other orders":    {"seen", 60, "What the goods cost is known for 100 % by other orders of the same product."},
		"category":        {"boot", 70, "100 % of the goods have no known cost. What the goods cost comes, for 100 % by the average of their category."},
		"wider category":  {"scarf", 45, "100 % by the average of their category."},
		"shop":            {"lamp", 50, "100 % by the shop's average."},
		"unknown product": {"?", 50, "100 % by the shop's average."},
	} {
		// Many orders of its own, so that little leans on the shop.
		w := worthOf(c(), "google:1", append(repeated(3000, selling("google:1", x.sku, 100)), known...))
		near(t, name, w.Margin, 1-x.cost/100, 2e-3)
		if !strings.Contains(said(w), x.says) {
			t.Errorf("%s: %q is not said in %s", name, x.says, said(w))
		}
	}
	// Steps are told apart by their shares.
	w := worthOf(c(), "google:1", append(repeated(40, selling("google:1", "lamp", 60), selling("google:1", "shoe", 30), selling("google:1", "boot", 10)), known...))
	if s := said(w); !strings.Contains(s, "70 % of the goods have no known cost. What the goods cost comes, for 30 % by the imported costs and the feed, 10 % by the average of their category, 60 % by the shop's average.") {
		t.Errorf("the steps' shares are not said: %s", s)
	}
	// Orders without lines are goods of unknown cost.
	w = worthOf(c(), "google:1", append(repeated(40, bidding.Order{Campaign: "google:1", Revenue: eur(125), Tax: eur(20), Shipping: eur(5)}), known...))
	near(t, "cost of an order without lines", w.Parts.Goods, 0.5*100/125, 1e-9)

	_, def := bidding.NewBook(bidding.NewCosts("EUR", 0.5), []bidding.Order{{Revenue: eur(100)}}).Worths(bidding.WorthInput{})
	near(t, "margin by the configured default", def.Margin, 0.5, 1e-9)
	if !strings.Contains(said(def), "100 % by the configured default margin") || def.MarginRelSD < 0.19 {
		t.Errorf("a margin nobody knows has an error of %v: %s", def.MarginRelSD, said(def))
	}
	_, def = bidding.NewBook(bidding.NewCosts("EUR", 0), nil).Worths(bidding.WorthInput{})
	near(t, "margin without any orders", def.Margin, 0.4, 1e-9)
	near(t, "its error", def.MarginRelSD, 0.25, 1e-9)
	near(t, "incremental share without any orders", def.IncrementalShare, 1, 0)
	near(t, "lifetime without any orders", def.LTVMultiple, 1, 0)

	w = worthOf(costsOf(map[string]float64{"a": 120}), "google:1", []bidding.Order{selling("google:1", "a", 100)})
	if w.K() != 0 || w.RelSD != 0 || !strings.Contains(said(w), "loses money") {
		t.Errorf("goods sold below cost are worth %v: %v", w.K(), w.Sources)
	}
}

func TestCostsOfAnotherCurrencyAreLeftOut(t *testing.T) {
	t.Parallel()
	c := bidding.NewCosts("EUR", 0.5)
	c.SetUnit("a", eur(10), "EUR")
	c.SetUnit("a", eur(1000), "JPY")
	c.SetUnit("b", eur(1000), "JPY")
	w := worthOf(c, "google:1", repeated(30, selling("google:1", "a", 100), selling("google:1", "b", 100)))
	near(t, "margin", w.Margin, 0.9, 1e-9)
	if !strings.Contains(said(w), "2 costs in another currency are left out") {
		t.Errorf("it is not said: %s", said(w))
	}
}

// Prices with tax and before discounts: what guessed goods cost follows what
// they brought, not what they were marked with.
func TestPricesWithTaxAndBeforeDiscounts(t *testing.T) {
	t.Parallel()
	c := costsOf(map[string]float64{"a": 40})
	order := func(campaign, sku string) bidding.Order { // marked 150 with tax, sold at 120 with 20 tax
		o := selling(campaign, sku, 150)
		o.Revenue, o.Tax, o.Discount = eur(120), eur(20), eur(30)
		return o
	}
	w := worthOf(c, "google:1", append(repeated(100, order("google:1", "new")), repeated(100, order("google:2", "a"))...))
	near(t, "cost of the unknown goods", w.Parts.Goods, 40./120, 1e-9)
	w = worthOf(bidding.NewCosts("EUR", 0.4), "google:1", repeated(10, order("google:1", "new")))
	near(t, "margin by the default, of the price without tax", w.Margin, 0.4*100/120, 1e-9)
}

// returnHistory is what a shop shows of refunds of two categories whose rates in
// the end are known: 3 in 10 shoes, 1 in 20 of the rest; half of it after 14
// days, all after 60.
func returnHistory(shoes, rest float64) (rows []bidding.Refunds) {
	for age, shown := range map[int]float64{7: 0.25, 14: 0.5, 21: 0.7, 28: 0.8, 42: 0.9, 60: 1, 180: 1} {
		n := 700.
		if age == 180 {
			n = 12_000
		}
		rows = append(rows, bidding.Refunds{ProductType: "Shoes > Running", Age: age, Orders: n, Goods: 80 * n, Refunded: 80 * n * shoes * shown},
			bidding.Refunds{ProductType: "Toys", Age: age, Orders: n, Goods: 80 * n, Refunded: 80 * n * rest * shown})
	}
	return rows
}

func TestReturnsStillToCome(t *testing.T) {
	t.Parallel()
	c := costsOf(map[string]float64{"shoe": 40, "toy": 40, "lamp": 40})
	c.SetType("shoe", "Shoes > Trail")
	c.SetType("toy", "Toys")
	c.SetType("lamp", "Lamps")
	c.Returns = bidding.FitReturns(returnHistory(0.3, 0.05))
	order := func(sku string, age int, refunded float64) bidding.Order {
		o := selling("google:1", sku, 100)
		o.Age, o.Refunded = age, eur(refunded)
		return o
	}
	for name, x := range map[string]struct {
		o    bidding.Order
		want float64
	}{
		"a young order of shoes":            {order("shoe", 3, 0), 0.3 * 0.75},
		"two weeks old":                     {order("shoe", 14, 0), 0.3 * 0.5},
		"mature":                            {order("shoe", 90, 30), 0},
		"a category that seldom comes back": {order("toy", 3, 0), 0.05 * 0.75},
		"a category of no history":          {order("lamp", 3, 0), 0.175 * 0.75},
	} {
		w := worthOf(c, "google:1", repeated(30, x.o))
		near(t, name, w.Parts.ToCome, x.want, 5e-4)
		near(t, name+": margin", w.Margin, 0.6-x.o.Refunded.Float()/100-w.Parts.ToCome, 1e-9)
		if !strings.Contains(said(w), "17.5 % of the goods are refunded, by category and from 32400 orders; after 14 days 50 % of that has shown") {
			t.Errorf("%s: returns are not explained: %s", name, said(w))
		}
	}
	// A category of few orders leans on the shop: as 100 orders to 50.
	few := append(returnHistory(0.1, 0.1), bidding.Refunds{ProductType: "Hats", Age: 180, Orders: 100, Goods: 8000, Refunded: 3200})
	c.Returns = bidding.FitReturns(few)
	c.SetType("hat", "Hats")
	w := worthOf(c, "google:1", repeated(30, order("hat", 3, 0)))
	near(t, "a small category", w.Parts.ToCome/0.75, (0.4*100+0.1*50)/150, 2e-3)

	for name, rows := range map[string][]bidding.Refunds{
		"nothing":     nil,
		"no refunds":  {{Age: 180, Orders: 900, Goods: 9000}},
		"not numbers": {{Age: 180, Orders: 900, Goods: math.NaN(), Refunded: 90}, {Age: 180, Orders: 900, Goods: 900, Refunded: -1}},
	} {
		if r := bidding.FitReturns(rows); r != nil {
			t.Errorf("%s: returns are told all the same: %+v", name, r)
		}
	}
	for says, rows := range map[string][]bidding.Refunds{
		"20 orders are older than 60 days, and 50 are needed": {{Age: 14, Orders: 900, Goods: 9000, Refunded: 90}, {Age: 180, Orders: 20, Goods: 200, Refunded: 10}},
		"none of the orders older than 60 days was refunded":  {{Age: 14, Orders: 900, Goods: 9000, Refunded: 90}, {Age: 180, Orders: 900, Goods: 9000}},
	} {
		c.Returns = bidding.FitReturns(rows)
		w := worthOf(c, "google:1", repeated(30, order("shoe", 3, 5)))
		if w.Parts.ToCome != 0 || !strings.Contains(said(w), says) {
			t.Errorf("%v are still to come: %s", w.Parts.ToCome, said(w))
		}
	}
}

// The curve of refunds by age never falls, whatever the history, and what is to
// come is never negative nor more than the goods.
func TestReturnsArePlausible(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rows := []bidding.Refunds{{Age: 180, Orders: 60, Goods: 6000, Refunded: 60}}
		for range rapid.IntRange(0, 12).Draw(t, "n") {
			g := rapid.Float64Range(0, 1e5).Draw(t, "goods")
			rows = append(rows, bidding.Refunds{ProductType: rapid.SampledFrom([]string{"", "a", "a > b", "c"}).Draw(t, "type"),
				Age: rapid.IntRange(0, 100).Draw(t, "age"), Orders: g / 100, Goods: g, Refunded: g * rapid.Float64Range(0, 1.5).Draw(t, "share")})
		}
		c := bidding.NewCosts("EUR", 0.5)
		c.SetType("x", "a > b")
		if c.Returns = bidding.FitReturns(rows); c.Returns == nil {
			t.Fatal("no returns")
		}
		last := 1.
		for _, age := range []int{0, 10, 20, 25, 40, 50, 70} {
			o := selling("g", "x", 100)
			o.Age = age
			come := worthOf(c, "g", []bidding.Order{o}).Parts.ToCome
			if !(come >= 0 && come <= last+1e-12) {
				t.Fatalf("at %d days %v are to come, before it were %v", age, come, last)
			}
			last = come
		}
	})
}

// Orders summed up by the database give the same margins and errors as each by
// itself.
func TestOrdersSummedUp(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(5, 6))
	c := costsOf(map[string]float64{"a": 25, "b": 4})
	c.PaymentRate, c.ShippingCost = 0.03, eur(5)
	one := []bidding.Order{}
	sum := bidding.Order{Campaign: "g", Lines: []bidding.OrderLine{{SKU: "a"}, {SKU: "b"}, {SKU: "?"}}, Moments: &bidding.Moments{}}
	prices := []float64{50, 10, 30}
	for range 300 {
		o := bidding.Order{Campaign: "g"}
		known, unknown, total := 0., 0., 0.
		for i, sku := range []string{"a", "b", "?"} {
			q := float64(rng.IntN(4))
			o.Lines = append(o.Lines, bidding.OrderLine{SKU: sku, Quantity: q, UnitPrice: eur(prices[i])})
			sum.Lines[i].Quantity += q
			sum.Lines[i].UnitPrice = eur(prices[i])
			total += q * prices[i]
			known += q * []float64{25, 4, 0}[i]
			unknown += q * []float64{0, 0, 30}[i]
		}
		if total == 0 {
			continue
		}
		o.Revenue = eur(total)
		if rng.IntN(5) == 0 {
			o.Refunded = eur(total / 2)
		}
		one = append(one, o)
		r, n := total, total-o.Refunded.Float()-known
		m := sum.Moments
		m.RR, m.RN, m.RU, m.NN, m.NU, m.UU = m.RR+r*r, m.RN+r*n, m.RU+r*unknown, m.NN+n*n, m.NU+n*unknown, m.UU+unknown*unknown
		sum.Count++
		sum.Revenue += o.Revenue
		sum.Refunded += o.Refunded
	}
	a, b := worthOf(c, "g", one), worthOf(c, "g", []bidding.Order{sum})
	near(t, "margin", b.Margin, a.Margin, 1e-9)
	near(t, "its error", b.MarginRelSD, a.MarginRelSD, 1e-6)
	if a.MarginRelSD < 0.005 || a.MarginRelSD > 0.2 {
		t.Errorf("300 orders of all kinds have an error of %v", a.MarginRelSD)
	}
}

// The central 80 % of a campaign's margin hold the true one as often as they
// say: campaigns' true margins differ, orders' do about them, and each campaign
// has few or many orders.
func TestMarginIntervalsCover(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(7, 8))
	held, all := 0, 0
	for range 60 {
		var orders []bidding.Order
		truth := map[string]float64{}
		for c := range 30 {
			name := string(rune('a' + c))
			truth[name] = 0.4 + 0.06*rng.NormFloat64()
			for range 5 + rng.IntN(120) {
				revenue := 60 * math.Exp(0.6*rng.NormFloat64())
				cost := eur(revenue * (1 - truth[name] - 0.2*rng.NormFloat64()))
				orders = append(orders, bidding.Order{Campaign: name, Revenue: eur(revenue),
					Lines: []bidding.OrderLine{{SKU: "x", Quantity: 1, UnitPrice: eur(revenue), UnitCost: &cost}}})
			}
		}
		w, _ := bidding.NewBook(bidding.NewCosts("EUR", 0.5), orders).Worths(bidding.WorthInput{})
		for name, m := range truth {
			if z := math.Abs(w[name].Margin-m) / (w[name].Margin * w[name].MarginRelSD); z < 1.2815515655446004 {
				held++
			}
			all++
		}
	}
	if share := float64(held) / float64(all); share < 0.75 || share > 0.85 {
		t.Errorf("intervals of 80 %% hold %.1f %% of %d margins", 100*share, all)
	}
}
