package response

import "math"

// Spend and demand move together: on a good day a platform finds more to spend a
// budget on, and what that day brings more is not what the money bought. What spends
// more because somebody raised the budget is another matter. So ln spend is split in
// two: the part that the budget set, which identifies the elasticity, and the wobble
// around it, which has a coefficient of its own, whatever it may be. This is
// two-stage residual inclusion (Terza, Basu and Rathouz 2008, "Two-stage residual
// inclusion estimation: addressing endogeneity in health econometric modeling"), the
// changes of the budget being the instrument.

const (
	// passedOnSD is of the prior of how much of a change of a budget is spent, around
	// all of it.
	passedOnSD = 0.2
	// leastPassedOn keeps a part that hardly moves from telling anything.
	leastPassedOn = 0.05
	// wobblePrior is the precision of what the wobble's coefficient is known to be
	// beforehand: next to nothing, between no response of value and twice its own.
	wobblePrior = 1 / (0.5 * 0.5)
)

// explainSpend splits the rows' spend by a weighted regression of it on the budgets,
// ln spend = a + b ln budget, b around 1. Of days of no known budget, and of units
// whose budget does not hold spend back, all is wobble.
func (f *unitFit) explainSpend(budgets []float64) {
	var n, weight, x, z, all float64
	for k, b := range budgets {
		r := f.rows[k]
		all += r.x / float64(len(f.rows))
		if b > 0 {
			n, weight, x, z = n+1, weight+r.w, x+r.w*r.x, z+r.w*math.Log(b)
		}
	}
	if f.DemandDriven || n == 0 {
		for k := range f.rows {
			f.rows[k].split(all)
		}
		return
	}
	x, z = x/weight, z/weight
	var zz, zx, left float64
	last := 0.0
	for k, b := range budgets {
		if b <= 0 {
			continue
		}
		r, dz := f.rows[k], math.Log(b)-z
		zz, zx, left = zz+r.w*dz*dz, zx+r.w*dz*(r.x-x), left+r.w*square(r.x-x-dz)
		if last > 0 && b != last {
			f.steps++
		}
		last = b
	}
	prior := left / weight / (passedOnSD * passedOnSD)
	passedOn := 1.0
	if zz+prior > 0 {
		passedOn = max((zx+prior)/(zz+prior), leastPassedOn)
		f.splitVar = left / weight / (zz + prior) / square(passedOn)
	}
	for k, b := range budgets {
		set := x
		if b > 0 {
			set += passedOn * (math.Log(b) - z)
		}
		f.rows[k].split(set)
	}
}

// split notes which part of a row's ln spend the budget set.
func (r *row) split(set float64) { r.at[byBudget], r.at[byWobble] = set, r.x-set }
