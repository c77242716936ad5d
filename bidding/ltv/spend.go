package ltv

import (
	"fmt"
	"math"
)

// Spend is a fitted Gamma-Gamma model of what an order brings (Fader and
// Hardie, note 025): a customer's orders vary around a mean that differs between
// customers and does not depend on how often they order. Where the values cannot
// carry the model P is 0 and every customer is expected to spend Mean.
type Spend struct {
	P float64 `json:"p"`
	Q float64 `json:"q"`
	V float64 `json:"v"`

	Mean          float64            `json:"mean"`         // of a customer drawn at random, in the currency of the orders
	Customers     int                `json:"customers"`    // with a positive mean
	SE            map[string]float64 `json:"se,omitempty"` // of p, q and v, from the observed information
	LogCov        [][]float64        `json:"log_covariance,omitempty"`
	LogLikelihood float64            `json:"log_likelihood"`
	Correlation   float64            `json:"frequency_value_correlation"`
	Warnings      []string           `json:"warnings,omitempty"`
}

// Expected is the mean value of a future order of a customer with n orders of
// mean m; with none it is the population's.
func (s *Spend) Expected(n int, m float64) float64 {
	if s.P == 0 || n <= 0 || !(m >= 0) || math.IsInf(m, 0) {
		return s.Mean
	}
	px := s.P * float64(n)
	return (s.P*s.V + px*m) / (px + s.Q - 1)
}

// fewSpenders is the least number of customers with a positive mean value for a
// Gamma-Gamma fit.
const fewSpenders = 10

// FitSpend fits Gamma-Gamma to rows by maximum likelihood. Correlation is that
// of order counts and mean values among customers with more than one order,
// which the model takes to be none. Where no proper fit exists (constant values,
// a mean that does not exist because q <= 1) it falls back on the plain mean and
// warns; it is a *Refused only where there is no positive value at all.
func FitSpend(rows []SpendRow, correlation float64) (*Spend, error) {
	s := &Spend{Correlation: correlation}
	var n, mean, logs float64
	for _, r := range rows {
		n += r.N
		mean += r.N * r.M
		logs += r.N * math.Log(r.M)
	}
	if n == 0 {
		return nil, &Refused{"no customer has orders of a positive mean value"}
	}
	mean /= n
	s.Customers, s.Mean = int(n), mean
	if math.Abs(correlation) > 0.3 {
		s.Warnings = append(s.Warnings, fmt.Sprintf("order value and frequency are correlated (%.2f); Gamma-Gamma takes them to be independent", correlation))
	}
	flat := func(format string, args ...any) (*Spend, error) {
		s.Warnings = append(s.Warnings, fmt.Sprintf(format, args...)+"; every order is expected to bring the customers' mean of "+fmt.Sprintf("%.4g", mean))
		return s, nil
	}
	if n < fewSpenders {
		return flat("only %.0f customers have order values to learn from", n)
	}
	if math.Log(mean)-logs/n < 1e-9 {
		return flat("order values do not differ between customers")
	}
	sums := sumSpend(rows)
	o, err := maximise(func(v, grad []float64) float64 { return spendLogLik(sums, v, grad) }, []float64{4, 3, 0.7 * mean}, n)
	if err != nil {
		return flat("Gamma-Gamma does not converge on these order values")
	}
	p, q, v := o.v[0], o.v[1], o.v[2]
	if population := p * v / (q - 1); q <= 1 || population > 3*mean {
		return flat("Gamma-Gamma has no usable mean on these order values (q = %.3g)", q)
	}
	s.P, s.Q, s.V, s.LogLikelihood, s.Mean, s.LogCov = p, q, v, o.ll, p*v/(q-1), o.cov
	if o.relSE == nil {
		s.Warnings = append(s.Warnings, "Gamma-Gamma's likelihood is flat at its highest point (customers hardly differ, or pay the same each time): forecasts hold, but p, q and v mean little and have no standard errors")
	} else {
		s.SE = map[string]float64{"p": o.relSE[0] * p, "q": o.relSE[1] * q, "v": o.relSE[2] * v}
	}
	return s, nil
}
