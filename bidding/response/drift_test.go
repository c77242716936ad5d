package response_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"adsteward/bidding/response"
)

// A season that lifts demand while budgets are cut, or lets it fall while they
// grow, is not taken for what spend does, and people are told of it.
func TestSeasonIsNotTakenForSpend(t *testing.T) {
	t.Parallel()
	const truth, daily = 0.5, 0.004
	for _, season := range []float64{daily, -daily} {
		w := newWorld(11)
		w.perDay, w.budgetSD = 40, 0.4 // steps tell budgets from seasons
		in := response.Input{Today: today, Seed: 1}
		for i := range 40 {
			u := w.unit(fmt.Sprint(i), truth)
			for k := range u.Days {
				d := &u.Days[k]
				age := float64(today.Sub(d.Date))
				moved := math.Exp(season * age) // spend falls as demand rises
				d.Spend, d.Budget = d.Spend*moved, d.Budget*moved
				lift := math.Exp(-season*age) * math.Pow(moved, truth)
				d.Value, d.Conversions = d.Value*lift, d.Conversions*lift
			}
			in.Units = append(in.Units, u)
		}
		var elasticity, drift float64
		told := 0
		for _, c := range response.Fit(in).Curves {
			elasticity += c.Elasticity / 40
			drift += c.Drift / 40
			if strings.Contains(c.Note, map[bool]string{true: "Demand has been rising", false: "Demand has been falling"}[season > 0]) {
				told++
			}
		}
		if math.Abs(elasticity-truth) > 0.05 {
			t.Errorf("season %+.3f a day: mean elasticity %.3f, truth %.2f", season, elasticity, truth)
		}
		if r := drift / season; r < 0.5 || r > 1 || told < 20 { // a belief in little drift holds it back
			t.Errorf("season %+.3f a day: mean drift %+.4f, told of %d of 40", season, drift, told)
		}
	}
}
