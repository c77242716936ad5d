package googleads

import (
	"fmt"
	"strings"
	"time"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

const (
	// idsPerQuery bounds an IN list; the API takes up to 20,000.
	idsPerQuery = 1000
	// changeRows is the most rows a query of change_event may ask for.
	changeRows = 10_000
	// changeDays is how far back change histories are asked for. The API
	// refuses a start older than 30 days; a day is kept as a margin between
	// the two clocks.
	changeDays = 29

	dateTime = "2006-01-02 15:04:05.999999" // of change_event, in the account's zone
)

const customerQuery = "SELECT customer.id, customer.descriptive_name, customer.currency_code, customer.time_zone, " +
	"customer.manager, customer.status FROM customer LIMIT 1"

// structureQueries list what is not removed. Each ends in a condition, so that
// " AND ..." may follow.
var structureQueries = map[platform.EntityType]string{
	platform.Campaign: "SELECT campaign.id, campaign.name, campaign.status, campaign.advertising_channel_type, " +
		"campaign.experiment_type, campaign.campaign_budget, campaign.bidding_strategy, campaign.bidding_strategy_type, " +
		"campaign.bidding_strategy_system_status, campaign.maximize_conversion_value.target_roas, " +
		"campaign.target_roas.target_roas FROM campaign WHERE campaign.status != 'REMOVED'",
	platform.Budget: "SELECT campaign_budget.id, campaign_budget.name, campaign_budget.status, campaign_budget.amount_micros, " +
		"campaign_budget.period, campaign_budget.type, campaign_budget.explicitly_shared, campaign_budget.reference_count " +
		"FROM campaign_budget WHERE campaign_budget.status != 'REMOVED'",
	platform.Portfolio: "SELECT bidding_strategy.id, bidding_strategy.name, bidding_strategy.status, bidding_strategy.type, " +
		"bidding_strategy.maximize_conversion_value.target_roas, bidding_strategy.target_roas.target_roas " +
		"FROM bidding_strategy WHERE bidding_strategy.status != 'REMOVED'",
	platform.AdGroup: "SELECT ad_group.id, ad_group.name, ad_group.status, ad_group.cpc_bid_micros, campaign.id, " +
		"campaign.bidding_strategy_type FROM ad_group WHERE ad_group.status != 'REMOVED' AND campaign.status != 'REMOVED' " +
		"AND campaign.bidding_strategy_type = 'MANUAL_CPC'",
}

// names has how an entity type is called in GAQL and in resource names.
var names = map[platform.EntityType]struct{ field, collection string }{
	platform.Campaign:  {"campaign", "campaigns"},
	platform.Budget:    {"campaign_budget", "campaignBudgets"},
	platform.Portfolio: {"bidding_strategy", "biddingStrategies"},
	platform.AdGroup:   {"ad_group", "adGroups"},
}

// entityTypes is the order in which kinds of entity are asked for and changed.
var entityTypes = []platform.EntityType{platform.Campaign, platform.Budget, platform.Portfolio, platform.AdGroup}

// byIDQuery asks for some entities of one type; ids are digits.
func byIDQuery(t platform.EntityType, ids []string) string {
	return fmt.Sprintf("%s AND %s.id IN (%s)", structureQueries[t], names[t].field, strings.Join(ids, ", "))
}

func currencyQuery(code string) string {
	if !money.ValidCode(code) {
		code = "" // nothing but a code may enter a query
	}
	return "SELECT currency_constant.code, currency_constant.billable_unit_micros FROM currency_constant " +
		"WHERE currency_constant.code = '" + code + "'"
}

const performanceFields = ", segments.date, metrics.cost_micros, metrics.conversions_value, metrics.conversions, " +
	"metrics.clicks, metrics.impressions, metrics.search_impression_share"

// performanceQuery asks for campaign days, in the order of the days: a stream
// that breaks is taken up at the first day that was not complete.
func performanceQuery(from, to civil.Date) string {
	return fmt.Sprintf("SELECT campaign.id"+performanceFields+" FROM campaign WHERE segments.date BETWEEN '%s' AND '%s' ORDER BY segments.date", from, to)
}

// partsQuery asks for the days of the ad groups of some campaigns, likewise; ids are
// digits.
func partsQuery(campaigns []string, from, to civil.Date) string {
	return fmt.Sprintf("SELECT ad_group.id"+performanceFields+" FROM ad_group WHERE campaign.id IN (%s) "+
		"AND segments.date BETWEEN '%s' AND '%s' ORDER BY segments.date", strings.Join(campaigns, ", "), from, to)
}

// itemsQuery asks for what campaigns with a product feed spent on each item and
// day.
func itemsQuery(from, to civil.Date) string {
	return fmt.Sprintf("SELECT campaign.id, segments.date, segments.product_item_id, metrics.cost_micros, metrics.conversions_value, "+
		"metrics.conversions, metrics.clicks, metrics.impressions FROM shopping_performance_view "+
		"WHERE segments.date BETWEEN '%s' AND '%s' ORDER BY segments.date", from, to)
}

// adsQuery asks for the days of ads that were shown, in the order of the days, of
// campaigns whose ads are pictures or films.
func adsQuery(from, to civil.Date) string {
	return fmt.Sprintf("SELECT ad_group_ad.ad.id, ad_group_ad.ad.name, ad_group.id, campaign.id, segments.date, metrics.cost_micros, "+
		"metrics.conversions, metrics.clicks, metrics.impressions FROM ad_group_ad WHERE segments.date BETWEEN '%s' AND '%s' "+
		"AND metrics.impressions > 0 AND campaign.advertising_channel_type IN ('DEMAND_GEN', 'DISPLAY', 'VIDEO') "+
		"ORDER BY segments.date", from, to)
}

// changesQuery asks for one page of the change history; both times are in the
// account's zone.
func changesQuery(from, to time.Time) string {
	return fmt.Sprintf("SELECT change_event.resource_name, change_event.change_date_time, change_event.change_resource_type, "+
		"change_event.change_resource_name, change_event.user_email, change_event.client_type, "+
		"change_event.resource_change_operation, change_event.changed_fields, change_event.old_resource, change_event.new_resource "+
		"FROM change_event WHERE change_event.change_date_time >= '%s' AND change_event.change_date_time <= '%s' "+
		"AND change_event.change_resource_type IN ('CAMPAIGN', 'CAMPAIGN_BUDGET', 'AD_GROUP') "+
		"ORDER BY change_event.change_date_time LIMIT %d", from.Format(dateTime), to.Format(dateTime), changeRows)
}
