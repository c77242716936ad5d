package nightly

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adsteward/feeds"
	"adsteward/store"
	"adsteward/store/storetest"
)

// feedServer serves one version of a feed, and tells what it was asked.
type feedServer struct {
	*httptest.Server
	mu      sync.Mutex
	body    string
	etag    string
	answers []int
}

func newFeedServer(t *testing.T) *feedServer {
	s := &feedServer{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		w.Header().Set("ETag", s.etag)
		if s.etag != "" && r.Header.Get("If-None-Match") == s.etag {
			s.answers = append(s.answers, http.StatusNotModified)
			w.WriteHeader(http.StatusNotModified)
			return
		}
		s.answers = append(s.answers, http.StatusOK)
		w.Header().Set("Content-Type", "text/tab-separated-values")
		fmt.Fprint(w, s.body)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *feedServer) serve(etag, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.etag, s.body = etag, body
}

// asked returns what was answered since it was last called.
func (s *feedServer) asked() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { s.answers = nil }()
	return fmt.Sprint(s.answers)
}

// rows is a feed of items that are in stock, and of one that comes on a day.
func rows(ships string, ids ...string) string {
	var b strings.Builder
	b.WriteString("id\ttitle\tdescription\tlink\timage_link\tavailability\tavailability_date\tprice\tcondition\tbrand\tmpn\n")
	for i, id := range ids {
		state := "in_stock\t"
		if i == 0 {
			state = "preorder\t" + ships
		}
		fmt.Fprintf(&b, "%s\tTitle of %s\tA thing for every day.\thttps://shop.example/p/%s\thttps://shop.example/i/%s.jpg\t%s\t100 EUR\tnew\tBrand\tM-%s\n", id, id, id, id, state, id)
	}
	return b.String()
}

// cachedDesk has one feed, read over HTTP with a cache.
type cachedDesk struct {
	*feedDesk
	server *feedServer
	log    bytes.Buffer
}

