package ltv

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Options of a nightly fit. HorizonDays is how far value is counted,
// DiscountAnnual the yearly rate it is discounted with, each order from its day.
type Options struct {
	HorizonDays    int     `json:"horizon_days"`
	DiscountAnnual float64 `json:"discount_annual"`
}

// Lambda is a segment's lifetime multiple, 1 where a customer's first order is
// all there is, with its central 80 % interval.
type Lambda struct {
	Value     float64 `json:"value"`
	Low       float64 `json:"low"`
	High      float64 `json:"high"`
	Customers int     `json:"customers"`
	Why       string  `json:"why"`
}

// Fit is a night's lifetime model, in days and the shop's currency. It is stored
// as JSON and scores customers after it is read back.
type Fit struct {
	Orders     OrderFit          `json:"orders"`
	Why        string            `json:"why"`   // this model of order counts and not another
	Spend      Spend             `json:"spend"` // of all orders, the first too
	Options    Options           `json:"options"`
	FirstValue float64           `json:"first_value"` // mean first order
	LaterValue float64           `json:"later_value"` // expected discounted value of a new customer's later orders
	Segments   map[string]Lambda `json:"segments"`
	Warnings   []string          `json:"warnings"`
}

// FitNight fits order counts, by the most likely of BG/NBD, MBG/NBD and
// Pareto/NBD, and Gamma-Gamma to what a Builder collected. The error is a *Refused where the data cannot carry it.
func FitNight(d *Data, o Options) (*Fit, error) {
	if o.HorizonDays <= 0 || !(o.DiscountAnnual >= 0) || math.IsInf(o.DiscountAnnual, 0) {
		return nil, fmt.Errorf("a lifetime model needs a horizon above 0 days and a discount rate of at least 0, not %d and %g", o.HorizonDays, o.DiscountAnnual)
	}
	s := shapeOf(d.rows)
	if !(s.customers >= fewCustomers) || s.repeats < fewRepeats {
		return nil, &Refused{fmt.Sprintf("%.0f customers, %.0f of them with a repeat order; it takes %d and %d", s.customers, s.repeats, fewCustomers, fewRepeats)}
	}
	chosen, err := chooseByLikelihood(d.rows, "merged counts have no holdout")
	if err != nil {
		return nil, err
	}
	orders := chosen.fit
	spend, err := FitSpend(d.spend, d.moments.value())
	if err != nil {
		return nil, err
	}
	f := &Fit{Orders: *orders, Spend: *spend, Options: o, Why: chosen.why, Warnings: append(append([]string{}, orders.Warnings...), spend.Warnings...)}
	var first float64
	for _, c := range d.cohorts {
		first += c.first
	}
	if f.FirstValue = first / s.customers; !(f.FirstValue > 0) {
		return nil, &Refused{"first orders bring nothing, so that a lifetime cannot be a multiple of them"}
	}
	f.LaterValue = orders.NewCustomer().Discounted(f.term()) * spend.Mean
	f.fitSegments(d.cohorts)
	return f, nil
}

func (f *Fit) term() Term { return NewTerm(f.Options.HorizonDays, f.Options.DiscountAnnual, 1) }

// DefaultLambda is the lifetime multiple of a customer of no known segment: 1 +
// expected discounted value of later orders / expected value of the first.
func (f *Fit) DefaultLambda() float64 {
	if l := 1 + f.LaterValue/f.FirstValue; l >= 1 && !math.IsInf(l, 0) {
		return l
	}
	return 1
}

// Lambdas are the multiples by segment. Each leans on the whole as far as its
// own customers say little.
func (f *Fit) Lambdas() map[string]Lambda { return f.Segments }

// Source says in one line where the multiples come from.
func (f *Fit) Source() string {
	spend := "Gamma-Gamma"
	if f.Spend.P == 0 {
		spend = "the mean order value"
	}
	return fmt.Sprintf("%s and %s on %s customers, %s with a repeat order, %d days at %.4g %% a year", f.Orders.Model.Title(), spend,
		thousands(f.Orders.Customers), thousands(f.Orders.RepeatBuyers), f.Options.HorizonDays, 100*f.Options.DiscountAnnual)
}

func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}

