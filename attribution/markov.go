package attribution

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// chain is the absorbing Markov chain of the paths: its states are runs of k
// channels, or a whole path that is shorter.
type chain struct {
	grams [][]int32 // channels of each state
	start []float64 // probability of beginning there
	conv  []float64 // probability of converting from there
	value []float64 // expected value of leaving from there
	from  [][]edge  // transitions into each state
}

type edge struct {
	from int32
	p    float64
}

// markov gives credit by removal effects: how many conversions are lost where
// every state that holds the channel leads to nothing (Anderl et al. 2016).
// The linear systems are solved, not simulated.
func (p *Paths) markov(order int) (Result, error) {
	if order < 1 {
		return Result{}, fmt.Errorf("the Markov model's order is %d; it is at least 1", order)
	}
	ch := p.chain(order)
	all, worth, err := ch.absorb(nil)
	if err != nil {
		return Result{}, err
	}
	n := len(p.names)
	effect, valueEffect := make([]float64, n), make([]float64, n)
	removed := make([]bool, len(ch.grams))
	for x := range n {
		for s, gram := range ch.grams {
			removed[s] = slices.Contains(gram, int32(x))
		}
		conv, value, err := ch.absorb(removed)
		if err != nil {
			return Result{}, err
		}
		effect[x], valueEffect[x] = lost(conv, all), lost(value, worth)
	}
	res := p.result("markov", split(p.Conversions, effect), split(p.Value, valueEffect))
	res.Order = &order
	for i := range res.Channels {
		res.Channels[i].RemovalEffect = &effect[i]
	}
	return res, nil
}

// lost is the share of all that is gone where only part is left.
func lost(part, all float64) float64 {
	if all == 0 {
		return 0
	}
	return max(0, 1-part/all)
}

// split divides total in proportion to the effects.
func split(total float64, effects []float64) []float64 {
	sum := 0.
	for _, e := range effects {
		sum += e
	}
	out := make([]float64, len(effects))
	if sum == 0 {
		return out
	}
	for i, e := range effects {
		out[i] = total * e / sum
	}
	return out
}

// chain counts the transitions of all paths that anybody went.
func (p *Paths) chain(order int) *chain {
	ch := &chain{}
	ids := map[string]int32{}
	counts := map[[2]int32]float64{}
	var out []float64 // of each state
	var key []byte
	state := func(gram []int32) int32 {
		key = key[:0]
		for _, c := range gram {
			key = append(key, byte(c), byte(c>>8), byte(c>>16), byte(c>>24))
		}
		id, ok := ids[string(key)]
		if !ok {
			id = int32(len(ch.grams))
			ids[string(key)] = id
			ch.grams = append(ch.grams, gram)
			ch.start, ch.conv, ch.value, out = append(ch.start, 0), append(ch.conv, 0), append(ch.value, 0), append(out, 0)
		}
		return id
	}
	total := 0.
	for _, r := range p.rows {
		w := r.conv + r.nulls
		if w == 0 {
			continue
		}
		total += w
		path := p.path(r)
		k := min(order, len(path))
		at := state(path[:k])
		ch.start[at] += w
		for j := 1; j+k <= len(path); j++ {
			next := state(path[j : j+k])
			if next == at { // a state does not lead to itself
				continue
			}
			counts[[2]int32{at, next}] += w
			out[at] += w
			at = next
		}
		ch.conv[at] += r.conv
		ch.value[at] += r.value
		out[at] += w
	}
	ch.from = make([][]edge, len(ch.grams))
	for pair, w := range counts {
		ch.from[pair[1]] = append(ch.from[pair[1]], edge{pair[0], w / out[pair[0]]})
	}
	for s := range ch.grams {
		ch.start[s] /= total
		ch.conv[s] /= out[s]
		ch.value[s] /= out[s]
		// The map's order is random, and sums should not depend on it.
		slices.SortFunc(ch.from[s], func(a, b edge) int { return int(a.from - b.from) })
	}
	return ch
}

// maxSweeps bounds the fixed point; a sweep gains at least the share of
// journeys that end within it.
const maxSweeps = 1_000_000

// absorb returns the probability of converting and the expected value of a
// journey where the removed states (nil: none) lead to nothing. The expected
// visits u of each state solve u = start + u Q; u grows from start towards them
// (Gauss-Seidel), all terms being positive, until no visit changes by more than
// rounding.
func (ch *chain) absorb(removed []bool) (conv, value float64, err error) {
	u := make([]float64, len(ch.grams))
	for range maxSweeps {
		moved := false
		for s := range u {
			if removed != nil && removed[s] {
				continue
			}
			v := ch.start[s]
			for _, e := range ch.from[s] {
				v += e.p * u[e.from]
			}
			if math.Abs(v-u[s]) > 4e-16*v {
				moved = true
			}
			u[s] = v
		}
		if moved {
			continue
		}
		for s, visits := range u {
			conv += visits * ch.conv[s]
			value += visits * ch.value[s]
		}
		return conv, value, nil
	}
	return 0, 0, errors.New("the Markov chain of these paths does not settle: journeys in it go round almost without end")
}
