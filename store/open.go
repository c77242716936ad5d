// Package store keeps everything adsteward remembers, in SQLite or PostgreSQL:
// one schema (migrations/), one set of queries. It knows rows, not rules: what
// a value means, when a proposal may move and who may say so is decided by its
// callers. E-mail addresses and phone numbers go in and out in the clear and lie
// encrypted in the database.
//
// Everywhere in this package: account is the account group of the configuration
// and "" means all of them; times are stored and returned in UTC, cut to the
// microsecond; ranges of dates include both ends, ranges of times exclude the
// later one; rows given twice in one call count once, the last one.
package store

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/jmoiron/sqlx"
	"github.com/mattn/go-sqlite3"
)

// Dialect says which database a store is in.
type Dialect string

const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

// connectTimeout bounds the first contact with a PostgreSQL server.
const connectTimeout = 10 * time.Second

// sqliteSettings go into the DSN so that every pooled connection has them, not
// only the first. FULL: a commit survives power loss, which NORMAL does not
// promise in WAL mode. immediate: a transaction that will write waits for its
// turn at its start instead of failing with SQLITE_BUSY half-way. The busy
// timeout outlasts the longest transaction there is, the first import of a large
// account. The cache (KiB, negative) and the statements kept pay for bulk imports.
// No mutex: a pool gives a connection to one goroutine at a time, which is all that
// SQLite asks, and its own locks cost a fifth of reading many rows.
const sqliteSettings = "_journal_mode=WAL&_foreign_keys=on&_busy_timeout=20000&_txlock=immediate" +
	"&_loc=UTC&_mutex=no&_cache_size=-32000&_stmt_cache_size=64&_synchronous="

// Queries are the reads and writes, outside a transaction (Store) or inside one
// (InTx).
type Queries struct {
	ext     sqlx.ExtContext
	db      *sqlx.DB // nil inside a transaction
	dialect Dialect
	secrets *secrets
	// turn is held by whoever writes to SQLite, nil elsewhere. SQLite lets one write
	// at a time and has the others ask again and again, for as long as the busy
	// timeout; within a process they queue.
	turn chan struct{}
}

// Store is an open database. It is safe for concurrent use.
type Store struct {
	*Queries
	db   *sqlx.DB
	dsn  string
	path string // of the SQLite file, else ""
	sync string // its setting synchronous
}

// Open opens the database and makes sure that its schema and key fit. dsn is
// postgres://..., sqlite://PATH or a plain path. A SQLite file is made where
// there is none, readable by its owner only, and migrated; a PostgreSQL schema
// that is behind gives ErrNotMigrated. ErrUnreachable covers whatever keeps the
// database from being used, ErrWrongKey a key other than that of the first Open.
func Open(ctx context.Context, dsn string, key Key) (*Store, error) {
	if key == (Key{}) {
		return nil, errors.New("the encryption key is not set")
	}
	s, err := OpenForMigration(ctx, dsn, key)
	return s.prepared(ctx, key, err)
}

// OpenScratch is Open for a SQLite file that nobody misses after a power loss,
// such as a simulation's: its commits do not wait for the disk.
func OpenScratch(ctx context.Context, path string, key Key) (*Store, error) {
	s, err := open(ctx, path, key, "OFF")
	return s.prepared(ctx, key, err)
}

