package nightly

import (
	"context"
	"errors"
	"fmt"

	"adsteward/attribution"
	"adsteward/bidding"
	"adsteward/bidding/ltv"
	"adsteward/internal/money"
	"adsteward/store"
)

// value refits what a customer and a sale are worth: the lifetime model on all
// orders, and margin, lifetime multiple and incremental share per campaign.
func value(ctx context.Context, n *night) (report, error) {
	fit, warning, err := n.fitLifetime(ctx)
	if err != nil {
		return report{}, err
	}
	worths, def, err := n.fitWorths(ctx, fit)
	if err != nil {
		return report{}, err
	}
	var models modelSet
	if fit != nil {
		models.add(n.runID, "ltv", "", fit)
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
	fit, err := ltv.FitNight(b.Data(), ltv.Options{HorizonDays: n.shop.Model.HorizonDays, DiscountAnnual: n.shop.Model.DiscountAnnual})
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
	seen := ""
	// Orders come by customer, oldest first, so that the first of a customer
	// over all time tells new from returning.
	err = n.Store.EachOrder(ctx, n.shop.Name, 0, to, func(o store.Order) error {
		first := o.CustomerID != seen
		seen = o.CustomerID
		if o.OrderDate < from {
			return nil
		}
		book.Add(bookOrder(o, first))
		return nil
	})
	if err != nil {
		return nil, bidding.Worth{}, err
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

func bookOrder(o store.Order, first bool) bidding.Order {
	b := bidding.Order{ID: o.OrderID, CustomerID: o.CustomerID, Date: o.OrderDate, Campaign: o.Campaign, Revenue: o.Revenue,
		Tax: o.Tax, Shipping: o.Shipping, Refunded: o.Refunded, New: first}
	for _, l := range o.Lines {
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
