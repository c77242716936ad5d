package bidding_test

import (
	"math"
	"testing"

	"adsteward/bidding"
	"adsteward/internal/platform"
)

// An interval is as wide as demand, curve and worth are unsure; the luck of
// single orders is no part of it.
func TestExpectedProfitLeavesOutTheLuckOfOrders(t *testing.T) {
	t.Parallel()
	out := plan(t, twoCampaigns())
	u := unitOf(t, out, "bstrong")
	width := func(dispersion, clustering, luck float64) float64 {
		v := u
		c := &v.Curve
		c.Dispersion, c.Clustering, c.OrderLuck, c.LevelSD, c.ElasticitySD = dispersion, clustering, luck, 0, 0
		v.Worth.RelSD = 0
		e := bidding.Expect(v, platform.DailyBudget, u.Lever.Seen)
		return e.High - e.Low
	}
	if w := width(70, 1, 75); w > 1e-9 {
		t.Errorf("orders alone make an interval of %v", w)
	}
	// Demand alone: the mean of 14 days of variance (d c - luck) R is normal.
	spend := u.Budget.Float() * min(u.Utilisation, 1)
	want := 2 * 1.2816 * u.K * math.Sqrt((100*2-75)*u.Curve.Value(spend)/14)
	if w := width(100, 2, 75); math.Abs(w/want-1) > 0.15 { // 200 draws
		t.Errorf("the width is %v, not %v", w, want)
	}
	if out := u.Curve.OrderLuck; math.Abs(out-1.25*basket) > 1e-6 {
		t.Errorf("orders of %v each give the luck %v", basket, out)
	}
}
