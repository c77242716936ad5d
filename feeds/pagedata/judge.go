package pagedata

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"adsteward/feeds"
	"adsteward/internal/money"
)

// Kind says what is wrong with a landing page.
type Kind string

const (
	Price        Kind = "price"         // the page has another price
	Currency     Kind = "currency"      // the page's price is in another currency
	Availability Kind = "availability"  // the page says otherwise of the stock
	Missing      Kind = "missing"       // the page does not exist
	OtherProduct Kind = "other_product" // the link leads to something else
	NoData       Kind = "no_data"       // the page tells machines nothing of a product
	NoAnswer     Kind = "no_answer"     // the page could not be fetched, this time
	NotAllowed   Kind = "not_allowed"   // robots.txt or an address that is not public kept it from being fetched
	GoogleBarred Kind = "google_barred" // robots.txt keeps Google's crawler from the page
	NotInFeed    Kind = "not_in_feed"   // the item was asked for and the feed has none of its id
)

// Finding is one thing that is wrong with an item's landing page.
type Finding struct {
	ItemID   string         `json:"item_id"`
	URL      string         `json:"url"`
	Kind     Kind           `json:"kind"`
	Rule     string         `json:"rule,omitempty"` // of feeds.Rules, where one asks for this
	Severity feeds.Severity `json:"severity"`
	Feed     string         `json:"feed"` // what the feed says
	Page     string         `json:"page"` // what the page says
	Message  string         `json:"message"`
	Fix      string         `json:"fix"`
	Code     string         `json:"code,omitempty"` // Google's name of the issue, where it has one
}

// Visit is what came of fetching a landing page. Kind is empty where there is a
// Page to be judged, else it is Missing, NoAnswer or NotAllowed, and Why says
// more in a few words.
type Visit struct {
	URL string // where it ended
	// GoogleBarred: the robots.txt of a host on the way closes the page to Google.
	GoogleBarred bool
	Kind         Kind
	Why          string
	Page         Page
}

// Judge holds what the feed says of an item against its landing page, as it was
// at a time.
func Judge(it feeds.Item, v Visit, at time.Time) []Finding {
	tell := func(k Kind, feed, page, message string) Finding {
		r := remedies[k]
		return Finding{ItemID: it.ID, URL: it.Link, Kind: k, Rule: r.rule, Severity: r.severity, Feed: feed, Page: page, Message: message, Fix: r.fix, Code: r.code}
	}
	var out []Finding
	if v.GoogleBarred {
		out = append(out, tell(GoogleBarred, it.Link, "", "robots.txt keeps Google from the page"))
	}
	if v.Kind != "" {
		return append(out, tell(v.Kind, it.Link, v.Why, v.Why))
	}
	if why := elsewhere(it, v); why != "" {
		return append(out, tell(OtherProduct, it.Link, v.URL, why))
	}
	offers := offersOf(it, v)
	if len(offers) == 0 {
		why := "the page has no structured data of a product with an offer"
		if v.Page.Broken > 0 {
			why = "the page's JSON-LD is no valid JSON and says nothing"
		}
		return append(out, tell(NoData, "", "", why))
	}
	if k, feed, page, why := comparePrice(it, offers, at); k != "" {
		out = append(out, tell(k, feed, page, why))
	}
	if feed, page := compareAvailability(it, offers); page != "" {
		out = append(out, tell(Availability, feed, page, fmt.Sprintf("the feed says %s and the page %s", feed, page)))
	}
	return out
}

// Absent is the finding of an item that was asked for and is not in the feed.
func Absent(id string) Finding {
	r := remedies[NotInFeed]
	return Finding{ItemID: id, Kind: NotInFeed, Severity: r.severity, Message: "the feed has no item of this id", Fix: r.fix}
}

