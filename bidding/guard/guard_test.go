package guard_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

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
	up, down := budget(100*e, 110*e), budget(100*e, 90*e)
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
		"nothing objects":             {nil, up, guard.Propose, 110 * e, ""},
		"kill switch":                 {func(_ *guard.Policy, f *guard.Facts) { f.KillSwitch = "holiday" }, up, guard.Propose, 100 * e, "kill_switch"},
		"kill switch stops rollbacks": {func(_ *guard.Policy, f *guard.Facts) { f.KillSwitch = "holiday" }, down, guard.Rollback, 100 * e, "kill_switch"},
		"protected by id":             {func(p *guard.Policy, _ *guard.Facts) { p.Protected = []string{"b1"} }, up, guard.Propose, 100 * e, "protected"},
		"protected by name":           {func(p *guard.Policy, _ *guard.Facts) { p.Protected = []string{"Shoes"} }, up, guard.Propose, 100 * e, "protected"},
		"protected by campaign":       {func(p *guard.Policy, _ *guard.Facts) { p.Protected = []string{"Shoes DE"} }, up, guard.Edit, 100 * e, "protected"},
		"protected by rule": {func(p *guard.Policy, _ *guard.Facts) {
			p.Entities = []guard.EntityRule{{Match: "c1", Protected: true}}
		}, up, guard.Propose, 100 * e, "protected"},
		"read only":                  {func(_ *guard.Policy, f *guard.Facts) { f.ReadOnly = "ended" }, up, guard.Propose, 100 * e, "read_only"},
		"experiment":                 {func(_ *guard.Policy, f *guard.Facts) { f.Experiment = "brand off" }, up, guard.Propose, 100 * e, "experiment"},
		"experiment stops rollbacks": {func(_ *guard.Policy, f *guard.Facts) { f.Experiment = "brand off" }, down, guard.Rollback, 100 * e, "experiment"},
		"experiment stops targets":   {func(_ *guard.Policy, f *guard.Facts) { f.Experiment = "brand off" }, target(4*e, 3_600_000), guard.Edit, 4 * e, "experiment"},
		"experiments are not protected": {func(p *guard.Policy, f *guard.Facts) {
			p.Experiments.Protect, f.Experiment = false, "brand off"
		}, up, guard.Propose, 110 * e, ""},
		"currency":                              {func(_ *guard.Policy, f *guard.Facts) { f.Currency = "USD" }, up, guard.Propose, 100 * e, "currency"},
		"time zone":                             {func(_ *guard.Policy, f *guard.Facts) { f.TimeZone = "UTC" }, up, guard.Propose, 100 * e, "time_zone"},
		"black-out":                             {func(p *guard.Policy, _ *guard.Facts) { p.BlackOut = []guard.BlackOut{{From: today, To: today}} }, up, guard.Propose, 100 * e, "black_out"},
		"black-out over":                        {func(p *guard.Policy, _ *guard.Facts) { p.BlackOut = []guard.BlackOut{{From: today - 3, To: today - 1}} }, up, guard.Propose, 110 * e, ""},
		"stale":                                 {func(_ *guard.Policy, f *guard.Facts) { f.LastData = today - 3 }, up, guard.Propose, 100 * e, "freshness"},
		"two days old is fresh":                 {func(_ *guard.Policy, f *guard.Facts) { f.LastData = today - 2 }, up, guard.Propose, 110 * e, ""},
		"nothing reported":                      {func(_ *guard.Policy, f *guard.Facts) { f.LastData = 0 }, down, guard.Propose, 100 * e, "freshness"},
		"outage freezes cuts too":               {func(_ *guard.Policy, f *guard.Facts) { f.LastOutage = today - 3 }, down, guard.Propose, 100 * e, "tracking_outage"},
		"outage over":                           {func(_ *guard.Policy, f *guard.Facts) { f.LastOutage = today - 4 }, down, guard.Propose, 90 * e, ""},
		"few conversions":                       {func(_ *guard.Policy, f *guard.Facts) { f.Conversions = 9.9 }, down, guard.Propose, 100 * e, "minimum_data"},
		"little spend":                          {func(_ *guard.Policy, f *guard.Facts) { f.Spend = 9 }, down, guard.Propose, 100 * e, "minimum_data"},
		"rollback needs no evidence":            {func(_ *guard.Policy, f *guard.Facts) { f.Conversions = 0 }, down, guard.Rollback, 90 * e, ""},
		"somebody else":                         {func(_ *guard.Policy, f *guard.Facts) { f.LastChangeByOther = now.Add(-71 * time.Hour) }, up, guard.Propose, 100 * e, "changed_by_others"},
		"somebody else long ago":                {func(_ *guard.Policy, f *guard.Facts) { f.LastChangeByOther = now.Add(-72 * time.Hour) }, up, guard.Propose, 110 * e, ""},
		"twice a day":                           {func(_ *guard.Policy, f *guard.Facts) { f.LastChange = today }, down, guard.Rollback, 100 * e, "once_a_day"},
		"cool-down":                             {func(_ *guard.Policy, f *guard.Facts) { f.LastChange = today - 6 }, up, guard.Propose, 100 * e, "cool_down"},
		"cool-down over":                        {func(_ *guard.Policy, f *guard.Facts) { f.LastChange = today - 7 }, up, guard.Propose, 110 * e, ""},
		"long conversion cycle":                 {func(_ *guard.Policy, f *guard.Facts) { f.LastChange, f.Cycle = today-9, 10 }, up, guard.Propose, 100 * e, "cool_down"},
		"rollback in cool-down":                 {func(_ *guard.Policy, f *guard.Facts) { f.LastChange = today - 1 }, down, guard.Rollback, 90 * e, ""},
		"learning":                              {func(_ *guard.Policy, f *guard.Facts) { f.Learning = "LEARNING_BUDGET_CHANGE" }, up, guard.Propose, 100 * e, "learning"},
		"below break-even grows not":            {func(_ *guard.Policy, f *guard.Facts) { f.ROAS = 1.9 }, up, guard.Propose, 100 * e, "break_even"},
		"below break-even may shrink":           {func(_ *guard.Policy, f *guard.Facts) { f.ROAS = 1.9 }, down, guard.Propose, 90 * e, ""},
		"spend anomaly freezes cuts too":        {func(_ *guard.Policy, f *guard.Facts) { f.SpendAnomaly = "It stopped." }, down, guard.Edit, 100 * e, "spend_anomaly"},
		"spend anomaly may be rolled back":      {func(_ *guard.Policy, f *guard.Facts) { f.SpendAnomaly = "It stopped." }, down, guard.Rollback, 90 * e, ""},
		"spend anomaly is off":                  {func(p *guard.Policy, f *guard.Facts) { p.SpendAnomaly.Days, f.SpendAnomaly = 0, "It stopped." }, up, guard.Propose, 110 * e, ""},
		"alert grows not":                       {func(_ *guard.Policy, f *guard.Facts) { f.Alert = "Its ROAS fell." }, up, guard.Propose, 100 * e, "alert"},
		"alert keeps the target up":             {func(_ *guard.Policy, f *guard.Facts) { f.Alert = "Its ROAS fell." }, target(4*e, 3_600_000), guard.Propose, 4 * e, "alert"},
		"alert cuts not by itself but lets cut": {func(_ *guard.Policy, f *guard.Facts) { f.Alert = "Its ROAS fell." }, down, guard.Propose, 90 * e, ""},
		"alerts are off":                        {func(p *guard.Policy, f *guard.Facts) { p.Alerts.DaysPerFalseAlarm, f.Alert = 0, "Its ROAS fell." }, up, guard.Propose, 110 * e, ""},
		"out of stock":                          {func(_ *guard.Policy, f *guard.Facts) { f.Unsellable = 0.26 }, up, guard.Propose, 100 * e, "stock"},
		"out of stock may shrink":               {func(_ *guard.Policy, f *guard.Facts) { f.Unsellable = 0.26 }, down, guard.Propose, 90 * e, ""},
		"unfit items":                           {func(_ *guard.Policy, f *guard.Facts) { f.UnfitSpend = 0.26 }, up, guard.Propose, 100 * e, "item_spend"},
		"unfit items may shrink":                {func(_ *guard.Policy, f *guard.Facts) { f.UnfitSpend = 0.26 }, down, guard.Propose, 90 * e, ""},
		"losing items, the limit is off":        {func(_ *guard.Policy, f *guard.Facts) { f.LosingSpend = 1 }, up, guard.Propose, 110 * e, ""},
		"losing items":                          {func(p *guard.Policy, f *guard.Facts) { p.Stock.MaxLosingSpend, f.LosingSpend = 0.5, 0.51 }, up, guard.Propose, 100 * e, "item_spend"},
		"stock suffices":                        {func(_ *guard.Policy, f *guard.Facts) { f.Unsellable = 0.25 }, up, guard.Propose, 110 * e, ""},
		"fatigue":                               {func(_ *guard.Policy, f *guard.Facts) { f.Fatigue = "Fewer click." }, up, guard.Propose, 100 * e, "creative_fatigue"},
		"fatigue may shrink":                    {func(_ *guard.Policy, f *guard.Facts) { f.Fatigue = "Fewer click." }, down, guard.Propose, 90 * e, ""},
		"mostly worn-out ads":                   {func(_ *guard.Policy, f *guard.Facts) { f.WornSpend, f.WornAds = 0.51, "Two ads." }, up, guard.Propose, 100 * e, "creative_fatigue"},
		"mostly worn-out ads may shrink":        {func(_ *guard.Policy, f *guard.Facts) { f.WornSpend = 0.9 }, down, guard.Propose, 90 * e, ""},
		"a small ad is worn out":                {func(_ *guard.Policy, f *guard.Facts) { f.WornSpend = 0.5 }, up, guard.Propose, 110 * e, ""},
		"worn-out ads, the limit is off":        {func(p *guard.Policy, f *guard.Facts) { p.Alerts.MaxWornSpend, f.WornSpend = 1, 1 }, up, guard.Propose, 110 * e, ""},
		"bid pressure":                          {func(_ *guard.Policy, f *guard.Facts) { f.BidPressure = "Clicks are dearer." }, up, guard.Propose, 100 * e, "bid_pressure"},
		"seen too often":                        {func(p *guard.Policy, f *guard.Facts) { p.MaxFrequency, f.Frequency = 4, 4.1 }, up, guard.Propose, 100 * e, "frequency"},
		"seen too often may shrink":             {func(p *guard.Policy, f *guard.Facts) { p.MaxFrequency, f.Frequency = 4, 4.1 }, down, guard.Propose, 90 * e, ""},
		"no frequency is known":                 {func(p *guard.Policy, _ *guard.Facts) { p.MaxFrequency = 4 }, up, guard.Propose, 110 * e, ""},
		"the same people":                       {func(_ *guard.Policy, f *guard.Facts) { f.Overlap, f.OverlapWith = 0.31, "Carts" }, up, guard.Propose, 100 * e, "audience_overlap"},
		"the same people may be dearer":         {func(_ *guard.Policy, f *guard.Facts) { f.Overlap, f.OverlapWith = 0.31, "Carts" }, target(4*e, 3_600_000), guard.Edit, 4 * e, "audience_overlap"},
		"the same people may shrink":            {func(_ *guard.Policy, f *guard.Facts) { f.Overlap, f.OverlapWith = 1, "Carts" }, down, guard.Propose, 90 * e, ""},
		"the same people, rolled back":          {func(_ *guard.Policy, f *guard.Facts) { f.Overlap, f.OverlapWith = 1, "Carts" }, up, guard.Rollback, 110 * e, ""},
		"few of the same people":                {func(_ *guard.Policy, f *guard.Facts) { f.Overlap, f.OverlapWith = 0.3, "Carts" }, up, guard.Propose, 110 * e, ""},
		"overlap is off":                        {func(p *guard.Policy, f *guard.Facts) { p.MaxOverlap, f.Overlap = 0, 1 }, up, guard.Propose, 110 * e, ""},
		"bid pressure is off": {func(p *guard.Policy, f *guard.Facts) {
			p.Alerts.BidPressure, f.BidPressure = false, "Clicks are dearer."
		}, up, guard.Propose, 110 * e, ""},
		"CAC ceiling":               {func(p *guard.Policy, _ *guard.Facts) { p.CACCeiling = 15 }, up, guard.Propose, 100 * e, "cac_ceiling"},
		"LTV:CAC":                   {func(_ *guard.Policy, f *guard.Facts) { f.LTVCAC = 2.9 }, up, guard.Propose, 100 * e, "ltv_cac"},
		"LTV:CAC unknown":           {func(_ *guard.Policy, f *guard.Facts) { f.LTVCAC = 0 }, up, guard.Propose, 110 * e, ""},
		"target kept at break-even": {func(_ *guard.Policy, f *guard.Facts) { f.BreakEven = 2.9 }, target(3*e, 2_700_000), guard.Propose, 2_900_000, "break_even_target"},
		"ceiling":                   {func(p *guard.Policy, _ *guard.Facts) { p.Limits.MaxBudget = 105 }, up, guard.Propose, 105 * e, "limits"},
		"above the ceiling already": {func(p *guard.Policy, _ *guard.Facts) { p.Limits.MaxBudget = 95 }, up, guard.Propose, 100 * e, "limits"},
		"a silent day":              {func(_ *guard.Policy, f *guard.Facts) { f.Silent = today - 1 }, down, guard.Propose, 100 * e, "tracking_outage"},
		"entity's own ceiling": {func(p *guard.Policy, _ *guard.Facts) {
			p.Limits.MaxBudget = 105
			p.Entities = []guard.EntityRule{{Match: "Shoes", Limits: guard.Limits{MaxBudget: 108}}}
		}, up, guard.Propose, 108 * e, "limits"},
		"floor":                            {func(p *guard.Policy, _ *guard.Facts) { p.Limits.MinBudget = 95 }, down, guard.Propose, 95 * e, "limits"},
		"platform's floor":                 {func(_ *guard.Policy, f *guard.Facts) { f.MinBudget = 95 * e }, down, guard.Propose, 95 * e, "limits"},
		"step up":                          {nil, budget(100*e, 150*e), guard.Propose, 115 * e, "step"},
		"step down":                        {nil, budget(100*e, 50*e), guard.Propose, 85 * e, "step"},
		"hard limit":                       {nil, budget(100*e, 150*e), guard.Edit, 120 * e, "step"},
		"target step":                      {nil, target(4*e, 2*e), guard.Propose, 3_400_000, "step"},
		"yen are whole":                    {yen, budget(1000*e, 1_099_900_000), guard.Propose, 1099 * e, ""},
		"few yen cannot":                   {yen, budget(5*e, 9*e), guard.Propose, 5 * e, "step+rounding"},
		"dinar":                            {dinar, budget(1_005_000, 1_100_500), guard.Propose, 1_100_000, ""},
		"value rules are off":              {nil, multiplier(e, 1_100_000), guard.Edit, e, "value_rules"},
		"value rule":                       {rules(nil), multiplier(e, 1_100_000), guard.Propose, 1_100_000, ""},
		"value rule's step":                {rules(nil), multiplier(e, 2*e), guard.Propose, 1_150_000, "step"},
		"value rule's ceiling":             {rules(nil), multiplier(1_900_000, 2_150_000), guard.Propose, 2 * e, "limits"},
		"value rule's floor":               {rules(nil), multiplier(540_000, 470_000), guard.Propose, 500_000, "limits"},
		"value rule needs no conversions":  {rules(func(_ *guard.Policy, f *guard.Facts) { f.Conversions, f.ROAS, f.LTVCAC = 0, 1, 1 }), multiplier(e, 1_100_000), guard.Propose, 1_100_000, ""},
		"value rule in cool-down":          {rules(func(_ *guard.Policy, f *guard.Facts) { f.LastChange = today - 6 }), multiplier(e, 1_100_000), guard.Propose, e, "cool_down"},
		"protected list":                   {rules(func(p *guard.Policy, _ *guard.Facts) { p.Protected = []string{"7"} }), multiplier(e, 1_100_000), guard.Propose, e, "protected"},
		"budgets' bounds are not a rule's": {rules(func(p *guard.Policy, _ *guard.Facts) { p.Limits.MinTarget, p.Limits.MaxTarget = 3, 9 }), multiplier(e, 900_000), guard.Propose, 900_000, ""},
		"nothing is added yet":             {rules(nil), added(0, 5*e), guard.Propose, 5 * e, ""},
		"added value's step":               {rules(nil), added(0, 40*e), guard.Propose, 7_500_000, "step"},
		"added value's hard limit":         {rules(nil), added(10*e, 40*e), guard.Edit, 22 * e, "step"},
		"added value's ceiling":            {rules(func(p *guard.Policy, _ *guard.Facts) { p.ValueRules.MaxMultiplier = 1.1 }), added(0, 40*e), guard.Propose, 5 * e, "limits"},
		"added value down to nothing":      {rules(nil), added(5*e, 0), guard.Propose, 0, ""},
		"added value below nothing":        {rules(nil), added(5*e, -e), guard.Propose, 5 * e, "numbers"},
		"added to no known order":          {rules(func(_ *guard.Policy, f *guard.Facts) { f.FirstOrder = 0 }), added(0, e), guard.Propose, 0, "numbers"},
		"new-customer value is off":        {rules(func(p *guard.Policy, _ *guard.Facts) { p.ValueRules.NewCustomerValue = false }), added(0, e), guard.Propose, 0, "value_rules"},
		"same value":                       {nil, budget(100*e, 100*e), guard.Propose, 100 * e, "rounding"},
		"NaN":                              {func(_ *guard.Policy, f *guard.Facts) { f.ROAS = math.NaN() }, up, guard.Propose, 100 * e, "numbers"},
		"infinite policy":                  {func(p *guard.Policy, _ *guard.Facts) { p.Step.HardLimit = math.Inf(1) }, up, guard.Propose, 100 * e, "numbers"},
		"no present value":                 {nil, budget(0, 10*e), guard.Propose, 0, "numbers"},
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

