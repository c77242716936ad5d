package feeds

import (
	"strings"

	"adsteward/internal/spelling"
)

// attrID stands for the name of an attribute, so that rules find values
// without comparing text.
type attrID uint16

// Attributes that rules look at by themselves; those of attributeNames that
// only have a form to keep need no constant.
const (
	aOther attrID = iota // a name that is not in the table
	aID
	aTitle
	aDescription
	aStructuredTitle
	aStructuredDescription
	aLink
	aMobileLink
	aImageLink
	aAdditionalImageLink
	aAdsRedirect
	aPrice
	aSalePrice
	aSaleDates
	aCost
	aAvailability
	aAvailabilityDate
	aExpirationDate
	aCondition
	aBrand
	aGTIN
	aMPN
	aIdentifierExists
	aCategory
	aFBCategory
	aProductType
	aItemGroupID
	aItemGroupTitle
	aColor
	aSize
	aSizeType
	aMaterial
	aPattern
	aAgeGroup
	aGender
	aVariantOption
	aMultipack
	aIsBundle
	aUnitMeasure
	aUnitBase
	aShipping
	aShippingCountry
	aShippingRegion
	aShippingService
	aShippingPrice
	aShippingMinHandling
	aShippingMaxHandling
	aShippingMinTransit
	aShippingMaxTransit
	aShippingWeight
	aShippingLength
	aShippingWidth
	aShippingHeight
	aProductLength
	aProductWidth
	aProductHeight
	aMinHandling
	aMaxHandling
	aInstallment
	aInstallmentMonths
	aInstallmentAmount
	aSubscription
	aSubscriptionPeriod
	aSubscriptionLength
	aSubscriptionAmount
	aLoyaltyPrice
	aAutoMinPrice
	aThreshold
	aThresholdPrice
	aMinOrder
	aMinOrderPrice
	aIncluded
	aExcluded
	aEnergyClass
	aMinEnergyClass
	aMaxEnergyClass
	aCertification
	aCertificationAuthority
	aCertificationName
	aCertificationCode
	aDetail
	aDetailSection
	aDetailName
	aDetailValue
	aHighlight
	aPromotionID
	aLabel0
	aLabel1
	aLabel2
	aLabel3
	aLabel4
	aOriginCountry
	aImporterName
	aImporterAddress
	aAppLinkAndroidURL
	aAppLinkAndroidPackage
	aAtomID
	firstPlain // the names of plainNames follow
)

