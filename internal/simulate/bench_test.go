package simulate

import (
	"fmt"
	"runtime/debug"
	"testing"

	"adsteward/internal/sandbox/market"
)

// BenchmarkSimulate is all five policies over 120 nights with 20 campaigns, of a shop
// of 225 orders a day and of one of 720, its own and those that ads brought. Goal:
// under 60 s.
func BenchmarkSimulate(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(GCPercent)) // as the command does
	for _, c := range []struct {
		name     string
		scenario *market.Scenario
	}{{"usual", manyCampaigns(b, 20)}, {"busy", busyCampaigns(20)}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				rep, err := Run(b.Context(), c.scenario, Options{})
				if err != nil {
					b.Fatal(err)
				}
				for _, r := range rep.Policies {
					if r.Policy == Adsteward && (r.Changes == 0 || r.FailedNights > 0) {
						b.Fatalf("%+v", r)
					}
				}
			}
			b.ReportMetric(ordersADay(b, c.scenario), "orders/day") // Loop would forget it
		})
	}
}

// ordersADay is how many orders the shop has where nothing is changed.
func ordersADay(b *testing.B, sc *market.Scenario) float64 {
	m, err := market.New(sc)
	if err != nil {
		b.Fatal(err)
	}
	m.AdvanceTo(end(sc))
	orders := 0
	for day := sc.Start; day < end(sc); day++ {
		orders += len(m.Shop(day).Orders)
	}
	return float64(orders) / float64(sc.Nights)
}

// busyCampaigns is a shop whose campaigns each bring some 13 orders a day.
func busyCampaigns(n int) *market.Scenario {
	sc := &market.Scenario{Name: "busy", Seed: 1, Start: suiteStart, Nights: suiteNights, Currency: "EUR", History: 60, TotalDailyBudget: 100 * float64(n),
		Discount: 0.1, Horizon: 365, RecordedMargin: 1}
	for i := range n {
		k, size := kinds[i%len(kinds)], 0.7+0.1*float64(i%7)
		sc.Campaigns = append(sc.Campaigns, market.CampaignSpec{ID: fmt.Sprintf("%s-%d", k.typ, i+1), Platform: k.platform, Type: k.typ,
			Budget: 100 * size, MinBudget: 10, MaxBudget: 1000, N: 800 * size, P: 0.6, V: 2.1 * (0.8 + 0.1*float64(i%5)), Sigma: 0.9, Basket: 70, BasketSigma: 0.5,
			Margin: 0.42, NewShare: 0.6, LTVMultiple: 1.8, Iota: (k.iotaLow + k.iotaHigh) / 2, DOW: [7]float64{1, 1, 1, 1, 1.1, 1.2, 0.9}, SeasonAmplitude: 0.1,
			Rho: 0.5, Noise: 0.15, DelayP: 0.45, DelayMax: 30, LearningLoss: 0.15, FeedGroup: k.typ})
	}
	return sc
}

// manyCampaigns is the scenario events, its campaigns over and over with budgets
// and demand of different sizes, for 120 nights.
func manyCampaigns(b *testing.B, n int) *market.Scenario {
	few := scenario(b, "events")
	sc := *few
	sc.Nights, sc.Campaigns, sc.TotalDailyBudget = 120, nil, 0
	for i := range n {
		c := few.Campaigns[i%len(few.Campaigns)]
		size := 0.7 + 0.2*float64(i%7)
		if i >= len(few.Campaigns) {
			c.ID = fmt.Sprintf("%s-%d", c.ID, i)
		}
		c.Name, c.Budget, c.N = "", c.Budget*size*(0.6+0.2*float64(i%5)), c.N*size
		c.MinBudget, c.MaxBudget = 0, 0
		sc.Campaigns = append(sc.Campaigns, c)
	}
	return &sc
}
