package nightly

import (
	"runtime"
	"testing"

	"adsteward/internal/civil"
	"adsteward/store/storetest"
)

// BenchmarkNight is a first night without network waits: pull of 90 days, all
// models, proposals, over SQLite and through the queue. Goals: 100 campaigns in
// under 3 s; 10,000 in under 60 s and 1 GiB.
func BenchmarkNight(b *testing.B) {
	for _, n := range []struct {
		name      string
		campaigns int
	}{{"100campaigns", 100}, {"10000campaigns", 10000}} {
		b.Run(n.name, func(b *testing.B) {
			b.ReportAllocs()
			var peak uint64
			for b.Loop() {
				b.StopTimer()
				d := setupBench(b, n.campaigns)
				b.StartTimer()
				if r := runQueued(b, d.Steward, civil.Of(testNow)); r.State != Done {
					b.Fatalf("the run is %s: %s", r.State, stageErrors(b, d.Store, r.RunID))
				}
				b.StopTimer()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak = max(peak, m.Sys)
				b.StartTimer()
			}
			b.ReportMetric(float64(peak)/(1<<20), "MiB-sys")
		})
	}
}

func setupBench(b *testing.B, campaigns int) *desk {
	b.Helper()
	d := setup(b, storetest.Open(b), campaigns)
	d.history(90, civil.Of(testNow))
	return d
}
