package meta_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"adsteward/internal/civil"
	"adsteward/internal/platform"
	"adsteward/internal/sandbox/faults"
	"adsteward/internal/sandbox/lists"
	"adsteward/internal/sandbox/market"
	"adsteward/internal/sandbox/meta"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const shop = `{"name": "shop", "seed": 3, "start": "2026-03-01", "nights": 30, "history_days": 40, "currency": "EUR",
  "campaigns": [
    {"id": "m1", "platform": "meta", "name": "Prospecting", "budget": 120, "n": 1200},
    {"id": "m2", "platform": "meta", "name": "Catalogue", "budget": 80.5, "target_roas": 2.5},
    {"id": "g1", "platform": "google", "budget": 50}]}`

var (
	campaign1 = market.RemoteCampaignID(platform.Meta, 0)
	campaign2 = market.RemoteCampaignID(platform.Meta, 1)
	adSet1    = "99" + campaign1
	adSet2    = "99" + campaign2
	hash      = strings.Repeat("ab", 32)
	hash2     = strings.Repeat("cd", 32)
)

type account struct {
	*httptest.Server
	market *market.Market
	faults *faults.Table
	lists  *lists.Lists
}

func setup(t *testing.T, adjust ...func(*meta.Options)) *account {
	t.Helper()
	sc, err := market.ReadScenario(strings.NewReader(shop))
	if err != nil {
		t.Fatal(err)
	}
	m, err := market.New(sc)
	if err != nil {
		t.Fatal(err)
	}
	a := &account{market: m, faults: faults.NewTable(), lists: lists.New(meta.FirstAudienceID)}
	o := meta.Options{Market: m, Faults: a.faults, Lists: a.lists, AdAccountID: "77", AccessToken: "TOKEN", AppSecret: "SECRET"}
	for _, f := range adjust {
		f(&o)
	}
	a.Server = httptest.NewServer(meta.New(o))
	t.Cleanup(a.Close)
	return a
}

