package response

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"adsteward/internal/civil"
)

// Change is a lasting shift of what a unit brings for the same money: a new
// creative, price or landing page, a competitor. Changes of spend are none, the
// curve explains them; nor are outages and spells.
type Change struct {
	Platform string     `json:"platform"`
	Unit     string     `json:"unit"`
	Since    civil.Date `json:"since"` // first day of the new level
	Ratio    float64    `json:"ratio"` // of the new level to the one before
	Low      float64    `json:"low"`   // 80 % interval of Ratio
	High     float64    `json:"high"`
}

const (
	// leastSegment is how many usable days a level must hold on both sides of a
	// change. It is more than a week, so that neither a weekend nor days whose
	// conversions have hardly arrived make one.
	leastSegment = 10
	mostChanges  = 3
	// leastChange is the smallest |ln ratio| called a change; less is drift, which
	// the decay of old days follows.
	leastChange = 0.15
	// changePenalty is what a change must add to twice the log-likelihood: 4 ln(90).
	// BIC would ask for 2 ln n (a level and a date); 4 keeps chance from passing in 80
	// trials of neighbouring dates every night, and a short history, whose scale is
	// uncertain, is not let off. See TestStableUnitsAreNotSaidToChange.
	changePenalty = 18
	// beforeChange is the weight that days before the newest change keep for the
	// level. They tell the elasticity in full, each around its own level.
	beforeChange = 0.05
	// changeElasticitySD is of the prior of the elasticity while changes are looked
	// for: wide, so that what a change of budget could explain is not called one.
	changeElasticitySD = 0.25
	normal80           = 1.2816 // central 80 % of a normal
)

// path is a unit's days in time order, for looking at changes: all ages weigh the same.
type path struct {
	date       []civil.Date
	x, y, base []float64 // ln spend around its mean; value; F(age) times the factors of weekday, season and conditions
	scale      float64   // variance of a long sum of days over its mean
	eps        float64
	cuts       []int // first days of all levels but the first, ascending
}

func (f *unitFit) path(dow *[7]float64) *path {
	p := &path{eps: priorElasticity}
	var mean float64
	for _, r := range f.rows {
		if r.spell {
			continue
		}
		p.date = append(p.date, r.date)
		p.x = append(p.x, r.x)
		p.y = append(p.y, r.y)
		p.base = append(p.base, r.arrived*dow[r.date.Weekday()]*math.Exp(f.season*r.at[byDrift])*f.effect().factor(r.at))
		mean += r.x
	}
	for k := range p.x {
		p.x[k] -= mean / float64(len(p.x))
	}
	return p
}

// level is what the days [from, to) have in common.
type level struct {
	from, to             int
	value, mean, x, info float64 // reported; fitted; mean x and its sum of squares around it, by fitted value
}

// levels fits each segment's level in closed form at the present elasticity.
func (p *path) levels() []level {
	var out []level
	for k := range len(p.cuts) + 1 {
		l := level{to: len(p.x)}
		if k > 0 {
			l.from = p.cuts[k-1]
		}
		if k < len(p.cuts) {
			l.to = p.cuts[k]
		}
		var unit, xx float64
		for t := l.from; t < l.to; t++ {
			m := p.base[t] * math.Exp(p.eps*p.x[t])
			l.value += p.y[t]
			unit += m
			l.x += m * p.x[t]
			xx += m * p.x[t] * p.x[t]
		}
		l.mean = unit
		if unit > 0 {
			l.x /= unit
			l.info = (xx/unit - l.x*l.x) * l.value // at the fitted level, the fitted value is the reported one
		}
		out = append(out, l)
	}
	return out
}

// fit finds the elasticity's mode with every segment at a level of its own.
func (p *path) fit() {
	const prior = 1 / (changeElasticitySD * changeElasticitySD)
	for range 20 {
		score, info := p.scale*prior*(priorElasticity-p.eps), p.scale*prior
		for _, l := range p.levels() {
			for t := l.from; t < l.to; t++ {
				score += p.y[t] * (p.x[t] - l.x)
			}
			info += l.info
		}
		step := min(max(score/info, -0.3), 0.3)
		p.eps += step
		if math.Abs(step) < 1e-6 {
			return
		}
	}
}

