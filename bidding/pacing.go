package bidding

import (
	"fmt"
	"math"
	"slices"

	"adsteward/bidding/guard"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// Month is where a monthly budget stands: what was spent, what the whole month
// will cost as things are, and what that leaves. Amounts are in its currency.
type Month struct {
	guard.Pace
	First    civil.Date   `json:"first,omitzero"` // of the month
	Last     civil.Date   `json:"last,omitzero"`
	Today    civil.Date   `json:"today,omitzero"`   // not over yet, so not in Spent
	DaysLeft int          `json:"days_left"`        // today and the days after it
	DataTo   civil.Date   `json:"data_to,omitzero"` // newest reported day; zero: none
	Spent    money.Micros `json:"spent"`            // as reported, up to yesterday
	// Low and High are the central 80 % of the landing. Most is what the platforms'
	// own limits on the present budgets leave possible.
	Low  money.Micros `json:"low"`
	High money.Micros `json:"high"`
	Most money.Micros `json:"most"`
	// PerDay is what is spent on a mean day left, Left what the budget leaves for
	// each; Left is 0 where it is used up.
	PerDay  money.Micros `json:"per_day"`
	Left    money.Micros `json:"left_per_day"`
	Budgets money.Micros `json:"budgets"` // the daily budgets together, now
	// Wanted is what the plan lets them add up to tonight.
	Wanted money.Micros `json:"wanted"`
	State  MonthState   `json:"state"`
	Why    string       `json:"why"`   // for people
	Units  []string     `json:"units"` // whose budgets count, by Key.String()
	// Parts are those of Units of which only some campaigns belong to the month: what
	// part of the budget, its limits and its changes counts, which is the campaigns'
	// part of the spend.
	Parts map[string]float64 `json:"parts,omitempty"`
}

// Part is what part of a change of one of its units' budgets the month bears, 0 to 1.
func (m Month) Part(unit string) float64 {
	if of, ok := m.Parts[unit]; ok {
		return of
	}
	if slices.Contains(m.Units, unit) {
		return 1
	}
	return 0
}

// MonthState says in a word how a month is going.
type MonthState string

const (
	OnCourse   MonthState = "on_course"
	Above      MonthState = "above"      // lands above its budget; budgets come down
	Below      MonthState = "below"      // leaves money over; budgets may grow
	TooLate    MonthState = "too_late"   // what is off is not made up for in its last days
	Unforeseen MonthState = "unforeseen" // too little is known
)

// spender is a daily budget, or a campaign that no longer has one, as the
// forecast of a month sees it.
type spender struct {
	key      string
	platform platform.Name
	live     bool
	bound    bool         // its spend follows its budget
	budget   money.Micros // now
	today    civil.Date
	lastData civil.Date
	days     []spentDay   // ascending, before today
	changed  civil.Date   // newest change of the budget; zero: none known
	highest  money.Micros // budget set today, if one was
	steered  civil.Date   // since when the level is what it is; zero: all along
}

// spentDay is a day's spend, and the budget of that day.
type spentDay struct {
	date          civil.Date
	spend, budget float64
}

// Google: a day costs at most twice the budget (the highest set that day), a
// month 30.4 budgets, and after a change of the budget what was spent before and
// the new budget for each day left (Google Ads Help, answer 10487143). Meta: a
// day costs at most 1.75 budgets, a week from Sunday to Saturday 7.
const (
	googleDay   = 2
	googleMonth = 30.4
	metaDay     = 1.75
	metaWeek    = 7
)

// monthOf returns the first and last day of a date's month.
func monthOf(d civil.Date) (first, last civil.Date) {
	y, m, _ := d.Time().Date()
	return civil.On(y, m, 1), civil.On(y, m+1, 1) - 1
}

// pace forecasts a month. band is the share of the days left that is too small
// to be corrected; with fewer than rest days left nothing is made up for, since
// a change then moves little and could not be undone before the next month begins.
func pace(m guard.Monthly, currency string, spenders []spender, band float64, rest int) Month {
	budget, _ := money.FromFloat(m.Budget) // validated
	out := Month{Pace: guard.Pace{Name: m.Name, Currency: currency, Budget: budget}, Units: []string{}}
	for _, s := range spenders {
		out.Today, out.DataTo = max(out.Today, s.today), max(out.DataTo, s.lastData)
		if s.live {
			out.Budgets += s.budget
			if n := len(out.Units); n == 0 || out.Units[n-1] != s.key {
				out.Units = append(out.Units, s.key)
			}
		}
	}
	out.Wanted, out.State = out.Budgets, Unforeseen
	if out.Today.IsZero() {
		out.Why = "No campaign belongs to it; check what its match and its currency say."
		return out
	}
	out.First, out.Last = monthOf(out.Today)
	out.DaysLeft = out.Last.Sub(out.Today) + 1
	var spent float64
	for _, s := range spenders {
		spent += s.spent(out.First, s.today-1)
	}
	out.Spent = microsOf(spent)
	out.Left = max(budget-out.Spent, 0) / money.Micros(out.DaysLeft)
	f, ok := fitPace(spenders)
	if !ok {
		out.Why = fmt.Sprintf("Fewer than %d days of spend are known; until then nothing grows on this budget.", leastPaceDays)
		return out
	}
	out.judge(band, rest, out.land(f, spenders))
	return out
}

// land fills in the forecast, and returns how much of the daily budgets is not spent
// since something else holds the spend back.
func (m *Month) land(f paceFit, spenders []spender) (unspent money.Micros) {
	var mean, most float64
	var ahead []float64 // expected spend of the days not reported yet, by their distance from the newest reported
	for i, s := range spenders {
		if !s.live {
			continue
		}
		if !s.bound {
			unspent += max(s.budget-microsOf(s.expected(f.level[i], s.budget.Float())), 0)
		}
		from := max(min(s.lastData+1, s.today), m.First)
		limit := s.limit(from, m.First, m.Last)
		var sum float64
		days := make([]float64, 0, 31)
		for d := from; d <= m.Last; d++ {
			e := s.expected(f.level[i], s.budget.Float()) * f.weekday[d.Weekday()]
			days = append(days, e)
			sum += e
		}
		cut := 1.0
		if sum > limit {
			cut = limit / sum
		}
		for k, e := range days {
			if k == len(ahead) {
				ahead = append(ahead, 0)
			}
			ahead[k] += cut * e
		}
		mean += min(sum, limit)
		most += limit
	}
	surprise, sd := f.sum(ahead)
	spent := m.Spent.Float()
	reach := f.quantile * sd
	mean = min(max(mean+surprise, 0), most)
	m.Forecast, m.Most = microsOf(spent+mean), microsOf(spent+most)
	m.Low, m.High = microsOf(spent+max(mean-reach, 0)), microsOf(spent+min(mean+reach, most))
	m.Known = true
	m.PerDay = microsOf(mean / float64(max(len(ahead), 1)))
	return unspent
}

// judge says how the month is going and what room that leaves: the difference is
// spread over all its days left. unspent is of its daily budgets.
func (m *Month) judge(band float64, rest int, unspent money.Micros) {
	m.Room = (m.Budget - m.Forecast) / money.Micros(m.DaysLeft)
	off := math.Abs(m.Room.Float())
	// A budget inside the interval may be met as things are: what were corrected
	// now would as likely be put back later.
	inBand := off <= band*m.PerDay.Float() || m.Low <= m.Budget && m.Budget <= m.High
	m.Over = m.Room < 0 && !inBand
	show := func(v money.Micros) string { return money.Format(v.RoundTo(money.MinorUnit(m.Currency)), m.Currency) }
	switch {
	case inBand:
		m.State, m.Room = OnCourse, max(m.Room, 0)
		m.Why = "It lands on its budget, as near as can be told."
	case m.DaysLeft < rest:
		m.State, m.Room = TooLate, min(m.Room, 0)
		m.Why = fmt.Sprintf("It lands %s its budget, but in the %s left that is not made up for: a change could not be undone before the next month begins.",
			aboveBelow(m.Over, show(m.Forecast-m.Budget), show(m.Budget-m.Forecast)), dayCount(m.DaysLeft))
	case m.Over:
		m.State, m.Wanted = Above, max(m.Budgets+m.Room, 0)
		m.Why = fmt.Sprintf("As things are it lands %s above its budget; the daily budgets together should come down by %s a day.", show(m.Forecast-m.Budget), show(-m.Room))
		if unspent.Float() > band*m.Budgets.Float() {
			m.Why += fmt.Sprintf(" Of what they are now, %s a day is not spent, since targets, bids or demand hold it back: cutting that saves nothing before budgets bind; higher targets or lower bids save at once.", show(unspent))
		}
	default:
		m.State, m.Wanted = Below, m.Budgets+m.Room
		m.Why = fmt.Sprintf("As things are it leaves %s over; the daily budgets together may grow by %s a day where that earns more than it costs.", show(m.Budget-m.Forecast), show(m.Room))
	}
}

func dayCount(n int) string {
	if n == 1 {
		return "one day"
	}
	return fmt.Sprintf("%d days", n)
}

func aboveBelow(over bool, above, below string) string {
	if over {
		return above + " above"
	}
	return below + " below"
}

// microsOf converts a model's figure; what is no amount counts as none.
func microsOf(units float64) money.Micros {
	v, err := money.FromFloat(units)
	if err != nil {
		return 0
	}
	return v
}

// spent sums the reported days from one date to another, both inclusive.
func (s spender) spent(from, to civil.Date) (sum float64) {
	for _, d := range s.days {
		if from <= d.date && d.date <= to {
			sum += d.spend
		}
	}
	return sum
}

// limit is the most that the platform lets the present budget cost from a day on
// to the end of the month.
func (s spender) limit(from, first, last civil.Date) float64 {
	b := s.budget.Float()
	if b <= 0 || from > last {
		return 0
	}
	if s.platform == platform.Meta {
		return s.weekly(from, last, b)
	}
	days := float64(last.Sub(from) + 1)
	byDay := googleDay * b * days
	if s.highest > s.budget && from <= s.today {
		byDay += googleDay * (s.highest.Float() - b)
	}
	month := googleMonth*b - s.spent(first, from-1)
	if s.changed > first {
		month = b*float64(last.Sub(s.changed)+1) - s.spent(s.changed, from-1)
	}
	return max(min(byDay, month), 0)
}

// weekly sums what Meta's weeks from Sunday on leave.
func (s spender) weekly(from, last civil.Date, b float64) (sum float64) {
	for d := from; d <= last; {
		sunday := d.AddDays(-int(d.Weekday()))
		end := min(sunday+6, last)
		week := metaWeek*b - s.spent(sunday, d-1)
		sum += max(min(week, metaDay*b*float64(end.Sub(d)+1)), 0)
		d = end + 1
	}
	return sum
}
