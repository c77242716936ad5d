package store_test

import (
	"database/sql"
	"errors"
	"testing"
	"time"

	"adsteward/internal/money"
	"adsteward/store"
)

func testExperiments(t *testing.T, s *store.Store) {
	ctx := t.Context()
	e := store.Experiment{ExperimentID: "abcdef01", Account: acc, Kind: "switchback", Name: "brand", State: "planned", Plan: "{}", PlanHash: "h",
		Starts: day("2026-03-02"), Ends: day("2026-03-29"), CreatedBy: "ann", CreatedAt: at, Forecast: "{}", UpdatedAt: at}
	other := e
	other.ExperimentID, other.Account, other.CreatedAt = "abcdef02", "another shop", at.Add(time.Hour)
	check(t, s.InsertExperiment(ctx, e))
	check(t, s.InsertExperiment(ctx, other))
	if err := s.InsertExperiment(ctx, e); !errors.Is(err, store.ErrConflict) {
		t.Errorf("stored twice: %v", err)
	}
	e.CreatedAt, e.UpdatedAt = stored(at), stored(at)
	same(t, "by id", must(s.Experiment(ctx, "abcdef01"))(t), e)
	if _, err := s.Experiment(ctx, "abcdef"); !errors.Is(err, store.ErrAmbiguous) {
		t.Errorf("an ambiguous prefix: %v", err)
	}
	if _, err := s.Experiment(ctx, "abc"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a short prefix: %v", err)
	}
	e.State, e.Reason, e.ApprovedBy, e.StartedAt, e.ToRestore, e.Watched = "running", "go", "bob", sql.NullTime{Time: stored(at), Valid: true}, true, "{}"
	if ok := must(s.UpdateExperiment(ctx, e, "planned"))(t); !ok {
		t.Error("it was not moved")
	}
	if ok := must(s.UpdateExperiment(ctx, e, "planned"))(t); ok {
		t.Error("it was moved from a state it is not in")
	}
	same(t, "running ones", must(s.Experiments(ctx, acc, "running", "ended"))(t), []store.Experiment{e})
	same(t, "planned ones", must(s.Experiments(ctx, acc, "planned"))(t), []store.Experiment(nil))

	low := store.IotaEntry{Account: acc, Campaign: "google:1", ExperimentID: "abcdef01", Value: 0.2, SD: 0.1, Ended: day("2026-03-29"), Method: "m", RecordedAt: at}
	check(t, s.PutIota(ctx, low))
	low.Value = 0.3
	check(t, s.PutIota(ctx, low))
	low.RecordedAt = stored(at)
	same(t, "the ledger", must(s.IotaLedger(ctx, acc))(t), []store.IotaEntry{low})
}

// Persons are found by customer id and by e-mail; what they order counts from the
// day of their assignment, and what went before apart from it.
func testExperimentUnits(t *testing.T, s *store.Store) {
	ctx := t.Context()
	check(t, s.InsertExperiment(ctx, store.Experiment{ExperimentID: "x", Account: acc, State: "running", Starts: day("2026-03-02"), Ends: day("2026-03-29"), CreatedAt: at, UpdatedAt: at}))
	must(s.UpsertCustomers(ctx, []store.Customer{{Account: acc, CustomerID: "1", Email: "a@example.com"}, {Account: acc, CustomerID: "2", Email: "b@example.com"}, {Account: acc, CustomerID: "3"}}))(t)
	var key string
	check(t, s.EachCustomer(ctx, acc, func(c store.Customer) error {
		if c.CustomerID == "2" {
			key = c.EmailKey
		}
		return nil
	}))
	order := func(id, customer, date, currency string, revenue, refunded float64) store.Order {
		return store.Order{Account: acc, OrderID: id, CustomerID: customer, OrderedAt: day(date).Time(), OrderDate: day(date), Currency: currency, Country: "DE",
			Revenue: euro(revenue), Refunded: euro(refunded)}
	}
	must(s.UpsertOrders(ctx, []store.Order{order("a", "1", "2026-03-05", "EUR", 50, 10), order("b", "1", "2026-03-01", "EUR", 7, 0), order("c", "2", "2026-03-10", "EUR", 30, 0),
		order("d", "2", "2026-03-04", "EUR", 11, 0), order("e", "2", "2026-03-11", "USD", 99, 0), order("f", "1", "2026-04-20", "EUR", 99, 0), order("g", "3", "2026-03-05", "EUR", 1, 0),
		order("h", "1", "2025-01-01", "EUR", 99, 0)}))(t)
	unit := func(name, arm, on string) store.ExperimentUnit {
		return store.ExperimentUnit{ExperimentID: "x", Unit: name, Arm: arm, AssignedOn: day(on)}
	}
	units := []store.ExperimentUnit{unit("c:1", "treated", "2026-03-02"), unit("c:nobody", "held", "2026-03-02"), unit("e:"+key, "held", "2026-03-08"), unit("c:3", "held", "2026-04-02")}
	check(t, s.AddExperimentUnits(ctx, units))
	check(t, s.AddExperimentUnits(ctx, []store.ExperimentUnit{unit("c:1", "held", "2026-03-20")})) // it keeps what it has
	got := map[string]store.UnitRevenue{}
	check(t, s.EachUnitRevenue(ctx, acc, "x", "EUR", 60, day("2026-03-02"), day("2026-03-29"), func(u store.UnitRevenue) error {
		got[u.Unit] = u
		return nil
	}))
	same(t, "revenue by person", got, map[string]store.UnitRevenue{"c:1": {"c:1", "treated", euro(40), euro(7)},
		"c:nobody": {Unit: "c:nobody", Arm: "held"}, "e:" + key: {"e:" + key, "held", euro(30), euro(11)}})
	same(t, "revenue by day", must(s.RevenueByDay(ctx, acc, "EUR", day("2026-03-05"), day("2026-03-10"), day("2026-04-01")))(t),
		[]store.RegionDay{{day("2026-03-05"), "DE", 2, euro(41)}, {day("2026-03-10"), "DE", 1, 30 * money.One}})
	// Customer 2, acquired on the 4th, does not count with the order of the 10th;
	// customer 1, known since last year, does with that of the 5th.
	same(t, "without later orders of new customers", must(s.RevenueByDay(ctx, acc, "EUR", day("2026-03-04"), day("2026-03-10"), day("2026-03-03")))(t),
		[]store.RegionDay{{day("2026-03-04"), "DE", 1, euro(11)}, {day("2026-03-05"), "DE", 2, euro(41)}})
}
