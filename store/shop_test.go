package store_test

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/store"
)

func order(id, customer, date string, revenue float64, lines ...store.OrderLine) store.Order {
	return store.Order{Account: acc, OrderID: id, CustomerID: customer, OrderedAt: day(date).Time().Add(12 * time.Hour), OrderDate: day(date),
		Currency: "EUR", Revenue: euro(revenue), Discount: 1, Shipping: 2, Tax: 3, Country: "DE", Source: "csv", ClickID: "gclid", Lines: lines}
}

func line(sku string, quantity float64, price float64, cost *money.Micros) store.OrderLine {
	return store.OrderLine{SKU: sku, Quantity: quantity, UnitPrice: euro(price), UnitCost: cost}
}

// inPlace is the order as it is given back, its lines with their keys.
func inPlace(o store.Order) store.Order {
	o.OrderedAt, o.Lines = stored(o.OrderedAt), slices.Clone(o.Lines)
	for i := range o.Lines {
		o.Lines[i].Account, o.Lines[i].OrderID, o.Lines[i].Line = o.Account, o.OrderID, i+1
	}
	return o
}

func orders(t testing.TB, s *store.Store, account string) (list []store.Order) {
	t.Helper()
	check(t, s.EachOrder(t.Context(), account, day("2000-01-01"), day("2099-12-31"), func(o store.Order) error {
		list = append(list, o)
		return nil
	}))
	return list
}

func testOrders(t *testing.T, s *store.Store) {
	ctx := t.Context()
	upsert := func(what string, want int, list ...store.Order) {
		t.Helper()
		same(t, what, must(s.UpsertOrders(ctx, list))(t), want)
	}
	a := order("a", "1", "2026-01-01", 20, line("x", 1, 10, ptr(euro(4))), line("y", 0.5, 20, nil))
	b := order("b", "1", "2026-01-02", 5)
	upsert("new", 2, a, b)
	upsert("again", 0, a, b)
	upsert("one twice in a call", 0, order("a", "1", "2026-01-01", 99), a)

	a.Refunded = euro(7)
	upsert("refunded", 1, a, b)
	b.Lines = []store.OrderLine{line("z", 2, 2.5, nil)}
	upsert("a line more", 1, a, b)
	a.Lines = a.Lines[1:]
	upsert("a line less", 1, a, b)
	a.Lines = slices.Clone(a.Lines)
	a.Lines[0].UnitCost = ptr(euro(0))
	upsert("a cost became known, and is nothing", 1, a, b)
	upsert("again", 0, a, b)

	check(t, s.SetOrderCampaigns(ctx, acc, map[string]store.Clicked{"a": {Campaign: "google:1"}}))
	a.Campaign = "meta:2"
	upsert("the campaign is not the import's to change", 0, a)
	a.Campaign = "google:1"
	same(t, "stored", orders(t, s, acc), []store.Order{inPlace(a), inPlace(b)})
}

func testOrdersStream(t *testing.T, s *store.Store) {
	ctx := t.Context()
	early := order("z", "2", "2026-01-05", 1)
	late := order("a", "2", "2026-01-05", 2, line("x", 1, 2, nil), line("y", 1, 2, nil))
	late.OrderedAt = late.OrderedAt.Add(time.Microsecond)
	first := order("m", "1", "2026-01-09", 3, line("x", 1, 3, nil))
	foreign := order("a", "3", "2026-01-07", 4, line("q", 1, 4, nil)) // the same number in another shop
	foreign.Account = "other"
	must(s.UpsertOrders(ctx, []store.Order{late, foreign, early, first}))(t)

	same(t, "all", orders(t, s, ""), []store.Order{inPlace(first), inPlace(early), inPlace(late), inPlace(foreign)})
	var ids []string
	check(t, s.EachOrder(ctx, acc, day("2026-01-05"), day("2026-01-08"), func(o store.Order) error {
		ids = append(ids, o.OrderID)
		return nil
	}))
	same(t, "in range", ids, []string{"z", "a"})

	stop, calls := errors.New("stop"), 0
	is(t, s.EachOrder(ctx, acc, day("2026-01-01"), day("2026-12-31"), func(store.Order) error { calls++; return stop }), stop)
	same(t, "calls", calls, 1)
}

