package store

import (
	"context"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"adsteward/internal/civil"
	"adsteward/internal/money"
)

// ToldConversion is what a platform was told of an order's value. Value is the
// newest step's; Held is what the platform is known to hold, whatever becomes of
// that step.
type ToldConversion struct {
	Account   string       `db:"account"`
	Platform  string       `db:"platform"`
	OrderID   string       `db:"order_id"`
	OrderedAt time.Time    `db:"ordered_at"`
	State     string       `db:"state"`
	Step      string       `db:"step"`
	Value     money.Micros `db:"value"`
	Held      money.Micros `db:"held"`
	Currency  string       `db:"currency"`
	Why       string       `db:"why"`
	RequestID string       `db:"request_id"`
	Status    string       `db:"status"`
	ToldAt    time.Time    `db:"told_at"`
}

// SetTold stores what platforms were told, one row an order and platform.
func (q *Queries) SetTold(ctx context.Context, rows []ToldConversion) error {
	rows = lastOf(rows, func(r *ToldConversion) [3]string { return [3]string{r.Account, r.Platform, r.OrderID} })
	in := upsert("told_conversions", "account platform order_id", "ordered_at state step value held currency why request_id status told_at")
	_, err := insertAll(ctx, q, in, rows, func(args []any, r *ToldConversion) []any {
		return append(args, r.Account, r.Platform, r.OrderID, utc(r.OrderedAt), r.State, r.Step, int64(r.Value), int64(r.Held), r.Currency,
			r.Why, r.RequestID, r.Status, utc(r.ToldAt))
	})
	return err
}

// ForgetTold removes the rows of orders that a platform was not told of after all.
func (q *Queries) ForgetTold(ctx context.Context, account, platform string, orders []string) error {
	return q.atomically(ctx, func(q *Queries) error {
		for ids := range slices.Chunk(orders, maxBatch) {
			if _, err := q.exec(ctx, `DELETE FROM told_conversions WHERE account = ? AND platform = ? AND order_id IN `+among(len(ids)),
				with(ids, account, platform)...); err != nil {
				return err
			}
		}
		return nil
	})
}

// ToldFilter selects what was told; empty fields do not restrict.
type ToldFilter struct {
	Account, Platform, State, Status, RequestID string
	Limit                                       int // 0: all
}

// Told lists what was told, the newest first and of one moment by order.
func (q *Queries) Told(ctx context.Context, f ToldFilter) ([]ToldConversion, error) {
	w := inAccount(f.Account)
	w.equal("platform", f.Platform)
	w.equal("state", f.State)
	w.equal("status", f.Status)
	w.equal("request_id", f.RequestID)
	query, args := limited(`SELECT * FROM told_conversions`+w.String()+` ORDER BY told_at DESC, ordered_at DESC, account, platform, order_id`, w.args, f.Limit)
	return all[ToldConversion](ctx, q, query, args...)
}

// EachTold hands over, in no order, what a platform was told of orders since a
// moment, all but Why.
func (q *Queries) EachTold(ctx context.Context, account, platform string, since time.Time, fn func(ToldConversion) error) error {
	return q.eachRow(ctx, func(rows *sqlx.Rows) error {
		r := ToldConversion{Account: account, Platform: platform}
		if err := rows.Scan(&r.OrderID, &r.OrderedAt, &r.State, &r.Step, &r.Value, &r.Held, &r.Currency, &r.RequestID, &r.Status, &r.ToldAt); err != nil {
			return err
		}
		return fn(r)
	}, `SELECT order_id, ordered_at, state, step, value, held, currency, request_id, status, told_at FROM told_conversions
		WHERE account = ? AND platform = ? AND ordered_at >= ?`, account, platform, utc(since))
}

// ToldCount counts the orders of one platform and state.
type ToldCount struct {
	Platform string       `db:"platform"`
	State    string       `db:"state"`
	Currency string       `db:"currency"`
	Orders   int          `db:"orders"`
	Value    money.Micros `db:"value"` // of their newest steps together
}

// ToldCounts counts what an account's platforms were told, by platform, state
// and currency.
func (q *Queries) ToldCounts(ctx context.Context, account string) ([]ToldCount, error) {
	w := inAccount(account)
	return all[ToldCount](ctx, q, `SELECT platform, state, currency, COUNT(*) AS orders, CAST(SUM(value) AS BIGINT) AS value FROM told_conversions`+
		w.String()+` GROUP BY platform, state, currency ORDER BY platform, state, currency`, w.args...)
}

// ToldRequests lists the requests of which a platform's rows have a status.
func (q *Queries) ToldRequests(ctx context.Context, account, platform, status string) ([]string, error) {
	return all[string](ctx, q, `SELECT DISTINCT request_id FROM told_conversions
		WHERE account = ? AND platform = ? AND status = ? AND request_id <> '' ORDER BY request_id`, account, platform, status)
}

// OrderToTell is an order without its lines, the customer with identifiers in
// the clear, and whether it is their first.
type OrderToTell struct {
	Order
	Customer Customer
	First    bool
}

// EachOrderToTell hands over the orders of the dates from..to, the newest first.
// Orders without a customer are left out: whose they are nobody can agree to.
func (q *Queries) EachOrderToTell(ctx context.Context, account string, from, to civil.Date, fn func(OrderToTell) error) error {
	return q.eachRow(ctx, func(rows *sqlx.Rows) error {
		var o OrderToTell
		var c = &o.Customer
		var email, phone []byte
		var first int
		if err := rows.Scan(&o.Account, &o.OrderID, &o.CustomerID, &o.OrderedAt, &o.Currency, &o.Revenue, &o.Tax, &o.Refunded, &o.Country,
			&o.Source, &o.ClickID, &o.Campaign, &first, &c.EmailKey, &c.PhoneKey, &email, &phone, &c.Country); err != nil {
			return err
		}
		c.Account, c.CustomerID, o.First = o.Account, o.CustomerID, first > 0
		var err error
		if c.Email, err = q.secrets.open(email, aad(o.Account, "customers.email", o.CustomerID)); err != nil {
			return err
		}
		if c.Phone, err = q.secrets.open(phone, aad(o.Account, "customers.phone", o.CustomerID)); err != nil {
			return err
		}
		return fn(o)
	}, `SELECT o.account, o.order_id, o.customer_id, o.ordered_at, o.currency, o.revenue, o.tax, o.refunded, o.country, o.source, o.click_id, o.campaign,
			CASE WHEN EXISTS (SELECT 1 FROM orders p WHERE p.account = o.account AND p.customer_id = o.customer_id AND p.order_date <= o.order_date
				AND (p.ordered_at < o.ordered_at OR (p.ordered_at = o.ordered_at AND p.order_id < o.order_id))) THEN 0 ELSE 1 END,
			COALESCE(c.email_key, ''), COALESCE(c.phone_key, ''), c.email, c.phone, COALESCE(c.country, '')
		FROM orders o LEFT JOIN customers c ON c.account = o.account AND c.customer_id = o.customer_id
		WHERE o.account = ? AND o.order_date BETWEEN ? AND ? AND o.customer_id <> ''
		ORDER BY o.order_date DESC, o.ordered_at DESC, o.order_id`, account, from, to)
}
