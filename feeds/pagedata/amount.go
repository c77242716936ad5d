package pagedata

import (
	"strings"

	"adsteward/internal/money"
)

// readAmount reads a price as pages write it. schema.org wants 1299.90; shops
// write 1.299,90 and "€ 1,299.90" too. Of two kinds of separators the last is
// the decimal one; a single point is decimal, as schema.org has it, and so is a
// single comma unless three digits follow.
func readAmount(s string) (money.Micros, bool) {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9' || r == '.' || r == ',' || r == '-':
			return r
		case r == '\'' || r == '’' || r == ' ' || r == '\u00a0' || r == '\u202f':
			return -1
		}
		return '?' // a currency's letters or sign
	}, s)
	if strings.HasPrefix(s, ".") {
		s = "0" + s
	}
	s = strings.TrimRight(strings.TrimLeft(s, "?.,"), "?.,-") // "Fr. 49,-" is 49
	if s == "" || len(s) > maxAmount || strings.ContainsAny(s, "?-") {
		return 0, false
	}
	point, comma := strings.LastIndexByte(s, '.'), strings.LastIndexByte(s, ',')
	decimal := -1
	switch {
	case point >= 0 && comma >= 0:
		decimal = max(point, comma)
	case point >= 0 && strings.Count(s, ".") == 1:
		decimal = point
	case comma >= 0 && strings.Count(s, ",") == 1 && len(s)-comma != 4:
		decimal = comma
	}
	plain := func(part string) string { return strings.NewReplacer(".", "", ",", "").Replace(part) }
	whole, part := s, ""
	if decimal >= 0 {
		whole, part = s[:decimal], strings.TrimRight(s[decimal+1:], "0")
	}
	if whole = plain(whole); whole == "" {
		whole = "0"
	}
	up := len(part) > 6 && part[6] >= '5' // 49.989999999999995 is what some shops make of 49.99
	if part != "" {
		whole += "." + part[:min(len(part), 6)]
	}
	m, err := money.Parse(whole)
	if up {
		m++
	}
	return m, err == nil && m >= 0
}

// maxAmount is how long a price may be, in bytes.
const maxAmount = 40
