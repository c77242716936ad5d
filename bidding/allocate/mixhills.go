package allocate

import "math"

// hillsMix is a sum of Hill curves without a shift, each with an exponent of its
// own of at most 1. With u the logarithm of the spend, the part of its scale that
// a curve has reached is the logistic function of exponent*(u-half).
type hillsMix struct {
	scale, exponent, half []float64 // half is the logarithm of Gamma
	x                     float64   // the spend found last; 0 at first
	ends                  drawEnds  // the bounds asked about last
}

// mixAllHills is Mix of Hill curves without a shift; nil where there are others.
func mixAllHills(draws []Draw, probability []float64) Curve {
	n := len(draws)
	mix := hillsMix{scale: make([]float64, 0, n), exponent: make([]float64, 0, n), half: make([]float64, 0, n)}
	for j, d := range draws {
		c, ok := d.Curve.(Hill)
		if !ok || c.Shift != 0 || c.Alpha > 1 {
			return nil
		}
		if w := probability[j] * d.Worth; w*c.Coef > 0 {
			mix.scale = append(mix.scale, w*c.Coef)
			mix.exponent = append(mix.exponent, c.Alpha)
			mix.half = append(mix.half, math.Log(c.Gamma))
		}
	}
	return &mix
}

// at is value, and its first and second derivative by u, from one look at each
// draw.
func (c *hillsMix) at(u float64) (value, rise, turn float64) {
	for j, w := range c.scale {
		a := c.exponent[j]
		y := a * (u - c.half[j])
		t := math.Exp(-math.Abs(y)) // does not overflow
		q := 1 / (1 + t)
		part, rest := q, t*q
		if y < 0 {
			part, rest = rest, part
		}
		value += w * part
		r := w * a * part * rest
		rise += r
		turn += r * a * (rest - part)
	}
	return value, rise, turn
}

// Value is the weighted sum of the draws' values; 0 for s <= 0.
func (c *hillsMix) Value(s float64) float64 {
	if s <= 0 {
		return 0
	}
	v, _, _ := c.at(math.Log(s))
	return v
}

// Slope is the weighted sum of the draws' slopes; +Inf at 0 where a draw's is.
func (c *hillsMix) Slope(s float64) (slope float64) {
	if s > 0 {
		_, rise, _ := c.at(math.Log(s))
		return rise / s
	}
	for j, w := range c.scale {
		if c.exponent[j] < 1 {
			return math.Inf(1)
		}
		slope += w / math.Exp(c.half[j])
	}
	return slope
}

// best looks for the spend by Newton's steps on the logarithm of the slope by
// that of the spend, and by halves where they lead out of the bracket.
func (c *hillsMix) best(m, lo, hi float64) (float64, float64) {
	if x, ok := c.ends.settle(c, m, lo, hi); ok {
		return x, c.Value(x)
	}
	in := bracket{a: lo, b: hi, stride: 2} // slope(a) > m > slope(b)
	x := c.x
	for range maxSteps {
		if !(x > in.a && x < in.b) {
			x = in.middle()
		}
		if x <= in.a || x >= in.b {
			break
		}
		value, rise, turn := c.at(math.Log(x))
		in.narrow(x, rise >= m*x)
		step := math.Log(rise/(m*x)) / (1 - turn/rise)
		next := x * math.Exp(step)
		if math.Abs(step) <= 1e-8 { // the error left is about its square
			c.x = clamp(next, lo, hi)
			return c.x, value + rise*step
		}
		if in.closed() {
			break
		}
		x = next
	}
	c.x = in.a
	return c.x, c.Value(c.x)
}

func (*hillsMix) bend(_, _ float64) (bend, float64) { return concave, 0 }
func (*hillsMix) flaw() (string, string)            { return "", "" }
