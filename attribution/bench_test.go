package attribution

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// BenchmarkMillionJourneys and BenchmarkTenMillionJourneys time all rules and
// Markov orders 1 to 3 together, end to end from a CSV file with 20 channels,
// five touches on average and hardly two long paths the same.
func BenchmarkMillionJourneys(b *testing.B)    { benchmarkJourneys(b, 1_000_000) }
func BenchmarkTenMillionJourneys(b *testing.B) { benchmarkJourneys(b, 10_000_000) }

func benchmarkJourneys(b *testing.B, rows int) {
	name := filepath.Join(b.TempDir(), "journeys.csv")
	writeJourneys(b, name, rows)
	info, err := os.Stat(name)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(info.Size())
	before := processorSeconds(b)
	for b.Loop() {
		f, err := os.Open(name)
		if err != nil {
			b.Fatal(err)
		}
		j, _, err := ReadCSV(b.Context(), f, ">", Options{Order: 3})
		if err != nil {
			b.Fatal(err)
		}
		f.Close()
		for _, model := range Models() {
			for order := 1; order <= 3 && (order == 1 || model == "markov"); order++ {
				if _, err := j.Attribute(b.Context(), model, order); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	b.ReportMetric((processorSeconds(b)-before)/float64(b.N), "cpu-s/op")
	b.ReportMetric(float64(peakMemory(b))/(1<<20), "peak-MiB")
}

// writeJourneys writes journeys of a chain in which each channel prefers some
// others.
func writeJourneys(b testing.TB, name string, rows int) {
	channels := []string{"Google Search Brand", "Google Search Generic", "Google Shopping", "Performance Max", "YouTube", "Display", "Meta Prospecting",
		"Meta Retargeting", "Instagram Stories", "TikTok", "Pinterest", "Bing", "Affiliate", "Email Newsletter", "Email Cart", "SMS", "Organic Search",
		"Organic Social", "Referral", "Direct"}
	rnd := rand.New(rand.NewPCG(6, 20))
	var leads [20][20]float64 // cumulated
	for i := range leads {
		sum := 0.
		for j := range leads[i] {
			sum += rnd.ExpFloat64()
			leads[i][j] = sum
		}
		for j := range leads[i] {
			leads[i][j] /= sum
		}
	}
	f, err := os.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	fmt.Fprintln(w, "path,total_conversions,total_conversion_value,total_null")
	for range rows {
		at := rnd.IntN(20)
		w.WriteString(channels[at])
		for rnd.Float64() < 0.8 {
			at = next(leads[at][:], rnd.Float64())
			w.WriteString(" > ")
			w.WriteString(channels[at])
		}
		if rnd.Float64() < 0.06 {
			fmt.Fprintf(w, ",1,%d.%02d,0\n", 5+rnd.IntN(200), rnd.IntN(100))
		} else {
			w.WriteString(",0,0,1\n")
		}
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
}

func next(cumulated []float64, p float64) int {
	for i, c := range cumulated {
		if p < c {
			return i
		}
	}
	return len(cumulated) - 1
}

// processorSeconds is what the process has used so far, user and system.
func processorSeconds(b *testing.B) float64 {
	u := usage(b)
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// peakMemory is the most the process has held so far, in bytes.
func peakMemory(b *testing.B) int64 { return usage(b).Maxrss * 1024 }

func usage(b *testing.B) (u syscall.Rusage) {
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u
}
