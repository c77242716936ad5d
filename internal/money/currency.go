package money

import (
	"fmt"
	"strings"
)

// decimals lists the ISO 4217 currencies whose minor unit is not a hundredth.
var decimals = map[string]int{
	"BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0,
	"PYG": 0, "RWF": 0, "UGX": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
	"BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
}

// Decimals returns the number of decimals the currency is written with.
func Decimals(currency string) int {
	if n, ok := decimals[currency]; ok {
		return n
	}
	return 2
}

// MinorUnit returns the smallest coin of the currency in micros: a cent for
// EUR, one yen for JPY, a fils for KWD.
func MinorUnit(currency string) Micros {
	u := One
	for range Decimals(currency) {
		u /= 10
	}
	return u
}

// Format writes an amount for people: "EUR 1,234.50", "JPY 1,200".
func Format(m Micros, currency string) string {
	return strings.TrimSpace(currency + " " + Plain(m, currency))
}

// Plain is Format without the currency.
func Plain(m Micros, currency string) string {
	n := Decimals(currency)
	m = m.RoundTo(MinorUnit(currency))
	sign, u := "", uint64(m)
	if m < 0 {
		sign, u = "-", uint64(-m)
	}
	whole := fmt.Sprint(u / 1e6)
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if n == 0 {
		return sign + whole
	}
	return sign + whole + "." + fmt.Sprintf("%06d", u%1e6)[:n]
}

// ValidCode reports whether s looks like an ISO 4217 code: three upper-case
// letters.
func ValidCode(s string) bool {
	if len(s) != 3 {
		return false
	}
	for _, c := range s {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return true
}
