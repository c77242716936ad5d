package simulate

import (
	"math"

	"adsteward/internal/sandbox/market"
)

const (
	lastNights = 30    // a share of their own
	leastGain  = 0.005 // of |hold's profit|, below which the oracle's gain is no measure
)

// day is the truth of one day over all campaigns.
type day struct{ profit, spend, revenue float64 }

// daysOf are the nights' days of a market that was played to their end.
func daysOf(m *market.Market) []day {
	sc := m.Scenario()
	out := make([]day, sc.Nights)
	for k := range out {
		for i := range sc.Campaigns {
			o := m.Outcome(i, sc.Start.AddDays(k))
			out[k].profit += o.Profit
			out[k].spend += o.Spend
			out[k].revenue += o.Revenue
		}
	}
	return out
}

func profitOf(days []day) (sum float64) {
	for _, d := range days {
		sum += d.profit
	}
	return sum
}

// scorer compares policies with hold and the oracle.
type scorer struct{ hold, oracle []day }

func newScorer(hold, oracle *market.Market) scorer {
	return scorer{daysOf(hold), daysOf(oracle)}
}

func (s scorer) score(p Policy, g game) Result {
	days := daysOf(g.market)
	r := Result{Policy: p, FailedNights: g.failed}
	for k, d := range days {
		r.Profit += d.profit
		r.Spend += d.spend
		r.Revenue += d.revenue
		r.WorstDayRegret = max(r.WorstDayRegret, s.oracle[k].profit-d.profit)
	}
	r.ShareOfOracle = s.share(days, 0)
	r.ShareOfOracleLast30 = s.share(days, max(0, len(days)-lastNights))
	changes, breaches := judge(g.market)
	breaches = append(breaches, g.stale...)
	r.Changes, r.Violations = changes, broken(breaches)
	if p == Adsteward { // the others are bound by no guardrail
		r.Breaches = breaches
	}
	var held int
	for _, v := range g.intervals {
		if in, over := v.holds(g.market, end(g.market.Scenario())); over {
			r.Intervals++
			if in {
				held++
			}
		}
	}
	if r.Intervals > 0 {
		share := float64(held) / float64(r.Intervals)
		r.IntervalCoverage80 = &share
	}
	return r
}

// broken counts the changes that break a guardrail, however many they break.
func broken(breaches []Violation) int {
	changes := map[Violation]bool{}
	for _, v := range breaches {
		v.Why = ""
		changes[v] = true
	}
	return len(changes)
}

// share is the share of the oracle's gain over hold from a day on; nil where
// that gain is too small to measure by.
func (s scorer) share(days []day, from int) *float64 {
	hold := profitOf(s.hold[from:])
	gain := profitOf(s.oracle[from:]) - hold
	if gain < leastGain*math.Abs(hold) || gain <= 0 {
		return nil
	}
	share := (profitOf(days[from:]) - hold) / gain
	return &share
}
