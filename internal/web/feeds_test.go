package web

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"adsteward/feeds"
	"adsteward/internal/money"
	"adsteward/store"
)

func units(f float64) money.Micros { return money.Micros(f * 1e6) }

// putNight stores models of a run of the shop some days before the test's.
func (x *site) putNight(daysBefore int, kind, key string, v any) {
	x.t.Helper()
	body, err := json.Marshal(v)
	must(x.t, err)
	day := testDay.AddDays(-daysBefore)
	id := shop + "/" + day.String()
	if daysBefore > 0 {
		_, err := x.store.StartRun(x.t.Context(), store.Run{RunID: id, Account: shop, Date: day, State: "done", Reason: "test", StartedAt: testNow.AddDate(0, 0, -daysBefore)}, nil)
		must(x.t, err)
	}
	must(x.t, x.store.PutModels(x.t.Context(), []store.Model{{RunID: id, Kind: kind, Key: key, Body: string(body)}}))
}

// fillFeeds stores what a night with feeds leaves: two feeds, one of them refused,
// items, issues, spend, and the join.
func (x *site) fillFeeds() {
	x.t.Helper()
	ctx := x.t.Context()
	cost, sale := units(70), units(80)
	rule := func(name, platform string, s feeds.Severity, items, issues int, spend float64, fix string) feeds.RuleSum {
		attribute, _, _ := strings.Cut(name, ".")
		return feeds.RuleSum{Rule: name, Attribute: attribute, Platform: platform, Severity: s, Items: items, Issues: issues, Spend: units(spend), Fix: fix}
	}
	shopFeed := feeds.State{Location: "https://ann:secret@shop.example/feed.xml?token=abc", Platform: "both", Report: feeds.Report{Items: 1200, Valid: 1180, Errors: 31, Warnings: 12},
		Items: 1200, Since: testDay, Rules: []feeds.RuleSum{
			rule("image_link.required", "both", feeds.Error, 24, 31, 812.5, "give the address of the main image"),
			rule("gtin.missing", "google", feeds.Warning, 12, 12, 90.25, "give the GTIN that is printed on the product"),
			rule("title.capitals", "both", feeds.Normalized, 3, 3, 0, "write titles in ordinary letters")}}
	other := feeds.State{Location: "/srv/meta <b>.csv", Platform: "meta", Items: 300, Since: testDay.AddDays(-3), Refused: "it fell from 300 items to 12, below 70 %; look at its export"}
	before := shopFeed
	before.Rules = []feeds.RuleSum{rule("image_link.required", "both", feeds.Error, 20, 20, 0, ""), rule("gtin.missing", "google", feeds.Warning, 15, 15, 0, ""),
		rule("price.format", "both", feeds.Error, 2, 2, 0, "write 12.50 EUR")}
	x.putNight(0, "feed_source", shopFeed.Location, shopFeed)
	x.putNight(0, "feed_source", other.Location, other)
	x.putNight(1, "feed_source", shopFeed.Location, before)
	find := func(item, campaign, platform, reason string, spend, left float64) feeds.Finding {
		f := feeds.Finding{Platform: platform, Campaign: campaign, ItemID: item, Title: "Title of " + item, Reason: reason, Spend: units(spend), Value: units(3 * spend), Conversions: 2}
		if reason != feeds.Missing {
			f.Price, f.UnitCost, f.AdCost, f.Left = units(100), &cost, units(42), units(left)
		}
		return f
	}
	m := feeds.Money{From: testDay - 30, To: testDay - 1, Currency: "EUR", Items: 1500, Spend: units(4300), NoCost: units(12), Unjudged: units(7),
		Total: feeds.CampaignItems{Spend: units(4300), Unfit: units(920), Missing: units(107.5), Errors: units(812.5), Losing: units(260)},
		Campaigns: []feeds.CampaignItems{{Campaign: "google:7", Spend: units(3000), Unfit: units(800), Missing: units(107.5), Errors: units(692.5), Losing: units(260)},
			{Campaign: "meta:9", Spend: units(1300), Unfit: units(120), Errors: units(120)}},
		Unfit: []feeds.Finding{find("SHOE-1", "google:7", "google", feeds.WithErrors, 692.5, 12), find("SHOE-1", "meta:9", "meta", feeds.WithErrors, 120, 12),
			find("gone-2", "google:7", "google", feeds.Missing, 107.5, 0)}, UnfitCount: 40,
		Losing: []feeds.Finding{find("SHOE-3", "google:7", "google", feeds.Losing, 260, -12.25)}, LosingCount: 1,
		Idle: []feeds.Finding{find("=SHOE-4", "", "", "", 0, 30)}, IdleCount: 1}
	x.putNight(0, "feed_money", "", m)
	must(x.t, x.store.ReplaceEntities(ctx, shop, "google", "1", testNow, []store.Entity{{EntityType: "campaign", EntityID: "7", Name: "Shopping | All", Detail: "{}"}}))
	must(x.t, x.store.ReplaceProducts(ctx, shop, []store.Product{
		{ItemID: "SHOE-1", Feed: shopFeed.Location, Title: "Blue <i>shoe</i>", Price: units(100), Currency: "EUR", SalePrice: &sale, Availability: "in_stock", UnitCost: &cost,
			ProductType: "Shoes > Running", Brand: "Norderlicht", Label0: "summer", Label2: "high-margin", Errors: 1, GoogleErrors: 1, MetaErrors: 1, FeedDate: testDay},
		{ItemID: "many", Feed: shopFeed.Location, Title: "Another shoe", Availability: "in_stock", Warnings: 2, GoogleWarnings: 2, FeedDate: testDay}}))
	must(x.t, x.store.ReplaceFeedIssues(ctx, shop, shop+"/"+testDay.String(), []store.FeedIssue{{Feed: shopFeed.Location, ItemID: "SHOE-1", Line: 42, Rule: "image_link.required",
		Severity: "error", Platform: "both", Attribute: "image_link", Message: "image_link: is missing", Fix: "give the address of the main image"},
		{Feed: shopFeed.Location, Line: 1, Rule: "attribute.unknown", Severity: "warning", Platform: "both", Value: "=HYPERLINK(1)", Message: "unknown", Fix: "leave it out"}}))
	must(x.t, x.store.UpsertItemSpend(ctx, shop, "google", "1", testDay-30, testDay-60, []store.ItemSpend{
		{Date: testDay - 2, Campaign: "7", ItemID: "shoe-1", Cost: units(692.5), Value: units(2077.5), Conversions: 2, Clicks: 400},
		{Date: testDay - 2, Campaign: "7", ItemID: "gone-2", Cost: units(107.5)}}))
}

