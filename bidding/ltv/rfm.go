package ltv

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// RFM groups customers by recency, frequency and value (Hughes 1994): each in
// fifths, 5 the best. Where many customers are alike, as those with one order,
// they share the lowest score of their fifths.
type RFM struct {
	Customers int `json:"customers"`
	// Recency is the most days since the last order for a score of 5, 4, 3, 2.
	Recency [4]int `json:"recency_days"`
	// Frequency is the number of order days above which the score is 2, 3, 4, 5.
	Frequency [4]int `json:"frequency_above"`
	// Value is the total of all orders from which the score is 2, 3, 4, 5.
	Value  [4]float64 `json:"value_from"`
	Cells  []RFMCell  `json:"cells"`  // those with customers, best first
	Groups []RFMGroup `json:"groups"` // all, in the order of RFMNames
	Why    string     `json:"why"`
}

// RFMCell is the customers with one score each of recency, frequency and value.
type RFMCell struct {
	R         int     `json:"r"`
	F         int     `json:"f"`
	M         int     `json:"m"`
	Customers int     `json:"customers"`
	Spent     float64 `json:"spent_per_customer"`    // so far
	Expected  float64 `json:"expected_per_customer"` // discounted, within the horizon
}

// RFMGroup is the customers under one of the customary names.
type RFMGroup struct {
	Name      string  `json:"name"`
	Meaning   string  `json:"meaning"`
	Customers int     `json:"customers"`
	Share     float64 `json:"share"` // of all customers
	Spent     float64 `json:"spent_per_customer"`
	Expected  float64 `json:"expected_per_customer"`
}

// rfmNames are the customary names of recency by frequency, and what they mean.
var rfmNames = [...]struct{ name, meaning string }{
	{"champions", "ordered lately and often"},
	{"loyal", "order often, not just now"},
	{"potential loyalists", "ordered lately, and more than once"},
	{"new customers", "one order, in the last days"},
	{"promising", "one order, not long ago"},
	{"need attention", "middling in both; could go either way"},
	{"about to sleep", "few orders, and some time ago"},
	{"cannot lose", "ordered more than nearly all, but long ago"},
	{"at risk", "ordered often, but long ago"},
	{"hibernating", "few orders, long ago"},
}

// RFMName is the customary name of a score of recency and one of frequency.
func RFMName(r, f int) string {
	switch {
	case r == 5 && f >= 4:
		return "champions"
	case r >= 3 && f >= 4:
		return "loyal"
	case r >= 4 && f >= 2:
		return "potential loyalists"
	case r == 5:
		return "new customers"
	case r == 4:
		return "promising"
	case r == 3 && f == 3:
		return "need attention"
	case r == 3:
		return "about to sleep"
	case f == 5:
		return "cannot lose"
	case f >= 3:
		return "at risk"
	}
	return "hibernating"
}

// rfmKey is a step of each measure's histogram: few enough of them to count any
// number of customers in.
type rfmKey struct{ recency, frequency, value int }

type rfmSums struct {
	n               int
	spent, expected float64
}

// Steps are exact to rfmExact and then 3 % wide, values 5 % throughout: far finer
// than fifths. Orders beyond rfmExact count as so many.
const (
	rfmExact     = 60
	rfmStep      = 0.03
	rfmValueStep = 0.05
)

// recencyStep and recencyMost are inverse: the last day of a step.
func recencyStep(days float64) int {
	if days <= rfmExact {
		return int(max(days, 0))
	}
	return rfmExact + int(math.Ceil(math.Log(days/rfmExact)/rfmStep-1e-9))
}

func recencyMost(step int) int {
	if step <= rfmExact {
		return step
	}
	return int(rfmExact * math.Exp(rfmStep*float64(step-rfmExact)))
}

// valueStep counts from 1; 0 is for customers who brought nothing.
func valueStep(v float64) int {
	if !(v > 0.01) {
		return 0
	}
	return 1 + int(math.Floor(math.Log(v/0.01)/rfmValueStep))
}

func valueFrom(step int) float64 {
	if step <= 0 {
		return 0
	}
	return 0.01 * math.Exp(rfmValueStep*float64(step-1))
}

func (p *Profile) countRFM(h History, future float64) {
	spent := h.FirstValue + h.RepeatValue
	k := rfmKey{recencyStep(h.Age - h.Recency), min(h.Orders, rfmExact), valueStep(spent)}
	s := p.rfm[k]
	p.rfm[k] = rfmSums{s.n + 1, s.spent + spent, s.expected + future}
}

