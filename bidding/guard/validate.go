package guard

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// Validate returns one clear error for each wrong value, joined.
func (p Policy) Validate() error {
	v := &validation{}
	p.validateChanges(v)
	p.validateBounds(v)
	p.validateEvidence(v)
	p.validateGrowth(v)
	p.validateGoal(v)
	p.ValueRules.validate(v)
	p.Exclude.validate(v)
	p.validateMonths(v)
	p.AutoApprove.validate(v)
	if err := p.Incremental.Validate(); err != nil {
		v.errs = append(v.errs, err)
	}
	return errors.Join(v.errs...)
}

// validation gathers what is wrong.
type validation struct{ errs []error }

func (v *validation) check(ok bool, key string, value any, must string) {
	if !ok {
		v.errs = append(v.errs, &wrong{key, fmt.Sprintf("%v; it must be %s", value, must)})
	}
}

func (v *validation) within(key string, x, lo, hi float64) {
	v.check(x >= lo && x <= hi, key, x, fmt.Sprintf("between %g and %g", lo, hi))
}

func (v *validation) share(key string, x float64) { v.within(key, x, 0, 1) }

func (v *validation) amount(key string, x float64) {
	v.check(x >= 0 && x <= 9e12, key, x, "a finite amount of at least 0 (0: none)")
}

func (v *validation) limits(key string, l Limits) {
	for _, b := range []struct {
		name   string
		lo, hi float64
	}{{"budget", l.MinBudget, l.MaxBudget}, {"target", l.MinTarget, l.MaxTarget}, {"bid", l.MinBid, l.MaxBid}} {
		v.amount(key+".min_"+b.name, b.lo)
		v.amount(key+".max_"+b.name, b.hi)
	}
}

// validateChanges is about how large changes are, how often they come and how long
// they wait.
func (p Policy) validateChanges(v *validation) {
	v.check(p.Step.HardLimit > 0 && p.Step.HardLimit <= 1, "step.hard_limit", p.Step.HardLimit, "above 0 and at most 1 (0.20 is 20 %)")
	v.check(p.Step.Default > 0 && p.Step.Default <= p.Step.HardLimit, "step.default", p.Step.Default, "above 0 and at most step.hard_limit")
	v.within("cool_down.days", float64(p.CoolDown.Days), 0, 365)
	v.within("cool_down.rejected_days", float64(p.CoolDown.RejectedDays), 0, 365)
	v.within("change_by_others.hours", float64(p.ChangeByOthers.Hours), 0, 24*365)
	for i, b := range p.BlackOut {
		key := fmt.Sprintf("black_out[%d]", i)
		v.check(!b.From.IsZero(), key+".from", "missing", "the first date on which nothing is changed")
		v.check(!b.To.IsZero(), key+".to", "missing", "the last date on which nothing is changed; for one day that of from")
		v.check(b.From <= b.To || b.To.IsZero(), key, b.From.String()+" to "+b.To.String(), "from a date to the same or a later one")
	}
	v.check(p.MaxMovement > 0 && p.MaxMovement <= 1, "max_movement", p.MaxMovement, "above 0 and at most 1")
	v.share("dead_band.change", p.DeadBand.Change)
	v.amount("dead_band.min_gain", p.DeadBand.MinGain)
	v.within("expiry_hours", float64(p.ExpiryHours), 1, 24*30)
	v.check(p.Rollback.Probability == 0 || p.Rollback.Probability >= 0.5 && p.Rollback.Probability < 1, "rollback.probability", p.Rollback.Probability,
		"0 (never) or at least 0.5 and below 1")
	v.amount("rollback.min_loss", p.Rollback.MinLoss)
}

