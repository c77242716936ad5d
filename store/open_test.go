package store_test

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/mattn/go-sqlite3"

	"adsteward/store"
	"adsteward/store/storetest"
)

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := filepath.Join(dir, "notes.txt")
	check(t, os.WriteFile(text, []byte(strings.Repeat("no database, but long enough to be one\n", 100)), 0o600))
	torn := filepath.Join(dir, "torn.db")
	check(t, storetest.OpenAt(t, torn, store.NewKey()).Close())
	whole := must(os.ReadFile(torn))(t)
	check(t, os.WriteFile(torn, append(whole[:100:100], bytes.Repeat([]byte{7}, len(whole)-100)...), 0o600))
	check(t, os.RemoveAll(torn+"-wal"))

	for _, c := range []struct{ name, dsn, says string }{
		{"a text file", text, "no SQLite database"},
		{"a damaged file", torn, "no SQLite database, or a damaged one"},
		{"a folder", dir, "is a directory"},
		{"a missing folder", filepath.Join(dir, "none", "a.db"), "does not exist"},
		{"nothing", "sqlite://", "file name"},
		{"memory", ":memory:", "file name"},
		{"a closed port", "postgres://ann:secret@127.0.0.1:1/x", "127.0.0.1"},
		{"an unreadable URL", "postgres://ann:secret@[bad/x", "PostgreSQL"},
	} {
		s, err := store.Open(t.Context(), c.dsn, store.NewKey())
		if err == nil {
			t.Errorf("%s: opened", c.name)
			check(t, s.Close())
			continue
		}
		if !errors.Is(err, store.ErrUnreachable) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.name, err)
		}
		if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: not one line, or not for everybody: %v", c.name, err)
		}
	}
	if got := must(os.ReadFile(text))(t); !bytes.HasPrefix(got, []byte("no database")) {
		t.Error("the text file was written to")
	}
}

func TestOpenReadOnlyFolder(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("the superuser may write anywhere")
	}
	dir := t.TempDir()
	check(t, os.Chmod(dir, 0o500))
	_, err := store.Open(t.Context(), filepath.Join(dir, "a.db"), store.NewKey())
	is(t, err, store.ErrUnreachable)
}

func TestOpenKey(t *testing.T) {
	t.Parallel()
	for name, dsn := range dsns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn, key := dsn(t), store.NewKey()
			if s, err := store.Open(t.Context(), dsn, store.Key{}); err == nil {
				check(t, s.Close())
				t.Fatal("opened without a key")
			}
			migrate(t, dsn)
			check(t, storetest.OpenAt(t, dsn, key).Close())
			check(t, storetest.OpenAt(t, dsn, key).Close())
			_, err := store.Open(t.Context(), dsn, store.NewKey())
			is(t, err, store.ErrWrongKey)
			if errors.Is(err, store.ErrUnreachable) {
				t.Error("a wrong key is no question of reaching the database")
			}
		})
	}
}

// dsns make an empty database of each kind.
var dsns = map[string]func(testing.TB) string{
	"sqlite":   func(t testing.TB) string { return "sqlite://" + filepath.Join(t.TempDir(), "odd name? #1 100%.db") },
	"postgres": storetest.PostgresDSN,
}

func migrate(t testing.TB, dsn string) {
	t.Helper()
	s := must(store.OpenForMigration(t.Context(), dsn, store.NewKey()))(t)
	must(s.MigrateUp(t.Context()))(t)
	check(t, s.Close())
}

func TestOpenNotMigrated(t *testing.T) {
	t.Parallel()
	ctx, dsn := t.Context(), storetest.PostgresDSN(t)
	_, err := store.Open(ctx, dsn, store.NewKey())
	is(t, err, store.ErrNotMigrated)
	if !strings.Contains(err.Error(), "adsteward migrate up") {
		t.Errorf("no remedy: %v", err)
	}
	s := must(store.OpenForMigration(ctx, dsn, store.NewKey()))(t)
	defer s.Close()
	same(t, "applied before", must(s.MigrationStatus(ctx))(t)[0].Applied, false)
	same(t, "applied", must(s.MigrateUp(ctx))(t)[0], "00001_init.sql")
}

