package datamanager_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"golang.org/x/oauth2"

	"adsteward/internal/platform"
	"adsteward/internal/platform/datamanager"
	"adsteward/internal/platform/pace"
	"adsteward/internal/sandbox/conversions"
	emulator "adsteward/internal/sandbox/datamanager"
	"adsteward/internal/sandbox/faults"
	"adsteward/internal/sandbox/lists"
	"adsteward/internal/sandbox/market"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type world struct {
	server *httptest.Server
	faults *faults.Table
	lists  *lists.Lists
	ledger *conversions.Ledger
	market *market.Market
	client *datamanager.Client
	onCall func() // of each request, where not nil
}

// renewing is a token source that gives a second token once the first was
// refused.
type renewing struct{ expired atomic.Bool }

func (r *renewing) Token() (*oauth2.Token, error) {
	if r.expired.Load() {
		return &oauth2.Token{AccessToken: "SECOND"}, nil
	}
	return &oauth2.Token{AccessToken: "FIRST"}, nil
}

func (r *renewing) Expire(token string) { r.expired.Store(token == "FIRST") }

func setup(t *testing.T, adjust ...func(*datamanager.Config)) *world {
	t.Helper()
	sc, err := market.ReadScenario(strings.NewReader(`{"start":"2026-03-01","campaigns":[{"id":"g1","platform":"google"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	m, err := market.New(sc)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{faults: faults.NewTable(), lists: lists.New(500), ledger: conversions.New(), market: m}
	api := emulator.New(emulator.Options{Market: m, Faults: w.faults, Lists: w.lists, CustomerID: 1234567890,
		ConversionActionID: 555, Conversions: w.ledger,
		AccessTokens: func(s string) bool { return s == "FIRST" || s == "SECOND" }})
	w.server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.onCall != nil {
			w.onCall()
		}
		api.ServeHTTP(rw, r)
	}))
	cfg := datamanager.Config{BaseURL: w.server.URL, CustomerID: "123-456-7890", LoginCustomerID: "999-999-9999", HTTPClient: w.server.Client(),
		TokenSource: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "FIRST"}), RequestTimeout: 20 * time.Second,
		Retry: pace.Policy{MaxTries: 3, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}}
	for _, f := range adjust {
		f(&cfg)
	}
	if w.client, err = datamanager.Open(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.client.Close()
		w.server.Close()
	})
	return w
}

var carts = platform.List{Name: `Carts "7 days"`, Kind: platform.Retargeting, MembershipDays: 30}

func people(n int) []platform.Member {
	out := make([]platform.Member, n)
	for i := range out {
		out[i] = platform.Member{EmailSHA256: fmt.Sprintf("%064x", i), PhoneSHA256: fmt.Sprintf("%064x", n+i), Country: "DE"}
	}
	return out
}

func TestListsAndMembers(t *testing.T) {
	t.Parallel()
	w, ctx := setup(t), t.Context()
	id, err := w.client.EnsureList(ctx, carts)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := w.client.EnsureList(ctx, carts); err != nil || again != id {
		t.Fatalf("the list is %q the second time, %v, want %q", again, err, id)
	}
	made := w.lists.All()
	if len(made) != 1 || made[0].MembershipDays != 30 || made[0].Name != carts.Name {
		t.Fatalf("lists: %+v", made)
	}

	members := people(20_002)
	members[3].EmailSHA256 = "ada@example.com"       // never leaves
	members[15_000] = platform.Member{Country: "DE"} // nobody Google could know
	receipts, err := w.client.Add(ctx, id, members)
	if err != nil {
		t.Fatal(err)
	}
	want := []platform.SyncReceipt{{Received: 9_999, Invalid: 1}, {Received: 9_999, Invalid: 1}, {Received: 2}}
	if diff := cmp.Diff(want, withoutIDs(receipts)); diff != "" {
		t.Error(diff)
	}
	if n := w.lists.Size(made[0].ID); n != 20_000 {
		t.Errorf("%d people are on the list, want 20,000", n)
	}
	st, err := w.client.Status(ctx, receipts[0].RequestID)
	if err != nil || st.State != "processing" {
		t.Errorf("at first %+v, %v", st, err)
	}
	st, err = w.client.Status(ctx, receipts[0].RequestID)
	if err != nil || st.State != "success" || !strings.Contains(st.Detail, "9999 people, match rate") {
		t.Errorf("then %+v, %v", st, err)
	}
	if receipts, err = w.client.Remove(ctx, id, members[:100]); err != nil || len(receipts) != 1 || receipts[0].Received != 99 {
		t.Errorf("removal: %v, %v", receipts, err)
	}
	if n := w.lists.Size(made[0].ID); n != 19_901 {
		t.Errorf("%d people are left, want 19,901", n)
	}
}

func withoutIDs(receipts []platform.SyncReceipt) []platform.SyncReceipt {
	out := make([]platform.SyncReceipt, len(receipts))
	for i, r := range receipts {
		r.RequestID = ""
		out[i] = r
	}
	return out
}

func TestMembershipDaysAreChecked(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for days, ok := range map[int]bool{0: false, 1: true, 540: true, 541: false} {
		l := carts
		l.Name, l.MembershipDays = fmt.Sprint(days), days
		if _, err := w.client.EnsureList(t.Context(), l); (err == nil) != ok {
			t.Errorf("%d days: %v", days, err)
		}
	}
}

func kindOf(t *testing.T, err error, want platform.Kind) *platform.Error {
	t.Helper()
	e, ok := errors.AsType[*platform.Error](err)
	if !ok || e.Kind != want {
		t.Fatalf("error %v (%T), want one of kind %s", err, err, want)
	}
	return e
}

func TestFaultsOfUploads(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		kind faults.Kind
		fail platform.Kind // "" where the upload succeeds all the same
		want []platform.SyncReceipt
	}{
		{faults.TimeoutBefore, "", []platform.SyncReceipt{{Received: 3}}},
		{faults.TimeoutAfter, "", []platform.SyncReceipt{{Received: 3}}},
		{faults.RateLimit, "", []platform.SyncReceipt{{Received: 3}}},
		{faults.Unavailable, "", []platform.SyncReceipt{{Received: 3}}},
		{faults.SlowStream, "", []platform.SyncReceipt{{Received: 3}}},
		{faults.PartialFailure, "", []platform.SyncReceipt{{Invalid: 1}, {Received: 2}}},
		{faults.ExpiredToken, platform.Authentication, nil},
	} {
		t.Run(string(tc.kind), func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			id, err := w.client.EnsureList(t.Context(), carts)
			if err != nil {
				t.Fatal(err)
			}
			w.faults.Add(faults.Rule{Kind: tc.kind, Service: "datamanager", Method: ":ingest", DelayMS: 5})
			got, err := w.client.Add(t.Context(), id, people(3))
			if tc.fail != "" {
				kindOf(t, err, tc.fail)
				return
			}
			if diff := cmp.Diff(tc.want, withoutIDs(got)); err != nil || diff != "" {
				t.Error(err, diff)
			}
		})
	}
}

// TestAListIsNotMadeTwice: where the answer to its making never came, nobody
// knows whether it is there, and it is not asked for again in this run.
func TestAListIsNotMadeTwice(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.faults.Add(faults.Rule{Kind: faults.TimeoutAfter, Service: "datamanager", Method: "POST /v1/accountTypes", DelayMS: 5})
	_, err := w.client.EnsureList(t.Context(), carts)
	kindOf(t, err, platform.Unknown)
	id, err := w.client.EnsureList(t.Context(), carts)
	if err != nil || id != fmt.Sprint(w.lists.All()[0].ID) || len(w.lists.All()) != 1 {
		t.Errorf("the next run finds %q, %v, among %d lists", id, err, len(w.lists.All()))
	}
}

func TestAStaleStatusIsStillProcessing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id, err := w.client.EnsureList(t.Context(), carts)
	if err != nil {
		t.Fatal(err)
	}
	receipts, err := w.client.Add(t.Context(), id, people(1))
	if err != nil {
		t.Fatal(err)
	}
	w.faults.Add(faults.Rule{Kind: faults.StaleRead, Service: "datamanager", Method: "requestStatus", Times: 2})
	for i, want := range []string{"processing", "processing", "success"} {
		if st, err := w.client.Status(t.Context(), receipts[0].RequestID); err != nil || st.State != want {
			t.Errorf("look %d: %+v, %v, want %s", i+1, st, err, want)
		}
	}
}

func TestARefusedTokenIsRenewedOnce(t *testing.T) {
	t.Parallel()
	source := &renewing{}
	w := setup(t, func(c *datamanager.Config) { c.TokenSource = source })
	w.faults.Add(faults.Rule{Kind: faults.ExpiredToken, Service: "datamanager"})
	if id, err := w.client.EnsureList(t.Context(), carts); id == "" || err != nil || !source.expired.Load() {
		t.Errorf("list %q, %v, expired %v", id, err, source.expired.Load())
	}
	w.faults.Add(faults.Rule{Kind: faults.ExpiredToken, Service: "datamanager", Times: -1})
	_, err := w.client.EnsureList(t.Context(), carts)
	if e := kindOf(t, err, platform.Authentication); e.Remedy == "" {
		t.Errorf("error without a remedy: %v", e)
	}
}

type tokenless struct{ asked atomic.Int32 }

func (t *tokenless) Token() (*oauth2.Token, error) {
	t.asked.Add(1)
	return nil, errors.New("invalid_grant")
}

func TestWithoutATokenNothingIsSent(t *testing.T) {
	t.Parallel()
	source := &tokenless{}
	w := setup(t, func(c *datamanager.Config) { c.TokenSource = source })
	_, err := w.client.EnsureList(t.Context(), carts)
	if e := kindOf(t, err, platform.Authentication); e.Remedy == "" || source.asked.Load() != 1 {
		t.Errorf("%v after %d questions for a token, want a remedy after one", e, source.asked.Load())
	}
}

func TestAnUnknownListIsRefusedAndNobodyIsQuarantined(t *testing.T) {
	t.Parallel()
	w := setup(t)
	receipts, err := w.client.Add(t.Context(), "12", people(1000))
	if e := kindOf(t, err, platform.Rejected); e.Code != "INVALID_USER_LIST_ID" || len(receipts) != 0 {
		t.Errorf("%v, receipts %v", err, receipts)
	}
}

type lookalikes struct{ asked string }

func (l *lookalikes) EnsureLookalikeList(_ context.Context, name, seedID, country string, ratio float64) (string, error) {
	l.asked = fmt.Sprint(name, seedID, country, ratio)
	return "77", nil
}

func TestLookalikesComeFromTheListService(t *testing.T) {
	t.Parallel()
	service := &lookalikes{}
	w := setup(t, func(c *datamanager.Config) { c.Lists = service })
	if id, err := w.client.EnsureLookalike(t.Context(), "L", "5", "DE", 0.02); id != "77" || err != nil || service.asked != "L5DE0.02" {
		t.Errorf("%q, %v, asked for %s", id, err, service.asked)
	}
	_, err := setup(t).client.EnsureLookalike(t.Context(), "L", "5", "DE", 0.02)
	kindOf(t, err, platform.Rejected)
}

func TestNoServer(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.server.Close()
	_, err := w.client.EnsureList(t.Context(), carts)
	if e := kindOf(t, err, platform.Retryable); e.Code != "NOT_SENT" {
		t.Errorf("%v", e)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	good := datamanager.Config{CustomerID: "123-456-7890", TokenSource: oauth2.StaticTokenSource(&oauth2.Token{})}
	if _, err := datamanager.Open(good); err != nil {
		t.Fatalf("a good configuration: %v", err)
	}
	for name, spoil := range map[string]func(*datamanager.Config){
		"no account":         func(c *datamanager.Config) { c.CustomerID = "" },
		"a name":             func(c *datamanager.Config) { c.CustomerID = "shop" },
		"a name of a log-in": func(c *datamanager.Config) { c.LoginCustomerID = "manager" },
		"no tokens":          func(c *datamanager.Config) { c.TokenSource = nil },
		"no address":         func(c *datamanager.Config) { c.BaseURL = "datamanager.googleapis.com" },
	} {
		c := good
		spoil(&c)
		if _, err := datamanager.Open(c); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
