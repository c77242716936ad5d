package store

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"syscall"
	"time"
)

// Lock waits until no other process or goroutine holds the lock of that name
// and takes it. It is let go by the returned function, and by the operating
// system or the database when the process dies, so that whoever comes after a
// crash can go on at once.
//
// On SQLite it is an advisory lock on a file beside the database, on PostgreSQL
// a session's advisory lock on a connection of its own.
func (s *Store) Lock(ctx context.Context, name string) (unlock func(), err error) {
	return waited(ctx, func() (func(), error) { return s.TryLock(ctx, name) })
}

// waited tries for a lock until it is to be had.
func waited(ctx context.Context, try func() (func(), error)) (unlock func(), err error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		unlock, err := try()
		if !errors.Is(err, ErrLocked) {
			return unlock, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-tick.C:
		}
	}
}

// ErrLocked is TryLock's answer where somebody else holds the lock.
var ErrLocked = errors.New("locked by another process")

// TryLock is Lock without the waiting: ErrLocked where the lock is held.
func (s *Store) TryLock(ctx context.Context, name string) (unlock func(), err error) {
	if s.Dialect() == Postgres {
		return s.lockPostgres(ctx, name)
	}
	return lockFile(s.path, name)
}

func lockNumber(name string) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return int64(h.Sum64())
}

func (s *Store) lockPostgres(ctx context.Context, name string) (func(), error) {
	conn, err := s.DB().Conn(ctx)
	if err != nil {
		return nil, err
	}
	var got bool
	if err := conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock($1)", lockNumber(name)).Scan(&got); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if !got {
		return nil, errors.Join(ErrLocked, conn.Close())
	}
	return func() {
		// A connection that is gone has let go of the lock already.
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", lockNumber(name))
		_ = conn.Close()
	}, nil
}

// lockInTx waits for the lock of a name and holds it until the transaction that q is
// in ends. On SQLite it has nothing to do: one transaction at a time writes.
func (q *Queries) lockInTx(ctx context.Context, name string) error {
	if q.dialect == SQLite {
		return nil
	}
	_, err := q.exec(ctx, `SELECT pg_advisory_xact_lock(?)`, lockNumber(name))
	return err
}

// lockFile locks a file that is there only while somebody holds it: nights have
// locks of their own, and would leave one file each.
func lockFile(database, name string) (func(), error) {
	path := fmt.Sprintf("%s.%016x.lock", database, uint64(lockNumber(name)))
	for {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, err
		}
		switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
		case errors.Is(err, syscall.EWOULDBLOCK):
			return nil, errors.Join(ErrLocked, f.Close())
		case err != nil:
			return nil, errors.Join(err, f.Close())
		}
		if isAt(f, path) {
			return func() {
				_ = os.Remove(path) // before letting go: whoever has it open sees that it is gone
				_ = f.Close()       // closing lets go
			}, nil
		}
		// Whoever held it took the file away between opening and locking.
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
}

// isAt reports whether the path still leads to the open file.
func isAt(f *os.File, path string) bool {
	open, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(open, there)
}
