package ltv

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"

	"adsteward/internal/civil"
)

// BadRow says which cell of an order file cannot be read, and why. Line counts
// physical lines from 1.
type BadRow struct {
	Line   int
	Column string
	Reason string
}

func (e *BadRow) Error() string {
	return fmt.Sprintf("line %d, column %s: %s", e.Line, e.Column, e.Reason)
}

// The columns read; the currency's may be absent.
var orderColumns = [4]string{"customer_id", "date", "value", "currency"}

const currencyColumn = 3

// columns are where a file has the columns read, and how many it has; -1 is
// nowhere.
type columns struct {
	at    [len(orderColumns)]int
	width int
}

// blockSize is how many bytes of a file are parsed by one goroutine at a time.
const blockSize = 1 << 20

// ReadOrders reads a CSV file with the columns customer_id, date (YYYY-MM-DD, or
// RFC 3339, whose own day counts) and value, in any order; others are ignored,
// but for a column currency, which must be the same throughout. A row is an
// order. The error is a *BadRow where a cell cannot be read.
//
// The file is cut at ends of rows into blocks, parsed in parallel and put
// together in the file's order, so that neither the log nor the first error
// depends on the machine.
func ReadOrders(in io.Reader) (*OrderLog, error) { return readOrders(in, blockSize) }

func readOrders(in io.Reader, size int) (*OrderLog, error) {
	c := &cutter{in: in, size: size, line: 1}
	at, first, err := c.header()
	if err != nil {
		return nil, err
	}
	g := newGathering()
	first.start(at)
	flight, free := []*block{first}, []*block{}
	defer func() { // after an error: leave no goroutine behind
		for _, b := range flight {
			<-b.done
		}
	}()
	var readErr error
	for len(flight) > 0 {
		for readErr == nil && len(flight) <= runtime.GOMAXPROCS(0) {
			b := &block{}
			if n := len(free); n > 0 {
				b, free = free[n-1], free[:n-1]
			}
			if readErr = c.next(b); readErr == nil {
				b.start(at)
				flight = append(flight, b)
			}
		}
		b := flight[0]
		<-b.done
		if err := g.add(b); err != nil {
			return nil, err
		}
		flight, free = flight[1:], append(free, b)
	}
	if readErr != io.EOF {
		return nil, readErr
	}
	if len(g.ids) == 0 {
		return nil, &BadRow{1, orderColumns[0], "the file has a header but no order"}
	}
	return g.log(), nil
}

// cutter cuts a file into blocks of whole records.
type cutter struct {
	in   io.Reader
	size int
	line int    // of what comes next
	rest []byte // read, but not yet in a block
	end  bool   // of the file
}

// next fills a block. A newline ends a record where the quotes before it are
// even in number: up to the first broken quote that is what CSV says, and
// nothing after it is looked at. The error is io.EOF at the end.
func (c *cutter) next(b *block) error {
	buf := append(b.data[:0], c.rest...)
	c.rest = c.rest[:0]
	for goal := c.size; ; goal *= 2 {
		for !c.end && len(buf) < goal {
			if len(buf) == cap(buf) {
				buf = append(make([]byte, 0, max(goal, 2*len(buf))+512), buf...)
			}
			n, err := c.in.Read(buf[len(buf):cap(buf)])
			buf = buf[:len(buf)+n]
			if c.end = err == io.EOF; err != nil && !c.end {
				return err
			}
		}
		cut := len(buf)
		if !c.end {
			cut = lastRecordEnd(buf)
		}
		if cut > 0 {
			c.rest = append(c.rest, buf[cut:]...)
			b.data, b.line = buf[:cut], c.line
			c.line += bytes.Count(b.data, newline)
			return nil
		}
		if c.end {
			return io.EOF
		}
	}
}

var newline = []byte{'\n'}

// lastRecordEnd is the number of bytes in whole records.
func lastRecordEnd(buf []byte) int {
	if bytes.IndexByte(buf, '"') < 0 {
		return bytes.LastIndexByte(buf, '\n') + 1
	}
	end, quoted := 0, false
	for i, ch := range buf {
		switch {
		case ch == '"':
			quoted = !quoted
		case ch == '\n' && !quoted:
			end = i + 1
		}
	}
	return end
}

// header reads the file's first record, and returns what of the first block
// comes after it.
func (c *cutter) header() (columns, *block, error) {
	for first := true; ; first = false {
		b := &block{}
		err := c.next(b)
		if err == io.EOF {
			return columns{}, nil, &BadRow{1, orderColumns[0], "the file is empty; it needs a header customer_id,date,value"}
		}
		if err != nil {
			return columns{}, nil, err
		}
		if first {
			b.data = bytes.TrimPrefix(b.data, []byte(byteOrderMark))
		}
		r := csv.NewReader(bytes.NewReader(b.data))
		rec, err := r.Read()
		if err == io.EOF { // nothing but empty lines
			continue
		}
		if err != nil {
			return columns{}, nil, badCSV(err, b.line)
		}
		at, err := findColumns(rec)
		b.line += bytes.Count(b.data[:r.InputOffset()], newline)
		b.data = b.data[r.InputOffset():]
		return at, b, err
	}
}

func findColumns(rec []string) (columns, error) {
	c := columns{width: len(rec)}
	for n, name := range orderColumns {
		c.at[n] = -1
		for i, cell := range rec {
			if !strings.EqualFold(strings.TrimSpace(cell), name) {
				continue
			}
			if c.at[n] >= 0 {
				return c, &BadRow{1, name, "the header has it twice; keep one"}
			}
			c.at[n] = i
		}
		if c.at[n] < 0 && n != currencyColumn {
			return c, &BadRow{1, name, "the header lacks it; a comma-separated header customer_id,date,value is needed"}
		}
	}
	return c, nil
}

