package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Backup writes a consistent copy of a SQLite database to a new file, readable
// by its owner only, while others go on reading and writing.
func (s *Store) Backup(ctx context.Context, file string) error {
	if s.dialect == Postgres {
		return errors.New("adsteward does not copy a PostgreSQL database; use pg_dump")
	}
	// VACUUM INTO takes a file that exists if it is empty; made here so that it is private.
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists; a backup overwrites nothing, name another file", file)
	}
	if err != nil {
		return fmt.Errorf("the backup cannot be written: %w", err)
	}
	defer f.Close()
	_, err = s.db.ExecContext(ctx, `VACUUM INTO ?`, file)
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("the backup to %s failed: %w", file, err), os.Remove(file))
	}
	return nil
}
