// Package guard holds changes to what the policy allows. Every guardrail is asked about
// each change by itself (Check), then those that are about all of a run (CheckRun), and
// again before a push; each answer names the setting it comes from. What it looks at is
// handed in.
package guard

import (
	"slices"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// Mode says who wants a change.
type Mode string

const (
	Propose  Mode = "propose"  // the nightly plan: the default step
	Edit     Mode = "edit"     // a person: up to the hard limit
	Rollback Mode = "rollback" // back to an old value: as Edit, but needs no evidence and no cool-down
)

// Check asks every guardrail about one change. It returns the allowed value,
// which is the value seen where a verdict is Block, and what each guardrail
// said that did not simply pass.
//
// The table's order: first whether anything may be touched at all (kill switch
// to black-out), then whether what we know can be trusted (freshness, outage,
// minimum data), then whether it is too soon (others, once a day, cool-down, rejected,
// learning), then whether growing is wise (break-even, CAC, LTV:CAC, the month's budget). All of
// these only pass or block, so their order decides nothing but the order of the
// reasons. The clamps follow, and there order matters: floors and ceilings
// first, the step after them, so that a floor far away is approached in steps,
// and rounding last, towards the value seen, so that it never exceeds the step.
// A clamp that would cross the value seen blocks instead: no guardrail turns an
// increase into a cut.
func Check(p Policy, mode Mode, f Facts, c platform.Change) (money.Micros, []Verdict) {
	value := c.Value
	var said []Verdict
	blocked := false
	for _, r := range rules {
		if blocked && r.clamps {
			break // how far it would have got is no news
		}
		if !r.about.covers(c.Field) {
			continue
		}
		asked := c
		c := c
		c.Value = value
		v, to := r.ask(p, mode, f, c)
		switch v.Answer {
		case Pass:
			continue
		case Clamp:
			if of, same := r.ask(p, mode, f, asked); same == to {
				v = of // it names what was asked for, not what others left of it
			}
			if value = to; (value-c.Seen > 0) != (c.Value-c.Seen > 0) || value == c.Seen {
				v.Answer = Block
			}
		}
		blocked = blocked || v.Answer == Block
		if v.Name = r.name; v.Detail != "" { // rounding is no news
			said = append(said, v)
		}
	}
	if blocked {
		return c.Seen, said
	}
	return value, said
}

// pushRules are the guardrails that rest on nothing but the policy, names and the
// date; newsRules are those that may have heard something new since a change was
// proposed. What has been sent, and when, is the push's own to know.
var (
	pushRules = []rule{
		{"value_rules", worth, false, valueRules},
		{"protected", every, false, protected},
		{"black_out", every, false, blackOut},
		{"limits", every, true, limits},
		{"step", spend, true, step},
	}
	newsRules = []rule{
		{"step", worth, true, step},
		{"read_only", every, false, readOnly},
		{"currency", every, false, currency},
		{"time_zone", every, false, timeZone},
		{"freshness", every, false, freshness},
		{"tracking_outage", every, false, trackingOutage},
		{"spend_anomaly", spend, false, spendAnomaly},
		{"break_even", spend, false, breakEven},
		{"cac_ceiling", spend, false, cacCeiling},
		{"ltv_cac", spend, false, ltvCAC},
		{"alert", spend, false, alert},
		{"stock", spend, false, stock},
		{"item_spend", spend, false, itemSpend},
		{"frequency", spend, false, frequency},
		{"creative_fatigue", spend, false, creativeFatigue},
		{"bid_pressure", spend, false, bidPressure},
		{"audience_overlap", spend, false, audienceOverlap},
	}
)

// CheckPush asks again, about a change that is about to be pushed, what the policy
// says on the day and what has become known since: an approval holds for days. f is
// what the newest night saw; without LastData it is of no night, and its names,
// campaigns and currency alone are looked at. It returns the first verdict that did
// not pass, as a block; else one that passes.
func CheckPush(p Policy, mode Mode, f Facts, today civil.Date, c platform.Change) Verdict {
	ask := pushRules
	if !f.LastData.IsZero() {
		ask = slices.Concat(pushRules, newsRules)
	}
	for _, r := range ask {
		if !r.about.covers(c.Field) || r.clamps && c.Field == platform.Excluded { // between in and out is nothing
			continue
		}
		f := f
		if r.name == "black_out" {
			f.Today = today
		}
		if v, _ := r.ask(p, mode, f, c); v.Answer != Pass {
			v.Name, v.Answer = r.name, Block
			return v
		}
	}
	return Verdict{Answer: Pass}
}

// CheckBack is how far one change may go back to an old value: as far as the hard
// limit lets it, in units that are billed. The verdict passes where that is all the
// way.
func CheckBack(p Policy, f Facts, c platform.Change) (money.Micros, Verdict) {
	v, to := step(p, Rollback, f, c)
	if v.Answer == Pass {
		return c.Value, v
	}
	v.Name = "step"
	return towards(to, c.Seen, f.Unit(c.Field)), v
}

// Blocked reports whether one of the verdicts is Block.
func Blocked(vs []Verdict) bool {
	for _, v := range vs {
		if v.Answer == Block {
			return true
		}
	}
	return false
}
