package nightly

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"adsteward/bidding/ltv"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/store"
	"adsteward/store/storetest"
)

// acquire stores the orders of n customers over the year before today: first ones
// of campaign c0 or without a click, of shoes or bags, and later ones.
func (d *desk) acquire(t *testing.T, n int, today civil.Date) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(3, 3))
	var orders []store.Order
	for i := range n {
		date := today.AddDays(-1 - rnd.IntN(364))
		campaign, sku, country := "", "bag-1", "DE"
		if i%2 == 0 {
			campaign, sku, country = "google:c0", "shoe-1", "AT"
		}
		rate := 0.02 * rnd.ExpFloat64()
		for k := 0; date < today; k++ {
			o := store.Order{Account: "shop", OrderID: fmt.Sprintf("o%d-%d", i, k), CustomerID: fmt.Sprint("c", i), OrderedAt: date.Time().Add(12 * time.Hour), OrderDate: date,
				Currency: "EUR", Revenue: money.Micros((30 + 40*rnd.Float64()) * 1e6), Country: country, Campaign: campaign}
			o.Lines = []store.OrderLine{{SKU: sku, Quantity: 1, UnitPrice: o.Revenue}, {SKU: "sock", Quantity: 1, UnitPrice: money.One}}
			orders = append(orders, o)
			if rnd.Float64() < 0.3 {
				break
			}
			date, campaign = date.AddDays(1+int(rnd.ExpFloat64()/(rate+0.002))), ""
		}
	}
	if _, err := d.Store.UpsertOrders(t.Context(), orders); err != nil {
		t.Fatal(err)
	}
	products := []store.Product{{Account: "shop", ItemID: "shoe-1", ProductType: "Shoes > Running", Currency: "EUR", FeedDate: today},
		{Account: "shop", ItemID: "bag-1", ProductType: "Bags", Currency: "EUR", FeedDate: today}, {Account: "shop", ItemID: "sock", ProductType: "Socks", Currency: "EUR", FeedDate: today}}
	if err := d.Store.ReplaceProducts(t.Context(), "shop", products); err != nil {
		t.Fatal(err)
	}
}

// TestSegmentsOfTheNight goes from orders and spend to stored segments, on both
// databases, in the shop's currency and in another.
func TestSegmentsOfTheNight(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := setup(t, st, 2) // c1 spends and wins nobody
		today := civil.Of(testNow)
		d.history(60, today)
		d.acquire(t, 1500, today)
		stages := []Stage{Pull, Value}
		segments := func(date civil.Date) map[string]ltv.Segment {
			if err := d.RunDirect(t.Context(), "shop", date, stages); err != nil {
				t.Fatal(err)
			}
			m, err := loadModels[ltv.Segment](t.Context(), st.Queries, RunID("shop", date), "segment")
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		got := segments(today)
		all, own, lost := got[""], got["platform=google/campaign=c0"], got["platform=google/campaign=c1"]
		if all.Customers != 1500 || own.Customers != 750 || got["category=Shoes"].Customers != 750 || got["category=Bags"].Customers != 750 || got["country=AT"].Customers != 750 {
			t.Fatalf("%d segments: %+v", len(got), all)
		}
		// Spend is what the platform reported, new customers those of the same days.
		var spent money.Micros
		for _, p := range d.ads.days {
			if p.Entity.ID == "c0" && p.Date >= today.AddDays(-60) && p.Date < today {
				spent += p.Cost
			}
		}
		if own.Spend == nil || *own.Spend != spent || own.CAC == nil || *own.CAC != spent.Float()/float64(own.NewCustomers) || own.NewCustomers == 0 {
			t.Errorf("spent %v: %+v", spent, own)
		}
		if own.Name != "Campaign 0" || lost.CAC != nil || lost.Customers != 0 || !strings.Contains(strings.Join(lost.Why, " "), "no new customer came") {
			t.Errorf("%+v", lost)
		}
		if s := got["platform=google/campaign=c0/category=Shoes"]; s.Customers != 750 || s.Lambda.Own < 0.5 {
			t.Errorf("%+v", s)
		}
		rfm, err := loadModels[ltv.RFM](t.Context(), st.Queries, RunID("shop", today), "rfm")
		if err != nil || rfm[""].Customers != 1500 {
			t.Errorf("%+v, %v", rfm, err)
		}
		worth, err := st.Models(t.Context(), RunID("shop", today), "worth")
		if err != nil || !strings.Contains(fmt.Sprint(worth), fmt.Sprintf(`"lambda":%s`, mustJSON(t, own.Lambda.Value))) {
			t.Errorf("the campaign's worth does not rest on its multiple %v: %v, %v", own.Lambda.Value, worth, err)
		}
		// The next night serves the same model and its segments, whoever ordered
		// meanwhile, and prices them; an ad account that spends dollars has no cost
		// per customer.
		late := store.Order{Account: "shop", OrderID: "late", CustomerID: "late", OrderedAt: today.Time().Add(time.Hour), OrderDate: today, Currency: "EUR",
			Revenue: money.One, Campaign: "google:c0"}
		if _, err := st.UpsertOrders(t.Context(), []store.Order{late}); err != nil {
			t.Fatal(err)
		}
		d.ads.account.Currency = "USD"
		d.now = d.now.AddDate(0, 0, 1)
		next := segments(today.AddDays(1))
		if s := next["platform=google/campaign=c0"]; s.CAC != nil || s.Spend != nil || !strings.Contains(strings.Join(s.Why, " "), "another currency") || s.Customers != 750 || s.Lambda != own.Lambda {
			t.Errorf("%+v", s)
		}
		// A week after it was fitted the model gives way to a new one, and the
		// customers are counted anew.
		d.now = d.now.AddDate(0, 0, lifetimeNights-1)
		if s := segments(today.AddDays(lifetimeNights))["platform=google/campaign=c0"]; s.Customers != 751 {
			t.Errorf("after a week %d customers", s.Customers)
		}
	})
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestFirstLevelOfAProductType(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"Shoes > Running > Trail": "Shoes", " Bags ": "Bags", "": "", ">": ""} {
		if got := firstLevel(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}
