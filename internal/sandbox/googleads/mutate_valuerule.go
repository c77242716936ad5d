package googleads

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/shenzhencenter/google-ads-pb/enums"
	adserrors "github.com/shenzhencenter/google-ads-pb/errors"
	"github.com/shenzhencenter/google-ads-pb/resources"
	"github.com/shenzhencenter/google-ads-pb/services"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
)

// Multipliers of a value rule lie between these.
const (
	minMultiplier = 0.5
	maxMultiplier = 10
)

type valueRuleService struct {
	services.UnimplementedConversionValueRuleServiceServer
	s *Server
}

// MutateConversionValueRules creates, changes and removes value rules.
func (vs valueRuleService) MutateConversionValueRules(ctx context.Context, req *services.MutateConversionValueRulesRequest) (*services.MutateConversionValueRulesResponse, error) {
	return mutated(vs.s, ctx, req, req.GetResponseContentType(), req.GetOperations(), func(out []done, partial *rpcstatus.Status) *services.MutateConversionValueRulesResponse {
		return &services.MutateConversionValueRulesResponse{PartialFailureError: partial, Results: results[services.MutateConversionValueRuleResult](out)}
	})
}

type valueRuleSetService struct {
	services.UnimplementedConversionValueRuleSetServiceServer
	s *Server
}

// MutateConversionValueRuleSets creates, changes and removes sets of value rules.
func (vs valueRuleSetService) MutateConversionValueRuleSets(ctx context.Context, req *services.MutateConversionValueRuleSetsRequest) (*services.MutateConversionValueRuleSetsResponse, error) {
	return mutated(vs.s, ctx, req, req.GetResponseContentType(), req.GetOperations(), func(out []done, partial *rpcstatus.Status) *services.MutateConversionValueRuleSetsResponse {
		return &services.MutateConversionValueRuleSetsResponse{PartialFailureError: partial, Results: results[services.MutateConversionValueRuleSetResult](out)}
	})
}

const (
	ruleCollection    = "conversionValueRules"
	ruleSetCollection = "conversionValueRuleSets"
)

// planValueRule checks an operation on a value rule.
func (a *account) planValueRule(op operation) (*plan, *adserrors.GoogleAdsError) {
	if op.verb == "create" {
		return a.planValueRuleCreate(op)
	}
	if _, e := a.s.parseName(op.name, ruleCollection); e != nil {
		return nil, op.refused(e, "resource_name")
	}
	i := named(a.worth.rules, op.name)
	if i < 0 {
		return nil, op.refused(notFound(op.name), "resource_name")
	}
	if op.verb == "remove" {
		if a.inSet(op.name) {
			return nil, op.refused(newError(adserrors.ConversionValueRuleErrorEnum_CANNOT_REMOVE_IF_INCLUDED_IN_VALUE_RULE_SET,
				"The value rule cannot be removed because it's still included in some value rule set."), "")
		}
		return &plan{holds: op.name, commit: func() (string, error) {
			a.s.opts.ValueRules.change(func(s *worthState, _ func() int64) { s.rules = without(s.rules, op.name) })
			return op.name, nil
		}}, nil
	}
	next := proto.CloneOf(a.worth.rules[i])
	u := op.resource.(*resources.ConversionValueRule)
	for _, path := range op.mask {
		switch path {
		case "action.value":
			next.Action.Value = u.GetAction().GetValue()
		case "action.operation":
			next.Action.Operation = u.GetAction().GetOperation()
		case "status":
			next.Status = u.GetStatus()
		default:
			return nil, op.unsupported(path)
		}
	}
	if e := a.checkValueRule(op, next); e != nil {
		return nil, e
	}
	return &plan{holds: op.name, commit: func() (string, error) {
		a.s.opts.ValueRules.change(func(s *worthState, _ func() int64) { s.rules = put(s.rules, next) })
		return op.name, nil
	}}, nil
}

func (a *account) inSet(rule string) bool {
	return slices.ContainsFunc(a.worth.sets, func(s *resources.ConversionValueRuleSet) bool {
		return slices.Contains(s.GetConversionValueRules(), rule)
	})
}

