package store_test

import (
	"testing"

	"adsteward/store"
)

func testItemStatuses(t *testing.T, s *store.Store) {
	ctx := t.Context()
	row := func(platform, id, state string) store.ItemStatus {
		return store.ItemStatus{Account: acc, Platform: platform, ItemID: id, State: state, Issues: `[{"code":"x"}]`, Predicted: `[]`, SeenAt: at}
	}
	list := func(account string) (out []store.ItemStatus) {
		t.Helper()
		check(t, s.EachItemStatus(ctx, account, func(r store.ItemStatus) error { out = append(out, r); return nil }))
		return out
	}
	a, b, m, other := row("google", "a", "approved"), row("google", "b", "disapproved"), row("meta", "a", "pending"), row("google", "a", "limited")
	other.Account = "another shop"
	check(t, s.ReplaceItemStatuses(ctx, acc, "google", []store.ItemStatus{b, row("google", "a", "pending"), a})) // the last of an id holds
	check(t, s.ReplaceItemStatuses(ctx, acc, "meta", []store.ItemStatus{m}))
	check(t, s.ReplaceItemStatuses(ctx, other.Account, "google", []store.ItemStatus{other}))
	for _, r := range []*store.ItemStatus{&a, &b, &m} {
		r.SeenAt = stored(r.SeenAt)
	}
	same(t, "by platform and id", list(acc), []store.ItemStatus{a, b, m})
	same(t, "of one item", must(s.ItemStatuses(ctx, acc, "a"))(t), []store.ItemStatus{a, m})
	same(t, "of no item", len(must(s.ItemStatuses(ctx, acc, "z"))(t)), 0)
	same(t, "of all accounts", len(list("")), 4)
	check(t, s.ReplaceItemStatuses(ctx, acc, "google", []store.ItemStatus{b}))
	same(t, "one is gone", list(acc), []store.ItemStatus{b, m})
	check(t, s.ReplaceItemStatuses(ctx, acc, "google", nil))
	same(t, "all are gone", list(acc), []store.ItemStatus{m})
}
