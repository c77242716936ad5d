package bidding

import (
	"fmt"
	"maps"
	"slices"

	"adsteward/bidding/response"
	"adsteward/internal/civil"
)

// shift is a change of what a unit brings for the same money that lasted for days:
// an alert while it stood, or a lasting change that the curves found.
type shift struct {
	since  civil.Date // most likely first day
	to     civil.Date // last day known of it
	chance float64    // days; see Alert.ChanceDays
	words  string     // what happened, after "after"
}

const (
	// ownDays is how near to a change, before or after it, a shift begins that may be
	// its doing. Where alerts and curves date one, they are seldom off by more.
	ownDays = 3
	// unknownDays before a change a shift began of which the curve of that night did
	// not know yet: it takes ten days of the new level, reported in full.
	unknownDays = 14
)

// lasting is the last day of a shift that goes on.
const lasting = civil.Date(1<<31 - 1)

// fallsOf are the figures whose alerts say that a unit brings less for the same money.
var fallsOf = map[string]string{"conversion_rate": "its conversion rate fell", "cac": "its cost of a conversion rose", "roas": "its return on spend fell"}

// shiftsOf gathers the shifts of every unit, by Key.String(). alerts are those of each
// night, by its date: of one fall the date of the surest counts, the newest of alike
// ones, and it is over once a night no longer warns of it. A lasting change that
// begins within a week of an alert is the same fall.
func shiftsOf(changes []response.Change, alerts map[civil.Date][]Alert) map[string][]shift {
	out := map[string][]shift{}
	for _, night := range slices.Sorted(maps.Keys(alerts)) {
		surest := map[string]shift{}
		for _, a := range alerts[night] {
			k := a.Key.String()
			if words := fallsOf[a.Figure]; words != "" && !a.Since.IsZero() && a.ChanceDays > surest[k].chance {
				surest[k] = shift{a.Since, night - 1, a.ChanceDays, words}
			}
		}
		for k, s := range surest {
			known := out[k]
			if n := len(known); n == 0 || s.since > known[n-1].to+1 {
				out[k] = append(known, s)
			} else if s.chance >= known[n-1].chance {
				known[n-1] = s
			} else {
				known[n-1].to = s.to
			}
		}
	}
	for _, c := range changes {
		words, falls := "what it brings for the same money rose", c.Ratio < 1
		if falls {
			words = "what it brings for the same money fell"
		}
		if i := slices.IndexFunc(out[c.Unit], func(s shift) bool { return falls && s.since-7 <= c.Since && c.Since <= s.since+7 }); i >= 0 {
			out[c.Unit][i].to = lasting
		} else {
			out[c.Unit] = append(out[c.Unit], shift{since: c.Since, to: lasting, words: words})
		}
	}
	return out
}

// shifted says what else happened to a unit that explains one of its days better than
// a change that holds from a date on; empty where nothing did. What begins with the
// change may be its doing, and what is long past is in the curve.
func (m *Meter) shifted(u *UnitReport, from, d civil.Date) string {
	of := m.shifts[u.Key.String()]
	if u.Within != nil { // the budget as a whole is watched
		of = slices.Concat(of, m.shifts[u.Within.String()])
	}
	for _, s := range of {
		after := s.since.Sub(from)
		apart := after > ownDays || after < -ownDays && after > -unknownDays
		if apart && s.since <= d && d <= s.to {
			return fmt.Sprintf("after %s (about %s)", s.words, s.since)
		}
	}
	return ""
}
