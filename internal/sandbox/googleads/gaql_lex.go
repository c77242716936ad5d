package googleads

import (
	"regexp"
	"strings"

	adserrors "github.com/shenzhencenter/google-ads-pb/errors"
)

type tokenKind int

const (
	end    tokenKind = iota
	word             // a keyword, field name or unquoted constant
	number           // -12.5
	quoted           // a string; text is without its quotes and escapes
	symbol           // , ( ) = != < <= > >=
)

type token struct {
	kind tokenKind
	text string
}

var numberPattern = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)

// lex splits a query into tokens; the last one has the kind end.
func lex(q string) ([]token, error) {
	var toks []token
	for i := 0; i < len(q); {
		c := q[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case c == '\'' || c == '"':
			text, n, err := lexString(q[i:])
			if err != nil {
				return nil, err
			}
			toks = append(toks, token{quoted, text})
			i += n
		case isWordByte(c) || c == '-':
			n := 1
			for i+n < len(q) && isWordByte(q[i+n]) {
				n++
			}
			t, err := wordToken(q[i : i+n])
			if err != nil {
				return nil, err
			}
			toks = append(toks, t)
			i += n
		default:
			s := symbolAt(q[i:])
			if s == "" {
				return nil, refuse(adserrors.QueryErrorEnum_BAD_SYMBOL, "Error in query: unexpected symbol %q.", firstRune(q[i:]))
			}
			toks = append(toks, token{symbol, s})
			i += len(s)
		}
	}
	return append(toks, token{kind: end}), nil
}

func isWordByte(c byte) bool {
	return c == '_' || c == '.' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func wordToken(s string) (token, error) {
	if numberPattern.MatchString(s) {
		return token{number, s}, nil
	}
	if c := s[0]; c == '-' || c == '.' {
		return token{}, refuse(adserrors.QueryErrorEnum_BAD_NUMBER, "Error in query: %s is not a number.", s)
	}
	return token{word, s}, nil
}

func symbolAt(s string) string {
	for _, sym := range []string{"!=", "<=", ">=", "=", "<", ">", ",", "(", ")"} {
		if strings.HasPrefix(s, sym) {
			return sym
		}
	}
	return ""
}

func firstRune(s string) string {
	for _, r := range s {
		return string(r)
	}
	return ""
}

// lexString reads the quoted string s starts with and returns its text and
// length in s.
func lexString(s string) (text string, n int, err error) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; c {
		case s[0]:
			return b.String(), i + 1, nil
		case '\n':
			return "", 0, refuse(adserrors.QueryErrorEnum_PROHIBITED_NEWLINE_IN_STRING, "Error in query: a string must not contain a line break.")
		case '\\':
			i++
			if i == len(s) || !strings.ContainsRune(`\'"`, rune(s[i])) {
				return "", 0, refuse(adserrors.QueryErrorEnum_BAD_ESCAPE_SEQUENCE, `Error in query: after \ a string takes only \, ' and ".`)
			}
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", 0, refuse(adserrors.QueryErrorEnum_STRING_NOT_TERMINATED, "Error in query: a string does not end.")
}
