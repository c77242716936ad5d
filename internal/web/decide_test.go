package web

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"adsteward/bidding"
	"adsteward/internal/present"
	"adsteward/store"
)

func (x *site) state(id string) string {
	x.t.Helper()
	p, err := x.store.Proposal(x.t.Context(), id)
	must(x.t, err)
	return p.State
}

func TestDecideOne(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(3)
	c := x.as(approver)
	a := x.post("/decide", url.Values{"do": {"approve:" + proposalID(0)}, "next": {"/?sort=name"}}, c)
	if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/?sort=name" || x.state(proposalID(0)) != "approved" {
		t.Errorf("approve: %d to %s, state %s", a.StatusCode, a.Header.Get("Location"), x.state(proposalID(0)))
	}
	if f := flashOf(t, a); f != (flash{"good", "1 proposal approved."}) {
		t.Errorf("approve says %+v", f)
	}
	// Rejecting wants a reason, and asks for it.
	a = x.post("/decide", url.Values{"do": {"reject:" + proposalID(1)}}, c)
	if a.StatusCode != http.StatusOK || !strings.Contains(a.Text, `name="reason"`) || x.state(proposalID(1)) != "proposed" {
		t.Errorf("reject without a reason: %d, state %s", a.StatusCode, x.state(proposalID(1)))
	}
	x.post("/decide", url.Values{"do": {"reject"}, "id": {proposalID(1)}, "reason": {"not now"}, "confirmed": {"1"}}, c)
	if x.state(proposalID(1)) != "rejected" {
		t.Errorf("reject: state %s", x.state(proposalID(1)))
	}
	// What the desk refuses comes back in words.
	a = x.post("/decide", url.Values{"do": {"approve:" + proposalID(1)}}, c)
	if f := flashOf(t, a); f.Kind != "bad" || !strings.Contains(f.Text, "It is rejected, and that is final.") {
		t.Errorf("approve what was rejected: %+v", f)
	}
	want := fmt.Sprintf("[approve u-approver [%[1]s] reject u-approver [%[2]s] not now approve u-approver [%[2]s]]", proposalID(0), proposalID(1))
	if got := fmt.Sprint(x.desk.log()); got != want {
		t.Errorf("the desk heard\n%s, want\n%s", got, want)
	}
}

