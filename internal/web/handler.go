package web

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"adsteward/internal/present"
	"adsteward/store"
)

// Roles, each of which may do what the ones before it may.
const (
	viewer   = "viewer"   // sees
	approver = "approver" // decides and pushes
	admin    = "admin"    // manages users
)

var roles = []string{viewer, approver, admin}

// atLeast reports whether a role includes another.
func atLeast(role, needed string) bool {
	rank := func(r string) int {
		for i, known := range roles {
			if r == known {
				return i
			}
		}
		return -1
	}
	return rank(role) >= rank(needed) && rank(role) >= 0
}

// request is one HTTP request and who makes it; user is nil on public pages
// and while nobody is logged in.
type request struct {
	*http.Request
	user *store.User
}

func (r *request) may(role string) bool { return r.user != nil && atLeast(r.user.Role, role) }

// api reports whether the client wants JSON rather than a page.
func (r *request) api() bool { return strings.HasPrefix(r.URL.Path, "/api/") }

// handler answers a request or returns why it could not; a *pageError is shown
// as it is, any other error is logged and shown as a fault of ours.
type handler func(w http.ResponseWriter, r *request) error

// pageError is an error with its status and words for the person who meets it.
type pageError struct {
	Status      int
	Title, Text string
}

func (e *pageError) Error() string { return e.Text }

var (
	errNoPage      = &pageError{http.StatusNotFound, "There is no such page", "The address may be old or mistyped."}
	errNoProposal  = &pageError{http.StatusNotFound, "There is no such proposal", "It may belong to another database, or its id is cut short."}
	errForbidden   = &pageError{http.StatusForbidden, "Your role does not allow this", "Ask an admin to give you the role it needs, on the Settings page."}
	errCrossOrigin = &pageError{http.StatusForbidden, "This request came from another site", "Open the page itself and try again from there."}
	errLogin       = &pageError{http.StatusUnauthorized, "Log in first", "Your session has ended, or there was none: nothing was done. Log in at /login and do it again."}
)

func badRequest(text string) error {
	return &pageError{http.StatusBadRequest, "That did not work", text}
}

// private lets only users of at least the given role through. Others are sent
// to the log-in, or told so.
func (s *Server) private(role string, h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		user, err := s.sessionUser(hr)
		r := &request{hr, user}
		switch {
		case err != nil:
		case user == nil && (r.api() || hr.Method != http.MethodGet):
			err = errLogin
		case user == nil:
			http.Redirect(w, hr, "/login?next="+url.QueryEscape(hr.URL.RequestURI()), http.StatusSeeOther)
			return
		case !atLeast(user.Role, role):
			err = errForbidden
		default:
			err = h(w, r)
		}
		s.fail(w, r, err)
	})
}

// open serves what needs no session.
func (s *Server) open(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		r := &request{Request: hr}
		s.fail(w, r, h(w, r))
	})
}

// fail shows an error as a page, or as JSON to the API; nil does nothing.
func (s *Server) fail(w http.ResponseWriter, r *request, err error) {
	if err == nil {
		return
	}
	var pe *pageError
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &pe):
	case r.Context().Err() != nil:
		return // nobody is there to read it
	case errors.As(err, &tooLarge):
		pe = &pageError{http.StatusRequestEntityTooLarge, "That is too much at once", "Select fewer proposals and try again."}
	default:
		id := rand.Text()[:8]
		s.log.ErrorContext(r.Context(), "a page failed", "id", id, "method", r.Method, "route", r.Pattern, "err", err)
		pe = &pageError{http.StatusInternalServerError, "Something went wrong here",
			"Nothing more was done. The log has the details under " + id + "."}
	}
	if r.api() {
		writeJSON(w, pe.Status, map[string]string{"error": pe.Title + ". " + pe.Text})
		return
	}
	s.render(w, r, pe.Status, "error", page{Title: pe.Title, Body: pe})
}

// form reads what a form sent.
func (r *request) form() error {
	err := r.ParseForm()
	var tooLarge *http.MaxBytesError
	if err != nil && !errors.As(err, &tooLarge) {
		return badRequest("The form could not be read; go back and send it again.")
	}
	return err
}

// reason is why, as a form says it; line breaks count once, as they do where it was typed.
func (r *request) reason() (string, error) {
	reason := strings.TrimSpace(strings.ReplaceAll(r.PostForm.Get("reason"), "\r\n", "\n"))
	if err := present.CheckReason(reason); err != nil {
		return "", badRequest(sentence(err.Error()))
	}
	return reason, nil
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"error": "the answer cannot be written as JSON"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n'))
}

// localPath returns an address within these pages, or "/" for anything else:
// what a form says to go back to must not lead to another site.
func localPath(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") || strings.ContainsAny(s, "\\\r\n") {
		return "/"
	}
	return s
}
