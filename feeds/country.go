package feeds

import "strings"

// isCountry tells whether code is assigned in ISO 3166-1 alpha-2. UK is not: it
// is written GB.
func isCountry(code string) bool {
	if len(code) != 2 || code[0] < 'A' || code[0] > 'Z' {
		return false
	}
	return strings.Contains(countries[code[0]-'A'], " "+code[1:]+" ")
}

// countries are the second letters of the codes, by their first.
var countries = [26]string{
	" D E F G I L M O Q R S T U W X Z ", " A B D E F G H I J L M N O Q R S T V W Y Z ", " A C D F G H I K L M N O R U V W X Y Z ",
	" E J K M O Z ", " C E G H R S T ", " I J K M O R ", " A B D E F G H I L M N P Q R S T U W Y ", " K M N R T U ", " D E L M N O Q R S T ",
	" E M O P ", " E G H I M N P R W Y Z ", " A B C I K R S T U V Y ", " A C D E F G H K L M N O P Q R S T U V W X Y Z ",
	" A C E F G I L O P R U Z ", " M ", " A E F G H K L M N R S T W Y ", " A ", " E O S U W ", " A B C D E G H I J K L M N O R S T V X Y Z ",
	" C D F G H J K L M N O R T V W Z ", " A G M S Y Z ", " A C E G I N U ", " F S ", "", " E T ", " A M W ",
}

// currencyIn returns the currency of a country Shopping ads can target, or ""
// where it is not known here.
func currencyIn(country string) string {
	for _, row := range []struct{ currency, countries string }{
		{"EUR", "AT BE BG CY DE EE ES FI FR GR HR IE IT LT LU LV MT NL PT SI SK"},
		{"USD", "US EC PR SV"},
		{"AED", "AE"}, {"ARS", "AR"}, {"AUD", "AU"}, {"BDT", "BD"}, {"BHD", "BH"}, {"BRL", "BR"}, {"BYN", "BY"}, {"CAD", "CA"},
		{"CHF", "CH LI"}, {"CLP", "CL"}, {"CNY", "CN"}, {"COP", "CO"}, {"CRC", "CR"}, {"CZK", "CZ"}, {"DKK", "DK"}, {"DOP", "DO"}, {"DZD", "DZ"},
		{"EGP", "EG"}, {"ETB", "ET"}, {"GBP", "GB"}, {"GEL", "GE"}, {"GHS", "GH"}, {"GTQ", "GT"}, {"HKD", "HK"}, {"HUF", "HU"}, {"IDR", "ID"},
		{"ILS", "IL"}, {"INR", "IN"}, {"ISK", "IS"}, {"JOD", "JO"}, {"JPY", "JP"}, {"KES", "KE"}, {"KHR", "KH"}, {"KRW", "KR"}, {"KWD", "KW"},
		{"KZT", "KZ"}, {"LBP", "LB"}, {"LKR", "LK"}, {"MAD", "MA"}, {"MMK", "MM"}, {"MUR", "MU"}, {"MXN", "MX"}, {"MYR", "MY"}, {"MZN", "MZ"},
		{"NGN", "NG"}, {"NIO", "NI"}, {"NOK", "NO"}, {"NPR", "NP"}, {"NZD", "NZ"}, {"OMR", "OM"}, {"PEN", "PE"}, {"PHP", "PH"}, {"PKR", "PK"},
		{"PLN", "PL"}, {"PYG", "PY"}, {"QAR", "QA"}, {"RON", "RO"}, {"RSD", "RS"}, {"RUB", "RU"}, {"SAR", "SA"}, {"SEK", "SE"}, {"SGD", "SG"},
		{"THB", "TH"}, {"TND", "TN"}, {"TRY", "TR"}, {"TWD", "TW"}, {"TZS", "TZ"}, {"UAH", "UA"}, {"UGX", "UG"}, {"UYU", "UY"}, {"UZS", "UZ"},
		{"VND", "VN"}, {"XAF", "CM"}, {"XOF", "CI SN"}, {"ZAR", "ZA"}, {"ZMW", "ZM"},
	} {
		if strings.Contains(row.countries, country) {
			return row.currency
		}
	}
	return ""
}

// inCountries tells whether one of the two-letter codes of list is the country.
func inCountries(list, country string) bool {
	return country != "" && strings.Contains(" "+list+" ", " "+country+" ")
}
