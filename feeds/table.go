package feeds

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxCell is how far a quoted cell may go over lines; one that goes on was not
// closed.
const maxCell = 1 << 20

// maxColumns is more than any feed has.
const maxColumns = 2000

// tableSource cuts TSV and CSV into rows. A quote that is not closed, or with
// text behind it, breaks its row only: reading goes on with the next line.
type tableSource struct {
	r     io.Reader
	k     *checker
	sep   byte
	tabs  bool // rows are lines: no cell goes over a line end
	cols  []column
	named uint64 // see around
	buf   []byte // of the block that is being filled
	left  []byte // what the block before left over
	end   error
	line  int  // of what buf begins with
	short bool // what is left of buf holds no whole row
	skip  bool // the rest of a line that is too long is passed over
	last  int  // line of the last row
	file  []Issue
}

// column is what a table's column holds.
type column struct {
	id    attrID
	other string
	parts []attrID // of shipping(country:price)
}

func newTableSource(br *bufio.Reader, format string, k *checker, issues []Issue) (*tableSource, error) {
	skipped, err := skipComments(br)
	if err != nil && !isEnd(err) {
		return nil, err
	}
	head, _ := br.Peek(headSize) // its errors come again on reading
	s := &tableSource{r: br, k: k, line: skipped + 1, file: issues, sep: '\t', tabs: true}
	if format == "csv" {
		s.sep = separator(headerLine(head))
		s.tabs = s.sep == '\t'
	}
	cells, err := s.firstRow()
	if err != nil {
		return nil, err
	}
	if !isHeader(cells, k.supplemental) {
		return nil, errNoHeader(nil)
	}
	s.header(cells)
	s.named = hashText(k.print, fmt.Sprintf("%c%q", s.sep, cells))
	return s, nil
}

// firstRow reads the header.
func (s *tableSource) firstRow() ([]string, error) {
	for {
		if s.end != nil {
			return nil, errNoHeader(s.end)
		}
		s.more(s.k.block)
		if end, _, ok := s.row(s.buf); ok && end <= maxLine {
			cells := s.cells(string(s.buf[:end]), nil)
			if len(cells) > maxColumns {
				return nil, errNoHeader(nil)
			}
			s.drop(end)
			return cells, nil
		} else if len(s.buf) > maxLine {
			return nil, errNoHeader(nil)
		}
	}
}

func errNoHeader(err error) error {
	if err != nil && !isEnd(err) {
		return err
	}
	return &NotAFeed{"no feed is recognised: the first line is no header with id and at least title, link or price; neither is this XML"}
}

// skipComments passes over the lines that begin with # before the header, and
// returns how many.
func skipComments(br *bufio.Reader) (lines int, err error) {
	for {
		head, _ := br.Peek(2)
		if !bytes.HasPrefix(head, []byte("#")) && !bytes.HasPrefix(head, []byte(`"#`)) && !bytes.HasPrefix(head, []byte("\n")) && !bytes.HasPrefix(head, []byte("\r\n")) {
			return lines, nil
		}
		for {
			_, err = br.ReadSlice('\n')
			if !errors.Is(err, bufio.ErrBufferFull) {
				break
			}
		}
		if err != nil {
			return lines, err
		}
		lines++
	}
}

// separator is the one of , ; | ~ and tab that is most often in the header,
// outside quotes and brackets.
func separator(header []byte) byte {
	best, most := byte(','), 0
	for _, sep := range []byte(",;|~\t") {
		n, quoted := 0, false
		for _, c := range header {
			switch {
			case c == '"':
				quoted = !quoted
			case c == sep && !quoted:
				n++
			}
		}
		if n > most {
			best, most = sep, n
		}
	}
	return best
}

// attributeName makes "g:image link" image_link.
func attributeName(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	s = strings.TrimPrefix(s, "g:")
	return strings.ReplaceAll(s, " ", "_")
}

// isHeader takes a row that names id and what every feed has, or, of a feed that
// only adds to another, any attribute.
func isHeader(cells []string, supplemental bool) bool {
	id, other := false, false
	for _, c := range cells {
		n := attributeName(c)
		id = id || n == "id"
		other = other || n == "title" || n == "link" || n == "price" || supplemental && n != "id" && attributeIDs[n] != aOther
	}
	return id && other
}

// header makes columns of the first row.
func (s *tableSource) header(cells []string) {
	seen := map[attrID]bool{}
	for _, c := range cells {
		name := attributeName(c)
		group, list, isGroup := strings.Cut(strings.TrimSuffix(name, ")"), "(")
		plain, _, _ := strings.Cut(strings.NewReplacer("[0]", "", "[1]", "").Replace(group), "[")
		col := column{id: attributeIDs[plain]}
		if col.id == aOther {
			col.other = strings.Clone(name)
			s.novel(name)
		}
		if isGroup {
			for p := range strings.SplitSeq(list, ":") {
				col.parts = append(col.parts, subIDs[subKey{col.id, strings.TrimSpace(p)}])
			}
		}
		if single[col.id] && seen[col.id] {
			s.tell("attribute.twice", name, "the column comes more than once; its first value counts")
		}
		seen[col.id] = true
		s.cols = append(s.cols, col)
	}
}

