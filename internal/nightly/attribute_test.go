package nightly

import (
	"fmt"
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"adsteward/attribution"
	"adsteward/bidding"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/store"
	"adsteward/store/storetest"
)

// Every order follows a click of a generic campaign and one on the shop's name.
// The latter, the last, stays the order's campaign; credit is half of each, and
// what is believed differs by whom they speak to, as the policy says.
func TestNightSharesCreditAndSaysWhatIsBelieved(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := setup(t, st, 3)
		d.ads.entities[0].Name, d.ads.entities[1].Name, d.ads.entities[2].Name = "Search | Brand", "Bestsellers", "Search | Generic"
		d.ads.entities[1].Channel = "pmax"
		d.Shops[0].Policy.Incremental.Known = attribution.Prior{Share: 0.2, SD: 0.1}
		today := civil.Of(testNow)
		d.history(60, today)
		var orders []store.Order
		var touches []store.Touch
		touch := func(customer, campaign string, at time.Time) {
			touches = append(touches, store.Touch{Account: "shop", TouchID: fmt.Sprint(len(touches)), CustomerID: customer, At: at, Channel: "google", Campaign: campaign})
		}
		const days = iotaDays - matureDays // that count
		for age := 1; age <= 70; age++ {
			for i := range 8 {
				id, date := fmt.Sprintf("%d-%d", age, i), today.AddDays(-age)
				at := date.Time().Add(12 * time.Hour)
				orders = append(orders, store.Order{Account: "shop", OrderID: id, CustomerID: id, OrderedAt: at, OrderDate: date, Currency: "EUR", Revenue: 100 * money.One})
				touch(id, "c2", at.Add(-48*time.Hour))
				touch(id, "c0", at.Add(-time.Hour))
			}
		}
		if _, err := st.UpsertOrders(t.Context(), orders); err != nil {
			t.Fatal(err)
		}
		if _, err := st.UpsertTouches(t.Context(), touches); err != nil {
			t.Fatal(err)
		}
		if err := d.RunDirect(t.Context(), "shop", today, nil); err != nil {
			t.Fatal(err)
		}
		run := RunID("shop", today)
		shares, err := loadModels[attribution.Share](t.Context(), st.Queries, run, "attribution")
		if err != nil {
			t.Fatal(err)
		}
		worths, err := loadModels[bidding.Worth](t.Context(), st.Queries, run, "worth")
		if err != nil {
			t.Fatal(err)
		}
		for key, want := range map[string]struct {
			audience attribution.Audience
			prior    float64
			orders   float64
			said     string
		}{
			"google:c0": {attribution.Known, 0.2, days * 4, "20 % (± 10), as studies at other shops found for ads to people who know the shop (its name says \"brand\")"},
			"google:c1": {attribution.Mixed, 0.68, 0, "(Performance Max chooses them)"},
			"google:c2": {attribution.New, 0.82, days * 4, "its name says \"generic\""},
		} {
			s, w := shares[key], worths[key]
			if s.Addressed.Audience != want.audience || s.Prior.Share != want.prior || math.Abs(s.Orders-want.orders) > 1e-6 || !s.Compared {
				t.Errorf("%s: %+v", key, s)
			}
			if w.IncrementalShare != s.Iota || w.IncrementalRelSD != s.RelSD || w.Calibrated || w.RelSD < s.RelSD {
				t.Errorf("%s: worth %+v", key, w)
			}
			if said := strings.Join(w.Sources, " "); !strings.Contains(said, want.said) || !strings.Contains(said, "uncalibrated by experiment") {
				t.Errorf("%s: %q is not said: %s", key, want.said, said)
			}
		}
		if shares["google:c1"].Iota > 0.45 { // of 0.68 believed
			t.Errorf("a campaign whose sales nobody bought has the share %v", shares["google:c1"].Iota)
		}
		if n := worths["google:c0"].Orders; n < 8*days { // the book goes by the last click
			t.Errorf("%d orders are of the last click's campaign", n)
		}
	})
}

// A click that comes in late changes the campaign of its order on the next night, or has
// it be of several, and changes no other order.
func TestALateClickChangesItsOrderAlone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := setup(t, st, 2)
		today := civil.Of(testNow)
		d.history(60, today)
		touch := func(id string, campaign string, at time.Time) {
			if _, err := st.UpsertTouches(t.Context(), []store.Touch{{Account: "shop", TouchID: campaign + id, CustomerID: id, At: at, Channel: "google", Campaign: campaign}}); err != nil {
				t.Fatal(err)
			}
		}
		want := map[string]store.Clicked{}
		for age := range 20 {
			id, date := fmt.Sprint(age), today.AddDays(-age-1)
			at := date.Time().Add(12 * time.Hour)
			if _, err := st.UpsertOrders(t.Context(), []store.Order{{Account: "shop", OrderID: id, CustomerID: id, OrderedAt: at, OrderDate: date, Currency: "EUR", Revenue: 100 * money.One}}); err != nil {
				t.Fatal(err)
			}
			if want[id] = (store.Clicked{}); age%3 > 0 {
				touch(id, "c0", at.Add(-2*time.Hour))
				want[id] = store.Clicked{Campaign: "google:c0"}
			}
		}
		night := func(when string) {
			if err := d.RunDirect(t.Context(), "shop", today, []Stage{Attribute}); err != nil {
				t.Fatal(err)
			}
			got := map[string]store.Clicked{}
			if err := st.EachOrderHead(t.Context(), "shop", today.AddDays(-30), today, func(o store.Order) error {
				got[o.OrderID] = store.Clicked{Campaign: o.Campaign, Several: o.Several}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if !maps.Equal(got, want) {
				t.Errorf("%s: the orders are of %v, want %v", when, got, want)
			}
		}
		night("the first night")
		for age, campaign := range map[int]string{6: "c1", 7: "c1", 9: "c0", 10: "c0"} { // of none, of another, of none, of the same
			touch(fmt.Sprint(age), campaign, today.AddDays(-age-1).Time().Add(11*time.Hour))
			want[fmt.Sprint(age)] = store.Clicked{Campaign: "google:" + campaign, Several: age == 7}
		}
		touch("11", "c1", today.AddDays(-12).Time().Add(8*time.Hour)) // before the last
		want["11"] = store.Clicked{Campaign: "google:c0", Several: true}
		night("the night after")
	})
}
