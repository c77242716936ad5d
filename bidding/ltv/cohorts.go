package ltv

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"adsteward/internal/civil"
)

// Tally counts customer days, sorted by customer and date, for the diagnostics:
// new customers and repeat orders by day, and cohorts by month. It holds one
// customer at a time; its memory grows with the days, not with the customers.
type Tally struct {
	first, until, cut civil.Date
	firsts, repeats   map[civil.Date]float64 // of the customers seen by cut
	cohorts           map[civil.Date]*cohortTally

	customer string
	open     bool
	from, at civil.Date // the open customer's first and latest day
	active   int        // the latest month of age in which that customer ordered
	cohort   *cohortTally
}

// ageDays is a month of a customer's age, maxAges how many are told apart.
const (
	ageDays = 30
	maxAges = 60
)

type cohortTally struct {
	customers, firstValue, orders, value float64
	seen                                 [maxAges + 1]float64 // customers by whole months of age
	ages                                 [maxAges]CohortCell
}

// NewTally counts days up to and including until; cut ends the calibration.
func NewTally(until, cut civil.Date) *Tally {
	return &Tally{first: until, until: until, cut: cut, firsts: map[civil.Date]float64{}, repeats: map[civil.Date]float64{}, cohorts: map[civil.Date]*cohortTally{}}
}

// Add takes one order or one day's total; rows of one day count once, their
// values summed.
func (t *Tally) Add(customerID string, day civil.Date, value float64) {
	if day > t.until {
		return
	}
	if !t.open || customerID != t.customer {
		t.begin(customerID, day, value)
		return
	}
	if day == t.from {
		t.cohort.firstValue += value
		return
	}
	age := (day.Sub(t.from) - 1) / ageDays
	whole := age < maxAges && (age+1)*ageDays <= t.until.Sub(t.from)
	t.cohort.value += value
	if whole {
		t.cohort.ages[age].Value += value
	}
	if day == t.at {
		return
	}
	t.at = day
	if t.from <= t.cut {
		t.repeats[day]++
	}
	t.cohort.orders++
	if whole {
		t.cohort.ages[age].Orders++
		if age != t.active {
			t.active = age
			t.cohort.ages[age].Active++
		}
	}
}

func (t *Tally) begin(customerID string, day civil.Date, value float64) {
	t.open, t.customer, t.from, t.at, t.active = true, customerID, day, day, -1
	t.first = min(t.first, day)
	if day <= t.cut {
		t.firsts[day]++
	}
	month := monthOf(day)
	t.cohort = t.cohorts[month]
	if t.cohort == nil {
		t.cohort = &cohortTally{}
		t.cohorts[month] = t.cohort
	}
	t.cohort.customers++
	t.cohort.firstValue += value
	t.cohort.seen[min(t.until.Sub(day)/ageDays, maxAges)]++
}

// monthOf is the first day of a day's month.
func monthOf(d civil.Date) civil.Date { return d.AddDays(1 - d.Time().Day()) }

// Triangle is what customers acquired in one month brought in each month of
// their age, 30 days counted from each customer's first order; the first order
// itself is not in it. Expected is by month of age, the same for all cohorts: the
// model knows no other difference between them.
type Triangle struct {
	Finding
	Expected []CohortExpected `json:"expected"`
	Cohorts  []Cohort         `json:"cohorts"`
}

// CohortExpected is what a customer does in one month of age.
type CohortExpected struct {
	Orders float64 `json:"orders_per_customer"`
	Value  float64 `json:"value_per_customer"`
}

// Cohort is the customers acquired in a month, with all their orders so far.
type Cohort struct {
	Month        string       `json:"month"` // YYYY-MM
	Customers    float64      `json:"customers"`
	FirstValue   float64      `json:"first_value"`
	RepeatOrders float64      `json:"repeat_orders"`
	RepeatValue  float64      `json:"repeat_value"`
	Ages         []CohortCell `json:"months_of_age"`
}

