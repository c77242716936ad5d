package meta

import (
	"cmp"
	"context"
	"net/http"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"adsteward/internal/civil"
	"adsteward/internal/platform"
	"adsteward/internal/platform/casetest"
	"adsteward/internal/platform/pace"
)

func TestCases(t *testing.T) {
	t.Parallel()
	casetest.Runner{Platform: platform.Meta, Token: "TOKEN", Ignore: []string{"format"}, Forms: true, Call: makeCall}.Run(t)
}

// makeCall makes the case's call. The error of a single change counts as the
// call's.
func makeCall(t *testing.T, tc casetest.Case, url string, httpClient *http.Client) (any, error) {
	t.Helper()
	var cfg struct {
		AppSecret     string `json:"app_secret"`
		AsyncRows     int    `json:"async_rows"`
		PageSize      int    `json:"page_size"`
		TestEventCode string `json:"test_event_code"`
		Targeting     bool   `json:"targeting"`
	}
	casetest.Read(t, tc.Config, &cfg)
	c, err := Open(Config{BaseURL: url, AdAccountID: "77", AccessToken: "TOKEN", AppSecret: cfg.AppSecret, CallsPerSecond: 1e6,
		AsyncRows: cfg.AsyncRows, PageSize: cmp.Or(cfg.PageSize, 500), HTTPClient: httpClient, TestEventCode: cfg.TestEventCode, Targeting: cfg.Targeting,
		Now:   func() time.Time { return time.Date(2026, 3, 8, 12, 0, 0, 0, time.UTC) },
		Retry: pace.Policy{MaxTries: 2, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.sessionID = func() uint64 { return 42 }
	ctx := t.Context()
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

		Conversions []platform.Conversion
	}
	casetest.Read(t, tc.Input, &in)
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
	case "ads":
		var all []platform.AdPerformance
		err := c.AdPerformance(ctx, in.From, in.To, func(p []platform.AdPerformance) error {
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
	case "send":
		conversions, err := c.Conversions("310")
		if err != nil {
			t.Fatal(err)
		}
		results, err := conversions.Send(ctx, in.Conversions)
		return casetest.Results(results), err
	}
	if tc.Call == "catalog_groups" {
		items, err := c.Catalog("410")
		if err != nil {
			t.Fatal(err)
		}
		return items.Groups(ctx)
	}
	if tc.Call == "catalog" {
		items, err := c.Catalog("410")
		if err != nil {
			t.Fatal(err)
		}
		var all []platform.ItemStatus
		err = items.ItemStatuses(ctx, func(s []platform.ItemStatus) error { all = append(all, s...); return nil })
		return all, err
	}
	t.Fatalf("there is no call %q", tc.Call)
	return nil, nil
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
	if diff := gocmp.Diff(want, q); err != nil || diff != "" {
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
