package ltv

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mathext"
)

var models = []Model{NBD, BGNBD, MBGNBD, ParetoNBD}

var testRows = []Row{{0, 0, 39, 1}, {1, 0.2, 39, 1}, {2, 30.43, 38.86, 1}, {29, 36.1, 37, 1}, {3, 5, 5, 1}, {0, 0, 0, 1}, {1, 1e-3, 1e4, 1}, {350, 360, 365, 1}}

// Parameters a likelihood can meet on its way to the maximum.
func testParams(m Model) [][]float64 {
	if m == NBD {
		return [][]float64{{.4, 12}, {1e-3, 1e3}, {50, 1e-2}}
	}
	return [][]float64{{.55, 10.6, .6, 11.7}, {.25, 4.4, .8, 2.4}, {.3, 2, .2, .3}, {2, .5, 1, 100}, {.5, 20, 3, 20.0001}, {5, 1e-3, 1e-4, 1e3}, {1e-2, 300, 8, 1e-2}, {1, 7, 1, 7}}
}

// rowLik is the log-likelihood of one customer at the parameters v; it sets g to the
// derivative by each of them.
func rowLik(m Model, v []float64, r Row, g *[4]float64) float64 {
	law := Law{m, m.unpack(v)}
	*g = [4]float64{}
	ll := law.logLik(&r, newRising(law.R, r.X), g)
	for i := range m.Names() {
		g[i] /= v[i]
	}
	return ll
}

func TestGradients(t *testing.T) {
	t.Parallel()
	for _, m := range models {
		for _, v := range testParams(m) {
			for _, row := range testRows {
				var g, none [4]float64
				r := row
				rowLik(m, v, r, &g)
				for i := range v {
					h := 1e-5 * v[i]
					up, down := append([]float64{}, v...), append([]float64{}, v...)
					up[i], down[i] = v[i]+h, v[i]-h
					want := (rowLik(m, up, r, &none) - rowLik(m, down, r, &none)) / (2 * h) * v[i]
					if got := g[i] * v[i]; !(math.Abs(got-want) <= 1e-4*max(1, math.Abs(want))) {
						t.Errorf("%s at %v, row %v: derivative by log %s is %g, finite difference %g", m, v, r, m.Names()[i], got, want)
					}
				}
			}
		}
	}
}

func TestSpendGradient(t *testing.T) {
	t.Parallel()
	rows := []SpendRow{{1, 20, 1}, {1, 35, 2}, {2, 17.3, 1}, {40, 1200, 3}}
	sums := sumSpend(rows)
	for _, v := range [][]float64{{6, 3.7, 15}, {.5, 1.1, 200}, {90, .3, 1}} {
		g, none := make([]float64, 3), make([]float64, 3)
		spendLogLik(sums, v, g)
		for i := range v {
			h := 1e-5 * v[i]
			up, down := append([]float64{}, v...), append([]float64{}, v...)
			up[i], down[i] = v[i]+h, v[i]-h
			near(t, "derivative", g[i], (spendLogLik(sums, up, none)-spendLogLik(sums, down, none))/(2*h), 1e-6)
		}
	}
}

// The quadrature against the closed form of note 009, equations (18) to (20),
// with Gauss's function, where that can be computed.
func TestParetoLikelihoodAgainstClosedForm(t *testing.T) {
	t.Parallel()
	h := func(r, alpha, s, beta, x, u float64) float64 {
		w, q := r+s+x, s+1
		if alpha < beta {
			q = r + x
		}
		z := math.Abs(alpha-beta) / (max(alpha, beta) + u)
		return math.Pow(1-z, 1-q) * mathext.Hypergeo(1, w+1-q, w+1, z) * math.Pow(max(alpha, beta)+u, -w)
	}
	for _, v := range [][]float64{{.55, 10.6, .6, 11.7}, {.7, 12, .5, 9}, {1.3, 5, 2.2, 8}} {
		r, alpha, s, beta := v[0], v[1], v[2], v[3]
		for _, row := range []Row{{0, 0, 39, 1}, {2, 30.43, 38.86, 1}, {7, 11, 30, 1}} {
			x := float64(row.X)
			lg := func(x float64) float64 { l, _ := math.Lgamma(x); return l }
			want := lg(r+x) - lg(r) + r*math.Log(alpha) + s*math.Log(beta) +
				math.Log(math.Pow(alpha+row.T, -r-x)*math.Pow(beta+row.T, -s)+s/(r+s+x)*(h(r, alpha, s, beta, x, row.TX)-h(r, alpha, s, beta, x, row.T)))
			var g [4]float64
			near(t, fmt.Sprint(v, row), rowLik(ParetoNBD, v, row, &g), want, 1e-11)
		}
	}
}

