package store

import (
	"context"
	"math"
	"strconv"
	"strings"

	"github.com/jmoiron/sqlx"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/parallel"
)

// Sales sums up orders of one campaign that are alike: of their customers' first
// days or not, with lines or without, and of the same range of dates.
type Sales struct {
	Campaign string
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

// Sales sums up an account's orders of the dates from..to by campaign and by the
// ranges of dates that the cuts make, at most nine falling dates.
func (q *Queries) Sales(ctx context.Context, account string, from, to civil.Date, cuts ...civil.Date) ([]Sales, error) {
	since, args := sinceOf(cuts)
	args = append(args, account, from, to)
	var out []Sales
	var goods []soldGoods
	at := map[saleGroup]int{} // those with lines
	sum := func() error {
		return q.salesSums(ctx, since, args, func(g saleGroup, hasLines bool, s Sales) {
			if hasLines {
				at[g] = len(out)
			}
			out = append(out, s)
		})
	}
	list := func() (err error) {
		goods, err = q.salesGoods(ctx, since, args)
		return err
	}
	var err error
	if q.db != nil {
		err = parallel.Do(sum, list)
	} else if err = sum(); err == nil { // a transaction has one connection
		err = list()
	}
	if err != nil {
		return nil, err
	}
	for _, l := range goods {
		if i, ok := at[l.of]; ok { // else their orders came in between the two readings
			out[i].Lines = append(out[i].Lines, l.OrderLine)
		}
	}
	return out, nil
}

// saleGroup is what the orders of a Sales have in common besides having lines.
type saleGroup struct {
	campaign     string
	isNew, since int
}

type soldGoods struct {
	of saleGroup
	OrderLine
}

// salesSums hands over the sums without their lines.
func (q *Queries) salesSums(ctx context.Context, since string, args []any, fn func(g saleGroup, hasLines bool, s Sales)) error {
	return q.eachRow(ctx, func(rows *sqlx.Rows) error {
		var s Sales
		var g saleGroup
		var hasLines int
		if err := rows.Scan(&g.campaign, &g.isNew, &g.since, &hasLines, &s.Orders, &s.Revenue, &s.Discount, &s.Tax, &s.Shipping, &s.Refunded,
			&s.RR, &s.RN, &s.RU, &s.NN, &s.NU, &s.UU); err != nil {
			return err
		}
		s.Campaign, s.New, s.Since = g.campaign, g.isNew > 0, g.since
		fn(g, hasLines > 0, s)
		return nil
	}, salesQuery(since), args...)
}

// salesGoods are the lines of all sales, summed up by product.
func (q *Queries) salesGoods(ctx context.Context, since string, args []any) (out []soldGoods, err error) {
	err = q.eachRow(ctx, func(rows *sqlx.Rows) error {
		var l soldGoods
		var costed int
		var price, cost float64
		if err := rows.Scan(&l.of.campaign, &l.of.isNew, &l.of.since, &l.SKU, &costed, &l.Quantity, &price, &cost); err != nil || l.Quantity == 0 {
			return err
		}
		l.UnitPrice = money.Micros(math.Round(price / l.Quantity))
		if costed > 0 {
			mean := money.Micros(math.Round(cost / l.Quantity))
			l.UnitCost = &mean
		}
		out = append(out, l)
		return nil
	}, `WITH sold AS MATERIALIZED (SELECT o.account, o.order_id, o.campaign, `+isNew+`, `+since+soldOrders+`),
		lines AS MATERIALIZED (
			SELECT sold.campaign, sold.is_new, sold.since, l.sku, CASE WHEN l.unit_cost IS NULL THEN 0 ELSE 1 END AS costed, l.quantity, l.unit_price,
				l.quantity * COALESCE(l.unit_cost, 0) AS cost
			FROM sold JOIN order_lines l ON l.account = sold.account AND l.order_id = sold.order_id)
		SELECT campaign, is_new, since, sku, costed, SUM(quantity), SUM(quantity * unit_price), SUM(cost)
		FROM lines GROUP BY campaign, is_new, since, sku, costed ORDER BY campaign, is_new, since, sku, costed`, args...)
	return out, err
}

// salesQuery sums up orders without naming their lines. The amounts of each
// order are made of its lines by one look at them per order: known and unknown
// are NULL where there are none. MATERIALIZED keeps SQLite from looking again for
// each sum that they are in.
func salesQuery(since string) string {
	const cost = `COALESCE(l.unit_cost, (SELECT k.unit_cost FROM costs k WHERE k.account = l.account AND k.sku = l.sku AND k.currency = o.currency),
		(SELECT p.unit_cost FROM products p WHERE p.account = l.account AND p.item_id = l.sku))`
	const lines = ` FROM order_lines l WHERE l.account = o.account AND l.order_id = o.order_id)`
	return `WITH sold AS MATERIALIZED (
			SELECT o.campaign, ` + isNew + `, ` + since + `, o.revenue, o.discount, o.tax, o.shipping, o.refunded,
				(SELECT SUM(l.quantity * COALESCE(` + cost + `, 0))` + lines + ` AS known,
				(SELECT SUM(CASE WHEN ` + cost + ` IS NULL THEN l.quantity * l.unit_price ELSE 0 END)` + lines + ` AS unknown` + soldOrders + `),
		measured AS MATERIALIZED (
			SELECT campaign, is_new, since, revenue, discount, tax, shipping, refunded, CASE WHEN known IS NULL THEN 0 ELSE 1 END AS has_lines,
				CAST(revenue AS DOUBLE PRECISION) / 1000000 AS r,
				CASE WHEN known IS NULL THEN CASE WHEN revenue > tax + shipping THEN CAST(revenue - tax - shipping AS DOUBLE PRECISION) ELSE 0 END
					ELSE unknown END / 1000000 AS u,
				CAST(revenue - tax - CASE WHEN revenue > 0 THEN refunded * (1 - CAST(tax AS DOUBLE PRECISION) / revenue) ELSE refunded END
					- COALESCE(known, 0) AS DOUBLE PRECISION) / 1000000 AS n FROM sold)
		SELECT campaign, is_new, since, has_lines, COUNT(*), CAST(SUM(revenue) AS BIGINT), CAST(SUM(discount) AS BIGINT), CAST(SUM(tax) AS BIGINT),
			CAST(SUM(shipping) AS BIGINT), CAST(SUM(refunded) AS BIGINT), SUM(r * r), SUM(r * n), SUM(r * u), SUM(n * n), SUM(n * u), SUM(u * u)
		FROM measured GROUP BY campaign, is_new, since, has_lines ORDER BY campaign, is_new, since, has_lines`
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
