package web

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"adsteward/bidding"
	"adsteward/internal/platform"
	"adsteward/store"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// readable are the pages and answers anybody with a session may ask for.
var readable = []string{
	"/", "/?state=approved", "/?sort=name&platform=meta", "/?scope=earlier&state=rejected", "/proposals/" + proposalID(0), "/proposals/" + proposalID(8),
	"/runs", "/runs/demo-shop/2026-01-04", "/audit", "/audit?before=5", "/audit?proposal=" + proposalID(3), "/settings", "/outcomes",
	"/api/proposals", "/api/proposals?state=applied&limit=5", "/api/status", "/attribution", "/api/attribution",
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		x := newSite(t, func(o *Options) { o.Secure = secure })
		x.fill(3)
		cookie := x.as(viewer)
		if want := map[bool]string{false: "adsteward", true: "__Host-adsteward"}[secure]; cookie.Name != want {
			t.Errorf("the session's cookie is %q, want %q", cookie.Name, want)
		}
		for _, path := range []string{"/", "/login", "/login/link/x", "/nowhere", "/api/status", "/healthz", "/static/app.css"} {
			h := x.get(path, cookie).Header
			for name, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
			} {
				if got := h.Get(name); got != want {
					t.Errorf("%s: %s is %q, want %q", path, name, got, want)
				}
			}
			csp := h.Get("Content-Security-Policy")
			for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
				if !strings.Contains(csp, want) {
					t.Errorf("%s: the policy lacks %s: %s", path, want, csp)
				}
			}
			if strings.Contains(csp, "unsafe") {
				t.Errorf("%s: the policy allows something unsafe: %s", path, csp)
			}
			if got := h.Get("Strict-Transport-Security") != ""; got != secure {
				t.Errorf("%s: HSTS sent is %v with Secure %v", path, got, secure)
			}
			if cc := h.Get("Cache-Control"); !strings.HasPrefix(path, "/static/") && cc != "no-store" {
				t.Errorf("%s: Cache-Control is %q", path, cc)
			}
		}
	}
}

func TestStatic(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	page := x.get("/login").Text
	for _, name := range []string{"app.css", "app.js", "icon.svg"} {
		address := x.assets.url(name)
		if !strings.Contains(page, address) {
			t.Errorf("the page does not name %s", address)
		}
		a := x.get(address)
		if a.StatusCode != http.StatusOK || !strings.Contains(a.Header.Get("Cache-Control"), "immutable") || a.Header.Get("Content-Type") == "" {
			t.Errorf("%s: status %d, headers %v", address, a.StatusCode, a.Header)
		}
	}
	if a := x.get("/static/templates/frame.html"); a.StatusCode != http.StatusNotFound {
		t.Errorf("a template is served: %d", a.StatusCode)
	}
	if strings.Contains(page, "style=") || strings.Contains(page, "onclick=") || strings.Contains(page, "<style") {
		t.Error("the page has inline style or script, which its policy forbids")
	}
}

