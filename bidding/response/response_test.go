package response_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"adsteward/bidding/response"
	"adsteward/internal/civil"
)

var today = civil.MustParse("2026-05-01")

// world makes units whose truth is a power law.
type world struct {
	rng       *rand.Rand
	days      int
	noise     float64 // sd of the day's log demand
	rho       float64 // its autocorrelation
	basket    float64
	spendCV   float64
	perDay    float64 // conversions
	dow       [7]float64
	lag       response.Lag
	scale     float64
	budgetSD  float64 // of steps every two weeks
	meanSpend float64
}

func newWorld(seed uint64) *world {
	return &world{rng: rand.New(rand.NewPCG(seed, 1)), days: 90, noise: 0.15, rho: 0.5, basket: 70, spendCV: 0.25, perDay: 6,
		dow: [7]float64{1.2, 1, 1, 0.9, 0.9, 0.9, 1.1}, lag: response.PriorLag(), scale: 1, budgetSD: 0.15, meanSpend: 100}
}

func (w *world) poisson(mean float64) float64 {
	if mean > 50 {
		return max(0, math.Round(mean+math.Sqrt(mean)*w.rng.NormFloat64()))
	}
	n, p := 0.0, math.Exp(-mean)
	for u := w.rng.Float64(); u > p; u *= w.rng.Float64() {
		n++
	}
	return n
}

func (w *world) unit(id string, eps float64) response.Unit {
	u := response.Unit{ID: id, Platform: "google", Type: "search", Budget: w.meanSpend * w.scale}
	budget, demand := w.meanSpend, 0.0
	for k := range w.days {
		d := today.AddDays(k - w.days)
		if k%14 == 0 {
			budget = w.meanSpend * math.Exp(w.budgetSD*w.rng.NormFloat64())
		}
		demand = w.rho*demand + math.Sqrt(1-w.rho*w.rho)*w.noise*w.rng.NormFloat64()
		spend := budget * math.Exp(w.spendCV*w.rng.NormFloat64()-w.spendCV*w.spendCV/2)
		mean := w.perDay * math.Pow(spend/w.meanSpend, eps) * w.dow[d.Weekday()] * math.Exp(demand-w.noise*w.noise/2) * w.lag.At(w.days-k)
		n := w.poisson(mean)
		value := 0.0
		for range int(n) {
			value += w.basket * math.Exp(0.5*w.rng.NormFloat64()-0.125)
		}
		u.Days = append(u.Days, response.Day{Date: d, Spend: spend * w.scale, Value: value * w.scale, Conversions: n, Budget: budget * w.scale})
	}
	return u
}

func TestElasticityIsRecoveredWithinItsInterval(t *testing.T) {
	t.Parallel()
	w := newWorld(7)
	w.budgetSD = 0.3 // changes enough that many units tell something of their own
	in := response.Input{Today: today, Seed: 1}
	var truth []float64
	for i := range 300 {
		eps := min(max(0.6+0.12*w.rng.NormFloat64(), 0.1), 0.9)
		truth = append(truth, eps)
		in.Units = append(in.Units, w.unit(fmt.Sprint(i), eps))
	}
	res := response.Fit(in)
	var inside, insideLevel, err, errFlat float64
	for i, c := range res.Curves {
		if truth[i] >= c.ElasticityLow && truth[i] <= c.ElasticityHigh {
			inside++
		}
		level := w.perDay * w.basket * math.Pow(c.Spend/w.meanSpend, truth[i])
		if math.Abs(math.Log(c.Level/level)) <= 1.2816*c.LevelSD {
			insideLevel++
		}
		err += math.Abs(c.Elasticity - truth[i])
		errFlat += math.Abs(0.65 - truth[i])
	}
	n := float64(len(truth))
	if share := inside / n; share < 0.72 || share > 0.88 {
		t.Errorf("80 %% intervals of the elasticity hold the truth in %.0f %%", 100*share)
	}
	if share := insideLevel / n; share < 0.70 || share > 0.92 {
		t.Errorf("80 %% intervals of the level hold the truth in %.0f %%", 100*share)
	}
	if err >= errFlat {
		t.Errorf("mean error %.3f is no better than the prior's %.3f", err/n, errFlat/n)
	}
	all := res.Pools[0]
	if math.Abs(all.Elasticity-0.6) > 0.05 {
		t.Errorf("pool's elasticity %.3f, truth 0.60", all.Elasticity)
	}
	for d, f := range res.DayOfWeek["google"] {
		if math.Abs(f-w.dow[d]) > 0.05 {
			t.Errorf("factor of day %d is %.3f, truth %.3f", d, f, w.dow[d])
		}
	}
}

