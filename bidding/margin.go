package bidding

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"adsteward/internal/civil"
	"adsteward/internal/money"
)

// OrderLine is one line of an order as the margin sees it. UnitCost nil: unknown.
type OrderLine struct {
	SKU       string
	Quantity  float64
	UnitPrice money.Micros
	UnitCost  *money.Micros
}

// Order is a shop order. Campaign is CampaignKey's form, empty where no click
// was joined to it. Revenue is what the customer paid after discounts, with the
// tax and the shipping charge in it.
type Order struct {
	ID         string
	CustomerID string
	Date       civil.Date
	Campaign   string
	Revenue    money.Micros
	Tax        money.Micros
	Shipping   money.Micros // charged to the customer; part of the revenue
	Refunded   money.Micros
	New        bool // the customer's first order
	Lines      []OrderLine
}

// Costs is what the shop says of its costs.
type Costs struct {
	// Unit is the cost of a product by SKU.
	Unit map[string]money.Micros
	// DefaultMargin is (price - cost of goods) / price where the shop knows too
	// few costs to take its own average. 0: 0.4.
	DefaultMargin float64
	PaymentRate   float64      // share of the revenue
	ShippingCost  money.Micros // what an order costs to send
}

// Book gathers orders into margins per campaign; memory grows with campaigns,
// not with orders. The contribution of an order is revenue - tax - cost of
// goods - cost of sending - payment fees - refunds; refunded goods count as lost.
type Book struct {
	costs Costs
	by    map[string]*ledger
	shop  ledger
}

// ledger is the sums of one campaign, in currency units.
type ledger struct {
	orders                int
	revenue, tax, refunds float64
	newRevenue            float64 // of customers' first orders
	cost                  float64 // of goods, where known
	known, unknown        float64 // price of the goods with and without known cost
}

// NewBook starts a book under the given costs.
func NewBook(c Costs) *Book {
	if c.DefaultMargin <= 0 {
		c.DefaultMargin = 0.4
	}
	return &Book{costs: c, by: map[string]*ledger{}}
}

// Add counts one order. A line's own cost comes first, then the product's.
// Orders without lines count with their revenue as goods of unknown cost.
func (b *Book) Add(o Order) {
	a := ledger{orders: 1, revenue: o.Revenue.Float(), tax: o.Tax.Float(), refunds: o.Refunded.Float()}
	if o.New {
		a.newRevenue = a.revenue
	}
	for _, l := range o.Lines {
		cost, ok := b.costs.Unit[l.SKU]
		if l.UnitCost != nil {
			cost, ok = *l.UnitCost, true
		}
		price := l.Quantity * l.UnitPrice.Float()
		if ok {
			a.known += price
			a.cost += l.Quantity * cost.Float()
		} else {
			a.unknown += price
		}
	}
	if len(o.Lines) == 0 {
		a.unknown = max(a.revenue-a.tax-o.Shipping.Float(), 0)
	}
	b.shop.add(a)
	if o.Campaign == "" {
		return
	}
	if b.by[o.Campaign] == nil {
		b.by[o.Campaign] = &ledger{}
	}
	b.by[o.Campaign].add(a)
}

func (a *ledger) add(o ledger) {
	a.orders += o.orders
	a.revenue += o.revenue
	a.tax += o.tax
	a.refunds += o.refunds
	a.newRevenue += o.newRevenue
	a.cost += o.cost
	a.known += o.known
	a.unknown += o.unknown
}

// leastKnown is the share of goods with a known cost from which the shop's own
// cost ratio serves for the rest.
const leastKnown = 0.2

// costRatio is the cost of goods per price where a product's cost is unknown.
func (b *Book) costRatio() (ratio float64, source string) {
	if b.shop.known > leastKnown*(b.shop.known+b.shop.unknown) {
		return b.shop.cost / b.shop.known, "the shop's average"
	}
	return 1 - b.costs.DefaultMargin, "the configured default"
}

// contribution is the contribution margin of a campaign's orders.
func (b *Book) contribution(a *ledger) float64 {
	ratio, _ := b.costRatio()
	return a.revenue - a.tax - a.refunds - a.cost - ratio*a.unknown -
		b.costs.PaymentRate*a.revenue - b.costs.ShippingCost.Float()*float64(a.orders)
}

// WorthInput is what turns margins into worths. All figures are of the window
// the orders were taken from.
type WorthInput struct {
	// Reported is the lag-corrected value each campaign's platform reports, by CampaignKey.
	Reported map[string]float64
	// Lambda is the lifetime over first-order margin of a new customer by
	// CampaignKey; DefaultLambda serves the others (1 where the lifetime model refused).
	Lambda        map[string]float64
	DefaultLambda float64
	LambdaSource  string // one sentence, e.g. "BG/NBD on 4,210 customers"
}

// Shrinkage: a campaign's margin and new-customer share lean on the shop's,
// and its incremental share on its platform's, with the weight of so many
// orders. Fewer joined orders than leastJoined on a platform mean that joining
// does not work there, not that the platform brings nothing.
const (
	leanMargin  = 20
	leanNew     = 10
	leanIota    = 20
	leastJoined = 20
	leastIota   = 0.05
	mostIota    = 1.2
)

