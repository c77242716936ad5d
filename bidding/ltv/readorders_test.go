package ltv

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"adsteward/internal/civil"
)

// Each message says where the trouble is and what to do.
func TestBadRows(t *testing.T) {
	t.Parallel()
	const head = "customer_id,date,value\n1,2025-01-01,5\n"
	const money = "customer_id,date,value,currency\n1,2025-01-01,5,EUR\n"
	for _, c := range []struct {
		name, in string
		line     int
		column   string
		reason   string
	}{
		{"empty", "", 1, "customer_id", "the file is empty; it needs a header customer_id,date,value"},
		{"empty lines", "\n\r\n\n", 1, "customer_id", "the file is empty; it needs a header customer_id,date,value"},
		{"header only", "customer_id,date,value\n", 1, "customer_id", "the file has a header but no order"},
		{"another separator", "customer_id;date;value\n1;2;3\n", 1, "customer_id", "the header lacks it; a comma-separated header customer_id,date,value is needed"},
		{"no value column", "customer_id,date\n1,2025-01-01\n", 1, "value", "the header lacks it; a comma-separated header customer_id,date,value is needed"},
		{"date twice", "customer_id,date,date,value\n", 1, "date", "the header has it twice; keep one"},
		{"no customer", head + " ,2025-01-01,5\n", 3, "customer_id", "it is empty; each order needs its customer"},
		{"no such day", head + "1,2025-02-30,5\n", 3, "date", `"2025-02-30" is not a date of the form YYYY-MM-DD or RFC 3339`},
		{"another order of days", head + "\n\n1,01/02/2025,5\n", 5, "date", `"01/02/2025" is not a date of the form YYYY-MM-DD or RFC 3339`},
		{"no date", head + "1,,5\n", 3, "date", `"" is not a date of the form YYYY-MM-DD or RFC 3339`},
		{"half a time", head + "1,2025-01-01T10:00,5\n", 3, "date", `"2025-01-01T10:00" is not a date of the form YYYY-MM-DD or RFC 3339`},
		{"words", head + "1,2025-01-01,five\n", 3, "value", `"five" is not a number; write it as 1234.50`},
		{"no value", head + "1,2025-01-01,\n", 3, "value", `"" is not a number; write it as 1234.50`},
		{"not a number", head + "1,2025-01-01,NaN\n", 3, "value", `"NaN" is not a number; write it as 1234.50`},
		{"infinite", head + "1,2025-01-01,1e400\n", 3, "value", `"1e400" is not a number; write it as 1234.50`},
		{"a refund", head + "1,2025-01-01,-5\n", 3, "value", `"-5" is negative; take a refund off the order it belongs to`},
		{"too much", head + "1,2025-01-01,1e16\n", 3, "value", `"1e16" is more than an order can be worth`},
		{"a decimal comma", head + "1,2025-01-01,5,50\n", 3, "4", "the row has 4 cells and the header 3; quote values that hold a comma"},
		{"cut off", head + "1,2025-01-01", 3, "value", "the row has 2 cells and the header 3; quote values that hold a comma"},
		{"after a quoted newline", head + "\"a\nb\",2025-01-01,x\n", 4, "value", `"x" is not a number; write it as 1234.50`},
		{"an open quote", head + "1,\"2025-01-01,5\n", 3, "17", `extraneous or missing " in quoted-field; quote the cell and double the quotes inside it`},
		{"a bare quote", head + "1\",2025-01-01,5\n", 3, "2", `bare " in non-quoted-field; quote the cell and double the quotes inside it`},
		{"mixed currencies", money + "1,2025-01-02,5, \n1,2025-01-02,5,eur\n1,2025-01-03,5,USD\n", 5, "currency", `"USD" after "EUR" in the rows before; convert all values to one currency, or make a file of each`},
	} {
		for _, size := range []int{1, blockSize} {
			_, err := readOrders(strings.NewReader(c.in), size)
			var bad *BadRow
			if !errors.As(err, &bad) || *bad != (BadRow{c.line, c.column, c.reason}) {
				t.Errorf("%s: %v, want line %d, column %s: %s", c.name, err, c.line, c.column, c.reason)
			}
		}
	}
}

