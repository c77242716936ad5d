package allocate

import (
	"fmt"
	"math"
)

// maxSteps ends every search; the bracket of a float64 closes well before.
const maxSteps = 200

// Solve returns the optimum, *Infeasible where there is none, or an error that
// names the item whose numbers make no sense.
//
// At the optimum the marginal worth of every item, Worth*Curve.Slope(spend), is
// its price clipped by the item's bounds; the price is one number for a group
// and one (the shadow price) for everything outside the binding groups. The
// spend at a given price falls as the price rises, so prices are found by
// bisection and the result is exact up to rounding.
func Solve(p Problem) (Solution, error) {
	s, err := newSolver(p)
	if err != nil {
		return Solution{}, err
	}
	if err := s.priceGroups(); err != nil {
		return Solution{}, err
	}
	if err := s.priceTotal(); err != nil {
		return Solution{}, err
	}
	return s.solution(), nil
}

// block is a group, or the items that are in none.
type block struct {
	name     string
	items    []int
	min, max float64
	// atMax and atMin are the items' spends where the group's own price makes
	// them add up to max and min; nil where that bound cannot bind.
	atMax, atMin []float64
}

type solver struct {
	p      Problem
	blocks []block
	spend  []float64
	mu     float64
	tol    float64 // two amounts nearer than this are the same
	bound  bool    // the total holds with equality
}

func newSolver(p Problem) (*solver, error) {
	s := &solver{p: p, spend: make([]float64, len(p.Items))}
	byID := make(map[string]int, len(p.Items))
	var scale float64
	for i, it := range p.Items {
		if err := checkItem(it); err != nil {
			return nil, err
		}
		if _, twice := byID[it.ID]; twice {
			return nil, fmt.Errorf("item %q is listed twice", it.ID)
		}
		byID[it.ID] = i
		scale += it.Max
	}
	if p.Total != nil {
		if t := *p.Total; math.IsNaN(t) || math.IsInf(t, 0) || t < 0 {
			return nil, fmt.Errorf("total is %v; it must be a finite amount of at least 0", t)
		}
		scale = max(scale, *p.Total)
	} else if p.SpendAll {
		return nil, fmt.Errorf("total is missing; spending all of it needs one")
	}
	s.tol = 1e-12 * scale
	free := make([]bool, len(p.Items))
	for i := range free {
		free[i] = true
	}
	for _, g := range p.Groups {
		b := block{name: g.Name, min: g.Min, max: g.Max}
		if math.IsNaN(g.Min) || math.IsNaN(g.Max) {
			return nil, fmt.Errorf("group %q has a bound that is not a number", g.Name)
		}
		for _, id := range g.IDs {
			i, ok := byID[id]
			if !ok {
				return nil, fmt.Errorf("group %q names item %q, which is not there", g.Name, id)
			}
			if !free[i] {
				return nil, fmt.Errorf("item %q is in two groups or twice in %q; groups may not overlap", id, g.Name)
			}
			free[i] = false
			b.items = append(b.items, i)
		}
		s.blocks = append(s.blocks, b)
	}
	rest := block{min: math.Inf(-1), max: math.Inf(1)}
	for i := range p.Items {
		if free[i] {
			rest.items = append(rest.items, i)
		}
	}
	s.blocks = append(s.blocks, rest)
	return s, nil
}

func checkItem(it Item) error {
	switch {
	case it.Curve == nil:
		return fmt.Errorf("item %q has no curve", it.ID)
	case math.IsNaN(it.Min) || math.IsInf(it.Min, 0) || it.Min < 0:
		return fmt.Errorf("item %q has min %v; it must be a finite amount of at least 0", it.ID, it.Min)
	case math.IsNaN(it.Max) || math.IsInf(it.Max, 0):
		return fmt.Errorf("item %q has max %v; it must be a finite amount", it.ID, it.Max)
	case it.Max < it.Min:
		return &Infeasible{Constraint: fmt.Sprintf("item %q", it.ID), Bound: "max", Detail: fmt.Sprintf("max %g is below min %g", it.Max, it.Min)}
	case math.IsNaN(it.Worth) || math.IsInf(it.Worth, 0) || it.Worth < 0:
		return fmt.Errorf("item %q has worth %v; it must be a finite number of at least 0", it.ID, it.Worth)
	}
	if _, ok := it.Curve.(Inverse); ok {
		return nil
	}
	// A curve without a closed form is searched; that is right only where its
	// slope falls. A coarse look finds the S-shapes that people write.
	const looks = 16
	before := math.Inf(1)
	for k := range looks + 1 {
		slope := it.Curve.Slope(it.Min + (it.Max-it.Min)*float64(k)/looks)
		if math.IsNaN(slope) || slope < 0 || slope > before*(1+1e-9) {
			return fmt.Errorf("item %q has a curve that is not concave and rising; only those can be allocated", it.ID)
		}
		before = slope
	}
	return nil
}

