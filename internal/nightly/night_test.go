package nightly

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/store"
	"adsteward/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// history gives every campaign of the desk n days up to the day before today:
// spend around its budget and value along a power law, worth more than it costs.
func (d *desk) history(n int, today civil.Date) {
	rng := rand.New(rand.NewPCG(1, 2))
	for i, e := range d.ads.entities {
		for k := n; k >= 1; k-- {
			spend := 100 * (0.9 + 0.2*rng.Float64())
			value := (4 + float64(i%4)) * math.Pow(spend, 0.7) * math.Pow(100, 0.3) * (0.9 + 0.2*rng.Float64())
			d.ads.days = append(d.ads.days, platform.Performance{Entity: e.Ref, Date: today.AddDays(-k), Cost: money.Micros(spend * 1e6),
				Value: money.Micros(value * 1e6), Conversions: value / 50, Clicks: 200, Impressions: 10000})
		}
	}
}

// runQueued runs a whole night through the queue and waits for its end.
func runQueued(t testing.TB, s *Steward, date civil.Date) store.Run {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	q, err := OpenQueue(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	if _, err := q.Enqueue(ctx, "shop", date, nil, "test"); err != nil {
		t.Fatal(err)
	}
	if err := q.Start(ctx); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := q.Stop(context.WithoutCancel(ctx)); err != nil {
			t.Error(err)
		}
	}()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		r, err := s.Store.Run(ctx, RunID("shop", date))
		if err != nil {
			t.Fatal(err)
		}
		if r.State != Running {
			return r
		}
		select {
		case <-ctx.Done():
			t.Fatalf("the run is still %s", r.State)
		case <-tick.C:
		}
	}
}

