package main

import (
	"bytes"
	"context"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"adsteward/internal/present"
	"adsteward/internal/webtest"
)

// watched is an output that can be waited on.
type watched struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	more chan struct{}
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case w.more <- struct{}{}:
	default:
	}
	return w.buf.Write(p)
}

// await returns the first match of re's group in the output.
func (w *watched) await(t *testing.T, re *regexp.Regexp) string {
	t.Helper()
	deadline := time.After(5 * time.Minute) // five nights on a busy machine
	for {
		w.mu.Lock()
		m := re.FindStringSubmatch(w.buf.String())
		w.mu.Unlock()
		if m != nil {
			return m[1]
		}
		select {
		case <-w.more:
		case <-deadline:
			t.Fatalf("the demo never said %v: %s", re, w.buf.String())
		}
	}
}

// TestDemoInTheBrowser is what a newcomer does: start the demo, follow the link,
// see what is proposed, approve two, push, and find it in the audit log, with
// nothing emulated but the platforms.
func TestDemoInTheBrowser(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := lis.Addr().String()
	if err := lis.Close(); err != nil {
		t.Fatal(err)
	}
	b := webtest.Start(t, "http://"+addr) // before the nights: it may skip
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	out := &watched{more: make(chan struct{}, 1)}
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, []string{"demo", "--data", dir, "--addr", addr}, strings.NewReader(""), out, out)
	}()
	defer func() {
		stop()
		if code := <-done; code != codeDone {
			t.Errorf("the demo ended with code %d: %s", code, out.buf.String())
		}
	}()
	link := out.await(t, regexp.MustCompile(`(/login/link/\S+)`))

	b.Look(webtest.Views()[0])
	b.Open(link, `#pw-hint`)
	b.Do(chromedp.SendKeys(chromedp.CSS(`input[name=password]`), "correct horse battery"))
	b.Click(`button.primary`, `table.proposals`)
	for _, v := range webtest.Views() {
		b.Look(v)
		b.Open("/", `table.proposals`)
		b.Shoot("demo-" + v.Name)
	}
	b.Look(webtest.Views()[0])
	b.Open("/", `table.proposals`)

	ids := openProposals(t, dir)
	if len(ids) < 3 {
		t.Fatalf("three nights left %d open proposals, want at least three", len(ids))
	}
	for _, id := range ids[:2] {
		b.Do(chromedp.Click(chromedp.CSS(`#p-` + id + ` input[name=id]`)))
	}
	b.Click(`#bulk .primary`, `.flash`)
	b.Click(`.head .primary`, `.effects`)
	b.Click(`.acts-row .primary`, `table.data .chip-good`)
	if title := b.Text(`h1`); title != "2 of 2 proposals pushed" {
		t.Errorf("after pushing the page says %q", title)
	}
	b.Shoot("demo-pushed")
	for _, id := range ids[:2] {
		b.Open("/audit?proposal="+id, `table.data`)
		text := b.Text(`table.data`)
		for _, action := range []string{"Proposed", "Approved", "Applying", "Applied"} {
			if !strings.Contains(text, action) {
				t.Errorf("the audit log of %s lacks %q: %s", id, action, text)
			}
		}
	}
	b.Open("/proposals/"+ids[0], `.hero`)
	b.Shoot("demo-proposal")
	// Of the changes that the demo's past approved it is known what they gained.
	b.Open("/outcomes", `.outcome-table`)
	if text := b.Text(`main`); !strings.Contains(text, "Changes judged") || !regexp.MustCompile(`(paid|lost money) with a probability of \d+ %`).MatchString(text) {
		t.Errorf("the demo has nothing to look back on: %s", text)
	}
	b.Shoot("demo-outcomes")
	for _, c := range b.Complaints() {
		t.Errorf("the browser complains: %s", c)
	}
}

func openProposals(t *testing.T, dir string) []string {
	t.Helper()
	out, errs, code := adsteward(t, "proposals", "list", "--json", "--state", "proposed", "--config", filepath.Join(dir, "adsteward.yaml"))
	if code != codeDone {
		t.Fatal(errs)
	}
	var ids []string
	for _, p := range decode[[]present.Proposal](t, out) {
		ids = append(ids, p.ID)
	}
	return ids
}
