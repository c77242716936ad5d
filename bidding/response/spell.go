package response

import (
	"maps"
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

// forgetSpells gives the days of spells found before their weight again.
func (f *unitFit) forgetSpells() {
	for k := range f.rows {
		if r := &f.rows[k]; r.spell {
			r.spell = false
			r.w /= duringSpell
		}
	}
}

// spellsOf finds one platform's spells.
func spellsOf(days map[civil.Date][]residual) []Spell {
	dates := slices.Sorted(maps.Keys(days))
	totals := map[civil.Date]residual{} // of all units
	var zs []float64
	for _, d := range dates {
		var t residual
		for _, r := range days[d] {
			t.seen, t.due = t.seen+r.seen, t.due+r.due
		}
		totals[d] = t
		if t.due > 0 {
			zs = append(zs, (t.seen-t.due)*(t.seen-t.due)/t.due)
		}
	}
	// Where all units share good and bad days anyway, it takes more to stand out.
	common := max(median(zs)/0.455, 1)
	var out []Spell
	taken := map[civil.Date]bool{}
	for len(out) < mostSpells {
		best, chi := Spell{}, spellThreshold*common
		for i, from := range dates {
			var sum residual
			for j, to := range dates[i:] {
				if to.Sub(from) >= longestSpell || taken[to] {
					break
				}
				sum.seen, sum.due = sum.seen+totals[to].seen, sum.due+totals[to].due
				c := sum.chi()
				if c <= chi || math.Abs(math.Log(sum.ratio())) < leastSpell || !passing(sum.ratio(), totals, from, to) {
					continue
				}
				var window []residual
				for _, d := range dates[i : i+j+1] {
					window = append(window, days[d]...)
				}
				if n := together(window, sum.seen-sum.due); n > 0 {
					best, chi = Spell{From: from, To: to, Ratio: sum.seen / sum.due, Units: n}, c
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

// ratio is what was seen of what was due, kept off zero for its logarithm.
func (r residual) ratio() float64 {
	return max(r.seen, 0.01*r.due) / max(r.due, math.SmallestNonzeroFloat64)
}

// chi is the deviance, on the chi-squared scale.
func (r residual) chi() float64 {
	if r.due <= 0 {
		return 0
	}
	chi := 2 * (r.due - r.seen)
	if r.seen > 0 {
		chi += 2 * r.seen * math.Log(r.seen/r.due)
	}
	return chi
}

// passing says whether the days beside a window are not like it: the newest
// days of a change that goes on are no spell.
func passing(ratio float64, totals map[civil.Date]residual, from, to civil.Date) bool {
	const beside = 4
	for _, side := range [][2]civil.Date{{from.AddDays(-beside), from - 1}, {to + 1, to.AddDays(beside)}} {
		var sum residual
		for d := side[0]; d <= side[1]; d++ {
			sum.seen, sum.due = sum.seen+totals[d].seen, sum.due+totals[d].due
		}
		if sum.due > 0 && math.Log(sum.ratio())/math.Log(ratio) > 0.5 {
			return false
		}
	}
	return true
}

// together is how many units moved the way of the whole excess in a window; 0
// where they are too few or one of them makes most of it.
func together(window []residual, whole float64) int {
	excess := map[int]float64{}
	for _, r := range window {
		excess[r.unit] += r.seen - r.due
	}
	n, most := 0, 0.0
	for _, e := range excess {
		if e*whole > 0 {
			n++
			most = max(most, math.Abs(e))
		}
	}
	if n < spellUnits || 3*n < 2*len(excess) || most > 0.6*math.Abs(whole) {
		return 0
	}
	return n
}
