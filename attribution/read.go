package attribution

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"adsteward/internal/badinput"
)

// BadInput is what is wrong with a file of journeys.
type BadInput = badinput.Error

// LeftOut are the rows whose paths hold no channel.
type LeftOut struct {
	Rows  int
	Lines []int // of the first ten
}

const maxLeftOutLines = 10

// The columns, in the order in which a reader keeps where they are.
const (
	pathColumn = iota
	convColumn
	valueColumn
	nullColumn
	columnCount
)

func columnNames() [columnCount]string {
	return [...]string{pathColumn: "path", convColumn: "total_conversions", valueColumn: "total_conversion_value", nullColumn: "total_null"}
}

// layout is how the records of a file are laid out.
type layout struct {
	at     [columnCount]int // where each column is; -1: nowhere
	header []string
}

// ReadCSV counts the journeys of a CSV file with the columns path and
// total_conversions, and total_conversion_value and total_null where it has
// them, as o says. White space around channels and empty ones between separators are
// dropped. The error is a *BadInput, r's or ctx's. Memory grows with the runs of
// Order + 1 channels that are different, not with the rows unless they are kept.
func ReadCSV(ctx context.Context, r io.Reader, separator string, o Options) (*Journeys, LeftOut, error) {
	if separator == "" {
		return nil, LeftOut{}, &BadInput{What: "the separator is empty; give what stands between channels, as >"}
	}
	if err := o.Validate(); err != nil {
		return nil, LeftOut{}, &BadInput{What: err.Error()}
	}
	n := runtime.GOMAXPROCS(0)
	src := newBlocks(r, 4*n)
	first, cols, err := header(src)
	if err != nil {
		return nil, LeftOut{}, err
	}
	counters := make([]*counter, n)
	var failed atomic.Bool
	var wg sync.WaitGroup
	for i := range counters {
		c := &counter{Journeys: newJourneys(o), layout: cols, separator: []byte(separator), in: make(chan block, 2)}
		counters[i] = c
		wg.Go(func() {
			for b := range c.in {
				if c.err == nil {
					c.err = c.count(b)
				}
				if c.err != nil {
					failed.Store(true)
				}
				src.done(b)
			}
		})
	}
	// Blocks go round, not to who is free, so that sums come out the same
	// every time.
	for i, b := 0, first; err == nil && !failed.Load(); i++ {
		counters[i%n].in <- b
		if err = ctx.Err(); err == nil {
			b, err = src.next()
		}
	}
	for _, c := range counters {
		close(c.in)
	}
	wg.Wait()
	if err == io.EOF {
		err = nil
	}
	return combine(counters, err)
}

// combine merges what was counted, or tells the first thing that was wrong.
func combine(counters []*counter, err error) (*Journeys, LeftOut, error) {
	j, out := counters[0].Journeys, LeftOut{}
	if j.rows != nil {
		j.deal(counters)
	}
	var bad *BadInput
	for i, c := range counters {
		if c.err != nil && (bad == nil || c.err.Line < bad.Line) {
			bad = c.err
		}
		out.Rows += c.leftOut.Rows
		out.Lines = append(out.Lines, c.leftOut.Lines...)
		if i > 0 && bad == nil && err == nil {
			j.merge(c.Journeys)
		}
	}
	j.rules.settle()
	slices.Sort(out.Lines)
	out.Lines = out.Lines[:min(len(out.Lines), maxLeftOutLines)]
	t := j.Totals()
	switch {
	case bad != nil:
		return nil, out, bad
	case err != nil:
		return nil, out, err
	case len(j.names) == 0:
		return nil, out, &BadInput{What: "holds no row with a channel in its path"}
	case math.IsInf(t.Journeys, 0) || math.IsInf(t.Value, 0) || math.IsNaN(t.Journeys) || math.IsNaN(t.Value):
		return nil, out, &BadInput{What: "the counts sum to more than a number can hold"}
	}
	return j, out, nil
}

// header reads the first block and where the columns are; the header is cut off.
func header(src *blocks) (block, layout, error) {
	b, err := src.next()
	if err == io.EOF {
		return b, layout{}, noHeader()
	}
	if err != nil {
		return b, layout{}, err
	}
	rec := records{text: bytes.TrimPrefix(b.text, []byte("\xef\xbb\xbf"))}
	ok, err := rec.next()
	line := b.line + bytes.Count(rec.text[:rec.begin], []byte{'\n'})
	if err != nil {
		return b, layout{}, &BadInput{Line: line, Column: strconv.Itoa(len(rec.cells) + 1), What: err.Error()}
	}
	if !ok {
		return b, layout{}, noHeader()
	}
	cols := layout{at: [columnCount]int{-1, -1, -1, -1}}
	names := columnNames()
	for i, cell := range rec.cells {
		cols.header = append(cols.header, string(bytes.TrimSpace(cell)))
		k := slices.Index(names[:], cols.header[i])
		if k < 0 {
			continue
		}
		if cols.at[k] >= 0 {
			return b, layout{}, &BadInput{Line: line, Column: names[k], What: "the header has it twice; keep one"}
		}
		cols.at[k] = i
	}
	for _, k := range []int{pathColumn, convColumn} {
		if cols.at[k] < 0 {
			return b, layout{}, &BadInput{Line: line, Column: names[k], What: fmt.Sprintf("the header does not have it; it has %q", strings.Join(cols.header, ", "))}
		}
	}
	b.line += bytes.Count(rec.text[:rec.at], []byte{'\n'})
	b.text = rec.text[rec.at:]
	return b, cols, nil
}

