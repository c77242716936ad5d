package nightly

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"adsteward/bidding"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/store"
)

// send takes an intent that was certainly not sent through reading, validating,
// sending and reading back. Where the platform cannot be spoken to (isDown), the
// item stays in applying with its intent open, and the next push goes on with it.
func (w *pusher) send(ctx context.Context, p store.Proposal, in store.Intent) error {
	// Approvals expire also while an intent waits for a platform to come back.
	if a, err := w.Store.LatestApproval(ctx, p.ProposalID); err != nil {
		return err
	} else if w.Now().After(a.ExpiresAt) {
		return w.fail(ctx, p, in, "the approval expired before the platform could be reached; nothing was sent", "")
	}
	if err := w.unchanged(ctx, p, in); err != nil {
		return err
	}
	if err := w.validate(ctx, p, in); err != nil {
		return err
	}
	sending, err := w.markSending(ctx, p, in)
	if err != nil {
		return err
	}
	w.step(p.ProposalID, "sending")
	res, err := w.conn.Ads.Apply(ctx, []platform.Change{change(p)})
	w.step(p.ProposalID, "sent")
	// From here on the record is written even where the caller has gone away.
	ctx = context.WithoutCancel(ctx)
	if err != nil || len(res) != 1 { // an error instead of results: nothing was sent
		return w.notSent(ctx, p, in, err)
	}
	if res[0].Err != nil {
		return w.sendFailed(ctx, p, sending, res[0])
	}
	if err := w.receipt(ctx, w.Store.Queries, p, "send", res[0].RequestID, "ok", nil, ""); err != nil {
		return err
	}
	w.step(p.ProposalID, "receipt")
	return w.readBack(ctx, p, sending, res[0].RequestID)
}

// unchanged re-reads the remote value; an error is the end of this push.
func (w *pusher) unchanged(ctx context.Context, p store.Proposal, in store.Intent) error {
	now, found, err := w.read(ctx, p)
	if err != nil {
		return w.later(ctx, p, "read", err)
	}
	if !found {
		return w.fail(ctx, p, in, fmt.Sprintf("%s %s is no longer there; nothing was sent", p.EntityType, p.EntityName), "")
	}
	outcome := "ok"
	if now != in.Seen {
		outcome = "changed"
	}
	if err := w.receipt(ctx, w.Store.Queries, p, "read", "", outcome, &now, ""); err != nil {
		return err
	}
	w.step(p.ProposalID, "read")
	if now != in.Seen {
		return w.fail(ctx, p, in, fmt.Sprintf("changed by somebody else since: then %s, now %s, proposed %s; nothing was sent",
			in.Seen.Decimal(), now.Decimal(), in.Value.Decimal()), "")
	}
	return nil
}

// validate has the platform check the change without making it.
func (w *pusher) validate(ctx context.Context, p store.Proposal, in store.Intent) error {
	res, err := w.conn.Ads.Validate(ctx, []platform.Change{change(p)})
	if err == nil && len(res) != 1 {
		err = fmt.Errorf("%s answered %d results to one change", p.Platform, len(res))
	}
	if err == nil {
		err = res[0].Err
	}
	if err != nil && platform.KindOf(err) == platform.Rejected {
		e := w.receipt(ctx, w.Store.Queries, p, "validate", requestID(err), string(platform.Rejected), nil, err.Error())
		return errors.Join(e, w.fail(ctx, p, in, "the platform refuses it: "+err.Error(), requestID(err)))
	}
	if err != nil {
		return w.later(ctx, p, "validate", err)
	}
	if err := w.receipt(ctx, w.Store.Queries, p, "validate", res[0].RequestID, "ok", nil, ""); err != nil {
		return err
	}
	w.step(p.ProposalID, "validated")
	return nil
}

// later leaves an item whose platform cannot be spoken to as it is.
func (w *pusher) later(ctx context.Context, p store.Proposal, kind string, cause error) error {
	err := w.receipt(context.WithoutCancel(ctx), w.Store.Queries, p, kind, requestID(cause), string(platform.KindOf(cause)), nil, cause.Error())
	return &downError{errors.Join(cause, err)}
}