// Worths returns the worth of every campaign that is reported or has orders,
// and the shop-wide one for campaigns that are neither.
func (b *Book) Worths(in WorthInput) (byCampaign map[string]Worth, def Worth) {
	names := map[string]bool{}
	for c := range in.Reported {
		names[c] = true
	}
	for c := range b.by {
		names[c] = true
	}
	joined := b.joined(in)
	byCampaign = make(map[string]Worth, len(names))
	for c := range names {
		byCampaign[c] = b.worth(in, c, joined)
	}
	return byCampaign, b.worth(in, "", joined)
}

// joinedShare is how much of a platform's reported value is found in the shop.
type joinedShare struct {
	orders            int
	revenue, reported float64
}

func (j joinedShare) iota() (float64, bool) {
	if j.orders < leastJoined || j.reported <= 0 {
		return 1, false
	}
	return j.revenue / j.reported, true
}

// joined sums joined and reported revenue by platform, "" being all.
func (b *Book) joined(in WorthInput) map[string]joinedShare {
	out := map[string]joinedShare{}
	add := func(campaign string, j joinedShare) {
		p, _, _ := strings.Cut(campaign, ":")
		for _, k := range []string{p, ""} {
			s := out[k]
			out[k] = joinedShare{s.orders + j.orders, s.revenue + j.revenue, s.reported + j.reported}
		}
	}
	for _, c := range slices.Sorted(maps.Keys(b.by)) { // in order: sums of floats depend on it
		add(c, joinedShare{orders: b.by[c].orders, revenue: b.by[c].revenue})
	}
	for _, c := range slices.Sorted(maps.Keys(in.Reported)) {
		add(c, joinedShare{reported: in.Reported[c]})
	}
	return out
}

func (b *Book) worth(in WorthInput, campaign string, joined map[string]joinedShare) Worth {
	a := b.by[campaign]
	if a == nil {
		a = &ledger{}
	}
	var w Worth
	b.setMargin(&w, a)
	b.setLifetime(&w, a, in, campaign)
	b.setIota(&w, a, in, campaign, joined)
	return w
}

func (b *Book) setMargin(w *Worth, a *ledger) {
	ratio, ratioSource := b.costRatio()
	shop := 1 - ratio - b.costs.PaymentRate // where nothing is sold yet
	mean := 0.0
	if b.shop.revenue > 0 {
		shop = b.contribution(&b.shop) / b.shop.revenue
		mean = b.shop.revenue / float64(b.shop.orders)
	}
	w.Margin = shop
	if a.orders > 0 && a.revenue > 0 {
		mean = a.revenue / float64(a.orders)
		w.Margin = (b.contribution(a) + leanMargin*mean*shop) / (a.revenue + leanMargin*mean)
	}
	w.Orders, w.AverageOrder = a.orders, mean
	goods, of := a.known+a.unknown, a
	if goods == 0 {
		of = &b.shop
		goods = of.known + of.unknown
	}
	source := fmt.Sprintf("Margin from %d orders of its own and the shop's %d", a.orders, b.shop.orders)
	if b.shop.orders == 0 {
		source = "Margin from no orders at all: " + ratioSource
	}
	if goods > 0 && of.unknown > 0 {
		source += fmt.Sprintf("; %.0f %% of the goods have no known cost and take %s", 100*of.unknown/goods, ratioSource)
	}
	if w.Margin = min(w.Margin, 1); w.Margin <= 0 {
		source += "; what it sells loses money before advertising"
		w.Margin = 0
	}
	w.Sources = append(w.Sources, source+".")
}

func (b *Book) setLifetime(w *Worth, a *ledger, in WorthInput, campaign string) {
	share := 0.0
	if b.shop.revenue > 0 {
		share = b.shop.newRevenue / b.shop.revenue
	}
	if a.revenue > 0 {
		lean := leanNew * a.revenue / float64(a.orders)
		share = (a.newRevenue + lean*share) / (a.revenue + lean)
	}
	lambda, own := in.Lambda[campaign]
	if !own {
		lambda = in.DefaultLambda
	}
	w.NewShare, w.Lambda = share, max(lambda, 1)
	w.LTVMultiple = 1 - share + share*w.Lambda
	w.Sources = append(w.Sources, fmt.Sprintf("A new customer brings %.2f times the first order's margin (%s); %.0f %% of the revenue is of new customers.",
		w.Lambda, in.LambdaSource, 100*share))
}

func (b *Book) setIota(w *Worth, a *ledger, in WorthInput, campaign string, joined map[string]joinedShare) {
	platform, _, _ := strings.Cut(campaign, ":")
	pool, ok := joined[platform].iota()
	reported := in.Reported[campaign]
	orders := joined[platform].orders
	switch {
	case !ok:
		w.IncrementalShare = 1
		w.Sources = append(w.Sources, "Too few of the shop's orders could be joined to clicks: every reported sale is taken as incremental (uncalibrated).")
		return
	case reported > 0:
		lean := leanIota * w.AverageOrder
		pool = (a.revenue + lean*pool) / (reported + lean)
		orders = a.orders + leanIota
	}
	w.IncrementalShare = min(max(pool, leastIota), mostIota)
	// The joined orders are counted, and of differing size (a spread of about
	// two thirds of the mean): the square of the standard error is 1.4/orders.
	w.RelSD = math.Sqrt(1.4 / float64(orders))
	w.Sources = append(w.Sources, fmt.Sprintf("%.0f %% of the reported value is found in %d of the shop's own orders (last click, uncalibrated by experiment).",
		100*w.IncrementalShare, a.orders))
}
