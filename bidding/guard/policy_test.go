package guard_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"adsteward/bidding/guard"
)

func TestAnEmptyPolicyIsTheDefault(t *testing.T) {
	t.Parallel()
	p, err := guard.Parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(guard.Default(), p); d != "" {
		t.Error(d)
	}
}

func TestPolicyErrorsNameTheKey(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"step: {default: 0.3}":                            "step.default",
		"step: {hard_limit: .nan}":                        "step.hard_limit",
		"cool_down: {days: -1}":                           "cool_down.days",
		"limits: {min_budget: 5, max_budget: 4}":          "limits.min_budget",
		"max_movement: 2":                                 "max_movement",
		"total_daily_cap: -5":                             "total_daily_cap",
		"alerts: {days_per_false_alarm: 5}":               "alerts.days_per_false_alarm",
		"alerts: {fall: .nan}":                            "alerts.fall",
		"alerts: {max_worn_spend: 50}":                    "alerts.max_worn_spend",
		"spend_anomaly: {days: -1}":                       "spend_anomaly.days",
		"spend_anomaly: {beyond: -0.1}":                   "spend_anomaly.beyond",
		"max_frequency: -1":                               "max_frequency",
		"max_overlap: 30":                                 "max_overlap",
		"stock: {max_unsellable: 25}":                     "stock.max_unsellable",
		"stock: {max_unfit_spend: -1}":                    "stock.max_unfit_spend",
		"stock: {max_losing_spend: 2}":                    "stock.max_losing_spend",
		"expiry_hours: 0":                                 "expiry_hours",
		"freshness: {max_age_days: 0}":                    "freshness.max_age_days",
		"black_out: [{from: 2026-05-02, to: 2026-05-01}]": "black_out[0]",
		"entities: [{max_budget: 4}]":                     "entities[0].match",
		"auto_approve: {fields: {budget: {}}}":            "auto_approve.fields.budget",
		"value_rules: {min_multiplier: 0.4}":              "value_rules.min_multiplier",
		"value_rules: {max_multiplier: 11}":               "value_rules.max_multiplier",
		"value_rules: {max_multiplier: 1}":                "value_rules.max_multiplier",
		"value_rules: {new_customer_value: true}":         "value_rules.new_customer_value",
		"auto_approve: {fields: {value_multiplier: {}}}":  "auto_approve.fields.value_multiplier",
		"stepp: {}":                            "stepp",
		"exclude: {groups: [colour]}":          "exclude.groups[0]",
		"exclude: {groups: [brand, brand]}":    "exclude.groups[1]",
		"step: [":                              "policy",
		"change_by_others: {hours: 0.9}":       "change_by_others.hours is 0.9; it must be a whole number",
		"tracking_outage: {freeze_days: 1.99}": "tracking_outage.freeze_days is 1.99; it must be a whole number",
		"cool_down: &rest {days: 7.9}":         "cool_down.days is 7.9; it must be a whole number",
		"cool_down: {days: -.inf}":             "cool_down.days is -Inf; it must be a whole number",
		"exclude: {min_clicks: 1.5}\nauto_approve: {fields: {excluded: {max_per_day: 0.5}}}":             "line 2: auto_approve.fields.excluded.max_per_day is 0.5; it must be a whole number\nline 1: exclude.min_clicks is 1.5; it must be a whole number",
		"step:\n  default: 0.1\n  hard_limit: 3":                                                         "line 3: step.hard_limit is 3",
		"monthly:\n  - name: a":                                                                          "line 2: monthly[0].budget is 0",
		"black_out:\n  - from: 2026-02-30\n    to: 2026-03-01":                                           `line 2: black_out[0].from is "2026-02-30"; it must be a date of the form YYYY-MM-DD`,
		"step: {}\n---\nmax_movement: 0.1":                                                               "second document",
		"# none\n---\n# none\n---\nmax_movement: 0.1":                                                    "second document",
		"step: {}\n---\n[":                                                                               "second document",
		"dead_band: {min_gain: .inf}":                                                                    "dead_band.min_gain is +Inf",
		"black_out: [{from: 2026-11-27}]":                                                                "black_out[0].to is missing",
		"black_out: [{to: 2026-11-27}]":                                                                  "black_out[0].from is missing",
		"limits: {max_budget: 4}\nentities: [{match: Shoes, min_budget: 5}]":                             "entities.Shoes.min_budget is 5; it must be at most limits.max_budget (4)",
		"limits: {min_budget: 5}\nentities: [{match: Shoes, max_budget: 4}]":                             "limits.min_budget is 5; it must be at most entities.Shoes.max_budget (4)",
		"limits: {min_target: 5}\nentities: [{match: Shoes, max_target: 4}]":                             "limits.min_target is 5; it must be at most entities.Shoes.max_target (4)",
		"limits: {max_bid: 0.4}\nentities: [{match: Shoes, min_bid: 0.5}]":                               "entities.Shoes.min_bid is 0.5; it must be at most limits.max_bid (0.4)",
		"entities: [{match: Shoes, max_bid: 4}, {match: Boots, max_bid: 6}, {match: Shoes, min_bid: 5}]": "entities.Shoes.min_bid is 5; it must be at most entities.Shoes.max_bid (4)",
		"limits: {min_budget: 5}\ntotal_daily_cap: 4":                                                    "limits.min_budget is 5; it must be at most what total_daily_cap leaves a day (4.00)",
		"entities: [{match: Shoes, min_budget: 5}]\ntotal_monthly_cap: 100":                              "entities.Shoes.min_budget is 5; it must be at most what total_monthly_cap leaves a day (3.29)",
	} {
		if _, err := guard.Parse([]byte(body)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error naming %s", body, err, want)
		}
	}
}