func (s *tableSource) around() uint64 { return s.named }

func (s *tableSource) novel(name string) {
	if name == "" || strings.ContainsAny(name, ".[:") {
		return
	}
	message := "the platforms know no attribute of this name"
	if like := nearest(name); like != "" {
		message += "; " + like + " may be meant"
	}
	s.tell("attribute.unknown", name, message)
}

func (s *tableSource) tell(rule, name, message string) {
	if issue, ok := s.k.tell(rule, s.line, clip(name), name, clip(name)+": "+message); ok {
		s.file = append(s.file, issue)
	}
}

// more reads so many bytes.
func (s *tableSource) more(size int) {
	s.buf, s.end = readMore(s.r, s.buf, size)
}

// drop forgets the first n bytes of buf.
func (s *tableSource) drop(n int) {
	s.line += bytes.Count(s.buf[:n], []byte("\n"))
	s.left, s.buf = s.buf[n:], nil
}

func (s *tableSource) fill(b *block) error {
	s.buf = append(b.data[:0], s.left...)
	used := 0
	for {
		if s.end == nil && (s.short || len(s.buf) < b.size) {
			s.more(b.lack(len(s.buf), s.short))
		}
		used = s.cut(b)
		s.short = len(b.spans) < maxSpans // what is left is less than a row
		if s.end != nil || len(b.spans) > 0 {
			break
		}
		if used > 0 {
			s.buf = append(s.buf[:0], s.buf[used:]...)
		}
	}
	n := len(b.spans)
	b.exact = n > 0 && bytes.HasSuffix(s.buf[:b.spans[n-1].end], []byte("\n"))
	b.data, b.file = s.buf[:used], s.file
	s.left = append(s.left[:0], s.buf[used:]...)
	s.buf, s.file = nil, nil
	if s.end != nil && !s.short {
		return nil
	}
	if s.end != nil && !errors.Is(s.end, io.EOF) && isEnd(s.end) {
		if issue, ok := s.k.tell("file.truncated", s.last, "", "", "the feed ends in the middle; what came before was checked"); ok {
			b.tail = append(b.tail, issue)
		}
		s.end = io.EOF
	}
	return s.end
}

// jump takes a region for the next rows; see jumper.
func (s *tableSource) jump(b *block, p *page) (start, line int, ok bool) {
	if s.skip {
		return 0, 0, false
	}
	s.buf = append(b.data[:0], s.left...)
	line = s.line
	for n := 1; n > 0 && start < blockSize; { // more emptiness is fill's
		if end := start + p.region.length; s.end == nil && len(s.buf) < end {
			s.more(end - len(s.buf))
		}
		if n = emptyLine(s.buf[start:]); n > 0 {
			start, line = start+n, line+1
		}
	}
	end := start + p.region.length
	if ok = len(s.buf) >= end && hashText(s.named, s.buf[start:end]) == p.region.hash; !ok {
		s.left = append(s.left[:0], s.buf...)
		b.data, s.buf = s.buf[:0], nil
		return 0, 0, false
	}
	s.left = append(s.left[:0], s.buf[end:]...)
	b.data, b.file = s.buf[:end], s.file
	s.buf, s.file = nil, nil
	s.line, s.last, s.short = line+p.region.lines, line+int(p.items[p.len()-1].line), false
	return start, line, true
}

// emptyLine is the length of the empty line data begins with, or 0.
func emptyLine(data []byte) int {
	switch {
	case bytes.HasPrefix(data, []byte("\n")):
		return 1
	case bytes.HasPrefix(data, []byte("\r\n")):
		return 2
	}
	return 0
}

// back makes rows be filled again; see jumper.
func (s *tableSource) back(b *block, index int) {
	from := b.spans[index]
	s.left = append(slices.Clone(b.data[from.start:]), s.left...)
	s.line, s.last, s.short, s.skip = from.line, from.line, false, false
	b.data, b.spans = b.data[:from.start], b.spans[:index]
}

// cut finds whole rows in buf, adds them to the block and returns how far it
// got.
func (s *tableSource) cut(b *block) (pos int) {
	for pos < len(s.buf) && len(b.spans) < maxSpans {
		rest := s.buf[pos:]
		if s.skip {
			end := bytes.IndexByte(rest, '\n')
			if end < 0 {
				return len(s.buf)
			}
			s.skip = false
			s.line++
			pos += end + 1
			continue
		}
		end, problem, whole := s.row(rest)
		if !whole {
			if s.end != nil {
				// The feed was cut short inside the row: by how much is not known.
				if errors.Is(s.end, io.EOF) {
					s.span(b, pos, len(s.buf), problem)
				}
				return len(s.buf)
			}
			if len(rest) > maxLine {
				s.span(b, pos, pos, tooLong)
				s.skip = true
				return len(s.buf)
			}
			return pos
		}
		if end > maxLine {
			problem = tooLong
		}
		s.span(b, pos, pos+end, problem)
		s.line += bytes.Count(rest[:end], []byte("\n"))
		pos += end
	}
	return pos
}

