package feeds

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
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
	// around stands for what an item's meaning rests on beside its bytes, once
	// an item was found.
	around() uint64
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
	known   []*page       // verdicts of the run before, to look in
	useful  *page         // the last of them that was of use
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

	hash    uint64
	verdict []byte // written down, where verdicts are kept
	page    *page  // where it was known from, as the verdict of this index
	index   int
}

// pipe reads blocks from src, has their items checked by as many goroutines as
// there are processors, and hands them to take in order. It returns when all of
// them have ended.
func pipe(src source, k *checker, known *verdictReader, take func(*block) error) error {
	workers := min(runtime.GOMAXPROCS(0), 16)
	under := 2*workers + 1 // blocks on their way
	jobs := make(chan *block, under)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			r := record{right: new([numAttrs]rightValue)}
			var room room
			for b := range jobs {
				b.check(src, k, &r, &room)
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
			b.known = known.window()
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
			known.passed(b.useful)
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
	b.data, b.spans, b.file, b.tail, b.results, b.known, b.useful = b.data[:0], b.spans[:0], nil, nil, b.results[:0], nil, nil
	return b
}

// check reads and checks the items of a block, or recalls what was found out
// about them before.
func (b *block) check(src source, k *checker, r *record, room *room) {
	text := ""
	var at cursor
	hashes := k.keep || len(b.known) > 0
	b.results = slices.Grow(b.results, len(b.spans))[:len(b.spans)] // all zero, see take1
	for i, s := range b.spans {
		res := &b.results[i]
		if hashes && s.problem == "" {
			res.hash = hashText(src.around(), b.data[s.start:s.end])
			if body := at.find(b.known, res.hash); body != nil && k.recall(body, s.line, res, room) {
				b.useful = b.known[at.page]
				res.page, res.index = b.useful, at.index-1
				continue
			}
		}
		if text == "" {
			text = string(b.data)
		}
		r.reset(s.line)
		src.read(text, s, r)
		k.judge(r, res)
		if k.keep && s.problem == "" {
			res.verdict = k.verdict(res, r.valid)
		}
	}
}

// judge checks an item that was read.
func (k *checker) judge(r *record, res *result) {
	if len(r.cells) == maxCells {
		r.broke(k, r.line, fmt.Sprintf("the item has more than %d values; the rest is not read", maxCells))
	}
	res.lost, res.once, res.novel = r.lost, append([]Issue(nil), r.once...), append([]novel(nil), r.novel...)
	if r.lost {
		res.item, res.issues = Item{Line: r.line, ID: clip(r.id())}, r.broken
		return
	}
	r.digest()
	res.issues = k.item(r)
	res.item, res.traces = r.item(), tracesOf(r)
}
