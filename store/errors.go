package store

import (
	"errors"
	"fmt"
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
