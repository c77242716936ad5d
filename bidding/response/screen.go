package response

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"adsteward/internal/civil"
)

const (
	// mostFigure is the largest figure that is taken for a number: sums of such
	// figures stay exact enough, and no account spends that much in a day.
	mostFigure = 1e15
	// oddDay is how many times what any other day brought makes a day an error: a
	// wrong decimal point, or an import counted twice. Orders whose sizes vary by a half do
	// not get there by chance, and a day that did would tell nothing of other days.
	oddDay = 5
	// oddLeast is how many other days must have brought something to say so.
	oddLeast = 5
)

// screened is an input without what would spoil the curves of others.
type screened struct {
	Input
	refused []string       // by unit of the original input, why it has no curve; empty: it stays
	odd     [][]civil.Date // by unit that stays, days left out for being odd
}

// screen takes out whole units of which some figure is no number, days on which a
// figure is negative, and odd days. What one unit reports so badly would otherwise
// reach the others through the pools, the weekdays and the outages.
func screen(in Input) screened {
	s := screened{Input: in, refused: make([]string, len(in.Units))}
	s.Units = make([]Unit, 0, len(in.Units))
	for i, u := range in.Units {
		if s.refused[i] = refusal(u, in.Today); s.refused[i] != "" {
			continue
		}
		odd := oddDays(u, in)
		u.Days = without(u.Days, odd)
		s.Units, s.odd = append(s.Units, u), append(s.odd, odd)
	}
	return s
}

// number says whether a figure is one; NaN is not.
func number(x float64) bool { return math.Abs(x) <= mostFigure }

// refusal says which figure of a unit is no number; empty where all are.
func refusal(u Unit, today civil.Date) string {
	if !number(u.Budget) {
		return fmt.Sprintf("its budget is reported as %v, which is no number", u.Budget)
	}
	for _, d := range u.Days {
		if d.Date >= today {
			continue
		}
		for _, f := range []struct {
			name string
			x    float64
		}{{"spend", d.Spend}, {"value", d.Value}, {"number of conversions", d.Conversions}} {
			if !number(f.x) {
				return fmt.Sprintf("its %s of %s is reported as %v, which is no number", f.name, d.Date, f.x)
			}
		}
	}
	return ""
}

// refusedCurve stands for a unit that has none: of its elasticity it says what is
// assumed of any.
func refusedCurve(u Unit, why string, seed uint64) Curve {
	c := Curve{
		Unit: u.ID, Elasticity: priorElasticity, ElasticityMean: priorElasticity, ElasticitySD: priorElasticitySD,
		PoolShare: 1, Clustering: 1, Refused: why, Note: "There is no curve: " + why + ".", Seed: unitSeed(seed, u.ID),
	}
	if number(u.Budget) {
		c.Spend = max(u.Budget, 0)
	}
	c.ElasticityLow = truncatedNormal(c.ElasticityMean, c.ElasticitySD, 0.1)
	c.ElasticityHigh = truncatedNormal(c.ElasticityMean, c.ElasticitySD, 0.9)
	return c
}

// sound says whether a day's figures are possible. Platforms that take orders back
// may report less than nothing; such a day is left out rather than the unit.
func (d Day) sound() bool { return d.Spend >= 0 && d.Value >= 0 && d.Conversions >= 0 }

// without is the sound days that are not odd; the same slice where these are all.
func without(days []Day, odd []civil.Date) []Day {
	bad := func(d Day) bool { return !d.sound() || slices.Contains(odd, d.Date) }
	if !slices.ContainsFunc(days, bad) {
		return days
	}
	return slices.DeleteFunc(slices.Clone(days), bad)
}

// oddDays are the days on which a unit reports far more than on any other day,
// both as such and for the money: what a sale brings, it brings for more money or
// for a few days.
func oddDays(u Unit, in Input) []civil.Date {
	usual, lag := usualDay(u.Days), in.lag(u.Platform)
	var days []Day
	for _, d := range u.Days {
		if d.sound() && d.Date < in.Today && !mostlyOff(d, usual) {
			days = append(days, d)
		}
	}
	var out []civil.Date
	for _, figure := range []func(Day) float64{func(d Day) float64 { return d.Value }, func(d Day) float64 { return d.Conversions }} {
		if d, ok := oddOne(days, figure, func(d Day) float64 { return lag.At(in.Today.Sub(d.Date)) }); ok {
			out = append(out, d)
		}
	}
	return slices.Compact(out)
}

// oddOne is the day that stands out in one figure. It counts as reported and the others
// as they will be, so that a single order of a day of which little has arrived is none.
func oddOne(days []Day, figure, arrived func(Day) float64) (civil.Date, bool) {
	if len(days) == 0 {
		return 0, false
	}
	odd := slices.MaxFunc(days, func(a, b Day) int { return cmp.Compare(figure(a), figure(b)) })
	var brought, perSpend float64
	n := 0
	for _, d := range days {
		if d.Date != odd.Date && figure(d) > 0 {
			x := figure(d) / arrived(d)
			n, brought, perSpend = n+1, max(brought, x), max(perSpend, x/d.Spend)
		}
	}
	x := figure(odd)
	return odd.Date, n >= oddLeast && x > oddDay*brought && x/odd.Spend > oddDay*perSpend
}
