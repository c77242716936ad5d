package response

import (
	"hash/fnv"
	"math"
	"runtime"
	"sync"

	"adsteward/internal/civil"
)

// Day is one day of a unit as the platform reports it so far.
type Day struct {
	Date        civil.Date
	Spend       float64
	Value       float64
	Conversions float64
	// Budget is the daily budget of that day; 0 where not known.
	Budget float64
	// Conditions are nothing where not known.
	Conditions Conditions
	// Clicks, Impressions and Eligible are for those who watch over the unit; no curve
	// rests on them.
	Clicks, Impressions float64
	// Eligible is how many impressions it could have had; 0 where not known.
	Eligible float64
}

// Unit is one unit of control and its history.
type Unit struct {
	ID       string // unique
	Platform string
	Type     string // units of one platform and type pool first
	// DemandDriven is true where the budget did not hold spend back: spend then
	// followed demand, neither its ups and downs nor its budget's say anything about
	// the curve, and the elasticity comes from the pool alone.
	DemandDriven bool
	// Budget is the daily budget, the reference spend where there is no history.
	Budget float64
	Days   []Day // ascending dates; days without a row had no spend
	// Simulated is what the platform itself estimates of other budgets, in any
	// order; nil where it does not say.
	Simulated []Simulated
}

// Input is everything Fit looks at. All amounts are in one currency.
type Input struct {
	Units []Unit
	Today civil.Date     // ages are counted from it; days from it on are ignored
	Lags  map[string]Lag // by platform; PriorLag where missing
	Seed  uint64         // of the posterior draws
}

func (in Input) lag(platform string) Lag {
	if l, ok := in.Lags[platform]; ok && len(l.Share) > 0 {
		return l
	}
	return PriorLag()
}

// Outage is a day on which a platform's (Unit empty) or one unit's tracking
// reported almost nothing although money was spent as usual.
type Outage struct {
	Platform string     `json:"platform"`
	Unit     string     `json:"unit,omitempty"`
	Date     civil.Date `json:"date"`
	Expected float64    `json:"expected"` // conversions that should have been reported by now
	Reported float64    `json:"reported"`
}

// Result is a fit of all units.
type Result struct {
	Curves    []Curve               `json:"curves"`      // in the order of the units
	Outages   []Outage              `json:"outages"`     // left out of the fit
	DayOfWeek map[string][7]float64 `json:"day_of_week"` // factor by platform, Sunday first, mean 1
	Pools     []Pool                `json:"pools"`
	Changes   []Change              `json:"changes"` // of single units' levels, oldest first
	Spells    []Spell               `json:"spells"`  // common to a platform's units
}

// halfLife is the age in days at which a day counts half: what a unit is worth
// drifts with season and competition.
const halfLife = 28

// Fit fits a curve to every unit: a quasi-Poisson regression (log link) of
// reported value on the part of ln spend that changes of its budget set (steps.go),
// which is the curve's tangent, with offset ln F(age) and day-of-week factors shared
// by the platform, days weighted by 2^(-age/28). Each
// unit's demand drifts steadily, much as its platform's does (drift.go), so that what a
// season does is not taken for what spend does; the level is the mean day's. Days before a unit's newest lasting change
// (changepoint.go) tell the elasticity but hardly the level, and those of a common
// spell (spell.go) hardly anything.
// Elasticities lean on the platform's own simulations (see simulated.go) and are
// pooled unit -> type -> platform -> all (see pool.go); the level leans on the
// type's ROAS with the weight of one conversion. The posterior is Laplace's
// approximation at the mode, widened by how much good and bad days cluster and by the
// doubt about that part. What goods out of stock or marked down do to a unit's days
// (conditions.go) is fitted beside it.
// Units that report what is no number get no curve and count for nothing (see
// screen.go). Fit is deterministic in its input and uses all processors.
func Fit(in Input) Result {
	s := screen(in)
	f := newFitter(s)
	f.settle(2) // day-of-week factors settle in two rounds
	if f.findChanges(); len(f.changes)+len(f.spells) > 0 {
		f.settle(1)
	}
	if f.findSeasons() { // else what a season does might be called a change of each unit
		f.findChanges()
		f.settle(1)
	}
	f.cluster()
	f.each(func(u *unitFit) { u.fit(ownPrior, f.dow[u.Platform]) })
	pools := f.poolElasticities()
	f.each(func(u *unitFit) { u.fit(u.prior, f.dow[u.Platform]) })
	out := Result{Curves: make([]Curve, 0, len(in.Units)), Outages: f.outages, DayOfWeek: map[string][7]float64{}, Pools: pools, Changes: f.changes, Spells: f.spells}
	for p, d := range f.dow {
		out.DayOfWeek[p] = *d
	}
	fitted := f.units
	for i, u := range in.Units {
		if why := s.refused[i]; why != "" {
			out.Curves = append(out.Curves, refusedCurve(u, why, in.Seed))
			continue
		}
		out.Curves = append(out.Curves, fitted[0].curve(in.Seed))
		fitted = fitted[1:]
	}
	return out
}

// ownPrior is the elasticity's prior while nothing is pooled.
var ownPrior = gauss{p: 1, h: priorElasticity}

