package feeds

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// changingFeed is a feed that is edited from night to night: what stands before
// the first item, items, what stands behind each, and the end.
type changingFeed struct {
	r      *rand.Rand
	format string
	head   string
	items  []string
	made   int
}

var changingFormats = []string{"xml", "one line", "tsv", "csv", "shopify"}

func newChangingFeed(r *rand.Rand, format string) *changingFeed {
	f := &changingFeed{r: r, format: format}
	switch format {
	case "xml", "one line":
		f.head = `<?xml version="1.0"?><rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel>`
	case "tsv", "csv":
		f.head = strings.Join(changingNames, f.separator()) + "\n"
	case "shopify":
		f.head = "Handle,Title,Variant SKU,Variant Price,Option1 Name,Option1 Value,Image Src\n"
	}
	for range 200 + r.IntN(200) {
		f.items = append(f.items, f.item())
	}
	return f
}

var changingNames = []string{"id", "title", "description", "link", "image_link", "price", "availability", "gtin", "brand", "item_group_id", "color",
	"custom_label_0", "expiration_date"}

func (f *changingFeed) separator() string {
	if f.format == "tsv" {
		return "\t"
	}
	return ","
}

// item makes an item whose id, group, number and variant others may have too.
func (f *changingFeed) item() string {
	f.made++
	n, r := f.made, f.r
	if r.IntN(12) == 0 {
		n = 1 + r.IntN(n) // comes twice
	}
	expires := testNow.AddDate(0, 0, r.IntN(6)-3).Add(time.Duration(r.IntN(86400)) * time.Second).Format(time.RFC3339)
	values := []string{fmt.Sprint([]string{"sku-", "SKU-"}[r.IntN(9)/8], n), fmt.Sprint("Shoe ", n), strings.Repeat("soft ", r.IntN(60)), fmt.Sprint("https://shop.example/", n),
		fmt.Sprintf("https://shop.example/%d.jpg", n), fmt.Sprint(r.IntN(40), ".50 EUR"), []string{"in_stock", "in stock", "gone"}[r.IntN(3)],
		gtinOf(fmt.Sprint("sku-", 1000000+r.IntN(500))), "Acme", fmt.Sprint("g", r.IntN(60)), []string{"red", "blue", ""}[r.IntN(3)], fmt.Sprint("l", r.IntN(1400)), expires}
	odd := r.IntN(40)
	switch f.format {
	case "shopify":
		var b strings.Builder
		for v := range 1 + r.IntN(3) {
			fmt.Fprintf(&b, "shoe-%d,%s,v%d-%d,%d.90,Size,%d,https://shop.example/%d.jpg\n", n, values[1], n, v, 10+r.IntN(9), 36+v, n)
		}
		return b.String()
	case "tsv", "csv":
		if odd == 0 && f.format == "csv" {
			values[2] = "\"two\nlines, \"\"quoted\"\"\""
		}
		row := strings.Join(values, f.separator())
		switch odd {
		case 1:
			row += f.separator() + "one too many"
		case 2:
			row = strings.Replace(row, "Shoe", "\"Shoe", 1)
		case 3:
			row = strings.Replace(row, "Acme", "Acm\xe9", 1)
		case 4:
			row = "\"" + row // a quote that is not closed
		case 5:
			row += "\n"
		}
		return row + "\n"
	}
	var b strings.Builder
	end := "\n"
	if f.format == "one line" {
		end = ""
	}
	b.WriteString("<item>" + end)
	for i, v := range values {
		fmt.Fprintf(&b, "<g:%s>%s</g:%s>%s", changingNames[i], v, changingNames[i], end)
	}
	switch odd {
	case 0:
		b.WriteString("<!-- </item> -->" + end)
	case 1:
		b.WriteString("<g:color>&nbsp;</g:color>" + end)
	case 2:
		return b.String() // not closed
	case 3:
		b.WriteString("<g:material><![CDATA[</item>]]></g:material>" + end)
	case 4:
		b.WriteString("<g:colour>x</g:colour>" + end)
	case 5:
		if r.IntN(3) == 0 {
			b.WriteString("<!-- ") // not closed
		}
	case 6:
		return b.String() + "</item><!-- between -->" + end
	case 7:
		if r.IntN(3) == 0 {
			return b.String() + "</item><!-- what follows is none" + end
		}
	}
	return b.String() + "</item>" + end
}

