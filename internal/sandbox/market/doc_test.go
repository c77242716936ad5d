package market_test

import (
	"encoding/json"
	"os"
	"regexp"
	"testing"

	"adsteward/internal/sandbox/market"

	"github.com/google/go-cmp/cmp"
)

// docs/scenario.md tells the defaults, of every field.
func TestDefaultsAreDocumented(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../../docs/scenario.md")
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile("(?s)```json\n(.*?)```").FindSubmatch(doc)
	if text == nil {
		t.Fatal("docs/scenario.md shows no scenario")
	}
	want := scenario(t, `{"start": "2026-01-05", "campaigns": [{"id": "g1", "platform": "google"}]}`)
	if diff := cmp.Diff(want, scenario(t, string(text[1]))); diff != "" {
		t.Error(diff)
	}
	var said struct {
		market.Scenario
		Campaigns []map[string]any `json:"campaigns"`
	}
	if err := json.Unmarshal(text[1], &said); err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if all, err := json.Marshal(want.Campaigns[0]); err != nil || json.Unmarshal(all, &fields) != nil {
		t.Fatal(err)
	}
	for name := range fields {
		if _, ok := said.Campaigns[0][name]; !ok {
			t.Errorf("the default of %q is not said", name)
		}
	}
}
