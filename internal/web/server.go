// Package web holds the review pages and the HTTP API: what a person sees of
// proposals, runs and the audit log, and the forms with which they decide. It
// reads the store, shows what it finds and hands every decision to a Desk. No
// rule about what may change lives here, and nothing here speaks to a platform.
//
// Pages are html/template, CSS and a little script of our own, embedded in the
// binary. They work without the script. The blocks in templates/blocks.html and
// internal/chart's templates are what every page is built of.
package web

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
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

// Server serves the pages. Make one with New.
type Server struct {
	store   *store.Store
	desk    Desk
	now     func() time.Time
	log     *slog.Logger
	public  string
	secure  bool
	pages   pages
	assets  assets
	logins  *limits
	hashing chan struct{} // bounds the memory that password hashing takes
	metrics *metrics
	plans   planCache
	handler http.Handler
	buffers sync.Pool // of *bytes.Buffer: a page of a megabyte is not grown anew each time

	closing   chan struct{}
	closeOnce sync.Once
}

// New reads the embedded pages and prepares the routes. It starts nothing.
func New(opt Options) (*Server, error) {
	if opt.Store == nil || opt.Desk == nil {
		return nil, errors.New("the review pages need a store and a desk")
	}
	s := &Server{
		store: opt.Store, desk: opt.Desk, now: opt.Now, log: opt.Log, secure: opt.Secure,
		public: strings.TrimSuffix(opt.PublicURL, "/"), logins: newLimits(),
		hashing: make(chan struct{}, 2), closing: make(chan struct{}),
	}
	s.buffers.New = func() any { return new(bytes.Buffer) }
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	var err error
	if s.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	if s.pages, err = loadPages(s.assets); err != nil {
		return nil, err
	}
	s.metrics = newMetrics(s)
	s.handler, err = s.routes()
	return s, err
}

// Handler answers every page, the API, /healthz, /metrics and /static/.
func (s *Server) Handler() http.Handler { return s.handler }

// Close ends the live streams, which would otherwise hold up the shutdown of an
// http.Server; hand it to RegisterOnShutdown. It may be called twice.
func (s *Server) Close() { s.closeOnce.Do(func() { close(s.closing) }) }

func (s *Server) routes() (http.Handler, error) {
	mux := http.NewServeMux()
	page := func(pattern, role string, h handler) { mux.Handle(pattern, s.private(role, h)) }

	page("GET /{$}", viewer, s.changes)
	page("GET /proposals/{id}", viewer, s.proposal)
	page("GET /runs", viewer, s.runs)
	page("GET /runs/{account}/{date}", viewer, s.run)
	page("GET /runs/{account}/{date}/ads", viewer, s.ads)
	page("GET /runs/{account}/{date}/events", viewer, s.runEvents)
	page("GET /outcomes", viewer, s.outcomes)
	page("GET /value", viewer, s.value)
	page("GET /value/targets", viewer, s.targets)
	page("GET /value/segments", viewer, s.segments)
	page("GET /value/lifetime", viewer, s.lifetime)
	page("GET /value/told", viewer, s.told)
	page("GET /value/audiences", viewer, s.audiences)
	page("GET /attribution", viewer, s.attribution)
	page("GET /attribution/csv/{table}", viewer, s.attributionCSV)
	page("GET /experiments", viewer, s.experiments)
	page("GET /experiments/plan", approver, s.planForm)
	page("GET /experiments/{id}", viewer, s.experiment)
	page("GET /feeds", viewer, s.feeds)
	page("GET /feeds/items", viewer, s.feedItems)
	page("GET /feeds/item", viewer, s.feedItem)
	page("GET /feeds/csv/{table}", viewer, s.feedCSV)
	page("GET /feeds/platform", viewer, s.feedWorld)
	page("GET /audit", viewer, s.audit)
	page("POST /audit/verify", viewer, s.verifyAudit)
	page("GET /settings", viewer, s.settings)
	page("GET /push", approver, s.pushForm)

	page("POST /decide", approver, s.decide)
	page("POST /push", approver, s.push)
	page("POST /proposals/{id}/edit", approver, s.edit)
	page("POST /proposals/{id}/rollback", approver, s.rollback)
	page("POST /experiments", approver, s.planExperiment)
	page("POST /experiments/{id}", approver, s.stepExperiment)
	page("POST /settings/kill-switch", approver, s.killSwitch)
	page("POST /settings/users", admin, s.inviteUser)
	page("POST /settings/users/role", admin, s.changeRole)
	page("POST /settings/users/remove", admin, s.removeUser)

	page("GET /api/proposals", viewer, s.apiProposals)
	page("GET /api/status", viewer, s.apiStatus)
	page("GET /api/attribution", viewer, s.apiAttribution)

	mux.Handle("GET /login", s.open(s.loginForm))
	mux.Handle("POST /login", s.open(s.login))
	mux.Handle("GET /login/link/{token}", s.open(s.linkForm))
	mux.Handle("POST /login/link/{token}", s.open(s.useLink))
	mux.Handle("POST /logout", s.open(s.logout))

	mux.HandleFunc("GET /healthz", s.health)
	mux.HandleFunc("GET /metrics", s.serveMetrics)
	mux.Handle("GET /static/", s.assets)
	mux.Handle("/", s.open(func(http.ResponseWriter, *request) error { return errNoPage }))

	guard := http.NewCrossOriginProtection()
	if u, err := url.Parse(s.public); err == nil && u.Host != "" {
		if err := guard.AddTrustedOrigin(u.Scheme + "://" + u.Host); err != nil {
			return nil, err
		}
	}
	guard.SetDenyHandler(s.open(func(http.ResponseWriter, *request) error { return errCrossOrigin }))
	return s.metrics.count(s.headers(limitBody(guard.Handler(mux))), mux), nil
}

// maxForm bounds what a form may send: ten thousand selected proposals fit.
const maxForm = 1 << 20

func limitBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		next.ServeHTTP(w, r)
	})
}

// headers sets what every answer carries. Pages are private: no-store is the
// rule and the static files, which carry their hash in the address, undo it.
func (s *Server) headers(next http.Handler) http.Handler {
	const csp = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", csp)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		// same-origin, not no-referrer: the latter makes browsers send "Origin: null"
		// with forms, which the cross-origin check could not tell from an attack.
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		h.Set("Cache-Control", "no-store")
		if s.secure {
			h.Set("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) health(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
	defer cancel()
	// A read, since a ping of SQLite asks nothing of the file.
	if _, _, err := s.store.Setting(ctx, killKey); err != nil {
		s.log.WarnContext(ctx, "health: the database does not answer", "err", err)
		http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("ok\n"))
}