func testCustomerDays(t *testing.T, s *store.Store) {
	ctx := t.Context()
	refunded := order("b", "1", "2026-01-01", 10)
	refunded.Refunded = euro(4)
	refunded.OrderedAt = refunded.OrderedAt.Add(-time.Hour)
	refunded.Campaign = "google:1"
	second := order("a", "1", "2026-01-01", 20)
	second.Campaign = "meta:2"
	must(s.UpsertOrders(ctx, []store.Order{second, refunded, order("c", "1", "2026-02-01", 30), order("d", "2", "2026-01-15", 5),
		order("e", "", "2026-01-15", 999), order("f", "2", "2026-02-02", 999)}))(t)
	var days []store.CustomerDay
	collect := func(d store.CustomerDay) error {
		days = append(days, d)
		return nil
	}
	check(t, s.EachCustomerDay(ctx, acc, day("2026-02-01"), collect))
	same(t, "days", days, []store.CustomerDay{
		{CustomerID: "1", Date: day("2026-01-01"), Revenue: euro(26), FirstCampaign: "google:1"},
		{CustomerID: "1", Date: day("2026-02-01"), Revenue: euro(30), FirstCampaign: "google:1"},
		{CustomerID: "2", Date: day("2026-01-15"), Revenue: euro(5)}})

	// Of the first order: the line that cost most, the order's country, else the customer's.
	refunded.Country = ""
	refunded.Lines = []store.OrderLine{line("cheap", 1, 9, nil), line("dear", 5, 2, nil), line("as dear", 1, 10, nil)}
	second.Lines = []store.OrderLine{line("dearest", 1, 99, nil)}
	must(s.UpsertOrders(ctx, []store.Order{refunded, second}))(t)
	must(s.UpsertCustomers(ctx, []store.Customer{{Account: acc, CustomerID: "1", Country: "AT"}, {Account: "other", CustomerID: "1", Country: "FR"}}))(t)
	days = nil
	check(t, s.EachSourcedDay(ctx, acc, day("2026-02-01"), "", "", collect))
	same(t, "sourced days", days, []store.CustomerDay{
		{CustomerID: "1", Date: day("2026-01-01"), Revenue: euro(26), FirstCampaign: "google:1", FirstSKU: "dear", FirstCountry: "AT"},
		{CustomerID: "1", Date: day("2026-02-01"), Revenue: euro(30), FirstCampaign: "google:1", FirstSKU: "dear", FirstCountry: "AT"},
		{CustomerID: "2", Date: day("2026-01-15"), Revenue: euro(5), FirstCountry: "DE"}})
	// Of the orders of known customers, cut in two without losing any.
	whole, middle := days, must(s.MiddleCustomer(ctx, acc))(t)
	days = nil
	check(t, s.EachSourcedDay(ctx, acc, day("2026-02-01"), "", "2", collect))
	same(t, "days below customer 2", days, whole[:2])
	check(t, s.EachSourcedDay(ctx, acc, day("2026-02-01"), "2", "", collect))
	same(t, "days in two parts", days, whole)
	same(t, "the middle customer", middle, "1")
	if _, err := s.MiddleCustomer(ctx, "nobody"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("of no orders: %v", err)
	}
}

