package lift

import (
	"errors"
	"fmt"
)

// did is the difference in differences of growth. Regions differ in size by
// orders, so that equal growth, not equal change, is what they would have shared
// without the treatment: each region's test total over its pre total is
// regressed on the treatment, weighted by the pre total, which makes an arm's mean
// its growth as a whole. Errors are clustered by region: with one value a region
// the two-period collapse of Bertrand, Duflo and Mullainathan (2004, QJE 119(1)),
// bias-reduced (CR2) with the degrees of freedom of Bell and McCaffrey (2002),
// both under growths that vary equally, as geo-based regression has it too.
func (s *split) did(level float64) (effect, error) {
	pre, test := totals(s.pre), totals(s.test)
	var arms [2]growth // control, treated
	silent := 0
	for g := range pre {
		switch {
		case pre[g] < 0:
			return effect{}, errors.New("difference in differences: a region's response before the test sums to less than nothing; its growth cannot be told")
		case pre[g] == 0:
			silent++
		case s.treated[g]:
			arms[1].add(pre[g], test[g])
		default:
			arms[0].add(pre[g], test[g])
		}
	}
	c, t := &arms[0], &arms[1]
	if len(c.size) < 2 || len(t.size) < 2 {
		return effect{}, errors.New("difference in differences: each group needs two regions with a response before the test")
	}
	var warnings []string
	if silent > 0 {
		warnings = append(warnings, fmt.Sprintf("%d regions without any response before the test are left out", silent))
	}
	varC, squareC := c.variance()
	varT, squareT := t.variance()
	// Satterthwaite's: the square of the mean of the variance estimate, over its
	// variance halved.
	df := (c.concentration() + t.concentration()) * (c.concentration() + t.concentration()) / (squareC + squareT)
	e := effect{df: df, warnings: warnings, lift: interval(t.mean()-c.mean(), sqrt(varC+varT), df, level).times(t.total)}
	before, daily := sum(s.daily(s.pre, false)), s.daily(s.test, false)
	for _, y := range daily {
		e.expected = append(e.expected, y/before*t.total)
	}
	return e, nil
}

// growth is one arm: its regions' sizes before and growths.
type growth struct {
	size, rate  []float64
	total, test float64
}

func (a *growth) add(pre, test float64) {
	a.size, a.rate = append(a.size, pre), append(a.rate, test/pre)
	a.total, a.test = a.total+pre, a.test+test
}

func (a *growth) mean() float64 { return a.test / a.total }

// concentration is the sum of the squares of the regions' shares of the size: the
// variance of the mean where each region's growth has the variance 1.
func (a *growth) concentration() float64 {
	q := 0.0
	for _, w := range a.size {
		q += w / a.total * w / a.total
	}
	return q
}

// variance is the CR2 variance of the mean: the sum of d e^2, with e a region's
// residual, h its share of the size and d = h^2 / Var(e), where Var(e) = 1 - 2h + q
// is the residual's variance if growths have the variance 1 and q is the
// concentration, which is also the trace of this quadratic form.
//
// traceOfSquare is that of its square, the sum over i and j of d_i d_j Cov(e_i, e_j)^2
// with Cov = q - h_i - h_j, and 1 more for i = j; expanded, so that it is one pass.
func (a *growth) variance() (v, traceOfSquare float64) {
	q := a.concentration()
	var s0, s1, s2 float64 // sums of d, d h, d h^2
	of := func(i int) (h, d float64) {
		h = a.size[i] / a.total
		return h, h * h / (1 - 2*h + q)
	}
	for i, rate := range a.rate {
		h, d := of(i)
		v += d * (rate - a.mean()) * (rate - a.mean())
		s0, s1, s2 = s0+d, s1+d*h, s2+d*h*h
	}
	for i := range a.rate {
		h, d := of(i)
		traceOfSquare += d*((q-h)*(q-h)*s0-2*(q-h)*s1+s2) + d*d*(1+2*(q-2*h))
	}
	return v, traceOfSquare
}
