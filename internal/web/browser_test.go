package web

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"adsteward/internal/webtest"
	"adsteward/store"
)

// TestBrowser drives the pages as a marketer does: log in by the one-time link,
// approve two, push, see them applied and recorded.
func TestBrowser(t *testing.T) {
	x := newSite(t)
	x.fill(12)
	x.fillFeeds()
	x.fillRun(testDay.AddDays(1), "running")
	x.fillAttribution()
	x.fillExperiments()
	x.fillAds(0)
	x.fillGroups()
	x.fillMonths()
	server := httptest.NewServer(x.Handler())
	defer server.Close()
	defer x.Close()
	x.public = server.URL
	link, err := x.FirstLink(t.Context())
	must(t, err)
	b := webtest.Start(t, server.URL)

	b.Look(webtest.Views()[0])
	b.Open("/", `input[name=password]`)
	b.Shoot("login-light")
	b.Look(webtest.Views()[3])
	b.Shoot("login-phone-dark")
	b.Look(webtest.Views()[0])
	b.Open(strings.TrimPrefix(link, server.URL), `#pw-hint`)
	b.Shoot("link-light")
	b.Do(chromedp.SendKeys(chromedp.CSS(`input[name=password]`), "correct horse battery"))
	b.Click(`button.primary`, `table.proposals`)

	for _, v := range webtest.Views() {
		b.Look(v)
		tour(t, b, v)
	}
	b.Look(webtest.Views()[0])
	decideAndPush(t, b)
	keysAndLive(t, b, x)

	// The kill switch shows on every page.
	must(t, x.desk.KillSwitch(t.Context(), "mira", true, "Feed prices are wrong"))
	for _, v := range webtest.Views()[:3] {
		b.Look(v)
		b.Open("/", `.banner`)
		b.Shoot("killed-" + v.Name)
	}
	for _, p := range b.Complaints() {
		t.Errorf("the browser complains: %s", p)
	}
}

// tour looks at every page once.
func tour(t *testing.T, b *webtest.Browser, v webtest.View) {
	t.Helper()
	first := proposalID(0)
	b.Open("/", `table.proposals`)
	b.Shoot("changes-" + v.Name)
	b.Click(chromedp.CSS(`#p-`+first+` summary`), chromedp.CSS(`#p-`+first+` .more`))
	b.Shoot("changes-open-" + v.Name)
	for _, page := range []struct {
		name, path string
		ready      chromedp.CSS
	}{
		{"proposal", "/proposals/" + first, `.hero`},
		{"proposal-applied", "/proposals/" + proposalID(8), `.hero`},
		{"proposal-group", "/proposals/group0000001", `.hero`},
		{"runs", "/runs", `table.data`},
		{"run", "/runs/" + shop + "/" + testDay.String(), `ol.stages`},
		{"ads", "/runs/" + shop + "/" + testDay.String() + "/ads", `.seg-panel`},
		{"run-live", "/runs/" + shop + "/" + testDay.AddDays(1).String(), `ol.stages`},
		{"attribution", "/attribution", `.claims table.data`},
		{"experiments", "/experiments", `#ledger`},
		{"experiment", "/experiments/e1e1e1e1", `#difference`},
		{"experiment-plan", "/experiments/plan?kind=switchback&campaign=google:1", `.pairs`},
		{"feeds", "/feeds", `table.data`},
		{"feed-item", "/feeds/item?id=SHOE-1", `.pairs`},
		{"audit", "/audit", `table.data`},
		{"settings", "/settings", `#kill-switch`},
		{"push", "/push", `.effects`},
		{"empty", "/?state=measured", `.empty`},
		{"missing", "/nowhere", `h1`},
	} {
		b.Open(page.path, page.ready)
		b.Shoot(page.name + "-" + v.Name)
	}
}

// decideAndPush approves two at once and pushes what is approved.
func decideAndPush(t *testing.T, b *webtest.Browser) {
	t.Helper()
	first, second := proposalID(0), proposalID(6)
	b.Open("/", `table.proposals`)
	b.Do(chromedp.Click(chromedp.CSS(`#p-`+first+` input[name=id]`)), chromedp.Click(chromedp.CSS(`#p-`+second+` input[name=id]`)))
	b.Shoot("changes-selected-light")
	// The total is beside the button before it is pressed.
	if text := b.Text(`#bulk-text`); !strings.Contains(text, "2 selected") || !strings.Contains(text, "+38.20 EUR") || !strings.Contains(text, "+58.50") {
		t.Errorf("the running total says %q", text)
	}
	b.Click(`#bulk .primary`, `.flash`)
	if text := b.Text(`.flash`); text != "2 proposals approved." {
		t.Errorf("after approving the page says %q", text)
	}
	b.Click(`.head .primary`, `.effects`)
	b.Click(`.acts-row .primary`, `table.data .chip-good`)
	if title := b.Text(`h1`); title != "4 of 4 proposals pushed" { // the two, and two that were approved before
		t.Errorf("after pushing the page says %q", title)
	}
	b.Shoot("pushed-light")
	b.Open("/proposals/"+first, `.hero`)
	if text := b.Text(`.head .chip`); text != "Applied" {
		t.Errorf("the pushed proposal is %q", text)
	}
	b.Shoot("proposal-pushed-light")
	b.Open("/audit?proposal="+first, `table.data`)
	text := b.Text(`table.data`)
	for _, action := range []string{"Proposed", "Approved", "Applied"} {
		if !strings.Contains(text, action) {
			t.Errorf("the audit log of the proposal lacks %q: %s", action, text)
		}
	}
}

// keysAndLive uses what the script adds.
func keysAndLive(t *testing.T, b *webtest.Browser, x *site) {
	t.Helper()
	b.Open("/?state=proposed", `table.proposals`)
	b.Do(chromedp.KeyEvent("j"), chromedp.KeyEvent("o"), chromedp.WaitVisible(chromedp.CSS(`.item.here .more`)),
		chromedp.KeyEvent("a"), chromedp.WaitVisible(chromedp.CSS(`.flash`)))
	if text := b.Text(`.flash`); text != "1 proposal approved." {
		t.Errorf("the key a led to %q", text)
	}
	// The keys move through every list that has details.
	x.fillTargets(2)
	b.Open("/value/targets", `table.targets`)
	b.Do(chromedp.KeyEvent("j"), chromedp.KeyEvent("j"), chromedp.WaitVisible(chromedp.CSS(`.item.here summary:focus`)))
	// A run under way goes on before one's eyes.
	run := shop + "/" + testDay.AddDays(1).String()
	b.Open("/runs/"+run, `li.st-running`)
	must(t, x.store.SetStage(t.Context(), store.Stage{RunID: run, Stage: "propose", Position: 5, State: "failed", Attempt: 1, Error: "the market is closed"}))
	b.Do(chromedp.WaitVisible(chromedp.CSS(`li.st-failed`)))
}
