package ltv

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// chunk is how many rows one goroutine sums. It does not depend on the machine,
// so that neither does the sum.
const chunk = 2048

// parallel calls f(0) to f(n-1) on as many goroutines as there are processors,
// each taking the next that nobody has.
func parallel(n int, f func(int)) {
	workers := min(n, runtime.GOMAXPROCS(0))
	var taken atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := taken.Add(1) - 1; i < int64(n); i = taken.Add(1) - 1 {
				f(int(i))
			}
		})
	}
	wg.Wait()
}

// inChunks is parallel for functions that take little time.
func inChunks(n int, f func(int)) {
	parallel((n+chunk-1)/chunk, func(c int) {
		for i := c * chunk; i < min((c+1)*chunk, n); i++ {
			f(i)
		}
	})
}
