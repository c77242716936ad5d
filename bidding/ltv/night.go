package ltv

import (
	"fmt"
	"math"
)

// Options of a nightly fit. HorizonDays is how far value is counted,
// DiscountAnnual the yearly rate it is discounted with, each order from its day.
type Options struct {
	HorizonDays    int     `json:"horizon_days"`
	DiscountAnnual float64 `json:"discount_annual"`
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
	Currency   string            `json:"currency,omitempty"` // the shop's, for words
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
	if f.FirstValue = d.first / s.customers; !(f.FirstValue > 0) {
		return nil, &Refused{"first orders bring nothing, so that a lifetime cannot be a multiple of them"}
	}
	f.LaterValue = orders.NewCustomer().Discounted(f.term()) * spend.Mean
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

// Lambdas are the multiples by the campaign of the first order ("google:123"), ""
// for customers who came without a click on an advertisement, "google:" for
// campaigns of that platform that have no customers yet. They are empty until a
// Profile of the customers has been taken.
func (f *Fit) Lambdas() map[string]Lambda { return f.Segments }

// LambdaOf is the multiple of a campaign: its own, else that of its platform's
// campaigns without customers, else all customers'.
func (f *Fit) LambdaOf(campaign string) Lambda {
	if l, ok := f.Segments[campaign]; ok {
		return l
	}
	if l, ok := f.Segments[platformOf(campaign)+":"]; ok {
		return l
	}
	v := f.DefaultLambda()
	return Lambda{Value: v, Low: v, High: v, Why: "nothing is known of it: all customers' multiple"}
}

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

// valid reports whether a history is one.
func (f *Fit) valid(h History) bool {
	return h.Frequency >= 0 && h.Recency >= 0 && h.Age >= h.Recency && !math.IsInf(h.Age, 0)
}

// Score is the expected discounted value of the customer's orders of the next
// HorizonDays, in the shop's currency. It is 0 for a history that is not one.
func (f *Fit) Score(h History) float64 {
	if !f.valid(h) {
		return 0
	}
	v := f.Orders.Outlook(h.Frequency, h.Recency, h.Age).Discounted(f.term()) * f.Spend.Expected(h.Orders, max(h.MeanValue, 0))
	if !(v >= 0) || math.IsInf(v, 0) {
		return 0
	}
	return v
}

// Alive is p(alive): the probability that the customer has not left. It is 0 for a
// history that is not one.
func (f *Fit) Alive(h History) float64 {
	if !f.valid(h) {
		return 0
	}
	return f.Orders.Outlook(h.Frequency, h.Recency, h.Age).PAlive()
}

// Explain says in words what the model makes of a customer.
func (f *Fit) Explain(h History) string {
	if !f.valid(h) {
		return "the order history is broken, so nothing can be expected"
	}
	o := f.Orders.Outlook(h.Frequency, h.Recency, h.Age)
	orders := "1 order"
	if h.Orders != 1 {
		orders = thousands(h.Orders) + " orders"
	}
	value := fmt.Sprintf("%.2f", f.Spend.Expected(h.Orders, max(h.MeanValue, 0)))
	if f.Currency != "" {
		value += " " + f.Currency
	}
	return fmt.Sprintf("%s, the last %s; still a customer with a probability of %.0f %%; expected %.1f orders of %s in the next %s",
		orders, daysAgo(h.Age-h.Recency), 100*o.PAlive(), o.Orders(f.term().Horizon), value, span(f.Options.HorizonDays))
}

func daysAgo(days float64) string {
	switch {
	case days < 0.5:
		return "today"
	case days < 1.5:
		return "yesterday"
	}
	return fmt.Sprintf("%.0f days ago", days)
}

func span(days int) string {
	if days == 365 {
		return "year"
	}
	return fmt.Sprintf("%d days", days)
}
