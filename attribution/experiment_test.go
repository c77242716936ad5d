package attribution

import (
	"strings"
	"testing"

	"adsteward/audiences"
	"adsteward/internal/civil"
	"adsteward/internal/money"
)

func switchback() ExperimentPlan {
	return ExperimentPlan{Kind: Switchback, Name: "brand off", Campaigns: []string{"google:1"}, Start: civil.MustParse("2026-03-02"), Days: 56, Seed: 7,
		Switchback: &SwitchbackPlan{Platform: "google", AdAccount: "1", EntityType: "budget", EntityID: "9", On: 100 * money.One, Off: 5 * money.One, BlockDays: 7, Washout: 2}}
}

// Every pair of states: only the steps of the diagram are allowed, and a final
// state says so.
func TestExperimentStates(t *testing.T) {
	t.Parallel()
	allowed := map[string]bool{"planned running": true, "planned cancelled": true, "running ended": true, "running cancelled": true,
		"ended concluded": true, "ended cancelled": true}
	for _, from := range ExperimentStates {
		for _, to := range ExperimentStates {
			err := MoveExperiment(from, to)
			if (err == nil) != allowed[string(from)+" "+string(to)] {
				t.Errorf("%s to %s: %v", from, to, err)
			}
			if final := from == ExperimentConcluded || from == ExperimentCancelled; final && (err == nil || !strings.Contains(err.Error(), "final")) {
				t.Errorf("%s is not said to be final: %v", from, err)
			}
		}
	}
}

// The budget is the low one on half of the days, on each day of the week as often,
// and the usual one outside of the plan; the seed alone decides which blocks are.
func TestBudgetOn(t *testing.T) {
	t.Parallel()
	first := 0
	for seed := range uint64(400) {
		p := switchback()
		p.Seed = seed
		if p.ArmOn(p.Start) == Held {
			first++
		}
		if again := p; again.ArmOn(p.Start) != p.ArmOn(p.Start) {
			t.Fatal("the same plan has another schedule")
		}
	}
	if first < 150 || first > 250 {
		t.Errorf("of 400 schedules %d begin with the held arm", first)
	}
	p := switchback()
	if p.BudgetOn(p.Start.AddDays(-1)) != 100*money.One || p.BudgetOn(p.End().AddDays(1)) != 100*money.One {
		t.Error("outside the plan the budget is not the usual one")
	}
	off := 0
	var weekdays [7]int
	for d := p.Start; d <= p.End(); d++ {
		if p.BudgetOn(d) == 5*money.One {
			off++
			weekdays[d.Weekday()]++
		}
	}
	if off != 28 || weekdays != [7]int{4, 4, 4, 4, 4, 4, 4} {
		t.Errorf("%d days off of 56", off)
	}
}

func TestPlanHashSeesEveryChange(t *testing.T) {
	t.Parallel()
	base := switchback()
	hash := base.Hash()
	for name, edit := range map[string]func(*ExperimentPlan){
		"on": func(p *ExperimentPlan) { p.Switchback.On++ }, "off": func(p *ExperimentPlan) { p.Switchback.Off++ },
		"seed": func(p *ExperimentPlan) { p.Seed++ }, "start": func(p *ExperimentPlan) { p.Start++ }, "days": func(p *ExperimentPlan) { p.Days++ },
		"entity": func(p *ExperimentPlan) { p.Switchback.EntityID = "8" }, "protects": func(p *ExperimentPlan) { p.Protects = []string{"x"} },
	} {
		p := switchback()
		if edit(&p); p.Hash() == hash || len(p.Hash()) != 64 {
			t.Errorf("another %s has the same hash", name)
		}
	}
	if again := switchback(); again.Hash() != hash {
		t.Error("the same plan has another hash")
	}
}

