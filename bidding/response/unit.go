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
	at      point
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

	// The fit: R = level * exp(slopes (at - mean)), with information (in units of 1/phi)
	// about ln level, which is uncorrelated with the slopes at the mean, and about the
	// elasticity whatever the other slopes are.
	level              float64
	mean, slopes       point
	free               []int   // the slopes that are fitted, by index; the elasticity last
	infoLevel, infoEps float64 // infoEps: the likelihood's part
	usual              Conditions
	usualVar           float64 // of ln level under those, what the slopes add
	steps              int     // changes of its budget between its rows
	splitVar           float64 // relative variance of how much of those changes was spent
	own                float64 // the likelihood's mode of eps
	phi                float64
	clustering         float64 // how much wider sums of neighbouring days vary than phi says
	prior              gauss   // of the elasticity
	season             float64 // the part of its drift that is no change of its level
	drift              gauss   // prior of the drift
	toldDrift          gauss   // what its days say of it
	simulated          gauss   // what the platform's simulation says of it
	changes            []Change
	past               []pastLevel // by changes since then, from 1
	steady             *path       // while changes are looked for

	seen, fitted      [7]float64 // by day of the week
	chi, df           float64    // Pearson's statistic
	blockChi, blockDF float64
}

func newUnitFit(u Unit, in Input, down func(civil.Date) bool) unitFit {
	f := unitFit{Unit: u, slopes: firstSlopes, free: []int{byDrift, byWobble, byBudget}, drift: firstDrift, clustering: 1}
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
		r := row{date: d.Date, x: math.Log(d.Spend), at: underConditions(d.Conditions), y: d.Value, arrived: lag.At(age), w: decay(age)}
		r.at[byDrift] = -float64(age)
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
	f.compareConditions()
	f.simulated = simulation(u.Simulated, recentSpend(f.rows))
	// Start where the average day is.
	switch n := float64(len(f.rows)); {
	case n > 0:
		f.mean[byBudget] = math.Log(f.spend / n)
	case u.Budget > 0:
		f.mean[byBudget] = math.Log(u.Budget)
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

// disperse measures Pearson's statistic: the weighted sum of squared residuals
// over fitted values, and its degrees of freedom.
func (f *unitFit) disperse(dow *[7]float64) {
	f.chi, f.df = 0, 0
	if f.level <= 0 {
		return
	}
	var days float64
	for _, r := range f.rows {
		mu := f.predict(&r, dow)
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
		mu := f.predict(&r, dow)
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

// saidDrift is the per cent a month from which a drift is worth a sentence.
const saidDrift = 5

// curve is the posterior.
func (f *unitFit) curve(seed uint64) Curve {
	own := f.infoEps / max(f.noise(), math.SmallestNonzeroFloat64)
	c := Curve{
		Unit: f.ID, Spend: math.Exp(f.mean[byBudget] + f.mean[byWobble]), Level: f.level / f.effect().factor(f.mean),
		ElasticityMean: f.slopes[byBudget], ElasticitySD: 1 / math.Sqrt(own+f.prior.p),
		Elasticity: min(max(f.slopes[byBudget], MinElasticity), MaxElasticity),
		Dispersion: f.phi, Clustering: f.clustering,
		Days: len(f.rows), Conversions: f.conversions,
		PoolShare:      (f.prior.p - f.simulated.p) / (own + f.prior.p),
		SimulatedShare: f.simulated.p / (own + f.prior.p),
		Drift:          f.slopes[byDrift],
		Effect:         f.effect(),
		Usual:          f.usual,
		Seed:           unitSeed(seed, f.ID),
	}
	if f.conversions > 0 {
		c.OrderLuck = (1 + orderCV*orderCV) * f.value / f.conversions
	}
	if f.infoLevel > 0 {
		c.LevelSD = min(math.Sqrt(f.noise()/f.infoLevel+f.usualVar), 1.5)
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
		said = append(said, fmt.Sprintf("%.0f %% of its elasticity rests on campaigns of its kind, the rest on what %s of its own budget did.", 100*c.PoolShare, count(f.steps, "change")))
	}
	if n := len(f.changes); n > 0 {
		said = append(said, f.changes[n-1].note())
	}
	if a := 100 * math.Expm1(30*c.Drift); a >= saidDrift {
		said = append(said, fmt.Sprintf("Demand has been rising by about %.0f %% a month, which is not taken for what its budget does.", a))
	} else if a <= -saidDrift {
		said = append(said, fmt.Sprintf("Demand has been falling by about %.0f %% a month, which is not taken for what its budget does.", -a))
	}
	if n := f.toldDays(); n > 0 {
		said = append(said, fmt.Sprintf("On %s much more or less of its goods than usual was out of stock or marked down; what that does to its value is allowed for.", count(n, "day")))
	}
	if f.left > 0 {
		said = append(said, fmt.Sprintf("Left out: %s of a tracking outage.", count(f.left, "day")))
	}
	for _, d := range f.odd {
		said = append(said, fmt.Sprintf("%s is left out: it reports more than %d times what any other day does, which looks like an error.", d, oddDay))
	}
	return strings.Join(said, " ")
}

func count(n int, what string) string {
	if n == 1 {
		return "one " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
