package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"testing"
	"time"

	"adsteward/internal/present"
)

// TestKilledPushes kills `proposals apply` at random moments while the platforms
// fail in every way they can, and then looks at what the platforms, the database
// and the audit log say: each approved change was made at most once, nothing
// else was sent, and everything is settled.
func TestKilledPushes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{scenario: demoScenario(t, 4), policy: map[string]string{
		"max_movement: 0.20": "max_movement: 1", "ltv_cac_floor: 3": "ltv_cac_floor: 0"}})
	w.must("run", "--date", worldStart.String())
	open := w.proposals("proposed")
	if len(open) < 16 {
		t.Fatalf("only %d proposals; the test wants more", len(open))
	}
	var approved []string
	left := map[string]bool{} // never approved
	for i, p := range open {
		if i%4 == 3 {
			left[p.ID] = true
			continue
		}
		approved = append(approved, p.ID)
	}
	w.must(append([]string{"proposals", "approve", "--reason", "test"}, approved...)...)

	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	kinds := []string{"", "timeout_before", "timeout_after", "unavailable", "rate_limit", "stale_read", "expired_token", "partial_failure", "slow_stream"}
	killed := 0
	for i := range 24 {
		if kind := kinds[rnd.IntN(len(kinds))]; kind != "" {
			service := []string{"google", "meta"}[rnd.IntN(2)]
			w.control(http.MethodPost, "/faults", fmt.Sprintf(`[{"kind": %q, "service": %q, "after": %d, "times": %d, "delay_ms": 300}]`,
				kind, service, rnd.IntN(6), 1+rnd.IntN(2)))
		}
		signal := os.Kill
		if i%8 == 7 {
			signal = os.Interrupt // people do that
		}
		if w.killedApply(signal, time.Duration(40+rnd.IntN(400))*time.Millisecond) {
			killed++
		}
		w.control(http.MethodDelete, "/faults", "")
	}
	t.Logf("%d of 24 pushes were killed", killed)
	w.settled(approved, left)
}

// killedApply starts to push and ends the process after a while; it returns
// false where the push came to an end of its own.
func (w *world) killedApply(signal os.Signal, after time.Duration) bool {
	w.t.Helper()
	cmd, out, errs := w.command(w.t.Context(), "proposals", "apply", "--json")
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	kill := time.AfterFunc(after, func() { _ = cmd.Process.Signal(signal) }) // it may have ended by itself
	_ = cmd.Wait()
	if !kill.Stop() && cmd.ProcessState.ExitCode() == -1 {
		return true
	}
	w.decent([]string{"proposals", "apply"}, result{out.String(), errs.String(), cmd.ProcessState.ExitCode()})
	return false
}

// settled pushes until nothing is left to do and compares the three accounts of
// what happened.
func (w *world) settled(approved []string, left map[string]bool) {
	w.t.Helper()
	w.run("proposals", "apply", "--json") // 1 where an item failed, as it may have
	if r := w.run("proposals", "apply", "--json"); r.code != 0 || len(decode[[]outcome](w.t, r.stdout)) != 0 {
		w.t.Errorf("a second push still finds work: %d %s %s", r.code, r.stdout, r.stderr)
	}
	ps := decode[[]present.Proposal](w.t, w.must("proposals", "list", "--json"))
	byID := map[string]present.Proposal{}
	for _, p := range ps {
		byID[p.ID] = p
	}
	remotes, audited := w.remotes(ps), w.auditActions("applied")
	applied := 0
	for _, id := range approved {
		p, r := byID[id], remotes[id]
		switch p.State {
		case "applied":
			applied++
			if r.value.Value != p.Proposed || len(r.changes) != 1 || audited[id] != 1 {
				w.t.Errorf("%s %s is applied to %s; the platform holds %s after %d changes, the audit log has %d entries",
					p.Platform, p.Entity.Name, p.Proposed.Decimal(), r.value.Value.Decimal(), len(r.changes), audited[id])
			}
		case "failed":
			if r.value.Value != p.Seen || len(r.changes) != 0 || audited[id] != 0 {
				w.t.Errorf("%s %s failed (%s) and was %s; the platform holds %s after %d changes, the audit log has %d entries",
					p.Platform, p.Entity.Name, p.Note, p.Seen.Decimal(), r.value.Value.Decimal(), len(r.changes), audited[id])
			}
		default:
			w.t.Errorf("%s %s is %s: %s", p.Platform, p.Entity.Name, p.State, p.Note)
		}
	}
	for id := range left {
		p, r := byID[id], remotes[id]
		if p.State != "proposed" || r.value.Value != p.Seen || len(r.changes) != 0 || audited[id] != 0 {
			w.t.Errorf("%s %s was never approved, yet it is %s and the platform holds %s after %d changes",
				p.Platform, p.Entity.Name, p.State, r.value.Value.Decimal(), len(r.changes))
		}
	}
	if applied == 0 {
		w.t.Error("nothing was applied")
	}
	w.t.Logf("%d of %d applied", applied, len(approved))
	w.must("audit", "verify")
}
