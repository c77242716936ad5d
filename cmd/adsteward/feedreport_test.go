package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"strings"
	"testing"
	"time"

	"adsteward/feeds"
)

// TestFeedReports reads every form of a report back.
func TestFeedReports(t *testing.T) {
	t.Parallel()
	issues := []feeds.Issue{
		{ItemID: "a\"<\\\n\x01é", Line: 3, Attribute: "price", Rule: "price.format", Severity: feeds.Error, Platform: "both", Value: "1,5", Message: "m", Fix: "f"},
		{ItemID: "b", Line: 4, Attribute: "title", Rule: "title.length", Severity: feeds.Warning, Platform: "google", Message: "m", Fix: "f", Code: "text_value_too_long"},
	}
	rep := feeds.Report{Items: 2, Valid: 1, Errors: 1, Warnings: 1, ByRule: map[string]int{"price.format": 1, "title.length": 1}}
	for _, n := range []int{0, len(issues)} {
		written := map[string][]byte{}
		for _, form := range []string{"table", "json", "csv", "sarif", "junit"} {
			var b bytes.Buffer
			w := newFeedWriter(&b, form, "feed.xml")
			for i := range issues[:n] {
				if err := w.issue(&issues[i]); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.end(rep, time.Second); err != nil {
				t.Fatal(err)
			}
			written[form] = b.Bytes()
		}
		var whole struct {
			feeds.Report
			Issues  []feeds.Issue
			Seconds float64
		}
		if err := json.Unmarshal(written["json"], &whole); err != nil || len(whole.Issues) != n || whole.Items != 2 || whole.Seconds != 1 {
			t.Fatalf("%v in %s", err, written["json"])
		}
		for i, got := range whole.Issues {
			if got != issues[i] {
				t.Errorf("%+v, want %+v", got, issues[i])
			}
		}
		rows, err := csv.NewReader(bytes.NewReader(written["csv"])).ReadAll()
		if err != nil || len(rows) != n+1 || n > 0 && rows[1][0] != issues[0].ItemID {
			t.Errorf("%v %q", err, rows)
		}
		var sarif struct {
			Runs []struct {
				Results []sarifResult
				Tool    struct{ Driver struct{ Rules []sarifRule } }
			}
		}
		if err := json.Unmarshal(written["sarif"], &sarif); err != nil || len(sarif.Runs) != 1 || len(sarif.Runs[0].Tool.Driver.Rules) != 2 {
			t.Errorf("%v in %s", err, written["sarif"])
		}
		var suite junitSuite
		if err := xml.Unmarshal(written["junit"], &suite); err != nil || suite.Tests != n+1 || suite.Failures != min(n, 1) {
			t.Errorf("%v in %s", err, written["junit"])
		}
		if !strings.Contains(string(written["table"]), "2 items, 1 without error; 1 errors, 1 warnings.") {
			t.Errorf("%s", written["table"])
		}
	}
}
