package guard

import (
	"fmt"
	"math"
	"time"

	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// rule is one guardrail: a pure function that answers pass, clamp (and to what)
// or block.
type rule struct {
	name   string
	about  about
	clamps bool
	ask    func(Policy, Mode, Facts, platform.Change) (Verdict, money.Micros)
}

// about says which fields a guardrail speaks of. What a campaign sold and spent
// is no evidence for or against a value rule, which concerns all campaigns and
// rests on the shop's own orders.
type about int

const (
	every about = iota
	spend       // budgets, targets and bids
	worth       // what sales are worth: value rules
)

func (a about) covers(f platform.Field) bool { return a == every || (a == worth) == f.TellsWorth() }

// rules is every guardrail on a single change, in the order of Check.
var rules = []rule{
	{"kill_switch", every, false, killSwitch},
	{"numbers", every, false, numbers},
	{"value_rules", worth, false, valueRules},
	{"protected", every, false, protected},
	{"read_only", every, false, readOnly},
	{"experiment", spend, false, experiment},
	{"currency", every, false, currency},
	{"time_zone", every, false, timeZone},
	{"black_out", every, false, blackOut},
	{"freshness", every, false, freshness},
	{"tracking_outage", every, false, trackingOutage},
	{"spend_anomaly", spend, false, spendAnomaly},
	{"minimum_data", spend, false, minimumData},
	{"changed_by_others", every, false, changedByOthers},
	{"once_a_day", every, false, onceADay},
	{"cool_down", every, false, coolDown},
	{"rejected", every, false, rejected},
	{"learning", spend, false, learning},
	{"break_even", spend, false, breakEven},
	{"cac_ceiling", spend, false, cacCeiling},
	{"ltv_cac", spend, false, ltvCAC},
	{"monthly_pace", spend, false, monthlyPace},
	{"alert", spend, false, alert},
	{"stock", spend, false, stock},
	{"item_spend", spend, false, itemSpend},
	{"frequency", spend, false, frequency},
	{"creative_fatigue", spend, false, creativeFatigue},
	{"bid_pressure", spend, false, bidPressure},
	{"audience_overlap", spend, false, audienceOverlap},
	{"break_even_target", spend, true, breakEvenTarget},
	{"limits", every, true, limits},
	{"step", every, true, step},
	{"rounding", every, true, rounding},
}

func pass() (Verdict, money.Micros) { return Verdict{Answer: Pass}, 0 }

func block(setting, format string, args ...any) (Verdict, money.Micros) {
	return Verdict{Answer: Block, Setting: setting, Detail: fmt.Sprintf(format, args...)}, 0
}

func clamp(to money.Micros, setting, format string, args ...any) (Verdict, money.Micros) {
	return Verdict{Answer: Clamp, Setting: setting, Detail: fmt.Sprintf(format, args...)}, to
}

// grows reports whether a change buys more: a higher budget or bid, a lower target.
func grows(c platform.Change) bool { return (c.Value > c.Seen) != c.Field.IsTarget() }

// show writes a value of a field for people.
func show(f Facts, field platform.Field, v money.Micros) string {
	if field.IsRatio() {
		return v.Decimal()
	}
	return money.Format(v, f.Currency)
}

func killSwitch(_ Policy, _ Mode, f Facts, _ platform.Change) (Verdict, money.Micros) {
	if f.KillSwitch != "" {
		return block("kill switch", "The kill switch is on: %s.", f.KillSwitch)
	}
	return pass()
}

func numbers(p Policy, _ Mode, f Facts, c platform.Change) (Verdict, money.Micros) {
	added := c.Field == platform.NewCustomerValue // nothing added is a value too
	switch {
	case !f.sane():
		return block("none", "A figure of this entity is not a number.")
	case p.Validate() != nil:
		return block("the policy", "The policy is not valid.")
	case added && f.FirstOrder <= 0:
		return block("none", "The mean first order, to which the value is added, is not known.")
	case added && (c.Seen < 0 || c.Value < 0):
		return block("none", "The value would be below zero.")
	case !added && (c.Seen <= 0 || c.Value <= 0):
		return block("none", "There is no present value to change, or the new one is not above zero.")
	case c.Seen > maxValue || c.Value > maxValue || f.FirstOrder > maxValue:
		return block("none", "The value is beyond any amount a platform takes.")
	}
	return pass()
}

// maxValue keeps sums and products of values far from overflow.
const maxValue = 9_000_000_000 * money.One

func valueRules(p Policy, _ Mode, _ Facts, c platform.Change) (Verdict, money.Micros) {
	switch {
	case !p.ValueRules.Enabled:
		return block("value_rules.enabled", "Value rules are off in the policy.")
	case c.Field == platform.NewCustomerValue && !p.ValueRules.NewCustomerValue:
		return block("value_rules.new_customer_value", "The new-customer value is off in the policy.")
	}
	return pass()
}

func protected(p Policy, _ Mode, f Facts, c platform.Change) (Verdict, money.Micros) {
	for _, s := range p.Protected {
		if f.is(c.Entity.ID, s) {
			return block("protected", "%q is protected.", s)
		}
	}
	for _, e := range p.Entities {
		if e.Protected && f.is(c.Entity.ID, e.Match) {
			return block("entities."+e.Match+".protected", "%q is protected.", e.Match)
		}
	}
	return pass()
}

func readOnly(_ Policy, _ Mode, f Facts, _ platform.Change) (Verdict, money.Micros) {
	if f.ReadOnly != "" {
		return block("none", "It cannot be changed: %s.", f.ReadOnly)
	}
	return pass()
}

func experiment(p Policy, _ Mode, f Facts, _ platform.Change) (Verdict, money.Micros) {
	if p.Experiments.Protect && f.Experiment != "" {
		return block("experiments.protect", "The experiment %q is running on it; any other change would spoil what it measures.", f.Experiment)
	}
	return pass()
}

func currency(_ Policy, _ Mode, f Facts, _ platform.Change) (Verdict, money.Micros) {
	if f.ExpectedCurrency != "" && f.Currency != f.ExpectedCurrency {
		return block("currency", "The ad account is in %s, the configuration says %s.", f.Currency, f.ExpectedCurrency)
	}
	return pass()
}

func timeZone(_ Policy, _ Mode, f Facts, _ platform.Change) (Verdict, money.Micros) {
	if f.ExpectedTimeZone != "" && f.TimeZone != f.ExpectedTimeZone {
		return block("time_zone", "The ad account's time zone is %s, the configuration says %s; if that is meant so, give the platform its own time_zone there.", f.TimeZone, f.ExpectedTimeZone)
	}
	return pass()
}

func blackOut(p Policy, _ Mode, f Facts, _ platform.Change) (Verdict, money.Micros) {
	for _, b := range p.BlackOut {
		if f.Today >= b.From && f.Today <= b.To {
			reason := ""
			if b.Reason != "" {
				reason = " (" + b.Reason + ")"
			}
			return block("black_out", "No changes from %s to %s%s.", b.From, b.To, reason)
		}
	}
	return pass()
}

func freshness(p Policy, m Mode, f Facts, _ platform.Change) (Verdict, money.Micros) {
	switch {
	case m == Rollback:
	case f.LastData.IsZero():
		return block("freshness.max_age_days", "The platform has reported nothing yet.")
	case f.Today.Sub(f.LastData) > p.Freshness.MaxAgeDays:
		return block("freshness.max_age_days", "The newest figures are of %s, more than %d days ago.", f.LastData, p.Freshness.MaxAgeDays)
	}
	return pass()
}

func trackingOutage(p Policy, _ Mode, f Facts, _ platform.Change) (Verdict, money.Micros) {
	if !f.LastOutage.IsZero() && f.Today.Sub(f.LastOutage) <= p.TrackingOutage.FreezeDays {
		return block("tracking_outage.freeze_days", "Tracking was down on %s: money was spent and almost no conversions were reported. Nothing is changed for %d days.",
			f.LastOutage, p.TrackingOutage.FreezeDays)
	}
	if !f.Silent.IsZero() {
		return block("tracking_outage.freeze_days", "No conversion is reported for %s, though money was spent: whether tracking works cannot be told. Changes wait for the next conversion.", f.Silent)
	}
	return pass()
}

func minimumData(p Policy, m Mode, f Facts, _ platform.Change) (Verdict, money.Micros) {
	switch {
	case m == Rollback:
	case f.Conversions < p.Minimum.Conversions:
		return block("minimum.conversions", "It has %.0f conversions in %d days, fewer than %.0f.", f.Conversions, p.Minimum.WindowDays, p.Minimum.Conversions)
	case f.Spend < p.Minimum.Spend:
		return block("minimum.spend", "It spent %.2f in %d days, less than %.2f.", f.Spend, p.Minimum.WindowDays, p.Minimum.Spend)
	}
	return pass()
}

func changedByOthers(p Policy, m Mode, f Facts, _ platform.Change) (Verdict, money.Micros) {
	since := f.Now.Sub(f.LastChangeByOther)
	if m == Rollback || f.LastChangeByOther.IsZero() || since >= time.Duration(p.ChangeByOthers.Hours)*time.Hour {
		return pass()
	}
	who := f.OtherActor
	if who == "" {
		who = "Somebody else"
	}
	return block("change_by_others.hours", "%s changed it on %s, less than %d hours ago.", who, f.LastChangeByOther.UTC().Format("2006-01-02 15:04 UTC"), p.ChangeByOthers.Hours)
}

// onceADay has no setting: on Google a day may spend twice the highest budget
// set that day, so a second change undoes nothing.
func onceADay(_ Policy, _ Mode, f Facts, _ platform.Change) (Verdict, money.Micros) {
	if !f.LastChange.IsZero() && f.LastChange >= f.Today {
		return block("none", "It was already changed today.")
	}
	return pass()
}

func coolDown(p Policy, m Mode, f Facts, _ platform.Change) (Verdict, money.Micros) {
	days := max(p.CoolDown.Days, f.Cycle)
	if m != Rollback && !f.LastChange.IsZero() && f.Today.Sub(f.LastChange) < days {
		return block("cool_down.days", "It was changed on %s; the next change may come on %s.", f.LastChange, f.LastChange.AddDays(days))
	}
	return pass()
}

// rejected keeps the plan from asking every night what somebody has just said no to.
// The other way is another question, and who edits or rolls back knows what they do.
func rejected(p Policy, m Mode, f Facts, c platform.Change) (Verdict, money.Micros) {
	for _, r := range f.Refused {
		if again := r.On.AddDays(p.CoolDown.RejectedDays); m == Propose && r.Field == c.Field && r.Up == (c.Value > c.Seen) && f.Today < again {
			way := "Lowering"
			if r.Up {
				way = "Raising"
			}
			return block("cool_down.rejected_days", "%s it was rejected on %s; it may be proposed again on %s.", way, r.On, again)
		}
	}
	return pass()
}

func learning(_ Policy, m Mode, f Facts, _ platform.Change) (Verdict, money.Micros) {
	if m != Rollback && f.Learning != "" {
		return block("none", "The platform says that it is learning (%s).", f.Learning)
	}
	return pass()
}

func breakEven(p Policy, m Mode, f Facts, c platform.Change) (Verdict, money.Micros) {
	least := p.BreakEven * f.BreakEven
	if m != Rollback && grows(c) && f.ROAS > 0 && f.ROAS < least {
		return block("break_even", "Its ROAS of %.2f is below %.2f, where a sale stops paying for its click.", f.ROAS, least)
	}
	return pass()
}

func cacCeiling(p Policy, m Mode, f Facts, c platform.Change) (Verdict, money.Micros) {
	if m != Rollback && grows(c) && p.CACCeiling > 0 && f.CAC > p.CACCeiling {
		return block("cac_ceiling", "An incremental order costs %.2f, more than %.2f.", f.CAC, p.CACCeiling)
	}
	return pass()
}

func ltvCAC(p Policy, m Mode, f Facts, c platform.Change) (Verdict, money.Micros) {
	if m != Rollback && grows(c) && f.LTVCAC > 0 && f.LTVCAC < p.LTVCACFloor {
		return block("ltv_cac_floor", "A new customer brings %.1f times what winning one costs, less than %.1f times.", f.LTVCAC, p.LTVCACFloor)
	}
	return pass()
}

func spendAnomaly(p Policy, m Mode, f Facts, _ platform.Change) (Verdict, money.Micros) {
	if m != Rollback && p.SpendAnomaly.Days > 0 && f.SpendAnomaly != "" {
		return block("spend_anomaly.days", "%s Nothing is changed until it has been looked into.", f.SpendAnomaly)
	}
	return pass()
}

func alert(p Policy, m Mode, f Facts, c platform.Change) (Verdict, money.Micros) {
	if m != Rollback && grows(c) && p.Alerts.DaysPerFalseAlarm > 0 && f.Alert != "" {
		return block("alerts.days_per_false_alarm", "%s It is not scaled up until that recovers.", f.Alert)
	}
	return pass()
}

func stock(p Policy, m Mode, f Facts, c platform.Change) (Verdict, money.Micros) {
	if most := p.Stock.MaxUnsellable; m != Rollback && grows(c) && most < 1 && f.Unsellable > most {
		return block("stock.max_unsellable", "Of what it sold lately, %.0f %% is out of stock or has errors in the feed, more than %.0f %%.", 100*f.Unsellable, 100*most)
	}
	return pass()
}

func itemSpend(p Policy, m Mode, f Facts, c platform.Change) (Verdict, money.Micros) {
	unfit, losing := p.Stock.MaxUnfitSpend, p.Stock.MaxLosingSpend
	switch {
	case m == Rollback || !grows(c):
	case unfit < 1 && f.UnfitSpend > unfit:
		return block("stock.max_unfit_spend", "Of its spend on single items, %.0f %% went to items that should not be advertised, more than %.0f %%: they are missing from the feed, wrong in it, out of stock or sold at their cost.", 100*f.UnfitSpend, 100*unfit)
	case losing < 1 && f.LosingSpend > losing:
		return block("stock.max_losing_spend", "Of its spend on single items, %.0f %% went to items that lose money at break-even, more than %.0f %%.", 100*f.LosingSpend, 100*losing)
	}
	return pass()
}

func frequency(p Policy, m Mode, f Facts, c platform.Change) (Verdict, money.Micros) {
	if m != Rollback && grows(c) && p.MaxFrequency > 0 && f.Frequency > p.MaxFrequency {
		return block("max_frequency", "The people it reaches saw it %.1f times in seven days, more than %.1f times.", f.Frequency, p.MaxFrequency)
	}
	return pass()
}

func creativeFatigue(p Policy, m Mode, f Facts, c platform.Change) (Verdict, money.Micros) {
	if m != Rollback && grows(c) && p.Alerts.Fatigue && f.Fatigue != "" {
		return block("alerts.fatigue", "%s A worn-out creative is not scaled up.", f.Fatigue)
	}
	if most := p.Alerts.MaxWornSpend; m != Rollback && grows(c) && most < 1 && f.WornSpend > most {
		return block("alerts.max_worn_spend", "%s That is more than %.0f %%: it takes new ads before it takes more money.", f.WornAds, 100*most)
	}
	return pass()
}

func bidPressure(p Policy, m Mode, f Facts, c platform.Change) (Verdict, money.Micros) {
	if m != Rollback && grows(c) && p.Alerts.BidPressure && f.BidPressure != "" {
		return block("alerts.bid_pressure", "%s More money would mostly buy the same clicks at a higher price.", f.BidPressure)
	}
	return pass()
}

func audienceOverlap(p Policy, m Mode, f Facts, c platform.Change) (Verdict, money.Micros) {
	if m != Rollback && grows(c) && p.MaxOverlap > 0 && f.Overlap > p.MaxOverlap {
		return block("max_overlap", "Of the people in the smaller of the two audiences, %.0f %% are shown both it and %q, more than %.0f %%: more money would mostly reach people whom the other one reaches too. Exclude the one's list from the other.",
			100*f.Overlap, f.OverlapWith, 100*p.MaxOverlap)
	}
	return pass()
}

func breakEvenTarget(p Policy, m Mode, f Facts, c platform.Change) (Verdict, money.Micros) {
	least := towards(micros(p.BreakEven*f.BreakEven), maxValue, f.Unit(c.Field)) // up to what can be set
	if m != Rollback && c.Field.IsTarget() && c.Value < c.Seen && c.Value < least {
		return clamp(least, "break_even", "Not below %s, where a sale stops paying for its click.", least.Decimal())
	}
	return pass()
}

func limits(p Policy, _ Mode, f Facts, c platform.Change) (Verdict, money.Micros) {
	lo, hi, loKey, hiKey := p.bounds(f, c)
	switch {
	case lo > 0 && c.Value < lo && c.Value < c.Seen:
		return clamp(lo, loKey, "Not below %s.", show(f, c.Field, lo))
	case hi > 0 && c.Value > hi && c.Value > c.Seen:
		return clamp(hi, hiKey, "Not above %s.", show(f, c.Field, hi))
	}
	return pass()
}

func step(p Policy, m Mode, f Facts, c platform.Change) (Verdict, money.Micros) {
	share, key := p.Step.Default, "step.default"
	if m != Propose {
		share, key = p.Step.HardLimit, "step.hard_limit"
	}
	base, of := c.Seen, ""
	if c.Field == platform.NewCustomerValue { // of what a new customer's first order counts for
		base, of = c.Seen+f.FirstOrder, " of what a first order counts for"
	}
	most := money.Micros(math.Floor(share * float64(base)))
	lo, hi := c.Seen-most, c.Seen+most
	if unit := f.Unit(c.Field); most >= unit { // so that the reason names what rounding leaves
		lo, hi = min(towards(lo, c.Seen, unit), c.Seen), max(towards(hi, c.Seen, unit), c.Seen)
	}
	if c.Value >= lo && c.Value <= hi {
		return pass()
	}
	to := lo
	if c.Value > hi {
		to = hi
	}
	return clamp(to, key, "At most %.4g %%%s at once: %s instead of %s.", 100*share, of, show(f, c.Field, to), show(f, c.Field, c.Value))
}

// Unit is the multiple a field's value must be of: the account's smallest
// billable unit, and a hundredth for ratios.
func (f Facts) Unit(field platform.Field) money.Micros {
	switch {
	case field.IsRatio():
		return money.One / 100
	case f.BudgetUnit > 0:
		return f.BudgetUnit
	}
	return money.MinorUnit(f.Currency)
}

// towards rounds v to a multiple of unit, towards seen.
func towards(v, seen, unit money.Micros) money.Micros {
	down := v / unit * unit
	if v > seen || down == v {
		return down
	}
	return down + unit
}

func rounding(_ Policy, _ Mode, f Facts, c platform.Change) (Verdict, money.Micros) {
	unit := f.Unit(c.Field)
	to := towards(c.Value, c.Seen, unit)
	if to == c.Value && c.Value != c.Seen {
		return pass()
	}
	if to == c.Seen || (to > c.Seen) != (c.Value > c.Seen) {
		return block("the platform's smallest unit", "The change is smaller than %s.", show(f, c.Field, unit))
	}
	return Verdict{Answer: Clamp}, to
}
