package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFeedsPages runs the command over a small shop: what it finds and how it ends.
func TestFeedsPages(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("/p/{id}", func(w http.ResponseWriter, r *http.Request) {
		price := "10.00"
		switch r.PathValue("id") {
		case "dear":
			price = "12.00"
		case "gone":
			http.NotFound(w, r)
			return
		}
		fmt.Fprintf(w, `<script type="application/ld+json">{"@type":"Product","offers":{"price":"%s","priceCurrency":"EUR","availability":"https://schema.org/InStock"}}</script>`, price)
	})
	shop := httptest.NewServer(mux)
	t.Cleanup(shop.Close)
	feed := func(ids ...string) string {
		var b strings.Builder
		b.WriteString("id\ttitle\tlink\tprice\tavailability\n")
		for _, id := range ids {
			fmt.Fprintf(&b, "%s\tA thing\t%s/p/%s\t10.00 EUR\tin_stock\n", id, shop.URL, id)
		}
		file := filepath.Join(t.TempDir(), "feed.tsv")
		if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	dead := httptest.NewServer(mux)
	dead.Close()
	for _, c := range []struct {
		name  string
		args  []string
		code  int
		kinds string // kind and id of each finding
		said  string
	}{
		{"all agree", []string{feed("a", "b", "c")}, 0, "", ""},
		{"what is wrong", []string{feed("a", "dear", "gone")}, 1, "price dear, missing gone", ""},
		{"ids beside no sample", []string{feed("a", "dear", "gone"), "--sample", "0", "--items", "dear,lost"}, 1, "not_in_feed lost, price dear", ""},
		{"no address that is private", []string{feed("a"), "--allow-private=false"}, 0, "not_allowed a", ""},
		{"a bad rate", []string{feed("a"), "--rate", "0"}, 2, "", "--rate must be above 0"},
		{"no feed", []string{filepath.Join(t.TempDir(), "none.xml")}, 2, "", "no such file"},
		{"a feed that does not answer", []string{dead.URL + "/feed.xml"}, 3, "", "could not be reached"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out, errs bytes.Buffer
			args := append([]string{"feeds", "pages", "--json", "--rate", "100", "--allow-private"}, c.args...)
			if code := run(t.Context(), args, strings.NewReader(""), &out, &errs); code != c.code || !strings.Contains(errs.String(), c.said) {
				t.Fatalf("exit code %d, %q", code, errs.String())
			}
			if c.code == 2 || c.code == 3 {
				return
			}
			var rep pagesReport
			if err := json.Unmarshal(out.Bytes(), &rep); err != nil {
				t.Fatalf("%v in %s", err, out.String())
			}
			var kinds []string
			for _, f := range rep.Findings {
				kinds = append(kinds, string(f.Kind)+" "+f.ItemID)
			}
			if got := strings.Join(kinds, ", "); got != c.kinds || rep.Agree+len(rep.Findings)-rep.ByKind["not_in_feed"] != rep.Pages {
				t.Errorf("found %q, %+v", got, rep)
			}
		})
	}
	file := feed("a", "b")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, bytes.ReplaceAll(raw, []byte(shop.URL), []byte(dead.URL)), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"feeds", "pages", file, "--allow-private"}, nil, &out, &errs); code != 3 || !strings.Contains(errs.String(), "none of the 2 pages answered") {
		t.Errorf("a dead shop: %d, %s", code, errs.String())
	}
}
