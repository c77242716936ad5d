package merchant_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"golang.org/x/oauth2"

	"adsteward/internal/platform"
	"adsteward/internal/platform/merchant"
	"adsteward/internal/platform/pace"
	"adsteward/internal/sandbox/catalog"
	"adsteward/internal/sandbox/faults"
	emulator "adsteward/internal/sandbox/merchant"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, h http.Handler, account, token string) *merchant.Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c, err := merchant.Open(merchant.Config{BaseURL: s.URL, AccountID: account, TokenSource: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token}),
		HTTPClient: s.Client(), Retry: pace.Policy{MaxTries: 3, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func statuses(t *testing.T, c *merchant.Client) ([]platform.ItemStatus, error) {
	t.Helper()
	var all []platform.ItemStatus
	err := c.ItemStatuses(t.Context(), func(s []platform.ItemStatus) error { all = append(all, s...); return nil })
	return all, err
}

// TestStatuses translates answers as the API writes them.
func TestStatuses(t *testing.T) {
	t.Parallel()
	const first = `{"products":[
	 {"offerId":"ok","productStatus":{"destinationStatuses":[{"reportingContext":"SHOPPING_ADS","approvedCountries":["DE","AT"]},{"reportingContext":"FREE_LISTINGS","disapprovedCountries":["DE"]}],
	   "itemLevelIssues":[{"code":"free_only","severity":"DISAPPROVED","reportingContext":"FREE_LISTINGS"},{"code":"missing_gtin_and_mpn","severity":"NOT_IMPACTED","attribute":"gtin","reportingContext":"SHOPPING_ADS","description":"Missing GTIN"}]}},
	 {"offerId":"bad","productStatus":{"destinationStatuses":[{"reportingContext":"SHOPPING_ADS","disapprovedCountries":["DE"]}],
	   "itemLevelIssues":[{"code":"landing_page_error","severity":"DISAPPROVED","attribute":"link","reportingContext":"SHOPPING_ADS"},{"code":"landing_page_error","severity":"DISAPPROVED","attribute":"link","reportingContext":"DISPLAY_ADS"}]}}],
	 "nextPageToken":"two"}`
	const second = `{"products":[
	 {"offerId":"half","productStatus":{"destinationStatuses":[{"reportingContext":"SHOPPING_ADS","approvedCountries":["DE"],"disapprovedCountries":["CH"]}]}},
	 {"offerId":"demoted","productStatus":{"destinationStatuses":[{"reportingContext":"SHOPPING_ADS","approvedCountries":["DE"]}],"itemLevelIssues":[{"code":"x","severity":"DEMOTED","reportingContext":"SHOPPING_ADS"}]}},
	 {"offerId":"new","productStatus":{"destinationStatuses":[{"reportingContext":"SHOPPING_ADS","pendingCountries":["DE"]}]}},
	 {"offerId":"bare"}]}`
	var asked []string
	c := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path+" "+r.URL.Query().Get("pageSize")+" "+r.URL.Query().Get("pageToken")+" "+r.Header.Get("Authorization"))
		if r.URL.Query().Get("pageToken") == "two" {
			io.WriteString(w, second)
			return
		}
		io.WriteString(w, first)
	}), "77", "s3cr3t")
	got, err := statuses(t, c)
	if err != nil {
		t.Fatal(err)
	}
	want := []platform.ItemStatus{
		{ItemID: "ok", State: platform.ItemApproved, Issues: []platform.ItemIssue{{Code: "missing_gtin_and_mpn", Attribute: "gtin", Description: "Missing GTIN"}}},
		{ItemID: "bad", State: platform.ItemDisapproved, Issues: []platform.ItemIssue{{Code: "landing_page_error", Error: true, Attribute: "link"}}},
		{ItemID: "half", State: platform.ItemLimited},
		{ItemID: "demoted", State: platform.ItemLimited, Issues: []platform.ItemIssue{{Code: "x"}}},
		{ItemID: "new", State: platform.ItemPending},
		{ItemID: "bare", State: platform.ItemPending},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"/products/v1/accounts/77/products 1000  Bearer s3cr3t", "/products/v1/accounts/77/products 1000 two Bearer s3cr3t"}, asked); d != "" {
		t.Error(d)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		kind   platform.Kind
		calls  int
	}{
		"token":    {401, `{"error":{"status":"UNAUTHENTICATED","message":"no"}}`, platform.Authentication, 1},
		"access":   {403, `{"error":{"status":"PERMISSION_DENIED","message":"no"}}`, platform.Authentication, 1},
		"quota":    {429, `{"error":{"status":"RESOURCE_EXHAUSTED","message":"slow"}}`, platform.Quota, 3},
		"down":     {503, `<html>`, platform.Retryable, 3},
		"no such":  {404, `{}`, platform.Rejected, 1},
		"a proxy":  {400, `<html>`, platform.Rejected, 1},
		"no JSON":  {200, `<html>`, platform.Retryable, 3},
		"a circle": {200, `{"nextPageToken":"x"}`, platform.Retryable, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			_, err := statuses(t, open(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				calls++
				w.WriteHeader(c.status)
				io.WriteString(w, c.body)
			}), "77", "s3cr3t"))
			e, ok := errors.AsType[*platform.Error](err)
			if !ok || e.Kind != c.kind || calls != c.calls || strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("after %d calls: %v", calls, err)
			}
		})
	}
	stop := errors.New("enough")
	c := open(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"nextPageToken":"x"}`) }), "77", "t")
	if err := c.ItemStatuses(t.Context(), func([]platform.ItemStatus) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the caller's error became %v", err)
	}
	for _, bad := range []merchant.Config{{}, {AccountID: "1x", TokenSource: oauth2.StaticTokenSource(nil)}, {AccountID: "1"}, {BaseURL: "ftp://x", AccountID: "1"}} {
		if _, err := merchant.Open(bad); err == nil {
			t.Errorf("opened with %+v", bad)
		}
	}
}

// TestEmulator reads a catalog of several pages through a limit that passes.
func TestEmulator(t *testing.T) {
	t.Parallel()
	var items []catalog.Item
	for i := range 2500 {
		items = append(items, catalog.Item{ID: fmt.Sprint(i), Pending: i%10 == 1})
		if i%10 == 0 {
			items[i].Issues = []catalog.Issue{{Code: "landing_page_error", Attribute: "link", Error: true}}
		}
	}
	o := emulator.Options{AccountID: "77", Country: "DE", AccessTokens: func(s string) bool { return s == "good" },
		Items: func() ([]catalog.Item, error) { return items, nil }, Faults: faults.NewTable(faults.Rule{Kind: faults.Unavailable, Service: "merchant", Times: 1})}
	got, err := statuses(t, open(t, emulator.New(o), "77", "good"))
	if err != nil || len(got) != 2500 {
		t.Fatalf("%d items, %v", len(got), err)
	}
	counts := map[platform.ItemState]int{}
	for _, s := range got {
		counts[s.State]++
	}
	if d := cmp.Diff(map[platform.ItemState]int{platform.ItemApproved: 2000, platform.ItemPending: 250, platform.ItemDisapproved: 250}, counts); d != "" {
		t.Error(d)
	}
	for what, c := range map[string]*merchant.Client{"a wrong token": open(t, emulator.New(o), "77", "bad"), "another account": open(t, emulator.New(o), "78", "good")} {
		if _, err := statuses(t, c); platform.KindOf(err) != platform.Authentication {
			t.Errorf("%s: %v", what, err)
		}
	}
}
