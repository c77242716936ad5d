package ltv

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// mixedShop has customers of two kinds whose laws differ by known effects, and a
// number that does nothing.
func mixedShop(l *lives, e Effects, n int) (histories []History, columns *Columns, later []float64) {
	columns = &Columns{names: []string{"channel", "size"}, of: map[string][]string{}}
	base := l.law
	for i := range n {
		level, z := "search", 0.0
		if i%3 == 0 {
			level, z = "social", 1
		}
		l.law = base.For(e, []float64{z})
		h, v := l.customer(i)
		histories, later = append(histories, h), append(later, v)
		columns.of[h.CustomerID] = []string{level, fmt.Sprint(l.rnd.IntN(9))}
	}
	l.law = base
	return histories, columns, later
}

func TestCovariatesRecoverTheTruth(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: long under the race detector, and others race what it runs; make test runs it without")
	}
	for _, l := range worlds(41) {
		e := Effects{Orders: []float64{0.6}, Leaving: []float64{0.5}}
		if l.law.Model == NBD {
			e.Leaving = nil
		}
		histories, columns, later := mixedShop(l, e, 6000)
		base, spend := l.fitted(t, histories)
		d, warnings, err := NewDesign([]string{"channel"}, columns, histories)
		if err != nil || len(warnings) > 0 || len(d.Names) != 1 || d.Names[0] != "channel=social" {
			t.Fatal(d, warnings, err)
		}
		f, err := FitCovariates(base, histories, d, 1)
		if err != nil {
			t.Fatal(err)
		}
		c := f.Covariates
		if off := math.Abs(c.Orders["channel=social"] - 0.6); off > 3*c.SE.Orders["channel=social"] || !(c.SE.Orders["channel=social"] < 0.1) {
			t.Errorf("%s: effect on orders %g, standard error %g, the truth is 0.6", l.law.Model, c.Orders["channel=social"], c.SE.Orders["channel=social"])
		}
		if off := math.Abs(c.Leaving["channel=social"] - 0.5); l.law.Model != NBD && off > 3*c.SE.Leaving["channel=social"] {
			t.Errorf("%s: effect on leaving %g, standard error %g, the truth is 0.5", l.law.Model, c.Leaving["channel=social"], c.SE.Leaving["channel=social"])
		}
		if !(c.PValue < 1e-6) || c.Freedom != d.effects(l.law.Model) || !strings.HasSuffix(c.Verdict, "they help") {
			t.Errorf("%s: %s", l.law.Model, c.Verdict)
		}
		// Each kind's forecast holds on its own.
		v := newValuer(f, spend, d, true, 1, l.rnd)
		expected, actual := [2]float64{}, [2]float64{}
		for i, w := range v.each(histories, l.term) {
			kind := 0
			if i%3 == 0 {
				kind = 1
			}
			expected[kind] += w.Value
			actual[kind] += later[i]
		}
		for kind := range expected {
			near(t, fmt.Sprint(l.law.Model, " value of kind ", kind), expected[kind], actual[kind], 0.1)
		}
		// A number that does nothing is said to.
		if d, _, err = NewDesign([]string{"size"}, columns, histories); err != nil {
			t.Fatal(err)
		}
		if f, err = FitCovariates(base, histories, d, 1); err != nil || f.Covariates.PValue < 1e-3 || math.Abs(f.Covariates.Orders["size"]) > 4*f.Covariates.SE.Orders["size"] {
			t.Errorf("%s, noise: %+v, %v", l.law.Model, f.Covariates, err)
		}
	}
}

// The facts' figure: with the logarithm of the first value Pareto/NBD ranks the
// value of CDNOW's customers better, with Gamma-Gamma as the papers take it.
func TestFirstValueRanksBetter(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: a large fit takes long under the race detector; make test runs this without it")
	}
	l := cdnow(t, "cdnow_master.csv")
	q := Question{Model: ParetoNBD, Observe: calibrationEnd, Unit: "week", Horizon: 365, Discount: 0.1, Margin: 1, Covariates: []string{FirstValue}, Rand: seeded(), Clock: still}
	a, err := Analyse(l, q)
	if err != nil {
		t.Fatal(err)
	}
	if got := *a.Holdout.ValueGini; math.Round(1000*got) < 707 || !(a.Covariates.PValue < 1e-80) || len(a.Covariates.SE.Leaving) != 1 {
		t.Errorf("value Gini %.4f, %s", got, a.Covariates.Verdict)
	}
	near(t, "the log-likelihood without", a.Covariates.LogLikelihoodWithout, -95415.1186, 1e-8)
}

