package guard_test

import (
	"strings"
	"testing"

	"adsteward/bidding/guard"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

func TestAutoApprovalKeepsWithinItsCaps(t *testing.T) {
	t.Parallel()
	const e = money.One
	a := guard.AutoApprove{Enabled: true, Fields: map[platform.Field]guard.AutoCaps{
		platform.DailyBudget: {PerItem: 0.10, PerRun: 0.05, PerDay: 0.06, MaxPerRun: 2, MaxPerDay: 10}}}
	items := []platform.Change{budget(100*e, 111*e), budget(100*e, 110*e), budget(100*e, 104*e), budget(100*e, 101*e),
		{Field: platform.TargetROAS, Seen: 3 * e, Value: 3_100_000}}
	check := func(budgets money.Micros, before []platform.Change, want ...string) { // the settings that leave it to a person
		t.Helper()
		for i, why := range guard.AutoApprovable(a, budgets, before, items) {
			if setting, _, _ := strings.Cut(why, ":"); setting != want[i] {
				t.Errorf("item %d: %q, want %q", i, why, want[i])
			}
		}
	}
	caps := func(field platform.Field, c guard.AutoCaps) { a.Fields[field] = c }
	const item, run, day, fields = "per_item", "per_run", "per_day", "auto_approve.fields"
	check(1000*e, nil, item, "", "", run, fields)                                      // two changes a run
	check(1000*e, []platform.Change{budget(100*e, 156*e)}, item, day, "", day, fields) // 56 of the day's 60 are gone
	check(1000*e, []platform.Change{budget(100*e, 44*e)}, item, day, "", day, fields)  // by a cut too
	check(1000*e, []platform.Change{{Field: platform.CPCBid, Seen: e, Value: 99 * e}}, item, "", "", run, fields)
	check(200*e, nil, item, "", run, run, fields) // 10 a run
	caps(platform.DailyBudget, guard.AutoCaps{PerItem: 0.2, PerRun: 1, PerDay: 1, MaxPerRun: 9, MaxPerDay: 3})
	check(1000*e, []platform.Change{budget(e, e)}, "", "", day, day, fields) // three changes a day, one of them before
	caps(platform.DailyBudget, guard.AutoCaps{PerItem: 0.2, PerRun: 1, PerDay: 0.021, MaxPerRun: 9, MaxPerDay: 9})
	check(1000*e, nil, "", "", day, day, fields) // 21 a day
	caps(platform.TargetROAS, guard.AutoCaps{PerItem: 0.05, MaxPerRun: 1, MaxPerDay: 9})
	items = []platform.Change{{Field: platform.TargetROAS, Seen: 3 * e, Value: 2_840_000}, {Field: platform.TargetROAS, Value: 3 * e},
		{Field: platform.TargetROAS, Seen: 3 * e, Value: 2_850_000}, {Field: platform.TargetROAS, Seen: 3 * e, Value: 3_100_000}}
	check(0, nil, item, item, "", run) // a target has no share of the budgets
	items = []platform.Change{{Entity: platform.Ref{Type: platform.ProductGroup}, Field: platform.Excluded, Value: e}, {Entity: platform.Ref{Type: platform.Item}, Field: platform.Excluded, Value: e}}
	caps(platform.Excluded, guard.AutoCaps{MaxPerRun: 9, MaxPerDay: 9})
	check(1000*e, nil, fields, "") // a group is left to people
	a.Enabled = false
	check(1000*e, nil, "auto_approve.enabled", "auto_approve.enabled")
}
