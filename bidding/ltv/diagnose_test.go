package ltv

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"adsteward/internal/civil"
)

// printedCounts is P(X(t) = x) as the papers print it: equation (8) of Fader,
// Hardie and Lee 2005 for BG/NBD, its like for MBG/NBD, and for Pareto/NBD the
// negative binomial up to the moment a customer leaves, integrated over that
// moment in 100,000 steps.
func printedCounts(l Law, t float64, x int) float64 {
	lg := func(v float64) float64 { g, _ := math.Lgamma(v); return g }
	lbeta := func(a, b float64) float64 { return lg(a) + lg(b) - lg(a+b) }
	nb := func(x int, t float64) float64 {
		return math.Exp(lg(l.R+float64(x)) - lg(l.R) - lg(float64(x)+1) + l.R*math.Log(l.Alpha/(l.Alpha+t)) + float64(x)*math.Log(t/(l.Alpha+t)))
	}
	fewer := 0.0
	for j := range x {
		fewer += nb(j, t)
	}
	switch l.Model {
	case BGNBD:
		p := math.Exp(lbeta(l.A, l.B+float64(x))-lbeta(l.A, l.B)) * nb(x, t)
		if x > 0 {
			p += math.Exp(lbeta(l.A+1, l.B+float64(x)-1)-lbeta(l.A, l.B)) * (1 - fewer)
		}
		return p
	case MBGNBD:
		return math.Exp(lbeta(l.A, l.B+float64(x)+1)-lbeta(l.A, l.B))*nb(x, t) +
			math.Exp(lbeta(l.A+1, l.B+float64(x))-lbeta(l.A, l.B))*(1-fewer)
	case ParetoNBD:
		p := math.Pow(l.Beta/(l.Beta+t), l.S) * nb(x, t)
		const steps = 100_000
		end := math.Log1p(t / l.Beta)
		for i := range steps {
			u := (float64(i) + 0.5) / steps * end // ln of (beta + life)/beta
			p += nb(x, l.Beta*math.Expm1(u)) * l.S * math.Exp(-l.S*u) * end / steps
		}
		return p
	}
	return nb(x, t)
}

var cdnowLaws = []Law{
	{BGNBD, Params{R: .242595, Alpha: 4.413603, A: .792922, B: 2.425906}},
	{MBGNBD, Params{R: .52484, Alpha: 6.18308, A: .89136, B: 1.61400}},
	{ParetoNBD, Params{R: .55327, Alpha: 10.5776, S: .60629, Beta: 11.6704}},
	{NBD, Params{R: .4, Alpha: 12}},
	{ParetoNBD, Params{R: 1.5, Alpha: 3, S: .2, Beta: .4}},
}

func TestFrequenciesAgainstPrintedFormulas(t *testing.T) {
	t.Parallel()
	rows := []Row{{X: 0, T: 39, N: 600}, {X: 3, TX: 4, T: 39, N: 200}, {X: 9, TX: 11, T: 12.5, N: 200}}
	for _, law := range cdnowLaws {
		f := checkFrequency(law, rows)
		if !slices.Equal(f.Actual, []float64{600, 0, 0, 200, 0, 0, 0, 200}) {
			t.Errorf("%s: actual %v", law.Model, f.Actual)
		}
		sum := 0.0
		for x, e := range f.Expected {
			sum += e
			if want := 800*printedCounts(law, 39, x) + 200*printedCounts(law, 12.5, x); x < maxRepeat && math.Abs(e-want) > 0.01 {
				t.Errorf("%s: %v with %d repeat orders expected, the formula says %v", law.Model, e, x, want)
			}
		}
		near(t, law.Model.Title()+"'s expectations together", sum, 1000, 1e-9)
	}
}

