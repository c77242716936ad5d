package allocate

import (
	"math"
	"slices"
	"sort"
)

// Mix is the mean of Worth*Curve over concave draws with the given
// probabilities, or, of Points, over any.
func Mix(draws []Draw, probability []float64) Curve {
	if c := mixHills(draws, probability); c != nil {
		return c
	}
	if c := mixAllHills(draws, probability); c != nil {
		return c
	}
	if c := mixPowers(draws, probability); c != nil {
		return c
	}
	return mixOthers(draws, probability)
}

// mixHills is Mix of Hill curves with the exponent 1 and no shift; nil where there
// are others.
func mixHills(draws []Draw, probability []float64) Curve {
	mix := hillMix{scale: make([]float64, 0, len(draws)), half: make([]float64, 0, len(draws))}
	for j, d := range draws {
		c, ok := d.Curve.(Hill)
		if !ok || c.Alpha != 1 || c.Shift != 0 {
			return nil
		}
		if w := probability[j] * d.Worth; w*c.Coef > 0 {
			mix.scale = append(mix.scale, w*c.Coef*c.Gamma)
			mix.half = append(mix.half, c.Gamma)
		}
	}
	return &mix
}

// mixPowers is Mix of powers; nil where there are others.
func mixPowers(draws []Draw, probability []float64) Curve {
	mix := powerMix{scale: make([]float64, 0, len(draws)), exponent: make([]float64, 0, len(draws)), u: math.NaN()}
	for j, d := range draws {
		c, ok := d.Curve.(Power)
		if !ok {
			return nil
		}
		if w := probability[j] * d.Worth; w*c.Coef > 0 {
			mix.scale = append(mix.scale, w*c.Coef*c.Elasticity)
			mix.exponent = append(mix.exponent, c.Elasticity-1)
		}
	}
	return &mix
}

// mixOthers is Mix of curves of any type.
func mixOthers(draws []Draw, probability []float64) Curve {
	sum := make(drawSum, 0, len(draws))
	lines := false
	for j, d := range draws {
		if w := probability[j] * d.Worth; w > 0 {
			sum = append(sum, Draw{w, d.Curve})
		}
		_, line := d.Curve.(Points)
		lines = lines || line
	}
	if lines && len(sum) > 0 {
		return joined(sum)
	}
	return &drawMix{drawSum: sum}
}

// joined is the weighted sum of Points, which is Points again.
func joined(lines drawSum) Points {
	var out Points
	for _, d := range lines {
		out.Spends = append(out.Spends, d.Curve.(Points).Spends...)
	}
	sort.Float64s(out.Spends)
	out.Spends = slices.Compact(out.Spends)
	out.Values = make([]float64, len(out.Spends))
	for k, s := range out.Spends {
		out.Values[k] = lines.Value(s)
	}
	return out
}

// hillMix is a sum of Hill curves with the exponent 1, which is what the plan draws:
// its slope is the sum of scale/(s+half)^2.
type hillMix struct {
	scale, half []float64
	x           float64 // the spend found last
}

// at is value, slope, and the slope's derivative, from one look at each draw.
func (c *hillMix) at(s float64) (value, slope, fall float64) {
	for j, a := range c.scale {
		q := 1 / (s + c.half[j])
		t := a * q
		value += t / c.half[j]
		t *= q
		slope += t
		fall -= 2 * t * q
	}
	return value * s, slope, fall
}

// Value is the weighted sum of the draws' values; 0 for s <= 0.
func (c *hillMix) Value(s float64) float64 {
	if s <= 0 {
		return 0
	}
	v, _, _ := c.at(s)
	return v
}

// Slope is the weighted sum of the draws' slopes.
func (c *hillMix) Slope(s float64) float64 {
	_, slope, _ := c.at(max(s, 0))
	return slope
}

