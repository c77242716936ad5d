package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"adsteward/internal/money"
	"adsteward/store"
)

func nullTime(t time.Time) sql.NullTime { return sql.NullTime{Time: t, Valid: true} }

func testRuns(t *testing.T, s *store.Store) {
	ctx := t.Context()
	r := store.Run{RunID: "shop/2026-03-01", Account: acc, Date: day("2026-03-01"), State: "running", Reason: "command", StartedAt: at}
	same(t, "created", must(s.StartRun(ctx, r, []string{"pull", "feeds"}))(t), true)
	same(t, "again", must(s.StartRun(ctx, r, []string{"pull"}))(t), false)
	twin := r
	twin.RunID = "another name for the same night"
	same(t, "the same account and date", must(s.StartRun(ctx, twin, nil))(t), false)
	next := r
	next.RunID, next.Date = "shop/2026-03-02", day("2026-03-02")
	same(t, "next", must(s.StartRun(ctx, next, nil))(t), true)

	stage := store.Stage{RunID: r.RunID, Stage: "feeds", Position: 2, State: "failed", Attempt: 2, StartedAt: nullTime(at), Summary: "s", Error: "e", Fault: "input"}
	check(t, s.SetStage(ctx, stage))
	stage.StartedAt = nullTime(stored(at))
	same(t, "stages", must(s.Stages(ctx, r.RunID))(t), []store.Stage{{RunID: r.RunID, Stage: "pull", Position: 1, State: "waiting"}, stage})

	r.State, r.FinishedAt, r.PolicyID = "done", nullTime(at), "p"
	check(t, s.SetRun(ctx, r))
	r.StartedAt, next.StartedAt, r.FinishedAt = stored(at), stored(at), nullTime(stored(at))
	same(t, "run", must(s.Run(ctx, r.RunID))(t), r)
	same(t, "runs", must(s.Runs(ctx, acc, 0))(t), []store.Run{next, r})
	same(t, "newest", must(s.Runs(ctx, "", 1))(t), []store.Run{next})

	check(t, s.PutModels(ctx, []store.Model{{RunID: r.RunID, Kind: "ltv", Body: "{}"}}))
	check(t, s.InTx(ctx, func(q *store.Queries) error { return q.DeleteRun(ctx, r.RunID) }))
	_, err := s.Run(ctx, r.RunID)
	is(t, err, store.ErrNotFound)
	same(t, "stages of a deleted run", must(s.Stages(ctx, r.RunID))(t), []store.Stage(nil))
	same(t, "runs left", must(s.Runs(ctx, acc, 0))(t), []store.Run{next})

	_, err = s.Run(ctx, "none")
	is(t, err, store.ErrNotFound)
	is(t, s.SetRun(ctx, store.Run{RunID: "none"}), store.ErrNotFound)
	is(t, s.SetStage(ctx, store.Stage{RunID: next.RunID, Stage: "none"}), store.ErrNotFound)
}

func testModelsAndPolicies(t *testing.T, s *store.Store) {
	ctx := t.Context()
	must(s.StartRun(ctx, store.Run{RunID: "r", Account: acc, StartedAt: at}, nil))(t)
	m := func(kind, key, body string) store.Model {
		return store.Model{RunID: "r", Kind: kind, Key: key, Body: body}
	}
	check(t, s.PutModels(ctx, []store.Model{m("ltv", "", "1"), m("curve", "b", "2"), m("curve", "a", "3")}))
	check(t, s.PutModels(ctx, []store.Model{m("curve", "a", "4")}))
	same(t, "all", must(s.Models(ctx, "r", ""))(t), []store.Model{m("curve", "a", "4"), m("curve", "b", "2"), m("ltv", "", "1")})
	same(t, "kind", must(s.Models(ctx, "r", "ltv"))(t), []store.Model{m("ltv", "", "1")})

	must(s.StartRun(ctx, store.Run{RunID: "q", Account: acc, Date: 1, StartedAt: at.Add(time.Hour)}, nil))(t)
	other := store.Model{RunID: "q", Kind: "ltv", Body: "5"}
	check(t, s.PutModels(ctx, []store.Model{other}))
	for _, want := range []struct {
		kind   string
		runs   int
		run    string
		models []store.Model
	}{{"ltv", 2, "q", []store.Model{other}}, {"curve", 2, "r", []store.Model{m("curve", "a", "4"), m("curve", "b", "2")}}, {"curve", 1, "", nil}} {
		run, models, err := s.NewestModels(ctx, acc, want.kind, want.runs)
		check(t, err)
		same(t, "newest run with "+want.kind, run.RunID, want.run)
		same(t, "newest of "+want.kind, models, want.models)
	}
	var across []store.Model
	check(t, s.EachModel(ctx, []string{"r", "none", "q"}, "ltv", "", func(m store.Model) error {
		across = append(across, m)
		return nil
	}))
	same(t, "across runs", across, []store.Model{other, m("ltv", "", "1")})
	check(t, s.EachModel(ctx, nil, "ltv", "", func(store.Model) error { return errors.New("of no run") }))

	check(t, s.PutPolicy(ctx, "id", "body", at))
	check(t, s.PutPolicy(ctx, "id", "body", at))
	same(t, "policy", must(s.Policy(ctx, "id"))(t), "body")
	_, err := s.Policy(ctx, "none")
	is(t, err, store.ErrNotFound)
}

