package lift

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Method is a way to analyse a geo test.
type Method string

const (
	GBR Method = "gbr" // geo-based regression
	TBR Method = "tbr" // time-based regression
	DiD Method = "did" // difference in differences of growth
	SC  Method = "sc"  // synthetic control
)

// Methods are the ways to analyse a geo test.
func Methods() []Method { return []Method{GBR, TBR, DiD, SC} }

// effect is what a method says of the response.
type effect struct {
	lift     Estimate
	df       float64
	expected []float64 // of the treated by day of the test; nil where the method goes by totals
	spread   []float64 // standard error of the sum of differences up to each day; nil where unknown
	warnings []string
}

// Analyse estimates what the treatment caused, with a two-sided interval of the
// level. The error says what the data lack.
func (t *GeoTest) Analyse(m Method, level float64) (Result, error) {
	if err := errors.Join(t.Check(), checkLevel(level)); err != nil {
		return Result{}, err
	}
	s := t.split()
	e, err := s.estimate(m, level)
	if err != nil {
		return Result{}, err
	}
	r := Result{Method: string(m), Lift: e.lift, Days: s.days(e), Warnings: append([]string{}, e.warnings...)}
	if s.cost.known() {
		if err := s.setReturn(&r, m, e, level); err != nil {
			return Result{}, err
		}
	}
	if s.claimed.known() {
		claims, err := s.added(s.claimed, m, level)
		if err != nil {
			return Result{}, err
		}
		if r.Iota = s.over(r.Lift, claims, e.df, s.claimed); r.Iota == nil {
			r.Warnings = append(r.Warnings, "the platform's claims did not clearly differ between the groups, so that no share of them can be told")
		}
	}
	r.Expected = sum(s.daily(s.test, true)) - r.Lift.Value
	return r, r.checkFinite()
}

// setReturn sets the spend added and the return on it, which regression by region
// estimates first, and the lift from it.
func (s *split) setReturn(r *Result, m Method, e effect, level float64) error {
	cost, err := s.added(s.cost, m, level)
	if err != nil {
		return err
	}
	r.Cost = cost.Value
	if m == GBR && s.cost.differs(cost) {
		if r.IROAS, err = s.gbrReturn(level); err != nil {
			return err
		}
		r.Lift = r.IROAS.times(r.Cost)
		return nil
	}
	if r.IROAS = s.over(r.Lift, cost, e.df, s.cost); r.IROAS == nil {
		r.Warnings = append(r.Warnings, "the spend did not clearly differ between the groups, so that nothing can be said of the return on it")
	}
	return nil
}

// over is the ratio of the lift to what was added of something, by Fieller's
// theorem; nil where that was nothing, or is not told from it. Where what was
// added is known without error the interval is the lift's, divided. The two are
// taken to be independent, as Kerman, Wang and Vaver (2017) do.
func (s *split) over(lift, added Estimate, df float64, of series) *Estimate {
	if !of.differs(added) {
		return nil
	}
	if added.SE == 0 {
		r := lift.times(1 / added.Value)
		return &r
	}
	r, ok := fieller(lift.Value, added.Value, lift.SE*lift.SE, added.SE*added.SE, 0, df, lift.Level)
	if !ok {
		return nil
	}
	return &r
}

// estimate runs the method on the response alone.
func (s *split) estimate(m Method, level float64) (effect, error) {
	switch m {
	case GBR:
		return s.gbr(level)
	case TBR:
		return s.tbr(level)
	case DiD:
		return s.did(level)
	case SC:
		return s.synthetic(level)
	}
	return effect{}, fmt.Errorf("there is no method %q; choose gbr, tbr, did or sc", m)
}

