package bidding_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"adsteward/bidding"
	"adsteward/bidding/response"
	"adsteward/internal/civil"
)

// warned are the alerts of the nights from one to another after the change of a trial,
// each with one of its unit's figure since a day after it.
func (x trial) warned(unit int, figure string, chance float64, since, first, last int) map[civil.Date][]bidding.Alert {
	out, from := map[civil.Date][]bidding.Alert{}, today.AddDays(-35)
	for n := first; n <= last; n++ {
		out[from.AddDays(n)] = []bidding.Alert{{Key: x.key(unit), Figure: figure, Since: from.AddDays(since), ChanceDays: chance}}
	}
	return out
}

// What happened to a campaign apart from a change is not laid to it, for better or
// worse; what began with it is.
func TestMeasureLeavesOutWhatHappenedApart(t *testing.T) {
	t.Parallel()
	const rate = "conversion_rate"
	from := today.AddDays(-35)
	shift := func(unit, since int, ratio float64) []response.Change {
		return []response.Change{{Unit: still().key(unit).String(), Since: from.AddDays(since), Ratio: ratio}}
	}
	join := func(of ...map[civil.Date][]bidding.Alert) map[civil.Date][]bidding.Alert {
		out := map[civil.Date][]bidding.Alert{}
		for _, m := range of {
			for d, a := range m {
				out[d] = append(out[d], a...)
			}
		}
		return out
	}
	x := still()
	for name, c := range map[string]struct {
		broken  float64 // by the change
		first   int     // day from which its value is multiplied by ratio, and
		last    int     // to which
		ratio   float64
		alerts  map[civil.Date][]bidding.Alert
		changes []response.Change
		days    int
		says    string // the days left out
		loss    bool
	}{
		"nothing says so":            {0, 6, 14, 0.4, nil, nil, 14, "", true},
		"an alert":                   {0, 6, 14, 0.4, x.warned(0, rate, 2000, 6, 9, 35), nil, 6, "8 days after its conversion rate fell (about 2026-04-21)", false},
		"a dearer conversion":        {0, 11, 14, 0.1, x.warned(0, "cac", 2000, 11, 14, 35), nil, 11, "3 days after its cost of a conversion rose (about 2026-04-26)", false},
		"a lower return":             {0, 11, 14, 0.1, x.warned(0, "roas", 2000, 11, 14, 35), nil, 11, "3 days after its return on spend fell (about 2026-04-26)", false},
		"an alert that ended":        {0, 5, 9, 0.4, x.warned(0, rate, 2000, 5, 8, 10), nil, 9, "5 days after its conversion rate fell (about 2026-04-20)", false},
		"two of them":                {0, 0, 0, 1, join(x.warned(0, rate, 2000, 4, 6, 7), x.warned(0, rate, 2000, 10, 12, 35)), nil, 7, "3 days after its conversion rate fell (about 2026-04-19); 4 days after its conversion rate fell (about 2026-04-25)", false},
		"a lasting fall":             {0, 6, 14, 0.4, nil, shift(0, 6, 0.4), 6, "8 days after what it brings for the same money fell (about 2026-04-21)", false},
		"a lasting rise":             {0.5, 6, 14, 4, nil, shift(0, 6, 4), 6, "8 days after what it brings for the same money rose (about 2026-04-21)", true},
		"the same, as nobody knows":  {0.5, 6, 14, 4, nil, nil, 14, "", false},
		"one that lasts":             {0, 6, 14, 0.4, x.warned(0, rate, 2000, 6, 9, 11), shift(0, 9, 0.4), 6, "8 days after its conversion rate fell (about 2026-04-21)", false},
		"begun with the change":      {0.5, 0, 0, 1, x.warned(0, rate, 2000, 3, 6, 35), nil, 14, "", true},
		"begun right before it":      {0.5, 0, 0, 1, x.warned(0, rate, 2000, -3, 6, 35), nil, 14, "", true},
		"dated later by the curves":  {0.5, 0, 0, 1, x.warned(0, rate, 2000, 1, 6, 35), shift(0, 5, 0.5), 14, "", true},
		"surely begun with it":       {0.5, 0, 0, 1, join(x.warned(0, rate, 1200, 4, 6, 8), x.warned(0, rate, 3650, 0, 9, 35)), nil, 14, "", true},
		"surely not begun with it":   {0, 6, 14, 0.4, join(x.warned(0, rate, 1200, 2, 6, 8), x.warned(0, rate, 3650, 6, 9, 20), x.warned(0, rate, 1200, 3, 21, 35)), nil, 6, "8 days after its conversion rate fell (about 2026-04-21)", false},
		"long before":                {0.5, 0, 0, 1, x.warned(0, rate, 2000, -14, 1, 35), shift(0, -30, 0.5), 14, "", true},
		"over before it":             {0.5, 0, 0, 1, x.warned(0, rate, 2000, -9, -5, 0), nil, 14, "", true},
		"of a figure of another way": {0.5, 0, 0, 1, x.warned(0, "ctr", 2000, 6, 9, 35), nil, 14, "", true},
		"of another campaign":        {0.5, 0, 0, 1, x.warned(3, rate, 2000, 6, 9, 35), shift(4, 6, 0.5), 14, "", true},
	} {
		x := still()
		x.broken, x.alerts, x.fit.Changes = c.broken, c.alerts, c.changes
		_, truth := x.measure(t)
		x.edit = func(in *bidding.Input, _ *bidding.AppliedChange) {
			for k := c.first; k < c.last; k++ {
				in.Accounts[0].Performance[0].Days[k].Value *= c.ratio
			}
		}
		o, _ := x.measure(t)
		if o.Days != c.days || strings.Join(o.LeftOut, "; ") != c.says || (o.Verdict == bidding.Loss) != c.loss {
			t.Errorf("%s: %d days count (%v), %s with a gain of %v", name, o.Days, o.LeftOut, o.Verdict, o.Gain)
		}
		if c.days < 14 && math.Abs(o.Gain-truth) > 1e-3 {
			t.Errorf("%s: a gain of %v, the change's own is %v", name, o.Gain, truth)
		}
	}
	for name, since := range map[string]int{"before": -8, "soon after": 4} {
		x := still()
		x.alerts = x.warned(0, rate, 2000, since, 9, 35)
		if o, _ := x.measure(t); o.Verdict != bidding.Unjudged || !strings.Contains(o.Why, "days after its conversion rate fell (about "+from.AddDays(since).String()+")") {
			t.Errorf("%s: %s, %q", name, o.Verdict, o.Why)
		}
	}
}

