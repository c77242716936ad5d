package ltv

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// spendSums are spend rows laid out for the many evaluations of a fit: of
// customers with x orders the likelihood knows their number, the sum of the
// logarithms of their means, and each one's total.
type spendSums struct {
	x      float64
	n      float64 // customers
	logs   float64 // sum of ln m
	totals []weighted
}

type weighted struct{ z, n float64 }

// sumSpend cuts long groups into parts, the same on every machine.
func sumSpend(rows []SpendRow) []spendSums {
	open := map[int]int{} // by x
	var sums []spendSums
	for _, r := range rows {
		i, ok := open[r.X]
		if !ok || len(sums[i].totals) == 4*chunk {
			i = len(sums)
			open[r.X] = i
			sums = append(sums, spendSums{x: float64(r.X)})
		}
		s := &sums[i]
		s.n += r.N
		s.logs += r.N * math.Log(r.M)
		s.totals = append(s.totals, weighted{s.x * r.M, r.N})
	}
	return sums
}

// spendLogLik is equation (1a) of note 025, summed, and its gradient.
func spendLogLik(sums []spendSums, v, grad []float64) float64 {
	p, q, scale := v[0], v[1], v[2]
	lnScale, digammaQ := math.Log(scale), mathext.Digamma(q)
	lgQ, _ := math.Lgamma(q)
	parts := make([][4]float64, len(sums))
	parallel(len(sums), func(i int) {
		s := &sums[i]
		px := p * s.x
		lgPX, _ := math.Lgamma(px)
		lgPXQ, _ := math.Lgamma(px + q)
		dPX, dPXQ, lnX := mathext.Digamma(px), mathext.Digamma(px+q), math.Log(s.x)
		lnSum, inverse := s.over(scale)
		parts[i] = [4]float64{
			s.x * (s.n*(dPXQ-dPX+lnX) + s.logs - lnSum),
			s.n*(dPXQ-digammaQ+lnScale) - lnSum,
			s.n*q/scale - (px+q)*inverse,
			s.n*(lgPXQ-lgPX-lgQ+q*lnScale+px*lnX) + (px-1)*s.logs - (px+q)*lnSum,
		}
	})
	var total float64
	clear(grad)
	for i := range parts {
		for j := range grad {
			grad[j] += parts[i][j]
		}
		total += parts[i][3]
	}
	return total
}

// over returns the sums of ln(z+scale) and of 1/(z+scale). Customers counted once
// share a logarithm, that of their product.
func (s *spendSums) over(scale float64) (lnSum, inverse float64) {
	product := 1.0
	for _, t := range s.totals {
		z := t.z + scale
		inverse += t.n / z
		if t.n != 1 {
			lnSum += t.n * math.Log(z)
			continue
		}
		if product *= z; product > 1e200 || product < 1e-200 {
			lnSum += math.Log(product)
			product = 1
		}
	}
	return lnSum + math.Log(product), inverse
}
