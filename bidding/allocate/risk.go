package allocate

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// The objectives of Risk.
const (
	Mean     = "mean"     // the mean profit
	Quantile = "quantile" // the profit that all but a share Level of the draws reach
	CVaR     = "cvar"     // the mean profit of the worst share Level of the draws
)

// DefaultLevel is the level at which risk is reported where none is asked for.
const DefaultLevel = 0.2

// Risk is what of the uncertain profit is maximised. The zero value is the mean.
type Risk struct {
	Objective string
	Level     float64 // above 0 and below 1; 0 is DefaultLevel
}

// level is Level, or the default.
func (r Risk) level() float64 {
	if r.Level == 0 {
		return DefaultLevel
	}
	return r.Level
}

func (r Risk) check() error {
	switch r.Objective {
	case "", Mean, Quantile, CVaR:
	default:
		return fmt.Errorf("risk: there is no objective %q; use mean, quantile or cvar", r.Objective)
	}
	if l := r.level(); !(l > 0 && l < 1) {
		return fmt.Errorf("risk: level is %v; it must be above 0 and below 1", r.Level)
	}
	return nil
}

// Outlook is what spends may earn over the draws. Quantile is the smallest
// profit that a share Level of the draws does not exceed, CVaR the mean of the
// worst share Level.
type Outlook struct {
	Objective            string
	Level                float64
	Mean, Quantile, CVaR float64
}

func outlook(profits []float64, r Risk) *Outlook {
	o := &Outlook{Objective: r.Objective, Level: r.level()}
	if o.Objective == "" {
		o.Objective = Mean
	}
	for _, v := range profits {
		o.Mean += v / float64(len(profits))
	}
	o.Quantile = slices.Sorted(slices.Values(profits))[rank(len(profits), o.Level)]
	o.CVaR, _ = tail(profits, worstCap(len(profits), o.Level))
	return o
}

// rank is the place, from 0, of the quantile among n sorted draws.
func rank(n int, level float64) int {
	return min(max(int(math.Ceil(level*float64(n)-1e-9))-1, 0), n-1)
}

// worstCap is the most probability that one draw of n can have in the tail.
func worstCap(n int, level float64) float64 { return min(1, 1/(level*float64(n))) }

// tail is the least mean of the values under probabilities of at most most each,
// and these probabilities: of the worst draws as much as may be.
func tail(values []float64, most float64) (mean float64, weights []float64) {
	order := make([]int, len(values))
	for j := range order {
		order[j] = j
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case values[a] < values[b]:
			return -1
		case values[a] > values[b]:
			return 1
		}
		return 0
	})
	weights = make([]float64, len(values))
	left := 1.0
	for _, j := range order {
		weights[j] = min(most, left)
		left -= weights[j]
		mean += weights[j] * values[j]
		if left <= 0 {
			break
		}
	}
	return mean, weights
}

// solve maximises what the problem's Risk says.
func (s scenarios) solve(ctx context.Context) (Solution, error) {
	q := s.uniform()
	sol, err := solveCertain(ctx, s.weighted(q))
	if err != nil {
		return sol, err
	}
	sol.Weights = q
	switch s.p.Risk.Objective {
	case CVaR:
		sol, err = s.worst(ctx, sol, worstCap(s.n, s.p.Risk.level()))
	case Quantile:
		sol, err = s.quantile(ctx, sol)
	}
	if err != nil {
		return sol, err
	}
	sol.Risk = outlook(s.profits(sol.Spend), s.p.Risk)
	return sol, nil
}
