package nightly

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"adsteward/bidding/ltv"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/store"
	"adsteward/store/storetest"
)

// orders gives the shop the orders of n customers over the days before today.
func (d *desk) orders(t testing.TB, n, days int, today civil.Date) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(5, 6))
	var list []store.Order
	for i := range n {
		rate := rnd.ExpFloat64() / 60
		for at := rnd.Float64() * float64(days); at < float64(days); at += rnd.ExpFloat64() / rate {
			date := today.AddDays(int(at) - days)
			list = append(list, store.Order{Account: "shop", OrderID: fmt.Sprint(len(list)), CustomerID: fmt.Sprint(i), OrderedAt: date.Time(), OrderDate: date,
				Currency: "EUR", Revenue: money.Micros((20 + 40*rnd.ExpFloat64()) * 1e6)})
			if rnd.Float64() < 0.3 {
				break
			}
		}
	}
	if _, err := d.Store.UpsertOrders(t.Context(), list); err != nil {
		t.Fatal(err)
	}
}

// TestDiagnostics: the night that fits the lifetime model stores how it holds,
// and those on which the model serves on show the same.
func TestDiagnostics(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 3)
	today := civil.Of(testNow)
	d.orders(t, 800, 300, today)
	var stored []ltv.Diagnostics
	for k := range 2 {
		date := today.AddDays(k)
		d.now = testNow.AddDate(0, 0, k)
		d.history(30, date)
		if err := d.RunDirect(t.Context(), "shop", date, nil); err != nil {
			t.Fatal(err)
		}
		m, err := loadModels[ltv.Diagnostics](t.Context(), d.Store.Queries, RunID("shop", date), "ltv_diagnostics")
		if err != nil || len(m) != 1 {
			t.Fatalf("%d stored, %v", len(m), err)
		}
		stored = append(stored, m[""])
	}
	got := stored[0]
	if got.Alive.Customers != 800 || got.Currency != "EUR" || got.Until != today || got.Tracking.HoldoutActual == 0 || len(got.Tenths.Tenths) != 10 || len(got.Cohorts.Cohorts) < 9 {
		t.Errorf("%+v", got)
	}
	if !reflect.DeepEqual(stored[0], stored[1]) {
		t.Error("the next night shows others for the same model")
	}
}

// BenchmarkDiagnostics is what the diagnostics add to a night that refits the
// lifetime model, of a shop with 450,000 orders in the database.
func BenchmarkDiagnostics(b *testing.B) {
	d := setup(b, storetest.Open(b), 1)
	today := civil.Of(testNow)
	d.orders(b, 170_000, 500, today)
	n := &night{Steward: d.Steward, shop: &d.Shops[0], date: today, runID: RunID("shop", today)}
	days, err := n.customerDays(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	fit, _, err := n.fitLifetime(b.Context(), days)
	if err != nil {
		b.Fatal(err)
	}
	counts, err := d.Store.Counts(b.Context(), "shop")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := n.diagnostics(b.Context(), fit, basis{Date: today}, days); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(counts.Orders), "orders")
}
