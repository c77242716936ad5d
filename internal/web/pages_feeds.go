package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"adsteward/bidding"
	"adsteward/feeds"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/internal/present"
	"adsteward/store"
)

// feedNight is the newest night of an account that looked at its feeds: how each
// stood, what the feeds came to when they were joined to spend, and the night
// before.
type feedNight struct {
	Account string
	Groups  []option // accounts to choose from; nil where there is one
	Run     store.Run
	States  []feeds.State
	Before  []feeds.State // of the night before; nil where there is none
	Money   *feeds.Money  // nil where no night has joined them
	names   map[string]string

	Excluded []present.ExcludedItem // what is kept out of ads: items and product groups
	Asked    map[string]int         // changes of them that wait for a decision, by the kind of entity
}

// feedNights is how many nights back the feeds are looked for.
const feedNights = 14

// feedNight finds it; without an account in the address it is the newest of any.
func (s *Server) feedNight(r *request) (feedNight, error) {
	ctx := r.Context()
	n := feedNight{Account: r.URL.Query().Get("account")}
	var err error
	if n.Groups, err = s.accountOptions(ctx, n.Account); err != nil {
		return n, err
	}
	runs, err := s.store.Runs(ctx, n.Account, feedNights)
	if err != nil {
		return n, err
	}
	for _, run := range runs {
		if n.Run.RunID != "" && run.Account != n.Run.Account {
			continue
		}
		states, err := readModels[feeds.State](ctx, s.store, run.RunID, "feed_source")
		if err != nil {
			return n, err
		}
		if len(states) == 0 {
			continue
		}
		if n.Run.RunID != "" {
			n.Before = states
			break
		}
		n.Run, n.States, n.Account = run, states, run.Account
		found, err := readModels[feeds.Money](ctx, s.store, run.RunID, "feed_money")
		if err != nil {
			return n, err
		}
		if len(found) > 0 {
			n.Money = &found[0]
		}
	}
	n.Groups = ofOne(n.Groups, n.Account)
	if n.names, err = s.campaignNames(ctx, n.Account); err != nil {
		return n, err
	}
	return n, s.fillExcluded(ctx, &n)
}

// fillExcluded adds which items and product groups are kept out of ads, and what is
// proposed of them.
func (s *Server) fillExcluded(ctx context.Context, n *feedNight) error {
	newest, err := s.store.NewestApplied(ctx, n.Account, string(platform.Excluded))
	if err != nil {
		return err
	}
	if n.Excluded, err = present.Excluded(newest); err != nil {
		return err
	}
	open, err := s.store.Proposals(ctx, store.Filter{Account: n.Account, Field: string(platform.Excluded), States: []string{string(bidding.Proposed)}})
	n.Asked = map[string]int{}
	for _, p := range open {
		n.Asked[p.EntityType]++
	}
	return err
}

