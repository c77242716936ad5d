package attribution

import (
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"
)

// plain is the definitions word for word, to hold the fast counts against: all
// rows kept, linear systems by dense elimination.
type plain struct {
	names []string
	rows  []plainRow
}

type plainRow struct {
	path              []int
	conv, value, null float64
}

func (p *plain) add(path string, conv, value, null float64) {
	r := plainRow{nil, conv, value, null}
	for _, name := range strings.Split(path, ">") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		if !slices.Contains(p.names, name) {
			p.names = append(p.names, name)
		}
		r.path = append(r.path, slices.Index(p.names, name))
	}
	if len(r.path) > 0 {
		p.rows = append(p.rows, r)
	}
}

// rule gives credit[channel] = {conversions, value}.
func (p *plain) rule(model string) map[string][2]float64 {
	credit := make([][2]float64, len(p.names))
	for _, r := range p.rows {
		n := len(r.path)
		w := make([]float64, n)
		total := 0.
		for j, c := range r.path {
			switch model {
			case "first_click":
				w[j] = b2f(j == 0)
			case "last_click":
				w[j] = b2f(j == n-1)
			case "linear":
				w[j] = 1
			case "time_decay":
				w[j] = math.Pow(2, -float64(n-1-j))
			case "position":
				switch {
				case n <= 2:
					w[j] = 1
				case j == 0 || j == n-1:
					w[j] = 0.4
				default:
					w[j] = 0.2 / float64(n-2)
				}
			case "shapley":
				w[j] = b2f(slices.Index(r.path, c) == j)
			}
			total += w[j]
		}
		for j, c := range r.path {
			credit[c][0] += r.conv * w[j] / total
			credit[c][1] += r.value * w[j] / total
		}
	}
	out := map[string][2]float64{}
	for c, name := range p.names {
		out[name] = credit[c]
	}
	return out
}

// removals gives each channel's effect on conversions and on value.
func (p *plain) removals(order int) map[string][2]float64 {
	out := map[string][2]float64{}
	conv, value := p.solve(order, -1)
	for x, name := range p.names {
		var e [2]float64
		without, valueWithout := p.solve(order, x)
		if conv > 0 {
			e[0] = 1 - without/conv
		}
		if value > 0 {
			e[1] = 1 - valueWithout/value
		}
		out[name] = e
	}
	return out
}

// solve is the probability of converting and the expected value without x.
func (p *plain) solve(order, x int) (conv, value float64) {
	var states [][]int
	find := func(gram []int) int {
		at := slices.IndexFunc(states, func(s []int) bool { return slices.Equal(s, gram) })
		if at < 0 {
			at = len(states)
			states = append(states, gram)
		}
		return at
	}
	type pair struct{ from, to int }
	steps, start, out, c, v := map[pair]float64{}, map[int]float64{}, map[int]float64{}, map[int]float64{}, map[int]float64{}
	total := 0.
	for _, r := range p.rows {
		w := r.conv + r.null
		if w == 0 {
			continue
		}
		total += w
		k := min(order, len(r.path))
		at := find(r.path[:k])
		start[at] += w
		for j := 1; j+k <= len(r.path); j++ {
			if next := find(r.path[j : j+k]); next != at {
				steps[pair{at, next}] += w
				out[at] += w
				at = next
			}
		}
		c[at] += r.conv
		v[at] += r.value
		out[at] += w
	}
	n := len(states)
	if n == 0 {
		return 0, 0
	}
	gone := func(s int) bool { return slices.Contains(states[s], x) }
	a, b := mat.NewDense(n, n, nil), mat.NewDense(n, 2, nil)
	for s := range n {
		a.Set(s, s, 1)
		if !gone(s) {
			b.Set(s, 0, c[s]/out[s])
			b.Set(s, 1, v[s]/out[s])
		}
	}
	for e, w := range steps {
		if !gone(e.from) && !gone(e.to) {
			a.Set(e.from, e.to, -w/out[e.from])
		}
	}
	var h mat.Dense
	if err := h.Solve(a, b); err != nil {
		return math.NaN(), math.NaN()
	}
	for s, w := range start {
		if !gone(s) {
			conv += w / total * h.At(s, 0)
			value += w / total * h.At(s, 1)
		}
	}
	return conv, value
}

func b2f(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
