// Package feeds tells whether what is advertised is fit to be advertised: it
// reads product feeds (RSS 2.0 and Atom with Google's g: attributes, TSV, CSV,
// the product exports of Shopify and WooCommerce) item by item and holds each against one table of Google's and Meta's rules
// (Rules), and against the items before it. It reads an io.Reader; where feeds
// come from, and what a verdict does to spend, is not its business. It opens no
// links or images, and knows no time but the one it is given.
//
// A reader cuts the bytes into blocks of whole items; several goroutines take
// blocks apart and check their items; what is compared across items, and the
// caller, see them one by one in the feed's order. Memory does not grow with
// the feed but for tables of hashes that have a limit.
package feeds

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"adsteward/internal/money"
)

// Severity says how much an issue matters.
type Severity string

const (
	Error      Severity = "error"      // the platform refuses the item, or the rule's part of it
	Warning    Severity = "warning"    // accepted, with loss
	Normalized Severity = "normalized" // understood although written otherwise
	Ignore     Severity = "ignore"     // of Options.Severities only: do not check
)

// Options say for whom a feed is checked and how it is written.
type Options struct {
	Platform string // google, meta or both
	Country  string // target country, ISO 3166 alpha-2, or ""
	Format   string // auto (or ""), xml, tsv, csv, shopify, woocommerce
	Encoding string // WHATWG or IANA name; "" is what the feed says, else UTF-8
	Currency string // of prices in the shop systems' exports, which name none; ISO 4217
	ShopURL  string // where the shop is, for the links such exports lack

	Now        time.Time           // what dates are compared with; the zero time compares none
	Taxonomy   *Taxonomy           // nil checks categories by form only
	Severities map[string]Severity // by Rule.ID, instead of the rule's own
	// Supplemental says that the feed only adds to another: what it leaves out is
	// no fault.
	Supplemental bool

	// Known is what an earlier Validate wrote to Keep: items whose bytes are the
	// same are not checked again, only compared with the others. What is damaged,
	// or of other rules or options, is not used. Keep takes this feed's verdicts,
	// about 340 bytes an item; they are whole once Validate has returned
	// without an error, and nothing is written where they are those of Known
	// (Report.AsKnown). Nil for both checks every item and keeps nothing.
	Known io.ReaderAt
	Keep  io.Writer

	block int // about how many bytes are taken apart at once; 0 is blockSize, tests take less
}

// Price is an amount with its currency; the zero value is none.
type Price struct {
	Amount   money.Micros
	Currency string
}

// Known tells a price from none.
func (p Price) Known() bool { return p.Currency != "" }

// Item is one product of a feed, as far as the program uses it. Prices that are
// absent or unreadable are none. It may be kept.
type Item struct {
	File            string // of a feed in several files (Shards), the one it is in
	Line            int    // physical line, from 1, on which the item begins; 0 for the file itself
	ID              string
	Title           string
	Link            string // of the product's page
	Price           Price
	SalePrice       Price
	CostOfGoodsSold Price
	SaleFrom        time.Time // when SalePrice begins to hold; zero: it does already
	SaleUntil       time.Time // when it ceases to; zero: it does not
	Availability    string    // lower case, with underscores: in_stock
	Stock           *int64    // pieces; nil where the feed does not say
	ProductType     string
	Brand           string
	ItemGroupID     string
	CustomLabels    [5]string
}

// Issue is one finding.
type Issue struct {
	ItemID    string   `json:"item_id"`
	File      string   `json:"file,omitempty"` // of a feed in several files, the one it is in
	Line      int      `json:"line"`
	Attribute string   `json:"attribute"`
	Rule      string   `json:"rule"`
	Severity  Severity `json:"severity"`
	Platform  string   `json:"platform"` // google, meta or both
	Value     string   `json:"value"`
	Message   string   `json:"message"`
	Fix       string   `json:"fix"`
	Code      string   `json:"code,omitempty"` // the platform's own name of the issue
}

// Report sums up a feed. Errors and Warnings count issues; Valid counts items
// without error.
type Report struct {
	Items    int            `json:"items"`
	Valid    int            `json:"valid"`
	Errors   int            `json:"errors"`
	Warnings int            `json:"warnings"`
	Reused   int            `json:"reused,omitempty"` // items whose verdict was known, see Options.Known
	ByRule   map[string]int `json:"by_rule"`
	AsKnown  bool           `json:"-"` // Options.Known holds all this: nothing was written to Keep
}

// NotAFeed says that the input is no product feed at all.
type NotAFeed struct{ What string }

func (e *NotAFeed) Error() string { return e.What }

