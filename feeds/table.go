package feeds

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// maxLine is the longest line Meta takes.
const maxLine = 5_242_880

// tableSource reads TSV and CSV.
type tableSource struct {
	rows    rows
	header  []string
	plat    string
	pending []Issue
	done    bool
	last    int // line of the last row
}

// rows yields the cells of each row with its line. A *rowError is about one row
// only; the next may be read.
type rows interface {
	next() (cells []string, line int, err error)
}

type rowError struct {
	line int
	what string
}

func (e *rowError) Error() string { return e.what }

func newTableSource(br *bufio.Reader, format, platform string, issue *Issue) (*tableSource, error) {
	s := &tableSource{plat: platform}
	if issue != nil {
		s.pending = append(s.pending, *issue)
	}
	skipped, err := skipComments(br)
	if err != nil {
		return nil, err
	}
	if format == "tsv" {
		s.rows = &tsvRows{br: br, line: skipped}
	} else {
		head, _ := br.Peek(headSize) // its errors come again on reading
		c := csv.NewReader(br)
		c.Comma = separator(headerLine(head))
		c.FieldsPerRecord = -1
		c.ReuseRecord = true
		s.rows = &csvRows{csv: c, before: skipped}
	}
	cells, _, err := s.rows.next()
	var re *rowError
	if err != nil && err != io.EOF && !errors.As(err, &re) {
		return nil, err
	}
	for _, c := range cells {
		s.header = append(s.header, attributeName(c))
	}
	if !isHeader(s.header) {
		return nil, &NotAFeed{"no feed is recognised: the first line is no header with id and at least title, link or price; neither is this XML"}
	}
	return s, nil
}

// skipComments passes over the lines that begin with # before the header, and
// returns how many.
func skipComments(br *bufio.Reader) (lines int, err error) {
	for {
		head, _ := br.Peek(2)
		if !bytes.HasPrefix(head, []byte("#")) && !bytes.HasPrefix(head, []byte(`"#`)) && !bytes.HasPrefix(head, []byte("\n")) && !bytes.HasPrefix(head, []byte("\r\n")) {
			return lines, nil
		}
		if _, err := readLine(br); err != nil {
			return lines, err
		}
		lines++
	}
}

// readLine reads one line of at most maxLine bytes; the rest of a longer one is
// passed over.
func readLine(br *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := br.ReadSlice('\n')
		if len(line) < maxLine {
			line = append(line, part...)
		}
		if err != bufio.ErrBufferFull {
			if len(line) > 0 && err == io.EOF {
				err = nil
			}
			return line, err
		}
	}
}

func separator(header []byte) rune {
	best, most := ',', 0
	for _, sep := range ",;|~\t" {
		if n := bytes.Count(header, []byte(string(sep))); n > most {
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

func isHeader(names []string) bool {
	id, other := false, false
	for _, n := range names {
		id = id || n == "id"
		other = other || n == "title" || n == "link" || n == "price"
	}
	return id && other
}

func (s *tableSource) issues() []Issue {
	out := s.pending
	s.pending = nil
	return out
}

func (s *tableSource) next() (*rawItem, error) {
	if s.done {
		return nil, io.EOF
	}
	cells, line, err := s.rows.next()
	var re *rowError
	switch {
	case errors.As(err, &re):
		s.last = re.line
		return lost(re.line, "item.broken", s.plat, re.what, "export the row again, with separators and quotes inside cells quoted"), nil
	case errors.Is(err, io.ErrUnexpectedEOF):
		s.done = true
		s.pending = append(s.pending, truncated(s.last, s.plat))
		return nil, io.EOF
	case err != nil:
		return nil, err
	}
	s.last = line
	if len(cells) != len(s.header) {
		return lost(line, "item.cells", s.plat, fmt.Sprintf("the row has %d cells where the header has %d", len(cells), len(s.header)),
			"write every cell, also the empty ones, and quote cells that hold the separator"), nil
	}
	it := &rawItem{line: line, attrs: make([]attr, 0, len(cells))}
	for i, c := range cells {
		if c = strings.TrimSpace(c); c == "" {
			continue
		}
		if !utf8.ValidString(c) {
			it.broken = append(it.broken, notUTF8(line, s.header[i], s.plat))
			c = strings.ToValidUTF8(c, "\ufffd")
		}
		it.attrs = append(it.attrs, attr{s.header[i], c, line})
	}
	return it, nil
}

func lost(line int, rule, platform, message, fix string) *rawItem {
	return &rawItem{line: line, lost: true, broken: []Issue{{Line: line, Rule: rule, Severity: Error, Platform: platform, Message: message, Fix: fix}}}
}

func truncated(line int, platform string) Issue {
	return Issue{Line: line, Rule: "file.truncated", Severity: Error, Platform: platform,
		Message: "the feed ends in the middle; what came before was checked", Fix: "export or fetch the feed again, whole"}
}

func notUTF8(line int, attribute, platform string) Issue {
	return Issue{Line: line, Attribute: attribute, Rule: "file.encoding", Severity: Error, Platform: platform,
		Message: "the text is not in the encoding the feed says it is in", Fix: "save the feed as UTF-8, or name its encoding with --encoding"}
}

// csvRows reads cells in quotes.
type csvRows struct {
	csv    *csv.Reader
	before int // lines before the header
}

func (c *csvRows) next() ([]string, int, error) {
	cells, err := c.csv.Read()
	var pe *csv.ParseError
	if errors.As(err, &pe) {
		return nil, 0, &rowError{c.before + pe.StartLine, "a quoted cell is not closed, or a quote stands inside an unquoted cell"}
	}
	if err != nil {
		return nil, 0, err
	}
	line, _ := c.csv.FieldPos(0)
	return cells, c.before + line, nil
}

// tsvRows splits lines at tabs; a cell wholly in quotes loses them.
type tsvRows struct {
	br    *bufio.Reader
	line  int
	cells []string
}

func (t *tsvRows) next() ([]string, int, error) {
	for {
		raw, err := readLine(t.br)
		if err != nil {
			return nil, t.line, err
		}
		t.line++
		if len(raw) >= maxLine {
			return nil, t.line, &rowError{t.line, "the line is longer than the 5 MiB Meta takes"}
		}
		text := strings.TrimRight(string(raw), "\r\n")
		if strings.TrimSpace(text) == "" {
			continue
		}
		t.cells = t.cells[:0]
		for c := range strings.SplitSeq(text, "\t") {
			if n := len(c); n >= 2 && c[0] == '"' && c[n-1] == '"' {
				c = strings.ReplaceAll(c[1:n-1], `""`, `"`)
			}
			t.cells = append(t.cells, c)
		}
		return t.cells, t.line, nil
	}
}
