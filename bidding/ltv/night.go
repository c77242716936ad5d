// Package ltv says what a customer will be worth: models of how often a
// customer orders and for how long (BG/NBD), and of what an order brings
// (Gamma-Gamma), fitted by maximum likelihood on purchase histories. Data in,
// estimates out: no SQL, no clock, no platform.
package ltv

import "adsteward/internal/civil"

// History is one customer's purchases up to an end date. Orders of one day
// count once, their values summed. Times are days.
type History struct {
	CustomerID string
	Segment    string  // how the customer was acquired; "" for unknown
	Frequency  int     // repeat order days
	Recency    float64 // age at the last order
	Age        float64 // from the first order to the end
	Orders     int     // order days, Frequency + 1
	MeanValue  float64 // of all order days
	FirstValue float64
}

// Refused says why the data cannot carry a model.
type Refused struct{ Reason string }

func (e *Refused) Error() string { return e.Reason }

// Options of a fit. HorizonDays is how far value is counted, DiscountAnnual the
// yearly rate it is discounted with.
type Options struct {
	HorizonDays    int
	DiscountAnnual float64
}

// Lambda is a segment's lifetime multiple with its central 80 % interval.
type Lambda struct {
	Value     float64 `json:"value"`
	Low       float64 `json:"low"`
	High      float64 `json:"high"`
	Customers int     `json:"customers"`
	Why       string  `json:"why"`
}

// Histories turns customer days, sorted by customer and date, into histories.
type Histories struct{}

func NewHistories(end civil.Date, yield func(History) error) *Histories { return nil }
func (h *Histories) Add(customerID, segment string, date civil.Date, value float64) error {
	return nil
}
func (h *Histories) Flush() error { return nil }

type Builder struct{}

func NewBuilder(end civil.Date) *Builder { return nil }
func (b *Builder) Add(customerID, segment string, date civil.Date, value float64) error {
	return nil
}
func (b *Builder) Data() *Data { return nil }

type Data struct{}

type Fit struct {
	Warnings []string `json:"warnings"`
}

func FitNight(d *Data, o Options) (*Fit, error) { return nil, &Refused{} }
func (f *Fit) DefaultLambda() float64           { return 1 }
func (f *Fit) Lambdas() map[string]Lambda       { return nil }
func (f *Fit) Source() string                   { return "" }
func (f *Fit) Score(h History) float64          { return 0 }
