package market

// adType is what the market knows of a type of campaign beyond the scenario.
type adType struct {
	impressionsPerClick float64
	// r, a and b of the BG/NBD process by which its new customers buy again.
	r, a, b float64
	// searched: its platform tells the share of the impressions it could have had.
	searched bool
}

// adTypes lists the types a scenario may use.
var adTypes = map[string]adType{
	"brand":       {4, 1.1, 1.3, 4.0, true},
	"search":      {16, 0.9, 1.4, 3.6, true},
	"shopping":    {70, 0.8, 1.5, 3.4, true},
	"pmax":        {55, 0.8, 1.5, 3.2, false},
	"prospecting": {90, 0.7, 1.7, 3.0, false},
	"retargeting": {60, 1.0, 1.3, 3.8, false},
}