func anyFacts(t *rapid.T) guard.Facts {
	f := fine()
	oneOf := func(name string, xs ...float64) float64 { return rapid.SampledFrom(xs).Draw(t, name) }
	day := func(name string) civil.Date {
		if rapid.Bool().Draw(t, name+" known") {
			return today.AddDays(-rapid.IntRange(-1, 20).Draw(t, name))
		}
		return 0
	}
	f.Conversions = oneOf("conversions", 0, 15, 400, math.NaN(), math.Inf(1))
	f.ROAS = oneOf("roas", 0, 1, 5, math.Inf(-1))
	f.BreakEven = oneOf("break-even", 0, 2, 3)
	f.LastChange, f.LastOutage, f.Silent = day("change"), day("outage"), day("silence")
	f.Cycle = rapid.IntRange(0, 14).Draw(t, "cycle")
	f.BudgetUnit = money.Micros(rapid.SampledFrom([]int64{0, 1, 10_000, 1_000_000, 50_000_000}).Draw(t, "unit"))
	f.MinBudget = money.Micros(rapid.Int64Range(0, 50_000_000).Draw(t, "minimum"))
	f.Currency = rapid.SampledFrom([]string{"EUR", "JPY", "KWD"}).Draw(t, "currency")
	f.ExpectedCurrency = ""
	f.Alert = rapid.SampledFrom([]string{"", "Its ROAS fell."}).Draw(t, "alert")
	f.SpendAnomaly = rapid.SampledFrom([]string{"", "", "It stopped."}).Draw(t, "spend anomaly")
	f.Fatigue = rapid.SampledFrom([]string{"", "", "Fewer click."}).Draw(t, "fatigue")
	f.BidPressure = rapid.SampledFrom([]string{"", "", "Clicks are dearer."}).Draw(t, "bid pressure")
	f.WornSpend = oneOf("worn-out ads", 0, 0.2, 0.9, math.NaN())
	f.Frequency = oneOf("frequency", 0, 3, 9, math.Inf(1))
	f.Overlap = oneOf("overlap", 0, 0.2, 1, math.NaN())
	f.Unsellable = oneOf("unsellable", 0, 0.2, 0.9, math.NaN())
	f.FirstOrder = money.Micros(rapid.SampledFrom([]int64{0, -1, 40_000_000, math.MaxInt64}).Draw(t, "first order"))
	return f
}