// TestRoles tries every route with every role.
func TestRoles(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(12)
	cookies := map[string]*http.Cookie{"": nil, viewer: x.as(viewer), approver: x.as(approver), admin: x.as(admin)}
	ranks := []string{"", viewer, approver, admin}
	type route struct{ method, path, least string }
	var routes []route
	for _, path := range readable {
		routes = append(routes, route{http.MethodGet, path, viewer})
	}
	routes = append(routes, route{http.MethodGet, "/push", approver},
		route{http.MethodPost, "/audit/verify", viewer},
		route{http.MethodPost, "/decide", approver}, route{http.MethodPost, "/push", approver},
		route{http.MethodPost, "/proposals/" + proposalID(0) + "/edit", approver}, route{http.MethodPost, "/proposals/" + proposalID(8) + "/rollback", approver},
		route{http.MethodPost, "/settings/kill-switch", approver},
		route{http.MethodPost, "/settings/users", admin}, route{http.MethodPost, "/settings/users/role", admin}, route{http.MethodPost, "/settings/users/remove", admin})
	for _, rt := range routes {
		for i, role := range ranks {
			before := x.everything()
			var a answer
			if rt.method == http.MethodGet {
				a = x.get(rt.path, cookies[role])
			} else {
				a = x.post(rt.path, url.Values{}, cookies[role])
			}
			allowed := i >= indexOf(ranks, rt.least)
			switch {
			case allowed && a.StatusCode >= 400 && a.StatusCode != http.StatusBadRequest:
				t.Errorf("%s %s as %q: status %d", rt.method, rt.path, role, a.StatusCode)
			case !allowed && role == "" && rt.method == http.MethodGet && !strings.HasPrefix(rt.path, "/api/"):
				if a.StatusCode != http.StatusSeeOther || !strings.HasPrefix(a.Header.Get("Location"), "/login?next=") {
					t.Errorf("%s %s without a session: status %d to %q", rt.method, rt.path, a.StatusCode, a.Header.Get("Location"))
				}
			case !allowed && role == "" && a.StatusCode != http.StatusUnauthorized:
				t.Errorf("%s %s without a session: status %d", rt.method, rt.path, a.StatusCode)
			case !allowed && role != "" && a.StatusCode != http.StatusForbidden:
				t.Errorf("%s %s as %q: status %d, want 403", rt.method, rt.path, role, a.StatusCode)
			}
			if (!allowed || rt.method == http.MethodGet) && x.everything() != before {
				t.Errorf("%s %s as %q changed the database", rt.method, rt.path, role)
			}
		}
	}
	for _, call := range x.desk.log() {
		if strings.Contains(call, "u-viewer") {
			t.Errorf("a viewer reached the desk: %s", call)
		}
	}
}

func indexOf(list []string, s string) int {
	for i, x := range list {
		if x == s {
			return i
		}
	}
	return -1
}

// TestGetChangesNothing asks for every address that acts, by GET.
func TestGetChangesNothing(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(12)
	link, err := x.LoginLink(t.Context(), mustUser(x, "nina", viewer))
	must(t, err)
	cookie, id := x.as(admin), proposalID(0)
	before, calls := x.everything(), len(x.desk.log())
	for _, path := range append([]string{strings.TrimPrefix(link, x.public), "/decide?do=approve:" + id, "/push?id=" + proposalID(3), "/proposals/" + id + "/edit?value=1&reason=x",
		"/proposals/" + proposalID(8) + "/rollback", "/settings/kill-switch?switch=on&reason=x", "/settings/users?user=eve&role=admin", "/settings/users/remove?user=nina",
		"/logout", "/audit/verify", "/login"}, readable...) {
		x.get(path, cookie)
		x.do(httptest.NewRequest(http.MethodHead, path, nil), cookie)
	}
	if x.everything() != before || len(x.desk.log()) != calls {
		t.Error("a GET changed something")
	}
}

func mustUser(x *site, name, role string) string {
	x.t.Helper()
	must(x.t, x.store.PutUser(x.t.Context(), store.User{Name: name, Role: role, CreatedAt: x.now()}))
	return name
}

