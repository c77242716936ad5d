package civil

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestDatesRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := Date(rapid.Int32Range(-700_000, 2_900_000).Draw(t, "day"))
		if y := d.Time().Year(); y < 1 || y > 9999 { // beyond what YYYY can write
			return
		}
		if got, err := Parse(d.String()); err != nil || got != d {
			t.Fatalf("%d is %s and read %d, %v", d, d, got, err)
		}
		var back Date
		v, err := d.Value()
		if err != nil || back.Scan(v) != nil || back != d {
			t.Fatalf("%s is stored as %v and read %s", d, v, back)
		}
		if n := rapid.IntRange(-1000, 1000).Draw(t, "n"); d.AddDays(n).Sub(d) != n {
			t.Fatalf("%s and %d days", d, n)
		}
	})
}

func TestOfIsInTheZoneOfTheTime(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 10, 23, 30, 0, 0, time.UTC)
	if got := Of(at); got != MustParse("2026-03-10") {
		t.Errorf("in UTC it is %s", got)
	}
	if got := Of(at.In(time.FixedZone("east", 3600))); got != MustParse("2026-03-11") {
		t.Errorf("an hour east it is %s", got)
	}
	if wd := MustParse("2026-03-10").Weekday(); wd != time.Tuesday {
		t.Errorf("2026-03-10 is a %s", wd)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "2026-02-30", "2026-3-1", "01.03.2026", "2026-03-01T00:00:00Z"} {
		if d, err := Parse(s); err == nil {
			t.Errorf("Parse(%q) = %s", s, d)
		}
	}
}
