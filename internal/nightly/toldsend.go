package nightly

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"adsteward/bidding"
	"adsteward/internal/platform"
	"adsteward/store"
)

// What became of the request that carried a value.
const (
	requestProcessing = "processing"
	requestFailed     = "failed"
	requestUnknown    = "unknown" // the platform does not know of it any more
)

// tellChunk is how many orders are marked, sent and settled together: so many
// are sent again, without harm, where a process dies in between.
const tellChunk = 2000

// send tells a platform what was decided. Each order is marked before it is sent
// and settled after; the kill switch stops what is not marked yet.
func (t *teller) send(ctx context.Context, api platform.Conversions, set TellSettings, d decision, out *ToldOutcome) error {
	if err := t.Store.SetTold(ctx, d.over); err != nil {
		return err
	}
	convs := d.convs
	for rows := range slices.Chunk(d.rows, tellChunk) {
		if err := t.mark(ctx, set, rows); err != nil {
			return err
		}
		results, err := api.Send(ctx, convs[:len(rows)])
		if err == nil && len(results) != len(rows) {
			err = fmt.Errorf("%d answers came back for %d orders", len(results), len(rows))
		}
		if err != nil {
			out.Waiting += len(rows)
			return fmt.Errorf("telling values to %s: %w", set.Platform, err)
		}
		convs = convs[len(rows):]
		if err := t.settle(ctx, set, rows, results, out); err != nil {
			return err
		}
	}
	return nil
}

// mark writes that the orders are about to be told.
func (t *teller) mark(ctx context.Context, set TellSettings, rows []store.ToldConversion) error {
	now := t.Now()
	for i := range rows {
		rows[i].ToldAt = now
	}
	return t.Store.InTx(ctx, func(q *store.Queries) error {
		on, err := killed(ctx, q)
		if err != nil {
			return err
		}
		if on {
			return refused("the kill switch went on; no more is told")
		}
		earlier, err := q.Told(ctx, store.ToldFilter{Account: t.shop.Name, Platform: string(set.Platform), Limit: 1})
		if err != nil {
			return err
		}
		if len(earlier) == 0 {
			if _, err := q.Audit(ctx, store.AuditEntry{At: now, Account: t.shop.Name, Actor: t.actor, Action: "values_telling_began",
				Reason: fmt.Sprintf("%s is told from now on what orders are worth (%s, %s)", set.Platform, targetOf(set), set.Rules.Measure)}); err != nil {
				return err
			}
		}
		return q.SetTold(ctx, rows)
	})
}

func targetOf(set TellSettings) string {
	if set.Platform == platform.Google {
		return "conversion action " + set.Target
	}
	return "data set " + set.Target
}

// settle writes what the platform answered. An order without an answer stays
// pending and is sent again; faults are gathered so that one line tells of many.
func (t *teller) settle(ctx context.Context, set TellSettings, rows []store.ToldConversion, results []platform.ConversionResult, out *ToldOutcome) error {
	ctx, now := context.WithoutCancel(ctx), t.Now() // what was sent is written down in any case
	sum := ToldOutcome{}
	var requests []string
	var fault error // the first of those without an answer
	for i := range rows {
		row, res := &rows[i], results[i]
		row.RequestID, row.ToldAt = res.RequestID, now
		if res.RequestID != "" && !slices.Contains(requests, res.RequestID) {
			requests = append(requests, res.RequestID)
		}
		switch {
		case res.Err == nil:
			row.State, row.Status = bidding.ToldDone, requestProcessing
			sum.count(platform.ConversionStep(row.Step))
			if row.Step == string(platform.Retract) {
				row.State = bidding.ToldRetracted
			}
		case platform.KindOf(res.Err) == platform.Rejected:
			row.State, row.Why = bidding.ToldRefused, res.Err.Error()
			sum.Refused++
		default:
			row.Why = "no answer yet, and it is sent again: " + res.Err.Error()
			sum.Waiting++
			if fault == nil {
				fault = res.Err
			}
		}
	}
	err := t.Store.InTx(ctx, func(q *store.Queries) error {
		if err := q.SetTold(ctx, rows); err != nil {
			return err
		}
		_, err := q.Audit(ctx, store.AuditEntry{At: now, Account: t.shop.Name, Actor: t.actor, Action: "values_told",
			Reason: fmt.Sprintf("%s, %s: %s", set.Platform, targetOf(set), sum.Counts()), RequestID: strings.Join(requests, " ")})
		return err
	})
	out.add(sum)
	var faults []error
	if sum.Refused > 0 {
		i := slices.IndexFunc(rows, func(r store.ToldConversion) bool { return r.State == bidding.ToldRefused })
		faults = append(faults, fmt.Errorf("%s refused %d orders; the first, %s: %w", set.Platform, sum.Refused, rows[i].OrderID, results[i].Err))
	}
	if fault != nil {
		faults = append(faults, fmt.Errorf("%d orders are without an answer of %s and are sent again: %w", sum.Waiting, set.Platform, fault))
	}
	return errors.Join(append(faults, err)...)
}

func (o *ToldOutcome) count(step platform.ConversionStep) {
	switch step {
	case platform.Record:
		o.Recorded++
	case platform.Restate:
		o.Restated++
	case platform.Retract:
		o.Retracted++
	}
}

func (o *ToldOutcome) add(b ToldOutcome) {
	o.Recorded += b.Recorded
	o.Restated += b.Restated
	o.Retracted += b.Retracted
	o.Refused += b.Refused
	o.Waiting += b.Waiting
}

// followUp asks what became of the requests that a platform was still working
// on. What failed there was not told after all.
func (t *teller) followUp(ctx context.Context, api platform.Conversions) error {
	p := string(api.Platform())
	requests, err := t.Store.ToldRequests(ctx, t.shop.Name, p, requestProcessing)
	if err != nil {
		return err
	}
	for _, id := range requests {
		st, err := api.Status(ctx, id)
		switch {
		case platform.KindOf(err) == platform.Rejected && err != nil:
			st = platform.SyncStatus{State: requestUnknown}
		case err != nil:
			return fmt.Errorf("asking %s what became of request %s: %w", p, id, err)
		case st.State == requestProcessing:
			continue
		}
		rows, err := t.Store.Told(ctx, store.ToldFilter{Account: t.shop.Name, Platform: p, Status: requestProcessing, RequestID: id})
		if err != nil {
			return err
		}
		for i := range rows {
			r := &rows[i]
			r.Status = st.State
			if st.State == requestFailed {
				r.State, r.Why = bidding.ToldRefused, "the platform took it and refused it later: "+st.Detail
			} else {
				r.Held = r.Value
			}
		}
		if err := t.Store.SetTold(ctx, rows); err != nil {
			return err
		}
	}
	return nil
}
