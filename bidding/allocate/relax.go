package allocate

import (
	"math"
	"slices"
)

// relaxed is the optimum with every curve replaced by its concave hull between
// the bounds in force; of concave curves it is the optimum itself.
type relaxed struct {
	x       []float64 // within all bounds
	price   float64   // of money; what it costs where the total does not bind
	bound   bool      // the total binds
	ceiling float64   // the objective of no spends within the bounds in force is above it
	blocks  []blockAt
}

// blockAt is a block at the optimum.
type blockAt struct {
	price float64 // of money in it
	side  int     // 1 where its max binds, -1 where its min does
	// The best spends just above and just below the price, and what the block
	// or the total takes of the way between them.
	low, high []float64
	part      float64
}

// relax solves the problem within the bounds in force, looking from a guess of
// the price on. It is not ok where nothing lies within them.
func (s *solver) relax(guess float64) (r relaxed, ok bool) {
	least, most, ok := s.reach()
	if !ok {
		return r, false
	}
	if s.p.Total == nil || !s.p.SpendAll {
		p := s.demand(s.money)
		if s.p.Total == nil || p.spend <= *s.p.Total {
			return s.finish(p, p, p.spend, false), true
		}
	}
	step := 2.0
	if guess != 1 {
		step = 1.01
	}
	target := clamp(*s.p.Total, least, most) // as it is but for rounding
	lo, hi := s.search(s.demand, target, guess, step)
	return s.finish(lo, hi, target, true), true
}

// reach is the least and the most that all can spend within the bounds in
// force; it is not ok where nothing lies within them.
func (s *solver) reach() (least, most float64, ok bool) {
	for k := range s.blocks {
		b := &s.blocks[k]
		lo, hi, ok := s.extremes(b)
		if !ok || above(lo, b.max) || above(b.min, hi) {
			return 0, 0, false
		}
		least += max(lo, b.min)
		most += min(hi, b.max)
	}
	t := s.p.Total
	return least, most, t == nil || !above(least, *t) && !(s.p.SpendAll && above(*t, most))
}

// extremes is the least and the most that a block's items can spend; it is not
// ok where their number is out of range.
func (s *solver) extremes(b *block) (least, most float64, ok bool) {
	for i := b.from; i < b.to; i++ {
		least += s.items[i].lo
		most += s.items[i].hi
	}
	if !b.counted() {
		return least, most, true
	}
	free, fewest, highest := s.free(b)
	if fewest > len(free) || highest < 0 {
		return 0, 0, false
	}
	up, down := make([]float64, len(free)), make([]float64, len(free))
	for k, i := range free {
		up[k], down[k] = s.items[i].split-s.items[i].lo, s.items[i].hi-s.items[i].split
	}
	slices.Sort(up)
	slices.Sort(down)
	for k := range max(fewest, 0) {
		least += up[k]
	}
	for k := range len(free) - min(highest, len(free)) {
		most -= down[k]
	}
	return least, most, true
}

// demand is what is best at a price of money, each group within its bounds.
func (s *solver) demand(price float64) point {
	p := point{price: price, x: make([]float64, 0, len(s.items))}
	for k := range s.blocks {
		b := &s.blocks[k]
		q := s.within(b, price, p.x)
		p.x = q.x
		p.blocks = append(p.blocks, amount{q.spend, q.value})
		spend := clamp(q.spend, b.min, b.max)
		p.spend += spend
		p.value += q.value
		if spend != q.spend { // at the group's own price; near enough to guess by
			p.value += price * (spend - q.spend)
		}
	}
	return p
}

// within is what is best in a block at a price, its own bounds aside. The
// spends are put behind x.
func (s *solver) within(b *block, price float64, x []float64) point {
	s.effort.looks += b.to - b.from
	if b.counted() {
		p, _ := s.choose(b, price, x)
		return p
	}
	p := point{price: price}
	for i := b.from; i < b.to; i++ {
		it := &s.items[i]
		at, v := it.best(price, it.lo, it.hi)
		x = append(x, at)
		p.spend += at
		p.value += v
	}
	p.x = x
	return p
}

func (b *block) counted() bool { return b.fewest > 0 || b.most < math.MaxInt }

// free are the items of a block that may spend either side of their split, and
// the range of how many of them may spend at least that.
func (s *solver) free(b *block) (free []int, fewest, most int) {
	fewest, most = b.fewest, b.most
	for i := b.from; i < b.to; i++ {
		switch it := &s.items[i]; {
		case it.bend == concave:
		case it.lo < it.split && it.split < it.hi:
			free = append(free, i)
		case it.lo >= it.split:
			fewest, most = fewest-1, most-1
		}
	}
	return free, fewest, most
}

// choose is within for a block in which the number of items that spend at least
// their split is limited: those that gain most by it do. The toll is what a
// place among them would be sold for, below 0 where it takes a bribe.
func (s *solver) choose(b *block, price float64, x []float64) (p point, toll float64) {
	type choice struct {
		i                      int
		off, offV, on, onV, by float64
	}
	free, fewest, most := s.free(b)
	choices := make([]choice, len(free))
	s.effort.looks += len(free) // twice, and the sorting
	for k, i := range free {
		it := &s.items[i]
		c := choice{i: i}
		c.off, c.offV = it.best(price, it.lo, it.split)
		c.on, c.onV = it.best(price, it.split, it.hi)
		if c.by = c.onV - c.offV - price*(c.on-c.off); math.IsInf(price, 0) {
			c.by = (c.off - c.on) * math.Copysign(1, price)
		}
		choices[k] = c
	}
	slices.SortStableFunc(choices, func(a, b choice) int {
		switch {
		case a.by > b.by:
			return -1
		case a.by < b.by:
			return 1
		}
		return 0
	})
	on := 0
	for on < len(choices) && choices[on].by > 0 {
		on++
	}
	switch {
	case on < fewest:
		on = min(fewest, len(choices))
		toll = choices[on-1].by
	case on > most:
		on = max(most, 0)
		toll = choices[on].by
	}
	p = point{price: price}
	from := len(x)
	for i := b.from; i < b.to; i++ {
		it := &s.items[i]
		at, v := 0.0, 0.0
		if it.bend == concave || !(it.lo < it.split && it.split < it.hi) {
			at, v = it.best(price, it.lo, it.hi)
		}
		x = append(x, at)
		p.spend += at
		p.value += v
	}
	for k, c := range choices {
		at, v := c.off, c.offV
		if k < on {
			at, v = c.on, c.onV
		}
		x[from+c.i-b.from] = at
		p.spend += at
		p.value += v
	}
	p.x = x
	return p, toll
}

