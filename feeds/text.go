package feeds

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// traits say what kinds of bytes a value has, so that most rules about text
// need not look at the text.
type traits uint8

const (
	hasUpper traits = 1 << iota
	hasLower
	hasDigit
	hasHigh // not ASCII
	hasMarkup
	hasControl
	hasSpace
	hasMark // ! and * and the like
)

var byteTraits = func() (t [256]traits) {
	for b := range t {
		switch c := byte(b); {
		case c >= 'A' && c <= 'Z':
			t[b] = hasUpper
		case c >= 'a' && c <= 'z':
			t[b] = hasLower
		case c >= '0' && c <= '9':
			t[b] = hasDigit
		case c >= 0x80:
			t[b] = hasHigh
		case c == '<' || c == '&':
			t[b] = hasMarkup
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			t[b] = hasSpace
		case c < ' ' || c == 0x7f:
			t[b] = hasControl
		case c == '!' || c == '*' || c == '%':
			t[b] = hasMark
		}
	}
	return t
}()

func traitsOf(s string) (t traits) {
	for ; len(s) >= 8; s = s[8:] { // one load of eight bytes instead of eight
		w := word(s)
		t |= byteTraits[w&0xff] | byteTraits[w>>8&0xff] | byteTraits[w>>16&0xff] | byteTraits[w>>24&0xff] |
			byteTraits[w>>32&0xff] | byteTraits[w>>40&0xff] | byteTraits[w>>48&0xff] | byteTraits[w>>56]
	}
	for i := range len(s) {
		t |= byteTraits[s[i]]
	}
	return t
}

// longerThan tells whether s has more than limit characters, and how many.
func longerThan(s string, limit int) (int, bool) {
	if len(s) <= limit {
		return 0, false
	}
	n := utf8.RuneCountInString(s)
	return n, n > limit
}

// controlIn returns a control, private-use or not-a-character rune of s.
func controlIn(s string, t traits) (rune, bool) {
	if t&(hasControl|hasHigh) == 0 {
		return 0, false
	}
	for _, r := range s {
		switch {
		case r < ' ' && r != '\t' && r != '\n' && r != '\r', r >= 0x7f && r < 0xa0, r >= 0xe000 && r <= 0xf8ff, r >= 0xf0000, r&0xfffe == 0xfffe:
			return r, true
		}
	}
	return 0, false
}

// isShouting tells text of some length in capitals only.
func isShouting(s string, t traits) bool {
	if t&hasLower != 0 || t&(hasUpper|hasHigh) == 0 || len(s) < 12 || t&hasSpace == 0 {
		return false
	}
	upper := 0
	for _, r := range s {
		if unicode.IsLower(r) {
			return false
		}
		if unicode.IsUpper(r) {
			upper++
		}
	}
	return upper >= 12
}

// isGarbled finds UTF-8 that was read as a one-byte encoding and written as
// UTF-8 again, and characters a decoder had to give up.
func isGarbled(s string, t traits) bool {
	if t&hasHigh == 0 {
		return false
	}
	var before rune
	for _, r := range s {
		switch {
		case r == utf8.RuneError:
			return true
		// A lead byte of two, C3 or C2, as Windows-1252 shows it, and what a continuation byte may look like.
		case (before == 'Ã' || before == 'Â') && (r >= 0x80 && r <= 0xbf || strings.ContainsRune("€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ", r)):
			return true
		case before == 'â' && r == '€': // E2 80: dashes and quotes
			return true
		case (before == 'Г' || before == 'В') && strings.ContainsRune("Ёџ©«»®°±¶·ћќ¤", r): // the same as Windows-1251
			return true
		}
		before = r
	}
	return false
}

// hasTag finds <b>, </p>, <br/>.
func hasTag(s string) bool {
	for {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			return false
		}
		s = s[i+1:]
		rest := strings.TrimPrefix(s, "/")
		n := 0
		for n < len(rest) && (rest[n]|0x20 >= 'a' && rest[n]|0x20 <= 'z' || n > 0 && rest[n] >= '0' && rest[n] <= '9') {
			n++
		}
		if n > 0 && n < len(rest) && strings.IndexByte("> /\t\n", rest[n]) >= 0 && strings.IndexByte(rest, '>') >= 0 {
			return true
		}
	}
}

// hasEntity finds &nbsp;, &#160; and &amp;lt; left in text.
func hasEntity(s string) bool {
	for {
		i := strings.IndexByte(s, '&')
		if i < 0 {
			return false
		}
		s = s[i+1:]
		end := strings.IndexByte(s[:min(len(s), 10)], ';')
		if end < 2 {
			continue
		}
		if body := strings.TrimPrefix(s[:end], "#"); strings.Trim(body, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == "" {
			return true
		}
	}
}

// promotions are phrases of offers, by their first letter.
var promotions = func() (t [26][]string) {
	for _, p := range []string{"free shipping", "free delivery", "free gift", "buy now", "buy one", "best price", "best deal", "order now", "on sale",
		"limited time", "lowest price", "low price", "money back", "click here", "shop now", "special offer", "hot deal", "clearance sale",
		"kostenloser versand", "gratis versand", "versandkostenfrei", "jetzt kaufen", "livraison gratuite", "spedizione gratuita", "doprava zdarma", "percent off"} {
		t[p[0]-'a'] = append(t[p[0]-'a'], p)
	}
	return t
}()

// promotionStarts has a bit for each second and third letter, by the first.
var promotionStarts = func() (t [26][2]uint32) {
	for first, phrases := range promotions {
		for _, p := range phrases {
			t[first][0] |= 1 << (p[1] & 31)
			t[first][1] |= 1 << (p[2] & 31)
		}
	}
	return t
}()

// promotionIn returns the phrase of an offer in s, or "".
func promotionIn(s string, t traits) string {
	for i := 0; i+6 < len(s); i++ { // a word begins at i
		if byteTraits[s[i]]&(hasUpper|hasLower) != 0 {
			first := s[i] | 0x20 - 'a'
			if starts := &promotionStarts[first]; starts[0]>>(s[i+1]&31)&1 != 0 && starts[1]>>(s[i+2]&31)&1 != 0 {
				for _, p := range promotions[first] {
					if len(s)-i >= len(p) && strings.EqualFold(s[i:i+len(p)], p) {
						return p
					}
				}
			}
		}
		for i < len(s) && byteTraits[s[i]]&(hasUpper|hasLower|hasHigh) != 0 {
			i++
		}
	}
	if t&hasMark != 0 {
		if i := strings.IndexByte(s, '%'); i > 0 && i+5 <= len(s) && strings.EqualFold(s[i:i+5], "% off") {
			return "% off"
		}
	}
	return ""
}

// gimmickIn returns decoration in s, or "".
func gimmickIn(s string, t traits) string {
	if t&hasMark != 0 {
		for _, g := range []string{"!!", "**", "!!!"} {
			if strings.Contains(s, g) {
				return g
			}
		}
	}
	if t&hasHigh != 0 {
		for _, r := range s {
			if r >= 0x2600 && r <= 0x27bf || r >= 0x1f300 && r <= 0x1faff || r == '★' || r == '►' {
				return string(r)
			}
		}
	}
	return ""
}

// hasAddress finds a web address in prose.
func hasAddress(s string) bool {
	return strings.Contains(s, "://") || strings.Contains(s, "www.")
}