func setupCached(t *testing.T) *cachedDesk {
	d := &cachedDesk{feedDesk: setupFeeds(t, storetest.Open(t)), server: newFeedServer(t)}
	d.FeedCache = filepath.Join(t.TempDir(), "feed-cache")
	d.Log = slog.New(slog.NewTextHandler(&d.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	d.Shops[0].Feeds = []Feed{{Location: d.server.URL + "/feed.tsv", Platform: "google"}}
	return d
}

// night runs the stage feeds and returns how the feed stands, what is in force of
// it and what was found.
func (d *cachedDesk) night(t *testing.T) (feeds.State, []store.Product, []store.FeedIssue) {
	t.Helper()
	state := d.run(t, Feeds)["feed.tsv"]
	products, err := d.Store.Products(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	issues, err := d.Store.FeedIssues(t.Context(), store.FeedIssueFilter{Account: "shop", RunID: RunID("shop", d.today)})
	if err != nil {
		t.Fatal(err)
	}
	return state, products, issues
}

// sameWithout has the same night again without the cache, and fails where it finds
// anything else.
func (d *cachedDesk) sameWithout(t *testing.T) {
	t.Helper()
	state, products, issues := d.night(t)
	with := d.FeedCache
	d.FeedCache = ""
	state2, products2, issues2 := d.night(t)
	d.FeedCache = with
	if diff := cmp.Diff(state2, state) + cmp.Diff(products2, products) + cmp.Diff(issues2, issues); diff != "" {
		t.Errorf("with the cache (-without, +with): %s", diff)
	}
}

// told returns what was logged since it was last called.
func (d *cachedDesk) told() string {
	defer d.log.Reset()
	return d.log.String()
}

// TestUnchangedFeedIsNotFetched: a version the server still has is not sent again
// and its items are not checked again, but what a date says of them is.
func TestUnchangedFeedIsNotFetched(t *testing.T) {
	t.Parallel()
	d := setupCached(t)
	d.server.serve(`"1"`, rows(testNow.AddDate(0, 0, 3).Format("2006-01-02"), "a", "b", "c", "d"))
	s, _, _ := d.night(t)
	if got := d.server.asked(); got != "[200]" || s.Items != 4 || s.Report.Reused != 0 || len(s.Rules) != 0 || !strings.Contains(d.told(), "items=4 known=0") {
		t.Fatalf("the first night: %s, %+v", got, s)
	}
	files, err := filepath.Glob(filepath.Join(d.FeedCache, "*"))
	if err != nil || len(files) != 2 {
		t.Fatal(files, err)
	}
	began := time.Now().Add(-time.Minute)
	for _, f := range files {
		if err := os.Chtimes(f, time.Time{}, began.AddDate(0, 0, -9)); err != nil {
			t.Fatal(err)
		}
	}
	d.next()
	s, products, _ := d.night(t)
	if got := d.server.asked(); got != "[304]" || s.Items != 4 || s.Since != d.today || s.Report.Items != 4 || len(s.Rules) != 0 || !strings.Contains(d.told(), "items=4 known=4") {
		t.Errorf("the second night: %s, %+v", got, s)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.ModTime().Before(began) {
			t.Errorf("%s passes for forgotten: %v", f, err)
		}
	}
	for _, p := range products {
		if p.FeedDate != d.today {
			t.Errorf("%s is in force as of %s", p.ItemID, p.FeedDate)
		}
	}
	d.sameWithout(t)

	// The day has passed on which the first item was to come.
	for range 5 {
		d.next()
	}
	d.server.asked()
	d.told()
	s, _, issues := d.night(t)
	if got := d.server.asked(); got != "[304]" || len(issues) != 1 || issues[0].Rule != "availability_date.past" || s.Report.Warnings != 1 || !strings.Contains(d.told(), "items=4 known=3") {
		t.Errorf("after the day: %s, %+v, %+v", got, s, issues)
	}
	d.sameWithout(t)

	// A new version is fetched; of its items, those that are as before are known.
	d.server.serve(`"2"`, rows(testNow.AddDate(0, 0, 90).Format("2006-01-02"), "x", "b", "c", "d", "e"))
	d.server.asked()
	d.told()
	s, _, _ = d.night(t)
	if got := d.server.asked(); got != "[200]" || s.Items != 5 || !strings.Contains(d.told(), "items=5 known=3") {
		t.Errorf("a new version: %s, %+v", got, s)
	}
	d.sameWithout(t)
}

// TestRefusedVersionIsNotKept: what is kept is the version in force, to which a
// server may go back.
func TestRefusedVersionIsNotKept(t *testing.T) {
	t.Parallel()
	d := setupCached(t)
	d.server.serve(`"1"`, rows("", "a", "b", "c", "d"))
	d.night(t)
	for _, broken := range []string{rows("", "a"), "<html><body>Sorry</body></html>"} {
		d.next()
		d.server.serve(`"broken"`, broken)
		d.server.asked()
		if s, _, _ := d.night(t); s.Refused == "" || s.Items != 4 || d.server.asked() != "[200]" {
			t.Errorf("the broken version: %+v", s)
		}
		if s, _, _ := d.night(t); s.Refused == "" || d.server.asked() != "[200]" {
			t.Errorf("the broken version again: %+v", s)
		}
		d.server.serve(`"1"`, "is not sent")
		if s, _, _ := d.night(t); s.Refused != "" || s.Items != 4 || s.Since != d.today || d.server.asked() != "[304]" {
			t.Errorf("the first version again: %+v", s)
		}
	}
	left, err := filepath.Glob(filepath.Join(d.FeedCache, "*.new"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestDamagedFeedCache is logged and done without, and is whole after the night.
func TestDamagedFeedCache(t *testing.T) {
	t.Parallel()
	d := setupCached(t)
	d.server.serve(`"1"`, rows("", "a", "b", "c", "d"))
	d.night(t)
	for name, damage := range map[string]func([]byte) []byte{
		"cut short": func(b []byte) []byte { return b[:len(b)*2/3] },
		"empty":     func([]byte) []byte { return nil },
		"one bit":   func(b []byte) []byte { b[len(b)/3] ^= 4; return b },
		"other":     func([]byte) []byte { return []byte("no such thing") },
	} {
		d.spoil(t, damage)
		d.server.asked()
		d.told()
		s, _, _ := d.night(t)
		if said := d.told(); d.server.asked() != "[200]" || s.Items != 4 || s.Refused != "" || strings.Count(said, "is damaged and is not used") != 2 || !strings.Contains(said, "items=4 known=0") {
			t.Errorf("%s: %+v\n%s", name, s, said)
		}
		if d.night(t); d.server.asked() != "[304]" || !strings.Contains(d.told(), "items=4 known=4") {
			t.Errorf("%s: it was not kept anew", name)
		}
	}
}

// spoil changes every file of the cache, of which there are two.
func (d *cachedDesk) spoil(t *testing.T, damage func([]byte) []byte) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(d.FeedCache, "*"))
	if err != nil || len(files) != 2 {
		t.Fatalf("kept are %v, %v", files, err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err == nil {
			err = os.WriteFile(f, damage(b), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestFeedCacheWhereItCannotBe does not keep a feed from being read.
func TestFeedCacheWhereItCannotBe(t *testing.T) {
	t.Parallel()
	d := setupCached(t)
	if err := os.WriteFile(d.FeedCache, []byte("a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.server.serve(`"1"`, rows("", "a", "b"))
	s, _, _ := d.night(t)
	if said := d.told(); s.Items != 2 || s.Refused != "" || strings.Count(said, "could not be kept") != 2 {
		t.Errorf("%+v\n%s", s, said)
	}
}

// TestFeedsWithoutVersions: a file and a server that tells no versions are read
// every night; their verdicts are kept.
func TestFeedsWithoutVersions(t *testing.T) {
	t.Parallel()
	d := setupCached(t)
	d.Shops[0].Feeds = append(d.Shops[0].Feeds, Feed{Location: d.file("google.tsv"), Platform: "google"})
	d.write(t, "google.tsv", 1, "p", "q", "r")
	d.server.serve("", rows("", "a", "b"))
	d.night(t)
	d.told()
	d.next()
	s, products, _ := d.night(t)
	if said := d.told(); d.server.asked() != "[200 200]" || s.Items != 2 || len(products) != 5 || !strings.Contains(said, "items=2 known=2") || !strings.Contains(said, "items=3 known=3") {
		t.Errorf("%+v\n%s", s, said)
	}
	files, err := filepath.Glob(filepath.Join(d.FeedCache, "*"))
	if err != nil || len(files) != 2 || !strings.HasSuffix(files[0], verdictFile) || !strings.HasSuffix(files[1], verdictFile) {
		t.Errorf("kept are %v, %v", files, err)
	}
}