// Customers who live by each model, order by order, are spread as it says.
func TestFrequenciesAgainstSimulation(t *testing.T) {
	t.Parallel()
	rnd := seeded()
	gamma := func(a, b float64) float64 { return distuv.Gamma{Alpha: a, Beta: b, Src: rnd}.Rand() }
	for _, law := range cdnowLaws {
		counts := map[Row]float64{}
		for i := range 40_000 {
			age := []float64{5, 20, 60}[i%3]
			rate, life, leave, x, at := gamma(law.R, law.Alpha), math.Inf(1), 0.0, 0, 0.0
			switch law.Model {
			case ParetoNBD:
				life = rnd.ExpFloat64() / gamma(law.S, law.Beta)
			case BGNBD, MBGNBD:
				leave = distuv.Beta{Alpha: law.A, Beta: law.B, Src: rnd}.Rand()
			}
			gone := law.Model == MBGNBD && rnd.Float64() < leave
			for !gone {
				if at += rnd.ExpFloat64() / rate; at > min(age, life) {
					break
				}
				x++
				gone = rnd.Float64() < leave
			}
			counts[Row{X: x, T: age}]++
		}
		var rows []Row
		for r, n := range counts {
			r.N = n
			rows = append(rows, r)
		}
		f := checkFrequency(law, rows)
		var chi float64
		for x, e := range f.Expected {
			chi += (f.Actual[x] - e) * (f.Actual[x] - e) / e
		}
		if chi > 24.3 { // the 99.9 % point of chi-squared with 7 degrees of freedom
			t.Errorf("%s: chi-squared %.1f: %v, simulated %v", law.Model, chi, f.Expected, f.Actual)
		}
	}
}

// The customers of the CDNOW sample by repeat orders are those of figure 2 of
// Fader, Hardie and Lee 2005, which BG/NBD meets within chance.
func TestPublishedFrequencies(t *testing.T) {
	t.Parallel()
	d := cdnowDiagnostics(t, BGNBD)
	if want := []float64{1411, 439, 214, 100, 62, 38, 29, 64}; !slices.Equal(d.Frequency.Actual, want) {
		t.Errorf("actual %v, published %v", d.Frequency.Actual, want)
	}
	var chi float64
	for x, e := range d.Frequency.Expected {
		chi += (d.Frequency.Actual[x] - e) * (d.Frequency.Actual[x] - e) / e
	}
	// Eight classes, four parameters fitted: the 99 % point of chi-squared with 3
	// degrees of freedom.
	if chi > 11.34 || d.Frequency.Off || !strings.HasSuffix(d.Frequency.Says, ": fine.") {
		t.Errorf("chi-squared %.2f, %q; expected %v", chi, d.Frequency.Says, d.Frequency.Expected)
	}
}

