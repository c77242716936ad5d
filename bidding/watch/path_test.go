package watch

import (
	"math"
	"testing"
)

// Whatever the wander and wherever the rate falls, what a last day may bring has
// probabilities that sum to one: each likelihood is one, so their ratio is an
// e-process.
func TestLikelihoodsAreProbabilities(t *testing.T) {
	t.Parallel()
	var days []step
	for i := range 40 {
		days = append(days, step{date: 20_000 + 1000, x: float64(i * 7 % 11), m: 4 + float64(i%3)})
		days[i].date = days[i].date.AddDays(i + i/20) // a day is missing
	}
	for _, q := range wanders {
		for _, theta := range []float64{1, 0.7, 0.35} {
			const k = 30
			before := follow(days[:39], q).fallen(days[:39], k, theta)
			var sum float64
			for x := range 400 {
				days[39].x = float64(x)
				sum += math.Exp(follow(days, q).fallen(days, k, theta) - before - logGamma(float64(x)+1))
			}
			if math.Abs(sum-1) > 1e-6 {
				t.Errorf("wander %g, to %g: %.8f", q, theta, sum)
			}
		}
		p := follow(days, q)
		if got, want := p.fallen(days, 30, 1), p.usual[len(days)]; math.Abs(got-want) > 1e-9*math.Abs(want) {
			t.Errorf("wander %g: nothing fell, %g and %g", q, got, want)
		}
	}
}

// What many series show outweighs what is believed; what slides is held against a
// steady rate.
func TestAPoolLearnsHowFarItWanders(t *testing.T) {
	t.Parallel()
	last := len(wanders) - 1
	weight := func(series, of int) float64 {
		p := &pool{}
		for range series {
			var l weights
			l[of] = 3
			p.learn(l)
		}
		p.learn(weights{math.NaN()}) // says nothing
		p.learn(weights{math.Inf(-1)})
		p.settle()
		var sum float64
		for _, w := range p.weigh(false) {
			sum += math.Exp(w)
		}
		if math.Abs(sum-1) > 1e-9 {
			t.Errorf("weights sum to %g", sum)
		}
		return math.Exp(p.weigh(false)[of])
	}
	none, one, many := weight(0, last), weight(1, last), weight(40, last)
	if !(none < one && one < 0.5 && many > 0.8) || weight(40, 0) < 0.8 {
		t.Errorf("none %.2f, one %.2f, many %.2f", none, one, many)
	}
	if w := (&pool{}).weigh(true); w[0] != 0 || w.logSum() != 0 || !math.IsInf(w[last], -1) {
		t.Errorf("%v", w)
	}
}
