package nightly

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"adsteward/bidding"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/store"
	"adsteward/store/storetest"
)

// sell gives the shop ten orders a day of its last 170 days, of two products of
// different categories with known refunds: in the end 40 % of the value of shoes
// and none of toys; after 14 days half of it, after 60 all.
func (d *desk) sell(t *testing.T, today civil.Date) {
	t.Helper()
	eur := func(v float64) money.Micros { return money.Micros(math.Round(v * 1e6)) }
	ctx := t.Context()
	var orders []store.Order
	for age := 1; age <= 170; age++ {
		for i := range 10 {
			date := today.AddDays(-age)
			o := store.Order{Account: "shop", OrderID: fmt.Sprintf("%d-%d", age, i), CustomerID: fmt.Sprintf("c%d-%d", age, i), OrderedAt: date.Time().Add(time.Hour),
				OrderDate: date, Currency: "EUR", Revenue: eur(119), Tax: eur(19)}
			sku := "shoe"
			if i%2 == 1 {
				sku = "toy"
			}
			o.Lines = []store.OrderLine{{SKU: sku, Quantity: 1, UnitPrice: eur(119)}}
			shown := 1.
			if age <= 60 {
				shown = 0.5
			}
			if sku == "shoe" {
				o.Refunded = eur(119 * 0.4 * shown)
			}
			orders = append(orders, o)
		}
	}
	if _, err := d.Store.UpsertOrders(ctx, orders); err != nil {
		t.Fatal(err)
	}
	if err := d.Store.ReplaceProducts(ctx, "shop", []store.Product{
		{Account: "shop", ItemID: "shoe", ProductType: "Shoes > Running", FeedDate: today}, {Account: "shop", ItemID: "toy", ProductType: "Toys", FeedDate: today}}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Store.UpsertCosts(ctx, []store.Cost{{Account: "shop", SKU: "shoe", UnitCost: eur(30), Currency: "EUR"},
		{Account: "shop", SKU: "toy", UnitCost: eur(9000), Currency: "JPY"}}); err != nil {
		t.Fatal(err)
	}
}

// The night takes the shop's orders, costs and feed into the margin: of 238 for a
// pair of shoes and a toy, 38 are tax and 30 the shoes' cost; the toy's, named in
// yen only, takes the shop's average of 30 in 100; 20 of the shoes' 100 have come
// back so far and 20 will.
func TestNightKeepsTheBook(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := setup(t, st, 3)
		today := civil.Of(testNow)
		d.history(60, today)
		d.sell(t, today)
		if err := d.RunDirect(t.Context(), "shop", today, nil); err != nil {
			t.Fatal(err)
		}
		run := RunID("shop", today)
		worths, err := loadModels[bidding.Worth](t.Context(), st.Queries, run, "worth")
		if err != nil {
			t.Fatal(err)
		}
		w := worths[""]
		fee := d.Shops[0].Model.PaymentFeeRate
		ship := d.Shops[0].Model.ShippingCost / 119
		for what, x := range map[string]struct{ got, want float64 }{
			"tax": {w.Parts.Tax, 38. / 238}, "goods": {w.Parts.Goods, 60. / 238}, "refunds": {w.Parts.Refunds, 20. / 238},
			"refunds to come": {w.Parts.ToCome, 20. / 238}, "margin": {w.Margin, (200-60-40)/238. - fee - ship},
		} {
			if math.Abs(x.got-x.want) > 0.002 {
				t.Errorf("%s is %.4f of the revenue, want %.4f", what, x.got, x.want)
			}
		}
		said := strings.Join(w.Sources, " ")
		for _, s := range []string{"50 % by the imported costs and the feed", "50 % by the shop's average", "one cost in another currency is left out",
			"In the end 20.0 % of the goods are refunded", "after 14 days 50 % of that has shown"} {
			if !strings.Contains(said, s) {
				t.Errorf("%q is not said: %s", s, said)
			}
		}
		if w.MarginRelSD <= 0 || w.RelSD < w.MarginRelSD {
			t.Errorf("the margin has the error %v, k %v", w.MarginRelSD, w.RelSD)
		}
		targets, err := loadModels[bidding.Target](t.Context(), st.Queries, run, "target")
		if err != nil {
			t.Fatal(err)
		}
		units, err := loadModels[bidding.UnitReport](t.Context(), st.Queries, run, "unit")
		if err != nil {
			t.Fatal(err)
		}
		if len(targets) != 3 || len(units) == 0 {
			t.Fatalf("%d targets of %d units", len(targets), len(units))
		}
		for _, u := range units {
			r, ok := targets[u.Key.String()]
			if !ok || r.K.Value != u.K || r.BreakEven == nil || r.BreakEven.Value != u.BreakEven || math.Abs(r.Target.Value-u.Target) > 1e-9 || r.ROAS != u.ROAS {
				t.Errorf("the row of %s is not of its unit: k %v and %v, break-even %v and %v", u.Name, r.K, u.K, r.BreakEven, u.BreakEven)
			}
		}
	})
}
