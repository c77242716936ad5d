package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"adsteward/bidding/guard"
	"adsteward/internal/civil"
	"adsteward/internal/config"
	"adsteward/internal/platform"
	"adsteward/internal/present"
	"adsteward/internal/sandbox"
	"adsteward/internal/sandbox/market"
)

// worldStart is the day on which the tests' market begins, history before it.
var worldStart = civil.MustParse("2026-02-02")

// today is the date at the tests' shop.
func today() civil.Date {
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err) // every Go distribution has it
	}
	return civil.Of(time.Now().In(loc))
}

// world is a sandbox in a process of its own and a shop that advertises on it:
// a configuration, a policy and a key, as a person would have them.
type world struct {
	t      *testing.T
	dir    string
	config string
	info   sandbox.Info
}

// worldOptions say how a world differs from the demo's market on SQLite.
type worldOptions struct {
	scenario *market.Scenario  // nil is the demo's
	store    string            // empty is SQLite
	currency string            // empty is EUR
	feed     string            // a product feed; empty is none
	policy   map[string]string // lines of the policy template and what replaces them
}

func newWorld(t *testing.T, o worldOptions) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	w.config = filepath.Join(w.dir, "adsteward.yaml")
	if o.scenario == nil {
		o.scenario = demoScenario(t, 1)
	}
	w.start(o.scenario)
	if err := writeShop(w.dir, w.info, o); err != nil {
		t.Fatal(err)
	}
	return w
}

// writeShop writes the configuration, policy and key of a shop that advertises
// on a sandbox, and makes the directory for its exports.
func writeShop(dir string, info sandbox.Info, o worldOptions) error {
	feed := ""
	if o.feed != "" {
		feed = "{location: " + o.feed + ", platform: both}"
	}
	yaml := fmt.Sprintf(`
store: %s
encryption_key_file: adsteward.key
accounts:
  - name: shop
    currency: %s
    time_zone: Europe/Berlin
    policy: policy.yaml
    storefront: {directory: shop}
    feeds: [%s]
    google:
      customer_id: "%s"
      endpoint: %s
      data_manager_endpoint: http://%s/
      token_url: %s
      client_id: %s
      client_secret: %s
      refresh_token: %s
      conversions: {enabled: false, conversion_action: "%s"}
    meta:
      ad_account_id: "%s"
      base_url: http://%s/
      access_token: %s
      app_secret: %s
      conversions: {enabled: false, dataset: "%s"}
`, cmp.Or(o.store, "adsteward.db"), cmp.Or(o.currency, "EUR"), feed, info.CustomerID, info.GoogleAddr, info.DataManagerAddr, info.TokenURL, info.ClientID,
		info.ClientSecret, info.RefreshToken, info.ConversionActionID, info.AdAccountID, info.MetaAddr, info.AccessToken, info.AppSecret, info.DataSetID)
	lines := map[string]string{"caution: 1 ": "caution: 0 "} // so that there is much to decide on
	maps.Copy(lines, o.policy)
	policy := guard.Template
	for from, to := range lines {
		if !strings.Contains(policy, from) {
			return fmt.Errorf("the policy template has no %q", from)
		}
		policy = strings.Replace(policy, from, to, 1)
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "adsteward.yaml"), []byte(yaml), 0o600),
		os.WriteFile(filepath.Join(dir, "policy.yaml"), []byte(policy), 0o600),
		os.WriteFile(filepath.Join(dir, "adsteward.key"), []byte(config.NewKey()), 0o600),
		os.Mkdir(filepath.Join(dir, "shop"), 0o755))
}

// demoScenario is the demo's market, times as many campaigns.
func demoScenario(t testing.TB, times int) *market.Scenario {
	t.Helper()
	sc, err := scenario(times)
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

func scenario(times int) (*market.Scenario, error) {
	sc, err := sandbox.DemoScenario(worldStart, 30, 0)
	if err != nil {
		return nil, err
	}
	sc.History, sc.Events = 45, nil
	one := sc.Campaigns
	sc.TotalDailyBudget *= float64(times)
	for i := 1; i < times; i++ {
		for _, c := range one {
			suffix := fmt.Sprintf("-%d", i)
			c.ID += suffix
			c.Name += suffix
			if c.BudgetGroup != "" {
				c.BudgetGroup += suffix
			}
			if c.Portfolio != "" {
				c.Portfolio += suffix
			}
			sc.Campaigns = append(sc.Campaigns, c)
		}
	}
	return sc, nil
}

// start runs `adsteward sandbox` and reads its first line.
func (w *world) start(sc *market.Scenario) {
	w.t.Helper()
	body, err := json.Marshal(sc)
	if err != nil {
		w.t.Fatal(err)
	}
	w.write("scenario.json", string(body))
	cmd := exec.Command("adsteward", "sandbox", "--scenario", filepath.Join(w.dir, "scenario.json"))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := errors.Join(cmd.Process.Signal(os.Interrupt), cmd.Wait()); err != nil {
			w.t.Errorf("the sandbox did not end well: %v", err)
		}
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		w.t.Fatal(err)
	}
	if err := json.Unmarshal(line, &w.info); err != nil {
		w.t.Fatalf("the first line of the sandbox: %v in %s", err, line)
	}
}

