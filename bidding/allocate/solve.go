package allocate

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"slices"
)

// Solve returns the optimum, *Infeasible where there is none, or an error that
// names the item whose numbers make no sense.
//
// At the optimum the marginal worth of every item, Worth*Curve.Slope(spend), is
// its price clipped by the item's bounds; the price is one number for a group
// and one (the shadow price) for everything outside the binding groups. The
// spend at a given price falls as the price rises, so prices are searched, and
// for concave curves the result is exact up to rounding. Where some are
// S-shaped, the same search gives a bound, and branching makes it tight. With
// draws, the curves are their means, and what Risk asks for beyond the mean is
// found by weighing the draws.
//
// The search over S-shaped curves ends after some seconds' worth of looks; Gap
// then says what may be missing.
func Solve(p Problem) (Solution, error) { return SolveContext(context.Background(), p) }

// SolveContext is Solve until the context ends, whose error it returns then.
func SolveContext(ctx context.Context, p Problem) (Solution, error) {
	if err := p.Risk.check(); err != nil {
		return Solution{}, err
	}
	draws, err := newScenarios(p)
	switch {
	case err != nil:
		return Solution{}, err
	case draws.n > 0:
		return draws.solve(ctx)
	}
	return solveCertain(ctx, p)
}

func solveCertain(ctx context.Context, p Problem) (Solution, error) {
	s, err := newSolver(ctx, p)
	if err != nil {
		return Solution{}, err
	}
	if err := s.feasible(); err != nil {
		return Solution{}, err
	}
	r, ok := s.relax(1)
	if ctx.Err() != nil {
		return Solution{}, ctx.Err()
	}
	if !ok {
		return Solution{}, fmt.Errorf("the problem cannot be solved; its numbers are too far apart: give bounds, worths and curves that are nearer to each other")
	}
	status, gap := Optimal, 0.0
	if s.bent() {
		r, gap = s.branch(r)
		if ctx.Err() != nil {
			return Solution{}, ctx.Err()
		}
		if gap > 0 {
			status = fmt.Sprintf("best found: earns %.6g and the optimum at most %.3g more; the search over S-shaped curves reached its limit", s.profit(r.x), gap)
		}
	}
	out := s.solution(r, status, gap)
	if math.IsNaN(out.Objective) || math.IsInf(out.Objective, 0) {
		return Solution{}, s.tooLarge(r.x)
	}
	return out, nil
}

// tooLarge names the item that earns or loses the most, which has no sum.
func (s *solver) tooLarge(x []float64) error {
	most, id := -1.0, ""
	for i := range s.items {
		size := math.Abs(s.items[i].profit(x[i]))
		if math.IsNaN(size) {
			size = math.Inf(1)
		}
		if size > most {
			most, id = size, s.p.Items[s.items[i].index].ID
		}
	}
	return &BadItem{id, -1, fmt.Sprintf("item %q: its numbers are too large to add up; give amounts in a larger unit, or correct its bounds, worth and curve", id)}
}

// item is an Item as the solver asks it. Items of one block follow each other.
type item struct {
	index    int // in the problem
	curve    responder
	worth    float64
	min, max float64
	lo, hi   float64 // the bounds in force, narrowed by branching
	bend     bend    // between min and max
	split    float64 // where a curve that is not concave is parted first
	like     int     // where some curve is not concave: items of one number are the same but for their names
}

// best is the item's best spend between two bounds, and what that is worth.
func (it *item) best(price, lo, hi float64) (x, v float64) {
	m := price / it.worth
	switch {
	case lo == hi || m > math.MaxFloat64 || it.worth == 0 && price > 0:
		x, v = lo, it.curve.Value(lo)
	case it.worth == 0 || m < -math.MaxFloat64:
		x, v = hi, it.curve.Value(hi)
	default:
		x, v = it.curve.best(m, lo, hi)
	}
	return x, v * it.worth
}

func (it *item) profit(x float64) float64 { return it.worth*it.curve.Value(x) - x }

// block is a group, or the items that are in none. Its items are from..to.
type block struct {
	name     string
	from, to int
	min, max float64
	// How many of its S-shaped items may spend at least their split.
	fewest, most int
	near         float64 // the price of money found last where its bounds bind; 0 at first
}

type solver struct {
	p      Problem
	items  []item
	blocks []block
	money  float64 // what a unit of it costs: 1, in a part of a problem the price there
	effort *effort
}