// search is optimal partitioning (Jackson et al. 2005, "An algorithm for optimal
// partitioning of data on an interval"): the segments of least quasi-Poisson
// deviance plus the penalty of each, exactly, at the present elasticity.
func (p *path) search() []int {
	n := len(p.x)
	value, mean := make([]float64, n+1), make([]float64, n+1)
	for t := range n {
		value[t+1] = value[t] + p.y[t]
		mean[t+1] = mean[t] + p.base[t]*math.Exp(p.eps*p.x[t])
	}
	cost := func(i, j int) float64 {
		y, m := value[j]-value[i], mean[j]-mean[i]
		if y <= 0 {
			return 0
		}
		return -2 * y * math.Log(y/m) / p.scale // what segments differ in; the rest adds up to the same
	}
	best, last := make([]float64, n+1), make([]int, n+1)
	for j := 1; j <= n; j++ {
		best[j] = math.Inf(1)
		for i := 0; i <= j-leastSegment; i++ {
			if i > 0 && i < leastSegment {
				continue
			}
			c := best[i] + cost(i, j)
			if i > 0 {
				c += changePenalty
			}
			if c < best[j] {
				best[j], last[j] = c, i
			}
		}
	}
	var cuts []int
	for j := last[n]; j > 0; j = last[j] {
		cuts = append(cuts, j)
	}
	slices.Reverse(cuts)
	return cuts
}

// step is the k-th change as ln of the ratio of levels, its variance, which
// holds the doubt about the elasticity where spend changed as well, and its
// likelihood ratio on the chi-squared scale, less for that doubt.
func (p *path) step(ls []level, k int) (d, variance, chi float64) {
	info := p.scale / (changeElasticitySD * changeElasticitySD)
	for _, l := range ls {
		info += l.info
	}
	a, b := ls[k], ls[k+1]
	// Half an order either side keeps a level of nothing finite.
	d = math.Log((b.value+p.scale/2)/b.mean) - math.Log((a.value+p.scale/2)/a.mean)
	levels := 1/(a.value+p.scale/2) + 1/(b.value+p.scale/2)
	doubt := (b.x - a.x) * (b.x - a.x) / info
	joint := (a.value + b.value) / (a.mean + b.mean)
	for _, l := range []level{a, b} {
		if l.value > 0 {
			chi += 2 * l.value * math.Log(l.value/l.mean/joint) / p.scale
		}
	}
	return d, p.scale * (levels + doubt), chi * levels / (levels + doubt)
}

// find searches, fits the elasticity to what was found, and searches again; then
// the weakest changes are dropped as long as they do not stand on their own.
func (p *path) find() {
	if len(p.x) < 2*leastSegment || p.scale <= 0 {
		return
	}
	p.fit()
	for range 4 {
		cuts := p.search()
		if slices.Equal(cuts, p.cuts) {
			break
		}
		p.cuts = cuts
		p.fit()
	}
	for len(p.cuts) > 0 {
		ls := p.levels()
		worst, least := 0, math.Inf(1)
		for k := range p.cuts {
			d, _, s := p.step(ls, k)
			if math.Abs(d) < leastChange {
				s = 0
			}
			if s < least {
				worst, least = k, s
			}
		}
		if least >= changePenalty && len(p.cuts) <= mostChanges {
			return
		}
		p.cuts = slices.Delete(p.cuts, worst, worst+1)
		p.fit()
	}
}

// findChanges looks for changes of one unit and marks the days before the newest.
func (f *unitFit) findChanges(dow *[7]float64, scale float64) {
	f.changes = nil
	if f.poolROAS <= 0 {
		return
	}
	p := f.path(dow)
	p.scale = scale
	p.find()
	ls := p.levels()
	for k, at := range p.cuts {
		d, v, _ := p.step(ls, k)
		w := normal80 * math.Sqrt(v)
		f.changes = append(f.changes, Change{f.Platform, f.ID, p.date[at], math.Exp(d), math.Exp(d - w), math.Exp(d + w)})
	}
	for k := range f.rows {
		r := &f.rows[k]
		r.later = 0
		for _, c := range f.changes {
			if r.date < c.Since {
				r.later++
			}
		}
	}
}

