package storefront

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/store"
)

// orderReader makes orders, with the lines that repeated rows of an order id
// bring, and their customers.
type orderReader struct {
	parser
	unpaid    []string
	orders    batch[store.Order]
	customers customerBatch

	// The order whose rows are being read.
	id      string // "" outside any order that may go on
	order   store.Order
	pending bool // order is to be stored
	// whyNot says why further rows of id are left out: it is unpaid, or bad.
	whyNot error

	seen map[uint64]int // hash of an order id -> the line it began on
	made map[uint64]int // hash of a made id -> how often it was made
}

func newOrderReader(p parser, unpaid []string, sink Sink) *orderReader {
	return &orderReader{parser: p, unpaid: unpaid,
		orders:    batch[store.Order]{upsert: sink.UpsertOrders},
		customers: customerBatch{batch: batch[store.Customer]{upsert: sink.UpsertCustomers}, at: map[string]int{}},
		seen:      map[uint64]int{}, made: map[uint64]int{}}
}

func (r *orderReader) changed() int { return r.orders.total }

func (r *orderReader) flush(ctx context.Context) error {
	if err := r.finish(ctx); err != nil {
		return err
	}
	if err := r.customers.flush(ctx); err != nil {
		return err
	}
	return r.orders.flush(ctx)
}

// finish hands over the order being read.
func (r *orderReader) finish(ctx context.Context) error {
	if !r.pending {
		return nil
	}
	r.pending = false
	return r.orders.add(ctx, r.order)
}

func (r *orderReader) row(ctx context.Context, rec record) error {
	id := rec.get("order_id")
	if id != "" && id == r.id {
		return r.goOn(rec)
	}
	if err := r.finish(ctx); err != nil {
		return err
	}
	r.id, r.whyNot = id, nil
	state := strings.TrimPrefix(strings.ToLower(rec.get("status")), "wc-")
	if slices.Contains(r.unpaid, state) {
		r.whyNot = errUnpaid
		return nil
	}
	order, customer, err := r.begin(rec, id)
	if err != nil {
		r.whyNot = err
		return err
	}
	r.order, r.pending = order, true
	return r.customers.add(ctx, customer)
}

var errUnpaid = fmt.Errorf("nobody paid this order")

// goOn reads a further row of the order being read: another line, or the same
// again.
func (r *orderReader) goOn(rec record) error {
	if r.whyNot == errUnpaid {
		return nil
	}
	if r.whyNot != nil {
		return rec.bad("order_id", "belongs to order %s, another row of which is bad", r.id)
	}
	err := r.sameOrder(rec)
	if err == nil {
		err = r.addLine(&r.order, rec)
	}
	if err != nil { // half an order would be wrong
		r.pending, r.whyNot = false, err
	}
	return err
}

// sameOrder checks that a repeated row says the same of the order, or nothing.
func (r *orderReader) sameOrder(rec record) error {
	if c := rec.get("customer_id"); c != "" && c != r.order.CustomerID {
		return rec.bad("customer_id", "order %s has the customer %s here and %s above", r.id, c, r.order.CustomerID)
	}
	if rec.get("revenue") == "" {
		return nil
	}
	revenue, err := r.amount(rec, "revenue")
	if err == nil && revenue != r.order.Revenue {
		err = rec.bad("revenue", "order %s has the revenue %s here and %s above; every row of an order holds the whole order's", r.id, revenue.Decimal(), r.order.Revenue.Decimal())
	}
	return err
}

