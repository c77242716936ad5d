package simulate

import (
	"strings"
	"testing"

	"adsteward/internal/money"
	"adsteward/internal/sandbox/market"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	type change struct {
		night int
		key   string
		to    float64
		by    string
	}
	base := scenario(t, "calm") // search 60, brand 90, prospecting 50, retargeting 130; in all 330
	outage := []market.ScenarioEvent{{Date: base.Start.AddDays(5), Kind: market.TrackingOutage, Campaign: "search", Days: 2}}
	for name, c := range map[string]struct {
		changes []change
		events  []market.ScenarioEvent
		made    int
		want    []string // a part of each violation
	}{
		"within everything":             {[]change{{0, "brand", 75, "x"}, {0, "search", 69, "x"}}, nil, 2, nil},
		"at the hard limit":             {[]change{{0, "brand", 72, "x"}}, nil, 1, nil},
		"above the hard limit":          {[]change{{0, "brand", 71, "x"}}, nil, 1, []string{"hard limit"}},
		"cool-down over":                {[]change{{0, "brand", 80, "x"}, {7, "brand", 75, "x"}}, nil, 2, nil},
		"inside the cool-down":          {[]change{{0, "brand", 80, "x"}, {6, "brand", 75, "x"}}, nil, 2, []string{"cool-down"}},
		"inside a person's":             {[]change{{0, "brand", 50, market.HumanActor}, {6, "brand", 45, "x"}}, nil, 1, []string{"cool-down"}},
		"a person may do anything":      {[]change{{0, "brand", 500, market.HumanActor}, {1, "brand", 5, market.HumanActor}}, nil, 0, nil},
		"an increase above the total":   {[]change{{0, "search", 61, "x"}}, nil, 1, []string{"above the total"}},
		"a cut above the total":         {[]change{{0, "search", 69, market.HumanActor}, {0, "brand", 85, "x"}}, nil, 1, nil},
		"the cut came too late":         {[]change{{0, "search", 66, "x"}, {0, "brand", 80, "x"}}, nil, 2, []string{"above the total"}},
		"below the floor":               {[]change{{0, "brand", 8.8, market.HumanActor}, {8, "brand", 8, "x"}}, nil, 1, []string{"outside"}},
		"from below the floor up":       {[]change{{0, "brand", 7, market.HumanActor}, {8, "brand", 8, "x"}}, nil, 1, nil},
		"above the ceiling":             {[]change{{0, "search", 395, market.HumanActor}, {0, "retargeting", 13, market.HumanActor}, {8, "search", 401, "x"}}, nil, 1, []string{"above the total", "outside"}},
		"the first day of an outage":    {[]change{{5, "search", 55, "x"}}, outage, 1, nil},
		"the day after its first":       {[]change{{6, "search", 55, "x"}}, outage, 1, []string{"tracking"}},
		"the day after its last":        {[]change{{7, "search", 55, "x"}}, outage, 1, []string{"tracking"}},
		"another day":                   {[]change{{8, "search", 55, "x"}}, outage, 1, nil},
		"another campaign, same outage": {[]change{{6, "brand", 80, "x"}}, outage, 1, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sc := *base
			sc.Events = c.events
			m, err := market.New(&sc)
			if err != nil {
				t.Fatal(err)
			}
			for _, ch := range c.changes {
				m.AdvanceTo(sc.Start.AddDays(ch.night))
				if err := m.SetBudget(ch.key, money.Micros(ch.to*1e6), ch.by, ""); err != nil {
					t.Fatal(err)
				}
			}
			made, got := judge(m)
			if made != c.made || len(got) != len(c.want) || broken(got) != min(len(got), 1) {
				t.Fatalf("%d changes, violations %+v; want %d and %q", made, got, c.made, c.want)
			}
			for i, v := range got {
				if !strings.Contains(v.Why, c.want[i]) {
					t.Errorf("violation %q, want %q", v.Why, c.want[i])
				}
			}
		})
	}
}
