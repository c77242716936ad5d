package nightly

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"adsteward/bidding"
	"adsteward/bidding/ltv"
	"adsteward/bidding/response"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/store"
)

// value refits what a customer and a sale are worth: the lifetime model on all
// orders, and margin, lifetime multiple and incremental share per campaign.
func value(ctx context.Context, n *night) (report, error) {
	lags, err := n.fitLags(ctx)
	if err != nil {
		return report{}, err
	}
	fit, warning, err := n.fitLifetime(ctx)
	if err != nil {
		return report{}, err
	}
	worths, def, err := n.fitWorths(ctx, lags, fit)
	if err != nil {
		return report{}, err
	}
	models := []store.Model{}
	add := func(kind, key string, v any) error {
		body, err := json.Marshal(v)
		models = append(models, store.Model{RunID: n.runID, Kind: kind, Key: key, Body: string(body)})
		return err
	}
	var faults []error
	for p, l := range lags {
		faults = append(faults, add("lag", p, l))
	}
	if fit != nil {
		faults = append(faults, add("ltv", "", fit))
	}
	for k, w := range worths {
		faults = append(faults, add("worth", k, w))
	}
	faults = append(faults, add("worth", "", def))
	if err := errors.Join(faults...); err != nil {
		return report{}, err
	}
	summary := fmt.Sprintf("margin %.0f %%, a new customer is worth %.2f first orders", 100*def.Margin, def.Lambda)
	if warning != "" {
		summary += "; " + warning
	}
	return report{Summary: summary}, n.Store.PutModels(ctx, models)
}

// fitLags estimates how reported value matures, per platform.
func (n *night) fitLags(ctx context.Context) (map[string]response.Lag, error) {
	rows, err := n.Store.Restatements(ctx, n.shop.Name, n.date.AddDays(-firstPullDays))
	if err != nil {
		return nil, err
	}
	by := map[string][]response.Increment{}
	for _, r := range rows {
		by[r.Platform] = append(by[r.Platform], response.Increment{Date: r.Date, AsOf: r.AsOf, Delta: r.Delta.Float()})
	}
	lags := map[string]response.Lag{}
	for p, inc := range by {
		lags[p] = response.FitLag(inc, response.PriorLag())
	}
	return lags, nil
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
func (n *night) fitWorths(ctx context.Context, lags map[string]response.Lag, fit *ltv.Fit) (map[string]bidding.Worth, bidding.Worth, error) {
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
	if in.Reported, err = n.maturedValue(ctx, lags); err != nil {
		return nil, bidding.Worth{}, err
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

// maturedValue is the value platforms report by campaign over the window of
// the book, each day divided by the share of it that has arrived.
func (n *night) maturedValue(ctx context.Context, lags map[string]response.Lag) (map[string]float64, error) {
	out := map[string]float64{}
	name, err := n.campaignOf(ctx)
	if err != nil {
		return nil, err
	}
	err = n.Store.EachPerformance(ctx, n.shop.Name, n.date.AddDays(-iotaDays), n.date.AddDays(-1), func(p store.Performance) error {
		lag, ok := lags[p.Platform]
		if !ok {
			lag = response.PriorLag()
		}
		k := name(p.Platform, p.AdAccount, platform.Ref{Type: platform.EntityType(p.EntityType), ID: p.EntityID})
		out[k] += p.Value.Float() / lag.At(n.date.Sub(p.Date))
		return nil
	})
	return out, err
}
