package market_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"adsteward/internal/sandbox/market"

	"github.com/google/go-cmp/cmp"
)

// head and campaign begin a scenario and a campaign; what follows is on line 3.
const (
	head     = "{\"start\": \"2026-01-01\",\n \"nights\": 3,\n "
	one      = `"campaigns": [{"id": "a", "platform": "meta"}]`
	campaign = head + "\"campaigns\": [{\"id\": \"a\", \"platform\": \"google\", "
)

func event(fields string) string {
	return head + one + ",\n \"events\": [{" + fields + "}]}"
}

// An error says where, what and what to do.
func TestReadScenarioRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ text, want string }{
		"empty":       {"", "line 1, column 1: the text ends before the scenario does; give a whole JSON object"},
		"cut off":     {"{\"start\":\n", "line 2, column 1: the text ends before the scenario does"},
		"not JSON":    {"{\n hello", "line 2, column 2: invalid character 'h' looking for beginning of object key string; correct the JSON there"},
		"a list":      {"[]", "line 1, column 1: a list cannot stand here; give a JSON object"},
		"more behind": {head + one + "}x", "line 3, column 49: invalid character 'x' after top-level value"},
		"after a BOM": {"\ufeff{\"x\": 1}", `line 1, column 2: the field "x" is not known; remove it or correct its name`},

		"unknown field":             {head + `"nigths": 3}`, `line 3, column 2: the field "nigths" is not known; did you mean nights?`},
		"unknown field of campaign": {campaign + `"bugdet": 3}]}`, `line 3, column 50: campaigns[0]: the field "bugdet" is not known; did you mean budget?`},
		"unknown field of an event": {event(`"date": "2026-01-02", "day": 2`), `line 4, column 36: events[0]: the field "day" is not known; did you mean days?`},
		"another case":              {campaign + `"Budget": 55}]}`, `campaigns[0]: the field "Budget" is not known; did you mean budget?`},
		"another case of the head":  {`{"Start": "2026-01-01"}`, `line 1, column 2: the field "Start" is not known; did you mean start?`},
		"a field of two lines":      {"{\"a\\nb\": 1}", `the field "a\nb" is not known`},
		"twice":                     {campaign + `"n": 3, "n": 4}]}`, "line 3, column 58: campaigns[0].n: this field is there twice; remove one"},

		"text for a number":    {campaign + `"budget": "100"}]}`, `line 3, column 50: campaigns[0].budget: "100" cannot stand here; give a finite number`},
		"too large a number":   {campaign + `"v": 1e400}]}`, "campaigns[0].v: 1e400 cannot stand here; give a finite number"},
		"half a night":         {`{"nights": 1.5}`, "nights: 1.5 cannot stand here; give a whole number"},
		"a number for text":    {`{"name": 1}`, "name: 1 cannot stand here; give text in quotes"},
		"no day":               {`{"start": "2026-02-30"}`, `start: "2026-02-30" cannot stand here; give a date such as "2026-01-31"`},
		"a seed below 0":       {`{"seed": -1}`, "seed: -1 cannot stand here; give a whole number of at least 0"},
		"an object for many":   {`{"events": {}}`, "events: an object cannot stand here; give a list"},
		"an object for target": {campaign + `"target_roas": {}}]}`, "campaigns[0].target_roas: an object cannot stand here; give a finite number or null"},
		"no campaign":          {head + `"campaigns": [null]}`, "line 3, column 16: campaigns[0]: null cannot stand here; give a JSON object"},
		"a working week":       {campaign + `"dow": [1, 1, 1, 1, 1]}]}`, "line 3, column 50: campaigns[0].dow: there are 5 numbers; give 7"},
		"a long week":          {campaign + `"dow": [1, 1, 1, 1, 1, 1, 1, 1]}]}`, "campaigns[0].dow: there are 8 numbers; give 7"},
		"a day of nothing":     {campaign + `"dow": [1, null, 1, 1, 1, 1, 1]}]}`, "line 3, column 61: campaigns[0].dow[1]: null cannot stand here"},
		"a day below 0":        {campaign + `"dow": [1, -1, 1, 1, 1, 1, 1]}]}`, "line 3, column 61: campaigns[0].dow[1]: -1 is out of range; give a number from 0 to 100"},
		"a week of nothing":    {campaign + `"dow": [0, 0, 0, 0, 0, 0, 0]}]}`, "campaigns[0].dow: there is no demand on any day"},

		"no start":      {"{" + one + "}", `line 1, column 1: start is missing; add "start": "2026-01-01"`},
		"long ago":      {`{"start": "0001-01-01"}`, "start: 0001-01-01 is too far away; give a day from 1900 to 2200"},
		"nights":        {`{"start": "2026-01-01", "nights": 3661, ` + one + "}", "line 1, column 25: nights: 3661 is out of range; give a number from 0 to 3660"},
		"history":       {head + `"history_days": 100000000, ` + one + "}", "history_days: 1e+08 is out of range; give a number from 0 to 3660"},
		"horizon":       {head + `"horizon_days": 3661, ` + one + "}", "horizon_days: 3661 is out of range; give a number from 1 to 3660"},
		"discount":      {head + `"discount_rate_annual": -1, ` + one + "}", "discount_rate_annual: -1 is out of range"},
		"margin":        {head + `"recorded_margin": 0, ` + one + "}", "recorded_margin: 0 is out of range; give a number above 0 and at most 2"},
		"no total":      {head + `"total_daily_budget": 0, ` + one + "}", "line 3, column 2: total_daily_budget: 0 is out of range; give a number from 0.01"},
		"total below 0": {head + `"total_daily_budget": -5, ` + one + "}", "line 3, column 2: total_daily_budget: -5 is out of range; give a number from 0.01"},
		"little total":  {head + `"total_daily_budget": 9, ` + one + "}", "total_daily_budget: 9 is less than the min_budget of all campaigns together, 10; raise it"},
		"no campaigns":  {head + `"campaigns": []}`, "line 3, column 2: campaigns: there are no campaigns; add one"},

		"no id":            {head + `"campaigns": [{"platform": "meta"}]}`, `line 3, column 16: campaigns[0]: id is missing; add "id": "..."`},
		"no platform":      {head + `"campaigns": [{"id": "a"}]}`, "line 3, column 16: campaigns[0].platform: \"\" is neither google nor meta"},
		"id twice":         {head + `"campaigns": [{"id": "a", "platform": "meta"}, {"id": "a", "platform": "meta"}]}`, `line 3, column 50: campaigns[1].id: "a" is there twice`},
		"bad rho":          {campaign + `"rho": 1}]}`, "campaigns[0].rho: 1 is out of range; give a number from -0.999 to 0.999"},
		"half a cent":      {campaign + `"budget": 0.004}]}`, "campaigns[0].budget: 0.004 is out of range; give a number from 0.01 to 1e+09"},
		"no largest":       {campaign + `"max_budget": 0}]}`, "campaigns[0].max_budget: 0 is out of range"},
		"least below 0":    {campaign + `"min_budget": -1}]}`, "campaigns[0].min_budget: -1 is out of range; give a number from 0 to 1e+09"},
		"budgets too low":  {campaign + `"budget": 5, "min_budget": 10}]}`, "campaigns: their budgets together, 5, are less than their min_budget together, 10; raise budget"},
		"least above most": {campaign + `"max_budget": 5}]}`, "line 3, column 16: campaigns[0].min_budget: 10 is above max_budget, 5; lower one or raise the other"},
		"two targets": {campaign + `"portfolio": "x", "target_roas": 2}, {"id": "b", "platform": "google", "portfolio": "x", "target_roas": 3}]}`,
			"campaigns[1].target_roas: it is 3, and 2 in a campaign before of the portfolio \"x\""},
		"a campaign's name":   {campaign + `"budget_group": "a"}]}`, "campaigns[0].budget_group: \"a\" is the id of a campaign"},
		"ads of searchers":    {campaign + `"ads": [{}]}]}`, "campaigns[0].ads: ads are for prospecting and retargeting only, not for search"},
		"several ad groups":   {campaign + `"ad_groups": 2}]}`, "campaigns[0].ad_groups: several ad groups are for manual_cpc only"},
		"ad sets of Google":   {campaign + `"ad_sets": 2}]}`, "campaigns[0].ad_sets: ad_sets are for meta only"},
		"too many ad groups":  {campaign + `"bidding": "manual_cpc", "ad_groups": 101}]}`, "line 3, column 75: campaigns[0].ad_groups: 101 is out of range; give 1 to 100"},
		"no share":            {head + `"campaigns": [{"id": "a", "platform": "meta", "ads": [{}, {"share": 0}]}]}`, "line 3, column 61: campaigns[0].ads[1].share: 0 is out of range"},
		"orders without end":  {campaign + `"basket": 1e-9}]}`, "campaigns[0]: a usual day has 8.99e+11 orders"},
		"visits without end":  {campaign + `"p": 1e-9, "n": 1e9, "v": 1e-6}]}`, "and 1e+08 measured visits, of which 1e+06 are possible"},
		"event of nobody":     {event(`"date": "2026-01-02", "kind": "stock_out", "campaign": "b"`), `line 4, column 57: events[0].campaign: there is no campaign "b"`},
		"an unknown kind":     {event(`"date": "2026-01-02", "kind": "sail"`), `events[0].kind: "sail" is not known; use tracking_outage,`},
		"no date":             {event(`"kind": "stock_out"`), `line 4, column 13: events[0]: date is missing; add "date": "2026-01-01"`},
		"no sale":             {event(`"date": "2026-01-02", "kind": "sale", "value": 0`), "events[0].value: 0 is out of range; give a number above 0"},
		"an edit to what":     {event(`"date": "2026-01-02", "kind": "human_edit"`), "line 4, column 13: events[0]: value is missing; add the new daily budget"},
		"an edit to nothing":  {event(`"date": "2026-01-02", "kind": "human_edit", "value": 0.001`), "events[0].value: 0.001 is out of range; give a number from 0.01"},
		"an edit before":      {event(`"date": "2025-12-31", "kind": "human_edit", "value": 5`), "events[0].date: a human_edit before start, 2026-01-01, is not possible"},
		"an event for long":   {event(`"date": "2026-01-02", "kind": "stock_out", "days": 100000`), "events[0].days: 100000 is out of range"},
		"calls that fail not": {event(`"date": "2026-01-02", "kind": "api_fault", "value": -1`), "events[0].value: -1 is out of range"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := market.ReadScenario(strings.NewReader(tc.text))
			var bad *market.BadInput
			if !errors.As(err, &bad) || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v does not hold %q", err, tc.want)
			}
		})
	}
}