func (s *Store) prepared(ctx context.Context, key Key, err error) (*Store, error) {
	if err != nil {
		return nil, err
	}
	if err := s.prepare(ctx, key); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// OpenForMigration is Open without looking at the schema or the key.
func OpenForMigration(ctx context.Context, dsn string, key Key) (*Store, error) {
	return open(ctx, dsn, key, "FULL")
}

func open(ctx context.Context, dsn string, key Key, sync string) (*Store, error) {
	secrets, err := key.secrets()
	if err != nil {
		return nil, err
	}
	dialect, db, err := connect(ctx, dsn, sync)
	if err != nil {
		return nil, err
	}
	q := &Queries{ext: db, db: db, dialect: dialect, secrets: secrets}
	s := &Store{Queries: q, db: db, dsn: dsn, sync: sync}
	if dialect == SQLite {
		s.path = sqlitePath(dsn)
		q.turn = make(chan struct{}, 1)
	}
	return s, nil
}

func connect(ctx context.Context, dsn, sync string) (Dialect, *sqlx.DB, error) {
	if strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://") {
		db, err := sqlx.Open("pgx", dsn)
		if err != nil {
			return "", nil, unreachable("PostgreSQL", err)
		}
		db.SetMaxOpenConns(20)
		db.SetMaxIdleConns(5)
		ctx, cancel := context.WithTimeout(ctx, connectTimeout)
		defer cancel()
		if err := db.PingContext(ctx); err != nil {
			db.Close()
			return "", nil, unreachable("PostgreSQL", err)
		}
		return Postgres, db, nil
	}
	path := sqlitePath(dsn)
	if path == "" || path == ":memory:" {
		return "", nil, fmt.Errorf("%w: the store needs a file name or postgres://..., not %q", ErrUnreachable, path)
	}
	db, err := connectSQLite(ctx, path, sync)
	return SQLite, db, err
}

func sqlitePath(dsn string) string { return strings.TrimPrefix(dsn, "sqlite://") }

func connectSQLite(ctx context.Context, path, sync string) (*sqlx.DB, error) {
	// Made here so that no moment exists in which others could read it; SQLite
	// gives the files beside it the same mode. A file that is there is left to
	// SQLite: closing it would let go of all locks that this process has on it.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: the folder %s does not exist; make it or name another file", ErrUnreachable, filepath.Dir(path))
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, unreachable("SQLite", err)
	}
	db, err := sqlx.Open("sqlite3", sqliteURI(path, sync))
	if err != nil {
		return nil, unreachable(path, err)
	}
	db.SetMaxIdleConns(8)
	if err := firstContact(ctx, db, path); err != nil {
		db.Close()
		return nil, sqliteUnusable(path, err)
	}
	return db, nil
}

// firstContact opens one connection while nobody else opens their first: two
// that turn a new file to WAL at once would each hold what the other waits for,
// and SQLite then fails one of them without minding the busy timeout.
func firstContact(ctx context.Context, db *sqlx.DB, path string) error {
	unlock, err := waited(ctx, func() (func(), error) { return lockFile(path, "open") })
	if err != nil {
		return err
	}
	defer unlock()
	if err := layOut(ctx, path); err != nil {
		return err
	}
	var pages int
	return db.GetContext(ctx, &pages, "PRAGMA page_count")
}

// pageSize is four times SQLite's own, in bytes: a night goes through whole tables,
// for which many small pages are read and written one by one.
const pageSize = 16384

// layOut makes the pages of a new file, of which the size is settled with the first.
func layOut(ctx context.Context, path string) (err error) {
	if info, err := os.Stat(path); err != nil || info.Size() > 0 {
		return err
	}
	db, err := sql.Open("sqlite3", sqliteFile(path))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	_, err = db.ExecContext(ctx, fmt.Sprintf("PRAGMA page_size = %d; VACUUM", pageSize))
	return err
}

func sqliteFile(path string) string {
	return "file:" + strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path)
}

func sqliteURI(path, sync string) string { return sqliteFile(path) + "?" + sqliteSettings + sync }

// SQLitePool opens another pool on the same SQLite file with the same settings,
// for a library that wants one of its own. The caller closes it.
func (s *Store) SQLitePool() (*sql.DB, error) { return sql.Open("sqlite3", sqliteURI(s.path, s.sync)) }

