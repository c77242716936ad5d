package feeds

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
)

// blockSize is about how many bytes of a feed are taken apart at once.
const blockSize = 256 << 10

// maxSpans is how many items a block holds at most, so that feeds of tiny items
// take no more room than others.
const maxSpans = 2048

// source cuts a feed into items, and reads them.
type source interface {
	// fill puts the next items into b, and what is to be said of the file. It
	// returns io.EOF, with or without items, at the end.
	fill(b *block) error
	// read takes one item of a block apart. It is called by several goroutines.
	read(text string, s span, r *record)
}

// span is where an item lies in its block.
type span struct {
	start, end int
	line       int
	problem    string // why it cannot be checked; its id may still be found
}

// block is some items of a feed on their way through the pipe.
type block struct {
	data    []byte
	spans   []span
	file    []Issue // told before the items
	tail    []Issue // told after them
	results []result
	done    chan struct{} // one value when the results are there
}

// result is what was found out about one item.
type result struct {
	item   Item
	issues []Issue
	once   []Issue // of the file, see record.once
	novel  []novel // attributes the platforms do not know
	traces traces
	lost   bool
}

// pipe reads blocks from src, has their items checked by as many goroutines as
// there are processors, and hands them to take in order. It returns when all of
// them have ended.
func pipe(src source, k *checker, take func(*block) error) error {
	workers := min(runtime.GOMAXPROCS(0), 16)
	under := 2*workers + 1 // blocks on their way
	jobs := make(chan *block, under)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			var r record
			for b := range jobs {
				b.check(src, k, &r)
				b.done <- struct{}{}
			}
		})
	}
	defer wg.Wait()
	defer close(jobs)

	var queue, free []*block
	var end error
	for end == nil || len(queue) > 0 {
		if end == nil {
			b := take1(&free)
			end = src.fill(b)
			queue = append(queue, b)
			jobs <- b
		}
		for len(queue) >= under || end != nil && len(queue) > 0 {
			b := queue[0]
			queue = queue[1:]
			<-b.done
			if err := take(b); err != nil {
				return err
			}
			free = append(free, b)
		}
	}
	if errors.Is(end, io.EOF) {
		return nil
	}
	return end
}

// take1 takes a block that was used before, or a new one.
func take1(free *[]*block) *block {
	n := len(*free)
	if n == 0 {
		return &block{done: make(chan struct{}, 1)}
	}
	b := (*free)[n-1]
	*free = (*free)[:n-1]
	clear(b.results)
	b.data, b.spans, b.file, b.tail, b.results = b.data[:0], b.spans[:0], nil, nil, b.results[:0]
	return b
}

// check reads and checks the items of a block.
func (b *block) check(src source, k *checker, r *record) {
	text := string(b.data)
	for _, s := range b.spans {
		r.reset(s.line)
		src.read(text, s, r)
		if len(r.cells) == maxCells {
			r.broke(k, s.line, fmt.Sprintf("the item has more than %d values; the rest is not read", maxCells))
		}
		res := result{lost: r.lost, once: append([]Issue(nil), r.once...), novel: append([]novel(nil), r.novel...)}
		if r.lost {
			res.item, res.issues = Item{Line: r.line, ID: clip(r.id())}, r.broken
		} else {
			r.digest()
			res.issues = k.item(r)
			res.item, res.traces = r.item(), tracesOf(r)
		}
		b.results = append(b.results, res)
	}
}
