package web

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"time"

	"adsteward/store"
)

const (
	sessionIdle     = 8 * time.Hour
	sessionAbsolute = 7 * 24 * time.Hour
	// sessionTouch is how stale a session's last use may be in the database, so
	// that reading pages does not write with every click.
	sessionTouch = time.Minute
)

// newToken returns 256 random bits, and the hash that is all the database keeps.
func newToken() (token, hash string) {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails since Go 1.24
	token = base64.RawURLEncoding.EncodeToString(b)
	return token, tokenHash(token)
}

func tokenHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// sessionCookie is the cookie's name. The __Host- prefix makes browsers insist
// on Secure and refuse one set by a sibling domain; it needs HTTPS.
func (s *Server) sessionCookie() string {
	if s.secure {
		return "__Host-adsteward"
	}
	return "adsteward"
}

func (s *Server) setSessionCookie(w http.ResponseWriter, token string, maxAge time.Duration) {
	// Lax, not Strict: a link in a notification must find its reader logged in.
	// Forms from other sites are refused by the cross-origin check.
	c := &http.Cookie{Name: s.sessionCookie(), Value: token, Path: "/", HttpOnly: true, Secure: s.secure,
		SameSite: http.SameSiteLaxMode, MaxAge: int(maxAge / time.Second)}
	if token == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// sessionUser returns who makes a request, nil if nobody is logged in.
func (s *Server) sessionUser(r *http.Request) (*store.User, error) {
	c, err := r.Cookie(s.sessionCookie())
	if err != nil || c.Value == "" {
		return nil, nil
	}
	ctx, hash, now := r.Context(), tokenHash(c.Value), s.now()
	ses, err := s.store.Session(ctx, hash)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if now.Sub(ses.SeenAt) > sessionIdle || now.Sub(ses.CreatedAt) > sessionAbsolute {
		return nil, nil
	}
	user, err := s.store.User(ctx, ses.UserName)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if now.Sub(ses.SeenAt) > sessionTouch {
		if err := s.store.TouchSession(ctx, hash, now); err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
	}
	return &user, nil
}

// startSession logs a user in with a fresh token; the one the browser came
// with, and sessions that ran out, end.
func (s *Server) startSession(ctx context.Context, w http.ResponseWriter, r *request, user string) error {
	token, hash := newToken()
	now := s.now()
	err := s.store.InTx(ctx, func(q *store.Queries) error {
		if err := q.DeleteSessionsBefore(ctx, now.Add(-sessionIdle), now.Add(-sessionAbsolute)); err != nil {
			return err
		}
		if c, err := r.Cookie(s.sessionCookie()); err == nil {
			if err := q.DeleteSession(ctx, tokenHash(c.Value)); err != nil {
				return err
			}
		}
		return q.PutSession(ctx, store.Session{TokenHash: hash, UserName: user, CreatedAt: now, SeenAt: now})
	})
	if err != nil {
		return err
	}
	s.setSessionCookie(w, token, sessionAbsolute)
	return nil
}