// CohortCell is one month of age of the customers who have lived all of it: how
// many these are, how many of them ordered, and their repeat orders and value.
type CohortCell struct {
	Customers float64 `json:"customers"`
	Active    float64 `json:"active"`
	Orders    float64 `json:"orders"`
	Value     float64 `json:"value"`
}

// triangle takes a customer's expected value in a month of age to be the orders
// the law expects of a new customer in it, times the mean value of an order.
func (t *Tally) triangle(law Law, orderValue, unit float64) Triangle {
	var r Triangle
	for _, month := range slices.Sorted(maps.Keys(t.cohorts)) {
		c := t.cohorts[month]
		out := Cohort{Month: month.Time().Format("2006-01"), Customers: c.customers, FirstValue: c.firstValue, RepeatOrders: c.orders, RepeatValue: c.value}
		var lived float64
		for age := maxAges; age > 0; age-- {
			if lived += c.seen[age]; lived > 0 {
				cell := c.ages[age-1]
				cell.Customers = lived
				out.Ages = append(out.Ages, cell)
			}
		}
		slices.Reverse(out.Ages)
		r.Cohorts = append(r.Cohorts, out)
	}
	ages := 0
	for _, c := range r.Cohorts {
		ages = max(ages, len(c.Ages))
	}
	if ages == 0 {
		return Triangle{Finding: Finding{Missing: fmt.Sprintf("No customer has been known for the %d days of a whole month of age yet.", ageDays)}}
	}
	fresh, before := law.NewCustomer(), 0.0
	for age := range ages {
		orders := fresh.Orders(float64((age+1)*ageDays) / unit)
		e := max(0, orders-before)
		r.Expected = append(r.Expected, CohortExpected{e, e * orderValue})
		before = orders
	}
	r.say()
	return r
}

// departure is how far a cohort's repeat orders are from what is expected.
type departure struct{ actual, expected float64 }

// sure says whether a departure is more than chance: three standard deviations
// of a Poisson count, and more than a quarter.
func (d departure) sure() bool {
	return d.expected >= fewExpected && math.Abs(d.actual-d.expected) > 3*math.Sqrt(d.expected) && far(d.actual, d.expected)
}

// off is by which factor, up or down, the departure is.
func (d departure) off() float64 {
	return max(d.actual/d.expected, d.expected/max(d.actual, 1))
}

func (r *Triangle) say() {
	var all, worst departure
	var value, valueExpected float64
	month, beyond := "", 0
	for _, c := range r.Cohorts {
		var d departure
		for age, cell := range c.Ages {
			d.actual += cell.Orders
			d.expected += cell.Customers * r.Expected[age].Orders
			value += cell.Value
			valueExpected += cell.Customers * r.Expected[age].Value
		}
		all = departure{all.actual + d.actual, all.expected + d.expected}
		if d.sure() {
			if beyond++; month == "" || d.off() > worst.off() {
				month, worst = c.Month, d
			}
		}
	}
	r.Says = fmt.Sprintf("In the months seen whole the customers brought %s repeat orders where %s were expected", whole(all.actual), whole(all.expected))
	if max(all.expected, all.actual) < fewExpected {
		r.Says += ": too few to judge."
		return
	}
	r.Says += ": " + compare(all.actual, all.expected) + "."
	if valueExpected > 0 {
		r.Says += fmt.Sprintf(" Their value: %s.", compare(value, valueExpected))
	}
	if beyond == 0 {
		r.Says += " No cohort is off by more than a quarter and more than chance."
		return
	}
	r.Off = true
	r.Says += fmt.Sprintf(" More than a quarter off: %d of %d cohorts, most of all that of %s with %.2f times the repeat orders expected. Ask what was different about the customers bought then.",
		beyond, len(r.Cohorts), monthName(month), worst.actual/worst.expected)
}

func monthName(month string) string {
	t, err := time.Parse("2006-01", month)
	if err != nil {
		return month
	}
	return t.Format("January 2006")
}
