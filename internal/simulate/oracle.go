package simulate

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"adsteward/bidding/allocate"
	"adsteward/bidding/guard"
	"adsteward/internal/money"
	"adsteward/internal/sandbox/market"
)

const (
	// goalPoints and stepPoints are how finely a budget's profit is known over
	// all it may be, and over what one step reaches.
	goalPoints, stepPoints = 100, 16
	// tilt makes the smaller of two budgets that earn the same the better one.
	tilt = 1e-6
	// learningStep is the largest step that starts no learning.
	learningStep = 0.2
	// learningDays is after how long learning costs 1/e of what it does at first.
	learningDays = 3.0
)

// oracle makes the plan of a market that it knows every parameter of.
type oracle struct {
	*forecast
	m     *market.Market
	total money.Micros
	coin  money.Micros
	goals map[[2]int]allocate.Solution // by night and days
}

func newOracle(m *market.Market) (*oracle, error) {
	f, err := newForecast(m, levers(m))
	if err != nil {
		return nil, err
	}
	sc := m.Scenario()
	return &oracle{f, m, amount(sc.TotalDailyBudget), money.MinorUnit(sc.Currency), map[[2]int]allocate.Solution{}}, nil
}

// plan is the best of a few ways through the nights, by the profit to be expected.
// The oracle steps towards the best budgets, or also beyond them while others still are
// on their way and leave room, or holds. The free oracle weighs what
// going to the best budgets at once is worth: to those of each day or, so that daily
// swings start no learning, to those of the coming week. As that is reckoned roughly,
// it also tries to take it for nothing, and for three times as much. To step and to
// hold are ways of it too, so that these are never to be expected to earn more. A way
// that is above the total on some night is out, as holding is where somebody raised a
// budget; but for the first one, which comes down as fast as it may.
func (o *oracle) plan(free bool) (*plan, error) {
	policy := guard.Default()
	hold := func(*stage) ([]float64, error) { return nil, nil }
	most, rest := policy.Step.Default, policy.CoolDown.Days
	ways := []way{o.stepping(most, rest, false), o.stepping(most, rest, true), hold}
	if free {
		var weighed []way
		for _, eager := range []float64{1, 0, 3} {
			weighed = append(weighed, o.weighing(1, eager), o.weighing(7, eager))
		}
		ways = append(weighed, ways...)
	}
	var best *plan
	for _, w := range ways {
		p, err := o.follow(w)
		if err != nil {
			return nil, err
		}
		if best == nil || p.within && p.profit > best.profit {
			best = p
		}
	}
	return best, nil
}

// stepping moves towards the best budgets by steps of at most a share of a budget
// and rests for some days after each, and so looks at the mean profit of the days
// until it may change a budget again. Among the budgets between the present ones
// and a step towards the best, or a step anywhere, it takes the best. Where more lies
// above the total than that gives back, as after an edit by people, any may be cut.
func (o *oracle) stepping(most float64, rest int, anywhere bool) way {
	days := max(rest, 1)
	return func(s *stage) ([]float64, error) {
		goal, err := o.goal(s, days)
		if err != nil {
			return nil, err
		}
		lo, hi := make([]float64, len(s.levers)), make([]float64, len(s.levers))
		lowest := make([]float64, len(s.levers)) // that a step may reach
		var least float64
		for i := range s.levers {
			l := &s.levers[i]
			b := l.budget.Float()
			lo[i], hi[i], lowest[i] = b, b, b
			if !l.resting(s.today, rest) {
				down, up := b*(1-most), b*(1+most)
				lowest[i] = min(b, max(down, l.min.Float()))
				if anywhere {
					lo[i], hi[i] = lowest[i], max(b, min(up, l.max.Float()))
				} else {
					to := min(max(goal.Spend[i], down), up)
					lo[i], hi[i] = min(b, to), max(b, to)
				}
			}
			least += lo[i]
		}
		if least > o.total.Float() {
			lo = lowest
		}
		best, err := o.solve(s, lo, hi, days, stepPoints)
		return best.Spend, err
	}
}

// weighing moves to the best budgets of some days at once where that pays, eager times
// what it is thought to, and else by the largest daily steps that start no learning.
func (o *oracle) weighing(days int, eager float64) way {
	return func(s *stage) ([]float64, error) {
		goal, err := o.goal(s, days)
		if err != nil {
			return nil, err
		}
		lo, hi := make([]float64, len(s.levers)), make([]float64, len(s.levers))
		var least float64
		for i := range s.levers {
			l, b := &s.levers[i], s.before[i].Float()
			lo[i] = max(l.min.Float(), min(b*(1-learningStep), l.max.Float()))
			hi[i] = min(l.max.Float(), max(b*(1+learningStep), lo[i]))
			if o.pays(s, i, goal.Spend[i], min(max(goal.Spend[i], lo[i]), hi[i]), goal.ShadowPrice-1, eager, days) {
				lo[i], hi[i] = l.min.Float(), l.max.Float()
			}
			least += lo[i]
		}
		if least > o.total.Float() { // what others are to get is not there yet
			return goal.Spend, nil
		}
		best, err := o.solve(s, lo, hi, days, goalPoints)
		return best.Spend, err
	}
}

