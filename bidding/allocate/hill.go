package allocate

import "math"

// Hill is Coef * x^Alpha / (x^Alpha + Gamma^Alpha) at x = spend + Shift. It is
// S-shaped for Alpha above 1 and concave otherwise.
type Hill struct {
	Coef, Alpha, Gamma, Shift float64
}

// Value is the curve at a spend; nothing is subtracted for the shift.
func (c Hill) Value(s float64) float64 {
	x := s + c.Shift
	if x <= 0 {
		return 0
	}
	return c.Coef / (1 + math.Pow(c.Gamma/x, c.Alpha))
}

// Slope is the derivative of Value; at 0 it is +Inf for Alpha below 1.
func (c Hill) Slope(s float64) float64 {
	x := s + c.Shift
	switch {
	case c.Coef == 0:
		return 0
	case x > 0:
		t := math.Pow(x/c.Gamma, c.Alpha)
		if t > 1 { // the same, without overflow
			t = 1 / t
		}
		return c.Coef * c.Alpha / x * t / ((1 + t) * (1 + t))
	case c.Alpha < 1:
		return math.Inf(1)
	case c.Alpha == 1:
		return c.Coef / c.Gamma
	default:
		return 0
	}
}

// inflection is the spend below which the curve is convex; it may be negative.
func (c Hill) inflection() float64 {
	if c.Alpha <= 1 {
		return -c.Shift
	}
	return c.Gamma*math.Pow((c.Alpha-1)/(c.Alpha+1), 1/c.Alpha) - c.Shift
}

// InverseSlope is the spend at which the slope is m on the part that is
// concave; its beginning where the slope is below m all along.
//
// With u = ln(x/Gamma), the logarithm of slope*Gamma/(Coef*Alpha) is
// h(u) = (Alpha-1)u - 2 ln(1+exp(Alpha u)). h is concave and lies below its two
// asymptotes, so that Newton's steps from where those meet the target fall
// towards the root and never pass it.
func (c Hill) InverseSlope(m float64) float64 {
	s, _ := c.inverse(m)
	return s
}

func (c Hill) inverse(m float64) (spend, value float64) {
	a := c.Alpha
	target := math.Log(m * c.Gamma / (c.Coef * a))
	if a == 1 {
		y := math.Exp(-target/2) - 1 // x/Gamma
		if y <= 0 {
			return -c.Shift, 0
		}
		return c.Gamma*y - c.Shift, c.Coef * y / (1 + y)
	}
	u := -target / (a + 1)
	if a < 1 {
		u = min(u, -target/(1-a))
	} else {
		top := math.Log((a-1)/(a+1)) / a
		if q := (a - 1) / (a + 1); (a-1)*top-2*math.Log1p(q) <= target {
			s := c.inflection()
			return s, c.Value(s)
		}
	}
	var y float64 // exp(a u), or its inverse where that is above 1
	for range maxSteps {
		h, slope := (a-1)*u, a-1
		if u <= 0 {
			y = math.Exp(a * u)
			h -= 2 * math.Log1p(y)
			slope -= 2 * a * y / (1 + y)
		} else {
			y = math.Exp(-a * u)
			h -= 2 * (a*u + math.Log1p(y))
			slope -= 2 * a / (1 + y)
		}
		step := (h - target) / slope
		if !(step > 1e-15*(1+math.Abs(u))) { // also where slope has become 0
			break
		}
		u -= step
	}
	value = c.Coef / (1 + y)
	if u <= 0 {
		value *= y
	}
	return c.Gamma*math.Exp(u) - c.Shift, value
}

func (c Hill) best(m, lo, hi float64) (float64, float64) {
	turn := lo
	if c.Alpha > 1 {
		turn = c.inflection()
	}
	if m <= 0 || c.Coef == 0 || turn >= hi {
		return ends(c, m, lo, hi)
	}
	x, v := c.inverse(m)
	if from := max(lo, turn); x < from {
		x, v = from, c.Value(from)
	} else if x > hi {
		x, v = hi, c.Value(hi)
	}
	if turn > lo { // the part before it is convex: its best is at its ends
		if at := c.Value(lo); at-m*lo > v-m*x {
			return lo, at
		}
	}
	return x, v
}

func (c Hill) bend(lo, hi float64) (bend, float64) {
	switch turn := c.inflection(); {
	case c.Alpha <= 1 || turn <= lo || c.Coef == 0:
		return concave, 0
	case turn >= hi:
		return convex, 0
	default:
		return mixed, turn
	}
}

func (c Hill) flaw() (string, string) {
	switch {
	case !notNegative(c.Coef):
		return "coef", mustNotBeNegative
	case !positive(c.Alpha):
		return "alpha", mustBePositive
	case !positive(c.Gamma):
		return "gamma", mustBePositive
	case !notNegative(c.Shift):
		return "shift", mustNotBeNegative
	}
	return "", ""
}
