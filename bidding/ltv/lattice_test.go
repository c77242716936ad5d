package ltv

import (
	"math"
	"math/rand/v2"
	"testing"
)

// latticeRows are histories as a shop has them, many to a time, and odd ones.
func latticeRows(n int, unit float64) []Row {
	rnd := rand.New(rand.NewPCG(31, 2))
	rows := append([]Row{}, testRows...)
	for range n {
		x, age := int(rnd.ExpFloat64()*3), 1+rnd.IntN(500)
		tx := 0
		if x > 0 {
			tx = min(age, x) + rnd.IntN(max(1, age-x))
		}
		rows = append(rows, Row{x, float64(tx) / unit, float64(age) / unit, 1})
	}
	return rows
}

// The lattice against the sum over rows by themselves, one row at a time: all
// rows shape it, one has weight.
func TestLatticeIsTheSumOfRows(t *testing.T) {
	t.Parallel()
	for _, unit := range []float64{1, 7} {
		rows := latticeRows(60, unit)
		for i := range rows {
			rows[i].N = 0
		}
		for i := range rows {
			rows[i].N = 1
			l := newLattice(rows)
			rows[i].N = 0
			for _, m := range models {
				for _, v := range testParams(m) {
					var want [4]float64
					ll, got := m.at(v, rows[i].X)(&rows[i], &want), make([]float64, len(v))
					if other := l.logLik(m, v, got); !(math.Abs(other-ll) <= 1e-10*max(1, math.Abs(ll))) {
						t.Errorf("%s at %v, row %+v: %.15g, by itself %.15g", m, v, rows[i], other, ll)
					}
					for j := range v {
						if d := v[j] * math.Abs(got[j]-want[j]); !(d <= 1e-10*(1+math.Abs(v[j]*want[j])+math.Abs(ll))) {
							t.Errorf("%s at %v, row %+v: derivative by log %s is %g, by itself %g", m, v, rows[i], m.Names()[j], v[j]*got[j], v[j]*want[j])
						}
					}
				}
			}
		}
	}
}

func TestLatticeAddsWeightsInAnyOrder(t *testing.T) {
	t.Parallel()
	rows := latticeRows(3*chunk, 1)
	for i := range rows {
		rows[i].N = 1 + float64(i%3)
	}
	turned := make([]Row, len(rows))
	for i := range rows {
		turned[len(rows)-1-i] = rows[i]
	}
	for _, m := range models {
		v := testParams(m)[0]
		var want float64
		var g [4]float64
		for i := range rows {
			want += rows[i].N * m.at(v, 400)(&rows[i], &g)
		}
		near(t, string(m), newLattice(rows).logLik(m, v, make([]float64, len(v))), want, 1e-12)
		near(t, string(m)+" turned", newLattice(turned).logLik(m, v, make([]float64, len(v))), want, 1e-12)
	}
}

// Over a short step the short rule is as good as the long one in many pieces.
func TestShortRule(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(4, 4))
	value := func() float64 { return math.Exp(rnd.Float64()*14 - 7) }
	short := 0
	for range 20000 {
		g := newGoneShape(value(), value(), value(), value())
		from := value()
		to := from * (1 + 0.2*rnd.Float64())
		got := goneRule.over(g, from, to)
		u0, u1 := math.Log(g.c+from), math.Log(g.c+to)
		load := (u1 - u0) * max(0.5, (math.Abs(g.low)+g.high*(g.c+to)/(g.d+g.c+to))/10)
		if load >= shortStep {
			continue
		}
		short++
		want := (&goneIntegral{long: goneRule.long, short: goneRule.long}).over(g, from, to)
		for j := range got {
			if math.Abs(got[j]-want[j]) > 1e-12*(1+math.Abs(math.Log(g.c)))*math.Max(want[0], math.Abs(want[j])) {
				t.Fatalf("%+v from %g to %g: %v, want %v", g, from, to, got, want)
			}
		}
	}
	if short < 1000 {
		t.Errorf("only %d short steps", short)
	}
}
