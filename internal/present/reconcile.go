package present

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"adsteward/attribution"
	"adsteward/internal/money"
)

// Table is a table of plain numbers, as for a CSV file: no thousands separators,
// money in units of the currency.
type Table struct {
	ID, Title string
	Columns   []string
	Rows      [][]string
}

// CampaignTitle is what people call a campaign in CampaignKey's form, or a
// channel.
func CampaignTitle(key string, names map[string]string) string {
	if name := names[key]; name != "" {
		return name
	}
	if p, id, ok := strings.Cut(key, ":"); ok {
		if id == "" {
			return PlatformName(p) + ", campaign not known"
		}
		return PlatformName(p) + " campaign " + id
	}
	if key == "" {
		return "(not named)"
	}
	return Words(key)
}

// CampaignNames are the names that a reconciliation knows, by campaign.
func CampaignNames(r attribution.Reconciliation) map[string]string {
	names := map[string]string{}
	for _, b := range r.Campaigns {
		names[b.Campaign] = b.Name
	}
	return names
}

// PlatformNames names platforms together: "Google Ads and Meta"; "no ad" for none.
func PlatformNames(platforms []string) string {
	var names []string
	for _, p := range platforms {
		names = append(names, PlatformName(p))
	}
	if len(names) == 0 {
		return "no ad"
	}
	return strings.Join(names, " and ")
}

// ClaimVerdict says in words how a claim compares.
func ClaimVerdict(v attribution.Verdict) string {
	switch v {
	case attribution.Overclaims:
		return "claims too much"
	case attribution.Underclaims:
		return "claims too little"
	case attribution.Agrees:
		return "agrees"
	}
	return "cannot be compared"
}

// ReconcileTables are the tables of a reconciliation: claims first.
func ReconcileTables(r attribution.Reconciliation) []Table {
	return []Table{claimsTable(r), overlapTable(r), daysTable(r), lagsTable(r), lengthsTable(r), pathsTable(r), customersTable(r)}
}

