package store_test

import (
	"fmt"
	"testing"

	"adsteward/internal/civil"
	"adsteward/store"
)

func testAds(t *testing.T, s *store.Store) {
	ctx := t.Context()
	row := func(ad, date string, cost float64) store.AdDay {
		return store.AdDay{AdID: ad, Name: "Film " + ad, Campaign: "7", AdSet: "70", Date: day(date), Cost: euro(cost), Conversions: cost / 4, Clicks: 5, Impressions: 500}
	}
	last := func() civil.Date { return must(s.LastAdDay(ctx, acc, "meta", "1"))(t) }
	list := func(from, to, since string, most int) (out []string) {
		for _, d := range must(s.TopAds(ctx, acc, day(to), day(since), most))(t) {
			out = append(out, fmt.Sprint(d.Platform, " ", d.AdAccount, " ", d.AdID, " ", d.Name, " ", d.Campaign, "/", d.AdSet))
		}
		check(t, s.EachAdDay(ctx, acc, day(from), day(to), day(since), most, func(d store.AdDay) error {
			out = append(out, fmt.Sprint(d.Platform, " ", d.AdAccount, " ", d.AdID, " ", d.Date, " ", d.Cost.Decimal(), " ", d.Conversions, " ", d.Clicks, " ", d.Impressions))
			return nil
		}))
		return out
	}
	same(t, "nothing yet", last(), civil.Date(0))
	check(t, s.UpsertAdDays(ctx, acc, "meta", "1", nil))
	check(t, s.UpsertAdDays(ctx, acc, "meta", "1", []store.AdDay{row("a", "2026-01-01", 4), row("a", "2026-01-02", 8), row("b", "2026-01-02", 10), row("c", "2026-01-01", 90), row("d", "2026-01-02", 0)}))
	check(t, s.UpsertAdDays(ctx, acc, "google", "2", []store.AdDay{row("a", "2026-01-02", 1)}))
	same(t, "the newest day", last(), day("2026-01-02"))
	// A day reported anew replaces what was said of it, a new name the old one.
	again := row("a", "2026-01-02", 16)
	again.Name = "Film A"
	check(t, s.UpsertAdDays(ctx, acc, "meta", "1", []store.AdDay{row("a", "2026-01-02", 12), again}))
	same(t, "of those that spend now the most expensive of each ad account", list("2026-01-01", "2026-01-31", "2026-01-02", 1), []string{
		"google 2 a Film a 7/70", "meta 1 a Film A 7/70",
		"google 2 a 2026-01-02 1 0.25 5 500", "meta 1 a 2026-01-01 4 1 5 500", "meta 1 a 2026-01-02 16 4 5 500"})
	same(t, "a shorter view", list("2026-01-02", "2026-01-31", "2026-01-02", 10), []string{
		"google 2 a Film a 7/70", "meta 1 a Film A 7/70", "meta 1 b Film b 7/70",
		"google 2 a 2026-01-02 1 0.25 5 500", "meta 1 a 2026-01-02 16 4 5 500", "meta 1 b 2026-01-02 10 2.5 5 500"})
	same(t, "of another account", must(s.LastAdDay(ctx, "other", "meta", "1"))(t), civil.Date(0))
	check(t, s.ForgetAds(ctx, acc, "meta", "1", day("2026-01-02")))
	same(t, "old days and what had no others are forgotten", list("2026-01-01", "2026-01-31", "2026-01-01", 10), []string{
		"google 2 a Film a 7/70", "meta 1 a Film A 7/70", "meta 1 b Film b 7/70",
		"google 2 a 2026-01-02 1 0.25 5 500", "meta 1 a 2026-01-02 16 4 5 500", "meta 1 b 2026-01-02 10 2.5 5 500"})
	names := 0
	check(t, s.DB().GetContext(ctx, &names, `SELECT COUNT(*) FROM ads`))
	same(t, "ads", names, 4)
}
