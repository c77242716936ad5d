package googleads

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/shenzhencenter/google-ads-pb/common"
	"github.com/shenzhencenter/google-ads-pb/enums"
	"github.com/shenzhencenter/google-ads-pb/resources"
	"github.com/shenzhencenter/google-ads-pb/services"
	"google.golang.org/protobuf/proto"

	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// What an account says that sales are worth. A value rule is seen as a property
// of the audience list that is its only condition; a list without a rule counts
// once. Rules that people made with further conditions are left alone.
const (
	listsQuery = "SELECT user_list.id, user_list.name FROM user_list WHERE user_list.type = 'CRM_BASED'"

	rulesQuery = "SELECT conversion_value_rule.id, conversion_value_rule.status, conversion_value_rule.owner_customer, " +
		"conversion_value_rule.action.operation, conversion_value_rule.action.value, " +
		"conversion_value_rule.audience_condition.user_lists, conversion_value_rule.audience_condition.user_interests, " +
		"conversion_value_rule.device_condition.device_types, conversion_value_rule.geo_location_condition.geo_target_constants, " +
		"conversion_value_rule.geo_location_condition.excluded_geo_target_constants " +
		"FROM conversion_value_rule WHERE conversion_value_rule.status != 'REMOVED'"

	ruleSetsQuery = "SELECT conversion_value_rule_set.id, conversion_value_rule_set.status, conversion_value_rule_set.owner_customer, " +
		"conversion_value_rule_set.attachment_type, conversion_value_rule_set.dimensions, " +
		"conversion_value_rule_set.conversion_value_rules, conversion_value_rule_set.conversion_action_categories " +
		"FROM conversion_value_rule_set WHERE conversion_value_rule_set.status != 'REMOVED'"

	goalQuery = "SELECT goal.goal_id, goal.goal_type, goal.owner_customer, " +
		"goal.new_customer_acquisition_goal_settings.value_settings.additional_value, " +
		"goal.new_customer_acquisition_goal_settings.value_settings.value_multiplier " +
		"FROM goal WHERE goal.goal_type = 'NEW_CUSTOMER_ACQUISITION'"

	// Google takes multipliers between these.
	minMultiplier = money.One / 2
	maxMultiplier = 10 * money.One
)

// valueRule is what the account says of one audience list.
type valueRule struct {
	platform.Entity
	rule string // the resource name of its rule; empty: it has none
	set  bool   // the rule is in the account's set, so that it works
}

// ruleSet is the account's set of value rules for all conversions.
type ruleSet struct {
	name    string // resource name; empty: there is none yet
	rules   []string
	problem string // why no rule can be put into it
}

// valueRules reads what the account says of the audience lists with the ids, or
// of every list where ids is nil. It takes three operations, and one more for
// each further thousand ids.
func (c *Client) valueRules(ctx context.Context, ids []string) ([]valueRule, ruleSet, error) {
	queries := []string{listsQuery}
	if ids != nil {
		queries = nil
		for chunk := range slices.Chunk(slices.Compact(slices.Sorted(slices.Values(ids))), idsPerQuery) {
			queries = append(queries, listsQuery+" AND user_list.id IN ("+strings.Join(chunk, ", ")+")")
		}
	}
	var lists []*services.GoogleAdsRow
	for _, q := range queries {
		rows, err := c.rows(ctx, c.customer, q)
		if err != nil {
			return nil, ruleSet{}, err
		}
		lists = append(lists, rows...)
	}
	ruleRows, err := c.rows(ctx, c.customer, rulesQuery)
	if err != nil {
		return nil, ruleSet{}, err
	}
	setRows, err := c.rows(ctx, c.customer, ruleSetsQuery)
	if err != nil {
		return nil, ruleSet{}, err
	}
	set, others := c.readRuleSets(setRows)
	out := make([]valueRule, 0, len(lists))
	for _, row := range lists {
		v, err := c.readValueRule(row.GetUserList(), ruleRows, set, others)
		if err != nil {
			return nil, ruleSet{}, err
		}
		out = append(out, v)
	}
	return out, set, nil
}

