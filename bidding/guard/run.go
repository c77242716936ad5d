package guard

import (
	"fmt"
	"math"
	"slices"

	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// Run is what the run-wide guardrails look at.
type Run struct {
	Currency string
	Budgets  money.Micros // sum of all daily budgets now, as the platforms say
	Moved    money.Micros // sum of absolute budget changes already made today
	Months   []Pace       // the monthly budgets
}

// Item is one change that Check allowed, the unit its value must be a multiple
// of, what it is expected to gain a day, and by their names what part of it (0 to 1)
// the monthly budgets bear that it spends from.
type Item struct {
	platform.Change
	Unit   money.Micros
	Gain   float64
	Months map[string]float64
}

// Decision is what the run-wide guardrails allow of one item.
type Decision struct {
	Value    money.Micros // Seen where blocked
	Verdicts []Verdict
}

// CheckRun applies the movement cap, the monthly budgets and the total cap over
// a whole set of changes; decisions are in the order of the items. Only daily budgets count;
// other changes pass. Movement goes first, to what gains most per unit of money
// moved; the room under a month's budget and under the total cap, cuts of the same set counted, goes to
// the increases in the same order. Since people may refuse a cut and take an
// increase, CheckCap and CheckMonth ask again when one is pushed.
func CheckRun(p Policy, run Run, items []Item) []Decision {
	out := make([]Decision, len(items))
	var order []int
	for i, it := range items {
		out[i].Value = it.Value
		if it.Field == platform.DailyBudget && it.Value != it.Seen {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		ga, gb := perMoved(items[a]), perMoved(items[b])
		switch {
		case ga > gb:
			return -1
		case ga < gb:
			return 1
		}
		return 0
	})
	room := micros(math.Floor(p.MaxMovement*run.Budgets.Float()*1e6)/1e6) - run.Moved
	for _, i := range order {
		room -= out[i].fit(items[i], room, "total_movement", "max_movement",
			fmt.Sprintf("One day may move at most %.4g %% of all daily budgets.", 100*p.MaxMovement))
	}
	checkMonths(run.Months, items, order, out)
	amount, setting, ok := p.Cap()
	if !ok {
		return out
	}
	room = micros(amount) - run.Budgets
	for _, i := range order {
		if d := out[i].Value - items[i].Seen; d < 0 {
			room -= d
		}
	}
	for _, i := range order {
		if out[i].Value > items[i].Seen {
			room -= out[i].fit(items[i], room, "total_cap", setting, capDetail(run.Currency, micros(amount)))
		}
	}
	return out
}

func capDetail(currency string, amount money.Micros) string {
	return fmt.Sprintf("All daily budgets together may be at most %s.", money.Format(amount, currency))
}

func perMoved(it Item) float64 {
	moved := math.Abs(float64(it.Value - it.Seen))
	if g := it.Gain / moved; !math.IsNaN(g) {
		return g
	}
	return math.Inf(-1)
}

// fit shortens a change to what there is room for and returns what it takes.
func (d *Decision) fit(it Item, room money.Micros, name, setting, detail string) money.Micros {
	moved := d.Value - it.Seen
	if moved < 0 {
		moved = -moved
	}
	if moved <= room {
		return moved
	}
	v := it.Seen + max(room, 0)
	if d.Value < it.Seen {
		v = it.Seen - max(room, 0)
	}
	if v != it.Seen { // which need not be a multiple of the unit
		v = towards(v, it.Seen, max(it.Unit, 1))
	}
	answer := Clamp
	if v == it.Seen || (v > it.Seen) != (d.Value > it.Seen) {
		answer, v = Block, it.Seen
	}
	d.Value = v
	d.Verdicts = append(d.Verdicts, Verdict{Name: name, Answer: answer, Setting: setting, Detail: detail})
	if v > it.Seen {
		return v - it.Seen
	}
	return it.Seen - v
}

// CheckCap asks, just before one change is pushed, whether all daily budgets
// would still be within the total cap. budgets is their sum now. Push cuts
// before increases, so that the room they make is there.
func CheckCap(p Policy, currency string, budgets money.Micros, c platform.Change) Verdict {
	amount, setting, ok := p.Cap()
	v := Verdict{Name: "total_cap", Answer: Pass, Setting: setting}
	if ok && c.Field == platform.DailyBudget && c.Value > c.Seen && budgets+c.Value-c.Seen > micros(amount) {
		v.Answer, v.Detail = Block, capDetail(currency, micros(amount))
	}
	return v
}

// CheckMovement asks, just before one change is pushed, whether the day would then
// have moved no more of all daily budgets than it may. run says what they are
// together and what was moved today.
func CheckMovement(p Policy, run Run, c platform.Change) Verdict {
	v := Verdict{Name: "total_movement", Answer: Pass, Setting: "max_movement"}
	room := micros(math.Floor(p.MaxMovement*run.Budgets.Float()*1e6)/1e6) - run.Moved
	if c.Field == platform.DailyBudget && moved(c) > room {
		v.Answer, v.Detail = Block, fmt.Sprintf("One day may move at most %.4g %% of all daily budgets.", 100*p.MaxMovement)
	}
	return v
}
