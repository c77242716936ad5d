package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"adsteward/internal/civil"
	"adsteward/internal/money"
)

// InsertChangeSet stores a change set with its proposals, or ErrConflict.
func (q *Queries) InsertChangeSet(ctx context.Context, c ChangeSet, proposals []Proposal) error {
	c.CreatedAt = utc(c.CreatedAt)
	err := q.atomically(ctx, func(q *Queries) error {
		if _, err := q.execNamed(ctx, `INSERT INTO change_sets (change_set_id, account, run_id, date, hash, policy_id, created_at)
			VALUES (:change_set_id, :account, :run_id, :date, :hash, :policy_id, :created_at)`, c); err != nil {
			return err
		}
		in := insert{table: "proposals", columns: []string{"proposal_id", "change_set_id", "account", "run_id", "platform", "ad_account",
			"currency", "entity_type", "entity_id", "entity_name", "field", "seen", "proposed", "suggested", "state", "reason",
			"plan_hash", "expires_at", "rollback_of", "body", "measured", "created_at", "updated_at", "applied_at"}}
		_, err := insertAll(ctx, q, in, proposals, func(args []any, p *Proposal) []any {
			return append(args, p.ProposalID, p.ChangeSetID, p.Account, p.RunID, p.Platform, p.AdAccount,
				p.Currency, p.EntityType, p.EntityID, p.EntityName, p.Field, int64(p.Seen), int64(p.Proposed), int64(p.Suggested),
				p.State, p.Reason, p.PlanHash, utc(p.ExpiresAt), p.RollbackOf, p.Body, p.Measured, utc(p.CreatedAt), utc(p.UpdatedAt),
				utcNull(p.AppliedAt))
		})
		return err
	})
	return conflict(err, "change set "+c.ChangeSetID+", or one of its proposals,")
}

// ChangeSet returns a change set or ErrNotFound.
func (q *Queries) ChangeSet(ctx context.Context, id string) (ChangeSet, error) {
	c, err := one[ChangeSet](ctx, q, `SELECT * FROM change_sets WHERE change_set_id = ?`, id)
	return c, named(err, "change set", id)
}

// minPrefix is the least number of characters by which a proposal can be named.
const minPrefix = 6

// Proposal returns a proposal by its id or by a prefix of it of six characters
// or more: ErrNotFound if there is none, ErrAmbiguous if there are several.
func (q *Queries) Proposal(ctx context.Context, id string) (Proposal, error) {
	p, err := one[Proposal](ctx, q, `SELECT * FROM proposals WHERE proposal_id = ?`, id)
	if !errors.Is(err, ErrNotFound) || len(id) < minPrefix {
		return p, named(err, "proposal", id)
	}
	list, err := all[Proposal](ctx, q, `SELECT * FROM proposals WHERE substr(proposal_id, 1, ?) = ? ORDER BY proposal_id LIMIT 2`,
		len([]rune(id)), id)
	switch {
	case err == nil && len(list) == 0:
		err = ErrNotFound
	case err == nil && len(list) > 1:
		err = fmt.Errorf("%w: %s and %s begin with it; write more of it", ErrAmbiguous, list[0].ProposalID, list[1].ProposalID)
	}
	if err != nil {
		return Proposal{}, named(err, "proposal", id)
	}
	return list[0], nil
}

// Filter selects proposals; empty fields do not restrict.
type Filter struct {
	Account, RunID                                   string
	States                                           []string
	Platform, AdAccount, EntityType, EntityID, Field string
	Since                                            time.Time // created at or after
	AppliedSince                                     time.Time // applied at or after
	Limit                                            int       // 0: all
}

// Proposals lists proposals, the newest first and those of one moment by id.
func (q *Queries) Proposals(ctx context.Context, f Filter) ([]Proposal, error) {
	w := inAccount(f.Account)
	w.equal("run_id", f.RunID)
	w.equal("platform", f.Platform)
	w.equal("ad_account", f.AdAccount)
	w.equal("entity_type", f.EntityType)
	w.equal("entity_id", f.EntityID)
	w.equal("field", f.Field)
	if !f.Since.IsZero() {
		w.add("created_at >= ?", utc(f.Since))
	}
	if !f.AppliedSince.IsZero() {
		w.add("applied_at >= ?", utc(f.AppliedSince))
	}
	if len(f.States) > 0 {
		w.add("state IN "+among(len(f.States)), with(f.States)...)
	}
	query, args := limited(`SELECT * FROM proposals`+w.String()+` ORDER BY created_at DESC, proposal_id`, w.args, f.Limit)
	return all[Proposal](ctx, q, query, args...)
}

