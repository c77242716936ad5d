package ltv

import (
	"cmp"
	"fmt"
	"math"
	"strings"

	"adsteward/internal/civil"
)

// Segment is what is known of the customers of one source, and what they are
// worth. Values are in the shop's currency, before costs; Economics speaks of
// contribution.
type Segment struct {
	Node
	Name       string  `json:"name,omitempty"` // of the campaign, as the platform shows it
	Customers  int     `json:"customers"`
	FirstValue float64 `json:"first_value"` // mean value of the first order day
	Orders     float64 `json:"orders_per_customer"`
	// Repeat90 and Repeat365 are the shares with a second order within so many
	// days (Kaplan and Meier 1958: customers not yet so old count as long as they
	// have been watched); null where too few are so old.
	Repeat90  *float64 `json:"repeat_rate_90"`
	Repeat365 *float64 `json:"repeat_rate_365"`
	// SecondDays is the median time to the second order, those counted who have
	// none (Kaplan-Meier); null where fewer than half come within waitDays.
	SecondDays *int `json:"median_days_to_second_order"`
	// Churn is 1 - the mean probability of still being a customer.
	Churn float64 `json:"churn"`
	// Future is the expected discounted value of the present customers' orders
	// within the horizon, per customer.
	Future float64 `json:"future_value_per_customer"`
	Lambda Lambda  `json:"lambda"`
	// NewCustomers had their first order in the days that spend is compared with.
	NewCustomers int `json:"new_customers"`
	Economics
	Why []string `json:"why"`
}

// Title names the segment for people.
func (s Segment) Title() string {
	_, id, _ := strings.Cut(s.Campaign, ":")
	campaign := cmp.Or(s.Name, "campaign "+id)
	switch s.Level {
	case ByPlatform:
		if s.Platform == "" {
			return "no click on an advertisement"
		}
		return platformTitle(s.Platform)
	case ByCampaign:
		return campaign
	case ByCategory:
		return cmp.Or(s.Category, "category not known")
	case ByCountry:
		return cmp.Or(s.Country, "country not known")
	case ByCampaignCategory:
		return campaign + " · " + cmp.Or(s.Category, "category not known")
	case ByCampaignCountry:
		return campaign + " · " + cmp.Or(s.Country, "country not known")
	}
	return "all customers"
}

// enoughCustomers is how many a campaign's part in one category or country needs
// to be told by itself.
const enoughCustomers = 50

// Segmentation is the segments of all levels, ordered by level and name, and the
// customers by recency, frequency and value.
type Segmentation struct {
	Segments []Segment `json:"segments"`
	RFM      *RFM      `json:"rfm"`
	// Recent are the new customers by Node.Key, of the parts too that are too
	// small for Segments.
	Recent map[string]int `json:"recent"`
}

// nodeSums are the counts of one node. They add up, so that parts may be
// counted apart.
type nodeSums struct {
	customers, orders, recent int
	first                     float64 // value of first orders
	observed, expected        float64 // value of repeat orders
	oo, oe, ee                float64 // their squares and products, summed over customers
	alive, future             float64
	wait                      *waits // nil for parts of campaigns
}

// Profile streams a shop's customers past a fit and counts them by source. Its
// memory grows with the sources and the distinct histories, not with the
// customers: it is the second reading of a night that fits the model anew.
type Profile struct {
	fit       *Fit
	from, to  civil.Date // first orders of new customers
	histories *Histories
	nodes     map[Node]*nodeSums
	rfm       map[rfmKey]rfmSums
	known     map[rowKey]known
	// By age: the expected repeat value per unit of first order, and the value of
	// first orders.
	usual, firstByAge map[float64]float64

	// Of the customer being read.
	id            string
	source        Source
	first, second civil.Date
	scratch       []Node
}

type known struct{ alive, discounted float64 }

// NewProfile takes orders up to and including end. Customers whose first order
// lies in from..to count as new ones.
func (f *Fit) NewProfile(end, from, to civil.Date) *Profile {
	p := &Profile{fit: f, from: from, to: to, nodes: map[Node]*nodeSums{}, rfm: map[rfmKey]rfmSums{}, known: map[rowKey]known{}, usual: map[float64]float64{}, firstByAge: map[float64]float64{}}
	p.histories = NewHistories(end, func(h History) error { p.count(h); return nil })
	return p
}

