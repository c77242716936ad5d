package store

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/jmoiron/sqlx"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/parallel"
)

// Sales sums up orders of one campaign that are alike: of its clicks alone or after
// several campaigns', of their customers' first days or not, with lines or without, and
// of the same range of dates.
type Sales struct {
	Campaign string
	Several  bool
	New      bool
	// Since is how many of the cuts asked for lie after the orders' dates: 0 for
	// the newest.
	Since    int
	Orders   int
	Revenue  money.Micros
	Discount money.Micros
	Tax      money.Micros
	Shipping money.Micros
	Refunded money.Micros
	// Sums over the orders of products of their revenue r, what is left of it
	// after tax, refunds without their tax, and goods of known cost (n), and the
	// price of their goods of unknown cost (u), in units of the currency. A cost
	// is the line's, else the imported one in the order's currency, else the
	// feed's; orders without lines are goods of unknown cost.
	RR, RN, RU, NN, NU, UU float64
	// Lines are one a product, at mean price and cost, those of known cost apart
	// from the others.
	Lines []OrderLine
}

// soldOrders are the orders o of an account and range of dates.
const soldOrders = ` FROM orders o WHERE o.account = ? AND o.order_date BETWEEN ? AND ?`

// isNew is whether an order o is of its customer's first day.
const isNew = `CASE WHEN EXISTS (SELECT 1 FROM orders p WHERE p.account = o.account AND p.customer_id = o.customer_id
	AND p.order_date < o.order_date) THEN 0 ELSE 1 END AS is_new`

// sinceOf tells the range of dates an order o is of: how many of n cuts lie
// after it, the cuts falling.
func sinceOf(cuts []civil.Date) (expr string, args []any) {
	if len(cuts) == 0 {
		return "0 AS since", nil
	}
	var b strings.Builder
	b.WriteString("CASE")
	for i, c := range cuts {
		b.WriteString(" WHEN o.order_date >= ? THEN " + strconv.Itoa(i))
		args = append(args, c)
	}
	b.WriteString(" ELSE " + strconv.Itoa(len(cuts)) + " END AS since")
	return b.String(), args
}

// salesDays of orders are held in memory at a time while they are summed up.
const salesDays = 10

// Sales sums up an account's orders of the dates from..to by campaign and by the
// ranges of dates that the cuts make, at most nine falling dates. Groups come in
// order, and the lines of each.
func (q *Queries) Sales(ctx context.Context, account string, from, to civil.Date, cuts ...civil.Date) ([]Sales, error) {
	sum := salesSum{cuts: cuts, groups: map[saleGroup]*Sales{}, goods: map[saleGoods]*soldGoods{}}
	var orders []soldOrder
	var lines []soldLine
	for ; from <= to; from = from.AddDays(salesDays) {
		last := min(to, from.AddDays(salesDays-1))
		err := q.together(func() (err error) {
			orders, err = q.soldOrders(ctx, orders[:0], account, from, last)
			return err
		}, func() (err error) {
			lines, err = q.soldLines(ctx, lines[:0], account, from, last)
			return err
		})
		if err != nil {
			return nil, err
		}
		sum.add(orders, lines)
	}
	return sum.sorted(), nil
}

// together does readings side by side; a transaction has one connection.
func (q *Queries) together(read ...func() error) error {
	if q.db != nil {
		return parallel.Do(read...)
	}
	for _, r := range read {
		if err := r(); err != nil {
			return err
		}
	}
	return nil
}

// soldOrder is an order on its way into the sums. known is what its goods of
// known cost cost, unknown the price of the others, in micros.
type soldOrder struct {
	id                                         string
	date                                       civil.Date
	group                                      saleGroup
	revenue, discount, tax, shipping, refunded int64
	known, unknown                             float64
}

// soldLine is a line of an order. cost is of a piece, as the line itself or else a
// list says.
type soldLine struct {
	order, sku      string
	quantity, price float64
	cost            float64
	from            costSource
}

type costSource byte

const (
	noCost costSource = iota
	listedCost
	ownCost
)

