package nightly

import (
	"fmt"
	"testing"
	"time"

	"adsteward/attribution"
	"adsteward/attribution/identity"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/store"
	"adsteward/store/storetest"
)

// Somebody clicks unknown, and orders under another click, known: the first click is
// theirs too, in the night's credit and in the journeys, until somebody says that the
// two are not one person.
func TestNightStitchesUnknownVisitors(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		d := setup(t, st, 2)
		today := civil.Of(testNow)
		d.history(60, today)
		var orders []store.Order
		var touches []store.Touch
		touch := func(customer, visitor, click, campaign string, at time.Time) {
			touches = append(touches, store.Touch{Account: "shop", TouchID: fmt.Sprint(len(touches)), CustomerID: customer, VisitorID: visitor, ClickID: click, At: at, Channel: "google", Campaign: campaign})
		}
		const n = 30
		for i := range n {
			id, date := fmt.Sprint("buyer", i), today.AddDays(-20)
			at := date.Time().Add(12 * time.Hour)
			orders = append(orders, store.Order{Account: "shop", OrderID: id, CustomerID: id, ClickID: "click" + id, OrderedAt: at, OrderDate: date, Currency: "EUR", Revenue: 100 * money.One})
			touch("", "device"+id, "first"+id, "c0", at.Add(-72*time.Hour))
			touch("", "device"+id, "click"+id, "c1", at.Add(-time.Hour))
			touch("", "stranger"+id, "other"+id, "c0", at.Add(-2*time.Hour))
		}
		if _, err := st.UpsertOrders(ctx, orders); err != nil {
			t.Fatal(err)
		}
		if _, err := st.UpsertTouches(ctx, touches); err != nil {
			t.Fatal(err)
		}
		credited := func(date civil.Date) (first, second float64) {
			t.Helper()
			if err := d.RunDirect(ctx, "shop", date, []Stage{Pull, Attribute}); err != nil {
				t.Fatal(err)
			}
			shares, err := loadModels[attribution.Share](ctx, st.Queries, RunID("shop", date), "attribution")
			if err != nil {
				t.Fatal(err)
			}
			return shares["google:c0"].Orders, shares["google:c1"].Orders
		}
		if first, second := credited(today); first != n/2 || second != n/2 {
			t.Errorf("credit is %v and %v orders, not half each", first, second)
		}
		basis, err := loadModel[JourneysBasis](ctx, st.Queries, RunID("shop", today), JourneysModel, "")
		if err != nil || basis.Orders != n || basis.Touches != 3*n || basis.Stitched != 2*n || basis.Persons != 2*n {
			t.Errorf("journeys rest on %+v, %v", basis, err)
		}
		for _, key := range JourneysKeys() {
			rep, err := loadModel[attribution.PathReport](ctx, st.Queries, RunID("shop", today), JourneysModel, key)
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]float64{"channel/all": n, "channel/first": n, "channel/repeat": 0, "campaign/all": n}[key]
			if rep.Conversions != want || rep.Journeys != want+n || len(rep.Models) != len(attribution.Models()) {
				t.Errorf("%s: %v of %v journeys end in an order, by %d models", key, rep.Conversions, rep.Journeys, len(rep.Models))
			}
			if s := rep.Models[0].Channels[0].ConversionShare; (s != nil) != (key == "channel/all") {
				t.Errorf("%s: intervals %v", key, s)
			}
		}
		if err := d.SplitPersons(ctx, "ann", "shop", identity.ID{Kind: identity.Customer, Value: "buyer0"}, identity.ID{Kind: identity.Visitor, Value: "devicebuyer0"}, "two people"); err != nil {
			t.Fatal(err)
		}
		tomorrow := today.AddDays(1)
		if first, second := credited(tomorrow); first != n/2-0.5 || second != n/2+0.5 {
			t.Errorf("after the split credit is %v and %v orders", first, second)
		}
		if _, err := loadModel[JourneysBasis](ctx, st.Queries, RunID("shop", tomorrow), JourneysModel, ""); err == nil {
			t.Error("the journeys are compared anew on the next night")
		}
	})
}