func newSolver(ctx context.Context, p Problem) (*solver, error) {
	if p.Total != nil && !notNegative(*p.Total) {
		return nil, fmt.Errorf("total is %v; it must be a finite amount of at least 0", *p.Total)
	}
	if p.Total == nil && p.SpendAll {
		return nil, fmt.Errorf("total is missing; spending all of it needs one")
	}
	byID := make(map[string]int, len(p.Items))
	for i, it := range p.Items {
		if err := checkItem(it); err != nil {
			return nil, err
		}
		if _, twice := byID[it.ID]; twice {
			return nil, fmt.Errorf("item %q is listed twice", it.ID)
		}
		byID[it.ID] = i
	}
	s := &solver{p: p, money: 1, effort: &effort{ctx: ctx, patience: maxLooks}, items: make([]item, 0, len(p.Items))}
	placed := make([]bool, len(p.Items))
	for _, g := range p.Groups {
		b := block{name: g.Name, from: len(s.items), min: g.Min, max: g.Max, most: math.MaxInt}
		if math.IsNaN(g.Min) || math.IsNaN(g.Max) {
			return nil, fmt.Errorf("group %q has a bound that is not a number", g.Name)
		}
		for _, id := range g.IDs {
			i, ok := byID[id]
			if !ok {
				return nil, fmt.Errorf("group %q names item %q, which is not there", g.Name, id)
			}
			if placed[i] {
				return nil, fmt.Errorf("item %q is in two groups or twice in %q; groups may not overlap or lie inside each other", id, g.Name)
			}
			placed[i] = true
			s.items = append(s.items, newItem(p.Items[i], i))
		}
		b.to = len(s.items)
		s.blocks = append(s.blocks, b)
	}
	rest := block{from: len(s.items), min: math.Inf(-1), max: math.Inf(1), most: math.MaxInt}
	for i := range p.Items {
		if !placed[i] {
			s.items = append(s.items, newItem(p.Items[i], i))
		}
	}
	rest.to = len(s.items)
	s.blocks = append(s.blocks, rest)
	if err := s.limit(); err != nil {
		return nil, err
	}
	if s.bent() {
		s.liken()
	}
	return s, nil
}

func newItem(it Item, index int) item {
	return item{index: index, curve: respond(it.Curve), worth: it.Worth, min: it.Min, max: it.Max}
}

// limit gives items without a maximum one that cannot bind, and looks how the
// curves bend up to it.
func (s *solver) limit() error {
	var least float64
	for i := range s.items {
		least += s.items[i].min
	}
	for _, b := range s.blocks {
		for i := b.from; i < b.to; i++ {
			it := &s.items[i]
			if math.IsInf(it.max, 1) {
				room := b.max
				if s.p.Total != nil {
					room = min(room, *s.p.Total)
				}
				it.max = 2*max(room, least) + 1
			}
			if math.IsInf(it.max, 1) {
				return fmt.Errorf("item %q has no max, and neither a total nor a group limits it; give it a max", s.p.Items[it.index].ID)
			}
			it.lo, it.hi = it.min, it.max
			if it.worth > 0 {
				it.bend, it.split = it.curve.bend(it.min, it.max)
			}
			if it.bend == convex {
				it.split = it.min + (it.max-it.min)/2
			}
		}
	}
	return nil
}

// liken numbers the items, those that nothing tells apart alike.
func (s *solver) liken() {
	type kind struct {
		curve           any
		worth, min, max float64
	}
	known := map[kind]int{}
	for i := range s.items {
		it := &s.items[i]
		of := kind{s.p.Items[it.index].Curve, it.worth, it.min, it.max}
		if !reflect.TypeOf(of.curve).Comparable() { // as points are
			of.curve = fmt.Sprintf("%T %v", of.curve, of.curve)
		}
		n, ok := known[of]
		if !ok {
			n = len(known)
			known[of] = n
		}
		it.like = n
	}
}

func checkItem(it Item) error {
	switch {
	case it.Curve == nil:
		return fmt.Errorf("item %q has no curve", it.ID)
	case !notNegative(it.Min):
		return fmt.Errorf("item %q has min %v; it must be a finite amount of at least 0", it.ID, it.Min)
	case math.IsNaN(it.Max):
		return fmt.Errorf("item %q has max %v; it must be an amount", it.ID, it.Max)
	case it.Max < it.Min:
		return &Infeasible{Constraint: fmt.Sprintf("item %q", it.ID), Bound: "max", Detail: fmt.Sprintf("max %g is below min %g; raise max or lower min", it.Max, it.Min)}
	case !notNegative(it.Worth):
		return fmt.Errorf("item %q has worth %v; it must be a finite number of at least 0", it.ID, it.Worth)
	}
	if c, ok := it.Curve.(checked); ok {
		if parameter, must := c.flaw(); parameter != "" {
			return fmt.Errorf("item %q has a curve whose %s %s", it.ID, parameter, must)
		}
		return nil
	}
	if _, ok := it.Curve.(Inverse); !ok && !concaveBetween(it.Curve, it.Min, it.Max) {
		return fmt.Errorf("item %q has a curve that is not concave and rising; of those that are not, only this package's own can be allocated", it.ID)
	}
	return nil
}

