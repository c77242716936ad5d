// Package civil holds the calendar date in which performance, runs and orders
// are counted: a day without a clock or a zone. Which zone a date belongs to
// (an ad account's, as a rule) is said by whoever holds it.
package civil

import (
	"database/sql/driver"
	"fmt"
	"time"
)

// Date is a day, counted from 1970-01-01 as day 0. The zero value is that day;
// use IsZero to tell "no date" where a field is optional.
type Date int32

// Of returns the date of t in t's own zone.
func Of(t time.Time) Date {
	y, m, d := t.Date()
	return On(y, m, d)
}

// On returns the date of a year, month and day, normalised as time.Date does.
func On(year int, month time.Month, day int) Date {
	return Date(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// Parse reads YYYY-MM-DD.
func Parse(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a date of the form YYYY-MM-DD", s)
	}
	return Of(t), nil
}

// MustParse is Parse for constants in tests and scenarios; it panics on error.
func MustParse(s string) Date {
	d, err := Parse(s)
	if err != nil {
		panic(err)
	}
	return d
}

// IsZero reports whether the date was never set.
func (d Date) IsZero() bool { return d == 0 }

// Time is midnight UTC at the start of the day.
func (d Date) Time() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// In is midnight at the start of the day in loc.
func (d Date) In(loc *time.Location) time.Time {
	y, m, day := d.Time().Date()
	return time.Date(y, m, day, 0, 0, 0, 0, loc)
}

// AddDays returns the date n days later, or earlier for n < 0.
func (d Date) AddDays(n int) Date { return d + Date(n) }

// Sub returns the days from e to d.
func (d Date) Sub(e Date) int { return int(d - e) }

// Weekday returns the day of the week.
func (d Date) Weekday() time.Weekday { return d.Time().Weekday() }

func (d Date) String() string { return d.Time().Format(time.DateOnly) }

// MarshalText writes YYYY-MM-DD.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads YYYY-MM-DD.
func (d *Date) UnmarshalText(b []byte) error {
	var err error
	*d, err = Parse(string(b))
	return err
}

// Value stores the date as TEXT, YYYY-MM-DD, which sorts as the dates do.
func (d Date) Value() (driver.Value, error) { return d.String(), nil }

// Scan reads what Value stored.
func (d *Date) Scan(src any) error {
	switch v := src.(type) {
	case string:
		return d.UnmarshalText([]byte(v))
	case []byte:
		return d.UnmarshalText(v)
	case time.Time:
		*d = Of(v)
		return nil
	}
	return fmt.Errorf("cannot read a date from %T", src)
}
