package store

import "context"

// Tamper runs any statement inside the transaction, as an intruder would.
func (q *Queries) Tamper(ctx context.Context, statement string) error {
	_, err := q.exec(ctx, statement)
	return err
}
