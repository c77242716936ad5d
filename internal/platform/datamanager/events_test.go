package datamanager_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/internal/platform/datamanager"
	"adsteward/internal/sandbox/conversions"
	"adsteward/internal/sandbox/faults"
)

// today is the first day of setup's market.
var today = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func conversionsOf(t *testing.T, w *world) *datamanager.Conversions {
	t.Helper()
	c, err := w.client.Conversions("555")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// orders are n orders of today, each with everything Google may know.
func orders(n int) []platform.Conversion {
	out := make([]platform.Conversion, n)
	for i := range out {
		out[i] = platform.Conversion{Step: platform.Record, OrderID: fmt.Sprintf("o%d", i), At: today.Add(-time.Duration(i) * time.Second),
			Value: money.Micros(i)*money.One + 120_000, Currency: "EUR", ClickID: fmt.Sprintf("Click-%d", i), ClickKind: "gclid",
			EmailSHA256: fmt.Sprintf("%064x", i), Country: "DE", NewCustomer: i%2 == 0, UserData: true, Personalization: true}
	}
	return out
}

func TestOrdersAreToldRestatedAndRetracted(t *testing.T) {
	t.Parallel()
	w, ctx := setup(t), t.Context()
	c := conversionsOf(t, w)
	cs := orders(2_003)
	cs[1].At = cs[1].At.AddDate(0, 0, -92)    // too old
	cs[2].UserData = false                    // known by the click alone, and refused for want of consent
	cs[3].EmailSHA256 = "ada@example.com"     // never leaves
	cs[4].ClickID, cs[4].EmailSHA256 = "", "" // nobody to find
	cs[5].ClickKind = "fbclid"                // not Google's
	results, err := c.Send(ctx, cs)
	if err != nil || len(results) != len(cs) {
		t.Fatal(len(results), err)
	}
	for i, r := range results {
		if (r.Err != nil) != (i == 3 || i == 4) {
			t.Errorf("order %d: %v", i, r.Err)
		}
	}
	if e, ok := errors.AsType[*platform.Error](results[4].Err); !ok || e.Remedy == "" {
		t.Errorf("nobody to find: %v", results[4].Err)
	}
	if results[2000].RequestID != results[0].RequestID || results[2002].RequestID == results[0].RequestID {
		t.Errorf("requests %s, %s, %s: 2,000 belong into one", results[0].RequestID, results[2000].RequestID, results[2002].RequestID)
	}
	book := w.ledger.ByOrder()
	if len(book) != 1_999 {
		t.Errorf("%d orders are recorded, want 1,999", len(book))
	}
	want := conversions.Recorded{Destination: "555", OrderID: "o7", At: today.Add(-7 * time.Second), Value: 7_120_000, Currency: "EUR",
		Click: "gclid:Click-7", Identifiers: []string{fmt.Sprintf("Email:%064x", 7)}, Day: w.market.Today(), Told: 1}
	if diff := cmp.Diff([]conversions.Recorded{want}, book["o7"]); diff != "" {
		t.Error(diff)
	}
	if got := book["o5"][0]; got.Click != "" || got.NewCustomer || !book["o6"][0].NewCustomer {
		t.Errorf("another platform's click, or new customers: %+v, %+v", got, book["o6"][0])
	}
	for _, want := range []string{"processing", "partial"} {
		st, err := c.Status(ctx, results[0].RequestID)
		if err != nil || st.State != want {
			t.Errorf("%+v, %v, want %s", st, err, want)
		}
		if want == "partial" {
			const detail = "2000 orders, 1 refused: denied consent, 1 refused: event too old (Google takes orders up to 90 days after the click)"
			if st.Detail != detail {
				t.Errorf("detail %q", st.Detail)
			}
		}
	}

	changed := []platform.Conversion{cs[7], cs[8], cs[9]}
	changed[0].Step, changed[0].Value = platform.Restate, 3_500_001
	changed[1].Step = platform.Retract
	if results, err = c.Send(ctx, changed); err != nil || results[0].Err != nil || results[1].Err != nil || results[2].Err != nil {
		t.Fatal(results, err)
	}
	book = w.ledger.ByOrder()
	want.Value, want.Told = 3_500_001, 2
	if diff := cmp.Diff([]conversions.Recorded{want}, book["o7"]); diff != "" {
		t.Error(diff)
	}
	if got := book["o8"]; len(got) != 1 || got[0].Value != 0 {
		t.Errorf("the retracted order: %+v", got)
	}
	if got := book["o9"]; len(got) != 1 || got[0].Value != cs[9].Value || got[0].Told != 2 {
		t.Errorf("the order told twice: %+v", got)
	}
}

func TestFaultsOfOrders(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		kind faults.Kind
		fail platform.Kind // "" where results come
		bad  int           // orders refused
	}{
		{kind: faults.TimeoutBefore},
		{kind: faults.TimeoutAfter},
		{kind: faults.RateLimit},
		{kind: faults.Unavailable},
		{kind: faults.SlowStream},
		{kind: faults.PartialFailure, bad: 1},
		{kind: faults.ExpiredToken, fail: platform.Authentication},
	} {
		t.Run(string(tc.kind), func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			w.faults.Add(faults.Rule{Kind: tc.kind, Service: "datamanager", Method: "events:ingest", DelayMS: 5})
			results, err := conversionsOf(t, w).Send(t.Context(), orders(3))
			if tc.fail != "" {
				if kindOf(t, err, tc.fail); results != nil || len(w.ledger.All()) != 0 {
					t.Errorf("results %v, recorded %v", results, w.ledger.All())
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			bad := 0
			for _, r := range results {
				if r.Err != nil {
					bad++
					if e := kindOf(t, r.Err, platform.Rejected); e.Code != "INVALID_EVENT" || e.RequestID == "" {
						t.Errorf("%v", e)
					}
				}
			}
			if bad != tc.bad || len(w.ledger.All()) != 3-tc.bad {
				t.Errorf("%d refused and %d recorded, want %d refused of 3", bad, len(w.ledger.All()), tc.bad)
			}
		})
	}
}

// TestALimitAfterTheFirstRequest: what was told stays told, and the others carry
// the reason.
func TestALimitAfterTheFirstRequest(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.faults.Add(faults.Rule{Kind: faults.RateLimit, Service: "datamanager", Method: "events:ingest", After: 1, Times: -1})
	cs := orders(4_001)
	cs[4_000].Currency = "" // known to be bad without asking
	results, err := conversionsOf(t, w).Send(t.Context(), cs)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results[:4_000] {
		if i < 2_000 && (r.Err != nil || r.RequestID == "") || i >= 2_000 && platform.KindOf(r.Err) != platform.Quota {
			t.Fatalf("order %d: %+v", i, r)
		}
	}
	kindOf(t, results[4_000].Err, platform.Rejected)
	if n := len(w.ledger.All()); n != 2_000 {
		t.Errorf("%d orders are recorded", n)
	}
}

func TestAnUnknownActionIsRefusedAndNoOrderIsBlamed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	c, err := w.client.Conversions("556")
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	w.onCall = func() { calls++ }
	results, err := c.Send(t.Context(), orders(100))
	if e := kindOf(t, err, platform.Rejected); e.Code != "INVALID_CONVERSION_ACTION_ID" || e.Remedy == "" || results != nil || calls != 1 {
		t.Errorf("%v, results %v, %d calls", err, results, calls)
	}
	for _, id := range []string{"", "Purchase", "customers/1/conversionActions/2"} {
		if _, err := w.client.Conversions(id); err == nil {
			t.Errorf("the id %q was taken", id)
		}
	}
}

func TestNoOrdersAreNoRequest(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.onCall = func() { t.Error("a request was sent") }
	results, err := conversionsOf(t, w).Send(t.Context(), nil)
	if len(results) != 0 || err != nil {
		t.Error(results, err)
	}
	cs := orders(1)
	cs[0].Value = -1
	if results, err = conversionsOf(t, w).Send(t.Context(), cs); err != nil || results[0].Err == nil {
		t.Error(results, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := conversionsOf(t, w).Send(ctx, orders(1)); platform.KindOf(err) != platform.Retryable {
		t.Error(err)
	}
}
