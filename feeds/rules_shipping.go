package feeds

import (
	"strconv"
	"strings"
)

// shippingRules are about delivery and returns.
func shippingRules() []Rule {
	rules := []Rule{
		google("shipping.country", "shipping.country", Error, "G133", "write the country as two letters, as GB", alone(countryCode)).from(googleAPI),
		google("shipping.parts", "shipping.price", Error, "G133", "name the country of every shipping price", each(needs(aShippingCountry))).from(googleAPI).as("attribute_missing_required_subattribute"),
		google("shipping.price", "shipping.price", Error, "G132 G133", "write the price as 4.90 EUR", alone(amount)),
		google("shipping.currency", "shipping.price", Warning, "G132", "give shipping in the currency of the price", each(sameCurrency)).from(ownRule),
		google("shipping.times", "shipping.max_transit_time", Error, "G133", "give max_handling_time and max_transit_time together", each(needs(aShippingMaxHandling))).from(googleAPI),
		google("shipping.same", "shipping.price", Warning, "G134", "give one price for each country, region and service", first(shippingTwice)).as("ambiguous_shipping_service_attributes"),
		meta("shipping.format", "shipping", Warning, "M034", "write Country:Region:Service:Price, the colons also where a part is empty", alone(metaShipping)),
		google("carrier_shipping.origin", "carrier_shipping.carrier_price", Error, "G135", "name the origin_postal_code", first(carrierOrigin)),
		google("carrier_shipping.prices", "carrier_shipping.flat_price", Error, "G135", "give flat_price or carrier_price, not both", first(carrierPrices)),
		google("shipping_label.length", "shipping_label", Error, "G136", "shorten the label to 100 characters", within(100)).from(googleAPI),
		google("shipping_weight.value", "shipping_weight", Error, "G137", "write the weight as 1.5 kg, up to 1,000 kg",
			alone(measure(unit{"lb", 0, 2000}, unit{"oz", 0, 2000}, unit{"kg", 0, 1000}, unit{"g", 0, 1_000_000}))).as("shipping_weight_too_high"),
		meta("shipping_weight.value", "shipping_weight", Warning, "M035", "write the weight as 1.5 kg",
			alone(measure(unit{"lb", 0, 1e6}, unit{"oz", 0, 1e6}, unit{"kg", 0, 1e6}, unit{"g", 0, 1e9}))),
		google("shipping_dimensions.unit", "shipping_length", Error, "G138 G139 G140", "give length, width and height, in one unit", once(together(aShippingLength, aShippingWidth, aShippingHeight))),
		google("ships_from_country.value", "ships_from_country", Error, "G141", "write the country as two letters, as GB", alone(countryCode)).from(googleAPI),
		google("max_handling_time.value", "max_handling_time", Error, "G142", "give whole days, not fewer than min_handling_time", each(handlingOrder)),
		google("min_handling_time.value", "min_handling_time", Error, "G143", "give whole days, and max_handling_time as well", each(handlingAlone)),
		google("free_shipping_threshold.price", "free_shipping_threshold.price_threshold", Error, "G144", "write the threshold in the currency of the price", each(pricedAlike)),
		google("minimum_order_value.price", "minimum_order_value.price", Error, "G145", "write the amount in the currency of the price", each(pricedAlike)),
		google("minimum_order_value.surface", "minimum_order_value.surface", Error, "G145", "say online, local or online_local", alone(oneOf("online", "local", "online_local"))),
		google("handling_cutoff_time.value", "handling_cutoff_time.cutoff_time", Error, "G146", "write the time as 1430", alone(clockTime)),
		google("shipping_transit_business_days.value", "shipping_transit_business_days", Warning, "G147", "give at most 10", first(more(10))),
		google("return.condition", "return.item_condition", Error, "G148", "say NEW, LIKE_NEW, USED or DEFECTIVE_ONLY", alone(oneOf("NEW", "LIKE_NEW", "USED", "DEFECTIVE_ONLY"))),
		google("return.window", "return.window_type", Error, "G148", "say FINITE_RETURN_WINDOW with window_days, NO_RETURNS or LIFETIME", each(returnWindow)),
		google("return.method", "return.method", Error, "G148", "say BY_MAIL, IN_STORE, AT_A_KIOSK or DROP_OFF_LOCATION", alone(oneOf("BY_MAIL", "IN_STORE", "AT_A_KIOSK", "DROP_OFF_LOCATION"))),
		google("return.fee", "return.restocking_fee_fixed", Error, "G148", "give one of the two restocking fees", first(returnFees)),
		google("return_policy_label.length", "return_policy_label", Error, "G149", "shorten the label to 100 characters", within(100)).from(googleAPI),
		google("transit_time_label.length", "transit_time_label", Warning, "G150", "shorten the label to 100 characters", within(100)).from(googleAPI),

		beyond("shipping.required", "shipping", "google", Error, "G132", "the account", "give shipping in the feed or in the account").as("missing_shipping"),
	}
	for _, d := range []struct{ name, row string }{{"shipping_length", "G138"}, {"shipping_width", "G139"}, {"shipping_height", "G140"}} {
		rules = append(rules, google(d.name+".value", d.name, Error, d.row, "write it as 20 cm, up to 400 cm or 150 in", alone(measure(unit{"cm", 1, 400}, unit{"in", 1, 150}))))
	}
	return rules
}

