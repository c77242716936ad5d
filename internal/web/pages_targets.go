package web

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"

	"adsteward/bidding"
	"adsteward/internal/platform"
	"adsteward/internal/present"
	"adsteward/store"
)

type targetsView struct {
	Head     valueHead
	Rows     []targetRow
	Left     int    // rows that are not shown
	Scarce   string // what the next unit of money earns elsewhere, where that is more than it costs
	Currency string
	Scale    string // of the drawings
}

// targetRow is one row of the table of targets, as text.
type targetRow struct {
	Name, Of, Covers                string
	Shared                          bool // one of several under the budget above
	Margin, Lifetime, Share, K      figure
	Elasticity, BreakEven, Target   figure
	Uncalibrated                    bool
	Current, ROAS, ROASClass, Limit string
	Next                            figure
	NextClass                       string
	Ruler                           *ruler
	Customers                       []customerRow
	Parts                           []pair // of 100 of revenue
	Why                             []string
	Proposal                        *row
}

type customerRow struct {
	Name                           string
	Lifetime, K, BreakEven, Target figure
	Why                            string
}

// figure is a number with its central 80 %.
type figure struct{ Value, Interval string }

// ruler draws where the break-even, the target with its interval and the ROAS
// lie, on one logarithmic scale for all rows.
type ruler struct {
	BreakEven, Low, Width, Target, ROAS string
	Class                               string // of the ROAS
}

// mostTargets bounds the rows of the page.
const mostTargets = 300

func (s *Server) targets(w http.ResponseWriter, r *request) error {
	head, models, err := s.valueHead(r, "/value/targets", "target")
	if err != nil {
		return err
	}
	view := targetsView{Head: head}
	if len(models) > 0 {
		if err := s.fillTargets(r, &view, models); err != nil {
			return err
		}
	}
	s.render(w, r, http.StatusOK, "targets", page{Title: "Targets", Nav: "value", Here: head.Here, Body: view})
	return nil
}

func (s *Server) fillTargets(r *request, view *targetsView, models []store.Model) error {
	rows, err := present.ReadTargets(models)
	if err != nil {
		return err
	}
	proposed, err := s.proposedBy(r, models[0].RunID, view.Head.Account)
	if err != nil {
		return err
	}
	if mu := rows[0].ShadowPrice; mu > 1.005 {
		view.Scarce = present.Ratio(mu)
	}
	view.Left = max(len(rows)-mostTargets, 0)
	rows = rows[:len(rows)-view.Left]
	view.Currency = rows[0].Currency
	if i := slices.IndexFunc(rows, func(t bidding.Target) bool { return t.Target != nil }); i >= 0 {
		view.Currency = rows[i].Currency // those of other currencies have no curve
	}
	x, scale := rulerScale(rows)
	view.Scale = scale
	for _, t := range rows {
		out := targetRowOf(t)
		out.Ruler = rulerOf(t, x)
		out.Proposal = proposed[t.Lever]
		view.Rows = append(view.Rows, out)
	}
	return nil
}

// proposedBy are the proposals of a run by the entity they change, in the form of
// bidding.Key.
func (s *Server) proposedBy(r *request, runID, account string) (map[string]*row, error) {
	ctx := r.Context()
	loc, err := s.zone(ctx, account)
	if err != nil {
		return nil, err
	}
	found, err := s.store.Proposals(ctx, store.Filter{RunID: runID})
	if err != nil {
		return nil, err
	}
	out := map[string]*row{}
	for _, p := range newRows(found, s.now(), loc) {
		if faded(p.State) {
			continue
		}
		k := bidding.Key{Platform: platform.Name(p.Platform), AdAccount: p.p.AdAccount, Ref: platform.Ref{Type: platform.EntityType(p.p.EntityType), ID: p.p.EntityID}}
		out[k.String()] = p
	}
	return out, nil
}

