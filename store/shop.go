package store

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"adsteward/internal/civil"
	"adsteward/internal/money"
)

// UpsertCustomers stores customers and returns how many changed. An empty field
// never erases a known one. Who stores customers of an account waits until others'
// transactions that did are over: who shares a contact is found among all of them.
func (q *Queries) UpsertCustomers(ctx context.Context, customers []Customer) (changed int, err error) {
	in := insert{"customers", []string{"account", "customer_id", "email_key", "phone_key", "email", "phone", "country"}, customersConflict}
	shared, accounts := contacts{}, map[string]bool{}
	for i := range customers {
		accounts[customers[i].Account] = true
	}
	err = q.atomically(ctx, func(q *Queries) error {
		for _, account := range slices.Sorted(maps.Keys(accounts)) {
			if err := q.lockInTx(ctx, "customers/"+account); err != nil {
				return err
			}
		}
		changed, err = insertAll(ctx, q, in, mergeCustomers(customers), func(args []any, c *Customer) []any {
			email, phone := q.secrets.emailKey(c.Email), q.secrets.phoneKey(c.Phone)
			shared.add(c.Account, "email", email)
			shared.add(c.Account, "phone", phone)
			return append(args, c.Account, c.CustomerID, email, phone,
				q.secrets.seal(c.Email, aad(c.Account, "customers.email", c.CustomerID)),
				q.secrets.seal(c.Phone, aad(c.Account, "customers.phone", c.CustomerID)), c.Country)
		})
		if err != nil || changed == 0 {
			return err
		}
		return q.markShared(ctx, shared)
	})
	return changed, err
}

// The ciphertext differs each time; whether an identifier changed, its key tells.
const customersConflict = ` ON CONFLICT (account, customer_id) DO UPDATE SET
	email_key = CASE excluded.email_key WHEN '' THEN customers.email_key ELSE excluded.email_key END,
	phone_key = CASE excluded.phone_key WHEN '' THEN customers.phone_key ELSE excluded.phone_key END,
	email = CASE excluded.email_key WHEN '' THEN customers.email ELSE excluded.email END,
	phone = CASE excluded.phone_key WHEN '' THEN customers.phone ELSE excluded.phone END,
	country = CASE excluded.country WHEN '' THEN customers.country ELSE excluded.country END
	WHERE (excluded.email_key <> '' AND excluded.email_key <> customers.email_key)
	OR (excluded.phone_key <> '' AND excluded.phone_key <> customers.phone_key)
	OR (excluded.country <> '' AND excluded.country <> customers.country)`

// mergeCustomers joins rows of one customer; the last non-empty field holds.
func mergeCustomers(customers []Customer) []Customer {
	merged, at := make([]Customer, 0, len(customers)), make(map[[2]string]int, len(customers))
	for _, c := range customers {
		i, ok := at[[2]string{c.Account, c.CustomerID}]
		if !ok {
			at[[2]string{c.Account, c.CustomerID}] = len(merged)
			merged = append(merged, c)
			continue
		}
		m := &merged[i]
		for _, f := range []struct {
			to   *string
			from string
		}{{&m.Email, c.Email}, {&m.Phone, c.Phone}, {&m.Country, c.Country}} {
			if f.from != "" {
				*f.to = f.from
			}
		}
	}
	return merged
}

// EachCustomer hands over the customers with their identifiers in the clear,
// ordered by id.
func (q *Queries) EachCustomer(ctx context.Context, account string, fn func(Customer) error) error {
	type row struct {
		Account    string `db:"account"`
		CustomerID string `db:"customer_id"`
		EmailKey   string `db:"email_key"`
		PhoneKey   string `db:"phone_key"`
		Email      []byte `db:"email"`
		Phone      []byte `db:"phone"`
		Country    string `db:"country"`
	}
	w := inAccount(account)
	return each(ctx, q, func(r *row) error {
		email, err := q.secrets.open(r.Email, aad(r.Account, "customers.email", r.CustomerID))
		if err != nil {
			return err
		}
		phone, err := q.secrets.open(r.Phone, aad(r.Account, "customers.phone", r.CustomerID))
		if err != nil {
			return err
		}
		return fn(Customer{r.Account, r.CustomerID, email, phone, r.EmailKey, r.PhoneKey, r.Country})
	}, `SELECT * FROM customers`+w.String()+` ORDER BY customer_id, account`, w.args...)
}

// UpsertTouches stores touches and returns how many are new or changed.
func (q *Queries) UpsertTouches(ctx context.Context, touches []Touch) (changed int, err error) {
	touches = lastOf(touches, func(t *Touch) [2]string { return [2]string{t.Account, t.TouchID} })
	in := upsert("touches", "account at touch_id", "customer_id visitor_id channel campaign click_id kind")
	return insertAll(ctx, q, in, touches, func(args []any, t *Touch) []any {
		return append(args, t.Account, utc(t.At), t.TouchID, t.CustomerID, t.VisitorID, t.Channel, t.Campaign, t.ClickID, cmp.Or(t.Kind, "click"))
	})
}

