package web

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"adsteward/feeds"
	"adsteward/internal/money"
	"adsteward/store"
)

// csvNames are the tables of the feeds page that can be downloaded.
var csvNames = []string{"rules", "issues", "campaigns", "unfit", "losing", "idle"}

func (s *Server) feedCSV(w http.ResponseWriter, r *request) error {
	name := r.PathValue("table")
	if !slices.Contains(csvNames, name) {
		return errNoPage
	}
	n, err := s.feedNight(r)
	if err != nil {
		return err
	}
	rows, err := s.csvRows(r, &n, name)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	out := csv.NewWriter(&b)
	for _, row := range rows {
		for i := range row {
			row[i] = csvCell(row[i])
		}
		_ = out.Write(row) // into memory
	}
	out.Flush()
	file := "feeds-" + name
	if n.Run.RunID != "" {
		file += "-" + n.Run.Date.String()
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", file+".csv"))
	_, _ = w.Write(b.Bytes())
	return nil
}

// csvCell keeps a spreadsheet from running what a feed wrote as a formula; a
// number below zero stays one.
func csvCell(s string) string {
	if s == "" || !strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return s
	}
	if _, err := money.Parse(s); err == nil {
		return s
	}
	return "'" + s
}

func (s *Server) csvRows(r *request, n *feedNight, name string) ([][]string, error) {
	var rows [][]string
	add := func(cells ...string) { rows = append(rows, cells) }
	m := n.Money
	if m == nil {
		m = &feeds.Money{}
	}
	switch name {
	case "rules":
		add("rule", "attribute", "platform", "severity", "items", "issues", "spend_at_risk", "currency", "fix")
		for _, x := range feeds.RulesOf(n.States) {
			add(x.Rule, x.Attribute, x.Platform, string(x.Severity), fmt.Sprint(x.Items), fmt.Sprint(x.Issues), x.Spend.Decimal(), n.currency(), x.Fix)
		}
	case "issues":
		add("item_id", "line", "rule", "severity", "platform", "attribute", "value", "message", "fix", "feed")
		if n.Run.RunID == "" {
			break
		}
		found, err := s.store.FeedIssues(r.Context(), store.FeedIssueFilter{Account: n.Account, RunID: n.Run.RunID})
		if err != nil {
			return nil, err
		}
		for _, i := range found {
			add(i.ItemID, fmt.Sprint(i.Line), i.Rule, i.Severity, i.Platform, i.Attribute, i.Value, i.Message, i.Fix, feedName(i.Feed))
		}
	case "campaigns":
		add("campaign", "name", "spend", "unfit", "missing", "errors", "out_of_stock", "below_cost", "losing", "currency")
		for _, c := range m.Campaigns {
			add(c.Campaign, n.campaign(c.Campaign), c.Spend.Decimal(), c.Unfit.Decimal(), c.Missing.Decimal(), c.Errors.Decimal(), c.OutOfStock.Decimal(),
				c.BelowCost.Decimal(), c.Losing.Decimal(), m.Currency)
		}
	default:
		add("item_id", "title", "reason", "platform", "campaign", "campaign_name", "spend", "value", "conversions", "price", "unit_cost", "ad_cost", "left", "currency")
		for _, f := range map[string][]feeds.Finding{"unfit": m.Unfit, "losing": m.Losing, "idle": m.Idle}[name] {
			cost := ""
			if f.UnitCost != nil {
				cost = f.UnitCost.Decimal()
			}
			campaign := ""
			if f.Campaign != "" {
				campaign = n.campaign(f.Campaign)
			}
			add(f.ItemID, f.Title, f.Reason, f.Platform, f.Campaign, campaign, f.Spend.Decimal(), f.Value.Decimal(), fmt.Sprint(f.Conversions), f.Price.Decimal(),
				cost, f.AdCost.Decimal(), f.Left.Decimal(), m.Currency)
		}
	}
	return rows, nil
}