// What people's files hold, and is no mistake.
func TestOddOrderFiles(t *testing.T) {
	t.Parallel()
	day := civil.MustParse("2025-01-01")
	for name, c := range map[string]struct {
		in   string
		want []History
	}{
		"unsorted":              {"customer_id,date,value\n1,2025-01-03,5\n2,2025-01-02,1\n1,2025-01-01,7\n", []History{{"1", 1, 2, 2, 2, 6, 7, 5}, {"2", 0, 0, 1, 1, 1, 1, 0}}},
		"the same row twice":    {"customer_id,date,value\n1,2025-01-01,5\n1,2025-01-01,5\n", []History{{"1", 0, 0, 2, 1, 10, 10, 0}}},
		"a later day":           {"customer_id,date,value\n1,2025-01-01,5\n2,2199-01-01,5\n", []History{{"1", 0, 0, 2, 1, 5, 5, 0}}},
		"nothing paid":          {"customer_id,date,value\n1,2025-01-01,0\n1,2025-01-03,-0\n", []History{{"1", 1, 2, 2, 2, 0, 0, 0}}},
		"one currency":          {"currency,customer_id,date,value\nEUR,1,2025-01-01,5\n,1,2025-01-03,5\n", []History{{"1", 1, 2, 2, 2, 5, 5, 5}}},
		"no newline at the end": {"customer_id,date,value\r\n1,2025-01-01,5\r", []History{{"1", 0, 0, 2, 1, 5, 5, 0}}},
	} {
		l, err := ReadOrders(strings.NewReader(c.in))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := l.Histories(day.AddDays(2)); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// readByCSV is ReadOrders by encoding/csv, a row at a time.
func readByCSV(in string) (*OrderLog, error) {
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(in, "\ufeff")))
	r.FieldsPerRecord = -1
	header, err := r.Read()
	if err == io.EOF {
		return nil, &BadRow{1, "customer_id", "the file is empty; it needs a header customer_id,date,value"}
	}
	if err != nil {
		return nil, badCSV(err, 1)
	}
	c, err := findColumns(header)
	if err != nil {
		return nil, err
	}
	l, index, currency := &OrderLog{}, map[string]int{}, ""
	for {
		rec, err := r.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, badCSV(err, 1)
		}
		if len(rec) != len(header) {
			line, _ := r.FieldPos(0)
			return nil, wrongWidth(line, len(rec), c)
		}
		bad := func(cell int, reason string) (*OrderLog, error) {
			line, _ := r.FieldPos(c.at[cell])
			return nil, &BadRow{line, orderColumns[cell], reason}
		}
		id := rec[c.at[0]]
		if strings.TrimSpace(id) == "" {
			return bad(0, "it is empty; each order needs its customer")
		}
		day, err := readDay(rec[c.at[1]])
		if err != nil {
			return bad(1, err.Error())
		}
		value, reason := readValue(rec[c.at[2]])
		if reason != "" {
			return bad(2, fmt.Sprintf("%q %s", rec[c.at[2]], reason))
		}
		if c.at[3] >= 0 {
			cell := strings.TrimSpace(rec[c.at[3]])
			if currency == "" {
				currency = cell
			} else if cell != "" && !strings.EqualFold(cell, currency) {
				return bad(3, mixedCurrencies(cell, currency))
			}
		}
		n, ok := index[id]
		if !ok {
			n = len(index)
			index[id] = n
			l.ids = append(l.ids, id)
		}
		l.orders = append(l.orders, logged{int32(n), day, value})
	}
	if len(l.orders) == 0 {
		return nil, &BadRow{1, "customer_id", "the file has a header but no order"}
	}
	slices.SortStableFunc(l.orders, func(a, b logged) int {
		return cmp.Or(cmp.Compare(a.customer, b.customer), cmp.Compare(a.day, b.day))
	})
	return l, nil
}