func proposal(id, set string, created time.Time) store.Proposal {
	return store.Proposal{ProposalID: id, ChangeSetID: set, Account: acc, RunID: "run-" + set, Platform: "google", AdAccount: "123", Currency: "EUR",
		EntityType: "budget", EntityID: id, EntityName: "n", Field: "daily_budget", Seen: euro(10), Proposed: euro(11), Suggested: euro(11),
		State: "proposed", PlanHash: "h", ExpiresAt: stored(created.Add(48 * time.Hour)), Body: "{}", CreatedAt: stored(created), UpdatedAt: stored(created)}
}

func insertSet(t testing.TB, s *store.Store, set string, created time.Time, ids ...string) []store.Proposal {
	t.Helper()
	var list []store.Proposal
	for _, id := range ids {
		list = append(list, proposal(id, set, created))
	}
	check(t, s.InsertChangeSet(t.Context(), store.ChangeSet{ChangeSetID: set, Account: acc, RunID: "run-" + set, Date: day("2026-03-01"),
		Hash: "h", PolicyID: "p", CreatedAt: created}, list))
	return list
}

func testChangeSets(t *testing.T, s *store.Store) {
	ctx := t.Context()
	old := insertSet(t, s, "set1", at, "a1", "a2")
	fresh := insertSet(t, s, "set2", at.Add(24*time.Hour), "b2", "b1")
	same(t, "change set", must(s.ChangeSet(ctx, "set1"))(t), store.ChangeSet{ChangeSetID: "set1", Account: acc, RunID: "run-set1",
		Date: day("2026-03-01"), Hash: "h", PolicyID: "p", CreatedAt: stored(at)})
	_, err := s.ChangeSet(ctx, "none")
	is(t, err, store.ErrNotFound)

	is(t, s.InsertChangeSet(ctx, store.ChangeSet{ChangeSetID: "set1", CreatedAt: at}, nil), store.ErrConflict)
	is(t, s.InsertChangeSet(ctx, store.ChangeSet{ChangeSetID: "set3", CreatedAt: at}, []store.Proposal{proposal("b3", "set3", at), proposal("a1", "set3", at)}),
		store.ErrConflict)
	_, err = s.ChangeSet(ctx, "set3")
	is(t, err, store.ErrNotFound) // all or nothing

	must(s.MoveProposal(ctx, "a1", "proposed", "approved", "", at))(t)
	for _, c := range []struct {
		name   string
		filter store.Filter
		want   string
	}{
		{"all", store.Filter{}, "b1 b2 a1 a2"},
		{"account", store.Filter{Account: acc, Limit: 3}, "b1 b2 a1"},
		{"another account", store.Filter{Account: "other"}, ""},
		{"run", store.Filter{RunID: "run-set1"}, "a1 a2"},
		{"states", store.Filter{States: []string{"approved", "rejected"}}, "a1"},
		{"entity", store.Filter{Platform: "google", AdAccount: "123", EntityType: "budget", EntityID: "b1", Field: "daily_budget"}, "b1"},
		{"another field", store.Filter{Field: "target_roas"}, ""},
		{"since", store.Filter{Since: at.Add(time.Hour)}, "b1 b2"},
	} {
		var ids []string
		for _, p := range must(s.Proposals(ctx, c.filter))(t) {
			ids = append(ids, p.ProposalID)
		}
		same(t, c.name, strings.Join(ids, " "), c.want)
	}
	same(t, "counts", must(s.ProposalCounts(ctx, acc))(t), map[string]int{"proposed": 3, "approved": 1})
	same(t, "counts of another account", must(s.ProposalCounts(ctx, "other"))(t), map[string]int{})
	same(t, "proposal", must(s.Proposal(ctx, "b1"))(t), fresh[1])
	same(t, "proposal", must(s.Proposal(ctx, "a2"))(t), old[1])
	must(s.MoveProposal(ctx, "a1", "approved", "applied", "", at.Add(time.Hour)))(t)
	for since, want := range map[time.Duration]int{0: 1, time.Hour: 1, 2 * time.Hour: 0} {
		same(t, "applied since", len(must(s.Proposals(ctx, store.Filter{AppliedSince: at.Add(since)}))(t)), want)
	}
}