// TestNight runs a whole night and another one over both databases.
func TestNight(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := setup(t, st, 6)
		today := civil.Of(testNow)
		d.history(60, today)
		if r := runQueued(t, d.Steward, today); r.State != Done {
			t.Fatalf("the run is %s: %s", r.State, stageErrors(t, st, r.RunID))
		}
		first := open(t, st)
		if len(first) < 3 {
			t.Fatalf("%d proposals, want at least 3", len(first))
		}
		for _, p := range first {
			checkExplained(t, p)
		}
		// The three proposals setup made were open and are superseded.
		for _, id := range d.ids {
			if s := d.state(t, id); s != bidding.Superseded {
				t.Errorf("an older open proposal is %s", s)
			}
		}
		// The same night again changes nothing.
		runQueued(t, d.Steward, today)
		if again := open(t, st); len(again) != len(first) || again[0].ProposalID != first[0].ProposalID {
			t.Error("running a finished night again made other proposals")
		}
		// What is approved waits for the push of the next night, which does it.
		d.mustApprove(t, first[0].ProposalID)
		d.now = d.now.AddDate(0, 0, 1)
		d.history(1, today.AddDays(1))
		runQueued(t, d.Steward, today.AddDays(1))
		if s := d.state(t, first[0].ProposalID); s != bidding.Applied {
			t.Errorf("the approved proposal is %s after the next night", s)
		}
		for _, p := range open(t, st) {
			if p.EntityID == first[0].EntityID && p.Field == first[0].Field {
				t.Error("the night proposed a change of what was waiting to be pushed")
			}
		}
		if _, _, err := st.VerifyAudit(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestNightLongPast runs a night for a date long gone: people may still decide
// on what it proposes, the policy does not, and a newer night is not replaced.
func TestNightLongPast(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 6)
	d.Shops[0].Policy.AutoApprove = guard.AutoApprove{Enabled: true, Fields: map[platform.Field]guard.AutoCaps{
		platform.DailyBudget: {PerItem: 1, PerRun: 1, PerDay: 1, MaxPerRun: 100, MaxPerDay: 100}}}
	past := civil.Of(testNow).AddDays(-200)
	d.history(40, past)
	if err := d.RunDirect(t.Context(), "shop", past, nil); err != nil {
		t.Fatal(err)
	}
	ps := open(t, d.Store)
	if len(ps) < 3 {
		t.Fatalf("%d proposals wait, want at least 3", len(ps))
	}
	if err := d.RunDirect(t.Context(), "shop", past.AddDays(-1), nil); err != nil {
		t.Fatal(err)
	}
	if again := open(t, d.Store); len(again) != len(ps) || again[0].ProposalID != ps[0].ProposalID {
		t.Error("an older night replaced what a newer one proposed")
	}
	d.mustApprove(t, ps[0].ProposalID)
	if o := d.Apply(t.Context(), "ann", nil); len(o) != 1 || o[0].State != bidding.Applied {
		t.Errorf("pushing gave %+v", o)
	}
}

// What somebody rejected is not asked again the next night, but for a policy that wants
// it asked; the night says what it would have proposed, and why it does not.
func TestNightRespectsARejection(t *testing.T) {
	t.Parallel()
	for _, days := range []int{7, 0} {
		d := setup(t, storetest.Open(t), 6)
		d.Shops[0].Policy.CoolDown.RejectedDays = days
		today := civil.Of(testNow)
		d.history(60, today)
		if err := d.RunDirect(t.Context(), "shop", today, nil); err != nil {
			t.Fatal(err)
		}
		p := open(t, d.Store)[0]
		if o := d.Reject(t.Context(), "ann", []string{p.ProposalID}, "not before the sale"); o[0].Err != nil {
			t.Fatal(o[0].Err)
		}
		d.now = d.now.AddDate(0, 0, 1)
		d.history(1, today.AddDays(1))
		if err := d.RunDirect(t.Context(), "shop", today.AddDays(1), nil); err != nil {
			t.Fatal(err)
		}
		again := slices.ContainsFunc(open(t, d.Store), func(o store.Proposal) bool {
			return o.EntityID == p.EntityID && o.Field == p.Field && o.Proposed > o.Seen == (p.Proposed > p.Seen)
		})
		blocked, err := loadModels[[]bidding.Blocked](t.Context(), d.Store.Queries, RunID("shop", today.AddDays(1)), "blocked")
		if err != nil {
			t.Fatal(err)
		}
		said := false
		for _, b := range blocked[""] {
			said = said || b.ID == p.EntityID && slices.ContainsFunc(b.Verdicts, func(v guard.Verdict) bool { return v.Name == "rejected" })
		}
		if again != (days == 0) || said != (days > 0) {
			t.Errorf("%d days after a rejection: proposed again: %v, said so: %v", days, again, said)
		}
	}
}

func open(t *testing.T, st *store.Store) []store.Proposal {
	t.Helper()
	ps, err := st.Proposals(t.Context(), store.Filter{Account: "shop", States: []string{string(bidding.Proposed)}})
	if err != nil {
		t.Fatal(err)
	}
	return ps
}

// checkExplained holds a proposal to the promise that every number explains
// itself, and to the step.
func checkExplained(t *testing.T, p store.Proposal) {
	t.Helper()
	d := draftOf(p)
	e := d.Expected
	if len(d.Reasons) == 0 || d.Evidence.K <= 0 || e.Level != 0.8 || !(e.Low <= e.ProfitPerDay && e.ProfitPerDay <= e.High) ||
		!(e.GainLow <= e.GainPerDay && e.GainPerDay <= e.GainHigh) {
		t.Errorf("%s does not explain itself: %+v", p.EntityName, d.Body)
	}
	if step := math.Abs(float64(p.Proposed-p.Seen)) / float64(p.Seen); step > 0.1500001 {
		t.Errorf("%s moves by %.3f, above the default step", p.EntityName, step)
	}
}

func stageErrors(t testing.TB, st *store.Store, runID string) string {
	t.Helper()
	rows, err := st.Stages(t.Context(), runID)
	if err != nil {
		t.Fatal(err)
	}
	s := ""
	for _, r := range rows {
		s += fmt.Sprintf("%s %s %s; ", r.Stage, r.State, r.Error)
	}
	return s
}

// TestNightAfterAFault: a platform that is down fails the run with a clear
// word; the same night run again, once it is back, is done.
func TestNightAfterAFault(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 2)
	today := civil.Of(testNow)
	d.history(40, today)
	d.ads.spoil = func(call string) error {
		if call == "structure" {
			return &platform.Error{Platform: platform.Google, Kind: platform.Authentication, Message: "the token was refused", Remedy: "renew it"}
		}
		return nil
	}
	r := runQueued(t, d.Steward, today)
	if r.State != Failed {
		t.Fatalf("the run is %s, want failed", r.State)
	}
	rows, err := d.Store.Stages(t.Context(), r.RunID)
	if err != nil {
		t.Fatal(err)
	}
	if rows[0].Fault != FaultUnreachable || rows[1].State != Skipped {
		t.Errorf("pull has fault %q, feeds is %s", rows[0].Fault, rows[1].State)
	}
	d.ads.spoil = nil
	if r := runQueued(t, d.Steward, today); r.State != Done {
		t.Errorf("after the platform came back the run is %s: %s", r.State, stageErrors(t, d.Store, r.RunID))
	}
}

