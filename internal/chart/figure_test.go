package chart

import (
	"encoding/csv"
	"encoding/xml"
	"io"
	"math"
	"strings"
	"testing"
)

// attrs reads an SVG as XML and returns the attribute of every element of a
// class.
func attrs(t *testing.T, svg, class, name string) (out []string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		tok, err := d.Token()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatalf("not XML: %v", err)
		}
		el, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		values := map[string]string{}
		for _, a := range el.Attr {
			values[a.Name.Local] = a.Value
		}
		if c := values["class"]; c == class || strings.HasPrefix(c, class+" ") {
			out = append(out, values[name])
		}
	}
}

func sampleHeat() Heat {
	return Heat{Columns: []string{"1", "2", "3"}, XTitle: "month", YTitle: "value", NarrowColumns: 2, Rows: []HeatRow{
		{Name: "Jan", Cells: []Cell{{Class: "more", Tone: 0.4, Text: "7"}, {Class: "less", Tone: 2, Text: "1"}, {Class: "level", Tone: math.NaN(), Text: "x"}}},
		{Name: "Feb", Cells: []Cell{{Class: "none", Text: "3", Under: "of 9"}, {}}},
	}}
}

func TestHeat(t *testing.T) {
	t.Parallel()
	ds := sampleHeat().Drawings()
	if len(ds) != 2 || len(ds[0].Cells) != 4 || len(ds[1].Cells) != 3 || len(ds[1].XTicks) != 2 {
		t.Fatalf("%+v", ds)
	}
	for i, want := range []string{"0.21", "0.52", "0.03", "0.00"} {
		if got := ds[0].Cells[i].Opacity; got != want {
			t.Errorf("cell %d is drawn at %s, want %s", i, got, want)
		}
	}
	if (Heat{}).Drawings() != nil {
		t.Error("nothing is drawn")
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	f := Figure{ID: "a", Title: `Orders < 5 & "more"`, Caption: strings.Repeat("a word ", 60), Off: true, Look: "Look.", Columns: []string{"a", "b, c"}, Rows: [][]string{{"1", `2"`}},
		Legend:   []Legend{{Class: "bar", Text: "actual"}, {Class: "dash", Text: "expected"}, {Class: "model", Text: "dots"}},
		Drawings: Plot{X: []float64{0, 1, 2}, Bars: []float64{3, 6, 1}, Dash: []float64{2, 5, math.NaN()}, Dots: []float64{3, 6, 1}, Words: []string{"three", "six", "one"}, XName: func(float64) string { return "<x>" }, YName: Coord}.Drawings()}
	var svg, table strings.Builder
	if err := f.WriteSVG(&svg); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(svg.String(), "NaN") || strings.Contains(svg.String(), "ZgotmplZ") {
		t.Error(svg.String())
	}
	if n := attrs(t, svg.String(), "column", "height"); len(n) != 3 || n[1] != "230" {
		t.Errorf("columns of heights %v", n)
	}
	if n := attrs(t, svg.String(), "dot-model", "cy"); len(n) != 3 || n[1] != "30" {
		t.Errorf("dots at %v", n)
	}
	if n := attrs(t, svg.String(), "column-text", "y"); len(n) != 3 || n[1] != "21" {
		t.Errorf("words over the columns at %v", n)
	}
	if n := attrs(t, svg.String(), "warn", "y"); len(n) != 3 {
		t.Errorf("420 letters of warning take %d lines", len(n))
	}
	if err := f.WriteCSV(&table); err != nil {
		t.Fatal(err)
	}
	if rows, err := csv.NewReader(strings.NewReader(table.String())).ReadAll(); err != nil || rows[0][1] != "b, c" || rows[1][1] != `2"` {
		t.Errorf("%v %v", rows, err)
	}

	svg.Reset()
	if err := (Figure{Title: "None", Empty: "Too few customers."}).WriteSVG(&svg); err != nil {
		t.Fatal(err)
	}
	if len(attrs(t, svg.String(), "soft", "y")) != 1 || !strings.Contains(svg.String(), "Too few customers.") {
		t.Error(svg.String())
	}
	svg.Reset()
	if err := (Figure{Title: "Map", Drawings: sampleHeat().Drawings()}).WriteSVG(&svg); err != nil || len(attrs(t, svg.String(), "heat", "width")) != 4 {
		t.Errorf("%v %s", err, svg.String())
	}
}

func TestWrap(t *testing.T) {
	t.Parallel()
	if got := strings.Join(wrap(" one two  three fourteenletters äöü äöü", 7), "|"); got != "one two|three|fourteenletters|äöü äöü" {
		t.Error(got)
	}
	if wrap("", 5) != nil {
		t.Error("no words take no line")
	}
}