func testSales(t *testing.T, s *store.Store) {
	ctx := t.Context()
	before := order("a", "1", "2025-12-01", 99)
	again := order("b", "1", "2026-01-02", 20, line("x", 2, 10, ptr(euro(4))))
	first := order("c", "2", "2026-01-02", 30, line("x", 1, 30, ptr(euro(7))), line("x", 2, 15, ptr(euro(4))), line("x", 1, 9, nil), line("y", 1, 5, nil))
	bare := order("d", "3", "2026-01-03", 40)
	bare.Tax, bare.Shipping, bare.Refunded = euro(3), euro(2), euro(1)
	organic, later := order("e", "3", "2026-01-04", 50), order("f", "4", "2026-01-05", 60)
	for _, o := range []*store.Order{&again, &first, &bare} {
		o.Campaign = "google:1"
	}
	foreign := order("g", "2", "2025-01-01", 1) // the same customer number in another shop
	foreign.Account = "other"
	must(s.UpsertOrders(ctx, []store.Order{before, again, first, bare, organic, later, foreign}))(t)
	check(t, s.SetOrderCampaigns(ctx, acc, map[string]store.Clicked{"d": {Campaign: "google:1", Several: true}}))
	// Of line c, what names no cost is of an imported or a feed's cost, or of none.
	must(s.UpsertCosts(ctx, []store.Cost{{Account: acc, SKU: "y", UnitCost: euro(2), Currency: "EUR"}, {Account: acc, SKU: "x", UnitCost: euro(3), Currency: "USD"}}))(t)
	got := must(s.Sales(ctx, acc, day("2026-01-01"), day("2026-01-04")))(t)
	b, c := 20-3e-6-8, 30-3e-6-7-8-2.0
	d := 40 - 3 - (1 - 3.0/40)
	same(t, "sales", rounded(got), rounded([]store.Sales{
		{Campaign: "", New: false, Orders: 1, Revenue: euro(50), Discount: 1, Tax: 3, Shipping: 2,
			RR: 2500, RN: 50 * (50 - 3e-6), RU: 50 * (50 - 5e-6), NN: (50 - 3e-6) * (50 - 3e-6), NU: (50 - 3e-6) * (50 - 5e-6), UU: (50 - 5e-6) * (50 - 5e-6)},
		{Campaign: "google:1", Orders: 1, Revenue: euro(20), Discount: 1, Tax: 3, Shipping: 2, RR: 400, RN: 20 * b, NN: b * b, Lines: []store.OrderLine{
			{SKU: "x", Quantity: 2, UnitPrice: euro(10), UnitCost: ptr(euro(4))}}},
		{Campaign: "google:1", New: true, Orders: 1, Revenue: euro(30), Discount: 1, Tax: 3, Shipping: 2,
			RR: 900, RN: 30 * c, RU: 30 * 9, NN: c * c, NU: 9 * c, UU: 81, Lines: []store.OrderLine{
				{SKU: "x", Quantity: 1, UnitPrice: euro(9)}, {SKU: "x", Quantity: 3, UnitPrice: euro(20), UnitCost: ptr(euro(5))},
				{SKU: "y", Quantity: 1, UnitPrice: euro(5)}}},
		{Campaign: "google:1", Several: true, New: true, Orders: 1, Revenue: euro(40), Discount: 1, Tax: euro(3), Shipping: euro(2), Refunded: euro(1),
			RR: 1600, RN: 40 * d, RU: 40 * 35, NN: d * d, NU: d * 35, UU: 35 * 35},
	}))
	var heads []string
	check(t, s.EachOrderHead(ctx, acc, day("2026-01-02"), day("2026-01-03"), func(o store.Order) error {
		heads = append(heads, fmt.Sprint(o.OrderID, o.CustomerID, o.Campaign, o.Several))
		return nil
	}))
	slices.Sort(heads)
	same(t, "heads", heads, []string{"b1google:1false", "c2google:1false", "d3google:1true"})
}

// rounded makes sums of fractions comparable.
func rounded(list []store.Sales) []store.Sales {
	for i := range list {
		s := &list[i]
		for _, v := range []*float64{&s.RR, &s.RN, &s.RU, &s.NN, &s.NU, &s.UU} {
			*v = math.Round(*v*1e6) / 1e6
		}
	}
	return list
}

