package store_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"adsteward/store"
	"adsteward/store/storetest"
)

// benchEach runs a benchmark on both databases, a fresh one each time.
func benchEach(b *testing.B, fn func(b *testing.B, s *store.Store)) {
	for name, dsn := range dsns {
		b.Run(name, func(b *testing.B) {
			if name == "postgres" && os.Getenv(storetest.EnvPostgres) == "" {
				b.Skip(storetest.EnvPostgres + " is not set")
			}
			for b.Loop() {
				b.StopTimer()
				dsn := dsn(b)
				migrate(b, dsn)
				s, err := store.Open(context.Background(), dsn, store.NewKey())
				check(b, err)
				b.StartTimer()
				fn(b, s)
				b.StopTimer()
				check(b, s.Close())
				b.StartTimer()
			}
		})
	}
}

// benchOrders is a shop's history in the size of CDNOW's.
func benchOrders() []store.Order {
	list := make([]store.Order, 70_000)
	for i := range list {
		list[i] = order(fmt.Sprintf("order-%d", i*7919%len(list)), fmt.Sprint(i%23_570), "1997-01-01", float64(i%100)+0.99)
		list[i].OrderDate = list[i].OrderDate.AddDays(i % 545)
	}
	return list
}

func BenchmarkImportOrders(b *testing.B) {
	list := benchOrders()
	benchEach(b, func(b *testing.B, s *store.Store) { must(s.UpsertOrders(b.Context(), list))(b) })
}

func BenchmarkImportOrdersWithLines(b *testing.B) {
	list := benchOrders()
	for i := range list {
		list[i].Lines = []store.OrderLine{line("sku-1", 1, 10, ptr(euro(4))), line("sku-2", 2, 10, nil)}
	}
	benchEach(b, func(b *testing.B, s *store.Store) { must(s.UpsertOrders(b.Context(), list))(b) })
}

func BenchmarkImportOrdersAgain(b *testing.B) {
	list := benchOrders()
	s := storetest.OpenAt(b, filepath.Join(b.TempDir(), "a.db"), store.NewKey())
	must(s.UpsertOrders(b.Context(), list))(b)
	for b.Loop() {
		if n := must(s.UpsertOrders(b.Context(), list))(b); n != 0 {
			b.Fatalf("%d changed", n)
		}
	}
}

func BenchmarkCustomerDays(b *testing.B) {
	s := storetest.Open(b)
	must(s.UpsertOrders(b.Context(), benchOrders()))(b)
	for b.Loop() {
		n := 0
		check(b, s.EachCustomerDay(b.Context(), acc, day("2099-01-01"), func(store.CustomerDay) error { n++; return nil }))
	}
}

func BenchmarkSourcedDays(b *testing.B) {
	list := benchOrders()
	for i := range list {
		list[i].Lines = []store.OrderLine{line("sku-1", 1, 10, nil), line("sku-2", 2, 10, nil)}
	}
	s := storetest.Open(b)
	must(s.UpsertOrders(b.Context(), list))(b)
	for b.Loop() {
		n := 0
		check(b, s.EachSourcedDay(b.Context(), acc, day("2099-01-01"), "", "", func(store.CustomerDay) error { n++; return nil }))
	}
}

// benchPerformance is 10,000 campaigns over 90 days, by date as a platform reports.
func benchPerformance() []store.Performance {
	rows := make([]store.Performance, 0, 900_000)
	for d := range 90 {
		for c := range 10_000 {
			p := perf(fmt.Sprint(1_000_000+c*37), "2026-01-01", float64(c))
			p.Date = p.Date.AddDays(d)
			rows = append(rows, p)
		}
	}
	return rows
}

func BenchmarkUpsertPerformance(b *testing.B) {
	rows := benchPerformance()
	benchEach(b, func(b *testing.B, s *store.Store) {
		check(b, s.UpsertPerformance(b.Context(), day("2026-04-01"), rows))
	})
}

// BenchmarkNightlyPerformance pulls the last 30 days again, a tenth restated.
func BenchmarkNightlyPerformance(b *testing.B) {
	rows := benchPerformance()
	s := storetest.Open(b)
	asOf := day("2026-04-01")
	check(b, s.UpsertPerformance(b.Context(), asOf, rows))
	again := rows[60*10_000:]
	for b.Loop() {
		b.StopTimer()
		asOf = asOf.AddDays(1)
		for i := 0; i < len(again); i += 10 {
			again[i].Value += euro(1)
		}
		b.StartTimer()
		check(b, s.UpsertPerformance(b.Context(), asOf, again))
	}
}

func BenchmarkReadPerformance(b *testing.B) {
	s := storetest.Open(b)
	check(b, s.UpsertPerformance(b.Context(), day("2026-04-01"), benchPerformance()))
	for b.Loop() {
		n := 0
		check(b, s.EachPerformance(b.Context(), acc, 0, day("2099-01-01"), func(store.Performance) error { n++; return nil }))
	}
}

// BenchmarkSales sums up the orders of 60 days and compares the refunds of 180,
// of a shop of 130 orders a day with two lines each.
func BenchmarkSales(b *testing.B) {
	list := benchOrders()
	for i := range list {
		list[i].Lines = []store.OrderLine{line(fmt.Sprint("sku-", i%500), 1, 10, nil), line(fmt.Sprint("sku-", i%77), 2, 10, ptr(euro(4)))}
		list[i].Campaign = fmt.Sprint("google:", i%100)
		if i%10 == 0 {
			list[i].Refunded = euro(1)
		}
	}
	from, to := day("1998-03-01"), day("1998-06-29")
	benchEach(b, func(b *testing.B, s *store.Store) {
		b.StopTimer()
		must(s.UpsertOrders(b.Context(), list))(b)
		b.StartTimer()
		must(s.Sales(b.Context(), acc, to.AddDays(-60), to, to.AddDays(-7), to.AddDays(-14), to.AddDays(-21), to.AddDays(-28), to.AddDays(-42)))(b)
		must(s.Refunds(b.Context(), acc, from, to, to.AddDays(-7), to.AddDays(-14)))(b)
	})
}
