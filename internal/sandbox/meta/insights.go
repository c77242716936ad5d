package meta

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/internal/sandbox/market"
)

const (
	// syncRows is how many rows Graph is ready to work out while the client waits.
	syncRows = 50_000
	// keptQueries and keptReports bound what the emulator remembers.
	keptQueries = 8
	keptReports = 100
)

// insightRow is one campaign, ad set or ad, or the whole account, over some days.
type insightRow struct {
	campaign int // index in structure.campaigns; -1 for the account
	group    int // of the levels adset and ad: of which ad set of the campaign
	from, to civil.Date
	platform.Performance
	item *market.Product // of the breakdown by product_id
	ad   *market.AdDay   // of the level ad, any of its days
}

// rowSet is the result of a query on one day of the market, kept for its pages.
type rowSet struct {
	today civil.Date
	rows  []insightRow
}

// report is an asynchronous insights query.
type report struct {
	id    string
	req   request
	polls int
}

// query is what decides the rows of insights; the rest is presentation.
type query struct {
	level    string
	campaign int // index, -1 for all
	group    int // of the campaign's ad sets, -1 for all
	from, to civil.Date
	step     int // days in a row; 0 for all
	filter   string
	byItem   bool // broken down by product_id
}

// insights answers GET .../insights. own is the level of the object asked; of is the ad
// set, or the campaign with the group -1, nil for the account.
func (s *server) insights(req request, own string, of *adSet) (any, *graphError) {
	rows, st, level, fail := s.insightRows(req, own, of)
	if fail != nil {
		return nil, fail
	}
	if len(rows) > syncRows {
		return nil, &graphError{status: http.StatusInternalServerError, Code: 1, Type: "OAuthException",
			Message: "Please reduce the amount of data you're asking for, then retry your request"}
	}
	return s.insightPage(req, rows, st, level)
}

func (s *server) insightPage(req request, rows []insightRow, st structure, level string) (any, *graphError) {
	var windows []string
	if text, ok := given(req, "action_attribution_windows"); ok && json.Unmarshal([]byte(text), &windows) != nil {
		return nil, invalid("Param action_attribution_windows must be an array")
	}
	for _, w := range windows {
		if !hasWord("1d_view 1d_click 7d_click 1d_ev default", w) {
			return nil, invalid("Param action_attribution_windows: %s is not a window", w)
		}
	}
	return page(req, len(rows), func(i int) object { return s.insightObject(rows[i], st, level, windows) }, "impressions,spend")
}

func (s *server) insightRows(req request, own string, of *adSet) ([]insightRow, structure, string, *graphError) {
	st := s.structure(false)
	q := query{level: own, campaign: -1, group: -1}
	if of != nil {
		q.campaign, q.group = st.byID[campaignID(of.Campaign)].campaign, of.group
	}
	if text, ok := given(req, "level"); ok {
		q.level = text
	}
	if !hasWord("account campaign adset ad", q.level) {
		return nil, st, "", invalid("Param level must be one of {ad, adset, campaign, account}")
	}
	var fail *graphError
	if q.byItem, fail = breakdown(req); fail != nil {
		return nil, st, "", fail
	}
	if q.from, q.to, fail = s.timeRange(req); fail != nil {
		return nil, st, "", fail
	}
	if text, ok := given(req, "time_increment"); ok && text != "all_days" {
		step, err := strconv.Atoi(text)
		if err != nil || step < 1 || step > 90 {
			return nil, st, "", invalid("Param time_increment must be an integer from 1 to 90 or all_days")
		}
		q.step = step
	}
	match, fail := filters(req)
	if fail != nil {
		return nil, st, "", fail
	}
	q.filter = req.params.Get("filtering") + req.params.Get("effective_status")
	return s.computed(q, st, match), st, q.level, nil
}

