package googleads

import (
	"fmt"
	"strings"
	"testing"

	"github.com/shenzhencenter/google-ads-pb/common"
	"github.com/shenzhencenter/google-ads-pb/enums"
	adserrors "github.com/shenzhencenter/google-ads-pb/errors"
	"github.com/shenzhencenter/google-ads-pb/resources"
	"github.com/shenzhencenter/google-ads-pb/services"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"adsteward/internal/money"
	"adsteward/internal/platform"
)

func budgetUpdate(name string, micros int64, mask ...string) *services.CampaignBudgetOperation {
	return &services.CampaignBudgetOperation{
		Operation:  &services.CampaignBudgetOperation_Update{Update: &resources.CampaignBudget{ResourceName: name, AmountMicros: proto.Int64(micros)}},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: mask},
	}
}

func maximizeTarget(name string, target float64) *services.CampaignOperation {
	return &services.CampaignOperation{
		Operation: &services.CampaignOperation_Update{Update: &resources.Campaign{ResourceName: name,
			CampaignBiddingStrategy: &resources.Campaign_MaximizeConversionValue{MaximizeConversionValue: &common.MaximizeConversionValue{TargetRoas: target}}}},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{maximizeValueTarget}},
	}
}

func targetROAS(name string, target *float64) *services.CampaignOperation {
	return &services.CampaignOperation{
		Operation: &services.CampaignOperation_Update{Update: &resources.Campaign{ResourceName: name,
			CampaignBiddingStrategy: &resources.Campaign_TargetRoas{TargetRoas: &common.TargetRoas{TargetRoas: target}}}},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{standardTarget}},
	}
}

func portfolioTarget(name string, target float64, mask ...string) *services.BiddingStrategyOperation {
	return &services.BiddingStrategyOperation{
		Operation: &services.BiddingStrategyOperation_Update{Update: &resources.BiddingStrategy{ResourceName: name,
			Scheme: &resources.BiddingStrategy_TargetRoas{TargetRoas: &common.TargetRoas{TargetRoas: &target}}}},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: mask},
	}
}

func bidUpdate(name string, micros int64) *services.AdGroupOperation {
	return &services.AdGroupOperation{
		Operation:  &services.AdGroupOperation_Update{Update: &resources.AdGroup{ResourceName: name, CpcBidMicros: proto.Int64(micros)}},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"cpc_bid_micros"}},
	}
}

func (r *rig) budgets(req *services.MutateCampaignBudgetsRequest) (*services.MutateCampaignBudgetsResponse, error) {
	if req.CustomerId == "" {
		req.CustomerId = testCustomer
	}
	return services.NewCampaignBudgetServiceClient(r.conn).MutateCampaignBudgets(r.ctx, req)
}

func (r *rig) campaigns(ops ...*services.CampaignOperation) error {
	_, err := services.NewCampaignServiceClient(r.conn).MutateCampaigns(r.ctx, &services.MutateCampaignsRequest{CustomerId: testCustomer, Operations: ops})
	return err
}

func (r *rig) strategies(ops ...*services.BiddingStrategyOperation) error {
	_, err := services.NewBiddingStrategyServiceClient(r.conn).MutateBiddingStrategies(r.ctx, &services.MutateBiddingStrategiesRequest{CustomerId: testCustomer, Operations: ops})
	return err
}

func (r *rig) adGroups(ops ...*services.AdGroupOperation) error {
	_, err := services.NewAdGroupServiceClient(r.conn).MutateAdGroups(r.ctx, &services.MutateAdGroupsRequest{CustomerId: testCustomer, Operations: ops})
	return err
}

// mutateBudget sets a budget; it must succeed.
func (r *rig) mutateBudget(name string, micros int64) {
	r.t.Helper()
	if _, err := r.budgets(&services.MutateCampaignBudgetsRequest{Operations: []*services.CampaignBudgetOperation{budgetUpdate(name, micros, "amount_micros")}}); err != nil {
		r.t.Fatal(err)
	}
}

