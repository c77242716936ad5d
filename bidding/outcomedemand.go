package bidding

import (
	"math"
	"slices"

	"adsteward/internal/civil"
)

// demandPrior is the standard deviation, as a share, of an account's demand
// from what its curves knew, before the other units are asked.
const demandPrior = 0.2

// ratio is a unit's value over what its curve says of the same days, less one, and the
// precision of it.
type ratio struct{ value, precision float64 }

// demand is how much more the days brought the other units than their curves say at
// what was spent: the mean of value over predicted value, leaning on 1.
func (m *Meter) demand(a AppliedChange, units []followed, used []civil.Date) (factor, sd float64, others int) {
	own := map[Key]bool{}
	for _, u := range units {
		own[u.Key] = true
		if u.Within != nil {
			own[*u.Within] = true
		}
	}
	var of []ratio
	for i := range a.Units {
		u := &a.Units[i]
		if own[u.Key] || u.Within != nil || u.Curve.Unit == "" || u.Curve.Level <= 0 || u.Currency != a.Unit.Currency {
			continue
		}
		if r := m.ratio(a, u, used); r.precision > 0 {
			of = append(of, r)
		}
	}
	mean, precision := robustMean(of)
	total := precision + 1/square(demandPrior)
	return max(1+mean*precision/total, 0.1), 1 / math.Sqrt(total), len(of)
}

// ratio compares one of the other units with its curve; its precision is 0 where that
// says nothing.
func (m *Meter) ratio(a AppliedChange, u *UnitReport, used []civil.Date) ratio {
	totals := m.totals(u, used[0], used[len(used)-1])
	var spend, value, fitted, n float64
	for _, d := range used {
		if x := totals[d]; x.spend > 0 && !m.out(u, d) {
			spend, value, n = spend+x.spend, value+x.value, n+1
			fitted += a.weekday(u, d) * x.factor() * u.Curve.Value(x.spend)
		}
	}
	if n < leastDays || !(fitted > 0) || math.IsInf(value, 0) || math.IsNaN(value) {
		return ratio{}
	}
	moved := math.Log(spend / n / u.Curve.Spend)
	v := square(u.Curve.LevelSD) + square(u.Curve.ElasticitySD*moved) + max(u.Curve.Dispersion*u.Curve.Clustering, u.Curve.OrderLuck)/fitted
	if m.moved(u, a.From, used[len(used)-1]) {
		v += square(surpriseSD)
	}
	if !(v > 0) || math.IsInf(v, 0) {
		return ratio{}
	}
	return ratio{value/fitted - 1, 1 / v}
}

// robustMean is the mean by precision, in which what lies beside the others by more than
// its error counts the less the further: a unit that broke by itself says nothing of
// demand (the weights of Student's t, Lange, Little and Taylor 1989, at most 1). Where
// they differ by more than their errors explain, the errors grow by as much (Birge's
// ratio).
func robustMean(of []ratio) (mean, precision float64) {
	const degrees, rounds = 4, 20
	birge := 1.0
	for k := range rounds {
		var w, wx, chi float64
		for _, r := range of {
			far := r.precision * square(r.value-mean) / birge
			weight := r.precision
			if k > 0 {
				weight *= min(1, (degrees+1)/(degrees+far))
			}
			w, wx, chi = w+weight, wx+weight*r.value, chi+weight*square(r.value-mean)
		}
		if w == 0 {
			return 0, 0
		}
		if k > 0 && len(of) > 1 {
			birge = max(1, chi/float64(len(of)-1))
		}
		mean, precision = wx/w, w/birge
	}
	return mean, precision
}

// moved reports whether a unit's budget was changed in the window.
func (m *Meter) moved(u *UnitReport, from, to civil.Date) bool {
	return slices.ContainsFunc(m.changes[u.Key], func(c PastChange) bool { return from <= c.Date && c.Date <= to })
}
