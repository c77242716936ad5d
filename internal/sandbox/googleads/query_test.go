package googleads

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shenzhencenter/google-ads-pb/enums"
	adserrors "github.com/shenzhencenter/google-ads-pb/errors"
	"github.com/shenzhencenter/google-ads-pb/services"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"

	"adsteward/internal/civil"
	"adsteward/internal/platform"
)

func TestOnlySelectedFieldsAreAnswered(t *testing.T) {
	t.Parallel()
	r := newRig(t, testScenario, nil)
	resp, err := r.ads().Search(r.ctx, &services.SearchGoogleAdsRequest{CustomerId: testCustomer,
		Query: "SELECT campaign.name, campaign.maximize_conversion_value.target_roas, campaign_budget.amount_micros FROM campaign WHERE campaign.id = 2000000001"})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"campaign.name", "campaign.maximize_conversion_value.target_roas", "campaign_budget.amount_micros"}, resp.GetFieldMask().GetPaths()); d != "" {
		t.Error("field mask:", d)
	}
	want := `{"campaign": {"resourceName": "` + g1Campaign + `", "name": "Search shoes", "maximizeConversionValue": {"targetRoas": 3.5}},
		"campaignBudget": {"resourceName": "` + g1Budget + `", "amountMicros": "100000000"}}`
	if len(resp.GetResults()) != 1 {
		t.Fatalf("%d rows", len(resp.GetResults()))
	}
	if d := diffJSON(t, want, resp.GetResults()[0]); d != "" {
		t.Error(d)
	}
	rows := r.query("SELECT campaign.id FROM campaign WHERE campaign.id = 2000000001 PARAMETERS omit_unselected_resource_names = true")
	if d := diffJSON(t, `{"campaign": {"id": "2000000001"}}`, rows[0]); d != "" {
		t.Error(d)
	}
}

func diffJSON(t *testing.T, want string, got *services.GoogleAdsRow) string {
	t.Helper()
	w := &services.GoogleAdsRow{}
	if err := protojson.Unmarshal([]byte(want), w); err != nil {
		t.Fatal(err)
	}
	return cmp.Diff(protojson.Format(w), protojson.Format(got))
}

// names returns the campaign names of rows.
func names(rows []*services.GoogleAdsRow) string {
	var out []string
	for _, r := range rows {
		out = append(out, r.GetCampaign().GetName())
	}
	return strings.Join(out, ", ")
}

func TestConditionsAndOrder(t *testing.T) {
	t.Parallel()
	r := newRig(t, testScenario, nil)
	for clause, want := range map[string]string{
		"":                              "Search shoes, Brand, Shopping, PMax, Prospecting, Retargeting",
		"WHERE campaign.name = 'Brand'": "Brand",
		"WHERE campaign.name = 'brand'": "",
		"WHERE campaign.name != 'Brand' AND campaign.name LIKE '%s%' ORDER BY campaign.name":                  "Prospecting, Search shoes, Shopping",
		"WHERE campaign.id IN (2000000003, 2000000004) ORDER BY campaign.id DESC":                             "Shopping, Brand",
		"WHERE campaign.id NOT IN (2000000003, 2000000004) LIMIT 2":                                           "Search shoes, PMax",
		"WHERE campaign.advertising_channel_type = SEARCH":                                                    "Search shoes, Brand",
		"WHERE campaign.advertising_channel_type NOT IN ('SEARCH', 'SHOPPING')":                               "PMax, Prospecting, Retargeting",
		"WHERE campaign.maximize_conversion_value.target_roas > 3":                                            "Search shoes",
		"WHERE campaign.maximize_conversion_value.target_roas IS NULL":                                        "Brand, PMax, Prospecting",
		"WHERE campaign.bidding_strategy IS NOT NULL":                                                         "PMax, Prospecting",
		"WHERE campaign.bidding_strategy = '" + valueStrategy + "'":                                           "PMax, Prospecting",
		"WHERE campaign_budget.explicitly_shared = TRUE":                                                      "Shopping, PMax",
		"WHERE campaign_budget.amount_micros BETWEEN 20000000 AND 30000000":                                   "Brand, Prospecting",
		"WHERE campaign.name REGEXP_MATCH 'P.*'":                                                              "PMax, Prospecting",
		"WHERE campaign.resource_name = '" + g3Campaign + "'":                                                 "Shopping",
		"ORDER BY campaign.advertising_channel_type DESC, campaign.name":                                      "Prospecting, PMax, Shopping, Retargeting, Brand, Search shoes",
		"WHERE metrics.impressions > 100000000 AND segments.date DURING LAST_7_DAYS":                          "",
		"WHERE metrics.impressions > 0 AND campaign.status = 'ENABLED' AND segments.date DURING LAST_30_DAYS": "Search shoes, Brand, Shopping, PMax, Prospecting, Retargeting",
	} {
		if got := names(r.query("SELECT campaign.name FROM campaign " + clause)); got != want {
			t.Errorf("%s: %s; want %s", clause, got, want)
		}
	}
}

