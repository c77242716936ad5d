package lift

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"
)

// The weights of the nearest point are a point of the hull, and no vertex lies
// nearer to the origin's side than it: the condition that makes it the optimum.
func TestNearestIsOptimal(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		n, d := rapid.IntRange(1, 30).Draw(t, "points"), rapid.IntRange(1, 12).Draw(t, "dimensions")
		shift := float64(rapid.IntRange(0, 3).Draw(t, "shift"))
		points := make([][]float64, n)
		for i := range points {
			points[i] = make([]float64, d)
			for k := range points[i] {
				points[i][k] = shift + rnd.NormFloat64()
			}
			if i > 0 && rnd.IntN(5) == 0 { // the same twice, or on a line with another
				points[i] = scaled(points[rnd.IntN(i)], float64(rnd.IntN(2)+1))
			}
		}
		w := nearest(points)
		x := make([]float64, d)
		for i, p := range points {
			if !(w[i] >= 0) {
				t.Fatal(w)
			}
			for k := range x {
				x[k] += w[i] * p[k]
			}
		}
		if math.Abs(sum(w)-1) > 1e-9 {
			t.Fatal("weights sum to", sum(w))
		}
		for _, p := range points {
			if dot(x, p) < dot(x, x)-1e-7*(1+dot(p, p)) {
				t.Fatalf("a vertex lies nearer: %v of %v", dot(x, p), dot(x, x))
			}
		}
	})
}

// A treated group that is a mix of regions is followed exactly, and its effect is
// found.
func TestSyntheticControlFindsTheMix(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(3, 3))
	g := regions(rnd, 8, 42, 14, 0.3, 0)
	g.Arms = slices.Repeat([]Arm{Control}, 8)
	g.Arms[0] = Treated
	mean := func(i int) float64 { return sum(g.Panel.Response[i][:42]) / 42 }
	for d := range 56 {
		g.Panel.Response[0][d] = 500 * (0.7*g.Panel.Response[3][d]/mean(3) + 0.3*g.Panel.Response[5][d]/mean(5))
		if d >= 42 {
			g.Panel.Response[0][d] += 20
		}
	}
	r, err := g.Analyse(SC, 0.9)
	if err != nil {
		t.Fatal(err)
	}
	if !near(r.Lift.Value, 14*20, 1e-6) || r.Lift.Excludes(14*20) {
		t.Errorf("%+v", r.Lift)
	}
}

// Fieller's limits are the ratios at which a - r b is just told from zero.
func TestFiellerIsItsDefinition(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		draw := rapid.Float64Range(0.1, 10)
		a, b := draw.Draw(t, "a")-5, draw.Draw(t, "b")-5
		sa, sb := draw.Draw(t, "sa"), draw.Draw(t, "sb")/4
		cov := rapid.Float64Range(-0.9, 0.9).Draw(t, "r") * sa * sb
		r, ok := fieller(a, b, sa*sa, sb*sb, cov, 12, 0.9)
		q := quantile(12, 0.9)
		if told := math.Abs(b) > q*sb; ok != told {
			t.Fatalf("b %v ± %v: ok %v", b, sb, ok)
		}
		if !ok {
			return
		}
		if !(r.Low <= r.Value && r.Value <= r.High) {
			t.Fatalf("%+v", r)
		}
		for _, edge := range []float64{r.Low, r.High} {
			se := math.Sqrt(sa*sa - 2*edge*cov + edge*edge*sb*sb)
			if math.Abs(math.Abs(a-edge*b)/se-q) > 1e-5*(1+math.Abs(edge)) {
				t.Fatalf("at %v: %v errors off, want %v", edge, math.Abs(a-edge*b)/se, q)
			}
		}
	})
}

// With two regions each the growth difference, its variance and its degrees of
// freedom can be worked out by hand.
func TestDifferenceInDifferencesByHand(t *testing.T) {
	t.Parallel()
	s := &split{series: series{pre: [][]float64{{100}, {100}, {50}, {50}}, test: [][]float64{{110}, {130}, {50}, {60}}}, treated: []bool{true, true, false, false}}
	e, err := s.did(0.9)
	if err != nil {
		t.Fatal(err)
	}
	// Growths 1.1, 1.3 and 1, 1.2; equal weights make it Welch's: variances 0.02 / 2
	// each, degrees of freedom 2.
	want := interval(0.1, math.Sqrt(0.02), 2, 0.9).times(200)
	if !near(e.lift.Value, want.Value, 1e-9) || !near(e.lift.SE, want.SE, 1e-9) || !near(e.lift.Low, want.Low, 1e-9) || !near(e.df, 2, 1e-9) {
		t.Errorf("%+v, want %+v, df %v", e.lift, want, e.df)
	}
}

