package main

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"adsteward/internal/civil"
	"adsteward/internal/sandbox"
	"adsteward/internal/sandbox/faults"
)

// scriptCommands are what the scripts can do besides running programs:
//
//	world [today]             a sandbox, and the configuration of a shop on it; $YESTERDAY is today's
//	code N program args...    run it; it must exit with N and behave decently
//	json                      the last output is one JSON document and no more
//	ids                       ID1, ID2, ... are the ids in the last output
//	advance DATE              move the market
//	faults [RULES]            make the platforms fail; without rules, work again
//	replace FILE OLD NEW      edit a file
//	sql FILE STATEMENT        tamper with a SQLite file
func scriptCommands() map[string]func(ts *testscript.TestScript, neg bool, args []string) {
	var worlds sync.Map // scripts run side by side
	world := func(ts *testscript.TestScript) *sandbox.Sandbox {
		sb, ok := worlds.Load(ts)
		if !ok {
			ts.Fatalf("this script has no world")
		}
		return sb.(*sandbox.Sandbox)
	}
	return map[string]func(ts *testscript.TestScript, neg bool, args []string){
		"world": func(ts *testscript.TestScript, _ bool, args []string) {
			sc, err := scenario(1)
			ts.Check(err)
			if len(args) > 0 {
				sc.Start = today()
			}
			ts.Setenv("YESTERDAY", today().AddDays(-1).String())
			sb, err := sandbox.Start(sandbox.Options{Scenario: sc})
			ts.Check(err)
			ts.Defer(func() { ts.Check(sb.Stop()) })
			ts.Check(writeShop(ts.MkAbs("."), sb.Info(), worldOptions{}))
			worlds.Store(ts, sb)
		},
		"advance": func(ts *testscript.TestScript, _ bool, args []string) {
			d, err := civil.Parse(args[0])
			ts.Check(err)
			world(ts).Advance(d)
		},
		"faults": func(ts *testscript.TestScript, _ bool, args []string) {
			world(ts).Faults().Clear()
			if len(args) == 0 {
				return
			}
			rules, err := faults.ReadRules(strings.NewReader(args[0]))
			ts.Check(err)
			for _, r := range rules {
				world(ts).Faults().Add(r)
			}
		},
		"code": scriptCode, "json": scriptJSON, "ids": scriptIDs, "replace": scriptReplace, "sql": scriptSQL,
	}
}

func scriptCode(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exits %d, want %d", got, want)
	}
	ts.Check(result{ts.ReadFile("stdout"), ts.ReadFile("stderr"), got}.decent())
}

func scriptJSON(ts *testscript.TestScript, _ bool, _ []string) {
	dec := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	var v any
	ts.Check(dec.Decode(&v))
	if err := dec.Decode(&v); err != io.EOF {
		ts.Fatalf("there is more than one JSON document: %v", err)
	}
}

func scriptIDs(ts *testscript.TestScript, _ bool, _ []string) {
	var rows []struct{ ID string }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &rows))
	for i, r := range rows {
		ts.Setenv(fmt.Sprintf("ID%d", i+1), r.ID)
	}
}

func scriptReplace(ts *testscript.TestScript, _ bool, args []string) {
	body := ts.ReadFile(args[0])
	if !strings.Contains(body, args[1]) {
		ts.Fatalf("%s has no %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(body, args[1], args[2], 1)), 0o600))
}

func scriptSQL(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite3", ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	_, err = db.Exec(args[1])
	ts.Check(err)
}
