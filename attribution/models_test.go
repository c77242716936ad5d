package attribution

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"adsteward/internal/shareddata"

	"pgregory.net/rapid"
)

// column reads one column of a reference by channel.
func column(t testing.TB, name, column string) map[string]float64 {
	t.Helper()
	records, err := csv.NewReader(shareddata.Open(t, "attribution/"+name)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	at := -1
	for i, h := range records[0] {
		if h == column {
			at = i
		}
	}
	out := map[string]float64{}
	for _, r := range records[1:] {
		f, err := strconv.ParseFloat(r[at], 64)
		if err != nil {
			t.Fatal(err)
		}
		out[r[0]] = f
	}
	return out
}

func zhao(t testing.TB) *Journeys {
	t.Helper()
	j, out, err := ReadCSV(t.Context(), shareddata.Open(t, "attribution/zhao_sample.csv"), ">", Options{Order: 3})
	if err != nil || out.Rows != 0 {
		t.Fatal(out, err)
	}
	return j
}

const header4 = "path,total_conversions,total_conversion_value,total_null\n"

// failer is what helpers need of a testing.T or a rapid.T.
type failer interface {
	Helper()
	Fatal(args ...any)
}

// read counts rows "path,conversions,value,nulls" for orders up to 4.
func read(t failer, rows ...string) *Journeys {
	t.Helper()
	j, _, err := ReadCSV(context.Background(), strings.NewReader(header4+strings.Join(rows, "\n")), ">", Options{Order: 4})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func creditsOf(t failer, j *Journeys, model string, order int) map[string]Credit {
	t.Helper()
	res, err := j.Attribute(context.Background(), model, order)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]Credit{}
	for _, c := range res.Channels {
		out[c.Channel] = c
	}
	return out
}

func TestReferences(t *testing.T) {
	t.Parallel()
	j := zhao(t)
	for order := 1; order <= 2; order++ {
		got := creditsOf(t, j, "markov", order)
		name := fmt.Sprintf("zhao_sample_markov_exact_order%d.csv", order)
		for channel, want := range column(t, name, "total_conversions") {
			near(t, fmt.Sprint("order ", order, ", channel ", channel), got[channel].Conversions, want, 1e-9)
		}
		for channel, want := range column(t, name, "removal_effect_conversion") {
			near(t, fmt.Sprint("effect at order ", order, ", channel ", channel), *got[channel].RemovalEffect, want, 1e-12)
		}
	}
	got := creditsOf(t, j, "shapley", 0)
	for channel, want := range column(t, "zhao_sample_shapley_exact.csv", "exact_sum_game_conversions") {
		near(t, "shapley, channel "+channel, got[channel].Conversions, want, 1e-9)
	}
}

func near(t testing.TB, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestRulesByHand(t *testing.T) {
	t.Parallel()
	j := read(t, "a > b > a > c,8,80,1", " b>>c ,2,10,0")
	for model, want := range map[string]map[string][2]float64{
		"last_click":  {"a": {0, 0}, "b": {0, 0}, "c": {10, 90}},
		"first_click": {"a": {8, 80}, "b": {2, 10}, "c": {0, 0}},
		"linear":      {"a": {4, 40}, "b": {3, 25}, "c": {3, 25}},
		"position":    {"a": {4, 40}, "b": {0.8 + 1, 8 + 5}, "c": {3.2 + 1, 32 + 5}},
		"time_decay":  {"a": {8. / 3, 80. / 3}, "b": {16./15 + 2./3, 160./15 + 10./3}, "c": {64./15 + 4./3, 640./15 + 20./3}},
		"shapley":     {"a": {8. / 3, 80. / 3}, "b": {8./3 + 1, 80./3 + 5}, "c": {8./3 + 1, 80./3 + 5}},
	} {
		got := creditsOf(t, j, model, 0)
		for channel, w := range want {
			near(t, model+" "+channel, got[channel].Conversions, w[0], 1e-12)
			near(t, model+" "+channel, got[channel].Value, w[1], 1e-12)
			if got[channel].RemovalEffect != nil {
				t.Errorf("%s %s has a removal effect", model, channel)
			}
		}
	}
	if got := j.Totals(); got != (Totals{Journeys: 11, Conversions: 10, Value: 90}) {
		t.Errorf("%+v", got)
	}
}

// Every model gives what the definitions give, at every order.
func TestAgainstDefinitions(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := &plain{}
		j := drawJourneys(t, p, 12, 7)
		for _, model := range ruleNames() {
			got := creditsOf(t, j, model, 0)
			for name, want := range p.rule(model) {
				if math.Abs(got[name].Conversions-want[0]) > 1e-9 || math.Abs(got[name].Value-want[1]) > 1e-9 {
					t.Fatalf("%s gives %s %+v, want %v", model, name, got[name], want)
				}
			}
		}
		for order := 1; order <= 4; order++ {
			got := creditsOf(t, j, "markov", order)
			want := p.removals(order)
			var sum [2]float64
			for _, e := range want {
				sum[0] += e[0]
				sum[1] += e[1]
			}
			totals := j.Totals()
			for name, e := range want {
				if math.Abs(*got[name].RemovalEffect-e[0]) > 1e-9 {
					t.Fatalf("order %d, effect of %s: %v, want %v", order, name, *got[name].RemovalEffect, e[0])
				}
				if sum[0] > 0 && math.Abs(got[name].Conversions-totals.Conversions*e[0]/sum[0]) > 1e-9 ||
					sum[1] > 0 && math.Abs(got[name].Value-totals.Value*e[1]/sum[1]) > 1e-9 {
					t.Fatalf("order %d gives %s %+v, want shares %v of %v", order, name, got[name], e, sum)
				}
			}
		}
	})
}