// The mean of the 14 days to come lies within an 80 % interval of the curve's
// draws and the clustered noise about 80 % of the time.
func TestForecastCoverage(t *testing.T) {
	t.Parallel()
	w := newWorld(11)
	w.days = 104
	in := response.Input{Today: today.AddDays(-14), Seed: 1}
	var future []float64
	var spends [][]float64
	for i := range 300 {
		w.lag = response.Lag{Share: []float64{1}} // everything has arrived
		u := w.unit(fmt.Sprint(i), 0.6)
		var sum float64
		var s []float64
		for _, d := range u.Days[90:] {
			sum += d.Value / 14
			s = append(s, d.Spend)
		}
		future, spends = append(future, sum), append(spends, s)
		u.Days = u.Days[:90]
		in.Units = append(in.Units, u)
	}
	in.Lags = map[string]response.Lag{"google": w.lag}
	res := response.Fit(in)
	rng := rand.New(rand.NewPCG(3, 3))
	inside := 0.0
	for i, c := range res.Curves {
		var means []float64
		for _, d := range c.Draws(400) {
			var m float64
			for _, s := range spends[i] {
				m += d.Value(s) / 14
			}
			m += math.Sqrt(c.Dispersion*c.Clustering*m/14) * rng.NormFloat64()
			means = append(means, m)
		}
		slices.Sort(means)
		if future[i] >= means[40] && future[i] <= means[360] {
			inside++
		}
	}
	if share := inside / 300; share < 0.73 || share > 0.88 {
		t.Errorf("80 %% intervals held the next 14 days in %.0f %%", 100*share)
	}
}

func TestFewDataLeanOnThePoolAndSaySo(t *testing.T) {
	t.Parallel()
	w := newWorld(5)
	w.perDay = 30 // so that the pool knows
	in := response.Input{Today: today}
	for i := range 40 {
		in.Units = append(in.Units, w.unit(fmt.Sprint(i), 0.8))
	}
	w.perDay = 0.1
	in.Units = append(in.Units, w.unit("small", 0.3), response.Unit{ID: "empty", Platform: "google", Type: "search", Budget: 50})
	in.Units = append(in.Units, w.unit("driven", 0.3))
	in.Units[42].DemandDriven = true
	res := response.Fit(in)
	for _, c := range res.Curves[40:] {
		if c.PoolShare < 0.5 || c.Note == "" {
			t.Errorf("%s: pool share %.2f, note %q", c.Unit, c.PoolShare, c.Note)
		}
		if math.Abs(c.Elasticity-0.8) > 0.1 {
			t.Errorf("%s: elasticity %.2f does not lean on the pool's 0.8", c.Unit, c.Elasticity)
		}
		if !(c.Value(50) > 0) || c.LevelSD < 0.3 {
			t.Errorf("%s: value %v, sd of the level %v", c.Unit, c.Value(50), c.LevelSD)
		}
	}
}

