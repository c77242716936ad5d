package ltv

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// Effects are what covariates z that do not change with time do to a law, as in
// Fader and Hardie's note 019 and in CLVTools. The rate of orders:
// alpha_i = alpha exp(-Orders'z), more of it for positive effects. Leaving:
// Pareto/NBD beta_i = beta exp(-Leaving'z), sooner for positive effects; BG and
// MBG/NBD a_i = a exp(Leaving'z) and b_i = b exp(Leaving'z), which leaves the mean
// chance to leave, a/(a+b), and makes customers more alike in it. The NBD has no
// leaving.
type Effects struct {
	Orders  []float64 `json:"orders"`
	Leaving []float64 `json:"leaving,omitempty"`
}

// strongest is how far, as a logarithm, covariates may move a parameter: a factor
// of three million is as good as any greater one, and can be computed with.
const strongest = 15

func (e Effects) on(z []float64) (orders, leaving float64) {
	limit := func(v float64) float64 { return min(strongest, max(-strongest, v)) }
	return limit(dot(e.Orders, z)), limit(dot(e.Leaving, z))
}

// For is the law of a customer with covariates z.
func (l Law) For(e Effects, z []float64) Law {
	if len(e.Orders) == 0 {
		return l
	}
	orders, leaving := e.on(z)
	l.Alpha *= math.Exp(-orders)
	up := math.Exp(leaving)
	switch l.Model {
	case BGNBD, MBGNBD:
		l.A, l.B = l.A*up, l.B*up
	case ParetoNBD:
		l.Beta /= up
	}
	return l
}

func dot(a, b []float64) (sum float64) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// CovariateFit is what the covariates of a fit turned out to do, by the names of
// the design: effects on the rate of orders and on leaving, each per standard
// deviation of a number and against the most common level of a text. SE are their
// standard errors, empty where the data do not tell the effects apart. The
// likelihood ratio compares with the same model without covariates: twice the
// difference of the log-likelihoods, chi-squared with Freedom degrees of freedom
// if they do nothing, which then reaches it with probability PValue.
type CovariateFit struct {
	Names                []string           `json:"names"`
	Orders               map[string]float64 `json:"orders"`
	Leaving              map[string]float64 `json:"leaving"`
	SE                   CovariateSE        `json:"se"`
	Scales               map[string]Scale   `json:"scales,omitempty"`
	LogLikelihoodWithout float64            `json:"log_likelihood_without"`
	LikelihoodRatio      float64            `json:"likelihood_ratio"`
	Freedom              int                `json:"degrees_of_freedom"`
	PValue               float64            `json:"p_value"`
	Verdict              string             `json:"verdict"`

	effects Effects
}

// CovariateSE are standard errors of effects.
type CovariateSE struct {
	Orders  map[string]float64 `json:"orders"`
	Leaving map[string]float64 `json:"leaving"`
}

// covRow is a row of customers with the covariates of one pattern.
type covRow struct {
	Row
	pattern int32
}

// FitCovariates fits the model of base, which is one to the same histories
// without covariates, with those of a design, by maximum likelihood; time in units
// of unitDays. Where the data say too little of leaving for effects on it,
// covariates act on the rate of orders alone, with a warning. The error is a
// *Refused where they cannot carry that either.
func FitCovariates(base *OrderFit, histories []History, d *Design, unitDays float64) (*OrderFit, error) {
	m, k := base.Model, len(d.Names)
	rows, s := d.merge(histories, unitDays)
	fit := func(effects int) (optimum, error) {
		start := m.pack(base.Params)
		for range effects {
			start = append(start, 1) // e^0: covariates start without effect
		}
		return maximise(func(v, grad []float64) float64 { return m.covLogLik(rows, d, s.maxX, v, grad) }, start, s.customers)
	}
	warnings := slices.Clone(base.Warnings)
	o, err := fit(d.effects(m))
	if errors.Is(err, errNoConvergence) && m != NBD {
		warnings = append(warnings, "the data say too little of leaving for covariates to act on it; they act on the rate of orders alone")
		o, err = fit(k)
	}
	if errors.Is(err, errNoConvergence) {
		return nil, &Refused{m.Title() + " with these covariates does not converge; leave some out"}
	}
	if err != nil {
		return nil, err
	}
	f := &OrderFit{Law: Law{Model: m, Params: m.unpack(o.v)}, LogLikelihood: o.ll, SE: map[string]float64{}, LogCov: o.cov,
		Customers: base.Customers, RepeatBuyers: base.RepeatBuyers, Warnings: warnings}
	f.Covariates = d.report(m, o)
	f.Covariates.compare(base.LogLikelihood, o.ll, len(o.v)-len(m.Names()))
	if o.relSE == nil {
		f.Warnings = append(f.Warnings, "the data do not tell the covariates' effects apart: forecasts hold, single effects mean little and have no standard errors")
		return f, nil
	}
	for i, name := range m.Names() {
		f.SE[name] = o.relSE[i] * o.v[i]
	}
	return f, nil
}

