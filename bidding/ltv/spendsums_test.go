package ltv

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Equation (1a) of note 025 as printed, customer by customer.
func TestSpendLikelihoodAgainstPrintedFormula(t *testing.T) {
	t.Parallel()
	lg := func(x float64) float64 { l, _ := math.Lgamma(x); return l }
	rnd := rand.New(rand.NewPCG(71, 1))
	var rows []SpendRow
	for range 5 * chunk { // parts of one x, of customers who count once and more often
		rows = append(rows, SpendRow{X: 1 + rnd.IntN(3), M: math.Exp(3 + 2*rnd.NormFloat64()), N: float64(max(1, rnd.IntN(4)))})
	}
	rows = append(rows, SpendRow{400, 1e-9, 1}, SpendRow{1, 1e15, 1}, SpendRow{7, 1e-200, 1})
	for _, v := range [][]float64{{6.2, 3.7, 15}, {.5, 1.1, 1e4}, {90, .3, 1e-3}} {
		p, q, scale := v[0], v[1], v[2]
		var want float64
		for _, r := range rows {
			x := float64(r.X)
			want += r.N * (lg(p*x+q) - lg(p*x) - lg(q) + q*math.Log(scale) + (p*x-1)*math.Log(r.M) + p*x*math.Log(x) - (p*x+q)*math.Log(r.M*x+scale))
		}
		near(t, "the likelihood", spendLogLik(sumSpend(rows), v, make([]float64, 3)), want, 1e-11)
	}
}
