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
// its own time: the integral of e^(-Rate t) dE(t), by parts. E rises fast first
// and slowly later, on the scale of alpha + T, so that the rule steps in
// y = ln(1 + t/(alpha+T)).
func (o Outlook) Discounted(t Term) float64 {
	end := math.Exp(-t.Rate*t.Horizon) * o.Orders(t.Horizon)
	if t.Rate == 0 {
		return end
	}
	var sum float64
	y := math.Log1p(t.Horizon / o.scale)
	for i, node := range legendre8.node {
		at := o.scale * math.Expm1(node*y)
		sum += legendre8.weight[i] * math.Exp(-t.Rate*at) * o.Orders(at) * (o.scale + at)
	}
	return end + t.Rate*y*sum
}

// Worth is what a customer is expected to do over a term, in the currency of the
// orders. Low and High hold what the customer will bring with a probability of
// 80 %: Low is the 10 % point, High the smallest value such that the two hold
// 80 %. Where at least one in ten such customers brings nothing that is from 0 to
// the 80 % point, and where more than 80 % bring nothing, from 0 to Value: High is
// never below Value.
type Worth struct {
	PAlive     float64
	Orders     float64 // in the horizon, undiscounted
	OrderValue float64
	Value      float64 // discounted over the horizon
	Low, High  float64
	variance   float64 // of the discounted value, given the parameters
}

// forecast is what is said of a term of customers with one history, whatever
// their orders brought. Given the history a customer's rate of value is
// Gamma(q, scale), with scale = v + the sum of the orders, so that everything in
// money is a multiple of scale and the intervals are found once per history.
type forecast struct {
	alive, orders, discounted float64
	low, high                 float64 // discounted, as multiples of the scale
	squares                   float64 // mean square of the undiscounted number of orders
}

// rest is the probability of many orders that intervals leave out; it moves their
// levels by no more than that.
const rest = 1e-3

// forecast of an outlook of whose customer the spend model knows n orders. spread
// are outlooks of the same customer under other parameters the data leave
// possible: the interval is that of their mixture.
func (s *Spend) forecast(o Outlook, n int, t Term, spread ...Outlook) forecast {
	f := forecast{alive: o.PAlive(), orders: o.Orders(t.Horizon), discounted: o.Discounted(t)}
	counts := o.counts(t.Horizon, rest)
	if len(spread) > 0 {
		counts = mixture(spread, t)
	}
	many, more := beyondCounts(counts, f.orders)
	f.squares = many * more * more
	for k, p := range counts {
		f.squares += p * float64(k*k)
	}
	if f.orders > 0 {
		discount := f.discounted / f.orders
		f.low, f.high = s.total(counts, many, more, n).interval()
		f.low, f.high = discount*f.low, discount*f.high
	}
	return f
}

// beyondCounts is the probability of more orders than counts go to, where they
// stop short of what they leave out on purpose, and the mean number there.
func beyondCounts(counts []float64, orders float64) (prob, number float64) {
	left, sum := 1.0, 0.0
	for n, p := range counts {
		left -= p
		sum += p * float64(n)
	}
	if left < 20*rest {
		return 0, 0
	}
	return left, max(float64(len(counts)), (orders-sum)/left)
}

// mixture is the mean of the distributions of counts.
func mixture(outlooks []Outlook, t Term) []float64 {
	var mean []float64
	for _, o := range outlooks {
		for n, p := range o.counts(t.Horizon, rest) {
			if n == len(mean) {
				mean = append(mean, 0)
			}
			mean[n] += p / float64(len(outlooks))
		}
	}
	return mean
}

// worth is what is forecast of a customer whose n orders, as the spend model counts
// them, had mean m.
func (s *Spend) worth(f forecast, n int, m float64) Worth {
	w := Worth{PAlive: f.alive, Orders: f.orders, OrderValue: s.Expected(n, m)}
	w.Value = f.discounted * w.OrderValue
	scale := s.scale(n, m)
	w.Low, w.High = min(w.Value, f.low*scale), max(w.Value, f.high*scale)
	if f.orders > 0 {
		square := scale * scale * f.squares
		if s.P > 0 {
			// n orders sum to Gamma(p n) scale / Gamma(q); where 1/Gamma(q) has no
			// second moment it is taken as at q = 2.5.
			q := s.Q + s.P*float64(max(n, 0))
			square = scale * scale * s.P * (s.P*f.squares + f.orders) / ((q - 1) * max(q-2, 0.5))
		}
		discount := f.discounted / f.orders
		w.variance = max(0, discount*discount*square-w.Value*w.Value)
	}
	return w
}

// scale is the second parameter of the posterior of a customer's rate of value,
// and the mean of an order where that is all there is.
func (s *Spend) scale(n int, m float64) float64 {
	if s.P == 0 {
		return s.Mean
	}
	if n > 0 && m > 0 {
		return s.V + float64(n)*m
	}
	return s.V
}

