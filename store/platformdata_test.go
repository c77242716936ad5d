package store_test

import (
	"fmt"
	"testing"
	"time"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/store"
)

func testAdAccounts(t *testing.T, s *store.Store) {
	ctx := t.Context()
	a := store.AdAccount{Account: acc, Platform: "google", AdAccount: "123", Name: "Shop", Currency: "JPY", TimeZone: "Asia/Tokyo",
		BudgetUnit: money.One, MinBudget: 100 * money.One, UpdatedAt: at}
	check(t, s.UpsertAdAccount(ctx, a))
	a.Name, a.UpdatedAt = "Shop Japan", at.Add(time.Hour)
	check(t, s.UpsertAdAccount(ctx, a))
	other := a
	other.Account, other.AdAccount = "other", "456"
	check(t, s.UpsertAdAccount(ctx, other))

	a.UpdatedAt, other.UpdatedAt = stored(a.UpdatedAt), stored(other.UpdatedAt)
	same(t, "one account", must(s.AdAccounts(ctx, acc))(t), []store.AdAccount{a})
	same(t, "all", must(s.AdAccounts(ctx, ""))(t), []store.AdAccount{a, other})
}

func testEntities(t *testing.T, s *store.Store) {
	ctx := t.Context()
	replace := func(now time.Time, entities ...store.Entity) {
		t.Helper()
		check(t, s.ReplaceEntities(ctx, acc, "google", "123", now, entities))
	}
	campaign := store.Entity{EntityType: "campaign", EntityID: "1", Name: "Brand", Detail: `{"a":1}`}
	budget := store.Entity{EntityType: "budget", EntityID: "1", Name: "B", Detail: `{}`}
	check(t, s.ReplaceEntities(ctx, acc, "meta", "9", at, []store.Entity{campaign}))
	replace(at, campaign, budget)
	second := at.Add(24 * time.Hour)
	replace(second, campaign) // the budget is gone, the campaign as it was
	third := second.Add(24 * time.Hour)
	campaign.Detail, campaign.Name = `{"a":2}`, "Brand new"
	replace(third, campaign)

	want := campaign
	want.Account, want.Platform, want.AdAccount, want.FirstSeen, want.UpdatedAt = acc, "google", "123", stored(at), stored(third)
	all := must(s.Entities(ctx, acc))(t)
	if len(all) != 2 || all[1].Platform != "meta" {
		t.Fatalf("another ad account was touched: %+v", all)
	}
	same(t, "entity", all[0], want)
	key := store.Entity{Platform: "google", AdAccount: "123", EntityType: "campaign", EntityID: "1"}
	first, last := key, key
	first.Detail, first.UpdatedAt = `{"a":1}`, stored(at)
	last.Detail, last.UpdatedAt = `{"a":2}`, stored(third)
	same(t, "history", must(s.EntityHistory(ctx, "google", "123", "campaign", "1"))(t), []store.Entity{first, last})
}

func testChangeEvents(t *testing.T, s *store.Store) {
	ctx := t.Context()
	e := store.ChangeEvent{Account: acc, Platform: "google", AdAccount: "123", EntityType: "campaign", EntityID: "1",
		Field: "daily_budget", At: at, Actor: "ann@example.com", Client: "web", OldValue: euro(10), NewValue: euro(12)}
	later := e
	later.At = at.Add(time.Minute)
	check(t, s.UpsertChangeEvents(ctx, []store.ChangeEvent{later, e, e}))
	check(t, s.UpsertChangeEvents(ctx, []store.ChangeEvent{e, later}))
	e.At, later.At = stored(e.At), stored(later.At)
	same(t, "all", must(s.ChangeEvents(ctx, acc, time.Time{}))(t), []store.ChangeEvent{e, later})
	same(t, "since is included", must(s.ChangeEvents(ctx, "", later.At))(t), []store.ChangeEvent{later})
}

// perf is a row of campaign id on a date, cost 1 a value of 4.
func perf(id, date string, value float64) store.Performance {
	return store.Performance{Account: acc, Platform: "google", AdAccount: "123", EntityType: "campaign", EntityID: id, Date: day(date),
		Cost: euro(value / 4), Value: euro(value), Conversions: value / 50, Clicks: 10, Impressions: 1000, PulledAt: stored(at)}
}

