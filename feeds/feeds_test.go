package feeds

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"adsteward/internal/shareddata"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// gtinOf makes a well-formed gtin of an id.
func gtinOf(id string) string {
	digits := fmt.Sprintf("40%010d", hashText(0, id)%1e10)
	return digits + string(checkDigit(digits))
}

// good holds the attributes of an item without issue for Google.
func good(id string) map[string]string {
	return map[string]string{"id": id, "title": "A red shoe", "description": "A shoe in red.", "link": "https://shop.example/" + id,
		"image_link": "https://shop.example/" + id + ".jpg", "price": "12.50 EUR", "availability": "in_stock",
		"brand": "Acme", "gtin": gtinOf(id), "condition": "new"}
}

func with(m map[string]string, pairs ...string) map[string]string {
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}

// rss writes one item a line, from line 2 on.
func rss(items ...map[string]string) string {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0"?><rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel><title>Shop</title>` + "\n")
	for _, it := range items {
		b.WriteString("<item>")
		for _, name := range sorted(it) {
			fmt.Fprintf(&b, "<g:%s>%s</g:%s>", name, it[name], name)
		}
		b.WriteString("</item>\n")
	}
	return b.String() + "</channel></rss>\n"
}

func table(sep string, items ...map[string]string) string {
	names := sorted(items[0])
	var b strings.Builder
	b.WriteString(strings.Join(names, sep) + "\n")
	for _, it := range items {
		cells := make([]string, len(names))
		for i, n := range names {
			cells[i] = it[n]
		}
		b.WriteString(strings.Join(cells, sep) + "\n")
	}
	return b.String()
}

