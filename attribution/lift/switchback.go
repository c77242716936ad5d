package lift

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"gonum.org/v1/gonum/floats"

	"adsteward/internal/civil"
)

// SwitchDay is one day of the whole shop: revenue of all orders, and of the
// campaign that is switched what the platform claims and what it cost.
type SwitchDay struct {
	Date    civil.Date
	Revenue float64
	Claimed float64
	Cost    float64
}

// SwitchbackTest is a switchback to be analysed; days beyond the plan are not
// looked at, so that one under way can be watched.
type SwitchbackTest struct {
	Plan    Switchback
	Days    []SwitchDay
	Planned float64 // effect per day it was planned for, for the always-valid interval; 0: none
}

// SwitchbackResult is what a switchback says.
type SwitchbackResult struct {
	Result
	PerDay Estimate `json:"per_day"` // revenue caused per day on
	// HAC is PerDay with the t interval of an error that hangs together over days,
	// beside the interval by permutation.
	HAC     Estimate `json:"hac"`
	OnDays  int      `json:"on_days"`
	OffDays int      `json:"off_days"`
	Washed  int      `json:"washed_days"` // left out at the beginning of blocks
}

// Analyse regresses revenue on the state, with a mean for each day of the week and
// a straight trend. The interval holds every effect under which the draw of the
// plan is nothing special among all draws it could have been (randomisation
// inference: Fisher 1935; for switchbacks Bojinov, Simchi-Levi and Zhao 2023,
// Management Science 69(7)), and needs no more than that the plan was drawn. Where
// the plan has too few pairs for the level it is that of Newey and West (1987)
// instead, and a warning says so. Return and Iota likewise: the ratio under which
// revenue less so many times cost, or claims, does not know the state.
func (t *SwitchbackTest) Analyse(level float64, seed uint64) (SwitchbackResult, error) {
	var out SwitchbackResult
	if err := errors.Join(checkLevel(level), checkPlanned(t.Planned)); err != nil {
		return out, err
	}
	days, err := t.counted(&out)
	if err != nil {
		return out, err
	}
	f, err := newSwitchFit(t.Plan, days)
	if err != nil {
		return out, err
	}
	f.draw(t.Plan, seed)
	y := f.column(func(d SwitchDay) float64 { return d.Revenue })
	out.Result = Result{Method: "switchback", Days: []Day{}, Warnings: []string{}}
	out.HAC = f.hac(y, level)
	out.PerDay = out.HAC
	p := f.permuted(y, f.on)
	out.Placebo = &Placebo{P: p.p(0), Permutations: len(f.draws)}
	if low, high, ok := p.interval(out.HAC.Value, out.HAC.SE, level); ok {
		out.PerDay = between(out.HAC.Value, low, high, level)
	} else {
		out.Warnings = append(out.Warnings, fmt.Sprintf("%d pairs of blocks are too few for an interval by permutation at this level; the interval supposes instead that errors of days far apart are independent", len(t.Plan.pairs())))
	}
	n := float64(out.OnDays)
	if t.Planned > 0 {
		a := AlwaysValid(out.PerDay, t.Planned).times(n)
		out.AlwaysValid = &a
	}
	out.Lift = out.PerDay.times(n)
	f.byDay(&out.Result, y, out.PerDay.Value)
	cost := f.column(func(d SwitchDay) float64 { return d.Cost })
	out.Cost = f.coef(cost) * n
	out.IROAS = f.ratio(&out.Result, y, cost, level, "the spend did not clearly differ between days on and off, so that nothing can be said of the return on it")
	out.Iota = f.ratio(&out.Result, y, f.column(func(d SwitchDay) float64 { return d.Claimed }), level,
		"the platform's claims did not clearly differ between days on and off, so that no share of them can be told")
	return out, out.checkFinite()
}

// counted are the days that count, in order.
func (t *SwitchbackTest) counted(out *SwitchbackResult) ([]SwitchDay, error) {
	days := slices.Clone(t.Days)
	slices.SortFunc(days, func(a, b SwitchDay) int { return int(a.Date - b.Date) })
	days = slices.DeleteFunc(days, func(d SwitchDay) bool { _, _, ok := t.Plan.At(d.Date); return !ok })
	for i, d := range days {
		if i > 0 && d.Date == days[i-1].Date {
			return nil, fmt.Errorf("%v comes twice", d.Date)
		}
		if !amount(d.Revenue) || !amount(d.Claimed) || !amount(d.Cost) {
			return nil, fmt.Errorf("the figures of %v are no numbers", d.Date)
		}
		switch on, counted, _ := t.Plan.At(d.Date); {
		case !counted:
			out.Washed++
		case on:
			out.OnDays++
		default:
			out.OffDays++
		}
	}
	if out.OnDays < 2 || out.OffDays < 2 {
		return nil, fmt.Errorf("%d days on and %d days off count; some weeks of each are needed", out.OnDays, out.OffDays)
	}
	return days, nil
}

