package simulate

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"adsteward/bidding/allocate"
	"adsteward/bidding/guard"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/sandbox/market"
)

const (
	// goalPoints and stepPoints are how finely a budget's profit is known over
	// all it may be, and over what one step reaches.
	goalPoints, stepPoints = 60, 12
	// tilt makes the smaller of two budgets that earn the same the better one.
	tilt = 1e-6
	// learningDays is the sum of exp(-t/3) over the days t from 0, by which a step
	// that starts learning loses its share of the value.
	learningDays = 3.53
	// learningStep is the largest step that starts none.
	learningStep = 0.2
)

// decideOracle sets today's budgets knowing every parameter and each day's
// expected demand. The goal is the budgets of the highest expected profit within
// the campaigns' bounds and the total. The oracle moves towards it by the default
// policy's largest step and rests for its cool-down, and so looks at the mean
// profit of the days until it may change a budget again; among the budgets
// between the present ones and a step towards the goal it takes the best. The
// free oracle goes to each day's goal at once, unless the value lost to learning
// would be more than that gains: then it walks there by the largest daily steps
// that start none.
func decideOracle(m *market.Market, free bool) error {
	p := guard.Default()
	o := oracle{m: m, levers: levers(m), days: max(p.CoolDown.Days, 1)}
	if free {
		o.days = 1
	}
	o.seeTargets()
	goal, err := o.goal()
	if err != nil {
		return err
	}
	if !free {
		best, err := o.step(goal, p.Step.Default, p.CoolDown.Days)
		return errors.Join(err, o.set(best))
	}
	for i := range o.levers {
		l := &o.levers[i]
		if !o.worthLearning(l, goal[i]) {
			b := l.budget.Float()
			l.min = max(l.min, min(amount(b*(1-learningStep)), l.max))
			l.max = min(l.max, max(amount(b*(1+learningStep)), l.min))
		}
	}
	best, err := o.goal()
	return errors.Join(err, o.set(best))
}

type oracle struct {
	m      *market.Market
	levers []lever
	days   int // whose mean profit counts, from today on
	// most is the largest spend that a campaign's target allows, by campaign and
	// day; +Inf without a target.
	most [][]float64
}

// seeTargets finds what targets allow. Reported value over spend falls with
// spend, so it is found by bisection.
func (o *oracle) seeTargets() {
	specs := o.m.Scenario().Campaigns
	o.most = make([][]float64, len(specs))
	for _, c := range o.m.Campaigns("") {
		o.most[c.Index] = make([]float64, o.days)
		for d := range o.most[c.Index] {
			day := o.m.Today().AddDays(d)
			most := math.Inf(1)
			if need := c.TargetROAS.Float() * specs[c.Index].Iota; need > 0 {
				lo, hi := 0.0, o.all(c.Index, day)
				for range 40 {
					if mid := (lo + hi) / 2; o.m.ExpectedValue(c.Index, day, mid) >= need*mid {
						lo = mid
					} else {
						hi = mid
					}
				}
				most = lo
			}
			o.most[c.Index][d] = most
		}
	}
}

// all is what buying every opportunity of a campaign costs.
func (o *oracle) all(campaign int, day civil.Date) float64 {
	return o.m.ExpectedDemand(campaign, day) * o.m.Scenario().Campaigns[campaign].P
}

// profit is a lever's expected profit a day at a budget. Campaigns that share a
// budget get parts of it by what all their opportunities cost.
func (o *oracle) profit(l *lever, budget float64) float64 {
	var profit float64
	for d := range o.days {
		day := o.m.Today().AddDays(d)
		var whole float64
		for _, i := range l.members {
			whole += o.all(i, day)
		}
		for _, i := range l.members {
			all := o.all(i, day)
			spend := min(budget*all/max(whole, math.SmallestNonzeroFloat64), all, o.most[i][d])
			profit += o.m.Worth(i, day)*o.m.ExpectedValue(i, day, spend) - spend
		}
	}
	return profit / float64(o.days)
}

