package web

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"adsteward/bidding"
	"adsteward/internal/money"
	"adsteward/store"
)

// With several accounts the page says of each which night it shows, whose a
// change is and whose data is behind: a night that failed must not hide behind
// another account's.
func TestSeveralAccounts(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(3)
	ctx, other := t.Context(), "second-shop"
	must(t, x.store.UpsertAdAccount(ctx, store.AdAccount{Account: other, Platform: "meta", AdAccount: "5", Currency: "JPY", TimeZone: "Europe/Berlin", UpdatedAt: testNow}))
	run := store.Run{RunID: other + "/" + testDay.String(), Account: other, Date: testDay, State: "running", Reason: "schedule", StartedAt: testNow.Add(-time.Hour), PolicyID: "policy-1"}
	if _, err := x.store.StartRun(ctx, run, []string{"pull", "feeds"}); err != nil {
		t.Fatal(err)
	}
	must(t, x.store.SetStage(ctx, store.Stage{RunID: run.RunID, Stage: "pull", State: "failed", Error: "the token has expired", Attempt: 1}))
	must(t, x.store.SetStage(ctx, store.Stage{RunID: run.RunID, Stage: "feeds", Position: 1, State: "skipped", Error: "an earlier stage failed"}))
	run.State = "failed"
	run.FinishedAt.Time, run.FinishedAt.Valid = testNow, true
	must(t, x.store.SetRun(ctx, run))
	p := store.Proposal{ProposalID: "aaaa", ChangeSetID: "set-2", Account: other, Platform: "meta", AdAccount: "5", Currency: "JPY", EntityType: "campaign", EntityID: "1",
		EntityName: campaigns[1].name, Field: "daily_budget", State: "proposed", Seen: 100 * money.One, Proposed: 110 * money.One, Suggested: 110 * money.One,
		Body: "{}", ExpiresAt: testNow.Add(time.Hour), CreatedAt: testNow, UpdatedAt: testNow}
	must(t, x.store.InTx(ctx, func(q *store.Queries) error {
		return q.InsertChangeSet(ctx, store.ChangeSet{ChangeSetID: "set-2", Account: other, Date: testDay, Hash: "h", PolicyID: "policy-1", CreatedAt: testNow}, []store.Proposal{p})
	}))
	must(t, x.store.UpsertPerformance(ctx, testDay, []store.Performance{{Account: other, Platform: "meta", AdAccount: "5", EntityType: "campaign", EntityID: "1",
		Date: testDay.AddDays(-5), Cost: money.One, PulledAt: testNow}}))
	c := x.as(viewer)
	x.look("changes of two accounts", "/", c, []string{"demo-shop: night of", "second-shop: night of", "Failed", "second-shop · Meta · Daily budget",
		"Tue 30 Dec", "5 days old", "second-shop, Meta"}, nil)
	x.look("changes of one", "/?account=demo-shop", c, []string{"Night of Sunday 4 January 2026", "Sat 3 Jan"}, []string{"Failed", "demo-shop · Meta", "days old"})
	x.look("the policies", "/settings", c, []string{"<h3>demo-shop</h3>", "<h3>second-shop</h3>", "total_daily_cap: 2000"}, nil)
	for i := range 5 { // of many, those to be looked at first
		of := fmt.Sprintf("a-shop-%d", i)
		r := store.Run{RunID: of + "/" + testDay.String(), Account: of, Date: testDay, State: "done", StartedAt: testNow}
		if _, err := x.store.StartRun(ctx, r, nil); err != nil {
			t.Fatal(err)
		}
		if i == 2 {
			x.look("changes of five", "/", c, []string{"1 more account<"}, nil)
		}
	}
	x.look("changes of seven", "/", c, []string{"second-shop: night of", "Failed", "3 more accounts"}, []string{"a-shop-4: night of"})
	// One that failed before it came to a plan is told beside the one before.
	next := testDay.AddDays(1)
	for of, state := range map[string]string{"a-shop-0": "done", "a-shop-1": "done", "a-shop-2": "done", "a-shop-3": "done", shop: "failed"} {
		if _, err := x.store.StartRun(ctx, store.Run{RunID: of + "/" + next.String(), Account: of, Date: next, State: state, StartedAt: testNow}, nil); err != nil {
			t.Fatal(err)
		}
	}
	x.look("changes of seven, two in trouble", "/", c, []string{"second-shop: night of", "demo-shop: night of", "Mon 5 Jan"}, nil)
	x.look("a night that failed", "/runs/"+run.RunID, c, []string{"0 of 2 stages"}, nil)
}

// Whoever looks at a night learns of what it left out without opening the run.
func TestDoneWithErrors(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(3)
	must(t, x.store.SetStage(t.Context(), store.Stage{RunID: shop + "/" + testDay.String(), Stage: "pull", State: "done", Attempt: 1,
		Summary: "1 of 2 ad accounts", Error: "google: cannot be reached"}))
	c := x.as(viewer)
	x.look("changes", "/", c, []string{"Done with errors"}, nil)
	x.look("runs", "/runs", c, []string{"Done with errors", "Pull: done with errors", "10 of 10"}, nil)
	x.look("the run", "/runs/"+shop+"/"+testDay.String(), c, []string{"Done with errors", "google: cannot be reached"}, nil)
	x.look("the night before", "/runs/"+shop+"/"+testDay.AddDays(-1).String(), c, []string{"Done"}, []string{"Done with errors"})
}

