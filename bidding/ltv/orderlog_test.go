package ltv

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"adsteward/internal/civil"
)

func TestReadOrders(t *testing.T) {
	t.Parallel()
	l, err := ReadOrders(strings.NewReader("\ufeffnote,value,Customer_ID,date\r\n" +
		"\"x, y\",10.5,b,2025-03-02\r\n\r\nz,1e1,a,2025-03-01T23:30:00-05:00\r\n,0,b,2025-03-01\r\n,2,b,2025-03-02\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	day := civil.MustParse("2025-03-01")
	if l.First != day || l.Last != day.AddDays(1) {
		t.Errorf("from %s to %s", l.First, l.Last)
	}
	want := []History{{"b", 1, 1, 1, 2, 6.25, 0, 12.5}, {"a", 0, 0, 1, 1, 10, 10, 0}}
	if got := l.Histories(l.Last); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	if got := l.after(day, l.Last); !reflect.DeepEqual(got, []after{{1, 12.5}, {0, 0}}) {
		t.Errorf("after the first day: %+v", got)
	}
}

// orderFile writes what a world's customers bought; each value is multiplied.
func orderFile(w *world, customers int, factor float64) string {
	var b strings.Builder
	b.WriteString("customer_id,date,value\n")
	for i := range customers {
		days, values := w.customer(1, w.days)
		for j := range days {
			fmt.Fprintf(&b, "%d,%s,%g\n", i, w.from.AddDays(days[j]), factor*math.Round(100*values[j])/100)
		}
	}
	return b.String()
}

func analyse(t testing.TB, file string, q Question) *Answer {
	t.Helper()
	l, err := ReadOrders(strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	q.Rand, q.Clock, q.Horizon, q.Discount, q.Margin, q.PerCustomer = seeded(), still, 365, 0.1, 1, true
	a, err := Analyse(l, q)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestUnitsAndCurrenciesDoNotMatter(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: long under the race detector, and others race what it runs; make test runs it without")
	}
	plain := orderFile(newWorld(11), 1500, 1)
	lines := strings.Split(strings.TrimSpace(plain), "\n")
	turned := lines[0] + "\n"
	for i := len(lines) - 1; i > 0; i-- {
		turned += lines[i] + "\n"
	}
	for _, m := range []Model{BGNBD, ParetoNBD, Auto} {
		want := analyse(t, plain, Question{Model: m, Unit: "day"})
		byID := map[string]CustomerWorth{}
		var repeats float64
		for _, w := range want.Rows {
			byID[w.CustomerID] = w
			repeats += float64(w.Frequency)
		}
		week := analyse(t, plain, Question{Model: m, Unit: "week"})
		near(t, "the log-likelihood in weeks", week.LogLikelihood, want.LogLikelihood+repeats*math.Log(7), 1e-8)
		near(t, "alpha in weeks", 7*week.Params.Alpha, want.Params.Alpha, 1e-4)
		for name, other := range map[string]struct {
			*Answer
			scale float64
		}{"weeks": {week, 1}, "turned round": {analyse(t, turned, Question{Model: m}), 1}, "yen": {analyse(t, orderFile(newWorld(11), 1500, 150), Question{Model: m}), 150}} {
			if len(other.Rows) != len(byID) || other.Model != want.Model {
				t.Fatalf("%s: %s with %d customers", name, other.Model, len(other.Rows))
			}
			for _, w := range other.Rows {
				o := byID[w.CustomerID]
				near(t, name+": orders", w.Orders, o.Orders, 1e-4)
				near(t, name+": clv", w.Value, other.scale*o.Value, 1e-4)
				near(t, name+": clv_high", w.High, other.scale*o.High, 0.02)
			}
			if t.Failed() {
				return
			}
		}
	}
}

func TestAnswerHolds(t *testing.T) {
	t.Parallel()
	w := newWorld(12)
	file := orderFile(w, 4000, 1)
	cut := w.from.AddDays(270)
	a := analyse(t, file, Question{Model: Auto, Observe: cut, SpendAll: true})
	body, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{`"holdout":{"days":`, `"frequency_value_correlation":`, `"se":{`, `"warnings":[]`, `"choice":[{`, `"fit":`} {
		if !strings.Contains(string(body), key) {
			t.Errorf("no %s in %s", key, body)
		}
	}
	// The truth is BG/NBD with Gamma-Gamma: the forecast has to be about right.
	h := a.Holdout
	near(t, "orders", h.PredictedOrders, h.ActualOrders, 0.06)
	near(t, "value", h.PredictedValue, h.ActualValue, 0.08)
	if h.Coverage80 < 0.8 || h.Coverage80 > 0.95 || h.Spearman < 0.3 {
		t.Errorf("%+v", h)
	}
	for _, r := range a.Rows {
		if !(r.Low >= 0 && r.Low <= r.Value && r.Value <= r.High && r.PAlive >= 0 && r.PAlive <= 1) || math.IsInf(r.High, 0) {
			t.Fatalf("%+v", r)
		}
	}
	if late := analyse(t, file, Question{Model: BGNBD, Observe: w.from.AddDays(4000)}); late.Holdout != nil || len(late.Warnings) == 0 {
		t.Errorf("a holdout after the last order: %+v, %v", late.Holdout, late.Warnings)
	}
}

// What --observe-until means, counted again from the rows: orders on the day
// belong to the calibration, those after it up to the file's last day to the
// holdout, customers first seen after it to neither.
func TestObserveUntil(t *testing.T) {
	t.Parallel()
	w := newWorld(14)
	file := orderFile(w, 900, 1)
	cut := w.from.AddDays(250)
	days, values := map[string]map[civil.Date]bool{}, map[string]map[civil.Date]float64{}
	for _, line := range strings.Split(strings.TrimSpace(file), "\n")[1:] {
		cells := strings.Split(line, ",")
		day := civil.MustParse(cells[1])
		var v float64
		if _, err := fmt.Sscan(cells[2], &v); err != nil {
			t.Fatal(err)
		}
		if days[cells[0]] == nil {
			days[cells[0]], values[cells[0]] = map[civil.Date]bool{}, map[civil.Date]float64{}
		}
		days[cells[0]][day] = true
		values[cells[0]][day] += v
	}
	var orders, value float64
	ages := map[string][3]float64{} // frequency, recency, age in weeks
	onTheDay := 0
	for id, of := range days {
		first, last, x := civil.Date(1<<30), civil.Date(0), 0
		for d := range of {
			if first = min(first, d); d <= cut {
				last = max(last, d)
				x++
			}
			if d == cut {
				onTheDay++
			}
		}
		if first > cut {
			continue
		}
		ages[id] = [3]float64{float64(x - 1), float64(last.Sub(first)) / 7, float64(cut.Sub(first)) / 7}
		for d := range of {
			if d > cut {
				orders++
				value += values[id][d]
			}
		}
	}
	a := analyse(t, file, Question{Model: BGNBD, Observe: cut, Unit: "week"})
	if a.Customers != len(ages) || a.Holdout.ActualOrders != orders || onTheDay == 0 || len(ages) == len(days) {
		t.Errorf("%d customers, %g orders came; counted %d and %g (%d on the day)", a.Customers, a.Holdout.ActualOrders, len(ages), orders, onTheDay)
	}
	near(t, "the value that came", a.Holdout.ActualValue, value, 1e-12)
	fractional := false
	for _, r := range a.Rows {
		if got := [3]float64{float64(r.Frequency), r.Recency, r.Age}; got != ages[r.CustomerID] {
			t.Fatalf("customer %s: %v, want %v", r.CustomerID, got, ages[r.CustomerID])
		}
		fractional = fractional || r.Age != float64(int(r.Age))
	}
	if !fractional {
		t.Error("ages in weeks are fractional")
	}
}

func TestOffTrackWarns(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("customer_id,date,value\n")
	day := civil.MustParse("2024-01-01")
	w := newWorld(13)
	for i := range 2000 { // all come in January, rest for eight months, and buy at Christmas
		fmt.Fprintf(&b, "%d,%s,10\n%d,%s,12\n", i, day.AddDays(i%28), i, day.AddDays(330+w.rnd.IntN(30)))
		if i%3 == 0 {
			fmt.Fprintf(&b, "%d,%s,11\n", i, day.AddDays(345+w.rnd.IntN(18)))
		}
	}
	a := analyse(t, b.String(), Question{Model: BGNBD})
	if !strings.Contains(strings.Join(a.Warnings, "; "), "seasonal") {
		t.Errorf("warnings: %v", a.Warnings)
	}
}
