package lift

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// Power says what an experiment can show.
type Power struct {
	Level float64 `json:"level"` // of the interval that is to exclude no effect
	Power float64 `json:"power"` // how often it shows the effect below, where there is one so large
	// Relative is the smallest effect shown with that power, as a share of the
	// response expected without it: the minimum detectable effect.
	Relative float64 `json:"relative"`
	Total    float64 `json:"total"` // the same over the whole test, in units of the response
	Curve    []Shown `json:"curve"`
	// FalseAlarms is how often an effect is shown where there was none (A/A); 1 -
	// Level is what it should be near.
	FalseAlarms float64 `json:"false_alarms"`
	Placebos    int     `json:"placebos"` // on how many pretended experiments this rests
}

// Shown is how often an effect is shown.
type Shown struct {
	Relative float64 `json:"relative"`
	Share    float64 `json:"share"`
}

// Design is a geo experiment to be: who is treated, and what that can show.
type Design struct {
	Method  Method       `json:"method"`
	Regions []Assignment `json:"regions"` // of the panel, in its order
	Pre     Period       `json:"pre"`
	Days    int          `json:"days"` // of the test
	// Correlation is that of the two groups' daily sums before the test.
	Correlation float64 `json:"correlation"`
	// Expected is the treated's response over a test like the days before; Share
	// is that of the treated in all that take part.
	Expected float64 `json:"expected"`
	Share    float64 `json:"share"`
	Power    Power   `json:"detectable"`
	// Usual is what the treated regions cost over as many days before. Budget is what
	// must be added, or taken away, for the detectable effect at the return aimed
	// at; 0 where none was given.
	Usual  float64 `json:"usual_cost"`
	Budget float64 `json:"budget"`
}

// Assignment is a region's part in a design. Pair is the stratum within which the
// treated region was drawn; 0 for one that is left out or had no partner.
type Assignment struct {
	Geo  string `json:"geo"`
	Arm  Arm    `json:"group"`
	Pair int    `json:"pair"`
}

// String is the word for an arm in files.
func (a Arm) String() string {
	return [...]string{LeftOut: "excluded", Control: "control", Treated: "treatment"}[a]
}

// MarshalText writes the word.
func (a Arm) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// DesignOptions are what a design is to be like.
type DesignOptions struct {
	Days     int     // of the test
	OneOf    int     // one region of so many that are alike is treated; 2 makes pairs
	Method   Method  // by which it will be analysed
	Level    float64 // of the interval
	Power    float64
	IROAS    float64 // return on the spend that is to be told from nothing; 0: not given
	Placebos int     // pretended experiments
	Seed     uint64
}

func (o DesignOptions) check(p *Panel, pre Period) error {
	if err := p.check(); err != nil {
		return err
	}
	last := p.First.AddDays(p.Days() - 1)
	switch {
	case o.Days < 1:
		return fmt.Errorf("the test has %d days; give 7 or more, whole weeks as a rule", o.Days)
	case o.OneOf < 2 || o.OneOf > 20:
		return fmt.Errorf("one region of %d is to be treated; give 2 (half of them) to 20", o.OneOf)
	case o.Placebos < 20 || o.Placebos > 10_000:
		return fmt.Errorf("%d placebos; give 20 to 10000", o.Placebos)
	case o.IROAS < 0 || !finite(o.IROAS):
		return fmt.Errorf("the return aimed at is %g; it must be above 0", o.IROAS)
	case !slices.Contains(Methods(), o.Method):
		return fmt.Errorf("there is no method %q; choose gbr, tbr, did or sc", o.Method)
	case pre.To < pre.From || pre.From < p.First || pre.To > last:
		return fmt.Errorf("the pre period %v is not within the data, which go from %v to %v", pre, p.First, last)
	case pre.Days() < o.Days+leastBefore:
		return fmt.Errorf("the pre period has %d days; to pretend tests of %d days in it, it needs %d", pre.Days(), o.Days, o.Days+leastBefore)
	}
	return errors.Join(checkLevel(o.Level), checkPower(o.Power))
}