// report names the effects of an optimum and their standard errors.
func (d *Design) report(m Model, o optimum) *CovariateFit {
	n, k := len(m.Names()), len(d.Names)
	c := &CovariateFit{Names: d.Names, Orders: map[string]float64{}, Leaving: map[string]float64{}, Scales: d.scales,
		SE: CovariateSE{map[string]float64{}, map[string]float64{}}, effects: effectsOf(o.v[n:], k)}
	for i, name := range d.Names {
		c.Orders[name] = c.effects.Orders[i]
		if c.effects.Leaving != nil {
			c.Leaving[name] = c.effects.Leaving[i]
		}
		if o.relSE == nil {
			continue
		}
		c.SE.Orders[name] = o.relSE[n+i]
		if c.effects.Leaving != nil {
			c.SE.Leaving[name] = o.relSE[n+k+i]
		}
	}
	return c
}

// compare is the likelihood-ratio test.
func (c *CovariateFit) compare(without, with float64, freedom int) {
	c.LogLikelihoodWithout, c.Freedom = without, freedom
	c.LikelihoodRatio = max(0, 2*(with-without))
	c.PValue = distuv.ChiSquared{K: float64(freedom)}.Survival(c.LikelihoodRatio)
	chance := "under one time in 10,000"
	if c.PValue >= 1e-4 {
		chance = fmt.Sprintf("with probability %.2g", c.PValue)
	}
	verdict := "they help"
	if c.PValue >= 0.05 {
		verdict = "they do not help by more than chance; leave them out"
	}
	c.Verdict = fmt.Sprintf("the covariates raise the log-likelihood from %.4f to %.4f (likelihood ratio %.2f, %d degrees of freedom), which covariates without effect do %s: %s",
		without, with, c.LikelihoodRatio, freedom, chance, verdict)
}

// effectsOf reads effects from their exponentials.
func effectsOf(v []float64, k int) (e Effects) {
	for i, x := range v {
		if i < k {
			e.Orders = append(e.Orders, math.Log(x))
		} else {
			e.Leaving = append(e.Leaving, math.Log(x))
		}
	}
	return e
}

// covLogLik is the total log-likelihood of rows and its gradient. v are the
// model's parameters and, after them, the exponentials of the effects, so that all
// are positive.
func (m Model) covLogLik(rows []covRow, d *Design, maxX int, v, grad []float64) float64 {
	n, k := len(m.Names()), len(d.Names)
	law, effects := Law{m, m.unpack(v)}, effectsOf(v[n:], k)
	laws, free := make([]Law, len(d.patterns)), make([][2]float64, len(d.patterns))
	for i, z := range d.patterns {
		laws[i] = law.For(effects, z)
		// Beyond the limit effects move nothing.
		orders, leaving := effects.on(z)
		free[i] = [2]float64{within(orders), within(leaving)}
	}
	gr := newRising(law.R, maxX)
	chunks := (len(rows) + chunk - 1) / chunk
	sums := make([][]float64, chunks)
	parallel(chunks, func(c int) {
		sum := make([]float64, len(v)+1)
		for _, w := range rows[c*chunk : min((c+1)*chunk, len(rows))] {
			var g [4]float64
			sum[len(v)] += w.N * laws[w.pattern].logLik(&w.Row, gr, &g)
			rate, leave := w.N*g[1], w.N*g[3]
			sum[0] += w.N * g[0]
			sum[1] += rate
			if m != NBD {
				sum[2] += w.N * g[2]
				sum[3] += leave
			}
			if m == BGNBD || m == MBGNBD {
				leave = -leave - w.N*g[2] // both a and b rise with the effect, beta falls
			}
			rate, leave = rate*free[w.pattern][0], leave*free[w.pattern][1]
			for j, z := range d.patterns[w.pattern] {
				sum[n+j] -= rate * z
				if effects.Leaving != nil {
					sum[n+k+j] -= leave * z
				}
			}
		}
		sums[c] = sum
	})
	clear(grad)
	var total float64
	for _, sum := range sums {
		total += sum[len(v)]
		for j := range grad {
			grad[j] += sum[j]
		}
	}
	for j := range grad {
		grad[j] /= v[j] // the sums are derivatives by the logarithms
	}
	return total
}