func TestFeedsPage(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(2)
	c := x.as(viewer)
	if a := x.get("/feeds", c); a.StatusCode != http.StatusOK || !strings.Contains(a.Text, "No night has looked at a product feed yet") {
		t.Fatal(a.StatusCode)
	}
	for _, path := range []string{"/feeds/items", "/feeds/items?q=x", "/feeds/items?rule=x", "/feeds/csv/rules", "/feeds/csv/issues", "/feeds/csv/idle"} {
		if a := x.get(path, c); a.StatusCode != http.StatusOK {
			t.Errorf("%s before the first night: %d", path, a.StatusCode)
		}
	}
	x.fillFeeds()
	for path, wants := range map[string][]string{
		"/feeds": {"1,500", "4,300.00", "920.00", "21 % of the spend on items", "300 of a refused feed’s last good version, not checked this night", "below 70 %; look at its export. Its last good", "shop.example/feed.xml", "meta &lt;b&gt;.csv", "fell from 300 items to 12", "1 Jan 2026",
			"Shopping | All", "missing 107.50, with errors 692.50", "27 %", "image_link.required", "&#43;4", "−3", "price.format", "−2", "812.50", "31 times",
			"Errors in the feed", "In no feed", "37 more", "-12.25", "Title of =SHOE-4", "EUR 7.00 were spent on a platform no feed is for", "EUR 12.00 were spent on items whose cost",
			`href="/feeds/item?id=%3DSHOE-4"`, `href="/feeds/csv/unfit"`, `aria-current="page">Feeds`, "meta:9"},
		"/feeds/items?q=SHOE":                   {"Blue &lt;i&gt;shoe&lt;/i&gt;", "Another shoe", `href="/feeds/item?id=SHOE-1"`, `value="SHOE"`},
		"/feeds/items?q=nothing+like+it":        {"No item of the feeds in force"},
		"/feeds/items?rule=image_link.required": {"SHOE-1", "is missing", "give the address of the main image", "42"},
		"/feeds/items?rule=attribute.unknown":   {"the file itself"},
		"/feeds/items?rule=none":                {"No item breaks this rule any more"},
		"/feeds/item?id=SHOE-1":                 {"Blue &lt;i&gt;shoe&lt;/i&gt;", "EUR 80.00", "in force", "EUR 70.00", "summer · high-margin", "1 error<", "give the address of the main image", "692.50", "2,077.50", "Errors in the feed:"},
		"/feeds/item?id=many":                   {"Its findings are counted above, but not kept", "No campaign spent anything on it"},
		"/feeds/item?id=gone-2":                 {"No feed in force holds this item, and yet money was spent on it", "107.50", "In no feed:"},
		"/feeds?account=" + shop:                {"image_link.required"},
	} {
		a := x.get(path, c)
		if a.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
		hasAll(t, path, a.Text, wants...)
		hasNone(t, path, a.Text, "NaN", "Inf", "style=", "<nil>", "secret", "token=abc", "ann:", "%!")
	}
	for path, want := range map[string]int{"/feeds/item?id=none": 404, "/feeds/item": 404, "/feeds/csv/users": 404} {
		if a := x.get(path, c); a.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, a.StatusCode, want)
		}
	}
	if a := x.get("/feeds"); a.StatusCode != http.StatusSeeOther {
		t.Errorf("without a session: %d", a.StatusCode)
	}
}

