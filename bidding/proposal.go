// Package bidding decides what to change, by how much and why. Its parts:
// response (spend to value curves), allocate (the optimum over many curves),
// guard (guardrails) and ltv (what a customer is worth). This package itself
// joins them into proposals (Plan) and holds what a proposal is and which
// states it may pass through. Data in, decisions out: no SQL, no HTTP, no
// platform client and no clock live here.
package bidding

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"adsteward/bidding/guard"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// Expected is what a proposal promises for the changed entity: the mean
// daily profit (incremental contribution margin over the customers' lifetime
// less spend) over the 14 days after the change, and how much of it the change
// brings compared with leaving the value as it is. Low and High bound the
// central interval that holds Level of the posterior. Units: the ad account's
// currency a day.
type Expected struct {
	ProfitPerDay float64 `json:"profit_per_day"`
	Low          float64 `json:"low"`
	High         float64 `json:"high"`
	GainPerDay   float64 `json:"gain_per_day"`
	GainLow      float64 `json:"gain_low"`
	GainHigh     float64 `json:"gain_high"`
	Level        float64 `json:"level"` // 0.8
}

// Evidence is what a proposal was derived from. Spend, value and conversions
// are totals of the window, value lag-corrected and as the platform reports it.
// A value rule rests on all orders up to the window's day, and has LTVMultiple
// alone.
type Evidence struct {
	WindowStart      civil.Date `json:"window_start"`
	WindowEnd        civil.Date `json:"window_end"`
	Spend            float64    `json:"spend"`
	Value            float64    `json:"value"`
	Conversions      float64    `json:"conversions"`
	K                float64    `json:"k"` // Margin * LTVMultiple * IncrementalShare
	Margin           float64    `json:"margin"`
	LTVMultiple      float64    `json:"ltv_multiple"`
	IncrementalShare float64    `json:"incremental_share"`
	Calibrated       bool       `json:"calibrated"` // false: incremental share is not from an experiment
	Elasticity       float64    `json:"elasticity"`
	ElasticityLow    float64    `json:"elasticity_low"`
	ElasticityHigh   float64    `json:"elasticity_high"`
	BreakEvenROAS    float64    `json:"break_even_roas"`
	ShadowPrice      float64    `json:"shadow_price"`
}

// Body is the part of a proposal that explains it.
type Body struct {
	Reasons    []string        `json:"reasons"`
	Guardrails []guard.Verdict `json:"guardrails"`
	Expected   Expected        `json:"expected"`
	Evidence   Evidence        `json:"evidence"`
	// Alerts are what is wrong with what the change steers: a cut may be right
	// all the same.
	Alerts []Alert `json:"alerts,omitempty"`
	// Experiment is the experiment whose plan asks for the change; empty: none.
	Experiment string `json:"experiment,omitempty"`
	// Planned is the value that was proposed before somebody edited it; nil where
	// nobody has.
	Planned *money.Micros `json:"planned,omitempty"`
	// Item is what the exclusion of an item, or its end, rests on; nil for others.
	Item *ItemEvidence `json:"item,omitempty"`
}

// Verdict says in a word how a change turned out.
type Verdict string

const (
	Gain      Verdict = "gain"      // it credibly earned more than leaving the value alone
	Loss      Verdict = "loss"      // it credibly earned less, by enough to matter
	Undecided Verdict = "undecided" // it may be either
	Unjudged  Verdict = "unjudged"  // there is too little to go by
)

// Outturn is what became of an applied change over the days after it, at the
// worth the proposal assumed; see Meter.Measure. Units: the ad account's
// currency a day; every Low and High bound a central 80 %.
type Outturn struct {
	From    civil.Date `json:"from"`
	To      civil.Date `json:"to"`
	Days    int        `json:"days"`               // that count
	LeftOut []string   `json:"left_out,omitempty"` // why the others do not
	// ProfitPerDay came, at Spend; Promised is the proposal's expectation, Low and
	// High bound what it promised to be seen on so many days, the luck of single
	// orders in it, and PIT is the quantile of that promise that came (0 to 1).
	ProfitPerDay float64 `json:"profit_per_day"`
	Spend        float64 `json:"spend"`
	Promised     float64 `json:"promised"`
	Low          float64 `json:"low"`
	High         float64 `json:"high"`
	Inside       bool    `json:"inside"`
	PIT          float64 `json:"pit"`
	// Unchanged is what the proposal expected of leaving the value as it was,
	// Counterfactual what leaving it would have earned on the days as they were.
	Unchanged          float64 `json:"unchanged"`
	Counterfactual     float64 `json:"counterfactual"`
	CounterfactualLow  float64 `json:"counterfactual_low"`
	CounterfactualHigh float64 `json:"counterfactual_high"`
	// Demand is how many times better than usual the days were for the other
	// units, so many of them.
	Demand   float64 `json:"demand"`
	DemandSD float64 `json:"demand_sd"`
	Others   int     `json:"others"`
	// Gain is the difference to the counterfactual by these days alone, Believed
	// together with what was known of the change before.
	Gain             float64 `json:"gain"`
	GainLow          float64 `json:"gain_low"`
	GainHigh         float64 `json:"gain_high"`
	PromisedGain     float64 `json:"promised_gain"`
	PromisedGainLow  float64 `json:"promised_gain_low"`
	PromisedGainHigh float64 `json:"promised_gain_high"`
	Believed         float64 `json:"believed"`
	BelievedLow      float64 `json:"believed_low"`
	BelievedHigh     float64 `json:"believed_high"`
	LossProbability  float64 `json:"loss_probability"`
	Verdict          Verdict `json:"verdict"`
	Why              string  `json:"why,omitempty"`         // it is not judged, or not rolled back
	RolledBack       string  `json:"rolled_back,omitempty"` // the proposal that would put it back
}

// Draft is one proposed change before it is stored.
type Draft struct {
	Platform  platform.Name
	AdAccount string
	Currency  string
	Entity    platform.Ref
	Name      string
	Field     platform.Field
	Seen      money.Micros
	Proposed  money.Micros
	Body
}

// PlanHash is what an approval binds to: the hash of the change set, the exact
// change, the value seen and the expiry. Any difference gives another hash.
func PlanHash(changeSetHash string, p platform.Name, adAccount string, c platform.Change, expires time.Time) string {
	return digest(changeSetHash, string(p), adAccount, string(c.Entity.Type), c.Entity.ID, string(c.Field),
		fmt.Sprint(int64(c.Seen)), fmt.Sprint(int64(c.Value)), expires.UTC().Format(time.RFC3339))
}

// ChangeSetHash identifies what one run proposed: every change of the set, in order.
func ChangeSetHash(runID string, drafts []Draft) string {
	parts := []string{runID}
	for _, d := range drafts {
		parts = append(parts, string(d.Platform), d.AdAccount, string(d.Entity.Type), d.Entity.ID, string(d.Field),
			fmt.Sprint(int64(d.Seen)), fmt.Sprint(int64(d.Proposed)))
	}
	return digest(parts...)
}

func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p) // length first, so that no two lists of parts read alike
	}
	return hex.EncodeToString(h.Sum(nil))
}
