package bidding_test

import (
	"strings"
	"testing"

	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/internal/platform"
)

// What an experiment runs on is not changed, whether it is named by its campaign
// or its budget, and the word of the guardrail names the experiment.
func TestExperimentIsLeftAlone(t *testing.T) {
	t.Parallel()
	for _, ref := range []platform.Ref{{Type: platform.Campaign, ID: "strong"}, {Type: platform.Budget, ID: "bstrong"}} {
		in := twoCampaigns()
		in.Experiments = map[string]bidding.UnderExperiment{bidding.Key{Platform: platform.Google, AdAccount: "1", Ref: ref}.String(): {Name: "strong off"}}
		out := plan(t, in)
		if d := draftOf(out, "bstrong"); d != nil {
			t.Errorf("%v: it is changed to %v", ref, d.Proposed)
		}
		said := false
		for _, b := range out.Blocked {
			for _, v := range b.Verdicts {
				said = said || b.ID == "bstrong" && v.Name == "experiment" && v.Answer == guard.Block && strings.Contains(v.Detail, `"strong off"`)
			}
		}
		if !said {
			t.Errorf("%v: nothing is said of the experiment: %+v", ref, out.Blocked)
		}
	}
}

// The money of a budget that an experiment has turned down is not given away: it
// comes back.
func TestExperimentKeepsItsMoney(t *testing.T) {
	t.Parallel()
	build := func(reserved bool) bidding.Input {
		in := twoCampaigns()
		in.Policy.TotalDailyCap = 200
		for i := range in.Accounts[0].Entities {
			if e := &in.Accounts[0].Entities[i]; e.ID == "bweak" {
				e.Fields[platform.DailyBudget] = eur(10)
			}
		}
		if reserved {
			k := bidding.Key{Platform: platform.Google, AdAccount: "1", Ref: platform.Ref{Type: platform.Budget, ID: "bweak"}}
			in.Experiments = map[string]bidding.UnderExperiment{k.String(): {Name: "weak off", Budget: eur(100)}}
		}
		return in
	}
	if d := draftOf(plan(t, build(false)), "bstrong"); d == nil || d.Proposed <= d.Seen {
		t.Fatal("without an experiment the room under the cap is not used, and the test shows nothing")
	}
	out := plan(t, build(true))
	if d := draftOf(out, "bstrong"); d != nil && d.Proposed > d.Seen {
		t.Errorf("it grows to %s into what the experiment puts back", d.Proposed.Decimal())
	}
	if out.Allocation.Before != eur(200) {
		t.Errorf("the budgets are reckoned as %s", out.Allocation.Before.Decimal())
	}
}
