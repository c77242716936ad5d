package store

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migration is one step of the schema.
type Migration struct {
	Version int64     `json:"version"`
	Name    string    `json:"name"`
	Applied bool      `json:"applied"`
	At      time.Time `json:"at,omitzero"` // zero if not applied
}

func (s *Store) goose() (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	if s.dialect == SQLite {
		return goose.NewProvider(goose.DialectSQLite3, s.db.DB, files)
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60)) // look every second, for a minute
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, s.db.DB, files, goose.WithSessionLocker(locker))
}

// MigrateUp brings the schema up to date and returns the names of what it
// applied. Several processes may do so at once.
func (s *Store) MigrateUp(ctx context.Context) (applied []string, err error) {
	p, err := s.goose()
	if err != nil {
		return nil, err
	}
	if s.dialect == SQLite { // PostgreSQL's lock is goose's own
		pending, err := p.HasPending(ctx)
		if err != nil || !pending {
			return nil, migrating(err)
		}
		unlock, err := s.Lock(ctx, "migrate")
		if err != nil {
			return nil, migrating(err)
		}
		defer unlock()
	}
	results, err := p.Up(ctx)
	if err != nil {
		return nil, migrating(err)
	}
	for _, r := range results {
		applied = append(applied, path.Base(r.Source.Path))
	}
	return applied, nil
}

func migrating(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("migrating the database: %w", err)
}

// MigrationStatus lists every migration this program knows, oldest first.
func (s *Store) MigrationStatus(ctx context.Context) ([]Migration, error) {
	p, err := s.goose()
	if err != nil {
		return nil, err
	}
	status, err := p.Status(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]Migration, 0, len(status))
	for _, m := range status {
		row := Migration{Version: m.Source.Version, Name: path.Base(m.Source.Path), Applied: m.State == goose.StateApplied}
		if row.Applied {
			row.At = m.AppliedAt.UTC()
		}
		list = append(list, row)
	}
	return list, nil
}

// CheckSchema returns ErrNotMigrated where the schema is older or newer than
// this program.
func (s *Store) CheckSchema(ctx context.Context) error {
	p, err := s.goose()
	if err != nil {
		return err
	}
	current, target, err := p.GetVersions(ctx)
	switch {
	case err != nil:
		return err
	case current < target:
		return fmt.Errorf("%w (it is at version %d, this program needs %d); run `adsteward migrate up`", ErrNotMigrated, current, target)
	case current > target:
		return fmt.Errorf("%w (it is at version %d, this program knows %d); use the newer program that made it", ErrNotMigrated, current, target)
	}
	return nil
}
