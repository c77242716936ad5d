package simulate

import (
	"fmt"
	"runtime/debug"
	"testing"

	"adsteward/internal/sandbox/market"
)

// BenchmarkSimulate is all five policies over 120 nights with 20 campaigns.
// Goal: under 60 s.
func BenchmarkSimulate(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(GCPercent)) // as the command does
	sc := manyCampaigns(b, 20)
	for b.Loop() {
		rep, err := Run(b.Context(), sc, Options{})
		if err != nil {
			b.Fatal(err)
		}
		for _, r := range rep.Policies {
			if r.Policy == Adsteward && (r.Changes == 0 || r.FailedNights > 0) {
				b.Fatalf("%+v", r)
			}
		}
	}
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