func TestNothingReportedGivesAnEmptyCurve(t *testing.T) {
	t.Parallel()
	u := response.Unit{ID: "a", Platform: "meta", Type: "sales"}
	for k := range 30 {
		u.Days = append(u.Days, response.Day{Date: today.AddDays(k - 30), Spend: 10})
	}
	c := response.Fit(response.Input{Units: []response.Unit{u}, Today: today}).Curves[0]
	if c.Value(10) != 0 || c.Note == "" {
		t.Errorf("value %v, note %q", c.Value(10), c.Note)
	}
	if _, err := json.Marshal(c); err != nil {
		t.Error(err)
	}
}

func TestOutageDaysAreFoundAndLeftOut(t *testing.T) {
	t.Parallel()
	w := newWorld(9)
	in := response.Input{Today: today}
	for i := range 5 {
		in.Units = append(in.Units, w.unit(fmt.Sprint(i), 0.6))
	}
	clean := response.Fit(in)
	if len(clean.Outages) != 0 {
		t.Fatalf("found outages where there are none: %v", clean.Outages)
	}
	for i := range in.Units {
		for _, k := range []int{60, 61, 88} {
			in.Units[i].Days[k].Value, in.Units[i].Days[k].Conversions = 0, 0
		}
	}
	res := response.Fit(in)
	var got []civil.Date
	for _, o := range res.Outages {
		if o.Unit != "" || o.Platform != "google" {
			t.Errorf("outage of %q %q, want the whole platform", o.Platform, o.Unit)
		}
		got = append(got, o.Date)
	}
	want := []civil.Date{today.AddDays(-30), today.AddDays(-29), today.AddDays(-2)}
	if !slices.Equal(got, want) {
		t.Fatalf("outages on %v, want %v", got, want)
	}
	for i := range in.Units {
		if r := res.Curves[i].Level / clean.Curves[i].Level; r < 0.9 {
			t.Errorf("unit %d: the outage took the level to %.2f of what it was", i, r)
		}
	}
}

// Weeks of less money that brought more say that its elasticity is as low as it may
// be, the more so the more they sold; those that brought far less, as high.
func TestClearDataKeepTheIntervalAtTheirBound(t *testing.T) {
	t.Parallel()
	for _, perDay := range []float64{20, 100, 300, 3000} {
		for _, c := range []struct{ ratio, bound float64 }{{1.3, response.MinElasticity}, {0.6, response.MaxElasticity}} {
			w := newWorld(5)
			u := response.Unit{ID: "big", Platform: "google", Type: "search", Budget: 1000}
			for k := 90; k >= 1; k-- {
				spend, mean := 1000.0, perDay
				if k/7%2 == 0 {
					spend, mean = 800, perDay*c.ratio
				}
				n := w.poisson(mean * w.lag.At(k))
				u.Days = append(u.Days, response.Day{Date: today.AddDays(-k), Spend: spend, Value: 40 * n, Conversions: n, Budget: spend})
			}
			x := response.Fit(response.Input{Units: []response.Unit{u}, Today: today, Seed: 1}).Curves[0]
			// A normal's tail lies within an exponential of sd^2/(distance) from the bound.
			reach := x.ElasticitySD * x.ElasticitySD / math.Abs(x.ElasticityMean-c.bound)
			near := func(e float64) bool { return math.Abs(e-c.bound) <= 2.31*reach }
			if x.Elasticity != c.bound || !near(x.ElasticityLow) || !near(x.ElasticityHigh) || !(x.ElasticityLow < x.ElasticityHigh) {
				t.Errorf("%v orders a day, weeks of less money bring %v of the others: %v, 80 %% %v to %v", perDay, c.ratio, x.Elasticity, x.ElasticityLow, x.ElasticityHigh)
			}
		}
	}
}