func testSalesByAge(t *testing.T, s *store.Store) {
	ctx := t.Context()
	none := must(s.Refunds(ctx, acc, day("2026-01-01"), day("2026-01-31"), day("2026-01-20")))(t)
	same(t, "refunds of no orders", len(none), 0)
	check(t, s.ReplaceProducts(ctx, acc, []store.Product{{Account: acc, ItemID: "x", ProductType: "Shoes > Running", FeedDate: day("2026-01-01")}}))
	// Orders without tax and shipping charge, of an old, a middle and a new range.
	plain := func(id, date string, revenue, refunded float64, lines ...store.OrderLine) store.Order {
		o := order(id, "c"+id, date, revenue, lines...)
		o.Tax, o.Shipping, o.Refunded = 0, 0, euro(refunded)
		return o
	}
	taxed := plain("d", "2026-01-30", 119, 11.9, line("x", 1, 119, nil))
	taxed.Tax = euro(19)
	list := []store.Order{
		plain("a", "2026-01-05", 100, 20, line("x", 1, 75, nil), line("z", 1, 25, nil)), // prices 3 to 1
		plain("b", "2026-01-10", 40, 8, line("x", 2, 40, nil)),                          // sold at half the price
		plain("c", "2026-01-20", 60, 0),
		taxed,
		plain("e", "2026-01-31", 0, 0, line("x", 1, 0, nil)), // a gift says nothing
	}
	must(s.UpsertOrders(ctx, list))(t)
	cuts := []civil.Date{day("2026-01-25"), day("2026-01-15")}
	got := must(s.Refunds(ctx, acc, day("2026-01-01"), day("2026-01-31"), cuts...))(t)
	for i := range got {
		got[i].Goods, got[i].Refunded = math.Round(got[i].Goods*1e6)/1e6, math.Round(got[i].Refunded*1e6)/1e6
	}
	same(t, "refunds", got, []store.Refunds{
		{ProductType: "", Since: 1, Orders: 1, Goods: 60},
		{ProductType: "", Since: 2, Orders: 0.25, Goods: 25, Refunded: 5},
		{ProductType: "Shoes > Running", Since: 0, Orders: 1, Goods: 100, Refunded: 10},
		{ProductType: "Shoes > Running", Since: 2, Orders: 1.75, Goods: 115, Refunded: 23},
	})
	sales := must(s.Sales(ctx, acc, day("2026-01-01"), day("2026-01-31"), cuts...))(t)
	var since, lines []int
	for _, x := range sales {
		since, lines = append(since, x.Since), append(lines, len(x.Lines))
	}
	same(t, "ranges", since, []int{0, 1, 2})
	same(t, "lines of each range", lines, []int{1, 0, 2})
	// Without cuts, and over more days than are summed up at a time.
	all := must(s.Sales(ctx, acc, day("2026-01-01"), day("2026-01-31")))(t)
	if len(all) != 2 || all[0].Orders != 1 || all[0].Revenue != euro(60) || all[1].Orders != 4 || all[1].Revenue != euro(259) || all[1].Refunded != euro(39.9) {
		t.Errorf("sales without cuts: %+v", all)
	}
	same(t, "goods of all days", all[1].Lines, []store.OrderLine{{SKU: "x", Quantity: 5, UnitPrice: euro(54.8)}, {SKU: "z", Quantity: 1, UnitPrice: euro(25)}})
}

func testOrderCampaigns(t *testing.T, s *store.Store) {
	ctx := t.Context()
	list, campaigns := []store.Order(nil), map[string]store.Clicked{"unknown": {Campaign: "x"}}
	for i := range 2500 {
		o := order(fmt.Sprintf("%05d", i), "1", "2026-01-01", 1)
		o.Campaign = "old"
		list = append(list, o)
		campaigns[o.OrderID] = []store.Clicked{{Campaign: "google:1"}, {Campaign: "meta:2", Several: true}, {}, {Campaign: "old", Several: true}}[i%4]
	}
	foreign := order("00000", "1", "2026-01-01", 1)
	foreign.Account = "other"
	must(s.UpsertOrders(ctx, append(list, foreign)))(t)
	check(t, s.SetOrderCampaigns(ctx, acc, campaigns))
	got := orders(t, s, acc)
	same(t, "orders", len(got), 2500)
	for _, o := range got {
		if got := (store.Clicked{Campaign: o.Campaign, Several: o.Several}); got != campaigns[o.OrderID] {
			t.Fatalf("before order %s was clicked %+v, want %+v", o.OrderID, got, campaigns[o.OrderID])
		}
	}
	same(t, "another shop's order", orders(t, s, "other")[0].Campaign, "")
}

