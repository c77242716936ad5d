package ltv

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"adsteward/internal/civil"
)

// Diagnostics hold a lifetime model against the orders it was fitted to and
// those that came after. They are stored as JSON, and drawn. Times are days,
// values the shop's currency.
type Diagnostics struct {
	Model    Model      `json:"model"`
	Currency string     `json:"currency,omitempty"` // of the values, where it is known
	First    civil.Date `json:"first_order"`
	Until    civil.Date `json:"last_day"` // of all orders looked at
	// Cut is the last day of the calibration: what the tracking and the tenths
	// expect was fitted to orders up to it, and held against those after it.
	Cut civil.Date `json:"calibration_until"`
	// Refitted is set where that took a fit of its own, since the model itself
	// knows all the orders.
	Refitted  bool           `json:"refitted"`
	Note      string         `json:"note,omitempty"` // where the model looked at is not quite the one fitted
	Frequency FrequencyCheck `json:"frequency"`
	Tracking  Tracking       `json:"tracking"`
	Alive     AliveMap       `json:"p_alive"`
	Tenths    Lift           `json:"deciles"`
	Cohorts   Triangle       `json:"cohorts"`
}

// Finding is what a diagnostic says in words. Off marks a warning. Missing says
// why there is nothing to show; all else is then empty.
type Finding struct {
	Says    string `json:"says,omitempty"`
	Off     bool   `json:"off"`
	Missing string `json:"missing,omitempty"`
}

// maxRepeat is the last class of repeat orders: that many or more.
const maxRepeat = 7

// FrequencyCheck counts the customers with 0, 1, ..., 6 and 7 or more repeat
// orders beside the model's expectation: P(X(T) = x) summed over the customers'
// ages T. Distance is half the sum of the absolute differences as a share of all
// customers.
type FrequencyCheck struct {
	Finding
	Actual   []float64 `json:"actual"`
	Expected []float64 `json:"expected"`
	Distance float64   `json:"distance"`
}

// A frequency histogram is fine within fineDistance, or what chance explains,
// and off beyond offDistance.
const (
	fineDistance = 0.02
	offDistance  = 0.05
)

// checkFrequency takes P(X(T) = x) from the outlook of a new customer: for
// BG/NBD it is equation (8) of Fader, Hardie and Lee 2005, for MBG/NBD the same
// with one more chance to leave, for Pareto/NBD the negative binomial averaged
// over the customer's life (Schmittlein, Morrison and Colombo 1987).
func checkFrequency(law Law, rows []Row) FrequencyCheck {
	f := FrequencyCheck{Actual: make([]float64, maxRepeat+1), Expected: make([]float64, maxRepeat+1)}
	byAge := map[float64]float64{}
	var n float64
	for _, r := range rows {
		f.Actual[min(r.X, maxRepeat)] += r.N
		byAge[r.T] += r.N
		n += r.N
	}
	fresh := law.NewCustomer()
	for _, age := range slices.Sorted(maps.Keys(byAge)) {
		left := 1.0
		for x, p := range fresh.counts(age, 1e-9) {
			if x == maxRepeat {
				break
			}
			f.Expected[x] += byAge[age] * p
			left -= p
		}
		f.Expected[maxRepeat] += byAge[age] * max(left, 0)
	}
	for x, e := range f.Expected {
		f.Distance += math.Abs(f.Actual[x]-e) / n / 2
	}
	verdict := "that is close"
	switch {
	case f.Distance <= fineDistance || byChance(f.Actual, f.Expected):
		verdict = "fine"
	case f.Distance > offDistance:
		f.Off = true
		verdict = fmt.Sprintf("that is off: %.0f %% of customers are in another class than expected, so take single forecasts with care", 100*f.Distance)
	}
	f.Says = fmt.Sprintf("The model expects %s customers without a repeat order, there were %s; with %d or more it expects %s, there were %s: %s.",
		whole(f.Expected[0]), whole(f.Actual[0]), maxRepeat, whole(f.Expected[maxRepeat]), whole(f.Actual[maxRepeat]), verdict)
	return f
}

// byChance is Pearson's chi-squared test at 5 % that counts differ from their
// expectations, classes taken together from the end until each expects 5. The
// parameters were fitted to the counts, so that it errs towards chance.
func byChance(actual, expected []float64) bool {
	var chi, a, e float64
	classes := 0
	for x := len(expected) - 1; x >= 0; x-- {
		a, e = a+actual[x], e+expected[x]
		if e >= 5 || x == 0 {
			chi += (a - e) * (a - e) / max(e, 1)
			a, e = 0, 0
			classes++
		}
	}
	return classes > 1 && chi < distuv.ChiSquared{K: float64(classes - 1)}.Quantile(0.95)
}

