package attribution

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"adsteward/internal/shareddata"

	"pgregory.net/rapid"
)

// readWith counts rows "path,conversions,value,nulls".
func readWith(t failer, o Options, rows ...string) *Journeys {
	t.Helper()
	j, _, err := ReadCSV(context.Background(), strings.NewReader(header4+strings.Join(rows, "\n")), ">", o)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestRulesWithOptions(t *testing.T) {
	t.Parallel()
	rows := []string{"a>b>c>Direct,12,120,0", "a>(direct),2,20,0", "(Direct) / (none),1,10,0"}
	for _, c := range []struct {
		model string
		Options
		want map[string]float64
	}{
		{"last_non_direct", Options{}, map[string]float64{"c": 12, "a": 2, "(Direct) / (none)": 1, "Direct": 0, "(direct)": 0}},
		{"position", Options{First: 0.3, Last: 0.1}, map[string]float64{"a": 3.6 + 1.5, "b": 3.6, "c": 3.6, "Direct": 1.2, "(direct)": 0.5}},
		{"position", Options{First: 1}, map[string]float64{"a": 14, "b": 0, "Direct": 0, "(Direct) / (none)": 1}},
		{"time_decay", Options{HalfLife: 0.5}, map[string]float64{"a": 12./85 + 2./5, "b": 48. / 85, "c": 192. / 85, "Direct": 768. / 85}},
		{"time_decay", Options{HalfLife: 1e9}, map[string]float64{"a": 3 + 1, "b": 3, "c": 3, "Direct": 3}}, // linear
		{"time_decay", Options{HalfLife: 1e-300}, map[string]float64{"a": 0, "Direct": 12, "(direct)": 2}},  // last click
	} {
		got := creditsOf(t, readWith(t, c.Options, rows...), c.model, 0)
		for channel, want := range c.want {
			near(t, fmt.Sprint(c.model, c.Options, channel), got[channel].Conversions, want, 1e-6)
			near(t, fmt.Sprint(c.model, c.Options, channel, " value"), got[channel].Value, 10*want, 1e-5)
		}
	}
}

func TestOptionsRefuse(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]Options{
		"order of the Markov model is -1": {Order: -1},
		"half-life is -1":                 {HalfLife: -1},
		"half-life is NaN":                {HalfLife: math.NaN()},
		"half-life is +Inf":               {HalfLife: math.Inf(1)},
		"0.8 for the first":               {First: 0.8, Last: 0.3},
		"-0.1 for the first":              {First: -0.1, Last: 0.3},
		"NaN for the last":                {Last: math.NaN()},
	} {
		if _, _, err := ReadCSV(t.Context(), strings.NewReader(header4+"a,1,1,0\n"), ">", o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// Over times a touch's weight halves with every half-life of days.
func TestTimeDecayOverTimes(t *testing.T) {
	t.Parallel()
	j := newJourneys(Options{HalfLife: 7})
	ids := j.known([]string{"a", "b", "c"})
	j.add(ids, []float64{21, 7, 0}, end{conv: 1, value: 130})
	j.add(ids[:2], []float64{7000 + 7, 7000}, end{conv: 1}) // long ago, and still no 0 / 0
	j.rules.settle()
	got := creditsOf(t, j, "time_decay", 0)
	near(t, "a", got["a"].Conversions, 1./13+1./3, 1e-12)
	near(t, "b", got["b"].Conversions, 4./13+2./3, 1e-12)
	near(t, "c", got["c"].Value, 80, 1e-9)
}

func TestShapleyRateReference(t *testing.T) {
	t.Parallel()
	j, _, err := ReadCSV(t.Context(), shareddata.Open(t, "attribution/zhao_sample.csv"), ">", Options{Sets: true})
	if err != nil {
		t.Fatal(err)
	}
	got := creditsOf(t, j, "shapley_rate", 0)
	for channel, want := range column(t, "zhao_sample_shapley_exact.csv", "exact_rate_game_phi") {
		near(t, "channel "+channel, got[channel].Conversions/j.Totals().Journeys, want, 1e-9)
	}
}

// By definition: over all orders in which the channels come together, and the
// sample of them is within its bound.
func TestShapleyRateByDefinition(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
			path := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 1, 5).Draw(t, "path")
			return fmt.Sprintf("%s,%d,%d,%d", strings.Join(path, ">"), rapid.IntRange(0, 3).Draw(t, "c"), rapid.IntRange(0, 9).Draw(t, "v"), rapid.IntRange(0, 3).Draw(t, "n"))
		}), 1, 8).Draw(t, "rows")
		j := readWith(t, Options{Sets: true}, rows...)
		n := len(j.names)
		rate := func(coalition map[int]bool) float64 {
			var all end
			for k, set := range j.sets.members {
				within := true
				for _, c := range set {
					within = within && coalition[int(c)]
				}
				if within {
					all.add(j.sets.ends[k])
				}
			}
			if all.conv+all.nulls == 0 {
				return 0
			}
			return all.conv / (all.conv + all.nulls)
		}
		want, orders := make([]float64, n), 0
		var walk func(done map[int]bool)
		walk = func(done map[int]bool) {
			if len(done) == n {
				orders++
				return
			}
			for x := range n {
				if done[x] {
					continue
				}
				before := orders
				with := map[int]bool{x: true}
				for y := range done {
					with[y] = true
				}
				walk(with)
				want[x] += float64(orders-before) * (rate(with) - rate(done))
			}
		}
		walk(map[int]bool{})
		got := creditsOf(t, j, "shapley_rate", 0)
		conv, value := make([]float64, n), make([]float64, n)
		bound, err := j.sets.sampled(context.Background(), conv, value)
		if err != nil {
			t.Fatal(err)
		}
		all := 0.0
		for x, name := range j.names {
			want[x] /= float64(orders)
			all += got[name].Conversions
			if d := got[name].Conversions - want[x]*j.Totals().Journeys; math.Abs(d) > 1e-9 {
				t.Fatalf("%s is off by %v", name, d)
			}
			if math.Abs(conv[x]-want[x]) > bound[x] {
				t.Fatalf("the sample of %s is %v, not %v within %v", name, conv[x], want[x], bound[x])
			}
		}
		if math.Abs(all-j.Totals().Conversions) > 1e-9 {
			t.Fatalf("credits sum to %v, not %v", all, j.Totals().Conversions)
		}
	})
}