// planValueRuleCreate checks a new rule. A negative id in its name is the name
// by which later operations of the request know it.
func (a *account) planValueRuleCreate(op operation) (*plan, *adserrors.GoogleAdsError) {
	r := proto.CloneOf(op.resource.(*resources.ConversionValueRule))
	temporary := r.GetResourceName()
	if temporary != "" && !a.s.isTemporary(temporary, ruleCollection) {
		return nil, op.refused(newError(adserrors.RequestErrorEnum_RESOURCE_NAME_MALFORMED, "Resource name '%s' is malformed: a new resource has none, or a negative id.", temporary), "resource_name")
	}
	if r.GetStatus() == enums.ConversionValueRuleStatusEnum_UNSPECIFIED {
		r.Status = enums.ConversionValueRuleStatusEnum_ENABLED
	}
	if e := a.checkValueRule(op, r); e != nil {
		return nil, e
	}
	if temporary != "" {
		if a.made[temporary] != nil {
			return nil, op.refused(newError(adserrors.MutateErrorEnum_ID_EXISTS_IN_MULTIPLE_MUTATES, "Two new resources have the name %s.", temporary), "resource_name")
		}
		a.made[temporary] = r
	}
	return &plan{commit: func() (string, error) {
		a.s.opts.ValueRules.change(func(s *worthState, id func() int64) {
			r.Id = id()
			r.ResourceName, r.OwnerCustomer = a.s.resourceName(ruleCollection, r.Id), a.s.customerName()
			s.rules = append(s.rules, r)
		})
		return r.GetResourceName(), nil
	}}, nil
}

// isTemporary reports whether a name is that of a resource yet to be made.
func (s *Server) isTemporary(name, collection string) bool {
	rest, ok := strings.CutPrefix(name, s.customerName()+"/"+collection+"/")
	id, err := strconv.ParseInt(rest, 10, 64)
	return ok && err == nil && id < 0
}

// checkValueRule checks a rule as it would be.
func (a *account) checkValueRule(op operation, r *resources.ConversionValueRule) *adserrors.GoogleAdsError {
	v := r.GetAction().GetValue()
	multiplies := r.GetAction().GetOperation() == enums.ValueRuleOperationEnum_MULTIPLY
	switch {
	case r.GetAction().GetOperation() <= enums.ValueRuleOperationEnum_UNKNOWN:
		return op.refused(newError(adserrors.FieldErrorEnum_REQUIRED, "The required field was not present."), "action.operation")
	case !(v > 0), multiplies && v < minMultiplier:
		return op.refused(newError(adserrors.RangeErrorEnum_TOO_LOW, "Too low: a multiplier is at least %g.", minMultiplier), "action.value")
	case multiplies && v > maxMultiplier:
		return op.refused(newError(adserrors.RangeErrorEnum_TOO_HIGH, "Too high: a multiplier is at most %d.", maxMultiplier), "action.value")
	case r.GetStatus() == enums.ConversionValueRuleStatusEnum_REMOVED:
		return op.refused(newError(adserrors.ConversionValueRuleErrorEnum_CANNOT_ADD_RULE_WITH_STATUS_REMOVED, "The status of a value rule cannot be set to REMOVED; remove it."), "status")
	case len(conditionsOf(r)) == 0:
		return op.refused(newError(adserrors.FieldErrorEnum_REQUIRED, "The required field was not present: a value rule needs a condition."), "audience_condition")
	}
	for _, list := range r.GetAudienceCondition().GetUserLists() {
		id, e := a.s.parseName(list, "userLists")
		if _, ok := a.s.opts.Lists.Get(id); e != nil || !ok {
			return op.refused(newError(adserrors.ConversionValueRuleErrorEnum_INVALID_AUDIENCE_USER_LIST, "The audience condition contains an invalid user list: %s.", list), "audience_condition.user_lists")
		}
	}
	return nil
}

// conditionsOf are the dimensions a rule has conditions on.
func conditionsOf(r *resources.ConversionValueRule) []enums.ValueRuleSetDimensionEnum_ValueRuleSetDimension {
	var out []enums.ValueRuleSetDimensionEnum_ValueRuleSetDimension
	if r.GetGeoLocationCondition() != nil {
		out = append(out, enums.ValueRuleSetDimensionEnum_GEO_LOCATION)
	}
	if len(r.GetDeviceCondition().GetDeviceTypes()) > 0 {
		out = append(out, enums.ValueRuleSetDimensionEnum_DEVICE)
	}
	if c := r.GetAudienceCondition(); len(c.GetUserLists())+len(c.GetUserInterests()) > 0 {
		out = append(out, enums.ValueRuleSetDimensionEnum_AUDIENCE)
	}
	if r.GetItineraryCondition() != nil {
		out = append(out, enums.ValueRuleSetDimensionEnum_ITINERARY)
	}
	return out
}

