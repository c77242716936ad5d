package feedsource

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"adsteward/feeds"
)

const shardHeader = "id\ttitle\tdescription\tlink\timage_link\tprice\tavailability\tbrand\tcondition\n"

func shardRow(id, price string) string {
	return fmt.Sprintf("%s\tCup %s\tA cup\thttps://shop.example/%s\thttps://shop.example/%s.jpg\t%s\tin_stock\tAcme\tnew\n", id, id, id, id, price)
}

// TestDirectory reads a directory's files as one feed: issues name file and line,
// and what comes twice is found across files.
func TestDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, ".gz") {
			z := gzip.NewWriter(f)
			z.Write([]byte(text))
			z.Close()
		} else {
			f.WriteString(text)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	write("part-2.tsv", shardHeader+shardRow("3", "1 EUR")+shardRow("1", "1 EUR"))
	write("part-1.tsv.gz", shardHeader+shardRow("1", "1 EUR")+shardRow("2", "free"))
	write("part-3.xml", `<?xml version="1.0"?><rss xmlns:g="http://base.google.com/ns/1.0"><channel></channel></rss>`)
	write("_SUCCESS", "")
	write(".hidden", "x")
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	rc, info, err := Open(context.Background(), dir, Options{})
	if err != nil || info.ETag == "" {
		t.Fatal(err, info)
	}
	var items, errs []string
	rep, err := feeds.Validate(rc.(feeds.Shards), feeds.Options{Platform: "meta"}, func(it feeds.Item, issues []feeds.Issue) error {
		items = append(items, fmt.Sprint(it.File, " ", it.Line, " ", it.ID))
		for _, i := range issues {
			if i.Severity == feeds.Error {
				errs = append(errs, fmt.Sprint(i.File, " ", i.Line, " ", i.Rule, " ", i.Message))
			}
		}
		return nil
	})
	if err != nil || rep.Items != 4 {
		t.Fatalf("%+v %v", rep, err)
	}
	if diff := cmp.Diff([]string{"part-1.tsv.gz 2 1", "part-1.tsv.gz 3 2", "part-2.tsv 2 3", "part-2.tsv 3 1"}, items); diff != "" {
		t.Error(diff)
	}
	want := []string{"part-1.tsv.gz 3 price.format price: the price names no currency of ISO 4217",
		"part-2.tsv 3 id.duplicate id: came on line 2 of this or an earlier file already; Google keeps one of the copies, Meta none"}
	if diff := cmp.Diff(want, errs); diff != "" {
		t.Error(diff)
	}
	if err := rc.Close(); err != nil {
		t.Error(err)
	}

	if _, _, err := Open(context.Background(), dir, Options{ETag: info.ETag}); !errors.Is(err, ErrNotModified) {
		t.Errorf("the copy at hand: %v", err)
	}
	// A file that is no feed is named; so is the limit of all together.
	write("part-4.tsv", "<html></html>")
	for o, want := range map[int64]string{0: "part-4.tsv: this is an HTML page", 300: "larger than 300 bytes"} {
		rc, again, err := Open(context.Background(), dir, Options{MaxBytes: o})
		if err != nil || again.ETag == info.ETag {
			t.Fatal(err, again)
		}
		if _, err := feeds.Validate(rc, feeds.Options{Platform: "meta"}, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
		rc.Close()
	}
}