// claimsTable has a row for each campaign and platform, for all ads, for what no
// ad had a part in, and for the shop. The rows of kind campaign add up to ads, and
// so do those of kind platform; credited of ads and no_ad is shop's.
func claimsTable(r attribution.Reconciliation) Table {
	t := Table{ID: "claims", Title: "Claims and orders", Columns: []string{"kind", "platform", "campaign_id", "campaign", "currency",
		"reported_conversions", "reported_value", "claimed_conversions", "claimed_value", "clicked_orders", "clicked_value",
		"by_click_id_orders", "by_customer_orders", "by_order_id_orders", "unmatched_orders", "unmatched_value", "shared_orders", "shared_value", "credited_orders", "credited_value",
		"over_orders", "over_orders_low", "over_orders_high", "over_value", "over_value_low", "over_value_high", "verdict"}}
	add := func(kind string, b attribution.Balance) {
		_, id, _ := strings.Cut(b.Campaign, ":")
		u, s, o := b.Unmatched(), b.Shared(), b.Over
		t.Rows = append(t.Rows, []string{kind, b.Platform, id, SafeCell(b.Name), r.Currency, plain(b.Reported.Orders), b.Reported.Value.Decimal(), plain(b.Claimed.Orders), b.Claimed.Value.Decimal(),
			plain(b.Clicked.Orders), b.Clicked.Value.Decimal(), plain(b.ByClickID.Orders), plain(b.ByPerson.Orders), plain(b.ByOrderID.Orders), plain(u.Orders), u.Value.Decimal(), plain(s.Orders), s.Value.Decimal(),
			plain(b.Credited.Orders), b.Credited.Value.Decimal(), plain(o.Orders), plain(o.OrdersLow), plain(o.OrdersHigh), o.Value.Decimal(), o.ValueLow.Decimal(), o.ValueHigh.Decimal(), string(o.Verdict)})
	}
	for _, b := range r.Campaigns {
		add("campaign", b)
	}
	for _, b := range r.Platforms {
		add("platform", b)
	}
	add("ads", r.Ads)
	for kind, a := range map[string]attribution.Amount{"no_ad": r.NoAd, "shop": r.Shop} {
		row := make([]string, len(t.Columns))
		row[0], row[4] = kind, r.Currency
		row[slices.Index(t.Columns, "credited_orders")], row[slices.Index(t.Columns, "credited_value")] = plain(a.Orders), a.Value.Decimal()
		t.Rows = append(t.Rows, row)
	}
	slices.SortStableFunc(t.Rows[len(t.Rows)-2:], func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	return t
}

func overlapTable(r attribution.Reconciliation) Table {
	t := Table{ID: "overlap", Title: "Orders by the platforms clicked before them", Columns: []string{"platforms", "orders", "value", "currency"}}
	for _, o := range r.Overlap {
		t.Rows = append(t.Rows, []string{strings.Join(o.Platforms, "+"), plain(o.Orders), o.Value.Decimal(), r.Currency})
	}
	return t
}

func daysTable(r attribution.Reconciliation) Table {
	t := Table{ID: "days", Title: "Claims and orders by day", Columns: []string{"date", "shop_orders", "shop_value", "credited_orders", "credited_value"}}
	for _, p := range r.Platforms {
		for _, c := range []string{"reported_conversions", "reported_value", "claimed_conversions", "claimed_value", "credited_orders", "credited_value"} {
			t.Columns = append(t.Columns, p.Platform+"_"+c)
		}
	}
	for _, d := range r.Days {
		row := []string{d.Date.String(), plain(d.Shop.Orders), d.Shop.Value.Decimal(), plain(d.Credited.Orders), d.Credited.Value.Decimal()}
		for _, p := range d.Platforms {
			for _, a := range []attribution.Amount{p.Reported, p.Claimed, p.Credited} {
				row = append(row, plain(a.Orders), a.Value.Decimal())
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func lagsTable(r attribution.Reconciliation) Table {
	t := Table{ID: "lags", Title: "Time from click to order", Columns: []string{"time", "since_last_orders", "since_last_value", "since_first_orders", "since_first_value"}}
	for _, b := range r.Lags {
		t.Rows = append(t.Rows, []string{b.Label, plain(b.Last.Orders), b.Last.Value.Decimal(), plain(b.First.Orders), b.First.Value.Decimal()})
	}
	return t
}

// LengthName is what a bin of path lengths is called.
func LengthName(b attribution.LengthBin) string {
	if b.OrMore {
		return fmt.Sprintf("%d or more", b.Touches)
	}
	return strconv.Itoa(b.Touches)
}

func lengthsTable(r attribution.Reconciliation) Table {
	t := Table{ID: "lengths", Title: "Touches before an order", Columns: []string{"touches", "orders", "value"}}
	for _, b := range r.Lengths {
		t.Rows = append(t.Rows, []string{LengthName(b), plain(b.Orders), b.Value.Decimal()})
	}
	return t
}

// PathText writes a path of campaigns and channels: "… > Brand > Email".
func PathText(p attribution.PathCount, names map[string]string) string {
	var steps []string
	if p.Cut {
		steps = append(steps, "…")
	}
	for _, s := range p.Steps {
		steps = append(steps, CampaignTitle(s, names))
	}
	return strings.Join(steps, " > ")
}

func pathsTable(r attribution.Reconciliation) Table {
	t := Table{ID: "paths", Title: "Most frequent paths", Columns: []string{"path", "orders", "new_customers", "value", "currency"}}
	names := CampaignNames(r)
	for _, p := range r.Paths {
		t.Rows = append(t.Rows, []string{SafeCell(PathText(p, names)), strconv.Itoa(p.Orders), strconv.Itoa(p.New), p.Value.Decimal(), r.Currency})
	}
	return t
}

func customersTable(r attribution.Reconciliation) Table {
	t := Table{ID: "customers", Title: "New and returning customers", Columns: []string{"kind", "platform", "campaign_id", "campaign", "currency",
		"new_orders", "new_value", "returning_orders", "returning_value", "unknown_orders", "unknown_value"}}
	add := func(kind string, b attribution.Balance) {
		_, id, _ := strings.Cut(b.Campaign, ":")
		u := UnknownCustomers(b)
		t.Rows = append(t.Rows, []string{kind, b.Platform, id, SafeCell(b.Name), r.Currency, plain(b.New.Orders), b.New.Value.Decimal(), plain(b.Returning.Orders), b.Returning.Value.Decimal(),
			plain(u.Orders), u.Value.Decimal()})
	}
	for _, b := range r.Campaigns {
		add("campaign", b)
	}
	for _, b := range r.Platforms {
		add("platform", b)
	}
	add("ads", r.Ads)
	return t
}

// UnknownCustomers are the orders credited whose customers nobody knows.
func UnknownCustomers(b attribution.Balance) attribution.Amount {
	const unit = 1e6 // orders are counted in millionths
	return attribution.Amount{Orders: math.Round((b.Credited.Orders-b.New.Orders-b.Returning.Orders)*unit) / unit, Value: b.Credited.Value - b.New.Value - b.Returning.Value}
}

// ShareTable is what is believed of campaigns' incremental shares.
func ShareTable(shares []attribution.Share, names map[string]string) Table {
	t := Table{ID: "shares", Title: "Incremental shares", Columns: []string{"platform", "campaign_id", "campaign", "audience", "prior", "prior_sd", "compared",
		"credited_orders", "credited_value", "reported_value", "share", "share_low", "share_high", "why"}}
	for _, s := range shares {
		p, id, _ := strings.Cut(s.Campaign, ":")
		low, high := ShareInterval(s)
		t.Rows = append(t.Rows, []string{p, id, SafeCell(names[s.Campaign]), string(s.Addressed.Audience), plain(s.Prior.Share), plain(s.Prior.SD), strconv.FormatBool(s.Compared),
			plain(s.Orders), s.Shop.Decimal(), s.Reported.Decimal(), plain(s.Iota), plain(low), plain(high), s.Why})
	}
	return t
}

// ModelName is what people call an attribution model.
func ModelName(r attribution.Result) string {
	names := map[string]string{"last_click": "Last click", "first_click": "First click", "last_non_direct": "Last but direct", "linear": "All alike", "time_decay": "Time decay",
		"position": "First and last", "shapley": "Shapley", "shapley_rate": "Shapley, rates", "markov": "Markov"}
	name := names[r.Model]
	if name == "" {
		name = Words(r.Model)
	}
	if r.Order != nil && *r.Order > 1 {
		name += fmt.Sprintf(", order %d", *r.Order)
	}
	return name
}

// ModelTable is what the models make of the same journeys.
func ModelTable(r attribution.PathReport, names map[string]string) Table {
	t := Table{ID: "models", Title: "The same journeys by other models", Columns: []string{"orders_of", "model", "order", r.By, "name", "orders", "value", "margin", "value_share", "value_share_low", "value_share_high"}}
	for _, m := range r.Models {
		order := ""
		if m.Order != nil {
			order = strconv.Itoa(*m.Order)
		}
		for i, c := range m.Channels {
			row := []string{r.Orders, m.Model, order, SafeCell(c.Channel), SafeCell(CampaignTitle(c.Channel, names)), plain(c.Conversions), plain(c.Value), "", "", "", ""}
			if i < len(m.Margins) {
				row[7] = plain(m.Margins[i])
			}
			if r.Value > 0 {
				row[8] = plain(c.Value / r.Value)
			}
			if c.ValueShare != nil {
				row[9], row[10] = plain(c.ValueShare.Low), plain(c.ValueShare.High)
			}
			t.Rows = append(t.Rows, row)
		}
	}
	return t
}

// ShareInterval is the central 80 % of a share, taken for normal and kept within 0
// and 1.
func ShareInterval(s attribution.Share) (low, high float64) {
	const z = 1.2815515655446004 // the normal's 90 % quantile
	d := z * s.RelSD * s.Iota
	return max(s.Iota-d, 0), min(s.Iota+d, 1)
}

// plain writes a number with at most six decimals and none that are zero.
func plain(f float64) string {
	m, err := money.FromFloat(f)
	if err != nil {
		return ""
	}
	return m.Decimal()
}

// SafeCell writes a name so that no program that opens the table takes it for a
// formula.
func SafeCell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
