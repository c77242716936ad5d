package lift

import (
	"fmt"
	"math"
)

// AlwaysValid widens an interval so that it may be looked at every day and the
// experiment stopped at any look: over all looks together it misses the truth at
// most as often as its level says. It is that of the mixture sequential probability
// ratio test with a normal mixture (Johari, Koomen, Pekelis and Walsh 2022,
// Operations Research 70(3), equation 9 and theorem 2):
//
//	value +- sqrt(V (V + t^2) / t^2 (2 log(1/a) + log((V + t^2) / V))),  V = SE^2, a = 1 - level,
//
// where t, the spread of the mixture, is the effect the experiment was planned to
// show. Any t fixed before the start is right; a good one makes the interval
// narrow. The errors must be near to normal, which some dozens of persons or
// days give.
func AlwaysValid(e Estimate, planned float64) Estimate {
	v, t := e.SE*e.SE, planned*planned
	if v == 0 || t == 0 {
		return e
	}
	half := math.Sqrt(v * (v + t) / t * (2*math.Log(1/(1-e.Level)) + math.Log((v+t)/v)))
	e.Low, e.High = e.Value-half, e.Value+half
	return e
}

func checkPlanned(effect float64) error {
	if effect < 0 || !finite(effect) {
		return fmt.Errorf("the planned effect is %g; it must be 0 (none) or more", effect)
	}
	return nil
}
