package audiences

import "strings"

// google normalises as Google's Data Manager client libraries do.
func google(kind, value, defaultCountry string) Hashed {
	s := strings.TrimSpace(value)
	lower := strings.ToLower(s)
	switch kind {
	case Email:
		return googleEmail(value)
	case Phone:
		number, reason := internationalNumber(s, defaultCountry)
		if reason != "" {
			return drop(reason)
		}
		return hashed("+" + number)
	case FirstName:
		return googleName(withoutTitle(lower))
	case LastName:
		return googleName(withoutSuffix(lower))
	case City, State:
		return plain(lower)
	case Zip:
		return plain(s)
	case Country:
		c := strings.ToUpper(s)
		if !isAlpha2(c) {
			return drop("is not a country code of two letters")
		}
		return plain(c)
	case MadID, ExternalID:
		return plain(s)
	}
	return drop("is of a kind that Google does not match by")
}

func googleEmail(value string) Hashed {
	local, domain, ok := address(value)
	if !ok {
		return drop("is not an e-mail address")
	}
	if domain == "gmail.com" || domain == "googlemail.com" {
		local, _, _ = strings.Cut(local, "+")
		local = strings.ReplaceAll(local, ".", "")
		if local == "" {
			return drop("has nothing before the @ but dots and a suffix")
		}
	}
	return hashed(local + "@" + domain)
}

func googleName(name string) Hashed {
	if name == "" {
		return drop("is nothing but a title")
	}
	return hashed(name)
}

// withoutTitle takes a title, written with its dot, from the front of a given
// name.
func withoutTitle(name string) string {
	for _, title := range []string{"mr.", "mrs.", "ms.", "dr."} {
		if rest, ok := strings.CutPrefix(name, title); ok && (rest == "" || rest[0] == ' ') {
			return strings.TrimSpace(rest)
		}
	}
	return name
}

// withoutSuffix takes generations and degrees off a family name, each parted
// from what stands before it by a space or a comma.
func withoutSuffix(name string) string {
	for {
		cut := strings.TrimRight(name, " ")
		i := strings.LastIndexAny(cut, " ,")
		if i < 0 || !isSuffix(cut[i+1:]) {
			return name
		}
		name = strings.TrimRight(cut[:i], " ,")
	}
}

func isSuffix(word string) bool {
	switch word {
	case "jr", "jr.", "sr", "sr.", "2nd", "3rd", "ii", "iii", "iv", "v", "vi", "cpa", "dc", "dds", "vm", "jd", "md", "phd":
		return true
	}
	return false
}

func isAlpha2(s string) bool {
	return len(s) == 2 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'A' && s[1] <= 'Z'
}
