package present

import (
	"encoding/json"
	"fmt"
	"time"

	"adsteward/bidding"
	"adsteward/bidding/guard"
	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/platform"
	"adsteward/store"
)

// Entity names what a proposal changes.
type Entity struct {
	Type string `json:"type"`
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Proposal is the JSON shape of a proposal. Account is the account group;
// Seen, Proposed and Suggested are plain decimal numbers in Unit. ChangePct is
// null where nothing was set before, and for an item that is kept out of ads
// (Proposed 1) or let in again (0).
type Proposal struct {
	ID         string           `json:"id"`
	Run        string           `json:"run"`
	Platform   platform.Name    `json:"platform"`
	Account    string           `json:"account"`
	AdAccount  string           `json:"ad_account"`
	Currency   string           `json:"currency"`
	Entity     Entity           `json:"entity"`
	Field      platform.Field   `json:"field"`
	Seen       money.Micros     `json:"seen"`
	Proposed   money.Micros     `json:"proposed"`
	Suggested  money.Micros     `json:"suggested"` // differs from Proposed after an edit
	Unit       string           `json:"unit"`
	ChangePct  *float64         `json:"change_pct"`
	State      bidding.State    `json:"state"`
	Note       string           `json:"note"` // of the last decision or failure
	Reasons    []string         `json:"reasons"`
	Guardrails []guard.Verdict  `json:"guardrails"`
	Expected   bidding.Expected `json:"expected"`
	Evidence   bidding.Evidence `json:"evidence"`
	Alerts     []bidding.Alert  `json:"alerts"`
	Measured   json.RawMessage  `json:"measured"` // null until measured
	RollbackOf string           `json:"rollback_of"`
	Experiment string           `json:"experiment"` // whose plan asks for it; empty: none
	// Item is what the exclusion of an item rests on; left out for others.
	Item      *bidding.ItemEvidence `json:"item,omitempty"`
	CreatedAt time.Time             `json:"created_at"`
	AppliedAt *time.Time            `json:"applied_at"`
	ExpiresAt time.Time             `json:"expires_at"`
	PlanHash  string                `json:"plan_hash"`
}

// Body reads the part of a stored proposal that explains it.
func Body(p store.Proposal) (bidding.Body, error) {
	var b bidding.Body
	if err := json.Unmarshal([]byte(p.Body), &b); err != nil {
		return b, fmt.Errorf("proposal %s: its stored explanation cannot be read: %w", p.ProposalID, err)
	}
	return b, nil
}

// ProposalJSON is the shape in which a proposal leaves the program as JSON.
func ProposalJSON(p store.Proposal) (Proposal, error) {
	b, err := Body(p)
	if err != nil {
		return Proposal{}, err
	}
	out := Proposal{
		ID: p.ProposalID, Run: p.RunID, Platform: platform.Name(p.Platform), Account: p.Account, AdAccount: p.AdAccount,
		Currency: p.Currency, Entity: Entity{p.EntityType, p.EntityID, p.EntityName}, Field: platform.Field(p.Field),
		Seen: p.Seen, Proposed: p.Proposed, Suggested: p.Suggested, Unit: Unit(p.Field, p.Currency),
		State: bidding.State(p.State), Note: p.Reason, Reasons: b.Reasons, Guardrails: b.Guardrails,
		Expected: b.Expected, Evidence: b.Evidence, Alerts: b.Alerts, RollbackOf: p.RollbackOf, Experiment: b.Experiment, Item: b.Item,
		CreatedAt: p.CreatedAt.UTC(), ExpiresAt: p.ExpiresAt.UTC(), PlanHash: p.PlanHash,
	}
	if pct, ok := ChangePct(p.Seen, p.Proposed); ok && p.Field != string(platform.Excluded) {
		out.ChangePct = &pct
	}
	if p.AppliedAt.Valid {
		t := p.AppliedAt.Time.UTC()
		out.AppliedAt = &t
	}
	if p.Measured != "" {
		out.Measured = json.RawMessage(p.Measured)
	}
	if out.Reasons == nil {
		out.Reasons = []string{}
	}
	if out.Alerts == nil {
		out.Alerts = []bidding.Alert{}
	}
	if out.Guardrails == nil {
		out.Guardrails = []guard.Verdict{}
	}
	return out, nil
}

// Proposals is ProposalJSON of many; never nil, so that it marshals as an array.
func Proposals(ps []store.Proposal) ([]Proposal, error) {
	out := make([]Proposal, 0, len(ps))
	for _, p := range ps {
		j, err := ProposalJSON(p)
		if err != nil {
			return nil, err
		}
		out = append(out, j)
	}
	return out, nil
}

// Alerts reads what stored models of the kind alert hold; never nil, so that it
// marshals as an array.
func Alerts(models []store.Model) ([]bidding.Alert, error) {
	out := []bidding.Alert{}
	for _, m := range models {
		var as []bidding.Alert
		if err := json.Unmarshal([]byte(m.Body), &as); err != nil {
			return nil, fmt.Errorf("the stored alerts of run %s cannot be read: %w", m.RunID, err)
		}
		out = append(out, as...)
	}
	return out, nil
}

// StageRow is one stage of one run in the JSON of status.
type StageRow struct {
	Date       civil.Date `json:"date"`
	Account    string     `json:"account"`
	Stage      string     `json:"stage"`
	State      string     `json:"state"`
	Summary    string     `json:"summary"`
	Error      string     `json:"error"`
	StartedAt  *time.Time `json:"started_at"`
	FinishedAt *time.Time `json:"finished_at"`
}

// StageRows is the JSON shape of a run: one row a stage, or one row with an
// empty stage where it has none.
func StageRows(r store.Run, stages []store.Stage) []StageRow {
	if len(stages) == 0 {
		return []StageRow{{Date: r.Date, Account: r.Account, State: r.State, Summary: r.Reason}}
	}
	rows := make([]StageRow, len(stages))
	for i, s := range stages {
		rows[i] = StageRow{Date: r.Date, Account: r.Account, Stage: s.Stage, State: s.State, Summary: s.Summary, Error: s.Error}
		if s.StartedAt.Valid {
			t := s.StartedAt.Time.UTC()
			rows[i].StartedAt = &t
		}
		if s.FinishedAt.Valid {
			t := s.FinishedAt.Time.UTC()
			rows[i].FinishedAt = &t
		}
	}
	return rows
}
