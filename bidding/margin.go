package bidding

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/floats"

	"adsteward/internal/money"
)

// OrderLine is one line of an order as the margin sees it. UnitCost nil: unknown.
type OrderLine struct {
	SKU       string
	Quantity  float64
	UnitPrice money.Micros
	UnitCost  *money.Micros
}

// Order is a shop order, or several that are alike as one. Campaign is the last click's in
// CampaignKey's form, empty where no click was joined to it. Revenue is what the
// customer paid after discounts, with the tax and the shipping charge in it.
type Order struct {
	Campaign string
	Age      int // days since it was placed
	Revenue  money.Micros
	Discount money.Micros // taken off before Revenue; said, never taken off again
	Tax      money.Micros
	Shipping money.Micros // charged to the customer; part of the revenue
	Refunded money.Micros
	New      bool // the customer's first order
	Several  bool // ads of other campaigns were clicked before it too
	Lines    []OrderLine
	// Count is how many orders are summed up here, of one campaign and alike in
	// New, in age and in having lines; 0 is one. Moments then tell how they differ.
	Count   int
	Moments *Moments
}

// Moments are sums over orders of products of three amounts of each, in units of
// the currency: its revenue r; n, its revenue less tax, refunds (see Book) and
// goods of known cost; and u, the price of its goods of unknown cost.
type Moments struct{ RR, RN, RU, NN, NU, UU float64 }

// netOfPrice is what an order's goods brought without tax, shipping charge and
// discounts, as a share of what its lines name as their prices: prices may be
// with tax and before discounts. Lines that name less than the order brought are
// taken at their word.
func (o *Order) netOfPrice() float64 {
	var priced float64
	for _, l := range o.Lines {
		priced += l.Quantity * l.UnitPrice.Float()
	}
	if net := o.net(); net > 0 && priced > net {
		return net / priced
	}
	return 1
}

// net is what the goods brought: without tax and shipping charge.
func (o *Order) net() float64 { return max((o.Revenue - o.Tax - o.Shipping).Float(), 0) }

// Book holds the margins of a shop's orders by campaign; its memory grows with
// campaigns and products, not with orders. The contribution of an order is
//
//	revenue - tax - cost of goods - cost of sending - payment fees - refunds - refunds still to come
//
// Refunds are taken without their share of tax, which need not be paid either.
// What is refunded counts as lost: goods, sending and fees are not got back.
// Discounts are in the revenue already. What a campaign sells is told by the orders under
// its clicks alone: of one that several had a part in nobody knows whose it is, and
// campaigns that are clicked last before what others sold would seem to sell the same.
type Book struct {
	costs   Costs
	average *average
	by      map[string]*ledger // by last click
	alone   map[string]*ledger // of them those before which no other campaign's ad was clicked
	shop    ledger
	unasked ledger // orders before which no ad was clicked
	// The shop's margin with its variance, how much an order's contribution varies
	// about it (currency squared), and how much the campaigns' margins do.
	margin, variance  float64
	perOrder, between float64
}

// ledger is the sums of one campaign, in currency units.
type ledger struct {
	orders                                    int
	revenue, discount, tax, shipping, refunds float64
	newRevenue                                float64        // of customers' first orders
	toCome                                    float64        // refunds
	cost                                      float64        // of goods
	carried                                   [steps]float64 // value of the goods by where their cost comes from
	// Over the measured orders: how many, and the second moments of contribution
	// c and revenue r.
	measured   int
	cc, cr, rr float64
}

// NewBook keeps the book of orders under the given costs. A line's own cost
// comes first, then the product's, then what other orders of the product say,
// then the averages of its category and of the shop, then the configured margin.
// Orders without lines count with their revenue as goods of unknown cost.
func NewBook(c Costs, orders []Order) *Book {
	b := &Book{costs: c, by: map[string]*ledger{}, alone: map[string]*ledger{}}
	b.average = newAverage(&b.costs, orders)
	for i := range orders {
		b.add(&orders[i])
	}
	b.compare()
	return b
}

