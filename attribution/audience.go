package attribution

import (
	"fmt"
	"math"
	"strings"
	"unicode"
)

// Audience says whom a campaign speaks to.
type Audience string

const (
	Known Audience = "known" // people who know the shop: its name searched for, its visitors and customers
	Mixed Audience = "mixed" // the platform chooses among both
	New   Audience = "new"   // people who mostly do not
)

// Priors are what is believed of the incremental share before any data: by
// audience, and by which words in a campaign's name its audience is told.
type Priors struct {
	Known    Prior    `yaml:"known_audience" json:"known_audience"`
	Mixed    Prior    `yaml:"mixed_audience" json:"mixed_audience"`
	New      Prior    `yaml:"new_audience" json:"new_audience"`
	Patterns Patterns `yaml:"patterns" json:"patterns"`
}

// Prior is the believed share of platform-reported revenue that the ads caused,
// between 0 and 1, and the standard deviation of that belief.
type Prior struct {
	Share float64 `yaml:"share" json:"share"`
	SD    float64 `yaml:"sd" json:"sd"`
}

// Patterns are the words of campaign names by the audience they tell: one or
// more whole words, whatever their case and what parts them ("non brand" finds
// "Non-Brand"); a * at the end stands for any ending. Those of New come first,
// then Known, then Mixed.
type Patterns struct {
	Known []string `yaml:"known" json:"known"`
	Mixed []string `yaml:"mixed" json:"mixed"`
	New   []string `yaml:"new" json:"new"`
}

// DefaultPriors are what published experiments leave to believe, wide since they
// disagree and were made at other shops.
//
// Known: of eBay's clicks on its own name 0.5 % were lost when the ads were off
// (Blake, Nosko, Tadelis 2015, Econometrica 83(1)); of 2,500 brands' clicks ads on
// their name caused 1-4 %, where competitors bid up to 18-42 % (Simonov, Nosko,
// Rao 2018, Marketing Science 37(2)); Google's own pause studies say 50 % of ad
// clicks where the shop ranks first anyway (Chan, Kumar, Ma, Koehler 2012).
// Retargeting raised purchases by 10.5 %, a tenth of what the people reached
// bought (Johnson, Lewis, Nubbemeyer 2017, JMR 54(6)), and generic ads more than
// those for the products viewed (Lambrecht, Tucker 2013, JMR 50(5)).
//
// New: 81-96 % of ad clicks where the shop ranks lower and all where it is not on
// the page (Chan et al. 2012), 78-89 % over all search ads (Chan, Yuan, Koehler,
// Kumar 2011 and its update), both the seller's own and of clicks, not orders; 63 %
// of what was credited in an advertiser's own experiment (Golden, Horton 2018).
//
// Mixed lies between, nearer to New: such campaigns take the searches for the
// shop's name and its visitors along. Lifts of 663 Facebook experiments were 28 %
// at the upper and 6 % at the lower end of the funnel (Gordon, Moakler, Zettelmeyer
// 2023, Marketing Science 42(4)): the nearer to the order, the less is caused.
func DefaultPriors() Priors {
	return Priors{
		Known: Prior{Share: 0.38, SD: 0.20},
		Mixed: Prior{Share: 0.68, SD: 0.18},
		New:   Prior{Share: 0.82, SD: 0.15},
		Patterns: Patterns{
			Known: []string{"brand", "branded", "marke", "markenname", "retarget*", "remarket*", "rlsa", "visitor*", "besucher*", "viewed", "cart", "carts",
				"warenkorb*", "abandon*", "reactivat*", "winback", "win back", "bestandskund*", "existing customers", "retention"},
			Mixed: []string{"pmax", "performance max", "advantage*", "asc", "dpa", "catalog*", "katalog*"},
			New: []string{"non brand", "nonbrand", "no brand", "non branded", "brand awareness", "competitor*", "konkurren*", "wettbewerb*", "generic*", "prospect*",
				"lookalike*", "lal", "acquisition", "new customers", "neukund*"},
		},
	}
}

// Of returns the prior of an audience.
func (p Priors) Of(a Audience) Prior {
	switch a {
	case Known:
		return p.Known
	case Mixed:
		return p.Mixed
	}
	return p.New
}

// Validate returns the first fault, in the words of the policy file.
func (p Priors) Validate() error {
	for _, a := range []struct {
		key string
		Prior
	}{{"known_audience", p.Known}, {"mixed_audience", p.Mixed}, {"new_audience", p.New}} {
		if !(a.Share > 0 && a.Share < 1) {
			return fmt.Errorf("incremental.%s.share is %g; it must be above 0 and below 1", a.key, a.Share)
		}
		if most := math.Sqrt(a.Share * (1 - a.Share)); !(a.SD >= leastSD && a.SD <= 0.9*most) {
			return fmt.Errorf("incremental.%s.sd is %g; it must be between %g and %.2f, which a share of %g leaves room for", a.key, a.SD, leastSD, 0.9*most, a.Share)
		}
	}
	for _, l := range []struct {
		key   string
		words []string
	}{{"known", p.Patterns.Known}, {"mixed", p.Patterns.Mixed}, {"new", p.Patterns.New}} {
		for i, w := range l.words {
			if wordsOf(w) == "" {
				return fmt.Errorf("incremental.patterns.%s[%d] is %q; it must hold a letter or a digit", l.key, i, w)
			}
		}
	}
	return nil
}

// leastSD keeps a belief from being taken for knowledge: that is for experiments.
const leastSD = 0.02

// Addressed is whom a campaign speaks to, as far as can be told.
type Addressed struct {
	Audience Audience
	Why      string // how it was told: "its name says brand"
}

// Address tells a campaign's audience by its name, else by its platform's kind
// of campaign, of which pmax alone chooses among new and known people; New where
// neither says more.
func (p Priors) Address(name, channel string) Addressed {
	words := " " + wordsOf(name) + " "
	for _, l := range []struct {
		audience Audience
		patterns []string
	}{{New, p.Patterns.New}, {Known, p.Patterns.Known}, {Mixed, p.Patterns.Mixed}} {
		for _, pattern := range l.patterns {
			w := " " + wordsOf(pattern)
			if !strings.HasSuffix(pattern, "*") {
				w += " "
			}
			if strings.Contains(words, w) {
				return Addressed{l.audience, fmt.Sprintf("its name says %q", strings.TrimSpace(w))}
			}
		}
	}
	if channel == "pmax" {
		return Addressed{Mixed, "Performance Max chooses them"}
	}
	return Addressed{New, "nothing says otherwise"}
}

// wordsOf is a text in lower case, its words parted by single spaces.
func wordsOf(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }), " ")
}
