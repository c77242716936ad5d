package landing

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"adsteward/feeds/pagedata"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const good = `<script type="application/ld+json">{"@type":"Product","name":"Shoe","offers":{"price":"49.90","priceCurrency":"EUR"}}</script>`

// shop is a server that counts what it was asked for.
type shop struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
	agent string
}

func newShop(t *testing.T, robots string) *shop {
	t.Helper()
	s := &shop{}
	mux := http.NewServeMux()
	mux.HandleFunc("/robots.txt", func(w http.ResponseWriter, _ *http.Request) {
		if robots == "down" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if robots == "" {
			http.NotFound(w, nil)
			return
		}
		io.WriteString(w, robots)
	})
	page := func(pattern string, h http.HandlerFunc) { mux.HandleFunc(pattern, h) }
	page("/p/shoe", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>"+good) })
	page("/p/latin1", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=iso-8859-1")
		io.WriteString(w, strings.Replace(good, "Shoe", "Sch\xfch", 1))
	})
	page("/p/private", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, good) })
	page("/moved", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/p/shoe", http.StatusMovedPermanently)
	})
	page("/sneaky", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/p/private", http.StatusFound) })
	page("/ring", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/ring", http.StatusFound) })
	page("/file", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "file:///etc/passwd")
		w.WriteHeader(http.StatusFound)
	})
	page("/nowhere", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusFound) })
	page("/busy", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	page("/image", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		io.WriteString(w, good)
	})
	page("/bomb", func(w http.ResponseWriter, _ *http.Request) { // 64 MiB in some 64 KiB
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		for range 64 {
			z.Write(make([]byte, 1<<20))
		}
		z.Close()
	})
	page("/slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked, s.agent = append(s.asked, r.URL.Path), r.UserAgent()
		s.mu.Unlock()
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *shop) count(path string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.asked {
		if p == path {
			n++
		}
	}
	return n
}

func client(t *testing.T, o Options) *Client {
	t.Helper()
	if o.Rate == 0 {
		o.Rate = 1e6
	}
	c := New(o)
	t.Cleanup(c.Close)
	return c
}

func visit(t *testing.T, c *Client, address string) pagedata.Visit {
	t.Helper()
	v, err := c.Visit(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVisit(t *testing.T) {
	t.Parallel()
	s := newShop(t, "User-agent: *\nDisallow: /\n\nUser-Agent: AdSteward/1.0\nDisallow: /p/private\n\nUser-agent: Googlebot\nDisallow: /p/\nDisallow: /gone\n")
	c := client(t, Options{AllowPrivate: true, MaxBytes: 1 << 20, Google: true})
	if v := visit(t, client(t, Options{AllowPrivate: true}), s.URL+"/p/shoe"); v.GoogleBarred {
		t.Error("a feed that is not for Google is told of Google's crawler")
	}
	s.asked = nil
	for path, want := range map[string]struct {
		kind pagedata.Kind
		end  string // of where it ended, or of why
	}{
		"/p/shoe":        {"", "/p/shoe"},
		"/p/latin1":      {"", "/p/latin1"},
		"/moved":         {"", "/p/shoe"},
		"/image":         {"", "/image"},
		"/p/private?a=b": {pagedata.NotAllowed, "look at the page"},
		"/sneaky":        {pagedata.NotAllowed, "look at the page"}, // a redirect is held against robots.txt too
		"/ring":          {pagedata.Missing, "more than 5 times"},
		"/file":          {pagedata.Missing, "leads to file:, which is no page"},
		"/nowhere":       {pagedata.Missing, "does not say where"},
		"/gone":          {pagedata.Missing, "404 Not Found"},
		"/busy":          {pagedata.NoAnswer, "503 Service Unavailable"},
		"/bomb":          {pagedata.NoAnswer, "longer than 1048576 bytes"},
	} {
		v := visit(t, c, s.URL+path)
		end := v.Why
		if want.kind == "" {
			end = v.URL
		}
		if v.Kind != want.kind || !strings.HasSuffix(end, want.end) {
			t.Errorf("%s: %q, %q; want %q, ...%q", path, v.Kind, end, want.kind, want.end)
		}
		if found := len(v.Page.Products) > 0; found != (want.kind == "" && path != "/image") {
			t.Errorf("%s: products %v", path, v.Page.Products)
		}
	}
	for path, want := range map[string]bool{"/p/shoe": true, "/moved": true, "/gone": true, "/image": false} {
		if v := visit(t, c, s.URL+path); v.GoogleBarred != want {
			t.Errorf("%s is closed to Google: %v", path, v.GoogleBarred)
		}
	}
	if v := visit(t, c, s.URL+"/p/latin1"); v.Page.Products[0].Name != "Schüh" {
		t.Errorf("read in the wrong encoding: %q", v.Page.Products[0].Name)
	}
	if n := s.count("/robots.txt"); n != 1 {
		t.Errorf("robots.txt was fetched %d times", n)
	}
	if n := s.count("/p/private"); n != 0 {
		t.Errorf("a forbidden page was fetched %d times", n)
	}
	if !strings.Contains(s.agent, Token) {
		t.Errorf("the user agent %q does not name the program", s.agent)
	}
	for _, bad := range []string{"", "shop.example/p", "ftp://shop.example/", "http://", "://", "http://[::1/"} {
		if v := visit(t, c, bad); v.Kind != pagedata.Missing {
			t.Errorf("%q: %+v", bad, v)
		}
	}
}

func TestRobotsOfTheHost(t *testing.T) {
	t.Parallel()
	c := client(t, Options{AllowPrivate: true})
	if v := visit(t, c, newShop(t, "").URL+"/p/shoe"); v.Kind != "" {
		t.Errorf("without a robots.txt: %+v", v)
	}
	down := newShop(t, "down")
	for range 2 {
		if v := visit(t, c, down.URL+"/p/shoe"); v.Kind != pagedata.NotAllowed || !strings.Contains(v.Why, "could not be had") {
			t.Errorf("with robots.txt out of order: %+v", v)
		}
	}
	if n := down.count("/robots.txt"); n != 1 || down.count("/p/shoe") != 0 {
		t.Errorf("a server in trouble was asked on: %v", down.asked)
	}
	dead := newShop(t, "")
	dead.Close()
	for range 2 {
		if v := visit(t, c, dead.URL+"/p/shoe"); v.Kind != pagedata.NoAnswer {
			t.Errorf("a dead server: %+v", v)
		}
	}
}

func TestPrivateAddresses(t *testing.T) {
	t.Parallel()
	s := newShop(t, "")
	c := client(t, Options{})
	if v := visit(t, c, s.URL+"/p/shoe"); v.Kind != pagedata.NotAllowed || len(s.asked) != 0 {
		t.Errorf("a private address was fetched: %+v, %v", v, s.asked)
	}
}

func TestTimeoutAndCancel(t *testing.T) {
	t.Parallel()
	s := newShop(t, "")
	if v := visit(t, client(t, Options{AllowPrivate: true, Timeout: 50 * time.Millisecond}), s.URL+"/slow"); v.Kind != pagedata.NoAnswer {
		t.Errorf("a page that never comes: %+v", v)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client(t, Options{AllowPrivate: true}).Visit(ctx, s.URL+"/p/shoe"); err == nil {
		t.Error("a call that was given up returned no error")
	}
}

// TestRate counts requests in a stretch of time: of one host no more than the
// rate allows, whoever asks.
func TestRate(t *testing.T) {
	t.Parallel()
	const perSecond = 40
	var served atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { served.Add(1); fmt.Fprint(w, "x") }))
	t.Cleanup(s.Close)
	c := client(t, Options{AllowPrivate: true, Rate: perSecond})
	start := time.Now()
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() { c.Visit(t.Context(), s.URL+"/p") })
	}
	all.Wait()
	if n, most := served.Load(), int64(1+perSecond*time.Since(start).Seconds()); n > most || n < 13 {
		t.Errorf("%d requests in %v; at most %d were due", n, time.Since(start), most)
	}
}

