package web

import (
	"context"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"adsteward/store"
)

// browser drives Chromium. Each step that fails ends the test.
type browser struct {
	t    *testing.T
	ctx  context.Context
	base string // address of the site
	dir  string // where screenshots go; "": none are taken

	mu       sync.Mutex
	problems []string // what the browser complained of
}

// startBrowser starts Chromium; the test is skipped where there is none, and
// fails where CI=true says that there should be. Screenshots go into the folder
// named by ADSTEWARD_SCREENSHOTS, if it is set.
func startBrowser(t *testing.T, base string) *browser {
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
	ctx, cancelTime := context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(func() { cancelTime(); cancel(); cancelAlloc() })
	b := &browser{t: t, ctx: ctx, base: base, dir: os.Getenv("ADSTEWARD_SCREENSHOTS")}
	must(t, chromedp.Listen(ctx, b.listen))
	return b
}

// listen collects errors of the script and whatever the Content-Security-Policy
// refused.
func (b *browser) listen(ev any) {
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

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	must(b.t, chromedp.Do(b.ctx, steps...))
}

// open goes to a page and waits until something on it can be seen.
func (b *browser) open(path string, ready chromedp.CSS) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.base+path), chromedp.WaitVisible(ready))
}

// click presses something and waits until something else can be seen.
func (b *browser) click(sel, ready chromedp.CSS) {
	b.t.Helper()
	b.do(chromedp.Click(sel), chromedp.WaitVisible(ready))
}

func (b *browser) text(sel chromedp.CSS) string {
	b.t.Helper()
	s, err := chromedp.Run(b.ctx, chromedp.Text(sel))
	must(b.t, err)
	return s
}

// view is a size of the window and a colour scheme.
type view struct {
	name          string
	width, height int64
	scheme        string
}

var views = []view{{"light", 1360, 900, "light"}, {"dark", 1360, 900, "dark"}, {"phone", 390, 844, "light"}, {"phone-dark", 390, 844, "dark"}}

func (b *browser) look(v view) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(v.width, v.height))
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: v.scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
	must(b.t, err)
}

