package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLoadNamesWhatIsWrong: one line, with the line or key, and no word of Go's
// or of the YAML library's.
func TestLoadNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, yaml, want string }{
		{"unknown key", "store: x.db\nstoer: y.db\n", "line 2: field stoer is no key of this file"},
		{"unknown key of an account", "accounts:\n  - name: a\n    curency: EUR\n", "starts at line 2: field curency is no key of this file"},
		{"list for a text", "store: [a, b]\n", "line 1: the value is not of the kind this key takes"},
		{"text for a number", "accounts:\n  - value: {horizon_days: year}\n", "the value `year` is not of the kind this key takes"},
		{"no YAML", "store: [x\n", "line 1: did not find"},
		{"nothing", "", "accounts: is empty"},
		{"bad duration", "schedule: {grace: soon}\n", "schedule.grace: "},
		{"an hour of 25", "schedule: {cron: \"30 25 * * *\"}\n", `schedule.cron: "30 25 * * *" is not a cron expression`},
		{"a zone alone for the hour", "schedule: {cron: \"TZ=UTC\"}\n", `schedule.cron: "TZ=UTC" is not a cron expression`},
		{"a zone before the hour", "schedule: {cron: \"CRON_TZ=Asia/Tokyo 30 4 * * *\"}\n", `schedule.cron: "CRON_TZ=Asia/Tokyo 30 4 * * *" is not a cron expression`},
		{"two documents", "store: x.db\n---\nstore: y.db\n", "a line --- begins a second document"},
		{"a variable that is not set", "accounts: [{name: a, currency: EUR, meta: {ad_account_id: \"1\", access_token: \"${ADSTEWARD_NOT_SET}\"}}]\n",
			"accounts[0].meta.access_token: the environment variable ADSTEWARD_NOT_SET is not set"},
		{"a port alone", "web: {listen: \"8080\"}\n", `web.listen: "8080" is not an address`},
		{"bad zone", "schedule: {time_zone: Mars}\naccounts: [{name: a, currency: EUR, meta: {ad_account_id: \"1\"}}]\n", `schedule.time_zone: "Mars" is not a time zone`},
		{"two of a name", "accounts: [{name: a, currency: EUR, meta: {ad_account_id: \"1\"}}, {name: a, currency: EUR, meta: {ad_account_id: \"1\"}}]\n", `"a" is used twice`},
		{"one ad account twice", "accounts: [{name: a, currency: EUR, google: {customer_id: 123-456-7890}}, {name: b, currency: EUR, google: {customer_id: \"1234567890\"}}]\n", `accounts[1].google.customer_id: 1234567890 belongs to account "a" already`},
		{"told without an action", withGoogle("{enabled: true}"), `google.conversions.conversion_action: "" is not the id of a conversion action`},
		{"told an action by name", withGoogle("{enabled: true, conversion_action: purchase}"), `conversion_action: "purchase" is not`},
		{"Meta's key at Google", withGoogle("{dataset: \"1\"}"), "google.conversions.dataset: is Meta's"},
		{"a list nobody keeps", withAudiences("{lists: [carts]}"), `audiences.lists[0]: "carts" is none of cart_abandoners, cart_reminder`},
		{"steps that go back", withAudiences("{cart_steps: [4, 4]}"), "audiences.cart_steps: [4 4] are not two days"},
		{"one step", withAudiences("{cart_steps: [4]}"), "audiences.cart_steps: [4] are not two days"},
		{"an offer after the window", withAudiences("{lists: [cart_incentive], cart_window_days: 4}"), "audiences.cart_steps: [1 4] are not two days"},
		{"purchasers for ever", withAudiences("{purchaser_days: 541}"), "audiences.purchaser_days: 541 is not between"},
		{"nobody is at risk", withAudiences("{at_risk_below: 0.1}"), "audiences.at_risk_below: 0.1 is not a probability"},
		{"Meta's test at Google", withGoogle("{test_event_code: TEST1}"), "google.conversions.test_event_code: is Meta's"},
		{"unknown measure", withGoogle("{measure: profit}"), `measure: "profit" is none of lifetime_revenue, lifetime_margin, revenue and margin`},
		{"settles in a year", withGoogle("{settle_hours: 9000}"), "settle_hours: 9000 is not between"},
		{"share in percent", withGoogle("{restate_share: 5}"), "restate_share: 5 is not a share"},
		{"told without a data set", "accounts: [{name: a, currency: EUR, meta: {ad_account_id: \"1\", conversions: {enabled: true}}}]\n", `meta.conversions.dataset: ""`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "adsteward.yaml")
			if err := os.WriteFile(file, []byte(c.yaml), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Load(file)
			if err == nil {
				t.Fatal("it loads")
			}
			msg := err.Error()
			if !strings.Contains(msg, c.want) || !strings.HasPrefix(msg, file) {
				t.Errorf("%s\nwants %s", msg, c.want)
			}
			for _, bad := range []string{"\n", " yaml:", "config.", "unmarshal", "into "} {
				if strings.Contains(msg, bad) {
					t.Errorf("%q holds %q", msg, bad)
				}
			}
		})
	}
}

