package guard_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"adsteward/bidding/guard"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

var (
	today = civil.MustParse("2026-05-20")
	now   = time.Date(2026, 5, 20, 3, 0, 0, 0, time.UTC)
)

// fine are facts that no guardrail objects to.
func fine() guard.Facts {
	return guard.Facts{Name: "Shoes", Campaigns: []string{"c1", "Shoes DE"}, Platform: platform.Google, Currency: "EUR", ExpectedCurrency: "EUR",
		TimeZone: "Europe/Berlin", ExpectedTimeZone: "Europe/Berlin", BudgetUnit: 10_000, MinBudget: money.One, Today: today, Now: now,
		LastData: today - 1, Conversions: 100, Spend: 3000, ROAS: 5, BreakEven: 2, LTVCAC: 5, CAC: 20}
}

func budget(seen, value money.Micros) platform.Change {
	return platform.Change{Entity: platform.Ref{Type: platform.Budget, ID: "b1"}, Field: platform.DailyBudget, Seen: seen, Value: value}
}

func TestEachGuardrail(t *testing.T) {
	t.Parallel()
	const e = money.One
	target := func(seen, value money.Micros) platform.Change {
		return platform.Change{Entity: platform.Ref{Type: platform.Campaign, ID: "c1"}, Field: platform.TargetROAS, Seen: seen, Value: value}
	}
	up := budget(100*e, 110*e)
	multiplier := func(seen, value money.Micros) platform.Change {
		return platform.Change{Entity: platform.Ref{Type: platform.ValueRule, ID: "7"}, Field: platform.ValueMultiplier, Seen: seen, Value: value}
	}
	added := func(seen, value money.Micros) platform.Change {
		return platform.Change{Entity: platform.Ref{Type: platform.NewCustomerGoal, ID: "1"}, Field: platform.NewCustomerValue, Seen: seen, Value: value}
	}
	rules := func(edit func(*guard.Policy, *guard.Facts)) func(*guard.Policy, *guard.Facts) {
		return func(p *guard.Policy, f *guard.Facts) {
			p.ValueRules.Enabled, p.ValueRules.NewCustomerValue, f.FirstOrder = true, true, 50*e
			if edit != nil {
				edit(p, f)
			}
		}
	}
	for name, c := range map[string]struct {
		edit   func(*guard.Policy, *guard.Facts)
		change platform.Change
		mode   guard.Mode
		want   money.Micros
		by     string // the guardrail that says something; empty: none
	}{
		"nothing objects":       {nil, up, guard.Propose, 110 * e, ""},
		"protected by id":       {func(p *guard.Policy, _ *guard.Facts) { p.Protected = []string{"b1"} }, up, guard.Propose, 100 * e, "protected"},
		"protected by name":     {func(p *guard.Policy, _ *guard.Facts) { p.Protected = []string{"Shoes"} }, up, guard.Propose, 100 * e, "protected"},
		"protected by pattern":  {func(p *guard.Policy, _ *guard.Facts) { p.Protected = []string{"Sh*"} }, up, guard.Propose, 100 * e, "protected"},
		"another's pattern":     {func(p *guard.Policy, _ *guard.Facts) { p.Protected = []string{"Hats*"} }, up, guard.Propose, 110 * e, ""},
		"protected by campaign": {func(p *guard.Policy, _ *guard.Facts) { p.Protected = []string{"Shoes DE"} }, up, guard.Edit, 100 * e, "protected"},
		"protected by rule": {func(p *guard.Policy, _ *guard.Facts) {
			p.Entities = []guard.EntityRule{{Match: "c1", Protected: true}}
		}, up, guard.Propose, 100 * e, "protected"},
		"another is protected by rule": {func(p *guard.Policy, _ *guard.Facts) {
			p.Entities = []guard.EntityRule{{Match: "c2", Protected: true}}
		}, up, guard.Propose, 110 * e, ""},
		"target kept at break-even":        {func(_ *guard.Policy, f *guard.Facts) { f.BreakEven = 2.9 }, target(3*e, 2_700_000), guard.Propose, 2_900_000, "break_even_target"},
		"step up":                          {nil, budget(100*e, 150*e), guard.Propose, 115 * e, "step"},
		"step down":                        {nil, budget(100*e, 50*e), guard.Propose, 85 * e, "step"},
		"hard limit":                       {nil, budget(100*e, 150*e), guard.Edit, 120 * e, "step"},
		"target step":                      {nil, target(4*e, 2*e), guard.Propose, 3_400_000, "step"},
		"yen are whole":                    {yen, budget(1000*e, 1_099_900_000), guard.Propose, 1099 * e, ""},
		"few yen cannot":                   {yen, budget(5*e, 9*e), guard.Propose, 5 * e, "step+rounding"},
		"dinar":                            {dinar, budget(1_005_000, 1_100_500), guard.Propose, 1_100_000, ""},
		"value rule":                       {rules(nil), multiplier(e, 1_100_000), guard.Propose, 1_100_000, ""},
		"value rule's step":                {rules(nil), multiplier(e, 2*e), guard.Propose, 1_150_000, "step"},
		"value rule's ceiling":             {rules(nil), multiplier(1_900_000, 2_150_000), guard.Propose, 2 * e, "limits"},
		"value rule's floor":               {rules(nil), multiplier(540_000, 470_000), guard.Propose, 500_000, "limits"},
		"value rule needs no conversions":  {rules(func(_ *guard.Policy, f *guard.Facts) { f.Conversions, f.ROAS, f.LTVCAC = 0, 1, 1 }), multiplier(e, 1_100_000), guard.Propose, 1_100_000, ""},
		"protected list":                   {rules(func(p *guard.Policy, _ *guard.Facts) { p.Protected = []string{"7"} }), multiplier(e, 1_100_000), guard.Propose, e, "protected"},
		"budgets' bounds are not a rule's": {rules(func(p *guard.Policy, _ *guard.Facts) { p.Limits.MinTarget, p.Limits.MaxTarget = 3, 9 }), multiplier(e, 900_000), guard.Propose, 900_000, ""},
		"nothing is added yet":             {rules(nil), added(0, 5*e), guard.Propose, 5 * e, ""},
		"added value's step":               {rules(nil), added(0, 40*e), guard.Propose, 7_500_000, "step"},
		"added value's hard limit":         {rules(nil), added(10*e, 40*e), guard.Edit, 22 * e, "step"},
		"added value's ceiling":            {rules(func(p *guard.Policy, _ *guard.Facts) { p.ValueRules.MaxMultiplier = 1.1 }), added(0, 40*e), guard.Propose, 5 * e, "limits"},
		"added value down to nothing":      {rules(nil), added(5*e, 0), guard.Propose, 0, ""},
		"added value below nothing":        {rules(nil), added(5*e, -e), guard.Propose, 5 * e, "numbers"},
		"added to no known order":          {rules(func(_ *guard.Policy, f *guard.Facts) { f.FirstOrder = 0 }), added(0, e), guard.Propose, 0, "numbers"},
		"same value":                       {nil, budget(100*e, 100*e), guard.Propose, 100 * e, "rounding"},
		"no present value":                 {nil, budget(0, 10*e), guard.Propose, 0, "numbers"},
		"proposed is nothing":              {nil, budget(100*e, 0), guard.Propose, 100 * e, "numbers"},
		"proposed is below":                {nil, budget(100*e, -10*e), guard.Propose, 100 * e, "numbers"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, f := guard.Default(), fine()
			if c.edit != nil {
				c.edit(&p, &f)
			}
			got, said := guard.Check(p, c.mode, f, c.change)
			var by []string
			for _, v := range said {
				by = append(by, v.Name)
				if v.Detail == "" {
					t.Errorf("%s gives no reason", v.Name)
				}
			}
			if got != c.want || strings.Join(by, "+") != c.by {
				t.Errorf("got %v by %v, want %v by %q: %v", got, by, c.want, c.by, said)
			}
		})
	}
}