func cdnowDiagnostics(t *testing.T, m Model) *Diagnostics {
	t.Helper()
	l := cdnow(t, "cdnow_sample.csv")
	q := Question{Model: m, Observe: calibrationEnd, Unit: "week", Horizon: 365, Clock: still, Rand: seeded()}
	a, err := Analyse(l, q)
	if err != nil {
		t.Fatal(err)
	}
	d, err := Diagnose(l, q, a)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// By the end of the calibration and of the holdout both models are within a few
// percent of the repeat orders, as figures 3 and 4 of Fader, Hardie and Lee 2005
// show them.
func TestPublishedTracking(t *testing.T) {
	t.Parallel()
	for _, m := range []Model{BGNBD, ParetoNBD} {
		d := cdnowDiagnostics(t, m)
		weeks := d.Tracking.Weeks
		if len(weeks) != 78 || d.Cut != calibrationEnd || weeks[38].Last != calibrationEnd {
			t.Fatalf("%s: %d weeks, cut %s", m, len(weeks), d.Cut)
		}
		if weeks[38].ActualToDate != 2457 || weeks[77].ActualToDate != 4339 || d.Tracking.HoldoutActual != 4339-2457 {
			t.Errorf("%s: actual repeat orders %v by week 39, %v by week 78", m, weeks[38].ActualToDate, weeks[77].ActualToDate)
		}
		near(t, m.Title()+" by week 39", weeks[38].ExpectedToDate, weeks[38].ActualToDate, 0.03)
		near(t, m.Title()+" by week 78", weeks[77].ExpectedToDate, weeks[77].ActualToDate, 0.05)
		var sum float64
		for i, w := range weeks {
			sum += w.Expected
			if i > 0 && w.Last.Sub(weeks[i-1].Last) != 7 {
				t.Errorf("week %d ends on %s", i, w.Last)
			}
		}
		near(t, "the weeks together", sum, weeks[77].ExpectedToDate, 1e-9)
	}
}

func TestAliveMap(t *testing.T) {
	t.Parallel()
	d := cdnowDiagnostics(t, ParetoNBD)
	law, rows := Law{ParetoNBD, cdnowLaws[2].Params}, Merge(cdnow(t, "cdnow_sample.csv").Histories(calibrationEnd), 7)
	var active float64
	for _, r := range rows {
		active += r.N * law.Outlook(r.X, r.TX, r.T).PAlive()
	}
	near(t, "active customers", d.Alive.Active, active, 1e-3)
	var customers, sum float64
	for _, cells := range d.Alive.Cells {
		for _, c := range cells {
			customers += c.Customers
			if c.PAlive == nil {
				if c.Customers > 0 {
					t.Error("customers without a p(alive)")
				}
				continue
			}
			if !(*c.PAlive >= 0 && *c.PAlive <= 1) {
				t.Errorf("p(alive) %v", *c.PAlive)
			}
			sum += c.Customers * *c.PAlive
		}
	}
	if customers != 2357 || d.Alive.Customers != 2357 {
		t.Errorf("%v customers in the cells, %v in all", customers, d.Alive.Customers)
	}
	near(t, "active customers by cell", sum, d.Alive.Active, 1e-9)
	// Whoever stays away longer is less likely there; whoever orders more falls faster.
	first, last := d.Alive.Cells[0], d.Alive.Cells[aliveRows-2]
	for x := 1; x <= maxRepeat; x++ {
		if !(*first[x].PAlive > *last[x].PAlive) {
			t.Errorf("with %d repeat orders p(alive) goes from %.2f to %.2f", x, *first[x].PAlive, *last[x].PAlive)
		}
	}
	if !(*last[1].PAlive > *last[6].PAlive) {
		t.Error("frequent buyers do not fade sooner")
	}
}

// TestTenths compares the histogram of scores with sorting every customer.
func TestTenths(t *testing.T) {
	t.Parallel()
	rnd := seeded()
	type customer struct{ predicted, actual float64 }
	var s scores
	var all []customer
	var total float64
	for range 5000 {
		c := customer{predicted: math.Exp(2 * rnd.NormFloat64())}
		if rnd.Float64() < 0.4 {
			c.actual = c.predicted * math.Exp(rnd.NormFloat64())
		}
		all = append(all, c)
		total += c.actual
		s.add(c.predicted, c.actual)
	}
	l := s.tenths(90, "")
	slices.SortFunc(all, func(a, b customer) int { return int(math.Copysign(1, b.predicted-a.predicted)) })
	for i, tenth := range l.Tenths {
		var p, a float64
		for _, c := range all[i*500 : (i+1)*500] {
			p += c.predicted
			a += c.actual
		}
		near(t, "customers of a tenth", tenth.Customers, 500, 1e-9)
		near(t, fmt.Sprintf("predicted in tenth %d", i+1), tenth.Predicted, p/500, 0.02)
		near(t, fmt.Sprintf("actual in tenth %d", i+1), tenth.Actual, a/500, 0.05)
		if i == 0 {
			near(t, "the top tenth's share", l.TopShare, a/total, 0.01)
		}
	}
	if len(l.Tenths) != 10 {
		t.Errorf("%d tenths", len(l.Tenths))
	}
}

// TestTenthsOfTheSame splits customers of one prediction evenly.
func TestTenthsOfTheSame(t *testing.T) {
	t.Parallel()
	var s scores
	for i := range 1003 {
		s.add(7, float64(i%2))
	}
	l := s.tenths(90, "")
	if len(l.Tenths) != 10 {
		t.Fatalf("%d tenths", len(l.Tenths))
	}
	for _, tenth := range l.Tenths {
		near(t, "customers", tenth.Customers, 100.3, 1e-6)
		near(t, "actual", tenth.Actual, 501./1003, 1e-6)
	}
}

func TestOrderOfTenths(t *testing.T) {
	t.Parallel()
	of := func(v ...float64) *Lift {
		l := &Lift{}
		for _, a := range v {
			l.Tenths = append(l.Tenths, Tenth{Actual: a})
		}
		return l
	}
	for _, c := range []struct {
		l    *Lift
		want float64
	}{{of(9, 5, 5, 1), 1}, {of(1, 5, 5, 9), -1}, {of(8, 0, 0, 0), 1}, {of(0, 8, 0, 0), 1. / 3}, {of(2, 2, 2, 2), 1}, {of(0, 0), 1}} {
		if got := c.l.order(); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%+v: %v, want %v", c.l.Tenths, got, c.want)
		}
	}
}

