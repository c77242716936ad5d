package store

import (
	"cmp"
	"context"
	"database/sql"
	"maps"
	"slices"
	"strings"
	"time"

	"adsteward/internal/civil"
	"adsteward/internal/money"
)

const orderColumns = "customer_id ordered_at order_date currency revenue discount shipping tax refunded country source click_id"

// UpsertOrders stores orders with their lines and returns how many are new or
// changed. The lines of a changed order are replaced as a whole. Campaign counts
// for new orders only; afterwards it is SetOrderCampaigns' to change.
func (q *Queries) UpsertOrders(ctx context.Context, orders []Order) (changed int, err error) {
	orders = lastOf(orders, orderKey)
	in := upsert("orders", "account order_id", orderColumns)
	in.columns = append(in.columns, "campaign")
	in.tail += " RETURNING account, order_id"
	err = q.atomically(ctx, func(q *Queries) error {
		for batch := range slices.Chunk(orders, q.batch(len(in.columns))) {
			n, err := q.upsertOrders(ctx, in, batch)
			if err != nil {
				return err
			}
			changed += n
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return changed, nil
}

func (q *Queries) upsertOrders(ctx context.Context, in insert, orders []Order) (changed int, err error) {
	args := make([]any, 0, len(orders)*len(in.columns))
	for i := range orders {
		o := &orders[i]
		args = append(args, o.Account, o.OrderID, o.CustomerID, utc(o.OrderedAt), o.OrderDate.String(), o.Currency, int64(o.Revenue),
			int64(o.Discount), int64(o.Shipping), int64(o.Tax), int64(o.Refunded), o.Country, o.Source, o.ClickID, o.Campaign)
	}
	written := make(map[[2]string]bool, len(orders))
	if err := each(ctx, q, func(o *Order) error {
		written[orderKey(o)] = true
		return nil
	}, in.statement(q.dialect, len(orders)), args...); err != nil {
		return 0, err
	}
	replaced, err := q.replaceLines(ctx, orders)
	for _, k := range replaced {
		written[k] = true
	}
	return len(written), err
}

// replaceLines writes the lines of the orders whose lines are not those stored
// and returns these orders.
func (q *Queries) replaceLines(ctx context.Context, orders []Order) (replaced [][2]string, err error) {
	ids := map[string][]string{}
	for i := range orders {
		ids[orders[i].Account] = append(ids[orders[i].Account], orders[i].OrderID)
	}
	stored := map[[2]string][]OrderLine{}
	for account, orderIDs := range ids {
		lines, err := all[OrderLine](ctx, q, `SELECT * FROM order_lines WHERE account = ? AND order_id IN `+among(len(orderIDs))+
			` ORDER BY line`, with(orderIDs, account)...)
		if err != nil {
			return nil, err
		}
		for _, l := range lines {
			k := [2]string{l.Account, l.OrderID}
			stored[k] = append(stored[k], l)
		}
	}
	old, lines := map[string][]string{}, []OrderLine(nil)
	for i := range orders {
		o, k := &orders[i], orderKey(&orders[i])
		wanted := numbered(o)
		if slices.EqualFunc(wanted, stored[k], sameLine) {
			continue
		}
		if len(stored[k]) > 0 {
			old[o.Account] = append(old[o.Account], o.OrderID)
		}
		lines, replaced = append(lines, wanted...), append(replaced, k)
	}
	for account, orderIDs := range old {
		if _, err := q.exec(ctx, `DELETE FROM order_lines WHERE account = ? AND order_id IN `+among(len(orderIDs)), with(orderIDs, account)...); err != nil {
			return nil, err
		}
	}
	in := insert{"order_lines", []string{"account", "order_id", "line", "sku", "quantity", "unit_price", "unit_cost"}, ""}
	_, err = insertAll(ctx, q, in, lines, func(args []any, l *OrderLine) []any {
		return append(args, l.Account, l.OrderID, l.Line, l.SKU, l.Quantity, int64(l.UnitPrice), micros(l.UnitCost))
	})
	return replaced, err
}

func orderKey(o *Order) [2]string { return [2]string{o.Account, o.OrderID} }

// numbered returns the order's lines with their keys: lines carry no identity
// of their own, so they are numbered from 1 as they come.
func numbered(o *Order) []OrderLine {
	lines := slices.Clone(o.Lines)
	for i := range lines {
		lines[i].Account, lines[i].OrderID, lines[i].Line = o.Account, o.OrderID, i+1
	}
	return lines
}

func sameLine(a, b OrderLine) bool {
	sameCost := a.UnitCost == nil && b.UnitCost == nil || a.UnitCost != nil && b.UnitCost != nil && *a.UnitCost == *b.UnitCost
	return a.Line == b.Line && a.SKU == b.SKU && a.Quantity == b.Quantity && a.UnitPrice == b.UnitPrice && sameCost
}

// EachOrder hands over the orders of the dates from..to with their lines,
// ordered by customer and time. Only one order is in memory at a time.
func (q *Queries) EachOrder(ctx context.Context, account string, from, to civil.Date, fn func(Order) error) error {
	type row struct {
		Order
		Line      sql.NullInt64   `db:"line"`
		SKU       sql.NullString  `db:"sku"`
		Quantity  sql.NullFloat64 `db:"quantity"`
		UnitPrice sql.NullInt64   `db:"unit_price"`
		UnitCost  *money.Micros   `db:"unit_cost"`
	}
	w := &where{}
	w.equal("o.account", account)
	w.add("o.order_date BETWEEN ? AND ?", from, to)
	var open *Order
	err := each(ctx, q, func(r *row) error {
		if open == nil || open.Account != r.Account || open.OrderID != r.OrderID {
			if open != nil {
				if err := fn(*open); err != nil {
					return err
				}
			}
			open = &r.Order
		}
		if r.Line.Valid {
			open.Lines = append(open.Lines, OrderLine{r.Account, r.OrderID, int(r.Line.Int64), r.SKU.String, r.Quantity.Float64,
				money.Micros(r.UnitPrice.Int64), r.UnitCost})
		}
		return nil
	}, `SELECT o.*, l.line, l.sku, l.quantity, l.unit_price, l.unit_cost
		FROM orders o LEFT JOIN order_lines l ON l.account = o.account AND l.order_id = o.order_id`+w.String()+`
		ORDER BY o.customer_id, o.ordered_at, o.account, o.order_id, l.line`, w.args...)
	if err != nil || open == nil {
		return err
	}
	return fn(*open)
}

// CustomerDay is what one customer bought on one day: the models' unit.
type CustomerDay struct {
	CustomerID string       `db:"customer_id"`
	Date       civil.Date   `db:"order_date"`
	Revenue    money.Micros `db:"revenue"` // less refunds
	// FirstCampaign is the campaign of the customer's first order: where they
	// were acquired. FirstSeveral is set where others had a part in that.
	FirstCampaign string `db:"first_campaign"`
	FirstSeveral  bool   `db:"first_several"`
	// FirstSKU is the product of that order's dearest line, FirstCountry the
	// order's country or else the customer's; only EachSourcedDay fills them.
	FirstSKU     string `db:"first_sku"`
	FirstCountry string `db:"first_country"`
}

// EachCustomerDay hands over one row per customer and day up to until, ordered
// by customer and date. Orders without a customer are left out: they are not one
// person.
func (q *Queries) EachCustomerDay(ctx context.Context, account string, until civil.Date, fn func(CustomerDay) error) error {
	return q.customerDays(ctx, account, until, "", "", `'', ''`, fn)
}

// EachSourcedDay is EachCustomerDay with what was bought first and where, at
// several times the cost, of the customers from <= id < below in the database's
// order; "" is no bound.
func (q *Queries) EachSourcedDay(ctx context.Context, account string, until civil.Date, from, below string, fn func(CustomerDay) error) error {
	// Asked for with every order, since to find the first ones costs as much.
	return q.customerDays(ctx, account, until, from, below, `COALESCE((SELECT l.sku FROM order_lines l WHERE l.account = o.account AND l.order_id = o.order_id
			ORDER BY l.quantity * l.unit_price DESC, l.line LIMIT 1), ''),
		CASE WHEN o.country <> '' THEN o.country ELSE COALESCE((SELECT c.country FROM customers c
			WHERE c.account = o.account AND c.customer_id = o.customer_id), '') END`, fn)
}

// MiddleCustomer is the one up to whom half of an account's orders of known
// customers are, in the database's order; ErrNotFound where there are none.
func (q *Queries) MiddleCustomer(ctx context.Context, account string) (string, error) {
	const known = ` FROM orders WHERE account = ? AND customer_id <> ''`
	return one[string](ctx, q, `SELECT customer_id`+known+` ORDER BY customer_id LIMIT 1 OFFSET (SELECT COUNT(*) / 2`+known+`)`, account, account)
}

func (q *Queries) customerDays(ctx context.Context, account string, until civil.Date, from, below, source string, fn func(CustomerDay) error) error {
	w := inAccount(account)
	w.add("order_date <= ?", until)
	w.add("customer_id <> ''")
	if from != "" {
		w.add(q.scanned("customer_id")+" >= ?", from)
	}
	if below != "" {
		w.add(q.scanned("customer_id")+" < ?", below)
	}
	// Summed up here: with every order of the shop in it, the database would sort
	// twice for what comes in order anyway.
	var open CustomerDay
	var of string
	err := q.eachValue(ctx, 8, func(v []any) error {
		date, err := civil.Parse(v[2].(string))
		if err != nil {
			return err
		}
		in := v[0].(string)
		d := CustomerDay{CustomerID: v[1].(string), Date: date, Revenue: money.Micros(v[3].(int64)), FirstCampaign: v[4].(string),
			FirstSeveral: v[5].(int64) > 0, FirstSKU: v[6].(string), FirstCountry: v[7].(string)}
		if in == of && d.CustomerID == open.CustomerID {
			d.FirstCampaign, d.FirstSeveral, d.FirstSKU, d.FirstCountry = open.FirstCampaign, open.FirstSeveral, open.FirstSKU, open.FirstCountry
			if d.Date == open.Date {
				open.Revenue += d.Revenue
				return nil
			}
		}
		done := open
		open, of = d, in
		if done.CustomerID == "" {
			return nil
		}
		return fn(done)
	}, `SELECT o.account, o.customer_id, o.order_date, o.revenue - o.refunded, o.campaign, o.several, `+source+` FROM orders o`+w.String()+`
		ORDER BY o.customer_id, o.account, o.order_date, o.ordered_at, o.order_id`, w.args...)
	if err != nil || open.CustomerID == "" {
		return err
	}
	return fn(open)
}

// EachOrderHead hands over the orders of the dates from..to without their lines,
// in no order, and of each only id, customer, time, click, revenue, refund,
// campaign and whether there are several.
func (q *Queries) EachOrderHead(ctx context.Context, account string, from, to civil.Date, fn func(Order) error) error {
	w := inAccount(account)
	w.add("order_date BETWEEN ? AND ?", from, to)
	return q.eachValue(ctx, 9, func(v []any) error {
		return fn(Order{Account: v[0].(string), OrderID: v[1].(string), CustomerID: v[2].(string), OrderedAt: v[3].(time.Time), ClickID: v[4].(string),
			Revenue: money.Micros(v[5].(int64)), Refunded: money.Micros(v[6].(int64)), Campaign: v[7].(string), Several: v[8].(int64) > 0})
	}, `SELECT account, order_id, customer_id, ordered_at, click_id, revenue, refunded, campaign, several FROM orders`+w.String(), w.args...)
}

// EachFirstOrder hands over, in no order, the ids of the orders of the dates
// from..to whose customers ordered on no day before, and of those that name no
// customer: guest says which.
func (q *Queries) EachFirstOrder(ctx context.Context, account string, from, to civil.Date, fn func(orderID string, guest bool) error) error {
	return q.eachValue(ctx, 2, func(v []any) error {
		return fn(v[0].(string), v[1].(int64) > 0)
	}, `SELECT o.order_id, CASE WHEN o.customer_id = '' THEN 1 ELSE 0 END`+soldOrders+` AND (o.customer_id = '' OR NOT EXISTS (SELECT 1 FROM orders p
		WHERE p.account = o.account AND p.customer_id = o.customer_id AND p.order_date < o.order_date))`, account, from, to)
}

// Clicked is the campaign that the last click before an order came from, and whether
// ads of others were clicked before it too.
type Clicked struct {
	Campaign string
	Several  bool
}

// SetOrderCampaigns sets what was clicked before each named order; orders that do not
// exist are passed over.
func (q *Queries) SetOrderCampaigns(ctx context.Context, account string, campaigns map[string]Clicked) error {
	orders := map[Clicked][]string{} // there are few campaigns and many orders
	for id, c := range campaigns {
		orders[c] = append(orders[c], id)
	}
	return q.atomically(ctx, func(q *Queries) error {
		for _, c := range slices.SortedFunc(maps.Keys(orders), func(a, b Clicked) int {
			return cmp.Or(strings.Compare(a.Campaign, b.Campaign), compareBool(a.Several, b.Several))
		}) {
			several := 0
			if c.Several {
				several = 1
			}
			slices.Sort(orders[c])
			for ids := range slices.Chunk(orders[c], maxBatch) {
				if _, err := q.exec(ctx, `UPDATE orders SET campaign = ?, several = ? WHERE (campaign <> ? OR several <> ?) AND account = ? AND order_id IN `+among(len(ids)),
					with(ids, c.Campaign, several, c.Campaign, several, account)...); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
