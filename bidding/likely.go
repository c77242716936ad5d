package bidding

import (
	"fmt"
	"math"
	"math/rand/v2"

	"adsteward/bidding/allocate"
)

// likely is what the unit may earn by its daily budget: the posterior draws of
// its curve, and of k with mean K, over the budget instead of the spend. The
// worth is k over spend per budget: with it the marginal profit of a unit of
// budget is k R'(spend), what a unit of money really spent earns.
func (u *unit) likely() []allocate.Draw {
	used := min(u.Utilisation, 1)
	worths := drawWorths(u.part())
	out := make([]allocate.Draw, draws)
	for j, d := range u.Curve.Draws(draws) {
		c := allocate.Hill{Alpha: 1, Gamma: 1}
		if d.Level > 0 && d.Spend > 0 && used > 0 {
			c.Coef, c.Gamma = d.Level/(1-d.Elasticity), d.Elasticity*d.Spend/((1-d.Elasticity)*used)
		}
		out[j] = allocate.Draw{Worth: worths[j] / used, Curve: c}
	}
	return out
}

// drawWorths is draws of k with the mean K exactly, the same ones each time.
func drawWorths(p Part) []float64 {
	rng := rand.New(rand.NewPCG(p.Curve.Seed, 0x4b))
	out := make([]float64, draws)
	for j := range out {
		out[j] = math.Exp(p.RelSD * rng.NormFloat64())
	}
	scale := p.K / mean(out)
	for j := range out {
		out[j] *= scale
	}
	return out
}

// averse reports whether the policy weighs bad draws more than good ones.
func (p *planner) averse() bool {
	return p.in.Policy.Risk.Objective == allocate.CVaR || p.in.Policy.Risk.Objective == allocate.Quantile
}

// riskNote says what the budgets were chosen by; empty where it is the mean.
func (p *planner) riskNote() string {
	level := 100 * p.in.Policy.Risk.Level
	switch p.in.Policy.Risk.Objective {
	case allocate.CVaR:
		return fmt.Sprintf("Budgets are chosen for the worst %.4g %% of what may be true, not for the average (risk: cvar).", level)
	case allocate.Quantile:
		return fmt.Sprintf("Budgets are chosen for the profit that is missed with a probability of only %.4g %%, not for the average (risk: quantile).", level)
	}
	return ""
}