func testProposalPrefix(t *testing.T, s *store.Store) {
	ctx := t.Context()
	insertSet(t, s, "set", at, "abcdef01", "abcdef02", "abcdef0", "fedcba99")
	for _, c := range []struct {
		id, want string
		err      error
	}{
		{"abcdef01", "abcdef01", nil},
		{"fedcba", "fedcba99", nil},
		{"abcdef0", "abcdef0", nil}, // exact, though two others begin with it
		{"fedcb", "", store.ErrNotFound},
		{"abcdef", "", store.ErrAmbiguous},
		{"%edcba", "", store.ErrNotFound},
		{"zzzzzzzz", "", store.ErrNotFound},
		{"", "", store.ErrNotFound},
	} {
		p, err := s.Proposal(ctx, c.id)
		if p.ProposalID != c.want || !errors.Is(err, c.err) {
			t.Errorf("%q: got %q, %v", c.id, p.ProposalID, err)
		}
		if err != nil && !strings.Contains(err.Error(), fmt.Sprintf("%q", c.id)) {
			t.Errorf("%q: the error does not name it: %v", c.id, err)
		}
	}
}

func testMoveProposal(t *testing.T, s *store.Store) {
	ctx := t.Context()
	insertSet(t, s, "set", at, "p1", "p2")
	later := at.Add(time.Hour)

	// Of many who move it at once exactly one does.
	won := make(chan bool)
	for range 8 {
		go func() {
			moved, err := s.MoveProposal(ctx, "p1", "proposed", "approved", "good", later)
			won <- moved && err == nil
		}()
	}
	winners := 0
	for range 8 {
		if <-won {
			winners++
		}
	}
	same(t, "winners", winners, 1)
	p := must(s.Proposal(ctx, "p1"))(t)
	if p.State != "approved" || p.Reason != "good" || !p.UpdatedAt.Equal(stored(later)) || p.AppliedAt.Valid {
		t.Fatalf("got %+v", p)
	}
	same(t, "not in that state", must(s.MoveProposal(ctx, "p1", "proposed", "rejected", "", later))(t), false)
	same(t, "unknown", must(s.MoveProposal(ctx, "none", "proposed", "rejected", "", later))(t), false)
	same(t, "applied", must(s.MoveProposal(ctx, "p1", "approved", "applied", "", later))(t), true)
	same(t, "measured", must(s.MoveProposal(ctx, "p1", "applied", "measured", "", later.Add(time.Hour)))(t), true)
	same(t, "applied at", must(s.Proposal(ctx, "p1"))(t).AppliedAt, nullTime(stored(later)))

	check(t, s.SetProposed(ctx, "p2", euro(12), "body", "hash", later))
	check(t, s.SetMeasured(ctx, "p2", "measured", later))
	p = must(s.Proposal(ctx, "p2"))(t)
	if p.Proposed != euro(12) || p.Suggested != euro(11) || p.Body != "body" || p.PlanHash != "hash" || p.Measured != "measured" {
		t.Fatalf("got %+v", p)
	}
	is(t, s.SetProposed(ctx, "none", 0, "", "", later), store.ErrNotFound)
	is(t, s.SetMeasured(ctx, "none", "", later), store.ErrNotFound)
	check(t, s.SetMeasured(ctx, "p1", "{}", later))
	list := must(s.Outcomes(ctx, p.Account, 10))(t) // p2 has words of an outcome, and is not measured
	if len(list) != 1 || list[0].ProposalID != "p1" || list[0].Measured != "{}" || list[0].Body != "" || list[0].AppliedAt != nullTime(stored(later)) {
		t.Fatalf("outcomes %+v", list)
	}
	same(t, "of another account", len(must(s.Outcomes(ctx, "other", 10))(t)), 0)
}