// total is the distribution of the sum of a random number of orders, as a
// multiple of the scale: n orders sum to Gamma(p n) / Gamma(q).
type total struct {
	counts  []float64
	many    float64 // probability of still more orders
	more    float64 // how many these are
	p, q    float64
	classes []countClass
}

// countClass is a number of orders, or near numbers taken together, with what
// Paulson's approximation needs of it.
type countClass struct {
	prob   float64
	centre float64 // 1 - 1/(9 p n)
	var9   float64 // 1 / (9 p n)
	root   float64 // cube root of q / (p n)
}

// total of customers of whom n orders are known.
func (s *Spend) total(counts []float64, many, more float64, n int) total {
	t := total{counts: counts, many: many, more: more, p: s.P, q: s.Q + s.P*float64(max(n, 0))}
	if t.p == 0 {
		return t
	}
	add := func(prob, orders float64) {
		if prob > 1e-6 {
			shape := t.p * orders
			t.classes = append(t.classes, countClass{prob, 1 - 1/(9*shape), 1 / (9 * shape), math.Cbrt(t.q / shape)})
		}
	}
	const width = 1.15 // from eight orders on numbers within 15 % are one
	for k := 1; k < len(counts); {
		end := k + 1
		for k >= 8 && end < len(counts) && float64(end) < width*float64(k) {
			end++
		}
		var prob, mean float64
		for i := k; i < end; i++ {
			prob += counts[i]
			mean += counts[i] * float64(i)
		}
		add(prob, mean/prob)
		k = end
	}
	add(many, more)
	return t
}

// The level of intervals, and the share that may lie below them.
const (
	level  = 0.8
	beyond = (1 - level) / 2
)

// interval is from the 10 % point to the smallest value that makes 80 %.
func (t total) interval() (low, high float64) {
	if t.p == 0 {
		return t.countInterval()
	}
	nothing := t.counts[0]
	if nothing >= level {
		return 0, 0
	}
	sum, mean := t.many, t.many*t.more
	for n, p := range t.counts {
		sum += p
		mean += p * float64(n)
	}
	guess := t.p * mean / ((sum - nothing) * max(t.q-1, 0.1))
	if nothing >= beyond {
		return 0, t.solve(level, guess)
	}
	low = t.solve(beyond, guess/2)
	return low, t.solve(1-beyond, max(low, guess))
}

// countInterval is that of the number of orders.
func (t total) countInterval() (low, high float64) {
	below, seen := 0.0, false // the probability of less than low
	cdf := 0.0
	for n, p := range t.counts {
		if !seen && cdf+p >= beyond {
			low, below, seen = float64(n), cdf, true
		}
		if cdf += p; seen && cdf-below >= level {
			return low, float64(n)
		}
	}
	if !seen {
		low = t.more
	}
	return low, max(t.more, float64(len(t.counts)-1))
}

// solve finds the multiple with cdf = level by false position on its logarithm,
// to half a percent or 0.0005 of the level.
func (t total) solve(level, guess float64) float64 {
	f := func(x float64) float64 { return t.cdf(math.Exp(x)) - level }
	x := math.Log(guess)
	fx := f(x)
	lo, hi, flo, fhi := x, x, fx, fx
	for step := 0.5; flo > 0 && step < 100; step *= 2 {
		hi, fhi = lo, flo
		lo -= step
		flo = f(lo)
	}
	for step := 0.5; fhi < 0 && step < 100; step *= 2 {
		lo, flo = hi, fhi
		hi += step
		fhi = f(hi)
	}
	if flo > 0 || fhi < 0 {
		return guess
	}
	for range 40 {
		if hi-lo < 0.005 {
			break
		}
		x := lo + (hi-lo)*flo/(flo-fhi)
		if !(x > lo && x < hi) {
			x = (lo + hi) / 2
		}
		fx := f(x)
		if math.Abs(fx) < 5e-4 {
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

// cdf is P(Gamma(k)/Gamma(q) <= y) over the numbers of orders, k = p n, by
// Paulson's approximation of the F distribution (1942), good to about 0.01 from
// q = 1 and 0.001 from q = 3.
func (t total) cdf(y float64) float64 {
	sum, root, q9 := t.counts[0], math.Cbrt(y), 1/(9*t.q)
	for i := range t.classes {
		c := &t.classes[i]
		sum += c.prob * paulson(root*c.root, q9, c)
	}
	return sum
}

func paulson(f, q9 float64, c *countClass) float64 {
	z := ((1-q9)*f - c.centre) / math.Sqrt(f*f*q9+c.var9)
	return math.Erfc(-z/math.Sqrt2) / 2
}
