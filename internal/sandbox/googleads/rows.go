package googleads

import (
	"fmt"
	"strconv"

	"github.com/shenzhencenter/google-ads-pb/common"
	"github.com/shenzhencenter/google-ads-pb/enums"
	"github.com/shenzhencenter/google-ads-pb/resources"
	"google.golang.org/protobuf/proto"

	"adsteward/internal/money"
	"adsteward/internal/sandbox/market"
)

func (s *Server) customerProto() *resources.Customer {
	sc := s.opts.Market.Scenario()
	return &resources.Customer{
		ResourceName:       s.customerName(),
		Id:                 proto.Int64(s.opts.CustomerID),
		DescriptiveName:    proto.String(s.opts.CustomerName),
		CurrencyCode:       proto.String(sc.Currency),
		TimeZone:           proto.String(sc.TimeZone),
		AutoTaggingEnabled: proto.Bool(true),
		Manager:            proto.Bool(false),
		TestAccount:        proto.Bool(false),
		Status:             enums.CustomerStatusEnum_ENABLED,
	}
}

func (a *account) clientProto() *resources.CustomerClient {
	return &resources.CustomerClient{
		ResourceName:    a.s.resourceName("customerClients", a.s.opts.CustomerID),
		ClientCustomer:  proto.String(a.customer.ResourceName),
		Id:              a.customer.Id,
		DescriptiveName: a.customer.DescriptiveName,
		CurrencyCode:    a.customer.CurrencyCode,
		TimeZone:        a.customer.TimeZone,
		Manager:         proto.Bool(false),
		TestAccount:     proto.Bool(false),
		Hidden:          proto.Bool(false),
		Level:           proto.Int64(0),
		Status:          a.customer.Status,
	}
}

func (a *account) budgetProto(first market.Campaign) *resources.CampaignBudget {
	shared := first.BudgetKey != first.ID
	name := first.Name
	if shared {
		name = first.BudgetKey
	}
	return &resources.CampaignBudget{
		ResourceName:     a.s.resourceName("campaignBudgets", budgetID(first)),
		Id:               proto.Int64(budgetID(first)),
		Name:             proto.String(name),
		AmountMicros:     proto.Int64(int64(first.Budget)),
		Status:           enums.BudgetStatusEnum_ENABLED,
		DeliveryMethod:   enums.BudgetDeliveryMethodEnum_STANDARD,
		ExplicitlyShared: proto.Bool(shared),
		Period:           enums.BudgetPeriodEnum_DAILY,
		Type:             enums.BudgetTypeEnum_STANDARD,
	}
}

func (a *account) strategyProto(first market.Campaign) *resources.BiddingStrategy {
	st := &common.TargetRoas{}
	if first.TargetROAS > 0 {
		st.TargetRoas = proto.Float64(first.TargetROAS.Float())
	}
	return &resources.BiddingStrategy{
		ResourceName:          a.s.resourceName("biddingStrategies", strategyID(first)),
		Id:                    proto.Int64(strategyID(first)),
		Name:                  proto.String(first.TargetKey),
		Status:                enums.BiddingStrategyStatusEnum_ENABLED,
		Type:                  enums.BiddingStrategyTypeEnum_TARGET_ROAS,
		CurrencyCode:          a.customer.GetCurrencyCode(),
		EffectiveCurrencyCode: a.customer.CurrencyCode,
		Scheme:                &resources.BiddingStrategy_TargetRoas{TargetRoas: st},
	}
}

func (a *account) campaignProto(c market.Campaign) *resources.Campaign {
	p := &resources.Campaign{
		ResourceName:                a.campaignName(c),
		Id:                          proto.Int64(campaignID(c)),
		Name:                        proto.String(c.Name),
		Status:                      enums.CampaignStatusEnum_ENABLED,
		ServingStatus:               enums.CampaignServingStatusEnum_SERVING,
		PrimaryStatus:               enums.CampaignPrimaryStatusEnum_ELIGIBLE,
		BiddingStrategySystemStatus: enums.BiddingStrategySystemStatusEnum_ENABLED,
		AdvertisingChannelType:      channelOf(c.Type),
		ExperimentType:              enums.CampaignExperimentTypeEnum_BASE,
		PaymentMode:                 enums.PaymentModeEnum_CLICKS,
		CampaignBudget:              proto.String(a.budgets[c.BudgetKey].proto.ResourceName),
	}
	switch c.Learning {
	case "budget":
		p.BiddingStrategySystemStatus = enums.BiddingStrategySystemStatusEnum_LEARNING_BUDGET_CHANGE
		p.PrimaryStatus = enums.CampaignPrimaryStatusEnum_LEARNING
	case "target":
		p.BiddingStrategySystemStatus = enums.BiddingStrategySystemStatusEnum_LEARNING_SETTING_CHANGE
		p.PrimaryStatus = enums.CampaignPrimaryStatusEnum_LEARNING
	}
	if !c.Enabled {
		p.Status = enums.CampaignStatusEnum_PAUSED
		p.ServingStatus = enums.CampaignServingStatusEnum_NONE
		p.PrimaryStatus = enums.CampaignPrimaryStatusEnum_PAUSED
		p.BiddingStrategySystemStatus = enums.BiddingStrategySystemStatusEnum_PAUSED
	}
	a.setBidding(p, c)
	return p
}

