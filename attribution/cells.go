package attribution

import (
	"bytes"
	"errors"
)

var (
	errBareQuote = errors.New(`a " stands in a cell that does not begin with one; put the cell in quotes and write "" for one inside it`)
	errOpenQuote = errors.New(`a quoted cell is never closed; close it, and write "" for a quote inside it`)
	errMidQuote  = errors.New(`something follows the " that ends a quoted cell; put the whole cell in quotes, and write "" for a quote inside it`)
)

// records cuts CSV text into records and cells, as encoding/csv does, without
// allocating.
type records struct {
	text  []byte // whole records
	at    int    // where the next one begins
	begin int    // where this one did
	cells [][]byte
	spare []byte // cells that are not in text as they are
}

// next reads a record into cells, which are good until the next call; false at
// the end. An error concerns the cell after those in cells.
func (r *records) next() (bool, error) {
	for r.at < len(r.text) {
		end := lineEnd(r.text, r.at)
		if line := r.text[r.at:end]; len(line) > 1 || len(line) == 1 && line[0] != '\r' {
			r.begin, r.cells, r.spare = r.at, r.cells[:0], r.spare[:0]
			return true, r.record(end)
		}
		r.at = end + 1
	}
	return false, nil
}

// record reads the record at r.at, whose first line ends at end.
func (r *records) record(end int) error {
	for {
		if r.at < len(r.text) && r.text[r.at] == '"' {
			more, err := r.quoted()
			if err != nil || !more {
				return err
			}
			if end < r.at {
				end = lineEnd(r.text, r.at)
			}
			continue
		}
		cell := r.text[r.at:end]
		comma := bytes.IndexByte(cell, ',')
		if comma >= 0 {
			cell = cell[:comma]
			r.at += comma + 1
		} else {
			r.at = end + 1
			cell = bytes.TrimSuffix(cell, []byte{'\r'})
		}
		if bytes.IndexByte(cell, '"') >= 0 {
			return errBareQuote
		}
		r.cells = append(r.cells, cell)
		if comma < 0 {
			return nil
		}
	}
}

// quoted reads the quoted cell at r.at, and says whether another follows.
func (r *records) quoted() (more bool, err error) {
	begin := r.at + 1
	spare := len(r.spare)
	for i := begin; ; {
		n := bytes.IndexByte(r.text[i:], '"')
		if n < 0 {
			return false, errOpenQuote
		}
		i += n
		rest := r.text[i+1:]
		if len(rest) > 0 && rest[0] == '"' { // "" is one quote
			r.spare = append(r.spare, r.text[begin:i+1]...)
			i += 2
			begin = i
			continue
		}
		cell := r.text[begin:i] // or what of it is not in spare yet
		if len(r.spare) > spare {
			r.spare = append(r.spare, cell...)
			cell = r.spare[spare:]
		}
		if bytes.IndexByte(cell, '\r') >= 0 { // a line break is \n inside cells too
			cell = bytes.ReplaceAll(cell, []byte("\r\n"), []byte("\n"))
		}
		switch {
		case len(rest) == 0 || string(rest) == "\r":
			r.at = len(r.text)
		case rest[0] == ',':
			r.at, more = i+2, true
		case rest[0] == '\n':
			r.at = i + 2
		case bytes.HasPrefix(rest, []byte("\r\n")):
			r.at = i + 3
		default:
			return false, errMidQuote
		}
		r.cells = append(r.cells, cell)
		return more, nil
	}
}

// lineEnd is where the line that holds at ends.
func lineEnd(text []byte, at int) int {
	if n := bytes.IndexByte(text[at:], '\n'); n >= 0 {
		return at + n
	}
	return len(text)
}