func TestPolicyTakesWhatMakesSense(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		"cool_down: {days: 7.0}",
		"---\nmax_movement: 0.1\n...\n",
		"limits: {min_budget: 5, max_budget: 5, min_target: 3, max_target: 3, min_bid: 1, max_bid: 1}\ntotal_daily_cap: 5\ntotal_monthly_cap: 152",
		"limits: {min_budget: 5, max_budget: 9}\nentities: [{match: Shoes, min_budget: 1, max_budget: 4}, {match: Boots, min_budget: 6}]",
		"black_out: [{from: 2026-11-27, to: 2026-11-27}]",
		"risk: {objective: '', level: 0}",
		"alerts: {days_per_false_alarm: 0}\nrollback: {probability: 0}",
	} {
		policy(t, body)
	}
	_, err := guard.Parse([]byte("limits: {min_budget: 5, max_budget: 4}\ntotal_daily_cap: 3\nentities: [{match: Shoes}, {match: Boots, max_budget: 9}]"))
	if err == nil || strings.Count(err.Error(), "limits.min_budget") != 2 {
		t.Errorf("what holds for all is not told once: %v", err)
	}
}

// Every number may be as far as its edges and no farther.
func TestNumbersOfThePolicyAtTheirEdges(t *testing.T) {
	t.Parallel()
	for key, c := range map[string]struct{ lo, hi, beyond float64 }{
		"cool_down.days":                          {0, 365, 1},
		"cool_down.rejected_days":                 {0, 365, 1},
		"minimum.window_days":                     {7, 90, 1},
		"break_even":                              {0, 10, 0.01},
		"ltv_cac_floor":                           {0, 100, 0.01},
		"freshness.max_age_days":                  {1, 30, 1},
		"tracking_outage.freeze_days":             {1, 30, 1},
		"spend_anomaly.days":                      {0, 30, 1},
		"spend_anomaly.beyond":                    {0, 10, 0.01},
		"alerts.fall":                             {0.1, 0.9, 0.01},
		"alerts.days_per_false_alarm":             {30, 1e5, 0.01},
		"alerts.max_worn_spend":                   {0, 1, 0.01},
		"max_frequency":                           {0, 1000, 0.01},
		"max_overlap":                             {0, 1, 0.01},
		"stock.max_unsellable":                    {0, 1, 0.01},
		"stock.max_unfit_spend":                   {0, 1, 0.01},
		"stock.max_losing_spend":                  {0, 1, 0.01},
		"change_by_others.hours":                  {0, 8760, 1},
		"dead_band.change":                        {0, 1, 0.01},
		"dead_band.min_gain":                      {0, 9e12, 1},
		"risk.caution":                            {0, 10, 0.01},
		"risk.doubt":                              {0, 1, 0.01},
		"explore.max_cost_share":                  {0, 1, 0.01},
		"expiry_hours":                            {1, 720, 1},
		"rollback.probability":                    {0.5, 0.99, 0.01},
		"exclude.min_clicks":                      {1, 1e6, 1},
		"exclude.probability":                     {0.51, 0.99, 0.01},
		"exclude.max_items":                       {0, 1, 0.01},
		"exclude.max_spend":                       {0, 1, 0.01},
		"exclude.max_per_night":                   {0, 1000, 1},
		"exclude.again_days":                      {1, 3650, 1},
		"max_movement":                            {0.01, 1, 0.01},
		"step.hard_limit":                         {0.15, 1, 0.85}, // the default step lies below it
		"step.default":                            {0.01, 0.2, 0.01},
		"value_rules.min_multiplier":              {0.5, 1, 0.01},
		"value_rules.max_multiplier":              {1.01, 10, 0.01},
		"risk.level":                              {0.01, 0.99, 0.01},
		"minimum.conversions":                     {0, 9e12, 1},
		"minimum.spend":                           {0, 9e12, 1},
		"limits.min_bid":                          {0, 9e12, 1},
		"limits.max_bid":                          {0, 9e12, 1},
		"cac_ceiling":                             {0, 9e12, 1},
		"total_daily_cap":                         {0, 9e12, 1},
		"total_monthly_cap":                       {0, 9e12, 1},
		"explore.budget_per_day":                  {0, 9e12, 1},
		"rollback.min_loss":                       {0, 9e12, 1},
		"exclude.min_spend":                       {0, 9e12, 1},
		"auto_approve.fields.cpc_bid.per_item":    {0, 1, 0.01},
		"auto_approve.fields.cpc_bid.per_run":     {0, 1, 0.01},
		"auto_approve.fields.cpc_bid.per_day":     {0, 1, 0.01},
		"auto_approve.fields.cpc_bid.max_per_run": {0, 1e6, 1},
		"auto_approve.fields.cpc_bid.max_per_day": {0, 1e6, 1},
	} {
		parse := func(x float64) error {
			_, err := guard.Parse([]byte(strings.ReplaceAll(key, ".", ": {") + fmt.Sprintf(": %v", x) + strings.Repeat("}", strings.Count(key, "."))))
			return err
		}
		for _, x := range []float64{c.lo, c.hi} {
			if err := parse(x); err != nil {
				t.Errorf("%s: %v is refused: %v", key, x, err)
			}
		}
		for _, x := range []float64{c.lo - c.beyond, c.hi + c.beyond} {
			if err := parse(x); err == nil || !strings.Contains(err.Error(), key+" is ") {
				t.Errorf("%s: %v: %v", key, x, err)
			}
		}
	}
}

// No number of the file may be none, whichever it is.
func TestNoNumberOfThePolicyIsNone(t *testing.T) {
	t.Parallel()
	p := policy(t, "entities: [{match: a}]\nmonthly: [{name: a, budget: 5}]\nauto_approve: {fields: {excluded: {}}}")
	text, err := yaml.Marshal(p)
	var file any
	if err != nil || yaml.Unmarshal(text, &file) != nil {
		t.Fatal(err)
	}
	n := 0
	var visit func(key string, v any, put func(any))
	visit = func(key string, v any, put func(any)) {
		switch v := v.(type) {
		case map[string]any:
			for k, x := range v {
				visit(k, x, func(y any) { v[k] = y })
			}
		case []any:
			for i, x := range v {
				visit(key, x, func(y any) { v[i] = y })
			}
		case int, float64:
			n++
			for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, 1e300} {
				put(x)
				text, err := yaml.Marshal(file)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := guard.Parse(text); err == nil || x == -1 && !strings.Contains(err.Error(), key+" is -1") {
					t.Errorf("%s: %v: %v", key, x, err)
				}
			}
			put(v)
		}
	}
	visit("", file, nil)
	if n < 60 {
		t.Errorf("%d numbers were looked at", n)
	}
}