// remedies are what a kind of finding weighs and what to do.
var remedies = map[Kind]struct {
	severity        feeds.Severity
	fix, rule, code string
}{
	Price:        {feeds.Error, "make price in feed, page, structured data and checkout the same; export the feed whenever prices change", "price.page", ""},
	Currency:     {feeds.Error, "send the feed's visitors to a page in the feed's currency", "price.page", ""},
	Availability: {feeds.Error, "make availability in feed, page and checkout the same; export the feed when stock changes", "availability.page", ""},
	Missing:      {feeds.Error, "repair the link, or take the item out of the feed", "", "landing_page_error"},
	OtherProduct: {feeds.Error, "link to the product's own page, or take the item out of the feed", "link.page", ""},
	NoData:       {feeds.Warning, "put schema.org's Product with an Offer (price, priceCurrency, availability) on the page as JSON-LD", "", ""},
	NoAnswer:     {feeds.Warning, "look whether the page opens; if it does, run the check again", "", "landing_page_error"},
	NotAllowed:   {feeds.Warning, "let adsteward in by robots.txt if its pages are to be checked; a shop that is not public yet takes allow_private", "", ""},
	GoogleBarred: {feeds.Error, "let Googlebot in by robots.txt: Google refuses items whose page it cannot look at", "", "landing_page_roboted"},
	NotInFeed:    {feeds.Error, "put the item into the feed, or stop what it spends", "", ""},
}

// offersOf are the offers of the item itself where the page tells, else those of
// the first product.
func offersOf(it feeds.Item, v Visit) (out []Offer) {
	var firstProduct []Offer
	for _, p := range v.Page.Products {
		for _, o := range p.Offers {
			if sameID(it.ID, o.IDs) || sameID(it.ID, p.IDs) || o.URL != "" && sameAddress(it.Link, resolve(v.URL, o.URL)) {
				out = append(out, o)
			}
		}
		if firstProduct == nil {
			firstProduct = p.Offers
		}
	}
	if len(out) > 0 {
		return out
	}
	return firstProduct
}

// sameID compares an item's id with what a page calls the product. Feeds that a
// shop system makes put a prefix before its own id: shopify_US_123_456.
func sameID(id string, ids []string) bool {
	return slices.ContainsFunc(ids, func(s string) bool {
		return strings.EqualFold(s, id) || len(s) >= 6 && strings.HasSuffix(strings.ToLower(id), "_"+strings.ToLower(s))
	})
}

func comparePrice(it feeds.Item, offers []Offer, at time.Time) (k Kind, feed, page, why string) {
	if !it.Price.Known() {
		return "", "", "", ""
	}
	wanted := it.Price
	if s := it.SalePrice; s.Currency == wanted.Currency {
		wanted.Amount = feeds.PriceOn(at, it.Price.Amount, &s.Amount, it.SaleFrom, it.SaleUntil)
	}
	feed = wanted.Amount.Decimal() + " " + wanted.Currency
	if wanted != it.Price {
		feed += ", in sale"
	}
	var prices, currencies []string
	for _, o := range offers {
		if o.Price == nil {
			continue
		}
		text := o.Price.Low.Decimal()
		if o.Price.High != o.Price.Low {
			text += " to " + o.Price.High.Decimal()
		}
		text = strings.TrimSpace(text + " " + o.Currency)
		if o.Currency != "" && o.Currency != it.Price.Currency {
			currencies = append(currencies, text)
			continue
		}
		if within(wanted, *o.Price) {
			return "", "", "", ""
		}
		prices = append(prices, text)
	}
	switch {
	case len(prices) > 0:
		page = listed(prices)
		return Price, feed, page, "the feed's price is " + feed + ", the page's " + page
	case len(currencies) > 0:
		page = listed(currencies)
		return Currency, feed, page, "the feed's price is " + feed + ", the page's is in another currency: " + page
	}
	return "", "", "", ""
}

// within compares to the currency's smallest coin.
func within(p feeds.Price, r Range) bool {
	coin := money.MinorUnit(p.Currency)
	a := p.Amount.RoundTo(coin)
	return r.Low.RoundTo(coin) <= a && a <= r.High.RoundTo(coin)
}

func listed(all []string) string {
	slices.Sort(all)
	all = slices.Compact(all)
	if len(all) > 3 {
		return strings.Join(all[:3], ", ") + fmt.Sprintf(" and %d more", len(all)-3)
	}
	return strings.Join(all, ", ")
}

