package web

import (
	"strings"
	"testing"

	"adsteward/feeds"
	"adsteward/feeds/pagedata"
	"adsteward/store"
)

// judgedItems is a score with something of everything.
func judgedItems() feeds.PlatformScore {
	s := feeds.NewScorer("google")
	s.Add(feeds.Judged{ItemID: "sku-1", InFeed: true, Refused: true, Predicted: []feeds.Prediction{{Rule: "title.length", Attribute: "title", Code: "text_value_too_long", Severity: feeds.Error}},
		Observed: []feeds.Observation{{Code: "text_value_too_long", Attribute: "title"}}})
	s.Add(feeds.Judged{ItemID: "sku-2", InFeed: true, Refused: true, Observed: []feeds.Observation{{Code: "seasonal<b>", Description: "Says the platform"}}})
	s.Add(feeds.Judged{ItemID: "sku-3", InFeed: true, Pending: true})
	return feeds.PlatformScore{Platform: "google", At: testNow, States: map[string]int{"approved": 1231, "absent": 7},
		Groups: []feeds.CatalogGroup{{Code: "EVENT_SOURCE_ISSUES", Error: true, Title: "Few events match", Items: 12}}, Score: s.Score()}
}

func TestFeedPlatformPage(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(2)
	c := x.as(viewer)
	look := func(what string, wanted, unwanted []string) {
		t.Helper()
		x.look(what, "/feeds/platform", c, wanted, unwanted)
	}
	look("before anything is configured", []string{"merchant_id", "catalog_id", "pages: {sample: 100"}, []string{"Foreseen"})

	x.putModel("item_score", "google", judgedItems())
	x.putModel("pages", "shop/feed.xml", pagedata.Report{Pages: 2, Agree: 1, ByKind: map[pagedata.Kind]int{pagedata.Price: 1}, Findings: []pagedata.Finding{
		{ItemID: "sku-9", URL: "javascript:alert(1)", Kind: pagedata.Price, Severity: feeds.Error, Message: "the feed's price is 1.00 EUR, the page's 2.00 EUR", Fix: "make them the same"}}})
	look("with both", []string{"1,231", "in the feed, and the platform does not have it", "text_value_too_long", "title.length", "seasonal&lt;b&gt;", "New to adsteward", "sku-2", "Event source issues", "12 items", "Few events match; must be repaired",
		"1 of 1", "1 of 2", "95 % interval 9 % to 91 %", "left out: 1 not judged yet", "Another price", "sku-9", "make them the same"},
		[]string{"merchant_id", "<b>", `href="javascript`})

	x.putModel("pages", "shop/feed.xml", pagedata.Report{Pages: 3, Agree: 3})
	look("with nothing wrong", []string{"Every page says what the feed says"}, []string{"sku-9"})
}

func TestItemJudged(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(2)
	x.fillFeeds()
	row := store.ItemStatus{ItemID: "SHOE-1", State: "disapproved", Predicted: "[]", SeenAt: testNow,
		Issues: `[{"code":"landing_page_error","error":true,"description":"Page <b>broken"},{"code":"missing_gtin","error":false,"description":"No GTIN"}]`}
	must(t, x.store.ReplaceItemStatuses(t.Context(), shop, "google", []store.ItemStatus{row}))
	row.State, row.Issues = "absent", "[]"
	must(t, x.store.ReplaceItemStatuses(t.Context(), shop, "meta", []store.ItemStatus{row}))
	a := x.get("/feeds/item?id=SHOE-1", x.as(viewer))
	for _, w := range []string{"What the platforms make of it", "Google Merchant Center", "chip-bad\">Disapproved", "landing_page_error", "Page &lt;b&gt;broken", "keeps it from being shown",
		"missing_gtin", "a warning", "Meta catalog", "Absent", "nothing"} {
		if !strings.Contains(a.Text, w) {
			t.Errorf("status %d: the page lacks %q", a.StatusCode, w)
		}
	}
}
