package feeds

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Rule is one row of the table of rules.
type Rule struct {
	ID        string // what issues name: attribute and what is wrong with it
	Attribute string // plain name; "" where it is about the file
	Platform  string // google, meta or both
	Severity  Severity
	Fix       string   // what to do, for people
	Code      string   // the platform's own name of the issue, where known
	Source    string   // where the rule is written down
	Rows      []string // the rows of the collection of rules this one answers for
	// Needs says what else than the feed is needed to tell: "the image", "the
	// page", "the account", "an earlier feed", "spend". Such rules stand here
	// so that the table is whole; nothing in this package checks them.
	Needs string

	check check
}

// check holds an item against a rule. It is nil where the rule is told of by a
// reader, by what is compared across items, or not at all.
type check struct {
	f     checkFunc
	when  when
	over  int    // values of at most this many bytes are right
	alone bool   // the value tells, whatever else the item says
	only  traits // values without any of these are right; 0 asks nothing
}

type when uint8

const (
	everyValue when = iota // that is not empty
	firstValue             // that is not empty
	perItem                // be the attribute there or not
)

// checkFunc returns what is wrong with c, or "". c is not nil.
type checkFunc func(k *checker, r *record, c *cell) string

// each checks every value that is not empty.
func each(f checkFunc) check { return check{f: f, when: everyValue} }

// alone checks every value by a function that looks at nothing but the value: what
// was right is right when it comes again.
func alone(f checkFunc) check { return check{f: f, when: everyValue, alone: true} }

// within checks the length of every value.
func within(limit int) check { return check{f: longer(limit), when: everyValue, over: limit} }

// only checks every value that has one of the traits: others need no call.
func only(t traits, f checkFunc) check { return check{f: f, when: everyValue, only: t} }

// first checks the attribute's first value, where there is one.
func first(f checkFunc) check { return check{f: f, when: firstValue} }

// once checks the attribute's first value, which may be missing.
func once(f checkFunc) check { return check{f: f, when: perItem} }

// from names another source than the platform's specification.
func (r Rule) from(source string) Rule {
	r.Source = source
	return r
}

// as names the platform's own code.
func (r Rule) as(code string) Rule {
	r.Code = code
	return r
}

const (
	googleHelp = "https://support.google.com/merchants/answer/"
	googleSpec = googleHelp + "7052112"
	googleAPI  = "Merchant API v1, products"
	metaSpec   = "Meta developer documentation, product fields"
	ownRule    = "own rule"
)

func google(id, attribute string, s Severity, rows, fix string, c check) Rule {
	return Rule{ID: id, Attribute: attribute, Platform: "google", Severity: s, Rows: strings.Fields(rows), Fix: fix, Source: googleSpec, check: c}
}

func meta(id, attribute string, s Severity, rows, fix string, c check) Rule {
	return Rule{ID: id, Attribute: attribute, Platform: "meta", Severity: s, Rows: strings.Fields(rows), Fix: fix, Source: metaSpec, check: c}
}

func both(id, attribute string, s Severity, rows, fix string, c check) Rule {
	return Rule{ID: id, Attribute: attribute, Platform: "both", Severity: s, Rows: strings.Fields(rows), Fix: fix, Source: googleSpec + "; " + metaSpec, check: c}
}

// beyond is a rule that the feed alone cannot be held against.
func beyond(id, attribute, platform string, s Severity, rows, needs, fix string) Rule {
	r := both(id, attribute, s, rows, fix, check{})
	r.Platform, r.Needs = platform, needs
	return r
}

// Rules is the table: everything the platforms want of a feed, and some rules
// of our own.
func Rules() []Rule { return slices.Clone(ruleTable()) }

var ruleTable = sync.OnceValue(func() []Rule {
	return slices.Concat(fileRules(), identityRules(), textRules(), linkRules(), priceRules(), stateRules(), productRules(), variantRules(),
		shippingRules(), campaignRules(), metaRules())
})

// checker holds items against the rules of the platforms asked for. It does not
// change while it is used, and may be used by several goroutines.
type checker struct {
	byAttr       [numAttrs][]ready // those that look at the value alone come first
	alone        [numAttrs]int     // how many do
	once         []ready
	named        map[string]*Rule // those that are told of elsewhere, by ID
	platform     string
	country      string
	currency     string // of the country, or ""
	now          time.Time
	taxonomy     *Taxonomy
	supplemental bool
	all          []*Rule           // those that may be told of
	places       map[rulePlace]int // in all
	print        uint64            // see Options.fingerprint
	keep         bool              // verdicts are written down
	block        int               // see Options.block
}

// ready is a rule as it is applied.
type ready struct {
	check
	attr attrID
	rule *Rule
}

