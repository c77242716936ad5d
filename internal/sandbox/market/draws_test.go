package market

import (
	"math"
	"strings"
	"testing"
)

func stillMarket(t *testing.T, fields string) *Market {
	t.Helper()
	sc, err := ReadScenario(strings.NewReader(`{"start": "2026-03-02", "history_days": 61, "campaigns": [{"id": "a", "platform": "google", "noise": 0, ` + fields + `}]}`))
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(sc)
	if err != nil {
		t.Fatal(err)
	}
	m.AdvanceTo(sc.Start + 30)
	return m
}

// Without noise a month's orders come to its value to within one, however few
// they are, the claimed ones to what is reported, and their traits to their shares.
func TestSalesWithoutNoise(t *testing.T) {
	t.Parallel()
	for fields, want := range map[string]struct{ basket, iota float64 }{
		`"v": 0.5, "iota": 0.5, "basket": 400`:                      {400, 0.5},
		`"v": 0.5, "iota": 0.8, "basket": 1000`:                     {1000, 0.8},
		`"v": 0.5, "iota": 0.6, "basket": 2000`:                     {2000, 0.6},
		`"v": 0.5, "iota": 1, "basket": 30000`:                      {30000, 1},
		`"iota": 0.8, "basket": 70.0049`:                            {70.0049, 0.8},
		`"iota": 1.6, "basket": 7.77`:                               {7.77, 1.6},
		`"iota": 0.3, "basket": 33, "dow": [1, 0, 2, 1, 1, 1, 0.1]`: {33, 0.3},
	} {
		m := stillMarket(t, fields)
		var value, revenue, orders, claimed, fresh, late float64
		for d := m.sc.Start; d < m.today; d++ {
			o := m.Outcome(0, d)
			value, revenue, orders = value+o.Value, revenue+o.Revenue, orders+float64(o.Orders)
			m.sales(newStream(1), m.campaigns[0], d, func(_ int, s sale) {
				if s.claimed {
					claimed++
				}
				if s.incremental && s.fresh {
					fresh++
				}
				if s.incremental && s.delay > 0 {
					late++
				}
			})
		}
		near := func(what string, got, want, within float64) {
			if !(math.Abs(got-want) <= within) {
				t.Errorf("%s: %s is %v, want %v to within %v", fields, what, got, want, within)
			}
		}
		near("revenue", revenue, value, want.basket)
		near("orders", orders, value/want.basket, 1)
		near("what is claimed", claimed, value/want.iota/want.basket, 2)
		near("what new customers ordered", fresh, orders/2, 1)
		near("what came late", late, orders*0.55, max(1.5, 0.01*orders))
	}
}

// The shop has the orders that the ads brought and, of those that would have come
// anyway, what no ad brought: a quarter as many, and those that are claimed.
func TestShopWithoutNoise(t *testing.T) {
	t.Parallel()
	for fields, want := range map[string]struct{ basket, iota float64 }{
		`"v": 0.5, "iota": 0.5, "basket": 400, "delay_max": 0`:  {400, 0.5},
		`"v": 0.5, "iota": 0.8, "basket": 1000, "delay_max": 0`: {1000, 0.8},
		`"iota": 0.4, "basket": 70, "delay_max": 0`:             {70, 0.4},
	} {
		m := stillMarket(t, fields)
		var value, revenue, carts float64
		for d := m.sc.Start; d < m.today; d++ {
			value += m.Outcome(0, d).Value
			day := m.Shop(d)
			for _, o := range day.Orders {
				revenue += o.Revenue.Float()
			}
			for _, c := range day.Carts {
				carts += c.Value.Float()
			}
		}
		if all := value * (0.25 + 1/want.iota); math.Abs(revenue-all) > 2*want.basket {
			t.Errorf("%s: the shop's revenue is %v, want %v", fields, revenue, all)
		}
		if math.Abs(carts-cartsPerOrder*value) > want.basket {
			t.Errorf("%s: what was left in carts is %v, want %v", fields, carts, cartsPerOrder*value)
		}
	}
}

// An order belongs to its day for good, whatever budgets become later.
func TestPastDaysWithoutNoiseStay(t *testing.T) {
	t.Parallel()
	m, other := stillMarket(t, `"v": 0.5, "basket": 300`), stillMarket(t, `"v": 0.5, "basket": 300`)
	if err := other.SetBudget("a", 300_000_000, "", ""); err != nil {
		t.Fatal(err)
	}
	before := m.today
	m.AdvanceTo(before + 10)
	other.AdvanceTo(before + 10)
	for d := m.first; d < before; d++ {
		if a, b := m.Outcome(0, d), other.Outcome(0, d); a != b {
			t.Errorf("%s: %+v became %+v", d, a, b)
		}
	}
	if a, b := m.Outcome(0, before), other.Outcome(0, before); a.Value >= b.Value {
		t.Errorf("the budget did not hold: %v and %v", a.Value, b.Value)
	}
}
