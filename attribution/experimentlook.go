package attribution

import (
	"fmt"
	"slices"

	"adsteward/attribution/lift"
	"adsteward/internal/civil"
	"adsteward/internal/money"
)

// ExperimentRequest is what a person asks for; zero values take defaults.
type ExperimentRequest struct {
	Account  string
	Kind     ExperimentKind
	Name     string       // "": made of the kind and the campaign
	Campaign string       // id or name
	Start    civil.Date   // zero: tomorrow
	Days     int          // 0: 70 for a switchback, 28 for others
	Block    int          // days of a switchback's blocks; 0: 7
	Off      money.Micros // a switchback's low budget; 0: a tenth of the present one
	Share    float64      // of a holdout; 0: a tenth
	List     string       // of a holdout; "": cart_abandoners
	Held     []string     // regions of a geo experiment that are left out
	Seed     uint64       // 0: by chance
}

// ExperimentDraft is a plan before it is stored, with what is expected of it.
type ExperimentDraft struct {
	Plan     ExperimentPlan
	Forecast ExperimentForecast
}

// ExperimentForecast is what an experiment is expected to cost and able to detect, reckoned
// before it starts from what the newest night knows.
type ExperimentForecast struct {
	Currency string `json:"currency"`
	// Cost is the profit given up over the whole plan, with its central 80 %; below
	// zero where what is withheld loses money. Nil where nothing is known.
	Cost     *float64 `json:"cost"`
	CostLow  float64  `json:"cost_low"`
	CostHigh float64  `json:"cost_high"`
	// SD is the standard error the incremental share will have, and Detectable the
	// least share that is told from nothing; nil where nothing is known.
	SD         *float64 `json:"sd"`
	Detectable *float64 `json:"detectable"`
	Within     float64  `json:"within"` // how far the interval of the share will reach to either side
	Level      float64  `json:"level"`
	Power      float64  `json:"power"`
	Notes      []string `json:"notes"`
}

// ExperimentLook is what an experiment shows up to a date.
type ExperimentLook struct {
	Date     civil.Date `json:"date"` // of the night that looked
	Last     civil.Date `json:"last"` // newest day that counts
	DaysDone int        `json:"days_done"`
	DaysLeft int        `json:"days_left"`
	// Mature says that the sales of the last day have come in.
	Mature bool `json:"mature"`
	// Iota is the incremental share, as far as it shows; its interval is right for
	// one look, that of AlwaysValid for any number of them. Nil: see Problem.
	Iota        *lift.Estimate    `json:"iota"`
	AlwaysValid *lift.Estimate    `json:"always_valid"`
	Lift        *lift.Estimate    `json:"lift"`    // revenue caused so far
	Claimed     float64           `json:"claimed"` // what the platform reports of the same
	Days        []lift.Day        `json:"days"`
	Checks      []ExperimentCheck `json:"checks"`
	Warnings    []string          `json:"warnings"`
	Problem     string            `json:"problem,omitempty"` // why nothing can be said yet
}

// ExperimentCheck is one thing that must hold for a result to be believed.
type ExperimentCheck struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// Found reports whether there is a result: a share, or of a policy test a profit.
func (l *ExperimentLook) Found() bool { return l.Iota != nil || l.Lift != nil && l.Problem == "" }

// Result says what was found in one sentence.
func (l *ExperimentLook) Result() string {
	switch {
	case l.Iota != nil:
		return fmt.Sprintf("incremental share %.0f %% (%.0f to %.0f at %.0f %%)", 100*l.Iota.Value, 100*l.Iota.Low, 100*l.Iota.High, 100*l.Iota.Level)
	case l.Found():
		return fmt.Sprintf("%+.2f of profit by steering (%+.2f to %+.2f at %.0f %%)", l.Lift.Value, l.Lift.Low, l.Lift.High, 100*l.Lift.Level)
	}
	return l.Problem
}

// Sound reports whether every check holds.
func (l *ExperimentLook) Sound() bool {
	return !slices.ContainsFunc(l.Checks, func(c ExperimentCheck) bool { return !c.OK })
}

// Doubt says why the result is not to be believed yet; empty: it is.
func (l *ExperimentLook) Doubt() string {
	for _, c := range l.Checks {
		if !c.OK {
			return "a check does not hold: " + c.Detail
		}
	}
	if l.Mature {
		return ""
	}
	return fmt.Sprintf("sales of its last days, up to %s, still come in", l.Last)
}
