package web

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"adsteward/bidding"
	"adsteward/feeds"
	"adsteward/internal/money"
	"adsteward/internal/present"
)

// moneyView is the feeds joined to what was spent on their items.
type moneyView struct {
	Currency, Days        string
	Unjudged, NoCost      string // "" where nothing
	Campaigns             []itemCampaign
	CampaignsLeft         int
	Unfit, Losing, Idle   []findingRow
	UnfitLeft, LosingLeft int
	IdleLeft              int
	Excluded              []excludedRow
	ExcludedLeft          int
	Asked                 string // of what changes wait for a decision; "" where none do
	AskedURL              string
}

// excludedRow is an item or a product group that is kept out of ads.
type excludedRow struct {
	findingRow
	Group           string // its name; "" of an item by itself
	Since, Proposal string
}

// itemCampaign is where one campaign's spend on items went.
type itemCampaign struct {
	Name, Platform                              string
	Spend, Unfit, UnfitShare, Losing, LosingPct string
	Parts                                       string // of Unfit, in words
	Class                                       string
	Bar                                         *spendBar
}

// spendBar draws what a campaign spent on items, all campaigns on one scale: the
// whole, and from its beginning what was unfit.
type spendBar struct{ Whole, Unfit string }

const barWidth = 140.0

// findingRow is one item with money spent on it, or without.
type findingRow struct {
	ID, URL, Title, Campaign, Platform string
	Reason                             severity
	Price, Cost, AdCost, Left          string
	LeftClass                          string
	Spend, Value                       string
}

// Rows of each table of the page; the CSV has all that the night kept.
const (
	mostFindings      = 25
	mostItemCampaigns = 25
)

func (n *feedNight) money() *moneyView {
	m := n.Money
	v := &moneyView{Currency: m.Currency}
	if !m.From.IsZero() {
		v.Days = m.From.Time().Format("2 Jan") + " to " + m.To.Time().Format("2 Jan 2006")
	}
	if m.Unjudged > 0 {
		v.Unjudged = money.Format(m.Unjudged, m.Currency)
	}
	if m.NoCost > 0 {
		v.NoCost = money.Format(m.NoCost, m.Currency)
	}
	most := money.Micros(1)
	for _, c := range m.Campaigns {
		most = max(most, c.Spend)
	}
	for i, c := range m.Campaigns {
		if i == mostItemCampaigns {
			v.CampaignsLeft = len(m.Campaigns) - i
			break
		}
		v.Campaigns = append(v.Campaigns, n.itemCampaign(c, most))
	}
	v.Unfit, v.UnfitLeft = n.findings(m.Unfit, m.UnfitCount)
	v.Losing, v.LosingLeft = n.findings(m.Losing, m.LosingCount)
	v.Idle, v.IdleLeft = n.findings(m.Idle, m.IdleCount)
	for _, x := range n.Excluded[:min(len(n.Excluded), mostFindings)] {
		v.Excluded = append(v.Excluded, n.excluded(x))
	}
	v.ExcludedLeft = len(n.Excluded) - len(v.Excluded)
	for _, kind := range slices.Sorted(maps.Keys(n.Asked)) {
		if v.Asked != "" {
			v.Asked += " and "
		}
		v.Asked += counted(n.Asked[kind], strings.ToLower(present.EntityTypeName(kind)))
	}
	if v.Asked != "" {
		v.AskedURL = query{state: string(bidding.Proposed), account: n.Account}.url(string(bidding.Proposed))
	}
	return v
}

func (n *feedNight) excluded(x present.ExcludedItem) excludedRow {
	row := excludedRow{findingRow: findingRow{ID: x.ItemID, URL: n.item(x.ItemID), Title: x.Title, Platform: present.PlatformName(x.Platform), Reason: reasonOf(x.Reason),
		Spend: present.Amount(x.Spend, x.Currency)}, Since: x.Since.Format("2 Jan 2006"), Proposal: "/proposals/" + url.PathEscape(x.Proposal)}
	if x.Group != "" {
		row.Group, row.ID, row.URL, row.Title = x.Title, x.Title, row.Proposal, "when it was decided, and those that join it"
	}
	return row
}

func (n *feedNight) itemCampaign(c feeds.CampaignItems, most money.Micros) itemCampaign {
	amount := func(x money.Micros) string { return money.Plain(x, n.currency()) }
	row := itemCampaign{Name: n.campaign(c.Campaign), Platform: platformOfKey(c.Campaign), Spend: amount(c.Spend), Unfit: amount(c.Unfit), UnfitShare: present.Percent(c.UnfitShare()),
		Losing: amount(c.Losing), LosingPct: present.Percent(c.LosingShare()),
		Bar: &spendBar{Whole: coord(barWidth * float64(c.Spend) / float64(most)), Unfit: coord(barWidth * float64(c.Unfit) / float64(most))}}
	for _, p := range []struct {
		m    money.Micros
		what string
	}{{c.Missing, "missing"}, {c.Errors, "with errors"}, {c.OutOfStock, "out of stock"}, {c.BelowCost, "below cost"}} {
		if p.m > 0 {
			if row.Parts != "" {
				row.Parts += ", "
			}
			row.Parts += p.what + " " + amount(p.m)
		}
	}
	if c.Unfit > 0 {
		row.Class = "neg"
	}
	return row
}

func (n *feedNight) findings(list []feeds.Finding, all int) (rows []findingRow, left int) {
	for _, f := range list[:min(len(list), mostFindings)] {
		rows = append(rows, n.finding(f))
	}
	return rows, all - len(rows)
}

func (n *feedNight) finding(f feeds.Finding) findingRow {
	amount := func(x money.Micros) string { return money.Plain(x, n.currency()) }
	row := findingRow{ID: f.ItemID, URL: n.item(f.ItemID), Title: f.Title, Reason: reasonOf(f.Reason), Price: present.None, Cost: present.None, AdCost: present.None,
		Left: present.None, Spend: amount(f.Spend), Value: amount(f.Value)}
	if f.Campaign != "" {
		row.Campaign, row.Platform = n.campaign(f.Campaign), present.PlatformName(f.Platform)
	}
	if f.Platform == "meta" { // which tells no value by item
		row.Value = present.None
	}
	if f.Price > 0 {
		row.Price = amount(f.Price)
	}
	if f.UnitCost != nil {
		row.Cost, row.AdCost, row.Left = amount(*f.UnitCost), amount(f.AdCost), amount(f.Left)
		if f.Left < 0 {
			row.LeftClass = "neg"
		}
	}
	return row
}

// reasonOf is why money spent on an item is at risk, in words.
func reasonOf(reason string) severity {
	switch reason {
	case feeds.Missing:
		return severity{"In no feed", "bad"}
	case feeds.WithErrors:
		return severity{"Errors in the feed", "bad"}
	case feeds.OutOfStock:
		return severity{"Out of stock", "busy"}
	case feeds.BelowCost:
		return severity{"Price not above cost", "bad"}
	case feeds.Losing:
		return severity{"Does not pay at break-even", "busy"}
	}
	return severity{}
}

// platformOfKey is the platform in a campaign's key, "google:123".
func platformOfKey(key string) string {
	for i := range key {
		if key[i] == ':' {
			return present.PlatformName(key[:i])
		}
	}
	return ""
}
