package googleads

import (
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

	"adsteward/internal/sandbox/lists"
)

func (r *rig) lists(ops ...*services.UserListOperation) (string, error) {
	resp, err := services.NewUserListServiceClient(r.conn).MutateUserLists(r.ctx, &services.MutateUserListsRequest{CustomerId: testCustomer, Operations: ops})
	if err != nil {
		return "", err
	}
	return resp.GetResults()[0].GetResourceName(), nil
}

func crmList(name string, days int64) *services.UserListOperation {
	return &services.UserListOperation{Operation: &services.UserListOperation_Create{Create: &resources.UserList{
		Name: proto.String(name), MembershipLifeSpan: proto.Int64(days),
		UserList: &resources.UserList_CrmBasedUserList{CrmBasedUserList: &common.CrmBasedUserListInfo{UploadKeyType: enums.CustomerMatchUploadKeyTypeEnum_CONTACT_INFO}}}}}
}

func lookalikeList(name string, level enums.LookalikeExpansionLevelEnum_LookalikeExpansionLevel, seed int64, countries ...string) *services.UserListOperation {
	return &services.UserListOperation{Operation: &services.UserListOperation_Create{Create: &resources.UserList{Name: proto.String(name),
		UserList: &resources.UserList_LookalikeUserList{LookalikeUserList: &common.LookalikeUserListInfo{SeedUserListIds: []int64{seed}, ExpansionLevel: level, CountryCodes: countries}}}}}
}

func TestUserLists(t *testing.T) {
	t.Parallel()
	registry := lists.New(500)
	r := newRig(t, testScenario, func(o *Options) { o.Lists = registry })
	name, err := r.lists(crmList("Buyers", 90))
	if err != nil || name != customerRes+"/userLists/500" {
		t.Fatalf("%s, %v", name, err)
	}
	like, err := r.lists(lookalikeList("Like buyers", enums.LookalikeExpansionLevelEnum_NARROW, 500, "DE", "AT"))
	if err != nil {
		t.Fatal(err)
	}
	want := lists.List{ID: 501, Name: "Like buyers", Kind: lists.Lookalike, MembershipDays: maxMembershipDays, Seed: 500, Ratio: 0.025, Countries: []string{"AT", "DE"}}
	got, _ := registry.Get(501)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if err := registry.Add(500, lists.Person{Identifiers: []string{"a"}}, lists.Person{Identifiers: []string{"b"}}); err != nil {
		t.Fatal(err)
	}
	rows := r.query("SELECT user_list.id, user_list.name, user_list.type, user_list.membership_life_span, user_list.size_for_search, user_list.lookalike_user_list.seed_user_list_ids FROM user_list ORDER BY user_list.id")
	if len(rows) != 2 {
		t.Fatalf("%d lists", len(rows))
	}
	buyers, lookalike := rows[0].GetUserList(), rows[1].GetUserList()
	if buyers.GetType() != enums.UserListTypeEnum_CRM_BASED || buyers.GetSizeForSearch() != 2 || buyers.GetMembershipLifeSpan() != 90 || buyers.GetResourceName() != name {
		t.Errorf("list %v", buyers)
	}
	if lookalike.GetType() != enums.UserListTypeEnum_LOOKALIKE || lookalike.GetLookalikeUserList().GetSeedUserListIds()[0] != 500 {
		t.Errorf("list %v", lookalike)
	}
	if _, err := r.lists(&services.UserListOperation{Operation: &services.UserListOperation_Remove{Remove: like}}); err != nil {
		t.Error(err)
	}
	if n := len(registry.All()); n != 1 {
		t.Errorf("%d lists after removal", n)
	}
}

func TestUserListRefusals(t *testing.T) {
	t.Parallel()
	r := newRig(t, testScenario, nil)
	const narrow = enums.LookalikeExpansionLevelEnum_NARROW
	if _, err := r.lists(crmList("Buyers", 90)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.lists(lookalikeList("Like", narrow, 1, "DE")); err != nil {
		t.Fatal(err)
	}
	noKey := crmList("No key", 10)
	noKey.GetCreate().GetCrmBasedUserList().UploadKeyType = 0
	noKind := crmList("No kind", 10)
	noKind.GetCreate().UserList = nil
	for name, tc := range map[string]struct {
		op   *services.UserListOperation
		want protoreflect.Enum
	}{
		"name taken":         {crmList("Buyers", 90), adserrors.UserListErrorEnum_NAME_ALREADY_USED},
		"no name":            {crmList("", 90), adserrors.FieldErrorEnum_REQUIRED},
		"too long":           {crmList("Long", 541), adserrors.RangeErrorEnum_TOO_HIGH},
		"no upload key":      {noKey, adserrors.FieldErrorEnum_INVALID_VALUE},
		"no kind":            {noKind, adserrors.UserListErrorEnum_CONCRETE_TYPE_REQUIRED},
		"seed not there":     {lookalikeList("L", narrow, 99, "DE"), adserrors.UserListErrorEnum_SEED_LIST_DOES_NOT_EXIST},
		"seed is lookalike":  {lookalikeList("L", narrow, 2, "DE"), adserrors.UserListErrorEnum_INVALID_SEED_LIST_TYPE},
		"country":            {lookalikeList("L", narrow, 1, "Germany"), adserrors.UserListErrorEnum_INVALID_COUNTRY_CODES},
		"no country":         {lookalikeList("L", narrow, 1), adserrors.UserListErrorEnum_INVALID_COUNTRY_CODES},
		"no expansion level": {lookalikeList("L", 0, 1, "DE"), adserrors.FieldErrorEnum_REQUIRED},
		"duplicate":          {lookalikeList("L", narrow, 1, "DE"), adserrors.UserListErrorEnum_DUPLICATE_LOOKALIKE},
		"removed twice":      {&services.UserListOperation{Operation: &services.UserListOperation_Remove{Remove: customerRes + "/userLists/9"}}, adserrors.MutateErrorEnum_RESOURCE_NOT_FOUND},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.lists(tc.op)
			wantError(t, err, codes.InvalidArgument, tc.want)
		})
	}
}

func TestListSizesAreRounded(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]int64{0: 0, 99: 99, 104: 100, 105: 110, 12_345: 12_000, 999_999: 1_000_000} {
		if got := twoDigits(n); got != want {
			t.Errorf("twoDigits(%d) = %d; want %d", n, got, want)
		}
	}
}
