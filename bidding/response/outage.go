package response

import (
	"maps"
	"slices"
	"strings"

	"adsteward/internal/civil"
)

// A day counts as a tracking outage where at least half of the usual money was
// spent, at least outageLeast conversions should have been reported by now, and
// at most outageShare of them were. With 8 expected conversions a platform gets
// none by chance once in 3,000 days; a single unit, of which there may be
// thousands, must have lost 25.
//
// Where conversions are few, days in a row count together: a small shop's
// tracking is down when a week brings none of the ten that were due. Such a run
// lasts longestOutage days at most, for what stays away longer is no outage but a
// lasting change.
const (
	outagePlatform = 8
	outageRun      = 10 // of a platform's days in a row, of which there are many
	outageUnit     = 25
	outageShare    = 0.1
	longestOutage  = 14
)

// tally is what one day of a platform or unit should have and did report.
type tally struct {
	spend, expected, reported float64
}

func (t tally) quiet(usual float64) bool {
	return t.spend >= usual/2 && t.expected > 0 && t.reported <= outageShare*t.expected
}

// outageDays are the days that are out by themselves (least conversions) or in a
// run (leastRun).
func outageDays(days map[civil.Date]tally, least, leastRun float64) []civil.Date {
	usual := usualSpend(days)
	var out, run []civil.Date
	var lost float64
	end := func() {
		for _, d := range run {
			if days[d].expected >= least || lost >= leastRun && len(run) <= longestOutage {
				out = append(out, d)
			}
		}
		run, lost = run[:0], 0
	}
	for _, d := range slices.Sorted(maps.Keys(days)) {
		if len(run) > 0 && d != run[len(run)-1]+1 || !days[d].quiet(usual) {
			end()
		}
		if days[d].quiet(usual) {
			run = append(run, d)
			lost += days[d].expected
		}
	}
	end()
	return out
}

// findOutages finds the days on which tracking was down, for whole platforms
// and for single units. A unit's expected conversions are its own median
// conversions per spend, lag-corrected, times the day's spend, times the share
// that has been reported by now.
func findOutages(in Input) []Outage {
	platforms := map[string]map[civil.Date]tally{}
	var out []Outage
	for _, u := range in.Units {
		days := unitTallies(u, in)
		if platforms[u.Platform] == nil {
			platforms[u.Platform] = map[civil.Date]tally{}
		}
		for d, t := range days {
			sum := platforms[u.Platform][d]
			platforms[u.Platform][d] = tally{sum.spend + t.spend, sum.expected + t.expected, sum.reported + t.reported}
		}
		for _, d := range outageDays(days, outageUnit, outageUnit) {
			out = append(out, Outage{u.Platform, u.ID, d, days[d].expected, days[d].reported})
		}
	}
	whole := map[string]map[civil.Date]bool{}
	for p, days := range platforms {
		whole[p] = map[civil.Date]bool{}
		for _, d := range outageDays(days, outagePlatform, outageRun) {
			whole[p][d] = true
			out = append(out, Outage{Platform: p, Date: d, Expected: days[d].expected, Reported: days[d].reported})
		}
	}
	// Where the whole platform was out its units need not be named one by one.
	out = slices.DeleteFunc(out, func(o Outage) bool { return o.Unit != "" && whole[o.Platform][o.Date] })
	slices.SortFunc(out, func(a, b Outage) int {
		if a.Date != b.Date {
			return int(a.Date - b.Date)
		}
		if c := strings.Compare(a.Platform, b.Platform); c != 0 {
			return c
		}
		return strings.Compare(a.Unit, b.Unit)
	})
	return out
}

// unitTallies is what a unit should and did report, by day.
func unitTallies(u Unit, in Input) map[civil.Date]tally {
	lag := in.lag(u.Platform)
	days := make(map[civil.Date]tally, len(u.Days))
	var spend, conversions float64
	for _, d := range u.Days {
		if d.Spend > 0 && d.Date < in.Today {
			spend += d.Spend * lag.At(in.Today.Sub(d.Date))
			conversions += d.Conversions
		}
	}
	for _, d := range u.Days {
		if d.Spend > 0 && d.Date < in.Today {
			expected := conversions / spend * d.Spend * lag.At(in.Today.Sub(d.Date))
			days[d.Date] = tally{d.Spend, expected, d.Conversions}
		}
	}
	return days
}

func usualSpend(days map[civil.Date]tally) float64 {
	var s []float64
	for _, t := range days {
		s = append(s, t.spend)
	}
	return median(s)
}

func median(xs []float64) float64 {
	if len(xs) == 0 {
		return 0
	}
	slices.Sort(xs)
	if n := len(xs); n%2 == 0 {
		return (xs[n/2-1] + xs[n/2]) / 2
	}
	return xs[len(xs)/2]
}
