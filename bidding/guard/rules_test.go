package guard_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"adsteward/bidding/guard"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

func policy(t *testing.T, body string) guard.Policy {
	t.Helper()
	p, err := guard.Parse([]byte(body))
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return p
}

// What the policy turns off, and what is not known, keeps nothing from growing,
// though the same facts do where the default policy asks and knows.
func TestWhatIsOffObjectsToNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		off, on string // policies; without on nothing of the sort is known
		edit    func(*guard.Facts)
	}{
		{"experiments: {protect: false}", "{}", func(f *guard.Facts) { f.Experiment = "brand off" }},
		{"minimum: {conversions: 0}", "{}", func(f *guard.Facts) { f.Conversions = 0 }},
		{"minimum: {spend: 0}", "{}", func(f *guard.Facts) { f.Spend = 0 }},
		{"change_by_others: {hours: 0}", "{}", func(f *guard.Facts) { f.LastChangeByOther = now }},
		{"cool_down: {days: 0}", "{}", func(f *guard.Facts) { f.LastChange = today - 1 }},
		{"cool_down: {rejected_days: 0}", "{}", func(f *guard.Facts) {
			f.Refused = []guard.Refusal{{Field: platform.DailyBudget, Up: true, On: today}}
		}},
		{"{}", "", func(f *guard.Facts) {
			f.Refused = []guard.Refusal{{Field: platform.DailyBudget, On: today}, {Field: platform.TargetROAS, Up: true, On: today}}
		}},
		{"spend_anomaly: {days: 0}", "{}", func(f *guard.Facts) { f.SpendAnomaly = "It stopped." }},
		{"break_even: 0", "{}", func(f *guard.Facts) { f.ROAS = 0.1 }},
		{"cac_ceiling: 0", "cac_ceiling: 1", func(f *guard.Facts) { f.CAC = 1000 }},
		{"ltv_cac_floor: 0", "{}", func(f *guard.Facts) { f.LTVCAC = 0.1 }},
		{"alerts: {days_per_false_alarm: 0}", "{}", func(f *guard.Facts) { f.Alert = "Its ROAS fell." }},
		{"alerts: {fatigue: false}", "{}", func(f *guard.Facts) { f.Fatigue = "Fewer click." }},
		{"alerts: {bid_pressure: false}", "{}", func(f *guard.Facts) { f.BidPressure = "Clicks are dearer." }},
		{"alerts: {max_worn_spend: 1}", "{}", func(f *guard.Facts) { f.WornSpend = 1.01 }},
		{"stock: {max_unsellable: 1}", "{}", func(f *guard.Facts) { f.Unsellable = 1.01 }},
		{"stock: {max_unfit_spend: 1}", "{}", func(f *guard.Facts) { f.UnfitSpend = 1.01 }},
		{"stock: {max_losing_spend: 1}", "stock: {max_losing_spend: 0}", func(f *guard.Facts) { f.LosingSpend = 1.01 }},
		{"max_frequency: 0", "max_frequency: 9", func(f *guard.Facts) { f.Frequency = 50 }},
		{"max_overlap: 0", "{}", func(f *guard.Facts) { f.Overlap = 1 }},
		{"{}", "", func(f *guard.Facts) { f.ROAS, f.LTVCAC, f.CAC, f.Frequency, f.Overlap = 0, 0, 0, 0, 0 }},
		{"cac_ceiling: 1", "", func(f *guard.Facts) { f.CAC = 0 }},
		{"{}", "", func(f *guard.Facts) { f.ExpectedCurrency, f.ExpectedTimeZone = "", "" }},
	} {
		f, up := fine(), budget(100*money.One, 110*money.One)
		c.edit(&f)
		if got, said := guard.Check(policy(t, c.off), guard.Propose, f, up); got != up.Value || len(said) > 0 {
			t.Errorf("%s: %v, %v", c.off, got, said)
		}
		if c.on == "" {
			continue
		}
		if got, _ := guard.Check(policy(t, c.on), guard.Propose, f, up); got != up.Seen {
			t.Errorf("%s for %s: nothing objects", c.on, c.off)
		}
	}
}

