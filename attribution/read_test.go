package attribution

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestReadCSV(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text, separator string
		channels        []string
		totals          Totals
		leftOut         LeftOut
	}{
		"column order, byte order mark, extra column": {"\ufefftotal_conversions,note,path\n1,x,a > b\n", ">", []string{"a", "b"}, Totals{Journeys: 1, Conversions: 1}, LeftOut{}},
		"as R writes it":    {"\"path\",\"total_conversions\",\"total_null\"\r\n\"a > b\",2,1\r\n\r\n\"c\",0,4\r", ">", []string{"a", "b", "c"}, Totals{Journeys: 7, Conversions: 2}, LeftOut{}},
		"blank first lines": {"\n\r\npath,total_conversions\na,1", ">", []string{"a"}, Totals{Journeys: 1, Conversions: 1}, LeftOut{}},
		"empty paths":       {"path,total_conversions\na,1\n,5\n> >,5\n\" \n > \",5\n >b> ,1\n\" \",1\n", ">", []string{"a", "b"}, Totals{Journeys: 2, Conversions: 2}, LeftOut{4, []int{3, 4, 5, 8}}},
		"case and space in names": {"path,total_conversions\nPaid Search>paid search > Paid  Search,1\n", ">", []string{"Paid Search", "paid search", "Paid  Search"},
			Totals{Journeys: 1, Conversions: 1}, LeftOut{}},
		"another separator, the usual one in names": {"path,total_conversions\na>b => c=>,1\n", "=>", []string{"a>b", "c"}, Totals{Journeys: 1, Conversions: 1}, LeftOut{}},
		"a comma as separator":                      {"path,total_conversions\n\"a,b , c\",1\n", ",", []string{"a", "b", "c"}, Totals{Journeys: 1, Conversions: 1}, LeftOut{}},
		"quotes, commas and line breaks in names":   {"path,total_conversions\n\"a \"\"x\"\", 1 > b\r\nb\",1\n\"\"\"\",1", ">", []string{`a "x", 1`, "b\nb", `"`}, Totals{Journeys: 2, Conversions: 2}, LeftOut{}},
		"numbers": {"path,total_conversions,total_conversion_value,total_null\na,1.5, 1e3 ,+2\na,007,0.25,1234567890123456\n", ">", []string{"a"},
			Totals{Journeys: 8.5 + 2 + 1234567890123456, Conversions: 8.5, Value: 1000.25}, LeftOut{}},
		"a conversion without a touch": {"path,total_conversions\n,1\na,0\n", ">", []string{"a"}, Totals{}, LeftOut{1, []int{2}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// One byte at a time, or all at once: the same.
			for _, r := range []io.Reader{strings.NewReader(c.text), iotest.OneByteReader(strings.NewReader(c.text)), iotest.DataErrReader(strings.NewReader(c.text))} {
				j, out, err := ReadCSV(t.Context(), r, c.separator, Options{Order: 2})
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(c.channels, j.names); diff != "" {
					t.Error(diff)
				}
				if got := j.Totals(); got != c.totals {
					t.Errorf("%+v, want %+v", got, c.totals)
				}
				if out.Rows != c.leftOut.Rows || !slices.Equal(out.Lines, c.leftOut.Lines) {
					t.Errorf("left out %v, want %v", out, c.leftOut)
				}
			}
		})
	}
}

