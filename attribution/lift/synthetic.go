package lift

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

func sqrt(v float64) float64 { return math.Sqrt(max(v, 0)) }

// synthetic is synthetic control (Abadie, Diamond and Hainmueller 2010, JASA
// 105(490)): the control regions, each over its own mean since they differ in
// size, are mixed with weights that are not negative and sum to one so as to
// follow the treated's sum before the test; the mix goes on through the test as
// what is expected.
//
// The interval is conformal (Chernozhukov, Wuethrich and Zhu 2021, JASA 116(536)):
// it holds every effect, even over the days, under which the residuals of the
// test do not stand out among those of all stretches of days as long (moving
// blocks, which allows for residuals that hang together), the weights being made
// anew over all days under each.
func (s *split) synthetic(level float64) (effect, error) {
	c, err := s.mixed()
	if err != nil {
		return effect{}, err
	}
	n := len(c.pre) + len(c.test)
	if float64(n)*(1-level) < 1-1e-9 {
		return effect{}, fmt.Errorf("synthetic control: an interval of level %g needs %.0f days before and in the test together, there are %d", level, math.Ceil(1/(1-level)), n)
	}
	low, high, err := c.interval(level)
	if err != nil {
		return effect{}, err
	}
	return effect{expected: c.expected, lift: between(c.point, low, high, level)}, nil
}

// syntheticStatistic is the effect over what the mix misses before the test.
func (s *split) syntheticStatistic() (float64, error) {
	c, err := s.mixed()
	if err != nil || c.missed == 0 {
		return math.Abs(c.point), err
	}
	return math.Abs(c.point) / c.missed, nil
}

// mixed follows the treated by control regions.
func (s *split) mixed() (control, error) {
	c := control{pre: s.daily(s.pre, true), test: s.daily(s.test, true)}
	var before, during [][]float64
	for g := range s.pre {
		if !s.treated[g] && sum(s.pre[g]) > 0 && sum(s.pre[g])+sum(s.test[g]) > 0 {
			before, during = append(before, s.pre[g]), append(during, s.test[g])
			c.donors = append(c.donors, slices.Concat(s.pre[g], s.test[g]))
		}
	}
	if len(before) == 0 || !(sum(c.pre) > 0) {
		return c, errors.New("synthetic control: the treated and one control region at least need a response before the test")
	}
	weights := mix(c.pre, before)
	c.expected = follow(c.pre, before, weights, during)
	c.point = sum(c.test) - sum(c.expected)
	squares := 0.0
	for d, f := range follow(c.pre, before, weights, before) {
		squares += (c.pre[d] - f) * (c.pre[d] - f)
	}
	c.missed = math.Sqrt(squares / float64(len(c.pre)))
	return c, nil
}

// follow is what the mix of donors, made over the days of y, lets expect on the
// days of rows.
func follow(y []float64, donors [][]float64, weights []float64, rows [][]float64) []float64 {
	out := make([]float64, len(rows[0]))
	for g, row := range rows {
		if weights[g] > 0 {
			k := weights[g] * sum(y) / sum(donors[g])
			for d, v := range row {
				out[d] += k * v
			}
		}
	}
	return out
}

// mix finds the weights, each 0 or more and 1 together, with which the donors,
// each over its mean, come nearest to y over its mean.
func mix(y []float64, donors [][]float64) []float64 {
	n, ofY := float64(len(y)), sumOr1(y)
	points := make([][]float64, len(donors))
	for g, row := range donors {
		points[g] = make([]float64, len(y))
		ofRow := sumOr1(row)
		for d, v := range row {
			points[g][d] = n*v/ofRow - n*y[d]/ofY
		}
	}
	return nearest(points)
}

func sumOr1(v []float64) float64 {
	if s := sum(v); s != 0 {
		return s
	}
	return 1
}

// nearest are the weights of the point nearest to the origin in the convex hull
// of the points (Wolfe 1976, Mathematical Programming 11): it holds the nearest
// point of the plane through a few of them, adds the one that lies furthest on
// the origin's side of it, and drops those that the new nearest point does not
// need. It ends at the optimum after finitely many steps.
func nearest(points [][]float64) []float64 {
	k := len(points)
	gram, most := mat.NewSymDense(k, nil), 0.0
	for i := range k {
		for j := i; j < k; j++ {
			gram.SetSym(i, j, dot(points[i], points[j]))
		}
		most = max(most, gram.At(i, i))
	}
	w := make([]float64, k)
	start := 0
	for i := range k {
		if gram.At(i, i) < gram.At(start, start) {
			start = i
		}
	}
	w[start] = 1
	held := []int{start}
	for range 50 * k {
		var square float64
		next, least := -1, math.Inf(1)
		for i := range k {
			g := 0.0
			for _, j := range held {
				g += w[j] * gram.At(i, j)
			}
			square += w[i] * g
			if g < least {
				next, least = i, g
			}
		}
		if least >= square-1e-12*most || w[next] > 0 {
			break
		}
		kept, ok := reduce(gram, most, w, append(held, next))
		if !ok {
			break // the newest lies in the plane of the others but for rounding
		}
		held = kept
	}
	return w
}

