package store

import (
	"context"
	"strconv"
	"strings"
)

// Bind variables a statement may have: SQLITE_MAX_VARIABLE_NUMBER as compiled,
// and PostgreSQL's 16-bit count. maxBatch bounds the rows of a statement; more
// make nothing faster.
const (
	sqliteMaxVars   = 32766
	postgresMaxVars = 65535
	maxBatch        = 1000
)

// batch is how many rows of so many columns go into one statement.
func (q *Queries) batch(columns int) int {
	vars := sqliteMaxVars
	if q.dialect == Postgres {
		vars = postgresMaxVars
	}
	return min(vars/columns, maxBatch)
}

// insert is a multi-row INSERT: its table and columns, and what follows the values.
type insert struct {
	table   string
	columns []string
	tail    string
}

// upsert inserts, or replaces the columns that are not part of the key where
// any of them differs; a row that is there already counts as unchanged.
func upsert(table, key, columns string) insert {
	keys, rest := strings.Fields(key), strings.Fields(columns)
	set, differs := make([]string, len(rest)), make([]string, len(rest))
	for i, c := range rest {
		set[i] = c + " = excluded." + c
		differs[i] = table + "." + c + " IS DISTINCT FROM excluded." + c
	}
	tail := " ON CONFLICT (" + strings.Join(keys, ", ") + ") DO UPDATE SET " + strings.Join(set, ", ") +
		" WHERE " + strings.Join(differs, " OR ")
	return insert{table, append(keys, rest...), tail}
}

// statement is the text for n rows.
func (in insert) statement(d Dialect, n int) string {
	var b strings.Builder
	b.WriteString("INSERT INTO " + in.table + " (" + strings.Join(in.columns, ", ") + ") VALUES ")
	for v := range n * len(in.columns) {
		switch {
		case v%len(in.columns) != 0:
			b.WriteByte(',')
		case v == 0:
			b.WriteByte('(')
		default:
			b.WriteString("),(")
		}
		if d == Postgres {
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(v + 1))
		} else {
			b.WriteByte('?')
		}
	}
	b.WriteString(")" + in.tail)
	return b.String()
}

// insertAll writes rows in as few statements as the database allows, all or
// nothing, and returns how many changed. values appends a row's values to args
// in the order of the columns.
func insertAll[T any](ctx context.Context, q *Queries, in insert, rows []T, values func(args []any, row *T) []any) (changed int, err error) {
	if len(rows) == 0 {
		return 0, nil
	}
	err = q.atomically(ctx, func(q *Queries) error {
		size := q.batch(len(in.columns))
		var query string
		var args []any
		for start, had := 0, 0; start < len(rows); start += size {
			n := min(size, len(rows)-start)
			if n != had {
				query, had = in.statement(q.dialect, n), n
			}
			args = args[:0]
			for i := range n {
				args = values(args, &rows[start+i])
			}
			res, err := q.ext.ExecContext(ctx, query, args...)
			if err != nil {
				return err
			}
			affected, err := res.RowsAffected()
			if err != nil {
				return err
			}
			changed += int(affected)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return changed, nil
}

// lastOf keeps the last of the rows with equal keys, in the order of first
// appearance. PostgreSQL refuses an upsert that meets one row twice.
func lastOf[T any, K comparable](rows []T, key func(*T) K) []T {
	at := make(map[K]int, len(rows))
	for i := range rows {
		at[key(&rows[i])] = i
	}
	if len(at) == len(rows) {
		return rows
	}
	unique, pos := make([]T, 0, len(at)), make(map[K]int, len(at))
	for i := range rows {
		k := key(&rows[i])
		if p, ok := pos[k]; ok {
			unique[p] = rows[i]
			continue
		}
		pos[k] = len(unique)
		unique = append(unique, rows[i])
	}
	return unique
}
