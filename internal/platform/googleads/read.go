package googleads

import (
	"fmt"
	"math"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/shenzhencenter/google-ads-pb/enums"
	"github.com/shenzhencenter/google-ads-pb/resources"
	"github.com/shenzhencenter/google-ads-pb/services"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

func readCustomer(rows []*services.GoogleAdsRow) (platform.Account, error) {
	if len(rows) == 0 {
		return platform.Account{}, malformed("Google Ads described no account")
	}
	c := rows[0].GetCustomer()
	if c.GetManager() {
		return platform.Account{}, &platform.Error{
			Platform: platform.Google, Kind: platform.Rejected, Code: "MANAGER_ACCOUNT",
			Message: fmt.Sprintf("customer %d is a manager account; it has no campaigns of its own", c.GetId()),
			Remedy:  "configure the advertising account as customer id and this one as login customer id",
		}
	}
	return platform.Account{
		Platform: platform.Google,
		ID:       strconv.FormatInt(c.GetId(), 10),
		Name:     c.GetDescriptiveName(),
		Currency: c.GetCurrencyCode(),
		TimeZone: c.GetTimeZone(),
	}, nil
}

// readBillableUnit returns otherwise where Google does not list the currency.
func readBillableUnit(rows []*services.GoogleAdsRow, otherwise money.Micros) money.Micros {
	for _, r := range rows {
		if unit := r.GetCurrencyConstant().GetBillableUnitMicros(); unit > 0 {
			return money.Micros(unit)
		}
	}
	return otherwise
}

func readEntity(t platform.EntityType, r *services.GoogleAdsRow) (platform.Entity, error) {
	switch t {
	case platform.Campaign:
		return readCampaign(r.GetCampaign())
	case platform.Budget:
		return readBudget(r.GetCampaignBudget()), nil
	case platform.Portfolio:
		return readPortfolio(r.GetBiddingStrategy())
	default:
		return readAdGroup(r), nil
	}
}

func readCampaign(c *resources.Campaign) (platform.Entity, error) {
	e := platform.Entity{
		Ref:     ref(platform.Campaign, c.GetId()),
		Name:    c.GetName(),
		Status:  entityStatus(c.GetStatus().String()),
		Budget:  refOf(platform.Budget, c.GetCampaignBudget()),
		Channel: channel(c.GetAdvertisingChannelType()),
		Bidding: words(c.GetBiddingStrategyType().String()),
	}
	if s := c.GetBiddingStrategySystemStatus().String(); strings.Contains(s, "LEARNING") {
		e.Learning = s
	}
	if c.GetExperimentType() == enums.CampaignExperimentTypeEnum_EXPERIMENT {
		e.ReadOnly = "it is an arm of an experiment; a change would spoil the comparison"
	}
	if strategy := c.GetBiddingStrategy(); strategy != "" {
		e.Strategy = refOf(platform.Portfolio, strategy)
		return e, nil // the target is the portfolio's
	}
	return withTarget(e, max(c.GetMaximizeConversionValue().GetTargetRoas(), c.GetTargetRoas().GetTargetRoas()))
}

func readBudget(b *resources.CampaignBudget) platform.Entity {
	e := platform.Entity{
		Ref:    ref(platform.Budget, b.GetId()),
		Name:   b.GetName(),
		Status: entityStatus(b.GetStatus().String()),
		Shared: b.GetReferenceCount() > 1,
	}
	e.Budget = e.Ref
	switch {
	case b.GetPeriod() != enums.BudgetPeriodEnum_DAILY:
		e.ReadOnly = "it is a budget for a whole period, not for a day"
	case b.GetType() != enums.BudgetTypeEnum_STANDARD && b.GetType() != enums.BudgetTypeEnum_UNSPECIFIED:
		e.ReadOnly = "it is a budget of the type " + words(b.GetType().String()) + ", which Google Ads manages"
	}
	if e.ReadOnly == "" {
		e.Fields = map[platform.Field]money.Micros{platform.DailyBudget: money.Micros(b.GetAmountMicros())}
	}
	return e
}

func readPortfolio(s *resources.BiddingStrategy) (platform.Entity, error) {
	e := platform.Entity{
		Ref:     ref(platform.Portfolio, s.GetId()),
		Name:    s.GetName(),
		Status:  entityStatus(s.GetStatus().String()),
		Bidding: words(s.GetType().String()),
	}
	return withTarget(e, max(s.GetMaximizeConversionValue().GetTargetRoas(), s.GetTargetRoas().GetTargetRoas()))
}

func readAdGroup(r *services.GoogleAdsRow) platform.Entity {
	g := r.GetAdGroup()
	return platform.Entity{
		Ref:     ref(platform.AdGroup, g.GetId()),
		Name:    g.GetName(),
		Status:  entityStatus(g.GetStatus().String()),
		Parent:  ref(platform.Campaign, r.GetCampaign().GetId()),
		Bidding: words(r.GetCampaign().GetBiddingStrategyType().String()),
		Fields:  map[platform.Field]money.Micros{platform.CPCBid: money.Micros(g.GetCpcBidMicros())},
	}
}

// withTarget sets a target ROAS; 0 means that none is set, so that there is
// none to change.
func withTarget(e platform.Entity, target float64) (platform.Entity, error) {
	if target == 0 {
		return e, nil
	}
	v, err := money.FromFloat(target)
	if err != nil {
		return e, malformed("the target ROAS of " + e.Name + ": " + err.Error())
	}
	e.Fields = map[platform.Field]money.Micros{platform.TargetROAS: v}
	return e, nil
}

// readBidding says which kind of strategy holds the target ROAS of a campaign
// or portfolio, or why none can be set there.
func readBidding(t platform.EntityType, r *services.GoogleAdsRow) (platform.Ref, bidding, *platform.Error) {
	kind, id := r.GetCampaign().GetBiddingStrategyType(), r.GetCampaign().GetId()
	if t == platform.Portfolio {
		kind, id = r.GetBiddingStrategy().GetType(), r.GetBiddingStrategy().GetId()
	}
	who := ref(t, id)
	if portfolio := r.GetCampaign().GetBiddingStrategy(); portfolio != "" {
		return who, "", refuse("the campaign's target is that of its portfolio strategy "+path.Base(portfolio), "change the portfolio strategy")
	}
	switch kind {
	case enums.BiddingStrategyTypeEnum_MAXIMIZE_CONVERSION_VALUE:
		return who, maximizeValue, nil
	case enums.BiddingStrategyTypeEnum_TARGET_ROAS:
		return who, targetROAS, nil
	}
	return who, "", refuse("bidding by "+words(kind.String())+" has no target ROAS", "")
}

func readPerformance(r *services.GoogleAdsRow) (platform.Performance, error) {
	m := r.GetMetrics()
	day, err := civil.Parse(r.GetSegments().GetDate())
	if err != nil {
		return platform.Performance{}, malformed("a row of the report has no day: " + err.Error())
	}
	value, err := money.FromFloat(m.GetConversionsValue())
	if err != nil {
		return platform.Performance{}, malformed("the conversion value of a day: " + err.Error())
	}
	entity := ref(platform.Campaign, r.GetCampaign().GetId())
	if g := r.GetAdGroup().GetId(); g != 0 {
		entity = ref(platform.AdGroup, g)
	}
	return platform.Performance{
		Entity:      entity,
		Date:        day,
		Cost:        money.Micros(m.GetCostMicros()),
		Value:       value,
		Conversions: m.GetConversions(),
		Clicks:      m.GetClicks(),
		Impressions: m.GetImpressions(),
		Eligible:    eligible(m.GetImpressions(), m.GetSearchImpressionShare()),
	}, nil
}

// eligible is how many impressions there could have been at a share. Google has a
// share of search and shopping campaigns, and writes 0.0999 for all below a tenth.
func eligible(impressions int64, share float64) int64 {
	if !(share > 0 && share <= 1) {
		return 0
	}
	return int64(math.Round(float64(impressions) / share))
}

// readChange returns one event for each of our fields that changed, or one with
// no field where none of them did. zone is the account's.
func readChange(c *resources.ChangeEvent, zone *time.Location) ([]platform.ChangeEvent, error) {
	at, err := time.ParseInLocation(dateTime, c.GetChangeDateTime(), zone)
	if err != nil {
		return nil, malformed("the time of a change is unreadable: " + c.GetChangeDateTime())
	}
	event := platform.ChangeEvent{At: at, Actor: c.GetUserEmail(), Client: c.GetClientType().String()}
	switch c.GetChangeResourceType() {
	case enums.ChangeEventResourceTypeEnum_CAMPAIGN:
		event.Entity = refOf(platform.Campaign, c.GetChangeResourceName())
	case enums.ChangeEventResourceTypeEnum_CAMPAIGN_BUDGET:
		event.Entity = refOf(platform.Budget, c.GetChangeResourceName())
	case enums.ChangeEventResourceTypeEnum_AD_GROUP:
		event.Entity = refOf(platform.AdGroup, c.GetChangeResourceName())
	}
	var events []platform.ChangeEvent
	for _, field := range c.GetChangedFields().GetPaths() {
		e := event
		e.Field, e.Old = changedValue(field, c.GetOldResource())
		_, e.New = changedValue(field, c.GetNewResource())
		if e.Field != "" && e.Field == fieldOf(e.Entity.Type) {
			events = append(events, e)
		}
	}
	if len(events) == 0 {
		events = append(events, event)
	}
	return events, nil
}

func changedValue(field string, r *resources.ChangeEvent_ChangedResource) (platform.Field, money.Micros) {
	ratio := func(f float64) money.Micros {
		v, err := money.FromFloat(f)
		if err != nil {
			return 0 // a history is told as far as it can be read
		}
		return v
	}
	switch field {
	case "amount_micros":
		return platform.DailyBudget, money.Micros(r.GetCampaignBudget().GetAmountMicros())
	case "cpc_bid_micros":
		return platform.CPCBid, money.Micros(r.GetAdGroup().GetCpcBidMicros())
	case "target_roas.target_roas":
		return platform.TargetROAS, ratio(r.GetCampaign().GetTargetRoas().GetTargetRoas())
	case "maximize_conversion_value.target_roas":
		return platform.TargetROAS, ratio(r.GetCampaign().GetMaximizeConversionValue().GetTargetRoas())
	}
	return "", 0
}

func ref(t platform.EntityType, id int64) platform.Ref {
	return platform.Ref{Type: t, ID: strconv.FormatInt(id, 10)}
}

// refOf reads the id at the end of a resource name; "" gives the zero Ref.
func refOf(t platform.EntityType, resource string) platform.Ref {
	if resource == "" {
		return platform.Ref{}
	}
	return platform.Ref{Type: t, ID: path.Base(resource)}
}

func entityStatus(s string) platform.Status { return platform.Status(strings.ToLower(s)) }

func channel(t enums.AdvertisingChannelTypeEnum_AdvertisingChannelType) string {
	if t == enums.AdvertisingChannelTypeEnum_PERFORMANCE_MAX {
		return "pmax"
	}
	return strings.ToLower(t.String())
}

// words turns an enum's name into words for people.
func words(enum string) string { return strings.ToLower(strings.ReplaceAll(enum, "_", " ")) }