// What is missing gets its default, and so does what is null; what is 0 is 0.
func TestDefaults(t *testing.T) {
	t.Parallel()
	for fields, want := range map[string][3]float64{ // least, most, total
		`"budget": 50`: {5, 500, 50},
		`"budget": 50, "min_budget": null, "max_budget": null`: {5, 500, 50},
		`"budget": 50, "min_budget": 0, "max_budget": 60`:      {0.01, 60, 50}, // one coin is the least that can be set
		`"budget": 0.05`: {0.01, 0.5, 0.05},
	} {
		sc := scenario(t, campaign+fields+"}]}")
		c := sc.Campaigns[0]
		if got := [3]float64{c.MinBudget, c.MaxBudget, sc.TotalDailyBudget}; got != want {
			t.Errorf("%s: %v, want %v", fields, got, want)
		}
		// A program leaves out by 0; what was read stays as it is.
		m, err := market.New(sc)
		must(t, err)
		if d := cmp.Diff(sc, m.Scenario()); d != "" {
			t.Errorf("%s: the market's scenario is another one:\n%s", fields, d)
		}
		sc.Campaigns[0].MinBudget, sc.Campaigns[0].MaxBudget, sc.TotalDailyBudget = 0, 0, 0
		m, err = market.New(sc)
		must(t, err)
		if c := m.Scenario().Campaigns[0]; c.MinBudget != max(c.Budget/10, 0.01) || c.MaxBudget != c.Budget*10 || m.Scenario().TotalDailyBudget != c.Budget {
			t.Errorf("%s: a program's scenario is completed to %+v", fields, c)
		}
	}
}

// A scenario that was written is read again as it was.
func TestScenarioRoundTrips(t *testing.T) {
	t.Parallel()
	sc := scenario(t, head+`"recorded_margin": 0.8, "campaigns": [{"id": "a", "platform": "meta", "min_budget": 0, "lists": ["carts"], "ads": [{}, {"share": 3}]},
		{"id": "b", "platform": "google", "target_roas": 4, "portfolio": "p", "dow": [1, 1, 1, 1, 1, 1.5, 0]}], "events": [{"date": "2026-01-02", "kind": "api_fault"}]}`)
	body, err := json.Marshal(sc)
	must(t, err)
	if d := cmp.Diff(sc, scenario(t, string(body))); d != "" {
		t.Error(d)
	}
}
