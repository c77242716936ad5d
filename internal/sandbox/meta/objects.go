package meta

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/internal/sandbox/market"
)

// structure is the account's campaigns at one moment.
type structure struct {
	campaigns []market.Campaign
	byID      map[string]place // of campaigns and ad sets
}

// place is where a campaign, or an ad set of it, is found.
type place struct{ campaign, group int }

// adSet is one of its campaign's.
type adSet struct {
	market.Campaign
	group int
}

func (a adSet) id() string { return adSetID(a.Campaign, a.group) }

func (a adSet) name() string { return a.Groups[a.group].Name }

// adSetsOf lists the ad sets of campaigns.
func adSetsOf(campaigns []market.Campaign) (out []adSet) {
	for _, c := range campaigns {
		for g := range c.Groups {
			out = append(out, adSet{c, g})
		}
	}
	return out
}

func (s *server) structure(stale bool) structure {
	st := structure{campaigns: s.Market.Campaigns(platform.Meta), byID: s.byID}
	if stale {
		st.forgetNewest(s.Market.Changes(platform.Meta))
	}
	return st
}

// remoteIDs maps the ids of campaigns and ad sets to their places, which never
// change.
func remoteIDs(campaigns []market.Campaign) map[string]place {
	byID := make(map[string]place, 2*len(campaigns))
	for i, c := range campaigns {
		byID[campaignID(c)] = place{i, 0}
		for g := range c.Groups {
			byID[adSetID(c, g)] = place{i, g}
		}
	}
	return byID
}

// forgetNewest shows the campaigns as they were before the newest change.
func (st structure) forgetNewest(events []market.Event) {
	if len(events) == 0 {
		return
	}
	ev := events[len(events)-1]
	for i := range st.campaigns {
		c := &st.campaigns[i]
		switch {
		case ev.Field == platform.DailyBudget && c.BudgetKey == ev.Key:
			c.Budget = ev.Old
		case ev.Field == platform.TargetROAS && c.Index == ev.Campaign:
			c.Groups[adSetOf(*c, ev)].Floor = ev.Old
		case ev.Field == platform.BidAmount && c.Index == ev.Campaign:
			c.Groups[adSetOf(*c, ev)].Bid = ev.Old
		}
	}
}

func campaignID(c market.Campaign) string { return market.RemoteCampaignID(platform.Meta, c.Index) }

// adSetID is the campaign's with the digits 99 before it, and of its second ad set and
// those after that its place behind it.
func adSetID(c market.Campaign, group int) string {
	if group == 0 {
		return "99" + campaignID(c)
	}
	return fmt.Sprintf("99%s%02d", campaignID(c), group)
}

// adSetOf is the place in its campaign of the ad set whose value was changed.
func adSetOf(c market.Campaign, ev market.Event) int {
	return max(slices.IndexFunc(c.Groups, func(g market.Group) bool { return g.Key == ev.Key }), 0)
}

func (st structure) campaign(id string) (market.Campaign, bool) {
	at, ok := st.byID[id]
	if !ok || campaignID(st.campaigns[at.campaign]) != id {
		return market.Campaign{}, false
	}
	return st.campaigns[at.campaign], true
}

func (st structure) adSet(id string) (adSet, bool) {
	at, ok := st.byID[id]
	if !ok || adSetID(st.campaigns[at.campaign], at.group) != id {
		return adSet{}, false
	}
	return adSet{st.campaigns[at.campaign], at.group}, true
}

// minor writes an amount in Graph's unit of the currency.
func (s *server) minor(m money.Micros) string {
	return strconv.FormatInt(int64(m.RoundTo(money.Micros(s.unit)))/s.unit, 10)
}

func graphTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05-0700") }

func (s *server) me(req request, edge string) (any, *graphError) {
	switch {
	case req.method != http.MethodGet:
	case edge == "":
		return node(req, object{kind: "User", values: map[string]any{"id": "100000000000001", "name": "System User"}})
	case edge == "adaccounts":
		return page(req, 1, func(int) object { return s.accountObject() }, "")
	}
	return nil, unknownObject(req.method, "me/"+edge)
}

