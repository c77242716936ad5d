package lift

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"adsteward/internal/civil"
)

// Switchback is a plan by which a campaign is switched on and off.
type Switchback struct {
	// Washout is how many days at the beginning of every block are not counted,
	// while the last state still works; of every block and not only after a switch,
	// so that which days count does not depend on the draw.
	Washout int     `json:"washout"`
	Blocks  []Block `json:"blocks"` // in order, one after the other
}

// Block is some days in one state. The two blocks of a pair begin on the same
// day of the week; one of them, drawn at random, is on.
type Block struct {
	From civil.Date `json:"from"`
	Days int        `json:"days"`
	Pair int        `json:"pair"`
	On   bool       `json:"on"`
}

const maxSwitchDays = 730

// PlanSwitchback draws a plan of days days in blocks of block days. So that every
// day of the week is on as often as off, blocks are paired with the one a whole
// number of weeks later, which fits a number of days that is a multiple of
// SwitchDays(block).
func PlanSwitchback(start civil.Date, days, block, washout int, seed uint64) (Switchback, error) {
	unit := SwitchDays(block)
	switch {
	case block < 1 || block > 28:
		return Switchback{}, fmt.Errorf("a block of %d days; give 1 to 28", block)
	case washout < 0 || washout >= block:
		return Switchback{}, fmt.Errorf("a washout of %d days leaves nothing of a block of %d", washout, block)
	case days < unit || days%unit != 0 || days > maxSwitchDays:
		return Switchback{}, fmt.Errorf("%d days; with blocks of %d days it must be a multiple of %d, up to %d, so that every day of the week is on as often as off", days, block, unit, maxSwitchDays)
	}
	rnd := rand.New(rand.NewPCG(seed, 0x737769746368))
	s := Switchback{Washout: washout}
	cycle := unit / 2 / block // blocks after which the days of the week come round
	first := make([]bool, cycle)
	for i := range days / block {
		b := Block{From: start.AddDays(i * block), Days: block, Pair: i/(2*cycle)*cycle + i%cycle}
		if i%(2*cycle) < cycle {
			first[i%cycle] = rnd.Uint64()&1 == 0
			b.On = first[i%cycle]
		} else {
			b.On = !first[i%cycle]
		}
		s.Blocks = append(s.Blocks, b)
	}
	return s, nil
}

// SwitchDays is the shortest plan with blocks of the length: twice the days after
// which a block begins on the same day of the week.
func SwitchDays(block int) int {
	if block%7 == 0 {
		return 2 * block
	}
	return 14 * block
}

// Days is how long the plan lasts.
func (s Switchback) Days() int {
	n := 0
	for _, b := range s.Blocks {
		n += b.Days
	}
	return n
}

// At is the state on a day. counted is false in a washout; ok is false outside of
// the plan.
func (s Switchback) At(d civil.Date) (on, counted, ok bool) {
	i := s.block(d)
	if i < 0 {
		return false, false, false
	}
	return s.Blocks[i].On, d.Sub(s.Blocks[i].From) >= s.Washout, true
}

// block is which block holds the day; -1: none.
func (s Switchback) block(d civil.Date) int {
	return slices.IndexFunc(s.Blocks, func(b Block) bool { return d >= b.From && d < b.From.AddDays(b.Days) })
}

// pairs is how many pairs there are, with their blocks.
func (s Switchback) pairs() [][]int {
	at := map[int]int{}
	var out [][]int
	for i, b := range s.Blocks {
		k, ok := at[b.Pair]
		if !ok {
			k = len(out)
			at[b.Pair] = k
			out = append(out, nil)
		}
		out[k] = append(out[k], i)
	}
	return out
}