// block is some records of a file, and the orders parsed from it up to the first
// that cannot be.
type block struct {
	data []byte
	line int // of its first byte
	done chan struct{}

	orders   []parsed
	currency string // the first named, at currencyLine; "" for none
	atLine   int
	err      error
}

// parsed is an order whose customer has no number yet; id is valid as long as
// its block's data.
type parsed struct {
	id    []byte
	day   civil.Date
	value float64
}

// start parses in a goroutine that closes done.
func (b *block) start(c columns) {
	b.done, b.orders, b.currency, b.err = make(chan struct{}), b.orders[:0], "", nil
	go func() {
		defer close(b.done)
		if bytes.IndexByte(b.data, '"') < 0 {
			b.err = b.parsePlain(c)
		} else {
			b.err = b.parseQuoted(c)
		}
	}()
}

// parsePlain reads records that hold no quote: lines cut at commas, as
// encoding/csv does.
func (b *block) parsePlain(c columns) error {
	var need [len(orderColumns)][]byte
	line := b.line - 1
	for data := b.data; len(data) > 0; {
		line++
		row := data
		if end := bytes.IndexByte(data, '\n'); end >= 0 {
			row, data = data[:end], data[end+1:]
		} else {
			data = nil
		}
		row = bytes.TrimSuffix(row, []byte{'\r'})
		if len(row) == 0 {
			continue
		}
		cells := 0
		for more := true; more; cells++ {
			cell := row
			if comma := bytes.IndexByte(row, ','); comma >= 0 {
				cell, row = row[:comma], row[comma+1:]
			} else {
				more = false
			}
			for i, at := range c.at {
				if at == cells {
					need[i] = cell
				}
			}
		}
		if cells != c.width {
			return wrongWidth(line, cells, c)
		}
		if bad, reason := b.order(&need, line); reason != "" {
			return &BadRow{line, orderColumns[bad], reason}
		}
	}
	return nil
}

func (b *block) parseQuoted(c columns) error {
	r := csv.NewReader(bytes.NewReader(b.data))
	r.ReuseRecord, r.FieldsPerRecord = true, -1
	var need [len(orderColumns)][]byte
	for {
		rec, err := r.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return badCSV(err, b.line)
		}
		lineOf := func(cell int) int { line, _ := r.FieldPos(cell); return b.line - 1 + line }
		if len(rec) != c.width {
			return wrongWidth(lineOf(0), len(rec), c)
		}
		line := 0 // of the currency, where there is one
		for i, at := range c.at {
			if at >= 0 {
				need[i], line = []byte(rec[at]), lineOf(at)
			}
		}
		if bad, reason := b.order(&need, line); reason != "" {
			return &BadRow{lineOf(c.at[bad]), orderColumns[bad], reason}
		}
	}
}

// order takes the needed cells of a row, whose currency is on a line, or says
// which is bad and why.
func (b *block) order(need *[len(orderColumns)][]byte, line int) (bad int, reason string) {
	id := need[0]
	if len(bytes.TrimSpace(id)) == 0 {
		return 0, "it is empty; each order needs its customer"
	}
	day, ok := plainDay(need[1])
	if !ok {
		var err error
		if day, err = readDay(string(need[1])); err != nil {
			return 1, err.Error()
		}
	}
	value, ok := plainNumber(need[2])
	if !ok {
		if value, reason = readValue(string(need[2])); reason != "" {
			return 2, fmt.Sprintf("%q %s", need[2], reason)
		}
	}
	if cell := bytes.TrimSpace(need[currencyColumn]); len(cell) > 0 {
		if b.currency == "" {
			b.currency, b.atLine = string(cell), line
		} else if !strings.EqualFold(b.currency, string(cell)) {
			return currencyColumn, mixedCurrencies(string(cell), b.currency)
		}
	}
	b.orders = append(b.orders, parsed{id, day, value})
	return 0, ""
}

func mixedCurrencies(got, before string) string {
	return fmt.Sprintf("%q after %q in the rows before; convert all values to one currency, or make a file of each", strings.ToUpper(got), strings.ToUpper(before))
}

// skipBOM takes a byte order mark off.
func skipBOM(in io.Reader) io.Reader {
	b := bufio.NewReaderSize(in, blockSize)
	if head, _ := b.Peek(len(byteOrderMark)); string(head) == byteOrderMark {
		_, _ = b.Discard(len(head)) // peeked at already
	}
	return b
}

const byteOrderMark = "\ufeff"

func badCSV(err error, firstLine int) error {
	var p *csv.ParseError
	if errors.As(err, &p) {
		return &BadRow{firstLine - 1 + p.Line, strconv.Itoa(p.Column), p.Err.Error() + "; quote the cell and double the quotes inside it"}
	}
	return err
}

// wrongWidth names the first needed column that is missing, or the first cell
// too many.
func wrongWidth(line, cells int, c columns) error {
	column := strconv.Itoa(min(cells, c.width) + 1)
	for n, at := range c.at {
		if at >= cells {
			column = orderColumns[n]
			break
		}
	}
	return &BadRow{line, column, fmt.Sprintf("the row has %d cells and the header %d; quote values that hold a comma", cells, c.width)}
}