// mutateTarget sets the target of a campaign; it must succeed.
func (r *rig) mutateTarget(name string, target float64) {
	r.t.Helper()
	if err := r.campaigns(maximizeTarget(name, target)); err != nil {
		r.t.Fatal(err)
	}
}

// settings returns budget, target and bid of the market's campaign.
func (r *rig) settings(id string) string {
	for _, c := range r.market.Campaigns(platform.Google) {
		if c.ID == id {
			return fmt.Sprint(c.Budget.Decimal(), " ", c.TargetROAS.Decimal(), " ", c.Groups[0].Bid.Decimal())
		}
	}
	return ""
}

func TestBudgetUpdate(t *testing.T) {
	t.Parallel()
	r := newRig(t, testScenario, nil)
	resp, err := r.budgets(&services.MutateCampaignBudgetsRequest{
		Operations:          []*services.CampaignBudgetOperation{budgetUpdate(g1Budget, 110_010_000, "resource_name", "amount_micros"), budgetUpdate(sharedBudget, 90_000_000, "amount_micros")},
		ResponseContentType: enums.ResponseContentTypeEnum_MUTABLE_RESOURCE,
	})
	if err != nil {
		t.Fatal(err)
	}
	res := resp.GetResults()
	if len(res) != 2 || res[0].GetResourceName() != g1Budget || res[0].GetCampaignBudget().GetAmountMicros() != 110_010_000 || res[1].GetResourceName() != sharedBudget {
		t.Errorf("results %v", res)
	}
	if got := r.settings("g1") + ", " + r.settings("g3") + ", " + r.settings("g4"); got != "110.01 3.5 0, 90 0 0, 90 4 0" {
		t.Errorf("the market has %s", got)
	}
	resp, err = r.budgets(&services.MutateCampaignBudgetsRequest{Operations: []*services.CampaignBudgetOperation{budgetUpdate(g1Budget, 120_000_000, "amount_micros")}})
	if err != nil || resp.GetResults()[0].GetCampaignBudget() != nil {
		t.Errorf("a resource that was not asked for: %v, %v", resp, err)
	}
}

