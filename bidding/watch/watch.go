// Package watch looks for falls that chance does not explain: it holds the
// newest weeks of a figure (conversions per click, value per spend, ...) against
// the weeks before, every night anew, with a sequential test whose false alarms
// are counted. Data in, alerts out: what an alert forbids is a guardrail's matter.
package watch

import (
	"math"

	"adsteward/internal/civil"
)

const (
	// Window is how many of the newest days may hold the beginning of a fall.
	// What has lasted longer is in the reference: it has become usual.
	Window = 28
	// reference is how many days before the window say what is usual.
	reference = 56
	// leastReference days with exposure are needed, so that each day of the week
	// is there some times, and leastCount independent counts.
	leastReference = 35
	leastCount     = 20
	// shortReference is as many days of what has a window of its own.
	shortReference = 14
	// weekdayPrior is the weight, in independent counts, by which each day of the
	// week leans on the average day.
	weekdayPrior = 5
	// recent is how many of the newest days must still be down.
	recent = 7
)

// Day is one day of a figure. Count is proportional to Exposure while nothing
// changes: conversions to clicks, say. Exposure is already shortened to what
// should have been reported of the day by now.
type Day struct {
	Date            civil.Date
	Count, Exposure float64
}

// Series is one figure of one unit, its days ascending.
type Series struct {
	Days []Day
	// Pool names the series whose days hang together alike.
	Pool string
	// Grain is what one independent event adds to Count: 1 for conversions and
	// clicks, the mean order for value. The variance is at least Grain times the mean.
	Grain float64
	// Family names series that share the rule's false alarms: however many they
	// are, together they raise one in DaysPerFalseAlarm days at most. Empty: the
	// series has them for itself.
	Family string
	// Window is how many of its newest days may hold the beginning of a fall,
	// where that depends on how old it is; then fewer days before it are enough to
	// say what is usual, and more is asked of them. 0: Window.
	Window int
	// Slides says that a slow slide is a fall too, as of an ad that wears out. Demand
	// must have little part in such a figure: where its rate wanders for other
	// reasons, there are more false alarms than DaysPerFalseAlarm says.
	Slides bool
}

func (s Series) window() int {
	if s.Window <= 0 {
		return Window
	}
	return s.Window
}

func (s Series) leastReference() int {
	if s.Window > 0 {
		return shortReference
	}
	return leastReference
}

// Tells reports whether the days before the window say what is usual, so that a
// fall could be found.
func (s Series) Tells(today civil.Date) bool { return s.usual(today) != nil }

// Rule says what is looked for.
type Rule struct {
	// DaysPerFalseAlarm is the mean number of days between two false alarms of
	// one series, at least. 0: nothing is looked for.
	DaysPerFalseAlarm float64
	// Fall is the fall looked for, as a share of the usual (0.3: to 70 % of it).
	// Deeper ones are found sooner; falls of up to half of it are never
	// evidence, however long they last.
	Fall float64
}

// Fall is a breached test.
type Fall struct {
	Since    civil.Date `json:"since"`    // the most likely first day
	Ratio    float64    `json:"ratio"`    // what was counted since, as a share of what is usual
	Counted  float64    `json:"counted"`  // since
	Expected float64    `json:"expected"` // since, at the usual rate
	// ChanceDays is how sure it is: a test with this threshold raises a false
	// alarm once in so many days at most. At most MostChanceDays.
	ChanceDays float64 `json:"chance_days"`
}

// MostChanceDays, ten years, is the most a test claims: beyond, its model of
// chance is surer than anybody can be of it.
const MostChanceDays = 3650

// Find tests every series; nil where nothing is wrong or nothing can be said.
//
// The test is a Shiryaev-Roberts e-detector (Shin, Ramdas and Rinaldo 2023,
// "E-detectors: a nonparametric framework for sequential change detection",
// definition 2.4 and theorem 2.4: the sum of e-processes started each day,
// stopped at A, has a mean run of at least A days without a change). Counts are
// taken as quasi-Poisson: count / dispersion is Poisson. The rate is not known
// but comes from the reference, Gamma(n0, n0) around its mean, so where it is
// steady an e-process begun on day k with x independent counts against m expected
// ones is the ratio of two Gamma-Poisson mixtures,
//
//	theta^x ((n0+m) / (n0+theta m))^(n0+x),
//
// averaged over theta = 1 - Fall and two deeper ones. But demand and seasons make
// it wander, and a slow slide is no fall: both mixtures are summed over how far it
// may (see path), weighed by what all series of the pool show. The dispersion is
// the reference's Pearson statistic, times the pool's ratio of the variance of whole
// weeks to that of days, because days hang together. An alert ends when the
// newest seven days are likelier at the usual rate than after the fall.
//
// Of a family of m series each has to reach m A. Each detector less the number of
// days is a supermartingale where nothing changes, so is their sum less m times
// it, and what stops where one of them reaches m A, which their sum then has too,
// runs A days on average at least, whether or not they hang together.
func Find(r Rule, today civil.Date, all []Series) []*Fall {
	out := make([]*Fall, len(all))
	if !(r.DaysPerFalseAlarm > 0) || !(r.Fall > 0 && r.Fall < 1) {
		return out
	}
	usuals := make([]*usual, len(all))
	pools := map[string]*pool{}
	families := map[string]float64{} // series that can be tested
	for i, s := range all {
		u := s.usual(today)
		if usuals[i] = u; u == nil {
			continue
		}
		if pools[s.Pool] == nil {
			pools[s.Pool] = &pool{}
		}
		pools[s.Pool].add(u)
		if !s.Slides {
			pools[s.Pool].learn(u.likelihoods(today, s))
		}
		families[s.Family]++
	}
	for _, p := range pools {
		p.settle()
	}
	for i, s := range all {
		if u := usuals[i]; u != nil {
			among := 1.0
			if s.Family != "" {
				among = families[s.Family]
			}
			if s.Window > 0 { // few days say too little of their spread
				u.dispersion = max(u.dispersion, pools[s.Pool].dispersion())
			}
			out[i] = u.test(r, today, s, pools[s.Pool], among)
		}
	}
	return out
}

