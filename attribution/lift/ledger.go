package lift

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Measured is the incremental share that an experiment found for a campaign.
type Measured struct {
	Campaign string  `json:"campaign"`
	Source   string  `json:"source"` // the experiment's id
	Iota     float64 `json:"iota"`
	SD       float64 `json:"sd"`       // its standard error
	AgeDays  int     `json:"age_days"` // since the experiment ended
}

// Believed is what is thought of a campaign's incremental share without its own
// experiments, and which campaigns are like it.
type Believed struct {
	Campaign string
	Group    string // campaigns of one group learn from each other's experiments
	Mean, SD float64
}

// Iota is a campaign's entry in the ledger.
type Iota struct {
	Campaign string  `json:"campaign"`
	Mean     float64 `json:"mean"`
	SD       float64 `json:"sd"`
	// Low and High hold 80 %.
	Low  float64 `json:"low"`
	High float64 `json:"high"`
	// Measured is whether an experiment of the campaign itself is in it, Pooled how
	// many other campaigns of its group were measured.
	Measured bool     `json:"measured"`
	Pooled   int      `json:"pooled"`
	Sources  []string `json:"sources"`  // its own experiments, the newest first
	AgeDays  int      `json:"age_days"` // of the newest of them; 0 where there is none
	// Weight is how much of Mean rests on its own experiments, from 0 to 1.
	Weight float64 `json:"weight"`
}

const (
	// Drift is the standard deviation by which an incremental share wanders in a
	// year, as a random walk: campaigns, rivals and the shop's own fame change. After
	// 1.8 years that is as much as campaigns to the same kind of people differ
	// (0.2), and an experiment says little more of the campaign than of its kind.
	Drift = 0.15
	// MaxIota bounds the share from above: a platform may miss some of what it
	// caused, but a half as much again as it claims is beyond what any of the
	// published experiments found.
	MaxIota = 1.5
	// leastSD, of a share, keeps an experiment without error from stopping the sums.
	leastSD = 1e-3
)

// Ledger makes of beliefs and experiments each campaign's share, in the order of
// the beliefs.
//
// An experiment's variance grows by Drift^2 a year with its age. A campaign's
// experiments are combined by precision, which is 1 / variance. Campaigns of a
// group are pooled by a normal hierarchy in terms of each campaign's belief, mean b
// and standard deviation s: iota = b + s (sqrt(1 - f) D + sqrt(f) e), where D is
// common to the group, e the campaign's own and f how much of the uncertainty is
// its own. D and e are standard normal; f, which nobody knows, is averaged over by
// how likely the measured shares are under it (empirical Bayes; Gelman et al.,
// Bayesian Data Analysis, 3rd ed., section 5.4). Without an experiment in the group
// a belief comes out as it went in. The result is cut to 0 to MaxIota.
func Ledger(beliefs []Believed, experiments []Measured) ([]Iota, error) {
	own := map[string][]Measured{}
	for _, m := range experiments {
		if !finite(m.Iota, m.SD) || m.SD < 0 || m.AgeDays < 0 {
			return nil, fmt.Errorf("experiment %s of %s: share %g, error %g, age %d days; the error and the age must be 0 or more", m.Source, m.Campaign, m.Iota, m.SD, m.AgeDays)
		}
		own[m.Campaign] = append(own[m.Campaign], m)
	}
	groups := map[string][]found{}
	for _, b := range beliefs {
		if !finite(b.Mean, b.SD) || b.SD <= 0 {
			return nil, fmt.Errorf("the belief of %s: mean %g, standard deviation %g; the latter must be above 0", b.Campaign, b.Mean, b.SD)
		}
		if len(own[b.Campaign]) > 0 {
			groups[b.Group] = append(groups[b.Group], b.standardised(own[b.Campaign]))
		}
	}
	pools := map[string]pool{}
	for g, f := range groups {
		pools[g] = newPool(f)
	}
	out := make([]Iota, len(beliefs))
	for i, b := range beliefs {
		out[i] = b.conclude(pools[b.Group], own[b.Campaign], len(groups[b.Group]))
	}
	return out, nil
}

// aged is the variance of an experiment today.
func (m Measured) aged() float64 {
	return max(m.SD, leastSD)*max(m.SD, leastSD) + Drift*Drift*float64(m.AgeDays)/365
}

// found is what a campaign's experiments together say, in terms of its belief:
// how many standard deviations off the mean, with which variance. A share further
// than MaxIota outside of what can be says no more than one there: a noisy
// experiment may give any number.
type found struct{ z, variance float64 }

