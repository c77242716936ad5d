package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"adsteward/internal/civil"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// liftEstimate is an estimate in JSON.
type liftEstimate struct{ Value, SE, Low, High, Level *float64 }

func (e *liftEstimate) holds(t *testing.T, name string, v float64) {
	t.Helper()
	if e == nil || !(*e.Low <= v && v <= *e.High && *e.Low <= *e.Value && *e.Value <= *e.High && *e.SE > 0 && *e.Level == 0.9) {
		t.Errorf("%s: %+v, want %v", name, e, v)
	}
}

type liftResult struct {
	Method   string
	Lift     *liftEstimate
	Expected *float64
	Cost     *float64
	IROAS    *liftEstimate
	Iota     *liftEstimate
	Always   *liftEstimate `json:"always_valid"`
	Placebo  *struct {
		P            float64
		Permutations int
	}
	Days []struct {
		Date                          string
		Observed, Expected, Low, High *float64
	}
	Warnings []string
}

// geoSales writes 12 regions over 84 days; from day 56 on, the treated ones spend
// a tenth of what they sell, get twice that back and are told of four times.
func geoSales(treated map[string]bool) string {
	rnd := rand.New(rand.NewPCG(1, 1))
	text := "date,geo,sales,cost,claimed\n"
	for d := range 84 {
		market := 1 + 0.2*rnd.NormFloat64()
		for g := range 12 {
			name, size := fmt.Sprintf("r%d", g), float64(100*(g+1))
			sales, cost := size*market*(1+0.05*rnd.NormFloat64()), 0.0
			if d >= 56 && treated[name] {
				cost = 0.1 * size
				sales += 2 * cost
			}
			text += fmt.Sprintf("%v,%s,%.2f,%.2f,%.2f\n", civil.MustParse("2026-01-05").AddDays(d), name, sales, cost, 4*cost)
		}
	}
	return text
}

// A design is drawn, carried out and analysed from its own file.
func TestLiftFromDesignToResult(t *testing.T) {
	t.Parallel()
	before, groups := write(t, "before.csv", geoSales(nil)), filepath.Join(t.TempDir(), "groups.csv")
	out, errs, code := adsteward(t, "lift", "design", before, "--pre", "2026-01-05:2026-03-01", "--days", "28", "--iroas", "2", "--out", groups, "--json")
	if code != codeDone || errs != "" {
		t.Fatal(code, errs)
	}
	design := decode[struct {
		Regions []struct {
			Geo, Group string
			Pair       int
		}
		Detectable struct{ Relative, Total, Power float64 }
		Expected   float64
		Budget     float64
		Usual      *float64 `json:"usual_cost"`
	}](t, out)
	treated := map[string]bool{}
	for _, r := range design.Regions {
		treated[r.Geo] = r.Group == "treatment"
	}
	if len(design.Regions) != 12 || design.Detectable.Power != 0.8 || math.Abs(design.Budget-design.Detectable.Total/2) > 1e-9 || *design.Usual != 0 {
		t.Fatal(out)
	}
	args := []string{"lift", "geo", write(t, "sales.csv", geoSales(treated)), "--geos", groups, "--pre", "2026-01-05:2026-03-01", "--test", "2026-03-02:2026-03-29", "--permutations", "63"}
	out, errs, code = adsteward(t, append(args, "--method", "gbr,tbr,did,sc", "--json")...)
	if code != codeDone || errs != "" {
		t.Fatal(code, errs)
	}
	got := decode[struct {
		Results                               []liftResult
		Treatment, Control, Excluded, Seconds *float64
		Absent                                *float64 `json:"absent_rows"`
		Pre, Test                             struct{ From, To string }
	}](t, out)
	if *got.Treatment != 6 || *got.Control != 6 || *got.Excluded != 0 || *got.Absent != 0 || got.Test.To != "2026-03-29" || len(got.Results) != 4 {
		t.Fatal(out)
	}
	for _, r := range got.Results {
		r.IROAS.holds(t, r.Method, 2)
		r.Iota.holds(t, r.Method+" iota", 0.5)
		if r.Placebo.P > 0.1 || r.Placebo.Permutations != 63 || len(r.Warnings) > 0 || (len(r.Days) == 28) != (r.Method != "gbr") {
			t.Errorf("%s: %+v", r.Method, r)
		}
	}
	out, _, code = adsteward(t, args...)
	if code != codeDone || !strings.Contains(out, "6 treated and 6 control regions") || !strings.Contains(out, "tbr  20477.95") || !strings.Contains(out, "tbr: 0.481 of what the platform claims") {
		t.Error(code, out)
	}
}