func sorted(m map[string]string) []string {
	var names []string
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

type finding struct {
	Line     int
	Rule     string
	Severity Severity
}

func run(t testing.TB, text, platform string) (Report, []Item, []finding) {
	t.Helper()
	var items []Item
	var found []finding
	rep, err := Validate(strings.NewReader(text), Options{Platform: platform}, func(it Item, issues []Issue) error {
		if it.Line > 0 {
			items = append(items, it)
		}
		for _, i := range issues {
			if i.Message == "" || i.Fix == "" {
				t.Errorf("no message or fix: %+v", i)
			}
			found = append(found, finding{i.Line, i.Rule, i.Severity})
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%v in\n%.300s", err, text)
	}
	return rep, items, found
}

func TestFormatsAgree(t *testing.T) {
	t.Parallel()
	a := with(good("1"), "sale_price", "10.00 EUR", "cost_of_goods_sold", "4 EUR", "custom_label_0", "shoes", "product_type", "Shoes")
	b := with(good("2"), "sale_price", "", "cost_of_goods_sold", "", "custom_label_0", "", "product_type", "")
	_, want, _ := run(t, rss(a, b), "google")
	if len(want) != 2 || want[0].Price.Amount != 12_500_000 || want[0].SalePrice.Amount != 10_000_000 || want[0].CostOfGoodsSold.Currency != "EUR" ||
		want[0].CustomLabels[0] != "shoes" || want[1].SalePrice.Known() {
		t.Fatalf("%+v", want)
	}
	tsv, csv := table("\t", a, b), strings.ReplaceAll(table(";", a, b), "A shoe in red.", `"A shoe in red."`)
	meta := "# Required | a comment\n" + tsv
	latin, err := charmap.ISO8859_1.NewEncoder().String(strings.Replace(rss(a, b), `version="1.0"?`, `version="1.0" encoding="iso-8859-1"?`, 1))
	if err != nil {
		t.Fatal(err)
	}
	utf16, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(tsv)
	if err != nil {
		t.Fatal(err)
	}
	var zipped, gzipped bytes.Buffer
	zw := zip.NewWriter(&zipped)
	w, _ := zw.Create("feed.xml")
	io.WriteString(w, rss(a, b))
	zw.Close()
	gw := gzip.NewWriter(&gzipped)
	io.WriteString(gw, tsv)
	gw.Close()
	atom := strings.NewReplacer("<item>", "<entry>", "</item>", "</entry>", "<channel>", "", "</channel>", "", "<rss ", "<feed ", "</rss>", "</feed>",
		"<g:link>https://shop.example/1</g:link>", `<link href="https://shop.example/1"/>`, "<g:title>A red shoe</g:title>", "<title>A red shoe</title>").Replace(rss(a, b))
	for name, text := range map[string]string{"tsv": tsv, "csv": csv, "meta": meta, "latin": latin, "utf16": utf16, "bom": "\ufeff" + tsv,
		"zip": zipped.String(), "gzip": gzipped.String(), "atom": atom, "crlf": strings.ReplaceAll(tsv, "\n", "\r\n")} {
		rep, items, found := run(t, text, "google")
		for i := range items {
			items[i].Line = want[i].Line
		}
		if diff := cmp.Diff(want, items); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if rep.Errors != 0 || rep.Valid != 2 {
			t.Errorf("%s: %+v %v", name, rep, found)
		}
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	if rep, _, found := run(t, rss(good("1")), "google"); rep.Valid != 1 || len(found) != 0 {
		t.Fatalf("the good item: %v", found)
	}
	for _, tc := range []struct {
		platform string
		change   []string
		want     string // rule and severity; "" is no finding
	}{
		{"google", []string{"title", ""}, "title.required error"},
		{"google", []string{"title", strings.Repeat("é", 150)}, ""},
		{"google", []string{"title", strings.Repeat("é", 151)}, "title.length warning"},
		{"google", []string{"id", strings.Repeat("x", 51)}, "id.length error"},
		{"google", []string{"description", strings.Repeat("x", 5001)}, "description.length error"},
		{"google", []string{"link", "/1"}, "link.url error"},
		{"google", []string{"image_link", "ftp://shop.example/1.jpg"}, "image_link.url error"},
		{"google", []string{"price", ""}, "price.required error"},
		{"google", []string{"price", "12,50 EUR"}, "price.format error"},
		{"google", []string{"price", "12.50"}, "price.format error"},
		{"google", []string{"price", "-1 EUR"}, "price.format error"},
		{"google", []string{"price", "12.50 XXY"}, "price.format error"},
		{"google", []string{"price", "12.50 SLE"}, ""},
		{"google", []string{"price", "12.50 HRK"}, "price.format error"},
		{"google", []string{"price", "EUR 12.50"}, "price.written normalized"},
		{"google", []string{"price", "12.50 eur"}, "price.written normalized"},
		{"google", []string{"price", "0 EUR"}, "price.zero error"},
		{"google", []string{"price", "23.0 KWD"}, ""},
		{"google", []string{"price", "1200.50 JPY"}, "price.decimals warning"},
		{"google", []string{"sale_price", "12.50 EUR"}, "sale_price.higher error"},
		{"google", []string{"sale_price", "9 USD"}, "sale_price.higher error"},
		{"google", []string{"availability", "skladem"}, "availability.value error"},
		{"google", []string{"availability", "In Stock"}, "availability.written normalized"},
		{"google", []string{"availability", "preorder"}, "availability_date.required error"},
		{"google", []string{"availability", "preorder", "availability_date", "2026-05-01T00:00Z"}, ""},
		{"google", []string{"condition", ""}, ""},
		{"google", []string{"condition", "neu"}, "condition.value error"},
		{"google", []string{"gtin", ""}, "identifier.missing warning"},
		{"google", []string{"gtin", "", "mpn", "7"}, ""},
		{"google", []string{"gtin", "", "identifier_exists", "no"}, ""},
		{"google", []string{"gtin", "4006381333932"}, "gtin.value error"},
		{"google", []string{"gtin", "4.00638E+12"}, "gtin.value error"},
	} {
		_, _, found := run(t, rss(with(good("1"), tc.change...)), tc.platform)
		var got []string
		for _, f := range found {
			got = append(got, f.Rule+" "+string(f.Severity))
			if f.Line != 2 {
				t.Errorf("%v: line %d, want 2", tc.change, f.Line)
			}
		}
		if strings.Join(got, ", ") != tc.want {
			t.Errorf("%v: %v, want %q", tc.change, got, tc.want)
		}
	}
}

func TestMeta(t *testing.T) {
	t.Parallel()
	it := with(good("1"), "availability", "in stock")
	if rep, _, found := run(t, rss(it), "meta"); rep.Valid != 1 || len(found) != 0 {
		t.Fatalf("%v", found)
	}
	_, _, found := run(t, rss(with(it, "condition", "", "brand", "", "gtin", "")), "meta")
	want := []finding{{2, "identifier.required", Error}, {2, "condition.required", Error}}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Error(diff)
	}
}

func TestDuplicates(t *testing.T) {
	t.Parallel()
	rep, _, found := run(t, rss(good("1"), good("2"), good("1")), "google")
	if diff := cmp.Diff([]finding{{4, "id.duplicate", Error}}, found); diff != "" || rep.Valid != 2 {
		t.Error(diff, rep)
	}
}

// One broken item spoils no other, and is told by its line.
func TestRecovery(t *testing.T) {
	t.Parallel()
	whole := rss(good("1"), good("2"), good("3"))
	for _, tc := range []struct {
		name, text string
		items      int
		valid      int
		want       []finding
	}{
		{"entity", strings.Replace(whole, "<g:title>A red shoe", "<g:title>A&nbsp;red shoe", 2), 3, 1, []finding{{2, "item.broken", Error}, {3, "item.broken", Error}}},
		{"bare &", strings.Replace(whole, "Acme", "M & S", 1), 3, 2, []finding{{2, "item.broken", Error}}},
		{"tag not closed", strings.Replace(whole, "</g:brand>", "", 1), 3, 2, []finding{{2, "item.broken", Error}}},
		{"item not closed", strings.Replace(whole, "</item>", "", 1), 3, 2, []finding{{2, "item.broken", Error}}},
		{"cut off", whole[:strings.Index(whole, "</item>\n</channel>")], 3, 2, []finding{{4, "item.broken", Error}, {4, "file.truncated", Error}}},
		{"no end", strings.Replace(whole, "</channel></rss>", "", 1), 3, 3, []finding{{6, "file.truncated", Error}}},
		{"prefix", strings.Replace(whole, "xmlns:g=", "xmlns:h=", 1), 3, 3, []finding{{2, "file.namespace", Error}}},
		{"wrong namespace", strings.Replace(whole, "base.google.com", "base.example", 1), 3, 3, []finding{{2, "file.namespace", Error}}},
		{"in CDATA", strings.Replace(whole, "A shoe in red.", "<![CDATA[</item> & <b>]]>", 1), 3, 3, nil},
		{"in a comment", strings.Replace(whole, "<item>", "<!-- <item> --><item>", 1), 3, 3, nil},
		{"empty item", strings.Replace(whole, "</channel>", "<item/></channel>", 1), 4, 3, nil},
		{"latin 1 in UTF-8", strings.Replace(whole, "A shoe in red.", "Sch\xf6n", 1), 3, 2, []finding{{2, "file.encoding", Error}}},
		{"unknown encoding", strings.Replace(whole, `"1.0"?`, `"1.0" encoding="x-fake"?`, 1), 3, 3, []finding{{1, "file.encoding", Error}}},
		{"none", rss(), 0, 0, []finding{{1, "file.empty", Error}}},
		{"cells", "id\ttitle\n1\n", 1, 0, []finding{{2, "item.cells", Error}}},
		{"quotes", table(",", good("1"), with(good("2"), "brand", `"Acme`), with(good("3"), "brand", `"Ac"me`), good("4")), 4, 2, []finding{{3, "item.broken", Error}, {4, "item.broken", Error}}},
	} {
		rep, _, found := run(t, tc.text, "google")
		if tc.name == "empty item" { // everything is missing
			found = nil
		}
		if diff := cmp.Diff(tc.want, found); diff != "" || rep.Items != tc.items || rep.Valid != tc.valid {
			t.Errorf("%s: %d items, %d valid, want %d, %d\n%s", tc.name, rep.Items, rep.Valid, tc.items, tc.valid, diff)
		}
	}
}

func TestTruncatedGzip(t *testing.T) {
	t.Parallel()
	var items []map[string]string
	for i := range 5000 {
		items = append(items, good(fmt.Sprint(i*7919)))
	}
	for _, text := range []string{rss(items...), table("\t", items...), table("|", items...)} {
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		io.WriteString(w, text)
		w.Close()
		rep, _, found := run(t, z.String()[:z.Len()/2], "google")
		if rep.Items < 1000 || rep.Items > 4500 || rep.ByRule["file.truncated"] != 1 {
			t.Errorf("%d items, %v", rep.Items, found[max(0, len(found)-3):])
		}
	}
}

func TestNotAFeed(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"empty": " \n", "HTML": "<!DOCTYPE html><html><body>Log in", "other XML": "<?xml version='1.0'?><svg/>",
		"binary": "\x89PNG\r\n\x1a\n\x00\x00", "text": "Dear customer,\nthe feed has moved.\n", "JSON": `{"items": []}`} {
		_, err := Validate(strings.NewReader(text), Options{Platform: "both"}, nil)
		var not *NotAFeed
		if !errors.As(err, &not) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, o := range []Options{{Platform: "bing"}, {Platform: "google", Format: "pdf"}, {Platform: "google", Encoding: "x-fake"}} {
		_, err := Validate(strings.NewReader(rss(good("1"))), o, nil)
		var not *NotAFeed
		if !errors.As(err, &not) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// A control character pasted into an item makes no feed binary, wherever the item
// stands.
func TestControlCharacterInItem(t *testing.T) {
	t.Parallel()
	for _, odd := range []string{"\x0b", "\x00", "\x1f"} {
		for _, at := range []int{0, 1999} {
			var items []map[string]string
			for i := range 2000 {
				items = append(items, good(fmt.Sprint(i)))
			}
			items[at]["description"] = "Line one" + odd + "line two"
			for _, sep := range []string{"\t", ","} {
				if rep, _, _ := run(t, table(sep, items...), "both"); rep.Items != len(items) {
					t.Errorf("%q in item %d: %+v", odd, at, rep)
				}
			}
		}
	}
}

// What is read may be no UTF-8; JSON has to be.
func TestIssueIsJSON(t *testing.T) {
	t.Parallel()
	i := Issue{File: "p\xe9.xml", Message: "\"\x01\\", Value: "U\xd8F"}
	if b := i.AppendJSON(nil); !utf8.Valid(b) || !json.Valid(b) {
		t.Errorf("%q", b)
	}
}

func TestVisitorStops(t *testing.T) {
	t.Parallel()
	stop := errors.New("enough")
	_, err := Validate(strings.NewReader(rss(good("1"), good("2"))), Options{Platform: "google"}, func(Item, []Issue) error { return stop })
	if err != stop {
		t.Error(err)
	}
}

// Memory does not grow with the feed but for its ids.
func TestMemory(t *testing.T) {
	line := rss(good("ID"))
	line = line[strings.Index(line, "<item>"):strings.Index(line, "</channel>")]
	r, w := io.Pipe()
	go func() {
		io.WriteString(w, `<rss xmlns:g="http://base.google.com/ns/1.0"><channel>`)
		for i := range 20_000 {
			io.WriteString(w, strings.Replace(line, "<g:id>ID", fmt.Sprintf("<g:id>%d", i), 1))
		}
		io.WriteString(w, "</channel></rss>")
		w.Close()
	}()
	var most uint64
	n := 0
	rep, err := Validate(r, Options{Platform: "both"}, func(Item, []Issue) error {
		if n++; n%5_000 == 0 {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
		}
		return nil
	})
	if err != nil || rep.Items != 20_000 {
		t.Fatal(rep, err)
	}
	if most > 16<<20 {
		t.Errorf("%d MiB in use", most>>20)
	}
}

// TestSamples reads real-world feeds, good and bad, to their ends.
func TestSamples(t *testing.T) {
	t.Parallel()
	files, _ := filepath.Glob(filepath.Join(shareddata.Path(t, "feeds/samples"), "*.xml"))
	if len(files) == 0 {
		t.Fatal("there are no samples")
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		rep, err := Validate(bytes.NewReader(raw), Options{Platform: "both"}, nil)
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
		}
		name := filepath.Base(file)[:2]
		want := map[string]string{"03": "price.format", "04": "image_link.url", "06": "file.encoding", "09": ""}[name]
		if want != "" && rep.ByRule[want] == 0 {
			t.Errorf("%s: no %s in %v", name, want, rep.ByRule)
		}
		if name == "02" && (rep.Items != 2 || rep.ByRule["item.broken"] != 0) {
			t.Errorf("%s: %+v", name, rep)
		}
	}
}

func FuzzValidate(f *testing.F) {
	f.Add(rss(good("1")))
	f.Add(table("\t", good("1"), good("2")))
	f.Add("# c\nid;title\n\"1\";\"a\nb\"\n")
	f.Add("<rss><item><a><![CDATA[<item>]]><!-- - --></item><item")
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Count(text, "\n") + 1
		items := 0
		rep, err := Validate(strings.NewReader(text), Options{Platform: "both"}, func(it Item, issues []Issue) error {
			if it.Line > 0 {
				items++
			}
			for _, i := range issues {
				// Compressed and re-encoded input has lines of its own.
				if i.Line < 1 || i.Line > lines+1 && !recoded(text) {
					t.Fatalf("line %d of %d: %+v", i.Line, lines, i)
				}
			}
			return nil
		})
		var not *NotAFeed
		if err != nil && !errors.As(err, &not) {
			t.Fatal(err)
		}
		if rep.Items != items || rep.Valid > rep.Items {
			t.Fatalf("%+v, %d visited", rep, items)
		}
	})
}

func recoded(text string) bool {
	return strings.Contains(text, "\x00") || strings.Contains(text, "\x1f\x8b") || strings.HasPrefix(text, "PK") || !utf8.ValidString(text)
}

func BenchmarkXML(b *testing.B) {
	var items []map[string]string
	for i := range 10_000 {
		items = append(items, good(fmt.Sprint(i)))
	}
	text := rss(items...)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if rep, err := Validate(strings.NewReader(text), Options{Platform: "both"}, nil); err != nil || rep.Items != 10_000 {
			b.Fatal(rep, err)
		}
	}
}
