package bidding

import (
	"fmt"
	"math"
	"math/rand/v2"

	"adsteward/bidding/allocate"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// exploration is a budget that is moved to learn.
type exploration struct {
	best   money.Micros // what earns most as far as is known
	chosen money.Micros
	about  allocate.ExploredItem
}

// explore moves budgets as the policy's explore allows, among the units that the
// plan would leave as they are: what changes anyway teaches by that. One posterior
// draw, chosen by the night's seed, is acted on within the bounds that the
// guardrails gave the allocation.
func (p *planner) explore(problem allocate.Problem, best allocate.Solution, chosen []*unit) error {
	limits := p.in.Policy.Explore
	if limits.BudgetPerDay == 0 || p.averse() {
		return nil
	}
	e := allocate.Exploration{Budget: limits.BudgetPerDay, MaxCost: limits.BudgetPerDay * limits.MaxCostShare,
		Draw: rand.New(rand.NewPCG(p.in.Seed, 0xe791)).IntN(draws)}
	for i, u := range chosen {
		if math.Abs(best.Spend[i]-u.Lever.Seen.Float()) < p.in.Policy.DeadBand.Change*u.Lever.Seen.Float() {
			e.Among = append(e.Among, i)
		}
	}
	x, err := allocate.Explore(problem, best, e)
	if err != nil {
		return fmt.Errorf("the budgets cannot be explored: %w", err)
	}
	p.explored = map[*unit]exploration{}
	for i, u := range chosen {
		to, err := money.FromFloat(x.Spend[i])
		from, err2 := money.FromFloat(best.Spend[i])
		if err != nil || err2 != nil || share(u.Lever.Seen, to) < p.in.Policy.DeadBand.Change || to == from {
			continue // too small a step to teach anything
		}
		p.explored[u] = exploration{best: from, chosen: to, about: x.Items[i]}
		p.spend[u] = x.Spend[i]
	}
	return nil
}

// exploreReasons say what a change is for that does not earn most as far as is
// known: what it costs and what it may teach.
func (p *planner) exploreReasons(c *candidate) []string {
	e := p.explored[c.u]
	sum := func(v float64) string {
		m, err := money.FromFloat(v)
		if err != nil {
			return fmt.Sprintf("%.2f %s", v, c.u.Currency)
		}
		return format(platform.DailyBudget, roundForPeople(m, platform.DailyBudget, c.u.Currency), c.u.Currency)
	}
	return []string{
		fmt.Sprintf("This change is there to learn (explore in the policy): as far as is known, a budget of %s earns most.", sum(e.best.Float())),
		fmt.Sprintf("It is expected to cost %s of profit a day. All exploring together may cost %s a day.", sum(p.exploreCost(c)), sum(p.in.Policy.Explore.BudgetPerDay*p.in.Policy.Explore.MaxCostShare)),
		fmt.Sprintf("Within what the guardrails allow tonight, the best budget lies somewhere from %s to %s (80 %%). The sales at the new budget show where; knowing it for sure would earn %s more a day.",
			sum(e.about.Low), sum(e.about.High), sum(e.about.Knowing)),
	}
}

// exploreCost is what an explored change is expected to give up a day, at the
// shadow price, after all guardrails.
func (p *planner) exploreCost(c *candidate) float64 {
	best, v := p.explored[c.u].best.Float(), c.change.Value.Float()
	return max(0, c.u.mean.Value(best)-c.u.mean.Value(v)-p.mu*(best-v))
}

// exploreNote sums up what is explored; empty where nothing is.
func (p *planner) exploreNote() string {
	var moved, cost float64
	n := 0
	for _, c := range p.candidates {
		if e, ok := p.explored[c.u]; ok {
			n++
			moved += math.Abs((c.change.Value - e.best).Float())
			cost += p.exploreCost(c)
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d of the changes are there to learn: they move %.2f %s of daily budgets off what seems best (explore.budget_per_day: %g) at an expected cost of %.2f a day (at most %.2f).",
		n, moved, p.in.Currency, p.in.Policy.Explore.BudgetPerDay, cost, p.in.Policy.Explore.BudgetPerDay*p.in.Policy.Explore.MaxCostShare)
}
