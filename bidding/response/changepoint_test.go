package response_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"adsteward/bidding/response"
	"adsteward/internal/civil"
)

// shift multiplies a unit's value and conversions on days [from, to), as a
// change of its page would: orders that are there are kept with probability
// ratio, or made again with probability ratio - 1.
func (w *world) shift(u *response.Unit, from, to int, ratio float64) {
	for k := from; k < to; k++ {
		d := &u.Days[k]
		mean := d.Conversions
		n := 0.0
		for range int(mean) {
			n += math.Floor(ratio)
			if w.rng.Float64() < ratio-math.Floor(ratio) {
				n++
			}
		}
		if mean > 0 {
			d.Value *= n / mean
		}
		d.Conversions = n
	}
}

// Units that do not change, with noise of their own and steps of their budgets, of
// few orders and of many: at most a few in a hundred are said to change.
func TestStableUnitsAreNotSaidToChange(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: long under the race detector, and others race what it runs; make test runs it without")
	}
	for _, perDay := range []float64{0.5, 2, 6, 30} {
		for _, rho := range []float64{0, 0.5} {
			const units = 250
			w := newWorld(uint64(100*perDay) + uint64(10*rho))
			w.perDay, w.rho, w.budgetSD = perDay, rho, 0.3
			in := response.Input{Today: today}
			for i := range units {
				in.Units = append(in.Units, w.unit(fmt.Sprint(i), min(max(0.6+0.12*w.rng.NormFloat64(), 0.1), 0.9)))
			}
			res := response.Fit(in)
			flagged := map[string]bool{}
			for _, c := range res.Changes {
				flagged[c.Unit] = true
			}
			t.Logf("%4.1f orders a day, rho %.1f: %d of %d, spells %d", perDay, rho, len(flagged), units, len(res.Spells))
			if share := float64(len(flagged)) / units; share > 0.02 {
				t.Errorf("%.1f orders a day, rho %.1f: %.1f %% of stable units are said to change", perDay, rho, 100*share)
			}
			if len(res.Spells) > 0 {
				t.Errorf("%.1f orders a day: spells where there are none: %v", perDay, res.Spells)
			}
		}
	}
}

// What changes is found, at its date, and the curve is that of the new level.
func TestLastingChangeIsFoundAndTheLevelFollows(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: long under the race detector, and others race what it runs; make test runs it without")
	}
	for _, c := range []struct {
		perDay, ratio, power float64
		at                   int
	}{
		{30, 1.6, 0.9, 60}, {30, 0.55, 0.95, 60}, {30, 2, 0.95, 76},
		{10, 2, 0.9, 60}, {10, 0.4, 0.9, 60}, {3, 3, 0.9, 60},
	} {
		const units, changed = 160, 40
		w := newWorld(uint64(c.at) + uint64(100*c.ratio))
		w.perDay = c.perDay
		stable := response.Input{Today: today}
		in := response.Input{Today: today}
		for i := range units {
			u := w.unit(fmt.Sprint(i), 0.6)
			stable.Units = append(stable.Units, u)
			if i%4 == 0 {
				u.Days = append([]response.Day(nil), u.Days...)
				w.shift(&u, c.at, w.days, c.ratio)
			}
			in.Units = append(in.Units, u)
		}
		was, res := response.Fit(stable), response.Fit(in)
		since := today.AddDays(c.at - w.days)
		found, near, inside, others := 0.0, 0.0, 0.0, 0
		newest := map[string]response.Change{}
		for _, x := range res.Changes {
			newest[x.Unit] = x
		}
		var off float64
		for i := range units {
			x, ok := newest[fmt.Sprint(i)]
			switch {
			case i%4 != 0 && ok:
				others++
			case i%4 == 0 && ok:
				found++
				if d := x.Since.Sub(since); d >= -5 && d <= 5 {
					near++
				}
				if x.Low <= c.ratio && c.ratio <= x.High {
					inside++
				}
				if !strings.Contains(res.Curves[i].Note, "Since "+x.Since.String()) {
					t.Errorf("the note does not say since when: %q", res.Curves[i].Note)
				}
				off += math.Log(res.Curves[i].Value(100)/was.Curves[i].Value(100)) / math.Log(c.ratio)
			}
		}
		t.Logf("%v: found %.0f near %.0f inside %.0f of 40, stable flagged %d, followed %.2f", c, found, near, inside, others, off/found)
		if found < c.power*changed {
			t.Errorf("%v: %.0f of %d changes found", c, found, changed)
		}
		if near < 0.8*found {
			t.Errorf("%v: %.0f of %.0f found within five days", c, near, found)
		}
		if inside < 0.6*found {
			t.Errorf("%v: the ratio lies in %.0f of %.0f 80 %% intervals", c, inside, found)
		}
		if others > 3 {
			t.Errorf("%v: %d of %d stable units flagged beside them", c, others, units-changed)
		}
		if f := off / found; f < 0.85 || f > 1.1 {
			t.Errorf("%v: the level followed by %.2f of the change", c, f)
		}
	}
}

