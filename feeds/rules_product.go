package feeds

import (
	"strconv"
	"strings"
)

// productRules are about what a product is: its category, measures and details.
func productRules() []Rule {
	rules := []Rule{
		google("google_product_category.value", "google_product_category", Error, "G065", "give one number or one full path of Google's taxonomy", alone(categoryForm)).as("google_category_unrecognized"),
		meta("google_product_category.value", "google_product_category", Warning, "M026", "give one number or one full path of Google's taxonomy", alone(categoryForm)),
		google("google_product_category.depth", "google_product_category", Warning, "G067", "name a category of three levels or more", each(categoryDepth)).from(ownRule),
		meta("fb_product_category.value", "fb_product_category", Warning, "M027", "give one number or one path of Meta's categories", alone(fbCategory)),
		google("product_type.length", "product_type", Warning, "G068", "shorten the path to 750 characters", within(750)),
		meta("product_type.length", "product_type", Warning, "M047", "shorten the path to 750 characters", within(750)),
		google("product_type.count", "product_type", Warning, "G069", "give at most 10; only the first counts for bidding", first(more(10))).from("github.com/google/shoptimizer"),
		google("multipack.value", "multipack", Error, "G088", "give a whole number above 1, or leave it out", alone(whole(2, 1<<31))),
		google("is_bundle.value", "is_bundle", Warning, "G089", "say yes or no", alone(yesNo)),
		google("product_detail.parts", "product_detail.attribute_value", Warning, "G103", "give attribute_name with every attribute_value", each(needs(aDetailName))),
		google("product_detail.count", "product_detail.attribute_value", Warning, "G103", "give at most 100 details", first(more(100))),
		google("product_detail.section", "product_detail.section_name", Warning, "G103", "shorten the section to 140 characters", within(140)),
		google("product_detail.name", "product_detail.attribute_name", Warning, "G103", "shorten the name to 140 characters", within(140)),
		google("product_detail.value", "product_detail.attribute_value", Warning, "G103", "shorten the value to 1,000 characters", within(1000)),
		google("product_highlight.length", "product_highlight", Warning, "G104", "shorten the highlight to 150 characters", within(150)),
		google("product_highlight.count", "product_highlight", Warning, "G104", "give 2 to 100 highlights", first(highlights)),
		google("product_dimensions.unit", "product_length", Warning, "G105 G106 G107", "give length, width and height in one unit", once(together(aProductLength, aProductWidth, aProductHeight))),
		google("product_weight.value", "product_weight", Warning, "G108", "write the weight as 1.5 kg, up to 2,000",
			alone(measure(unit{"lb", 0, 2000}, unit{"oz", 0, 2000}, unit{"g", 0, 2000}, unit{"kg", 0, 2000}))),
		google("popularity_rank.value", "popularity_rank", Warning, "G109", "give a number from 0 to 100", alone(percentRank)),
		google("question_and_answer.parts", "question_and_answer.question", Warning, "G110", "give at most 30 questions, each with its answer", first(questions)),
		google("question_and_answer.length", "question_and_answer.answer", Warning, "G110", "shorten the answer to 1,000 characters", within(1000)),
		google("related_product.type", "related_product.relationship_type", Warning, "G111", "name a relationship Google knows, as part_of_set",
			alone(oneOf("part_of_set", "required_part", "often_bought_with", "substitute", "different_brand", "accessory"))),
		google("related_product.count", "related_product.relationship_type", Warning, "G111", "name at most 30 related products", first(more(30))),
		google("custom_attribute.length", "custom_attribute", Warning, "G157", "shorten it to 10,240 characters", within(10240)).from(googleAPI),
		google("attribute.values", "id", Warning, "G156", "give attributes that take one value only once", once(tooMany)).as("attribute_has_too_many_values"),
		google("tax.retired", "tax", Warning, "G151", "leave tax out; set it in the account", each(retired)),

		beyond("google_product_category.fixed", "google_product_category", "google", Error, "G066", "judgement", "put gift cards into 53 and phones on contract into 267"),
		beyond("multipack.required", "multipack", "google", Error, "G088", "judgement", "say how many pieces a pack you made holds"),
	}
	for _, d := range []struct{ name, row string }{{"product_length", "G105"}, {"product_width", "G106"}, {"product_height", "G107"}} {
		rules = append(rules, google(d.name+".value", d.name, Warning, d.row, "write it as 20 cm, from 1 to 3,000", alone(measure(unit{"cm", 1, 3000}, unit{"in", 1, 3000}))))
	}
	return rules
}

func categoryDepth(k *checker, r *record, c *cell) string {
	p := k.categoryPath(r)
	if p == "" || isDigits(p) || strings.Count(p, ">") >= 2 {
		return ""
	}
	return "the category is one or two levels deep"
}

func fbCategory(_ *checker, _ *record, c *cell) string {
	if hasEmptyLevel(c.value) {
		return "a level of the path is empty"
	}
	return ""
}

func highlights(_ *checker, r *record, c *cell) string {
	if n := r.count(aHighlight); n < 2 || n > 100 {
		return "has " + strconv.Itoa(n)
	}
	return ""
}

func percentRank(_ *checker, _ *record, c *cell) string {
	if v, err := strconv.ParseFloat(c.value, 64); err != nil || !(v >= 0 && v <= 100) {
		return "this is not a number from 0 to 100"
	}
	return ""
}

func questions(_ *checker, r *record, c *cell) string {
	q, a := r.count(c.name), r.count(attributeIDs["question_and_answer.answer"])
	if q != a {
		return "questions and answers are not as many"
	}
	if q > 30 {
		return "has more than 30 questions"
	}
	return ""
}

// single are attributes that take one value, of those that come more than once
// in real feeds.
var single = [numAttrs]bool{aTitle: true, aDescription: true, aLink: true, aImageLink: true, aPrice: true, aSalePrice: true, aAvailability: true,
	aCondition: true, aBrand: true, aItemGroupID: true}

func tooMany(_ *checker, r *record, _ *cell) string {
	for i := range r.cells {
		c := &r.cells[i]
		if first := int(r.first[c.name]); single[c.name] && first != i+1 && c.value != "" && c.value != r.cells[first-1].value {
			return nameOf(c.name) + " comes more than once; the first counts"
		}
	}
	return ""
}

func retired(*checker, *record, *cell) string { return "the attribute is no longer read" }
