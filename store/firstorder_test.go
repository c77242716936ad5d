package store_test

import (
	"testing"

	"adsteward/internal/civil"
	"adsteward/store"
)

func testFirstOrders(t *testing.T, s *store.Store) {
	ctx := t.Context()
	other := order("x", "d", "2026-02-02", 5)
	other.Account = "another shop"
	must(s.UpsertOrders(ctx, []store.Order{
		order("old", "a", "2026-01-31", 10), order("again", "a", "2026-02-02", 10),
		order("first", "b", "2026-02-01", 10), order("same day", "b", "2026-02-01", 10), order("second", "b", "2026-02-02", 10),
		order("guest", "", "2026-02-02", 10), order("guest too", "", "2026-02-03", 10), order("late", "c", "2026-02-04", 10), other,
	}))(t)
	got := map[string]bool{}
	check(t, s.EachFirstOrder(ctx, acc, civil.MustParse("2026-02-01"), civil.MustParse("2026-02-03"), func(id string, guest bool) error {
		got[id] = guest
		return nil
	}))
	same(t, "first orders and guests'", got, map[string]bool{"first": false, "same day": false, "guest": true, "guest too": true})
}
