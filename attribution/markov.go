package attribution

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

// markov gives credit by removal effects: how many conversions are lost where
// every state that holds the channel leads to nothing (Anderl et al. 2016). The
// linear systems are solved, not simulated.
func (j *Journeys) markov(ctx context.Context, order int) (Result, error) {
	ch := j.grams.chain(order)
	n := len(j.names)
	kept := make([]absorbed, n+1) // by the channel that is removed; the last of all
	errs := make([]error, n+1)
	var next atomic.Int32
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n+1) {
		wg.Go(func() {
			for {
				x := int(next.Add(1)) - 1
				if x > n {
					return
				}
				kept[x], errs[x] = ch.without(int32(x)).absorb(ctx)
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return Result{}, fmt.Errorf("the Markov model of order %d: %w", order, err)
		}
	}
	effect, valueEffect := make([]float64, n), make([]float64, n)
	for x := range n {
		effect[x] = lost(kept[x].conv, kept[n].conv)
		valueEffect[x] = lost(kept[x].value, kept[n].value)
		if kept[n].value < 0 { // a loss in all, as a margin may be, is shared like the orders
			valueEffect[x] = effect[x]
		}
	}
	t := j.Totals()
	res := j.result("markov", split(t.Conversions, effect), split(t.Value, valueEffect), effect)
	res.Order = &order
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
		out[i] = total * (e / sum)
	}
	return out
}
