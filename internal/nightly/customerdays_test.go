package nightly

import (
	"slices"
	"testing"

	"adsteward/internal/civil"
	"adsteward/store"
	"adsteward/store/storetest"
)

// Models see the same days whether a shop's are kept or, being too many, read anew.
func TestCustomerDaysAreTheSameKeptOrRead(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 2)
	today := civil.Of(testNow)
	d.history(60, today)
	d.acquire(t, 300, today)
	n := &night{Steward: d.Steward, shop: &d.Shops[0], date: today, runID: RunID("shop", today)}
	small, err := n.customerDays(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	large := &customerDays{n: n, orders: keptOrders + 1}
	list := func(c *customerDays, sourced bool) (out []store.CustomerDay) {
		t.Helper()
		read := c.each
		if sourced {
			read = c.sourced
		}
		if err := read(t.Context(), func(d store.CustomerDay) error {
			if !sourced { // not promised
				d.FirstSKU, d.FirstCountry = "", ""
			}
			out = append(out, d)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return out
	}
	for _, sourced := range []bool{false, true, false} {
		kept, anew := list(small, sourced), list(large, sourced)
		if len(kept) < 300 || !slices.Equal(kept, anew) {
			t.Errorf("sourced %v: %d days kept, %d read anew", sourced, len(kept), len(anew))
		}
	}
	if len(large.days) > 0 {
		t.Errorf("%d days of a large shop are kept", len(large.days))
	}
}