func TestByChance(t *testing.T) {
	t.Parallel()
	if !byChance([]float64{101, 49, 1}, []float64{100, 50, 1}) || byChance([]float64{101, 99, 1, 0}, []float64{126, 72, 2, 1}) || byChance([]float64{1}, []float64{1}) {
		t.Error("chance is not told from difference")
	}
	// One sample in twenty of the model's own is taken for different.
	rnd, p, wrong := seeded(), []float64{.5, .3, .15, .05}, 0.
	for range 2000 {
		actual, expected := make([]float64, 4), make([]float64, 4)
		for range 400 {
			u, x := rnd.Float64(), 0
			for ; x < 3 && u >= p[x]; x++ {
				u -= p[x]
			}
			actual[x]++
		}
		for x := range p {
			expected[x] = 400 * p[x]
		}
		if !byChance(actual, expected) {
			wrong++
		}
	}
	if wrong < 60 || wrong > 140 {
		t.Errorf("%v of 2000 samples", wrong)
	}
}

// nightWorld is a model's customers as a night's days, and as a log.
func nightWorld(t testing.TB, seed uint64, customers int) (*OrderLog, CustomerDays) {
	w := newWorld(seed)
	var csv strings.Builder
	csv.WriteString("customer_id,date,value\n")
	for i := range customers {
		days, values := w.customer(1, w.days)
		for j, d := range days {
			fmt.Fprintf(&csv, "c%06d,%s,%.2f\n", i, w.from.AddDays(d), values[j])
		}
	}
	l, err := ReadOrders(strings.NewReader(csv.String()))
	if err != nil {
		t.Fatal(err)
	}
	return l, func(add func(string, civil.Date, float64) error) error {
		for _, o := range l.orders {
			if err := add(l.ids[o.customer], o.day, o.value); err != nil {
				return err
			}
		}
		return nil
	}
}

