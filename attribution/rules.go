package attribution

import "math"

// rule is a model that looks at each path alone.
type rule int

const (
	lastClick rule = iota
	firstClick
	lastNonDirect
	linear
	timeDecay
	position
	shapley
	ruleCount
)

// rules counts what each rule gives each channel.
type rules struct {
	Options
	step float64 // expm1 of the logarithm of what a touch back weighs

	// recent is a plain sum over a few rows, which is quick; settled takes it
	// over, without loss, before its rounding adds up.
	recent  []credits
	settled []settled
	rows    int // in recent

	direct   []bool // by channel
	seen     []int  // by channel: the last path it was on
	nth      int    // the number of the path
	distinct []int32
}

// credits are one channel's conversions and value by each rule.
type (
	credits [ruleCount][2]float64
	settled [ruleCount][2]sum
)

func newRules(o Options) rules { return rules{Options: o, step: math.Expm1(-math.Ln2 / o.HalfLife)} }

func (c *credits) give(r rule, conversions, value float64) {
	c[r][0] += conversions
	c[r][1] += value
}

// grow makes room for a channel.
func (r *rules) grow(channel string) {
	r.recent = append(r.recent, credits{})
	r.settled = append(r.settled, settled{})
	r.seen = append(r.seen, 0)
	r.direct = append(r.direct, IsDirect(channel))
}

// add splits the conversions and the value of a path by each rule. ages are the
// touches' days before the conversion, nil where they are not known.
func (r *rules) add(path []int32, ages []float64, conv, value float64) {
	n := len(path)
	first, last := &r.recent[path[0]], &r.recent[path[n-1]]
	first.give(firstClick, conv, value)
	last.give(lastClick, conv, value)
	r.recent[r.lastNonDirect(path)].give(lastNonDirect, conv, value)
	r.position(path, conv, value)
	r.timeDecay(path, ages, conv, value)

	r.nth++
	r.distinct = r.distinct[:0]
	share := 1 / float64(n)
	for _, c := range path {
		r.recent[c].give(linear, conv*share, value*share)
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

// lastNonDirect is the last channel that is not direct, or the last of all.
func (r *rules) lastNonDirect(path []int32) int32 {
	for i := len(path) - 1; i >= 0; i-- {
		if !r.direct[path[i]] {
			return path[i]
		}
	}
	return path[len(path)-1]
}

// position gives the first and the last touch their shares, the rest to those
// between; of two touches each has its share of the two.
func (r *rules) position(path []int32, conv, value float64) {
	n := len(path)
	first, last := r.First, r.Last
	if n > 2 {
		between := max(1-first-last, 0) / float64(n-2)
		for _, c := range path[1 : n-1] {
			r.recent[c].give(position, conv*between, value*between)
		}
	} else if ends := first + last; ends > 0 {
		first, last = first/ends, last/ends
	} else {
		first, last = 0.5, 0.5
	}
	r.recent[path[0]].give(position, conv*first, value*first)
	r.recent[path[n-1]].give(position, conv*last, value*last)
}

// timeDecay gives each touch 2^-(age / half-life), as a share of the path's sum.
// Without ages a touch counts as one older than the next, and the sum is that of a
// geometric series.
func (r *rules) timeDecay(path []int32, ages []float64, conv, value float64) {
	n := len(path)
	if ages == nil {
		share := r.step / math.Expm1(-float64(n)*math.Ln2/r.HalfLife)
		for i := n - 1; i >= 0; i-- {
			r.recent[path[i]].give(timeDecay, conv*share, value*share)
			share += share * r.step
		}
		return
	}
	youngest, total := ages[n-1], 0.0
	for _, a := range ages {
		total += math.Exp2((youngest - a) / r.HalfLife)
	}
	for i, c := range path {
		share := math.Exp2((youngest-ages[i])/r.HalfLife) / total
		r.recent[c].give(timeDecay, conv*share, value*share)
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
