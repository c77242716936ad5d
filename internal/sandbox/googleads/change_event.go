package googleads

import (
	"fmt"

	"github.com/shenzhencenter/google-ads-pb/common"
	"github.com/shenzhencenter/google-ads-pb/enums"
	adserrors "github.com/shenzhencenter/google-ads-pb/errors"
	"github.com/shenzhencenter/google-ads-pb/resources"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/internal/sandbox/market"
)

const (
	changeEventDays  = 30     // how far back change_event reaches
	changeEventLimit = 10_000 // the largest LIMIT it takes
)

// checkChangeEventQuery enforces what a query of change_event needs: a limit and
// a closed range of change_date_time that begins within the last 30 days.
func checkChangeEventQuery(q *query, today civil.Date) error {
	switch {
	case q.limit == 0:
		return refuse(adserrors.ChangeEventErrorEnum_LIMIT_NOT_SPECIFIED, "The LIMIT clause is required for queries of change_event.")
	case q.limit > changeEventLimit:
		return refuse(adserrors.ChangeEventErrorEnum_INVALID_LIMIT_CLAUSE, "The LIMIT clause must be at most %d for queries of change_event.", changeEventLimit)
	}
	lo, hi := q.bounds(func(f *field) bool { return f.path == "change_event.change_date_time" })
	switch {
	case lo == nil || hi == nil:
		return refuse(adserrors.ChangeEventErrorEnum_CHANGE_DATE_RANGE_INFINITE, "The range of change_event.change_date_time must have a start and an end.")
	case *lo > *hi:
		return refuse(adserrors.ChangeEventErrorEnum_CHANGE_DATE_RANGE_NEGATIVE, "The range of change_event.change_date_time ends before it starts.")
	case *lo < today.AddDays(-changeEventDays):
		return refuse(adserrors.ChangeEventErrorEnum_START_DATE_TOO_OLD, "The start of change_event.change_date_time must be within the past %d days.", changeEventDays)
	}
	return nil
}

// changeEntities lists the account's changes, oldest first. Like the real
// service it has no kind of event for portfolio strategies.
func (a *account) changeEntities() []entity {
	var out []entity
	for i, e := range a.changes() {
		c, ok := a.byIndex[e.Campaign]
		if !ok || e.Field == platform.TargetROAS && e.Key != c.ID {
			continue
		}
		row := a.base()
		row.Campaign = a.campaignProto(c)
		row.ChangeEvent = a.changeEvent(i, e, c)
		if e.Field == platform.CPCBid {
			row.AdGroup = a.adGroupProto(c, groupOf(c, e))
		}
		out = append(out, entity{row: row})
	}
	return out
}

// changeEvent translates the i-th change of the account.
func (a *account) changeEvent(i int, e market.Event, c market.Campaign) *resources.ChangeEvent {
	p := &resources.ChangeEvent{
		ResourceName:            fmt.Sprintf("%s/changeEvents/%d~%d~0", a.s.customerName(), e.At.UnixMicro(), i),
		ChangeDateTime:          e.At.In(a.s.loc).Format(dateTimeLayout),
		ClientType:              clientType(e.Client),
		UserEmail:               e.Actor,
		ResourceChangeOperation: enums.ResourceChangeOperationEnum_UPDATE,
		Campaign:                a.campaignName(c),
		OldResource:             &resources.ChangeEvent_ChangedResource{},
		NewResource:             &resources.ChangeEvent_ChangedResource{},
	}
	path := ""
	set := func(r *resources.ChangeEvent_ChangedResource, v money.Micros) {}
	switch e.Field {
	case platform.DailyBudget:
		p.ChangeResourceType = enums.ChangeEventResourceTypeEnum_CAMPAIGN_BUDGET
		p.ChangeResourceName = a.budgets[c.BudgetKey].proto.ResourceName
		path = "amount_micros"
		set = func(r *resources.ChangeEvent_ChangedResource, v money.Micros) {
			r.CampaignBudget = &resources.CampaignBudget{ResourceName: p.ChangeResourceName, AmountMicros: proto.Int64(int64(v))}
		}
	case platform.TargetROAS:
		p.ChangeResourceType = enums.ChangeEventResourceTypeEnum_CAMPAIGN
		p.ChangeResourceName = p.Campaign
		path = "maximize_conversion_value.target_roas"
		set = func(r *resources.ChangeEvent_ChangedResource, v money.Micros) {
			r.Campaign = &resources.Campaign{ResourceName: p.ChangeResourceName, CampaignBiddingStrategy: &resources.Campaign_MaximizeConversionValue{
				MaximizeConversionValue: &common.MaximizeConversionValue{TargetRoas: v.Float()}}}
		}
	case platform.CPCBid:
		p.ChangeResourceType = enums.ChangeEventResourceTypeEnum_AD_GROUP
		p.ChangeResourceName = a.s.resourceName("adGroups", adGroupID(c, groupOf(c, e)))
		p.AdGroup = p.ChangeResourceName
		path = "cpc_bid_micros"
		set = func(r *resources.ChangeEvent_ChangedResource, v money.Micros) {
			r.AdGroup = &resources.AdGroup{ResourceName: p.ChangeResourceName, CpcBidMicros: proto.Int64(int64(v))}
		}
	}
	p.ChangedFields = &fieldmaskpb.FieldMask{Paths: []string{path}}
	set(p.OldResource, e.Old)
	set(p.NewResource, e.New)
	return p
}

// clientType returns the API's name for the client a change came through.
func clientType(client string) enums.ChangeClientTypeEnum_ChangeClientType {
	if n, ok := enums.ChangeClientTypeEnum_ChangeClientType_value[client]; ok {
		return enums.ChangeClientTypeEnum_ChangeClientType(n)
	}
	return enums.ChangeClientTypeEnum_OTHER
}
