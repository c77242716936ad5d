package market_test

import (
	"math"
	"testing"

	"adsteward/internal/platform"
)

// Ads wear out as documented, add up to their campaign, and leave everything else
// of the market as it was.
func TestAdsWearOut(t *testing.T) {
	t.Parallel()
	const without = `{"name": "ads", "seed": 5, "start": "2026-03-01", "history_days": 90, "campaigns": [
		{"id": "m", "platform": "meta", "budget": 900, "n": 8000}, {"id": "g", "platform": "google", "budget": 50}]}`
	const with = `{"name": "ads", "seed": 5, "start": "2026-03-01", "history_days": 90, "campaigns": [
		{"id": "m", "platform": "meta", "budget": 900, "n": 8000, "ads": [{"name": "Old", "share": 3, "half_life_days": 20, "wears_from": "2026-01-20"}, {}]},
		{"id": "g", "platform": "google", "budget": 50}]}`
	plain, m := newMarket(t, without), newMarket(t, with)
	from, to := m.Today()-90, m.Today()-1
	if len(plain.AdReport("", from, to)) != 0 {
		t.Error("campaigns without ads report some")
	}
	sums := map[int]platform.Performance{}
	ctr := map[string]map[int][2]float64{}
	for _, d := range m.AdReport("", from, to) {
		k := d.Date.Sub(from)
		s := sums[k]
		s.Cost, s.Value, s.Conversions = s.Cost+d.Cost, s.Value+d.Value, s.Conversions+d.Conversions
		s.Clicks, s.Impressions = s.Clicks+d.Clicks, s.Impressions+d.Impressions
		sums[k] = s
		if ctr[d.Name] == nil {
			ctr[d.Name] = map[int][2]float64{}
		}
		week := d.Date.Sub(from) / 10
		c := ctr[d.Name][week]
		ctr[d.Name][week] = [2]float64{c[0] + float64(d.Clicks), c[1] + float64(d.Impressions)}
	}
	before, after := plain.Report("", from, to), m.Report("", from, to)
	for i, b := range before {
		a := after[i]
		if a.Entity.ID == "m" {
			s := sums[a.Date.Sub(from)]
			s.Entity, s.Date = a.Entity, a.Date
			if s != a {
				t.Fatalf("on %s the ads sum to %+v, the campaign is %+v", a.Date, s, a)
			}
			a.Impressions = b.Impressions
		}
		if a != b {
			t.Fatalf("with ads the day is %+v, without %+v", a, b)
		}
	}
	rate := func(ad string, k int) float64 { return ctr[ad][k][0] / ctr[ad][k][1] }
	// 90 days before 1 March is 1 December: the tenth of January is in the fifth ten days.
	if r := rate("Old", 3) / rate("Prospecting m ad 2", 3); math.Abs(r-1) > 0.05 {
		t.Errorf("before it wears, its rate is %.2f of the other's", r)
	}
	// Days 80..89 are 30..39 days after 20 January: on average 2^(-34.5/20).
	if r, want := rate("Old", 8)/rate("Prospecting m ad 2", 8), math.Exp2(-34.5/20); math.Abs(r/want-1) > 0.07 {
		t.Errorf("later it is %.3f of it, want %.3f", r, want)
	}
}
