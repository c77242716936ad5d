// Package simulate plays a scenario of the simulated market under several
// policies and compares what they earn. Each policy has a market of its own made
// of the same scenario, and so the same luck. The policy adsteward is the real
// night over the real adapters against the emulated platforms; the others act on
// the market directly. What a market does belongs to package market, how a night
// decides to nightly and bidding: nothing here is to know either better, but for
// the oracles, whose point it is to know the truth.
package simulate

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"adsteward/internal/civil"
	"adsteward/internal/sandbox/market"
)

// Policy is a way to decide on budgets.
type Policy string

const (
	// Hold changes nothing.
	Hold Policy = "hold"
	// Rules is what most teams do; see rules.
	Rules Policy = "rules"
	// Adsteward is the product, auto-approved within its guardrails.
	Adsteward Policy = "adsteward"
	// Oracle knows the truth and keeps to adsteward's largest step and cool-down.
	Oracle Policy = "oracle"
	// OracleFree knows the truth and keeps to neither.
	OracleFree Policy = "oracle_free"
)

// Policies lists all policies.
func Policies() []Policy { return []Policy{Hold, Rules, Adsteward, Oracle, OracleFree} }

// Options say what is simulated.
type Options struct {
	Policies []Policy // to report, in this order; nil: all
	// Night is told each simulated night when it is over, one at a time; nil if
	// nobody listens. The policies that only serve for comparison are not told.
	Night func(Policy)
	Log   *slog.Logger // of the nights; nil is silent
}

// Report is one scenario's comparison.
type Report struct {
	Name     string   `json:"name"`
	Policies []Result `json:"policies"`
	Seconds  float64  `json:"seconds"`
}

// Result is what one policy came to over the nights from the scenario's start.
// Amounts are units of the scenario's currency.
type Result struct {
	Policy Policy `json:"policy"`
	// Profit is the expected one given the days' demand and spend, the later
	// margin of new customers in it; see market.Outcome.
	Profit float64 `json:"profit"`
	Spend  float64 `json:"spend"`
	// Revenue is that of the incremental orders, as drawn.
	Revenue float64 `json:"revenue"`
	// ShareOfOracle is (P - P_hold) / (P_oracle - P_hold), nil where the oracle
	// gains less than 0.5 % of |P_hold|; ShareOfOracleLast30 the same of the last
	// 30 nights.
	ShareOfOracle       *float64 `json:"share_of_oracle"`
	ShareOfOracleLast30 *float64 `json:"share_of_oracle_last_30"`
	Changes             int      `json:"changes"`    // of settings, by the policy
	Violations          int      `json:"violations"` // changes that break a guardrail; see Violation
	// WorstDayRegret is the most the oracle earned above the policy on one day.
	WorstDayRegret float64 `json:"worst_day_regret"`
	// IntervalCoverage80 is the share of adsteward's stated 80 % intervals that
	// held the outcome, nil where there were none; Intervals is their number.
	IntervalCoverage80 *float64 `json:"interval_coverage_80"`
	Intervals          int      `json:"intervals"`
	// FailedNights could not be finished, as where a platform's API was down.
	FailedNights int `json:"failed_nights"`
	// Breaches are adsteward's violations, each broken guardrail by itself.
	Breaches []Violation `json:"breaches,omitempty"`
}

// game is one policy's market, played to the end of the nights, and what there
// is to say of the playing.
type game struct {
	market    *market.Market
	intervals []interval
	stale     []Violation
	failed    int
}

// GCPercent suits a process that does nothing but simulate: what it keeps is small
// against what it makes and drops. It is the caller's to set, being the process's.
const GCPercent = 300

// Run simulates a scenario.
func Run(ctx context.Context, sc *market.Scenario, o Options) (Report, error) {
	began := time.Now()
	if o.Policies == nil {
		o.Policies = Policies()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	games, err := playAll(ctx, sc, o)
	if err != nil {
		return Report{}, err
	}
	rep := Report{Name: sc.Name, Policies: make([]Result, 0, len(o.Policies))}
	s := newScorer(games[Hold].market, games[Oracle].market)
	for _, p := range o.Policies {
		rep.Policies = append(rep.Policies, s.score(p, games[p]))
	}
	rep.Seconds = time.Since(began).Seconds()
	return rep, nil
}

// playAll plays the policies asked for and the two that all are compared with, side
// by side: each has its own market. The first that fails ends the others.
func playAll(ctx context.Context, sc *market.Scenario, o Options) (map[Policy]game, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if told := o.Night; told != nil {
		var one sync.Mutex
		o.Night = func(p Policy) {
			one.Lock()
			defer one.Unlock()
			told(p)
		}
	}
	policies := append(slices.Clone(o.Policies), Hold, Oracle)
	slices.Sort(policies)
	policies = slices.Compact(policies)
	played := make([]game, len(policies))
	var all sync.WaitGroup
	for i, p := range policies {
		all.Go(func() {
			g, err := play(ctx, sc, p, o)
			if err != nil {
				cancel(fmt.Errorf("%s: policy %s: %w", sc.Name, p, err)) // the first one's counts
			}
			played[i] = g
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	games := make(map[Policy]game, len(policies))
	for i, p := range policies {
		games[p] = played[i]
	}
	return games, nil
}

func play(ctx context.Context, sc *market.Scenario, p Policy, o Options) (game, error) {
	over := func() {
		if o.Night != nil && slices.Contains(o.Policies, p) {
			o.Night(p)
		}
	}
	switch p {
	case Hold:
		return playDirect(ctx, sc, func(*market.Market) error { return nil }, over)
	case Rules:
		return playDirect(ctx, sc, rules, over)
	case Oracle, OracleFree:
		return playDirect(ctx, sc, oracles(p == OracleFree), over)
	case Adsteward:
		return playSteward(ctx, sc, o.Log, over)
	}
	return game{}, fmt.Errorf("there is no policy %q; the policies are %v", p, Policies())
}

// playDirect plays a policy that sees and sets the market itself. What a night
// decides holds from its day on.
func playDirect(ctx context.Context, sc *market.Scenario, decide func(*market.Market) error, over func()) (game, error) {
	m, err := market.New(sc)
	if err != nil {
		return game{}, err
	}
	for day := sc.Start; day < end(sc); day++ {
		if err := ctx.Err(); err != nil {
			return game{}, err
		}
		m.AdvanceTo(day)
		if err := decide(m); err != nil {
			return game{}, err
		}
		over()
	}
	m.AdvanceTo(end(sc))
	return game{market: m}, nil
}

// end is the day after the last one that counts.
func end(sc *market.Scenario) civil.Date { return sc.Start.AddDays(sc.Nights) }
