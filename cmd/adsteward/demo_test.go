package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"adsteward/bidding/ltv"
	"adsteward/internal/platform"
	"adsteward/internal/present"
)

// TestDemo lives through a newcomer's first hour: a demo of three nights, then
// the page over the same directory, and the command line beside it.
func TestDemo(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "demo")
	w := &world{t: t, dir: dir, config: filepath.Join(dir, "adsteward.yaml")}
	first := w.demo("--nights", "3", "--headless", "--json")
	if len(first.Proposals) < 3 || len(first.Runs) != 3*10 {
		t.Fatalf("three nights leave %d proposals and %d stages", len(first.Proposals), len(first.Runs))
	}
	for _, r := range first.Runs {
		if r.State != "done" {
			t.Errorf("stage %s of %s is %s: %s", r.Stage, r.Date, r.State, r.Error)
		}
	}
	if first.Today != today() {
		t.Errorf("the demo stands at %s, not today", first.Today)
	}

	// What somebody changes in the demo's configuration stays.
	yaml, err := os.ReadFile(w.config)
	if err != nil {
		t.Fatal(err)
	}
	w.write("adsteward.yaml", strings.Replace(string(yaml), "horizon_days: 365", "horizon_days: 300", 1))
	again := w.demo("--nights", "0", "--headless", "--json")
	if len(again.Runs) != len(first.Runs) || len(again.Proposals) != len(first.Proposals) || again.Proposals[0].ID != first.Proposals[0].ID ||
		again.Sandbox != first.Sandbox || again.Today != first.Today {
		t.Error("the demo did not go on where it was")
	}
	if now, err := os.ReadFile(w.config); err != nil || !strings.Contains(string(now), "horizon_days: 300") {
		t.Errorf("the demo wrote over its configuration: %v", err)
	}

	stop := w.demoPage()
	w.info = first.Sandbox
	// A second demo over the same directory would be a second market.
	if r := w.run2("demo", "--data", dir, "--nights", "0", "--headless"); r.code != 2 || !strings.Contains(r.stderr, "running over") {
		t.Errorf("a second demo exits %d: %s", r.code, r.stderr)
	}
	w.must("doctor")
	chosen := []present.Proposal{}
	kinds := []struct {
		name string
		is   func(platform.Field) bool
	}{
		{"changes a budget or target", func(f platform.Field) bool { return !f.TellsWorth() && f != platform.Excluded }},
		{"tells worth", platform.Field.TellsWorth},
		{"keeps an item out of ads", func(f platform.Field) bool { return f == platform.Excluded }},
	}
	for _, kind := range kinds {
		i := slices.IndexFunc(first.Proposals, func(p present.Proposal) bool { return kind.is(p.Field) })
		if i < 0 {
			t.Fatalf("of %d proposals none %s", len(first.Proposals), kind.name)
		}
		chosen = append(chosen, first.Proposals[i])
	}
	w.must("proposals", "approve", chosen[0].ID, chosen[1].ID, chosen[2].ID, "--reason", "go")
	w.must("proposals", "apply", "--json")
	remotes := w.remotes(chosen[:2])
	for _, p := range chosen {
		shown := decode[present.Proposal](t, w.must("proposals", "show", p.ID, "--json"))
		if shown.State != "applied" {
			t.Errorf("%s of %s is %s", p.Field, p.Entity.Name, shown.State)
		}
		if got := remotes[p.ID].value.Value; p.Field != platform.Excluded && got != p.Proposed {
			t.Errorf("of %s of %s the platform holds %s, want %s", p.Field, p.Entity.Name, got.Decimal(), p.Proposed.Decimal())
		}
	}
	item := chosen[2]
	file, err := os.ReadFile(filepath.Join(dir, "supplement", string(item.Platform)+".tsv"))
	if err != nil {
		t.Fatal(err)
	}
	how := map[platform.Name]string{platform.Google: "Shopping_ads,Display_ads", platform.Meta: "archived"}[item.Platform]
	if !slices.ContainsFunc(strings.Split(string(file), "\n"), func(line string) bool {
		return strings.HasPrefix(line, item.Entity.ID+"\t") && strings.Contains(line, how)
	}) {
		t.Errorf("item %s is to be kept out of ads, and the supplemental feed does not say %s of it:\n%s", item.Entity.ID, how, file)
	}
	w.must("audit", "verify")
	checkSegments(t, w)
	checkAudiences(t, w)
	// What was approved and is protected since is refused in the night, which goes on.
	i := slices.IndexFunc(first.Proposals, func(p present.Proposal) bool { return p.ID != chosen[0].ID && kinds[0].is(p.Field) })
	refused := first.Proposals[i]
	w.must("proposals", "approve", refused.ID)
	policy, err := os.ReadFile(filepath.Join(dir, "policy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	w.write("policy.yaml", strings.Replace(string(policy), "protected: []", fmt.Sprintf("protected: [%q, nosuch]", refused.Entity.Name[:len(refused.Entity.Name)-1]+"*"), 1))
	stop()
	// One more night, tomorrow's, sees the change in place.
	r := w.run2("demo", "--data", dir, "--nights", "1", "--headless", "--json")
	if r.code != 1 || !strings.Contains(r.stderr, "guardrail protected") || !strings.Contains(r.stdout, `policy, protected: nothing goes by \"nosuch\"`) {
		t.Errorf("a night that refuses an item exits %d: %s\n%s", r.code, r.stderr, r.stdout)
	}
	after := decode[demoSummary](t, r.stdout)
	// The command line's clock is the market's, which is ahead by now: yesterday's change
	// may be taken back.
	stop = w.demoPage()
	back := decode[[]outcome](t, w.must("proposals", "rollback", chosen[0].ID, "--json"))[0].ID
	w.must("proposals", "approve", back)
	w.must("proposals", "apply", back)
	stop()
	if after.Today != first.Today+1 || len(after.Runs) != len(first.Runs)+10 {
		t.Errorf("another night stands at %s with %d stages", after.Today, len(after.Runs))
	}
	for _, q := range after.Proposals {
		for _, p := range chosen {
			if q.Entity == p.Entity && q.Field == p.Field {
				t.Errorf("%s of %s was changed yesterday and is proposed again within its cool-down", p.Field, p.Entity.Name)
			}
		}
	}
}

// checkAudiences looks at what the command tells of the demo's two campaigns that
// only people on lists see.
func checkAudiences(t *testing.T, w *world) {
	t.Helper()
	got := decode[overlapReport](t, w.must("audiences", "overlap", "--json"))
	if got.Date == nil || got.Limit != 0.3 || got.Overlaps == nil || len(got.Campaigns) != 2 || got.Campaigns[0].People < 100 || got.Campaigns[0].Unknown || !got.Campaigns[1].Unknown {
		t.Errorf("%+v", got)
	}
	if r := w.run2("audiences", "overlap", "--account", "other"); r.code != codeUsage || strings.Count(r.stderr, "\n") != 1 {
		t.Errorf("an unknown account exits %d: %s", r.code, r.stderr)
	}
}

// checkSegments looks at what the command tells of the demo's customers.
func checkSegments(t *testing.T, w *world) {
	t.Helper()
	got := decode[segmentsReport](t, w.must("segments", "--json"))
	levels := map[ltv.Level]int{}
	for _, s := range got.Segments {
		levels[s.Level]++
		if s.Lambda.Low < 1 || s.Lambda.Low > s.Lambda.Value || s.Lambda.Value > s.Lambda.High || len(s.Why) == 0 {
			t.Errorf("%s: %+v", s.Title(), s.Lambda)
		}
		if s.Level == ltv.ByCampaign && (s.CAC == nil || s.LTVToCAC == nil || s.Name == "") {
			t.Errorf("%s: %+v", s.Title(), s)
		}
	}
	if got.Date == nil || got.Currency != "EUR" || levels[ltv.ByAll] != 1 || levels[ltv.ByPlatform] != 3 || levels[ltv.ByCampaign] < 10 || levels[ltv.ByCategory] < 3 || levels[ltv.ByCountry] < 3 {
		t.Errorf("%v: %v", got.Date, levels)
	}
	if out := w.must("segments", "--by", "rfm"); !strings.Contains(out, "champions") || !strings.Contains(out, "hibernating") {
		t.Error(out)
	}
	if out := w.must("segments", "--by", "country"); !strings.Contains(out, "DE ") || strings.Contains(out, "Google") {
		t.Error(out)
	}
}

// demo runs a demo without the page and returns its summary.
func (w *world) demo(args ...string) demoSummary {
	w.t.Helper()
	r := w.run2(append([]string{"demo", "--data", w.dir}, args...)...)
	if r.code != 0 {
		w.t.Fatalf("demo %v exits %d: %s", args, r.code, r.stderr)
	}
	return decode[demoSummary](w.t, r.stdout)
}

// run2 runs the program without naming a configuration.
func (w *world) run2(args ...string) result {
	w.t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(w.t.Context(), "adsteward", args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		w.t.Fatal(err)
	}
	return result{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// demoPage starts a demo with its page and waits until it is up; the function
// returned ends it with SIGTERM and wants a clean end.
func (w *world) demoPage() (stop func()) {
	w.t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	addr := lis.Addr().String()
	if err := lis.Close(); err != nil {
		w.t.Fatal(err)
	}
	cmd := exec.Command("adsteward", "demo", "--data", w.dir, "--nights", "0", "--addr", addr)
	errs, err := cmd.StderrPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	lines := bufio.NewScanner(errs)
	for lines.Scan() && !strings.Contains(lines.Text(), "Stop with Ctrl-C") {
	}
	resp, err := http.Get("http://" + addr + "/healthz")
	if err != nil {
		w.t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
		w.t.Errorf("healthz: %s %v", resp.Status, err)
	}
	return func() {
		w.t.Helper()
		start := time.Now()
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			w.t.Fatal(err)
		}
		for lines.Scan() {
			w.t.Log(lines.Text())
		}
		if err := cmd.Wait(); err != nil {
			w.t.Errorf("the demo did not end well: %v", err)
		}
		if d := time.Since(start); d > 10*time.Second {
			w.t.Errorf("it took %s to end", d)
		}
	}
}
