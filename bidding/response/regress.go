package response

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// What a level depends on, by index of a point.
const (
	byDrift      = iota // days, today being 0
	byWobble            // the rest of ln spend
	byOutOfStock        // conditions beyond the usual ones
	byMarkdown
	byBudget // the part of ln spend that the budget set (steps.go): its slope is the elasticity
	dims
)

// point is where the level is looked at, or how ln value rises along each of these.
type point [dims]float64

func (p point) plus(o point, weight float64) point {
	for i := range p {
		p[i] += weight * o[i]
	}
	return p
}

// along is how much ln value differs between a point and the mean.
func (f *unitFit) along(p point) (sum float64) {
	for i := range p {
		sum += f.slopes[i] * (p[i] - f.mean[i])
	}
	return sum
}

// firstSlopes are what fitting starts from.
var firstSlopes = point{byWobble: priorElasticity, byOutOfStock: outOfStockEffect, byMarkdown: markdownEffect, byBudget: priorElasticity}

// mostStep bounds Newton steps: on an exponential they overshoot from below.
var mostStep = point{byDrift: 0.02, byWobble: 0.5, byOutOfStock: 0.5, byMarkdown: 0.5, byBudget: 0.5}

// slopePrior is what is believed of a slope beforehand, and the variance over its mean
// of the days that it is held against: of sums of days for what stays for days.
func (f *unitFit) slopePrior(slope int) (gauss, float64) {
	switch slope {
	case byDrift: // part of what makes days cluster
		return f.drift, f.phi
	case byWobble:
		return gauss{wobblePrior, wobblePrior * priorElasticity}, f.phi
	case byOutOfStock:
		return outOfStockPrior, f.noise()
	case byMarkdown:
		return markdownPrior, f.noise()
	}
	return f.prior, f.noise()
}

// pastLevel is the level before later changes.
type pastLevel struct {
	ratio float64 // to today's level
	mean  point   // of its rows, weighted by fitted value
}

// now is the reported value of a row that today's level would bring.
func (f *unitFit) now(r *row, dow *[7]float64) float64 {
	return f.level * r.arrived * dow[r.date.Weekday()] * math.Exp(f.along(r.at))
}

// ratio is that of the level of a row's time to today's.
func (f *unitFit) ratio(r *row) float64 {
	if r.later > 0 && r.later < len(f.past) {
		return f.past[r.later].ratio
	}
	return 1
}

// predict is the expected reported value of a row, at the level of its time.
func (f *unitFit) predict(r *row, dow *[7]float64) float64 { return f.now(r, dow) * f.ratio(r) }

// levelWeight is what a row counts for today's level.
func (r *row) levelWeight() float64 {
	if r.later > 0 {
		return r.w * beforeChange
	}
	return r.w
}

// recall fits the levels before the changes, in closed form, with one conversion
// at today's level as a prior each.
func (f *unitFit) recall(dow *[7]float64) {
	f.past = make([]pastLevel, len(f.changes)+1)
	if len(f.changes) == 0 {
		return
	}
	seen, fitted := make([]float64, len(f.past)), make([]float64, len(f.past))
	for k := range f.rows {
		r := &f.rows[k]
		mu := r.w * f.now(r, dow)
		seen[r.later] += r.w * r.y
		fitted[r.later] += mu
		f.past[r.later].mean = f.past[r.later].mean.plus(r.at, mu)
	}
	for k := range f.past {
		f.past[k].ratio = 1
		if fitted[k] > 0 {
			f.past[k].mean = point{}.plus(f.past[k].mean, 1/fitted[k])
			f.past[k].ratio = (seen[k] + f.phi) / (fitted[k] + f.phi)
		}
	}
}

// fit finds the mode by Newton's method (iteratively re-weighted least squares
// with a prior on each coefficient and one conversion at the pool's ROAS as a prior
// on the level).
func (f *unitFit) fit(prior gauss, dow *[7]float64) {
	f.prior = prior
	f.seen, f.fitted = [7]float64{}, [7]float64{}
	if f.poolROAS <= 0 {
		f.level, f.slopes[byBudget] = 0, prior.mean()
		f.infoLevel, f.infoEps = 0, 0
		return
	}
	if f.level == 0 {
		f.level = f.poolROAS * math.Exp(f.mean[byBudget])
	}
	const rounds = 25
	for k := range rounds {
		f.center(dow)
		f.recall(dow)
		moved, info := f.newton(dow)
		if k > 0 && moved < 1e-8 || k == rounds-1 {
			f.conclude(info)
			break
		}
	}
	// The mode lies between the prior's mean and the likelihood's.
	eps := f.slopes[byBudget]
	f.own = eps + f.noise()*(prior.p*eps-prior.h)/max(f.infoEps, math.SmallestNonzeroFloat64)
	f.doubtSplit()
	for k := range f.rows {
		r := &f.rows[k]
		d := r.date.Weekday()
		f.seen[d] += r.w * r.y
		f.fitted[d] += r.w * f.predict(r, dow)
	}
}