func (b *Book) add(o *Order) {
	a := ledger{orders: max(o.Count, 1), revenue: o.Revenue.Float(), discount: o.Discount.Float(), tax: o.Tax.Float(), shipping: o.Shipping.Float()}
	a.refunds = o.Refunded.Float()
	if a.revenue > 0 {
		a.refunds *= 1 - a.tax/a.revenue
	}
	if o.New {
		a.newRevenue = a.revenue
	}
	var unknown float64 // cost of the goods that Moments calls u
	goods := func(value float64, category string, cost float64, s step) {
		a.cost += cost
		a.carried[s] += value
		a.toCome += b.costs.Returns.toCome(category, o.Age, value)
		if s != byLine && s != byList {
			unknown += cost
		}
	}
	net := o.netOfPrice()
	for _, l := range o.Lines {
		value := l.Quantity * l.UnitPrice.Float() * net
		cost, s := b.average.cost(l, value)
		goods(value, b.costs.category[l.SKU], cost, s)
	}
	if len(o.Lines) == 0 {
		cost, s := b.average.guess("", o.net())
		goods(o.net(), "", cost, s)
	}
	b.measure(&a, o, unknown)
	b.shop.add(&a)
	if o.Campaign == "" {
		b.unasked.add(&a)
		return
	}
	of := []map[string]*ledger{b.by, b.alone}
	if o.Several {
		of = of[:1]
	}
	for _, m := range of {
		if m[o.Campaign] == nil {
			m[o.Campaign] = &ledger{}
		}
		m[o.Campaign].add(&a)
	}
}

// measure notes how the contributions of the orders differ. unknown is what
// their goods of unknown cost take.
func (b *Book) measure(a *ledger, o *Order, unknown float64) {
	c, r, m := b.contribution(a), a.revenue, o.Moments
	if a.orders == 1 {
		a.measured, a.cc, a.cr, a.rr = 1, c*c, c*r, r*r
	}
	if a.orders == 1 || m == nil || r <= 0 {
		return
	}
	var u float64
	for _, l := range o.Lines {
		if _, ok := b.average.named(l); !ok {
			u += l.Quantity * l.UnitPrice.Float()
		}
	}
	if len(o.Lines) == 0 {
		u = o.net()
	}
	// Of each order c = n - fee r - rho u - send: refunds to come are spread over
	// revenue, guessed costs over the goods they were guessed for.
	k, send, fee, rho := float64(a.orders), b.costs.ShippingCost.Float(), b.costs.PaymentRate+a.toCome/r, 0.0
	n := c + fee*r + unknown + send*k
	if u > 0 {
		rho = unknown / u
	}
	a.measured, a.rr = a.orders, m.RR
	a.cr = m.RN - fee*m.RR - rho*m.RU - send*r
	a.cc = m.NN + fee*fee*m.RR + rho*rho*m.UU + k*send*send - 2*fee*m.RN - 2*rho*m.NU - 2*send*n + 2*fee*rho*m.RU + 2*fee*send*r + 2*rho*send*u
}

func (a *ledger) add(o *ledger) {
	a.orders += o.orders
	a.revenue += o.revenue
	a.discount += o.discount
	a.tax += o.tax
	a.shipping += o.shipping
	a.refunds += o.refunds
	a.newRevenue += o.newRevenue
	a.toCome += o.toCome
	a.cost += o.cost
	for s := range a.carried {
		a.carried[s] += o.carried[s]
	}
	a.measured += o.measured
	a.cc, a.cr, a.rr = a.cc+o.cc, a.cr+o.cr, a.rr+o.rr
}

// contribution is the contribution margin of a campaign's orders.
func (b *Book) contribution(a *ledger) float64 {
	return a.revenue - a.tax - a.refunds - a.toCome - a.cost - b.costs.PaymentRate*a.revenue - b.costs.ShippingCost.Float()*float64(a.orders)
}

