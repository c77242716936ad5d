package allocate

import (
	"fmt"
	"math"
	"sort"
)

// Points joins points by straight lines and is constant outside them. It need
// be neither concave nor rising. Spends rises strictly.
type Points struct {
	Spends, Values []float64
}

// Value is the curve at a spend.
func (c Points) Value(s float64) float64 {
	switch k := sort.SearchFloat64s(c.Spends, s); {
	case k == len(c.Spends):
		return c.Values[k-1]
	case k == 0 || c.Spends[k] == s:
		return c.Values[k]
	default:
		return c.Values[k-1] + c.slope(k)*(s-c.Spends[k-1])
	}
}

// Slope is the slope to the right of a spend.
func (c Points) Slope(s float64) float64 {
	return c.slope(sort.Search(len(c.Spends), func(i int) bool { return c.Spends[i] > s }))
}

// slope is that of the line which ends in point k.
func (c Points) slope(k int) float64 {
	if k == 0 || k == len(c.Spends) {
		return 0
	}
	return (c.Values[k] - c.Values[k-1]) / (c.Spends[k] - c.Spends[k-1])
}

func (c Points) best(m, lo, hi float64) (float64, float64) {
	x, v := ends(c, m, lo, hi)
	for k, s := range c.Spends {
		if s > lo && s < hi {
			if d := c.Values[k] - m*s - (v - m*x); d > 0 || d == 0 && s > x {
				x, v = s, c.Values[k]
			}
		}
	}
	return x, v
}

// bend parts the curve where its slope rises most; three points on a line, as
// rounding leaves them, are no rise.
func (c Points) bend(lo, hi float64) (bend, float64) {
	const rounding = 1e-12
	var at, most float64
	for k, s := range c.Spends {
		if s <= lo || s >= hi {
			continue
		}
		before, after := c.slope(k), c.slope(k+1)
		if rise := after - before; rise > most && rise > rounding*(math.Abs(before)+math.Abs(after)) {
			at, most = s, rise
		}
	}
	if most == 0 {
		return concave, 0
	}
	return mixed, at
}

func (c Points) flaw() (string, string) {
	switch {
	case len(c.Spends) == 0:
		return "spend", "must have at least one point"
	case len(c.Values) != len(c.Spends):
		return "value", fmt.Sprintf("must have as many numbers as spend (%d), and has %d", len(c.Spends), len(c.Values))
	}
	for k, s := range c.Spends {
		if !notNegative(s) {
			return fmt.Sprintf("spend[%d]", k), mustNotBeNegative
		}
		if k > 0 && s <= c.Spends[k-1] {
			return fmt.Sprintf("spend[%d]", k), fmt.Sprintf("must be above the point before it, %g", c.Spends[k-1])
		}
		if math.IsNaN(c.Values[k]) || math.IsInf(c.Values[k], 0) {
			return fmt.Sprintf("value[%d]", k), "must be a finite number"
		}
	}
	return "", ""
}
