package attribution

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Paths are journeys in counts: how often each path of channels converted, with
// what value, and how often it did not. Rows of Paths from several sources may
// be added together.
type Paths struct {
	names []string
	ids   map[string]int32
	steps []int32 // of all rows, one after another
	rows  []row

	Conversions float64
	Value       float64
	Journeys    float64 // conversions and nulls
}

type row struct {
	begin, end         int // in steps
	conv, value, nulls float64
}

// NewPaths returns no paths.
func NewPaths() *Paths { return &Paths{ids: map[string]int32{}} }

// Channels lists the channels in the order in which they first came.
func (p *Paths) Channels() []string { return slices.Clone(p.names) }

// Add adds a row: channels between separators, white space around them and
// empty ones left out. It returns false, and adds nothing, where no channel is
// left.
func (p *Paths) Add(path, separator string, conversions, value, nulls float64) bool {
	begin := len(p.steps)
	for name := range strings.SplitSeq(path, separator) {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		id, ok := p.ids[name]
		if !ok {
			id = int32(len(p.names))
			p.ids[strings.Clone(name)] = id
			p.names = append(p.names, strings.Clone(name))
		}
		p.steps = append(p.steps, id)
	}
	if len(p.steps) == begin {
		return false
	}
	p.rows = append(p.rows, row{begin, len(p.steps), conversions, value, nulls})
	p.Conversions += conversions
	p.Value += value
	p.Journeys += conversions + nulls
	return true
}

func (p *Paths) path(r row) []int32 { return p.steps[r.begin:r.end] }

// BadPath is what is wrong with one row of a file of paths.
type BadPath struct {
	Line   int // physical line, from 1; 0 for the file
	Column string
	What   string
}

func (e *BadPath) Error() string {
	s := e.What
	if e.Column != "" {
		s = "column " + e.Column + ": " + s
	}
	if e.Line > 0 {
		s = fmt.Sprintf("line %d: %s", e.Line, s)
	}
	return s
}

// ReadPaths reads a CSV file with the columns path and total_conversions, and
// total_conversion_value and total_null where it has them. empty lists the lines
// whose paths hold no channel; they are left out of everything. The error is a
// *BadPath or r's.
func ReadPaths(r io.Reader, separator string) (p *Paths, empty []int, err error) {
	if separator == "" {
		return nil, nil, &BadPath{What: "the separator is empty; give what stands between channels, as >"}
	}
	br := bufio.NewReader(r)
	if head, _ := br.Peek(3); bytes.Equal(head, []byte("\xef\xbb\xbf")) { // an error comes again on reading
		br.Discard(3)
	}
	c := csv.NewReader(br)
	c.ReuseRecord = true
	header, err := c.Read()
	if err != nil {
		return nil, nil, badCSV(err)
	}
	column := map[string]int{}
	for i, h := range header {
		column[strings.TrimSpace(h)] = i
	}
	for _, name := range []string{"path", "total_conversions"} {
		if _, ok := column[name]; !ok {
			return nil, nil, &BadPath{Line: 1, What: fmt.Sprintf("the header has no column %s; it has %s", name, strings.Join(header, ", "))}
		}
	}
	p = NewPaths()
	for {
		cells, err := c.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, nil, badCSV(err)
		}
		line, _ := c.FieldPos(0)
		var count [3]float64
		for i, name := range []string{"total_conversions", "total_conversion_value", "total_null"} {
			if at, ok := column[name]; ok {
				if count[i], err = parseCount(cells[at]); err != nil {
					return nil, nil, &BadPath{Line: line, Column: name, What: err.Error()}
				}
			}
		}
		if !p.Add(cells[column["path"]], separator, count[0], count[1], count[2]) {
			empty = append(empty, line)
		}
	}
	if len(p.rows) == 0 {
		return nil, empty, &BadPath{What: "holds no path"}
	}
	return p, empty, nil
}

func parseCount(s string) (float64, error) {
	f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || !(f >= 0) || math.IsInf(f, 0) {
		return 0, fmt.Errorf("%q is not a number of 0 or more", s)
	}
	return f, nil
}

func badCSV(err error) error {
	var pe *csv.ParseError
	if err == io.EOF {
		return &BadPath{What: "is empty; it needs a header with path and total_conversions"}
	}
	if errors.As(err, &pe) {
		return &BadPath{Line: pe.Line, What: pe.Err.Error()}
	}
	return err
}
