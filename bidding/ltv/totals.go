package ltv

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
)

// Total is what the customers of a group will bring together, discounted over
// the horizon, with its 80 % interval, in the currency of the orders. The
// interval holds the chance of each customer and the uncertainty of the
// parameters, which is the same for all of them: it does not average out, so that
// the bounds of the customers may not be added up.
type Total struct {
	Group     string  `json:"group"`
	Customers int     `json:"customers"`
	Value     float64 `json:"clv"`
	Low       float64 `json:"clv_low"`
	High      float64 `json:"clv_high"`
}

// How many draws of the parameters an interval of a total rests on, and how many
// of a group's customers are valued under each: a sample tells by how much a draw
// moves the whole, and its own error is that of a ratio.
const (
	totalDraws  = 64
	totalSample = 300
)

// totals are those of all customers and, the greatest first, of each group. groups may be
// nil; worths are those of the histories.
func (v valuer) totals(histories []History, worths []CustomerWorth, groups []string, t Term, draws []Draw) []Total {
	members := map[string][]int{}
	all := make([]int, len(histories))
	for i := range histories {
		all[i] = i
		if groups != nil {
			members[groups[i]] = append(members[groups[i]], i)
		}
	}
	out := make([]Total, 0, len(members))
	for name, of := range members {
		out = append(out, v.total(name, of, histories, worths, t, draws))
	}
	slices.SortFunc(out, func(a, b Total) int { return cmp.Or(cmp.Compare(b.Value, a.Value), cmp.Compare(a.Group, b.Group)) })
	return append([]Total{v.total(AllCustomers, all, histories, worths, t, draws)}, out...)
}

// maxGroups bounds what a column may divide customers into: one that has more
// values names them rather than groups them.
const maxGroups = 1000

func groupsOf(c *Columns, by string, histories []History) ([]string, error) {
	groups, seen := c.cells(by, histories), map[string]bool{}
	for _, g := range groups {
		seen[g] = true
	}
	if len(seen) > maxGroups {
		return nil, &Refused{fmt.Sprintf("column %s divides %d customers into %d groups; name one of at most %d values", by, len(histories), len(seen), maxGroups)}
	}
	return groups, nil
}

// AllCustomers is the name of the group of all.
const AllCustomers = "all"

func (v valuer) total(name string, members []int, histories []History, worths []CustomerWorth, t Term, draws []Draw) Total {
	out := Total{Group: name, Customers: len(members)}
	var variance float64
	for _, i := range members {
		out.Value += worths[i].Value
		variance += worths[i].variance
	}
	out.Low, out.High = out.Value, out.Value
	if !(out.Value > 0) {
		return out
	}
	low, high := sumInterval(out.Value, variance, v.shifts(members, histories, worths, t, draws))
	out.Low, out.High = min(out.Value, low), max(out.Value, high)
	return out
}

// shifts are by which factor each draw of the parameters moves the value of the
// members. How much of it discounting takes is left as it is.
func (v valuer) shifts(members []int, histories []History, worths []CustomerWorth, t Term, draws []Draw) []float64 {
	n := min(len(members), totalSample)
	sums := make([]float64, len(draws))
	var base float64
	for k := range n {
		base += worths[members[k*len(members)/n]].Value
	}
	if !(base > 0) {
		return nil
	}
	parallel(len(draws), func(d int) {
		for k := range n {
			i := members[k*len(members)/n]
			h, w := &histories[i], &worths[i]
			if !(w.Value > 0) {
				continue
			}
			count, mean := h.spent(v.all)
			o := draws[d].For(draws[d].Effects, v.design.z(i)).Outlook(h.Frequency, h.Recency/v.unit, h.Age/v.unit)
			discount := w.Value / (w.Orders * w.OrderValue)
			sums[d] += discount * o.Orders(t.Horizon) * draws[d].Spend.Expected(count, mean)
		}
		sums[d] /= base
	})
	return sums
}

// sumInterval is the 80 % interval of a sum of that mean and variance, each times
// an uncertain factor, of which shifts are draws. Given the factor a sum of many
// customers is taken as a gamma variable: positive, and leaning to the right as
// long as they are few.
func sumInterval(mean, variance float64, shifts []float64) (low, high float64) {
	if len(shifts) == 0 {
		shifts = []float64{1}
	}
	shape := mean * mean / max(variance, 1e-12*mean*mean)
	cdf := func(x float64) float64 {
		var sum float64
		for _, shift := range shifts {
			if shift > 0 {
				sum += mathext.GammaIncReg(shape, shape*x/(mean*shift))
			} else {
				sum++
			}
		}
		return sum / float64(len(shifts))
	}
	quantile := func(level float64) float64 {
		lo, hi := math.Log(mean), math.Log(mean)
		for range 60 {
			if cdf(math.Exp(lo)) <= level {
				break
			}
			lo--
		}
		for range 60 {
			if cdf(math.Exp(hi)) >= level {
				break
			}
			hi++
		}
		for hi-lo > 1e-4 {
			mid := (lo + hi) / 2
			if cdf(math.Exp(mid)) < level {
				lo = mid
			} else {
				hi = mid
			}
		}
		return math.Exp((lo + hi) / 2)
	}
	return quantile(beyond), quantile(1 - beyond)
}
