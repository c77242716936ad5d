// Package feeds tells whether what is advertised is fit to be advertised: it
// reads product feeds (RSS 2.0 and Atom with Google's g: attributes, TSV, CSV)
// item by item and checks each against the rules of Google and Meta. It reads
// an io.Reader; where feeds come from, and what a verdict does to spend, is not
// its business.
package feeds

import (
	"io"

	"adsteward/internal/money"
)

// Severity says how much an issue matters.
type Severity string

const (
	Error      Severity = "error"      // the platform refuses the item
	Warning    Severity = "warning"    // accepted, with loss
	Normalized Severity = "normalized" // understood although written otherwise
)

// Options say for whom a feed is checked and how it is written.
type Options struct {
	Platform string // google, meta or both
	Country  string // target country, ISO 3166 alpha-2, or ""
	Format   string // auto (or ""), xml, tsv, csv
	Encoding string // IANA name; "" is what the feed says, else UTF-8
}

// Price is an amount with its currency.
type Price struct {
	Amount   money.Micros
	Currency string
}

// Item is one product of a feed, as far as the program uses it. Prices are nil
// where absent or unreadable.
type Item struct {
	Line            int // physical line, from 1, on which the item begins
	ID              string
	Title           string
	Price           *Price
	SalePrice       *Price
	CostOfGoodsSold *Price
	Availability    string // with underscores: in_stock
	ProductType     string
	Brand           string
	ItemGroupID     string
	CustomLabels    [5]string
}

// Issue is one finding.
type Issue struct {
	ItemID    string   `json:"item_id"`
	Line      int      `json:"line"`
	Attribute string   `json:"attribute"`
	Rule      string   `json:"rule"`
	Severity  Severity `json:"severity"`
	Platform  string   `json:"platform"` // google, meta or both
	Value     string   `json:"value"`
	Message   string   `json:"message"`
	Fix       string   `json:"fix"`
}

// Report sums up a feed. Errors and Warnings count issues; Valid counts items
// without error.
type Report struct {
	Items    int            `json:"items"`
	Valid    int            `json:"valid"`
	Errors   int            `json:"errors"`
	Warnings int            `json:"warnings"`
	ByRule   map[string]int `json:"by_rule"`
}

// NotAFeed says that the input is no product feed at all.
type NotAFeed struct{ What string }

func (e *NotAFeed) Error() string { return e.What }

// Validate reads the feed and hands each item with its issues to visit (which
// may be nil), in the feed's order; memory does not grow with the number of
// items beyond their ids. Issues of the file itself, and of items too broken to
// be read, come with an Item that has only a Line (0 for the file). The error
// is visit's, r's, or a *NotAFeed; what is wrong inside a feed is an Issue.
func Validate(r io.Reader, o Options, visit func(Item, []Issue) error) (Report, error) {
	return Report{}, nil
}
