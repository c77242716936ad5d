package watch_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"adsteward/bidding/watch"
)

// spends are days of a budget that a platform spends as it finds opportunities: up to
// twice of it on one day, and less after days of more, as its month asks.
func spends(seed uint64, n int, budget, noise float64, fall int, share float64) []watch.Day {
	rng := rand.New(rand.NewPCG(seed, 3))
	days := make([]watch.Day, n)
	ahead := 0.0
	for i := range days {
		d := start.AddDays(i)
		part := min(1, 1-ahead/15) * (1 + math.Tanh(noise*rng.NormFloat64()))
		ahead += part - 1
		if d.Time().Day() == 1 {
			ahead = 0
		}
		if fall > 0 && i >= fall {
			part *= share
		}
		days[i] = watch.Day{Date: d, Count: budget * part, Exposure: budget}
	}
	return days
}

// Spend is money and not events: it comes in clicks, and what it varies by is the
// platform's pacing. Its alarms keep the same promise, and a budget of which half is
// spent no more is mostly told of within two weeks.
func TestSpendIsWatchedAsPromised(t *testing.T) {
	t.Parallel()
	const units, watched, click = 30, 365, 0.6
	for _, noise := range []float64{0.05, 0.3, 0.6} {
		for _, budget := range []float64{10, 300} {
			t.Run(fmt.Sprintf("%v a day, noise %v", budget, noise), func(t *testing.T) {
				t.Parallel()
				find := func(days func(unit int) []watch.Day, from, to int, each func(night, unit int, found bool)) {
					all := make([][]watch.Day, units)
					for i := range all {
						all[i] = days(i)
					}
					for night := from; night < to; night++ {
						in := make([]watch.Series, units)
						for i := range in {
							in[i] = watch.Series{Days: all[i][night-90 : night], Pool: "spend", Grain: click}
						}
						for i, f := range watch.Find(rule, start.AddDays(night), in) {
							each(night, i, f != nil)
						}
					}
				}
				alarms, standing := 0, make([]bool, units)
				find(func(i int) []watch.Day { return spends(uint64(i), 90+watched, budget, noise, 0, 1) }, 90, 90+watched, func(_, i int, found bool) {
					if found && !standing[i] {
						alarms++
					}
					standing[i] = found
				})
				t.Logf("%.2f false alarms in 1,000 days", 1000*float64(alarms)/(units*watched))
				if most := units * watched / rule.DaysPerFalseAlarm; float64(alarms) > most {
					t.Errorf("%d false alarms, more than %.0f", alarms, most)
				}
				const fell = 120
				found := map[int]int{}
				find(func(i int) []watch.Day { return spends(uint64(1000+i), fell+15, budget, noise, fell, 0.5) }, fell+1, fell+15, func(night, i int, f bool) {
					if _, ok := found[i]; f && !ok {
						found[i] = night - fell
					}
				})
				if len(found) < units*6/10 {
					t.Errorf("of %d budgets of which half is spent no more %d are found in two weeks", units, len(found))
				}
			})
		}
	}
}
