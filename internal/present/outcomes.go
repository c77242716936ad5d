package present

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"adsteward/bidding"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/store"
)

// Outcome is the JSON shape of one measured change.
type Outcome struct {
	ID        string         `json:"id"`
	Platform  platform.Name  `json:"platform"`
	AdAccount string         `json:"ad_account"`
	Entity    Entity         `json:"entity"`
	Field     platform.Field `json:"field"`
	Seen      money.Micros   `json:"seen"`
	Proposed  money.Micros   `json:"proposed"`
	Unit      string         `json:"unit"`
	AppliedAt time.Time      `json:"applied_at"`
	bidding.Outturn
	Meaning string `json:"meaning"` // the verdict in a sentence
}

// Outcomes is the JSON shape of how an account's promises in one currency were
// kept. Amounts are a day.
type Outcomes struct {
	Account    string                `json:"account"`
	Currency   string                `json:"currency"`
	Meaning    string                `json:"meaning"` // all of it in plain words
	All        bidding.Calibration   `json:"all"`
	ByPlatform []bidding.Calibration `json:"by_platform"`
	ByField    []bidding.Calibration `json:"by_field"`
	ByMonth    []bidding.Calibration `json:"by_month"`
	Changes    []Outcome             `json:"changes"` // the newest first
}

// OutcomesOf sums up an account's measured proposals, currency by currency in
// the order they are met. Without any it has nothing to return.
func OutcomesOf(account string, rows []store.Proposal) ([]Outcomes, error) {
	var out []Outcomes
	lists := map[string][]bidding.Followed{}
	at := map[string]int{}
	for _, p := range rows {
		if p.Measured == "" {
			continue
		}
		o := Outcome{ID: p.ProposalID, Platform: platform.Name(p.Platform), AdAccount: p.AdAccount, Entity: Entity{p.EntityType, p.EntityID, p.EntityName},
			Field: platform.Field(p.Field), Seen: p.Seen, Proposed: p.Proposed, Unit: Unit(p.Field, p.Currency), AppliedAt: p.AppliedAt.Time.UTC()}
		if err := json.Unmarshal([]byte(p.Measured), &o.Outturn); err != nil {
			return nil, fmt.Errorf("the stored outcome of proposal %s cannot be read: %w", p.ProposalID, err)
		}
		o.Meaning = o.Explain(p.Currency)
		i, ok := at[p.Currency]
		if !ok {
			i = len(out)
			at[p.Currency] = i
			out = append(out, Outcomes{Account: account, Currency: p.Currency})
		}
		out[i].Changes = append(out[i].Changes, o)
		lists[p.Currency] = append(lists[p.Currency], bidding.Followed{Outturn: o.Outturn, Platform: p.Platform, Field: p.Field, Month: o.From.String()[:7]})
	}
	for i := range out {
		o, list := &out[i], lists[out[i].Currency]
		o.All = bidding.Calibrate("", list)
		o.ByPlatform = bidding.CalibrateBy(list, func(f bidding.Followed) string { return f.Platform })
		o.ByField = bidding.CalibrateBy(list, func(f bidding.Followed) string { return f.Field })
		o.ByMonth = bidding.CalibrateBy(list, func(f bidding.Followed) string { return f.Month })
		o.Meaning = o.explain()
	}
	return out, nil
}

// explain adds to the whole's words the platforms that stand out.
func (o *Outcomes) explain() string {
	s := o.All.Explain()
	if len(o.ByPlatform) < 2 {
		return s
	}
	for _, c := range o.ByPlatform {
		share, ok := c.BiasShare()
		if !ok || !c.Biased() {
			continue
		}
		how := "little"
		if share < 0 {
			how = "much"
		}
		s += fmt.Sprintf(" On %s it promised %s too %s.", PlatformName(c.Name), strings.TrimPrefix(Percent(share), minus), how)
	}
	return s
}

// VerdictName is a verdict as people say it.
func VerdictName(v bidding.Verdict) string {
	switch v {
	case bidding.Gain:
		return "Paid"
	case bidding.Loss:
		return "Lost money"
	case bidding.Undecided:
		return "Cannot be told"
	}
	return "Not judged"
}
