package feeds

import (
	"fmt"
	"strings"

	"adsteward/internal/money"
)

// priceRules are about money.
func priceRules() []Rule {
	const form = "write the price as 12.50 EUR"
	return []Rule{
		both("price.required", "price", Error, "G044 M013", form, once(missing)),
		both("price.format", "price", Error, "G044 M013", form, first(badPrice)),
		both("price.written", "price", Normalized, "G044 M013", form, each(priceWritten)),
		both("price.zero", "price", Error, "G045", "give the price a customer pays, or leave the item out", each(priceZero)),
		both("price.decimals", "price", Warning, "G049", "write no more decimals than the currency has", each(priceDecimals)).from(ownRule),
		google("price.currency", "price", Error, "G046", "give the price in the currency of the country you sell to", each(priceCurrency)),
		meta("price.currency", "price", Warning, "", "give the price in the currency of the country you sell to", each(priceCurrency)).from(ownRule).as("meta_currency_mismatch"),

		both("sale_price.format", "sale_price", Error, "G051 M020", form, first(badSale)),
		both("sale_price.written", "sale_price", Normalized, "G051 M020", form, each(saleWritten)),
		both("sale_price.higher", "sale_price", Error, "G051 G052 M020", "make the sale price lower than the price, or leave it out", each(saleHigher)),
		both("sale_price.discount", "sale_price", Warning, "X001", "make sure that the discount is meant", each(saleDeep)).from(ownRule),
		both("sale_price_effective_date.format", "sale_price_effective_date", Error, "G054 M021", "write start/end, as 2026-01-01T00:00+0100/2026-01-31T23:59+0100", each(saleDates)),
		meta("sale_price_effective_date.zone", "sale_price_effective_date", Warning, "M021", "write both times with their offset, as 2026-01-01T00:00+01:00", each(saleZones)),
		google("sale_price_effective_date.alone", "sale_price_effective_date", Warning, "G055", "give a sale_price, or leave the dates out", each(saleDatesAlone)),
		both("sale_price_effective_date.over", "sale_price_effective_date", Warning, "G056", "take the sale that is over out of the feed", each(saleOver)),

		google("cost_of_goods_sold.format", "cost_of_goods_sold", Error, "G040", "write the cost as 5.20 EUR", alone(amount)),
		google("cost_of_goods_sold.currency", "cost_of_goods_sold", Warning, "G041", "give the cost in the currency of the price", each(sameCurrency)).from(ownRule),
		both("cost_of_goods_sold.loss", "cost_of_goods_sold", Warning, "G042", "sell above cost, or stop advertising the item", each(sellsAtLoss)).from(ownRule),

		google("auto_pricing_min_price.value", "auto_pricing_min_price", Warning, "G063", "give a price in the price's currency and not above it", each(notAbovePrice)),
		google("maximum_retail_price.value", "maximum_retail_price", Warning, "G064", "give a price in INR above 0", each(rupees)),
		google("loyalty_program.price", "loyalty_program.price", Error, "G061", "make the members' price lower than the price", each(notAbovePrice)),
		google("loyalty_program.points", "loyalty_program.loyalty_points", Error, "G061", "give a whole number of points", alone(whole(0, 1<<31))),
		google("loyalty_points.name", "loyalty_points.name", Warning, "G062", "shorten the name to 24 characters", within(24)).from(googleAPI),
		google("installment.months", "installment.months", Error, "G059", "give a whole number of months", alone(whole(1, 600))),
		google("installment.amount", "installment.amount", Error, "G059", "give the monthly amount with its currency", alone(amount)),
		google("installment.parts", "installment.months", Error, "G059", "give months and amount together", each(needs(aInstallmentAmount))).as("attribute_missing_required_subattribute"),
		google("installment.credit_type", "installment.credit_type", Error, "G059", "say finance or lease", alone(oneOf("finance", "lease"))),
		google("subscription_cost.period", "subscription_cost.period", Error, "G060", "say week, month or year", alone(oneOf("week", "month", "year"))),
		google("subscription_cost.length", "subscription_cost.period_length", Error, "G060", "give a whole number above 0", alone(whole(1, 1000))),
		google("subscription_cost.amount", "subscription_cost.amount", Error, "G060", "give the amount with its currency", alone(amount)),
		google("subscription_cost.category", "subscription_cost.amount", Error, "G060", "give the google_product_category", each(subscriptionCategory)),

		google("unit_pricing_measure.format", "unit_pricing_measure", Error, "G057", "write the amount as 750ml", alone(measure(measuredUnits()...))),
		google("unit_pricing_base_measure.format", "unit_pricing_base_measure", Error, "G058", "write 1, 10, 100, 2, 4 or 8 with a unit, as 100ml", each(baseMeasure)),
		google("unit_pricing_base_measure.alone", "unit_pricing_base_measure", Error, "G058", "give the unit_pricing_measure as well, in the same kind of unit", each(baseAlone)).as("unit_pricing_base_measure_without_measure"),
		meta("unit_price.unit", "unit_price.unit", Warning, "M051", "use a unit Meta knows, as ml or kg", alone(oneOf("cl", "cm", "ct", "cbm", "ft", "fl oz", "gal", "g", "in", "kg", "l", "m", "mg", "ml", "oz", "pt", "lb", "qt", "sqft", "sqm", "yd"))),

		beyond("price.tax", "price", "google", Warning, "G047", "the page", "give prices without tax in the US and Canada, with it elsewhere"),
		beyond("price.page", "price", "both", Error, "G048 X002", "the page", "make price in feed, page, structured data and checkout the same"),
		beyond("price.smallest", "price", "google", Warning, "G050", "judgement", "give the price of the smallest amount that can be bought"),
		beyond("sale_price.members", "sale_price", "google", Warning, "G053", "judgement", "put members' prices into loyalty_program"),
	}
}

