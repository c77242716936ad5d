package watch_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
	"pgregory.net/rapid"

	"adsteward/bidding/watch"
	"adsteward/internal/civil"
)

var (
	start = civil.MustParse("2025-01-01")
	rule  = watch.Rule{DaysPerFalseAlarm: 1000, Fall: 0.3}
)

// world makes daily counts: mean a day, weekday pattern, negative binomial with
// variance dispersion x mean, AR(1) of the log rate, and a season of so many days
// that takes it up and down by a share.
type world struct {
	mean, dispersion, rho, noise float64
	season, period               float64
}

// series draws n days; from day fall on (0: never) the rate is a share of itself.
func (w world) series(seed uint64, n, fall int, share float64) []watch.Day {
	src := rand.NewPCG(seed, 7)
	rng := rand.New(src)
	weekday := [7]float64{0.75, 1.1, 1.15, 1.1, 1.05, 1, 0.85}
	u := 0.0
	days := make([]watch.Day, n)
	for i := range days {
		d := start.AddDays(i)
		if u = w.rho*u + w.noise*rng.NormFloat64(); i == 0 {
			u /= math.Sqrt(1 - w.rho*w.rho)
		}
		exposure := 0.7 + 0.6*rng.Float64()
		mu := w.mean * exposure * weekday[d.Weekday()] * math.Exp(u)
		if w.period > 0 { // each begins elsewhere in it
			mu *= 1 + w.season*math.Sin(2*math.Pi*(float64(i)/w.period+float64(seed)*math.Phi))
		}
		if fall > 0 && i >= fall {
			mu *= share
		}
		if w.dispersion > 1 {
			mu = distuv.Gamma{Alpha: mu / (w.dispersion - 1), Beta: 1 / (w.dispersion - 1), Src: src}.Rand()
		}
		days[i] = watch.Day{Date: d, Count: distuv.Poisson{Lambda: mu, Src: src}.Rand(), Exposure: exposure}
	}
	return days
}

// nights looks at a pool of series night by night and hands each outcome over.
func nights(all [][]watch.Day, from, to int, each func(night, series int, f *watch.Fall)) {
	for night := from; night < to; night++ {
		in := make([]watch.Series, len(all))
		for i, days := range all {
			in[i] = watch.Series{Days: days[max(0, night-90):night], Pool: "p", Grain: 1}
		}
		for i, f := range watch.Find(rule, start.AddDays(night), in) {
			each(night, i, f)
		}
	}
}

func TestFalseAlarmsAreNoMoreThanPromised(t *testing.T) {
	t.Parallel()
	for _, w := range []world{{mean: 2, dispersion: 1}, {mean: 6, dispersion: 1.8}, {mean: 30, dispersion: 2.5}, {mean: 20, dispersion: 1.5, rho: 0.5, noise: 0.15}} {
		t.Run(fmt.Sprintf("%+v", w), func(t *testing.T) {
			t.Parallel()
			const units, watched = 40, 500
			all := make([][]watch.Day, units)
			for i := range all {
				all[i] = w.series(uint64(i), 90+watched, 0, 1)
			}
			alarms, days := 0, 0
			standing := make([]bool, units)
			nights(all, 90, 90+watched, func(_, i int, f *watch.Fall) {
				days++
				if f != nil && !standing[i] {
					alarms++
				}
				standing[i] = f != nil
			})
			t.Logf("%d false alarms in %d days watched; %.0f promised at most", alarms, days, float64(days)/rule.DaysPerFalseAlarm)
			if float64(alarms) > float64(days)/rule.DaysPerFalseAlarm {
				t.Errorf("%d false alarms in %d days, more than one in %g", alarms, days, rule.DaysPerFalseAlarm)
			}
		})
	}
}

func TestAFallOfThirtyPercentIsFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		w      world
		within int     // days
		share  float64 // of the units, at least
	}{
		{world{mean: 30, dispersion: 1.8}, 28, 0.9},
		{world{mean: 60, dispersion: 1.8}, 14, 0.9},
		{world{mean: 150, dispersion: 1.8}, 7, 0.9},
	} {
		t.Run(fmt.Sprintf("%+v", c.w), func(t *testing.T) {
			t.Parallel()
			const units, fall = 60, 100
			all := make([][]watch.Day, units)
			for i := range all {
				all[i] = c.w.series(uint64(1000+i), fall+40, fall, 0.7)
			}
			found := map[int]int{}
			var off, ratio float64
			nights(all, fall+1, fall+1+28, func(night, i int, f *watch.Fall) {
				if _, known := found[i]; f != nil && !known {
					found[i] = night - fall
					off += math.Abs(float64(f.Since.Sub(start.AddDays(fall))))
					ratio += f.Ratio
				}
			})
			in, delay := 0, 0
			for _, d := range found {
				delay += d
				if d <= c.within {
					in++
				}
			}
			n := float64(len(found))
			t.Logf("%d of %d found, after %.1f days on average; the first day is off by %.1f, the ratio is %.2f", len(found), units, float64(delay)/n, off/n, ratio/n)
			if float64(in) < c.share*units {
				t.Errorf("%d of %d found within %d days", in, units, c.within)
			}
			if off/n > 5 || math.Abs(ratio/n-0.7) > 0.1 {
				t.Errorf("the first day is off by %.1f days, the ratio %.2f", off/n, ratio/n)
			}
		})
	}
}

