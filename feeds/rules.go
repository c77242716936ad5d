package feeds

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"adsteward/internal/money"
)

// Rule is one row of the table of rules.
type Rule struct {
	ID        string
	Attribute string
	Platform  string // google, meta or both
	Severity  Severity
	Fix       string
	// check returns what is wrong, or "". The attribute may be absent (value "").
	check func(in ruleInput) string
}

// ruleInput is what a rule looks at.
type ruleInput struct {
	raw   *rawItem
	item  Item
	value string // of the rule's attribute
}

func (in ruleInput) get(name string) string { return in.raw.get(name).value }

// Rules is the table: everything that is checked of an item by itself. Besides
// it, ids that come twice, items that cannot be read and feeds that are empty,
// cut short, wrongly encoded or without namespace are found.
func Rules() []Rule {
	return []Rule{
		{"id.required", "id", "both", Error, "give every item an id that never changes", required},
		{"id.length", "id", "google", Error, "shorten the id to 50 characters, the same in every feed", longer(50)},
		{"id.length", "id", "meta", Error, "shorten the id to 100 characters, the same in every feed", longer(100)},
		{"title.required", "title", "both", Error, "write what the product is", required},
		{"title.length", "title", "google", Warning, "put what matters first and shorten the title to 150 characters", longer(150)},
		{"title.length", "title", "meta", Error, "shorten the title to 200 characters", longer(200)},
		{"description.required", "description", "both", Error, "describe the product", required},
		{"description.length", "description", "google", Error, "shorten the description to 5,000 characters", longer(5000)},
		{"description.length", "description", "meta", Error, "shorten the description to 9,999 characters", longer(9999)},
		{"link.required", "link", "both", Error, "give the address of the product's page", required},
		{"link.url", "link", "both", Error, "write a whole address, as https://shop.example/product", webAddress},
		{"image_link.required", "image_link", "both", Error, "give the address of the main image", required},
		{"image_link.url", "image_link", "both", Error, "write a whole address, as https://shop.example/image.jpg", webAddress},
		{"price.required", "price", "both", Error, "write the price as 12.50 EUR", required},
		{"price.format", "price", "both", Error, "write the price as 12.50 EUR", priceFormat},
		{"price.written", "price", "both", Normalized, "write the price as 12.50 EUR", priceWritten},
		{"price.zero", "price", "both", Error, "give the price a customer pays, or leave the item out", priceZero},
		{"price.decimals", "price", "both", Warning, "write no more decimals than the currency has", priceDecimals},
		{"sale_price.format", "sale_price", "both", Error, "write the price as 12.50 EUR", priceFormat},
		{"sale_price.higher", "sale_price", "both", Error, "make the sale price lower than the price, or leave it out", saleHigher},
		{"availability.required", "availability", "both", Error, "say in_stock, out_of_stock, preorder or backorder", required},
		{"availability.value", "availability", "google", Error, "say in_stock, out_of_stock, preorder or backorder, in English", availabilityOf(googleAvailability)},
		{"availability.value", "availability", "meta", Error, "say in stock, out of stock, preorder or available for order, in English", availabilityOf(metaAvailability)},
		{"availability.written", "availability", "google", Normalized, "write it in small letters with underscores", availabilityWritten("_")},
		{"availability.written", "availability", "meta", Normalized, "write it in small letters with spaces", availabilityWritten(" ")},
		{"availability_date.required", "availability_date", "google", Error, "say from when the product ships, as 2026-01-31T00:00Z", availabilityDate},
		{"condition.required", "condition", "meta", Error, "say new, refurbished or used", required},
		{"condition.value", "condition", "google", Error, "say new, refurbished or used, in English", oneOf("new", "refurbished", "used")},
		{"condition.value", "condition", "meta", Error, "say new, refurbished or used, in English", oneOf("new", "refurbished", "used", "cpo", "open_box_new", "used_like_new", "used_good", "used_fair")},
		{"identifier.required", "gtin", "meta", Error, "give the brand, the gtin or the mpn", noIdentifierAtAll},
		{"identifier.missing", "gtin", "google", Warning, "give the gtin, or brand and mpn; say identifier_exists no where the product has none", noIdentifier},
		{"gtin.value", "gtin", "both", Error, "copy the 8, 12, 13 or 14 digits below the bar code, or leave the gtin out", gtinValue},
		{"brand.length", "brand", "google", Error, "shorten the brand to 70 characters", longer(70)},
		{"brand.length", "brand", "meta", Error, "shorten the brand to 100 characters", longer(100)},
	}
}