// Tracking follows the repeat orders of the customers seen by the end of the
// calibration, week by week counted from there, before and after.
type Tracking struct {
	Finding
	Weeks []Week `json:"weeks"`
	// Repeat orders after the calibration.
	HoldoutActual   float64 `json:"holdout_actual"`
	HoldoutExpected float64 `json:"holdout_expected"`
	// WeeksSay judges the single weeks.
	WeeksSay string `json:"weeks_say,omitempty"`
}

// Week is the seven days up to and including Last; the first is what lies before
// the second:
// repeat orders in it, and from the first order on.
type Week struct {
	Last           civil.Date `json:"last_day"`
	Actual         float64    `json:"actual"`
	Expected       float64    `json:"expected"`
	ActualToDate   float64    `json:"actual_to_date"`
	ExpectedToDate float64    `json:"expected_to_date"`
}

// mostWeeks is how far back weeks are told apart.
const mostWeeks = 520

// fewExpected is below how many expected orders a difference says nothing.
const fewExpected = 50

// tracking expects, of each day's new customers, as many repeat orders as the
// law expects of a customer that old. unit is the days of the law's unit.
func (t *Tally) tracking(law Law, unit float64) Tracking {
	var k Tracking
	if t.cut.Sub(t.first) < 14 {
		k.Missing = fmt.Sprintf("%d days of orders are too few weeks to follow.", t.until.Sub(t.first)+1)
		return k
	}
	fresh, byAge := law.NewCustomer(), map[int]float64{}
	firsts := slices.Sorted(maps.Keys(t.firsts))
	expected := func(day civil.Date) (sum float64) {
		for _, first := range firsts {
			if first > day {
				break
			}
			age := day.Sub(first)
			e, ok := byAge[age]
			if !ok {
				e = fresh.Orders(float64(age) / unit)
				byAge[age] = e
			}
			sum += t.firsts[first] * e
		}
		return sum
	}
	day := t.first.AddDays(t.cut.Sub(t.first) % 7)
	if early := t.until.Sub(day)/7 - mostWeeks; early > 0 {
		day = day.AddDays(7 * early)
	}
	var before Week
	for from := t.first; day <= t.until; from, day = day.AddDays(1), day.AddDays(7) {
		w := Week{Last: day, ActualToDate: before.ActualToDate, ExpectedToDate: expected(day)}
		for d := from; d <= day; d++ {
			w.Actual += t.repeats[d]
		}
		w.ActualToDate += w.Actual
		w.Expected = max(0, w.ExpectedToDate-before.ExpectedToDate)
		if day > t.cut {
			k.HoldoutActual += w.Actual
			k.HoldoutExpected += w.Expected
		}
		k.Weeks = append(k.Weeks, w)
		before = w
	}
	k.say(t.cut)
	k.sayWeeks()
	return k
}

// sayWeeks counts the weeks that chance explains: within two standard deviations
// of a Poisson count.
func (k *Tracking) sayWeeks() {
	within, most := 0, 0
	for i, w := range k.Weeks {
		if math.Abs(w.Actual-w.Expected) <= 2*math.Sqrt(max(w.Expected, 1)) {
			within++
		}
		if w.Actual-w.Expected > k.Weeks[most].Actual-k.Weeks[most].Expected {
			most = i
		}
	}
	if len(k.Weeks) > 0 {
		w := k.Weeks[most]
		k.WeeksSay = fmt.Sprintf("%d of %d weeks lie within what chance explains. The week to %s was the furthest above: %s repeat orders where %s were expected.",
			within, len(k.Weeks), w.Last, whole(w.Actual), whole(w.Expected))
	}
}

func (k *Tracking) say(cut civil.Date) {
	i, found := slices.BinarySearchFunc(k.Weeks, cut, func(w Week, d civil.Date) int { return cmp.Compare(w.Last, d) })
	if !found {
		k.Says = fmt.Sprintf("The calibration ends with %s, before the weeks shown.", cut)
		return
	}
	at, weeks := k.Weeks[i], len(k.Weeks)-1-i
	k.Says = fmt.Sprintf("Up to %s the model counts %s repeat orders, there were %s.", cut, whole(at.ExpectedToDate), whole(at.ActualToDate))
	if weeks == 0 {
		k.Says += " No whole week lies after it, so this shows how the model fits, not how it foretells."
		return
	}
	verdict := "too few to judge"
	if max(k.HoldoutExpected, k.HoldoutActual) >= fewExpected {
		verdict = compare(k.HoldoutActual, k.HoldoutExpected)
		if k.Off = far(k.HoldoutActual, k.HoldoutExpected); k.Off {
			verdict += "; the data are seasonal, or begin after the shop did, or customers have changed, and forecasts will be off likewise"
		}
	}
	k.Says += fmt.Sprintf(" In the %d weeks after, which it had not seen, it expected %s and %s came: %s.", weeks, whole(k.HoldoutExpected), whole(k.HoldoutActual), verdict)
}

