package allocate_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"adsteward/bidding/allocate"
)

// hills draws a problem whose total binds; curves with an alpha above 1 are
// S-shaped.
func hills(n int, lo, hi float64) allocate.Problem {
	d := draws{rand.New(rand.NewPCG(1, uint64(n)))}
	total := 20 * float64(n)
	p := allocate.Problem{Total: &total}
	for i := range n {
		p.Items = append(p.Items, allocate.Item{ID: fmt.Sprint(i), Min: 1, Max: 500, Worth: d.between(0.5, 1.5),
			Curve: allocate.Hill{Coef: d.between(50, 250), Alpha: d.between(lo, hi), Gamma: d.between(20, 60)}})
	}
	return p
}

func powers(n int) allocate.Problem {
	p := hills(n, 1, 1)
	for i := range p.Items {
		p.Items[i].Curve = allocate.Power{Coef: 5 + float64(i%13), Elasticity: 0.4 + float64(i%5)/10}
	}
	return p
}

// bench draws groups whose bounds bind.
func bench(groups, each int) allocate.Problem {
	return draws{rand.New(rand.NewPCG(7, uint64(groups)))}.grouped(groups, each, 0, 0.3)
}

// Every figure is of one problem solved whole. What it is below the bound that
// the price of money proves is rounding for concave curves; S-shaped ones cannot
// reach it. The gap is what the solver itself says may be missing.
func BenchmarkSolve(b *testing.B) {
	for _, c := range []struct {
		name string
		p    allocate.Problem
	}{
		{"power/200", powers(200)}, {"power/10000", powers(10_000)},
		{"hill/200", hills(200, 0.5, 1)}, {"hill/10000", hills(10_000, 0.5, 1)},
		{"s-shaped/50", hills(50, 1.5, 3)}, {"s-shaped/10000", hills(10_000, 1.5, 3)},
		{"s-shaped/30 groups of 3", bench(30, 3)}, {"s-shaped/3000 groups of 3", bench(3000, 3)}, {"s-shaped/10 groups of 1000", bench(10, 1000)},
	} {
		b.Run(c.name, func(b *testing.B) {
			var sol allocate.Solution
			for b.Loop() {
				var err error
				if sol, err = allocate.Solve(c.p); err != nil {
					b.Fatal(err)
				}
			}
			if len(c.p.Groups) == 0 {
				b.ReportMetric(1e9*(1-sol.Objective/ceiling(c.p, sol.ShadowPrice)), "ppb-below-bound")
			}
			b.ReportMetric(1e9*sol.Gap/sol.Objective, "ppb-gap")
		})
	}
}

// The mean over 100 draws of each of 10,000 curves.
func BenchmarkMeanOverDraws(b *testing.B) {
	for _, kind := range []string{"power", "hill", "hill of 1"} {
		p := uncertain(1, 10_000, 100, kind)
		b.Run(kind+"/10000x100", func(b *testing.B) {
			for b.Loop() {
				if _, err := allocate.Solve(p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The worst 20 % of 200 draws, and what is only missed in these; the gap is what
// may be missing to the optimum.
func BenchmarkRisk(b *testing.B) {
	for _, objective := range []string{allocate.CVaR, allocate.Quantile} {
		p := risky(uncertain(1, 100, 200, "power"), objective, 0.2)
		b.Run(objective+"/100x200", func(b *testing.B) {
			var sol allocate.Solution
			for b.Loop() {
				var err error
				if sol, err = allocate.Solve(p); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(100*sol.Gap/sol.Objective, "%-gap")
		})
	}
}

// What sequential quadratic programming does with the same problems, which is
// how SLSQP, which other tools use, works. This one is told the exact curvatures
// and that they are those of each item alone, where SLSQP gathers a full matrix of
// them by and by and takes time that grows with the cube of the items.
func BenchmarkSQP(b *testing.B) {
	for _, c := range []struct {
		name string
		p    allocate.Problem
	}{{"power/200", powers(200)}, {"power/10000", powers(10_000)}, {"hill/200", hills(200, 0.5, 1)}, {"hill/10000", hills(10_000, 0.5, 1)}, {"s-shaped/50", hills(50, 1.5, 3)}} {
		b.Run(c.name, func(b *testing.B) {
			best, err := allocate.Solve(c.p)
			if err != nil {
				b.Fatal(err)
			}
			var found float64
			for b.Loop() {
				found = sqp(c.p)
			}
			b.ReportMetric(1e9*(1-found/ceiling(c.p, best.ShadowPrice)), "ppb-below-bound")
		})
	}
}

// ceiling is what no spends can earn more than, whatever the price of money it
// is computed at; at the right price it is the optimum of concave curves. It is
// found by golden section and shares nothing with the solver.
func ceiling(p allocate.Problem, price float64) float64 {
	var sum float64
	for _, it := range p.Items {
		net := func(x float64) float64 { return it.Worth*it.Curve.Value(x) - price*x }
		const looks = 400 // S-shapes have two hills
		top := it.Min
		for k := range looks + 1 {
			if x := it.Min + (it.Max-it.Min)*float64(k)/looks; net(x) > net(top) {
				top = x
			}
		}
		width := (it.Max - it.Min) / looks
		lo, hi := max(it.Min, top-width), min(it.Max, top+width)
		for range 80 {
			a, b := lo+0.381966*(hi-lo), hi-0.381966*(hi-lo)
			if net(a) > net(b) {
				hi = b
			} else {
				lo = a
			}
		}
		sum += max(net(lo), net(top), net(it.Min), net(it.Max))
	}
	return sum + (price-1)**p.Total
}
