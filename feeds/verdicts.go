package feeds

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/bits"
	"slices"
	"strings"
)

// Verdicts are kept between runs, so that an item whose bytes have not changed
// is not checked again. They lie in the feed's order, in pages of one block each,
// and are read beside it: a window of them is in memory, whatever the feed's
// length. A block whose bytes are those of a page as a whole is not even cut into
// items. A verdict holds for the same rules, options and header, and no longer
// than a rule that looks at the date says the same (validity). What comparing an
// item with those before it has found is kept as well, and holds as long as every
// item since the feed's beginning is the same (validator.follows); from there on
// items are compared anew. Kept verdicts that are damaged or of other rules are
// passed over.

// verdictVersion changes whenever a reader or a rule finds something else in the
// same item, which TestVerdictVersion notices, or verdicts are written otherwise.
const verdictVersion = 5

// VerdictMark is what kept verdicts begin with, see Options.Keep.
const VerdictMark = "adsteward verdicts\n"

const verdictHead = int64(len(VerdictMark) + 8) // bytes before the first page

const (
	maxPage    = 2 << 20  // past it the verdicts of a block are not kept
	maxVerdict = 64 << 10 // larger ones are not kept
	maxRegion  = 8 << 20  // longer ones are not compared as a whole
)

// page is the verdicts on the items of one block. It does not change while a
// block may look in it.
//
// Written down it is: the length of the region, its hash and its lines, the
// number of verdicts, the length of all their numbers, then of each the item's
// hash, the lengths of its numbers and its texts, and where the item lies; then
// all numbers and all texts.
type page struct {
	number int
	after  int64 // where the next begins in what was kept
	data   []byte
	sum    uint64 // of data
	region region
	items  []keptItem // and one that says where the last one's texts end
	slots  []uint16   // 1 + the index of an item, by the low bits of its hash; nil until it is looked in

	line  int    // of the first item, which may not be that of today; 0: what was found by comparing is not known
	found []byte // by comparing, see finding
}

// region is a piece of a feed from the beginning of an item to the end of another.
type region struct {
	hash   uint64
	length int // in bytes; 0 is none that could be compared
	lines  int // line ends in it
}

// keptItem is an item of a page: the hash of its bytes, where they lie in the
// region, on which line counted from the region's, and where in the page's data
// its verdict is.
type keptItem struct {
	hash          uint64
	start, length uint32
	line          int32
	num, text     uint32
}

func (p *page) len() int { return len(p.items) - 1 }

// num is the numbers of a verdict, empty where it was not kept.
func (p *page) num(i int) []byte { return p.data[p.items[i].num:p.items[i+1].num] }

// text is the texts of the verdicts from i up to j.
func (p *page) text(i, j int) []byte { return p.data[p.items[i].text:p.items[j].text] }

var errVerdicts = errors.New("the kept verdicts are damaged")

// parse finds out where in data everything is.
func (p *page) parse() error {
	d := verdictDecoder{num: p.data}
	p.region = region{length: d.size(), hash: binary.LittleEndian.Uint64(d.bytes(8)), lines: d.size()}
	n, nums := d.size(), d.size()
	if n == 0 || n > maxSpans || p.region.length > maxRegion {
		return errVerdicts
	}
	p.items, p.slots = p.items[:0], nil
	num, text, end, line := 0, 0, 0, 0
	for range n {
		it := keptItem{hash: binary.LittleEndian.Uint64(d.bytes(8)), num: uint32(num), text: uint32(text)}
		h := d.head()
		num, text, end, line = num+int(h[0]), text+int(h[1]), end+int(h[2]), line+int(h[4]>>1)^-int(h[4]&1)
		it.start, it.length, it.line = uint32(end), uint32(h[3]), int32(line)
		end += int(h[3])
		p.items = append(p.items, it)
	}
	p.items = append(p.items, keptItem{num: uint32(num), text: uint32(text)})
	if d.bad || num != nums || num+text != len(p.data)-d.at || p.region.length != 0 && end != p.region.length {
		return errVerdicts
	}
	for i := range p.items {
		p.items[i].num += uint32(d.at)
		p.items[i].text += uint32(d.at + nums)
	}
	return nil
}