// readRuleSets finds the set that a rule for an audience belongs into, and the
// rules of all other sets, which hold for part of the conversions only.
func (c *Client) readRuleSets(rows []*services.GoogleAdsRow) (set ruleSet, others map[string]bool) {
	others = map[string]bool{}
	found := 0
	for _, row := range rows {
		s := row.GetConversionValueRuleSet()
		if s.GetAttachmentType() != enums.ValueRuleSetAttachmentTypeEnum_CUSTOMER || len(s.GetConversionActionCategories()) > 0 {
			for _, r := range s.GetConversionValueRules() {
				others[r] = true
			}
			continue
		}
		found++
		set.name, set.rules = s.GetResourceName(), s.GetConversionValueRules()
		switch dims := s.GetDimensions(); {
		case found > 1:
			set.problem = "the account has more than one set of value rules"
		case !c.owns(s.GetOwnerCustomer()):
			set.problem = "the account's value rules are kept by the manager account " + path.Base(s.GetOwnerCustomer())
		case s.GetStatus() == enums.ConversionValueRuleSetStatusEnum_PAUSED:
			set.problem = "the account's value rules are paused"
		case len(dims) != 1 || dims[0] != enums.ValueRuleSetDimensionEnum_AUDIENCE:
			names := make([]string, len(dims))
			for i, d := range dims {
				names[i] = words(d.String())
			}
			set.problem = "the account's value rules are by " + strings.Join(names, " and ") + "; Google wants the same conditions of all of them"
		}
	}
	return set, others
}

// owns reports whether a resource belongs to this account and is not inherited.
func (c *Client) owns(owner string) bool { return owner == "" || owner == "customers/"+c.customer }

// readValueRule says what the rules make of one list.
func (c *Client) readValueRule(l *resources.UserList, rows []*services.GoogleAdsRow, set ruleSet, others map[string]bool) (valueRule, error) {
	v := valueRule{Entity: platform.Entity{Ref: ref(platform.ValueRule, l.GetId()), Name: l.GetName(), Status: platform.Enabled, ReadOnly: set.problem}}
	name := "customers/" + c.customer + "/userLists/" + v.ID
	var own []*resources.ConversionValueRule
	for _, row := range rows {
		r := row.GetConversionValueRule()
		audience := r.GetAudienceCondition()
		if !slices.Contains(audience.GetUserLists(), name) {
			continue
		}
		geo := r.GetGeoLocationCondition()
		if len(audience.GetUserLists())+len(audience.GetUserInterests()) > 1 || len(r.GetDeviceCondition().GetDeviceTypes()) > 0 ||
			len(geo.GetGeoTargetConstants())+len(geo.GetExcludedGeoTargetConstants()) > 0 || others[r.GetResourceName()] {
			v.ReadOnly = fmt.Sprintf("value rule %d speaks of this list with further conditions, and is left to whoever made it", r.GetId())
			continue
		}
		own = append(own, r)
	}
	multiplier := 1.0
	switch len(own) {
	case 0:
	case 1:
		r := own[0]
		v.rule, v.set = r.GetResourceName(), slices.Contains(set.rules, r.GetResourceName())
		switch {
		case !c.owns(r.GetOwnerCustomer()):
			v.ReadOnly = fmt.Sprintf("value rule %d is kept by the manager account %s", r.GetId(), path.Base(r.GetOwnerCustomer()))
		case r.GetStatus() == enums.ConversionValueRuleStatusEnum_PAUSED:
			v.ReadOnly = fmt.Sprintf("value rule %d is paused", r.GetId())
		case r.GetAction().GetOperation() != enums.ValueRuleOperationEnum_MULTIPLY:
			v.ReadOnly = fmt.Sprintf("value rule %d does not multiply a conversion's value (%s)", r.GetId(), words(r.GetAction().GetOperation().String()))
		case v.set:
			multiplier = r.GetAction().GetValue()
		}
	default:
		v.ReadOnly = fmt.Sprintf("value rules %d and %d both speak of this list alone; remove one of them", own[0].GetId(), own[1].GetId())
	}
	m, err := money.FromFloat(multiplier)
	if err != nil {
		return v, malformed("the value rule of the list " + l.GetName() + ": " + err.Error())
	}
	v.Fields = map[platform.Field]money.Micros{platform.ValueMultiplier: m}
	return v, nil
}

