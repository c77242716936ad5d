package ltv

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// Standard errors and covariances against the second differences of the
// likelihood itself, which know nothing of its gradient.
func TestStandardErrors(t *testing.T) {
	t.Parallel()
	histories := cdnow(t, "cdnow_sample.csv").Histories(calibrationEnd)
	rows := Merge(histories, 7)
	spendRows, correlation := spendRows(histories, false)
	spend, err := FitSpend(spendRows, correlation)
	if err != nil {
		t.Fatal(err)
	}
	compare := func(name string, names []string, at []float64, se map[string]float64, cov [][]float64, ll func(v []float64) float64) {
		want := inverseCurvature(t, at, ll)
		for i, n := range names {
			near(t, name+": standard error of "+n, se[n], at[i]*math.Sqrt(want.At(i, i)), 1e-3)
			for j := range names {
				near(t, name+": covariance", cov[i][j], want.At(i, j), 3e-3)
			}
		}
	}
	for _, m := range models {
		f, err := FitOrders(m, rows)
		if err != nil {
			t.Fatal(err)
		}
		grid := newLattice(rows)
		compare(string(m), m.Names(), m.pack(f.Params), f.SE, f.LogCov, func(v []float64) float64 {
			return grid.logLik(m, v, make([]float64, len(v)))
		})
	}
	compare("Gamma-Gamma", []string{"p", "q", "v"}, []float64{spend.P, spend.Q, spend.V}, spend.SE, spend.LogCov, func(v []float64) float64 {
		return spendLogLik(sumSpend(spendRows), v, make([]float64, 3))
	})
}

// inverseCurvature inverts minus the second derivatives by the logarithms.
func inverseCurvature(t *testing.T, at []float64, ll func([]float64) float64) *mat.Dense {
	t.Helper()
	const h = 2e-3
	moved := func(i, j int, si, sj float64) float64 {
		v := append([]float64{}, at...)
		v[i] *= math.Exp(si * h)
		v[j] *= math.Exp(sj * h)
		return ll(v)
	}
	k := len(at)
	curvature, inverse := mat.NewDense(k, k, nil), &mat.Dense{}
	for i := range k {
		for j := range k {
			curvature.Set(i, j, -(moved(i, j, 1, 1)-moved(i, j, 1, -1)-moved(i, j, -1, 1)+moved(i, j, -1, -1))/(4*h*h))
		}
	}
	if err := inverse.Inverse(curvature); err != nil {
		t.Fatal(err)
	}
	return inverse
}

// Draws have the mean and the covariance they are drawn from, and are the same
// for the same seed.
func TestDraws(t *testing.T) {
	t.Parallel()
	o := &OrderFit{Law: Law{BGNBD, Params{R: .24, Alpha: 4.4, A: .8, B: 2.4}},
		LogCov: [][]float64{{.04, .03, 0, 0}, {.03, .09, 0, 0}, {0, 0, .05, .04}, {0, 0, .04, .06}}}
	s := &Spend{P: 6, Q: 3.7, V: 15, Mean: 6 * 15 / 2.7, LogCov: [][]float64{{.01, 0, 0}, {0, .02, .01}, {0, .01, .02}}}
	draws := Draws(o, s, 20000, rand.New(rand.NewPCG(3, 3)))
	var sum, cross [4][4]float64
	var q, qv, vv float64
	for _, d := range draws {
		v := d.Model.pack(d.Params)
		for i, at := range o.Model.pack(o.Params) {
			sum[i][0] += math.Log(v[i] / at)
			for j, bt := range o.Model.pack(o.Params) {
				cross[i][j] += math.Log(v[i]/at) * math.Log(v[j]/bt)
			}
		}
		q += math.Log(d.Spend.Q/s.Q) * math.Log(d.Spend.Q/s.Q)
		qv += math.Log(d.Spend.Q/s.Q) * math.Log(d.Spend.V/s.V)
		vv += math.Log(d.Spend.P/s.P) * math.Log(d.Spend.V/s.V)
		near(t, "mean order", d.Spend.Mean, d.Spend.P*d.Spend.V/(d.Spend.Q-1), 1e-12)
	}
	n := float64(len(draws))
	for i := range 4 {
		if math.Abs(sum[i][0]/n) > 1e-12 {
			t.Errorf("mean of parameter %d is off by %g", i, sum[i][0]/n)
		}
		for j := range 4 {
			if math.Abs(cross[i][j]/n-o.LogCov[i][j]) > 0.003 {
				t.Errorf("covariance %d %d is %g, want %g", i, j, cross[i][j]/n, o.LogCov[i][j])
			}
		}
	}
	if math.Abs(q/n-.02) > 0.001 || math.Abs(qv/n-.01) > 0.001 || math.Abs(vv/n) > 0.001 {
		t.Errorf("spend: %g %g %g", q/n, qv/n, vv/n)
	}
	again := Draws(o, s, 4, rand.New(rand.NewPCG(3, 3)))
	if again[3].Law != draws[3].Law {
		t.Error("the same seed draws something else")
	}
	if d := Draws(&OrderFit{Law: o.Law}, &Spend{Mean: 7}, 3, seeded()); len(d) != 3 || d[2].Law != o.Law || d[2].Spend.Mean != 7 {
		t.Errorf("without a covariance: %+v", d)
	}
}

