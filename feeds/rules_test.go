package feeds

import (
	"encoding/csv"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"adsteward/internal/shareddata"
)

var testNow = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// wellFor is an item that neither platform has anything to say against.
func wellFor(platform string) map[string]string {
	it := good("1")
	if platform == "meta" {
		it["availability"] = "in stock"
	}
	return it
}

// ruleCase changes the well item so that a rule passes, and so that it fails:
// "attribute=value" pairs separated by |. A name with a dot is a part of a
// group, every + before it begins a new group. An empty pass is the well item.
type ruleCase struct{ rule, platform, pass, fail string }

func x(n int) string { return strings.Repeat("x", n) }

func ruleCases() []ruleCase {
	cases := []ruleCase{
		{"id.required", "both", "", "id="},
		{"id.length", "google", "id=" + x(50), "id=" + x(51)},
		{"id.length", "meta", "id=" + x(100), "id=" + x(101)},
		{"id.characters", "google", "id=a-1", "id=a\ue000"},
		{"id.ascii", "google", "id=a", "id=ä"},
		{"id.spaces", "both", "id=a b", "id=a  b"},
		{"brand.required", "google", "brand=|identifier_exists=no|gtin=", "brand="},
		{"brand.required", "google", "brand=|gtin=9783161484100", "brand=|condition=new"},
		{"brand.length", "google", "brand=" + x(70), "brand=" + x(71)},
		{"brand.length", "meta", "brand=" + x(100), "brand=" + x(101)},
		{"brand.filler", "google", "brand=Generics Inc", "brand=Generic"},
		{"gtin.value", "google", "gtin=4006381333931", "gtin=4006381333932"},
		{"gtin.value", "meta", "gtin=96385074", "gtin=4.00638E+12"},
		{"gtin.value", "google", "gtin=036000291452", "gtin=00000000"},
		{"gtin.reserved", "google", "gtin=4006381333931", "gtin=" + withCheck("021234567890")},
		{"gtin.reserved", "google", "gtin=" + withCheck("1400638133393"), "gtin=" + withCheck("990000000001")},
		{"gtin.reserved", "google", "gtin=" + withCheck("03600029145"), "gtin=" + withCheck("212345678901")},
		{"gtin.short", "both", "gtin=042100005264", "gtin=04252614"},
		{"gtin.short", "both", "gtin=9783161484100", "gtin=316148410X"},
		{"gtin.written", "meta", "gtin=4006381333931", "gtin=400638-1333931"},
		{"gtin.count", "google", "gtin=4006381333931", strings.Repeat("+gtin=4006381333931|", 11)},
		{"mpn.length", "google", "mpn=" + x(70), "mpn=" + x(71)},
		{"mpn.length", "meta", "mpn=" + x(100), "mpn=" + x(101)},
		{"mpn.filler", "google", "mpn=1001", "mpn=0001"},
		{"identifier_exists.value", "google", "identifier_exists=yes", "identifier_exists=maybe"},
		{"identifier_exists.contradiction", "google", "identifier_exists=no|gtin=", "identifier_exists=no"},
		{"identifier_exists.contradiction", "google", "identifier_exists=no|gtin=|brand=", "identifier_exists=no|gtin=|mpn=77"},
		{"identifier.missing", "google", "gtin=|mpn=77", "gtin="},
		{"identifier.required", "meta", "gtin=|mpn=", "gtin=|mpn=|brand="},

		{"title.required", "both", "", "title="},
		{"title.required", "google", "title=|structured_title.content=Made by a machine", "title="},
		{"title.length", "google", "title=" + strings.Repeat("é", 150), "title=" + strings.Repeat("é", 151)},
		{"title.length", "meta", "title=" + x(200), "title=" + x(201)},
		{"title.cut", "meta", "title=" + x(65), "title=" + x(66)},
		{"title.capitals", "both", "title=USB HDMI VGA", "title=RUNNING SHOES FOR MEN"},
		{"title.promotional", "google", "title=Carefree shipping box", "title=Shoe, FREE shipping"},
		{"title.promotional", "google", "title=Shirt 100% cotton", "title=Shirt 50% off"},
		{"title.gimmick", "google", "title=Jaws!", "title=Shoe!!"},
		{"title.characters", "both", "title=a", "title=a\ue001"},
		{"title.html", "both", "title=Size < 5 &amp; more", "title=A &lt;b&gt;shoe&lt;/b&gt;"},
		{"title.html", "both", "title=M&amp;M; S", "title=A&amp;nbsp;shoe"},
		{"description.required", "both", "", "description="},
		{"description.required", "google", "description=|structured_description.content=Made by a machine", "description="},
		{"description.length", "google", "description=" + x(5000), "description=" + x(5001)},
		{"description.length", "meta", "description=" + x(9999), "description=" + x(10000)},
		{"description.capitals", "both", "description=A shoe", "description=A SHOE FOR RUNNING"},
		{"description.promotional", "google", "description=A shoe", "description=A shoe. Buy now."},
		{"description.links", "both", "description=A shoe", "description=See www.shop.example"},
		{"description.html", "meta", "description=a &lt; b", "description=&lt;p&gt;A&lt;/p&gt;"},
		{"description.title", "meta", "", "title=A thing|description=a thing"},
		{"structured_title.content", "google", "structured_title.content=" + x(150), "structured_title.content=" + x(151)},
		{"structured_title.source", "google", "structured_title.digital_source_type=default", "structured_title.digital_source_type=ai"},
		{"structured_description.content", "google", "structured_description.content=" + x(5000), "structured_description.content=" + x(5001)},
		{"structured_description.source", "google", "structured_description.digital_source_type=trained_algorithmic_media", "structured_description.digital_source_type=ai"},
		{"short_title.length", "google", "short_title=" + x(150), "short_title=" + x(151)},
		{"rich_text_description.length", "meta", "rich_text_description=" + x(9999), "rich_text_description=" + x(10000)},
		{"text.control", "both", "brand=Acme", "brand=Ac\ue000me"},
		{"text.garbled", "both", "brand=Café Ã la carte", "brand=CafÃ©"},
		{"attribute.values", "google", "+title=A|+title=A", "+title=A|+title=B"},
		{"attribute.unknown", "both", "", "image_url=https://shop.example/1.jpg"},

		{"link.required", "both", "", "link="},
		{"link.url", "both", "link=HTTPS://shop.example:8080/a?b=c%20d", "link=//shop.example/1"},
		{"link.url", "both", "link=http://[2001:db8::1]/", "link=https:///1"},
		{"link.facebook", "meta", "link=https://notfacebook.com/1", "link=https://www.facebook.com/shop/1"},
		{"link.encoding", "both", "link=https://shop.example/a%20b", "link=https://shop.example/a b"},
		{"image_link.required", "both", "", "image_link="},
		{"image_link.url", "both", "", "image_link=/1.jpg"},
		{"image_link.format", "google", "image_link=https://shop.example/image?file=1.svg", "image_link=https://shop.example/1.svg"},
		{"image_link.encoding", "both", "", "image_link=https://shop.example/ä.jpg"},
		{"mobile_link.url", "google", "mobile_link=https://m.shop.example/1", "mobile_link=m.shop.example"},
		{"mobile_link.encoding", "both", "mobile_link=https://m.shop.example/1", "mobile_link=https://m.shop.example/ü"},
		{"additional_image_link.url", "both", "additional_image_link=https://a.example/1.jpg,https://a.example/2,3.jpg", "additional_image_link=https://a.example/1.jpg;//b"},
		{"additional_image_link.count", "google", strings.Repeat("+additional_image_link=https://a.example/1|", 10), strings.Repeat("+additional_image_link=https://a.example/1|", 11)},
		{"additional_image_link.count", "meta", "additional_image_link=" + strings.Repeat("https://a.example/1,", 20), "additional_image_link=" + strings.Repeat("https://a.example/1,", 21)},
		{"ads_redirect.site", "google", "ads_redirect=https://track.shop.example/1", "ads_redirect=https://other.example/1"},
		{"ads_redirect.url", "google", "ads_redirect=https://track.shop.example/1", "ads_redirect=track"},
		{"lifestyle_image_link.url", "google", "lifestyle_image_link=https://a.example/1", "lifestyle_image_link=1.jpg"},
		{"video_link.url", "google", "video_link=https://a.example/1", "video_link=1"},
		{"video.url", "meta", "video.url=https://a.example/1.mp4", "video.url=1.mp4"},
		{"virtual_model_link.url", "google", "virtual_model_link=https://a.example/1.glb?x", "virtual_model_link=https://a.example/1.obj"},
		{"document_link.url", "google", "document_link=https://a.example/1.PDF", "document_link=https://a.example/1.doc"},
		{"document_link.count", "google", "document_link=https://a.example/1.pdf", strings.Repeat("+document_link=https://a.example/1.pdf|", 6)},
		{"applink.package", "meta", "applink.android_url=a://b|applink.android_package=a.b", "applink.android_url=a://b"},

		{"price.required", "both", "", "price="},
		{"price.format", "both", "price=12.500 KWD", "price=12,50 EUR"},
		{"price.written", "both", "price=12 SLE", "price=EUR 12"},
		{"price.zero", "both", "price=0 EUR|subscription_cost.amount=5 EUR|subscription_cost.period=month|subscription_cost.period_length=1", "price=0 EUR"},
		{"price.decimals", "both", "price=1200 JPY", "price=1200.50 JPY"},
		{"price.currency", "google", "price=12 EUR", "price=12 USD"},
		{"price.currency", "meta", "price=12 EUR", "price=12 USD"},
		{"sale_price.format", "both", "sale_price=10 EUR", "sale_price=10"},
		{"sale_price.written", "both", "sale_price=10 EUR", "sale_price=10EUR"},
		{"sale_price.higher", "both", "sale_price=12.49 EUR", "sale_price=12.50 EUR"},
		{"sale_price.discount", "both", "sale_price=1.25 EUR", "sale_price=1.24 EUR"},
		{"sale_price_effective_date.format", "both", "sale_price=10 EUR|sale_price_effective_date=2026-02-24T11:07-0800/2026-03-29T15:30+01:00", "sale_price=10 EUR|sale_price_effective_date=2026-04-01T00:00Z/2026-03-29T15:30Z"},
		{"sale_price_effective_date.zone", "meta", "sale_price_effective_date=2026-02-24T11:07Z/2026-03-29T15:30Z", "sale_price_effective_date=2026-02-24/2026-03-29"},
		{"sale_price_effective_date.alone", "google", "sale_price=10 EUR|sale_price_effective_date=2026-02-24T11:07Z/2026-03-29T15:30Z", "sale_price_effective_date=2026-02-24T11:07Z/2026-03-29T15:30Z"},
		{"sale_price_effective_date.over", "both", "sale_price=10 EUR|sale_price_effective_date=2026-02-24T11:07Z/2026-03-29T15:30Z", "sale_price=10 EUR|sale_price_effective_date=2026-01-24T11:07Z/2026-02-28T15:30Z"},
		{"cost_of_goods_sold.format", "google", "cost_of_goods_sold=5 EUR", "cost_of_goods_sold=5"},
		{"cost_of_goods_sold.currency", "google", "cost_of_goods_sold=5 EUR", "cost_of_goods_sold=5 USD"},
		{"cost_of_goods_sold.loss", "both", "cost_of_goods_sold=12.49 EUR", "cost_of_goods_sold=12 EUR|sale_price=11 EUR"},
		{"cost_of_goods_sold.loss", "both", "cost_of_goods_sold=12 EUR|sale_price=11 EUR|sale_price_effective_date=2026-01-24T11:07Z/2026-02-28T15:30Z", "cost_of_goods_sold=12 EUR|sale_price=11 EUR|sale_price_effective_date=2026-02-24T11:07Z/2026-03-29T15:30Z"},
		{"cost_of_goods_sold.loss", "both", "cost_of_goods_sold=12 EUR|sale_price=11 EUR|sale_price_effective_date=2026-06-01T00:00Z/2026-07-01T00:00Z", "cost_of_goods_sold=12 EUR|sale_price=11 EUR|sale_price_effective_date=soon"},
		{"auto_pricing_min_price.value", "google", "auto_pricing_min_price=9 EUR", "auto_pricing_min_price=13 EUR"},
		{"maximum_retail_price.value", "google", "maximum_retail_price=99 INR", "maximum_retail_price=99 EUR"},
		{"loyalty_program.price", "google", "loyalty_program.price=9 EUR", "loyalty_program.price=19 EUR"},
		{"loyalty_program.points", "google", "loyalty_program.loyalty_points=9", "loyalty_program.loyalty_points=9.5"},
		{"loyalty_points.name", "google", "loyalty_points.name=A", "loyalty_points.name=" + x(25)},
		{"installment.months", "google", "installment=6:50 EUR", "installment=0:50 EUR"},
		{"installment.amount", "google", "installment=6:50 EUR", "installment=6:50"},
		{"installment.parts", "google", "installment.months=6|installment.amount=5 EUR", "installment.months=6"},
		{"installment.credit_type", "google", "installment.credit_type=lease", "installment.credit_type=loan"},
		{"subscription_cost.period", "google", "subscription_cost=month:12:5 EUR", "subscription_cost=day:12:5 EUR"},
		{"subscription_cost.length", "google", "subscription_cost=month:12:5 EUR", "subscription_cost=month:0:5 EUR"},
		{"subscription_cost.amount", "google", "subscription_cost=month:12:5 EUR", "subscription_cost=month:12:5"},
		{"subscription_cost.category", "google", "subscription_cost=month:12:5 EUR|google_product_category=267", "subscription_cost=month:12:5 EUR"},
		{"unit_pricing_measure.format", "google", "unit_pricing_measure=750 ml", "unit_pricing_measure=750"},
		{"unit_pricing_base_measure.format", "google", "unit_pricing_measure=1.5 l|unit_pricing_base_measure=100ml", "unit_pricing_measure=1.5 l|unit_pricing_base_measure=300ml"},
		{"unit_pricing_base_measure.alone", "google", "unit_pricing_measure=1.5 l|unit_pricing_base_measure=100ml", "unit_pricing_measure=1.5kg|unit_pricing_base_measure=100ml"},
		{"unit_price.unit", "meta", "unit_price.unit=fl oz", "unit_price.unit=bottle"},

		{"availability.required", "both", "", "availability="},
		{"availability.value", "google", "availability=backorder|availability_date=2026-04-01T00:00Z", "availability=skladem"},
		{"availability.value", "meta", "availability=available for order", "availability=backorder"},
		{"availability.written", "google", "availability=in_stock", "availability=In stock"},
		{"availability.written", "meta", "availability=in stock", "availability=in_stock"},
		{"availability.limited", "google", "", "availability=limited_availability"},
		{"availability_date.required", "google", "availability=preorder|availability_date=2026-04-01T00:00Z", "availability=preorder"},
		{"availability_date.format", "google", "availability=preorder|availability_date=2026-04-01T00:00+0100", "availability=preorder|availability_date=1.4.2026"},
		{"availability_date.far", "google", "availability=preorder|availability_date=2027-02-28", "availability=preorder|availability_date=2027-03-05"},
		{"availability_date.past", "google", "availability=preorder|availability_date=2026-03-02", "availability=preorder|availability_date=2026-01-02"},
		{"availability_date.idle", "google", "availability=preorder|availability_date=2026-03-02", "availability_date=2026-03-02"},
		{"expiration_date.format", "google", "expiration_date=2026-03-20", "expiration_date=20 March"},
		{"expiration_date.format", "meta", "expiration_date=2026-03-20", "expiration_date=20 March"},
		{"expiration_date.past", "both", "expiration_date=2026-03-01", "expiration_date=2026-02-01"},
		{"condition.required", "meta", "", "condition="},
		{"condition.value", "google", "condition=Refurbished", "condition=cpo"},
		{"condition.value", "meta", "condition=used_good", "condition=neu"},
		{"adult.value", "google", "adult=no", "adult=18"},
		{"pause.value", "google", "pause=ads", "pause=yes"},
		{"energy_efficiency_class.value", "google", "energy_efficiency_class=A+", "energy_efficiency_class=H"},
		{"energy_efficiency_class.country", "google", "", "energy_efficiency_class=A"},
		{"min_energy_efficiency_class.value", "google", "min_energy_efficiency_class=A|energy_efficiency_class=B", "min_energy_efficiency_class=A"},
		{"max_energy_efficiency_class.value", "google", "max_energy_efficiency_class=A|energy_efficiency_class=B", "max_energy_efficiency_class=Z|energy_efficiency_class=B"},
		{"certification.parts", "google", "certification=EC:EPREL:123", "certification.certification_code=123"},
		{"certification.authority", "google", "certification=EC:EPREL:123", "certification.certification_authority=" + x(2001)},

		{"google_product_category.value", "google", "google_product_category=2271", "google_product_category=166 - Apparel & Accessories"},
		{"google_product_category.value", "google", "google_product_category=A &gt; B", "google_product_category=A &gt; &gt; B"},
		{"google_product_category.value", "meta", "google_product_category=2271", "google_product_category=1,2"},
		{"google_product_category.depth", "google", "google_product_category=A &gt; B &gt; C", "google_product_category=A &gt; B"},
		{"fb_product_category.value", "meta", "fb_product_category=a &gt; b", "fb_product_category=a &gt;"},
		{"product_type.length", "google", "product_type=" + x(750), "product_type=" + x(751)},
		{"product_type.length", "meta", "product_type=" + x(750), "product_type=" + x(751)},
		{"product_type.count", "google", strings.Repeat("+product_type=a|", 10), strings.Repeat("+product_type=a|", 11)},
		{"multipack.value", "google", "multipack=2", "multipack=1"},
		{"is_bundle.value", "google", "is_bundle=yes", "is_bundle=2"},
		{"product_detail.parts", "google", "product_detail=General:Colour:Red: dark", "product_detail.attribute_value=Red"},
		{"product_detail.count", "google", "product_detail=G:C:R", strings.Repeat("+product_detail=G:C:R|", 101)},
		{"product_detail.section", "google", "product_detail=G:C:R", "product_detail=" + x(141) + ":C:R"},
		{"product_detail.name", "google", "product_detail=G:C:R", "product_detail=G:" + x(141) + ":R"},
		{"product_detail.value", "google", "product_detail=G:C:R", "product_detail=G:C:" + x(1001)},
		{"product_highlight.length", "google", "product_highlight=a", "product_highlight=" + x(151)},
		{"product_highlight.count", "google", "+product_highlight=a|+product_highlight=b", "product_highlight=a"},
		{"product_dimensions.unit", "google", "product_length=1 cm|product_width=1 cm|product_height=1cm", "product_length=1 cm|product_width=1 in|product_height=1cm"},
		{"product_weight.value", "google", "product_weight=2000 g", "product_weight=2001 kg"},
		{"popularity_rank.value", "google", "popularity_rank=99.5", "popularity_rank=NaN"},
		{"question_and_answer.parts", "google", "question_and_answer.question=a|question_and_answer.answer=b", "question_and_answer.question=a"},
		{"question_and_answer.length", "google", "question_and_answer.answer=b", "question_and_answer.answer=" + x(1001)},
		{"related_product.type", "google", "related_product.relationship_type=accessory", "related_product.relationship_type=friend"},
		{"related_product.count", "google", "related_product.relationship_type=accessory", strings.Repeat("+related_product.relationship_type=accessory|", 31)},
		{"custom_attribute.length", "google", "custom_attribute=" + x(10240), "custom_attribute=" + x(10241)},
		{"tax.retired", "google", "", "tax=US:CA:5:y"},

		{"item_group_id.length", "google", "color=red|item_group_id=" + x(50), "color=red|item_group_id=" + x(51)},
		{"item_group_id.length", "meta", "color=red|item_group_id=" + x(100), "color=red|item_group_id=" + x(101)},
		{"item_group_id.fields", "google", "color=red|item_group_id=g", "item_group_id=g"},
		{"item_group_title.length", "google", "item_group_title=" + x(150), "item_group_title=" + x(151)},
		{"variant_option.parts", "google", "variant_option.name=a|variant_option.value=b", "variant_option.name=a"},
		{"variant_option.length", "google", "variant_option.name=a|variant_option.value=b", "variant_option.value=" + x(251)},
		{"age_group.value", "google", "age_group=kids", "age_group=teen"},
		{"age_group.value", "meta", "age_group=teen", "age_group=old"},
		{"age_group.required", "google", "age_group=adult|google_product_category=166", "google_product_category=166"},
		{"gender.value", "google", "gender=Male", "gender=men"},
		{"gender.value", "meta", "gender=unisex", "gender=men"},
		{"gender.required", "google", "google_product_category=Media &gt; Books", "google_product_category=Apparel &amp; Accessories &gt; Shoes"},
		{"color.length", "google", "color=red/blue/green", "color=red/blue/green/black"},
		{"color.value", "google", "color=紅", "color=#ff0000"},
		{"color.required", "google", "google_product_category=166|color=red", "google_product_category=166"},
		{"color.length", "meta", "color=" + x(200), "color=" + x(201)},
		{"color.value", "meta", "color=#1 red", "color=#ff0000"},
		{"size.length", "google", "size=" + x(100), "size=" + x(101)},
		{"size.required", "google", "google_product_category=1604|size=M", "google_product_category=1604"},
		{"size.length", "meta", "size=" + x(200), "size=" + x(201)},
		{"size.word", "meta", "size=M", "size=Size M"},
		{"size_type.value", "google", "size_type=plus", "size_type=wide"},
		{"size_type.count", "google", "+size_type=plus|+size_type=tall", "+size_type=plus|+size_type=tall|+size_type=big"},
		{"size_system.value", "google", "size_system=MEX", "size_system=MX"},
		{"material.length", "google", "material=a/b/c", "material=a/b/c/d"},
		{"material.length", "meta", "material=" + x(200), "material=" + x(201)},
		{"pattern.length", "google", "pattern=" + x(100), "pattern=" + x(101)},
		{"pattern.length", "meta", "pattern=" + x(100), "pattern=" + x(101)},
		{"additional_variant_attribute.core", "meta", "additional_variant_attribute=Scent:Rose", "additional_variant_attribute=Scent:Rose, Size:M"},

		{"shipping.country", "google", "shipping=GB:::5 EUR", "shipping=UK:::5 EUR"},
		{"shipping.parts", "google", "shipping.country=DE|shipping.price=5 EUR", "shipping.price=5 EUR"},
		{"shipping.price", "google", "shipping=DE:::0 EUR, AT:::5.00 EUR", "shipping=DE:::free"},
		{"shipping.currency", "google", "shipping=DE:::5 EUR", "shipping=DE:::5 USD"},
		{"shipping.times", "google", "shipping.max_handling_time=1|shipping.max_transit_time=2", "shipping.max_transit_time=2"},
		{"shipping.same", "google", "shipping=DE::Fast:5 EUR, DE::Slow:3 EUR", "shipping=DE::Fast:5 EUR, DE::Fast:3 EUR"},
		{"shipping.format", "meta", "shipping=DE:::5 EUR", "shipping=DE:5 EUR"},
		{"carrier_shipping.origin", "google", "carrier_shipping.carrier_price=1|carrier_shipping.origin_postal_code=1", "carrier_shipping.carrier_price=1"},
		{"carrier_shipping.prices", "google", "carrier_shipping.flat_price=1 EUR", "carrier_shipping.flat_price=1 EUR|carrier_shipping.carrier_price=1"},
		{"shipping_label.length", "google", "shipping_label=" + x(100), "shipping_label=" + x(101)},
		{"shipping_weight.value", "google", "shipping_weight=1000 kg", "shipping_weight=1001 kg"},
		{"shipping_weight.value", "meta", "shipping_weight=1 lb", "shipping_weight=1 stone"},
		{"shipping_dimensions.unit", "google", "shipping_length=1 cm|shipping_width=1 cm|shipping_height=1 cm", "shipping_length=1 cm"},
		{"ships_from_country.value", "google", "ships_from_country=DE", "ships_from_country=Germany"},
		{"max_handling_time.value", "google", "max_handling_time=3|min_handling_time=1", "max_handling_time=1|min_handling_time=3"},
		{"min_handling_time.value", "google", "max_handling_time=3|min_handling_time=1", "min_handling_time=3"},
		{"free_shipping_threshold.price", "google", "free_shipping_threshold=DE:50 EUR", "free_shipping_threshold=DE:50 USD"},
		{"minimum_order_value.price", "google", "minimum_order_value=DE::online:5 EUR", "minimum_order_value=DE::online:5"},
		{"minimum_order_value.surface", "google", "minimum_order_value=DE::online:5 EUR", "minimum_order_value=DE::web:5 EUR"},
		{"handling_cutoff_time.value", "google", "handling_cutoff_time.cutoff_time=1430", "handling_cutoff_time.cutoff_time=2pm"},
		{"shipping_transit_business_days.value", "google", "shipping_transit_business_days=a", strings.Repeat("+shipping_transit_business_days=a|", 11)},
		{"return.condition", "google", "return.item_condition=NEW", "return.item_condition=OLD"},
		{"return.window", "google", "return.window_type=FINITE_RETURN_WINDOW|return.window_days=30", "return.window_type=FINITE_RETURN_WINDOW"},
		{"return.method", "google", "return.method=BY_MAIL", "return.method=PIGEON"},
		{"return.fee", "google", "return.restocking_fee_fixed=1 EUR", "return.restocking_fee_fixed=1 EUR|return.restocking_fee_percent=5"},
		{"return_policy_label.length", "google", "return_policy_label=" + x(100), "return_policy_label=" + x(101)},
		{"transit_time_label.length", "google", "transit_time_label=" + x(100), "transit_time_label=" + x(101)},

		{"promotion_id.value", "google", "promotion_id=SUMMER_26", "promotion_id=SUMMER 26"},
		{"promotion_id.count", "google", "promotion_id=A", strings.Repeat("+promotion_id=A|", 11)},
		{"external_seller_id.length", "google", "external_seller_id=" + x(50), "external_seller_id=" + x(51)},
		{"excluded_destination.value", "google", "excluded_destination=Display ads,Shopping_ads", "excluded_destination=Bing"},
		{"included_destination.value", "google", "included_destination=Display_ads", "included_destination=Bing"},
		{"included_destination.contradiction", "google", "included_destination=Display_ads|excluded_destination=Shopping_ads", "included_destination=Display_ads|excluded_destination=Shopping_ads,display_ads"},
		{"shopping_ads_excluded_country.value", "google", "shopping_ads_excluded_country=DE,GB", "shopping_ads_excluded_country=DE,XX"},
		{"display_ads_id.length", "google", "display_ads_id=1", "display_ads_id=" + x(101)},
		{"ads_grouping.length", "google", "ads_grouping=1", "ads_grouping=" + x(101)},
		{"feed_label.value", "google", "feed_label=DE_2", "feed_label=de"},

		{"status.value", "meta", "status=archived", "status=off"},
		{"visibility.value", "meta", "visibility=staging", "visibility=off"},
		{"internal_label.length", "meta", "internal_label=['a','b']", "internal_label=['" + x(115) + "']"},
		{"vendor_id.length", "meta", "vendor_id=1", "vendor_id=" + x(101)},
		{"quantity_to_sell_on_facebook.value", "meta", "quantity_to_sell_on_facebook=1", "quantity_to_sell_on_facebook=many"},
		{"inventory.value", "meta", "inventory=1", "inventory=-1"},
		{"origin_country.value", "meta", "origin_country=IN", "origin_country=India"},
		{"importer_address.value", "meta", `importer_address={"street1": "a", "city": "b", "country": "IN"}`, "importer_address=Delhi"},
		{"wa_compliance_category.value", "meta", "wa_compliance_category=DEFAULT", "wa_compliance_category=default"},
	}
	for _, n := range []string{"link", "image_link", "mobile_link"} {
		cases = append(cases, ruleCase{n + ".length", "google", n + "=https://a.example/" + x(1900), n + "=https://a.example/" + x(2000)})
	}
	for i := range 5 {
		n := fmt.Sprintf("custom_label_%d", i)
		cases = append(cases, ruleCase{n + ".length", "google", n + "=" + x(100), n + "=" + x(101)}, ruleCase{n + ".length", "meta", n + "=" + x(100), n + "=" + x(101)},
			ruleCase{fmt.Sprintf("custom_number_%d.value", i), "meta", fmt.Sprintf("custom_number_%d=4294967295", i), fmt.Sprintf("custom_number_%d=1.5", i)})
	}
	for _, n := range []string{"product_length", "product_width", "product_height"} {
		cases = append(cases, ruleCase{n + ".value", "google", n + "=3000 cm", n + "=3001 cm"})
	}
	for _, n := range []string{"shipping_length", "shipping_width", "shipping_height"} {
		cases = append(cases, ruleCase{n + ".value", "google", n + "=400 cm", n + "=151 in"})
	}
	return cases
}

