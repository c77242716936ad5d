package nightly

import (
	"context"
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
	fit, of, warning, err := n.lifetime(ctx)
	if err != nil {
		return report{}, err
	}
	segments, err := n.segments(ctx, fit)
	if err != nil {
		return report{}, err
	}
	worths, def, err := n.fitWorths(ctx, fit)
	if err != nil {
		return report{}, err
	}
	var models modelSet
	if err := n.addSegments(ctx, &models, fit, segments, worths, def); err != nil {
		return report{}, err
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
		if _, own := in.Lambda[k]; fit != nil && !own { // it has won nobody yet
			in.Lambda[k] = fit.LambdaOf(k).Value
		}
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
