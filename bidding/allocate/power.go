package allocate

import "math"

// Power is Coef * spend^Elasticity; concave for an elasticity of at most 1.
type Power struct {
	Coef, Elasticity float64
}

// Value is Coef * s^Elasticity; 0 for s <= 0.
func (c Power) Value(s float64) float64 {
	if s <= 0 {
		return 0
	}
	return c.Coef * math.Pow(s, c.Elasticity)
}

// Slope is the derivative of Value; at 0 it is +Inf below an elasticity of 1.
func (c Power) Slope(s float64) float64 {
	switch {
	case c.Coef == 0:
		return 0
	case c.Elasticity == 1:
		return c.Coef
	case s <= 0 && c.Elasticity < 1:
		return math.Inf(1)
	case s <= 0:
		return 0
	}
	return c.Coef * c.Elasticity * math.Pow(s, c.Elasticity-1)
}

// InverseSlope is the spend at which the slope is m, for an elasticity below 1;
// +Inf for m <= 0.
func (c Power) InverseSlope(m float64) float64 {
	if m <= 0 {
		return math.Inf(1)
	}
	return math.Pow(c.Coef*c.Elasticity/m, 1/(1-c.Elasticity))
}

func (c Power) best(m, lo, hi float64) (float64, float64) {
	if c.Elasticity >= 1 || m <= 0 {
		return ends(c, m, lo, hi)
	}
	switch x := c.InverseSlope(m); {
	case x <= lo:
		return lo, c.Value(lo)
	case x >= hi:
		return hi, c.Value(hi)
	default:
		return x, m * x / c.Elasticity // from m = Coef e x^(e-1)
	}
}

func (c Power) bend(_, _ float64) (bend, float64) {
	if c.Elasticity > 1 {
		return convex, 0
	}
	return concave, 0
}

func (c Power) flaw() (string, string) {
	switch {
	case !notNegative(c.Coef):
		return "coef", mustNotBeNegative
	case !positive(c.Elasticity):
		return "elasticity", mustBePositive
	}
	return "", ""
}
