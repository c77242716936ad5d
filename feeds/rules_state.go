package feeds

import (
	"slices"
	"strings"
	"time"
)

// stateRules are about whether and when an item can be bought, and in what
// condition.
func stateRules() []Rule {
	return []Rule{
		both("availability.required", "availability", Error, "G031 M010", "say in_stock, out_of_stock, preorder or backorder", once(missing)),
		google("availability.value", "availability", Error, "G031 G155", "say in_stock, out_of_stock, preorder or backorder, in English", each(availabilityOf(googleAvailability))),
		meta("availability.value", "availability", Error, "M010", "say in stock, out of stock, preorder or available for order, in English", each(availabilityOf(metaAvailability))),
		google("availability.written", "availability", Normalized, "G032", "write it in small letters with underscores", each(availabilityWritten("_"))),
		meta("availability.written", "availability", Normalized, "M010", "write it in small letters with spaces", each(availabilityWritten(" "))),
		google("availability.limited", "availability", Warning, "G033", "say in_stock", each(limitedAvailability)).from(googleAPI),
		google("availability_date.required", "availability_date", Error, "G036", "say from when the product ships, as 2026-01-31T00:00Z", once(availabilityDate)).from(googleHelp + "6324470"),
		google("availability_date.format", "availability_date", Error, "G036", "write the date as 2026-01-31T00:00Z", alone(moment)).from(googleHelp + "6324470"),
		google("availability_date.far", "availability_date", Error, "G037", "name a day within a year", each(availabilityFar)).from(googleHelp + "6324470"),
		google("availability_date.past", "availability_date", Warning, "G038", "say in_stock where the product has come, else the new day", each(availabilityPast)).from(ownRule),
		google("availability_date.idle", "availability_date", Warning, "G039", "leave the date out where the product is not on preorder or backorder", each(availabilityIdle)).from(ownRule),
		google("expiration_date.format", "expiration_date", Warning, "G043", "write the date as 2026-01-31T00:00Z", alone(moment)),
		meta("expiration_date.format", "expiration_date", Warning, "M052", "write the date as 2026-01-31", alone(moment)),
		both("expiration_date.past", "expiration_date", Warning, "G043 M052", "leave the date out, or the item", each(expired)),
		meta("condition.required", "condition", Error, "M012", "say new, refurbished or used", once(missing)),
		google("condition.value", "condition", Error, "G086 G155", "say new, refurbished or used, in English", alone(oneOf("new", "refurbished", "used"))),
		meta("condition.value", "condition", Error, "M012", "say new, refurbished or used, in English",
			alone(oneOf("new", "refurbished", "used", "cpo", "open_box_new", "used_like_new", "used_good", "used_fair"))),
		google("adult.value", "adult", Error, "G087", "say yes or no", alone(yesNo)),
		google("pause.value", "pause", Warning, "G128", "say ads, or leave it out", alone(oneOf("ads", "all"))),
		google("energy_efficiency_class.value", "energy_efficiency_class", Error, "G113", "say A+++ to G", alone(energyClass)),
		google("energy_efficiency_class.country", "energy_efficiency_class", Error, "G113", "use certification in the EU", each(energyCountry)),
		google("min_energy_efficiency_class.value", "min_energy_efficiency_class", Warning, "G114", "say A+++ to G, and the class itself", each(energyBound)),
		google("max_energy_efficiency_class.value", "max_energy_efficiency_class", Warning, "G115", "say A+++ to G, and the class itself", each(energyBound)),
		google("certification.parts", "certification.certification_code", Error, "G112", "give authority, name and code", each(certificationWhole)).as("attribute_missing_required_subattribute"),
		google("certification.authority", "certification.certification_authority", Error, "G112", "give the authority of at most 2,000 characters, as EC", within(2000)),

		beyond("availability.page", "availability", "google", Error, "G034", "the page", "make feed, page and checkout say the same"),
		beyond("availability.spend", "availability", "both", Warning, "G035 M011", "spend", "spend nothing on what is out of stock"),
		beyond("pause.long", "pause", "google", Warning, "G128", "an earlier feed", "end pauses within 14 days"),
		beyond("certification.required", "certification", "google", Error, "G112", "judgement", "give certification where goods need an energy label"),
	}
}