// Unequal regions: variance and degrees of freedom against the matrices they
// are defined by.
func TestClusterRobustVarianceIsItsDefinition(t *testing.T) {
	t.Parallel()
	var a growth
	sizes, rates := []float64{500, 300, 120, 60, 20}, []float64{1.1, 1.3, 0.9, 1.0, 1.6}
	for i := range sizes {
		a.add(sizes[i], sizes[i]*rates[i])
	}
	n := len(sizes)
	h, residual, meat := mat.NewVecDense(n, nil), mat.NewDense(n, n, nil), mat.NewDense(n, n, nil)
	for i := range n {
		h.SetVec(i, sizes[i]/1000)
	}
	for i := range n {
		for j := range n {
			residual.Set(i, j, indicator(i == j)-h.AtVec(j)) // I - 1 h'
		}
	}
	var cov, form, square mat.Dense
	cov.Mul(residual, residual.T())
	for i := range n {
		meat.Set(i, i, h.AtVec(i)*h.AtVec(i)/cov.At(i, i))
	}
	form.Product(residual.T(), meat, residual)
	square.Mul(&form, &form)
	y := mat.NewVecDense(n, rates)
	want := mat.Inner(y, &form, y)
	v, trace := a.variance()
	if !near(v, want, 1e-12) || !near(trace, mat.Trace(&square), 1e-9) || !near(a.concentration(), mat.Trace(&form), 1e-12) {
		t.Errorf("variance %v, want %v; traces %v, %v, want %v, %v", v, want, a.concentration(), trace, mat.Trace(&form), mat.Trace(&square))
	}
}

// Errors that carry over from day to day are said, and others not.
func TestTimeRegressionSaysWhereDaysHangTogether(t *testing.T) {
	t.Parallel()
	for carry, want := range map[float64]int{0: 0, 0.8: 1} {
		rnd := rand.New(rand.NewPCG(9, 9))
		e := 0.0
		var y, x []float64
		for range 70 {
			e = carry*e + rnd.NormFloat64()
			x = append(x, 100+10*rnd.NormFloat64())
			y = append(y, 50+x[len(x)-1]+e)
		}
		got, err := timeRegression(y[:42], x[:42], y[42:], x[42:], 0.9)
		if err != nil || len(got.warnings) != want || want > 0 && !strings.Contains(got.warnings[0], "the interval is too narrow") {
			t.Errorf("carrying over %g: %q, %v", carry, got.warnings, err)
		}
	}
}

// A weighted fit is the unweighted one of rows times the root of their weights;
// scale does not matter; columns that say the same are refused.
func TestLeastSquares(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(6, 6))
	n := 40
	y, w := make([]float64, n), make([]float64, n)
	x, scaledX := make([][]float64, 3), make([][]float64, 3)
	for j := range x {
		x[j], scaledX[j] = make([]float64, n), make([]float64, n)
	}
	var wide []float64
	for i := range n {
		w[i] = float64(1 + i%3)
		x[0][i], x[1][i], x[2][i] = 1, rnd.NormFloat64(), rnd.NormFloat64()
		y[i] = 2 + 3*x[1][i] - x[2][i] + rnd.NormFloat64()
		for j := range x {
			scaledX[j][i] = x[j][i] * []float64{1, 1e9, 1e-6}[j]
		}
		wide = append(wide, x[1][i]*2+5)
	}
	a, err := leastSquares(x, y, w)
	if err != nil {
		t.Fatal(err)
	}
	b, err := leastSquares(scaledX, y, w)
	if err != nil {
		t.Fatal(err)
	}
	// Weights that are whole numbers repeat rows: same coefficients.
	var ry []float64
	rx := make([][]float64, 3)
	for i := range n {
		for range int(w[i]) {
			ry = append(ry, y[i])
			for j := range x {
				rx[j] = append(rx[j], x[j][i])
			}
		}
	}
	c, err := leastSquares(rx, ry, nil)
	if err != nil {
		t.Fatal(err)
	}
	for j, k := range []float64{1, 1e9, 1e-6} {
		unit := make([]float64, 3)
		unit[j] = 1
		if !near(a.coef[j], b.coef[j]*k, 1e-9) || !near(a.coef[j], c.coef[j], 1e-9) || !near(a.variance(unit...), b.variance(unit...)*k*k, 1e-9) ||
			!near(a.variance(unit...)/a.sigma/a.sigma, c.variance(unit...)/c.sigma/c.sigma, 1e-9) {
			t.Errorf("coefficient %d: %v, %v, %v", j, a.coef, b.coef, c.coef)
		}
	}
	for _, bad := range [][][]float64{{x[0], x[1], wide}, {x[0], make([]float64, n)}} {
		if fit, err := leastSquares(bad, y, nil); err == nil {
			t.Error(fit.coef)
		}
	}
}

