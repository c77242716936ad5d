package googleads

import (
	"context"
	"slices"

	"github.com/shenzhencenter/google-ads-pb/enums"
	adserrors "github.com/shenzhencenter/google-ads-pb/errors"
	"github.com/shenzhencenter/google-ads-pb/resources"
	"github.com/shenzhencenter/google-ads-pb/services"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"

	"adsteward/internal/money"
)

// maxBudget is the most a daily budget may be, in any currency.
const maxBudget = 1_000_000_000 * money.One

type budgetService struct {
	services.UnimplementedCampaignBudgetServiceServer
	s *Server
}

// MutateCampaignBudgets changes budgets, and creates and removes such as no
// campaign spends from.
func (bs budgetService) MutateCampaignBudgets(ctx context.Context, req *services.MutateCampaignBudgetsRequest) (*services.MutateCampaignBudgetsResponse, error) {
	return mutated(bs.s, ctx, req, req.GetResponseContentType(), req.GetOperations(), func(out []done, partial *rpcstatus.Status) *services.MutateCampaignBudgetsResponse {
		return &services.MutateCampaignBudgetsResponse{PartialFailureError: partial, Results: results[services.MutateCampaignBudgetResult](out)}
	})
}

// planBudget checks an operation on a campaign budget.
func (a *account) planBudget(op operation) (*plan, *adserrors.GoogleAdsError) {
	if op.verb == "create" {
		return a.planBudgetCreate(op)
	}
	id, e := a.s.parseName(op.name, "campaignBudgets")
	if e != nil {
		return nil, op.refused(e, "resource_name")
	}
	if b := a.budgetByID(id); b != nil {
		if op.verb == "remove" {
			return nil, op.refused(newError(adserrors.CampaignBudgetErrorEnum_CAMPAIGN_BUDGET_IN_USE, "A campaign budget that campaigns spend from cannot be removed."), "")
		}
		return a.planBudgetAmount(op, b)
	}
	i := slices.IndexFunc(a.extra, func(b *resources.CampaignBudget) bool { return b.GetId() == id })
	switch {
	case i < 0:
		return nil, op.refused(notFound(op.name), "resource_name")
	case a.extra[i].GetStatus() == enums.BudgetStatusEnum_REMOVED:
		return nil, op.refused(newError(adserrors.CampaignBudgetErrorEnum_CAMPAIGN_BUDGET_REMOVED, "The campaign budget has been removed."), "")
	}
	next := proto.CloneOf(a.extra[i])
	if op.verb == "remove" {
		next.Status = enums.BudgetStatusEnum_REMOVED
	} else if e := a.updateExtra(op, next); e != nil {
		return nil, e
	}
	return &plan{holds: op.name, commit: func() (string, error) {
		a.s.putBudget(next)
		return op.name, nil
	}}, nil
}

// planBudgetAmount checks a new amount for a budget of the market.
func (a *account) planBudgetAmount(op operation, b *budget) (*plan, *adserrors.GoogleAdsError) {
	for _, path := range op.mask {
		if path == "amount_micros" {
			continue
		}
		e := newError(adserrors.MutateErrorEnum_MUTATE_NOT_ALLOWED, "The emulated account does not change the field %s of a campaign budget.", path)
		if !b.proto.GetExplicitlyShared() && path == "name" {
			e = newError(adserrors.CampaignBudgetErrorEnum_CANNOT_MODIFY_FIELD_OF_IMPLICITLY_SHARED_CAMPAIGN_BUDGET, "The name of a budget that is not shared is that of its campaign.")
		}
		return nil, op.refused(e, path)
	}
	amount := op.resource.(*resources.CampaignBudget).AmountMicros
	if e := a.s.checkAmount(amount); e != nil {
		return nil, op.refused(e, "amount_micros")
	}
	key, v := b.users[0].BudgetKey, money.Micros(*amount)
	return &plan{holds: op.name, commit: func() (string, error) {
		return op.name, a.s.opts.Market.SetBudget(key, v, apiUser, apiClient)
	}}, nil
}

