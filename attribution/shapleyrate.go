package attribution

import (
	"context"
	"encoding/binary"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// sets counts journeys by the set of channels on them.
type sets struct {
	ids     map[string]int32 // by key
	members [][]int32        // rising
	ends    []end

	sorted []int32
	key    []byte
}

func newSets() *sets { return &sets{ids: map[string]int32{}} }

// add counts a path by its set.
func (s *sets) add(path []int32, e end) {
	s.sorted = append(s.sorted[:0], path...)
	slices.Sort(s.sorted)
	s.sorted = slices.Compact(s.sorted)
	s.key = s.key[:0]
	for _, c := range s.sorted {
		s.key = binary.LittleEndian.AppendUint32(s.key, uint32(c))
	}
	k, ok := s.ids[string(s.key)]
	if !ok {
		k = int32(len(s.ends))
		s.ids[string(s.key)] = k
		s.members = append(s.members, slices.Clone(s.sorted))
		s.ends = append(s.ends, end{})
	}
	s.ends[k].add(e)
}

// merge adds o, whose channels are called ids here.
func (s *sets) merge(o *sets, ids []int32) {
	var members []int32
	for k, set := range o.members {
		members = members[:0]
		for _, c := range set {
			members = append(members, ids[c])
		}
		s.add(members, o.ends[k])
	}
}

const (
	// maxExact is how many channels the game is solved exactly for: its tables
	// double with each.
	maxExact = 20
	// samples are the orders in which the channels of more come together.
	samples = 4000
	// confidence of ErrorBound.
	confidence = 0.95
)

// shapleyRate gives each channel its Shapley value in the game in which a coalition
// T is worth the conversion rate of the journeys that need no channel outside it,
//
//	v(T) = conversions(T) / journeys(T), 0 where there is no such journey,
//
// times the number of journeys, so that all sum to the conversions; likewise with
// value per journey. A channel that lowers the rate of its company has a negative
// one. It is not the sum game of the model shapley, and is no share of anything.
func (j *Journeys) shapleyRate(ctx context.Context) (Result, error) {
	n := len(j.names)
	conv, value := make([]float64, n), make([]float64, n)
	var bound []float64
	var err error
	if n <= maxExact {
		err = j.sets.exact(ctx, conv, value)
	} else {
		bound, err = j.sets.sampled(ctx, conv, value)
	}
	if err != nil {
		return Result{}, err
	}
	// The rates are of journeys that count; see Totals.
	journeys := j.Totals().Journeys
	for x := range conv {
		conv[x] *= journeys
		value[x] *= journeys
		if s := conv[x] + value[x]; math.IsInf(s, 0) || math.IsNaN(s) {
			return Result{}, errTooFarApart
		}
	}
	res := j.result("shapley_rate", conv, value, nil)
	for i := range res.Channels {
		if bound != nil {
			b := bound[j.ids[res.Channels[i].Channel]] * journeys
			res.Channels[i].ErrorBound = &b
		}
	}
	return res, nil
}

// exact fills in the Shapley values by the definition, over all 2^n coalitions.
func (s *sets) exact(ctx context.Context, conv, value []float64) error {
	n := len(conv)
	rate, worth, weight := make([]float64, 1<<n), make([]float64, 1<<n), make([]float64, 1<<n)
	for k, set := range s.members {
		mask := 0
		for _, c := range set {
			mask |= 1 << c
		}
		e := s.ends[k]
		rate[mask], worth[mask], weight[mask] = e.conv, e.value, e.conv+e.nulls
	}
	for x := range n { // sums over subsets, one channel after the other (Yates 1937)
		if err := ctx.Err(); err != nil {
			return err
		}
		for t := range rate {
			if t>>x&1 == 1 {
				rate[t] += rate[t^1<<x]
				worth[t] += worth[t^1<<x]
				weight[t] += weight[t^1<<x]
			}
		}
	}
	for t := range rate {
		if weight[t] > 0 {
			rate[t] /= weight[t]
			worth[t] /= weight[t]
		} else {
			rate[t], worth[t] = 0, 0
		}
	}
	comes := make([]float64, n) // how likely a channel comes after exactly so many given ones: k! (n-k-1)! / n!
	for k := range n {
		a, _ := math.Lgamma(float64(k + 1))
		b, _ := math.Lgamma(float64(n - k))
		c, _ := math.Lgamma(float64(n + 1))
		comes[k] = math.Exp(a + b - c)
	}
	for x := range n {
		if err := ctx.Err(); err != nil {
			return err
		}
		var c, v sum
		for t := range rate {
			if t>>x&1 == 0 {
				w := comes[bits.OnesCount(uint(t))]
				c.add(w * (rate[t|1<<x] - rate[t]))
				v.add(w * (worth[t|1<<x] - worth[t]))
			}
		}
		conv[x], value[x] = c.total(), v.total()
	}
	return nil
}

// sampled estimates the Shapley values from random orders in which the channels
// come together, each with its reverse (Castro, Gómez, Tejada 2009), and returns
// how far each is off at most with the probability confidence: the empirical
// Bernstein bound of Maurer and Pontil (2009, theorem 4) on what a channel adds,
// which lies between -1 and 1. Everything a channel adds in one order sums to the
// rate of all, so the sum is exact.
func (s *sets) sampled(ctx context.Context, conv, value []float64) (bound []float64, err error) {
	n := len(conv)
	rnd := rand.New(rand.NewPCG(uint64(n), uint64(len(s.ends))))
	order, place := make([]int, n), make([]int, n)
	joined := make([]end, n) // journeys that need no more than the first so many
	squares, pair := make([]float64, n), make([]float64, n)
	walk := func() {
		for i, c := range order {
			place[c] = i
		}
		clear(joined)
		for k, set := range s.members {
			last := 0
			for _, c := range set {
				last = max(last, place[c])
			}
			joined[last].add(s.ends[k])
		}
		var all end
		var rate, worth float64
		for i, c := range order {
			all.add(joined[i])
			r, w := 0.0, 0.0
			if all.conv+all.nulls > 0 {
				r, w = all.conv/(all.conv+all.nulls), all.value/(all.conv+all.nulls)
			}
			conv[c] += r - rate
			value[c] += w - worth
			pair[c] += (r - rate) / 2
			rate, worth = r, w
		}
	}
	for i := range order {
		order[i] = i
	}
	const pairs = samples / 2
	for range pairs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		rnd.Shuffle(n, func(a, b int) { order[a], order[b] = order[b], order[a] })
		clear(pair)
		walk()
		slices.Reverse(order)
		walk()
		for c, d := range pair {
			squares[c] += d * d
		}
	}
	bound = make([]float64, n)
	for c := range n {
		conv[c] /= samples
		value[c] /= samples
		variance := max(squares[c]/pairs-conv[c]*conv[c], 0) * pairs / (pairs - 1)
		l := math.Log(4 / (1 - confidence))
		bound[c] = math.Sqrt(2*variance*l/pairs) + 2*7*l/(3*(pairs-1))
	}
	return bound, nil
}
