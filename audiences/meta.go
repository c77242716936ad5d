package audiences

import (
	"strings"
	"time"
	"unicode"
)

// meta normalises as Meta's custom audience rules ask.
func meta(kind, value, defaultCountry string) Hashed {
	s := strings.TrimSpace(value)
	if kind == ExternalID || kind == MadID {
		return plain(s)
	}
	if isHash(s) {
		return Hashed{SHA256: strings.ToLower(s), Outcome: Passthrough, Reason: "is a SHA-256 already"}
	}
	lower := strings.ToLower(s)
	switch kind {
	case Email:
		local, domain, ok := address(value)
		if !ok {
			return drop("is not an e-mail address")
		}
		return hashed(local + "@" + domain)
	case Phone:
		number, reason := internationalNumber(s, defaultCountry)
		if reason != "" {
			return drop(reason)
		}
		return hashed(number)
	case FirstName, LastName, City:
		return metaText(letters(lower))
	case State:
		name := letters(lower)
		if code, ok := usStates[name]; ok {
			name = code
		}
		return metaText(name)
	case Zip:
		zip, _, _ := strings.Cut(lower, "-")
		return metaText(strings.TrimSpace(zip))
	case Country:
		c := letters(lower)
		if !isAlpha2(strings.ToUpper(c)) {
			return drop("is not a country code of two letters")
		}
		return hashed(c)
	case Gender:
		switch lower {
		case "m", "male":
			return hashed("m")
		case "f", "female":
			return hashed("f")
		}
		return drop("is neither m nor f")
	}
	return metaBirthday(s)
}

func metaText(s string) Hashed {
	if s == "" {
		return drop("has no letters")
	}
	return hashed(s)
}

// letters keeps letters of any script, their marks, and digits: no punctuation
// and no white space, in names neither.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) {
			return r
		}
		return -1
	}, s)
}

// metaBirthday writes a date of birth as YYYYMMDD.
func metaBirthday(s string) Hashed {
	for _, layout := range []string{time.DateOnly, "20060102", "2006/01/02", "2006.01.02"} {
		if t, err := time.Parse(layout, s); err == nil && t.Year() >= 1900 {
			return hashed(t.Format("20060102"))
		}
	}
	return drop("is not a date; write 1990-01-31")
}

// usStates gives the code of a state of the USA by its name as letters writes
// it; states elsewhere are sent by name.
var usStates = map[string]string{
	"alabama": "al", "alaska": "ak", "arizona": "az", "arkansas": "ar", "california": "ca", "colorado": "co",
	"connecticut": "ct", "delaware": "de", "districtofcolumbia": "dc", "florida": "fl", "georgia": "ga", "hawaii": "hi",
	"idaho": "id", "illinois": "il", "indiana": "in", "iowa": "ia", "kansas": "ks", "kentucky": "ky", "louisiana": "la",
	"maine": "me", "maryland": "md", "massachusetts": "ma", "michigan": "mi", "minnesota": "mn", "mississippi": "ms",
	"missouri": "mo", "montana": "mt", "nebraska": "ne", "nevada": "nv", "newhampshire": "nh", "newjersey": "nj",
	"newmexico": "nm", "newyork": "ny", "northcarolina": "nc", "northdakota": "nd", "ohio": "oh", "oklahoma": "ok",
	"oregon": "or", "pennsylvania": "pa", "rhodeisland": "ri", "southcarolina": "sc", "southdakota": "sd",
	"tennessee": "tn", "texas": "tx", "utah": "ut", "vermont": "vt", "virginia": "va", "washington": "wa",
	"westvirginia": "wv", "wisconsin": "wi", "wyoming": "wy",
}