// flat is the same count every day.
func flat(n int, count float64) []watch.Day {
	days := make([]watch.Day, n)
	for i := range days {
		days[i] = watch.Day{Date: start.AddDays(i), Count: count, Exposure: 100}
	}
	return days
}

func TestARecoveredFigureIsLeftAlone(t *testing.T) {
	t.Parallel()
	days := flat(120, 20)
	for i := 90; i < 104; i++ {
		days[i].Count = 8
	}
	at := func(night int) *watch.Fall {
		return watch.Find(rule, start.AddDays(night), []watch.Series{{Days: days[:night], Grain: 1}})[0]
	}
	if at(90) != nil {
		t.Error("an alert before anything fell")
	}
	f := at(104)
	if f == nil || f.Since != start.AddDays(90) || math.Abs(f.Ratio-0.4) > 1e-9 || f.Counted != 14*8 || f.ChanceDays < rule.DaysPerFalseAlarm {
		t.Fatalf("after two weeks at 40 %%: %+v", f)
	}
	if at(106) == nil {
		t.Error("two usual days end an alert")
	}
	if f := at(111); f != nil {
		t.Errorf("a usual week later: %+v", f)
	}
}

// A fall of half of what is looked for is none, however long and exact.
func TestASmallFallIsNoEvidence(t *testing.T) {
	t.Parallel()
	days := flat(118, 10_000)
	for i := 90; i < len(days); i++ {
		days[i].Count *= 0.86
	}
	if f := watch.Find(rule, start.AddDays(118), []watch.Series{{Days: days, Grain: 1}})[0]; f != nil {
		t.Errorf("%+v", f)
	}
}

// The sum over the window is that of the Gamma-Poisson likelihoods themselves,
// integrated numerically.
func TestEvidenceIsTheRatioOfMixtures(t *testing.T) {
	t.Parallel()
	days := flat(85, 10)
	for i := 82; i < 85; i++ {
		days[i].Count = 4
	}
	got := watch.Find(watch.Rule{DaysPerFalseAlarm: 1e-9, Fall: 0.3}, start.AddDays(85), []watch.Series{{Days: days, Grain: 1}})[0]
	n0 := 10.0 * 56
	marginal := func(x, m, theta float64) float64 {
		g := distuv.Gamma{Alpha: n0, Beta: n0}
		var s float64
		const step = 1e-4
		for r := 0.7; r < 1.3; r += step {
			s += step * math.Exp(g.LogProb(r)+x*math.Log(theta*r*m)-theta*r*m)
		}
		return s
	}
	var want float64
	for k := 1; k <= watch.Window; k++ {
		x, m := 10*float64(max(k-3, 0))+4*float64(min(k, 3)), 10*float64(k)
		for _, theta := range []float64{0.7, 0.525, 0.35} {
			want += marginal(x, m, theta) / marginal(x, m, 1) / 3
		}
	}
	if got == nil || math.Abs(got.ChanceDays/want-1) > 1e-3 {
		t.Errorf("got %+v, want %g", got, want)
	}
}

func TestBadInputSaysNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		odd := rapid.SampledFrom([]float64{0, 1, 5, -1, 1e300, math.NaN(), math.Inf(1), math.Inf(-1), 1e-300})
		n := rapid.IntRange(0, 120).Draw(t, "n")
		days := make([]watch.Day, n)
		for i := range days {
			days[i] = watch.Day{Date: start.AddDays(i), Count: odd.Draw(t, "count"), Exposure: odd.Draw(t, "exposure")}
		}
		r := watch.Rule{DaysPerFalseAlarm: odd.Draw(t, "days"), Fall: odd.Draw(t, "fall") / 10}
		for _, f := range watch.Find(r, start.AddDays(n), []watch.Series{{Days: days, Grain: odd.Draw(t, "grain")}}) {
			if f == nil {
				continue
			}
			for _, v := range []float64{f.Ratio, f.Counted, f.Expected, f.ChanceDays} {
				if math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
					t.Fatalf("%+v", f)
				}
			}
		}
	})
	short := flat(60, 20)
	for i := 50; i < 60; i++ {
		short[i].Count = 0
	}
	if f := watch.Find(rule, start.AddDays(60), []watch.Series{{Days: short, Grain: 1}})[0]; f != nil {
		t.Errorf("32 days say what is usual: %+v", f)
	}
}

