package watch

import (
	"math"
	"slices"

	"adsteward/internal/civil"
)

// wanders are how far the usual rate may wander of itself: by how much the variance
// of its logarithm grows a day, from not at all to 11 % a day. What demand and
// seasons give is never quite steady; which of these holds is learnt from the days.
var wanders = [...]float64{0, 0.0003, 0.002, 0.012}

const (
	// Each wander is beforehand believed calmer times as likely as the one below it.
	// It is a trade, settled by simulation: at 0.6 a lone figure in a season of a
	// quarter raised more false alarms than promised, at 1 it is found later when it falls.
	calmer = 0.8
	// beliefSeries is as how many series that belief weighs: more than one figure
	// alone can say, less than a pool.
	beliefSeries = 4
	// rounds are enough for the weights to settle where a pool tells them.
	rounds = 30
	// firstDays say nothing of how far it wanders: they begin with no rate to wander
	// from.
	firstDays = 7
)

// weights are logarithms, one for each wander.
type weights [len(wanders)]float64

func believed() (w weights) {
	for i := range w {
		w[i] = float64(i) * math.Log(calmer)
	}
	all := w.logSum()
	for i := range w {
		w[i] -= all
	}
	return w
}

func (w weights) plus(v weights) weights {
	for i := range w {
		w[i] += v[i]
	}
	return w
}

// logSum is the logarithm of the sum of what has these logarithms.
func (w weights) logSum() float64 {
	most := slices.Max(w[:])
	if math.IsInf(most, 0) {
		return most
	}
	var sum float64
	for _, v := range w {
		sum += math.Exp(v - most)
	}
	return most + math.Log(sum)
}

// step is one day in independent counts: x of them against m expected.
type step struct {
	date civil.Date
	x, m float64
}

// path is what the days say of the rate where it wanders by so much a day: before
// each it is Gamma(a, b), which what the day shows makes Gamma(a+x, b+m), and the
// night widens it to the same mean with 1/a greater by q (a power discount as that
// of Harvey and Fernandes 1989, by days instead of by counts). A count is then
// negative binomial, and the logarithms of these add up to a likelihood.
type path struct {
	a, b  []float64 // before each day and after the last night
	wide  []float64 // 1 + q a after the day
	fixed []float64 // sum, up to each day, of what of the likelihood does not depend on b
	usual []float64 // sum of the whole of it
}

func follow(days []step, q float64) path {
	n := len(days)
	p := path{a: make([]float64, n+1), b: make([]float64, n+1), wide: make([]float64, n), fixed: make([]float64, n+1), usual: make([]float64, n+1)}
	var a, b, logB float64
	for i, d := range days {
		logNext := math.Log(b + d.m)
		p.fixed[i+1], p.usual[i+1] = p.fixed[i], p.usual[i]
		if i >= firstDays && a > 0 {
			fixed := logGamma(a+d.x) - logGamma(a) + d.x*math.Log(d.m)
			p.fixed[i+1] += fixed
			p.usual[i+1] += fixed + a*logB - (a+d.x)*logNext
		}
		a, b = a+d.x, b+d.m
		gap := 1.0
		if i+1 < n {
			gap = float64(days[i+1].date.Sub(d.date))
		}
		p.wide[i] = 1 + q*gap*a
		a, b = a/p.wide[i], b/p.wide[i]
		p.a[i+1], p.b[i+1] = a, b
		night := math.Log(p.wide[i])
		logB = logNext - night
		p.fixed[i+1] -= a * night // see fallen
	}
	return p
}

// fallen is the logarithm of the likelihood of all days where the rate fell to a share
// theta of itself on the day numbered k. A day adds a log b - (a+x) log(b + theta m), and
// what the night leaves of a+x and of b + theta m is the next day's a and b: all
// but what the night takes of a+x cancels, and where it takes nothing needs no logarithm.
func (p path) fallen(days []step, k int, theta float64) float64 {
	n := len(days)
	b, x := p.b[k], 0.0
	sum := p.usual[k] + p.fixed[n] - p.fixed[k] + p.a[k]*math.Log(b)
	for i := k; i < n; i++ {
		b += theta * days[i].m
		if taken := p.a[i] + days[i].x - p.a[i+1]; taken != 0 {
			sum -= taken * math.Log(b)
		}
		x += days[i].x
		b /= p.wide[i]
	}
	return sum - p.a[n]*math.Log(b) + x*math.Log(theta)
}

func logGamma(x float64) float64 {
	v, _ := math.Lgamma(x)
	return v
}

// mixture is the days at each wander, weighed.
type mixture struct {
	days    []step
	paths   [len(wanders)]path
	weights weights
	usual   float64 // logarithm of the likelihood where nothing fell
}

func newMixture(days []step, w weights) mixture {
	m := mixture{days: days, weights: w}
	var of weights
	for i, q := range wanders {
		if !math.IsInf(w[i], -1) {
			m.paths[i] = follow(days, q)
			of[i] = m.paths[i].usual[len(days)]
		}
	}
	m.usual = w.plus(of).logSum()
	return m
}

// evidence is how many times as likely the days are where the rate fell to a share
// theta of itself on the day numbered k.
func (m *mixture) evidence(k int, theta float64) float64 {
	var of weights
	for i, p := range m.paths {
		if !math.IsInf(m.weights[i], -1) { // what cannot be was not followed
			of[i] = p.fallen(m.days, k, theta)
		}
	}
	return math.Exp(m.weights.plus(of).logSum() - m.usual)
}
