package nightly

import (
	"fmt"
	"testing"
	"time"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/store"
	"adsteward/store/storetest"
)

// ledger is a shop that sells so many pairs of shoes a day, and the nights that sum
// them up.
type ledger struct {
	*desk
	t     *testing.T
	date  civil.Date
	costs uint64
}

func setupLedger(t *testing.T, st *store.Store, daily int) *ledger {
	l := &ledger{desk: setup(t, st, 1), t: t, date: civil.Of(testNow), costs: 7}
	var orders []store.Order
	for age := 1; age <= 66; age++ {
		for i := range daily {
			orders = append(orders, l.pair(age, i))
		}
	}
	if _, err := st.UpsertOrders(t.Context(), orders); err != nil {
		t.Fatal(err)
	}
	return l
}

// pair is the i-th order of a day.
func (l *ledger) pair(age, i int) store.Order {
	date := l.date.AddDays(-age)
	id := fmt.Sprintf("%s-%d", date, i)
	return store.Order{Account: "shop", OrderID: id, CustomerID: id, OrderedAt: date.Time().Add(time.Hour), OrderDate: date, Currency: "EUR", Revenue: 50 * money.One,
		Campaign: "google:c0", Lines: []store.OrderLine{{SKU: "shoe", Quantity: 1, UnitPrice: 50 * money.One}}}
}

func (l *ledger) put(o store.Order) {
	l.t.Helper()
	if _, err := l.Store.UpsertOrders(l.t.Context(), []store.Order{o}); err != nil {
		l.t.Fatal(err)
	}
}

// night is how many orders the night sums up, what of them is refunded, and whether
// it made sums that are kept.
func (l *ledger) night() (orders int, refunded money.Micros, kept bool) {
	l.t.Helper()
	n := &night{Steward: l.Steward, shop: &l.Shops[0], date: l.date, runID: RunID("shop", l.date)}
	if _, err := l.Store.StartRun(l.t.Context(), store.Run{RunID: n.runID, Account: "shop", Date: l.date, State: Done, StartedAt: l.now}, nil); err != nil {
		l.t.Fatal(err)
	}
	var models modelSet
	sales, err := n.sales(l.t.Context(), &models, nil, l.costs)
	if err != nil {
		l.t.Fatal(err)
	}
	if err := models.put(l.t.Context(), l.Store.Queries); err != nil {
		l.t.Fatal(err)
	}
	for _, s := range sales {
		orders, refunded = orders+s.Orders, refunded+s.Refunded
	}
	l.date = l.date.AddDays(1)
	return orders, refunded, len(models.rows) > 0
}

// Sums of many orders serve for a week; what is new, and what makes them wrong, is
// seen the same night.
func TestSalesServeForAWeek(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		l := setupLedger(t, st, 120)
		expect := func(what string, orders int, refunded money.Micros, anew bool) {
			t.Helper()
			if o, r, k := l.night(); o != orders || r != refunded || k != anew {
				t.Errorf("%s: %d orders, %v refunded, sums made: %v; want %d, %v, %v", what, o, r, k, orders, refunded, anew)
			}
		}
		expect("first night", 7200, 0, true)
		l.put(l.pair(1, 0))
		expect("a day on", 7201, 0, false)
		old := l.pair(30, 0)
		old.Refunded = 5 * money.One
		l.put(old)
		expect("a refund of old", 7201, 0, false)
		young := l.pair(3, 0)
		young.Refunded = 3 * money.One
		l.put(young)
		expect("of lately", 7201, 3*money.One, false)
		l.put(l.pair(40, 120))
		expect("an old order more", 6722, 8*money.One, true) // of sixty days, the last three without orders
		l.costs++
		expect("other costs", 6602, 8*money.One, true)
		for range salesNights - 1 {
			expect("while they serve", 6602, 8*money.One, false)
		}
		expect("after a week", 5762, 8*money.One, true)
	})
}

// Few orders are summed up anew every night.
func TestFewSalesAreNotKept(t *testing.T) {
	t.Parallel()
	l := setupLedger(t, storetest.Open(t), 10)
	if orders, _, kept := l.night(); orders != 600 || kept {
		t.Errorf("%d orders, kept: %v", orders, kept)
	}
}