// UpsertCarts stores carts and returns how many are new or changed.
func (q *Queries) UpsertCarts(ctx context.Context, carts []Cart) (changed int, err error) {
	carts = lastOf(carts, func(c *Cart) [2]string { return [2]string{c.Account, c.CartID} })
	in := upsert("carts", "account cart_id", "customer_id visitor_id email_key updated_at value skus")
	// As for customers: the ciphertext follows its key.
	in.tail = cartsConflict
	in.columns = append(in.columns, "email")
	return insertAll(ctx, q, in, carts, func(args []any, c *Cart) []any {
		return append(args, c.Account, c.CartID, c.CustomerID, c.VisitorID, q.secrets.emailKey(c.Email), utc(c.UpdatedAt),
			int64(c.Value), c.SKUs, q.secrets.seal(c.Email, aad(c.Account, "carts.email", c.CartID)))
	})
}

const cartsConflict = ` ON CONFLICT (account, cart_id) DO UPDATE SET customer_id = excluded.customer_id,
	visitor_id = excluded.visitor_id, email_key = excluded.email_key, email = excluded.email,
	updated_at = excluded.updated_at, value = excluded.value, skus = excluded.skus
	WHERE carts.customer_id <> excluded.customer_id OR carts.visitor_id <> excluded.visitor_id
	OR carts.email_key <> excluded.email_key OR carts.updated_at <> excluded.updated_at
	OR carts.value <> excluded.value OR carts.skus <> excluded.skus`

// Carts lists the carts with from <= updated_at < to, oldest first, their
// e-mail addresses in the clear.
func (q *Queries) Carts(ctx context.Context, account string, from, to time.Time) ([]Cart, error) {
	type row struct {
		Account    string       `db:"account"`
		CartID     string       `db:"cart_id"`
		CustomerID string       `db:"customer_id"`
		VisitorID  string       `db:"visitor_id"`
		EmailKey   string       `db:"email_key"`
		Email      []byte       `db:"email"`
		UpdatedAt  time.Time    `db:"updated_at"`
		Value      money.Micros `db:"value"`
		SKUs       string       `db:"skus"`
	}
	w := inAccount(account)
	w.add("updated_at >= ? AND updated_at < ?", utc(from), utc(to))
	var carts []Cart
	err := each(ctx, q, func(r *row) error {
		email, err := q.secrets.open(r.Email, aad(r.Account, "carts.email", r.CartID))
		carts = append(carts, Cart{r.Account, r.CartID, r.CustomerID, r.VisitorID, email, r.EmailKey, r.UpdatedAt, r.Value, r.SKUs})
		return err
	}, `SELECT * FROM carts`+w.String()+` ORDER BY updated_at, cart_id`, w.args...)
	if err != nil {
		return nil, err
	}
	return carts, nil
}

// UpsertConsents stores statements about consent and returns how many rows are
// new or changed. A statement that names both a customer and an e-mail holds for
// each of them.
func (q *Queries) UpsertConsents(ctx context.Context, consents []Consent) (changed int, err error) {
	type row struct {
		account, subject, purpose string
		at                        time.Time
		granted                   int
	}
	var rows []row
	for _, c := range consents {
		r := row{account: c.Account, purpose: c.Purpose, at: utc(c.At)}
		if c.Granted {
			r.granted = 1
		}
		if c.CustomerID == "" && c.Email == "" {
			return 0, errors.New("a consent names neither a customer nor an e-mail address")
		}
		if c.CustomerID != "" {
			r.subject = "c:" + c.CustomerID
			rows = append(rows, r)
		}
		if c.Email != "" {
			r.subject = "e:" + q.secrets.emailKey(c.Email)
			rows = append(rows, r)
		}
	}
	type key struct {
		account, subject, purpose string
		at                        time.Time
	}
	rows = lastOf(rows, func(r *row) key { return key{r.account, r.subject, r.purpose, r.at} })
	return insertAll(ctx, q, upsert("consents", "account subject purpose at", "granted"), rows, func(args []any, r *row) []any {
		return append(args, r.account, r.subject, r.purpose, r.at, r.granted)
	})
}

// Consents returns by purpose, for each subject that ever said something about it,
// whether the newest statement grants it.
func (q *Queries) Consents(ctx context.Context, account string) (map[string]map[string]bool, error) {
	consents := map[string]map[string]bool{}
	w := inAccount(account)
	err := q.eachValue(ctx, 3, func(v []any) error {
		subject, purpose := v[0].(string), v[1].(string)
		if consents[purpose] == nil {
			consents[purpose] = map[string]bool{}
		}
		consents[purpose][subject] = v[2].(int64) == 1
		return nil
	}, `SELECT subject, purpose, granted FROM consents`+w.String()+` ORDER BY at, granted DESC`, w.args...)
	return consents, err
}