// TestRunStageSurvivesAPanic: an internal fault fails the stage, not the process.
func TestRunStageSurvivesAPanic(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 1)
	d.Shops[0].Connect = func(context.Context) ([]Connection, error) { panic("a bug") }
	err := d.RunDirect(t.Context(), "shop", civil.Of(testNow), []Stage{Pull})
	if err == nil || errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}

// TestNightResumesAfterACrash leaves a stage running, as a killed process does,
// and sees the next one take it up.
func TestNightResumesAfterACrash(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 2)
	today := civil.Of(testNow)
	d.history(40, today)
	if err := d.RunDirect(t.Context(), "shop", today, []Stage{Pull, Feeds}); err != nil {
		t.Fatal(err)
	}
	row, err := d.stageRow(t.Context(), RunID("shop", today), Attribute)
	if err != nil {
		t.Fatal(err)
	}
	row.State, row.Attempt = Running, 1
	if err := d.Store.SetStage(t.Context(), row); err != nil {
		t.Fatal(err)
	}
	if r := runQueued(t, d.Steward, today); r.State != Done {
		t.Errorf("the run is %s: %s", r.State, stageErrors(t, d.Store, r.RunID))
	}
}

// A night that a process died at ends when a newer one begins; one that somebody is at
// does not, and either may be run again.
func TestANewerNightClosesWhatWasLeft(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 2)
	today := civil.Of(testNow)
	d.history(40, today)
	for _, date := range []civil.Date{today - 2, today - 1} {
		if err := d.begin(t.Context(), &d.Shops[0], date, "test"); err != nil {
			t.Fatal(err)
		}
	}
	row, err := d.stageRow(t.Context(), RunID("shop", today-2), Pull)
	if err != nil {
		t.Fatal(err)
	}
	row.State, row.Attempt = Running, 1
	if err := d.Store.SetStage(t.Context(), row); err != nil {
		t.Fatal(err)
	}
	unlock, err := d.Store.Lock(t.Context(), runLock(RunID("shop", today-1)))
	if err != nil {
		t.Fatal(err)
	}
	runQueued(t, d.Steward, today)
	unlock()
	for date, want := range map[civil.Date]string{today - 2: Failed, today - 1: Running} {
		if r, err := d.Store.Run(t.Context(), RunID("shop", date)); err != nil || r.State != want {
			t.Errorf("the night of %s is %s, want %s; %v", date, r.State, want, err)
		}
	}
	rows, err := d.Store.Stages(t.Context(), RunID("shop", today-2))
	if err != nil || rows[0].State != Failed || !strings.Contains(rows[0].Error, "a newer night has begun") || rows[1].State != Skipped {
		t.Errorf("%+v, %v", rows[:2], err)
	}
	if r := runQueued(t, d.Steward, today-2); r.State != Done {
		t.Errorf("run again it is %s: %s", r.State, stageErrors(t, d.Store, r.RunID))
	}
}

// TestNightResumesAfterACrashAtTheQueue leaves a job taken whose stage was never
// begun, as a process killed at that moment does.
func TestNightResumesAfterACrashAtTheQueue(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := setup(t, st, 2)
		today := civil.Of(testNow)
		d.history(40, today)
		q, err := OpenQueue(t.Context(), d.Steward)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := q.Enqueue(t.Context(), "shop", today, nil, "test"); err != nil {
			t.Fatal(err)
		}
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := st.DB().Exec(st.DB().Rebind("UPDATE river_job SET state = 'running', attempt = 1, attempted_at = ?"), testNow); err != nil {
			t.Fatal(err)
		}
		if r := runQueued(t, d.Steward, today); r.State != Done {
			t.Errorf("the run is %s: %s", r.State, stageErrors(t, st, r.RunID))
		}
	})
}

