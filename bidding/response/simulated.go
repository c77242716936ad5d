package response

import "math"

// Simulated is one point of a platform's own estimate of what a unit would have
// brought at another budget: a day's spend, and the value or number of results
// it would have had. Only the proportions of one unit's points are used.
type Simulated struct{ Spend, Result float64 }

const (
	// simulatedSD is how far off the elasticity of a platform's simulation is taken
	// to be. The platforms publish no figure.
	simulatedSD = 0.1
	// simulatedReach is the standard deviation, in ln spend, of the weights of the
	// points around the present spend: the elasticity is that of a step or two.
	simulatedReach = 0.25
)

// simulation is the elasticity that a simulation has around a spend: the slope of
// a weighted regression of ln result on ln spend. It says nothing where fewer
// than three points are to be used or they hardly differ in spend.
func simulation(points []Simulated, spend float64) gauss {
	if spend <= 0 {
		return gauss{}
	}
	var n, w, wx, wy, wxx, wxy float64
	for _, p := range points {
		if !(p.Spend > 0 && p.Result > 0) || math.IsInf(p.Spend+p.Result, 0) {
			continue
		}
		x, y := math.Log(p.Spend/spend), math.Log(p.Result)
		k := math.Exp(-x * x / (2 * simulatedReach * simulatedReach))
		n, w, wx, wy, wxx, wxy = n+1, w+k, wx+k*x, wy+k*y, wxx+k*x*x, wxy+k*x*y
	}
	if n < 3 || w <= 0 {
		return gauss{}
	}
	spread := wxx/w - wx*wx/(w*w)
	if spread < 1e-4 { // a hundredth of the spend
		return gauss{}
	}
	const p = 1 / (simulatedSD * simulatedSD)
	return gauss{p: p, h: p * (wxy/w - wx*wy/(w*w)) / spread}
}

// recentSpend is the mean of the newest week's usable days, which is what a
// simulation is about.
func recentSpend(rows []row) float64 {
	const week = 7
	if len(rows) > week {
		rows = rows[len(rows)-week:]
	}
	var sum float64
	for _, r := range rows {
		sum += math.Exp(r.x)
	}
	return sum / max(float64(len(rows)), 1)
}