func targetRowOf(t bidding.Target) targetRow {
	out := targetRow{Name: t.Name, Of: present.PlatformName(string(t.Platform)) + " · " + strings.ToLower(present.LevelName(t.Level)), Shared: t.Under != "",
		Margin: percents(t.Margin), Lifetime: ratios(&t.Lifetime), Share: percents(t.Incremental), K: ratios(&t.K), Uncalibrated: !t.Calibrated,
		Elasticity: ratios(t.Elasticity), BreakEven: ratios(t.BreakEven), Target: ratios(t.Target), Next: ratios(t.NextEuro),
		ROAS: present.None, Limit: t.LimitedBy, Why: t.Why, Parts: partsOf(t)}
	if t.ROAS > 0 {
		out.ROAS = present.Ratio(t.ROAS)
	}
	if t.Current > 0 {
		out.Current = present.Ratio(t.Current)
	}
	if out.Name == "" {
		out.Name = string(t.Type) + " " + t.ID
	}
	switch n := len(t.Covers); {
	case n > 1:
		out.Covers = strings.Join(t.Covers[:min(n, 3)], ", ")
		if n > 3 {
			out.Covers += fmt.Sprintf(" and %d more", n-3)
		}
	case n == 1 && t.Covers[0] != t.Name:
		out.Covers = t.Covers[0]
	}
	if t.ROAS > 0 && t.BreakEven != nil {
		out.ROASClass = sign(t.ROAS >= t.BreakEven.Value)
	}
	if t.NextEuro != nil && t.ShadowPrice > 0 {
		switch {
		case t.NextEuro.Low > t.ShadowPrice:
			out.NextClass = "pos"
		case t.NextEuro.High < t.ShadowPrice:
			out.NextClass = "neg"
		}
	}
	for _, c := range t.Customers {
		out.Customers = append(out.Customers, customerRow{present.LevelName(c.Level), ratios(&c.Lifetime), ratios(&c.K), ratios(c.BreakEven), ratios(c.Target), c.Why})
	}
	return out
}

// partsOf lists what becomes of 100 of a row's revenue.
func partsOf(t bidding.Target) []pair {
	p := t.Parts
	if p == (bidding.MarginParts{}) {
		return nil
	}
	of100 := func(share float64) string { return fmt.Sprintf("%.1f", 100*share) }
	left := 1 - p.Tax - p.Goods - p.Sending - p.Fees - p.Refunds - p.ToCome
	out := []pair{{"Cost of goods", of100(p.Goods), ""}, {"Tax", of100(p.Tax), ""}, {"Sending", of100(p.Sending), ""}, {"Payment fees", of100(p.Fees), ""},
		{"Refunds", of100(p.Refunds), "so far"}, {"Refunds", of100(p.ToCome), "still to come"}, {"Left", of100(left), "by its own orders"}}
	if p.Charged > 0 {
		out[2].Note = "customers pay " + of100(p.Charged) + " of it"
	}
	if p.Discounts > 0 {
		out[6].Note += "; discounts took " + of100(p.Discounts) + " % before"
	}
	return out
}

func sign(good bool) string {
	if good {
		return "pos"
	}
	return "neg"
}

func ratios(e *bidding.Estimate) figure {
	if e == nil {
		return figure{Value: present.None}
	}
	if e.Low == e.High {
		return figure{Value: present.Ratio(e.Value)}
	}
	return figure{present.Ratio(e.Value), present.Ratio(e.Low) + " – " + present.Ratio(e.High)}
}

func percents(e bidding.Estimate) figure {
	return figure{fmt.Sprintf("%.1f %%", 100*e.Value), fmt.Sprintf("%.1f – %.1f %%", 100*e.Low, 100*e.High)}
}

// rulerScale is the common scale of the drawings, from the least figure to the
// largest, and what it says of itself.
func rulerScale(rows []bidding.Target) (x func(float64) float64, scale string) {
	lo, hi := math.Inf(1), 0.0
	see := func(v float64) {
		if v > 0 {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	for _, t := range rows {
		see(t.ROAS)
		if t.BreakEven != nil {
			see(t.BreakEven.Value)
		}
		if t.Target != nil {
			see(t.Target.Low)
			see(t.Target.High)
		}
	}
	if !(hi > lo) {
		return nil, ""
	}
	x = func(v float64) float64 {
		return whiskPad + math.Log(min(max(v, lo), hi)/lo)/math.Log(hi/lo)*(rulerWidth-2*whiskPad)
	}
	return x, fmt.Sprintf("from a ROAS of %s to %s, equal distances being equal ratios", present.Ratio(lo), present.Ratio(hi))
}

const rulerWidth = 132.0

func rulerOf(t bidding.Target, x func(float64) float64) *ruler {
	if x == nil || t.BreakEven == nil {
		return nil
	}
	out := &ruler{BreakEven: coord(x(t.BreakEven.Value))}
	if t.Target != nil {
		l, h := x(t.Target.Low), x(t.Target.High)
		out.Low, out.Width, out.Target = coord(l), coord(max(h-l, 1)), coord(x(t.Target.Value))
	}
	if t.ROAS > 0 {
		out.ROAS, out.Class = coord(x(t.ROAS)), sign(t.ROAS >= t.BreakEven.Value)
	}
	return out
}
