package bidding

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"adsteward/internal/civil"
)

const (
	// paceDays of history carry the forecast; a day's weight halves every
	// paceHalf days, so that a season shows and one loud week does not.
	paceDays = 56
	paceHalf = 14
	// leastPaceDays are needed to say anything.
	leastPaceDays = 7
	// weekdayPrior is how many ordinary days a weekday's factor starts with.
	weekdayPrior = 2
	// mostRho bounds the correlation of a day's surprise with the next one's.
	mostRho = 0.9
)

// paceFit is what the past says of the days to come.
type paceFit struct {
	level    []float64 // by spender: spend over budget where it follows its budget, else spend a day
	weekday  [7]float64
	sd       float64 // of a day's surprise, relative to what is expected
	rho      float64 // its correlation with the next day's
	last     float64 // newest surprise
	quantile float64 // of the central 80 %
	n        float64 // days the level rests on, weighted
}

// expected is a mean day's spend at a level and a budget.
func (s spender) expected(level, budget float64) float64 {
	switch {
	case s.bound:
		return level * budget
	case budget > 0:
		return min(level, budget)
	}
	return level
}

// levels are a spender's before and since its target or bid was changed, newer days
// counting more.
func (s spender) levels(last civil.Date, weight func(civil.Date) float64) (before, since float64) {
	var spend, weights [2]float64
	for _, d := range s.days {
		if age := last.Sub(d.date); age < 0 || age >= paceDays {
			continue
		}
		era, per := 0, 1.0
		if d.date >= s.steered {
			era = 1
		}
		if s.bound {
			per = d.budget
		}
		spend[era], weights[era] = spend[era]+weight(d.date)*d.spend, weights[era]+weight(d.date)*per
	}
	level := func(era int) float64 {
		if weights[era] > 0 {
			return spend[era] / weights[era]
		}
		return 0
	}
	return level(0), level(1)
}

// fitPace estimates each spender's level, then from all of them together, since
// their errors go together, the weekdays and how far days stray.
func fitPace(spenders []spender) (paceFit, bool) {
	f := paceFit{level: make([]float64, len(spenders))}
	var last civil.Date
	for _, s := range spenders {
		if s.live {
			last = max(last, min(s.lastData, s.today-1))
		}
	}
	weight := func(d civil.Date) float64 { return math.Exp2(-float64(last.Sub(d)) / paceHalf) }
	actual, expected := [paceDays]float64{}, [paceDays]float64{} // by age
	oldest := -1
	for i, s := range spenders {
		if !s.live || len(s.days) == 0 {
			continue
		}
		var before float64
		before, f.level[i] = s.levels(last, weight)
		for _, d := range s.days {
			if age := last.Sub(d.date); age >= 0 && age < paceDays {
				level := f.level[i]
				if d.date < s.steered {
					level = before
				}
				actual[age] += d.spend
				expected[age] += s.expected(level, d.budget)
				oldest = max(oldest, age)
			}
		}
	}
	n := oldest + 1
	if n < leastPaceDays {
		return f, false
	}
	f.weekdays(last, actual[:n], expected[:n], weight)
	ok := f.stray(last, actual[:n], expected[:n], weight)
	return f, ok && areNumbers(f.sd, f.last, f.rho)
}

// weekdays estimates how a weekday differs from the mean one, drawn to 1.
func (f *paceFit) weekdays(last civil.Date, actual, expected []float64, weight func(civil.Date) float64) {
	var spent, meant [7]float64
	var total, weights float64
	for age := range actual {
		d := last.AddDays(-age)
		w := weight(d)
		spent[d.Weekday()] += w * actual[age]
		meant[d.Weekday()] += w * expected[age]
		total, weights = total+w*expected[age], weights+w
	}
	prior := 0.0
	if weights > 0 {
		prior = weekdayPrior * total / weights
	}
	var sum float64
	for i := range f.weekday {
		f.weekday[i] = 1
		if meant[i]+prior > 0 {
			f.weekday[i] = (spent[i] + prior) / (meant[i] + prior)
		}
		sum += f.weekday[i]
	}
	for i := range f.weekday {
		if sum > 0 {
			f.weekday[i] *= 7 / sum
		}
	}
}

// stray estimates the spread of a day's surprise and how long one lasts.
func (f *paceFit) stray(last civil.Date, actual, expected []float64, weight func(civil.Date) float64) bool {
	e := make([]float64, len(actual))
	var squares, weights, weights2, lagged float64
	for age := range actual {
		d := last.AddDays(-age)
		if expected[age] <= 0 {
			continue
		}
		e[age] = actual[age]/expected[age] - f.weekday[d.Weekday()]
		w := weight(d)
		squares, weights, weights2 = squares+w*e[age]*e[age], weights+w, weights2+w*w
		if age > 0 {
			lagged += w * e[age] * e[age-1]
		}
	}
	if weights <= 0 {
		return false
	}
	f.n = weights * weights / weights2
	// What the level and the weekdays took up is no longer in the residuals.
	free := max(f.n-1-6*f.n/(f.n+7*weekdayPrior), 1)
	f.sd = math.Sqrt(squares / weights * f.n / free)
	if squares > 0 {
		// An autocorrelation is estimated too low by about (1 + 4 rho) / n
		// (Marriott and Pope 1954, eq. for a series with its mean taken off).
		r := lagged / squares
		f.rho = min(max(r+(1+4*r)/f.n, 0), mostRho)
	}
	f.last = e[0]
	f.quantile = distuv.StudentsT{Mu: 0, Sigma: 1, Nu: max(free, 2)}.Quantile(0.9)
	return true
}

// sum forecasts the surprise of days to come, the first right after the newest
// reported one, and its standard deviation: the surprises are an AR(1) that
// starts at the newest, and the level they are measured from is itself an
// estimate.
func (f *paceFit) sum(ahead []float64) (surprise, sd float64) {
	var total, variance float64
	for i, a := range ahead {
		surprise += a * f.last * math.Pow(f.rho, float64(i+1))
		total += a
		for j, b := range ahead {
			variance += a * b * (math.Pow(f.rho, math.Abs(float64(i-j))) - math.Pow(f.rho, float64(i+j+2)))
		}
	}
	variance += total * total * (1 + f.rho) / (1 - f.rho) / f.n
	return surprise, f.sd * math.Sqrt(max(variance, 0))
}

// areNumbers reports whether every figure is a number.
func areNumbers(xs ...float64) bool {
	for _, x := range xs {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return false
		}
	}
	return true
}
