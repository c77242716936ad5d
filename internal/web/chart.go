package web

import (
	"encoding/json"
	"math"
	"time"

	"adsteward/internal/chart"
	"adsteward/internal/civil"
	"adsteward/internal/platform"
	"adsteward/internal/present"
	"adsteward/store"
)

// responseChart draws a unit's expected daily profit by daily spend, with its
// 80 % band, and where the proposal stands and leads. nil where the stored
// curve cannot be read.
func responseChart(body string, p store.Proposal, u unit) *chart.Figure {
	var stored struct {
		Currency string `json:"currency"`
		Points   []struct {
			Spend  float64 `json:"spend"`
			Profit float64 `json:"profit"`
			Low    float64 `json:"low"`
			High   float64 `json:"high"`
		} `json:"points"`
	}
	if json.Unmarshal([]byte(body), &stored) != nil || len(stored.Points) < 2 {
		return nil
	}
	cur := stored.Currency
	c := &chart.Figure{ID: "response", Title: "Profit by daily spend",
		Columns: []string{"Spend/day", "Profit/day", "80 % from", "to"},
		Legend:  []chart.Legend{{Class: "line", Text: "expected profit"}, {Class: "band", Text: "80 % interval"}}}
	pl := chart.Plot{XName: axis(cur), YName: axis(cur), XTitle: cur + " spent a day", YTitle: "profit, " + cur + " a day"}
	best := 0
	for i, pt := range stored.Points {
		pl.X, pl.Line = append(pl.X, pt.Spend), append(pl.Line, pt.Profit)
		pl.Low, pl.High = append(pl.Low, pt.Low), append(pl.High, pt.High)
		if pt.Profit > stored.Points[best].Profit {
			best = i
		}
		if len(stored.Points) <= 12 || i%4 == 3 { // every fourth of forty rows says as much
			c.Rows = append(c.Rows, []string{present.Amount(pt.Spend, cur), present.Signed(pt.Profit, cur), present.Signed(pt.Low, cur), present.Signed(pt.High, cur)})
		}
	}
	now, then := "now ", "proposed "
	if p.AppliedAt.Valid {
		now, then = "before ", "applied "
	}
	if platform.Field(p.Field) == platform.DailyBudget {
		for _, m := range []chart.Mark{
			{X: p.Seen.Float(), Text: now + present.Number(p.Field, p.Seen, cur), Class: "now"},
			{X: p.Proposed.Float(), Text: then + present.Number(p.Field, p.Proposed, cur), Class: "new"},
		} {
			m.Y = chart.Interpolate(pl.X, pl.Line, m.X)
			pl.Marks = append(pl.Marks, m)
		}
	} else if u.Spend > 0 {
		pl.Marks = []chart.Mark{{X: u.Spend, Y: chart.Interpolate(pl.X, pl.Line, u.Spend), Text: "spent now " + present.Amount(u.Spend, cur), Class: "now"}}
	}
	c.Caption = "The curve still rises at the right edge: profit peaks beyond it."
	if best < len(stored.Points)-1 {
		c.Caption = "Profit peaks at about " + axis(cur)(math.Round(stored.Points[best].Spend)) + " " + cur + " a day, before limits and the other campaigns’ claims."
	}
	c.Drawings = pl.Drawings()
	return c
}

// axis writes amounts beside an axis: no decimals where there is no need.
func axis(currency string) func(float64) string {
	return func(v float64) string {
		if v == math.Trunc(v) {
			return present.Whole(v)
		}
		return present.Amount(v, currency)
	}
}

// historyChart draws the last days' spend and value; nil where there are none.
func historyChart(days []day, p store.Proposal) *chart.Figure {
	for len(days) > 0 && days[0].Spend == 0 && days[0].Value == 0 {
		days = days[1:]
	}
	if len(days) < 2 {
		return nil
	}
	cur := p.Currency
	c := &chart.Figure{ID: "history", Title: "Spend and reported value",
		Caption: "As the platform reports it today; the newest days are still filling up.",
		Columns: []string{"Date", "Spend", "Value", "ROAS", "Conversions"},
		Legend:  []chart.Legend{{Class: "bar", Text: "spend"}, {Class: "line", Text: "value"}}}
	pl := chart.Plot{YName: axis(cur), YTitle: cur + " a day",
		XName: func(v float64) string { return civil.Date(v).Time().Format("2 Jan") },
		XTicks: func(most int) []float64 {
			every := max(1, (len(days)+most-1)/most)
			var out []float64
			for i := len(days) - 1; i >= 0; i -= every {
				out = append(out, float64(days[i].Date))
			}
			return out
		}}
	for _, d := range days {
		pl.X, pl.Bars, pl.Line = append(pl.X, float64(d.Date)), append(pl.Bars, d.Spend), append(pl.Line, d.Value)
	}
	for i := len(days) - 1; i >= 0; i-- {
		d := days[i]
		roas := present.None
		if d.Spend > 0 {
			roas = present.Ratio(d.Value / d.Spend)
		}
		c.Rows = append(c.Rows, []string{d.Date.String(), present.Amount(d.Spend, cur), present.Amount(d.Value, cur), roas, present.Count(d.Conversions)})
	}
	if p.AppliedAt.Valid {
		pl.Marks = []chart.Mark{{X: float64(civil.Of(p.AppliedAt.Time.In(time.UTC))), Y: math.NaN(), Text: "applied", Class: "new"}}
	}
	c.Drawings = pl.Drawings()
	return c
}
