package lift

import (
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"adsteward/internal/civil"
)

// band is where a share that is truly p may lie over so many repetitions: for the
// full number within two points; for the few of a short run within what 99 of 100
// such runs show.
func band(p float64, repetitions int) (low, high float64) {
	if !testing.Short() {
		return p - 0.02, p + 0.02
	}
	off := 2.576 * math.Sqrt(p*(1-p)/float64(repetitions))
	return p - off, p + off
}

// few is a tenth of a number of repetitions in a short run.
func few(n int) int {
	if testing.Short() {
		return n / 10
	}
	return n
}

// covers counts in how many of the repetitions the interval of level 0.9 holds the
// truth, and wants 88 to 92 %. Repetition r always draws the same.
func covers(t *testing.T, repetitions int, once func(rnd *rand.Rand) (e Estimate, truth float64)) {
	t.Helper()
	const level = 0.9
	repetitions = few(repetitions)
	var mu sync.Mutex
	var wg sync.WaitGroup
	held, above := 0, 0
	for worker := range 2 {
		wg.Go(func() {
			for r := worker; r < repetitions; r += 2 {
				e, truth := once(rand.New(rand.NewPCG(uint64(r), 7)))
				mu.Lock()
				switch {
				case truth > e.High:
					above++
				case truth >= e.Low:
					held++
				}
				if e.Level != level || !(e.Low <= e.Value && e.Value <= e.High) || !(e.SE > 0) {
					t.Errorf("repetition %d: %+v", r, e)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	share := float64(held) / float64(repetitions)
	t.Logf("%d repetitions: %.2f %% hold the truth, %.2f %% lie below it", repetitions, 100*share, 100*float64(above)/float64(repetitions))
	if low, high := band(level, repetitions); share < low || share > high {
		t.Errorf("%.2f %% of the intervals hold the truth, which %.2f to %.2f %% should", 100*share, 100*low, 100*high)
	}
}

// regions draws a panel of regions that differ in size, share the days of the week
// and the ups and downs of the market, and have noise of their own by day (noise)
// and for the whole test (growth), both as shares of their size.
func regions(rnd *rand.Rand, n, pre, test int, noise, growth float64) *GeoTest {
	day := civil.MustParse("2026-01-05")
	g := &GeoTest{Panel: &Panel{First: day}, Pre: Period{day, day.AddDays(pre - 1)}, Test: Period{day.AddDays(pre), day.AddDays(pre + test - 1)}}
	market := make([]float64, pre+test)
	for d := range market {
		market[d] = (1 + 0.2*math.Sin(2*math.Pi*float64(d)/7)) * (1 + 0.1*rnd.NormFloat64())
	}
	for i := range n {
		size, grown := 1000*math.Exp(0.7*rnd.NormFloat64()), 1+growth*rnd.NormFloat64()
		response := make([]float64, pre+test)
		for d := range response {
			response[d] = size * market[d] * (1 + noise*rnd.NormFloat64())
			if d >= pre {
				response[d] *= grown
			}
		}
		g.Panel.Geos = append(g.Panel.Geos, string(rune('A'+i)))
		g.Panel.Response, g.Panel.Cost = append(g.Panel.Response, response), append(g.Panel.Cost, make([]float64, pre+test))
		g.Arms = append(g.Arms, Control)
	}
	for _, i := range rnd.Perm(n)[:n/2] {
		g.Arms[i] = Treated
	}
	return g
}

// treat spends a share of each treated region's size, each unit of which brings
// return.
func (t *GeoTest) treat(share, iroas float64) (lift float64) {
	before := t.Pre.Days()
	for g, arm := range t.Arms {
		if arm != Treated {
			continue
		}
		size := sum(t.Panel.Response[g][:before]) / float64(before)
		for d := range t.Test.Days() {
			t.Panel.Cost[g][before+d] = share * size
			t.Panel.Response[g][before+d] += share * size * iroas
			lift += share * size * iroas
		}
	}
	return lift
}

func TestGeoIntervalsHoldTheTruth(t *testing.T) {
	t.Parallel()
	for method, c := range map[Method]struct {
		repetitions int
		growth      float64 // regression by time supposes that there is none
	}{GBR: {4000, 0.05}, DiD: {4000, 0.05}, TBR: {3000, 0}, SC: {1500, 0}} {
		t.Run(string(method), func(t *testing.T) {
			t.Parallel()
			covers(t, c.repetitions, func(rnd *rand.Rand) (Estimate, float64) {
				g := regions(rnd, 20, 42, 28, 0.1, c.growth)
				truth := g.treat(0.05, 3)
				r, err := g.Analyse(method, 0.9)
				if err != nil {
					t.Error(err)
					return Estimate{}, 0
				}
				if method == GBR || method == TBR {
					return *r.IROAS, 3
				}
				return r.Lift, truth
			})
		})
	}
}

// With spend and claims before the test, and ones that vary by day, both ratios are
// estimated against what they would have been.
func TestGeoRatiosHoldTheTruth(t *testing.T) {
	t.Parallel()
	for name, of := range map[string]func(Result) (*Estimate, float64){
		"iroas": func(r Result) (*Estimate, float64) { return r.IROAS, 3 },
		"iota":  func(r Result) (*Estimate, float64) { return r.Iota, 0.6 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			covers(t, 3000, func(rnd *rand.Rand) (Estimate, float64) {
				g := regions(rnd, 20, 42, 28, 0.1, 0)
				g.treat(0.05, 3)
				for _, cost := range g.Panel.Cost {
					claimed := make([]float64, len(cost))
					for d := range cost {
						usual := 20 * (1 + 0.2*rnd.NormFloat64())
						claimed[d] = 5*cost[d] + 3*usual // three of the five are caused
						cost[d] += usual
					}
					g.Panel.Claimed = append(g.Panel.Claimed, claimed)
				}
				r, err := g.Analyse(TBR, 0.9)
				if err != nil {
					t.Error(err)
					return Estimate{}, 0
				}
				e, truth := of(r)
				return *e, truth
			})
		})
	}
}

// Where nothing was done, a placebo test says otherwise as often as its level: of
// 10 % in 8 to 12 % of the cases.
func TestPlaceboTestsKeepTheirLevel(t *testing.T) {
	t.Parallel()
	for _, method := range Methods() {
		t.Run(string(method), func(t *testing.T) {
			t.Parallel()
			n, hits := few(3000), 0
			for r := range n {
				rnd := rand.New(rand.NewPCG(uint64(r), 8))
				g := regions(rnd, 10, 21, 14, 0.1, 0.05)
				p, err := g.Placebo(method, nil, 59, uint64(r))
				if err != nil {
					t.Fatal(err)
				}
				if p.P <= 0.1 {
					hits++
				}
			}
			share := float64(hits) / float64(n)
			t.Logf("%d cases: %.2f %%", n, 100*share)
			if low, high := band(0.1, n); share < low || share > high {
				t.Errorf("%.2f %% false alarms at the level of 10 %%", 100*share)
			}
		})
	}
}

// shop draws the days of a shop around a campaign that is switched by the plan,
// with errors that hang together over days.
func shop(rnd *rand.Rand, plan Switchback, caused, claims float64) []SwitchDay {
	var days []SwitchDay
	e := 0.0
	for d := range plan.Days() {
		date := plan.Blocks[0].From.AddDays(d)
		e = 0.5*e + rnd.NormFloat64()
		day := SwitchDay{Date: date, Revenue: 2000 + 3*float64(d) + 100*float64(date.Weekday()) + 60*e}
		if on, _, _ := plan.At(date); on {
			day.Claimed = claims * (1 + 0.2*rnd.NormFloat64())
			day.Revenue += caused / claims * day.Claimed
			day.Cost = 100 + 5*rnd.NormFloat64()
		}
		days = append(days, day)
	}
	return days
}

func TestSwitchbackIntervalsHoldTheTruth(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ days, block int }{"blocks of a day": {56, 1}, "blocks of two days": {84, 2}, "weeks": {140, 7}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			covers(t, 3000, func(rnd *rand.Rand) (Estimate, float64) {
				plan, err := PlanSwitchback(civil.MustParse("2026-03-02"), c.days, c.block, 0, rnd.Uint64())
				if err != nil {
					t.Fatal(err)
				}
				test := SwitchbackTest{Plan: plan, Days: shop(rnd, plan, 150, 250)}
				r, err := test.Analyse(0.9, rnd.Uint64())
				if err != nil || r.Iota == nil {
					t.Error(err, r.Warnings)
					return Estimate{}, 0
				}
				return *r.Iota, 0.6
			})
		})
	}
}

// basket draws a person: most buy nothing, what they buy is skewed and like what
// they bought before.
func basket(rnd *rand.Rand, ads float64) Person {
	p := Person{}
	likes := math.Exp(0.8 * rnd.NormFloat64())
	if rnd.Float64() < 0.2 {
		p.Before = 40 * likes * rnd.ExpFloat64()
	}
	if rnd.Float64() < 0.2 {
		p.Revenue = 40 * likes * rnd.ExpFloat64()
	}
	if rnd.Float64() < 0.3*ads {
		p.Claimed = 20 * rnd.ExpFloat64()
		p.Revenue += 0.5 * p.Claimed
	}
	return p
}

func TestHoldoutIntervalsHoldTheTruth(t *testing.T) {
	t.Parallel()
	for name, of := range map[string]func(HoldoutResult) (Estimate, float64){
		"per person": func(r HoldoutResult) (Estimate, float64) { return r.PerPerson, 3 },
		"iota":       func(r HoldoutResult) (Estimate, float64) { return *r.Iota, 0.5 },
		"relative":   func(r HoldoutResult) (Estimate, float64) { return *r.Relative, 3 / (8 * math.Exp(0.32)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			covers(t, 3000, func(rnd *rand.Rand) (Estimate, float64) {
				var test HoldoutTest
				for range 1500 {
					test.Treated.Add(basket(rnd, 1))
				}
				for range 1000 {
					test.Held.Add(basket(rnd, 0))
				}
				r, err := test.Analyse(0.9)
				if err != nil {
					t.Error(err)
				}
				return of(r)
			})
		})
	}
}

// An interval that may be looked at every day misses the truth at most as often
// over all days together as its level says; the plain one misses it far more
// often.
func TestWatchingDoesNotInvalidate(t *testing.T) {
	t.Parallel()
	const level = 0.9
	n := few(1000)
	plain, always := 0, 0
	for r := range n {
		rnd := rand.New(rand.NewPCG(uint64(r), 9))
		var test HoldoutTest
		test.Planned = 0.2
		missed, missedAlways := false, false
		for range 30 { // days
			for range 50 {
				test.Treated.Add(Person{Revenue: rnd.NormFloat64()})
				test.Held.Add(Person{Revenue: rnd.NormFloat64()})
			}
			res, err := test.Analyse(level)
			if err != nil {
				t.Fatal(err)
			}
			missed = missed || res.Lift.Excludes(0)
			missedAlways = missedAlways || res.AlwaysValid.Excludes(0)
		}
		if missed {
			plain++
		}
		if missedAlways {
			always++
		}
	}
	t.Logf("watched over 30 days: the plain interval misses in %d of %d, the always-valid one in %d", plain, n, always)
	if always > n/10 || plain < n/4 {
		t.Errorf("always-valid %d, plain %d of %d", always, plain, n)
	}
}

// The same of a switchback that is looked at every week.
func TestWatchingASwitchback(t *testing.T) {
	t.Parallel()
	n := few(300)
	plain, always := 0, 0
	for r := range n {
		rnd := rand.New(rand.NewPCG(uint64(r), 10))
		plan, err := PlanSwitchback(civil.MustParse("2026-03-02"), 98, 1, 0, uint64(r))
		if err != nil {
			t.Fatal(err)
		}
		test := SwitchbackTest{Plan: plan, Planned: 40}
		days := shop(rnd, plan, 0, 1)
		missed, missedAlways := false, false
		for look := 21; look <= len(days); look += 7 {
			test.Days = days[:look]
			res, err := test.Analyse(0.9, uint64(r))
			if err != nil {
				t.Fatal(err)
			}
			missed = missed || res.Lift.Excludes(0)
			missedAlways = missedAlways || res.AlwaysValid.Excludes(0)
		}
		if missed {
			plain++
		}
		if missedAlways {
			always++
		}
	}
	t.Logf("looked at every week: the plain interval misses in %d of %d, the always-valid one in %d", plain, n, always)
	if always > n/10 || plain < n/5 {
		t.Errorf("always-valid %d, plain %d of %d", always, plain, n)
	}
}
