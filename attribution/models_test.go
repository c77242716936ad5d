package attribution

import (
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"
)

// shared finds the data beside the repository.
func shared(t testing.TB, name string) *os.File {
	t.Helper()
	dir := os.Getenv("ADSTEWARD_SHARED")
	for up, _ := os.Getwd(); dir == "" && up != filepath.Dir(up); up = filepath.Dir(up) {
		if _, err := os.Stat(filepath.Join(up, "..", "shared", "data")); err == nil {
			dir = filepath.Join(up, "..", "shared")
		}
	}
	f, err := os.Open(filepath.Join(dir, "data", "attribution", name))
	if err != nil {
		t.Skipf("no data/attribution/%s; set ADSTEWARD_SHARED to the folder that holds it", name)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// column reads one column of a reference by channel.
func column(t testing.TB, name, column string) map[string]float64 {
	t.Helper()
	records, err := csv.NewReader(shared(t, name)).ReadAll()
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

func zhao(t testing.TB) *Paths {
	t.Helper()
	p, empty, err := ReadPaths(shared(t, "zhao_sample.csv"), ">")
	if err != nil || len(empty) != 0 {
		t.Fatal(empty, err)
	}
	return p
}

func attribute(t testing.TB, p *Paths, model string, order int) map[string]Credit {
	t.Helper()
	res, err := p.Attribute(model, order)
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
	p := zhao(t)
	for order := 1; order <= 2; order++ {
		got := attribute(t, p, "markov", order)
		name := fmt.Sprintf("zhao_sample_markov_exact_order%d.csv", order)
		for channel, want := range column(t, name, "total_conversions") {
			if math.Abs(got[channel].Conversions-want) > 1e-9 {
				t.Errorf("order %d, channel %s: %v conversions, want %v", order, channel, got[channel].Conversions, want)
			}
		}
		for channel, want := range column(t, name, "removal_effect_conversion") {
			if math.Abs(*got[channel].RemovalEffect-want) > 1e-9 {
				t.Errorf("order %d, channel %s: effect %v, want %v", order, channel, *got[channel].RemovalEffect, want)
			}
		}
	}
	got := attribute(t, p, "shapley", 0)
	for channel, want := range column(t, "zhao_sample_shapley_exact.csv", "exact_sum_game_conversions") {
		if math.Abs(got[channel].Conversions-want) > 1e-9 {
			t.Errorf("shapley, channel %s: %v conversions, want %v", channel, got[channel].Conversions, want)
		}
	}
}

func TestRulesByHand(t *testing.T) {
	t.Parallel()
	p := NewPaths()
	p.Add("a > b > a > c", ">", 8, 80, 1)
	p.Add(" b>>c ", ">", 2, 10, 0)
	for model, want := range map[string]map[string][2]float64{
		"last_click":  {"a": {0, 0}, "b": {0, 0}, "c": {10, 90}},
		"first_click": {"a": {8, 80}, "b": {2, 10}, "c": {0, 0}},
		"linear":      {"a": {4, 40}, "b": {3, 25}, "c": {3, 25}},
		"position":    {"a": {4, 40}, "b": {0.8 + 1, 8 + 5}, "c": {3.2 + 1, 32 + 5}},
		"time_decay":  {"a": {8. / 3, 80. / 3}, "b": {16./15 + 2./3, 160./15 + 10./3}, "c": {64./15 + 4./3, 640./15 + 20./3}},
		"shapley":     {"a": {8. / 3, 80. / 3}, "b": {8./3 + 1, 80./3 + 5}, "c": {8./3 + 1, 80./3 + 5}},
	} {
		for channel, c := range attribute(t, p, model, 0) {
			if math.Abs(c.Conversions-want[channel][0]) > 1e-12 || math.Abs(c.Value-want[channel][1]) > 1e-12 || c.RemovalEffect != nil {
				t.Errorf("%s %s: %v, want %v", model, channel, c, want[channel])
			}
		}
	}
	if p.Conversions != 10 || p.Value != 90 || p.Journeys != 11 {
		t.Errorf("%v %v %v", p.Conversions, p.Value, p.Journeys)
	}
}

// Shapley by its definition, over all coalitions.
func TestShapleyByDefinition(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := drawPaths(t)
		n := len(p.names)
		worth := func(coalition int) (sum float64) {
			for _, r := range p.rows {
				inside := true
				for _, c := range p.path(r) {
					inside = inside && coalition&(1<<c) != 0
				}
				if inside {
					sum += r.conv
				}
			}
			return sum
		}
		fact := func(k int) float64 { return math.Gamma(float64(k + 1)) }
		res, err := p.Attribute("shapley", 0)
		if err != nil {
			t.Fatal(err)
		}
		for x := range n {
			want := 0.
			for s := range 1 << n {
				if s&(1<<x) == 0 {
					size := 0
					for c := range n {
						size += s >> c & 1
					}
					want += fact(size) * fact(n-size-1) / fact(n) * (worth(s|1<<x) - worth(s))
				}
			}
			if math.Abs(res.Channels[x].Conversions-want) > 1e-9 {
				t.Fatalf("channel %d: %v, want %v", x, res.Channels[x].Conversions, want)
			}
		}
	})
}

// The chain solved by dense elimination gives the same, at any order, and it
// converts as often as the paths did.
func TestMarkovByElimination(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := drawPaths(t)
		order := rapid.IntRange(1, 4).Draw(t, "order")
		ch := p.chain(order)
		if p.Journeys == 0 {
			return
		}
		conv, _, err := ch.absorb(nil)
		if err != nil {
			t.Fatal(err)
		}
		if want := p.Conversions / p.Journeys; math.Abs(conv-want) > 1e-12 {
			t.Fatalf("converts with probability %v, want %v", conv, want)
		}
		res, err := p.Attribute("markov", order)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.
		for x := range p.names {
			want := 0.
			if conv > 0 {
				want = max(0, 1-eliminate(ch, int32(x))/conv)
			}
			if math.Abs(*res.Channels[x].RemovalEffect-want) > 1e-10 {
				t.Fatalf("effect of %d: %v, want %v", x, *res.Channels[x].RemovalEffect, want)
			}
			sum += res.Channels[x].Conversions
		}
		if math.Abs(sum-p.Conversions) > 1e-9 {
			t.Fatalf("gives %v of %v conversions", sum, p.Conversions)
		}
	})
}

