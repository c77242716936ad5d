package bidding_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/bidding/response"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// trial is an account of alike units of known curves, of which the first one's
// budget was changed from 100 by step 35 days ago.
type trial struct {
	rng       *rand.Rand
	step      float64
	demand    float64    // of the days, for every unit
	wobble    float64    // sd of a unit's own demand in the window
	luck      float64    // order value; 0: value comes without luck
	broken    float64    // the share of its value that the change cost beyond the curve
	apart     float64    // the share of its value that one of the others lost by itself
	levelSD   float64    // of what the night then knew
	epsSD     float64    //
	relSD     float64    // of k
	others    int        //
	dayFactor [7]float64 // of the weekdays; zero: none
	edit      func(*bidding.Input, *bidding.AppliedChange)
	fit       response.Result
	alerts    map[civil.Date][]bidding.Alert
}

const trialK, trialEps, trialROAS = 0.4, 0.6, 5.0

func (x trial) key(i int) bidding.Key {
	return bidding.Key{Platform: platform.Google, AdAccount: "1", Ref: platform.Ref{Type: platform.Budget, ID: fmt.Sprint("b", i)}}
}

// measure plays the trial; truth is what the change gained a day.
func (x trial) measure(t testing.TB) (o bidding.Outturn, truth float64) {
	t.Helper()
	from := today.AddDays(-35)
	in := bidding.Input{Now: now, Currency: "EUR", Policy: guard.Default()}
	acc := bidding.Account{Platform: platform.Google, ID: "1", Currency: "EUR", Today: today, LastData: today - 1, Lag: atOnce}
	a := bidding.AppliedChange{Field: platform.DailyBudget, Seen: eur(100), Value: eur(100 * x.step), From: from}
	if x.dayFactor != [7]float64{} {
		a.DayOfWeek = map[string][7]float64{"google": x.dayFactor}
	}
	normal := func(sd float64) float64 {
		if sd == 0 {
			return 0
		}
		return sd * x.rng.NormFloat64()
	}
	for i := range x.others + 1 {
		level := 100 * trialROAS
		u := bidding.UnitReport{Key: x.key(i), Campaigns: []platform.Ref{{Type: platform.Campaign, ID: fmt.Sprint(i)}}, Currency: "EUR", K: trialK, Budget: eur(100), Spend: 100, Utilisation: 1}
		eps := trialEps + normal(x.epsSD)
		own := 1 + normal(x.wobble)
		luck := 1.25 * x.luck
		u.Curve = response.Curve{Unit: u.Key.String(), Spend: 100, Level: level * math.Exp(normal(x.levelSD)), LevelSD: x.levelSD, Elasticity: trialEps, ElasticityMean: trialEps,
			ElasticitySD: x.epsSD, OrderLuck: luck, Dispersion: luck + square(x.wobble)*14*level, Clustering: 1, Seed: uint64(x.rng.Int64())}
		u.Worth.RelSD = x.relSD
		u.Lever = &bidding.Lever{Key: u.Key, Field: platform.DailyBudget, Seen: eur(100)}
		s := bidding.Series{Entity: u.Campaigns[0]}
		for d := range 35 {
			date := from.AddDays(d)
			spend, factor, left := 100.0, x.demand*own, 1.0
			if f := x.dayFactor[date.Weekday()]; f > 0 {
				factor *= f
			}
			if i == 0 {
				spend, left = 100*x.step, 1-x.broken
				if d < 14 {
					truth += (trialK*factor*level*(left*hill(x.step, eps)-1) - (spend - 100)) / 14
				}
			}
			if i == 1 {
				left = 1 - x.apart
			}
			value := factor * left * level * hill(spend/100, eps)
			if x.luck > 0 { // Poisson orders, normal where there are so many
				value = max(0, value+math.Sqrt(luck*value)*x.rng.NormFloat64())
			}
			s.Days = append(s.Days, response.Day{Date: date, Spend: spend, Value: value, Conversions: value / 50})
		}
		acc.Performance = append(acc.Performance, s)
		a.Units = append(a.Units, u)
	}
	a.Unit = a.Units[0]
	a.Expected = bidding.Expect(a.Unit, platform.DailyBudget, a.Value)
	in.Accounts = []bidding.Account{acc}
	if x.edit != nil {
		x.edit(&in, &a)
	}
	return bidding.NewMeter(&in, x.fit, x.alerts).Measure(a), truth
}

func square(v float64) float64 { return v * v }

