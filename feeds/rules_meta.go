package feeds

import (
	"encoding/json"
	"fmt"
	"strings"
)

// metaRules are about attributes only Meta has.
func metaRules() []Rule {
	rules := []Rule{
		meta("status.value", "status", Error, "M024", "say active or archived", alone(oneOf("active", "archived"))),
		meta("visibility.value", "visibility", Error, "M024", "say published or staging, or use status", alone(oneOf("published", "staging"))),
		meta("internal_label.length", "internal_label", Warning, "M036", "shorten each label to 110 characters, at most 5,000", alone(parts(",", 5000, 114))),
		meta("vendor_id.length", "vendor_id", Warning, "M048", "shorten it to 100 characters", within(100)),
		meta("quantity_to_sell_on_facebook.value", "quantity_to_sell_on_facebook", Warning, "M053", "give a whole number", alone(whole(0, 1<<31))),
		meta("inventory.value", "inventory", Warning, "M053", "give a whole number", alone(whole(0, 1<<31))),
		meta("origin_country.value", "origin_country", Error, "M055", "write the country as two letters, as IN", alone(countryCode)),
		meta("origin_country.required", "origin_country", Error, "M055", "name the country the product comes from", once(indiaOrigin)),
		meta("importer_name.required", "importer_name", Error, "M056", "name the importer", once(indiaImporter)),
		meta("importer_address.required", "importer_address", Error, "M057", "give the importer's address", once(indiaImporter)),
		meta("importer_address.value", "importer_address", Error, "M057", `write {"street1": ..., "city": ..., "country": ...}`, alone(importerAddress)),
		meta("wa_compliance_category.value", "wa_compliance_category", Warning, "M058", "say COUNTRY_ORIGIN_EXEMPT or DEFAULT, in capitals", alone(complianceCategory)),
	}
	for i := range 5 {
		name := fmt.Sprintf("custom_number_%d", i)
		rules = append(rules, meta(name+".value", name, Error, fmt.Sprintf("M%03d", 42+i), "give a whole number from 0 to 4294967295", alone(whole(0, 1<<32-1))))
	}
	return rules
}

func indiaOrigin(k *checker, _ *record, c *cell) string {
	if k.country == "IN" && c.value == "" {
		return "items for India need it"
	}
	return ""
}

func indiaImporter(k *checker, r *record, c *cell) string {
	if o := r.get(aOriginCountry); k.country == "IN" && c.value == "" && o != "" && !strings.EqualFold(o, "IN") {
		return "items from abroad need it in India"
	}
	return ""
}

func importerAddress(_ *checker, _ *record, c *cell) string {
	var a struct{ Street1, City, Country string }
	if json.Unmarshal([]byte(c.value), &a) != nil || a.Street1 == "" || a.City == "" || a.Country == "" {
		return "lacks street1, city or country"
	}
	return ""
}

func complianceCategory(_ *checker, _ *record, c *cell) string {
	if c.value != "COUNTRY_ORIGIN_EXEMPT" && c.value != "DEFAULT" {
		return unknownValue
	}
	return ""
}
