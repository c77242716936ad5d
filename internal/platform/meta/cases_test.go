package meta

import (
	stdcmp "cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adsteward/internal/civil"
	"adsteward/internal/platform"
	"adsteward/internal/platform/pace"
)

// A case is one call of an adapter's method, the requests it must send, the
// answers it gets and what must come of it. Cases in testdata/good succeed,
// those in testdata/bad fail, as a whole or by the error of a result.
type testCase struct {
	About     string          `json:"about"`
	Config    caseConfig      `json:"config"`
	Call      string          `json:"call"`
	Input     json.RawMessage `json:"input"`
	Exchanges []exchangeCase  `json:"exchanges"`
	Result    json.RawMessage `json:"result"`
	Error     *errorCase      `json:"error"`
}

type caseConfig struct {
	AppSecret string `json:"app_secret"`
	AsyncRows int    `json:"async_rows"`
	PageSize  int    `json:"page_size"`
}

type exchangeCase struct {
	Request struct {
		Method string            `json:"method"`
		Path   string            `json:"path"`
		Params map[string]string `json:"params"`
	} `json:"request"`
	Response struct {
		Status  int               `json:"status"` // 0 is 200
		Headers map[string]string `json:"headers"`
		Body    json.RawMessage   `json:"body"`
		Text    string            `json:"text"` // in place of body, for what is no JSON
	} `json:"response"`
}

type errorCase struct {
	Kind       platform.Kind `json:"kind"`
	Code       string        `json:"code"`
	RequestID  string        `json:"request_id"`
	Message    string        `json:"message"`
	Remedy     bool          `json:"remedy"`
	RetryAfter string        `json:"retry_after"`
}

func TestCases(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"good", "bad"} {
		files, err := filepath.Glob(filepath.Join("testdata", dir, "*.json"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no cases in testdata/%s: %v", dir, err)
		}
		for _, file := range files {
			t.Run(dir+"/"+strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
				t.Parallel()
				tc := readCase(t, file)
				if (tc.Error != nil) != (dir == "bad") {
					t.Fatal("the case is in the wrong directory")
				}
				tc.run(t)
			})
		}
	}
}

func readCase(t *testing.T, file string) testCase {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var tc testCase
	d := json.NewDecoder(f)
	d.DisallowUnknownFields()
	if err := d.Decode(&tc); err != nil {
		t.Fatal(err)
	}
	return tc
}

