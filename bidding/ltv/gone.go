package ltv

import (
	"math"

	"gonum.org/v1/gonum/integrate/quad"
)

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
