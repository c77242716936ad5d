package nightly

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"adsteward/bidding"
	"adsteward/internal/civil"
	"adsteward/internal/feedsource"
	"adsteward/internal/platform"
	"adsteward/internal/storefront"
	"adsteward/store"
)

// begin writes the run and its stages, if they are not there yet.
func (s *Steward) begin(ctx context.Context, shop *Shop, date civil.Date, reason string) error {
	if err := s.Store.PutPolicy(ctx, shop.PolicyID, shop.PolicyText, s.Now()); err != nil {
		return err
	}
	names := make([]string, len(Stages))
	for i, st := range Stages {
		names[i] = string(st)
	}
	_, err := s.Store.StartRun(ctx, store.Run{
		RunID: RunID(shop.Name, date), Account: shop.Name, Date: date, State: Running,
		Reason: reason, StartedAt: s.Now(), PolicyID: shop.PolicyID,
	}, names)
	return err
}

// RunStage does one stage of a shop's night and records how it went. It is
// what a queued job calls, and what may be called without a queue.
func (s *Steward) RunStage(ctx context.Context, account string, date civil.Date, stage Stage) error {
	row, err := s.stageRow(ctx, RunID(account, date), stage)
	if err != nil {
		return err
	}
	row.State, row.Attempt, row.Error, row.Fault = Running, row.Attempt+1, "", ""
	row.StartedAt, row.FinishedAt = sql.NullTime{Time: s.Now(), Valid: true}, sql.NullTime{}
	if err := s.Store.SetStage(ctx, row); err != nil {
		return err
	}
	rep, err := s.doStage(ctx, account, date, stage)
	row.FinishedAt = sql.NullTime{Time: s.Now(), Valid: true}
	row.Summary = rep.Summary
	switch {
	case errors.Is(ctx.Err(), context.Canceled) && (err != nil || rep.Partial != nil):
		// Told to stop: what it lacks is nobody's fault, and it is to be done yet.
		err = fmt.Errorf("stage %s was interrupted: %w", stage, ctx.Err())
		row.State, row.Summary, row.FinishedAt = Waiting, "", sql.NullTime{}
	case err != nil:
		row.State, row.Error, row.Fault = Failed, err.Error(), faultOf(err)
	case rep.Partial != nil:
		row.State, row.Error, row.Fault = Done, rep.Partial.Error(), faultOf(rep.Partial)
	default:
		row.State = Done
	}
	// The record is written even where the caller has gone away meanwhile.
	if werr := s.Store.SetStage(context.WithoutCancel(ctx), row); werr != nil {
		return errors.Join(err, werr)
	}
	return err
}

// doStage does a stage by the policy as it is now, which is kept, and named with the run
// where the plan is made by it.
func (s *Steward) doStage(ctx context.Context, account string, date civil.Date, stage Stage) (report, error) {
	shop, err := s.current(account)
	if err != nil {
		return report{}, err
	}
	n := &night{Steward: s, shop: shop, date: date, runID: RunID(account, date)}
	run, err := s.Store.Run(ctx, n.runID)
	if err != nil {
		return report{}, err
	}
	if run.PolicyID != shop.PolicyID {
		if err := s.Store.PutPolicy(ctx, shop.PolicyID, shop.PolicyText, s.Now()); err != nil {
			return report{}, err
		}
		if run.PolicyID = shop.PolicyID; stage == Propose {
			if err := s.Store.SetRun(ctx, run); err != nil {
				return report{}, err
			}
		}
	}
	return n.guarded(ctx, stage)
}

// Kinds of fault, as stored with a stage.
const (
	FaultUnreachable = "unreachable" // a platform, a feed or the database did not answer
	FaultRefused     = "refused"     // a guardrail, the policy or the kill switch
	FaultInput       = "input"       // a file or setting is wrong
	FaultOther       = "other"
)

// faultOf says which kind the gravest part of an error is.
func faultOf(err error) string {
	var pe *platform.Error
	var bad *storefront.BadInput
	var broken *net.OpError
	switch {
	case errors.As(err, &pe) && pe.Kind != platform.Rejected, errors.Is(err, feedsource.ErrUnreachable), errors.Is(err, store.ErrUnreachable), store.IsUnusable(err), errors.As(err, &broken):
		return FaultUnreachable
	case errors.As(err, &bad), isInput(err):
		return FaultInput
	case IsRefused(err):
		return FaultRefused
	}
	return FaultOther
}

// isInput reports whether err, which may come from packages unknown here, says
// of itself that what it was given is wrong.
func isInput(err error) bool {
	in, ok := errors.AsType[interface {
		error
		IsInput() bool
	}](err)
	return ok && in.IsInput()
}

