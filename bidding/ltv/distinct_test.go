package ltv

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// Sorting by ranks against sorting by comparison, on days and on times that are
// no whole days.
func TestMergeAgainstCounting(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(51, 1))
	for _, step := range []float64{1, 0.3} {
		var histories []History
		for range 30000 {
			age := rnd.IntN(700)
			h := History{Frequency: int(3 * rnd.ExpFloat64()), Age: step * float64(age)}
			if h.Frequency > 0 {
				h.Recency = step * float64(rnd.IntN(age+1))
			}
			histories = append(histories, h)
		}
		histories = append(histories, History{Frequency: 5000, Recency: 3e6, Age: 3.6e6}, histories[0])
		count := map[rowKey]float64{}
		for _, h := range histories {
			count[rowKey{h.Frequency, h.Recency, h.Age}]++
		}
		var want []Row
		for k, n := range count {
			want = append(want, Row{k.x, k.tx / 7, k.t / 7, n})
		}
		slices.SortFunc(want, func(a, b Row) int {
			return cmp.Or(cmp.Compare(a.X, b.X), cmp.Compare(a.TX, b.TX), cmp.Compare(a.T, b.T))
		})
		if got := Merge(histories, 7); !slices.Equal(got, want) {
			t.Errorf("steps of %g: %d rows, want %d, or others", step, len(got), len(want))
		}
		first, of := distinct(histories)
		for i, h := range histories {
			if l := histories[first[of[i]]]; l.Frequency != h.Frequency || l.Recency != h.Recency || l.Age != h.Age {
				t.Fatalf("%+v is taken to be like %+v", h, l)
			}
		}
	}
	if rows := Merge(nil, 1); len(rows) != 0 {
		t.Errorf("nobody has %v", rows)
	}
}

func TestRanks(t *testing.T) {
	t.Parallel()
	if got := ranks([]float64{3, -1, 3, 0, math.Copysign(0, -1), 1e300, -1e-300}); !slices.Equal(got, []float64{4.5, 0, 4.5, 2.5, 2.5, 6, 1}) {
		t.Errorf("got %v", got)
	}
	rnd := rand.New(rand.NewPCG(53, 1))
	v := make([]float64, 2000)
	for i := range v {
		v[i] = math.Round(100*rnd.NormFloat64()) * math.Exp(float64(rnd.IntN(3)))
	}
	for i, got := range ranks(v) {
		below, same := 0, 0
		for _, x := range v {
			if x < v[i] {
				below++
			} else if x == v[i] {
				same++
			}
		}
		if want := float64(below) + float64(same-1)/2; got != want {
			t.Fatalf("%g has rank %g, want %g", v[i], got, want)
		}
	}
}

// Sharing what is said of equal histories must not show.
func TestSharedForecastsAreTheCustomersOwn(t *testing.T) {
	t.Parallel()
	spend := &Spend{P: 5, Q: 4, V: 30, Mean: 50}
	rnd := rand.New(rand.NewPCG(52, 1))
	for _, m := range models {
		for _, all := range []bool{false, true} {
			v := valuer{law: Law{m, Params{R: .6, Alpha: 40, A: .8, B: 3, S: .7, Beta: 200}}, spend: spend, all: all, unit: 7}
			var histories []History
			for i := range 500 {
				h := History{CustomerID: string(rune('a' + i%26)), Frequency: rnd.IntN(3), Age: float64(100 + rnd.IntN(5))}
				if h.Frequency > 0 {
					h.Recency = float64(10 + rnd.IntN(20))
				}
				h.Orders, h.FirstValue, h.RepeatValue = h.Frequency+1, 50*rnd.Float64(), 60*rnd.Float64()*float64(h.Frequency)
				h.MeanValue = (h.FirstValue + h.RepeatValue) / float64(h.Orders)
				histories = append(histories, h)
			}
			term := NewTerm(365, 0.1, 7)
			for i, got := range v.each(histories, term) {
				h := &histories[i]
				n, mean := h.spent(all)
				want := spend.worthOf(v.law.Outlook(h.Frequency, h.Recency/7, h.Age/7), n, mean, term)
				if got.Worth != want || got.CustomerID != h.CustomerID || got.Age != h.Age/7 || got.MeanValue != mean {
					t.Fatalf("%s: %+v is worth %+v, by itself %+v", m, *h, got, want)
				}
			}
		}
	}
}