func TestGeoTestSaysWhatItLacks(t *testing.T) {
	t.Parallel()
	fresh := func() *GeoTest { return regions(rand.New(rand.NewPCG(1, 1)), 6, 21, 14, 0.1, 0) }
	for want, change := range map[string]func(*GeoTest){
		"ends before it begins":     func(g *GeoTest) { g.Test.To = g.Test.From - 1 },
		"reaches beyond the data":   func(g *GeoTest) { g.Test.To++ },
		"the test must come after":  func(g *GeoTest) { g.Test.From = g.Pre.To },
		"7 is the least":            func(g *GeoTest) { g.Pre.From = g.Pre.To - 3 },
		"5 rows for 6 regions":      func(g *GeoTest) { g.Panel.Cost = g.Panel.Cost[1:] },
		"region B has 34 days":      func(g *GeoTest) { g.Panel.Response[1] = g.Panel.Response[1][1:] },
		"5 regions have an arm":     func(g *GeoTest) { g.Arms = g.Arms[1:] },
		"0 treated":                 func(g *GeoTest) { clear(g.Arms) },
		"no regions or no days":     func(g *GeoTest) { g.Panel = &Panel{} },
		"needs two regions":         func(g *GeoTest) { g.Arms = []Arm{Control, Treated, LeftOut, 0, 0, 0} },
		"sums to less than nothing": func(g *GeoTest) { g.Panel.Response[2] = scaled(g.Panel.Response[2], -1) },
		"is no number to reckon":    func(g *GeoTest) { g.Panel.Response[2] = scaled(g.Panel.Response[2], 1e305) },
	} {
		g := fresh()
		change(g)
		if r, err := g.Analyse(DiD, 0.9); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, %+v, want %q", err, r.Lift, want)
		}
	}
	for _, m := range Methods() {
		for _, k := range []float64{1e10, 1e-10, 1e-305, math.Inf(1), math.NaN()} {
			g := fresh()
			for i, row := range g.Panel.Response {
				g.Panel.Response[i] = scaled(row, k)
			}
			if r, err := g.Analyse(m, 0.9); err == nil && !finite(r.Lift.Value, r.Lift.Low, r.Lift.High) {
				t.Errorf("%s times %g: %+v", m, k, r.Lift)
			}
		}
		g := fresh() // nothing anywhere
		for i := range g.Panel.Response {
			clear(g.Panel.Response[i])
		}
		if r, err := g.Analyse(m, 0.9); err == nil && (!finite(r.Lift.Value, r.Lift.Low, r.Lift.High) || r.Lift.Value != 0) {
			t.Errorf("%s: %+v", m, r)
		}
		g = fresh() // no spend: an effect and no return
		r, err := g.Analyse(m, 0.9)
		if err != nil || r.IROAS != nil || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "did not clearly differ") {
			t.Errorf("%s: %v, %+v", m, err, r)
		}
		g.Panel.Cost = nil // not known: nothing to say of it
		if r, err = g.Analyse(m, 0.9); err != nil || r.IROAS != nil || len(r.Warnings) != 0 {
			t.Errorf("%s: %v, %+v", m, err, r)
		}
	}
	g := fresh() // spend so small that the return on it is beyond a number
	g.treat(1e-312, 1)
	if r, err := g.Analyse(DiD, 0.9); err == nil || !strings.Contains(err.Error(), "too large or too small") {
		t.Errorf("%v, %+v", err, r.IROAS)
	}
	g = fresh()
	if _, err := g.Analyse(SC, 0.99); err == nil || !strings.Contains(err.Error(), "needs 100 days") {
		t.Error(err)
	}
	if _, err := g.Placebo(TBR, nil, 0, 1); err == nil {
		t.Error("no permutation passes")
	}
}
