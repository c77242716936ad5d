package ltv

import (
	"math"
	"slices"
)

// lattice is rows laid out for the many evaluations of a fit. Rows share their
// times: a shop of two years has some hundred thousand distinct histories, but
// 730 ages. What depends on repeat orders and one time only (logarithms, and
// Pareto/NBD's integral from there on) is computed once for each such pair, a
// cell, and a row takes from its cells.
type lattice struct {
	groups []group
	parts  []part
	maxX   int
}

// group is the rows with x repeat orders; their times rise.
type group struct {
	x     int
	times []float64
	rows  []latticeRow
}

// latticeRow is a Row with its group's numbers of TX and T.
type latticeRow struct {
	tx, t int32
	n     float64
}

// part is some rows of a group; it does not depend on the machine, so that
// neither does the sum.
type part struct{ group, from, to int }

func newLattice(rows []Row) *lattice {
	byX := func(a, b Row) int { return a.X - b.X }
	if !slices.IsSortedFunc(rows, byX) {
		rows = slices.Clone(rows)
		slices.SortStableFunc(rows, byX)
	}
	l := &lattice{}
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].X == rows[0].X {
			n++
		}
		for from := 0; from < n; from += chunk {
			l.parts = append(l.parts, part{len(l.groups), from, min(from+chunk, n)})
		}
		l.groups = append(l.groups, newGroup(rows[:n]))
		l.maxX = rows[0].X
		rows = rows[n:]
	}
	return l
}

func newGroup(rows []Row) group {
	g := group{x: rows[0].X, rows: make([]latticeRow, len(rows))}
	var times numbering
	for i, r := range rows {
		g.rows[i] = latticeRow{times.of(r.TX), times.of(r.T), r.N}
	}
	rank := times.sort()
	for i := range g.rows {
		r := &g.rows[i]
		r.tx, r.t = rank[r.tx], rank[r.t]
	}
	g.times = times.values
	return g
}

// cell is what a likelihood needs of x repeat orders and one time u.
type cell struct {
	lnA, invA float64 // ln(alpha+u), 1/(alpha+u)

	// Pareto/NBD: the logarithms of the chance to be here and still to have ordered
	// x times, (alpha+u)^-(r+x) (beta+u)^-s, and of the integrand at u; the integral
	// from u to the group's last time over the latter, s times it over the former.
	lnHere, lnAt float64
	lnB, invB    float64
	left         gone5
	leftByHere   float64
}

// groupTerm is the log-likelihood of a row of a group and its gradient.
type groupTerm func(tx, t *cell, g *[4]float64) float64

// kernel is a likelihood at fixed parameters.
type kernel struct {
	cells func(x int, times []float64, out []cell)
	term  func(x int) groupTerm
}