// compare puts actual against expected in words.
func compare(actual, expected float64) string {
	switch pct := 100 * (actual - expected) / expected; {
	case math.Abs(pct) < 5:
		return "fine"
	case pct < 0:
		return fmt.Sprintf("%.0f %% below expectation", -pct)
	case pct < 1000:
		return fmt.Sprintf("%.0f %% above expectation", pct)
	default:
		return "many times the expectation"
	}
}

// far says whether actual is out of all proportion to expected.
func far(actual, expected float64) bool {
	return actual > offTrack*expected || actual < expected/offTrack
}

// AliveMap is the probability that a customer still is one, by repeat orders and
// days since the last order. Since holds the bounds of the rows: row i is Since[i]
// to Since[i+1]-1 days, the last one is open. Columns are 0, 1, ..., 6, 7+ repeat orders.
type AliveMap struct {
	Finding
	MedianAge float64       `json:"median_age_days"`
	Since     []int         `json:"since_days"`
	Cells     [][]AliveCell `json:"cells"`
	Customers float64       `json:"customers"`
	Active    float64       `json:"active"` // expected number
}

// AliveCell is a cell's customers and their mean p(alive). Without customers
// it is that of a customer of the median age who would be there, null where none
// could be.
type AliveCell struct {
	Customers float64  `json:"customers"`
	PAlive    *float64 `json:"p_alive"`
}

// aliveRows is how many steps of days since the last order the map has.
const aliveRows = 8

func mapAlive(law Law, rows []Row, unit float64) AliveMap {
	var m AliveMap
	m.MedianAge = medianAge(rows) * unit
	step := max(1, int(math.Ceil(m.MedianAge/aliveRows)))
	for i := range aliveRows + 1 {
		m.Since = append(m.Since, i*step)
		m.Cells = append(m.Cells, make([]AliveCell, maxRepeat+1))
	}
	sums := make([][maxRepeat + 1]float64, aliveRows+1)
	var lost float64 // repeat buyers more likely gone than not
	for _, r := range rows {
		p := law.Outlook(r.X, r.TX, r.T).PAlive()
		i, x := min(int((r.T-r.TX)*unit+1e-9)/step, aliveRows), min(r.X, maxRepeat)
		m.Cells[i][x].Customers += r.N
		sums[i][x] += r.N * p
		m.Customers += r.N
		m.Active += r.N * p
		if r.X >= 2 && p < 0.5 {
			lost += r.N
		}
	}
	for i, cells := range m.Cells {
		for x := range cells {
			c := &cells[x]
			if c.Customers > 0 {
				p := sums[i][x] / c.Customers
				c.PAlive = &p
			} else if since := (float64(m.Since[i]) + float64(step)/2) / unit; x > 0 && since < medianAge(rows) {
				p := law.Outlook(x, medianAge(rows)-since, medianAge(rows)).PAlive()
				c.PAlive = &p
			}
		}
	}
	m.Says = fmt.Sprintf("Of %s customers the model takes %s (%.0f %%) to be still active.", whole(m.Customers), whole(m.Active), 100*m.Active/m.Customers)
	if lost > 0 {
		m.Says += fmt.Sprintf(" Customers with two or more repeat orders who have stayed away so long that they are more likely gone: %s, the ones to win back.", whole(lost))
	}
	if law.Model == BGNBD {
		m.Says += " BG/NBD takes everybody without a repeat order to be active, since it lets customers leave only after one; read that column as not known."
	}
	return m
}

// medianAge is the age of the customer in the middle, in the rows' unit.
func medianAge(rows []Row) float64 {
	byAge := map[float64]float64{}
	var n float64
	for _, r := range rows {
		byAge[r.T] += r.N
		n += r.N
	}
	var below, age float64
	for _, age = range slices.Sorted(maps.Keys(byAge)) {
		if below += byAge[age]; below >= n/2 {
			break
		}
	}
	return age
}

// whole is a count in words.
func whole(v float64) string { return thousands(int(math.Round(v))) }