func TestCovariateGradients(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(5, 5))
	d := &Design{Names: []string{"x", "y"}, patterns: [][]float64{{0.3, 1}, {-1.2, 0}, {2, 1}}}
	var rows []covRow
	maxX := 0
	for i, r := range testRows {
		rows = append(rows, covRow{r, int32(i % 3)})
		maxX = max(maxX, r.X)
	}
	for _, m := range models {
		for range 8 {
			v := m.pack(Params{R: .3 + rnd.Float64(), Alpha: 2 + 9*rnd.Float64(), A: .3 + rnd.Float64(), B: .5 + 2*rnd.Float64(), S: .3 + rnd.Float64(), Beta: 3 + 9*rnd.Float64()})
			for range d.effects(m) {
				v = append(v, math.Exp(rnd.NormFloat64()/2))
			}
			grad, none := make([]float64, len(v)), make([]float64, len(v))
			m.covLogLik(rows, d, maxX, v, grad)
			for j := range v {
				at := v[j]
				h := 1e-5 * at
				v[j] = at + h
				up := m.covLogLik(rows, d, maxX, v, none)
				v[j] = at - h
				down := m.covLogLik(rows, d, maxX, v, none)
				v[j] = at
				if want := (up - down) / (2 * h); math.Abs(grad[j]-want) > 1e-5*max(1, math.Abs(want)) {
					t.Errorf("%s: derivative %d is %g, finite difference %g", m, j, grad[j], want)
				}
			}
		}
	}
}

// With effects of zero the likelihood is that without covariates.
func TestCovariatesOfNoEffect(t *testing.T) {
	t.Parallel()
	d := &Design{Names: []string{"x"}, patterns: [][]float64{{1.5}}}
	for _, m := range models {
		for _, p := range testParams(m) {
			for _, r := range testRows {
				v, g := append([]float64{}, p...), make([]float64, len(p)+2)
				for range d.effects(m) {
					v = append(v, 1)
				}
				want := newLattice([]Row{r}).logLik(m, p, make([]float64, len(p)))
				got := m.covLogLik([]covRow{{r, 0}}, d, r.X, v, g[:len(v)])
				if !(math.Abs(got-want) <= 1e-10*max(1, math.Abs(want))) {
					t.Errorf("%s at %v, row %v: %g, want %g", m, p, r, got, want)
				}
			}
		}
	}
}

func TestDesign(t *testing.T) {
	t.Parallel()
	var histories []History
	c := &Columns{names: []string{"country", "same", "id", "ages", "never", "rare"}, of: map[string][]string{}}
	for i := range 1000 {
		h := History{CustomerID: fmt.Sprint(i), Frequency: i % 2, FirstValue: float64(i % 10)}
		country, never, age := "DE", "a", fmt.Sprint(20+i%50)
		switch {
		case i < 300:
			country = "AT"
		case i < 305:
			country = "FR"
		case i < 340:
			country = ""
		}
		if i >= 900 {
			never, h.Frequency = "z", 0
		}
		if i%100 == 7 {
			age = ""
		}
		rare := "x"
		if i < 5 {
			rare = "y"
		}
		histories = append(histories, h)
		c.of[h.CustomerID] = []string{country, "1", "c" + fmt.Sprint(i), age, never, rare}
	}
	for _, bad := range []struct {
		names []string
		words string
	}{
		{[]string{"same"}, "same for all customers"}, {[]string{"id"}, "id has no two levels"}, {[]string{"never"}, "never has no two levels"},
		{[]string{"rare"}, "rare has no two levels"}, {[]string{FirstValue, FirstValue}, "named twice"},
	} {
		var r *Refused
		if _, _, err := NewDesign(bad.names, c, histories); !errors.As(err, &r) || !strings.Contains(r.Reason, bad.words) {
			t.Errorf("%v: %v", bad.names, err)
		}
	}
	d, warnings, err := NewDesign([]string{"country", "ages", FirstValue}, c, histories)
	if err != nil || strings.Join(d.Names, " ") != "country=AT country=(none) ages first_value" || len(warnings) != 2 {
		t.Fatal(d.Names, warnings, err)
	}
	for i := range histories {
		z := d.z(i)
		if (z[0] == 1) != (i < 300) || (z[1] == 1) != (i >= 305 && i < 340) || i%100 == 7 && z[2] != 0 {
			t.Fatalf("customer %d: %v", i, z)
		}
		for _, v := range z {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Fatalf("customer %d: %v", i, z)
			}
		}
	}
	if _, _, err := NewDesign(nil, nil, histories); err != nil {
		t.Error(err)
	}
}

