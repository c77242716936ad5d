package feeds

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// findingsOf is everything Validate tells of a feed, as text.
func findingsOf(t testing.TB, text string, o Options) (lines []string, rep Report) {
	t.Helper()
	rep, err := Validate(strings.NewReader(text), o, func(it Item, issues []Issue) error {
		line, err := json.Marshal(struct {
			Item   Item
			Issues []Issue
		}{it, issues})
		lines = append(lines, string(line))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines, rep
}

// recheck validates a feed with the verdicts of another, and tells how many
// were of use; it fails where it finds anything else than without them.
func recheck(t *testing.T, before, text string, o, p Options) int {
	t.Helper()
	var kept, again bytes.Buffer
	o.Keep = &kept
	findingsOf(t, before, o)
	want, rep := findingsOf(t, text, p)
	p.Known, p.Keep = bytes.NewReader(kept.Bytes()), &again
	got, rep2 := findingsOf(t, text, p)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("with kept verdicts (-without, +with): %s", diff)
	}
	reused := rep2.Reused
	if rep2.Reused, rep2.AsKnown = 0, false; !cmp.Equal(rep, rep2) {
		t.Errorf("%+v, with kept verdicts %+v", rep, rep2)
	}
	// What was kept the second time is as good.
	if again.Len() == 0 { // and is what was kept the first time
		again = kept
	}
	p.Known, p.Keep = bytes.NewReader(again.Bytes()), nil
	if got, rep := findingsOf(t, text, p); !cmp.Equal(want, got) || rep.Reused < reused {
		t.Errorf("the third time: %d reused, after %d", rep.Reused, reused)
	}
	return reused
}

// oddFeed has an item for every rule's case, broken ones among them.
func oddFeed(platform string) string {
	var b strings.Builder
	for i, tc := range ruleCases() {
		fmt.Fprintf(&b, "<!-- %d -->\n", i)
		for _, changes := range []string{tc.pass, tc.fail} {
			b.WriteString(itemOf(wellFor(platform), changes))
		}
	}
	return `<?xml version="1.0"?><rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel>` + "\n" + b.String() +
		"<item><g:id>broken &nbsp; one</g:id></item>\n<item><g:id>unclosed</item>\n<item><h:id>x</h:id><g:colour>red</g:colour></item>\n</channel></rss>"
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	o := Options{Platform: "both", Country: "DE", Now: testNow}
	odd := oddFeed("both")
	items := strings.Count(odd, "<item>")
	if n := recheck(t, odd, odd, o, o); n < items-10 {
		t.Errorf("%d of %d items were known", n, items)
	}
	for _, sep := range []string{"xml", "\t", ","} {
		feed := plainFeed(3000, sep)
		if n := recheck(t, feed, feed, o, o); n != 3000 {
			t.Errorf("%q: %d of 3000 items were known", sep, n)
		}
		other := strings.Replace(feed, "sku-0002000", "sku-0001999", 1) // now a duplicate, which only a comparison shows
		other = strings.Replace(other, "54.90 EUR", "0 EUR", 1)
		if n := recheck(t, feed, other, o, o); n != 2998 {
			t.Errorf("%q: %d items were known after two changed", sep, n)
		}
	}
}

// TestSameVerdicts: nothing is written where all is as it was, and all of it where
// anything is not.
func TestSameVerdicts(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: long under the race detector, and others race what it runs; make test runs it without")
	}
	for _, sep := range []string{"xml", "\t", ","} {
		feed := plainFeed(3000, sep)
		end := strings.LastIndex(feed, "\n</channel>") + 1
		if sep != "xml" {
			end = len(feed)
		}
		half := strings.Index(feed, "sku-0001500")
		half -= len(feed[:half]) - strings.LastIndex(feed[:half], "\n") - 1
		if sep == "xml" {
			half -= len("<item>\n")
		}
		var kept bytes.Buffer
		o := Options{Platform: "both", Country: "DE", Now: testNow, Keep: &kept, block: 32 << 10}
		findingsOf(t, feed, o)
		item := strings.Replace(feed[half:half+strings.Index(feed[half:], "sku-0001501")], "sku-0001500", "sku-x", 1)
		if i := strings.LastIndex(item, "\n"); sep == "xml" {
			item = item[:strings.LastIndex(item, "<item>")]
		} else {
			item = item[:i+1]
		}
		for what, text := range map[string]string{"the same": feed, "an item more": feed[:end] + item + feed[end:], "half": feed[:half] + feed[end:],
			"an empty line more": feed[:half] + "\n" + feed[half:], "another item first": strings.Replace(feed, "sku-0000000", "sku-y", 1)} {
			var again bytes.Buffer
			o.Known, o.Keep = bytes.NewReader(kept.Bytes()), &again
			findingsOf(t, text, o)
			if what == "the same" {
				if again.Len() > 0 {
					t.Errorf("%q: %d bytes are written of a feed that has not changed", sep, again.Len())
				}
				continue
			}
			o.Known, o.Keep = bytes.NewReader(again.Bytes()), nil
			if _, rep := findingsOf(t, text, o); again.Len() == 0 || rep.Reused != rep.Items {
				t.Errorf("%q, %s: of %d items %d are known the next time, of %d bytes", sep, what, rep.Items, rep.Reused, again.Len())
			}
		}
	}
}