// A floor holds for what is cut and a ceiling for what grows; what lies beyond one
// already may come nearer.
func TestBoundsOfEachField(t *testing.T) {
	t.Parallel()
	const google, meta = platform.Google, platform.Meta
	for _, c := range []struct {
		policy            string
		of                platform.Name
		field             platform.Field
		seen, value, want float64
		by                string // the setting; empty: none
	}{
		{"limits: {max_budget: 105}", google, platform.DailyBudget, 100, 110, 105, "limits.max_budget"},
		{"limits: {max_budget: 95}", google, platform.DailyBudget, 100, 110, 100, "limits.max_budget"},
		{"limits: {max_budget: 80}", google, platform.DailyBudget, 100, 90, 90, ""},
		{"limits: {min_budget: 95}", google, platform.DailyBudget, 100, 90, 95, "limits.min_budget"},
		{"limits: {min_budget: 95}", google, platform.DailyBudget, 100, 95, 95, ""},
		{"limits: {min_budget: 100}", google, platform.DailyBudget, 100, 90, 100, "limits.min_budget"},
		{"limits: {max_budget: 100}", google, platform.DailyBudget, 100, 110, 100, "limits.max_budget"},
		{"limits: {min_budget: 105}", google, platform.DailyBudget, 100, 90, 100, "limits.min_budget"},
		{"limits: {min_budget: 130}", google, platform.DailyBudget, 100, 110, 110, ""},
		{"{}", google, platform.DailyBudget, 31, 28, 30, "the platform's minimum budget"},
		{"limits: {min_budget: 30.5}", google, platform.DailyBudget, 31, 28, 30.5, "limits.min_budget"},
		{"limits: {max_target: 4.2, max_bid: 4.1, max_budget: 4.3}", google, platform.TargetROAS, 4, 4.4, 4.2, "limits.max_target"},
		{"limits: {min_target: 3.8, min_bid: 3.9, min_budget: 3.7}", google, platform.TargetROAS, 4, 3.6, 3.8, "limits.min_target"},
		{"limits: {max_target: 4.2, max_bid: 4.1, max_budget: 4.3}", meta, platform.ROASFloor, 4, 4.4, 4.2, "limits.max_target"},
		{"limits: {max_target: 4.2, max_bid: 4.1, max_budget: 4.3}", google, platform.CPCBid, 4, 4.4, 4.1, "limits.max_bid"},
		{"limits: {min_target: 3.8, min_bid: 3.9, min_budget: 3.7}", meta, platform.BidAmount, 4, 3.6, 3.9, "limits.min_bid"},
		{"limits: {max_budget: 105}\nentities: [{match: Shoes, max_budget: 108}]", google, platform.DailyBudget, 100, 110, 108, "entities.Shoes.max_budget"},
		{"limits: {max_budget: 105}\nentities: [{match: c1, min_budget: 95}]", google, platform.DailyBudget, 100, 110, 105, "limits.max_budget"},
		{"limits: {min_budget: 97}\nentities: [{match: b1, min_budget: 95, max_budget: 108}]", google, platform.DailyBudget, 100, 90, 95, "entities.b1.min_budget"},
		{"limits: {max_budget: 105}\nentities: [{match: Shoe, max_budget: 108}]", google, platform.DailyBudget, 100, 110, 105, "limits.max_budget"},
		{"{}", google, platform.TargetROAS, 950, 1050, 1000, "the platform's maximum target"},
		{"limits: {max_target: 2000}", google, platform.TargetROAS, 950, 1050, 1000, "the platform's maximum target"},
		{"limits: {max_target: 990}", google, platform.TargetROAS, 950, 1050, 990, "limits.max_target"},
		{"{}", google, platform.TargetROAS, 950, 1000, 1000, ""},
		{"{}", meta, platform.TargetROAS, 950, 1050, 1050, ""},
		{"{}", google, platform.CPCBid, 950, 1050, 1050, ""},
		{"step: {default: 1, hard_limit: 1}", google, platform.TargetROAS, 0.02, 0.001, 0.01, "the platform's minimum target"},
		{"step: {default: 1, hard_limit: 1}\nlimits: {min_target: 0.02}", google, platform.TargetROAS, 0.05, 0.001, 0.02, "limits.min_target"},
	} {
		p, f := policy(t, c.policy), fine()
		f.Platform, f.MinBudget, f.BreakEven = c.of, 30*money.One, 0
		micros := func(x float64) money.Micros { return money.Micros(math.Round(x * 1e6)) }
		got, said := guard.Check(p, guard.Propose, f, change(c.field, micros(c.seen), micros(c.value)))
		by := ""
		for _, v := range said {
			if by += v.Setting; strings.Contains(v.Detail, "EUR") == c.field.IsTarget() {
				t.Errorf("%s: %q", c.policy, v.Detail)
			}
		}
		if got != micros(c.want) || by != c.by {
			t.Errorf("%s: %s %s from %v to %v: %v by %q, want %v by %q", c.policy, c.of, c.field, c.seen, c.value, got.Float(), by, c.want, c.by)
		}
	}
	if lo := policy(t, "limits: {min_budget: 40}").Floor(fine(), budget(0, 0)); lo != 40*money.One {
		t.Errorf("the floor is %v", lo)
	}
}