// Validate reads the feed and hands each item with its issues to visit (which
// may be nil), in the feed's order and on the caller's goroutine; the slice of
// issues is visit's until it returns. r and Options.Known are read by another
// goroutine, which has ended when Validate returns. Issues of the file itself come
// with an Item whose Line is 0, those of an item that could not be read with one
// that has its Line and, where that could be read, its ID. The error is visit's,
// r's, or a *NotAFeed; what is wrong inside a feed is an Issue.
func Validate(r io.Reader, o Options, visit func(Item, []Issue) error) (Report, error) {
	v := &validator{rep: Report{ByRule: map[string]int{}}, visit: visit, told: map[string]bool{}, counts: map[string]*int{}}
	if err := o.Check(); err != nil {
		return v.rep, err
	}
	k := newChecker(o)
	v.across = newAcross(k)
	var known *verdictReader
	if o.Known != nil {
		known = newVerdictReader(o.Known, k.print)
	}
	v.across.waits = known != nil
	var err error
	if v.keep, err = newVerdictWriter(o.Keep, k.print, known); err != nil {
		return v.rep, err
	}
	if shards, ok := r.(Shards); ok {
		err = v.shards(shards, o, k, known)
	} else {
		err = v.read(r, o, k, known)
	}
	if err == nil {
		err = v.end()
	}
	if err == nil && v.keep != nil {
		v.rep.AsKnown, err = v.keep.end()
	}
	for rule, times := range v.counts {
		v.rep.ByRule[rule] = *times
	}
	return v.rep, err
}

// Shards is a feed in several files. Read ends with io.EOF at the end of each;
// Next goes on to the next one and returns its name, and io.EOF after the last.
// It is called before the first Read.
type Shards interface {
	io.Reader
	Next() (name string, err error)
}

// read reads a feed of one file, or a shard.
func (v *validator) read(r io.Reader, o Options, k *checker, known *verdictReader) error {
	src, packed, err := open(r, o, k)
	if err != nil {
		return err
	}
	if err := pipe(src, k, known, v.block); err != nil {
		return err
	}
	if name := packed.second(); name != "" {
		if issue, ok := k.tell("file.archive", 1, "", name, "the archive holds more than one file; the first was read, and none of the others"); ok {
			return v.file([]Issue{issue})
		}
	}
	return nil
}

// shards reads one file after the other. What is compared across items is
// compared across all of them.
func (v *validator) shards(r Shards, o Options, k *checker, known *verdictReader) error {
	v.across.shards, v.across.waits = true, false // a line tells too little
	for {
		name, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		v.shard = name
		err = v.read(r, o, k, known)
		if not := (*NotAFeed)(nil); errors.As(err, &not) {
			return &NotAFeed{name + ": " + not.What}
		}
		if err != nil {
			return err
		}
	}
}

// Check says in one sentence what is wrong with the options, or nil; the error is
// a *NotAFeed. Whether there is such an encoding shows on reading.
func (o Options) Check() error {
	if o.Platform != "google" && o.Platform != "meta" && o.Platform != "both" {
		return &NotAFeed{fmt.Sprintf("there is no platform %q; choose google, meta or both", o.Platform)}
	}
	if o.Country != "" && !isCountry(strings.ToUpper(o.Country)) {
		return &NotAFeed{fmt.Sprintf("there is no country %q in ISO 3166-1; write two letters, as DE or GB", o.Country)}
	}
	switch o.Format {
	case "", "auto", "xml", "tsv", "csv", "shopify", "woocommerce":
	default:
		return &NotAFeed{fmt.Sprintf("there is no format %q; choose auto, xml, tsv, csv, shopify or woocommerce", o.Format)}
	}
	if o.Currency != "" && !isCurrency(strings.ToUpper(o.Currency)) {
		return &NotAFeed{fmt.Sprintf("there is no currency %q in ISO 4217; write three letters, as EUR or USD", o.Currency)}
	}
	if err := CheckSeverities(o.Severities); err != nil {
		return &NotAFeed{err.Error()}
	}
	return nil
}

// CheckSeverities says in one sentence what is wrong with Options.Severities, or
// nil.
func CheckSeverities(severities map[string]Severity) error {
	known := map[string]bool{}
	for _, r := range ruleTable() {
		known[r.ID] = true
	}
	for id, s := range severities {
		if !known[id] {
			return fmt.Errorf("there is no rule %q whose severity could be set", id)
		}
		if s != Error && s != Warning && s != Normalized && s != Ignore {
			return fmt.Errorf("there is no severity %q; choose error, warning, normalized or ignore", s)
		}
	}
	return nil
}

// validator counts and hands over.
type validator struct {
	rep    Report
	visit  func(Item, []Issue) error
	across *across
	told   map[string]bool // what is told once of a file
	counts map[string]*int // of issues, by rule
	rule   string          // of the last issue
	times  *int            // and its count
	keep   *verdictWriter
	next   cursor // the item of the run before that is next while all are the same
	found  []byte // what is left of its page's findings
	shard  string // name of the file that is read, where there are several
}

// maxTold is how many things are told once of a file.
const maxTold = 1000

func (v *validator) block(b *block) error {
	if err := v.file(b.file); err != nil {
		return err
	}
	index, line := 0, 0 // of the page that is kept
	for i := range b.results {
		res := &b.results[i]
		if res.kept && index == 0 && !v.across.shards {
			line = res.item.Line
		}
		if err := v.item(res, index); err != nil {
			return err
		}
		if res.kept {
			index++
		}
	}
	if err := v.remember(b, line); err != nil {
		return err
	}
	return v.file(b.tail)
}

