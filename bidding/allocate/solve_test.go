package allocate_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"adsteward/bidding/allocate"
)

// hill is concave for an exponent of at most 1 and has no closed-form inverse.
type hill struct{ coef, half float64 }

func (h hill) Value(s float64) float64 { return h.coef * s / (s + h.half) }
func (h hill) Slope(s float64) float64 { return h.coef * h.half / ((s + h.half) * (s + h.half)) }

// line earns the same for every unit up to cap.
type line struct{ slope, cap float64 }

func (l line) Value(s float64) float64 { return l.slope * min(s, l.cap) }
func (l line) Slope(s float64) float64 {
	if s < l.cap {
		return l.slope
	}
	return 0
}

func anyCurve(t *rapid.T) allocate.Curve {
	coef := rapid.Float64Range(0.5, 50).Draw(t, "coef")
	switch rapid.IntRange(0, 2).Draw(t, "kind") {
	case 0:
		return allocate.Power{Coef: coef, Elasticity: rapid.Float64Range(0.1, 0.9).Draw(t, "elasticity")}
	case 1:
		return hill{coef * 20, rapid.Float64Range(1, 100).Draw(t, "half")}
	default:
		return line{coef / 10, rapid.Float64Range(1, 200).Draw(t, "cap")}
	}
}

// anyProblem draws a feasible problem: there is a spend inside all bounds.
func anyProblem(t *rapid.T) allocate.Problem {
	var p allocate.Problem
	n := rapid.IntRange(1, 8).Draw(t, "n")
	inside := make([]float64, n)
	var sum float64
	for i := range n {
		lo := rapid.Float64Range(0, 50).Draw(t, "min")
		hi := lo + rapid.Float64Range(0, 100).Draw(t, "width")
		p.Items = append(p.Items, allocate.Item{ID: fmt.Sprint(i), Min: lo, Max: hi,
			Worth: rapid.Float64Range(0, 2).Draw(t, "worth"), Curve: anyCurve(t)})
		inside[i] = lo + (hi-lo)*rapid.Float64Range(0, 1).Draw(t, "inside")
		sum += inside[i]
	}
	for at := 0; at < n && rapid.Bool().Draw(t, "group"); {
		size := rapid.IntRange(1, n-at).Draw(t, "size")
		g := allocate.Group{Name: fmt.Sprint("g", at)}
		var in float64
		for i := at; i < at+size; i++ {
			g.IDs = append(g.IDs, fmt.Sprint(i))
			in += inside[i]
		}
		g.Min = in * rapid.Float64Range(0, 1).Draw(t, "group min")
		g.Max = in + rapid.Float64Range(0, 50).Draw(t, "group slack")
		p.Groups = append(p.Groups, g)
		at += size
	}
	switch rapid.IntRange(0, 2).Draw(t, "total") {
	case 1:
		total := sum + rapid.Float64Range(0, 50).Draw(t, "slack")
		p.Total = &total
	case 2:
		p.Total, p.SpendAll = &sum, true
	}
	return p
}

func amounts(p allocate.Problem, spend []float64) (total float64, groups []float64) {
	byID := map[string]float64{}
	for i, it := range p.Items {
		byID[it.ID] = spend[i]
		total += spend[i]
	}
	for _, g := range p.Groups {
		var s float64
		for _, id := range g.IDs {
			s += byID[id]
		}
		groups = append(groups, s)
	}
	return total, groups
}

