package present

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"adsteward/attribution"
	"adsteward/attribution/lift"
	"adsteward/internal/civil"
	"adsteward/store"
)

// Experiment is an experiment as JSON and pages show it.
type Experiment struct {
	ID         string                          `json:"id"`
	Account    string                          `json:"account"`
	Kind       string                          `json:"kind"`
	Name       string                          `json:"name"`
	State      string                          `json:"state"`
	Reason     string                          `json:"reason"`
	Starts     civil.Date                      `json:"starts"`
	Ends       civil.Date                      `json:"ends"`
	PlanHash   string                          `json:"plan_hash"`
	CreatedBy  string                          `json:"created_by"`
	CreatedAt  time.Time                       `json:"created_at"`
	ApprovedBy string                          `json:"approved_by"`
	StartedAt  *time.Time                      `json:"started_at"`
	EndedAt    *time.Time                      `json:"ended_at"`
	ToRestore  bool                            `json:"to_restore"` // a budget it has turned down is yet to be put back
	Plan       attribution.ExperimentPlan      `json:"plan"`
	Schedule   []lift.Block                    `json:"schedule"` // of a switchback
	Forecast   *attribution.ExperimentForecast `json:"forecast"`
	Look       *attribution.ExperimentLook     `json:"look"` // null before the first
}

// ExperimentOf decodes a stored experiment.
func ExperimentOf(e store.Experiment) (Experiment, error) {
	out := Experiment{ID: e.ExperimentID, Account: e.Account, Kind: e.Kind, Name: e.Name, State: e.State, Reason: e.Reason, Starts: e.Starts, Ends: e.Ends,
		PlanHash: e.PlanHash, CreatedBy: e.CreatedBy, CreatedAt: e.CreatedAt, ApprovedBy: e.ApprovedBy, ToRestore: e.ToRestore, Schedule: []lift.Block{}}
	if e.StartedAt.Valid {
		out.StartedAt = &e.StartedAt.Time
	}
	if e.EndedAt.Valid {
		out.EndedAt = &e.EndedAt.Time
	}
	for what, part := range map[string]struct {
		body string
		into any
	}{"plan": {e.Plan, &out.Plan}, "forecast": {e.Forecast, &out.Forecast}, "newest look": {e.Watched, &out.Look}} {
		if part.body == "" {
			continue
		}
		if err := json.Unmarshal([]byte(part.body), part.into); err != nil {
			return out, fmt.Errorf("the stored %s of experiment %s cannot be read: %w", what, e.ExperimentID, err)
		}
	}
	if s, err := out.Plan.Schedule(); err == nil && len(s.Blocks) > 0 {
		out.Schedule = s.Blocks
	}
	return out, nil
}

// IotaEntry is what an experiment found of a campaign's incremental share, as it
// counts today.
type IotaEntry struct {
	Account      string     `json:"account"`
	Campaign     string     `json:"campaign"`
	CampaignName string     `json:"campaign_name"`
	Experiment   string     `json:"experiment"`
	Value        float64    `json:"value"`
	SD           float64    `json:"sd"` // at the experiment's end
	Low          float64    `json:"low"`
	High         float64    `json:"high"`
	Level        float64    `json:"level"`
	Ended        civil.Date `json:"ended"`
	AgeDays      int        `json:"age_days"`
	SDToday      float64    `json:"sd_today"` // with what may have changed since
	Method       string     `json:"method"`
}

// z90 is the standard normal quantile at 0.95: the central 90 % lie within so many
// standard deviations.
const z90 = 1.6448536269514722

// IotaLedger shows the ledger on a date; names are campaigns' by their key.
func IotaLedger(rows []store.IotaEntry, names map[string]string, today civil.Date) []IotaEntry {
	out := make([]IotaEntry, 0, len(rows))
	for _, r := range rows {
		e := IotaEntry{Account: r.Account, Campaign: r.Campaign, CampaignName: names[r.Campaign], Experiment: r.ExperimentID, Value: r.Value, SD: r.SD,
			Low: r.Value - z90*r.SD, High: r.Value + z90*r.SD, Level: attribution.ExperimentLevel, Ended: r.Ended, AgeDays: max(today.Sub(r.Ended), 0), Method: r.Method}
		if e.CampaignName == "" {
			e.CampaignName = r.Campaign
		}
		e.SDToday = math.Sqrt(r.SD*r.SD + lift.Drift*lift.Drift*float64(e.AgeDays)/365)
		out = append(out, e)
	}
	return out
}

// NamesOfCampaigns are the names of campaigns, by the key orders and worths know them by.
func NamesOfCampaigns(entities []store.Entity) map[string]string {
	out := map[string]string{}
	for _, e := range entities {
		if e.EntityType == "campaign" {
			out[attribution.CampaignKey(e.Platform, e.EntityID)] = e.Name
		}
	}
	return out
}

// Share writes an incremental share with its interval: "62 % (40 to 85)".
func Share(e *lift.Estimate) string {
	if e == nil {
		return None
	}
	return fmt.Sprintf("%s (%s to %s)", Percent(e.Value), decimals(100*e.Low, 0), decimals(100*e.High, 0))
}

// Cost says what an experiment costs by its forecast.
func Cost(f *attribution.ExperimentForecast) string {
	switch {
	case f == nil || f.Cost == nil:
		return "not known yet"
	case *f.Cost < 0:
		return fmt.Sprintf("nothing: it saves %s %s (%s)", Amount(-*f.Cost, f.Currency), f.Currency, Interval(-f.CostHigh, -f.CostLow, f.Currency))
	}
	return fmt.Sprintf("%s %s of profit (%s)", Amount(*f.Cost, f.Currency), f.Currency, Interval(f.CostLow, f.CostHigh, f.Currency))
}

// Detects says what an experiment can tell by its forecast.
func Detects(f *attribution.ExperimentForecast) string {
	if f == nil || f.Detectable == nil {
		return "not known yet"
	}
	return fmt.Sprintf("a share of %s or more from nothing, in %s of cases; the share itself to within ± %s points", Percent(*f.Detectable), Percent(f.Power), decimals(100*f.Within, 0))
}

// WriteGeoSheet writes what is to be done by hand for a geo experiment: a row for
// each campaign and region.
func WriteGeoSheet(w *csv.Writer, x Experiment, names map[string]string) error {
	rows := [][]string{{"platform", "campaign_id", "campaign", "region", "action", "from", "to"}}
	add := func(regions []string, action string) {
		for _, c := range x.Plan.Campaigns {
			p, id, _ := strings.Cut(c, ":")
			for _, r := range regions {
				rows = append(rows, []string{p, id, names[c], r, action, x.Starts.String(), x.Ends.String()})
			}
		}
	}
	if g := x.Plan.Geo; g != nil {
		add(g.Held, "exclude")
		add(g.Treated, "keep")
	}
	return w.WriteAll(rows) // flushes
}
