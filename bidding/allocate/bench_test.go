package allocate_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"adsteward/bidding/allocate"
)

// hills draws a problem whose total binds.
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

func BenchmarkHill(b *testing.B) {
	p := hills(10_000, 0.5, 1)
	for b.Loop() {
		if _, err := allocate.Solve(p); err != nil {
			b.Fatal(err)
		}
	}
}
