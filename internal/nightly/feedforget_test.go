package nightly

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"adsteward/store/storetest"
)

// Files of feeds that are configured no more are removed after a week, and
// nothing else in the directory.
func TestFilesOfRemovedFeedsAreForgotten(t *testing.T) {
	t.Parallel()
	d := setupFeeds(t, storetest.Open(t))
	d.FeedCache = t.TempDir()
	d.write(t, "google.tsv", 0, "a")
	d.write(t, "meta.tsv", 0, "a")
	names := func() (out []string) {
		files, err := os.ReadDir(d.FeedCache)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			out = append(out, f.Name())
		}
		return out
	}
	d.run(t, Feeds)
	both := names()
	if len(both) != 2 {
		t.Fatalf("kept: %v", both)
	}
	for _, name := range []string{"README", "0123-verdicts.zip", strings.Repeat("ab", 16)} {
		if err := os.WriteFile(filepath.Join(d.FeedCache, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	age := func(old time.Duration) {
		for _, name := range names() {
			at := d.now.Add(-old)
			if err := os.Chtimes(filepath.Join(d.FeedCache, name), at, at); err != nil {
				t.Fatal(err)
			}
		}
	}
	gone := d.Shops[0].Feeds[1]
	d.Shops[0].Feeds = d.Shops[0].Feeds[:1]
	age(forgetAfter - time.Minute)
	d.run(t, Feeds)
	if got := names(); len(got) != 5 {
		t.Errorf("within the week: %v", got)
	}
	age(forgetAfter + time.Minute)
	d.run(t, Feeds)
	lost := filepath.Base((&night{Steward: d.Steward, shop: &d.Shops[0]}).feedCache(gone).path)
	got := names()
	if len(got) != 4 || slices.ContainsFunc(got, func(name string) bool { return strings.HasPrefix(name, lost) }) {
		t.Errorf("left: %v, of which %s is of the feed that is gone", got, lost)
	}
}
