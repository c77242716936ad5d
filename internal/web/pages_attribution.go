package web

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"adsteward/attribution"
	"adsteward/internal/money"
	"adsteward/internal/present"
	"adsteward/store"
)

// attributionView is what the platforms claim against what the shop sold, and what
// is believed of it.
type attributionView struct {
	Head      valueHead
	Currency  string
	Dates     string
	Summary   []summaryCell
	Notes     []string
	Campaigns []claimRow
	Left      int // campaigns that are not shown
	Sums      []claimRow
	NoAd      figure
	Shop      figure
	Overlap   []overlapRow
	Told      []pair
	Charts    attributionCharts
	Paths     []pathRow
	Distinct  string
	Customers []customersRow
	Shares    []shareRow
	SharesCut int
	Models    *modelsView
	csv       string
}

// CSV is the address of one of the page's tables as a file.
func (v attributionView) CSV(table string) string { return "/attribution/csv/" + table + v.csv }

// claimRow is one campaign's, or one platform's, claim against the orders.
type claimRow struct {
	Anchor, Name, Of             string
	Claimed, Clicked, Paid, Over figure
	How                          string // clicked orders were found
	Unmatched, Shared            string
	Verdict, VerdictClass        string
	OverClass                    string
	Sum                          bool
	Bars                         *claimBars
}

// claimBars draws what is claimed over what is paid, with the latter's interval.
type claimBars struct{ Claimed, Paid, Low, High string }

type overlapRow struct {
	Name, Orders, Value, Share, Width string
	Several                           bool
}

type pathRow struct {
	Steps              []pathStep
	Cut                bool
	Orders, New, Value string
}

type pathStep struct {
	Name string
	Ad   bool
}

type customersRow struct {
	Name, Of                string
	New, Returning, Unknown figure
	Share, Width            string // of new ones among those known
	Sum                     bool
}

// shareRow is what is believed of one campaign.
type shareRow struct {
	Name, Of, Prior, Seen, Orders, Share, Interval, Why string
	Compared                                            bool
	Whisk                                               *whisker
}

// mostClaims bounds the campaigns of the page's tables.
const mostClaims = 100

const claimBarsWidth = 150.0

func (s *Server) attribution(w http.ResponseWriter, r *request) error {
	head, models, err := s.valueHead(r, "/attribution", "reconcile")
	if err != nil {
		return err
	}
	v := attributionView{Head: head}
	if len(models) > 0 {
		if err := s.fillAttribution(r, &v, models[0]); err != nil {
			return err
		}
	}
	s.render(w, r, http.StatusOK, "attribution", page{Title: "Attribution", Nav: "attribution", Here: head.Here, Body: v})
	return nil
}

func (s *Server) fillAttribution(r *request, v *attributionView, m store.Model) error {
	rec, err := readModel[attribution.Reconciliation](m)
	if err != nil {
		return err
	}
	shares, err := s.shares(r, m.RunID)
	if err != nil {
		return err
	}
	v.Currency, v.Dates, v.Notes = rec.Currency, dates(rec.From, rec.To), rec.Notes
	v.csv = "?account=" + url.QueryEscape(v.Head.Account)
	v.Summary = claimSummary(rec)
	v.fillClaims(rec, r.URL.Query().Get("campaign"))
	v.fillOverlap(rec)
	v.Charts = chartAttribution(rec)
	v.fillPaths(rec)
	v.fillCustomers(rec)
	v.fillShares(shares, present.CampaignNames(rec))
	v.Models, err = s.modelComparison(r, v.Head.Account, present.CampaignNames(rec), rec.Currency)
	return err
}

// shares are what the run believes of campaigns, the largest report first.
func (s *Server) shares(r *request, runID string) ([]attribution.Share, error) {
	models, err := s.store.Models(r.Context(), runID, "attribution")
	if err != nil {
		return nil, err
	}
	var out []attribution.Share
	for _, m := range models {
		share, err := readModel[attribution.Share](m)
		if err != nil {
			return nil, err
		}
		out = append(out, share)
	}
	slices.SortStableFunc(out, func(a, b attribution.Share) int { return int(min(max(b.Reported-a.Reported, -1), 1)) })
	return out, nil
}

