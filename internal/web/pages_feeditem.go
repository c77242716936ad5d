package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"adsteward/bidding"
	"adsteward/feeds"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/internal/present"
	"adsteward/store"
)

// feedItemsView lists items: those a text is found in, or that break a rule.
type feedItemsView struct {
	Account  string
	Groups   []option
	Back     string
	Query    string
	Rule     string
	Fix      string
	Rows     []itemRow
	Issues   []issueRow
	Left     bool // there are more
	Searched bool
}

type itemRow struct {
	ID, URL, Title, Price, Availability, Errors, Warnings string
	ErrorsClass                                           string
}

type issueRow struct {
	Item, URL, Rule, RuleURL, Platform, Value, Message, Fix, Line string
	Severity                                                      severity
}

// mostItems bounds the rows of a list of items.
const mostItems = 100

func (s *Server) feedItems(w http.ResponseWriter, r *request) error {
	n, err := s.feedNight(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	v := feedItemsView{Account: n.Account, Groups: n.Groups, Back: n.link("/feeds"), Query: strings.TrimSpace(q.Get("q")), Rule: q.Get("rule")}
	switch {
	case n.Run.RunID == "":
	case v.Rule != "":
		err = s.ruleItems(r.Context(), &n, &v)
	case v.Query != "":
		err = s.foundItems(r.Context(), &n, &v)
	}
	if err != nil {
		return err
	}
	s.render(w, r, http.StatusOK, "feeditems", page{Title: "Items", Nav: "feeds", Body: v})
	return nil
}

func (s *Server) foundItems(ctx context.Context, n *feedNight, v *feedItemsView) error {
	v.Searched = true
	found, err := s.store.FindProducts(ctx, n.Account, v.Query, mostItems+1)
	if v.Left = len(found) > mostItems; v.Left {
		found = found[:mostItems]
	}
	for _, p := range found {
		row := itemRow{ID: p.ItemID, URL: n.item(p.ItemID), Title: p.Title, Price: priceText(p), Availability: present.Words(p.Availability),
			Errors: count(p.Errors), Warnings: count(p.Warnings)}
		if p.Errors > 0 {
			row.ErrorsClass = "neg"
		}
		v.Rows = append(v.Rows, row)
	}
	return err
}

func (s *Server) ruleItems(ctx context.Context, n *feedNight, v *feedItemsView) error {
	found, err := s.store.FeedIssues(ctx, store.FeedIssueFilter{Account: n.Account, RunID: n.Run.RunID, Rule: v.Rule, Limit: mostItems + 1})
	if v.Left = len(found) > mostItems; v.Left {
		found = found[:mostItems]
	}
	for _, i := range found {
		v.Issues = append(v.Issues, n.issue(i))
		v.Fix = i.Fix
	}
	return err
}

func (n *feedNight) issue(i store.FeedIssue) issueRow {
	row := issueRow{Item: i.ItemID, Rule: i.Rule, RuleURL: n.link("/feeds/items", "rule", i.Rule), Platform: platformsName(i.Platform),
		Value: i.Value, Message: i.Message, Fix: i.Fix, Line: count(i.Line), Severity: severityOf(i.Severity)}
	if i.ItemID != "" {
		row.URL = n.item(i.ItemID)
	}
	return row
}

func priceText(p store.Product) string {
	if p.Currency == "" {
		return present.None
	}
	return money.Format(p.Price, p.Currency)
}

// feedItemView is everything the page of one item says.
type feedItemView struct {
	Back, ID, Title string
	Known           bool // a feed holds it
	Facts           []pair
	Issues          []issueRow
	NotKept         bool // errors are counted whose text was not kept
	Spend           []findingRow
	Verdicts        []findingRow
	Judged          []itemJudged
	Excluded        []excludedRow // by platform
	Currency, Days  string
}

func (s *Server) feedItem(w http.ResponseWriter, r *request) error {
	n, err := s.feedNight(r)
	if err != nil {
		return err
	}
	id := r.URL.Query().Get("id")
	v, err := s.itemView(r.Context(), &n, id)
	if err != nil {
		return err
	}
	s.render(w, r, http.StatusOK, "feeditem", page{Title: v.Title, Nav: "feeds", Body: v})
	return nil
}

// itemView gathers what is known of one item: what the feed says, what is wrong
// with it and how to mend it, and what was spent on it.
func (s *Server) itemView(ctx context.Context, n *feedNight, id string) (feedItemView, error) {
	v := feedItemView{Back: n.link("/feeds"), ID: id, Title: id, Currency: n.currency()}
	if id == "" {
		return v, errNoItem
	}
	p, err := s.store.Product(ctx, n.Account, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return v, err
	default:
		v.Known = true
		if p.Title != "" {
			v.Title = p.Title
		}
		v.Facts = n.facts(p)
	}
	if err := s.itemSpend(ctx, n, &v); err != nil {
		return v, err
	}
	if v.Judged, err = s.itemJudged(ctx, n.Account, id); err != nil {
		return v, err
	}
	held, err := s.store.FeedsOf(ctx, n.Account, id)
	if err != nil {
		return v, err
	}
	for _, x := range n.Excluded {
		if x.Group == "" && x.ItemID == id || x.Group != "" && slices.Contains(groupsOf(p), x.Group) && n.feedOn(held, x.Platform) {
			v.Excluded = append(v.Excluded, n.excluded(x))
		}
	}
	if !v.Known && len(v.Spend)+len(v.Excluded) == 0 {
		return v, errNoItem
	}
	issues, err := s.store.FeedIssues(ctx, store.FeedIssueFilter{Account: n.Account, RunID: n.Run.RunID, ItemID: id, Limit: mostItems})
	for _, i := range issues {
		v.Issues = append(v.Issues, n.issue(i))
	}
	v.NotKept = len(issues) == 0 && p.Errors+p.Warnings > 0
	return v, err
}

func groupsOf(p store.Product) []string {
	o := feeds.Offer{ItemGroup: p.ItemGroup, ProductType: p.ProductType, Brand: p.Brand}
	return o.Groups()
}

// feedOn reports whether one of the feeds is for a platform.
func (n *feedNight) feedOn(locations []string, name string) bool {
	return slices.ContainsFunc(n.States, func(s feeds.State) bool {
		return slices.Contains(locations, s.Location) && (s.Platform == name || s.Platform == "both")
	})
}

var errNoItem = &pageError{http.StatusNotFound, "There is no such item", "No feed in force holds it, and nothing was spent on it lately. It may have left the feed."}

func (n *feedNight) facts(p store.Product) []pair {
	out := []pair{{Name: "Id", Value: p.ItemID}, {Name: "Price", Value: priceText(p)}}
	if p.SalePrice != nil {
		note := "has no dates"
		if p.SaleFrom.Valid && p.SaleUntil.Valid {
			note = p.SaleFrom.Time.Format("2 Jan 2006") + " to " + p.SaleUntil.Time.Format("2 Jan 2006")
		}
		now := n.Run.Date.Time()
		if feeds.PriceOn(now, p.Price, p.SalePrice, p.SaleFrom.Time, p.SaleUntil.Time) == *p.SalePrice {
			note += "; in force"
		}
		out = append(out, pair{Name: "Sale price", Value: money.Format(*p.SalePrice, p.Currency), Note: note})
	}
	if p.UnitCost != nil {
		out = append(out, pair{Name: "Cost of goods", Value: money.Format(*p.UnitCost, p.Currency), Note: "as the feed says"})
	}
	out = append(out, pair{Name: "Availability", Value: present.Words(p.Availability)})
	if p.Stock != nil {
		out = append(out, pair{Name: "Stock", Value: count(int(*p.Stock))})
	}
	labels := strings.Join(strings.FieldsFunc(strings.Join([]string{p.Label0, p.Label1, p.Label2, p.Label3, p.Label4}, "\x00"), func(r rune) bool { return r == 0 }), " · ")
	for _, f := range []pair{{Name: "Product type", Value: p.ProductType}, {Name: "Brand", Value: p.Brand}, {Name: "Item group", Value: p.ItemGroup}, {Name: "Custom labels", Value: labels}} {
		if f.Value != "" {
			out = append(out, f)
		}
	}
	return append(out, pair{Name: "Google", Value: verdictText(p.GoogleErrors, p.GoogleWarnings)}, pair{Name: "Meta", Value: verdictText(p.MetaErrors, p.MetaWarnings)},
		pair{Name: "Feed", Value: feedName(p.Feed), Note: "of " + p.FeedDate.Time().Format("2 Jan 2006")})
}

func verdictText(errors, warnings int) string {
	switch {
	case errors == 0 && warnings == 0:
		return "nothing wrong"
	case errors == 0:
		return counted(warnings, "warning")
	case warnings == 0:
		return counted(errors, "error")
	}
	return counted(errors, "error") + ", " + counted(warnings, "warning")
}

func counted(k int, what string) string {
	if k != 1 {
		what += "s"
	}
	return count(k) + " " + what
}

// itemSpend adds what each campaign spent on the item in the days of the night's
// join, and what that join said of it.
func (s *Server) itemSpend(ctx context.Context, n *feedNight, v *feedItemView) error {
	m := n.Money
	if m == nil {
		return nil
	}
	v.Days = m.From.Time().Format("2 Jan") + " to " + m.To.Time().Format("2 Jan 2006")
	rows, err := s.store.ItemSpendSums(ctx, n.Account, m.From, m.To, v.ID)
	for _, i := range rows {
		v.Spend = append(v.Spend, n.finding(feeds.Finding{Platform: i.Platform, Campaign: bidding.CampaignKey(platform.Name(i.Platform), i.Campaign),
			ItemID: i.ItemID, Spend: i.Cost, Value: i.Value}))
	}
	for _, list := range [][]feeds.Finding{m.Unfit, m.Losing} {
		for _, f := range list {
			if strings.EqualFold(f.ItemID, v.ID) {
				v.Verdicts = append(v.Verdicts, n.finding(f))
			}
		}
	}
	return err
}
