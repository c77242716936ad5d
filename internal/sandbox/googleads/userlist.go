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

	"adsteward/internal/sandbox/lists"
)

// maxMembershipDays is the longest a person stays on a list, and the default.
const maxMembershipDays = 540

type userListService struct {
	services.UnimplementedUserListServiceServer
	s *Server
}

// MutateUserLists creates and removes Customer Match and lookalike lists.
func (us userListService) MutateUserLists(ctx context.Context, req *services.MutateUserListsRequest) (*services.MutateUserListsResponse, error) {
	return mutated(us.s, ctx, req, enums.ResponseContentTypeEnum_RESOURCE_NAME_ONLY, req.GetOperations(), func(out []done, partial *rpcstatus.Status) *services.MutateUserListsResponse {
		return &services.MutateUserListsResponse{PartialFailureError: partial, Results: results[services.MutateUserListResult](out)}
	})
}

// planList checks an operation on an audience list.
func (s *Server) planList(op operation) (*plan, *adserrors.GoogleAdsError) {
	if op.verb == "create" {
		return s.planListCreate(op)
	}
	id, e := s.parseName(op.name, "userLists")
	if e != nil {
		return nil, op.refused(e, "resource_name")
	}
	switch _, ok := s.opts.Lists.Get(id); {
	case !ok:
		return nil, op.refused(notFound(op.name), "resource_name")
	case op.verb == "update":
		return nil, op.unsupported(op.mask[0])
	}
	return &plan{holds: op.name, commit: func() (string, error) {
		s.opts.Lists.Delete(id)
		return op.name, nil
	}}, nil
}

func (s *Server) planListCreate(op operation) (*plan, *adserrors.GoogleAdsError) {
	u := op.resource.(*resources.UserList)
	list := lists.List{Name: u.GetName(), Description: u.GetDescription(), MembershipDays: int(u.GetMembershipLifeSpan())}
	if u.MembershipLifeSpan == nil {
		list.MembershipDays = maxMembershipDays
	}
	nameTaken := slices.ContainsFunc(s.opts.Lists.All(), func(l lists.List) bool { return l.Name == list.Name })
	switch {
	case list.Name == "":
		return nil, op.refused(newError(adserrors.FieldErrorEnum_REQUIRED, "The required field was not present."), "name")
	case nameTaken:
		return nil, op.refused(newError(adserrors.UserListErrorEnum_NAME_ALREADY_USED, "The given user list name is already being used for another user list."), "name")
	case list.MembershipDays < 0:
		return nil, op.refused(newError(adserrors.RangeErrorEnum_TOO_LOW, "The membership life span must be at least 0 days."), "membership_life_span")
	case list.MembershipDays > maxMembershipDays:
		return nil, op.refused(newError(adserrors.RangeErrorEnum_TOO_HIGH, "The membership life span must be at most %d days.", maxMembershipDays), "membership_life_span")
	}
	var e *adserrors.GoogleAdsError
	switch kind := u.GetUserList().(type) {
	case *resources.UserList_CrmBasedUserList:
		list.Kind = lists.CRM
		if kind.CrmBasedUserList.GetUploadKeyType() != enums.CustomerMatchUploadKeyTypeEnum_CONTACT_INFO {
			e = atField(newError(adserrors.FieldErrorEnum_INVALID_VALUE, "The emulated account takes the upload key type CONTACT_INFO only."), "crm_based_user_list.upload_key_type")
		}
	case *resources.UserList_LookalikeUserList:
		list.Kind = lists.Lookalike
		e = s.lookalike(&list, kind.LookalikeUserList)
	default:
		e = newError(adserrors.UserListErrorEnum_CONCRETE_TYPE_REQUIRED, "Concrete type of user list is required; the emulated account has Customer Match and lookalike lists.")
	}
	if e != nil {
		return nil, op.refused(e, "")
	}
	return &plan{holds: "userLists/" + list.Name, commit: func() (string, error) {
		made, err := s.opts.Lists.Create(list)
		return s.resourceName("userLists", made.ID), err
	}}, nil
}

