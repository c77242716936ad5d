package store

import (
	"context"
	"time"
)

// Users lists who may log in, by name.
func (q *Queries) Users(ctx context.Context) ([]User, error) {
	return all[User](ctx, q, `SELECT * FROM users ORDER BY name`)
}

// User returns a user or ErrNotFound.
func (q *Queries) User(ctx context.Context, name string) (User, error) {
	u, err := one[User](ctx, q, `SELECT * FROM users WHERE name = ?`, name)
	return u, named(err, "user", name)
}

// PutUser stores a user; CreatedAt counts for a new one only.
func (q *Queries) PutUser(ctx context.Context, u User) error {
	u.CreatedAt = utc(u.CreatedAt)
	_, err := q.execNamed(ctx, `INSERT INTO users (name, role, password_hash, created_at) VALUES (:name, :role, :password_hash, :created_at)
		ON CONFLICT (name) DO UPDATE SET role = excluded.role, password_hash = excluded.password_hash`, u)
	return err
}

// DeleteUser removes a user with their sessions and login links.
func (q *Queries) DeleteUser(ctx context.Context, name string) error {
	return named(need(q.exec(ctx, `DELETE FROM users WHERE name = ?`, name)), "user", name)
}

// PutSession stores a new session.
func (q *Queries) PutSession(ctx context.Context, s Session) error {
	s.CreatedAt, s.SeenAt = utc(s.CreatedAt), utc(s.SeenAt)
	_, err := q.execNamed(ctx, `INSERT INTO sessions (token_hash, user_name, created_at, seen_at)
		VALUES (:token_hash, :user_name, :created_at, :seen_at)`, s)
	return conflict(err, "session")
}

// Session returns a session or ErrNotFound. Whether it is too old its caller knows.
func (q *Queries) Session(ctx context.Context, tokenHash string) (Session, error) {
	return one[Session](ctx, q, `SELECT * FROM sessions WHERE token_hash = ?`, tokenHash)
}

// TouchSession records that a session was seen.
func (q *Queries) TouchSession(ctx context.Context, tokenHash string, at time.Time) error {
	return need(q.exec(ctx, `UPDATE sessions SET seen_at = ? WHERE token_hash = ?`, utc(at), tokenHash))
}

// DeleteSession ends a session; one that is gone already is no error.
func (q *Queries) DeleteSession(ctx context.Context, tokenHash string) error {
	_, err := q.exec(ctx, `DELETE FROM sessions WHERE token_hash = ?`, tokenHash)
	return err
}

// DeleteSessionsBefore ends the sessions last seen before the one time or
// begun before the other.
func (q *Queries) DeleteSessionsBefore(ctx context.Context, seenBefore, createdBefore time.Time) error {
	_, err := q.exec(ctx, `DELETE FROM sessions WHERE seen_at < ? OR created_at < ?`, utc(seenBefore), utc(createdBefore))
	return err
}

// PutLoginLink stores a one-time link by the hash of its token.
func (q *Queries) PutLoginLink(ctx context.Context, tokenHash, user string, expires time.Time) error {
	_, err := q.exec(ctx, `INSERT INTO login_links (token_hash, user_name, expires_at) VALUES (?, ?, ?)`, tokenHash, user, utc(expires))
	return conflict(err, "login link")
}

// UseLoginLink spends a link and returns whose it is: ErrNotFound if it is
// unknown, used or expired at now.
func (q *Queries) UseLoginLink(ctx context.Context, tokenHash string, now time.Time) (user string, err error) {
	return one[string](ctx, q, `UPDATE login_links SET used_at = ? WHERE token_hash = ? AND used_at IS NULL AND expires_at > ?
		RETURNING user_name`, utc(now), tokenHash, utc(now))
}