// guarded calls the stage and turns a panic into its failure, so that one bad
// stage does not end the daemon.
func (n *night) guarded(ctx context.Context, stage Stage) (rep report, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("stage %s stopped at an internal fault: %v", stage, p)
		}
	}()
	f, ok := stageFuncs()[stage]
	if !ok {
		return rep, fmt.Errorf("there is no stage %q; the stages are %v", stage, Stages)
	}
	return f(ctx, n)
}

func (s *Steward) stageRow(ctx context.Context, runID string, stage Stage) (store.Stage, error) {
	rows, err := s.Store.Stages(ctx, runID)
	if err != nil {
		return store.Stage{}, err
	}
	i := slices.IndexFunc(rows, func(r store.Stage) bool { return r.Stage == string(stage) })
	if i < 0 {
		return store.Stage{}, fmt.Errorf("run %s has no stage %s", runID, stage)
	}
	return rows[i], nil
}

// finish closes the run by what its stages say: failed if one failed, and the
// stages that never came to run are then skipped. People are told of it.
func (s *Steward) finish(ctx context.Context, runID string) error {
	run, err := s.Store.Run(ctx, runID)
	if err != nil {
		return err
	}
	rows, err := s.Store.Stages(ctx, runID)
	if err != nil {
		return err
	}
	run.State = Done
	for _, r := range rows {
		if r.State == Failed {
			run.State = Failed
		}
	}
	for _, r := range rows {
		if run.State == Failed && r.State == Waiting {
			r.State, r.Summary = Skipped, "an earlier stage failed"
			if err := s.Store.SetStage(ctx, r); err != nil {
				return err
			}
		}
	}
	run.FinishedAt = sql.NullTime{Time: s.Now(), Valid: true}
	if err := s.Store.SetRun(ctx, run); err != nil {
		return err
	}
	return s.announce(ctx, run, rows)
}

// RunDirect does a whole night, or the named stages of it, in this goroutine
// and without the queue: for the simulator, which lives through hundreds.
func (s *Steward) RunDirect(ctx context.Context, account string, date civil.Date, stages []Stage) error {
	shop, err := s.Shop(account)
	if err != nil {
		return err
	}
	if err := s.begin(ctx, shop, date, "command"); err != nil {
		return err
	}
	if len(stages) == 0 {
		stages = Stages
	}
	for _, st := range stages {
		if err := s.RunStage(ctx, account, date, st); err != nil {
			return errors.Join(err, s.finish(ctx, RunID(account, date)))
		}
	}
	return s.finish(ctx, RunID(account, date))
}

// asOf is the moment a night speaks for: now where the date is today, else the
// end of that date's small hours, so that a night run late decides as it would
// have then.
func (n *night) asOf() time.Time {
	now := n.Now()
	if civil.Of(now.In(n.shop.Location)) == n.date {
		return now
	}
	return n.date.In(n.shop.Location).Add(4*time.Hour + 30*time.Minute)
}

// DryRun does the reading and deciding of a night without storing a proposal or
// sending anything. What was pulled stays, as facts; the models of the dry run
// are removed again. partial is what a night would have gone on without.
func (s *Steward) DryRun(ctx context.Context, account string, date civil.Date) (out bidding.Output, partial, err error) {
	shop, err := s.current(account)
	if err != nil {
		return out, nil, err
	}
	if err := s.Store.PutPolicy(ctx, shop.PolicyID, shop.PolicyText, s.Now()); err != nil {
		return out, nil, err
	}
	// No account is called like this, so that the night itself may have its run
	// for the date, and two dry runs do not meet.
	name := account + "/dry-run/" + newID()
	n := &night{Steward: s, shop: shop, date: date, runID: RunID(name, date)}
	if _, err := s.Store.StartRun(ctx, store.Run{RunID: n.runID, Account: name, Date: date, State: Running, Reason: "dry run",
		StartedAt: s.Now(), PolicyID: shop.PolicyID}, nil); err != nil {
		return out, nil, err
	}
	defer func() {
		ctx := context.WithoutCancel(ctx)
		err = errors.Join(err, s.Store.InTx(ctx, func(q *store.Queries) error { return q.DeleteRun(ctx, n.runID) }))
	}()
	for _, stage := range []Stage{Pull, Feeds, Attribute, Value, Curves} {
		rep, err := n.guarded(ctx, stage)
		if err != nil {
			return out, nil, fmt.Errorf("stage %s: %w", stage, err)
		}
		if rep.Partial != nil {
			partial = errors.Join(partial, fmt.Errorf("stage %s: %w", stage, rep.Partial))
		}
	}
	out, err = n.plan(ctx)
	return out, partial, err
}
