package guard_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"adsteward/bidding/guard"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

func TestAMonthThatLandsAboveItsBudgetDoesNotGrow(t *testing.T) {
	t.Parallel()
	const e = money.One
	over := guard.Pace{Name: "May", Currency: "EUR", Budget: 1000 * e, Forecast: 1200 * e, Known: true, Room: -20 * e, Over: true}
	fits := guard.Pace{Name: "all", Currency: "EUR", Budget: 1000 * e, Forecast: 1000 * e, Known: true}
	unknown := guard.Pace{Name: "new", Currency: "EUR", Budget: 1000 * e}
	target := func(seen, value money.Micros) platform.Change {
		return platform.Change{Entity: platform.Ref{Type: platform.Campaign, ID: "c1"}, Field: platform.TargetROAS, Seen: seen, Value: value}
	}
	for name, c := range map[string]struct {
		months []guard.Pace
		change platform.Change
		mode   guard.Mode
		by     string // the setting of the verdict; empty: none
	}{
		"no months":                           {nil, budget(100*e, 110*e), guard.Edit, ""},
		"a person adds to it":                 {[]guard.Pace{fits, over}, budget(100*e, 110*e), guard.Edit, "monthly.May"},
		"a person adds where it fits":         {[]guard.Pace{fits}, budget(100*e, 110*e), guard.Edit, ""},
		"nothing is known":                    {[]guard.Pace{unknown}, budget(100*e, 110*e), guard.Edit, "monthly.new"},
		"a cut":                               {[]guard.Pace{over}, budget(100*e, 90*e), guard.Edit, ""},
		"the plan's budgets are the run's":    {[]guard.Pace{over}, budget(100*e, 110*e), guard.Propose, ""},
		"a rollback that adds":                {[]guard.Pace{over}, budget(100*e, 110*e), guard.Rollback, "monthly.May"},
		"a lower target spends more":          {[]guard.Pace{over}, target(4*e, 3_600_000), guard.Propose, "monthly.May"},
		"a higher target spends less":         {[]guard.Pace{over}, target(4*e, 4_400_000), guard.Propose, ""},
		"a lower target in a month with room": {[]guard.Pace{fits}, target(4*e, 3_600_000), guard.Propose, ""},
	} {
		f := fine()
		f.Months = c.months
		policy := guard.Default()
		for _, m := range c.months {
			policy.Monthly = append(policy.Monthly, guard.Monthly{Name: m.Name, Budget: m.Budget.Float()})
		}
		if got, _ := guard.Check(guard.Default(), c.mode, f, c.change); got != c.change.Value {
			t.Errorf("%s: a month that the policy no longer has still holds", name)
		}
		got, said := guard.Check(policy, c.mode, f, c.change)
		switch {
		case c.by == "" && (got != c.change.Value || len(said) > 0):
			t.Errorf("%s: %v, %v", name, got, said)
		case c.by != "" && (got != c.change.Seen || len(said) != 1 || said[0].Name != "monthly_pace" || said[0].Setting != c.by || strings.Contains(said[0].Detail, "cannot be foreseen") != (c.by == "monthly.new")):
			t.Errorf("%s: %v, %v", name, got, said)
		}
	}
}

// whole names months that bear all of a change.
func whole(names ...string) map[string]float64 {
	out := map[string]float64{}
	for _, n := range names {
		out[n] = 1
	}
	return out
}

func TestARunKeepsToItsMonths(t *testing.T) {
	t.Parallel()
	const e = money.One
	items := []guard.Item{
		{Change: budget(100*e, 110*e), Unit: e, Gain: 1, Months: whole("all")},
		{Change: budget(100*e, 110*e), Unit: e, Gain: 5, Months: whole("all", "google")},
		{Change: budget(100*e, 92*e), Unit: e, Gain: 2, Months: whole("all")},
		{Change: budget(100*e, 110*e), Unit: e, Gain: 3},
	}
	months := []guard.Pace{{Name: "all", Currency: "EUR", Known: true, Room: 4 * e}, {Name: "google", Currency: "EUR", Known: true, Room: 7 * e}}
	var got []money.Micros
	ds := guard.CheckRun(guard.Default(), guard.Run{Currency: "EUR", Budgets: 400 * e, Months: months}, items)
	for _, d := range ds {
		got = append(got, d.Value)
	}
	// all: 4 of its own and 8 of the cut are 12: 10 to what gains most, 2 to the other; then google allows 7 of the 10.
	if want := []money.Micros{102 * e, 107 * e, 92 * e, 110 * e}; len(got) != 4 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] || got[3] != want[3] {
		t.Errorf("got %v, want %v", got, want)
	}
	if v := ds[1].Verdicts; len(v) != 1 || v[0].Name != "monthly_cap" || v[0].Setting != "monthly.google" {
		t.Errorf("verdicts %v", v)
	}
	if v := guard.CheckMonth(months[0], 1, 0, items[0].Change); v.Answer != guard.Block || v.Setting != "monthly.all" {
		t.Errorf("an increase of 10 with room for 4 may be pushed: %v", v)
	}
	if v := guard.CheckMonth(months[0], 1, -8*e, items[0].Change); v.Answer != guard.Pass {
		t.Errorf("after a cut of 8 it may not: %v", v)
	}
	for of, want := range map[float64]guard.Answer{0.3: guard.Pass, 0.5: guard.Block} {
		if v := guard.CheckMonth(months[0], of, 0, items[0].Change); v.Answer != want {
			t.Errorf("an increase of 10 of which the month bears %v: %v", of, v)
		}
	}
	for name, c := range map[string]struct {
		room money.Micros
		of   platform.Change
	}{"a cut": {-20 * e, items[2].Change}, "what fills it": {10 * e, items[0].Change}, "a bid": {0, change(platform.CPCBid, e, 2*e)}} {
		if v := guard.CheckMonth(guard.Pace{Room: c.room}, 1, 0, c.of); v.Answer != guard.Pass {
			t.Errorf("%s may not: %v", name, v)
		}
	}
}

