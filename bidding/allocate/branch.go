package allocate

import (
	"container/heap"
	"fmt"
	"math"
	"slices"
)

const (
	// tolerance is how far below the optimum, relative to its objective, an
	// answer is that counts as optimal; rounding is the like of the amounts.
	tolerance = 1e-10
	rounding  = 1e-13
)

// node is a part of the problem: its parent's with the bounds of one item or
// block narrowed, or the range of how many items of one block have jumped.
type node struct {
	parent       *node
	ceiling      float64 // of its objective
	price        float64 // its parent's
	item, block  int     // -1 where it is not that
	lo, hi       float64 // of the item or the block
	fewest, most int
}

// tree is a branch and bound, the highest ceiling first. Its visit bounds a part
// of the problem and divides it where that may help.
//
// What follows is how one block is searched; of several, coupled tells.
// The ceiling is that of the concave hulls, found as for concave curves: at a
// price the best spend of a curve is that of its hull. It is above what can be
// had only through the few items that the hull leaves halfway of a jump. First
// the number of items of a block that have jumped is branched on; without that,
// items that resemble each other would take turns at being halfway, and every
// subset of them would have to be looked at. Then single items are, where their
// curve turns, and what is left inside a convex stretch where it stands. Of items
// or blocks that are the same, an earlier one spends no less than a later one: all
// other answers are such a one with names exchanged.
type tree struct {
	*solver
	visit func(*node)
	queue []*node
	bent  []int  // the items that are not concave
	twins []twin // of items
	pairs []twin // of blocks
	first []int  // by block: the first that is the same
	whole []item
	uncut []block // the blocks of the whole
	x     []float64
	best  float64
	slack float64         // how far above the best a ceiling may be and not matter
	tried map[string]bool // sets of items that have jumped, rounded already
	left  float64         // the highest ceiling of what could not be divided
}

// twin are two items of a block, or two blocks, that are the same, and next to each
// other among such.
type twin struct{ before, after int }

// pair finds the twins, in the order of items and blocks.
func (t *tree) pair() {
	type kind struct {
		block, like int
		lo, hi      float64
	}
	items, blocks := map[kind]int{}, map[string]int{}
	for k, b := range t.blocks {
		of := fmt.Append(nil, b.min, b.max)
		for i := b.from; i < b.to; i++ {
			it := &t.items[i]
			if of = fmt.Appendf(of, " %d", it.like); it.bend != concave {
				t.twins = match(t.twins, items, kind{k, it.like, it.lo, it.hi}, i)
			}
		}
		t.pairs = match(t.pairs, blocks, string(of), k)
		t.first = append(t.first, k)
		if n := len(t.pairs); n > 0 && t.pairs[n-1].after == k {
			t.first[k] = t.first[t.pairs[n-1].before]
		}
	}
}

// match notes that i is the last of a kind, and its twin before it.
func match[K comparable](twins []twin, last map[K]int, of K, i int) []twin {
	if before, ok := last[of]; ok {
		twins = append(twins, twin{before, i})
	}
	last[of] = i
	return twins
}

func (t *tree) Len() int           { return len(t.queue) }
func (t *tree) Less(a, b int) bool { return t.queue[a].ceiling > t.queue[b].ceiling }
func (t *tree) Swap(a, b int)      { t.queue[a], t.queue[b] = t.queue[b], t.queue[a] }
func (t *tree) Push(n any)         { t.queue = append(t.queue, n.(*node)) }
func (t *tree) Pop() any {
	n := t.queue[len(t.queue)-1]
	t.queue = t.queue[:len(t.queue)-1]
	return n
}

// branch improves on the hulls' optimum until it is that of the true curves, and
// returns by how much it may still be below it where the search was too long. It
// may begin from spends within all bounds.
func (s *solver) branch(hull relaxed, from ...[]float64) (r relaxed, gap float64) {
	untouched := slices.Clone(s.items)
	defer copy(s.items, untouched)
	s.tighten()
	t := &tree{solver: s, whole: slices.Clone(s.items), uncut: slices.Clone(s.blocks),
		best: math.Inf(-1), left: math.Inf(-1), tried: map[string]bool{}}
	if t.visit = t.visitHulls; s.severalBlocks() {
		t.visit = (&coupled{tree: t, known: map[span][]answer{}}).visitBlocks
	}
	t.try(hull.x)
	for _, x := range from {
		t.try(x)
	}
	for i := range s.items {
		if s.items[i].bend != concave {
			t.bent = append(t.bent, i)
		}
	}
	t.pair()
	heap.Push(t, &node{ceiling: hull.ceiling, price: hull.price, item: -1, block: -1})
	for t.Len() > 0 && t.queue[0].ceiling > t.best+t.slack {
		if t.effort.over() {
			t.left = max(t.left, t.queue[0].ceiling)
			break
		}
		t.visit(heap.Pop(t).(*node))
	}
	if t.left > t.best+t.slack {
		gap = t.left - t.best
	}
	copy(s.items, untouched)
	return s.polish(t.x), gap
}