// leastBefore is how many days stand before the first pretended test.
const leastBefore = 14

// Design draws an experiment: regions alike in size and in how they move are put
// together (matched pairs, or more), and one of each is treated at random, the groups
// being about equal in response. What it
// can show is found by pretending: tests of as many days are placed within the pre
// period, with treatments drawn the same way, and analysed; nothing was done
// there, so that what is found is error. An effect of a share of the response
// would have moved the interval by as much, and the smallest that leaves zero
// outside of it in so many of the pretended tests is the minimum detectable
// effect, for more and for less alike.
func (p *Panel) Design(pre Period, o DesignOptions) (Design, error) {
	if err := o.check(p, pre); err != nil {
		return Design{}, err
	}
	d := Design{Method: o.Method, Pre: pre, Days: o.Days}
	window := p.window(pre)
	strata := matched(window, o.OneOf)
	if len(strata) < 2 {
		return d, fmt.Errorf("%d regions have a response before the test; there must be %d at least for one of %d to be treated twice", countPositive(window), 2*o.OneOf, o.OneOf)
	}
	rnd := rand.New(rand.NewPCG(o.Seed, 0x64657369676e))
	t := &GeoTest{Panel: p, Pre: pre, Arms: make([]Arm, len(p.Geos))}
	for g := range p.Geos {
		d.Regions = append(d.Regions, Assignment{Geo: p.Geos[g]})
		if sum(window[g]) > 0 {
			t.Arms[g] = Control
		}
	}
	for k, drawn := range balanced(strata, window, rnd) {
		t.Arms[strata[k][drawn]] = Treated
		for _, g := range strata[k] {
			d.Regions[g].Pair = k + 1
		}
	}
	for g := range d.Regions {
		d.Regions[g].Arm = t.Arms[g]
	}
	d.describe(t, window)
	power, err := t.pretend(strata, o, rnd)
	if err != nil {
		return d, err
	}
	power.Total = power.Relative * d.Expected
	d.Power = power
	if o.IROAS > 0 {
		d.Budget = power.Total / o.IROAS
	}
	return d, nil
}

// describe sets what the days before say of the groups.
func (d *Design) describe(t *GeoTest, window [][]float64) {
	s := &split{}
	treated, all := 0.0, 0.0
	for g, arm := range t.Arms {
		total := max(sum(window[g]), 0)
		if arm == LeftOut {
			continue
		}
		all += total
		if arm == Treated {
			treated += total
			if t.Panel.Cost == nil {
				continue
			}
			d.Usual += sum(t.Panel.Cost[g][d.Pre.From.Sub(t.Panel.First):][:d.Pre.Days()]) * float64(d.Days) / float64(d.Pre.Days())
		}
	}
	for _, arm := range t.Arms {
		s.treated = append(s.treated, arm == Treated)
	}
	if r := stat.Correlation(s.daily(window, true), s.daily(window, false), nil); finite(r) {
		d.Correlation = r
	}
	d.Expected = treated * float64(d.Days) / float64(d.Pre.Days())
	d.Share = treated / all
}

// window is the response in a period by region.
func (p *Panel) window(w Period) [][]float64 {
	out := make([][]float64, len(p.Geos))
	for g, row := range p.Response {
		out[g] = row[w.From.Sub(p.First) : w.To.Sub(p.First)+1]
	}
	return out
}

func countPositive(window [][]float64) int {
	n := 0
	for _, row := range window {
		if sum(row) > 0 {
			n++
		}
	}
	return n
}

