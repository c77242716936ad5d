package audiences

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Outcome says what became of a value.
type Outcome string

const (
	OK          Outcome = "ok"
	Drop        Outcome = "drop"        // cannot be normalised; never sent
	Passthrough Outcome = "passthrough" // was hashed already (Meta)
)

// Hashed is one identifier as a platform takes it.
type Hashed struct {
	Normalized string
	// SHA256 is lower-case hex; "" where the platform takes the value unhashed.
	// A Passthrough has the value here and nothing in Normalized.
	SHA256  string
	Outcome Outcome
	Reason  string // why it was dropped or passed through
}

// Kinds of identifier.
const (
	Email      = "email"
	Phone      = "phone"
	FirstName  = "first_name"
	LastName   = "last_name"
	City       = "city"
	State      = "state"
	Zip        = "zip"
	Country    = "country"
	Gender     = "gender"
	DOB        = "dob"
	ExternalID = "external_id"
	MadID      = "madid"
)

// Kinds lists the kinds of identifier Hash knows.
func Kinds() []string {
	return []string{Email, Phone, FirstName, LastName, City, State, Zip, Country, Gender, DOB, ExternalID, MadID}
}

// Hash normalises value as the platform ("google" or "meta") asks for this kind
// of identifier and hashes it where the platform wants a hash. defaultCountry
// (ISO 3166 alpha-2, or "") is the country of phone numbers that name none. The
// error is about platform, kind or defaultCountry, never about value.
//
// The rules are those of the platforms' own client libraries, which differ:
// Google takes the dots out of gmail addresses and the titles off names and
// keeps the + of a phone number; Meta does none of these.
func Hash(platform, kind, value, defaultCountry string) (Hashed, error) {
	if platform != "google" && platform != "meta" {
		return Hashed{}, fmt.Errorf("there is no platform %q; choose google or meta", platform)
	}
	if !slices.Contains(Kinds(), kind) {
		return Hashed{}, fmt.Errorf("there is no kind of identifier %q; choose one of %s", kind, strings.Join(Kinds(), ", "))
	}
	if defaultCountry != "" && !isAlpha2(defaultCountry) {
		return Hashed{}, fmt.Errorf("%q is not a country; write two capital letters such as DE", defaultCountry)
	}
	// A hash of nothing, or of half a character, would match nobody.
	if strings.TrimSpace(value) == "" {
		return drop("is empty"), nil
	}
	if !utf8.ValidString(value) {
		return drop("is not UTF-8"), nil
	}
	if platform == "meta" {
		return meta(kind, value, defaultCountry), nil
	}
	return google(kind, value, defaultCountry), nil
}

func drop(reason string) Hashed { return Hashed{Outcome: Drop, Reason: reason} }

// plain is a value the platform takes unhashed.
func plain(normalized string) Hashed { return Hashed{Normalized: normalized, Outcome: OK} }

func hashed(normalized string) Hashed {
	sum := sha256.Sum256([]byte(normalized))
	return Hashed{Normalized: normalized, SHA256: hex.EncodeToString(sum[:]), Outcome: OK}
}

// isHash recognises the 64 hex digits of a SHA-256.
func isHash(s string) bool {
	if len(s) != 64 {
		return false
	}
	_, err := hex.DecodeString(s)
	return err == nil
}

// address splits an e-mail address in lower case. One that holds what nobody
// sees, as a zero-width space, would match nobody; the byte order mark a file may
// begin with counts as white space.
func address(value string) (local, domain string, ok bool) {
	s := strings.ToLower(strings.TrimSpace(strings.TrimPrefix(value, "\ufeff")))
	at := strings.LastIndexByte(s, '@')
	if at < 1 || at == len(s)-1 || strings.ContainsFunc(s, hidden) || strings.Count(s, "@") != 1 {
		return "", "", false
	}
	return s[:at], s[at+1:], true
}

func hidden(r rune) bool { return unicode.IsSpace(r) || unicode.In(r, unicode.Cc, unicode.Cf) }