func TestQueryRefuses(t *testing.T) {
	t.Parallel()
	r := newRig(t, testScenario, nil)
	const during = " AND change_event.change_date_time DURING LAST_14_DAYS"
	for query, want := range map[string]protoreflect.Enum{
		"SELECT campaign.colour FROM campaign":                                                                                                             adserrors.QueryErrorEnum_UNRECOGNIZED_FIELD,
		"SELECT campaign FROM campaign":                                                                                                                    adserrors.QueryErrorEnum_UNRECOGNIZED_FIELD,
		"SELECT campaign.start_date FROM campaign":                                                                                                         adserrors.QueryErrorEnum_UNRECOGNIZED_FIELD, // gone since v23
		"SELECT campaign.maximize_conversion_value FROM campaign":                                                                                          adserrors.QueryErrorEnum_PROHIBITED_FIELD_IN_SELECT_CLAUSE,
		"SELECT campaign.id FROM campaigns":                                                                                                                adserrors.QueryErrorEnum_BAD_RESOURCE_TYPE_IN_FROM_CLAUSE,
		"SELECT campaign.id FROM keyword_view":                                                                                                             adserrors.QueryErrorEnum_BAD_RESOURCE_TYPE_IN_FROM_CLAUSE,
		"SELECT ad_group.id FROM campaign":                                                                                                                 adserrors.QueryErrorEnum_PROHIBITED_RESOURCE_TYPE_IN_SELECT_CLAUSE,
		"SELECT campaign.id FROM campaign WHERE ad_group.id = 1":                                                                                           adserrors.QueryErrorEnum_PROHIBITED_RESOURCE_TYPE_IN_WHERE_CLAUSE,
		"SELECT user_list.id, metrics.clicks FROM user_list":                                                                                               adserrors.QueryErrorEnum_PROHIBITED_METRIC_IN_SELECT_OR_WHERE_CLAUSE,
		"SELECT user_list.id, segments.date FROM user_list":                                                                                                adserrors.QueryErrorEnum_PROHIBITED_SEGMENT_IN_SELECT_OR_WHERE_CLAUSE,
		"SELECT campaign.id, segments.hotel_city FROM campaign":                                                                                            adserrors.QueryErrorEnum_PROHIBITED_SEGMENT_IN_SELECT_OR_WHERE_CLAUSE,
		"SELECT campaign.id, segments.date FROM campaign":                                                                                                  adserrors.QueryErrorEnum_EXPECTED_FILTERS_ON_DATE_RANGE,
		"SELECT campaign.id, segments.date FROM campaign WHERE segments.date >= '2026-01-01'":                                                              adserrors.QueryErrorEnum_EXPECTED_FILTERS_ON_DATE_RANGE,
		"SELECT campaign.id FROM campaign WHERE segments.day_of_week = MONDAY":                                                                             adserrors.QueryErrorEnum_EXPECTED_REFERENCED_FIELD_IN_SELECT_CLAUSE,
		"SELECT campaign.id FROM campaign ORDER BY metrics.clicks":                                                                                         adserrors.QueryErrorEnum_EXPECTED_REFERENCED_FIELD_IN_SELECT_CLAUSE,
		"SELECT campaign.id FROM campaign WHERE campaign.status = 'RUNNING'":                                                                               adserrors.QueryErrorEnum_BAD_ENUM_CONSTANT,
		"SELECT campaign.id FROM campaign WHERE campaign.status > 'ENABLED'":                                                                               adserrors.QueryErrorEnum_OPERATOR_FIELD_MISMATCH,
		"SELECT campaign.id FROM campaign WHERE campaign.id LIKE '1%'":                                                                                     adserrors.QueryErrorEnum_OPERATOR_FIELD_MISMATCH,
		"SELECT campaign.id FROM campaign WHERE campaign.id = 'one'":                                                                                       adserrors.QueryErrorEnum_BAD_NUMBER,
		"SELECT campaign.id FROM campaign WHERE campaign.name = Brand":                                                                                     adserrors.QueryErrorEnum_BAD_VALUE,
		"SELECT campaign.id FROM campaign WHERE campaign.name REGEXP_MATCH '('":                                                                            adserrors.QueryErrorEnum_BAD_VALUE,
		"SELECT campaign.id FROM campaign WHERE campaign_budget.explicitly_shared = 'maybe'":                                                               adserrors.QueryErrorEnum_BAD_VALUE,
		"SELECT campaign.id FROM campaign WHERE segments.date = '01.02.2026'":                                                                              adserrors.QueryErrorEnum_INVALID_DATE_FORMAT,
		"SELECT campaign.id FROM campaign WHERE segments.month = '2026-01-02'":                                                                             adserrors.QueryErrorEnum_MISALIGNED_DATE_FOR_FILTER,
		"SELECT campaign.id FROM campaign WHERE segments.date DURING LAST_YEAR":                                                                            adserrors.QueryErrorEnum_INVALID_VALUE_WITH_DURING_OPERATOR,
		"SELECT campaign.id FROM campaign WHERE campaign.labels = 'a'":                                                                                     adserrors.QueryErrorEnum_OPERATOR_FIELD_MISMATCH,
		"SELECT campaign.id FROM campaign ORDER BY campaign.labels":                                                                                        adserrors.QueryErrorEnum_PROHIBITED_FIELD_IN_ORDER_BY_CLAUSE,
		"SELECT change_event.user_email FROM change_event WHERE change_event.user_email = 'a'" + during:                                                    adserrors.ChangeEventErrorEnum_LIMIT_NOT_SPECIFIED,
		"SELECT change_event.user_email FROM change_event WHERE change_event.user_email = 'a'" + during + " LIMIT 10001":                                   adserrors.ChangeEventErrorEnum_INVALID_LIMIT_CLAUSE,
		"SELECT change_event.user_email FROM change_event LIMIT 5":                                                                                         adserrors.ChangeEventErrorEnum_CHANGE_DATE_RANGE_INFINITE,
		"SELECT change_event.user_email FROM change_event WHERE change_event.change_date_time >= '2026-03-10' LIMIT 5":                                     adserrors.ChangeEventErrorEnum_CHANGE_DATE_RANGE_INFINITE,
		"SELECT change_event.user_email FROM change_event WHERE change_event.change_date_time BETWEEN '2026-02-15' AND '2026-03-18' LIMIT 5":               adserrors.ChangeEventErrorEnum_START_DATE_TOO_OLD,
		"SELECT change_event.user_email FROM change_event WHERE change_event.change_date_time BETWEEN '2026-03-15' AND '2026-03-10' LIMIT 5":               adserrors.ChangeEventErrorEnum_CHANGE_DATE_RANGE_NEGATIVE,
		"SELECT change_event.user_email FROM change_event WHERE change_event.changed_fields = 'a' AND change_event.user_email = 'b'" + during + " LIMIT 5": adserrors.QueryErrorEnum_PROHIBITED_FIELD_IN_WHERE_CLAUSE,
	} {
		t.Run(query, func(t *testing.T) {
			_, err := r.stream(query)
			wantError(t, err, codes.InvalidArgument, want)
		})
	}
}

