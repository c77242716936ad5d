package nightly

import (
	"context"

	"adsteward/bidding"
	"adsteward/bidding/response"
	"adsteward/internal/platform"
)

const (
	// simulationModel is the kind under which a run keeps the platforms' own
	// estimates of other budgets, by ad account.
	simulationModel = "simulation"
	// simulationNights is how long an ad account's estimates serve where the
	// platform gave no new ones.
	simulationNights = 7
)

func (n *night) pullSimulations(ctx context.Context, c Connection) error {
	sims, err := c.Ads.Simulations(ctx)
	if err != nil {
		return err
	}
	var models modelSet
	models.add(n.runID, simulationModel, adAccountKey(c.Ads.Platform(), c.AdAccount), sims)
	return models.put(ctx, n.Store.Queries)
}

func adAccountKey(p platform.Name, adAccount string) string { return string(p) + "/" + adAccount }

// loadSimulations adds to the series what the platforms estimate of other
// budgets: tonight's, or where an ad account could not be asked, the newest of the
// nights before.
func (n *night) loadSimulations(ctx context.Context, accounts []bidding.Account) error {
	missing := map[string]*bidding.Account{}
	for i := range accounts {
		missing[adAccountKey(accounts[i].Platform, accounts[i].ID)] = &accounts[i]
	}
	for back := 0; back < simulationNights && len(missing) > 0; back++ {
		found, err := loadModels[[]platform.Simulation](ctx, n.Store.Queries, RunID(n.shop.Name, n.date.AddDays(-back)), simulationModel)
		if err != nil {
			return err
		}
		for key, sims := range found {
			if a := missing[key]; a != nil {
				addSimulations(a, sims)
				delete(missing, key)
			}
		}
	}
	return nil
}

func addSimulations(a *bidding.Account, sims []platform.Simulation) {
	of := make(map[platform.Ref][]platform.SimulatedPoint, len(sims))
	for _, s := range sims {
		of[s.Entity] = s.Points
	}
	for i := range a.Performance {
		s := &a.Performance[i]
		for _, p := range of[s.Entity] {
			s.Simulated = append(s.Simulated, response.Simulated{Spend: p.Spend, Result: p.Result})
		}
	}
}
