package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"adsteward/internal/civil"
	"adsteward/internal/money"
)

// Split is a statement that two identifiers, written kind:value, are not one
// person's; with an empty B, that A joins nobody.
type Split struct {
	Account string    `db:"account" json:"-"`
	A       string    `db:"id_a" json:"a"`
	B       string    `db:"id_b" json:"b"`
	Reason  string    `db:"reason" json:"reason"`
	Actor   string    `db:"actor" json:"actor"`
	At      time.Time `db:"at" json:"at"`
}

// PutSplit stores a split; one of the same identifiers is replaced.
func (q *Queries) PutSplit(ctx context.Context, s Split) error {
	if s.B != "" && s.B < s.A {
		s.A, s.B = s.B, s.A
	}
	s.At = utc(s.At)
	_, err := q.execNamed(ctx, `INSERT INTO identity_splits (account, id_a, id_b, reason, actor, at) VALUES (:account, :id_a, :id_b, :reason, :actor, :at)
		ON CONFLICT (account, id_a, id_b) DO UPDATE SET reason = excluded.reason, actor = excluded.actor, at = excluded.at`, s)
	return err
}

// DropSplit takes a split back; ErrNotFound where there is none.
func (q *Queries) DropSplit(ctx context.Context, account, a, b string) error {
	if b != "" && b < a {
		a, b = b, a
	}
	return need(q.exec(ctx, `DELETE FROM identity_splits WHERE account = ? AND id_a = ? AND id_b = ?`, account, a, b))
}

// Splits lists an account's splits, the oldest first.
func (q *Queries) Splits(ctx context.Context, account string) ([]Split, error) {
	w := inAccount(account)
	return all[Split](ctx, q, `SELECT * FROM identity_splits`+w.String()+` ORDER BY at, id_a, id_b`, w.args...)
}

// EachVisit hands over the touches with from <= at < to in no order, without
// their ids.
func (q *Queries) EachVisit(ctx context.Context, account string, from, to time.Time, fn func(Touch) error) error {
	return q.eachVisit(ctx, q.visits(account, from, to), fn)
}

// EachKnownVisit is EachVisit without the visitors of whom these touches and newer
// carts do not tell who they are: who came with no customer number, under no click of
// an order of the dates since..until, and left no cart with a name.
func (q *Queries) EachKnownVisit(ctx context.Context, account string, from, to time.Time, since, until civil.Date, fn func(Touch) error) error {
	w := q.visits(account, from, to)
	const known = `(customer_id <> '' OR click_id IN (SELECT click_id FROM orders WHERE account = ? AND order_date BETWEEN ? AND ? AND click_id <> ''))`
	// Who has a visitor's number is known by it alone: one look per touch.
	among := q.visits(account, from, to)
	among.add(`visitor_id <> '' AND `+known, account, since, until)
	w.add(`CASE WHEN visitor_id <> '' THEN visitor_id IN (SELECT visitor_id FROM touches`+among.String()+`
			UNION ALL SELECT visitor_id FROM carts WHERE account = ? AND updated_at >= ? AND visitor_id <> '' AND (customer_id <> '' OR email_key <> ''))
		ELSE `+known+` END`, append(among.args, account, utc(from), account, since, until)...)
	return q.eachVisit(ctx, w, fn)
}

// visits are the touches of a time.
func (q *Queries) visits(account string, from, to time.Time) *where {
	w := &where{}
	w.add("account = ? AND at >= ? AND at < ?", account, utc(from), utc(to))
	return w
}

func (q *Queries) eachVisit(ctx context.Context, w *where, fn func(Touch) error) error {
	return q.eachValue(ctx, 8, func(v []any) error {
		return fn(Touch{Account: v[0].(string), CustomerID: v[1].(string), VisitorID: v[2].(string), At: v[3].(time.Time), Channel: v[4].(string),
			Campaign: v[5].(string), ClickID: v[6].(string), Kind: v[7].(string)})
	}, `SELECT account, customer_id, visitor_id, at, channel, campaign, click_id, kind FROM touches`+w.String(), w.args...)
}

// scanned is a column by which a table is to be read from end to end.
func (q *Queries) scanned(column string) string {
	if q.dialect == SQLite {
		return "+" + column
	}
	return column
}