func anyPolicy(t *rapid.T) guard.Policy {
	p := guard.Default()
	p.Step.HardLimit = rapid.SampledFrom([]float64{0.05, 0.2, 1, math.NaN(), math.Inf(1), -1}).Draw(t, "hard limit")
	p.Step.Default = p.Step.HardLimit * rapid.SampledFrom([]float64{0.1, 0.75, 1}).Draw(t, "step")
	p.Limits.MaxBudget = rapid.SampledFrom([]float64{0, 10, 1000}).Draw(t, "max")
	p.Limits.MinBudget = rapid.SampledFrom([]float64{0, 5}).Draw(t, "min")
	p.Protected = rapid.SampledFrom([][]string{nil, {"b1"}, {"other"}}).Draw(t, "protected")
	p.MaxOverlap = rapid.SampledFrom([]float64{0, 0.3, 1}).Draw(t, "max overlap")
	p.MaxFrequency = rapid.SampledFrom([]float64{0, 4}).Draw(t, "max frequency")
	p.TotalDailyCap = rapid.SampledFrom([]float64{0, 100, 3000}).Draw(t, "cap")
	p.ValueRules.Enabled = rapid.Bool().Draw(t, "value rules")
	p.ValueRules.NewCustomerValue = p.ValueRules.Enabled && rapid.Bool().Draw(t, "new-customer value")
	p.ValueRules.MaxMultiplier = rapid.SampledFrom([]float64{1.01, 2, 10}).Draw(t, "most")
	return p
}

