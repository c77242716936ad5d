package feeds

import "strings"

// woocommerce reads WooCommerce's product export (Products > Export); its column
// names are the English ones here, see wooColumns. A variable product is no item, its variations are: they
// take from it what their rows leave empty.
type woocommerce struct {
	shop
	parents map[string]*wooParent // by "id:7" and by SKU
	held    int                   // bytes of them
}

// wooParent is what variations take from their product.
type wooParent struct {
	group, name, description, brand, categories, images string
	attributes                                          [wooAttributes]string // names
}

const (
	wooAttributes = 6
	// maxParents is how much is remembered of variable products; beyond it the
	// earlier ones are forgotten, whose variations have long been read.
	maxParents = 32 << 20
)

func (w *woocommerce) row(r row, emit func(draft)) {
	kinds := strings.ToLower(r.get("type"))
	published := r.get("published")
	if published == "0" || published == "-1" || isNo(published) {
		return // a draft or private
	}
	parent := w.parents[strings.ToLower(r.get("parent"))]
	switch {
	case strings.Contains(kinds, "grouped"):
		return // has no price of its own
	case strings.Contains(kinds, "variable"):
		w.remember(r)
		return
	case !strings.Contains(kinds, "variation"), parent == nil:
		parent = &wooParent{}
	}
	emit(w.item(r, parent))
}

func (w *woocommerce) end(func(draft)) {}

func (w *woocommerce) remember(r row) {
	p := &wooParent{group: wooID(r), name: r.get("name"), description: prose(r.get("description", "short description")), brand: wooBrand(r),
		categories: r.get("categories"), images: r.get("images")}
	for i := range p.attributes {
		p.attributes[i] = r.get("attribute " + string('1'+byte(i)) + " name")
	}
	for _, text := range []*string{&p.group, &p.name, &p.description, &p.brand, &p.categories, &p.images} {
		*text = strings.Clone(*text)
		w.held += len(*text)
	}
	for i := range p.attributes {
		p.attributes[i] = strings.Clone(p.attributes[i])
		w.held += len(p.attributes[i])
	}
	if w.held += 400; w.held > maxParents || w.parents == nil {
		w.parents, w.held = map[string]*wooParent{}, 0
	}
	for _, key := range []string{"id:" + r.get("id"), r.get("sku")} {
		if key != "" {
			w.parents[strings.ToLower(key)] = p
		}
	}
}

func wooID(r row) string { return r.get("sku", "id") }

func wooBrand(r row) string { return r.get("brands", "brand", "meta: brand", "meta: _brand") }

func (w *woocommerce) item(r row, parent *wooParent) draft {
	d := draft{line: r.line}
	or := func(value, other string) string {
		if value == "" {
			return other
		}
		return value
	}
	d.add(aID, wooID(r))
	d.add(aTitle, or(r.get("name"), parent.name))
	d.add(aDescription, or(prose(r.get("description", "short description")), parent.description))
	if id := r.get("id"); w.url != "" && id != "" {
		d.add(aLink, w.url+"/?p="+id)
	} else {
		d.add(aLink, r.get("external url"))
	}
	w.images(&d, or(r.get("images"), parent.images))
	w.money(&d, r)
	switch stock := strings.ToLower(r.get("in stock?")); stock {
	case "1", "yes", "instock":
		d.add(aAvailability, "in_stock")
	case "backorder", "onbackorder":
		d.add(aAvailability, "backorder")
	default:
		d.add(aAvailability, "out_of_stock")
	}
	d.stock(r.get("stock"))
	d.add(aBrand, or(wooBrand(r), parent.brand))
	d.add(aGTIN, strings.TrimPrefix(r.get("gtin, upc, ean, or isbn", "gtin", "meta: _gtin", "meta: _global_unique_id"), "'"))
	d.add(aCondition, "new")
	categories, _, _ := strings.Cut(or(r.get("categories"), parent.categories), ",")
	d.add(aProductType, categories)
	d.add(aItemGroupID, parent.group)
	for i := range wooAttributes {
		n := "attribute " + string('1'+byte(i))
		value := r.get(n + " value(s)")
		if parent.group == "" && strings.Contains(value, ",") {
			continue // a simple product's list of what it may be
		}
		d.option(or(r.get(n+" name"), parent.attributes[i]), value)
	}
	for _, unit := range []string{"kg", "g", "lbs", "oz"} {
		if weight := r.get("weight (" + unit + ")"); weight != "" {
			d.add(aShippingWeight, weight+" "+strings.TrimSuffix(unit, "s"))
		}
	}
	return d
}

func (w *woocommerce) images(d *draft, list string) {
	for i, image := range strings.Split(list, ",") {
		switch {
		case i == 0:
			d.add(aImageLink, strings.TrimSpace(image))
		case i <= 10:
			d.add(aAdditionalImageLink, strings.TrimSpace(image))
		}
	}
}

func (w *woocommerce) money(d *draft, r row) {
	d.add(aPrice, w.price(r.get("regular price")))
	if sale := r.get("sale price"); sale != "" {
		d.add(aSalePrice, w.price(sale))
		from, to := wooDay(r.get("date sale price starts")), wooDay(r.get("date sale price ends"))
		if from != "" && to != "" {
			d.add(aSaleDates, from+"T00:00/"+to+"T23:59")
		}
	}
	d.add(aCost, w.price(r.get("cost of goods", "meta: _wc_cog_cost", "meta: _cogs_total_value")))
}

// wooDay is the day of a date, which may have a time.
func wooDay(s string) string {
	if len(s) > 10 {
		return s[:10]
	}
	return s
}
