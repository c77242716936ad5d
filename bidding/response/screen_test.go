package response_test

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"adsteward/bidding/response"
)

// spoiled is six units, the second of which has one day or its budget changed.
func spoiled(change func(*response.Unit, *response.Day)) response.Input {
	w := newWorld(31)
	in := response.Input{Today: today, Seed: 3}
	for i := range 6 {
		in.Units = append(in.Units, w.unit(fmt.Sprint("unit ", i), 0.6))
	}
	change(&in.Units[1], &in.Units[1].Days[60])
	return in
}

// A unit of which a figure is no number gets no curve and says why; the others are
// as if it were not there.
func TestAFigureThatIsNoNumberSpoilsNoOtherCurve(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*response.Unit, *response.Day)
		says   string
	}{
		"spend NaN":            {func(_ *response.Unit, d *response.Day) { d.Spend = math.NaN() }, "its spend of 2026-04-01 is reported as NaN, which is no number"},
		"spend infinite":       {func(_ *response.Unit, d *response.Day) { d.Spend = math.Inf(1) }, "its spend of 2026-04-01 is reported as +Inf"},
		"value NaN":            {func(_ *response.Unit, d *response.Day) { d.Value = math.NaN() }, "its value of 2026-04-01 is reported as NaN"},
		"value infinite":       {func(_ *response.Unit, d *response.Day) { d.Value = math.Inf(-1) }, "its value of 2026-04-01 is reported as -Inf"},
		"value out of range":   {func(_ *response.Unit, d *response.Day) { d.Value = 1e300 }, "its value of 2026-04-01 is reported as 1e+300"},
		"conversions NaN":      {func(_ *response.Unit, d *response.Day) { d.Conversions = math.NaN() }, "its number of conversions of 2026-04-01 is reported as NaN"},
		"conversions infinite": {func(_ *response.Unit, d *response.Day) { d.Conversions = math.Inf(1) }, "its number of conversions of 2026-04-01 is reported as +Inf"},
		"budget NaN":           {func(u *response.Unit, _ *response.Day) { u.Budget = math.NaN() }, "its budget is reported as NaN"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := spoiled(c.change)
			got := response.Fit(in)
			bad := got.Curves[1]
			if bad.Unit != "unit 1" || bad.Level != 0 || bad.Value(100) != 0 || !strings.Contains(bad.Refused, c.says) || !strings.Contains(bad.Note, c.says) {
				t.Errorf("the unit's curve is %+v", bad)
			}
			if _, err := json.Marshal(got); err != nil {
				t.Error(err)
			}
			in.Units = slices.Delete(slices.Clone(in.Units), 1, 2)
			want := response.Fit(in)
			got.Curves = slices.Delete(got.Curves, 1, 2)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("the others are not as without it: %+v, want %+v", got.Curves, want.Curves)
			}
			for _, x := range got.Curves {
				if x.Refused != "" || !(x.Level > 0) {
					t.Errorf("%s is refused too: %q", x.Unit, x.Note)
				}
			}
		})
	}
}

// Where no unit reports numbers, none has a curve.
func TestNothingButBadFigures(t *testing.T) {
	t.Parallel()
	in := spoiled(func(*response.Unit, *response.Day) {})
	for i := range in.Units {
		in.Units[i].Days[i].Value = math.NaN()
	}
	res := response.Fit(in)
	for i, c := range res.Curves {
		if c.Unit != in.Units[i].ID || c.Refused == "" || c.Level != 0 {
			t.Errorf("%+v", c)
		}
	}
	if _, err := json.Marshal(res); err != nil || len(res.Curves) != len(in.Units) {
		t.Errorf("%d curves of %d, %v", len(res.Curves), len(in.Units), err)
	}
}

// A figure that is no number does not matter on days that are not looked at.
func TestDaysFromTodayOnAreNotJudged(t *testing.T) {
	t.Parallel()
	in := spoiled(func(u *response.Unit, _ *response.Day) {
		u.Days = append(u.Days, response.Day{Date: today, Spend: 1, Value: math.NaN(), Conversions: 1})
	})
	if c := response.Fit(in).Curves[1]; c.Refused != "" || !(c.Level > 0) {
		t.Errorf("refused for a day to come: %q", c.Note)
	}
}

