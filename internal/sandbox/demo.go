package sandbox

import (
	"bytes"
	_ "embed"

	"adsteward/internal/civil"
	"adsteward/internal/sandbox/market"
)

//go:embed demo.json
var demoJSON []byte

// DemoScenario is a sports shop with twelve campaigns, some of them with clearly
// too little or too much budget, moved in time to begin on start.
func DemoScenario(start civil.Date, nights int) (*market.Scenario, error) {
	sc, err := market.ReadScenario(bytes.NewReader(demoJSON))
	if err != nil {
		return nil, err
	}
	move := func(d *civil.Date) { *d = start.AddDays(d.Sub(sc.Start)) }
	for i := range sc.Events {
		move(&sc.Events[i].Date)
	}
	for _, c := range sc.Campaigns {
		for i := range c.Ads {
			if !c.Ads[i].WearsFrom.IsZero() {
				move(&c.Ads[i].WearsFrom)
			}
		}
	}
	sc.Start, sc.Nights = start, nights
	return sc, nil
}