// Every bound holds, and no amount of money small or large can be moved from
// one item to another, added or taken away, with a gain: for a concave problem
// these are the Karush-Kuhn-Tucker conditions.
func TestOptimumSatisfiesKKT(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := anyProblem(t)
		sol, err := allocate.Solve(p)
		if err != nil {
			t.Fatal(err)
		}
		const eps = 1e-6
		checkBounds(t, p, sol.Spend, eps)
		profit := func(i int, x float64) float64 { return p.Items[i].Worth*p.Items[i].Curve.Value(x) - x }
		total, groups := amounts(p, sol.Spend)
		groupOf := map[string]int{}
		for g, gr := range p.Groups {
			for _, id := range gr.IDs {
				groupOf[id] = g + 1
			}
		}
		// room is how much the item may rise (sign 1) or fall (-1) by itself.
		item := func(i int, sign float64) float64 {
			if sign > 0 {
				return p.Items[i].Max - sol.Spend[i]
			}
			return sol.Spend[i] - p.Items[i].Min
		}
		group := func(i int, sign float64) float64 {
			g := groupOf[p.Items[i].ID]
			if g == 0 {
				return math.Inf(1)
			}
			if sign > 0 {
				return p.Groups[g-1].Max - groups[g-1]
			}
			return groups[g-1] - p.Groups[g-1].Min
		}
		for i := range p.Items {
			for j := range p.Items {
				if i == j {
					continue
				}
				d := min(item(i, 1), item(j, -1))
				if groupOf[p.Items[i].ID] != groupOf[p.Items[j].ID] || groupOf[p.Items[i].ID] == 0 {
					d = min(d, group(i, 1), group(j, -1))
				}
				for _, d := range []float64{d, d / 100} {
					if d < 1e-4 {
						continue
					}
					before := profit(i, sol.Spend[i]) + profit(j, sol.Spend[j])
					after := profit(i, sol.Spend[i]+d) + profit(j, sol.Spend[j]-d)
					if after > before+eps {
						t.Fatalf("moving %g from %d to %d gains %g", d, j, i, after-before)
					}
				}
			}
			if p.SpendAll {
				continue
			}
			up := min(item(i, 1), group(i, 1))
			if p.Total != nil {
				up = min(up, *p.Total-total)
			}
			down := min(item(i, -1), group(i, -1))
			for _, d := range []float64{up, up / 100, -down, -down / 100} {
				if math.Abs(d) > 1e-4 && profit(i, sol.Spend[i]+d) > profit(i, sol.Spend[i])+eps {
					t.Fatalf("changing %d by %g gains", i, d)
				}
			}
		}
	})
}

func checkBounds(t rapid.TB, p allocate.Problem, spend []float64, eps float64) {
	total, groups := amounts(p, spend)
	for i, it := range p.Items {
		if x := spend[i]; !(x >= it.Min && x <= it.Max) {
			t.Fatalf("item %d spends %v outside [%v, %v]", i, x, it.Min, it.Max)
		}
	}
	for k, g := range p.Groups {
		if groups[k] < g.Min-eps || groups[k] > g.Max+eps {
			t.Fatalf("group %s spends %v outside [%v, %v]", g.Name, groups[k], g.Min, g.Max)
		}
	}
	if p.Total != nil && (total > *p.Total+eps || p.SpendAll && total < *p.Total-eps) {
		t.Fatalf("total %v, limit %v", total, *p.Total)
	}
}

// The objective is at least that of every point of a fine grid.
func TestBeatsBruteForce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.Float64Range(10, 100).Draw(t, "total")
		p := allocate.Problem{Total: &total}
		for i := range 3 {
			p.Items = append(p.Items, allocate.Item{ID: fmt.Sprint(i), Max: 60,
				Worth: rapid.Float64Range(0, 2).Draw(t, "worth"), Curve: anyCurve(t)})
		}
		sol, err := allocate.Solve(p)
		if err != nil {
			t.Fatal(err)
		}
		profit := func(i int, x float64) float64 { return p.Items[i].Worth*p.Items[i].Curve.Value(x) - x }
		for a := 0.0; a <= 60; a += 2 {
			for b := 0.0; b <= 60 && a+b <= total; b += 2 {
				for c := 0.0; c <= 60 && a+b+c <= total; c += 2 {
					if v := profit(0, a) + profit(1, b) + profit(2, c); v > sol.Objective+1e-9*(1+math.Abs(v)) {
						t.Fatalf("%v %v %v earns %v, the solution %v", a, b, c, v, sol.Objective)
					}
				}
			}
		}
	})
}

