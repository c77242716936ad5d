package nightly

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"adsteward/bidding"
	"adsteward/store"
)

// PushSettings say how patiently changes are sent.
type PushSettings struct {
	// SettleAfter is how long after a send that was never answered two
	// readings of the old value mean that it did not take. It must exceed the
	// time a request may still be on its way.
	SettleAfter time.Duration
	// ReadTries is how often a value just written is read before an old answer
	// is believed.
	ReadTries int
	// ReadPause lies between two such readings.
	ReadPause time.Duration
	// Observe is told every step of every push, before the next is taken; nil
	// if nobody listens.
	Observe func(proposalID, step string)
}

// DefaultPush suits the real platforms.
func DefaultPush() PushSettings {
	return PushSettings{SettleAfter: 10 * time.Second, ReadTries: 4, ReadPause: 500 * time.Millisecond}
}

const pushActor = "adsteward"

// Apply pushes the named proposals, or every approved one where ids is nil.
// What an earlier process left in applying or unknown is finished first. One
// outcome for each proposal that was named, or that was pushed or finished.
func (s *Steward) Apply(ctx context.Context, actor string, ids []string) []bidding.Outcome {
	todo, out := s.toPush(ctx, ids)
	for i := range s.Shops {
		shop := &s.Shops[i]
		mine := todo[shop.Name]
		pending, err := s.Store.Proposals(ctx, store.Filter{Account: shop.Name, States: []string{string(bidding.Applying), string(bidding.Unknown)}})
		if err != nil {
			return append(out, bidding.Outcome{Err: err})
		}
		for _, p := range pending {
			if !slices.ContainsFunc(mine, func(m store.Proposal) bool { return m.ProposalID == p.ProposalID }) {
				mine = append(mine, p)
			}
		}
		if len(mine) == 0 {
			continue
		}
		if shop, err = s.current(shop.Name); err != nil { // what is approved stays approved
			for _, p := range mine {
				out = append(out, bidding.Outcome{ID: p.ProposalID, State: bidding.State(p.State), Err: err})
			}
			continue
		}
		out = append(out, s.applyShop(ctx, shop, actor, mine)...)
	}
	return out
}

// FinishLeft goes on with what an earlier process left in applying or unknown,
// and begins nothing new.
func (s *Steward) FinishLeft(ctx context.Context, actor string) []bidding.Outcome {
	return s.Apply(ctx, actor, []string{})
}

// toPush reads what is to be pushed, by shop, and answers for what cannot be.
func (s *Steward) toPush(ctx context.Context, ids []string) (map[string][]store.Proposal, []bidding.Outcome) {
	todo, out := map[string][]store.Proposal{}, []bidding.Outcome{}
	if ids == nil {
		rows, err := s.Store.Proposals(ctx, store.Filter{States: []string{string(bidding.Approved)}})
		if err != nil {
			return todo, []bidding.Outcome{{Err: err}}
		}
		for _, p := range rows {
			todo[p.Account] = append(todo[p.Account], p)
		}
		return todo, out
	}
	for _, id := range ids {
		p, err := s.Store.Proposal(ctx, id)
		st := bidding.State(p.State)
		switch {
		case err != nil:
			out = append(out, bidding.Outcome{ID: id, Err: err})
		case st != bidding.Approved && !st.Pending():
			out = append(out, bidding.Outcome{ID: p.ProposalID, State: st, Err: refused("its state is %s; only an approved change is pushed", st)})
		default:
			if _, err := s.Shop(p.Account); err != nil {
				out = append(out, bidding.Outcome{ID: p.ProposalID, State: st, Err: err})
				continue
			}
			todo[p.Account] = append(todo[p.Account], p)
		}
	}
	return todo, out
}

// applyShop connects to a shop's ad accounts and pushes to each in turn.
func (s *Steward) applyShop(ctx context.Context, shop *Shop, actor string, todo []store.Proposal) []bidding.Outcome {
	var out []bidding.Outcome
	var items []store.Proposal
	for _, p := range todo {
		if isExclusion(p) {
			items = append(items, p)
		}
	}
	if len(items) > 0 { // they take no ad account
		out = s.applyItems(ctx, shop, actor, items)
		todo = slices.DeleteFunc(todo, isExclusion)
	}
	if len(todo) == 0 {
		return out
	}
	conns, connErr := shop.Connect(ctx)
	defer s.closeAll(conns)
	done := map[string]bool{}
	for _, o := range s.pushTo(ctx, shop, conns, actor, todo) {
		done[o.ID] = true
		out = append(out, o)
	}
	for _, p := range todo {
		if !done[p.ProposalID] {
			err := connErr
			if err == nil {
				err = refused("ad account %s of %s is not in the configuration", p.AdAccount, p.Platform)
			}
			out = append(out, bidding.Outcome{ID: p.ProposalID, State: bidding.State(p.State), Err: err})
		}
	}
	return out
}

