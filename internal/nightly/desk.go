package nightly

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/store"
)

// RefusedError says that a guardrail, the policy, the life cycle of a proposal
// or the kill switch forbids what was asked.
type RefusedError struct{ Msg string }

func (e *RefusedError) Error() string { return e.Msg }

func refused(format string, args ...any) error {
	return &RefusedError{fmt.Sprintf(format, args...)}
}

// errRaced says that a proposal left its state between reading and moving it.
var errRaced = refused("somebody else decided on it at this moment; look again")

// IsRefused reports whether err is a refusal, not a fault.
func IsRefused(err error) bool {
	var r *RefusedError
	return errors.As(err, &r)
}

// killSwitchKey is the setting under which the kill switch is kept.
const killSwitchKey = "kill_switch"

// KillSwitch stops every push, also those under way, until it is off again.
// Both ways need a reason, which goes into the audit log.
func (s *Steward) KillSwitch(ctx context.Context, actor string, on bool, reason string) error {
	if reason == "" {
		return refused("the kill switch wants a reason; give --reason TEXT")
	}
	value, action := "off", "kill_switch_off"
	if on {
		value, action = "on", "kill_switch_on"
	}
	now := s.Now()
	return s.Store.InTx(ctx, func(q *store.Queries) error {
		if err := q.PutSetting(ctx, store.Setting{Key: killSwitchKey, Value: value, Actor: actor, UpdatedAt: now}); err != nil {
			return err
		}
		_, err := q.Audit(ctx, store.AuditEntry{At: now, Actor: actor, Action: action, Reason: reason})
		return err
	})
}

// Killed reports whether the kill switch is on.
func (s *Steward) Killed(ctx context.Context) (bool, error) { return killed(ctx, s.Store.Queries) }

func killed(ctx context.Context, q *store.Queries) (bool, error) {
	set, ok, err := q.Setting(ctx, killSwitchKey)
	return ok && set.Value == "on", err
}

// Approve says yes to exactly what each proposal proposes now: the approval
// holds the plan hash, the value seen and the expiry.
func (s *Steward) Approve(ctx context.Context, actor string, ids []string) []bidding.Outcome {
	return s.ApproveWith(ctx, actor, ids, "")
}

// ApproveWith is Approve with a reason for the audit log.
func (s *Steward) ApproveWith(ctx context.Context, actor string, ids []string, reason string) []bidding.Outcome {
	return s.each(ctx, ids, func(q *store.Queries, p store.Proposal, now time.Time) error {
		if bidding.State(p.State) == bidding.Approved {
			return nil
		}
		return s.approveOne(ctx, q, p, actor, reason, now)
	})
}

func expired(p store.Proposal) error {
	return refused("it expired on %s; the next night proposes anew", p.ExpiresAt.UTC().Format("2006-01-02 at 15:04 UTC"))
}

func (s *Steward) approveOne(ctx context.Context, q *store.Queries, p store.Proposal, actor, reason string, now time.Time) error {
	if now.After(p.ExpiresAt) {
		return expired(p)
	}
	if err := move(ctx, q, p, bidding.Approved, actor, reason, "", now); err != nil {
		return err
	}
	return q.InsertApproval(ctx, store.Approval{
		ApprovalID: newID(), ProposalID: p.ProposalID, Actor: actor, PlanHash: p.PlanHash,
		Seen: p.Seen, Value: p.Proposed, At: now, ExpiresAt: p.ExpiresAt,
	})
}

// Reject says no. The reason is kept with the proposal.
func (s *Steward) Reject(ctx context.Context, actor string, ids []string, reason string) []bidding.Outcome {
	return s.each(ctx, ids, func(q *store.Queries, p store.Proposal, now time.Time) error {
		return move(ctx, q, p, bidding.Rejected, actor, reason, "", now)
	})
}

// Edit replaces the proposed value by another one within the guardrails. An
// approval given before is void: the proposal waits for a decision again.
func (s *Steward) Edit(ctx context.Context, actor, id string, value money.Micros, reason string) bidding.Outcome {
	return s.each(ctx, []string{id}, func(q *store.Queries, p store.Proposal, now time.Time) error {
		if st := bidding.State(p.State); !st.Open() {
			return refused("only an open proposal is edited; its state is %s", p.State)
		}
		if now.After(p.ExpiresAt) {
			return expired(p)
		}
		body, err := s.editedBody(ctx, q, p, actor, value)
		if err != nil {
			return err
		}
		if bidding.State(p.State) == bidding.Approved {
			if err := move(ctx, q, p, bidding.Proposed, actor, "edited after approval", "", now); err != nil {
				return err
			}
		}
		set, err := q.ChangeSet(ctx, p.ChangeSetID)
		if err != nil {
			return err
		}
		old := p.Proposed
		p.Proposed = value
		if err := q.SetProposed(ctx, p.ProposalID, value, body, planHash(set.Hash, p), now); err != nil {
			return err
		}
		what := fmt.Sprintf("%s to %s", old.Decimal(), value.Decimal())
		if reason != "" {
			what += ": " + reason
		}
		_, err = q.Audit(ctx, store.AuditEntry{At: now, Account: p.Account, Actor: actor, Action: "edited", Proposal: p.ProposalID, Reason: what})
		return err
	})[0]
}

