package feeds

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Verdicts are kept between runs, so that an item whose bytes have not changed
// is not checked again. They lie in the feed's order and are read beside it: a
// window of them is in memory, whatever the feed's length. What is compared
// across items is compared anew each time. A verdict holds for the same rules,
// options and header, and no longer than a rule that looks at the date says the
// same (validity). Kept verdicts that are damaged or of other rules are passed
// over.

// verdictVersion changes whenever a reader or a rule finds something else in the
// same item, which TestVerdictVersion notices, or verdicts are written otherwise.
const verdictVersion = 2

// VerdictMark is what kept verdicts begin with, see Options.Keep.
const VerdictMark = "adsteward verdicts\n"

// Verdicts lie in pages of at most pageRecords and about pageBytes; so many are
// in memory at once, and so many of them behind the last that was of use.
const (
	pageRecords = 1024
	pageBytes   = 256 << 10
	maxPage     = pageBytes + maxVerdict + 64
	maxVerdict  = 64 << 10 // larger ones are not kept
	windowPages = 40
	behindPages = 6
)

// page is some of the verdicts of the run before. It does not change while a
// block may look in it.
type page struct {
	number int
	sum    uint64   // of data
	data   []byte   // of each verdict its item's hash, its length and itself
	starts []uint32 // in data, and the end
	slots  []uint16 // 1 + the index of a start, by the low bits of the hash
}

func (p *page) len() int { return len(p.starts) - 1 }

func (p *page) hash(i int) uint64 { return binary.LittleEndian.Uint64(p.data[p.starts[i]:]) }

func (p *page) body(i int) []byte {
	b := p.data[p.starts[i]+8 : p.starts[i+1]]
	_, w := binary.Uvarint(b)
	return b[w:]
}

// verdictReader holds the window. pages is only appended to and cut at the front,
// so that goroutines may read the pieces they were given.
type verdictReader struct {
	r     *bufio.Reader
	pages []*page
	count int // pages read
	end   bool

	lent, back int // blocks that were given pieces, and those that are done with them
	cut        []cutPage
}

// cutPage is a page no longer given out. Its room is used again when so many
// blocks are back that none looks in it.
type cutPage struct {
	*page
	after int
}

// newVerdictReader returns nil where the verdicts are not of these rules.
func newVerdictReader(r io.Reader, print uint64) *verdictReader {
	v := &verdictReader{r: bufio.NewReaderSize(r, 64<<10)}
	head := make([]byte, len(VerdictMark)+8)
	if _, err := io.ReadFull(v.r, head); err != nil || string(head[:len(VerdictMark)]) != VerdictMark ||
		binary.LittleEndian.Uint64(head[len(VerdictMark):]) != print {
		return nil
	}
	return v
}

// window returns the pages to look in.
func (v *verdictReader) window() []*page {
	if v == nil {
		return nil
	}
	for !v.end && len(v.pages) < windowPages {
		p, err := v.page()
		if v.end = err != nil; !v.end {
			p.number = v.count
			v.count++
			v.pages = append(v.pages, p)
		}
	}
	v.lent++
	return v.pages
}

// passed moves the window on behind a page that was of use to a block, nil where
// none was, when all has been done with the block.
func (v *verdictReader) passed(p *page) {
	if v == nil {
		return
	}
	v.back++
	for p != nil && len(v.pages) > 0 && v.pages[0].number < p.number-behindPages {
		v.cut = append(v.cut, cutPage{v.pages[0], v.lent})
		v.pages = v.pages[1:]
	}
}

// blank returns a page to fill with so many bytes.
func (v *verdictReader) blank(size int) *page {
	if len(v.cut) == 0 || v.cut[0].after > v.back {
		return &page{data: make([]byte, size, max(size, pageBytes+pageBytes/8)), starts: make([]uint32, 1, pageRecords+1), slots: make([]uint16, 2*pageRecords)}
	}
	p := v.cut[0].page
	v.cut = v.cut[1:]
	p.data = slices.Grow(p.data[:0], size)[:size]
	p.starts = p.starts[:1]
	clear(p.slots)
	return p
}

var errVerdicts = errors.New("the kept verdicts are damaged")

func (v *verdictReader) page() (*page, error) {
	size, err := binary.ReadUvarint(v.r)
	if err != nil || size <= 8 || size > maxPage {
		return nil, errVerdicts
	}
	var sum [8]byte
	p := v.blank(int(size) - len(sum))
	if _, err := io.ReadFull(v.r, sum[:]); err != nil {
		return nil, errVerdicts
	}
	data := p.data
	if _, err := io.ReadFull(v.r, data); err != nil {
		return nil, errVerdicts
	}
	if p.sum = binary.LittleEndian.Uint64(sum[:]); hashText(0, data) != p.sum {
		return nil, errVerdicts
	}
	for at := 0; at < len(data); {
		if len(data)-at < 9 || len(p.starts) > pageRecords {
			return nil, errVerdicts
		}
		n, w := binary.Uvarint(data[at+8:])
		if w <= 0 || n > uint64(len(data)-at-8-w) {
			return nil, errVerdicts
		}
		i := binary.LittleEndian.Uint64(data[at:]) % uint64(len(p.slots))
		for p.slots[i] != 0 {
			i = (i + 1) % uint64(len(p.slots))
		}
		p.slots[i] = uint16(len(p.starts))
		at += 8 + w + int(n)
		p.starts = append(p.starts, uint32(at))
	}
	return p, nil
}

