package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"adsteward/internal/sandbox"
)

// TestFeedsScore reads the emulated catalogs in a night and scores the check of
// the feed against them.
func TestFeedsScore(t *testing.T) {
	t.Parallel()
	sb, err := sandbox.Start(sandbox.Options{Scenario: demoScenario(t, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sb.Stop(); err != nil {
			t.Error(err)
		}
	})
	dir, info := t.TempDir(), sb.Info()
	if err := writeShop(dir, info, worldOptions{feed: "shop/feed.xml"}); err != nil {
		t.Fatal(err)
	}
	if err := sb.WriteShop(filepath.Join(dir, "shop"), worldStart.AddDays(-3), worldStart.AddDays(-1)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "adsteward.yaml")
	adsteward := func(want int, args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		if code := run(t.Context(), append(args, "--config", file), strings.NewReader(""), &out, &errs); code != want {
			t.Fatalf("%v: exit code %d, %s", args, code, errs.String())
		}
		return out.String()
	}
	if said := adsteward(0, "feeds", "score"); !strings.Contains(said, "No night has read a catalog yet") {
		t.Errorf("before a night: %s", said)
	}
	night := []string{"run", "--date", worldStart.String(), "--stage", "feeds"}
	adsteward(0, night...)
	if said := adsteward(0, "feeds", "score", "--json"); !strings.Contains(said, `"platforms": []`) {
		t.Errorf("without the catalogs' ids: %s", said)
	}

	yaml, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	with := strings.Replace(string(yaml), "    google:\n", "    google:\n      merchant_id: \""+info.MerchantID+"\"\n      merchant_endpoint: http://"+info.DataManagerAddr+"/\n", 1)
	with = strings.Replace(with, "    meta:\n", "    meta:\n      catalog_id: \""+info.CatalogID+"\"\n", 1)
	if err := os.WriteFile(file, []byte(with), 0o600); err != nil {
		t.Fatal(err)
	}
	adsteward(0, night...)
	var rep scoreReport
	if err := json.Unmarshal([]byte(adsteward(0, "feeds", "score", "--json")), &rep); err != nil {
		t.Fatal(err)
	}
	if rep.Date == nil || *rep.Date != worldStart || len(rep.Platforms) != 2 {
		t.Fatalf("got %+v", rep)
	}
	for _, p := range rep.Platforms {
		// Nothing the check calls an error is let through by the emulators, which
		// find more than a feed shows.
		if p.Precision.N == 0 || p.Precision.Hits != p.Precision.N || p.Recall.N <= p.Recall.Hits || len(p.Unknown) == 0 || p.Items == 0 {
			t.Errorf("%s: %+v", p.Platform, p.Score)
		}
		for _, r := range p.Rules {
			if lenient := r.Rule == "identifier.missing"; lenient && (r.Precision.Hits == 0 || r.Precision.Hits == r.Precision.N || r.Example == "") {
				t.Errorf("%s is leniently judged, yet %+v", p.Platform, r)
			}
		}
	}
	if google, meta := rep.Platforms[0], rep.Platforms[1]; google.States["absent"] != 0 || meta.States["absent"] == 0 || len(meta.Groups) == 0 {
		t.Errorf("Google %v, Meta %v %v", google.States, meta.States, meta.Groups)
	}
	if said := adsteward(0, "feeds", "score"); !strings.Contains(said, "Google Merchant Center") || !strings.Contains(said, "(not known to adsteward)") {
		t.Errorf("for people: %s", said)
	}
	if said := adsteward(2, "feeds", "score", "--account", "nobody"); said != "" {
		t.Errorf("of nobody: %s", said)
	}
	if said := adsteward(1, "doctor"); !strings.Contains(said, "shop: catalog of google") || !strings.Contains(said, "items on the first page") {
		t.Errorf("doctor: %s", said)
	}
}
