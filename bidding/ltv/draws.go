package ltv

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// Draw is one set of parameters the data leave possible.
type Draw struct {
	Law
	Effects Effects // of the covariates of the fit
	Spend   *Spend
}

// Draws are n sets of parameters, the logarithms of each model's drawn from a
// normal distribution around the estimates with their covariance; the two models
// are fitted to different things and drawn independently. Draws come in pairs,
// one as far above the estimates as the other is below, which spares the noise
// of their mean. Where a fit has no covariance its estimates stand.
func Draws(o *OrderFit, s *Spend, n int, rnd *rand.Rand) []Draw {
	at := o.Model.pack(o.Params)
	if o.Covariates != nil {
		for _, e := range slices.Concat(o.Covariates.effects.Orders, o.Covariates.effects.Leaving) {
			at = append(at, math.Exp(e))
		}
	}
	orders, spend := newScatter(at, o.LogCov), newScatter([]float64{s.P, s.Q, s.V}, s.LogCov)
	out := make([]Draw, 0, n+1)
	for len(out) < n {
		up, down := orders.pair(rnd)
		spendUp, spendDown := spend.pair(rnd)
		out = append(out, o.drawn(up, s.at(spendUp)), o.drawn(down, s.at(spendDown)))
	}
	return out[:n]
}

func (o *OrderFit) drawn(v []float64, s *Spend) Draw {
	d := Draw{Law: Law{o.Model, o.Model.unpack(v)}, Spend: s}
	if o.Covariates != nil {
		d.Effects = effectsOf(v[len(o.Model.Names()):], len(o.Covariates.Names))
	}
	return d
}

// leastQ keeps the mean of a drawn Gamma-Gamma: it has none at q <= 1.
const leastQ = 1.05

// at is the model with other parameters.
func (s *Spend) at(v []float64) *Spend {
	if s.P == 0 {
		return s
	}
	q := max(v[1], min(s.Q, leastQ))
	return &Spend{P: v[0], Q: q, V: v[2], Mean: v[0] * v[2] / (q - 1), Customers: s.Customers}
}

// scatter draws positive parameters around an estimate.
type scatter struct {
	at   []float64
	root *mat.TriDense // lower; nil for none
}

func newScatter(at []float64, cov [][]float64) scatter {
	s := scatter{at: at}
	if len(cov) != len(at) {
		return s
	}
	sym := mat.NewSymDense(len(at), nil)
	for i := range cov {
		for j := i; j < len(cov[i]); j++ {
			sym.SetSym(i, j, cov[i][j])
		}
	}
	var chol mat.Cholesky
	if !chol.Factorize(sym) {
		return s
	}
	s.root = &mat.TriDense{}
	chol.LTo(s.root)
	return s
}

// pair is a draw and its mirror image in the logarithms.
func (s scatter) pair(rnd *rand.Rand) (up, down []float64) {
	k := len(s.at)
	z := make([]float64, k)
	for i := range z {
		z[i] = rnd.NormFloat64() // also where there is no covariance, so that the next draws do not depend on it
	}
	up, down = make([]float64, k), make([]float64, k)
	for i := range k {
		step := 0.0
		for j := 0; s.root != nil && j <= i; j++ {
			step += s.root.At(i, j) * z[j]
		}
		up[i], down[i] = s.at[i]*math.Exp(step), s.at[i]*math.Exp(-step)
	}
	return up, down
}
