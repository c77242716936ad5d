package attribution

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"adsteward/internal/money"
)

// Windows say how long before an order a touch still counts.
type Windows struct {
	Click, View time.Duration
}

// PathRules say how touches and orders make journeys.
type PathRules struct {
	// Default is for channels that ByPlatform does not name; ByPlatform is by the
	// platform of CampaignKey, "google" or "meta".
	Default    Windows
	ByPlatform map[string]Windows
	// Session is the longest pause within a visit: touches of one campaign that
	// follow each other faster are one step of a journey.
	Session time.Duration
	// Skew is how far the clocks of shop and tracking may differ: a touch so
	// shortly after the order counts as one just before it.
	Skew time.Duration
	// Pause is after how long without a touch somebody's journey has ended.
	Pause time.Duration
	// Since is the begin of the time looked at: journeys without an order that ended
	// before it are left out, as the orders before it are.
	Since time.Time
}

const day = 24 * time.Hour

// DefaultPathRules take the platforms' own default windows: Google 30 days after a
// click, Meta 7 days after a click and one after a view.
func DefaultPathRules() PathRules {
	return PathRules{Default: Windows{Click: DefaultWindow, View: day}, ByPlatform: map[string]Windows{"google": {Click: 30 * day, View: day}, "meta": {Click: 7 * day, View: day}},
		Session: 30 * time.Minute, Skew: 5 * time.Minute, Pause: DefaultWindow}
}

// Longest is the longest of the windows, and no less than DefaultWindow: how long
// before the first order touches may matter.
func (r PathRules) Longest() time.Duration {
	longest := max(DefaultWindow, r.Default.Click, r.Default.View)
	for _, w := range r.ByPlatform {
		longest = max(longest, w.Click, w.View)
	}
	return longest
}

// Visit is a touch: of whom, when, and whence. Node is any identifier's number.
type Visit struct {
	Node              int32
	At                time.Time
	Channel, Campaign string
	View              bool // seen, not clicked
}

// Purchase is an order as journeys see it.
type Purchase struct {
	OrderID string
	Node    int32 // of the customer; negative for nobody known
	At      time.Time
	Value   money.Micros // less refunds
	Margin  money.Micros // contribution; may be a loss
	New     bool         // of a customer's first day
	Offline bool         // not from the web shop
}

// Trail gathers touches and orders, in any order. It holds 24 bytes a touch.
type Trail struct {
	rules   PathRules
	windows []Windows // by channel
	sources []source
	ids     map[source]int32
	visits  []visit
	orders  []Purchase
}

// source is where a touch came from.
type source struct{ channel, campaign string }

type visit struct {
	at     int64 // Unix time in microseconds
	person int32 // the node's number, before Settle
	source int32
	view   bool
}

// NewTrail returns an empty trail.
func NewTrail(r PathRules) *Trail { return &Trail{rules: r, ids: map[source]int32{}} }

// Visit adds a touch.
func (t *Trail) Visit(v Visit) {
	s := source{v.Channel, v.Campaign}
	id, ok := t.ids[s]
	if !ok {
		s = source{strings.Clone(v.Channel), strings.Clone(v.Campaign)}
		id = int32(len(t.sources))
		t.ids[s] = id
		t.sources = append(t.sources, s)
		w := t.rules.Default
		if p, _, _ := strings.Cut(CampaignKey(v.Channel, "-"), ":"); p != "" {
			if own, ok := t.rules.ByPlatform[p]; ok {
				w = own
			}
		}
		t.windows = append(t.windows, w)
	}
	t.visits = append(t.visits, visit{at: v.At.UnixMicro(), person: v.Node, source: id, view: v.View})
}

// Buy adds an order.
func (t *Trail) Buy(p Purchase) { t.orders = append(t.orders, p) }

// Settle puts touches and orders together by person, whose number person tells of
// a node, and by time. It is called once, when all are added.
func (t *Trail) Settle(person func(node int32) int32) {
	for i := range t.visits {
		t.visits[i].person = person(t.visits[i].person)
	}
	for i := range t.orders {
		if t.orders[i].Node >= 0 {
			t.orders[i].Node = person(t.orders[i].Node)
		}
	}
	rank := t.rank()
	slices.SortFunc(t.visits, func(a, b visit) int {
		return cmp.Or(cmp.Compare(a.person, b.person), cmp.Compare(a.at, b.at), cmp.Compare(rank[a.source], rank[b.source]))
	})
	slices.SortFunc(t.orders, func(a, b Purchase) int {
		return cmp.Or(cmp.Compare(a.Node, b.Node), a.At.Compare(b.At), cmp.Compare(a.OrderID, b.OrderID))
	})
	for i := 1; i < len(t.orders); i++ { // who was two customers is new once
		if o := &t.orders[i]; o.Node >= 0 && o.Node == t.orders[i-1].Node {
			o.New = false
		}
	}
}