func required(in ruleInput) string {
	if in.value == "" {
		return "the attribute is missing or empty"
	}
	return ""
}

func longer(limit int) func(ruleInput) string {
	return func(in ruleInput) string {
		if n := utf8.RuneCountInString(in.value); n > limit {
			return fmt.Sprintf("has %d characters; the limit is %d", n, limit)
		}
		return ""
	}
}

func webAddress(in ruleInput) string {
	if in.value == "" {
		return ""
	}
	u, err := url.Parse(in.value)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "this is no address that begins with http:// or https://"
	}
	return ""
}

func priceFormat(in ruleInput) string {
	if in.value == "" {
		return ""
	}
	_, problem, _ := parsePrice(in.value)
	return problem
}

func priceWritten(in ruleInput) string {
	_, _, note := parsePrice(in.value)
	return note
}

func priceZero(in ruleInput) string {
	if in.item.Price != nil && in.item.Price.Amount == 0 && in.get("subscription_cost.amount") == "" && in.get("subscription_cost") == "" {
		return "the price is 0"
	}
	return ""
}

func priceDecimals(in ruleInput) string {
	p := in.item.Price
	if p != nil && p.Amount != p.Amount.RoundTo(money.MinorUnit(p.Currency)) {
		return fmt.Sprintf("%s has %d decimals", p.Currency, money.Decimals(p.Currency))
	}
	return ""
}

func saleHigher(in ruleInput) string {
	price, sale := in.item.Price, in.item.SalePrice
	switch {
	case price == nil || sale == nil:
		return ""
	case price.Currency != sale.Currency:
		return fmt.Sprintf("the sale price is in %s and the price in %s", sale.Currency, price.Currency)
	case sale.Amount >= price.Amount:
		return "the sale price is not lower than the price"
	}
	return ""
}

var (
	googleAvailability = []string{"in_stock", "out_of_stock", "preorder", "backorder", "limited_availability"}
	metaAvailability   = []string{"in_stock", "out_of_stock", "preorder", "available_for_order", "discontinued", "pending", "mark_as_sold"}
)

// foldAvailability writes the platforms' spellings alike.
func foldAvailability(s string) string {
	return strings.ReplaceAll(strings.ToLower(strings.Join(strings.Fields(s), "_")), "-", "_")
}

func availabilityOf(values []string) func(ruleInput) string {
	return func(in ruleInput) string {
		if in.value == "" || slices.Contains(values, foldAvailability(in.value)) {
			return ""
		}
		return "this is no value the platform knows"
	}
}

func availabilityWritten(space string) func(ruleInput) string {
	return func(in ruleInput) string {
		folded := foldAvailability(in.value)
		known := slices.Contains(googleAvailability, folded) || slices.Contains(metaAvailability, folded)
		if known && in.value != strings.ReplaceAll(folded, "_", space) {
			return "understood as " + strings.ReplaceAll(folded, "_", space)
		}
		return ""
	}
}

func availabilityDate(in ruleInput) string {
	if a := in.item.Availability; (a == "preorder" || a == "backorder") && in.value == "" {
		return "the item is on " + a + " and does not say from when it ships"
	}
	return ""
}

func oneOf(values ...string) func(ruleInput) string {
	return func(in ruleInput) string {
		if in.value == "" || slices.Contains(values, strings.ToLower(in.value)) {
			return ""
		}
		return "this is no value the platform knows"
	}
}

func noIdentifierAtAll(in ruleInput) string {
	if in.value == "" && in.get("brand") == "" && in.get("mpn") == "" {
		return "brand, gtin and mpn are all missing"
	}
	return ""
}