// severalBlocks reports whether more than one block has items.
func (s *solver) severalBlocks() bool {
	n := 0
	for _, b := range s.blocks {
		if b.from < b.to {
			n++
		}
	}
	return n > 1
}

// tighten bounds the curved items by what the minimums of the others leave of
// the total and of their group: the shorter the stretch, the nearer the hull.
func (s *solver) tighten() {
	var all float64
	for i := range s.items {
		all += s.items[i].min
	}
	for _, b := range s.blocks {
		least, _, _ := s.extremes(&b)
		room := b.max - least
		if s.p.Total != nil {
			room = min(room, *s.p.Total-all)
		}
		for i := b.from; i < b.to; i++ {
			it := &s.items[i]
			if it.bend == concave {
				continue
			}
			it.hi = clamp(it.min+room, it.min, it.hi)
			it.bend, it.split = it.curve.bend(it.lo, it.hi)
			if it.bend == convex {
				it.split = it.lo + (it.hi-it.lo)/2
			}
		}
	}
}

// try keeps spends that earn more than the best so far.
func (t *tree) try(x []float64) {
	if p := t.profit(x); p > t.best {
		t.best, t.x = p, slices.Clone(x)
		var size float64
		for i, x := range x {
			size += math.Abs(t.money)*x + t.items[i].worth*t.items[i].curve.Value(x)
		}
		t.slack = tolerance*math.Abs(t.best) + rounding*size
	}
}

// visitHulls is visit by the hulls of the curves.
func (t *tree) visitHulls(n *node) {
	defer t.leave(n)
	if !t.enter(n) {
		return
	}
	guess := 1.0
	if guessable(n.price) {
		guess = n.price
	}
	r, ok := t.relax(guess)
	if !ok {
		return
	}
	r.ceiling = min(r.ceiling, n.ceiling)
	if r.ceiling <= t.best+t.slack {
		return
	}
	t.try(r.x)
	a, b, ok := t.divide(&r)
	t.leave(n)
	t.round(&r)
	t.enter(n)
	switch {
	case r.ceiling <= t.best+t.slack:
	case !ok:
		t.left = max(t.left, r.ceiling)
	default:
		t.part(n, r.ceiling, r.price, &a, &b)
	}
}

// part queues the two that a part of the problem is divided into.
func (t *tree) part(n *node, ceiling, price float64, children ...*node) {
	for _, child := range children {
		child.parent, child.ceiling, child.price = n, ceiling, price
		heap.Push(t, child)
	}
}

// enter puts the bounds of a part in force, and what follows from them for twins; leave
// those of the whole. It is not ok where nothing lies within them.
func (t *tree) enter(n *node) (ok bool) {
	for ; n != nil; n = n.parent {
		if n.item >= 0 {
			it := &t.items[n.item]
			it.lo, it.hi = max(it.lo, n.lo), min(it.hi, n.hi)
		}
		if n.block >= 0 {
			b := &t.blocks[n.block]
			b.min, b.max = max(b.min, n.lo), min(b.max, n.hi)
			b.fewest, b.most = max(b.fewest, n.fewest), min(b.most, n.most)
		}
	}
	items := order(t.twins, func(i int) (lo, hi *float64) { return &t.items[i].lo, &t.items[i].hi })
	blocks := order(t.pairs, func(k int) (lo, hi *float64) { return &t.blocks[k].min, &t.blocks[k].max })
	return items && blocks
}

// order narrows the bounds of twins to what is left where an earlier one spends no less
// than a later one; it is not ok where that is nothing.
func order(twins []twin, bounds func(int) (lo, hi *float64)) (ok bool) {
	for _, w := range twins {
		_, before := bounds(w.before)
		_, after := bounds(w.after)
		*after = min(*after, *before)
	}
	ok = true
	for _, w := range slices.Backward(twins) {
		before, beforeHi := bounds(w.before)
		after, afterHi := bounds(w.after)
		*before = max(*before, *after)
		ok = ok && *before <= *beforeHi && *after <= *afterHi
	}
	return ok
}

func (t *tree) leave(n *node) {
	for _, w := range t.twins {
		t.items[w.before], t.items[w.after] = t.whole[w.before], t.whole[w.after]
	}
	for _, w := range t.pairs {
		t.uncutBlock(w.before)
		t.uncutBlock(w.after)
	}
	for ; n != nil; n = n.parent {
		if n.item >= 0 {
			t.items[n.item] = t.whole[n.item]
		}
		if n.block >= 0 {
			t.uncutBlock(n.block)
		}
	}
}