// switchFit is the regression on the days that count.
type switchFit struct {
	days     []SwitchDay
	block    []int       // of the plan, by day
	nuisance [][]float64 // constant, trend, days of the week; orthonormal
	on       []float64
	state    []float64    // on less what the nuisance explains of it
	draws    []switchDraw // plans that could have been drawn, the one seen first
}

// switchDraw is a plan: 1 on its days on, and the length of what the nuisance
// leaves of that.
type switchDraw struct {
	on     []float64
	length float64
}

func newSwitchFit(plan Switchback, days []SwitchDay) (*switchFit, error) {
	f := &switchFit{}
	for _, d := range days {
		if _, counted, _ := plan.At(d.Date); counted {
			f.days, f.block = append(f.days, d), append(f.block, plan.block(d.Date))
		}
	}
	columns := [][]float64{
		f.column(func(SwitchDay) float64 { return 1 }),
		f.column(func(d SwitchDay) float64 { return float64(d.Date.Sub(days[0].Date)) }),
	}
	for w := range time.Saturday {
		columns = append(columns, f.column(func(d SwitchDay) float64 { return indicator(d.Date.Weekday() == w) }))
	}
	for _, c := range columns {
		length := norm(c)
		if c = f.project(c); norm(c) > 1e-8*length {
			f.nuisance = append(f.nuisance, scaled(c, 1/norm(c)))
		}
	}
	f.on = make([]float64, len(f.days))
	f.states(plan, f.on)
	f.state = f.project(f.on)
	if len(f.days) < len(f.nuisance)+2 {
		return nil, fmt.Errorf("%d days count, too few beside the days of the week and a trend", len(f.days))
	}
	if norm(f.state) < 1e-6*norm(f.on) {
		return nil, errNoContrast
	}
	return f, nil
}

var errNoContrast = errors.New("days on and off cannot be told from a trend and the days of the week; more blocks are needed")