// settle fits the units alone, and what platforms share: factors of the weekdays
// in as many rounds as asked, and dispersions.
func (f *fitter) settle(rounds int) {
	own := func(u *unitFit) { u.fit(ownPrior, f.dow[u.Platform]) }
	for range rounds {
		f.each(own)
		f.updateDayOfWeek()
		f.poolDrifts()
	}
	f.each(func(u *unitFit) {
		own(u)
		u.disperse(f.dow[u.Platform])
	})
	f.poolDispersion()
}

// fitter is a fit under way. Work on single units runs in parallel; everything
// shared is summed in the order of the units, so that the result is the same
// on any number of processors.
type fitter struct {
	units   []unitFit
	outages []Outage
	changes []Change
	spells  []Spell
	dow     map[string]*[7]float64
}

func newFitter(in screened) *fitter {
	f := &fitter{outages: findOutages(in.Input), dow: map[string]*[7]float64{}}
	down := map[Outage]bool{}
	for _, o := range f.outages {
		down[Outage{Platform: o.Platform, Unit: o.Unit, Date: o.Date}] = true
	}
	f.units = make([]unitFit, len(in.Units))
	for i, u := range in.Units {
		f.units[i] = newUnitFit(u, in.Input, func(d civil.Date) bool {
			return down[Outage{Platform: u.Platform, Date: d}] || down[Outage{Platform: u.Platform, Unit: u.ID, Date: d}]
		})
		f.units[i].odd = in.odd[i]
		if f.dow[u.Platform] == nil {
			f.dow[u.Platform] = &[7]float64{1, 1, 1, 1, 1, 1, 1}
		}
	}
	f.poolROAS()
	return f
}

// each runs fn on every unit, in parallel.
func (f *fitter) each(fn func(*unitFit)) {
	workers := min(runtime.GOMAXPROCS(0), len(f.units))
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < len(f.units); i += workers {
				fn(&f.units[i])
			}
		})
	}
	wg.Wait()
}

type poolKey struct{ platform, typ string }

// poolROAS gives every unit the reported value per spend of its type, or of
// its platform or everything where the type has none, and a first guess at the
// dispersion.
func (f *fitter) poolROAS() {
	type sums struct{ value, spend, conversions float64 }
	by := map[poolKey]sums{}
	for i := range f.units {
		u := &f.units[i]
		for _, k := range []poolKey{{u.Platform, u.Type}, {u.Platform, ""}, {}} {
			s := by[k]
			by[k] = sums{s.value + u.value, s.spend + u.spend, s.conversions + u.conversions}
		}
	}
	for i := range f.units {
		u := &f.units[i]
		for _, k := range []poolKey{{u.Platform, u.Type}, {u.Platform, ""}, {}} {
			if s := by[k]; s.value > 0 && s.spend > 0 {
				u.poolROAS = s.value / s.spend
				u.phi = s.value / max(s.conversions, 1) // value per conversion: Poisson orders of one size
				break
			}
		}
	}
}

func (f *fitter) updateDayOfWeek() {
	type sums struct{ seen, fitted [7]float64 }
	by := map[string]*sums{}
	for i := range f.units {
		u := &f.units[i]
		s := by[u.Platform]
		if s == nil {
			s = &sums{}
			by[u.Platform] = s
		}
		for d := range 7 {
			s.seen[d] += u.seen[d] + u.phi // one conversion's worth of doubt each
			s.fitted[d] += u.fitted[d] + u.phi
		}
	}
	for p, s := range by {
		var mean float64
		dow := f.dow[p]
		for d := range 7 {
			if s.fitted[d] > 0 {
				dow[d] *= s.seen[d] / s.fitted[d]
			}
			mean += dow[d] / 7
		}
		for d := range 7 {
			dow[d] /= mean
		}
	}
}

// poolDispersion shrinks each unit's dispersion towards its type's with the
// weight of ten days.
func (f *fitter) poolDispersion() {
	const days = 10
	type sums struct{ chi, df float64 }
	by := map[poolKey]sums{}
	for i := range f.units {
		u := &f.units[i]
		k := poolKey{u.Platform, u.Type}
		by[k] = sums{by[k].chi + u.chi, by[k].df + u.df}
	}
	for i := range f.units {
		u := &f.units[i]
		s := by[poolKey{u.Platform, u.Type}]
		if s.df > 0 {
			u.phi = (u.chi + days*s.chi/s.df) / (u.df + days)
		}
		// Perfect data would make every weight infinite; a hundredth of a day's
		// standard deviation is as good as perfect.
		u.phi = max(u.phi, 1e-4*u.level)
	}
}

// cluster measures, per platform, how much more the means of 14 days vary than
// independent days would; it starts from 1.5 with the weight of ten blocks.
func (f *fitter) cluster() {
	f.each(func(u *unitFit) { u.blocks(f.dow[u.Platform]) })
	type sums struct{ chi, df float64 }
	by := map[string]sums{}
	for i := range f.units {
		u := &f.units[i]
		by[u.Platform] = sums{by[u.Platform].chi + u.blockChi, by[u.Platform].df + u.blockDF}
	}
	for i := range f.units {
		u := &f.units[i]
		s := by[u.Platform]
		u.clustering = min(max((s.chi+10*1.5)/(s.df+10), 1), 12)
	}
}

func unitSeed(seed uint64, id string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(id)) // never fails
	return seed ^ h.Sum64()
}

// decay is the weight of a day of the given age.
func decay(age int) float64 { return math.Exp2(-float64(age) / halfLife) }
