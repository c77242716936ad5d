package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"

	"adsteward/internal/chart"
	"adsteward/internal/present"
	"adsteward/store"
)

//go:embed templates/*.html static/*
var files embed.FS

// page is what the frame needs; Body is the page's own.
type page struct {
	Title string
	Nav   string // the entry of the navigation that is current
	User  *store.User
	Kill  *killView
	Flash *flash
	Here  string // the page's own address, for forms to come back to
	Body  any
}

// CanDecide and CanAdmin tell templates which forms to show.
func (p page) CanDecide() bool { return p.User != nil && atLeast(p.User.Role, approver) }
func (p page) CanAdmin() bool  { return p.User != nil && atLeast(p.User.Role, admin) }

// pages are the parsed templates by name: each page with the blocks.
type pages map[string]*template.Template

// blocks are the templates every page shares.
var blocks = []string{"templates/frame.html", "templates/blocks.html", "templates/proposals.html", "templates/ads.html"}

func loadPages(a assets) (pages, error) {
	funcs := template.FuncMap{
		"asset":      a.url,
		"words":      func(v any) string { return present.Words(text(v)) },
		"stateClass": func(v any) string { return stateClass(text(v)) },
		"dict":       dict,
		"short":      short,
		"maxReason":  func() int { return present.MaxReason },
	}
	base, err := template.New("").Funcs(funcs).ParseFS(files, blocks...)
	if err == nil {
		base, err = base.ParseFS(chart.Templates, "*.html")
	}
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(files, "templates/page_*.html")
	if err != nil {
		return nil, err
	}
	out := pages{}
	for _, name := range names {
		t, err := base.Clone()
		if err != nil {
			return nil, err
		}
		if t, err = t.ParseFS(files, name); err != nil {
			return nil, err
		}
		out[strings.TrimSuffix(strings.TrimPrefix(path.Base(name), "page_"), ".html")] = t
	}
	return out, nil
}

// dict makes a map of its arguments, so that a block can be given several.
func dict(kv ...any) (map[string]any, error) {
	if len(kv)%2 != 0 {
		return nil, fmt.Errorf("dict takes pairs, not %d values", len(kv))
	}
	m := make(map[string]any, len(kv)/2)
	for i := 0; i < len(kv); i += 2 {
		m[fmt.Sprint(kv[i])] = kv[i+1]
	}
	return m, nil
}

// text is v's string, of whichever string type it is.
func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return fmt.Sprint(v)
}

// short cuts a hash or id to what is enough to tell it by eye.
func short(s string) string {
	if len(s) <= 10 {
		return s
	}
	return s[:10]
}

// stateClass is the colour family of a state chip, of proposals, runs, stages
// and guardrails alike.
func stateClass(state string) string {
	switch state {
	case "applied", "measured", "done", "pass", "ok", "told", "concluded":
		return "good"
	case "failed", "block", "refused":
		return "bad"
	case "applying", "unknown", "running", "clamp", "changed", "partial", "pending", doneWithErrors:
		return "busy"
	case "proposed", "planned":
		return "open"
	case "approved", "ended":
		return "yes"
	}
	return "rest"
}

// render writes a page. It is made in memory first, so that an error on the
// way cannot leave half of one behind.
func (s *Server) render(w http.ResponseWriter, r *request, status int, name string, p page) {
	p.User = r.user
	if p.Here == "" {
		p.Here = "/"
		if r.Method == http.MethodGet {
			p.Here = r.URL.RequestURI()
		}
	}
	if p.User != nil {
		p.Kill = s.killState(r.Context())
	}
	if p.Flash == nil {
		p.Flash = s.takeFlash(w, r)
	}
	b := s.buffers.Get().(*bytes.Buffer)
	defer s.buffers.Put(b)
	b.Reset()
	if err := s.pages[name].ExecuteTemplate(b, "frame", p); err != nil {
		s.log.ErrorContext(r.Context(), "a template failed", "page", name, "err", err)
		http.Error(w, "This page cannot be shown; the log has the details.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// fragment renders one block of a page by itself.
func (s *Server) fragment(name, block string, data any) (string, error) {
	var b bytes.Buffer
	err := s.pages[name].ExecuteTemplate(&b, block, data)
	return b.String(), err
}

// flash is one message about what was just done, carried over one redirect in a
// cookie.
type flash struct {
	Kind string `json:"k"` // good or bad
	Text string `json:"t"`
}

const flashCookie = "adsteward_flash"

func (s *Server) setFlash(w http.ResponseWriter, kind, text string) {
	const most = 1500 // characters; a cookie holds 4 KB
	if r := []rune(text); len(r) > most {
		text = string(r[:most]) + "…"
	}
	b, _ := json.Marshal(flash{kind, text}) // two strings always marshal
	http.SetCookie(w, &http.Cookie{Name: flashCookie, Value: base64.RawURLEncoding.EncodeToString(b), Path: "/",
		MaxAge: 60, HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode})
}

func (s *Server) takeFlash(w http.ResponseWriter, r *request) *flash {
	c, err := r.Cookie(flashCookie)
	if err != nil || r.user == nil {
		return nil
	}
	http.SetCookie(w, &http.Cookie{Name: flashCookie, Path: "/", MaxAge: -1, HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode})
	var f flash
	b, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil || json.Unmarshal(b, &f) != nil || (f.Kind != "good" && f.Kind != "bad") {
		return nil
	}
	return &f
}

// back goes on to a page of ours with a message about what was done.
func (s *Server) back(w http.ResponseWriter, r *request, to, kind, text string) error {
	s.setFlash(w, kind, text)
	http.Redirect(w, r.Request, localPath(to), http.StatusSeeOther)
	return nil
}

// assets are the static files; their addresses carry a hash of all of them, so
// that a browser may keep them for ever.
type assets struct {
	byName  map[string][]byte
	version string
}

func loadAssets() (assets, error) {
	a := assets{byName: map[string][]byte{}}
	h := sha256.New()
	err := fs.WalkDir(files, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := files.ReadFile(name)
		a.byName["/"+name] = b
		h.Write(b)
		return err
	})
	a.version = hex.EncodeToString(h.Sum(nil))[:12]
	return a, err
}

func (a assets) url(name string) string { return "/static/" + name + "?v=" + a.version }

func (a assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, ok := a.byName[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	if r.URL.Query().Get("v") == a.version {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		w.Header().Set("Cache-Control", "no-cache")
	}
	w.Header().Set("Content-Type", mime.TypeByExtension(path.Ext(r.URL.Path)))
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	_, _ = w.Write(b)
}
