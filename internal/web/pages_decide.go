package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"adsteward/bidding"
	"adsteward/internal/money"
	"adsteward/internal/present"
	"adsteward/store"
)

// decideView asks once more before several proposals are decided or pushed, with
// what they come to together.
type decideView struct {
	Do        string // approve, reject or push
	Title     string
	Rows      []*row
	Effects   []effect
	Platforms string
	Left      int // selected, but nothing to decide any more
	Next      string
	Reason    string
	Problem   string
}

// resultView says item by item what came of a request.
type resultView struct {
	Title  string
	Items  []resultItem
	Bad    int
	Next   string
	Pushed bool
}

type resultItem struct {
	Row       *row
	Problem   string
	RequestID string
}

// decide approves or rejects. The button "approve:ID" decides one proposal,
// "approve" the selected ones. Several are decided only once their total effect
// was seen: on the page this answers with, or beside the button, where the
// script showed it and says so with confirmed=1.
func (s *Server) decide(w http.ResponseWriter, r *request) error {
	if err := r.form(); err != nil {
		return err
	}
	do, id, one := strings.Cut(r.PostForm.Get("do"), ":")
	ids, next := r.PostForm["id"], localPath(r.PostForm.Get("next"))
	reason, err := r.reason()
	if err != nil {
		return err
	}
	if one {
		ids = []string{id}
	}
	if do != "approve" && do != "reject" {
		return badRequest("Choose to approve or to reject.")
	}
	if len(ids) == 0 {
		return s.back(w, r, next, "bad", "Nothing was selected. Tick the proposals first.")
	}
	asked := r.PostForm.Get("confirmed") == "1"
	if (do == "reject" && reason == "") || (do == "approve" && !one && !asked) {
		return s.confirm(w, r, do, ids, next, r.PostForm.Has("reason"))
	}
	if do == "approve" && !one {
		if ids, err = s.undecided(r, ids); err != nil {
			return err
		}
		if len(ids) == 0 {
			return s.back(w, r, next, "good", "All of them are approved already.")
		}
	}
	var outcomes []bidding.Outcome
	if do == "approve" {
		outcomes = s.desk.Approve(r.Context(), r.user.Name, ids)
	} else {
		outcomes = s.desk.Reject(r.Context(), r.user.Name, ids, reason)
	}
	return s.report(w, r, do, outcomes, next)
}

// undecided leaves out what is approved already: ticking it again among others
// is no mistake worth a message.
func (s *Server) undecided(r *request, ids []string) ([]string, error) {
	ps, err := s.proposalsByID(r.Context(), ids)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, p := range ps {
		if bidding.State(p.State) != bidding.Approved {
			out = append(out, p.ProposalID)
		}
	}
	return out, nil
}

// confirm shows what is about to be decided. asked means that a reason was asked
// for before and is still missing.
func (s *Server) confirm(w http.ResponseWriter, r *request, do string, ids []string, next string, asked bool) error {
	rows, err := s.rowsByID(r, ids)
	if err != nil {
		return err
	}
	v := decideView{Do: do, Next: next}
	for _, row := range rows {
		if do == "approve" && row.CanApprove || do == "reject" && row.CanReject {
			v.Rows = append(v.Rows, row)
		}
	}
	v.Left = len(rows) - len(v.Rows)
	v.Effects = effects(v.Rows)
	v.Title = fmt.Sprintf("%s %s", present.Words(do), present.Plural(len(v.Rows), "proposal"))
	if asked && do == "reject" {
		v.Problem = "Say why; the reason is kept with the proposals."
	}
	s.render(w, r, http.StatusOK, "decide", page{Title: v.Title, Nav: "changes", Here: next, Body: v})
	return nil
}

func (s *Server) rowsByID(r *request, ids []string) ([]*row, error) {
	ps, err := s.proposalsByID(r.Context(), ids)
	if err != nil {
		return nil, err
	}
	loc, err := s.zone(r.Context(), "")
	rows := newRows(ps, s.now(), loc)
	nameAccounts(rows)
	return rows, err
}