// edit changes some of the feed.
func (f *changingFeed) edit() {
	r := f.r
	for range r.IntN(4) {
		i := r.IntN(len(f.items))
		j := min(len(f.items), i+1+r.IntN(1+r.IntN(40)))
		switch r.IntN(6) {
		case 0: // changed
			f.items[i] = f.item()
		case 1: // came
			f.items = slices.Insert(f.items, i, f.item())
		case 2: // went
			if len(f.items) > 100 {
				f.items = slices.Delete(f.items, i, j)
			}
		case 3: // many came
			for range j - i {
				f.items = slices.Insert(f.items, i, f.item())
			}
		case 4: // moved
			some := slices.Clone(f.items[i:j])
			f.items = append(slices.Delete(f.items, i, j), some...)
		case 5: // changed by a letter
			f.items[i] = strings.Replace(f.items[i], "Shoe", "Boot", 1)
		}
	}
	if r.IntN(8) == 0 {
		switch f.format {
		case "xml":
			f.head += "\n<!-- a line more -->"
		case "one line":
			f.head = strings.Replace(f.head, "<rss", "\n<rss", 1)
		case "tsv", "csv":
			f.head = "# a line more\n" + f.head
		}
	}
}

func (f *changingFeed) text() string {
	text := f.head + strings.Join(f.items, "")
	switch {
	case f.r.IntN(8) == 0:
		return text[:len(text)-f.r.IntN(len(text)/4)] // cut short
	case f.head[0] == '<':
		return text + "</channel></rss>"
	case f.r.IntN(4) == 0:
		return strings.TrimSuffix(text, "\n")
	}
	return text
}

// TestVerdictsDiffer edits feeds night after night, while the date moves, and
// holds what is found with the verdicts of the night before against what is
// found without, in blocks of other sizes.
func TestVerdictsDiffer(t *testing.T) {
	t.Parallel()
	feeds := 60
	if testing.Short() {
		feeds = 10
	}
	reused, items := 0, 0
	for seed := range feeds {
		r := rand.New(rand.NewPCG(uint64(seed), 17))
		f := newChangingFeed(r, changingFormats[seed%len(changingFormats)])
		o := Options{Platform: []string{"google", "meta", "both"}[r.IntN(3)], Country: "DE", Currency: "EUR", ShopURL: "https://shop.example", Now: testNow,
			block: []int{300, 2000, 8000, 30_000}[r.IntN(4)]}
		var known []byte
		for night := range 8 {
			text := f.text()
			var kept bytes.Buffer
			p := o
			p.Known, p.Keep, p.block = bytes.NewReader(known), &kept, o.block+r.IntN(2)*1000
			got, rep := findingsOf(t, text, p)
			p = o
			p.block = 0
			want, rep2 := findingsOf(t, text, p)
			reused, items = reused+rep.Reused, items+rep.Items
			if rep.AsKnown != (kept.Len() == 0) {
				t.Fatalf("seed %d, %s, night %d: as known: %v, and %d bytes are written", seed, f.format, night, rep.AsKnown, kept.Len())
			}
			if kept.Len() > 0 {
				known = kept.Bytes()
			}
			rep.Reused, rep.AsKnown = 0, false
			if !cmp.Equal(want, got) || !cmp.Equal(rep, rep2) {
				t.Fatalf("seed %d, %s, night %d (-without, +with): %s%s", seed, f.format, night, cmp.Diff(want, got), cmp.Diff(rep2, rep))
			}
			if r.IntN(3) > 0 {
				f.edit()
			}
			o.Now = o.Now.Add(time.Duration(r.IntN(40)) * time.Hour)
		}
	}
	if reused < items*2/3 {
		t.Errorf("%d of %d items were known", reused, items)
	}
}