// best looks for the spend by Newton's steps on slope^(-1/2), which is linear for one
// draw and concave for several, being a power mean of linear functions: from before
// the root they approach it, from behind it the first leads before it.
func (c *hillMix) best(m, lo, hi float64) (float64, float64) {
	switch {
	case m <= 0:
		return hi, c.Value(hi)
	case len(c.scale) == 0:
		return lo, 0
	}
	x := c.x
	if !(x >= lo && x <= hi) {
		x = lo
	}
	for range maxSteps {
		value, slope, fall := c.at(x)
		next := min(max(x+(1/math.Sqrt(m)-1/math.Sqrt(slope))*2*slope*math.Sqrt(slope)/-fall, lo), hi)
		step := next - x
		switch {
		case math.IsNaN(next): // so far out that nothing can be told
			return ends(c, m, lo, hi)
		case math.Abs(step) <= 1e-8*next: // the error left is about its square
			c.x = next
			return next, value + slope*step
		}
		x = next
	}
	c.x = x
	return x, c.Value(x)
}

func (*hillMix) bend(_, _ float64) (bend, float64) { return concave, 0 }
func (*hillMix) flaw() (string, string)            { return "", "" }

// powerMix is a sum of powers: its slope is the sum of scale*s^exponent.
type powerMix struct {
	scale, exponent []float64
	u               float64 // the logarithm of the spend found last; NaN at first
}

// at is value, slope, and the slope's derivative by the logarithm of the spend
// u, from one look at each draw.
func (c *powerMix) at(u float64) (value, slope, fall float64) {
	for j, a := range c.scale {
		b := c.exponent[j]
		t := a * math.Exp(b*u)
		slope += t
		fall += b * t
		value += t / (b + 1)
	}
	return value * math.Exp(u), slope, fall
}

// Value is the weighted sum of the draws' values; 0 for s <= 0.
func (c *powerMix) Value(s float64) float64 {
	if s <= 0 {
		return 0
	}
	v, _, _ := c.at(math.Log(s))
	return v
}

// Slope is the weighted sum of the draws' slopes; +Inf at 0 where a draw's is.
func (c *powerMix) Slope(s float64) float64 {
	if s <= 0 {
		for _, b := range c.exponent {
			if b < 0 {
				return math.Inf(1)
			}
		}
	}
	_, slope, _ := c.at(math.Log(max(s, math.SmallestNonzeroFloat64)))
	return slope
}

// best looks for the spend by Newton's steps on the logarithm of the slope,
// which is convex in the logarithm of the spend: from before the root they
// approach it, from behind it the first leads before it.
func (c *powerMix) best(m, lo, hi float64) (float64, float64) {
	if len(c.scale) == 0 && m > 0 {
		return lo, 0
	}
	if m <= 0 {
		return hi, c.Value(hi)
	}
	first, last, target := math.Log(lo), math.Log(hi), math.Log(m)
	u := c.u
	if !(u >= first && u <= last) {
		u = last
	}
	for range maxSteps {
		value, slope, fall := c.at(u)
		if fall == 0 { // straight lines, or too far down to tell
			if slope >= m {
				return hi, c.Value(hi)
			}
			return lo, c.Value(lo)
		}
		next := u + (math.Log(slope)-target)*slope/-fall
		switch next = min(max(next, first), last); {
		case math.IsNaN(next) || math.IsInf(next, -1) || math.IsInf(slope, 1):
			return lo, c.Value(lo)
		case next == u && u == first:
			return lo, value
		case next == u && u == last:
			return hi, value
		}
		step := next - u
		u = next
		if math.Abs(step) <= 1e-8 { // the error left is about its square
			c.u = u
			x := min(max(math.Exp(u), lo), hi)
			return x, value + slope*(x-math.Exp(u-step))
		}
	}
	c.u = u
	x := min(max(math.Exp(u), lo), hi)
	return x, c.Value(x)
}

func (*powerMix) bend(_, _ float64) (bend, float64) { return concave, 0 }
func (*powerMix) flaw() (string, string)            { return "", "" }

// drawSum is the sum of Worth*Curve over draws.
type drawSum []Draw

