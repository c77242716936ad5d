package nightly

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/store"
	"adsteward/store/storetest"
)

// crash is what a killed process is to a test: nothing after it runs.
type crash struct{}

// TestPushSurvivesEveryCrashPoint kills the push at every step of every item,
// starts a new one over what is left, and checks the promise.
func TestPushSurvivesEveryCrashPoint(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		_, points := pushUntil(t, st, -1)
		if points < 10 {
			t.Fatalf("only %d crash points were seen; the push should report each step", points)
		}
		for at := range points {
			d, _ := pushUntil(t, st, at)
			for _, o := range d.Apply(t.Context(), "ann", nil) { // the next process
				if o.Err != nil && !strings.Contains(o.Err.Error(), "nothing happened") {
					t.Errorf("crash point %d: after the restart %s: %v", at, o.ID, o.Err)
				}
			}
			for _, id := range d.ids[:2] {
				if s := d.state(t, id); s != bidding.Applied && s != bidding.Failed {
					t.Errorf("crash point %d: %s is left in %s", at, id, s)
				}
			}
			if s := d.state(t, d.ids[2]); s != bidding.Proposed {
				t.Errorf("crash point %d: the unapproved proposal is %s", at, s)
			}
			d.appliedOnce(t, map[string]bool{d.ids[0]: true, d.ids[1]: true})
			closeAll(t, d)
		}
	})
}

// closeAll ends a round: what is open would be pushed by the next one.
func closeAll(t *testing.T, d *desk) {
	t.Helper()
	d.Reject(t.Context(), "ann", d.ids, "over")
	d.now = d.now.AddDate(0, 0, 1) // the next round changes the same budgets on another day
}

// rounds counts over both databases, which are tested side by side.
var rounds atomic.Int64

// pushUntil sets up three proposals, approves two, and pushes until the given
// step, where the process dies; -1 lets it live. It returns the steps seen.
func pushUntil(t *testing.T, st *store.Store, at int) (*desk, int) {
	t.Helper()
	d := setup(t, st, 3)
	d.now = testNow.AddDate(0, 0, int(rounds.Add(1)))
	d.ids = d.propose(t, 3)
	d.mustApprove(t, d.ids[:2]...)
	steps := 0
	d.Push.Observe = func(string, string) {
		if steps == at {
			panic(crash{})
		}
		steps++
	}
	func() {
		defer func() {
			if p := recover(); p != nil && p != (crash{}) {
				panic(p)
			}
		}()
		d.Apply(t.Context(), "ann", nil)
	}()
	d.Push.Observe = nil
	return d, steps
}

// TestPushOutcomes gives the platform's answers and what becomes of the item.
func TestPushOutcomes(t *testing.T) {
	fail := func(k platform.Kind) error {
		return &platform.Error{Platform: platform.Google, Kind: k, Code: "TEST", RequestID: "r-test", Message: "as the test says"}
	}
	cases := []struct {
		name    string
		spoil   func(call string, nth int) error
		meddle  money.Micros // somebody sets this value before the push
		want    bidding.State
		effects int
		message string
	}{
		{name: "all well", want: bidding.Applied, effects: 1},
		{name: "changed since", meddle: 130 * money.One, want: bidding.Failed, message: "then 100, now 130, proposed 110"},
		{name: "refused on validation", spoil: on("validate", fail(platform.Rejected)), want: bidding.Failed, message: "refuses"},
		{name: "refused on sending", spoil: on("apply", fail(platform.Rejected)), want: bidding.Failed, message: "refused"},
		{name: "not reachable for reading", spoil: on("read", fail(platform.Retryable)), want: bidding.Applying},
		{name: "quota on sending", spoil: on("apply", fail(platform.Quota)), want: bidding.Applying},
		{name: "token expired on sending", spoil: on("apply", fail(platform.Authentication)), want: bidding.Applying},
		{name: "timeout before the effect", spoil: once("apply", fail(platform.Unknown)), want: bidding.Failed, message: "nothing happened"},
		{name: "timeout after the effect", spoil: once("apply after", fail(platform.Unknown)), want: bidding.Applied, effects: 1},
		{name: "read-back fails at first", spoil: nth("read", 2, fail(platform.Retryable)), want: bidding.Applied, effects: 1},
		{name: "nothing answers after sending", spoil: from("read", 2, fail(platform.Retryable)), want: bidding.Unknown, effects: 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := setup(t, storetest.Open(t), 1)
			d.mustApprove(t, d.ids[0])
			if c.meddle != 0 {
				d.ads.entities[0].Fields[platform.DailyBudget] = c.meddle
			}
			if c.spoil != nil {
				seen := map[string]int{}
				d.ads.spoil = func(call string) error { seen[call]++; return c.spoil(call, seen[call]) }
			}
			out := d.Apply(t.Context(), "ann", nil)
			if len(out) != 1 || out[0].State != c.want {
				t.Fatalf("outcome %+v, want state %s", out, c.want)
			}
			if c.message != "" && (out[0].Err == nil || !strings.Contains(out[0].Err.Error(), c.message)) {
				t.Errorf("error %v, want it to say %q", out[0].Err, c.message)
			}
			if got := d.ads.applied[d.ads.entities[0].Ref]; got != c.effects {
				t.Errorf("took effect %d times, want %d", got, c.effects)
			}
			// Whatever was left is finished once the platform answers again,
			// and never done twice.
			d.ads.spoil = nil
			d.Apply(t.Context(), "ann", nil)
			if s := d.state(t, d.ids[0]); s.Pending() {
				t.Errorf("it is still %s after the platform has come back", s)
			}
			d.appliedOnce(t, map[string]bool{d.ids[0]: true})
		})
	}
}

