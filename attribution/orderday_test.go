package attribution

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"adsteward/internal/civil"
	"adsteward/internal/money"
)

// Days that were stored take the place of their orders to the last digit, when the
// range has moved on too.
func TestStoredDaysStandInForOrders(t *testing.T) {
	t.Parallel()
	steps := []string{"google:1", "email", "meta:9"}
	// give hands over the orders of some days, each of another kind.
	give := func(r *Reconciler, from, to civil.Date) {
		for d := from; d <= to; d++ {
			for i := range 12 {
				m := Match{Order: Order{OrderID: fmt.Sprint(d, i), At: d.Time(), Revenue: money.Micros(i*i)*money.One + 333_333}, Touches: i % 4, Path: steps[:min(i%4, 3)]}
				if i%3 > 0 {
					m.Credits = []Part{{"google:1", 1. / 3, i%2 == 0}, {"google:2", 1. / 3, false}, {"meta:9", 1. / 3, false}}[:i%3]
					for k := range m.Credits {
						m.Credits[k].Share = 1 / float64(i%3)
					}
					m.FirstAd, m.LastAd = m.Order.At.AddDate(0, 0, -i), m.Order.At.AddDate(0, 0, -i/2)
				}
				r.Order(m, OrderFacts{Date: d, Customer: Customership(i % 3), Told: []Told{{"meta", m.Order.At.Add(MetaKnows)}}[:i%2]})
			}
			r.Claim(Claim{"google:1", d, 3, 100 * money.One, 0.9})
		}
	}
	old := NewReconciler(firstDay, firstDay.AddDays(9))
	give(old, firstDay, firstDay.AddDays(9))
	stored, err := json.Marshal(old.OrderDays(firstDay.AddDays(6)))
	if err != nil {
		t.Fatal(err)
	}
	var kept []OrderDay
	if err := json.Unmarshal(stored, &kept); err != nil || len(kept) != 7 {
		t.Fatalf("%d days, %v", len(kept), err)
	}
	from, to := firstDay.AddDays(3), firstDay.AddDays(12)
	want, got := NewReconciler(from, to), NewReconciler(from, to)
	give(want, from, to)
	got.Take(kept)
	give(got, firstDay.AddDays(7), to)
	for d := from; d <= firstDay.AddDays(6); d++ { // claims are not stored
		got.Claim(Claim{"google:1", d, 3, 100 * money.One, 0.9})
	}
	if diff := cmp.Diff(want.Result(), got.Result()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want.Result(), old.Result()); diff == "" {
		t.Error("other days give the same")
	}
	if days := got.OrderDays(firstDay); len(days) > 0 {
		t.Errorf("%d days before the first", len(days))
	}
}
