package ltv

import (
	"encoding/csv"
	"errors"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// What is written reads back in order, to ten digits, whatever the customers are
// called.
func TestCustomersReadBack(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(61, 1))
	names := []string{"plain", "a,b", `say "hi"`, "two\nlines", " blank ", "é"}
	var rows []CustomerWorth
	for i := range 40*chunk + 7 { // more than one round of blocks
		v := func() float64 { return math.Exp(40*rnd.Float64() - 20) }
		w := CustomerWorth{CustomerID: names[i%len(names)] + strconv.Itoa(i), Frequency: i % 9, Recency: float64(i % 700), Age: float64(i%700) / 7, MeanValue: v()}
		w.Worth = Worth{PAlive: rnd.Float64(), Orders: v(), OrderValue: v(), Value: v(), High: v()}
		rows = append(rows, w)
	}
	var out strings.Builder
	if err := WriteCustomers(&out, rows); err != nil {
		t.Fatal(err)
	}
	back, err := csv.NewReader(strings.NewReader(out.String())).ReadAll()
	if err != nil || len(back) != len(rows)+1 || strings.Join(back[0], ",")+"\n" != CustomersHeader {
		t.Fatalf("%d lines, %v", len(back), err)
	}
	for i, r := range rows {
		cells := back[i+1]
		want := []float64{float64(r.Frequency), r.Recency, r.Age, r.MeanValue, r.PAlive, r.Orders, r.OrderValue, r.Value, r.Low, r.High}
		for j, v := range want {
			if cells[0] != r.CustomerID || cells[j+1] != strconv.FormatFloat(v, 'g', 10, 64) {
				t.Fatalf("row %d: %q, want %s and %g in column %d", i, cells, r.CustomerID, v, j+1)
			}
		}
	}
	full := errors.New("no space left")
	if err := WriteCustomers(failing{full}, rows); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestNumbersAreWrittenAsTenDigits(t *testing.T) {
	t.Parallel()
	for _, v := range []float64{0, 1, 10, 1200, 999999999, 1e9, 1e10, 123456789012, 0.5, 1e-5, 1e300, math.Pi, 1e15} {
		if got, want := string(appendNumber(nil, v)), strconv.FormatFloat(v, 'g', 10, 64); got != want {
			t.Errorf("%g is written as %s, want %s", v, got, want)
		}
	}
}
