package ltv

import (
	"fmt"
	"math"

	"adsteward/internal/civil"
)

// costed is one order with what it cost, both in the currency of the file.
type costed struct {
	day         civil.Date
	value, cost float64
}

// margins are the customers' contribution margins as shares of revenue, from
// orders up to end, and the mean of all revenue. A customer's own margin counts as
// far as its orders tell (Bühlmann and Straub 1970, with revenue as the volume):
// r_i = z_i own_i + (1 - z_i) mean, z_i = V_i / (V_i + within/between), V_i the
// customer's revenue. It lies in [0, 1]: nobody is kept from buying, so a customer
// is not worth less than nothing.
func (c *Columns) margins(histories []History, end civil.Date) (rates []float64, mean float64, warnings []string, err error) {
	type sums struct{ revenue, cost float64 }
	own := make([]sums, len(histories))
	var revenue, cost, squares, within, orders, unknown, customers float64
	for i := range histories {
		s := &own[i]
		var m corrSums
		for _, o := range c.costs[histories[i].CustomerID] {
			switch {
			case o.day > end:
				continue
			case math.IsNaN(o.cost):
				unknown++
				continue
			}
			s.revenue += o.value
			s.cost += o.cost
			if o.value > 0 {
				rate := (o.value - o.cost) / o.value
				m.add(rate, rate, o.value)
				orders++
			}
		}
		if s.revenue > 0 {
			customers++
		}
		within += m.xx
		revenue += s.revenue
		cost += s.cost
		squares += s.revenue * s.revenue
	}
	if !(revenue > 0) {
		return nil, 0, nil, &Refused{"no order with a value has a cost, so that there is no margin"}
	}
	mean = 1 - cost/revenue
	var between float64
	for _, s := range own {
		if s.revenue > 0 {
			d := 1 - s.cost/s.revenue - mean
			between += s.revenue * d * d
		}
	}
	phi := within / max(1, orders-customers)
	spread := 0.0
	if free := revenue - squares/revenue; free > 0 {
		spread = max(0, (between-phi*max(0, customers-1))/free)
	}
	rates = make([]float64, len(histories))
	for i, s := range own {
		rates[i] = mean
		if s.revenue > 0 && spread > 0 {
			z := s.revenue / (s.revenue + phi/spread)
			rates[i] += z * (1 - s.cost/s.revenue - mean)
		}
		rates[i] = min(1, max(0, rates[i]))
	}
	if unknown > 0 {
		warnings = append(warnings, fmt.Sprintf("%.0f orders have no cost and are left out of the margin", unknown))
	}
	if mean <= 0 {
		warnings = append(warnings, fmt.Sprintf("costs are %.4g and revenue is %.4g: orders bring no margin, so that most customers are worth nothing", cost, revenue))
	}
	return rates, min(1, mean), warnings, nil
}

// applyMargins turns clv from revenue into contribution margin.
func applyMargins(rows []CustomerWorth, rate func(i int) float64) {
	for i := range rows {
		w, r := &rows[i].Worth, rate(i)
		w.Value, w.Low, w.High, w.variance = r*w.Value, r*w.Low, r*w.High, r*r*w.variance
	}
}
