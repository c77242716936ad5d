package googleads

import (
	"context"
	"math"
	"slices"

	"github.com/shenzhencenter/google-ads-pb/common"
	"github.com/shenzhencenter/google-ads-pb/enums"
	adserrors "github.com/shenzhencenter/google-ads-pb/errors"
	"github.com/shenzhencenter/google-ads-pb/resources"
	"github.com/shenzhencenter/google-ads-pb/services"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
)

type goalService struct {
	services.UnimplementedGoalServiceServer
	s *Server
}

// MutateGoals creates and changes the goal of winning new customers.
func (gs goalService) MutateGoals(ctx context.Context, req *services.MutateGoalsRequest) (*services.MutateGoalsResponse, error) {
	return mutated(gs.s, ctx, req, enums.ResponseContentTypeEnum_RESOURCE_NAME_ONLY, req.GetOperations(), func(out []done, partial *rpcstatus.Status) *services.MutateGoalsResponse {
		return &services.MutateGoalsResponse{PartialFailureError: partial, Results: results[services.MutateGoalResult](out)}
	})
}

const (
	goalCollection = "goals"
	// newCustomerValues is the path of the goal's values in a field mask.
	newCustomerValues = "new_customer_acquisition_goal_settings.value_settings"
)

// planGoal checks an operation on a goal.
func (a *account) planGoal(op operation) (*plan, *adserrors.GoogleAdsError) {
	if op.verb == "create" {
		return a.planGoalCreate(op)
	}
	if _, e := a.s.parseName(op.name, goalCollection); e != nil {
		return nil, op.refused(e, "resource_name")
	}
	i := named(a.worth.goals, op.name)
	if i < 0 {
		return nil, op.refused(notFound(op.name), "resource_name")
	}
	next := proto.CloneOf(a.worth.goals[i])
	values := next.GetNewCustomerAcquisitionGoalSettings().GetValueSettings()
	u := op.resource.(*resources.Goal).GetNewCustomerAcquisitionGoalSettings().GetValueSettings()
	for _, path := range op.mask {
		switch path {
		case newCustomerValues + ".additional_value":
			values.ValueAdjustment = &common.CustomerLifecycleOptimizationValueSettings_AdditionalValue{AdditionalValue: u.GetAdditionalValue()}
		case newCustomerValues + ".additional_high_lifetime_value":
			values.HighLifetimeValueAdjustment = &common.CustomerLifecycleOptimizationValueSettings_AdditionalHighLifetimeValue{
				AdditionalHighLifetimeValue: u.GetAdditionalHighLifetimeValue()}
		default:
			return nil, op.unsupported(path)
		}
	}
	if e := checkGoal(op, next); e != nil {
		return nil, e
	}
	return &plan{holds: op.name, commit: func() (string, error) {
		a.s.opts.ValueRules.change(func(s *worthState, _ func() int64) { s.goals = put(s.goals, next) })
		return op.name, nil
	}}, nil
}

func (a *account) planGoalCreate(op operation) (*plan, *adserrors.GoogleAdsError) {
	g := proto.CloneOf(op.resource.(*resources.Goal))
	exists := slices.ContainsFunc(a.worth.goals, func(g *resources.Goal) bool {
		return g.GetGoalType() == enums.GoalTypeEnum_NEW_CUSTOMER_ACQUISITION
	})
	switch {
	case g.GetNewCustomerAcquisitionGoalSettings() == nil:
		return nil, op.refused(newError(adserrors.FieldErrorEnum_REQUIRED, "The emulated account knows the goal of winning new customers only."), "new_customer_acquisition_goal_settings")
	case exists:
		return nil, op.refused(newError(adserrors.GoalErrorEnum_NEW_CUSTOMER_ACQUISITION_GOAL_ALREADY_EXISTS, "New customer acquisition goal already exists."), "")
	}
	if g.GetNewCustomerAcquisitionGoalSettings().GetValueSettings() == nil {
		g.GetNewCustomerAcquisitionGoalSettings().ValueSettings = &common.CustomerLifecycleOptimizationValueSettings{}
	}
	if e := checkGoal(op, g); e != nil {
		return nil, e
	}
	g.GoalType, g.OptimizationEligibility = enums.GoalTypeEnum_NEW_CUSTOMER_ACQUISITION, enums.GoalOptimizationEligibilityEnum_ELIGIBLE
	g.OwnerCustomer = proto.String(a.s.customerName())
	return &plan{holds: a.s.customerName() + "/" + goalCollection, commit: func() (string, error) {
		a.s.opts.ValueRules.change(func(s *worthState, id func() int64) {
			g.GoalId = proto.Int64(id())
			g.ResourceName = a.s.resourceName(goalCollection, g.GetGoalId())
			s.goals = append(s.goals, g)
		})
		return g.GetResourceName(), nil
	}}, nil
}

// checkGoal checks the values of a goal as they would be.
func checkGoal(op operation, g *resources.Goal) *adserrors.GoogleAdsError {
	v := g.GetNewCustomerAcquisitionGoalSettings().GetValueSettings()
	_, high := v.GetHighLifetimeValueAdjustment().(*common.CustomerLifecycleOptimizationValueSettings_AdditionalHighLifetimeValue)
	switch value := v.GetAdditionalValue(); {
	case !(value >= 0) || math.IsInf(value, 0):
		return op.refused(newError(adserrors.RangeErrorEnum_TOO_LOW, "The additional value must be at least 0."), newCustomerValues+".additional_value")
	case high && v.GetValueAdjustment() == nil:
		return op.refused(newError(adserrors.GoalErrorEnum_HIGH_LIFETIME_VALUE_PRESENT_BUT_VALUE_ABSENT, "When high lifetime value is present, value should be present."), newCustomerValues)
	case high && v.GetAdditionalHighLifetimeValue() <= value:
		return op.refused(newError(adserrors.GoalErrorEnum_HIGH_LIFETIME_VALUE_LESS_THAN_OR_EQUAL_TO_VALUE, "High lifetime value should be greater than value."), newCustomerValues)
	}
	return nil
}
