package attribution

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"adsteward/internal/money"
)

// ConversionEvent is one purchase as a platform was told it, by the website's
// pixel or tag or by a server.
type ConversionEvent struct {
	Line     int    // in its file, from 1; 0 for what adsteward told
	Platform string // google or meta
	Source   string // browser, server or the like, in whatever words
	// Name is Meta's event name or Google's conversion action; with ID, Meta's event
	// id or Google's transaction id, it names the conversion.
	Name, ID string
	OrderID  string    // "" where the file does not say
	At       time.Time // when the platform was told
	Value    money.Micros
}

// MetaKnows is for how long after the first one Meta counts an event of the same
// name and id once.
const MetaKnows = 48 * time.Hour

// EventFault names what is wrong with an event.
type EventFault string

const (
	CountedTwice EventFault = "counted_twice" // its order was told before in a way that the platform cannot know again
	WithoutID    EventFault = "no_id"         // nothing to know it again by, neither id nor order
	SameIDOthers EventFault = "id_of_two"     // another order has its id, so that it is not counted
)

// EventFinding is one event that is counted twice, or not at all.
type EventFinding struct {
	Line     int        `json:"line"` // 0 for what adsteward told
	First    int        `json:"first_line"`
	Platform string     `json:"platform"`
	OrderID  string     `json:"order_id"`
	Fault    EventFault `json:"fault"`
	Why      string     `json:"why"`
}

// EventCounts sums up the events of one platform.
type EventCounts struct {
	Platform string `json:"platform"`
	Events   int    `json:"events"`
	// Counted are the conversions that the platform makes of them: Events less
	// Deduplicated. Orders are the purchases that there were, as far as the events
	// name them.
	Counted      int          `json:"counted"`
	Deduplicated int          `json:"deduplicated"`
	Orders       int          `json:"orders"`
	Twice        int          `json:"counted_twice"`
	TwiceValue   money.Micros `json:"counted_twice_value"`
	WithoutID    int          `json:"without_id"`
	Lost         int          `json:"lost"` // counted as another order's
}

// EventReport is what became of events, as far as the platforms' rules tell.
type EventReport struct {
	Platforms []EventCounts  `json:"platforms"`
	Findings  []EventFinding `json:"findings"`
}

// CheckEvents says which events a platform counts as one, and which as two though
// they are one order's. Meta counts events of one name and id within 48 hours of
// the first once; Google counts one for each transaction id of a conversion action.
// An order is the one that the event names, else the one that another event of its
// id names, else the event's id.
func CheckEvents(events []ConversionEvent) EventReport {
	sorted := slices.Clone(events)
	slices.SortStableFunc(sorted, func(a, b ConversionEvent) int {
		return cmp.Or(strings.Compare(a.Platform, b.Platform), a.At.Compare(b.At), a.Line-b.Line)
	})
	name := ordersOf(sorted)
	rep := EventReport{Platforms: []EventCounts{}, Findings: []EventFinding{}}
	var c *eventChecker
	for _, e := range sorted {
		if e.OrderID == "" && e.ID != "" {
			e.OrderID = name[[2]string{e.Platform, e.ID}]
		}
		if c == nil || c.counts.Platform != e.Platform {
			if c != nil {
				rep.Platforms = append(rep.Platforms, c.counts)
			}
			c = &eventChecker{counts: EventCounts{Platform: e.Platform}, byID: map[[2]string]ConversionEvent{}, byOrder: map[string]ConversionEvent{}, orders: map[string]bool{}}
		}
		if f := c.take(e); f != nil {
			rep.Findings = append(rep.Findings, *f)
		}
	}
	if c != nil {
		rep.Platforms = append(rep.Platforms, c.counts)
	}
	slices.SortStableFunc(rep.Findings, func(a, b EventFinding) int { return a.Line - b.Line })
	return rep
}

// ordersOf is the order that the first event of each platform and id to name one
// names: a browser seldom knows the order's number, and a server tells the same id
// with it.
func ordersOf(events []ConversionEvent) map[[2]string]string {
	out := map[[2]string]string{}
	for _, e := range events {
		key := [2]string{e.Platform, e.ID}
		if _, known := out[key]; !known && e.ID != "" && e.OrderID != "" {
			out[key] = e.OrderID
		}
	}
	return out
}

// eventChecker goes through one platform's events in order of time.
type eventChecker struct {
	counts  EventCounts
	byID    map[[2]string]ConversionEvent // the first of each name and id, as far as it is still known
	byOrder map[string]ConversionEvent    // the first counted of each order
	orders  map[string]bool               // all there were, counted or not
}

func (c *eventChecker) take(e ConversionEvent) *EventFinding {
	c.counts.Events++
	order := cmp.Or(e.OrderID, e.ID)
	if order != "" && !c.orders[order] {
		c.orders[order] = true
		c.counts.Orders++
	}
	key := [2]string{e.Name, e.ID}
	before, known := c.byID[key]
	if e.ID == "" {
		known = false
		c.counts.WithoutID++
	}
	if known && e.Platform == "meta" && e.At.Sub(before.At) >= MetaKnows {
		known = false
	}
	if known {
		c.counts.Deduplicated++
		if was := cmp.Or(before.OrderID, before.ID); was != order {
			c.counts.Lost++
			return finding(e, before, SameIDOthers, fmt.Sprintf("order %s has the id %s of order %s, so the platform takes it for the same and counts it no more", order, e.ID, was))
		}
		return nil
	}
	c.counts.Counted++
	if e.ID != "" {
		c.byID[key] = e
	}
	first, again := c.byOrder[order]
	switch {
	case order == "":
		return finding(e, ConversionEvent{}, WithoutID, "it has neither an id nor an order's number: whether it is told twice nobody can know")
	case !again:
		c.byOrder[order] = e
		return nil
	}
	c.counts.Twice++
	c.counts.TwiceValue += e.Value
	return finding(e, first, CountedTwice, c.why(e, first))
}

func finding(e, first ConversionEvent, fault EventFault, why string) *EventFinding {
	return &EventFinding{Line: e.Line, First: first.Line, Platform: e.Platform, OrderID: cmp.Or(e.OrderID, e.ID), Fault: fault, Why: why}
}

// why says what tells the two apart for the platform.
func (c *eventChecker) why(e, first ConversionEvent) string {
	name, id := "event name", "an event id"
	if e.Platform == "google" {
		name, id = "conversion action", "a transaction id"
	}
	switch {
	case e.ID == "":
		return fmt.Sprintf("told again without %s; give both %s the order's number", id, tellers(e, first))
	case first.ID == "":
		return fmt.Sprintf("told before without %s; give both %s the order's number", id, tellers(e, first))
	case e.Name != first.Name:
		return fmt.Sprintf("told under the %s %q and before under %q: each counts; keep one, or make one of them secondary", name, e.Name, first.Name)
	case e.ID != first.ID:
		return fmt.Sprintf("told with %s of %q and before with %q; give both %s the order's number", id, e.ID, first.ID, tellers(e, first))
	}
	return fmt.Sprintf("told again after %.0f hours: Meta knows an event again for %.0f", e.At.Sub(first.At).Hours(), MetaKnows.Hours())
}

func tellers(a, b ConversionEvent) string {
	if a.Source == b.Source || a.Source == "" || b.Source == "" {
		return "events"
	}
	return b.Source + " and " + a.Source
}