func TestBudgetRefusals(t *testing.T) {
	t.Parallel()
	r := newRig(t, testScenario, nil)
	unset := budgetUpdate(g1Budget, 0, "amount_micros")
	unset.GetUpdate().AmountMicros = nil
	maskedCreate := &services.CampaignBudgetOperation{Operation: &services.CampaignBudgetOperation_Create{Create: &resources.CampaignBudget{}}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"name"}}}
	for _, tc := range []struct {
		name  string
		op    *services.CampaignBudgetOperation
		want  protoreflect.Enum
		place string
	}{
		{"negative", budgetUpdate(g1Budget, -1, "amount_micros"), adserrors.CampaignBudgetErrorEnum_NEGATIVE_MONEY_AMOUNT, "operations[0].update.amount_micros"},
		{"below the minimum", budgetUpdate(g1Budget, 9_999, "amount_micros"), adserrors.CampaignBudgetErrorEnum_MONEY_AMOUNT_LESS_THAN_CURRENCY_MINIMUM_CPC, "operations[0].update.amount_micros"},
		{"fraction of a cent", budgetUpdate(g1Budget, 10_005_000, "amount_micros"), adserrors.CampaignBudgetErrorEnum_NON_MULTIPLE_OF_MINIMUM_CURRENCY_UNIT, "operations[0].update.amount_micros"},
		{"too large", budgetUpdate(g1Budget, 1<<62, "amount_micros"), adserrors.CampaignBudgetErrorEnum_MONEY_AMOUNT_TOO_LARGE, "operations[0].update.amount_micros"},
		{"unset", unset, adserrors.FieldErrorEnum_REQUIRED, "operations[0].update.amount_micros"},
		{"no mask", budgetUpdate(g1Budget, 10_000_000), adserrors.FieldMaskErrorEnum_FIELD_MASK_MISSING, "operations[0].update_mask"},
		{"only the name in the mask", budgetUpdate(g1Budget, 10_000_000, "resource_name"), adserrors.FieldMaskErrorEnum_FIELD_MASK_MISSING, "operations[0].update_mask"},
		{"unknown path", budgetUpdate(g1Budget, 10_000_000, "amount"), adserrors.FieldMaskErrorEnum_FIELD_NOT_FOUND, "operations[0].update_mask"},
		{"output-only path", budgetUpdate(g1Budget, 10_000_000, "reference_count"), adserrors.FieldErrorEnum_IMMUTABLE_FIELD, "operations[0].update_mask"},
		{"name of its own budget", budgetUpdate(g1Budget, 10_000_000, "name"), adserrors.CampaignBudgetErrorEnum_CANNOT_MODIFY_FIELD_OF_IMPLICITLY_SHARED_CAMPAIGN_BUDGET, "operations[0].update.name"},
		{"field the market does not have", budgetUpdate(sharedBudget, 10_000_000, "delivery_method"), adserrors.MutateErrorEnum_MUTATE_NOT_ALLOWED, "operations[0].update.delivery_method"},
		{"no resource name", budgetUpdate("", 10_000_000, "amount_micros"), adserrors.RequestErrorEnum_RESOURCE_NAME_MISSING, "operations[0].update.resource_name"},
		{"malformed name", budgetUpdate("campaignBudgets/1", 10_000_000, "amount_micros"), adserrors.RequestErrorEnum_RESOURCE_NAME_MALFORMED, "operations[0].update.resource_name"},
		{"another customer", budgetUpdate("customers/1/campaignBudgets/8000000001", 10_000_000, "amount_micros"), adserrors.RequestErrorEnum_RESOURCE_NAME_MALFORMED, "operations[0].update.resource_name"},
		{"not there", budgetUpdate(customerRes+"/campaignBudgets/77", 10_000_000, "amount_micros"), adserrors.MutateErrorEnum_RESOURCE_NOT_FOUND, "operations[0].update.resource_name"},
		{"second campaign of a group", budgetUpdate(customerRes+"/campaignBudgets/8000000005", 10_000_000, "amount_micros"), adserrors.MutateErrorEnum_RESOURCE_NOT_FOUND, "operations[0].update.resource_name"},
		{"removed while in use", &services.CampaignBudgetOperation{Operation: &services.CampaignBudgetOperation_Remove{Remove: g1Budget}}, adserrors.CampaignBudgetErrorEnum_CAMPAIGN_BUDGET_IN_USE, "operations[0].remove"},
		{"empty operation", &services.CampaignBudgetOperation{}, adserrors.RequestErrorEnum_OPERATION_REQUIRED, "operations[0]"},
		{"mask on create", maskedCreate, adserrors.FieldMaskErrorEnum_FIELD_MASK_NOT_ALLOWED, "operations[0].update_mask"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := r.budgets(&services.MutateCampaignBudgetsRequest{Operations: []*services.CampaignBudgetOperation{tc.op}})
			if e := wantError(t, err, codes.InvalidArgument, tc.want); place(e) != tc.place {
				t.Errorf("the error is at %s; want %s", place(e), tc.place)
			}
		})
	}
	if _, err := r.budgets(&services.MutateCampaignBudgetsRequest{}); err == nil {
		t.Error("a request without operations was taken")
	} else {
		wantError(t, err, codes.InvalidArgument, adserrors.RequestErrorEnum_REQUIRED_FIELD_MISSING)
	}
	if got := r.settings("g1"); got != "100 3.5 0" {
		t.Errorf("the market has %s", got)
	}
}

