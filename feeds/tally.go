package feeds

import (
	"cmp"
	"slices"

	"adsteward/internal/civil"
	"adsteward/internal/money"
)

// RuleSum is how often one rule is broken in a shop's feeds, and what was spent
// lately on the items that break it, on the platforms the rule is of. Severity
// is the gravest it was found with.
type RuleSum struct {
	Rule      string       `json:"rule"`
	Attribute string       `json:"attribute"`
	Platform  string       `json:"platform"`
	Severity  Severity     `json:"severity"`
	Issues    int          `json:"issues"`
	Items     int          `json:"items"`
	Spend     money.Micros `json:"spend"`
	Fix       string       `json:"fix"`
}

// Tally adds up issues by rule, item by item.
type Tally struct{ by map[string]*RuleSum }

// Add counts the issues of one item, or of a file, on which google and meta was
// spent. An item that breaks a rule twice counts once with its money.
func (t *Tally) Add(issues []Issue, google, meta money.Micros) {
	if t.by == nil {
		t.by = map[string]*RuleSum{}
	}
	for i := range issues {
		is := &issues[i]
		r := t.by[is.Rule]
		if r == nil {
			r = &RuleSum{Rule: is.Rule, Attribute: is.Attribute, Platform: is.Platform, Severity: is.Severity, Fix: is.Fix}
			t.by[is.Rule] = r
		}
		r.Issues++
		if r.Platform != is.Platform {
			r.Platform = "both"
		}
		if gravity(is.Severity) < gravity(r.Severity) {
			r.Severity = is.Severity
		}
		if is.ItemID == "" || slices.ContainsFunc(issues[:i], func(o Issue) bool { return o.Rule == is.Rule }) {
			continue
		}
		r.Items++
		if is.Platform != "meta" {
			r.Spend += google
		}
		if is.Platform != "google" {
			r.Spend += meta
		}
	}
}

func gravity(s Severity) int { return slices.Index([]Severity{Error, Warning, Normalized}, s) }

// Rules lists the sums, the gravest first, of these the most money, then the
// most items.
func (t *Tally) Rules() []RuleSum {
	out := make([]RuleSum, 0, len(t.by))
	for _, r := range t.by {
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b RuleSum) int {
		return cmp.Or(gravity(a.Severity)-gravity(b.Severity), cmp.Compare(b.Spend, a.Spend), b.Items-a.Items, cmp.Compare(a.Rule, b.Rule))
	})
	return out
}

// State is how one feed stood after a night.
type State struct {
	Location string `json:"location"`
	Platform string `json:"platform"`
	Report   Report `json:"report"` // of what was read this night
	// Items are those in force, of the version of Since.
	Items int        `json:"items"`
	Since civil.Date `json:"since,omitzero"`
	// Refused says why the version read this night is not in force; empty: it is.
	Refused string    `json:"refused,omitempty"`
	Rules   []RuleSum `json:"rules"` // broken by the version in force
}

// RulesOf adds up the rules of several feeds, in the order of Tally.Rules. An item
// in two feeds counts in both.
func RulesOf(states []State) []RuleSum {
	sum := Tally{by: map[string]*RuleSum{}}
	for _, s := range states {
		for _, r := range s.Rules {
			have := sum.by[r.Rule]
			if have == nil {
				sum.by[r.Rule] = &r
				continue
			}
			have.Issues, have.Items, have.Spend = have.Issues+r.Issues, have.Items+r.Items, have.Spend+r.Spend
			if have.Platform != r.Platform {
				have.Platform = "both"
			}
			if gravity(r.Severity) < gravity(have.Severity) {
				have.Severity = r.Severity
			}
		}
	}
	return sum.Rules()
}
