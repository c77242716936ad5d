package allocate_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"adsteward/bidding/allocate"
)

// Whatever the limits, exploration keeps to them and to every bound.
func TestExplorationKeepsItsLimits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n, m := rapid.IntRange(1, 8).Draw(t, "n"), rapid.IntRange(1, 20).Draw(t, "m")
		p := uncertain(rapid.Uint64Range(0, 1000).Draw(t, "seed"), n, m, "power")
		if n > 2 {
			p.Groups = []allocate.Group{{Name: "g", IDs: []string{"0", "1"}, Min: 10, Max: 30}}
		}
		e := allocate.Exploration{Draw: rapid.IntRange(0, m-1).Draw(t, "draw"), Budget: rapid.Float64Range(0, 60).Draw(t, "budget"), MaxCost: rapid.Float64Range(0, 10).Draw(t, "cost")}
		may := map[int]bool{}
		for i := range n {
			if rapid.Bool().Draw(t, "may") {
				e.Among, may[i] = append(e.Among, i), true
			}
		}
		best := solve(t, p)
		x, err := allocate.Explore(p, best, e)
		if err != nil {
			t.Fatal(err)
		}
		var moved float64
		for i, it := range p.Items {
			if d := math.Abs(x.Spend[i] - best.Spend[i]); d > 0 && !may[i] || x.Spend[i] < it.Min || x.Spend[i] > it.Max {
				t.Fatalf("item %d, which may move: %v, goes from %v to %v within %v to %v", i, may[i], best.Spend[i], x.Spend[i], it.Min, it.Max)
			} else {
				moved += d
			}
			if x.Items[i].Knowing < 0 || x.Items[i].Low > x.Items[i].High || len(p.Groups) == 0 && x.Items[i].Cost < -1e-9*best.Risk.Mean {
				t.Fatalf("item %d: %+v", i, x.Items[i])
			}
		}
		cost := meanOf(profitsOf(p, best.Spend)) - meanOf(profitsOf(p, x.Spend))
		if near := 1e-9 * (1 + math.Abs(best.Risk.Mean)); moved > e.Budget+near || cost > e.MaxCost+near || cost > x.Cost+near || cost < -near {
			t.Fatalf("moves %v of %v and costs %v (said: %v) of %v", moved, e.Budget, cost, x.Cost, e.MaxCost)
		}
		total, groups := amounts(p, x.Spend)
		if total > *p.Total*(1+1e-9) || len(groups) > 0 && (groups[0] > 30*(1+1e-9) || groups[0] < 10*(1-1e-9)) {
			t.Fatalf("spends %v of %v, groups %v", total, *p.Total, groups)
		}
	})
}

// Nothing is explored where nothing is unsure, and what is unsure goes first.
func TestExplorationGoesWhereKnowingIsWorthMost(t *testing.T) {
	t.Parallel()
	total := 150.0
	p := allocate.Problem{Total: &total}
	for i, spread := range []float64{0, 0.05, 0.3} {
		it := allocate.Item{ID: string(rune('a' + i)), Min: 20, Max: 90}
		for _, z := range []float64{-1, 0, 1} {
			e := 0.6 + spread*z
			it.Draws = append(it.Draws, allocate.Draw{Worth: 1, Curve: allocate.Power{Coef: 150 / math.Pow(50, e), Elasticity: e}})
		}
		p.Items = append(p.Items, it)
	}
	x, err := allocate.Explore(p, solve(t, p), allocate.Exploration{Among: []int{0, 1, 2}, Draw: 2, Budget: 20, MaxCost: 5})
	if err != nil {
		t.Fatal(err)
	}
	if x.Items[0].Knowing != 0 || !(x.Items[1].Knowing > 0 && x.Items[2].Knowing > 5*x.Items[1].Knowing) {
		t.Errorf("knowing is worth %+v", x.Items)
	}
	if x.Moved == 0 || x.Cost <= 0 {
		t.Errorf("nothing is explored: %+v", x)
	}
	sure := p
	sure.Items = p.Items[:1]
	if x, err := allocate.Explore(sure, solve(t, sure), allocate.Exploration{Among: []int{0}, Draw: 2, Budget: 20, MaxCost: 5}); err != nil || x.Moved != 0 {
		t.Errorf("what is sure is explored: %+v, %v", x, err)
	}
	if _, err := allocate.Explore(p, solve(t, p), allocate.Exploration{Draw: 3, Budget: 1, MaxCost: 1}); err == nil {
		t.Error("a draw that is not there is explored by")
	}
}

// bandit is two campaigns whose value at a spend of 50 is known to be 100 and
// whose elasticities are not: at even budgets nothing is ever learnt of them.
type bandit struct {
	truth  [2]float64
	belief [2][]float64 // probabilities of elasticities
}