func claimSummary(r attribution.Reconciliation) []summaryCell {
	cur := r.Currency
	amount := func(v money.Micros) string { return present.Amount(v.Float(), cur) }
	claimed := summaryCell{Name: "Claimed by the platforms", Value: amount(r.Ads.Claimed.Value), Unit: cur, Notes: []string{present.Count(r.Ads.Claimed.Orders) + " conversions"}}
	if late := r.Ads.Claimed.Value - r.Ads.Reported.Value; late > 0 && r.Ads.Claimed.Value > 0 {
		claimed.Notes[0] += ", " + present.Percent(late.Float()/r.Ads.Claimed.Value.Float()) + " still to arrive"
	}
	over := summaryCell{Name: "Claimed beyond that", Value: present.Signed(r.Ads.Over.Value.Float(), cur), Unit: cur, Class: overClass(r.Ads.Over),
		Notes: []string{"80 %: " + present.Interval(r.Ads.Over.ValueLow.Float(), r.Ads.Over.ValueHigh.Float(), cur)}}
	var both attribution.Amount
	for _, o := range r.Overlap {
		if len(o.Platforms) > 1 {
			both.Orders, both.Value = both.Orders+o.Orders, both.Value+o.Value
		}
	}
	return []summaryCell{
		claimed,
		{Name: "Sold by the shop", Value: amount(r.Shop.Value), Unit: cur, Notes: []string{present.Count(r.Shop.Orders) + " orders, less refunds"}},
		{Name: "After an ad, each paid once", Value: amount(r.Ads.Credited.Value), Unit: cur, Notes: []string{present.Count(r.Ads.Credited.Orders) + " orders with an ad’s click before them"}},
		over,
		{Name: "After ads of two platforms", Value: present.Count(both.Orders), Unit: "orders", Notes: []string{amount(both.Value) + " " + cur + " that each of them can claim whole"}},
		{Name: "After no ad", Value: present.Count(r.NoAd.Orders), Unit: "orders", Notes: []string{amount(r.NoAd.Value) + " " + cur + " without a known click"}},
	}
}

func overClass(e attribution.Excess) string {
	switch e.Verdict {
	case attribution.Overclaims:
		return "neg"
	case attribution.Underclaims:
		return "pos"
	}
	return ""
}

// fillClaims lists the largest campaigns, and the one asked for.
func (v *attributionView) fillClaims(r attribution.Reconciliation, asked string) {
	shown := firstWith(r.Campaigns, asked)
	v.Left = len(r.Campaigns) - len(shown)
	v.Campaigns = claimRows(shown, r.Currency)
	sums := slices.Clone(r.Platforms)
	if len(sums) > 1 {
		sums = append(sums, r.Ads)
	}
	v.Sums = claimRows(sums, r.Currency)
	v.NoAd, v.Shop = orderFigure(r.NoAd, r.Currency), orderFigure(r.Shop, r.Currency)
	for _, b := range r.Platforms {
		if b.ToldOnly == nil || b.ByOrderID.Orders+b.ToldOnly.Orders == 0 {
			continue
		}
		late := ""
		if b.ToldLate != nil && b.ToldLate.Orders > 0 {
			late = fmt.Sprintf("; %s were told more than %.0f hours after the order: where the pixel told them at once, they count twice", present.Count(b.ToldLate.Orders), attribution.MetaKnows.Hours())
		}
		v.Told = append(v.Told, pair{Name: "Told to " + present.PlatformName(b.Platform) + " by order number", Value: present.Count(b.ByOrderID.Orders+b.ToldOnly.Orders) + " orders",
			Note: present.Count(b.ByOrderID.Orders) + " after a click of it, " + present.Count(b.ToldOnly.Orders) + " that it can only find by e-mail or phone" + late})
	}
}

// firstWith are the first mostClaims, and a campaign asked for after them.
func firstWith(list []attribution.Balance, asked string) []attribution.Balance {
	if len(list) <= mostClaims {
		return list
	}
	shown := slices.Clone(list[:mostClaims])
	if i := slices.IndexFunc(list, func(b attribution.Balance) bool { return b.Campaign == asked }); i >= mostClaims && asked != "" {
		shown = append(shown, list[i])
	}
	return shown
}

func orderFigure(a attribution.Amount, currency string) figure {
	return figure{present.Amount(a.Value.Float(), currency), present.Count(a.Orders) + " orders"}
}

