package attribution

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"adsteward/attribution/lift"
	"adsteward/audiences"
	"adsteward/internal/civil"
	"adsteward/internal/money"
)

// ExperimentKind says what an experiment withholds, and from whom.
type ExperimentKind string

const (
	// Switchback turns a campaign down and up again by blocks of days.
	Switchback ExperimentKind = "switchback"
	// Holdout keeps a share of the people off an audience list.
	Holdout ExperimentKind = "holdout"
	// Geo leaves a campaign out of some regions.
	Geo ExperimentKind = "geo"
	// PolicyTest lets the program steer some campaigns and leaves others as they
	// are: it measures the program, not a campaign.
	PolicyTest ExperimentKind = "policy"
)

// ExperimentKinds lists them.
var ExperimentKinds = []ExperimentKind{Switchback, Holdout, Geo, PolicyTest}

// ExperimentState is where an experiment stands.
type ExperimentState string

const (
	ExperimentPlanned   ExperimentState = "planned"
	ExperimentRunning   ExperimentState = "running"
	ExperimentEnded     ExperimentState = "ended"     // nothing is withheld any more; late sales still come in
	ExperimentConcluded ExperimentState = "concluded" // its result is in the ledger
	ExperimentCancelled ExperimentState = "cancelled" // without a result
)

// ExperimentStates lists every state in the order of an experiment's life.
var ExperimentStates = []ExperimentState{ExperimentPlanned, ExperimentRunning, ExperimentEnded, ExperimentConcluded, ExperimentCancelled}

var nextExperimentState = map[ExperimentState][]ExperimentState{
	ExperimentPlanned: {ExperimentRunning, ExperimentCancelled},
	ExperimentRunning: {ExperimentEnded, ExperimentCancelled},
	ExperimentEnded:   {ExperimentConcluded, ExperimentCancelled},
}

// MoveExperiment returns nil if the step is allowed, else an error that says
// which are.
func MoveExperiment(from, to ExperimentState) error {
	next := nextExperimentState[from]
	switch {
	case slices.Contains(next, to):
		return nil
	case len(next) == 0:
		return fmt.Errorf("the experiment is %s, and that is final", from)
	}
	return fmt.Errorf("the experiment is %s; from there it can only become %v, not %s", from, next, to)
}

// Arm is what a unit of an experiment gets.
type Arm string

const (
	Treated Arm = "treated" // advertised to as ever
	Held    Arm = "held"    // not
)

// ExperimentPlan is what a person says yes to by starting an experiment: all
// that will be changed or withheld, and when. Exactly one of the parts that
// belong to a kind is set.
type ExperimentPlan struct {
	Kind ExperimentKind `json:"kind"`
	Name string         `json:"name"`
	// Campaigns are those whose incremental share is measured, in CampaignKey's form;
	// none in a policy test.
	Campaigns []string `json:"campaigns"`
	// Protects are the entities nobody else is to change meanwhile, as
	// platform/ad account/type/id.
	Protects []string   `json:"protects"`
	Start    civil.Date `json:"start"`
	Days     int        `json:"days"`
	Seed     uint64     `json:"seed"` // of the random assignment

	Switchback *SwitchbackPlan `json:"switchback,omitempty"`
	Holdout    *HoldoutPlan    `json:"holdout,omitempty"`
	Geo        *GeoPlan        `json:"geo,omitempty"`
	Policy     *PolicyPlan     `json:"policy,omitempty"`
}

// SwitchbackPlan moves one daily budget between two values. Off need not be
// nothing: what is measured is a ratio of two differences.
type SwitchbackPlan struct {
	Platform   string       `json:"platform"`
	AdAccount  string       `json:"ad_account"`
	EntityType string       `json:"entity_type"` // of what owns the budget
	EntityID   string       `json:"entity_id"`
	EntityName string       `json:"entity_name"`
	Currency   string       `json:"currency"`
	On         money.Micros `json:"on"` // a day, and what it is at the end again
	Off        money.Micros `json:"off"`
	BlockDays  int          `json:"block_days"`
	Washout    int          `json:"washout_days"` // of each block, not counted
}

// HoldoutPlan keeps Share of those who would be on a list off it.
type HoldoutPlan struct {
	List  string  `json:"list"` // cart_abandoners or high_ltv
	Share float64 `json:"share"`
}

// GeoPlan names regions as the shop's orders do, by country. Held ones are to be
// excluded from the campaigns by hand.
type GeoPlan struct {
	Held    []string `json:"held"`
	Treated []string `json:"treated"`
}

// PolicyPlan parts the units of control into those the program steers and those it
// leaves as they are.
type PolicyPlan struct {
	Treated []PolicyUnit `json:"treated"`
	Held    []PolicyUnit `json:"held"`
}