// Rollback writes a proposal that puts the old value back. It waits for a
// decision like any other.
func (s *Steward) Rollback(ctx context.Context, actor, id string) (string, error) {
	var newProposal string
	err := s.Store.InTx(ctx, func(q *store.Queries) error {
		p, err := q.Proposal(ctx, id)
		if err != nil {
			return err
		}
		newProposal, err = s.rollbackOf(ctx, q, p, actor, "Asked for by "+actor+".", nil)
		return err
	})
	return newProposal, err
}

// rollbackOf stores the rollback of an applied proposal within q; measured is its
// outcome, if there is one that asks for it.
func (s *Steward) rollbackOf(ctx context.Context, q *store.Queries, p store.Proposal, actor, why string, measured *bidding.Outturn) (string, error) {
	if st := bidding.State(p.State); st != bidding.Applied && st != bidding.Measured {
		return "", refused("only an applied change is rolled back; it is %s", p.State)
	}
	open, err := q.Proposals(ctx, store.Filter{Platform: p.Platform, AdAccount: p.AdAccount, EntityType: p.EntityType,
		EntityID: p.EntityID, Field: p.Field, States: []string{string(bidding.Proposed), string(bidding.Approved)}})
	if err != nil {
		return "", err
	}
	for _, o := range open {
		if o.RollbackOf == p.ProposalID {
			return "", refused("proposal %s already puts it back", o.ProposalID)
		}
		if bidding.State(o.State) == bidding.Approved {
			return "", refused("proposal %s for the same value is approved and waits to be pushed; reject it first", o.ProposalID)
		}
	}
	now := s.Now()
	applied := draftOf(p)
	to, said, err := s.wayBack(ctx, q, p)
	if err != nil {
		return "", err
	}
	applied.Seen = to
	d := bidding.RollbackDraft(applied, p.ProposalID, why, measured)
	d.Guardrails = said
	set := store.ChangeSet{ChangeSetID: newID(), Account: p.Account, Date: s.dateOf(p.Account, now),
		Hash: bidding.ChangeSetHash("rollback of "+p.ProposalID, []bidding.Draft{d}), CreatedAt: now}
	if original, err := q.ChangeSet(ctx, p.ChangeSetID); err == nil {
		set.PolicyID = original.PolicyID
	}
	for _, o := range open {
		if err := move(ctx, q, o, bidding.Superseded, actor, "a rollback of "+p.ProposalID+" takes its place", "", now); err != nil {
			return "", err
		}
	}
	row, err := proposalRow(set, d, now, now.Add(s.expiry(p.Account)))
	if err != nil {
		return "", err
	}
	row.RollbackOf = p.ProposalID
	return row.ProposalID, insertProposals(ctx, q, set, []store.Proposal{row}, actor)
}

// wayBack is the old value of an applied change, or as much of the way to it as the
// hard limit allows at once: back is a larger share than there.
func (s *Steward) wayBack(ctx context.Context, q *store.Queries, p store.Proposal) (money.Micros, []guard.Verdict, error) {
	shop, err := s.current(p.Account)
	if err != nil || isExclusion(p) {
		return p.Seen, nil, err
	}
	f, err := s.newestFacts(ctx, q, p)
	if err != nil {
		return 0, nil, err
	}
	f.Currency = p.Currency
	to, v := guard.CheckBack(shop.Policy, f, platform.Change{Entity: ref(p), Field: platform.Field(p.Field), Seen: p.Proposed, Value: p.Seen})
	if v.Answer == guard.Pass {
		return to, nil, nil
	}
	return to, []guard.Verdict{v}, nil
}

