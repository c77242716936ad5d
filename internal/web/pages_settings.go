package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"adsteward/store"
)

type settingsView struct {
	Users    []userRow
	Roles    []string
	Policies []policyView // of each account
	Invite   *invite
}

// policyView is the policy of an account's newest run that had one.
type policyView struct{ Account, Text, ID, RunURL string }

type userRow struct {
	Name, Role  string
	HasPassword bool
	Self        bool
	Created     stamp
}

// invite is a one-time link, shown once to the admin who made it.
type invite struct{ User, Link string }

func (s *Server) settings(w http.ResponseWriter, r *request) error {
	return s.showSettings(w, r, nil)
}

func (s *Server) showSettings(w http.ResponseWriter, r *request, made *invite) error {
	ctx := r.Context()
	loc, err := s.zone(ctx, "")
	if err != nil {
		return err
	}
	v := settingsView{Roles: roles, Invite: made}
	if r.may(admin) {
		users, err := s.store.Users(ctx)
		if err != nil {
			return err
		}
		for _, u := range users {
			v.Users = append(v.Users, userRow{u.Name, u.Role, u.PasswordHash != "", u.Name == r.user.Name, stampOf(u.CreatedAt, loc)})
		}
	}
	runs, err := s.pickRuns(ctx, "", func(run store.Run) (bool, error) { return run.PolicyID != "", nil }) // one that was skipped had none
	if err != nil {
		return err
	}
	for _, run := range runs {
		text, err := s.store.Policy(ctx, run.PolicyID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if text != "" {
			v.Policies = append(v.Policies, policyView{run.Account, text, run.PolicyID, runURL(run)})
		}
	}
	s.render(w, r, http.StatusOK, "settings", page{Title: "Settings", Nav: "settings", Here: "/settings", Body: v})
	return nil
}

func (s *Server) killSwitch(w http.ResponseWriter, r *request) error {
	if err := r.form(); err != nil {
		return err
	}
	to := r.PostForm.Get("switch")
	if to != killOn && to != killOff { // nothing turns it off but the word itself
		return badRequest("Choose to turn the kill switch on or off.")
	}
	on := to == killOn
	reason, err := r.reason()
	if err != nil {
		return err
	}
	if reason == "" {
		return s.back(w, r, "/settings", "bad", "Say why; the reason goes into the audit log.")
	}
	if err := s.desk.KillSwitch(r.Context(), r.user.Name, on, reason); err != nil {
		return s.back(w, r, "/settings", "bad", sentence(err.Error()))
	}
	if on {
		return s.back(w, r, "/settings", "good", "The kill switch is on. Nothing is pushed until it is off again.")
	}
	return s.back(w, r, "/settings", "good", "The kill switch is off. Approved changes may be pushed.")
}

var userName = regexp.MustCompile(`^[\p{L}\p{N}][\p{L}\p{N}._@+-]{0,63}$`)

// inviteUser creates a user, or makes a new link for one there is.
func (s *Server) inviteUser(w http.ResponseWriter, r *request) error {
	if err := r.form(); err != nil {
		return err
	}
	ctx, name, role := r.Context(), strings.TrimSpace(r.PostForm.Get("user")), r.PostForm.Get("role")
	if !userName.MatchString(name) {
		return s.back(w, r, "/settings", "bad", "A user name has up to 64 letters, digits and . _ @ + -, and begins with a letter or digit.")
	}
	var link string
	err := s.store.InTx(ctx, func(q *store.Queries) error {
		_, err := q.User(ctx, name)
		if errors.Is(err, store.ErrNotFound) {
			if !slices.Contains(roles, role) {
				return badRequest("Choose a role.")
			}
			if err := q.PutUser(ctx, store.User{Name: name, Role: role, CreatedAt: s.now()}); err != nil {
				return err
			}
			err = s.auditUser(ctx, q, r, "user_invited", name+" as "+role)
		}
		if err != nil {
			return err
		}
		link, err = s.newLink(ctx, q, name, r.user.Name)
		return err
	})
	if err != nil {
		return err
	}
	return s.showSettings(w, r, &invite{name, link})
}

func (s *Server) auditUser(ctx context.Context, q *store.Queries, r *request, action, what string) error {
	_, err := q.Audit(ctx, store.AuditEntry{At: s.now(), Actor: r.user.Name, Action: action, Reason: what})
	return err
}

func (s *Server) changeRole(w http.ResponseWriter, r *request) error {
	if err := r.form(); err != nil {
		return err
	}
	ctx, name, role := r.Context(), r.PostForm.Get("user"), r.PostForm.Get("role")
	if !slices.Contains(roles, role) {
		return badRequest("Choose a role.")
	}
	return s.changeUser(w, r, name, fmt.Sprintf("%s is now %s.", name, role), func(q *store.Queries, u store.User) error {
		old := u.Role
		u.Role = role
		if err := q.PutUser(ctx, u); err != nil {
			return err
		}
		return s.auditUser(ctx, q, r, "role_changed", name+" from "+old+" to "+role)
	})
}

func (s *Server) removeUser(w http.ResponseWriter, r *request) error {
	if err := r.form(); err != nil {
		return err
	}
	ctx, name := r.Context(), r.PostForm.Get("user")
	return s.changeUser(w, r, name, name+" was removed.", func(q *store.Queries, u store.User) error {
		if err := q.DeleteUser(ctx, name); err != nil {
			return err
		}
		return s.auditUser(ctx, q, r, "user_removed", name+", who was "+u.Role)
	})
}

// changeUser changes another user; nobody can take their own role away, so one
// admin always remains.
func (s *Server) changeUser(w http.ResponseWriter, r *request, name, done string, change func(*store.Queries, store.User) error) error {
	if name == r.user.Name {
		return s.back(w, r, "/settings", "bad", "Nobody can change or remove themselves; ask another admin.")
	}
	err := s.store.InTx(r.Context(), func(q *store.Queries) error {
		u, err := q.User(r.Context(), name)
		if err != nil {
			return err
		}
		return change(q, u)
	})
	if errors.Is(err, store.ErrNotFound) {
		return s.back(w, r, "/settings", "bad", "There is no user "+name+".")
	}
	if err != nil {
		return err
	}
	return s.back(w, r, "/settings", "good", done)
}