func indicator(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// states sets out to 1 on the days on, to 0 on the others.
func (f *switchFit) states(plan Switchback, out []float64) {
	for i, b := range f.block {
		out[i] = indicator(plan.Blocks[b].On)
	}
}

// maxDraws bounds how many draws of the plan are looked at; up to maxPairs pairs
// have no more, and all are.
const (
	maxDraws = 1000
	maxPairs = 10
)

// draw makes the plans that could have been drawn instead.
func (f *switchFit) draw(plan Switchback, seed uint64) {
	pairs := plan.pairs()
	n, all := maxDraws, len(pairs) <= maxPairs
	if all {
		n = 1 << len(pairs)
	}
	rnd := rand.New(rand.NewPCG(seed, 0x6472617773))
	other := plan
	other.Blocks = make([]Block, len(plan.Blocks))
	f.draws = make([]switchDraw, n)
	on := make([]float64, n*len(f.days)) // of all draws, one after the other
	for i := range n {
		copy(other.Blocks, plan.Blocks)
		for k, blocks := range pairs {
			if all && i>>k&1 == 1 || !all && i > 0 && rnd.Uint64()&1 == 1 {
				for _, b := range blocks {
					other.Blocks[b].On = !other.Blocks[b].On
				}
			}
		}
		d := &f.draws[i]
		d.on, on = on[:len(f.days)], on[len(f.days):]
		f.states(other, d.on)
		d.length = dot(d.on, d.on)
		for _, q := range f.nuisance {
			k := dot(q, d.on)
			d.length -= k * k
		}
		d.length = sqrt(d.length)
	}
}

// project is what the nuisance leaves of a column; twice, against rounding.
func (f *switchFit) project(c []float64) []float64 {
	c = slices.Clone(c)
	for range 2 {
		for _, q := range f.nuisance {
			k := dot(q, c)
			for i := range c {
				c[i] -= k * q[i]
			}
		}
	}
	return c
}

func (f *switchFit) column(of func(SwitchDay) float64) []float64 {
	out := make([]float64, len(f.days))
	for i, d := range f.days {
		out[i] = of(d)
	}
	return out
}

// coef is the effect of the state on y.
func (f *switchFit) coef(y []float64) float64 { return dot(f.state, y) / dot(f.state, f.state) }

// hac is the coefficient of the state with the standard error of Newey and West
// (1987, Econometrica 55(3)), lags up to 4 (n/100)^(2/9) days, times n / (n - k).
func (f *switchFit) hac(y []float64, level float64) Estimate {
	coef := f.coef(y)
	resid := f.project(y)
	for i := range resid {
		resid[i] = (resid[i] - coef*f.state[i]) * f.state[i]
	}
	n, k := float64(len(y)), float64(len(f.nuisance)+1)
	lags := math.Floor(4 * math.Pow(n/100, 2.0/9))
	meat := 0.0
	for i := range resid {
		for j := range resid {
			if apart := math.Abs(float64(f.days[i].Date.Sub(f.days[j].Date))); apart <= lags {
				meat += resid[i] * resid[j] * (1 - apart/(lags+1))
			}
		}
	}
	return interval(coef, sqrt(meat*n/(n-k))/dot(f.state, f.state), n-k, level)
}

// byDay fills in the days, what was expected of the days on, and the sum.
func (f *switchFit) byDay(r *Result, y []float64, perDay float64) {
	resid := f.project(y)
	total := 0.0
	for i, d := range f.days {
		expected := y[i] - resid[i] + perDay*(f.state[i]-f.on[i])
		day := Day{Date: d.Date, Observed: y[i], Expected: expected}
		if f.on[i] > 0 {
			total += y[i] - expected
			r.Expected += y[i] - perDay
		}
		day.Cumulative = total
		r.Days = append(r.Days, day)
	}
}

// ratio is the effect over that on x; nil, with the warning, where x does not
// tell the states apart, and without where there is no x.
func (f *switchFit) ratio(r *Result, y, x []float64, level float64, warning string) *Estimate {
	if !slices.ContainsFunc(x, func(v float64) bool { return v != 0 }) {
		return nil
	}
	a, b := f.coef(y), f.coef(x)
	if b > 1e-9*norm(x)/math.Sqrt(float64(len(x))) { // less is rounding
		value := a / b
		rest := make([]float64, len(y))
		for i := range y {
			rest[i] = y[i] - value*x[i]
		}
		e := f.hac(rest, level)
		if bx := f.hac(x, level); bx.Low > 0 {
			se := e.SE / b
			if low, high, ok := f.permuted(y, x).interval(value, se, level); ok {
				out := between(value, low, high, level)
				return &out
			}
			// The interval of the ratio, its error taken at the estimate.
			half := (e.High - e.Low) / 2 / b
			return &Estimate{Value: value, SE: se, Low: value - half, High: value + half, Level: level}
		}
	}
	r.Warnings = append(r.Warnings, warning)
	return nil
}

// permutations are, by draw of the plan, how y and what carries the effect go
// with it; those of the plan seen come first.
type permutations struct{ u, v []float64 }

func (f *switchFit) permuted(y, x []float64) permutations {
	var p permutations
	y, x = f.project(y), f.project(x)
	for _, d := range f.draws {
		if d.length < 1e-6*norm(d.on) { // all nuisance: shows no effect whatever the data
			p.u, p.v = append(p.u, 0), append(p.v, 0)
			continue
		}
		p.u, p.v = append(p.u, dot(d.on, y)/d.length), append(p.v, dot(d.on, x)/d.length)
	}
	return p
}

// p is the share of draws that show at least as much where the effect is e times
// what carries it.
func (p permutations) p(e float64) float64 {
	seen, hits := math.Abs(p.u[0]-e*p.v[0]), 0
	for i := range p.u {
		if math.Abs(p.u[i]-e*p.v[i]) >= seen*(1-1e-9) {
			hits++
		}
	}
	return float64(hits) / float64(len(p.u))
}

// interval finds where p falls to 1 - level on either side of value.
func (p permutations) interval(value, scale, level float64) (low, high float64, ok bool) {
	if !(scale > 0) {
		return value, value, true
	}
	alpha := (1 - level) * (1 + 1e-9)
	edge := func(side float64) (float64, bool) {
		inside, outside := 0.0, scale
		for p.p(value+side*outside) > alpha {
			if inside, outside = outside, 2*outside; outside > 1e6*scale {
				return 0, false
			}
		}
		for outside-inside > 1e-6*outside {
			if mid := (inside + outside) / 2; p.p(value+side*mid) > alpha {
				inside = mid
			} else {
				outside = mid
			}
		}
		return value + side*outside, true
	}
	low, lowOK := edge(-1)
	high, highOK := edge(1)
	return low, high, lowOK && highOK
}

func dot(a, b []float64) float64 { return floats.Dot(a, b) }

func norm(v []float64) float64 { return math.Sqrt(dot(v, v)) }

func scaled(v []float64, k float64) []float64 {
	out := make([]float64, len(v))
	for i := range v {
		out[i] = k * v[i]
	}
	return out
}
