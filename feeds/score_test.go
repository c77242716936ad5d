package feeds

import (
	"encoding/csv"
	"math"
	"slices"
	"testing"

	"adsteward/internal/shareddata"

	"github.com/google/go-cmp/cmp"
)

// TestWilson compares with the table of Newcombe (1998), method 3.
func TestWilson(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		hits, n   int
		low, high float64
	}{{81, 263, .2553, .3662}, {15, 148, .0624, .1605}, {0, 20, 0, .1611}, {1, 29, .0061, .1718}, {0, 0, 0, 1}, {20, 20, .8389, 1}} {
		p := wilson(c.hits, c.n)
		if math.Abs(p.Low-c.low) > 5e-5 || math.Abs(p.High-c.high) > 5e-5 {
			t.Errorf("%d of %d: %.4f to %.4f, published %.4f to %.4f", c.hits, c.n, p.Low, p.High, c.low, c.high)
		}
		if s := p.Share(); p.Low > s && c.n > 0 || p.High < s || math.IsNaN(s) {
			t.Errorf("%d of %d lies outside its interval", c.hits, c.n)
		}
	}
}

func TestPredict(t *testing.T) {
	t.Parallel()
	issues := []Issue{{Rule: "a", Platform: "both", Severity: Error}, {Rule: "b", Platform: "google", Severity: Warning, Code: "c", Attribute: "x"},
		{Rule: "b", Platform: "google", Severity: Warning, Code: "c", Attribute: "x"}, {Rule: "m", Platform: "meta", Severity: Error}, {Rule: "n", Platform: "both", Severity: Normalized}}
	if d := cmp.Diff([]Prediction{{Rule: "a", Severity: Error}, {"b", "x", "c", Warning}}, Predict(issues, "google")); d != "" {
		t.Error(d)
	}
	if got := Predict(issues, "meta"); len(got) != 2 || got[1].Rule != "m" {
		t.Errorf("for Meta %v", got)
	}
}

// TestScore counts a small catalog that can be counted by hand.
func TestScore(t *testing.T) {
	t.Parallel()
	long := Prediction{"title.length", "title", "text_value_too_long", Error}
	label := Prediction{"custom_label_0.length", "custom_label_0", "text_value_too_long", Error}
	shout := Prediction{"title.capitals", "title", "", Warning}
	price := Prediction{"price.format", "price", "", Error}
	obs := func(code, attribute string) Observation {
		return Observation{Code: code, Attribute: attribute, Description: "says " + code}
	}
	s := NewScorer("google")
	for _, j := range []Judged{
		{InFeed: true, Refused: true, Predicted: []Prediction{long}, Observed: []Observation{obs("text_value_too_long", "Title")}},              // right
		{ItemID: "alarm", InFeed: true, Predicted: []Prediction{long}},                                                                          // a false alarm
		{InFeed: true, Refused: true, Predicted: []Prediction{label}, Observed: []Observation{obs("TEXT_VALUE_TOO_LONG", "n:title")}},           // of another attribute
		{InFeed: true, Predicted: []Prediction{shout}, Observed: []Observation{obs("text_value_too_long", "title"), obs("odd_title", "title")}}, // known by its attribute, and not
		{InFeed: true, Refused: true, Predicted: []Prediction{price}, Observed: []Observation{obs("invalid_price", "price"), obs("invalid_price", "sale price")}},
		{ItemID: "missed", InFeed: true, Refused: true, Observed: []Observation{obs("landing_page_error", "link")}}, // not to be seen in a feed
		{InFeed: true},
		{InFeed: true, Pending: true, Predicted: []Prediction{price}},
		{Refused: true, Observed: []Observation{obs("gone", "")}},
	} {
		s.Add(j)
	}
	s.Add(Judged{ItemID: "absent", InFeed: true, Refused: true, Absent: true, Predicted: []Prediction{price, price}})
	got := s.Score()
	if got.Items != 8 || got.Pending != 1 || got.Strange != 1 {
		t.Errorf("counted %d items, %d pending, %d strange", got.Items, got.Pending, got.Strange)
	}
	if d := cmp.Diff([]Proportion{wilson(4, 5), wilson(4, 5)}, []Proportion{got.Precision, got.Recall}); d != "" {
		t.Error(d)
	}
	rules := map[string]Proportion{}
	for _, r := range got.Rules {
		rules[r.Rule] = r.Precision
		if r.Rule == "price.format" && r.Absent != 1 {
			t.Errorf("%d items are absent", r.Absent)
		}
		if r.Rule == "title.length" && r.Example != "alarm" {
			t.Errorf("the example of a false alarm is %q", r.Example)
		}
	}
	if d := cmp.Diff(map[string]Proportion{"title.length": wilson(1, 2), "custom_label_0.length": wilson(0, 1), "title.capitals": wilson(1, 1), "price.format": wilson(1, 1)}, rules); d != "" {
		t.Error(d)
	}
	codes := map[string]Proportion{}
	for _, c := range got.Codes {
		codes[c.Code] = c.Recall
		if c.Code == "landing_page_error" && c.Example != "missed" {
			t.Errorf("the example of what was missed is %q", c.Example)
		}
	}
	if d := cmp.Diff(map[string]Proportion{"text_value_too_long": wilson(1, 2), "TEXT_VALUE_TOO_LONG": wilson(0, 1), "odd_title": wilson(1, 1), "invalid_price": wilson(1, 1),
		"landing_page_error": wilson(0, 1)}, codes); d != "" {
		t.Error(d)
	}
	var unknown []string
	for _, c := range got.Unknown {
		unknown = append(unknown, c.Code+": "+c.Meaning)
	}
	if d := cmp.Diff([]string{"invalid_price: says invalid_price", "odd_title: says odd_title"}, unknown); d != "" {
		t.Error(d)
	}
	if empty := NewScorer("meta").Score(); empty.Precision.High != 1 || empty.Rules == nil || empty.Unknown == nil {
		t.Errorf("of nothing: %+v", empty)
	}
}

// TestCodes holds the table against the collection of codes, and every rule's
// code against the table.
func TestCodes(t *testing.T) {
	t.Parallel()
	have := map[string]Code{}
	for _, c := range Codes() {
		if _, twice := have[c.Platform+" "+c.Code]; twice || c.Meaning == "" {
			t.Errorf("%s comes twice or says nothing", c.Code)
		}
		have[c.Platform+" "+c.Code] = c
	}
	for _, r := range Rules() {
		if c := have[r.Platform+" "+r.Code]; r.Code != "" && r.Needs == "" && !slices.Contains(c.Rules, r.ID) {
			t.Errorf("the code %s of %s is not in the table", r.Code, r.ID)
		}
	}
	rows, err := csv.NewReader(shareddata.Open(t, "feeds/issue_codes.csv")).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		if _, ok := have[row[0]+" "+row[1]]; !ok && row[0] != "pinterest" {
			t.Errorf("the collection has %s, the table has not", row[1])
		}
	}
}