func noHeader() *BadInput {
	return &BadInput{What: "is empty; it needs a header with path and total_conversions"}
}

// counter counts the journeys of some of the blocks.
type counter struct {
	*Journeys
	layout
	separator []byte
	in        chan block
	records   records
	leftOut   LeftOut
	err       *BadInput
}

// count adds the rows of a block.
func (c *counter) count(b block) *BadInput {
	c.records.text, c.records.at = b.text, 0
	line, counted := b.line, 0 // the line at counted
	where := func() int {
		line += bytes.Count(b.text[counted:c.records.begin], []byte{'\n'})
		counted = c.records.begin
		return line
	}
	for {
		ok, err := c.records.next()
		if b.cut && (!ok || err == errOpenQuote || err == nil && c.records.at >= len(b.text)) {
			return &BadInput{Line: where(), What: fmt.Sprintf("a row is longer than %d MiB; is there a quote that is not closed?", maxRecord>>20)}
		}
		if err != nil {
			return &BadInput{Line: where(), Column: c.column(len(c.records.cells)), What: err.Error()}
		}
		if !ok {
			if c.rows != nil {
				c.rows.mark()
			}
			return nil
		}
		if len(c.records.cells) != len(c.header) {
			return &BadInput{Line: where(), What: fmt.Sprintf("has %d cells and the header %d; give each row as many", len(c.records.cells), len(c.header))}
		}
		if bad := c.row(); bad != nil {
			bad.Line = where()
			return bad
		}
		if len(c.path) == 0 {
			if c.leftOut.Rows++; len(c.leftOut.Lines) < maxLeftOutLines {
				c.leftOut.Lines = append(c.leftOut.Lines, where())
			}
		}
	}
}

// column names a cell of a record.
func (c *counter) column(cell int) string {
	if cell < len(c.header) && c.header[cell] != "" {
		return c.header[cell]
	}
	return strconv.Itoa(cell + 1)
}

// row adds the record that was just read, if its path has a channel.
func (c *counter) row() *BadInput {
	var counts [columnCount]float64
	for k := convColumn; k < columnCount; k++ {
		if c.at[k] < 0 {
			continue
		}
		n, err := number(c.records.cells[c.at[k]])
		if err != nil {
			return &BadInput{Column: columnNames()[k], What: err.Error()}
		}
		counts[k] = n
	}
	if bad := c.split(c.records.cells[c.at[pathColumn]]); bad != nil {
		return bad
	}
	if len(c.path) > 0 {
		c.add(c.path, nil, end{counts[convColumn], counts[valueColumn], counts[nullColumn]})
	}
	return nil
}

// split sets path to the channels between the separators of a cell.
func (c *counter) split(cell []byte) *BadInput {
	c.path = c.path[:0]
	for more := true; more; {
		var name []byte
		name, cell, more = bytes.Cut(cell, c.separator)
		if name = bytes.TrimSpace(name); len(name) == 0 {
			continue
		}
		known := len(c.names)
		id := c.channel(name)
		if int(id) == known && !utf8.Valid(name) {
			return &BadInput{Column: "path", What: fmt.Sprintf("the channel %q is not UTF-8; save the file as UTF-8", name)}
		}
		c.path = append(c.path, id)
	}
	return nil
}

// number reads a count or a value.
func number(cell []byte) (float64, error) {
	if len(cell) > 0 && len(cell) <= 15 { // whole numbers, by far the most, are exact up to 2^53
		n := 0
		for _, d := range cell {
			if d -= '0'; d > 9 {
				n = -1
				break
			}
			n = 10*n + int(d)
		}
		if n >= 0 {
			return float64(n), nil
		}
	}
	s := strings.TrimSpace(string(cell))
	f, err := strconv.ParseFloat(s, 64)
	if errors.Is(err, strconv.ErrRange) && math.IsInf(f, 1) {
		return 0, fmt.Errorf("%q is larger than a number can be; give a smaller one", s)
	}
	if err != nil || !(f >= 0) || math.IsInf(f, 0) {
		return 0, fmt.Errorf("%q is not a number of 0 or more; correct it or leave the row out", s)
	}
	return f, nil
}
