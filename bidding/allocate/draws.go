package allocate

import (
	"fmt"
	"math"
	"slices"
	"sort"
)

// Draw is one possible truth about an item.
type Draw struct {
	Worth float64
	Curve Curve
}

// Expect is the item's value and marginal worth at a spend; the means of its
// draws, where it has any.
func (it Item) Expect(spend float64) (value, marginal float64) {
	if len(it.Draws) == 0 {
		return it.Curve.Value(spend), it.Worth * it.Curve.Slope(spend)
	}
	for _, d := range it.Draws {
		value += d.Curve.Value(spend)
		if d.Worth > 0 { // nothing times no limit is nothing
			marginal += d.Worth * d.Curve.Slope(spend)
		}
	}
	n := float64(len(it.Draws))
	return value / n, marginal / n
}

// scenarios are the joint draws of a problem: in scenario j every item that has
// draws is as its draw j says, every other as its Curve and Worth say.
type scenarios struct {
	p Problem
	n int
}

// newScenarios checks the draws; n is 0 where no item has any.
func newScenarios(p Problem) (scenarios, error) {
	s := scenarios{p: p}
	for _, it := range p.Items {
		if len(it.Draws) == 0 {
			continue
		}
		if s.n == 0 {
			s.n = len(it.Draws)
		}
		if len(it.Draws) != s.n {
			return s, fmt.Errorf("item %q has %d draws and another item has %d; all that have draws need as many", it.ID, len(it.Draws), s.n)
		}
		_, pieces := it.Draws[0].Curve.(Points)
		for j, d := range it.Draws {
			one := it
			one.Worth, one.Curve, one.Draws = d.Worth, d.Curve, nil
			if err := checkItem(one); err != nil {
				return s, fmt.Errorf("draw %d: %w", j, err)
			}
			if _, ok := d.Curve.(Points); ok != pieces {
				return s, fmt.Errorf("item %q has draws of points and of another type of curve; all must be of one type", it.ID)
			}
			if pieces {
				continue
			}
			hi := it.Max
			if math.IsInf(hi, 1) {
				hi = math.MaxFloat64
			}
			if kind, _ := respond(d.Curve).bend(it.Min, hi); kind != concave {
				return s, fmt.Errorf("item %q has an S-shaped curve as draw %d; draws must be concave (a hill's alpha or a power's elasticity at most 1)", it.ID, j)
			}
		}
	}
	return s, nil
}

func (s scenarios) uniform() []float64 {
	q := make([]float64, s.n)
	for j := range q {
		q[j] = 1 / float64(s.n)
	}
	return q
}

// weighted is the problem of the mean profit where scenario j has the
// probability q[j]. The mean of concave curves is concave and its slope is the
// mean of their slopes, so that it is solved as exactly as a certain one.
func (s scenarios) weighted(q []float64) Problem {
	p := s.p
	p.Items = slices.Clone(p.Items)
	for i := range p.Items {
		if it := &p.Items[i]; len(it.Draws) > 0 {
			it.Worth, it.Curve, it.Draws = 1, Mix(it.Draws, q), nil
		}
	}
	return p
}

// profits is what the spends earn in each scenario.
func (s scenarios) profits(x []float64) []float64 {
	out := make([]float64, s.n)
	for i, it := range s.p.Items {
		if len(it.Draws) == 0 {
			sure := it.Worth*it.Curve.Value(x[i]) - x[i]
			for j := range out {
				out[j] += sure
			}
		}
		for j, d := range it.Draws {
			out[j] += d.Worth*d.Curve.Value(x[i]) - x[i]
		}
	}
	return out
}

// Best is the spend between lo and hi at which a curve of this package, or one
// that is concave, earns most where money costs price.
func Best(c Curve, price, lo, hi float64) float64 {
	x, _ := respond(c).best(price, lo, hi)
	return x
}

// Mix is the mean of Worth*Curve over concave draws with the given
// probabilities, or, of Points, over any.
func Mix(draws []Draw, probability []float64) Curve {
	mix := hillMix{scale: make([]float64, 0, len(draws)), half: make([]float64, 0, len(draws))}
	for j, d := range draws {
		c, ok := d.Curve.(Hill)
		if !ok || c.Alpha != 1 || c.Shift != 0 {
			return mixOthers(draws, probability)
		}
		if w := probability[j] * d.Worth; w*c.Coef > 0 {
			mix.scale = append(mix.scale, w*c.Coef*c.Gamma)
			mix.half = append(mix.half, c.Gamma)
		}
	}
	return &mix
}

// mixOthers is Mix of curves that are not all such hills.
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
	x    float64    // found last; 0 at first
	ends [2]drawEnd // the bounds asked about last
}

type drawEnd struct{ x, slope float64 }

// slopeAt is the slope at a bound, which seldom changes.
func (c *drawMix) slopeAt(end int, x float64) float64 {
	if e := &c.ends[end]; e.x != x || e.slope == 0 {
		*e = drawEnd{x, c.Slope(x)}
	}
	return c.ends[end].slope
}

// best closes a bracket of spends by the secant in the logarithms, and by halves
// where that does not halve it in two steps.
func (c *drawMix) best(m, lo, hi float64) (float64, float64) {
	switch {
	case m <= 0 || c.slopeAt(1, hi) >= m:
		return hi, c.Value(hi)
	case c.slopeAt(0, lo) <= m:
		return lo, c.Value(lo)
	}
	const closest = 1e-13
	a, b := lo, hi // slope(a) > m > slope(b)
	x := c.x
	var lnX, lnS float64 // of the look before
	width, since := b-a, 0
	for k := range maxSteps {
		if !(x > a && x < b) {
			if x = a + (b-a)/2; a > 0 && b > 4*a {
				x = math.Sqrt(a) * math.Sqrt(b)
			}
		}
		if x <= a || x >= b {
			break
		}
		slope := c.Slope(x)
		if slope >= m {
			a = x
		} else {
			b = x
		}
		if b-a <= closest*b || slope == m {
			break
		}
		atX, atS := math.Log(x), math.Log(slope/m)
		next := math.NaN()
		if since++; b-a <= width/2 {
			width, since = b-a, 0
		}
		if k > 0 && since < 3 {
			next = math.Exp(atX - atS*(atX-lnX)/(atS-lnS))
			if math.Abs(next-x) <= 1e-9*x && next >= a && next <= b { // the error left is about its power 1.6
				x = next
				break
			}
		} else {
			since = 0
		}
		lnX, lnS, x = atX, atS, next
	}
	c.x = min(max(x, a), b)
	return c.x, c.Value(c.x)
}

func (*drawMix) bend(_, _ float64) (bend, float64) { return concave, 0 }
func (*drawMix) flaw() (string, string)            { return "", "" }