// markSending is the last thing written before the request goes out; the kill
// switch is read in the same transaction.
func (w *pusher) markSending(ctx context.Context, p store.Proposal, in store.Intent) (store.Intent, error) {
	var stopped error
	now := w.Now()
	err := w.Store.InTx(ctx, func(q *store.Queries) error {
		on, err := killed(ctx, q)
		if err != nil {
			return err
		}
		if on {
			stopped = refused("the kill switch went on; nothing was sent")
			return w.failIn(ctx, q, p, in, "the kill switch went on; nothing was sent", "", now)
		}
		in.State, in.SentAt = intentSending, sql.NullTime{Time: now, Valid: true}
		// The lock keeps others away, but a database's lock is lost with its
		// connection: only one process gets past this line.
		ok, err := q.MoveIntent(ctx, in, intentOpen)
		if err == nil && !ok {
			err = refused("another process is sending it")
		}
		return err
	})
	return in, errors.Join(err, stopped)
}

// notSent puts an intent back whose request never left.
func (w *pusher) notSent(ctx context.Context, p store.Proposal, in store.Intent, cause error) error {
	if cause == nil {
		cause = fmt.Errorf("%s gave no result for the change", p.Platform)
	}
	err := w.Store.InTx(ctx, func(q *store.Queries) error {
		if err := w.receipt(ctx, q, p, "send", requestID(cause), string(platform.KindOf(cause)), nil, cause.Error()); err != nil {
			return err
		}
		return q.SetIntent(ctx, in)
	})
	return &downError{errors.Join(cause, err)}
}

// sendFailed records what the platform's error means for the item.
func (w *pusher) sendFailed(ctx context.Context, p store.Proposal, in store.Intent, res platform.Result) error {
	kind := platform.KindOf(res.Err)
	open := in
	open.State, open.SentAt = intentOpen, sql.NullTime{}
	switch kind {
	case platform.Retryable, platform.Quota, platform.Authentication:
		return w.notSent(ctx, p, open, res.Err)
	case platform.Rejected:
		e := w.receipt(ctx, w.Store.Queries, p, "send", res.RequestID, string(kind), nil, res.Err.Error())
		return errors.Join(e, w.fail(ctx, p, in, "the platform refused it: "+res.Err.Error(), res.RequestID))
	}
	if err := w.becomeUnknown(ctx, p, res); err != nil {
		return err
	}
	w.step(p.ProposalID, "unknown")
	p.State = string(bidding.Unknown)
	return w.settle(ctx, p, in)
}

func (w *pusher) becomeUnknown(ctx context.Context, p store.Proposal, res platform.Result) error {
	return w.Store.InTx(ctx, func(q *store.Queries) error {
		msg := "whether it was sent is not known; reading will tell"
		if res.Err != nil {
			msg = res.Err.Error()
			if err := w.receipt(ctx, q, p, "send", res.RequestID, string(platform.Unknown), nil, msg); err != nil {
				return err
			}
		}
		return move(ctx, q, p, bidding.Unknown, w.actor, msg, res.RequestID, w.Now())
	})
}

// readBack reads the value just written until it shows.
func (w *pusher) readBack(ctx context.Context, p store.Proposal, in store.Intent, requestID string) error {
	for try := range w.Push.ReadTries {
		if try > 0 {
			if err := pause(ctx, w.Push.ReadPause); err != nil {
				return err
			}
		}
		now, found, err := w.read(ctx, p)
		if err == nil && found && now == in.Value {
			return w.applied(ctx, p, in, "read_back", now, requestID)
		}
		if err == nil && (!found || now != in.Seen) {
			return w.fail(ctx, p, in, fmt.Sprintf("sent, but it reads back as %s", now.Decimal()), requestID)
		}
	}
	// Accepted, yet the old value shows or nothing answers: settled later.
	if err := w.becomeUnknown(ctx, p, platform.Result{RequestID: requestID}); err != nil {
		return err
	}
	p.State = string(bidding.Unknown)
	return w.settle(ctx, p, in)
}