// planValueRuleSet checks an operation on a set of value rules.
func (a *account) planValueRuleSet(op operation) (*plan, *adserrors.GoogleAdsError) {
	next := &resources.ConversionValueRuleSet{}
	if op.verb == "create" {
		next = proto.CloneOf(op.resource.(*resources.ConversionValueRuleSet))
	} else {
		if _, e := a.s.parseName(op.name, ruleSetCollection); e != nil {
			return nil, op.refused(e, "resource_name")
		}
		i := named(a.worth.sets, op.name)
		if i < 0 {
			return nil, op.refused(notFound(op.name), "resource_name")
		}
		next = proto.CloneOf(a.worth.sets[i])
	}
	switch op.verb {
	case "remove":
		return &plan{holds: op.name, commit: func() (string, error) {
			a.s.opts.ValueRules.change(func(s *worthState, _ func() int64) { s.sets = without(s.sets, op.name) })
			return op.name, nil
		}}, nil
	case "update":
		if e := updateRuleSet(op, next); e != nil {
			return nil, e
		}
	}
	if e := a.checkRuleSet(op, next); e != nil {
		return nil, e
	}
	return &plan{holds: a.s.customerName() + "/" + ruleSetCollection, commit: func() (string, error) {
		for i, name := range next.ConversionValueRules {
			if r := a.made[name]; r != nil { // made by the same request
				next.ConversionValueRules[i] = r.GetResourceName()
			}
		}
		a.s.opts.ValueRules.change(func(s *worthState, id func() int64) {
			if op.verb == "create" {
				next.Id = id()
				next.ResourceName, next.OwnerCustomer = a.s.resourceName(ruleSetCollection, next.Id), a.s.customerName()
				next.Status = enums.ConversionValueRuleSetStatusEnum_ENABLED
			}
			s.sets = put(s.sets, next)
		})
		return next.GetResourceName(), nil
	}}, nil
}

func updateRuleSet(op operation, next *resources.ConversionValueRuleSet) *adserrors.GoogleAdsError {
	u := op.resource.(*resources.ConversionValueRuleSet)
	for _, path := range op.mask {
		switch path {
		case "conversion_value_rules":
			next.ConversionValueRules = slices.Clone(u.GetConversionValueRules())
		case "dimensions":
			if n := len(next.Dimensions); len(u.GetDimensions()) < n || !slices.Equal(u.GetDimensions()[:n], next.Dimensions) {
				return op.refused(newError(adserrors.ConversionValueRuleSetErrorEnum_DIMENSIONS_UPDATE_ONLY_ALLOW_APPEND, "Dimensions can only be appended to."), path)
			}
			next.Dimensions = slices.Clone(u.GetDimensions())
		default:
			return op.unsupported(path)
		}
	}
	return nil
}

// checkRuleSet checks a set as it would be.
func (a *account) checkRuleSet(op operation, set *resources.ConversionValueRuleSet) *adserrors.GoogleAdsError {
	dims := set.GetDimensions()
	taken := slices.ContainsFunc(a.worth.sets, func(s *resources.ConversionValueRuleSet) bool {
		return s.GetResourceName() != set.GetResourceName() && slices.Equal(s.GetConversionActionCategories(), set.GetConversionActionCategories())
	})
	switch {
	case set.GetAttachmentType() != enums.ValueRuleSetAttachmentTypeEnum_CUSTOMER:
		return op.refused(newError(adserrors.FieldErrorEnum_INVALID_VALUE, "The emulated account attaches value rule sets to the customer only."), "attachment_type")
	case op.verb == "create" && taken:
		return op.refused(newError(adserrors.MutateErrorEnum_MUTATE_NOT_ALLOWED, "The emulated account has one value rule set."), "")
	case len(dims) == 0:
		return op.refused(newError(adserrors.FieldErrorEnum_REQUIRED, "The required field was not present."), "dimensions")
	case len(slices.Compact(slices.Sorted(slices.Values(dims)))) < len(dims):
		return op.refused(newError(adserrors.ConversionValueRuleSetErrorEnum_DUPLICATE_DIMENSIONS, "The dimensions contain duplicate elements."), "dimensions")
	case len(set.GetConversionValueRules()) == 0:
		return op.refused(newError(adserrors.FieldErrorEnum_REQUIRED, "The required field was not present."), "conversion_value_rules")
	}
	conditions := map[string]bool{}
	for _, name := range set.GetConversionValueRules() {
		r := a.made[name]
		if i := named(a.worth.rules, name); i >= 0 {
			r = a.worth.rules[i]
		}
		if r == nil {
			return op.refused(newError(adserrors.ConversionValueRuleSetErrorEnum_INVALID_VALUE_RULE, "There is no value rule %s.", name), "conversion_value_rules")
		}
		for _, d := range conditionsOf(r) {
			if !slices.Contains(dims, d) {
				return op.refused(newError(adserrors.ConversionValueRuleSetErrorEnum_CONDITION_TYPE_NOT_ALLOWED, "The dimensions do not have %s, on which rule %s has a condition.", d, name), "conversion_value_rules")
			}
		}
		key := fmt.Sprint(r.GetGeoLocationCondition(), "|", r.GetDeviceCondition(), "|", r.GetAudienceCondition(), "|", r.GetItineraryCondition())
		if conditions[key] {
			return op.refused(newError(adserrors.ConversionValueRuleSetErrorEnum_CONFLICTING_VALUE_RULE_CONDITIONS, "Two value rules in this set have the same conditions."), "conversion_value_rules")
		}
		conditions[key] = true
	}
	return nil
}
