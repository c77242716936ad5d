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

// Elasticity bounds: a power law is concave and rising only inside (0, 1), and
// at the ends its optimum runs away to nothing or everything.
const (
	MinElasticity = 0.05
	MaxElasticity = 0.95
)

// Curve is R(s) = Level (s/Spend)^Elasticity: reported value of an average day
// of the week, after all conversions have arrived, at daily spend s. Its
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
	// other units and the prior, 0 to 1.
	PoolShare float64 `json:"pool_share"`
	// SimulatedShare is the share of it that comes from the platform's own
	// simulation.
	SimulatedShare float64 `json:"simulated_share,omitempty"`
	Note           string  `json:"note"` // what a person should know of the fit; may be empty
	Seed           uint64  `json:"seed"`
}

// Draw is one curve of the posterior.
type Draw struct {
	Spend, Level, Elasticity float64
}

// Value is R(s) in currency a day; 0 for s <= 0.
func (c Curve) Value(s float64) float64 { return power(c.Spend, c.Level, c.Elasticity, s) }

// Slope is dR/ds; +Inf at 0.
func (c Curve) Slope(s float64) float64 {
	if s <= 0 {
		return math.Inf(1)
	}
	return c.Elasticity * c.Value(s) / s
}

// InverseSlope is the spend at which the slope is m.
func (c Curve) InverseSlope(m float64) float64 {
	switch {
	case m <= 0:
		return math.Inf(1)
	case c.Level <= 0:
		return 0
	}
	return c.Spend * math.Pow(m*c.Spend/(c.Elasticity*c.Level), 1/(c.Elasticity-1))
}

// Value is R(s) of the draw.
func (d Draw) Value(s float64) float64 { return power(d.Spend, d.Level, d.Elasticity, s) }

func power(s0, level, eps, s float64) float64 {
	if s <= 0 || level <= 0 {
		return 0
	}
	return level * math.Pow(s/s0, eps)
}

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

// truncatedNormal maps u in (0, 1) to a normal of the given mean and sd kept
// inside the elasticity bounds.
func truncatedNormal(mean, sd, u float64) float64 {
	if sd <= 0 {
		return math.Min(math.Max(mean, MinElasticity), MaxElasticity)
	}
	cdf := func(x float64) float64 { return 0.5 * math.Erfc(-(x-mean)/(sd*math.Sqrt2)) }
	lo, hi := cdf(MinElasticity), cdf(MaxElasticity)
	p := lo + u*(hi-lo)
	x := mean + sd*math.Sqrt2*math.Erfinv(2*p-1)
	return math.Min(math.Max(x, MinElasticity), MaxElasticity)
}