// Add takes one customer day; see Histories.Add. The source is the customer's,
// the same on each of their days. A day refunded in full or beyond counts as an
// order of value 0.
func (p *Profile) Add(customerID string, s Source, date civil.Date, value float64) error {
	if err := p.histories.Add(customerID, date, max(value, 0)); err != nil {
		return err
	}
	switch { // after Add, which counts the customer before
	case p.first == 0 || customerID != p.id:
		p.id, p.source, p.first, p.second = customerID, s, date, 0
	case p.second == 0 && date > p.first && date <= p.histories.end:
		p.second = date
	}
	return nil
}

// known outlooks are kept up to this many; a shop with more distinct histories
// computes some anew.
const mostKnown = 1 << 20

func (p *Profile) count(h History) {
	k := rowKey{h.Frequency, h.Recency, h.Age}
	o, ok := p.known[k]
	if !ok {
		out := p.fit.Orders.Outlook(h.Frequency, h.Recency, h.Age)
		o = known{out.PAlive(), out.Discounted(p.fit.term())}
		if len(p.known) < mostKnown {
			p.known[k] = o
		}
	}
	usual, ok := p.usual[h.Age]
	if !ok {
		usual = p.fit.Orders.NewCustomer().Orders(h.Age) * p.fit.Spend.Mean / p.fit.FirstValue
		p.usual[h.Age] = usual
	}
	future := max(0, o.discounted*p.fit.Spend.Expected(h.Orders, max(h.MeanValue, 0)))
	p.firstByAge[h.Age] += h.FirstValue
	expected := usual * h.FirstValue
	p.scratch = p.source.nodes(p.scratch[:0])
	for _, n := range p.scratch {
		s := p.nodes[n]
		if s == nil {
			s = &nodeSums{}
			if n.Level != ByCampaignCategory && n.Level != ByCampaignCountry {
				s.wait = &waits{}
			}
			p.nodes[n] = s
		}
		s.customers++
		s.orders += h.Orders
		if p.first >= p.from && p.first <= p.to {
			s.recent++
		}
		s.first += h.FirstValue
		if n.Campaign == "" || !p.source.Several { // else nobody knows whose customer it is
			s.observed += h.RepeatValue
			s.expected += expected
			s.oo += h.RepeatValue * h.RepeatValue
			s.oe += h.RepeatValue * expected
			s.ee += expected * expected
		}
		s.alive += o.alive
		s.future += future
		if s.wait != nil {
			s.wait.add(int(h.Age), p.second.Sub(p.first), p.second != 0)
		}
	}
	p.countRFM(h, future)
}

// Segmentation closes the profile; Add must not be called after it. The
// multiples of campaigns become the fit's Lambdas.
func (p *Profile) Segmentation() *Segmentation {
	_ = p.histories.Flush() // count never fails
	f := p.fit
	g := &Segmentation{RFM: p.rfmTable(), Recent: map[string]int{}}
	f.Segments = map[string]Lambda{}
	root := p.nodes[Node{Level: ByAll}]
	if root == nil {
		return g
	}
	ratio, phi := root.dispersion()
	nodes := make(map[Node]evidence, len(p.nodes))
	for n, s := range p.nodes {
		nodes[n] = evidence{s.observed / phi, ratio * s.expected / phi}
	}
	thetas := shrink(nodes)
	later := f.DefaultLambda() - 1
	whole, relSD := f.modelRelSD(p.firstByAge, nodes[Node{Level: ByAll}])
	thetas[Node{Level: ByAll}] = theta{belief: belief{mean: 1}, own: 1, fresh: thetas[Node{Level: ByAll}].fresh}
	for _, n := range sortedNodes(p.nodes) {
		s, t := p.nodes[n], thetas[n]
		g.Recent[n.Key()] = s.recent
		if s.wait == nil && s.customers < enoughCustomers {
			continue
		}
		l := t.lambda(later, relSD)
		if n.Level == ByAll {
			l = t.lambda(later, whole)
		}
		own := -1.0
		if s.expected > 0 && ratio > 0 {
			own = s.observed / (ratio * s.expected)
		}
		l.explain(n, s.customers, own, t.own)
		g.Segments = append(g.Segments, s.segment(n, l))
		f.keep(n, l, t.fresh.lambda(later, relSD))
	}
	if w := f.ratioWarning(ratio); w != "" {
		g.Segments[0].Why = append(g.Segments[0].Why, w)
	}
	return g
}