type scaled struct {
	c allocate.Curve
	k float64
}

func (s scaled) Value(x float64) float64 { return s.k * s.c.Value(x/s.k) }
func (s scaled) Slope(x float64) float64 { return s.c.Slope(x / s.k) }

// The same problem in yen and in dinar has the same answer.
func TestCurrencyScaleDoesNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := anyProblem(t)
		a, err := allocate.Solve(p)
		if err != nil {
			t.Fatal(err)
		}
		k := math.Pow(10, rapid.Float64Range(-6, 6).Draw(t, "scale"))
		q := p
		q.Items, q.Groups = nil, nil
		for _, it := range p.Items {
			it.Min, it.Max, it.Curve = it.Min*k, it.Max*k, scaled{it.Curve, k}
			q.Items = append(q.Items, it)
		}
		for _, g := range p.Groups {
			g.Min, g.Max = g.Min*k, g.Max*k
			q.Groups = append(q.Groups, g)
		}
		if p.Total != nil {
			total := *p.Total * k
			q.Total = &total
		}
		b, err := allocate.Solve(q)
		if ie := (*allocate.Infeasible)(nil); errors.As(err, &ie) {
			t.Skip("a bound met exactly before scaling")
		}
		if err != nil {
			t.Fatal(err)
		}
		// Near 0 a steep curve makes much of the rounding of a spend.
		rounded := 1e-9 * (1 + math.Abs(a.Objective))
		for i, it := range p.Items {
			x := a.Spend[i]
			rounded += it.Worth * (it.Curve.Value(x+1e-11) - it.Curve.Value(x-1e-11))
		}
		if math.Abs(b.Objective/k-a.Objective) > rounded {
			t.Fatalf("objective %v in one currency, %v in the other", a.Objective, b.Objective/k)
		}
	})
}

func TestKnownAnswers(t *testing.T) {
	t.Parallel()
	// Two equal square roots worth 1 and 2 share 100: slopes worth/(2 sqrt x)
	// are equal at 20 and 80; mu = 10/(2 sqrt 20).
	total := 100.0
	root := allocate.Power{Coef: 10, Elasticity: 0.5}
	items := []allocate.Item{{ID: "a", Max: 100, Worth: 1, Curve: root}, {ID: "b", Max: 100, Worth: 2, Curve: root}}
	sol, err := allocate.Solve(allocate.Problem{Total: &total, Items: items})
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(sol.Spend[0]-20) > 1e-6 || math.Abs(sol.Spend[1]-80) > 1e-6 || math.Abs(sol.ShadowPrice-10/(2*math.Sqrt(20))) > 1e-9 {
		t.Errorf("got %v at %v, want 20 and 80 at %v", sol.Spend, sol.ShadowPrice, 10/(2*math.Sqrt(20)))
	}
	if len(sol.Binding) != 1 || sol.Binding[0].String() != "total" {
		t.Errorf("binding %v, want total", sol.Binding)
	}
	// With money to spare each stops where the next unit earns itself: 25 and 100.
	plenty := 500.0
	sol, err = allocate.Solve(allocate.Problem{Total: &plenty, Items: items})
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(sol.Spend[0]-25) > 1e-9 || sol.ShadowPrice != 1 {
		t.Errorf("got %v at %v, want 25 at 1", sol.Spend, sol.ShadowPrice)
	}
	// Made to spend 150 it goes below 1.
	most := 150.0
	sol, err = allocate.Solve(allocate.Problem{Total: &most, SpendAll: true, Items: items})
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(sol.Spend[0]+sol.Spend[1]-150) > 1e-9 || sol.ShadowPrice >= 1 {
		t.Errorf("got %v at %v, want all of 150 at a price below 1", sol.Spend, sol.ShadowPrice)
	}
}

