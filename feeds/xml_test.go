package feeds

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// values is what a reader made of an item: name, value and line, in order.
func values(r *record) (out []string) {
	for i := range r.cells {
		c := &r.cells[i]
		out = append(out, fmt.Sprintf("%s=%q %d %d", c.label(), c.value, c.line, c.group))
	}
	return out
}

func testSource(declared bool) *xmlSource {
	s := &xmlSource{k: newChecker(Options{Platform: "both"}), itemName: "item", spaces: map[string]string{}}
	if declared {
		s.spaces["g"] = googleNS
	}
	return s
}

// FuzzItem: whatever the quick reader takes, encoding/xml reads the same; what
// encoding/xml refuses, the quick reader leaves alone.
func FuzzItem(f *testing.F) {
	for _, s := range []string{
		"<item><g:id>1</g:id>\r\n<title>A &amp; B &#39; &#x41;</title></item>",
		"<item><g:shipping><g:country>DE</g:country><g:price>1 EUR</g:price></g:shipping><!-- c --></item>",
		"<item a='b' xmlns:g=\"x\"><description>a<b>c</b><![CDATA[<p>&nbsp;]]>d</description></item>",
		"<entry><link rel=\"alternate\" href=\"https://a\"/><id>x</id></entry>",
		"<item><g:a>]]></g:a></item>", "<item><a>&nbsp;</a></item>", "<item><a b=\"c\"d=\"e\"/></item>", "<item/>", "<item><a></b></item>",
		"<item><g:>x</g:></item>", "<item><a>\u00e9\ufffe</a></item>", "<item>&#0;</item>", "<item><?x y?></item>", "<item><!DOCTYPE a></item>",
		"<item><a>b</a ></item>", "<item><a\t>b</a></item> <item></item>", "<item>&#xD800;&#1114112;</item>", "<item><!----><!-- a--b --></item>",
	} {
		f.Add(s)
	}
	s := testSource(true)
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) < 2 || text[0] != '<' || traitsOf(text)&hasControl != 0 || strings.ToValidUTF8(text, "") != text {
			t.Skip() // read does not hand these to the quick reader
		}
		var quick, slow record
		quick.reset(1)
		slow.reset(1)
		if !s.quick(text, &quick) {
			return
		}
		if err := s.slow(text, &slow, true); err != nil {
			t.Fatalf("encoding/xml says %s (line %d) of %q", err.what, err.line, text)
		}
		if diff := cmp.Diff(values(&slow), values(&quick)); diff != "" {
			t.Fatalf("%q: %s", text, diff)
		}
		if len(quick.once) != len(slow.once) || len(quick.novel) != len(slow.novel) {
			t.Fatalf("%q: %v, %v", text, quick.once, slow.once)
		}
	})
}

// FuzzDocument: of every document that is well-formed as a whole, the items are
// those encoding/xml finds, with the same values.
func FuzzDocument(f *testing.F) {
	f.Add("<rss><channel><item><id>1</id></item><item><id>2</id></item></channel></rss>")
	f.Add("<?xml version=\"1.0\"?><!-- <item> --><rss><item x='<!--'><a><![CDATA[</item>]]></a></item><?pi <item> ?></rss>")
	f.Add("<feed><entry><id>a</id></entry><entry/><x y=\"<entry>\"/></feed>")
	f.Add("<!DOCTYPE r [<!ENTITY a \"b\">]><r><item ></item ></r>")
	f.Fuzz(func(t *testing.T, text string) {
		want, ok := itemsOf(text)
		if !ok {
			t.Skip()
		}
		got := cutAll(t, text)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q: %s", text, diff)
		}
	})
}

// itemsOf is the oracle: encoding/xml over the whole document.
func itemsOf(text string) (items []string, ok bool) {
	d := xml.NewDecoder(strings.NewReader(text))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	depth, begun, name := 0, int64(-1), ""
	var inside int
	for {
		at := d.InputOffset()
		tok, err := d.Token()
		if err == io.EOF {
			return items, depth == 0
		}
		if err != nil {
			return nil, false
		}
		switch e := tok.(type) {
		case xml.StartElement:
			depth++
			local := e.Name.Local
			if local == "item" || local == "entry" {
				if inside > 0 || depth == 1 {
					return nil, false // items inside items, and an item alone, are no feeds
				}
				if name == "" {
					name = local
				}
				if local == name {
					begun, inside = at, depth
				}
			}
		case xml.EndElement:
			if depth == inside {
				items = append(items, text[begun:d.InputOffset()])
				inside = 0
			}
			depth--
		}
	}
}

// cutAll cuts a document into items.
func cutAll(t *testing.T, text string) (items []string) {
	s := newXMLSource(nil, nil, newChecker(Options{Platform: "both"}), nil)
	s.r = strings.NewReader(text)
	for {
		b := &block{size: blockSize}
		err := s.fill(b)
		for _, sp := range b.spans {
			if sp.problem != "" {
				t.Fatalf("%q: %s", text, sp.problem)
			}
			items = append(items, string(b.data[sp.start:sp.end]))
		}
		if err != nil {
			return items
		}
	}
}

