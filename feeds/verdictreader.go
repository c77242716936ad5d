package feeds

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"slices"
	"sync/atomic"
)

// Pages of so many bytes are in memory at once, and so many pages of them behind
// the last that was of use.
const (
	windowBytes = 8 << 20
	behindPages = 6
)

// verdictReader reads the verdicts of the run before beside the feed. All its
// methods but passed are of the goroutine that reads the feed. pages is only
// appended to and cut at the front, so that goroutines may read the pieces they
// were given.
type verdictReader struct {
	from  io.ReaderAt
	r     *bufio.Reader
	read  int64 // bytes of from
	pages []*page
	first []uint64 // of each the hash of its first item, 0 where it has no region
	bytes int      // of them
	count int      // pages read
	end   bool
	whole bool // the end is that of what was kept, not damage

	next   int  // number of the page whose region may be what the feed goes on with; -1 is none
	missed bool // it was not, and nothing has been read since
	at     int  // number of the last page that was

	useful, back atomic.Int64 // what passed says: the number of a page, and of blocks
	lent         int64        // blocks that were given pages
	cut          []cutPage
}

// cutPage is a page no longer given out. Its room is used again when so many
// blocks are back that none looks in it.
type cutPage struct {
	*page
	after int64
}

// newVerdictReader returns nil where the verdicts are not of these rules.
func newVerdictReader(from io.ReaderAt, print uint64) *verdictReader {
	r := io.NewSectionReader(from, 0, math.MaxInt64)
	v := &verdictReader{from: from, r: bufio.NewReaderSize(r, 4<<10), read: verdictHead} // pages are read past the buffer
	head := make([]byte, verdictHead)
	if _, err := io.ReadFull(v.r, head); err != nil || string(head[:len(VerdictMark)]) != VerdictMark ||
		binary.LittleEndian.Uint64(head[len(VerdictMark):]) != print {
		return nil
	}
	return v
}

// jumper is a source whose blocks may be compared as a whole.
type jumper interface {
	source
	// jump takes the page's region for the next items, where these are its bytes,
	// and tells where in the block it begins, and on which line.
	jump(b *block, p *page) (start, line int, ok bool)
	// back makes the item of the index and those behind it be filled again.
	back(b *block, index int)
}

// fill fills the block, and gives it pages to look in.
func (v *verdictReader) fill(src source, b *block) error {
	if v == nil {
		return src.fill(b)
	}
	v.lent++
	v.leave()
	jump, can := src.(jumper)
	if p := v.expected(); can && p != nil && p.region.length > 0 {
		if start, line, ok := jump.jump(b, p); ok {
			b.page, b.start, b.line = p, start, line
			v.at, v.next, v.missed = p.number, p.number+1, false
			return nil
		}
		v.missed = true
	}
	v.next = -1
	size := b.size
	if can {
		b.size += size / 2 // for a region that has grown
	}
	err := src.fill(b)
	b.known = v.window()
	if can && err == nil {
		v.align(jump, b, size)
	}
	v.missed = false
	return err
}

// align ends a block where a region of the run before begins, if one does. Small
// pieces between two regions are put together with what follows, and what has
// grown too much is cut in two, so that pages stay of about the size.
func (v *verdictReader) align(src jumper, b *block, size int) {
	half := -1
	for i := range b.spans {
		s := &b.spans[i]
		before := s.start - b.spans[0].start
		if half < 0 && before >= size*3/4 {
			half = i
		}
		if s.problem != "" {
			continue
		}
		s.hash = hashText(src.around(), b.data[s.start:s.end])
		if i == 0 && v.missed || i > 0 && before < size/4 {
			continue
		}
		if p := slices.Index(v.first, s.hash); p >= 0 {
			v.next = v.pages[p].number
			src.back(b, i)
			return
		}
	}
	if n := len(b.spans); half > 0 && b.spans[n-1].end-b.spans[0].start > size {
		src.back(b, half)
	}
}

