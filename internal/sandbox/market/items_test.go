package market_test

import (
	"testing"

	"adsteward/internal/platform"
	"adsteward/internal/sandbox/market"
)

const catalogueAds = `{"name": "items", "seed": 5, "start": "2026-03-01", "history_days": 40, "campaigns": [
  {"id": "s", "platform": "google", "type": "search", "budget": 50},
  {"id": "p", "platform": "google", "type": "pmax", "budget": 80, "feed_group": "shoes"},
  {"id": "d", "platform": "meta", "type": "retargeting", "budget": 30, "feed_group": "shoes"}]}`

// A campaign's items add up to the campaign, day by day, and campaigns without
// items have none.
func TestItemReportAddsUp(t *testing.T) {
	t.Parallel()
	m := newMarket(t, catalogueAds)
	from, to := m.Today()-20, m.Today()-1
	type key struct {
		id  string
		day string
	}
	sums, items := map[key]platform.Performance{}, map[string]map[string]bool{}
	for _, d := range m.ItemReport("", from, to) {
		k := key{d.Entity.ID, d.Date.String()}
		s := sums[k]
		s.Entity, s.Date = d.Entity, d.Date
		s.Cost, s.Value, s.Conversions = s.Cost+d.Cost, s.Value+d.Value, s.Conversions+d.Conversions
		s.Clicks, s.Impressions = s.Clicks+d.Clicks, s.Impressions+d.Impressions
		sums[k] = s
		if d.Cost < 0 || d.Value < 0 || d.Conversions < 0 || d.Clicks < 0 {
			t.Fatalf("a part below zero: %+v", d)
		}
		if items[d.Entity.ID] == nil {
			items[d.Entity.ID] = map[string]bool{}
		}
		items[d.Entity.ID][d.Product.SKU] = true
	}
	days := 0
	for _, want := range m.Report("", from, to) {
		got, ok := sums[key{want.Entity.ID, want.Date.String()}]
		if want.Entity.ID == "s" {
			if ok {
				t.Fatal("a search campaign shows items")
			}
			continue
		}
		days++
		want.Cost, want.Value = want.Cost.RoundTo(10_000), want.Value.RoundTo(10_000)
		if got != want {
			t.Errorf("%s on %s: items sum to %+v, the campaign is %+v", want.Entity.ID, want.Date, got, want)
		}
	}
	if days != 40 || len(items["p"]) != 11 || len(items["d"]) != 11 {
		t.Errorf("%d days, %d and %d items; want all but the dearest of 12", days, len(items["p"]), len(items["d"]))
	}
	again := m.ItemReport(platform.Meta, from, to)
	if len(again) == 0 || again[0].Entity.ID != "d" || market.RemoteCampaignID(platform.Meta, 2) == "" {
		t.Error("one platform's items are not to be had")
	}
}
