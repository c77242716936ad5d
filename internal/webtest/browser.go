// Package webtest drives the pages in a real browser, for tests only. It is the
// one place that knows how Chromium is found, started and looked through.
package webtest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Browser drives Chromium. Each step that fails ends the test.
type Browser struct {
	t    *testing.T
	ctx  context.Context
	base string // address of the site
	dir  string // where screenshots go; "": none are taken

	mu       sync.Mutex
	problems []string // what the browser complained of, such as refusals of the Content-Security-Policy
}

// Start starts Chromium; the test is skipped where there is none, and
// fails where CI=true says that there should be. Screenshots go into the folder
// named by ADSTEWARD_SCREENSHOTS, if it is set.
func Start(t *testing.T, base string) *Browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("no Chromium on the PATH, and CI=true")
		}
		t.Skip("no Chromium on the PATH: the pages are not driven in a browser")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.Flag("hide-scrollbars", true))
	if os.Geteuid() == 0 {
		opts = append(opts, chromedp.NoSandbox)
	}
	ctx, cancelAlloc := chromedp.NewExecAllocator(t.Context(), opts...)
	ctx, cancel := chromedp.NewContext(ctx)
	ctx, cancelTime := context.WithTimeout(ctx, 6*time.Minute)
	t.Cleanup(func() { cancelTime(); cancel(); cancelAlloc() })
	b := &Browser{t: t, ctx: ctx, base: base, dir: os.Getenv("ADSTEWARD_SCREENSHOTS")}
	b.must(chromedp.Listen(ctx, b.listen))
	return b
}

// listen collects errors of the script and whatever the Content-Security-Policy
// refused.
func (b *Browser) listen(ev any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := ev.(type) {
	case *runtime.EventExceptionThrown:
		b.problems = append(b.problems, e.ExceptionDetails.Text)
	case *cdplog.EventEntryAdded:
		if e.Entry.Level == cdplog.EntryLevelError && !strings.Contains(e.Entry.URL, "/nowhere") {
			b.problems = append(b.problems, e.Entry.Text+" "+e.Entry.URL)
		}
	}
}

func (b *Browser) Do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	b.must(chromedp.Do(b.ctx, steps...))
}

// Open goes to a page and waits until something on it can be seen.
func (b *Browser) Open(path string, ready chromedp.CSS) {
	b.t.Helper()
	b.Do(chromedp.Navigate(b.base+path), chromedp.WaitVisible(ready))
}

// Click presses something and waits until something else can be seen.
func (b *Browser) Click(sel, ready chromedp.CSS) {
	b.t.Helper()
	b.Do(chromedp.Click(sel), chromedp.WaitVisible(ready))
}

func (b *Browser) Text(sel chromedp.CSS) string {
	b.t.Helper()
	s, err := chromedp.Run(b.ctx, chromedp.Text(sel))
	b.must(err)
	return s
}

// View is a size of the window and a colour scheme.
type View struct {
	Name          string
	Width, Height int64
	Scheme        string
}

// Views are the sizes and schemes every page is looked at in: light, dark,
// phone, dark phone, a small window, and the narrowest between two breakpoints of the
// style sheet, where a table is the first to overflow.
func Views() []View {
	return []View{{"light", 1360, 900, "light"}, {"dark", 1360, 900, "dark"}, {"phone", 390, 844, "light"}, {"phone-dark", 390, 844, "dark"}, {"small", 820, 1100, "light"}, {"laptop", 1250, 800, "light"}, {"narrow", 1110, 800, "light"}}
}

func (b *Browser) Look(v View) {
	b.t.Helper()
	b.Do(chromedp.EmulateViewport(v.Width, v.Height))
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: v.Scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
	b.must(err)
}

// Shoot takes a screenshot of the whole page, and fails if the page is wider than its window.
func (b *Browser) Shoot(name string) {
	b.t.Helper()
	over, err := chromedp.Run(b.ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth - document.documentElement.clientWidth`))
	b.must(err)
	if over > 0 {
		b.t.Errorf("%s is %d pixels wider than its window", name, over)
	}
	if b.dir == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	b.must(err)
	b.must(os.WriteFile(filepath.Join(b.dir, name+".png"), png, 0o644))
}

// Complaints are the errors of scripts and the refusals of the
// Content-Security-Policy so far.
func (b *Browser) Complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.problems)
}

func (b *Browser) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}
