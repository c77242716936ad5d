package storefront

import (
	"slices"
	"strings"
)

// column is one column a kind of file may have.
type column struct {
	name     string
	required bool
	// or names another column that does in place of this one.
	or []string
}

// columnsOf lists the columns of a kind, as `adsteward import` documents them.
func columnsOf(k Kind) ([]column, bool) {
	req := func(name string, or ...string) column { return column{name, true, or} }
	opt := func(name string) column { return column{name: name} }
	switch k {
	case Orders:
		return []column{opt("order_id"), req("customer_id", "email", "phone"), req("ordered_at"), req("revenue"),
			opt("currency"), opt("email"), opt("phone"), opt("discount"), opt("shipping"), opt("tax"), opt("refunded"),
			opt("country"), opt("source"), opt("click_id"),
			opt("sku"), opt("quantity"), opt("unit_price"), opt("unit_cost")}, true
	case Touches:
		return []column{req("customer_id", "visitor_id", "click_id", "landing_url"), opt("visitor_id"), req("at"), req("channel", "landing_url"),
			opt("campaign"), opt("click_id"), opt("landing_url"), opt("kind")}, true
	case Carts:
		return []column{req("cart_id"), req("customer_id", "visitor_id", "email"), opt("visitor_id"), opt("email"),
			req("updated_at"), req("value"), opt("skus")}, true
	case Costs:
		return []column{req("sku"), req("unit_cost"), opt("currency")}, true
	case Consents:
		return []column{req("customer_id", "email"), opt("email"), req("purpose"), req("granted"), req("at")}, true
	case Performance:
		return []column{req("date"), req("platform"), opt("account"), req("campaign_id"), opt("campaign"), req("cost"),
			req("value"), opt("conversions"), opt("clicks"), opt("impressions"), opt("budget"), opt("currency")}, true
	}
	return nil, false
}

func names(cs []column) []string {
	out := make([]string, len(cs))
	for i, c := range cs {
		out[i] = c.name
	}
	return out
}

// layout is how a format writes a kind of file.
type layout struct {
	// names gives the names the format uses for our columns, best first; a
	// column not named here is called as we call it.
	names map[string][]string
	// constant holds what a format never writes because it is always the same.
	constant map[string]string
	// preamble: lines of other text may stand above the header.
	preamble bool
	// report: numbers are written for people: "1,234.50", "--" for none.
	report bool
	// total recognises rows that sum up others.
	total func(record) bool
	// unpaid lists the states of orders for which nobody paid; they are left out.
	unpaid []string
	json   bool
}

func (l layout) called(name string) []string {
	if n, ok := l.names[name]; ok {
		return n
	}
	return []string{name}
}

func formatsOf(k Kind) []Format {
	out := []Format{CSV, JSONL}
	switch k {
	case Orders:
		out = append(out, Shopify, WooCommerce)
	case Performance:
		out = append(out, GoogleAds, MetaAds)
	}
	return out
}

// layoutOf describes the format. The names of the shops' and platforms' columns
// are those of their English exports.
func layoutOf(k Kind, f Format) (layout, bool) {
	if f == "" {
		f = CSV
	}
	if !slices.Contains(formatsOf(k), f) {
		return layout{}, false
	}
	switch f {
	case JSONL:
		return layout{json: true}, true
	case Shopify:
		return layout{names: map[string][]string{
			"order_id": {"Name"}, "customer_id": {"Customer ID"}, "ordered_at": {"Created at"}, "revenue": {"Total"},
			"currency": {"Currency"}, "email": {"Email"}, "phone": {"Phone", "Billing Phone"},
			"discount": {"Discount Amount"}, "shipping": {"Shipping"}, "tax": {"Taxes"}, "refunded": {"Refunded Amount"},
			"country": {"Billing Country", "Shipping Country"}, "source": {"Source"},
			"sku": {"Lineitem sku"}, "quantity": {"Lineitem quantity"}, "unit_price": {"Lineitem price"},
			"status": {"Financial Status"},
		}, unpaid: []string{"voided", "expired"}}, true
	case WooCommerce:
		return layout{names: map[string][]string{
			"order_id": {"order_id", "order_number"}, "customer_id": {"customer_id", "customer_user"},
			"ordered_at": {"date", "order_date"}, "revenue": {"order_total"},
			"currency": {"order_currency"}, "email": {"billing_email", "customer_email"}, "phone": {"billing_phone"},
			"discount": {"discount_total", "cart_discount"}, "shipping": {"shipping_total", "order_shipping"},
			"tax": {"tax_total", "order_tax"}, "refunded": {"refunded_total", "order_refund"}, "country": {"billing_country"},
			"sku": {"item_sku"}, "quantity": {"item_quantity"}, "unit_price": {"item_price"},
			"status": {"status", "order_status"},
		}, unpaid: []string{"cancelled", "failed", "pending", "checkout-draft", "trash"}}, true
	case GoogleAds:
		return layout{names: map[string][]string{
			"date": {"Day", "Date"}, "account": {"Customer ID", "Account"}, "campaign_id": {"Campaign ID"},
			"campaign": {"Campaign"}, "cost": {"Cost"}, "value": {"Conv. value", "All conv. value"},
			"conversions": {"Conversions"}, "clicks": {"Clicks", "Interactions"}, "impressions": {"Impr.", "Impressions"},
			"budget": {"Budget"}, "currency": {"Currency code", "Currency"},
		}, constant: map[string]string{"platform": "google"}, preamble: true, report: true, total: isTotal}, true
	case MetaAds:
		return layout{names: map[string][]string{
			"date": {"Day", "Reporting starts"}, "until": {"Reporting ends"}, "account": {"Account ID"},
			"campaign_id": {"Campaign ID"}, "campaign": {"Campaign name"}, "cost": {"Amount spent"},
			"value":       {"Purchases conversion value", "Website purchases conversion value", "Purchase conversion value"},
			"conversions": {"Purchases", "Website purchases", "Results"},
			"clicks":      {"Link clicks", "Clicks (all)"}, "impressions": {"Impressions"},
			"budget": {"Campaign budget"}, "currency": {"Currency"},
		}, constant: map[string]string{"platform": "meta"}, report: true, total: isTotal}, true
	}
	return layout{}, true
}

// isTotal recognises the sum rows of the platforms' reports: they name no
// campaign and no day of their own.
func isTotal(r record) bool {
	d := strings.ToLower(r.get("date"))
	return r.get("campaign_id") == "" && (d == "" || strings.HasPrefix(d, "total")) ||
		strings.HasPrefix(d, "total")
}