// TestBlocks cuts feeds at every place a block may end.
func TestBlocks(t *testing.T) {
	t.Parallel()
	var items []map[string]string
	for i := range 3000 {
		items = append(items, with(good(fmt.Sprint(i)), "description", strings.Repeat("long ", i%200), "brand", "<![CDATA[</item>]]>"))
	}
	rep, all, found := run(t, rss(items...), "google")
	if rep.Items != 3000 || rep.ByRule["item.broken"] != 0 {
		t.Fatal(rep)
	}
	for i, it := range all {
		if it.Line != i+2 || it.ID != fmt.Sprint(i) {
			t.Fatalf("item %d: %+v", i, it)
		}
	}
	_ = found
}

// TestUnclosed: what is not closed costs its item, and not the rest.
func TestUnclosed(t *testing.T) {
	t.Parallel()
	var items []map[string]string
	for i := range 6000 {
		items = append(items, good(fmt.Sprint(i)))
	}
	whole := rss(items...)
	for _, broken := range []string{"<![CDATA[", "<!--", "<?", "<a", "<a b='", "&", "\x00", "<<<", "</item", "<item", `<a b="`} {
		text := strings.Replace(whole, "A red shoe", broken, 1)
		rep, err := Validate(strings.NewReader(text), Options{Platform: "google"}, nil)
		if err != nil || rep.Items < 5999 || rep.Items > 6001 || rep.Valid < 5998 || rep.ByRule["item.broken"] == 0 {
			t.Errorf("%q: %+v %v", broken, rep, err)
		}
	}
}

// endless yields a prefix and then the same bytes for ever, up to n.
type endless struct {
	prefix string
	fill   []byte
	n      int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.prefix != "" {
		n := copy(p, e.prefix)
		e.prefix = e.prefix[n:]
		return n, nil
	}
	if e.n <= 0 {
		return 0, io.EOF
	}
	n := min(len(p), e.n)
	for i := 0; i < n; i += len(e.fill) {
		copy(p[i:n], e.fill)
	}
	e.n -= n
	return n, nil
}

// TestHugeParts reads what has no end in no memory.
func TestHugeParts(t *testing.T) {
	if testing.Short() {
		t.Skip("parts of 96 MB are read in the full run only")
	}
	const size = 96 << 20
	head := `<?xml version="1.0"?><rss xmlns:g="` + googleNS + `"><channel>`
	item := strings.TrimSuffix(strings.SplitAfter(rss(good("1")), "\n")[1], "\n")
	for name, in := range map[string]*endless{
		"one item":     {prefix: head + "<item><title>", fill: []byte("abcdefgh"), n: size},
		"a comment":    {prefix: head + item + "<!-- ", fill: []byte("abcdefgh"), n: size},
		"a CDATA":      {prefix: head + "<item><title><![CDATA[", fill: []byte("abcdefgh"), n: size},
		"one tag":      {prefix: head + item + "<a b='", fill: []byte("abcdefgh"), n: size},
		"many tags":    {prefix: head + item, fill: []byte("<a><"), n: size / 16},
		"a TSV line":   {prefix: "id\ttitle\n1\t", fill: []byte("abcdefgh"), n: size},
		"a CSV cell":   {prefix: "id,title\n1,\"", fill: []byte("abcdefgh"), n: size},
		"CSV quotes":   {prefix: "id,title\n1,\"", fill: []byte("\"\"\"\""), n: size / 16},
		"the header":   {prefix: "id,title", fill: []byte("abcdefgh"), n: size},
		"empty lines":  {prefix: "id,title\n", fill: []byte("\n\n\n\n"), n: size / 16},
		"only text":    {prefix: head, fill: []byte("abcdefgh"), n: size},
		"empty cells":  {prefix: "id,title\n1,", fill: []byte(",,,,"), n: size / 16},
		"open quotes":  {prefix: "id,title\n", fill: []byte("1,\"\n1,x\n"), n: 4 << 20},
		"entity bomb":  {prefix: `<!DOCTYPE r [<!ENTITY a "` + x(1000) + `"><!ENTITY b "&a;&a;&a;">]>` + head, fill: []byte("<item><title>&b;&b;&b;&b;</title></item>"), n: 4 << 20},
		"many columns": {prefix: "id,title" + strings.Repeat(",a", 50_000) + "\n", fill: bytes.Repeat([]byte("1,"), 50_001), n: 4 << 20},
	} {
		most := peakMemory(t, func() {
			rep, err := Validate(in, Options{Platform: "both"}, nil)
			if _, not := err.(*NotAFeed); err != nil && !not {
				t.Errorf("%s: %v", name, err)
			}
			if err == nil && rep.Errors == 0 {
				t.Errorf("%s: no error in %+v", name, rep)
			}
		})
		if most > 120<<20 {
			t.Errorf("%s: %d MiB", name, most>>20)
		}
	}
}
