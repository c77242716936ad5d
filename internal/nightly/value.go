package nightly

import (
	"context"
	"errors"
	"fmt"
	"math"

	"adsteward/attribution"
	"adsteward/bidding"
	"adsteward/bidding/ltv"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/store"
)

// value refits what a customer and a sale are worth: the lifetime model on all
// orders, and margin, lifetime multiple and incremental share per campaign.
func value(ctx context.Context, n *night) (report, error) {
	fit, of, warning, err := n.lifetime(ctx)
	if err != nil {
		return report{}, err
	}
	worths, def, err := n.fitWorths(ctx, fit)
	if err != nil {
		return report{}, err
	}
	checks, err := n.diagnostics(ctx, fit, of)
	if err != nil {
		return report{}, err
	}
	var models modelSet
	if checks != nil {
		models.add(n.runID, "ltv_diagnostics", "", checks)
	}
	if fit != nil {
		models.add(n.runID, "ltv", "", fit)
		models.add(n.runID, "ltv_basis", "", of)
	}
	for k, w := range worths {
		models.add(n.runID, "worth", k, w)
	}
	models.add(n.runID, "worth", "", def)
	summary := fmt.Sprintf("margin %.0f %%, a new customer is worth %.2f first orders", 100*def.Margin, def.Lambda)
	if warning != "" {
		summary += "; " + warning
	}
	return report{Summary: summary}, models.put(ctx, n.Store.Queries)
}

// A lifetime model counts a year ahead and rests on all orders there ever were:
// a day more changes nothing in it, and fitting it is the longest part of the
// night. It serves for lifetimeNights, unless the shop's orders have grown by
// more than lifetimeGrowth meanwhile, as an import makes them.
const (
	lifetimeNights = 7
	lifetimeGrowth = 0.03
)

// basis is what a lifetime model rests on.
type basis struct {
	Date   civil.Date `json:"date"`
	Orders int64      `json:"orders"`
}

// lifetime is the lifetime model of a night shortly before and what it rests
// on, or a new one.
func (n *night) lifetime(ctx context.Context) (*ltv.Fit, basis, string, error) {
	counts, err := n.Store.Counts(ctx, n.shop.Name)
	if err != nil {
		return nil, basis{}, "", err
	}
	for k := 1; k < lifetimeNights; k++ {
		run := RunID(n.shop.Name, n.date.AddDays(-k))
		of, err := loadModels[basis](ctx, n.Store.Queries, run, "ltv_basis")
		if err != nil {
			return nil, basis{}, "", err
		}
		old, ok := of[""]
		if !ok || n.date.Sub(old.Date) >= lifetimeNights || math.Abs(float64(counts.Orders-old.Orders)) > lifetimeGrowth*float64(old.Orders) {
			continue
		}
		fits, err := loadModels[ltv.Fit](ctx, n.Store.Queries, run, "ltv")
		if err != nil {
			return nil, basis{}, "", err
		}
		if f, ok := fits[""]; ok && f.Options == n.lifetimeOptions() {
			return &f, old, "", nil
		}
	}
	fit, warning, err := n.fitLifetime(ctx)
	return fit, basis{n.date, counts.Orders}, warning, err
}

func (n *night) lifetimeOptions() ltv.Options {
	return ltv.Options{HorizonDays: n.shop.Model.HorizonDays, DiscountAnnual: n.shop.Model.DiscountAnnual}
}

// fitLifetime fits the lifetime model; where the data cannot carry one it
// returns none and says why.
func (n *night) fitLifetime(ctx context.Context) (*ltv.Fit, string, error) {
	b := ltv.NewBuilder(n.date)
	err := n.Store.EachCustomerDay(ctx, n.shop.Name, n.date, func(d store.CustomerDay) error {
		return b.Add(d.CustomerID, d.FirstCampaign, d.Date, d.Revenue.Float())
	})
	if err != nil {
		return nil, "", err
	}
	fit, err := ltv.FitNight(b.Data(), n.lifetimeOptions())
	if r, ok := errors.AsType[*ltv.Refused](err); ok {
		return nil, "no lifetime model: " + r.Reason, nil
	}
	if err != nil {
		return nil, "", err
	}
	return fit, "", nil
}

// fitWorths keeps the book of the shop's orders and turns it into worths.
func (n *night) fitWorths(ctx context.Context, fit *ltv.Fit) (map[string]bidding.Worth, bidding.Worth, error) {
	costs, err := n.costs(ctx)
	if err != nil {
		return nil, bidding.Worth{}, err
	}
	book := bidding.NewBook(costs)
	from, to := n.date.AddDays(-iotaDays), n.date.AddDays(-1)
	sales, err := n.Store.Sales(ctx, n.shop.Name, from, to)
	if err != nil {
		return nil, bidding.Worth{}, err
	}
	for _, s := range sales {
		book.Add(bookOrder(s))
	}
	in := bidding.WorthInput{DefaultLambda: 1, LambdaSource: "no lifetime model: a customer counts with the first order alone"}
	if fit != nil {
		in.DefaultLambda, in.LambdaSource = fit.DefaultLambda(), fit.Source()
		in.Lambda = map[string]float64{}
		for k, l := range fit.Lambdas() {
			in.Lambda[k] = l.Value
		}
	}
	shares, err := loadModels[attribution.Share](ctx, n.Store.Queries, n.runID, "attribution")
	if err != nil {
		return nil, bidding.Worth{}, err
	}
	in.Incremental = map[string]bidding.Incremental{}
	for k, s := range shares {
		in.Incremental[k] = bidding.Incremental{Share: s.Iota, RelSD: s.RelSD, Why: s.Why}
	}
	worths, def := book.Worths(in)
	return worths, def, nil
}

// bookOrder is alike orders as one.
func bookOrder(s store.Sales) bidding.Order {
	b := bidding.Order{Count: s.Orders, Campaign: s.Campaign, Revenue: s.Revenue, Tax: s.Tax, Shipping: s.Shipping, Refunded: s.Refunded, New: s.New}
	for _, l := range s.Lines {
		b.Lines = append(b.Lines, bidding.OrderLine{SKU: l.SKU, Quantity: l.Quantity, UnitPrice: l.UnitPrice, UnitCost: l.UnitCost})
	}
	return b
}

// costs are the imported ones; the feed's cost of goods sold fills the gaps.
func (n *night) costs(ctx context.Context) (bidding.Costs, error) {
	m := n.shop.Model
	shipping, err := money.FromFloat(m.ShippingCost)
	if err != nil {
		return bidding.Costs{}, err
	}
	c := bidding.Costs{Unit: map[string]money.Micros{}, DefaultMargin: m.DefaultMargin, PaymentRate: m.PaymentFeeRate, ShippingCost: shipping}
	products, err := n.Store.Products(ctx, n.shop.Name)
	if err != nil {
		return c, err
	}
	for _, p := range products {
		if p.UnitCost != nil {
			c.Unit[p.ItemID] = *p.UnitCost
		}
	}
	costs, err := n.Store.Costs(ctx, n.shop.Name)
	if err != nil {
		return c, err
	}
	for sku, k := range costs {
		if k.Currency == n.shop.Currency {
			c.Unit[sku] = k.UnitCost
		}
	}
	return c, nil
}