func still() trial {
	return trial{rng: rand.New(rand.NewPCG(1, 2)), step: 1.2, demand: 1, others: 8, levelSD: 1e-9, epsSD: 1e-9}
}

// Without noise the gain is the curve's exactly, whatever the days of the week,
// and a common rise of demand is told from it.
func TestMeasureFindsTheEffect(t *testing.T) {
	t.Parallel()
	for _, demand := range []float64{0.8, 1, 1.3} {
		for _, step := range []float64{0.85, 1.15, 2} {
			x := still()
			x.demand, x.step = demand, step
			x.dayFactor = [7]float64{1.3, 0.9, 0.9, 0.9, 0.9, 0.9, 1.2}
			o, truth := x.measure(t)
			if math.Abs(o.Gain-truth) > 1e-3*math.Abs(truth)+1e-3 || math.Abs(o.Demand-demand) > 1e-3 || o.Others != 8 || o.Days != 14 {
				t.Errorf("demand %v, step %v: gain %v, truth %v; demand measured %v by %d units over %d days", demand, step, o.Gain, truth, o.Demand, o.Others, o.Days)
			}
			if d := o.ProfitPerDay - o.Counterfactual; math.Abs(d-o.Gain) > 1e-9 {
				t.Errorf("the gain %v is not the difference %v", o.Gain, d)
			}
		}
	}
}

// The intervals hold what they say: the measured gain by its 80 % interval, and
// the profits that came spread evenly over what was promised.
func TestMeasureIsHonest(t *testing.T) {
	t.Parallel()
	const n = 1500
	var gain, believed, inside, sum float64
	var tenths [10]int
	for seed := range uint64(n) {
		x := trial{rng: rand.New(rand.NewPCG(seed, 7)), step: 1.15, demand: 1, wobble: 0.06, luck: 60, levelSD: 0.05, epsSD: 0.08, others: 8}
		o, truth := x.measure(t)
		if o.GainLow <= truth && truth <= o.GainHigh {
			gain++
		}
		if o.BelievedLow <= truth && truth <= o.BelievedHigh {
			believed++
		}
		if o.Inside {
			inside++
		}
		tenths[min(int(o.PIT*10), 9)]++
		sum += o.PIT
	}
	if p := gain / n; p < 0.75 || p > 0.84 {
		t.Errorf("%.3f of the measured gains are within their 80 %%", p)
	}
	// Nothing surprising happens here, and the belief leaves room for it.
	if p := believed / n; p < 0.8 {
		t.Errorf("%.3f of the believed gains are within their 80 %%", p)
	}
	if p := inside / n; p < 0.76 || p > 0.83 {
		t.Errorf("%.3f of the promises at 80 %% held", p)
	}
	if m := sum / n; math.Abs(m-0.5) > 0.05 {
		t.Errorf("outcomes lie at %.3f of the promise on average", m)
	}
	for i, k := range tenths {
		if k < 100 || k > 205 {
			t.Errorf("tenth %d holds %d of %d outcomes", i, k, n)
		}
	}
}

// A change that breaks what it touches is found out, one that pays is not
// accused, and chance is called chance.
func TestMeasureJudges(t *testing.T) {
	t.Parallel()
	count := func(broken float64, step float64) map[bidding.Verdict]int {
		out := map[bidding.Verdict]int{}
		for seed := range uint64(200) {
			x := trial{rng: rand.New(rand.NewPCG(seed, 8)), step: step, demand: 1, wobble: 0.04, luck: 20, levelSD: 0.03, epsSD: 0.05, others: 8, broken: broken, relSD: 0.1}
			o, _ := x.measure(t)
			out[o.Verdict]++
		}
		return out
	}
	if c := count(0.25, 1.15); c[bidding.Loss] < 190 {
		t.Errorf("a quarter of the value gone: %v", c)
	}
	if c := count(0, 1.15); c[bidding.Loss] > 10 {
		t.Errorf("a change that pays: %v", c)
	}
	x := still()
	x.broken = 0.3
	o, truth := x.measure(t)
	if o.Verdict != bidding.Loss || !strings.Contains(o.Explain("EUR"), "lost money") || o.Believed > 0 || o.Believed < truth-1 {
		t.Errorf("%s, believed %v of %v: %s", o.Verdict, o.Believed, truth, o.Explain("EUR"))
	}
	x.edit = func(in *bidding.Input, _ *bidding.AppliedChange) { in.Policy.Rollback.MinLoss = 1000 }
	if o, _ := x.measure(t); o.Verdict != bidding.Undecided {
		t.Errorf("a loss below the least is %s", o.Verdict)
	}
}

