package allocate_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"adsteward/bidding/allocate"
)

// grouped draws a problem of S-shaped curves in groups whose bounds, in whole
// numbers, allow few of their items to be worth it: what hulls are worst at. Some
// items are in no group. Its total binds or nearly.
func (d draws) grouped(groups, each, loose int, tight float64) allocate.Problem {
	p := allocate.Problem{SpendAll: d.IntN(3) == 0}
	var least, most float64
	add := func() (id string, gamma float64) {
		c := allocate.Hill{Coef: d.between(50, 250), Alpha: d.between(1.5, 4), Gamma: d.between(15, 45)}
		id = fmt.Sprint(len(p.Items))
		p.Items = append(p.Items, allocate.Item{ID: id, Max: 150, Worth: d.between(0.5, 1.5), Curve: c})
		return id, c.Gamma
	}
	for g := range groups {
		gr := allocate.Group{Name: fmt.Sprint("g", g)}
		var room float64
		for range each {
			id, gamma := add()
			gr.IDs = append(gr.IDs, id)
			room += gamma
		}
		gr.Max = math.Ceil(room * d.between(0.4, 1.2) * tight)
		gr.Min = math.Floor(gr.Max * d.between(-0.3, 0.5))
		p.Groups = append(p.Groups, gr)
		least, most = least+max(gr.Min, 0), most+gr.Max
	}
	for range loose {
		_, gamma := add()
		most += gamma
	}
	total := math.Floor(least + (most-least)*d.between(0.1, 0.9))
	p.Total = &total
	return p
}

// onGrid is the best that spends in whole cells, so many to a unit, can earn: by
// dynamic programming over the items of each group, then over the groups.
func onGrid(p allocate.Problem, cells int) float64 {
	join := func(a, b []float64, size int) []float64 {
		out := slices.Repeat([]float64{math.Inf(-1)}, min(len(a)+len(b)-1, size))
		for i, v := range a {
			if math.IsInf(v, -1) {
				continue
			}
			for j, w := range b[:min(len(b), len(out)-i)] {
				out[i+j] = max(out[i+j], v+w)
			}
		}
		return out
	}
	total := int(*p.Total)*cells + 1
	item := func(it allocate.Item) []float64 {
		out := make([]float64, min(int(it.Max)*cells+1, total))
		for c := range out {
			x := float64(c) / float64(cells)
			out[c] = it.Worth*it.Curve.Value(x) - x
		}
		return out
	}
	byID := map[string]allocate.Item{}
	for _, it := range p.Items {
		byID[it.ID] = it
	}
	all := []float64{0}
	for _, g := range p.Groups {
		some := []float64{0}
		for _, id := range g.IDs {
			some = join(some, item(byID[id]), min(int(g.Max)*cells+1, total))
			delete(byID, id)
		}
		for c := range min(int(max(g.Min, 0))*cells, len(some)) {
			some[c] = math.Inf(-1)
		}
		all = join(all, some, total)
	}
	for _, it := range p.Items {
		if _, loose := byID[it.ID]; loose {
			all = join(all, item(it), total)
		}
	}
	if p.SpendAll {
		return all[total-1]
	}
	return slices.Max(all)
}

// In many groups too, S-shaped curves are solved to their true optimum: it is
// said to be proved, and no spends on a grid, of all there are, earn more.
func TestGroupedBeatsTheGrid(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		d := draws{rand.New(rand.NewPCG(seed, 3))}
		p := d.grouped(d.whole(2, 10), d.whole(2, 8), d.whole(0, 3), d.between(0.2, 1.2))
		sol := solve(t, p)
		checkBounds(t, p, sol.Spend, 1e-9)
		if sol.Status != allocate.Optimal || sol.Gap != 0 {
			t.Errorf("%d: status %s, gap %v", seed, sol.Status, sol.Gap)
		}
		if grid := onGrid(p, 1); grid > sol.Objective+1e-12*size(p, sol) {
			t.Errorf("%d: a grid earns %v, the solution %v", seed, grid, sol.Objective)
		}
	}
	for _, n := range [][2]int{{30, 3}, {100, 3}, {30, 10}} {
		d := draws{rand.New(rand.NewPCG(5, uint64(n[0])))}
		if sol := solve(t, d.grouped(n[0], n[1], 0, 0.3)); sol.Status != allocate.Optimal {
			t.Errorf("%d groups of %d: status %s", n[0], n[1], sol.Status)
		}
	}
}

