package market

import (
	"fmt"
	"math"
	"strings"

	"adsteward/internal/civil"

	"gonum.org/v1/gonum/stat/distuv"
)

// key names one thing among a campaign's draws of a day for good.
func (s *stream) key(index int, day civil.Date, p purpose, k int) uint64 {
	h := mix(s.seed ^ mix(uint64(index)+0x1234_5678))
	return mix(h ^ mix(uint64(uint32(day))<<32|uint64(p)<<24|uint64(uint32(k))))
}

// of sets the stream to the start of the draws of a key.
func (s *stream) of(key uint64) *stream {
	s.pcg.Seed(mix(key), mix(key^0xdead_beef))
	return s
}

// uniform makes a number on [0, 1) of a key.
func uniform(key uint64) float64 { return float64(mix(key)>>11) / (1 << 53) }

// poisson draws from the Poisson distribution; few are needed, so the arrivals
// are simply counted.
func (s *stream) poisson(mean float64) int {
	n := 0
	for at := s.ExpFloat64(); at <= mean; at += s.ExpFloat64() {
		n++
	}
	return n
}

// number is how many of something come on a day: a Poisson number or, where it is
// still, what the mean numbers of the days up to it come to, in whole, more than
// those of the days before.
func (s *stream) number(still bool, before, mean float64) int {
	if still {
		return int(math.Round(before+mean) - math.Round(before))
	}
	return s.poisson(mean)
}

// person is a customer as the shop knows one, made of its key alone.
type person struct {
	email, phone, country string
	zeal                  float64 // factor on the rate of later orders; mean about 1
}

func customerID(key uint64) string { return fmt.Sprintf("c%012x", key>>16) }
func visitorID(key uint64) string  { return fmt.Sprintf("v%012x", mix(key+5)>>16) }

const (
	givenNames  = "anna ben clara david emma felix greta hugo ida jonas klara leon mia noah ole paula quentin rosa simon tilda ulf vera wim yara zoe"
	familyNames = "acker berg conrad dietz ernst falk graf horn ivens jung keller lang moser neumann otto pohl renner stark thoma ullrich vogt weber zander"
)

// country weighs where customers live, what numbers look like there and how
// eagerly people buy again.
type country struct {
	code, prefix string
	digits       int
	weight, zeal float64
}

// countries lists where a shop of this currency sells. The phone prefixes are,
// as far as there are any, in ranges that subscribers do not get.
func countries(currency string) []country {
	switch currency {
	case "EUR":
		return []country{{"DE", "+49150", 8, 0.6, 1}, {"AT", "+43690", 7, 0.15, 1.15}, {"NL", "+3160", 7, 0.15, 1}, {"FR", "+33700", 6, 0.1, 0.8}}
	case "GBP":
		return []country{{"GB", "+4470", 8, 1, 1}}
	case "JPY":
		return []country{{"JP", "+8120", 8, 1, 1}}
	case "CHF":
		return []country{{"CH", "+4170", 7, 1, 1}}
	case "KWD":
		return []country{{"KW", "+9653", 7, 1, 1}}
	}
	return []country{{"US", "+1555", 7, 1, 1}}
}

func (m *Market) person(key uint64) person {
	g, f := m.given[mix(key+10)%uint64(len(m.given))], m.family[mix(key+11)%uint64(len(m.family))]
	p := person{email: fmt.Sprintf("%s.%s.%06x@example.%s", g, f, mix(key+12)>>40, []string{"com", "org", "net"}[mix(key+13)%3])}
	if mix(key+14)%32 == 0 {
		p.email = strings.ToUpper(p.email[:1]) + p.email[1:] // people type as they like
	}
	u := uniform(key + 15)
	for _, c := range m.countries {
		p.country, p.zeal = c.code, c.zeal
		p.phone = fmt.Sprintf("%s%0*d", c.prefix, c.digits, mix(key+16)%uint64(math.Pow10(c.digits)))
		if u -= c.weight; u < 0 {
			break
		}
	}
	if mix(key+17)%10 < 3 {
		p.phone = ""
	}
	return p
}

// habit is how the customers of a segment go on to buy: BG/NBD in days with
// Gamma-Gamma spend around the segment's basket.
type habit struct{ r, alpha, a, b float64 }

type habitKey struct {
	adType   string
	multiple float64
}

// The shapes of the Gamma-Gamma distribution: of an order around its customer's
// mean, and of the means.
const spendP, spendQ = 6.0, 4.0

// newHabit finds the alpha at which a new customer's later orders, discounted
// over the horizon, number the given mean. alpha is +Inf, no later orders, for 0.
func newHabit(t adType, later float64, horizon int, discount float64) habit {
	h := habit{r: t.r, a: t.a, b: t.b, alpha: math.Inf(1)}
	if later < 1e-6 {
		return h
	}
	drop := make([]float64, 40)
	for i := range drop {
		drop[i] = distuv.Beta{Alpha: h.a, Beta: h.b}.Quantile((float64(i) + 0.5) / float64(len(drop)))
	}
	lo, hi := -5.0, 16.0 // log alpha; a larger alpha means fewer orders
	for range 45 {
		mid := (lo + hi) / 2
		if h.alpha = math.Exp(mid); h.discounted(drop, float64(horizon), discount) > later {
			lo = mid
		} else {
			hi = mid
		}
	}
	return h
}

// discounted is the expected discounted number of later orders in the horizon.
// For given dropout p the rate at t, the purchase rate integrated out, is
// r/alpha (alpha/(alpha+pt))^(r+1); drop holds equally likely values of p. The
// time grid is denser at the start, where the rate falls fastest.
func (h habit) discounted(drop []float64, horizon, discount float64) float64 {
	const steps = 40
	var sum float64
	for i := range steps {
		x := (float64(i) + 0.5) / steps
		t, dt := horizon*x*x, 2*horizon*x/steps
		var rate float64
		for _, p := range drop {
			rate += h.r / h.alpha * math.Pow(h.alpha/(h.alpha+p*t), h.r+1)
		}
		sum += rate / float64(len(drop)) * math.Pow(1+discount, -t/365) * dt
	}
	return sum
}

// later draws one new customer's later orders up to a number of days: when, in
// days after the first, and of what value.
func (h habit) later(s *stream, zeal, basket, until float64, yield func(after, value float64)) {
	if math.IsInf(h.alpha, 1) {
		return
	}
	lambda := zeal * distuv.Gamma{Alpha: h.r, Beta: h.alpha, Src: &s.pcg}.Rand()
	p := distuv.Beta{Alpha: h.a, Beta: h.b, Src: &s.pcg}.Rand()
	nu := distuv.Gamma{Alpha: spendQ, Beta: basket * (spendQ - 1) / spendP, Src: &s.pcg}.Rand()
	for t := s.ExpFloat64() / lambda; t < until; t += s.ExpFloat64() / lambda {
		yield(t, distuv.Gamma{Alpha: spendP, Beta: nu, Src: &s.pcg}.Rand())
		if s.Float64() < p {
			return
		}
	}
}