// No input whatever yields a change above the hard limit, beyond a bound it was
// within, on a protected entity, during an outage or a spend anomaly, in
// cool-down or twice a day, nor anything scaled up under an alert.
func TestNoInputGetsPast(t *testing.T) {
	t.Parallel()
	fields := []platform.Field{platform.DailyBudget, platform.TargetROAS, platform.CPCBid, platform.ROASFloor, platform.BidAmount, platform.ValueMultiplier, platform.NewCustomerValue}
	rapid.Check(t, func(t *rapid.T) {
		p, f := anyPolicy(t), anyFacts(t)
		c := platform.Change{Entity: platform.Ref{Type: platform.Budget, ID: "b1"}, Field: rapid.SampledFrom(fields).Draw(t, "field"),
			Seen:  money.Micros(rapid.OneOf(rapid.Int64Range(1, 2_000_000_000), rapid.Int64()).Draw(t, "seen")),
			Value: money.Micros(rapid.OneOf(rapid.Int64Range(1, 2_000_000_000), rapid.Int64()).Draw(t, "value"))}
		mode := rapid.SampledFrom([]guard.Mode{guard.Propose, guard.Edit, guard.Rollback}).Draw(t, "mode")
		got, said := guard.Check(p, mode, f, c)
		if got == c.Seen {
			if !guard.Blocked(said) && c.Value != c.Seen {
				t.Fatalf("no change and no block: %v", said)
			}
			return
		}
		limit := p.Step.HardLimit
		if mode == guard.Propose {
			limit = p.Step.Default
		}
		moved, base := math.Abs(float64(got)-float64(c.Seen)), float64(c.Seen)
		if c.Field == platform.NewCustomerValue {
			base += float64(f.FirstOrder)
		}
		switch rules := p.ValueRules; {
		case c.Field.TellsWorth() && !rules.Enabled, c.Field == platform.NewCustomerValue && (!rules.NewCustomerValue || f.FirstOrder <= 0):
			t.Fatal("a value rule changed although it is off")
		case c.Field == platform.ValueMultiplier && (got > c.Seen && got.Float() > rules.MaxMultiplier || got < c.Seen && got.Float() < rules.MinMultiplier):
			t.Fatalf("a multiplier of %v", got)
		case c.Field == platform.NewCustomerValue && (got < 0 || got > c.Seen && got.Float() > (rules.MaxMultiplier-1)*f.FirstOrder.Float()+1e-6):
			t.Fatalf("%v is added to a first order of %v", got, f.FirstOrder)
		}
		switch {
		case !(limit > 0 && limit <= 1) || math.IsNaN(f.Conversions) || math.IsInf(f.Conversions, 0) || math.IsInf(f.ROAS, 0):
			t.Fatal("a change although a number is none")
		case moved > limit*base*(1+1e-12):
			t.Fatalf("%v to %v is beyond the limit of %v", c.Seen, got, limit)
		case (got > c.Seen) != (c.Value > c.Seen):
			t.Fatalf("asked for %v from %v, got %v", c.Value, c.Seen, got)
		case moved > math.Abs(float64(c.Value)-float64(c.Seen)):
			t.Fatalf("asked for %v from %v, got more: %v", c.Value, c.Seen, got)
		case len(p.Protected) > 0 && p.Protected[0] == "b1":
			t.Fatal("a protected entity is changed")
		case !f.LastOutage.IsZero() && today.Sub(f.LastOutage) <= 3:
			t.Fatal("changed during an outage")
		case !f.Silent.IsZero():
			t.Fatal("changed after a day of silence")
		case !f.LastChange.IsZero() && f.LastChange >= today:
			t.Fatal("changed twice a day")
		case mode != guard.Rollback && !f.LastChange.IsZero() && today.Sub(f.LastChange) < max(7, f.Cycle):
			t.Fatal("changed in cool-down")
		}
		if !c.Field.TellsWorth() && mode != guard.Rollback {
			if worse := f.Alert+f.Fatigue+f.BidPressure != "" || f.Unsellable > 0.25 || f.WornSpend > 0.5 || p.MaxFrequency > 0 && f.Frequency > p.MaxFrequency || p.MaxOverlap > 0 && f.Overlap > p.MaxOverlap; worse && (got > c.Seen) != c.Field.IsTarget() {
				t.Fatalf("%v grew from %v under an alert: %+v", c.Field, c.Seen, f)
			}
			if f.SpendAnomaly != "" {
				t.Fatal("changed during a spend anomaly")
			}
		}
		if c.Field == platform.DailyBudget {
			lo, hi := max(p.Limits.MinBudget, f.MinBudget.Float()), p.Limits.MaxBudget
			if got > c.Seen && hi > 0 && got.Float() > hi || got < c.Seen && got.Float() < lo {
				t.Fatalf("%v is outside [%v, %v]", got, lo, hi)
			}
			if f.BudgetUnit > 0 && got%f.BudgetUnit != 0 {
				t.Fatalf("%v is no multiple of %v", got, f.BudgetUnit)
			}
		}
		c.Value = got
		if v := guard.CheckPush(p, guard.Facts{Name: f.Name, Campaigns: f.Campaigns, Currency: f.Currency, Today: f.Today}, c); v.Answer != guard.Pass {
			t.Fatalf("what the same policy allowed is not pushed: %+v", v)
		}
	})
}