// A budget that was doubled moves along the curve, whatever the curve is.
func TestBudgetStepsAndOutagesAreNoChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(31)
	w.perDay, w.budgetSD = 40, 0
	in := response.Input{Today: today}
	const units = 200
	for i := range units {
		eps := []float64{0.25, 0.45, 0.65, 0.85}[i%4]
		w.budgetSD = 0
		u := w.unit(fmt.Sprint(i), eps)
		for k := 45; k < 90; k++ {
			d := &u.Days[k]
			mean := d.Conversions
			d.Spend *= 2
			if mean > 0 {
				w.shift(&u, k, k+1, math.Pow(2, eps))
			}
		}
		if i < 8 {
			for k := 70; k < 82; k++ {
				u.Days[k].Value, u.Days[k].Conversions = 0, 0
			}
		}
		in.Units = append(in.Units, u)
	}
	res := response.Fit(in)
	if len(res.Outages) < 8*12 {
		t.Fatalf("%d outages found", len(res.Outages))
	}
	if len(res.Changes) > units/50 {
		t.Errorf("%d changes of %d units: %v", len(res.Changes), units, res.Changes)
	}
}

// A sale of a few days at all units is one spell and leaves the levels alone.
func TestSaleIsASpellAndDoesNotRaiseTheLevel(t *testing.T) {
	t.Parallel()
	w := newWorld(17)
	var calm, sale response.Input
	for i := range 6 {
		u := w.unit(fmt.Sprint(i), 0.6)
		calm.Units = append(calm.Units, u)
		u.Days = append([]response.Day(nil), u.Days...)
		w.shift(&u, 84, 88, 2.2)
		sale.Units = append(sale.Units, u)
	}
	calm.Today, sale.Today = today, today
	was, res := response.Fit(calm), response.Fit(sale)
	if len(was.Spells) != 0 {
		t.Errorf("spells in a calm time: %v", was.Spells)
	}
	if len(res.Spells) != 1 || len(res.Changes) != 0 {
		t.Fatalf("spells %v, changes %v", res.Spells, res.Changes)
	}
	s := res.Spells[0]
	if s.From.Sub(today.AddDays(-6)) > 1 || s.From.Sub(today.AddDays(-6)) < -1 || s.To.Sub(today.AddDays(-3)) > 1 || s.To.Sub(today.AddDays(-3)) < -1 {
		t.Errorf("spell from %s to %s, truth %s to %s", s.From, s.To, today.AddDays(-6), today.AddDays(-3))
	}
	if s.Ratio < 1.6 || s.Ratio > 2.8 || s.Units < 5 {
		t.Errorf("ratio %.2f of %d units, truth 2.2 of 6", s.Ratio, s.Units)
	}
	var raised float64
	for i := range 6 {
		raised += res.Curves[i].Value(100)/was.Curves[i].Value(100)/6 - 1.0/6
	}
	if math.Abs(raised) > 0.04 {
		t.Errorf("the sale moved the levels by %.1f %%", 100*raised)
	}
}

