package ltv

import (
	"math"
)

// Holdout compares what was expected after the calibration with what came.
// Orders are counted in order days, values undiscounted in the currency of the
// file. MAE, Spearman and Correlation are of orders by customer. Errors are
// (predicted - actual) / actual in percent, null where nothing came. ValueGini is
// how far ranking customers by their expected value goes from chance (0) to the
// perfect order (1): the area between the curve of the cumulated actual value and
// the diagonal, over the same area for the perfect order; null where nothing
// came. ValueGiniPastSpend is that of ranking by what they had spent, which is to
// be beaten. LogScore is the mean log-probability of the orders by customer.
// Coverage80 is the share of customers whose value lay within their 80 %
// interval.
type Holdout struct {
	Days               int      `json:"days"`
	PredictedOrders    float64  `json:"predicted_orders"`
	ActualOrders       float64  `json:"actual_orders"`
	OrdersErrorPct     *float64 `json:"orders_error_pct"`
	MAE                float64  `json:"mae"`
	Spearman           float64  `json:"spearman"`
	Correlation        float64  `json:"correlation"`
	LogScore           float64  `json:"log_score"`
	PredictedValue     float64  `json:"predicted_value"`
	ActualValue        float64  `json:"actual_value"`
	ValueErrorPct      *float64 `json:"value_error_pct"`
	ValueGini          *float64 `json:"value_gini"`
	ValueGiniPastSpend *float64 `json:"value_gini_past_spend"`
	Coverage80         float64  `json:"interval_coverage_80"`
}

func (v valuer) holdout(histories []History, actual []after, days int) *Holdout {
	h := &Holdout{Days: days}
	n := len(histories)
	predicted, bought := make([]float64, n), make([]float64, n)
	expected, value, past := make([]float64, n), make([]float64, n), make([]float64, n)
	var linear, ranked corrSums
	for i, w := range v.each(histories, NewTerm(days, 0, v.unit)) {
		predicted[i], bought[i] = w.Orders, float64(actual[i].orders)
		expected[i], value[i] = w.Value, actual[i].value
		past[i] = histories[i].FirstValue + histories[i].RepeatValue
		h.PredictedOrders += w.Orders
		h.ActualOrders += bought[i]
		h.MAE += math.Abs(w.Orders-bought[i]) / float64(n)
		h.PredictedValue += w.Value
		h.ActualValue += value[i]
		linear.add(w.Orders, bought[i], 1)
		if w.Low <= value[i] && value[i] <= w.High {
			h.Coverage80 += 1 / float64(n)
		}
	}
	rp, rb := ranks(predicted), ranks(bought)
	for i := range rp {
		ranked.add(rp[i], rb[i], 1)
	}
	h.Correlation, h.Spearman = linear.value(), ranked.value()
	h.OrdersErrorPct, h.ValueErrorPct = errorPct(h.PredictedOrders, h.ActualOrders), errorPct(h.PredictedValue, h.ActualValue)
	h.ValueGini, h.ValueGiniPastSpend = gini(expected, value), gini(past, value)
	h.LogScore = mean(logProbs(v, histories, actual, float64(days)/v.unit))
	return h
}

func errorPct(predicted, actual float64) *float64 {
	if !(actual > 0) {
		return nil
	}
	return ptr(100 * (predicted/actual - 1))
}

// gini is Holdout.ValueGini; nil where no order of customers is better than
// another. Equal predictions share their ranks.
func gini(predicted, actual []float64) *float64 {
	area := func(by []float64) (sum float64) {
		n, total := float64(len(by)), 0.0
		for i, rank := range ranks(by) {
			sum += actual[i] * (rank + 0.5) / n
			total += actual[i]
		}
		return sum/total - 0.5
	}
	perfect := area(actual)
	if !(perfect > 1e-12) {
		return nil
	}
	return ptr(area(predicted) / perfect)
}
