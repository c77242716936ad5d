package attribution

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"adsteward/internal/money"
)

// tally adds up parts of orders and of their value exactly, and how much their
// sums may vary by chance.
type tally struct {
	orders       int64 // millionths
	micros       int64
	count, value weighted // in orders and in units of the currency
}

func (t *tally) add(orders, micros int64) {
	t.orders += orders
	t.micros += micros
	t.count.add(float64(orders) / whole)
	t.value.add(float64(micros) / whole)
}

func (t *tally) amount() Amount {
	return Amount{float64(t.orders) / whole, money.Micros(t.micros)}
}

// weighted is a sum of things that each came by themselves, with their weights: a
// compound Poisson count.
type weighted struct{ sum, squares, most float64 }

func (w *weighted) add(weight float64) {
	w.sum += weight
	w.squares += weight * weight
	w.most = max(w.most, weight)
}

// interval is the central one, at ReconcileLevel, of what the sum would be on
// average: of gamma distributions that have the sum's mean and variance, the upper
// one with another thing of the greatest weight (Fay and Feuer 1997, Statistics in
// Medicine 16(7), equations 6 and 7). With weights of 1 it is the exact interval
// of a Poisson count. Where nothing came, unit is the weight of what might have.
func (w weighted) interval(unit float64) (low, high float64) {
	const tail = (1 - ReconcileLevel) / 2
	y, v, most := max(w.sum, 0), w.squares, w.most
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