func TestScaleDoesNotMatter(t *testing.T) {
	t.Parallel()
	var fits []response.Result
	for _, scale := range []float64{1, 150} {
		w := newWorld(21)
		w.scale = scale
		in := response.Input{Today: today}
		for i := range 10 {
			in.Units = append(in.Units, w.unit(fmt.Sprint(i), 0.6))
		}
		fits = append(fits, response.Fit(in))
	}
	for i, a := range fits[0].Curves {
		b := fits[1].Curves[i]
		if math.Abs(a.Elasticity-b.Elasticity) > 1e-6 || math.Abs(b.Level/a.Level/150-1) > 1e-6 || math.Abs(b.LevelSD-a.LevelSD) > 1e-6 {
			t.Errorf("unit %d: %v in one currency, %v in the other", i, a, b)
		}
	}
}

func TestStoredCurveGivesTheSameDraws(t *testing.T) {
	t.Parallel()
	w := newWorld(2)
	in := response.Input{Today: today, Units: []response.Unit{w.unit("a", 0.6), w.unit("b", 0.6)}, Seed: 99}
	first, again := response.Fit(in), response.Fit(in)
	if !reflect.DeepEqual(first, again) {
		t.Fatal("two fits of the same data differ")
	}
	body, err := json.Marshal(first.Curves[0])
	if err != nil {
		t.Fatal(err)
	}
	var back response.Curve
	if err := json.Unmarshal(body, &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(back.Draws(50), first.Curves[0].Draws(50)) {
		t.Error("the stored curve draws differently")
	}
	if reflect.DeepEqual(first.Curves[1].Draws(5), first.Curves[0].Draws(5)) {
		t.Error("two units share their random numbers")
	}
	c := first.Curves[0]
	if s := c.Mode().InverseSlope(c.Slope(80)); math.Abs(s-80) > 1e-6 {
		t.Errorf("the inverse of the slope at 80 is %v", s)
	}
}

// restate plays back how a platform reports: truth F, pulled every night but
// for the nights left out.
func restate(truth response.Lag, days, pulls int, skip func(int) bool, rng *rand.Rand) []response.Increment {
	var out []response.Increment
	start := today.AddDays(-pulls)
	for k := range days {
		date := today.AddDays(-1 - k)
		value, reported := 1000*math.Exp(0.3*rng.NormFloat64()), 0.0
		for p := range pulls + 1 {
			asOf := start.AddDays(p)
			if age := asOf.Sub(date); age >= 1 && age <= response.Horizon && !skip(p) {
				if v := value * truth.At(age); v != reported {
					out = append(out, response.Increment{Date: date, AsOf: asOf, Delta: v - reported})
					reported = v
				}
			}
		}
	}
	return out
}

func TestLagIsRecovered(t *testing.T) {
	t.Parallel()
	truth := response.Lag{Share: make([]float64, 15)}
	for a := range truth.Share {
		truth.Share[a] = 1 - math.Pow(0.55, float64(a)+0.4)
	}
	for name, skip := range map[string]func(int) bool{
		"every night":          func(int) bool { return false },
		"nights without pulls": func(p int) bool { return p%5 == 2 || p%7 == 3 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lag := response.FitLag(restate(truth, 90, 60, skip, rand.New(rand.NewPCG(1, 2))), response.PriorLag())
			for _, age := range []int{1, 2, 3, 5, 10, 20} {
				if math.Abs(lag.At(age)-truth.At(age)) > 0.05 {
					t.Errorf("F(%d) = %.3f, truth %.3f", age, lag.At(age), truth.At(age))
				}
			}
			if lag.PriorWeight > 0.1 {
				t.Errorf("after 60 nights %.2f still rests on the prior", lag.PriorWeight)
			}
		})
	}
	if lag := response.FitLag(restate(truth, 60, 0, func(int) bool { return false }, rand.New(rand.NewPCG(1, 2))), response.PriorLag()); !reflect.DeepEqual(lag, response.PriorLag()) {
		t.Error("one night tells nothing of the lag, yet it moved")
	}
	few := response.FitLag(restate(truth, 60, 2, func(int) bool { return false }, rand.New(rand.NewPCG(1, 2))), response.PriorLag())
	if few.PriorWeight < 0.3 || few.PriorWeight > 0.95 {
		t.Errorf("after two nights the prior has the weight %.2f", few.PriorWeight)
	}
}

