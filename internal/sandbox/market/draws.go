package market

import (
	"math"
	"math/rand/v2"

	"adsteward/internal/civil"
	"adsteward/internal/money"
)

// purpose keeps the draws of one campaign and day apart from each other.
type purpose uint64

const (
	forDemand purpose = iota + 1
	forDelivery
	forOrders
	forBrowsing
	forOrganic
	forClaims
	forCatalogue
	forSimulation
	forAds
	forGroups
)

// stream is a random number generator that is set to a key again and again, so
// that a draw depends on its key alone and not on what was drawn before.
type stream struct {
	pcg rand.PCG
	*rand.Rand
	seed uint64
}

func newStream(seed uint64) *stream {
	s := &stream{seed: seed}
	s.Rand = rand.New(&s.pcg)
	return s
}

// at sets the stream to the start of the draws for a campaign, day and purpose.
func (s *stream) at(index int, day civil.Date, p purpose) *stream {
	h := mix(s.seed^mix(uint64(index)+0x51_7cc1)) ^ mix(uint64(uint32(day))<<8|uint64(p))
	s.pcg.Seed(mix(h), mix(h+0x9e37_79b9_7f4a_7c15))
	return s
}

// mix is the finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// logNormal draws with the given mean and standard deviation of the logarithm.
func (s *stream) logNormal(mean, sigma float64) float64 {
	return mean * math.Exp(sigma*s.NormFloat64()-sigma*sigma/2)
}

// sale is one order that an ad brought, or that its platform claims.
type sale struct {
	value       money.Micros
	delay       int // days from click to order and report
	claimed     bool
	incremental bool
	fresh       bool // by a new customer
}

// sales calls yield for every order and claim of a campaign's complete day. The
// orders are the arrivals of a Poisson process up to the expected number, so that
// a larger value brings the same orders and more. Claims are thinned or extended
// so that their expected value is R/iota.
func (m *Market) sales(s *stream, c *campaign, day civil.Date, yield func(k int, o sale)) {
	spec, x := c.spec, &c.days[day.Sub(m.first)]
	if spec.Noise == 0 {
		m.evenSales(c, x, yield)
		return
	}
	mean := x.value / spec.Basket / min(spec.Iota, 1) // the incremental ones are a share of the process
	s.at(c.index, day, forOrders)
	for k, at := 0, s.ExpFloat64(); at <= mean; k, at = k+1, at+s.ExpFloat64() {
		o := c.sale([4]float64{s.Float64(), s.Float64(), s.Float64(), s.Float64()})
		o.value = micros(s.logNormal(spec.Basket, spec.BasketSigma)).RoundTo(m.unit)
		yield(k, o)
	}
}

// evenSales is sales without chance. A day has the orders by which the campaign's
// value since its first day has grown, in whole baskets: what is left of one is
// carried over, so that over time the orders' value is R. The orders that would
// have come anyway, and are claimed, are counted by themselves. Among the orders
// new customers come at even distances, and delays by the golden ratio.
func (m *Market) evenSales(c *campaign, x *cell, yield func(k int, o sale)) {
	before, after := x.before/c.spec.Basket, (x.before+x.value)/c.spec.Basket
	k := 0
	for _, of := range []struct {
		incremental bool
		share       float64 // orders for each incremental one
	}{{true, 1}, {false, 1/min(c.spec.Iota, 1) - 1}} {
		for n := math.Round(before * of.share); n < math.Round(after*of.share); n++ {
			_, u := math.Modf((n + 0.5) * math.Phi)
			yield(k, sale{value: m.evenBasket(c, n), delay: c.delay(u), incremental: of.incremental,
				claimed: everySo(n, 1/max(c.spec.Iota, 1)), fresh: everySo(n, c.spec.NewShare)})
			k++
		}
	}
}

// everySo picks a share of the numbers n, at even distances.
func everySo(n, share float64) bool { return math.Round((n+1)*share) > math.Round(n*share) }

// evenBasket is the value of a campaign's n-th order where all are the same, but
// for the coin that makes the first n come to n baskets.
func (m *Market) evenBasket(c *campaign, n float64) money.Micros {
	coins := c.spec.Basket / m.unit.Float()
	return money.Micros(math.Round((n+1)*coins)-math.Round(n*coins)) * m.unit
}

// sale makes the traits of an order of four numbers uniform on [0, 1).
func (c *campaign) sale(u [4]float64) sale {
	return sale{
		delay:       c.delay(u[0]),
		incremental: u[1] < min(c.spec.Iota, 1),
		claimed:     u[2]*max(c.spec.Iota, 1) < 1,
		fresh:       u[3] < c.spec.NewShare,
	}
}

// delay returns the delay at quantile u.
func (c *campaign) delay(u float64) int {
	for d, f := range c.arrived {
		if u < f {
			return d
		}
	}
	return len(c.arrived) - 1
}

// arrivals returns F: the share of conversions reported by the end of each day,
// that of the click first; geometric with parameter p, cut after maxDelay and
// normalised.
func arrivals(p float64, maxDelay int) []float64 {
	f := make([]float64, maxDelay+1)
	total := 0.0
	for d := range f {
		total += p * math.Pow(1-p, float64(d))
		f[d] = total
	}
	for d := range f {
		f[d] /= total
	}
	f[maxDelay] = 1
	return f
}

func micros(f float64) money.Micros { return money.Micros(math.Round(f * float64(money.One))) }
