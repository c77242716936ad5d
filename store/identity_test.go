package store_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"adsteward/store"
)

func testIdentity(t *testing.T, s *store.Store) {
	ctx := t.Context()
	touch := func(id, customer, visitor, click, kind string, at time.Time) store.Touch {
		return store.Touch{Account: acc, TouchID: id, CustomerID: customer, VisitorID: visitor, At: at, Channel: "google", Campaign: "7", ClickID: click, Kind: kind}
	}
	later := at.Add(time.Hour)
	must(s.UpsertTouches(ctx, []store.Touch{touch("1", "", "phone", "g1", "", later), touch("2", "", "phone", "g1", "", at), touch("3", "ada", "laptop", "", "view", at),
		touch("4", "", "other", "", "", at)}))(t)
	ordered := func(id, customer, click string, date string) store.Order {
		o := order(id, customer, date, 50)
		o.ClickID = click // "" too
		return o
	}
	must(s.UpsertOrders(ctx, []store.Order{ordered("o1", "ada", "g1", "2026-04-01"), ordered("o2", "ada", "", "2026-04-02"), ordered("o3", "guest", "", "2026-04-02")}))(t)
	must(s.UpsertCustomers(ctx, []store.Customer{{Account: acc, CustomerID: "ada", Email: "Ada@x.org", Phone: "+49 1"}, {Account: acc, CustomerID: "guest", Email: "ada@x.org "},
		{Account: acc, CustomerID: "bob", Email: "bob@x.org"}}))(t)
	must(s.UpsertCarts(ctx, []store.Cart{{Account: acc, CartID: "k1", VisitorID: "tablet", Email: "ada@x.org", UpdatedAt: at}, {Account: acc, CartID: "k2", VisitorID: "desk", CustomerID: "bob", UpdatedAt: at}}))(t)

	seen := func(kind, value string) (out []string) {
		check(t, s.EachSeenWith(ctx, acc, kind, []string{"nobody's", value, "nobody's either"}, 10, func(of string, x store.Seen) {
			when := ""
			if !x.At.IsZero() {
				when = x.At.Format(" 2006-01-02T15:04")
			}
			if of != value {
				t.Errorf("%+v of %s", x, of)
			}
			out = append(out, x.Kind+":"+x.Value+" "+x.Where+when)
		}))
		slices.Sort(out)
		return out
	}
	email, phone := s.EmailKeyOf("ada@x.org"), s.PhoneKeyOf("+491")
	same(t, "a click", seen("click", "g1"), []string{"customer:ada order o1 2026-04-01T12:00", "visitor:phone visit 2026-03-29T00:59"})
	same(t, "a customer", seen("customer", "ada"), []string{"click:g1 order o1 2026-04-01T12:00", "email:" + email + " customer record",
		"phone:" + phone + " customer record", "visitor:laptop visit 2026-03-29T00:59"})
	same(t, "an e-mail", seen("email", email), []string{"customer:ada customer record", "customer:guest customer record", "visitor:tablet cart k1 2026-03-29T00:59"})
	same(t, "a phone", seen("phone", phone), []string{"customer:ada customer record"})
	same(t, "a visitor", seen("visitor", "phone"), []string{"click:g1 visit 2026-03-29T00:59"})
	same(t, "a cart's visitor", seen("visitor", "desk"), []string{"customer:bob cart k2 2026-03-29T00:59"})
	same(t, "nobody", seen("visitor", "never"), []string(nil))
	of := map[string]int{}
	check(t, s.EachSeenWith(ctx, acc, "email", []string{email, s.EmailKeyOf("bob@x.org")}, 1, func(value string, _ store.Seen) { of[value]++ }))
	same(t, "no more than asked for", of, map[string]int{email: 2, s.EmailKeyOf("bob@x.org"): 1}) // of each source

	var visits []string
	check(t, s.EachVisit(ctx, acc, at, later, func(x store.Touch) error {
		visits = append(visits, x.CustomerID+" "+x.VisitorID+" "+x.Kind)
		return nil
	}))
	slices.Sort(visits)
	same(t, "visits, the end excluded", visits, []string{" other click", " phone click", "ada laptop view"})

	var known []string
	must(s.UpsertTouches(ctx, []store.Touch{touch("5", "", "tablet", "", "", at), touch("6", "", "laptop", "g9", "", at)}))(t)
	check(t, s.EachKnownVisit(ctx, acc, at, later.Add(time.Second), day("2026-04-01"), day("2026-04-02"), func(x store.Touch) error {
		known = append(known, x.CustomerID+"/"+x.VisitorID+"/"+x.ClickID)
		return nil
	}))
	slices.Sort(known)
	same(t, "of those who may be known", known, []string{"/laptop/g9", "/phone/g1", "/phone/g1", "/tablet/", "ada/laptop/"})

	var buyers []string
	check(t, s.EachBuyer(ctx, acc, day("2026-04-01"), day("2026-04-02"), func(b store.Buyer) error {
		if b.Revenue != euro(50) || b.Tax != 3 || b.OrderedAt.Hour() != 12 {
			t.Errorf("%+v", b)
		}
		buyers = append(buyers, fmt.Sprint(b.OrderID, " ", b.CustomerID, " ", b.ClickID, " ", b.New))
		return nil
	}))
	slices.Sort(buyers)
	same(t, "buyers", buyers, []string{"o1 ada g1 true", "o2 ada  false", "o3 guest  true"})

	var shared []string
	check(t, s.EachSharedContact(ctx, acc, later, func(customer, kind, key string) error {
		shared = append(shared, customer+" "+kind+" "+key)
		return nil
	}))
	slices.Sort(shared)
	same(t, "shared", shared, []string{"ada email " + email, "guest email " + email})
	// Who comes later, of one account, and who has another number now.
	must(s.UpsertCustomers(ctx, []store.Customer{{Account: acc, CustomerID: "late", Phone: "+491"}, {Account: acc, CustomerID: "bob", Email: "bobby@x.org"},
		{Account: acc, CustomerID: "guest", Email: "guest@x.org"}, {Account: "other", CustomerID: "eve", Email: "bobby@x.org"}}))(t)
	shared = nil
	check(t, s.EachSharedContact(ctx, acc, later, func(customer, kind, key string) error {
		shared = append(shared, customer+" "+kind+" "+key)
		return nil
	}))
	slices.Sort(shared)
	same(t, "shared later", shared, []string{"ada email " + email, "ada phone " + phone, "late phone " + phone})
	emails := 0
	check(t, s.EachSharedContact(ctx, acc, at, func(string, string, string) error { emails++; return nil }))
	same(t, "and those of carts", emails, 4) // ada's two, late's, and ada's once more

	var carts []string
	check(t, s.EachCartVisitor(ctx, acc, at, func(visitor, customer, key string) error {
		carts = append(carts, visitor+" "+customer+" "+key)
		return nil
	}))
	slices.Sort(carts)
	same(t, "carts", carts, []string{"desk bob ", "tablet  " + email})
}

