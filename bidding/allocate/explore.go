package allocate

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// Exploration bounds what may be moved to learn.
type Exploration struct {
	Among   []int   // the items that may be moved, by their place in the problem
	Draw    int     // the draw that is acted on as if it were the truth
	Budget  float64 // the sum of all distances from the best spends is at most this
	MaxCost float64 // the mean profit given up is at most this
}

// Explored is what exploration makes of the best spends.
type Explored struct {
	Spend []float64
	Moved float64 // the sum of all distances from the best spends
	Cost  float64 // the mean profit given up
	Items []ExploredItem
}

// ExploredItem is what exploration means for one item; zero where it has no
// draws or may not be moved. Money is priced at the shadow price: in a group that
// binds, where money has another price, they say less.
type ExploredItem struct {
	// Cost is the mean profit given up by it where money costs the shadow price.
	Cost float64
	// Knowing is the mean profit that knowing its curve for sure would add at that
	// price: the expected value of perfect information.
	Knowing float64
	// The best spends within the bounds are between Low and High in 80 % of the draws.
	Low, High float64
}

// Explore moves spends away from the best ones, those of Solve for the same
// problem, to learn about the items of which knowing more is worth most: it
// allocates anew for them as if one draw were the truth (Thompson 1933), taking in
// as few as use up its limits, and keeps to these by going only part of the way.
// The way leads between two points within all bounds, so it keeps to them.
func Explore(p Problem, best Solution, e Exploration) (Explored, error) {
	s, err := newScenarios(p)
	out := Explored{Spend: slices.Clone(best.Spend), Items: make([]ExploredItem, len(p.Items))}
	price := best.ShadowPrice
	if err != nil || s.n == 0 || math.IsInf(price, 0) || !(e.Budget > 0 && e.MaxCost > 0) {
		return out, err
	}
	if e.Draw < 0 || e.Draw >= s.n {
		return out, fmt.Errorf("there is no draw %d to explore by; there are %d", e.Draw, s.n)
	}
	x := explorer{s: s, best: best, e: e, means: s.weighted(s.uniform()).Items}
	var order []int
	for _, i := range e.Among {
		if it := p.Items[i]; len(it.Draws) > 0 && it.Min < it.Max {
			out.Items[i] = x.know(i)
			if out.Items[i].Knowing > 0 {
				order = append(order, i)
			}
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if out.Items[a].Knowing > out.Items[b].Knowing {
			return -1
		}
		return 1
	})
	to, err := x.fewest(order)
	if err != nil || to == nil {
		return out, err
	}
	out.Spend = x.part(to)
	out.Moved, out.Cost = x.moved(out.Spend), x.cost(out.Spend)
	for _, i := range order {
		out.Items[i].Cost = x.gives(i, out.Spend[i])
	}
	return out, nil
}

type explorer struct {
	s     scenarios
	best  Solution
	e     Exploration
	means []Item // with the mean curves
}

// know is what knowing item i would be worth, and where its best spends lie.
func (x *explorer) know(i int) ExploredItem {
	it, price := x.s.p.Items[i], x.best.ShadowPrice
	lo, hi := it.Min, it.Max
	if math.IsInf(hi, 1) {
		hi = 2*x.best.Spend[i] + 1
	}
	var informed float64
	spends := make([]float64, len(it.Draws))
	for j, d := range it.Draws {
		spends[j] = lo
		if d.Worth > 0 {
			spends[j] = Best(d.Curve, price/d.Worth, lo, hi)
		}
		informed += (d.Worth*d.Curve.Value(spends[j]) - price*spends[j]) / float64(len(it.Draws))
	}
	slices.Sort(spends)
	at := x.best.Spend[i]
	uninformed := x.mean(i, at) - price*at
	knowing := informed - uninformed
	if knowing <= 1e-9*(math.Abs(informed)+math.Abs(uninformed)) { // rounding
		knowing = 0
	}
	return ExploredItem{Knowing: knowing, Low: spends[rank(len(spends), 0.1)], High: spends[rank(len(spends), 0.9)]}
}

func (x *explorer) mean(i int, spend float64) float64 {
	return x.means[i].Worth * x.means[i].Curve.Value(spend)
}

// gives is the mean profit that item i gives up at a spend where money costs the
// shadow price.
func (x *explorer) gives(i int, spend float64) float64 {
	b := x.best.Spend[i]
	return x.mean(i, b) - x.mean(i, spend) - x.best.ShadowPrice*(b-spend)
}

// cost is the mean profit given up by spends, or by the items at the shadow
// price if that is more: they may leave money over, which is then worth less.
func (x *explorer) cost(spends []float64) float64 {
	var priced, plain float64
	for i, v := range spends {
		if b := x.best.Spend[i]; v != b {
			priced += x.gives(i, v)
			plain += x.mean(i, b) - b - x.mean(i, v) + v
		}
	}
	return max(priced, plain)
}

func (x *explorer) moved(spends []float64) (sum float64) {
	for i, v := range spends {
		sum += math.Abs(v - x.best.Spend[i])
	}
	return sum
}

func (x *explorer) within(spends []float64) bool {
	return x.moved(spends) <= x.e.Budget && x.cost(spends) <= x.e.MaxCost
}

// fewest are the draw's best spends where the first items of an order may move:
// as few as use up the limits, or all; nil where none moves.
func (x *explorer) fewest(order []int) ([]float64, error) {
	within, beyond := 0, len(order)
	to, err := x.act(order)
	if err != nil || len(order) == 0 {
		return nil, err
	}
	if x.within(to) {
		return to, nil
	}
	for beyond-within > 1 {
		n := (within + beyond) / 2
		some, err := x.act(order[:n])
		if err != nil {
			return nil, err
		}
		if x.within(some) {
			within = n
		} else {
			beyond, to = n, some
		}
	}
	return to, nil
}

// act is the draw's best spends where only some items may move.
func (x *explorer) act(some []int) ([]float64, error) {
	p := x.s.p
	p.Risk, p.Items = Risk{}, slices.Clone(p.Items)
	for i := range p.Items {
		it := &p.Items[i]
		if len(it.Draws) > 0 {
			it.Worth, it.Curve, it.Draws = it.Draws[x.e.Draw].Worth, it.Draws[x.e.Draw].Curve, nil
		}
		if !slices.Contains(some, i) {
			it.Min, it.Max = x.best.Spend[i], x.best.Spend[i]
		}
	}
	sol, err := solveCertain(context.Background(), p)
	return sol.Spend, err
}

// part is as much of the way from the best spends as the limits allow.
func (x *explorer) part(to []float64) []float64 {
	at := func(part float64) []float64 {
		out := slices.Clone(x.best.Spend)
		for i := range out {
			if to[i] != out[i] {
				out[i] += part * (to[i] - out[i])
			}
		}
		return out
	}
	if x.within(to) {
		return to
	}
	lo, hi := 0.0, 1.0
	for range 50 {
		if mid := (lo + hi) / 2; x.within(at(mid)) {
			lo = mid
		} else {
			hi = mid
		}
	}
	return at(lo)
}
