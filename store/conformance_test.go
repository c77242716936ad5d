package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/store"
	"adsteward/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestConformance is what both databases must do alike.
func TestConformance(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		test func(*testing.T, *store.Store)
	}{
		{"migrations", testMigrations},
		{"contacts shared before", testSharedBefore},
		{"contacts shared at once", testSharedAtOnce},
		{"ad accounts", testAdAccounts},
		{"entities", testEntities},
		{"change events", testChangeEvents},
		{"performance", testPerformance},
		{"performance of many", testPerformanceOfMany},
		{"parts", testParts},
		{"restatements", testRestatements},
		{"orders", testOrders},
		{"orders stream", testOrdersStream},
		{"customer days", testCustomerDays},
		{"first orders", testFirstOrders},
		{"sales", testSales},
		{"sales by age", testSalesByAge},
		{"order campaigns", testOrderCampaigns},
		{"customers", testCustomers},
		{"sealed values stay in place", testSealedInPlace},
		{"touches", testTouches},
		{"identity", testIdentity},
		{"splits", testSplits},
		{"carts", testCarts},
		{"consents", testConsents},
		{"costs and products", testCostsAndProducts},
		{"products of several feeds", testFeedProducts},
		{"feed issues", testFeedIssues},
		{"item spend", testItemSpend},
		{"ads", testAds},
		{"imports and counts", testImportsAndCounts},
		{"batches", testBatches},
		{"runs", testRuns},
		{"models and policies", testModelsAndPolicies},
		{"change sets", testChangeSets},
		{"proposal by prefix", testProposalPrefix},
		{"moving proposals", testMoveProposal},
		{"the newest applied of each", testNewestApplied},
		{"approvals, intents, receipts", testPush},
		{"settings and usage", testSettingsAndUsage},
		{"audit", testAudit},
		{"audit tampering", testAuditTampering},
		{"audit concurrently", testAuditConcurrently},
		{"audience lists", testAudiences},
		{"told conversions", testTold},
		{"item statuses", testItemStatuses},
		{"orders to tell", testOrdersToTell},
		{"experiments", testExperiments},
		{"experiment units", testExperimentUnits},
		{"users and sessions", testUsers},
		{"login links", testLoginLinks},
		{"rollback", testRollback},
		{"lock", testLock},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, c.test)
		})
	}
}

const acc = "shop"

// at is a moment with more digits than a microsecond, in a zone other than UTC,
// to see that both databases give back the same.
var at = time.Date(2026, 3, 29, 1, 59, 59, 123456789, time.FixedZone("CET", 3600))

// stored is what is given back of a time.
func stored(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

func day(s string) civil.Date { return civil.MustParse(s) }

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

func is(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got error %v, want %v", err, want)
	}
}

func euro(f float64) money.Micros { return money.Micros(f * 1e6) }

func ptr[T any](v T) *T { return &v }

func testMigrations(t *testing.T, s *store.Store) {
	list := must(s.MigrationStatus(t.Context()))(t)
	if len(list) == 0 || list[0].Version != 1 || list[0].Name != "00001_init.sql" {
		t.Fatalf("got %+v", list)
	}
	for _, m := range list {
		if !m.Applied || m.At.IsZero() {
			t.Errorf("%s is not applied", m.Name)
		}
	}
	same(t, "applied a second time", must(s.MigrateUp(t.Context()))(t), []string(nil))
}

func testRollback(t *testing.T, s *store.Store) {
	ctx, failure := t.Context(), errors.New("failure")
	put := func(q *store.Queries) error {
		return q.PutSetting(ctx, store.Setting{Key: "k", Value: "v", Actor: "a", UpdatedAt: at})
	}
	is(t, s.InTx(ctx, func(q *store.Queries) error { check(t, put(q)); return failure }), failure)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_ = s.InTx(ctx, func(q *store.Queries) error { check(t, put(q)); panic("boom") })
	}()
	if _, ok, err := s.Setting(ctx, "k"); ok || err != nil {
		t.Fatalf("after rollback: found %v, error %v", ok, err)
	}
	check(t, s.InTx(ctx, put))
	if _, ok, err := s.Setting(ctx, "k"); !ok || err != nil {
		t.Fatalf("after commit: found %v, error %v", ok, err)
	}
}

func testLock(t *testing.T, s *store.Store) {
	ctx := t.Context()
	unlock := must(s.Lock(ctx, "push/shop"))(t)
	if _, err := s.TryLock(ctx, "push/shop"); !errors.Is(err, store.ErrLocked) {
		t.Fatalf("a second holder got %v", err)
	}
	must(s.TryLock(ctx, "push/other"))(t)()

	got := make(chan error, 1)
	go func() {
		unlock, err := s.Lock(ctx, "push/shop")
		if err == nil {
			unlock()
		}
		got <- err
	}()
	select {
	case err := <-got:
		t.Fatalf("the lock was got while held (%v)", err)
	default:
	}
	unlock()
	check(t, <-got)
	must(s.TryLock(ctx, "push/shop"))(t)()

	// Many come and go: never two at once.
	var inside, worst atomic.Int32
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			for done := 0; done < 20; {
				unlock, err := s.TryLock(ctx, "push/shop")
				if errors.Is(err, store.ErrLocked) {
					runtime.Gosched()
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				worst.Store(max(worst.Load(), inside.Add(1)))
				runtime.Gosched()
				inside.Add(-1)
				unlock()
				done++
			}
		})
	}
	wg.Wait()
	if n := worst.Load(); n != 1 {
		t.Errorf("%d held the lock at once", n)
	}
	if s.Dialect() == store.SQLite {
		check(t, func() error { _, err := os.Stat(s.DSN()); return err }())
		if left := must(filepath.Glob(s.DSN() + ".*.lock"))(t); len(left) > 0 {
			t.Errorf("lock files stay behind: %v", left)
		}
	}
}