func customers(t testing.TB, s *store.Store) (list []store.Customer) {
	t.Helper()
	check(t, s.EachCustomer(t.Context(), acc, func(c store.Customer) error {
		list = append(list, c)
		return nil
	}))
	return list
}

func testCustomers(t *testing.T, s *store.Store) {
	ctx := t.Context()
	upsert := func(what string, want int, list ...store.Customer) {
		t.Helper()
		same(t, what, must(s.UpsertCustomers(ctx, list))(t), want)
	}
	ann := store.Customer{Account: acc, CustomerID: "1", Email: "Ann@Example.com", Phone: "+49 170 1234", Country: "DE"}
	bob := store.Customer{Account: acc, CustomerID: "2"}
	upsert("new", 2, ann, bob)
	upsert("again", 0, ann, bob)
	upsert("nothing known erases nothing", 0, store.Customer{Account: acc, CustomerID: "1"})
	upsert("written otherwise", 0, store.Customer{Account: acc, CustomerID: "1", Email: " ann@example.COM", Phone: "491701234"})
	upsert("halves in one call", 1, store.Customer{Account: acc, CustomerID: "2", Email: "bob@example.com"},
		store.Customer{Account: acc, CustomerID: "2", Country: "FR"})
	upsert("a new address", 1, store.Customer{Account: acc, CustomerID: "1", Email: "ann@example.org"})

	got := customers(t, s)
	for _, c := range got {
		if (c.Email == "") != (c.EmailKey == "") || (c.Phone == "") != (c.PhoneKey == "") {
			t.Errorf("customer %s: value without key, or key without value", c.CustomerID)
		}
	}
	for i := range got {
		got[i].EmailKey, got[i].PhoneKey = "", ""
	}
	ann.Email = "ann@example.org"
	bob.Email, bob.Country = "bob@example.com", "FR"
	same(t, "customers", got, []store.Customer{ann, bob})
}

func testSealedInPlace(t *testing.T, s *store.Store) {
	ctx := t.Context()
	must(s.UpsertCustomers(ctx, []store.Customer{{Account: acc, CustomerID: "1", Email: "ann@example.com"},
		{Account: acc, CustomerID: "2", Email: "bob@example.com"}}))(t)
	if _, err := s.DB().Exec(`UPDATE customers SET email = (SELECT email FROM customers WHERE customer_id = '1') WHERE customer_id = '2'`); err != nil {
		t.Fatal(err)
	}
	if err := s.EachCustomer(ctx, acc, func(store.Customer) error { return nil }); err == nil {
		t.Fatal("an address moved to another customer was opened")
	}
}

func testTouches(t *testing.T, s *store.Store) {
	ctx := t.Context()
	touch := func(id, customer, visitor string, at time.Time) store.Touch {
		return store.Touch{Account: acc, TouchID: id, CustomerID: customer, VisitorID: visitor, At: at, Channel: "google", Campaign: "1", ClickID: "c"}
	}
	list := []store.Touch{touch("t1", "2", "", at), touch("t2", "1", "v", at.Add(time.Hour)), touch("t3", "1", "v", at), touch("t4", "1", "", at.Add(2*time.Hour))}
	same(t, "new", must(s.UpsertTouches(ctx, list))(t), 4)
	same(t, "again", must(s.UpsertTouches(ctx, list))(t), 0)
	list[0].Campaign = "2"
	same(t, "changed", must(s.UpsertTouches(ctx, list))(t), 1)
	for i := range list { // as they are read
		list[i].TouchID, list[i].At, list[i].Kind = "", stored(list[i].At), "click"
	}
	read := func(from, to time.Time) (touches []store.Touch) {
		t.Helper()
		check(t, s.EachVisit(ctx, acc, from, to, func(touch store.Touch) error { touches = append(touches, touch); return nil }))
		slices.SortFunc(touches, func(a, b store.Touch) int {
			return cmp.Or(a.At.Compare(b.At), strings.Compare(b.CustomerID, a.CustomerID))
		})
		return touches
	}
	all := []store.Touch{list[0], list[2], list[1], list[3]}
	same(t, "all", read(time.Time{}, at.AddDate(1, 0, 0)), all)
	same(t, "the end is excluded", read(at, at.Add(time.Hour)), all[:2])
	// Before, they were kept by their ids.
	check(t, s.MigrateDown(ctx, 12))
	same(t, "kept by id", read(time.Time{}, at.AddDate(1, 0, 0)), all)
	must(s.MigrateUp(ctx))(t)
	same(t, "kept by time", read(time.Time{}, at.AddDate(1, 0, 0)), all)
	old := touch("t1", "2", "", at)
	old.Campaign = "2"
	same(t, "what was there before comes again", must(s.UpsertTouches(ctx, []store.Touch{old, touch("t3", "1", "v", at)}))(t), 0)
}