// TestVerdictsAhead: where a comment ends, and thus which items there are, may be
// told by what comes long after them.
func TestVerdictsAhead(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: long under the race detector, and others race what it runs; make test runs it without")
	}
	o := Options{Platform: "google"}
	var b strings.Builder
	b.WriteString(`<?xml version="1.0"?><rss xmlns:g="` + googleNS + `"><channel><item><g:id>first</g:id><!-- </item>`)
	for i := range 20_000 {
		fmt.Fprintf(&b, "<item><g:id>%d</g:id><g:title>A small thing %d</g:title></item>\n", i, i)
	}
	feed := b.String() + "</channel></rss>"
	recheck(t, feed, strings.Replace(feed, "thing 6000<", "--><", 1), o, o)
}

// TestVerdictsOfNothing: a feed that goes on with empty lines without end needs
// no memory for them.
func TestVerdictsOfNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("parts of 64 MB are read in the full run only")
	}
	for _, sep := range []string{"xml", "\t"} {
		feed := plainFeed(3000, sep)
		var kept bytes.Buffer
		o := Options{Platform: "google", Keep: &kept}
		findingsOf(t, feed, o)
		v := newVerdictReader(bytes.NewReader(kept.Bytes()), newChecker(o).print)
		v.more()
		head := feed[:strings.Index(feed, map[string]string{"xml": "<item>", "\t": "sku-"}[sep])+v.pages[0].region.length]
		o.Known, o.Keep = bytes.NewReader(kept.Bytes()), nil
		most := peakMemory(t, func() {
			if rep, err := Validate(&endless{prefix: head, fill: []byte("\n\n\n\n"), n: 64 << 20}, o, nil); err != nil || rep.Items == 0 {
				t.Errorf("%q: %+v, %v", sep, rep, err)
			}
		})
		if most > 60<<20 {
			t.Errorf("%q: %d MiB", sep, most>>20)
		}
	}
}

// TestVerdictsMoved finds the verdicts of items that come before or after others
// that went, came, or changed places.
func TestVerdictsMoved(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: it takes long under the race detector; make test runs it without")
	}
	o := Options{Platform: "google"}
	lines := strings.SplitAfter(plainFeed(30_000, "\t"), "\n")
	head, rows := lines[0], lines[1:30_001]
	whole := head + strings.Join(rows, "")
	for name, tc := range map[string]struct {
		rows []string
		want int
	}{
		"the first 20,000 went":    {rows[20_000:], 10_000},
		"in the middle 9,000 went": {append(append([]string(nil), rows[:500]...), rows[9500:]...), 21_000},
		"the two halves swapped":   {append(append([]string(nil), rows[15_000:]...), rows[:15_000]...), 15_000},
	} {
		if n := recheck(t, whole, head+strings.Join(tc.rows, ""), o, o); n < tc.want {
			t.Errorf("%s: %d were known, not %d", name, n, tc.want)
		}
	}
	if n := recheck(t, head+strings.Join(rows[20_000:], ""), whole, o, o); n != 10_000 {
		t.Errorf("20,000 came: %d were known", n)
	}
}