// expected is the page next in the feed, or nil.
func (v *verdictReader) expected() *page {
	if v.next < 0 {
		return nil
	}
	for v.count <= v.next && v.more() {
	}
	if i := v.next - v.count + len(v.pages); i >= 0 && i < len(v.pages) {
		return v.pages[i]
	}
	return nil
}

// window returns the pages to look in.
func (v *verdictReader) window() []*page {
	for v.bytes < windowBytes && v.more() {
	}
	for _, p := range v.pages {
		p.index()
	}
	return v.pages
}

// more reads a page.
func (v *verdictReader) more() bool {
	if v.end {
		return false
	}
	p, err := v.page()
	if v.end = err != nil; v.end {
		v.whole = errors.Is(err, io.EOF)
		return false
	}
	p.number = v.count
	v.count++
	v.bytes += len(p.data)
	v.pages, v.first = append(v.pages, p), append(v.first, 0)
	if p.region.length > 0 {
		v.first[len(v.first)-1] = p.items[0].hash
	}
	return true
}

// ends tells whether so many pages are all there are, and none is damaged. It is
// for when the feed has been read.
func (v *verdictReader) ends(pages int) bool {
	return !v.more() && v.whole && v.count == pages
}

// leave moves the window on behind the last page that was of use.
func (v *verdictReader) leave() {
	for last := max(v.at, int(v.useful.Load())); len(v.pages) > 0 && v.pages[0].number < last-behindPages; {
		v.bytes -= len(v.pages[0].data)
		v.cut = append(v.cut, cutPage{v.pages[0], v.lent - 1})
		v.pages, v.first = v.pages[1:], v.first[1:]
	}
}

// passed says that all has been done with a block, and which page was of use to
// it, nil where none was. It may be called from another goroutine, always the same.
func (v *verdictReader) passed(p *page) {
	if v == nil {
		return
	}
	if p != nil {
		v.useful.Store(max(v.useful.Load(), int64(p.number)))
	}
	v.back.Add(1)
}

// blank returns a page to fill with so many bytes.
func (v *verdictReader) blank(size int) *page {
	if len(v.cut) == 0 || v.cut[0].after > v.back.Load() {
		return &page{data: make([]byte, size)}
	}
	p := v.cut[0].page
	v.cut = v.cut[1:]
	p.data = slices.Grow(p.data[:0], size)[:size]
	return p
}

// page reads the next page; io.EOF is that there is none.
func (v *verdictReader) page() (*page, error) {
	if _, err := v.r.Peek(1); errors.Is(err, io.EOF) {
		return nil, io.EOF
	}
	var sizes [2]int
	for i := range sizes {
		n, err := binary.ReadUvarint(v.r)
		if err != nil || n == 0 || n > 2*maxPage {
			return nil, errVerdicts
		}
		sizes[i] = int(n)
		v.read += int64(len(binary.AppendUvarint(nil, n)))
	}
	var sums [16]byte
	if _, err := io.ReadFull(v.r, sums[:]); err != nil {
		return nil, errVerdicts
	}
	p := v.blank(sizes[0])
	if _, err := io.ReadFull(v.r, p.data); err != nil {
		return nil, errVerdicts
	}
	p.found = make([]byte, sizes[1])
	if _, err := io.ReadFull(v.r, p.found); err != nil {
		return nil, errVerdicts
	}
	if p.sum = hashText(0, p.data); p.sum != binary.LittleEndian.Uint64(sums[:]) || hashText(p.sum, p.found) != binary.LittleEndian.Uint64(sums[8:]) {
		return nil, errVerdicts
	}
	v.read += int64(len(sums) + sizes[0] + sizes[1])
	p.after = v.read
	d := verdictDecoder{num: p.found}
	p.line = d.size()
	p.found = p.found[d.at:]
	return p, p.parse()
}
