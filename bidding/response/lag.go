package response

import "adsteward/internal/civil"

// Increment is a change of the value a platform reports for one date: Delta was
// added at the pull of AsOf. The first pull of a date brings its whole value so
// far. All dates between a first and a last pull are taken to have been pulled
// whenever any was.
type Increment struct {
	Date  civil.Date
	AsOf  civil.Date
	Delta float64 // currency
}

// Lag is how reported value matures.
type Lag struct {
	// Share[a] is F(a): the share of a day's final value that is reported when
	// a days have passed since the date, so Share[1] is what the night after
	// sees. Beyond the end everything has arrived.
	Share []float64 `json:"share"`
	// PriorWeight is the part of Share[1] that still rests on the prior rather
	// than on this account's restatements, 0 to 1.
	PriorWeight float64 `json:"prior_weight"`
}

// At returns F(age); 1 beyond the horizon, and F(0) for negative ages.
func (l Lag) At(age int) float64 {
	if age >= len(l.Share) {
		return 1
	}
	return l.Share[max(age, 0)]
}

// PriorLag is what is assumed before an account's own restatements are seen.
func PriorLag() Lag { return Lag{PriorWeight: 1} }

// FitLag estimates how value matures from the restatements of one platform.
func FitLag(increments []Increment, prior Lag) Lag { return prior }
