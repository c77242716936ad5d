package bidding_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/bidding/response"
	"adsteward/internal/platform"
)

// doubting plans two campaigns, the first worth more than the second, whose sales
// are all worth scale times what breaks even, under a doubt of a fifth.
func doubting(t *testing.T, scale, limit float64) bidding.Output {
	t.Helper()
	in := input(1, 1, sim{id: "a", budget: 100, use: 1, ref: 100, perDay: 10, eps: 0.5, k: 0.375 * scale},
		sim{id: "b", budget: 100, use: 1, ref: 100, perDay: 10, eps: 0.5, k: 0.3 * scale})
	in.Policy.Risk.Doubt, in.Policy.TotalDailyCap = 0.2, limit
	in.Policy.MaxMovement = 1
	return curved(t, in, curveOf("a", 100, 600, 0.5), curveOf("b", 100, 600, 0.5))
}

// At 600 a day and an elasticity of a half the next unit of money earns 3 k: 1.125
// in the first campaign and 0.9 in the second, times scale.
func TestDoubtKeepsTheTotalAndMovesMoney(t *testing.T) {
	t.Parallel()
	for _, scale := range []float64{0.93, 1, 1.1} {
		out := doubting(t, scale, 1000)
		if got := out.Allocation.After - out.Allocation.Before; math.Abs(got.Float()) > 0.02 {
			t.Errorf("at %g times the worth the total moves by %v", scale, got)
		}
		if a, b := budgetOf(t, out, "ba"), budgetOf(t, out, "bb"); a <= eur(105) || b >= eur(95) {
			t.Errorf("at %g times the worth the budgets are %v and %v; money should move to the first", scale, a, b)
		}
		for _, d := range out.Drafts {
			if d.Proposed > d.Seen && d.Expected.GainPerDay < 0 {
				t.Errorf("at %g times the worth %s is raised and expected to lose %v", scale, d.Name, d.Expected.GainPerDay)
			}
		}
		if notes := strings.Join(out.Allocation.Notes, " "); scale != 1 && (!strings.Contains(notes, "risk.doubt") || !out.Allocation.Kept) { // at 1 the bounds keep it
			t.Errorf("at %g times the worth nothing says why the total is kept: %s (%v)", scale, notes, out.Allocation)
		}
	}
}

// Where less is to be spent whatever the doubt, that does not raise what is believed to
// earn less than it costs: 0.9 in a, and 0.3 in b and c.
func TestDoubtRaisesNothingThatLoses(t *testing.T) {
	t.Parallel()
	in := input(1, 1, sim{id: "a", budget: 100, use: 1, ref: 100, perDay: 10, eps: 0.5, k: 0.3}, sim{id: "b", budget: 300, use: 1, ref: 300, perDay: 10, eps: 0.5, k: 0.3},
		sim{id: "c", budget: 300, use: 1, ref: 300, perDay: 10, eps: 0.5, k: 0.3})
	in.Policy.Risk.Doubt, in.Policy.TotalDailyCap, in.Policy.MaxMovement = 0.2, 10_000, 1
	out := curved(t, in, curveOf("a", 100, 600, 0.5), curveOf("b", 300, 600, 0.5), curveOf("c", 300, 600, 0.5))
	if a, b := budgetOf(t, out, "ba"), budgetOf(t, out, "bb"); a > eur(100) || b != eur(255) {
		t.Errorf("budgets of %v and %v: %+v", a, b, draftOf(out, "ba"))
	}
}

func TestDoubtGivesWayToWhatIsSure(t *testing.T) {
	t.Parallel()
	if out := doubting(t, 1.6, 1000); out.Allocation.After <= out.Allocation.Before+eur(20) {
		t.Errorf("sales worth 60 %% more than needed: the total goes from %v to %v", out.Allocation.Before, out.Allocation.After)
	}
	if out := doubting(t, 0.6, 1000); out.Allocation.After >= out.Allocation.Before-eur(20) {
		t.Errorf("sales worth 40 %% less than needed: the total goes from %v to %v", out.Allocation.Before, out.Allocation.After)
	}
	if out := doubting(t, 1, 190); out.Allocation.After > eur(190) {
		t.Errorf("the cap of 190 is broken: %v", out.Allocation.After)
	}
}

