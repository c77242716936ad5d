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
		if r := drift / season; r < 0.8 || r > 1.1 || told < 35 {
			t.Errorf("season %+.3f a day: mean drift %+.4f, told of %d of 40", season, drift, told)
		}
	}
}

// A season that all of a platform's units share is told to those that sell too little
// to tell it themselves, and not to another platform's.
func TestDriftIsSharedByAPlatform(t *testing.T) {
	t.Parallel()
	const daily = 0.004
	w := newWorld(12)
	in := response.Input{Today: today, Seed: 1}
	unit := func(id, platform string, perDay, drift float64) {
		w.perDay = perDay
		u := w.unit(id, 0.6)
		u.Platform = platform
		for k := range u.Days {
			lift := math.Exp(-drift * float64(today.Sub(u.Days[k].Date)))
			u.Days[k].Value, u.Days[k].Conversions = u.Days[k].Value*lift, u.Days[k].Conversions*lift
		}
		in.Units = append(in.Units, u)
	}
	for i := range 12 {
		unit(fmt.Sprint("google ", i), "google", 30, daily)
		unit(fmt.Sprint("meta ", i), "meta", 30, 0)
	}
	unit("small on google", "google", 0.5, daily)
	unit("small on meta", "meta", 0.5, daily)
	unit("other on google", "google", 60, -daily)
	drift, level := map[string]float64{}, map[string]float64{}
	fit := response.Fit(in)
	for _, c := range fit.Curves {
		drift[c.Unit], level[c.Unit] = c.Drift, c.Value(w.meanSpend)/w.basket
	}
	for _, c := range fit.Changes {
		if c.Unit != "other on google" {
			t.Errorf("the season is taken for a change: %+v", c)
		}
	}
	if d := drift["small on google"]; d < 0.7*daily || d > 1.3*daily {
		t.Errorf("one that sells little drifts by %.4f a day, its platform by %v", d, daily)
	}
	if d := drift["small on meta"]; math.Abs(d) > 0.3*daily {
		t.Errorf("one that sells little drifts by %.4f a day, its platform not at all", d)
	}
	if l := level["other on google"]; l < 0.9*60 || l > 1.2*60 {
		t.Errorf("one that falls while its platform rises is said to sell %.1f a day, today it sells 60", l)
	}
}