func withAudiences(audiences string) string {
	return "accounts: [{name: a, currency: EUR, meta: {ad_account_id: \"1\"}, audiences: " + audiences + "}]\n"
}

func withGoogle(conversions string) string {
	return "accounts: [{name: a, currency: EUR, google: {customer_id: 123-456-7890, conversions: " + conversions + "}}]\n"
}

// TestTemplateConversions: the lines the template comments out are right once
// they are not, and without them the defaults hold.
func TestTemplateConversions(t *testing.T) {
	t.Parallel()
	yaml := Template
	for _, line := range strings.Split(Template, "\n") {
		key := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "#"))
		for _, k := range []string{"conversions:", "enabled: true", "conversion_action:", "measure:", "settle_hours:", "restate_share:", "dataset:", "test_event_code:"} {
			if strings.HasPrefix(strings.TrimSpace(line), "#") && strings.HasPrefix(key, k) {
				yaml = strings.Replace(yaml, line, strings.Replace(line, "# ", "", 1), 1)
			}
		}
	}
	file := filepath.Join(t.TempDir(), "adsteward.yaml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	g, m := c.Accounts[0].Google.Conversions, c.Accounts[0].Meta.Conversions
	if g == nil || m == nil || !g.Enabled || !m.Enabled || g.ConversionAction == "" || m.Dataset == "" || m.TestEventCode == "" {
		t.Fatalf("google %+v, meta %+v", g, m)
	}
	var none *Conversions
	for _, v := range []Conversions{g.Or(), m.Or(), none.Or()} {
		if v.Measure != DefaultMeasure || *v.SettleHours != DefaultSettleHours || v.RestateShare != DefaultRestateShare {
			t.Errorf("got %+v", v)
		}
	}
}

func TestJourneys(t *testing.T) {
	t.Parallel()
	load := func(text string) (*Config, error) {
		file := filepath.Join(t.TempDir(), "adsteward.yaml")
		if err := os.WriteFile(file, []byte(strings.Replace(Template, "    google:\n", text+"    google:\n", 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		return Load(file)
	}
	c, err := load("    journeys: {windows: {meta: {click_days: 1, view_days: 0}}, session_minutes: 45}\n")
	if err != nil || c.Accounts[0].Journeys.Windows["meta"].ClickDays != 1 || c.Accounts[0].Journeys.SessionMinutes != 45 {
		t.Errorf("%+v, %v", c, err)
	}
	for want, text := range map[string]string{
		"journeys.windows.tv: is none of":            "    journeys: {windows: {tv: {click_days: 1}}}\n",
		"journeys.windows.meta.click_days: 0 is not": "    journeys: {windows: {meta: {view_days: 1}}}\n",
		"journeys.windows.meta.view_days: 99 is not": "    journeys: {windows: {meta: {click_days: 7, view_days: 99}}}\n",
		"journeys.session_minutes: -1 is not":        "    journeys: {session_minutes: -1}\n",
	} {
		if _, err := load(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestFeedCacheDir is beside a SQLite database, and nowhere by itself.
func TestFeedCacheDir(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ store, cache, want string }{
		{"/var/lib/adsteward.db", "", "/var/lib/feed-cache"},
		{"sqlite:///var/lib/adsteward.db", "", "/var/lib/feed-cache"},
		{"/var/lib/adsteward.db", "/var/cache/feeds", "/var/cache/feeds"},
		{"postgres://u@h/d", "", ""},
		{"postgresql://u@h/d", "", ""},
		{"postgres://u@h/d", "/var/cache/feeds", "/var/cache/feeds"},
	} {
		if got := (&Config{Store: c.store, FeedCache: c.cache}).FeedCacheDir(); got != c.want {
			t.Errorf("%s, %q: %q", c.store, c.cache, got)
		}
	}
}
