package feedsource

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func server(t *testing.T) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/feed.xml", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		if r.Header.Get("If-None-Match") == `"v1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		io.WriteString(w, "0123456789")
	})
	mux.HandleFunc("/stream", func(w http.ResponseWriter, _ *http.Request) { // of no announced length
		for range 10 {
			io.WriteString(w, "0123456789")
			w.(http.Flusher).Flush()
		}
	})
	mux.HandleFunc("/page", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, "<html>")
	})
	mux.HandleFunc("/to-file", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "file:///etc/passwd")
		w.WriteHeader(http.StatusFound)
	})
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.FormValue("to"), http.StatusFound) })
	mux.HandleFunc("/busy", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	mux.HandleFunc("/closed", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/user", func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u != "shop" || p != "pw" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func read(t *testing.T, location string, o Options) (string, Info, error) {
	t.Helper()
	rc, info, err := Open(context.Background(), location, o)
	if err != nil {
		return "", info, err
	}
	defer rc.Close()
	text, err := io.ReadAll(rc)
	return string(text), info, err
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	s := server(t)
	o := Options{}
	text, info, err := read(t, s.URL+"/feed.xml?key=secret", o)
	if err != nil || text != "0123456789" || info.ETag != `"v1"` || info.Name != s.URL+"/feed.xml" {
		t.Errorf("%q %+v %v", text, info, err)
	}
	o.ETag = info.ETag
	if _, _, err := read(t, s.URL+"/feed.xml", o); !errors.Is(err, ErrNotModified) {
		t.Errorf("the copy at hand: %v", err)
	}
	address := strings.Replace(s.URL, "http://", "http://shop:pw@", 1) + "/user"
	if _, info, err := read(t, address, Options{}); err != nil || strings.Contains(info.Name, "pw") {
		t.Errorf("%+v %v", info, err)
	}
}

func TestHTTPFailures(t *testing.T) {
	t.Parallel()
	s := server(t)
	gone := httptest.NewServer(nil)
	gone.Close()
	for _, tc := range []struct {
		location    string
		o           Options
		unreachable bool
		want        string
	}{
		{s.URL + "/busy", Options{}, true, "503"},
		{s.URL + "/closed", Options{}, false, "403"},
		{s.URL + "/none", Options{}, false, "404"},
		{s.URL + "/slow", Options{Timeout: 20 * time.Millisecond}, true, "deadline"},
		{gone.URL + "/?key=secret", Options{}, true, "refused"},
		{s.URL + "/feed.xml", Options{MaxBytes: 9}, false, "larger than 9 bytes"},
		{s.URL + "/stream", Options{MaxBytes: 99}, false, "larger than 99 bytes"},
		{"http://user:secret@%zz/", Options{}, false, "not a valid URL"},
		{"file:///etc/passwd", Options{}, false, "file://"},
		{"ftp://host/feed", Options{}, false, "ftp://"},
		{s.URL + "/page", Options{}, false, "HTML page"},
		{s.URL + "/to-file", Options{}, false, "file address"},
		{s.URL + "/loop", Options{}, false, "more than 5 times"},
	} {
		_, _, err := read(t, tc.location, tc.o)
		if err == nil || errors.Is(err, ErrUnreachable) != tc.unreachable || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", tc.location, err)
		}
	}
	if text, _, err := read(t, s.URL+"/stream", Options{MaxBytes: 100}); err != nil || len(text) != 100 {
		t.Errorf("exactly the limit: %d bytes, %v", len(text), err)
	}
}

func TestFileAndStdin(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "feed.tsv")
	if err := os.WriteFile(file, []byte("id\ttitle\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text, info, err := read(t, file, Options{})
	if err != nil || text != "id\ttitle\n" || info.Name != "feed.tsv" {
		t.Errorf("%q %+v %v", text, info, err)
	}
	if _, _, err := read(t, file, Options{LastModified: info.LastModified}); !errors.Is(err, ErrNotModified) {
		t.Errorf("%v", err)
	}
	if text, _, err := read(t, "-", Options{Stdin: strings.NewReader("x")}); err != nil || text != "x" {
		t.Errorf("%q %v", text, err)
	}
	for _, location := range []string{filepath.Join(dir, "none"), t.TempDir(), "-"} {
		if _, _, err := read(t, location, Options{}); err == nil {
			t.Errorf("%s was read", location)
		}
	}
}