// doubtSplit adds to the elasticity's variance what comes of not knowing for sure
// which part of the spend the budgets set: where that part is a share larger, as much
// of the wobble's own effect belongs to it (Murphy and Topel 1985, "Estimation and
// inference in two-step econometric models", for one regressor).
func (f *unitFit) doubtSplit() {
	v := square(f.slopes[byWobble]-f.own) * f.splitVar
	if v <= 0 || f.infoEps <= 0 {
		return
	}
	f.infoEps /= 1 + v*f.infoEps/f.noise()
	p := f.infoEps / f.noise()
	f.slopes[byBudget] = (p*f.own + f.prior.h) / (p + f.prior.p)
}

// noise is the variance over its mean of a sum of days: budgets stay for weeks, and
// what weeks bring varies by more than their days tell.
func (f *unitFit) noise() float64 { return f.phi * f.clustering }

// newton takes a step of Newton's method, shortened where it might overshoot, notes
// the information of level and elasticity, and returns the largest part of a step that
// was taken, and the information of the free slopes.
func (f *unitFit) newton(dow *[7]float64) (moved float64, all *mat.Cholesky) {
	pull := f.phi * f.level / (f.poolROAS * math.Exp(f.mean[byBudget]+f.mean[byWobble])) // fitted value of the prior's conversion
	scoreLevel, infoLevel := f.phi-pull, pull
	n := len(f.free)
	score, info := make([]float64, n), make([]float64, n*n)
	for i, s := range f.free {
		prior, noise := f.slopePrior(s)
		score[i], info[(n+1)*i] = noise*(prior.h-prior.p*f.slopes[s]), noise*prior.p
	}
	for k := range f.rows {
		r := &f.rows[k]
		now := f.now(r, dow)
		mu := r.w * now * f.ratio(r)
		mean := &f.mean
		if r.later > 0 {
			mean = &f.past[r.later].mean
		}
		atNow := r.levelWeight() * now
		scoreLevel += r.levelWeight()*r.y - atNow
		infoLevel += atNow
		for i, s := range f.free {
			x := r.at[s] - mean[s]
			score[i] += (r.w*r.y - mu) * x
			for j, s := range f.free {
				info[n*i+j] += mu * x * (r.at[s] - mean[s])
			}
		}
	}
	all = &mat.Cholesky{}
	if !all.Factorize(mat.NewSymDense(n, info)) {
		return 0, all // rounding alone could do it: the priors keep it positive definite
	}
	var l mat.TriDense
	all.LTo(&l)
	// What slow ups and downs of demand explain as well, and what goes along with it,
	// tells nothing of the elasticity.
	f.infoLevel, f.infoEps = infoLevel, max(square(l.At(n-1, n-1))-f.noise()*f.prior.p, 0)
	step := min(max(scoreLevel/infoLevel, -2), 0.5)
	f.level *= math.Exp(step)
	moved = math.Abs(step)
	for i, to := range solve(all, score) {
		s := f.free[i]
		step := min(max(to, -mostStep[s]), mostStep[s])
		f.slopes[s] += step
		moved = max(moved, math.Abs(step)/mostStep[s])
	}
	return moved, all
}

func solve(a *mat.Cholesky, b []float64) []float64 {
	x := mat.NewVecDense(len(b), nil)
	_ = a.SolveVecTo(x, mat.NewVecDense(len(b), b)) // says when a is badly conditioned, which its scales make it
	return x.RawVector().Data
}

// conclude notes what the days say of the drift, and what the slopes' errors add to the
// level's where conditions are the usual ones.
func (f *unitFit) conclude(info *mat.Cholesky) {
	f.toldDrift, f.usualVar = gauss{}, 0
	n := len(f.free)
	if info.IsEmpty() {
		return
	}
	first, away := make([]float64, n), make([]float64, n)
	first[0] = 1 // the drift
	if v := f.phi * solve(info, first)[0]; v > 0 {
		p := max(1/v-f.drift.p, 0)
		f.toldDrift = gauss{p: p, h: f.slopes[byDrift]/v - f.drift.h}
	}
	for i, s := range f.free {
		if s == byOutOfStock || s == byMarkdown {
			away[i] = f.mean[s]
		}
	}
	for i, v := range solve(info, away) {
		f.usualVar += f.noise() * away[i] * v
	}
}

func square(x float64) float64 { return x * x }

// center moves the means to where the level is uncorrelated with the coefficients:
// those weighted by fitted value.
func (f *unitFit) center(dow *[7]float64) {
	var sum point
	var weight float64
	for k := range f.rows {
		r := &f.rows[k]
		mu := r.levelWeight() * f.now(r, dow)
		sum, weight = sum.plus(r.at, mu), weight+mu
	}
	if weight > 0 {
		mean := point{}.plus(sum, 1/weight)
		f.level *= math.Exp(f.along(mean))
		f.mean = mean
	}
}
