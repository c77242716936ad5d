package meta_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/internal/platform/meta"
	"adsteward/internal/sandbox/conversions"
	"adsteward/internal/sandbox/faults"
)

// noon is the first day of setup's market.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func atNoon(c *meta.Config) { c.Now = func() time.Time { return noon } }

func conversionsOf(t *testing.T, w *world) *meta.Conversions {
	t.Helper()
	c, err := w.client.Conversions("310")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// orders are n orders of today, each with everything Meta may know.
func orders(n int) []platform.Conversion {
	out := make([]platform.Conversion, n)
	for i := range out {
		out[i] = platform.Conversion{Step: platform.Record, OrderID: fmt.Sprintf("o%d", i), At: noon.Add(-time.Duration(i) * time.Second),
			Value: money.Micros(i)*money.One + 120_000, Currency: "EUR", ClickID: fmt.Sprintf("IwAR-%d", i), ClickKind: "fbclid",
			EmailSHA256: fmt.Sprintf("%064x", i), Country: "DE", UserData: true, Personalization: true}
	}
	return out
}

func TestOrdersAreToldOnce(t *testing.T) {
	t.Parallel()
	w, ctx := setup(t, "EUR", atNoon), t.Context()
	c := conversionsOf(t, w)
	cs := orders(1_010)
	cs[1].At = noon.AddDate(0, 0, -8)    // would have the others refused
	cs[2].UserData = false               // nothing leaves
	cs[3].PhoneSHA256 = "+49 30 1234567" // never leaves
	cs[4] = platform.Conversion{Step: platform.Record, OrderID: "o4", At: noon, Currency: "EUR", Country: "DE", UserData: true}
	cs[5].Step = platform.Restate
	cs[6].Step = platform.Retract
	cs[8].ClickKind, cs[8].ClickID = "fbc", "fb.1.1772366400000.AbC_d"
	cs[9].ClickKind = "gclid" // not Meta's
	results, err := c.Send(ctx, cs)
	if err != nil || len(results) != len(cs) {
		t.Fatal(len(results), err)
	}
	codes := map[int]string{1: "TOO_OLD", 2: "NO_CONSENT", 3: "", 4: "NO_IDENTIFIER", 5: "", 6: ""}
	for i, r := range results {
		code, bad := codes[i]
		if !bad {
			if r.Err != nil || r.RequestID == "" {
				t.Errorf("order %d: %+v", i, r)
			}
			continue
		}
		if e := kindOf(t, r.Err, platform.Rejected); e.Code != code {
			t.Errorf("order %d: %v, want %s", i, e, code)
		}
	}
	if n := len(w.ledger.All()); n != 1_004 {
		t.Errorf("%d orders are recorded, want 1,004", n)
	}
	book := w.ledger.ByOrder()
	want := conversions.Recorded{Destination: "310/Purchase", OrderID: "o7", At: noon.Add(-7 * time.Second), Value: 7_120_000, Currency: "EUR",
		Click:       fmt.Sprintf("fbc:fb.1.%d.IwAR-7", noon.Add(-7*time.Second).UnixMilli()),
		Identifiers: []string{fmt.Sprintf("em:%064x", 7)},
		Day:         w.market.Today(), Told: 1}
	if diff := cmp.Diff([]conversions.Recorded{want}, book["o7"]); diff != "" {
		t.Error(diff)
	}
	if book["o8"][0].Click != "fbc:fb.1.1772366400000.AbC_d" || book["o9"][0].Click != "" {
		t.Errorf("clicks %q, %q", book["o8"][0].Click, book["o9"][0].Click)
	}
	if st, err := c.Status(ctx, results[0].RequestID); err != nil || st.State != "success" {
		t.Error(st, err)
	}

	again := orders(8)[7:]
	again[0].Value = 99 * money.One
	if results, err = c.Send(ctx, again); err != nil || results[0].Err != nil {
		t.Fatal(results, err)
	}
	want.Told = 2
	if diff := cmp.Diff([]conversions.Recorded{want}, w.ledger.ByOrder()["o7"]); diff != "" {
		t.Errorf("told again with another value: %s", diff)
	}
}

// TestOldOrdersAreFoundWhereTheClockIsWrong: the request is refused, and the ones
// to blame are found without Meta saying which.
func TestOldOrdersAreFoundWhereTheClockIsWrong(t *testing.T) {
	t.Parallel()
	w := setup(t, "EUR", func(c *meta.Config) { c.Now = func() time.Time { return noon.AddDate(0, 0, -30) } })
	cs := orders(50)
	cs[17].At, cs[30].At = noon.AddDate(0, 0, -9), noon.AddDate(0, 0, -10)
	cs[40].At = noon.AddDate(0, 0, 3) // of the future; this one Meta names
	results, err := conversionsOf(t, w).Send(t.Context(), cs)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		want := map[int]string{17: "100/2804003", 30: "100/2804003", 40: "100/2804019"}[i]
		if want == "" {
			if r.Err != nil {
				t.Errorf("order %d: %v", i, r.Err)
			}
			continue
		}
		if e := kindOf(t, r.Err, platform.Rejected); e.Code != want {
			t.Errorf("order %d: %v, want %s", i, e, want)
		}
	}
	if n := len(w.ledger.All()); n != 47 {
		t.Errorf("%d orders are recorded, want 47", n)
	}
}