func TestOpenNewerSchema(t *testing.T) {
	t.Parallel()
	for name, dsn := range dsns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := dsn(t)
			migrate(t, dsn)
			s := must(store.OpenForMigration(t.Context(), dsn, store.NewKey()))(t)
			defer s.Close()
			s.DB().MustExec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)`)
			_, err := store.Open(t.Context(), dsn, store.NewKey())
			is(t, err, store.ErrNotMigrated)
			if !strings.Contains(err.Error(), "newer program") {
				t.Errorf("no remedy: %v", err)
			}
		})
	}
}

// TestOpenTogether starts several processes' worth of stores on one new database.
func TestOpenTogether(t *testing.T) {
	t.Parallel()
	path, key := filepath.Join(t.TempDir(), "a.db"), store.NewKey()
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			s, err := store.Open(t.Context(), path, key)
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestSQLiteSettings(t *testing.T) {
	t.Parallel()
	s, ctx := storetest.Open(t), t.Context()
	// Several connections at once: a setting made on one only would show.
	for range 4 {
		conn := must(s.DB().Connx(ctx))(t)
		defer conn.Close()
		for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "20000", "page_size": "16384"} {
			var got string
			check(t, conn.GetContext(ctx, &got, "PRAGMA "+pragma))
			same(t, pragma, got, want)
		}
	}
}

func TestScratchDoesNotWaitForTheDisk(t *testing.T) {
	t.Parallel()
	s, ctx := must(store.OpenScratch(t.Context(), filepath.Join(t.TempDir(), "a.db"), store.NewKey()))(t), t.Context()
	defer s.Close()
	pool := must(s.SQLitePool())(t)
	defer pool.Close()
	for name, db := range map[string]*sql.DB{"its own": s.DB().DB, "another's": pool} {
		var got string
		check(t, db.QueryRowContext(ctx, "PRAGMA synchronous").Scan(&got))
		same(t, name, got, "0")
	}
}

func TestSQLiteFileIsPrivate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := storetest.OpenAt(t, filepath.Join(dir, "a.db"), store.NewKey())
	check(t, s.PutUser(t.Context(), store.User{Name: "ann"}))
	check(t, s.Backup(t.Context(), filepath.Join(dir, "backup.db")))
	files := must(os.ReadDir(dir))(t)
	if len(files) < 3 {
		t.Fatalf("only %d files", len(files)) // database, log and backup
	}
	for _, f := range files {
		if mode := must(f.Info())(t).Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %o", f.Name(), mode)
		}
	}
}

func TestPersonalDataIsNotInTheFile(t *testing.T) {
	t.Parallel()
	dir, ctx := t.TempDir(), t.Context()
	s := storetest.OpenAt(t, filepath.Join(dir, "a.db"), store.NewKey())
	must(s.UpsertCustomers(ctx, []store.Customer{{Account: acc, CustomerID: "customer-1", Email: "ann@example.com", Phone: "491701234567"}}))(t)
	must(s.UpsertCarts(ctx, []store.Cart{{Account: acc, CartID: "cart-1", Email: "ann@example.com", UpdatedAt: at}}))(t)
	must(s.UpsertConsents(ctx, []store.Consent{{Account: acc, Email: "Ann@example.com", Purpose: "ads", At: at}}))(t)
	look := func() (all []byte) {
		for _, f := range must(os.ReadDir(dir))(t) {
			all = append(all, must(os.ReadFile(filepath.Join(dir, f.Name())))(t)...)
		}
		return all
	}
	for _, moment := range []string{"open", "closed"} {
		all := look()
		if !bytes.Contains(all, []byte("customer-1")) || !bytes.Contains(all, []byte("cart-1")) {
			t.Fatalf("%s: the rows are not in the files; this test looks in the wrong place", moment)
		}
		for _, personal := range []string{"ann@example.com", "Ann@example.com", "491701234567"} {
			if bytes.Contains(all, []byte(personal)) {
				t.Errorf("%s: %s lies readable in the database", moment, personal)
			}
		}
		check(t, s.Close())
	}
}

// TestSQLitePool writes through a library's own pool what the store then reads.
func TestSQLitePool(t *testing.T) {
	t.Parallel()
	key := store.NewKey()
	s := storetest.OpenAt(t, filepath.Join(t.TempDir(), "odd name? #1.db"), key)
	pool := must(s.SQLitePool())(t)
	defer pool.Close()
	must(pool.ExecContext(t.Context(), `INSERT INTO policies (policy_id, body, created_at) VALUES ('id', 'body', '2026-01-01 00:00:00+00:00')`))(t)
	same(t, "policy", must(s.Policy(t.Context(), "id"))(t), "body")
	same(t, "lookup", s.Lookup("ann"), key.Lookup("ann"))
}

// TestReadModifyWrite has writers decide by what they read, each in a
// transaction: on SQLite none may fail, and none may be lost.
func TestReadModifyWrite(t *testing.T) {
	t.Parallel()
	s, ctx := storetest.Open(t), t.Context()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 15 {
				if err := s.InTx(ctx, func(q *store.Queries) error {
					old, _, err := q.Setting(ctx, "count")
					if err != nil {
						return err
					}
					return q.PutSetting(ctx, store.Setting{Key: "count", Value: old.Value + "x", UpdatedAt: at})
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	count, _, err := s.Setting(ctx, "count")
	check(t, err)
	same(t, "writes", len(count.Value), 8*15)
}

// TestWriteWhileReading writes through one connection while a cursor is open on another.
func TestWriteWhileReading(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		for i := range 50 {
			must(s.UpsertOrders(ctx, []store.Order{order(fmt.Sprint(i), "1", "2026-01-01", 1)}))(t)
		}
		n := 0
		check(t, s.EachOrder(ctx, acc, 0, day("2099-01-01"), func(o store.Order) error {
			n++
			_, err := s.UpsertOrders(ctx, []store.Order{order("new"+o.OrderID, "9", "2026-01-01", 1)})
			return err
		}))
		same(t, "orders read", n, 50)
		same(t, "orders stored", must(s.Counts(ctx, acc))(t).Orders, int64(100))
	})
}

func TestBackupWhileWriting(t *testing.T) {
	t.Parallel()
	dir, ctx, key := t.TempDir(), t.Context(), store.NewKey()
	s := storetest.OpenAt(t, filepath.Join(dir, "a.db"), key)
	copied := filepath.Join(dir, "copy.db")

	begun, stop, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() { // writes pairs: both or none may be in the copy
		var err error
		for i := 0; err == nil; i++ {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			err = s.InTx(ctx, func(q *store.Queries) error {
				if _, err := q.Audit(ctx, entry(i)); err != nil {
					return err
				}
				_, err := q.UpsertOrders(ctx, []store.Order{order(fmt.Sprint(i), "1", "2026-01-01", 1)})
				return err
			})
			if i == 5 {
				close(begun)
			}
		}
		done <- err
	}()
	<-begun
	check(t, s.Backup(ctx, copied))
	close(stop)
	check(t, <-done)

	b := storetest.OpenAt(t, copied, key)
	n, _, err := b.VerifyAudit(ctx)
	check(t, err)
	if n < 6 || n != must(b.Counts(ctx, acc))(t).Orders {
		t.Errorf("the copy has %d audit entries and %d orders", n, must(b.Counts(ctx, acc))(t).Orders)
	}
	if err := s.Backup(ctx, copied); err == nil || !strings.Contains(err.Error(), "exists") {
		t.Errorf("the backup was overwritten: %v", err)
	}
	if _, _, err := b.VerifyAudit(ctx); err != nil {
		t.Errorf("the refused backup damaged the old one: %v", err)
	}
	is(t, s.Backup(ctx, filepath.Join(dir, "none", "b.db")), fs.ErrNotExist)
}

func TestBackupOfPostgres(t *testing.T) {
	t.Parallel()
	s := storetest.OpenPostgres(t)
	if err := s.Backup(t.Context(), filepath.Join(t.TempDir(), "b")); err == nil || !strings.Contains(err.Error(), "pg_dump") {
		t.Errorf("got %v", err)
	}
}

func TestIsFull(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want bool
	}{
		{fmt.Errorf("importing: %w", sqlite3.Error{Code: sqlite3.ErrFull}), true},
		{sqlite3.Error{Code: sqlite3.ErrIoErr}, true},
		{sqlite3.Error{Code: sqlite3.ErrBusy}, false},
		{&pgconn.PgError{Code: "53100"}, true},
		{&pgconn.PgError{Code: "23505"}, false},
		{&fs.PathError{Err: syscall.ENOSPC}, true},
		{context.Canceled, false},
		{nil, false},
	} {
		same(t, fmt.Sprint(c.err), store.IsFull(c.err), c.want)
	}
}

func TestIsUnusable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want string // what Worded ends with, "" where it leaves the error alone
	}{
		{sqlite3.Error{Code: sqlite3.ErrFull}, "make room on its disk, or see what is wrong with it"},
		{fmt.Errorf("run: %w", sqlite3.Error{Code: sqlite3.ErrBusy}), "another program holds it; end that, and try again"},
		{sqlite3.Error{Code: sqlite3.ErrCorrupt}, "its file is damaged; restore a backup"},
		{sqlite3.Error{Code: sqlite3.ErrReadonly}, "let this user write to it, to the files beside it and to their folder"},
		{fmt.Errorf("run: %w", &pgconn.PgError{Code: "57P01"}), "see that the server is up and to be reached, and try again"},
		{&pgconn.PgError{Code: "57014"}, ""},
		{driver.ErrBadConn, "see that the server is up and to be reached, and try again"},
		{sqlite3.Error{Code: sqlite3.ErrConstraint}, ""},
		{&pgconn.PgError{Code: "23505"}, ""},
		{context.Canceled, ""},
		{nil, ""},
	} {
		same(t, fmt.Sprint(c.err), store.IsUnusable(c.err), c.want != "")
		if got := store.Worded(c.err); !errors.Is(got, c.err) || c.want != "" && !strings.HasSuffix(got.Error(), "; "+c.want) || c.want == "" && got != c.err {
			t.Errorf("%v becomes %v", c.err, got)
		}
	}
	same(t, "a file beside it", store.IsUnusable(&fs.PathError{Err: syscall.ENOSPC}), true)
}

// TestSQLiteFull fills a database up to a limit: the import fails as a whole,
// and the store goes on working.
func TestSQLiteFull(t *testing.T) {
	t.Parallel()
	s, ctx := storetest.Open(t), t.Context()
	s.DB().SetMaxOpenConns(1) // the limit is a connection's
	var pages int
	check(t, s.DB().Get(&pages, `PRAGMA page_count`))
	s.DB().MustExec(fmt.Sprintf(`PRAGMA max_page_count = %d`, pages+20))
	list := make([]store.Order, 5000)
	for i := range list {
		list[i] = order(fmt.Sprint(i), "1", "2026-01-01", 1)
	}
	if _, err := s.UpsertOrders(ctx, list); !store.IsFull(err) {
		t.Fatalf("got %v", err)
	}
	same(t, "orders", must(s.Counts(ctx, acc))(t).Orders, int64(0))
	same(t, "a smaller import", must(s.UpsertOrders(ctx, list[:10]))(t), 10)
}

// Set for the child process of the crash tests.
const envCrash, envCrashKey = "ADSTEWARD_TEST_CRASH_DSN", "ADSTEWARD_TEST_CRASH_KEY"

// TestCrash kills a process in the middle of a transaction.
func TestCrash(t *testing.T) {
	if os.Getenv(envCrash) != "" {
		crash(t)
		return
	}
	t.Parallel()
	for name, dsn := range dsns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, dsn, key := t.Context(), dsn(t), store.NewKey()
			migrate(t, dsn)
			s := storetest.OpenAt(t, dsn, key)
			must(s.Audit(ctx, entry(0)))(t)

			cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestCrash$")
			cmd.Env = append(os.Environ(), envCrash+"="+dsn, envCrashKey+"="+key.Hex())
			out := must(cmd.StdoutPipe())(t)
			stdin := must(cmd.StdinPipe())(t) // held open: the child waits for it
			defer stdin.Close()
			check(t, cmd.Start())
			line, err := bufio.NewReader(out).ReadString('\n')
			if line != "written, not committed\n" {
				t.Errorf("the child said %q, %v", line, err)
			}
			if _, err := s.TryLock(ctx, "push"); !errors.Is(err, store.ErrLocked) {
				t.Errorf("the child's lock does not hold: %v", err)
			}
			check(t, cmd.Process.Kill())
			_ = cmd.Wait() // "signal: killed"

			unlock := must(s.Lock(ctx, "push"))(t) // the dead hold nothing
			unlock()
			must(s.Audit(ctx, entry(1)))(t)
			n, _, err := s.VerifyAudit(ctx)
			check(t, err)
			same(t, "audit entries", n, int64(2))
			same(t, "orders", must(s.Counts(ctx, acc))(t).Orders, int64(0))
		})
	}
}

// crash is the child of TestCrash: it writes, says so and waits to be killed.
func crash(t *testing.T) {
	key := must(store.ParseKey(os.Getenv(envCrashKey)))(t)
	s := storetest.OpenAt(t, os.Getenv(envCrash), key)
	unlock := must(s.Lock(t.Context(), "push"))(t)
	defer unlock()
	list := make([]store.Order, 20_000) // more than the page cache holds back
	for i := range list {
		list[i] = order(fmt.Sprint(i), "1", "2026-01-01", 1, line("x", 1, 1, nil))
	}
	check(t, s.InTx(t.Context(), func(q *store.Queries) error {
		if _, err := q.Audit(t.Context(), entry(9)); err != nil {
			return err
		}
		if _, err := q.UpsertOrders(t.Context(), list); err != nil {
			return err
		}
		fmt.Println("written, not committed")
		_, err := os.Stdin.Read(make([]byte, 1))
		return err
	}))
}