// within is 1 where an effect is not at its limit.
func within(effect float64) float64 {
	if math.Abs(effect) < strongest {
		return 1
	}
	return 0
}

// logLik is the log-likelihood of one customer of a row under a law of its own,
// and its derivatives by the logarithms of the parameters in g, which is zero
// before. r, and with it gr, is the same for all.
//
// BG/NBD is that of Fader, Hardie and Lee 2005, section 7, in the form of their note
// 027; MBG/NBD (Batislam, Denizel and Filiztekin 2007) lets customers leave after
// their first order too. A customer of Pareto/NBD (Schmittlein, Morrison and Colombo
// 1987) is still here, or left at an age y after the last order: that part is s times
// the integral of (alpha+y)^-(r+x) (beta+y)^-(s+1) from t_x to T, done by quadrature
// rather than by hypergeometric functions: it has no special cases and its
// derivatives come with it.
func (l Law) logLik(w *Row, gr rising, g *[4]float64) float64 {
	rx, lnAlpha := l.R+float64(w.X), math.Log(l.Alpha)
	lT := math.Log(l.Alpha + w.T)
	base := gr.ln[w.X] + l.R*lnAlpha
	switch l.Model {
	case BGNBD, MBGNBD:
		k := w.X
		if l.Model == MBGNBD {
			k++
		}
		sum, here := -rx*lT, 1.0
		lnStay, dA, dB := stayed(l.A, l.B, k)
		if k > 0 {
			bk, lX := l.B+float64(k-1), math.Log(l.Alpha+w.TX)
			sum, here = logAddExp(sum, math.Log(l.A)-math.Log(bk)-rx*lX)
			left := 1 - here
			g[0] = -left * lX
			g[1] = -left * rx / (l.Alpha + w.TX)
			dA += left / l.A
			dB -= left / bk
		}
		g[0] = l.R * (g[0] + gr.d[w.X] + lnAlpha - here*lT)
		g[1] = l.Alpha * (g[1] + l.R/l.Alpha - here*rx/(l.Alpha+w.T))
		g[2], g[3] = l.A*dA, l.B*dB
		return base + lnStay + sum
	case ParetoNBD:
		lB := math.Log(l.Beta + w.T)
		in := goneRule.at(rx, l.Alpha, l.S, l.Beta, w.TX, w.T)
		sum, here := logAddExp(-rx*lT-l.S*lB, math.Log(l.S)+in.ln)
		left := 1 - here
		g[0] = l.R * (gr.d[w.X] + lnAlpha - here*lT - left*in.lnA)
		g[1] = l.Alpha * (l.R/l.Alpha - rx*(here/(l.Alpha+w.T)+left*in.invA))
		g[2] = l.S * (math.Log(l.Beta) - here*lB + left*(1/l.S-in.lnB))
		g[3] = l.Beta * (l.S/l.Beta - here*l.S/(l.Beta+w.T) - left*(l.S+1)*in.invB)
		return base + l.S*math.Log(l.Beta) + sum
	}
	g[0] = l.R * (gr.d[w.X] + lnAlpha - lT)
	g[1] = l.R - l.Alpha*rx/(l.Alpha+w.T)
	return base - rx*lT
}

// stayed is the logarithm of the chance not to leave k times in a row,
// Gamma(b+k) Gamma(a+b) / (Gamma(b) Gamma(a+b+k)), and its derivatives by a and b.
func stayed(a, b float64, k int) (ln, dA, dB float64) {
	if k > 50 {
		up := func(c float64) (ln, d float64) {
			hi, _ := math.Lgamma(c + float64(k))
			lo, _ := math.Lgamma(c)
			return hi - lo, mathext.Digamma(c+float64(k)) - mathext.Digamma(c)
		}
		lnB, dB := up(b)
		lnAB, dAB := up(a + b)
		return lnB - lnAB, -dAB, dB - dAB
	}
	for j := range k {
		bj, abj := b+float64(j), a+b+float64(j)
		ln += math.Log1p(-a / abj)
		dA -= 1 / abj
		dB += 1/bj - 1/abj
	}
	return ln, dA, dB
}
