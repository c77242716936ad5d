package web

import (
	"net/http"

	"adsteward/bidding/ltv"
	"adsteward/internal/chart"
	"adsteward/internal/civil"
	"adsteward/internal/ltvchart"
	"adsteward/internal/present"
)

// lifetimeView is how well the lifetime model holds, as charts.
type lifetimeView struct {
	Head    valueHead
	Facts   []pair
	Figures []chart.Figure
	Off     []chart.Figure // those that warn
}

func (s *Server) lifetime(w http.ResponseWriter, r *request) error {
	head, models, err := s.valueHead(r, "/value/lifetime", "ltv_diagnostics")
	if err != nil {
		return err
	}
	v := lifetimeView{Head: head}
	if len(models) > 0 {
		d, err := readModel[ltv.Diagnostics](models[0])
		if err != nil {
			return err
		}
		v.Figures = ltvchart.Figures(&d)
		for _, f := range v.Figures {
			if f.Off {
				v.Off = append(v.Off, f)
			}
		}
		v.Facts = lifetimeFacts(d)
	}
	s.render(w, r, http.StatusOK, "lifetime", page{Title: "Lifetime model", Nav: "value", Here: head.Here, Body: v})
	return nil
}

// lifetimeFacts say what the charts are of.
func lifetimeFacts(d ltv.Diagnostics) []pair {
	day := func(c civil.Date) string { return c.Time().Format("2 Jan 2006") }
	return []pair{
		{Name: "Model of order counts", Value: d.Model.Title()},
		{Name: "Customers", Value: present.Whole(d.Alive.Customers), Note: present.Whole(d.Alive.Active) + " still active, by the model"},
		{Name: "Orders", Value: day(d.First), Note: "to " + day(d.Until)},
		{Name: "Holdout", Value: day(d.Cut.AddDays(1)), Note: "from then on it is foretold by a model fitted to the days before"},
	}
}