// reported sums the market's own report of the Google campaigns with the ids.
func reported(r *rig, from, to civil.Date, ids ...string) (s sums) {
	for _, p := range r.market.Report(platform.Google, from, to) {
		for _, id := range ids {
			if p.Entity.ID == id {
				s.add(p)
			}
		}
	}
	return s
}

func TestMetricsAreThoseOfTheMarket(t *testing.T) {
	t.Parallel()
	r := newRig(t, testScenario, nil)
	today := r.market.Today()
	all := []string{"g1", "g2", "g3", "g4", "g5", "g6"}
	const metrics = "metrics.cost_micros, metrics.conversions, metrics.conversions_value, metrics.clicks, metrics.impressions"
	for _, tc := range []struct {
		query string
		want  sums
	}{
		{"SELECT " + metrics + " FROM customer", reported(r, today-40, today-1, all...)},
		{"SELECT " + metrics + " FROM customer WHERE segments.date DURING LAST_7_DAYS", reported(r, today-7, today-1, all...)},
		{"SELECT " + metrics + " FROM customer WHERE segments.month = '2026-02-01'", reported(r, civil.MustParse("2026-02-01"), civil.MustParse("2026-02-28"), all...)},
		{"SELECT " + metrics + " FROM campaign WHERE campaign.id = 2000000001 AND segments.date = '2026-03-01'", reported(r, civil.MustParse("2026-03-01"), civil.MustParse("2026-03-01"), "g1")},
		{"SELECT " + metrics + " FROM campaign_budget WHERE campaign_budget.reference_count = 2 AND segments.date < '2026-03-01'", reported(r, 0, civil.MustParse("2026-02-28"), "g3", "g4")},
		{"SELECT " + metrics + " FROM bidding_strategy", reported(r, 0, today-1, "g4", "g5")},
		{"SELECT " + metrics + " FROM ad_group WHERE campaign.name = 'Brand'", reported(r, 0, today-1, "g2")},
		{"SELECT " + metrics + " FROM customer WHERE segments.date DURING TODAY", sums{}},
	} {
		rows := r.query(tc.query)
		if len(rows) != 1 {
			t.Errorf("%s: %d rows", tc.query, len(rows))
			continue
		}
		m := rows[0].GetMetrics()
		got := fmt.Sprint(m.GetCostMicros(), m.GetConversions(), math.Round(m.GetConversionsValue()*1e6), m.GetClicks(), m.GetImpressions())
		want := fmt.Sprint(int64(tc.want.cost), tc.want.conversions, float64(tc.want.value), tc.want.clicks, tc.want.impressions)
		if got != want {
			t.Errorf("%s: %s; want %s", tc.query, got, want)
		}
		if m.CostMicros == nil || m.Clicks == nil {
			t.Errorf("%s: a metric that is zero is not set", tc.query)
		}
	}
}

