package web

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"adsteward/store"
)

const goodPassword = "correct horse battery"

// setPasswordOf gives a user a password by a one-time link and returns the
// answer.
func (x *site) setPasswordOf(user, password string) answer {
	x.t.Helper()
	link, err := x.LoginLink(x.t.Context(), user)
	must(x.t, err)
	return x.post(strings.TrimPrefix(link, x.public), url.Values{"password": {password}})
}

func sessionOf(x *site, a answer) *http.Cookie {
	for _, c := range a.Cookies() {
		if c.Name == x.sessionCookie() {
			return c
		}
	}
	return nil
}

func (x *site) loggedIn(c *http.Cookie) bool {
	return x.get("/settings", c).StatusCode == http.StatusOK
}

func TestFirstLink(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	ctx := t.Context()
	link, err := x.FirstLink(ctx)
	must(t, err)
	path, ok := strings.CutPrefix(link, "http://127.0.0.1:8080/login/link/")
	if !ok || len(path) < 22 {
		t.Fatalf("the link is %q", link)
	}
	again, err := x.FirstLink(ctx)
	must(t, err)
	if again == "" || again == link {
		t.Errorf("while nobody has a password, each start prints a fresh link; got %q after %q", again, link)
	}
	a := x.post("/login/link/"+path, url.Values{"password": {goodPassword}})
	if a.StatusCode != http.StatusSeeOther || !x.loggedIn(sessionOf(x, a)) {
		t.Fatalf("the link gives status %d", a.StatusCode)
	}
	u, err := x.store.User(ctx, "admin")
	must(t, err)
	if u.Role != admin || !strings.HasPrefix(u.PasswordHash, "$argon2id$v=19$m=65536,t=3,p=4$") || strings.Contains(u.PasswordHash, goodPassword) {
		t.Errorf("the first user is %q with password %q", u.Role, u.PasswordHash)
	}
	if link, err = x.FirstLink(ctx); err != nil || link != "" {
		t.Errorf("with a password set there is still a first link %q, %v", link, err)
	}
}

func TestOneTimeLink(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	mustUser(x, "nina", approver)
	link, err := x.LoginLink(t.Context(), "nina")
	must(t, err)
	path := strings.TrimPrefix(link, x.public)
	if a := x.get(path); a.StatusCode != http.StatusOK || !strings.Contains(a.Text, "Choose a password") {
		t.Fatalf("GET of the link: %d", a.StatusCode)
	}
	if a := x.post(path, url.Values{"password": {"short"}}); a.StatusCode != http.StatusBadRequest || !strings.Contains(a.Text, "at least 12 characters") {
		t.Errorf("a short password: %d", a.StatusCode)
	}
	if a := x.post(path, url.Values{}); a.StatusCode != http.StatusSeeOther || !x.loggedIn(sessionOf(x, a)) {
		t.Errorf("the link without a password: %d", a.StatusCode)
	}
	if a := x.post(path, url.Values{}); a.StatusCode != http.StatusGone || sessionOf(x, a) != nil {
		t.Errorf("the link used twice: %d", a.StatusCode)
	}
	link, err = x.LoginLink(t.Context(), "nina")
	must(t, err)
	x.pass(24*time.Hour + time.Second)
	if a := x.post(strings.TrimPrefix(link, x.public), url.Values{}); a.StatusCode != http.StatusGone {
		t.Errorf("the link after a day: %d", a.StatusCode)
	}
	if _, err := x.LoginLink(t.Context(), "nobody"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a link for nobody: %v", err)
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	mustUser(x, "nina", approver)
	first := sessionOf(x, x.setPasswordOf("nina", goodPassword))
	login := func(user, password, next string, c *http.Cookie) answer {
		return x.post("/login", url.Values{"user": {user}, "password": {password}, "next": {next}}, c)
	}
	for _, c := range []struct{ user, password string }{{"nina", "wrong wrong wrong"}, {"nobody", goodPassword}, {"nina", ""}, {"", ""}, {strings.Repeat("n", 200), "x"}} {
		a := login(c.user, c.password, "/", nil)
		if a.StatusCode != http.StatusUnauthorized || sessionOf(x, a) != nil || !strings.Contains(a.Text, "That name and password do not fit.") {
			t.Errorf("log-in as %.10q with %q: status %d", c.user, c.password, a.StatusCode)
		}
	}
	for next, want := range map[string]string{"/runs?x=1": "/runs?x=1", "https://evil.example/": "/", "//evil.example": "/", `/\evil.example`: "/", "": "/"} {
		if a := login("nina", goodPassword, next, nil); a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != want {
			t.Errorf("after logging in with next %q: %d to %q", next, a.StatusCode, a.Header.Get("Location"))
		}
	}
	// The token is new at each log-in, and the old one ends.
	second := sessionOf(x, login("nina", goodPassword, "/", first))
	if second == nil || second.Value == first.Value || x.loggedIn(first) || !x.loggedIn(second) {
		t.Error("logging in again kept the old session")
	}
	if !second.HttpOnly || second.SameSite != http.SameSiteLaxMode || second.Path != "/" {
		t.Errorf("the cookie is %+v", second)
	}
	// Only a hash of it is kept.
	if _, err := x.store.Session(t.Context(), second.Value); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the token itself is in the database: %v", err)
	}
	// A new password logs others out.
	third := sessionOf(x, x.setPasswordOf("nina", "another good password"))
	if x.loggedIn(second) || !x.loggedIn(third) {
		t.Error("a new password left the old session open")
	}
	if a := login("nina", goodPassword, "/", nil); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("the old password still works: %d", a.StatusCode)
	}
	x.post("/logout", nil, third)
	if x.loggedIn(third) {
		t.Error("logging out kept the session")
	}
}

