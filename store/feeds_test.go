package store_test

import (
	"database/sql"
	"fmt"
	"testing"

	"adsteward/store"
)

func testFeedProducts(t *testing.T, s *store.Store) {
	ctx := t.Context()
	a := store.Product{Account: acc, ItemID: "A-1", Feed: "g.xml", Title: "Blue_shoe", Price: euro(50), Currency: "EUR", SalePrice: ptr(euro(40)),
		SaleFrom: sql.NullTime{Time: stored(at), Valid: true}, Availability: "in_stock", Stock: ptr(int64(3)), ProductType: "Shoes", ItemGroup: "g",
		Brand: "b", Label0: "0", Label1: "1", Label2: "2", Label3: "3", Label4: "4", UnitCost: ptr(euro(20)), Errors: 1, Warnings: 2, GoogleErrors: 1,
		GoogleWarnings: 2, FeedDate: day("2026-01-01")}
	other := store.Product{Account: acc, ItemID: "A-1", Feed: "m.csv", Position: 1, Title: "another title", Errors: 2, MetaErrors: 2, Warnings: 1, MetaWarnings: 1, FeedDate: day("2026-01-01")}
	b := store.Product{Account: acc, ItemID: "B-A-1", Feed: "m.csv", Position: 1, Title: "Hat 100%", FeedDate: day("2026-01-01")}
	check(t, s.ReplaceProducts(ctx, acc, []store.Product{other, b, a}))

	merged := a
	merged.Errors, merged.Warnings, merged.MetaErrors, merged.MetaWarnings = 3, 3, 2, 1
	same(t, "each item once", must(s.Products(ctx, acc))(t), []store.Product{merged, b})
	same(t, "of one feed", must(s.FeedProducts(ctx, acc, "m.csv"))(t), []store.Product{other, b})
	old := store.Product{Account: acc, ItemID: "old", FeedDate: day("2025-01-01")}
	check(t, s.ReplaceProducts(ctx, acc, []store.Product{other, b, a, old}))
	for _, c := range []struct {
		feeds []string
		want  int
	}{{nil, 0}, {[]string{"m.csv"}, 2}, {[]string{"g.xml"}, 1}, {[]string{"g.xml", "m.csv"}, 2}, {[]string{"none"}, 0}} {
		same(t, fmt.Sprint("the size of ", c.feeds), must(s.FeedSize(ctx, acc, c.feeds...))(t), c.want)
	}
	same(t, "with what is of no feed", must(s.FeedProducts(ctx, acc, "g.xml"))(t), []store.Product{a, old})
	check(t, s.ReplaceProducts(ctx, acc, []store.Product{other, b, a}))
	same(t, "one item", must(s.Product(ctx, acc, "A-1"))(t), merged)
	same(t, "the feeds of an item", must(s.FeedsOf(ctx, acc, "A-1"))(t), []string{"g.xml", "m.csv"})
	same(t, "of one that none holds", must(s.FeedsOf(ctx, acc, "none"))(t), []string(nil))
	_, err := s.Product(ctx, acc, "none")
	is(t, err, store.ErrNotFound)
	same(t, "found by id, the beginning first", must(s.FindProducts(ctx, acc, "a-1", 10))(t), []store.Product{merged, b})
	same(t, "found by title", must(s.FindProducts(ctx, acc, "BLUE_", 10))(t), []store.Product{a})
	same(t, "a per cent sign is no wildcard", must(s.FindProducts(ctx, acc, "0%", 10))(t), []store.Product{b})
	if n := len(must(s.FindProducts(ctx, acc, "a", 1))(t)); n != 1 {
		t.Errorf("the limit let %d through", n)
	}
	same(t, "counted once each", must(s.Counts(ctx, acc))(t).Products, int64(2))
}

