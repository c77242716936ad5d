package main

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"adsteward/internal/shareddata"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"adsteward": main})
}

// TestScripts runs the real binary as people and cron do.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:  "testdata/script",
		Cmds: scriptCommands(),
		Setup: func(e *testscript.Env) error {
			e.Setenv("ADSTEWARD_SHARED", shareddata.Dir())
			return nil
		},
		Condition: func(cond string) (bool, error) { return cond == "shared" && shareddata.Dir() != "", nil },
	})
}

// adsteward runs the program in this process and returns its output and code.
func adsteward(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(context.WithoutCancel(t.Context()), args, strings.NewReader(""), &out, &errs)
	return out.String(), errs.String(), code
}

// decode reads a command's JSON output.
func decode[T any](t *testing.T, out string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return v
}