// Buyer is an order with what journeys need of it besides EachOrderHead's.
type Buyer struct {
	Order
	// New says that the customer ordered on no day before.
	New bool
}

// EachBuyer hands over the orders of the dates from..to in no order, of each id,
// customer, time, click, revenue, tax, refund, source, campaign and whether there are several.
func (q *Queries) EachBuyer(ctx context.Context, account string, from, to civil.Date, fn func(Buyer) error) error {
	return q.eachValue(ctx, 11, func(v []any) error {
		return fn(Buyer{Order: Order{Account: account, OrderID: v[0].(string), CustomerID: v[1].(string), OrderedAt: v[2].(time.Time), ClickID: v[3].(string),
			Revenue: money.Micros(v[4].(int64)), Tax: money.Micros(v[5].(int64)), Refunded: money.Micros(v[6].(int64)), Source: v[7].(string), Campaign: v[8].(string),
			Several: v[9].(int64) > 0}, New: v[10].(int64) > 0})
	}, `SELECT o.order_id, o.customer_id, o.ordered_at, o.click_id, o.revenue, o.tax, o.refunded, o.source, o.campaign, o.several, `+isNew+soldOrders, account, from, to)
}

// contacts are keys by account and kind, "email" or "phone".
type contacts map[[2]string][]string

func (c contacts) add(account, kind, key string) {
	if key != "" {
		k := [2]string{account, kind}
		c[k] = append(c[k], key)
	}
}

// markShared marks those of the contacts that several customers have.
func (q *Queries) markShared(ctx context.Context, found contacts) error {
	for of, keys := range found {
		account, kind := of[0], of[1]
		column := kind + "_key"
		for batch := range slices.Chunk(keys, maxBatch) {
			if _, err := q.exec(ctx, `INSERT INTO shared_contacts (account, kind, key) SELECT account, '`+kind+`', `+column+` FROM customers
				WHERE account = ? AND `+column+` IN `+among(len(batch))+` GROUP BY account, `+column+` HAVING COUNT(*) > 1 ON CONFLICT DO NOTHING`,
				with(batch, account)...); err != nil {
				return err
			}
		}
	}
	return nil
}

// EachSharedContact hands over the customers whose e-mail or phone another one
// has too, or had, or a cart of nobody known updated since from, each with that key:
// "email" or "phone".
func (q *Queries) EachSharedContact(ctx context.Context, account string, from time.Time, fn func(customerID, kind, key string) error) error {
	shared := func(kind, among string, args ...any) error {
		column := kind + "_key"
		return q.eachRow(ctx, func(rows *sqlx.Rows) error {
			var id, key string
			if err := rows.Scan(&id, &key); err != nil {
				return err
			}
			return fn(id, kind, key)
		}, `SELECT customer_id, `+column+` FROM customers WHERE account = ? AND `+column+` IN (`+among+`)`, append([]any{account}, args...)...)
	}
	for _, kind := range []string{"email", "phone"} {
		if err := shared(kind, `SELECT key FROM shared_contacts WHERE account = ? AND kind = ?`, account, kind); err != nil {
			return err
		}
	}
	return shared("email", `SELECT email_key FROM carts WHERE account = ? AND updated_at >= ? AND customer_id = '' AND visitor_id <> '' AND email_key <> ''`, account, utc(from))
}

// EachCartVisitor hands over the visitors of carts updated since from with their
// customer and the key of their e-mail, as far as known; one of them is.
func (q *Queries) EachCartVisitor(ctx context.Context, account string, from time.Time, fn func(visitorID, customerID, emailKey string) error) error {
	return q.eachValue(ctx, 3, func(v []any) error {
		return fn(v[0].(string), v[1].(string), v[2].(string))
	}, `SELECT visitor_id, customer_id, email_key FROM carts WHERE account = ? AND updated_at >= ? AND visitor_id <> '' AND (customer_id <> '' OR email_key <> '')`, account, utc(from))
}

// Seen is that one identifier was seen together with another, of the kind named:
// customer, email, phone, visitor or click. At is the first time, zero where the
// source has none; Where is what tells of it, for people.
type Seen struct {
	Kind, Value, Where string
	At                 time.Time
}