func TestNoRunGrowsAMonthBeyondItsRoom(t *testing.T) {
	t.Parallel()
	names := []string{"a", "b", "c"}
	rapid.Check(t, func(t *rapid.T) {
		amount := rapid.Int64Range(1, 500_000_000)
		run := guard.Run{Currency: "EUR"}
		for _, n := range names {
			run.Months = append(run.Months, guard.Pace{Name: n, Known: true, Room: money.Micros(rapid.Int64Range(-200_000_000, 200_000_000).Draw(t, "room"))})
		}
		items := make([]guard.Item, rapid.IntRange(1, 12).Draw(t, "n"))
		for i := range items {
			items[i] = guard.Item{Change: budget(money.Micros(amount.Draw(t, "seen")), money.Micros(amount.Draw(t, "value"))), Unit: 10_000,
				Gain: rapid.Float64().Draw(t, "gain"), Months: rapid.MapOf(rapid.SampledFrom(names), rapid.SampledFrom([]float64{1, 0.5, 0.01})).Draw(t, "months")}
			run.Budgets += items[i].Seen
		}
		out := guard.CheckRun(guard.Default(), run, items)
		for _, m := range run.Months {
			var added float64
			grew := false
			for i, d := range out {
				if of := items[i].Months[m.Name]; of > 0 {
					added += of * float64(d.Value-items[i].Seen)
					grew = grew || d.Value > items[i].Seen
				}
			}
			if grew && added > float64(m.Room)+float64(len(items)) { // a micro each
				t.Fatalf("month %s grows by %v with room for %v", m.Name, added, m.Room)
			}
		}
	})
}

func TestMonthsInThePolicy(t *testing.T) {
	t.Parallel()
	p, err := guard.Parse([]byte("monthly: [{name: all, budget: 30000}, {name: Brand, match: ['Search | *', meta], budget: 500, currency: USD}]"))
	if err != nil || len(p.Monthly) != 2 {
		t.Fatalf("%+v, %v", p.Monthly, err)
	}
	for name, want := range map[string]bool{"Search | Brand": true, "Search | ": true, "search | brand": false, "meta": true, "meta2": false, "": false} {
		if got := p.Monthly[1].Covers("x", name); got != want {
			t.Errorf("%q is covered: %v", name, got)
		}
	}
	if !p.Monthly[0].Covers("anything") {
		t.Error("a month without match does not cover everything")
	}
	for pattern, names := range map[string][2]string{"*": {"", "x"}, "a*b*c": {"abc", "axxbxxc"}, "*|*": {"|", "a | b"}} {
		m := guard.Monthly{Match: []string{pattern}}
		if !m.Covers(names[1]) || pattern != "*" && !m.Covers(names[0]) {
			t.Errorf("%s does not fit %q", pattern, names)
		}
	}
	for pattern, name := range map[string]string{"ab*ba": "aba", "a*b*c": "axc", "*": ""} {
		if (guard.Monthly{Match: []string{pattern}}).Covers(name) {
			t.Errorf("%s fits %q", pattern, name)
		}
	}
	for body, want := range map[string]string{
		"monthly: [{budget: 5}]":                                "monthly[0].name",
		"monthly: [{name: a, budget: 5}, {name: a, budget: 6}]": "monthly[1].name",
		"monthly: [{name: a}]":                                  "monthly[0].budget",
		"monthly: [{name: a, budget: -1}]":                      "monthly[0].budget",
		"monthly: [{name: a, budget: .nan}]":                    "monthly[0].budget",
		"monthly: [{name: a, budget: .inf}]":                    "monthly[0].budget",
		"monthly: [{name: a, budget: 5, currency: eur}]":        "monthly[0].currency",
		"monthly: [{name: a, budget: 5, currency: EURO}]":       "monthly[0].currency",
		"monthly: [{name: a, budget: 5, currency: E1R}]":        "monthly[0].currency",
		"monthly: [{name: a, budget: 5, match: ['']}]":          "monthly[0].match[0]",
		"monthly: [{name: a, budget: 5, campaigns: [x]}]":       "campaigns",
	} {
		if _, err := guard.Parse([]byte(body)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error naming %s", body, err, want)
		}
	}
}
