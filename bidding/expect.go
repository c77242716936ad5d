package bidding

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"adsteward/bidding/response"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// OutcomeDays is how long after a change its promise is about: an outcome is the mean
// of so many days.
const OutcomeDays = 14

const (
	draws = 200
	level = 0.8
)

// Expect predicts the unit's lever being set to a value, from what the report
// holds: the posterior draws of the curve, the standard error of k, and, for the
// profit itself, how demand varies in a mean of 14 days. The luck of single orders
// is left out: what is predicted is the profit that the spend can be expected to
// bring, not whether the next customer buys for 50 or for 100. The gain is of the same draws
// with and without the change, so it holds no noise. A field that is not the
// unit's lever gives an empty expectation.
func Expect(u UnitReport, field platform.Field, value money.Micros) Expected {
	if u.Lever == nil || u.Lever.Field != field || u.Lever.Seen <= 0 {
		return Expected{Level: level}
	}
	e, _ := predict(u, value)
	return e
}

// predict is Expect, with the gains of the single draws.
func predict(u UnitReport, value money.Micros) (Expected, []float64) {
	ratio := value.Float() / u.Lever.Seen.Float()
	profit, noisy, gain := make([]float64, draws), make([]float64, draws), make([]float64, draws)
	for _, p := range u.parts() {
		rng := rand.New(rand.NewPCG(p.Curve.Seed, 0xe59ec7))
		worths := drawWorths(p)
		for j, d := range p.Curve.Draws(draws) {
			k := worths[j]
			spend := spendAfter(u.Lever.Field, p, ratio, d)
			before, after := d.Value(p.Spend), d.Value(spend)
			profit[j] += k*after - spend
			gain[j] += k*(after-before) - (spend - p.Spend)
			noise := math.Sqrt(demandVariance(p.Curve) * after / OutcomeDays)
			noisy[j] += k*(after+noise*rng.NormFloat64()) - spend
		}
	}
	e := Expected{Level: level, ProfitPerDay: mean(profit), GainPerDay: mean(gain)}
	e.Low, e.High = central(noisy)
	e.GainLow, e.GainHigh = central(gain)
	return e, gain
}

// demandVariance is the variance of a mean of 14 days over its own mean, times 14,
// without the luck of single orders, which does not cluster.
func demandVariance(c response.Curve) float64 {
	return max(c.Dispersion*c.Clustering-c.OrderLuck, 0)
}

// spendAfter is a unit's daily spend after its lever moved by a ratio. Budgets
// that bind are spent in proportion. A target is the mean ROAS, along the curve, and a
// cost cap the mean cost, which raised by a ratio lets the ROAS fall by as much; a
// bid is what the marginal click brings, and raised by a ratio it buys until the
// slope is lower by as much. None of them spends beyond the budget.
func spendAfter(f platform.Field, p Part, ratio float64, d response.Draw) float64 {
	switch {
	case f == platform.DailyBudget && p.Idle:
		return min(p.Spend, p.Budget*ratio)
	case f == platform.DailyBudget:
		return p.Spend * ratio
	case p.Spend <= 0:
		return 0
	case f.IsRatio():
		return min(d.SpendAtROAS(p.Spend, ratio), max(p.Budget, p.Spend))
	case p.CostCap:
		return min(d.SpendAtROAS(p.Spend, 1/ratio), max(p.Budget, p.Spend))
	}
	return min(d.SpendAtSlope(p.Spend, 1/ratio), max(p.Budget, p.Spend))
}

func mean(xs []float64) float64 {
	var s float64
	for _, x := range xs {
		s += x
	}
	return s / float64(len(xs))
}

// central returns the bounds of the central 80 %; it sorts a copy.
func central(xs []float64) (low, high float64) {
	s := slices.Sorted(slices.Values(xs))
	at := func(q float64) float64 {
		x := q * float64(len(s)-1)
		i := int(x)
		if i+1 >= len(s) {
			return s[len(s)-1]
		}
		return s[i] + (x-float64(i))*(s[i+1]-s[i])
	}
	return at((1 - level) / 2), at((1 + level) / 2)
}

// RollbackDraft is the proposal that puts an applied change back: the old value,
// seen from the new one. Where the change was measured, it promises back what the
// change is believed to have lost, else the gain that it had promised turned round.
func RollbackDraft(applied Draft, id, why string, measured *Outturn) Draft {
	d := applied
	d.Seen, d.Proposed = applied.Proposed, applied.Seen
	d.Guardrails, d.Experiment, d.Planned = nil, "", nil
	e := applied.Expected
	d.Expected = Expected{ProfitPerDay: e.ProfitPerDay - e.GainPerDay, Low: e.Low - e.GainPerDay, High: e.High - e.GainPerDay,
		GainPerDay: -e.GainPerDay, GainLow: -e.GainHigh, GainHigh: -e.GainLow, Level: e.Level}
	if m := measured; m != nil && m.Days > 0 {
		d.Expected = Expected{ProfitPerDay: m.ProfitPerDay - m.Believed, Low: m.ProfitPerDay - m.BelievedHigh, High: m.ProfitPerDay - m.BelievedLow,
			GainPerDay: -m.Believed, GainLow: -m.BelievedHigh, GainHigh: -m.BelievedLow, Level: level}
	}
	d.Reasons = []string{fmt.Sprintf("Puts back what proposal %s changed: %s instead of %s.", id,
		format(d.Field, d.Proposed, d.Currency), format(d.Field, d.Seen, d.Currency))}
	if why != "" {
		d.Reasons = append(d.Reasons, why)
	}
	return d
}

// Edit puts another value in place of what d proposes, and says first whose value it is:
// the other reasons are those of the value that was planned.
func (d *Draft) Edit(actor string, value money.Micros) {
	if d.Planned != nil {
		d.Reasons = d.Reasons[1:]
	} else {
		planned := d.Proposed
		d.Planned = &planned
	}
	if d.Proposed = value; value == *d.Planned {
		d.Planned = nil
		return
	}
	d.Reasons = append([]string{fmt.Sprintf("Edited by %s: %s instead of %s, which the reasons below are for.", actor,
		format(d.Field, value, d.Currency), format(d.Field, *d.Planned, d.Currency))}, d.Reasons...)
}

// format writes a value of a field for people.
func format(f platform.Field, v money.Micros, currency string) string {
	switch {
	case f.IsRatio():
		return v.Decimal()
	case f == platform.Excluded && v > 0:
		return "out of ads"
	case f == platform.Excluded:
		return "advertised"
	}
	return money.Format(v, currency)
}
