package response

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"adsteward/internal/civil"
)

// row is one usable day of a unit.
type row struct {
	date    civil.Date
	x       float64 // ln spend
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

	// The fit: R = level * (s/exp(x0))^eps * exp(drift*(t-t0)), with information (in
	// units of 1/phi) about ln level, which is uncorrelated with the others at x0 and
	// t0, and about eps whatever the drift is.
	x0, t0, level, eps, drift float64
	infoLevel, infoEps        float64 // infoEps: the likelihood's part
	own                       float64 // the likelihood's mode of eps
	phi                       float64
	prior                     gauss // of the elasticity
	simulated                 gauss // what the platform's simulation says of it
	changes                   []Change
	past                      []pastLevel // by changes since then, from 1
	steady                    *path       // while changes are looked for

	seen, fitted      [7]float64 // by day of the week
	chi, df           float64    // Pearson's statistic
	blockChi, blockDF float64
}

func newUnitFit(u Unit, in Input, down func(civil.Date) bool) unitFit {
	f := unitFit{Unit: u, eps: priorElasticity}
	lag := in.lag(u.Platform)
	usual := usualDay(u.Days)
	var sum, squares float64
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
		f.rows = append(f.rows, r)
		sum, squares = sum+r.w, squares+r.w*r.w
		f.value += d.Value / r.arrived
		f.conversions += d.Conversions / r.arrived
		f.spend += d.Spend
	}
	for k := range f.rows {
		f.rows[k].w *= sum / squares
	}
	f.simulated = simulation(u.Simulated, recentSpend(f.rows))
	// Start where the average day is.
	switch n := float64(len(f.rows)); {
	case n > 0:
		f.x0 = math.Log(f.spend / n)
	case u.Budget > 0:
		f.x0 = math.Log(u.Budget)
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

// pastLevel is the level before later changes.
type pastLevel struct {
	ratio float64 // to today's level
	x, t  float64 // means of ln spend and time then, weighted by fitted value
}

// now is the reported value of a row that today's level would bring.
func (f *unitFit) now(r row, dow *[7]float64) float64 {
	return f.level * r.arrived * dow[r.date.Weekday()] * math.Exp(f.eps*(r.x-f.x0)+f.drift*(r.t-f.t0))
}

// predict is the expected reported value of a row, at the level of its time.
func (f *unitFit) predict(r row, dow *[7]float64) float64 {
	mu := f.now(r, dow)
	if r.later > 0 && r.later < len(f.past) {
		mu *= f.past[r.later].ratio
	}
	return mu
}

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
		f.past[r.later].x += mu * r.x
		f.past[r.later].t += mu * r.t
	}
	for k := range f.past {
		f.past[k].ratio = 1
		if fitted[k] > 0 {
			f.past[k].x /= fitted[k]
			f.past[k].t /= fitted[k]
			f.past[k].ratio = (seen[k] + f.phi) / (fitted[k] + f.phi)
		}
	}
}

// fit finds the mode by Newton's method (iteratively re-weighted least squares
// with a prior on eps and one conversion at the pool's ROAS as a prior on the level).
func (f *unitFit) fit(prior gauss, dow *[7]float64) {
	f.prior = prior
	f.seen, f.fitted = [7]float64{}, [7]float64{}
	if f.poolROAS <= 0 {
		f.level, f.eps = 0, prior.mean()
		f.infoLevel, f.infoEps = 0, 0
		return
	}
	if f.DemandDriven {
		f.eps = prior.mean()
	}
	if f.level == 0 {
		f.level = f.poolROAS * math.Exp(f.x0)
	}
	const rounds = 25
	for k := range rounds {
		f.center(dow)
		f.recall(dow)
		pull := f.phi * f.level / (f.poolROAS * math.Exp(f.x0)) // fitted value of the prior's conversion
		scoreLevel, scoreEps, scoreDrift := f.phi-pull, f.phi*(prior.h-prior.p*f.eps), -f.phi*driftPrior*f.drift
		infoLevel, infoEps, infoDrift, cross := pull, 0.0, f.phi*driftPrior, 0.0
		for _, r := range f.rows {
			mu := r.w * f.predict(r, dow)
			dx, dt := r.x-f.x0, r.t-f.t0
			if r.later > 0 {
				dx, dt = r.x-f.past[r.later].x, r.t-f.past[r.later].t
			}
			atNow := r.levelWeight() * f.now(r, dow)
			scoreLevel += r.levelWeight()*r.y - atNow
			infoLevel += atNow
			scoreEps += (r.w*r.y - mu) * dx
			infoEps += mu * dx * dx
			scoreDrift += (r.w*r.y - mu) * dt
			infoDrift += mu * dt * dt
			cross += mu * dx * dt
		}
		// What slow ups and downs of demand explain as well tells nothing of eps.
		trend := cross / infoDrift // of ln spend
		f.infoLevel, f.infoEps = infoLevel, max(infoEps-cross*trend, 0)
		stepLevel := scoreLevel / infoLevel
		stepEps := 0.0
		if f.DemandDriven {
			f.infoEps = 0
		} else {
			stepEps = (scoreEps - scoreDrift*trend) / (f.infoEps + f.phi*prior.p)
		}
		stepDrift := scoreDrift/infoDrift - trend*stepEps
		// Newton on an exponential overshoots from below: half steps at most.
		f.level *= math.Exp(min(max(stepLevel, -2), 0.5))
		f.eps += min(max(stepEps, -0.5), 0.5)
		f.drift += min(max(stepDrift, -mostDrift), mostDrift)
		if k > 0 && math.Abs(stepLevel) < 1e-8 && math.Abs(stepEps) < 1e-8 && math.Abs(stepDrift) < 1e-9 {
			break
		}
	}
	// The mode lies between the prior's mean and the likelihood's.
	f.own = f.eps + f.phi*(prior.p*f.eps-prior.h)/max(f.infoEps, math.SmallestNonzeroFloat64)
	for _, r := range f.rows {
		d := r.date.Weekday()
		f.seen[d] += r.w * r.y
		f.fitted[d] += r.w * f.predict(r, dow)
	}
}

// center moves x0 and t0 to where the level is uncorrelated with elasticity and
// drift: the means of ln spend and time weighted by fitted value.
func (f *unitFit) center(dow *[7]float64) {
	var x, t, weight float64
	for _, r := range f.rows {
		mu := r.levelWeight() * f.now(r, dow)
		x += mu * r.x
		t += mu * r.t
		weight += mu
	}
	if weight > 0 {
		x, t = x/weight, t/weight
		f.level *= math.Exp(f.eps*(x-f.x0) + f.drift*(t-f.t0))
		f.x0, f.t0 = x, t
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
	if f.phi <= 0 || f.infoEps/f.phi < 1 {
		return f.simulated
	}
	p := f.infoEps / f.phi
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
func (f *unitFit) curve(seed uint64, clustering float64) Curve {
	own := f.infoEps / max(f.phi, math.SmallestNonzeroFloat64)
	c := Curve{
		Unit: f.ID, Spend: math.Exp(f.x0), Level: f.level,
		ElasticityMean: f.eps, ElasticitySD: 1 / math.Sqrt(own+f.prior.p),
		Elasticity: min(max(f.eps, MinElasticity), MaxElasticity),
		Dispersion: f.phi, Clustering: clustering,
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
		c.LevelSD = min(math.Sqrt(f.phi*clustering/f.infoLevel), 1.5)
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
	case c.PoolShare > 0.5:
		said = append(said, fmt.Sprintf("%.0f %% of its elasticity rests on campaigns of its kind, the rest on its own %.0f conversions.", 100*c.PoolShare, f.conversions))
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
