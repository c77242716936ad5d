package feeds

import (
	"strings"
)

// identityRules are about what tells a product from others: id, brand, gtin,
// mpn.
func identityRules() []Rule {
	return []Rule{
		both("id.required", "id", Error, "G001 M001", "give every item an id that never changes", once(idMissing)),
		google("id.length", "id", Error, "G001", "shorten the id to 50 characters, the same in every feed", within(50)).from(googleHelp + "6324405").as("text_value_too_long"),
		meta("id.length", "id", Error, "M001", "shorten the id to 100 characters, the same in every feed", within(100)),
		google("id.characters", "id", Error, "G004", "use letters, digits, _ and -", only(hasControl|hasHigh, control)),
		google("id.ascii", "id", Warning, "G001", "use letters, digits, _ and - of ASCII", only(hasHigh, asciiOnly)).from(googleHelp + "6324405"),
		both("id.spaces", "id", Normalized, "G005", "write the id without runs of white space", only(hasSpace, idSpaces)).from(googleAPI),

		google("brand.required", "brand", Error, "G070", "name the maker; say identifier_exists no where there is none", once(noBrand)),
		google("brand.length", "brand", Error, "G070", "shorten the brand to 70 characters", within(70)).as("text_value_too_long"),
		meta("brand.length", "brand", Error, "M017", "shorten the brand to 100 characters", within(100)),
		google("brand.filler", "brand", Error, "G071", "name the maker, or leave the brand out and say identifier_exists no",
			alone(filler("n/a", "na", "none", "generic", "no brand", "does not exist", "unbranded", "unknown", "-", "null"))),

		google("gtin.value", "gtin", Error, "G072 G073 G076 G080", "copy the 8, 12, 13 or 14 digits below the bar code, or leave the gtin out", alone(badGTIN)),
		meta("gtin.value", "gtin", Error, "M018", "copy the 8, 12, 13 or 14 digits below the bar code, or leave the gtin out", alone(badGTIN)),
		google("gtin.reserved", "gtin", Error, "G074 G075", "give the gtin the maker registered, or leave it out", alone(gtinReserved)).from(googleHelp + "6286302"),
		both("gtin.short", "gtin", Warning, "G077 M018", "write the long form", alone(gtinShort)),
		meta("gtin.written", "gtin", Warning, "M018", "write the digits without dashes and spaces", alone(gtinWritten)),
		google("gtin.count", "gtin", Error, "G078", "give at most 10 gtins", first(more(10))).from(googleAPI).as("attribute_has_too_many_values"),

		google("mpn.length", "mpn", Error, "G081", "shorten the mpn to 70 characters", within(70)).as("text_value_too_long"),
		meta("mpn.length", "mpn", Warning, "M019", "shorten the mpn to 100 characters", within(100)),
		google("mpn.filler", "mpn", Error, "G082", "give the maker's part number, or leave the mpn out", alone(mpnFiller)).from("github.com/google/shoptimizer mpn_optimizer"),

		google("identifier_exists.value", "identifier_exists", Error, "G083", "say yes or no", alone(yesNo)),
		google("identifier_exists.contradiction", "identifier_exists", Error, "G084", "leave identifier_exists out where there are identifiers", each(identifierLie)).as("identifier_exists_false_misuse"),
		google("identifier.missing", "gtin", Warning, "G081 G085", "give the gtin, or brand and mpn; say identifier_exists no where the product has none", once(noIdentifier)).as("missing_gtin_and_mpn"),
		meta("identifier.required", "gtin", Error, "M016", "give the brand, the gtin or the mpn", once(noIdentifierAtAll)).as("meta_missing_universal_id"),

		beyond("id.stable", "id", "google", Warning, "G006", "an earlier feed", "keep the id of a product the same from day to day"),
		beyond("id.feeds", "id", "meta", Error, "M003", "the account", "give an item in one feed of the catalog only"),
		beyond("id.spend", "id", "both", Warning, "X009", "spend", "take out of campaigns what is not in the feed"),
		beyond("external_seller_id.required", "external_seller_id", "google", Error, "G123", "the account", "name the seller where the account sells for several"),
	}
}

func idMissing(_ *checker, r *record, c *cell) string {
	if r.id() == "" {
		return "the attribute is missing or empty"
	}
	return ""
}

func idSpaces(_ *checker, _ *record, c *cell) string {
	if c.traits&hasSpace != 0 && strings.Join(strings.Fields(c.value), " ") != c.value {
		return "runs of white space count as one space"
	}
	return ""
}

func noBrand(k *checker, r *record, c *cell) string {
	if c.value != "" || k.isMedia(r) || isNo(r.get(aIdentifierExists)) || r.has(aCondition) && !strings.EqualFold(r.get(aCondition), "new") {
		return ""
	}
	return "new products need a brand"
}

func badGTIN(_ *checker, _ *record, c *cell) string {
	digits := gtinDigits(c.value)
	what := gtinProblem(digits)
	if what == "" || longGTIN(digits) != "" { // of the latter gtin.short tells
		return ""
	}
	return what
}

func gtinReserved(_ *checker, _ *record, c *cell) string {
	digits := gtinDigits(c.value)
	if !isDigits(digits) || len(digits) < 12 || len(digits) > 14 {
		return ""
	}
	what := reservedGTIN(digits)
	if what == "" || gtinProblem(digits) != "" {
		return ""
	}
	return what
}

func gtinShort(_ *checker, _ *record, c *cell) string {
	digits := gtinDigits(c.value)
	if n := len(digits); n != 8 && n != 10 || gtinProblem(digits) == "" {
		return ""
	}
	if long := longGTIN(digits); long != "" {
		return "this is a UPC-E or an ISBN-10; its long form is " + long
	}
	return ""
}

// longGTIN is the form in 12 or 13 digits of a UPC-E or an ISBN-10, or "".
func longGTIN(digits string) string {
	if long := expandUPCE(digits); long != "" {
		return long
	}
	return isbn13(digits)
}

func gtinWritten(_ *checker, _ *record, c *cell) string {
	if digits := gtinDigits(c.value); len(digits) != len(c.value) && gtinProblem(digits) == "" {
		return "holds dashes or spaces"
	}
	return ""
}

// mpnFiller finds 0, 1, 0000, 0001 and words for nothing.
func mpnFiller(k *checker, r *record, c *cell) string {
	if isDigits(c.value) && strings.TrimLeft(c.value, "0") == "" || isDigits(c.value) && strings.TrimLeft(c.value, "0") == "1" {
		return "the value says nothing"
	}
	return filler("n/a", "na", "none", "null", "does not apply", "not applicable", "unknown", "-")(k, r, c)
}

func identifierLie(_ *checker, r *record, c *cell) string {
	switch {
	case !isNo(c.value):
	case r.has(aGTIN):
		return "says no, and there is a gtin"
	case r.has(aBrand) && r.has(aMPN):
		return "says no, and there are brand and mpn"
	}
	return ""
}

func noIdentifierAtAll(_ *checker, r *record, c *cell) string {
	if c.value == "" && !r.has(aBrand) && !r.has(aMPN) {
		return "brand, gtin and mpn are all missing"
	}
	return ""
}

func noIdentifier(_ *checker, r *record, c *cell) string {
	if c.value != "" || r.has(aBrand) && r.has(aMPN) || isNo(r.get(aIdentifierExists)) {
		return ""
	}
	return "there is neither a gtin nor brand and mpn together"
}