// shoot takes a screenshot of the whole page, and fails if the page is wider than its window.
func (b *browser) shoot(name string) {
	b.t.Helper()
	over, err := chromedp.Run(b.ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth - document.documentElement.clientWidth`))
	must(b.t, err)
	if over > 0 {
		b.t.Errorf("%s is %d pixels wider than its window", name, over)
	}
	if b.dir == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	must(b.t, err)
	must(b.t, os.WriteFile(filepath.Join(b.dir, name+".png"), png, 0o644))
}

// TestBrowser drives the pages as a marketer does: log in by the one-time link,
// approve two, push, see them applied and recorded.
func TestBrowser(t *testing.T) {
	x := newSite(t)
	x.fill(12)
	x.fillRun(testDay.AddDays(1), "running")
	server := httptest.NewServer(x.Handler())
	defer server.Close()
	defer x.Close()
	x.public = server.URL
	link, err := x.FirstLink(t.Context())
	must(t, err)
	b := startBrowser(t, server.URL)

	b.look(views[0])
	b.open("/", `input[name=password]`)
	b.shoot("login-light")
	b.look(views[3])
	b.shoot("login-phone-dark")
	b.look(views[0])
	b.open(strings.TrimPrefix(link, server.URL), `#pw-hint`)
	b.shoot("link-light")
	b.do(chromedp.SendKeys(chromedp.CSS(`input[name=password]`), "correct horse battery"))
	b.click(`button.primary`, `table.proposals`)

	for _, v := range views {
		b.look(v)
		tour(b, v)
	}
	b.look(views[0])
	decideAndPush(b)
	keysAndLive(b, x)

	// The kill switch shows on every page.
	must(t, x.desk.KillSwitch(t.Context(), "mira", true, "Feed prices are wrong"))
	for _, v := range views[:3] {
		b.look(v)
		b.open("/", `.banner`)
		b.shoot("killed-" + v.name)
	}
	for _, p := range b.problems {
		t.Errorf("the browser complains: %s", p)
	}
}

// tour looks at every page once.
func tour(b *browser, v view) {
	b.t.Helper()
	first := proposalID(0)
	b.open("/", `table.proposals`)
	b.shoot("changes-" + v.name)
	b.click(chromedp.CSS(`#p-`+first+` summary`), chromedp.CSS(`#p-`+first+` .more`))
	b.shoot("changes-open-" + v.name)
	for _, page := range []struct {
		name, path string
		ready      chromedp.CSS
	}{
		{"proposal", "/proposals/" + first, `.hero`},
		{"proposal-applied", "/proposals/" + proposalID(8), `.hero`},
		{"runs", "/runs", `table.data`},
		{"run", "/runs/" + shop + "/" + testDay.String(), `ol.stages`},
		{"run-live", "/runs/" + shop + "/" + testDay.AddDays(1).String(), `ol.stages`},
		{"audit", "/audit", `table.data`},
		{"settings", "/settings", `#kill-switch`},
		{"push", "/push", `.effects`},
		{"empty", "/?state=measured", `.empty`},
		{"missing", "/nowhere", `h1`},
	} {
		b.open(page.path, page.ready)
		b.shoot(page.name + "-" + v.name)
	}
}

// decideAndPush approves two at once and pushes what is approved.
func decideAndPush(b *browser) {
	b.t.Helper()
	first, second := proposalID(0), proposalID(6)
	b.open("/", `table.proposals`)
	b.do(chromedp.Click(chromedp.CSS(`#p-`+first+` input[name=id]`)), chromedp.Click(chromedp.CSS(`#p-`+second+` input[name=id]`)))
	b.shoot("changes-selected-light")
	// The total is beside the button before it is pressed.
	if text := b.text(`#bulk-text`); !strings.Contains(text, "2 selected") || !strings.Contains(text, "+38.20 EUR") || !strings.Contains(text, "+58.50") {
		b.t.Errorf("the running total says %q", text)
	}
	b.click(`#bulk .primary`, `.flash`)
	if text := b.text(`.flash`); text != "2 proposals approved." {
		b.t.Errorf("after approving the page says %q", text)
	}
	b.click(`.head .primary`, `.effects`)
	b.click(`.acts-row .primary`, `table.data .chip-good`)
	if title := b.text(`h1`); title != "4 of 4 proposals pushed" { // the two, and two that were approved before
		b.t.Errorf("after pushing the page says %q", title)
	}
	b.shoot("pushed-light")
	b.open("/proposals/"+first, `.hero`)
	if text := b.text(`.head .chip`); text != "Applied" {
		b.t.Errorf("the pushed proposal is %q", text)
	}
	b.shoot("proposal-pushed-light")
	b.open("/audit?proposal="+first, `table.data`)
	text := b.text(`table.data`)
	for _, action := range []string{"Proposed", "Approved", "Applied"} {
		if !strings.Contains(text, action) {
			b.t.Errorf("the audit log of the proposal lacks %q: %s", action, text)
		}
	}
}

// keysAndLive uses what the script adds.
func keysAndLive(b *browser, x *site) {
	b.t.Helper()
	b.open("/?state=proposed", `table.proposals`)
	b.do(chromedp.KeyEvent("j"), chromedp.KeyEvent("o"), chromedp.WaitVisible(chromedp.CSS(`.item.here .more`)),
		chromedp.KeyEvent("a"), chromedp.WaitVisible(chromedp.CSS(`.flash`)))
	if text := b.text(`.flash`); text != "1 proposal approved." {
		b.t.Errorf("the key a led to %q", text)
	}
	// A run under way goes on before one's eyes.
	run := shop + "/" + testDay.AddDays(1).String()
	b.open("/runs/"+run, `li.st-running`)
	must(b.t, x.store.SetStage(b.t.Context(), store.Stage{RunID: run, Stage: "propose", Position: 5, State: "failed", Attempt: 1, Error: "the market is closed"}))
	b.do(chromedp.WaitVisible(chromedp.CSS(`li.st-failed`)))
}
