package web

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"

	"adsteward/bidding/ltv"
	"adsteward/internal/present"
	"adsteward/store"
)

type segmentsView struct {
	Head     valueHead
	Currency string
	Summary  []summaryCell
	Levels   []segmentTable
	Parts    []segmentTable // campaigns by category and country
	RFM      *rfmView
}

// segmentTable is the segments of one level.
type segmentTable struct {
	Title, Lead, First string // First is the heading of the first column
	Rows               []segmentRow
}

type segmentRow struct {
	Name, Note                                          string
	Customers, New, FirstValue, Orders                  string
	Repeat90, Repeat365, Second, Churn                  string
	Lambda, Interval, LTV, CAC, Ratio, RatioClass, Back string
	Whisk                                               *whisker
	Why                                                 []string
}

// levels are the tables of the page, in order.
var levels = []struct {
	level              ltv.Level
	title, first, lead string
}{
	{ltv.ByPlatform, "By platform", "Platform", "Where the last click before the first order came from."},
	{ltv.ByCampaign, "By campaign", "Campaign", "A campaign with few customers leans on its platform: the note under each name says how far."},
	{ltv.ByCategory, "By first category", "Category", "The category of the dearest line of the first order. What was spent is shared out by where the new customers came from."},
	{ltv.ByCountry, "By country", "Country", "The country of the first order."},
}

var parts = []struct {
	level        ltv.Level
	title, first string
}{
	{ltv.ByCampaignCategory, "Campaigns by first category", "Campaign and category"},
	{ltv.ByCampaignCountry, "Campaigns by country", "Campaign and country"},
}

func (s *Server) segments(w http.ResponseWriter, r *request) error {
	head, models, err := s.valueHead(r, "/value/segments", "segment")
	if err != nil {
		return err
	}
	v := segmentsView{Head: head}
	if len(models) > 0 {
		if v.Currency, err = s.currencyOf(r.Context(), head.Account); err != nil {
			return err
		}
		if err := v.fill(models); err != nil {
			return err
		}
		rfm, err := s.store.Models(r.Context(), models[0].RunID, "rfm")
		if err != nil {
			return err
		}
		if len(rfm) > 0 {
			t, err := readModel[ltv.RFM](rfm[0])
			if err != nil {
				return err
			}
			v.RFM = rfmOf(t, v.Currency)
		}
	}
	s.render(w, r, http.StatusOK, "segments", page{Title: "Segments", Nav: "value", Here: head.Here, Body: v})
	return nil
}

func (v *segmentsView) fill(models []store.Model) error {
	by := map[ltv.Level][]ltv.Segment{}
	for _, m := range models {
		g, err := readModel[ltv.Segment](m)
		if err != nil {
			return err
		}
		by[g.Level] = append(by[g.Level], g)
	}
	if all := by[ltv.ByAll]; len(all) > 0 {
		v.Summary = summaryOf(all[0], v.Currency)
	}
	for _, l := range levels {
		if len(by[l.level]) > 0 {
			v.Levels = append(v.Levels, segmentTable{l.title, l.lead, l.first, segmentRows(by[l.level], v.Currency)})
		}
	}
	for _, l := range parts {
		if len(by[l.level]) > 0 {
			v.Parts = append(v.Parts, segmentTable{Title: l.title, First: l.first, Rows: segmentRows(by[l.level], v.Currency)})
		}
	}
	return nil
}

func summaryOf(g ltv.Segment, currency string) []summaryCell {
	r := segmentRows([]ltv.Segment{g}, currency)[0]
	return []summaryCell{
		{Name: "Customers", Value: r.Customers, Notes: []string{r.New + " new in the last 60 days"}},
		{Name: "Worth of a new customer", Value: r.LTV, Unit: currency, Notes: []string{"margin within the horizon; " + r.Lambda + " times the first order’s"}},
		{Name: "Cost of a new customer", Value: r.CAC, Unit: currency, Notes: []string{"all spend over all new customers, also those without a click"}},
		{Name: "LTV : CAC", Value: r.Ratio, Class: r.RatioClass, Notes: []string{"on margin: above 1 earns money"}},
		{Name: "Earned back", Value: r.Back, Notes: []string{"when the expected margin reaches the cost"}},
		{Name: "Second order", Value: r.Repeat90, Notes: []string{"within 90 days; " + r.Repeat365 + " within a year"}},
	}
}

func segmentRows(segments []ltv.Segment, currency string) []segmentRow {
	// The largest first: they are what is acted on.
	slices.SortStableFunc(segments, func(a, b ltv.Segment) int { return cmp.Compare(b.Customers, a.Customers) })
	rows := make([]segmentRow, len(segments))
	lo, hi := 1.0, 1.0
	for _, g := range segments {
		lo, hi = min(lo, g.Lambda.Low), max(hi, g.Lambda.High)
	}
	for i, g := range segments {
		rows[i] = segmentRowOf(g, currency)
		if x := func(v float64) float64 { return whiskPad + (v-lo)/(hi-lo)*(whiskWidth-2*whiskPad) }; hi > lo {
			rows[i].Whisk = &whisker{Zero: coord(x(1)), Low: coord(x(g.Lambda.Low)), Width: coord(max(1, x(g.Lambda.High)-x(g.Lambda.Low))), Mean: coord(x(g.Lambda.Value))}
		}
	}
	return rows
}

