// Package pagedata reads what a product page tells machines of its product,
// JSON-LD or microdata of schema.org, and holds the feed's price, currency and
// availability against it. It is given pages that were fetched already: how
// that is done politely is no business of this package.
package pagedata

import (
	"encoding/json"
	"io"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"adsteward/internal/money"
)

// Page is what a page says of the products it is about. Products it merely
// lists or recommends are left out where the markup tells them apart.
type Page struct {
	Products []Product
	// Broken counts the JSON-LD blocks that are no JSON.
	Broken int
}

// Product is one product, or one variant of it.
type Product struct {
	Name   string
	IDs    []string // sku, productID, mpn and the GTINs, as written
	Offers []Offer
}

// Offer is a price with what it is for; parts that the page does not state are
// nil or empty.
type Offer struct {
	URL          string
	IDs          []string
	Price        *Range
	Currency     string // upper case
	Availability string // the last part of schema.org's name: InStock
}

// Range is a price, or a lowest and a highest one.
type Range struct{ Low, High money.Micros }

// Objects may refer to each other in rings: maxDepth bounds how deep they are
// followed, and maxObjects how many are read of a page.
const maxDepth, maxObjects = 16, 5000

// Read reads a page of UTF-8 HTML. The error is r's, or says that the markup
// cannot be parsed; a page without data is no error.
func Read(r io.Reader) (Page, error) {
	root, err := html.Parse(r)
	if err != nil {
		return Page{}, err
	}
	var p Page
	g := &graph{byID: map[string]map[string]any{}}
	var roots []any
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && n.DataAtom == atom.Script && strings.HasPrefix(strings.ToLower(strings.TrimSpace(attr(n, "type"))), "application/ld+json") {
			v, ok := readJSON(text(n))
			if !ok {
				p.Broken++
				continue
			}
			g.index(v, 0)
			roots = append(roots, v)
		}
	}
	for _, v := range roots {
		p.Products = append(p.Products, g.products(v, 0)...)
	}
	for _, item := range microdata(root) {
		p.Products = append(p.Products, g.products(item, 0)...)
	}
	return p, nil
}

// readJSON takes off the comment marks that some shops put around the data.
func readJSON(s string) (any, bool) {
	s = strings.TrimSpace(s)
	for _, mark := range [][2]string{{"<!--", "-->"}, {"//<![CDATA[", "//]]>"}, {"<![CDATA[", "]]>"}, {"/*<![CDATA[*/", "/*]]>*/"}} {
		s = strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(s, mark[0]), mark[1]))
	}
	dec := json.NewDecoder(strings.NewReader(s))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return nil, false
	}
	_, err := dec.Token()
	return v, err == io.EOF
}

// graph resolves references between the objects of a page.
type graph struct {
	byID map[string]map[string]any
	read int // objects
}

// over counts an object and tells whether that was one too many.
func (g *graph) over(depth int) bool {
	g.read++
	return g.read > maxObjects || depth > maxDepth
}

func (g *graph) index(v any, depth int) {
	if depth > maxDepth {
		return
	}
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			g.index(e, depth+1)
		}
	case map[string]any:
		if id, _ := v["@id"].(string); id != "" && len(v) > 1 && g.byID[id] == nil {
			g.byID[id] = v
		}
		for _, e := range v {
			g.index(e, depth+1)
		}
	}
}

// objects are those a value holds or refers to.
func (g *graph) objects(v any) []map[string]any {
	switch v := v.(type) {
	case []any:
		var out []map[string]any
		for _, e := range v {
			if _, nested := e.([]any); !nested {
				out = append(out, g.objects(e)...)
			}
		}
		return out
	case map[string]any:
		if id, _ := v["@id"].(string); id != "" && len(v) == 1 && g.byID[id] != nil {
			v = g.byID[id]
		}
		return []map[string]any{v}
	case string:
		if o := g.byID[v]; o != nil {
			return []map[string]any{o}
		}
	}
	return nil
}

// productTypes are schema.org's types of things that are sold as products.
var productTypes = []string{"Product", "ProductGroup", "IndividualProduct", "ProductModel", "SomeProducts", "Vehicle", "Car"}