func testFeedIssues(t *testing.T, s *store.Store) {
	ctx := t.Context()
	put := func(date, item, rule string) {
		check(t, s.ReplaceFeedIssues(ctx, acc, acc+"/"+date, []store.FeedIssue{{Feed: "f", ItemID: item, Line: 7, Rule: rule, Severity: "error",
			Platform: "both", Attribute: "a", Value: "v", Message: "m", Fix: "x"}}))
	}
	list := func(f store.FeedIssueFilter) []store.FeedIssue {
		f.Account, f.RunID = acc, acc+"/"+f.RunID
		return must(s.FeedIssues(ctx, f))(t)
	}
	put("2026-01-01", "a", "old")
	put("2026-01-02", "a", "first")
	put("2026-01-02", "b", "second")
	put("2026-01-03", "c", "third")
	want := store.FeedIssue{Account: acc, RunID: acc + "/2026-01-03", Number: 1, Feed: "f", ItemID: "c", Line: 7, Rule: "third", Severity: "error",
		Platform: "both", Attribute: "a", Value: "v", Message: "m", Fix: "x"}
	same(t, "the newest", list(store.FeedIssueFilter{RunID: "2026-01-03", Rule: "third", ItemID: "c", Limit: 5}), []store.FeedIssue{want})
	if got := list(store.FeedIssueFilter{RunID: "2026-01-02"}); len(got) != 1 || got[0].Rule != "second" {
		t.Errorf("the night before holds %+v", got)
	}
	if got := list(store.FeedIssueFilter{RunID: "2026-01-01"}); len(got) != 0 {
		t.Errorf("older ones stay: %+v", got)
	}
	if got := list(store.FeedIssueFilter{RunID: "2026-01-03", Rule: "first"}); len(got) != 0 {
		t.Errorf("found %+v by a rule they have not broken", got)
	}
}

func testItemSpend(t *testing.T, s *store.Store) {
	ctx := t.Context()
	row := func(date, campaign, item string, cost float64) store.ItemSpend {
		return store.ItemSpend{Date: day(date), Campaign: campaign, ItemID: item, Cost: euro(cost), Value: euro(3 * cost), Conversions: cost / 4, Clicks: 2}
	}
	last := func() string {
		d := must(s.LastItemSpend(ctx, acc, "google", "1"))(t)
		if d.IsZero() {
			return ""
		}
		return d.String()
	}
	same(t, "nothing yet", last(), "")
	check(t, s.UpsertItemSpend(ctx, acc, "google", "1", day("2026-01-01"), day("2025-12-01"),
		[]store.ItemSpend{row("2026-01-01", "7", "a-1", 10), row("2026-01-02", "7", "a-1", 20), row("2026-01-02", "8", "a-1", 5)}))
	check(t, s.UpsertItemSpend(ctx, acc, "meta", "2", day("2026-01-01"), day("2025-12-01"), []store.ItemSpend{row("2026-01-02", "9", "A-1", 1)}))
	same(t, "the newest day", last(), "2026-01-02")
	// A day reported anew replaces what was said of it; other days stay.
	check(t, s.UpsertItemSpend(ctx, acc, "google", "1", day("2026-01-02"), day("2025-12-01"), []store.ItemSpend{row("2026-01-02", "7", "a-1", 21)}))
	sum := func(platform, adAccount, campaign, item string, cost float64, clicks int64) store.ItemSpend {
		return store.ItemSpend{Platform: platform, AdAccount: adAccount, Campaign: campaign, ItemID: item, Cost: euro(cost), Value: euro(3 * cost), Conversions: cost / 4, Clicks: clicks}
	}
	want := []store.ItemSpend{sum("google", "1", "7", "a-1", 31, 4), sum("meta", "2", "9", "A-1", 1, 2)}
	same(t, "sums", must(s.ItemSpendSums(ctx, acc, day("2026-01-01"), day("2026-01-31"), ""))(t), want)
	same(t, "of one item, whatever its case", must(s.ItemSpendSums(ctx, acc, day("2026-01-01"), day("2026-01-31"), "A-1"))(t), want)
	same(t, "of a day", must(s.ItemSpendSums(ctx, acc, day("2026-01-01"), day("2026-01-01"), ""))(t), []store.ItemSpend{sum("google", "1", "7", "a-1", 10, 2)})
	check(t, s.UpsertItemSpend(ctx, acc, "google", "1", day("2026-02-01"), day("2026-01-02"), nil))
	same(t, "old days are forgotten", must(s.ItemSpendSums(ctx, acc, day("2026-01-01"), day("2026-01-31"), "a-1"))(t)[0].Cost, euro(21))
}
