package storefront

import (
	"math"
	"strconv"
	"strings"
	"time"

	"adsteward/internal/civil"
	"adsteward/internal/money"
)

// parser reads cells. Its methods return a *Problem that names line and column.
type parser struct {
	o        Options
	currency string // for rows that name none
}

// text returns a cell that must not be empty.
func (p *parser) text(r record, name string) (string, error) {
	if s := r.get(name); s != "" {
		return s, nil
	}
	return "", r.bad(name, "is empty; every row needs it")
}

// amount reads a cell that holds money, not negative; "" is 0.
func (p *parser) amount(r record, name string) (money.Micros, error) {
	s := p.plain(r, name)
	if s == "" {
		return 0, nil
	}
	m, err := money.Parse(s)
	if err != nil {
		return 0, r.bad(name, "%s", err)
	}
	if m < 0 {
		return 0, r.bad(name, "%q is negative; give sales as positive amounts and refunds in the column refunded", s)
	}
	return m, nil
}

// needAmount is amount for a cell that must not be empty.
func (p *parser) needAmount(r record, name string) (money.Micros, error) {
	if p.plain(r, name) == "" {
		return 0, r.bad(name, "is empty; write an amount such as 12.50")
	}
	return p.amount(r, name)
}

// plain takes the marks for people out of a report's number.
func (p *parser) plain(r record, name string) string {
	s := r.get(name)
	if p.o.Format != GoogleAds && p.o.Format != MetaAds {
		return s
	}
	if s == "--" || s == "-" {
		return ""
	}
	return strings.ReplaceAll(s, ",", "")
}

// number reads a count that may be fractional, not negative; "" is def.
func (p *parser) number(r record, name string, def float64) (float64, error) {
	s := p.plain(r, name)
	if s == "" {
		return def, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) || f < 0 || f > 1e15 {
		return 0, r.bad(name, "%q is not a number of 0 or more; write it as 3 or 2.5", s)
	}
	return f, nil
}

// day reads a date of the shop's zone, not in the future.
func (p *parser) day(r record, name string) (civil.Date, error) {
	t, err := p.instant(r, name)
	return civil.Of(t.In(p.o.Location)), err
}

// instant reads a time; a date is its first moment in the shop's zone.
func (p *parser) instant(r record, name string) (time.Time, error) {
	s, err := p.text(r, name)
	if err != nil {
		return time.Time{}, err
	}
	t, ok := p.parseTime(s)
	switch {
	case !ok:
		return time.Time{}, r.bad(name, "%q is not a date or time; write 2026-01-31 or 2026-01-31T15:04:05Z", s)
	case t.Year() < 1970:
		return time.Time{}, r.bad(name, "%q is before 1970; is the date right?", s)
	case !p.o.Now.IsZero() && t.After(p.o.Now.Add(24*time.Hour)):
		return time.Time{}, r.bad(name, "%q is in the future; is the date right?", s)
	}
	return t.UTC(), nil
}

func (p *parser) parseTime(s string) (time.Time, bool) {
	layouts := []string{time.DateOnly, time.RFC3339}
	if p.o.Format == Shopify || p.o.Format == WooCommerce {
		layouts = append(layouts, "2006-01-02 15:04:05 -0700", time.DateTime, "2006-01-02 15:04")
	}
	if p.o.Format == GoogleAds {
		layouts = append(layouts, "Jan 2, 2006")
	}
	for _, l := range layouts {
		if t, err := time.ParseInLocation(l, s, p.o.Location); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// currencyOf reads the row's currency, which must be the shop's: sums over
// orders in several currencies would mean nothing.
func (p *parser) currencyOf(r record) (string, error) {
	c := r.get("currency")
	switch {
	case c == "" && p.currency == "":
		return "", r.bad("currency", "is empty and the shop's currency is not known; add the column or set the currency in the configuration")
	case c == "":
		return p.currency, nil
	case !money.ValidCode(c):
		return "", r.bad("currency", "%q is not a currency code; write three capital letters such as EUR", c)
	case p.currency == "":
		p.currency = c
	case c != p.currency:
		return "", r.bad("currency", "%s is not the shop's currency %s; convert the amounts first", c, p.currency)
	}
	return c, nil
}

// country reads an ISO 3166 alpha-2 code; "" where the cell is empty. UK and EL,
// which ISO reserves for the United Kingdom and Greece, are understood.
func (p *parser) country(r record) (string, error) {
	c := strings.ToUpper(r.get("country"))
	switch c {
	case "UK":
		return "GB", nil
	case "EL":
		return "GR", nil
	}
	if c == "" || len(c) == 2 && c[0] >= 'A' && c[0] <= 'Z' && c[1] >= 'A' && c[1] <= 'Z' {
		return c, nil
	}
	return "", r.bad("country", "%q is not a country code; write two letters such as DE", r.get("country"))
}

// email reads an address in lower case, as it is looked up by.
func (p *parser) email(r record) (string, error) {
	e := strings.ToLower(r.get("email"))
	at := strings.LastIndexByte(e, '@')
	if e != "" && (at < 1 || at == len(e)-1 || strings.ContainsAny(e, " \t\n")) {
		// The address itself is personal: the line says enough.
		return "", r.bad("email", "is not an e-mail address; write name@example.com")
	}
	return e, nil
}