// A schedule is drawn, filled in and analysed.
func TestLiftFromScheduleToResult(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 1))
	history := "date,revenue\n"
	for d := range 90 {
		history += fmt.Sprintf("%v,%.2f\n", civil.MustParse("2025-12-01").AddDays(d), 1000+50*rnd.NormFloat64())
	}
	out, errs, code := adsteward(t, "lift", "schedule", "--start", "2026-03-02", "--days", "56", "--block", "2", "--washout", "1", "--history", write(t, "history.csv", history))
	if code != codeDone || !strings.Contains(errs, "of the shop's revenue on days on") {
		t.Fatal(code, errs)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 57 {
		t.Fatal(out)
	}
	for i, line := range lines[1:] {
		line, revenue, claimed := strings.TrimSuffix(line, ",,"), 1000+50*rnd.NormFloat64(), 0.0
		if strings.HasSuffix(line, ",1,") {
			revenue, claimed = revenue+120, 200
		}
		lines[i+1] = fmt.Sprintf("%s%.2f,%.2f,%.2f", line, revenue, claimed, claimed/5)
	}
	days := write(t, "days.csv", strings.Join(lines, "\n"))
	out, errs, code = adsteward(t, "lift", "switchback", days, "--washout", "1", "--planned", "60", "--json")
	if code != codeDone || errs != "" {
		t.Fatal(code, errs)
	}
	got := decode[liftResult](t, out)
	got.Iota.holds(t, "iota", 0.6)
	got.IROAS.holds(t, "iroas", 3)
	got.Lift.holds(t, "lift", 14*120)
	got.Always.holds(t, "always valid", 14*120)
	if !strings.Contains(out, `"washed_days": 28`) || !strings.Contains(out, `"per_day"`) || len(got.Days) != 28 {
		t.Error(out)
	}
	out, _, code = adsteward(t, "lift", "switchback", days, "--washout", "1")
	if code != codeDone || !strings.Contains(out, "14 days on, 14 days off, 28 left out") || !strings.Contains(out, "share of the claims that was caused") {
		t.Error(code, out)
	}
}

func TestLiftHoldout(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 1))
	text := "id,group,revenue,before\n"
	for i := range 4000 {
		before := 20 * rnd.ExpFloat64()
		group, revenue := "control", before+5*rnd.NormFloat64()
		if i%4 > 0 {
			group, revenue = "treatment", revenue+1
		}
		text += fmt.Sprintf("%d,%s,%.2f,%.2f\n", i, group, revenue, before)
	}
	file := write(t, "people.csv", text)
	out, errs, code := adsteward(t, "lift", "holdout", file, "--share", "25", "--claimed", "6000", "--planned", "0.5", "--json")
	if code != codeDone || errs != "" {
		t.Fatal(code, errs)
	}
	got := decode[liftResult](t, out)
	got.Lift.holds(t, "lift", 3000)
	got.Iota.holds(t, "iota", 0.5)
	got.Always.holds(t, "always valid", 3000)
	for _, key := range []string{`"treated": 3000`, `"held": 1000`, `"sample_ratio_p": 1`, `"variance_removed": 0.9`, `"relative": {`} {
		if !strings.Contains(out, key) {
			t.Errorf("no %s in %s", key, out)
		}
	}
	// Another share than was held out: the result is printed, and the exit code says
	// that something was found.
	out, _, code = adsteward(t, "lift", "holdout", file, "--share", "10")
	if code != codeFindings || !strings.Contains(out, "not to be believed") {
		t.Error(code, out)
	}
	out, _, code = adsteward(t, "lift", "people", "--sd", "1", "--effect", "0.1", "--share", "20", "--json")
	if code != codeDone || !strings.Contains(out, `"people": 3865`) || !strings.Contains(out, `"held": 773`) {
		t.Error(code, out)
	}
}

