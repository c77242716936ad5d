package googleads

import (
	"context"

	"github.com/shenzhencenter/google-ads-pb/common"
	adserrors "github.com/shenzhencenter/google-ads-pb/errors"
	"github.com/shenzhencenter/google-ads-pb/resources"
	"github.com/shenzhencenter/google-ads-pb/services"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"

	"adsteward/internal/money"
	"adsteward/internal/sandbox/market"
)

const (
	// The range of a target ROAS, as a ratio.
	minTargetROAS = 0.01
	maxTargetROAS = 1000
	// maxBid is the most a click may be bid, in any currency.
	maxBid = 10_000_000 * money.One
)

// The two ways a campaign's target ROAS is named.
const (
	maximizeValueTarget = "maximize_conversion_value.target_roas"
	standardTarget      = "target_roas.target_roas"
)

type campaignService struct {
	services.UnimplementedCampaignServiceServer
	s *Server
}

// MutateCampaigns changes the target ROAS of campaigns.
func (cs campaignService) MutateCampaigns(ctx context.Context, req *services.MutateCampaignsRequest) (*services.MutateCampaignsResponse, error) {
	return mutated(cs.s, ctx, req, req.GetResponseContentType(), req.GetOperations(), func(out []done, partial *rpcstatus.Status) *services.MutateCampaignsResponse {
		return &services.MutateCampaignsResponse{PartialFailureError: partial, Results: results[services.MutateCampaignResult](out)}
	})
}

type strategyService struct {
	services.UnimplementedBiddingStrategyServiceServer
	s *Server
}

// MutateBiddingStrategies changes the target ROAS of portfolio strategies.
func (bs strategyService) MutateBiddingStrategies(ctx context.Context, req *services.MutateBiddingStrategiesRequest) (*services.MutateBiddingStrategiesResponse, error) {
	return mutated(bs.s, ctx, req, req.GetResponseContentType(), req.GetOperations(), func(out []done, partial *rpcstatus.Status) *services.MutateBiddingStrategiesResponse {
		return &services.MutateBiddingStrategiesResponse{PartialFailureError: partial, Results: results[services.MutateBiddingStrategyResult](out)}
	})
}

type adGroupService struct {
	services.UnimplementedAdGroupServiceServer
	s *Server
}

// MutateAdGroups changes the bid of ad groups under manual CPC.
func (as adGroupService) MutateAdGroups(ctx context.Context, req *services.MutateAdGroupsRequest) (*services.MutateAdGroupsResponse, error) {
	return mutated(as.s, ctx, req, req.GetResponseContentType(), req.GetOperations(), func(out []done, partial *rpcstatus.Status) *services.MutateAdGroupsResponse {
		return &services.MutateAdGroupsResponse{PartialFailureError: partial, Results: results[services.MutateAdGroupResult](out)}
	})
}

// notPermitted refuses what the market has no way to do: it has the campaigns
// of its scenario, no more and no fewer. It returns nil for an update.
func (op operation) notPermitted() *adserrors.GoogleAdsError {
	switch op.verb {
	case "create":
		return op.refused(newError(adserrors.OperationAccessDeniedErrorEnum_CREATE_OPERATION_NOT_PERMITTED, "The emulated account does not create this resource."), "")
	case "remove":
		return op.refused(newError(adserrors.OperationAccessDeniedErrorEnum_REMOVE_OPERATION_NOT_PERMITTED, "The emulated account does not remove this resource."), "")
	}
	return nil
}

func (op operation) unsupported(path string) *adserrors.GoogleAdsError {
	return op.refused(newError(adserrors.MutateErrorEnum_MUTATE_NOT_ALLOWED, "The emulated account does not change the field %s.", path), path)
}

// planCampaign checks an operation on a campaign.
func (a *account) planCampaign(op operation) (*plan, *adserrors.GoogleAdsError) {
	if e := op.notPermitted(); e != nil {
		return nil, e
	}
	id, e := a.s.parseName(op.name, "campaigns")
	if e != nil {
		return nil, op.refused(e, "resource_name")
	}
	c, ok := a.campaignByID(id)
	if !ok {
		return nil, op.refused(notFound(op.name), "resource_name")
	}
	path, u := "", op.resource.(*resources.Campaign)
	for _, path = range op.mask {
		if path != maximizeValueTarget && path != standardTarget {
			return nil, op.unsupported(path)
		}
	}
	target, ok := u.GetMaximizeConversionValue().GetTargetRoas(), true // unset or 0 takes the target away
	if path == standardTarget {
		target, ok = targetOf(u.GetTargetRoas())
	}
	if !ok {
		return nil, op.refused(newError(adserrors.FieldErrorEnum_REQUIRED, "The required field was not present."), path)
	}
	if e := a.checkBiddingOf(c); e != nil {
		return nil, op.refused(e, path)
	}
	v, e := checkTarget(target, path == maximizeValueTarget)
	if e != nil {
		return nil, op.refused(e, path)
	}
	return &plan{holds: op.name, commit: func() (string, error) {
		if err := a.s.opts.Market.SetTargetROAS(c.TargetKey, v, apiUser, apiClient); err != nil {
			return "", err
		}
		a.s.setStandard(c, path == standardTarget)
		return op.name, nil
	}}, nil
}

