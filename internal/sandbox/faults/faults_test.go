package faults_test

import (
	"context"
	"strings"
	"testing"

	"adsteward/internal/sandbox/faults"

	"github.com/google/go-cmp/cmp"
)

func TestNext(t *testing.T) {
	t.Parallel()
	table, err := faults.Read(strings.NewReader(`[
	  {"kind": "unavailable", "service": "google", "method": "Mutate", "after": 1, "times": 2},
	  {"kind": "rate_limit", "service": "meta"},
	  {"kind": "slow_stream", "service": "google", "method": "SearchStream", "times": -1, "delay_ms": 5}]`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, call := range []string{"google Mutate", "google Mutate", "google Mutate", "google Mutate", "meta x", "meta x",
		"google SearchStream", "google SearchStream", "datamanager Mutate"} {
		service, method, _ := strings.Cut(call, " ")
		rule, _ := table.Next(service, method)
		got = append(got, string(rule.Kind))
	}
	want := []string{"", "unavailable", "unavailable", "", "rate_limit", "", "slow_stream", "slow_stream", ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	table.Clear()
	if _, ok := table.Next("google", "SearchStream"); ok {
		t.Error("a rule outlived Clear")
	}
	if _, ok := (*faults.Table)(nil).Next("google", "Mutate"); ok {
		t.Error("no table has a rule")
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{}`: "not a JSON array", `[{"kind": "fire"}]`: `rule 1: the kind "fire"`, `[{"kind": "unavailable", "servise": "x"}]`: `"servise"`,
		`[{"kind": "unavailable", "service": "x"}]`: `the service "x"`, `[{"kind": "unavailable", "times": -2}]`: "times",
	} {
		if _, err := faults.Read(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v does not hold %q", text, err, want)
		}
	}
}

func TestSilenceEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	faults.Rule{Kind: faults.TimeoutBefore}.Silence(ctx) // returns at once, or the test times out
	faults.Rule{Kind: faults.TimeoutBefore, DelayMS: 1}.Silence(context.Background())
}