func TestPlanValidate(t *testing.T) {
	t.Parallel()
	holdout := func(list string, share float64, days int) ExperimentPlan {
		return ExperimentPlan{Kind: Holdout, Name: "x", Campaigns: []string{"meta:1"}, Start: 20000, Days: days, Holdout: &HoldoutPlan{List: list, Share: share}}
	}
	geo := func(held, treated []string) ExperimentPlan {
		return ExperimentPlan{Kind: Geo, Name: "x", Campaigns: []string{"meta:1"}, Start: 20000, Days: 28, Geo: &GeoPlan{Held: held, Treated: treated}}
	}
	edit := func(f func(*ExperimentPlan)) ExperimentPlan {
		p := switchback()
		f(&p)
		return p
	}
	for _, tc := range []struct {
		name string
		plan ExperimentPlan
		want string // "": valid
	}{
		{"switchback", switchback(), ""},
		{"holdout", holdout(audiences.ListCartAbandoners, 0.1, 28), ""},
		{"geo", geo([]string{"AT"}, []string{"DE"}), ""},
		{"nothing", ExperimentPlan{}, "none of"},
		{"no name", edit(func(p *ExperimentPlan) { p.Name = "" }), "name"},
		{"no campaign", edit(func(p *ExperimentPlan) { p.Campaigns = nil }), "campaign"},
		{"no start", edit(func(p *ExperimentPlan) { p.Start = 0 }), "first day"},
		{"off above on", edit(func(p *ExperimentPlan) { p.Switchback.Off = 200 * money.One }), "turned down"},
		{"off is nothing", edit(func(p *ExperimentPlan) { p.Switchback.Off = 0 }), "turned down"},
		{"too short a block", edit(func(p *ExperimentPlan) { p.Switchback.BlockDays = 1 }), "washout"},
		{"no block", edit(func(p *ExperimentPlan) { p.Switchback.BlockDays = 0 }), "block"},
		{"odd blocks", edit(func(p *ExperimentPlan) { p.Days = 49 }), "multiple"},
		{"two blocks", edit(func(p *ExperimentPlan) { p.Days = 14 }), "at least 4"},
		{"endless", edit(func(p *ExperimentPlan) { p.Days = 1 << 40 }), "days"},
		{"two kinds", edit(func(p *ExperimentPlan) { p.Geo = &GeoPlan{} }), "none of"},
		{"list", holdout("all", 0.1, 28), "list"},
		{"share", holdout(audiences.ListHighLTV, 0.9, 28), "share"},
		{"days", holdout(audiences.ListHighLTV, 0.1, 3), "14"},
		{"policy", ExperimentPlan{Kind: PolicyTest, Name: "x", Start: 20000, Days: 28, Policy: &PolicyPlan{make([]PolicyUnit, 2), make([]PolicyUnit, 2)}}, ""},
		{"policy of one", ExperimentPlan{Kind: PolicyTest, Name: "x", Start: 20000, Days: 28, Policy: &PolicyPlan{make([]PolicyUnit, 2), make([]PolicyUnit, 1)}}, "two at least"},
		{"policy in a holdout", ExperimentPlan{Kind: Holdout, Name: "x", Campaigns: []string{"c"}, Start: 20000, Days: 28, Holdout: &HoldoutPlan{List: audiences.ListHighLTV, Share: 0.1}, Policy: &PolicyPlan{}}, "belongs to another"},
		{"one side", geo([]string{"AT"}, nil), "each side"},
		{"both sides", geo([]string{"AT"}, []string{"AT"}), "both sides"},
	} {
		err := tc.plan.Validate()
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
	}
}

// Of each two neighbours one is in either arm, and over many draws each unit is as
// often in the one as in the other.
func TestDrawPolicy(t *testing.T) {
	t.Parallel()
	units := []PolicyUnit{{Key: "a"}, {Key: "b"}, {Key: "c"}, {Key: "d"}, {Key: "e"}}
	treated := map[string]int{}
	for seed := range uint64(1000) {
		p := DrawPolicy(units, seed)
		if len(p.Treated)+len(p.Held) != 5 || len(p.Treated) < 2 || len(p.Held) < 2 {
			t.Fatalf("%+v", p)
		}
		if (p.Treated[0].Key == "a") == (p.Held[0].Key == "a") {
			t.Fatalf("the first pair is not parted: %+v", p)
		}
		for _, u := range p.Treated {
			treated[u.Key]++
		}
	}
	for _, u := range units {
		if n := treated[u.Key]; n < 440 || n > 560 {
			t.Errorf("%s is treated in %d of 1000 draws", u.Key, n)
		}
	}
}
