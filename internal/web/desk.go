package web

import (
	"context"

	"adsteward/bidding"
	"adsteward/internal/money"
)

// Desk decides on proposals and pushes them. Every call is made on behalf of
// actor, a user whose role was already checked, and leaves its own audit
// entries. Calls observe the context; what was begun on a platform is settled
// later even if the context ends.
type Desk interface {
	ExperimentDesk
	// Approve says yes to each proposal as it stands now, at its present value.
	// One outcome per id, in order; Err says why an item was not approved, which
	// includes that it was approved already.
	Approve(ctx context.Context, actor string, ids []string) []bidding.Outcome
	// Reject says no, with a reason that is kept. One outcome per id, in order.
	Reject(ctx context.Context, actor string, ids []string, reason string) []bidding.Outcome
	// Edit replaces the proposed value, in the field's own micros. The
	// guardrails judge it again: one that blocks or would have to clamp the
	// value is the outcome's Err. An approval given before is void.
	Edit(ctx context.Context, actor, id string, value money.Micros, reason string) bidding.Outcome
	// Apply pushes approved proposals; nil ids means all that are approved. An
	// item that is not approved, or that the kill switch stops, has an Err.
	// Applying twice sends nothing twice.
	Apply(ctx context.Context, actor string, ids []string) []bidding.Outcome
	// Rollback writes a new proposal that restores the value an applied one
	// replaced, and returns its id. Nothing is sent.
	Rollback(ctx context.Context, actor, id string) (newID string, err error)
	// KillSwitch stops or allows pushes. The reason is kept and announced.
	KillSwitch(ctx context.Context, actor string, on bool, reason string) error
}