func performance(t testing.TB, s *store.Store, account, from, to string) (rows []store.Performance) {
	t.Helper()
	check(t, s.EachPerformance(t.Context(), account, day(from), day(to), func(p store.Performance) error {
		rows = append(rows, p)
		return nil
	}))
	return rows
}

func history(t testing.TB, s *store.Store) int {
	t.Helper()
	var n int
	check(t, s.DB().Get(&n, `SELECT COUNT(*) FROM performance_history`))
	return n
}

func testPerformance(t *testing.T, s *store.Store) {
	ctx := t.Context()
	first, second := perf("2", "2026-03-01", 100), perf("1", "2026-03-02", 50.5)
	check(t, s.UpsertPerformance(ctx, day("2026-03-03"), []store.Performance{perf("2", "2026-03-01", 1), first, second})) // the last of equals counts
	want := []store.Performance{second, first}
	same(t, "rows", performance(t, s, acc, "2026-03-01", "2026-03-02"), want)
	same(t, "one day", performance(t, s, "", "2026-03-02", "2026-03-02"), want[:1])
	same(t, "history", history(t, s), 2)

	later := second
	later.PulledAt = later.PulledAt.Add(24 * time.Hour)
	check(t, s.UpsertPerformance(ctx, day("2026-03-04"), []store.Performance{later}))
	same(t, "unchanged rows are not written", performance(t, s, acc, "2026-03-01", "2026-03-02"), want)

	later.Clicks++
	check(t, s.UpsertPerformance(ctx, day("2026-03-04"), []store.Performance{later}))
	same(t, "clicks", performance(t, s, acc, "2026-03-02", "2026-03-02"), []store.Performance{later})
	later.Eligible = 2500
	check(t, s.UpsertPerformance(ctx, day("2026-03-04"), []store.Performance{later}))
	same(t, "what could have been", performance(t, s, acc, "2026-03-02", "2026-03-02"), []store.Performance{later})
	same(t, "history without a restatement", history(t, s), 2)

	later.Conversions += 0.5
	check(t, s.UpsertPerformance(ctx, day("2026-03-04"), []store.Performance{later}))
	same(t, "history", history(t, s), 3)

	meta := perf("7", "2026-03-05", 10)
	meta.Account, meta.Platform, meta.AdAccount = "other", "meta", "9"
	check(t, s.UpsertPerformance(ctx, day("2026-03-06"), []store.Performance{meta}))
	same(t, "last dates", must(s.LastPerformance(ctx, ""))(t), map[[2]string]civil.Date{
		{"google", "123"}: day("2026-03-02"), {"meta", "9"}: day("2026-03-05")})
	same(t, "last dates of none", must(s.LastPerformance(ctx, "nobody"))(t), map[[2]string]civil.Date{})
}

