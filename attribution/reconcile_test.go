package attribution

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat/distuv"
	"pgregory.net/rapid"

	"adsteward/internal/civil"
	"adsteward/internal/money"
)

var firstDay = civil.On(2026, time.March, 1)

func order(revenue float64, credits ...Part) Match {
	return Match{Order: Order{Revenue: money.Micros(math.Round(revenue * 1e6)), At: at(10, 12)}, Credits: credits}
}

func balanceOf(t *testing.T, list []Balance, name string) Balance {
	t.Helper()
	for _, b := range list {
		if b.Campaign == name || b.Campaign == "" && b.Platform == name {
			return b
		}
	}
	t.Fatalf("no balance of %s", name)
	return Balance{}
}

// Forty orders of 100 after a click of both platforms, ten after one of Google
// alone, five after none: Google claims 60, of which the youngest half has not all
// arrived; Meta claims every order that it can.
func TestReconcile(t *testing.T) {
	t.Parallel()
	r := NewReconciler(firstDay, firstDay.AddDays(9))
	for i := range 40 {
		f := OrderFacts{Date: firstDay.AddDays(i % 10), Customer: NewCustomer}
		if i < 8 {
			f.Told = []Told{{"meta", at(10, 12).Add(MetaKnows - time.Second)}}
		}
		r.Order(order(100, Part{"google:1", 0.25, true}, Part{"google:2", 0.25, false}, Part{"meta:9", 0.5, false}), f)
	}
	for range 10 {
		r.Order(order(100, Part{"google:1", 1, true}), OrderFacts{Date: firstDay, Customer: ReturningCustomer, Told: []Told{{"meta", at(10, 12).Add(MetaKnows)}}})
	}
	for range 5 {
		r.Order(order(100), OrderFacts{Date: firstDay, Told: []Told{{"google", at(20, 12)}}})
	}
	r.Order(order(100, Part{"google:1", 1, true}), OrderFacts{Date: firstDay.AddDays(10)}) // of another day
	r.Claim(Claim{"google:1", firstDay, 30, 3000 * money.One, 1})
	r.Claim(Claim{"google:1", firstDay.AddDays(9), 15, 1500 * money.One, 0.5})
	r.Claim(Claim{"meta:9", firstDay, 40, 4000 * money.One, 1})
	r.Claim(Claim{"meta:10", firstDay, 0, 0, 1})                            // paused
	r.Claim(Claim{"meta:9", firstDay.AddDays(-1), 40, 4000 * money.One, 1}) // of another day
	got := r.Result()

	near := func(what string, got Amount, orders, value float64) {
		t.Helper()
		if math.Abs(got.Orders-orders) > 1e-9 || got.Value != money.Micros(value*1e6) {
			t.Errorf("%s: %v orders of %s, want %v of %v", what, got.Orders, got.Value.Decimal(), orders, value)
		}
	}
	google, meta, one, two := balanceOf(t, got.Platforms, "google"), balanceOf(t, got.Platforms, "meta"), balanceOf(t, got.Campaigns, "google:1"), balanceOf(t, got.Campaigns, "google:2")
	near("reported", google.Reported, 45, 4500)
	near("claimed", google.Claimed, 60, 6000)
	near("clicked", google.Clicked, 50, 5000)
	near("clicked of one", one.Clicked, 30, 3000)
	near("by click id", one.ByClickID, 30, 3000)
	near("by person", two.ByPerson, 20, 2000)
	near("credited", google.Credited, 30, 3000)
	near("credited of one", one.Credited, 20, 2000)
	near("nobody can match", google.Unmatched(), 10, 1000)
	near("shared", google.Shared(), 20, 2000)
	near("over", google.Over.Amount, 30, 3000)
	near("new", google.New, 20, 2000)
	near("returning", google.Returning, 10, 1000)
	near("meta clicked", meta.Clicked, 40, 4000)
	near("meta told by order id", meta.ByOrderID, 8, 800)
	near("meta told only", *meta.ToldOnly, 10, 1000)
	near("meta told late", *meta.ToldLate, 10, 1000)
	near("google told late", *google.ToldLate, 0, 0)
	near("google told only", *google.ToldOnly, 5, 500)
	near("all claimed", got.Ads.Claimed, 100, 10000)
	near("all credited", got.Ads.Credited, 50, 5000)
	near("no ad", got.NoAd, 5, 500)
	near("shop", got.Shop, 55, 5500)
	near("day", got.Days[0].Shop, 19, 1900)
	near("day of google", got.Days[9].Platforms[0].Claimed, 30, 3000)
	if google.Over.Verdict != Overclaims || meta.Over.Verdict != Overclaims || two.Over.Verdict != Underclaims {
		t.Errorf("verdicts %s, %s, %s", google.Over.Verdict, meta.Over.Verdict, two.Over.Verdict)
	}
	for _, o := range got.Overlap {
		near(fmt.Sprint(o.Platforms), o.Amount, map[string]float64{"": 5, "google": 10, "google meta": 40}[strings.Join(o.Platforms, " ")],
			map[string]float64{"": 500, "google": 1000, "google meta": 4000}[strings.Join(o.Platforms, " ")])
	}
	if len(got.Overlap) != 3 || len(got.Campaigns) != 3 || got.Campaigns[0].Campaign != "google:1" {
		t.Errorf("%+v", got.Overlap)
	}
}