// TestVerdictPages: night after night of single items that come does not break pages to pieces, of
// which only so many are looked in.
func TestVerdictPages(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: it takes long under the race detector; make test runs it without")
	}
	r := rand.New(rand.NewPCG(3, 4))
	lines := strings.SplitAfter(plainFeed(8000, "\t"), "\n")
	head, rows := lines[0], lines[1:8001]
	come, rows := rows[7960:], rows[:7960]
	var known []byte
	check := func() Report {
		var kept bytes.Buffer
		_, rep := findingsOf(t, head+strings.Join(rows, ""), Options{Platform: "google", Known: bytes.NewReader(known), Keep: &kept})
		if kept.Len() > 0 {
			known = kept.Bytes()
		}
		return rep
	}
	check()
	least := verdictPages(t, known)
	if rep := check(); rep.Reused != len(rows) {
		t.Errorf("%d of an unchanged feed were known", rep.Reused)
	}
	for _, row := range come {
		rows = slices.Insert(rows, r.IntN(len(rows)), row)
		if rep := check(); rep.Reused != len(rows)-1 {
			t.Fatalf("%d of %d were known", rep.Reused, len(rows))
		}
	}
	if n := verdictPages(t, known); n > 2*least+1 {
		t.Errorf("%d pages became %d", least, n)
	}
}

// verdictPages counts the pages of kept verdicts.
func verdictPages(t *testing.T, kept []byte) (n int) {
	t.Helper()
	v := newVerdictReader(bytes.NewReader(kept), newChecker(Options{Platform: "google", Keep: io.Discard}).print)
	for v.more() {
		n++
	}
	if v.r.Buffered() > 0 {
		t.Fatal("the kept verdicts are damaged")
	}
	return n
}

// TestVerdictsOfOthers uses none that were found under other circumstances.
func TestVerdictsOfOthers(t *testing.T) {
	t.Parallel()
	feed := plainFeed(10, "xml")
	o := Options{Platform: "both", Country: "DE", Now: testNow}
	for name, p := range map[string]Options{
		"platform": {Platform: "meta", Country: "DE", Now: testNow}, "country": {Platform: "both", Country: "US", Now: testNow},
		"no date": {Platform: "both", Country: "DE"}, "severity": {Platform: "both", Country: "DE", Now: testNow, Severities: map[string]Severity{"title.cut": Error}},
		"supplemental": {Platform: "both", Country: "DE", Now: testNow, Supplemental: true},
		"taxonomy":     {Platform: "both", Country: "DE", Now: testNow, Taxonomy: &Taxonomy{paths: map[string]string{"1": "A"}, known: map[string]bool{"a": true}}},
	} {
		if n := recheck(t, feed, feed, o, p); n != 0 {
			t.Errorf("%s: %d were used", name, n)
		}
	}
	if n := recheck(t, feed, strings.Replace(feed, "http://base.google.com/ns/1.0", "http://base.google.com/ns/2.0", 1), o, o); n != 0 {
		t.Errorf("another namespace: %d were used", n)
	}
	tsv := plainFeed(10, "\t")
	if n := recheck(t, tsv, strings.Replace(tsv, "\tcolor\t", "\tmaterial\t", 1), o, o); n != 0 {
		t.Errorf("another header: %d were used", n)
	}
}