// cursor is where the verdict of the next item is looked for first.
type cursor struct{ page, index int }

// find looks for an item's verdict: most often it follows the one before.
func (at *cursor) find(pages []*page, hash uint64) []byte {
	if at.page < len(pages) && at.index == len(pages[at.page].starts)-1 {
		at.page, at.index = at.page+1, 0
	}
	if at.page < len(pages) && pages[at.page].hash(at.index) == hash {
		at.index++
		return pages[at.page].body(at.index - 1)
	}
	for n, p := range pages {
		for i := hash % uint64(len(p.slots)); p.slots[i] != 0; i = (i + 1) % uint64(len(p.slots)) {
			if j := int(p.slots[i]) - 1; p.hash(j) == hash {
				at.page, at.index = n, j+1
				return p.body(j)
			}
		}
	}
	return nil
}

// verdictWriter writes pages. One of the run before whose verdicts all hold, in
// their order, is written as it is.
type verdictWriter struct {
	w    io.Writer
	data []byte
	n    int

	same *page // nil, or the page that has held so far, of which
	held int   // so many verdicts are not yet in data, which is empty
}

func newVerdictWriter(w io.Writer, print uint64) (*verdictWriter, error) {
	if w == nil {
		return nil, nil
	}
	_, err := w.Write(binary.LittleEndian.AppendUint64([]byte(VerdictMark), print))
	return &verdictWriter{w: w}, err
}

// again adds a verdict of the run before.
func (v *verdictWriter) again(p *page, i int) error {
	if v == nil {
		return nil
	}
	if i == 0 && (p.len() >= pageRecords/2 || len(p.data) >= pageBytes/2) { // smaller ones are put together
		if err := v.flush(); err != nil {
			return err
		}
		v.same = p
	}
	if v.same != p || v.held != i {
		return v.add(p.hash(i), p.body(i))
	}
	if v.held++; v.held < p.len() {
		return nil
	}
	v.same, v.held = nil, 0
	return v.page(p.sum, p.data)
}

func (v *verdictWriter) add(hash uint64, body []byte) error {
	if v == nil || len(body) == 0 || len(body) > maxVerdict {
		return nil
	}
	v.part()
	v.data = binary.LittleEndian.AppendUint64(v.data, hash)
	v.data = binary.AppendUvarint(v.data, uint64(len(body)))
	v.data = append(v.data, body...)
	if v.n++; v.n < pageRecords && len(v.data) < pageBytes {
		return nil
	}
	return v.flush()
}

// part takes what has held of a page, and no more of it.
func (v *verdictWriter) part() {
	if v.same != nil {
		v.data, v.n = append(v.data, v.same.data[:v.same.starts[v.held]]...), v.held
		v.same, v.held = nil, 0
	}
}

func (v *verdictWriter) flush() error {
	if v == nil {
		return nil
	}
	if v.part(); v.n == 0 {
		return nil
	}
	err := v.page(hashText(0, v.data), v.data)
	v.data, v.n = v.data[:0], 0
	return err
}

func (v *verdictWriter) page(sum uint64, data []byte) error {
	head := binary.AppendUvarint(nil, uint64(len(data)+8))
	_, err := v.w.Write(binary.LittleEndian.AppendUint64(head, sum))
	if err == nil {
		_, err = v.w.Write(data)
	}
	return err
}

// fingerprint stands for all that a verdict rests on beside the item and what
// stands around it.
func (o Options) fingerprint() uint64 {
	h := hashText(verdictVersion, o.Platform+" "+strings.ToUpper(o.Country))
	for _, id := range slices.Sorted(maps.Keys(o.Severities)) {
		h = hashText(h, id+" "+string(o.Severities[id]))
	}
	for _, r := range Rules() {
		for _, s := range []string{r.ID, r.Attribute, r.Platform, string(r.Severity), r.Fix, r.Code} {
			h = hashText(h, s)
		}
	}
	for a := range firstPlain + attrID(len(plainNames)) { // traces rest on their numbers
		h = hashText(h, nameOf(a))
	}
	if o.Taxonomy != nil {
		for _, number := range slices.Sorted(maps.Keys(o.Taxonomy.paths)) {
			h = hashText(hashText(h, number), o.Taxonomy.paths[number])
		}
	}
	return hashText(h, fmt.Sprint(o.Now.IsZero(), o.Supplemental))
}