// each does the same to every named proposal, one transaction each, and says
// what became of it.
func (s *Steward) each(ctx context.Context, ids []string, do func(q *store.Queries, p store.Proposal, now time.Time) error) []bidding.Outcome {
	out := make([]bidding.Outcome, 0, len(ids))
	for _, id := range ids {
		o := bidding.Outcome{ID: id}
		decide := func() error {
			return s.Store.InTx(ctx, func(q *store.Queries) error {
				p, err := q.Proposal(ctx, id)
				if err != nil {
					return err
				}
				o.ID, o.State = p.ProposalID, bidding.State(p.State)
				return do(q, p, s.Now())
			})
		}
		if o.Err = decide(); errors.Is(o.Err, errRaced) {
			o.Err = decide() // on what it is now
		}
		if p, err := s.Store.Proposal(ctx, o.ID); err == nil {
			o.State = bidding.State(p.State)
		}
		out = append(out, o)
	}
	return out
}

// move takes a proposal from the state it was read in to another and records
// it; it fails if the step is not allowed or somebody was quicker.
func move(ctx context.Context, q *store.Queries, p store.Proposal, to bidding.State, actor, reason, requestID string, now time.Time) error {
	if err := bidding.Move(bidding.State(p.State), to); err != nil {
		return refused("%v", err)
	}
	ok, err := q.MoveProposal(ctx, p.ProposalID, p.State, string(to), reason, now)
	if err != nil {
		return err
	}
	if !ok {
		return errRaced
	}
	_, err = q.Audit(ctx, store.AuditEntry{At: now, Account: p.Account, Actor: actor, Action: string(to),
		Proposal: p.ProposalID, Reason: reason, RequestID: requestID})
	return err
}

// insertProposals stores a change set and its proposals and records them.
func insertProposals(ctx context.Context, q *store.Queries, set store.ChangeSet, rows []store.Proposal, actor string) error {
	if err := q.InsertChangeSet(ctx, set, rows); err != nil {
		return err
	}
	for _, p := range rows {
		if _, err := q.Audit(ctx, store.AuditEntry{At: set.CreatedAt, Account: set.Account, Actor: actor, Action: string(bidding.Proposed),
			Proposal: p.ProposalID, Reason: fmt.Sprintf("%s to %s, plan %s", p.Seen.Decimal(), p.Proposed.Decimal(), p.PlanHash)}); err != nil {
			return err
		}
	}
	return nil
}

// proposalRow makes the row of a draft.
func proposalRow(set store.ChangeSet, d bidding.Draft, now, expires time.Time) (store.Proposal, error) {
	body, err := json.Marshal(d.Body)
	if err != nil {
		return store.Proposal{}, err
	}
	p := store.Proposal{
		ProposalID: newID(), ChangeSetID: set.ChangeSetID, Account: set.Account, RunID: set.RunID,
		Platform: string(d.Platform), AdAccount: d.AdAccount, Currency: d.Currency,
		EntityType: string(d.Entity.Type), EntityID: d.Entity.ID, EntityName: d.Name, Field: string(d.Field),
		Seen: d.Seen, Proposed: d.Proposed, Suggested: d.Proposed, State: string(bidding.Proposed),
		ExpiresAt: expires.Truncate(time.Second), Body: string(body), CreatedAt: now, UpdatedAt: now,
	}
	p.PlanHash = planHash(set.Hash, p)
	return p, nil
}

// draftOf is the draft a stored proposal was made of.
func draftOf(p store.Proposal) bidding.Draft {
	d := bidding.Draft{Platform: platform.Name(p.Platform), AdAccount: p.AdAccount, Currency: p.Currency, Entity: ref(p),
		Name: p.EntityName, Field: platform.Field(p.Field), Seen: p.Seen, Proposed: p.Proposed}
	// A body that cannot be read leaves the explanation empty, never the values.
	_ = json.Unmarshal([]byte(p.Body), &d.Body)
	return d
}

func ref(p store.Proposal) platform.Ref {
	return platform.Ref{Type: platform.EntityType(p.EntityType), ID: p.EntityID}
}

func change(p store.Proposal) platform.Change {
	return platform.Change{Entity: ref(p), Field: platform.Field(p.Field), Seen: p.Seen, Value: p.Proposed}
}

func planHash(setHash string, p store.Proposal) string {
	return bidding.PlanHash(setHash, platform.Name(p.Platform), p.AdAccount, change(p), p.ExpiresAt)
}

// newID returns 16 hex digits of randomness: short enough to type the start of.
func newID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return hex.EncodeToString(b[:])
}

// DraftRow is a draft in the form of a stored proposal, for showing it.
func DraftRow(account string, d bidding.Draft) (store.Proposal, error) {
	return proposalRow(store.ChangeSet{Account: account}, d, time.Time{}, time.Time{})
}