func TestSegmentsSplitAndOmitEmptyDays(t *testing.T) {
	t.Parallel()
	r := newRig(t, testScenario, nil)
	rows := r.query("SELECT segments.date, metrics.impressions, metrics.ctr FROM campaign WHERE campaign.name = 'Brand' AND segments.date BETWEEN '2026-03-01' AND '2026-04-30'")
	days := map[string]bool{}
	for _, row := range rows {
		m := row.GetMetrics()
		if row.GetCampaign().GetResourceName() != g2Campaign || m.GetImpressions() == 0 || m.GetCtr() <= 0 {
			t.Errorf("row %v", row)
		}
		days[row.GetSegments().GetDate()] = true
	}
	if len(rows) != 17 || len(days) != 17 || !days["2026-03-01"] || !days["2026-03-17"] {
		t.Errorf("%d rows on %d days", len(rows), len(days))
	}
	for query, want := range map[string]int{
		"SELECT segments.month, metrics.clicks FROM customer WHERE segments.date BETWEEN '2026-02-10' AND '2026-03-05'":                                           2,
		"SELECT segments.week, metrics.clicks FROM customer WHERE segments.date BETWEEN '2026-03-02' AND '2026-03-15'":                                            2,
		"SELECT segments.day_of_week, metrics.clicks FROM customer":                                                                                               7,
		"SELECT segments.day_of_week, metrics.clicks FROM customer WHERE segments.day_of_week IN (MONDAY, SUNDAY)":                                                2,
		"SELECT segments.date, segments.day_of_week, metrics.clicks FROM customer WHERE segments.day_of_week = MONDAY AND segments.date DURING LAST_14_DAYS":      2,
		"SELECT segments.date, metrics.clicks FROM customer WHERE segments.date DURING LAST_7_DAYS AND metrics.clicks > 1000000":                                  0,
		"SELECT segments.quarter, segments.year, metrics.clicks FROM campaign WHERE segments.year = 2026 AND campaign.id = 2000000001":                            1,
		"SELECT segments.date, campaign.id, metrics.clicks FROM campaign WHERE segments.date DURING LAST_7_DAYS ORDER BY segments.date DESC, metrics.clicks DESC": 42,
	} {
		if rows := r.query(query); len(rows) != want {
			t.Errorf("%s: %d rows; want %d", query, len(rows), want)
		}
	}
	rows = r.query("SELECT segments.date, metrics.clicks FROM campaign WHERE segments.date DURING LAST_7_DAYS ORDER BY segments.date DESC, metrics.clicks LIMIT 7")
	for i, row := range rows[1:] {
		if prev := rows[i]; row.GetSegments().GetDate() > prev.GetSegments().GetDate() ||
			row.GetSegments().GetDate() == prev.GetSegments().GetDate() && row.GetMetrics().GetClicks() < prev.GetMetrics().GetClicks() {
			t.Errorf("row %d is out of order", i+1)
		}
	}
}