func TestThePolicyIsAskedAgainAtThePush(t *testing.T) {
	t.Parallel()
	const e = money.One
	multiplier := platform.Change{Entity: platform.Ref{Type: platform.ValueRule, ID: "7"}, Field: platform.ValueMultiplier, Seen: e, Value: 1_100_000}
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
		"value rules are off":   {func(*guard.Policy) {}, multiplier, "value_rules value_rules.enabled"},
		"value rules are on":    {func(p *guard.Policy) { p.ValueRules.Enabled = true }, multiplier, ""},
		"of a campaign by rule": {func(p *guard.Policy) { p.Entities = []guard.EntityRule{{Match: "c1", Protected: true}} }, budget(100*e, 90*e), "protected entities.c1.protected"},
	} {
		p := guard.Default()
		c.edit(&p)
		v := guard.CheckPush(p, fine(), c.change)
		if got := strings.TrimSpace(v.Name + " " + v.Setting); got != c.by || (v.Answer == guard.Block) != (c.by != "") {
			t.Errorf("%s: %+v, want %q", name, v, c.by)
		}
	}
}

func TestRunKeepsTheCapAndTheMovement(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := anyPolicy(t)
		p.MaxMovement = rapid.Float64Range(0.001, 1).Draw(t, "movement")
		var items []guard.Item
		var sum money.Micros
		for range rapid.IntRange(0, 12).Draw(t, "n") {
			seen := money.Micros(rapid.Int64Range(1, 500).Draw(t, "seen")) * money.One
			value := money.Micros(float64(seen) * rapid.Float64Range(0.8, 1.2).Draw(t, "to"))
			items = append(items, guard.Item{Change: budget(seen, value/10_000*10_000), Unit: 10_000, Gain: rapid.Float64().Draw(t, "gain")})
			sum += seen
		}
		run := guard.Run{Currency: "EUR", Budgets: sum, Moved: money.Micros(rapid.Int64Range(0, 100_000_000).Draw(t, "moved"))}
		var after, movement money.Micros
		raised := false
		for i, d := range guard.CheckRun(p, run, items) {
			it := items[i]
			if it.Value > it.Seen && (d.Value > it.Value || d.Value < it.Seen) || it.Value < it.Seen && (d.Value < it.Value || d.Value > it.Seen) {
				t.Fatalf("%v to %v became %v", it.Seen, it.Value, d.Value)
			}
			if d.Value != it.Value && len(d.Verdicts) == 0 {
				t.Fatal("shortened without a reason")
			}
			after += d.Value
			movement += max(d.Value-it.Seen, it.Seen-d.Value)
			raised = raised || d.Value > it.Seen
		}
		if movement > 0 && (movement+run.Moved).Float() > p.MaxMovement*sum.Float()+1e-6 {
			t.Fatalf("moved %v of %v, %v before", movement, sum, run.Moved)
		}
		if raised && p.TotalDailyCap > 0 && after.Float() > p.TotalDailyCap {
			t.Fatalf("raised to %v, above the cap of %v", after, p.TotalDailyCap)
		}
	})
}