// One of the others that broke by itself is no fall of demand, which would flatter the
// change; a fall that all of them share is.
func TestDemandIsToldByMost(t *testing.T) {
	t.Parallel()
	const n = 200
	for _, demand := range []float64{1, 0.7} {
		var off, flattered, inside float64
		for seed := range uint64(n) {
			x := trial{rng: rand.New(rand.NewPCG(seed, 9)), step: 1.15, demand: demand, wobble: 0.04, luck: 20, levelSD: 0.03, epsSD: 0.05, others: 8, apart: 0.5}
			o, truth := x.measure(t)
			off, flattered = off+(o.Demand-demand)/n, flattered+(o.Gain-truth)/n
			if o.GainLow <= truth && truth <= o.GainHigh {
				inside++
			}
		}
		// The plain mean is off by half of an eighth: 0.06 and 12 a day of the 200 that it earns.
		if math.Abs(off) > 0.02 || math.Abs(flattered) > 4 {
			t.Errorf("demand %v: measured %v off, gains %v above the truth", demand, off, flattered)
		}
		if inside < 0.75*n {
			t.Errorf("demand %v: %v of %d intervals hold the truth", demand, inside, n)
		}
	}
}

// Days that say nothing of the change do not count, and the next change ends the
// window.
func TestMeasureLeavesOut(t *testing.T) {
	t.Parallel()
	from := today.AddDays(-35)
	down := func(days ...int) (out []response.Outage) {
		for _, d := range days {
			out = append(out, response.Outage{Platform: "google", Date: from.AddDays(d)})
		}
		return out
	}
	clear := func(in *bidding.Input, d int) { // the value of a day on which tracking was down
		for i := range in.Accounts[0].Performance {
			in.Accounts[0].Performance[i].Days[d].Value = 0
		}
	}
	_, truth := still().measure(t)
	for name, c := range map[string]struct {
		outages []response.Outage
		edit    func(*bidding.Input, *bidding.AppliedChange)
		days    int
		says    string
	}{
		"outage": {down(2, 3), func(in *bidding.Input, _ *bidding.AppliedChange) { clear(in, 2); clear(in, 3) }, 12, "2 days of a tracking outage"},
		"stock": {nil, func(in *bidding.Input, a *bidding.AppliedChange) {
			a.Starved = map[civil.Date]bool{from.AddDays(4): true}
			in.Accounts[0].Performance[0].Days[4].Value = 1
		}, 13, "1 day with goods out of stock"},
		"no spend": {nil, func(in *bidding.Input, _ *bidding.AppliedChange) {
			in.Accounts[0].Performance[0].Days[5].Spend, in.Accounts[0].Performance[0].Days[5].Value = 0, 0
		}, 13, "1 day without spend"},
		"next change": {nil, func(in *bidding.Input, a *bidding.AppliedChange) {
			in.Changes = []bidding.PastChange{{Key: a.Unit.Key, Field: platform.DailyBudget, Date: from}, {Key: a.Unit.Key, Field: platform.DailyBudget, Date: from.AddDays(7)}}
			for d := 7; d < 35; d++ {
				in.Accounts[0].Performance[0].Days[d].Value = 0
			}
		}, 7, ""},
		"a change of its campaign": {nil, func(in *bidding.Input, a *bidding.AppliedChange) {
			k := bidding.Key{Platform: platform.Google, AdAccount: "1", Ref: a.Unit.Campaigns[0]}
			in.Changes = []bidding.PastChange{{Key: k, Field: platform.TargetROAS, Date: from.AddDays(8)}}
		}, 8, ""},
	} {
		x := still()
		x.edit, x.fit.Outages = c.edit, c.outages
		o, _ := x.measure(t)
		if o.Days != c.days || strings.Join(o.LeftOut, "; ") != c.says || math.Abs(o.Gain-truth) > 1e-3 || o.Verdict == bidding.Unjudged {
			t.Errorf("%s: %d days count (%v), gain %v of %v, %s", name, o.Days, o.LeftOut, o.Gain, truth, o.Verdict)
		}
	}
	x := still()
	x.fit.Outages = down(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	if o, _ := x.measure(t); o.Verdict != bidding.Unjudged || !strings.Contains(o.Explain("EUR"), "Only 4 days count; it takes 5. Left out: 10 days of a tracking outage.") {
		t.Errorf("four days are judged: %s", o.Explain("EUR"))
	}
}

// A budget that no longer holds spend back had no part in what came.
func TestMeasureBudgetWithoutEffect(t *testing.T) {
	t.Parallel()
	for _, step := range []float64{0.85, 1.15} {
		x := still()
		x.step = step
		x.edit = func(in *bidding.Input, _ *bidding.AppliedChange) {
			for i := range in.Accounts[0].Performance[0].Days {
				d := &in.Accounts[0].Performance[0].Days[i]
				d.Value *= hill(0.6, trialEps) / hill(d.Spend/100, trialEps)
				d.Spend = 60
			}
		}
		if o, _ := x.measure(t); math.Abs(o.Gain) > 1e-3 || o.Verdict == bidding.Loss {
			t.Errorf("step %v: gain %v, %s", step, o.Gain, o.Verdict)
		}
	}
}

// Whatever the figures, nothing that is no number gets out.
func TestMeasureBadFigures(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*bidding.Input, *bidding.AppliedChange){
		"NaN": func(in *bidding.Input, _ *bidding.AppliedChange) {
			in.Accounts[0].Performance[0].Days[3].Value = math.NaN()
		},
		"infinite": func(in *bidding.Input, _ *bidding.AppliedChange) {
			in.Accounts[0].Performance[3].Days[3].Value = math.Inf(1)
		},
		"no curve":   func(_ *bidding.Input, a *bidding.AppliedChange) { a.Unit.Curve = response.Curve{} },
		"no data":    func(in *bidding.Input, _ *bidding.AppliedChange) { in.Accounts[0].Performance = nil },
		"no account": func(in *bidding.Input, _ *bidding.AppliedChange) { in.Accounts = nil },
		"no units":   func(_ *bidding.Input, a *bidding.AppliedChange) { a.Units = nil },
		"worthless":  func(_ *bidding.Input, a *bidding.AppliedChange) { a.Unit.K = 0 },
		"no value": func(in *bidding.Input, _ *bidding.AppliedChange) {
			for i := range in.Accounts[0].Performance[0].Days {
				in.Accounts[0].Performance[0].Days[i].Value = 0
			}
		},
		"from nothing": func(_ *bidding.Input, a *bidding.AppliedChange) { a.Seen = 0 },
		"to nothing":   func(_ *bidding.Input, a *bidding.AppliedChange) { a.Value = money.Micros(0) },
	} {
		x := still()
		x.levelSD, x.epsSD, x.edit = 0.1, 0.1, edit
		o, _ := x.measure(t)
		for _, v := range []float64{o.ProfitPerDay, o.Spend, o.Low, o.High, o.PIT, o.Counterfactual, o.CounterfactualLow, o.CounterfactualHigh, o.Demand, o.DemandSD,
			o.Gain, o.GainLow, o.GainHigh, o.Believed, o.BelievedLow, o.BelievedHigh, o.LossProbability} {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Errorf("%s: %+v", name, o)
				break
			}
		}
		if s := o.Explain("EUR"); o.Verdict == "" || strings.Contains(s, "NaN") {
			t.Errorf("%s: %q, %s", name, o.Verdict, s)
		}
	}
}

// A sale of one campaign's goods is not laid to the change of its budget.
func TestWhatASaleBringsIsNotTheChanges(t *testing.T) {
	t.Parallel()
	x := still()
	x.edit = func(in *bidding.Input, _ *bidding.AppliedChange) {
		days := in.Accounts[0].Performance[0].Days
		for i := range 7 {
			days[i].Value, days[i].Conditions = 1.4*days[i].Value, response.Conditions{Markdown: 0.2}
		}
	}
	step := trialROAS * 100 * (hill(1.2, trialEps) - 1) // of value, without the sale
	want := trialK*1.2*step - 20
	x.fit = response.Result{Curves: []response.Curve{{Unit: x.key(0).String(), Effect: response.Effect{Markdown: math.Log(1.4) / 0.2}}}}
	o, _ := x.measure(t)
	if math.Abs(o.Gain-want) > 1e-3 || math.Abs(o.Demand-1) > 1e-3 {
		t.Errorf("gain %v, want %v; demand %v", o.Gain, want, o.Demand)
	}
	x.fit = response.Result{} // nobody knows of it
	if o, _ := x.measure(t); o.Gain < want+30 {
		t.Errorf("where nobody knows of the sale the gain is %v, else %v", o.Gain, want)
	}
}
