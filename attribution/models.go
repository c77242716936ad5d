package attribution

import (
	"context"
	"fmt"
	"slices"
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
	// ErrorBound is how far Conversions are off at most, with 95 %, where they were
	// sampled: shapley_rate over more than 20 channels.
	ErrorBound *float64 `json:"error_bound,omitempty"`
	// The shares with their intervals, where they were asked for.
	ConversionShare *Interval `json:"conversion_share,omitempty"`
	ValueShare      *Interval `json:"value_share,omitempty"`
}

// Result is the credit of every channel by one model, by name of the channel.
// Conversions and values sum to the totals of the journeys, or to 0 where the
// model can give no credit.
type Result struct {
	Model    string   `json:"model"`
	Order    *int     `json:"order"` // of the Markov model only
	Channels []Credit `json:"channels"`
}

// MaxOrder is the highest order of the Markov model: beyond it nearly every run
// of channels is its own, and memory grows with all runs.
const MaxOrder = 10

// ruleNames are the rules' names as models.
func ruleNames() []string {
	return []string{lastClick: "last_click", firstClick: "first_click", lastNonDirect: "last_non_direct", linear: "linear", timeDecay: "time_decay", position: "position", shapley: "shapley"}
}

// Models lists the models that split what was sold.
func Models() []string { return append(ruleNames(), "markov") }

// AllModels are Models and shapley_rate, whose credits may be negative.
func AllModels() []string { return append(Models(), "shapley_rate") }

// Attribute splits conversions and value over the channels by a model. order is
// that of the Markov model: at least 1, at most that for which the journeys were
// counted. shapley_rate needs journeys counted by their sets.
func (j *Journeys) Attribute(ctx context.Context, model string, order int) (Result, error) {
	if model == "markov" {
		if order < 1 || order > j.grams.order {
			return Result{}, fmt.Errorf("the order of the Markov model is %d; the journeys were counted for 1 to %d", order, j.grams.order)
		}
		return j.markov(ctx, order)
	}
	if model == "shapley_rate" {
		if j.sets == nil {
			return Result{}, fmt.Errorf("the journeys were not counted by their sets of channels, which shapley_rate needs")
		}
		return j.shapleyRate(ctx)
	}
	k := slices.Index(ruleNames(), model)
	if k < 0 {
		return Result{}, fmt.Errorf("there is no model %q; choose among %s", model, strings.Join(AllModels(), ", "))
	}
	conv, value := j.rules.credit(rule(k))
	return j.result(model, conv, value, nil), nil
}

// result lists the channels by name; effect is nil where a model has none.
func (j *Journeys) result(model string, conv, value, effect []float64) Result {
	res := Result{Model: model, Channels: make([]Credit, len(j.names))}
	for i, name := range j.names {
		res.Channels[i] = Credit{Channel: name, Conversions: conv[i], Value: value[i]}
		if effect != nil {
			res.Channels[i].RemovalEffect = &effect[i]
		}
	}
	slices.SortFunc(res.Channels, func(a, b Credit) int { return strings.Compare(a.Channel, b.Channel) })
	return res
}
