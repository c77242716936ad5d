package notify

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cenkalti/backoff/v5"
)

// hook answers with the codes one after the other, the last one for good.
func hook(t *testing.T, codes ...int) (*Webhook, *[]string) {
	t.Helper()
	var got []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		var m map[string]string
		if err := json.Unmarshal(b, &m); err != nil || r.Header.Get("Content-Type") != "application/json" || len(m) != 1 {
			t.Errorf("%s: %v", b, err)
		}
		code := codes[min(len(got), len(codes)-1)]
		got = append(got, m["text"])
		if code == http.StatusFound {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, "no_such\nhook")
	}))
	t.Cleanup(s.Close)
	w, err := Open(s.URL + "/services/SECRET")
	if err != nil {
		t.Fatal(err)
	}
	w.pauses = func() backoff.BackOff { return &backoff.ZeroBackOff{} }
	return w, &got
}

func TestPost(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		codes []int
		calls int
		want  string // of the error; empty: none
	}{
		"taken":          {[]int{200}, 1, ""},
		"nothing to say": {[]int{204}, 1, ""},
		"busy at first":  {[]int{503, 429, 200}, 3, ""},
		"busy for long":  {[]int{503}, 3, "answered 503"},
		"gone":           {[]int{404}, 1, "refused the text: 404 Not Found: no_such hook"},
		"moved":          {[]int{302}, 1, "refused the text: 302"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, got := hook(t, c.codes...)
			err := w.Post(t.Context(), "a < b & <!channel>\nnext")
			if len(*got) != c.calls || (*got)[0] != "a &lt; b &amp; &lt;!channel&gt;\nnext" {
				t.Errorf("posted %q", *got)
			}
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

// Neither a wrong address nor one where nobody listens gets into an error.
func TestErrorsKeepTheSecret(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"hooks.example.com/SECRET", "ftp://example.com/SECRET", "https:///SECRET", "https://a b/SECRET", ""} {
		if _, err := Open(address); err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: %v", address, err)
		}
	}
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	w, err := Open(s.URL + "/SECRET")
	if err != nil {
		t.Fatal(err)
	}
	w.pauses = func() backoff.BackOff { return &backoff.ZeroBackOff{} }
	if err := w.Post(t.Context(), "x"); err == nil || strings.Contains(err.Error(), "SECRET") || !strings.Contains(err.Error(), "could not be reached") {
		t.Errorf("nobody there: %v", err)
	}
}
