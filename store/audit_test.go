package store_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"adsteward/store"
)

func entry(i int) store.AuditEntry {
	return store.AuditEntry{At: at, Account: acc, Actor: "ann", Action: "approved", Proposal: fmt.Sprint("p", i), Reason: "why", RequestID: "r"}
}

func testAudit(t *testing.T, s *store.Store) {
	ctx := t.Context()
	n, head, err := s.VerifyAudit(ctx)
	if n != 0 || head != "" || err != nil {
		t.Fatalf("empty log: %d, %q, %v", n, head, err)
	}
	var all []store.AuditEntry
	for i := range 3 {
		all = append(all, must(s.Audit(ctx, entry(i)))(t))
	}
	if err := s.InTx(ctx, func(q *store.Queries) error {
		must(q.Audit(ctx, entry(9)))(t)
		return errors.New("what it records failed")
	}); err == nil {
		t.Fatal("no error")
	}
	n, head, err = s.VerifyAudit(ctx)
	if n != 3 || head != all[2].Hash || err != nil {
		t.Fatalf("got %d, %q, %v", n, head, err)
	}
	if all[0].Seq != 1 || all[0].PrevHash != "" || all[1].PrevHash != all[0].Hash || all[0].Hash == all[1].Hash {
		t.Fatalf("not a chain: %+v", all)
	}
	for _, c := range []struct {
		name   string
		filter store.AuditFilter
		want   []store.AuditEntry
	}{
		{"all", store.AuditFilter{}, all},
		{"after", store.AuditFilter{After: 2}, all[2:]},
		{"newest", store.AuditFilter{Newest: true, Limit: 1}, all[2:]},
		{"oldest", store.AuditFilter{Account: acc, Limit: 1}, all[:1]},
		{"proposal", store.AuditFilter{Proposal: "p1"}, all[1:2]},
		{"another account", store.AuditFilter{Account: "other"}, nil},
	} {
		same(t, c.name, must(s.AuditEntries(ctx, c.filter))(t), c.want)
	}
}

func testAuditTampering(t *testing.T, s *store.Store) {
	ctx := t.Context()
	for i := range 5 {
		must(s.Audit(ctx, entry(i)))(t)
	}
	for _, c := range []struct {
		name, statement string
		seq             int64
		problem         string
	}{
		{"changed text", `UPDATE audit SET reason = 'because' WHERE seq = 3`, 3, "does not match its hash"},
		{"changed time", `UPDATE audit SET at = '2020-01-01 00:00:00' WHERE seq = 2`, 2, "does not match its hash"},
		{"moved between fields", `UPDATE audit SET actor = 'an', action = 'napproved' WHERE seq = 4`, 4, "does not match its hash"},
		{"deleted", `DELETE FROM audit WHERE seq = 2`, 2, "missing"},
		{"deleted first", `DELETE FROM audit WHERE seq = 1`, 1, "missing"},
		{"cut tail", `DELETE FROM audit WHERE seq > 3`, 4, "ends at entry 3, but 5 were written"},
		{"all deleted", `DELETE FROM audit`, 1, "ends at entry 0, but 5 were written"},
		{"head hash", `UPDATE audit_head SET hash = 'x'`, 5, "not the one the head names"},
		{"head gone", `DELETE FROM audit_head`, 0, "head is missing"},
		{"entry from outside", `INSERT INTO audit SELECT 6, at, account, actor, action, proposal, reason, request_id, prev_hash, hash FROM audit WHERE seq = 5`,
			6, "does not follow"},
	} {
		undo := errors.New("undo")
		err := s.InTx(ctx, func(q *store.Queries) error {
			if err := q.Tamper(ctx, c.statement); err != nil {
				t.Fatal(err)
			}
			_, _, err := q.VerifyAudit(ctx)
			var broken *store.BrokenChain
			if !errors.As(err, &broken) || broken.Seq != c.seq || !strings.Contains(broken.Error(), c.problem) {
				t.Errorf("%s: got %v", c.name, err)
			}
			return undo
		})
		is(t, err, undo)
	}
	if n, _, err := s.VerifyAudit(ctx); n != 5 || err != nil {
		t.Fatalf("the tests left traces: %d, %v", n, err)
	}
}

func testAuditConcurrently(t *testing.T, s *store.Store) {
	ctx := t.Context()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 10 {
				if err := s.InTx(ctx, func(q *store.Queries) error {
					_, err := q.Audit(ctx, entry(10*i+j))
					return err
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n, _, err := s.VerifyAudit(ctx); n != 80 || err != nil {
		t.Fatalf("got %d, %v", n, err)
	}
}
