package store

import "context"

// Tamper runs any statement inside the transaction, as an intruder would.
func (q *Queries) Tamper(ctx context.Context, statement string) error {
	_, err := q.exec(ctx, statement)
	return err
}

// MigrateDown takes the schema back to a version.
func (s *Store) MigrateDown(ctx context.Context, version int64) error {
	p, err := s.goose()
	if err == nil {
		_, err = p.DownTo(ctx, version)
	}
	return err
}
