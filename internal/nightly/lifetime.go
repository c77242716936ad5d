package nightly

import (
	"context"
	"errors"
	"math"
	"strings"

	"adsteward/bidding"
	"adsteward/bidding/ltv"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/store"
)

// A lifetime model counts a year ahead and rests on all orders there ever were:
// a day more changes nothing in it, and fitting it is the longest part of the
// night. It serves for lifetimeNights, unless the shop's orders have grown by
// more than lifetimeGrowth meanwhile, as an import makes them.
const (
	lifetimeNights = 14
	lifetimeGrowth = 0.1
)

// basis is what a lifetime model rests on.
type basis struct {
	Date   civil.Date `json:"date"`
	Orders int64      `json:"orders"`
}

// lifetime is the lifetime model of a night shortly before and what it rests
// on, or a new one.
func (n *night) lifetime(ctx context.Context, days *customerDays) (*ltv.Fit, basis, string, error) {
	orders := days.orders
	for k := 1; k < lifetimeNights; k++ {
		run := RunID(n.shop.Name, n.date.AddDays(-k))
		of, err := loadModels[basis](ctx, n.Store.Queries, run, "ltv_basis")
		if err != nil {
			return nil, basis{}, "", err
		}
		old, ok := of[""]
		if !ok || n.date.Sub(old.Date) >= lifetimeNights || math.Abs(float64(orders-old.Orders)) > lifetimeGrowth*float64(old.Orders) {
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
	fit, warning, err := n.fitLifetime(ctx, days)
	return fit, basis{n.date, orders}, warning, err
}

func (n *night) lifetimeOptions() ltv.Options {
	return ltv.Options{HorizonDays: n.shop.Model.HorizonDays, DiscountAnnual: n.shop.Model.DiscountAnnual}
}

// fitLifetime fits the lifetime model; where the data cannot carry one it
// returns none and says why.
func (n *night) fitLifetime(ctx context.Context, days *customerDays) (*ltv.Fit, string, error) {
	b := ltv.NewBuilder(n.date)
	err := days.each(ctx, func(d store.CustomerDay) error {
		return b.Add(d.CustomerID, d.Date, d.Revenue.Float())
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

// acquisitionDays are those whose spend is compared with the customers they
// brought; as many as incremental shares rest on.
const acquisitionDays = iotaDays

// segments are the shop's customers by how they were acquired, without prices;
// nil without a fit. A fit that serves on brings those of its own night along,
// and its multiples are made of them.
func (n *night) segments(ctx context.Context, fit *ltv.Fit, of basis, days *customerDays) (*ltv.Segmentation, error) {
	if fit == nil {
		return nil, nil
	}
	if of.Date == n.date {
		return n.profile(ctx, fit, days)
	}
	stored, err := loadModels[ltv.Segmentation](ctx, n.Store.Queries, RunID(n.shop.Name, of.Date), "segmentation")
	if g, ok := stored[""]; ok || err != nil {
		return &g, err
	}
	return n.profile(ctx, fit, days)
}

// profile reads all customers for the segments and gives fit its multiples.
func (n *night) profile(ctx context.Context, fit *ltv.Fit, days *customerDays) (*ltv.Segmentation, error) {
	fit.Currency = n.shop.Currency
	products, err := n.Store.Products(ctx, n.shop.Name)
	if err != nil {
		return nil, err
	}
	category := make(map[string]string, len(products))
	for _, p := range products {
		category[p.ItemID] = firstLevel(p.ProductType)
	}
	p := fit.NewProfile(n.date, n.date.AddDays(-acquisitionDays), n.date.AddDays(-1))
	err = days.sourced(ctx, func(d store.CustomerDay) error {
		s := ltv.Source{Campaign: d.FirstCampaign, Several: d.FirstSeveral, Category: category[d.FirstSKU], Country: d.FirstCountry}
		return p.Add(d.CustomerID, s, d.Date, d.Revenue.Float())
	})
	if err != nil {
		return nil, err
	}
	return p.Segmentation(), nil
}

// firstLevel is the first level of a product type such as "Shoes > Running".
func firstLevel(productType string) string {
	first, _, _ := strings.Cut(productType, ">")
	return strings.TrimSpace(first)
}

// addSegments prices the segments and puts them among the night's models. Spend
// is that of the days before their basis, whose new customers they count.
func (n *night) addSegments(ctx context.Context, models *modelSet, fit *ltv.Fit, of basis, g *ltv.Segmentation, worths map[string]bidding.Worth, def bidding.Worth) error {
	if g == nil || len(g.Segments) == 0 {
		return nil
	}
	if of.Date == n.date {
		models.add(n.runID, "segmentation", "", g)
	}
	in := ltv.Acquisition{Days: acquisitionDays, Currency: n.shop.Currency, Margin: map[string]float64{}, DefaultMargin: def.Margin}
	for k, w := range worths {
		in.Margin[k] = w.Margin
	}
	if err := n.acquisitionSpend(ctx, &in, of.Date); err != nil {
		return err
	}
	names, err := n.campaignNames(ctx)
	if err != nil {
		return err
	}
	g.Price(fit, in)
	for _, s := range g.Segments {
		s.Name = names[s.Campaign]
		models.add(n.runID, "segment", s.Key(), s)
	}
	models.add(n.runID, "rfm", "", g.RFM)
	return nil
}

// acquisitionSpend sums the spend of the days before a date by campaign. What ad accounts of another currency
// than the shop's spent is not converted.
func (n *night) acquisitionSpend(ctx context.Context, in *ltv.Acquisition, before civil.Date) error {
	accounts, err := n.Store.AdAccounts(ctx, n.shop.Name)
	if err != nil {
		return err
	}
	currency := map[[2]string]string{}
	for _, a := range accounts {
		currency[[2]string{a.Platform, a.AdAccount}] = a.Currency
	}
	campaign, err := n.campaignOf(ctx)
	if err != nil {
		return err
	}
	in.Spend, in.Foreign = map[string]money.Micros{}, map[string]bool{}
	return n.Store.EachPerformance(ctx, n.shop.Name, before.AddDays(-acquisitionDays), before.AddDays(-1), func(p store.Performance) error {
		k := campaign(p.Platform, p.AdAccount, platform.Ref{Type: platform.EntityType(p.EntityType), ID: p.EntityID})
		switch c := currency[[2]string{p.Platform, p.AdAccount}]; {
		case c == n.shop.Currency || c == "": // an account that was imported and not pulled has none
			in.Spend[k] += p.Cost
		case p.Cost > 0:
			in.Foreign[k] = true
		}
		return nil
	})
}

// campaignNames are the campaigns' names by their key.
func (n *night) campaignNames(ctx context.Context) (map[string]string, error) {
	rows, err := n.Store.Entities(ctx, n.shop.Name)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, r := range rows {
		if r.EntityType == string(platform.Campaign) {
			names[bidding.CampaignKey(platform.Name(r.Platform), r.EntityID)] = r.Name
		}
	}
	return names, nil
}