// newCustomerGoal reads what the account adds to a new customer's first order,
// and the resource name of the goal that says so, empty where there is none
// yet. It takes one operation.
func (c *Client) newCustomerGoal(ctx context.Context) (e platform.Entity, goal string, err error) {
	e = platform.Entity{Ref: c.newCustomers(), Name: "New customers", Status: platform.Enabled,
		Fields: map[platform.Field]money.Micros{platform.NewCustomerValue: 0}}
	rows, err := c.rows(ctx, c.customer, goalQuery)
	if err != nil || len(rows) == 0 {
		return e, "", err
	}
	g := rows[0].GetGoal()
	settings := g.GetNewCustomerAcquisitionGoalSettings().GetValueSettings()
	switch _, multiplies := settings.GetValueAdjustment().(*common.CustomerLifecycleOptimizationValueSettings_ValueMultiplier); {
	case len(rows) > 1:
		e.ReadOnly = "the account has more than one goal of winning new customers"
	case !c.owns(g.GetOwnerCustomer()):
		e.ReadOnly = "the goal of winning new customers is kept by the manager account " + path.Base(g.GetOwnerCustomer())
	case multiplies:
		e.ReadOnly = "the goal of winning new customers multiplies their orders' value instead of adding to it"
	}
	v, err := money.FromFloat(settings.GetAdditionalValue())
	if err != nil {
		return e, "", malformed("the new-customer value: " + err.Error())
	}
	e.Fields[platform.NewCustomerValue] = v
	return e, g.GetResourceName(), nil
}

// newCustomers names the account's one goal of winning new customers.
func (c *Client) newCustomers() platform.Ref {
	return platform.Ref{Type: platform.NewCustomerGoal, ID: c.customer}
}

// worthOf reads the value rules of the lists with the ids, of all where ids is
// nil, and the new-customer goal if it is wanted.
func (c *Client) worthOf(ctx context.Context, ids []string, goal bool) ([]platform.Entity, error) {
	var all []platform.Entity
	if ids == nil || len(ids) > 0 {
		rules, _, err := c.valueRules(ctx, ids)
		if err != nil {
			return nil, err
		}
		for _, r := range rules {
			all = append(all, r.Entity)
		}
	}
	if !goal {
		return all, nil
	}
	e, _, err := c.newCustomerGoal(ctx)
	return append(all, e), err
}

// readWorth reads those of refs that say what sales are worth.
func (c *Client) readWorth(ctx context.Context, refs []platform.Ref) ([]platform.Entity, error) {
	ids, goal := []string{}, false
	for _, r := range refs {
		goal = goal || r == c.newCustomers()
		if r.Type == platform.ValueRule && isDigits(r.ID) {
			ids = append(ids, r.ID)
		}
	}
	return c.worthOf(ctx, ids, goal)
}

// changeWorth makes one checked change of what sales are worth, in one request
// that takes effect as a whole or not at all.
func (c *Client) changeWorth(ctx context.Context, change platform.Change, validateOnly bool) platform.Result {
	request, n, err := c.worthRequest(ctx, change, validateOnly)
	if err != nil {
		return platform.Result{Err: err}
	}
	var result platform.Result
	_, err = attempt(ctx, &c.core, func(ctx context.Context) (struct{}, error) {
		id, errs, err := c.send(ctx, request, n, !validateOnly)
		result.RequestID = id
		if i := slices.IndexFunc(errs, func(e *platform.Error) bool { return e != nil }); err == nil && i >= 0 {
			err = errs[i]
		}
		return struct{}{}, err
	})
	result.Err = err
	return result
}

// worthRequest reads how things are and writes a change as a request of n
// operations.
func (c *Client) worthRequest(ctx context.Context, change platform.Change, validateOnly bool) (request proto.Message, n int, err error) {
	if change.Entity.Type == platform.NewCustomerGoal {
		if change.Entity != c.newCustomers() {
			return nil, 0, refuse("the goal of winning new customers has the id of its account, "+c.customer, "")
		}
		e, goal, err := c.newCustomerGoal(ctx)
		if err == nil && e.ReadOnly != "" {
			err = refuse(e.ReadOnly, "")
		}
		return goalRequest(c.customer, goal, change.Value, validateOnly), 1, err
	}
	lists, set, err := c.valueRules(ctx, []string{change.Entity.ID})
	switch {
	case err != nil:
		return nil, 0, err
	case len(lists) == 0:
		return nil, 0, refuse("there is no audience list "+change.Entity.ID+" of customers in the account", "")
	case lists[0].ReadOnly != "":
		return nil, 0, refuse(lists[0].ReadOnly, "change it in Google Ads")
	}
	r := &services.MutateGoogleAdsRequest{CustomerId: c.customer, ValidateOnly: validateOnly,
		MutateOperations: ruleOperations(c.customer, lists[0], set, change.Value)}
	return r, len(r.MutateOperations), nil
}