// curve is the concave hull of profit plus budget over a range, in n points at
// even ratios.
func (o *oracle) curve(l *lever, lo, hi float64, n int) hull {
	if hi <= lo {
		return hull{[]float64{lo}, []float64{0}}
	}
	x, y := make([]float64, n), make([]float64, n)
	from := max(lo, hi/1e4)
	for k := range n {
		x[k] = from * math.Pow(hi/from, float64(k)/float64(n-1))
	}
	x[0], x[n-1] = lo, hi
	for k := range n {
		y[k] = o.profit(l, x[k]) + (1-tilt)*x[k]
	}
	return hullOf(x, y)
}

// solve finds the best budgets within ranges and the total.
func (o *oracle) solve(lo, hi []float64, total float64, points int) ([]float64, error) {
	var p allocate.Problem
	var least float64
	for i := range o.levers {
		l := &o.levers[i]
		p.Items = append(p.Items, allocate.Item{ID: l.key, Min: lo[i], Max: hi[i], Worth: 1, Curve: o.curve(l, lo[i], hi[i], points)})
		least += lo[i]
	}
	// Rounding to coins may take one more of each.
	total = max(total-float64(len(o.levers))*money.MinorUnit(o.m.Scenario().Currency).Float(), least)
	p.Total = &total
	sol, err := allocate.Solve(p)
	if err != nil {
		return nil, fmt.Errorf("the best budgets cannot be found: %w", err)
	}
	return sol.Spend, nil
}

// goal is the best budgets within the levers' bounds and the total.
func (o *oracle) goal() ([]float64, error) {
	lo, hi := make([]float64, len(o.levers)), make([]float64, len(o.levers))
	for i := range o.levers {
		lo[i], hi[i] = o.levers[i].min.Float(), o.levers[i].max.Float()
	}
	return o.solve(lo, hi, o.m.Scenario().TotalDailyBudget, goalPoints)
}

// step is the best budgets between the present ones and a step towards the goal.
// What was changed less than rest days ago stays.
func (o *oracle) step(goal []float64, most float64, rest int) ([]float64, error) {
	lo, hi := make([]float64, len(goal)), make([]float64, len(goal))
	for i := range o.levers {
		l := &o.levers[i]
		b := l.budget.Float()
		lo[i], hi[i] = b, b
		if !l.resting(o.m.Today(), rest) {
			to := min(max(goal[i], b*(1-most)), b*(1+most))
			lo[i], hi[i] = min(b, to), max(b, to)
		}
	}
	return o.solve(lo, hi, o.m.Scenario().TotalDailyBudget, stepPoints)
}

// set sets the budgets, in whole coins, cuts first: they make the room that
// increases need.
func (o *oracle) set(best []float64) error {
	coin := money.MinorUnit(o.m.Scenario().Currency)
	order := make([]int, len(best))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(best[a]-o.levers[a].budget.Float(), best[b]-o.levers[b].budget.Float())
	})
	for _, i := range order {
		l := &o.levers[i]
		if v := l.towards(amount(best[i]), coin); v != l.budget && v > 0 {
			if err := o.m.SetBudget(l.key, v, string(Oracle), ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// worthLearning reports whether going to a goal at once, in a step that starts
// learning, earns more than walking there by smaller ones.
func (o *oracle) worthLearning(l *lever, goal float64) bool {
	b := l.budget.Float()
	if b <= 0 || math.Abs(goal/b-1) <= learningStep {
		return true
	}
	var loss float64
	for _, i := range l.members {
		day := o.m.Today()
		loss += o.m.Scenario().Campaigns[i].LearningLoss * o.m.Worth(i, day) *
			o.m.ExpectedValue(i, day, min(goal/float64(len(l.members)), o.all(i, day)))
	}
	first := b * (1 + math.Copysign(learningStep, goal-b))
	nights := math.Abs(math.Log(goal/b)) / math.Log(1+learningStep)
	return (o.profit(l, goal)-o.profit(l, first))*nights/2 > learningDays*loss
}
