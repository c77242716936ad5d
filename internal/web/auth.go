package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"adsteward/store"
)

const linkLife = 24 * time.Hour

// FirstLink makes sure that somebody can log in: while no user has a password
// it creates the user "admin" with the role admin and returns a one-time link
// that holds for 24 hours. Otherwise it returns "".
func (s *Server) FirstLink(ctx context.Context) (string, error) {
	const first = "admin"
	var link string
	err := s.store.InTx(ctx, func(q *store.Queries) error {
		users, err := q.Users(ctx)
		if err != nil {
			return err
		}
		have := false
		for _, u := range users {
			if u.PasswordHash != "" {
				return nil
			}
			have = have || u.Name == first && u.Role == admin
		}
		if !have {
			if err := q.PutUser(ctx, store.User{Name: first, Role: admin, CreatedAt: s.now()}); err != nil {
				return err
			}
		}
		link, err = s.newLink(ctx, q, first, "system")
		return err
	})
	return link, err
}

// LoginLink returns a one-time link, good for 24 hours, with which the user can
// log in and set a new password. The error is store.ErrNotFound for a user that
// does not exist.
func (s *Server) LoginLink(ctx context.Context, user string) (string, error) {
	var link string
	err := s.store.InTx(ctx, func(q *store.Queries) error {
		if _, err := q.User(ctx, user); err != nil {
			return err
		}
		var err error
		link, err = s.newLink(ctx, q, user, "system")
		return err
	})
	return link, err
}

func (s *Server) newLink(ctx context.Context, q *store.Queries, user, by string) (string, error) {
	token, hash := newToken()
	now := s.now()
	if err := q.PutLoginLink(ctx, hash, user, now.Add(linkLife)); err != nil {
		return "", err
	}
	_, err := q.Audit(ctx, store.AuditEntry{At: now, Actor: by, Action: "login_link", Reason: "one-time link for " + user})
	return s.public + "/login/link/" + token, err
}

// loginView is what the log-in pages show.
type loginView struct {
	User, Next, Problem string
	Token               string
}

func (s *Server) loginForm(w http.ResponseWriter, r *request) error {
	user, err := s.sessionUser(r.Request)
	if err != nil {
		return err
	}
	next := localPath(r.URL.Query().Get("next"))
	if user != nil {
		http.Redirect(w, r.Request, next, http.StatusSeeOther)
		return nil
	}
	s.render(w, r, http.StatusOK, "login", page{Title: "Log in", Body: loginView{Next: next}})
	return nil
}

func (s *Server) login(w http.ResponseWriter, r *request) error {
	if err := r.form(); err != nil {
		return err
	}
	ctx := r.Context()
	name, password, next := r.PostForm.Get("user"), r.PostForm.Get("password"), localPath(r.PostForm.Get("next"))
	again := func(status int, problem string) error {
		s.metrics.loginFailures.Inc()
		s.render(w, r, status, "login", page{Title: "Log in", Body: loginView{User: name, Next: next, Problem: problem}})
		return nil
	}
	if len(name) > 100 || len(password) > longestPassword {
		return again(http.StatusUnauthorized, "That name and password do not fit.")
	}
	if !s.logins.allow(name, address(r.Request), s.now()) {
		w.Header().Set("Retry-After", "60")
		return again(http.StatusTooManyRequests, "Too many attempts. Wait a minute and try again.")
	}
	user, err := s.store.User(ctx, name)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	ok, err := s.passwordMatches(ctx, user.PasswordHash, password)
	if err != nil {
		return err
	}
	if !ok {
		return again(http.StatusUnauthorized, "That name and password do not fit.")
	}
	s.logins.forgive(name)
	if err := s.startSession(ctx, w, r, user.Name); err != nil {
		return err
	}
	http.Redirect(w, r.Request, next, http.StatusSeeOther)
	return nil
}

func (s *Server) logout(w http.ResponseWriter, r *request) error {
	if c, err := r.Cookie(s.sessionCookie()); err == nil {
		if err := s.store.DeleteSession(r.Context(), tokenHash(c.Value)); err != nil {
			return err
		}
	}
	s.setSessionCookie(w, "", 0)
	http.Redirect(w, r.Request, "/login", http.StatusSeeOther)
	return nil
}

// linkForm asks before a one-time link is used: programs that look at links in
// messages send GET, and would use it up.
func (s *Server) linkForm(w http.ResponseWriter, r *request) error {
	s.render(w, r, http.StatusOK, "link", page{Title: "Welcome", Body: loginView{Token: r.PathValue("token")}})
	return nil
}

// useLink logs the link's user in and sets the password, if one was chosen.
// Setting a password ends the user's other sessions and links.
func (s *Server) useLink(w http.ResponseWriter, r *request) error {
	if err := r.form(); err != nil {
		return err
	}
	ctx, token, password := r.Context(), r.PathValue("token"), r.PostForm.Get("password")
	if !s.logins.allow("", address(r.Request), s.now()) {
		return &pageError{http.StatusTooManyRequests, "Too many attempts", "Wait a minute and try again."}
	}
	var hash string
	if password != "" {
		if err := checkPassword(password); err != nil {
			s.render(w, r, http.StatusBadRequest, "link", page{Title: "Welcome", Body: loginView{Token: token, Problem: err.Error()}})
			return nil
		}
		var err error
		if hash, err = s.hashPassword(ctx, password); err != nil {
			return err
		}
	}
	var name string
	err := s.store.InTx(ctx, func(q *store.Queries) error {
		var err error
		if name, err = q.UseLoginLink(ctx, tokenHash(token), s.now()); err != nil {
			return err
		}
		if hash == "" {
			return nil
		}
		return s.setPassword(ctx, q, name, hash)
	})
	if errors.Is(err, store.ErrNotFound) {
		return &pageError{http.StatusGone, "This link does not work any more",
			"A link works once and for 24 hours. Ask an admin for a new one; at start-up adsteward prints one while nobody has a password."}
	}
	if err != nil {
		return err
	}
	if err := s.startSession(ctx, w, r, name); err != nil {
		return err
	}
	s.setFlash(w, "good", "Welcome, "+name+".")
	http.Redirect(w, r.Request, "/", http.StatusSeeOther)
	return nil
}

// setPassword writes the user anew: the sessions and links of the old row go
// with it, so that whoever had the old password is logged out.
func (s *Server) setPassword(ctx context.Context, q *store.Queries, name, hash string) error {
	user, err := q.User(ctx, name)
	if err != nil {
		return err
	}
	user.PasswordHash = hash
	if err := q.DeleteUser(ctx, name); err != nil {
		return err
	}
	if err := q.PutUser(ctx, user); err != nil {
		return err
	}
	_, err = q.Audit(ctx, store.AuditEntry{At: s.now(), Actor: name, Action: "password_set", Reason: "password set through a one-time link"})
	return err
}
