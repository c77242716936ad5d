package ltv

import (
	"math"
	"runtime"
	"sync"

	"gonum.org/v1/gonum/integrate/quad"
)

// rowLik is the log-likelihood of one customer at fixed parameters; it sets g to
// the derivative by each parameter.
type rowLik func(r *Row, g *[4]float64) float64

// at prepares the likelihood of a model for parameters v and repeat orders up
// to maxX.
func (m Model) at(v []float64, maxX int) rowLik {
	switch m {
	case BGNBD:
		return bgTerm(v, maxX, 0)
	case MBGNBD:
		return bgTerm(v, maxX, 1)
	case ParetoNBD:
		return paretoTerm(v, maxX)
	}
	return nbdTerm(v, maxX)
}

func nbdTerm(v []float64, maxX int) rowLik {
	r, alpha := v[0], v[1]
	gr, lnAlpha := newRising(r, maxX), math.Log(alpha)
	return func(w *Row, g *[4]float64) float64 {
		rx, l := r+float64(w.X), math.Log(alpha+w.T)
		g[0] = gr.d[w.X] + lnAlpha - l
		g[1] = r/alpha - rx/(alpha+w.T)
		return gr.ln[w.X] + r*lnAlpha - rx*l
	}
}

// bgTerm is the likelihood of BG/NBD (Fader, Hardie and Lee 2005, section 7, in
// the form of their note 027) for extra = 0, and of MBG/NBD (Batislam, Denizel
// and Filiztekin 2007), which lets customers leave after their first order too,
// for extra = 1.
func bgTerm(v []float64, maxX, extra int) rowLik {
	r, alpha, a, b := v[0], v[1], v[2], v[3]
	gr, gb, gab := newRising(r, maxX), newRising(b, maxX+extra), newRising(a+b, maxX+extra)
	lnAlpha, lnA := math.Log(alpha), math.Log(a)
	return func(w *Row, g *[4]float64) float64 {
		k := w.X + extra // chances to leave that were not taken, if still here
		rx, lT := r+float64(w.X), math.Log(alpha+w.T)
		stay, shareStay := -rx*lT, 1.0
		sum := stay
		g[0], g[1] = gr.d[w.X]+lnAlpha, r/alpha
		g[2], g[3] = -gab.d[k], gb.d[k]-gab.d[k]
		if k > 0 {
			bk, lX := b+float64(k-1), math.Log(alpha+w.TX)
			sum, shareStay = logAddExp(stay, lnA-math.Log(bk)-rx*lX)
			left := 1 - shareStay
			g[0] -= left * lX
			g[1] -= left * rx / (alpha + w.TX)
			g[2] += left / a
			g[3] -= left / bk
		}
		g[0] -= shareStay * lT
		g[1] -= shareStay * rx / (alpha + w.T)
		return gr.ln[w.X] + r*lnAlpha + gb.ln[k] - gab.ln[k] + sum
	}
}

// paretoTerm is the likelihood of Pareto/NBD (Schmittlein, Morrison and Colombo
// 1987). The customer is still here, or left at an age y after the last order:
// that part is s times the integral of (alpha+y)^-(r+x) (beta+y)^-(s+1) from t_x
// to T, done by quadrature rather than by hypergeometric functions: it has no
// special cases and its derivatives come with it.
func paretoTerm(v []float64, maxX int) rowLik {
	r, alpha, s, beta := v[0], v[1], v[2], v[3]
	gr := newRising(r, maxX)
	lnAlpha, lnBeta, lnS := math.Log(alpha), math.Log(beta), math.Log(s)
	gone := newGoneIntegral()
	return func(w *Row, g *[4]float64) float64 {
		rx := r + float64(w.X)
		lA, lB := math.Log(alpha+w.T), math.Log(beta+w.T)
		in := gone.at(rx, alpha, s, beta, w.TX, w.T)
		sum, here := logAddExp(-rx*lA-s*lB, lnS+in.ln)
		left := 1 - here
		g[0] = gr.d[w.X] + lnAlpha - here*lA - left*in.lnA
		g[1] = r/alpha - rx*(here/(alpha+w.T)+left*in.invA)
		g[2] = lnBeta - here*lB + left*(1/s-in.lnB)
		g[3] = s/beta - here*s/(beta+w.T) - left*(s+1)*in.invB
		return gr.ln[w.X] + r*lnAlpha + s*lnBeta + sum
	}
}