// sameAsCSV reads a file in blocks of several sizes; what comes of it, orders or
// error, has to be the same as by encoding/csv.
func sameAsCSV(t *testing.T, in string) {
	t.Helper()
	want, wantErr := readByCSV(in)
	for _, size := range []int{1, 40, 512, blockSize} {
		l, err := readOrders(strings.NewReader(in), size)
		if !reflect.DeepEqual(err, wantErr) {
			t.Fatalf("in blocks of %d: %v, want %v", size, err, wantErr)
		}
		if err == nil && (!slices.Equal(l.ids, want.ids) || !slices.Equal(l.orders, want.orders)) {
			t.Fatalf("in blocks of %d: %v %v, want %v %v", size, l.ids, l.orders, want.ids, want.orders)
		}
	}
}

// randomFile is nearly right as often as not.
func randomFile(rnd *rand.Rand) string {
	pick := func(s ...string) string { return s[rnd.IntN(len(s))] }
	header := []string{"customer_id", "date", "value", "note"}
	if rnd.IntN(3) == 0 {
		header = append(header, "Currency")
	}
	rnd.Shuffle(len(header), func(i, j int) { header[i], header[j] = header[j], header[i] })
	var b strings.Builder
	b.WriteString(pick("", "\ufeff", "\n"))
	eol := pick("\n", "\r\n")
	b.WriteString(strings.Join(header, ",") + eol)
	for range rnd.IntN(40) {
		for i, h := range header {
			if i > 0 {
				b.WriteByte(',')
			}
			cell := ""
			switch h {
			case "customer_id":
				cell = pick("a", "b", "c", "d e", "é", `"q"`, `"a""b"`, "\"a\nb\"", "\"a\r\nb,\"")
			case "date":
				cell = fmt.Sprintf("20%02d-%02d-%02d", rnd.IntN(30), 1+rnd.IntN(12), 1+rnd.IntN(28)) + pick("", "", "T10:00:00Z", "T23:59:59+02:00")
			case "value":
				cell = pick("1", "2.50", "0", "1e2", ".5", "5.", "12345678901234.56789", `"3.75"`, "007")
			case "note":
				cell = pick("", "x", `"y,z"`, `""""`)
			default:
				cell = pick("EUR", "eur", "", `"EUR"`)
			}
			if rnd.IntN(400) == 0 {
				cell = pick("", " ", `"`, `x"y`, `"x"y`, "-1", "NaN", "2025-02-29", "2025-13-01", "USD", ",", "\r", "\x00")
			}
			b.WriteString(cell)
		}
		b.WriteString(eol)
		if rnd.IntN(20) == 0 {
			b.WriteString(pick("\n", "\r\n", "\n\n"))
		}
	}
	s := b.String()
	if rnd.IntN(5) == 0 {
		s = s[:len(s)-rnd.IntN(min(len(s), 12))]
	}
	return s
}

func TestBlocksReadAsCSVDoes(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(8, 8))
	whole := 0
	for range 3000 {
		in := randomFile(rnd)
		sameAsCSV(t, in)
		if _, err := readByCSV(in); err == nil {
			whole++
		}
	}
	if whole < 500 || whole > 2500 {
		t.Errorf("%d of 3000 files were right; both kinds are to be tested", whole)
	}
}

func TestReadingGoesOnAfterShortReads(t *testing.T) {
	t.Parallel()
	file := orderFile(newWorld(14), 300, 1)
	want, err := readByCSV(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string]io.Reader{"a byte at a time": iotest.OneByteReader(strings.NewReader(file)), "the end with the last bytes": iotest.DataErrReader(strings.NewReader(file))} {
		l, err := readOrders(in, 300)
		if err != nil || !slices.Equal(l.orders, want.orders) {
			t.Errorf("%s: %v", name, err)
		}
	}
	broken := errors.New("the disk is broken")
	in := io.MultiReader(strings.NewReader(file), iotest.ErrReader(broken))
	if l, err := readOrders(in, 300); !errors.Is(err, broken) || l != nil {
		t.Errorf("%v, %v", l, err)
	}
	in = io.MultiReader(strings.NewReader(file[:200]+"\nbad\n"+file[200:]), iotest.ErrReader(broken))
	if _, err := readOrders(in, 300); errors.Is(err, broken) || err == nil {
		t.Errorf("the bad row comes before the broken disk: %v", err)
	}
}