func sqliteUnusable(path string, err error) error {
	var lite sqlite3.Error
	if errors.As(err, &lite) && (lite.Code == sqlite3.ErrNotADB || lite.Code == sqlite3.ErrCorrupt) {
		return fmt.Errorf("%w: %s is no SQLite database, or a damaged one; restore a backup or name another file", ErrUnreachable, path)
	}
	return unreachable(path, err)
}

// prepare brings a SQLite schema up to date or checks a PostgreSQL one, then
// checks the key.
func (s *Store) prepare(ctx context.Context, key Key) error {
	if s.dialect == SQLite {
		if _, err := s.MigrateUp(ctx); err != nil {
			return sqliteUnusable(s.path, err)
		}
	}
	if err := s.CheckSchema(ctx); err != nil {
		return err
	}
	return s.checkKey(ctx, key)
}

// CheckWrite reports what keeps this process from writing: a file that may only be
// read, others that hold it, a server that is a standby. It changes nothing.
func (s *Store) CheckWrite(ctx context.Context) error {
	undo := errors.New("undo")
	err := s.InTx(ctx, func(q *Queries) error {
		if _, err := q.exec(ctx, `UPDATE settings SET updated_at = updated_at WHERE key = ?`, keyCheck); err != nil {
			return err
		}
		return undo
	})
	if errors.Is(err, undo) {
		return nil
	}
	return Worded(err)
}

// checkKey compares the key with the mark the first Open left.
func (s *Store) checkKey(ctx context.Context, key Key) error {
	mark := key.Lookup("adsteward key check")
	found, ok, err := s.Setting(ctx, keyCheck)
	if err == nil && !ok {
		_, err = s.exec(ctx, `INSERT INTO settings (key, value, actor, updated_at) VALUES (?, ?, 'store', ?) ON CONFLICT DO NOTHING`,
			keyCheck, mark, utc(time.Now()))
		if err == nil {
			found, _, err = s.Setting(ctx, keyCheck) // another process may have been first
		}
	}
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare([]byte(found.Value), []byte(mark)) != 1 {
		return fmt.Errorf("%w; set the key this database was first opened with", ErrWrongKey)
	}
	return nil
}

const keyCheck = "key_check"

// Close closes the database.
func (s *Store) Close() error { return s.db.Close() }

// DB is the pool, for libraries that keep tables of their own in the same database.
func (s *Store) DB() *sqlx.DB { return s.db }

// Lookup is Key.Lookup with the store's key: the pseudonym under which an
// identifier is found.
func (s *Store) Lookup(normalized string) string { return s.secrets.lookup(normalized) }

// Dialect says which database this is.
func (s *Store) Dialect() Dialect { return s.dialect }

// DSN is what the store was opened with; for PostgreSQL it may hold a password.
func (s *Store) DSN() string { return s.dsn }

// InTx runs fn in one transaction, committed if fn returns nil and rolled back
// if it fails or panics. On SQLite transactions that write run one after the
// other. On PostgreSQL they see what others commit meanwhile (READ COMMITTED):
// decide by a compare-and-set such as MoveProposal, not by what was read.
func (s *Store) InTx(ctx context.Context, fn func(q *Queries) error) error {
	return s.atomically(ctx, fn)
}

// atomically runs fn in the transaction q is in, or in a new one.
func (q *Queries) atomically(ctx context.Context, fn func(q *Queries) error) error {
	if q.db == nil {
		return fn(q)
	}
	done, err := q.myTurn(ctx)
	if err != nil {
		return err
	}
	defer done()
	tx, err := q.db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	if err := fn(&Queries{ext: tx, dialect: q.dialect, secrets: q.secrets}); err != nil {
		return err
	}
	return tx.Commit()
}

// myTurn waits until nobody else of this process writes to SQLite; done lets the
// next one write. In a transaction it is one's turn already.
func (q *Queries) myTurn(ctx context.Context) (done func(), err error) {
	if q.turn == nil {
		return func() {}, nil
	}
	select {
	case q.turn <- struct{}{}:
		return func() { <-q.turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