func (c drawSum) Value(s float64) (sum float64) {
	for _, d := range c {
		sum += d.Worth * d.Curve.Value(s)
	}
	return sum
}

func (c drawSum) Slope(s float64) (sum float64) {
	for _, d := range c {
		sum += d.Worth * d.Curve.Slope(s)
	}
	return sum
}

// drawMix is a sum of concave curves of any type.
type drawMix struct {
	drawSum
	x    float64  // found last; 0 at first
	ends drawEnds // the bounds asked about last
}

// drawEnds are slopes at a lower and an upper bound, which seldom change.
type drawEnds [2]struct{ x, slope float64 }

func (e *drawEnds) slope(c Curve, end int, x float64) float64 {
	if at := &e[end]; at.x != x || at.slope == 0 {
		at.x, at.slope = x, c.Slope(x)
	}
	return e[end].slope
}

// settle tells the spend that earns most at price m where it is one of the bounds.
func (e *drawEnds) settle(c Curve, m, lo, hi float64) (float64, bool) {
	if m <= 0 || e.slope(c, 1, hi) >= m {
		return hi, true
	}
	return lo, e.slope(c, 0, lo) <= m
}

// best closes a bracket of spends by the secant in the logarithms, and by halves
// where that does not halve it in two steps.
func (c *drawMix) best(m, lo, hi float64) (float64, float64) {
	if x, ok := c.ends.settle(c, m, lo, hi); ok {
		return x, c.Value(x)
	}
	in := bracket{a: lo, b: hi, stride: 2} // slope(a) > m > slope(b)
	x := c.x
	var lnX, lnS float64 // of the look before
	width, since := in.width(), 0
	for k := range maxSteps {
		if !(x > in.a && x < in.b) {
			x = in.middle()
		}
		if x <= in.a || x >= in.b {
			break
		}
		slope := c.Slope(x)
		if in.narrow(x, slope >= m); in.closed() || slope == m {
			break
		}
		atX, atS := math.Log(x), math.Log(slope/m)
		next := math.NaN()
		if since++; in.width() < width/2 {
			width, since = in.width(), 0
		}
		switch {
		case k == 0 || since > 2:
			since = 0
		case !math.IsInf(atS, 0) && !math.IsInf(lnS, 0): // a look where nothing is earned says not how far to go
			next = math.Exp(atX - atS*(atX-lnX)/(atS-lnS))
		}
		// A short step alone proves nothing: it is short behind a cliff as well. That
		// the slope is the price does, and the error left is about the step's power 1.6.
		if math.Abs(atS) <= 1e-8 && math.Abs(next-x) <= 1e-9*x && next >= in.a && next <= in.b {
			x = next
			break
		}
		lnX, lnS, x = atX, atS, next
	}
	if c.x = x; !(x >= in.a && x <= in.b) {
		c.x = in.a
	}
	return c.x, c.Value(c.x)
}

// bracket is two spends with the one sought between them.
type bracket struct{ a, b, stride float64 }

// narrow puts a for x, or b.
func (in *bracket) narrow(x float64, below bool) {
	if below {
		in.a = x
	} else {
		in.b = x
	}
}

func (in *bracket) closed() bool { return in.b-in.a <= 1e-13*in.b }

// width is that of the logarithms, for a spend may be anything above 0.
func (in *bracket) width() float64 { return math.Log1p((in.b - in.a) / in.a) }

// middle halves the bracket, in the logarithm where it is wide. From 0 there are
// no halves of that: strides that grow lead below the least spend sought.
func (in *bracket) middle() float64 {
	switch {
	case in.a == 0:
		x := in.b / in.stride
		in.stride *= in.stride
		return x
	case in.b > 4*in.a:
		return math.Sqrt(in.a) * math.Sqrt(in.b)
	}
	return in.a + (in.b-in.a)/2
}

func (*drawMix) bend(_, _ float64) (bend, float64) { return concave, 0 }
func (*drawMix) flaw() (string, string)            { return "", "" }
