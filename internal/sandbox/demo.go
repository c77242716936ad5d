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
// too little or too much budget. What happens in it is moved in time to a beginning on
// start; nights begin so many days in the past before that.
func DemoScenario(start civil.Date, nights, past int) (*market.Scenario, error) {
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
	sc.Start, sc.Nights = start.AddDays(-past), past+nights
	return sc, nil
}
