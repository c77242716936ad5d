package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/mattn/go-sqlite3"
)

// What callers tell apart with errors.Is. Returned errors wrap these in a
// sentence that says what and what to do.
var (
	ErrNotFound    = errors.New("not found")
	ErrConflict    = errors.New("exists already")
	ErrAmbiguous   = errors.New("ambiguous")
	ErrNotMigrated = errors.New("the database schema does not fit this version of adsteward")
	ErrUnreachable = errors.New("the database cannot be used")
	ErrWrongKey    = errors.New("the encryption key is not the one this database was made with")
)

// IsFull reports whether err says that the disk is full, fails, or lets nothing
// be written.
func IsFull(err error) bool {
	var lite sqlite3.Error
	if errors.As(err, &lite) {
		return lite.Code == sqlite3.ErrFull || lite.Code == sqlite3.ErrIoErr || lite.Code == sqlite3.ErrReadonly || lite.Code == sqlite3.ErrCantOpen
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "53100" || pg.Code == "58030" // disk_full, io_error
	}
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EIO) || errors.Is(err, syscall.EROFS)
}

// IsUnusable reports whether err says that the database cannot be used now, whatever
// is asked of it: as IsFull has it, or another program keeps it locked, its file is
// damaged, its server is gone.
func IsUnusable(err error) bool { return IsFull(err) || remedy(err) != "" }

// Worded makes one sentence with a remedy, and ErrUnreachable, of an error that so far
// has the database's own words alone. Others are returned as they are.
func Worded(err error) error {
	what := remedy(err)
	if what == "" || errors.Is(err, ErrUnreachable) {
		return err
	}
	return fmt.Errorf("%w: %w; %s", ErrUnreachable, err, what)
}

// remedy says what to do about a database that cannot be used; "" where it can be.
func remedy(err error) string {
	const (
		space  = "make room on its disk, or see what is wrong with it"
		write  = "let this user write to it, to the files beside it and to their folder"
		locked = "another program holds it; end that, and try again"
		repair = "its file is damaged; restore a backup"
		server = "see that the server is up and to be reached, and try again"
	)
	var lite sqlite3.Error
	if errors.As(err, &lite) {
		return map[sqlite3.ErrNo]string{sqlite3.ErrFull: space, sqlite3.ErrIoErr: space, sqlite3.ErrReadonly: write, sqlite3.ErrCantOpen: write,
			sqlite3.ErrBusy: locked, sqlite3.ErrLocked: locked, sqlite3.ErrCorrupt: repair, sqlite3.ErrNotADB: repair}[lite.Code]
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch {
		case pg.Code == "53100" || pg.Code == "58030": // disk_full, io_error
			return space
		case pg.Code == "57014": // query_canceled: somebody asked for that
			return ""
		case slices.Contains([]string{"08", "53", "57"}, pg.Code[:min(2, len(pg.Code))]), pg.Code == "25006": // a server that only reads: a standby
			return server
		}
		return ""
	}
	if errors.Is(err, context.Canceled) { // the caller's own doing
		return ""
	}
	var lost interface{ SafeToRetry() bool } // pgx's faults of a connection, and nobody else's
	var refused *pgconn.ConnectError
	if errors.As(err, &lost) || errors.As(err, &refused) || errors.Is(err, driver.ErrBadConn) {
		return server
	}
	return ""
}

// conflict turns the violation of a primary key or unique index into ErrConflict.
func conflict(err error, what string) error {
	var lite sqlite3.Error
	var pg *pgconn.PgError
	if errors.As(err, &lite) && (lite.ExtendedCode == sqlite3.ErrConstraintPrimaryKey || lite.ExtendedCode == sqlite3.ErrConstraintUnique) ||
		errors.As(err, &pg) && pg.Code == "23505" {
		return fmt.Errorf("%s %w", what, ErrConflict)
	}
	return err
}

// unreachable makes one line of err: drivers try several addresses and report
// each on a line of its own.
func unreachable(what string, err error) error {
	return fmt.Errorf("%w: %s: %s", ErrUnreachable, what, strings.Join(strings.Fields(err.Error()), " "))
}