func on(call string, err error) func(string, int) error {
	return func(c string, _ int) error { return when(c == call, err) }
}

func once(call string, err error) func(string, int) error { return nth(call, 1, err) }

func nth(call string, k int, err error) func(string, int) error {
	return func(c string, n int) error { return when(c == call && n == k, err) }
}

func from(call string, k int, err error) func(string, int) error {
	return func(c string, n int) error { return when(c == call && n >= k, err) }
}

func when(cond bool, err error) error {
	if cond {
		return err
	}
	return nil
}

// TestPushRefuses lists what is never sent, and that nothing of it reaches the
// platform.
func TestPushRefuses(t *testing.T) {
	cases := []struct {
		name    string
		prepare func(t *testing.T, d *desk)
		message string
	}{
		{"not approved", func(*testing.T, *desk) {}, "only an approved change"},
		{"rejected", func(t *testing.T, d *desk) { d.Reject(t.Context(), "ann", d.ids, "no") }, "only an approved change"},
		{"approval expired", func(t *testing.T, d *desk) { d.mustApprove(t, d.ids...); d.now = d.now.Add(72 * time.Hour) }, "expired"},
		{"kill switch", func(t *testing.T, d *desk) {
			d.mustApprove(t, d.ids...)
			if err := d.KillSwitch(t.Context(), "ann", true, "test"); err != nil {
				t.Fatal(err)
			}
		}, "kill switch"},
		{"another value than was approved", func(t *testing.T, d *desk) {
			d.mustApprove(t, d.ids...)
			p, err := d.Store.Proposal(t.Context(), d.ids[0])
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Store.SetProposed(t.Context(), p.ProposalID, 119*money.One, p.Body, p.PlanHash, d.now); err != nil {
				t.Fatal(err)
			}
		}, "approve it again"},
		{"a plan hash nobody approved", func(t *testing.T, d *desk) {
			d.mustApprove(t, d.ids...)
			p, err := d.Store.Proposal(t.Context(), d.ids[0])
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Store.SetProposed(t.Context(), p.ProposalID, p.Proposed, p.Body, "forged", d.now); err != nil {
				t.Fatal(err)
			}
		}, "approve it again"},
		{"changed today already", func(t *testing.T, d *desk) {
			d.mustApprove(t, d.ids...)
			d.Apply(t.Context(), "ann", nil)
			d.ads.applied = map[platform.Ref]int{}
			d.ids = d.propose(t, 1)
			d.mustApprove(t, d.ids...)
		}, "once_a_day"},
		{"protected meanwhile", afterApproval(func(p *guard.Policy) { p.Protected = []string{"c0"} }), "guardrail protected (protected)"},
		{"a campaign under it protected meanwhile", func(t *testing.T, d *desk) {
			d.mustApprove(t, d.ids...)
			d.Shops[0].Policy.Protected = []string{"Above"}
			d.structure(t, "google", "123", platform.Entity{Ref: platform.Ref{Type: platform.Campaign, ID: "above"}, Name: "Above"},
				platform.Entity{Ref: platform.Ref{Type: platform.AdSet, ID: "set"}, Parent: platform.Ref{Type: platform.Campaign, ID: "above"}, Budget: platform.Ref{Type: platform.Campaign, ID: "c0"}})
		}, "guardrail protected (protected)"},
		{"black-out begun meanwhile", afterApproval(func(p *guard.Policy) {
			p.BlackOut = []guard.BlackOut{{From: civil.Of(testNow), To: civil.Of(testNow), Reason: "fair"}}
		}), "guardrail black_out (black_out): No changes"},
		{"a smaller step meanwhile", afterApproval(func(p *guard.Policy) { p.Step = guard.Step{Default: 0.01, HardLimit: 0.05} }), "guardrail step (step.hard_limit): At most 5 %"},
		{"more movement than by now allowed", func(t *testing.T, d *desk) {
			d.structure(t, "google", "123", d.ads.entities...)
			afterApproval(func(p *guard.Policy) { p.MaxMovement = 0.09 })(t, d)
		}, "guardrail total_movement (max_movement): One day may move at most 9 %"},
		{"a total cap meanwhile", func(t *testing.T, d *desk) {
			d.structure(t, "google", "123", d.ads.entities...)
			afterApproval(func(p *guard.Policy) { p.TotalDailyCap = 105 })(t, d)
		}, "guardrail total_cap (total_daily_cap): All daily budgets together may be at most EUR 105.00"},
		{"a month that no night has looked at", afterApproval(func(p *guard.Policy) {
			p.Monthly = []guard.Monthly{{Name: "Search", Match: []string{"Campaign *"}, Budget: 1000}}
		}), `guardrail monthly_pace (monthly): the month's budget "Search" is new`},
		{"limited meanwhile", afterApproval(func(p *guard.Policy) { p.Limits.MaxBudget = 105 }), "guardrail limits (limits.max_budget): Not above EUR 105.00"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := setup(t, storetest.Open(t), 1)
			c.prepare(t, d)
			out := d.Apply(t.Context(), "ann", d.ids)
			if len(out) != 1 || out[0].Err == nil || !strings.Contains(out[0].Err.Error(), c.message) {
				t.Fatalf("outcome %+v, want a refusal that says %q", out, c.message)
			}
			if !IsRefused(out[0].Err) {
				t.Errorf("%v is no refusal", out[0].Err)
			}
			if n := len(d.ads.applied); n != 0 {
				t.Errorf("%d changes reached the platform", n)
			}
		})
	}
}

