package store

import (
	"context"

	"adsteward/internal/civil"
)

// Stock is what the orders of one campaign held of products that the feed knows,
// and how much of it the feed now says is out of stock or has errors in; in units
// of the orders' currency, at the prices of the order lines.
type Stock struct {
	Campaign   string  `db:"campaign"`
	Goods      float64 `db:"goods"`
	Unsellable float64 `db:"unsellable"`
}

// SoldStock compares the order lines of the dates from..to with the feed as it
// is now, campaign by campaign; orders of no campaign are left out. It returns none
// where all that the feed knows can be sold.
func (q *Queries) SoldStock(ctx context.Context, account string, from, to civil.Date) ([]Stock, error) {
	unfit, err := one[int](ctx, q, `SELECT COUNT(*) FROM (SELECT 1 FROM products WHERE account = ?
		AND (availability = 'out_of_stock' OR errors > 0) LIMIT 1) AS unfit`, account)
	if err != nil || unfit == 0 {
		return nil, err
	}
	// Summed up by product first, for these are fewer than lines. MATERIALIZED keeps
	// SQLite from making the list of items once more for each of them.
	return all[Stock](ctx, q, `WITH feed AS MATERIALIZED (SELECT item_id, CASE WHEN availability = 'out_of_stock' OR errors > 0 THEN 1 ELSE 0 END AS unfit
			FROM products WHERE account = ?),
		sold AS MATERIALIZED (SELECT o.campaign, l.sku, SUM(l.quantity * l.unit_price) AS price FROM orders o
			JOIN order_lines l ON l.account = o.account AND l.order_id = o.order_id
			WHERE o.account = ? AND o.order_date BETWEEN ? AND ? AND o.campaign <> '' GROUP BY o.campaign, l.sku)
		SELECT campaign, SUM(price) / 1000000 AS goods, SUM(CASE WHEN unfit > 0 THEN price ELSE 0 END) / 1000000 AS unsellable
		FROM sold JOIN feed ON feed.item_id = sold.sku GROUP BY campaign ORDER BY campaign`, account, account, from, to)
}
