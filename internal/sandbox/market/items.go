package market

import (
	"math"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// ItemDay is what a campaign's day came to on one item of the feed.
type ItemDay struct {
	platform.Performance
	Product *Product
}

// SellsItems reports whether the campaign advertises items of the feed.
func (c Campaign) SellsItems() bool { return sellsItems(c.Platform, c.Type) }

// sellsItems reports whether a kind of campaign advertises items of the feed:
// shopping and Performance Max on Google, catalog ads on Meta.
func sellsItems(p platform.Name, kind string) bool {
	if p == platform.Google {
		return kind == "shopping" || kind == "pmax"
	}
	return kind == "retargeting" || kind == "prospecting"
}

// ItemReport is Report for the campaigns that advertise items, spread over what
// each sells: by campaign, day and item. An item's share of a day is its own and
// about the same every day; the dearest of a range is never shown. The parts of
// a day add up to it, in the currency's smallest coin.
func (m *Market) ItemReport(p platform.Name, from, to civil.Date) []ItemDay {
	kinds := map[string]*campaign{}
	for _, c := range m.campaigns {
		if sellsItems(c.spec.Platform, c.spec.Type) {
			kinds[c.spec.ID] = c
		}
	}
	if len(kinds) == 0 {
		return nil
	}
	goods := newCatalogue(m)
	var out []ItemDay
	for _, day := range m.Report(p, from, to) {
		c := kinds[day.Entity.ID]
		if c == nil || day.Cost == 0 && day.Impressions == 0 {
			continue
		}
		out = m.spread(out, day, c, goods)
	}
	return out
}

// spread appends the day's parts. Of a whole number each item takes what the
// shares up to it round to, less what the items before it took, from another
// first item every day, so that no item always gets what rounding leaves.
func (m *Market) spread(out []ItemDay, day platform.Performance, c *campaign, goods *catalogue) []ItemDay {
	shown := goods.of(c)
	if len(shown) > 1 {
		shown = shown[:len(shown)-1]
	}
	weights, sum := make([]float64, len(shown)), 0.0
	for i := range shown {
		weights[i] = 0.8 + 0.4*uniform(mix(m.sc.Seed)^mix(uint64(c.index)<<20|uint64(shown[i])))
		sum += weights[i]
	}
	part := func(total float64, before, after float64) float64 {
		return math.Round(total*after) - math.Round(total*before)
	}
	unit := float64(m.unit)
	coins, value := math.Round(float64(day.Cost)/unit), math.Round(float64(day.Value)/unit)
	whole := math.Round(day.Conversions)
	before := 0.0
	for k := range shown {
		i := (k + int(day.Date)) % len(shown)
		after := before + weights[i]/sum
		if k == len(shown)-1 {
			after = 1
		}
		d := ItemDay{Performance: platform.Performance{Entity: day.Entity, Date: day.Date,
			Cost: money.Micros(part(coins, before, after) * unit), Value: money.Micros(part(value, before, after) * unit),
			Conversions: part(whole, before, after),
			Clicks:      int64(part(float64(day.Clicks), before, after)), Impressions: int64(part(float64(day.Impressions), before, after))},
			Product: &goods.products[shown[i]]}
		if before = after; d.Impressions > 0 || d.Cost > 0 || d.Conversions > 0 {
			out = append(out, d)
		}
	}
	return out
}
