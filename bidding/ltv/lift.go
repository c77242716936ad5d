package ltv

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Lift holds predicted against actual value by tenths of the customers, those
// predicted highest first: value per customer in the holdout's Days.
type Lift struct {
	Finding
	Days   int     `json:"days"`
	Tenths []Tenth `json:"tenths"`
	// TopShare is the share of all value the first tenth brought.
	TopShare          float64 `json:"top_share"`
	TopSharePredicted float64 `json:"top_share_predicted"`
}

// Tenth is a tenth of the customers. Customers of like predictions are split
// evenly where they lie on a bound, so that Customers need not be whole.
type Tenth struct {
	Customers float64 `json:"customers"`
	Predicted float64 `json:"predicted_value_per_customer"`
	Actual    float64 `json:"actual_value_per_customer"`
}

// scores gathers customers by what is predicted of them, in steps of one percent:
// its memory does not grow with the customers.
type scores struct{ bins map[int]score }

type score struct{ n, predicted, actual float64 }

const (
	scoreBins = 100 // to a factor e
	noScore   = math.MinInt
)

func (s *scores) add(predicted, actual float64) {
	if s.bins == nil {
		s.bins = map[int]score{}
	}
	k := noScore
	if predicted > 0 {
		k = int(math.Floor(math.Log(predicted) * scoreBins))
	}
	b := s.bins[k]
	s.bins[k] = score{b.n + 1, b.predicted + predicted, b.actual + actual}
}

// forecaster foretells what customers bring in the next days, undiscounted.
// Customers with one order, most of a shop's, share their orders by age.
type forecaster struct {
	valuer
	days int
	once map[float64]float64
}

func newForecaster(v valuer, days int) *forecaster {
	return &forecaster{v, days, map[float64]float64{}}
}

func (f *forecaster) value(h *History) float64 {
	orders, known := 0.0, false
	if h.Frequency == 0 {
		orders, known = f.once[h.Age]
	}
	if !known {
		orders = f.law.Outlook(h.Frequency, h.Recency/f.unit, h.Age/f.unit).Orders(float64(f.days) / f.unit)
	}
	if h.Frequency == 0 {
		f.once[h.Age] = orders
	}
	n, mean := h.spent(f.all)
	e := orders * f.spend.Expected(n, mean)
	if !(e >= 0) || math.IsInf(e, 0) {
		return 0
	}
	return e
}

// Least customers and days of a holdout for tenths to say anything.
const (
	fewInTenths = 100
	fewDays     = 7
)

func (s *scores) tenths(days int, refused string) Lift {
	l := Lift{Days: days}
	var all score
	keys := slices.SortedFunc(maps.Keys(s.bins), func(a, b int) int { return cmp.Compare(b, a) })
	for _, k := range keys {
		b := s.bins[k]
		all = score{all.n + b.n, all.predicted + b.predicted, all.actual + b.actual}
	}
	switch {
	case refused != "":
		l.Missing = "The first two thirds of the orders cannot carry a fit of their own: " + refused + "."
	case days < fewDays:
		l.Missing = fmt.Sprintf("A holdout of %d days is too short to compare values.", days)
	case all.n < fewInTenths:
		l.Missing = fmt.Sprintf("%.0f customers are too few to be cut into tenths; it takes %d.", all.n, fewInTenths)
	case !(all.actual > 0 && all.predicted > 0):
		l.Missing = fmt.Sprintf("The customers seen before brought nothing in the last %d days, so there is no value to compare.", days)
	}
	if l.Missing != "" {
		return l
	}
	l.Tenths = s.cut(keys, all.n/10)
	l.TopShare = l.Tenths[0].Actual * l.Tenths[0].Customers / all.actual
	l.TopSharePredicted = l.Tenths[0].Predicted * l.Tenths[0].Customers / all.predicted
	l.say(all)
	return l
}

// cut goes through the scores from the highest and closes a tenth at each size.
func (s *scores) cut(keys []int, size float64) (out []Tenth) {
	open := score{}
	for _, k := range keys {
		for b := s.bins[k]; b.n > 1e-9*size; {
			share := min(1, (size-open.n)/b.n)
			part := score{share * b.n, share * b.predicted, share * b.actual}
			open = score{open.n + part.n, open.predicted + part.predicted, open.actual + part.actual}
			b = score{b.n - part.n, b.predicted - part.predicted, b.actual - part.actual}
			if open.n >= size*(1-1e-9) {
				out = append(out, Tenth{open.n, open.predicted / open.n, open.actual / open.n})
				open = score{}
			}
		}
	}
	if open.n > size/2 { // the last, but for rounding
		out = append(out, Tenth{open.n, open.predicted / open.n, open.actual / open.n})
	}
	return out
}

// How much of the best possible order the predicted one reaches to hold, and to
// hold roughly.
const (
	orderHolds   = 0.95
	orderRoughly = 0.8
)

// say judges the order of the tenths, and the level by the totals.
func (l *Lift) say(all score) {
	l.Says = fmt.Sprintf("The tenth of customers predicted highest brought %.0f %% of all value in the %d days after; the model expected %.0f %%.", 100*l.TopShare, l.Days, 100*l.TopSharePredicted)
	switch order := l.order(); {
	case order >= orderHolds:
		l.Says += " The order holds."
	case order >= orderRoughly:
		l.Says += " The order holds roughly."
	default:
		l.Off = true
		l.Says += " The order does not hold: do not choose customers by predicted value."
	}
	l.Says += fmt.Sprintf(" All together brought %.2f a head where %.2f was expected: %s.", all.actual/all.n, all.predicted/all.n, compare(all.actual, all.predicted))
	l.Off = l.Off || far(all.actual, all.predicted)
}

// order is the value Gini of the tenths: the area between the curve of value
// gathered in the predicted order and that of customers in no order, divided by
// the same area in the order of what they brought. 1 where all brought the same.
func (l *Lift) order() float64 {
	var actual []float64
	var mean float64
	for _, t := range l.Tenths {
		actual = append(actual, t.Actual)
		mean += t.Actual / float64(len(l.Tenths))
	}
	gathered := func(values []float64) (area float64) {
		ahead := 0.0 // of customers in no order
		for _, v := range values {
			ahead += v - mean
			area += ahead
		}
		return area
	}
	predicted := gathered(actual)
	slices.SortFunc(actual, func(a, b float64) int { return cmp.Compare(b, a) })
	if best := gathered(actual); best > 1e-9*mean {
		return predicted / best
	}
	return 1
}