// Whatever months, limits, rests and doubt there are at once, a plan can be made, the
// limit is kept and nothing is raised that is believed to lose by it.
func TestDoubtWithinMonths(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		draw := func(name string, lo, hi float64) float64 { return rapid.Float64Range(lo, hi).Draw(rt, name) }
		var sims []sim
		var curves []response.Curve
		for i := range rapid.IntRange(1, 4).Draw(rt, "campaigns") {
			b := math.Round(draw("budget", 20, 300))
			sims = append(sims, sim{id: fmt.Sprint(i), budget: b, use: 1, ref: b, perDay: 10, eps: 0.5, k: draw("k", 0.05, 0.6)})
			curves = append(curves, curveOf(fmt.Sprint(i), b, 600, 0.5))
		}
		in := input(1, 1, sims...)
		in.Policy.Risk.Doubt, in.Policy.MaxMovement = draw("doubt", 0, 0.5), 1
		in.Policy.TotalDailyCap = rapid.SampledFrom([]float64{0, 50, 400, 5000}).Draw(rt, "limit")
		in.Policy.Limits.MaxBudget = rapid.SampledFrom([]float64{0, 60, 500}).Draw(rt, "most")
		in.Policy.Monthly = []guard.Monthly{{Name: "some", Match: []string{"Campaign 0"}, Budget: draw("month", 100, 6000)}}
		if rapid.Bool().Draw(rt, "rests") {
			in.Changes = []bidding.PastChange{{Key: bidding.Key{Platform: platform.Google, AdAccount: "1", Ref: platform.Ref{Type: platform.Budget, ID: "b0"}},
				Field: platform.DailyBudget, At: now.AddDate(0, 0, -2), Date: today - 2, Ours: true, Old: eur(sims[0].budget), New: eur(sims[0].budget)}}
		}
		in.Curves = &response.Result{Curves: curves}
		out, err := bidding.Plan(in)
		if err != nil {
			rt.Fatal(err)
		}
		if limit := in.Policy.TotalDailyCap; limit > 0 && out.Allocation.After > max(out.Allocation.Before, eur(limit)) {
			rt.Fatalf("the budgets go from %v to %v with a limit of %v", out.Allocation.Before, out.Allocation.After, limit)
		}
		for _, d := range out.Drafts {
			if d.Proposed > d.Seen && d.Expected.GainPerDay < -0.01 {
				rt.Fatalf("%s is raised and expected to lose %v", d.Name, d.Expected.GainPerDay)
			}
		}
	})
}

// A month that takes from one campaign does not have the other, whose month has room,
// spend it.
func TestDoubtDoesNotFillWhatAMonthTakes(t *testing.T) {
	t.Parallel()
	in := input(1, 1, sim{id: "a", budget: 300, use: 1, ref: 300, perDay: 30, eps: 0.5, k: 0.6}, sim{id: "b", budget: 100, use: 1, ref: 100, perDay: 10, eps: 0.5, k: 0.3})
	in.Policy.Risk.Doubt, in.Policy.TotalDailyCap, in.Policy.MaxMovement = 0.2, 10_000, 1
	in.Policy.Monthly = []guard.Monthly{{Name: "a's", Match: []string{"Campaign a"}, Budget: 7000}, {Name: "b's", Match: []string{"Campaign b"}, Budget: 5000}}
	out := curved(t, in, curveOf("a", 300, 1800, 0.5), curveOf("b", 100, 600, 0.5))
	if a, b := budgetOf(t, out, "ba"), budgetOf(t, out, "bb"); a >= eur(300) || b > eur(100) {
		t.Errorf("budgets of %v and %v", a, b)
	}
}

// What is shown of the market does not change with doubt: the price of money and
// the targets are those of what is believed.
func TestDoubtLeavesTargetsAlone(t *testing.T) {
	t.Parallel()
	out := doubting(t, 1, 1000)
	near(t, "shadow price", out.Allocation.ShadowPrice, 1, 1e-9)
	near(t, "target", targetOf(t, out, "budget", "ba").Target.Value, bestROAS(curveOf("a", 100, 600, 0.5), 0.375, 1), 1e-9)
}