// remember keeps the verdicts on a block, the first of whose items is on the line.
func (v *validator) remember(b *block, line int) error {
	switch {
	case v.keep == nil:
		return nil
	case len(b.kept) > 0:
		return v.keep.page(b.kept, b.sum, line, b.useful)
	case b.page != nil:
		return v.keep.page(b.page.data, b.page.sum, line, b.page)
	}
	return nil
}

// unknown tells of attributes the platforms do not know.
func (v *validator) unknown(names []novel) error {
	for _, n := range names {
		if len(v.told) >= maxTold || v.told["attribute.unknown "+n.name] {
			continue
		}
		message := "the platforms know no attribute of this name"
		if like := nearest(n.name); like != "" {
			message += "; " + like + " may be meant"
		}
		if issue, ok := v.across.k.tell("attribute.unknown", n.line, clip(n.name), n.name, clip(n.name)+": "+message); ok {
			if err := v.file([]Issue{issue}); err != nil {
				return err
			}
		}
	}
	return nil
}

// file passes on what is said of the file, each thing once.
func (v *validator) file(issues []Issue) error {
	var fresh []Issue
	for _, i := range issues {
		if key := v.shard + " " + i.Rule + " " + i.Value; !v.told[key] && len(v.told) < maxTold {
			v.told[key] = true
			fresh = append(fresh, i)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	v.count(fresh)
	return v.call(&Item{}, fresh)
}

// item takes the next item; its verdict is that of the index in the page that is
// kept.
func (v *validator) item(res *result, index int) error {
	issues, once := res.issues, res.once
	v.rep.Items++
	if res.reused {
		v.rep.Reused++
	}
	if !res.lost || res.page != nil { // what is lost and was so before is in its place all the same
		more, file := v.compare(res)
		v.keep.finding(v.across.k, index, false, more)
		v.keep.finding(v.across.k, index, true, file)
		issues, once = append(issues, more...), append(once, file...)
	}
	if len(once) > 0 || len(res.novel) > 0 {
		if err := errors.Join(v.file(once), v.unknown(res.novel)); err != nil {
			return err
		}
	}
	for i := range issues {
		issues[i].ItemID = res.item.ID
	}
	if !v.count(issues) {
		v.rep.Valid++
	}
	return v.call(&res.item, issues)
}

// compare returns what is wrong with an item beside those before it, and what
// that says of the file. While every item of the feed is the same as in the run
// before, on the same line, that is what was found then.
func (v *validator) compare(res *result) (issues, file []Issue) {
	if issues, file, ok := v.follows(res); ok {
		if !res.lost {
			v.across.pass(&res.item, &res.traces, file)
		}
		return issues, file
	}
	v.across.settle()
	if res.lost {
		return nil, nil
	}
	return v.across.item(&res.item, &res.traces)
}

// follows tells whether an item and all before it are those of the run before,
// and what was found then by comparing it.
func (v *validator) follows(res *result) (issues, file []Issue, ok bool) {
	p := res.page
	if !v.across.waits || p == nil || p.line == 0 || p.number != v.next.page || res.index != v.next.index ||
		res.item.Line != p.line+int(p.items[res.index].line) {
		return nil, nil, false
	}
	if res.index == 0 {
		v.found = p.found
	}
	if len(v.found) > 0 {
		var bad bool
		if v.found, issues, file, bad = v.across.k.findings(v.found, res.index); bad {
			return nil, nil, false
		}
	}
	if v.next.index++; v.next.index == p.len() {
		v.next = cursor{v.next.page + 1, 0}
	}
	return issues, file, true
}

func (v *validator) end() error {
	v.shard = ""
	file := v.across.end()
	if v.rep.Items == 0 {
		if issue, ok := v.across.k.tell("file.empty", 1, "", "", "the feed holds no item; Meta deletes every product of a feed that is empty"); ok {
			file = append(file, issue)
		}
	}
	return v.file(file)
}

// count adds issues to the report and tells whether an error is among them.
func (v *validator) count(issues []Issue) (bad bool) {
	for i := range issues {
		if r := issues[i].Rule; v.times == nil || r != v.rule { // the same often comes again
			v.rule = r
			if v.times = v.counts[r]; v.times == nil {
				v.times = new(int)
				v.counts[r] = v.times
			}
		}
		*v.times++
		switch issues[i].Severity {
		case Error:
			v.rep.Errors++
			bad = true
		case Warning:
			v.rep.Warnings++
		}
	}
	return bad
}

func (v *validator) call(it *Item, issues []Issue) error {
	if v.visit == nil {
		return nil
	}
	if it.File = v.shard; v.shard != "" {
		for i := range issues {
			issues[i].File = v.shard
		}
	}
	return v.visit(*it, issues)
}

// isEnd tells the ends of a feed, be it cut short or not.
func isEnd(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }
