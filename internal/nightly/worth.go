package nightly

import (
	"context"
	"math"

	"adsteward/attribution"
	"adsteward/bidding"
	"adsteward/bidding/ltv"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/store"
)

// book keeps the book of the shop's orders, and adds to the models what of them
// later stages and nights ask for.
func (n *night) book(ctx context.Context, models *modelSet) (*bidding.Book, error) {
	products, err := n.Store.Products(ctx, n.shop.Name)
	if err != nil {
		return nil, err
	}
	costs, err := n.costs(ctx, products)
	if err != nil {
		return nil, err
	}
	var cuts []civil.Date
	if costs.Returns != nil { // else nothing depends on an order's age
		cuts = n.ageCuts()
	}
	sales, err := n.sales(ctx, models, cuts, costs.Fingerprint())
	if err != nil {
		return nil, err
	}
	models.add(n.runID, soldModel, "", soldStock(sales, products, n.asOf()))
	orders := make([]bidding.Order, len(sales))
	for i, s := range sales {
		orders[i] = bookOrder(s)
	}
	return bidding.NewBook(costs, orders), nil
}

// fitWorths turns the book into worths.
func (n *night) fitWorths(ctx context.Context, fit *ltv.Fit, book *bidding.Book) (map[string]bidding.Worth, bidding.Worth, error) {
	shares, err := loadModels[attribution.Share](ctx, n.Store.Queries, n.runID, "attribution")
	if err != nil {
		return nil, bidding.Worth{}, err
	}
	in := lifetimes(fit)
	in.Incremental = map[string]bidding.Incremental{}
	for k, s := range shares {
		caused, sd := s.Caused()
		in.Incremental[k] = bidding.Incremental{Share: s.Iota, RelSD: s.RelSD, Calibrated: s.Calibrated(), Audience: string(s.Addressed.Audience), Why: s.Why, Caused: caused, CausedSD: sd}
		if _, own := in.Lambda[k]; fit != nil && !own { // it has won nobody yet
			in.Lambda[k] = lifetimeOf(fit, fit.LambdaOf(k))
		}
	}
	if in.Shared, err = n.sharedRevenue(ctx); err != nil {
		return nil, bidding.Worth{}, err
	}
	worths, def := book.Worths(in)
	return worths, def, nil
}

// lifetimes are a lifetime model's multiples with their errors. The shop's own
// multiple rests on the customers who came back, counted as Poisson.
func lifetimes(fit *ltv.Fit) bidding.WorthInput {
	in := bidding.WorthInput{DefaultLambda: bidding.Lifetime{Multiple: 1, Why: "no lifetime model: a customer counts with the first order alone"}}
	if fit == nil {
		return in
	}
	in.DefaultLambda = bidding.Lifetime{Multiple: fit.DefaultLambda(), Why: fit.Source()}
	if l := in.DefaultLambda.Multiple; l > 1 && fit.Orders.RepeatBuyers > 0 {
		in.DefaultLambda.RelSD = (l - 1) / l / math.Sqrt(float64(fit.Orders.RepeatBuyers))
	}
	in.Lambda = map[string]bidding.Lifetime{}
	for k, l := range fit.Lambdas() {
		in.Lambda[k] = lifetimeOf(fit, l)
	}
	return in
}

func lifetimeOf(fit *ltv.Fit, l ltv.Lambda) bidding.Lifetime {
	return bidding.LifetimeOf(l.Value, l.Low, l.High, fit.Source()+"; "+l.Why)
}

// ageCuts are the dates that part orders into the ages that returns are
// compared at.
func (n *night) ageCuts() []civil.Date {
	cuts := make([]civil.Date, len(bidding.ReturnAges))
	for i, days := range bidding.ReturnAges {
		cuts[i] = n.date.AddDays(-days)
	}
	return cuts
}

// ageOf is an age in days of the orders before so many cuts.
func ageOf(since int) int {
	if since < len(bidding.ReturnAges) {
		return bidding.ReturnAges[since]
	}
	return bidding.ReturnDays
}

