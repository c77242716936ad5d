package meta

import "adsteward/internal/money"

// Unit is the amount, in micros, of which the Graph API's budgets and bids in
// the currency are whole multiples: what Meta's documentation calls the
// currency's offset. It is not ISO 4217's minor unit everywhere: Meta counts
// Taiwan dollars and forints in ones and Kuwaiti dinars in hundredths, and a
// budget sent in fils would be ten times what was meant.
//
// Source: Marketing API, Currency Codes.
func Unit(currency string) money.Micros {
	switch currency {
	case "CLP", "COP", "CRC", "HUF", "ISK", "IDR", "JPY", "KRW", "PYG", "TWD", "VND":
		return money.One
	}
	return money.One / 100
}
