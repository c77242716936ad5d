package ltv

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Source is how a customer was acquired: what is known of the first order. An
// empty field is not known.
type Source struct {
	Campaign string // platform:campaign_id of the last click before it; "" for none
	Several  bool   // other campaigns' ads were clicked before it too
	Category string // first level of the product type of its dearest line
	Country  string
}

// Level is a way of dividing customers by their source.
type Level string

// The levels. Each divides one above it: all -> platform -> campaign -> campaign
// and category, campaign and country; all -> category; all -> country.
const (
	ByAll              Level = "all"
	ByPlatform         Level = "platform"
	ByCampaign         Level = "campaign"
	ByCategory         Level = "category"
	ByCountry          Level = "country"
	ByCampaignCategory Level = "campaign_category"
	ByCampaignCountry  Level = "campaign_country"
)

// Node names a segment: of its level the fields that divide it are set.
type Node struct {
	Level    Level  `json:"level"`
	Platform string `json:"platform,omitempty"` // "" at its own level: no click on an advertisement
	Campaign string `json:"campaign,omitempty"` // platform:campaign_id
	Category string `json:"category,omitempty"` // "" at its own level: not known
	Country  string `json:"country,omitempty"`
}

func platformOf(campaign string) string {
	p, _, _ := strings.Cut(campaign, ":")
	return p
}

// nodes are the segments a customer belongs to.
func (s Source) nodes(into []Node) []Node {
	p := platformOf(s.Campaign)
	into = append(into, Node{Level: ByAll}, Node{Level: ByPlatform, Platform: p},
		Node{Level: ByCategory, Category: s.Category}, Node{Level: ByCountry, Country: s.Country})
	if s.Campaign == "" {
		return into
	}
	return append(into, Node{Level: ByCampaign, Platform: p, Campaign: s.Campaign},
		Node{Level: ByCampaignCategory, Platform: p, Campaign: s.Campaign, Category: s.Category},
		Node{Level: ByCampaignCountry, Platform: p, Campaign: s.Campaign, Country: s.Country})
}

// parent is the segment a node leans on; ok is false for the whole.
func (n Node) parent() (p Node, ok bool) {
	switch n.Level {
	case ByAll:
		return Node{}, false
	case ByCampaign:
		return Node{Level: ByPlatform, Platform: n.Platform}, true
	case ByCampaignCategory, ByCampaignCountry:
		return Node{Level: ByCampaign, Platform: n.Platform, Campaign: n.Campaign}, true
	}
	return Node{Level: ByAll}, true
}

// Key is the node's name in storage: "" for the whole, "platform=google",
// "platform=google/campaign=123", "category=shoes", "country=DE".
func (n Node) Key() string {
	campaign := "platform=" + n.Platform + "/campaign=" + strings.TrimPrefix(n.Campaign, n.Platform+":")
	switch n.Level {
	case ByPlatform:
		return "platform=" + n.Platform
	case ByCampaign:
		return campaign
	case ByCategory:
		return "category=" + n.Category
	case ByCountry:
		return "country=" + n.Country
	case ByCampaignCategory:
		return campaign + "/category=" + n.Category
	case ByCampaignCountry:
		return campaign + "/country=" + n.Country
	}
	return ""
}