func noIdentifier(in ruleInput) string {
	exists := strings.ToLower(in.get("identifier_exists"))
	if in.value != "" || in.get("brand") != "" && in.get("mpn") != "" || exists == "no" || exists == "false" {
		return ""
	}
	return "there is neither a gtin nor brand and mpn together"
}

// gtinValue checks the length and the check digit (GS1 General Specifications:
// weights 3 and 1 from the right).
func gtinValue(in ruleInput) string {
	digits := strings.NewReplacer(" ", "", "-", "").Replace(in.value)
	if digits == "" {
		return ""
	}
	if n := len(digits); strings.Trim(digits, "0123456789") != "" || n != 8 && n != 12 && n != 13 && n != 14 {
		return "a gtin has 8, 12, 13 or 14 digits"
	}
	if strings.Trim(digits, "0") == "" {
		return "a gtin is not all zeros"
	}
	sum := 0
	for i := range len(digits) - 1 {
		d := int(digits[len(digits)-2-i] - '0')
		if i%2 == 0 {
			d *= 3
		}
		sum += d
	}
	if (10-sum%10)%10 != int(digits[len(digits)-1]-'0') {
		return "the gtin's check digit is wrong"
	}
	return ""
}

// checker holds one feed against the rules of the platforms asked for.
type checker struct {
	rules    []Rule
	platform string
	seen     map[uint64]int // hash of an id -> the line it came on first
}

func newChecker(o Options) *checker {
	c := &checker{platform: o.Platform, seen: map[uint64]int{}}
	for _, r := range Rules() {
		switch {
		case o.Platform == "both" || r.Platform == o.Platform:
			c.rules = append(c.rules, r)
		case r.Platform == "both":
			r.Platform = o.Platform
			c.rules = append(c.rules, r)
		}
	}
	return c
}

// parse reads what the program uses of an item.
func (c *checker) parse(raw *rawItem) Item {
	price := func(name string) *Price {
		p, _, _ := parsePrice(raw.get(name).value)
		return p
	}
	it := Item{Line: raw.line, ID: raw.get("id").value, Title: raw.get("title").value,
		Price: price("price"), SalePrice: price("sale_price"), CostOfGoodsSold: price("cost_of_goods_sold"),
		Availability: foldAvailability(raw.get("availability").value), ProductType: raw.get("product_type").value,
		Brand: raw.get("brand").value, ItemGroupID: raw.get("item_group_id").value}
	if it.ID == "" {
		it.ID = raw.get("atom:id").value
	}
	for i := range it.CustomLabels {
		it.CustomLabels[i] = raw.get(fmt.Sprintf("custom_label_%d", i)).value
	}
	return it
}

// maxValue is how much of a value an issue repeats.
const maxValue = 200

func (c *checker) item(raw *rawItem, it Item) []Issue {
	var out []Issue
	in := ruleInput{raw: raw, item: it}
	for _, r := range c.rules {
		a := raw.get(r.Attribute)
		in.value = a.value
		if r.Attribute == "id" {
			in.value = it.ID
		}
		if what := r.check(in); what != "" {
			out = append(out, Issue{Line: a.line, Attribute: r.Attribute, Rule: r.ID, Severity: r.Severity, Platform: r.Platform,
				Value: clip(in.value), Message: r.Attribute + ": " + what, Fix: r.Fix})
		}
	}
	if it.ID != "" {
		key := hash(it.ID)
		if first, twice := c.seen[key]; twice {
			out = append(out, Issue{Line: raw.get("id").line, Attribute: "id", Rule: "id.duplicate", Severity: Error, Platform: c.platform, Value: clip(it.ID),
				Message: fmt.Sprintf("id: came on line %d already; Google keeps one of the copies, Meta none", first), Fix: "give each item an id of its own, or remove the copy"})
		} else {
			c.seen[key] = raw.line
		}
	}
	return out
}

func clip(s string) string {
	if len(s) <= maxValue {
		return s
	}
	return strings.ToValidUTF8(s[:maxValue], "") + "..."
}