// A day with a negative figure, or one that reports what no other day comes near
// to, is as if it were not there, for its own unit and the others.
func TestImpossibleDaysAreLeftOut(t *testing.T) {
	t.Parallel()
	const said = "2026-04-01 is left out"
	for name, c := range map[string]struct {
		change func(*response.Unit, *response.Day)
		told   bool
	}{
		"spend negative":       {func(_ *response.Unit, d *response.Day) { d.Spend = -50 }, false},
		"value negative":       {func(_ *response.Unit, d *response.Day) { d.Value = -5000 }, false},
		"conversions negative": {func(_ *response.Unit, d *response.Day) { d.Conversions = -500 }, false},
		"value x 1000":         {func(_ *response.Unit, d *response.Day) { d.Value *= 1000 }, true},
		"value x 30":           {func(_ *response.Unit, d *response.Day) { d.Value *= 30 }, true},
		"conversions x 1000":   {func(_ *response.Unit, d *response.Day) { d.Conversions *= 1000 }, true},
		"both x 1000":          {func(_ *response.Unit, d *response.Day) { d.Value, d.Conversions = 1000*d.Value, 1000*d.Conversions }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := spoiled(c.change)
			got := response.Fit(in)
			if told := strings.Contains(got.Curves[1].Note, said); told != c.told {
				t.Errorf("the note is %q", got.Curves[1].Note)
			}
			if n := strings.Count(got.Curves[1].Note, said); n > 1 {
				t.Errorf("the note says it %d times: %q", n, got.Curves[1].Note)
			}
			without := spoiled(func(u *response.Unit, _ *response.Day) { u.Days = slices.Delete(u.Days, 60, 61) })
			want := response.Fit(without)
			got.Curves[1].Note, want.Curves[1].Note = "", ""
			if !reflect.DeepEqual(got, want) {
				t.Errorf("not as without the day: %+v, want %+v", got, want)
			}
		})
	}
}

// Good days, dear days, single orders and orders of which little has arrived are no
// errors.
func TestPossibleDaysStay(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: long under the race detector, and others race what it runs; make test runs it without")
	}
	slow := response.Lag{Share: make([]float64, response.Horizon)}
	for a := range slow.Share {
		slow.Share[a] = 0.05 + 0.95*float64(a)/response.Horizon
	}
	late := response.Lag{Share: slices.Repeat([]float64{0.05}, 7)}
	for name, c := range map[string]struct {
		perDay float64
		lag    response.Lag
		change func(*response.Unit, *response.Day)
	}{
		"as it comes":       {6, response.PriorLag(), func(*response.Unit, *response.Day) {}},
		"few orders":        {0.2, response.PriorLag(), func(*response.Unit, *response.Day) {}},
		"hardly any orders": {0.03, response.PriorLag(), func(*response.Unit, *response.Day) {}},
		"a slow platform":   {0.5, slow, func(*response.Unit, *response.Day) {}},
		"a new unit, of whose days one has arrived": {100, late, func(u *response.Unit, _ *response.Day) { u.Days = u.Days[83:] }},
		"a good day": {6, response.PriorLag(), func(_ *response.Unit, d *response.Day) { d.Value, d.Conversions = 2.5*d.Value, 2.5*d.Conversions }},
		"a day of far more money": {6, response.PriorLag(), func(_ *response.Unit, d *response.Day) {
			d.Spend, d.Value, d.Conversions = 20*d.Spend, 20*d.Value, 20*d.Conversions
		}},
		"money for one day in ten": {6, response.PriorLag(), func(u *response.Unit, _ *response.Day) {
			for k := range u.Days {
				if k%10 > 0 {
					u.Days[k].Spend, u.Days[k].Value, u.Days[k].Conversions = u.Days[k].Spend/15, u.Days[k].Value/15, u.Days[k].Conversions/15
				}
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(77)
			w.perDay, w.lag = c.perDay, c.lag
			in := response.Input{Today: today, Lags: map[string]response.Lag{"google": c.lag}}
			for i := range 300 {
				u := w.unit(fmt.Sprint(i), 0.6)
				c.change(&u, &u.Days[60])
				in.Units = append(in.Units, u)
			}
			for _, c := range response.Fit(in).Curves {
				if strings.Contains(c.Note, "looks like an error") || c.Refused != "" {
					t.Errorf("%s: %s", c.Unit, c.Note)
				}
			}
		})
	}
}