// NewestApplied is, of each entity, the proposal for a field that was applied
// last: what holds of it now, by all that is known here. They are ordered by
// platform, ad account, kind of entity and entity.
func (q *Queries) NewestApplied(ctx context.Context, account, field string) ([]Proposal, error) {
	rows, err := all[Proposal](ctx, q, `SELECT * FROM proposals WHERE account = ? AND field = ? AND state IN ('applied', 'measured')
		ORDER BY platform, ad_account, entity_type, entity_id, applied_at, created_at`, account, field)
	return lastOf(rows, func(p *Proposal) [4]string { return [4]string{p.Platform, p.AdAccount, p.EntityType, p.EntityID} }), err
}

// ProposalCounts counts proposals by state.
func (q *Queries) ProposalCounts(ctx context.Context, account string) (map[string]int, error) {
	w := inAccount(account)
	rows, err := all[struct {
		State string `db:"state"`
		N     int    `db:"n"`
	}](ctx, q, `SELECT state, COUNT(*) AS n FROM proposals`+w.String()+` GROUP BY state`, w.args...)
	out := map[string]int{}
	for _, r := range rows {
		out[r.State] = r.N
	}
	return out, err
}

// MoveProposal moves a proposal from one state to another, if it is still in
// the first: false where it is not, or does not exist. Moving to "applied" sets
// AppliedAt. Which moves are allowed the caller knows.
func (q *Queries) MoveProposal(ctx context.Context, id, from, to, reason string, at time.Time) (bool, error) {
	set, args := `state = ?, reason = ?, updated_at = ?`, []any{to, reason, utc(at)}
	if to == "applied" {
		set, args = set+`, applied_at = ?`, append(args, utc(at))
	}
	n, err := q.exec(ctx, `UPDATE proposals SET `+set+` WHERE proposal_id = ? AND state = ?`, append(args, id, from)...)
	return n == 1, err
}

// SetProposed changes what a proposal proposes; Suggested stays.
func (q *Queries) SetProposed(ctx context.Context, id string, value money.Micros, body, planHash string, at time.Time) error {
	return named(need(q.exec(ctx, `UPDATE proposals SET proposed = ?, body = ?, plan_hash = ?, updated_at = ? WHERE proposal_id = ?`,
		int64(value), body, planHash, utc(at), id)), "proposal", id)
}

// SetMeasured stores what came of a proposal, as JSON.
func (q *Queries) SetMeasured(ctx context.Context, id, measured string, at time.Time) error {
	return named(need(q.exec(ctx, `UPDATE proposals SET measured = ?, updated_at = ? WHERE proposal_id = ?`, measured, utc(at), id)), "proposal", id)
}

// Outcomes lists measured proposals without their Body, those applied last first.
func (q *Queries) Outcomes(ctx context.Context, account string, limit int) ([]Proposal, error) {
	w := inAccount(account)
	w.equal("state", "measured")
	query, args := limited(`SELECT proposal_id, account, run_id, platform, ad_account, currency, entity_type, entity_id, entity_name, field,
		seen, proposed, state, measured, applied_at FROM proposals`+w.String()+` ORDER BY applied_at DESC, proposal_id`, w.args, limit)
	return all[Proposal](ctx, q, query, args...)
}

// InsertApproval stores an approval, or ErrConflict.
func (q *Queries) InsertApproval(ctx context.Context, a Approval) error {
	a.At, a.ExpiresAt = utc(a.At), utc(a.ExpiresAt)
	_, err := q.execNamed(ctx, `INSERT INTO approvals (approval_id, proposal_id, actor, plan_hash, seen, value, at, expires_at)
		VALUES (:approval_id, :proposal_id, :actor, :plan_hash, :seen, :value, :at, :expires_at)`, a)
	return conflict(err, "approval "+a.ApprovalID)
}

// LatestApproval returns the newest approval of a proposal or ErrNotFound.
func (q *Queries) LatestApproval(ctx context.Context, proposalID string) (Approval, error) {
	a, err := one[Approval](ctx, q, `SELECT * FROM approvals WHERE proposal_id = ? ORDER BY at DESC, approval_id DESC LIMIT 1`, proposalID)
	return a, named(err, "approval of proposal", proposalID)
}

