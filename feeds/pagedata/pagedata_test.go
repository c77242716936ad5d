package pagedata

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adsteward/feeds"
	"adsteward/internal/money"
)

func eur(amount string) feeds.Price {
	m, err := money.Parse(amount)
	if err != nil {
		panic(err)
	}
	return feeds.Price{Amount: m, Currency: "EUR"}
}

var today = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func item() feeds.Item {
	return feeds.Item{ID: "SKU-1", Title: "Trail Runner 2 Shoe", Link: "https://shop.example/p/trail-runner", Price: eur("49.90"), Availability: "in_stock"}
}

const (
	// shopify is how newer themes of Shopify write a product with variants.
	shopify = `<!doctype html><html><head><title>x</title></head><body>
<script type="application/ld+json">{"@context":"http://schema.org/","@id":"/products/trail-runner#product","@type":"ProductGroup",
 "name":"Trail Runner 2","productGroupID":"811","url":"https://shop.example/products/trail-runner","hasVariant":[
 {"@id":"/products/trail-runner?variant=41#variant","@type":"Product","sku":"TR-41","name":"Trail Runner 2 - 41","offers":
  {"@id":"/products/trail-runner?variant=41#offer","@type":"Offer","availability":"http://schema.org/InStock","price":"49.90","priceCurrency":"EUR","url":"https://shop.example/products/trail-runner?variant=41"}},
 {"@id":"/products/trail-runner?variant=42#variant","@type":"Product","sku":"TR-42","name":"Trail Runner 2 - 42","offers":
  {"@type":"Offer","availability":"http://schema.org/OutOfStock","price":"54.90","priceCurrency":"EUR","url":"https://shop.example/products/trail-runner?variant=42"}}]}</script>
<script>var meta = {"product":{"price":1}};</script></body></html>`

	// woocommerce is how WooCommerce writes it with an SEO plugin's graph.
	woocommerce = `<html><body class="single-product"><script type="application/ld+json" class="yoast-schema-graph">{"@context":"https://schema.org","@graph":[
 {"@type":["WebPage","ItemPage"],"@id":"https://shop.example/product/trail/","url":"https://shop.example/product/trail/"},
 {"@type":"Product","@id":"https://shop.example/product/trail/#product","name":"Trail","sku":"SKU-1","offers":[{"@type":"Offer","priceValidUntil":"2027-12-31",
  "priceSpecification":[{"@type":"UnitPriceSpecification","price":"59.90","priceCurrency":"EUR","priceType":"https://schema.org/ListPrice"},
   {"@type":"UnitPriceSpecification","price":"49.90","priceCurrency":"EUR","valueAddedTaxIncluded":"true"}],
  "availability":"https://schema.org/InStock","url":"https://shop.example/product/trail/"}]}]}</script></body></html>`

	microdataPage = `<div itemscope itemtype="http://schema.org/Product"><h1 itemprop="name">Trail <b>Runner</b></h1><meta itemprop="sku" content="SKU-1">
 <div itemprop="offers" itemscope itemtype="https://schema.org/Offer"><span itemprop="price" content="49.90">€ 49,90</span>
 <meta itemprop="priceCurrency" content="EUR"><link itemprop="availability" href="https://schema.org/OutOfStock"></div>
 <ul><li itemprop="isRelatedTo" itemscope itemtype="http://schema.org/Product"><span itemprop="name">Sock</span>
 <span itemprop="offers" itemscope itemtype="http://schema.org/Offer"><span itemprop="price">5</span></span></li></ul></div>`
)