func testPush(t *testing.T, s *store.Store) {
	ctx := t.Context()
	insertSet(t, s, "set", at, "p1")
	approval := func(id string, at time.Time) store.Approval {
		return store.Approval{ApprovalID: id, ProposalID: "p1", Actor: "ann", PlanHash: "h", Seen: euro(10), Value: euro(11), At: stored(at), ExpiresAt: stored(at)}
	}
	_, err := s.LatestApproval(ctx, "p1")
	is(t, err, store.ErrNotFound)
	check(t, s.InsertApproval(ctx, approval("new", at.Add(time.Hour))))
	check(t, s.InsertApproval(ctx, approval("old", at)))
	is(t, s.InsertApproval(ctx, approval("old", at)), store.ErrConflict)
	same(t, "latest", must(s.LatestApproval(ctx, "p1"))(t), approval("new", at.Add(time.Hour)))

	intent := store.Intent{ProposalID: "p1", ApprovalID: "new", State: "open", Seen: euro(10), Value: euro(11), CreatedAt: stored(at)}
	_, err = s.Intent(ctx, "p1")
	is(t, err, store.ErrNotFound)
	check(t, s.InsertIntent(ctx, intent))
	is(t, s.InsertIntent(ctx, intent), store.ErrConflict)
	// The conflict must not spoil the transaction it happens in.
	check(t, s.InTx(ctx, func(q *store.Queries) error {
		is(t, q.InsertIntent(ctx, intent), store.ErrConflict)
		intent.State, intent.SentAt = "sending", nullTime(stored(at))
		return q.SetIntent(ctx, intent)
	}))
	same(t, "intent", must(s.Intent(ctx, "p1"))(t), intent)
	is(t, s.SetIntent(ctx, store.Intent{ProposalID: "none"}), store.ErrNotFound)
	if s.InsertIntent(ctx, store.Intent{ProposalID: "nobody's", ApprovalID: "new", CreatedAt: at}) == nil {
		t.Error("an intent without a proposal was stored")
	}

	for i, kind := range []string{"read", "send"} {
		r := store.Receipt{ProposalID: "p1", Kind: kind, At: stored(at), RequestID: "req", Outcome: "ok", Detail: "d"}
		if i == 0 {
			r.RemoteValue = ptr(euro(10))
		}
		check(t, s.AddReceipt(ctx, r))
	}
	r := store.Receipt{ProposalID: "p1", At: stored(at), RequestID: "req", Outcome: "ok", Detail: "d"}
	read, send := r, r
	read.Step, read.Kind, read.RemoteValue = 1, "read", ptr(euro(10))
	send.Step, send.Kind = 2, "send"
	same(t, "receipts", must(s.Receipts(ctx, "p1"))(t), []store.Receipt{read, send})
}

func testSettingsAndUsage(t *testing.T, s *store.Store) {
	ctx := t.Context()
	if _, ok, err := s.Setting(ctx, "kill_switch"); ok || err != nil {
		t.Fatalf("found %v, error %v", ok, err)
	}
	for _, value := range []string{"on", "off"} {
		check(t, s.PutSetting(ctx, store.Setting{Key: "kill_switch", Value: value, Actor: "ann", UpdatedAt: at}))
	}
	got, ok, err := s.Setting(ctx, "kill_switch")
	check(t, err)
	same(t, "found", ok, true)
	same(t, "setting", got, store.Setting{Key: "kill_switch", Value: "off", Actor: "ann", UpdatedAt: stored(at)})

	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := s.AddUsage(ctx, store.APIUsage{Platform: "google", AdAccount: "1", Date: day("2026-03-01"), Operations: 3, Limit: 2880}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	same(t, "usage", must(s.Usage(ctx, day("2026-03-01")))(t), []store.APIUsage{{Platform: "google", AdAccount: "1", Date: day("2026-03-01"), Operations: 60, Limit: 2880}})
	same(t, "another day", must(s.Usage(ctx, day("2026-03-02")))(t), []store.APIUsage(nil))
}

func testNewestApplied(t *testing.T, s *store.Store) {
	ctx := t.Context()
	row := func(id, item, platform, state string, proposed int64, days int) store.Proposal {
		p := store.Proposal{ProposalID: id, ChangeSetID: "set", Account: acc, Platform: platform, EntityType: "item", EntityID: item, Field: "excluded", State: state,
			Proposed: money.Micros(proposed), ExpiresAt: at, Body: "{}", CreatedAt: at, UpdatedAt: at}
		if days > 0 {
			p.AppliedAt = nullTime(at.AddDate(0, 0, days))
		}
		return p
	}
	other := row("p6", "a", "google", "applied", 6, 9)
	other.EntityType = "product_group"
	budget := row("p8", "c", "google", "applied", 1, 1)
	budget.Field = "daily_budget"
	err := s.InsertChangeSet(ctx, store.ChangeSet{ChangeSetID: "set", Account: acc, Date: day("2026-03-01"), Hash: "h", CreatedAt: at}, []store.Proposal{
		row("p1", "b", "google", "applied", 1, 1), row("p2", "b", "google", "applied", 0, 3), row("p3", "b", "google", "applied", 1, 2),
		row("p4", "a", "meta", "measured", 1, 1), row("p5", "a", "google", "proposed", 1, 0), row("p7", "b", "google", "rejected", 1, 0), other, budget})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := s.NewestApplied(ctx, acc, "excluded")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range rows {
		got = append(got, p.ProposalID)
	}
	same(t, "the newest of each", strings.Join(got, " "), "p2 p6 p4")
}