func testCarts(t *testing.T, s *store.Store) {
	ctx := t.Context()
	c := store.Cart{Account: acc, CartID: "1", CustomerID: "9", Email: "ann@example.com", UpdatedAt: at, Value: euro(30), SKUs: "x y"}
	guest := store.Cart{Account: acc, CartID: "2", VisitorID: "v", UpdatedAt: at.Add(time.Second), Value: euro(1)}
	same(t, "new", must(s.UpsertCarts(ctx, []store.Cart{c, guest}))(t), 2)
	same(t, "again", must(s.UpsertCarts(ctx, []store.Cart{c, guest}))(t), 0)
	c.Value = euro(31)
	same(t, "changed", must(s.UpsertCarts(ctx, []store.Cart{c, guest}))(t), 1)
	got := must(s.Carts(ctx, acc, at, at.Add(time.Minute)))(t)
	if len(got) != 2 || got[0].EmailKey == "" {
		t.Fatalf("got %+v", got)
	}
	got[0].EmailKey = ""
	c.UpdatedAt, guest.UpdatedAt = stored(c.UpdatedAt), stored(guest.UpdatedAt)
	same(t, "carts", got, []store.Cart{c, guest})
	same(t, "the end is excluded", len(must(s.Carts(ctx, acc, at, at.Add(time.Second)))(t)), 1)
}

func testConsents(t *testing.T, s *store.Store) {
	ctx := t.Context()
	key := func(email string) string {
		must(s.UpsertCustomers(ctx, []store.Customer{{Account: acc, CustomerID: "k", Email: email}}))(t)
		return customers(t, s)[0].EmailKey
	}
	list := []store.Consent{
		{Account: acc, CustomerID: "1", Purpose: "ads", At: at, Granted: true},
		{Account: acc, CustomerID: "1", Purpose: "ads", At: at.Add(time.Hour), Granted: false},
		{Account: acc, CustomerID: "2", Purpose: "ads", At: at.Add(time.Hour), Granted: true},
		{Account: acc, CustomerID: "2", Purpose: "ads", At: at, Granted: false},
		{Account: acc, Email: " Ann@example.com", Purpose: "ads", At: at, Granted: true},
		{Account: acc, CustomerID: "3", Purpose: "mail", At: at, Granted: true},
	}
	same(t, "new", must(s.UpsertConsents(ctx, list))(t), 6)
	same(t, "again", must(s.UpsertConsents(ctx, list))(t), 0)
	same(t, "consents", must(s.Consents(ctx, acc))(t), map[string]map[string]bool{
		"ads":  {"c:1": false, "c:2": true, "e:" + key("ann@example.com"): true},
		"mail": {"c:3": true}})

	same(t, "purposes", must(s.ConsentPurposes(ctx, acc))(t), map[string]int64{"ads": 5, "mail": 1})
	same(t, "both identifiers", must(s.UpsertConsents(ctx, []store.Consent{
		{Account: acc, CustomerID: "4", Email: "bob@example.com", Purpose: "x", At: at}}))(t), 2)
	if _, err := s.UpsertConsents(ctx, []store.Consent{{Account: acc, Purpose: "ads", At: at}}); err == nil {
		t.Error("a consent of nobody was stored")
	}
}

