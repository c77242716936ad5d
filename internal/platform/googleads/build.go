package googleads

import (
	"github.com/shenzhencenter/google-ads-pb/common"
	"github.com/shenzhencenter/google-ads-pb/resources"
	"github.com/shenzhencenter/google-ads-pb/services"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"adsteward/internal/platform"
)

// changesPerRequest bounds a mutate request. The API takes more, but one that
// gets no answer leaves every change of it unknown.
const changesPerRequest = 100

// bidding is the kind of strategy, of a campaign or a portfolio, that holds a
// target ROAS. Naming the wrong one in an update would switch the strategy, so
// it is looked up before every change.
type bidding string

const (
	maximizeValue bidding = "maximize_conversion_value" // the target is optional
	targetROAS    bidding = "target_roas"
)

// check refuses what cannot be written as a request. What values are allowed is
// for the platform to say.
func check(c platform.Change) *platform.Error {
	switch {
	case fieldOf(c.Entity.Type) == "":
		return refuse("Google Ads has no entity of the type "+string(c.Entity.Type), "")
	case fieldOf(c.Entity.Type) != c.Field:
		return refuse("a "+string(c.Entity.Type)+" has no "+string(c.Field)+" that could be set",
			"change the entity that owns the value: the budget, the portfolio strategy or the ad group")
	case !isDigits(c.Entity.ID):
		return refuse("the id "+c.Entity.ID+" is not one of Google Ads", "")
	case c.Value < 0 && c.Field == platform.NewCustomerValue:
		return refuse("what is added to an order must not be below 0", "")
	case c.Value <= 0 && c.Field != platform.NewCustomerValue:
		return refuse("the value must be above 0", "")
	case c.Field == platform.ValueMultiplier && (c.Value < minMultiplier || c.Value > maxMultiplier):
		return refuse("a value rule multiplies by "+minMultiplier.Decimal()+" to "+maxMultiplier.Decimal()+", not by "+c.Value.Decimal(), "")
	}
	return nil
}

// fieldOf is the one field that can be changed on an entity of the type.
func fieldOf(t platform.EntityType) platform.Field {
	switch t {
	case platform.Budget:
		return platform.DailyBudget
	case platform.Campaign, platform.Portfolio:
		return platform.TargetROAS
	case platform.AdGroup:
		return platform.CPCBid
	case platform.ValueRule:
		return platform.ValueMultiplier
	case platform.NewCustomerGoal:
		return platform.NewCustomerValue
	}
	return ""
}

func refuse(message, remedy string) *platform.Error {
	return &platform.Error{Platform: platform.Google, Kind: platform.Rejected, Code: "NOT_SENT", Message: message, Remedy: remedy}
}

// mutateRequest writes checked changes of entities of one type as one request
// in which items succeed and fail apart. strategies has the bidding of every
// entity whose target changes.
func mutateRequest(customer string, t platform.EntityType, changes []platform.Change, strategies map[platform.Ref]bidding, validateOnly bool) proto.Message {
	switch t {
	case platform.Budget:
		r := &services.MutateCampaignBudgetsRequest{CustomerId: customer, PartialFailure: true, ValidateOnly: validateOnly}
		for _, c := range changes {
			r.Operations = append(r.Operations, &services.CampaignBudgetOperation{
				UpdateMask: mask("amount_micros"),
				Operation: &services.CampaignBudgetOperation_Update{Update: &resources.CampaignBudget{
					ResourceName: resourceName(customer, c.Entity),
					AmountMicros: proto.Int64(int64(c.Value)),
				}},
			})
		}
		return r
	case platform.Campaign:
		r := &services.MutateCampaignsRequest{CustomerId: customer, PartialFailure: true, ValidateOnly: validateOnly}
		for _, c := range changes {
			update := &resources.Campaign{ResourceName: resourceName(customer, c.Entity)}
			strategy := strategies[c.Entity]
			if strategy == targetROAS {
				update.CampaignBiddingStrategy = &resources.Campaign_TargetRoas{TargetRoas: &common.TargetRoas{TargetRoas: proto.Float64(c.Value.Float())}}
			} else {
				update.CampaignBiddingStrategy = &resources.Campaign_MaximizeConversionValue{
					MaximizeConversionValue: &common.MaximizeConversionValue{TargetRoas: c.Value.Float()}}
			}
			r.Operations = append(r.Operations, &services.CampaignOperation{
				UpdateMask: mask(string(strategy) + ".target_roas"),
				Operation:  &services.CampaignOperation_Update{Update: update},
			})
		}
		return r
	case platform.Portfolio:
		r := &services.MutateBiddingStrategiesRequest{CustomerId: customer, PartialFailure: true, ValidateOnly: validateOnly}
		for _, c := range changes {
			update := &resources.BiddingStrategy{ResourceName: resourceName(customer, c.Entity)}
			strategy := strategies[c.Entity]
			if strategy == targetROAS {
				update.Scheme = &resources.BiddingStrategy_TargetRoas{TargetRoas: &common.TargetRoas{TargetRoas: proto.Float64(c.Value.Float())}}
			} else {
				update.Scheme = &resources.BiddingStrategy_MaximizeConversionValue{
					MaximizeConversionValue: &common.MaximizeConversionValue{TargetRoas: c.Value.Float()}}
			}
			r.Operations = append(r.Operations, &services.BiddingStrategyOperation{
				UpdateMask: mask(string(strategy) + ".target_roas"),
				Operation:  &services.BiddingStrategyOperation_Update{Update: update},
			})
		}
		return r
	case platform.AdGroup:
		r := &services.MutateAdGroupsRequest{CustomerId: customer, PartialFailure: true, ValidateOnly: validateOnly}
		for _, c := range changes {
			r.Operations = append(r.Operations, &services.AdGroupOperation{
				UpdateMask: mask("cpc_bid_micros"),
				Operation: &services.AdGroupOperation_Update{Update: &resources.AdGroup{
					ResourceName: resourceName(customer, c.Entity),
					CpcBidMicros: proto.Int64(int64(c.Value)),
				}},
			})
		}
		return r
	}
	return nil // check lets no other type through
}

func resourceName(customer string, r platform.Ref) string {
	return "customers/" + customer + "/" + names[r.Type].collection + "/" + r.ID
}

func mask(path string) *fieldmaskpb.FieldMask { return &fieldmaskpb.FieldMask{Paths: []string{path}} }
