package ltv

import (
	"math"
	"math/bits"
)

type rowKey struct {
	x     int
	tx, t float64
}

// maxRows is how many distinct histories are counted apart. A shop of years and
// millions of customers has more; there near histories are taken together.
const maxRows = 1 << 18

// rowCounts counts customers by history in bounded memory.
type rowCounts struct {
	n     map[rowKey]float64
	most  int
	steps int // of time to a doubling of it; 0 is exact
}

// finest is the steps that histories are first rounded to: days below 256 stay,
// and longer times move by less than 0.4 %.
const finest = 128

func newRowCounts(most int) *rowCounts { return &rowCounts{n: map[rowKey]float64{}, most: most} }

func (c *rowCounts) add(k rowKey) {
	c.n[c.round(k)]++
	for len(c.n) > c.most && c.steps != 1 {
		if c.steps /= 2; c.steps == 0 {
			c.steps = finest
		}
		fine := c.n
		c.n = make(map[rowKey]float64, c.most)
		for k, n := range fine {
			c.n[c.round(k)] += n
		}
	}
}

// round moves the time to the last order and the time since to the middle of a
// step. The likelihoods know times by ratios to one another and to alpha or beta,
// so that equal steps of the logarithm disturb all alike, and the silence of a
// frequent customer keeps its length.
func (c *rowCounts) round(k rowKey) rowKey {
	if c.steps == 0 {
		return k
	}
	tx := middle(k.tx, c.steps)
	return rowKey{k.x, tx, tx + middle(k.t-k.tx, c.steps)}
}

// middle is that of the step that holds a number of days: of as many to each
// power of two, which are whole days and nest as steps are halved.
func middle(days float64, steps int) float64 {
	if days < float64(2*steps) {
		return days
	}
	w := float64(int(1) << (bits.Len(uint(days)) - 1) / steps)
	return math.Floor(days/w)*w + (w-1)/2
}
