package storefront

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"adsteward/internal/money"
)

// record is one row: its cells by our column names.
type record struct {
	line  int // physical line on which it begins
	cells []string
	cols  *columnIndex
}

// columnIndex says where our columns stand in a file.
type columnIndex struct {
	at       map[string]int
	called   map[string]string // the file's names, for messages
	constant map[string]string
}

// get returns the trimmed cell of one of our columns, "" where the file has no
// such column.
func (r record) get(name string) string {
	i, ok := r.cols.at[name]
	if !ok {
		return r.cols.constant[name]
	}
	return strings.TrimSpace(r.cells[i])
}

// bad says what is wrong with one of our columns in this row.
func (r record) bad(name, format string, args ...any) error {
	called := name
	if c, ok := r.cols.called[name]; ok {
		called = c
	}
	return &Problem{Line: r.line, Column: called, What: fmt.Sprintf(format, args...)}
}

// table yields the records of a file, io.EOF at the end, and a *Problem for a
// record that cannot be read (the next may be asked for all the same).
type table interface {
	next() (record, error)
	currency() string // the currency the header names, or ""
}

func errEmpty() error { return &Problem{What: "is empty; it needs a header line and rows"} }

const utf8BOM = "\ufeff"

func openTable(r io.Reader, o Options, lay layout) (table, error) {
	br := bufio.NewReaderSize(r, 64<<10)
	head, err := br.Peek(4096)
	if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
		return nil, fmt.Errorf("%s: %w", o.Source, err)
	}
	switch {
	case len(bytes.TrimSpace(head)) == 0:
		return nil, errEmpty()
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return nil, &Problem{What: "is written in UTF-16; save it as UTF-8"}
	case bytes.IndexByte(head, 0) >= 0, bytes.HasPrefix(head, []byte("\x1f\x8b")), bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return nil, &Problem{What: "is not a text file; export it as CSV in UTF-8"}
	}
	if bytes.HasPrefix(head, []byte(utf8BOM)) {
		br.Discard(len(utf8BOM)) // just peeked: cannot fail
	}
	if lay.json {
		return newJSONTable(br, o, lay), nil
	}
	return newCSVTable(br, o, lay)
}

// csvTable reads comma-, semicolon- or tab-separated files.
type csvTable struct {
	csv  *csv.Reader
	cols *columnIndex
	n    int    // cells of the header
	cur  string // currency the header names
}

func newCSVTable(br *bufio.Reader, o Options, lay layout) (*csvTable, error) {
	head, _ := br.Peek(4096) // its errors come again on reading
	t := &csvTable{csv: csv.NewReader(br)}
	t.csv.Comma = separator(head, lay)
	t.csv.FieldsPerRecord = -1
	t.csv.ReuseRecord = true
	// Reports begin with a title and a date range; give up where no header
	// comes after those.
	tries := 1
	if lay.preamble {
		tries = 10
	}
	var first error
	for range tries {
		cells, err := t.csv.Read()
		if err != nil {
			if first == nil && err == io.EOF {
				first = errEmpty()
			} else if first == nil {
				first = t.problem(err)
			}
			break
		}
		line, _ := t.csv.FieldPos(0)
		t.n = len(cells)
		t.cols, t.cur, err = indexColumns(cells, line, o, lay)
		if err == nil {
			return t, nil
		}
		if first == nil || t.n > 1 {
			first = err
		}
	}
	return nil, first
}

// separator guesses from the first lines; a report's title lines hold none.
func separator(head []byte, lay layout) rune {
	lines := bytes.SplitN(head, []byte("\n"), 11)
	if !lay.preamble {
		lines = lines[:1]
	}
	best, most := ',', 0
	for _, line := range lines {
		for _, sep := range ",;\t" {
			if n := bytes.Count(line, []byte(string(sep))); n > most {
				best, most = sep, n
			}
		}
	}
	return best
}

func (t *csvTable) currency() string { return t.cur }

func (t *csvTable) next() (record, error) {
	cells, err := t.csv.Read()
	if err != nil {
		return record{}, t.problem(err)
	}
	line, _ := t.csv.FieldPos(0)
	rec := record{line: line, cells: cells, cols: t.cols}
	if len(cells) != t.n {
		return rec, &Problem{Line: line, What: fmt.Sprintf("has %d cells where the header has %d; quote cells that hold the separator", len(cells), t.n)}
	}
	for _, c := range cells {
		if !utf8.ValidString(c) {
			return rec, &Problem{Line: line, What: "is not UTF-8; save the file as UTF-8"}
		}
	}
	return rec, nil
}

// problem makes a Problem of a syntax error; io.EOF and read errors pass.
func (t *csvTable) problem(err error) error {
	var pe *csv.ParseError
	if !errors.As(err, &pe) {
		return err
	}
	if errors.Is(pe.Err, csv.ErrQuote) {
		return &Problem{Line: pe.StartLine, What: `has a quoted cell that does not end as it should; write a quote inside quotes as ""`}
	}
	return &Problem{Line: pe.Line, What: `has a quote inside an unquoted cell; put the cell in quotes and write the quote as ""`}
}

