package feeds

import "strings"

// shopify reads Shopify's product export (Products > Export), old columns
// ("Handle", "Variant Price") and new ("URL handle", "Price"). Rows of a handle
// follow each other: the first holds the product and its first variant, others
// a variant, or only a further image.
type shopify struct {
	shop
	handle string
	rows   []row // of the handle
}

// maxVariants is more than Shopify takes of one product.
const maxVariants = 5000

func (s *shopify) row(r row, emit func(draft)) {
	handle := r.get("handle", "url handle")
	if handle != s.handle || handle == "" || len(s.rows) == maxVariants {
		s.end(emit)
		s.handle = handle
	}
	s.rows = append(s.rows, r)
}

func (s *shopify) end(emit func(draft)) {
	rows := s.rows
	s.rows = nil
	if len(rows) == 0 {
		return
	}
	product := rows[0]
	if status := strings.ToLower(product.get("status")); status == "draft" || status == "archived" || isNo(product.get("published", "published on online store")) {
		return // not for sale
	}
	var images []string
	var variants []row
	for i, r := range rows {
		if image := r.get("image src", "product image url"); image != "" {
			images = append(images, image)
		}
		if i == 0 || r.get("variant price", "price", "variant sku", "sku", "option1 value") != "" {
			variants = append(variants, r)
		}
	}
	for _, v := range variants {
		emit(s.item(product, v, images, len(variants) > 1))
	}
}

func (s *shopify) item(product, v row, images []string, several bool) draft {
	d := draft{line: v.line}
	of := func(names ...string) string { // the variant's, else the product's
		if value := v.get(names...); value != "" {
			return value
		}
		return product.get(names...)
	}
	id := v.get("variant sku", "sku")
	if id == "" {
		id = s.handle
		for _, n := range []string{"option1 value", "option2 value", "option3 value"} {
			if o := v.get(n); o != "" && o != "Default Title" {
				id += "-" + o
			}
		}
	}
	d.add(aID, id)
	d.add(aTitle, of("title"))
	d.add(aDescription, prose(of("body (html)", "body html", "description")))
	if s.url != "" && s.handle != "" {
		d.add(aLink, s.url+"/products/"+s.handle)
	}
	s.images(&d, v, images)
	s.money(&d, v)
	s.stock(&d, v)
	d.add(aBrand, of("vendor"))
	d.add(aGTIN, strings.TrimPrefix(v.get("variant barcode", "barcode"), "'"))
	d.add(aMPN, of("google shopping / mpn"))
	condition := of("google shopping / condition")
	if condition == "" {
		condition = "new" // as Shopify's own channels say
	}
	d.add(aCondition, condition)
	d.add(aProductType, of("type"))
	d.add(aCategory, of("google shopping / google product category"))
	d.add(aGender, of("google shopping / gender"))
	d.add(aAgeGroup, of("google shopping / age group"))
	if custom := of("google shopping / custom product"); custom != "" && !isNo(custom) {
		d.add(aIdentifierExists, "no")
	}
	if several {
		d.add(aItemGroupID, s.handle)
	}
	for i, n := range []string{"option1", "option2", "option3"} {
		if value := v.get(n + " value"); value != "Default Title" || i > 0 {
			d.option(product.get(n+" name"), value)
		}
	}
	for i := range attrID(5) {
		d.add(aLabel0+i, of("google shopping / custom label "+string('0'+byte(i))))
	}
	if grams := v.get("variant grams", "weight value (grams)"); grams != "" && strings.Trim(grams, "0.") != "" {
		d.add(aShippingWeight, grams+" g")
	}
	return d
}

// images gives the variant's own image, else the product's first, and the others.
func (s *shopify) images(d *draft, v row, images []string) {
	main := v.get("variant image", "variant image url")
	if main == "" && len(images) > 0 {
		main = images[0]
	}
	d.add(aImageLink, main)
	n := 0
	for _, image := range images {
		if image != main && n < 10 {
			d.add(aAdditionalImageLink, image)
			n++
		}
	}
}

// money gives the price before a reduction as the price, and the cost of goods.
func (s *shopify) money(d *draft, v row) {
	price, before := v.get("variant price", "price"), v.get("variant compare at price", "compare-at price", "compare at price")
	now, was := readPrice(s.price(price)), readPrice(s.price(before))
	if now.ok && was.ok && was.Amount > now.Amount {
		d.add(aPrice, s.price(before))
		d.add(aSalePrice, s.price(price))
	} else {
		d.add(aPrice, s.price(price))
	}
	d.add(aCost, s.price(v.get("cost per item")))
}

// stock: what is not tracked, or may be oversold, can be bought, and how many
// pieces there are does not matter.
func (s *shopify) stock(d *draft, v row) {
	quantity := v.get("variant inventory qty", "inventory quantity")
	policy := strings.ToLower(v.get("variant inventory policy", "continue selling when out of stock"))
	if v.get("variant inventory tracker", "inventory tracker") == "" || policy == "continue" || policy == "true" || quantity == "" {
		d.add(aAvailability, "in_stock")
		return
	}
	d.stock(quantity)
	if quantity[0] == '-' || strings.Trim(quantity, "0") == "" {
		d.add(aAvailability, "out_of_stock")
		return
	}
	d.add(aAvailability, "in_stock")
}
