package present

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"adsteward/bidding"
	"adsteward/internal/platform"
	"adsteward/store"
)

// Target is the JSON shape of a row of the table of targets. Low and high are the
// central 80 %. What cannot be told is null, and why says so.
type Target struct {
	Account         string              `json:"account"`
	Platform        platform.Name       `json:"platform"`
	AdAccount       string              `json:"ad_account"`
	Entity          Entity              `json:"entity"`
	Level           bidding.Level       `json:"level"`
	Currency        string              `json:"currency"`
	Margin          float64             `json:"margin"`
	MarginLow       float64             `json:"margin_low"`
	MarginHigh      float64             `json:"margin_high"`
	MarginParts     bidding.MarginParts `json:"margin_parts"` // shares of the revenue
	Lambda          float64             `json:"lambda"`
	LambdaLow       float64             `json:"lambda_low"`
	LambdaHigh      float64             `json:"lambda_high"`
	IncrementalPart float64             `json:"incremental_share"`
	IncrementalLow  float64             `json:"incremental_share_low"`
	IncrementalHigh float64             `json:"incremental_share_high"`
	Calibrated      bool                `json:"calibrated"`
	Elasticity      *float64            `json:"elasticity"`
	ElasticityLow   *float64            `json:"elasticity_low"`
	ElasticityHigh  *float64            `json:"elasticity_high"`
	K               float64             `json:"k"`
	KLow            float64             `json:"k_low"`
	KHigh           float64             `json:"k_high"`
	BreakEven       *float64            `json:"break_even"`
	BreakEvenLow    *float64            `json:"break_even_low"`
	BreakEvenHigh   *float64            `json:"break_even_high"`
	Target          *float64            `json:"target"`
	TargetLow       *float64            `json:"target_low"`
	TargetHigh      *float64            `json:"target_high"`
	ShadowPrice     float64             `json:"shadow_price"`
	CurrentTarget   *float64            `json:"current_target"`
	ROAS            *float64            `json:"roas"`
	NextEuro        *float64            `json:"next_euro"`
	NextEuroLow     *float64            `json:"next_euro_low"`
	NextEuroHigh    *float64            `json:"next_euro_high"`
	LimitedBy       string              `json:"limited_by"`
	Why             []string            `json:"why"`
}

// ReadTargets decodes the rows of a night, the entities that spend most first and
// the campaigns under a budget after it.
func ReadTargets(models []store.Model) ([]bidding.Target, error) {
	rows := make([]bidding.Target, len(models))
	for i, m := range models {
		if err := json.Unmarshal([]byte(m.Body), &rows[i]); err != nil {
			return nil, fmt.Errorf("the stored target of %q cannot be read: %w", m.Key, err)
		}
	}
	spend := map[string]float64{}
	for _, r := range rows {
		spend[r.Key.String()] = r.Spend
	}
	// A row stands with the budget it is under.
	group := func(r bidding.Target) string { return cmp.Or(r.Under, r.Key.String()) }
	slices.SortStableFunc(rows, func(a, b bidding.Target) int {
		ga, gb := group(a), group(b)
		return cmp.Or(cmp.Compare(spend[gb], spend[ga]), cmp.Compare(ga, gb), cmp.Compare(a.Under, b.Under), cmp.Compare(b.Spend, a.Spend))
	})
	return rows, nil
}

// TargetsJSON is the JSON shape of an account's rows, those of new and returning
// customers after their campaign's; never nil.
func TargetsJSON(account string, rows []bidding.Target) []Target {
	out := make([]Target, 0, len(rows))
	for _, r := range rows {
		t := Target{Account: account, Platform: r.Platform, AdAccount: r.AdAccount, Entity: Entity{string(r.Type), r.ID, r.Name}, Level: r.Level,
			Currency: r.Currency, Margin: r.Margin.Value, MarginLow: r.Margin.Low, MarginHigh: r.Margin.High, MarginParts: r.Parts,
			IncrementalPart: r.Incremental.Value, IncrementalLow: r.Incremental.Low, IncrementalHigh: r.Incremental.High, Calibrated: r.Calibrated,
			ShadowPrice: r.ShadowPrice, CurrentTarget: some(r.Current), ROAS: some(r.ROAS), LimitedBy: r.LimitedBy, Why: r.Why}
		t.Elasticity, t.ElasticityLow, t.ElasticityHigh = apart(r.Elasticity)
		t.setWorth(r.Worthwhile)
		customers := t // before what only the whole has
		t.NextEuro, t.NextEuroLow, t.NextEuroHigh = apart(r.NextEuro)
		out = append(out, t)
		for _, c := range r.Customers {
			t := customers
			t.Level, t.CurrentTarget, t.ROAS, t.Why = c.Level, nil, nil, []string{c.Why}
			t.setWorth(c.Worthwhile)
			out = append(out, t)
		}
	}
	return out
}

func (t *Target) setWorth(w bidding.Worthwhile) {
	t.Lambda, t.LambdaLow, t.LambdaHigh = w.Lifetime.Value, w.Lifetime.Low, w.Lifetime.High
	t.K, t.KLow, t.KHigh = w.K.Value, w.K.Low, w.K.High
	t.BreakEven, t.BreakEvenLow, t.BreakEvenHigh = apart(w.BreakEven)
	t.Target, t.TargetLow, t.TargetHigh = apart(w.Target)
}

func apart(e *bidding.Estimate) (value, low, high *float64) {
	if e == nil {
		return nil, nil, nil
	}
	return &e.Value, &e.Low, &e.High
}

func some(v float64) *float64 {
	if v == 0 {
		return nil
	}
	return &v
}

// LevelName is what people call what a row of the table of targets is of.
func LevelName(l bidding.Level) string { return Words(string(l)) }