// ruledNames are the names of the constants above, in their order.
var ruledNames = [firstPlain]string{
	aOther: "", aID: "id", aTitle: "title", aDescription: "description", aStructuredTitle: "structured_title.content",
	aStructuredDescription: "structured_description.content", aLink: "link", aMobileLink: "mobile_link", aImageLink: "image_link",
	aAdditionalImageLink: "additional_image_link", aAdsRedirect: "ads_redirect", aPrice: "price", aSalePrice: "sale_price",
	aSaleDates: "sale_price_effective_date", aCost: "cost_of_goods_sold", aAvailability: "availability", aAvailabilityDate: "availability_date",
	aExpirationDate: "expiration_date", aCondition: "condition", aBrand: "brand", aGTIN: "gtin", aMPN: "mpn", aIdentifierExists: "identifier_exists",
	aCategory: "google_product_category", aFBCategory: "fb_product_category", aProductType: "product_type", aItemGroupID: "item_group_id",
	aItemGroupTitle: "item_group_title", aColor: "color", aSize: "size", aSizeType: "size_type", aMaterial: "material", aPattern: "pattern",
	aAgeGroup: "age_group", aGender: "gender", aVariantOption: "variant_option", aMultipack: "multipack", aIsBundle: "is_bundle",
	aUnitMeasure: "unit_pricing_measure", aUnitBase: "unit_pricing_base_measure", aShipping: "shipping", aShippingCountry: "shipping.country",
	aShippingRegion: "shipping.region", aShippingService: "shipping.service", aShippingPrice: "shipping.price",
	aShippingMinHandling: "shipping.min_handling_time", aShippingMaxHandling: "shipping.max_handling_time",
	aShippingMinTransit: "shipping.min_transit_time", aShippingMaxTransit: "shipping.max_transit_time",
	aShippingWeight: "shipping_weight", aShippingLength: "shipping_length", aShippingWidth: "shipping_width", aShippingHeight: "shipping_height",
	aProductLength: "product_length", aProductWidth: "product_width", aProductHeight: "product_height",
	aMinHandling: "min_handling_time", aMaxHandling: "max_handling_time", aInstallment: "installment", aInstallmentMonths: "installment.months",
	aInstallmentAmount: "installment.amount", aSubscription: "subscription_cost", aSubscriptionPeriod: "subscription_cost.period",
	aSubscriptionLength: "subscription_cost.period_length", aSubscriptionAmount: "subscription_cost.amount", aLoyaltyPrice: "loyalty_program.price",
	aAutoMinPrice: "auto_pricing_min_price", aThreshold: "free_shipping_threshold", aThresholdPrice: "free_shipping_threshold.price_threshold",
	aMinOrder: "minimum_order_value", aMinOrderPrice: "minimum_order_value.price", aIncluded: "included_destination", aExcluded: "excluded_destination",
	aEnergyClass: "energy_efficiency_class", aMinEnergyClass: "min_energy_efficiency_class", aMaxEnergyClass: "max_energy_efficiency_class",
	aCertification: "certification", aCertificationAuthority: "certification.certification_authority",
	aCertificationName: "certification.certification_name", aCertificationCode: "certification.certification_code",
	aDetail: "product_detail", aDetailSection: "product_detail.section_name", aDetailName: "product_detail.attribute_name",
	aDetailValue: "product_detail.attribute_value", aHighlight: "product_highlight", aPromotionID: "promotion_id",
	aLabel0: "custom_label_0", aLabel1: "custom_label_1", aLabel2: "custom_label_2", aLabel3: "custom_label_3", aLabel4: "custom_label_4",
	aOriginCountry: "origin_country", aImporterName: "importer_name", aImporterAddress: "importer_address",
	aAppLinkAndroidURL: "applink.android_url", aAppLinkAndroidPackage: "applink.android_package", aAtomID: "atom:id",
}

// plainNames are the other attributes the platforms know.
var plainNames = strings.Fields(`
	structured_title structured_title.digital_source_type structured_description structured_description.digital_source_type
	video_link virtual_model_link lifestyle_image_link short_title document_link loyalty_program loyalty_program.program_label
	loyalty_program.tier_label loyalty_program.cashback_for_future_use loyalty_program.loyalty_points loyalty_program.member_price_effective_date
	loyalty_program.shipping_label loyalty_points loyalty_points.name loyalty_points.points_value loyalty_points.ratio maximum_retail_price
	installment.downpayment installment.credit_type adult size_system variant_option.name variant_option.value
	product_weight popularity_rank question_and_answer question_and_answer.question question_and_answer.answer
	related_product related_product.relationship_type related_product.id_type related_product.id
	external_seller_id shopping_ads_excluded_country pause display_ads_id display_ads_link display_ads_title display_ads_value display_ads_similar_ids
	ads_grouping ads_labels feed_label carrier_shipping carrier_shipping.origin_postal_code carrier_shipping.flat_price carrier_shipping.carrier_price
	carrier_shipping.country shipping.postal_code shipping.location_id shipping.location_group_name
	shipping_label ships_from_country free_shipping_threshold.country
	minimum_order_value.country minimum_order_value.service minimum_order_value.surface
	handling_cutoff_time handling_cutoff_time.country handling_cutoff_time.cutoff_time handling_cutoff_time.cutoff_timezone
	shipping_handling_business_days shipping_transit_business_days return return.country return.item_condition return.window_type return.window_days return.method
	return.restocking_fee_fixed return.restocking_fee_percent return_policy_label transit_time_label tax tax.country tax.region tax.rate tax.tax_ship
	tax_category custom_attribute min_handling_business_days pickup_method pickup_sla store_code quantity link_template mobile_link_template
	sell_on_google_quantity sell_on_google_quantity_limit disclosure_date cloud_export_additional_properties is_preorder
	rich_text_description status visibility custom_number_0 custom_number_1 custom_number_2 custom_number_3 custom_number_4 vendor_id
	internal_label product_tags additional_variant_attribute unit_price unit_price.value unit_price.currency unit_price.unit base_price
	quantity_to_sell_on_facebook inventory applink applink.ios_url applink.ios_app_store_id applink.ios_app_name applink.android_app_name
	applink.android_class wa_compliance_category manufacturer_info video video.url video.tag image image.url image.tag
	style gemstone marked_for_product_launch product_lifecycle commerce_tax_category offer_price offer_price_effective_date
	guid pubdate author category comments enclosure source updated published rights contributor currency`)

