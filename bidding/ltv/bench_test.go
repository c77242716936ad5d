package ltv

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat/distuv"

	"adsteward/internal/civil"
)

// BenchmarkLTV is `adsteward ltv FILE --customers OUT.csv` without the process:
// read, summarise, fit, predict, value and write. Goal: a million customers with
// 2.8 million orders in under 6 s and 1 GiB on two cores, growing linearly: ns
// per customer are to be the same for a quarter of them. The seconds of parts are
// those of --json; peak-MiB is what the process held so far, so that the small
// file comes first.
func BenchmarkLTV(b *testing.B) {
	for _, n := range []int{250_000, 1_000_000} {
		name := filepath.Join(b.TempDir(), fmt.Sprint(n, ".csv"))
		orders := writeOrders(b, name, n)
		for _, m := range models[1:] {
			b.Run(fmt.Sprintf("%s/%d", m, n), func(b *testing.B) { benchmarkLTV(b, name, n, orders, m) })
		}
	}
}

func benchmarkLTV(b *testing.B, name string, customers, orders int, m Model) {
	parts, before := map[string]float64{}, processorSeconds(b)
	for b.Loop() {
		start := time.Now()
		f, err := os.Open(name)
		if err != nil {
			b.Fatal(err)
		}
		l, err := ReadOrders(f)
		if err != nil {
			b.Fatal(err)
		}
		f.Close()
		parts["read"] += time.Since(start).Seconds()
		a, err := Analyse(l, Question{Model: m, Horizon: 365, Discount: 0.1, Margin: 1, PerCustomer: true, Rand: rand.New(rand.NewPCG(1, 1)), Clock: func() time.Duration { return time.Since(start) }})
		if err != nil {
			b.Fatal(err)
		}
		if a.Customers != customers || len(l.orders) != orders {
			b.Fatalf("%d customers, %d orders", a.Customers, len(l.orders))
		}
		for part, s := range a.Seconds {
			parts[part] += s
		}
		start = time.Now()
		out, err := os.Create(name + ".out")
		if err != nil {
			b.Fatal(err)
		}
		if err := WriteCustomers(out, a.Rows); err != nil {
			b.Fatal(err)
		}
		if err := out.Close(); err != nil {
			b.Fatal(err)
		}
		parts["write"] += time.Since(start).Seconds()
	}
	for part, s := range parts {
		b.ReportMetric(s/float64(b.N), "s-"+part)
	}
	b.ReportMetric((processorSeconds(b)-before)/float64(b.N), "cpu-s/op")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(customers), "ns/customer")
	b.ReportMetric(float64(orders), "orders")
	b.ReportMetric(float64(usage(b).Maxrss)/1024, "peak-MiB")
}

// writeOrders writes what customers of a BG/NBD and Gamma-Gamma shop bought in
// two years, some 2.8 orders each, oldest first as an export has them: the orders
// of a customer lie far apart.
func writeOrders(b testing.TB, name string, customers int) (orders int) {
	b.Helper()
	const days = 730
	rnd := rand.New(rand.NewPCG(9, 23))
	gamma := func(shape, rate float64) float64 { return distuv.Gamma{Alpha: shape, Beta: rate, Src: rnd}.Rand() }
	type order struct {
		customer int32
		value    float64
	}
	byDay := make([][]order, days)
	for i := range customers {
		rate, leave := gamma(.5, 50), distuv.Beta{Alpha: .8, Beta: 3.5, Src: rnd}.Rand()
		scale := gamma(4, 30)
		for at := days * rnd.Float64(); at < days; at += rnd.ExpFloat64() / rate {
			byDay[int(at)] = append(byDay[int(at)], order{int32(i), gamma(5, scale)})
			if orders++; rnd.Float64() < leave {
				break
			}
		}
	}
	f, err := os.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	var line []byte
	_, _ = io.WriteString(w, "customer_id,date,value\n") // Flush says what fails
	for day, all := range byDay {
		date := civil.MustParse("2023-01-01").AddDays(day).String()
		for _, o := range all {
			line = fmt.Appendf(line[:0], "C%07d,%s,", o.customer, date)
			line = append(strconv.AppendFloat(line, o.value, 'f', 2, 64), '\n')
			_, _ = w.Write(line)
		}
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	return orders
}

// BenchmarkRefit is the lifetime part of a night: ten million orders of ten years,
// streamed by customer as the store does, counted and fitted. It holds what
// bounding the counts costs against counting all histories apart: builder-MiB,
// and by how much the multiple and the parameters are moved.
func BenchmarkRefit(b *testing.B) {
	shop := newStream(1_700_000)
	var exact *Fit
	for _, c := range []struct {
		name string
		most int
	}{{"apart", math.MaxInt}, {"bounded", maxRows}} {
		b.Run(c.name, func(b *testing.B) {
			var f *Fit
			var build, held float64
			var rows int
			for b.Loop() {
				b.StopTimer()
				before := heap()
				b.StartTimer()
				start := time.Now()
				builder := NewBuilder(shop.from.AddDays(shop.days))
				builder.rows.most = c.most
				shop.feed(b, builder)
				build += time.Since(start).Seconds()
				b.StopTimer()
				held, rows = heap()-before, len(builder.rows.n)
				b.StartTimer()
				var err error
				if f, err = FitNight(builder.Data(), Options{365, 0.1}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(shop.orders), "orders")
			b.ReportMetric(float64(rows), "rows")
			b.ReportMetric(build/float64(b.N), "s-build")
			b.ReportMetric(held/(1<<20), "builder-MiB")
			if exact == nil {
				exact = f
				return
			}
			worst := 0.0
			for _, name := range f.Orders.Model.Names() {
				worst = max(worst, math.Abs(f.Orders.Params.Of(name)/exact.Orders.Params.Of(name)-1))
			}
			if f.Orders.Model != exact.Orders.Model {
				b.Errorf("%s, and counted apart %s", f.Orders.Model, exact.Orders.Model)
			}
			b.ReportMetric(1e6*math.Abs(f.DefaultLambda()/exact.DefaultLambda()-1), "ppm-multiple")
			b.ReportMetric(1e6*worst, "ppm-parameter")
		})
	}
}

// stream is a shop's orders in little memory.
type stream struct {
	from   civil.Date
	days   int
	orders int
	ends   []int32 // of each customer's orders
	day    []int16
	value  []float32
}

func newStream(customers int) *stream {
	s := &stream{from: civil.MustParse("2015-01-01"), days: 3650}
	w := newWorld(77)
	w.days, w.p = s.days, Params{R: .5, Alpha: 60, A: .8, B: 3.5}
	for range customers {
		days, values := w.customer(1, s.days)
		for i, d := range days {
			s.day, s.value = append(s.day, int16(d)), append(s.value, float32(values[i]))
		}
		s.ends = append(s.ends, int32(len(s.day)))
	}
	s.orders = len(s.day)
	return s
}

func (s *stream) feed(b *testing.B, builder *Builder) {
	at := int32(0)
	for i, end := range s.ends {
		id := strconv.Itoa(i)
		for ; at < end; at++ {
			if err := builder.Add(id, s.from.AddDays(int(s.day[at])), float64(s.value[at])); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// heap is the bytes in use after a collection.
func heap() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// processorSeconds is what the process has used so far, user and system.
func processorSeconds(b *testing.B) float64 {
	u := usage(b)
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

func usage(b *testing.B) (u syscall.Rusage) {
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u
}
