package response

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// The weak prior of all elasticities, and of the variance between the members
// of any pool: on real campaigns the elasticity of value to spend was mostly
// between 0.5 and 0.8.
const (
	priorElasticity   = 0.65
	priorElasticitySD = 0.15
	priorBetweenSD    = 0.10
	// leastBetweenSD keeps a pool from claiming that its members are all alike.
	leastBetweenSD = 0.02
)

// Pool is what units of one kind have in common.
type Pool struct {
	Platform   string  `json:"platform"` // empty: all platforms
	Type       string  `json:"type"`     // empty: all types
	Units      int     `json:"units"`
	Elasticity float64 `json:"elasticity"` // posterior mean of the pool's mean
	MeanSD     float64 `json:"mean_sd"`
	BetweenSD  float64 `json:"between_sd"` // of the members around the mean
}

// gauss is a normal density as precision p and precision times mean h; the
// product of two densities is their sum, and p = 0 says nothing.
type gauss struct{ p, h float64 }

func (g gauss) mean() float64       { return g.h / g.p }
func (g gauss) plus(o gauss) gauss  { return gauss{g.p + o.p, g.h + o.h} }
func (g gauss) minus(o gauss) gauss { return gauss{g.p - o.p, g.h - o.h} }

// widen adds variance: what a member says of its pool's mean, and back.
func (g gauss) widen(variance float64) gauss {
	if g.p <= 0 {
		return gauss{}
	}
	p := 1 / (1/g.p + variance)
	return gauss{p, g.mean() * p}
}

// node is a pool in the tree unit -> type -> platform -> all.
type node struct {
	Pool
	parent   *node
	children []gauss // what each member says, before widening
	variance float64 // between the members
	up       gauss   // sum of the members, widened
	down     gauss   // what the rest of the tree says of this pool's mean
}

// close estimates the variance between the members after DerSimonian and Laird
// (1986): Q is their weighted sum of squares around their mean, and the excess
// of Q over its degrees of freedom estimates it. Few or uncertain members tell
// little, so the estimate is averaged with the prior by its own precision.
func (n *node) close() {
	var w, w2, wx float64
	members := 0
	for _, c := range n.children {
		if c.p > 0 {
			w, w2, wx = w+c.p, w2+c.p*c.p, wx+c.h
			members++
		}
	}
	prior := priorBetweenSD * priorBetweenSD
	n.variance = prior
	if members > 1 {
		var q float64
		for _, c := range n.children {
			if c.p > 0 {
				d := c.mean() - wx/w
				q += c.p * d * d
			}
		}
		df, scale := float64(members-1), w-w2/w
		seen := (q - df) / scale
		// The variance of that estimate, where the members are this far apart.
		typical := df/scale + prior
		own := df / (2 * typical * typical)
		belief := 1 / (prior * prior)
		n.variance = aboveZero((own*seen+belief*prior)/(own+belief), 1/math.Sqrt(own+belief))
	}
	n.variance = max(n.variance, leastBetweenSD*leastBetweenSD)
	for _, c := range n.children {
		n.up = n.up.plus(c.widen(n.variance))
	}
}

// aboveZero is the mean of a normal, given that it is above 0.
func aboveZero(mean, sd float64) float64 {
	n := distuv.UnitNormal
	z := mean / sd
	if p := n.CDF(z); p > 1e-12 {
		return mean + sd*n.Prob(z)/p
	}
	return sd / -z // far below, the tail is an exponential
}

// poolElasticities gives every unit its prior: what all other units say of its
// elasticity through the tree (its own data are left out, so that they count once),
// and what the platform's simulation says of it.
func (f *fitter) poolElasticities() []Pool {
	all := &node{down: gauss{p: 1 / (priorElasticitySD * priorElasticitySD)}}
	all.down.h = priorElasticity * all.down.p
	platforms, types := map[string]*node{}, map[poolKey]*node{}
	for i := range f.units {
		u := &f.units[i]
		p := platforms[u.Platform]
		if p == nil {
			p = &node{Pool: Pool{Platform: u.Platform}, parent: all}
			platforms[u.Platform] = p
		}
		t := types[poolKey{u.Platform, u.Type}]
		if t == nil {
			t = &node{Pool: Pool{Platform: u.Platform, Type: u.Type}, parent: p}
			types[poolKey{u.Platform, u.Type}] = t
		}
		t.children = append(t.children, u.likelihood())
		t.Units++
		p.Units++
		all.Units++
	}
	byName := func(a, b *node) int {
		return cmp.Or(cmp.Compare(a.Platform, b.Platform), cmp.Compare(a.Type, b.Type))
	}
	ts := slices.SortedFunc(maps.Values(types), byName)
	ps := slices.SortedFunc(maps.Values(platforms), byName)
	for _, level := range [][]*node{ts, ps, {all}} { // upwards
		for _, n := range level {
			n.close()
			if n.parent != nil {
				n.parent.children = append(n.parent.children, n.up)
			}
		}
	}
	pools := []Pool{all.pool()}
	for _, level := range [][]*node{ps, ts} { // downwards
		for _, n := range level {
			n.down = n.parent.without(n.up)
			pools = append(pools, n.pool())
		}
	}
	for i := range f.units {
		u := &f.units[i]
		u.prior = types[poolKey{u.Platform, u.Type}].without(u.likelihood()).plus(u.simulated)
	}
	return pools
}

// without is what the pool says of one member, that member's own word left out.
func (n *node) without(member gauss) gauss {
	return n.up.plus(n.down).minus(member.widen(n.variance)).widen(n.variance)
}

func (n *node) pool() Pool {
	belief := n.up.plus(n.down)
	p := n.Pool
	p.Elasticity, p.MeanSD, p.BetweenSD = belief.mean(), 1/math.Sqrt(belief.p), math.Sqrt(n.variance)
	return p
}