// breakdown reads the one breakdown there is, product_id, as a list or a word.
func breakdown(req request) (byItem bool, fail *graphError) {
	text, ok := given(req, "breakdowns")
	if !ok {
		return false, nil
	}
	names := []string{text}
	if strings.HasPrefix(text, "[") && json.Unmarshal([]byte(text), &names) != nil {
		return false, invalid("Param breakdowns must be an array")
	}
	if len(names) != 1 || names[0] != "product_id" {
		return false, invalid("Param breakdowns: only product_id is available for this account")
	}
	return true, nil
}

// matches applies the conditions to the row of an ad set, or of a campaign that has one.
func matches(match func(func(string) string) bool, c adSet) bool {
	return match == nil || match(func(f string) string {
		switch f {
		case "campaign.id":
			return campaignID(c.Campaign)
		case "adset.id":
			return c.id()
		case "campaign.name":
			return c.Name
		case "effective_status", "campaign.effective_status":
			return running(c.Campaign)
		}
		return ""
	})
}

// computed works out the rows of a query once; its pages find them again.
func (s *server) computed(q query, st structure, match func(func(string) string) bool) []insightRow {
	key, today := fmt.Sprint(q), s.Market.Today()
	s.mu.Lock()
	set, ok := s.rows[key]
	s.mu.Unlock()
	if ok && set.today == today {
		return set.rows
	}
	rows := s.compute(q, st, match)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.rows) >= keptQueries {
		clear(s.rows)
	}
	s.rows[key] = rowSet{today, rows}
	return rows
}

func (s *server) compute(q query, st structure, match func(func(string) string) bool) []insightRow {
	index, asked := map[string]int{}, map[place]bool{}
	for i, c := range st.campaigns {
		index[c.ID] = i
		for g := range c.Groups {
			asked[place{i, g}] = matches(match, adSet{c, g})
		}
	}
	step := q.step
	if step == 0 {
		step = q.to.Sub(q.from) + 1
	}
	type key struct {
		of     place
		period int
		item   *market.Product
		ad     string
	}
	var rows []insightRow
	at := map[key]int{}
	add := func(p platform.Performance, campaign string, group int, item *market.Product, ad *market.AdDay) {
		i, ok := index[campaign]
		if !ok || !asked[place{i, group}] || q.campaign >= 0 && i != q.campaign || q.group >= 0 && group != q.group {
			return
		}
		if q.level == "campaign" {
			group = 0
		}
		if q.level == "account" {
			i, group = -1, 0
		}
		period := p.Date.Sub(q.from) / step
		where := key{place{i, group}, period, item, ""}
		if ad != nil {
			where.ad = p.Entity.ID
		}
		k, ok := at[where]
		if !ok {
			from := q.from.AddDays(period * step)
			k = len(rows)
			at[where] = k
			rows = append(rows, insightRow{campaign: i, group: group, from: from, to: min(from.AddDays(step-1), q.to), item: item, ad: ad})
		}
		r := &rows[k]
		r.Cost += p.Cost
		r.Value += p.Value
		r.Conversions += p.Conversions
		r.Clicks += p.Clicks
		r.Impressions += p.Impressions
	}
	switch {
	case q.level == "ad":
		for _, d := range s.Market.AdReport(platform.Meta, q.from, q.to) {
			if d.Impressions > 0 {
				c := st.campaigns[index[s.Market.Scenario().Campaigns[d.Campaign].ID]]
				add(d.Performance, c.ID, d.Ad%len(c.Groups), nil, &d)
			}
		}
	case q.byItem:
		for _, d := range s.Market.ItemReport(platform.Meta, q.from, q.to) {
			add(d.Performance, d.Entity.ID, 0, d.Product, nil)
		}
	default:
		for _, d := range s.Market.GroupReport(platform.Meta, q.from, q.to) {
			add(d.Performance, d.Entity.ID, d.Group, nil, nil)
		}
	}
	return rows
}