func TestShapleyRateOfManyChannels(t *testing.T) {
	t.Parallel()
	var rows []string
	for i := range 30 {
		rows = append(rows, fmt.Sprintf("c%d>c%d,%d,%d,%d", i, (i+7)%30, i%4, i, 5))
	}
	j := readWith(t, Options{Sets: true}, rows...)
	all := 0.0
	for channel, c := range creditsOf(t, j, "shapley_rate", 0) {
		all += c.Conversions
		if c.ErrorBound == nil || !(*c.ErrorBound > 0) {
			t.Errorf("%s has no bound", channel)
		}
	}
	near(t, "the sum", all, j.Totals().Conversions, 1e-9)
	if _, err := readWith(t, Options{}, rows...).Attribute(t.Context(), "shapley_rate", 0); err == nil {
		t.Error("without sets there is an answer")
	}
}

// Of a thousand orders under one channel or another a share varies as a multinomial
// does, whether they stand in one row or in a thousand.
func TestIntervalsAreThoseOfCounting(t *testing.T) {
	t.Parallel()
	single := make([]string, 0, 1000)
	for i := range 1000 {
		single = append(single, []string{"a,1,1,0", "b,1,1,0", "b,1,1,0", "b,1,1,0", "b,1,1,0"}[i%5])
	}
	for name, rows := range map[string][]string{"summed": {"a,200,200,0", "b,800,800,0"}, "single": single} {
		j := readWith(t, Options{Order: 1, Keep: true}, rows...)
		var results []Result
		for _, model := range []string{"linear", "markov"} {
			res, err := j.Attribute(t.Context(), model, 1)
			if err != nil {
				t.Fatal(err)
			}
			results = append(results, res)
		}
		if err := j.Intervals(t.Context(), results, 800); err != nil {
			t.Fatal(err)
		}
		sd := math.Sqrt(0.2 * 0.8 / 1000)
		for _, r := range results {
			for _, got := range []*Interval{r.Channels[0].ConversionShare, r.Channels[0].ValueShare} {
				near(t, name+" share", got.Share, 0.2, 1e-12)
				near(t, name+" low", got.Low, 0.2-1.645*sd, 0.2*sd)
				near(t, name+" high", got.High, 0.2+1.645*sd, 0.2*sd)
			}
		}
	}
}

// Intervals come out the same every time, and hold the share they are of.
func TestIntervalsRepeat(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 1))
	var text strings.Builder
	text.WriteString(header4)
	for range 30_000 { // of several blocks
		fmt.Fprintf(&text, "ch%d>ch%d,%d,%d,1\n", rnd.IntN(4), rnd.IntN(4), rnd.IntN(2), rnd.IntN(50))
	}
	var before []Result
	for range 2 {
		j, _, err := ReadCSV(t.Context(), strings.NewReader(text.String()), ">", Options{Order: 1, Keep: true})
		if err != nil {
			t.Fatal(err)
		}
		res, err := j.Attribute(t.Context(), "markov", 1)
		if err != nil {
			t.Fatal(err)
		}
		results := []Result{res}
		if err := j.Intervals(t.Context(), results, 20); err != nil {
			t.Fatal(err)
		}
		for i, c := range res.Channels {
			if s := c.ConversionShare; s == nil || s.Low > s.Share || s.High < s.Share || s.Low == s.High {
				t.Errorf("%s: %+v", c.Channel, s)
			}
			if before != nil && *before[0].Channels[i].ConversionShare != *c.ConversionShare {
				t.Errorf("%s: %v and then %v", c.Channel, before[0].Channels[i].ConversionShare, c.ConversionShare)
			}
		}
		before = results
	}
	none := readWith(t, Options{Keep: true}, "a,0,0,3")
	res, err := none.Attribute(t.Context(), "linear", 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := none.Intervals(t.Context(), []Result{res}, 10); err != nil || res.Channels[0].ConversionShare != nil {
		t.Errorf("shares of nothing: %v, %v", res.Channels[0].ConversionShare, err)
	}
	if err := readWith(t, Options{}, "a,1,1,0").Intervals(t.Context(), []Result{res}, 10); err == nil {
		t.Error("journeys that were not kept have intervals")
	}
}

// BenchmarkShapleyRate solves the game of 16 and of 20 channels exactly.
func BenchmarkShapleyRate(b *testing.B) {
	for _, n := range []int{16, 20} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			rnd := rand.New(rand.NewPCG(3, 3))
			var rows []string
			for range 5000 {
				var path []string
				for range 1 + rnd.IntN(8) {
					path = append(path, fmt.Sprint("c", rnd.IntN(n)))
				}
				rows = append(rows, fmt.Sprintf("%s,%d,%d,%d", strings.Join(path, ">"), rnd.IntN(3), rnd.IntN(99), rnd.IntN(9)))
			}
			j := readWith(b, Options{Sets: true}, rows...)
			for b.Loop() {
				if _, err := j.Attribute(b.Context(), "shapley_rate", 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
