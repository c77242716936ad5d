package ltv

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"adsteward/internal/civil"
)

// Histories turns customer days, sorted by customer and date, into histories.
// It holds one customer at a time.
type Histories struct {
	end   civil.Date
	yield func(History) error

	open        bool
	h           History
	first, last civil.Date
	total       float64
}

// NewHistories calls yield for each customer whose first order lies on or
// before end; days after end are left out.
func NewHistories(end civil.Date, yield func(History) error) *Histories {
	return &Histories{end: end, yield: yield}
}

// Add takes one order or one day's total. Rows of one day are summed. It
// refuses a value that is no number and dates that go back.
func (h *Histories) Add(customerID string, date civil.Date, value float64) error {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return fmt.Errorf("the value of customer %q on %s is not a number", customerID, date)
	}
	if !h.open || customerID != h.h.CustomerID {
		if err := h.Flush(); err != nil {
			return err
		}
		if date > h.end {
			return nil
		}
		h.open, h.first, h.last, h.total = true, date, date, value
		h.h = History{CustomerID: customerID, Orders: 1, FirstValue: value}
		return nil
	}
	if date < h.last {
		return fmt.Errorf("customer %q has %s after %s; days have to come oldest first", customerID, date, h.last)
	}
	if date > h.end {
		return nil
	}
	if date > h.last {
		h.h.Orders++
		h.last = date
	}
	h.total += value
	if date == h.first {
		h.h.FirstValue += value
	} else {
		h.h.RepeatValue += value
	}
	return nil
}

// Flush hands over the last customer; Add does so for those before.
func (h *Histories) Flush() error {
	if !h.open {
		return nil
	}
	h.open = false
	h.h.Frequency = h.h.Orders - 1
	h.h.Recency = float64(h.last.Sub(h.first))
	h.h.Age = float64(h.end.Sub(h.first))
	h.h.MeanValue = h.total / float64(h.h.Orders)
	return h.yield(h.h)
}

// Row is N customers with the same X repeat orders, the last at age TX, seen to
// age T. Merging equal customers is exact: the likelihood knows no more of them.
type Row struct {
	X     int
	TX, T float64
	N     float64
}

// SpendRow is N customers with X orders at a mean value of M.
type SpendRow struct {
	X int
	M float64
	N float64
}

type spendKey struct{ x, bin int }

type spendSum struct{ n, logM float64 }

// spendBins is how many steps of the mean order value there are to a factor e.
// Merging customers within half a percent moves Gamma-Gamma's parameters in the
// fifth digit, far within their standard errors.
const spendBins = 200

// Builder merges customers into the counts a nightly fit needs, in memory that
// does not grow with their number: histories up to maxRows, values up to spendBins.
type Builder struct {
	histories *Histories
	rows      *rowCounts
	spend     map[spendKey]spendSum
	first     float64 // value of first orders
	moments   corrSums
}

// NewBuilder takes orders up to and including end.
func NewBuilder(end civil.Date) *Builder {
	b := &Builder{rows: newRowCounts(maxRows), spend: map[spendKey]spendSum{}}
	b.histories = NewHistories(end, func(h History) error { b.merge(h); return nil })
	return b
}

// Add takes one customer day; see Histories.Add. A day refunded in full or
// beyond counts as an order of value 0.
func (b *Builder) Add(customerID string, date civil.Date, value float64) error {
	return b.histories.Add(customerID, date, max(value, 0))
}

func (b *Builder) merge(h History) {
	b.rows.add(rowKey{h.Frequency, h.Recency, h.Age})
	if h.MeanValue > 0 {
		l := math.Log(h.MeanValue)
		k := spendKey{h.Orders, int(math.Floor(l * spendBins))}
		s := b.spend[k]
		b.spend[k] = spendSum{s.n + 1, s.logM + l}
		if h.Frequency > 0 {
			b.moments.add(float64(h.Frequency), h.MeanValue, 1)
		}
	}
	b.first += h.FirstValue
}

// Data is the merged counts, in an order that does not depend on how the maps
// iterate, so that a night can be repeated to the last bit.
type Data struct {
	rows    []Row
	spend   []SpendRow
	first   float64 // value of first orders
	moments corrSums
}

// Data closes the builder; Add must not be called after it.
func (b *Builder) Data() *Data {
	_ = b.histories.Flush() // merge never fails
	d := &Data{moments: b.moments, first: b.first}
	for k, n := range b.rows.n {
		d.rows = append(d.rows, Row{k.x, k.tx, k.t, n})
	}
	sortRows(d.rows)
	for k, s := range b.spend {
		d.spend = append(d.spend, SpendRow{X: k.x, M: math.Exp(s.logM / s.n), N: s.n})
	}
	slices.SortFunc(d.spend, func(a, b SpendRow) int { return cmp.Or(a.X-b.X, cmp.Compare(a.M, b.M)) })
	return d
}

func sortRows(rows []Row) {
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(a.X-b.X, cmp.Compare(a.TX, b.TX), cmp.Compare(a.T, b.T))
	})
}

// corrSums are the weighted sums a correlation needs, kept around a running
// mean so that large values do not cancel.
type corrSums struct{ n, mx, my, xx, yy, xy float64 }

func (c *corrSums) add(x, y, w float64) {
	c.n += w
	dx, dy := x-c.mx, y-c.my
	c.mx += dx * w / c.n
	c.my += dy * w / c.n
	c.xx += w * dx * (x - c.mx)
	c.yy += w * dy * (y - c.my)
	c.xy += w * dx * (y - c.my)
}

// value is 0 where either side does not vary.
func (c *corrSums) value() float64 {
	if !(c.xx > 0 && c.yy > 0) {
		return 0
	}
	return min(1, max(-1, c.xy/math.Sqrt(c.xx)/math.Sqrt(c.yy)))
}