const (
	// leanSpread: how much a campaign's orders differ leans on how much the shop's
	// do with the weight of so many orders.
	leanSpread = 20
	// How much margins differ between campaigns before there are campaigns to tell
	// it: a standard deviation of five points, believed like three campaigns.
	priorMarginSD  = 0.05
	priorCampaigns = 3
	// leastVariance keeps orders that are all alike from weighing without bound.
	leastVariance = 1e-10
)

// compare measures how much margins differ between orders and between
// campaigns, the latter held to a prior while there are few campaigns.
func (b *Book) compare() {
	s := &b.shop
	if s.revenue <= 0 {
		return
	}
	b.margin = b.contribution(s) / s.revenue
	if s.measured > 1 {
		b.perOrder = s.squares(b.margin) / float64(s.measured-1)
	}
	b.variance = max(b.perOrder*float64(s.orders)/(s.revenue*s.revenue), leastVariance)
	var margins []normal
	for _, k := range slices.Sorted(maps.Keys(b.alone)) {
		if a := b.alone[k]; a.revenue > 0 {
			own, variance := b.own(a)
			margins = append(margins, normal{own, variance})
		}
	}
	b.between = betweenMembers(margins, priorMarginSD*priorMarginSD)
}

// squares is the sum of (c - margin r)^2 over the orders.
func (a *ledger) squares(margin float64) float64 {
	return max(a.cc-2*margin*a.cr+margin*margin*a.rr, 0)
}

// own is a campaign's own margin rate, a ratio of sums over its orders, and the
// variance of that ratio between such sets of orders (Cochran, Sampling
// Techniques, 3rd ed., eq. 6.13).
func (b *Book) own(a *ledger) (margin, variance float64) {
	margin = b.contribution(a) / a.revenue
	perOrder := (a.squares(margin) + leanSpread*b.perOrder) / (max(float64(a.measured)-1, 0) + leanSpread)
	return margin, max(perOrder*float64(a.orders)/(a.revenue*a.revenue), leastVariance)
}

// estimate is the margin rate of the orders that a campaign's ads caused, leaning on
// the shop's as far as its own orders say little (normal means with a normal prior),
// and its standard error; weight is what its own orders weigh.
func (b *Book) estimate(a *ledger, i Incremental) (margin, sd, weight float64) {
	of := a
	if a.revenue <= 0 {
		of = &b.shop
	}
	switch {
	case b.shop.revenue <= 0:
		cost, s := b.average.guess("", 1)
		return 1 - cost - b.costs.PaymentRate, b.average.uncertain(s), 0
	case a.revenue <= 0:
		margin, sd = b.margin, math.Sqrt(b.variance+b.between)
	default:
		own, variance := b.own(a)
		if b.unasked.revenue > 0 {
			other, otherOf := b.own(&b.unasked)
			own, variance = i.ofCaused(own, variance, other, otherOf)
		}
		weight = b.between / (b.between + variance)
		margin = weight*own + (1-weight)*b.margin
		sd = math.Sqrt(weight*variance + (1-weight)*(1-weight)*b.variance)
	}
	// Costs that were guessed may all be off in the same direction.
	for s, value := range of.carried {
		sd = math.Hypot(sd, value/of.revenue*b.average.uncertain(step(s)))
	}
	return margin, sd, weight
}

// MarginParts are what becomes of the revenue, as shares of it; what is left is
// the margin. Discounts are a share of the revenue before them, and Charged, the
// shipping that customers pay, is part of the revenue.
type MarginParts struct {
	Tax       float64 `json:"tax"`
	Goods     float64 `json:"goods"`
	Sending   float64 `json:"sending"`
	Fees      float64 `json:"fees"`
	Refunds   float64 `json:"refunds"`
	ToCome    float64 `json:"refunds_to_come"`
	Charged   float64 `json:"shipping_charged"`
	Discounts float64 `json:"discounts"`
}