func testCostsAndProducts(t *testing.T, s *store.Store) {
	ctx := t.Context()
	cost := store.Cost{Account: acc, SKU: "x", UnitCost: euro(1.5), Currency: "KWD"}
	same(t, "new", must(s.UpsertCosts(ctx, []store.Cost{cost}))(t), 1)
	same(t, "again", must(s.UpsertCosts(ctx, []store.Cost{cost}))(t), 0)
	same(t, "costs", must(s.Costs(ctx, acc))(t), map[string]store.Cost{"x": cost})

	a := store.Product{Account: acc, ItemID: "a", Title: "Ä", Price: euro(9.99), Currency: "EUR", Availability: "in_stock", ProductType: "x > y",
		UnitCost: ptr(euro(4)), Errors: 1, Warnings: 2, FeedDate: day("2026-01-01")}
	b := store.Product{Account: acc, ItemID: "b", FeedDate: day("2026-01-01")}
	check(t, s.ReplaceProducts(ctx, acc, []store.Product{b, a}))
	same(t, "products", must(s.Products(ctx, acc))(t), []store.Product{a, b})
	check(t, s.ReplaceProducts(ctx, acc, []store.Product{b}))
	same(t, "replaced", must(s.Products(ctx, acc))(t), []store.Product{b})
}

func testImportsAndCounts(t *testing.T, s *store.Store) {
	ctx := t.Context()
	same(t, "before", must(s.ImportDone(ctx, acc, "d"))(t), false)
	check(t, s.RecordImport(ctx, store.Import{Account: acc, Digest: "d", Kind: "orders", Source: "f.csv", Rows: 3, ImportedAt: at}))
	same(t, "after", must(s.ImportDone(ctx, acc, "d"))(t), true)
	same(t, "another account", must(s.ImportDone(ctx, "other", "d"))(t), false)

	same(t, "empty", must(s.Counts(ctx, acc))(t), store.Counts{})
	must(s.UpsertOrders(ctx, []store.Order{order("a", "1", "2026-01-03", 1), order("b", "1", "2026-01-01", 1)}))(t)
	check(t, s.UpsertPerformance(ctx, day("2026-01-05"), []store.Performance{perf("1", "2026-01-01", 1)}))
	same(t, "counts", must(s.Counts(ctx, acc))(t), store.Counts{Orders: 2, PerformanceRows: 1, LastOrder: day("2026-01-03")})
	same(t, "another account", must(s.Counts(ctx, "other"))(t), store.Counts{})
}

// testBatches crosses the borders between statements.
func testBatches(t *testing.T, s *store.Store) {
	ctx := t.Context()
	for _, n := range []int{0, 1, 999, 1000, 1001, 2001} {
		list := make([]store.Order, n)
		for i := range list {
			list[i] = order(fmt.Sprintf("%d-%d", n, i), fmt.Sprint(i), "2026-01-01", 1, line("x", 1, 1, nil))
			list[i].Account = fmt.Sprint(n)
		}
		same(t, fmt.Sprint(n, " new"), must(s.UpsertOrders(ctx, list))(t), n)
		same(t, fmt.Sprint(n, " again"), must(s.UpsertOrders(ctx, list))(t), 0)
		same(t, "stored", must(s.Counts(ctx, fmt.Sprint(n)))(t).Orders, int64(n))
	}
	bad := make([]store.Consent, 1500)
	for i := range bad {
		bad[i] = store.Consent{Account: "bad", CustomerID: fmt.Sprint(i), Purpose: "ads", At: at}
	}
	check(t, s.InTx(ctx, func(q *store.Queries) error {
		must(q.UpsertConsents(ctx, bad))(t)
		same(t, "seen inside", must(q.Counts(ctx, "bad"))(t).Consents, int64(1500))
		return nil
	}))
}
