// Package feeds tells whether what is advertised is fit to be advertised: it
// reads product feeds (RSS 2.0 and Atom with Google's g: attributes, TSV, CSV)
// item by item and checks each against a table of Google's and Meta's rules
// (Rules lists them: what is required, and the form of prices, addresses,
// availability and product codes). It reads an io.Reader; where feeds come
// from, and what a verdict does to spend, is not its business. It opens no
// links or images.
package feeds

import (
	"errors"
	"fmt"
	"hash/fnv"
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
	Encoding string // WHATWG or IANA name; "" is what the feed says, else UTF-8
}

// Price is an amount with its currency.
type Price struct {
	Amount   money.Micros
	Currency string
}

// Item is one product of a feed, as far as the program uses it. Prices are nil
// where absent or unreadable.
type Item struct {
	Line            int // physical line, from 1, on which the item begins; 0 for the file itself
	ID              string
	Title           string
	Price           *Price
	SalePrice       *Price
	CostOfGoodsSold *Price
	Availability    string // lower case, with underscores: in_stock
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

// source yields the items of a feed, io.EOF at its end. What is wrong with an
// item stands in the item.
type source interface {
	next() (*rawItem, error)
	// issues are those of the file that were found since they were last asked for.
	issues() []Issue
}

// rawItem is an item as it is written.
type rawItem struct {
	line   int
	attrs  []attr
	broken []Issue // what kept it from being read; the rest is checked all the same
	lost   bool    // nothing could be read
}

// attr is one attribute, its name without prefix; a sub-attribute is called
// shipping.price.
type attr struct {
	name, value string
	line        int
}

// get returns the first attribute of the name that holds something, else the
// first, else one without a value on the item's line.
func (it *rawItem) get(name string) attr {
	found := attr{name: name, line: it.line}
	seen := false
	for _, a := range it.attrs {
		if a.name == name && a.value != "" {
			return a
		}
		if a.name == name && !seen {
			found, seen = a, true
		}
	}
	return found
}

// Validate reads the feed and hands each item with its issues to visit (which
// may be nil), in the feed's order; memory does not grow with the number of
// items but for some 30 bytes each, to find ids that come twice. Issues of the
// file itself come with an Item whose Line is 0, those of an item that could
// not be read with one that has only a Line. The error is visit's, r's, or a
// *NotAFeed; what is wrong inside a feed is an Issue.
func Validate(r io.Reader, o Options, visit func(Item, []Issue) error) (Report, error) {
	rep := Report{ByRule: map[string]int{}}
	if o.Platform != "google" && o.Platform != "meta" && o.Platform != "both" {
		return rep, &NotAFeed{fmt.Sprintf("there is no platform %q; choose google, meta or both", o.Platform)}
	}
	src, err := open(r, o)
	if err != nil {
		return rep, err
	}
	v := validator{rep: &rep, visit: visit, check: newChecker(o)}
	for {
		it, err := src.next()
		if fileErr := v.file(src.issues()); fileErr != nil {
			return rep, fileErr
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return rep, err
		}
		if err := v.item(it); err != nil {
			return rep, err
		}
	}
	if rep.Items > 0 {
		return rep, nil
	}
	return rep, v.file([]Issue{{Line: 1, Rule: "file.empty", Severity: Error, Platform: o.Platform,
		Message: "the feed holds no item; Meta deletes every product of a feed that is empty", Fix: "export the feed again, and keep the last good one until then"}})
}

// validator counts and hands over.
type validator struct {
	rep   *Report
	visit func(Item, []Issue) error
	check *checker
}

func (v *validator) file(issues []Issue) error {
	if len(issues) == 0 {
		return nil
	}
	v.count(issues)
	return v.call(Item{}, issues)
}

func (v *validator) item(raw *rawItem) error {
	v.rep.Items++
	it := Item{Line: raw.line}
	issues := raw.broken
	if !raw.lost {
		it = v.check.parse(raw)
		issues = append(issues, v.check.item(raw, it)...)
	}
	for i := range issues {
		issues[i].ItemID = it.ID
	}
	if !v.count(issues) {
		v.rep.Valid++
	}
	return v.call(it, issues)
}

// count adds issues to the report and tells whether an error is among them.
func (v *validator) count(issues []Issue) (bad bool) {
	for _, i := range issues {
		v.rep.ByRule[i.Rule]++
		switch i.Severity {
		case Error:
			v.rep.Errors++
			bad = true
		case Warning:
			v.rep.Warnings++
		}
	}
	return bad
}

func (v *validator) call(it Item, issues []Issue) error {
	if v.visit == nil {
		return nil
	}
	return v.visit(it, issues)
}

func hash(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return h.Sum64()
}