// Every day of four centuries and the edges of what four digits can say.
func TestPlainDays(t *testing.T) {
	t.Parallel()
	for d := civil.MustParse("1900-01-01"); d <= civil.MustParse("2300-01-01"); d++ {
		if got, ok := plainDay([]byte(d.String())); !ok || got != d {
			t.Fatalf("%s is read as %s, %v", d, got, ok)
		}
	}
	for _, year := range []int{0, 1, 4, 100, 400, 1582, 2000, 2001, 2004, 2100, 9999} {
		for month := range 14 {
			for day := range 33 {
				s := fmt.Sprintf("%04d-%02d-%02d", year, month, day)
				want, err := civil.Parse(s)
				if got, ok := plainDay([]byte(s)); ok != (err == nil) || ok && got != want {
					t.Errorf("%s is read as %s, %v; want %s, %v", s, got, ok, want, err)
				}
			}
		}
	}
	for _, s := range []string{"", "2025-1-01", "2025/01/01", "20250101xx", "2025-01-0a", "-025-01-01", "2025-01-011"} {
		if _, ok := plainDay([]byte(s)); ok {
			t.Errorf("%q is taken for a day", s)
		}
	}
}

func TestPlainNumbers(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(5, 6))
	plain := 0
	for range 200_000 {
		s := strconv.FormatUint(rnd.Uint64()>>rnd.IntN(64), 10)
		if at := rnd.IntN(len(s) + 2); at <= len(s) {
			s = s[:at] + "." + s[at:]
		}
		want, err := strconv.ParseFloat(s, 64)
		got, ok := plainNumber([]byte(s))
		if ok && (err != nil || math.Float64bits(got) != math.Float64bits(want)) {
			t.Fatalf("%s is %v, want %v", s, got, want)
		}
		if ok {
			plain++
		}
	}
	if plain < 50_000 {
		t.Errorf("only %d numbers were plain", plain)
	}
	for _, s := range []string{"", ".", "1.2.3", "-1", "+1", "1e3", " 1", "1_000", "0x1", "1234567890123456", "Inf"} {
		if v, ok := plainNumber([]byte(s)); ok {
			t.Errorf("%q is taken for %v", s, v)
		}
	}
}

func FuzzReadOrders(f *testing.F) {
	f.Add("customer_id,date,value\n1,2025-01-01,5\n1,2025-01-01,7\n")
	f.Add("\ufeffvalue,x,customer_id,date\r\n\"1\",,\"a\"\"b\",2025-01-01T00:00:00Z\r\n")
	f.Add("customer_id,date,value\n\"\n\n,")
	f.Add("currency,customer_id,date,value\nEUR,1,2025-01-01,5\nUSD,1,0000-02-29,5.25\n")
	rnd := rand.New(rand.NewPCG(2, 3))
	for range 20 {
		f.Add(randomFile(rnd))
	}
	f.Fuzz(func(t *testing.T, in string) {
		sameAsCSV(t, in)
		l, err := ReadOrders(strings.NewReader(in))
		if err != nil {
			var bad *BadRow
			if !errors.As(err, &bad) || bad.Line < 1 || bad.Column == "" || bad.Reason == "" || bad.Line > 1+strings.Count(in, "\n")+strings.Count(in, "\r") {
				t.Errorf("%+v", bad)
			}
			return
		}
		for _, h := range l.Histories(l.Last) {
			if h.Orders < 1 || h.Recency > h.Age || !(h.MeanValue >= 0) || h.Frequency == 0 && h.RepeatValue != 0 {
				t.Errorf("%+v", h)
			}
		}
	})
}