// index makes it possible to look items up.
func (p *page) index() {
	if p.slots != nil {
		return
	}
	p.slots = make([]uint16, 1<<bits.Len(uint(2*p.len())))
	for i := range p.len() {
		at := p.slot(p.items[i].hash)
		for p.slots[at] != 0 {
			at = (at + 1) % len(p.slots)
		}
		p.slots[at] = uint16(i + 1)
	}
}

func (p *page) slot(hash uint64) int { return int(hash & uint64(len(p.slots)-1)) }

// cursor is where the verdict of the next item is looked for first.
type cursor struct{ page, index int }

// find looks for an item's verdict: most often it follows the one before. The
// page is nil where there is none.
func (at *cursor) find(pages []*page, hash uint64) (p *page, index int) {
	if at.page < len(pages) && at.index == pages[at.page].len() {
		at.page, at.index = at.page+1, 0
	}
	if at.page < len(pages) && pages[at.page].items[at.index].hash == hash {
		at.index++
		return pages[at.page], at.index - 1
	}
	for n, p := range pages {
		for i := p.slot(hash); p.slots[i] != 0; i = (i + 1) % len(p.slots) {
			if j := int(p.slots[i]) - 1; p.items[j].hash == hash {
				at.page, at.index = n, j+1
				return p, j
			}
		}
	}
	return nil, 0
}

// pageBuilder makes a page of the items of a block. It is used again.
type pageBuilder struct {
	heads, nums, texts []byte
	items              int
	end, line          int // of the item before
}

func (b *pageBuilder) reset() {
	*b = pageBuilder{heads: b.heads[:0], nums: b.nums[:0], texts: b.texts[:0]}
}

// fresh adds an item that was checked. One whose verdict cannot be kept has a
// place all the same, as it is compared with others.
func (b *pageBuilder) fresh(k *checker, res *result, valid validity, it keptItem) {
	nums, texts, ok := k.verdict(b.nums, b.texts, res, valid)
	if num, text := len(nums)-len(b.nums), len(texts)-len(b.texts); ok && num+text <= maxVerdict && len(nums)+len(texts) <= maxPage {
		b.nums, b.texts = nums, texts
		b.head(it, num, text)
		return
	}
	b.head(it, 0, 0)
}

// again adds an item of the run before.
func (b *pageBuilder) again(p *page, i int, it keptItem) {
	num, text := p.num(i), p.text(i, i+1)
	if len(b.nums)+len(num)+len(b.texts)+len(text) > maxPage {
		num, text = nil, nil
	}
	b.nums, b.texts = append(b.nums, num...), append(b.texts, text...)
	b.head(it, len(num), len(text))
}

func (b *pageBuilder) head(it keptItem, num, text int) {
	b.heads = binary.LittleEndian.AppendUint64(b.heads, it.hash)
	for _, n := range [...]int{num, text, int(it.start) - b.end, int(it.length)} {
		b.heads = binary.AppendUvarint(b.heads, uint64(n))
	}
	b.heads = binary.AppendVarint(b.heads, int64(it.line)-int64(b.line))
	b.items, b.end, b.line = b.items+1, int(it.start+it.length), int(it.line)
}

// page appends what was added to data.
func (b *pageBuilder) page(data []byte, r region) []byte {
	data = binary.AppendUvarint(data, uint64(r.length))
	data = binary.LittleEndian.AppendUint64(data, r.hash)
	for _, n := range [...]int{r.lines, b.items, len(b.nums)} {
		data = binary.AppendUvarint(data, uint64(n))
	}
	return append(append(append(data, b.heads...), b.nums...), b.texts...)
}

// verdictWriter writes pages. As long as they are those of the run before, it
// writes none; with the first that differs, these are copied.
type verdictWriter struct {
	w     io.Writer
	found []byte // by comparing the items of the page that is next

	known *verdictReader // nil once something differs
	same  int            // pages of it that would be written
	until int64          // where the last of these ends
}

