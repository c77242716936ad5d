package feeds

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// Prediction is an issue as far as it can be compared with a platform's.
type Prediction struct {
	Rule      string   `json:"rule"`
	Attribute string   `json:"attribute,omitempty"`
	Code      string   `json:"code,omitempty"`
	Severity  Severity `json:"severity"`
}

// Predict keeps of an item's issues those that are about a platform, each rule
// and attribute once. Normalized issues predict nothing.
func Predict(issues []Issue, platform string) []Prediction {
	var out []Prediction
	for _, i := range issues {
		if i.Severity == Normalized || i.Platform != "both" && i.Platform != platform {
			continue
		}
		if p := (Prediction{i.Rule, i.Attribute, i.Code, i.Severity}); !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// Observation is an issue that a platform names.
type Observation struct {
	Code, Attribute, Description string
}

// Judged is an item of which a platform's verdict is known.
type Judged struct {
	ItemID    string
	InFeed    bool
	Pending   bool // the platform has not judged it
	Refused   bool // the platform does not show it, or does not have it
	Absent    bool // the platform does not have it, and names no reason
	Predicted []Prediction
	Observed  []Observation
}

// Proportion is Hits of N with its 95 % interval after Wilson (1927). Of an N of
// 0 nothing is known, and the interval is everything.
type Proportion struct {
	Hits int     `json:"hits"`
	N    int     `json:"n"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Share is Hits/N, 0 where N is 0.
func (p Proportion) Share() float64 {
	if p.N == 0 {
		return 0
	}
	return float64(p.Hits) / float64(p.N)
}

// wilson is the score interval: Newcombe (1998), Statistics in Medicine 17,
// method 3, with z for 95 %.
func wilson(hits, n int) Proportion {
	if n == 0 {
		return Proportion{High: 1}
	}
	const z = 1.959963984540054
	N, p := float64(n), float64(hits)/float64(n)
	middle, half := 2*N*p+z*z, z*math.Sqrt(z*z+4*N*p*(1-p))
	out := Proportion{hits, n, (middle - half) / (2 * (N + z*z)), (middle + half) / (2 * (N + z*z))}
	if hits == 0 {
		out.Low = 0
	}
	if hits == n {
		out.High = 1
	}
	return out
}

// Score says how well a feed's verdict foretells a platform's.
type Score struct {
	Items   int `json:"items"`   // in the feed and judged by the platform
	Pending int `json:"pending"` // not judged yet, left out
	Strange int `json:"strange"` // known to the platform and not in the feed, left out
	// Of items: predicted to be refused where they have an error.
	Precision Proportion  `json:"precision"` // of those with an error, how many are refused
	Recall    Proportion  `json:"recall"`    // of those refused, how many have an error
	Rules     []RuleScore `json:"rules"`     // the most predicted first
	Codes     []CodeScore `json:"codes"`     // the most observed first
	Unknown   []CodeScore `json:"unknown"`   // codes that neither a rule nor the collection of codes knows
}

// PlatformScore is the Score of one platform's catalog, as it was read.
type PlatformScore struct {
	Platform string         `json:"platform"`
	At       time.Time      `json:"at"`     // of the platform's answer
	States   map[string]int `json:"states"` // items by what the platform makes of them, those not in the feed too
	// Groups are what the platform says of the catalog as a whole.
	Groups []CatalogGroup `json:"groups"`
	Score
}

// CatalogGroup is an issue as a platform sums it up for a whole catalog.
type CatalogGroup struct {
	Code  string `json:"code"`
	Error bool   `json:"error"` // must be repaired; else an opportunity
	Title string `json:"title"`
	Items int    `json:"items"` // that it is about
}

// RuleScore counts the items a rule was broken by: confirmed where the platform
// names the same.
type RuleScore struct {
	Rule      string     `json:"rule"`
	Precision Proportion `json:"precision"`
	Example   string     `json:"example,omitempty"` // an item that was predicted and not confirmed
	Absent    int        `json:"absent"`            // items the platform does not have and says nothing of, left out
}

// CodeScore counts the items a platform names a code of: foreseen where a rule
// said the same.
type CodeScore struct {
	Code    string     `json:"code"`
	Meaning string     `json:"meaning"` // the platform's words where we have none
	Rules   []string   `json:"rules"`   // that foretell it, or did so here
	Recall  Proportion `json:"recall"`
	Example string     `json:"example,omitempty"` // an item of which no rule foretold it
}

// Scorer gathers items of one platform.
type Scorer struct {
	codes  map[string]Code
	score  Score
	rules  map[string]*count   // confirmed of predicted
	seen   map[string]*count   // foreseen of observed
	absent map[string]int      // by rule
	by     map[string][]string // rules that foretold a code
	words  map[string]string

	both, predicted, refused int
}

// NewScorer begins a score of google or meta.
func NewScorer(platform string) *Scorer {
	s := &Scorer{codes: map[string]Code{}, rules: map[string]*count{}, seen: map[string]*count{}, words: map[string]string{}, absent: map[string]int{}, by: map[string][]string{}}
	for _, c := range Codes() {
		if c.Platform == platform {
			s.codes[strings.ToLower(c.Code)] = c
		}
	}
	return s
}

// Add counts an item.
func (s *Scorer) Add(j Judged) {
	switch {
	case !j.InFeed:
		s.score.Strange++
		return
	case j.Pending:
		s.score.Pending++
		return
	}
	s.score.Items++
	bad := slices.ContainsFunc(j.Predicted, func(p Prediction) bool { return p.Severity == Error })
	if bad {
		s.predicted++
	}
	if j.Refused {
		s.refused++
	}
	if bad && j.Refused {
		s.both++
	}
	if j.Absent {
		broken := map[string]bool{}
		for _, p := range j.Predicted {
			if !broken[p.Rule] {
				broken[p.Rule] = true
				s.absent[p.Rule]++
			}
		}
		return
	}
	foreseen := map[string]bool{} // by code
	for _, o := range j.Observed {
		hit := false
		for _, p := range j.Predicted {
			if s.same(p, o) {
				hit = true
				s.learn(o.Code, p.Rule)
			}
		}
		foreseen[o.Code] = foreseen[o.Code] || hit
		if s.words[o.Code] == "" {
			s.words[o.Code] = o.Description
		}
	}
	confirmed := map[string]bool{} // by rule
	for _, p := range j.Predicted {
		confirmed[p.Rule] = confirmed[p.Rule] || slices.ContainsFunc(j.Observed, func(o Observation) bool { return s.same(p, o) })
	}
	addCounts(s.seen, foreseen, j.ItemID)
	addCounts(s.rules, confirmed, j.ItemID)
}

// learn remembers that a rule foretold a code.
func (s *Scorer) learn(code, rule string) {
	if !slices.Contains(s.by[code], rule) {
		s.by[code] = append(s.by[code], rule)
	}
}

// count is hits of n, with an item that was none.
type count struct {
	hits, n int
	example string
}

func addCounts(counts map[string]*count, of map[string]bool, item string) {
	for name, hit := range of {
		c := counts[name]
		if c == nil {
			c = &count{}
			counts[name] = c
		}
		if c.n++; hit {
			c.hits++
		} else if c.example == "" {
			c.example = item
		}
	}
}

// same tells whether a platform's issue is what was predicted. A code that a
// rule names decides, with the attribute where both state one; another code is
// known by its attribute alone.
func (s *Scorer) same(p Prediction, o Observation) bool {
	a, b := plainAttribute(p.Attribute), plainAttribute(o.Attribute)
	if c := s.codes[strings.ToLower(o.Code)]; len(c.Rules) > 0 {
		return strings.EqualFold(p.Code, o.Code) && (a == "" || b == "" || a == b)
	}
	return a != "" && a == b
}

// plainAttribute writes attributes alike: "image link", "g:image_link" and
// "shipping(price)" are image_link and shipping.
func plainAttribute(s string) string {
	s = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(s)), " ", "_")
	if _, after, ok := strings.Cut(s, ":"); ok {
		s = after
	}
	if i := strings.IndexAny(s, ".("); i >= 0 {
		s = s[:i]
	}
	return s
}

// Score sums up what was added.
func (s *Scorer) Score() Score {
	out := s.score
	out.Precision, out.Recall = wilson(s.both, s.predicted), wilson(s.both, s.refused)
	out.Rules, out.Codes, out.Unknown = []RuleScore{}, []CodeScore{}, []CodeScore{}
	for rule := range s.absent {
		if s.rules[rule] == nil {
			s.rules[rule] = &count{}
		}
	}
	for _, rule := range slices.Sorted(maps.Keys(s.rules)) {
		r := s.rules[rule]
		out.Rules = append(out.Rules, RuleScore{rule, wilson(r.hits, r.n), r.example, s.absent[rule]})
	}
	for _, code := range slices.Sorted(maps.Keys(s.seen)) {
		known, ok := s.codes[strings.ToLower(code)]
		c := CodeScore{Code: code, Meaning: known.Meaning, Rules: slices.Clone(known.Rules), Recall: wilson(s.seen[code].hits, s.seen[code].n), Example: s.seen[code].example}
		c.Rules = append(c.Rules, s.by[code]...)
		slices.Sort(c.Rules)
		if c.Rules = slices.Compact(c.Rules); c.Rules == nil {
			c.Rules = []string{}
		}
		if c.Meaning == "" {
			c.Meaning = s.words[code]
		}
		if out.Codes = append(out.Codes, c); !ok {
			out.Unknown = append(out.Unknown, c)
		}
	}
	slices.SortStableFunc(out.Rules, func(a, b RuleScore) int { return cmp.Compare(b.Precision.N, a.Precision.N) })
	for _, list := range [][]CodeScore{out.Codes, out.Unknown} {
		slices.SortStableFunc(list, func(a, b CodeScore) int { return cmp.Compare(b.Recall.N, a.Recall.N) })
	}
	return out
}