// TestVerdictDates: a verdict found on one day holds on another exactly where it
// would be the same.
func TestVerdictDates(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: long under the race detector, and others race what it runs; make test runs it without")
	}
	r := rand.New(rand.NewPCG(7, 8))
	moment := func(days int) string {
		return testNow.AddDate(0, 0, days).Add(time.Duration(r.IntN(86_400_000)) * time.Millisecond).Format("2006-01-02T15:04:05.000Z07:00")
	}
	var items []map[string]string
	for i := range 300 {
		it := good(fmt.Sprint("d", i))
		switch i % 4 {
		case 0:
			with(it, "sale_price", "1 EUR", "sale_price_effective_date", moment(-9)+"/"+moment(r.IntN(12)-4))
		case 1:
			with(it, "availability", "preorder", "availability_date", moment(r.IntN(8)-3))
		case 2:
			with(it, "availability", "backorder", "availability_date", moment(362+r.IntN(8)))
		case 3:
			with(it, "expiration_date", moment(r.IntN(8)-3))
		}
		items = append(items, it)
	}
	items = append(items, with(good("1970"), "expiration_date", "1970-01-01T00:00Z"), with(good("9999"), "expiration_date", "9999-12-31T23:59Z"))
	feed := rss(items...)
	for range 12 {
		o := Options{Platform: "both", Now: testNow.Add(time.Duration(r.Int64N(int64(200*time.Hour))) - 100*time.Hour)}
		p := Options{Platform: "both", Now: o.Now.Add(time.Duration(r.Int64N(int64(48*time.Hour))) - 24*time.Hour)}
		if n := recheck(t, feed, feed, o, p); n < 150 || n > 302 {
			t.Errorf("from %v to %v: %d were known", o.Now, p.Now, n)
		}
		if n := recheck(t, feed, feed, o, o); n < 300 {
			t.Errorf("at the same moment %d were known", n)
		}
	}
}

// TestVerdictsDamaged never uses what is damaged, nor fails over it.
func TestVerdictsDamaged(t *testing.T) {
	t.Parallel()
	feed := plainFeed(3000, "\t")
	var kept bytes.Buffer
	o := Options{Platform: "google"}
	want, _ := findingsOf(t, feed, Options{Platform: "google", Keep: &kept})
	r := rand.New(rand.NewPCG(1, 9))
	for range 15 {
		bad := bytes.Clone(kept.Bytes())
		if r.IntN(2) == 0 {
			bad = bad[:r.IntN(len(bad))]
		} else {
			bad[r.IntN(len(bad))] ^= byte(1 + r.IntN(255))
		}
		o.Known = bytes.NewReader(bad)
		if got, rep := findingsOf(t, feed, o); !cmp.Equal(want, got) || rep.Reused == 3000 {
			t.Errorf("damaged verdicts were used: %d", rep.Reused)
		}
	}
}

// FuzzRecall: whatever bytes a verdict has, it is read or refused.
func FuzzRecall(f *testing.F) {
	k := newChecker(Options{Platform: "both", Now: testNow, Keep: &bytes.Buffer{}})
	s := testSource(true)
	for _, tc := range ruleCases()[:40] {
		r := record{room: &room{}}
		var res result
		r.reset(1)
		s.read(itemOf(wellFor("both"), tc.fail), span{end: len(itemOf(wellFor("both"), tc.fail)), line: 1}, &r)
		k.judge(&r, &res)
		num, text, _ := k.verdict(nil, nil, &res, r.valid)
		f.Add(num, string(text))
	}
	f.Fuzz(func(t *testing.T, num []byte, text string) {
		var res result
		if !k.recall(num, text, 7, &res, &room{}) {
			return
		}
		if _, _, ok := k.verdict(nil, nil, &res, validity{}); !ok {
			t.Fatalf("%q was read and cannot be written", num)
		}
	})
}

