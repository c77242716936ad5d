package ltv

import (
	"math"
	"runtime"
	"sync"
	"sync/atomic"

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
	return func(w *Row, g *[4]float64) float64 {
		rx := r + float64(w.X)
		lA, lB := math.Log(alpha+w.T), math.Log(beta+w.T)
		in := goneRule.at(rx, alpha, s, beta, w.TX, w.T)
		sum, here := logAddExp(-rx*lA-s*lB, lnS+in.ln)
		left := 1 - here
		g[0] = gr.d[w.X] + lnAlpha - here*lA - left*in.lnA
		g[1] = r/alpha - rx*(here/(alpha+w.T)+left*in.invA)
		g[2] = lnBeta - here*lB + left*(1/s-in.lnB)
		g[3] = s/beta - here*s/(beta+w.T) - left*(s+1)*in.invB
		return gr.ln[w.X] + r*lnAlpha + s*lnBeta + sum
	}
}

// goneShape is the integrand over the age y at which a Pareto/NBD customer left,
// (alpha+y)^-(r+x) (beta+y)^-(s+1), in u = ln(c+y), c the smaller of alpha and
// beta: there its logarithm is nearly straight and its singularities are pi away.
type goneShape struct {
	c, d      float64 // the smaller of alpha and beta, and by how much
	low, high float64 // slopes: of the part in c+y with dy = (c+y) du, and of the rest
	betaFirst bool    // c is beta
}

func newGoneShape(rx, alpha, s, beta float64) goneShape {
	g := goneShape{c: min(alpha, beta), d: math.Abs(alpha - beta), low: rx - 1, high: s + 1}
	if beta <= alpha {
		g.low, g.high, g.betaFirst = s, rx, true
	}
	return g
}

// ln is the logarithm of the integrand by du at age y.
func (g *goneShape) ln(y float64) float64 {
	return -g.low*math.Log(g.c+y) - g.high*math.Log(g.d+g.c+y)
}

// gone5 are an integral over the age y at which a customer left, and those of the
// integrand times ln(alpha+y), ln(beta+y), 1/(alpha+y) and 1/(beta+y).
type gone5 [5]float64

// goneIntegral integrates a goneShape by Gauss-Legendre quadrature, with as many
// nodes as the step asks for.
type goneIntegral []rule

// rule gives full precision over steps of less than upTo, as over measures them.
type rule struct {
	upTo         float64
	node, weight []float64
}

func newRule(nodes int, upTo float64) rule {
	r := rule{upTo, make([]float64, nodes), make([]float64, nodes)}
	quad.Legendre{}.FixedLocations(r.node, r.weight, 0, 1)
	return r
}

// goneRule has its rules from the shortest step to the longest. A step of 1 is one of
// u of 2, or a fall of e^10; days of a history are steps of a hundredth.
var goneRule = goneIntegral{newRule(4, 0.02), newRule(7, 0.1), newRule(16, math.Inf(1))}

// over integrates from an age to another, relative to the integrand at from. The
// range is cut into panels that the rules are good for, and ended where e^-40 of
// the integrand is left.
func (q goneIntegral) over(g goneShape, from, to float64) (out gone5) {
	u0, u1 := math.Log(g.c+from), math.Log(g.c+to)
	slope := g.low + g.high*(g.c+from)/(g.d+g.c+from)
	if slope > 0 {
		u1 = min(u1, u0+40/slope)
	}
	steepest := math.Abs(g.low) + g.high*(g.c+to)/(g.d+g.c+to)
	load := (u1 - u0) * max(0.5, steepest/10)
	if !(load > 0) {
		return out
	}
	k := 0
	for k+1 < len(q) && load >= q[k].upTo { // an infinite one too ends at the last rule
		k++
	}
	rule := &q[k]
	panels := min(math.Ceil(load), 1000)
	step, ref := (u1-u0)/panels, g.ln(from)
	for p := range int(panels) {
		for i, node := range rule.node {
			u := u0 + (float64(p)+node)*step
			cy := math.Exp(u)
			dy, lnD := g.d+cy, math.Log(g.d+cy)
			f := step * rule.weight[i] * math.Exp(-g.low*u-g.high*lnD-ref)
			out[0] += f
			out[1] += f * u
			out[2] += f * lnD
			out[3] += f / cy
			out[4] += f / dy
		}
	}
	if !g.betaFirst {
		return out
	}
	return gone5{out[0], out[2], out[1], out[4], out[3]}
}

// gone is the logarithm of the integral, and the means of ln(alpha+y),
// ln(beta+y), 1/(alpha+y) and 1/(beta+y) under its integrand.
type gone struct{ ln, lnA, lnB, invA, invB float64 }

func (q goneIntegral) at(rx, alpha, s, beta, tx, t float64) gone {
	g := newGoneShape(rx, alpha, s, beta)
	in := q.over(g, tx, t)
	if !(in[0] > 0) {
		return gone{ln: math.Inf(-1)}
	}
	return gone{g.ln(tx) + math.Log(in[0]), in[1] / in[0], in[2] / in[0], in[3] / in[0], in[4] / in[0]}
}

// chunk is how many rows one goroutine sums. It does not depend on the machine,
// so that neither does the sum.
const chunk = 2048

// parallel calls f(0) to f(n-1) on as many goroutines as there are processors,
// each taking the next that nobody has.
func parallel(n int, f func(int)) {
	workers := min(n, runtime.GOMAXPROCS(0))
	var taken atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := taken.Add(1) - 1; i < int64(n); i = taken.Add(1) - 1 {
				f(int(i))
			}
		})
	}
	wg.Wait()
}

// inChunks is parallel for functions that take little time.
func inChunks(n int, f func(int)) {
	parallel((n+chunk-1)/chunk, func(c int) {
		for i := c * chunk; i < min((c+1)*chunk, n); i++ {
			f(i)
		}
	})
}
