package allocate

import (
	"fmt"
	"math"
	"slices"
)

// Draw is one possible truth about an item.
type Draw struct {
	Worth float64
	Curve Curve
}

// Expect is the item's value and marginal worth at a spend. Where it has draws,
// the value is their mean and the marginal worth their mean by weights, those of
// the Solution: by these it is the price for an item inside its bounds.
func (it Item) Expect(spend float64, weights []float64) (value, marginal float64) {
	if len(it.Draws) == 0 {
		if it.Worth > 0 { // nothing times no limit is nothing
			marginal = it.Worth * it.Curve.Slope(spend)
		}
		return it.Curve.Value(spend), marginal
	}
	for j, d := range it.Draws {
		value += d.Curve.Value(spend) / float64(len(it.Draws))
		if weights[j]*d.Worth > 0 {
			marginal += weights[j] * d.Worth * d.Curve.Slope(spend)
		}
	}
	return value, marginal
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
			if pieces || alwaysConcave(d.Curve) {
				continue
			}
			hi := it.Max
			if math.IsInf(hi, 1) {
				hi = math.MaxFloat64
			}
			if kind, _ := respond(d.Curve).bend(it.Min, hi); kind != concave {
				return s, &BadItem{it.ID, j, fmt.Sprintf("item %q has an S-shaped curve as draw %d; draws must be concave (a hill's alpha or a power's elasticity at most 1) or points: correct it, leave it out or give points", it.ID, j)}
			}
		}
	}
	return s, nil
}

// alwaysConcave spares the many draws of a large plan the making of what answers for
// them, only to ask how it bends.
func alwaysConcave(c Curve) bool {
	h, ok := c.(Hill)
	return ok && h.Alpha <= 1
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
