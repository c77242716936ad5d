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