func TestBillableUnits(t *testing.T) {
	t.Parallel()
	for currency, tc := range map[string]struct{ good, bad int64 }{
		"USD": {10_010_000, 10_001_000},
		"JPY": {1_001_000_000, 1_000_500_000},
		"KWD": {10_001_000, 10_000_500},
	} {
		r := newRig(t, strings.Replace(testScenario, "EUR", currency, 1), nil)
		r.mutateBudget(g1Budget, tc.good)
		if c := r.market.Campaigns(platform.Google)[0]; c.Budget != money.Micros(tc.good) {
			t.Errorf("%s: budget %v", currency, c.Budget)
		}
		_, err := r.budgets(&services.MutateCampaignBudgetsRequest{Operations: []*services.CampaignBudgetOperation{budgetUpdate(g1Budget, tc.bad, "amount_micros")}})
		wantError(t, err, codes.InvalidArgument, adserrors.CampaignBudgetErrorEnum_NON_MULTIPLE_OF_MINIMUM_CURRENCY_UNIT)
	}
}

func TestValidateOnly(t *testing.T) {
	t.Parallel()
	r := newRig(t, testScenario, nil)
	resp, err := r.budgets(&services.MutateCampaignBudgetsRequest{ValidateOnly: true,
		Operations: []*services.CampaignBudgetOperation{budgetUpdate(g1Budget, 150_000_000, "amount_micros")}})
	if err != nil || len(resp.GetResults()) != 0 {
		t.Errorf("%v, %v", resp, err)
	}
	_, err = r.budgets(&services.MutateCampaignBudgetsRequest{ValidateOnly: true,
		Operations: []*services.CampaignBudgetOperation{budgetUpdate(g1Budget, 1, "amount_micros")}})
	wantError(t, err, codes.InvalidArgument, adserrors.CampaignBudgetErrorEnum_MONEY_AMOUNT_LESS_THAN_CURRENCY_MINIMUM_CPC)
	resp, err = r.budgets(&services.MutateCampaignBudgetsRequest{ValidateOnly: true, PartialFailure: true,
		Operations: []*services.CampaignBudgetOperation{budgetUpdate(g1Budget, 150_000_000, "amount_micros"), budgetUpdate(sharedBudget, 1, "amount_micros")}})
	if err != nil || resp.GetPartialFailureError() == nil {
		t.Errorf("%v, %v", resp, err)
	}
	if got := r.settings("g1"); got != "100 3.5 0" || len(r.market.Changes(platform.Google)) != 1 {
		t.Errorf("validating changed the market: %s", got)
	}
}

func TestPartialFailure(t *testing.T) {
	t.Parallel()
	r := newRig(t, testScenario, nil)
	ops := []*services.CampaignBudgetOperation{
		budgetUpdate(g1Budget, 111_000_000, "amount_micros"),
		budgetUpdate(customerRes+"/campaignBudgets/5", 1_000_000, "amount_micros"),
		budgetUpdate(sharedBudget, 88_000_000, "amount_micros"),
		budgetUpdate(sharedBudget, 89_000_000, "amount_micros"),
	}
	_, err := r.budgets(&services.MutateCampaignBudgetsRequest{Operations: ops})
	wantError(t, err, codes.InvalidArgument, adserrors.MutateErrorEnum_RESOURCE_NOT_FOUND)
	if n := len(failureOf(t, err).GetErrors()); n != 2 {
		t.Errorf("%d errors", n)
	}
	if got := r.settings("g1"); got != "100 3.5 0" {
		t.Errorf("a refused request changed the market: %s", got)
	}
	resp, err := r.budgets(&services.MutateCampaignBudgetsRequest{Operations: ops, PartialFailure: true})
	if err != nil {
		t.Fatal(err)
	}
	pf := resp.GetPartialFailureError()
	f := failureIn(t, pf.GetDetails())
	if pf.GetCode() != int32(codes.InvalidArgument) || len(f.GetErrors()) != 2 || f.GetRequestId() == "" {
		t.Fatalf("partial failure %v", pf)
	}
	checkCode(t, f.GetErrors()[0], adserrors.MutateErrorEnum_RESOURCE_NOT_FOUND)
	checkCode(t, f.GetErrors()[1], adserrors.MutateErrorEnum_ID_EXISTS_IN_MULTIPLE_MUTATES)
	if p := place(f.GetErrors()[0]) + " " + place(f.GetErrors()[1]); p != "operations[1].update.resource_name operations[3]" {
		t.Errorf("errors at %s", p)
	}
	var names []string
	for _, res := range resp.GetResults() {
		names = append(names, res.GetResourceName())
	}
	if got := strings.Join(names, ","); got != g1Budget+",,"+sharedBudget+"," {
		t.Errorf("results %s", got)
	}
	if got := r.settings("g1") + ", " + r.settings("g4"); got != "111 3.5 0, 88 4 0" {
		t.Errorf("the market has %s", got)
	}
}