// A break-even between two hundredths is rounded up, one on a hundredth is left. A
// target below it stays, and a bid is no target.
func TestATargetStopsAtBreakEven(t *testing.T) {
	t.Parallel()
	target, bid := change(platform.TargetROAS, 1_150_000, 1_090_000), change(platform.CPCBid, 1_150_000, 1_090_000)
	for _, c := range []struct {
		breakEven float64
		mode      guard.Mode
		change    platform.Change
		want      money.Micros
	}{
		{1.1, guard.Propose, target, 1_100_000},
		{1.101, guard.Edit, target, 1_110_000},
		{1.2, guard.Edit, target, 1_150_000},
		{1.09, guard.Edit, target, 1_090_000},
		{1.1, guard.Rollback, target, 1_090_000},
		{1.1, guard.Edit, bid, 1_090_000},
		{1.1, guard.Edit, change(platform.ROASFloor, 1_050_000, 1_090_000), 1_090_000},
	} {
		f, by := fine(), ""
		f.BreakEven = c.breakEven
		got, said := guard.Check(guard.Default(), c.mode, f, c.change)
		for _, v := range said {
			by += v.Setting
		}
		if got != c.want || (by == "break_even") != (got != c.change.Value) || len(said) > 1 {
			t.Errorf("%s at break-even %v, %v: %v by %v, want %v", c.mode, c.breakEven, c.change, got, said, c.want)
		}
	}
}

