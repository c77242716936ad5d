package bidding

import (
	"fmt"

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
	// Count is how many orders are summed up here, of one campaign and alike in
	// New and in having lines; 0 is one.
	Count int
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

// Add counts one order, or several as one. A line's own cost comes first, then the product's.
// Orders without lines count with their revenue as goods of unknown cost.
func (b *Book) Add(o Order) {
	a := ledger{orders: max(o.Count, 1), revenue: o.Revenue.Float(), tax: o.Tax.Float(), refunds: o.Refunded.Float()}
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

// Incremental is a campaign's incremental share as attribution or an experiment
// found it.
type Incremental struct {
	Share      float64
	RelSD      float64 // standard error as a share of Share
	Calibrated bool    // by a lift experiment
	Why        string  // how it was found
}

// WorthInput is what turns margins into worths.
type WorthInput struct {
	// Incremental is by CampaignKey; a campaign it lacks counts in full.
	Incremental map[string]Incremental
	// Lambda is the lifetime over first-order margin of a new customer by
	// CampaignKey; DefaultLambda serves the others (1 where the lifetime model refused).
	Lambda        map[string]float64
	DefaultLambda float64
	LambdaSource  string // one sentence, e.g. "BG/NBD on 4,210 customers"
}

// Shrinkage: a campaign's margin and new-customer share lean on the shop's with
// the weight of so many orders.
const (
	leanMargin = 20
	leanNew    = 10
)

// Worths returns the worth of every campaign that has orders or an incremental
// share, and the shop-wide one for campaigns that have neither.
func (b *Book) Worths(in WorthInput) (byCampaign map[string]Worth, def Worth) {
	byCampaign = map[string]Worth{}
	for c := range in.Incremental {
		byCampaign[c] = b.worth(in, c)
	}
	for c := range b.by {
		byCampaign[c] = b.worth(in, c)
	}
	return byCampaign, b.worth(in, "")
}

func (b *Book) worth(in WorthInput, campaign string) Worth {
	a := b.by[campaign]
	if a == nil {
		a = &ledger{}
	}
	var w Worth
	b.setMargin(&w, a)
	b.setLifetime(&w, a, in, campaign)
	w.setIncremental(in, campaign)
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

func (w *Worth) setIncremental(in WorthInput, campaign string) {
	i, ok := in.Incremental[campaign]
	if !ok {
		i = Incremental{Share: 1, Why: "nothing is known of it: every reported sale is taken as incremental"}
	}
	w.IncrementalShare, w.RelSD, w.Calibrated = i.Share, i.RelSD, i.Calibrated
	label := "uncalibrated by experiment"
	if i.Calibrated {
		label = "by experiment"
	}
	w.Sources = append(w.Sources, fmt.Sprintf("Incremental share %.0f %%, %s: %s.", 100*i.Share, label, i.Why))
}