func (s *server) accountObject() object {
	sc := s.Market.Scenario()
	return object{kind: "AdAccount", values: map[string]any{
		"id": "act_" + s.AdAccountID, "account_id": s.AdAccountID, "name": sc.Name,
		"currency": sc.Currency, "timezone_name": sc.TimeZone, "account_status": 1, "disable_reason": 0,
		"min_daily_budget": minBudget,
	}, known: "business spend_cap amount_spent balance created_time owner timezone_id timezone_offset_hours_utc age capabilities tos_accepted"}
}

// minBudget is the least daily budget in Graph's units: about one dollar.
const minBudget = 100

func (s *server) account(req request, edge string) (any, *graphError) {
	get, post := req.method == http.MethodGet, req.method == http.MethodPost
	switch {
	case edge == "" && get:
		return node(req, s.accountObject())
	case edge == "campaigns" && get:
		st := s.structure(req.stale)
		return entities(req, st.campaigns, func(c market.Campaign) object { return s.campaignObject(st, c) })
	case edge == "adsets" && get:
		st := s.structure(req.stale)
		return entities(req, adSetsOf(st.campaigns), func(a adSet) object { return s.adSetObject(st, a) })
	case edge == "insights" && get:
		return s.insights(req, "account", nil)
	case edge == "insights" && post:
		return s.startReport(req)
	case edge == "activities" && get:
		return s.activities(req)
	case edge == "minimum_budgets" && get:
		return page(req, 1, func(int) object {
			return object{kind: "MinimumBudget", values: map[string]any{"currency": s.Market.Scenario().Currency,
				"min_daily_budget_imp": minBudget, "min_daily_budget_video_views": minBudget,
				"min_daily_budget_high_freq": 5 * minBudget, "min_daily_budget_low_freq": 40 * minBudget}}
		}, "currency,min_daily_budget_imp,min_daily_budget_video_views,min_daily_budget_high_freq,min_daily_budget_low_freq")
	case edge == "customaudiences" && get:
		return s.audiences(req)
	case edge == "customaudiences" && post:
		return s.createAudience(req)
	}
	return nil, unknownObject(req.method, "act_"+s.AdAccountID+"/"+edge)
}

func entities[T any](req request, all []T, describe func(T) object) (any, *graphError) {
	match, fail := filters(req)
	if fail != nil {
		return nil, fail
	}
	var kept []T
	for _, c := range all {
		if match == nil {
			kept = all
			break
		}
		values := describe(c).values
		if match(func(f string) string {
			f = strings.TrimPrefix(strings.TrimPrefix(f, "campaign."), "adset.")
			if v, ok := values[f]; ok {
				return fmt.Sprint(v)
			}
			return ""
		}) {
			kept = append(kept, c)
		}
	}
	return page(req, len(kept), func(i int) object { return describe(kept[i]) }, "id")
}

func running(c market.Campaign) string {
	if c.Enabled {
		return "ACTIVE"
	}
	return "PAUSED"
}

// bidStrategy is the campaign's: who owns the budget owns the strategy.
func bidStrategy(c market.Campaign) string {
	switch {
	case c.TargetROAS > 0: // of one of its ad sets at least
		return "LOWEST_COST_WITH_MIN_ROAS"
	case c.Groups[0].Bid > 0:
		return "LOWEST_COST_WITH_BID_CAP"
	}
	return "LOWEST_COST_WITHOUT_CAP"
}

const sharedFields = " start_time stop_time end_time spend_cap budget_remaining issues_info recommendations lifetime_budget bid_amount" +
	" source_campaign_id source_campaign adlabels pacing_type special_ad_category is_skadnetwork_attribution"

func (s *server) campaignObject(st structure, c market.Campaign) object {
	return object{kind: "Campaign", values: map[string]any{
		"id": campaignID(c), "account_id": s.AdAccountID, "name": c.Name,
		"status": running(c), "configured_status": running(c), "effective_status": running(c),
		"objective": "OUTCOME_SALES", "buying_type": "AUCTION", "smart_promotion_type": "GUIDED_CREATION",
		"special_ad_categories": []string{}, "bid_strategy": bidStrategy(c), "daily_budget": s.minor(c.Budget),
		"created_time": graphTime(s.opening()), "updated_time": graphTime(s.Market.Today().Time()),
	}, known: sharedFields, edge: func(name string) ([]object, bool, bool) {
		if name != "adsets" {
			return nil, false, false
		}
		var sets []object
		for _, a := range adSetsOf([]market.Campaign{c}) {
			sets = append(sets, s.adSetObject(st, a))
		}
		return sets, true, true
	}}
}

