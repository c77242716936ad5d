package allocate

import "math"

// Power is Coef * spend^Elasticity, concave for an elasticity in (0, 1).
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

// Slope is the derivative of Value; +Inf at 0.
func (c Power) Slope(s float64) float64 {
	if s <= 0 {
		return math.Inf(1)
	}
	return c.Coef * c.Elasticity * math.Pow(s, c.Elasticity-1)
}

// InverseSlope is the spend at which the slope is m; +Inf for m <= 0.
func (c Power) InverseSlope(m float64) float64 {
	if m <= 0 {
		return math.Inf(1)
	}
	return math.Pow(c.Coef*c.Elasticity/m, 1/(1-c.Elasticity))
}