func yen(_ *guard.Policy, f *guard.Facts) {
	f.Currency, f.ExpectedCurrency, f.BudgetUnit, f.MinBudget = "JPY", "JPY", money.One, 0
}

func dinar(_ *guard.Policy, f *guard.Facts) {
	f.Currency, f.ExpectedCurrency, f.BudgetUnit, f.MinBudget = "KWD", "KWD", 5000, 0
}

func TestThePolicyIsAskedAgainAtThePush(t *testing.T) {
	t.Parallel()
	const e = money.One
	multiplier := platform.Change{Entity: platform.Ref{Type: platform.ValueRule, ID: "7"}, Field: platform.ValueMultiplier, Seen: e, Value: 1_100_000}
	item := platform.Change{Entity: platform.Ref{Type: platform.Item, ID: "i1"}, Field: platform.Excluded, Value: e}
	for name, c := range map[string]struct {
		edit   func(*guard.Policy)
		change platform.Change
		by     string // guardrail and setting; empty: it passes
	}{
		"nothing objects":       {func(*guard.Policy) {}, budget(100*e, 110*e), ""},
		"protected":             {func(p *guard.Policy) { p.Protected = []string{"Shoes DE"} }, budget(100*e, 90*e), "protected protected"},
		"black-out":             {func(p *guard.Policy) { p.BlackOut = []guard.BlackOut{{From: today, To: today}} }, budget(100*e, 90*e), "black_out black_out"},
		"black-out to come":     {func(p *guard.Policy) { p.BlackOut = []guard.BlackOut{{From: today + 1, To: today + 1}} }, budget(100*e, 90*e), ""},
		"above a limit":         {func(p *guard.Policy) { p.Limits.MaxBudget = 109 }, budget(100*e, 110*e), "limits limits.max_budget"},
		"down towards a limit":  {func(p *guard.Policy) { p.Limits.MaxBudget = 80 }, budget(100*e, 90*e), ""},
		"bids' limits, an item": {func(p *guard.Policy) { p.Limits.MaxBid = 0.5 }, item, ""},
		"an item is protected":  {func(p *guard.Policy) { p.Protected = []string{"i1"} }, item, "protected protected"},
		"value rules are off":   {func(*guard.Policy) {}, multiplier, "value_rules value_rules.enabled"},
		"value rules are on":    {func(p *guard.Policy) { p.ValueRules.Enabled = true }, multiplier, ""},
		"of a campaign by rule": {func(p *guard.Policy) { p.Entities = []guard.EntityRule{{Match: "c1", Protected: true}} }, budget(100*e, 90*e), "protected entities.c1.protected"},
	} {
		p, f := guard.Default(), fine()
		c.edit(&p)
		f.Today = today - 1 // the newest night was yesterday's
		v := guard.CheckPush(p, guard.Edit, f, today, c.change)
		if got := strings.TrimSpace(v.Name + " " + v.Setting); got != c.by || (v.Answer == guard.Block) != (c.by != "") {
			t.Errorf("%s: %+v, want %q", name, v, c.by)
		}
	}
}