// EachSeenWith hands over what each of some identifiers of one kind was seen with: at
// most limit of each source. No index leads to visits, carts and clicks by whom they
// are of, which would be dear to keep up for a question asked that seldom: ask for many
// identifiers at once.
func (q *Queries) EachSeenWith(ctx context.Context, account, kind string, values []string, limit int, fn func(value string, s Seen)) error {
	for batch := range slices.Chunk(values, maxBatch) {
		for _, s := range seenSources(kind, "IN "+among(len(batch))) {
			of, n := "", 0
			err := q.eachRow(ctx, func(rows *sqlx.Rows) error {
				x, value := Seen{Kind: s.kind}, ""
				if s.timed {
					// An aggregate has no declared type, and SQLite gives its text.
					var at instant
					if err := rows.Scan(&value, &x.Value, &x.Where, &at); err != nil {
						return err
					}
					x.At = time.Time(at)
				} else if err := rows.Scan(&value, &x.Value, &x.Where); err != nil {
					return err
				}
				if value != of {
					of, n = value, 0
				}
				if n++; n <= limit {
					fn(value, x)
				}
				return nil
			}, s.query, with(batch, account)...)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

type seenSource struct {
	kind  string
	query string
	timed bool
}

// seenSources are the queries that tell what identifiers of a kind were seen with;
// in says which, behind their column.
func seenSources(kind, in string) []seenSource {
	together := func(table, at, where, of string, columns map[string]string) (out []seenSource) {
		for _, to := range []string{"customer", "visitor", "click", "email"} {
			if columns[to] == "" || columns[of] == "" || to == of {
				continue
			}
			a, b := columns[of], columns[to]
			out = append(out, seenSource{to, `SELECT ` + a + `, ` + b + `, ` + where + `, MIN(` + at + `) FROM ` + table + ` WHERE account = ? AND ` + a + ` ` + in + ` AND ` +
				b + ` <> '' GROUP BY ` + a + `, ` + b + ` ORDER BY 1, 2`, true})
		}
		return out
	}
	out := together("touches", "at", "'visit'", kind, map[string]string{"customer": "customer_id", "visitor": "visitor_id", "click": "click_id"})
	out = append(out, together("orders", "ordered_at", "'order ' || MIN(order_id)", kind, map[string]string{"customer": "customer_id", "click": "click_id"})...)
	out = append(out, together("carts", "updated_at", "'cart ' || MIN(cart_id)", kind, map[string]string{"customer": "customer_id", "visitor": "visitor_id", "email": "email_key"})...)
	contact := func(kind, of, to string) seenSource {
		return seenSource{kind, `SELECT ` + of + `, ` + to + `, 'customer record' FROM customers WHERE account = ? AND ` + of + ` ` + in + ` AND ` + to + ` <> '' ORDER BY 1, 2`, false}
	}
	switch kind {
	case "customer":
		out = append(out, contact("email", "customer_id", "email_key"), contact("phone", "customer_id", "phone_key"))
	case "email", "phone":
		out = append(out, contact("customer", kind+"_key", "customer_id"))
	}
	return out
}

// instant scans a time that comes as a time or as SQLite's text of one.
type instant time.Time

func (t *instant) Scan(v any) error {
	switch v := v.(type) {
	case time.Time:
		*t = instant(v.UTC())
		return nil
	case []byte:
		return t.Scan(string(v))
	case string:
		for _, layout := range []string{"2006-01-02 15:04:05.999999999-07:00", "2006-01-02T15:04:05.999999999-07:00"} {
			if at, err := time.Parse(layout, v); err == nil {
				*t = instant(at.UTC())
				return nil
			}
		}
	}
	return fmt.Errorf("%v is not a time", v)
}

// EmailKeyOf and PhoneKeyOf are the keyed hashes under which the store knows an
// e-mail address and a phone number.
func (q *Queries) EmailKeyOf(email string) string { return q.secrets.emailKey(email) }

// PhoneKeyOf is EmailKeyOf for a phone number.
func (q *Queries) PhoneKeyOf(phone string) string { return q.secrets.phoneKey(phone) }