// report goes back with a message if everything went well, else shows what did
// not.
func (s *Server) report(w http.ResponseWriter, r *request, do string, outcomes []bidding.Outcome, next string) error {
	past := map[string]string{"approve": "approved", "reject": "rejected", "push": "pushed"}[do]
	good := 0
	for _, o := range outcomes {
		if o.Err == nil {
			good++
		}
	}
	switch {
	case good == len(outcomes) && do != "push":
		return s.back(w, r, next, "good", fmt.Sprintf("%s %s.", present.Plural(good, "proposal"), past))
	case len(outcomes) == 1 && do != "push":
		return s.back(w, r, next, "bad", "Not "+past+": "+sentence(outcomes[0].Err.Error()))
	}
	v := resultView{Title: fmt.Sprintf("%d of %s %s", good, present.Plural(len(outcomes), "proposal"), past), Bad: len(outcomes) - good,
		Next: next, Pushed: do == "push"}
	loc, err := s.zone(r.Context(), "")
	if err != nil {
		return err
	}
	for _, o := range outcomes {
		item := resultItem{Row: &row{ID: o.ID, Name: o.ID, State: string(o.State), Class: stateClass(string(o.State)), StateName: present.Words(string(o.State))}}
		if o.Err != nil {
			item.Problem = sentence(o.Err.Error())
		}
		p, err := s.store.Proposal(r.Context(), o.ID)
		switch {
		case err == nil:
			item.Row = newRow(p, s.now(), loc)
		case !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrAmbiguous):
			return err
		}
		if item.RequestID, err = s.requestID(r, o.ID); err != nil {
			return err
		}
		v.Items = append(v.Items, item)
	}
	s.render(w, r, http.StatusOK, "result", page{Title: v.Title, Nav: "changes", Here: next, Body: v})
	return nil
}

// requestID is the platform's id of the request that sent a proposal; the last
// one known if several were needed.
func (s *Server) requestID(r *request, id string) (string, error) {
	receipts, err := s.store.Receipts(r.Context(), id)
	found := ""
	for _, rc := range receipts {
		if rc.RequestID != "" && (found == "" || rc.Kind == "send") {
			found = rc.RequestID
		}
	}
	return found, err
}

// pushForm shows what a push would send; nothing is sent by looking.
func (s *Server) pushForm(w http.ResponseWriter, r *request) error {
	approved, err := s.store.Proposals(r.Context(), store.Filter{Account: r.URL.Query().Get("account"), States: []string{string(bidding.Approved)}})
	if err != nil {
		return err
	}
	loc, err := s.zone(r.Context(), "")
	if err != nil {
		return err
	}
	v := decideView{Do: "push", Next: "/"}
	only := r.URL.Query()["id"]
	for _, row := range newRows(approved, s.now(), loc) {
		if row.CanPush && (len(only) == 0 || slices.Contains(only, row.ID)) {
			v.Rows = append(v.Rows, row)
		}
	}
	nameAccounts(v.Rows)
	v.Effects, v.Platforms = effects(v.Rows), platformsOf(v.Rows)
	v.Title = "Push " + present.Plural(len(v.Rows), "change")
	s.render(w, r, http.StatusOK, "decide", page{Title: v.Title, Nav: "changes", Body: v})
	return nil
}

// push sends the named proposals. None named means none: only the command line
// may mean all by naming nothing, since a person has seen a list here.
func (s *Server) push(w http.ResponseWriter, r *request) error {
	if err := r.form(); err != nil {
		return err
	}
	next, ids := localPath(r.PostForm.Get("next")), r.PostForm["id"]
	if len(ids) == 0 {
		return s.back(w, r, next, "bad", "Nothing was selected, so nothing was pushed.")
	}
	return s.report(w, r, "push", s.desk.Apply(r.Context(), r.user.Name, ids), next)
}

func (s *Server) edit(w http.ResponseWriter, r *request) error {
	if err := r.form(); err != nil {
		return err
	}
	id := r.PathValue("id")
	here := "/proposals/" + url.PathEscape(id)
	reason, err := r.reason()
	if err != nil {
		return err
	}
	value, err := money.Parse(r.PostForm.Get("value"))
	again := func(why string) error { // with what was typed
		typed := url.Values{"value": {r.PostForm.Get("value")}, "reason": {reason}}
		return s.back(w, r, here+"?"+typed.Encode(), "bad", "Not changed: "+why)
	}
	switch {
	case err != nil:
		return again(sentence(err.Error()))
	case value <= 0:
		return again("the value must be above zero.")
	case reason == "":
		return again("say why; the reason goes into the audit log.")
	}
	if o := s.desk.Edit(r.Context(), r.user.Name, id, value, reason); o.Err != nil {
		return again(sentence(o.Err.Error()))
	}
	return s.back(w, r, here, "good", "Value changed; it waits for approval.")
}

func (s *Server) rollback(w http.ResponseWriter, r *request) error {
	id := r.PathValue("id")
	fresh, err := s.desk.Rollback(r.Context(), r.user.Name, id)
	if err != nil {
		return s.back(w, r, "/proposals/"+url.PathEscape(id), "bad", "Not rolled back: "+sentence(err.Error()))
	}
	return s.back(w, r, "/proposals/"+url.PathEscape(fresh), "good", "This proposal restores the old value. Approve and push it like any other.")
}

// sentence gives an error's words a capital and a full stop.
func sentence(s string) string {
	s = strings.TrimSpace(s)
	if s == "" {
		return ""
	}
	first, size := utf8.DecodeRuneInString(s)
	s = string(unicode.ToUpper(first)) + s[size:]
	if !strings.ContainsAny(s[len(s)-1:], ".!?") {
		s += "."
	}
	return s
}