// FuzzPage: whatever bytes a page has, it is read or refused, and so are findings.
func FuzzPage(f *testing.F) {
	k := newChecker(Options{Platform: "both", Now: testNow})
	var kept bytes.Buffer
	feed := plainFeed(20, "\t")
	feed += strings.Join(strings.SplitAfter(feed, "\n")[1:3], "") // come twice
	if _, err := Validate(strings.NewReader(feed), Options{Platform: "both", Now: testNow, Keep: &kept}, nil); err != nil {
		f.Fatal(err)
	}
	v := newVerdictReader(bytes.NewReader(kept.Bytes()), newChecker(Options{Platform: "both", Now: testNow, Keep: io.Discard}).print)
	if !v.more() || len(v.pages[0].found) == 0 {
		f.Fatal("no page with findings")
	}
	f.Add(v.pages[0].data, v.pages[0].found)
	f.Fuzz(func(t *testing.T, data, found []byte) {
		p := page{data: data}
		if p.parse() == nil {
			p.index()
			for i := range p.len() {
				var res result
				k.recall(p.num(i), string(p.text(i, i+1)), 7, &res, &room{})
			}
		}
		for i, bad := 0, false; len(found) > 0 && !bad && i < maxSpans; i++ {
			found, _, _, bad = k.findings(found, i)
		}
	})
}

func TestKeepFails(t *testing.T) {
	t.Parallel()
	full := errors.New("no space left")
	if _, err := Validate(strings.NewReader(plainFeed(3000, "\t")), Options{Platform: "google", Keep: fullDisk{full}}, nil); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
}

type fullDisk struct{ err error }

func (d fullDisk) Write([]byte) (int, error) { return 0, d.err }

// verdictSum is what TestVerdictVersion found when verdictVersion was last set.
const verdictSum = 0xc6335c041ad4ce45

// TestVerdictVersion fails when an item's verdict is another than it was: kept
// verdicts of before are then wrong, and verdictVersion has to be raised.
func TestVerdictVersion(t *testing.T) {
	t.Parallel()
	sum := uint64(verdictVersion)
	for _, platform := range []string{"google", "meta"} {
		lines, _ := findingsOf(t, oddFeed(platform), Options{Platform: platform, Country: "DE", Now: testNow})
		sum = hashText(sum, strings.Join(lines, "\n"))
	}
	if sum != verdictSum {
		t.Errorf("verdicts have changed: raise verdictVersion and set verdictSum to %#x", sum)
	}
}

// BenchmarkRevalidate checks feeds that have not changed, and one of which one
// item in 200 has. What is found is what checking all of it finds.
func BenchmarkRevalidate(b *testing.B) {
	const n = 50_000
	for _, f := range []struct {
		name, sep string
		every     int // so many items, one has changed
	}{{"xml", "xml", 0}, {"tsv", "\t", 0}, {"csv", ",", 0}, {"tsv changed", "\t", 200}} {
		b.Run(f.name, func(b *testing.B) {
			text := plainFeed(n, f.sep)
			var kept bytes.Buffer
			o := Options{Platform: "both", Country: "DE", Keep: &kept}
			if _, err := Validate(strings.NewReader(text), o, nil); err != nil {
				b.Fatal(err)
			}
			changed := 0
			if f.every > 0 {
				rows := strings.SplitAfter(text, "\n")
				for i := 1; i < n; i += f.every {
					rows[i] = strings.Replace(rows[i], "model", "model no.", 1)
					changed++
				}
				text = strings.Join(rows, "")
			}
			tally := func(issues *int) func(Item, []Issue) error {
				return func(_ Item, is []Issue) error {
					*issues += len(is)
					return nil
				}
			}
			wantIssues := 0
			want, err := Validate(strings.NewReader(text), Options{Platform: o.Platform, Country: o.Country}, tally(&wantIssues))
			if err != nil {
				b.Fatal(err)
			}
			want.Reused, want.AsKnown = n-changed, changed == 0
			b.SetBytes(int64(len(text)))
			var next bytes.Buffer
			next.Grow(2 * kept.Len()) // no part of what is measured
			before := cpu(b)
			for b.Loop() {
				next.Reset()
				o.Known, o.Keep = bytes.NewReader(kept.Bytes()), &next
				issues := 0
				if rep, err := Validate(strings.NewReader(text), o, tally(&issues)); err != nil || !cmp.Equal(rep, want) || issues != wantIssues {
					b.Fatal(rep, want, err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "items/s")
			b.ReportMetric(float64(n)*float64(b.N)/(cpu(b)-before), "items/cpu-s")
			b.ReportMetric(float64(kept.Len())/n, "kept-B/item")
		})
	}
}
