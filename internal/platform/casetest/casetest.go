// Package casetest runs the cases of adapters that speak HTTP: JSON files in
// testdata, each with one call of an adapter, the requests it must send, the
// answers it gets and what must come of it. It is for tests only.
package casetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"adsteward/internal/platform"
)

// Case is one file. Cases in testdata/good succeed, those in testdata/bad fail.
type Case struct {
	About     string          `json:"about"`
	Config    json.RawMessage `json:"config"`
	Call      string          `json:"call"`
	Input     json.RawMessage `json:"input"`
	Exchanges []Exchange      `json:"exchanges"`
	Result    json.RawMessage `json:"result"`
	Error     *Error          `json:"error"`
}

// Read reads the case's configuration or input into v; nothing where there is
// none.
func Read(t *testing.T, data json.RawMessage, v any) {
	t.Helper()
	if data == nil {
		return
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Fatal(err)
	}
}

// Exchange is a request and its answer.
type Exchange struct {
	Request struct {
		Method  string            `json:"method"`
		Path    string            `json:"path"`
		Headers map[string]string `json:"headers"`
		Query   map[string]string `json:"query"`
		Params  map[string]string `json:"params"` // of Forms, in place of query and body
		Body    any               `json:"body"`
	} `json:"request"`
	Response struct {
		Status  int               `json:"status"` // 0 is 200
		Headers map[string]string `json:"headers"`
		Body    json.RawMessage   `json:"body"`
		Text    string            `json:"text"` // in place of body, for what is no JSON
	} `json:"response"`
}

// Error is what an error must be.
type Error struct {
	Kind       platform.Kind `json:"kind"`
	Code       string        `json:"code"`
	RequestID  string        `json:"request_id"`
	Message    string        `json:"message"`
	Remedy     bool          `json:"remedy"`
	RetryAfter string        `json:"retry_after"`
}

// Runner runs a package's cases.
type Runner struct {
	Platform platform.Name
	Token    string   // that every request must carry in its header
	Headers  []string // whose values, absence too, must be those of the case
	Ignore   []string // parameters that the platform's library adds
	Forms    bool     // parameters are those of the address and of a form
	// Call opens an adapter at the address and makes the case's call. The error
	// of one result of several may be returned as the call's.
	Call func(t *testing.T, c Case, url string, client *http.Client) (any, error)
}

// Run runs every case under testdata.
func (r Runner) Run(t *testing.T) {
	for _, dir := range []string{"good", "bad"} {
		files, err := filepath.Glob(filepath.Join("testdata", dir, "*.json"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no cases in testdata/%s: %v", dir, err)
		}
		for _, file := range files {
			t.Run(dir+"/"+strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
				t.Parallel()
				data, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				var c Case
				Read(t, data, &c)
				if (c.Error != nil) != (dir == "bad") {
					t.Fatal("the case is in the wrong directory")
				}
				r.run(t, c)
			})
		}
	}
}

func (r Runner) run(t *testing.T, c Case) {
	served := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if served >= len(c.Exchanges) {
			t.Errorf("an unexpected request: %s %s", req.Method, req.URL)
			http.Error(w, "unexpected", http.StatusTeapot)
			return
		}
		ex := c.Exchanges[served]
		served++
		r.check(t, ex, req)
		w.Header().Set("Content-Type", "application/json")
		for k, v := range ex.Response.Headers {
			w.Header().Set(k, v)
		}
		w.WriteHeader(max(ex.Response.Status, 200))
		if ex.Response.Text != "" {
			w.Write([]byte(ex.Response.Text))
			return
		}
		w.Write(ex.Response.Body)
	}))
	defer server.Close()

	got, err := r.Call(t, c, server.URL, server.Client())
	if served != len(c.Exchanges) {
		t.Errorf("%d of %d requests were sent", served, len(c.Exchanges))
	}
	if c.Error != nil {
		r.checkError(t, *c.Error, err)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(decoded(t, c.Result), decoded(t, data)); diff != "" {
		t.Error(diff)
	}
}

func decoded(t *testing.T, data []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// check compares a request with what is expected of it.
func (r Runner) check(t *testing.T, ex Exchange, req *http.Request) {
	if got := req.Header.Get("Authorization"); got != "Bearer "+r.Token {
		t.Errorf("the token is not in the header: %q", got)
	}
	for _, name := range r.Headers {
		if got := req.Header.Get(name); got != ex.Request.Headers[name] {
			t.Errorf("%s is %q, want %q", name, got, ex.Request.Headers[name])
		}
	}
	if diff := cmp.Diff(ex.Request.Method+" "+ex.Request.Path, req.Method+" "+req.URL.Path); diff != "" {
		t.Error(diff)
	}
	if r.Forms {
		if err := req.ParseForm(); err != nil {
			t.Error(err)
		}
		r.checkParams(t, ex.Request.Params, req.Form)
		if req.Method == http.MethodPost && req.URL.RawQuery != "" {
			t.Errorf("a POST has parameters in its address: %s", req.URL.RawQuery)
		}
		return
	}
	r.checkParams(t, ex.Request.Query, req.URL.Query())
	data, err := io.ReadAll(req.Body)
	if err != nil {
		t.Error(err)
	}
	var body any
	if len(data) > 0 {
		body = decoded(t, data)
	}
	if diff := cmp.Diff(ex.Request.Body, body); diff != "" {
		t.Error(diff)
	}
}

func (r Runner) checkParams(t *testing.T, want map[string]string, values map[string][]string) {
	got := map[string]string{}
	for k, v := range values {
		if !slices.Contains(r.Ignore, k) {
			got[k] = v[0]
		}
	}
	want = maps.Clone(want)
	if want == nil {
		want = map[string]string{}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func (r Runner) checkError(t *testing.T, want Error, err error) {
	got, ok := errors.AsType[*platform.Error](err)
	if !ok {
		t.Fatalf("error %v (%T), want a *platform.Error", err, err)
	}
	if diff := cmp.Diff(want, shapeOf(got)); diff != "" {
		t.Error(diff)
	}
	if got.Platform != r.Platform {
		t.Errorf("the error is of %q", got.Platform)
	}
	if strings.Contains(got.Error(), r.Token) {
		t.Errorf("the error tells the token: %v", got)
	}
}

// Result is a conversion's result as cases write it.
type Result struct {
	RequestID string
	Error     *Error `json:",omitempty"`
}

// Results writes results as cases do.
func Results(rs []platform.ConversionResult) []Result {
	out := make([]Result, 0, len(rs))
	for _, r := range rs {
		one := Result{RequestID: r.RequestID}
		if e, ok := errors.AsType[*platform.Error](r.Err); ok {
			shape := shapeOf(e)
			one.Error = &shape
		}
		out = append(out, one)
	}
	return out
}

func shapeOf(e *platform.Error) Error {
	after := ""
	if e.RetryAfter > 0 {
		after = e.RetryAfter.String()
	}
	return Error{e.Kind, e.Code, e.RequestID, e.Message, e.Remedy != "", after}
}