func (s *server) timeRange(req request) (from, to civil.Date, fail *graphError) {
	today := s.Market.Today()
	if text, ok := given(req, "time_range"); ok {
		var r struct{ Since, Until civil.Date }
		if err := json.Unmarshal([]byte(text), &r); err != nil || r.Since.IsZero() || r.Until.IsZero() {
			return 0, 0, invalid("Param time_range must be an object with since and until, dates of the form YYYY-MM-DD")
		}
		if r.Until < r.Since {
			return 0, 0, invalid("Param time_range: since must not be after until")
		}
		return r.Since, r.Until, nil
	}
	preset, ok := given(req, "date_preset")
	if !ok {
		preset = "last_30d"
	}
	y, m, _ := today.Time().Date()
	switch preset {
	case "today":
		return today, today, nil
	case "yesterday":
		return today - 1, today - 1, nil
	case "this_month":
		return civil.On(y, m, 1), today, nil
	case "last_month":
		return civil.On(y, m-1, 1), civil.On(y, m, 1) - 1, nil
	case "maximum", "data_maximum":
		sc := s.Market.Scenario()
		return sc.Start.AddDays(-sc.History), today, nil
	}
	if n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(preset, "last_"), "d")); err == nil && hasWord("3 7 14 28 30 90", strconv.Itoa(n)) {
		return today.AddDays(-n), today - 1, nil
	}
	return 0, 0, invalid("Param date_preset: %s is not one of them", preset)
}

const insightKnown = "account_name reach_v2 unique_clicks cost_per_action_type cost_per_conversion conversions conversion_values website_purchase_roas buying_type optimization_goal attribution_setting created_time updated_time"

func (s *server) insightObject(r insightRow, st structure, level string, windows []string) object {
	sc := s.Market.Scenario()
	v := map[string]any{
		"date_start": r.from.String(), "date_stop": r.to.String(),
		"account_id": s.AdAccountID, "account_name": sc.Name, "account_currency": sc.Currency,
		"spend": s.decimal(r.Cost), "impressions": fmt.Sprint(r.Impressions), "clicks": fmt.Sprint(r.Clicks), "inline_link_clicks": fmt.Sprint(r.Clicks),
		"objective": "OUTCOME_SALES",
	}
	reach := s.reach(r, st)
	v["reach"] = fmt.Sprint(reach)
	v["frequency"] = ratio(float64(r.Impressions), float64(reach))
	v["ctr"] = ratio(100*float64(r.Clicks), float64(r.Impressions))
	v["cpm"] = ratio(1000*r.Cost.Float(), float64(r.Impressions))
	if r.Clicks > 0 {
		v["cpc"] = ratio(r.Cost.Float(), float64(r.Clicks))
	}
	if r.campaign >= 0 {
		c := st.campaigns[r.campaign]
		v["campaign_id"], v["campaign_name"] = campaignID(c), c.Name
		if level == "adset" || level == "ad" {
			a := adSet{c, r.group}
			v["adset_id"], v["adset_name"] = a.id(), a.name()
		}
	}
	if r.ad != nil {
		v["ad_id"], v["ad_name"] = r.ad.Entity.ID, r.ad.Name
	}
	if r.item != nil { // purchases on the shop's site are of no product
		r.Conversions, r.Value = 0, 0
		v["product_id"] = r.item.SKU + ", " + r.item.Title
	}
	if r.Clicks > 0 || r.Conversions > 0 {
		actions := []map[string]string{{"action_type": "link_click", "value": fmt.Sprint(r.Clicks)}}
		v["actions"] = append(actions, purchases(r.Conversions, 0, windows)...)
	}
	if r.Conversions > 0 {
		v["action_values"] = purchases(r.Value.Float(), s.decimals(), windows)
		if r.Cost > 0 {
			v["purchase_roas"] = []map[string]string{{"action_type": "omni_purchase", "value": ratio(r.Value.Float(), r.Cost.Float())}}
		}
	}
	// The asked-for fields always include the days.
	return object{kind: "AdsInsights", values: v, known: insightKnown + " campaign_id campaign_name adset_id adset_name ad_id ad_name cpc actions action_values purchase_roas"}.always("date_start", "date_stop", "product_id")
}

// audiencePerOpportunity is how many people a campaign can reach for each of its
// daily opportunities.
const audiencePerOpportunity = 100

