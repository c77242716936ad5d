package web

import (
	"strings"

	"adsteward/attribution"
	"adsteward/internal/chart"
	"adsteward/internal/civil"
	"adsteward/internal/present"
)

// attributionCharts are drawings of a reconciliation.
type attributionCharts struct{ Days, Lags, Lengths chart.Figure }

func chartAttribution(r attribution.Reconciliation) attributionCharts {
	return attributionCharts{chartDays(r), chartLags(r), chartLengths(r)}
}

// chartDays draws what is claimed over what is sold, by day.
func chartDays(r attribution.Reconciliation) chart.Figure {
	cur := r.Currency
	f := chart.Figure{ID: "days", Title: "Claims and orders by day",
		Look:    "Where the line rises above the broken one, platforms claim more than there are orders after their ads; above the columns, more than the shop sold.",
		Caption: "Platforms book a conversion on the day of the click, the shop on the day of the order: a single day may differ, a month hardly. The newest days are filled up by what arrived late before.",
		Empty:   "There is nothing to draw in these days.",
		Legend:  []chart.Legend{{Class: "bar", Text: "sold by the shop"}, {Class: "line", Text: "claimed by the platforms"}, {Class: "dash", Text: "sold after an ad"}},
		Columns: []string{"Date", "Sold", "Orders", "After an ad"}}
	for _, p := range r.Platforms {
		f.Columns = append(f.Columns, present.PlatformName(p.Platform)+" claims", "paid once")
	}
	p := chart.Plot{YName: axis(cur), YTitle: cur + " a day", XName: func(v float64) string { return civil.Date(v).Time().Format("2 Jan") },
		XTicks: func(most int) []float64 {
			every := max(1, (len(r.Days)+most-1)/most)
			var out []float64
			for i := len(r.Days) - 1; i >= 0; i -= every {
				out = append(out, float64(r.Days[i].Date))
			}
			return out
		}}
	any := 0.0
	for _, d := range r.Days {
		claimed := 0.0
		for _, pd := range d.Platforms {
			claimed += pd.Claimed.Value.Float()
		}
		p.X, p.Bars, p.Line, p.Dash = append(p.X, float64(d.Date)), append(p.Bars, d.Shop.Value.Float()), append(p.Line, claimed), append(p.Dash, d.Credited.Value.Float())
		any += d.Shop.Orders + claimed
	}
	for i := len(r.Days) - 1; i >= 0; i-- {
		d := r.Days[i]
		row := []string{d.Date.String(), present.Amount(d.Shop.Value.Float(), cur), present.Count(d.Shop.Orders), present.Amount(d.Credited.Value.Float(), cur)}
		for _, pd := range d.Platforms {
			row = append(row, present.Amount(pd.Claimed.Value.Float(), cur), present.Amount(pd.Credited.Value.Float(), cur))
		}
		f.Rows = append(f.Rows, row)
	}
	if any > 0 && len(p.X) > 1 {
		f.Drawings = p.Drawings()
	}
	return f
}

// every labels each place of a list, or as many as there is room for.
func every(names []string) (func(v float64) string, func(most int) []float64) {
	return func(v float64) string { return names[int(v)] }, func(most int) []float64 {
		if most >= 9 { // wide: there is room for short ones
			most = len(names)
		}
		step := max(1, (len(names)+most-1)/most)
		var out []float64
		for i := 0; i < len(names); i += step {
			out = append(out, float64(i))
		}
		return out
	}
}

func chartLags(r attribution.Reconciliation) chart.Figure {
	f := chart.Figure{ID: "lags", Title: "Time from click to order", Empty: "No order of these days has the click of an ad before it.",
		Look:    "Many orders long after the first click say that the last click only closes what an earlier ad began.",
		Legend:  []chart.Legend{{Class: "bar", Text: "orders, by their last click of an ad"}, {Class: "model", Text: "by their first one"}},
		Columns: []string{"Time", "Orders since the last click", "Value, " + r.Currency, "Orders since the first click", "Value, " + r.Currency}}
	short := strings.NewReplacer(" days", " d", "under ", "< ", " or more", "+")
	p := chart.Plot{YName: present.Count, YTitle: "orders", XTitle: "time before the order"}
	var names []string
	var total, day, week float64
	for i, b := range r.Lags {
		names = append(names, short.Replace(b.Label))
		p.X, p.Bars, p.Dots = append(p.X, float64(i)), append(p.Bars, b.Last.Orders), append(p.Dots, b.First.Orders)
		f.Rows = append(f.Rows, []string{b.Label, present.Count(b.Last.Orders), present.Amount(b.Last.Value.Float(), r.Currency), present.Count(b.First.Orders), present.Amount(b.First.Value.Float(), r.Currency)})
		total += b.Last.Orders
		if b.Days > 0 && b.Days <= 1 {
			day += b.Last.Orders
		}
		if b.Days > 0 && b.Days <= 7 {
			week += b.Last.Orders
		}
	}
	if total == 0 {
		return f
	}
	f.Caption = present.Percent(day/total) + " of the orders came within a day of the last click, " + present.Percent(week/total) + " within a week."
	p.XName, p.XTicks = every(names)
	f.Drawings = p.Drawings()
	return f
}

func chartLengths(r attribution.Reconciliation) chart.Figure {
	f := chart.Figure{ID: "lengths", Title: "Touches before an order", Empty: "No order of these days has a touch before it.",
		Look:    "Clicks of ads and visits from other channels inside the window before the order.",
		Legend:  []chart.Legend{{Class: "bar", Text: "orders"}},
		Columns: []string{"Touches", "Orders", "Value, " + r.Currency}}
	p := chart.Plot{YName: present.Count, YTitle: "orders", XTitle: "touches"}
	var names []string
	var total float64
	for i, b := range r.Lengths {
		name := present.LengthName(b)
		names = append(names, strings.Replace(name, " or more", "+", 1))
		p.X, p.Bars = append(p.X, float64(i)), append(p.Bars, b.Orders)
		f.Rows = append(f.Rows, []string{name, present.Count(b.Orders), present.Amount(b.Value.Float(), r.Currency)})
		total += b.Orders
	}
	if total == 0 {
		return f
	}
	f.Caption = present.Percent(p.Bars[0]/total) + " of the orders with a touch have exactly one: of them there is nothing to share."
	p.XName, p.XTicks = every(names)
	f.Drawings = p.Drawings()
	return f
}
