package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"adsteward/bidding"
	"adsteward/internal/present"
)

// feedShop writes a configuration with one feed and returns its file.
func feedShop(t *testing.T, labels string, rows ...string) (config string) {
	t.Helper()
	dir := t.TempDir()
	if out, errs, code := adsteward(t, "init", dir); code != 0 {
		t.Fatal(out, errs)
	}
	config = filepath.Join(dir, "adsteward.yaml")
	b, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(b), "    # feeds:\n", "    feeds: [{location: feed.tsv, platform: google}]\n"+labels+"    # feeds:\n", 1)
	feed := "id\ttitle\tdescription\tlink\timage_link\tavailability\tprice\tcondition\tbrand\tmpn\tcost_of_goods_sold\n"
	for _, id := range rows {
		id, cost, _ := strings.Cut(id, "=")
		feed += id + "\tA title\tA text.\thttps://shop.example/" + id + "\thttps://shop.example/" + id + ".jpg\tin_stock\t100 EUR\tnew\tBrand\t" + id + "\t" + cost + "\n"
	}
	for file, body := range map[string]string{config: text, filepath.Join(dir, "feed.tsv"): feed} {
		if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return config
}

func TestFeedsSpend(t *testing.T) {
	t.Parallel()
	config := feedShop(t, "", "b=85 EUR", "a=30 EUR")
	out, errs, code := adsteward(t, "feeds", "spend", "--config", config)
	if code != 0 || !strings.Contains(out, "No night has joined feeds and spend yet") {
		t.Fatalf("code %d: %s%s", code, out, errs)
	}
	report := decode[feedsSpendReport](t, first(adsteward(t, "feeds", "spend", "--json", "--config", config)))
	if report.Date != nil || report.Unfit == nil || report.Campaigns == nil || report.Excluded == nil || report.Account != "shop" {
		t.Errorf("before the first night: %+v", report)
	}
	if out, errs, code := adsteward(t, "run", "--stage", "feeds", "--stage", "value", "--config", config); code != 0 {
		t.Fatalf("code %d: %s%s", code, out, errs)
	}
	report = decode[feedsSpendReport](t, first(adsteward(t, "feeds", "spend", "--json", "--config", config)))
	if report.Date == nil || report.Items != 2 || report.IdleCount != 2 || report.Idle[0].ItemID != "a" || report.Idle[0].Left != 70_000_000 || report.Currency != "EUR" {
		t.Errorf("%+v", report)
	}
	out, _, code = adsteward(t, "feeds", "spend", "--limit", "1", "--config", config)
	if code != 0 || !strings.Contains(out, "ITEMS WITHOUT SPEND (2)") || !strings.Contains(out, "KEPT OUT OF ADS (0)") || !strings.Contains(out, "and 1 more") || strings.Contains(out, "NaN") {
		t.Errorf("code %d: %s", code, out)
	}
	if _, errs, code := adsteward(t, "feeds", "spend", "--account", "other", "--config", config); code != codeUsage || strings.Count(errs, "\n") != 1 {
		t.Errorf("an unknown account: code %d, %s", code, errs)
	}
}

func first(out, _ string, _ int) string { return out }

func TestFeedsLabels(t *testing.T) {
	t.Parallel()
	config := feedShop(t, "    feed_labels: {slot: 4, tiers: [{name: thin, below: 0.3}, {name: fat}]}\n", "b=85 EUR", "a=30 EUR", "unknown=")
	file := filepath.Join(filepath.Dir(config), "labels.tsv")
	if _, errs, code := adsteward(t, "feeds", "labels", "--out", file, "--config", config); code != codeUsage || !strings.Contains(errs, "nothing to write") || strings.Count(errs, "\n") != 1 {
		t.Errorf("before the first night: code %d, %s", code, errs)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("half a result stays behind")
	}
	if out, errs, code := adsteward(t, "run", "--stage", "feeds", "--config", config); code != 0 {
		t.Fatalf("code %d: %s%s", code, out, errs)
	}
	out, errs, code := adsteward(t, "feeds", "labels", "--out", file, "--config", config)
	if code != 0 || !strings.HasPrefix(out, "2 items with custom_label_4") {
		t.Fatalf("code %d: %s%s", code, out, errs)
	}
	got, err := os.ReadFile(file)
	want := "id\tcustom_label_0\tcustom_label_1\tcustom_label_2\tcustom_label_3\tcustom_label_4\tcost_of_goods_sold\na\t\t\t\t\tfat\t30.00 EUR\nb\t\t\t\t\tthin\t85.00 EUR\n"
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
	if out, errs, code := adsteward(t, "feeds", "validate", file, "--platform", "google", "--supplemental"); code != 0 || !strings.Contains(out, "2 items, 2 without error; 0 errors, 0 warnings") {
		t.Errorf("code %d: %s%s", code, out, errs)
	}
	if _, errs, code := adsteward(t, "feeds", "labels", "--out", file, "--platform", "meta", "--config", config); code != codeUsage || !strings.Contains(errs, "no item of a feed for meta") {
		t.Errorf("no feed is for Meta: code %d, %s", code, errs)
	}
	if again, err := os.ReadFile(file); err != nil || string(again) != want {
		t.Errorf("a refusal changed the file: %v", err)
	}
	bad := feedShop(t, "    feed_labels: {slot: 9}\n", "a=1 EUR")
	if _, errs, code := adsteward(t, "feeds", "labels", "--out", file, "--config", bad); code != codeUsage || !strings.Contains(errs, "feed_labels.slot: 9 is none of 0 to 4") {
		t.Errorf("code %d: %s", code, errs)
	}
}