func badPrice(_ *checker, r *record, _ *cell) string { return r.price.problem }
func badSale(_ *checker, r *record, _ *cell) string  { return r.sale.problem }

func priceWritten(_ *checker, r *record, _ *cell) string { return r.price.note }
func saleWritten(_ *checker, r *record, _ *cell) string  { return r.sale.note }

func priceZero(_ *checker, r *record, _ *cell) string {
	if r.price.ok && r.price.Amount == 0 && !r.has(aSubscriptionAmount) && !r.has(aSubscription) && !r.has(aInstallmentAmount) {
		return "the price is 0"
	}
	return ""
}

func priceDecimals(_ *checker, r *record, _ *cell) string {
	p := &r.price
	if p.ok && p.Amount != p.Amount.RoundTo(money.MinorUnit(p.Currency)) {
		return fmt.Sprintf("%s has %d decimals", p.Currency, money.Decimals(p.Currency))
	}
	return ""
}

func priceCurrency(k *checker, r *record, _ *cell) string {
	if k.currency != "" && r.price.ok && r.price.Currency != k.currency {
		return fmt.Sprintf("the price is in %s; %s pays in %s", r.price.Currency, k.country, k.currency)
	}
	return ""
}

func saleHigher(_ *checker, r *record, _ *cell) string {
	switch price, sale := &r.price, &r.sale; {
	case !price.ok || !sale.ok:
		return ""
	case price.Currency != sale.Currency:
		return fmt.Sprintf("the sale price is in %s and the price in %s", sale.Currency, price.Currency)
	case sale.Amount >= price.Amount:
		return "the sale price is not lower than the price"
	}
	return ""
}

func saleDeep(_ *checker, r *record, _ *cell) string {
	if r.price.ok && r.sale.ok && r.price.Currency == r.sale.Currency && r.sale.Amount < r.price.Amount/10 {
		return "the discount is more than 90 percent"
	}
	return ""
}

