package feeds

import (
	"fmt"
	"strings"
)

// campaignRules are about labels and where an item is shown.
func campaignRules() []Rule {
	names := oneOf("Shopping_ads", "Buy_on_Google_listings", "Display_ads", "Local_inventory_ads", "Free_listings", "Free_local_listings", "YouTube_Shopping")
	places := func(k *checker, r *record, c *cell) string { // with spaces they are understood as well
		one := *c
		one.value = strings.ReplaceAll(c.value, " ", "_")
		return names(k, r, &one)
	}
	rules := []Rule{
		google("promotion_id.value", "promotion_id", Error, "G122", "use letters, digits, _ and -, at most 50", alone(promotionID)),
		google("promotion_id.count", "promotion_id", Error, "G122", "give at most 10 promotions", first(more(10))).as("attribute_has_too_many_values"),
		google("external_seller_id.length", "external_seller_id", Error, "G123", "shorten it to 50 characters", within(50)),
		google("excluded_destination.value", "excluded_destination", Error, "G124", "name a destination Google knows, as Shopping_ads", alone(listed(places))),
		google("included_destination.value", "included_destination", Error, "G124", "name a destination Google knows, as Shopping_ads", alone(listed(places))),
		google("included_destination.contradiction", "included_destination", Error, "G125", "name a destination once, as included or as excluded", each(includedExcluded)),
		google("shopping_ads_excluded_country.value", "shopping_ads_excluded_country", Error, "G127", "write the country as two letters, as GB", alone(listed(countryCode))),
		google("display_ads_id.length", "display_ads_id", Warning, "G129", "shorten it to 100 characters", within(100)).from(googleAPI),
		google("ads_grouping.length", "ads_grouping", Warning, "G130", "shorten it to 100 characters, or use custom labels", within(100)).from(googleAPI),
		google("feed_label.value", "feed_label", Error, "G131", "use at most 20 of A-Z, 0-9, - and _", alone(feedLabel)).from(googleAPI),

		beyond("excluded_destination.all", "excluded_destination", "google", Warning, "G126", "an earlier feed", "an item excluded everywhere for 7 days is deleted"),
		beyond("custom_label.campaigns", "custom_label_0", "both", Warning, "X008", "spend", "give every label a campaign uses to at least one item"),
	}
	for i := range 5 {
		name := fmt.Sprintf("custom_label_%d", i)
		rules = append(rules,
			google(name+".length", name, Error, fmt.Sprintf("G%d", 117+i), "shorten the label to 100 characters", within(100)).as("text_value_too_long"),
			meta(name+".length", name, Error, fmt.Sprintf("M%03d", 37+i), "shorten the label to 100 characters", within(100)))
	}
	return rules
}

func promotionID(_ *checker, _ *record, c *cell) string {
	for p := range strings.SplitSeq(c.value, ",") {
		p = strings.TrimSpace(p)
		if len(p) > 50 {
			return "is longer than 50 characters"
		}
		for _, b := range []byte(p) {
			if !(b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '_' || b == '-') {
				return "holds spaces or symbols"
			}
		}
	}
	return ""
}

// listed checks every value of a list with commas.
func listed(f checkFunc) checkFunc {
	return func(k *checker, r *record, c *cell) string {
		if !strings.Contains(c.value, ",") {
			return f(k, r, c)
		}
		one := *c
		for p := range strings.SplitSeq(c.value, ",") {
			one.value = strings.TrimSpace(p)
			if what := f(k, r, &one); what != "" {
				return what
			}
		}
		return ""
	}
}

func includedExcluded(_ *checker, r *record, c *cell) string {
	for i := range r.cells {
		if x := &r.cells[i]; x.name == aExcluded && x.value != "" {
			for p := range strings.SplitSeq(x.value, ",") {
				for q := range strings.SplitSeq(c.value, ",") {
					if strings.EqualFold(strings.TrimSpace(p), strings.TrimSpace(q)) {
						return "is excluded as well"
					}
				}
			}
		}
	}
	return ""
}

func feedLabel(_ *checker, _ *record, c *cell) string {
	if len(c.value) > 20 || strings.Trim(c.value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
		return "is too long, or holds something else"
	}
	return ""
}