func (tc testCase) run(t *testing.T) {
	served := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if served >= len(tc.Exchanges) {
			t.Errorf("an unexpected request: %s %s", r.Method, r.URL)
			http.Error(w, "unexpected", http.StatusTeapot)
			return
		}
		ex := tc.Exchanges[served]
		served++
		ex.check(t, r)
		for k, v := range ex.Response.Headers {
			w.Header().Set(k, v)
		}
		w.WriteHeader(max(ex.Response.Status, 200))
		if ex.Response.Text != "" {
			w.Write([]byte(ex.Response.Text))
			return
		}
		w.Write(ex.Response.Body)
	}))
	defer server.Close()

	client, err := Open(Config{BaseURL: server.URL, AdAccountID: "77", AccessToken: "TOKEN", AppSecret: tc.Config.AppSecret, CallsPerSecond: 1e6,
		AsyncRows: tc.Config.AsyncRows, PageSize: stdcmp.Or(tc.Config.PageSize, 500), HTTPClient: server.Client(),
		Retry: pace.Policy{MaxTries: 2, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	client.sessionID = func() uint64 { return 42 }

	got, err := tc.call(t, client)
	if served != len(tc.Exchanges) {
		t.Errorf("%d of %d requests were sent", served, len(tc.Exchanges))
	}
	if tc.Error != nil {
		tc.Error.check(t, err)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(normal(t, tc.Result), normal(t, got)); diff != "" {
		t.Error(diff)
	}
}

// check compares a request with what is expected of it: method, path, token and
// every parameter but the format the library adds.
func (ex exchangeCase) check(t *testing.T, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		t.Error(err)
	}
	if r.Header.Get("Authorization") != "Bearer TOKEN" {
		t.Errorf("the token is not in the header: %q", r.Header.Get("Authorization"))
	}
	got := map[string]string{}
	for k := range r.Form {
		if k != "format" {
			got[k] = r.Form.Get(k)
		}
	}
	want := maps.Clone(ex.Request.Params)
	if want == nil {
		want = map[string]string{}
	}
	if diff := cmp.Diff(ex.Request.Method+" "+ex.Request.Path, r.Method+" "+r.URL.Path); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if r.Method == http.MethodPost && r.URL.RawQuery != "" {
		t.Errorf("a POST has parameters in its address: %s", r.URL.RawQuery)
	}
}

func (e *errorCase) check(t *testing.T, err error) {
	got, ok := errors.AsType[*platform.Error](err)
	if !ok {
		t.Fatalf("error %v (%T), want a *platform.Error", err, err)
	}
	after := ""
	if got.RetryAfter > 0 {
		after = got.RetryAfter.String()
	}
	have := errorCase{got.Kind, got.Code, got.RequestID, got.Message, got.Remedy != "", after}
	if diff := cmp.Diff(*e, have); diff != "" {
		t.Error(diff)
	}
	if got.Platform != platform.Meta {
		t.Errorf("the error is of %q", got.Platform)
	}
	if strings.Contains(got.Error(), "TOKEN") {
		t.Errorf("the error tells the token: %v", got)
	}
}

// call makes the case's call. The error of a single result counts as the call's.
func (tc testCase) call(t *testing.T, c *Client) (any, error) {
	t.Helper()
	ctx := t.Context()
	input := func(into any) {
		if err := json.Unmarshal(tc.Input, into); err != nil {
			t.Fatal(err)
		}
	}
	var in struct {
		From, To civil.Date
		Since    time.Time
		Refs     []platform.Ref
		Changes  []platform.Change
		List     platform.List
		ListID   string
		Members  []platform.Member
		Name     string
		Seed     string
		Country  string
		Ratio    float64
	}
	if tc.Input != nil {
		input(&in)
	}
	switch tc.Call {
	case "account":
		return c.Account(ctx)
	case "structure":
		return c.Structure(ctx)
	case "performance":
		var all []platform.Performance
		err := c.Performance(ctx, in.From, in.To, func(p []platform.Performance) error {
			all = append(all, p...)
			return nil
		})
		return all, err
	case "changes":
		return c.Changes(ctx, in.Since)
	case "read":
		return c.Read(ctx, in.Refs)
	case "validate", "apply":
		send := c.Apply
		if tc.Call == "validate" {
			send = c.Validate
		}
		results, err := send(ctx, in.Changes)
		for _, r := range results {
			if r.Err != nil {
				return results, r.Err
			}
		}
		return results, err
	case "ensure_list":
		return c.EnsureList(ctx, in.List)
	case "ensure_lookalike":
		return c.EnsureLookalike(ctx, in.Name, in.Seed, in.Country, in.Ratio)
	case "add":
		return c.Add(ctx, in.ListID, in.Members)
	case "remove":
		return c.Remove(ctx, in.ListID, in.Members)
	}
	t.Fatalf("there is no call %q", tc.Call)
	return nil, nil
}

// normal brings results and expectations into the same shape.
func normal(t *testing.T, v any) any {
	t.Helper()
	data, ok := v.(json.RawMessage)
	if !ok {
		var err error
		if data, err = json.Marshal(v); err != nil {
			t.Fatal(err)
		}
	}
	var out any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	good := Config{AdAccountID: "act_123", AccessToken: "t"}
	if _, err := Open(good); err != nil {
		t.Fatalf("a good configuration: %v", err)
	}
	for name, spoil := range map[string]func(*Config){
		"no account":       func(c *Config) { c.AdAccountID = "" },
		"a name":           func(c *Config) { c.AdAccountID = "my shop" },
		"no token":         func(c *Config) { c.AccessToken = "" },
		"no address":       func(c *Config) { c.BaseURL = "graph.facebook.com" },
		"another protocol": func(c *Config) { c.BaseURL = "ftp://graph.facebook.com/" },
	} {
		c := good
		spoil(&c)
		if _, err := Open(c); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestUnit(t *testing.T) {
	t.Parallel()
	for currency, want := range map[string]string{"EUR": "0.01", "USD": "0.01", "JPY": "1", "KRW": "1", "HUF": "1", "TWD": "1", "IDR": "1", "KWD": "0.01", "BHD": "0.01"} {
		if got := Unit(currency).Decimal(); got != want {
			t.Errorf("%s is counted in %s, want %s", currency, got, want)
		}
	}
}

func TestReadLoad(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		header http.Header
		want   load
	}{
		"nothing":  {http.Header{}, load{}},
		"no JSON":  {http.Header{"X-App-Usage": {"full"}}, load{}},
		"app":      {http.Header{"X-App-Usage": {`{"call_count":10,"total_cputime":81,"total_time":3}`}}, load{percent: 81}},
		"account":  {http.Header{"X-Ad-Account-Usage": {`{"acc_id_util_pct":99.5,"reset_time_duration":60}`}}, load{percent: 99.5}},
		"full":     {http.Header{"X-Ad-Account-Usage": {`{"acc_id_util_pct":100,"reset_time_duration":60}`}}, load{100, time.Minute}},
		"use case": {http.Header{"X-Business-Use-Case-Usage": {`{"77":[{"type":"ads_insights","call_count":12,"total_cputime":5,"total_time":97,"estimated_time_to_regain_access":19}]}`}}, load{97, 19 * time.Minute}},
		"absurd":   {http.Header{"X-Business-Use-Case-Usage": {`{"77":[{"estimated_time_to_regain_access":1e9}]}`}}, load{0, 24 * time.Hour}},
	} {
		if got := readLoad(tc.header); got != tc.want {
			t.Errorf("%s: %+v, want %+v", name, got, tc.want)
		}
	}
}

func TestTheRateFallsBeforeTheLimit(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ percent, want float64 }{{0, 10}, {75, 10}, {87.5, 5}, {99, 0.4}, {100, 0.2}, {130, 0.2}} {
		if got := float64(pacedRate(10, tc.percent)); got < tc.want-1e-9 || got > tc.want+1e-9 {
			t.Errorf("at %v %% %v calls a second, want %v", tc.percent, got, tc.want)
		}
	}
}

func TestFollowTakesNoCredentials(t *testing.T) {
	t.Parallel()
	q := map[string]any{"fields": "id", "limit": 5}
	err := follow(q, "https://elsewhere.example/v1.0/act_1/campaigns?access_token=x&appsecret_proof=y&limit=900&after=abc&fields=id")
	want := map[string]any{"fields": "id", "limit": 5, "after": "abc"}
	if diff := cmp.Diff(want, q); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if err := follow(q, "http://[broken"); err == nil {
		t.Error("a broken address was followed")
	}
}

// FuzzPerformance: no answer makes the reader panic.
func FuzzPerformance(f *testing.F) {
	f.Add(`{"campaign_id":"1","date_start":"2026-01-01","spend":"1.5","actions":[{"action_type":"purchase","value":"2"}]}`)
	f.Add(`{"date_start":7,"actions":{"action_type":[]},"spend":"1e400"}`)
	f.Fuzz(func(t *testing.T, text string) {
		if row := extra(text); row != nil {
			_, _ = performance(row, platform.Campaign)
			_, _ = campaignEntity(row, 10_000)
			_, _ = adSetEntity(row, 10_000)
			_, _, _ = changeEvent(row, 10_000)
		}
	})
}
