package feeds

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// validItem makes an item of one of several kinds of shop, right in every way a
// feed alone can be.
func validItem(r *rand.Rand, i int, platform string) map[string]string {
	id := fmt.Sprintf("%s-%d", []string{"sku", "SHOP_DE", "4711", "výrobek"}[r.IntN(4)], i)
	it := good(id)
	word := []string{"Kleid", "Šaty", "حذاء جلدي", "ランニングシューズ", "Running shoe", "Zapatos"}[r.IntN(6)]
	it["title"] = fmt.Sprintf("%s %d &amp; more", word, i)
	it["description"] = word + " – “soft”, 100 % cotton, size &gt; 3 &amp; light. Numéro " + fmt.Sprint(i)
	price := []string{"12.50 EUR", "1200 JPY", "23.0 KWD", "23.125 KWD", "0.99 USD", "1234567.89 CZK", "15 GBP", "99 SLE"}[r.IntN(8)]
	it["price"] = price
	if r.IntN(3) == 0 {
		number, code, _ := strings.Cut(price, " ")
		it["price"] = "2" + number + " " + code
		it["sale_price"] = price
		it["sale_price_effective_date"] = "2026-02-24T11:07+0100/2026-03-29T15:30+0100"
		it["cost_of_goods_sold"] = "0.01 " + code
	}
	switch r.IntN(4) {
	case 0:
		it["availability"], it["availability_date"] = "preorder", "2026-05-01T00:00Z"
	case 1:
		it["availability"] = "out_of_stock"
	}
	if platform == "meta" {
		it["availability"] = strings.ReplaceAll(it["availability"], "_", " ")
	}
	switch r.IntN(6) {
	case 0: // clothing in variants
		with(it, "item_group_id", fmt.Sprint("g", i), "color", "blue/white", "size", "XL", "age_group", "adult", "gender", "unisex",
			"google_product_category", "Apparel &amp; Accessories &gt; Clothing &gt; Dresses", "material", "cotton", "pattern", "striped")
	case 1: // books have no brand
		with(it, "brand", "", "gtin", withCheck(fmt.Sprintf("978%09d", i)), "google_product_category", "784")
	case 2: // made by hand
		with(it, "brand", "", "gtin", "", "identifier_exists", "no")
		if platform == "meta" {
			it["brand"] = "Own workshop"
		}
	case 3: // food by weight
		with(it, "unit_pricing_measure", "750 g", "unit_pricing_base_measure", "1 kg", "shipping", "DE::Standard:4.90 "+it["price"][strings.IndexByte(it["price"], ' ')+1:],
			"shipping_weight", "0.75 kg", "mpn", "B-77")
	case 4: // used, with part number only
		with(it, "gtin", "", "mpn", fmt.Sprintf("PN-%d", i), "condition", "used")
	case 5:
		with(it, "custom_label_0", "margin high", "custom_label_4", "winter", "product_type", "Home &gt; Garden &gt; Chairs", "additional_image_link",
			"https://shop.example/a.jpg", "multipack", "6", "promotion_id", "SPRING_26", "excluded_destination", "Display_ads")
	}
	return it
}

// TestValidItems finds no error in a thousand valid items, in any form.
func TestValidItems(t *testing.T) {
	t.Parallel()
	for _, platform := range []string{"google", "meta"} {
		r := rand.New(rand.NewPCG(1, 2))
		var items []map[string]string
		for i := range 1000 {
			items = append(items, validItem(r, i, platform))
		}
		names := map[string]string{}
		for _, it := range items {
			for n := range it {
				names[n] = ""
			}
		}
		plain := strings.NewReplacer("&amp;", "&", "&gt;", ">")
		var rows []map[string]string
		for _, it := range items {
			row := with(map[string]string{}, "", "")
			delete(row, "")
			for n := range names {
				row[n] = plain.Replace(it[n])
			}
			rows = append(rows, row)
		}
		for format, text := range map[string]string{"xml": rss(items...), "tsv": table("\t", rows...), "pipe": table("|", rows...)} {
			rep, err := Validate(strings.NewReader(text), Options{Platform: platform, Now: testNow}, func(_ Item, issues []Issue) error {
				for _, i := range issues {
					if i.Severity == Error {
						t.Errorf("%s, %s: %+v", format, platform, i)
					}
				}
				return nil
			})
			if err != nil || rep.Items != 1000 || rep.Valid != 1000 {
				t.Errorf("%s, %s: %+v %v", format, platform, rep, err)
			}
		}
	}
}