// A platform of whose claims nothing can be joined is not accused.
func TestReconcileWithoutClicks(t *testing.T) {
	t.Parallel()
	r := NewReconciler(firstDay, firstDay)
	for range minOrders - 1 {
		r.Order(order(50, Part{"meta:1", 1, false}), OrderFacts{Date: firstDay})
	}
	r.Claim(Claim{"meta:1", firstDay, 500, 25000 * money.One, 1})
	if b := balanceOf(t, r.Result().Campaigns, "meta:1"); b.Over.Verdict != NotCompared {
		t.Errorf("%+v", b.Over)
	}
	empty := NewReconciler(firstDay, firstDay).Result()
	if _, err := json.Marshal(empty); err != nil || empty.Ads.Over.Verdict != NotCompared || len(empty.Days) != 1 {
		t.Errorf("%v %+v", err, empty)
	}
}

// Whatever the orders, their credits and their refunds: every sum is that of its
// parts to the last micro, and nothing is a number that is none.
func TestReconciliationAddsUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := NewReconciler(firstDay, firstDay.AddDays(3))
		var revenue money.Micros
		n := rapid.IntRange(0, 30).Draw(t, "orders")
		for range n {
			var parts []Part
			var sum float64
			for _, c := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"google:1", "google:2", "google:3", "meta:1", "meta:2"}), 0, 5, rapid.ID[string]).Draw(t, "campaigns") {
				p := Part{c, float64(rapid.IntRange(1, 7).Draw(t, "touches")), rapid.Bool().Draw(t, "by click")}
				parts, sum = append(parts, p), sum+p.Share
			}
			for i := range parts {
				parts[i].Share /= sum
			}
			m := Match{Order: Order{Revenue: money.Micros(rapid.Int64Range(-5e6, 3e9).Draw(t, "revenue")), At: at(10, 12)}, Credits: parts}
			revenue += m.Order.Revenue
			r.Order(m, OrderFacts{Date: firstDay.AddDays(rapid.IntRange(0, 3).Draw(t, "day")), Customer: Customership(rapid.IntRange(0, 2).Draw(t, "customer"))})
		}
		for range rapid.IntRange(0, 20).Draw(t, "claims") {
			r.Claim(Claim{rapid.SampledFrom([]string{"google:1", "google:4", "meta:1"}).Draw(t, "claim"), firstDay.AddDays(rapid.IntRange(-1, 4).Draw(t, "day")),
				rapid.Float64Range(0, 40).Draw(t, "conversions"), money.Micros(rapid.Int64Range(-1e6, 5e9).Draw(t, "value")), rapid.Float64Range(0, 1).Draw(t, "arrived")})
		}
		got := r.Result()
		if got.Shop.Value != revenue || got.Shop.Orders != float64(n) || got.Ads.Credited.Value+got.NoAd.Value != revenue || got.Ads.Credited.Orders+got.NoAd.Orders != float64(n) {
			t.Fatalf("the shop has %v, credited are %v and %v", got.Shop, got.Ads.Credited, got.NoAd)
		}
		add := func(list []Balance) (s [6]Amount) {
			for _, b := range list {
				for i, a := range []Amount{b.Reported, b.Claimed, b.Clicked, b.Credited, b.New, b.Over.Amount} {
					s[i].add(a.Orders, a.Value)
				}
			}
			return s
		}
		all := add([]Balance{got.Ads})
		for _, s := range [][6]Amount{add(got.Campaigns), add(got.Platforms)} {
			for i := range s {
				if s[i].Value != all[i].Value || math.Abs(s[i].Orders-all[i].Orders) > 1e-6 {
					t.Fatalf("sum %d: %v of the parts, %v of the whole", i, s[i], all[i])
				}
			}
		}
		var overlap, days, claimed Amount
		for _, o := range got.Overlap {
			overlap.add(o.Orders, o.Value)
		}
		for _, d := range got.Days {
			days.add(d.Shop.Orders, d.Shop.Value)
			for _, p := range d.Platforms {
				claimed.add(p.Claimed.Orders, p.Claimed.Value)
			}
		}
		if overlap.Value != revenue || days.Value != revenue || claimed.Value != got.Ads.Claimed.Value {
			t.Fatalf("%v, %v, %v", overlap, days, claimed)
		}
		for _, b := range append(got.Campaigns, got.Ads) {
			if !(b.Over.OrdersLow <= b.Over.OrdersHigh) || b.Over.ValueLow > b.Over.ValueHigh {
				t.Fatalf("the interval of %s is %+v", b.Campaign, b.Over)
			}
		}
		if _, err := json.Marshal(got); err != nil { // of NaN and Inf there is no JSON
			t.Fatal(err)
		}
	})
}