// soldOrders adds the orders of some days to a list.
func (q *Queries) soldOrders(ctx context.Context, list []soldOrder, account string, from, to civil.Date) ([]soldOrder, error) {
	err := q.eachValue(ctx, 10, func(v []any) error {
		date, err := civil.Parse(v[1].(string))
		list = append(list, soldOrder{id: v[0].(string), date: date, revenue: v[2].(int64), discount: v[3].(int64), tax: v[4].(int64),
			shipping: v[5].(int64), refunded: v[6].(int64), group: saleGroup{campaign: v[7].(string), several: v[8].(int64) > 0, isNew: v[9].(int64) > 0}})
		return err
	}, `SELECT o.order_id, o.order_date, o.revenue, o.discount, o.tax, o.shipping, o.refunded, o.campaign, o.several, `+isNew+soldOrders, account, from, to)
	return list, err
}

// soldLines adds the lines of the orders of some days to a list.
func (q *Queries) soldLines(ctx context.Context, list []soldLine, account string, from, to civil.Date) ([]soldLine, error) {
	err := q.eachValue(ctx, 6, func(v []any) error {
		l := soldLine{order: v[0].(string), sku: v[1].(string), quantity: v[2].(float64), price: float64(v[3].(int64))}
		if cost, ok := v[4].(int64); ok {
			l.cost, l.from = float64(cost), ownCost
		} else if cost, ok := v[5].(int64); ok {
			l.cost, l.from = float64(cost), listedCost
		}
		list = append(list, l)
		return nil
	}, `SELECT o.order_id, l.sku, l.quantity, l.unit_price, l.unit_cost, CASE WHEN l.unit_cost IS NULL THEN COALESCE(
			(SELECT k.unit_cost FROM costs k WHERE k.account = l.account AND k.sku = l.sku AND k.currency = o.currency),
			(SELECT p.unit_cost FROM products p WHERE p.account = l.account AND p.item_id = l.sku)) END AS listed
		FROM orders o JOIN order_lines l ON l.account = o.account AND l.order_id = o.order_id WHERE o.account = ? AND o.order_date BETWEEN ? AND ?`,
		account, from, to)
	return list, err
}

// saleGroup is what the orders of a Sales have in common.
type saleGroup struct {
	campaign string
	several  bool
	isNew    bool
	since    int
	hasLines bool
}

// saleGoods are the lines that are summed up as one.
type saleGoods struct {
	of     saleGroup
	sku    string
	costed bool
}

type soldGoods struct{ quantity, price, cost float64 }

// salesSum gathers sums; its memory grows with groups and their products.
type salesSum struct {
	cuts   []civil.Date
	groups map[saleGroup]*Sales
	goods  map[saleGoods]*soldGoods
}

// add takes all orders of some days. A line whose order is not among them came in
// between the two readings.
func (s *salesSum) add(orders []soldOrder, lines []soldLine) {
	at := make(map[string]*soldOrder, len(orders))
	for i := range orders {
		o := &orders[i]
		at[o.id] = o
		for o.group.since < len(s.cuts) && o.date < s.cuts[o.group.since] {
			o.group.since++
		}
	}
	for i := range lines {
		l := &lines[i]
		o := at[l.order]
		if o == nil {
			continue
		}
		o.group.hasLines = true
		if l.from == noCost {
			o.unknown += l.quantity * l.price
		}
		o.known += l.quantity * l.cost
		g := saleGoods{o.group, l.sku, l.from == ownCost}
		sum := s.goods[g]
		if sum == nil {
			sum = &soldGoods{}
			s.goods[g] = sum
		}
		sum.quantity, sum.price, sum.cost = sum.quantity+l.quantity, sum.price+l.quantity*l.price, sum.cost+l.quantity*l.cost
	}
	for i := range orders {
		o := &orders[i]
		g := s.groups[o.group]
		if g == nil {
			g = &Sales{Campaign: o.group.campaign, Several: o.group.several, New: o.group.isNew, Since: o.group.since}
			s.groups[o.group] = g
		}
		g.add(o)
	}
}