// numAttrs is the room an item needs for attributes by id.
const numAttrs = 320

// attributeIDs gives the id of a plain name ("price", "shipping.price").
var attributeIDs = func() map[string]attrID {
	ids := make(map[string]attrID, numAttrs)
	for i, n := range ruledNames {
		if attrID(i) != aOther {
			ids[n] = attrID(i)
		}
	}
	for i, n := range plainNames {
		ids[n] = firstPlain + attrID(i)
	}
	return ids
}()

// nameOf is attributeIDs the other way round.
func nameOf(a attrID) string {
	if a < firstPlain {
		return ruledNames[a]
	}
	return plainNames[a-firstPlain]
}

// subKey names a sub-attribute without joining the two names.
type subKey struct {
	parent attrID
	child  string
}

var subIDs = func() map[subKey]attrID {
	ids := map[subKey]attrID{}
	for name, id := range attributeIDs {
		if parent, child, ok := strings.Cut(name, "."); ok {
			ids[subKey{attributeIDs[parent], child}] = id
		}
	}
	return ids
}()

// groupParts are the parts of a group written into one cell with colons, in
// Google's order.
var groupParts = [numAttrs][]attrID{
	aShipping:      {aShippingCountry, aShippingRegion, aShippingService, aShippingPrice},
	aInstallment:   {aInstallmentMonths, aInstallmentAmount},
	aSubscription:  {aSubscriptionPeriod, aSubscriptionLength, aSubscriptionAmount},
	aCertification: {aCertificationAuthority, aCertificationName, aCertificationCode},
	aDetail:        {aDetailSection, aDetailName, aDetailValue},
	aThreshold:     {attributeIDs["free_shipping_threshold.country"], aThresholdPrice},
	aMinOrder:      {attributeIDs["minimum_order_value.country"], attributeIDs["minimum_order_value.service"], attributeIDs["minimum_order_value.surface"], aMinOrderPrice},
}

// otherNames are what shops and other platforms call attributes.
var otherNames = map[string]string{"image_url": "image_link", "image": "image_link", "picture": "image_link", "url": "link", "product_url": "link", "name": "title",
	"product_name": "title", "ean": "gtin", "upc": "gtin", "isbn": "gtin", "barcode": "gtin", "sku": "id", "item_id": "id", "product_id": "id", "stock": "availability",
	"category": "product_type", "colour": "color", "manufacturer": "brand", "vendor": "brand", "cost": "cost_of_goods_sold", "special_price": "sale_price"}

// nearest returns the known name that may be meant by an unknown one, or "".
func nearest(name string) string {
	if known := otherNames[name]; known != "" {
		return known
	}
	var known []string
	for id := range attributeIDs {
		if !strings.ContainsAny(id, ".:") {
			known = append(known, id)
		}
	}
	return spelling.Nearest(name, known)
}
