package ltv

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"adsteward/internal/civil"
)

// BadRow says which cell of an order file cannot be read, and why. Line counts
// physical lines from 1.
type BadRow struct {
	Line   int
	Column string
	Reason string
}

func (e *BadRow) Error() string {
	return fmt.Sprintf("line %d, column %s: %s", e.Line, e.Column, e.Reason)
}

// OrderLog is a file of orders in memory, by customer and day.
type OrderLog struct {
	First, Last civil.Date

	ids    []string // customers in the order they first appear
	orders []logged
}

type logged struct {
	customer int32
	day      civil.Date
	value    float64
}

// maxValue keeps sums of values far from overflow; nothing sold costs more.
const maxValue = 1e15

// maxDates bounds the cache of dates read.
const maxDates = 100_000

var orderColumns = [3]string{"customer_id", "date", "value"}

// ReadOrders reads a CSV file with the columns customer_id, date (YYYY-MM-DD, or
// RFC 3339, whose own day counts) and value, in any order; others are ignored. A
// row is an order. The error is a *BadRow where a cell cannot be read.
func ReadOrders(in io.Reader) (*OrderLog, error) {
	r := csv.NewReader(skipBOM(in))
	r.ReuseRecord, r.FieldsPerRecord = true, -1
	at, width, err := readHeader(r)
	if err != nil {
		return nil, err
	}
	l := &OrderLog{}
	index := map[string]int32{}
	dates := map[string]civil.Date{}
	for {
		rec, err := r.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, badCSV(err)
		}
		bad := func(cell int, format string, args ...any) error {
			line, _ := r.FieldPos(min(at[cell], len(rec)-1))
			return &BadRow{line, orderColumns[cell], fmt.Sprintf(format, args...)}
		}
		if len(rec) != width {
			return nil, wrongWidth(r, rec, at, width)
		}
		id := rec[at[0]]
		if strings.TrimSpace(id) == "" {
			return nil, bad(0, "it is empty; each order needs its customer")
		}
		day, ok := dates[rec[at[1]]]
		if !ok {
			if day, err = readDay(rec[at[1]]); err != nil {
				return nil, bad(1, "%v", err)
			}
			if len(dates) < maxDates {
				dates[strings.Clone(rec[at[1]])] = day
			}
		}
		value, reason := readValue(rec[at[2]])
		if reason != "" {
			return nil, bad(2, "%q %s", rec[at[2]], reason)
		}
		n, ok := index[id]
		if !ok {
			n = int32(len(l.ids))
			id = strings.Clone(id)
			index[id] = n
			l.ids = append(l.ids, id)
		}
		l.orders = append(l.orders, logged{n, day, value})
	}
	if len(l.orders) == 0 {
		return nil, &BadRow{1, orderColumns[0], "the file has a header but no order"}
	}
	l.sort()
	return l, nil
}

func (l *OrderLog) sort() {
	byCustomer := func(a, b logged) int { return cmp.Or(cmp.Compare(a.customer, b.customer), cmp.Compare(a.day, b.day)) }
	if !slices.IsSortedFunc(l.orders, byCustomer) {
		slices.SortStableFunc(l.orders, byCustomer)
	}
	l.First, l.Last = l.orders[0].day, l.orders[0].day
	for _, o := range l.orders {
		l.First, l.Last = min(l.First, o.day), max(l.Last, o.day)
	}
}

func skipBOM(in io.Reader) io.Reader {
	b := bufio.NewReaderSize(in, 1<<20)
	if head, _ := b.Peek(3); string(head) == "\ufeff" {
		_, _ = b.Discard(3) // peeked at already
	}
	return b
}

func readHeader(r *csv.Reader) (at [3]int, width int, err error) {
	rec, err := r.Read()
	if err == io.EOF {
		return at, 0, &BadRow{1, orderColumns[0], "the file is empty; it needs a header customer_id,date,value"}
	}
	if err != nil {
		return at, 0, badCSV(err)
	}
	for c, name := range orderColumns {
		at[c] = -1
		for i, cell := range rec {
			if !strings.EqualFold(strings.TrimSpace(cell), name) {
				continue
			}
			if at[c] >= 0 {
				return at, 0, &BadRow{1, name, "the header has it twice; keep one"}
			}
			at[c] = i
		}
		if at[c] < 0 {
			return at, 0, &BadRow{1, name, "the header lacks it; a comma-separated header customer_id,date,value is needed"}
		}
	}
	return at, len(rec), nil
}

func badCSV(err error) error {
	var p *csv.ParseError
	if errors.As(err, &p) {
		return &BadRow{p.Line, strconv.Itoa(p.Column), p.Err.Error() + "; quote the cell and double the quotes inside it"}
	}
	return err
}

// wrongWidth names the first needed column that is missing, or the first cell
// too many.
func wrongWidth(r *csv.Reader, rec []string, at [3]int, width int) error {
	line, _ := r.FieldPos(0)
	column := strconv.Itoa(min(len(rec), width) + 1)
	for c, i := range at {
		if i >= len(rec) {
			column = orderColumns[c]
			break
		}
	}
	return &BadRow{line, column, fmt.Sprintf("the row has %d cells and the header %d; quote values that hold a comma", len(rec), width)}
}

func readDay(s string) (civil.Date, error) {
	if d, err := civil.Parse(s); err == nil {
		return d, nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return civil.Of(t), nil
	}
	return 0, fmt.Errorf("%q is not a date of the form YYYY-MM-DD or RFC 3339", s)
}

func readValue(s string) (v float64, reason string) {
	v, err := strconv.ParseFloat(s, 64)
	switch {
	case err != nil || math.IsNaN(v) || math.IsInf(v, 0):
		return 0, "is not a number; write it as 1234.50"
	case v < 0:
		return 0, "is negative; take a refund off the order it belongs to"
	case v > maxValue:
		return 0, "is more than an order can be worth"
	}
	return v + 0, "" // -0 is 0
}

// Histories are those of the customers seen by end, in the order the file first
// names them.
func (l *OrderLog) Histories(end civil.Date) []History {
	var out []History
	h := NewHistories(end, func(h History) error { out = append(out, h); return nil })
	for _, o := range l.orders {
		_ = h.Add(l.ids[o.customer], "", o.day, o.value) // sorted, and finite
	}
	_ = h.Flush()
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
