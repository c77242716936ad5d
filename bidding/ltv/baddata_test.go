package ltv

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"adsteward/internal/civil"
)

// Files that no model was made for: each is refused with a reason or answered with
// numbers that are ones, whatever the model, the spend orders and the covariates.
func TestStrangeFiles(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: long under the race detector, and others race what it runs; make test runs it without")
	}
	day := civil.MustParse("2024-01-01")
	w := newWorld(61)
	file := func(rows func(add func(id any, day int, value float64))) string {
		var b strings.Builder
		b.WriteString("customer_id,date,value\n")
		rows(func(id any, d int, value float64) { fmt.Fprintf(&b, "%v,%s,%g\n", id, day.AddDays(d), value) })
		return b.String()
	}
	usual := func(add func(any, int, float64), value func() float64) {
		for i := range 400 {
			days, _ := w.customer(1, w.days)
			for _, d := range days {
				add(i, d, value())
			}
		}
	}
	for _, c := range []struct {
		name    string
		refused string // part of the reason; "" where there has to be an answer
		warns   string
		rows    func(add func(any, int, float64))
	}{
		{"one customer", "too few", "", func(add func(any, int, float64)) { add(1, 0, 5); add(1, 9, 5) }},
		{"one-time buyers", "0 customers with a repeat order", "", func(add func(any, int, float64)) {
			for i := range 500 {
				add(i, i%200, 10+float64(i%7))
			}
		}},
		{"all on one day", "0 customers with a repeat order", "", func(add func(any, int, float64)) {
			for i := range 500 {
				add(i%100, 0, 10)
			}
		}},
		{"5,000 orders by one customer", "too few", "", func(add func(any, int, float64)) {
			for d := range 5000 {
				add("x", d, 20)
			}
		}},
		{"5,000 orders by one customer among others", "", "", func(add func(any, int, float64)) {
			for d := range 5000 {
				add("x", d-4600, 20)
			}
			usual(add, func() float64 { return 20 + 10*w.rnd.Float64() })
		}},
		{"an outlier", "", "", func(add func(any, int, float64)) {
			add("x", 3, 1e9)
			add("x", 30, 1e9)
			usual(add, func() float64 { return 20 + 10*w.rnd.Float64() })
		}},
		{"values of zero", "positive mean value", "", func(add func(any, int, float64)) {
			usual(add, func() float64 { return 0 })
		}},
		{"mostly values of zero", "", "", func(add func(any, int, float64)) {
			usual(add, func() float64 { return float64(w.rnd.IntN(10) / 9) })
		}},
		{"all the same value", "", "do not differ between customers", func(add func(any, int, float64)) {
			usual(add, func() float64 { return 25 })
		}},
		{"everybody daily", "at the same rate", "", func(add func(any, int, float64)) {
			for i := range 60 {
				for d := range 90 {
					add(i, d, 5)
				}
			}
		}},
		{"two orders each, on the same two days", "", "", func(add func(any, int, float64)) {
			for i := range 300 {
				add(i, 0, 5+float64(i%9))
				add(i, 50, 7+float64(i%5))
			}
		}},
	} {
		body := file(c.rows)
		l, err := ReadOrders(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range []Model{NBD, BGNBD, MBGNBD, ParetoNBD, Auto} {
			for _, all := range []bool{false, true} {
				for _, covariates := range [][]string{nil, {FirstValue}} {
					if covariates != nil && !all {
						continue
					}
					q := Question{Model: m, Unit: "week", Horizon: 365, Discount: 0.1, Margin: 1, SpendAll: all, Covariates: covariates, PerCustomer: true, Rand: seeded(), Clock: still}
					if all {
						q.Observe = l.First.AddDays(l.Last.Sub(l.First) * 2 / 3)
					}
					a, err := Analyse(l, q)
					name := fmt.Sprint(c.name, ", ", m, ", all ", all, ", ", covariates)
					var refused *Refused
					if err != nil {
						if !errors.As(err, &refused) || refused.Reason == "" || covariates == nil && c.refused == "" && !all || covariates == nil && !strings.Contains(refused.Reason, c.refused) {
							t.Errorf("%s: %v", name, err)
						}
						continue
					}
					if c.refused != "" {
						t.Errorf("%s: answered with %+v", name, a)
					}
					if !strings.Contains(strings.Join(a.Warnings, "; "), c.warns) {
						t.Errorf("%s: warnings %q", name, a.Warnings)
					}
					checkAnswer(t, name, a)
				}
			}
		}
	}
}

// checkAnswer wants numbers in their order, and JSON of it.
func checkAnswer(t *testing.T, name string, a *Answer) {
	t.Helper()
	if _, err := json.Marshal(a); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	for _, r := range a.Rows {
		if !(r.PAlive >= 0 && r.PAlive <= 1 && r.Orders >= 0 && r.OrderValue >= 0 && r.Low >= 0 && r.Low <= r.Value && r.Value <= r.High) ||
			math.IsInf(r.High, 0) || math.IsInf(r.Orders, 0) {
			t.Errorf("%s: %+v", name, r)
			return
		}
	}
	for _, total := range a.Totals {
		if !(total.Low >= 0 && total.Low <= total.Value && total.Value <= total.High) || math.IsInf(total.High, 0) {
			t.Errorf("%s: %+v", name, total)
		}
	}
}

// A margin scales what a customer is worth and nothing else.
func TestMargin(t *testing.T) {
	t.Parallel()
	l, err := ReadOrders(strings.NewReader(orderFile(newWorld(62), 600, 1)))
	if err != nil {
		t.Fatal(err)
	}
	answer := func(margin float64) *Answer {
		a, err := Analyse(l, Question{Model: BGNBD, Horizon: 365, Discount: 0.1, Margin: margin, PerCustomer: true, Rand: seeded(), Clock: still})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	whole, part := answer(1), answer(0.42)
	for i, w := range whole.Rows {
		p := part.Rows[i]
		near(t, "clv", p.Value, 0.42*w.Value, 1e-12)
		near(t, "clv_low", p.Low, 0.42*w.Low, 1e-12)
		near(t, "clv_high", p.High, 0.42*w.High, 1e-12)
		if p.OrderValue != w.OrderValue || p.Orders != w.Orders {
			t.Fatalf("%+v, %+v", p, w)
		}
	}
	near(t, "total", part.Totals[0].Value, 0.42*whole.Totals[0].Value, 1e-12)
	if part.GammaGamma.Mean != whole.GammaGamma.Mean {
		t.Error("the spend model saw the margin")
	}
}
