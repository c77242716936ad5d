package ltv

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize"
)

// logLikelihood is a log-likelihood at parameters v, all positive; it sets grad
// to the derivative by each.
type logLikelihood func(v, grad []float64) float64

// optimum is where a likelihood is highest. relSE are the standard errors of the
// logarithms of the parameters, nil where the likelihood does not curve down in
// every direction (a boundary or a ridge). cov is the covariance of the
// logarithms, held within bounds there.
type optimum struct {
	v     []float64
	ll    float64
	relSE []float64
	cov   [][]float64
}

var errNoConvergence = errors.New("the likelihood has no maximum that could be found")

// logBound keeps the logarithms of parameters, relative to the start, where the
// likelihoods can be computed.
const logBound = 16

// maximise finds the highest likelihood of n customers over the logarithms of
// the parameters by BFGS, which gets near from anywhere, then by Newton steps,
// which get there. It is done when the next Newton
// step would raise the log-likelihood by less than 1e-7.
func maximise(f logLikelihood, start []float64, n float64) (optimum, error) {
	k := len(start)
	v, origin := make([]float64, k), make([]float64, k)
	for i := range start {
		origin[i] = math.Log(start[i])
	}
	// eval is the total and its gradient by the logarithms.
	eval := func(x, grad []float64) float64 {
		for i := range x {
			if !(math.Abs(x[i]-origin[i]) <= logBound) {
				return math.Inf(-1)
			}
			v[i] = math.Exp(x[i])
		}
		ll := f(v, grad)
		for i := range grad {
			grad[i] *= v[i]
		}
		return ll
	}
	return newton(eval, bfgs(eval, origin, n), n)
}

// newton climbs from x to where the next step would gain nothing.
func newton(eval logLikelihood, x []float64, n float64) (optimum, error) {
	k := len(x)
	grad := make([]float64, k)
	ll := eval(x, grad)
	for steps := 0; ; steps++ {
		if math.IsNaN(ll) || math.IsInf(ll, 0) {
			return optimum{}, errNoConvergence
		}
		h := information(eval, x)
		var chol mat.Cholesky
		var step mat.VecDense
		var covariance mat.SymDense
		if steps == mostSteps || !chol.Factorize(h) || chol.Cond() > 1e12 ||
			errors.Join(chol.SolveVecTo(&step, mat.NewVecDense(k, grad)), chol.InverseTo(&covariance)) != nil {
			return flat(x, grad, h, ll, n)
		}
		if gain := mat.Dot(&step, mat.NewVecDense(k, grad)) / 2; gain < 1e-7 {
			if se := identified(&covariance); se != nil {
				return optimum{exps(x), ll, se, square(&covariance)}, nil
			}
			return flat(x, grad, h, ll, n)
		}
		next, l := stepUp(eval, x, step.RawVector().Data, ll, grad)
		if next == nil {
			return flat(x, grad, h, ll, n)
		}
		x, ll = next, l
	}
}

// mostSteps of newton's are taken.
const mostSteps = 40

// stepUp goes as far along step as does not lose likelihood, and sets grad there;
// nil where that is nowhere.
func stepUp(eval logLikelihood, x, step []float64, ll float64, grad []float64) ([]float64, float64) {
	next, nextGrad := make([]float64, len(x)), make([]float64, len(x))
	for scale := 1.0; scale > 1e-6; scale /= 4 {
		for i := range next {
			next[i] = x[i] + scale*step[i]
		}
		if l := eval(next, nextGrad); l >= ll {
			copy(grad, nextGrad)
			return next, l
		}
	}
	return nil, ll
}

// identified returns the standard errors of the logarithms, or nil where one is
// so large that the parameter may be anything within a factor of e^3.
func identified(covariance mat.Symmetric) []float64 {
	var se []float64
	for i := range covariance.SymmetricDim() {
		if se = append(se, math.Sqrt(covariance.At(i, i))); !(se[i] < 3) {
			return nil
		}
	}
	return se
}

// flat accepts a point from which the likelihood hardly rises: each customer
// would gain less than 1e-5 for a factor e in a parameter. h is the information there.
func flat(x, grad []float64, h *mat.SymDense, ll, n float64) (optimum, error) {
	for _, g := range grad {
		if !(math.Abs(g) < 1e-5*n) {
			return optimum{}, errNoConvergence
		}
	}
	return optimum{v: exps(x), ll: ll, cov: bounded(h)}, nil
}

// ridgeSpread is how far the logarithm of a parameter is taken to reach along a
// ridge, as a standard deviation: along it forecasts hardly change.
const ridgeSpread = 1.0