// shippingTwice looks for two prices of one service.
func shippingTwice(_ *checker, r *record, _ *cell) string {
	type service struct{ country, region, name string }
	var seen map[service]string
	for i := range r.cells {
		c := &r.cells[i]
		if c.name != aShippingPrice || c.value == "" {
			continue
		}
		if seen == nil {
			if r.count(aShippingPrice) < 2 {
				return ""
			}
			seen = map[service]string{}
		}
		s := service{r.inGroup(aShippingCountry, c.group), r.inGroup(aShippingRegion, c.group), r.inGroup(aShippingService, c.group)}
		if price, twice := seen[s]; twice && price != c.value && !hasFurther(r, c.group) {
			return "two prices for " + strings.Trim(s.country+" "+s.region+" "+s.name, " ")
		}
		seen[s] = c.value
	}
	return ""
}

// hasFurther tells groups that are told apart by postal code or place.
func hasFurther(r *record, group uint16) bool {
	return r.inGroup(attributeIDs["shipping.postal_code"], group) != "" || r.inGroup(attributeIDs["shipping.location_id"], group) != ""
}

func metaShipping(_ *checker, _ *record, c *cell) string {
	for g := range strings.SplitSeq(c.value, ",") {
		p := strings.Split(g, ":")
		if len(p) != 4 {
			return "has " + strconv.Itoa(len(p)) + " parts, not 4"
		}
		if what := readPrice(strings.TrimSpace(p[3])).problem; what != "" {
			return what
		}
	}
	return ""
}

func carrierOrigin(_ *checker, r *record, c *cell) string {
	if r.get(attributeIDs["carrier_shipping.origin_postal_code"]) == "" {
		return "there is no origin_postal_code"
	}
	return ""
}

func carrierPrices(_ *checker, r *record, c *cell) string {
	if r.get(attributeIDs["carrier_shipping.carrier_price"]) != "" {
		return "flat_price and carrier_price exclude each other"
	}
	return ""
}

func handlingOrder(_ *checker, r *record, c *cell) string {
	most, err := strconv.Atoi(c.value)
	if err != nil || most < 0 {
		return "this is not a whole number of days"
	}
	if least, err := strconv.Atoi(r.get(aMinHandling)); err == nil && most < least {
		return "is below min_handling_time"
	}
	return ""
}

func handlingAlone(_ *checker, r *record, c *cell) string {
	if n, err := strconv.Atoi(c.value); err != nil || n < 0 {
		return "this is not a whole number of days"
	}
	if !r.has(aMaxHandling) {
		return "there is no max_handling_time"
	}
	return ""
}

func pricedAlike(k *checker, r *record, c *cell) string {
	if what := amount(k, r, c); what != "" {
		return what
	}
	return sameCurrency(k, r, c)
}

func clockTime(_ *checker, _ *record, c *cell) string {
	v := strings.Replace(c.value, ":", "", 1)
	if len(v) != 4 || !isDigits(v) || v[:2] > "23" || v[2:] > "59" {
		return "this is no time of a 24-hour clock"
	}
	return ""
}

func returnWindow(k *checker, r *record, c *cell) string {
	if strings.EqualFold(c.value, "FINITE_RETURN_WINDOW") && r.get(attributeIDs["return.window_days"]) == "" {
		return "a finite window needs window_days"
	}
	return oneOf("FINITE_RETURN_WINDOW", "NO_RETURNS", "LIFETIME")(k, r, c)
}

func returnFees(_ *checker, r *record, c *cell) string {
	if r.get(attributeIDs["return.restocking_fee_percent"]) != "" {
		return "both restocking fees are given"
	}
	return ""
}
