package market_test

import (
	"math"
	"strings"
	"testing"

	"adsteward/internal/civil"
	"adsteward/internal/sandbox/market"

	"github.com/google/go-cmp/cmp"
)

// A retailer whose ads claim organic orders and whose customers come back.
const retailer = `{"name": "retailer", "seed": 3, "start": "2026-03-01", "history_days": 120, "campaigns": [
  {"id": "g1", "platform": "google", "type": "brand", "budget": 300, "n": 1500, "iota": 0.5, "margin": 0.5, "ltv_multiple": 1.8, "new_share": 0.7, "feed_group": "shoes"},
  {"id": "m1", "platform": "meta", "budget": 300, "n": 1500, "v": 1.6, "margin": 0.3, "new_share": 0.8, "delay_max": 5, "feed_group": "shoes"}]}`

func shopDays(m *market.Market, from, to civil.Date) []market.ShopDay {
	var out []market.ShopDay
	for d := from; d <= to; d++ {
		out = append(out, m.Shop(d))
	}
	return out
}

func TestShopSeesWhatTheAdsBrought(t *testing.T) {
	t.Parallel()
	m := newMarket(t, retailer)
	brought, recorded := 0, 0
	for d := m.Today() - 100; d < m.Today(); d++ {
		brought += m.Outcome(0, d).Orders + m.Outcome(1, d).Orders
	}
	clicks := map[string]bool{}
	touched, own := 0, 0
	for _, day := range shopDays(m, m.Today()-100, m.Today()-1) {
		for _, x := range day.Touches {
			clicks[x.ClickID] = true
		}
		for _, o := range day.Orders {
			switch {
			case o.ClickID == "":
				own++
			case clicks[o.ClickID]:
				touched++
			}
			recorded++
		}
	}
	if recorded < brought*11/10 {
		t.Errorf("%d orders recorded, of which ads brought %d: the organic ones are missing", recorded, brought)
	}
	if touched < brought*8/10 || own == 0 {
		t.Errorf("%d of %d orders that ads brought have a measured click; %d orders have none", touched, brought, own)
	}
}

func TestShopIsCoherent(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: long under the race detector, and others race what it runs; make test runs it without")
	}
	m := newMarket(t, retailer)
	costs := map[string]bool{}
	for _, p := range m.Products() {
		costs[p.SKU] = true
	}
	orders := map[string]bool{}
	var revenue, cost float64
	for _, day := range shopDays(m, m.ShopFirst(), m.Today()-1) {
		for _, o := range day.Orders {
			if orders[o.ID] {
				t.Fatalf("order %s is there twice", o.ID)
			}
			orders[o.ID] = true
			if civil.Of(o.At) != day.Day || !strings.Contains(o.Email, "@") || o.Revenue <= 0 || len(o.Lines) == 0 {
				t.Fatalf("%s: odd order %+v", day.Day, o)
			}
			for _, l := range o.Lines {
				if !costs[l.SKU] {
					t.Fatalf("order %s sells %s, which the shop does not have", o.ID, l.SKU)
				}
				revenue += l.UnitPrice.Float() * float64(l.Quantity)
				cost += l.UnitCost.Float() * float64(l.Quantity)
			}
			revenue -= o.Revenue.Float()
			if math.Abs(revenue) > 0.2 {
				t.Fatalf("order %s: the lines differ from the revenue by %v", o.ID, revenue)
			}
			revenue = 0
		}
	}
	if got := m.Shop(m.Today()); len(got.Orders) != 0 {
		t.Error("the day under way has orders already")
	}
	if diff := cmp.Diff(m.Shop(m.Today()-3), newMarket(t, retailer).Shop(m.Today()-3)); diff != "" {
		t.Errorf("the same day differs:\n%s", diff)
	}
}

func TestShopMarginAndSale(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		events string
		margin float64
	}{{"", 0.42}, {`{"date": "2025-11-01", "kind": "sale", "days": 400, "value": 1}`, 0.42 * 0.8}} {
		m := newMarket(t, `{"start": "2026-03-01", "history_days": 100, "campaigns": [
		  {"id": "g1", "platform": "google", "budget": 400, "margin": 0.42}], "events": [`+tc.events+`]}`)
		var revenue, cost float64
		for _, day := range shopDays(m, m.Today()-100, m.Today()-1) {
			for _, o := range day.Orders {
				revenue += o.Revenue.Float()
				for _, l := range o.Lines {
					cost += l.UnitCost.Float() * float64(l.Quantity)
				}
			}
		}
		if got := 1 - cost/revenue; math.Abs(got-tc.margin) > 0.02 {
			t.Errorf("the lines leave a margin of %.3f, want %.3f", got, tc.margin)
		}
		var priced, costs float64
		for _, p := range m.Products() {
			price := p.Price
			if p.SalePrice > 0 {
				price = p.SalePrice
			}
			priced, costs = priced+price.Float(), costs+p.Cost.Float()
		}
		if got := 1 - costs/priced; math.Abs(got-tc.margin) > 0.02 {
			t.Errorf("today's prices leave a margin of %.3f, want %.3f", got, tc.margin)
		}
	}
}

// The discounted value of the customers gained in the first half of the year
// before the ads, over a horizon of half a year, is the multiple of their first
// orders.
func TestLaterOrdersFitTheMultiple(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: long under the race detector, and others race what it runs; make test runs it without")
	}
	for text, want := range map[string]float64{"1": 1, "1.8": 1.8, "3": 3} {
		m := newMarket(t, `{"start": "2026-06-01", "history_days": 0, "horizon_days": 180, "campaigns": [
		  {"id": "m1", "platform": "meta", "budget": 600, "n": 3000, "v": 3, "iota": 0.5, "ltv_multiple": `+text+`}]}`)
		born := map[string]civil.Date{}
		var first, later float64
		for _, day := range shopDays(m, m.ShopFirst(), m.Today()-1) {
			for _, o := range day.Orders {
				since, known := born[o.CustomerID]
				switch {
				case !known:
					born[o.CustomerID] = day.Day
					if day.Day < m.ShopFirst()+180 {
						first += o.Revenue.Float()
					}
				case since < m.ShopFirst()+180 && day.Day.Sub(since) <= 180:
					later += o.Revenue.Float() * math.Pow(1.1, -float64(day.Day.Sub(since))/365)
				}
			}
		}
		if got := 1 + later/first; math.Abs(got-want) > 0.1*(want-1)+1e-9 {
			t.Errorf("a multiple of %v came out as %.3f", want, got)
		}
	}
}
