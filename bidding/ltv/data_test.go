package ltv

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat/distuv"

	"adsteward/internal/civil"
)

func still() time.Duration { return 0 }

// worthOf is what one customer with outlook o is worth over a term.
func (s *Spend) worthOf(o Outlook, n int, m float64, t Term) Worth {
	return s.worth(s.forecast(o, n, t), n, m)
}

func seeded() *rand.Rand { return rand.New(rand.NewPCG(1, 1)) }

// world makes orders of customers who follow BG/NBD and Gamma-Gamma.
type world struct {
	rnd  *rand.Rand
	p    Params // in days
	p0   float64
	q, v float64
	from civil.Date
	days int
}

func newWorld(seed uint64) *world {
	return &world{rnd: rand.New(rand.NewPCG(seed, 7)), p: Params{R: .8, Alpha: 40, A: .9, B: 2.2}, p0: 5, q: 4, v: 30, from: civil.MustParse("2024-01-01"), days: 400}
}

func (w *world) gamma(a, b float64) float64 {
	return distuv.Gamma{Alpha: a, Beta: b, Src: w.rnd}.Rand()
}

// customer returns order days and values up to a day after the start; speed
// multiplies the order rate.
func (w *world) customer(speed float64, until int) (days []int, values []float64) {
	rate := speed * w.gamma(w.p.R, w.p.Alpha)
	leave := 0.0
	if w.p.A > 0 {
		leave = distuv.Beta{Alpha: w.p.A, Beta: w.p.B, Src: w.rnd}.Rand()
	}
	nu := w.gamma(w.q, w.v)
	at := float64(w.rnd.IntN(w.days))
	for int(at) <= until {
		if d := int(at); len(days) == 0 || days[len(days)-1] != d {
			days, values = append(days, d), append(values, 0)
		}
		values[len(values)-1] += w.gamma(w.p0, nu)
		if len(days) > 1 && w.rnd.Float64() < leave {
			break
		}
		at += w.rnd.ExpFloat64() / rate
	}
	return days, values
}

// dayRow is one customer day with the customer's source.
type dayRow struct {
	id     string
	source Source
	date   civil.Date
	value  float64
}

// rows are the days of so many customers by campaign, each of a speed.
func (w *world) rows(segments map[string][2]float64) (rows []dayRow) {
	for _, name := range slices.Sorted(maps.Keys(segments)) { // count and speed
		s := segments[name]
		for i := range int(s[0]) {
			days, values := w.customer(s[1], w.days)
			for j := range days {
				rows = append(rows, dayRow{fmt.Sprint(name, "/", i), Source{Campaign: name}, w.from.AddDays(days[j]), values[j]})
			}
		}
	}
	return rows
}

func (w *world) end() civil.Date { return w.from.AddDays(w.days) }

func (w *world) build(t testing.TB, segments map[string][2]float64) *Data {
	return merged(t, w.end(), w.rows(segments))
}

func merged(t testing.TB, end civil.Date, rows []dayRow) *Data {
	t.Helper()
	b := NewBuilder(end)
	for _, r := range rows {
		if err := b.Add(r.id, r.date, r.value); err != nil {
			t.Fatal(err)
		}
	}
	return b.Data()
}

// night fits and profiles rows as a night does.
func night(t testing.TB, end civil.Date, rows []dayRow, o Options) (*Fit, *Segmentation) {
	t.Helper()
	f, err := FitNight(merged(t, end, rows), o)
	if err != nil {
		t.Fatal(err)
	}
	return f, profiled(t, f, end, rows)
}

// profiled counts the last 60 days' customers as new.
func profiled(t testing.TB, f *Fit, end civil.Date, rows []dayRow) *Segmentation {
	t.Helper()
	p := f.NewProfile(end, end.AddDays(-59), end)
	for _, r := range rows {
		if err := p.Add(r.id, r.source, r.date, r.value); err != nil {
			t.Fatal(err)
		}
	}
	return p.Segmentation()
}

func TestNightRecoversTheTruth(t *testing.T) {
	t.Parallel()
	w := newWorld(1)
	f, err := FitNight(w.build(t, map[string][2]float64{"all": {20000, 1}}), Options{365, 0.1})
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range map[string]float64{"r": .8, "alpha": 40, "a": .9, "b": 2.2} {
		if got := f.Orders.Params.Of(n); f.Orders.Model != BGNBD || math.Abs(got-want) > 4*f.Orders.SE[n]+0.02*want {
			t.Errorf("%s %s is %g with standard error %g, the truth is %g", f.Orders.Model, n, got, f.Orders.SE[n], want)
		}
	}
	// The true multiple, by watching new customers for a year.
	var first, later float64
	for range 40000 {
		days, values := w.customer(1, 2*w.days)
		for i, d := range days {
			if i == 0 {
				first += values[0]
			} else if ahead := d - days[0]; ahead <= 365 {
				later += values[i] * math.Pow(1.1, -float64(ahead)/365)
			}
		}
	}
	near(t, "the default multiple", f.DefaultLambda(), 1+later/first, 0.03)
	if f.DefaultLambda() < 1.3 {
		t.Errorf("a multiple of %g tests nothing", f.DefaultLambda())
	}
	if len(f.Warnings) > 0 {
		t.Errorf("warnings on clean data: %v", f.Warnings)
	}
}

func TestSegmentsLeanOnTheWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(2)
	f, _ := night(t, w.end(), w.rows(map[string][2]float64{"": {3000, 1}, "a:fast": {1500, 2.5}, "a:slow": {1500, 0.4}, "a:tiny": {6, 2.5}}), Options{365, 0.1})
	l := f.Lambdas()
	if !(l["a:fast"].Low > l[""].High && l[""].Low > l["a:slow"].High) {
		t.Errorf("segments are not told apart: %+v", l)
	}
	if tiny := l["a:tiny"]; !(tiny.High-tiny.Low > 2*(l["a:fast"].High-l["a:fast"].Low)) {
		t.Errorf("six customers are as sure as 1,500: %+v", l)
	}
	for name, s := range l {
		if !(s.Low >= 1 && s.Low <= s.Value && s.Value <= s.High) || s.Why == "" || (s.Customers == 0) != (name == "a:") {
			t.Errorf("segment %q: %+v", name, s)
		}
	}
}

func TestNobodyLeaves(t *testing.T) {
	t.Parallel()
	w := newWorld(3)
	w.p.A = 0
	d := w.build(t, map[string][2]float64{"": {3000, 1}})
	for _, m := range models[1:] {
		f, err := FitOrders(m, d.rows)
		if err != nil {
			t.Fatal(err)
		}
		if f.Model == NBD && len(f.Warnings) == 0 {
			t.Errorf("%s: no word on the boundary", m)
		}
		// Either the boundary, or so near it that a year's forecast is the same.
		nbd, err := FitOrders(NBD, d.rows)
		if err != nil {
			t.Fatal(err)
		}
		near(t, string(m), f.NewCustomer().Orders(365), nbd.NewCustomer().Orders(365), 0.1)
	}
}

