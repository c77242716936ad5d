package allocate_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"adsteward/bidding/allocate"
)

// draws are uniform, where rapid's own prefer what is small and so is easy.
type draws struct{ *rand.Rand }

func (d draws) between(lo, hi float64) float64 { return lo + (hi-lo)*d.Float64() }
func (d draws) whole(lo, hi int) int           { return lo + d.IntN(hi-lo+1) }

// curve draws one that may be S-shaped, convex or jagged.
func (d draws) curve() allocate.Curve {
	switch coef := d.between(20, 150); d.IntN(5) {
	case 0:
		return allocate.Power{Coef: coef / 20, Elasticity: d.between(0.3, 1.6)}
	case 1:
		return allocate.Binormal{CapSpend: d.between(5, 40), CapValue: coef, Sigma: d.between(-2, 2)}
	case 2:
		var p allocate.Points
		var s, v float64
		for range d.whole(1, 6) {
			p.Spends, p.Values = append(p.Spends, s), append(p.Values, v)
			s, v = s+d.between(1, 15), v+d.between(-5, 40)
		}
		return p
	default:
		return allocate.Hill{Coef: coef, Alpha: d.between(0.5, 6), Gamma: d.between(2, 40), Shift: float64(3 * d.IntN(2))}
	}
}

// problem draws a feasible one whose bounds are whole numbers, so that a grid
// meets them all.
func (d draws) problem() allocate.Problem {
	var p allocate.Problem
	n, alike := d.whole(2, 5), d.IntN(4) == 0
	inside := make([]int, n)
	var sum int
	for i := range n {
		it := allocate.Item{ID: fmt.Sprint(i), Min: float64(max(0, d.whole(-5, 5))), Worth: d.between(0.3, 2), Curve: d.curve()}
		it.Max = it.Min + float64(d.whole(0, 50))
		if i > 0 && alike {
			it = p.Items[0]
			it.ID = fmt.Sprint(i)
		}
		p.Items = append(p.Items, it)
		inside[i] = d.whole(int(it.Min), int(it.Max))
		sum += inside[i]
	}
	for from := 0; from < n && d.IntN(3) > 0; {
		g := allocate.Group{Name: fmt.Sprint("g", from)}
		to := d.whole(from+1, n)
		var in int
		for ; from < to; from++ {
			g.IDs = append(g.IDs, fmt.Sprint(from))
			in += inside[from]
		}
		g.Min, g.Max = float64(d.whole(0, in)), float64(in+d.whole(0, 10))
		p.Groups = append(p.Groups, g)
	}
	switch total := float64(sum); d.IntN(4) {
	case 0:
	case 1:
		p.Total, p.SpendAll = &total, true
	default:
		p.Total = &total
	}
	return p
}

// brute is the best of a grid, by dynamic programming, improved by moving ever
// smaller amounts from one item to another, in and out.
func brute(p allocate.Problem, fine int) (best float64, spend []float64) {
	step := 1 / float64(fine)
	cells := 0
	for _, it := range p.Items {
		cells += int(it.Max) * fine
	}
	profit := func(i int, x float64) float64 { return p.Items[i].Worth*p.Items[i].Curve.Value(x) - x }
	grouped := map[string]int{}
	for g, gr := range p.Groups {
		for _, id := range gr.IDs {
			grouped[id] = g + 1
		}
	}
	// worth[k] is the best of some items that spend k cells, from[k] what they spend.
	type state struct {
		worth []float64
		from  [][]int
	}
	empty := func() state {
		s := state{worth: make([]float64, cells+1), from: make([][]int, cells+1)}
		for k := range s.worth {
			s.worth[k] = math.Inf(-1)
		}
		return s
	}
	join := func(a, b state) state {
		out := empty()
		for k, v := range a.worth {
			for c := 0; c+k <= cells && !math.IsInf(v, -1); c++ {
				if w := v + b.worth[c]; w > out.worth[k+c] {
					out.worth[k+c], out.from[k+c] = w, slices.Concat(a.from[k], b.from[c])
				}
			}
		}
		return out
	}
	single := func(i int) state {
		s := empty()
		for c := int(p.Items[i].Min) * fine; c <= int(p.Items[i].Max)*fine; c++ {
			s.worth[c], s.from[c] = profit(i, float64(c)*step), []int{c}
		}
		return s
	}
	none := empty()
	none.worth[0] = 0
	all := none
	i := 0
	for _, g := range p.Groups { // their items come first, in order
		some := none
		for range g.IDs {
			some = join(some, single(i))
			i++
		}
		for k := range some.worth {
			if s := float64(k) * step; s < g.Min || s > g.Max {
				some.worth[k] = math.Inf(-1)
			}
		}
		all = join(all, some)
	}
	for ; i < len(p.Items); i++ {
		all = join(all, single(i))
	}
	best = math.Inf(-1)
	for k, w := range all.worth {
		s := float64(k) * step
		if p.Total != nil && (s > *p.Total || p.SpendAll && s < *p.Total) || w <= best {
			continue
		}
		best, spend = w, make([]float64, len(p.Items))
		for i, c := range all.from[k] {
			spend[i] = float64(c) * step
		}
	}
	room := func(i int, d float64) bool {
		x := spend[i] + d
		return x >= p.Items[i].Min && x <= p.Items[i].Max
	}
	fits := func(d float64, ids ...int) bool { // a change of the sum of all, or of some in the group
		total, groups := amounts(p, spend)
		if p.Total != nil && len(ids) == 1 && (total+d > *p.Total || p.SpendAll) {
			return false
		}
		for _, i := range ids {
			change := d
			if i == ids[0] && len(ids) == 2 {
				change = -d
			}
			if len(ids) == 2 && grouped[p.Items[ids[0]].ID] == grouped[p.Items[ids[1]].ID] {
				continue
			}
			if g := grouped[p.Items[i].ID]; g > 0 && (groups[g-1]+change < p.Groups[g-1].Min || groups[g-1]+change > p.Groups[g-1].Max) {
				return false
			}
		}
		return true
	}
	for d := step; d > 1e-7; d /= 2 {
		for better := true; better; {
			better = false
			for i := range spend {
				for _, d := range []float64{d, -d} {
					if gain := profit(i, spend[i]+d) - profit(i, spend[i]); gain > 1e-13 && room(i, d) && fits(d, i) {
						spend[i], best, better = spend[i]+d, best+gain, true
					}
				}
				for j := range spend {
					if i == j || !room(i, -d) || !room(j, d) || !fits(d, i, j) {
						continue
					}
					if gain := profit(i, spend[i]-d) - profit(i, spend[i]) + profit(j, spend[j]+d) - profit(j, spend[j]); gain > 1e-13 {
						spend[i], spend[j], best, better = spend[i]-d, spend[j]+d, best+gain, true
					}
				}
			}
		}
	}
	return best, spend
}

