package response

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"

	"adsteward/internal/civil"
)

// row is one usable day of a unit.
type row struct {
	date    civil.Date
	x       float64 // ln spend
	set     float64 // the part of x that the budget set; see steps.go
	t       float64 // days, today being 0
	y       float64 // value reported so far
	arrived float64 // F(age)
	w       float64 // weight by age; the weights add up to Kish's effective number of days
	spell   bool    // on it all units were up or down at once
	later   int     // changes of the level after it
}

// unitFit is the regression of one unit.
type unitFit struct {
	Unit
	rows                      []row
	left                      int          // days left out for outages
	odd                       []civil.Date // days left out for reporting far too much
	value, spend, conversions float64      // lag-corrected totals of the rows
	poolROAS                  float64

	// The fit: R = level * exp(eps (set-set0) + wobble (x-set-wobble0) + drift (t-t0)),
	// with information (in units of 1/phi) about ln level, which is uncorrelated with
	// the others at those means, and about eps whatever wobble and drift are.
	mean                      point
	level, eps, wobble, drift float64
	infoLevel, infoEps        float64 // infoEps: the likelihood's part
	steps                     int     // changes of its budget between its rows
	splitVar                  float64 // relative variance of how much of those changes was spent
	own                       float64 // the likelihood's mode of eps
	phi                       float64
	clustering                float64 // how much wider sums of neighbouring days vary than phi says
	prior                     gauss   // of the elasticity
	simulated                 gauss   // what the platform's simulation says of it
	changes                   []Change
	past                      []pastLevel // by changes since then, from 1
	steady                    *path       // while changes are looked for

	seen, fitted      [7]float64 // by day of the week
	chi, df           float64    // Pearson's statistic
	blockChi, blockDF float64
}

func newUnitFit(u Unit, in Input, down func(civil.Date) bool) unitFit {
	f := unitFit{Unit: u, eps: priorElasticity, wobble: priorElasticity, clustering: 1}
	lag := in.lag(u.Platform)
	usual := usualDay(u.Days)
	var sum, squares float64
	var budgets []float64
	for _, d := range u.Days {
		age := in.Today.Sub(d.Date)
		if age < 1 || mostlyOff(d, usual) {
			continue
		}
		if down(d.Date) {
			f.left++
			continue
		}
		r := row{date: d.Date, x: math.Log(d.Spend), t: -float64(age), y: d.Value, arrived: lag.At(age), w: decay(age)}
		f.rows, budgets = append(f.rows, r), append(budgets, d.Budget)
		sum, squares = sum+r.w, squares+r.w*r.w
		f.value += d.Value / r.arrived
		f.conversions += d.Conversions / r.arrived
		f.spend += d.Spend
	}
	for k := range f.rows {
		f.rows[k].w *= sum / squares
	}
	f.explainSpend(budgets)
	f.simulated = simulation(u.Simulated, recentSpend(f.rows))
	// Start where the average day is.
	switch n := float64(len(f.rows)); {
	case n > 0:
		f.mean.set = math.Log(f.spend / n)
	case u.Budget > 0:
		f.mean.set = math.Log(u.Budget)
	}
	return f
}

// usualDay is the median spend of the days on which money was spent.
func usualDay(days []Day) float64 {
	var spends []float64
	for _, d := range days {
		if d.Spend > 0 {
			spends = append(spends, d.Spend)
		}
	}
	return median(spends)
}

// mostlyOff says whether a day had less than a twentieth of the usual spend; its
// logarithm would weigh more than all others.
func mostlyOff(d Day, usual float64) bool { return d.Spend <= usual/20 }

// point is what a level depends on: the spend that budgets set and its wobble, in ln
// spend, and the time.
type point struct{ set, wobble, t float64 }

func (r row) at() point { return point{r.set, r.x - r.set, r.t} }

func (p point) plus(o point, weight float64) point {
	return point{p.set + weight*o.set, p.wobble + weight*o.wobble, p.t + weight*o.t}
}

// along is how much ln value differs between a point and the means.
func (f *unitFit) along(p point) float64 {
	return f.eps*(p.set-f.mean.set) + f.wobble*(p.wobble-f.mean.wobble) + f.drift*(p.t-f.mean.t)
}