// PolicyUnit is a budget with its campaigns, and what a unit of their reported
// revenue is worth, for both arms as it was when the test was planned.
type PolicyUnit struct {
	Key       string   `json:"key"` // as in ExperimentPlan.Protects
	Name      string   `json:"name"`
	Campaigns []string `json:"campaigns"` // in CampaignKey's form
	K         float64  `json:"k"`
}

// DrawPolicy parts units, given in the order of their size, into two arms: of each
// two neighbours chance takes one for either, so that the arms are alike.
func DrawPolicy(units []PolicyUnit, seed uint64) *PolicyPlan {
	rng := rand.New(rand.NewPCG(seed, 0x706f6c696379))
	p := &PolicyPlan{}
	for pair := range slices.Chunk(units, 2) {
		first := rng.IntN(2)
		for i, u := range pair {
			if i == first {
				p.Treated = append(p.Treated, u)
			} else {
				p.Held = append(p.Held, u)
			}
		}
	}
	return p
}

const (
	leastBlocks, mostDays = 4, 366
	mostName              = 80
)

// End is the last day of the plan.
func (p *ExperimentPlan) End() civil.Date { return p.Start.AddDays(p.Days - 1) }

// Hash identifies the plan: any difference gives another.
func (p *ExperimentPlan) Hash() string {
	b, err := json.Marshal(p)
	if err != nil {
		return "" // strings, integers and a share that Validate has seen always marshal
	}
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// Validate returns one clear error for each thing that is wrong, joined.
func (p *ExperimentPlan) Validate() error {
	var errs []error
	need := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	need(p.Name != "" && len([]rune(p.Name)) <= mostName, "the experiment needs a name of at most %d letters", mostName)
	need(len(p.Campaigns) > 0 || p.Kind == PolicyTest, "the experiment needs a campaign whose share it measures")
	need(!p.Start.IsZero(), "the experiment needs a first day")
	need(p.Days >= 1 && p.Days <= mostDays, "days is %d; it must be between 1 and %d", p.Days, mostDays)
	switch s, h, g := p.Switchback, p.Holdout, p.Geo; {
	case p.Kind == PolicyTest && p.Policy != nil && s == nil && h == nil && g == nil:
		need(len(p.Policy.Treated) >= 2 && len(p.Policy.Held) >= 2, "%d campaigns would be steered and %d left alone; each side needs two at least", len(p.Policy.Treated), len(p.Policy.Held))
		need(p.Days >= 28, "days is %d; changes need at least 28 to show", p.Days)
	case p.Policy != nil:
		need(false, "kind %q has a policy part that belongs to another", p.Kind)
	case p.Kind == Switchback && s != nil && h == nil && g == nil:
		need(s.On > 0 && s.Off > 0 && s.Off < s.On, "the budget turned down (%s) must be above 0 and below the present one (%s)", s.Off.Decimal(), s.On.Decimal())
		_, err := p.Schedule()
		need(err == nil, "%v", err)
		need(s.BlockDays < 1 || p.Days/s.BlockDays >= leastBlocks, "days is %d; it must hold at least %d blocks", p.Days, leastBlocks)
	case p.Kind == Holdout && h != nil && s == nil && g == nil:
		need(h.List == audiences.ListCartAbandoners || h.List == audiences.ListHighLTV, "list %q is neither %s nor %s", h.List, audiences.ListCartAbandoners, audiences.ListHighLTV)
		need(h.Share >= 0.01 && h.Share <= 0.5, "share is %g; it must be between 0.01 and 0.5", h.Share)
		need(p.Days >= 14, "days is %d; people need at least 14 to order or not", p.Days)
	case p.Kind == Geo && g != nil && s == nil && h == nil:
		need(len(g.Held) > 0 && len(g.Treated) > 0, "the experiment needs at least one region on each side")
		for _, r := range g.Held {
			need(r != "" && !slices.Contains(g.Treated, r), "region %q is on both sides", r)
		}
		need(p.Days >= 14, "days is %d; regions need at least 14", p.Days)
	default:
		need(false, "kind %q is none of %v, or its part is missing", p.Kind, ExperimentKinds)
	}
	return errors.Join(errs...)
}

// Schedule is the plan of a switchback as drawn, which nothing but the plan's seed
// decides; empty for other kinds.
func (p *ExperimentPlan) Schedule() (lift.Switchback, error) {
	if p.Switchback == nil {
		return lift.Switchback{}, nil
	}
	return lift.PlanSwitchback(p.Start, p.Days, p.Switchback.BlockDays, p.Switchback.Washout, p.Seed)
}

// ArmOn is what a switchback's campaign gets on a day; Treated outside the plan.
func (p *ExperimentPlan) ArmOn(d civil.Date) Arm {
	s, err := p.Schedule()
	if on, _, in := s.At(d); err == nil && in && !on {
		return Held
	}
	return Treated
}

// BudgetOn is the daily budget of a switchback on a day.
func (p *ExperimentPlan) BudgetOn(d civil.Date) money.Micros {
	if p.ArmOn(d) == Held {
		return p.Switchback.Off
	}
	return p.Switchback.On
}