// One unit alone makes no common spell, and a change is found in hindsight only
// once it has lasted.
func TestFreshChangeWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(23)
	w.perDay = 30
	in := response.Input{Today: today}
	for i := range 5 {
		u := w.unit(fmt.Sprint(i), 0.6)
		if i == 0 {
			w.shift(&u, 84, 90, 2)
		}
		in.Units = append(in.Units, u)
	}
	if res := response.Fit(in); len(res.Spells)+len(res.Changes) != 0 {
		t.Errorf("after six days of one unit: spells %v, changes %v", res.Spells, res.Changes)
	}
}

func TestChangesOfBadInput(t *testing.T) {
	t.Parallel()
	for name, day := range map[string]func(k int) response.Day{
		"nothing, then much": func(k int) response.Day {
			return response.Day{Spend: 100, Value: float64(k / 45 * 500), Conversions: float64(k / 45 * 5)}
		},
		"constant": func(int) response.Day { return response.Day{Spend: 100, Value: 300, Conversions: 3} },
		"nothing":  func(int) response.Day { return response.Day{Spend: 100} },
		"not a number": func(k int) response.Day {
			return response.Day{Spend: 100, Value: math.NaN(), Conversions: math.NaN()}
		},
		"one order": func(k int) response.Day {
			return response.Day{Spend: 100, Value: float64(k / 89 * 1e9), Conversions: float64(k / 89)}
		},
	} {
		u := response.Unit{ID: "a", Platform: "google", Type: "search"}
		for k := range 90 {
			d := day(k)
			d.Date = today.AddDays(k - 90)
			u.Days = append(u.Days, d)
		}
		res := response.Fit(response.Input{Today: today, Units: []response.Unit{u}})
		for _, x := range []float64{res.Curves[0].Level, res.Curves[0].LevelSD, res.Curves[0].Elasticity, res.Curves[0].Dispersion} {
			if math.IsNaN(x) || math.IsInf(x, 0) || x < 0 {
				t.Errorf("%s: %+v", name, res.Curves[0])
			}
		}
		for _, c := range res.Changes {
			if !(c.Low > 0 && c.Low <= c.Ratio && c.Ratio <= c.High) || math.IsInf(c.High, 0) {
				t.Errorf("%s: %+v", name, c)
			}
			if c.Since < today.AddDays(-90) || c.Since >= today {
				t.Errorf("%s: since %s", name, civil.Date(c.Since))
			}
		}
	}
}

// Seven days without any of two orders a day are an outage of a small platform;
// two months without are none, and say that the level fell.
func TestSmallPlatformsOutageIsSeenOverItsDays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, to int
		outage   bool
	}{{70, 77, true}, {82, 90, true}, {70, 71, false}, {50, 90, false}} {
		w := newWorld(41)
		w.perDay = 1.2
		in := response.Input{Today: today}
		for i := range 2 {
			u := w.unit(fmt.Sprint(i), 0.6)
			for k := c.from; k < c.to; k++ {
				u.Days[k].Value, u.Days[k].Conversions = 0, 0
			}
			in.Units = append(in.Units, u)
		}
		res := response.Fit(in)
		found := map[civil.Date]bool{}
		for _, o := range res.Outages {
			found[o.Date] = o.Unit == ""
		}
		for k := c.from; k < c.to; k++ {
			if d := today.AddDays(k - 90); found[d] != c.outage {
				t.Errorf("%v: %s is an outage: %t", c, d, found[d])
			}
		}
		if long := c.to-c.from > 30; long != (len(res.Changes) > 0) {
			t.Errorf("%v: changes %v", c, res.Changes)
		}
	}
}
