package ltv

import (
	"cmp"
	"slices"
	"strings"

	"adsteward/internal/civil"
)

// OrderLog is a file of orders in memory, by customer and day.
type OrderLog struct {
	First, Last civil.Date

	ids    []string // customers in the order they first appear
	orders []logged
	starts []int // of each customer's orders, and their end
}

type logged struct {
	customer int32
	day      civil.Date
	value    float64
}

// gathering numbers the customers of blocks in the order they first appear.
type gathering struct {
	ids      []string
	index    map[string]int32
	counts   []int32 // orders by customer
	blocks   [][]logged
	currency string
}

func newGathering() *gathering { return &gathering{index: map[string]int32{}} }

func (g *gathering) add(b *block) error {
	if b.currency != "" && g.currency != "" && !strings.EqualFold(b.currency, g.currency) {
		return &BadRow{b.atLine, orderColumns[currencyColumn], mixedCurrencies(b.currency, g.currency)}
	}
	if b.err != nil {
		return b.err
	}
	if g.currency == "" {
		g.currency = b.currency
	}
	orders := make([]logged, len(b.orders))
	for i := range b.orders {
		o := &b.orders[i]
		n, ok := g.index[string(o.id)]
		if !ok {
			n = int32(len(g.ids))
			id := string(o.id)
			g.index[id] = n
			g.ids = append(g.ids, id)
			g.counts = append(g.counts, 0)
		}
		g.counts[n]++
		orders[i] = logged{n, o.day, o.value}
	}
	g.blocks = append(g.blocks, orders)
	return nil
}

// log puts the orders in order of customers and days; those of one day stay as
// the file has them.
func (g *gathering) log() *OrderLog {
	l := &OrderLog{ids: g.ids, starts: make([]int, len(g.ids)+1)}
	for i, n := range g.counts {
		l.starts[i+1] = l.starts[i] + int(n)
	}
	l.orders = make([]logged, l.starts[len(g.ids)])
	free := slices.Clone(l.starts)
	for i, b := range g.blocks {
		for _, o := range b {
			l.orders[free[o.customer]] = o
			free[o.customer]++
		}
		g.blocks[i] = nil // its memory is free for what comes
	}
	l.First, l.Last = l.orders[0].day, l.orders[0].day
	byDay := func(a, b logged) int { return cmp.Compare(a.day, b.day) }
	for i := range g.ids {
		own := l.orders[l.starts[i]:l.starts[i+1]]
		if !slices.IsSortedFunc(own, byDay) {
			slices.SortStableFunc(own, byDay)
		}
		l.First, l.Last = min(l.First, own[0].day), max(l.Last, own[len(own)-1].day)
	}
	return l
}

// Histories are those of the customers seen by end, in the order the file first
// names them.
func (l *OrderLog) Histories(end civil.Date) []History {
	seen := make([]int32, 0, len(l.ids))
	for i := range l.ids {
		if l.orders[l.starts[i]].day <= end {
			seen = append(seen, int32(i))
		}
	}
	out := make([]History, len(seen))
	parallel((len(seen)+chunk-1)/chunk, func(c int) {
		part := out[c*chunk : c*chunk : min((c+1)*chunk, len(out))]
		h := NewHistories(end, func(h History) error { part = append(part, h); return nil })
		for _, customer := range seen[c*chunk : c*chunk+cap(part)] {
			for _, o := range l.orders[l.starts[customer]:l.starts[customer+1]] {
				_ = h.Add(l.ids[customer], o.day, o.value) // sorted, and finite
			}
		}
		_ = h.Flush()
	})
	return out
}

// after is what one customer went on to buy.
type after struct {
	orders int
	value  float64
}

// after counts the order days after start up to end of the customers seen by
// start, in the order of Histories(start).
func (l *OrderLog) after(start, end civil.Date) []after {
	var out []after
	customer, day, seen := int32(-1), civil.Date(0), false
	for _, o := range l.orders {
		if o.customer != customer {
			customer, day = o.customer, o.day
			if seen = o.day <= start; seen {
				out = append(out, after{})
			}
		}
		if seen && o.day > start && o.day <= end {
			a := &out[len(out)-1]
			if o.day != day {
				a.orders++
			}
			a.value += o.value
		}
		day = o.day
	}
	return out
}

// repeats counts the order days after start up to end that were not the
// customer's first.
func (l *OrderLog) repeats(start, end civil.Date) (n int) {
	for i := 1; i < len(l.orders); i++ {
		o, before := l.orders[i], l.orders[i-1]
		if o.customer == before.customer && o.day != before.day && o.day > start && o.day <= end {
			n++
		}
	}
	return n
}
