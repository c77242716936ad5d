package storefront

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"adsteward/internal/shareddata"
	"adsteward/store"
	"adsteward/store/storetest"
)

func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func counts(t testing.TB, s *store.Store) store.Counts {
	t.Helper()
	c, err := s.Counts(context.Background(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The real order file goes in whole, and a second time without a change.
func TestImportCDNOW(t *testing.T) {
	t.Parallel()
	file := shareddata.Path(t, "ltv/cdnow_master.csv")
	s := storetest.Open(t)
	ctx := context.Background()
	start := time.Now()
	rep, err := Import(ctx, s, file, cdnow())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d rows in %s", rep.Rows, time.Since(start).Round(time.Millisecond))
	c := counts(t, s)
	if rep.Changed != 69659 || c.Orders != 69659 || c.Customers != 23570 {
		t.Errorf("%+v, %+v", rep, c)
	}
	rep, err = Import(ctx, s, file, cdnow())
	if err != nil || !rep.Known {
		t.Errorf("again: %+v, %v", rep, err)
	}
	// The same rows in a file of other bytes: read, and nothing changes.
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	rep, err = Import(ctx, s, write(t, t.TempDir(), "copy.csv", string(raw)+"\n"), cdnow())
	if err != nil || rep.Known || rep.Changed != 0 {
		t.Errorf("the same rows: %+v, %v", rep, err)
	}
}

func TestBadFileLeavesNothing(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	var b strings.Builder
	b.WriteString("order_id,customer_id,ordered_at,revenue\n")
	for i := range 2 * batchSize { // so that batches were handed over before
		b.WriteString(strings.Repeat("x", 1+i%7) + time.Duration(i).String() + ",c,2026-01-01,5\n")
	}
	file := write(t, t.TempDir(), "orders.csv", b.String()+"last,c,2026-01-01,\"12,x\"\n")
	_, err := Import(context.Background(), s, file, options(Orders))
	var bad *BadInput
	if !errors.As(err, &bad) || bad.Line != 2*batchSize+2 || !strings.HasPrefix(err.Error(), file+": line ") {
		t.Errorf("%v", err)
	}
	if c := counts(t, s); c.Orders != 0 || c.Customers != 0 {
		t.Errorf("half a result: %+v", c)
	}
	o := options(Orders)
	o.SkipBad = true
	rep, err := Import(context.Background(), s, file, o)
	if err != nil || rep.Bad != 1 || counts(t, s).Orders != 2*batchSize {
		t.Errorf("%+v %v", rep, err)
	}
}

func TestImportNoFile(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	dir := t.TempDir()
	for file, want := range map[string]string{filepath.Join(dir, "none.csv"): "there is no such file", dir: "is not a regular file"} {
		_, err := Import(context.Background(), s, file, options(Orders))
		var bad *BadInput
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	dir := t.TempDir()
	write(t, dir, "orders-1.csv", "order_id,customer_id,ordered_at,revenue,sku\n1,c,2026-01-01,5,S\n")
	write(t, dir, "orders-2.csv", "order_id,customer_id,ordered_at,revenue\n2,c,2026-01-01,oops\n")
	write(t, dir, "carts.jsonl", `{"cart_id":"k","email":"ann@example.com","updated_at":"2026-01-01","value":12}`)
	write(t, dir, "costs.csv", "sku,unit_cost\nS,2\n")
	write(t, dir, "consents.csv", "email,purpose,granted,at\nann@example.com,ads,true,2026-01-01\n")
	write(t, dir, "touches.csv", "customer_id,at,channel,campaign\nc,2026-01-01,google,7\n")
	write(t, dir, "notes.txt", "nothing to see")
	d := Directory{Path: dir, Options: options("")}
	reports, err := d.Import(context.Background(), s)
	if err == nil || !strings.Contains(err.Error(), "orders-2.csv: line 2: column revenue") {
		t.Errorf("%v", err)
	}
	if len(reports) != 5 || reports[0].Kind != Costs {
		t.Errorf("%+v", reports)
	}
	if c := counts(t, s); c.Orders != 1 || c.Carts != 1 || c.Costs != 1 || c.Consents != 1 || c.Touches != 1 {
		t.Errorf("%+v", c)
	}
	write(t, dir, "orders-2.csv", "order_id,customer_id,ordered_at,revenue\n2,c,2026-01-01,7\n")
	reports, err = d.Import(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range reports {
		if r.Known == strings.HasSuffix(r.Source, "orders-2.csv") {
			t.Errorf("%+v", r)
		}
	}
	if _, err := (Directory{Path: filepath.Join(dir, "none")}).Import(context.Background(), s); err == nil {
		t.Error("a directory that is not there was imported")
	}
}

func TestImportPerformance(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	file := write(t, t.TempDir(), "p.csv", "date,platform,account,campaign_id,campaign,cost,value,conversions,clicks,impressions,budget\n"+
		"2026-01-01,google,123,7,Brand,10,40,2,30,900,50\n2026-01-01,meta,9,8,New,10,40,2,30,900,50\n")
	if _, err := Import(context.Background(), s, file, options(Performance)); err != nil {
		t.Fatal(err)
	}
	entities, err := s.Entities(context.Background(), "shop")
	if err != nil || len(entities) != 2 || counts(t, s).PerformanceRows != 2 {
		t.Errorf("%+v %v", entities, err)
	}
	file = write(t, t.TempDir(), "q.csv", "date,platform,account,campaign_id,campaign,cost,value,conversions,clicks,impressions,budget,currency\n"+
		"2026-01-02,google,123,7,Brand,10,40,2,30,900,50,\n2026-01-02,google,123,8,Other,10,40,2,30,900,50,JPY\n")
	if _, err := Import(context.Background(), s, file, options(Performance)); err == nil || !strings.Contains(err.Error(), "the ad account google 123 is in") || counts(t, s).PerformanceRows != 2 {
		t.Errorf("amounts in a second currency: %v", err)
	}
}

func BenchmarkImportOrders(b *testing.B) {
	file := shareddata.Path(b, "ltv/cdnow_master.csv")
	for b.Loop() {
		if _, err := Import(context.Background(), storetest.Open(b), file, cdnow()); err != nil {
			b.Fatal(err)
		}
	}
}