func TestStructure(t *testing.T) {
	t.Parallel()
	r := newRig(t, testScenario, nil)
	c := r.query("SELECT customer.id, customer.currency_code, customer.time_zone, customer.descriptive_name FROM customer")[0].GetCustomer()
	if c.GetId() != testCustomerID || c.GetCurrencyCode() != "EUR" || c.GetTimeZone() != "Europe/Berlin" || c.GetDescriptiveName() != "Shoe shop" {
		t.Errorf("customer %v", c)
	}
	budgets := r.query("SELECT campaign_budget.amount_micros, campaign_budget.explicitly_shared, campaign_budget.reference_count, campaign_budget.period, campaign_budget.name FROM campaign_budget")
	if len(budgets) != 5 {
		t.Fatalf("%d budgets", len(budgets))
	}
	b := budgets[2].GetCampaignBudget()
	if b.GetResourceName() != sharedBudget || b.GetAmountMicros() != 100_000_000 || !b.GetExplicitlyShared() || b.GetReferenceCount() != 2 ||
		b.GetName() != "shared" || b.GetPeriod() != enums.BudgetPeriodEnum_DAILY {
		t.Errorf("shared budget %v", b)
	}
	st := r.query("SELECT bidding_strategy.type, bidding_strategy.target_roas.target_roas, bidding_strategy.campaign_count FROM bidding_strategy")[0].GetBiddingStrategy()
	if st.GetTargetRoas().GetTargetRoas() != 4 || st.GetCampaignCount() != 2 || st.GetType() != enums.BiddingStrategyTypeEnum_TARGET_ROAS {
		t.Errorf("strategy %v", st)
	}
	want := map[string]string{
		"Search shoes": "SEARCH MAXIMIZE_CONVERSION_VALUE", "Brand": "SEARCH MANUAL_CPC", "Shopping": "SHOPPING MAXIMIZE_CONVERSION_VALUE",
		"PMax": "PERFORMANCE_MAX TARGET_ROAS", "Prospecting": "DEMAND_GEN TARGET_ROAS", "Retargeting": "DISPLAY MAXIMIZE_CONVERSION_VALUE",
	}
	for _, row := range r.query("SELECT campaign.name, campaign.advertising_channel_type, campaign.bidding_strategy_type, campaign.campaign_budget FROM campaign") {
		c := row.GetCampaign()
		if got := c.GetAdvertisingChannelType().String() + " " + c.GetBiddingStrategyType().String(); got != want[c.GetName()] || c.GetCampaignBudget() == "" {
			t.Errorf("%s is %s", c.GetName(), got)
		}
	}
	groups := r.query("SELECT ad_group.cpc_bid_micros, ad_group.campaign, bidding_strategy.id, campaign.name FROM ad_group WHERE ad_group.cpc_bid_micros > 0")
	if len(groups) != 1 || groups[0].GetAdGroup().GetResourceName() != g2AdGroup || groups[0].GetAdGroup().GetCampaign() != g2Campaign {
		t.Errorf("ad groups %v", groups)
	}
	for code, unit := range map[string]int64{"EUR": 10_000, "JPY": 1_000_000, "KWD": 1_000} {
		rows := r.query("SELECT currency_constant.billable_unit_micros FROM currency_constant WHERE currency_constant.code = '" + code + "'")
		if len(rows) != 1 || rows[0].GetCurrencyConstant().GetBillableUnitMicros() != unit {
			t.Errorf("%s: %v", code, rows)
		}
	}
	if rows := r.query("SELECT customer_client.id, customer_client.level FROM customer_client"); len(rows) != 1 || rows[0].GetCustomerClient().GetId() != testCustomerID {
		t.Errorf("clients %v", rows)
	}
}

