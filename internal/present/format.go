// Package present puts stored rows into words and numbers for people and
// programs: how money, changes, ratios and intervals are written, what fields,
// platforms and states are called, and the JSON shapes that the command line
// and the HTTP API share. It decides nothing, reads no database and knows no
// HTML.
package present

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// None is written where there is no number to show.
const None = "–"

const minus = "−" // U+2212: as wide as a digit, and never broken from it

// FieldName is what people call a field.
func FieldName(field string) string {
	switch platform.Field(field) {
	case platform.DailyBudget:
		return "Daily budget"
	case platform.TargetROAS:
		return "Target ROAS"
	case platform.CPCBid:
		return "CPC bid"
	case platform.BidAmount:
		return "Bid cap"
	case platform.ROASFloor:
		return "ROAS floor"
	case platform.ValueMultiplier:
		return "Value multiplier"
	case platform.NewCustomerValue:
		return "New-customer value"
	case platform.Excluded:
		return "Item in ads"
	}
	return Words(field)
}

// PlatformName is what people call a platform.
func PlatformName(name string) string {
	switch platform.Name(name) {
	case platform.Google:
		return "Google Ads"
	case platform.Meta:
		return "Meta"
	}
	return Words(name)
}

// CatalogName is what people call the platform's catalog of products.
func CatalogName(name string) string {
	switch platform.Name(name) {
	case platform.Google:
		return "Google Merchant Center"
	case platform.Meta:
		return "Meta catalog"
	}
	return Words(name)
}

// EntityTypeName is what people call a kind of entity.
func EntityTypeName(t string) string { return Words(t) }

// Words turns an identifier such as ad_set into "Ad set".
func Words(s string) string {
	s = Phrase(s)
	first, size := utf8.DecodeRuneInString(s)
	if size == 0 || first == utf8.RuneError {
		return s
	}
	return string(unicode.ToUpper(first)) + s[size:]
}

// Phrase is Words as it stands within a sentence: "cool down", "LTV:CAC".
func Phrase(s string) string {
	if s == "ltv_cac" { // a ratio
		return "LTV:CAC"
	}
	words := strings.Split(s, "_")
	for i, w := range words {
		switch w {
		case "cac", "ltv", "roas", "cpc", "cpm", "ctr":
			words[i] = strings.ToUpper(w)
		}
	}
	return strings.Join(words, " ")
}

// Unit is the unit a field's value is stated in: EUR/day, EUR/click,
// EUR/result, EUR/order, ratio, or switch (0 or 1).
func Unit(field, currency string) string {
	switch f := platform.Field(field); {
	case f.IsRatio():
		return "ratio"
	case f == platform.DailyBudget:
		return currency + "/day"
	case f == platform.CPCBid:
		return currency + "/click"
	case f == platform.BidAmount:
		return currency + "/result"
	case f == platform.NewCustomerValue:
		return currency + "/order"
	case f == platform.Excluded:
		return "switch"
	}
	return currency
}

// Number writes a field's value without its unit: 1,234.50 for money, 3.50 for
// a ratio, words for a switch.
func Number(field string, v money.Micros, currency string) string {
	switch f := platform.Field(field); {
	case f.IsRatio():
		return Ratio(v.Float())
	case f == platform.Excluded && v > 0:
		return "out of ads"
	case f == platform.Excluded:
		return "advertised"
	}
	return strings.Replace(money.Plain(v, currency), "-", minus, 1)
}

// Value is Number with the unit: "1,234.50 EUR/day", "3.50" for a ratio.
func Value(field string, v money.Micros, currency string) string {
	if f := platform.Field(field); f.IsRatio() || f == platform.Excluded {
		return Number(field, v, currency)
	}
	return Number(field, v, currency) + " " + Unit(field, currency)
}

// Ratio writes a ratio with two decimals.
func Ratio(f float64) string { return decimals(f, 2) }

// Whole writes a number without decimals.
func Whole(f float64) string { return decimals(f, 0) }

// Percent writes a share of one as a percentage: 0.34 is 34 %.
func Percent(share float64) string { return decimals(100*share, 0) + " %" }

// SignedPercent is Percent with its sign: "+62 %", "−30 %".
func SignedPercent(share float64) string { return signed(100*share, 0) + " %" }

// ChangePct is the change from seen to proposed in percent of seen, rounded to
// a millionth; ok is false where seen is zero.
func ChangePct(seen, proposed money.Micros) (pct float64, ok bool) {
	if seen == 0 {
		return 0, false
	}
	pct = 100 * float64(proposed-seen) / math.Abs(float64(seen))
	return math.Round(pct*1e6) / 1e6, true
}

// Change writes the change of a field from seen to proposed: "+15.0 %", "−7.5 %";
// "new" where there was nothing before, nothing for a switch.
func Change(field string, seen, proposed money.Micros) string {
	pct, ok := ChangePct(seen, proposed)
	switch {
	case platform.Field(field) == platform.Excluded:
		return None
	case !ok && proposed == 0:
		return None
	case !ok:
		return "new"
	}
	return signed(pct, 1) + " %"
}

// Amount writes a model's amount of money with the currency's decimals; from a
// thousand of a decimal currency on, without them.
func Amount(f float64, currency string) string { return decimals(f, amountDecimals(f, currency)) }

// Signed is Amount with its sign: "+12.40", "−3.00".
func Signed(f float64, currency string) string { return signed(f, amountDecimals(f, currency)) }

// Interval writes the bounds of an interval, signed: "+3.10 to +21.70".
func Interval(low, high float64, currency string) string {
	n := min(amountDecimals(low, currency), amountDecimals(high, currency))
	return signed(low, n) + " to " + signed(high, n)
}

func amountDecimals(f float64, currency string) int {
	n := money.Decimals(currency)
	if n > 0 && math.Abs(f) >= 10_000 {
		return 0
	}
	return n
}

func signed(f float64, n int) string {
	s := decimals(f, n)
	if strings.HasPrefix(s, minus) || strings.Trim(s, "0.,") == "" || s == None {
		return s
	}
	return "+" + s
}

// decimals writes f with n decimals and thousands separators.
func decimals(f float64, n int) string {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return None
	}
	s := strconv.FormatFloat(math.Abs(f), 'f', n, 64)
	whole, frac, _ := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if n > 0 {
		whole += "." + frac
	}
	if f < 0 && strings.Trim(s, "0.") != "" {
		whole = minus + whole
	}
	return whole
}

// Plural writes so many things whose plural is made with an s.
func Plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// Count writes a number of things that may be fractional, such as conversions:
// 1,234 or 3.5.
func Count(f float64) string {
	if math.Abs(f) >= 100 || f == math.Trunc(f) {
		return decimals(f, 0)
	}
	return decimals(f, 1)
}

// Duration writes how long something took or is ago: 850 ms, 12 s, 4 min, 3 h,
// 2 days.
func Duration(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