// bounded inverts an information that says nothing, or less than nothing, in some
// directions. There it takes ridgeSpread; nil where there is no spectrum.
func bounded(h *mat.SymDense) [][]float64 {
	k := h.SymmetricDim()
	for i := range k {
		for j := range k {
			if v := h.At(i, j); math.IsNaN(v) || math.IsInf(v, 0) {
				return nil
			}
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(h, true) {
		return nil
	}
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	cov := mat.NewSymDense(k, nil)
	for e, precision := range eigen.Values(nil) {
		variance := 1 / max(precision, 1/(ridgeSpread*ridgeSpread))
		cov.SymRankOne(cov, variance, vectors.ColView(e))
	}
	return square(cov)
}

func square(m mat.Symmetric) [][]float64 {
	out := make([][]float64, m.SymmetricDim())
	for i := range out {
		for j := range out {
			out[i] = append(out[i], m.At(i, j))
		}
	}
	return out
}

func exps(x []float64) []float64 {
	v := make([]float64, len(x))
	for i := range x {
		v[i] = math.Exp(x[i])
	}
	return v
}

// bfgs returns the best point it came to, whether or not it was satisfied.
func bfgs(eval logLikelihood, start []float64, n float64) []float64 {
	k := len(start)
	at, grad, value := make([]float64, k), make([]float64, k), math.NaN()
	both := func(x []float64) float64 { // the optimiser asks for both at the same point
		same := !math.IsNaN(value)
		for i := range x {
			same = same && x[i] == at[i]
		}
		if !same {
			copy(at, x)
			value = -eval(x, grad) / n
			if math.IsNaN(value) {
				value = math.Inf(1)
			}
		}
		return value
	}
	p := optimize.Problem{Func: both, Grad: func(g, x []float64) {
		both(x)
		for i := range g {
			g[i] = -grad[i] / n
		}
	}}
	res, err := optimize.Minimize(p, start, &optimize.Settings{GradientThreshold: 1e-7, MajorIterations: 150}, &optimize.BFGS{})
	if res == nil || err != nil && len(res.X) != k {
		return start
	}
	return res.X
}

// information is the observed information: minus the second derivatives of the
// log-likelihood by the logarithms of the parameters, from central differences
// of its gradient.
func information(eval logLikelihood, x []float64) *mat.SymDense {
	const step = 1e-4
	k := len(x)
	raw := mat.NewDense(k, k, nil)
	up, down, moved := make([]float64, k), make([]float64, k), make([]float64, k)
	for i := range k {
		copy(moved, x)
		moved[i] = x[i] + step
		eval(moved, up)
		moved[i] = x[i] - step
		eval(moved, down)
		for j := range k {
			raw.Set(i, j, (down[j]-up[j])/(2*step))
		}
	}
	h := mat.NewSymDense(k, nil)
	for i := range k {
		for j := i; j < k; j++ {
			h.SetSym(i, j, (raw.At(i, j)+raw.At(j, i))/2)
		}
	}
	return h
}

// OrderFit is a fitted model of how often customers order. SE are standard
// errors by parameter name, from the observed information; empty where the
// likelihood has a boundary or a ridge instead of a peak. LogCov is the
// covariance of the logarithms of the parameters in the order of Model.Names:
// Cov(theta)_ij = theta_i theta_j LogCov_ij, both sides of the Jacobian. The
// effects of Covariates follow the parameters in it, themselves and not their
// logarithms.
type OrderFit struct {
	Law
	SE            map[string]float64 `json:"se"`
	LogCov        [][]float64        `json:"log_covariance,omitempty"`
	Covariates    *CovariateFit      `json:"covariates,omitempty"`
	LogLikelihood float64            `json:"log_likelihood"`
	Customers     int                `json:"customers"`
	RepeatBuyers  int                `json:"repeat_buyers"`
	Warnings      []string           `json:"warnings,omitempty"`
}

// Least data for a fit at all, and for one without a warning.
const (
	minCustomers, fewCustomers = 30, 100
	minRepeats, fewRepeats     = 10, 30
)

type shape struct {
	customers, repeats, orders float64
	maxX                       int
	meanT                      float64
}

func shapeOf(rows []Row) (s shape) {
	for _, r := range rows {
		s.customers += r.N
		s.orders += r.N * float64(r.X)
		s.maxX = max(s.maxX, r.X)
		s.meanT += r.N * r.T
		if r.X > 0 {
			s.repeats += r.N
		}
	}
	s.meanT /= s.customers
	return s
}

// FitOrders fits a model to rows, by maximum likelihood. Where the data say
// that nobody ever leaves, models with departure have their maximum at the
// boundary; the answer is then the NBD, with a warning. The error is a *Refused
// where the data cannot carry a fit.
func FitOrders(m Model, rows []Row) (*OrderFit, error) {
	o, err := newOrderFits(rows)
	if err != nil {
		return nil, err
	}
	return o.fit(m)
}

// orderFits fits models to the same rows. What all of them need is made once: the
// lattice, and the NBD, which is each other model's limit, so that no fit may be worse.
type orderFits struct {
	grid *lattice
	s    shape
	nbd  *OrderFit
}

func newOrderFits(rows []Row) (*orderFits, error) {
	s := shapeOf(rows)
	switch {
	case s.customers < minCustomers:
		return nil, &Refused{fmt.Sprintf("%.0f customers are too few to fit a model; it takes at least %d", s.customers, minCustomers)}
	case s.repeats < minRepeats:
		return nil, &Refused{fmt.Sprintf("%.0f customers with a repeat order are too few to fit a model; it takes at least %d", s.repeats, minRepeats)}
	case !(s.meanT > 0):
		return nil, &Refused{"all customers are new on the last day; there is no time to learn from"}
	}
	grid := newLattice(rows)
	nbd, err := NBD.fit(grid, s, []float64{0.5, 0.5 * s.meanT * s.customers / s.orders})
	if err != nil {
		return nil, &Refused{"the NBD has no maximum on these data: every customer seems to order at the same rate"}
	}
	return &orderFits{grid, s, nbd}, nil
}

// fitted is what came of fitting a model.
type fitted struct {
	model Model
	fit   *OrderFit
	err   error
}

// all fits the candidates side by side, since the sums of one leave processors idle
// between them.
func (o *orderFits) all() (out [len(candidates)]fitted) {
	parallel(len(out), func(i int) {
		out[i].model = candidates[i]
		out[i].fit, out[i].err = o.fit(candidates[i])
	})
	return out
}

func (o *orderFits) fit(m Model) (*OrderFit, error) {
	s, nbd := o.s, *o.nbd // warnings are each model's own
	best := &nbd
	if m != NBD {
		var err error
		if best, err = m.fitFrom(o.grid, s, &nbd); err != nil {
			return nil, err
		}
	}
	if len(best.SE) == 0 {
		best.Warnings = append(best.Warnings, best.Model.Title()+"'s likelihood is flat at its highest point (customers hardly differ): forecasts hold, but single parameters mean little and have no standard errors")
	}
	if s.customers < fewCustomers || s.repeats < fewRepeats {
		best.Warnings = append(best.Warnings, fmt.Sprintf("only %.0f customers, %.0f with a repeat order: take the figures as rough", s.customers, s.repeats))
	}
	return best, nil
}

// How much of log-likelihood over the NBD is none, and how much is what chance
// gives one time in twenty (half the 90 % point of chi-squared with one degree
// of freedom: the NBD is at the edge).
const (
	atBoundary     = 1e-3
	insignificance = 1.353
)

// fitFrom tries starts until one leads above the NBD.
func (m Model) fitFrom(grid *lattice, s shape, nbd *OrderFit) (*OrderFit, error) {
	r := min(nbd.R, 5) // where rates hardly differ r has no upper end to start from
	alpha := nbd.Alpha * r / nbd.R
	starts := [][]float64{{r, alpha, 0.8, 2.5}, {r, alpha, 0.1, 2}, {r, alpha, 3, 10}}
	if m == ParetoNBD {
		starts = [][]float64{{r, alpha, 0.6, s.meanT / 3}, {r, alpha, 0.1, s.meanT}, {r, alpha, 2, 4 * s.meanT}}
	}
	var best *OrderFit
	for _, start := range starts {
		f, err := m.fit(grid, s, start)
		if err == nil && (best == nil || f.LogLikelihood > best.LogLikelihood) {
			best = f
		}
		if best != nil && best.LogLikelihood > nbd.LogLikelihood+atBoundary {
			break
		}
	}
	if best == nil {
		return nil, &Refused{m.Title() + " does not converge on these data; try another model"}
	}
	gain := best.LogLikelihood - nbd.LogLikelihood
	if gain <= atBoundary {
		nbd.Warnings = append(nbd.Warnings, "nobody seems to leave: "+m.Title()+" has its maximum at the boundary, so the answer is the NBD's")
		return nbd, nil
	}
	if gain < insignificance {
		best.Warnings = append(best.Warnings, "hardly anybody seems to leave: "+m.Title()+" does not fit better than the NBD by more than chance")
	}
	return best, nil
}

func (m Model) fit(grid *lattice, s shape, start []float64) (*OrderFit, error) {
	o, err := maximise(func(v, grad []float64) float64 { return grid.logLik(m, v, grad) }, start, s.customers)
	if err != nil {
		return nil, err
	}
	f := &OrderFit{Law: Law{Model: m, Params: m.unpack(o.v)}, LogLikelihood: o.ll, SE: map[string]float64{}, LogCov: o.cov,
		Customers: int(s.customers), RepeatBuyers: int(s.repeats)}
	for i, rel := range o.relSE {
		f.SE[m.Names()[i]] = rel * o.v[i]
	}
	return f, nil
}