// A family's series are many, and its false alarms as few as those of one.
func TestAFamilySharesItsFalseAlarms(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		w      world
		window int // 0: all the history there is
	}{
		"old":   {world{mean: 40, dispersion: 2}, 0},
		"own":   {world{mean: 40, dispersion: 2}, 42},
		"young": {world{mean: 40, dispersion: 2}, 14},
		"few":   {world{mean: 6, dispersion: 1.3}, 14},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const families, members, watched = 12, 30, 250
			alarms, standing := 0, map[int]bool{}
			var all [][]watch.Day
			for i := range families * members {
				all = append(all, c.w.series(uint64(5000+i), 90+watched, 0, 1))
			}
			for night := 90; night < 90+watched; night++ {
				in := make([]watch.Series, len(all))
				for i, days := range all {
					in[i] = watch.Series{Days: days[max(0, night-90):night], Pool: "p", Grain: 1, Family: fmt.Sprint(i % families)}
					if c.window > 0 {
						in[i].Days, in[i].Window = days[night-2*c.window:night], c.window
					}
				}
				down := map[int]bool{}
				for i, f := range watch.Find(rule, start.AddDays(night), in) {
					down[i%families] = down[i%families] || f != nil
				}
				for k := range families {
					if down[k] && !standing[k] {
						alarms++
					}
					standing[k] = down[k]
				}
			}
			most := families * watched / rule.DaysPerFalseAlarm
			t.Logf("%d false alarms of %d families of %d in %d nights; %.0f promised at most", alarms, families, members, watched, most)
			if float64(alarms) > most {
				t.Errorf("%d false alarms, more than %.0f", alarms, most)
			}
		})
	}
}

// The threshold of a member is the family's size times as high, and what cannot be
// tested does not count.
func TestAFamilyRaisesTheThreshold(t *testing.T) {
	t.Parallel()
	const nights = 90
	days := make([]watch.Day, nights)
	for i := range days {
		days[i] = watch.Day{Date: start.AddDays(i), Count: 6, Exposure: 1}
	}
	for i := range 5 {
		days[nights-1-i].Count = 3
	}
	today := start.AddDays(nights)
	rule := watch.Rule{DaysPerFalseAlarm: 30, Fall: 0.3}
	family := func(n int) float64 {
		in := make([]watch.Series, n)
		for i := range in {
			// Of a pool of its own: what more series teach it is no matter here.
			in[i] = watch.Series{Days: days, Pool: fmt.Sprint(i), Grain: 1, Family: "f"}
		}
		// One that says nothing belongs to it too, and does not count.
		in = append(in, watch.Series{Days: days[nights-5:], Pool: "p", Grain: 1, Family: "f"})
		f := watch.Find(rule, today, in)[0]
		if f == nil {
			return 0
		}
		return f.ChanceDays
	}
	one, two := family(1), family(2)
	if one < 60 || one >= watch.MostChanceDays || math.Abs(two/one-0.5) > 1e-9 {
		t.Errorf("alone %.1f days, of two %.1f", one, two)
	}
	if many := family(int(one/30) + 1); many != 0 {
		t.Errorf("of many still %.1f days", many)
	}
	short := watch.Series{Days: days[nights-28:], Grain: 1, Window: 14}
	if !short.Tells(today) || (watch.Series{Days: short.Days, Grain: 1}).Tells(today) {
		t.Error("two weeks before a window of two say what is usual, and nothing before the long one")
	}
}

// An ad whose click-through rate halves every so many days is found when it has
// lost a third to a half, whatever its pace; one that halves in a year is not.
func TestGradualWearIsFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		halfLife float64
		within   int // days; 0: not found in eight weeks
	}{{10, 14}, {20, 20}, {40, 35}, {365, 0}} {
		const ads, from, watched = 40, 90, 56
		all := make([][]watch.Day, ads)
		for i := range all {
			w := world{mean: 80, dispersion: 2}
			all[i] = w.series(uint64(7000+i), from+watched, 0, 1)
			for k := from; k < len(all[i]); k++ {
				all[i][k].Exposure *= math.Exp2(float64(k-from) / c.halfLife) // shown oftener for its clicks
			}
		}
		found := map[int]int{}
		for night := from; night < from+watched; night++ {
			in := make([]watch.Series, ads)
			for i, days := range all {
				in[i] = watch.Series{Days: days[night-90 : night], Pool: "p", Grain: 1, Family: fmt.Sprint(i / 10), Slides: true}
			}
			for i, f := range watch.Find(rule, start.AddDays(night), in) {
				if _, known := found[i]; f != nil && !known {
					found[i] = night - from
				}
			}
		}
		soon, sum := 0, 0
		for _, d := range found {
			if sum += d; d <= c.within {
				soon++
			}
		}
		if len(found) > 0 {
			t.Logf("half-life of %.0f days: %d of %d found, after %.1f days on average, at %.0f %% of the rate", c.halfLife, len(found), ads,
				float64(sum)/float64(len(found)), 100*math.Exp2(-float64(sum)/float64(len(found))/c.halfLife))
		}
		if c.within > 0 && soon < ads*9/10 || c.within == 0 && len(found) > ads/10 {
			t.Errorf("half-life of %.0f days: %d of %d found within %d days, %d ever", c.halfLife, soon, ads, c.within, len(found))
		}
	}
}