func TestSessionLimits(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	c := x.as(viewer)
	x.pass(sessionIdle - time.Second)
	if !x.loggedIn(c) {
		t.Fatal("the session ended before it was idle for long")
	}
	x.pass(sessionIdle - time.Second) // it was just used
	if !x.loggedIn(c) {
		t.Fatal("using a session did not keep it")
	}
	x.pass(sessionIdle + time.Second)
	if x.loggedIn(c) {
		t.Error("an idle session goes on")
	}
	c = x.as(approver)
	for range 7*24 + 1 {
		x.pass(time.Hour)
		x.loggedIn(c)
	}
	if x.loggedIn(c) {
		t.Error("a session in use outlives its absolute limit")
	}
	c = x.as(admin)
	must(t, x.store.DeleteUser(t.Context(), "u-admin"))
	if x.loggedIn(c) {
		t.Error("a removed user is still logged in")
	}
}

func TestLoginLimits(t *testing.T) {
	t.Parallel()
	l, at := newLimits(), testNow
	allowed := func(user, address string, n int) (yes int) {
		for range n {
			if l.allow(user, address, at) {
				yes++
			}
		}
		return yes
	}
	if got := allowed("nina", "1.1.1.1", 10); got != userBurst {
		t.Errorf("one user from one address: %d attempts", got)
	}
	if got := allowed("nina", "2.2.2.2", 5); got != 0 {
		t.Errorf("the same user from elsewhere: %d attempts more", got)
	}
	if got := allowed("", "3.3.3.3", 30); got != addressBurst {
		t.Errorf("one address: %d attempts", got)
	}
	if got := allowed("otto", "3.3.3.3", 3); got != 0 {
		t.Errorf("another user from a spent address: %d attempts", got)
	}
	at = at.Add(userEvery)
	if got := allowed("nina", "2.2.2.2", 5); got != 1 {
		t.Errorf("after a while: %d attempts", got)
	}
	l.forgive("nina")
	if got := allowed("nina", "2.2.2.2", 5); got != 5 {
		t.Errorf("after a success: %d attempts", got)
	}
}