// A reason names the figures that a person looks for, those of the policy in force.
func TestReasonsNameTheirFigures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		policy, want string
		edit         func(*guard.Facts)
	}{
		{"black_out: [{from: 2026-05-19, to: 2026-05-21, reason: sale}]", "from 2026-05-19 to 2026-05-21 (sale).", func(*guard.Facts) {}},
		{"black_out: [{from: 2026-05-20, to: 2026-05-20}]", "from 2026-05-20 to 2026-05-20.", func(*guard.Facts) {}},
		{"freshness: {max_age_days: 4}", "of 2026-05-15, more than 4 days ago", func(f *guard.Facts) { f.LastData = today - 5 }},
		{"{}", "reported nothing yet", func(f *guard.Facts) { f.LastData = 0 }},
		{"tracking_outage: {freeze_days: 5}", "down on 2026-05-15: money was spent and almost no conversions were reported. Nothing is changed for 5 days", func(f *guard.Facts) { f.LastOutage = today - 5 }},
		{"minimum: {window_days: 28, conversions: 20}", "19 conversions in 28 days, fewer than 20", func(f *guard.Facts) { f.Conversions = 19 }},
		{"minimum: {window_days: 28, spend: 500}", "spent 400.00 in 28 days, less than 500.00", func(f *guard.Facts) { f.Spend = 400 }},
		{"change_by_others: {hours: 5}", "Somebody else changed it on 2026-05-20 02:00 UTC, less than 5 hours ago", func(f *guard.Facts) { f.LastChangeByOther = now.Add(-time.Hour) }},
		{"{}", "ann@shop changed it", func(f *guard.Facts) { f.LastChangeByOther, f.OtherActor = now, "ann@shop" }},
		{"cool_down: {days: 9}", "changed on 2026-05-18; the next change may come on 2026-05-27", func(f *guard.Facts) { f.LastChange = today - 2 }},
		{"cool_down: {rejected_days: 9}", "Raising it was rejected on 2026-05-18; it may be proposed again on 2026-05-27", func(f *guard.Facts) {
			f.Refused = []guard.Refusal{{Field: platform.DailyBudget, Up: true, On: today - 2}}
		}},
		{"break_even: 1.5", "ROAS of 2.90 is below 3.00", func(f *guard.Facts) { f.ROAS = 2.9 }},
		{"cac_ceiling: 15", "order costs 20.00, more than 15.00", func(*guard.Facts) {}},
		{"ltv_cac_floor: 6", "brings 5.0 times what winning one costs, less than 6.0 times", func(*guard.Facts) {}},
		{"stock: {max_unsellable: 0.4}", "41 % is out of stock or has errors in the feed, more than 40 %", func(f *guard.Facts) { f.Unsellable = 0.41 }},
		{"stock: {max_unfit_spend: 0.4}", "41 % went to items that should not be advertised, more than 40 %", func(f *guard.Facts) { f.UnfitSpend = 0.41 }},
		{"stock: {max_losing_spend: 0.4}", "41 % went to items that lose money at break-even, more than 40 %", func(f *guard.Facts) { f.LosingSpend = 0.41 }},
		{"max_frequency: 6", "saw it 7.0 times in seven days, more than 6.0 times", func(f *guard.Facts) { f.Frequency = 7 }},
		{"alerts: {max_worn_spend: 0.7}", "Two ads. That is more than 70 %", func(f *guard.Facts) { f.WornSpend, f.WornAds = 0.71, "Two ads." }},
		{"max_overlap: 0.6", "61 % are shown both it and \"Carts\", more than 60 %", func(f *guard.Facts) { f.Overlap, f.OverlapWith = 0.61, "Carts" }},
		{"step: {default: 0.05}", "At most 5 % at once: EUR 105.00 instead of EUR 110.00", func(*guard.Facts) {}},
	} {
		f := fine()
		c.edit(&f)
		if _, said := guard.Check(policy(t, c.policy), guard.Propose, f, budget(100*money.One, 110*money.One)); len(said) != 1 || !strings.Contains(said[0].Detail, c.want) {
			t.Errorf("%s: %v does not say %q", c.policy, said, c.want)
		}
	}
	if _, said := guard.Check(guard.Default(), guard.Edit, fine(), budget(100*money.One, 70*money.One)); len(said) != 1 || !strings.Contains(said[0].Detail, "20 % at once: EUR 80.00 instead of EUR 70.00") {
		t.Errorf("a cut beyond the step: %v", said)
	}
	// Several clamps: each names what was asked for, not what another left of it.
	p := policy(t, "limits: {max_budget: 5000}")
	to, said := guard.Check(p, guard.Edit, fine(), budget(100*money.One, 1_000_000*money.One))
	if to != 120*money.One || len(said) != 2 || said[0].Detail != "Not above EUR 5,000.00." || said[1].Detail != "At most 20 % at once: EUR 120.00 instead of EUR 1,000,000.00." {
		t.Errorf("far beyond a limit and the step: %v, %v", to, said)
	}
	// A step that a limit shortens is the limit's to tell.
	p = policy(t, "limits: {max_budget: 110}")
	if to, said := guard.Check(p, guard.Edit, fine(), budget(100*money.One, 1_000*money.One)); to != 110*money.One || len(said) != 1 || said[0].Name != "limits" {
		t.Errorf("a limit within the step: %v, %v", to, said)
	}
}