// goneIntegral integrates over the age at which a Pareto/NBD customer left.
type goneIntegral struct{ node, weight [16]float64 }

func newGoneIntegral() *goneIntegral {
	q := &goneIntegral{}
	quad.Legendre{}.FixedLocations(q.node[:], q.weight[:], 0, 1)
	return q
}

// gone is the logarithm of the integral, and the means of ln(alpha+y),
// ln(beta+y), 1/(alpha+y) and 1/(beta+y) under its integrand.
type gone struct{ ln, lnA, lnB, invA, invB float64 }

// at integrates in u = ln(c+y), c the smaller of alpha and beta: there the
// integrand's logarithm is nearly straight and its singularities are pi away.
// Sixteen Gauss-Legendre nodes give full precision over a step of u of 2 and a
// fall of e^10, so the range is cut into such panels and ended where e^-40 of
// the integrand is left.
func (q *goneIntegral) at(rx, alpha, s, beta, tx, t float64) gone {
	c, d := min(alpha, beta), math.Abs(alpha-beta)
	low, high := rx-1, s+1 // slopes: of the part in c+y with dy = (c+y) du, and of the rest
	if beta <= alpha {
		low, high = s, rx
	}
	u0, u1 := math.Log(c+tx), math.Log(c+t)
	slope := low + high*(c+tx)/(d+c+tx)
	if slope > 0 {
		u1 = min(u1, u0+40/slope)
	}
	steepest := math.Abs(low) + high*(c+t)/(d+c+t)
	panels := math.Ceil((u1 - u0) * max(0.5, steepest/10))
	if !(panels >= 1) {
		return gone{ln: math.Inf(-1)}
	}
	panels = min(panels, 1000)
	step := (u1 - u0) / panels
	ref := -low*u0 - high*math.Log(d+c+tx)
	var sum float64
	var out gone
	for p := range int(panels) {
		for i, node := range q.node {
			u := u0 + (float64(p)+node)*step
			cy := math.Exp(u)
			dy, lnD := d+cy, math.Log(d+cy)
			f := q.weight[i] * math.Exp(-low*u-high*lnD-ref)
			sum += f
			lnA, lnB, invA, invB := u, lnD, 1/cy, 1/dy
			if beta <= alpha {
				lnA, lnB, invA, invB = lnD, u, 1/dy, 1/cy
			}
			out.lnA += f * lnA
			out.lnB += f * lnB
			out.invA += f * invA
			out.invB += f * invB
		}
	}
	out.ln = ref + math.Log(sum*step)
	out.lnA, out.lnB, out.invA, out.invB = out.lnA/sum, out.lnB/sum, out.invA/sum, out.invB/sum
	return out
}

// chunk is how many rows one goroutine sums. It does not depend on the machine,
// so that neither does the sum.
const chunk = 2048

// logLik is the total log-likelihood of rows at parameters v and its gradient.
func (m Model) logLik(rows []Row, maxX int, v, grad []float64) float64 {
	f := m.at(v, maxX)
	chunks := (len(rows) + chunk - 1) / chunk
	sums := make([][5]float64, chunks)
	parallel(chunks, func(c int) {
		s := &sums[c]
		var g [4]float64
		part := rows[c*chunk : min((c+1)*chunk, len(rows))]
		for i := range part {
			s[4] += part[i].N * f(&part[i], &g)
			for j := range v {
				s[j] += part[i].N * g[j]
			}
		}
	})
	var total float64
	clear(grad)
	for i := range sums {
		total += sums[i][4]
		for j := range grad {
			grad[j] += sums[i][j]
		}
	}
	return total
}

// parallel calls f(0) to f(n-1) on as many goroutines as there are processors.
func parallel(n int, f func(int)) {
	workers := min(n, runtime.GOMAXPROCS(0))
	if workers < 2 {
		for i := range n {
			f(i)
		}
		return
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n; i += workers {
				f(i)
			}
		})
	}
	wg.Wait()
}