// pastLevel is the level before later changes.
type pastLevel struct {
	ratio float64 // to today's level
	mean  point   // of its rows, weighted by fitted value
}

// now is the reported value of a row that today's level would bring.
func (f *unitFit) now(r row, dow *[7]float64) float64 {
	return f.level * r.arrived * dow[r.date.Weekday()] * math.Exp(f.along(r.at()))
}

// ratio is that of the level of a row's time to today's.
func (f *unitFit) ratio(r row) float64 {
	if r.later > 0 && r.later < len(f.past) {
		return f.past[r.later].ratio
	}
	return 1
}

// predict is the expected reported value of a row, at the level of its time.
func (f *unitFit) predict(r row, dow *[7]float64) float64 { return f.now(r, dow) * f.ratio(r) }

// levelWeight is what a row counts for today's level.
func (r row) levelWeight() float64 {
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
	for _, r := range f.rows {
		mu := r.w * f.now(r, dow)
		seen[r.later] += r.w * r.y
		fitted[r.later] += mu
		f.past[r.later].mean = f.past[r.later].mean.plus(r.at(), mu)
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
		f.level, f.eps = 0, prior.mean()
		f.infoLevel, f.infoEps = 0, 0
		return
	}
	if f.level == 0 {
		f.level = f.poolROAS * math.Exp(f.mean.set)
	}
	const rounds = 25
	for k := range rounds {
		f.center(dow)
		f.recall(dow)
		step := f.newton(dow)
		f.level *= math.Exp(step.level)
		f.eps += step.eps
		f.wobble += step.wobble
		f.drift += step.drift
		if k > 0 && math.Abs(step.level) < 1e-8 && math.Abs(step.eps) < 1e-8 && math.Abs(step.wobble) < 1e-8 && math.Abs(step.drift) < 1e-9 {
			break
		}
	}
	// The mode lies between the prior's mean and the likelihood's.
	f.own = f.eps + f.noise()*(prior.p*f.eps-prior.h)/max(f.infoEps, math.SmallestNonzeroFloat64)
	f.doubtSplit()
	for _, r := range f.rows {
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
	v := square(f.wobble-f.own) * f.splitVar
	if v <= 0 || f.infoEps <= 0 {
		return
	}
	f.infoEps /= 1 + v*f.infoEps/f.noise()
	p := f.infoEps / f.noise()
	f.eps = (p*f.own + f.prior.h) / (p + f.prior.p)
}

// noise is the variance over its mean of a sum of days: budgets stay for weeks, and
// what weeks bring varies by more than their days tell.
func (f *unitFit) noise() float64 { return f.phi * f.clustering }

// moves are steps of Newton's method.
type moves struct{ level, eps, wobble, drift float64 }

// newton is the next step, shortened where it might overshoot, and the information
// of level and elasticity.
func (f *unitFit) newton(dow *[7]float64) moves {
	pull := f.phi * f.level / (f.poolROAS * math.Exp(f.mean.set+f.mean.wobble)) // fitted value of the prior's conversion
	scoreLevel, infoLevel := f.phi-pull, pull
	// In this order, the elasticity last.
	const drift, wobble, eps = 0, 1, 2
	prior := [3]gauss{drift: {p: driftPrior}, wobble: {wobblePrior, wobblePrior * priorElasticity}, eps: f.prior}
	score, info := make([]float64, 3), make([]float64, 9)
	for i, now := range [3]float64{drift: f.drift, wobble: f.wobble, eps: f.eps} {
		noise := f.phi // the wobble is of single days, and a drift is part of what makes them cluster
		if i == eps {
			noise = f.noise()
		}
		score[i], info[4*i] = noise*(prior[i].h-prior[i].p*now), noise*prior[i].p
	}
	for _, r := range f.rows {
		now := f.now(r, dow)
		mu := r.w * now * f.ratio(r)
		mean := f.mean
		if r.later > 0 {
			mean = f.past[r.later].mean
		}
		d := r.at().plus(mean, -1)
		atNow := r.levelWeight() * now
		scoreLevel += r.levelWeight()*r.y - atNow
		infoLevel += atNow
		x := [3]float64{drift: d.t, wobble: d.wobble, eps: d.set}
		for i := range x {
			score[i] += (r.w*r.y - mu) * x[i]
			for j := range x {
				info[3*i+j] += mu * x[i] * x[j]
			}
		}
	}
	to, left := solve(info, score)
	// What slow ups and downs of demand explain as well, and what wobbles with it, tells
	// nothing of the elasticity.
	f.infoLevel, f.infoEps = infoLevel, max(left-f.noise()*f.prior.p, 0)
	bound := func(x, least, most float64) float64 { return min(max(x, least), most) }
	// Newton on an exponential overshoots from below: half steps at most.
	return moves{level: bound(scoreLevel/infoLevel, -2, 0.5), eps: bound(to[eps], -0.5, 0.5),
		wobble: bound(to[wobble], -0.5, 0.5), drift: bound(to[drift], -mostDrift, mostDrift)}
}

// solve solves a x = b for a positive definite a, and gives the information of the
// last unknown whatever the others are.
func solve(a, b []float64) (x []float64, last float64) {
	n := len(b)
	var c mat.Cholesky
	if !c.Factorize(mat.NewSymDense(n, a)) {
		return make([]float64, n), 0 // rounding alone could do it: the priors keep a positive definite
	}
	to := mat.NewVecDense(n, nil)
	_ = c.SolveVecTo(to, mat.NewVecDense(n, b)) // says when a is badly conditioned, which its scales make it
	var l mat.TriDense
	c.LTo(&l)
	return to.RawVector().Data, square(l.At(n-1, n-1))
}

func square(x float64) float64 { return x * x }

// center moves the means to where the level is uncorrelated with the coefficients:
// those weighted by fitted value.
func (f *unitFit) center(dow *[7]float64) {
	var sum point
	var weight float64
	for _, r := range f.rows {
		mu := r.levelWeight() * f.now(r, dow)
		sum, weight = sum.plus(r.at(), mu), weight+mu
	}
	if weight > 0 {
		mean := point{}.plus(sum, 1/weight)
		f.level *= math.Exp(f.along(mean))
		f.mean = mean
	}
}

// disperse measures Pearson's statistic: the weighted sum of squared residuals
// over fitted values, and its degrees of freedom.
func (f *unitFit) disperse(dow *[7]float64) {
	f.chi, f.df = 0, 0
	if f.level <= 0 {
		return
	}
	var days float64
	for _, r := range f.rows {
		mu := f.predict(r, dow)
		f.chi += r.w * (r.y - mu) * (r.y - mu) / mu
		days += r.w
	}
	if f.df = days - 2 - float64(len(f.changes)); f.df <= 0 {
		f.chi, f.df = 0, 0
	}
}

// blocks sums squared standardised residuals of whole blocks of 14 days.
func (f *unitFit) blocks(dow *[7]float64) {
	const days, least = 14, 10
	f.blockChi, f.blockDF = 0, 0
	if f.level <= 0 || f.phi <= 0 || len(f.rows) == 0 {
		return
	}
	last := f.rows[len(f.rows)-1].date
	var sum float64
	var n, blocks int
	at := 0
	flush := func() {
		if n >= least {
			f.blockChi += sum * sum / float64(n)
			blocks++
		}
		sum, n = 0, 0
	}
	for _, r := range slices.Backward(f.rows) {
		if b := last.Sub(r.date) / days; b != at {
			flush()
			at = b
		}
		mu := f.predict(r, dow)
		sum += (r.y - mu) / math.Sqrt(f.phi*mu)
		n++
	}
	flush()
	if f.blockDF = float64(blocks - 1); blocks < 2 { // the fitted level takes one
		f.blockChi, f.blockDF = 0, 0
	}
}

// likelihood is what the unit's own days and the platform's simulation say of its
// elasticity; of the days nothing where they leave it open by more than 1 either way.
func (f *unitFit) likelihood() gauss {
	if f.phi <= 0 || f.infoEps/f.noise() < 1 {
		return f.simulated
	}
	p := f.infoEps / f.noise()
	return gauss{p: p, h: p * f.own}.plus(f.simulated)
}

// orderCV is the coefficient of variation of order values that is assumed;
// platforms report sums alone.
const orderCV = 0.5

const (
	// driftSD is how much demand drifts a day, as a standard deviation of its
	// logarithm before the days tell it: 6 % in a month, as a season does that goes
	// 15 % up and down.
	driftSD    = 0.002
	driftPrior = 1 / (driftSD * driftSD)
	// mostDrift bounds a Newton step.
	mostDrift = 0.02
	// toldDrift is the per cent a month from which a drift is worth a sentence.
	toldDrift = 5
)

// curve is the posterior.
func (f *unitFit) curve(seed uint64) Curve {
	own := f.infoEps / max(f.noise(), math.SmallestNonzeroFloat64)
	c := Curve{
		Unit: f.ID, Spend: math.Exp(f.mean.set + f.mean.wobble), Level: f.level,
		ElasticityMean: f.eps, ElasticitySD: 1 / math.Sqrt(own+f.prior.p),
		Elasticity: min(max(f.eps, MinElasticity), MaxElasticity),
		Dispersion: f.phi, Clustering: f.clustering,
		Days: len(f.rows), Conversions: f.conversions,
		PoolShare:      (f.prior.p - f.simulated.p) / (own + f.prior.p),
		SimulatedShare: f.simulated.p / (own + f.prior.p),
		Drift:          f.drift,
		Seed:           unitSeed(seed, f.ID),
	}
	if f.conversions > 0 {
		c.OrderLuck = (1 + orderCV*orderCV) * f.value / f.conversions
	}
	if f.infoLevel > 0 {
		c.LevelSD = min(math.Sqrt(f.noise()/f.infoLevel), 1.5)
	}
	c.ElasticityLow = truncatedNormal(c.ElasticityMean, c.ElasticitySD, 0.1)
	c.ElasticityHigh = truncatedNormal(c.ElasticityMean, c.ElasticitySD, 0.9)
	c.Note = f.note(c)
	return c
}

func (f *unitFit) note(c Curve) string {
	var said []string
	switch {
	case f.poolROAS <= 0:
		said = append(said, "No value has been reported, so there is no curve.")
	case len(f.rows) == 0:
		said = append(said, "It has no days of its own; the curve is that of its kind.")
	case c.SimulatedShare > 0.3:
		said = append(said, fmt.Sprintf("%.0f %% of its elasticity rests on what the platform itself estimates of other budgets (%.2f).", 100*c.SimulatedShare, f.simulated.mean()))
	case f.DemandDriven:
		said = append(said, "Its budget did not hold spend back, so its own ups and downs say nothing about the curve; the elasticity is that of its kind.")
	case f.steps == 0:
		said = append(said, "Its budget was not changed in the days looked at, and spend that goes up and down within one budget follows demand as well; the elasticity is that of its kind.")
	case c.PoolShare > 0.5:
		said = append(said, fmt.Sprintf("%.0f %% of its elasticity rests on campaigns of its kind, the rest on what %s of its own budget did.", 100*c.PoolShare, changes(f.steps)))
	}
	if n := len(f.changes); n > 0 {
		said = append(said, f.changes[n-1].note())
	}
	if a := 100 * math.Expm1(30*c.Drift); a >= toldDrift {
		said = append(said, fmt.Sprintf("Demand has been rising by about %.0f %% a month, which is not taken for what its budget does.", a))
	} else if a <= -toldDrift {
		said = append(said, fmt.Sprintf("Demand has been falling by about %.0f %% a month, which is not taken for what its budget does.", -a))
	}
	if f.left > 0 {
		said = append(said, fmt.Sprintf("%d days of a tracking outage are left out.", f.left))
	}
	for _, d := range f.odd {
		said = append(said, fmt.Sprintf("%s is left out: it reports more than %d times what any other day does, which looks like an error.", d, oddDay))
	}
	return strings.Join(said, " ")
}

func changes(n int) string {
	if n == 1 {
		return "one change"
	}
	return fmt.Sprintf("%d changes", n)
}
