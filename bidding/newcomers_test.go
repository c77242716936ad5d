package bidding_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"adsteward/bidding"
	"adsteward/internal/money"
)

// Of few orders the share of new customers is told far better together with those of
// campaigns to the same people, and the intervals say how well.
func TestNewCustomersAreToldByTheAudience(t *testing.T) {
	t.Parallel()
	const lambda, campaigns = 2, 8
	mean := map[string]float64{"known": 0.2, "new": 0.65}
	var alone, together, inside, n float64
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 4))
		in := bidding.WorthInput{DefaultLambda: bidding.Lifetime{Multiple: lambda}, Incremental: map[string]bidding.Incremental{}, Shared: map[string]bidding.SharedRevenue{}}
		truth := map[string]float64{}
		var orders []bidding.Order
		add := func(campaign string, isNew bool) {
			orders = append(orders, bidding.Order{Campaign: campaign, Revenue: 100 * money.One, New: isNew})
		}
		for _, audience := range []string{"known", "new"} {
			for i := range campaigns {
				c := fmt.Sprintf("google:%s%d", audience, i)
				truth[c] = min(max(mean[audience]+0.08*rng.NormFloat64(), 0), 1)
				in.Incremental[c] = bidding.Incremental{Share: 1, Audience: audience}
				s := bidding.SharedRevenue{Orders: 20, Revenue: 2000}
				for range 20 {
					bought := rng.Float64() < truth[c]
					if add(c, bought); bought {
						s.New += 100
					}
				}
				in.Shared[c] = s
			}
		}
		for range 1000 { // else all later orders were the ads' own, and no lifetime would be left
			add("", false)
		}
		worths, _ := bidding.NewBook(bidding.NewCosts("EUR", 0.4), orders).Worths(in)
		for c, share := range truth {
			w, own := worths[c], in.Shared[c]
			alone += math.Pow(own.New/own.Revenue-share, 2)
			together += math.Pow(w.NewShare-share, 2)
			if sd := w.LTVRelSD * w.LTVMultiple / (w.Lambda - 1); math.Abs(w.NewShare-share) < 1.2816*sd {
				inside++
			}
			n++
		}
	}
	if alone, together = math.Sqrt(alone/n), math.Sqrt(together/n); together > 0.8*alone {
		t.Errorf("off by %.3f, by its own orders alone %.3f", together, alone)
	}
	if share := inside / n; share < 0.75 || share > 0.9 {
		t.Errorf("80 %% intervals hold the truth in %.0f %%", 100*share)
	}
}

// A campaign of which nothing is known has the share of its audience, one of an
// audience of which nothing is known the shop's, and many orders speak for themselves.
func TestNewCustomersWhereLittleIsKnown(t *testing.T) {
	t.Parallel()
	var orders []bidding.Order
	in := bidding.WorthInput{Incremental: map[string]bidding.Incremental{"google:empty": {Share: 1, Audience: "known"}, "google:other": {Share: 1, Audience: "mixed"}}}
	for c, of := range map[string]struct {
		audience    string
		new, orders int
	}{"google:a": {"known", 10, 100}, "google:b": {"known", 11, 100}, "google:c": {"known", 9, 100}, "google:d": {"new", 150, 200}, "google:large": {"known", 1500, 3000}} {
		in.Incremental[c] = bidding.Incremental{Share: 1, Audience: of.audience}
		for i := range of.orders {
			orders = append(orders, bidding.Order{Campaign: c, Revenue: 100 * money.One, New: i < of.new})
		}
	}
	worths, def := bidding.NewBook(bidding.NewCosts("EUR", 0.4), orders).Worths(in)
	shop := 1680.0 / 3500
	for c, want := range map[string][2]float64{"google:empty": {0.15, 0.35}, "google:other": {shop - 0.001, shop + 0.001}, "google:large": {0.49, 0.51}, "google:a": {0.09, 0.14}} {
		if got := worths[c].NewShare; got < want[0] || got > want[1] {
			t.Errorf("%s: %.3f are new customers, want %.2f to %.2f", c, got, want[0], want[1])
		}
	}
	if math.Abs(def.NewShare-shop) > 1e-9 {
		t.Errorf("of nobody's orders %.3f are said to be new customers', of the shop's %.3f", def.NewShare, shop)
	}
}
