package present_test

import (
	"encoding/json"
	"testing"

	"adsteward/internal/present"
	"adsteward/store"
)

func TestAlertsAreReadOrNamed(t *testing.T) {
	t.Parallel()
	got, err := present.Alerts(nil)
	if b, _ := json.Marshal(got); err != nil || string(b) != "[]" {
		t.Errorf("of no model: %s, %v", b, err)
	}
	got, err = present.Alerts([]store.Model{{Body: "null"}, {Body: `[{"platform":"meta","id":"7","guardrail":"alert","figure":"roas","since":"2026-05-06","change":-0.4}]`}})
	if err != nil || len(got) != 1 || got[0].ID != "7" || got[0].Since.String() != "2026-05-06" || got[0].Change != -0.4 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := present.Alerts([]store.Model{{RunID: "shop/2026-05-20", Body: `{`}}); err == nil {
		t.Error("a broken model is read")
	}
}