// planBudgetCreate checks a new budget, which no campaign spends from.
func (a *account) planBudgetCreate(op operation) (*plan, *adserrors.GoogleAdsError) {
	b := proto.CloneOf(op.resource.(*resources.CampaignBudget))
	if e := a.s.checkAmount(b.AmountMicros); e != nil {
		return nil, op.refused(e, "amount_micros")
	}
	if b.ExplicitlyShared == nil {
		b.ExplicitlyShared = proto.Bool(true)
	}
	switch {
	case b.GetName() == "" && b.GetExplicitlyShared():
		return nil, op.refused(newError(adserrors.FieldErrorEnum_REQUIRED, "The required field was not present."), "name")
	case b.GetExplicitlyShared() && a.budgetNamed(b.GetName()):
		return nil, op.refused(newError(adserrors.CampaignBudgetErrorEnum_DUPLICATE_NAME, "A campaign budget with this name already exists."), "name")
	case b.TotalAmountMicros != nil:
		return nil, op.refused(newError(adserrors.CampaignBudgetErrorEnum_TOTAL_BUDGET_AMOUNT_MUST_BE_UNSET_FOR_BUDGET_PERIOD_DAILY, "The total amount must not be set for a daily budget."), "total_amount_micros")
	case b.GetPeriod() > enums.BudgetPeriodEnum_DAILY:
		return nil, op.refused(newError(adserrors.CampaignBudgetErrorEnum_INVALID_PERIOD, "The emulated account has daily budgets only."), "period")
	}
	b.Status, b.Period, b.Type = enums.BudgetStatusEnum_ENABLED, enums.BudgetPeriodEnum_DAILY, enums.BudgetTypeEnum_STANDARD
	if b.DeliveryMethod == enums.BudgetDeliveryMethodEnum_UNSPECIFIED {
		b.DeliveryMethod = enums.BudgetDeliveryMethodEnum_STANDARD
	}
	b.ReferenceCount = proto.Int64(0)
	return &plan{holds: "campaignBudgets/" + b.GetName(), commit: func() (string, error) {
		b.Id = nil // the account gives it
		a.s.putBudget(b)
		return b.GetResourceName(), nil
	}}, nil
}

// updateExtra applies an update to a budget that no campaign spends from.
func (a *account) updateExtra(op operation, b *resources.CampaignBudget) *adserrors.GoogleAdsError {
	u := op.resource.(*resources.CampaignBudget)
	for _, path := range op.mask {
		switch path {
		case "amount_micros":
			if e := a.s.checkAmount(u.AmountMicros); e != nil {
				return op.refused(e, path)
			}
			b.AmountMicros = u.AmountMicros
		case "name":
			if u.GetName() != b.GetName() && a.budgetNamed(u.GetName()) {
				return op.refused(newError(adserrors.CampaignBudgetErrorEnum_DUPLICATE_NAME, "A campaign budget with this name already exists."), path)
			}
			b.Name = u.Name
		default:
			return op.refused(newError(adserrors.MutateErrorEnum_MUTATE_NOT_ALLOWED, "The emulated account does not change the field %s of a campaign budget.", path), path)
		}
	}
	return nil
}

// budgetNamed reports whether a shared budget that is not removed has the name.
func (a *account) budgetNamed(name string) bool {
	for _, b := range a.budgets {
		if b.proto.GetExplicitlyShared() && b.proto.GetName() == name {
			return true
		}
	}
	return slices.ContainsFunc(a.extra, func(b *resources.CampaignBudget) bool {
		return b.GetExplicitlyShared() && b.GetName() == name && b.GetStatus() != enums.BudgetStatusEnum_REMOVED
	})
}

// checkAmount checks a daily budget: at least the billable unit, which is the
// least a click may cost, and a multiple of it.
func (s *Server) checkAmount(amount *int64) *adserrors.GoogleAdsError {
	unit := s.billableUnit()
	if amount == nil {
		return newError(adserrors.FieldErrorEnum_REQUIRED, "The required field was not present.")
	}
	switch v := money.Micros(*amount); {
	case v < 0:
		return newError(adserrors.CampaignBudgetErrorEnum_NEGATIVE_MONEY_AMOUNT, "The money amount cannot be negative.")
	case v < unit:
		return newError(adserrors.CampaignBudgetErrorEnum_MONEY_AMOUNT_LESS_THAN_CURRENCY_MINIMUM_CPC, "The money amount cannot be less than %d micros, the account's minimum cost per click.", unit)
	case v > maxBudget:
		return newError(adserrors.CampaignBudgetErrorEnum_MONEY_AMOUNT_TOO_LARGE, "The money amount is too large.")
	case v%unit != 0:
		return newError(adserrors.CampaignBudgetErrorEnum_NON_MULTIPLE_OF_MINIMUM_CURRENCY_UNIT, "The money amount %d is not a multiple of the minimum currency unit, %d micros.", v, unit)
	}
	return nil
}