func withCheck(digits string) string { return digits + string(checkDigit(digits)) }

// itemOf writes a case's item.
func itemOf(base map[string]string, changes string) string {
	groups := map[string][]string{} // top name -> elements
	all := with(map[string]string{}, "", "")
	for n, v := range base {
		all[n] = v
	}
	var extra []string
	for c := range strings.SplitSeq(strings.Trim(changes, "|"), "|") {
		name, value, ok := strings.Cut(c, "=")
		top, child, isPart := strings.Cut(name, ".")
		switch {
		case !ok:
		case name[0] == '+':
			delete(all, name[1:])
			extra = append(extra, "<g:"+name[1:]+">"+value+"</g:"+name[1:]+">")
		case isPart:
			groups[top] = append(groups[top], "<g:"+child+">"+value+"</g:"+child+">")
		default:
			all[name] = value
		}
	}
	delete(all, "")
	var b strings.Builder
	for _, n := range sorted(all) {
		b.WriteString("<g:" + n + ">" + all[n] + "</g:" + n + ">")
	}
	for _, top := range slices.Sorted(maps.Keys(groups)) {
		b.WriteString("<g:" + top + ">" + strings.Join(groups[top], "") + "</g:" + top + ">")
	}
	return "<item>" + b.String() + strings.Join(extra, "") + "</item>"
}

