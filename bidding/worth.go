package bidding

// Worth is what one unit of platform-reported revenue of a campaign is worth in
// contribution margin: k = Margin * LTVMultiple * IncrementalShare (DESIGN: What
// a sale is worth). LTVMultiple is blended over customers: 1 - NewShare +
// NewShare * lambda, as a returning customer counts once.
type Worth struct {
	Margin           float64 `json:"margin"` // contribution margin rate of the revenue
	NewShare         float64 `json:"new_share"`
	Lambda           float64 `json:"lambda"` // lifetime over first-order margin of a new customer
	LTVMultiple      float64 `json:"ltv_multiple"`
	IncrementalShare float64 `json:"incremental_share"` // iota
	Calibrated       bool    `json:"calibrated"`        // iota is from a lift experiment
	// RelSD is the standard error of k as a share of it.
	RelSD float64 `json:"rel_sd"`
	// Orders is how many shop orders of the campaign the figures rest on, and
	// AverageOrder their mean revenue; 0 where there are none.
	Orders       int     `json:"orders"`
	AverageOrder float64 `json:"average_order"`
	// Sources says where margin, lifetime and incremental share come from, one
	// sentence each.
	Sources []string `json:"sources"`
}

// K is what one reported unit of revenue is worth.
func (w Worth) K() float64 { return w.Margin * w.LTVMultiple * w.IncrementalShare }
