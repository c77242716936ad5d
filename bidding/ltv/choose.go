package ltv

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"adsteward/internal/civil"
)

// Candidate is a model that was tried. Score is the mean log-probability it gave
// to the number of orders each customer made in the inner holdout; null where
// the choice was by likelihood. AtBoundary says that its maximum is where nobody
// leaves, so that it is no other model than the NBD.
type Candidate struct {
	Model         Model    `json:"model"`
	Score         *float64 `json:"holdout_log_score"`
	LogLikelihood float64  `json:"log_likelihood"` // of what it was fitted to: the inner calibration where there is a score
	AtBoundary    bool     `json:"at_boundary,omitempty"`

	probs []float64 // the log-probabilities by customer
}

// merit is the log-likelihood less the number of parameters: half of Akaike's
// criterion, turned round.
func (c *Candidate) merit() float64 { return c.LogLikelihood - float64(len(c.Model.Names())) }

type choice struct {
	best       Model
	why        string
	candidates []Candidate
	fit        *OrderFit // of best to all rows, where it is known already
}

var candidates = [4]Model{NBD, BGNBD, MBGNBD, ParetoNBD}

// choose fits each model to the first two thirds of the observation and looks
// which gave the orders of the last third the highest probability, which rewards
// honest uncertainty and not only a good mean. Models within one standard error
// of that (of the paired differences) foresaw as well, and of these the one that
// fits the first two thirds best is taken. Where two thirds are too little the
// likelihood of all decides.
func choose(l *OrderLog, end civil.Date, unit float64, rows []Row) (choice, error) {
	days := end.Sub(l.First) / 3
	if days < 1 {
		return chooseByLikelihood(rows, "too short for a holdout")
	}
	cut := end.AddDays(-days)
	histories, actual := l.Histories(cut), l.after(cut, end)
	const tooFew = "the first two thirds are too few for a fit"
	c := choice{}
	var refused *Refused
	fits, err := newOrderFits(Merge(histories, unit))
	if errors.As(err, &refused) {
		return chooseByLikelihood(rows, tooFew)
	}
	if err != nil {
		return c, err
	}
	for _, f := range fits.all() {
		if errors.As(f.err, &refused) {
			continue
		}
		if f.err != nil {
			return c, f.err
		}
		m, fit := f.model, f.fit
		k := Candidate{Model: m, LogLikelihood: fit.LogLikelihood, AtBoundary: fit.Model != m}
		if !k.AtBoundary {
			k.probs = logProbs(valuer{law: fit.Law, unit: unit}, histories, actual, float64(days)/unit)
		}
		k.Score = ptr(mean(k.probs))
		if k.AtBoundary {
			k.Score = c.candidates[0].Score // the NBD's, which comes first
		}
		c.candidates = append(c.candidates, k)
	}
	if len(c.candidates) == 0 {
		return chooseByLikelihood(rows, tooFew)
	}
	c.decide(days)
	return c, nil
}

func ptr[T any](v T) *T { return &v }

// decide takes the best of those that foresaw best.
func (c *choice) decide(days int) {
	var first *Candidate
	for i := range c.candidates {
		if k := &c.candidates[i]; !k.AtBoundary && (first == nil || *k.Score > *first.Score) {
			first = k
		}
	}
	best, tied := first, []string{}
	for i := range c.candidates {
		k := &c.candidates[i]
		if k.AtBoundary || k != first && !asGood(first.probs, k.probs) {
			continue
		}
		tied = append(tied, k.Model.Title())
		if k.merit() > best.merit() {
			best = k
		}
	}
	c.best = best.Model
	switch {
	case c.boundary():
		c.why = "nobody seems to leave: the models in which customers leave have their maximum at the boundary, where each is the NBD"
	case len(tied) > 1:
		c.why = fmt.Sprintf("%s foresaw the orders of the last %d days of the observation equally well, within chance, when fitted to the days before; of these %s fits those days best",
			strings.Join(tied[:len(tied)-1], ", ")+" and "+tied[len(tied)-1], days, best.Model.Title())
	default:
		c.why = fmt.Sprintf("%s gave the orders of the last %d days of the observation the highest probability when fitted to the days before", best.Model.Title(), days)
	}
	if best.Model == NBD && !c.boundary() {
		c.why += "; nobody seems to leave"
	}
	for i := range c.candidates {
		c.candidates[i].probs = nil
	}
}

// boundary says whether every model in which customers leave came to where nobody
// does.
func (c *choice) boundary() bool {
	at := len(c.candidates) > 1
	for _, k := range c.candidates {
		at = at && (k.Model == NBD || k.AtBoundary)
	}
	return at
}

// asGood says whether b is below a by no more than the standard error of the
// mean difference.
func asGood(a, b []float64) bool {
	n := float64(len(a))
	var sum, squares float64
	for i := range a {
		sum += a[i] - b[i]
	}
	m := sum / n
	for i := range a {
		squares += (a[i] - b[i] - m) * (a[i] - b[i] - m)
	}
	return m <= math.Sqrt(squares)/n
}

func mean(v []float64) float64 {
	var sum float64
	for _, x := range v {
		sum += x
	}
	return sum / math.Max(1, float64(len(v)))
}

func chooseByLikelihood(rows []Row, because string) (choice, error) {
	c := choice{}
	fits, err := newOrderFits(rows)
	if err != nil {
		return c, err
	}
	var last error
	best := math.Inf(-1)
	for _, f := range fits.all() {
		if f.err != nil {
			last = f.err
			continue
		}
		k := Candidate{Model: f.model, LogLikelihood: f.fit.LogLikelihood, AtBoundary: f.fit.Model != f.model}
		c.candidates = append(c.candidates, k)
		if !k.AtBoundary && k.merit() > best {
			best, c.fit, c.best = k.merit(), f.fit, f.model
		}
	}
	if c.fit == nil {
		return c, last
	}
	c.why = fmt.Sprintf("%s has the highest likelihood, less one for each parameter (%s)", c.best.Title(), because)
	if c.boundary() {
		c.why = "nobody seems to leave: the models in which customers leave have their maximum at the boundary, where each is the NBD"
	}
	return c, nil
}

// logProbs are the log-probabilities of the actual counts in the next t.
// Customers with equal histories share one distribution.
func logProbs(v valuer, histories []History, actual []after, t float64) []float64 {
	const least = 1e-6 // the distributions are computed up to 1e-5
	first, of := v.alike(histories)
	counts := make([][]float64, len(first))
	inChunks(len(first), func(k int) {
		h := &histories[first[k]]
		counts[k] = v.lawOf(int(first[k])).Outlook(h.Frequency, h.Recency/v.unit, h.Age/v.unit).counts(t, 1e-5)
	})
	out := make([]float64, len(histories))
	for i := range histories {
		p := counts[of[i]]
		prob := least
		if n := actual[i].orders; n < len(p) {
			prob = max(prob, p[n])
		}
		out[i] = math.Log(prob)
	}
	return out
}
