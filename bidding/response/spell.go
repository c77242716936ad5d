package response

import (
	"math"
	"slices"

	"adsteward/internal/civil"
)

// Spell is a few days on which several units of a platform brought more or less
// at once: a sale, a holiday, a slow site. Its days weigh little in the fit.
type Spell struct {
	Platform string     `json:"platform"`
	From     civil.Date `json:"from"`
	To       civil.Date `json:"to"`    // its last day
	Ratio    float64    `json:"ratio"` // of the value to that of other days
	Units    int        `json:"units"` // that moved the same way
}

const (
	longestSpell = 9 // days; what lasts longer is a change of each unit's level
	mostSpells   = 6 // per platform
	spellUnits   = 3 // at least
	// leastSpell is the smallest |ln ratio| called a spell.
	leastSpell = 0.2
	// spellThreshold is on the chi-squared scale: as unlikely by chance as 4.5
	// standard deviations, for there are some 800 windows in 90 days.
	spellThreshold = 20
	// duringSpell is the weight that its days keep.
	duringSpell = 0.1
)

// residual is what a unit reported on a day and was expected to, in units of
// its own variance over mean, so that those of all units add up like counts.
type residual struct {
	unit      int
	seen, due float64
}

// findSpells scans every window of up to longestSpell days of a platform for a
// common excess or lack, takes the clearest, and goes on beside it.
func (f *fitter) findSpells(paths []*path, clustering map[string]float64) {
	days := map[string]map[civil.Date][]residual{}
	for i, p := range paths {
		if p == nil {
			continue
		}
		u := &f.units[i]
		if days[u.Platform] == nil {
			days[u.Platform] = map[civil.Date][]residual{}
		}
		l := p.levels()[0]
		scale := p.scale * clustering[u.Platform]
		for t, d := range p.date {
			days[u.Platform][d] = append(days[u.Platform][d], residual{i, p.y[t] / scale, p.fitted(l, t) / scale})
		}
	}
	var platforms []string
	for p := range days {
		platforms = append(platforms, p)
	}
	slices.Sort(platforms)
	for _, p := range platforms {
		for _, s := range spellsOf(days[p]) {
			s.Platform = p
			f.spells = append(f.spells, s)
		}
	}
	in := func(u *unitFit, d civil.Date) bool {
		return slices.ContainsFunc(f.spells, func(s Spell) bool { return s.Platform == u.Platform && d >= s.From && d <= s.To })
	}
	f.each(func(u *unitFit) {
		for k := range u.rows {
			if r := &u.rows[k]; in(u, r.date) {
				r.spell = true
				r.w *= duringSpell
			}
		}
	})
}

// spellsOf finds one platform's spells.
func spellsOf(days map[civil.Date][]residual) []Spell {
	var dates []civil.Date
	var zs []float64
	for d, rs := range days {
		dates = append(dates, d)
		var seen, due float64
		for _, r := range rs {
			seen, due = seen+r.seen, due+r.due
		}
		if due > 0 {
			zs = append(zs, (seen-due)*(seen-due)/due)
		}
	}
	slices.Sort(dates)
	// Where all units share good and bad days anyway, it takes more to stand out.
	common := max(median(zs)/0.455, 1)
	var out []Spell
	taken := map[civil.Date]bool{}
	for len(out) < mostSpells {
		best, chi := Spell{}, spellThreshold*common
		for i, from := range dates {
			var window []residual
			for _, to := range dates[i:] {
				if to.Sub(from) >= longestSpell || taken[to] {
					break
				}
				window = append(window, days[to]...)
				if s, c := spellOf(window); c > chi && passing(s, days, from, to) {
					best, chi = Spell{From: from, To: to, Ratio: s.Ratio, Units: s.Units}, c
				}
			}
		}
		if best.Units == 0 {
			break
		}
		out = append(out, best)
		for d := best.From; d <= best.To; d++ {
			taken[d] = true
		}
	}
	slices.SortFunc(out, func(a, b Spell) int { return int(a.From - b.From) })
	return out
}

// passing says whether the days beside a window are not like it: the newest
// days of a change that goes on are no spell.
func passing(s Spell, days map[civil.Date][]residual, from, to civil.Date) bool {
	const beside = 4
	for _, side := range [][2]civil.Date{{from.AddDays(-beside), from - 1}, {to + 1, to.AddDays(beside)}} {
		var seen, due float64
		for d := side[0]; d <= side[1]; d++ {
			for _, r := range days[d] {
				seen, due = seen+r.seen, due+r.due
			}
		}
		if due > 0 && math.Log(max(seen, 0.01*due)/due)/math.Log(max(s.Ratio, 0.01)) > 0.5 {
			return false
		}
	}
	return true
}

// spellOf tests one window; chi is 0 where it is not common to several units.
func spellOf(window []residual) (s Spell, chi float64) {
	var seen, due float64
	excess := map[int]float64{}
	for _, r := range window {
		seen, due = seen+r.seen, due+r.due
		excess[r.unit] += r.seen - r.due
	}
	if due <= 0 || len(excess) < spellUnits || math.Abs(math.Log(max(seen, 0.01*due)/due)) < leastSpell {
		return s, 0
	}
	var most float64
	for _, e := range excess {
		if e*(seen-due) > 0 {
			s.Units++
			most = max(most, math.Abs(e))
		}
	}
	if s.Units < spellUnits || 3*s.Units < 2*len(excess) || most > 0.6*math.Abs(seen-due) {
		return s, 0
	}
	s.Ratio = seen / due
	chi = 2 * (due - seen)
	if seen > 0 {
		chi += 2 * seen * math.Log(seen/due)
	}
	return s, chi
}
