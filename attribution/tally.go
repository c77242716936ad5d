package attribution

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"adsteward/internal/money"
)

// sums add up parts of orders and their value exactly: millionths of orders, and
// micros.
type sums [2]int64

func (s *sums) add(orders, micros int64) {
	s[0] += orders
	s[1] += micros
}

func (s *sums) join(o sums) { s.add(o[0], o[1]) }

func (s sums) amount() Amount { return Amount{s.orders(), money.Micros(s[1])} }

func (s sums) orders() float64 { return float64(s[0]) / whole }

// tally is sums and how much they may vary by chance.
type tally struct {
	Sums  sums     `json:"sums"`
	Count weighted `json:"count,omitzero"` // in orders
	Value weighted `json:"value,omitzero"` // in units of the currency
}

func (t *tally) add(orders, micros int64) {
	t.Sums.add(orders, micros)
	t.Count.add(float64(orders) / whole)
	t.Value.add(float64(micros) / whole)
}

func (t *tally) join(o tally) {
	t.Sums.join(o.Sums)
	t.Count.join(o.Count)
	t.Value.join(o.Value)
}

// weighted is a sum of things that each came by themselves, with their weights: a
// compound Poisson count.
type weighted struct {
	Sum     float64 `json:"sum"`
	Squares float64 `json:"squares"`
	Most    float64 `json:"most"`
}

func (w *weighted) add(weight float64) { w.join(weighted{weight, weight * weight, weight}) }

func (w *weighted) join(o weighted) {
	w.Sum += o.Sum
	w.Squares += o.Squares
	w.Most = max(w.Most, o.Most)
}

// interval is the central one, at ReconcileLevel, of what the sum would be on
// average: of gamma distributions that have the sum's mean and variance, the upper
// one with another thing of the greatest weight (Fay and Feuer 1997, Statistics in
// Medicine 16(7), equations 6 and 7). With weights of 1 it is the exact interval
// of a Poisson count. Where nothing came, unit is the weight of what might have.
func (w weighted) interval(unit float64) (low, high float64) {
	const tail = (1 - ReconcileLevel) / 2
	y, v, most := max(w.Sum, 0), w.Squares, w.Most
	if most <= 0 {
		most = unit
	}
	if y > 0 && v > 0 {
		low = gammaQuantile(y, v, tail)
	}
	if most > 0 {
		high = gammaQuantile(y+most, v+most*most, 1-tail)
	}
	return low, max(high, low)
}

// gammaQuantile is of the gamma distribution with a mean and a variance.
func gammaQuantile(mean, variance, p float64) float64 {
	q := distuv.Gamma{Alpha: mean * mean / variance, Beta: mean / variance}.Quantile(p)
	if math.IsNaN(q) || math.IsInf(q, 0) { // beyond what the series can do, it is as good as normal
		q = max(mean+math.Sqrt(variance)*distuv.UnitNormal.Quantile(p), 0)
	}
	return q
}
