package nightly

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adsteward/attribution"
	"adsteward/bidding"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/store"
	"adsteward/store/storetest"
)

// A night holds claims against orders: every order of the last thirty days counts
// once, the refunds off, whoever asks later finds the same.
func TestNightReconciles(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := setup(t, st, 2)
		today := civil.Of(testNow)
		d.history(60, today)
		ctx := t.Context()
		var orders []store.Order
		var touches []store.Touch
		var told []store.ToldConversion
		for age := 1; age <= 45; age++ {
			for i := range 3 { // one by click id, one by its customer, one nobody's
				id, date := fmt.Sprintf("%d-%d", age, i), today.AddDays(-age)
				o := store.Order{Account: "shop", OrderID: id, CustomerID: fmt.Sprintf("c%d", age/2), OrderedAt: date.Time().Add(time.Duration(9+i) * time.Hour), OrderDate: date, Currency: "EUR", Revenue: 50 * money.One}
				touch := store.Touch{Account: "shop", TouchID: id, At: o.OrderedAt.Add(-90 * time.Minute), Channel: "google", Campaign: fmt.Sprintf("c%d", i)}
				switch i {
				case 0:
					o.ClickID, touch.ClickID, o.CustomerID = "G"+id, "G"+id, "" // a guest
				case 1:
					o.Refunded = 10 * money.One
					touch.CustomerID = "person" + id
					o.CustomerID = touch.CustomerID
					told = append(told, store.ToldConversion{Account: "shop", Platform: "google", OrderID: id, OrderedAt: o.OrderedAt, State: bidding.ToldDone, Step: "record", Currency: "EUR", ToldAt: o.OrderedAt})
				case 2:
					touch.Channel = "email"
				}
				orders, touches = append(orders, o), append(touches, touch)
			}
		}
		_, err := st.UpsertOrders(ctx, orders)
		if err == nil {
			_, err = st.UpsertTouches(ctx, touches)
		}
		if err == nil {
			err = st.SetTold(ctx, told)
		}
		if err == nil {
			err = d.RunDirect(ctx, "shop", today, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		stages, err := st.Stages(ctx, RunID("shop", today))
		if err != nil {
			t.Fatal(err)
		}
		models, err := loadModels[attribution.Reconciliation](ctx, st.Queries, RunID("shop", today), reconcileModel)
		if err != nil {
			t.Fatal(err)
		}
		got := models[""]
		if got.From != today.AddDays(-30) || got.To != today.AddDays(-1) || got.Currency != "EUR" || len(got.Notes) > 0 {
			t.Errorf("%s to %s in %s: %v", got.From, got.To, got.Currency, got.Notes)
		}
		if got.Shop != (attribution.Amount{Orders: 90, Value: (50 + 40 + 50) * 30 * money.One}) || got.NoAd != (attribution.Amount{Orders: 30, Value: 1500 * money.One}) {
			t.Errorf("shop %v, no ad %v", got.Shop, got.NoAd)
		}
		if len(got.Campaigns) != 2 || len(got.Platforms) != 1 {
			t.Fatalf("%+v", got.Campaigns)
		}
		for _, b := range got.Campaigns {
			if b.Credited.Orders != 30 || b.Name != "Campaign "+strings.TrimPrefix(b.Campaign, "google:c") {
				t.Errorf("%+v", b)
			}
			if wantID := 30 * float64(1-int(b.Campaign[len(b.Campaign)-1]-'0')); b.ByClickID.Orders != wantID || b.ByOrderID.Orders != 30-wantID {
				t.Errorf("%s: %v by click id, %v by order id", b.Campaign, b.ByClickID, b.ByOrderID)
			}
		}
		// The fake's days, filled up by the same lag as the night's.
		rows := 0
		var reported money.Micros
		for _, p := range d.ads.days {
			if p.Date >= got.From && p.Date <= got.To {
				rows++
				reported += p.Value
			}
		}
		if rows != 60 || got.Ads.Reported.Value != reported || got.Ads.Claimed.Value <= reported {
			t.Errorf("%d rows: reported %s, of which the platform said %s, claimed %s", rows, got.Ads.Reported.Value.Decimal(), reported.Decimal(), got.Ads.Claimed.Value.Decimal())
		}
		want := fmt.Sprintf("; platforms claim %.0f %% of what was sold after their ads", 100*got.Ads.Claimed.Value.Float()/got.Ads.Credited.Value.Float())
		if i := slices.IndexFunc(stages, func(s store.Stage) bool { return s.Stage == string(Attribute) }); i < 0 || !strings.HasSuffix(stages[i].Summary, want) {
			t.Errorf("the stage does not end with %q", want)
		}
		// All of the second kind are new customers; of the third some had ordered.
		if got.Ads.New.Orders != 30 || got.Ads.Returning.Orders != 0 || math.Abs(got.Lags[1].Last.Orders-60) > 0 || got.Paths[0].Steps[0] != "google:c0" && got.Paths[0].Steps[0] != "email" {
			t.Errorf("%+v %+v %+v", got.Ads, got.Lags, got.Paths)
		}
		asked, err := d.Reconcile(ctx, "shop", reconcileDays)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got, asked); diff != "" {
			t.Error(diff)
		}
		if week, err := d.Reconcile(ctx, "shop", 7); err != nil || week.Shop.Orders != 21 || len(week.Days) != 7 {
			t.Errorf("%v of a week: %+v", err, week.Shop)
		}
		for _, days := range []int{0, -3, MaxReconcileDays + 1} {
			if _, err := d.Reconcile(ctx, "shop", days); err == nil {
				t.Errorf("%d days are compared", days)
			}
		}
	})
}

// Days that are not known yet and accounts of another currency are said.
func TestReconcileSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t)
	d := setup(t, st, 1)
	today := civil.Of(testNow)
	perf := func(platform, account string, age int) store.Performance {
		return store.Performance{Account: "shop", Platform: platform, AdAccount: account, EntityType: "campaign", EntityID: "c0", Date: today.AddDays(-age), Value: 70 * money.One, Conversions: 1, PulledAt: testNow}
	}
	if err := st.UpsertAdAccount(t.Context(), store.AdAccount{Account: "shop", Platform: "meta", AdAccount: "9", Currency: "SEK", TimeZone: "UTC", UpdatedAt: testNow}); err != nil {
		t.Fatal(err)
	}
	if err := st.UpsertPerformance(t.Context(), today, []store.Performance{perf("google", "123", 8), perf("meta", "9", 1)}); err != nil {
		t.Fatal(err)
	}
	got, err := d.Reconcile(t.Context(), "shop", 30)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Notes) != 2 || !strings.Contains(got.Notes[0], "it reports in SEK, the shop sells in EUR") || !strings.Contains(got.Notes[1], "Google Ads reports is known up to 2 Mar 2026 only") {
		t.Errorf("%q", got.Notes)
	}
	if got.Ads.Reported != (attribution.Amount{Orders: 1, Value: 70 * money.One}) {
		t.Errorf("%+v", got.Ads.Reported)
	}
}
