package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What cannot be solved says where, what and what to do, in one line.
func TestAllocateSaysWhereAndWhatToDo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ problem, says string }{
		"total": {`{"total": 9, "spend_all": true, "items": [
 {"id": "a", "max": 5, "worth": 1, "curve": {"type": "power", "coef": 1, "elasticity": 0.5}}]}`,
			`line 1, column 2: total: infeasible: the min of total cannot be met: the max of items and groups add up to 5 and all of 9 is to be spent; lower the total, raise a max, or set spend_all to false`},
		"minimums": {`{"total": 4, "items": [
 {"id": "a", "min": 5, "max": 5, "worth": 1, "curve": {"type": "power", "coef": 1, "elasticity": 0.5}}]}`,
			`line 1, column 2: total: infeasible: the max of total cannot be met: the min of items and groups add up to 5 and the total is 4; raise the total or lower a min`},
		"group": {"\ufeff" + `{"items": [
 {"id": "a", "max": 5, "worth": 1, "curve": {"type": "power", "coef": 1, "elasticity": 0.5}}],
 "groups": [{"name": "rest", "ids": []}, {"name": "g", "ids": ["a"], "min": 7}]}`,
			`line 3, column 70: groups[1].min: infeasible: the min of group "g" cannot be met: the max of its items add up to 5 and it must have 7; lower its min or raise their max`},
		"draw": {`{"items": [
 {"id": "a", "max": 5, "worth": 1, "curve": {"type": "hill", "coef": 1, "alpha": 0.5, "gamma": 3, "draws": [
  {"alpha": 0.4},
  {"alpha": 2}]}}]}`,
			`line 4, column 3: items[0].curve.draws[1]: item "a" has an S-shaped curve as draw 1; draws must be concave (a hill's alpha or a power's elasticity at most 1) or points: correct it, leave it out or give points`},
		"s-shape": {`{"risk": {"objective": "cvar"}, "items": [
 {"id": "b", "max": 5, "worth": 1, "curve": {"type": "power", "coef": 1, "elasticity": 0.5, "draws": [{}]}},
 {"id": "a", "max": 9, "worth": 1, "curve": {"type": "hill", "coef": 9, "alpha": 2, "gamma": 3}}]}`,
			`line 3, column 2: items[1]: item "a" has an S-shaped curve; risk: quantile and cvar need concave ones, so use mean or another curve`},
		"large": {`{"items": [
 {"id": "b", "max": 5, "worth": 1, "curve": {"type": "power", "coef": 1, "elasticity": 0.5}},
 {"id": "a", "max": 1e308, "worth": 1e300, "curve": {"type": "power", "coef": 1e300, "elasticity": 0.5}}]}`,
			`line 3, column 2: items[1]: item "a": its numbers are too large to add up; give amounts in a larger unit, or correct its bounds, worth and curve`},
	} {
		file := filepath.Join(t.TempDir(), "problem.json")
		if err := os.WriteFile(file, []byte(c.problem), 0o600); err != nil {
			t.Fatal(err)
		}
		out, errs, code := adsteward(t, "allocate", file)
		if want := "adsteward: " + file + ": " + c.says + "\n"; out != "" || errs != want || code != codeUsage {
			t.Errorf("%s: %d, %q, %q, want %q", name, code, out, errs, want)
		}
	}
}

// Small amounts keep their digits, and an id neither breaks its line nor speaks
// to the terminal.
func TestAllocateTableShowsSmallAmountsAndOddIDs(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "problem.json")
	if err := os.WriteFile(file, []byte(`{"total": 0.00005, "items": [
 {"id": "b\nc\u001b[31m", "max": 5, "worth": 1, "curve": {"type": "power", "coef": 0.1, "elasticity": 0.5}},
 {"id": "über \"x\"", "max": 5, "worth": 0, "curve": {"type": "power", "coef": 1, "elasticity": 0.5}}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	out, errs, code := adsteward(t, "allocate", file)
	want := `item            spend  value     marginal
"b\nc\x1b[31m"  5e-05  0.000707  7.071
über "x"        0.00   0.00      0

Spend 5e-05, objective 0.000657; the next unit of money earns 7.071. optimal.
binding: total
`
	if !strings.HasPrefix(out, want) || errs != "" || code != codeDone {
		t.Errorf("%d, %q, got\n%swant\n%s", code, errs, out, want)
	}
}

// An interrupted search prints no allocation, says so in one line and ends as
// other interrupted commands do.
func TestAllocateCanBeInterrupted(t *testing.T) {
	t.Parallel()
	var items, groups []string
	for i := range 2700 {
		items = append(items, fmt.Sprintf(`{"id": "%d", "max": 150, "worth": 1, "curve": {"type": "hill", "coef": %d, "alpha": 3, "gamma": %d}}`, i, 100+i%97, 30+i%7))
		if i%3 == 2 {
			groups = append(groups, fmt.Sprintf(`{"ids": ["%d", "%d", "%d"], "max": 40, "min": %d}`, i-2, i-1, i, i%5))
		}
	}
	file := filepath.Join(t.TempDir(), "problem.json")
	problem := fmt.Sprintf(`{"total": 15000, "items": [%s], "groups": [%s]}`, strings.Join(items, ","), strings.Join(groups, ","))
	if err := os.WriteFile(file, []byte(problem), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	defer cancel()
	time.AfterFunc(50*time.Millisecond, cancel)
	var out, errs bytes.Buffer
	code := run(ctx, []string{"allocate", file}, strings.NewReader(""), &out, &errs)
	if want := "adsteward: " + file + ": interrupted, so there is no allocation: context canceled\n"; out.Len() > 0 || errs.String() != want || code != codeFindings {
		t.Errorf("%d, %q, %q", code, out.String(), errs.String())
	}
}

// Nor does it wait for a standard input that does not end.
func TestAllocateDoesNotWaitForInput(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	cancel()
	in, never := io.Pipe()
	defer never.Close()
	var out, errs bytes.Buffer
	if code := run(ctx, []string{"allocate", "-"}, in, &out, &errs); out.Len() > 0 || !strings.Contains(errs.String(), "interrupted") || code != codeFindings {
		t.Errorf("%d, %q, %q", code, out.String(), errs.String())
	}
}