func TestReadCSVRefuses(t *testing.T) {
	t.Parallel()
	const h = "path,total_conversions,total_null\n"
	for text, want := range map[string]string{
		"":                                "is empty; it needs a header",
		"\n\n":                            "is empty",
		"\xef\xbb\xbf":                    "is empty",
		"path,conversions\na,1\n":         "line 1: column total_conversions: the header does not have it; it has \"path, conversions\"",
		"\n\npath;total_conversions\n":    "line 3: column path: the header does not have it",
		"path,total_conversions,path\n":   "line 1: column path: the header has it twice",
		"pa\"th,total_conversions\n":      "line 1: column 1: a \" stands in a cell",
		h:                                 "holds no row with a channel",
		h + ",1,1\n":                      "holds no row with a channel",
		h + "a,x,0\n":                     `line 2: column total_conversions: "x" is not a number of 0 or more`,
		h + "a,,0\n":                      `line 2: column total_conversions: "" is not a number`,
		h + "a,1,-1\n":                    `line 2: column total_null: "-1" is not a number of 0 or more`,
		h + "a,NaN,0\n":                   `column total_conversions: "NaN"`,
		h + "a,Inf,0\n":                   `column total_conversions: "Inf"`,
		h + "a,1e999,0\n":                 `column total_conversions: "1e999" is larger`,
		h + "a,1.7e308,0\na,1.7e308,0\n":  "sum to more than a number can hold",
		h + "a,1\n":                       "line 2: has 2 cells and the header 3",
		h + "a,1,0,0\n":                   "line 2: has 4 cells and the header 3",
		h + "a,1,0\n\"b,1,0\nc,1,0\n":     "line 3: column path: a quoted cell is never closed",
		h + "a,1,0\n\n\"b\"c,1,0\n":       "line 4: column path: something follows",
		h + "a,1,0\nb\"c,1,0\n":           "line 3: column path: a \" stands in a cell",
		h + "a,1,0\n\"b\n\",1,\"0\"1\n":   "line 3: column total_null: something follows",
		h + "a\xff,1,0\n":                 `line 2: column path: the channel "a\xff" is not UTF-8`,
		h + "\"a\nb\",1,0\n,1,0\nc,1,-\n": `line 5: column total_null: "-"`,
	} {
		for _, r := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text))} {
			_, _, err := ReadCSV(t.Context(), r, ">", Options{Order: 1})
			var bad *BadInput
			if !errors.As(err, &bad) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%q: %v, want %s", text, err, want)
			}
		}
	}
	if _, _, err := ReadCSV(t.Context(), strings.NewReader(h), "", Options{Order: 1}); err == nil || !strings.Contains(err.Error(), "separator") {
		t.Error(err)
	}
	broken := errors.New("broken")
	if _, _, err := ReadCSV(t.Context(), io.MultiReader(strings.NewReader(h+"a,1,0\n"), iotest.ErrReader(broken)), ">", Options{Order: 1}); err != broken {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := ReadCSV(ctx, strings.NewReader(h+"a,1,0\n"), ">", Options{Order: 1}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Over many blocks, the first bad line is told, whichever worker meets one, and
// lines are counted through quoted ones.
func TestManyBlocks(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	text.WriteString("path,total_conversions\n")
	p, rows := &plain{}, 0
	for text.Len() < 3*blockSize {
		path := fmt.Sprintf("c%d>c%d>\"c\n%d\"", rows%3, rows%5, rows%7)
		cell := strings.ReplaceAll(path, `"`, `""`)
		fmt.Fprintf(&text, "\"%s\",%d\n", cell, rows%4)
		if rows < 420 { // everything comes again after 420 rows
			p.add(path, float64(rows%4), 0, 0)
		}
		rows++
	}
	for ; rows%420 != 0; rows++ {
		fmt.Fprintf(&text, "\"c%d>c%d>\"\"c\n%d\"\"\",%d\n", rows%3, rows%5, rows%7, rows%4)
	}
	good := text.String()
	j, _, err := ReadCSV(t.Context(), strings.NewReader(good), ">", Options{Order: 2})
	if err != nil {
		t.Fatal(err)
	}
	scale := float64(rows / 420)
	for _, model := range []string{"linear", "position", "shapley"} {
		got := creditsOf(t, j, model, 0)
		for name, want := range p.rule(model) {
			near(t, model+" "+name, got[name].Conversions, want[0]*scale, 1e-9*scale)
		}
	}
	got := creditsOf(t, j, "markov", 2)
	for name, want := range p.removals(2) {
		near(t, "effect of "+name, *got[name].RemovalEffect, want[0], 1e-12)
	}

	lines := strings.SplitAfter(good, "\n")
	for _, at := range []int{2001, 40_001} {
		lines[at] = "a,x\n" + lines[at]
	}
	_, _, err = ReadCSV(t.Context(), strings.NewReader(strings.Join(lines, "")), ">", Options{Order: 2})
	var bad *BadInput
	if !errors.As(err, &bad) || bad.Line != 2002 {
		t.Error(err)
	}
}

// A quote that is left open does not swallow memory, and a row that is too long
// is told by its line.
func TestOpenQuote(t *testing.T) {
	t.Parallel()
	row := strings.Repeat("a > b > c > d > e > f > g > h > i > j > k > l", 20) + ",1\n"
	for first, want := range map[string]string{"\"a,1\n": "line 3: a row is longer than 16 MiB", "b\"c,1\n": "line 3: column path: a \" stands"} {
		src := io.MultiReader(strings.NewReader("path,total_conversions\na,1\n"+first), &repeated{text: row, left: 200 << 20})
		_, _, err := ReadCSV(t.Context(), src, ">", Options{Order: 1})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// repeated reads text again and again.
type repeated struct {
	text     string
	at, left int
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, io.EOF
	}
	n := copy(p, r.text[r.at:])
	r.at = (r.at + n) % len(r.text)
	r.left -= n
	return n, nil
}

// FuzzRecords holds the record reader against encoding/csv, whole and in blocks.
func FuzzRecords(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "\"a\",\"b\"\r\n\"1\"\"\",\"\r\n\"\r", "a\"b,c\n", "\"a\"b\n", "\r\r\n,\n\"", "\"\n\n\",", "a,\"b\" \n", "\"\"\"\"", "a\rb\r\n\r"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want := csv.NewReader(strings.NewReader(s))
		want.FieldsPerRecord = -1
		got := records{text: []byte(s)}
		for {
			cells, werr := want.Read()
			ok, gerr := got.next()
			if (werr == io.EOF) != (!ok && gerr == nil) || (werr != nil && werr != io.EOF) != (gerr != nil) {
				t.Fatalf("%q: %v, encoding/csv says %v", s, gerr, werr)
			}
			if werr != nil {
				return
			}
			line, _ := want.FieldPos(0)
			if l := 1 + strings.Count(s[:got.begin], "\n"); l != line {
				t.Fatalf("%q: line %d, encoding/csv says %d", s, l, line)
			}
			if !slices.EqualFunc(cells, got.cells, func(a string, b []byte) bool { return a == string(b) }) {
				t.Fatalf("%q: %q, encoding/csv says %q", s, got.cells, cells)
			}
			if end := lastRecord([]byte(s)); end < got.at && end > got.begin {
				t.Fatalf("%q: a block ends at %d, inside the record from %d to %d", s, end, got.begin, got.at)
			}
		}
	})
}

// FuzzReadCSV: any text is counted, or refused in one line; nothing is lost.
func FuzzReadCSV(f *testing.F) {
	for _, s := range []string{"a > b,1,2,3\n", "\"a\",1,0,0\r\n,1,1,1", "a,1e308,0,1e308\na>>b,0,0,0\n", "a,-1,0,0", "é>\xff,1,1,1"} {
		f.Add(s, ">")
	}
	f.Fuzz(func(t *testing.T, rows, separator string) {
		j, _, err := ReadCSV(t.Context(), strings.NewReader(header4+rows), separator, Options{Order: 2})
		var bad *BadInput
		if err != nil {
			if !errors.As(err, &bad) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("%q: %v", rows, err)
			}
			return
		}
		totals := j.Totals()
		for _, model := range Models() {
			res, err := j.Attribute(t.Context(), model, 2)
			if err != nil {
				if strings.Contains(err.Error(), "too far apart") {
					continue
				}
				t.Fatal(err)
			}
			var conv, value sum
			for _, c := range res.Channels {
				conv.add(c.Conversions)
				value.add(c.Value)
			}
			if got := conv.total(); model != "markov" && !(got >= totals.Conversions*(1-1e-9) && got <= totals.Conversions*(1+1e-9)) {
				t.Fatalf("%s gives %v of %v conversions", model, got, totals.Conversions)
			}
			if got := value.total(); !(got >= 0 && got <= totals.Value*(1+1e-9)) {
				t.Fatalf("%s gives %v of %v", model, got, totals.Value)
			}
		}
	})
}

// The same file gives the same, to the last bit.
func TestRepeatable(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	text.WriteString(header4)
	for i := range 60_000 {
		fmt.Fprintf(&text, "channel %d > channel %d > channel %d,0.%d,%d.%02d,0.3\n", i%7, i%11, i%13, 1+i%9, i%50, i%100)
	}
	var first []Result
	for range 3 {
		runtime.Gosched()
		j, _, err := ReadCSV(t.Context(), bytes.NewReader(text.Bytes()), ">", Options{Order: 2})
		if err != nil {
			t.Fatal(err)
		}
		var all []Result
		for _, model := range Models() {
			res, err := j.Attribute(t.Context(), model, 2)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, res)
		}
		if first == nil {
			first = all
		}
		if diff := cmp.Diff(first, all); diff != "" {
			t.Fatal(diff)
		}
	}
}