// What a platform takes back is part of how its value matures: before that, more is
// reported than is left in the end.
func TestLagFollowsWhatIsTakenBack(t *testing.T) {
	t.Parallel()
	every := func(int) bool { return false }
	for name, c := range map[string]struct {
		loss func(age int) float64 // of what came, by age
		skip func(int) bool
	}{
		"5 % on the 21st day":             {func(age int) float64 { return 0.05 * float64(min(max(age-20, 0), 1)) }, every},
		"8 % from the 10th to the 29th":   {func(age int) float64 { return 0.08 * float64(min(max(age-9, 0), 20)) / 20 }, every},
		"5 % and nights without pulls":    {func(age int) float64 { return 0.05 * float64(min(max(age-20, 0), 1)) }, func(p int) bool { return p%5 == 2 || p%7 == 3 }},
		"10 % the day after, all at once": {func(age int) float64 { return 0.1 * float64(min(max(age-1, 0), 1)) }, every},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			truth := response.Lag{Share: make([]float64, response.Horizon)}
			for a := range truth.Share {
				truth.Share[a] = (1 - 0.5*math.Exp(-float64(a)/3)) * (1 - c.loss(a)) / (1 - c.loss(response.Horizon))
			}
			lag := response.FitLag(restate(truth, 120, 90, c.skip, rand.New(rand.NewPCG(4, 2))), response.PriorLag())
			for age := 1; age < response.Horizon; age++ {
				if !(math.Abs(lag.At(age)-truth.At(age)) <= 0.02) {
					t.Errorf("F(%d) = %.3f, truth %.3f", age, lag.At(age), truth.At(age))
				}
			}
		})
	}
}

// A mishap, such as all being taken back and reported again, leaves F above 0
// and within a half more than all.
func TestLagStaysWithinBounds(t *testing.T) {
	t.Parallel()
	for name, share := range map[string]func(age int) float64{
		"nearly all taken back":  func(age int) float64 { return map[bool]float64{true: 1, false: 0.02}[age < 5] },
		"up and down":            func(age int) float64 { return 1 + 0.9*float64(1-2*(age%2)) },
		"hardly anything before": func(age int) float64 { return map[bool]float64{true: 1e-6, false: 1}[age < 20] },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			truth := response.Lag{Share: make([]float64, response.Horizon)}
			for a := range truth.Share {
				truth.Share[a] = share(a)
			}
			for _, skip := range []func(int) bool{func(int) bool { return false }, func(p int) bool { return p%4 != 0 }} {
				lag := response.FitLag(restate(truth, 90, 60, skip, rand.New(rand.NewPCG(1, 2))), response.PriorLag())
				for a := range response.Horizon {
					if f := lag.At(a); !(f > 0 && f <= 1.5) {
						t.Errorf("F(%d) = %v", a, f)
					}
				}
			}
		})
	}
}

func TestPriorLagIsADistribution(t *testing.T) {
	t.Parallel()
	lag := response.PriorLag()
	for a := 1; a <= response.Horizon; a++ {
		if lag.At(a) < lag.At(a-1) || lag.At(a) > 1 {
			t.Fatalf("F(%d) = %v after F(%d) = %v", a, lag.At(a), a-1, lag.At(a-1))
		}
	}
	if lag.At(response.Horizon) != 1 || math.Abs(lag.At(1)-0.5) > 0.01 {
		t.Errorf("F(1) = %v, F(horizon) = %v", lag.At(1), lag.At(response.Horizon))
	}
}

func BenchmarkFit(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := newWorld(1)
			in := response.Input{Today: today}
			for i := range n {
				in.Units = append(in.Units, w.unit(fmt.Sprint(i), 0.6))
			}
			for b.Loop() {
				response.Fit(in)
			}
		})
	}
}
