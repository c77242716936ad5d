package feeds

import (
	"strings"

	"adsteward/internal/money"
)

// parsePrice reads "12.50 EUR" as the platforms want it. problem says what is
// wrong; note, what was understood although it is written otherwise.
func parsePrice(s string) (p *Price, problem, note string) {
	number, code, _ := strings.Cut(strings.Join(strings.Fields(s), " "), " ")
	if code == "" { // 12.50EUR
		n := len(number)
		if n > 3 && money.ValidCode(strings.ToUpper(number[n-3:])) {
			number, code = number[:n-3], number[n-3:]
			note = "there is no space before the currency"
		}
	}
	if money.ValidCode(strings.ToUpper(number)) { // EUR 12.50
		number, code = code, number
		note = "the currency stands before the number"
	}
	if code == "" {
		return nil, "the price names no currency", ""
	}
	if up := strings.ToUpper(code); up != code {
		code, note = up, "the currency is not in capital letters"
	}
	if !isCurrency(code) {
		return nil, "the price names no currency of ISO 4217", ""
	}
	if strings.Trim(number, "0123456789.") != "" || strings.Count(number, ".") > 1 {
		return nil, "the price is not a number with a point before the decimals", ""
	}
	m, err := money.Parse(number)
	if err != nil {
		return nil, "the price is not a number with a point before the decimals", ""
	}
	return &Price{Amount: m, Currency: code}, "", note
}

// isCurrency tells whether code is an active currency of ISO 4217. The table of
// golang.org/x/text is older than some of them.
func isCurrency(code string) bool {
	return len(code) == 3 && strings.Contains(currencies, code) && strings.Index(currencies, code)%4 == 0
}

const currencies = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD " +
	"CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD " +
	"HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD " +
	"MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG " +
	"QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS " +
	"UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG"