func newChecker(o Options) *checker {
	k := &checker{platform: o.Platform, country: strings.ToUpper(o.Country), now: o.Now, taxonomy: o.Taxonomy, supplemental: o.Supplemental,
		named: map[string]*Rule{}, places: map[rulePlace]int{}, keep: o.Keep != nil, block: cmp.Or(o.block, blockSize)}
	if o.Keep != nil || o.Known != nil {
		k.print = o.fingerprint()
	}
	if k.country != "" {
		k.currency = currencyIn(k.country)
	}
	for _, r := range ruleTable() {
		switch {
		case r.Platform == "both":
			r.Platform = o.Platform
		case o.Platform != "both" && r.Platform != o.Platform:
			continue
		}
		if s, ok := o.Severities[r.ID]; ok {
			r.Severity = s
		}
		attr := attributeIDs[r.Attribute]
		k.places[rulePlace{r.ID, r.Platform}] = len(k.all)
		k.all = append(k.all, &r)
		switch {
		case r.Severity == Ignore || r.Needs != "":
		case r.check.f == nil:
			k.named[r.ID] = &r
		case r.check.when == perItem && o.Supplemental && r.Attribute != "id":
		case r.check.when == perItem:
			k.once = append(k.once, ready{r.check, attr, &r})
		default:
			k.byAttr[attr] = append(k.byAttr[attr], ready{r.check, attr, &r})
		}
	}
	for a, rules := range k.byAttr {
		slices.SortStableFunc(rules, func(x, y ready) int { return cmp.Compare(rank(x), rank(y)) })
		for _, r := range rules {
			k.alone[a] += 1 - rank(r)
		}
	}
	return k
}

func rank(r ready) int {
	if r.alone {
		return 0
	}
	return 1
}

// item holds one item against every rule that looks at it alone.
func (k *checker) item(r *record) []Issue {
	out := r.broken
	for i := range r.cells {
		c := &r.cells[i]
		if c.value == "" {
			continue
		}
		rules := k.byAttr[c.name]
		if n := k.alone[c.name]; n > 0 {
			if r.right == nil || !r.right[c.name].is(c.value) {
				out = k.value(rules[:n], out, r, c)
			}
			rules = rules[n:]
		}
		for j := range rules {
			rule := &rules[j]
			if len(c.value) <= rule.over || rule.only != 0 && rule.only&c.traits == 0 ||
				rule.when == firstValue && int(r.first[c.name]) != i+1 {
				continue
			}
			if what := rule.f(k, r, c); what != "" {
				out = r.told(out, rule.rule.issue(c, what))
			}
		}
		if c.traits&(hasControl|hasHigh) != 0 {
			out = k.characters(out, r, c)
		}
	}
	for i := range k.once {
		rule := &k.once[i]
		c := r.find(rule.attr)
		if c == nil {
			r.absent = cell{name: rule.attr, line: r.line}
			c = &r.absent
		}
		if what := rule.f(k, r, c); what != "" {
			out = r.told(out, rule.rule.issue(c, what))
		}
	}
	return out
}

// told appends an issue. Most items that have any have one or two.
func (r *record) told(out []Issue, issue Issue) []Issue {
	if cap(out) == 0 {
		out = r.room.some(2)[:0]
	}
	return append(out, issue)
}

// value holds a value against the rules that look at nothing else, and remembers
// it where all of them find it right.
func (k *checker) value(rules []ready, out []Issue, r *record, c *cell) []Issue {
	before := len(out)
	for j := range rules {
		if what := rules[j].f(k, r, c); what != "" {
			out = r.told(out, rules[j].rule.issue(c, what))
		}
	}
	if len(out) == before && r.right != nil {
		r.right[c.name].set(c.value)
	}
	return out
}

// rightValue is a short value that was found to be right.
type rightValue struct {
	n    uint8
	text [63]byte
}

func (n *rightValue) is(value string) bool { return string(n.text[:n.n]) == value }

func (n *rightValue) set(value string) {
	if len(value) <= len(n.text) {
		n.n = uint8(copy(n.text[:], value))
	}
}

// characters looks for control characters and garbled text in any attribute.
func (k *checker) characters(out []Issue, r *record, c *cell) []Issue {
	if rule := k.named["text.control"]; rule != nil && c.name != aID && c.name != aTitle {
		if _, bad := controlIn(c.value, c.traits); bad {
			out = append(out, rule.issue(c, "holds a control or private-use character"))
		}
	}
	if rule := k.named["text.garbled"]; rule != nil && len(r.broken) == 0 && isGarbled(c.value, c.traits) {
		out = append(out, rule.issue(c, "looks like text that was read in the wrong encoding"))
	}
	return out
}

func (r *Rule) issue(c *cell, what string) Issue {
	name := c.label()
	if r.Attribute != "" {
		name = r.Attribute
	}
	return Issue{Line: c.line, Attribute: name, Rule: r.ID, Severity: r.Severity, Platform: r.Platform, Value: clip(c.value),
		Message: name + ": " + what, Fix: r.Fix, Code: r.Code}
}

// tell makes an issue of a rule that a reader or a comparison found broken. It
// is false where the rule is ignored, or not one of the platforms asked for.
func (k *checker) tell(id string, line int, attribute, value, message string) (Issue, bool) {
	r := k.named[id]
	if r == nil {
		return Issue{}, false
	}
	return Issue{Line: line, Attribute: attribute, Rule: id, Severity: r.Severity, Platform: r.Platform, Value: clip(value),
		Message: message, Fix: r.Fix, Code: r.Code}, true
}

// maxValue is how much of a value an issue repeats.
const maxValue = 200

// clip copies what an issue repeats of a value, so that it does not keep the
// feed in memory.
func clip(s string) string {
	if len(s) <= maxValue {
		return strings.Clone(s)
	}
	return strings.ToValidUTF8(s[:maxValue], "") + "..."
}
