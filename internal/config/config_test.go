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
		{"bad zone", "schedule: {time_zone: Mars}\naccounts: [{name: a, currency: EUR, meta: {ad_account_id: \"1\"}}]\n", `schedule.time_zone: "Mars" is not a time zone`},
		{"two of a name", "accounts: [{name: a, currency: EUR, meta: {ad_account_id: \"1\"}}, {name: a, currency: EUR, meta: {ad_account_id: \"1\"}}]\n", `"a" is used twice`},
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