func TestInfeasibleNamesTheConstraint(t *testing.T) {
	t.Parallel()
	root := allocate.Power{Coef: 10, Elasticity: 0.5}
	item := func(id string, lo, hi float64) allocate.Item {
		return allocate.Item{ID: id, Min: lo, Max: hi, Worth: 1, Curve: root}
	}
	ten := 10.0
	for name, c := range map[string]struct {
		p    allocate.Problem
		want []string
	}{
		"item":      {allocate.Problem{Items: []allocate.Item{item("a", 5, 4)}}, []string{`item "a"`, "max"}},
		"total max": {allocate.Problem{Total: &ten, Items: []allocate.Item{item("a", 6, 9), item("b", 6, 9)}}, []string{"total", "max"}},
		"total min": {allocate.Problem{Total: &ten, SpendAll: true, Items: []allocate.Item{item("a", 0, 4)}}, []string{"total", "min"}},
		"group max": {allocate.Problem{Items: []allocate.Item{item("a", 6, 9)}, Groups: []allocate.Group{{Name: "g", IDs: []string{"a"}, Max: 5}}}, []string{`group "g"`, "max"}},
		"group min": {allocate.Problem{Items: []allocate.Item{item("a", 6, 9)}, Groups: []allocate.Group{{Name: "g", IDs: []string{"a"}, Min: 10, Max: 20}}}, []string{`group "g"`, "min"}},
	} {
		_, err := allocate.Solve(c.p)
		var ie *allocate.Infeasible
		if !errors.As(err, &ie) {
			t.Errorf("%s: got %v, want an *Infeasible", name, err)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q does not name %s", name, err, w)
			}
		}
	}
}

type sShape struct{}

func (sShape) Value(s float64) float64 { return s * s / (s*s + 100) }
func (sShape) Slope(s float64) float64 { return 200 * s / ((s*s + 100) * (s*s + 100)) }

func TestRefusesNonsense(t *testing.T) {
	t.Parallel()
	root := allocate.Power{Coef: 10, Elasticity: 0.5}
	for name, it := range map[string]allocate.Item{
		"NaN worth": {ID: "x", Max: 1, Worth: math.NaN(), Curve: root},
		"Inf max":   {ID: "x", Max: math.Inf(1), Worth: 1, Curve: root},
		"negative":  {ID: "x", Min: -1, Max: 1, Worth: 1, Curve: root},
		"no curve":  {ID: "x", Max: 1, Worth: 1},
		"S-shape":   {ID: "x", Max: 50, Worth: 1, Curve: sShape{}},
	} {
		if _, err := allocate.Solve(allocate.Problem{Items: []allocate.Item{it}}); err == nil || !strings.Contains(err.Error(), `"x"`) {
			t.Errorf("%s: got %v, want an error naming the item", name, err)
		}
	}
}

// A limit holds to the cent however large it is, of the total and of a group.
func TestLargeLimitsHoldToTheCent(t *testing.T) {
	t.Parallel()
	for _, limit := range []float64{60, 1e9, 1e12} {
		items := []allocate.Item{{ID: "a", Max: 10 * limit, Worth: 1, Curve: allocate.Power{Coef: 10, Elasticity: 1.5}},
			{ID: "b", Max: 10 * limit, Worth: 1, Curve: allocate.Power{Coef: 9, Elasticity: 1.4}}}
		for name, p := range map[string]allocate.Problem{
			"total": {Total: &limit, Items: items}, "spent wholly": {Total: &limit, SpendAll: true, Items: items},
			"group": {Items: items, Groups: []allocate.Group{{IDs: []string{"a", "b"}, Max: limit}}},
		} {
			sol, err := allocate.Solve(p)
			if err != nil {
				t.Fatal(err)
			}
			if sum := sol.Spend[0] + sol.Spend[1]; sum > limit+0.01 || sum < limit*(1-1e-9) {
				t.Errorf("%s of %g: %v is spent, %v off", name, limit, sol.Spend, sum-limit)
			}
		}
	}
}