func TestTheLowerCapHolds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		daily, monthly, want float64
		setting              string
	}{{0, 0, 0, ""}, {100, 0, 100, "total_daily_cap"}, {0, 3040, 100, "total_monthly_cap"},
		{90, 3040, 90, "total_daily_cap"}, {110, 3040, 100, "total_monthly_cap"}} {
		p := guard.Policy{TotalDailyCap: c.daily, TotalMonthlyCap: c.monthly}
		got, setting, ok := p.Cap()
		if math.Abs(got-c.want) > 1e-9 || ok != (c.setting != "") || ok && setting != c.setting {
			t.Errorf("%v a day, %v a month: %v by %s, %v", c.daily, c.monthly, got, setting, ok)
		}
	}
}

func TestItemsAreKeptOutAndLetIn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		edit    func(*guard.Policy, *guard.Facts)
		out, in string // the guardrails that object to keeping it out, and to letting it in
	}{
		"nothing objects": {func(*guard.Policy, *guard.Facts) {}, "", ""},
		"kill switch":     {func(_ *guard.Policy, f *guard.Facts) { f.KillSwitch = "holiday" }, "kill_switch", "kill_switch"},
		"protected":       {func(p *guard.Policy, _ *guard.Facts) { p.Protected = []string{"i1"} }, "protected", "protected"},
		"experiment":      {func(_ *guard.Policy, f *guard.Facts) { f.Experiment = "brand off" }, "experiment", "experiment"},
		"black-out":       {func(p *guard.Policy, _ *guard.Facts) { p.BlackOut = []guard.BlackOut{{From: today, To: today}} }, "black_out", "black_out"},
		"stale":           {func(_ *guard.Policy, f *guard.Facts) { f.LastData = today - 3 }, "freshness", ""},
		"outage":          {func(_ *guard.Policy, f *guard.Facts) { f.LastOutage = today - 3 }, "tracking_outage", ""},
		"stale and a black-out": {func(p *guard.Policy, f *guard.Facts) {
			f.LastData, p.BlackOut = 0, []guard.BlackOut{{From: today, To: today}}
		}, "black_out+freshness", "black_out"},
		"learning is a campaign's": {func(_ *guard.Policy, f *guard.Facts) { f.Learning, f.Conversions = "LEARNING", 0 }, "", ""},
	} {
		p, f := guard.Default(), fine()
		c.edit(&p, &f)
		for want, value := range map[*string]money.Micros{&c.out: money.One, &c.in: 0} {
			var by []string
			for _, v := range guard.CheckItem(p, f, platform.Change{Entity: platform.Ref{Type: platform.Item, ID: "i1"}, Field: platform.Excluded, Seen: money.One - value, Value: value}) {
				by = append(by, v.Name)
			}
			if !slices.Equal(by, strings.FieldsFunc(*want, func(r rune) bool { return r == '+' })) {
				t.Errorf("%s, to %v: %v, want %q", name, value, by, *want)
			}
		}
	}
}

func TestNotTooManyItemsAreOutAtOnce(t *testing.T) {
	t.Parallel()
	p := policy(t, "exclude: {max_items: 0.1, max_spend: 0.3}")
	for _, c := range []struct {
		items    int
		spend    float64
		by, says string // the setting; empty: it passes
	}{
		{1, 100, "", ""}, {0, 0, "", ""},
		{2, 100, "exclude.max_items", "11 of 100 items would be out of ads at once, more than 10 %"},
		{1, 150, "exclude.max_spend", "35 % of what was spent on items would be out of ads at once, more than 30 %"},
		{1, 1000, "exclude.max_spend", "with 100 % of"}, // what an item cost lies further back than what all cost now
	} {
		v := guard.CheckItemShare(p, guard.ItemShare{Items: 100, Excluded: 9, Spend: 1000, ExcludedSpend: 200}, c.items, c.spend)
		if v.Setting != c.by || (v.Answer == guard.Block) != (c.by != "") || v.Name != "excluded_share" || !strings.Contains(v.Detail, c.says) {
			t.Errorf("%d items that cost %v: %+v, want %q", c.items, c.spend, v, c.by)
		}
	}
	s := guard.ItemShare{Items: 100, Spend: 1000}
	if s.Add(10, 300); guard.CheckItemShare(p, s, 0, 0).Answer != guard.Pass || guard.CheckItemShare(p, s, 1, 0).Answer != guard.Block {
		t.Errorf("ten of a hundred: %+v", s)
	}
}