// A chain converts as often as its journeys did, and what is left over after
// solving is rounding.
func TestBalance(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		j := drawJourneys(t, &plain{}, 12, 40)
		totals := j.Totals()
		if totals.Journeys == 0 {
			return
		}
		for order := 1; order <= 4; order++ {
			w := j.grams.chain(order).without(-2)
			a, err := w.absorb(context.Background())
			if err != nil || math.Abs(a.conv-totals.Conversions/totals.Journeys) > 1e-13 {
				t.Fatalf("order %d converts with probability %v, want %v (%v)", order, a.conv, totals.Conversions/totals.Journeys, err)
			}
			if r := residual(t, w); r > 1e-13 {
				t.Fatalf("order %d leaves a residual of %v", order, r)
			}
		}
	})
}

// residual is by how much visits miss u = start + u Q, beside the sum of u.
func residual(t failer, w without) float64 {
	u, err := w.visits(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	missed, all := 0., 0.
	for s, gone := range w.gone {
		if gone {
			continue
		}
		v := w.start[s]
		for i := w.first[s]; i < w.first[s+1]; i++ {
			v += w.p[i] * u[w.from[i]]
		}
		missed += math.Abs(v - u[s])
		all += u[s]
	}
	return missed / max(all, 1e-300)
}

func drawJourneys(t *rapid.T, p *plain, rows, steps int) *Journeys {
	var text []string
	for range rapid.IntRange(1, rows).Draw(t, "rows") {
		path := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}), 1, steps).Draw(t, "path"), ">")
		count := rapid.IntRange(0, 20)
		conv, value, null := count.Draw(t, "conversions"), count.Draw(t, "value"), count.Draw(t, "nulls")
		p.add(path, float64(conv), float64(value), float64(null))
		text = append(text, fmt.Sprintf("%s,%d,%d,%d", path, conv, value, null))
	}
	return read(t, text...)
}

// Shapley by its definition, over all coalitions.
func TestShapleyByDefinition(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := &plain{}
		j := drawJourneys(t, p, 12, 7)
		n := len(p.names)
		worth := func(coalition int) (sum float64) {
			for _, r := range p.rows {
				inside := true
				for _, c := range r.path {
					inside = inside && coalition&(1<<c) != 0
				}
				if inside {
					sum += r.conv
				}
			}
			return sum
		}
		fact := func(k int) float64 { return math.Gamma(float64(k + 1)) }
		got := creditsOf(t, j, "shapley", 0)
		for x, name := range p.names {
			want := 0.
			for s := range 1 << n {
				if s&(1<<x) == 0 {
					size := bits.OnesCount(uint(s))
					want += fact(size) * fact(n-size-1) / fact(n) * (worth(s|1<<x) - worth(s))
				}
			}
			if math.Abs(got[name].Conversions-want) > 1e-9 {
				t.Fatalf("channel %s: %v, want %v", name, got[name].Conversions, want)
			}
		}
	})
}

// Credits sum to the totals to the last micro, with amounts in the hundreds of
// millions and parts counted apart.
func TestSumsEqualTotals(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	text := bytes.NewBufferString(header4)
	cents := 0
	const rows = 50_000
	for range rows {
		for k := range 1 + rnd.IntN(6) {
			if k > 0 {
				text.WriteString(" > ")
			}
			fmt.Fprint(text, "c", rnd.IntN(12))
		}
		v := rnd.IntN(1_000_000)
		cents += v
		fmt.Fprintf(text, ",1,%d.%02d,1\n", v/100, v%100)
	}
	j, _, err := ReadCSV(t.Context(), text, ">", Options{Order: 2})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "value", j.Totals().Value, float64(cents)/100, 0)
	for _, model := range Models() {
		var conv, value sum
		for _, c := range creditsOf(t, j, model, 2) {
			conv.add(c.Conversions)
			value.add(c.Value)
		}
		near(t, model+" conversions", conv.total(), rows, 1e-8)
		near(t, model+" value", value.total(), float64(cents)/100, 5e-7)
	}
}