// feasible names the first constraint that cannot be met.
func (s *solver) feasible() error {
	var least, most float64
	for _, b := range s.blocks {
		lo, hi, _ := s.extremes(&b)
		name := fmt.Sprintf("group %q", b.name)
		switch {
		case b.max < b.min:
			return &Infeasible{name, "max", fmt.Sprintf("max %g is below min %g; raise max or lower min", b.max, b.min)}
		case above(lo, b.max):
			return &Infeasible{name, "max", fmt.Sprintf("the min of its items add up to %g and it may have %g; raise its max or lower their min", lo, b.max)}
		case above(b.min, hi):
			return &Infeasible{name, "min", fmt.Sprintf("the max of its items add up to %g and it must have %g; lower its min or raise their max", hi, b.min)}
		}
		least += max(lo, b.min)
		most += min(hi, b.max)
	}
	switch t := s.p.Total; {
	case t == nil:
	case above(least, *t):
		return &Infeasible{"total", "max", fmt.Sprintf("the min of items and groups add up to %g and the total is %g; raise the total or lower a min", least, *t)}
	case s.p.SpendAll && above(*t, most):
		return &Infeasible{"total", "min", fmt.Sprintf("the max of items and groups add up to %g and all of %g is to be spent; lower the total, raise a max, or set spend_all to false", most, *t)}
	}
	return nil
}

// above reports whether a is above b by more than sums are rounded.
func above(a, b float64) bool { return a > b && a-b > 1e-12*math.Abs(a) }

// profit is the objective.
func (s *solver) profit(x []float64) (total float64) {
	for i := range s.items {
		total += s.items[i].worth*s.items[i].curve.Value(x[i]) - s.money*x[i]
	}
	return total
}

// solution puts the result in the caller's order and names what binds.
func (s *solver) solution(r relaxed, status string, gap float64) Solution {
	s.trim(r.x)
	out := Solution{Spend: make([]float64, len(s.items)), Objective: s.profit(r.x), ShadowPrice: r.price, Status: status, Gap: gap}
	if next, all := s.nextUnit(r.x); all && r.bound && len(s.items) > 0 {
		out.ShadowPrice = next
	}
	if r.bound {
		out.Binding = append(out.Binding, Bound{Of: "total"})
	}
	for k, b := range s.blocks {
		switch r.blocks[k].side {
		case 1:
			out.Binding = append(out.Binding, Bound{"group", b.name, "max"})
		case -1:
			out.Binding = append(out.Binding, Bound{"group", b.name, "min"})
		}
	}
	for i, it := range s.items {
		out.Spend[it.index] = r.x[i]
	}
	for index, it := range s.p.Items {
		switch x := out.Spend[index]; {
		case it.Min == it.Max:
		case x <= it.Min:
			out.Binding = append(out.Binding, Bound{"item", it.ID, "min"})
		case x >= it.Max:
			out.Binding = append(out.Binding, Bound{"item", it.ID, "max"})
		}
	}
	return out
}

// trim takes what a search, which closes on prices, has let items spend above a limit by
// rounding from the one that earns least with it: a 1e-12th of a very large total is
// money, and a curve may end so steeply that as little of its own spend is worth more.
func (s *solver) trim(x []float64) {
	within := func(from, to int, most float64) {
		var sum float64
		for _, v := range x[from:to] {
			sum += v
		}
		over := sum - most
		if over <= 0 {
			return
		}
		at, least := -1, math.Inf(1)
		for i := from; i < to; i++ {
			it := &s.items[i]
			if x[i]-over < it.min {
				continue
			}
			if earns := it.worth * it.curve.Slope(x[i]-over); at < 0 || earns < least {
				at, least = i, earns
			}
		}
		if at >= 0 {
			x[at] -= over
		}
	}
	for _, b := range s.blocks {
		within(b.from, b.to, b.max)
	}
	if s.p.Total != nil {
		within(0, len(s.items), *s.p.Total)
	}
}

// nextUnit is what the next unit of money would earn where all items are at
// their minimums: above every price that can be searched for where a curve
// rises without limit.
func (s *solver) nextUnit(x []float64) (most float64, all bool) {
	if !s.p.SpendAll {
		most = 1
	}
	for i := range s.items {
		it := &s.items[i]
		if x[i] > it.min {
			return 0, false
		}
		if it.worth > 0 && it.min < it.max {
			most = max(most, it.worth*it.curve.Slope(it.min))
		}
	}
	return most, true
}

func (s *solver) bent() bool {
	return slices.ContainsFunc(s.items, func(it item) bool { return it.bend != concave })
}
