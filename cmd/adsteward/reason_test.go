package main

import (
	"path/filepath"
	"strings"
	"testing"

	"adsteward/internal/present"
)

// Every --reason has the page's limit, and one that is too long is bad input before anything is opened.
func TestAReasonThatIsTooLong(t *testing.T) {
	t.Parallel()
	none := filepath.Join(t.TempDir(), "none.yaml")
	for _, command := range []string{"proposals approve p1", "proposals reject p1", "proposals edit p1 --value 3", "kill-switch on",
		"experiments stop e1", "experiments conclude e1", "experiments cancel e1", "journeys persons split customer:1 visitor:2"} {
		for n, says := range map[int]string{present.MaxReason: "none.yaml", present.MaxReason + 1: "the reason has 501 characters, of at most 500; shorten it"} {
			args := append(strings.Fields(command), "--config", none, "--reason", strings.Repeat("é", n))
			var out, errs strings.Builder
			if code := run(t.Context(), args, strings.NewReader(""), &out, &errs); code != codeUsage || out.Len() > 0 || !strings.Contains(errs.String(), says) ||
				strings.Count(errs.String(), "\n") != 1 || strings.Contains(errs.String(), "éé") {
				t.Errorf("%s with %d characters: code %d, %.300q", command, n, code, errs.String())
			}
		}
	}
}
