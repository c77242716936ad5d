package nightly

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adsteward/attribution"
	"adsteward/internal/money"
	"adsteward/store"
	"adsteward/store/storetest"
)

// reconciled is what the next night makes of claims and orders, after a day that
// brought some, and whether it gathered days that are kept.
func (d *sharing) reconciled() (r attribution.Reconciliation, kept bool) {
	d.t.Helper()
	run := RunID("shop", d.date)
	d.sell(1, 20)
	d.night()
	models, err := loadModels[attribution.Reconciliation](d.t.Context(), d.Store.Queries, run, reconcileModel)
	if err != nil {
		d.t.Fatal(err)
	}
	_, err = loadModel[keptDays](d.t.Context(), d.Store.Queries, run, keptDaysModel, "")
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		d.t.Fatal(err)
	}
	return models[""], err == nil
}

// change stores an order of some days before the next night's date as it is now.
func (d *sharing) change(age, i int, change func(*store.Order)) {
	d.t.Helper()
	date := d.date.AddDays(-age)
	o := store.Order{Account: "shop", OrderID: fmt.Sprintf("%s-%d", date, i), CustomerID: fmt.Sprintf("%s-%d", date, i), OrderedAt: date.Time().Add(12 * time.Hour), OrderDate: date,
		Currency: "EUR", Revenue: 100 * money.One}
	change(&o)
	if _, err := d.Store.UpsertOrders(d.t.Context(), []store.Order{o}); err != nil {
		d.t.Fatal(err)
	}
}

// While days serve, a night finds what one finds that joins all of their orders; what
// happens to an old order is seen when they are gathered anew, an order more at once.
func TestReconciledDaysServeForAWeek(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		const daily = 240 // of which three weeks are more than fewOrders
		d := setupSharing(t, st)
		for age := 1; age <= reconcileDays+2; age++ {
			d.sell(age, daily)
		}
		// expect holds a night against one that joins all orders, and against the refunds
		// that are to be seen, in units.
		expect := func(what string, refunded money.Micros, same, anew bool) {
			t.Helper()
			got, kept := d.reconciled()
			if kept != anew {
				t.Errorf("%s: days gathered: %v", what, kept)
			}
			asked, err := d.Reconcile(t.Context(), "shop", reconcileDays)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(asked, got); (diff == "") != same {
				t.Errorf("%s: the same as of all orders: %v\n%s", what, !same, diff)
			}
			if want := money.Micros(100*asked.Shop.Orders)*money.One - refunded*money.One; got.Shop.Value != want || got.Ads.Credited != got.Shop {
				t.Errorf("%s: %v, want %s", what, got.Shop, want.Decimal())
			}
		}
		refund := func(of money.Micros) func(*store.Order) { return func(o *store.Order) { o.Refunded = of * money.One } }
		expect("first night", 0, true, true)
		expect("a day on", 0, true, false)
		d.change(3, 0, refund(7))
		expect("a refund of lately", 7, true, false)
		d.change(20, 0, refund(30))
		expect("of old", 7, false, false)
		d.sell(15, daily+1)
		expect("an old order more", 37, true, true)
		d.change(15, 0, refund(20))
		expect("another old refund", 37, false, false)
		expect("the day after", 37, false, false)
		expect("a week after the first", 57, true, true)
	})
}

// Neither are days of few orders kept nor what rests on experiments.
func TestReconciledDaysAreNotKept(t *testing.T) {
	t.Parallel()
	d := setupSharing(t, storetest.Open(t))
	if _, kept := d.reconciled(); kept {
		t.Error("the days of few orders are kept")
	}
	for age := 1; age <= reconcileDays; age++ {
		d.sell(age, 240)
	}
	if err := d.Store.InsertExperiment(t.Context(), store.Experiment{ExperimentID: "x1", Account: "shop", State: "concluded", CreatedAt: testNow, UpdatedAt: testNow}); err != nil {
		t.Fatal(err)
	}
	if err := d.Store.PutIota(t.Context(), store.IotaEntry{Account: "shop", Campaign: "google:c0", ExperimentID: "x1", Value: 0.3, SD: 0.05,
		Ended: d.date.AddDays(-9), RecordedAt: testNow}); err != nil {
		t.Fatal(err)
	}
	if _, kept := d.reconciled(); kept {
		t.Error("days are kept that serve one night")
	}
}