// With weights of 1 the interval is Garwood's exact one, half the quantiles of
// chi-square with 2n and 2n+2 degrees of freedom: of ten, by its tables, 12.443 / 2
// to 30.813 / 2.
func TestPoissonInterval(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 2, 10, 100, 10_000, 4_000_000} {
		w := weighted{Sum: float64(n), Squares: float64(n), Most: min(float64(n), 1)}
		low, high := w.interval(1)
		wantLow := 0.0
		if n > 0 {
			wantLow = distuv.ChiSquared{K: 2 * float64(n)}.Quantile(0.1) / 2
		}
		if wantHigh := (distuv.ChiSquared{K: 2*float64(n) + 2}).Quantile(0.9) / 2; math.Abs(low-wantLow) > 1e-6*(1+wantLow) || math.Abs(high-wantHigh) > 1e-6*wantHigh {
			t.Errorf("%d: %v to %v, want %v to %v", n, low, high, wantLow, wantHigh)
		}
	}
	if low, high := (weighted{Sum: 10, Squares: 10, Most: 1}).interval(1); math.Abs(low-12.443/2) > 5e-4 || math.Abs(high-30.813/2) > 5e-4 {
		t.Errorf("of ten: %v to %v", low, high)
	}
	if low, high := (weighted{}).interval(1); low != 0 || math.Abs(high-math.Log(10)) > 1e-9 { // -ln 0.1
		t.Errorf("of none: %v to %v", low, high)
	}
	if low, high := (weighted{}).interval(0); low != 0 || high != 0 {
		t.Errorf("of nothing: %v to %v", low, high)
	}
}