func page(t *testing.T, s string) Page {
	t.Helper()
	p, err := Read(strings.NewReader(s))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func jsonld(s string) string { return `<script type="application/ld+json">` + s + `</script>` }

func offer(rest string) string {
	return jsonld(`{"@type":"Product","sku":"SKU-1","offers":{"@type":"Offer",` + rest + `}}`)
}

func TestRead(t *testing.T) {
	t.Parallel()
	price := func(low, high string) *Range { return &Range{eur(low).Amount, eur(high).Amount} }
	for _, c := range []struct {
		name, html string
		want       Page
	}{
		{"Shopify", shopify, Page{Products: []Product{
			{Name: "Trail Runner 2 - 41", IDs: []string{"TR-41"}, Offers: []Offer{{URL: "https://shop.example/products/trail-runner?variant=41", Price: price("49.9", "49.9"), Currency: "EUR", Availability: "InStock"}}},
			{Name: "Trail Runner 2 - 42", IDs: []string{"TR-42"}, Offers: []Offer{{URL: "https://shop.example/products/trail-runner?variant=42", Price: price("54.9", "54.9"), Currency: "EUR", Availability: "OutOfStock"}}}}}},
		{"WooCommerce", woocommerce, Page{Products: []Product{{Name: "Trail", IDs: []string{"SKU-1"},
			Offers: []Offer{{URL: "https://shop.example/product/trail/", Price: price("49.9", "49.9"), Currency: "EUR", Availability: "InStock"}}}}}},
		{"microdata", microdataPage, Page{Products: []Product{{Name: "Trail Runner", IDs: []string{"SKU-1"}, Offers: []Offer{{Price: price("49.9", "49.9"), Currency: "EUR", Availability: "OutOfStock"}}}}}},
		{"an offer by reference", jsonld(`[{"@type":"Product","name":"A","offers":{"@id":"#o"}},{"@id":"#o","@type":"Offer","price":3,"priceCurrency":"eur"}]`),
			Page{Products: []Product{{Name: "A", Offers: []Offer{{Price: price("3", "3"), Currency: "EUR"}}}}}},
		{"a range", jsonld(`{"@type":"https://schema.org/Product","offers":{"@type":"AggregateOffer","lowPrice":"10","highPrice":20.5,"priceCurrency":"EUR","offerCount":3}}`),
			Page{Products: []Product{{Offers: []Offer{{Price: price("10", "20.5"), Currency: "EUR"}}}}}},
		{"offers in an aggregate inherit", jsonld(`{"@type":"Product","offers":{"@type":"AggregateOffer","priceCurrency":"EUR","lowPrice":1,"offers":[{"price":"1"},{"price":"2","priceCurrency":"USD"}]}}`),
			Page{Products: []Product{{Offers: []Offer{{Price: price("1", "1"), Currency: "EUR"}, {Price: price("2", "2"), Currency: "USD"}}}}}},
		{"what is only listed", jsonld(`{"@type":"ItemList","itemListElement":[{"@type":"ListItem","item":{"@type":"Product","name":"other"}}]}`), Page{}},
		{"the main thing of a page", jsonld(`{"@type":"WebPage","mainEntity":{"@type":["Thing","schema:Product"],"schema:name":"A"}}`), Page{Products: []Product{{Name: "A"}}}},
		{"broken JSON beside good", jsonld(`{"@type":"Product","name":"A",}`) + jsonld("<!-- {\"@type\":\"Product\",\"name\":\"B\"} -->"), Page{Broken: 1, Products: []Product{{Name: "B"}}}},
		{"two documents in one block", jsonld(`{"@type":"Product"}{"@type":"Product"}`), Page{Broken: 1}},
		{"odd types", jsonld(`{"@type":"Product","name":{"@value":"A"},"sku":12,"offers":[null,7,"x",{"price":{"a":1},"availability":["https://schema.org/InStock"]}]}`),
			Page{Products: []Product{{Name: "A", IDs: []string{"12"}, Offers: []Offer{{Availability: "InStock"}}}}}},
		{"nothing", "<p>49,90 EUR", Page{}},
		{"empty", "", Page{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := page(t, c.html)
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestReadBombs reads what is meant to hurt: it must end, and end in little time
// whatever the depth.
func TestReadBombs(t *testing.T) {
	t.Parallel()
	const n = 100_000
	for name, s := range map[string]string{
		"deep HTML":      strings.Repeat("<div itemscope itemprop=a>", n),
		"deep JSON":      jsonld(strings.Repeat(`{"@graph":[`, n)),
		"deep offers":    jsonld(`{"@type":"Product","offers":` + strings.Repeat(`{"offers":`, 5000) + "1" + strings.Repeat("}", 5000) + "}"),
		"a ring":         jsonld(`[{"@id":"a","@type":"Product","offers":{"@id":"b"},"hasVariant":{"@id":"a"}},{"@id":"b","offers":{"@id":"b"}}]`),
		"a long number":  jsonld(`{"@type":"Product","offers":{"price":` + strings.Repeat("9", n) + `}}`),
		"open script":    `<script type="application/ld+json">` + strings.Repeat("[", n),
		"not text":       "\x00\xff\xfe<script type=application/ld+json>\xff",
		"many ring arms": jsonld(`[{"@id":"a","@type":"Product","hasVariant":[{"@id":"a"},{"@id":"a"},{"@id":"a"},{"@id":"a"}]}]`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := Read(strings.NewReader(s))
			for _, product := range p.Products {
				for _, o := range product.Offers {
					if o.Price != nil {
						t.Errorf("a price came of it: %v", *o.Price)
					}
				}
			}
			if name == "deep HTML" && err == nil {
				t.Error("markup of any depth was parsed")
			}
		})
	}
}

func TestReadAmount(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"49.90": "49.9", "49,90": "49.9", "1,299.00": "1299", "1.299,00": "1299", "1,299": "1299", "1.299": "1.299", "1'299.50": "1299.5", "1 299,50": "1299.5",
		"€ 49,90": "49.9", "49.90 €": "49.9", "EUR49.9": "49.9", "49,-": "49", "1.234.567": "1234567", "1,234,567.8": "1234567.8", "0": "0", "23.000": "23",
		"49.989999999999995": "49.99", ".5": "0.5",
		"": "none", "free": "none", "from 3 to 5": "none", "-3": "none", "Fr. 49,-": "49", "1e5": "none", "5-9": "none", "NaN": "none",
	} {
		m, ok := readAmount(in)
		got := "none"
		if ok {
			got = m.Decimal()
		}
		if w := want; w != "none" {
			p, _ := money.Parse(w)
			want = p.Decimal()
		}
		if got != want {
			t.Errorf("%q is read as %s, not %s", in, got, want)
		}
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	at := func(html string) Visit { return Visit{URL: item().Link, Page: page(t, html)} }
	redirected := func(to, html string) Visit { return Visit{URL: to, Page: page(t, html)} }
	sale := item()
	sale.SalePrice = eur("39.90")
	past, coming := sale, sale
	past.SaleUntil, coming.SaleFrom = today.Add(-time.Hour), today.Add(time.Hour)
	variant := item()
	variant.ID, variant.Link, variant.Price, variant.Availability = "shopify_DE_811_42", "https://shop.example/products/trail-runner?variant=42&utm_source=x", eur("54.90"), "out_of_stock"
	good := offer(`"price":"49.90","priceCurrency":"EUR","availability":"https://schema.org/InStock"`)
	for _, c := range []struct {
		name string
		item feeds.Item
		v    Visit
		want []Kind
	}{
		{"agrees", item(), at(good), nil},
		{"WooCommerce agrees", item(), at(woocommerce), nil},
		{"Shopify's variant by its address", variant, redirected(variant.Link, shopify), nil},
		{"Shopify's other variant", variant, redirected("https://shop.example/products/trail-runner?variant=42", strings.Replace(shopify, "54.90", "49.90", 1)), []Kind{Price}},
		{"stock", item(), at(microdataPage), []Kind{Availability}},
		{"price", item(), at(offer(`"price":59.9,"priceCurrency":"EUR","availability":"InStock"`)), []Kind{Price}},
		{"both", item(), at(offer(`"price":59.9,"priceCurrency":"EUR","availability":"SoldOut"`)), []Kind{Price, Availability}},
		{"currency", item(), at(offer(`"price":49.9,"priceCurrency":"USD"`)), []Kind{Currency}},
		{"no currency stated", item(), at(offer(`"price":49.9`)), nil},
		{"a fraction of a cent", item(), at(offer(`"price":49.899999999999999,"priceCurrency":"EUR"`)), nil},
		{"one cent", item(), at(offer(`"price":49.89,"priceCurrency":"EUR"`)), []Kind{Price}},
		{"the sale price", sale, at(offer(`"price":"39.90","priceCurrency":"EUR"`)), nil},
		{"the price before the sale", sale, at(good), []Kind{Price}},
		{"a sale that is over", past, at(good), nil},
		{"a sale that is over, on the page it goes on", past, at(offer(`"price":"39.90","priceCurrency":"EUR"`)), []Kind{Price}},
		{"a sale that is coming", coming, at(good), nil},
		{"neither", sale, at(offer(`"price":"44.90","priceCurrency":"EUR"`)), []Kind{Price}},
		{"inside a range", item(), at(jsonld(`{"@type":"Product","offers":{"@type":"AggregateOffer","lowPrice":40,"highPrice":50,"priceCurrency":"EUR"}}`)), nil},
		{"an unknown availability", item(), at(offer(`"price":49.9,"priceCurrency":"EUR","availability":"Reserved"`)), nil},
		{"no data", item(), at("<p>hello"), []Kind{NoData}},
		{"broken data", item(), at(jsonld("{")), []Kind{NoData}},
		{"a product without an offer", item(), at(jsonld(`{"@type":"Product","name":"A"}`)), []Kind{NoData}},
		{"home page", item(), redirected("https://shop.example/", "<p>hello"), []Kind{OtherProduct}},
		{"category", item(), redirected("https://shop.example/shoes/", "<p>hello"), []Kind{OtherProduct}},
		{"another product", item(), redirected("https://shop.example/p/hat", jsonld(`{"@type":"Product","name":"Sun hat","sku":"SKU-9","offers":{"price":1}}`)), []Kind{OtherProduct}},
		{"another site", item(), redirected("https://parking.example/p/trail-runner", good), []Kind{OtherProduct}},
		{"the same product under a new address", item(), redirected("https://www.shop.example/de/p/trail-runner-2", good), nil},
		{"a shop system's short address", func() feeds.Item { it := item(); it.Link = "https://shop.example/?p=11"; return it }(), redirected("https://shop.example/product/trail-runner/", woocommerce), nil},
		{"with www and a slash", item(), redirected("https://www.shop.example/p/Trail-runner/?ref=1", good), nil},
		{"gone", item(), Visit{Kind: Missing, Why: "404 Not Found"}, []Kind{Missing}},
		{"robots", item(), Visit{Kind: NotAllowed, Why: "robots.txt forbids it"}, []Kind{NotAllowed}},
		{"closed to Google, else right", item(), Visit{URL: item().Link, GoogleBarred: true, Page: page(t, good)}, []Kind{GoogleBarred}},
		{"closed to both", item(), Visit{GoogleBarred: true, Kind: NotAllowed, Why: "robots.txt forbids it"}, []Kind{GoogleBarred, NotAllowed}},
		{"silent", item(), Visit{Kind: NoAnswer, Why: "503"}, []Kind{NoAnswer}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var kinds []Kind
			for _, f := range Judge(c.item, c.v, today) {
				kinds = append(kinds, f.Kind)
				if f.ItemID != c.item.ID || f.Message == "" || f.Fix == "" || f.Severity == "" {
					t.Errorf("a finding explains itself badly: %+v", f)
				}
			}
			if !slices.Equal(kinds, c.want) {
				t.Errorf("found %v, want %v", kinds, c.want)
			}
		})
	}
}

// TestRulesExist holds that the rules findings name are in the table of rules.
func TestRulesExist(t *testing.T) {
	t.Parallel()
	for k, r := range remedies {
		if r.rule != "" && !slices.ContainsFunc(feeds.Rules(), func(f feeds.Rule) bool { return f.ID == r.rule && f.Needs == "the page" }) {
			t.Errorf("%s names the rule %s, which is none that needs the page", k, r.rule)
		}
		if r.fix == "" || r.severity == "" {
			t.Errorf("%s has no remedy", k)
		}
	}
}

// TestSampler holds that a sample depends on ids and seed alone, is of the size
// asked for, and prefers nobody.
func TestSampler(t *testing.T) {
	t.Parallel()
	const n, size = 2000, 100
	items := make([]feeds.Item, n)
	for i := range items {
		items[i] = feeds.Item{Line: i + 1, ID: fmt.Sprintf("item-%d", i), Link: "https://shop.example/"}
	}
	draw := func(items []feeds.Item, seed uint64, ids ...string) (*Sampler, []string) {
		s := NewSampler(size, seed, ids)
		for _, it := range items {
			s.Add(it)
		}
		var out []string
		for _, it := range s.Items() {
			out = append(out, it.ID)
		}
		return s, out
	}
	_, a := draw(items, 1)
	shuffled := slices.Clone(items)
	rand.New(rand.NewPCG(1, 2)).Shuffle(n, func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	if _, b := draw(shuffled, 1); !slices.Equal(a, b) || len(a) != size {
		t.Errorf("the order of the feed changed the sample, or its size is %d", len(a))
	}
	_, other := draw(items, 2)
	common := 0
	for _, id := range other {
		if slices.Contains(a, id) {
			common++
		}
	}
	if common > 20 { // 5 are expected; above 20 has a chance below 1e-6
		t.Errorf("two seeds share %d of %d items", common, size)
	}
	chosen := map[string]int{}
	for seed := range uint64(400) {
		_, ids := draw(items, seed)
		for _, id := range ids {
			chosen[id]++
		}
	}
	chi := 0.0
	for _, it := range items {
		d := float64(chosen[it.ID]) - 20
		chi += d * d / 20
	}
	if chi < 1500 || chi > 2300 { // 1,999 x 0.95 expected, with a deviation of 60
		t.Errorf("chi squared of how often each item is drawn is %.0f, far from 1900", chi)
	}
	s, with := draw(items, 1, "ITEM-7", "gone", "item-7")
	if !slices.Contains(with, "item-7") || len(with) < size || !slices.Equal(s.Absent(), []string{"gone"}) {
		t.Errorf("what was asked for by id is missing: %v, absent %v", len(with), s.Absent())
	}
	if _, none := draw(nil, 1, "x"); none != nil {
		t.Error("something came of an empty feed")
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{shopify, woocommerce, microdataPage, jsonld(`{"@type":"Product","offers":{"price":"1,2.3"}}`)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := Read(strings.NewReader(s))
		if err != nil {
			return
		}
		for _, product := range p.Products {
			for _, o := range product.Offers {
				if o.Price != nil && (o.Price.Low < 0 || o.Price.High < o.Price.Low) {
					t.Errorf("the price %v of %q", *o.Price, s)
				}
			}
		}
		Judge(item(), Visit{URL: "https://shop.example/p", Page: p}, today)
	})
}