func (s *server) opening() time.Time {
	sc := s.Market.Scenario()
	return sc.Start.AddDays(-sc.History).Time()
}

func (s *server) adSetObject(st structure, a adSet) object {
	c := a.Campaign
	v := map[string]any{
		"id": a.id(), "account_id": s.AdAccountID, "campaign_id": campaignID(c), "name": a.name(),
		"status": running(c), "configured_status": running(c), "effective_status": running(c),
		"billing_event": "IMPRESSIONS", "optimization_goal": "OFFSITE_CONVERSIONS",
		"created_time": graphTime(s.opening()), "updated_time": graphTime(s.Market.Today().Time()),
		"attribution_spec":    []map[string]any{{"event_type": "CLICK_THROUGH", "window_days": 7}, {"event_type": "VIEW_THROUGH", "window_days": 1}},
		"learning_stage_info": learningStage(c), "targeting": s.targeting(c),
	}
	if bid := c.Groups[a.group].Bid; bid > 0 {
		v["bid_amount"] = int64(bid.RoundTo(money.Micros(s.unit))) / s.unit
	}
	if floor := c.Groups[a.group].Floor; floor > 0 {
		v["optimization_goal"] = "VALUE"
		v["bid_constraints"] = map[string]any{"roas_average_floor": int64(floor / roasUnit)}
	}
	return object{kind: "AdSet", values: v, known: sharedFields + " daily_budget bid_strategy bid_constraints promoted_object destination_type",
		edge: func(name string) ([]object, bool, bool) {
			switch name {
			case "campaign":
				return []object{s.campaignObject(st, c)}, false, true
			case "delivery_estimate":
				return []object{s.deliveryEstimate(c)}, true, true
			}
			return nil, false, false
		}}
}

// targeting is whom an ad set is shown to: the scenario's country, and the custom
// audiences it names that are there.
func (s *server) targeting(c market.Campaign) map[string]any {
	out := map[string]any{"age_min": 18, "age_max": 65, "geo_locations": map[string]any{"countries": []string{"DE"}},
		"targeting_automation": map[string]any{"advantage_audience": 0}}
	spec := s.Market.Scenario().Campaigns[c.Index]
	if len(spec.Lists)+len(spec.WithoutLists) == 0 {
		return out
	}
	for field, names := range map[string][]string{"custom_audiences": spec.Lists, "excluded_custom_audiences": spec.WithoutLists} {
		var found []map[string]any
		for _, l := range s.Lists.All() {
			if slices.Contains(names, l.Name) {
				found = append(found, map[string]any{"id": strconv.FormatInt(l.ID, 10), "name": l.Name})
			}
		}
		if found != nil {
			out[field] = found
		}
	}
	return out
}

// deliveryEstimate is what Meta expects of other budgets; a single point of zeros
// while the ad set is learning, or has too little behind it.
func (s *server) deliveryEstimate(c market.Campaign) object {
	curve := []map[string]any{{"spend": 0, "reach": 0, "impressions": 0, "actions": 0}}
	if points := s.Market.Simulate(c.Index); c.Learning == "" && len(points) > 0 {
		spec := s.Market.Scenario().Campaigns[c.Index]
		curve = curve[:0]
		for _, p := range points {
			clicks := p.Spend / spec.P
			curve = append(curve, map[string]any{"spend": math.Round(p.Spend * 1e6 / float64(s.unit)), "reach": math.Round(20 * clicks),
				"impressions": math.Round(60 * clicks), "actions": p.Value / spec.Basket})
		}
	}
	return object{kind: "AdCampaignDeliveryEstimate", values: map[string]any{"daily_outcomes_curve": curve, "estimate_ready": true}}
}

// roasUnit is a roas_average_floor of 1: a ten-thousandth.
const roasUnit = money.One / 10_000

func learningStage(c market.Campaign) map[string]any {
	info := map[string]any{"status": "SUCCESS", "attribution_windows": []string{"1d_view", "7d_click"}}
	if c.Learning != "" {
		info["status"], info["conversions"] = "LEARNING", 0
		info["last_sig_edit_ts"] = c.LearningSince.Time().Unix()
	}
	return info
}