// Contacts of customers who were there before contacts were marked are marked.
func testSharedBefore(t *testing.T, s *store.Store) {
	ctx := t.Context()
	must(s.UpsertCustomers(ctx, []store.Customer{{Account: acc, CustomerID: "ada", Email: "a@x.org", Phone: "1"}, {Account: acc, CustomerID: "bob", Email: "a@x.org", Phone: "2"},
		{Account: acc, CustomerID: "eve", Phone: "2"}, {Account: "other", CustomerID: "zoe", Phone: "1"}}))(t)
	shared := func() (n int) {
		check(t, s.EachSharedContact(ctx, acc, at, func(string, string, string) error { n++; return nil }))
		return n
	}
	same(t, "as they come", shared(), 4)
	check(t, s.MigrateDown(ctx, 10))
	must(s.MigrateUp(ctx))(t)
	same(t, "by the migration", shared(), 4)
}

// testSharedAtOnce has two imports bring one contact to a customer each.
func testSharedAtOnce(t *testing.T, s *store.Store) {
	ctx := t.Context()
	for round := range 50 {
		email := fmt.Sprintf("%d@x.org", round)
		start := make(chan struct{})
		done := make(chan error, 2)
		for _, who := range []string{"ada", "bob"} {
			customer := store.Customer{Account: acc, CustomerID: fmt.Sprint(who, round), Email: email}
			go func() {
				<-start
				done <- s.InTx(ctx, func(q *store.Queries) error {
					_, err := q.UpsertCustomers(ctx, []store.Customer{customer})
					return err
				})
			}()
		}
		close(start)
		check(t, errors.Join(<-done, <-done))
		shared := 0
		check(t, s.EachSharedContact(ctx, acc, at, func(_, kind, key string) error {
			if kind == "email" && key == s.EmailKeyOf(email) {
				shared++
			}
			return nil
		}))
		same(t, email+" is shared", shared, 2)
	}
}

func testSplits(t *testing.T, s *store.Store) {
	ctx := t.Context()
	check(t, s.PutSplit(ctx, store.Split{Account: acc, A: "visitor:z", B: "customer:1", Reason: "a family", Actor: "ann", At: at}))
	check(t, s.PutSplit(ctx, store.Split{Account: acc, A: "customer:1", B: "visitor:z", Reason: "two people", Actor: "ann", At: at})) // the same
	check(t, s.PutSplit(ctx, store.Split{Account: acc, A: "visitor:kiosk", Reason: "in the shop", Actor: "bob", At: at.Add(time.Hour)}))
	check(t, s.PutSplit(ctx, store.Split{Account: "other", A: "visitor:z", B: "customer:1", Reason: "theirs", Actor: "ann", At: at}))
	same(t, "splits", must(s.Splits(ctx, acc))(t), []store.Split{{Account: acc, A: "customer:1", B: "visitor:z", Reason: "two people", Actor: "ann", At: stored(at)},
		{Account: acc, A: "visitor:kiosk", Reason: "in the shop", Actor: "bob", At: stored(at.Add(time.Hour))}})
	check(t, s.DropSplit(ctx, acc, "visitor:z", "customer:1"))
	is(t, s.DropSplit(ctx, acc, "visitor:z", "customer:1"), store.ErrNotFound)
	same(t, "one is left", len(must(s.Splits(ctx, acc))(t)), 1)
}
