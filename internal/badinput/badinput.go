// Package badinput says where in a file something is wrong, in the one form in
// which the program tells it. It reads no files; of a text it takes off at most the
// mark that makes a good one look bad.
package badinput

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"unicode/utf8"
)

// Error is what is wrong with a file, and where.
type Error struct {
	Line   int    // physical line, from 1; 0 for the file
	Column string // "" for the line
	What   string
}

func (e *Error) Error() string {
	s := e.What
	if e.Column != "" {
		s = "column " + e.Column + ": " + s
	}
	if e.Line > 0 {
		s = fmt.Sprintf("line %d: %s", e.Line, s)
	}
	return s
}

// InJSON is what is wrong with a JSON text, where, and what to do about it.
type InJSON struct {
	Line, Column int    // from 1; Column counts characters; 0 where nothing was read
	Path         string // as campaigns[2].budget; "" for the whole
	What         string
}

func (e *InJSON) Error() string {
	s := e.What
	if e.Path != "" {
		s = e.Path + ": " + s
	}
	if e.Line > 0 {
		s = fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, s)
	}
	return s
}

// Position is the line and the column, in characters, of an offset in a text.
func Position(data []byte, at int) (line, column int) {
	before := data[:min(at, len(data))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return 1 + bytes.Count(before, []byte("\n")), 1 + utf8.RuneCount(before[start:])
}

// SkipBOM takes a byte order mark off the beginning of a text, behind which
// encoding/csv takes no quote.
func SkipBOM(r io.Reader) io.Reader {
	const mark = "\ufeff"
	b := bufio.NewReader(r)
	if head, _ := b.Peek(len(mark)); string(head) == mark { // an error comes again on reading
		_, _ = b.Discard(len(mark))
	}
	return b
}