// usual is what the reference says.
type usual struct {
	rate       float64 // count per exposure of an average day
	dow        [7]float64
	count      float64 // of the reference
	dispersion float64 // of single days
	chi, df    float64 // what it is estimated from
	// weeks is the sum of squared standardised residuals of whole weeks, which is
	// weeksDF on average where days are independent.
	weeks, weeksDF float64
}

func (d Day) usable() bool {
	return d.Count >= 0 && d.Exposure > 0 && !math.IsInf(d.Count, 0) && !math.IsInf(d.Exposure, 0)
}

func (s Series) usual(today civil.Date) *usual {
	var days []Day
	u := &usual{}
	var exposure float64
	for _, d := range s.Days {
		if age := today.Sub(d.Date); age > s.window() && age <= s.window()+reference && d.usable() {
			days = append(days, d)
			u.count, exposure = u.count+d.Count, exposure+d.Exposure
		}
	}
	if len(days) < s.leastReference() || !(s.Grain > 0) || math.IsInf(s.Grain, 0) || u.count < leastCount*s.Grain {
		return nil
	}
	u.rate = u.count / exposure
	u.weekdays(days, s.Grain)
	var chi float64
	var seen, expected [reference/7 + 1]float64
	for _, d := range days {
		mu := u.expect(d)
		chi += (d.Count - mu) * (d.Count - mu) / mu
		week := (today.Sub(d.Date) - s.window() - 1) / 7
		seen[week], expected[week] = seen[week]+d.Count, expected[week]+mu
	}
	// One standard error above the estimate: too small a dispersion multiplies
	// false alarms, too large a one only delays true ones. Few days ask for two.
	errors := 1.0
	if s.Window > 0 {
		errors = 2
	}
	u.chi, u.df = chi, float64(len(days)-7)
	u.dispersion = max(chi/u.df*(1+errors*math.Sqrt(2/u.df)), s.Grain)
	for w := range seen {
		if mu := expected[w]; mu > 0 {
			u.weeks += (seen[w] - mu) * (seen[w] - mu) / mu / u.dispersion
			u.weeksDF++
		}
	}
	u.weeksDF-- // the rate takes one
	return u
}

// weekdays estimates the pattern of the week and keeps the total.
func (u *usual) weekdays(days []Day, grain float64) {
	var seen, fitted [7]float64
	for _, d := range days {
		w := d.Date.Weekday()
		seen[w], fitted[w] = seen[w]+d.Count, fitted[w]+u.rate*d.Exposure
	}
	var total float64
	for w := range u.dow {
		u.dow[w] = (seen[w] + weekdayPrior*grain) / (fitted[w] + weekdayPrior*grain)
		total += u.dow[w] * fitted[w]
	}
	for w := range u.dow {
		u.dow[w] *= u.count / total
	}
}

func (u *usual) expect(d Day) float64 { return u.rate * u.dow[d.Date.Weekday()] * d.Exposure }

// steps are the days from an age on, as independent counts against expected ones,
// and how many of them come before the window.
func (u *usual) steps(today civil.Date, s Series, youngest int, dispersion float64) (days []step, before int) {
	for _, d := range s.Days {
		age := today.Sub(d.Date)
		if age < youngest || age > s.window()+reference || !d.usable() {
			continue
		}
		if age > s.window() {
			before++
		}
		days = append(days, step{d.Date, d.Count / dispersion, u.expect(d) / dispersion})
	}
	return days, before
}

// likelihoods says how likely the reference is at each wander.
func (u *usual) likelihoods(today civil.Date, s Series) (of weights) {
	days, _ := u.steps(today, s, s.window()+1, u.dispersion)
	for i, q := range wanders {
		of[i] = follow(days, q).usual[len(days)]
	}
	return of
}

// test sums the e-processes begun on each day of the window of a series that is
// one among so many of its family.
func (u *usual) test(r Rule, today civil.Date, s Series, p *pool, among float64) *Fall {
	phi := u.dispersion * p.clustering()
	days, before := u.steps(today, s, 1, phi)
	if !r.down(today, days) {
		return nil
	}
	of := newMixture(days, p.weigh(s.Slides))
	// Deeper falls are looked for as well, each with a third of the weight.
	thetas := [...]float64{1 - r.Fall, 0.75 * (1 - r.Fall), 0.5 * (1 - r.Fall)}
	var x, m, sum, best float64
	var out Fall
	for k := len(days) - 1; k >= before; k-- {
		x, m = x+days[k].x, m+days[k].m
		var e float64
		for _, theta := range thetas {
			e += of.evidence(k, theta) / float64(len(thetas))
		}
		sum += e
		if e > best {
			best = e
			out = Fall{Since: days[k].date, Ratio: x / m, Counted: x * phi, Expected: m * phi}
		}
	}
	sum /= among
	if !(sum >= r.DaysPerFalseAlarm) {
		return nil
	}
	out.ChanceDays = min(sum, MostChanceDays)
	return &out
}

// down reports whether the newest days are likelier after the fall than at the
// usual rate.
func (r Rule) down(today civil.Date, days []step) bool {
	var x, m float64
	for _, d := range days {
		if today.Sub(d.date) <= recent {
			x, m = x+d.x, m+d.m
		}
	}
	return m == 0 || x < m*r.Fall/-math.Log(1-r.Fall)
}