// The interval of a value holds the mean of what might have come about as often as
// it says, or somewhat more: it is made to be safe.
func TestIntervalCoverage(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(7, 11))
	for _, mean := range []float64{2, 12, 80} {
		held, lowMiss, highMiss := 0, 0, 0
		const runs = 4000
		for range runs {
			var w weighted
			for range int(distuv.Poisson{Lambda: mean, Src: rnd}.Rand()) {
				w.add(distuv.LogNormal{Mu: 3, Sigma: 0.6, Src: rnd}.Rand() * []float64{1, 0.5, 1. / 3}[rnd.IntN(3)])
			}
			truth := mean * math.Exp(3+0.18) * (1 + 0.5 + 1./3) / 3
			switch low, high := w.interval(math.Exp(3.18)); {
			case truth < low:
				lowMiss++
			case truth > high:
				highMiss++
			default:
				held++
			}
		}
		if c := float64(held) / runs; c < ReconcileLevel-0.02 || c > 0.93 {
			t.Errorf("mean %v: it holds in %.3f (below %d, above %d)", mean, c, lowMiss, highMiss)
		}
	}
}

func TestPathsAndLags(t *testing.T) {
	t.Parallel()
	r := NewReconciler(firstDay, firstDay)
	for i, path := range [][]string{{"google:1", "google:1", "email"}, {"google:1", "email"}, {"email"}, nil, {"google:1", "email"}} {
		m := Match{Order: Order{At: at(10, 12), Revenue: money.Micros(i+1) * money.One}, Path: path, Touches: len(path)}
		f := OrderFacts{Date: firstDay}
		if len(path) > 1 {
			m.Credits = []Part{{"google:1", 1, false}}
			m.FirstAd, m.LastAd = at(1, 12), at(10, 12-2*i) // 0, 2 and 8 hours before
		}
		switch i {
		case 0:
			f.Customer = NewCustomer
		case 4:
			m.Touches = 40
		}
		r.Order(m, f)
	}
	got := r.Result()
	if got.DistinctPaths != 3 || got.Paths[0].Orders != 2 || strings.Join(got.Paths[0].Steps, ">") != "google:1>email" || got.Paths[0].New != 1 || got.Paths[0].Value != 3*money.One || !got.Paths[1].Cut {
		t.Errorf("%+v", got.Paths)
	}
	for i, want := range []float64{1, 1, 1} {
		if got.Lags[i].Last.Orders != want {
			t.Errorf("%+v", got.Lags[i])
		}
	}
	if got.Lags[6].First.Orders != 3 || got.Lengths[0].Orders != 1 || got.Lengths[1].Orders != 1 || got.Lengths[2].Orders != 1 || got.Lengths[9].Orders != 1 || !got.Lengths[9].OrMore {
		t.Errorf("%+v %+v", got.Lags, got.Lengths)
	}
}

// BenchmarkReconcile is what a night adds to each order and claim of its stream.
// Goal: a million orders in under two seconds.
func BenchmarkReconcile(b *testing.B) {
	b.ReportAllocs()
	matches := []Match{
		{Order: Order{Revenue: 80 * money.One, At: at(10, 12)}, Credits: []Part{{"google:1", 1, true}}, Path: []string{"google:1"}, Touches: 1, FirstAd: at(9, 1), LastAd: at(9, 1)},
		{Order: Order{Revenue: 50 * money.One, At: at(10, 12)}},
		{Order: Order{Revenue: 70 * money.One, At: at(10, 12)}, Credits: []Part{{"google:2", 1. / 3, true}, {"meta:3", 2. / 3, false}}, Path: []string{"meta:3", "google:2", "meta:3"}, Touches: 3, FirstAd: at(3, 1), LastAd: at(9, 1)},
	}
	r := NewReconciler(firstDay, firstDay.AddDays(29))
	for i := 0; b.Loop(); i++ {
		r.Order(matches[i%3], OrderFacts{Date: firstDay.AddDays(i % 30), Customer: Customership(i % 3)})
		r.Claim(Claim{"google:1", firstDay.AddDays(i % 30), 1, 80 * money.One, 0.9})
	}
}
