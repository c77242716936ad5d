package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"
)

// Audit appends an entry to the audit chain and returns it with Seq, PrevHash
// and Hash. Call it in the transaction of what it records. Writers queue for
// audit_head, so that the chain never forks.
func (q *Queries) Audit(ctx context.Context, e AuditEntry) (AuditEntry, error) {
	e.At = utc(e.At)
	err := q.atomically(ctx, func(q *Queries) error {
		head, err := one[auditHead](ctx, q, `UPDATE audit_head SET seq = seq + 1 WHERE one = 1 RETURNING seq, hash`)
		if err != nil {
			return fmt.Errorf("the head of the audit log: %w", err)
		}
		e.Seq, e.PrevHash = head.Seq, head.Hash
		e.Hash = auditHash(&e)
		if _, err := q.execNamed(ctx, `INSERT INTO audit (seq, at, account, actor, action, proposal, reason, request_id, prev_hash, hash)
			VALUES (:seq, :at, :account, :actor, :action, :proposal, :reason, :request_id, :prev_hash, :hash)`, e); err != nil {
			return err
		}
		_, err = q.exec(ctx, `UPDATE audit_head SET hash = ? WHERE one = 1`, e.Hash)
		return err
	})
	if err != nil {
		return AuditEntry{}, err
	}
	return e, nil
}

type auditHead struct {
	Seq  int64  `db:"seq"`
	Hash string `db:"hash"`
}

// auditHash is the SHA-256 of an entry's fields and the hash before it, each
// preceded by its length so that no two entries read alike.
func auditHash(e *AuditEntry) string {
	h := sha256.New()
	for _, part := range []string{strconv.FormatInt(e.Seq, 10), e.At.UTC().Format(time.RFC3339Nano), e.Account, e.Actor, e.Action,
		e.Proposal, e.Reason, e.RequestID, e.PrevHash} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// AuditFilter selects entries of the audit log; empty fields do not restrict.
type AuditFilter struct {
	Account, Proposal string
	After             int64 // only entries with a greater Seq
	Newest            bool  // newest first, else oldest first
	Limit             int   // 0: all
}

// AuditEntries lists entries of the audit log.
func (q *Queries) AuditEntries(ctx context.Context, f AuditFilter) ([]AuditEntry, error) {
	w := inAccount(f.Account)
	w.equal("proposal", f.Proposal)
	w.add("seq > ?", f.After)
	order := ` ORDER BY seq`
	if f.Newest {
		order += ` DESC`
	}
	query, args := limited(`SELECT * FROM audit`+w.String()+order, w.args, f.Limit)
	return all[AuditEntry](ctx, q, query, args...)
}

// BrokenChain is VerifyAudit's finding: the audit log was changed from outside.
type BrokenChain struct {
	Seq     int64
	Problem string
}

func (b *BrokenChain) Error() string {
	return fmt.Sprintf("the audit log is broken at entry %d: %s", b.Seq, b.Problem)
}

// VerifyAudit recomputes the chain from its first entry and compares its end
// with the recorded head. It returns how many entries there are and the head's
// hash, or a *BrokenChain. A chain cut or rewritten together with its head looks
// whole: compare the head with one that was sent out before.
func (q *Queries) VerifyAudit(ctx context.Context) (n int64, head string, err error) {
	type row struct {
		Seq       sql.NullInt64  `db:"seq"`
		At        sql.NullTime   `db:"at"`
		Account   sql.NullString `db:"account"`
		Actor     sql.NullString `db:"actor"`
		Action    sql.NullString `db:"action"`
		Proposal  sql.NullString `db:"proposal"`
		Reason    sql.NullString `db:"reason"`
		RequestID sql.NullString `db:"request_id"`
		PrevHash  sql.NullString `db:"prev_hash"`
		Hash      sql.NullString `db:"hash"`
		HeadSeq   int64          `db:"head_seq"`
		HeadHash  string         `db:"head_hash"`
	}
	var want *auditHead
	// One statement sees the entries and the head as of one moment.
	err = each(ctx, q, func(r *row) error {
		want = &auditHead{r.HeadSeq, r.HeadHash}
		if !r.Seq.Valid {
			return nil // the one row of an empty log
		}
		e := AuditEntry{r.Seq.Int64, r.At.Time, r.Account.String, r.Actor.String, r.Action.String, r.Proposal.String, r.Reason.String,
			r.RequestID.String, r.PrevHash.String, r.Hash.String}
		switch {
		case e.Seq != n+1:
			return &BrokenChain{n + 1, "it is missing"}
		case e.PrevHash != head:
			return &BrokenChain{e.Seq, "it does not follow the entry before it"}
		case e.Hash != auditHash(&e):
			return &BrokenChain{e.Seq, "its content does not match its hash"}
		}
		n, head = e.Seq, e.Hash
		return nil
	}, `SELECT a.*, h.seq AS head_seq, h.hash AS head_hash FROM audit_head h LEFT JOIN audit a ON h.one = 1 ORDER BY a.seq`)
	switch {
	case err != nil:
		return 0, "", err
	case want == nil:
		return 0, "", &BrokenChain{0, "the record of its head is missing"}
	case want.Seq != n:
		return 0, "", &BrokenChain{n + 1, fmt.Sprintf("the log ends at entry %d, but %d were written", n, want.Seq)}
	case want.Hash != head:
		return 0, "", &BrokenChain{n, "the last entry is not the one the head names"}
	}
	return n, head, nil
}