func TestRobots(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, file string
		path       string
		want       bool
	}{
		{"empty", "", "/a", true},
		{"everybody", "User-agent: *\nDisallow: /", "/a", false},
		{"robots.txt itself", "User-agent: *\nDisallow: /", "/robots.txt", true},
		{"another's", "User-agent: other\nDisallow: /", "/a", true},
		{"own goes before everybody", "User-agent: *\nDisallow: /\nUser-agent: adsteward\nDisallow: /b", "/a", true},
		{"own, empty", "User-agent: *\nDisallow: /\nUser-agent: adsteward\nDisallow:", "/a", true},
		{"two agents, one group", "User-agent: x\nUser-agent: ADSTEWARD\nDisallow: /", "/a", false},
		{"two groups of one agent", "User-agent: adsteward\nDisallow: /a\n\nUser-agent: *\nDisallow: /\n\nUser-agent: adsteward\nDisallow: /b", "/b", false},
		{"lines between do not end a group", "User-agent: adsteward\nCrawl-delay: 5\n\nSitemap: x\nDisallow: /", "/a", false},
		{"the longest counts", "User-agent: *\nAllow: /p\nDisallow: /", "/page", true},
		{"the longest counts, backwards", "User-agent: *\nAllow: /\nDisallow: /p", "/page", false},
		{"allow wins a tie", "User-agent: *\nDisallow: /p\nAllow: /p", "/page", true},
		{"star", "User-agent: *\nDisallow: /*.php", "/a/b.php?x", false},
		{"star, not", "User-agent: *\nDisallow: /*.php", "/a/b.html", true},
		{"end", "User-agent: *\nDisallow: /*.php$", "/a.php?x", true},
		{"end, so", "User-agent: *\nDisallow: /*.php$", "/a.php.php", false},
		{"end without star", "User-agent: *\nDisallow: /a$", "/ab", true},
		{"query", "User-agent: *\nDisallow: /*?variant=", "/p?variant=1", false},
		{"case of the path", "User-agent: *\nDisallow: /A", "/a", true},
		{"encoded", "User-agent: *\nDisallow: /b%c3%bc", "/bü", false},
		{"encoded letter", "User-agent: *\nDisallow: /%61", "/a", false},
		{"encoded slash", "User-agent: *\nDisallow: /a%2Fb", "/a/b", true},
		{"comment and BOM", "\ufeffUser-agent: * # all\nDisallow: /a # this", "/a", false},
		{"rules before any group", "Disallow: /\nUser-agent: *\nAllow: /", "/a", true},
		{"an HTML page", "<html><body>Not found</body></html>", "/a", true},
		{"many stars", "User-agent: *\nDisallow: /" + strings.Repeat("*a", 1000) + "$", "/" + strings.Repeat("a", 999) + "b", true},
	} {
		if got := parseRobots([]byte(c.file), Token).allows(c.path); got != c.want {
			t.Errorf("%s: %s allowed: %v", c.name, c.path, got)
		}
	}
}