// The optimum of the true curves, not of their hulls: no point of a fine grid,
// however it is improved, earns more.
func TestBentBeatsBruteForce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := draws{rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))}.problem()
		sol, err := allocate.Solve(p)
		if err != nil {
			t.Fatal(err)
		}
		checkBounds(t, p, sol.Spend, 1e-9)
		if sol.Status != allocate.Optimal {
			t.Fatalf("status %s", sol.Status)
		}
		var size float64
		for i, it := range p.Items {
			size += it.Worth*it.Curve.Value(sol.Spend[i]) + sol.Spend[i]
		}
		if want, at := brute(p, 4); want > sol.Objective+1e-9*math.Abs(want)+1e-12*size {
			t.Fatalf("%v earns %v, the solution %v earns %v", at, want, sol.Spend, sol.Objective)
		}
	})
}

// What rounding lets items spend above the total is not taken from one whose curve is
// the steepest where it ends.
func TestRoundingIsTakenWhereItCostsLeast(t *testing.T) {
	t.Parallel()
	const whole = 30.41703415695587
	total := 86.0
	p := allocate.Problem{Total: &total, Groups: []allocate.Group{{Name: "first two", IDs: []string{"0", "1"}, Min: 23, Max: 41}}}
	for i := range 5 {
		p.Items = append(p.Items, allocate.Item{ID: fmt.Sprint(i), Max: 32, Worth: 1.1733873785858318,
			Curve: allocate.Binormal{CapSpend: whole, CapValue: 85.9581063033063, Sigma: -1.5217334145073513}})
	}
	sol, err := allocate.Solve(p)
	if err != nil {
		t.Fatal(err)
	}
	c, worth := p.Items[0].Curve, p.Items[0].Worth
	want := 2*worth*c.Value(whole) + worth*c.Value(total-2*whole) - total
	if math.Abs(sol.Objective-want) > 1e-9*want {
		t.Fatalf("two bought whole and one with the rest earn %v, the solution %v earns %v", want, sol.Spend, sol.Objective)
	}
}

// Items that are all the same are not searched in every order of theirs.
func TestItemsThatAreAllTheSameAreProved(t *testing.T) {
	t.Parallel()
	const whole, n = 18.0, 16
	total := 171.0
	p := allocate.Problem{Total: &total}
	for i := range n {
		p.Items = append(p.Items, allocate.Item{ID: fmt.Sprint(i), Max: 32, Worth: 1.1, Curve: allocate.Binormal{CapSpend: whole, CapValue: 144, Sigma: -0.9}})
	}
	sol, err := allocate.Solve(p)
	if err != nil {
		t.Fatal(err)
	}
	want := -total
	for room := total; room > 0; room -= whole { // as many as can be have all that there is
		want += p.Items[0].Worth * p.Items[0].Curve.Value(min(whole, room))
	}
	if sol.Status != allocate.Optimal || math.Abs(sol.Objective-want) > 1e-9*want {
		t.Fatalf("%s, %v by %v; the optimum is %v", sol.Status, sol.Objective, sol.Spend, want)
	}
}

// Nor are groups that are all the same.
func TestGroupsThatAreAllTheSameAreProved(t *testing.T) {
	t.Parallel()
	total := 432.0
	p := allocate.Problem{Total: &total}
	for g := range 16 {
		gr := allocate.Group{Name: fmt.Sprint("g", g), Max: 90}
		for range 3 {
			id := fmt.Sprint(len(p.Items))
			p.Items, gr.IDs = append(p.Items, allocate.Item{ID: id, Max: 100, Worth: 1, Curve: allocate.Hill{Coef: 140, Alpha: 3, Gamma: 36}}), append(gr.IDs, id)
		}
		p.Groups = append(p.Groups, gr)
	}
	sol, err := allocate.Solve(p)
	if err != nil {
		t.Fatal(err)
	}
	checkBounds(t, p, sol.Spend, 1e-9)
	if sol.Status != allocate.Optimal {
		t.Fatalf("%s by %v", sol.Status, sol.Spend)
	}
}
