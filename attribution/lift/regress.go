package lift

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/mat"
)

// regression is a weighted least-squares fit.
type regression struct {
	coef  []float64
	bread *mat.SymDense // (X'WX)^-1
	resid []float64     // unweighted
	sigma float64       // residual standard deviation at weight 1
	df    float64       // rows less columns
}

var errCollinear = errors.New("the columns of the regression say the same, so that their effects cannot be told apart")

// maxCondition is where the columns, scaled to one length, count as dependent.
const maxCondition = 1e10

// leastSquares fits y on the columns, w nil for equal weights. It errs where
// there are no more rows than columns, or the columns depend on each other.
func leastSquares(columns [][]float64, y, w []float64) (*regression, error) {
	n, k := len(y), len(columns)
	if n <= k {
		return nil, errors.New("there are too few observations for the regression")
	}
	root := func(i int) float64 {
		if w == nil {
			return 1
		}
		return math.Sqrt(w[i])
	}
	x, target, scale := mat.NewDense(n, k, nil), mat.NewVecDense(n, nil), make([]float64, k)
	for j, col := range columns {
		norm := 0.0
		for i, v := range col {
			norm = math.Hypot(norm, v*root(i))
		}
		if norm == 0 {
			return nil, errCollinear
		}
		scale[j] = norm
		for i, v := range col {
			x.Set(i, j, v*root(i)/norm)
		}
	}
	for i := range n {
		target.SetVec(i, y[i]*root(i))
	}
	var qr mat.QR
	qr.Factorize(x)
	if !(qr.Cond() < maxCondition) {
		return nil, errCollinear
	}
	var coef mat.VecDense
	if err := qr.SolveVecTo(&coef, false, target); err != nil {
		return nil, errCollinear
	}
	fit := &regression{coef: make([]float64, k), resid: make([]float64, n), df: float64(n - k)}
	for j := range k {
		fit.coef[j] = coef.AtVec(j) / scale[j]
	}
	squares := 0.0
	for i := range n {
		fit.resid[i] = y[i] - fit.at(func(j int) float64 { return columns[j][i] })
		squares += fit.resid[i] * fit.resid[i] * root(i) * root(i)
	}
	fit.sigma = math.Sqrt(squares / fit.df)
	fit.bread = bread(&qr, scale)
	return fit, nil
}

// at is the fitted value where column j is x(j).
func (r *regression) at(x func(j int) float64) float64 {
	v := 0.0
	for j, c := range r.coef {
		v += c * x(j)
	}
	return v
}

// variance is that of the sum of coefficients times x, at equal errors.
func (r *regression) variance(x ...float64) float64 {
	v := 0.0
	for i := range x {
		for j := range x {
			v += x[i] * x[j] * r.bread.At(i, j)
		}
	}
	return v * r.sigma * r.sigma
}

// bread is (X'WX)^-1 from the decomposition of X, whose columns were divided by
// scale.
func bread(qr *mat.QR, scale []float64) *mat.SymDense {
	k := len(scale)
	var r mat.Dense
	qr.RTo(&r)
	upper := mat.NewTriDense(k, mat.Upper, nil)
	for i := range k {
		for j := i; j < k; j++ {
			upper.SetTri(i, j, r.At(i, j))
		}
	}
	var inv mat.TriDense
	_ = inv.InverseTri(upper) // it can be inverted: leastSquares looked at its condition
	out := mat.NewSymDense(k, nil)
	for i := range k {
		for j := i; j < k; j++ {
			v := 0.0
			for l := j; l < k; l++ {
				v += inv.At(i, l) * inv.At(j, l)
			}
			out.SetSym(i, j, v/scale[i]/scale[j])
		}
	}
	return out
}
