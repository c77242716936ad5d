// Package ltvchart draws the diagnostics of a lifetime model, for the page and
// for files alike.
package ltvchart

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"adsteward/bidding/ltv"
	"adsteward/internal/chart"
	"adsteward/internal/civil"
	"adsteward/internal/present"
)

// Figures are the charts of the diagnostics in the order they are read.
func Figures(d *ltv.Diagnostics) []chart.Figure {
	m := money{d.Currency}
	return []chart.Figure{frequency(d), tracking(d), weekly(d), alive(d), deciles(d, m), cohorts(d, m)}
}

// money writes values of a currency that may not be known.
type money struct{ currency string }

func (m money) amount(v float64) string { return present.Amount(v, m.currency) }

// per names a figure with its unit.
func (m money) per(what string) string {
	if m.currency == "" {
		return what
	}
	return what + ", " + m.currency
}

// round writes a value short enough to stand over a column.
func round(v float64) string {
	if v < 9.95 {
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return present.Whole(v)
}

// axis writes values beside an axis: decimals only where it has them.
func (m money) axis(v float64) string {
	if v == math.Trunc(v) {
		return present.Whole(v)
	}
	return m.amount(v)
}

// figure is what all figures share.
func figure(id, title, look string, f ltv.Finding) chart.Figure {
	return chart.Figure{ID: id, Title: title, Look: look, Caption: f.Says, Off: f.Off, Empty: f.Missing}
}

// finite writes a number for a program: the table of a file is read by one.
func finite(v float64, decimals int) string { return strconv.FormatFloat(v, 'f', decimals, 64) }

var repeatClasses = []string{"0", "1", "2", "3", "4", "5", "6", "7+"}

func classes(names []string) func(float64) string {
	return func(v float64) string {
		if i := int(v); i >= 0 && i < len(names) {
			return names[i]
		}
		return ""
	}
}

// each labels every class of a plot.
func each(n int) func(int) []float64 {
	return func(int) []float64 {
		var out []float64
		for i := range n {
			out = append(out, float64(i))
		}
		return out
	}
}

func frequency(d *ltv.Diagnostics) chart.Figure {
	f := figure("frequency", "Repeat orders per customer", "Dots on the tops of the columns: the model makes as many one-time buyers and as many regulars as there are.", d.Frequency.Finding)
	f.Legend = []chart.Legend{{Class: "bar", Text: "customers"}, {Class: "model", Text: d.Model.Title() + " expects"}}
	f.Columns = []string{"Repeat orders", "Customers", "Expected", "Difference"}
	p := chart.Plot{XName: classes(repeatClasses), YName: present.Whole, XTicks: each(len(repeatClasses)), XTitle: "repeat orders so far", YTitle: "customers"}
	for x, n := range d.Frequency.Actual {
		e := d.Frequency.Expected[x]
		p.X, p.Bars, p.Dots, p.Words = append(p.X, float64(x)), append(p.Bars, n), append(p.Dots, e), append(p.Words, present.Whole(n))
		f.Rows = append(f.Rows, []string{repeatClasses[x], finite(n, 0), finite(e, 1), finite(n-e, 1)})
	}
	f.Drawings = p.Drawings()
	return f
}

// overTime is a plot of weeks with the end of the calibration marked.
func overTime(d *ltv.Diagnostics, title string, actual, expected func(ltv.Week) float64) chart.Plot {
	weeks := d.Tracking.Weeks
	p := chart.Plot{YName: present.Whole, YTitle: title, XName: func(v float64) string { return civil.Date(v).Time().Format("Jan 2006") }}
	for _, w := range weeks {
		p.X, p.Bars, p.Dash = append(p.X, float64(w.Last)), append(p.Bars, actual(w)), append(p.Dash, expected(w))
	}
	p.XTicks = func(most int) []float64 {
		var out []float64
		every := max(1, (len(weeks)+most-1)/most)
		for i := 0; i+every/2 < len(weeks); i += every { // no words beyond the edge
			out = append(out, float64(weeks[i].Last))
		}
		return out
	}
	if n := len(weeks); n > 0 && weeks[n-1].Last > d.Cut {
		p.Marks = []chart.Mark{{X: float64(d.Cut) + 3.5, Y: math.NaN(), Text: "fitted up to here", Class: "now"}}
	}
	return p
}

func tracking(d *ltv.Diagnostics) chart.Figure {
	f := figure("tracking", "Repeat orders so far, week by week", "The broken line along the tops of the columns, right of the mark above all: there the model foretells what it had not seen.", d.Tracking.Finding)
	f.Columns = []string{"Week to", "Repeat orders", "Expected", "So far", "Expected so far", "Holdout"}
	if len(d.Tracking.Weeks) == 0 {
		return f
	}
	f.Legend = []chart.Legend{{Class: "bar", Text: "repeat orders so far"}, {Class: "dash", Text: d.Model.Title() + " expects"}}
	for _, w := range d.Tracking.Weeks {
		holdout := "no"
		if w.Last > d.Cut {
			holdout = "yes"
		}
		f.Rows = append(f.Rows, []string{w.Last.String(), finite(w.Actual, 0), finite(w.Expected, 1), finite(w.ActualToDate, 0), finite(w.ExpectedToDate, 1), holdout})
	}
	f.Drawings = overTime(d, "repeat orders of customers seen by "+d.Cut.Time().Format("2 Jan 2006"), func(w ltv.Week) float64 { return w.ActualToDate }, func(w ltv.Week) float64 { return w.ExpectedToDate }).Drawings()
	return f
}

func weekly(d *ltv.Diagnostics) chart.Figure {
	f := figure("weekly", "Repeat orders each week", "Waves around the line are seasons and promotions, which the model does not know; a gap that stays is a customer base that has changed.", ltv.Finding{Says: d.Tracking.WeeksSay, Missing: d.Tracking.Missing})
	f.Columns = []string{"Week to", "Repeat orders", "Expected"}
	if len(d.Tracking.Weeks) == 0 {
		return f
	}
	f.Legend = []chart.Legend{{Class: "bar", Text: "repeat orders"}, {Class: "dash", Text: d.Model.Title() + " expects"}}
	for _, w := range d.Tracking.Weeks {
		f.Rows = append(f.Rows, []string{w.Last.String(), finite(w.Actual, 0), finite(w.Expected, 1)})
	}
	f.Drawings = overTime(d, "repeat orders a week of customers seen by "+d.Cut.Time().Format("2 Jan 2006"), func(w ltv.Week) float64 { return w.Actual }, func(w ltv.Week) float64 { return w.Expected }).Drawings()
	return f
}

func alive(d *ltv.Diagnostics) chart.Figure {
	a := d.Alive
	f := figure("alive", "Who is still a customer", "Strong colour and a high share: still active, by the model. Frequent buyers fade soonest when they stay away, as a long silence is unlike them. Under the share stands the number of customers; pale cells with many are worth a win-back.", a.Finding)
	f.Legend = []chart.Legend{{Class: "level", Text: "probability of being active, %"}}
	f.Columns = []string{"Days since the last order", "Repeat orders", "Customers", "Probability of being active"}
	h := chart.Heat{Columns: repeatClasses, XTitle: fmt.Sprintf("without a number: as at the median age, %s days", present.Whole(a.MedianAge)), YTitle: "rows: days since the last order; columns: repeat orders", NarrowColumns: len(repeatClasses)}
	for i, cells := range a.Cells {
		name := fmt.Sprintf("%d+", a.Since[i])
		if i+1 < len(a.Since) {
			name = fmt.Sprintf("%d to %d", a.Since[i], a.Since[i+1]-1)
			if a.Since[i] == a.Since[i+1]-1 {
				name = strconv.Itoa(a.Since[i])
			}
		}
		row := chart.HeatRow{Name: name}
		for x, c := range cells {
			var cell chart.Cell
			p := ""
			if c.PAlive != nil {
				cell = chart.Cell{Class: "level", Tone: *c.PAlive, Text: present.Whole(100 * *c.PAlive)}
				p = finite(*c.PAlive, 4)
			}
			if c.Customers > 0 {
				cell.Under = present.Whole(c.Customers)
			}
			row.Cells = append(row.Cells, cell)
			f.Rows = append(f.Rows, []string{name, repeatClasses[x], finite(c.Customers, 0), p})
		}
		h.Rows = append(h.Rows, row)
	}
	f.Drawings = h.Drawings()
	return f
}

func deciles(d *ltv.Diagnostics, m money) chart.Figure {
	f := figure("deciles", "Predicted value against what came, by tenths of the customers", "Columns that fall from left to right: the model, fitted to the days before, tells good customers from others. Dots on their tops: it also knows how good.", d.Tenths.Finding)
	f.Columns = []string{"Tenth", "Customers", m.per("Predicted a customer"), m.per("Actual a customer")}
	if len(d.Tenths.Tenths) == 0 {
		return f
	}
	f.Legend = []chart.Legend{{Class: "bar", Text: "actual"}, {Class: "model", Text: "predicted"}}
	names := []string{"top"}
	p := chart.Plot{YName: m.axis, YTitle: m.per(fmt.Sprintf("value a customer in the %d days from %s", d.Tenths.Days, d.Cut.AddDays(1).Time().Format("2 Jan 2006"))), XTitle: "tenths of the customers, by predicted value"}
	for i, t := range d.Tenths.Tenths {
		if i > 0 {
			names = append(names, strconv.Itoa(i+1))
		}
		p.X, p.Bars, p.Dots, p.Words = append(p.X, float64(i)), append(p.Bars, t.Actual), append(p.Dots, t.Predicted), append(p.Words, round(t.Actual))
		f.Rows = append(f.Rows, []string{strconv.Itoa(i + 1), finite(t.Customers, 1), finite(t.Predicted, 2), finite(t.Actual, 2)})
	}
	p.XName, p.XTicks = classes(names), each(len(names))
	f.Drawings = p.Drawings()
	return f
}

// Of a long history the newest cohorts and the first months of age are drawn;
// the table has all.
const (
	drawnCohorts = 18
	drawnAges    = 12
	narrowAges   = 5
)

// fewOrders is below how many expected orders a cell's colour would be chance.
const fewOrders = 10

func cohorts(d *ltv.Diagnostics, m money) chart.Figure {
	t := d.Cohorts
	f := figure("cohorts", "What each month's new customers brought later", "Rows are customers by the month of their first order, columns 30 days of their age. Green: more than the model expects, orange: less. A row of one colour is a good or bad month of acquisition, a diagonal is a season.", t.Finding)
	f.Columns = []string{"Cohort", "Month of age", "Customers", "Ordered", "Repeat orders", "Expected orders", m.per("Value a customer"), m.per("Expected")}
	if t.Missing != "" {
		return f
	}
	f.Legend = []chart.Legend{{Class: "more", Text: "above the model"}, {Class: "less", Text: "below the model"}}
	h := chart.Heat{YTitle: m.per("repeat value a customer by month of age"), XTitle: fmt.Sprintf("no colour: fewer than %d orders expected", fewOrders), NarrowColumns: narrowAges}
	expected := chart.HeatRow{Name: "model"}
	for age, e := range t.Expected[:min(len(t.Expected), drawnAges)] {
		h.Columns = append(h.Columns, strconv.Itoa(age+1))
		expected.Cells = append(expected.Cells, chart.Cell{Class: "none", Tone: 0.25, Text: m.amount(e.Value)})
	}
	h.Rows = append(h.Rows, expected)
	for i, c := range t.Cohorts {
		row := chart.HeatRow{Name: month(c.Month)}
		for age, cell := range c.Ages {
			e := t.Expected[age]
			value := cell.Value / cell.Customers
			f.Rows = append(f.Rows, []string{c.Month, strconv.Itoa(age + 1), finite(cell.Customers, 0), finite(cell.Active, 0), finite(cell.Orders, 0),
				finite(cell.Customers*e.Orders, 1), finite(value, 2), finite(e.Value, 2)})
			row.Cells = append(row.Cells, cohortCell(value, e.Value, cell.Customers*e.Orders, m))
		}
		if i >= len(t.Cohorts)-drawnCohorts && len(row.Cells) > 0 {
			h.Rows = append(h.Rows, row)
		}
	}
	f.Drawings = h.Drawings()
	return f
}

// cohortCell is coloured in full where the value is half or twice what is
// expected.
func cohortCell(value, expected, orders float64, m money) chart.Cell {
	c := chart.Cell{Class: "none", Text: m.amount(value)}
	if orders < fewOrders || !(expected > 0) {
		return c
	}
	c.Class, c.Tone = "more", 1
	if value > 0 {
		off := math.Log2(value / expected)
		c.Tone = min(math.Abs(off), 1)
		if off < 0 {
			c.Class = "less"
		}
		return c
	}
	c.Class = "less"
	return c
}

func month(s string) string {
	t, err := time.Parse("2006-01", s)
	if err != nil {
		return s
	}
	return t.Format("Jan 2006")
}
