package main

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"adsteward/internal/civil"
	"adsteward/internal/present"
	"adsteward/internal/shareddata"
)

// cdnowStart is a day on which the data set's customers are all known, and many
// of them still new: they came in the first quarter of 1997.
var cdnowStart = civil.MustParse("1997-04-15")

// TestRealOrders runs three nights for a shop whose orders are a public data set:
// night by run, decision, push. What the proposals rest on comes from the orders:
// the same market with the first order of each customer alone is worth less.
func TestRealOrders(t *testing.T) {
	t.Parallel()
	orders := shareddata.Path(t, "ltv/cdnow_master.csv")
	w := cdnowWorld(t, orders)
	if out := w.must("status"); !strings.Contains(out, "69659 orders of 23570 customers") {
		t.Errorf("after the import:\n%s", out)
	}
	var pushed []string
	for night := range 3 {
		date := cdnowStart.AddDays(night)
		w.advance(date)
		w.must("run", "--date", date.String())
		open := w.proposals("proposed")
		if len(open) == 0 {
			t.Fatalf("the night of %s leaves no proposal", date)
		}
		for _, p := range open {
			e := p.Evidence
			if !(e.LTVMultiple > 1) || e.K <= 0 || p.Currency != "USD" || e.WindowEnd != date.AddDays(-1) {
				t.Errorf("%s rests on %+v", p.Entity.Name, e)
			}
		}
		// The smallest: what is decided rests, and the others have to find something to
		// move between them on the nights after.
		size := func(p present.Proposal) float64 { return math.Abs((p.Proposed - p.Seen).Float()) }
		ids := []string{slices.MinFunc(open, func(a, b present.Proposal) int { return cmp.Compare(size(a), size(b)) }).ID}
		w.must(append([]string{"proposals", "approve"}, ids...)...)
		w.must("proposals", "apply")
		pushed = append(pushed, ids...)
	}
	w.settled(pushed, nil)

	first := cdnowWorld(t, firstOrders(t, orders))
	first.advance(cdnowStart)
	first.must("run", "--date", cdnowStart.String())
	for _, p := range first.proposals("proposed") {
		if math.Abs(p.Evidence.LTVMultiple-1) > 1e-12 { // of shared budgets it is a quotient
			t.Errorf("without a second order of anybody %s rests on %+v", p.Entity.Name, p.Evidence)
		}
	}
	a, b := worth(t, w), worth(t, first)
	if !strings.Contains(a, "a new customer is worth") || a == b {
		t.Errorf("the orders do not show: %q and %q", a, b)
	}
}

// worth is what the first night says of margin and lifetime value.
func worth(t *testing.T, w *world) string {
	t.Helper()
	for _, s := range decode[struct{ Runs []present.StageRow }](t, w.must("status", "--json")).Runs {
		if s.Stage == "value" && s.Date == cdnowStart {
			return s.Summary
		}
	}
	t.Fatal("no value stage")
	return ""
}

// cdnowWorld is a record shop in USD with the orders of the file and a feed.
func cdnowWorld(t *testing.T, orders string) *world {
	t.Helper()
	sc := demoScenario(t, 1)
	sc.Start, sc.Currency = cdnowStart, "USD"
	w := newWorld(t, worldOptions{scenario: sc, currency: "USD", feed: "feed.tsv"})
	feed := "id\ttitle\tdescription\tlink\timage_link\tavailability\tprice\tbrand\tcondition\tcost_of_goods_sold\n"
	for i := range 50 {
		feed += fmt.Sprintf("cd%03d\tAlbum %d\tA record in good condition\thttps://shop.example/%d\thttps://shop.example/%d.jpg\tin_stock\t14.97 USD\tLabel\tnew\t8.90 USD\n", i, i, i, i)
	}
	w.write("feed.tsv", feed)
	w.must("import", "orders", orders, "--map", "ordered_at=date,revenue=value")
	return w
}

// firstOrders writes the first order of each customer to a file of its own.
func firstOrders(t *testing.T, file string) string {
	t.Helper()
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	name := filepath.Join(t.TempDir(), "first.csv")
	var out strings.Builder
	r, seen := csv.NewReader(in), map[string]bool{}
	for {
		row, err := r.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if !seen[row[0]] {
			seen[row[0]] = true
			out.WriteString(strings.Join(row, ",") + "\n")
		}
	}
	if err := os.WriteFile(name, []byte(out.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
