package feeds

import (
	"strings"
	"time"
)

// moments are the forms of ISO 8601 the platforms take, those with a zone
// before those without.
var moments = []string{
	"2006-01-02T15:04Z07:00", "2006-01-02T15:04-0700", "2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05-0700",
	"2006-01-02T15:04:05.000Z07:00", "2006-01-02T15:04-07", "2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02",
	"2006-01-02 15:04:05", "2006-01-02 15:04",
}

const zoned = 6 // of moments

// readMoment reads a date and time; hasZone is false where it names none, and
// the time is then UTC.
func readMoment(s string) (t time.Time, hasZone, ok bool) {
	if s == "" {
		return time.Time{}, false, false // as most are: to try the forms takes long
	}
	for i, form := range moments {
		if t, err := time.Parse(form, s); err == nil {
			return t, i < zoned, true
		}
	}
	return time.Time{}, false, false
}

// interval is a time from start to end.
type interval struct {
	start, end time.Time
	hasZones   bool
}

// readInterval reads "start/end".
func readInterval(s string) (interval, bool) {
	from, to, found := strings.Cut(s, "/")
	start, zone1, ok1 := readMoment(strings.TrimSpace(from))
	end, zone2, ok2 := readMoment(strings.TrimSpace(to))
	return interval{start, end, zone1 && zone2}, found && ok1 && ok2
}

// validity is between which instants a verdict stays what it is. Its bounds are
// whole seconds since 1970, narrowed where they fall between two; 0 is none.
type validity struct {
	after, until int64
}

func (v validity) holds(now time.Time) bool {
	return (v.after == 0 || now.After(time.Unix(v.after, 0))) && (v.until == 0 || !now.After(time.Unix(v.until, 0)))
}

// past tells whether now is later than t, and notes from when or until when
// that is so. It is the only way rules look at the clock, for verdicts to be
// kept no longer than they hold. Without a now nothing is past.
func (k *checker) past(r *record, t time.Time) bool {
	if k.now.IsZero() {
		return false
	}
	second, v := t.Unix(), &r.valid
	if !k.now.After(t) {
		if second == 0 {
			second = -1 // 0 stands for none
		}
		if v.until == 0 || second < v.until {
			v.until = second
		}
		return false
	}
	if t.Nanosecond() > 0 || second == 0 {
		second++
	}
	if second == 0 {
		second++
	}
	if v.after == 0 || second > v.after {
		v.after = second
	}
	return true
}
