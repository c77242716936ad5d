package web

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"

	"adsteward/attribution"
	"adsteward/internal/civil"
	"adsteward/internal/present"
	"adsteward/store"
)

// modelsView is what attribution models make of the same journeys, side by side.
type modelsView struct {
	Dates, Interval, First, Unit, CSV string
	By, Measures                      []tab
	Models                            []string
	Rows                              []modelsRow
	Left                              int
}

type modelsRow struct {
	Name, Of string
	Cells    []modelCell
	Whisk    *whisker
	mean     float64
}

// modelCell is what one model gives; Class compares it with the last click.
type modelCell struct{ Share, Amount, Class, Title string }

// mostModelRows bounds the rows of the comparison.
const mostModelRows = 30

// journeyKinds are the comparisons that nights store, by their keys.
var journeyKinds = []struct{ key, name string }{
	{"channel/all", "Channels"}, {"channel/first", "of first orders"}, {"channel/repeat", "of repeat orders"}, {"campaign/all", "Campaigns"},
}

var journeyMeasures = []struct{ key, name string }{{"value", "Value"}, {"orders", "Orders"}, {"margin", "Margin"}}

// askedFor is the query's choice among some, or the first.
func askedFor(r *request, name string, choices []struct{ key, name string }) string {
	asked := r.URL.Query().Get(name)
	if slices.ContainsFunc(choices, func(c struct{ key, name string }) bool { return c.key == asked }) {
		return asked
	}
	return choices[0].key
}

// journeysOf finds the newest comparison of the kind asked for and the days it is of;
// nil where no night of late has stored one.
func (s *Server) journeysOf(r *request, account string) (*attribution.PathReport, string, error) {
	ctx := r.Context()
	runs, err := s.store.Runs(ctx, account, valueNights)
	if err != nil {
		return nil, "", err
	}
	for _, run := range runs {
		m, err := s.store.Model(ctx, run.RunID, "journeys", askedFor(r, "by", journeyKinds))
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, "", err
		}
		rep, err := readModel[attribution.PathReport](m)
		if err != nil {
			return nil, "", err
		}
		if m, err = s.store.Model(ctx, run.RunID, "journeys", ""); err != nil {
			return nil, "", err
		}
		basis, err := readModel[struct{ From, To civil.Date }](m)
		return &rep, dates(basis.From, basis.To), err
	}
	return nil, "", nil
}

// modelComparison shows it; nil where there is none.
func (s *Server) modelComparison(r *request, account string, names map[string]string, currency string) (*modelsView, error) {
	rep, days, err := s.journeysOf(r, account)
	if err != nil || rep == nil {
		return nil, err
	}
	by, measure := askedFor(r, "by", journeyKinds), askedFor(r, "measure", journeyMeasures)
	link := func(path, by, measure string) string {
		return path + "?" + url.Values{"account": {account}, "by": {by}, "measure": {measure}}.Encode()
	}
	v := &modelsView{Dates: days, First: "Channel", Unit: "orders", CSV: link("/attribution/csv/models", by, measure)}
	if rep.By == "campaign" {
		v.First = "Campaign"
	}
	if measure != "orders" {
		v.Unit = currency
	}
	for _, k := range journeyKinds {
		v.By = append(v.By, tab{Name: k.name, URL: link("/attribution", k.key, measure) + "#models", Current: k.key == by})
	}
	for _, k := range journeyMeasures {
		v.Measures = append(v.Measures, tab{Name: k.name, URL: link("/attribution", by, k.key) + "#models", Current: k.key == measure})
	}
	v.fill(rep, measure, names, currency)
	return v, nil
}

// credited are a model's credits by channel, in the measure asked for.
func credited(m attribution.PathResult, measure string) map[string]float64 {
	out := map[string]float64{}
	for i, c := range m.Channels {
		switch {
		case measure == "orders":
			out[c.Channel] = c.Conversions
		case measure == "margin" && i < len(m.Margins):
			out[c.Channel] = m.Margins[i]
		case measure == "value":
			out[c.Channel] = c.Value
		}
	}
	return out
}

func (v *modelsView) fill(rep *attribution.PathReport, measure string, names map[string]string, currency string) {
	total := map[string]float64{"orders": rep.Conversions, "value": rep.Value, "margin": rep.Margin}[measure]
	if total <= 0 || len(rep.Models) == 0 {
		return
	}
	var credits []map[string]float64
	for _, m := range rep.Models {
		credits = append(credits, credited(m, measure))
		v.Models = append(v.Models, present.ModelName(m.Result))
	}
	widest := 0.0
	for _, by := range credits {
		for _, c := range by {
			widest = max(widest, c/total)
		}
	}
	last := max(slices.IndexFunc(rep.Models, func(m attribution.PathResult) bool { return m.Model == "last_click" }), 0)
	for _, c := range rep.Models[0].Channels {
		v.Rows = append(v.Rows, modelsRowOf(c.Channel, rep, credits, last, total, widest, measure, currency, names))
	}
	slices.SortStableFunc(v.Rows, func(a, b modelsRow) int { return cmp.Compare(b.mean, a.mean) })
	v.Left = max(len(v.Rows)-mostModelRows, 0)
	v.Rows = v.Rows[:len(v.Rows)-v.Left]
	if slices.ContainsFunc(rep.Models[0].Channels, func(c attribution.Credit) bool { return c.ValueShare != nil }) && measure != "margin" {
		v.Interval = fmt.Sprintf("Point at a figure to see where its share would lie, with %.0f %%, had other journeys of the kind come.", 100*attribution.IntervalLevel)
	}
}

func modelsRowOf(channel string, rep *attribution.PathReport, credits []map[string]float64, last int, total, widest float64, measure, currency string, names map[string]string) modelsRow {
	row := modelsRow{Name: present.CampaignTitle(channel, names)}
	if p, _, ok := strings.Cut(channel, ":"); ok {
		row.Of = present.PlatformName(p)
	}
	low, high := math.Inf(1), math.Inf(-1)
	for i, by := range credits {
		share := by[channel] / total
		low, high, row.mean = min(low, share), max(high, share), row.mean+share/float64(len(credits))
		cell := modelCell{Share: present.Percent(share), Amount: present.Amount(by[channel], currency), Class: "same"}
		if measure == "orders" {
			cell.Amount = present.Count(by[channel])
		}
		switch was := credits[last][channel]; {
		case by[channel] > 1.1*was:
			cell.Class = "more"
		case by[channel] < 0.9*was:
			cell.Class = "less"
		}
		if in := intervalOf(rep.Models[i], channel, measure); in != nil {
			cell.Title = fmt.Sprintf("%.0f %%: %.1f to %.1f %%", 100*attribution.IntervalLevel, 100*in.Low, 100*in.High)
		}
		row.Cells = append(row.Cells, cell)
	}
	if widest > 0 {
		x := func(share float64) float64 { return whiskPad + max(share, 0)/widest*(whiskWidth-2*whiskPad) }
		row.Whisk = &whisker{Zero: coord(x(0)), Low: coord(x(low)), Width: coord(max(x(high)-x(low), 1)), Mean: coord(x(credits[last][channel] / total))}
	}
	return row
}

func intervalOf(m attribution.PathResult, channel, measure string) *attribution.Interval {
	i := slices.IndexFunc(m.Channels, func(c attribution.Credit) bool { return c.Channel == channel })
	switch {
	case i < 0:
		return nil
	case measure == "orders":
		return m.Channels[i].ConversionShare
	case measure == "value":
		return m.Channels[i].ValueShare
	}
	return nil
}