// afterApproval changes the policy once everything is approved.
func afterApproval(change func(*guard.Policy)) func(*testing.T, *desk) {
	return func(t *testing.T, d *desk) {
		t.Helper()
		d.mustApprove(t, d.ids...)
		change(&d.Shops[0].Policy)
	}
}

// structure stores the entities of an ad account.
func (d *desk) structure(t *testing.T, name, adAccount string, es ...platform.Entity) {
	t.Helper()
	var rows []store.Entity
	for _, e := range es {
		detail, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, store.Entity{Account: "shop", Platform: name, AdAccount: adAccount, EntityType: string(e.Type), EntityID: e.ID, Name: e.Name,
			Detail: string(detail), FirstSeen: d.now, UpdatedAt: d.now})
	}
	if err := d.Store.ReplaceEntities(t.Context(), "shop", name, adAccount, d.now, rows); err != nil {
		t.Fatal(err)
	}
}

// TestKillSwitchStopsAPushUnderWay turns the switch on while the first item is
// being sent.
func TestKillSwitchStopsAPushUnderWay(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 3)
	d.mustApprove(t, d.ids...)
	d.Push.Observe = func(id, step string) {
		if step == "applied" {
			if err := d.KillSwitch(t.Context(), "bob", true, "stop"); err != nil {
				t.Error(err)
			}
		}
	}
	d.Apply(t.Context(), "ann", nil)
	if n := len(d.ads.applied); n != 1 {
		t.Errorf("%d changes reached the platform after the switch went on during the first, want 1 in all", n)
	}
}