func TestNoCredit(t *testing.T) {
	t.Parallel()
	j := read(t, "a>b,0,0,5", "c,0,0,0")
	for _, model := range Models() {
		got := creditsOf(t, j, model, 1)
		if len(got) != 3 {
			t.Errorf("%s lists %d channels", model, len(got))
		}
		for channel, c := range got {
			if c.Conversions != 0 || c.Value != 0 {
				t.Errorf("%s gives %s %v", model, channel, c)
			}
		}
	}
}

// A value without a conversion or a null belongs to the totals, and to the
// rules, but not to the chain.
func TestValueAlone(t *testing.T) {
	t.Parallel()
	j := read(t, "a,0,5,0", "b,1,7,1")
	if got := creditsOf(t, j, "linear", 0); got["a"].Value != 5 || got["b"].Value != 7 {
		t.Error(got)
	}
	if got := creditsOf(t, j, "markov", 1); got["a"].Value != 0 || got["b"].Value != 12 {
		t.Error(got)
	}
}

func TestOneChannel(t *testing.T) {
	t.Parallel()
	j := read(t, "a,3,30,7", "a>a>a>a>a,2,20,0")
	for _, model := range Models() {
		for order := 1; order <= 4; order++ {
			got := creditsOf(t, j, model, order)["a"]
			near(t, model, got.Conversions, 5, 1e-12)
			near(t, model, got.Value, 50, 1e-12)
			if model == "markov" && *got.RemovalEffect != 1 {
				t.Errorf("effect %v", *got.RemovalEffect)
			}
		}
	}
}

// Paths of ten thousand steps, in loops of two channels, at random and never
// the same twice, are solved as exactly as short ones, and soon.
func TestLongPaths(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: long under the race detector, and others race what it runs; make test runs it without")
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	long := func(steps int, name func(i int) int) string {
		var path strings.Builder
		for i := range steps {
			fmt.Fprintf(&path, "c%d>", name(i))
		}
		return path.String() + ",1,10,0"
	}
	loop := func(c int) func(int) int { return func(i int) int { return c + i%2 } }
	for what, rows := range map[string][]string{
		"loop":      {long(10_000, loop(0))},
		"runs":      {long(10_000, func(i int) int { return i / 100 % 3 })},
		"random":    {long(10_000, func(int) int { return rnd.IntN(20) })},
		"different": {long(10_000, func(i int) int { return i % 200 })},
		"loops":     {long(10_000, loop(0)), long(3000, loop(2)), long(700, loop(4)), long(5000, func(int) int { return 6 + rnd.IntN(5) })},
	} {
		j := read(t, append(rows, "c0>c1,1,5,1")...)
		totals := j.Totals()
		for order := 1; order <= 4; order++ {
			w := j.grams.chain(order).without(-2)
			a, err := w.absorb(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			near(t, fmt.Sprint(what, ", order ", order), a.conv, totals.Conversions/totals.Journeys, 1e-11)
			if r := residual(t, w); r > 1e-13 {
				t.Errorf("%s, order %d leaves a residual of %v", what, order, r)
			}
		}
		for _, model := range Models() {
			conv := 0.
			for _, c := range creditsOf(t, j, model, 1) {
				conv += c.Conversions
			}
			near(t, what+", "+model, conv, totals.Conversions, 1e-9)
		}
	}
}

// Counts of any size give credit and never a NaN.
func TestExtremes(t *testing.T) {
	t.Parallel()
	for _, counts := range []string{"4e307,4e307,0", "5e-324,5e-324,5e-324", "0.1,1e300,1e-300", "1e-300,1,1e300"} {
		j := read(t, "a>b>a,"+counts, "b>c,0,0,1e-5")
		for _, model := range Models() {
			for channel, c := range creditsOf(t, j, model, 2) {
				if math.IsNaN(c.Conversions+c.Value) || math.IsInf(c.Conversions+c.Value, 0) || c.Conversions < 0 || c.Value < 0 {
					t.Errorf("%s, %s gives %s %v", counts, model, channel, c)
				}
			}
		}
	}
	j := readWith(t, Options{Order: 1, Sets: true}, "a>b,1e-320,1e300,0")
	for _, model := range []string{"markov", "shapley_rate"} {
		if _, err := j.Attribute(t.Context(), model, 1); err == nil || !strings.Contains(err.Error(), "too far apart") {
			t.Error(model, err)
		}
	}
}

func TestAttributeRefuses(t *testing.T) {
	t.Parallel()
	j := read(t, "a,1,1,1")
	if _, err := j.Attribute(t.Context(), "guess", 1); err == nil || !strings.Contains(err.Error(), "last_click") {
		t.Error(err)
	}
	for _, order := range []int{-1, 0, 5} {
		if _, err := j.Attribute(t.Context(), "markov", order); err == nil || !strings.Contains(err.Error(), "1 to 4") {
			t.Error(order, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := j.Attribute(ctx, "markov", 1); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