// ConsentPurposes counts the statements about each purpose.
func (q *Queries) ConsentPurposes(ctx context.Context, account string) (map[string]int64, error) {
	out := map[string]int64{}
	w := inAccount(account)
	err := q.eachValue(ctx, 2, func(v []any) error {
		out[v[0].(string)] = v[1].(int64)
		return nil
	}, `SELECT purpose, COUNT(*) FROM consents`+w.String()+` GROUP BY purpose`, w.args...)
	return out, err
}

// UpsertCosts stores unit costs and returns how many are new or changed.
func (q *Queries) UpsertCosts(ctx context.Context, costs []Cost) (changed int, err error) {
	costs = lastOf(costs, func(c *Cost) [2]string { return [2]string{c.Account, c.SKU} })
	return insertAll(ctx, q, upsert("costs", "account sku", "unit_cost currency"), costs, func(args []any, c *Cost) []any {
		return append(args, c.Account, c.SKU, int64(c.UnitCost), c.Currency)
	})
}

// Costs returns the unit costs by SKU.
func (q *Queries) Costs(ctx context.Context, account string) (map[string]Cost, error) {
	w := inAccount(account)
	list, err := all[Cost](ctx, q, `SELECT * FROM costs`+w.String(), w.args...)
	costs := make(map[string]Cost, len(list))
	for _, c := range list {
		costs[c.SKU] = c
	}
	return costs, err
}

// micros is an optional amount as the drivers take it.
func micros(m *money.Micros) any {
	if m == nil {
		return nil
	}
	return int64(*m)
}

// Import is one file that was imported; Digest names its content and kind.
type Import struct {
	Account    string    `db:"account"`
	Digest     string    `db:"digest"`
	Kind       string    `db:"kind"`
	Source     string    `db:"source"`
	Rows       int       `db:"rows"`
	ImportedAt time.Time `db:"imported_at"`
}

// ImportDone reports whether this content was imported before.
func (q *Queries) ImportDone(ctx context.Context, account, digest string) (bool, error) {
	n, err := one[int](ctx, q, `SELECT COUNT(*) FROM imports WHERE account = ? AND digest = ?`, account, digest)
	return n > 0, err
}

// RecordImport remembers an import; call it in the transaction of the import.
func (q *Queries) RecordImport(ctx context.Context, i Import) error {
	i.ImportedAt = utc(i.ImportedAt)
	_, err := q.execNamed(ctx, `INSERT INTO imports (account, digest, kind, source, rows, imported_at)
		VALUES (:account, :digest, :kind, :source, :rows, :imported_at) ON CONFLICT DO NOTHING`, i)
	return err
}

// Counts says how much is stored; the date is zero where there are no orders.
type Counts struct {
	Orders, Customers, Touches, Carts, Consents, Costs, Products, PerformanceRows int64
	LastOrder                                                                     civil.Date
}

// OrderCount is Counts for the orders alone, at a small part of its cost.
func (q *Queries) OrderCount(ctx context.Context, account string) (int64, error) {
	w := inAccount(account)
	return one[int64](ctx, q, `SELECT COUNT(*) FROM orders`+w.String(), w.args...)
}

// OrdersBetween counts the orders of the dates from..to.
func (q *Queries) OrdersBetween(ctx context.Context, account string, from, to civil.Date) (int, error) {
	return one[int](ctx, q, `SELECT COUNT(*)`+soldOrders, account, from, to)
}

// FirstOrder is the date of the oldest order, of which there has to be one.
func (q *Queries) FirstOrder(ctx context.Context, account string) (civil.Date, error) {
	w := inAccount(account)
	return one[civil.Date](ctx, q, `SELECT MIN(order_date) FROM orders`+w.String(), w.args...)
}

// Counts counts the rows of the shop's data and of performance.
func (q *Queries) Counts(ctx context.Context, account string) (Counts, error) {
	var c Counts
	w := inAccount(account)
	tables := map[string]*int64{"orders": &c.Orders, "customers": &c.Customers, "touches": &c.Touches, "carts": &c.Carts,
		"consents": &c.Consents, "costs": &c.Costs, "products": &c.Products, "performance": &c.PerformanceRows}
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		n, err := one[int64](ctx, q, `SELECT COUNT(*) FROM `+table+w.String(), w.args...)
		if err != nil {
			return Counts{}, err
		}
		*tables[table] = n
	}
	if c.Orders == 0 {
		return c, nil
	}
	var err error
	c.LastOrder, err = one[civil.Date](ctx, q, `SELECT MAX(order_date) FROM orders`+w.String(), w.args...)
	return c, err
}