// plus adds parts of so much weight.
func (p MarginParts) plus(o MarginParts, weight float64) MarginParts {
	return MarginParts{Tax: p.Tax + weight*o.Tax, Goods: p.Goods + weight*o.Goods, Sending: p.Sending + weight*o.Sending, Fees: p.Fees + weight*o.Fees,
		Refunds: p.Refunds + weight*o.Refunds, ToCome: p.ToCome + weight*o.ToCome, Charged: p.Charged + weight*o.Charged, Discounts: p.Discounts + weight*o.Discounts}
}

func (b *Book) parts(a *ledger) MarginParts {
	if a.revenue <= 0 {
		return MarginParts{}
	}
	r := a.revenue
	return MarginParts{Tax: a.tax / r, Goods: a.cost / r, Sending: b.costs.ShippingCost.Float() * float64(a.orders) / r, Fees: b.costs.PaymentRate,
		Refunds: a.refunds / r, ToCome: a.toCome / r, Charged: a.shipping / r, Discounts: a.discount / (r + a.discount)}
}

// tell says in one sentence what becomes of 100 of revenue.
func (p MarginParts) tell() string {
	var takes []string
	for _, t := range []struct {
		share float64
		what  string
	}{{p.Tax, "tax"}, {p.Goods, "cost of goods"}, {p.Sending, "sending"}, {p.Fees, "payment fees"}, {p.Refunds, "refunds"}, {p.ToCome, "refunds still to come"}} {
		if t.share > 0 {
			takes = append(takes, fmt.Sprintf("%.1f are %s", 100*t.share, t.what))
		}
	}
	if len(takes) == 0 {
		takes = []string{"nothing is taken off"}
	}
	out := "Of 100 of revenue, " + strings.Join(takes, ", ")
	if p.Refunds+p.ToCome > 0 {
		out += "; goods that come back count as lost"
	}
	if p.Charged > 0 {
		out += fmt.Sprintf("; customers pay %.1f of it for shipping", 100*p.Charged)
	}
	if p.Discounts > 0 {
		out += fmt.Sprintf("; discounts had taken %.1f %% before", 100*p.Discounts)
	}
	if p.Tax == 0 {
		out += "; no order states tax, so that revenue is taken as free of it"
	}
	return out + "."
}

// ledgerOf is a campaign's ledger, an empty one where it has no orders.
func ledgerOf(ledgers map[string]*ledger, campaign string) *ledger {
	if a := ledgers[campaign]; a != nil {
		return a
	}
	return &ledger{}
}

func (b *Book) setMargin(w *Worth, campaign string, i Incremental) {
	a, all := ledgerOf(b.alone, campaign), ledgerOf(b.by, campaign)
	margin, sd, weight := b.estimate(a, i)
	of, average := a, all
	if a.revenue <= 0 {
		of = &b.shop
	}
	if all.revenue <= 0 {
		average = &b.shop
	}
	w.Orders, w.Parts = all.orders, b.parts(of)
	if average.revenue > 0 {
		w.AverageOrder = average.revenue / float64(average.orders)
	}
	w.MarginAssumed = of.revenue <= 0 || of.carried[byDefault] > 0.5*floats.Sum(of.carried[:])
	source := fmt.Sprintf("Margin from %d orders under its clicks alone, which weigh %.0f %%, and the shop's %d", a.orders, 100*weight, b.shop.orders)
	if b.shop.orders == 0 {
		source = "Margin from no orders at all: " + stepNames[byDefault]
	}
	if w.Margin = min(margin, 1); w.Margin <= 0 {
		source += "; what it sells loses money before advertising"
		w.Margin = 0
	} else {
		w.MarginRelSD = min(sd/w.Margin, mostRelSD)
	}
	w.Sources = append(w.Sources, source+".")
	if of.revenue > 0 {
		w.Sources = append(w.Sources, w.Parts.tell())
	}
	for _, s := range []string{b.average.tell(of.carried), b.costs.Returns.tell()} {
		if s != "" {
			w.Sources = append(w.Sources, s)
		}
	}
}