// TestDiagnosticsOfTheTruth: on customers who do as the model says nothing is
// off, predictions hold tenth by tenth, and the file's way and the night's agree.
func TestDiagnosticsOfTheTruth(t *testing.T) {
	t.Parallel()
	l, days := nightWorld(t, 11, 15000)
	q := Question{Model: BGNBD, Horizon: 365, SpendAll: true, Clock: still, Rand: seeded()}
	a, err := Analyse(l, q)
	if err != nil {
		t.Fatal(err)
	}
	file, err := Diagnose(l, q, a)
	if err != nil {
		t.Fatal(err)
	}
	b := NewBuilder(l.Last)
	if err := days(func(id string, day civil.Date, v float64) error { return b.Add(id, day, v) }); err != nil {
		t.Fatal(err)
	}
	f, err := FitNight(b.Data(), Options{365, 0.1})
	if err != nil {
		t.Fatal(err)
	}
	night, err := DiagnoseNight(f, l.First, l.Last, days)
	if err != nil {
		t.Fatal(err)
	}
	for name, d := range map[string]*Diagnostics{"file": file, "night": night} {
		if d.Frequency.Off || d.Tracking.Off || d.Tenths.Off || d.Cohorts.Off {
			t.Errorf("%s: off on the truth: %q %q %q %q", name, d.Frequency.Says, d.Tracking.Says, d.Tenths.Says, d.Cohorts.Says)
		}
		near(t, name+": holdout orders", d.Tracking.HoldoutExpected, d.Tracking.HoldoutActual, 0.06)
		for i, tenth := range d.Tenths.Tenths {
			if i > 0 && !(tenth.Predicted < d.Tenths.Tenths[i-1].Predicted) {
				t.Errorf("%s: predictions rise with tenth %d", name, i+1)
			}
			if i > 0 && i < 4 && !(tenth.Actual < d.Tenths.Tenths[i-1].Actual) {
				t.Errorf("%s: values rise with tenth %d: %+v", name, i+1, d.Tenths.Tenths)
			}
		}
		near(t, name+": the top tenth", d.Tenths.Tenths[0].Predicted, d.Tenths.Tenths[0].Actual, 0.12)
	}
	if file.Cut != night.Cut || !slices.Equal(file.Frequency.Actual, night.Frequency.Actual) || len(file.Tracking.Weeks) != len(night.Tracking.Weeks) {
		t.Errorf("the ways differ: %s and %s, %v and %v", file.Cut, night.Cut, file.Frequency, night.Frequency)
	}
	near(t, "the top tenth's share", night.Tenths.TopShare, file.Tenths.TopShare, 0.01)
	near(t, "the top tenth's prediction", night.Tenths.Tenths[0].Predicted, file.Tenths.Tenths[0].Predicted, 0.01)
}

// TestCohortsAddUp counts a log anew, order by order.
func TestCohortsAddUp(t *testing.T) {
	t.Parallel()
	l := cdnow(t, "cdnow_sample.csv")
	d := cdnowDiagnostics(t, BGNBD)
	var customers, first, orders, value, seen float64
	for _, c := range d.Cohorts.Cohorts {
		customers += c.Customers
		first += c.FirstValue
		orders += c.RepeatOrders
		value += c.RepeatValue
		for i, cell := range c.Ages {
			seen += cell.Orders
			if cell.Active > cell.Orders || cell.Active > cell.Customers || cell.Customers > c.Customers || i > 0 && cell.Customers > c.Ages[i-1].Customers {
				t.Errorf("%s, month %d: %+v", c.Month, i+1, cell)
			}
		}
	}
	var all, within float64
	firsts := map[int32]civil.Date{}
	for i, o := range l.orders {
		all += o.value
		if _, ok := firsts[o.customer]; !ok {
			firsts[o.customer] = o.day
		} else if o.day != l.orders[i-1].day {
			age := (o.day.Sub(firsts[o.customer]) + ageDays - 1) / ageDays
			if firsts[o.customer].AddDays(age*ageDays) <= l.Last {
				within++
			}
		}
	}
	if customers != 2357 || orders != 4339 || seen != within {
		t.Errorf("%v customers, %v repeat orders, %v in whole months; the log has 2357, 4339 and %v", customers, orders, seen, within)
	}
	near(t, "value", first+value, all, 1e-9)
	var expected float64
	for _, e := range d.Cohorts.Expected[:6] {
		expected += e.Orders
	}
	near(t, "six months of orders", expected, cdnowLaws[0].NewCustomer().Orders(180./7), 1e-4)
}

