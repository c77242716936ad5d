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

// inflection is the spend before which the curve is convex; it may be negative,
// and is where the curve begins if that is nowhere.
func (c Hill) inflection() float64 {
	if c.Alpha <= 1 {
		return -c.Shift
	}
	return c.Gamma*math.Pow((c.Alpha-1)/(c.Alpha+1), 1/c.Alpha) - c.Shift
}

// hill is a Hill with what its inverse needs ready, and where that came from
// last: prices come in a sequence, and the next answer is near.
type hill struct {
	Hill
	turn  float64 // the inflection; the curve is convex before it
	scale float64 // ln(Gamma/(Coef*Alpha))
	top   float64 // the largest h
	u     float64 // NaN at first
}

func newHill(c Hill) *hill {
	h := &hill{Hill: c, turn: c.inflection(), scale: math.Log(c.Gamma / (c.Coef * c.Alpha)), top: math.Inf(1), u: math.NaN()}
	if a := c.Alpha; a > 1 {
		q := (a - 1) / (a + 1) // exp(a u) there
		h.top = (a-1)/a*math.Log(q) - 2*math.Log1p(q)
	}
	return h
}

// inverse is the spend at which the slope is m on the part that is concave, and
// its value; the beginning of that part where the slope is below m all along.
//
// With u = ln(x/Gamma), the logarithm of slope*Gamma/(Coef*Alpha) is
// h(u) = (Alpha-1)u - 2 ln(1+exp(Alpha u)). h is concave, so that Newton's steps
// fall towards the root from anywhere behind it; it lies below its two
// asymptotes, so that the root lies before both of theirs.
func (c *hill) inverse(m float64) (spend, value float64) {
	a, target := c.Alpha, c.scale+math.Log(m)
	if a == 1 {
		y := math.Exp(-target/2) - 1 // x/Gamma
		if y <= 0 {
			return c.turn, 0
		}
		return c.Gamma*y - c.Shift, c.Coef * y / (1 + y)
	}
	if target >= c.top {
		return c.turn, c.Value(c.turn)
	}
	limit := -target / (a + 1)
	if a < 1 {
		limit = min(limit, -target/(1-a))
	}
	u := limit
	if c.u < limit { // a first step from before the root leads behind it
		u = c.u
	}
	var part, step float64 // value/Coef; the last step
	for range maxSteps {
		h, slope := (a-1)*u, a-1
		if u <= 0 {
			y := math.Exp(a * u)
			part = y / (1 + y)
			h -= 2 * math.Log(1+y)
		} else {
			y := math.Exp(-a * u)
			part = 1 / (1 + y)
			h -= 2 * (a*u + math.Log(1+y))
		}
		slope -= 2 * a * part
		if step = (h - target) / slope; !(slope < 0) {
			step = u - limit // before the turn, where steps lead away
		}
		if u-step > limit {
			step = u - limit
		}
		u -= step
		if math.Abs(step) <= 1e-8 { // the error left is about its square
			break
		}
	}
	c.u = u
	return c.Gamma*math.Exp(u) - c.Shift, c.Coef * part * (1 - a*(1-part)*step)
}

func (c *hill) best(m, lo, hi float64) (float64, float64) {
	if m <= 0 || c.Coef == 0 || c.turn >= hi {
		return ends(c, m, lo, hi)
	}
	x, v := c.inverse(m)
	if from := max(lo, c.turn); x < from {
		x, v = from, c.Value(from)
	} else if x > hi {
		x, v = hi, c.Value(hi)
	}
	if c.turn > lo { // what is before it is convex: its best is at its ends
		if at := c.Value(lo); at-m*lo > v-m*x {
			return lo, at
		}
	}
	return x, v
}

func (c *hill) bend(lo, hi float64) (bend, float64) {
	switch {
	case c.turn <= lo || c.Coef == 0:
		return concave, 0
	case c.turn >= hi:
		return convex, 0
	default:
		return mixed, c.turn
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
