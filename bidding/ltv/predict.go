package ltv

import "math"

// Law is a model with its parameters: what it says of a customer.
type Law struct {
	Model  Model `json:"model"`
	Params `json:"params"`
}

// Outlook is what a law says of one customer's time after T.
type Outlook struct {
	law   Law
	alive float64
	shape float64 // of the order rate given the history: r + x
	scale float64 // alpha + T
	stay  float64 // BG and MBG: the second shape of the chance to leave, given here
	end   float64 // Pareto: beta + T
}

// Outlook is the future of a customer with x repeat orders, the last at age tx,
// seen to age t.
func (l Law) Outlook(x int, tx, t float64) Outlook {
	o := Outlook{law: l, alive: 1, shape: l.R + float64(x), scale: l.Alpha + t}
	switch l.Model {
	case BGNBD, MBGNBD:
		k := x
		if l.Model == MBGNBD {
			k++
		}
		o.stay = l.B + float64(k)
		if k > 0 {
			o.alive = logistic(math.Log(l.A/(o.stay-1)) + o.shape*math.Log((l.Alpha+t)/(l.Alpha+tx)))
		}
	case ParetoNBD:
		o.end = l.Beta + t
		in := goneRule.at(o.shape, l.Alpha, l.S, l.Beta, tx, t)
		o.alive = logistic(math.Log(l.S) + in.ln + o.shape*math.Log(o.scale) + l.S*math.Log(o.end))
	}
	return o
}

// NewCustomer is the outlook of a customer at the moment of the first order.
func (l Law) NewCustomer() Outlook { return l.Outlook(0, 0, 0) }

// PAlive is the probability that the customer has not left.
func (o Outlook) PAlive() float64 { return o.alive }

// Orders is the expected number of orders in the next t units of time.
//
// BG and MBG: equation (10) of Fader, Hardie and Lee 2005 after Euler's
// transformation, with the factor that vanishes at a = 1 divided out:
//
//	p(alive) [ C (1-(1-z)^(a-1))/(a-1) - (1-z)^(a-1) A z S ],  z = t/(alpha+T+t)
//
// C = a+stay-1, A = C-r-x, S = eulerSum. It neither overflows nor takes the
// logarithm of a negative number. Pareto: equation (41) of their note 009.
func (o Outlook) Orders(t float64) float64 {
	if !(t > 0) {
		return 0
	}
	l := o.law
	var e float64
	switch l.Model {
	case BGNBD, MBGNBD:
		e = o.bgOrders(t)
	case ParetoNBD:
		y := math.Log1p(t / o.end)
		e = o.shape * o.end / o.scale * decay(l.S-1, y)
	default:
		e = o.shape / o.scale * t
	}
	// Never more than by one who cannot leave.
	return o.alive * min(max(e, 0), o.shape/o.scale*t)
}

// decay is (1-e^(-k y))/k, y where k is 0.
func decay(k, y float64) float64 {
	if math.Abs(k*y) < 1e-12 {
		return y
	}
	return -math.Expm1(-k*y) / k
}

func (o Outlook) bgOrders(t float64) float64 {
	a := o.law.A
	y := math.Log1p(t / o.scale) // -ln(1-z)
	z := t / (o.scale + t)
	c := a + o.stay - 1
	bigA := c - o.shape
	// Outside, the series is long, overflows or alternates. There the mean is
	// taken over the chance p to leave: given p the customer makes
	// (1-(1+p t/(alpha+T))^-(r+x))/p orders.
	if z <= 0.99 && a <= 50 && bigA > -4 {
		return c*decay(a-1, y) - math.Exp(-(a-1)*y)*bigA*z*eulerSum(bigA, a-1, c, z)
	}
	return betaMean(a, o.stay, math.Log1p(o.shape*t/o.scale), func(p float64) float64 {
		return -math.Expm1(-o.shape*math.Log1p(p*t/o.scale)) / p
	})
}

// maxOrders bounds the count distribution; more order days than that in one
// horizon are beyond what the models are for.
const maxOrders = 4000

// counts is P(N = n) of the number of orders in the next t, for n = 0, 1, ... up
// to where less than rest is left. The order rate and the chance to leave are
// independent given that the customer is here, so that P(N >= n) is the product
// of a negative binomial tail and of n-1 chances to leave not taken.
func (o Outlook) counts(t, rest float64) []float64 {
	switch o.law.Model {
	case BGNBD, MBGNBD:
		nb := newNegativeBinomial(o.shape, o.scale, t)
		tail, stay := 1-nb.prob, o.alive // P(orders at rate >= n), P(here after n-1 more)
		p := append(make([]float64, 0, 16), 1-stay*tail)
		for n := 1; n < maxOrders && stay*tail > rest; n++ {
			here := stay * tail
			tail = max(0, tail-nb.next())
			k := float64(n - 1)
			stay *= (o.stay + k) / (o.law.A + o.stay + k)
			p = append(p, max(0, here-stay*tail))
		}
		return p
	case ParetoNBD:
		survive := math.Exp(-o.law.S * math.Log1p(t/o.end))
		p := negativeBinomial(make([]float64, 0, 16), o.alive*survive, o.shape, o.scale, t, rest)
		for i, node := range legendre8.node {
			// The life that a share u of those here do not outlive.
			u := node * (1 - survive)
			life := o.end * math.Expm1(-math.Log1p(-u)/o.law.S)
			p = negativeBinomial(p, o.alive*(1-survive)*legendre8.weight[i], o.shape, o.scale, min(life, t), rest)
		}
		p[0] += 1 - o.alive
		return p
	}
	return negativeBinomial(nil, 1, o.shape, o.scale, t, rest)
}

// negativeBinomial adds weight P(N = n) to p, N the orders in t at a rate
// distributed Gamma(shape, scale).
func negativeBinomial(p []float64, weight, shape, scale, t, rest float64) []float64 {
	nb, left := newNegativeBinomial(shape, scale, t), 1.0
	for n := 0; n < maxOrders; n++ {
		if n == len(p) {
			p = append(p, 0)
		}
		p[n] += weight * nb.prob
		if left -= nb.prob; left < rest {
			break
		}
		nb.next()
	}
	return p
}

// nbRun walks through the probabilities of a negative binomial distribution.
type nbRun struct {
	n, shape, z float64
	prob, ln    float64 // ln serves while prob is too small to multiply
}

func newNegativeBinomial(shape, scale, t float64) nbRun {
	ln := -shape * math.Log1p(t/scale)
	return nbRun{shape: shape, z: t / (scale + t), prob: math.Exp(ln), ln: ln}
}

// next goes to n+1 and returns its probability.
func (r *nbRun) next() float64 {
	ratio := (r.shape + r.n) / (r.n + 1) * r.z
	r.n++
	if r.prob > 1e-200 {
		r.prob *= ratio
	} else {
		r.ln += math.Log(ratio)
		if r.prob = math.Exp(r.ln); !(r.prob >= 0) {
			r.prob = 0
		}
	}
	return r.prob
}