func TestRunPrefersWhatGainsMost(t *testing.T) {
	t.Parallel()
	p := guard.Default()
	p.TotalDailyCap = 305
	const e = money.One
	items := []guard.Item{
		{Change: budget(100*e, 110*e), Unit: e, Gain: 1},
		{Change: budget(100*e, 110*e), Unit: e, Gain: 5},
		{Change: budget(100*e, 92*e), Unit: e, Gain: 2},
	}
	var got []money.Micros
	for _, d := range guard.CheckRun(p, guard.Run{Currency: "EUR", Budgets: 300 * e}, items) {
		got = append(got, d.Value)
	}
	if want := []money.Micros{103 * e, 110 * e, 92 * e}; !cmp.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if v := guard.CheckCap(p, "EUR", 300*e, items[0].Change); v.Answer != guard.Block {
		t.Errorf("without the cut the increase passes: %v", v)
	}
	if v := guard.CheckCap(p, "EUR", 292*e, items[0].Change); v.Answer != guard.Pass {
		t.Errorf("after the cut the increase is refused: %v", v)
	}
}

func TestAnEmptyPolicyIsTheDefault(t *testing.T) {
	t.Parallel()
	p, err := guard.Parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(guard.Default(), p); d != "" {
		t.Error(d)
	}
}

