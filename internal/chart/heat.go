package chart

import (
	"math"
	"strconv"
)

// Heat is a map of cells: a table whose colours can be read at a glance. Only
// its first columns and rows are drawn narrow.
type Heat struct {
	Columns        []string
	Rows           []HeatRow
	XTitle, YTitle string
	NarrowColumns  int
}

// HeatRow is one row of a Heat; it may have fewer cells than there are columns.
type HeatRow struct {
	Name  string
	Cells []Cell
}

// Cell holds one or two lines of words on a colour: Tone is how strong from 0 to
// 1 in the class level, or, in the classes more and less, how far off. A cell of
// class "" is left blank.
type Cell struct {
	Class       string
	Tone        float64
	Text, Under string
}

type drawnCell struct {
	rect
	Class, Opacity string
	TextX, TextY   string
	Text, Under    string
}

// Drawings are the map wide and narrow.
func (h Heat) Drawings() []Drawing {
	if len(h.Columns) == 0 || len(h.Rows) == 0 {
		return nil
	}
	return []Drawing{h.draw("wide", 960, len(h.Columns)), h.draw("narrow", 340, min(h.NarrowColumns, len(h.Columns)))}
}

func (h Heat) draw(class string, width, columns int) Drawing {
	const top, bottom, gap = 38.0, 24.0, 2.0
	left, rowHeight := 96.0, 34.0
	if class == "narrow" {
		left = 66
	}
	height := int(top + bottom + rowHeight*float64(len(h.Rows)))
	d := Drawing{Class: class, Width: width, Height: height, Left: Coord(left), Right: Coord(float64(width)), Top: Coord(top),
		Bottom: Coord(float64(height) - bottom), XTitle: h.XTitle, YTitle: h.YTitle, Bare: true}
	step := (float64(width) - left) / float64(columns)
	for i, name := range h.Columns[:columns] {
		d.XTicks = append(d.XTicks, Tick{Coord(left + (float64(i)+0.5)*step), name})
	}
	for j, row := range h.Rows {
		y := top + float64(j)*rowHeight
		d.YTicks = append(d.YTicks, Tick{Coord(y + rowHeight/2), row.Name})
		for i, c := range row.Cells[:min(columns, len(row.Cells))] {
			if c.Class == "" {
				continue
			}
			x := left + float64(i)*step
			cell := drawnCell{rect: rect{Coord(x), Coord(y), Coord(step - gap), Coord(rowHeight - gap)}, Class: c.Class, Opacity: opacity(c),
				TextX: Coord(x + (step-gap)/2), TextY: Coord(y + rowHeight/2 + 3), Text: c.Text, Under: c.Under}
			if c.Under != "" {
				cell.TextY = Coord(y + rowHeight/2 - 3)
			}
			d.Cells = append(d.Cells, cell)
		}
	}
	return d
}

// opacity keeps words readable on every colour, light or dark, and lets a level of
// 0 still be seen as a cell.
func opacity(c Cell) string {
	t := min(max(c.Tone, 0), 1)
	if math.IsNaN(t) {
		t = 0
	}
	if c.Class == "level" {
		t = 0.05 + 0.95*t
	}
	return strconv.FormatFloat(t*0.52, 'f', 2, 64)
}