// settle decides by reading alone what became of a change that may have been
// sent. Nothing is ever sent here.
func (w *pusher) settle(ctx context.Context, p store.Proposal, in store.Intent) error {
	if bidding.State(p.State) == bidding.Applying {
		if err := w.becomeUnknown(ctx, p, platform.Result{}); err != nil {
			return err
		}
		p.State = string(bidding.Unknown)
		w.step(p.ProposalID, "unknown")
	}
	for olds := 1; ; olds++ {
		now, found, err := w.read(ctx, p)
		if err != nil {
			return w.later(ctx, p, "settle", err)
		}
		switch {
		case found && now == in.Value:
			return w.applied(ctx, p, in, "settle", now, "")
		case !found || now != in.Seen:
			return w.fail(ctx, p, in, fmt.Sprintf("the answer never came, and it reads %s: somebody else changed it", now.Decimal()), "")
		}
		// Two readings of the old value, the last one late enough: by the clock, or, where
		// that was set back since, by how long it was read here.
		late := !w.Now().Before(in.SentAt.Time.Add(w.Push.SettleAfter)) || time.Duration(olds-1)*w.Push.ReadPause >= w.Push.SettleAfter
		if olds >= 2 && late {
			return w.neverShowed(ctx, p, in)
		}
		if err := pause(ctx, w.Push.ReadPause); err != nil {
			return err
		}
	}
}

// neverShowed closes an item whose old value still reads. Where the platform had
// accepted the change, its reads may lag: the item stays unknown, and is looked
// at again by every push, as long as its approval holds.
func (w *pusher) neverShowed(ctx context.Context, p store.Proposal, in store.Intent) error {
	rs, err := w.Store.Receipts(ctx, p.ProposalID)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(rs, func(r store.Receipt) bool { return r.Kind == "send" && r.Outcome == "ok" })
	switch {
	case i < 0:
		return w.fail(ctx, p, in, "the answer never came, and the value did not change; nothing happened", "")
	case w.Now().After(p.ExpiresAt):
		return w.fail(ctx, p, in, "the platform accepted it, yet it never showed; look at the platform", rs[i].RequestID)
	}
	return fmt.Errorf("the platform accepted it [request %s], yet it still reads as %s; the next push looks again", rs[i].RequestID, in.Seen.Decimal())
}

// read returns the remote value of the proposal's field.
func (w *pusher) read(ctx context.Context, p store.Proposal) (v money.Micros, found bool, err error) {
	es, err := w.conn.Ads.Read(ctx, []platform.Ref{ref(p)})
	if err != nil {
		return 0, false, err
	}
	for _, e := range es {
		if e.Ref == ref(p) {
			v, found = e.Fields[platform.Field(p.Field)]
			return v, found, nil
		}
	}
	return 0, false, nil
}

// applied closes an item that reads back as approved.
func (w *pusher) applied(ctx context.Context, p store.Proposal, in store.Intent, kind string, now money.Micros, request string) error {
	err := w.Store.InTx(ctx, func(q *store.Queries) error {
		if err := w.receipt(ctx, q, p, kind, request, "ok", &now, ""); err != nil {
			return err
		}
		return w.close(ctx, q, p, in, bidding.Applied, "", request, w.Now())
	})
	w.step(p.ProposalID, "applied")
	return err
}

// fail closes an item that did not take; the reason is for people.
func (w *pusher) fail(ctx context.Context, p store.Proposal, in store.Intent, reason, request string) error {
	err := w.Store.InTx(ctx, func(q *store.Queries) error {
		return w.failIn(ctx, q, p, in, reason, request, w.Now())
	})
	w.step(p.ProposalID, "failed")
	return errors.Join(err, &FailedError{reason})
}

func (w *pusher) failIn(ctx context.Context, q *store.Queries, p store.Proposal, in store.Intent, reason, request string, now time.Time) error {
	return w.close(ctx, q, p, in, bidding.Failed, reason, request, now)
}

func (w *pusher) close(ctx context.Context, q *store.Queries, p store.Proposal, in store.Intent, to bidding.State, reason, request string, now time.Time) error {
	in.State, in.SettledAt = intentSettled, sql.NullTime{Time: now, Valid: true}
	if err := q.SetIntent(ctx, in); err != nil {
		return err
	}
	return move(ctx, q, p, to, w.actor, reason, request, now)
}

func (w *pusher) receipt(ctx context.Context, q *store.Queries, p store.Proposal, kind, request, outcome string, v *money.Micros, detail string) error {
	return q.AddReceipt(ctx, store.Receipt{ProposalID: p.ProposalID, Kind: kind, At: w.Now(), RequestID: request,
		Outcome: outcome, RemoteValue: v, Detail: detail})
}

// FailedError says that a push came to its end and the change did not take.
type FailedError struct{ Reason string }

func (e *FailedError) Error() string { return e.Reason }

func requestID(err error) string {
	var e *platform.Error
	if errors.As(err, &e) {
		return e.RequestID
	}
	return ""
}

// pause waits, unless the context ends first.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
