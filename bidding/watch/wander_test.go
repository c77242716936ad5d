package watch_test

import (
	"fmt"
	"math"
	"testing"

	"adsteward/bidding/watch"
)

// look hands over what is found of series night by night, each in a pool of its own
// (nobody else tells how far it wanders) or all in one.
func look(all [][]watch.Day, alone bool, from, to int, each func(night, series int, f *watch.Fall)) {
	for night := from; night < to; night++ {
		in := make([]watch.Series, len(all))
		for i, days := range all {
			if in[i] = (watch.Series{Days: days[night-90 : night], Grain: 1}); alone {
				in[i].Pool = fmt.Sprint(i)
			}
		}
		for i, f := range watch.Find(rule, start.AddDays(night), in) {
			each(night, i, f)
		}
	}
}

// wandering has a stationary standard deviation of the log rate.
func wandering(mean, rho, sd float64) world {
	return world{mean: mean, dispersion: 1.8, rho: rho, noise: sd * math.Sqrt(1-rho*rho)}
}

func seasonal(w world, period float64) world {
	w.season, w.period = 0.3, period
	return w
}

// Slowly wandering demand and seasons raise no more false alarms than promised.
// Where the rate was taken to be steady, a figure alone raised two to fifteen times as
// many in each of these worlds.
func TestWhatWandersIsNoFall(t *testing.T) {
	t.Parallel()
	for _, w := range []world{wandering(30, 0.7, 0.2), wandering(6, 0.9, 0.2), wandering(30, 0.85, 0.25), wandering(30, 0.9, 0.25),
		seasonal(wandering(6, 0, 0), 90), seasonal(wandering(30, 0, 0), 365), seasonal(wandering(150, 0, 0), 90), seasonal(wandering(30, 0.7, 0.15), 90)} {
		for _, alone := range []bool{true, false} {
			t.Run(fmt.Sprintf("%+v alone %t", w, alone), func(t *testing.T) {
				t.Parallel()
				units, watched := 20, 500
				if alone { // nearer to what is promised: more of them tell it from chance
					units = 60
				}
				all := make([][]watch.Day, units)
				for i := range all {
					all[i] = w.series(uint64(20_000+i), 90+watched, 0, 1)
				}
				alarms, standing := 0, make([]bool, units)
				look(all, alone, 90, 90+watched, func(_, i int, f *watch.Fall) {
					if f != nil && !standing[i] {
						alarms++
					}
					standing[i] = f != nil
				})
				t.Logf("%.2f false alarms in 1,000 days", 1000*float64(alarms)/float64(units*watched))
				if most := float64(units*watched) / rule.DaysPerFalseAlarm; float64(alarms) > most {
					t.Errorf("%d false alarms, more than %.0f", alarms, most)
				}
			})
		}
	}
}

// A true break is found all the same: a conversion rate halved, a value per spend of
// 0.6 of the usual, a cost per conversion half as high again.
func TestBreaksAreFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mean, share float64
		alone       bool
		least       int     // of 40, within four weeks
		days        float64 // on average, at most
	}{
		{30, 0.5, false, 40, 4.5}, {30, 0.6, false, 40, 7}, {30, 1 / 1.5, false, 36, 10},
		{30, 0.5, true, 40, 5}, {30, 0.6, true, 34, 8}, {30, 1 / 1.5, true, 24, 11},
		{150, 0.5, true, 40, 3}, {150, 0.6, true, 40, 4}, {150, 1 / 1.5, true, 40, 5},
		{6, 0.5, false, 28, 15}, {6, 0.5, true, 18, 15},
	} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			t.Parallel()
			const units, fall = 40, 110
			all := make([][]watch.Day, units)
			for i := range all {
				all[i] = wandering(c.mean, 0, 0).series(uint64(30_000+i), fall+28, fall, c.share)
			}
			found, sum := map[int]bool{}, 0
			look(all, c.alone, fall+1, fall+29, func(night, i int, f *watch.Fall) {
				if f != nil && !found[i] {
					found[i], sum = true, sum+night-fall
				}
			})
			after := float64(sum) / float64(max(1, len(found)))
			t.Logf("%d of %d found, after %.1f days on average", len(found), units, after)
			if len(found) < c.least || after > c.days {
				t.Errorf("%d found after %.1f days", len(found), after)
			}
		})
	}
}