// Where the total is what the minimums add up to, each group has its minimum and
// what is in none has nothing, and that is proved too, though curves rise without
// limit.
func TestGroupedAtTheirMinimums(t *testing.T) {
	t.Parallel()
	for _, minimum := range []float64{0, 30} {
		total := 2 * minimum
		p := allocate.Problem{Total: &total, Groups: []allocate.Group{{Name: "a", IDs: []string{"0", "1"}, Min: minimum, Max: 90}, {Name: "b", IDs: []string{"2", "3"}, Min: minimum, Max: 90}}}
		for i := range 6 { // the last two in no group
			c := allocate.Curve(allocate.Hill{Coef: 100, Alpha: 3, Gamma: 25})
			if i%2 == 1 {
				c = allocate.Power{Coef: 5, Elasticity: 0.5}
			}
			p.Items = append(p.Items, allocate.Item{ID: fmt.Sprint(i), Max: 60, Worth: 1, Curve: c})
		}
		sol := solve(t, p)
		checkBounds(t, p, sol.Spend, 1e-9)
		if grid := onGrid(p, 10); sol.Status != allocate.Optimal || grid > sol.Objective+1e-9 || sol.Objective > grid+0.01 {
			t.Errorf("minimum %v: %s, %v; a grid earns %v", minimum, sol.Status, sol.Objective, grid)
		}
	}
}

// A total that is the most that all groups together can spend leaves each of them to
// itself: there is no price at which they would spend more, and none is looked for.
func TestATotalThatIsAllThereCanBe(t *testing.T) {
	t.Parallel()
	total := 37.0
	p := allocate.Problem{Total: &total, SpendAll: true, Items: []allocate.Item{
		{ID: "0", Min: 5, Max: 5, Worth: 2, Curve: allocate.Hill{Coef: 20, Alpha: 1, Gamma: 5}},
		{ID: "1", Max: 38, Worth: 0.69, Curve: allocate.Hill{Coef: 49.7, Alpha: 1.7, Gamma: 14.2}},
		{ID: "2", Max: 16, Worth: 1.51, Curve: allocate.Hill{Coef: 23.7, Alpha: 1.7, Gamma: 34.8}},
		{ID: "3", Max: 4, Worth: 0.98, Curve: allocate.Hill{Coef: 40, Alpha: 1, Gamma: 13}},
	}, Groups: []allocate.Group{{Name: "bent", IDs: []string{"0", "1", "2"}, Max: 33}, {Name: "other", IDs: []string{"3"}, Min: 2, Max: 6}}}
	sol, err := allocate.Solve(p)
	if err != nil {
		t.Fatal(err)
	}
	checkBounds(t, p, sol.Spend, 1e-9)
	best := math.Inf(-1)
	const steps = 16000
	for k := range steps + 1 { // 28 are left for the two
		second := 16 * float64(k) / steps
		best = max(best, p.Items[1].Worth*p.Items[1].Curve.Value(28-second)+p.Items[2].Worth*p.Items[2].Curve.Value(second))
	}
	for _, i := range []int{0, 3} {
		best += p.Items[i].Worth * p.Items[i].Curve.Value(p.Items[i].Max)
	}
	best -= total
	if sol.Status != allocate.Optimal || sol.Objective < best-1e-9*math.Abs(best) {
		t.Fatalf("%s, %v by %v; a grid earns %v", sol.Status, sol.Objective, sol.Spend, best)
	}
}