var (
	googleAvailability = []string{"in_stock", "out_of_stock", "preorder", "backorder", "limited_availability"}
	metaAvailability   = []string{"in_stock", "out_of_stock", "preorder", "available_for_order", "discontinued", "pending", "mark_as_sold"}
)

// foldAvailability writes the platforms' spellings alike.
func foldAvailability(s string) string {
	switch s { // as most items have it, without work
	case "in stock":
		return "in_stock"
	case "out of stock":
		return "out_of_stock"
	case "", "in_stock", "out_of_stock", "preorder", "backorder":
		return s
	}
	return strings.ReplaceAll(strings.ToLower(strings.Join(strings.Fields(s), "_")), "-", "_")
}

func availabilityOf(values []string) checkFunc {
	return func(_ *checker, r *record, _ *cell) string {
		if slices.Contains(values, r.availability) {
			return ""
		}
		return unknownValue
	}
}

func availabilityWritten(space string) checkFunc {
	return func(_ *checker, r *record, c *cell) string {
		if space == "_" && c.value == r.availability || space == " " && c.value == "in stock" || !slices.Contains(googleAvailability, r.availability) && !slices.Contains(metaAvailability, r.availability) {
			return ""
		}
		if space == " " && r.availability == "in_stock" { // on every item of most feeds made for Google
			return "understood as in stock"
		}
		if want := strings.ReplaceAll(r.availability, "_", space); c.value != want {
			return "understood as " + want
		}
		return ""
	}
}

func limitedAvailability(_ *checker, r *record, _ *cell) string {
	if r.availability == "limited_availability" {
		return "the value is not on the platform's list"
	}
	return ""
}

func awaited(r *record) bool { return r.availability == "preorder" || r.availability == "backorder" }

func availabilityDate(_ *checker, r *record, c *cell) string {
	if awaited(r) && c.value == "" {
		return "the item is on " + r.availability + " and does not say from when it ships"
	}
	return ""
}

func availabilityFar(k *checker, r *record, c *cell) string {
	t, _, ok := readMoment(c.value)
	if ok && !k.now.IsZero() && !k.past(r, t.AddDate(-1, 0, 0)) {
		return "the day is more than a year away"
	}
	return ""
}

func availabilityPast(k *checker, r *record, c *cell) string {
	t, _, ok := readMoment(c.value)
	if ok && awaited(r) && k.past(r, t.Add(24*time.Hour)) {
		return "the day has passed"
	}
	return ""
}

func availabilityIdle(_ *checker, r *record, _ *cell) string {
	if r.availability == "in_stock" || r.availability == "out_of_stock" {
		return "has no meaning for an item that is " + r.availability
	}
	return ""
}

func expired(k *checker, r *record, c *cell) string {
	t, _, ok := readMoment(c.value)
	if ok && k.past(r, t.Add(24*time.Hour)) {
		return "the item has expired and is not shown"
	}
	return ""
}

var energyClass = oneOf("A+++", "A++", "A+", "A", "B", "C", "D", "E", "F", "G")

func energyCountry(k *checker, _ *record, _ *cell) string {
	if k.country != "" && !inCountries("CH NO GB", k.country) {
		return "is for items that target CH, NO or GB"
	}
	return ""
}

func energyBound(k *checker, r *record, c *cell) string {
	if !r.has(aEnergyClass) {
		return "there is no energy_efficiency_class"
	}
	return energyClass(k, r, c)
}

func certificationWhole(_ *checker, r *record, c *cell) string {
	if r.inGroup(aCertificationAuthority, c.group) == "" || r.inGroup(aCertificationName, c.group) == "" {
		return "the group lacks authority or name"
	}
	return ""
}
