package feeds

// Code is a platform's own name of an issue.
type Code struct {
	Platform string
	Code     string
	Meaning  string
	Rules    []string // that predict it from the feed; none where it takes more than the feed
}

// codes are the names that were found written down, in our words. Sources:
// Google's guides to product issues and product statuses, rule tables of feed
// programs, Meta's guides to catalog diagnostics and its client library.
var codes = []Code{
	{Platform: "google", Code: "image_link_unwanted_overlays", Meaning: "text or a watermark on the main image"},
	{Platform: "google", Code: "item_duplicate_by_gtin", Meaning: "several items share one GTIN"},
	{Platform: "google", Code: "landing_page_error", Meaning: "the landing page cannot be opened"},
	{Platform: "google", Code: "mobile_landing_page_error", Meaning: "the mobile landing page cannot be opened"},
	{Platform: "google", Code: "url_does_not_match_homepage", Meaning: "the link is not on the verified domain"},
	{Platform: "google", Code: "image_link_generic", Meaning: "a placeholder instead of an image"},
	{Platform: "google", Code: "identifier_exists_false_misuse", Meaning: "identifier_exists is no although there are identifiers"},
	{Platform: "google", Code: "missing_shipping", Meaning: "no shipping cost, neither in feed nor account"},
	{Platform: "google", Code: "ambiguous_shipping_service_attributes", Meaning: "one shipping service twice"},
	{Platform: "google", Code: "attribute_has_too_many_values", Meaning: "more values than allowed"},
	{Platform: "google", Code: "attribute_missing_required_subattribute", Meaning: "a group lacks a required part"},
	{Platform: "google", Code: "strong_id_inaccurate", Meaning: "a wrong product identifier"},
	{Platform: "google", Code: "image_link_internal_error", Meaning: "the image could not be processed"},
	{Platform: "google", Code: "text_value_too_long", Meaning: "a text over its limit"},
	{Platform: "google", Code: "unit_pricing_base_measure_without_measure", Meaning: "a base measure without a measure"},
	{Platform: "google", Code: "same_image_varying_color", Meaning: "variants of several colours share one image"},
	{Platform: "google", Code: "google_category_unrecognized", Meaning: "the category is not in the taxonomy"},
	{Platform: "google", Code: "missing_gtin_and_mpn", Meaning: "neither gtin nor mpn"},
	{Platform: "google", Code: "shipping_weight_too_high", Meaning: "a weight over the limit"},
	{Platform: "google", Code: "image_link_roboted", Meaning: "robots.txt keeps Google from the image"},
	{Platform: "google", Code: "landing_page_roboted", Meaning: "robots.txt keeps Google from the landing page"},
	{Platform: "meta", Code: "ATTRIBUTES_MISSING", Meaning: "required attributes are missing"},
	{Platform: "meta", Code: "ATTRIBUTES_INVALID", Meaning: "attributes have values that Meta does not take"},
	{Platform: "meta", Code: "IMAGE_QUALITY", Meaning: "images too small or not to be read"},
	{Platform: "meta", Code: "IMAGE_RESOLUTION_LOW", Meaning: "the image is too small"},
	{Platform: "meta", Code: "LOW_QUALITY_TITLE_AND_DESCRIPTION", Meaning: "poor title or description"},
	{Platform: "meta", Code: "POLICY_VIOLATION", Meaning: "against Meta's commerce policies"},
	{Platform: "meta", Code: "DA_POLICY_VIOLATION", Meaning: "against the policies of dynamic ads"},
	{Platform: "meta", Code: "DA_VISIBILITY_ISSUES", Meaning: "not shown in dynamic ads"},
	{Platform: "meta", Code: "EVENT_SOURCE_ISSUES", Meaning: "the pixel's content ids do not match the catalog"},
	{Platform: "meta", Code: "EMPTY_PRICE", Meaning: "no price"},
	{Platform: "meta", Code: "EMPTY_AVAILABILITY", Meaning: "no availability"},
	{Platform: "meta", Code: "QUALITY_ITEM_LINK_BROKEN", Meaning: "the link does not open"},
	{Platform: "meta", Code: "PRODUCT_NOT_APPROVED", Meaning: "refused in review"},
	{Platform: "meta", Code: "PRODUCT_EXPIRED", Meaning: "past its expiry date"},
	{Platform: "meta", Code: "PRODUCT_OUT_OF_STOCK", Meaning: "out of stock"},
}

// Codes lists the platforms' names of issues that are known, with the rules that
// predict each.
func Codes() []Code {
	out := make([]Code, 0, len(codes))
	at := map[string]int{}
	for _, c := range codes {
		at[c.Platform+" "+c.Code] = len(out)
		out = append(out, c)
	}
	for _, r := range Rules() {
		if r.Code == "" || r.Needs != "" {
			continue
		}
		key := r.Platform + " " + r.Code
		i, ok := at[key]
		if !ok {
			i = len(out)
			at[key] = i
			out = append(out, Code{Platform: r.Platform, Code: r.Code, Meaning: r.ID})
		}
		out[i].Rules = append(out[i].Rules, r.ID)
	}
	return out
}
