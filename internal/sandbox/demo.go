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
	for i := range sc.Events {
		sc.Events[i].Date = start.AddDays(sc.Events[i].Date.Sub(sc.Start))
	}
	sc.Start, sc.Nights = start, nights
	return sc, nil
}
