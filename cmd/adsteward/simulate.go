package main

import (
	"cmp"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"slices"
	"text/tabwriter"

	"github.com/schollz/progressbar/v3"

	"adsteward/internal/sandbox/market"
	"adsteward/internal/simulate"
)

type simulateCmd struct {
	Scenarios []string `arg:"" name:"scenario" help:"Scenario files."`
	Policy    []string `help:"Which policies to report: hold, rules, adsteward, oracle, oracle_free; all where not given." enum:"hold,rules,adsteward,oracle,oracle_free" placeholder:"P,..."`
	Nights    *int     `help:"How many nights, instead of the scenario's." placeholder:"N"`
	JSON      bool     `name:"json" help:"One JSON object; an array for several scenarios."`
}

func (c *simulateCmd) Help() string {
	return "Example: adsteward simulate market.json --policy hold,rules,adsteward --nights 60. Shares compare a policy's gain over hold with the oracle's. What a scenario holds, with the defaults: docs/scenario.md."
}

func (c *simulateCmd) Run(e *env) error {
	if c.Nights != nil && (*c.Nights < 0 || *c.Nights > market.MostDays) {
		return usage("--nights %d is not between 0 and %d", *c.Nights, market.MostDays)
	}
	scenarios := make([]*market.Scenario, 0, len(c.Scenarios))
	for _, file := range c.Scenarios { // all are read before any is played
		sc, err := readWith(file, market.ReadScenario)
		if err != nil {
			return err
		}
		if c.Nights != nil {
			sc.Nights = *c.Nights
		}
		scenarios = append(scenarios, sc)
	}
	if os.Getenv("GOGC") == "" {
		defer debug.SetGCPercent(debug.SetGCPercent(simulate.GCPercent))
	}
	reports := make([]simulate.Report, 0, len(scenarios))
	for _, sc := range scenarios {
		r, err := c.simulate(e, sc)
		if err != nil {
			return err
		}
		if !c.JSON {
			printReport(e, r)
		}
		reports = append(reports, r)
	}
	switch {
	case !c.JSON:
		return nil
	case len(reports) == 1:
		return printJSON(e.stdout, reports[0])
	}
	return printJSON(e.stdout, reports)
}

func (c *simulateCmd) simulate(e *env, sc *market.Scenario) (simulate.Report, error) {
	var o simulate.Options
	if e.log.Enabled(e.ctx, slog.LevelInfo) { // a simulated night's warnings are nobody's worry
		o.Log = e.log
	}
	for _, p := range c.Policy {
		if !slices.Contains(o.Policies, simulate.Policy(p)) {
			o.Policies = append(o.Policies, simulate.Policy(p))
		}
	}
	if e.terminal() {
		policies := len(o.Policies)
		if policies == 0 {
			policies = len(simulate.Policies())
		}
		bar := progressbar.NewOptions(sc.Nights*policies, progressbar.OptionSetWriter(e.stderr), progressbar.OptionClearOnFinish(),
			progressbar.OptionSetDescription(sc.Name))
		defer func() { _ = bar.Finish() }() // drawing is not worth an error
		o.Night = func(simulate.Policy) { _ = bar.Add(1) }
	}
	return simulate.Run(e.ctx, sc, o)
}

func printReport(e *env, r simulate.Report) {
	fmt.Fprintf(e.stdout, "%s, %.1f s\n", cmp.Or(r.Name, "a scenario without a name"), r.Seconds)
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "policy\tprofit\tspend\trevenue\tof oracle\tlast 30\tchanges\tviolations\tworst day\tcoverage\t")
	for _, p := range r.Policies {
		fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.0f\t%s\t%s\t%d\t%d\t%.0f\t%s\t\n", p.Policy, p.Profit, p.Spend, p.Revenue,
			percent(p.ShareOfOracle), percent(p.ShareOfOracleLast30), p.Changes, p.Violations, p.WorstDayRegret, percent(p.IntervalCoverage80))
	}
	_ = w.Flush() // standard output keeps its errors
	for _, p := range r.Policies {
		if p.FailedNights > 0 {
			fmt.Fprintf(e.stdout, "%s: %d nights could not be finished\n", p.Policy, p.FailedNights)
		}
		for _, v := range p.Breaches {
			fmt.Fprintf(e.stdout, "%s: %s: %s of %s from %s to %s: %s\n", p.Policy, v.Date, v.Field, v.Key, v.Old.Decimal(), v.New.Decimal(), v.Why)
		}
	}
}

// percent writes a share; nil is one that has no meaning.
func percent(share *float64) string {
	if share == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100**share)
}
