package attribution

import (
	"context"
	"errors"
	"math"

	"gonum.org/v1/gonum/floats"
)

// maxSweeps bounds the fixed point. Ordinary journeys take some tens of sweeps,
// paths of ten thousand steps a few hundred.
const maxSweeps = 1_000_000

var errTooFarApart = errors.New("values and counts are too far apart in size; use other units")

// absorbed is the probability of converting and the expected value of a journey.
type absorbed struct{ conv, value float64 }

// without is a chain in which the states that hold some channel lead to nothing.
type without struct {
	*chain
	gone []bool
}

// without removes channel x; one that no state holds removes nothing.
func (ch *chain) without(x int32) without {
	w := without{ch, make([]bool, len(ch.start))}
	for i, c := range ch.channels {
		if c == x {
			w.gone[i/ch.order] = true
		}
	}
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
		return a, errTooFarApart
	}
	return a, nil
}

// cycle is how many sweeps are looked at together.
const cycle = 6

// visits solves u = start + u Q by sweeps that use what they have just found
// (Gauss-Seidel). Where journeys go round for long, sweeps alone would too; so u
// is moved to where the last ones lead (reduced rank extrapolation, Eddy 1979),
// ever more rarely, because what sweeps settle soon should have settled before.
//
// A sweep that moves u by d in sum leaves a residual of at most d in sum, and
// no state converts more than once: d bounds the error of the probability of
// converting. It ends at rounding: when d is nothing beside u, or is hardly more
// and no longer falls.
func (w without) visits(ctx context.Context) ([]float64, error) {
	u := make([]float64, len(w.start))
	var d [cycle][]float64
	var moves [cycle - 1][]float64
	for i := range d {
		d[i] = make([]float64, len(u))
	}
	for i := range moves {
		moves[i] = make([]float64, len(u))
	}
	next := cycle // sweeps before u is moved
	best, since := math.Inf(1), 0
	for n := 1; n <= maxSweeps; n++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		moved, all := w.sweep(u, d[cycle-1-(next-n)%cycle])
		if since++; moved < best/2 {
			best, since = moved, 0
		}
		if moved <= 1e-17*all || moved <= 1e-13*all && since > cycle+n/2 {
			return u, nil
		}
		if n == next {
			extrapolate(u, &d, &moves)
			next += max(cycle, n/2)
		}
	}
	return nil, errors.New("the chain of these paths does not settle: journeys in it go round almost without end")
}

// sweep improves u once and stores by how much. It returns the sums of both.
func (w without) sweep(u, d []float64) (moved, all float64) {
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
		d[s] = v - u[s]
		moved += math.Abs(d[s])
		all += v
		u[s] = v
	}
	return moved, all
}

// extrapolate moves u, to which the steps d have led, to where the last step
// would come nearest to nothing were it, like u, linear in what made the steps
// differ. It uses up d but for the last.
func extrapolate(u []float64, d *[cycle][]float64, moves *[cycle - 1][]float64) {
	const last = cycle - 1
	for i := range last {
		copy(moves[i], d[i+1])
		floats.SubTo(d[i], d[i+1], d[i])
	}
	// Going by moves[i] changes the step by d[i]. These are made orthogonal one
	// after another, the moves along with them.
	for i := last - 1; i >= 0; i-- {
		size := floats.Dot(d[i], d[i])
		for k := last - 1; k > i; k-- {
			if norm := floats.Dot(d[k], d[k]); norm > 0 {
				along := floats.Dot(d[i], d[k]) / norm
				floats.AddScaled(d[i], -along, d[k])
				floats.AddScaled(moves[i], -along, moves[k])
			}
		}
		norm := floats.Dot(d[i], d[i])
		if !(norm > 1e-16*size) { // nothing but rounding is left
			clear(d[i])
			continue
		}
		floats.AddScaled(u, -floats.Dot(d[last], d[i])/norm, moves[i])
	}
}
