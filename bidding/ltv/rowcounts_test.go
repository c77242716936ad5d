package ltv

import (
	"math"
	"testing"
)

func TestMiddleOfSteps(t *testing.T) {
	t.Parallel()
	for steps := finest; steps >= 1; steps /= 2 {
		for day := range 5000 {
			d := float64(day)
			m := middle(d, steps)
			if m != d && (day < 2*steps || math.Abs(m-d) > d/float64(2*steps)) {
				t.Fatalf("%g days are counted as %g in %d steps", d, m, steps)
			}
			if steps > 1 && middle(m, steps/2) != middle(d, steps/2) {
				t.Fatalf("%g days are counted as %g or %g in %d steps, which depends on the order of customers", d, middle(m, steps/2), middle(d, steps/2), steps/2)
			}
		}
	}
}

// Bounded counts keep every customer, are those of any other order of customers,
// and give the same fit.
func TestBoundedRowsAreAsGoodAsExact(t *testing.T) {
	t.Parallel()
	const most = 8000 // four steps to a doubling; a large shop has 32 or more
	w := newWorld(41)
	w.days = 1500
	exact, bounded, turned := NewBuilder(w.from.AddDays(w.days)), newRowCounts(most), newRowCounts(most)
	var all []rowKey
	exact.histories.yield = func(h History) error {
		exact.merge(h)
		all = append(all, rowKey{h.Frequency, h.Recency, h.Age})
		return nil
	}
	for i := range 30000 {
		days, values := w.customer(1, w.days)
		for j := range days {
			if err := exact.Add(string(rune('a'+i%2)), w.from.AddDays(days[j]), values[j]); err != nil {
				t.Fatal(err)
			}
		}
	}
	data := exact.Data()
	var customers float64
	for i := range all {
		bounded.add(all[i])
		turned.add(all[len(all)-1-i])
	}
	for k, n := range bounded.n {
		customers += n
		if !(k.tx >= 0 && k.tx <= k.t) || k.x == 0 != (k.tx == 0) {
			t.Fatalf("%+v is no history", k)
		}
		if turned.n[k] != n {
			t.Fatalf("%+v: %g customers, or %g where they come the other way round", k, n, turned.n[k])
		}
	}
	if len(data.rows) < 3*most || len(bounded.n) > most || int(customers) != len(all) {
		t.Fatalf("%d rows of %d, %g customers of %d", len(bounded.n), len(data.rows), customers, len(all))
	}
	want, err := FitNight(data, Options{365, 0.1})
	if err != nil {
		t.Fatal(err)
	}
	exact.rows = bounded
	got, err := FitNight(exact.Data(), Options{365, 0.1})
	if err != nil {
		t.Fatal(err)
	}
	if got.Orders.Model != want.Orders.Model {
		t.Fatalf("%s, and with all histories apart %s", got.Orders.Model, want.Orders.Model)
	}
	for _, name := range want.Orders.Model.Names() {
		if d := got.Orders.Params.Of(name) - want.Orders.Params.Of(name); math.Abs(d) > 0.25*want.Orders.SE[name] {
			t.Errorf("%s is moved by %g, its standard error is %g", name, d, want.Orders.SE[name])
		}
	}
	near(t, "the multiple", got.DefaultLambda(), want.DefaultLambda(), 0.25*want.Orders.SE["r"]/want.Orders.R)
}
