package feeds

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// needApparel are the countries where Google wants age group, gender, colour
// and size of clothing.
const needApparel = "BR FR DE JP GB US"

// variantRules are about what tells the items of a group apart.
func variantRules() []Rule {
	return []Rule{
		google("item_group_id.length", "item_group_id", Error, "G099", "shorten the item_group_id to 50 characters", within(50)).as("text_value_too_long"),
		meta("item_group_id.length", "item_group_id", Error, "M022", "shorten the item_group_id to 100 characters", within(100)).as("meta_item_group_id_too_long"),
		google("item_group_id.fields", "item_group_id", Warning, "G099", "say by color, size, pattern, material, age_group, gender or variant_option what sets the variant apart", each(noVariantField)),
		google("item_group_title.length", "item_group_title", Warning, "G101", "shorten it to 150 characters", within(150)),
		google("variant_option.parts", "variant_option.name", Warning, "G102", "give name and value, at most 30", first(variantOptions)),
		google("variant_option.length", "variant_option.value", Warning, "G102", "shorten the value to 250 characters", within(250)),
		google("age_group.value", "age_group", Error, "G090 G155", "say newborn, infant, toddler, kids or adult", alone(oneOf("newborn", "infant", "toddler", "kids", "adult"))),
		meta("age_group.value", "age_group", Warning, "M031", "say adult, all ages, teen, kids, toddler, infant or newborn", alone(oneOf("adult", "all ages", "teen", "kids", "toddler", "infant", "newborn"))),
		google("age_group.required", "age_group", Error, "G090", "say newborn, infant, toddler, kids or adult", once(apparelNeeds)),
		google("gender.value", "gender", Error, "G091 G155", "say male, female or unisex", alone(oneOf("male", "female", "unisex"))),
		meta("gender.value", "gender", Warning, "M029", "say female, male or unisex", alone(oneOf("female", "male", "unisex"))),
		google("gender.required", "gender", Error, "G091", "say male, female or unisex", once(apparelNeeds)),
		google("color.length", "color", Error, "G092", "name at most 3 colours with / between, each of at most 40 characters", alone(parts("/", 3, 40))),
		google("color.value", "color", Error, "G093", "name the colour in words", alone(badColor)),
		google("color.required", "color", Error, "G092", "name the colour", once(apparelNeeds)),
		meta("color.length", "color", Warning, "M028", "shorten the colour to 200 characters", within(200)),
		meta("color.value", "color", Warning, "M028", "name the colour in words, not as a code", alone(hexColor)),
		google("size.length", "size", Error, "G094", "shorten the size to 100 characters", within(100)),
		google("size.required", "size", Error, "G094", "give the size", once(sizeNeeded)),
		meta("size.length", "size", Warning, "M030", "shorten the size to 200 characters", within(200)),
		meta("size.word", "size", Warning, "M030", "leave the word size out", alone(sizeWord)),
		google("size_type.value", "size_type", Error, "G095", "say regular, petite, maternity, big, tall or plus", alone(oneOf("regular", "petite", "maternity", "big", "tall", "plus"))),
		google("size_type.count", "size_type", Error, "G095", "give at most 2", first(more(2))).as("attribute_has_too_many_values"),
		google("size_system.value", "size_system", Error, "G096", "say US, UK, EU, DE, FR, JP, CN, IT, BR, MEX or AU", alone(oneOf("US", "UK", "EU", "DE", "FR", "JP", "CN", "IT", "BR", "MEX", "AU"))),
		google("material.length", "material", Warning, "G097", "name at most 3 materials with / between, 200 characters in all", alone(parts("/", 3, 200))),
		meta("material.length", "material", Warning, "M032", "shorten the material to 200 characters", within(200)),
		google("pattern.length", "pattern", Warning, "G098", "shorten the pattern to 100 characters", within(100)),
		meta("pattern.length", "pattern", Warning, "M033", "shorten the pattern to 100 characters", within(100)),
		meta("additional_variant_attribute.core", "additional_variant_attribute", Warning, "M050", "give color, size, gender, pattern and material by their own names", each(coreVariant)),
	}
}

func noVariantField(_ *checker, r *record, _ *cell) string {
	if variantFields(r) == 0 {
		return "the item is in a group and has nothing that sets it apart"
	}
	return ""
}

// variantAttrs are what may tell variants apart.
var variantAttrs = [...]attrID{aColor, aSize, aPattern, aMaterial, aAgeGroup, aGender, aVariantOption}

var aVariantName, aVariantValue = attributeIDs["variant_option.name"], attributeIDs["variant_option.value"]

// variantFields is a bit for each of variantAttrs the item has.
func variantFields(r *record) (bits uint8) {
	for i, a := range variantAttrs {
		if r.has(a) || a == aVariantOption && r.has(aVariantValue) {
			bits |= 1 << i
		}
	}
	return bits
}

func variantOptions(_ *checker, r *record, c *cell) string {
	names, values := r.count(aVariantName), r.count(aVariantValue)
	if names != values {
		return "names and values are not as many"
	}
	if names > 30 {
		return "has more than 30"
	}
	return ""
}

func apparelNeeds(k *checker, r *record, c *cell) string {
	if c.value == "" && inCountries(needApparel, k.country) && k.isApparel(r) {
		return "clothing needs it in " + k.country
	}
	return ""
}

func sizeNeeded(k *checker, r *record, c *cell) string {
	if c.value == "" && inCountries(needApparel, k.country) &&
		(k.inCategory(r, "1604", "Apparel & Accessories > Clothing") || k.inCategory(r, "187", "Apparel & Accessories > Shoes")) {
		return "clothes and shoes need it in " + k.country
	}
	return ""
}

func hexColor(_ *checker, _ *record, c *cell) string {
	v := strings.TrimPrefix(c.value, "#")
	if v != c.value && (len(v) == 3 || len(v) == 6) && strings.Trim(strings.ToLower(v), "0123456789abcdef") == "" {
		return "this is a code, not a colour's name"
	}
	return ""
}

func badColor(k *checker, r *record, c *cell) string {
	v := c.value
	if isDigits(v) || strings.HasPrefix(v, "#") {
		return "this is a code, not a colour's name"
	}
	if first, n := utf8.DecodeRuneInString(v); n == len(v) && !unicode.Is(unicode.Han, first) {
		return "one letter is no colour's name"
	}
	return filler("multicolor", "multicolour", "multi-color", "multi", "various", "variety", "n/a", "na", "none", "see image", "mixed", "assorted")(k, r, c)
}

func sizeWord(_ *checker, _ *record, c *cell) string {
	if len(c.value) > 4 && strings.EqualFold(c.value[:4], "size") {
		return "holds the word size"
	}
	return ""
}

func coreVariant(_ *checker, _ *record, c *cell) string {
	for p := range strings.SplitSeq(c.value, ",") {
		name, _, _ := strings.Cut(p, ":")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "color", "size", "gender", "pattern", "material":
			return "names an attribute that has a place of its own"
		}
	}
	return ""
}
