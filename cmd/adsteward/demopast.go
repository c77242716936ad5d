package main

import (
	"fmt"
	"slices"

	"adsteward/bidding"
	"adsteward/internal/nightly"
	"adsteward/internal/platform"
	"adsteward/internal/sandbox"
	"adsteward/store"
)

// A new demo has a past, so that there is something to look back on: what came of a
// change is known three weeks later.

// pastNights are how many days before a new demo's first night earlier ones ran, whose
// changes of budgets, targets and bids were approved and pushed.
var pastNights = []int{34, 20}

func (c *demoCmd) runPast(e *env, a *app, sb *sandbox.Sandbox, clock *marketClock) (ran []oneNight, err error) {
	first := sb.Market().Today().AddDays(pastNights[0] + 1)
	for _, ago := range pastNights {
		night := oneNight{demoAccount, first.AddDays(-ago)}
		if err := c.runNight(e, a, sb, clock, night); err != nil {
			return nil, err
		}
		ran = append(ran, night)
		open, err := a.store.Proposals(e.ctx, store.Filter{States: []string{string(bidding.Proposed)}})
		if err != nil {
			return nil, err
		}
		var ids []string
		for _, p := range open {
			if f := platform.Field(p.Field); p.RunID == nightly.RunID(demoAccount, night.date) && f != platform.Excluded && !f.TellsWorth() {
				ids = append(ids, p.ProposalID)
			}
		}
		applied := 0
		for _, o := range slices.Concat(a.steward.ApproveWith(e.ctx, "demo", ids, "so that there is something to look back on"), a.steward.Apply(e.ctx, "demo", ids)) {
			if o.State == bidding.Applied {
				applied++
			}
			if o.Err != nil { // what is refused is no reason to have no demo
				fmt.Fprintf(e.stderr, "  %s\n", oneLine(named(o.ID, o.Err)))
			}
		}
		fmt.Fprintf(e.stderr, "  %d changes approved and pushed, to look back on\n", applied)
	}
	return ran, c.advance(sb, first.AddDays(-1))
}
