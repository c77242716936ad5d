// Package lift holds the statistics of experiments that say what advertising
// caused: regions with and without it (geo), people kept from it (holdout) and
// campaigns switched on and off (switchback), how such experiments are planned,
// and how their results become a campaign's incremental share (ledger).
//
// Amounts are in units of a currency, as numbers of a model. Randomness is handed
// in as a seed, so that a result can be made again.
package lift

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"adsteward/internal/civil"
)

// Estimate is a number with what is known of its error.
type Estimate struct {
	Value float64 `json:"value"`
	// SE is the standard error. Where the interval comes from permutations it is
	// half the interval's width over the normal quantile of its level.
	SE    float64 `json:"se"`
	Low   float64 `json:"low"`  // of the two-sided interval
	High  float64 `json:"high"` // of the two-sided interval
	Level float64 `json:"level"`
}

// Excludes reports whether the interval does not hold v: for v = 0, whether an
// effect is shown.
func (e Estimate) Excludes(v float64) bool { return v < e.Low || v > e.High }

// times is the estimate of k times as much.
func (e Estimate) times(k float64) Estimate {
	e.Value, e.SE, e.Low, e.High = e.Value*k, e.SE*math.Abs(k), e.Low*k, e.High*k
	if k < 0 {
		e.Low, e.High = e.High, e.Low
	}
	return e
}

// Result is what an experiment says.
type Result struct {
	Method string `json:"method"`
	// Lift is the response caused over all days of the test, or kept from coming
	// where it is negative: of the treated regions or people, or of the days on.
	Lift Estimate `json:"lift"`
	// Expected is the response there would have been without the treatment, over
	// the same regions or people and days.
	Expected float64 `json:"expected"`
	// Cost is the spend the treatment added over the same; negative where it took
	// spend away.
	Cost float64 `json:"cost"`
	// IROAS is Lift over the spend added: what one more unit of money brings. Nil
	// where the spend is not known, or did not clearly differ; of the latter a warning tells.
	IROAS *Estimate `json:"iroas"`
	// Iota is Lift over what the platform claimed: the incremental share. Nil where
	// no claims were given or they do not clearly differ from nothing.
	Iota    *Estimate `json:"iota"`
	Placebo *Placebo  `json:"placebo"` // nil where none was asked for
	// AlwaysValid is the interval of Lift that may be looked at every day; nil
	// where no planned effect was given.
	AlwaysValid *Estimate `json:"always_valid"`
	Days        []Day     `json:"days"` // of the test, in order; empty where the method knows none
	Warnings    []string  `json:"warnings"`
}

// Day is one day of a test: what was seen of the treated, what was expected of
// them without the treatment, and the sum of the differences so far.
type Day struct {
	Date       civil.Date `json:"date"`
	Observed   float64    `json:"observed"`
	Expected   float64    `json:"expected"`
	Cumulative float64    `json:"cumulative"`
	// Low and High are the interval of Cumulative; nil where the method has none by
	// day.
	Low  *float64 `json:"low"`
	High *float64 `json:"high"`
}

// Placebo is a permutation test: the same analysis where the treatment is
// pretended to have been given otherwise, as the same draw could have.
type Placebo struct {
	P            float64 `json:"p"` // how often chance alone shows at least as much; (1 + hits) / (1 + permutations)
	Permutations int     `json:"permutations"`
}

// checkLevel returns what is wrong with the level of an interval.
func checkLevel(level float64) error {
	if !(level >= 0.5 && level < 1) {
		return fmt.Errorf("the level of the interval is %g; give 0.5 to below 1, as 0.9", level)
	}
	return nil
}

// interval is an estimate with a t interval; df 0 stands for the normal.
func interval(value, se, df, level float64) Estimate {
	half := quantile(df, level) * se
	return Estimate{Value: value, SE: se, Low: value - half, High: value + half, Level: level}
}

// between is an estimate whose interval comes from permutations.
func between(value, low, high, level float64) Estimate {
	return Estimate{Value: value, SE: (high - low) / 2 / quantile(0, level), Low: low, High: high, Level: level}
}

// quantile is that of t with df degrees of freedom, of the normal for 0, which
// the two-sided interval of a level reaches to. Level 0 is for who wants no interval,
// which takes longer than most estimates.
func quantile(df, level float64) float64 {
	if level == 0 {
		return 0
	}
	if df == 0 {
		return distuv.UnitNormal.Quantile((1 + level) / 2)
	}
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}.Quantile((1 + level) / 2)
}

// fieller is the ratio a / b of two estimates with variances and covariance, by
// Fieller's theorem (Fieller 1954, JRSS B 16(2)): the r for which a - r b is not
// told from zero. Unlike the delta method it holds its level where b is not
// measured far from zero. ok is false where b is not told from zero, since then
// any ratio is possible.
func fieller(a, b, varA, varB, cov, df, level float64) (r Estimate, ok bool) {
	q := quantile(df, level)
	q *= q
	lead := b*b - q*varB
	if !(lead > 0) {
		return Estimate{}, false
	}
	half := a*b - q*cov
	root := math.Sqrt(max(half*half-lead*(a*a-q*varA), 0))
	r = Estimate{Value: a / b, Low: (half - root) / lead, High: (half + root) / lead, Level: level}
	r.SE = math.Sqrt(max(varA-2*r.Value*cov+r.Value*r.Value*varB, 0)) / math.Abs(b)
	return r, finite(r.Value, r.SE, r.Low, r.High)
}

// checkFinite returns an error where a figure of the result is no number.
func (r *Result) checkFinite() error {
	ok := finite(r.Expected, r.Cost)
	for _, e := range []*Estimate{&r.Lift, r.IROAS, r.Iota, r.AlwaysValid} {
		ok = ok && (e == nil || finite(e.Value, e.SE, e.Low, e.High))
	}
	if !ok {
		return errors.New("the numbers are too large or too small to reckon with; give them in another unit")
	}
	return nil
}

// finite reports whether all are numbers.
func finite(v ...float64) bool {
	for _, x := range v {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return false
		}
	}
	return true
}
