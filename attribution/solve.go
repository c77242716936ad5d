package attribution

import (
	"context"
	"errors"
	"math"
)

// maxSweeps bounds the fixed point. Ordinary journeys take some tens of sweeps,
// paths of ten thousand steps a few hundred.
const maxSweeps = 1_000_000

// absorbed is the probability of converting and the expected value of a journey.
type absorbed struct{ conv, value float64 }

// without is a chain in which the states that hold some channel lead to nothing.
type without struct {
	*chain
	gone  []bool
	leave []float64 // probability of leaving from a state, to a gone one too
	begun float64   // probability of beginning in a state that is not gone
}

// without removes channel x; one that no state holds removes nothing.
func (ch *chain) without(x int32) without {
	w := without{chain: ch, gone: make([]bool, len(ch.start)), leave: make([]float64, len(ch.start))}
	for i, c := range ch.channels {
		if c == x {
			w.gone[i/ch.order] = true
		}
	}
	copy(w.leave, ch.exit)
	var begun sum
	for s, gone := range w.gone {
		if !gone {
			begun.add(ch.start[s])
			continue
		}
		for i := ch.first[s]; i < ch.first[s+1]; i++ {
			w.leave[ch.from[i]] += ch.p[i]
		}
	}
	w.begun = begun.total()
	return w
}

// absorb says how journeys end, by the expected visits of each state.
func (w without) absorb(ctx context.Context) (absorbed, error) {
	u, err := w.visits(ctx)
	if err != nil {
		return absorbed{}, err
	}
	var conv, value sum
	for s, visits := range u {
		conv.add(visits * w.conv[s])
		value.add(visits * w.value[s])
	}
	a := absorbed{conv.total(), value.total()}
	if !(a.value <= math.MaxFloat64) {
		return a, errors.New("values and counts are too far apart in size; use other units")
	}
	return a, nil
}

// visits solves u = start + u Q by sweeps that use what they have just found
// (Gauss-Seidel). As many journeys must leave as begin, so u is scaled to that
// now and then: where journeys go round for long, and sweeps alone would too,
// the shape of u is found quickly and its size follows (aggregation, Takahashi
// 1975). It is done ever more rarely, since what it does to the shape must have
// time to pass through.
//
// A sweep that moves u by d in sum leaves a residual of at most d in sum, and
// no state converts more than once: d bounds the error of the probability of
// converting. It ends at rounding: when d is nothing beside u, or is hardly more
// and has grown no smaller since before the last scaling.
func (w without) visits(ctx context.Context) ([]float64, error) {
	u := make([]float64, len(w.start))
	if w.begun == 0 {
		return u, nil
	}
	scale := 4
	left := 0.
	best, since := math.Inf(1), 0
	for n := range maxSweeps {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if n == scale && left > 0 {
			scale += scale / 2
			for s := range u {
				u[s] *= w.begun / left
			}
		}
		var moved, all float64
		moved, all, left = w.sweep(u)
		since++
		if moved < best {
			best, since = moved, 0
		}
		if moved <= 1e-17*all || moved <= 1e-13*all && since > 10+n/2 {
			return u, nil
		}
	}
	return nil, errors.New("the chain of these paths does not settle: journeys in it go round almost without end")
}

// sweep improves u once. It returns by how much, the sum of u, and the share of
// journeys that leaves by it.
func (w without) sweep(u []float64) (moved, all, left float64) {
	var leaving sum
	for s, gone := range w.gone {
		if gone {
			continue
		}
		v := w.start[s]
		from := w.from[w.first[s]:w.first[s+1]]
		p := w.p[w.first[s]:w.first[s+1]]
		for i, f := range from {
			v += p[i] * u[f]
		}
		moved += math.Abs(v - u[s])
		all += v
		leaving.add(v * w.leave[s])
		u[s] = v
	}
	return moved, all, leaving.total()
}
