package ltv

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"adsteward/internal/civil"
)

// costedShop is customers with margins of their own around 40 %, and orders whose
// margins vary around these.
func costedShop(rnd *rand.Rand, between, within float64, n int) (histories []History, c *Columns, truth []float64) {
	c = &Columns{costs: map[string][]costed{}}
	for i := range n {
		id := fmt.Sprint(i)
		margin := 0.4 + between*rnd.NormFloat64()
		for k := range 1 + rnd.IntN(1+i%12) {
			value := 10 + 90*rnd.Float64()
			rate := margin + within*rnd.NormFloat64()*math.Sqrt(50/value)
			c.costs[id] = append(c.costs[id], costed{civil.Date(k), value, value * (1 - rate)})
		}
		histories, truth = append(histories, History{CustomerID: id}), append(truth, margin)
	}
	return histories, c, truth
}

// Leaning on the mean by what is known has a smaller error than the customer's own
// margin and than the mean of all.
func TestMarginsLeanOnTheMean(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(8, 8))
	histories, c, truth := costedShop(rnd, 0.08, 0.15, 4000)
	rates, mean, warnings, err := c.margins(histories, 1000)
	if err != nil || len(warnings) > 0 {
		t.Fatal(warnings, err)
	}
	near(t, "the mean margin", mean, 0.4, 0.02)
	var shrunk, own, pooled float64
	for i, h := range histories {
		var revenue, cost float64
		for _, o := range c.costs[h.CustomerID] {
			revenue += o.value
			cost += o.cost
		}
		shrunk += (rates[i] - truth[i]) * (rates[i] - truth[i])
		own += (1 - cost/revenue - truth[i]) * (1 - cost/revenue - truth[i])
		pooled += (mean - truth[i]) * (mean - truth[i])
	}
	if !(shrunk < 0.8*own && shrunk < 0.8*pooled) {
		t.Errorf("squared errors: %g leaning, %g alone, %g of the mean", shrunk, own, pooled)
	}
	// Where customers do not differ all have the mean, or nearly.
	histories, c, _ = costedShop(rnd, 0, 0.15, 4000)
	if rates, mean, _, err = c.margins(histories, 1000); err != nil {
		t.Fatal(err)
	}
	for _, r := range rates {
		if math.Abs(r-mean) > 0.1 {
			t.Fatalf("a margin of %g among customers of %g", r, mean)
		}
	}
}

const costedFile = "customer_id,date,value,cost\n1,2025-01-01,100,60\n1,2025-01-05,50,\n2,2025-01-02,100,250\n2,2025-03-01,100,1\n3,2025-01-02,0,0\n"

func TestMarginsOfOddOrders(t *testing.T) {
	t.Parallel()
	c, err := ReadColumns(strings.NewReader(costedFile), nil, "cost")
	if err != nil {
		t.Fatal(err)
	}
	histories := []History{{CustomerID: "1"}, {CustomerID: "2"}, {CustomerID: "3"}, {CustomerID: "unknown"}}
	rates, mean, warnings, err := c.margins(histories, civil.MustParse("2025-02-01"))
	if err != nil || len(warnings) != 2 || mean > 0 || !strings.Contains(warnings[0], "1 orders have no cost") || !strings.Contains(warnings[1], "no margin") {
		t.Errorf("%v %g %q %v", rates, mean, warnings, err)
	}
	for i, r := range rates {
		if !(r >= 0 && r <= 1) {
			t.Errorf("customer %d: margin %g", i, r)
		}
	}
	var refused *Refused
	if _, _, _, err := c.margins(histories[2:], civil.MustParse("2025-02-01")); !errors.As(err, &refused) {
		t.Errorf("%v", err)
	}
	var bad *BadRow
	for _, c := range []struct {
		in, words string
		line      int
	}{
		{strings.Replace(costedFile, ",250", ",-250", 1), "negative; write what the order cost", 4},
		{strings.Replace(costedFile, ",60", ",sixty", 1), "is not a number", 2},
		{strings.Replace(costedFile, "cost", "costs", 1), "the header lacks it", 1},
	} {
		if _, err := ReadColumns(strings.NewReader(c.in), nil, "cost"); !errors.As(err, &bad) || bad.Line != c.line || bad.Column != "cost" || !strings.Contains(bad.Reason, c.words) {
			t.Errorf("%v, want %q on line %d", err, c.words, c.line)
		}
	}
}

// With costs clv is a customer's own margin of the revenue that is expected.
func TestCostsTurnRevenueIntoMargin(t *testing.T) {
	t.Parallel()
	plain := orderFile(newWorld(63), 700, 1)
	lines := strings.Split(strings.TrimSpace(plain), "\n")
	var b strings.Builder
	b.WriteString(lines[0] + ",cost\n")
	for _, line := range lines[1:] {
		cells := strings.Split(line, ",")
		var id int
		var value float64
		if _, err := fmt.Sscan(cells[0], &id); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscan(cells[2], &value); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s,%g\n", line, value*(0.5+0.2*float64(id%2)))
	}
	c, err := ReadColumns(strings.NewReader(b.String()), nil, "cost")
	if err != nil {
		t.Fatal(err)
	}
	whole := analyse(t, plain, Question{Model: BGNBD})
	part := analyse(t, b.String(), Question{Model: BGNBD, Columns: c, Cost: "cost"})
	near(t, "the mean margin", part.Margin, 0.4, 0.06)
	var total float64
	for i, w := range part.Rows {
		var id int
		if _, err := fmt.Sscan(w.CustomerID, &id); err != nil {
			t.Fatal(err)
		}
		near(t, "margin of "+w.CustomerID, w.Value/whole.Rows[i].Value, 0.5-0.2*float64(id%2), 1e-4) // margins do not vary within customers, so that each is its own
		if !(0 <= w.Low && w.Low <= w.Value && w.Value <= w.High) {
			t.Fatalf("%+v", w)
		}
		total += w.Value
	}
	near(t, "the total", part.Totals[0].Value, total, 1e-12)
	if !(part.Totals[0].High < 0.5*whole.Totals[0].High) {
		t.Errorf("%+v of %+v", part.Totals[0], whole.Totals[0])
	}
}