// eliminate is the probability of converting without channel x, by LU.
func eliminate(ch *chain, x int32) float64 {
	n := len(ch.grams)
	a, b := mat.NewDense(n, n, nil), mat.NewVecDense(n, nil)
	gone := make([]bool, n)
	for s, gram := range ch.grams {
		for _, c := range gram {
			gone[s] = gone[s] || c == x
		}
		a.Set(s, s, 1)
		if !gone[s] {
			b.SetVec(s, ch.conv[s])
		}
	}
	for s, edges := range ch.from {
		for _, e := range edges {
			if !gone[s] && !gone[e.from] {
				a.Set(int(e.from), s, a.At(int(e.from), s)-e.p)
			}
		}
	}
	var h mat.VecDense
	if err := h.SolveVec(a, b); err != nil {
		return math.NaN()
	}
	sum := 0.
	for s := range n {
		if !gone[s] {
			sum += ch.start[s] * h.AtVec(s)
		}
	}
	return sum
}

func drawPaths(t *rapid.T) *Paths {
	p := NewPaths()
	for range rapid.IntRange(1, 12).Draw(t, "rows") {
		path := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}), 1, 7).Draw(t, "path")
		count := rapid.IntRange(0, 20)
		p.Add(strings.Join(path, ">"), ">", float64(count.Draw(t, "conversions")), float64(count.Draw(t, "value")), float64(count.Draw(t, "nulls")))
	}
	return p
}

// Every model splits conversions and value completely.
func TestComplete(t *testing.T) {
	t.Parallel()
	p := zhao(t)
	for _, model := range Models() {
		sum := 0.
		for _, c := range attribute(t, p, model, 1) {
			sum += c.Conversions
		}
		if math.Abs(sum-p.Conversions) > 1e-8 {
			t.Errorf("%s gives %v of %v conversions", model, sum, p.Conversions)
		}
	}
}

func TestNoCredit(t *testing.T) {
	t.Parallel()
	p := NewPaths()
	p.Add("a>b", ">", 0, 0, 5)
	p.Add("c", ">", 0, 0, 0)
	for _, model := range Models() {
		got := attribute(t, p, model, 1)
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

func TestReadPathsRefuses(t *testing.T) {
	t.Parallel()
	p, empty, err := ReadPaths(strings.NewReader("\ufefftotal_conversions,path\n1,a > b\n2, > \n"), ">")
	if err != nil || p.Conversions != 1 || len(empty) != 1 || empty[0] != 3 {
		t.Errorf("%+v %v %v", p, empty, err)
	}
	for text, want := range map[string]string{
		"":                              "is empty",
		"path,conversions\na,1\n":       "line 1: the header has no column total_conversions",
		"path,total_conversions\n":      "holds no path",
		"path,total_conversions\na,x\n": `line 2: column total_conversions: "x" is not a number`,
		"path,total_conversions,total_null\na,1,-1\n": `line 2: column total_null: "-1" is not a number`,
		"path,total_conversions\na,NaN\n":             `column total_conversions: "NaN"`,
		"path,total_conversions\na\n":                 "line 2: wrong number of fields",
		"path,total_conversions\n\"a,1\n":             "line 2",
	} {
		_, _, err := ReadPaths(strings.NewReader(text), ">")
		var bad *BadPath
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	if _, err := p.Attribute("guess", 1); err == nil {
		t.Error("a model that does not exist")
	}
	if _, err := p.Attribute("markov", 0); err == nil {
		t.Error("an order of 0")
	}
}

func BenchmarkMarkovOrder3(b *testing.B) {
	p := zhao(b)
	for b.Loop() {
		if _, err := p.Attribute("markov", 3); err != nil {
			b.Fatal(err)
		}
	}
}
