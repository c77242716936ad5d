package attribution

import (
	"fmt"
	"math"
	"strings"
)

// Credit is what a model gives a channel.
type Credit struct {
	Channel     string  `json:"channel"`
	Conversions float64 `json:"conversions"`
	Value       float64 `json:"value"`
	// RemovalEffect is the share of conversions lost without the channel, of
	// the Markov model only.
	RemovalEffect *float64 `json:"removal_effect"`
}

// Result is the credit of every channel by one model. Conversions and values
// sum to the totals of the paths, or to 0 where the model can give no credit.
type Result struct {
	Model    string   `json:"model"`
	Order    *int     `json:"order"` // of the Markov model only
	Channels []Credit `json:"channels"`
}

// Models lists the models Attribute knows.
func Models() []string {
	return []string{"last_click", "first_click", "linear", "time_decay", "position", "markov", "shapley"}
}

// Attribute splits the conversions and values of the paths over the channels by
// a model. order is that of the Markov model, at least 1.
func (p *Paths) Attribute(model string, order int) (Result, error) {
	if model == "markov" {
		return p.markov(order)
	}
	weigh, ok := rules(model)
	if !ok {
		return Result{}, fmt.Errorf("there is no model %q; choose among %s", model, strings.Join(Models(), ", "))
	}
	conv, value := make([]float64, len(p.names)), make([]float64, len(p.names))
	var weights []float64
	for _, r := range p.rows {
		path := p.path(r)
		weights = append(weights[:0], make([]float64, len(path))...)
		weigh(path, weights)
		for j, c := range path {
			conv[c] += r.conv * weights[j]
			value[c] += r.value * weights[j]
		}
	}
	return p.result(model, conv, value), nil
}

func (p *Paths) result(model string, conv, value []float64) Result {
	res := Result{Model: model, Channels: make([]Credit, len(p.names))}
	for i, name := range p.names {
		res.Channels[i] = Credit{Channel: name, Conversions: conv[i], Value: value[i]}
	}
	return res
}

// rules returns how a model weighs the touches of a path; the weights it writes
// into w, all 0 before, sum to 1.
func rules(model string) (weigh func(path []int32, w []float64), ok bool) {
	switch model {
	case "last_click":
		return func(_ []int32, w []float64) { w[len(w)-1] = 1 }, true
	case "first_click":
		return func(_ []int32, w []float64) { w[0] = 1 }, true
	case "linear":
		return func(_ []int32, w []float64) {
			for j := range w {
				w[j] = 1 / float64(len(w))
			}
		}, true
	case "time_decay":
		return timeDecay, true
	case "position":
		return position, true
	case "shapley":
		return sumGame, true
	}
	return nil, false
}

// timeDecay halves the weight with each touch back from the end: a path tells
// no times.
func timeDecay(_ []int32, w []float64) {
	n := len(w)
	sum := 2 * (1 - math.Ldexp(1, -n))
	for j := range w {
		w[j] = math.Ldexp(1, j+1-n) / sum
	}
}

// position gives 40 % to the first touch, 40 % to the last and shares the rest.
func position(_ []int32, w []float64) {
	switch n := len(w); n {
	case 1:
		w[0] = 1
	case 2:
		w[0], w[1] = 0.5, 0.5
	default:
		for j := range w {
			w[j] = 0.2 / float64(n-2)
		}
		w[0], w[n-1] = 0.4, 0.4
	}
}

// sumGame gives the Shapley value of the game in which a coalition wins the
// conversions of the paths that need no channel outside it: each path's are
// shared equally by its distinct channels.
func sumGame(path []int32, w []float64) {
	distinct := 0.
	for j, c := range path {
		if first(path, c) == j {
			w[j] = 1
			distinct++
		}
	}
	for j := range w {
		w[j] /= distinct
	}
}

func first(path []int32, c int32) int {
	for j, d := range path {
		if d == c {
			return j
		}
	}
	return -1
}