// settled is a block at one price of money outside it. Nothing in its bounds
// has more of value - price*spend than value and spend say.
type settled struct {
	blockAt
	x            []float64
	value, spend float64
}

// settle gives a block its own price where its bounds bind at point p.
func (s *solver) settle(k int, p point) settled {
	b := &s.blocks[k]
	out := settled{x: p.x[b.from:b.to], value: p.blocks[k].value, spend: p.blocks[k].spend, blockAt: blockAt{price: p.price}}
	if out.side = b.side(out.spend); out.side == 0 {
		return out
	}
	least, most, _ := s.extremes(b)
	amount := clamp(clamp(out.spend, b.min, b.max), least, most)
	at := func(price float64) point { return s.within(b, price, nil) }
	guess, step := b.near, 1.01
	if !guessable(guess) {
		guess, step = p.price, 2
	}
	if !guessable(guess) {
		guess = 1
	}
	lo, hi := s.search(at, amount, guess, step)
	b.near = priceOf(lo, hi, amount)
	out.price, out.low, out.high = b.near, hi.x, lo.x
	out.x, out.part = mix(hi, lo, hi.x, lo.x, amount)
	out.value, out.spend = min(lo.dual(amount), hi.dual(amount)), amount
	return out
}

// guessable reports whether a price is one to look from.
func guessable(price float64) bool { return price > 1e-9 && price < 1e9 }

// side says which bound of the block a spend is beyond: 1 for max, -1 for min.
func (b *block) side(spend float64) int {
	switch {
	case spend > b.max:
		return 1
	case spend < b.min:
		return -1
	}
	return 0
}

// finish brings the spends just below and just above the price together so that
// they add up to the target, and bounds what they can be worth.
func (s *solver) finish(lo, hi point, target float64, bound bool) relaxed {
	r := relaxed{price: hi.price, bound: bound, blocks: make([]blockAt, len(s.blocks))}
	low, high := make([]float64, 0, len(s.items)), make([]float64, 0, len(s.items))
	top, bottom := point{price: hi.price}, point{price: lo.price}
	for k, b := range s.blocks {
		above := s.settle(k, hi)
		below := above
		if lo.price != hi.price && (above.side == 0 || above.side != b.side(lo.blocks[k].spend)) {
			below = s.settle(k, lo)
		}
		top.value, top.spend = top.value+above.value, top.spend+above.spend
		bottom.value, bottom.spend = bottom.value+below.value, bottom.spend+below.spend
		low, high = append(low, above.x...), append(high, below.x...)
		r.blocks[k] = above.blockAt
		if above.side == 0 || above.side != below.side {
			r.blocks[k] = blockAt{price: hi.price, low: above.x, high: below.x}
		}
	}
	r.ceiling = min(top.dual(target), bottom.dual(target)) - s.money*target
	if !bound {
		r.x = low
		return r
	}
	r.price = priceOf(lo, hi, target)
	var part float64
	r.x, part = mix(hi, lo, low, high, target)
	for k := range r.blocks {
		if r.blocks[k].side == 0 {
			r.blocks[k].price, r.blocks[k].part = r.price, part
		}
	}
	return r
}

func clamp(x, lo, hi float64) float64 { return min(max(x, lo), hi) }

// mix is the point between low, the spends above the price, and high, those
// below it, that adds up to target, and how far between them it lies. Where one
// of them meets the target but for rounding, that is put right in one item. At a
// jump all such points are as good for what is concave; all jumps but one are
// taken or left whole, for the way between their ends is worth less than it
// looks.
func mix(above, below point, low, high []float64, target float64) (x []float64, part float64) {
	var a, b float64
	for i := range low {
		a += low[i]
		b += high[i]
	}
	if b <= a {
		return low, 0
	}
	part = clamp((target-a)/(b-a), 0, 1)
	switch tiny := 10 * exact * target; {
	case target-a <= tiny:
		return shift(low, high, target-a), part
	case b-target <= tiny:
		return shift(high, low, target-b), part
	}
	x = make([]float64, len(low))
	whole := jumps(below, above)
	for i := range low {
		d := high[i] - low[i]
		x[i] = clamp(low[i]+part*d, min(low[i], high[i]), max(low[i], high[i]))
		whole = whole && d >= -narrow*high[i]
	}
	if !whole {
		return x, part
	}
	room := target - a
	for i := range low {
		d := clamp(high[i]-low[i], 0, max(room, 0))
		x[i] = low[i] + d
		room -= d
	}
	return x, part
}

// shift adds a rounding error to the largest spend that moves with the price
// and towards whose other value there is room.
func shift(x, other []float64, d float64) []float64 {
	at := -1
	for i := range x {
		if (other[i]-x[i])*d > d*d && (at < 0 || x[i] > x[at]) {
			at = i
		}
	}
	if at < 0 || d == 0 {
		return x
	}
	x = append([]float64(nil), x...)
	x[at] += d
	return x
}