func TestFitSurvivesJSON(t *testing.T) {
	t.Parallel()
	w := newWorld(4)
	f, _ := night(t, w.end(), w.rows(map[string][2]float64{"a": {800, 1}, "b": {300, 1}}), Options{180, 0.08})
	body, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	var back Fit
	if err := json.Unmarshal(body, &back); err != nil {
		t.Fatal(err)
	}
	h := History{Frequency: 2, Recency: 50, Age: 90, Orders: 3, MeanValue: 40}
	if back.Score(h) != f.Score(h) || back.DefaultLambda() != f.DefaultLambda() || back.Source() != f.Source() || !reflect.DeepEqual(back.Lambdas(), f.Lambdas()) {
		t.Errorf("read back as %s", body)
	}
	if !(f.Score(h) > 0) || f.Score(h) <= f.Score(History{Orders: 1, Age: 300, MeanValue: 5}) {
		t.Errorf("scores %g", f.Score(h))
	}
	for _, h := range []History{{Frequency: -1}, {Recency: math.NaN()}, {Age: math.Inf(1)}, {Recency: 5, Age: 2}, {Age: 5, Orders: 1, MeanValue: math.NaN()}, {Age: 5, Orders: 2, MeanValue: -1e9}} {
		if s := f.Score(h); !(s >= 0) || math.IsInf(s, 0) {
			t.Errorf("%+v scores %g", h, s)
		}
	}
	if want := f.Orders.Model.Title() + " and Gamma-Gamma on 1,100 customers, "; !strings.HasPrefix(f.Source(), want) || !strings.HasSuffix(f.Source(), " with a repeat order, 180 days at 8 % a year") {
		t.Error(f.Source())
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(5)
	once := NewBuilder(w.from.AddDays(w.days))
	free := NewBuilder(w.from.AddDays(w.days))
	for i := range 500 {
		if err := once.Add(fmt.Sprint(i), w.from.AddDays(i%300), 10); err != nil {
			t.Fatal(err)
		}
		for _, day := range []int{0, 5 + i%90} {
			if err := free.Add(fmt.Sprint(i), w.from.AddDays(day), 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, d := range map[string]*Data{"nobody": NewBuilder(0).Data(), "few": w.build(t, map[string][2]float64{"": {60, 1}}), "no repeats": once.Data(), "no value": free.Data()} {
		var r *Refused
		if f, err := FitNight(d, Options{365, 0.1}); !errors.As(err, &r) || r.Reason == "" || f != nil {
			t.Errorf("%s: %v, %v", name, f, err)
		}
	}
}

// Merging order values on a grid must not show.
func TestMergedSpendIsAsGoodAsExact(t *testing.T) {
	t.Parallel()
	l := cdnow(t, "cdnow_sample.csv")
	b := NewBuilder(calibrationEnd)
	for _, o := range l.orders {
		if err := b.Add(l.ids[o.customer], o.day, o.value); err != nil {
			t.Fatal(err)
		}
	}
	d := b.Data()
	merged, err := FitSpend(d.spend, 0)
	if err != nil {
		t.Fatal(err)
	}
	exact, err := FitSpend(spendRows(l.Histories(calibrationEnd), true))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "p", merged.P, exact.P, 2e-5)
	near(t, "mean", merged.Mean, exact.Mean, 2e-5)
	if len(d.spend) >= exact.Customers/2 {
		t.Errorf("%d rows for %d customers", len(d.spend), exact.Customers)
	}
	if rows := Merge(l.Histories(calibrationEnd), 1); !reflect.DeepEqual(rows, d.rows) {
		t.Error("a Builder and Merge disagree")
	}
}

func TestSpendFallsBackOnTheMean(t *testing.T) {
	t.Parallel()
	var same, wild []SpendRow
	rnd := rand.New(rand.NewPCG(9, 9))
	for range 200 {
		same = append(same, SpendRow{2, 25, 1})
		wild = append(wild, SpendRow{1, math.Exp(4 * rnd.NormFloat64()), 1})
	}
	for name, rows := range map[string][]SpendRow{"same": same, "wild": wild, "few": same[:3]} {
		s, err := FitSpend(rows, 0)
		if err != nil {
			t.Fatal(err)
		}
		if s.P != 0 || !(s.Mean > 0) || len(s.Warnings) != 1 || s.Expected(3, 1e6) != s.Mean {
			t.Errorf("%s: %+v", name, s)
		}
		w := s.worthOf(Law{NBD, Params{R: 1, Alpha: 10}}.Outlook(2, 5, 20), 2, 25, Term{50, 0.01})
		if !(w.Low <= w.Value && w.Value <= w.High && w.High > w.Low) {
			t.Errorf("%s: %+v", name, w)
		}
	}
}

// Where customers hardly differ, q and v have no upper end: the figures are said to
// mean little.
func TestSpendOfAlikeCustomers(t *testing.T) {
	t.Parallel()
	w := newWorld(22)
	var alike, apart []SpendRow
	for i := range 300 {
		n := 1 + i/100
		alike = append(alike, SpendRow{n, w.gamma(2*float64(n), 2*float64(n)) * 40, 1})
		apart = append(apart, SpendRow{n, w.gamma(2*float64(n), 2*float64(n)) * 40 / w.gamma(3, 3), 1})
	}
	for name, rows := range map[string][]SpendRow{"alike": alike, "apart": apart} {
		s, err := FitSpend(rows, 0)
		if err != nil {
			t.Fatal(err)
		}
		if flat := name == "alike"; s.P == 0 || (s.SE == nil) != flat || (len(s.Warnings) == 1 && strings.Contains(s.Warnings[0], "mean little")) != flat {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// A shop of subscriptions: a customer pays the same each time, p has no upper
// end, and the mean seen is the mean to come.
func TestSpendOfSubscribers(t *testing.T) {
	t.Parallel()
	w := newWorld(21)
	var rows []SpendRow
	for i := range 600 {
		rows = append(rows, SpendRow{1 + i/100, 30 / w.gamma(4, 4), 1})
	}
	s, err := FitSpend(rows, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if r.X == 6 {
			near(t, "the value of a subscriber's next order", s.Expected(r.X, r.M), r.M, 0.25)
		}
	}
	worth := s.worthOf(Law{NBD, Params{R: 1, Alpha: 10}}.Outlook(6, 5, 20), 6, 100, Term{50, 0.01})
	if !(worth.Low <= worth.Value && worth.Value <= worth.High && worth.High < 4*worth.Value) {
		t.Errorf("%+v %+v", s, worth)
	}
	exact := []SpendRow{}
	for i := range 600 {
		exact = append(exact, SpendRow{4, 30 * (1 + float64(i%3)), 1})
	}
	if s, err = FitSpend(exact, 0); err != nil || math.IsNaN(s.Expected(4, 60)) {
		t.Errorf("%+v, %v", s, err)
	}
	t.Logf("%+v", s)
}

func TestHistories(t *testing.T) {
	t.Parallel()
	day := civil.MustParse("2025-03-01")
	var got []History
	h := NewHistories(day.AddDays(10), func(h History) error { got = append(got, h); return nil })
	for _, o := range []struct {
		id    string
		day   int
		value float64
	}{{"a", 0, 10}, {"a", 0, 5}, {"a", 4, 30}, {"a", 4, 6}, {"a", 12, 99}, {"b", 11, 1}, {"c", 10, 7}} {
		if err := h.Add(o.id, day.AddDays(o.day), o.value); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Flush(); err != nil {
		t.Fatal(err)
	}
	want := []History{{"a", 1, 4, 10, 2, 25.5, 15, 36}, {"c", 0, 0, 0, 1, 7, 7, 0}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	if h.Add("d", day.AddDays(3), 1) != nil || h.Add("d", day, 1) == nil || h.Add("d", day.AddDays(4), math.NaN()) == nil {
		t.Error("days that go back and values that are none have to be refused")
	}
}