// ruleOperations make the list's conversions count by the multiplier: a rule is
// made or changed and, where it is new there, put into the account's set, which
// is made if there is none.
func ruleOperations(customer string, v valueRule, set ruleSet, multiplier money.Micros) []*services.MutateOperation {
	rule := &resources.ConversionValueRule{ResourceName: v.rule, Action: &resources.ConversionValueRule_ValueRuleAction{Value: multiplier.Float()}}
	op := &services.ConversionValueRuleOperation{UpdateMask: mask("action.value"),
		Operation: &services.ConversionValueRuleOperation_Update{Update: rule}}
	if v.rule == "" {
		rule.ResourceName = "customers/" + customer + "/conversionValueRules/-1" // by which the set names it
		rule.Action.Operation = enums.ValueRuleOperationEnum_MULTIPLY
		rule.AudienceCondition = &resources.ConversionValueRule_ValueRuleAudienceCondition{UserLists: []string{"customers/" + customer + "/userLists/" + v.ID}}
		rule.Status = enums.ConversionValueRuleStatusEnum_ENABLED
		op = &services.ConversionValueRuleOperation{Operation: &services.ConversionValueRuleOperation_Create{Create: rule}}
	}
	ops := []*services.MutateOperation{{Operation: &services.MutateOperation_ConversionValueRuleOperation{ConversionValueRuleOperation: op}}}
	if v.set {
		return ops
	}
	s := &resources.ConversionValueRuleSet{ResourceName: set.name, ConversionValueRules: append(slices.Clone(set.rules), rule.ResourceName)}
	setOp := &services.ConversionValueRuleSetOperation{UpdateMask: mask("conversion_value_rules"),
		Operation: &services.ConversionValueRuleSetOperation_Update{Update: s}}
	if set.name == "" {
		s.Dimensions = []enums.ValueRuleSetDimensionEnum_ValueRuleSetDimension{enums.ValueRuleSetDimensionEnum_AUDIENCE}
		s.AttachmentType = enums.ValueRuleSetAttachmentTypeEnum_CUSTOMER
		setOp = &services.ConversionValueRuleSetOperation{Operation: &services.ConversionValueRuleSetOperation_Create{Create: s}}
	}
	return append(ops, &services.MutateOperation{Operation: &services.MutateOperation_ConversionValueRuleSetOperation{ConversionValueRuleSetOperation: setOp}})
}

// goalRequest sets what is added to a new customer's first order; goal is the
// resource name of the account's goal, empty where it is to be made.
func goalRequest(customer, goal string, value money.Micros, validateOnly bool) *services.MutateGoalsRequest {
	g := &resources.Goal{ResourceName: goal, GoalSettings: &resources.Goal_NewCustomerAcquisitionGoalSettings{
		NewCustomerAcquisitionGoalSettings: &common.GoalSetting_NewCustomerAcquisitionGoal{
			ValueSettings: &common.CustomerLifecycleOptimizationValueSettings{
				ValueAdjustment: &common.CustomerLifecycleOptimizationValueSettings_AdditionalValue{AdditionalValue: value.Float()}}}}}
	op := &services.GoalOperation{Operation: &services.GoalOperation_Create{Create: g}}
	if goal != "" {
		op = &services.GoalOperation{UpdateMask: mask("new_customer_acquisition_goal_settings.value_settings.additional_value"),
			Operation: &services.GoalOperation_Update{Update: g}}
	}
	return &services.MutateGoalsRequest{CustomerId: customer, ValidateOnly: validateOnly, Operations: []*services.GoalOperation{op}}
}
