package ltv

import (
	"errors"
	"fmt"
	"math"

	"adsteward/internal/civil"
)

// Candidate is a model that was tried. Score is the mean log-probability it gave
// to the number of orders each customer made in the inner holdout; null where
// the choice was by likelihood.
type Candidate struct {
	Model         Model    `json:"model"`
	Score         *float64 `json:"holdout_log_score"`
	LogLikelihood float64  `json:"log_likelihood"` // of what it was fitted to: the inner calibration where there is a score
}

type choice struct {
	best       Model
	why        string
	candidates []Candidate
	fit        *OrderFit // of best to all rows, where it is known already
}

var candidates = [3]Model{BGNBD, MBGNBD, ParetoNBD}

// choose fits each model to the first two thirds of the observation and takes
// the one that gave the orders of the last third the highest probability, which
// rewards honest uncertainty and not only a good mean. Where two thirds are too
// little it takes the highest likelihood of all: the models have four parameters
// each.
func choose(l *OrderLog, end civil.Date, unit float64, rows []Row) (choice, error) {
	days := end.Sub(l.First) / 3
	if days < 1 {
		return chooseByLikelihood(rows, "too short for a holdout")
	}
	cut := end.AddDays(-days)
	histories, actual := l.Histories(cut), l.after(cut, end)
	inner := Merge(histories, unit)
	c := choice{}
	highest := math.Inf(-1)
	for _, m := range candidates {
		fit, err := FitOrders(m, inner)
		var refused *Refused
		if errors.As(err, &refused) {
			continue
		}
		if err != nil {
			return c, err
		}
		score := logScore(fit.Law, histories, actual, unit, float64(days)/unit)
		c.candidates = append(c.candidates, Candidate{m, &score, fit.LogLikelihood})
		if score > highest {
			highest, c.best = score, m
		}
	}
	if len(c.candidates) == 0 {
		return chooseByLikelihood(rows, "the first two thirds are too few for a fit")
	}
	c.why = fmt.Sprintf("%s gave the orders of the last %d days of the observation the highest probability when fitted to the days before", c.best.Title(), days)
	return c, nil
}

func chooseByLikelihood(rows []Row, because string) (choice, error) {
	c := choice{}
	var last error
	for _, m := range candidates {
		fit, err := FitOrders(m, rows)
		if err != nil {
			last = err
			continue
		}
		c.candidates = append(c.candidates, Candidate{Model: m, LogLikelihood: fit.LogLikelihood})
		if c.fit == nil || fit.LogLikelihood > c.fit.LogLikelihood {
			c.fit, c.best = fit, m
		}
	}
	if c.fit == nil {
		return c, last
	}
	c.why = fmt.Sprintf("%s has the highest likelihood of models with as many parameters (%s)", c.best.Title(), because)
	return c, nil
}

// logScore is the mean log-probability of the actual counts in the next t.
// Customers with equal histories share one distribution.
func logScore(law Law, histories []History, actual []after, unit, t float64) float64 {
	const least = 1e-6 // the distributions are computed up to 1e-5
	known := map[rowKey][]float64{}
	var sum float64
	for i := range histories {
		h := &histories[i]
		k := rowKey{h.Frequency, h.Recency, h.Age}
		p, ok := known[k]
		if !ok {
			p = law.Outlook(h.Frequency, h.Recency/unit, h.Age/unit).counts(t, 1e-5)
			known[k] = p
		}
		prob := least
		if n := actual[i].orders; n < len(p) {
			prob = max(prob, p[n])
		}
		sum += math.Log(prob)
	}
	return sum / float64(len(histories))
}
