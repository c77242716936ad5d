package feeds

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// peakMemory is how much heap was in use at most while f ran.
func peakMemory(t *testing.T, f func()) uint64 {
	t.Helper()
	// What is held counts, not what a busy machine has not collected yet.
	defer debug.SetGCPercent(debug.SetGCPercent(20))
	runtime.GC()
	var most atomic.Uint64
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most.Store(max(most.Load(), m.HeapInuse))
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	f()
	close(stop)
	<-done
	return most.Load()
}

// TestEncodings reads one feed in every encoding, told by the feed, by a mark,
// by its zeros or by the option.
func TestEncodings(t *testing.T) {
	t.Parallel()
	named := func(name string) encoding.Encoding {
		e, _ := charset.Lookup(name)
		return e
	}
	le, be := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	for _, tc := range []struct {
		name, declared, option, mark, title string
		enc                                 encoding.Encoding
	}{
		{name: "UTF-8", title: "Schöne Šaty"},
		{name: "UTF-8 with a mark", title: "Schöne Šaty", mark: "\xef\xbb\xbf"},
		{name: "Latin-1 declared", declared: "ISO-8859-1", title: "Schöne", enc: named("iso-8859-1")},
		{name: "cp1250 by option", option: "windows-1250", title: "Šaty žluté", enc: named("windows-1250")},
		{name: "cp1250 declared", declared: "windows-1250", title: "Šaty žluté", enc: named("windows-1250")},
		{name: "cp1251 against its declaration", declared: "utf-8", option: "windows-1251", title: "Обувь", enc: named("windows-1251")},
		{name: "Shift JIS", declared: "Shift_JIS", title: "靴", enc: named("shift_jis")},
		{name: "UTF-16 with a mark", mark: "\xff\xfe", title: "Schöne Šaty", enc: le},
		{name: "UTF-16 without", title: "Schöne Šaty", enc: le},
		{name: "big-endian UTF-16 with a mark", mark: "\xfe\xff", title: "Schöne Šaty", enc: be},
		{name: "big-endian UTF-16 without", title: "Schöne Šaty", enc: be},
		{name: "UTF-16 by option", option: "utf-16le", title: "Schöne Šaty", enc: le},
		{name: "UTF-32 with a mark", mark: "\xff\xfe\x00\x00", title: "Schöne Šaty", enc: utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM)},
	} {
		xml, tsv := rss(with(good("1"), "title", tc.title)), table("\t", with(good("1"), "title", tc.title))
		if tc.declared != "" {
			xml = strings.Replace(xml, `"1.0"?`, `"1.0" encoding="`+tc.declared+`"?`, 1)
		}
		for format, text := range map[string]string{"xml": xml, "tsv": tsv} {
			if format == "tsv" && tc.declared != "" && tc.option == "" {
				continue // a table declares nothing
			}
			if tc.enc != nil {
				coded, err := tc.enc.NewEncoder().String(text)
				if err != nil {
					t.Fatal(err)
				}
				text = coded
			}
			title := ""
			rep, err := Validate(strings.NewReader(tc.mark+text), Options{Platform: "google", Encoding: tc.option}, func(it Item, _ []Issue) error {
				title = it.Title
				return nil
			})
			if err != nil || rep.Errors != 0 || title != tc.title {
				t.Errorf("%s, %s: %q, %+v, %v", tc.name, format, title, rep, err)
			}
		}
	}
}

