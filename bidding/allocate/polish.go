package allocate

import (
	"math"
	"sort"
)

// polish makes spends that branching has found exact, and finds their prices:
// items on a concave stretch share them; one that stands inside a convex
// stretch, where bounding comes near but never to the point, is moved until its
// marginal worth is that of the others.
func (s *solver) polish(x []float64) relaxed {
	var inside []int
	for i := range s.items {
		if it := &s.items[i]; it.bend != concave && it.stay(x[i]) {
			inside = append(inside, i)
		}
	}
	s.equaliseAll(inside)
	r, ok := s.relax(1)
	if !ok {
		r = relaxed{x: x, price: 1, blocks: make([]blockAt, len(s.blocks))}
	}
	if before := s.profit(x); s.profit(r.x) < before-tolerance*math.Abs(before) {
		r.x = x
	}
	for _, i := range inside {
		s.priceInside(&r, i)
	}
	return r
}

// equaliseAll moves items that stand inside convex stretches. Where the bounds of
// their block bind, the rest of the problem has no say and is left out.
func (s *solver) equaliseAll(inside []int) {
	if len(inside) == 0 {
		return
	}
	r, ok := s.relax(1)
	for _, i := range inside {
		switch k := s.blockOf(i); {
		case ok && r.blocks[k].side != 0 && s.severalBlocks():
			s.alone(k, r.price).equalise(i - s.blocks[k].from)
		case !s.effort.over():
			s.equalise(i)
		}
	}
}

// equalise moves item i, which stands inside a convex stretch at its bounds in
// force, to where its marginal worth is the price that the others then have.
// Nearby the objective rises up to that spend and falls behind it.
func (s *solver) equalise(i int) {
	it := &s.items[i]
	start := it.lo
	lo, hi := it.convexAround(start)
	good := start
	// gain is above 0 where spending more would earn more.
	gain := func(x float64) float64 {
		it.lo, it.hi = x, x
		r, ok := s.relax(1)
		if !ok { // a bound is in the way
			return start - x
		}
		good = x
		return it.worth*it.curve.Slope(x) - r.blocks[s.blockOf(i)].price
	}
	a, b := start, start
	const first = 1e-7
	if gain(start) > 0 {
		for d := first * (hi - lo); b < hi; d *= 8 {
			if b = min(start+d, hi); gain(b) <= 0 {
				break
			}
			a = b
		}
	} else {
		for d := first * (hi - lo); a > lo; d *= 8 {
			if a = max(start-d, lo); gain(a) >= 0 {
				break
			}
			b = a
		}
	}
	for range maxSteps {
		if s.effort.stopped() {
			break
		}
		mid := a + (b-a)/2
		if mid <= a || mid >= b {
			break
		}
		if gain(mid) > 0 {
			a = mid
		} else {
			b = mid
		}
	}
	it.lo, it.hi = good, good
}

// convexAround is the convex stretch of the item's curve in which x stands.
func (it *item) convexAround(x float64) (lo, hi float64) {
	lo, hi = it.min, it.max
	for {
		kind, at := it.curve.bend(lo, hi)
		switch {
		case kind != mixed:
			return lo, hi
		case x >= at:
			lo = at
		default:
			hi = at
		}
	}
}

// priceInside takes the price of money from item i, which stands inside a convex
// stretch and was held there: what limits it is its group or the total.
func (s *solver) priceInside(r *relaxed, i int) {
	k := s.blockOf(i)
	b, at := &s.blocks[k], &r.blocks[k]
	if at.side != 0 {
		return
	}
	var spend float64
	for _, x := range r.x[b.from:b.to] {
		spend += x
	}
	switch near := 1e-9 * spend; {
	case math.Abs(spend-b.max) <= near:
		at.side = 1
	case math.Abs(spend-b.min) <= near:
		at.side = -1
	case s.p.Total != nil:
		r.price, r.bound = s.items[i].worth*s.items[i].curve.Slope(r.x[i]), true
	}
}

func (s *solver) blockOf(i int) int {
	return sort.Search(len(s.blocks)-1, func(k int) bool { return i < s.blocks[k].to })
}
