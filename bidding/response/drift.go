package response

import "math"

// A season lifts or lowers the demand of all that a platform shows people, and each
// unit's in its own way besides.
const (
	// commonDriftSD is how much the demand of a platform's units drifts a day together, as
	// a standard deviation of its logarithm before the days tell it: 9 % in a month, as a
	// season does that goes 20 % up and down.
	commonDriftSD = 0.003
	// ownDriftSD is how much a unit's drifts beside the others: 5 % in a month.
	ownDriftSD = 0.0015
)

// firstDrift is what is believed of a unit's drift before any days.
var firstDrift = gauss{p: 1 / (commonDriftSD*commonDriftSD + ownDriftSD*ownDriftSD)}

// poolDrifts gives every unit what the others of its platform say of its drift. Units
// beside their platform by far, as after a lasting change, count little: deviations have
// the tails of Student's t (Lange, Little and Taylor 1989, "Robust statistical modeling
// using the t distribution", by iteratively re-weighted means).
func (f *fitter) poolDrifts() {
	const own, common, degrees, rounds = ownDriftSD * ownDriftSD, commonDriftSD * commonDriftSD, 4, 5
	said, pool := make([]gauss, len(f.units)), map[string]gauss{}
	for k := range rounds {
		now := map[string]gauss{}
		for i := range f.units {
			u := &f.units[i]
			if _, ok := now[u.Platform]; !ok {
				now[u.Platform] = gauss{p: 1 / common}
			}
			if said[i] = u.toldDrift.widen(own); said[i].p > 0 && k > 0 {
				weight := (degrees + 1) / (degrees + said[i].p*square(said[i].mean()-pool[u.Platform].mean()))
				said[i] = gauss{said[i].p * weight, said[i].h * weight}
			}
			now[u.Platform] = now[u.Platform].plus(said[i])
		}
		pool = now
	}
	for i := range f.units {
		u := &f.units[i]
		u.drift = pool[u.Platform].minus(said[i]).widen(own)
	}
}

// leastSeason is the drift a day from which a season is told from changes: 5 % in a month.
const leastSeason = 0.0016

// findSeasons notes of every unit how its platform drifts, and reports whether one does
// so much that it might have been taken for changes.
func (f *fitter) findSeasons() (any bool) {
	for i := range f.units {
		u := &f.units[i]
		if d := u.drift.mean(); math.Abs(d) >= leastSeason {
			u.season, any = d, true
		}
	}
	return any
}