func TestCrossOrigin(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(3)
	cookie, form := x.as(admin), url.Values{"do": {"approve:" + proposalID(0)}}
	for _, c := range []struct {
		name   string
		header map[string]string
		want   int
	}{
		{"another site", map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, http.StatusForbidden},
		{"a sibling domain", map[string]string{"Sec-Fetch-Site": "same-site"}, http.StatusForbidden},
		{"an old browser, another site", map[string]string{"Origin": "https://evil.example"}, http.StatusForbidden},
		{"a sandboxed frame", map[string]string{"Origin": "null"}, http.StatusForbidden},
		{"the page itself", map[string]string{"Sec-Fetch-Site": "same-origin"}, http.StatusSeeOther},
	} {
		r := httptest.NewRequest(http.MethodPost, "/decide", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for k, v := range c.header {
			r.Header.Set(k, v)
		}
		if a := x.do(r, cookie); a.StatusCode != c.want {
			t.Errorf("a form from %s: status %d, want %d", c.name, a.StatusCode, c.want)
		}
	}
}

// TestHostileNames puts markup where platforms and people can write text.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(12)
	const evil = `"><img src=x onerror=alert(1)><script>alert(2)</script>{{.}}` + "`'\u2028"
	ctx := t.Context()
	p, err := x.store.Proposal(ctx, proposalID(0))
	must(t, err)
	body := sampleBody(0)
	body.Reasons, body.Guardrails[0].Detail, body.Guardrails[0].Name, body.Guardrails[0].Setting = []string{evil, evil}, evil, evil, evil
	text, err := json.Marshal(body)
	must(t, err)
	p.ProposalID, p.ChangeSetID, p.EntityName, p.EntityID, p.Reason, p.Body, p.Field, p.Platform = "evil00000001", "set-evil", evil, evil, evil, string(text), evil, evil
	must(t, x.store.InTx(ctx, func(q *store.Queries) error {
		if err := q.InsertChangeSet(ctx, store.ChangeSet{ChangeSetID: "set-evil", Account: shop, RunID: p.RunID, Date: testDay, Hash: "h", CreatedAt: testNow}, []store.Proposal{p}); err != nil {
			return err
		}
		_, err := q.Audit(ctx, store.AuditEntry{At: testNow, Account: evil, Actor: evil, Action: evil, Proposal: p.ProposalID, Reason: evil, RequestID: evil})
		return err
	}))
	must(t, x.store.AddReceipt(ctx, store.Receipt{ProposalID: p.ProposalID, Kind: evil, At: testNow, RequestID: evil, Outcome: evil, Detail: evil}))
	must(t, x.store.SetStage(ctx, store.Stage{RunID: p.RunID, Stage: "pull", State: evil, Summary: evil, Error: evil}))
	must(t, x.desk.KillSwitch(ctx, evil, true, evil))
	cookie := x.as(admin)
	for _, path := range append([]string{"/proposals/evil00000001", "/audit?proposal=" + url.QueryEscape(evil), "/?state=" + url.QueryEscape(evil), "/?account=" + url.QueryEscape(evil)}, readable...) {
		a := x.get(path, cookie)
		if a.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d", path, a.StatusCode)
		}
		if strings.Contains(a.Header.Get("Content-Type"), "text/html") && (strings.Contains(a.Text, "<img src=x") || strings.Contains(a.Text, "<script>alert")) {
			t.Errorf("%s lets markup through", path)
		}
	}
	a := x.post("/decide", url.Values{"do": {"approve"}, "id": {"evil00000001"}, "next": {evil}}, cookie)
	if strings.Contains(a.Text, "<img src=x") {
		t.Error("the page that confirms lets markup through")
	}
}

// TestStates shows a proposal in every state, to everyone.
func TestStates(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(1)
	ctx := t.Context()
	p, err := x.store.Proposal(ctx, proposalID(0))
	must(t, err)
	for i, st := range bidding.States {
		q := p
		q.ProposalID, q.ChangeSetID, q.State, q.Reason = "state"+strings.Repeat(string(rune('a'+i)), 8), "set-"+string(st), string(st), "because"
		if i%2 == 1 {
			q.Field, q.Currency = string(platform.TargetROAS), "JPY"
		}
		if st == bidding.Applied || st == bidding.Measured {
			q.AppliedAt.Time, q.AppliedAt.Valid = testNow, true
		}
		if st == bidding.Measured {
			q.Measured = `{"from":"2026-01-05","to":"2026-01-18","profit_per_day":70,"promised":81.4,"low":31,"high":98,"inside":true,"unchanged":60}`
		}
		must(t, x.store.InTx(ctx, func(db *store.Queries) error {
			return db.InsertChangeSet(ctx, store.ChangeSet{ChangeSetID: q.ChangeSetID, Account: shop, RunID: q.RunID, Date: testDay, Hash: "h", CreatedAt: testNow}, []store.Proposal{q})
		}))
		page := x.get("/proposals/"+q.ProposalID, x.as(approver))
		if page.StatusCode != http.StatusOK {
			t.Fatalf("%s: status %d", st, page.StatusCode)
		}
		for form, want := range map[string]bool{
			`value="approve:` + q.ProposalID: st == bidding.Proposed,
			`value="reject:` + q.ProposalID:  st.Open(),
			`/edit"`:                         st.Open(),
			`action="/push"`:                 st == bidding.Approved,
			`/rollback"`:                     st == bidding.Applied || st == bidding.Measured,
			"How it turned out":              st == bidding.Measured,
		} {
			if got := strings.Contains(page.Text, form); got != want {
				t.Errorf("%s: has %q is %v, want %v", st, form, got, want)
			}
		}
		if v := x.get("/proposals/"+q.ProposalID, x.as(viewer)); strings.Contains(v.Text, `name="do"`) || strings.Contains(v.Text, "/rollback") {
			t.Errorf("%s: a viewer is shown forms to decide", st)
		}
		if list := x.get("/?state="+string(st), x.as(approver)); !strings.Contains(list.Text, `id="p-`+q.ProposalID+`"`) {
			t.Errorf("%s: not in its list", st)
		}
	}
}