func saleDates(_ *checker, _ *record, c *cell) string {
	iv, ok := readInterval(c.value)
	if !ok {
		return "this is not two dates and times of ISO 8601 with / between"
	}
	if !iv.start.Before(iv.end) {
		return "the sale ends before it begins"
	}
	return ""
}

func saleZones(_ *checker, _ *record, c *cell) string {
	if iv, ok := readInterval(c.value); ok && !iv.hasZones {
		return "names no offset from UTC"
	}
	return ""
}

func saleDatesAlone(_ *checker, r *record, _ *cell) string {
	if !r.has(aSalePrice) {
		return "there is no sale_price"
	}
	return ""
}

func saleOver(k *checker, r *record, c *cell) string {
	if iv, ok := readInterval(c.value); ok && k.past(r, iv.end) {
		return "the sale is over"
	}
	return ""
}

func sellsAtLoss(k *checker, r *record, _ *cell) string {
	now := &r.price
	if r.sale.ok && saleHolds(k, r) {
		now = &r.sale
	}
	if r.cost.ok && now.ok && now.Currency == r.cost.Currency && now.Amount > 0 && r.cost.Amount >= now.Amount {
		return "the item costs as much as it is sold for, or more"
	}
	return ""
}

// saleHolds tells whether the sale price is the one in force: always without
// dates, or with such as cannot be read.
func saleHolds(k *checker, r *record) bool {
	iv, ok := readInterval(r.get(aSaleDates))
	return !ok || k.now.IsZero() || k.past(r, iv.start) && !k.past(r, iv.end)
}

func notAbovePrice(k *checker, r *record, c *cell) string {
	p := readPrice(c.value)
	if !p.ok {
		return p.problem
	}
	if what := sameCurrency(k, r, c); what != "" {
		return what
	}
	if r.price.ok && p.Amount > r.price.Amount {
		return "the amount is above the price"
	}
	return ""
}

func rupees(_ *checker, _ *record, c *cell) string {
	p := readPrice(c.value)
	if p.ok && (p.Currency != "INR" || p.Amount == 0) {
		return "the amount is 0 or not in INR"
	}
	return p.problem
}

func subscriptionCategory(_ *checker, r *record, _ *cell) string {
	if !r.has(aCategory) {
		return "a subscription needs the google_product_category"
	}
	return ""
}

// unitKinds are the units of unit pricing, by what they measure.
var unitKinds = map[string]string{
	"oz": "weight", "lb": "weight", "mg": "weight", "g": "weight", "kg": "weight",
	"floz": "volume", "pt": "volume", "qt": "volume", "gal": "volume", "ml": "volume", "cl": "volume", "l": "volume", "cbm": "volume",
	"in": "length", "ft": "length", "yd": "length", "cm": "length", "m": "length", "sqft": "area", "sqm": "area", "ct": "count",
}

func measuredUnits() []unit {
	var out []unit
	for name := range unitKinds {
		out = append(out, unit{name, 0.000001, 1e9})
	}
	return out
}

func baseMeasure(_ *checker, _ *record, c *cell) string {
	m := readMeasure(c.value)
	if !m.ok || unitKinds[m.unit] == "" {
		return "this is not a number with a unit the platform knows"
	}
	switch strings.ReplaceAll(strings.ToLower(c.value), " ", "") {
	case "75cl", "750ml", "50kg", "1000kg":
		return ""
	}
	switch m.number {
	case 1, 2, 4, 8, 10, 100:
		return ""
	}
	return "the number is none of 1, 2, 4, 8, 10 and 100"
}

func baseAlone(_ *checker, r *record, c *cell) string {
	if !r.has(aUnitMeasure) {
		return "there is no unit_pricing_measure"
	}
	base, m := readMeasure(c.value), readMeasure(r.get(aUnitMeasure))
	if unitKinds[base.unit] != "" && unitKinds[m.unit] != "" && unitKinds[base.unit] != unitKinds[m.unit] {
		return "measures something else than unit_pricing_measure"
	}
	return ""
}
