// Package chart draws: lines, columns and maps of cells as SVG, for a page of
// ours, whose style sheet colours them, or for a file that carries its own. A
// figure has the table that says the same. It knows nothing of what it shows.
package chart

import (
	"embed"
	"encoding/csv"
	"html/template"
	"io"
	"math"
	"strconv"
	"strings"
)

// Templates define chart, which shows a Figure on a page, and what it is built of.
//
//go:embed *.html
var Templates embed.FS

// Figure is a drawing with its legend, its words, and the table that says the
// same. Without drawings it shows Empty, which says why there are none.
type Figure struct {
	ID, Title string
	Look      string // what to look for
	Caption   string // what it says here
	Off       bool   // what it says is a warning
	Empty     string
	Drawings  []Drawing
	Legend    []Legend
	Columns   []string
	Rows      [][]string
}

// Legend explains one class of marks: line, band, bar, model, dash, more or less.
type Legend struct{ Class, Text string }

// Drawing is a chart in the units of its view box, ready for the template.
type Drawing struct {
	Class                    string
	Width, Height            int
	Left, Right, Top, Bottom string
	XTicks, YTicks           []Tick
	Band, Line, Dash         string // path data
	Bars                     []rect
	Dots                     []point
	Words                    []word
	Cells                    []drawnCell
	Marks                    []drawnMark
	Zero                     string // y of zero; "" where out of sight or at the edge
	XTitle, YTitle           string
	Bare                     bool // without lines at the ticks
}

// Tick is where an axis is labelled, and with what.
type Tick struct{ At, Text string }

type point struct{ X, Y string }

type word struct{ X, Y, Text string }

type rect struct{ X, Y, W, H string }

type drawnMark struct {
	X, Y, TextX, Anchor, Text, Class string
}

// Coord writes a coordinate with at most one decimal.
func Coord(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "0"
	}
	return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64)
}

// fileMargin is the room of a file around its drawing, fileLine the height of a
// line of its words, fileLetters how many letters go into one.
const (
	fileMargin, fileTop   = 20, 76
	fileLine, fileLetters = 18, 140
)

// file is a figure as an SVG file lays it out.
type file struct {
	Figure
	Drawing       *Drawing
	Width, Height int
	Legend        []fileKey
	Words         []fileWord
}

type fileKey struct {
	X, TextX    int
	Class, Text string
}

type fileWord struct {
	Y    int
	Text string
	Warn bool
}

var fileTemplate = template.Must(template.ParseFS(Templates, "*.html"))

// WriteSVG writes the figure as a file of its own, with its title, legend,
// colours and words.
func (f Figure) WriteSVG(w io.Writer) error {
	const width = 960
	out := file{Figure: f, Width: width + 2*fileMargin, Height: fileTop}
	if len(f.Drawings) > 0 {
		out.Drawing = &f.Drawings[0]
		out.Height += out.Drawing.Height + 10
	}
	x := fileMargin
	for _, l := range f.Legend {
		out.Legend = append(out.Legend, fileKey{x, x + 24, l.Class, l.Text})
		x += 24 + 7*len([]rune(l.Text)) + 22
	}
	add := func(text string, warn bool) {
		for _, line := range wrap(text, fileLetters) {
			out.Height += fileLine
			out.Words = append(out.Words, fileWord{out.Height - 4, line, warn})
		}
	}
	add(f.Empty, false)
	add(f.Caption, f.Off)
	add(f.Look, false)
	out.Height += fileMargin - 4
	return fileTemplate.ExecuteTemplate(w, "file", out)
}

// WriteCSV writes the figure's table.
func (f Figure) WriteCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	if err := c.Write(f.Columns); err != nil {
		return err
	}
	return c.WriteAll(f.Rows) // flushes
}

// wrap breaks text between words into lines of at most n letters, where its
// words allow.
func wrap(text string, n int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case len([]rune(line))+1+len([]rune(word)) > n:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}