const banditNoise = 4.0

var elasticities = func() (out []float64) {
	for e := 0.30; e < 0.901; e += 0.02 {
		out = append(out, e)
	}
	return out
}()

func banditValue(e, spend float64) float64 { return 100 * math.Pow(spend/50, e) }

// draws is 60 quantiles of the belief.
func (b *bandit) draws(i int) (out []allocate.Draw) {
	const n = 60
	k, sum := 0, b.belief[i][0]
	for j := range n {
		for sum < (float64(j)+0.5)/n && k+1 < len(elasticities) {
			k++
			sum += b.belief[i][k]
		}
		e := elasticities[k]
		out = append(out, allocate.Draw{Worth: 1.2, Curve: allocate.Power{Coef: 100 / math.Pow(50, e), Elasticity: e}})
	}
	return out
}

// learn is Bayes' rule for a value seen with normal noise.
func (b *bandit) learn(i int, spend, value float64) {
	var sum float64
	for k, e := range elasticities {
		z := (value - banditValue(e, spend)) / banditNoise
		b.belief[i][k] *= math.Exp(-z * z / 2)
		sum += b.belief[i][k]
	}
	for k := range elasticities {
		b.belief[i][k] /= sum
	}
}

// run plays the weeks within a step of 15 % and a total of 100, and returns the
// true profit of all, with what exploration was expected to cost and the most
// that any week's was.
func (b *bandit) run(t *testing.T, rng *rand.Rand, weeks int, limits allocate.Exploration) (profit, cost, most float64) {
	total := 100.0
	spend := [2]float64{50, 50}
	for i := range b.belief {
		b.belief[i] = make([]float64, len(elasticities))
		for k := range elasticities {
			b.belief[i][k] = 1 / float64(len(elasticities))
		}
	}
	for range weeks {
		p := allocate.Problem{Total: &total}
		for i := range spend {
			d := b.draws(i)
			rng.Shuffle(len(d), func(j, k int) { d[j], d[k] = d[k], d[j] }) // independent of the other's
			p.Items = append(p.Items, allocate.Item{ID: string(rune('a' + i)), Min: 0.85 * spend[i], Max: 1.15 * spend[i], Draws: d})
		}
		limits.Draw = rng.IntN(60)
		best := solve(t, p)
		x, err := allocate.Explore(p, best, limits)
		if err != nil {
			t.Fatal(err)
		}
		cost += x.Cost
		most = max(most, x.Cost)
		for i := range spend {
			if x.Spend[i] < p.Items[i].Min || x.Spend[i] > p.Items[i].Max {
				t.Fatalf("a step from %v to %v", spend[i], x.Spend[i])
			}
			spend[i] = x.Spend[i]
			v := banditValue(b.truth[i], spend[i])
			profit += 1.2*v - spend[i]
			b.learn(i, spend[i], v+banditNoise*rng.NormFloat64())
		}
	}
	return profit, cost, most
}

// In two campaigns that look alike, those who only take what seems best never
// learn which is better; exploring finds it and earns more over the year, at a
// cost that stays below its ceiling every week.
func TestExplorationPaysOverAHorizon(t *testing.T) {
	t.Parallel()
	const seeds, weeks, ceiling = 40, 52, 1.0
	rng := rand.New(rand.NewPCG(7, 7))
	var gain, square, spent float64
	for range seeds {
		truth := [2]float64{elasticities[rng.IntN(len(elasticities))], elasticities[rng.IntN(len(elasticities))]}
		seed := rng.Uint64()
		greedy, none, _ := (&bandit{truth: truth}).run(t, rand.New(rand.NewPCG(seed, 1)), weeks, allocate.Exploration{Among: []int{0, 1}})
		curious, cost, most := (&bandit{truth: truth}).run(t, rand.New(rand.NewPCG(seed, 1)), weeks, allocate.Exploration{Among: []int{0, 1}, Budget: 15, MaxCost: ceiling})
		if none != 0 || most > ceiling {
			t.Fatalf("exploration costs %v when it is off, and %v a week under a ceiling of %v", none, most, ceiling)
		}
		d := curious - greedy
		gain, square, spent = gain+d/seeds, square+d*d/seeds, spent+cost/seeds
	}
	se := math.Sqrt((square - gain*gain) / seeds)
	t.Logf("over %d weeks exploring earns %.0f more (standard error %.0f); its expected cost was %.1f", weeks, gain, se, spent)
	if gain < 3*se || gain < 2*spent {
		t.Errorf("exploring earns %.1f more (standard error %.1f) at an expected cost of %.1f", gain, se, spent)
	}
}