func claimRows(list []attribution.Balance, cur string) []claimRow {
	most := money.Micros(1)
	for _, b := range list {
		most = max(most, b.Claimed.Value, b.Claimed.Value-b.Over.ValueLow)
	}
	x := func(v money.Micros) string { return coord(v.Float() / most.Float() * claimBarsWidth) }
	rows := make([]claimRow, len(list))
	for i, b := range list {
		row := claimRow{Name: b.Name, Of: present.PlatformName(b.Platform), Sum: b.Campaign == "",
			Claimed: figure{present.Amount(b.Claimed.Value.Float(), cur), present.Count(b.Claimed.Orders) + " conversions"},
			Clicked: orderFigure(b.Clicked, cur), Paid: orderFigure(b.Credited, cur),
			Over:      figure{present.Signed(b.Over.Value.Float(), cur), present.Interval(b.Over.ValueLow.Float(), b.Over.ValueHigh.Float(), cur)},
			Unmatched: present.Signed(b.Unmatched().Value.Float(), cur), Shared: present.Amount(b.Shared().Value.Float(), cur), Verdict: present.ClaimVerdict(b.Over.Verdict), OverClass: overClass(b.Over)}
		if b.Clicked.Orders > 0 {
			row.How = present.Percent(b.ByClickID.Orders/b.Clicked.Orders) + " by click id"
		}
		row.VerdictClass = map[attribution.Verdict]string{attribution.Overclaims: "bad", attribution.Underclaims: "open", attribution.Agrees: "good"}[b.Over.Verdict]
		if row.VerdictClass == "" {
			row.VerdictClass = "rest"
		}
		switch {
		case b.Platform == "":
			row.Name, row.Of = "All ads", ""
		case row.Sum:
			row.Name, row.Of = row.Of, "all its campaigns"
		default:
			row.Anchor = claimAnchor(b.Campaign)
			row.Name = present.CampaignTitle(b.Campaign, map[string]string{b.Campaign: b.Name})
		}
		low, high := b.Claimed.Value-b.Over.ValueHigh, b.Claimed.Value-b.Over.ValueLow
		row.Bars = &claimBars{Claimed: x(max(b.Claimed.Value, 0)), Paid: x(max(b.Credited.Value, 0)), Low: x(max(low, 0)), High: x(max(high, 0))}
		rows[i] = row
	}
	return rows
}

func claimAnchor(campaign string) string { return "c-" + campaign }

// claimURL is the address of a campaign's row.
func claimURL(account, campaign string) string {
	return "/attribution?account=" + url.QueryEscape(account) + "&campaign=" + url.QueryEscape(campaign) + "#" + url.PathEscape(claimAnchor(campaign))
}

func (v *attributionView) fillOverlap(r attribution.Reconciliation) {
	list := slices.Clone(r.Overlap)
	slices.SortStableFunc(list, func(a, b attribution.Overlap) int { return len(b.Platforms) - len(a.Platforms) })
	for _, o := range list {
		part := 0.0
		if r.Shop.Orders > 0 {
			part = o.Orders / r.Shop.Orders
		}
		name := present.PlatformNames(o.Platforms)
		switch len(o.Platforms) {
		case 0:
			name = "No ad"
		case 1:
			name += " only"
		}
		v.Overlap = append(v.Overlap, overlapRow{Name: name, Orders: present.Count(o.Orders), Value: present.Amount(o.Value.Float(), r.Currency), Share: present.Percent(part),
			Width: coord(part * claimBarsWidth), Several: len(o.Platforms) > 1})
	}
}

// shownPaths are listed on the page.
const shownPaths = 15

func (v *attributionView) fillPaths(r attribution.Reconciliation) {
	names := present.CampaignNames(r)
	for _, p := range r.Paths[:min(len(r.Paths), shownPaths)] {
		row := pathRow{Cut: p.Cut, Orders: present.Count(float64(p.Orders)), New: present.Count(float64(p.New)), Value: present.Amount(p.Value.Float(), r.Currency)}
		for _, step := range p.Steps {
			row.Steps = append(row.Steps, pathStep{present.CampaignTitle(step, names), strings.Contains(step, ":")})
		}
		v.Paths = append(v.Paths, row)
	}
	v.Distinct = present.Count(float64(r.DistinctPaths))
}

