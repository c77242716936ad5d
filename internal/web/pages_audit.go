package web

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"time"

	"adsteward/internal/present"
	"adsteward/store"
)

// auditPage is how many entries one page of the log shows.
const auditPage = 100

type auditView struct {
	Rows     []auditRow
	Proposal string
	Head     string
	HeadSeq  int64
	Older    string
	Newer    string
}

type auditRow struct {
	Seq                                             int64
	At                                              stamp
	Actor, Action, Class, Proposal, Reason, Request string
	Hash                                            string
	Full                                            string // the reason as recorded, where hashes in it are cut
}

var longHash = regexp.MustCompile(`\b[0-9a-f]{64}\b`)

func auditRows(entries []store.AuditEntry, loc *time.Location) []auditRow {
	rows := make([]auditRow, len(entries))
	for i, e := range entries {
		rows[i] = auditRow{Seq: e.Seq, At: stampOf(e.At, loc), Actor: e.Actor, Action: present.Words(e.Action), Class: stateClass(e.Action),
			Proposal: e.Proposal, Reason: e.Reason, Request: e.RequestID, Hash: e.Hash}
		if cut := longHash.ReplaceAllStringFunc(e.Reason, func(h string) string { return short(h) + "…" }); cut != e.Reason {
			rows[i].Reason, rows[i].Full = cut, e.Reason
		}
	}
	return rows
}

func (s *Server) audit(w http.ResponseWriter, r *request) error {
	ctx, q := r.Context(), r.URL.Query()
	loc, err := s.zone(ctx, "")
	if err != nil {
		return err
	}
	head, err := s.store.AuditEntries(ctx, store.AuditFilter{Newest: true, Limit: 1})
	if err != nil {
		return err
	}
	v := auditView{Proposal: q.Get("proposal")}
	if len(head) > 0 {
		v.Head, v.HeadSeq = head[0].Hash, head[0].Seq
	}
	var entries []store.AuditEntry
	if v.Proposal != "" {
		entries, err = s.store.AuditEntries(ctx, store.AuditFilter{Proposal: v.Proposal, Newest: true})
	} else {
		// Numbers in the chain have no gaps, so a page is a range of them.
		top := v.HeadSeq
		if n, err := strconv.ParseInt(q.Get("before"), 10, 64); err == nil && n > 1 && n <= v.HeadSeq {
			top = n - 1
			v.Newer = fmt.Sprintf("/audit?before=%d", min(n+auditPage, v.HeadSeq+1))
		}
		entries, err = s.store.AuditEntries(ctx, store.AuditFilter{After: max(top-auditPage, 0), Limit: auditPage})
		slices.Reverse(entries)
		if len(entries) > 0 && entries[len(entries)-1].Seq > 1 {
			v.Older = fmt.Sprintf("/audit?before=%d", entries[len(entries)-1].Seq)
		}
	}
	if err != nil {
		return err
	}
	v.Rows = auditRows(entries, loc)
	s.render(w, r, http.StatusOK, "audit", page{Title: "Audit log", Nav: "audit", Body: v})
	return nil
}

// verifyAudit reads the whole chain and says whether it holds.
func (s *Server) verifyAudit(w http.ResponseWriter, r *request) error {
	n, head, err := s.store.VerifyAudit(r.Context())
	var broken *store.BrokenChain
	switch {
	case errors.As(err, &broken):
		return s.back(w, r, "/audit", "bad", "The chain is broken: "+sentence(broken.Error()))
	case err != nil:
		return err
	}
	return s.back(w, r, "/audit", "good", fmt.Sprintf("The chain holds: %d entries, head %s.", n, short(head)))
}
