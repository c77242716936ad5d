package response_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"adsteward/bidding/response"
)

// under are units of which the days [from, to) of some are under conditions, which
// change their value by a factor.
func under(w *world, factor float64, c response.Conditions, from, to int, which ...bool) (units []response.Unit) {
	for i, affected := range which {
		u := w.unit(fmt.Sprint(i), 0.6)
		for k := from; affected && k < to; k++ {
			d := &u.Days[k]
			d.Value, d.Conversions, d.Conditions = d.Value*factor, d.Conversions*factor, c
		}
		units = append(units, u)
	}
	return units
}

// What goods out of stock take and a sale brings is not laid to the level, nor to a
// change of it, nor to the budget that was changed at the same time; without being told
// of it, it is.
func TestConditionsAreNotTakenForTheCurve(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		factor float64
		response.Conditions
	}{{"out of stock", 0.4, response.Conditions{OutOfStock: 0.9}}, {"sale", 1.7, response.Conditions{Markdown: 0.3}}} {
		t.Run(c.name, func(t *testing.T) {
			var told, untold, n float64
			for seed := range uint64(12) {
				off := func(cond response.Conditions) (sum float64) {
					w := newWorld(seed)
					w.perDay, w.noise = 20, 0.05
					r := response.Fit(response.Input{Units: under(w, c.factor, cond, w.days-12, w.days, true, false, false), Today: today, Seed: seed})
					if cond != (response.Conditions{}) {
						if len(r.Changes)+len(r.Spells) > 0 {
							t.Errorf("seed %d: found %v and %v beside what was known", seed, r.Changes, r.Spells)
						}
						if got := r.Curves[0].Effect.Factor(cond); math.Abs(math.Log(got/c.factor)) > 0.25 {
							t.Errorf("seed %d: they are said to make %.2f of the value, in truth %.2f", seed, got, c.factor)
						}
						if note := r.Curves[0].Note; !strings.Contains(note, "On 12 days much more or less of its goods") {
							t.Errorf("seed %d: nothing is said of them: %q", seed, note)
						}
						if note := r.Curves[1].Note; strings.Contains(note, "out of stock") {
							t.Errorf("seed %d: said of a unit that had none: %q", seed, note)
						}
					}
					return math.Abs(math.Log(r.Curves[0].Value(w.meanSpend) / (w.perDay * w.basket)))
				}
				n++
				told, untold = told+off(c.Conditions), untold+off(response.Conditions{})
			}
			if told, untold = told/n, untold/n; told > 0.12 || untold < 2*told {
				t.Errorf("the level is off by %.2f where the conditions are known, by %.2f where they are not", told, untold)
			}
		})
	}
}

// Conditions that last are the usual ones, and the level is what is brought under them.
func TestLastingConditionsAreUsual(t *testing.T) {
	t.Parallel()
	w := newWorld(5)
	w.perDay = 20
	c := response.Conditions{OutOfStock: 0.5}
	for name, from := range map[string]int{"all along": 0, "for three weeks": w.days - 21} {
		r := response.Fit(response.Input{Units: under(w, 0.6, c, from, w.days, true, false), Today: today})
		if got := r.Curves[0].Value(w.meanSpend) / (0.6 * w.perDay * w.basket); math.Abs(math.Log(got)) > 0.15 {
			t.Errorf("out of stock %s: the level is %.2f of what days bring", name, got)
		}
	}
}

// Without a day under conditions nothing is said of them, and a day without them does
// what it does.
func TestWithoutConditionsThereAreNoEffects(t *testing.T) {
	t.Parallel()
	w := newWorld(6)
	r := response.Fit(response.Input{Units: []response.Unit{w.unit("a", 0.6)}, Today: today})
	if e := r.Curves[0].Effect; e != (response.Effect{}) {
		t.Errorf("effects %v of nothing", e)
	}
}