// stock is what schema.org's values may be called in a feed, the usual name
// first. Values that are not here say nothing.
var stock = map[string][]string{
	"InStock":             {"in_stock"},
	"LimitedAvailability": {"in_stock"},
	"OnlineOnly":          {"in_stock"},
	"InStoreOnly":         {"in_stock", "out_of_stock"}, // in the feed as the web shop has it
	"MadeToOrder":         {"in_stock", "backorder", "available_for_order"},
	"OutOfStock":          {"out_of_stock", "discontinued"},
	"SoldOut":             {"out_of_stock", "discontinued"},
	"Discontinued":        {"out_of_stock", "discontinued"},
	"PreOrder":            {"preorder", "available_for_order"},
	"PreSale":             {"preorder", "available_for_order"},
	"BackOrder":           {"backorder", "available_for_order"},
}

// compareAvailability returns what both say where no offer says what the feed says.
func compareAvailability(it feeds.Item, offers []Offer) (feed, page string) {
	var said []string
	for _, o := range offers {
		values, known := stock[o.Availability]
		if !known || it.Availability == "" {
			continue
		}
		if slices.Contains(values, it.Availability) {
			return "", ""
		}
		said = append(said, values[0])
	}
	if len(said) == 0 {
		return "", ""
	}
	return it.Availability, listed(said)
}

// elsewhere says why the page is not the item's, if a redirect led to another.
func elsewhere(it feeds.Item, v Visit) string {
	from, err := url.Parse(it.Link)
	to, err2 := url.Parse(v.URL)
	if err != nil || err2 != nil || samePath(from, to) && sameHost(from, to) {
		return ""
	}
	if !sameHost(from, to) {
		return "the link leads to another site, " + to.Host
	}
	for _, p := range v.Page.Products {
		if sameID(it.ID, p.IDs) || alike(it.Title, p.Name) {
			return ""
		}
		for _, o := range p.Offers {
			if sameID(it.ID, o.IDs) {
				return ""
			}
		}
	}
	switch {
	case strings.Trim(to.Path, "/") == "":
		return "the link leads to the shop's home page"
	case len(v.Page.Products) == 0:
		return "the link leads to " + to.Path + ", which shows no product"
	}
	return fmt.Sprintf("the link leads to %s, which shows %q", to.Path, clip(v.Page.Products[0].Name))
}

func clip(s string) string {
	if r := []rune(s); len(r) > 80 {
		return string(r[:80]) + "..."
	}
	return s
}

func sameHost(a, b *url.URL) bool {
	bare := func(u *url.URL) string { return strings.TrimPrefix(strings.ToLower(u.Hostname()), "www.") }
	x, y := bare(a), bare(b)
	return x == y || strings.HasSuffix(x, "."+y) || strings.HasSuffix(y, "."+x)
}

func samePath(a, b *url.URL) bool {
	return strings.EqualFold(strings.TrimSuffix(a.Path, "/"), strings.TrimSuffix(b.Path, "/"))
}

func resolve(base, ref string) string {
	b, err := url.Parse(base)
	if err != nil {
		return ref
	}
	r, err := b.Parse(ref)
	if err != nil {
		return ref
	}
	return r.String()
}

// sameAddress compares addresses but for what advertising adds to them.
func sameAddress(a, b string) bool {
	x, err := url.Parse(a)
	y, err2 := url.Parse(b)
	return err == nil && err2 == nil && sameHost(x, y) && samePath(x, y) && plainQuery(x) == plainQuery(y)
}

func plainQuery(u *url.URL) string {
	q := u.Query()
	for name := range q {
		if strings.HasPrefix(name, "utm_") || slices.Contains([]string{"gclid", "fbclid", "srsltid", "currency"}, name) {
			q.Del(name)
		}
	}
	return q.Encode()
}

// alike tells titles that share at least half of their words.
func alike(a, b string) bool {
	words := func(s string) map[string]bool {
		out := map[string]bool{}
		for _, w := range strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			out[w] = true
		}
		return out
	}
	x, y := words(a), words(b)
	if len(x) > len(y) {
		x, y = y, x
	}
	both := 0
	for w := range x {
		if y[w] {
			both++
		}
	}
	return both > 0 && 2*both >= len(x)
}
