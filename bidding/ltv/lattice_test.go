package ltv

import (
	"math"
	"math/rand/v2"
	"slices"
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
					ll, got := rowLik(m, v, rows[i], &want), make([]float64, len(v))
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
			want += rows[i].N * rowLik(m, v, rows[i], &g)
		}
		near(t, string(m), newLattice(rows).logLik(m, v, make([]float64, len(v))), want, 1e-12)
		near(t, string(m)+" turned", newLattice(turned).logLik(m, v, make([]float64, len(v))), want, 1e-12)
	}
}

// Over short steps the rules of few nodes are as good as that of many.
func TestShortRules(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(4, 4))
	value := func() float64 { return math.Exp(rnd.Float64()*14 - 7) }
	long := goneRule[len(goneRule)-1:]
	used := make([]int, len(goneRule))
	for range 40000 {
		g := newGoneShape(value(), value(), value(), value())
		from := value()
		to := from * (1 + 0.2*rnd.Float64())
		got := goneRule.over(g, from, to)
		u0, u1 := math.Log(g.c+from), math.Log(g.c+to)
		load := (u1 - u0) * max(0.5, (math.Abs(g.low)+g.high*(g.c+to)/(g.d+g.c+to))/10)
		used[slices.IndexFunc(goneRule, func(r rule) bool { return load < r.upTo })]++
		want := long.over(g, from, to)
		for j := range got {
			if math.Abs(got[j]-want[j]) > 1e-12*(1+math.Abs(math.Log(g.c)))*math.Max(want[0], math.Abs(want[j])) {
				t.Fatalf("%+v from %g to %g: %v, want %v", g, from, to, got, want)
			}
		}
	}
	if slices.Min(used) < 1000 {
		t.Errorf("the rules were used %v times", used)
	}
}

// A fall steeper than numbers go is no rule's; the last one takes it.
func TestSteepestStep(t *testing.T) {
	t.Parallel()
	for _, v := range goneRule.over(goneShape{c: 1, d: 0.5, low: 1e308, high: 1e308}, 0, 1) {
		if v < 0 || v > 1e-300 {
			t.Errorf("an integral over next to nothing came out as %g", v)
		}
	}
}

// Wherever a fit may wander, two customers on a lattice are numbers, and those of
// the two by themselves.
func FuzzLattice(f *testing.F) {
	f.Add(0.5, 8.0, 0.7, 1.9, uint16(2), 10.0, 5.0, 0.5)
	f.Add(1e-4, 1e4, 1e-4, 1e4, uint16(0), 0.0, 0.0, 0.0)
	f.Add(50.0, 1e-4, 50.0, 1e-4, uint16(900), 1e-3, 1e4, 1.0)
	f.Fuzz(func(t *testing.T, r, alpha, a, b float64, x uint16, tx, rest, part float64) {
		v := []float64{r, alpha, a, b}
		likely := r <= 100 && a <= 100 && tx <= 1e4 && rest <= 1e4 && x <= 1000 // full precision is asked for here
		for _, p := range v {
			if !(p >= 1e-9 && p <= 1e9) {
				t.Skip()
			}
			likely = likely && p >= 1e-4 && p <= 1e4
		}
		if !(tx >= 0 && tx <= 1e6 && rest >= 0 && rest <= 1e6 && part >= 0 && part <= 1) || x > 4000 {
			t.Skip()
		}
		rows := []Row{{int(x), part * tx, tx + part*rest, 2}, {int(x), tx, tx + rest, 1}}
		if x == 0 {
			rows[0].TX, rows[1].TX = 0, 0
		}
		l := newLattice(rows)
		for _, m := range models {
			var want, size float64
			var g [4]float64
			for i := range rows {
				want += rows[i].N * rowLik(m, v, rows[i], &g)
				size += rows[i].N * (r + a + b + float64(x)) * (1 + math.Abs(math.Log(alpha+rows[i].T)) + math.Abs(math.Log(alpha)) + math.Abs(math.Log(b)))
			}
			grad := make([]float64, len(m.Names()))
			got := l.logLik(m, v[:len(grad)], grad)
			if math.IsNaN(got) || math.IsInf(got, 0) || likely && !(math.Abs(got-want) <= 1e-12*size+1e-9) {
				t.Errorf("%s at %v, rows %v: %.15g, by themselves %.15g", m, v, rows, got, want)
			}
			for _, d := range grad {
				if math.IsNaN(d) || math.IsInf(d, 0) {
					t.Errorf("%s at %v, rows %v: derivatives %v", m, v, rows, grad)
				}
			}
		}
	})
}