// What the newest night has heard keeps an approved change from being pushed; of
// facts that are of no night nothing was heard.
func TestNewsAreAskedAgainAtThePush(t *testing.T) {
	t.Parallel()
	// What a change was approved in spite of, and what the push itself looks after.
	once := []string{"kill_switch", "experiment", "minimum_data", "changed_by_others", "once_a_day", "cool_down", "rejected", "learning", "monthly_pace"}
	standing := []string{"value_rules", "protected", "black_out"}
	for odd, o := range objections {
		if o.rule == "numbers" { // no step is right where a number is none
			continue
		}
		for _, night := range []bool{true, false} {
			p, f := sound()
			for i, o := range objections {
				o.set(&p, &f, i == odd)
			}
			if !night {
				f.LastData = 0
			}
			for _, field := range fields {
				for _, share := range []money.Micros{110, 90} {
					c, want := change(field, usual[field], usual[field]*share/100), ""
					if o.scope(guard.Edit, c) && !slices.Contains(once, o.rule) && (!f.LastData.IsZero() || slices.Contains(standing, o.rule)) {
						want = o.rule
					}
					if v := guard.CheckPush(p, guard.Edit, f, today, c); v.Name != want || (v.Answer == guard.Block) != (want != "") {
						t.Errorf("%s (%s), a night's: %v, %s to %d %%: %+v, want %q", o.rule, o.setting, night, field, share, v, want)
					}
				}
			}
		}
	}
}

func TestTheWayBackIsTakenInSteps(t *testing.T) {
	t.Parallel()
	const e = money.One
	for _, c := range []struct {
		edit              func(*guard.Policy, *guard.Facts)
		seen, value, want money.Micros
	}{{nil, 100 * e, 120 * e, 120 * e}, {nil, 100 * e, 130 * e, 120 * e}, {nil, 100 * e, 70 * e, 80 * e}, {yen, 1001 * e, 1500 * e, 1201 * e}, {yen, 1001 * e, 500 * e, 801 * e}} {
		p, f := guard.Default(), fine()
		if c.edit != nil {
			c.edit(&p, &f)
		}
		got, v := guard.CheckBack(p, f, budget(c.seen, c.value))
		if whole := c.want == c.value; got != c.want || (v.Answer == guard.Pass) != whole || !whole && v.Setting != "step.hard_limit" {
			t.Errorf("from %v to %v: %v, %+v, want %v", c.seen, c.value, got, v, c.want)
		}
	}
}