// at returns the item's best spend at a price.
func (s *solver) at(i int, price float64) float64 {
	it := &s.p.Items[i]
	if price <= 0 {
		return it.Max
	}
	if it.Worth == 0 || math.IsInf(price, 1) || it.Min == it.Max {
		return it.Min
	}
	slope := price / it.Worth
	if inv, ok := it.Curve.(Inverse); ok {
		return min(max(inv.InverseSlope(slope), it.Min), it.Max)
	}
	lo, hi := it.Min, it.Max
	if it.Curve.Slope(hi) >= slope {
		return hi
	}
	if it.Curve.Slope(lo) <= slope {
		return lo
	}
	for range maxSteps {
		mid := lo + (hi-lo)/2
		if mid <= lo || mid >= hi {
			break
		}
		if it.Curve.Slope(mid) >= slope {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

// sum is what a block's items spend at a price, its own bounds aside.
func (s *solver) sum(items []int, price float64) float64 {
	var t float64
	for _, i := range items {
		t += s.at(i, price)
	}
	return t
}

// total is the spend of everything at a price, each group within its bounds.
func (s *solver) total(price float64) float64 {
	var t float64
	for _, b := range s.blocks {
		t += min(max(s.sum(b.items, price), b.min), b.max)
	}
	return t
}

// spends is what total adds up.
func (s *solver) spends(price float64) []float64 {
	out := make([]float64, len(s.p.Items))
	for _, b := range s.blocks {
		sum := s.sum(b.items, price)
		for k, i := range b.items {
			switch {
			case b.atMax != nil && sum > b.max:
				out[i] = b.atMax[k]
			case b.atMin != nil && sum < b.min:
				out[i] = b.atMin[k]
			default:
				out[i] = s.at(i, price)
			}
		}
	}
	return out
}

// search brackets the price at which f, which falls, reaches target: f(lo) >
// target >= f(hi). lo and hi end as neighbours or meet target exactly. The
// secant in ln price (Illinois) does in a dozen looks what bisection does in
// fifty; bisection takes over where it stalls, as it does at jumps.
func search(f func(float64) float64, target, tol float64) (lo, hi float64) {
	lo, hi = 0, 1
	flo, fhi := f(0)-target, f(1)-target
	for k := 0; fhi > 0 && k < maxSteps; k++ {
		lo, flo = hi, fhi
		hi *= 4
		fhi = f(hi) - target
	}
	if lo == 0 && flo > 0 {
		for low, k := hi/4, 0; k < maxSteps; low, k = low/4, k+1 {
			v := f(low) - target
			if v > 0 {
				lo, flo = low, v
				break
			}
			hi, fhi = low, v
		}
	}
	side, wlo, whi := 0, flo, fhi
	for k := 0; k < maxSteps && -fhi > tol && lo > 0; k++ {
		a, b := math.Log(lo), math.Log(hi)
		x := math.Exp(a + (b-a)*wlo/(wlo-whi))
		if k%3 == 2 || !(x > lo && x < hi) {
			x = math.Exp(a + (b-a)/2)
			side = 0
		}
		if x <= lo || x >= hi {
			break
		}
		if v := f(x) - target; v > 0 {
			lo, flo, wlo = x, v, v
			if whi = fhi; side == 1 {
				whi = fhi / 2
			}
			side = 1
		} else {
			hi, fhi, whi = x, v, v
			if wlo = flo; side == -1 {
				wlo = flo / 2
			}
			side = -1
		}
	}
	return lo, hi
}

// mix returns the point between low, which adds up to less, and high that adds
// up to target. Between the spends of two neighbouring prices every mixture is
// optimal, for what lies between them are stretches of constant slope and rounding.
func mix(low, high []float64, target float64) []float64 {
	var a, b float64
	for i := range low {
		a += low[i]
		b += high[i]
	}
	if b <= a {
		return low
	}
	share := min(max((target-a)/(b-a), 0), 1)
	out := make([]float64, len(low))
	for i := range low {
		out[i] = min(low[i]+share*(high[i]-low[i]), max(low[i], high[i]))
	}
	return out
}

// priceGroups finds the spends of each group where its own bounds bind.
func (s *solver) priceGroups() error {
	for k := range s.blocks {
		b := &s.blocks[k]
		least, most := s.sum(b.items, math.Inf(1)), s.sum(b.items, 0)
		name := fmt.Sprintf("group %q", b.name)
		switch {
		case b.max < b.min:
			return &Infeasible{name, "max", fmt.Sprintf("max %g is below min %g", b.max, b.min)}
		case least > b.max+s.tol:
			return &Infeasible{name, "max", fmt.Sprintf("its items need at least %g and it may have %g", least, b.max)}
		case most < b.min-s.tol:
			return &Infeasible{name, "min", fmt.Sprintf("its items take at most %g and it must have %g", most, b.min)}
		}
		if most > b.max {
			b.atMax = s.share(b.items, b.max)
		}
		if least < b.min {
			b.atMin = s.share(b.items, b.min)
		}
	}
	return nil
}

// share divides an amount among items by one price of their own.
func (s *solver) share(items []int, amount float64) []float64 {
	lo, hi := search(func(price float64) float64 { return s.sum(items, price) }, amount, s.tol)
	at := func(price float64) []float64 {
		out := make([]float64, len(items))
		for k, i := range items {
			out[k] = s.at(i, price)
		}
		return out
	}
	return mix(at(hi), at(lo), amount)
}

// priceTotal finds the shadow price and the spends at it.
func (s *solver) priceTotal() error {
	s.mu = 1 // an optional unit of money is spent where it earns itself
	t := s.p.Total
	if t == nil {
		s.spend = s.spends(s.mu)
		return nil
	}
	least, most := s.total(math.Inf(1)), s.total(0)
	if least > *t+s.tol {
		return &Infeasible{"total", "max", fmt.Sprintf("the minimums add up to %g and the total is %g", least, *t)}
	}
	if s.p.SpendAll && most < *t-s.tol {
		return &Infeasible{"total", "min", fmt.Sprintf("at most %g can be spent and the total of %g is to be spent", most, *t)}
	}
	if !s.p.SpendAll && s.total(1) <= *t {
		s.spend = s.spends(s.mu)
		return nil
	}
	lo, hi := search(s.total, *t, s.tol)
	s.mu, s.bound = hi, true
	s.spend = mix(s.spends(hi), s.spends(lo), *t)
	return nil
}

func (s *solver) solution() Solution {
	out := Solution{Spend: s.spend, ShadowPrice: s.mu, Status: "optimal"}
	if s.bound {
		out.Binding = append(out.Binding, "total")
	}
	for _, b := range s.blocks {
		switch sum := s.sum(b.items, s.mu); {
		case b.atMax != nil && sum > b.max:
			out.Binding = append(out.Binding, fmt.Sprintf("group %q max", b.name))
		case b.atMin != nil && sum < b.min:
			out.Binding = append(out.Binding, fmt.Sprintf("group %q min", b.name))
		}
	}
	for i, it := range s.p.Items {
		x := s.spend[i]
		out.Objective += it.Worth*it.Curve.Value(x) - x
		switch {
		case it.Min == it.Max:
		case x <= it.Min:
			out.Binding = append(out.Binding, fmt.Sprintf("item %q min", it.ID))
		case x >= it.Max:
			out.Binding = append(out.Binding, fmt.Sprintf("item %q max", it.ID))
		}
	}
	return out
}