func newVerdictWriter(w io.Writer, print uint64, known *verdictReader) (*verdictWriter, error) {
	if w == nil {
		return nil, nil
	}
	if known != nil {
		return &verdictWriter{w: w, known: known, until: verdictHead}, nil
	}
	_, err := w.Write(binary.LittleEndian.AppendUint64([]byte(VerdictMark), print))
	return &verdictWriter{w: w}, err
}

// differ begins to write.
func (v *verdictWriter) differ() error {
	if v.known == nil {
		return nil
	}
	_, err := io.Copy(v.w, io.NewSectionReader(v.known.from, 0, v.until))
	v.known = nil
	return err
}

// end is called once the feed has ended, when pages of the run before may be left
// over. It tells whether nothing was written, as nothing differs.
func (v *verdictWriter) end() (same bool, err error) {
	if v.known != nil && v.known.ends(v.same) {
		return true, nil
	}
	return false, v.differ()
}

// finding notes what comparing the item of the index with others has found, of
// the item or of the file.
func (v *verdictWriter) finding(k *checker, index int, ofFile bool, issues []Issue) {
	if v == nil {
		return
	}
	for i := range issues {
		is := &issues[i]
		of := uint64(index) << 1
		if ofFile {
			of++
		}
		for _, n := range [...]uint64{of, uint64(k.places[rulePlace{is.Rule, is.Platform}]), uint64(is.Line)} {
			v.found = binary.AppendUvarint(v.found, n)
		}
		for _, s := range [...]string{is.Attribute, is.Value, is.Message} {
			v.found = append(binary.AppendUvarint(v.found, uint64(len(s))), s...)
		}
	}
}

// page writes a page, whose first item is on the line, with its findings; a line
// of 0 is that these do not hold for another run. known is the page of the run
// before that it may be, or nil.
func (v *verdictWriter) page(data []byte, sum uint64, line int, known *page) error {
	found := v.found
	v.found = v.found[:0]
	if len(found) > maxPage {
		line, found = 0, nil
	}
	if v.known != nil {
		if known != nil && known.number == v.same && known.line == line && known.sum == sum && bytes.Equal(known.found, found) && bytes.Equal(known.data, data) {
			v.same, v.until = v.same+1, known.after
			return nil
		}
		if err := v.differ(); err != nil {
			return err
		}
	}
	found = append(binary.AppendUvarint(nil, uint64(line)), found...)
	var head []byte
	for _, n := range [...]int{len(data), len(found)} {
		head = binary.AppendUvarint(head, uint64(n))
	}
	head = binary.LittleEndian.AppendUint64(head, sum)
	head = binary.LittleEndian.AppendUint64(head, hashText(sum, found))
	for _, b := range [...][]byte{head, data, found} {
		if _, err := v.w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// findings takes what was found of the page's items up to the index off the
// front of what is left of page.found; bad is what cannot be read.
func (k *checker) findings(found []byte, index int) (left []byte, issues, file []Issue, bad bool) {
	for len(found) > 0 {
		d := verdictDecoder{num: found}
		of := d.uint()
		if of>>1 > uint64(index) {
			break
		}
		place, line := d.uint(), d.size()
		if place >= uint64(len(k.all)) {
			return nil, nil, nil, true
		}
		r := k.all[place]
		is := Issue{Line: line, Attribute: d.inline(), Rule: r.ID, Severity: r.Severity, Platform: r.Platform, Value: d.inline(), Message: d.inline(),
			Fix: r.Fix, Code: r.Code}
		if d.bad {
			return nil, nil, nil, true
		}
		if found = found[d.at:]; of&1 == 0 {
			issues = append(issues, is)
		} else {
			file = append(file, is)
		}
	}
	return found, issues, file, false
}

// fingerprint stands for all that a verdict rests on beside the item and what
// stands around it.
func (o Options) fingerprint() uint64 {
	h := hashText(verdictVersion, o.Platform+" "+strings.ToUpper(o.Country))
	for _, id := range slices.Sorted(maps.Keys(o.Severities)) {
		h = hashText(h, id+" "+string(o.Severities[id]))
	}
	for _, r := range ruleTable() {
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