// Equation (10) of Fader, Hardie and Lee 2005 as printed.
func TestBGOrdersAgainstPrintedFormula(t *testing.T) {
	t.Parallel()
	for _, p := range []Params{{R: .243, Alpha: 4.414, A: .793, B: 2.426}, {R: 1.7, Alpha: 9, A: 2.5, B: 1.2}} {
		l := Law{BGNBD, p}
		for _, row := range []Row{{1, 3, 20, 1}, {2, 30.43, 38.86, 1}, {9, 20, 21, 1}} {
			o, x := l.Outlook(row.X, row.TX, row.T), float64(row.X)
			for _, ahead := range []float64{1, 13, 52} {
				c, s := p.A+p.B+x-1, p.Alpha+row.T
				want := o.PAlive() * c / (p.A - 1) * (1 - math.Pow(s/(s+ahead), p.R+x)*mathext.Hypergeo(p.R+x, p.B+x, c, ahead/(s+ahead)))
				near(t, fmt.Sprint(p, row, ahead), o.Orders(ahead), want, 1e-9)
			}
		}
	}
}

// What a new customer is expected to order: equation (9) of Fader, Hardie and Lee
// 2005, its counterpart for MBG/NBD, equation (27) of note 009 for Pareto/NBD, and
// r t / alpha where nobody leaves.
func TestNewCustomersAgainstPrintedFormulas(t *testing.T) {
	t.Parallel()
	for _, p := range []Params{{R: .243, Alpha: 4.414, A: .793, B: 2.426, S: .606, Beta: 11.67}, {R: 1.7, Alpha: 9, A: 2.5, B: 1.2, S: 2.3, Beta: 30}} {
		for _, at := range []float64{0.5, 13, 52} {
			z, q := at/(p.Alpha+at), math.Pow(p.Alpha/(p.Alpha+at), p.R)
			for m, want := range map[Model]float64{
				NBD:       p.R * at / p.Alpha,
				BGNBD:     (p.A + p.B - 1) / (p.A - 1) * (1 - q*mathext.Hypergeo(p.R, p.B, p.A+p.B-1, z)),
				MBGNBD:    p.B / (p.A - 1) * (1 - q*mathext.Hypergeo(p.R, p.B+1, p.A+p.B, z)),
				ParetoNBD: p.R * p.Beta / (p.Alpha * (p.S - 1)) * (1 - math.Pow(p.Beta/(p.Beta+at), p.S-1)),
			} {
				near(t, fmt.Sprint(m, p, at), Law{m, p}.NewCustomer().Orders(at), want, 1e-9)
			}
		}
	}
}

