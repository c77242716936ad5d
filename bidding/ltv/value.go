package ltv

import "math"

// legendre8 are the nodes and weights of the eight-point Gauss-Legendre rule on
// [0, 1] (Abramowitz and Stegun 25.4.30).
var legendre8 = struct{ node, weight [8]float64 }{
	node: [8]float64{0.01985507175123188, 0.10166676129318664, 0.2372337950418355, 0.40828267875217511,
		0.59171732124782489, 0.7627662049581645, 0.89833323870681336, 0.98014492824876812},
	weight: [8]float64{0.050614268145188130, 0.11119051722668724, 0.15685332293894364, 0.18134189168918099,
		0.18134189168918099, 0.15685332293894364, 0.11119051722668724, 0.050614268145188130},
}

// Term is over how long and at which rate value is counted, in the fit's unit of
// time.
type Term struct {
	Horizon float64
	Rate    float64 // continuous: value at time t counts e^(-Rate t)
}

// NewTerm discounts each order from its own day at a yearly rate, in a unit of
// the given days.
func NewTerm(horizonDays int, annual, unitDays float64) Term {
	return Term{Horizon: float64(horizonDays) / unitDays, Rate: math.Log1p(annual) / 365 * unitDays}
}

// Discounted is the expected number of orders in the term, each discounted from
// its own time: the integral of e^(-Rate t) dE(t), by parts.
func (o Outlook) Discounted(t Term) float64 {
	end := math.Exp(-t.Rate*t.Horizon) * o.Orders(t.Horizon)
	if t.Rate == 0 {
		return end
	}
	var sum float64
	for i, node := range legendre8.node {
		at := node * t.Horizon
		sum += legendre8.weight[i] * math.Exp(-t.Rate*at) * o.Orders(at)
	}
	return end + t.Rate*t.Horizon*sum
}

// Worth is what a customer is expected to do. Low and High hold what the
// customer will bring with a probability of 80 %: they include that one customer
// may order once or never, not that the parameters are estimates. Most customers
// bring nothing or more than the mean; High is never below Value.
type Worth struct {
	PAlive     float64
	Orders     float64 // in the horizon, undiscounted
	OrderValue float64
	Value      float64 // discounted over the horizon
	Low, High  float64
}

// forecast is what an outlook says of a term; customers with equal histories
// share it.
type forecast struct {
	alive, orders, discounted float64
	counts                    []float64
}

func (o Outlook) over(t Term) forecast {
	return forecast{o.PAlive(), o.Orders(t.Horizon), o.Discounted(t), o.counts(t.Horizon)}
}

// Worth over a term of a customer with outlook o whose n orders, as the spend
// model counts them, had mean m.
func (s *Spend) Worth(o Outlook, n int, m float64, t Term) Worth { return s.worth(o.over(t), n, m) }

func (s *Spend) worth(f forecast, n int, m float64) Worth {
	w := Worth{PAlive: f.alive, Orders: f.orders, OrderValue: s.Expected(n, m)}
	w.Value = f.discounted * w.OrderValue
	w.High = w.Value
	if !(w.Orders*w.OrderValue > 0) {
		return w
	}
	discount := f.discounted / f.orders
	total := s.total(f.counts, n, m)
	w.Low = min(w.Value, discount*total.quantile(0.1))
	w.High = max(w.Value, discount*total.quantile(0.9))
	return w
}

// total is the distribution of the sum of a random number of orders. Given the
// history the customer's rate of value is Gamma(q, v), so that n orders sum to
// v Gamma(p n) / Gamma(q).
type total struct {
	counts  []float64
	p, q, v float64
	mean    float64 // of an order; all there is where p is 0
}

func (s *Spend) total(counts []float64, n int, m float64) total {
	t := total{counts: counts, p: s.P, q: s.Q, v: s.V, mean: s.Expected(n, m)}
	if n > 0 && m > 0 {
		t.q += s.P * float64(n)
		t.v += float64(n) * m
	}
	return t
}

func (t total) quantile(level float64) float64 {
	below := 0.0
	for n, p := range t.counts {
		if below += p; below >= level {
			if n == 0 {
				return 0
			}
			if t.p == 0 {
				return float64(n) * t.mean
			}
			return t.solve(level, float64(n)*t.mean)
		}
	}
	return float64(len(t.counts)-1) * t.mean
}

// solve finds the value with cdf = level by false position on its logarithm, to
// half a percent or 0.0005 of the level.
func (t total) solve(level, guess float64) float64 {
	f := func(x float64) float64 { return t.cdf(math.Exp(x)) - level }
	lo, hi := math.Log(guess)-1, math.Log(guess)+1
	flo, fhi := f(lo), f(hi)
	for range 40 {
		if flo <= 0 {
			break
		}
		lo--
		flo = f(lo)
	}
	for range 40 {
		if fhi >= 0 {
			break
		}
		hi++
		fhi = f(hi)
	}
	if flo > 0 || fhi < 0 {
		return guess
	}
	for range 40 {
		x := lo + (hi-lo)*flo/(flo-fhi)
		if !(x > lo && x < hi) {
			x = (lo + hi) / 2
		}
		fx := f(x)
		if math.Abs(fx) < 5e-4 || hi-lo < 0.005 {
			return math.Exp(x)
		}
		if fx < 0 {
			lo, flo, fhi = x, fx, fhi/2
		} else {
			hi, fhi, flo = x, fx, flo/2
		}
	}
	return math.Exp((lo + hi) / 2)
}

func (t total) cdf(value float64) float64 {
	sum := t.counts[0]
	for n := 1; n < len(t.counts); n++ {
		sum += t.counts[n] * gammaRatioCDF(t.p*float64(n), t.q, value/t.v)
	}
	return sum
}

// gammaRatioCDF is P(Gamma(k)/Gamma(q) <= y) by Paulson's approximation of the F
// distribution (1942), good to about 0.01 from q = 1 and 0.001 from q = 3.
func gammaRatioCDF(k, q, y float64) float64 {
	f := math.Cbrt(y * q / k)
	z := ((1-1/(9*q))*f - (1 - 1/(9*k))) / math.Sqrt(f*f/(9*q)+1/(9*k))
	return math.Erfc(-z/math.Sqrt2) / 2
}
