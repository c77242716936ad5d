package nightly

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"adsteward/attribution"
	"adsteward/attribution/identity"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/parallel"
	"adsteward/store"
)

// people are the shop's orders of some days with the touches that may have led to
// them, stitched into persons. A touch takes 40 bytes, an identifier about 30.
type people struct {
	n        *night
	stitcher *identity.Stitcher
	persons  *identity.Persons
	sources  []store.Touch // channel, campaign and kind alone
	ids      map[store.Touch]int32
	visits   []seenVisit
	orders   []boughtOrder
}

// seenVisit is a touch by its numbers.
type seenVisit struct {
	at                       int64 // Unix microseconds
	customer, visitor, click identity.Node
	source                   int32
}

// boughtOrder is what is kept of an order.
type boughtOrder struct {
	id              string
	at              time.Time
	sold            money.Micros // less refunds
	campaign        string       // as the nights before found
	customer, click identity.Node
	several         bool // as they found too
	isNew, offline  bool
}

// stitched reads the orders of from..the night's date, and whoever may have to do
// with them. All brings those who never bought too, and which orders are their
// customers' first: what journeys need, at twice the cost.
func (n *night) stitched(ctx context.Context, from civil.Date, all bool) (*people, error) {
	p := &people{n: n, stitcher: identity.New(identity.DefaultLimits()), ids: map[store.Touch]int32{}}
	before := attribution.DefaultWindow
	if all {
		before = n.shop.Paths.Longest()
	}
	since := from.In(n.shop.Location).Add(-before)
	until := n.date.AddDays(1).In(n.shop.Location)
	// The database looks for touches, contacts and carts while orders are gone through.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	visits := parallel.Ahead(ctx, func(fn func(store.Touch) error) error {
		if all {
			return n.Store.EachVisit(ctx, n.shop.Name, since, until, fn)
		}
		return n.Store.EachKnownVisit(ctx, n.shop.Name, since, until, from, n.date, fn)
	})
	type contact struct{ customer, kind, key string }
	contacts := parallel.Ahead(ctx, func(fn func(contact) error) error {
		return n.Store.EachSharedContact(ctx, n.shop.Name, since, func(customer, kind, key string) error { return fn(contact{customer, kind, key}) })
	})
	type cart struct{ visitor, customer, email string }
	carts := parallel.Ahead(ctx, func(fn func(cart) error) error {
		return n.Store.EachCartVisitor(ctx, n.shop.Name, since, func(visitor, customer, email string) error { return fn(cart{visitor, customer, email}) })
	})
	if err := p.readOrders(ctx, from, all); err != nil {
		return nil, err
	}
	if err := visits(p.visit); err != nil {
		return nil, err
	}
	p.sort()
	node := p.stitcher.Node
	err := contacts(func(c contact) error {
		id, err := identity.ParseID(c.kind + ":" + c.key)
		p.stitcher.Join(node(identity.ID{Kind: identity.Customer, Value: c.customer}), node(id))
		return err
	})
	if err != nil {
		return nil, err
	}
	err = carts(func(c cart) error {
		who := node(identity.ID{Kind: identity.Visitor, Value: c.visitor})
		p.stitcher.Join(who, node(identity.ID{Kind: identity.Customer, Value: c.customer}))
		p.stitcher.Join(who, node(identity.ID{Kind: identity.Email, Value: c.email}))
		return nil
	})
	if err != nil {
		return nil, err
	}
	splits, err := n.splits(ctx, n.shop.Name)
	if err != nil {
		return nil, err
	}
	p.persons = p.stitcher.Solve(splits)
	return p, nil
}

func (p *people) readOrders(ctx context.Context, from civil.Date, firsts bool) error {
	add := func(b store.Buyer) error {
		o := boughtOrder{id: b.OrderID, at: b.OrderedAt, sold: b.Revenue - b.Refunded, campaign: b.Campaign, several: b.Several, isNew: b.New, offline: isOffline(b.Source),
			customer: p.stitcher.Node(identity.ID{Kind: identity.Customer, Value: b.CustomerID}), click: p.stitcher.Node(identity.ID{Kind: identity.Click, Value: b.ClickID})}
		p.stitcher.Join(o.customer, o.click)
		p.orders = append(p.orders, o)
		return nil
	}
	if firsts {
		return p.n.Store.EachBuyer(ctx, p.n.shop.Name, from, p.n.date, add)
	}
	return p.n.Store.EachOrderHead(ctx, p.n.shop.Name, from, p.n.date, func(o store.Order) error { return add(store.Buyer{Order: o}) })
}