// reach is how many of a campaign's audience saw the impressions of a row if
// each goes to one of them at random: the more are bought, the oftener the same
// people see them.
func (s *server) reach(r insightRow, st structure) int64 {
	var audience float64
	for _, c := range s.Market.Scenario().Campaigns {
		if r.campaign >= 0 && c.ID == st.campaigns[r.campaign].ID || r.campaign < 0 && c.Platform == platform.Meta {
			audience += audiencePerOpportunity * c.N
		}
	}
	if audience <= 0 || r.Impressions <= 0 {
		return 0
	}
	reach := int64(math.Round(audience * -math.Expm1(-float64(r.Impressions)/audience)))
	return min(max(reach, 1), r.Impressions)
}

// purchases lists the same purchases under Graph's overlapping action types.
// Of the windows asked for, seven days after a click get four fifths.
func purchases(total float64, decimals int, windows []string) []map[string]string {
	var out []map[string]string
	scale := math.Pow10(decimals)
	views := math.Floor(total*scale/5) / scale
	for _, kind := range []string{"omni_purchase", "purchase", "offsite_conversion.fb_pixel_purchase"} {
		a := map[string]string{"action_type": kind, "value": number(total, decimals)}
		if slices.Contains(windows, "7d_click") && slices.Contains(windows, "1d_view") {
			a["7d_click"], a["1d_view"] = number(total-views, decimals), number(views, decimals)
		} else if len(windows) > 0 {
			a[windows[0]] = number(total, decimals)
		}
		out = append(out, a)
	}
	return out
}

// number writes a value with the decimals, fewer where it has fewer; counts of
// modelled conversions may have a fraction.
func number(v float64, decimals int) string {
	if decimals == 0 && v != math.Trunc(v) {
		decimals = 6
	}
	return strconv.FormatFloat(v, 'f', decimals, 64)
}

func (s *server) decimals() int { return money.Decimals(s.Market.Scenario().Currency) }

func (s *server) decimal(m money.Micros) string {
	return strconv.FormatFloat(m.Float(), 'f', s.decimals(), 64)
}

func ratio(a, b float64) string {
	if b == 0 {
		return "0"
	}
	return strconv.FormatFloat(a/b, 'f', 6, 64)
}

func (s *server) startReport(req request) (any, *graphError) {
	if _, _, _, fail := s.insightRows(req, "account", nil); fail != nil {
		return nil, fail
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &report{id: strconv.Itoa(600_000_000_000_001 + s.traces), req: req}
	if len(s.reports) >= keptReports {
		s.reports = s.reports[1:]
	}
	s.reports = append(s.reports, r)
	return map[string]any{"report_run_id": r.id}, nil
}

func (s *server) report(id string) (*report, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.reports {
		if r.id == id {
			return r, true
		}
	}
	return nil, false
}

// reportNode is the state of a report, which is under way when first asked for,
// and then its rows.
func (s *server) reportNode(req request, r *report, edge string) (any, *graphError) {
	if req.method != http.MethodGet || edge != "" && edge != "insights" {
		return nil, unknownObject(req.method, strings.Join(req.path, "/"))
	}
	s.mu.Lock()
	if edge == "" {
		r.polls++
	}
	polls := r.polls
	s.mu.Unlock()
	if edge == "insights" {
		if polls < 2 {
			return nil, invalid("The report run %s is not completed", r.id)
		}
		rows, st, level, fail := s.insightRows(r.req, "account", nil)
		if fail != nil {
			return nil, fail
		}
		one := req
		for _, name := range []string{"fields", "action_attribution_windows"} {
			if text, ok := given(r.req, name); ok && one.params.Get(name) == "" {
				one.params.Set(name, text)
			}
		}
		return s.insightPage(one, rows, st, level)
	}
	state, percent := "Job Running", 50
	if polls > 1 {
		state, percent = "Job Completed", 100
	}
	return map[string]any{"id": r.id, "account_id": s.AdAccountID, "async_status": state, "async_percent_completion": percent}, nil
}