// Conditional expectations of MBG/NBD, by Euler's transformation of Gauss's
// function, and of Pareto/NBD, equation (41) of note 009 with p(alive) of equations
// (36) and (37).
func TestConditionalOrdersAgainstPrintedFormulas(t *testing.T) {
	t.Parallel()
	p := Params{R: .525, Alpha: 6.183, A: .891, B: 1.614, S: .606, Beta: 11.67}
	for _, row := range []Row{{0, 0, 39, 1}, {2, 30.43, 38.86, 1}, {9, 20, 21, 1}} {
		x := float64(row.X)
		for _, at := range []float64{1, 13, 52} {
			mbg := Law{MBGNBD, p}.Outlook(row.X, row.TX, row.T)
			alive := 1 / (1 + p.A/(p.B+x)*math.Pow((p.Alpha+row.T)/(p.Alpha+row.TX), p.R+x))
			z := at / (p.Alpha + row.T + at)
			want := alive * (p.A + p.B + x) / (p.A - 1) * (1 - math.Pow(1-z, p.R+x)*mathext.Hypergeo(p.R+x, p.B+x+1, p.A+p.B+x, z))
			near(t, fmt.Sprint("MBG ", row, at), mbg.Orders(at), want, 1e-8)
			near(t, "MBG p(alive)", mbg.PAlive(), alive, 1e-12)

			pareto := Law{ParetoNBD, p}.Outlook(row.X, row.TX, row.T)
			var g [4]float64
			lnL := rowLik(ParetoNBD, []float64{p.R, p.Alpha, p.S, p.Beta}, row, &g)
			lg := func(v float64) float64 { l, _ := math.Lgamma(v); return l }
			alive = math.Exp(lg(p.R+x) - lg(p.R) + p.R*math.Log(p.Alpha/(p.Alpha+row.T)) - x*math.Log(p.Alpha+row.T) + p.S*math.Log(p.Beta/(p.Beta+row.T)) - lnL)
			want = alive * (p.R + x) * (p.Beta + row.T) / ((p.Alpha + row.T) * (p.S - 1)) * (1 - math.Pow((p.Beta+row.T)/(p.Beta+row.T+at), p.S-1))
			near(t, "Pareto p(alive)", pareto.PAlive(), alive, 1e-9)
			near(t, fmt.Sprint("Pareto ", row, at), pareto.Orders(at), want, 1e-9)
		}
	}
}

// The distribution of counts and their expectation are computed in unrelated
// ways; they have to agree.
func TestCountsAgreeWithOrders(t *testing.T) {
	t.Parallel()
	for _, m := range models {
		p := Params{R: .5, Alpha: 8, A: .7, B: 1.9, S: .8, Beta: 12}
		for _, row := range []Row{{0, 0, 0, 1}, {0, 0, 39, 1}, {1, 3, 30, 1}, {12, 35, 39, 1}} {
			for _, ahead := range []float64{0.5, 26, 80} {
				o := Law{m, p}.Outlook(row.X, row.TX, row.T)
				var sum, mean float64
				for n, q := range o.counts(ahead, 1e-5) {
					sum += q
					mean += float64(n) * q
				}
				near(t, fmt.Sprint(m, row, ahead, " sum"), sum, 1, 2e-5)
				near(t, fmt.Sprint(m, row, ahead, " mean"), mean, o.Orders(ahead), 2e-3)
			}
		}
	}
}

// Where the published formulas divide by nothing or overflow, the result has
// still to be a number, rise with time and stay below that of one who stays.
func TestOrdersInTheTraps(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	value := func() float64 { return math.Exp(rnd.Float64()*14 - 8) }
	for range 3000 {
		p := Params{R: value(), Alpha: value(), A: value(), B: value(), S: value(), Beta: value()}
		switch rnd.IntN(4) {
		case 0:
			p.A, p.S = 1, 1
		case 1:
			p.A, p.B = 0.2, 0.3 // a + b < 1
		}
		x := []int{0, 1, 7, 400}[rnd.IntN(4)]
		tx, ahead := 0.0, value()
		if x > 0 {
			tx = value()
		}
		age := tx + value()
		for _, m := range models {
			o := Law{m, p}.Outlook(x, tx, age)
			if a := o.PAlive(); !(a >= 0 && a <= 1) {
				t.Fatalf("%s %+v x=%d tx=%g T=%g: p(alive) %g", m, p, x, tx, age, a)
			}
			less, more := o.Orders(ahead), o.Orders(2*ahead)
			if !(less >= 0) || !(more >= less*(1-1e-6)-1e-12) || math.IsInf(more, 0) {
				t.Fatalf("%s %+v x=%d tx=%g T=%g: %g orders in %g, %g in twice that", m, p, x, tx, age, less, ahead, more)
			}
		}
	}
}

