package nightly

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

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
	for todo := range slices.Chunk(d.todo, tellChunk) {
		convs := make([]platform.Conversion, len(todo))
		for i := range todo {
			convs[i], todo[i].row.Platform = todo[i].conv, string(set.Platform)
		}
		if err := t.mark(ctx, todo); err != nil {
			return err
		}
		results, err := api.Send(ctx, convs)
		if err == nil && len(results) != len(todo) {
			err = fmt.Errorf("%d answers came back for %d orders", len(results), len(todo))
		}
		if err != nil {
			results = make([]platform.ConversionResult, len(todo))
			for i := range results {
				results[i].Err = err
			}
		}
		if serr := t.settle(ctx, set, todo, results, err != nil, out); serr != nil || err != nil {
			return serr
		}
	}
	return nil
}

// mark writes that the orders are about to be told.
func (t *teller) mark(ctx context.Context, todo []telling) error {
	rows := make([]store.ToldConversion, len(todo))
	for i := range todo {
		rows[i] = todo[i].row
	}
	return t.Store.InTx(ctx, func(q *store.Queries) error {
		on, err := killed(ctx, q)
		if err != nil {
			return err
		}
		if on {
			return refused("the kill switch went on; no more is told")
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

// answers is what a platform said to a number of orders.
type answers struct {
	rows     []store.ToldConversion
	forget   []string // orders it was certainly not told of
	sum      ToldOutcome
	requests []string
	refused  error // the first refusal
	missing  error // the first fault of those that are sent again
}

// settle writes what the platform answered; broken says that a request failed for
// all that it did not answer. An order of which it may have been told stays
// pending, one of which it was certainly not told is as if it had never been sent.
func (t *teller) settle(ctx context.Context, set TellSettings, todo []telling, results []platform.ConversionResult, broken bool, out *ToldOutcome) error {
	ctx, now := context.WithoutCancel(ctx), t.Now() // what was sent is written down in any case
	var a answers
	for i := range todo {
		a.take(todo[i], results[i], broken, now)
	}
	out.add(a.sum)
	err := t.Store.InTx(ctx, func(q *store.Queries) error {
		if err := t.auditBeginning(ctx, q, set, a.sum, now); err != nil {
			return err
		}
		if err := q.SetTold(ctx, a.rows); err != nil {
			return err
		}
		if err := q.ForgetTold(ctx, t.shop.Name, string(set.Platform), a.forget); err != nil {
			return err
		}
		_, err := q.Audit(ctx, store.AuditEntry{At: now, Account: t.shop.Name, Actor: t.actor, Action: "values_told",
			Reason: fmt.Sprintf("%s, %s: %s", set.Platform, targetOf(set), a.sum.Counts()), RequestID: strings.Join(a.requests, " ")})
		return err
	})
	if a.refused != nil {
		a.refused = fmt.Errorf("%s refused %s; the first, %w", set.Platform, orders(a.sum.Refused), a.refused)
	}
	if a.missing != nil {
		a.missing = fmt.Errorf("%s did not take %s, sent again next time: %w", set.Platform, orders(a.sum.Waiting), a.missing)
	}
	return errors.Join(a.refused, a.missing, err)
}

// auditBeginning records that a platform takes orders for the first time.
func (t *teller) auditBeginning(ctx context.Context, q *store.Queries, set TellSettings, sum ToldOutcome, now time.Time) error {
	if sum.Recorded == 0 {
		return nil
	}
	earlier, err := q.Told(ctx, store.ToldFilter{Account: t.shop.Name, Platform: string(set.Platform), State: bidding.ToldDone, Limit: 1})
	if err != nil || len(earlier) > 0 {
		return err
	}
	_, err = q.Audit(ctx, store.AuditEntry{At: now, Account: t.shop.Name, Actor: t.actor, Action: "values_telling_began",
		Reason: fmt.Sprintf("%s is told from now on what orders are worth (%s, %s)", set.Platform, targetOf(set), set.Rules.Measure)})
	return err
}

func (a *answers) take(it telling, res platform.ConversionResult, broken bool, now time.Time) {
	row, kind := it.row, platform.KindOf(res.Err)
	row.RequestID = res.RequestID
	if res.RequestID != "" && !slices.Contains(a.requests, res.RequestID) {
		a.requests = append(a.requests, res.RequestID)
	}
	switch {
	case res.Err == nil:
		row.State, row.Status, row.ToldAt = bidding.ToldDone, requestProcessing, now
		if row.Step == string(platform.Retract) {
			row.State = bidding.ToldRetracted
		}
		a.sum.count(platform.ConversionStep(row.Step))
	case kind == platform.Rejected && !broken:
		row.State, row.Why, row.ToldAt = bidding.ToldRefused, res.Err.Error(), now
		a.sum.Refused++
		if a.refused == nil {
			a.refused = fmt.Errorf("%s: %w", row.OrderID, res.Err)
		}
	default:
		row.Why = "not taken yet, and sent again: " + res.Err.Error()
		a.sum.Waiting++
		if a.missing == nil {
			a.missing = res.Err
		}
		if it.fresh && kind != platform.Unknown {
			a.forget = append(a.forget, row.OrderID)
			return
		}
	}
	a.rows = append(a.rows, row)
}

func orders(n int) string {
	if n == 1 {
		return "1 order"
	}
	return fmt.Sprintf("%d orders", n)
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
