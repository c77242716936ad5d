package ltvchart

import (
	"encoding/xml"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"adsteward/bidding/ltv"
	"adsteward/internal/chart"
	"adsteward/internal/civil"
)

// sample diagnoses a made-up shop of two years.
func sample(t *testing.T) *ltv.Diagnostics {
	t.Helper()
	rnd := rand.New(rand.NewPCG(3, 4))
	from := civil.MustParse("2024-01-01")
	var b strings.Builder
	b.WriteString("customer_id,date,value\n")
	for i := range 3000 {
		rate := rnd.ExpFloat64() / 90
		for at := rnd.Float64() * 700; at < 730; at += rnd.ExpFloat64() / rate {
			fmt.Fprintf(&b, "%d,%s,%.2f\n", i, from.AddDays(int(at)), 20+30*rnd.ExpFloat64())
			if rnd.Float64() < 0.25 {
				break
			}
		}
	}
	l, err := ltv.ReadOrders(strings.NewReader(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	q := ltv.Question{Model: ltv.MBGNBD, Horizon: 365, SpendAll: true, Clock: func() time.Duration { return 0 }, Rand: rnd}
	a, err := ltv.Analyse(l, q)
	if err != nil {
		t.Fatal(err)
	}
	d, err := ltv.Diagnose(l, q, a)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// sum adds up a column of a figure's table.
func sum(t *testing.T, f chart.Figure, column int) (s float64) {
	t.Helper()
	for _, row := range f.Rows {
		v, err := strconv.ParseFloat(row[column], 64)
		if err != nil {
			t.Fatalf("%s: %v", f.ID, err)
		}
		s += v
	}
	return s
}

func TestFigures(t *testing.T) {
	t.Parallel()
	d := sample(t)
	d.Currency = "EUR"
	byID := map[string]chart.Figure{}
	for _, f := range Figures(d) {
		byID[f.ID] = f
		if f.Caption == "" || f.Look == "" || f.Empty != "" || len(f.Drawings) != 2 || len(f.Rows) == 0 {
			t.Errorf("%s: says %q, %d drawings, %d rows, empty %q", f.ID, f.Caption, len(f.Drawings), len(f.Rows), f.Empty)
		}
		for _, row := range f.Rows {
			if len(row) != len(f.Columns) {
				t.Fatalf("%s: %d cells under %d columns", f.ID, len(row), len(f.Columns))
			}
		}
		wellFormed(t, f)
	}
	customers := d.Alive.Customers
	if sum(t, byID["frequency"], 1) != customers || sum(t, byID["alive"], 2) != customers {
		t.Errorf("%v customers: the tables have %v and %v", customers, sum(t, byID["frequency"], 1), sum(t, byID["alive"], 2))
	}
	if got := sum(t, byID["frequency"], 2); got < customers-1 || got > customers+1 {
		t.Errorf("%v customers expected of %v", got, customers)
	}
	weeks := d.Tracking.Weeks
	if got := sum(t, byID["weekly"], 1); got != weeks[len(weeks)-1].ActualToDate {
		t.Errorf("the weeks add up to %v, not %v", got, weeks[len(weeks)-1].ActualToDate)
	}
	if n := len(byID["tracking"].Drawings[0].Bars); n != len(weeks) {
		t.Errorf("%d columns for %d weeks", n, len(weeks))
	}
	// 24 months: the newest 18 cohorts are drawn, the table has all.
	if n := len(byID["cohorts"].Drawings[0].YTicks); n > drawnCohorts+1 {
		t.Errorf("%d rows are drawn", n)
	}
	if first := byID["cohorts"].Rows[0]; first[0] != "2024-01" || byID["cohorts"].Columns[6] != "Value a customer, EUR" {
		t.Errorf("%v, %v", byID["cohorts"].Columns, first)
	}
}

func wellFormed(t *testing.T, f chart.Figure) {
	t.Helper()
	var svg strings.Builder
	if err := f.WriteSVG(&svg); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(svg.String(), "NaN") || strings.Contains(svg.String(), "Inf") {
		t.Errorf("%s has a number that is none", f.ID)
	}
	dec := xml.NewDecoder(strings.NewReader(svg.String()))
	for {
		if _, err := dec.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatalf("%s: %v", f.ID, err)
		}
	}
}

// TestNothingToShow: the words stand where the chart would.
func TestNothingToShow(t *testing.T) {
	t.Parallel()
	missing := ltv.Finding{Missing: "Too few."}
	d := &ltv.Diagnostics{Model: ltv.BGNBD, Frequency: ltv.FrequencyCheck{Actual: make([]float64, 8), Expected: make([]float64, 8)},
		Tracking: ltv.Tracking{Finding: missing}, Tenths: ltv.Lift{Finding: missing}, Cohorts: ltv.Triangle{Finding: missing}}
	for _, f := range Figures(d) {
		wellFormed(t, f)
		if f.ID != "frequency" && f.ID != "alive" && (f.Empty != "Too few." || len(f.Drawings) > 0 || len(f.Legend) > 0) {
			t.Errorf("%s: %+v", f.ID, f)
		}
	}
}

func TestCohortCell(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		value, expected, orders float64
		class                   string
		tone                    float64
	}{{8, 4, 50, "more", 1}, {2, 4, 50, "less", 1}, {4, 4, 50, "more", 0}, {0, 4, 50, "less", 1}, {8, 4, 3, "none", 0}, {8, 0, 50, "none", 0}} {
		if got := cohortCell(c.value, c.expected, c.orders, money{}); got.Class != c.class || got.Tone != c.tone {
			t.Errorf("%+v is drawn %s %v", c, got.Class, got.Tone)
		}
	}
}