// findChanges looks for common spells first, whose days then weigh little, and
// for the units' changes among the other days.
func (f *fitter) findChanges() {
	f.changes, f.spells = nil, nil
	paths := make([]*path, len(f.units))
	f.each(func(u *unitFit) {
		u.steady = nil
		u.forgetSpells()
		if u.poolROAS > 0 && u.phi > 0 && len(u.rows) >= 2*leastSegment {
			u.steady = u.path(f.dow[u.Platform])
			u.steady.scale = u.phi
			u.steady.fit()
			u.steady.scale = u.steady.dispersion(u.phi)
		}
	})
	by := map[string][]float64{}
	for i := range f.units {
		u := &f.units[i]
		paths[i] = u.steady
		if u.steady != nil {
			by[u.Platform] = append(by[u.Platform], u.steady.jumps()...)
		}
	}
	clustering := map[string]float64{}
	for p, jumps := range by {
		clustering[p] = robustClustering(jumps)
	}
	f.findSpells(paths, clustering)
	f.each(func(u *unitFit) {
		if u.steady == nil {
			return
		}
		// A unit's own weeks count, beside its platform's, as many as there are.
		const weight = 24
		own, all := u.steady.jumps(), clustering[u.Platform]
		k := float64(len(own))
		u.findChanges(f.dow[u.Platform], u.steady.scale*(k*robustClustering(own)+weight*all)/(k+weight))
		u.steady = nil
	})
	for i := range f.units {
		f.changes = append(f.changes, f.units[i].changes...)
	}
	slices.SortStableFunc(f.changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.Since, b.Since), cmp.Compare(a.Platform, b.Platform), cmp.Compare(a.Unit, b.Unit))
	})
}

// fitted is the expected value of a day where there is one level.
func (p *path) fitted(l level, t int) float64 {
	return p.base[t] * math.Exp(p.eps*p.x[t]) * l.value / l.mean
}

// dispersion is the variance of a day's value over its mean from the differences of
// neighbouring days (von Neumann 1941), which a lasting change disturbs only once;
// what is known of it before weighs ten days.
func (p *path) dispersion(before float64) float64 {
	const weight = 10
	l := p.levels()[0]
	if l.value <= 0 {
		return before
	}
	sum, last := weight*before, 0.0
	for t := range p.x {
		m := p.fitted(l, t)
		z := (p.y[t] - m) / math.Sqrt(m)
		if t > 0 {
			sum += (z - last) * (z - last) / 2
		}
		last = z
	}
	return sum / float64(weight+len(p.x)-1)
}

// jumps are half the squared differences of the standardised residuals of
// neighbouring weeks, which a lasting change disturbs only once.
func (p *path) jumps() []float64 {
	const week = 7
	l := p.levels()[0]
	if l.mean <= 0 || l.value <= 0 {
		return nil
	}
	var out []float64
	before := math.NaN()
	for to := len(p.x); to >= week; to -= week {
		var y, m float64
		for t := to - week; t < to; t++ {
			y += p.y[t]
			m += p.fitted(l, t)
		}
		z := (y - m) / math.Sqrt(p.scale*m)
		if d := z - before; !math.IsNaN(d) {
			out = append(out, d*d/2)
		}
		before = z
	}
	return out
}

// robustClustering is how much more weeks vary than if days were independent,
// from the median of jumps (that of a chi-squared of one degree is 0.455),
// with a start of 1.5 that weighs ten of them.
func robustClustering(jumps []float64) float64 {
	n := float64(len(jumps))
	return min(max((n*median(jumps)/0.455+10*1.5)/(n+10), 1), 12)
}

// note says since when and by how much.
func (c Change) note() string {
	word, by, from, to := "more", c.Ratio-1, c.Low-1, c.High-1
	if c.Ratio < 1 {
		word, by, from, to = "less", 1-c.Ratio, 1-c.High, 1-c.Low
	}
	return fmt.Sprintf("Since %s it brings about %.0f %% %s for the same money than before (80 %% sure: %.0f to %.0f %%); earlier days hardly count for how much it brings today.",
		c.Since, 100*by, word, 100*max(from, 0), 100*to)
}
