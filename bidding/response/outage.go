package response

import (
	"slices"
	"strings"

	"adsteward/internal/civil"
)

// A day counts as a tracking outage where at least half of the usual money was
// spent, at least outageLeast conversions should have been reported by now, and
// at most outageShare of them were. With 8 expected conversions a platform gets
// none by chance once in 3,000 days; a single unit, of which there may be
// thousands, must have lost 25.
const (
	outagePlatform = 8
	outageUnit     = 25
	outageShare    = 0.1
)

// tally is what one day of a platform or unit should have and did report.
type tally struct {
	spend, expected, reported float64
}

func (t tally) out(usual, least float64) bool {
	return t.spend >= usual/2 && t.expected >= least && t.reported <= outageShare*t.expected
}

// FindOutages finds the days on which tracking was down, for whole platforms
// and for single units. A unit's expected conversions are its own median
// conversions per spend, lag-corrected, times the day's spend, times the share
// that has been reported by now.
func FindOutages(in Input) []Outage {
	platforms := map[string]map[civil.Date]tally{}
	var out []Outage
	for _, u := range in.Units {
		days := unitTallies(u, in)
		if platforms[u.Platform] == nil {
			platforms[u.Platform] = map[civil.Date]tally{}
		}
		usual := usualSpend(days)
		for d, t := range days {
			sum := platforms[u.Platform][d]
			platforms[u.Platform][d] = tally{sum.spend + t.spend, sum.expected + t.expected, sum.reported + t.reported}
			if t.out(usual, outageUnit) {
				out = append(out, Outage{u.Platform, u.ID, d, t.expected, t.reported})
			}
		}
	}
	whole := map[string]map[civil.Date]bool{}
	for p, days := range platforms {
		usual := usualSpend(days)
		whole[p] = map[civil.Date]bool{}
		for d, t := range days {
			if t.out(usual, outagePlatform) {
				whole[p][d] = true
				out = append(out, Outage{Platform: p, Date: d, Expected: t.expected, Reported: t.reported})
			}
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
