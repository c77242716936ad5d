package nightly

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"adsteward/bidding"
	"adsteward/bidding/response"
	"adsteward/feeds"
	"adsteward/internal/civil"
	"adsteward/store"
)

// soldModel is the kind under which a night keeps how the goods that campaigns sold
// lately stand.
const soldModel = "sold"

// soldStock is how much of what each campaign sold can be sold no more, and by how
// much it is marked down at a time, of what the feeds know; nothing where all of it can
// be sold at its regular price.
func soldStock(sales []store.Sales, products []store.Product, at time.Time) map[string]bidding.Sold {
	type state struct {
		unfit    bool
		markdown float64 // as a share of the price
	}
	states, any := make(map[string]state, len(products)), false
	for _, p := range products {
		s := state{unfit: feeds.SoldOut(p.Availability, p.Stock) || p.Errors > 0}
		if now := feeds.PriceOn(at, p.Price, p.SalePrice, p.SaleFrom.Time, p.SaleUntil.Time); now < p.Price {
			s.markdown = 1 - max(now.Float(), 0)/p.Price.Float()
		}
		states[p.ItemID], any = s, any || s != state{}
	}
	out := map[string]bidding.Sold{}
	if !any {
		return out
	}
	for _, s := range sales {
		for _, l := range s.Lines {
			now, known := states[l.SKU]
			if s.Campaign == "" || !known {
				continue
			}
			sold, goods := out[s.Campaign], l.Quantity*l.UnitPrice.Float()
			sold.Goods += goods
			sold.MarkedDown += goods * now.markdown
			if now.unfit {
				sold.Unsellable += goods
			}
			out[s.Campaign] = sold
		}
	}
	return out
}

// loadSold adds how much of what each campaign sold lately can be sold no more, as
// this night found.
func (n *night) loadSold(ctx context.Context, in *bidding.Input) (err error) {
	in.Sold, err = loadModel[map[string]bidding.Sold](ctx, n.Store.Queries, n.runID, soldModel, "")
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("run %s does not say what of the goods sold is still there; its stage %s has to run first", n.runID, Value)
	}
	return err
}

// loadConditions adds to the days of every campaign what of its goods could not be
// sold and what they were marked down by, as the nights of those days found. Of a day
// without a night nothing is known.
func (n *night) loadConditions(ctx context.Context, accounts []bidding.Account) error {
	by := map[string][]*bidding.Series{} // by campaign: ad sets and ad groups share theirs
	for i := range accounts {
		a := &accounts[i]
		in := parents{}
		for _, e := range a.Entities {
			in.add(a.Platform, a.ID, e)
		}
		for k := range a.Performance {
			s := &a.Performance[k]
			key := in.campaignOf(string(a.Platform), a.ID, s.Entity)
			by[key] = append(by[key], s)
		}
	}
	days := map[string]civil.Date{}
	for age := range curveDays {
		days[RunID(n.shop.Name, n.date.AddDays(-age))] = n.date.AddDays(-age)
	}
	return n.Store.EachModel(ctx, slices.Sorted(maps.Keys(days)), soldModel, "", func(m store.Model) error {
		var sold map[string]bidding.Sold
		if err := json.Unmarshal([]byte(m.Body), &sold); err != nil {
			return fmt.Errorf("what run %s found of the goods sold cannot be read: %w", m.RunID, err)
		}
		day := days[m.RunID]
		for campaign, s := range sold {
			for _, series := range by[campaign] {
				if k, ok := slices.BinarySearchFunc(series.Days, day, func(d response.Day, t civil.Date) int { return d.Date.Sub(t) }); ok {
					series.Days[k].Conditions = s.Conditions()
				}
			}
		}
		return nil
	})
}
