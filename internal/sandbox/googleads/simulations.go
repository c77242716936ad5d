package googleads

import (
	"fmt"

	"github.com/shenzhencenter/google-ads-pb/common"
	"github.com/shenzhencenter/google-ads-pb/enums"
	"github.com/shenzhencenter/google-ads-pb/resources"

	"adsteward/internal/money"
	"adsteward/internal/sandbox/market"
)

// simulatedDays is how many days Google Ads simulates budgets over.
const simulatedDays = 7

// simulationEntities lists the budget simulations, which there are of search,
// shopping and Performance Max campaigns.
func (a *account) simulationEntities() []entity {
	var out []entity
	for _, c := range a.campaigns {
		switch channelOf(c.Type) {
		case enums.AdvertisingChannelTypeEnum_SEARCH, enums.AdvertisingChannelTypeEnum_SHOPPING, enums.AdvertisingChannelTypeEnum_PERFORMANCE_MAX:
			if points := a.s.opts.Market.Simulate(c.Index); len(points) > 0 {
				row := a.campaignRow(c)
				row.CampaignSimulation = a.simulationProto(c, points)
				out = append(out, entity{row: row})
			}
		}
	}
	return out
}

func (a *account) simulationProto(c market.Campaign, points []market.Simulated) *resources.CampaignSimulation {
	today := a.s.opts.Market.Today()
	from, to := today.AddDays(-simulatedDays).String(), (today - 1).String()
	list := &common.BudgetSimulationPointList{}
	for _, p := range points {
		list.Points = append(list.Points, &common.BudgetSimulationPoint{
			BudgetAmountMicros: micros(p.Budget), CostMicros: micros(simulatedDays * p.Spend), BiddableConversionsValue: simulatedDays * p.Value})
	}
	return &resources.CampaignSimulation{
		ResourceName: fmt.Sprintf("%s/campaignSimulations/%d~BUDGET~UNIFORM~%s~%s", a.s.customerName(), campaignID(c), from, to),
		CampaignId:   campaignID(c), Type: enums.SimulationTypeEnum_BUDGET, ModificationMethod: enums.SimulationModificationMethodEnum_UNIFORM,
		StartDate: from, EndDate: to, PointList: &resources.CampaignSimulation_BudgetPointList{BudgetPointList: list},
	}
}

func micros(f float64) int64 { return int64(f * float64(money.One)) }
