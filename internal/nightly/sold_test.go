package nightly

import (
	"database/sql"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adsteward/bidding"
	"adsteward/bidding/response"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/store"
	"adsteward/store/storetest"
)

// Of what a campaign sold, what the feeds know counts, and of that what is out of
// stock or wrong, and by how much it is marked down now.
func TestSoldStock(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 5, 2, 0, 0, 0, 0, time.UTC)
	line := func(sku string, quantity float64, price money.Micros) store.OrderLine {
		return store.OrderLine{SKU: sku, Quantity: quantity, UnitPrice: price * money.One}
	}
	sales := []store.Sales{{Campaign: "google:1", New: true, Lines: []store.OrderLine{line("ok", 2, 10), line("gone", 1, 30), line("none left", 1, 20), line("unknown", 1, 10)}},
		{Campaign: "google:1", Lines: []store.OrderLine{line("wrong", 1, 5)}}, {Lines: []store.OrderLine{line("gone", 1, 7)}}}
	products := []store.Product{{ItemID: "ok", Availability: "in_stock", Warnings: 3}, {ItemID: "gone", Availability: "out_of_stock"}, {ItemID: "wrong", Errors: 1},
		{ItemID: "none left", Availability: "in_stock", Stock: new(int64)}}
	for i := range products {
		products[i].Price, products[i].Currency = 100*money.One, "EUR"
	}
	reduced, until := 75*money.One, sql.NullTime{Time: at, Valid: true}
	products[1].SalePrice = &reduced
	products[2].SalePrice, products[2].SaleUntil = &reduced, until // over
	want := map[string]bidding.Sold{"google:1": {Goods: 75, Unsellable: 55, MarkedDown: 7.5}}
	if diff := cmp.Diff(want, soldStock(sales, products, at)); diff != "" {
		t.Error(diff)
	}
	if got := soldStock(sales, products[:1], at); len(got) > 0 {
		t.Errorf("all can be sold at its price: %v", got)
	}
	products[0].SalePrice = &reduced
	if got := soldStock(sales, products[:1], at)["google:1"].Conditions(); got != (response.Conditions{Markdown: 0.25}) {
		t.Errorf("a quarter off all that is known: %+v", got)
	}
}

// Each day of a campaign has the conditions that its own night found.
func TestDaysHaveTheConditionsOfTheirNights(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 2)
	date := civil.Of(testNow)
	d.history(20, date)
	n := &night{Steward: d.Steward, shop: &d.Shops[0], date: date, runID: RunID("shop", date)}
	var models modelSet
	for _, day := range []civil.Date{date - 12, date - 5, date} {
		if err := d.begin(t.Context(), n.shop, day, "test"); err != nil {
			t.Fatal(err)
		}
	}
	models.add(RunID("shop", date-12), soldModel, "", map[string]bidding.Sold{"google:c0": {Goods: 200, Unsellable: 50}})
	models.add(RunID("shop", date-5), soldModel, "", map[string]bidding.Sold{"google:c0": {Goods: 100, MarkedDown: 10}, "google:gone": {Goods: 1, Unsellable: 1}})
	if err := models.put(t.Context(), d.Store.Queries); err != nil {
		t.Fatal(err)
	}
	if rep, err := pull(t.Context(), n); err != nil || rep.Partial != nil {
		t.Fatal(err, rep.Partial)
	}
	in, err := n.accountInput(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]map[int]response.Conditions{}
	for _, s := range in.Accounts[0].Performance {
		got[s.Entity.ID] = map[int]response.Conditions{}
		for _, day := range s.Days {
			if day.Conditions != (response.Conditions{}) {
				got[s.Entity.ID][date.Sub(day.Date)] = day.Conditions
			}
		}
	}
	want := map[string]map[int]response.Conditions{"c0": {12: {OutOfStock: 0.25}, 5: {Markdown: 0.1}}, "c1": {}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