// pays reports whether a lever had better go to its goal at once than by small
// steps, the first of which ends at first. On the way it earns, on average, half as
// much less as it does at first; and price is what each unit of money earns in the
// other levers beyond itself. Eager times that is held against what learning costs.
func (o *oracle) pays(s *stage, i int, goal, first, price, eager float64, days int) bool {
	if goal == first {
		return false // one small step is all it takes
	}
	l, b := &s.levers[i], s.before[i].Float()
	to := min(s.night+days, o.nights)
	less := o.mean(l, goal, s.night, to) - o.mean(l, first, s.night, to) - price*(goal-first)
	nights := math.Log(goal/b) / math.Log(1+math.Copysign(learningStep, goal-b)) / 2
	return eager*less*min(nights, float64(o.nights-s.night)) >= o.lost(l, goal, s.night)
}

// goal is the best budgets of some days within the levers' bounds and the total.
func (o *oracle) goal(s *stage, days int) (allocate.Solution, error) {
	key := [2]int{s.night, days}
	if g, ok := o.goals[key]; ok {
		return g, nil
	}
	lo, hi := make([]float64, len(s.levers)), make([]float64, len(s.levers))
	for i := range s.levers {
		lo[i], hi[i] = s.levers[i].min.Float(), s.levers[i].max.Float()
	}
	g, err := o.solve(s, lo, hi, days, goalPoints)
	o.goals[key] = g
	return g, err
}

// solve finds the budgets within ranges and the total that have the best mean
// profit over some days.
func (o *oracle) solve(s *stage, lo, hi []float64, days, points int) (allocate.Solution, error) {
	var p allocate.Problem
	var least float64
	for _, b := range lo {
		least += b
	}
	// Rounding to coins may take one more of each.
	total := max(o.total.Float()-float64(len(s.levers))*o.coin.Float(), least)
	p.Total = &total
	to := min(s.night+days, o.nights)
	for i := range s.levers {
		l := &s.levers[i]
		profit := func(budget float64) float64 { return o.mean(l, budget, s.night, to) }
		// A bound far beyond what can be given or spent would leave the points of the
		// curve too far apart.
		most := min(hi[i], max(lo[i], min(total-(least-lo[i]), o.enough(l, s.night, to))))
		p.Items = append(p.Items, allocate.Item{ID: l.key, Min: lo[i], Max: most, Worth: 1, Curve: curve(profit, lo[i], l.budget.Float(), most, points)})
	}
	sol, err := allocate.Solve(p)
	if err != nil {
		return sol, fmt.Errorf("the best budgets cannot be found: %w", err)
	}
	return sol, nil
}

// curve is the concave hull of profit plus budget over a range, in n points at
// even ratios and the present budget, which so need not move where points do.
func curve(profit func(float64) float64, lo, present, hi float64, n int) hull {
	if hi <= lo {
		return hull{[]float64{lo}, []float64{0}}
	}
	x := make([]float64, n, n+1)
	from := max(lo, hi/1e4)
	for k := range n {
		x[k] = from * math.Pow(hi/from, float64(k)/float64(n-1))
	}
	x[0], x[n-1] = lo, hi
	if at, known := slices.BinarySearch(x, present); !known && at > 0 && at < n {
		x = slices.Insert(x, at, present)
	}
	y := make([]float64, len(x))
	for k := range x {
		y[k] = profit(x[k]) + (1-tilt)*x[k]
	}
	return hullOf(x, y)
}

// oracles are what decides a game of an oracle: on the first night it plans all of them,
// knowing every parameter and each day's expected demand, but not the luck of the days.
func oracles(free bool) func(*market.Market) error {
	var p *plan
	return func(m *market.Market) error {
		if p == nil {
			o, err := newOracle(m)
			if err != nil {
				return err
			}
			if p, err = o.plan(free); err != nil {
				return err
			}
		}
		return p.set(m)
	}
}

// set sets the budgets of the market's present day, cuts first: they make the room
// that increases need.
func (p *plan) set(m *market.Market) error {
	best, ls := p.budgets[m.Today().Sub(p.first)], levers(m)
	order := make([]int, len(ls))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(best[a]-ls[a].budget, best[b]-ls[b].budget) })
	for _, i := range order {
		if best[i] != ls[i].budget {
			if err := m.SetBudget(ls[i].key, best[i], string(Oracle), ""); err != nil {
				return err
			}
		}
	}
	return nil
}