func (s *Sales) add(o *soldOrder) {
	s.Orders++
	s.Revenue += money.Micros(o.revenue)
	s.Discount += money.Micros(o.discount)
	s.Tax += money.Micros(o.tax)
	s.Shipping += money.Micros(o.shipping)
	s.Refunded += money.Micros(o.refunded)
	refund, unknown := float64(o.refunded), o.unknown
	if o.revenue > 0 {
		refund *= 1 - float64(o.tax)/float64(o.revenue)
	}
	if !o.group.hasLines {
		unknown = float64(max(0, o.revenue-o.tax-o.shipping))
	}
	r, n, u := float64(o.revenue)/1e6, (float64(o.revenue-o.tax)-refund-o.known)/1e6, unknown/1e6
	s.RR, s.RN, s.RU = s.RR+r*r, s.RN+r*n, s.RU+r*u
	s.NN, s.NU, s.UU = s.NN+n*n, s.NU+n*u, s.UU+u*u
}

// sorted are the sums in order.
func (s *salesSum) sorted() []Sales {
	for _, g := range slices.SortedFunc(maps.Keys(s.goods), func(a, b saleGoods) int {
		return cmp.Or(strings.Compare(a.sku, b.sku), compareBool(a.costed, b.costed))
	}) {
		sum, of := s.goods[g], s.groups[g.of]
		if sum.quantity == 0 {
			continue
		}
		l := OrderLine{SKU: g.sku, Quantity: sum.quantity, UnitPrice: money.Micros(math.Round(sum.price / sum.quantity))}
		if g.costed {
			mean := money.Micros(math.Round(sum.cost / sum.quantity))
			l.UnitCost = &mean
		}
		of.Lines = append(of.Lines, l)
	}
	out := make([]Sales, 0, len(s.groups))
	for _, g := range slices.SortedFunc(maps.Keys(s.groups), func(a, b saleGroup) int {
		return cmp.Or(strings.Compare(a.campaign, b.campaign), compareBool(a.several, b.several), compareBool(a.isNew, b.isNew), cmp.Compare(a.since, b.since), compareBool(a.hasLines, b.hasLines))
	}) {
		out = append(out, *s.groups[g])
	}
	return out
}

// compareBool puts false before true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// Refunds are what was sold and refunded so far of one kind of product, in
// orders of one range of dates, without tax. An order's refund is laid on its
// lines by their prices.
type Refunds struct {
	ProductType string  // of the feed; "" where it has none
	Since       int     // as in Sales
	Orders      float64 // their shares of orders
	Goods       float64 // in units of the currency
	Refunded    float64
}

// Refunds compares the orders of the dates from..to by product type and range of
// dates. It returns none where nothing was ever refunded.
func (q *Queries) Refunds(ctx context.Context, account string, from, to civil.Date, cuts ...civil.Date) (out []Refunds, err error) {
	refunded, err := one[int](ctx, q, `SELECT COUNT(*) FROM (SELECT 1`+soldOrders+` AND o.refunded > 0 LIMIT 1) AS refunded`, account, from, to)
	if err != nil || refunded == 0 {
		return nil, err
	}
	since, args := sinceOf(cuts)
	err = q.eachRow(ctx, func(rows *sqlx.Rows) error {
		var r Refunds
		if err := rows.Scan(&r.ProductType, &r.Since, &r.Orders, &r.Goods, &r.Refunded); err != nil {
			return err
		}
		out = append(out, r)
		return nil
	}, `WITH sold AS MATERIALIZED (
			SELECT o.account, o.order_id, `+since+`, o.revenue - o.tax - o.shipping AS goods,
				o.refunded * (1 - CAST(o.tax AS DOUBLE PRECISION) / o.revenue) AS refund,
				COALESCE((SELECT SUM(l.quantity * l.unit_price) FROM order_lines l WHERE l.account = o.account AND l.order_id = o.order_id), 0) AS priced
			`+soldOrders+` AND o.revenue > 0 AND o.revenue > o.tax + o.shipping),
		parts AS MATERIALIZED (
			SELECT COALESCE(p.product_type, '') AS product_type, sold.since, sold.goods, sold.refund,
				CASE WHEN sold.priced > 0 THEN l.quantity * l.unit_price / sold.priced ELSE 1 END AS part
			FROM sold LEFT JOIN order_lines l ON sold.priced > 0 AND l.account = sold.account AND l.order_id = sold.order_id
			LEFT JOIN products p ON p.account = l.account AND p.item_id = l.sku)
		SELECT product_type, since, SUM(part), SUM(part * goods) / 1000000, SUM(part * refund) / 1000000
		FROM parts GROUP BY product_type, since ORDER BY product_type, since`, append(args, account, from, to)...)
	return out, err
}
