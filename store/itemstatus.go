package store

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
)

// ItemStatus is what a platform makes of an item, beside what the feed's rules
// made of it.
type ItemStatus struct {
	Account   string    `db:"account"`
	Platform  string    `db:"platform"`
	ItemID    string    `db:"item_id"`
	State     string    `db:"state"`     // absent where the platform does not have the item
	Issues    string    `db:"issues"`    // the platform's, JSON
	Predicted string    `db:"predicted"` // ours, JSON; "" where the feed does not have the item
	SeenAt    time.Time `db:"seen_at"`
}

// ReplaceItemStatuses makes the given rows all that is known of a platform's
// items. Of several rows of one item the last holds.
func (q *Queries) ReplaceItemStatuses(ctx context.Context, account, platform string, rows []ItemStatus) error {
	rows = lastOf(rows, func(r *ItemStatus) string { return r.ItemID })
	in := upsert("item_statuses", "account platform item_id", "state issues predicted seen_at")
	return q.atomically(ctx, func(q *Queries) error {
		if _, err := q.exec(ctx, `DELETE FROM item_statuses WHERE account = ? AND platform = ?`, account, platform); err != nil {
			return err
		}
		_, err := insertAll(ctx, q, in, rows, func(args []any, r *ItemStatus) []any {
			return append(args, account, platform, r.ItemID, r.State, r.Issues, r.Predicted, utc(r.SeenAt))
		})
		return err
	})
}

// ItemStatuses lists what the platforms make of one item, by platform.
func (q *Queries) ItemStatuses(ctx context.Context, account, itemID string) ([]ItemStatus, error) {
	return all[ItemStatus](ctx, q, `SELECT * FROM item_statuses WHERE account = ? AND item_id = ? ORDER BY platform`, account, itemID)
}

// EachItemStatus hands over an account's items by platform and id. fn must not
// use the store.
func (q *Queries) EachItemStatus(ctx context.Context, account string, fn func(ItemStatus) error) error {
	w := inAccount(account)
	return q.eachRow(ctx, func(rows *sqlx.Rows) error {
		var r ItemStatus
		if err := rows.StructScan(&r); err != nil {
			return err
		}
		return fn(r)
	}, `SELECT * FROM item_statuses`+w.String()+` ORDER BY platform, item_id, account`, w.args...)
}