// matched puts regions together that are next to each other in size and, among
// those, move most alike. The smallest, where they do not fill a stratum, stay
// without one.
func matched(window [][]float64, oneOf int) [][]int {
	var left []int
	for g, row := range window {
		if sum(row) > 0 {
			left = append(left, g)
		}
	}
	slices.SortStableFunc(left, func(a, b int) int { return cmp.Compare(sum(window[b]), sum(window[a])) })
	var strata [][]int
	for len(left) >= oneOf {
		first := left[0]
		near := slices.Clone(left[1:min(len(left), 2*oneOf)]) // about twice as many as are needed
		slices.SortStableFunc(near, func(a, b int) int {
			return cmp.Compare(alike(window[first], window[b]), alike(window[first], window[a]))
		})
		stratum := append([]int{first}, near[:oneOf-1]...)
		strata = append(strata, stratum)
		left = slices.DeleteFunc(left, func(g int) bool { return slices.Contains(stratum, g) })
	}
	return strata
}

const (
	// maxImbalance is how far the treated's share of the response may be off what
	// their number says; of maxRedraws draws the nearest is taken where none is within.
	maxImbalance = 0.05
	maxRedraws   = 100
)

// balanced draws which region of each stratum is treated, again where the groups
// come out too unequal (rerandomisation: Morgan and Rubin 2012, Annals of
// Statistics 40(2)).
func balanced(strata [][]int, window [][]float64, rnd *rand.Rand) []int {
	var best []int
	least := math.Inf(1)
	for range maxRedraws {
		drawn := make([]int, len(strata))
		treated, all := 0.0, 0.0
		for k, stratum := range strata {
			drawn[k] = rnd.IntN(len(stratum))
			treated += sum(window[stratum[drawn[k]]])
			for _, g := range stratum {
				all += sum(window[g])
			}
		}
		if off := math.Abs(treated/all - 1/float64(len(strata[0]))); off < least {
			best, least = drawn, off
		}
		if least <= maxImbalance {
			break
		}
	}
	return best
}

// alike is the correlation of two series; of one that does not move, none.
func alike(a, b []float64) float64 {
	if r := stat.Correlation(a, b, nil); finite(r) {
		return r
	}
	return 0
}

// pretend analyses tests that were none.
func (t *GeoTest) pretend(strata [][]int, o DesignOptions, rnd *rand.Rand) (Power, error) {
	out := Power{Level: o.Level, Power: o.Power, Placebos: o.Placebos, Curve: []Shown{}}
	var least []float64 // effects from which on zero lies outside
	before, window := t.Pre.Days()-o.Days, t.Panel.window(t.Pre)
	first := max(leastBefore, before/2)
	for range o.Placebos {
		p := *t
		p.Arms = slices.Clone(t.Arms)
		for k, drawn := range balanced(strata, window, rnd) {
			for _, g := range strata[k] {
				p.Arms[g] = Control
			}
			p.Arms[strata[k][drawn]] = Treated
		}
		start := t.Pre.From.AddDays(first + rnd.IntN(before-first+1))
		p.Pre, p.Test = Period{t.Pre.From, start.AddDays(-1)}, Period{start, start.AddDays(o.Days - 1)}
		s := p.split()
		e, err := s.estimate(o.Method, o.Level)
		if err != nil {
			return out, err
		}
		expected := sum(s.daily(s.test, true)) - e.lift.Value
		if !(expected > 0) {
			return out, errors.New("the treated regions' expected response is not above 0 in a pretended test; there is nothing to have an effect on")
		}
		least = append(least, -e.lift.Low/expected, e.lift.High/expected)
		if e.lift.Excludes(0) {
			out.FalseAlarms += 1 / float64(o.Placebos)
		}
	}
	slices.Sort(least)
	out.Relative = max(stat.Quantile(o.Power, stat.Empirical, least, nil), 0)
	for _, k := range []float64{0.25, 0.5, 0.75, 1, 1.25, 1.5, 2} {
		effect := k * out.Relative
		shown, _ := slices.BinarySearch(least, math.Nextafter(effect, math.Inf(1)))
		out.Curve = append(out.Curve, Shown{effect, float64(shown) / float64(len(least))})
	}
	return out, nil
}
