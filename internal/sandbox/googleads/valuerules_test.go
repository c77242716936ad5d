package googleads

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shenzhencenter/google-ads-pb/common"
	"github.com/shenzhencenter/google-ads-pb/enums"
	adserrors "github.com/shenzhencenter/google-ads-pb/errors"
	"github.com/shenzhencenter/google-ads-pb/resources"
	"github.com/shenzhencenter/google-ads-pb/services"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"adsteward/internal/sandbox/lists"
)

// worthRig has the lists 500 and 501 and a registry of value rules.
func worthRig(t *testing.T) (*rig, *ValueRules) {
	t.Helper()
	registry, rules := lists.New(500), NewValueRules()
	for _, name := range []string{"Buyers", "Carts"} {
		if _, err := registry.Create(lists.List{Name: name, Kind: lists.CRM}); err != nil {
			t.Fatal(err)
		}
	}
	return newRig(t, testScenario, func(o *Options) { o.Lists, o.ValueRules = registry, rules }), rules
}

type (
	valueRule = resources.ConversionValueRule
	valueSet  = resources.ConversionValueRuleSet
	dimension = enums.ValueRuleSetDimensionEnum_ValueRuleSetDimension
)

func multiplying(v float64, lists ...string) *valueRule {
	r := &valueRule{Action: &resources.ConversionValueRule_ValueRuleAction{Operation: enums.ValueRuleOperationEnum_MULTIPLY, Value: v},
		AudienceCondition: &resources.ConversionValueRule_ValueRuleAudienceCondition{}}
	for _, l := range lists {
		r.AudienceCondition.UserLists = append(r.AudienceCondition.UserLists, customerRes+"/userLists/"+l)
	}
	return r
}

func setOf(rules ...string) *valueSet {
	return &valueSet{ConversionValueRules: rules, AttachmentType: enums.ValueRuleSetAttachmentTypeEnum_CUSTOMER,
		Dimensions: []dimension{enums.ValueRuleSetDimensionEnum_AUDIENCE}}
}

func ruleOp(op *services.ConversionValueRuleOperation) *services.MutateOperation {
	return &services.MutateOperation{Operation: &services.MutateOperation_ConversionValueRuleOperation{ConversionValueRuleOperation: op}}
}

func setOp(op *services.ConversionValueRuleSetOperation) *services.MutateOperation {
	return &services.MutateOperation{Operation: &services.MutateOperation_ConversionValueRuleSetOperation{ConversionValueRuleSetOperation: op}}
}

func createRule(r *valueRule) *services.MutateOperation {
	return ruleOp(&services.ConversionValueRuleOperation{Operation: &services.ConversionValueRuleOperation_Create{Create: r}})
}

func createSet(s *valueSet) *services.MutateOperation {
	return setOp(&services.ConversionValueRuleSetOperation{Operation: &services.ConversionValueRuleSetOperation_Create{Create: s}})
}

func (r *rig) mutate(validateOnly bool, ops ...*services.MutateOperation) error {
	_, err := r.ads().Mutate(r.ctx, &services.MutateGoogleAdsRequest{CustomerId: testCustomer, MutateOperations: ops, ValidateOnly: validateOnly})
	return err
}

const rulesOfAccount = "SELECT conversion_value_rule.id, conversion_value_rule.action.value, conversion_value_rule.audience_condition.user_lists FROM conversion_value_rule"