// Score is the expected discounted value of the customer's orders of the next
// HorizonDays, in the shop's currency. It is 0 for a history that is not one.
func (f *Fit) Score(h History) float64 {
	if h.Frequency < 0 || !(h.Recency >= 0 && h.Age >= h.Recency) || math.IsInf(h.Age, 0) {
		return 0
	}
	v := f.Orders.Outlook(h.Frequency, h.Recency, h.Age).Discounted(f.term()) * f.Spend.Expected(h.Orders, max(h.MeanValue, 0))
	if !(v >= 0) || math.IsInf(v, 0) {
		return 0
	}
	return v
}

// The spread of segments' multiples around the whole before there are segments
// to estimate it from: a standard deviation of a third, believed like this many
// segments.
const (
	priorSpread   = 0.1
	priorSegments = 3
)

// segmentSums compare what a segment's customers went on to buy with what the
// model expects of customers of their ages and first orders.
type segmentSums struct {
	name               string
	customers          float64
	observed, expected float64 // value of repeat orders
}

// fitSegments estimates, by segment, theta: the value of repeat orders as a
// multiple of what the whole's model expects at the same ages and first orders.
// Taking observed / phi as a Poisson count with mean theta expected / phi, phi
// the overdispersion over all customers, and theta ~ Gamma(k, k) between
// segments with 1/k by the method of moments, theta's posterior is
// Gamma(k + observed/phi, k + expected/phi).
func (f *Fit) fitSegments(cohorts []segmentCohort) {
	later := f.DefaultLambda() - 1
	segments, phi, ratio := f.sumSegments(cohorts)
	f.Segments = map[string]Lambda{}
	if !(phi > 0) || !(ratio > 0) {
		return
	}
	if ratio < 0.75 || ratio > 1/0.75 {
		f.Warnings = append(f.Warnings, fmt.Sprintf("repeat orders brought %.2f times what the model expects; seasonal data, or data that begin after the shop did, do that", ratio))
	}
	k := 1 / spread(segments, phi)
	for _, s := range segments {
		post := distuv.Gamma{Alpha: k + s.observed/phi, Beta: k + s.expected/phi}
		own := s.expected / phi / post.Beta
		raw := "no repeat order was due yet"
		if s.expected > 0 {
			raw = fmt.Sprintf("repeat orders brought %.2f times what is usual for customers of their age", s.observed/s.expected)
		}
		f.Segments[s.name] = Lambda{
			Value: 1 + later*post.Mean(), Low: 1 + later*post.Quantile(0.1), High: 1 + later*post.Quantile(0.9),
			Customers: int(s.customers),
			Why:       fmt.Sprintf("%s customers: %s; %.0f %% of the estimate is their own, the rest all customers'", thousands(int(s.customers)), raw, 100*own),
		}
	}
}

// sumSegments returns the sums by segment, expectations scaled so that all
// segments together bring what is expected; the dispersion; and that scale.
func (f *Fit) sumSegments(cohorts []segmentCohort) (segments []segmentSums, phi, ratio float64) {
	fresh, worth := f.Orders.NewCustomer(), f.Spend.Mean/f.FirstValue
	perFirst := make([]float64, len(cohorts)) // expected repeat value per unit of first order
	var observed, expected float64
	for i, c := range cohorts {
		perFirst[i] = fresh.Orders(c.age) * worth
		observed += c.repeat
		expected += perFirst[i] * c.first
	}
	if !(expected > 0) {
		return nil, 0, 0
	}
	ratio = observed / expected
	var squares float64
	for i, c := range cohorts {
		e := perFirst[i] * ratio
		squares += c.repeatSq - 2*e*c.cross + e*e*c.firstSq
		if n := len(segments); n == 0 || segments[n-1].name != c.segment {
			segments = append(segments, segmentSums{name: c.segment})
		}
		s := &segments[len(segments)-1]
		s.customers += c.n
		s.observed += c.repeat
		s.expected += e * c.first
	}
	return segments, max(squares, 0) / (ratio * expected), ratio
}

// spread is the variance of theta between segments (DerSimonian and Laird's
// estimator), held to the prior while there are few.
func spread(segments []segmentSums, phi float64) float64 {
	var n, w1, w2, q float64
	for _, s := range segments {
		if w := s.expected / phi; w > 0 {
			d := s.observed/s.expected - 1
			n++
			w1 += w
			w2 += w * w
			q += w * d * d
		}
	}
	between := 0.0
	if free := w1 - w2/w1; n > 1 && free > 0 {
		between = max(0, (q-(n-1))/free)
	}
	freedom := max(0, n-1)
	return max(0.001, (priorSegments*priorSpread+freedom*between)/(priorSegments+freedom))
}