func segmentRowOf(g ltv.Segment, currency string) segmentRow {
	r := segmentRow{Name: g.Title(), Customers: present.Count(float64(g.Customers)), New: present.Count(float64(g.NewCustomers)),
		FirstValue: present.None, Orders: present.None, Churn: present.None, Repeat90: share(g.Repeat90), Repeat365: share(g.Repeat365),
		Second: present.None, Lambda: present.Ratio(g.Lambda.Value), Interval: present.Ratio(g.Lambda.Low) + " to " + present.Ratio(g.Lambda.High),
		LTV: present.Amount(g.LTV, currency), CAC: present.None, Ratio: present.None, Back: present.None, Why: g.Why}
	if g.Level == ltv.ByCampaign || g.Level == ltv.ByCampaignCategory || g.Level == ltv.ByCampaignCountry {
		r.Note = present.PlatformName(g.Platform)
	}
	if g.Customers > 0 {
		r.FirstValue, r.Orders, r.Churn = present.Amount(g.FirstValue, currency), present.Ratio(g.Orders), present.Percent(g.Churn)
	}
	if g.SecondDays != nil {
		r.Second = fmt.Sprintf("%d days", *g.SecondDays)
	}
	if g.CAC == nil {
		return r
	}
	r.CAC, r.Ratio, r.Back = present.Amount(*g.CAC, currency), present.Ratio(*g.LTVToCAC), "not in the horizon"
	if *g.LTVToCAC < 1 {
		r.RatioClass = "neg"
	}
	if g.PaybackDay != nil {
		r.Back = fmt.Sprintf("day %d", *g.PaybackDay)
		if *g.PaybackDay == 0 {
			r.Back = "first order"
		}
	}
	return r
}

func share(s *float64) string {
	if s == nil {
		return present.None
	}
	return present.Percent(*s)
}

// rfmView is the grid of recency and frequency with the tables that say the same.
type rfmView struct {
	Why      string
	Drawings []rfmDrawing
	Groups   []rfmRow
	Cells    []rfmRow
}

type rfmRow struct{ Name, Meaning, R, F, M, Customers, Share, Spent, Expected string }

type rfmDrawing struct {
	Class         string
	Width, Height int
	Rows, Columns []tick // labels: scores of recency, of frequency
	Cells         []rfmCell
}

type rfmCell struct{ X, Y, W, H, TextX, Y1, Y2, Class, Count, Name, Title string }

func rfmOf(t ltv.RFM, currency string) *rfmView {
	v := &rfmView{Why: t.Why}
	for _, g := range t.Groups {
		v.Groups = append(v.Groups, rfmRow{Name: g.Name, Meaning: g.Meaning, Customers: present.Count(float64(g.Customers)), Share: present.Percent(g.Share),
			Spent: present.Amount(g.Spent, currency), Expected: present.Amount(g.Expected, currency)})
	}
	for _, c := range t.Cells {
		v.Cells = append(v.Cells, rfmRow{Name: ltv.RFMName(c.R, c.F), R: fmt.Sprint(c.R), F: fmt.Sprint(c.F), M: fmt.Sprint(c.M),
			Customers: present.Count(float64(c.Customers)), Spent: present.Amount(c.Spent, currency), Expected: present.Amount(c.Expected, currency)})
	}
	v.Drawings = []rfmDrawing{drawRFM(t, currency, "wide", 960, 330, true), drawRFM(t, currency, "narrow", 340, 260, false)}
	return v
}

// drawRFM lays out recency upwards and frequency to the right; the darker a
// cell, the more its customers are expected to bring, each against the best.
func drawRFM(t ltv.RFM, currency, class string, width, height int, names bool) rfmDrawing {
	const left, bottom, gap = 30.0, 38.0, 3.0
	type sums struct {
		n        int
		expected float64
	}
	var cells [6][6]sums
	best := 0.0
	for _, c := range t.Cells {
		s := &cells[c.R][c.F]
		s.n += c.Customers
		s.expected += c.Expected * float64(c.Customers)
	}
	for r := range cells {
		for _, s := range cells[r] {
			if s.n > 0 {
				best = max(best, s.expected/float64(s.n))
			}
		}
	}
	d := rfmDrawing{Class: class, Width: width, Height: height}
	w, h := (float64(width)-left)/5, (float64(height)-bottom)/5
	for i := range 5 {
		d.Rows = append(d.Rows, tick{coord(float64(i)*h + h/2 + 4), fmt.Sprint(5 - i)})
		d.Columns = append(d.Columns, tick{coord(left + float64(i)*w + w/2), fmt.Sprint(i + 1)})
	}
	for r := 5; r >= 1; r-- {
		for f := 1; f <= 5; f++ {
			s := cells[r][f]
			x, y := left+float64(f-1)*w, float64(5-r)*h
			c := rfmCell{X: coord(x), Y: coord(y), W: coord(w - gap), H: coord(h - gap), TextX: coord(x + (w-gap)/2), Y1: coord(y + h/2 + 4), Y2: coord(y + h/2 + 13), Class: "0",
				Count: present.Count(float64(s.n)), Title: fmt.Sprintf("%s: nobody", ltv.RFMName(r, f))}
			if names {
				c.Y1, c.Name = coord(y+h/2-3), ltv.RFMName(r, f)
			}
			if s.n > 0 {
				mean := s.expected / float64(s.n)
				if best > 0 {
					c.Class = fmt.Sprint(1 + min(4, int(5*mean/best*0.999)))
				}
				c.Title = fmt.Sprintf("%s: %s customers, %s %s each expected", ltv.RFMName(r, f), c.Count, present.Amount(mean, currency), currency)
			}
			d.Cells = append(d.Cells, c)
		}
	}
	return d
}