func TestMutateSeveralKinds(t *testing.T) {
	t.Parallel()
	r := newRig(t, testScenario, nil)
	req := &services.MutateGoogleAdsRequest{CustomerId: testCustomer, PartialFailure: true, ResponseContentType: enums.ResponseContentTypeEnum_MUTABLE_RESOURCE,
		MutateOperations: []*services.MutateOperation{
			{Operation: &services.MutateOperation_CampaignBudgetOperation{CampaignBudgetOperation: budgetUpdate(g1Budget, 90_000_000, "amount_micros")}},
			{Operation: &services.MutateOperation_CampaignOperation{CampaignOperation: maximizeTarget(g4Campaign, 5)}},
			{Operation: &services.MutateOperation_BiddingStrategyOperation{BiddingStrategyOperation: portfolioTarget(valueStrategy, 5, standardTarget)}},
			{Operation: &services.MutateOperation_AdGroupOperation{AdGroupOperation: bidUpdate(g2AdGroup, 700_000)}},
			{},
			{Operation: &services.MutateOperation_AssetOperation{AssetOperation: &services.AssetOperation{Operation: &services.AssetOperation_Create{Create: &resources.Asset{}}}}},
		}}
	resp, err := r.ads().Mutate(r.ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	out := resp.GetMutateOperationResponses()
	if len(out) != 6 || out[0].GetCampaignBudgetResult().GetCampaignBudget().GetAmountMicros() != 90_000_000 || out[1].GetResponse() != nil ||
		out[2].GetBiddingStrategyResult().GetBiddingStrategy().GetTargetRoas().GetTargetRoas() != 5 || out[3].GetAdGroupResult().GetAdGroup().GetCpcBidMicros() != 700_000 {
		t.Errorf("responses %v", out)
	}
	var places []string
	for _, e := range failureIn(t, resp.GetPartialFailureError().GetDetails()).GetErrors() {
		places = append(places, place(e))
	}
	want := "mutate_operations[1].campaign_operation.update.maximize_conversion_value.target_roas, mutate_operations[4], mutate_operations[5].asset_operation"
	if got := strings.Join(places, ", "); got != want {
		t.Errorf("errors at %s; want %s", got, want)
	}
	req.PartialFailure = false
	req.MutateOperations[0].GetCampaignBudgetOperation().GetUpdate().AmountMicros = proto.Int64(10_000_000)
	_, err = r.ads().Mutate(r.ctx, req)
	wantError(t, err, codes.InvalidArgument, adserrors.BiddingErrorEnum_BIDDING_STRATEGY_TRANSITION_NOT_ALLOWED)
	if got := r.settings("g1"); got != "90 3.5 0" {
		t.Errorf("the market has %s", got)
	}
	if used := r.server.OperationsUsed(); used != 12 {
		t.Errorf("%d operations counted; want 12", used)
	}
}

func TestTargets(t *testing.T) {
	t.Parallel()
	r := newRig(t, testScenario, nil)
	r.mutateTarget(g1Campaign, 4.25)
	if got := r.settings("g1"); got != "100 4.25 0" {
		t.Errorf("the market has %s", got)
	}
	if err := r.campaigns(targetROAS(g1Campaign, proto.Float64(3))); err != nil {
		t.Fatal(err)
	}
	c := r.query("SELECT campaign.bidding_strategy_type, campaign.target_roas.target_roas, campaign.maximize_conversion_value.target_roas FROM campaign LIMIT 1")[0].GetCampaign()
	if c.GetTargetRoas().GetTargetRoas() != 3 || c.GetMaximizeConversionValue() != nil || c.GetBiddingStrategyType() != enums.BiddingStrategyTypeEnum_TARGET_ROAS {
		t.Errorf("campaign %v", c)
	}
	r.mutateTarget(g1Campaign, 0) // takes the target away
	if got := r.settings("g1"); got != "100 0 0" {
		t.Errorf("the market has %s", got)
	}
	if err := r.strategies(portfolioTarget(valueStrategy, 5.5, standardTarget)); err != nil {
		t.Fatal(err)
	}
	if err := r.adGroups(bidUpdate(g2AdGroup, 750_000)); err != nil {
		t.Fatal(err)
	}
	if got := r.settings("g4") + ", " + r.settings("g5") + ", " + r.settings("g2"); got != "100 5.5 0, 30 5.5 0, 20 0 0.75" {
		t.Errorf("the market has %s", got)
	}
}

func TestTargetRefusals(t *testing.T) {
	t.Parallel()
	r := newRig(t, testScenario, nil)
	whole := maximizeTarget(g1Campaign, 4)
	whole.UpdateMask.Paths = []string{"maximize_conversion_value"}
	renamed := maximizeTarget(g1Campaign, 4)
	renamed.UpdateMask.Paths = []string{"name", maximizeValueTarget}
	fixed := maximizeTarget(g1Campaign, 4)
	fixed.UpdateMask.Paths = []string{"advertising_channel_type"}
	for name, tc := range map[string]struct {
		err  error
		want protoreflect.Enum
	}{
		"under a portfolio":      {r.campaigns(maximizeTarget(g4Campaign, 4)), adserrors.BiddingErrorEnum_BIDDING_STRATEGY_TRANSITION_NOT_ALLOWED},
		"under manual CPC":       {r.campaigns(targetROAS(g2Campaign, proto.Float64(4))), adserrors.BiddingErrorEnum_BIDDING_STRATEGY_TRANSITION_NOT_ALLOWED},
		"too low":                {r.campaigns(maximizeTarget(g1Campaign, 0.009)), adserrors.RangeErrorEnum_TOO_LOW},
		"too high":               {r.campaigns(maximizeTarget(g1Campaign, 1000.5)), adserrors.RangeErrorEnum_TOO_HIGH},
		"none where it must be":  {r.campaigns(targetROAS(g1Campaign, nil)), adserrors.FieldErrorEnum_REQUIRED},
		"whole message":          {r.campaigns(whole), adserrors.FieldMaskErrorEnum_FIELD_HAS_SUBFIELDS},
		"name":                   {r.campaigns(renamed), adserrors.MutateErrorEnum_MUTATE_NOT_ALLOWED},
		"immutable":              {r.campaigns(fixed), adserrors.FieldErrorEnum_IMMUTABLE_FIELD},
		"campaign not there":     {r.campaigns(maximizeTarget(customerRes+"/campaigns/2000000002", 4)), adserrors.MutateErrorEnum_RESOURCE_NOT_FOUND}, // Meta's
		"campaign removed":       {r.campaigns(&services.CampaignOperation{Operation: &services.CampaignOperation_Remove{Remove: g1Campaign}}), adserrors.OperationAccessDeniedErrorEnum_REMOVE_OPERATION_NOT_PERMITTED},
		"campaign created":       {r.campaigns(&services.CampaignOperation{Operation: &services.CampaignOperation_Create{Create: &resources.Campaign{}}}), adserrors.OperationAccessDeniedErrorEnum_CREATE_OPERATION_NOT_PERMITTED},
		"portfolio too high":     {r.strategies(portfolioTarget(valueStrategy, 2000, standardTarget)), adserrors.RangeErrorEnum_TOO_HIGH},
		"portfolio without":      {r.strategies(portfolioTarget(valueStrategy, 0, standardTarget)), adserrors.RangeErrorEnum_TOO_LOW},
		"portfolio's type":       {r.strategies(portfolioTarget(valueStrategy, 4, maximizeValueTarget)), adserrors.BiddingStrategyErrorEnum_CANNOT_CHANGE_BIDDING_STRATEGY_TYPE},
		"portfolio not there":    {r.strategies(portfolioTarget(customerRes+"/biddingStrategies/9000000006", 4, standardTarget)), adserrors.MutateErrorEnum_RESOURCE_NOT_FOUND},
		"portfolio in use":       {r.strategies(&services.BiddingStrategyOperation{Operation: &services.BiddingStrategyOperation_Remove{Remove: valueStrategy}}), adserrors.BiddingStrategyErrorEnum_CANNOT_REMOVE_ASSOCIATED_STRATEGY},
		"bid without manual CPC": {r.adGroups(bidUpdate(customerRes+"/adGroups/160000000001", 500_000)), adserrors.AdGroupErrorEnum_BID_TYPE_AND_BIDDING_STRATEGY_MISMATCH},
		"bid of nothing":         {r.adGroups(bidUpdate(g2AdGroup, 0)), adserrors.BiddingErrorEnum_BID_TOO_SMALL},
		"bid too big":            {r.adGroups(bidUpdate(g2AdGroup, 1<<60)), adserrors.BiddingErrorEnum_BID_TOO_BIG},
		"bid of half a cent":     {r.adGroups(bidUpdate(g2AdGroup, 505_000)), adserrors.CurrencyErrorEnum_VALUE_NOT_MULTIPLE_OF_BILLABLE_UNIT},
	} {
		t.Run(name, func(t *testing.T) { wantError(t, tc.err, codes.InvalidArgument, tc.want) })
	}
	if n := len(r.market.Changes(platform.Google)); n != 1 { // the human's
		t.Errorf("%d changes", n)
	}
}

func TestBudgetsOfNoCampaign(t *testing.T) {
	t.Parallel()
	r := newRig(t, testScenario, nil)
	create := func(name string) (string, error) {
		resp, err := r.budgets(&services.MutateCampaignBudgetsRequest{Operations: []*services.CampaignBudgetOperation{{Operation: &services.CampaignBudgetOperation_Create{
			Create: &resources.CampaignBudget{Name: proto.String(name), AmountMicros: proto.Int64(5_000_000)}}}}})
		if err != nil {
			return "", err
		}
		return resp.GetResults()[0].GetResourceName(), nil
	}
	name, err := create("Spare")
	if err != nil {
		t.Fatal(err)
	}
	_, err = create("Spare")
	wantError(t, err, codes.InvalidArgument, adserrors.CampaignBudgetErrorEnum_DUPLICATE_NAME)
	_, err = create("")
	wantError(t, err, codes.InvalidArgument, adserrors.FieldErrorEnum_REQUIRED)
	r.mutateBudget(name, 6_000_000)
	rows := r.query("SELECT campaign_budget.amount_micros, campaign_budget.reference_count FROM campaign_budget WHERE campaign_budget.name = 'Spare'")
	if len(rows) != 1 || rows[0].GetCampaignBudget().GetAmountMicros() != 6_000_000 || rows[0].GetCampaignBudget().GetReferenceCount() != 0 {
		t.Errorf("rows %v", rows)
	}
	remove := []*services.CampaignBudgetOperation{{Operation: &services.CampaignBudgetOperation_Remove{Remove: name}}}
	if _, err := r.budgets(&services.MutateCampaignBudgetsRequest{Operations: remove}); err != nil {
		t.Fatal(err)
	}
	_, err = r.budgets(&services.MutateCampaignBudgetsRequest{Operations: []*services.CampaignBudgetOperation{budgetUpdate(name, 7_000_000, "amount_micros")}})
	wantError(t, err, codes.InvalidArgument, adserrors.CampaignBudgetErrorEnum_CAMPAIGN_BUDGET_REMOVED)
	if rows := r.query("SELECT campaign_budget.id FROM campaign_budget WHERE campaign_budget.status = REMOVED"); len(rows) != 1 {
		t.Errorf("%d removed budgets", len(rows))
	}
}
