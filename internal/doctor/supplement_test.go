package doctor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"adsteward/internal/nightly"
	"adsteward/internal/platform"
)

func TestSupplements(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "google.tsv")
	now := time.Date(2026, 3, 10, 5, 0, 0, 0, time.UTC)
	shop := &nightly.Shop{Name: "shop", Feeds: []nightly.Feed{{Platform: "google"}}}
	look := func(supplement map[platform.Name]string) []Finding {
		shop.Supplement = supplement
		return supplements(shop, now)
	}
	if fs := look(nil); len(fs) != 0 {
		t.Errorf("nothing is configured: %+v", fs)
	}
	if fs := look(map[platform.Name]string{platform.Google: file}); len(fs) != 1 || fs[0].Verdict != OK || !strings.Contains(fs[0].Detail, "next night writes") {
		t.Errorf("before the first night: %+v", fs)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for age, want := range map[time.Duration]Verdict{time.Hour: OK, supplementAge + time.Hour: Warning} {
		if err := os.Chtimes(file, now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
		if fs := look(map[platform.Name]string{platform.Google: file}); fs[0].Verdict != want || (fs[0].Remedy == "") != (want == OK) {
			t.Errorf("written %v ago: %+v", age, fs)
		}
	}
	if fs := look(map[platform.Name]string{platform.Meta: file}); fs[0].Verdict != Warning || !strings.Contains(fs[0].Detail, "no feed is for meta") {
		t.Errorf("no feed is for it: %+v", fs)
	}
	if fs := look(map[platform.Name]string{platform.Google: dir}); fs[0].Verdict != Error {
		t.Errorf("a directory: %+v", fs)
	}
}