func (r *orderReader) begin(rec record, id string) (store.Order, store.Customer, error) {
	o := store.Order{Account: r.o.Account, Source: rec.get("source"), ClickID: rec.get("click_id")}
	c := store.Customer{Account: r.o.Account, Phone: strings.TrimPrefix(rec.get("phone"), "'")}
	var err error
	if c.Email, err = r.email(rec); err != nil {
		return o, c, err
	}
	if o.CustomerID, err = r.customerID(rec, c.Email, c.Phone); err != nil {
		return o, c, err
	}
	if o.OrderedAt, err = r.instant(rec, "ordered_at"); err != nil {
		return o, c, err
	}
	o.OrderDate = civil.Of(o.OrderedAt.In(r.o.Location))
	if o.Revenue, err = r.needAmount(rec, "revenue"); err != nil {
		return o, c, err
	}
	for _, part := range []struct {
		name string
		to   *money.Micros
	}{{"discount", &o.Discount}, {"shipping", &o.Shipping}, {"tax", &o.Tax}, {"refunded", &o.Refunded}} {
		if *part.to, err = r.amount(rec, part.name); err != nil {
			return o, c, err
		}
	}
	if o.Refunded > o.Revenue {
		return o, c, rec.bad("refunded", "%s is more than the revenue %s", o.Refunded.Decimal(), o.Revenue.Decimal())
	}
	if o.Currency, err = r.currencyOf(rec); err != nil {
		return o, c, err
	}
	if o.Country, err = r.country(rec); err != nil {
		return o, c, err
	}
	if err = r.addLine(&o, rec); err != nil {
		return o, c, err
	}
	c.CustomerID, c.Country = o.CustomerID, o.Country
	o.OrderID, err = r.orderID(rec, id, o)
	for i := range o.Lines {
		o.Lines[i].OrderID = o.OrderID
	}
	return o, c, err
}

// orderID returns the row's own id, or makes one of customer, day and value. A
// second such order of the same day gets "#2" and so on, in the order of the
// file, so that the same file always makes the same ids.
func (r *orderReader) orderID(rec record, id string, o store.Order) (string, error) {
	if id != "" {
		key := hash64(id)
		if line, twice := r.seen[key]; twice {
			return "", rec.bad("order_id", "order %s began on line %d and other orders lie between; sort the file by order, or remove the repetition", id, line)
		}
		r.seen[key] = rec.line
		return id, nil
	}
	id = o.CustomerID + "/" + o.OrderDate.String() + "/" + o.Revenue.Decimal()
	key := hash64(id)
	r.made[key]++
	if n := r.made[key]; n > 1 {
		id += fmt.Sprintf("#%d", n)
	}
	return id, nil
}

func (r *orderReader) addLine(o *store.Order, rec record) error {
	sku := rec.get("sku")
	if sku == "" {
		return nil
	}
	l := store.OrderLine{Account: o.Account, OrderID: o.OrderID, Line: len(o.Lines) + 1, SKU: sku}
	var err error
	if l.Quantity, err = r.number(rec, "quantity", 1); err != nil {
		return err
	}
	if l.UnitPrice, err = r.amount(rec, "unit_price"); err != nil {
		return err
	}
	if rec.get("unit_cost") != "" {
		cost, err := r.amount(rec, "unit_cost")
		if err != nil {
			return err
		}
		l.UnitCost = &cost
	}
	o.Lines = append(o.Lines, l)
	return nil
}

// customerID returns the row's own customer id, or a pseudonym of the e-mail
// address or phone number.
func (p *parser) customerID(rec record, email, phone string) (string, error) {
	if id := rec.get("customer_id"); id != "" {
		return id, nil
	}
	digits := strings.Map(func(c rune) rune {
		if c < '0' || c > '9' {
			return -1
		}
		return c
	}, phone)
	switch {
	case p.o.Lookup == nil:
	case email != "":
		return "email-" + p.o.Lookup(email), nil
	case digits != "":
		return "phone-" + p.o.Lookup(digits), nil
	}
	return "", rec.bad("customer_id", "is empty, and nothing else tells the customer")
}

// customerBatch holds each customer of a batch once.
type customerBatch struct {
	batch[store.Customer]
	at map[string]int // customer id -> index in rows
}

func (b *customerBatch) add(ctx context.Context, c store.Customer) error {
	if i, ok := b.at[c.CustomerID]; ok {
		row := &b.rows[i]
		keep(&row.Email, c.Email)
		keep(&row.Phone, c.Phone)
		keep(&row.Country, c.Country)
		return nil
	}
	b.at[c.CustomerID] = len(b.rows)
	b.rows = append(b.rows, c)
	if len(b.rows) < batchSize {
		return nil
	}
	return b.flush(ctx)
}

func (b *customerBatch) flush(ctx context.Context) error {
	clear(b.at)
	return b.batch.flush(ctx)
}

// keep takes the newer value unless it says nothing.
func keep(old *string, newer string) {
	if newer != "" {
		*old = newer
	}
}

// hash64 is the same in every process, since made ids depend on it.
func hash64(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return h.Sum64()
}