func TestLoginLimitAnswers(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	for range addressBurst {
		x.logins.allow("", "192.0.2.1", x.now()) // httptest's address
	}
	a := x.post("/login", url.Values{"user": {"nina"}, "password": {goodPassword}})
	if a.StatusCode != http.StatusTooManyRequests || a.Header.Get("Retry-After") == "" {
		t.Errorf("status %d", a.StatusCode)
	}
	if a := x.post("/login/link/guess", url.Values{}); a.StatusCode != http.StatusTooManyRequests {
		t.Errorf("guessing links: status %d", a.StatusCode)
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()
	for peer, want := range map[string]string{"192.0.2.7:443": "192.0.2.7", "[::ffff:192.0.2.7]:443": "192.0.2.7", "[2001:db8:1:2:3::4]:443": "2001:db8:1:2::/64", "@": "@"} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = peer
		r.Header.Set("X-Forwarded-For", "1.2.3.4")
		if got := address(r); got != want {
			t.Errorf("address of %s = %q, want %q", peer, got, want)
		}
	}
}

func TestUsers(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	c := x.as(admin)
	a := x.post("/settings/users", url.Values{"user": {"nina"}, "role": {approver}}, c)
	_, rest, ok := strings.Cut(a.Text, `value="http://127.0.0.1:8080/login/link/`)
	if !ok {
		t.Fatalf("status %d, and no link is shown", a.StatusCode)
	}
	token, _, _ := strings.Cut(rest, `"`)
	if again := x.get("/settings", c); strings.Contains(again.Text, token) {
		t.Error("the link is shown a second time")
	}
	nina := sessionOf(x, x.post("/login/link/"+token, url.Values{"password": {goodPassword}}))
	if x.get("/push", nina).StatusCode != http.StatusOK {
		t.Error("the invited approver may not push")
	}
	x.post("/settings/users/role", url.Values{"user": {"nina"}, "role": {viewer}}, c)
	if x.get("/push", nina).StatusCode != http.StatusForbidden {
		t.Error("a role taken away still works")
	}
	for what, form := range map[string]url.Values{
		"a bad name": {"user": {"<b>"}, "role": {viewer}}, "no name": {"role": {viewer}},
	} {
		if f := flashOf(t, x.post("/settings/users", form, c)); f.Kind != "bad" {
			t.Errorf("%s: %q", what, f.Text)
		}
	}
	if a := x.post("/settings/users", url.Values{"user": {"otto"}, "role": {"root"}}, c); a.StatusCode != http.StatusBadRequest {
		t.Errorf("an unknown role: %d", a.StatusCode)
	}
	for _, path := range []string{"/settings/users/role", "/settings/users/remove"} {
		if f := flashOf(t, x.post(path, url.Values{"user": {"u-admin"}, "role": {viewer}}, c)); f.Kind != "bad" {
			t.Errorf("%s of oneself: %q", path, f.Text)
		}
	}
	x.post("/settings/users/remove", url.Values{"user": {"nina"}}, c)
	if x.loggedIn(nina) {
		t.Error("a removed user is still logged in")
	}
	entries, err := x.store.AuditEntries(t.Context(), store.AuditFilter{})
	must(t, err)
	var actions []string
	for _, e := range entries {
		actions = append(actions, e.Action)
		if strings.Contains(e.Reason, token) {
			t.Error("the audit log holds a token")
		}
	}
	if got := strings.Join(actions, " "); got != "user_invited login_link password_set role_changed user_removed" {
		t.Errorf("the audit log has %s", got)
	}
}

func TestPasswordHash(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	ctx := t.Context()
	hash, err := x.hashPassword(ctx, goodPassword)
	must(t, err)
	for _, c := range []struct {
		hash, password string
		want           bool
	}{
		{hash, goodPassword, true}, {hash, goodPassword + " ", false}, {"", "", false}, {"", goodPassword, false}, {"x", "x", false},
		{strings.Replace(hash, "argon2id", "argon2i", 1), goodPassword, false}, {strings.Replace(hash, "m=65536", "m=99999999", 1), goodPassword, false},
	} {
		if got, err := x.passwordMatches(ctx, c.hash, c.password); err != nil || got != c.want {
			t.Errorf("%q against %q: %v, %v", c.password, c.hash, got, err)
		}
	}
}
