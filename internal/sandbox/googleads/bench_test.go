package googleads

import (
	"strings"
	"testing"

	"adsteward/internal/sandbox/market"
)

// BenchmarkDailyReport evaluates and writes a month of daily rows of many
// campaigns, as a night's pull asks for.
func BenchmarkDailyReport(b *testing.B) {
	sc, err := market.ReadScenario(strings.NewReader(strings.Replace(largeScenario(b, 2000), `"history_days":5`, `"history_days":30`, 1)))
	if err != nil {
		b.Fatal(err)
	}
	m, err := market.New(sc)
	if err != nil {
		b.Fatal(err)
	}
	s := New(Options{Market: m, CustomerID: testCustomerID})
	st, err := parseQuery("SELECT campaign.id, segments.date, metrics.cost_micros, metrics.conversions, metrics.conversions_value, metrics.clicks, metrics.impressions FROM campaign WHERE segments.date DURING LAST_30_DAYS")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		q, err := compileQuery(st, m.Today())
		if err != nil {
			b.Fatal(err)
		}
		res := q.run(s.account(false))
		if len(res.records) != 60_000 {
			b.Fatalf("%d rows", len(res.records))
		}
		for from := 0; from < len(res.records); from += chunkSize {
			res.rows(from, from+chunkSize)
		}
	}
}
