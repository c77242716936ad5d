package main

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"adsteward/internal/present"
	"adsteward/store/storetest"
)

// TestFlow takes changes from the night to the platform on both databases, with
// two processes at once wherever people and cron may start two.
func TestFlow(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		flow(t, newWorld(t, worldOptions{}))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, worldOptions{store: storetest.PostgresDSN(t)})
		// Replicas share a schema; nobody changes it by the way.
		if r := w.run("run", "--date", worldStart.String()); r.code != 3 {
			t.Errorf("a run before the migration exits %d: %s", r.code, r.stderr)
		}
		together(func() { w.run("migrate", "up") }, func() { w.run("migrate", "up") })
		w.must("migrate", "status", "--json")
		w.must("migrate", "up")
		flow(t, w)
		if r := w.run("backup", "copy.db"); r.code != 2 {
			t.Errorf("a backup of PostgreSQL exits %d: %s", r.code, r.stderr)
		}
	})
}

func flow(t *testing.T, w *world) {
	night := []string{"run", "--date", worldStart.String(), "--json"}
	together(func() { w.must(night...) }, func() { w.must(night...) }, func() { w.must(night...) })
	stages := decode[struct{ Runs []present.StageRow }](t, w.must("status", "--json")).Runs
	if len(stages) != 10 {
		t.Errorf("three runs of one night at once make %d stages, want 10", len(stages))
	}
	open := w.proposals("proposed")
	if n := len(w.auditActions("proposed")); len(open) < 5 || n != len(open) {
		t.Fatalf("%d proposals are open, and the log knows %d", len(open), n)
	}
	approved, left := []string{}, map[string]bool{}
	for i, p := range open {
		if i%3 == 2 {
			left[p.ID] = true
		} else {
			approved = append(approved, p.ID)
		}
	}
	approve := append([]string{"proposals", "approve"}, approved...)
	together(func() { w.must(approve...) }, func() { w.must(approve...) })
	together(func() { w.must("proposals", "apply") }, func() { w.must("proposals", "apply") }, func() { w.must(night...) })
	w.settled(approved, left)
}

// TestKilledNights kills `run` at random moments; the one that is let be ends
// the night, with one change set and each of its proposals recorded once.
func TestKilledNights(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	for i := range 8 {
		cmd, _, _ := w.command(t.Context(), "run", "--date", worldStart.String())
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		kill := time.AfterFunc(time.Duration(50+60*i)*time.Millisecond, func() { _ = cmd.Process.Kill() }) // it may have ended
		_ = cmd.Wait()
		kill.Stop()
	}
	w.must("run", "--date", worldStart.String())
	for _, s := range decode[struct{ Runs []present.StageRow }](t, w.must("status", "--json")).Runs {
		if s.State != "done" || s.Error != "" {
			t.Errorf("stage %s is %s: %s", s.Stage, s.State, s.Error)
		}
	}
	seen := map[string]bool{}
	for _, p := range w.proposals("proposed") {
		key := fmt.Sprint(p.Entity, p.Field)
		if seen[key] {
			t.Errorf("%s is proposed twice", key)
		}
		seen[key] = true
	}
	if len(seen) == 0 {
		t.Error("nothing is proposed")
	}
	w.must("audit", "verify")
}

// TestRunFinishesWhatWasLeft: a push that was killed is ended by the next run,
// also by one whose night is over.
func TestRunFinishesWhatWasLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	w.must("run", "--date", worldStart.String())
	id := w.proposals("proposed")[0].ID
	w.must("proposals", "approve", id)
	// The platforms do not answer to the change, so that the process dies before it has
	// read back.
	for _, service := range []string{"google", "meta"} {
		w.control("POST", "/faults", fmt.Sprintf(`[{"kind": "slow_stream", "service": %q, "delay_ms": 1}, {"kind": "timeout_after", "service": %q, "times": -1}]`, service, service))
	}
	push, _, _ := w.command(t.Context(), "proposals", "apply")
	if err := push.Start(); err != nil {
		t.Fatal(err)
	}
	for tries := 0; len(w.proposals("applying")) != 1; tries++ {
		if tries == 200 {
			t.Fatal("no change is under way")
		}
	}
	_ = push.Process.Kill()
	_ = push.Wait()
	w.control("DELETE", "/faults", "")
	w.must("run", "--date", worldStart.String())
	if ps := w.proposals("applied", "failed"); len(ps) != 1 {
		t.Errorf("after the run %d changes are settled, want 1", len(ps))
	}
	w.settled([]string{id}, nil)
}

// TestStageDuringNight: who runs a single stage while a night is under way does not
// cut it short.
func TestStageDuringNight(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	w.must("status") // the database is there
	w.control(http.MethodPost, "/faults", `[{"kind": "slow_stream", "service": "google", "times": 4, "delay_ms": 300}]`)
	together(
		func() { w.must("run", "--date", worldStart.String()) },
		func() {
			for range 200 { // until it pulls
				if rows := decode[struct{ Runs []present.StageRow }](t, w.must("status", "--json")).Runs; len(rows) > 0 && rows[0].State == "running" {
					break
				}
				time.Sleep(20 * time.Millisecond)
			}
			w.must("run", "--date", worldStart.String(), "--stage", "feeds")
		})
	for _, s := range decode[struct{ Runs []present.StageRow }](t, w.must("status", "--json")).Runs {
		if s.State != "done" {
			t.Errorf("stage %s is %s", s.Stage, s.State)
		}
	}
}
