package feeds

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The checks that rules of several attributes share.

func missing(_ *checker, _ *record, c *cell) string {
	if c.value == "" {
		return "the attribute is missing or empty"
	}
	return ""
}

func longer(limit int) checkFunc {
	return func(_ *checker, _ *record, c *cell) string {
		if n, over := longerThan(c.value, limit); over {
			return fmt.Sprintf("has %d characters; the limit is %d", n, limit)
		}
		return ""
	}
}

// more limits how many values the attribute has; it looks at the first.
func more(limit int) checkFunc {
	return func(_ *checker, r *record, c *cell) string {
		if n := r.count(c.name); n > limit {
			return fmt.Sprintf("has %d values; the limit is %d", n, limit)
		}
		return ""
	}
}

const unknownValue = "this is no value the platform knows"

// oneOf takes the values in any case.
func oneOf(values ...string) checkFunc {
	return func(_ *checker, _ *record, c *cell) string {
		if slices.Contains(values, c.value) || slices.ContainsFunc(values, func(v string) bool { return strings.EqualFold(v, c.value) }) {
			return ""
		}
		return unknownValue
	}
}

var yesNo = oneOf("yes", "no", "true", "false")

func isNo(s string) bool { return strings.EqualFold(s, "no") || strings.EqualFold(s, "false") }

// whole takes integers from low to high.
func whole(low, high int64) checkFunc {
	return func(_ *checker, _ *record, c *cell) string {
		n, err := strconv.ParseInt(c.value, 10, 64)
		if err != nil {
			return "this is not a whole number"
		}
		if n < low || n > high {
			return fmt.Sprintf("the number lies outside %d to %d", low, high)
		}
		return ""
	}
}

// amount takes a price.
func amount(_ *checker, _ *record, c *cell) string {
	p := readPrice(c.value)
	return p.problem
}

// sameCurrency compares with the currency of the price.
func sameCurrency(_ *checker, r *record, c *cell) string {
	p := readPrice(c.value)
	if p.ok && r.price.ok && p.Currency != r.price.Currency {
		return "the amount is in " + p.Currency + " and the price in " + r.price.Currency
	}
	return ""
}

func countryCode(_ *checker, _ *record, c *cell) string {
	switch {
	case isCountry(c.value):
		return ""
	case strings.EqualFold(c.value, "UK"):
		return "the United Kingdom is written GB"
	}
	return "this is no country code of ISO 3166-1"
}

// measured is a number with a unit.
type measured struct {
	number float64
	unit   string
	ok     bool
}

func readMeasure(s string) measured {
	n := 0
	for n < len(s) && (s[n] >= '0' && s[n] <= '9' || s[n] == '.') {
		n++
	}
	v, err := strconv.ParseFloat(s[:n], 64)
	return measured{v, strings.ToLower(strings.TrimSpace(s[n:])), err == nil}
}

// unit is what a measure may be given in, and how much of it.
type unit struct {
	name      string
	low, high float64
}

func measure(units ...unit) checkFunc {
	return func(_ *checker, _ *record, c *cell) string {
		m := readMeasure(c.value)
		if !m.ok {
			return "this is not a number with a unit"
		}
		for _, u := range units {
			if u.name != m.unit {
				continue
			}
			if m.number < u.low || m.number > u.high {
				return fmt.Sprintf("the number lies outside %g to %g %s", u.low, u.high, u.name)
			}
			return ""
		}
		return "this is not a unit the platform knows"
	}
}

// together wants the attributes all or not at all, in one unit.
func together(names ...attrID) checkFunc {
	return func(_ *checker, r *record, _ *cell) string {
		there, first := 0, ""
		for _, n := range names {
			v := r.get(n)
			if v == "" {
				continue
			}
			there++
			u := readMeasure(v).unit
			if first == "" {
				first = u
			}
			if u != first {
				return "length, width and height are not in one unit"
			}
		}
		if there != 0 && there != len(names) {
			return "one of length, width and height is missing"
		}
		return ""
	}
}

func moment(_ *checker, _ *record, c *cell) string {
	if _, _, ok := readMoment(c.value); !ok {
		return "this is no date and time of ISO 8601"
	}
	return ""
}

func markup(_ *checker, r *record, c *cell) string {
	if c.traits&hasMarkup == 0 || len(r.broken) > 0 { // then the entity is what is broken
		return ""
	}
	if hasTag(c.value) {
		return "holds HTML tags"
	}
	if hasEntity(c.value) {
		return "holds HTML entities"
	}
	return ""
}

func shouting(_ *checker, _ *record, c *cell) string {
	if isShouting(c.value, c.traits) {
		return "is all in capitals"
	}
	return ""
}

func promotional(_ *checker, _ *record, c *cell) string {
	if p := promotionIn(c.value, c.traits); p != "" {
		return fmt.Sprintf("holds an offer (%q)", p)
	}
	return ""
}

func gimmick(_ *checker, _ *record, c *cell) string {
	if g := gimmickIn(c.value, c.traits); g != "" {
		return fmt.Sprintf("holds decoration (%q)", g)
	}
	return ""
}

func control(_ *checker, _ *record, c *cell) string {
	if r, bad := controlIn(c.value, c.traits); bad {
		return fmt.Sprintf("holds the character %U, which is no text", r)
	}
	return ""
}

// filler finds what is written where there is nothing to write.
func filler(values ...string) checkFunc {
	return func(_ *checker, _ *record, c *cell) string {
		if slices.ContainsFunc(values, func(v string) bool { return len(v) == len(c.value) && strings.EqualFold(v, c.value) }) {
			return "the value says nothing"
		}
		return ""
	}
}

// parts limits what is listed in one value.
func parts(sep string, limit, length int) checkFunc {
	return func(_ *checker, _ *record, c *cell) string {
		if !strings.Contains(c.value, sep) && len(c.value) <= length {
			return ""
		}
		all := strings.Split(c.value, sep)
		if len(all) > limit {
			return fmt.Sprintf("names %d; the limit is %d", len(all), limit)
		}
		for _, p := range all {
			if n := utf8.RuneCountInString(strings.TrimSpace(p)); n > length {
				return fmt.Sprintf("one of the names has %d characters; the limit is %d", n, length)
			}
		}
		return ""
	}
}

// asciiOnly finds white space and letters beyond ASCII.
func asciiOnly(_ *checker, _ *record, c *cell) string {
	if c.traits&hasHigh != 0 {
		return "holds characters beyond ASCII"
	}
	return ""
}

// needs wants another part in the group of a sub-attribute.
func needs(part attrID) checkFunc {
	return func(_ *checker, r *record, c *cell) string {
		if c.group != 0 && r.inGroup(part, c.group) == "" {
			return "the group has no " + nameOf(part)
		}
		return ""
	}
}