func TestLearningAndChangeEvents(t *testing.T) {
	t.Parallel()
	r := newRig(t, testScenario, nil)
	r.market.AdvanceTo(r.market.Today() + 1)
	r.mutateBudget(g1Budget, 150_000_000)
	r.mutateTarget(g3Campaign, 6)
	status := map[string]enums.BiddingStrategySystemStatusEnum_BiddingStrategySystemStatus{}
	for _, row := range r.query("SELECT campaign.name, campaign.bidding_strategy_system_status FROM campaign") {
		status[row.GetCampaign().GetName()] = row.GetCampaign().GetBiddingStrategySystemStatus()
	}
	for name, want := range map[string]enums.BiddingStrategySystemStatusEnum_BiddingStrategySystemStatus{
		"Search shoes": enums.BiddingStrategySystemStatusEnum_LEARNING_BUDGET_CHANGE,
		"Shopping":     enums.BiddingStrategySystemStatusEnum_LEARNING_SETTING_CHANGE,
		"PMax":         enums.BiddingStrategySystemStatusEnum_ENABLED,
	} {
		if status[name] != want {
			t.Errorf("%s is %v; want %v", name, status[name], want)
		}
	}
	const query = `SELECT change_event.change_date_time, change_event.change_resource_type, change_event.change_resource_name, change_event.client_type,
		change_event.user_email, change_event.old_resource, change_event.new_resource, change_event.changed_fields, campaign.name
		FROM change_event WHERE change_event.change_date_time >= '%s' AND change_event.change_date_time <= '%s' ORDER BY change_event.change_date_time DESC LIMIT 100`
	rows := r.query(fmt.Sprintf(query, "2026-03-18", "2026-03-20"))
	if len(rows) != 3 {
		t.Fatalf("%d changes", len(rows))
	}
	target, budget, human := rows[0].GetChangeEvent(), rows[1].GetChangeEvent(), rows[2].GetChangeEvent()
	if target.GetChangeResourceName() != g3Campaign || target.GetNewResource().GetCampaign().GetMaximizeConversionValue().GetTargetRoas() != 6 ||
		target.GetChangedFields().GetPaths()[0] != maximizeValueTarget || rows[0].GetCampaign().GetName() != "Shopping" {
		t.Errorf("target change %v", rows[0])
	}
	if budget.GetChangeResourceType() != enums.ChangeEventResourceTypeEnum_CAMPAIGN_BUDGET || budget.GetClientType() != enums.ChangeClientTypeEnum_GOOGLE_ADS_API ||
		budget.GetOldResource().GetCampaignBudget().GetAmountMicros() != 100_000_000 || budget.GetNewResource().GetCampaignBudget().GetAmountMicros() != 150_000_000 {
		t.Errorf("budget change %v", budget)
	}
	if human.GetClientType() != enums.ChangeClientTypeEnum_GOOGLE_ADS_WEB_CLIENT || human.GetUserEmail() != "marketer@shop.example" || !strings.HasPrefix(human.GetChangeDateTime(), "2026-03-18 ") {
		t.Errorf("human change %v", human)
	}
	if rows := r.query(fmt.Sprintf(query, "2026-03-18 00:00:00", "2026-03-18 23:59:59")); len(rows) != 1 {
		t.Errorf("%d changes on the first day", len(rows))
	}
	if rows := r.query("SELECT change_event.user_email FROM change_event WHERE change_event.change_date_time DURING YESTERDAY LIMIT 5"); len(rows) != 1 {
		t.Errorf("%d changes yesterday", len(rows))
	}
}

// shopping_performance_view has the campaigns that advertise items, item by item,
// with ids in lower case; the segments of items are of no other resource.
func TestShoppingPerformanceView(t *testing.T) {
	t.Parallel()
	r := newRig(t, testScenario, nil)
	const where = " WHERE segments.date BETWEEN '2026-03-01' AND '2026-03-10'"
	whole, cost := map[string]int64{}, map[string]int64{}
	for _, row := range r.query("SELECT campaign.name, metrics.cost_micros FROM campaign" + where) {
		whole[row.GetCampaign().GetName()] = row.GetMetrics().GetCostMicros()
	}
	for _, row := range r.query("SELECT campaign.name, segments.date, segments.product_item_id, segments.product_type_l1, metrics.cost_micros FROM shopping_performance_view" + where) {
		cost[row.GetCampaign().GetName()] += row.GetMetrics().GetCostMicros()
		if id := row.GetSegments().GetProductItemId(); id == "" || id != strings.ToLower(id) || row.GetSegments().GetProductTypeL1() != "all" {
			t.Fatalf("item %q of type %q", id, row.GetSegments().GetProductTypeL1())
		}
	}
	if len(cost) != 2 {
		t.Errorf("items of %v", cost)
	}
	for _, name := range []string{"Shopping", "PMax"} { // to the cent of each of ten days
		if d := cost[name] - whole[name]; cost[name] == 0 || d > 100_000 || d < -100_000 {
			t.Errorf("%s: items cost %d, the campaign %d", name, cost[name], whole[name])
		}
	}
	_, err := r.ads().Search(r.ctx, &services.SearchGoogleAdsRequest{CustomerId: testCustomer, Query: "SELECT segments.product_item_id, metrics.clicks FROM campaign"})
	if err == nil {
		t.Error("a campaign query takes a segment of items")
	}
}