// pushTo pushes to ad accounts. Cuts go first, those of all of them: they make the room
// under the total cap that increases need.
func (s *Steward) pushTo(ctx context.Context, shop *Shop, conns []Connection, actor string, todo []store.Proposal) (out []bidding.Outcome) {
	done := map[string]bool{}
	down := map[string]error{} // ad accounts that do not answer are not asked again
	for _, cuts := range []bool{true, false} {
		for _, c := range conns {
			var mine []store.Proposal
			for _, p := range todo {
				if p.Platform == string(c.Ads.Platform()) && p.AdAccount == c.AdAccount && (p.Proposed < p.Seen) == cuts && !done[p.ProposalID] {
					mine = append(mine, p)
				}
			}
			if len(mine) == 0 {
				continue
			}
			name := string(c.Ads.Platform()) + "/" + c.AdAccount
			if err := down[name]; err != nil {
				for _, p := range mine {
					out = append(out, bidding.Outcome{ID: p.ProposalID, State: bidding.State(p.State), Err: err})
				}
				continue
			}
			w := &pusher{Steward: s, shop: shop, conn: c, actor: actor}
			for _, o := range w.run(ctx, mine) { // what was left by an earlier process, too
				if done[o.ID] { // left by the cuts a moment ago, and looked at again
					out[slices.IndexFunc(out, func(have bidding.Outcome) bool { return have.ID == o.ID })] = o
					continue
				}
				done[o.ID] = true
				out = append(out, o)
				if isDown(o.Err) {
					down[name] = o.Err
				}
			}
		}
	}
	for _, c := range conns {
		if err := s.countUsage(ctx, c); err != nil {
			s.Log.Warn("the operations used could not be recorded", "platform", c.Ads.Platform(), "error", err)
		}
	}
	return out
}

// pusher pushes to one ad account.
type pusher struct {
	*Steward
	shop  *Shop
	conn  Connection
	actor string
}

// run finishes what was left, then pushes. It holds the ad account's lock, so
// that what looks left behind is left behind.
func (w *pusher) run(ctx context.Context, todo []store.Proposal) []bidding.Outcome {
	name := "push/" + string(w.conn.Ads.Platform()) + "/" + w.conn.AdAccount
	unlock, err := w.Store.Lock(ctx, name)
	var out []bidding.Outcome
	if err == nil {
		defer unlock()
		out, err = w.finishLeft(ctx)
	}
	finished := map[string]bool{}
	for _, o := range out {
		finished[o.ID] = true
	}
	slices.SortStableFunc(todo, func(a, b store.Proposal) int { return cmp.Compare(a.Proposed-a.Seen, b.Proposed-b.Seen) })
	for _, p := range todo {
		switch {
		case finished[p.ProposalID]:
		case err != nil: // what is approved stays approved
			out = append(out, bidding.Outcome{ID: p.ProposalID, State: bidding.State(p.State), Err: err})
		default:
			o := w.outcome(ctx, p.ProposalID, nil)
			if o.Err == nil && o.State != bidding.Applied { // else somebody else pushed it while this one waited
				o = w.pushOne(ctx, p)
			}
			out = append(out, o)
			if isDown(o.Err) {
				err = o.Err
			}
		}
	}
	return out
}

// downError says that the platform cannot be spoken to: the other items of its
// ad account wait.
type downError struct{ error }

func (e *downError) Unwrap() error { return e.error }

func isDown(err error) bool {
	var d *downError
	return errors.As(err, &d)
}

// finishLeft goes on with every change of this ad account that an earlier
// process began: one never sent is pushed, one perhaps sent is settled by
// reading.
func (w *pusher) finishLeft(ctx context.Context) ([]bidding.Outcome, error) {
	left, err := w.Store.Proposals(ctx, store.Filter{Account: w.shop.Name, Platform: string(w.conn.Ads.Platform()), AdAccount: w.conn.AdAccount,
		States: []string{string(bidding.Applying), string(bidding.Unknown)}})
	if err != nil {
		return nil, err
	}
	var out []bidding.Outcome
	for _, p := range left {
		in, err := w.Store.Intent(ctx, p.ProposalID)
		if err != nil {
			return out, err
		}
		if in.State == intentOpen && bidding.State(p.State) == bidding.Applying {
			err = w.send(ctx, p, in)
		} else {
			err = w.settle(ctx, p, in)
		}
		out = append(out, w.outcome(ctx, p.ProposalID, err))
		if isDown(err) {
			return out, err
		}
	}
	return out, nil
}

// States of an intent.
const (
	intentOpen    = "open"    // decided, certainly not sent
	intentSending = "sending" // perhaps sent
	intentSettled = "settled"
)

// pushOne takes one approved proposal through the whole push.
func (w *pusher) pushOne(ctx context.Context, p store.Proposal) bidding.Outcome {
	in, err := w.begin(ctx, p.ProposalID)
	if err == nil {
		w.step(p.ProposalID, "intent")
		p.State = string(bidding.Applying)
		err = w.send(ctx, p, in)
	}
	return w.outcome(ctx, p.ProposalID, err)
}