func rulesOf(t *testing.T, items, platform, country string) (found []string) {
	t.Helper()
	text := `<?xml version="1.0"?><rss xmlns:g="http://base.google.com/ns/1.0"><channel>` + items + "</channel></rss>"
	_, err := Validate(strings.NewReader(text), Options{Platform: platform, Country: country, Now: testNow}, func(_ Item, issues []Issue) error {
		for _, i := range issues {
			found = append(found, i.Rule)
			if i.Message == "" || i.Fix == "" || i.Line < 1 {
				t.Errorf("an issue lacks something: %+v", i)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestEveryRule has a passing and a failing item for every rule that looks at
// items.
func TestEveryRule(t *testing.T) {
	t.Parallel()
	tried := map[string]bool{}
	for _, c := range ruleCases() {
		platforms := []string{c.platform}
		if c.platform == "both" {
			platforms = []string{"google", "meta"}
		}
		tried[c.rule+" "+c.platform] = true
		for _, p := range platforms {
			base := wellFor(p)
			if found := rulesOf(t, itemOf(base, ""), p, "DE"); len(found) != 0 {
				t.Fatalf("the well item: %v", found)
			}
			if found := rulesOf(t, itemOf(base, c.pass), p, "DE"); slices.Contains(found, c.rule) {
				t.Errorf("%s, %s: %.80q does not pass", c.rule, p, c.pass)
			}
			if found := rulesOf(t, itemOf(base, c.fail), p, "DE"); !slices.Contains(found, c.rule) {
				t.Errorf("%s, %s: %.80q does not fail, but %v", c.rule, p, c.fail, found)
			}
		}
	}
	india := []string{"origin_country.required meta", "importer_name.required meta", "importer_address.required meta"} // TestIndia
	for _, r := range Rules() {
		key := r.ID + " " + r.Platform
		if r.check.f != nil && !tried[key] && !slices.Contains(india, key) {
			t.Errorf("no case for %s", key)
		}
		if r.Fix == "" || r.Source == "" || r.check.f != nil && r.Attribute == "" || r.Needs != "" && r.check.f != nil {
			t.Errorf("the row lacks something: %+v", r)
		}
		if r.Attribute != "" && r.Attribute != "custom_label" && attributeIDs[r.Attribute] == aOther {
			t.Errorf("%s: there is no attribute %q", r.ID, r.Attribute)
		}
	}
}

func TestIndia(t *testing.T) {
	t.Parallel()
	base := with(wellFor("meta"), "price", "99 INR")
	for changes, want := range map[string][]string{"": {"origin_country.required"}, "origin_country=IN": nil,
		"origin_country=CN": {"importer_name.required", "importer_address.required"}} {
		if found := rulesOf(t, itemOf(base, changes), "meta", "IN"); !slices.Equal(found, want) {
			t.Errorf("%q: %v, want %v", changes, found, want)
		}
	}
}

func TestAcrossItems(t *testing.T) {
	t.Parallel()
	item := func(id, changes string) string { return itemOf(good(id), changes) }
	for _, tc := range []struct {
		name, items, platform string
		want                  []string
	}{
		{"ids", item("a", "") + item("b", "") + item("a", "gtin="+gtinOf("z")), "google", []string{"id.duplicate"}},
		{"ids in other letters", item("a", "id=a b") + item("b", "id=A  b"), "google", []string{"id.spaces", "id.case"}},
		{"gtins", item("a", "") + item("b", "gtin="+gtinOf("a")), "google", []string{"gtin.duplicate"}},
		{"variants", item("a", "item_group_id=g|color=red") + item("b", "item_group_id=g|color=blue"), "google", nil},
		{"one variant twice", item("a", "item_group_id=g|color=red") + item("b", "item_group_id=g|color=red"), "google", []string{"item_group_id.same"}},
		{"uneven", item("a", "item_group_id=g|color=red") + item("b", "item_group_id=g|size=M"), "google", []string{"item_group_id.uneven"}},
		{"titles", item("a", "item_group_id=g|color=red|item_group_title=A") + item("b", "item_group_id=g|color=blue|item_group_title=B"), "google", []string{"item_group_title.differs"}},
		{"id is group", item("a", "item_group_id=g|color=red|availability=in stock") + item("g", "availability=in stock"), "meta", []string{"id.group"}},
	} {
		if found := rulesOf(t, tc.items, tc.platform, "DE"); !slices.Equal(found, tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, found, tc.want)
		}
	}
	var labels, same strings.Builder
	for i := range 1002 {
		labels.WriteString(item(fmt.Sprint(i), fmt.Sprintf("custom_label_3=l%d|brand=b%d", i, i)))
		same.WriteString(item(fmt.Sprint(i), fmt.Sprintf("custom_label_3=l%d", i%1000)))
	}
	if found := rulesOf(t, labels.String(), "google", ""); !slices.Equal(found, []string{"custom_label.values"}) {
		t.Error(found)
	}
	if found := rulesOf(t, same.String(), "google", ""); !slices.Equal(found, []string{"brand.constant"}) {
		t.Error(found)
	}
}

func TestSeverities(t *testing.T) {
	t.Parallel()
	text := rss(with(good("1"), "brand", "Generic", "price", "0 EUR"))
	rep, err := Validate(strings.NewReader(text), Options{Platform: "google", Severities: map[string]Severity{"brand.filler": Warning, "price.zero": Ignore}}, nil)
	if err != nil || rep.Errors != 0 || rep.Warnings != 1 || rep.Valid != 1 {
		t.Error(rep, err)
	}
	for _, s := range []map[string]Severity{{"brand.fuller": Warning}, {"brand.filler": "loud"}} {
		if _, err := Validate(strings.NewReader(text), Options{Platform: "google", Severities: s}, nil); err == nil {
			t.Errorf("%v is taken", s)
		}
	}
}

// TestTable holds the table against the collection of rules it was made from:
// every row is answered for.
func TestTable(t *testing.T) {
	t.Parallel()
	rows, err := csv.NewReader(shareddata.Open(t, "feeds/rules.csv")).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	answered := map[string]bool{}
	for _, r := range Rules() {
		for _, row := range r.Rows {
			answered[row] = true
		}
	}
	// Readers follow these, so that they cannot be broken: Meta's comment line before the
	// header and its # metadata lines are passed over, separators are found by content, and
	// enumerations have rules of their own.
	for _, row := range []string{"M059", "M060", "M064", "G155"} {
		answered[row] = true
	}
	for _, row := range rows[1:] {
		if id := row[9]; !answered[id] {
			t.Errorf("no rule answers for %s: %s: %s", id, row[1], row[6])
		}
		delete(answered, row[9])
	}
	if len(answered) > 0 {
		t.Errorf("rows that are not in the collection: %v", answered)
	}
}

func TestTables(t *testing.T) {
	t.Parallel()
	n := 0
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			if isCountry(string(a) + string(b)) {
				n++
			}
		}
	}
	if n != 249 {
		t.Errorf("%d countries, ISO 3166-1 assigns 249", n)
	}
	if len(attributeIDs)+1 > numAttrs {
		t.Errorf("%d attributes do not fit", len(attributeIDs))
	}
	for code, want := range map[string]bool{"EUR": true, "SLE": true, "VED": true, "XCG": true, "HRK": false, "eur": false, "UR ": false, "XXX": false, "": false} {
		if isCurrency(code) != want {
			t.Errorf("%q: %v", code, !want)
		}
	}
	if c := currencyIn("GB"); c != "GBP" {
		t.Error(c)
	}
	for name, want := range map[string]string{"image_url": "image_link", "descripton": "description", "custom_lable_1": "custom_label_1", "wholly_unlike_it": ""} {
		if got := nearest(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if u := expandUPCE("04252614"); u != "042100005264" {
		t.Error(u)
	}
}