// What is part of another row is read beside it where it is asked for, and counts in
// no sum; whether it is may change.
func testParts(t *testing.T, s *store.Store) {
	ctx := t.Context()
	whole, part := perf("1", "2026-03-02", 100), perf("9", "2026-03-02", 60)
	whole.EntityType, part.EntityType, part.Part = "campaign", "ad_set", true
	check(t, s.UpsertPerformance(ctx, day("2026-03-03"), []store.Performance{whole}))
	check(t, s.UpsertPerformance(ctx, day("2026-03-03"), []store.Performance{part}))
	series := func() (rows []store.Performance) {
		t.Helper()
		check(t, s.EachSeries(ctx, acc, day("2026-03-01"), day("2026-03-02"), func(p store.Performance) error {
			rows = append(rows, p)
			return nil
		}))
		return rows
	}
	same(t, "series", series(), []store.Performance{part, whole})
	same(t, "days that add up", performance(t, s, acc, "2026-03-01", "2026-03-02"), []store.Performance{whole})
	part.Value *= 2
	check(t, s.UpsertPerformance(ctx, day("2026-03-04"), []store.Performance{part}))
	same(t, "restated", series()[0].Value, part.Value)
	same(t, "restatements", must(s.Restatements(ctx, acc, 0))(t), []store.Restatement{
		{Platform: "google", Date: day("2026-03-02"), AsOf: day("2026-03-03"), Delta: euro(100)}})
	part.Part = false
	check(t, s.UpsertPerformance(ctx, day("2026-03-05"), []store.Performance{part}))
	same(t, "with a budget of its own", performance(t, s, acc, "2026-03-01", "2026-03-02"), []store.Performance{part, whole})
	whole.Part = true
	check(t, s.UpsertPerformance(ctx, day("2026-03-05"), []store.Performance{whole}))
	same(t, "the campaign's is part of it", performance(t, s, acc, "2026-03-01", "2026-03-02"), []store.Performance{part})
	same(t, "restated by what they differ", must(s.Restatements(ctx, acc, 0))(t), []store.Restatement{
		{Platform: "google", Date: day("2026-03-02"), AsOf: day("2026-03-03"), Delta: euro(100)},
		{Platform: "google", Date: day("2026-03-02"), AsOf: day("2026-03-05"), Delta: part.Value - whole.Value}})
	free, later := perf("1", "2026-03-03", 0), part
	later.Date = day("2026-03-04")
	check(t, s.UpsertPerformance(ctx, day("2026-03-05"), []store.Performance{free, later}))
	same(t, "spans of spend", must(s.Spans(ctx, acc, "google", "123", day("2026-03-02"), day("2026-03-04")))(t), []store.Span{
		{EntityType: "ad_set", EntityID: "9", Oldest: day("2026-03-02"), Newest: day("2026-03-04")},
		{EntityType: "campaign", EntityID: "1", Part: true, Oldest: day("2026-03-02"), Newest: day("2026-03-02")}})
	same(t, "of another account", len(must(s.Spans(ctx, acc, "google", "9", 0, day("2026-03-04")))(t)), 0)
}

// testPerformanceOfMany meets several ad accounts in one call, in no order, of
// which some rows are known: each must be compared with its own.
func testPerformanceOfMany(t *testing.T, s *store.Store) {
	ctx := t.Context()
	var rows []store.Performance
	for i := range 3000 {
		p := perf(fmt.Sprint(i%50), "2026-01-01", float64(i+1))
		p.Date, p.AdAccount = p.Date.AddDays(i/150), fmt.Sprint(i/50%3)
		rows = append(rows, p)
	}
	check(t, s.UpsertPerformance(ctx, day("2026-02-01"), rows[1000:2000]))
	check(t, s.UpsertPerformance(ctx, day("2026-02-02"), rows))
	same(t, "history", history(t, s), 3000)
	got := performance(t, s, acc, "2026-01-01", "2026-12-31")
	same(t, "rows", len(got), 3000)
	sum := money.Micros(0)
	for _, p := range got {
		sum += p.Value
	}
	same(t, "sum of values", sum, money.Micros(3000*3001/2)*money.One)
}

func testRestatements(t *testing.T, s *store.Store) {
	ctx := t.Context()
	pull := func(asOf string, rows ...store.Performance) {
		t.Helper()
		check(t, s.UpsertPerformance(ctx, day(asOf), rows))
	}
	pull("2026-03-02", perf("1", "2026-03-01", 100), perf("2", "2026-03-01", 10))
	pull("2026-03-03", perf("1", "2026-03-01", 130), perf("2", "2026-03-01", 10), perf("1", "2026-03-02", 40))
	pull("2026-03-03", perf("1", "2026-03-02", 44)) // pulled twice on one day: the later counts
	pull("2026-03-05", perf("1", "2026-03-01", 120), perf("2", "2026-03-01", 15))
	r := func(date, asOf string, delta float64) store.Restatement {
		return store.Restatement{Platform: "google", Date: day(date), AsOf: day(asOf), Delta: euro(delta)}
	}
	all := []store.Restatement{r("2026-03-01", "2026-03-02", 110), r("2026-03-01", "2026-03-03", 30), r("2026-03-01", "2026-03-05", -5),
		r("2026-03-02", "2026-03-03", 44)}
	same(t, "all", must(s.Restatements(ctx, acc, day("2026-01-01")))(t), all)
	same(t, "from", must(s.Restatements(ctx, "", day("2026-03-02")))(t), all[3:])
}
