package store_test

import (
	"testing"
	"time"

	"adsteward/store"
)

func testTold(t *testing.T, s *store.Store) {
	ctx := t.Context()
	row := func(platform, order string, minutes int, held float64) store.ToldConversion {
		return store.ToldConversion{Account: acc, Platform: platform, OrderID: order, OrderedAt: at, State: "told", Step: "record",
			Value: euro(held), Held: euro(held), Currency: "EUR", Why: "why", RequestID: "r-" + platform, Status: "processing",
			ToldAt: at.Add(time.Duration(minutes) * time.Minute)}
	}
	a, b, m, other := row("google", "a", 1, 10), row("google", "b", 2, 20), row("meta", "a", 3, 5), row("google", "a", 4, 99)
	other.Account = "another shop"
	check(t, s.SetTold(ctx, []store.ToldConversion{a, b, m, other}))
	b.State, b.Step, b.Held, b.Value, b.Status, b.OrderedAt = "retracted", "retract", 0, 0, "success", at.Add(-time.Hour)
	check(t, s.SetTold(ctx, []store.ToldConversion{row("google", "b", 9, 1), b})) // the last of a key holds

	for _, r := range []*store.ToldConversion{&a, &b, &m} {
		r.OrderedAt, r.ToldAt = stored(r.OrderedAt), stored(r.ToldAt)
	}
	list := func(f store.ToldFilter) []store.ToldConversion {
		t.Helper()
		f.Account = acc
		return must(s.Told(ctx, f))(t)
	}
	same(t, "all, newest first", list(store.ToldFilter{}), []store.ToldConversion{m, b, a})
	same(t, "the newest", list(store.ToldFilter{Limit: 1}), []store.ToldConversion{m})
	same(t, "Google's", list(store.ToldFilter{Platform: "google"}), []store.ToldConversion{b, a})
	same(t, "by state", list(store.ToldFilter{State: "retracted"}), []store.ToldConversion{b})
	same(t, "by status", list(store.ToldFilter{Status: "processing"}), []store.ToldConversion{m, a})
	same(t, "by request", list(store.ToldFilter{RequestID: "r-meta"}), []store.ToldConversion{m})
	var since []store.ToldConversion
	check(t, s.EachTold(ctx, acc, "google", at, func(r store.ToldConversion) error { since = append(since, r); return nil }))
	bare := a
	bare.Why = ""
	same(t, "of orders since", since, []store.ToldConversion{bare})
	same(t, "counts", must(s.ToldCounts(ctx, acc))(t), []store.ToldCount{{"google", "retracted", "EUR", 1, 0}, {"google", "told", "EUR", 1, euro(10)},
		{"meta", "told", "EUR", 1, euro(5)}})
	same(t, "requests", must(s.ToldRequests(ctx, acc, "google", "processing"))(t), []string{"r-google"})
	same(t, "requests of nobody", must(s.ToldRequests(ctx, acc, "meta", "failed"))(t), []string(nil))
	check(t, s.ForgetTold(ctx, acc, "google", []string{"a", "nobody's"}))
	check(t, s.ForgetTold(ctx, acc, "google", nil))
	same(t, "after one was forgotten", list(store.ToldFilter{}), []store.ToldConversion{m, b})
}

func testOrdersToTell(t *testing.T, s *store.Store) {
	ctx := t.Context()
	order := func(id, customer string, hours int) store.Order {
		when := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(hours) * time.Hour)
		return store.Order{Account: acc, OrderID: id, CustomerID: customer, OrderedAt: when, OrderDate: day(when.Format("2006-01-02")), Currency: "EUR",
			Revenue: euro(100), Tax: euro(19), Refunded: euro(5), Country: "DE", Source: "google", ClickID: "click", Campaign: "google:1"}
	}
	must(s.UpsertOrders(ctx, []store.Order{order("o1", "ann", 0), order("o2", "ann", 10), order("o3", "ann", 30), order("o4", "bob", 31),
		order("o5", "bob", 31), order("o6", "", 32), order("o7", "cat", 100)}))(t)
	must(s.UpsertCustomers(ctx, []store.Customer{{Account: acc, CustomerID: "ann", Email: "Ann@example.com", Phone: "+49 1", Country: "DE"},
		{Account: "another shop", CustomerID: "bob", Email: "bob@example.com"}}))(t)

	type seen struct {
		Order, Email, Phone string
		First               bool
	}
	read := func(from, to string) (out []seen) {
		check(t, s.EachOrderToTell(ctx, acc, day(from), day(to), func(o store.OrderToTell) error {
			if o.Revenue != euro(100) || o.Tax != euro(19) || o.Refunded != euro(5) || o.ClickID != "click" || o.Campaign != "google:1" || o.Source != "google" {
				t.Errorf("got %+v", o.Order)
			}
			if (o.Customer.EmailKey != "") != (o.Customer.Email != "") {
				t.Errorf("the key and the address differ: %+v", o.Customer)
			}
			out = append(out, seen{o.OrderID, o.Customer.Email, o.Customer.Phone, o.First})
			return nil
		}))
		return out
	}
	const mail, phone = "Ann@example.com", "+49 1"
	same(t, "of two days", read("2026-03-01", "2026-03-02"), []seen{{"o4", "", "", true}, {"o5", "", "", false}, // one moment: the first by id
		{"o3", mail, phone, false}, {"o2", mail, phone, false}, {"o1", mail, phone, true}})
	same(t, "the first order lies before", read("2026-03-02", "2026-03-04"), []seen{{"o4", "", "", true}, {"o5", "", "", false}, {"o3", mail, phone, false}})
}
