// Package web holds the review pages and the HTTP API: what a person sees of
// proposals, runs and the audit log, and the forms with which they decide. It
// reads the store, shows what it finds and hands every decision to a Desk. No
// rule about what may change lives here, and nothing here speaks to a platform.
package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"adsteward/store"
)

// Options are what a Server is made of.
type Options struct {
	Store *store.Store
	Desk  Desk
	Now   func() time.Time // nil: time.Now
	Log   *slog.Logger     // nil: nothing is logged
	// PublicURL is where people reach the pages, without a trailing slash, such as
	// https://ads.example.com; links for logging in begin with it.
	PublicURL string
	// Secure says that the pages are reached over HTTPS: cookies then have the
	// __Host- prefix and Secure, and HSTS is sent. Leave it false on plain
	// loopback HTTP only.
	Secure bool
}

// Server serves the pages. Make one with New; it holds no goroutine of its own.
type Server struct{ opt Options }

// New checks the options and reads the embedded templates.
func New(opt Options) (*Server, error) {
	if opt.Store == nil || opt.Desk == nil {
		return nil, errors.New("web: a store and a desk are needed")
	}
	return &Server{opt}, nil
}

// Handler answers every page, the API, /healthz, /metrics and /static/.
func (s *Server) Handler() http.Handler { return http.NotFoundHandler() }

// FirstLink makes sure that somebody can log in: while no user has a password
// it creates the user "admin" with the role admin and returns a one-time link
// that holds for 24 hours. Otherwise it returns "".
func (s *Server) FirstLink(ctx context.Context) (string, error) { return "", nil }

// LoginLink returns a one-time link, good for 24 hours, with which the user sets
// a new password and is logged in.
func (s *Server) LoginLink(ctx context.Context, user string) (string, error) { return "", nil }