// TestTheMarketsDaysSeparateTellings: after 48 hours Meta counts an order anew,
// which the ledger shows.
func TestTheMarketsDaysSeparateTellings(t *testing.T) {
	t.Parallel()
	w := setup(t, "EUR", atNoon)
	c := conversionsOf(t, w)
	for range 2 {
		if _, err := c.Send(t.Context(), orders(1)); err != nil {
			t.Fatal(err)
		}
		w.market.AdvanceTo(w.market.Today().AddDays(3))
	}
	if n := len(w.ledger.ByOrder()["o0"]); n != 2 {
		t.Errorf("counted %d times, want 2", n)
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
			w := setup(t, "EUR", atNoon)
			w.faults.Add(faults.Rule{Kind: tc.kind, Service: "meta", Method: "/310/events", DelayMS: 5})
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
					kindOf(t, r.Err, platform.Rejected)
				}
			}
			all := w.ledger.All()
			if bad != tc.bad || len(all) != 3-tc.bad {
				t.Errorf("%d refused and %d recorded, want %d refused of 3", bad, len(all), tc.bad)
			}
		})
	}
}

func TestAnUnknownDataSetIsRefusedAndNoOrderIsBlamed(t *testing.T) {
	t.Parallel()
	w := setup(t, "EUR", atNoon)
	c, err := w.client.Conversions("311")
	if err != nil {
		t.Fatal(err)
	}
	before := w.client.Usage().Operations
	results, err := c.Send(t.Context(), orders(100))
	if e := kindOf(t, err, platform.Rejected); e.Code != "100/33" || e.Remedy == "" || results != nil || w.client.Usage().Operations != before+1 {
		t.Errorf("%v, results %v, %d calls", err, results, w.client.Usage().Operations-before)
	}
	for _, id := range []string{"", "my pixel", "act_1"} {
		if _, err := w.client.Conversions(id); err == nil {
			t.Errorf("the id %q was taken", id)
		}
	}
}

func TestAWrongTokenTellsNothing(t *testing.T) {
	t.Parallel()
	w := setup(t, "EUR", atNoon, func(c *meta.Config) { c.AccessToken = "another" })
	_, err := conversionsOf(t, w).Send(t.Context(), orders(2))
	if e := kindOf(t, err, platform.Authentication); e.Code != "190" || e.Remedy == "" || len(w.ledger.All()) != 0 {
		t.Errorf("%v", e)
	}
}
