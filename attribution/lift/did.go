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
// bias-reduced (CR2) with the degrees of freedom of Bell and McCaffrey (2002).
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
	// Satterthwaite's: twice the squared mean over the variance, of the variance
	// estimate under errors that fall with size.
	df := (1/c.total + 1/t.total) * (1/c.total + 1/t.total) / (squareC + squareT)
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

// variance is the CR2 variance of the weighted mean, sum of w^2 e^2 / (1 - h) over
// (sum of w)^2 with h = w over their sum, and the trace of the square of its
// quadratic form under errors of variance 1 / w.
func (a *growth) variance() (v, traceOfSquare float64) {
	for i, w := range a.size {
		hi := w / a.total
		e := a.rate[i] - a.mean()
		v += hi * hi * e * e / (1 - hi)
		di := hi / a.total / (1 - hi)
		for j, u := range a.size {
			hj := u / a.total
			dj := hj / a.total / (1 - hj)
			m := hi * hj // squares of the entries of 1 - q q', q^2 = h
			if i == j {
				m = (1 - hi) * (1 - hi)
			}
			traceOfSquare += di * dj * m
		}
	}
	return v, traceOfSquare
}
