// Package badinput says where in a file something is wrong, in the one form in
// which the program tells it. It reads no files.
package badinput

import "fmt"

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
