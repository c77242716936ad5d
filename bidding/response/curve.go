// Package response turns what platforms report into curves: how much reported
// value a unit of control brings in a day at a given spend, with its
// uncertainty. It corrects for conversions that have not arrived yet (Lag),
// leaves out days on which tracking was down (Outage) and pools units that have
// too little data of their own (Fit).
//
// Amounts are float64 in units of the ad account's currency; the results do not
// depend on its scale. What a unit of reported value is worth, and what to do
// about it, does not belong here.
package response

import (
	"math"
	"math/rand/v2"
)

// Elasticity bounds: a curve is concave and rising only inside (0, 1), and at
// the ends its optimum runs away to nothing or everything.
const (
	MinElasticity = 0.05
	MaxElasticity = 0.95
)

// Curve is reported value of an average day of the week, after all conversions
// have arrived, by daily spend s: a Hill curve with the exponent 1
// (Michaelis-Menten) through Level at Spend, where its elasticity is Elasticity,
//
//	R(s) = Level s / ((1-Elasticity) s + Elasticity Spend).
//
// Its elasticity falls with spend, as auctions run out of good opportunities; a
// power law, whose elasticity stays, promises too much of large moves. Its
// posterior is normal and independent in ln Level and (truncated to the bounds)
// Elasticity; draws are made again from Seed, so that storing the curve stores
// them.
type Curve struct {
	Unit       string  `json:"unit"`
	Spend      float64 `json:"spend"`    // s0, where level and elasticity are uncorrelated
	Level      float64 `json:"level"`    // R(s0)
	LevelSD    float64 `json:"level_sd"` // of ln Level
	Elasticity float64 `json:"elasticity"`
	// ElasticityMean and ElasticitySD are of the normal before truncation;
	// Elasticity is the truncated mode.
	ElasticityMean float64 `json:"elasticity_mean"`
	ElasticitySD   float64 `json:"elasticity_sd"`
	ElasticityLow  float64 `json:"elasticity_low"` // central 80 %
	ElasticityHigh float64 `json:"elasticity_high"`
	// Dispersion is the variance of a day's value over its mean, in currency.
	Dispersion float64 `json:"dispersion"`
	// OrderLuck is the part of Dispersion that is the luck of single orders, in
	// currency: a Poisson number of them, their sizes with a coefficient of
	// variation of a half. The rest is demand.
	OrderLuck float64 `json:"order_luck"`
	// Clustering is how much wider the mean of 14 days varies than if the days
	// were independent (a ratio of variances, at least 1).
	Clustering  float64 `json:"clustering"`
	Days        int     `json:"days"` // used in the fit
	Conversions float64 `json:"conversions"`
	// PoolShare is the share of the elasticity's precision that comes from
	// other units and the prior, 0 to 1; what is left of 1 besides SimulatedShare
	// is its own days'.
	PoolShare float64 `json:"pool_share"`
	// SimulatedShare is the share of it that comes from the platform's own
	// simulation.
	SimulatedShare float64 `json:"simulated_share,omitempty"`
	// Drift is how much ln Level moves a day; Level is the mean day's of the fit.
	Drift float64 `json:"drift,omitempty"`
	// Effect is what goods out of stock and marked down do; nothing where no day had
	// other conditions than usual. Level is what the usual ones bring.
	Effect Effect     `json:"effect,omitzero"`
	Usual  Conditions `json:"usual,omitzero"`
	Note   string     `json:"note"` // what a person should know of the fit; may be empty
	// Refused is why there is no curve where a figure reported is no number; it stands
	// in Note too, Level is 0, and the unit is to be left alone. Empty elsewhere.
	Refused string `json:"refused,omitempty"`
	Seed    uint64 `json:"seed"`
}

// Draw is one curve of the posterior.
type Draw struct {
	Spend, Level, Elasticity float64
}

// Mode is the curve without its doubt.
func (c Curve) Mode() Draw { return Draw{c.Spend, c.Level, c.Elasticity} }

// Value is R(s) in currency a day; 0 for s <= 0.
func (c Curve) Value(s float64) float64 { return c.Mode().Value(s) }

// Slope is dR/ds.
func (c Curve) Slope(s float64) float64 { return c.Mode().Slope(s) }

// ElasticityAt is the elasticity at a spend, with its central 80 %.
func (c Curve) ElasticityAt(s float64) (value, low, high float64) {
	at := func(e float64) float64 {
		if s >= 0 && c.Spend > 0 {
			return e * c.Spend / ((1-e)*s + e*c.Spend)
		}
		return e
	}
	return at(c.Elasticity), at(c.ElasticityLow), at(c.ElasticityHigh)
}

// ROASAtSlope is the ROAS where the slope is m: m itself, the elasticity before the
// first spend being 1, where the slope is below m all along, and 0 where m is not
// above 0, which no spend reaches.
func (d Draw) ROASAtSlope(m float64) float64 {
	switch s := d.InverseSlope(m); {
	case math.IsInf(s, 1):
		return 0
	case s > 0:
		return d.Value(s) / s
	}
	return m
}

