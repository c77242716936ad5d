package feeds

import (
	"bytes"
	"cmp"
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
	hash       uint64 // of its bytes, where that is known already
}

// block is some items of a feed on their way through the pipe.
type block struct {
	size    int // about how many bytes to fill it with
	data    []byte
	spans   []span
	file    []Issue // told before the items
	tail    []Issue // told after them
	exact   bool    // the spans are what they are whatever follows the last
	results []result
	room    room
	known   []*page       // verdicts of the run before, to look in
	useful  *page         // the last of them that was of use
	done    chan struct{} // one value when the results are there

	page        *page // nil, or the one whose region the items are; there are no spans then
	start, line int   // where it begins

	kept []byte // a page of the verdicts to keep; empty where page is that
	sum  uint64 // of kept
}

// result is what was found out about one item.
type result struct {
	item   Item
	issues []Issue
	once   []Issue // of the file, see record.once
	novel  []novel // attributes the platforms do not know
	traces traces
	lost   bool

	page   *page // where the same bytes are known from, as the item of this index
	index  int
	reused bool // nothing was checked
	kept   bool // it has a place in the page that is kept
}

// pipe has one goroutine read blocks from src, as many as there are processors
// check their items, and hands the blocks to take in order. It returns when all
// of them have ended.
func pipe(src source, k *checker, known *verdictReader, take func(*block) error) error {
	workers := min(runtime.GOMAXPROCS(0), 16)
	under := 2*workers + 1 // blocks on their way
	jobs, queue, free := make(chan *block, under), make(chan *block, under), make(chan *block, under)
	for range under {
		free <- &block{done: make(chan struct{}, 1)}
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	for range workers {
		wg.Go(func() {
			r := record{right: new([numAttrs]rightValue)}
			var next pageBuilder
			for b := range jobs {
				r.room = &b.room
				b.check(src, k, &r, &next)
				b.done <- struct{}{}
			}
		})
	}
	var end error // of src, once the queue is closed
	wg.Go(func() {
		defer close(queue)
		defer close(jobs)
		for b := range free {
			b.size = k.block
			end = known.fill(src, b)
			jobs <- b
			queue <- b
			if end != nil {
				return
			}
		}
	})
	var err error
	for b := range queue {
		if <-b.done; err == nil {
			err = take(b)
			known.passed(cmp.Or(b.page, b.useful))
			if err != nil {
				close(free) // no more is read
				for range free {
				}
			}
		}
		if err == nil {
			b.clear()
			free <- b
		}
	}
	if err != nil {
		return err
	}
	if errors.Is(end, io.EOF) {
		return nil
	}
	return end
}

// clear empties a block for the next items.
func (b *block) clear() {
	clear(b.results)
	*b = block{data: b.data[:0], spans: b.spans[:0], results: b.results[:0], room: b.room[:0], done: b.done, kept: b.kept[:0]}
}

// lack is how many bytes to read to those that are there; short is that they hold
// no whole item.
func (b *block) lack(have int, short bool) int {
	if short {
		return b.size
	}
	return b.size - have
}

// check reads and checks the items of a block, or recalls what was found out
// about them before.
func (b *block) check(src source, k *checker, r *record, next *pageBuilder) {
	next.reset()
	if b.page != nil {
		b.recall(src, k, r, next)
		return
	}
	text := ""
	var at cursor
	hashes := k.keep || len(b.known) > 0
	b.results = slices.Grow(b.results, len(b.spans))[:len(b.spans)] // all zero, see clear
	for i, s := range b.spans {
		res := &b.results[i]
		it := keptItem{start: uint32(s.start - b.spans[0].start), length: uint32(s.end - s.start), line: int32(s.line - b.spans[0].line), hash: s.hash}
		res.kept = k.keep && s.problem == ""
		if hashes && s.problem == "" {
			if it.hash == 0 {
				it.hash = hashText(src.around(), b.data[s.start:s.end])
			}
			if p, j := at.find(b.known, it.hash); p != nil {
				b.useful = p
				res.reused = k.recall(p.num(j), string(p.text(j, j+1)), s.line, res, &b.room)
				if res.page, res.index = p, j; res.reused {
					if res.kept {
						next.again(p, j, it)
					}
					continue
				}
			}
		}
		switch r.reset(s.line); {
		case len(b.known) > 0: // few items are read
			src.read(string(b.data[s.start:s.end]), span{end: s.end - s.start, line: s.line, problem: s.problem}, r)
		default:
			if text == "" {
				text = string(b.data)
			}
			src.read(text, s, r)
		}
		k.judge(r, res)
		if res.kept {
			next.fresh(k, res, r.valid, it)
		}
	}
	b.keep(src, next)
}

// textsAtOnce is the texts of how many items are recalled as one: who keeps an item
// keeps those of its neighbours.
const textsAtOnce = 32

// recall recalls the items of a block that is a region of the run before. Those
// whose verdicts do not hold today are checked, and then all have a new page.
func (b *block) recall(src source, k *checker, r *record, next *pageBuilder) {
	p, n := b.page, b.page.len()
	text, from := "", uint32(0) // of some verdicts at once
	renewed := false
	b.results = slices.Grow(b.results, n)[:n]
	for i := range b.results {
		if i%textsAtOnce == 0 {
			text, from = string(p.text(i, min(i+textsAtOnce, n))), p.items[i].text
		}
		res, it := &b.results[i], p.items[i]
		line := b.line + int(it.line)
		res.reused = k.recall(p.num(i), text[it.text-from:p.items[i+1].text-from], line, res, &b.room)
		res.page, res.index, res.kept = p, i, true
		if !res.reused {
			for j := 0; j < i && !renewed; j++ {
				next.again(p, j, p.items[j])
			}
			renewed = true
			start := b.start + int(it.start)
			r.reset(line)
			src.read(string(b.data[start:start+int(it.length)]), span{end: int(it.length), line: line}, r)
			k.judge(r, res)
			next.fresh(k, res, r.valid, it)
		} else if renewed {
			next.again(p, i, it)
		}
	}
	if renewed && k.keep {
		b.write(next, p.region)
	}
}

// keep makes a page of the block's verdicts.
func (b *block) keep(src source, next *pageBuilder) {
	if next.items == 0 {
		return
	}
	var r region
	if n := len(b.spans); b.exact && next.items == n {
		whole := b.data[b.spans[0].start:b.spans[n-1].end]
		if len(whole) <= maxRegion {
			r = region{hashText(src.around(), whole), len(whole), bytes.Count(whole, []byte("\n"))}
		}
	}
	b.write(next, r)
}

func (b *block) write(next *pageBuilder, r region) {
	b.kept = next.page(b.kept, r)
	b.sum = hashText(0, b.kept)
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
