package googleads

import (
	"context"
	"time"

	"github.com/shenzhencenter/google-ads-pb/services"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// simulationsQuery asks for the estimates of other budgets, which Google Ads has
// of search, shopping and Performance Max campaigns whose budget holds them back.
const simulationsQuery = "SELECT campaign_simulation.campaign_id, campaign_simulation.start_date, campaign_simulation.end_date, " +
	"campaign_simulation.budget_point_list.points FROM campaign_simulation WHERE campaign_simulation.type = 'BUDGET'"

// Simulations implements platform.Ads. It takes one operation. The points are of
// whole periods; what is returned is a day's.
func (c *Client) Simulations(ctx context.Context) ([]platform.Simulation, error) {
	rows, err := c.rows(ctx, c.customer, simulationsQuery)
	if err != nil {
		return nil, err
	}
	var out []platform.Simulation
	for _, r := range rows {
		s, err := readSimulation(r)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

func readSimulation(r *services.GoogleAdsRow) (platform.Simulation, error) {
	s := r.GetCampaignSimulation()
	out := platform.Simulation{Entity: ref(platform.Campaign, s.GetCampaignId())}
	from, err := time.Parse(time.DateOnly, s.GetStartDate())
	to, err2 := time.Parse(time.DateOnly, s.GetEndDate())
	if err != nil || err2 != nil || to.Before(from) {
		return out, malformed("a simulation's days are from " + s.GetStartDate() + " to " + s.GetEndDate())
	}
	days := float64(civil.Of(to).Sub(civil.Of(from)) + 1)
	for _, p := range s.GetBudgetPointList().GetPoints() {
		out.Points = append(out.Points, platform.SimulatedPoint{
			Spend: money.Micros(p.GetCostMicros()).Float() / days, Result: p.GetBiddableConversionsValue() / days})
	}
	return out, nil
}
