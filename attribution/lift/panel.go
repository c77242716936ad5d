package lift

import (
	"errors"
	"fmt"
	"math"

	"adsteward/internal/civil"
)

// Panel is the response of regions by day, and what advertising cost and claims
// there.
type Panel struct {
	Geos     []string
	First    civil.Date  // day 0; the days follow without a gap
	Response [][]float64 // by geo and day
	Cost     [][]float64 // by geo and day; nil where not known by region
	Claimed  [][]float64 // response the platform claims; nil where not known by region
}

// Days is how many days the panel holds.
func (p *Panel) Days() int {
	if len(p.Response) == 0 {
		return 0
	}
	return len(p.Response[0])
}

// maxAmount bounds the figures, so that sums and squares of them are numbers.
const maxAmount = 1e15

// amount reports whether v is a figure to reckon with.
func amount(v float64) bool { return math.Abs(v) <= maxAmount }

// check returns the first figure that is none, or row that is missing.
func (p *Panel) check() error {
	n := p.Days()
	if n == 0 {
		return errors.New("there are no regions or no days")
	}
	for _, rows := range [][][]float64{p.Response, p.Cost, p.Claimed} {
		if rows != nil && len(rows) != len(p.Geos) {
			return fmt.Errorf("there are %d rows for %d regions", len(rows), len(p.Geos))
		}
		for g, row := range rows {
			if len(row) != n {
				return fmt.Errorf("region %s has %d days, others %d", p.Geos[g], len(row), n)
			}
			for d, v := range row {
				if !amount(v) {
					return fmt.Errorf("region %s has a figure of %g on %v, which is no number to reckon with", p.Geos[g], v, p.First.AddDays(d))
				}
			}
		}
	}
	return nil
}

// Period is a span of days, both ends in it.
type Period struct {
	From civil.Date `json:"from"`
	To   civil.Date `json:"to"`
}

// Days is how many days the period holds.
func (p Period) Days() int { return p.To.Sub(p.From) + 1 }

func (p Period) String() string { return fmt.Sprintf("%v:%v", p.From, p.To) }

// Arm is what becomes of a region in an experiment.
type Arm int8

const (
	LeftOut Arm = iota
	Control
	Treated
)

// GeoTest is an experiment on regions: who is treated, the days before and the
// days of the treatment. Days between and after are not looked at.
type GeoTest struct {
	Panel *Panel
	Arms  []Arm // by geo of the panel
	Pre   Period
	Test  Period
}

// Check returns the first fault, in words for a person.
func (t *GeoTest) Check() error {
	p := t.Panel
	if err := p.check(); err != nil {
		return err
	}
	last := p.First.AddDays(p.Days() - 1)
	for _, x := range []struct {
		name string
		Period
	}{{"pre", t.Pre}, {"test", t.Test}} {
		switch {
		case x.To < x.From:
			return fmt.Errorf("the %s period %v ends before it begins", x.name, x.Period)
		case x.From < p.First || x.To > last:
			return fmt.Errorf("the %s period %v reaches beyond the data, which go from %v to %v", x.name, x.Period, p.First, last)
		}
	}
	if t.Test.From <= t.Pre.To {
		return fmt.Errorf("the test period begins on %v, but the pre period lasts to %v; the test must come after it", t.Test.From, t.Pre.To)
	}
	if t.Pre.Days() < minPreDays {
		return fmt.Errorf("the pre period has %d days; %d is the least, and some weeks are better", t.Pre.Days(), minPreDays)
	}
	if len(t.Arms) != len(p.Geos) {
		return fmt.Errorf("%d regions have an arm, the data hold %d", len(t.Arms), len(p.Geos))
	}
	treated, control := t.count()
	if treated == 0 || control == 0 {
		return fmt.Errorf("%d treated and %d control regions; each needs one at least", treated, control)
	}
	return nil
}

func (t *GeoTest) count() (treated, control int) {
	for _, a := range t.Arms {
		switch a {
		case Treated:
			treated++
		case Control:
			control++
		}
	}
	return treated, control
}

const minPreDays = 7

// split is a geo test as the methods look at it: the regions that take part.
type split struct {
	series               // the response
	cost, claimed series // empty where not known
	treated       []bool
	start         civil.Date // of the test
}

// series are figures by region and day, before the test and in it.
type series struct{ pre, test [][]float64 }

// split cuts the panel; it shares the panel's numbers.
func (t *GeoTest) split() *split {
	s := &split{start: t.Test.From, series: t.cut(t.Panel.Response), cost: t.cut(t.Panel.Cost), claimed: t.cut(t.Panel.Claimed)}
	for _, arm := range t.Arms {
		if arm != LeftOut {
			s.treated = append(s.treated, arm == Treated)
		}
	}
	return s
}

func (t *GeoTest) cut(rows [][]float64) series {
	first := t.Panel.First
	a, b := t.Pre.From.Sub(first), t.Pre.To.Sub(first)+1
	c, d := t.Test.From.Sub(first), t.Test.To.Sub(first)+1
	var out series
	if rows == nil {
		return out
	}
	for g, arm := range t.Arms {
		if arm != LeftOut {
			out.pre, out.test = append(out.pre, rows[g][a:b]), append(out.test, rows[g][c:d])
		}
	}
	return out
}

// daily sums rows over the geos of an arm, by day.
func (s *split) daily(rows [][]float64, treated bool) []float64 {
	out := make([]float64, len(rows[0]))
	for g, row := range rows {
		if s.treated[g] == treated {
			for d, v := range row {
				out[d] += v
			}
		}
	}
	return out
}

// totals are the sums of rows by geo.
func totals(rows [][]float64) []float64 {
	out := make([]float64, len(rows))
	for g, row := range rows {
		out[g] = sum(row)
	}
	return out
}

func sum(v []float64) float64 {
	s := 0.0
	for _, x := range v {
		s += x
	}
	return s
}