// reduce moves w to the nearest point of the plane through the points held,
// dropping those on the way that would get a weight below 0.
func reduce(gram *mat.SymDense, most float64, w []float64, held []int) ([]int, bool) {
	for {
		v, ok := plane(gram, most, held)
		if !ok {
			return nil, false
		}
		step := 1.0
		for i, j := range held {
			if v[i] <= 0 {
				step = min(step, w[j]/(w[j]-v[i]))
			}
		}
		kept := held[:0:0]
		for i, j := range held {
			next := w[j] + step*(v[i]-w[j])
			if step < 1 && v[i] <= 0 && next <= 1e-14 {
				w[j] = 0
				continue
			}
			w[j] = next
			kept = append(kept, j)
		}
		if step == 1 || len(kept) == len(held) {
			return kept, true
		}
		held = kept
	}
}

// plane are the weights of the nearest point of the plane through the points
// held: they solve (c + G) u = 1 but for a factor.
func plane(gram *mat.SymDense, most float64, held []int) ([]float64, bool) {
	k := len(held)
	m, ones := mat.NewSymDense(k, nil), mat.NewVecDense(k, nil)
	for i := range k {
		ones.SetVec(i, 1)
		for j := i; j < k; j++ {
			m.SetSym(i, j, gram.At(held[i], held[j])+max(most, 1e-300))
		}
	}
	var chol mat.Cholesky
	if !chol.Factorize(m) || chol.Cond() > 1e13 {
		return nil, false
	}
	var u mat.VecDense
	if err := chol.SolveVecTo(&u, ones); err != nil {
		return nil, false
	}
	v := u.RawVector().Data
	total := sum(v)
	if !(total > 0) {
		return nil, false
	}
	for i := range v {
		v[i] /= total
	}
	return v, true
}

// control is the treated's sum, what follows it, and tests of effects on it.
type control struct {
	pre, test []float64
	donors    [][]float64 // over all days
	expected  []float64   // by day of the test
	point     float64     // the effect over all days of the test
	missed    float64     // root mean square of what the mix misses before the test
}

// p is how many of the stretches as long as the test stand out as much, where the
// test had the effect total, spread evenly.
func (c *control) p(total float64) float64 {
	y := slices.Clone(c.pre)
	for _, v := range c.test {
		y = append(y, v-total/float64(len(c.test)))
	}
	residuals := follow(y, c.donors, mix(y, c.donors), c.donors)
	for d := range y {
		residuals[d] = y[d] - residuals[d]
	}
	n, block := len(y), 0.0
	for d := len(c.pre); d < n; d++ {
		block += residuals[d]
	}
	seen, hits := math.Abs(block), 1
	for k := 1; k < n; k++ { // the block moved on by k days, around the end
		block += residuals[(n+k-1)%n] - residuals[(len(c.pre)+k-1)%n]
		if math.Abs(block) >= seen*(1-1e-9) {
			hits++
		}
	}
	return float64(hits) / float64(n)
}

// interval finds where p falls to 1 - level on either side of the estimate.
func (c *control) interval(level float64) (low, high float64, err error) {
	alpha := (1 - level) * (1 + 1e-9)
	point, scale := c.point, c.missed*math.Sqrt(float64(len(c.test)))
	if !(scale > 0) {
		scale = max(1e-9*math.Abs(sum(c.test)), 1e-9)
	}
	edge := func(side float64) (float64, bool) {
		inside, outside := 0.0, scale
		for c.p(point+side*outside) > alpha {
			if inside, outside = outside, 2*outside; outside > 1e4*scale {
				return 0, false
			}
		}
		for outside-inside > 1e-4*outside {
			if mid := (inside + outside) / 2; c.p(point+side*mid) > alpha {
				inside = mid
			} else {
				outside = mid
			}
		}
		return point + side*outside, true
	}
	low, ok := edge(-1)
	high, ok2 := edge(1)
	if !ok || !ok2 {
		return 0, 0, errors.New("synthetic control: no effect is too large for the data to bear, so that there is no interval; more days before the test would help")
	}
	return low, high, nil
}