// logLik is the total log-likelihood of a model at parameters v and its gradient.
func (l *lattice) logLik(m Model, v, grad []float64) float64 {
	k := m.kernel(v, l.maxX)
	cells := make([][]cell, len(l.groups))
	parallel(len(l.groups), func(i int) {
		cells[i] = make([]cell, len(l.groups[i].times))
		k.cells(l.groups[i].x, l.groups[i].times, cells[i])
	})
	sums := make([][5]float64, len(l.parts))
	parallel(len(l.parts), func(p int) {
		part := l.parts[p]
		g, own := &l.groups[part.group], cells[part.group]
		term := k.term(g.x)
		var d [4]float64
		var ll, d0, d1, d2, d3 float64
		for _, r := range g.rows[part.from:part.to] {
			ll += r.n * term(&own[r.tx], &own[r.t], &d)
			d0 += r.n * d[0]
			d1 += r.n * d[1]
			d2 += r.n * d[2]
			d3 += r.n * d[3]
		}
		sums[p] = [5]float64{d0, d1, d2, d3, ll}
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

func (m Model) kernel(v []float64, maxX int) kernel {
	switch m {
	case BGNBD:
		return bgKernel(v, maxX, 0)
	case MBGNBD:
		return bgKernel(v, maxX, 1)
	case ParetoNBD:
		return paretoKernel(v, maxX)
	}
	return nbdKernel(v, maxX)
}

// rateCells fills what all models need.
func rateCells(alpha float64) func(x int, times []float64, out []cell) {
	return func(_ int, times []float64, out []cell) {
		for i, u := range times {
			out[i].lnA, out[i].invA = math.Log(alpha+u), 1/(alpha+u)
		}
	}
}

// nbdKernel is Law.logLik of NBD for a lattice, with its derivatives by the parameters
// themselves.
func nbdKernel(v []float64, maxX int) kernel {
	r, alpha := v[0], v[1]
	gr, lnAlpha := newRising(r, maxX), math.Log(alpha)
	return kernel{rateCells(alpha), func(x int) groupTerm {
		rx, c, d := r+float64(x), gr.ln[x]+r*lnAlpha, gr.d[x]+lnAlpha
		return func(_, t *cell, g *[4]float64) float64 {
			g[0] = d - t.lnA
			g[1] = r/alpha - rx*t.invA
			return c - rx*t.lnA
		}
	}}
}

// bgKernel is that of BG/NBD for extra = 0, and of MBG/NBD for extra = 1.
func bgKernel(v []float64, maxX, extra int) kernel {
	r, alpha, a, b := v[0], v[1], v[2], v[3]
	gr, gb, gab := newRising(r, maxX), newRising(b, maxX+extra), newRising(a+b, maxX+extra)
	lnAlpha, lnA := math.Log(alpha), math.Log(a)
	return kernel{rateCells(alpha), func(x int) groupTerm {
		k := x + extra
		rx, bk := r+float64(x), b+float64(k-1)
		c, d0 := gr.ln[x]+r*lnAlpha+gb.ln[k]-gab.ln[k], gr.d[x]+lnAlpha
		d2, d3 := -gab.d[k], gb.d[k]-gab.d[k]
		if k == 0 {
			return func(_, t *cell, g *[4]float64) float64 {
				g[0], g[1], g[2], g[3] = d0-t.lnA, r/alpha-rx*t.invA, d2, d3
				return c - rx*t.lnA
			}
		}
		odds := lnA - math.Log(bk)
		return func(tx, t *cell, g *[4]float64) float64 {
			sum, here := log1pExp(odds + rx*(t.lnA-tx.lnA))
			left := 1 - here
			g[0] = d0 - here*t.lnA - left*tx.lnA
			g[1] = r/alpha - rx*(here*t.invA+left*tx.invA)
			g[2], g[3] = d2+left/a, d3-left/bk
			return c - rx*t.lnA + sum
		}
	}}
}

// log1pExp is ln(1+e^d), and the share of the 1 in the sum.
func log1pExp(d float64) (ln, share float64) {
	if d <= 0 {
		e := math.Exp(d)
		return math.Log1p(e), 1 / (1 + e)
	}
	e := math.Exp(-d)
	return d + math.Log1p(e), e / (1 + e)
}

// paretoKernel is that of Pareto/NBD. The integral over the age at which a customer left,
// from t_x to T, is the difference of those from t_x and from T to a common end.
// That loses nothing: s times the one taken off is less than the chance to be
// here, which is added.
func paretoKernel(v []float64, maxX int) kernel {
	r, alpha, s, beta := v[0], v[1], v[2], v[3]
	gr := newRising(r, maxX)
	lnAlpha, lnBeta, lnS := math.Log(alpha), math.Log(beta), math.Log(s)
	cells := func(x int, times []float64, out []cell) {
		gone := newGoneShape(r+float64(x), alpha, s, beta)
		for i := len(times) - 1; i >= 0; i-- {
			c, u := &out[i], times[i]
			c.lnA, c.invA = math.Log(alpha+u), 1/(alpha+u)
			c.lnB, c.invB = math.Log(beta+u), 1/(beta+u)
			c.lnHere = -(r+float64(x))*c.lnA - s*c.lnB
			c.lnAt = gone.ln(u)
			if i+1 < len(times) {
				next := &out[i+1]
				c.left = goneRule.over(gone, u, times[i+1])
				rest := math.Exp(next.lnAt - c.lnAt)
				for j := range c.left {
					c.left[j] += rest * next.left[j]
				}
			}
			c.leftByHere = math.Exp(lnS + c.lnAt - c.lnHere)
		}
	}
	return kernel{cells, func(x int) groupTerm {
		rx := r + float64(x)
		c, d0 := gr.ln[x]+r*lnAlpha+s*lnBeta, gr.d[x]+lnAlpha
		return func(tx, t *cell, g *[4]float64) float64 {
			// Here and gone, both over the larger of the chance to be here at T and s
			// times the integrand at t_x.
			d, here, gone := lnS+tx.lnAt-t.lnHere, 1.0, 1.0
			if d > 0 {
				here = math.Exp(-d)
			} else {
				gone = math.Exp(d)
			}
			var left gone5
			for j := range left {
				left[j] = gone*tx.left[j] - here*t.leftByHere*t.left[j]
			}
			left[0] = max(left[0], 0)
			sum, share := max(d, 0)+math.Log(here+left[0]), 1/(here+left[0])
			g[0] = d0 - share*(here*t.lnA+left[1])
			g[1] = r/alpha - rx*share*(here*t.invA+left[3])
			g[2] = lnBeta - share*(here*t.lnB-left[0]/s+left[2])
			g[3] = s/beta - share*(here*s*t.invB+(s+1)*left[4])
			return c + t.lnHere + sum
		}
	}}
}
