package guard

import (
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
// minimum data), then whether it is too soon (others, once a day, cool-down,
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
		c := c
		c.Value = value
		v, to := r.ask(p, mode, f, c)
		switch v.Answer {
		case Pass:
			continue
		case Clamp:
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
// date.
var pushRules = []rule{
	{"value_rules", worth, false, valueRules},
	{"protected", every, false, protected},
	{"black_out", every, false, blackOut},
	{"limits", every, true, limits},
}

// CheckPush asks them again about a change that is about to be pushed: an approval
// holds for days, and the policy may say otherwise meanwhile. Of the facts it takes
// names, campaigns and the date. It returns the first that did not pass, else a
// verdict that does.
func CheckPush(p Policy, f Facts, c platform.Change) Verdict {
	for _, r := range pushRules {
		if !r.about.covers(c.Field) {
			continue
		}
		if v, _ := r.ask(p, Edit, f, c); v.Answer != Pass {
			v.Name, v.Answer = r.name, Block
			return v
		}
	}
	return Verdict{Answer: Pass}
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