// visit adds a touch and what was seen together in it.
func (p *people) visit(t store.Touch) error {
	v := seenVisit{at: t.At.UnixMicro(), customer: p.stitcher.Node(identity.ID{Kind: identity.Customer, Value: t.CustomerID}),
		visitor: p.stitcher.Node(identity.ID{Kind: identity.Visitor, Value: t.VisitorID}), click: p.stitcher.Node(identity.ID{Kind: identity.Click, Value: t.ClickID})}
	p.stitcher.Join(v.customer, v.visitor)
	p.stitcher.Join(v.visitor, v.click)
	p.stitcher.Join(v.customer, v.click)
	source := store.Touch{Channel: t.Channel, Campaign: t.Campaign, Kind: t.Kind}
	id, ok := p.ids[source]
	if !ok {
		id = int32(len(p.sources))
		p.ids[source] = id
		p.sources = append(p.sources, source)
	}
	v.source = id
	p.visits = append(p.visits, v)
	return nil
}

// sort puts the visits in the order of time, those of one moment by where they came
// from, so that which of them was last does not depend on the database.
func (p *people) sort() {
	slices.SortFunc(p.visits, func(a, b seenVisit) int {
		if c := cmp.Compare(a.at, b.at); c != 0 {
			return c
		}
		x, y := &p.sources[a.source], &p.sources[b.source]
		return cmp.Or(strings.Compare(x.Channel, y.Channel), strings.Compare(x.Campaign, y.Campaign), strings.Compare(x.Kind, y.Kind))
	})
}

func (p *people) ofVisit(v *seenVisit) identity.Node {
	return p.persons.First(v.customer, v.visitor, v.click)
}

func (p *people) ofOrder(o *boughtOrder) identity.Node { return p.persons.First(o.customer, o.click) }

// token names a person or a click to attribution.Join.
func token(n identity.Node) string {
	if n == identity.None {
		return ""
	}
	return strconv.Itoa(int(n))
}

// joinOrders are the orders as attribution.Join takes them, their persons in place of
// the customers.
func (p *people) joinOrders() iter.Seq2[attribution.Order, error] {
	return func(yield func(attribution.Order, error) bool) {
		for i := range p.orders {
			o := &p.orders[i]
			if !yield(attribution.Order{OrderID: o.id, CustomerID: token(p.ofOrder(o)), At: o.at, ClickID: token(o.click), Revenue: o.sold}, nil) {
				return
			}
		}
	}
}

// joinTouches are the clicks of those who ordered.
func (p *people) joinTouches() iter.Seq2[attribution.Touch, error] {
	return func(yield func(attribution.Touch, error) bool) {
		buyers, clicks := map[identity.Node]bool{}, map[identity.Node]bool{}
		for i := range p.orders {
			buyers[p.ofOrder(&p.orders[i])] = true
			clicks[p.orders[i].click] = true
		}
		delete(buyers, identity.None)
		delete(clicks, identity.None)
		for i := range p.visits {
			v := &p.visits[i]
			who := p.ofVisit(v)
			s := &p.sources[v.source]
			if s.Kind == "view" || !buyers[who] && !clicks[v.click] {
				continue
			}
			if !yield(attribution.Touch{CustomerID: token(who), At: time.UnixMicro(v.at), Channel: s.Channel, Campaign: s.Campaign, ClickID: token(v.click)}, nil) {
				return
			}
		}
	}
}

// splits are what somebody said of who is not one person.
func (s *Steward) splits(ctx context.Context, account string) ([]identity.Split, error) {
	rows, err := s.Store.Splits(ctx, account)
	if err != nil {
		return nil, err
	}
	out := make([]identity.Split, 0, len(rows))
	for _, r := range rows {
		a, err := identity.ParseID(r.A)
		if err != nil {
			return nil, fmt.Errorf("a stored split cannot be read: %w", err)
		}
		var b identity.ID
		if r.B != "" {
			if b, err = identity.ParseID(r.B); err != nil {
				return nil, fmt.Errorf("a stored split cannot be read: %w", err)
			}
		}
		out = append(out, identity.Split{A: a, B: b})
	}
	return out, nil
}