func readModels[T any](ctx context.Context, st *store.Store, runID, kind string) ([]T, error) {
	rows, err := st.Models(ctx, runID, kind)
	if err != nil {
		return nil, err
	}
	out := make([]T, len(rows))
	for i, m := range rows {
		if out[i], err = readModel[T](m); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// campaignNames is by bidding.CampaignKey.
func (s *Server) campaignNames(ctx context.Context, account string) (map[string]string, error) {
	rows, err := s.store.Entities(ctx, account)
	names := map[string]string{}
	for _, e := range rows {
		if e.EntityType == string(platform.Campaign) {
			names[bidding.CampaignKey(platform.Name(e.Platform), e.EntityID)] = e.Name
		}
	}
	return names, err
}

func (n *feedNight) campaign(key string) string { return cmp.Or(n.names[key], key) }

// link is an address of these pages that keeps the account.
func (n *feedNight) link(path string, kv ...string) string {
	q := url.Values{}
	if n.Groups != nil && n.Account != "" {
		q.Set("account", n.Account)
	}
	for i := 0; i+1 < len(kv); i += 2 {
		q.Set(kv[i], kv[i+1])
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

func (n *feedNight) item(id string) string { return n.link("/feeds/item", "id", id) }

type feedsView struct {
	Account, Date, URL string
	World              string // the page of what others say of the items
	Groups             []option
	Summary            []summaryCell
	Refused            []feedRow
	Feeds              []feedRow
	Rules              []ruleRow
	RulesLeft          int
	Changed            string // what the rules are compared with
	Money              *moneyView
	CSV                map[string]string
}

type feedRow struct{ Name, Platform, Items, Errors, Warnings, Since, Refused string }

// ruleRow is one rule that the feeds break.
type ruleRow struct {
	Rule, URL, Fix              string
	Severity                    severity
	Platform, Items, Issues     string
	Change, ChangeClass, AtRisk string
	Risky                       bool
}

// severity is how grave an issue is, as a chip.
type severity struct{ Name, Class string }

func severityOf(s string) severity {
	switch feeds.Severity(s) {
	case feeds.Error:
		return severity{"Error", "bad"}
	case feeds.Warning:
		return severity{"Warning", "busy"}
	}
	return severity{"Corrected", "rest"}
}

// mostRules bounds the table of rules; every rule is in its CSV.
const mostRules = 40

func (s *Server) feeds(w http.ResponseWriter, r *request) error {
	n, err := s.feedNight(r)
	if err != nil {
		return err
	}
	s.render(w, r, http.StatusOK, "feeds", page{Title: "Feeds", Nav: "feeds", Body: n.view()})
	return nil
}

func (n *feedNight) view() feedsView {
	v := feedsView{Account: n.Account, Groups: n.Groups, CSV: map[string]string{}}
	if n.Run.RunID == "" {
		return v
	}
	v.Date, v.URL, v.World = n.Run.Date.Time().Format("Mon 2 Jan 2006"), runURL(n.Run), n.link("/feeds/platform")
	for _, name := range csvNames {
		v.CSV[name] = n.link("/feeds/csv/" + name)
	}
	for _, f := range n.States {
		row := feedRow{Name: feedName(f.Location), Platform: platformsName(f.Platform), Items: count(f.Items), Errors: count(f.Report.Errors),
			Warnings: count(f.Report.Warnings), Since: present.None, Refused: sentence(f.Refused)}
		if !f.Since.IsZero() {
			row.Since = f.Since.Time().Format("2 Jan 2006")
		}
		v.Feeds = append(v.Feeds, row)
		if f.Refused != "" {
			v.Refused = append(v.Refused, row)
		}
	}
	v.Rules = n.rules()
	v.RulesLeft = max(0, len(v.Rules)-mostRules)
	v.Rules = v.Rules[:len(v.Rules)-v.RulesLeft]
	if n.Before != nil {
		v.Changed = "the night before"
	}
	v.Summary = n.summary()
	if n.Money != nil {
		v.Money = n.money()
	}
	return v
}

// currency is that of the amounts; "" where nothing was joined.
func (n *feedNight) currency() string {
	if n.Money == nil {
		return ""
	}
	return n.Money.Currency
}

// rules lists what the feeds in force break, with the change since the night
// before.
func (n *feedNight) rules() []ruleRow {
	before := map[string]int{}
	for _, r := range feeds.RulesOf(n.Before) {
		before[r.Rule] = r.Items
	}
	var out []ruleRow
	seen := map[string]bool{}
	row := func(r feeds.RuleSum) {
		seen[r.Rule] = true
		x := ruleRow{Rule: r.Rule, URL: n.link("/feeds/items", "rule", r.Rule), Fix: r.Fix, Severity: severityOf(string(r.Severity)),
			Platform: platformsName(r.Platform), Items: count(r.Items), Issues: count(r.Issues), Change: present.None, AtRisk: present.None,
			Risky: r.Severity == feeds.Error && r.Spend > 0}
		if r.Spend > 0 && n.currency() != "" {
			x.AtRisk = money.Plain(r.Spend, n.currency())
		}
		if n.Before != nil {
			switch d := r.Items - before[r.Rule]; {
			case d > 0:
				x.Change, x.ChangeClass = fmt.Sprintf("+%s", count(d)), "neg"
			case d < 0:
				x.Change, x.ChangeClass = fmt.Sprintf("−%s", count(-d)), "pos"
			default:
				x.Change = "0"
			}
			if r.Severity == feeds.Normalized {
				x.ChangeClass = ""
			}
		}
		out = append(out, x)
	}
	for _, r := range feeds.RulesOf(n.States) {
		row(r)
	}
	for _, r := range feeds.RulesOf(n.Before) {
		if !seen[r.Rule] { // broken no more
			r.Items, r.Issues, r.Spend = 0, 0, 0
			row(r)
		}
	}
	return out
}

func (n *feedNight) summary() []summaryCell {
	items, errors, valid, unread := 0, 0, 0, 0
	for _, f := range n.States {
		items += f.Items
		if f.Refused != "" { // the report is of what was refused
			unread += f.Items
			continue
		}
		errors, valid = errors+f.Report.Errors, valid+f.Report.Valid
	}
	in := summaryCell{Name: "Items in force", Value: count(items)}
	if unread < items || items == 0 {
		in.Notes = append(in.Notes, fmt.Sprintf("%s without error, %s errors", count(valid), count(errors)))
	}
	if unread > 0 {
		in.Notes = append(in.Notes, count(unread)+" of a refused feed’s last good version, not checked this night")
	}
	cells := []summaryCell{in}
	m := n.Money
	if m == nil {
		return cells
	}
	amount := func(x money.Micros) string { return money.Plain(x, m.Currency) }
	cell := func(name string, x money.Micros, note string) summaryCell {
		c := summaryCell{Name: name, Value: amount(x), Unit: m.Currency, Notes: []string{present.Percent(shareOf(x, m.Total.Spend)) + " of the spend on items", note}}
		if x > 0 {
			c.Class = "neg"
		}
		return c
	}
	cells = append(cells, summaryCell{Name: "Spent on items", Value: amount(m.Spend), Unit: m.Currency,
		Notes: []string{fmt.Sprintf("%s to %s", m.From.Time().Format("2 Jan"), m.To.Time().Format("2 Jan")), "shopping, Performance Max and catalog ads"}},
		cell("Spent on unfit items", m.Total.Unfit, counted(m.UnfitCount, "item")+", counted campaign by campaign"),
		cell("Spent on losing items", m.Total.Losing, "at the break-even of their campaign"))
	return append(cells, summaryCell{Name: "Items without spend", Value: count(m.IdleCount), Notes: []string{"fit to be sold, but no ad showed them"}})
}

func count(k int) string { return present.Count(float64(k)) }

func shareOf(part, whole money.Micros) float64 {
	if whole <= 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

func platformsName(name string) string {
	if name == "both" {
		return "Google and Meta"
	}
	return present.PlatformName(name)
}

// feedName is a location without what may be secret in it: user, password, query.
func feedName(location string) string {
	u, err := url.Parse(location)
	if err != nil || u.Host == "" {
		return location[strings.LastIndexByte(location, '/')+1:]
	}
	return u.Host + u.Path
}