// fifths are the steps at which at least one, two, three and four fifths of the
// customers have come, counted from the lowest.
func fifths(counts map[int]int) (at [4]int) {
	steps := make([]int, 0, len(counts))
	total := 0
	for s, n := range counts {
		steps = append(steps, s)
		total += n
	}
	slices.Sort(steps)
	seen, k := 0, 0
	for _, s := range steps {
		for seen += counts[s]; k < 4 && 5*seen >= (k+1)*total; k++ {
			at[k] = s
		}
	}
	return at
}

// rfmTable is nil without customers.
func (p *Profile) rfmTable() *RFM {
	if len(p.rfm) == 0 {
		return nil
	}
	recency, frequency, value := map[int]int{}, map[int]int{}, map[int]int{}
	out := &RFM{}
	for k, s := range p.rfm {
		recency[k.recency] += s.n
		frequency[k.frequency] += s.n
		value[k.value] += s.n
		out.Customers += s.n
	}
	r, f, v := fifths(recency), fifths(frequency), fifths(value)
	for i := range 4 {
		out.Recency[i], out.Frequency[i], out.Value[i] = recencyMost(r[i]), f[i], valueFrom(v[i]+1)
	}
	cells := map[[3]int]rfmSums{}
	for _, k := range p.sortedRFM() {
		s := p.rfm[k]
		c := [3]int{5 - above(k.recency, r), 1 + above(k.frequency, f), 1 + above(k.value, v)}
		cells[c] = rfmSums{cells[c].n + s.n, cells[c].spent + s.spent, cells[c].expected + s.expected}
	}
	out.fill(cells)
	out.Why = out.words()
	return out
}

// words say which figures make which score. Scores that nobody has are passed
// over.
func (t *RFM) words() string {
	list := func(score, step int, limits []string) string {
		var parts []string
		for i, l := range limits {
			if i == 0 || l != limits[i-1] {
				parts = append(parts, fmt.Sprintf("%d %s", score+step*i, l))
			}
		}
		return strings.Join(parts, ", ")
	}
	var recency, frequency, value []string
	for i := range 4 {
		recency = append(recency, fmt.Sprintf("up to %d", t.Recency[i]))
		frequency = append(frequency, fmt.Sprintf("up to %d", t.Frequency[i]))
		value = append(value, fmt.Sprintf("from %.2f", t.Value[i]))
	}
	return fmt.Sprintf("Score by days since the last order: %s, 1 beyond. By days with an order: %s, 5 beyond. By all that was spent: %s, 1 below.",
		list(5, -1, recency), list(1, 1, frequency), list(2, 1, value))
}

// sortedRFM orders the steps, so that sums do not depend on how maps iterate.
func (p *Profile) sortedRFM() []rfmKey {
	return slices.SortedFunc(maps.Keys(p.rfm), func(a, b rfmKey) int {
		return cmp.Or(a.recency-b.recency, a.frequency-b.frequency, a.value-b.value)
	})
}

// above is how many of the fifths a step lies beyond.
func above(step int, fifths [4]int) int {
	n := 0
	for _, f := range fifths {
		if step > f {
			n++
		}
	}
	return n
}

// fill turns sums by scores into cells and groups.
func (t *RFM) fill(cells map[[3]int]rfmSums) {
	groups := map[string]rfmSums{}
	for r := 5; r >= 1; r-- {
		for f := 5; f >= 1; f-- {
			for m := 5; m >= 1; m-- {
				s, ok := cells[[3]int{r, f, m}]
				if !ok {
					continue
				}
				n := float64(s.n)
				t.Cells = append(t.Cells, RFMCell{r, f, m, s.n, s.spent / n, s.expected / n})
				name := RFMName(r, f)
				g := groups[name]
				groups[name] = rfmSums{g.n + s.n, g.spent + s.spent, g.expected + s.expected}
			}
		}
	}
	for _, d := range rfmNames {
		g := groups[d.name]
		out := RFMGroup{Name: d.name, Meaning: d.meaning, Customers: g.n}
		if g.n > 0 {
			out.Share, out.Spent, out.Expected = float64(g.n)/float64(t.Customers), g.spent/float64(g.n), g.expected/float64(g.n)
		}
		t.Groups = append(t.Groups, out)
	}
}