// By the alerts and curves as nights have them, a page that breaks a week after a change
// is not laid to it, and one that the change broke is.
func TestWhatNightsFindIsToldFromTheChange(t *testing.T) {
	t.Parallel()
	const seeds = 10
	from := today.AddDays(-21)
	count := func(at int, broken float64) (losses, unjudged int) {
		for seed := range uint64(seeds) {
			rng := rand.New(rand.NewPCG(seed, 11))
			alike := sim{budget: 100, use: 1, ref: 100, perDay: 20, eps: 0.6, k: 0.4}
			a, b, c, d := alike, alike, alike, alike
			a.id, b.id, c.id, d.id = "a", "b", "c", "d"
			in := input(seed, 1, a, b, c, d)
			for i := range in.Accounts[0].Performance {
				for k := range in.Accounts[0].Performance[i].Days {
					x := &in.Accounts[0].Performance[i].Days[k]
					x.Clicks = 2 * x.Spend
					for n := x.Conversions; n > 0 && i == 0 && x.Date.Sub(from) >= at; n-- {
						if rng.Float64() < broken {
							x.Conversions, x.Value = x.Conversions-1, x.Value-basket
						}
					}
				}
			}
			then := plan(t, asOf(in, from))
			alerts := map[civil.Date][]bidding.Alert{}
			for n := from + 1; n <= today; n += 7 {
				alerts[n] = plan(t, asOf(in, n)).Alerts
			}
			change := bidding.AppliedChange{Unit: unitOf(t, then, "ba"), Field: "daily_budget", Seen: eur(85), Value: eur(100), From: from, Units: then.Units}
			change.Expected = bidding.Expect(change.Unit, change.Field, change.Value)
			switch o := bidding.NewMeter(&in, bidding.FitCurves(in), alerts).Measure(change); o.Verdict {
			case bidding.Loss:
				losses++
			case bidding.Unjudged:
				unjudged++
			}
		}
		return losses, unjudged
	}
	if n, _ := count(0, 0.5); n < seeds*9/10 {
		t.Errorf("of %d changes that halved what a campaign brings %d are a loss", seeds, n)
	}
	if n, u := count(7, 0.5); n > seeds/10 || u > seeds/10 {
		t.Errorf("of %d changes a week before that %d are a loss and %d unjudged", seeds, n, u)
	}
}

// asOf is an input as the night of a date would have had it.
func asOf(in bidding.Input, night civil.Date) bidding.Input {
	in.Accounts = slices.Clone(in.Accounts)
	a := &in.Accounts[0]
	a.Today, a.LastData = night, night-1
	a.Performance = slices.Clone(a.Performance)
	for i := range a.Performance {
		a.Performance[i].Days = slices.DeleteFunc(slices.Clone(a.Performance[i].Days), func(d response.Day) bool { return d.Date >= night })
	}
	return in
}
