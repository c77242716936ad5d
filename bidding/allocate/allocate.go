// Package allocate finds the exact optimum of spending over many concave
// response curves under bounds on items, disjoint groups and the total. It
// knows no advertising and no currency: multiply every amount by a constant and
// the answer is multiplied by it.
package allocate

import "fmt"

// Curve is the value of a daily spend; concave and not falling. Slope may be
// +Inf at 0.
type Curve interface {
	Value(spend float64) float64
	Slope(spend float64) float64
}

// Inverse is implemented by curves that know the spend at which their slope is m.
type Inverse interface{ InverseSlope(m float64) float64 }

// Item is one thing to spend on. Worth multiplies the curve's value.
type Item struct {
	ID       string
	Min, Max float64
	Worth    float64
	Curve    Curve
}

// Group bounds the sum of its items' spend. Max may be +Inf.
type Group struct {
	Name     string
	IDs      []string
	Min, Max float64
}

// Problem asks for the spends that maximise the sum of Worth*Value(spend) - spend.
type Problem struct {
	Total    *float64 // upper limit of all spend; nil for none
	SpendAll bool     // Total is to be spent exactly
	Items    []Item
	Groups   []Group // no item in two of them
}

// Solution is the optimum. Spend is in the order of the items.
type Solution struct {
	Spend     []float64
	Objective float64
	// ShadowPrice is mu: what the next unit of money earns in the items that
	// are inside their bounds and in no binding group. 1 where the total does
	// not bind, above 1 where it does, possibly below 1 with SpendAll.
	ShadowPrice float64
	Status      string   // "optimal"
	Binding     []string // the constraints that hold with equality, for people
}

// Infeasible says which constraint cannot be met.
type Infeasible struct {
	Constraint string // "total", `group "x"` or `item "x"`
	Bound      string // "min" or "max"
	Detail     string
}

func (e *Infeasible) Error() string {
	return fmt.Sprintf("infeasible: the %s of %s cannot be met: %s", e.Bound, e.Constraint, e.Detail)
}