func (b Believed) standardised(own []Measured) found {
	var weight, mean float64
	for _, m := range own {
		weight += 1 / m.aged()
		mean += min(max(m.Iota, -MaxIota), 2*MaxIota) / m.aged()
	}
	return found{(mean/weight - b.Mean) / b.SD, 1 / weight / (b.SD * b.SD)}
}

// pool is what a group's experiments say of D, by f.
type pool []struct{ f, weight, mean, variance float64 }

// ownShares are the f looked at: from campaigns that are all alike to ones that
// say next to nothing of each other.
func ownShares() []float64 {
	return []float64{0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95}
}

func newPool(group []found) pool {
	p := make(pool, 0, len(ownShares()))
	top := math.Inf(-1)
	for _, f := range ownShares() {
		// z is normal around sqrt(1 - f) D with the variance v + f. Seen one by one,
		// each corrects D and is as likely as what was known of D lets it be.
		mean, variance, logLikely := 0.0, 1.0, 0.0
		c := math.Sqrt(1 - f)
		for _, x := range group {
			around, spread := c*mean, c*c*variance+x.variance+f
			logLikely -= (x.z-around)*(x.z-around)/(2*spread) + math.Log(spread)/2
			gain := variance * c / spread
			mean += gain * (x.z - around)
			variance -= gain * c * variance
		}
		p = append(p, struct{ f, weight, mean, variance float64 }{f, logLikely, mean, variance})
		top = max(top, logLikely)
	}
	total := 0.0
	for i := range p {
		p[i].weight = math.Exp(p[i].weight - top)
		total += p[i].weight
	}
	for i := range p {
		p[i].weight /= total
	}
	return p
}

// conclude is the campaign's share given the pool of its group.
func (b Believed) conclude(p pool, own []Measured, measured int) Iota {
	out := Iota{Campaign: b.Campaign, Measured: len(own) > 0, Pooled: measured, Sources: []string{}}
	if len(p) == 0 {
		out.Mean, out.SD = min(max(b.Mean, 0), MaxIota), b.SD
		half := b.SD * distuv.UnitNormal.Quantile(0.9)
		out.Low, out.High = max(out.Mean-half, 0), min(out.Mean+half, MaxIota)
		return out
	}
	x := found{variance: math.Inf(1)}
	if out.Measured {
		x = b.standardised(own)
		out.Pooled--
		byAge := slices.SortedStableFunc(slices.Values(own), func(a, b Measured) int { return a.AgeDays - b.AgeDays })
		out.AgeDays = byAge[0].AgeDays
		for _, m := range byAge {
			out.Sources = append(out.Sources, m.Source)
		}
	}
	var mean, square float64 // in terms of the belief
	for _, k := range p {
		// The campaign's own z given D is shrunk towards sqrt(1 - f) D.
		c, shrink := math.Sqrt(1-k.f), k.f/(k.f+x.variance)
		m := shrink*x.z + (1-shrink)*c*k.mean
		v := k.f*(1-shrink) + (1-shrink)*(1-shrink)*c*c*k.variance
		mean += k.weight * m
		square += k.weight * (v + m*m)
		out.Weight += k.weight * shrink
	}
	out.cut(b.Mean+b.SD*mean, max(b.SD*sqrt(square-mean*mean), leastSD/10))
	return out
}

// cut sets the moments and the interval of a normal distribution cut to 0 to
// MaxIota.
func (i *Iota) cut(mean, sd float64) {
	n := distuv.UnitNormal
	// A measurement far outside says the nearest edge; the tails of a normal
	// distribution cannot be summed there.
	mean = min(max(mean, -6*sd), MaxIota+6*sd)
	a, b := -mean/sd, (MaxIota-mean)/sd
	pa, pb := n.CDF(a), n.CDF(b)
	quantile := func(q float64) float64 { return mean + sd*n.Quantile(pa+q*(pb-pa)) }
	if a > 0 { // by the upper tail, which is exact where the lower is next to 1
		sa, sb := n.Survival(a), n.Survival(b)
		pa, pb = -sa, -sb
		quantile = func(q float64) float64 { return mean - sd*n.Quantile(sa-q*(sa-sb)) }
	}
	mass := pb - pa
	fa, fb := n.Prob(a), n.Prob(b)
	shift := (fa - fb) / mass
	i.Mean = min(max(mean+sd*shift, 0), MaxIota)
	i.SD = sd * sqrt(1+(a*fa-b*fb)/mass-shift*shift)
	i.Low, i.High = min(max(quantile(0.1), 0), i.Mean), max(min(quantile(0.9), MaxIota), i.Mean)
}