func (w *world) write(name, body string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(body), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// control sends a request to the sandbox's control endpoint.
func (w *world) control(method, path, body string) []byte {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, "http://"+w.info.ControlAddr+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		w.t.Fatalf("%s %s: %s %s %v", method, path, resp.Status, out, err)
	}
	return out
}

// advance moves the market to a date.
func (w *world) advance(d civil.Date) {
	w.t.Helper()
	w.control(http.MethodPost, "/advance", fmt.Sprintf(`{"to": %q}`, d))
}

// result is what a process left behind.
type result struct {
	stdout, stderr string
	code           int // -1 where it was killed
}

// command prepares a process of the program over this world.
func (w *world) command(ctx context.Context, args ...string) (*exec.Cmd, *bytes.Buffer, *bytes.Buffer) {
	cmd := exec.CommandContext(ctx, "adsteward", append(args, "--config", w.config)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	return cmd, &out, &errs
}

// run runs the program to its end.
func (w *world) run(args ...string) result {
	w.t.Helper()
	cmd, out, errs := w.command(w.t.Context(), args...)
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		w.t.Fatalf("adsteward %v: %v", args, err)
	}
	r := result{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
	w.decent(args, r)
	return r
}

// decent checks what every command owes its user: no stack trace, no Go type
// names, faults on one line.
func (w *world) decent(args []string, r result) {
	w.t.Helper()
	if err := r.decent(); err != nil {
		w.t.Errorf("adsteward %v %v", args, err)
	}
}

func (r result) decent() error {
	for _, bad := range []string{"panic:", "goroutine ", "runtime error", "*errors.", "*fmt.", "%!", "sql: ", " json: ", " yaml: "} {
		if strings.Contains(r.stdout+r.stderr, bad) {
			return fmt.Errorf("prints %q:\n%s%s", bad, r.stdout, r.stderr)
		}
	}
	if n := strings.Count(r.stderr, "\n"); r.code > 1 && n != 1 {
		return fmt.Errorf("exits %d with %d lines of error:\n%s", r.code, n, r.stderr)
	}
	return nil
}

// must runs the program and wants exit code 0.
func (w *world) must(args ...string) string {
	w.t.Helper()
	r := w.run(args...)
	if r.code != 0 {
		w.t.Fatalf("adsteward %v exits %d:\n%s%s", args, r.code, r.stdout, r.stderr)
	}
	return r.stdout
}

// proposals lists those in the named states.
func (w *world) proposals(states ...string) []present.Proposal {
	w.t.Helper()
	return decode[[]present.Proposal](w.t, w.must("proposals", "list", "--json", "--state", strings.Join(states, ",")))
}

// adAccounts opens the ad accounts as the program itself does, but with the
// market's clock, to look at what the platforms hold.
func (w *world) adAccounts() (accounts []platform.Ads, now time.Time) {
	w.t.Helper()
	cfg, err := config.Load(w.config)
	if err != nil {
		w.t.Fatal(err)
	}
	now = decode[struct{ Today civil.Date }](w.t, string(w.control(http.MethodGet, "/state", ""))).Today.In(time.UTC).AddDate(0, 0, 1)
	google, err := connectGoogle(cfg, cfg.Accounts[0].Google, true, false, func() time.Time { return now })
	if err != nil {
		w.t.Fatal(err)
	}
	facebook, err := connectMeta(cfg, cfg.Accounts[0].Meta, true, time.Now)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := errors.Join(google.Ads.Close(), facebook.Ads.Close()); err != nil {
			w.t.Error(err)
		}
	})
	return []platform.Ads{google.Ads, facebook.Ads}, now
}

// remote is what the platforms say of one value: what it is, and how often and
// to what it was changed.
type remote struct {
	value   platform.Change
	changes []platform.ChangeEvent
}

// remotes reads the value and history of every proposal from the platforms.
func (w *world) remotes(ps []present.Proposal) map[string]remote {
	w.t.Helper()
	out := map[string]remote{}
	accounts, now := w.adAccounts()
	for _, ads := range accounts {
		events, err := ads.Changes(w.t.Context(), now.AddDate(0, 0, -25))
		if err != nil {
			w.t.Fatal(err)
		}
		es, err := ads.Structure(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		for _, p := range ps {
			if p.Platform != ads.Platform() {
				continue
			}
			ref := platform.Ref{Type: platform.EntityType(p.Entity.Type), ID: p.Entity.ID}
			r := remote{value: platform.Change{Entity: ref, Field: p.Field, Seen: p.Seen, Value: -1}}
			for _, e := range es {
				if e.Ref == ref {
					r.value.Value = e.Fields[p.Field]
				}
			}
			for _, e := range events {
				if e.Entity == ref && e.Field == p.Field {
					r.changes = append(r.changes, e)
				}
			}
			out[p.ID] = r
		}
	}
	return out
}

// auditActions counts the audit entries of an action by proposal.
func (w *world) auditActions(action string) map[string]int {
	w.t.Helper()
	out := map[string]int{}
	for _, a := range decode[[]struct{ Action, Proposal string }](w.t, w.must("audit", "list", "--json")) {
		if a.Action == action {
			out[a.Proposal]++
		}
	}
	return out
}

// together runs functions at the same time and waits for all.
func together(fs ...func()) {
	var wg sync.WaitGroup
	for _, f := range fs {
		wg.Go(f)
	}
	wg.Wait()
}