// lack is Level by the ROAS at a spend: slope and ROAS are
// Level Elasticity Spend/lack^2 and Level/lack.
func (d Draw) lack(s float64) float64 { return (1-d.Elasticity)*s + d.Elasticity*d.Spend }

// spendAt is the spend of a lack; 0 before the first.
func (d Draw) spendAt(lack float64) float64 {
	return max((lack-d.Elasticity*d.Spend)/(1-d.Elasticity), 0)
}

// Value is R(s) of the draw.
func (d Draw) Value(s float64) float64 {
	if s <= 0 || d.Level <= 0 {
		return 0
	}
	return d.Level * s / d.lack(s)
}

// Slope is dR/ds of the draw.
func (d Draw) Slope(s float64) float64 {
	if s < 0 || d.Level <= 0 {
		return 0
	}
	q := d.lack(s)
	return d.Level * d.Elasticity * d.Spend / (q * q)
}

// InverseSlope is the spend at which the draw's slope is m; 0 where it is below m
// all along.
func (d Draw) InverseSlope(m float64) float64 {
	switch {
	case m <= 0:
		return math.Inf(1)
	case d.Level <= 0:
		return 0
	}
	return d.spendAt(math.Sqrt(d.Level * d.Elasticity * d.Spend / m))
}

// SpendAtROAS is the spend at which the ROAS is ratio times what it is at s.
func (d Draw) SpendAtROAS(s, ratio float64) float64 { return d.spendAt(d.lack(s) / ratio) }

// SpendAtSlope is the spend at which the slope is ratio times what it is at s.
func (d Draw) SpendAtSlope(s, ratio float64) float64 { return d.spendAt(d.lack(s) / math.Sqrt(ratio)) }

// Draws makes n draws of the posterior, the same ones each time.
func (c Curve) Draws(n int) []Draw {
	rng := rand.New(rand.NewPCG(c.Seed, 0x5eed))
	out := make([]Draw, n)
	for i := range out {
		out[i] = Draw{
			Spend:      c.Spend,
			Level:      c.Level * math.Exp(c.LevelSD*rng.NormFloat64()),
			Elasticity: truncatedNormal(c.ElasticityMean, c.ElasticitySD, rng.Float64()),
		}
	}
	return out
}

// farTail is how many standard deviations outside the bounds a mean may lie
// before probabilities near 1 lose too many of the digits that tell draws apart.
const farTail = 3

// truncatedNormal maps u in (0, 1) to a normal of the given mean and sd kept
// inside the elasticity bounds.
func truncatedNormal(mean, sd, u float64) float64 {
	if sd <= 0 {
		return math.Min(math.Max(mean, MinElasticity), MaxElasticity)
	}
	x, width := 0.0, (MaxElasticity-MinElasticity)/sd
	switch below, above := (MinElasticity-mean)/sd, (MaxElasticity-mean)/sd; {
	case below > farTail:
		x = MinElasticity + sd*pastTail(below, width, u)
	case above < -farTail:
		x = MaxElasticity - sd*pastTail(-above, width, 1-u)
	default:
		cdf := func(x float64) float64 { return 0.5 * math.Erfc(-(x-mean)/(sd*math.Sqrt2)) }
		lo, hi := cdf(MinElasticity), cdf(MaxElasticity)
		p := lo + u*(hi-lo)
		x = mean + sd*math.Sqrt2*math.Erfinv(2*p-1)
	}
	return math.Min(math.Max(x, MinElasticity), MaxElasticity)
}

// pastTail is how far beyond from the quantile u of a standard normal lies that is
// kept within a width from there, far above 0: nearly an exponential. It works with
// logarithms, for the probabilities themselves vanish, and takes Newton's steps back
// from a point beyond, which cannot overshoot, for the logarithm of a normal's
// tail is concave.
func pastTail(from, width, u float64) float64 {
	first := hazard(from)
	tail := func(d, h float64) float64 { return -d*(from+d/2) - math.Log(h/first) } // ln, 0 at from
	end := tail(width, hazard(from+width))
	left := max(math.Log1p(u*math.Expm1(end)), end) // ln of the tail beyond the quantile
	d := min(-2*left/(from+math.Sqrt(from*from-2*left)), width)
	for range 20 {
		h := hazard(from + d)
		step := (tail(d, h) - left) / h
		d = min(d+step, width)
		if math.Abs(step) <= 1e-13*d {
			break
		}
	}
	return d
}

// hazard is a standard normal's density over its tail at z, far above 0, by
// Laplace's continued fraction z + 1/(z + 2/(z + 3/...)).
func hazard(z float64) float64 {
	const terms = 60
	h := z
	for k := terms; k >= 1; k-- {
		h = z + float64(k)/h
	}
	return h
}
