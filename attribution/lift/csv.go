package lift

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"adsteward/internal/badinput"
	"adsteward/internal/civil"
)

// BadInput is what is wrong with a file.
type BadInput = badinput.Error

// table reads a CSV file by names of columns.
type table struct {
	csv   *csv.Reader
	at    map[string]int
	width int // of the header
	row   []string
	line  int
}

// open reads the header. Each of the columns may be named by any of the names
// parted by |, of which the first present counts; a trailing ? makes it optional.
func open(r io.Reader, columns ...string) (*table, error) {
	t := &table{csv: csv.NewReader(badinput.SkipBOM(r)), at: map[string]int{}}
	t.csv.ReuseRecord, t.csv.FieldsPerRecord = true, -1
	head, err := t.csv.Read()
	if err == io.EOF {
		return nil, &BadInput{What: "is empty; it needs a header"}
	}
	if err != nil {
		return nil, t.bad(err)
	}
	head = slices.Clone(head)
	for i := range head {
		head[i] = strings.ToLower(strings.TrimSpace(head[i]))
	}
	t.width = len(head)
	for _, names := range columns {
		names, optional := strings.CutSuffix(names, "?")
		all := strings.Split(names, "|")
		i := slices.IndexFunc(all, func(n string) bool { return slices.Contains(head, n) })
		if i < 0 {
			if optional {
				continue
			}
			return nil, &BadInput{Line: 1, Column: all[0], What: fmt.Sprintf("the header does not have it; it has %q", strings.Join(head, ", "))}
		}
		at := slices.Index(head, all[i])
		if slices.Contains(head[at+1:], all[i]) {
			return nil, &BadInput{Line: 1, Column: all[i], What: "the header has it twice; keep one"}
		}
		t.at[all[0]] = at
	}
	return t, nil
}

func (t *table) bad(err error) error {
	var p *csv.ParseError
	if errors.As(err, &p) {
		line := p.Line
		if p.Err == csv.ErrQuote { // which may be missing since the row began
			line = p.StartLine
		}
		return &BadInput{Line: line, What: p.Err.Error() + "; quote the cell and double the quotes inside it"}
	}
	return err
}

// next reads a row; io.EOF at the end.
func (t *table) next() error {
	row, err := t.csv.Read()
	if err == io.EOF {
		return err
	}
	if err != nil {
		return t.bad(err)
	}
	t.row = row
	t.line, _ = t.csv.FieldPos(0)
	if len(row) > t.width { // a decimal comma, most often
		return &BadInput{Line: t.line, What: fmt.Sprintf("has %d cells and the header %d; quote values that hold a comma", len(row), t.width)}
	}
	return nil
}

func (t *table) has(column string) bool { _, ok := t.at[column]; return ok }

func (t *table) fault(column, format string, args ...any) error {
	return &BadInput{Line: t.line, Column: column, What: fmt.Sprintf(format, args...)}
}

func (t *table) text(column string) (string, error) {
	i := t.at[column]
	if i >= len(t.row) {
		return "", t.fault(column, "the row is too short to hold it")
	}
	s := strings.TrimSpace(t.row[i])
	if s == "" {
		return "", t.fault(column, "is empty")
	}
	return s, nil
}

// number reads a column; one the file does not have is 0.
func (t *table) number(column string) (float64, error) {
	if !t.has(column) {
		return 0, nil
	}
	s, err := t.text(column)
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !amount(v) {
		return 0, t.fault(column, "%q is not a number to reckon with; write it as 1234.56", s)
	}
	return v, nil
}

// amount is a number that is not negative.
func (t *table) amount(column string) (float64, error) {
	v, err := t.number(column)
	if err == nil && v < 0 {
		err = t.fault(column, "%g is negative; it must be 0 or more", v)
	}
	return v, err
}

func (t *table) date(column string) (civil.Date, error) {
	s, err := t.text(column)
	if err != nil {
		return 0, err
	}
	d, err := civil.Parse(s)
	if err != nil {
		return 0, t.fault(column, "%v", err)
	}
	return d, nil
}