// The push stage writes the supplemental feed by itself, whatever is approved.
func TestFeedSupplement(t *testing.T) {
	t.Parallel()
	config := feedShop(t, "    feed_supplement: {google: out/google.tsv}\n", "a=30 EUR", "unknown=")
	if out, errs, code := adsteward(t, "run", "--stage", "feeds", "--stage", "push", "--config", config); code != 0 {
		t.Fatalf("code %d: %s%s", code, out, errs)
	}
	got, err := os.ReadFile(filepath.Join(filepath.Dir(config), "out", "google.tsv"))
	if err != nil || !strings.Contains(string(got), "\na\thigh-margin\t\t\t\t\t30.00 EUR\n") || strings.Contains(string(got), "excluded_destination") {
		t.Errorf("%v\n%s", err, got)
	}
	for extra, want := range map[string]string{"{bing: x.tsv}": "none of google, meta", `{google: ""}`: "is no file", "{meta: sftp://x/y}": "is no file"} {
		bad := feedShop(t, "    feed_supplement: "+extra+"\n", "a=1 EUR")
		if _, errs, code := adsteward(t, "feeds", "spend", "--config", bad); code != codeUsage || !strings.Contains(errs, want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: code %d, %s", extra, code, errs)
		}
	}
}

// The tables say through which group an item is out, and of a group's items the most
// expensive ones.
func TestProductGroupsInTables(t *testing.T) {
	t.Parallel()
	r := feedsSpendReport{Excluded: []present.ExcludedItem{{Platform: "google", ItemID: "a", Title: "A", Reason: "losing", Currency: "EUR", Proposal: "p1"},
		{Platform: "google", ItemID: "b", Group: "brand=Acme", Title: "B", Reason: "losing", Currency: "EUR", Proposal: "p2"}}}
	r.Currency = "EUR"
	var out strings.Builder
	if err := r.print(&out, nil, 20); err != nil || !regexp.MustCompile(`(?m)^b +B +Google Ads +\S+ +Losing +brand=Acme +0.00 +p2$`).MatchString(out.String()) || !strings.Contains(out.String(), "KEPT OUT OF ADS (2)") {
		t.Errorf("%v\n%s", err, out.String())
	}
	it := &bidding.ItemEvidence{Due: 12, Group: &bidding.GroupEvidence{Items: 40}}
	for i := range 30 {
		it.Group.Members = append(it.Group.Members, bidding.GroupMember{ID: fmt.Sprint("r", i), Title: "Runner", Lines: []bidding.ItemLine{{Spend: 20, Clicks: 30}, {Spend: 4.5, Clicks: 1, Conversions: 1, Value: 60}}})
	}
	out.Reset()
	if err := showMembers(&out, it, "EUR"); err != nil || !regexp.MustCompile(`(?m)^ +r19 +Runner +24.50 +31 +1 +60.00$`).MatchString(out.String()) || strings.Contains(out.String(), "r20") || !strings.Contains(out.String(), "and 20 more") {
		t.Errorf("%v\n%s", err, out.String())
	}
	it.Due = 0 // as on Meta
	out.Reset()
	if err := showMembers(&out, it, "EUR"); err != nil || !regexp.MustCompile(`(?m)^ +r0 +Runner +24.50 +31 +– +–$`).MatchString(out.String()) {
		t.Errorf("%v\n%s", err, out.String())
	}
}