// ask sends a request with its parameters where the method has them, and
// returns the status and the answer's JSON.
func (a *account) ask(t *testing.T, method, path string, params url.Values) (int, map[string]any) {
	t.Helper()
	if params == nil {
		params = url.Values{}
	}
	if !params.Has("access_token") {
		params.Set("access_token", "TOKEN")
	}
	var req *http.Request
	var err error
	if method == http.MethodPost {
		req, err = http.NewRequest(method, a.URL+path, strings.NewReader(params.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	} else {
		req, err = http.NewRequest(method, a.URL+path+"?"+params.Encode(), nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	status, body, _ := a.send(t, req)
	return status, body
}

func (a *account) send(t *testing.T, req *http.Request) (int, map[string]any, http.Header) {
	t.Helper()
	resp, err := a.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(data, &out); err != nil && !bytes.HasPrefix(data, []byte("[")) {
		t.Fatalf("%s: %v", data, err)
	}
	if out == nil {
		out = map[string]any{"list": json.RawMessage(data)}
	}
	return resp.StatusCode, out, resp.Header
}

// code returns an answer's error code with its subcode, "" for none.
func code(body map[string]any) string {
	e, ok := body["error"].(map[string]any)
	if !ok {
		return ""
	}
	if e["message"] == "" || e["fbtrace_id"] == "" || e["type"] == "" {
		return "incomplete"
	}
	s := fmt.Sprint(e["code"])
	if sub, ok := e["error_subcode"]; ok {
		s += "/" + strconv.FormatFloat(sub.(float64), 'f', -1, 64)
	}
	return s
}

func v(pairs ...string) url.Values {
	out := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		out.Set(pairs[i], pairs[i+1])
	}
	return out
}

// TestRules holds what the account takes and what it refuses, side by side.
func TestRules(t *testing.T) {
	t.Parallel()
	mac := hmac.New(sha256.New, []byte("SECRET"))
	mac.Write([]byte("TOKEN"))
	proof := hex.EncodeToString(mac.Sum(nil))
	act, camp, set := "/v26.0/act_77", "/v26.0/"+campaign1, "/v26.0/"+adSet2
	for _, tc := range []struct {
		name, method, path string
		params             url.Values
		want               string
	}{
		{"version 26", "GET", act, nil, ""},
		{"version 25", "GET", "/v25.0/act_77", nil, ""},
		{"no version", "GET", "/act_77", nil, ""},
		{"version 24 has ended", "GET", "/v24.0/act_77", nil, "2635"},
		{"version 9 too", "GET", "/v9.0/act_77", nil, "2635"},
		{"version 27 is not there", "GET", "/v27.0/act_77", nil, "2500"},
		{"wrong token", "GET", act, v("access_token", "other"), "190"},
		{"no token", "GET", act, v("access_token", ""), "190"},
		{"right proof", "GET", act, v("appsecret_proof", proof), ""},
		{"wrong proof", "GET", act, v("appsecret_proof", strings.Repeat("0", 64)), "100"},
		{"another account", "GET", "/v26.0/act_78", nil, "100/33"},
		{"unknown object", "GET", "/v26.0/123", nil, "100/33"},
		{"unknown edge", "GET", act + "/adrules", nil, "100/33"},
		{"me", "GET", "/v26.0/me", nil, ""},
		{"my accounts", "GET", "/v26.0/me/adaccounts", nil, ""},

		{"known fields", "GET", camp, v("fields", "id,name,daily_budget,spend_cap,adsets.limit(3){id,name}"), ""},
		{"unknown field", "GET", camp, v("fields", "id,colour"), "100"},
		{"unknown field of an edge", "GET", camp, v("fields", "adsets{colour}"), "100"},
		{"fields cannot be read", "GET", camp, v("fields", "adsets{id"), "2500"},
		{"ids", "GET", "/v26.0/", v("ids", campaign1+","+adSet1), ""},
		{"one unknown id", "GET", "/v26.0/", v("ids", campaign1+",5"), "100/33"},
		{"no ids", "GET", "/v26.0/", nil, "100/33"},
		{"limit", "GET", act + "/campaigns", v("limit", "1"), ""},
		{"bad limit", "GET", act + "/campaigns", v("limit", "0"), "100"},
		{"bad cursor", "GET", act + "/campaigns", v("after", "!!"), "100"},
		{"filter", "GET", act + "/campaigns", v("filtering", `[{"field":"name","operator":"CONTAIN","value":"Cat"}]`), ""},
		{"bad filter", "GET", act + "/campaigns", v("filtering", `{}`), "100"},
		{"unknown operator", "GET", act + "/campaigns", v("filtering", `[{"field":"name","operator":"LIKE","value":"Cat"}]`), "100"},

		{"budget", "POST", camp, v("daily_budget", "13000"), ""},
		{"budget at the minimum", "POST", camp, v("daily_budget", "100"), ""},
		{"budget below it", "POST", camp, v("daily_budget", "99"), "100/1885272"},
		{"budget of zero", "POST", camp, v("daily_budget", "0"), "100"},
		{"budget below zero", "POST", camp, v("daily_budget", "-5"), "100"},
		{"budget with a fraction", "POST", camp, v("daily_budget", "130.50"), "100"},
		{"budget beyond all", "POST", camp, v("daily_budget", "999999999999"), "100/1885650"},
		{"validation of a budget", "POST", camp, v("daily_budget", "13000", "execution_options", `["validate_only"]`), ""},
		{"validation of a bad one", "POST", camp, v("daily_budget", "1", "execution_options", `["validate_only"]`), "100/1885272"},
		{"broken options", "POST", camp, v("daily_budget", "13000", "execution_options", `validate`), "100"},
		{"switch", "POST", camp, v("status", "PAUSED"), "100"},
		{"parameter nobody knows", "POST", camp, v("colour", "red"), ""},
		{"floor", "POST", set, v("bid_constraints", `{"roas_average_floor":27500}`), ""},
		{"floor as text", "POST", set, v("bid_constraints", `{"roas_average_floor":"27500"}`), ""},
		{"floor of 0.01", "POST", set, v("bid_constraints", `{"roas_average_floor":100}`), ""},
		{"floor below it", "POST", set, v("bid_constraints", `{"roas_average_floor":99}`), "100/1885737"},
		{"floor above 1000", "POST", set, v("bid_constraints", `{"roas_average_floor":10000001}`), "100/1885737"},
		{"no floor in it", "POST", set, v("bid_constraints", `{}`), "100"},
		{"floor without the strategy", "POST", "/v26.0/" + adSet1, v("bid_constraints", `{"roas_average_floor":27500}`), "100/1885738"},
		{"budget of an ad set", "POST", set, v("daily_budget", "5000"), "100/1885621"},
		{"bid without a cap", "POST", set, v("bid_amount", "500"), "100/1815857"},
		{"deleting a campaign", "DELETE", camp, nil, "100/33"},

		{"insights", "GET", act + "/insights", v("level", "campaign", "time_increment", "1", "fields", "campaign_id,spend,actions,action_values,reach,frequency"), ""},
		{"insights of a campaign", "GET", camp + "/insights", nil, ""},
		{"unknown level", "GET", act + "/insights", v("level", "planet"), "100"},
		{"broken range", "GET", act + "/insights", v("time_range", `{"since":"yesterday"}`), "100"},
		{"range backwards", "GET", act + "/insights", v("time_range", `{"since":"2026-02-02","until":"2026-02-01"}`), "100"},
		{"preset", "GET", act + "/insights", v("date_preset", "last_7d"), ""},
		{"unknown preset", "GET", act + "/insights", v("date_preset", "last_5d"), "100"},
		{"bad increment", "GET", act + "/insights", v("time_increment", "91"), "100"},
		{"windows", "GET", act + "/insights", v("action_attribution_windows", `["7d_click","1d_view"]`), ""},
		{"unknown window", "GET", act + "/insights", v("action_attribution_windows", `["9d_click"]`), "100"},
		{"breakdowns", "GET", act + "/insights", v("breakdowns", "age"), "100"},
		{"unknown field of insights", "GET", act + "/insights", v("fields", "colour"), "100"},
		{"activities", "GET", act + "/activities", v("since", "2026-02-01", "until", "1772323200"), ""},
		{"activities since never", "GET", act + "/activities", v("since", "long ago"), "100"},

		{"audience", "POST", act + "/customaudiences", v("name", "A", "subtype", "CUSTOM", "customer_file_source", "USER_PROVIDED_ONLY"), ""},
		{"audience without a name", "POST", act + "/customaudiences", v("subtype", "CUSTOM", "customer_file_source", "USER_PROVIDED_ONLY"), "100"},
		{"audience without a source", "POST", act + "/customaudiences", v("name", "A", "subtype", "CUSTOM"), "100/1870053"},
		{"audience of websites", "POST", act + "/customaudiences", v("name", "A", "subtype", "WEBSITE"), "100"},
		{"lookalike of nothing", "POST", act + "/customaudiences", v("name", "A", "subtype", "LOOKALIKE", "origin_audience_id", "5", "lookalike_spec", `{"ratio":0.01,"country":"DE"}`), "100"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			status, body := setup(t).ask(t, tc.method, tc.path, tc.params)
			if got := code(body); got != tc.want {
				t.Errorf("code %q, want %q: %v", got, tc.want, body)
			}
			if (status == 200) != (tc.want == "") {
				t.Errorf("status %d", status)
			}
		})
	}
}

func TestTheTokenMayComeInThreeWays(t *testing.T) {
	t.Parallel()
	a := setup(t)
	for name, req := range map[string]func() *http.Request{
		"address": func() *http.Request {
			r, _ := http.NewRequest("GET", a.URL+"/v26.0/act_77?access_token=TOKEN", nil)
			return r
		},
		"Bearer": func() *http.Request {
			r, _ := http.NewRequest("GET", a.URL+"/v26.0/act_77", nil)
			r.Header.Set("Authorization", "Bearer TOKEN")
			return r
		},
		"OAuth": func() *http.Request {
			r, _ := http.NewRequest("GET", a.URL+"/v26.0/act_77", nil)
			r.Header.Set("Authorization", "OAuth TOKEN")
			return r
		},
		"form": func() *http.Request {
			r, _ := http.NewRequest("POST", a.URL+"/v26.0/"+campaign1, strings.NewReader("access_token=TOKEN&daily_budget=5000"))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			return r
		},
		"JSON": func() *http.Request {
			r, _ := http.NewRequest("POST", a.URL+"/v26.0/"+campaign1, strings.NewReader(`{"access_token":"TOKEN","daily_budget":5000}`))
			r.Header.Set("Content-Type", "application/json")
			return r
		},
		"multipart": func() *http.Request {
			var b bytes.Buffer
			w := multipart.NewWriter(&b)
			w.WriteField("access_token", "TOKEN")
			w.WriteField("daily_budget", "5000")
			w.Close()
			r, _ := http.NewRequest("POST", a.URL+"/v26.0/"+campaign1, &b)
			r.Header.Set("Content-Type", w.FormDataContentType())
			return r
		},
	} {
		if status, body, _ := a.send(t, req()); status != 200 {
			t.Errorf("%s: %v", name, body)
		}
	}
}

func TestCampaignsOwnTheirBudget(t *testing.T) {
	t.Parallel()
	a := setup(t)
	_, body := a.ask(t, "GET", "/v26.0/act_77/campaigns", v("fields", "id,daily_budget,bid_strategy,status"))
	data := body["data"].([]any)
	if len(data) != 2 {
		t.Fatalf("%d campaigns, want the 2 of this platform", len(data))
	}
	second := data[1].(map[string]any)
	if second["daily_budget"] != "8050" || second["bid_strategy"] != "LOWEST_COST_WITH_MIN_ROAS" || second["status"] != "ACTIVE" {
		t.Errorf("the second campaign reads %v", second)
	}
	if status, body := a.ask(t, "POST", "/v26.0/"+campaign2, v("daily_budget", "9001")); status != 200 || body["success"] != true {
		t.Fatal(body)
	}
	_, body = a.ask(t, "GET", "/v26.0/"+campaign2, v("fields", "daily_budget"))
	if body["daily_budget"] != "9001" || body["id"] != campaign2 {
		t.Errorf("read back %v", body)
	}
	_, body = a.ask(t, "GET", "/v26.0/act_77/adsets", v("fields", "id,daily_budget,campaign_id,bid_constraints,learning_stage_info,campaign{daily_budget}"))
	set := body["data"].([]any)[1].(map[string]any)
	if _, has := set["daily_budget"]; has {
		t.Errorf("an ad set has a budget of its own: %v", set)
	}
	if floor := set["bid_constraints"].(map[string]any)["roas_average_floor"]; floor != 25000.0 {
		t.Errorf("the floor is %v", floor)
	}
	if set["campaign"].(map[string]any)["daily_budget"] != "9001" {
		t.Errorf("the ad set's campaign reads %v", set["campaign"])
	}
}

func TestValidateOnlyChangesNothing(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.ask(t, "POST", "/v26.0/"+campaign1, v("daily_budget", "13000", "execution_options", `["validate_only","include_recommendations"]`))
	if n := len(a.market.Changes(platform.Meta)); n != 0 {
		t.Errorf("%d changes", n)
	}
}

func TestPagesFollowTheirNext(t *testing.T) {
	t.Parallel()
	a := setup(t)
	next := a.URL + "/v26.0/act_77/insights?" + v("access_token", "TOKEN", "level", "campaign", "time_increment", "1", "limit", "9",
		"fields", "campaign_id", "time_range", `{"since":"2026-02-01","until":"2026-02-10"}`).Encode()
	seen := map[string]bool{}
	for pages := 1; next != ""; pages++ {
		req, err := http.NewRequest("GET", next, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, body, _ := a.send(t, req)
		for _, r := range body["data"].([]any) {
			row := r.(map[string]any)
			seen[fmt.Sprint(row["campaign_id"], row["date_start"])] = true
		}
		paging := body["paging"].(map[string]any)
		if paging["cursors"].(map[string]any)["after"] == "" {
			t.Error("a page has no cursor")
		}
		next, _ = paging["next"].(string)
		if (next == "") != (pages == 3) {
			t.Fatalf("page %d of 3 has the next %q", pages, next)
		}
	}
	if len(seen) != 20 {
		t.Errorf("%d rows, want one for each of 2 campaigns and 10 days", len(seen))
	}
}

func TestInsightsSumUp(t *testing.T) {
	t.Parallel()
	a := setup(t)
	ask := func(params ...string) []any {
		_, body := a.ask(t, "GET", "/v26.0/act_77/insights", v(append([]string{"time_range", `{"since":"2026-02-01","until":"2026-02-10"}`, "fields", "spend,account_id"}, params...)...))
		data, _ := body["data"].([]any)
		return data
	}
	spend := func(rows []any) (sum float64) {
		for _, r := range rows {
			f, err := strconv.ParseFloat(r.(map[string]any)["spend"].(string), 64)
			if err != nil {
				t.Fatal(err)
			}
			sum += f
		}
		return sum
	}
	daily := ask("level", "campaign", "time_increment", "1", "limit", "100")
	for name, tc := range map[string]struct {
		rows []any
		n    int
	}{
		"account":       {ask(), 1},
		"account daily": {ask("time_increment", "1"), 10},
		"campaigns":     {ask("level", "campaign"), 2},
		"ad sets":       {ask("level", "adset", "time_increment", "7"), 4},
	} {
		if len(tc.rows) != tc.n {
			t.Errorf("%s: %d rows, want %d", name, len(tc.rows), tc.n)
		}
		if got, want := spend(tc.rows), spend(daily); got < want-0.05 || got > want+0.05 {
			t.Errorf("%s: spend %v, by day %v", name, got, want)
		}
	}
	if rows := ask("level", "campaign", "time_increment", "1", "limit", "100", "filtering", `[{"field":"campaign.id","operator":"IN","value":["`+campaign1+`"]}]`); len(rows) != 10 {
		t.Errorf("filtered: %d rows, want 10", len(rows))
	}
	if rows := ask("level", "ad"); len(rows) != 0 {
		t.Errorf("there are no ads, and %d rows", len(rows))
	}
}

// The longer the time and the larger the spend, the oftener a person sees an ad,
// and the same people are not counted twice.
func TestFrequencyGrowsWithWhatIsBought(t *testing.T) {
	t.Parallel()
	a := setup(t)
	ask := func(preset string) (impressions, reach, frequency float64) {
		_, body := a.ask(t, "GET", "/v26.0/act_77/insights", v("level", "campaign", "date_preset", preset, "fields", "impressions,reach,frequency"))
		row := body["data"].([]any)[0].(map[string]any)
		for key, to := range map[string]*float64{"impressions": &impressions, "reach": &reach, "frequency": &frequency} {
			f, err := strconv.ParseFloat(row[key].(string), 64)
			if err != nil {
				t.Fatal(err)
			}
			*to = f
		}
		return impressions, reach, frequency
	}
	_, dayReach, day := ask("yesterday")
	impressions, reach, week := ask("last_7d")
	if day < 1 || week <= day || reach <= dayReach || reach >= 7*dayReach {
		t.Errorf("a day: %v people, %v times; a week: %v people, %v times", dayReach, day, reach, week)
	}
	if math.Abs(week-impressions/reach) > 1e-4 {
		t.Errorf("a frequency of %v, although %v impressions reached %v", week, impressions, reach)
	}
}

func TestAReportTakesTwoLooks(t *testing.T) {
	t.Parallel()
	a := setup(t)
	_, body := a.ask(t, "POST", "/v26.0/act_77/insights", v("level", "campaign", "time_increment", "1", "fields", "campaign_id,spend", "date_preset", "last_7d"))
	id, _ := body["report_run_id"].(string)
	if id == "" {
		t.Fatal(body)
	}
	if _, body = a.ask(t, "GET", "/v26.0/"+id, nil); body["async_status"] != "Job Running" {
		t.Errorf("first %v", body)
	}
	if _, body = a.ask(t, "GET", "/v26.0/"+id+"/insights", nil); code(body) != "100" {
		t.Errorf("rows before the report is complete: %v", body)
	}
	if _, body = a.ask(t, "GET", "/v26.0/"+id, nil); body["async_status"] != "Job Completed" || body["async_percent_completion"] != 100.0 {
		t.Errorf("then %v", body)
	}
	_, body = a.ask(t, "GET", "/v26.0/"+id+"/insights", v("limit", "100"))
	if rows := body["data"].([]any); len(rows) != 14 || rows[0].(map[string]any)["spend"] == nil {
		t.Errorf("%d rows: %v", len(rows), rows)
	}
	if _, body = a.ask(t, "POST", "/v26.0/act_77/insights", v("level", "planet")); code(body) != "100" {
		t.Errorf("a report that cannot be made was taken: %v", body)
	}
}

func TestActivitiesTellWhoDidWhat(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.ask(t, "POST", "/v26.0/"+campaign1, v("daily_budget", "13000"))
	a.market.AdvanceTo(civil.MustParse("2026-03-02"))
	if err := a.market.SetBudget("m2", 90_000_000, "Ada", "Ads Manager"); err != nil {
		t.Fatal(err)
	}
	_, body := a.ask(t, "GET", "/v26.0/act_77/activities", nil)
	data := body["data"].([]any)
	if len(data) != 2 {
		t.Fatalf("%d activities: %v", len(data), body)
	}
	newest := data[0].(map[string]any)
	var extra struct {
		Old map[string]any `json:"old_value"`
		New map[string]any `json:"new_value"`
	}
	if err := json.Unmarshal([]byte(newest["extra_data"].(string)), &extra); err != nil {
		t.Fatal(err)
	}
	if newest["actor_name"] != "Ada" || newest["event_type"] != "update_campaign_budget" || extra.Old["old_value"] != 8050.0 || extra.New["new_value"] != 9000.0 {
		t.Errorf("the newest is %v", newest)
	}
	if _, body = a.ask(t, "GET", "/v26.0/act_77/activities", v("since", "2026-03-20")); len(body["data"].([]any)) != 0 {
		t.Errorf("activities of the future: %v", body)
	}
}

func TestBatch(t *testing.T) {
	t.Parallel()
	a := setup(t)
	batch := `[{"method":"GET","relative_url":"v26.0/` + campaign1 + `?fields=name"},{"method":"POST","relative_url":"` + campaign1 + `","body":"daily_budget=0"},{"method":"GET","relative_url":"5"}]`
	_, body := a.ask(t, "POST", "/v26.0/", v("batch", batch))
	var answers []struct {
		Code int
		Body string
	}
	if err := json.Unmarshal(body["list"].(json.RawMessage), &answers); err != nil {
		t.Fatal(err)
	}
	if len(answers) != 3 || answers[0].Code != 200 || !strings.Contains(answers[0].Body, "Prospecting") || answers[1].Code != 400 || answers[2].Code != 400 {
		t.Errorf("%+v", answers)
	}
	if _, body := a.ask(t, "POST", "/v26.0/", v("batch", "x")); code(body) != "100" {
		t.Errorf("a batch that is none: %v", body)
	}
}

func TestTheHourlyLimit(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 10, 45, 0, 0, time.UTC)
	a := setup(t, func(o *meta.Options) { o.CallsPerHour, o.Now = 3, func() time.Time { return now } })
	get := func() (string, http.Header) {
		req, err := http.NewRequest("GET", a.URL+"/v26.0/act_77?access_token=TOKEN", nil)
		if err != nil {
			t.Fatal(err)
		}
		_, body, header := a.send(t, req)
		return code(body), header
	}
	for i := range 3 {
		if c, h := get(); c != "" || !strings.Contains(h.Get("X-App-Usage"), fmt.Sprintf(`"call_count":%d`, 100*(i+1)/3)) {
			t.Errorf("call %d: code %q, usage %s", i+1, c, h.Get("X-App-Usage"))
		}
	}
	c, h := get()
	if c != "17/2446079" || !strings.Contains(h.Get("X-Business-Use-Case-Usage"), `"estimated_time_to_regain_access":15`) || h.Get("X-Fb-Trace-Id") == "" {
		t.Errorf("the fourth call: code %q, headers %v", c, h)
	}
	now = now.Add(15 * time.Minute)
	if c, _ := get(); c != "" {
		t.Errorf("in the next hour: code %q", c)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		kind    faults.Kind
		code    string // "none" for no answer at all
		applied bool
	}{
		{faults.TimeoutBefore, "none", false},
		{faults.TimeoutAfter, "none", true},
		{faults.RateLimit, "80004/2446079", false},
		{faults.Unavailable, "2", false},
		{faults.ExpiredToken, "190/463", false},
		{faults.PartialFailure, "100", false},
		{faults.SlowStream, "", true},
		{faults.StaleRead, "", true},
	} {
		t.Run(string(tc.kind), func(t *testing.T) {
			t.Parallel()
			a := setup(t)
			a.faults.Add(faults.Rule{Kind: tc.kind, Service: "meta", Method: "POST /v26.0/" + campaign1, DelayMS: 5})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			req, err := http.NewRequestWithContext(ctx, "POST", a.URL+"/v26.0/"+campaign1, strings.NewReader("access_token=TOKEN&daily_budget=5000"))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			got := "none"
			if resp, err := a.Client().Do(req); err == nil {
				var body map[string]any
				err := json.NewDecoder(resp.Body).Decode(&body)
				resp.Body.Close()
				if err != nil {
					t.Fatal(err)
				}
				got = code(body)
			}
			if applied := len(a.market.Changes(platform.Meta)) == 1; got != tc.code || applied != tc.applied {
				t.Errorf("code %q, applied %v; want %q, %v", got, applied, tc.code, tc.applied)
			}
			if _, body := a.ask(t, "POST", "/v26.0/"+campaign1, v("daily_budget", "6000")); code(body) != "" {
				t.Errorf("the next call meets the fault too: %v", body)
			}
		})
	}
}

func TestAStaleReadHidesTheNewestChangeOnly(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.ask(t, "POST", "/v26.0/"+campaign1, v("daily_budget", "13000"))
	a.ask(t, "POST", "/v26.0/"+adSet2, v("bid_constraints", `{"roas_average_floor":30000}`))
	a.faults.Add(faults.Rule{Kind: faults.StaleRead, Service: "meta", Method: "GET"})
	_, body := a.ask(t, "GET", "/v26.0/", v("ids", campaign1+","+adSet2, "fields", "name"))
	if code(body) != "" {
		t.Fatal(body)
	}
	a.faults.Clear()
	a.faults.Add(faults.Rule{Kind: faults.StaleRead, Service: "meta", Method: "GET", Times: 2})
	_, body = a.ask(t, "GET", "/v26.0/"+adSet2, v("fields", "bid_constraints"))
	if floor := body["bid_constraints"].(map[string]any)["roas_average_floor"]; floor != 25000.0 {
		t.Errorf("the newest change shows: %v", floor)
	}
	if _, body = a.ask(t, "GET", "/v26.0/"+campaign1, v("fields", "daily_budget")); body["daily_budget"] != "13000" {
		t.Errorf("the change before it is hidden: %v", body)
	}
}

func FuzzAnything(f *testing.F) {
	f.Add("GET", "v26.0/act_77/campaigns", "fields=id,adsets.limit(1){id}&limit=1")
	f.Add("POST", "v26.0/23800000000000001/users", `payload={"schema":["EMAIL",["x"]],"data":[[{}],7,null]}&session={"session_id":1,"batch_seq":1}`)
	f.Add("GET", "v26.0/act_77/insights", `time_range={"since":"0001-01-01","until":"9999-12-31"}&time_increment=1`)
	sc, err := market.ReadScenario(strings.NewReader(shop))
	if err != nil {
		f.Fatal(err)
	}
	m, err := market.New(sc)
	if err != nil {
		f.Fatal(err)
	}
	h := meta.New(meta.Options{Market: m, AdAccountID: "77", AccessToken: "TOKEN"})
	f.Fuzz(func(t *testing.T, method, path, params string) {
		if method != "GET" && method != "POST" && method != "DELETE" {
			return
		}
		q, err := url.ParseQuery(params)
		if err != nil {
			return
		}
		q.Set("access_token", "TOKEN")
		r := httptest.NewRequest(method, "/?"+q.Encode(), nil)
		r.URL.Path = "/" + path
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if !json.Valid(w.Body.Bytes()) {
			t.Errorf("no JSON: %s", w.Body)
		}
	})
}
