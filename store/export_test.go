package store

import (
	"context"

	"github.com/jmoiron/sqlx"
)

// Tamper runs any statement inside the transaction, as an intruder would.
func (q *Queries) Tamper(ctx context.Context, statement string) error {
	_, err := q.exec(ctx, statement)
	return err
}

// Writer is what the store writes through.
func (s *Store) Writer() *sqlx.DB { return s.writer }
