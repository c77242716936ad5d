package feeds

import "strings"

// textRules are about title and description.
func textRules() []Rule {
	return []Rule{
		both("title.required", "title", Error, "G007", "write what the product is", once(titleMissing)),
		google("title.length", "title", Warning, "G008", "put what matters first and shorten the title to 150 characters", within(150)).from(googleHelp + "6324415").as("text_value_too_long"),
		meta("title.length", "title", Error, "M005", "shorten the title to 200 characters", within(200)),
		meta("title.cut", "title", Warning, "M004", "put what matters into the first 65 characters", within(65)),
		both("title.capitals", "title", Warning, "G009", "write as in a book, not in capitals", only(hasUpper|hasHigh, shouting)),
		google("title.promotional", "title", Warning, "G009", "describe the product; put offers into promotions", alone(promotional)),
		google("title.gimmick", "title", Warning, "G009", "leave out !!!, *** and pictures", only(hasMark|hasHigh, gimmick)),
		both("title.characters", "title", Error, "G011", "remove control and private-use characters", only(hasControl|hasHigh, control)).from("github.com/google/shoptimizer"),
		both("title.html", "title", Warning, "X006", "write plain text", only(hasMarkup, markup)).from(ownRule),

		both("description.required", "description", Error, "G013", "describe the product", once(descriptionMissing)),
		google("description.length", "description", Error, "G013", "shorten the description to 5,000 characters", within(5000)).as("text_value_too_long"),
		meta("description.length", "description", Error, "M006", "shorten the description to 9,999 characters", within(9999)),
		both("description.capitals", "description", Warning, "G014 M006", "write as in a book, not in capitals", only(hasUpper|hasHigh, shouting)),
		google("description.promotional", "description", Warning, "G014", "describe the product; put offers into promotions", alone(promotional)),
		both("description.links", "description", Warning, "G014 M006", "leave addresses out", alone(linksInText)),
		meta("description.html", "description", Error, "M006 M008", "write plain text; HTML belongs in rich_text_description", only(hasMarkup, markup)).as("meta_description_html"),
		meta("description.title", "description", Warning, "M007", "say more than the title does", each(sameAsTitle)),

		google("structured_title.content", "structured_title.content", Error, "G012", "give content of at most 150 characters", within(150)),
		google("structured_title.source", "structured_title.digital_source_type", Error, "G012", "say default or trained_algorithmic_media", alone(oneOf("default", "trained_algorithmic_media"))),
		google("structured_description.content", "structured_description.content", Error, "G015", "give content of at most 5,000 characters", within(5000)),
		google("structured_description.source", "structured_description.digital_source_type", Error, "G015", "say default or trained_algorithmic_media", alone(oneOf("default", "trained_algorithmic_media"))),
		google("short_title.length", "short_title", Warning, "G029", "write 5 to 65 characters, at most 150", within(150)).from(googleHelp + "11551083"),
		meta("rich_text_description.length", "rich_text_description", Warning, "M009", "shorten it to 9,999 characters", within(9999)),

		beyond("title.variant", "title", "google", Warning, "G010", "judgement", "name colour and size in the titles of variants"),
		beyond("title.override", "title", "meta", Warning, "M068", "the account", "shorten titles of country feeds to 100 characters"),
		beyond("description.override", "description", "meta", Warning, "M069", "the account", "shorten descriptions of country feeds to 5,000 characters"),
	}
}

func titleMissing(k *checker, r *record, c *cell) string {
	if k.platform != "meta" && r.has(aStructuredTitle) {
		return ""
	}
	return missing(k, r, c)
}

func descriptionMissing(k *checker, r *record, c *cell) string {
	if k.platform != "meta" && r.has(aStructuredDescription) {
		return ""
	}
	return missing(k, r, c)
}

func linksInText(_ *checker, _ *record, c *cell) string {
	if hasAddress(c.value) {
		return "holds a web address"
	}
	return ""
}

func sameAsTitle(_ *checker, r *record, c *cell) string {
	if len(c.value) == len(r.get(aTitle)) && strings.EqualFold(c.value, r.get(aTitle)) {
		return "repeats the title"
	}
	return ""
}
