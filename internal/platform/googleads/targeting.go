package googleads

import (
	"context"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/shenzhencenter/google-ads-pb/common"
	"github.com/shenzhencenter/google-ads-pb/enums"
	"github.com/shenzhencenter/google-ads-pb/services"

	"adsteward/internal/platform"
)

// By which audiences running campaigns and their ad groups go. An ad shows to
// people of any of them, so the kinds of audience that are no list are asked for
// too: where there is one, the lists do not say who sees the ad.
const (
	audienceKinds = "('USER_LIST', 'USER_INTEREST', 'CUSTOM_AFFINITY', 'CUSTOM_AUDIENCE', 'CUSTOM_INTENT', 'COMBINED_AUDIENCE', 'AUDIENCE', 'LIFE_EVENT')"

	campaignAudiencesQuery = "SELECT campaign.id, campaign.targeting_setting.target_restrictions, campaign_criterion.negative, " +
		"campaign_criterion.user_list.user_list FROM campaign_criterion WHERE campaign_criterion.type IN " + audienceKinds +
		" AND campaign_criterion.status = 'ENABLED' AND campaign.status = 'ENABLED'"

	adGroupAudiencesQuery = "SELECT campaign.id, campaign.targeting_setting.target_restrictions, ad_group.id, " +
		"ad_group.targeting_setting.target_restrictions, ad_group_criterion.negative, ad_group_criterion.user_list.user_list " +
		"FROM ad_group_criterion WHERE ad_group_criterion.type IN " + audienceKinds +
		" AND ad_group_criterion.status = 'ENABLED' AND ad_group.status = 'ENABLED' AND campaign.status = 'ENABLED'"

	adGroupsQuery = "SELECT campaign.id, ad_group.id FROM ad_group WHERE ad_group.status = 'ENABLED' AND campaign.id IN "
)

// scope is by which audiences a campaign or an ad group goes.
type scope struct {
	lists, without []string
	other          bool // an audience that is no list
	groups         map[string]*scope
}

// targeting reads by which lists the campaigns go that only people on lists see,
// by campaign id. It takes two operations, and one more for each thousand
// campaigns whose ad groups go by audiences.
func (c *Client) targeting(ctx context.Context) (map[string][]platform.Targeting, error) {
	campaigns := map[string]*scope{}
	of := func(r *services.GoogleAdsRow) *scope {
		id := ref(platform.Campaign, r.GetCampaign().GetId()).ID
		if campaigns[id] == nil {
			campaigns[id] = &scope{groups: map[string]*scope{}}
		}
		return campaigns[id]
	}
	group := func(r *services.GoogleAdsRow) *scope {
		s, id := of(r), ref(platform.AdGroup, r.GetAdGroup().GetId()).ID
		if s.groups[id] == nil {
			s.groups[id] = &scope{}
		}
		return s.groups[id]
	}
	rows, err := c.rows(ctx, c.customer, campaignAudiencesQuery)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		x := r.GetCampaignCriterion()
		of(r).add(x.GetUserList().GetUserList(), x.GetNegative(), observes(r))
	}
	if rows, err = c.rows(ctx, c.customer, adGroupAudiencesQuery); err != nil {
		return nil, err
	}
	grouped := map[string]bool{}
	for _, r := range rows {
		x := r.GetAdGroupCriterion()
		group(r).add(x.GetUserList().GetUserList(), x.GetNegative(), observes(r))
		grouped[ref(platform.Campaign, r.GetCampaign().GetId()).ID] = true
	}
	for chunk := range slices.Chunk(slices.Sorted(maps.Keys(grouped)), idsPerQuery) {
		rows, err := c.rows(ctx, c.customer, adGroupsQuery+"("+strings.Join(chunk, ", ")+")")
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			group(r) // those that go by no audience are open to all
		}
	}
	out := map[string][]platform.Targeting{}
	for id, s := range campaigns {
		if t := s.targeting(); t != nil {
			out[id] = t
		}
	}
	return out, nil
}

// observes reports whether audiences only bid differently and narrow nothing down.
// The setting stands on the campaign or on the ad group, never on both; without it
// they narrow.
func observes(r *services.GoogleAdsRow) bool {
	return slices.ContainsFunc(slices.Concat(r.GetCampaign().GetTargetingSetting().GetTargetRestrictions(), r.GetAdGroup().GetTargetingSetting().GetTargetRestrictions()),
		func(t *common.TargetRestriction) bool {
			return t.GetTargetingDimension() == enums.TargetingDimensionEnum_AUDIENCE && t.GetBidOnly()
		})
}

// add takes in one criterion; list is empty where it is no list.
func (s *scope) add(list string, negative, observed bool) {
	switch {
	case observed && !negative:
	case list == "":
		s.other = true
	case negative:
		s.without = append(s.without, path.Base(list))
	default:
		s.lists = append(s.lists, path.Base(list))
	}
}

// targeting is the parts of a campaign's audience, one for each ad group that
// differs from the others; nil where one of them is not told by lists.
func (s *scope) targeting() []platform.Targeting {
	groups := s.groups
	if len(groups) == 0 {
		groups = map[string]*scope{"": {}}
	}
	var parts []platform.Targeting
	for _, id := range slices.Sorted(maps.Keys(groups)) {
		g := groups[id]
		t := platform.Targeting{Lists: sorted(s.lists, g.lists), Without: sorted(s.without, g.without)}
		if s.other || g.other || len(t.Lists) == 0 {
			return nil
		}
		if !slices.ContainsFunc(parts, func(p platform.Targeting) bool {
			return slices.Equal(p.Lists, t.Lists) && slices.Equal(p.Without, t.Without)
		}) {
			parts = append(parts, t)
		}
	}
	return parts
}

func sorted(a, b []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(a, b))))
}
