package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

const smallMarket = `{"name": "small", "start": "2026-01-05", "nights": 3, "history_days": 20,
	"campaigns": [{"id": "g1", "platform": "google", "n": 200}, {"id": "m1", "platform": "meta", "n": 150}]}`

func scenarioFile(t *testing.T, body string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "market.json")
	if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// full is where nothing more can be written.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// What could not be printed was not done, and what was found is of no use either.
func TestAnOutputThatIsFull(t *testing.T) {
	t.Parallel()
	feed := filepath.Join(t.TempDir(), "feed.tsv")
	if err := os.WriteFile(feed, []byte("id\ttitle\n1\tx\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"simulate", scenarioFile(t, smallMarket), "--policy", "hold"}, {"feeds", "validate", feed, "--platform", "both"}} {
		var errs strings.Builder
		code := run(t.Context(), args, strings.NewReader(""), full{}, &errs)
		if code != codeUnreachable || !strings.Contains(errs.String(), "no space left") {
			t.Errorf("%s: code %d: %s", args[0], code, errs.String())
		}
	}
}

// TestSimulatePrintsOneDocument checks the shape that scripts rest on.
func TestSimulatePrintsOneDocument(t *testing.T) {
	t.Parallel()
	file := scenarioFile(t, smallMarket)
	out, errs, code := adsteward(t, "simulate", file, "--json")
	if code != codeDone || errs != "" {
		t.Fatalf("code %d: %s", code, errs)
	}
	one := decode[map[string]any](t, out)
	if one["name"] != "small" || one["seconds"] == nil {
		t.Errorf("got %v", one)
	}
	var names []string
	for _, p := range one["policies"].([]any) {
		row := p.(map[string]any)
		names = append(names, row["policy"].(string))
		for _, key := range []string{"profit", "spend", "revenue", "changes", "violations", "worst_day_regret"} {
			if _, ok := row[key].(float64); !ok {
				t.Errorf("%s: %s is %v", row["policy"], key, row[key])
			}
		}
		for _, key := range []string{"share_of_oracle", "share_of_oracle_last_30", "interval_coverage_80"} {
			v, there := row[key]
			if _, number := v.(float64); !there || v != nil && !number {
				t.Errorf("%s: %s is %v", row["policy"], key, v)
			}
		}
	}
	if got := strings.Join(names, " "); got != "hold rules adsteward oracle oracle_free" {
		t.Errorf("policies %s", got)
	}
	out, _, _ = adsteward(t, "simulate", file, file, "--policy", "oracle,hold", "--nights", "2", "--json")
	if list := decode[[]map[string]any](t, out); len(list) != 2 || len(list[1]["policies"].([]any)) != 2 {
		t.Errorf("several scenarios: %s", out)
	}
	out, errs, code = adsteward(t, "simulate", file, "--policy", "hold,oracle")
	if code != codeDone || errs != "" || !strings.Contains(out, "oracle  ") && !strings.Contains(out, " oracle") {
		t.Errorf("for people: code %d, %s%s", code, out, errs)
	}
}

func TestSimulateRefusesBadInput(t *testing.T) {
	t.Parallel()
	good := scenarioFile(t, smallMarket)
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no such file":      {[]string{good + ".no"}, "no such file"},
		"not JSON":          {[]string{good, scenarioFile(t, "{")}, "market.json"},
		"an unknown field":  {[]string{scenarioFile(t, strings.Replace(smallMarket, `"n"`, `"m"`, 1))}, `"m"`},
		"no campaigns":      {[]string{scenarioFile(t, `{"name": "x", "start": "2026-01-05"}`)}, "campaigns"},
		"an unknown policy": {[]string{good, "--policy", "magic"}, "magic"},
		"nights below none": {[]string{good, "--nights", "-1"}, "nights"},
		"too many nights":   {[]string{good, "--nights", "100000"}, "nights"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, errs, code := adsteward(t, append([]string{"simulate", "--json"}, c.args...)...)
			if code != codeUsage || out != "" || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, c.want) {
				t.Errorf("code %d, output %q, errors %q", code, out, errs)
			}
		})
	}
}
