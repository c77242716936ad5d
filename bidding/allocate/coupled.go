package allocate

import (
	"cmp"
	"math"
	"slices"
)

// coupled bounds a problem of several blocks, which nothing but the total ties
// together: a branch and bound over what each block may spend.
//
// Where money has a price, each block is a problem of its own, and is solved for
// its true curves by a tree of its own. What all of them earn at the price, and
// the total at that price, is above the optimum (the Lagrangian dual), by no more
// than one block's way from one of its best spends to the next however many
// blocks there are (Shapley and Folkman; Aubin and Ekeland 1976), where the hulls
// of all curves are above it by such a way in every group that binds. At the
// price at which the blocks would spend too much and too little, one of them
// takes what the others leave; that is near the optimum, and where this block is
// divided.
type coupled struct {
	*tree
	known map[span][]answer // of blocks whose bounds bind, by price
}

// span is a block, or one that is the same, within bounds.
type span struct {
	block    int
	min, max float64
}

// answer is what is best in a block where money costs price.
type answer struct {
	price, spend, value float64
	ceiling             float64 // nothing in the block has more of value - price*spend
	x                   []float64
}

func (a *answer) net(price float64) float64 { return a.value - price*a.spend }

// look is what is best in all blocks.
type look struct {
	price, spend, ceiling float64
	answers               []answer
}

// most is what spending the total, or no more of it, can be worth at most.
func (l *look) most(total float64) float64 { return l.ceiling + l.price*total }

func (c *coupled) look(price float64) look {
	l := look{price: price, answers: make([]answer, len(c.blocks))}
	for k := range c.blocks {
		l.answers[k] = c.ask(k, price)
		l.spend += l.answers[k].spend
		l.ceiling += l.answers[k].ceiling
	}
	return l
}

// ask solves a block only where it has to: not where what is best at a price
// near by is shown to be best at this one.
func (c *coupled) ask(k int, price float64) answer {
	b := &c.blocks[k]
	if p := c.within(b, price, nil); b.side(p.spend) == 0 {
		return answer{price, p.spend, p.value, p.value - price*p.spend, p.x}
	}
	in := span{c.first[k], b.min, b.max}
	known := c.known[in]
	at, found := slices.BinarySearchFunc(known, price, func(a answer, p float64) int { return cmp.Compare(a.price, p) })
	if found {
		return known[at]
	}
	near := known[max(at-1, 0):min(at+1, len(known))]
	if a, ok := in.between(near, price); ok {
		return a
	}
	out := c.solve(k, price, near)
	c.known[in] = slices.Insert(known, at, out)
	return out
}

// between is the best of what is best at the prices next to one, if nothing can
// be better there. What a block earns is convex in the price, and so is below the
// line between two; and as the price rises it falls by the least spend at least,
// as the price falls it rises by the greatest at most.
func (in span) between(near []answer, price float64) (best answer, ok bool) {
	line := math.Inf(1)
	for k, a := range near {
		limit := in.min
		if price < a.price {
			limit = in.max
		}
		line = min(line, a.ceiling+(a.price-price)*limit)
		if k == 0 || a.net(price) > best.net(price) {
			best = a
		}
	}
	if len(near) == 2 {
		a, b := &near[0], &near[1]
		line = min(line, a.ceiling+(b.ceiling-a.ceiling)*(price-a.price)/(b.price-a.price))
	}
	size := math.Abs(best.value) + math.Abs(price*best.spend)
	net := best.net(price)
	best.price, best.ceiling = price, max(line, net)
	return best, line-net <= rounding*size
}

// solve finds the best of block k by itself. From what is best at other prices
// it need not search for what is as good.
func (c *coupled) solve(k int, price float64, near []answer) answer {
	s := c.alone(k, price)
	defer func() {
		c.effort.looks += s.effort.looks
		c.blocks[k].near = s.blocks[0].near
	}()
	r, ok := s.relax(1)
	if !ok {
		return answer{price: price, ceiling: math.Inf(-1)}
	}
	if s.bent() {
		var from [][]float64
		for _, a := range near {
			from = append(from, a.x)
		}
		var gap float64
		r, gap = s.branch(r, from...)
		r.ceiling = s.profit(r.x) + gap
	}
	out := answer{price: price, x: r.x, ceiling: r.ceiling}
	for i, x := range r.x {
		out.spend += x
		out.value += s.items[i].worth * s.items[i].curve.Value(x)
	}
	return out
}

// alone is block k as a problem of its own where money costs price; it may take
// a part of the effort that is left.
func (s *solver) alone(k int, price float64) *solver {
	const part = 8
	b := s.blocks[k]
	items := s.items[b.from:b.to:b.to]
	b.from, b.to = 0, len(items)
	return &solver{items: items, blocks: []block{b}, money: price,
		effort: &effort{ctx: s.effort.ctx, patience: (s.effort.patience - s.effort.looks) / part}}
}

