package audiences

import "strings"

// internationalNumber writes a phone number as its digits with the calling code
// in front and no leading zeros, or says why it cannot.
func internationalNumber(s, defaultCountry string) (digits, reason string) {
	international := strings.HasPrefix(s, "+")
	if international { // the trunk zero of "+44 (0)20 7123 4567" is dialled at home only
		s = strings.Replace(s, "(0)", "", 1)
	}
	digits = strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9':
			return r
		case strings.ContainsRune("+-./() \t\u00a0\u2010\u2011\u2012\u2013", r):
			return -1
		}
		return 'x'
	}, s)
	if strings.ContainsRune(digits, 'x') {
		return "", "holds characters that no phone number has"
	}
	if !international && strings.HasPrefix(digits, "00") {
		international = true
	}
	// In North America, where no number begins with 0, 011 is dialled to go abroad.
	if rest, abroad := strings.CutPrefix(digits, "011"); !international && abroad && callingCodes[defaultCountry] == "1" {
		international, digits = true, rest
	}
	if _, known := callingCodes[defaultCountry]; !international && defaultCountry != "" && !known {
		return "", "is of a country, " + defaultCountry + ", that has no calling code"
	} else if !international && defaultCountry != "" {
		digits = withCallingCode(digits, defaultCountry)
	} else if !international && strings.HasPrefix(digits, "0") {
		return "", "has no country, and there is no default country"
	}
	digits = strings.TrimLeft(digits, "0")
	if len(digits) < 7 || len(digits) > 15 {
		return "", "has not the 7 to 15 digits of an international number"
	}
	return digits, ""
}

// withCallingCode makes a number as dialled at home, or with its calling code
// but without +, an international one.
func withCallingCode(digits, country string) string {
	code := callingCodes[country]
	trunk, own := trunks[country]
	if !own {
		trunk = "0"
	}
	// A Russian or Kazakh number may begin with 8 by itself: the length tells.
	rest, dialled := strings.CutPrefix(digits, trunk)
	if dialled && trunk != "" && (trunk != "8" || len(rest) == 10) {
		return code + rest
	}
	if strings.HasPrefix(digits, code) {
		return digits
	}
	return code + digits
}

// trunks holds the trunk prefixes that are not 0; "" where a leading 0 belongs
// to the number and is dialled from abroad too.
var trunks = map[string]string{
	"IT": "", "SM": "", "VA": "", "CI": "", "CG": "", "HU": "06", "RU": "8", "KZ": "8", "BY": "80",
}

// callingCodes gives the calling code (ITU-T E.164) of each country.
var callingCodes = map[string]string{
	"AC": "247", "AD": "376", "AE": "971", "AF": "93", "AG": "1", "AI": "1", "AL": "355", "AM": "374", "AO": "244", "AR": "54", "AS": "1", "AT": "43", "AU": "61", "AW": "297", "AX": "358", "AZ": "994",
	"BA": "387", "BB": "1", "BD": "880", "BE": "32", "BF": "226", "BG": "359", "BH": "973", "BI": "257", "BJ": "229", "BL": "590", "BM": "1", "BN": "673", "BO": "591", "BQ": "599", "BR": "55", "BS": "1", "BT": "975", "BW": "267", "BY": "375", "BZ": "501",
	"CA": "1", "CC": "61", "CD": "243", "CF": "236", "CG": "242", "CH": "41", "CI": "225", "CK": "682", "CL": "56", "CM": "237", "CN": "86", "CO": "57", "CR": "506", "CU": "53", "CV": "238", "CW": "599", "CX": "61", "CY": "357", "CZ": "420",
	"DE": "49", "DJ": "253", "DK": "45", "DM": "1", "DO": "1", "DZ": "213", "EC": "593", "EE": "372", "EG": "20", "EH": "212", "ER": "291", "ES": "34", "ET": "251", "FI": "358", "FJ": "679", "FK": "500", "FM": "691", "FO": "298", "FR": "33",
	"GA": "241", "GB": "44", "GD": "1", "GE": "995", "GF": "594", "GG": "44", "GH": "233", "GI": "350", "GL": "299", "GM": "220", "GN": "224", "GP": "590", "GQ": "240", "GR": "30", "GT": "502", "GU": "1", "GW": "245", "GY": "592",
	"HK": "852", "HN": "504", "HR": "385", "HT": "509", "HU": "36", "ID": "62", "IE": "353", "IL": "972", "IM": "44", "IN": "91", "IO": "246", "IQ": "964", "IR": "98", "IS": "354", "IT": "39", "JE": "44", "JM": "1", "JO": "962", "JP": "81",
	"KE": "254", "KG": "996", "KH": "855", "KI": "686", "KM": "269", "KN": "1", "KP": "850", "KR": "82", "KW": "965", "KY": "1", "KZ": "7", "LA": "856", "LB": "961", "LC": "1", "LI": "423", "LK": "94", "LR": "231", "LS": "266", "LT": "370", "LU": "352", "LV": "371", "LY": "218",
	"MA": "212", "MC": "377", "MD": "373", "ME": "382", "MF": "590", "MG": "261", "MH": "692", "MK": "389", "ML": "223", "MM": "95", "MN": "976", "MO": "853", "MP": "1", "MQ": "596", "MR": "222", "MS": "1", "MT": "356", "MU": "230", "MV": "960", "MW": "265", "MX": "52", "MY": "60", "MZ": "258",
	"NA": "264", "NC": "687", "NE": "227", "NF": "672", "NG": "234", "NI": "505", "NL": "31", "NO": "47", "NP": "977", "NR": "674", "NU": "683", "NZ": "64", "OM": "968", "PA": "507", "PE": "51", "PF": "689", "PG": "675", "PH": "63", "PK": "92", "PL": "48", "PM": "508", "PR": "1", "PS": "970", "PT": "351", "PW": "680", "PY": "595",
	"QA": "974", "RE": "262", "RO": "40", "RS": "381", "RU": "7", "RW": "250", "SA": "966", "SB": "677", "SC": "248", "SD": "249", "SE": "46", "SG": "65", "SH": "290", "SI": "386", "SJ": "47", "SK": "421", "SL": "232", "SM": "378", "SN": "221", "SO": "252", "SR": "597", "SS": "211", "ST": "239", "SV": "503", "SX": "1", "SY": "963", "SZ": "268",
	"TC": "1", "TD": "235", "TG": "228", "TH": "66", "TJ": "992", "TK": "690", "TL": "670", "TM": "993", "TN": "216", "TO": "676", "TR": "90", "TT": "1", "TV": "688", "TW": "886", "TZ": "255", "UA": "380", "UG": "256", "US": "1", "UY": "598", "UZ": "998", "VA": "39", "VC": "1", "VE": "58", "VG": "1", "VI": "1", "VN": "84", "VU": "678",
	"WF": "681", "WS": "685", "XK": "383", "YE": "967", "YT": "262", "ZA": "27", "ZM": "260", "ZW": "263",
}