func TestDecideMany(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(12)
	c := x.as(approver)
	heard := len(x.desk.log())
	ids := []string{proposalID(0), proposalID(6), proposalID(8)} // the last one is applied
	// Without the script, the total is shown before anything is done.
	a := x.post("/decide", url.Values{"do": {"approve"}, "id": ids, "next": {"/"}}, c)
	if len(x.desk.log()) != heard {
		t.Fatal("the desk was asked before the total was seen")
	}
	hasAll(t, "the page that confirms", a.Text, "Approve 2 proposals", "&#43;38.20", "&#43;58.50", "1 more was selected")
	a = x.post("/decide", url.Values{"do": {"approve"}, "id": ids, "confirmed": {"1"}}, c)
	if !strings.Contains(a.Text, "2 of 3 proposals approved") || !strings.Contains(a.Text, "It is applied; from there") {
		t.Errorf("the result of approving three: %d %s", a.StatusCode, a.Text)
	}
	if x.state(ids[0]) != "approved" || x.state(ids[1]) != "approved" || x.state(ids[2]) != "applied" {
		t.Error("not exactly the two are approved")
	}
	// A reason is asked for before it is missed, also where the script has shown the total.
	for _, c := range []struct {
		more  url.Values
		wants bool
	}{{nil, false}, {url.Values{"confirmed": {"1"}}, false}, {url.Values{"confirmed": {"1"}, "reason": {" "}}, true}} {
		form := url.Values{"do": {"reject"}, "id": {proposalID(1)}}
		maps.Copy(form, c.more)
		if a := x.post("/decide", form, x.as(approver)); strings.Contains(a.Text, "Say why;") != c.wants {
			t.Errorf("%v: a missing reason is found fault with is %v", c.more, !c.wants)
		}
	}
	// What is approved already does no harm among others, or alone.
	a = x.post("/decide", url.Values{"do": {"approve"}, "id": {ids[0], proposalID(1)}, "confirmed": {"1"}}, c)
	if f := flashOf(t, a); f != (flash{"good", "1 proposal approved."}) {
		t.Errorf("one approved before and one new: %+v", f)
	}
	a = x.post("/decide", url.Values{"do": {"approve"}, "id": ids[:1], "confirmed": {"1"}}, c)
	if f := flashOf(t, a); f.Kind != "good" {
		t.Errorf("only one approved before: %+v", f)
	}
	r := httptest.NewRequest(http.MethodPost, "/decide", strings.NewReader("do=%zz"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if a := x.do(r, c); a.StatusCode != http.StatusBadRequest {
		t.Errorf("a broken form: %d", a.StatusCode)
	}
	if f := flashOf(t, x.post("/decide", url.Values{"do": {"approve"}}, c)); f.Kind != "bad" {
		t.Errorf("nothing selected: %+v", f)
	}
	if a := x.post("/decide", url.Values{"do": {"delete"}, "id": ids}, c); a.StatusCode != http.StatusBadRequest {
		t.Errorf("an unknown decision: %d", a.StatusCode)
	}
	if a := x.post("/decide", url.Values{"do": {"approve"}, "id": {strings.Repeat("x", maxForm)}}, c); a.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a form of a megabyte: %d", a.StatusCode)
	}
}

func TestPush(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(12)
	c := x.as(approver)
	x.desk.fails = map[string]string{proposalID(7): "the platform refused: budget too low"}
	a := x.get("/push", c)
	if !strings.Contains(a.Text, "Push 2 changes") || !strings.Contains(a.Text, "to Google Ads and Meta") {
		t.Fatalf("before pushing: %s", a.Text)
	}
	heard := len(x.desk.log())
	if f := flashOf(t, x.post("/push", url.Values{}, c)); f.Kind != "bad" || len(x.desk.log()) != heard {
		t.Errorf("a push that names nothing must push nothing: %+v", f)
	}
	a = x.post("/push", url.Values{"id": {proposalID(3), proposalID(7), proposalID(0)}}, c)
	hasAll(t, "the result", a.Text, "1 of 3 proposals pushed", "req-"+proposalID(3), "The platform refused: budget too low.", "It is proposed; from there")
	page := x.get("/proposals/"+proposalID(3), c).Text
	hasAll(t, "the pushed proposal's page", page, "req-"+proposalID(3), "Then", "Now", "Read back", "Validate")
}

func TestEditAndRollback(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(12)
	c, path := x.as(approver), "/proposals/"+proposalID(0)
	for _, f := range []struct {
		value, reason, kind, says string
	}{
		{"200", "a round number", "good", "waits for approval"}, {"200,5", "x", "bad", "write it as 12.50"}, {"", "x", "bad", "Not changed"},
		{"0", "x", "bad", "above zero"}, {"-5", "x", "bad", "above zero"}, {"200", "", "bad", "say why"}, {"1e3", "big", "bad", "step.hard_limit"},
	} {
		got := flashOf(t, x.post(path+"/edit", url.Values{"value": {f.value}, "reason": {f.reason}}, c))
		if got.Kind != f.kind || !strings.Contains(got.Text, f.says) {
			t.Errorf("edit to %q because %q: %+v", f.value, f.reason, got)
		}
	}
	refused := x.post(path+"/edit", url.Values{"value": {"1e3"}, "reason": {"a \"sale\""}}, c).Header.Get("Location")
	hasAll(t, "what was typed", x.get(refused, c).Text, `<details class="act-more" open><summary>Edit the value`, `value="1e3"`, `value="a &#34;sale&#34;"`)
	if page := x.get(path, c).Text; strings.Contains(page, `" open>`) || !strings.Contains(page, "edited; 207.00 EUR/day was proposed") {
		t.Error("the page does not say that it was edited")
	}
	a := x.post("/proposals/"+proposalID(8)+"/rollback", nil, c)
	if a.Header.Get("Location") != "/proposals/back-"+proposalID(8) || flashOf(t, a).Kind != "good" {
		t.Errorf("rollback leads to %q", a.Header.Get("Location"))
	}
	page := x.get("/proposals/back-"+proposalID(8), c)
	if page.StatusCode != http.StatusOK || !strings.Contains(page.Text, "puts back what") {
		t.Errorf("the rollback's page: %d", page.StatusCode)
	}
	if list := x.get("/", c); !strings.Contains(list.Text, `id="p-back-`) {
		t.Error("the rollback is not among the changes")
	}
	if f := flashOf(t, x.post("/proposals/none/rollback", nil, c)); f.Kind != "bad" {
		t.Errorf("rolling back nothing: %+v", f)
	}
}

// A reason has a limit wherever one is given, and line breaks count once.
func TestAReasonThatIsTooLong(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(3)
	c := x.as(approver)
	long := strings.Repeat("é", present.MaxReason+1)
	for path, form := range map[string]url.Values{
		"/decide":                               {"do": {"reject:" + proposalID(0)}},
		"/proposals/" + proposalID(0) + "/edit": {"value": {"200"}},
		"/settings/kill-switch":                 {"switch": {"on"}},
		"/experiments/e1":                       {"do": {"stop"}},
	} {
		form.Set("reason", long)
		if a := x.post(path, form, c); a.StatusCode != http.StatusBadRequest || !strings.Contains(a.Text, "The reason has 501 characters, of at most 500; shorten it.") {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
	if calls := x.desk.log(); len(calls) != 0 {
		t.Errorf("the desk was asked for %q", calls)
	}
	lines := strings.Repeat("é\r\n", present.MaxReason/2-1) + "éé"
	if f := flashOf(t, x.post("/decide", url.Values{"do": {"reject:" + proposalID(0)}, "reason": {lines}}, c)); f.Kind != "good" {
		t.Errorf("as long as may be: %+v", f)
	}
	if page := x.get("/proposals/"+proposalID(1), c).Text; strings.Count(page, `maxlength="500"`) != 2 {
		t.Error("the page does not say how long a reason may be")
	}
}

func TestKillSwitch(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(3)
	c := x.as(approver)
	if f := flashOf(t, x.post("/settings/kill-switch", url.Values{"switch": {"on"}}, c)); f.Kind != "bad" {
		t.Errorf("without a reason: %+v", f)
	}
	x.post("/settings/kill-switch", url.Values{"switch": {"on"}, "reason": {"prices are wrong"}}, c)
	for _, path := range []string{"/", "/runs", "/audit", "/settings", "/nowhere"} {
		a := x.get(path, c)
		if on := strings.Contains(a.Text, "Kill switch on."); on != (path != "/nowhere") {
			t.Errorf("%s: the banner is shown: %v", path, on)
		}
	}
	if a := x.get("/", c); !strings.Contains(a.Text, "prices are wrong") || !strings.Contains(a.Text, "u-approver") {
		t.Error("the banner does not say why and by whom")
	}
	for _, v := range []url.Values{{"reason": {"x"}}, {"switch": {"OFF"}, "reason": {"x"}}} { // unsure means stop
		if a := x.post("/settings/kill-switch", v, c); a.StatusCode != http.StatusBadRequest || !strings.Contains(x.get("/", c).Text, "Kill switch on.") {
			t.Errorf("%v answers %d", v, a.StatusCode)
		}
	}
	x.post("/settings/kill-switch", url.Values{"switch": {"off"}, "reason": {"fixed"}}, c)
	if a := x.get("/", c); strings.Contains(a.Text, "Kill switch on.") {
		t.Error("the banner stays")
	}
}

func TestAudit(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	ctx := t.Context()
	must(t, x.store.InTx(ctx, func(q *store.Queries) error {
		for i := range 250 {
			if _, err := q.Audit(ctx, store.AuditEntry{At: testNow, Actor: "nina", Action: "approved", Reason: fmt.Sprintf("entry <%d> plan %064x", i+1, i)}); err != nil {
				return err
			}
		}
		return nil
	}))
	c := x.as(viewer)
	seen, path := map[string]bool{}, "/audit"
	for range 3 {
		a := x.get(path, c)
		for i := 1; i <= 250; i++ {
			if strings.Contains(a.Text, fmt.Sprintf("entry &lt;%d&gt; plan 0000000000…", i)) {
				seen[fmt.Sprint(i)] = true
			}
		}
		_, rest, ok := strings.Cut(a.Text, `href="/audit?before=`)
		if strings.Contains(a.Text, "Newer") {
			_, rest, ok = strings.Cut(rest, `href="/audit?before=`)
		}
		if !ok {
			break
		}
		n, _, _ := strings.Cut(rest, `"`)
		path = "/audit?before=" + n
	}
	if len(seen) != 250 {
		t.Errorf("paging through the log shows %d of 250 entries", len(seen))
	}
	if f := flashOf(t, x.post("/audit/verify", nil, c)); f.Kind != "good" || !strings.Contains(f.Text, "250 entries") {
		t.Errorf("verify: %+v", f)
	}
	if _, err := x.store.DB().Exec(`UPDATE audit SET actor = 'eve' WHERE seq = 7`); err != nil {
		t.Fatal(err)
	}
	if f := flashOf(t, x.post("/audit/verify", nil, c)); f.Kind != "bad" || !strings.Contains(f.Text, "7") {
		t.Errorf("verify a forged chain: %+v", f)
	}
}

func TestListFilters(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(12)
	c := x.as(viewer)
	for path, want := range map[string]int{"/": 12, "/?platform=meta": 5, "/?state=approved": 2, "/?state=rejected": 1, "/?state=applied&platform=google": 0, "/?account=demo-shop": 12, "/?account=other": 0, "/?scope=earlier": 12} {
		if got := strings.Count(x.get(path, c).Text, `class="item `); got != want {
			t.Errorf("%s shows %d rows, want %d", path, got, want)
		}
	}
	page := x.get("/?state=proposed", c).Text
	first, second := strings.Index(page, "Shopping – Running shoes"), strings.Index(page, "Performance Max")
	if first < 0 || second < first {
		t.Error("the largest gain does not come first")
	}
	page = x.get("/?state=proposed&sort=name", c).Text
	if strings.Index(page, "Advantage&#43;") > strings.Index(page, "Shopping – Running") {
		t.Error("sorting by name does not")
	}
	// The plan's own figures: budgets now and then by platform, and the shadow price.
	page = x.get("/", c).Text
	hasAll(t, "the summary", page, "Google Ads 910 → 984", "Meta 623 → 680", "1.18", "The next euro earns", "Sat 3 Jan")
}

func TestAPI(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(12)
	c := x.as(viewer)
	var ps []map[string]any
	a := x.get("/api/proposals?state=approved", c)
	must(t, json.Unmarshal([]byte(a.Text), &ps))
	if len(ps) != 2 || ps[0]["state"] != "approved" || a.Header.Get("Content-Type") != "application/json" {
		t.Errorf("approved proposals: %s", a.Text)
	}
	var status struct {
		Runs []struct{ Date, Account, Stage, State string }
		Data []struct {
			Platform string
			LastDate string `json:"last_date"`
		}
		KillSwitch bool `json:"kill_switch"`
	}
	must(t, json.Unmarshal([]byte(x.get("/api/status", c).Text), &status))
	if len(status.Runs) != 20 || status.Runs[0].Stage != "pull" || status.Runs[0].Date != "2026-01-04" || len(status.Data) != 2 || status.Data[0].LastDate != "2026-01-03" || status.KillSwitch {
		t.Errorf("status: %+v", status)
	}
	if a := x.get("/api/status"); a.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(a.Text, "{") {
		t.Errorf("without a session: %d %s", a.StatusCode, a.Text)
	}
}

// TestEvents follows a run to its end.
func TestEvents(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(0)
	day := testDay.AddDays(1)
	x.fillRun(day, "running")
	server := httptest.NewServer(x.Handler())
	defer server.Close()
	follow := func() *bufio.Scanner {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/runs/"+shop+"/"+day.String()+"/events", nil)
		must(t, err)
		req.AddCookie(x.as(viewer))
		res, err := server.Client().Do(req)
		must(t, err)
		t.Cleanup(func() { res.Body.Close() })
		if got := res.Header.Get("Content-Type"); got != "text/event-stream" {
			t.Fatalf("Content-Type %q", got)
		}
		sc := bufio.NewScanner(res.Body)
		sc.Buffer(nil, 1<<20)
		return sc
	}
	next := func(sc *bufio.Scanner) (ev struct {
		HTML string
		Live bool
	}, ok bool) {
		for sc.Scan() {
			if data, found := strings.CutPrefix(sc.Text(), "data: "); found {
				must(t, json.Unmarshal([]byte(data), &ev))
				return ev, true
			}
		}
		return ev, false
	}
	stream, other := follow(), follow()
	if ev, ok := next(stream); !ok || !ev.Live || !strings.Contains(ev.HTML, "5 of 10 stages") {
		t.Fatalf("at first: %+v", ev)
	}
	if _, ok := next(other); !ok {
		t.Fatal("the second reader gets nothing")
	}
	run, err := x.store.Run(t.Context(), shop+"/"+day.String())
	must(t, err)
	run.State, run.FinishedAt.Time, run.FinishedAt.Valid = "done", testNow, true
	must(t, x.store.SetRun(t.Context(), run))
	if ev, ok := next(stream); !ok || ev.Live {
		t.Errorf("at the end: %+v", ev)
	}
	if _, ok := next(stream); ok {
		t.Error("the stream goes on after the run")
	}
	// A server that stops ends its streams.
	run.State = "running"
	must(t, x.store.SetRun(t.Context(), run))
	third := follow()
	next(third)
	x.Close()
	x.Close()
	if _, ok := next(third); ok {
		t.Error("the stream goes on after Close")
	}
}

func TestEffects(t *testing.T) {
	t.Parallel()
	mk := func(currency string, gain, low, high float64) *row {
		return &row{Currency: currency, body: bidding.Body{Expected: bidding.Expected{GainPerDay: gain, GainLow: low, GainHigh: high, Level: .8}}, p: store.Proposal{Field: "daily_budget", Seen: 10e6, Proposed: 12e6}}
	}
	got := effects([]*row{mk("EUR", 10, 7, 14), mk("EUR", 5, 1, 8), mk("JPY", 100, -50, 300)})
	// 15 - sqrt(9+16) = 10; 15 + sqrt(16+9) = 20
	if len(got) != 2 || got[0].Gain != "+15.00" || got[0].Interval != "+10.00 to +20.00" || got[0].Spend != "+4.00" || got[0].Class != "pos" {
		t.Errorf("euros: %+v", got)
	}
	if got[1].Gain != "+100" || got[1].Interval != "−50 to +300" || got[1].Class != "" {
		t.Errorf("yen: %+v", got[1])
	}
}
