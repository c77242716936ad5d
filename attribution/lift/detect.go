package lift

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"adsteward/internal/civil"
)

// Detectable is what a plan can show, by the days before it: the plan is pretended
// to have been drawn anew over them again and again, moved by whole weeks where
// they are more than it needs, and analysed; what is found there is error. Total is
// over the days on, Relative a share of the shop's whole revenue on them.
func (s Switchback) Detectable(history []SwitchDay, level, power float64, seed uint64) (Power, error) {
	out := Power{Level: level, Power: power, Curve: []Shown{}}
	if err := errors.Join(checkLevel(level), checkPower(power)); err != nil {
		return out, err
	}
	history = slices.Clone(history)
	slices.SortFunc(history, func(a, b SwitchDay) int { return int(a.Date - b.Date) })
	if len(s.Blocks) == 0 || len(history) == 0 {
		return out, errors.New("there is no plan, or there are no days before it")
	}
	for _, d := range history {
		if !amount(d.Revenue) {
			return out, fmt.Errorf("the revenue of %v is no number to reckon with", d.Date)
		}
	}
	first, last := history[0].Date, history[len(history)-1].Date
	// The plan begins on its own day of the week.
	start := first.AddDays((s.Blocks[0].From.Sub(first)%7 + 7) % 7)
	weeks := (last.Sub(start) + 1 - s.Days()) / 7
	if last.Sub(start)+1 < s.Days() {
		return out, fmt.Errorf("the days known before the plan go from %v to %v; it lasts %d days and must fit into them", first, last, s.Days())
	}
	e, err := s.pretend(history, start, weeks, level, rand.New(rand.NewPCG(seed, 0x706f776572)))
	if err != nil {
		return out, err
	}
	on := 0
	for _, b := range s.Blocks {
		if b.On {
			on += b.Days - s.Washout
		}
	}
	n := float64(e.placebos)
	perDay := reach(e.df, level, power) * math.Sqrt(e.squares/n)
	out.Placebos, out.FalseAlarms, out.Total = e.placebos, float64(e.alarms)/n, perDay*float64(on)
	if e.mean > 0 {
		out.Relative = perDay / (e.mean / n)
	}
	return out, nil
}

// pretended is what pretended switchbacks found, in sums over them.
type pretended struct {
	placebos, alarms int
	squares          float64 // of the effects a day
	mean             float64 // revenue a day
	df               float64 // of the regression
}

// pretend analyses switchbacks that were none, drawn anew and beginning on start
// or up to so many weeks later.
func (s Switchback) pretend(history []SwitchDay, start civil.Date, weeks int, level float64, rnd *rand.Rand) (pretended, error) {
	const placebos = 200
	var out pretended
	for range placebos {
		plan := s.moved(start.AddDays(7 * rnd.IntN(weeks+1)))
		plan.redraw(rnd)
		days := slices.DeleteFunc(slices.Clone(history), func(d SwitchDay) bool { return plan.block(d.Date) < 0 })
		if len(days) == 0 {
			return out, errors.New("the days known before the plan have a gap as long as the plan")
		}
		f, err := newSwitchFit(plan, days)
		if errors.Is(err, errNoContrast) {
			continue // a draw that shows nothing
		}
		if err != nil {
			return out, err
		}
		y := f.column(func(d SwitchDay) float64 { return d.Revenue })
		e := f.hac(y, level)
		out.placebos++
		out.squares += e.Value * e.Value
		out.mean += sum(y) / float64(len(y))
		out.df = float64(len(y) - len(f.nuisance) - 1)
		if e.Excludes(0) {
			out.alarms++
		}
	}
	if out.placebos < placebos/2 {
		return out, errNoContrast
	}
	return out, nil
}

// moved is the plan as it would be from another day on.
func (s Switchback) moved(start civil.Date) Switchback {
	by := start.Sub(s.Blocks[0].From)
	s.Blocks = slices.Clone(s.Blocks)
	for i := range s.Blocks {
		s.Blocks[i].From = s.Blocks[i].From.AddDays(by)
	}
	return s
}

// redraw draws each pair anew.
func (s Switchback) redraw(rnd *rand.Rand) {
	for _, pair := range s.pairs() {
		if rnd.Uint64()&1 == 1 {
			for _, b := range pair {
				s.Blocks[b].On = !s.Blocks[b].On
			}
		}
	}
}