// rank orders the sources by name, so that nothing depends on which came first.
func (t *Trail) rank() []int32 {
	order := make([]int32, len(t.sources))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int {
		x, y := t.sources[a], t.sources[b]
		return cmp.Or(strings.Compare(x.channel, y.channel), strings.Compare(x.campaign, y.campaign))
	})
	rank := make([]int32, len(order))
	for i, s := range order {
		rank[s] = int32(i)
	}
	return rank
}

// Outcome is how an order came to its journey: each order has exactly one.
type Outcome string

// The outcomes, by which comes first where several hold.
const (
	// Clicked: a click within its window.
	Clicked Outcome = "clicked"
	// Viewed: no click, but an ad seen within its window.
	Viewed Outcome = "viewed"
	// TooOld: touches, but none within its window.
	TooOld Outcome = "touch too old"
	// TouchAfter: the first touch came within a day after the order.
	TouchAfter Outcome = "touch after the order"
	// OfflineOrder: no touch, and not ordered in the web shop.
	OfflineOrder Outcome = "offline"
	// Untouched: nothing is known of what came before it.
	Untouched Outcome = "no touch"
)

// Outcomes lists them all.
func Outcomes() []Outcome {
	return []Outcome{Clicked, Viewed, TooOld, TouchAfter, OfflineOrder, Untouched}
}

// journey is somebody's steps up to an order, or up to nothing.
type journey struct {
	order   *Purchase // nil where nobody bought
	outcome Outcome
	steps   []stop
	viewed  int32 // source of the last view, for Viewed
}

// stop is a visit of one campaign: its source and the time of its last touch.
type stop struct {
	source int32
	at     int64
}

// walk hands over every journey, each order in exactly one. The journey is good
// until the next one.
//
// A touch belongs to the first order after it, so that none is counted twice; what
// lies outside its window, and what no order follows, led to nothing.
func (t *Trail) walk(yield func(*journey)) {
	var j journey
	o, v := 0, 0
	for o < len(t.orders) && t.orders[o].Node < 0 { // of nobody known
		j = journey{order: &t.orders[o], outcome: untouched(&t.orders[o])}
		yield(&j)
		o++
	}
	for o < len(t.orders) || v < len(t.visits) {
		var person int32
		switch {
		case v == len(t.visits):
			person = t.orders[o].Node
		case o == len(t.orders):
			person = t.visits[v].person
		default:
			person = min(t.orders[o].Node, t.visits[v].person)
		}
		visits := v
		for v < len(t.visits) && t.visits[v].person == person {
			v++
		}
		own := t.visits[visits:v]
		for ; o < len(t.orders) && t.orders[o].Node == person; o++ {
			own = t.lead(&j, own, &t.orders[o], yield)
		}
		t.nothing(&j, own, yield)
	}
}

func untouched(o *Purchase) Outcome {
	if o.Offline {
		return OfflineOrder
	}
	return Untouched
}

// lead makes the journey to an order of the person's touches not used before, and
// returns those after it.
func (t *Trail) lead(j *journey, own []visit, o *Purchase, yield func(*journey)) []visit {
	at := o.At.UnixMicro()
	n := 0
	for n < len(own) && own[n].at <= at+t.rules.Skew.Microseconds() {
		n++
	}
	before, after := own[:n], own[n:]
	var old []visit // outside their windows
	*j = journey{order: o, viewed: -1, steps: j.steps[:0]}
	for _, v := range before {
		age, w := at-v.at, t.windows[v.source]
		switch {
		case v.view && age <= w.View.Microseconds():
			j.viewed = v.source
		case !v.view && age <= w.Click.Microseconds():
			t.step(j, v)
		default:
			old = append(old, v)
		}
	}
	switch {
	case len(j.steps) > 0:
		j.outcome = Clicked
	case j.viewed >= 0:
		j.outcome = Viewed
	case n > 0:
		j.outcome = TooOld
	case len(after) > 0 && after[0].at-at <= day.Microseconds():
		j.outcome = TouchAfter
	default:
		j.outcome = untouched(o)
	}
	yield(j)
	t.nothing(j, old, yield)
	return after
}

// step adds a click, or goes on with the visit that it is part of.
func (t *Trail) step(j *journey, v visit) {
	if n := len(j.steps); n > 0 && j.steps[n-1].source == v.source && v.at-j.steps[n-1].at <= t.rules.Session.Microseconds() {
		j.steps[n-1].at = v.at
		return
	}
	j.steps = append(j.steps, stop{v.source, v.at})
}

// nothing makes the journeys of touches that no order follows.
func (t *Trail) nothing(j *journey, own []visit, yield func(*journey)) {
	since := t.rules.Since.UnixMicro()
	*j = journey{steps: j.steps[:0]}
	for i, v := range own {
		if !v.view {
			t.step(j, v)
		}
		if i+1 < len(own) && own[i+1].at-v.at <= t.rules.Pause.Microseconds() {
			continue
		}
		if len(j.steps) > 0 && (t.rules.Since.IsZero() || v.at >= since) {
			yield(j)
		}
		*j = journey{steps: j.steps[:0]}
	}
}