func zipped(t *testing.T, store bool, files ...string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		h := &zip.FileHeader{Name: files[i], Method: zip.Deflate}
		var f io.Writer
		var err error
		if store || strings.HasSuffix(files[i], "/") {
			h.Method = zip.Store
			h.UncompressedSize64, h.CompressedSize64 = uint64(len(files[i+1])), uint64(len(files[i+1]))
			f, err = w.CreateRaw(h)
		} else {
			f, err = w.CreateHeader(h)
		}
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(f, files[i+1])
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestArchives(t *testing.T) {
	t.Parallel()
	feed := rss(good("1"), good("2"))
	for name, text := range map[string]string{
		"deflated": zipped(t, false, "feed.xml", feed), "stored": zipped(t, true, "feed.xml", feed),
		"behind a folder": zipped(t, true, "feeds/", "", "__MACOSX/._feed.xml", "junk", "feeds/feed.xml", feed),
	} {
		if rep, err := Validate(strings.NewReader(text), Options{Platform: "google"}, nil); err != nil || rep.Valid != 2 {
			t.Errorf("%s: %+v %v", name, rep, err)
		}
	}
	for name, text := range map[string]string{"deflated": zipped(t, false, "a.xml", feed, "b.xml", feed), "stored": zipped(t, true, "a.xml", feed, "b.xml", feed)} {
		rep, err := Validate(strings.NewReader(text), Options{Platform: "google"}, nil)
		if err != nil || rep.Valid != 2 || rep.ByRule["file.archive"] != 1 {
			t.Errorf("two files, %s: %+v %v", name, rep, err)
		}
	}
	if rep, err := Validate(strings.NewReader(zipped(t, false, "a.xml", feed, "__MACOSX/._a.xml", "junk")), Options{Platform: "google"}, nil); err != nil || rep.ByRule["file.archive"] != 0 {
		t.Errorf("a Mac's archive: %+v %v", rep, err)
	}
	cut := zipped(t, true, "feed.xml", feed)
	rep, err := Validate(strings.NewReader(cut[:strings.Index(cut, "<title>A red")+600]), Options{Platform: "google"}, nil)
	if err != nil || rep.ByRule["file.truncated"] != 1 {
		t.Errorf("cut: %+v %v", rep, err)
	}
	secret := []byte(zipped(t, false, "feed.xml", feed))
	secret[6] |= 1
	for name, text := range map[string]string{"encrypted": string(secret), "empty": zipped(t, false), "cut header": zipped(t, false, "feed.xml", feed)[:20]} {
		var not *NotAFeed
		if _, err := Validate(strings.NewReader(text), Options{Platform: "google"}, nil); !errors.As(err, &not) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBomb stops at a gigabyte of what was a megabyte.
func TestBomb(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, "id\ttitle\n")
	zeros := bytes.Repeat([]byte(" "), 1<<20)
	for range 1100 {
		w.Write(zeros)
	}
	w.Close()
	most := peakMemory(t, func() {
		if _, err := Validate(&b, Options{Platform: "google"}, nil); !errors.Is(err, errBomb) {
			t.Error(err)
		}
	})
	if most > 100<<20 {
		t.Errorf("%d MiB", most>>20)
	}
}

// failing is a source whose connection breaks.
type failing struct {
	text string
	err  error
}

func (f *failing) Read(p []byte) (int, error) {
	n := copy(p, f.text)
	if f.text = f.text[n:]; n == 0 {
		return 0, f.err
	}
	return n, nil
}

func TestReaderFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset")
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	io.WriteString(w, rss(good("1"), good("2")))
	w.Close()
	for _, text := range []string{rss(good("1"), good("2"))[:600], table("\t", good("1")), z.String()[:z.Len()-9]} {
		if _, err := Validate(&failing{text, broken}, Options{Platform: "google"}, nil); !errors.Is(err, broken) {
			t.Errorf("%v", err)
		}
	}
}

// TestTwiceCompressed reads what a server compressed although it was.
func TestTwiceCompressed(t *testing.T) {
	t.Parallel()
	text := []byte(rss(good("1"), good("2")))
	for n := range 3 {
		rep, err := Validate(bytes.NewReader(text), Options{Platform: "google"}, nil)
		if err != nil || rep.Valid != 2 {
			t.Errorf("compressed %d times: %+v %v", n, rep, err)
		}
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		w.Write(text)
		w.Close()
		text = z.Bytes()
	}
}

// endlessText costs nothing to read.
type endlessText struct{}

func (endlessText) Read(p []byte) (int, error) { return len(p), nil }

// TestUnpackedLimits: what grows slowly is let grow, up to a limit.
func TestUnpackedLimits(t *testing.T) {
	t.Parallel()
	packed := &counter{}
	u := &unpacked{r: endlessText{}, packed: packed}
	buf := make([]byte, 1<<30)
	for {
		n, err := u.Read(buf)
		packed.n += int64(n) / 2
		if err != nil {
			if !errors.Is(err, errBomb) || u.n < maxUnpacked || u.n > maxUnpacked+2<<30 {
				t.Errorf("%v after %d bytes", err, u.n)
			}
			return
		}
	}
}

// TestLaughs: entities of a document's own are not expanded, be they harmless or
// a billion laughs; the item that uses one is said to be broken.
func TestLaughs(t *testing.T) {
	t.Parallel()
	var dtd strings.Builder
	dtd.WriteString(`<!DOCTYPE rss [<!ENTITY a0 "ha"><!ENTITY file SYSTEM "file:///etc/passwd">`)
	for i := 1; i < 40; i++ {
		fmt.Fprintf(&dtd, `<!ENTITY a%d "%s">`, i, strings.Repeat(fmt.Sprintf("&a%d;", i-1), 10))
	}
	dtd.WriteString("]>")
	for _, entity := range []string{"&a39;", "&a0;", "&file;"} {
		text := strings.Replace(rss(good("1"), with(good("2"), "title", "A "+entity)), "<rss", dtd.String()+"<rss", 1)
		var title string
		rep, err := Validate(strings.NewReader(text), Options{Platform: "google"}, func(it Item, _ []Issue) error {
			title = it.Title
			return nil
		})
		if err != nil || rep.Items != 2 || rep.ByRule["item.broken"] != 1 || !strings.Contains(title, entity) {
			t.Errorf("%s: %+v %v %q", entity, rep, err, title)
		}
	}
}