func TestValueRulesAndTheirSet(t *testing.T) {
	t.Parallel()
	r, registry := worthRig(t)
	changes := 0
	registry.OnChange(func() { changes++ })
	first := multiplying(1.5, "500")
	first.ResourceName = customerRes + "/conversionValueRules/-1"
	// A rule and the set that names it, in one request: both or none.
	wantError(t, r.mutate(false, createRule(first), createSet(setOf(customerRes+"/conversionValueRules/-2"))), codes.InvalidArgument,
		adserrors.ConversionValueRuleSetErrorEnum_INVALID_VALUE_RULE)
	if err := r.mutate(true, createRule(first), createSet(setOf(first.GetResourceName()))); err != nil {
		t.Fatal(err)
	}
	if n := len(r.query(rulesOfAccount)); n != 0 || changes != 0 {
		t.Fatalf("%d rules after %d changes that were refused or validated", n, changes)
	}
	if err := r.mutate(false, createRule(first), createSet(setOf(first.GetResourceName()))); err != nil {
		t.Fatal(err)
	}
	rows := r.query(rulesOfAccount)
	sets := r.query("SELECT conversion_value_rule_set.conversion_value_rules, conversion_value_rule_set.status FROM conversion_value_rule_set WHERE conversion_value_rule_set.status = 'ENABLED'")
	if len(rows) != 1 || len(sets) != 1 || changes != 2 {
		t.Fatalf("%v, %v, %d changes", rows, sets, changes)
	}
	name := rows[0].GetConversionValueRule().GetResourceName()
	if d := cmp.Diff([]string{name}, sets[0].GetConversionValueRuleSet().GetConversionValueRules()); d != "" || rows[0].GetConversionValueRule().GetAction().GetValue() != 1.5 {
		t.Errorf("%v\n%s", rows[0], d)
	}
	// What is kept and read back is the same account.
	data, err := json.Marshal(registry)
	if err != nil {
		t.Fatal(err)
	}
	again := NewValueRules()
	if err := json.Unmarshal(data, again); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(registry.state(false).rules, again.state(false).rules, protocmp.Transform()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(registry.state(false).sets, again.state(false).sets, protocmp.Transform()); d != "" {
		t.Error(d)
	}
	for what, broken := range map[string]string{"no JSON": `{`, "no rule": `{"rules": [{"id": "x"}]}`} {
		if json.Unmarshal([]byte(broken), NewValueRules()) == nil {
			t.Errorf("%s is read", what)
		}
	}
}

func TestValueRulesRefused(t *testing.T) {
	t.Parallel()
	r, _ := worthRig(t)
	if err := r.mutate(false, createRule(multiplying(1.5, "500"))); err != nil {
		t.Fatal(err)
	}
	have := r.query(rulesOfAccount)[0].GetConversionValueRule().GetResourceName()
	if err := r.mutate(false, createRule(multiplying(2, "500")), createSet(setOf(have))); err != nil {
		t.Fatal(err)
	}
	twin := r.query(rulesOfAccount)[1].GetConversionValueRule().GetResourceName()
	set := r.query("SELECT conversion_value_rule_set.id FROM conversion_value_rule_set")[0].GetConversionValueRuleSet().GetResourceName()
	update := func(v *valueRule, paths ...string) *services.MutateOperation {
		v.ResourceName = have
		return ruleOp(&services.ConversionValueRuleOperation{UpdateMask: &fieldmaskpb.FieldMask{Paths: paths},
			Operation: &services.ConversionValueRuleOperation_Update{Update: v}})
	}
	updateSet := func(s *valueSet, paths ...string) *services.MutateOperation {
		s.ResourceName = set
		return setOp(&services.ConversionValueRuleSetOperation{UpdateMask: &fieldmaskpb.FieldMask{Paths: paths},
			Operation: &services.ConversionValueRuleSetOperation_Update{Update: s}})
	}
	named := multiplying(2, "501")
	named.ResourceName = customerRes + "/conversionValueRules/77"
	removed := multiplying(2, "501")
	removed.Status = enums.ConversionValueRuleStatusEnum_REMOVED
	twice := setOf(have)
	twice.Dimensions = append(twice.Dimensions, twice.Dimensions[0])
	for what, c := range map[string]struct {
		op   *services.MutateOperation
		want protoreflect.Enum
	}{
		"too low":           {createRule(multiplying(0.49, "501")), adserrors.RangeErrorEnum_TOO_LOW},
		"too high":          {createRule(multiplying(10.1, "501")), adserrors.RangeErrorEnum_TOO_HIGH},
		"too high later":    {update(multiplying(11), "action.value"), adserrors.RangeErrorEnum_TOO_HIGH},
		"no action":         {createRule(&valueRule{}), adserrors.FieldErrorEnum_REQUIRED},
		"no condition":      {createRule(multiplying(2)), adserrors.FieldErrorEnum_REQUIRED},
		"no such list":      {createRule(multiplying(2, "77")), adserrors.ConversionValueRuleErrorEnum_INVALID_AUDIENCE_USER_LIST},
		"born removed":      {createRule(removed), adserrors.ConversionValueRuleErrorEnum_CANNOT_ADD_RULE_WITH_STATUS_REMOVED},
		"names itself":      {createRule(named), adserrors.RequestErrorEnum_RESOURCE_NAME_MALFORMED},
		"id is the API's":   {update(multiplying(2), "id"), adserrors.FieldErrorEnum_IMMUTABLE_FIELD},
		"another list":      {update(multiplying(2, "501"), "audience_condition.user_lists"), adserrors.MutateErrorEnum_MUTATE_NOT_ALLOWED},
		"in use":            {ruleOp(&services.ConversionValueRuleOperation{Operation: &services.ConversionValueRuleOperation_Remove{Remove: have}}), adserrors.ConversionValueRuleErrorEnum_CANNOT_REMOVE_IF_INCLUDED_IN_VALUE_RULE_SET},
		"gone":              {ruleOp(&services.ConversionValueRuleOperation{Operation: &services.ConversionValueRuleOperation_Remove{Remove: customerRes + "/conversionValueRules/77"}}), adserrors.MutateErrorEnum_RESOURCE_NOT_FOUND},
		"a second set":      {createSet(setOf(twin)), adserrors.MutateErrorEnum_MUTATE_NOT_ALLOWED},
		"twin conditions":   {updateSet(setOf(have, twin), "conversion_value_rules"), adserrors.ConversionValueRuleSetErrorEnum_CONFLICTING_VALUE_RULE_CONDITIONS},
		"an empty set":      {updateSet(setOf(), "conversion_value_rules"), adserrors.FieldErrorEnum_REQUIRED},
		"dimension dropped": {updateSet(&valueSet{Dimensions: []dimension{enums.ValueRuleSetDimensionEnum_DEVICE}}, "dimensions"), adserrors.ConversionValueRuleSetErrorEnum_DIMENSIONS_UPDATE_ONLY_ALLOW_APPEND},
		"dimension twice":   {updateSet(twice, "dimensions"), adserrors.ConversionValueRuleSetErrorEnum_DUPLICATE_DIMENSIONS},
	} {
		t.Run(what, func(t *testing.T) { wantError(t, r.mutate(false, c.op), codes.InvalidArgument, c.want) })
	}
}

func TestNewCustomerGoal(t *testing.T) {
	t.Parallel()
	r, registry := worthRig(t)
	settings := func(v *common.CustomerLifecycleOptimizationValueSettings) *resources.Goal {
		return &resources.Goal{GoalSettings: &resources.Goal_NewCustomerAcquisitionGoalSettings{
			NewCustomerAcquisitionGoalSettings: &common.GoalSetting_NewCustomerAcquisitionGoal{ValueSettings: v}}}
	}
	value := func(v float64) *common.CustomerLifecycleOptimizationValueSettings {
		return &common.CustomerLifecycleOptimizationValueSettings{ValueAdjustment: &common.CustomerLifecycleOptimizationValueSettings_AdditionalValue{AdditionalValue: v}}
	}
	high := func(s *common.CustomerLifecycleOptimizationValueSettings, v float64) *common.CustomerLifecycleOptimizationValueSettings {
		s.HighLifetimeValueAdjustment = &common.CustomerLifecycleOptimizationValueSettings_AdditionalHighLifetimeValue{AdditionalHighLifetimeValue: v}
		return s
	}
	do := func(op *services.GoalOperation) error {
		_, err := services.NewGoalServiceClient(r.conn).MutateGoals(r.ctx, &services.MutateGoalsRequest{CustomerId: testCustomer, Operations: []*services.GoalOperation{op}})
		return err
	}
	create := func(g *resources.Goal) error {
		return do(&services.GoalOperation{Operation: &services.GoalOperation_Create{Create: g}})
	}
	update := func(name string, g *resources.Goal, path string) error {
		g.ResourceName = name
		return do(&services.GoalOperation{UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{path}}, Operation: &services.GoalOperation_Update{Update: g}})
	}
	wantError(t, create(&resources.Goal{}), codes.InvalidArgument, adserrors.FieldErrorEnum_REQUIRED)
	wantError(t, create(settings(value(-1))), codes.InvalidArgument, adserrors.RangeErrorEnum_TOO_LOW)
	wantError(t, create(settings(high(&common.CustomerLifecycleOptimizationValueSettings{}, 9))), codes.InvalidArgument, adserrors.GoalErrorEnum_HIGH_LIFETIME_VALUE_PRESENT_BUT_VALUE_ABSENT)
	wantError(t, create(settings(high(value(9), 9))), codes.InvalidArgument, adserrors.GoalErrorEnum_HIGH_LIFETIME_VALUE_LESS_THAN_OR_EQUAL_TO_VALUE)
	if err := create(settings(value(7.5))); err != nil {
		t.Fatal(err)
	}
	wantError(t, create(settings(value(7.5))), codes.InvalidArgument, adserrors.GoalErrorEnum_NEW_CUSTOMER_ACQUISITION_GOAL_ALREADY_EXISTS)
	const query = "SELECT goal.goal_type, goal.owner_customer, goal.new_customer_acquisition_goal_settings.value_settings.additional_value FROM goal WHERE goal.goal_type = 'NEW_CUSTOMER_ACQUISITION'"
	got := r.query(query)[0].GetGoal()
	want := settings(value(7.5))
	want.ResourceName, want.GoalType, want.OwnerCustomer = customerRes+"/goals/1", enums.GoalTypeEnum_NEW_CUSTOMER_ACQUISITION, proto.String(customerRes)
	if d := cmp.Diff(want, got, protocmp.Transform()); d != "" {
		t.Error(d)
	}
	const path = newCustomerValues + ".additional_value"
	wantError(t, update(customerRes+"/goals/9", settings(value(8)), path), codes.InvalidArgument, adserrors.MutateErrorEnum_RESOURCE_NOT_FOUND)
	wantError(t, update(got.GetResourceName(), settings(value(-8)), path), codes.InvalidArgument, adserrors.RangeErrorEnum_TOO_LOW)
	if err := update(got.GetResourceName(), settings(value(8)), path); err != nil {
		t.Fatal(err)
	}
	if v := registry.state(false).goals[0].GetNewCustomerAcquisitionGoalSettings().GetValueSettings().GetAdditionalValue(); v != 8 {
		t.Errorf("the value is %v", v)
	}
	data, err := json.Marshal(registry)
	again := NewValueRules()
	if err != nil || json.Unmarshal(data, again) != nil || !proto.Equal(again.state(false).goals[0], registry.state(false).goals[0]) {
		t.Errorf("what was kept is another goal: %v", err)
	}
}