// checkBiddingOf refuses a target on a campaign whose bidding has none of its own.
func (a *account) checkBiddingOf(c market.Campaign) *adserrors.GoogleAdsError {
	switch {
	case c.TargetKey != c.ID:
		return newError(adserrors.BiddingErrorEnum_BIDDING_STRATEGY_TRANSITION_NOT_ALLOWED,
			"The campaign bids under the portfolio strategy %s; change the target there.", a.targets[c.TargetKey].proto.GetResourceName())
	case c.Bidding == "manual_cpc":
		return newError(adserrors.BiddingErrorEnum_BIDDING_STRATEGY_TRANSITION_NOT_ALLOWED, "The campaign bids by manual CPC; the emulated account does not change the bidding strategy.")
	}
	return nil
}

// targetOf returns the target of a standard or portfolio strategy, if set.
func targetOf(t *common.TargetRoas) (float64, bool) {
	if t == nil || t.TargetRoas == nil {
		return 0, false
	}
	return t.GetTargetRoas(), true
}

// checkTarget checks a target ROAS; 0 is none where that is allowed.
func checkTarget(target float64, none bool) (money.Micros, *adserrors.GoogleAdsError) {
	if target == 0 && none {
		return 0, nil
	}
	v, err := money.FromFloat(target)
	switch {
	case target < minTargetROAS:
		return 0, newError(adserrors.RangeErrorEnum_TOO_LOW, "Target ROAS must be at least %g.", minTargetROAS)
	case target > maxTargetROAS:
		return 0, newError(adserrors.RangeErrorEnum_TOO_HIGH, "Target ROAS must be at most %d.", maxTargetROAS)
	case err != nil:
		return 0, newError(adserrors.FieldErrorEnum_INVALID_VALUE, "Target ROAS is not a number.")
	}
	return v, nil
}

// planStrategy checks an operation on a portfolio strategy.
func (a *account) planStrategy(op operation) (*plan, *adserrors.GoogleAdsError) {
	if op.verb == "create" {
		return nil, op.notPermitted()
	}
	id, e := a.s.parseName(op.name, "biddingStrategies")
	if e != nil {
		return nil, op.refused(e, "resource_name")
	}
	st := a.strategyByID(id)
	switch {
	case st == nil:
		return nil, op.refused(notFound(op.name), "resource_name")
	case op.verb == "remove":
		return nil, op.refused(newError(adserrors.BiddingStrategyErrorEnum_CANNOT_REMOVE_ASSOCIATED_STRATEGY, "Campaigns bid under the strategy."), "")
	}
	target, ok := targetOf(op.resource.(*resources.BiddingStrategy).GetTargetRoas())
	for _, path := range op.mask {
		switch {
		case path == maximizeValueTarget:
			return nil, op.refused(newError(adserrors.BiddingStrategyErrorEnum_CANNOT_CHANGE_BIDDING_STRATEGY_TYPE, "The type of the strategy is TARGET_ROAS."), path)
		case path != standardTarget:
			return nil, op.unsupported(path)
		case !ok:
			return nil, op.refused(newError(adserrors.FieldErrorEnum_REQUIRED, "The required field was not present."), path)
		}
	}
	v, e := checkTarget(target, false)
	if e != nil {
		return nil, op.refused(e, standardTarget)
	}
	key := st.users[0].TargetKey
	return &plan{holds: op.name, commit: func() (string, error) {
		return op.name, a.s.opts.Market.SetTargetROAS(key, v, apiUser, apiClient)
	}}, nil
}

// planAdGroup checks an operation on an ad group.
func (a *account) planAdGroup(op operation) (*plan, *adserrors.GoogleAdsError) {
	if e := op.notPermitted(); e != nil {
		return nil, e
	}
	id, e := a.s.parseName(op.name, "adGroups")
	if e != nil {
		return nil, op.refused(e, "resource_name")
	}
	c, g, ok := a.adGroupByID(id)
	if !ok {
		return nil, op.refused(notFound(op.name), "resource_name")
	}
	for _, path := range op.mask {
		if path != "cpc_bid_micros" {
			return nil, op.unsupported(path)
		}
	}
	bid, unit := money.Micros(op.resource.(*resources.AdGroup).GetCpcBidMicros()), a.s.billableUnit()
	switch {
	case c.Bidding != "manual_cpc":
		e = newError(adserrors.AdGroupErrorEnum_BID_TYPE_AND_BIDDING_STRATEGY_MISMATCH, "The campaign of the ad group does not bid by manual CPC.")
	case bid < unit:
		e = newError(adserrors.BiddingErrorEnum_BID_TOO_SMALL, "The bid must be at least %d micros.", unit)
	case bid > maxBid:
		e = newError(adserrors.BiddingErrorEnum_BID_TOO_BIG, "The bid must be at most %d micros.", maxBid)
	case bid%unit != 0:
		e = newError(adserrors.CurrencyErrorEnum_VALUE_NOT_MULTIPLE_OF_BILLABLE_UNIT, "The bid %d is not a multiple of the billable unit, %d micros.", bid, unit)
	}
	if e != nil {
		return nil, op.refused(e, "cpc_bid_micros")
	}
	return &plan{holds: op.name, commit: func() (string, error) {
		return op.name, a.s.opts.Market.SetBid(c.Groups[g].Key, bid, apiUser, apiClient)
	}}, nil
}
