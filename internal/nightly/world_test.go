package nightly

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"adsteward/feeds"
	"adsteward/feeds/pagedata"
	"adsteward/internal/civil"
	"adsteward/internal/platform"
	"adsteward/store"
	"adsteward/store/storetest"
)

// fakeCatalog is a platform's catalog in memory.
type fakeCatalog struct {
	items []platform.ItemStatus
	err   error
}

func (f *fakeCatalog) ItemStatuses(_ context.Context, yield func([]platform.ItemStatus) error) error {
	if f.err != nil {
		return f.err
	}
	for _, s := range f.items {
		if err := yield([]platform.ItemStatus{s}); err != nil {
			return err
		}
	}
	return nil
}

func (f *fakeCatalog) Groups(context.Context) ([]platform.CatalogGroup, error) {
	return []platform.CatalogGroup{{Code: "EVENT_SOURCE_ISSUES", Error: true, Title: "No events", Items: 3}}, f.err
}

// shopPages is a shop of three products: one as the feed says, one dearer, one gone.
func shopPages(t *testing.T) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		price, known := map[string]string{"/ok": "10.00", "/dear": "11.00"}[r.URL.Path]
		if !known {
			http.NotFound(w, r)
			return
		}
		fmt.Fprintf(w, `<script type="application/ld+json">{"@type":"Product","offers":{"price":"%s","priceCurrency":"EUR"}}</script>`, price)
	}))
	t.Cleanup(s.Close)
	return s
}

