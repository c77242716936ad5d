package allocate

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// Binormal is CapValue * Phi(Phi^-1(spend/CapSpend) + Sigma), CapValue from
// CapSpend on: the binormal ROC curve of equal variances. With z =
// Phi^-1(spend/CapSpend) its slope is CapValue/CapSpend * exp(-Sigma z -
// Sigma^2/2), so that it is concave for Sigma above 0, straight at 0 and convex
// below.
type Binormal struct {
	CapSpend, CapValue, Sigma float64
}

// Value is the curve at a spend.
func (c Binormal) Value(s float64) float64 {
	switch p := s / c.CapSpend; {
	case s <= 0:
		return 0
	case p >= 1:
		return c.CapValue
	case c.Sigma == 0:
		return c.CapValue * p
	default:
		return c.CapValue * phi(mathext.NormalQuantile(p)+c.Sigma)
	}
}

// Slope is the derivative of Value; 0 from CapSpend on, and at 0 it is +Inf for
// Sigma above 0.
func (c Binormal) Slope(s float64) float64 {
	switch p := max(s/c.CapSpend, 0); {
	case p >= 1 || c.CapValue == 0:
		return 0
	case c.Sigma == 0:
		return c.CapValue / c.CapSpend
	default: // at 0 the quantile is -Inf
		return c.CapValue / c.CapSpend * math.Exp(-c.Sigma*mathext.NormalQuantile(p)-c.Sigma*c.Sigma/2)
	}
}

func (c Binormal) best(m, lo, hi float64) (float64, float64) {
	end := min(hi, max(lo, c.CapSpend)) // what lies behind earns nothing
	if m <= 0 {
		end = hi
	}
	if m <= 0 || c.Sigma <= 0 || c.CapValue == 0 {
		return ends(c, m, lo, end)
	}
	z := -(math.Log(m*c.CapSpend/c.CapValue) + c.Sigma*c.Sigma/2) / c.Sigma
	switch x := c.CapSpend * phi(z); {
	case x <= lo:
		return lo, c.Value(lo)
	case x >= end:
		return end, c.Value(end)
	default:
		return x, c.CapValue * phi(z+c.Sigma)
	}
}

func (c Binormal) bend(lo, hi float64) (bend, float64) {
	switch {
	case c.Sigma >= 0 || c.CapSpend <= lo || c.CapValue == 0:
		return concave, 0
	case c.CapSpend >= hi:
		return convex, 0
	default:
		return mixed, c.CapSpend
	}
}

func (c Binormal) flaw() (string, string) {
	switch {
	case !positive(c.CapSpend):
		return "cap_spend", mustBePositive
	case !notNegative(c.CapValue):
		return "cap_value", mustNotBeNegative
	case math.IsNaN(c.Sigma) || math.IsInf(c.Sigma, 0):
		return "sigma", "must be a finite number"
	}
	return "", ""
}

// phi is the standard normal distribution function.
func phi(z float64) float64 { return 0.5 * math.Erfc(-z/math.Sqrt2) }