func TestLiftRefuses(t *testing.T) {
	t.Parallel()
	sales := write(t, "sales.csv", geoSales(nil))
	groups := write(t, "groups.csv", "geo,group\nr1,control\nr2,treatment\nr3,control\nr4,treatment\n")
	geo := []string{"lift", "geo", sales, "--geos", groups, "--pre", "2026-01-05:2026-03-01", "--test", "2026-03-02:2026-03-29"}
	with := func(flag, value string) []string {
		args := slices.Clone(geo)
		if i := slices.Index(args, flag); i >= 0 {
			args[i+1] = value
			return args
		}
		if value == "" {
			return append(args, flag)
		}
		return append(args, flag, value)
	}
	for want, args := range map[string][]string{
		"--pre is \"2026\"; give":                       with("--pre", "2026"),
		"the test must come after it":                   with("--test", "2026-02-01:2026-03-29"),
		"reaches beyond the data":                       with("--test", "2026-03-02:2027-03-29"),
		`no method "ols"`:                               with("--method", "tbr,ols"),
		"the level of the interval is 1.5":              with("--level", "1.5"),
		"the level of the interval is NaN":              with("--level", "NaN"),
		"--permutations is -1":                          with("--permutations=-1", ""),
		"none.csv: no such file":                        with("--geos", "none.csv"),
		`line 2: column geo: "x" is not in the data`:    with("--geos", write(t, "g.csv", "geo,group\nx,control\n")),
		"0 treated and 1 control regions":               with("--geos", write(t, "g.csv", "geo,group\nr1,control\n")),
		"line 2: column date":                           {"lift", "design", write(t, "d.csv", "date,geo,sales\nsoon,a,1\n")},
		"it needs 114":                                  {"lift", "design", sales, "--days", "100"},
		"return aimed at is NaN":                        {"lift", "design", sales, "--iroas", "NaN"},
		"cannot write":                                  {"lift", "design", sales, "--out", "/nowhere/g.csv"},
		"each arm needs two":                            {"lift", "holdout", write(t, "p.csv", "group,revenue\ncontrol,1\n")},
		"--share is 0; give":                            {"lift", "holdout", sales, "--salt", "s"},
		"--share is 100; give":                          {"lift", "people", "--sd", "1", "--effect", "1", "--share", "100"},
		"the spread is NaN":                             {"lift", "people", "--sd", "NaN", "--effect", "1"},
		"planned effect is +Inf":                        {"lift", "holdout", write(t, "p.csv", "group,revenue\ncontrol,1\ncontrol,2\ntreated,3\ntreated,4\n"), "--planned", "Inf"},
		"0 days on and 0 days off":                      {"lift", "switchback", write(t, "s.csv", "date,block,pair,on,revenue\n2026-01-01,1,1,1,\n")},
		"--washout is -1":                               {"lift", "switchback", sales, "--washout=-1"},
		"it must be a multiple of 28":                   {"lift", "schedule", "--start", "2026-01-01", "--block", "2", "--days", "30"},
		"--start: \"x\" is not a date":                  {"lift", "schedule", "--start", "x"},
		"line 1: column revenue: the header does not h": {"lift", "schedule", "--start", "2026-01-01", "--history", write(t, "h.csv", "date\n")},
	} {
		out, errs, code := adsteward(t, args...)
		if code != codeUsage || out != "" || !strings.Contains(errs, want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%v: code %d, %q, %q, want %q", args, code, errs, out, want)
		}
	}
}
