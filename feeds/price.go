package feeds

import (
	"strings"

	"adsteward/internal/money"
)

// priced is a price as it was read: empty where there is none, with a problem
// where it cannot be understood, with a note where it could although it is
// written otherwise.
type priced struct {
	Price
	ok            bool
	problem, note string
}

// read is the price, none where it could not be read.
func (p *priced) read() Price {
	if !p.ok {
		return Price{}
	}
	return p.Price
}

// readPrice reads "12.50 EUR" as the platforms want it; "" is no price.
func readPrice(s string) priced {
	if s == "" {
		return priced{}
	}
	if p, ok := plainPrice(s); ok {
		return priced{Price: p, ok: true}
	}
	return oddPrice(s)
}

// plainPrice reads the form as it should be, which is what most items have, up
// to 6 decimals and below 10^12.
func plainPrice(s string) (Price, bool) {
	n := len(s) - 4
	if n < 1 || n > 18 || s[n] != ' ' || !isCurrency(s[n+1:]) {
		return Price{}, false
	}
	var micros int64
	digits, decimals := 0, -1
	for i := range n {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			micros = micros*10 + int64(c-'0')
			digits++
			if decimals >= 0 {
				decimals++
			}
		case c == '.' && decimals < 0 && digits > 0:
			decimals = 0
		default:
			return Price{}, false
		}
	}
	if decimals == 0 || decimals > 6 || digits-max(decimals, 0) > 12 {
		return Price{}, false
	}
	for range 6 - max(decimals, 0) {
		micros *= 10
	}
	code := currencyOf(s[n+1:])
	return Price{Amount: money.Micros(micros), Currency: code}, true
}

// oddPrice reads what plainPrice does not.
func oddPrice(s string) (p priced) {
	number, code, _ := strings.Cut(strings.Join(strings.Fields(s), " "), " ")
	if code == "" { // 12.50EUR
		n := len(number)
		if n > 3 && money.ValidCode(strings.ToUpper(number[n-3:])) {
			number, code = number[:n-3], number[n-3:]
			p.note = "there is no space before the currency"
		}
	}
	if money.ValidCode(strings.ToUpper(number)) { // EUR 12.50
		number, code = code, number
		p.note = "the currency stands before the number"
	}
	if code == "" {
		return priced{problem: "the price names no currency"}
	}
	if up := strings.ToUpper(code); up != code {
		code, p.note = up, "the currency is not in capital letters"
	}
	if !isCurrency(code) {
		return priced{problem: "the price names no currency of ISO 4217"}
	}
	if strings.Trim(number, "0123456789.") != "" || strings.Count(number, ".") > 1 {
		return priced{problem: "the price is not a number with a point before the decimals"}
	}
	m, err := money.Parse(number)
	if err != nil {
		return priced{problem: "the price is not a number with a point before the decimals"}
	}
	p.Price, p.ok = Price{Amount: m, Currency: currencyOf(code)}, true
	return p
}

// isCurrency tells whether code is an active currency of ISO 4217.
func isCurrency(code string) bool { return currencyAt(code) >= 0 }

// currencyOf returns the table's own copy of a code that is in it, which holds
// no feed in memory.
func currencyOf(code string) string {
	i := currencyAt(code)
	return currencies[i : i+3]
}

// currencyAt is where the code stands in currencies, or -1. The table is
// ordered: the codes of a first letter follow each other.
func currencyAt(code string) int {
	if len(code) != 3 || code[0] < 'A' || code[0] > 'Z' {
		return -1
	}
	for i := int(currencyStart[code[0]-'A']); i < len(currencies) && currencies[i] == code[0]; i += 4 {
		if currencies[i:i+3] == code {
			return i
		}
	}
	return -1
}

var currencyStart = func() (t [26]uint16) {
	for l := range t {
		t[l] = uint16(len(currencies))
	}
	for i := len(currencies) - 3; i >= 0; i -= 4 {
		t[currencies[i]-'A'] = uint16(i)
	}
	return t
}()

// currencies are the active codes of ISO 4217. The table of golang.org/x/text
// is older than some of them.
const currencies = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD " +
	"CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD " +
	"HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD " +
	"MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG " +
	"QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS " +
	"UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG"
