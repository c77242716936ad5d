// Package money holds amounts as int64 micros (millionths of the currency's
// unit) and knows how currencies are written: JPY with no decimals, KWD with
// three. Amounts become floats inside models only.
package money

import (
	"fmt"
	"math"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// Micros is an amount in millionths of a currency unit, or a ratio (a target
// ROAS, say) in millionths of one.
type Micros int64

// One is one unit of a currency, or the ratio 1.
const One Micros = 1_000_000

// FromFloat rounds f units to the nearest micro. It returns an error for NaN,
// infinities and amounts beyond the range of Micros.
func FromFloat(f float64) (Micros, error) {
	if math.IsNaN(f) || math.Abs(f) > 9e12 {
		return 0, fmt.Errorf("%v is not an amount of money", f)
	}
	return Micros(math.Round(f * float64(One))), nil
}

// Parse reads a decimal number such as "12.50" or "-3"; at most six decimals
// count, more are an error unless zero.
func Parse(s string) (Micros, error) {
	d, _, err := apd.NewFromString(strings.TrimSpace(s))
	if err != nil || d.Form != apd.Finite {
		return 0, fmt.Errorf("%q is not an amount; write it as 12.50", s)
	}
	ctx := apd.BaseContext.WithPrecision(40)
	cond, err := ctx.Quantize(d, d, -6)
	if err != nil || cond.Inexact() {
		return 0, fmt.Errorf("%q has more than six decimals or is too large", s)
	}
	n, ok := d.Coeff.Int64(), d.Coeff.IsInt64()
	if !ok {
		return 0, fmt.Errorf("%q is too large", s)
	}
	if d.Negative {
		n = -n
	}
	return Micros(n), nil
}

// Float returns the amount in units.
func (m Micros) Float() float64 { return float64(m) / float64(One) }

// RoundTo rounds to the nearest multiple of unit (a platform's smallest
// billable unit), half away from zero; unit <= 0 leaves m as it is.
func (m Micros) RoundTo(unit Micros) Micros {
	if unit <= 1 {
		return m
	}
	half := unit / 2
	if m < 0 {
		half = -half
	}
	return (m + half) / unit * unit
}

// Decimal writes the amount with exactly the decimals it has, at most six and
// no trailing zeros: 12.5, 3, -0.000001. It is the form used in JSON and CSV.
func (m Micros) Decimal() string {
	sign, u := "", uint64(m)
	if m < 0 {
		sign, u = "-", uint64(-m)
	}
	s := fmt.Sprintf("%s%d.%06d", sign, u/1e6, u%1e6)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// MarshalJSON writes a plain decimal number in units.
func (m Micros) MarshalJSON() ([]byte, error) { return []byte(m.Decimal()), nil }

// UnmarshalJSON reads a plain decimal number in units.
func (m *Micros) UnmarshalJSON(b []byte) error {
	var err error
	*m, err = Parse(string(b))
	return err
}
