// Package storetest opens fresh databases for tests, of this package's own and
// of others'. It knows nothing of what is stored.
package storetest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"adsteward/store"
)

// EnvPostgres names the environment variable with the URL of a PostgreSQL
// server whose user may create databases.
const EnvPostgres = "ADSTEWARD_TEST_POSTGRES"

// Open returns an empty SQLite store with a random key, closed at the end of the test.
func Open(t testing.TB) *store.Store {
	t.Helper()
	empty, err := migrated()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "adsteward.db")
	if err := os.WriteFile(path, empty, 0o600); err != nil {
		t.Fatal(err)
	}
	return OpenAt(t, path, store.NewKey())
}

// migrated is a SQLite file with the whole schema that no key was used on yet.
// It is made once for all tests of a package: to migrate takes longer than most of
// them, ten times so under the race detector.
var migrated = sync.OnceValues(func() (_ []byte, err error) {
	dir, err := os.MkdirTemp("", "storetest")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path, ctx := filepath.Join(dir, "adsteward.db"), context.Background() // it outlives the test that asks first
	s, err := store.OpenForMigration(ctx, path, store.NewKey())
	if err != nil {
		return nil, err
	}
	_, err = s.MigrateUp(ctx)
	if err := errors.Join(err, s.Close()); err != nil { // what lies beside the file goes into it
		return nil, err
	}
	return os.ReadFile(path)
})

// OpenPostgres is Open on a PostgreSQL database of its own, dropped at the end.
// Without a server the test is skipped; it fails where CI=true says that there
// should be one.
func OpenPostgres(t testing.TB) *store.Store {
	t.Helper()
	dsn, key := PostgresDSN(t), store.NewKey()
	s, err := store.OpenForMigration(t.Context(), dsn, key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.MigrateUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return OpenAt(t, dsn, key)
}

// OpenAt opens a database of the test's choice and closes it at the end.
func OpenAt(t testing.TB, dsn string, key store.Key) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), dsn, key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Each runs fn as a subtest on SQLite and on PostgreSQL.
func Each(t *testing.T, fn func(t *testing.T, s *store.Store)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); fn(t, Open(t)) })
	t.Run("postgres", func(t *testing.T) { t.Parallel(); fn(t, OpenPostgres(t)) })
}

// PostgresDSN creates an empty PostgreSQL database, dropped at the end of the
// test, and returns its URL. It skips or fails as OpenPostgres does.
func PostgresDSN(t testing.TB) string {
	t.Helper()
	server := os.Getenv(EnvPostgres)
	if server == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal(EnvPostgres + " is not set, and CI runs every test")
		}
		t.Skip("PostgreSQL tests skipped: " + EnvPostgres + " is not set")
	}
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(EnvPostgres + " is not a URL of the form postgres://user:password@host:port/database")
	}
	name := "adsteward_test_" + strings.ToLower(rand.Text())
	administer(t, server, "CREATE DATABASE "+name+" TEMPLATE template0")
	t.Cleanup(func() { administer(t, server, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") })
	u.Path = "/" + name
	return u.String()
}

func administer(t testing.TB, server, statement string) {
	t.Helper()
	db, err := sql.Open("pgx", server)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(context.Background(), statement); err != nil { // t.Context() is over in a cleanup
		t.Fatal(err)
	}
}