// lookalike checks a lookalike list and writes it into list.
func (s *Server) lookalike(list *lists.List, info *common.LookalikeUserListInfo) *adserrors.GoogleAdsError {
	place := func(e *adserrors.GoogleAdsError, field string) *adserrors.GoogleAdsError {
		return atField(e, "lookalike_user_list."+field)
	}
	if len(info.GetSeedUserListIds()) != 1 {
		return place(newError(adserrors.FieldErrorEnum_INVALID_VALUE, "The emulated account grows a lookalike list from exactly one seed list."), "seed_user_list_ids")
	}
	list.Seed = info.GetSeedUserListIds()[0]
	seed, ok := s.opts.Lists.Get(list.Seed)
	switch {
	case !ok:
		return place(newError(adserrors.UserListErrorEnum_SEED_LIST_DOES_NOT_EXIST, "The seed list does not exist: %d.", list.Seed), "seed_user_list_ids")
	case seed.Kind == lists.Lookalike:
		return place(newError(adserrors.UserListErrorEnum_INVALID_SEED_LIST_TYPE, "A lookalike list cannot be the seed of another."), "seed_user_list_ids")
	}
	list.Countries = slices.Sorted(slices.Values(info.GetCountryCodes()))
	if len(list.Countries) == 0 || slices.ContainsFunc(list.Countries, func(c string) bool { return !countryCode(c) }) {
		return place(newError(adserrors.UserListErrorEnum_INVALID_COUNTRY_CODES, "Country codes are two upper-case letters of ISO 3166, at least one."), "country_codes")
	}
	if list.Ratio = expansionRatio(info.GetExpansionLevel()); list.Ratio == 0 {
		return place(newError(adserrors.FieldErrorEnum_REQUIRED, "The required field was not present."), "expansion_level")
	}
	for _, l := range s.opts.Lists.All() {
		if l.Kind == lists.Lookalike && l.Seed == list.Seed && l.Ratio == list.Ratio && slices.Equal(l.Countries, list.Countries) {
			return newError(adserrors.UserListErrorEnum_DUPLICATE_LOOKALIKE, "Duplicate lookalike user list: %d.", l.ID)
		}
	}
	return nil
}

func countryCode(s string) bool {
	return len(s) == 2 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'A' && s[1] <= 'Z'
}

// expansionRatio is the share of a country's people a level stands for, as the
// API's reference gives it; 0 for no level.
func expansionRatio(level enums.LookalikeExpansionLevelEnum_LookalikeExpansionLevel) float64 {
	switch level {
	case enums.LookalikeExpansionLevelEnum_NARROW:
		return 0.025
	case enums.LookalikeExpansionLevelEnum_BALANCED:
		return 0.05
	case enums.LookalikeExpansionLevelEnum_BROAD:
		return 0.10
	}
	return 0
}

func expansionLevel(ratio float64) enums.LookalikeExpansionLevelEnum_LookalikeExpansionLevel {
	switch {
	case ratio <= 0:
		return enums.LookalikeExpansionLevelEnum_UNSPECIFIED
	case ratio <= 0.025:
		return enums.LookalikeExpansionLevelEnum_NARROW
	case ratio <= 0.05:
		return enums.LookalikeExpansionLevelEnum_BALANCED
	}
	return enums.LookalikeExpansionLevelEnum_BROAD
}

// listEntities lists the account's audience lists.
func (a *account) listEntities() []entity {
	var out []entity
	for _, l := range a.s.opts.Lists.All() {
		row := a.base()
		row.UserList = a.s.listProto(l)
		out = append(out, entity{row: row})
	}
	return out
}

func (s *Server) listProto(l lists.List) *resources.UserList {
	p := &resources.UserList{
		ResourceName:          s.resourceName("userLists", l.ID),
		Id:                    proto.Int64(l.ID),
		Name:                  proto.String(l.Name),
		Description:           proto.String(l.Description),
		MembershipStatus:      enums.UserListMembershipStatusEnum_OPEN,
		MembershipLifeSpan:    proto.Int64(int64(l.MembershipDays)),
		AccessReason:          enums.AccessReasonEnum_OWNED,
		AccountUserListStatus: enums.UserListAccessStatusEnum_ENABLED,
		EligibleForSearch:     proto.Bool(l.Kind != lists.Lookalike),
		EligibleForDisplay:    proto.Bool(true),
		ReadOnly:              proto.Bool(false),
	}
	if l.Kind == lists.Lookalike {
		p.Type = enums.UserListTypeEnum_LOOKALIKE
		p.UserList = &resources.UserList_LookalikeUserList{LookalikeUserList: &common.LookalikeUserListInfo{
			SeedUserListIds: []int64{l.Seed}, CountryCodes: l.Countries, ExpansionLevel: expansionLevel(l.Ratio)}}
		return p
	}
	size := proto.Int64(twoDigits(s.opts.Lists.Size(l.ID)))
	p.SizeForSearch, p.SizeForDisplay = size, size
	p.Type = enums.UserListTypeEnum_CRM_BASED
	p.UserList = &resources.UserList_CrmBasedUserList{CrmBasedUserList: &common.CrmBasedUserListInfo{
		UploadKeyType:  enums.CustomerMatchUploadKeyTypeEnum_CONTACT_INFO,
		DataSourceType: enums.UserListCrmDataSourceTypeEnum_FIRST_PARTY}}
	return p
}

// twoDigits rounds a list's size to its two leading digits, as the API does.
func twoDigits(n int) int64 {
	if n < 100 {
		return int64(n)
	}
	unit := math.Pow(10, math.Floor(math.Log10(float64(n)))-1)
	return int64(math.Round(float64(n)/unit) * unit)
}
