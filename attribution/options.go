package attribution

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Options say how journeys are counted. The zero value counts for the rules alone,
// as attribution-definitions have them.
type Options struct {
	// Order is the highest order of the Markov model that will be asked for, at
	// most MaxOrder; 0 for none.
	Order int
	// HalfLife is after how much the weight of time decay halves: in touches where
	// a journey has no times, else in days. 0: DefaultHalfLife.
	HalfLife float64
	// First and Last are the position model's shares of the first and the last
	// touch; those between share the rest. Both 0: 0.4 each. A journey of two
	// touches is split in the ratio of the two.
	First, Last float64
	// Sets counts journeys by their sets of channels, for shapley_rate.
	Sets bool
	// Keep keeps every row, for Intervals. Memory then grows with the rows.
	Keep bool
}

// DefaultHalfLife is one touch: a file of paths tells no times.
const DefaultHalfLife = 1

// Validate says what cannot be.
func (o Options) Validate() error {
	switch {
	case o.Order < 0 || o.Order > MaxOrder:
		return fmt.Errorf("the order of the Markov model is %d; give 1 to %d", o.Order, MaxOrder)
	case !(o.HalfLife >= 0) || math.IsInf(o.HalfLife, 0):
		return fmt.Errorf("the half-life is %v; give a number above 0", o.HalfLife)
	case !(o.First >= 0) || !(o.Last >= 0) || !(o.First+o.Last <= 1+1e-12):
		return fmt.Errorf("the position weights are %v for the first touch and %v for the last; give two shares of 0 or more that sum to 1 at most", o.First, o.Last)
	}
	return nil
}

// normal fills in the defaults.
func (o Options) normal() Options {
	if o.HalfLife == 0 {
		o.HalfLife = DefaultHalfLife
	}
	if o.First == 0 && o.Last == 0 {
		o.First, o.Last = 0.4, 0.4
	}
	return o
}

// IsDirect says whether a channel is nobody's: a visit that came from nowhere in
// particular, as analytics tools name it.
func IsDirect(channel string) bool {
	name := strings.ToLower(strings.Trim(channel, "() "))
	return slices.Contains([]string{"direct", "none", "direct / none", "direct) / (none", "direct/none"}, name)
}