// TestSmallLogs: whatever there is too little of is said in words, and nothing is
// NaN, which JSON would not take.
func TestSmallLogs(t *testing.T) {
	t.Parallel()
	law, day := cdnowLaws[0], civil.MustParse("2024-03-01")
	for name, c := range map[string]struct {
		rows        []Row
		orders      []int // days of one customer's orders
		until, cut  int
		wantMissing bool
	}{
		"one customer, one day":        {rows: []Row{{N: 1}}, orders: []int{0}, wantMissing: true},
		"one customer, twice in a day": {rows: []Row{{N: 1}}, orders: []int{0, 0}, wantMissing: true},
		"one customer, a year":         {rows: []Row{{X: 2, TX: 9, T: 365, N: 1}}, orders: []int{0, 4, 9}, until: 365, cut: 244},
		"an order after the end":       {rows: []Row{{T: 10, N: 1}}, orders: []int{0, 40}, until: 10, cut: 7, wantMissing: true},
		"a hundred years":              {rows: []Row{{X: 1, TX: 36500, T: 36500, N: 1}}, orders: []int{0, 36500}, until: 36500, cut: 24334},
	} {
		e := examined{law: law, then: law, spend: &Spend{Mean: 30}, thenSpend: &Spend{Mean: 30}, unit: 1, rows: c.rows, tally: NewTally(day.AddDays(c.until), day.AddDays(c.cut))}
		for _, o := range c.orders {
			e.tally.Add("a", day.AddDays(o), 20)
		}
		d := e.diagnostics()
		if _, err := json.Marshal(d); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if d.Tenths.Missing == "" || len(d.Tenths.Tenths) > 0 {
			t.Errorf("%s: one customer in tenths: %+v", name, d.Tenths)
		}
		if missing := d.Tracking.Missing != "" && d.Cohorts.Missing != ""; missing != c.wantMissing {
			t.Errorf("%s: %+v, %+v", name, d.Tracking.Finding, d.Cohorts.Finding)
		}
		if len(d.Tracking.Weeks) > mostWeeks+1 {
			t.Errorf("%s: %d weeks", name, len(d.Tracking.Weeks))
		}
	}
}

// TestTooFewForAHoldout: a log that carries a fit, but whose first two thirds do
// not, is shown with the reason.
func TestTooFewForAHoldout(t *testing.T) {
	t.Parallel()
	var csv strings.Builder
	csv.WriteString("customer_id,date,value\nold,2024-01-01,10\n")
	for i := range 60 { // all but one came in the last third, half of them twice
		fmt.Fprintf(&csv, "c%d,2024-09-%02d,%d\n", i, i%20+1, 10+i)
		if i%2 == 0 {
			fmt.Fprintf(&csv, "c%d,2024-%02d-%02d,%d\n", i, 10+i%3, i%20+2, 20+i)
		}
	}
	l, err := ReadOrders(strings.NewReader(csv.String()))
	if err != nil {
		t.Fatal(err)
	}
	q := Question{Model: BGNBD, Horizon: 365, Clock: still, Rand: seeded()}
	a, err := Analyse(l, q)
	if err != nil {
		t.Fatal(err)
	}
	d, err := Diagnose(l, q, a)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(d.Tenths.Missing, "cannot carry a fit of their own") || !strings.Contains(d.Tracking.Says, "not how it foretells") || d.Tracking.Off {
		t.Errorf("%+v\n%+v", d.Tenths.Finding, d.Tracking.Finding)
	}
}

// BenchmarkDiagnoseNight is what the diagnostics add to a night that refits the
// lifetime model of a shop with 450,000 orders, without the database.
func BenchmarkDiagnoseNight(b *testing.B) {
	l, days := nightWorld(b, 12, 215_000)
	build := NewBuilder(l.Last)
	if err := days(func(id string, day civil.Date, v float64) error { return build.Add(id, day, v) }); err != nil {
		b.Fatal(err)
	}
	f, err := FitNight(build.Data(), Options{365, 0.1})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DiagnoseNight(f, l.First, l.Last, days); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(l.orders)), "orders")
}