// bookOrder is alike orders as one.
func bookOrder(s store.Sales) bidding.Order {
	b := bidding.Order{Count: s.Orders, Age: ageOf(s.Since), Campaign: s.Campaign, Several: s.Several, Revenue: s.Revenue, Discount: s.Discount, Tax: s.Tax, Shipping: s.Shipping,
		Refunded: s.Refunded, New: s.New, Moments: &bidding.Moments{RR: s.RR, RN: s.RN, RU: s.RU, NN: s.NN, NU: s.NU, UU: s.UU}}
	for _, l := range s.Lines {
		b.Lines = append(b.Lines, bidding.OrderLine{SKU: l.SKU, Quantity: l.Quantity, UnitPrice: l.UnitPrice, UnitCost: l.UnitCost})
	}
	return b
}

// costs are the imported ones; the feed's cost of goods sold fills the gaps.
// What is refunded of young orders in the end is learned from the shop's own.
func (n *night) costs(ctx context.Context, products []store.Product) (bidding.Costs, error) {
	m := n.shop.Model
	c := bidding.NewCosts(n.shop.Currency, m.DefaultMargin)
	c.PaymentRate = m.PaymentFeeRate
	var err error
	if c.ShippingCost, err = money.FromFloat(m.ShippingCost); err != nil {
		return c, err
	}
	for _, p := range products {
		c.SetType(p.ItemID, p.ProductType)
		if p.UnitCost != nil { // kept in the shop's currency alone
			c.SetUnit(p.ItemID, *p.UnitCost, n.shop.Currency)
		}
	}
	costs, err := n.Store.Costs(ctx, n.shop.Name)
	if err != nil {
		return c, err
	}
	for sku, k := range costs {
		c.SetUnit(sku, k.UnitCost, k.Currency)
	}
	refunds, err := n.Store.Refunds(ctx, n.shop.Name, n.date.AddDays(-bidding.ReturnDays), n.date.AddDays(-1), n.ageCuts()...)
	if err != nil {
		return c, err
	}
	rows := make([]bidding.Refunds, len(refunds))
	for i, r := range refunds {
		rows[i] = bidding.Refunds{ProductType: r.ProductType, Age: ageOf(r.Since), Orders: r.Orders, Goods: r.Goods, Refunded: r.Refunded}
	}
	c.Returns = bidding.FitReturns(rows)
	return c, nil
}

// sharedRevenue is each campaign's part of the shop's orders as tonight's
// reconciliation paid them.
func (n *night) sharedRevenue(ctx context.Context) (map[string]bidding.SharedRevenue, error) {
	found, err := loadModels[attribution.Reconciliation](ctx, n.Store.Queries, n.runID, reconcileModel)
	if err != nil {
		return nil, err
	}
	out := map[string]bidding.SharedRevenue{}
	for _, b := range found[""].Campaigns {
		// Orders without a customer are neither new nor returning.
		if both := b.New.Value + b.Returning.Value; both > 0 {
			out[b.Campaign] = bidding.SharedRevenue{Orders: b.New.Orders + b.Returning.Orders, Revenue: both.Float(), New: b.New.Value.Float()}
		}
	}
	return out, nil
}

// newestWorths are the worths that the newest night up to a date found, by campaign,
// those of all under "".
func (s *Steward) newestWorths(ctx context.Context, shop *Shop, until civil.Date) (map[string]bidding.Worth, error) {
	runs, err := s.Store.Runs(ctx, shop.Name, lookBackDays)
	if err != nil {
		return nil, err
	}
	for _, r := range runs {
		if r.Date > until {
			continue
		}
		if worths, err := loadModels[bidding.Worth](ctx, s.Store.Queries, r.RunID, "worth"); err != nil || len(worths) > 0 {
			return worths, err
		}
	}
	// No night has valued anything yet: a customer counts with the order itself.
	return map[string]bidding.Worth{"": {Margin: shop.Model.DefaultMargin, Lambda: 1}}, nil
}