// validateBounds is about floors, ceilings and caps. It refuses what leaves no value:
// for what the rules of one name mean, and for all else, the floor must lie below the
// ceiling, and a budget's below the total cap.
func (p Policy) validateBounds(v *validation) {
	v.limits("limits", p.Limits)
	rules := map[string][]EntityRule{"": nil}
	for i, e := range p.Entities {
		key := fmt.Sprintf("entities[%d]", i)
		v.check(e.Match != "", key+".match", `""`, "the id or name of an entity")
		v.limits(key, e.Limits)
		rules[e.Match] = append(rules[e.Match], e)
	}
	for i, s := range p.Protected {
		v.check(s != "", fmt.Sprintf("protected[%d]", i), `""`, "the id or name of an entity")
	}
	v.amount("total_daily_cap", p.TotalDailyCap)
	v.amount("total_monthly_cap", p.TotalMonthlyCap)
	most, setting, capped := p.Cap()
	told := map[string]bool{} // what holds for all is told once
	below := func(ok bool, key string, lo money.Micros, must string) {
		if !ok && !told[key+must] {
			told[key+must] = true
			v.check(false, key, lo.Decimal(), must)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		of := Policy{Limits: p.Limits, Entities: rules[name]}
		for _, field := range []platform.Field{platform.DailyBudget, platform.ROASFloor, platform.BidAmount} {
			lo, hi, loKey, hiKey := of.bounds(Facts{Name: name}, platform.Change{Field: field})
			below(hi == 0 || lo <= hi, loKey, lo, fmt.Sprintf("at most %s (%s)", hiKey, hi.Decimal()))
			below(!capped || field != platform.DailyBudget || lo.Float() <= most, loKey, lo, fmt.Sprintf("at most what %s leaves a day (%.2f)", setting, most))
		}
	}
}

// validateEvidence is about what has to be known before anything is changed.
func (p Policy) validateEvidence(v *validation) {
	v.within("minimum.window_days", float64(p.Minimum.WindowDays), 7, 90)
	v.amount("minimum.conversions", p.Minimum.Conversions)
	v.amount("minimum.spend", p.Minimum.Spend)
	v.within("freshness.max_age_days", float64(p.Freshness.MaxAgeDays), 1, 30)
	v.within("tracking_outage.freeze_days", float64(p.TrackingOutage.FreezeDays), 1, 30)
	v.within("spend_anomaly.days", float64(p.SpendAnomaly.Days), 0, 30)
	v.within("spend_anomaly.beyond", p.SpendAnomaly.Beyond, 0, 10)
}

// validateGrowth is about what keeps anything from being scaled up.
func (p Policy) validateGrowth(v *validation) {
	v.within("break_even", p.BreakEven, 0, 10)
	v.amount("cac_ceiling", p.CACCeiling)
	v.within("ltv_cac_floor", p.LTVCACFloor, 0, 100)
	v.check(p.Alerts.DaysPerFalseAlarm == 0 || p.Alerts.DaysPerFalseAlarm >= 30 && p.Alerts.DaysPerFalseAlarm <= 1e5,
		"alerts.days_per_false_alarm", p.Alerts.DaysPerFalseAlarm, "0 (off) or between 30 and 100000")
	v.within("alerts.fall", p.Alerts.Fall, 0.1, 0.9)
	v.share("alerts.max_worn_spend", p.Alerts.MaxWornSpend)
	v.within("max_frequency", p.MaxFrequency, 0, 1000)
	v.share("max_overlap", p.MaxOverlap)
	v.share("stock.max_unsellable", p.Stock.MaxUnsellable)
	v.share("stock.max_unfit_spend", p.Stock.MaxUnfitSpend)
	v.share("stock.max_losing_spend", p.Stock.MaxLosingSpend)
}

// validateGoal is about what of the uncertain profit is aimed at.
func (p Policy) validateGoal(v *validation) {
	switch r := p.Risk; r.Objective {
	case "", "mean", "quantile", "cvar":
		v.check(r.Level > 0 && r.Level < 1 || r.Objective == "" && r.Level == 0, "risk.level", r.Level, "above 0 and below 1 (0.2 is the worst 20 %)")
	default:
		v.check(false, "risk.objective", r.Objective, "mean, quantile or cvar")
	}
	v.share("risk.doubt", p.Risk.Doubt)
	v.within("risk.caution", p.Risk.Caution, 0, 10)
	v.amount("explore.budget_per_day", p.Explore.BudgetPerDay)
	v.check(p.Explore.BudgetPerDay == 0 || p.Risk.Objective == "" || p.Risk.Objective == "mean", "explore.budget_per_day", p.Explore.BudgetPerDay,
		"0 where risk.objective is not mean: exploring takes risks on purpose")
	v.share("explore.max_cost_share", p.Explore.MaxCostShare)
}

func (r ValueRules) validate(v *validation) {
	v.check(r.MinMultiplier >= leastMultiplier && r.MinMultiplier <= 1, "value_rules.min_multiplier", r.MinMultiplier,
		fmt.Sprintf("between %g, the least Google takes, and 1", leastMultiplier))
	v.check(r.MaxMultiplier > 1 && r.MaxMultiplier <= mostMultiplier, "value_rules.max_multiplier", r.MaxMultiplier,
		fmt.Sprintf("above 1 and at most %d, the most Google takes", mostMultiplier))
	v.check(r.Enabled || !r.NewCustomerValue, "value_rules.new_customer_value", r.NewCustomerValue, "false while value_rules.enabled is")
}

func (e Exclude) validate(v *validation) {
	v.amount("exclude.min_spend", e.MinSpend)
	v.within("exclude.min_clicks", float64(e.MinClicks), 1, 1e6)
	v.check(e.Probability > 0.5 && e.Probability < 1, "exclude.probability", e.Probability, "above 0.5 and below 1")
	v.share("exclude.max_items", e.MaxItems)
	v.share("exclude.max_spend", e.MaxSpend)
	v.within("exclude.max_per_night", float64(e.MaxPerNight), 0, 1000)
	v.within("exclude.again_days", float64(e.AgainDays), 1, 3650)
	for i, g := range e.Groups {
		v.check(slices.Contains(groupAttributes, g) && !slices.Contains(e.Groups[:i], g), fmt.Sprintf("exclude.groups[%d]", i), g,
			"each of item_group_id, product_type and brand once at most")
	}
}

func (a AutoApprove) validate(v *validation) {
	for _, f := range slices.Sorted(maps.Keys(a.Fields)) {
		key, c := "auto_approve.fields."+string(f), a.Fields[f]
		switch f {
		case platform.DailyBudget, platform.TargetROAS, platform.CPCBid, platform.BidAmount, platform.ROASFloor, platform.Excluded:
		default:
			v.check(false, key, "not a field", "daily_budget, target_roas, cpc_bid, bid_amount, roas_floor or excluded")
		}
		v.share(key+".per_item", c.PerItem)
		v.share(key+".per_run", c.PerRun)
		v.share(key+".per_day", c.PerDay)
		v.within(key+".max_per_run", float64(c.MaxPerRun), 0, 1e6)
		v.within(key+".max_per_day", float64(c.MaxPerDay), 0, 1e6)
	}
}
