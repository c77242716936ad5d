// Package ltv says what a customer will be worth: models of how often a
// customer orders and for how long (NBD, BG/NBD, MBG/NBD, Pareto/NBD), and of
// what an order brings (Gamma-Gamma), fitted by maximum likelihood on purchase
// histories. Data in, estimates out: no SQL, no clock, no platform.
//
// Time has one unit within a fit, days or weeks, chosen by whoever makes the
// rows; money is the shop's currency as a decimal number.
package ltv

// History is one customer's purchases up to an end date. Orders of one day
// count once, their values summed. Times are days.
type History struct {
	CustomerID  string
	Frequency   int     // repeat order days
	Recency     float64 // age at the last order
	Age         float64 // from the first order to the end
	Orders      int     // order days, Frequency + 1
	MeanValue   float64 // of all order days
	FirstValue  float64
	RepeatValue float64 // sum of all order days but the first
}

// Refused says why the data cannot carry a model.
type Refused struct{ Reason string }

func (e *Refused) Error() string { return e.Reason }

// Model names a model of order counts.
type Model string

const (
	NBD       Model = "nbd"       // nobody ever leaves
	BGNBD     Model = "bgnbd"     // may leave after each repeat order
	MBGNBD    Model = "mbgnbd"    // may leave after each order, the first too
	ParetoNBD Model = "paretonbd" // may leave at any time
)

// Title is the model's name as the literature writes it.
func (m Model) Title() string {
	switch m {
	case BGNBD:
		return "BG/NBD"
	case MBGNBD:
		return "MBG/NBD"
	case ParetoNBD:
		return "Pareto/NBD"
	}
	return "NBD"
}

// Params are the parameters of one model; those it has not are zero. Alpha and
// Beta are in the unit of time of the fit.
type Params struct {
	R     float64 `json:"r"`
	Alpha float64 `json:"alpha"`
	A     float64 `json:"a,omitempty"`
	B     float64 `json:"b,omitempty"`
	S     float64 `json:"s,omitempty"`
	Beta  float64 `json:"beta,omitempty"`
}

// pack puts parameters in the order the likelihoods take them.
func (m Model) pack(p Params) []float64 {
	switch m {
	case BGNBD, MBGNBD:
		return []float64{p.R, p.Alpha, p.A, p.B}
	case ParetoNBD:
		return []float64{p.R, p.Alpha, p.S, p.Beta}
	}
	return []float64{p.R, p.Alpha}
}

func (m Model) unpack(v []float64) Params {
	p := Params{R: v[0], Alpha: v[1]}
	switch m {
	case BGNBD, MBGNBD:
		p.A, p.B = v[2], v[3]
	case ParetoNBD:
		p.S, p.Beta = v[2], v[3]
	}
	return p
}

// Names are the model's parameters.
func (m Model) Names() []string {
	switch m {
	case BGNBD, MBGNBD:
		return []string{"r", "alpha", "a", "b"}
	case ParetoNBD:
		return []string{"r", "alpha", "s", "beta"}
	}
	return []string{"r", "alpha"}
}

// Of is the parameter of that name, 0 where there is none.
func (p Params) Of(name string) float64 {
	return map[string]float64{"r": p.R, "alpha": p.Alpha, "a": p.A, "b": p.B, "s": p.S, "beta": p.Beta}[name]
}