func (w *pusher) outcome(ctx context.Context, id string, err error) bidding.Outcome {
	o := bidding.Outcome{ID: id, Err: err}
	p, rerr := w.Store.Proposal(context.WithoutCancel(ctx), id)
	if rerr != nil {
		o.Err = errors.Join(err, rerr)
	}
	o.State = bidding.State(p.State)
	return o
}

func (w *pusher) step(id, name string) {
	if w.Push.Observe != nil {
		w.Push.Observe(id, name)
	}
}

// begin checks that an approval covers exactly this change, now, and writes the
// intent, all in one transaction.
func (w *pusher) begin(ctx context.Context, id string) (store.Intent, error) {
	var in store.Intent
	now := w.Now()
	err := w.Store.InTx(ctx, func(q *store.Queries) error {
		p, err := q.Proposal(ctx, id)
		if err != nil {
			return err
		}
		if bidding.State(p.State) != bidding.Approved {
			return refused("its state is %s; only an approved change is pushed", p.State)
		}
		a, err := w.covered(ctx, q, p, now)
		if err != nil {
			return err
		}
		if err := w.mayPush(ctx, q, p, now); err != nil {
			return err
		}
		if err := move(ctx, q, p, bidding.Applying, w.actor, "", "", now); err != nil {
			return err
		}
		in = store.Intent{ProposalID: p.ProposalID, ApprovalID: a.ApprovalID, State: intentOpen, Seen: p.Seen, Value: p.Proposed, CreatedAt: now}
		return q.InsertIntent(ctx, in)
	})
	return in, err
}

// covered returns the approval that covers the proposal as it stands.
func (w *pusher) covered(ctx context.Context, q *store.Queries, p store.Proposal, now time.Time) (store.Approval, error) {
	a, err := q.LatestApproval(ctx, p.ProposalID)
	if errors.Is(err, store.ErrNotFound) {
		return a, refused("nobody approved it")
	}
	if err != nil {
		return a, err
	}
	set, err := q.ChangeSet(ctx, p.ChangeSetID)
	if err != nil {
		return a, err
	}
	switch {
	case a.PlanHash != p.PlanHash || a.PlanHash != planHash(set.Hash, p) || a.Value != p.Proposed || a.Seen != p.Seen:
		return a, refused("what was approved is not what is proposed now; approve it again")
	case now.After(a.ExpiresAt):
		return a, refused("the approval expired at %s; the next night proposes anew", a.ExpiresAt.Format(time.RFC3339))
	}
	return a, nil
}

// mayPush checks what may have changed since the proposal passed the
// guardrails: the kill switch, the policy and what has become known, a change of the
// same entity on the same day, and the total movement, the total cap and the monthly
// budgets, which a part of a plan may break although the whole keeps them.
func (w *pusher) mayPush(ctx context.Context, q *store.Queries, p store.Proposal, now time.Time) error {
	if on, err := killed(ctx, q); err != nil {
		return err
	} else if on {
		return refused("the kill switch is on; nothing is pushed until it is off")
	}
	if err := w.policyAllows(ctx, q, p, now); err != nil {
		return err
	}
	if isExclusion(p) {
		return w.itemAllows(ctx, q, p)
	}
	if err := w.experimentAllows(ctx, q, p); err != nil {
		return err
	}
	if err := w.onceADay(ctx, q, p, now); err != nil {
		return err
	}
	if err := w.movementHolds(ctx, q, p, now); err != nil {
		return err
	}
	if err := w.monthsHold(ctx, q, p); err != nil {
		return err
	}
	return w.capHolds(ctx, q, p)
}

// onceADay refuses a second change of an entity on one day of its ad account,
// whatever of it was changed.
func (w *pusher) onceADay(ctx context.Context, q *store.Queries, p store.Proposal, now time.Time) error {
	before, err := q.Proposals(ctx, store.Filter{Platform: p.Platform, AdAccount: p.AdAccount, EntityType: p.EntityType, EntityID: p.EntityID,
		States: []string{string(bidding.Applied), string(bidding.Measured), string(bidding.Applying), string(bidding.Unknown)}})
	if err != nil {
		return err
	}
	today, err := adAccountDate(ctx, q, w.shop, p, now)
	if err != nil {
		return err
	}
	for _, b := range before {
		if b.ProposalID == p.ProposalID {
			continue
		}
		if bidding.State(b.State).Pending() {
			return refused("guardrail once_a_day: proposal %s for the same entity is not settled yet", b.ProposalID)
		}
		if !b.AppliedAt.Valid {
			continue
		}
		if on, err := adAccountDate(ctx, q, w.shop, p, b.AppliedAt.Time); err != nil {
			return err
		} else if on == today {
			return refused("guardrail once_a_day: it was changed today by proposal %s; a day may spend by the highest value set on it, so a second change would undo nothing. It stays approved and goes out tomorrow", b.ProposalID)
		}
	}
	return nil
}
