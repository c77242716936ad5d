package watch

import "math"

// pool sums up how the days of series spread.
type pool struct {
	chi, df        float64 // Pearson statistic of days, degrees of freedom
	weeks, weeksDF float64 // and of weeks, by the days' dispersion
	// likelihoods is how likely each series' reference is at each wander, weights
	// what that says of the pool; both are logarithms.
	likelihoods []weights
	weights     weights
}

// learn leaves out what is no number: it would silence the whole pool.
func (p *pool) learn(likelihoods weights) {
	for _, l := range likelihoods {
		if math.IsNaN(l) || math.IsInf(l, 0) {
			return
		}
	}
	p.likelihoods = append(p.likelihoods, likelihoods)
}

func (p *pool) add(u *usual) {
	p.chi, p.df = p.chi+u.chi, p.df+u.df
	p.weeks, p.weeksDF = p.weeks+u.weeks, p.weeksDF+u.weeksDF
}

func (p *pool) dispersion() float64 { return p.chi / p.df }

// clustering is how many times as much whole weeks vary as their days would alone.
func (p *pool) clustering() float64 {
	if p.weeksDF <= 0 {
		return 1
	}
	return max(1, p.weeks/p.weeksDF)
}

// settle weighs the wanders by what all series show together, by empirical Bayes
// (expectation maximisation), with what is believed beforehand as some series more.
func (p *pool) settle() {
	prior := believed()
	p.weights = prior
	for range rounds {
		var next weights
		for i := range next {
			next[i] = beliefSeries * math.Exp(prior[i])
		}
		for _, l := range p.likelihoods {
			joint := p.weights.plus(l)
			all := joint.logSum()
			for i := range next {
				next[i] += math.Exp(joint[i] - all)
			}
		}
		for i := range next {
			p.weights[i] = math.Log(next[i] / (beliefSeries + float64(len(p.likelihoods))))
		}
	}
}

// weigh is how much each wander counts for one of its series: where a slide is a
// fall the rate is taken to be steady.
func (p *pool) weigh(slides bool) weights {
	if !slides {
		return p.weights
	}
	w := weights{}
	for i := range w[1:] {
		w[i+1] = math.Inf(-1)
	}
	return w
}