func TestReadColumns(t *testing.T) {
	t.Parallel()
	in := "customer_id,date,value,Channel\n1,2025-02-01,5,later\n1,2025-01-01,5,first\n2,2025-01-05,1, social \nbroken\n1,2025-01-01,5,again\n"
	c, err := ReadColumns(strings.NewReader(in), []string{"channel"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if got := c.cells("channel", []History{{CustomerID: "2"}, {CustomerID: "1"}, {CustomerID: "3"}}); strings.Join(got, "|") != "social|first|" {
		t.Errorf("%q", got)
	}
	var bad *BadRow
	if _, err = ReadColumns(strings.NewReader(in), []string{"chanel"}, ""); !errors.As(err, &bad) || bad.Line != 1 || bad.Column != "chanel" {
		t.Errorf("%v", err)
	}
}

// Covariates as files have them: an outlier, quoted text, rare and empty levels,
// and nothing that any of it explains.
func TestWildCovariates(t *testing.T) {
	t.Parallel()
	w := newWorld(64)
	c := &Columns{names: []string{"number", "channel"}, of: map[string][]string{}}
	for i := range 600 {
		number, channel := fmt.Sprint(i%7), []string{"a", "b", "c,d", `"q"`, ""}[w.rnd.IntN(5)]
		if i%200 == 5 {
			number = "1e12"
		}
		if i%50 == 0 {
			channel = fmt.Sprint("rare", i)
		}
		c.of[fmt.Sprint(i)] = []string{number, channel}
	}
	file := orderFile(w, 600, 1)
	for _, m := range models {
		a := analyse(t, file, Question{Model: m, Covariates: []string{"number", "channel", FirstValue}, Columns: c, By: "channel", Observe: w.from.AddDays(300)})
		checkAnswer(t, string(m), a)
		if len(a.Covariates.Names) != 6 || !strings.Contains(strings.Join(a.Warnings, "; "), "more than 6 standard deviations") || len(a.Totals) < 6 {
			t.Errorf("%s: %v, warnings %q, %d totals", m, a.Covariates.Names, a.Warnings, len(a.Totals))
		}
	}
}

// Whatever a column holds, a design is refused or made of numbers.
func FuzzDesign(f *testing.F) {
	f.Add("customer_id,date,value,c\n1,2025-01-01,5,a\n2,2025-01-02,7,b\n3,2025-01-03,7,\n")
	f.Add("c,customer_id,date,value,cost\n1e308,1,2025-01-01,5,1\n-1e308,2,2025-01-02,7,\n")
	f.Add("customer_id,date,value,c\n1,2025-01-01,5,\"a\n\"\"\"\n2,2025-01-01,0,0x1p-1074\n")
	f.Fuzz(func(t *testing.T, in string) {
		columns, err := ReadColumns(strings.NewReader(in), []string{"c"}, "")
		if err != nil {
			return
		}
		var histories []History
		for id := range columns.of {
			for k := range 40 { // enough of each for an effect
				histories = append(histories, History{CustomerID: id, Frequency: k % 2, FirstValue: float64(k)})
			}
		}
		d, _, err := NewDesign([]string{"c", FirstValue}, columns, histories)
		var refused *Refused
		if errors.As(err, &refused) {
			return
		}
		if err != nil || len(d.of) != len(histories) {
			t.Fatal(err)
		}
		for _, z := range d.patterns {
			for _, v := range z {
				if math.IsNaN(v) || math.Abs(v) > farthest {
					t.Fatalf("%q makes %v", in, z)
				}
			}
		}
	})
}