// Downloads hold the same as the page, and no spreadsheet runs what a feed wrote.
func TestFeedDownloads(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(2)
	x.fillFeeds()
	c := x.as(viewer)
	for _, want := range []struct {
		table string
		rows  int
		has   string
	}{
		{"rules", 3, "image_link.required,image_link,both,error,24,31,812.5,EUR,give the address of the main image"},
		{"issues", 2, ",1,attribute.unknown,warning,both,,'=HYPERLINK(1),unknown,leave it out,shop.example/feed.xml"},
		{"campaigns", 2, "google:7,Shopping | All,3000,800,107.5,692.5,0,0,260,EUR"},
		{"unfit", 3, "gone-2,Title of gone-2,missing,google,google:7,Shopping | All,107.5,322.5,2,0,,0,0,EUR"},
		{"losing", 1, "SHOE-3,Title of SHOE-3,losing,google,google:7,Shopping | All,260,780,2,100,70,42,-12.25,EUR"},
		{"idle", 1, "'=SHOE-4,Title of =SHOE-4,,,,,0,0,2,100,70,42,30,EUR"},
	} {
		a := x.get("/feeds/csv/"+want.table, c)
		rows, err := csv.NewReader(strings.NewReader(a.Text)).ReadAll()
		if err != nil || len(rows) != want.rows+1 || !strings.Contains(a.Text, want.has) {
			t.Errorf("%s: %d rows, %v; want %d and %q in\n%s", want.table, len(rows)-1, err, want.rows, want.has, a.Text)
		}
		if d := a.Header.Get("Content-Disposition"); d != fmt.Sprintf(`attachment; filename="feeds-%s-%s.csv"`, want.table, testDay) {
			t.Errorf("%s is called %s", want.table, d)
		}
	}
}