// visitBlocks is visit by the blocks' own optima.
func (c *coupled) visitBlocks(n *node) {
	if !c.enter(n) {
		c.leave(n)
		return
	}
	lo, hi, ceiling, ok := c.meet(n.price)
	ceiling = min(ceiling, n.ceiling)
	if ceiling <= c.best+c.slack {
		c.leave(n)
		return
	}
	if !ok {
		c.leave(n)
		c.left = max(c.left, ceiling)
		return
	}
	x, k, at := c.share(lo, hi)
	c.leave(n)
	if x != nil {
		c.try(x)
		c.settleNear(x)
	}
	switch {
	case ceiling <= c.best+c.slack:
	case k < 0:
		c.left = max(c.left, ceiling)
	default:
		c.part(n, ceiling, hi.price,
			&node{item: -1, block: k, hi: at, most: math.MaxInt}, &node{item: -1, block: k, lo: at, hi: math.Inf(1), most: math.MaxInt})
	}
}

// meet looks for the price at which the blocks spend the total, from a guess on:
// at lo they spend more and at hi no more than it, where it binds, or meet it at
// both, where it is all there can be; and nothing within the bounds in force has an
// objective above the ceiling. It is not ok where there is no such price.
func (c *coupled) meet(guess float64) (lo, hi look, ceiling float64, ok bool) {
	if c.p.Total == nil {
		lo = c.look(c.money)
		return lo, lo, lo.ceiling, true
	}
	total, floor := *c.p.Total, c.money
	if c.p.SpendAll {
		floor = math.Inf(-1)
	}
	ceiling = math.Inf(1)
	at := func(price float64) look {
		l := c.look(price)
		ceiling = min(ceiling, l.most(total)-c.money*total)
		return l
	}
	const far = 1e12
	lo = at(clamp(guess, max(floor, -far), far))
	hi = lo
	const first, growth = 0.003, 4
	step := first * max(math.Abs(lo.price), 0.01)
	for d := step; above(hi.spend, total); d *= growth {
		if lo, hi = hi, at(hi.price+d); hi.price > far {
			return lo, hi, ceiling, false
		}
	}
	// Nothing is above a total that is all there can be: it is enough to meet it.
	_, most, _ := c.reach()
	short := func() bool { return !above(lo.spend, total) && (above(most, total) || above(total, lo.spend)) }
	for d := step; short() && lo.price > floor; d *= growth {
		if hi, lo = lo, at(max(lo.price-d, floor)); lo.price < -far {
			return lo, hi, ceiling, false
		}
	}
	if !above(lo.spend, total) {
		return lo, lo, ceiling, true
	}
	lo, hi = c.close(lo, hi, total, at)
	return lo, hi, ceiling, true
}

// close looks where the tangents of the two sides meet, below which the least
// ceiling cannot be, until it is there.
func (c *coupled) close(lo, hi look, total float64, at func(price float64) look) (look, look) {
	for range maxSteps {
		a, b := lo.ceiling+lo.price*lo.spend, hi.ceiling+hi.price*hi.spend
		price := (a - b) / (lo.spend - hi.spend)
		least := a + price*(total-lo.spend)
		if !(price > lo.price && price < hi.price) || c.effort.over() || min(lo.most(total), hi.most(total))-least <= c.slack/4 {
			break
		}
		if l := at(price); above(l.spend, total) {
			lo = l
		} else {
			hi = l
		}
	}
	return lo, hi
}

// share makes spends that add up to the total: all blocks as at hi, as many as
// can as at lo, and one, the one with the longest way between these, as is best
// with what that leaves it. k is that one and at what it gets; k is -1 where
// nothing is left to part.
func (c *coupled) share(lo, hi look) (x []float64, k int, at float64) {
	k = -1
	var longest float64
	for j := range hi.answers {
		if way := lo.answers[j].spend - hi.answers[j].spend; way > longest {
			k, longest = j, way
		}
	}
	picked := slices.Clone(hi.answers)
	if k >= 0 {
		room := *c.p.Total - hi.spend
		for j := range picked {
			if way := lo.answers[j].spend - hi.answers[j].spend; j != k && way > 0 && way <= room {
				picked[j], room = lo.answers[j], room-way
			}
		}
		from, to := picked[k].spend, lo.answers[k].spend
		const edge = 1e-6
		if at = from + room; at < from+edge*longest || at > to-edge*longest {
			at = from + longest/2
		}
		if !(at > from && at < to) {
			k = -1
		}
		b := c.blocks[k]
		c.blocks[k].min, c.blocks[k].max = from+room, from+room
		picked[k] = c.solve(k, hi.price, nil)
		c.blocks[k] = b
	}
	for _, a := range picked {
		x = append(x, a.x...)
	}
	if len(x) < len(c.items) { // rounding has left nothing within some bounds
		x = nil
	}
	return x, k, at
}
