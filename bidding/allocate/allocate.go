// Package allocate finds the exact optimum of spending over many response
// curves under bounds on items, disjoint groups and the total. Concave curves
// are solved by one price for money; S-shaped ones by branch and bound over
// that, to the optimum of the true curves or, where the search ends early, to
// within a stated gap of it. It knows no advertising and no
// currency: multiply every amount by a constant and the answer is multiplied
// by it. Estimating curves and deciding what to change do not belong here.
package allocate

import "fmt"

// Item is one thing to spend on. Worth multiplies the curve's value. Draws, where
// there are any, take the place of Worth and Curve: draw j of every item is one
// possible truth, all as likely, so items with draws have equally many.
type Item struct {
	ID       string
	Min, Max float64 // Max may be +Inf where the total or a group limits it
	Worth    float64
	Curve    Curve
	Draws    []Draw
}

// Group bounds the sum of its items' spend. Max may be +Inf.
type Group struct {
	Name     string
	IDs      []string
	Min, Max float64
}

// Problem asks for the spends that maximise the sum of Worth*Value(spend) - spend,
// or, with draws, what Risk says of that sum.
type Problem struct {
	Total    *float64 // upper limit of all spend; nil for none
	SpendAll bool     // Total is to be spent exactly
	Items    []Item
	Groups   []Group // no item in two of them
	Risk     Risk
}

// Optimal is the status of a solution that is proved to be the optimum, to
// within tolerance (relative) of its objective.
const Optimal = "optimal"

// Solution is the optimum. Spend is in the order of the items.
type Solution struct {
	Spend     []float64
	Objective float64
	// ShadowPrice is mu: what the next unit of money earns in the items that
	// are inside their bounds and in no binding group. 1 where the total does
	// not bind, above 1 where it does, possibly below 1 with SpendAll. Where no
	// item is inside its bounds it is one of the prices at which none would move;
	// +Inf where the next unit would earn without limit.
	ShadowPrice float64
	// Status is Optimal, or says how far below the optimum the answer can be
	// where the search over S-shaped curves reached its limit.
	Status string
	// Gap bounds how much more the optimum could earn, in the unit of
	// Objective; 0 where Status is Optimal.
	Gap     float64
	Binding []Bound // the constraints that hold with equality
	// Risk is what the spends may earn; nil where no item has draws.
	Risk *Outlook
	// Weights are the probabilities of the draws at which the mean profit has its
	// optimum here: equal ones for Mean, more on the bad draws for the others.
	Weights []float64
}

// Bound is one side of a constraint. Its text is for people.
type Bound struct {
	Of   string // "total", "group" or "item"
	Name string // of the group or item
	Side string // "min" or "max"; empty for the total, which has but a maximum
}

func (b Bound) String() string {
	if b.Of == "total" {
		return b.Of
	}
	return fmt.Sprintf("%s %q %s", b.Of, b.Name, b.Side)
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