// setBidding sets the bidding strategy of a campaign: a portfolio, manual CPC, a
// standard target ROAS, or the highest value with or without a target.
func (a *account) setBidding(p *resources.Campaign, c market.Campaign) {
	switch st := a.targets[c.TargetKey]; {
	case st != nil:
		p.BiddingStrategyType = st.proto.Type
		p.AccessibleBiddingStrategy = a.s.resourceName("accessibleBiddingStrategies", st.proto.GetId())
		p.CampaignBiddingStrategy = &resources.Campaign_BiddingStrategy{BiddingStrategy: st.proto.ResourceName}
	case c.Bidding == "manual_cpc":
		p.BiddingStrategyType = enums.BiddingStrategyTypeEnum_MANUAL_CPC
		p.CampaignBiddingStrategy = &resources.Campaign_ManualCpc{ManualCpc: &common.ManualCpc{EnhancedCpcEnabled: proto.Bool(false)}}
	case a.standard[c.Index]:
		p.BiddingStrategyType = enums.BiddingStrategyTypeEnum_TARGET_ROAS
		p.CampaignBiddingStrategy = &resources.Campaign_TargetRoas{TargetRoas: &common.TargetRoas{TargetRoas: proto.Float64(c.TargetROAS.Float())}}
	default:
		p.BiddingStrategyType = enums.BiddingStrategyTypeEnum_MAXIMIZE_CONVERSION_VALUE
		p.CampaignBiddingStrategy = &resources.Campaign_MaximizeConversionValue{
			MaximizeConversionValue: &common.MaximizeConversionValue{TargetRoas: c.TargetROAS.Float()}}
	}
}

// adGroupProto is the g-th ad group of a campaign.
func (a *account) adGroupProto(c market.Campaign, g int) *resources.AdGroup {
	p := &resources.AdGroup{
		ResourceName:  a.s.resourceName("adGroups", adGroupID(c, g)),
		Id:            proto.Int64(adGroupID(c, g)),
		Name:          proto.String(c.Groups[g].Name),
		Status:        enums.AdGroupStatusEnum_ENABLED,
		PrimaryStatus: enums.AdGroupPrimaryStatusEnum_ELIGIBLE,
		Campaign:      proto.String(a.campaignName(c)),
	}
	switch channelOf(c.Type) {
	case enums.AdvertisingChannelTypeEnum_SEARCH:
		p.Type = enums.AdGroupTypeEnum_SEARCH_STANDARD
	case enums.AdvertisingChannelTypeEnum_SHOPPING:
		p.Type = enums.AdGroupTypeEnum_SHOPPING_PRODUCT_ADS
	case enums.AdvertisingChannelTypeEnum_DISPLAY:
		p.Type = enums.AdGroupTypeEnum_DISPLAY_STANDARD
	}
	if c.Bidding == "manual_cpc" {
		p.CpcBidMicros = proto.Int64(int64(c.Groups[g].Bid))
		p.EffectiveCpcBidMicros = p.CpcBidMicros
	}
	if c.TargetROAS > 0 {
		p.EffectiveTargetRoas = proto.Float64(c.TargetROAS.Float())
		p.EffectiveTargetRoasSource = enums.BiddingSourceEnum_CAMPAIGN_BIDDING_STRATEGY
	}
	return p
}

func (a *account) adProto(c market.Campaign, g int, id, name string) *resources.AdGroupAd {
	n, _ := strconv.ParseInt(id, 10, 64) // the market gives digits
	return &resources.AdGroupAd{
		ResourceName: fmt.Sprintf("%s/adGroupAds/%d~%s", a.s.customerName(), adGroupID(c, g), id),
		Status:       enums.AdGroupAdStatusEnum_ENABLED,
		AdGroup:      proto.String(a.s.resourceName("adGroups", adGroupID(c, g))),
		Ad: &resources.Ad{ResourceName: fmt.Sprintf("%s/ads/%s", a.s.customerName(), id), Id: proto.Int64(n), Name: proto.String(name),
			Type: enums.AdTypeEnum_RESPONSIVE_DISPLAY_AD},
	}
}

func channelOf(campaignType string) enums.AdvertisingChannelTypeEnum_AdvertisingChannelType {
	switch campaignType {
	case "shopping":
		return enums.AdvertisingChannelTypeEnum_SHOPPING
	case "pmax":
		return enums.AdvertisingChannelTypeEnum_PERFORMANCE_MAX
	case "retargeting":
		return enums.AdvertisingChannelTypeEnum_DISPLAY
	case "prospecting":
		return enums.AdvertisingChannelTypeEnum_DEMAND_GEN
	}
	return enums.AdvertisingChannelTypeEnum_SEARCH // search, brand
}

// billableUnit is what amounts of the account must be a multiple of.
func (s *Server) billableUnit() money.Micros {
	return money.MinorUnit(s.opts.Market.Scenario().Currency)
}