// days is what was seen and expected by day.
func (s *split) days(e effect) []Day {
	out := []Day{}
	if e.expected == nil {
		return out
	}
	total, reach := 0.0, quantile(e.df, e.lift.Level)
	for d, y := range s.daily(s.test, true) {
		total += y - e.expected[d]
		day := Day{Date: s.start.AddDays(d), Observed: y, Expected: e.expected[d], Cumulative: total}
		if e.spread != nil {
			low, high := total-reach*e.spread[d], total+reach*e.spread[d]
			day.Low, day.High = &low, &high
		}
		out = append(out, day)
	}
	return out
}

// gbr is geo-based regression of the response alone: each region's test total on
// its pre total, and for the treated on the pre total once more, whose
// coefficient is the effect as a share of it. Weights as in gbrReturn. It serves
// placebos and plans, where there is no spend to speak of.
func (s *split) gbr(level float64) (effect, error) {
	y, columns, weights, warnings, err := s.gbrColumns()
	if err != nil {
		return effect{}, err
	}
	treated, i := make([]float64, len(y)), 0
	for g, pre := range totals(s.pre) {
		if pre > 0 {
			if s.treated[g] {
				treated[i] = pre
			}
			i++
		}
	}
	fit, err := leastSquares(append(columns, treated), y, weights)
	if err != nil {
		return effect{}, fmt.Errorf("geo-based regression: %w", err)
	}
	e := interval(fit.coef[2], math.Sqrt(fit.variance(0, 0, 1)), fit.df, level)
	return effect{lift: e.times(sum(treated)), df: fit.df, warnings: warnings}, nil
}

// gbrColumns are the test totals, the constant and the pre totals, and the
// weights pre^-2, of regions with a response before the test.
func (s *split) gbrColumns() (y []float64, columns [][]float64, weights []float64, warnings []string, err error) {
	columns = make([][]float64, 2)
	test, silent := totals(s.test), 0
	for g, pre := range totals(s.pre) {
		if pre < 0 {
			return nil, nil, nil, nil, errors.New("geo-based regression: a region's response before the test sums to less than nothing; its weight cannot be told")
		}
		if pre == 0 {
			silent++
			continue
		}
		y, weights = append(y, test[g]), append(weights, 1/(pre*pre))
		columns[0], columns[1] = append(columns[0], 1), append(columns[1], pre)
	}
	if silent > 0 {
		warnings = append(warnings, fmt.Sprintf("%d regions without any response before the test are left out", silent))
	}
	return y, columns, weights, warnings, nil
}

// gbrReturn is geo-based regression (Vaver and Koehler 2011, "Measuring ad
// effectiveness using geo experiments", equations 1 and 2): the test total of
// region i is b0 + b1 pre_i + b2 cost_i + e_i, weighted by pre_i^-2, cost_i being
// the spend added there; b2 is the return on it, with a t interval.
func (s *split) gbrReturn(level float64) (*Estimate, error) {
	y, columns, weights, _, err := s.gbrColumns()
	if err != nil {
		return nil, err
	}
	costs := s.addedByRegion(s.cost)
	var added []float64
	for g, pre := range totals(s.pre) {
		if pre > 0 {
			added = append(added, costs[g])
		}
	}
	fit, err := leastSquares(append(columns, added), y, weights)
	if err != nil {
		return nil, fmt.Errorf("geo-based regression: %w", err)
	}
	i := interval(fit.coef[2], math.Sqrt(fit.variance(0, 0, 1)), fit.df, level)
	return &i, nil
}

// added is how much more of something the treated had in the test than was to be
// expected: for time-based regression by the same regression, with its error; for
// the others by region, and taken as known. Where there was none before it is
// exact either way.
func (s *split) added(of series, m Method, level float64) (Estimate, error) {
	if m != TBR {
		return Estimate{Value: sum(s.addedByRegion(of))}, nil
	}
	e, err := timeRegression(s.daily(of.pre, true), s.daily(of.pre, false), s.daily(of.test, true), s.daily(of.test, false), level)
	return e.lift, err
}