func (v *attributionView) fillCustomers(r attribution.Reconciliation) {
	list := slices.DeleteFunc(slices.Clone(r.Campaigns), func(b attribution.Balance) bool { return b.Credited.Orders == 0 })
	slices.SortStableFunc(list, func(a, b attribution.Balance) int { return int(min(max(b.Credited.Value-a.Credited.Value, -1), 1)) })
	list = append(list[:min(len(list), mostClaims)], r.Platforms...)
	if len(r.Platforms) > 1 {
		list = append(list, r.Ads)
	}
	for _, b := range list {
		row := customersRow{Name: present.CampaignTitle(b.Campaign, map[string]string{b.Campaign: b.Name}), Of: present.PlatformName(b.Platform), Share: present.None,
			New: orderFigure(b.New, r.Currency), Returning: orderFigure(b.Returning, r.Currency), Unknown: orderFigure(present.UnknownCustomers(b), r.Currency), Sum: b.Campaign == ""}
		switch {
		case b.Platform == "":
			row.Name, row.Of = "All ads", ""
		case row.Sum:
			row.Name, row.Of = row.Of, "all its campaigns"
		}
		if known := b.New.Orders + b.Returning.Orders; known > 0 {
			row.Share, row.Width = present.Percent(b.New.Orders/known), coord(b.New.Orders/known*claimBarsWidth)
		}
		v.Customers = append(v.Customers, row)
	}
}

func (v *attributionView) fillShares(shares []attribution.Share, names map[string]string) {
	v.SharesCut = max(len(shares)-mostClaims, 0)
	x := func(share float64) float64 { return whiskPad + share*(whiskWidth-2*whiskPad) }
	for _, s := range shares[:len(shares)-v.SharesCut] {
		p, _, _ := strings.Cut(s.Campaign, ":")
		low, high := present.ShareInterval(s)
		row := shareRow{Name: present.CampaignTitle(s.Campaign, names), Of: present.PlatformName(p), Compared: s.Compared, Why: s.Why, Seen: present.None,
			Prior: present.Percent(s.Prior.Share) + " ± " + present.Whole(100*s.Prior.SD), Share: present.Percent(s.Iota), Interval: present.Percent(low) + " to " + present.Percent(high),
			Whisk: &whisker{Zero: coord(x(s.Prior.Share)), Low: coord(x(low)), Width: coord(max(x(high)-x(low), 1)), Mean: coord(x(s.Iota))}}
		if s.Compared && s.Reported > 0 {
			row.Seen, row.Orders = present.Percent(s.Ratio), present.Count(s.Orders)+" orders"
		}
		v.Shares = append(v.Shares, row)
	}
}

// attributionCSV hands out one table of the page.
func (s *Server) attributionCSV(w http.ResponseWriter, r *request) error {
	head, models, err := s.valueHead(r, "/attribution", "reconcile")
	if err != nil {
		return err
	}
	if len(models) == 0 {
		return errNoPage
	}
	rec, err := readModel[attribution.Reconciliation](models[0])
	if err != nil {
		return err
	}
	tables := present.ReconcileTables(rec)
	shares, err := s.shares(r, models[0].RunID)
	if err != nil {
		return err
	}
	names := present.CampaignNames(rec)
	tables = append(tables, present.ShareTable(shares, names))
	of, _, err := s.journeysOf(r, head.Account)
	if err != nil {
		return err
	}
	if of != nil {
		tables = append(tables, present.ModelTable(*of, names))
	}
	i := slices.IndexFunc(tables, func(t present.Table) bool { return t.ID == r.PathValue("table") })
	if i < 0 {
		return errNoPage
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="attribution-%s-%s.csv"`, tables[i].ID, rec.To))
	out := csv.NewWriter(w)
	if err := out.Write(tables[i].Columns); err != nil {
		return nil // nobody is there to read it
	}
	_ = out.WriteAll(tables[i].Rows)
	return nil
}

// apiAttribution answers GET /api/attribution?account= with the newest comparison of
// claims and orders, and what is believed of campaigns; comparison is null where no
// night has stored one.
func (s *Server) apiAttribution(w http.ResponseWriter, r *request) error {
	head, models, err := s.valueHead(r, "/attribution", "reconcile")
	if err != nil {
		return err
	}
	out := struct {
		Account    string                      `json:"account"`
		Comparison *attribution.Reconciliation `json:"comparison"`
		Shares     []attribution.Share         `json:"shares"`
	}{Account: head.Account, Shares: []attribution.Share{}}
	if len(models) > 0 {
		rec, err := readModel[attribution.Reconciliation](models[0])
		if err != nil {
			return err
		}
		shares, err := s.shares(r, models[0].RunID)
		if err != nil {
			return err
		}
		out.Comparison, out.Shares = &rec, append(out.Shares, shares...)
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}