func TestOrdersAreSmoothWhereTheFormulaDividesByZero(t *testing.T) {
	t.Parallel()
	at := func(a float64) float64 {
		return Law{BGNBD, Params{R: .3, Alpha: 5, A: a, B: 2}}.Outlook(2, 10, 30).Orders(40)
	}
	near(t, "a = 1", at(1), (at(1-1e-5)+at(1+1e-5))/2, 1e-9)
	near(t, "a just above 1", at(1+1e-13), at(1), 1e-11)
}

// The series and the quadrature are two ways to the same number; they meet where
// one takes over from the other.
func TestSeriesMeetsQuadrature(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		p     Params
		ahead float64
	}{{Params{R: .3, Alpha: 5, A: 50, B: 4}, 40}, {Params{R: .3, Alpha: 5, A: .2, B: .3}, 3465}, {Params{R: 6.2, Alpha: 50, A: .7, B: 2.5}, 40}} {
		for _, x := range []int{0, 1, 3} {
			o := Law{BGNBD, c.p}.Outlook(x, 10*float64(min(x, 1)), 30)
			other := o
			lo, hi := c.ahead*(1-1e-9), c.ahead*(1+1e-9)
			other.law.A = math.Nextafter(c.p.A, 100)
			near(t, fmt.Sprint(c, x), o.bgOrders(lo), other.bgOrders(hi), 1e-7)
			direct := betaMean(c.p.A, o.stay, math.Log1p(o.shape*lo/o.scale), func(p float64) float64 {
				return -math.Expm1(-o.shape*math.Log1p(p*lo/o.scale)) / p
			})
			near(t, fmt.Sprint(c, x, " direct"), o.bgOrders(lo), direct, 1e-9)
		}
	}
}

func TestGammaRatio(t *testing.T) {
	t.Parallel()
	for _, k := range []float64{1.5, 6, 40, 300} {
		for _, q := range []float64{1.2, 3.7, 60} {
			for _, y := range []float64{0.01, 0.3, 1, 4, 30} {
				at := y * k / q
				want := mathext.RegIncBeta(k, q, at/(1+at))
				c := (&Spend{P: k, Q: q}).total([]float64{0, 1}, 0, 0, 0)
				if got := c.cdf(at); math.Abs(got-want) > 0.01 {
					t.Errorf("k=%g q=%g y=%g: %g, want %g", k, q, at, got, want)
				}
			}
		}
	}
}

func TestDiscountedAgainstSmallSteps(t *testing.T) {
	t.Parallel()
	term := NewTerm(365, 0.1, 7)
	for _, m := range models {
		o := Law{m, Params{R: .24, Alpha: 4.4, A: .8, B: 2.4, S: .6, Beta: 11}}.Outlook(3, 25, 30)
		var want float64
		const steps = 20000
		dt := term.Horizon / steps
		for i := range steps {
			at := (float64(i) + 0.5) * dt
			want += math.Exp(-term.Rate*at) * (o.Orders(at+dt/2) - o.Orders(at-dt/2))
		}
		near(t, string(m), o.Discounted(term), want, 1e-6)
	}
}

// The convention of the package lifetimes: periods of 30 days, discounted at their
// ends at a monthly rate. It values a year by about half a month's discount less
// than each order from its own day, and agrees when its periods grow short.
func TestDiscountingAtPeriodEnds(t *testing.T) {
	t.Parallel()
	o := Law{BGNBD, Params{R: .243, Alpha: 4.414 * 7, A: .793, B: 2.426}}.Outlook(2, 213, 272)
	const annual = 0.1
	periods := func(length float64) (sum float64) {
		for k := 1.0; k*length <= 360; k++ {
			sum += (o.Orders(k*length) - o.Orders((k-1)*length)) * math.Pow(1+annual, -k*length/365)
		}
		return sum
	}
	ours := o.Discounted(NewTerm(360, annual, 1))
	near(t, "30 days", periods(30)/ours, math.Pow(1+annual, -15.0/365), 2e-4)
	near(t, "0.1 days", periods(0.1), ours, 2e-5)
	if !(periods(30) < ours) {
		t.Error("discounting at the end of periods has to value less")
	}
}