// indexColumns finds our columns in a header and checks that what is required
// is there. It also returns the currency the header names, as in
// "Amount spent (EUR)".
func indexColumns(header []string, line int, o Options, lay layout) (*columnIndex, string, error) {
	pos := make(map[string]int, len(header))
	currency := ""
	for i, h := range header {
		name, cur := splitCurrency(strings.TrimSpace(h))
		if cur != "" && lay.report {
			currency = cur
		} else {
			name = strings.TrimSpace(h)
		}
		key := strings.ToLower(name)
		if _, twice := pos[key]; twice && key != "" && !lay.report {
			return nil, "", &Problem{Line: line, Column: name, What: "stands twice in the header; rename one"}
		} else if !twice {
			pos[key] = i
		}
	}
	cols := &columnIndex{at: map[string]int{}, called: map[string]string{}, constant: lay.constant}
	find := func(name string) bool {
		candidates := lay.called(name)
		if m, ok := o.Map[name]; ok {
			candidates = []string{m}
		}
		for _, c := range candidates {
			if i, ok := pos[strings.ToLower(strings.TrimSpace(c))]; ok {
				cols.at[name], cols.called[name] = i, c
				return true
			}
		}
		return lay.constant[name] != ""
	}
	columns, _ := columnsOf(o.Kind)
	found := map[string]bool{}
	for _, c := range columns {
		found[c.name] = find(c.name)
		if m, mapped := o.Map[c.name]; mapped && !found[c.name] {
			return nil, "", &Problem{Line: line, What: fmt.Sprintf("the header has no column %q, which --map names for %s; it has %s", m, c.name, some(header))}
		}
	}
	for name := range lay.names { // columns only the layout knows of
		if _, ok := found[name]; !ok {
			find(name)
		}
	}
	for _, c := range columns {
		if !c.required || found[c.name] || anyOf(found, c.or) {
			continue
		}
		return nil, "", &Problem{Line: line, What: fmt.Sprintf("the header has no column %s; it has %s; name the right one with --map %s=COLUMN",
			strings.Join(append(slices.Clone(lay.called(c.name)), c.or...), " or "), some(header), c.name)}
	}
	return cols, currency, nil
}

// some lists the header's names for a message, not all of a very wide one.
func some(header []string) string {
	if len(header) > 20 {
		return list(header[:20]) + ", ..."
	}
	return list(header)
}

func anyOf(found map[string]bool, names []string) bool {
	for _, n := range names {
		if found[n] {
			return true
		}
	}
	return false
}

// splitCurrency splits "Amount spent (EUR)".
func splitCurrency(h string) (name, currency string) {
	n := len(h)
	if n > 6 && h[n-1] == ')' && h[n-5] == '(' && money.ValidCode(h[n-4:n-1]) {
		return strings.TrimSpace(h[:n-5]), h[n-4 : n-1]
	}
	return h, ""
}

// maxLine is the longest line of a JSONL file.
const maxLine = 1 << 20

// jsonTable reads one JSON object a line; its keys are the columns.
type jsonTable struct {
	scan *bufio.Scanner
	line int
	keys []string // our columns, as cells stand
	cols *columnIndex
	from map[string]int // the file's key -> cell
	file string
}

func newJSONTable(br *bufio.Reader, o Options, lay layout) *jsonTable {
	columns, _ := columnsOf(o.Kind)
	t := &jsonTable{scan: bufio.NewScanner(br), keys: names(columns), from: map[string]int{}, file: o.Source,
		cols: &columnIndex{at: map[string]int{}, called: map[string]string{}, constant: lay.constant}}
	t.scan.Buffer(make([]byte, 0, 64<<10), maxLine)
	for i, name := range t.keys {
		called := name
		if m, ok := o.Map[name]; ok {
			called = m
		}
		t.cols.at[name], t.cols.called[name], t.from[called] = i, called, i
	}
	return t
}

func (t *jsonTable) currency() string { return "" }

func (t *jsonTable) next() (record, error) {
	for t.scan.Scan() {
		t.line++
		text := bytes.TrimSpace(t.scan.Bytes())
		if len(text) == 0 {
			continue
		}
		rec := record{line: t.line, cells: make([]string, len(t.keys)), cols: t.cols}
		return rec, t.fill(rec, text)
	}
	if err := t.scan.Err(); errors.Is(err, bufio.ErrTooLong) {
		return record{}, &BadInput{Source: t.file, Problem: Problem{Line: t.line + 1, What: "is longer than 1 MiB; write one JSON object a line"}}
	} else if err != nil {
		return record{}, err
	}
	return record{}, io.EOF
}

func (t *jsonTable) fill(rec record, text []byte) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var obj map[string]any
	if err := dec.Decode(&obj); err != nil || obj == nil || dec.More() {
		return &Problem{Line: rec.line, What: "is not one JSON object; write one object a line"}
	}
	for key, i := range t.from {
		cell, ok := scalar(obj[key])
		if !ok {
			return &Problem{Line: rec.line, Column: key, What: "is neither text nor a number; write order lines as rows of their own"}
		}
		rec.cells[i] = cell
	}
	return nil
}

// scalar writes a JSON value as a cell; a list becomes its elements with spaces
// between.
func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case nil:
		return "", true
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return fmt.Sprint(v), true
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			s, ok := scalar(e)
			if !ok {
				return "", false
			}
			parts[i] = s
		}
		return strings.Join(parts, " "), true
	}
	return "", false
}
