package bidding

import (
	"fmt"
	"math"
)

// ReturnAges are the ages in days up to which orders are compared by what has
// been refunded of them; older ones have shown what they will.
var ReturnAges = [...]int{7, 14, 21, 28, 42, 60}

// ReturnDays is how many days of orders tell what is refunded.
const ReturnDays = 180

// ageClass is the first of ReturnAges that an age does not exceed, or their
// number where the order is mature.
func ageClass(days int) int {
	for i, a := range ReturnAges {
		if days <= a {
			return i
		}
	}
	return len(ReturnAges)
}

// Refunds are what was sold and refunded so far of one kind of product in orders
// of one age, without tax.
type Refunds struct {
	ProductType string
	Age         int // in days
	Orders      float64
	Goods       float64
	Refunded    float64
}

// Returns tells what will still be refunded of orders that are young. Orders
// carry what was refunded of them so far but not when, so orders of different
// ages are compared: of an age a the share F(a) of the refunds has shown, F(a)
// being the refund rate at that age over the rate of mature orders, made to rise
// with age. A category's rate in the end is (refunded + w rate) / (sum of goods
// F(age) + w), the shop's rate with the weight w of leanReturns orders: refunds
// as Poisson counts with a gamma prior, as for the lag of conversions.
type Returns struct {
	shown  [len(ReturnAges) + 1]float64 // F; 1 for mature orders
	rate   map[string]float64           // by first level of the product type
	shop   float64
	orders float64
	why    string // nothing can be told; "" where it can
}

const (
	// leanReturns orders' worth of goods are what the shop's rate weighs in a
	// category's.
	leanReturns = 50
	// leastMature orders must be mature before anything is said.
	leastMature = 50
)

// FitReturns compares refunds by age and category; nil where nothing was ever
// refunded. Where too few orders are old enough it reckons with no more refunds,
// and says so.
func FitReturns(rows []Refunds) *Returns {
	var goods, refunded [len(ReturnAges) + 1]float64
	var orders, mature, all float64
	for _, r := range rows {
		if !(r.Goods > 0) || !(r.Refunded >= 0) {
			continue
		}
		i := ageClass(r.Age)
		goods[i] += r.Goods
		refunded[i] += r.Refunded
		orders += r.Orders
		all += r.Goods
		if i == len(ReturnAges) {
			mature += r.Orders
		}
	}
	last := len(ReturnAges)
	var sum float64
	for _, v := range refunded {
		sum += v
	}
	switch {
	case !(sum > 0) || math.IsInf(sum, 0):
		return nil
	case mature < leastMature:
		return &Returns{why: fmt.Sprintf("%.0f orders are older than %d days, and %d are needed", mature, ReturnAges[last-1], leastMature)}
	case refunded[last] <= 0:
		return &Returns{why: fmt.Sprintf("none of the orders older than %d days was refunded", ReturnAges[last-1])}
	}
	out := &Returns{rate: map[string]float64{}, orders: orders}
	rates := rising(refunded[:], goods[:])
	for i := range out.shown {
		out.shown[i] = min(rates[i]/rates[last], 1)
	}
	type sums struct{ refunded, exposed float64 }
	by, total := map[string]sums{}, sums{}
	for _, r := range rows {
		if !(r.Goods > 0) || !(r.Refunded >= 0) {
			continue
		}
		k := category(r.ProductType, 1)
		s := by[k]
		exposed := r.Goods * out.shown[ageClass(r.Age)]
		by[k] = sums{s.refunded + r.Refunded, s.exposed + exposed}
		total.refunded, total.exposed = total.refunded+r.Refunded, total.exposed+exposed
	}
	out.shop = min(total.refunded/total.exposed, 1)
	weight := leanReturns * all / orders
	for k, s := range by {
		if k != "" {
			out.rate[k] = min((s.refunded+weight*out.shop)/(s.exposed+weight), 1)
		}
	}
	return out
}

// rising is the ratio of two sums by class, made not to fall from one class to
// the next by pooling neighbours that do (pool adjacent violators); classes
// without goods take the ratio before them.
func rising(part, whole []float64) []float64 {
	type block struct {
		part, whole float64
		n           int
	}
	var blocks []block
	for i := range part {
		b := block{part[i], whole[i], 1}
		for len(blocks) > 0 {
			p := blocks[len(blocks)-1]
			if b.whole > 0 && p.whole > 0 && p.part/p.whole <= b.part/b.whole {
				break
			}
			b = block{p.part + b.part, p.whole + b.whole, p.n + b.n}
			blocks = blocks[:len(blocks)-1]
		}
		blocks = append(blocks, b)
	}
	var out []float64
	for _, b := range blocks {
		r := 0.0
		if b.whole > 0 {
			r = b.part / b.whole
		}
		for range b.n {
			out = append(out, r)
		}
	}
	return out
}

// rateOf is the share of goods of a category that is refunded in the end.
func (r *Returns) rateOf(of string) float64 {
	if v, ok := r.rate[category(of, 1)]; ok {
		return v
	}
	return r.shop
}

// toCome is what will still be refunded of goods of a category in an order of
// the age.
func (r *Returns) toCome(category string, days int, value float64) float64 {
	if r == nil || r.why != "" || value <= 0 {
		return 0
	}
	return value * r.rateOf(category) * (1 - r.shown[ageClass(days)])
}

// tell says what returns are reckoned with.
func (r *Returns) tell() string {
	if r == nil {
		return ""
	}
	if r.why != "" {
		return "Refunds still to come are not reckoned with: " + r.why + "."
	}
	return fmt.Sprintf("In the end %.1f %% of the goods are refunded, by category and from %.0f orders; after %d days %.0f %% of that has shown.",
		100*r.shop, r.orders, ReturnAges[1], 100*r.shown[1])
}