func feedOf(t *testing.T, rows string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "feed.tsv")
	if err := os.WriteFile(file, []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func runFeeds(t *testing.T, d *desk) store.Stage {
	t.Helper()
	today := civil.Of(testNow)
	if err := d.RunDirect(t.Context(), "shop", today, []Stage{Feeds}); err != nil {
		t.Fatal(err)
	}
	row, err := d.stageRow(t.Context(), RunID("shop", today), Feeds)
	if err != nil {
		t.Fatal(err)
	}
	return row
}

// TestLandingPagesOfANight looks at the pages of a feed and keeps what they show.
func TestLandingPagesOfANight(t *testing.T) {
	t.Parallel()
	d, shop := setup(t, storetest.Open(t), 1), shopPages(t)
	feed := "id\ttitle\tlink\tprice\tavailability\n"
	for _, id := range []string{"ok", "dear", "gone"} {
		feed += id + "\tA thing\t" + shop.URL + "/" + id + "\t10.00 EUR\tin_stock\n"
	}
	file := feedOf(t, feed)
	pages := func() map[string]pagedata.Report {
		t.Helper()
		m, err := loadModels[pagedata.Report](t.Context(), d.Store.Queries, RunID("shop", civil.Of(testNow)), PagesModel)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	d.Shops[0].Feeds = []Feed{{Location: file, Platform: "both"}}
	if row := runFeeds(t, d); len(pages()) != 0 || row.Error != "" {
		t.Errorf("pages were looked at although nobody asked: %+v", pages())
	}
	d.Shops[0].Feeds[0].Pages = PageSettings{Enabled: true, Sample: 3, Rate: 100, AllowPrivate: true}
	row := runFeeds(t, d)
	if !strings.Contains(row.Summary, "3 landing pages looked at, 1 agree with the feed") || row.Error != "" {
		t.Errorf("the stage says %q, %q", row.Summary, row.Error)
	}
	if d := cmp.Diff(map[pagedata.Kind]int{pagedata.Price: 1, pagedata.Missing: 1}, pages()[file].ByKind); d != "" {
		t.Error(d)
	}
	// Without a sample, what spends is looked at all the same.
	yesterday := civil.Of(testNow).AddDays(-1)
	if err := d.Store.UpsertItemSpend(t.Context(), "shop", "google", "123", yesterday, yesterday.AddDays(-30),
		[]store.ItemSpend{{Date: yesterday, Campaign: "c0", ItemID: "GONE", Cost: 3_000_000}}); err != nil {
		t.Fatal(err)
	}
	d.Shops[0].Feeds[0].Pages.Sample = 0
	runFeeds(t, d)
	if got := pages()[file]; got.Pages != 1 || len(got.Findings) != 1 || got.Findings[0].ItemID != "gone" {
		t.Errorf("of what spends: %+v", got)
	}
	d.Shops[0].Feeds[0].Pages.Sample = 3
	shop.Close()
	if row := runFeeds(t, d); row.State != Done || row.Fault != FaultUnreachable || !strings.Contains(row.Error, "none of the 3 landing pages answered") {
		t.Errorf("with the shop down the stage is %s, %q", row.State, row.Error)
	}
}

// TestCatalogsOfANight keeps the platform's judgement beside the feed's, and
// leaves it as it was where either cannot be had.
func TestCatalogsOfANight(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := setup(t, st, 1)
		file := feedOf(t, "id\ttitle\tdescription\tlink\timage_link\tprice\tavailability\tbrand\tgtin\tcondition\n"+
			"ok\tA thing\tIt is blue\thttps://shop.example/ok\thttps://shop.example/i.jpg\t10.00 EUR\tin_stock\tAcme\t4006381333931\tnew\n"+
			"bad\tA thing\tIt is blue\thttps://shop.example/bad\t\t10.00 EUR\tin_stock\tAcme\t4006381333931\tnew\n"+
			"lost\tA thing\tIt is red\thttps://shop.example/lost\t\t10.00 EUR\tin_stock\tAcme\t4006381333931\tnew\n"+
			"twice\tA thing\tIt is red\thttps://shop.example/twice\thttps://shop.example/i.jpg\t10.00 EUR\tin_stock\tAcme\t4006381333931\tnew\n")
		catalog := &fakeCatalog{items: []platform.ItemStatus{
			{ItemID: "ok", State: platform.ItemApproved},
			{ItemID: "bad", State: platform.ItemDisapproved, Issues: []platform.ItemIssue{{Code: "image_missing", Error: true, Attribute: "image link"}}},
			{ItemID: "old", State: platform.ItemApproved},
			{ItemID: "twice", State: platform.ItemApproved}, {ItemID: "twice", State: platform.ItemDisapproved, Issues: []platform.ItemIssue{{Code: "landing_page_error", Error: true, Attribute: "link"}}},
		}}
		s := &d.Shops[0]
		s.Feeds, s.Catalogs = []Feed{{Location: file, Platform: "both"}}, true
		s.Connect = func(context.Context) ([]Connection, error) {
			return []Connection{{AdAccount: "123", Ads: d.ads, Catalog: catalog}}, nil
		}
		row := runFeeds(t, d)
		if !strings.Contains(row.Summary, "google has judged 4 items and refuses 2") || row.Error != "" {
			t.Errorf("the stage says %q, %q", row.Summary, row.Error)
		}
		states := func() map[string]string {
			t.Helper()
			out := map[string]string{}
			if err := st.EachItemStatus(t.Context(), "shop", func(r store.ItemStatus) error {
				out[r.ItemID] = r.State
				if (r.Predicted == "") != (r.ItemID == "old") || !strings.HasPrefix(r.Issues, "[") {
					t.Errorf("%s is stored with %q and %q", r.ItemID, r.Predicted, r.Issues)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			return out
		}
		want := map[string]string{"ok": "approved", "bad": "disapproved", "lost": "absent", "old": "approved", "twice": "limited"}
		if d := cmp.Diff(want, states()); d != "" {
			t.Error(d)
		}
		scores, err := loadModels[feeds.PlatformScore](t.Context(), st.Queries, RunID("shop", civil.Of(testNow)), ItemScoreModel)
		if err != nil {
			t.Fatal(err)
		}
		got := scores["google"]
		if got.Items != 4 || got.Strange != 1 || got.Precision.Hits != 2 || got.Precision.N != 2 || got.Recall.N != 2 || got.States["absent"] != 1 ||
			len(got.Groups) != 1 || got.Groups[0].Items != 3 {
			t.Errorf("scored %+v", got)
		}
		var rule feeds.RuleScore
		for _, r := range got.Rules {
			if r.Rule == "image_link.required" {
				rule = r
			}
		}
		if rule.Precision.Hits != 1 || rule.Precision.N != 1 || rule.Absent != 1 {
			t.Errorf("of the rule: %+v", rule)
		}

		catalog.err = &platform.Error{Platform: platform.Google, Kind: platform.Retryable, Message: "down"}
		if row := runFeeds(t, d); row.State != Done || row.Fault != FaultUnreachable {
			t.Errorf("with the catalog down the stage is %s: %q", row.State, row.Error)
		}
		catalog.err = nil
		catalog.items = nil
		s.Feeds[0].Location = filepath.Join(t.TempDir(), "none.xml")
		runFeeds(t, d)
		if d := cmp.Diff(want, states()); d != "" {
			t.Errorf("what could not be compared was replaced: %s", d)
		}
	})
}

func TestMerged(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]platform.ItemState{
		{platform.ItemApproved, platform.ItemApproved, platform.ItemApproved},
		{platform.ItemApproved, platform.ItemDisapproved, platform.ItemLimited},
		{platform.ItemDisapproved, platform.ItemPending, platform.ItemDisapproved},
		{platform.ItemPending, platform.ItemApproved, platform.ItemApproved},
		{platform.ItemPending, platform.ItemPending, platform.ItemPending},
		{platform.ItemLimited, platform.ItemDisapproved, platform.ItemLimited},
	} {
		if got := merged(platform.ItemStatus{ItemID: "a", State: c[0]}, platform.ItemStatus{ItemID: "a", State: c[1]}); got.State != c[2] {
			t.Errorf("%s and %s is %s", c[0], c[1], got.State)
		}
	}
}