// keep makes a node's multiple one of the fit's.
func (f *Fit) keep(n Node, l, fresh Lambda) {
	switch {
	case n.Level == ByCampaign:
		f.Segments[n.Campaign] = l
	case n.Level == ByPlatform && n.Platform == "":
		f.Segments[""] = l
	case n.Level == ByPlatform:
		fresh.Why = "no customers yet: it leans on the other campaigns of " + n.Platform
		f.Segments[n.Platform+":"] = fresh
	}
}

// dispersion is what all customers' repeat orders brought over what the model
// expects, and phi: the variance of a customer's repeat value over its mean, by
// Pearson's residuals. Without either nothing can be learnt from repeat orders,
// which an infinite phi says.
func (s *nodeSums) dispersion() (ratio, phi float64) {
	if !(s.expected > 0) || !(s.observed > 0) {
		return 1, math.Inf(1)
	}
	ratio = s.observed / s.expected
	phi = (s.oo - 2*ratio*s.oe + ratio*ratio*s.ee) / s.observed
	if !(phi > 0) {
		return ratio, math.Inf(1)
	}
	return ratio, phi
}

func (f *Fit) ratioWarning(ratio float64) string {
	if ratio >= 0.75 && ratio <= 1/0.75 {
		return ""
	}
	return fmt.Sprintf("Repeat orders brought %.2f times what the model expects; seasonal data, or data that begin after the shop did, do that.", ratio)
}

func (s *nodeSums) segment(n Node, l Lambda) Segment {
	c := float64(s.customers)
	g := Segment{Node: n, Customers: s.customers, FirstValue: s.first / c, Orders: float64(s.orders) / c,
		Churn: min(1, max(0, 1-s.alive/c)), Future: s.future / c, Lambda: l, NewCustomers: s.recent, Why: []string{l.Why + "."}}
	if s.wait != nil {
		g.Repeat90, g.Repeat365, g.SecondDays = s.wait.within(90), s.wait.within(365), s.wait.median()
	}
	return g
}

// waitDays is how far the time to a second order is followed.
const waitDays = 365

// waits counts customers by the days to their second order, or by those they
// have been watched without one. What lies beyond waitDays is watched to there.
type waits struct {
	second, watched [waitDays + 1]uint32
}

func (w *waits) add(age, days int, ordered bool) {
	if ordered && days <= waitDays {
		w.second[max(days, 0)]++
		return
	}
	w.watched[min(max(age, 0), waitDays)]++
}

// enoughWatched is how many customers without a second order must still be
// watched for the share with one to be told, unless all were watched so far.
const enoughWatched = 10

// follow calls fn for each day with the share that has no second order by its
// end (the product limit), as far as enough customers are watched.
func (w *waits) follow(fn func(day int, without float64) (more bool)) {
	var customers, atRisk uint32
	for d := range w.second {
		customers += w.second[d] + w.watched[d]
	}
	if customers < enoughWatched {
		return
	}
	atRisk = customers
	without, lost := 1.0, uint32(0)
	for d := range w.second {
		if atRisk < enoughWatched && lost > 0 {
			return
		}
		if atRisk > 0 {
			without *= 1 - float64(w.second[d])/float64(atRisk)
		}
		if !fn(d, without) {
			return
		}
		atRisk -= w.second[d] + w.watched[d]
		lost += w.watched[d]
	}
}

func (w *waits) within(days int) (share *float64) {
	w.follow(func(d int, without float64) bool {
		if d == days {
			s := 1 - without
			share = &s
		}
		return d < days
	})
	return share
}

func (w *waits) median() (days *int) {
	w.follow(func(d int, without float64) bool {
		if without <= 0.5 {
			days = &d
		}
		return without > 0.5
	})
	return days
}