// addedByRegion is what the treated had in the test less what the control's,
// regressed on its own before the test, lets expect; 0 in the control. Where too few
// of the control had any before, or all had the same, its growth as a whole is
// expected, and where none had, as much a day as before.
func (s *split) addedByRegion(of series) []float64 {
	pre, test := totals(of.pre), totals(of.test)
	var x, y, w, ones []float64
	for g := range pre {
		if !s.treated[g] && pre[g] > 0 {
			x, y, w, ones = append(x, pre[g]), append(y, test[g]), append(w, 1/(pre[g]*pre[g])), append(ones, 1)
		}
	}
	a, b := 0.0, float64(len(of.test[0]))/float64(len(of.pre[0]))
	if fit, err := leastSquares([][]float64{ones, x}, y, w); err == nil {
		a, b = fit.coef[0], fit.coef[1]
	} else if len(x) > 0 {
		b = sum(y) / sum(x)
	}
	out := make([]float64, len(pre))
	for g := range pre {
		if s.treated[g] {
			out[g] = test[g] - a - b*pre[g]
		}
	}
	return out
}

func (of series) known() bool { return of.pre != nil }

// differs reports whether what was added is more than rounding.
func (of series) differs(added Estimate) bool {
	most := 0.0
	for _, rows := range [][][]float64{of.pre, of.test} {
		for _, v := range totals(rows) {
			most += math.Abs(v)
		}
	}
	return math.Abs(added.Value) > 1e-9*most
}

// tbr is time-based regression (Kerman, Wang and Vaver 2017, "Estimating ad
// effectiveness using geo experiments in a time-based regression framework"): the
// treated's daily sum is regressed on the control's over the days before the
// test, and the sum of what was seen over what is predicted has the t posterior of
// a flat prior on the coefficients and the logarithm of the error (section 4). It
// supposes that the groups keep to each other as they did, and errors that are
// anew every day; where they were not before the test a warning says so.
func (s *split) tbr(level float64) (effect, error) {
	return timeRegression(s.daily(s.pre, true), s.daily(s.pre, false), s.daily(s.test, true), s.daily(s.test, false), level)
}

func timeRegression(y, x, yTest, xTest []float64, level float64) (effect, error) {
	ones := make([]float64, len(y))
	for i := range ones {
		ones[i] = 1
	}
	columns := [][]float64{ones, x}
	var warnings []string
	if slices.Min(x) == slices.Max(x) {
		columns = columns[:1]
		warnings = append(warnings, "the control did not vary before the test; the treated's own mean is what is expected of them")
	}
	fit, err := leastSquares(columns, y, nil)
	if err != nil {
		return effect{}, fmt.Errorf("time-based regression: %w", err)
	}
	if r := carried(fit.resid); r > 2.576/math.Sqrt(float64(len(y))) {
		warnings = append(warnings, fmt.Sprintf("before the test, what a day is off carries over to the next (autocorrelation %.2f), which the method takes for chance anew every day: the interval is too narrow; gbr and did do not suppose that", r))
	}
	e := effect{df: fit.df, warnings: warnings}
	total, xs := 0.0, 0.0
	for d := range yTest {
		e.expected = append(e.expected, fit.at(func(j int) float64 { return []float64{1, xTest[d]}[j] }))
		total += yTest[d] - e.expected[d]
		xs += xTest[d]
		n := float64(d + 1)
		e.spread = append(e.spread, math.Sqrt(fit.variance([]float64{n, xs}[:len(columns)]...)+n*fit.sigma*fit.sigma))
	}
	e.lift = interval(total, e.spread[len(e.spread)-1], fit.df, level)
	return e, nil
}

// carried is the autocorrelation of residuals from one day to the next; 0 where
// there are none.
func carried(resid []float64) float64 {
	if dot(resid, resid) == 0 {
		return 0
	}
	return dot(resid[1:], resid[:len(resid)-1]) / dot(resid, resid)
}