// From spreadCustomers on the uncertainty of the parameters is left out of a
// customer's interval. There it moves the upper ends by less than one percent.
func TestSpreadIsSmallWhereItIsLeftOut(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: long under the race detector, and others race what it runs; make test runs it without")
	}
	for _, l := range worlds(51) {
		histories, _ := l.shop(spreadCustomers)
		fit, spend := l.fitted(t, histories)
		with := newValuer(fit, spend, nil, true, 1, l.rnd)
		without := with
		without.spread = nil
		a, b := with.each(histories, l.term), without.each(histories, l.term)
		var moved, width float64
		for i := range a {
			moved += math.Abs(a[i].High - b[i].High)
			width += b[i].High
		}
		if len(with.spread) == 0 || !(moved < 0.01*width) {
			t.Errorf("%s: %d draws move the upper ends by %.2f %%", l.law.Model, len(with.spread), 100*moved/width)
		}
		t.Logf("%s: %.3f %%", l.law.Model, 100*moved/width)
	}
}

// Where nobody leaves, the choice is the NBD, and says so; where customers do, it
// is a model in which they do.
func TestAutoKnowsTheBoundary(t *testing.T) {
	t.Parallel()
	for _, leaves := range []bool{false, true} {
		w := newWorld(71)
		if !leaves {
			w.p.A = 0
		}
		a := analyse(t, orderFile(w, 2500, 1), Question{Model: Auto})
		if (a.Model == NBD) == leaves || len(a.Choice) != 4 || a.Why == "" {
			t.Errorf("leaving %v: %s because %q of %+v", leaves, a.Model, a.Why, a.Choice)
		}
		for _, c := range a.Choice {
			if c.AtBoundary && c.Model == NBD || c.Score == nil || !(*c.Score < 0) {
				t.Errorf("%+v", c)
			}
		}
		if !leaves && (a.Params.A != 0 || a.Params.S != 0) {
			t.Errorf("%+v", a.Params)
		}
		t.Log(a.Why)
	}
	c, err := chooseByLikelihood(newWorld(72).build(t, map[string][2]float64{"": {3000, 1}}).rows, "merged")
	if err != nil || c.best == NBD || !strings.Contains(c.why, "highest likelihood") || c.boundary() {
		t.Errorf("%+v, %v", c, err)
	}
}

// With a variance of the mean squared a total is exponential, whose quantiles are
// known; without variance it is its mean times the uncertain factor.
func TestSumInterval(t *testing.T) {
	t.Parallel()
	low, high := sumInterval(100, 1e4, nil)
	near(t, "low of an exponential", low, -100*math.Log(0.9), 1e-4)
	near(t, "high of an exponential", high, -100*math.Log(0.1), 1e-4)
	for _, mean := range []float64{1e-9, 100, 1e12} {
		low, high = sumInterval(mean, 0, nil)
		near(t, "low of a certain sum", low, mean, 1e-3)
		near(t, "high of a certain sum", high, mean, 1e-3)
		low, high = sumInterval(mean, 0, []float64{0.5, 1, 1, 1, 1, 1, 1, 1, 1, 3})
		if !(low <= mean && mean <= high && high <= 3.01*mean) {
			t.Errorf("%g to %g of %g", low, high, mean)
		}
	}
	narrow, wide := func() float64 { l, h := sumInterval(100, 25, []float64{1}); return h - l }(), func() float64 {
		l, h := sumInterval(100, 25, []float64{0.8, 0.9, 1, 1.1, 1.2})
		return h - l
	}()
	near(t, "the width of a nearly normal sum", narrow, 2*1.2816*5, 0.01)
	if !(wide > 2*narrow) {
		t.Errorf("uncertain parameters widen %g to %g only", narrow, wide)
	}
}

// The interval of one customer against draws of the rate, the life and the orders
// of that customer given the history.
func TestIntervalAgainstSimulation(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(12, 12))
	s := &Spend{P: 6.25, Q: 3.74, V: 15.4, Mean: 6.25 * 15.4 / 2.74}
	l := &lives{rnd: rnd}
	law, term := Law{NBD, Params{R: .6, Alpha: 40}}, NewTerm(365, 0, 1)
	for _, x := range []int{0, 1, 4, 30} {
		w := s.worthOf(law.Outlook(x, 150, 200), x+1, 40, term)
		const n = 40000
		var held, zero float64
		for range n {
			orders := 0
			for at, rate := 0.0, l.gamma(.6+float64(x), 240); ; orders++ {
				if at += rnd.ExpFloat64() / rate; at > 365 {
					break
				}
			}
			value := 0.0
			if orders == 0 {
				zero++
			} else {
				value = l.gamma(s.P*float64(orders), l.gamma(s.Q+s.P*float64(x+1), s.V+40*float64(x+1)))
			}
			if w.Low <= value && value <= w.High {
				held++
			}
		}
		if share := held / n; math.Abs(share-0.8) > 0.01 || (zero/n >= beyond) != (w.Low == 0) {
			t.Errorf("x = %d: %.4f in %+v, %.4f bring nothing", x, share, w, zero/n)
		}
	}
}