// products finds the products a value is about: itself, those of its graph, and
// the main thing of a page. What is only listed is not followed.
func (g *graph) products(v any, depth int) (out []Product) {
	if g.over(depth) {
		return nil
	}
	if list, ok := v.([]any); ok {
		for _, e := range list {
			out = append(out, g.products(e, depth+1)...)
		}
		return out
	}
	o, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	if isType(o, productTypes...) {
		return g.product(o, "", depth)
	}
	out = g.products(get(o, "@graph"), depth+1)
	for _, main := range g.objects(get(o, "mainEntity")) {
		out = append(out, g.products(main, depth+1)...)
	}
	return out
}

// product is an object with its variants, which inherit its name.
func (g *graph) product(o map[string]any, name string, depth int) []Product {
	if g.over(depth) {
		return nil
	}
	p := Product{Name: first(o, "name"), IDs: idsOf(o)}
	if p.Name == "" {
		p.Name = name
	}
	for _, offer := range g.objects(get(o, "offers")) {
		p.Offers = append(p.Offers, g.offer(offer, Offer{}, depth+1)...)
	}
	var out []Product
	if len(p.Offers) > 0 || get(o, "hasVariant") == nil {
		out = append(out, p)
	}
	for _, variant := range g.objects(get(o, "hasVariant")) {
		out = append(out, g.product(variant, p.Name, depth+1)...)
	}
	return out
}

// offer reads an Offer, or an AggregateOffer with those inside it, which inherit
// what it states of all.
func (g *graph) offer(o map[string]any, above Offer, depth int) []Offer {
	if g.over(depth) {
		return nil
	}
	f := Offer{URL: first(o, "url"), IDs: idsOf(o), Currency: strings.ToUpper(first(o, "priceCurrency")), Availability: lastPart(first(o, "availability"))}
	if f.Currency == "" {
		f.Currency = above.Currency
	}
	if f.Availability == "" {
		f.Availability = above.Availability
	}
	low, isLow := readAmount(first(o, "lowPrice"))
	high, isHigh := readAmount(first(o, "highPrice"))
	price, isPrice := readAmount(first(o, "price"))
	switch {
	case isPrice:
		f.Price = &Range{price, price}
	case isLow && isHigh && low <= high:
		f.Price = &Range{low, high}
	case isLow:
		f.Price = &Range{low, low}
	default:
		g.specified(&f, o)
	}
	var inner []Offer
	for _, e := range g.objects(get(o, "offers")) {
		inner = append(inner, g.offer(e, f, depth+1)...)
	}
	if len(inner) > 0 {
		return inner
	}
	return []Offer{f}
}

// specified takes the price from a price specification: not that of a unit, nor
// the one that is struck through.
func (g *graph) specified(f *Offer, o map[string]any) {
	for _, s := range g.objects(get(o, "priceSpecification")) {
		kind := lastPart(first(s, "priceType"))
		if kind == "ListPrice" || kind == "StrikethroughPrice" || kind == "SRP" || kind == "MSRP" || get(s, "referenceQuantity") != nil {
			continue
		}
		if price, ok := readAmount(first(s, "price")); ok {
			f.Price = &Range{price, price}
			if c := first(s, "priceCurrency"); c != "" {
				f.Currency = strings.ToUpper(c)
			}
			return
		}
	}
}

func idsOf(o map[string]any) (out []string) {
	for _, name := range []string{"sku", "productID", "mpn", "gtin", "gtin8", "gtin12", "gtin13", "gtin14", "isbn"} {
		if v := first(o, name); v != "" {
			out = append(out, v)
		}
	}
	return out
}

// get is a property by its plain name.
func get(o map[string]any, name string) any {
	if v, ok := o[name]; ok {
		return v
	}
	return o["schema:"+name]
}

// first is the text of a property, of a list the first.
func first(o map[string]any, name string) string {
	v := get(o, name)
	for {
		switch x := v.(type) {
		case []any:
			if len(x) == 0 {
				return ""
			}
			v = x[0]
		case map[string]any:
			if v = x["@value"]; v == nil {
				v = x["@id"]
			}
		case string:
			return strings.TrimSpace(x)
		case json.Number:
			return x.String()
		default:
			return ""
		}
	}
}

func isType(o map[string]any, names ...string) bool {
	types, ok := o["@type"].([]any)
	if !ok {
		types = []any{o["@type"]}
	}
	for _, t := range types {
		s, _ := t.(string)
		for _, name := range names {
			if lastPart(s) == name {
				return true
			}
		}
	}
	return false
}

// lastPart is what a name of schema.org ends in, however its address is written.
func lastPart(s string) string { return s[strings.LastIndexAny(s, "/#:")+1:] }

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

// text is all text below a node.
func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}
