package nightly

import (
	"fmt"
	"testing"
	"time"

	"adsteward/bidding"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/store"
	"adsteward/store/storetest"
)

// TestAlertsOfTheNight goes from what the platform and the feed say to stored
// alerts and held-back increases, on both databases: c0's conversions fall, and
// most of what c1 sold is out of stock.
func TestAlertsOfTheNight(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := setup(t, st, 3)
		today := civil.Of(testNow)
		d.history(90, today)
		for i := range d.ads.days {
			if p := &d.ads.days[i]; p.Entity.ID == "c0" && p.Date >= today-12 {
				p.Value, p.Conversions = p.Value*4/10, p.Conversions*0.4
			}
		}
		var orders []store.Order
		for i := range 30 {
			date := today.AddDays(-1 - i%20)
			sku := "gone"
			if i%3 == 0 {
				sku = "there"
			}
			orders = append(orders, store.Order{Account: "shop", OrderID: fmt.Sprint("o", i), CustomerID: fmt.Sprint("c", i), OrderedAt: date.Time().Add(12 * time.Hour), OrderDate: date,
				Currency: "EUR", Revenue: 50 * money.One, Campaign: "google:c1", Lines: []store.OrderLine{{SKU: sku, Quantity: 1, UnitPrice: 50 * money.One}}})
		}
		if _, err := st.UpsertOrders(t.Context(), orders); err != nil {
			t.Fatal(err)
		}
		if err := st.ReplaceProducts(t.Context(), "shop", []store.Product{{Account: "shop", ItemID: "gone", Availability: "out_of_stock", Currency: "EUR", FeedDate: today},
			{Account: "shop", ItemID: "there", Availability: "in_stock", Currency: "EUR", FeedDate: today}}); err != nil {
			t.Fatal(err)
		}
		if err := d.RunDirect(t.Context(), "shop", today, []Stage{Pull, Value, Curves, Propose}); err != nil {
			t.Fatal(err)
		}
		stored, err := loadModels[[]bidding.Alert](t.Context(), st.Queries, RunID("shop", today), alertModel)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, a := range stored[""] {
			got[a.ID+" "+a.Figure] = a.Guardrail
			if a.Detail == "" {
				t.Errorf("%+v says nothing", a)
			}
		}
		want := map[string]string{"c0 conversion_rate": "alert", "c0 cac": "alert", "c0 roas": "alert", "c1 stock": "stock"}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("alerts %v, want %v", got, want)
		}
		units, err := loadModels[bidding.UnitReport](t.Context(), st.Queries, RunID("shop", today), "unit")
		if err != nil {
			t.Fatal(err)
		}
		for key, u := range units {
			f := u.Facts[key]
			if (u.ID == "c0") != (f.Alert != "") || (u.ID == "c1") != (f.Unsellable > 0.6 && f.Unsellable < 0.7) {
				t.Errorf("%s: %+v", key, f)
			}
		}
		open, err := st.Proposals(t.Context(), store.Filter{Account: "shop", States: []string{string(bidding.Proposed)}})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range open {
			if p.EntityID != "c2" && p.Proposed > p.Seen {
				t.Errorf("%s grows from %v to %v under an alert", p.EntityID, p.Seen, p.Proposed)
			}
		}
	})
}