// InsertIntent stores the intent to send a proposal. There is one a proposal,
// ever: a second one gives ErrConflict.
func (q *Queries) InsertIntent(ctx context.Context, i Intent) error {
	i.CreatedAt, i.SentAt, i.SettledAt = utc(i.CreatedAt), utcNull(i.SentAt), utcNull(i.SettledAt)
	n, err := q.execNamed(ctx, `INSERT INTO intents (proposal_id, approval_id, state, seen, value, created_at, sent_at, settled_at)
		VALUES (:proposal_id, :approval_id, :state, :seen, :value, :created_at, :sent_at, :settled_at) ON CONFLICT DO NOTHING`, i)
	if err == nil && n == 0 {
		err = fmt.Errorf("intent of proposal %q %w", i.ProposalID, ErrConflict)
	}
	return err
}

// Intent returns the intent of a proposal or ErrNotFound.
func (q *Queries) Intent(ctx context.Context, proposalID string) (Intent, error) {
	i, err := one[Intent](ctx, q, `SELECT * FROM intents WHERE proposal_id = ?`, proposalID)
	return i, named(err, "intent of proposal", proposalID)
}

// SetIntent writes the state and times of an intent.
func (q *Queries) SetIntent(ctx context.Context, i Intent) error {
	i.SentAt, i.SettledAt = utcNull(i.SentAt), utcNull(i.SettledAt)
	return named(need(q.execNamed(ctx, `UPDATE intents SET state = :state, sent_at = :sent_at, settled_at = :settled_at
		WHERE proposal_id = :proposal_id`, i)), "intent of proposal", i.ProposalID)
}

// MoveIntent is SetIntent if the intent is still in state from; it reports
// whether it was.
func (q *Queries) MoveIntent(ctx context.Context, i Intent, from string) (bool, error) {
	i.SentAt, i.SettledAt = utcNull(i.SentAt), utcNull(i.SettledAt)
	n, err := q.exec(ctx, `UPDATE intents SET state = ?, sent_at = ?, settled_at = ? WHERE proposal_id = ? AND state = ?`,
		i.State, i.SentAt, i.SettledAt, i.ProposalID, from)
	return n == 1, err
}

// AddReceipt appends a step to what happened to a proposal; Step is assigned.
func (q *Queries) AddReceipt(ctx context.Context, r Receipt) error {
	r.At = utc(r.At)
	_, err := q.execNamed(ctx, `INSERT INTO receipts (proposal_id, step, kind, at, request_id, outcome, remote_value, detail)
		VALUES (:proposal_id, (SELECT COALESCE(MAX(step), 0) + 1 FROM receipts WHERE proposal_id = :proposal_id),
		:kind, :at, :request_id, :outcome, :remote_value, :detail)`, r)
	return conflict(err, "receipt of proposal "+r.ProposalID)
}

// Receipts lists what happened to a proposal, in order.
func (q *Queries) Receipts(ctx context.Context, proposalID string) ([]Receipt, error) {
	return all[Receipt](ctx, q, `SELECT * FROM receipts WHERE proposal_id = ? ORDER BY step`, proposalID)
}

// Setting returns a setting and whether it was ever put.
func (q *Queries) Setting(ctx context.Context, key string) (Setting, bool, error) {
	s, err := one[Setting](ctx, q, `SELECT * FROM settings WHERE key = ?`, key)
	if errors.Is(err, ErrNotFound) {
		return Setting{}, false, nil
	}
	return s, err == nil, err
}

// PutSetting stores a setting.
func (q *Queries) PutSetting(ctx context.Context, s Setting) error {
	s.UpdatedAt = utc(s.UpdatedAt)
	_, err := q.execNamed(ctx, `INSERT INTO settings (key, value, actor, updated_at) VALUES (:key, :value, :actor, :updated_at)
		ON CONFLICT (key) DO UPDATE SET value = excluded.value, actor = excluded.actor, updated_at = excluded.updated_at`, s)
	return err
}

// AddUsage adds operations to the day's count of an ad account and stores the
// limit as last known.
func (q *Queries) AddUsage(ctx context.Context, u APIUsage) error {
	_, err := q.execNamed(ctx, `INSERT INTO api_usage (platform, ad_account, date, operations, op_limit)
		VALUES (:platform, :ad_account, :date, :operations, :op_limit) ON CONFLICT (platform, ad_account, date)
		DO UPDATE SET operations = api_usage.operations + excluded.operations, op_limit = excluded.op_limit`, u)
	return err
}

// Usage lists the operations used on a UTC day.
func (q *Queries) Usage(ctx context.Context, date civil.Date) ([]APIUsage, error) {
	return all[APIUsage](ctx, q, `SELECT * FROM api_usage WHERE date = ? ORDER BY platform, ad_account`, date)
}