func (s *server) campaignNode(req request, st structure, c market.Campaign, edge string) (any, *graphError) {
	switch {
	case edge == "" && req.method == http.MethodGet:
		return node(req, s.campaignObject(st, c))
	case edge == "" && req.method == http.MethodPost:
		return s.updateCampaign(req, c)
	case edge == "adsets" && req.method == http.MethodGet:
		return entities(req, adSetsOf([]market.Campaign{c}), func(a adSet) object { return s.adSetObject(st, a) })
	case edge == "insights" && req.method == http.MethodGet:
		return s.insights(req, "campaign", &adSet{c, -1})
	}
	return nil, unknownObject(req.method, strings.Join(req.path, "/"))
}

func (s *server) adSetNode(req request, st structure, a adSet, edge string) (any, *graphError) {
	switch {
	case edge == "" && req.method == http.MethodGet:
		return node(req, s.adSetObject(st, a))
	case edge == "" && req.method == http.MethodPost:
		return s.updateAdSet(req, a)
	case edge == "insights" && req.method == http.MethodGet:
		return s.insights(req, "adset", &a)
	}
	return nil, unknownObject(req.method, strings.Join(req.path, "/"))
}

// activities is the account's change history, newest first; one week of it
// unless since says otherwise.
func (s *server) activities(req request) (any, *graphError) {
	since := s.Market.Today().AddDays(-7).Time()
	var until time.Time
	for name, into := range map[string]*time.Time{"since": &since, "until": &until} {
		if text := req.params.Get(name); text != "" {
			t, ok := moment(text)
			if !ok {
				return nil, invalid("Param %s must be a time", name)
			}
			*into = t
		}
	}
	st := s.structure(false)
	byIndex := map[int]market.Campaign{}
	for _, c := range st.campaigns {
		byIndex[c.Index] = c
	}
	var events []market.Event
	for _, ev := range s.Market.Changes(platform.Meta) {
		if !ev.At.Before(since) && (until.IsZero() || !ev.At.After(until)) {
			events = append(events, ev)
		}
	}
	return page(req, len(events), func(i int) object {
		ev := events[len(events)-1-i]
		return s.activity(ev, byIndex[ev.Campaign])
	}, "event_type,event_time,object_id,object_type,object_name,actor_id,actor_name,application_name,extra_data")
}

func moment(text string) (time.Time, bool) {
	if unix, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.Unix(unix, 0), true
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, true
	}
	if d, err := civil.Parse(text); err == nil {
		return d.Time(), true
	}
	return time.Time{}, false
}

// activity writes one change. extra_data is a JSON text whose values hold the
// number under the same name again, and object types keep names of 2014.
func (s *server) activity(ev market.Event, c market.Campaign) object {
	eventType, objectType, id, name, kind := "update_campaign_budget", "CAMPAIGN_GROUP", campaignID(c), c.Name, "Per day"
	unit := money.Micros(s.unit)
	if ev.Field != platform.DailyBudget {
		a := adSet{c, adSetOf(c, ev)}
		eventType, objectType, id, name, kind = "update_ad_set_bidding", "CAMPAIGN", a.id(), a.name(), "bid_amount"
	}
	if ev.Field == platform.TargetROAS {
		kind, unit = "roas_average_floor", roasUnit
	}
	extra, _ := json.Marshal(map[string]any{ // integers and texts: never fails
		"old_value": map[string]any{"old_value": int64(ev.Old / unit), "type": kind, "currency": s.Market.Scenario().Currency},
		"new_value": map[string]any{"new_value": int64(ev.New / unit), "type": kind, "currency": s.Market.Scenario().Currency},
	})
	return object{kind: "AdActivity", values: map[string]any{
		"event_type": eventType, "translated_event_type": strings.ReplaceAll(eventType, "_", " "), "event_time": graphTime(ev.At),
		"object_id": id, "object_type": objectType, "object_name": name,
		"actor_id": "100000000000001", "actor_name": ev.Actor, "application_id": "200000000000001", "application_name": ev.Client,
		"extra_data": string(extra),
	}, known: "date_time_in_timezone"}
}
