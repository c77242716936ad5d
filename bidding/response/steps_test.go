package response_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"adsteward/bidding/response"
)

// following are units whose platform spends more of their budget on days of more
// demand: ln spend follows ln demand by a factor.
func following(w *world, factor float64, eps ...float64) (units []response.Unit) {
	for i, eps := range eps {
		u := response.Unit{ID: fmt.Sprint(i), Platform: "google", Type: "search", Budget: w.meanSpend}
		budget := w.meanSpend
		for k := range w.days {
			if k%14 == 0 && w.budgetSD > 0 {
				budget = w.meanSpend * math.Exp(w.budgetSD*w.rng.NormFloat64())
			}
			demand := w.noise * w.rng.NormFloat64()
			spend := budget * math.Exp(factor*demand)
			conversions := w.poisson(w.perDay * math.Pow(spend/w.meanSpend, eps) * math.Exp(demand) * w.lag.At(w.days-k))
			u.Days = append(u.Days, response.Day{Date: today.AddDays(k - w.days), Spend: spend, Value: conversions * w.basket, Conversions: conversions, Budget: budget})
		}
		units = append(units, u)
	}
	return units
}

// Where spend within a budget follows demand, the elasticity is that of the budget's
// changes, and as sure as these make it.
func TestSpendThatFollowsDemandIsNotTakenForTheCurve(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: long under the race detector, and others race what it runs; make test runs it without")
	}
	const typical = 0.5
	for _, perDay := range []float64{10, 100} {
		for _, factor := range []float64{0, 0.2, 0.5, 1} {
			var mean, inside, n float64
			for seed := range uint64(20) {
				w := newWorld(seed)
				w.perDay, w.budgetSD = perDay, 0.2
				truth := make([]float64, 6)
				for i := range truth {
					truth[i] = typical + 0.1*w.rng.NormFloat64()
				}
				for i, c := range response.Fit(response.Input{Units: following(w, factor, truth...), Today: today, Seed: seed}).Curves {
					n++
					mean += c.Elasticity - truth[i]
					if c.ElasticityLow <= truth[i] && truth[i] <= c.ElasticityHigh {
						inside++
					}
				}
			}
			if mean /= n; math.Abs(mean) > 0.06 {
				t.Errorf("%v orders a day, spend following demand by %v: elasticity %+.2f off", perDay, factor, mean)
			}
			if share := inside / n; share < 0.7 || share > 0.95 {
				t.Errorf("%v orders a day, spend following demand by %v: 80 %% intervals held the truth in %.0f %%", perDay, factor, 100*share)
			}
		}
	}
}

// Without a change of the budget, nothing of its own is said of the elasticity, how
// much ever spend varies.
func TestWithoutChangesOfTheBudgetTheCurveIsThatOfItsKind(t *testing.T) {
	t.Parallel()
	w := newWorld(3)
	w.perDay, w.budgetSD = 100, 0
	for _, c := range response.Fit(response.Input{Units: following(w, 1, 0.5, 0.5, 0.5), Today: today}).Curves {
		if c.PoolShare < 1-1e-9 || c.ElasticityHigh-c.ElasticityLow < 0.3 || !strings.Contains(c.Note, "Its budget was not changed") {
			t.Errorf("elasticity %.2f (%.2f to %.2f), pool share %v, %q", c.Elasticity, c.ElasticityLow, c.ElasticityHigh, c.PoolShare, c.Note)
		}
	}
}

// A budget that was raised beyond what could be spent says nothing of more spend.
func TestAChangeThatWasNotSpentSaysLittle(t *testing.T) {
	t.Parallel()
	w := newWorld(4)
	w.perDay, w.spendCV, w.budgetSD = 30, 0.1, 0
	u := w.unit("a", 0.5)
	for k := 45; k < len(u.Days); k++ {
		u.Days[k].Budget *= 2
	}
	if c := response.Fit(response.Input{Units: []response.Unit{u}, Today: today}).Curves[0]; c.PoolShare < 0.9 || c.Elasticity < 0.5 {
		t.Errorf("twice the budget and no more spend: elasticity %.2f (%.2f to %.2f), pool share %.2f, %q", c.Elasticity, c.ElasticityLow, c.ElasticityHigh, c.PoolShare, c.Note)
	}
}
