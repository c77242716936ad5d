package bidding_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"adsteward/bidding"
)

// "Without guardrails and totals" a budget would be what a plan makes of it that nothing
// holds: neither what money earns elsewhere under a total, nor doubt, nor caution.
func TestTheFreeValueIsFree(t *testing.T) {
	t.Parallel()
	planned := func(edit func(*bidding.Input)) bidding.Output {
		in := input(1, 1, sim{id: "a", budget: 100, use: 1, ref: 100, perDay: 10, eps: 0.5, k: 0.4},
			sim{id: "b", budget: 100, use: 1, ref: 100, perDay: 10, eps: 0.5, k: 0.28})
		in.Policy.MaxMovement = 1
		edit(&in)
		return curved(t, in, curveOf("a", 100, 600, 0.5), curveOf("b", 100, 600, 0.5))
	}
	held := planned(func(in *bidding.Input) { in.Policy.Risk.Doubt, in.Policy.Risk.Caution = 0.2, 0.3 })
	free := planned(func(in *bidding.Input) {
		in.Policy.Step.Default, in.Policy.Step.HardLimit, in.Policy.TotalDailyCap = 1, 1, 10_000
		in.Policy.Risk.Doubt, in.Policy.Risk.Caution = 0, 0
	})
	for _, id := range []string{"ba", "bb"} {
		h, f := draftOf(held, id), draftOf(free, id)
		if h == nil || f == nil {
			t.Fatalf("%s: %v, %v", id, h, f)
		}
		var said float64
		why := strings.Join(h.Reasons, " ")
		_, after, _ := strings.Cut(why, "Without guardrails and totals it would be EUR ")
		if _, err := fmt.Sscanf(after, "%f", &said); err != nil || h.Proposed == f.Proposed || math.Abs(said-f.Proposed.Float()) > 0.05 {
			t.Errorf("%s of %v says %q, want %v", id, h.Proposed, why, f.Proposed.Decimal())
		}
	}
}

// A worth that rests on the configuration, and counts first orders alone, says so.
func TestWhatAWorthAssumes(t *testing.T) {
	t.Parallel()
	for _, known := range []bool{true, false} {
		in := twoCampaigns()
		for c, w := range in.Worth {
			if w.MarginAssumed = !known; known {
				w.Lambda, w.LambdaRelSD = 1.5, 0.1
			}
			in.Worth[c] = w
		}
		why := strings.Join(plan(t, in).Drafts[0].Reasons, " ")
		for _, says := range []string{"(the configured default, as costs or orders are missing)", "(later orders are not counted)"} {
			if strings.Contains(why, says) == known {
				t.Errorf("known %v: %q", known, why)
			}
		}
	}
}
