package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
)

// exec runs a statement written with ? and returns the rows it changed.
func (q *Queries) exec(ctx context.Context, query string, args ...any) (int64, error) {
	done, err := q.myTurn(ctx)
	if err != nil {
		return 0, err
	}
	defer done()
	res, err := q.ext.ExecContext(ctx, q.rebind(query), args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// execNamed runs a statement written with :column of arg's db tags.
func (q *Queries) execNamed(ctx context.Context, query string, arg any) (int64, error) {
	done, err := q.myTurn(ctx)
	if err != nil {
		return 0, err
	}
	defer done()
	res, err := sqlx.NamedExecContext(ctx, q.ext, query, arg)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (q *Queries) rebind(query string) string {
	if q.dialect == SQLite {
		return query
	}
	return sqlx.Rebind(sqlx.DOLLAR, query)
}

// one reads exactly one row into a struct or a plain value; ErrNotFound if there is none.
func one[T any](ctx context.Context, q *Queries, query string, args ...any) (T, error) {
	var v T
	err := sqlx.GetContext(ctx, q.ext, &v, q.rebind(query), args...)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	return v, err
}

// all reads every row.
func all[T any](ctx context.Context, q *Queries, query string, args ...any) ([]T, error) {
	var list []T
	err := sqlx.SelectContext(ctx, q.ext, &list, q.rebind(query), args...)
	return list, err
}

// among is the right side of IN for n values. VALUES makes it a relation to join
// with: a plain list PostgreSQL compares with every row one by one once it has
// settled on a generic plan.
func among(n int) string {
	return "(VALUES (?)" + strings.Repeat(", (?)", n-1) + ")"
}

// with puts values before the strings in a list of args.
func with(values []string, first ...any) []any {
	for _, v := range values {
		first = append(first, v)
	}
	return first
}

// each hands the rows to fn one after the other.
func each[T any](ctx context.Context, q *Queries, fn func(*T) error, query string, args ...any) error {
	rows, err := q.ext.QueryxContext(ctx, q.rebind(query), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var v T
		if err := rows.StructScan(&v); err != nil {
			return err
		}
		if err := fn(&v); err != nil {
			return err
		}
	}
	return rows.Err()
}

// eachRow is each for queries of many rows, where fn scans the columns itself:
// filling a struct by names costs as much again as the query.
func (q *Queries) eachRow(ctx context.Context, fn func(*sqlx.Rows) error, query string, args ...any) error {
	rows, err := q.ext.QueryxContext(ctx, q.rebind(query), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// eachValue is eachRow for the longest of all readings: of each row the n values
// as the driver gives them, int64, float64, string or nil, which saves finding out
// for every one of them what it is to become. They are overwritten by the next row.
func (q *Queries) eachValue(ctx context.Context, n int, fn func(v []any) error, query string, args ...any) error {
	v, at := make([]any, n), make([]any, n)
	for i := range v {
		at[i] = &v[i]
	}
	return q.eachRow(ctx, func(rows *sqlx.Rows) error {
		if err := rows.Scan(at...); err != nil {
			return err
		}
		return fn(v)
	}, query, args...)
}

// where collects the conditions of a query.
type where struct {
	conds []string
	args  []any
}

func (w *where) add(cond string, args ...any) {
	w.conds = append(w.conds, cond)
	w.args = append(w.args, args...)
}

// equal adds column = value unless value is empty.
func (w *where) equal(column, value string) {
	if value != "" {
		w.add(column+" = ?", value)
	}
}

func (w *where) String() string {
	if len(w.conds) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conds, " AND ")
}

func inAccount(account string) *where {
	w := &where{}
	w.equal("account", account)
	return w
}

// flag is how a bool is written.
func flag(on bool) int64 {
	if on {
		return 1
	}
	return 0
}

// utc is how every time is written: both databases then return what was given.
func utc(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

func utcNull(t sql.NullTime) sql.NullTime {
	if t.Valid {
		t.Time = utc(t.Time)
	}
	return t
}

// need turns "no row changed" into ErrNotFound.
func need(n int64, err error) error {
	if err == nil && n == 0 {
		return ErrNotFound
	}
	return err
}