const (
	tooLong   = "the line is longer than the 5 MiB Meta takes"
	badQuotes = "a quoted cell is not closed, or text stands behind its closing quote"
)

func (s *tableSource) span(b *block, start, end int, problem string) {
	if problem == "" && s.buf[start] <= ' ' && len(bytes.TrimSpace(s.buf[start:end])) == 0 {
		return // an empty line
	}
	s.last = s.line
	b.spans = append(b.spans, span{start: start, end: end, line: s.line, problem: problem})
}

// row returns the length of the row data begins with, its line end included;
// whole is false where the end is not in data.
func (s *tableSource) row(data []byte) (end int, problem string, whole bool) {
	nl := bytes.IndexByte(data, '\n')
	line := data
	if nl >= 0 {
		line = data[:nl+1]
	}
	if s.tabs || bytes.IndexByte(line, '"') < 0 {
		return nl + 1, "", nl >= 0
	}
	for p := 0; ; {
		if p < len(data) && data[p] == '"' {
			q, ok := closingQuote(data, p)
			switch {
			case !ok && s.end == nil && len(data)-p <= maxCell:
				return 0, badQuotes, false
			case !ok: // go on with the next line
				return s.afterLine(nl, len(data)), badQuotes, true
			}
			p = q
			if p < len(data) && data[p] == '\r' && p+1 < len(data) && data[p+1] == '\n' {
				p++
			}
			switch {
			case p >= len(data):
				return p, "", s.end != nil
			case data[p] == '\n':
				return p + 1, "", true
			case data[p] != s.sep:
				return s.afterLine(nl, len(data)), badQuotes, true
			}
			p++
			continue
		}
		i := bytes.IndexByte(data[p:], '\n')
		j := bytes.IndexByte(data[p:max(p, p+i)], s.sep)
		if i < 0 {
			j = bytes.IndexByte(data[p:], s.sep)
		}
		switch {
		case j >= 0:
			p += j + 1
		case i >= 0:
			return p + i + 1, "", true
		default:
			return len(data), "", s.end != nil
		}
	}
}

func (s *tableSource) afterLine(nl, n int) int {
	if nl < 0 {
		return n
	}
	return nl + 1
}

// closingQuote returns the position behind the quote that closes the one at p.
func closingQuote(data []byte, p int) (int, bool) {
	for p++; ; p += 2 {
		i := bytes.IndexByte(data[p:], '"')
		if i < 0 {
			return 0, false
		}
		p += i
		if p+1 >= len(data) || data[p+1] != '"' {
			return p + 1, true
		}
	}
}

// cells takes a row apart. A cell wholly in quotes loses them; other quotes are
// text.
func (s *tableSource) cells(row string, out []string) []string {
	row = strings.TrimSuffix(row, "\n")
	row = strings.TrimSuffix(row, "\r")
	for {
		if row != "" && row[0] == '"' {
			if cell, rest, ok := s.quoted(row); ok {
				out = append(out, cell)
				if rest == "" {
					return out
				}
				row = rest[1:]
				continue
			}
		}
		i := strings.IndexByte(row, s.sep)
		if i < 0 {
			return append(out, row)
		}
		out = append(out, row[:i])
		row = row[i+1:]
	}
}

func (s *tableSource) quoted(row string) (cell, rest string, ok bool) {
	for p := 1; ; p += 2 {
		i := strings.IndexByte(row[p:], '"')
		if i < 0 {
			return "", "", false
		}
		p += i
		if p+1 < len(row) && row[p+1] == '"' {
			continue
		}
		if p+1 < len(row) && row[p+1] != s.sep {
			return "", "", false
		}
		cell = row[1:p]
		if strings.IndexByte(cell, '"') >= 0 {
			cell = strings.ReplaceAll(cell, `""`, `"`)
		}
		return cell, row[p+1:], true
	}
}

func (s *tableSource) read(text string, sp span, r *record) {
	if sp.problem != "" {
		r.lost = true
		r.broke(s.k, sp.line, sp.problem)
		return
	}
	var room [64]string
	cells := s.cells(text[sp.start:sp.end], room[:0])
	if len(cells) != len(s.cols) {
		r.lost = true
		if issue, ok := s.k.tell("item.cells", sp.line, "", "", fmt.Sprintf("the row has %d cells where the header has %d", len(cells), len(s.cols))); ok {
			r.broken = append(r.broken, issue)
		}
	}
	for i, c := range cells {
		if i >= len(s.cols) {
			return
		}
		col := &s.cols[i]
		if c = trim(c); c == "" || r.lost && col.id != aID {
			continue
		}
		before := len(r.cells)
		if col.parts != nil {
			r.split(cell{value: c, line: sp.line, name: col.id}, col.parts)
		} else {
			r.add(col.id, col.other, c, sp.line, 0)
		}
		for j := before; j < len(r.cells); j++ {
			if x := &r.cells[j]; x.traits&hasHigh != 0 && !utf8.ValidString(x.value) {
				r.notUTF8(s.k, sp.line, x.label())
				x.value = strings.ToValidUTF8(x.value, "\ufffd")
			}
		}
	}
}