func FuzzLikelihoods(f *testing.F) {
	f.Add(0.5, 8.0, 0.7, 1.9, uint16(2), 10.0, 5.0)
	f.Add(1e-9, 1e9, 1e-9, 1e9, uint16(0), 0.0, 0.0)
	f.Add(1e4, 1e-9, 1e4, 1e-9, uint16(900), 1e-9, 1e7)
	f.Add(271408., 95., 57.02, 41.95, uint16(11), 77.5, 234.) // more orders than counts go to
	f.Fuzz(func(t *testing.T, r, alpha, a, b float64, x uint16, tx, rest float64) {
		v := []float64{r, alpha, a, b}
		for _, p := range v {
			if !(p >= 1e-9 && p <= 1e9) {
				t.Skip()
			}
		}
		if !(tx >= 0 && tx <= 1e6 && rest >= 0 && rest <= 1e6) || x > 4000 {
			t.Skip()
		}
		row := Row{int(x), tx, tx + rest, 1}
		if x == 0 {
			row.TX = 0
		}
		for _, m := range models {
			var g [4]float64
			if ll := rowLik(m, v, row, &g); math.IsNaN(ll) || math.IsInf(ll, 0) {
				t.Errorf("%s at %v, row %v: log-likelihood %g", m, v, row, ll)
			}
			for i := range g {
				if math.IsNaN(g[i]) || math.IsInf(g[i], 0) {
					t.Errorf("%s at %v, row %v: derivative %g", m, v, row, g[i])
				}
			}
			spend, law := &Spend{P: r, Q: 1 + a, V: b, Mean: r * b / a}, Law{m, m.unpack(v)}
			w := spend.worthOf(law.Outlook(row.X, row.TX, row.T), row.X, tx, Term{52, 0.002})
			if !(w.Low >= 0 && w.Low <= w.Value && w.Value <= w.High) || math.IsInf(w.High, 0) || !(w.variance >= 0) || math.IsInf(w.variance, 0) {
				t.Errorf("%s at %v, row %v: worth %+v", m, v, row, w)
			}
			if w.Value > 0 && !math.IsInf(w.Value*w.Value, 0) {
				if low, high := sumInterval(w.Value, w.variance, []float64{0.5, 1, 2}); !(low >= 0 && low <= high) || math.IsInf(high, 0) {
					t.Errorf("%s at %v, row %v: %+v in total from %g to %g", m, v, row, w, low, high)
				}
			}
			fuzzCovariates(t, m, law, v, row)
		}
	})
}

// fuzzCovariates wants numbers from a customer with effects of its own.
func fuzzCovariates(t *testing.T, m Model, law Law, v []float64, row Row) {
	t.Helper()
	e := Effects{Orders: []float64{1.5, -2}, Leaving: []float64{0.7, 3}}
	z := []float64{math.Mod(row.T, 30), -math.Mod(row.TX, 20)}
	d := &Design{Names: []string{"x", "y"}, patterns: [][]float64{z}}
	at := m.pack(law.Params)
	for _, effect := range append(append([]float64{}, e.Orders...), e.Leaving...)[:d.effects(m)] {
		at = append(at, math.Exp(effect))
	}
	grad := make([]float64, len(at))
	ll := m.covLogLik([]covRow{{row, 0}}, d, row.X, at, grad)
	for _, g := range append(grad, ll) {
		if math.IsNaN(g) || math.IsInf(g, 0) {
			t.Errorf("%s at %v, row %v with covariates: log-likelihood %g, derivatives %v", m, v, row, ll, grad)
		}
	}
	if a := law.For(e, z).Outlook(row.X, row.TX, row.T); !(a.PAlive() >= 0 && a.PAlive() <= 1) || !(a.Orders(52) >= 0) {
		t.Errorf("%s at %v, row %v with covariates: %g alive, %g orders", m, v, row, a.PAlive(), a.Orders(52))
	}
}