func TestPolicyErrorsNameTheKey(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"step: {default: 0.3}":                            "step.default",
		"step: {hard_limit: .nan}":                        "step.hard_limit",
		"cool_down: {days: -1}":                           "cool_down.days",
		"limits: {min_budget: 5, max_budget: 4}":          "limits.min_budget",
		"max_movement: 2":                                 "max_movement",
		"total_daily_cap: -5":                             "total_daily_cap",
		"alerts: {days_per_false_alarm: 5}":               "alerts.days_per_false_alarm",
		"alerts: {fall: .nan}":                            "alerts.fall",
		"alerts: {max_worn_spend: 50}":                    "alerts.max_worn_spend",
		"spend_anomaly: {days: -1}":                       "spend_anomaly.days",
		"spend_anomaly: {beyond: -0.1}":                   "spend_anomaly.beyond",
		"max_frequency: -1":                               "max_frequency",
		"max_overlap: 30":                                 "max_overlap",
		"stock: {max_unsellable: 25}":                     "stock.max_unsellable",
		"stock: {max_unfit_spend: -1}":                    "stock.max_unfit_spend",
		"stock: {max_losing_spend: 2}":                    "stock.max_losing_spend",
		"expiry_hours: 0":                                 "expiry_hours",
		"freshness: {max_age_days: 0}":                    "freshness.max_age_days",
		"black_out: [{from: 2026-05-02, to: 2026-05-01}]": "black_out[0]",
		"entities: [{max_budget: 4}]":                     "entities[0].match",
		"auto_approve: {fields: {budget: {}}}":            "auto_approve.fields.budget",
		"value_rules: {min_multiplier: 0.4}":              "value_rules.min_multiplier",
		"value_rules: {max_multiplier: 11}":               "value_rules.max_multiplier",
		"value_rules: {max_multiplier: 1}":                "value_rules.max_multiplier",
		"value_rules: {new_customer_value: true}":         "value_rules.new_customer_value",
		"auto_approve: {fields: {value_multiplier: {}}}":  "auto_approve.fields.value_multiplier",
		"stepp: {}":                         "stepp",
		"exclude: {groups: [colour]}":       "exclude.groups[0]",
		"exclude: {groups: [brand, brand]}": "exclude.groups[1]",
		"step: [":                           "policy",
	} {
		if _, err := guard.Parse([]byte(body)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error naming %s", body, err, want)
		}
	}
}

