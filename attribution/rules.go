package attribution

import "math"

// rule is a model that looks at each path alone.
type rule int

const (
	lastClick rule = iota
	firstClick
	linear
	timeDecay
	position
	shapley
	ruleCount
)

// rules counts what each rule gives each channel.
type rules struct {
	// recent is a plain sum over a few rows, which is quick; settled takes it
	// over, without loss, before its rounding adds up.
	recent  []credits
	settled []settled
	rows    int // in recent

	seen     []int // by channel: the last path it was on
	nth      int   // the number of the path
	distinct []int32
}

// credits are one channel's conversions and value by each rule.
type (
	credits [ruleCount][2]float64
	settled [ruleCount][2]sum
)

func (c *credits) give(r rule, conversions, value float64) {
	c[r][0] += conversions
	c[r][1] += value
}

// grow makes room for so many channels.
func (r *rules) grow(channels int) {
	for len(r.recent) < channels {
		r.recent = append(r.recent, credits{})
		r.settled = append(r.settled, settled{})
		r.seen = append(r.seen, 0)
	}
}

// add splits the conversions and the value of a path by each rule.
func (r *rules) add(path []int32, conv, value float64) {
	n := len(path)
	first, last := &r.recent[path[0]], &r.recent[path[n-1]]
	first.give(firstClick, conv, value)
	last.give(lastClick, conv, value)

	// Position: 40 % to the first touch, 40 % to the last, the rest to those
	// between; half each where there are none.
	ends, between := 0.4, 0.2
	if n > 2 {
		between /= float64(n - 2)
		for _, c := range path[1 : n-1] {
			r.recent[c].give(position, conv*between, value*between)
		}
	} else {
		ends = 0.5
	}
	first.give(position, conv*ends, value*ends)
	last.give(position, conv*ends, value*ends)

	// Time decay: a path tells no times, so each touch back from the end weighs
	// half; the weights of n touches sum to 2 - 2^(1-n).
	r.nth++
	r.distinct = r.distinct[:0]
	share := 1 / float64(n)
	decay := 1 / (2 - math.Ldexp(1, 1-n))
	for i := n - 1; i >= 0; i-- {
		c := path[i]
		to := &r.recent[c]
		to.give(linear, conv*share, value*share)
		to.give(timeDecay, conv*decay, value*decay)
		decay /= 2
		if r.seen[c] != r.nth {
			r.seen[c] = r.nth
			r.distinct = append(r.distinct, c)
		}
	}

	// Shapley: in the game in which a coalition wins the conversions of the
	// paths that need no channel outside it, the channels of a path share alike.
	share = 1 / float64(len(r.distinct))
	for _, c := range r.distinct {
		r.recent[c].give(shapley, conv*share, value*share)
	}

	if r.rows++; r.rows >= max(4096, len(r.recent)) {
		r.settle()
	}
}

func (r *rules) settle() {
	for c := range r.recent {
		for k := range r.recent[c] {
			r.settled[c][k][0].add(r.recent[c][k][0])
			r.settled[c][k][1].add(r.recent[c][k][1])
		}
	}
	clear(r.recent)
	r.rows = 0
}

// merge adds o, whose channels are called ids here.
func (r *rules) merge(o *rules, ids []int32) {
	o.settle()
	for c := range o.settled {
		for k := range o.settled[c] {
			r.settled[ids[c]][k][0].merge(o.settled[c][k][0])
			r.settled[ids[c]][k][1].merge(o.settled[c][k][1])
		}
	}
}

// credit is what a rule gives each channel, of what has settled.
func (r *rules) credit(k rule) (conversions, value []float64) {
	for _, s := range r.settled {
		conversions = append(conversions, s[k][0].total())
		value = append(value, s[k][1].total())
	}
	return conversions, value
}