// uncutBlock puts a block's own bounds in force again; the price found last stays.
func (t *tree) uncutBlock(k int) {
	near := t.blocks[k].near
	t.blocks[k] = t.uncut[k]
	t.blocks[k].near = near
}

// round tries what the hull's optimum becomes when each curved item stays on
// the side of its jump on which it is just above, and just below, the price.
func (t *tree) round(r *relaxed) {
	side := func(at blockAt) []float64 { return at.low }
	for range 2 {
		var x []float64
		for _, b := range r.blocks {
			x = append(x, side(b)...)
		}
		t.settleNear(x)
		side = func(at blockAt) []float64 { return at.high }
	}
}

// settleNear tries the best spends where each curved item stays on the side of
// its jump on which it is at x, but only once. The bounds are those of the whole.
func (t *tree) settleNear(x []float64) {
	key := make([]byte, len(t.bent))
	for k, i := range t.bent {
		if x[i] >= t.whole[i].split {
			key[k] = 1
		}
	}
	if t.tried[string(key)] {
		return
	}
	t.tried[string(key)] = true
	for _, i := range t.bent {
		t.items[i].stay(x[i])
	}
	if leaf, ok := t.relax(1); ok {
		t.try(leaf.x)
	}
	for _, i := range t.bent {
		t.items[i] = t.whole[i]
	}
}

// stay narrows an item's bounds to the concave stretch around x. It reports
// whether x is inside a convex one instead; its bounds are then x itself.
func (it *item) stay(x float64) (inside bool) {
	lo, hi := it.lo, it.hi
	for {
		kind, at := it.curve.bend(it.lo, it.hi)
		switch {
		case kind == concave || it.worth == 0:
			return false
		case kind == convex:
			it.lo, it.hi = x, x
			return x > lo && x < hi
		case x >= at-1e-9*(hi-lo):
			it.lo = at
		default:
			it.hi = at
		}
	}
}

// divide says how to part the problem at the hull's optimum; it is not ok where
// rounding is all that is between that and the true curves.
func (t *tree) divide(r *relaxed) (a, b node, ok bool) {
	for k := range t.blocks {
		blk, at := &t.blocks[k], &r.blocks[k]
		free, fewest, most := t.free(blk)
		if len(free) < 2 {
			continue
		}
		var low, high float64
		for _, i := range free {
			if at.low[i-blk.from] >= t.items[i].split {
				low++
			}
			if at.high[i-blk.from] >= t.items[i].split {
				high++
			}
		}
		jumped := int(math.Floor(low + at.part*(high-low)))
		if low != high && jumped >= fewest && jumped < min(most, len(free)) {
			forced := blk.fewest - fewest
			return node{item: -1, block: k, hi: math.Inf(1), most: forced + jumped},
				node{item: -1, block: k, hi: math.Inf(1), fewest: forced + jumped + 1, most: math.MaxInt}, true
		}
	}
	i := t.worst(r)
	if i < 0 {
		return a, b, false
	}
	it, x := &t.items[i], r.x[i]
	kind, at := it.curve.bend(it.lo, it.hi)
	if kind == convex {
		at = x
	}
	if edge := 1e-6 * (it.hi - it.lo); at < it.lo+edge && kind == convex || at > it.hi-edge && kind == convex {
		at = it.lo + (it.hi-it.lo)/2
	}
	if at <= it.lo || at >= it.hi {
		return a, b, false
	}
	return node{item: i, block: -1, lo: it.lo, hi: at}, node{item: i, block: -1, lo: at, hi: it.hi}, true
}

// worst is the item for which the hull promises most beyond the true curve; -1
// where it promises nothing. What the items regret, at their blocks' prices,
// adds up to what lies between the ceiling and the optimum's true worth.
func (t *tree) worst(r *relaxed) int {
	found, most := -1, 0.0
	for k := range t.blocks {
		b, price := &t.blocks[k], r.blocks[k].price
		var toll float64
		if b.counted() {
			_, toll = t.choose(b, price, nil)
		}
		for i := b.from; i < b.to; i++ {
			it := &t.items[i]
			if it.bend == concave {
				continue
			}
			if kind, _ := it.curve.bend(it.lo, it.hi); kind == concave && (toll == 0 || it.hi <= it.split || it.lo >= it.split) {
				continue
			}
			net := func(x, v float64) float64 {
				v -= price * x
				if x >= it.split && it.lo < it.split && it.hi > it.split {
					v -= toll
				}
				return v
			}
			top := net(it.best(price, it.lo, min(it.hi, max(it.lo, it.split))))
			top = max(top, net(it.best(price, max(it.lo, min(it.hi, it.split)), it.hi)))
			if regret := top - net(r.x[i], it.worth*it.curve.Value(r.x[i])); regret > most {
				found, most = i, regret
			}
		}
	}
	return found
}