// TestEmpty opens every page over an empty database.
func TestEmpty(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	cookie := x.as(admin)
	for path, want := range map[string]string{"/": "No night has run yet", "/runs": "No night has run yet", "/audit": "Nothing is recorded yet",
		"/settings": "No run has stored a policy yet", "/push": "Nothing is approved", "/api/proposals": "[]", "/api/status": `"runs": []`, "/attribution": "No night has held", "/experiments/plan": "No campaign is known yet", "/api/attribution": `"comparison": null`} {
		if a := x.get(path, cookie); a.StatusCode != http.StatusOK || !strings.Contains(a.Text, want) {
			t.Errorf("%s: status %d, without %q", path, a.StatusCode, want)
		}
	}
	x.fill(0)
	if a := x.get("/", cookie); !strings.Contains(a.Text, "Nothing to decide") {
		t.Error("a night without proposals is not called that")
	}
	for path, status := range map[string]int{"/proposals/none": 404, "/runs/demo-shop/2020-01-01": 404, "/runs/demo-shop/yesterday": 404, "/api/proposals?state=gone": 400, "/nowhere": 404} {
		if a := x.get(path, cookie); a.StatusCode != status {
			t.Errorf("%s: status %d, want %d", path, a.StatusCode, status)
		}
	}
}

func TestHealthAndMetrics(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	x.fill(3)
	if a := x.get("/healthz"); a.StatusCode != http.StatusOK || a.Text != "ok\n" {
		t.Errorf("/healthz: %d %q", a.StatusCode, a.Text)
	}
	from := func(peer string, header string, cookie *http.Cookie) answer {
		r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		if r.RemoteAddr = peer; header != "" {
			r.Header.Set(header, "10.0.0.9")
		}
		return x.do(r, cookie)
	}
	for _, c := range []struct {
		peer, header string
		cookie       *http.Cookie
		want         int
	}{
		{"127.0.0.1:5000", "", nil, 200}, {"[::1]:5000", "", nil, 200}, {"10.0.0.9:5000", "", nil, 403},
		{"127.0.0.1:5000", "X-Forwarded-For", nil, 403}, {"10.0.0.9:5000", "", x.as(approver), 403}, {"10.0.0.9:5000", "", x.as(admin), 200},
	} {
		a := from(c.peer, c.header, c.cookie)
		if a.StatusCode != c.want {
			t.Errorf("/metrics from %s %s: %d, want %d", c.peer, c.header, a.StatusCode, c.want)
		}
		if c.want == 200 && !strings.Contains(a.Text, `adsteward_run_finished_timestamp_seconds{account="demo-shop"}`) {
			t.Errorf("/metrics lacks the run: %s", a.Text)
		}
	}
}

func BenchmarkChanges1000(b *testing.B) {
	x := newSite(b)
	x.fill(1000)
	cookie := x.as(approver)
	var size int
	for b.Loop() {
		a := x.get("/", cookie)
		if a.StatusCode != http.StatusOK || strings.Count(a.Text, `class="item `) != 1000 {
			b.Fatalf("status %d with %d rows", a.StatusCode, strings.Count(a.Text, `class="item `))
		}
		size = len(a.Text)
	}
	b.ReportMetric(float64(size)/1e6, "MB")
	b.ReportMetric(b.Elapsed().Seconds()*1000/float64(b.N), "ms/page")
}