// TestRollback goes there and back, a day apart.
func TestRollback(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 1)
	if _, err := d.Rollback(t.Context(), "ann", d.ids[0]); !IsRefused(err) {
		t.Errorf("rolling back what was never applied: %v, want a refusal", err)
	}
	d.mustApprove(t, d.ids[0])
	d.Apply(t.Context(), "ann", nil)
	back, err := d.Rollback(t.Context(), "ann", d.ids[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Rollback(t.Context(), "ann", d.ids[0]); !IsRefused(err) {
		t.Errorf("a second rollback: %v, want a refusal", err)
	}
	p, err := d.Store.Proposal(t.Context(), back)
	if err != nil {
		t.Fatal(err)
	}
	if p.Seen != 110*money.One || p.Proposed != 100*money.One || p.RollbackOf != d.ids[0] {
		t.Errorf("the rollback proposes %d to %d of %q", p.Seen, p.Proposed, p.RollbackOf)
	}
	d.mustApprove(t, back)
	d.now = d.now.Add(24 * time.Hour)
	for _, o := range d.Apply(t.Context(), "ann", nil) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
	}
	if v := d.ads.value("c0"); v != 100*money.One {
		t.Errorf("the budget is %d after the rollback", v)
	}
}

// TestTwoProcessesPushOnce has two pushes race for the same items.
func TestTwoProcessesPushOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := setup(t, st, 5)
		d.mustApprove(t, d.ids...)
		done := make(chan []bidding.Outcome)
		for range 2 {
			go func() { done <- d.Apply(t.Context(), "ann", d.ids) }()
		}
		for range 2 {
			<-done
		}
		approved := map[string]bool{}
		for _, id := range d.ids {
			approved[id] = true
			if s := d.state(t, id); s != bidding.Applied {
				t.Errorf("%s is %s", id, s)
			}
		}
		d.appliedOnce(t, approved)
	})
}

// TestFinishLeftSaysWhatItCannot: an item left under way whose ad account cannot
// be connected to is named, not passed over.
func TestFinishLeftSaysWhatItCannot(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 2)
	d.mustApprove(t, d.ids[0])
	d.ads.spoil = func(call string) error {
		if call == "read" {
			return &platform.Error{Platform: platform.Google, Kind: platform.Retryable, Message: "down"}
		}
		return nil
	}
	d.Apply(t.Context(), "ann", nil)
	connect := d.Shops[0].Connect
	d.Shops[0].Connect = func(context.Context) ([]Connection, error) { return nil, errors.New("the key file is gone") }
	if outs := d.FinishLeft(t.Context(), "ann"); len(outs) != 1 || outs[0].Err == nil || outs[0].State != bidding.Applying {
		t.Errorf("without a connection: %+v", outs)
	}
	d.Shops[0].Connect, d.ads.spoil = connect, nil
	d.mustApprove(t, d.ids[1])
	if outs := d.FinishLeft(t.Context(), "ann"); len(outs) != 1 || outs[0].Err != nil || outs[0].State != bidding.Applied {
		t.Errorf("with one: %+v", outs)
	}
	if s := d.state(t, d.ids[1]); s != bidding.Approved {
		t.Errorf("finishing what was left made %s of what is merely approved", s)
	}
}

// A cut that was accepted, and does not show yet, is met again when the increases' turn
// comes, and is still one change that was asked for.
func TestEachChangeIsAnsweredForOnce(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 2)
	cut := d.put(t, bidding.Draft{Platform: platform.Google, AdAccount: "123", Currency: "EUR", Name: "Campaign 1",
		Entity: platform.Ref{Type: platform.Campaign, ID: "c1"}, Field: platform.DailyBudget, Seen: 100 * money.One, Proposed: 90 * money.One})
	d.mustApprove(t, d.ids[0], cut[0])
	old := d.ads.entities[1]
	old.Fields = maps.Clone(old.Fields)
	d.ads.stale = []platform.Entity{d.ads.entities[0], old}
	outs := d.Apply(t.Context(), "ann", nil)
	if len(outs) != 2 || outs[0].ID != cut[0] || outs[0].State != bidding.Unknown || outs[1].ID != d.ids[0] || outs[1].State != bidding.Applied {
		t.Errorf("two changes are answered for as %+v", outs)
	}
}

