package allocate

import "math"

// Curve is the value of a spend; it does not fall. Slope is its derivative,
// from the right where there are two; it may be +Inf. A curve from outside this
// package is taken to be concave.
type Curve interface {
	Value(spend float64) float64
	Slope(spend float64) float64
}

// Inverse is implemented by concave curves that know the spend at which their
// slope is m > 0.
type Inverse interface{ InverseSlope(m float64) float64 }

// bend is how a curve runs between two spends.
type bend int

const (
	concave bend = iota
	convex       // nothing inside is better than both ends
	mixed        // parts at a spend into two that are simpler
)

// responder is a curve as the solver asks it.
type responder interface {
	Curve
	// best is the spend in [lo, hi] with the largest Value - m*spend, the
	// larger where two tie, and its value. m is finite.
	best(m, lo, hi float64) (spend, value float64)
	// bend says how the curve runs from lo to hi and, where that is mixed, at
	// which spend inside to part it.
	bend(lo, hi float64) (bend, float64)
}

// checked is a curve that knows which of its parameters makes no sense, and what
// it must be; "" where all do.
type checked interface {
	flaw() (parameter, must string)
}

// respond returns the curve as the solver asks it.
func respond(c Curve) responder {
	switch c := c.(type) {
	case Hill:
		return newHill(c)
	case responder:
		return c
	case Inverse:
		return inverted{c.(Curve), c}
	default:
		return searched{c}
	}
}

// ends is the best of two spends.
func ends(c Curve, m, lo, hi float64) (spend, value float64) {
	a, b := c.Value(lo), c.Value(hi)
	if b-m*hi >= a-m*lo {
		return hi, b
	}
	return lo, a
}

// inverted is a concave curve with a closed form.
type inverted struct {
	Curve
	inverse Inverse
}

func (c inverted) best(m, lo, hi float64) (float64, float64) {
	x := hi
	if m > 0 {
		x = min(max(c.inverse.InverseSlope(m), lo), hi)
	}
	return x, c.Value(x)
}

func (inverted) bend(_, _ float64) (bend, float64) { return concave, 0 }

// searched is a concave curve whose slope is searched.
type searched struct{ Curve }

func (c searched) best(m, lo, hi float64) (float64, float64) {
	switch {
	case m <= 0 || c.Slope(hi) >= m:
		return hi, c.Value(hi)
	case c.Slope(lo) <= m:
		return lo, c.Value(lo)
	}
	for range maxSteps {
		mid := lo + (hi-lo)/2
		if mid <= lo || mid >= hi {
			break
		}
		if c.Slope(mid) >= m {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo, c.Value(lo)
}

func (searched) bend(_, _ float64) (bend, float64) { return concave, 0 }

// concaveBetween looks coarsely; it finds the S-shapes that people write.
func concaveBetween(c Curve, lo, hi float64) bool {
	const looks = 16
	before := math.Inf(1)
	for k := range looks + 1 {
		slope := c.Slope(lo + (hi-lo)*float64(k)/looks)
		if math.IsNaN(slope) || slope < 0 || slope > before*(1+1e-9) {
			return false
		}
		before = slope
	}
	return true
}

func positive(v float64) bool    { return v > 0 && !math.IsInf(v, 1) }
func notNegative(v float64) bool { return v >= 0 && !math.IsInf(v, 1) }

const (
	mustBePositive    = "must be a finite number above 0"
	mustNotBeNegative = "must be a finite number of at least 0"
)