// A night that was skipped had no policy; the one in force is still shown.
func TestPolicyAfterASkippedNight(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(1)
	if _, err := x.store.StartRun(t.Context(), store.Run{RunID: shop + "/" + testDay.AddDays(1).String(), Account: shop, Date: testDay.AddDays(1), State: "skipped",
		Reason: "the program was not running", StartedAt: testNow}, nil); err != nil {
		t.Fatal(err)
	}
	x.look("the policy", "/settings", x.as(viewer), []string{"total_daily_cap: 2000"}, []string{"No run has stored a policy yet", "<h3>demo-shop"})
}

// What has expired cannot be decided, and says so before the next night
// writes it down.
func TestExpiredBeforeTheNextNight(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(3)
	x.pass(43 * time.Hour)
	c := x.as(approver)
	x.look("changes", "/", c, []string{"0 to decide, 0 approved", "was proposed has expired", "Expired"}, []string{"approve:", "reject:"})
	x.look("the expired", "/?state=expired", c, []string{"It expired; the next night proposes anew."}, []string{"approve:", "reject:"})
	x.look("one", "/proposals/"+proposalID(0), c, []string{"Expired", "Nothing to decide here any more."}, []string{"Edit the value", `name="do"`})
}

// A rollback has no run, but the budget it is about has a history.
func TestRollbackHasItsHistory(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(3)
	first, err := x.store.Proposal(t.Context(), proposalID(0))
	must(t, err)
	p := first
	p.ProposalID, p.ChangeSetID, p.RunID, p.RollbackOf, p.Seen, p.Proposed = "bbbb", "set-3", "", first.ProposalID, first.Proposed, first.Seen
	must(t, x.store.InTx(t.Context(), func(q *store.Queries) error {
		return q.InsertChangeSet(t.Context(), store.ChangeSet{ChangeSetID: "set-3", Account: shop, Date: testDay, Hash: "h", PolicyID: "policy-1", CreatedAt: testNow}, []store.Proposal{p})
	}))
	x.look("a rollback", "/proposals/bbbb", x.as(viewer), []string{"A rollback is not made from a curve.", "Spend and reported value"}, []string{"No performance of this entity is known."})
}

// What was pushed since the night read the budgets counts in them, of whichever
// night it is; what was pushed before is in what was read.
func TestBudgetsByNow(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(3)
	c := x.as(viewer)
	x.look("before", "/", c, []string{"640 → 714"}, nil)
	for i, at := range []time.Time{testNow, testDay.Time().Add(4 * time.Hour)} {
		p := store.Proposal{ProposalID: fmt.Sprint("pushed", i), ChangeSetID: fmt.Sprint("set-", i+4), Account: shop, Platform: "google", AdAccount: "1234567890", Currency: "EUR",
			EntityType: "budget", EntityID: "90210", EntityName: "A rollback", Field: "daily_budget", State: "applied", Seen: 100 * money.One, Proposed: 60 * money.One,
			Suggested: 60 * money.One, Body: "{}", CreatedAt: at, UpdatedAt: at}
		p.AppliedAt.Time, p.AppliedAt.Valid = at, true
		must(t, x.store.InTx(t.Context(), func(q *store.Queries) error {
			return q.InsertChangeSet(t.Context(), store.ChangeSet{ChangeSetID: p.ChangeSetID, Account: shop, Date: testDay, Hash: "h", PolicyID: "policy-1", CreatedAt: at}, []store.Proposal{p})
		}))
	}
	x.look("after", "/", c, []string{"600 → 674"}, nil)
}

// The gain of all that a night proposed has the night's own interval, on both pages.
func TestTheNightsIntervalOfItsGain(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(3)
	who := x.as(viewer)
	rows, err := x.store.Proposals(t.Context(), store.Filter{RunID: shop + "/" + testDay.String()})
	must(t, err)
	var sum float64
	for _, p := range rows {
		var b bidding.Body
		must(t, json.Unmarshal([]byte(p.Body), &b))
		sum += b.Expected.GainPerDay
	}
	const own = "&#43;11.11 to &#43;99.99"
	for gain, want := range map[float64]bool{sum: true, sum + 1: false} {
		x.putModel("allocation", "", bidding.Allocation{Gain: gain, GainLow: 11.11, GainHigh: 99.99, ShadowPrice: 1})
		x.pass(time.Second) // plans of finished runs are kept
		run, err := x.store.Run(t.Context(), shop+"/"+testDay.String())
		must(t, err)
		run.FinishedAt = sql.NullTime{Time: x.now(), Valid: true}
		must(t, x.store.SetRun(t.Context(), run))
		if got := strings.Contains(x.get("/", who).Text, own); got != want {
			t.Errorf("a night's gain of %.2f, the proposals' %.2f: the night's interval is shown: %v", gain, sum, got)
		}
		hasAll(t, "the run", x.get(runURL(run), who).Text, own)
	}
}