func TestAutoApprovalKeepsWithinItsCaps(t *testing.T) {
	t.Parallel()
	const e = money.One
	a := guard.AutoApprove{Enabled: true, Fields: map[platform.Field]guard.AutoCaps{
		platform.DailyBudget: {PerItem: 0.10, PerRun: 0.05, PerDay: 0.06, MaxPerRun: 2, MaxPerDay: 10}}}
	items := []platform.Change{budget(100*e, 111*e), budget(100*e, 110*e), budget(100*e, 104*e), budget(100*e, 101*e),
		{Field: platform.TargetROAS, Seen: 3 * e, Value: 3_100_000}}
	check := func(a guard.AutoApprove, budgets money.Micros, before []platform.Change, want ...bool) {
		t.Helper()
		for i, why := range guard.AutoApprovable(a, budgets, before, items) {
			if (why == "") != want[i] {
				t.Errorf("item %d: %q, want yes = %v", i, why, want[i])
			}
		}
	}
	check(a, 1000*e, nil, false, true, true, false, false)                                      // two changes a run
	check(a, 1000*e, []platform.Change{budget(100*e, 156*e)}, false, false, true, false, false) // 56 of the day's 60 are gone
	check(a, 200*e, nil, false, true, false, false, false)                                      // 10 a run
	items = []platform.Change{{Entity: platform.Ref{Type: platform.ProductGroup}, Field: platform.Excluded, Value: e}, {Entity: platform.Ref{Type: platform.Item}, Field: platform.Excluded, Value: e}}
	a.Fields[platform.Excluded] = guard.AutoCaps{MaxPerRun: 9, MaxPerDay: 9}
	check(a, 1000*e, nil, false, true) // a group is left to people
	a.Enabled = false
	check(a, 1000*e, nil, false, false)
}