// platformTitle writes a platform's name for people: "google" as "Google".
func platformTitle(name string) string {
	if name == "" {
		return name
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

// whose are the node's customers, in words.
func (n Node) whose() string {
	switch n.Level {
	case ByPlatform:
		if n.Platform == "" {
			return "that of customers without a click"
		}
		return platformTitle(n.Platform) + "'s"
	case ByCampaign:
		return "its campaign's"
	}
	return "all customers'"
}

// Lambda is a segment's lifetime multiple, 1 where a customer's first order is
// all there is, with its central 80 % interval. The interval holds what is
// unknown of the segment's own customers, of the segment it leans on and of the
// model as a whole.
type Lambda struct {
	Value     float64 `json:"value"`
	Low       float64 `json:"low"`
	High      float64 `json:"high"`
	Customers int     `json:"customers"`
	Own       float64 `json:"own"` // share of the estimate that is the segment's own evidence, 0 to 1
	Why       string  `json:"why"`
}

// evidence is what a segment's customers say of theta: the value of their repeat
// orders as a multiple of what the model of all customers expects at the same
// ages and first orders. observed counts as Poisson with mean theta * expected:
// both are in units of the overdispersion phi, the variance of a customer's
// repeat value over its mean.
type evidence struct{ observed, expected float64 }

// belief is a Gamma distribution of theta by its mean and variance.
type belief struct{ mean, variance float64 }

// update is the posterior Gamma(a + observed, b + expected), a and b of the
// prior's mean and variance, and the share of it that is the segment's own.
func (prior belief) update(e evidence) (post belief, own float64) {
	b := prior.mean / prior.variance
	a := prior.mean * b
	mean := (a + e.observed) / (b + e.expected)
	return belief{mean, mean / (b + e.expected)}, e.expected / (b + e.expected)
}

// theta is what is known of a segment, and of a child without customers.
type theta struct {
	belief
	own   float64
	fresh belief // of a child not seen yet
}

// The spread of siblings around their parent before there are any to estimate it
// from: a standard deviation of a third, believed like this many siblings.
const (
	priorSpread   = 0.1
	priorSegments = 3
)

// shrink estimates theta for every node of a tree, from the root down. It is
// hierarchical credibility (Jewell 1975; Buhlmann and Gisler 2005, chapter 6)
// with the last step as a Gamma-Poisson posterior: a child's prior is its
// parent's mean as the parent's own prior and the other children tell it, with
// the spread between siblings added to its variance. The child's own data are
// left out of its prior, so that they do not count twice.
func shrink(nodes map[Node]evidence) map[Node]theta {
	children := map[Node][]Node{}
	for n := range nodes {
		if p, ok := n.parent(); ok {
			children[p] = append(children[p], n)
		}
	}
	for _, c := range children {
		slices.SortFunc(c, compareNodes)
	}
	spreads := map[Level]float64{}
	for _, l := range []Level{ByPlatform, ByCampaign, ByCategory, ByCountry, ByCampaignCategory, ByCampaignCountry} {
		spreads[l] = spread(nodes, children, l)
	}
	out := make(map[Node]theta, len(nodes))
	root := Node{Level: ByAll}
	post, own := belief{1, 1}.update(nodes[root])
	out[root] = theta{belief: post, own: own, fresh: belief{1, 1}}
	descend(root, belief{1, 1}, nodes, children, spreads, out)
	return out
}

// descend estimates the children of parent, whose prior is what all but its own
// customers say of it.
func descend(parent Node, prior belief, nodes map[Node]evidence, children map[Node][]Node, spreads map[Level]float64, out map[Node]theta) {
	// The children of one parent may divide it in several ways; each is a tree of
	// its own.
	for level, siblings := range byLevel(children[parent]) {
		between := spreads[level]
		weight := func(e evidence) float64 { // precision of observed/expected as a measure of the parent's mean
			if !(e.expected > 0) {
				return 0
			}
			return 1 / (prior.mean/e.expected + between*prior.mean*prior.mean)
		}
		precision, sum := 1/prior.variance, prior.mean/prior.variance
		for _, c := range siblings {
			if w := weight(nodes[c]); w > 0 {
				precision += w
				sum += w * nodes[c].observed / nodes[c].expected
			}
		}
		given := func(precision, sum float64) belief {
			m := sum / precision
			return belief{m, 1/precision + between*m*m}
		}
		if level == ByPlatform || level == ByCampaign { // those new ones may come of
			t := out[parent]
			t.fresh = given(precision, sum)
			out[parent] = t
		}
		for _, c := range siblings {
			e := nodes[c]
			p, s := precision, sum
			if w := weight(e); w > 0 {
				p, s = p-w, s-w*e.observed/e.expected
			}
			before := given(p, max(s, 1e-9*p))
			t := theta{fresh: before}
			t.belief, t.own = before.update(e)
			out[c] = t
			descend(c, before, nodes, children, spreads, out)
		}
	}
}

func byLevel(nodes []Node) map[Level][]Node {
	m := map[Level][]Node{}
	for _, n := range nodes {
		m[n.Level] = append(m[n.Level], n)
	}
	return m
}

func compareNodes(a, b Node) int {
	return cmp.Or(cmp.Compare(a.Level, b.Level), cmp.Compare(a.Platform, b.Platform), cmp.Compare(a.Campaign, b.Campaign),
		cmp.Compare(a.Category, b.Category), cmp.Compare(a.Country, b.Country))
}

// spread is the variance of theta between the siblings of a level, relative to
// the square of their parent's: DerSimonian and Laird's estimator by moments,
// over all parents, held to the prior as far as it is imprecise.
func spread(nodes map[Node]evidence, children map[Node][]Node, level Level) float64 {
	var free, scale, q float64
	for _, parent := range sortedNodes(children) {
		var w1, w2, own, n float64
		siblings := byLevel(children[parent])[level]
		var y, e float64
		for _, c := range siblings {
			y += nodes[c].observed
			e += nodes[c].expected
		}
		if !(y > 0 && e > 0) {
			continue
		}
		mean := y / e
		for _, c := range siblings {
			if w := nodes[c].expected * mean; w > 0 { // precision of observed/expected/mean
				d := nodes[c].observed/nodes[c].expected/mean - 1
				n++
				w1 += w
				w2 += w * w
				own += w * d * d
			}
		}
		if n > 1 {
			free += n - 1
			scale += w1 - w2/w1
			q += own
		}
	}
	if !(scale > 0) {
		return priorSpread
	}
	between := (q - free) / scale
	// The estimator's variance is about 2 (between + within)^2 / free.
	within := free / scale
	share := priorSpread / (priorSpread + within)
	worth := free * share * share
	return min(4, max(0.001, (priorSegments*priorSpread+worth*between)/(priorSegments+worth)))
}

func sortedNodes[T any](m map[Node]T) []Node {
	out := make([]Node, 0, len(m))
	for n := range m {
		out = append(out, n)
	}
	slices.SortFunc(out, compareNodes)
	return out
}

// lambda turns theta into the multiple 1 + later theta; relSD is the standard
// error of later as a share of it. A product of independent factors has the
// squared coefficients of variation (1+a)(1+b)-1; the product is taken as Gamma.
func (t belief) lambda(later, relSD float64) Lambda {
	l := Lambda{Value: 1 + later*t.mean}
	l.Low, l.High = l.Value, l.Value
	cv2 := (1+t.variance/(t.mean*t.mean))*(1+relSD*relSD) - 1
	if !(cv2 > 0) || !(later > 0) {
		return l
	}
	g := distuv.Gamma{Alpha: 1 / cv2, Beta: 1 / (cv2 * t.mean)}
	l.Low, l.High = min(l.Value, 1+later*g.Quantile(0.1)), max(l.Value, 1+later*g.Quantile(0.9))
	return l
}

// modelDraws are the parameters that modelRelSD tries.
const modelDraws = 64

// modelRelSD is how uncertain the model makes multiples, as shares: whole is the
// standard error of what a new customer's later orders are worth; segment that of
// its ratio to what the model expects of the present customers so far, since a
// segment's theta is measured against that and what both share cancels out. first
// is the value of first orders by their customers' age. Where the fit has no
// covariance the model's total is taken for as uncertain as all customers' repeat
// orders.
func (f *Fit) modelRelSD(first map[float64]float64, all evidence) (whole, segment float64) {
	if len(f.Orders.LogCov) == 0 {
		if !(all.expected > 0) {
			return 1, 1
		}
		sd := min(1, 1/math.Sqrt(all.expected))
		return sd, sd
	}
	ages := slices.Sorted(maps.Keys(first))
	var later, ratio []float64
	// Seeded, so that a night can be repeated to the last bit.
	for _, d := range Draws(&f.Orders, &f.Spend, modelDraws, rand.New(rand.NewPCG(1, modelDraws))) {
		fresh, soFar := d.NewCustomer(), 0.0
		for _, age := range ages {
			soFar += first[age] * fresh.Orders(age)
		}
		l := fresh.Discounted(f.term())
		later = append(later, l*d.Spend.Mean)
		if soFar > 0 {
			ratio = append(ratio, l/soFar)
		}
	}
	return relSD(later), relSD(ratio)
}

// relSD is the standard deviation as a share of the mean, at most 1; 1 of nothing.
func relSD(values []float64) float64 {
	if len(values) == 0 {
		return 1
	}
	mean, sd := stat.MeanStdDev(values, nil)
	if r := sd / mean; r >= 0 && r < 1 {
		return r
	}
	return 1
}

// explain fills in the words and the counts of a segment's multiple.
func (l *Lambda) explain(n Node, customers int, ratio, own float64) {
	l.Customers, l.Own = customers, own
	raw := "no repeat order was due yet"
	if ratio >= 0 {
		raw = fmt.Sprintf("repeat orders brought %.2f times what is usual for customers of their age", ratio)
	}
	count := thousands(customers) + " customers"
	if customers == 1 {
		count = "1 customer"
	}
	parent, ok := n.parent()
	if !ok {
		l.Why = count + ": all that are known, the model's own figure"
		return
	}
	l.Why = fmt.Sprintf("%s: %s; %.0f %% of the estimate is their own, the rest %s", count, raw, 100*own, parent.whose())
}