// TestDryRunBesideANight: what a dry run would propose is what the night then
// proposes, before the night and after it, and nothing of it stays.
func TestDryRunBesideANight(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 6)
	today := civil.Of(testNow)
	d.history(40, today)
	before, partial, err := d.DryRun(t.Context(), "shop", today)
	if err != nil || partial != nil {
		t.Fatal(err, partial)
	}
	if err := d.RunDirect(t.Context(), "shop", today, nil); err != nil {
		t.Fatal(err)
	}
	ps := open(t, d.Store)
	after, _, err := d.DryRun(t.Context(), "shop", today)
	if err != nil {
		t.Fatal(err)
	}
	if len(before.Drafts) != len(ps) || len(after.Drafts) != len(ps) {
		t.Errorf("%d before, %d proposed, %d after", len(before.Drafts), len(ps), len(after.Drafts))
	}
	proposed := map[string]money.Micros{}
	for _, p := range ps {
		proposed[p.EntityID] = p.Proposed
	}
	for _, x := range before.Drafts {
		if proposed[x.Entity.ID] != x.Proposed {
			t.Errorf("the dry run would have proposed %s for %s, the night %s", x.Proposed.Decimal(), x.Entity.ID, proposed[x.Entity.ID].Decimal())
		}
	}
	if runs, err := d.Store.Runs(t.Context(), "", 10); err != nil || len(runs) != 1 || len(open(t, d.Store)) != len(ps) {
		t.Errorf("the dry runs left something: %+v %v", runs, err)
	}
}

// TestNightAgainAfterAPartialPull: a night that went on without an ad account is
// done again once it is asked for again, but not while it is under way.
func TestNightAgainAfterAPartialPull(t *testing.T) {
	t.Parallel()
	for _, kind := range []platform.Kind{platform.Authentication, platform.Rejected} { // reached or not
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			againAfterAPartialPull(t, kind)
		})
	}
}

func againAfterAPartialPull(t *testing.T, kind platform.Kind) {
	d := setup(t, storetest.Open(t), 2)
	today := civil.Of(testNow)
	d.history(40, today)
	connect := d.Shops[0].Connect
	d.Shops[0].Connect = func(ctx context.Context) ([]Connection, error) {
		conns, err := connect(ctx)
		return conns, errors.Join(err, &platform.Error{Platform: platform.Meta, Kind: kind, Message: "no token"})
	}
	r := runQueued(t, d.Steward, today)
	r.State = Running
	if err := d.Store.SetRun(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if _, todo, err := d.reopen(t.Context(), r.RunID, nil); err != nil || len(todo) != 0 {
		t.Errorf("under way, %v would be done again (%v)", todo, err)
	}
	r.State = Done
	if err := d.Store.SetRun(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	d.Shops[0].Connect = connect
	runQueued(t, d.Steward, today)
	rows, err := d.Store.Stages(t.Context(), r.RunID)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range rows {
		if s.State != Done || s.Error != "" || s.Attempt != 2 {
			t.Errorf("stage %s is %s after %d attempts: %s", s.Stage, s.State, s.Attempt, s.Error)
		}
	}
}

// TestInterruptedStageIsToBeDone: a stage told to stop while it asks a platform
// has not done without it; the next run does the stage.
func TestInterruptedStageIsToBeDone(t *testing.T) {
	t.Parallel()
	d := setup(t, storetest.Open(t), 2)
	today := civil.Of(testNow)
	d.history(40, today)
	ctx, stop := context.WithCancel(t.Context())
	connect := d.Shops[0].Connect
	d.Shops[0].Connect = func(ctx context.Context) ([]Connection, error) {
		stop()
		conns, err := connect(ctx)
		return conns, errors.Join(err, ctx.Err())
	}
	if err := d.RunDirect(ctx, "shop", today, []Stage{Pull}); !errors.Is(err, context.Canceled) {
		t.Errorf("the stage ends with %v", err)
	}
	row, err := d.stageRow(t.Context(), RunID("shop", today), Pull)
	if err != nil || row.State != Waiting || row.Error != "" {
		t.Errorf("it is %s with error %q (%v)", row.State, row.Error, err)
	}
	d.Shops[0].Connect = connect
	if r := runQueued(t, d.Steward, today); r.State != Done {
		t.Errorf("the run is %s: %s", r.State, stageErrors(t, d.Store, r.RunID))
	}
}
