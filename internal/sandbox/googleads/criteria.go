package googleads

import (
	"fmt"
	"slices"

	"github.com/shenzhencenter/google-ads-pb/common"
	"github.com/shenzhencenter/google-ads-pb/enums"
	"github.com/shenzhencenter/google-ads-pb/resources"
	"google.golang.org/protobuf/proto"

	"adsteward/internal/sandbox/lists"
	"adsteward/internal/sandbox/market"
)

// criterionEntities lists the audience lists that campaigns are shown to, as
// criteria of their ad group, or leave out, as criteria of their own. Other
// criteria the account has none.
func (a *account) criterionEntities(resource string) []entity {
	all := a.s.opts.Lists.All()
	var out []entity
	for _, c := range a.campaigns {
		spec := a.s.opts.Market.Scenario().Campaigns[c.Index]
		names := spec.Lists
		if resource == "campaign_criterion" {
			names = spec.WithoutLists
		}
		for _, name := range names {
			i := slices.IndexFunc(all, func(l lists.List) bool { return l.Name == name })
			if i < 0 {
				continue
			}
			id := all[i].ID
			list := &common.UserListInfo{UserList: proto.String(a.s.resourceName("userLists", id))}
			if resource == "campaign_criterion" {
				out = append(out, a.campaignCriterion(c, id, list))
				continue
			}
			for g := range c.Groups {
				out = append(out, a.adGroupCriterion(c, g, id, list))
			}
		}
	}
	return out
}

func (a *account) campaignCriterion(c market.Campaign, id int64, list *common.UserListInfo) entity {
	row := a.campaignRow(c)
	row.CampaignBudget, row.BiddingStrategy = nil, nil
	row.CampaignCriterion = &resources.CampaignCriterion{ResourceName: pairName(a.s.resourceName("campaignCriteria", campaignID(c)), id),
		Campaign: proto.String(a.campaignName(c)), CriterionId: proto.Int64(id), Negative: proto.Bool(true), Type: enums.CriterionTypeEnum_USER_LIST,
		Status: enums.CampaignCriterionStatusEnum_ENABLED, Criterion: &resources.CampaignCriterion_UserList{UserList: list}}
	return entity{row: row, campaigns: []string{c.ID}}
}

func (a *account) adGroupCriterion(c market.Campaign, g int, id int64, list *common.UserListInfo) entity {
	row := a.campaignRow(c)
	row.CampaignBudget, row.BiddingStrategy = nil, nil
	row.AdGroup = a.adGroupProto(c, g)
	row.AdGroupCriterion = &resources.AdGroupCriterion{ResourceName: pairName(a.s.resourceName("adGroupCriteria", adGroupID(c, g)), id),
		AdGroup: proto.String(row.AdGroup.ResourceName), CriterionId: proto.Int64(id), Negative: proto.Bool(false), Type: enums.CriterionTypeEnum_USER_LIST,
		Status: enums.AdGroupCriterionStatusEnum_ENABLED, Criterion: &resources.AdGroupCriterion_UserList{UserList: list}}
	return entity{row: row, campaigns: []string{c.ID}}
}

// pairName is the name of a resource that belongs to another one.
func pairName(owner string, id int64) string { return fmt.Sprintf("%s~%d", owner, id) }