// TestOneOfTwoSends lets a second process take up an item while a first one,
// whose lock was lost, is about to send it.
func TestOneOfTwoSends(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := setup(t, st, 1)
		d.mustApprove(t, d.ids[0])
		w := &pusher{Steward: d.Steward, shop: &d.Shops[0], conn: Connection{AdAccount: "123", Ads: d.ads}, actor: "ann"}
		in, err := w.begin(t.Context(), d.ids[0])
		if err != nil {
			t.Fatal(err)
		}
		p, err := st.Proposal(t.Context(), d.ids[0])
		if err != nil {
			t.Fatal(err)
		}
		second := false
		d.ads.spoil = func(call string) error {
			if call == "validate" && !second {
				second = true
				return w.send(t.Context(), p, in)
			}
			return nil
		}
		if err := w.send(t.Context(), p, in); !IsRefused(err) {
			t.Errorf("the slower one gets %v", err)
		}
		d.appliedOnce(t, map[string]bool{d.ids[0]: true})
		if s := d.state(t, d.ids[0]); s != bidding.Applied {
			t.Errorf("it is %s", s)
		}
	})
}

// TestAcceptedButOldValueReads: what the platform accepted does not count as
// failed while its reads lag, nor is it sent again.
func TestAcceptedButOldValueReads(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 1)
	d.mustApprove(t, d.ids[0])
	old := d.ads.entities[0]
	old.Fields = map[platform.Field]money.Micros{platform.DailyBudget: 100 * money.One}
	d.ads.stale = []platform.Entity{old}
	for range 2 {
		out := d.Apply(t.Context(), "ann", nil)
		if len(out) != 1 || out[0].State != bidding.Unknown || out[0].Err == nil || !strings.Contains(out[0].Err.Error(), "accepted it") {
			t.Fatalf("while reads lag: %+v", out)
		}
	}
	d.ads.stale = nil
	if out := d.Apply(t.Context(), "ann", nil); len(out) != 1 || out[0].State != bidding.Applied {
		t.Errorf("once they do not: %+v", out)
	}
	d.appliedOnce(t, map[string]bool{d.ids[0]: true})
}

// TestSettlesThoughTheClockWentBack: what was sent at a time that is yet to come is
// settled all the same.
func TestSettlesThoughTheClockWentBack(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 1)
	d.Push.SettleAfter, d.Push.ReadPause = 20*time.Millisecond, time.Millisecond
	d.mustApprove(t, d.ids[0])
	w := &pusher{Steward: d.Steward, shop: &d.Shops[0], conn: Connection{AdAccount: "123", Ads: d.ads}, actor: "ann"}
	in, err := w.begin(t.Context(), d.ids[0])
	if err != nil {
		t.Fatal(err)
	}
	p, err := d.Store.Proposal(t.Context(), d.ids[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.markSending(t.Context(), p, in); err != nil { // and there the process ended
		t.Fatal(err)
	}
	d.now = d.now.AddDate(0, 0, -1)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if out := d.Apply(ctx, "ann", nil); len(out) != 1 || out[0].State != bidding.Failed {
		t.Errorf("it becomes %+v", out)
	}
}

// TestDownIsSaidOnce: an ad account that does not answer when cuts are pushed is not
// asked again for increases, and each item has one outcome.
func TestDownIsSaidOnce(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 2)
	cut := d.put(t, bidding.Draft{Platform: platform.Google, AdAccount: "123", Currency: "EUR", Name: "Campaign 1",
		Entity: platform.Ref{Type: platform.Campaign, ID: "c1"}, Field: platform.DailyBudget, Seen: 100 * money.One, Proposed: 90 * money.One})
	d.mustApprove(t, d.ids[0], cut[0])
	reads := 0
	d.ads.spoil = func(call string) error {
		if call != "read" {
			return nil
		}
		reads++
		return &platform.Error{Platform: platform.Google, Kind: platform.Retryable, Message: "down"}
	}
	outs := d.Apply(t.Context(), "ann", nil)
	if len(outs) != 2 || outs[0].ID != cut[0] || outs[1].ID != d.ids[0] || outs[0].Err == nil || outs[1].Err == nil || reads != 1 {
		t.Errorf("after %d reads: %+v", reads, outs)
	}
}
